/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One tile of a matrix product, whatever its operands are made of: GEMM and the
 * convolutions say how to fetch a block of each.
 */
#ifndef DOJO_PRODUCT_H
#define DOJO_PRODUCT_H

#include "dojo_opcode.h"

#define DOJO_BLOCK	256	/* rows and columns, at most */

struct dojo_product;

/*
 * fetch_a: rows m0.. of A, elements k0..k0+kc-1, to dst[m * DOJO_GEMM_KC + k].
 * fetch_b: columns n0.. of B, the same k, to panels by dojo_product_put_row() or
 * dojo_product_put_columns().
 */
struct dojo_product_source {
	bool (*fetch_a)(struct dojo_ctx *ctx, struct dojo_product *t, uint64_t k0,
			size_t kc, float *dst);
	bool (*fetch_b)(struct dojo_ctx *ctx, struct dojo_product *t, uint64_t k0,
			size_t kc, float *dst);
};

struct dojo_product {
	const struct dojo_product_source *source;
	void *operands;			/* the source's own */
	uint64_t m0, n0, k;
	size_t m, n;			/* of the tile */
	bool integer;			/* sums are INT32, modulo 2^32 */
	float *sum;			/* row i begins at i * ld */
	size_t ld;
	float *row;			/* scratch for the source, DOJO_BLOCK_ROWS */
};

#define DOJO_BLOCK_ROWS	(16 * DOJO_BLOCK)

/* Tile sizes for a product of this shape; tiles are counted n fastest */
struct dojo_tiling {
	uint64_t m, n;		/* of a tile */
	uint64_t across, down;	/* tiles along n and m */
};

/* @visits: elements of A and B that a unit may fetch */
void dojo_tiling_choose(struct dojo_tiling *t, uint64_t m, uint64_t n, uint64_t k,
			uint64_t batches, uint64_t visits);
/* plan[0]: k, plan[1..2]: tile, plan[3..4]: tiles across and down; units */
void dojo_plan_product(struct dojo_op *op, uint64_t m, uint64_t n, uint64_t k,
		       uint64_t batches, uint64_t visits);
/* Tile @tile, 0 .. across * down - 1, of an @m x @n product */
void dojo_product_place(struct dojo_product *t, const struct dojo_op *op, uint64_t tile,
			uint64_t m, uint64_t n);

/* t->sum becomes the products of rows m0.. and columns n0.. */
bool dojo_product_run(struct dojo_ctx *ctx, struct dojo_product *t);

/* Row k of a block of B: t->n elements */
void dojo_product_put_row(struct dojo_ctx *ctx, const struct dojo_product *t, float *dst,
			  size_t k, const float *row);
/* Columns n.. of a block of B: gemm_tr pointers to kc elements each */
void dojo_product_put_columns(struct dojo_ctx *ctx, float *dst, size_t n,
			      const float *const *column, size_t kc);

/* alpha, bias, C and activation on one row of sums, and the store */
struct dojo_epilogue {
	float alpha;
	unsigned int activation;
	const float *bias;		/* one a column, or NULL */
	bool has_row_bias;		/* ... or one for the row */
	float row_bias;
};

void dojo_epilogue_row(struct dojo_ctx *ctx, const struct dojo_epilogue *e,
		       float *row, size_t n, const float *add);

/* Format whose peak rate the model clock uses */
unsigned int dojo_matrix_format(unsigned int a, unsigned int b);

#endif
