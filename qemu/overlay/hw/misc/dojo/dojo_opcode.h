/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between the decoder and the opcodes: what an opcode declares about its
 * packet, the checks that they share, and their entry points.
 */
#ifndef DOJO_OPCODE_H
#define DOJO_OPCODE_H

#include "dojo_access.h"
#include "dojo_op.h"

/* Limits that keep a unit of work bounded; driver/NUMERICS.md states them */
#define DOJO_MAX_ELEMENTS	(1ull << 40)	/* of an output */
#define DOJO_MAX_ROW		(1ull << 20)	/* softmax, norm, cross-entropy */
#define DOJO_MAX_SUM		(1ull << 24)	/* terms of one sum: K, reductions */
#define DOJO_MAX_FMA		(1ull << 60)	/* of a packet */

#define DOJO_UNIT_ELEMENTS	(1u << 18)	/* of elementwise work */
#define DOJO_UNIT_VISITS	(1ull << 24)
#define DOJO_CHUNK		2048		/* elements from load to store */

/* A packet while it is being checked */
struct dojo_check {
	struct dojo_op *op;
	const struct dojo_packet_compute *p;
	const struct dojo_op_limits *limits;
	struct dojo_fault_info *fault;
};

struct dojo_opcode_info {
	/* Operands: after the common checks. Sets units, flop, matrix_format */
	bool (*check)(struct dojo_check *c);
	bool (*run)(const struct dojo_op *op, uint64_t unit, struct dojo_ctx *ctx);

	uint16_t bytes;		/* of a packet that is not compute, else 0 */
	bool privileged;

	/* Compute: what may appear in the header */
	uint8_t fn_min, fn_max;
	uint8_t tensors_min, tensors_max;
	uint8_t f;		/* bit i: f[i] is used, and finite */
	uint8_t u;		/* bit i: u[i] is used */
	uint32_t op_flags;
	bool random;		/* seed and rng_base are used whatever the rounding */
};

#define DOJO_FIELD(member)	offsetof(struct dojo_packet_compute, member)
#define DOJO_FIELD_TENSOR(i, member)					\
	(sizeof(struct dojo_packet_compute) +				\
	 (size_t)(i) * sizeof(struct dojo_tensor) +			\
	 offsetof(struct dojo_tensor, member))
#define DOJO_FIELD_DIM(i, d)	(DOJO_FIELD_TENSOR(i, dim) + 4 * (size_t)(d))
#define DOJO_FIELD_STRIDE(i, d)	(DOJO_FIELD_TENSOR(i, stride) + 8 * (size_t)(d))

/* Always false; packet faults are FIELD unless said otherwise */
bool dojo_reject(struct dojo_check *c, size_t field);

/* Number of tensors must be this one */
bool dojo_check_tensors(struct dojo_check *c, unsigned int n);
/* Extents of tensor @i are those given */
bool dojo_check_dims(struct dojo_check *c, unsigned int i, uint64_t d0,
		     uint64_t d1, uint64_t d2, uint64_t d3);
/* ... or those of tensor @like */
bool dojo_check_same_dims(struct dojo_check *c, unsigned int i, unsigned int like);
bool dojo_check_format(struct dojo_check *c, unsigned int i, unsigned int format);
/*
 * Tensor @i is written: elements are distinct, at most DOJO_MAX_ELEMENTS, and
 * if it is dense it does not overlap a dense input other than exactly. @inplace:
 * bit j if it may be tensor j, element for element.
 */
bool dojo_check_output(struct dojo_check *c, unsigned int i, unsigned int inplace);
/* Adds operand @i to the bytes read or written */
void dojo_count_read(struct dojo_check *c, unsigned int i);
void dojo_count_write(struct dojo_check *c, unsigned int i);

/*
 * Output @i, when it is a large one and no input lies there: it will have left the caches
 * before anybody reads it, and is written past them.
 */
void dojo_check_stream(struct dojo_check *c, unsigned int i);

uint64_t dojo_elements(const struct dojo_tensor *t);

static inline const struct dojo_packet_compute *dojo_compute(const struct dojo_op *op)
{
	return (const struct dojo_packet_compute *)(const void *)op->packet.words;
}

static inline struct dojo_rounding dojo_rounding_of(const struct dojo_packet_compute *p)
{
	return (struct dojo_rounding){
		.mode = p->round,
		.seed = p->seed,
		.index = p->rng_base,
	};
}

static inline float dojo_param(const struct dojo_packet_compute *p, int i)
{
	return dojo_bits_f32(p->f[i]);
}

/* Pieces of a range of elements: how large, so that threads share it well */
uint64_t dojo_unit_elements(uint64_t total);

/*
 * Work in a row of alike items (elements, rows, outputs): plan[0] of them,
 * plan[1] a unit. Adds to units; flop is the caller's.
 */
void dojo_plan_items(struct dojo_op *op, uint64_t items, uint64_t unit);
/* Rows along dim 0 of tensor @i, of at most DOJO_MAX_ROW elements */
bool dojo_plan_rows(struct dojo_check *c, unsigned int i, unsigned int weight);

struct dojo_range {
	uint64_t first, last;
};

static inline struct dojo_range dojo_unit_range(const struct dojo_op *op, uint64_t unit)
{
	uint64_t first = unit * op->plan[1], last = first + op->plan[1];

	return (struct dojo_range){
		.first = first,
		.last = last < op->plan[0] ? last : op->plan[0],
	};
}

static inline size_t dojo_chunk(uint64_t i, uint64_t last)
{
	return last - i < DOJO_CHUNK ? (size_t)(last - i) : DOJO_CHUNK;
}

static inline void dojo_cursor_of(struct dojo_cursor *c, const struct dojo_tensor *t)
{
	struct dojo_view v;

	dojo_view_init(&v, t);
	dojo_cursor_init(c, &v);
}

bool dojo_check_copy(struct dojo_check *c);
bool dojo_check_copy_nd(struct dojo_check *c);
bool dojo_check_fill(struct dojo_check *c);
bool dojo_check_segments(struct dojo_check *c);
bool dojo_run_copy(const struct dojo_op *op, uint64_t unit, struct dojo_ctx *ctx);
bool dojo_run_copy_nd(const struct dojo_op *op, uint64_t unit, struct dojo_ctx *ctx);
bool dojo_run_fill(const struct dojo_op *op, uint64_t unit, struct dojo_ctx *ctx);
bool dojo_run_segments(const struct dojo_op *op, uint64_t unit, struct dojo_ctx *ctx);
bool dojo_prepare_segments(struct dojo_op *op, struct dojo_ctx *ctx);

#define DOJO_DECLARE(name)						\
	bool dojo_check_##name(struct dojo_check *c);			\
	bool dojo_run_##name(const struct dojo_op *op, uint64_t unit,	\
			     struct dojo_ctx *ctx)

DOJO_DECLARE(gemm);
DOJO_DECLARE(unary);
DOJO_DECLARE(binary);
DOJO_DECLARE(convert);
DOJO_DECLARE(dropout);
DOJO_DECLARE(reduce);
DOJO_DECLARE(softmax);
DOJO_DECLARE(softmax_grad);
DOJO_DECLARE(cross_entropy);
DOJO_DECLARE(norm);
DOJO_DECLARE(norm_grad);
DOJO_DECLARE(rope);
DOJO_DECLARE(gather);
DOJO_DECLARE(scatter);
DOJO_DECLARE(conv2d);
DOJO_DECLARE(conv2d_grad_input);
DOJO_DECLARE(conv2d_grad_weight);
DOJO_DECLARE(pool);
DOJO_DECLARE(pool_grad);
DOJO_DECLARE(sgd);
DOJO_DECLARE(adamw);
DOJO_DECLARE(all_reduce);
DOJO_DECLARE(multicast);

#endif
