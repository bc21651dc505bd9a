/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TAP, a small random generator, and packets run on memory of the test's own */
#ifndef TEST_H
#define TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dojo_kernels.h"
#include "dojo_op.h"
#include "memory.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

void test_ok(bool ok, const char *format, ...) __attribute__((format(printf, 2, 3)));
void test_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Prints the plan; what main() returns */
int test_end(void);

/* Selects the instruction sets of the host in turn, and names them; NULL after the last */
const char *test_isa_first(void);
const char *test_isa_next(void);

uint64_t test_random(void);
uint32_t test_below(uint32_t n);	/* 0..n-1 */
void test_seed(uint64_t seed);
/* FP32 of moderate size, with zeros; or any bits at all */
float test_float(void);
float test_any_float(void);

/* Everything allowed */
extern const struct dojo_op_limits test_limits;

/* A compute packet under construction */
struct test_packet {
	struct dojo_op op;
	struct dojo_packet_compute *p;
};

void test_packet_init(struct test_packet *t, unsigned int opcode, unsigned int fn);
/* Tensor of these extents, contiguous; returns its index */
int test_add(struct test_packet *t, uint64_t va, unsigned int format, unsigned int bias,
	     uint32_t d0, uint32_t d1, uint32_t d2, uint32_t d3);
void test_set_f(struct test_packet *t, int i, float x);

/* Decode, and run all units in a scrambled order; false and a fault */
bool test_run(struct test_packet *t, struct test_memory *mem, struct dojo_flags *flags,
	      struct dojo_fault_info *fault);
/* Decode must fail for this reason at this field */
bool test_rejects(struct test_packet *t, uint32_t reason, size_t field);

/* Counts of flags in words; @which of two buffers */
const char *test_flags(const struct dojo_flags *flags, int which);

uint32_t test_bits(float x);
float test_from_bits(uint32_t u);

#endif
