/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One packet against its definition: operands are placed at random, results are
 * worked out on plain arrays in logical order, and all of memory must then be
 * what the definition says, on every instruction set and however it is mapped.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include "reference.h"
#include "test.h"

struct operand {
	uint64_t count;
	float *x;		/* as read, in logical order */
	uint32_t *code;
	struct ref_format format;
};

struct harness {
	struct test_packet t;
	struct test_memory mem;
	struct operand o[DOJO_TENSOR_MAX];
	uint8_t *image;		/* of memory as it must be afterwards */
	uint8_t *before;
	struct dojo_flags flags;	/* as they must be */
	bool ok;
	char what[200];
};

enum placing {
	PLACE_DENSE,		/* contiguous, dim 0 first */
	PLACE_ANY,		/* dims in any order, with gaps */
	PLACE_BROADCAST,	/* ... and some with stride 0 */
};

void harness_init(struct harness *h, uint64_t bytes);
void harness_fini(struct harness *h);

/* A new packet; memory is emptied */
void harness_packet(struct harness *h, unsigned int opcode, unsigned int fn);
/* Adds a tensor with contents; returns its index */
int harness_add(struct harness *h, unsigned int format, unsigned int bias, enum placing placing,
		uint32_t d0, uint32_t d1, uint32_t d2, uint32_t d3);
/* Adds a tensor that is tensor @like, in place */
int harness_alias(struct harness *h, int like);
/* Contents of the next tensors: scale of the numbers, and whether any bits may occur */
extern float harness_scale;
extern bool harness_wild;

/* Element of operand @i */
static inline uint64_t harness_index(const struct dojo_tensor *t, uint64_t i0, uint64_t i1,
				     uint64_t i2, uint64_t i3)
{
	return ((i3 * t->dim[2] + i2) * t->dim[1] + i1) * t->dim[0] + i0;
}

/* After the operands: what tensor @i must hold, before it is rounded ... */
void harness_expect(struct harness *h, int i, const float *y);
/* ... or the codes themselves */
void harness_expect_codes(struct harness *h, int i, const uint32_t *code);
/* Sets an integer operand's contents */
void harness_set_ints(struct harness *h, int i, const int32_t *v);

/* What memory holds now */
float harness_read(struct harness *h, int i, uint64_t element);

/* Runs everywhere; false if anything differs */
bool harness_run(struct harness *h);
/* The run must fault at this field of the packet, when it is run */
bool harness_faults(struct harness *h, uint32_t reason, size_t field);

/* A format for a floating-point operand, and a bias that suits it */
unsigned int harness_format(unsigned int *bias);

#endif
