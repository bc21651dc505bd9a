/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dojo_fp.h"
#include "dojo_product.h"

#define KC	DOJO_GEMM_KC

/* A unit of a tile: about 3 ms with AVX-512 */
#define UNIT_FMA	(1ull << 28)
/* Below this, more units do not make more parallel */
#define UNIT_FMA_MIN	(1ull << 21)

static uint64_t div_up(uint64_t a, uint64_t b)
{
	return a / b + (a % b != 0);
}

void dojo_tiling_choose(struct dojo_tiling *t, uint64_t m, uint64_t n, uint64_t k,
			uint64_t batches, uint64_t visits)
{
	/* fmaf() in software is some hundred times slower */
	uint64_t most = dojo_kernels_get()->fast_fma ? UNIT_FMA : UNIT_FMA >> 6;

	/*
	 * Small tiles spend their time on fetching: they are made smaller than
	 * this only where a unit would not be bounded otherwise.
	 */
	const uint64_t enough = 64;
	bool split;

	t->m = m < DOJO_BLOCK ? m : DOJO_BLOCK;
	t->n = n < DOJO_BLOCK ? n : DOJO_BLOCK;
	for (;;) {
		uint64_t work = t->m * t->n * k;

		t->across = div_up(n, t->n);
		t->down = div_up(m, t->m);
		if (work > most || (t->m + t->n) * k > visits)
			split = t->m > 1 || t->n > 1;
		else
			split = work > UNIT_FMA_MIN && (t->m > enough || t->n > enough) &&
				t->across * t->down < 16 &&
				t->across * t->down * batches < 16;
		if (!split)
			return;
		if (t->m >= t->n)
			t->m = div_up(t->m, 2);
		else
			t->n = div_up(t->n, 2);
	}
}

void dojo_plan_product(struct dojo_op *op, uint64_t m, uint64_t n, uint64_t k,
		       uint64_t batches, uint64_t visits)
{
	struct dojo_tiling tiling;

	dojo_tiling_choose(&tiling, m, n, k, batches, visits);
	op->plan[0] = k;
	op->plan[1] = tiling.m;
	op->plan[2] = tiling.n;
	op->plan[3] = tiling.across;
	op->plan[4] = tiling.down;
	op->units = tiling.across * tiling.down * batches;
}

void dojo_product_place(struct dojo_product *t, const struct dojo_op *op, uint64_t tile,
			uint64_t m, uint64_t n)
{
	t->k = op->plan[0];
	t->m0 = tile / op->plan[3] * op->plan[1];
	t->n0 = tile % op->plan[3] * op->plan[2];
	t->m = m - t->m0 < op->plan[1] ? m - t->m0 : op->plan[1];
	t->n = n - t->n0 < op->plan[2] ? n - t->n0 : op->plan[2];
}

void dojo_product_put_row(struct dojo_ctx *ctx, const struct dojo_product *t, float *dst,
			  size_t k, const float *row)
{
	ctx->k->spread(dst + k * ctx->k->gemm_nr, KC * ctx->k->gemm_nr, row, t->n);
}

void dojo_product_put_columns(struct dojo_ctx *ctx, float *dst, size_t n,
			      const float *const *column, size_t kc)
{
	size_t nr = ctx->k->gemm_nr;

	ctx->k->transpose(dst + n / nr * KC * nr + n % nr, nr, column, kc);
}

static void add_integers(float *sum, const float *block, size_t n)
{
	uint32_t *s = (uint32_t *)(void *)sum;

	/* Block sums are integers below 2^24: exact */
	for (size_t i = 0; i < n; i++)
		s[i] += (uint32_t)(int32_t)block[i];
}

bool dojo_product_run(struct dojo_ctx *ctx, struct dojo_product *t)
{
	const struct dojo_kernels *kernel = ctx->k;
	size_t nr = kernel->gemm_nr, columns = (t->n + nr - 1) / nr * nr;
	size_t size = t->m * columns;
	float *a, *b, *block;

	t->ld = columns;
	t->sum = dojo_scratch(ctx, size * sizeof(float));
	memset(t->sum, 0, size * sizeof(float));
	block = t->integer ? dojo_scratch(ctx, size * sizeof(float)) : t->sum;
	a = dojo_scratch(ctx, t->m * KC * sizeof(float));
	b = dojo_scratch(ctx, columns * KC * sizeof(float));
	t->row = dojo_scratch(ctx, DOJO_BLOCK_ROWS * sizeof(float));

	for (uint64_t k0 = 0; k0 < t->k; k0 += KC) {
		size_t kc = t->k - k0 < KC ? (size_t)(t->k - k0) : KC;

		if (!t->source->fetch_a(ctx, t, k0, kc, a) ||
		    !t->source->fetch_b(ctx, t, k0, kc, b))
			return false;
		if (t->integer)
			memset(block, 0, size * sizeof(float));
		for (size_t j = 0; j < columns; j += nr)
			kernel->gemm(block + j, columns, a, b + j * KC, kc,
				     (unsigned int)t->m);
		if (t->integer)
			add_integers(t->sum, block, size);
	}
	return true;
}

void dojo_epilogue_row(struct dojo_ctx *ctx, const struct dojo_epilogue *e,
		       float *row, size_t n, const float *add)
{
	if (e->alpha != 1.0f)
		ctx->k->scale(row, row, n, e->alpha);
	if (e->bias)
		ctx->k->binary(row, row, e->bias, n, DOJO_BINARY_ADD, 0, 0);
	if (e->has_row_bias)
		ctx->k->unary(row, row, n, DOJO_UNARY_SCALE, 1.0f, e->row_bias);
	if (add)
		ctx->k->binary(row, row, add, n, DOJO_BINARY_ADD, 0, 0);
	if (e->activation != DOJO_ACT_NONE)
		ctx->k->unary(row, row, n, e->activation, 0, 0);
	else
		ctx->k->canon(row, n);
}

static unsigned int rank(unsigned int format)
{
	switch (format) {
	case DOJO_FORMAT_FP32:
	case DOJO_FORMAT_INT32:
		return 3;
	case DOJO_FORMAT_INT8:
		return 0;
	case DOJO_FORMAT_CFLOAT8_143:
	case DOJO_FORMAT_CFLOAT8_152:
		return 1;
	default:
		return 2;
	}
}

unsigned int dojo_matrix_format(unsigned int a, unsigned int b)
{
	return rank(a) >= rank(b) ? a : b;
}
