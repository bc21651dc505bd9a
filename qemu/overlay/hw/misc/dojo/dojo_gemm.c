/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GEMM: D = act(alpha * A x B + bias + C), in tiles with all of k */
#include "dojo_fp.h"
#include "dojo_product.h"

enum { T_A, T_B, T_D, T_BIAS };

/* One matrix of a batch: element (row, column) of what the product sees */
struct matrix {
	struct dojo_view view;
	uint64_t row, column;	/* strides */
};

struct gemm {
	struct matrix a, b;
};

static void matrix_init(struct matrix *m, const struct dojo_tensor *t, bool transposed)
{
	dojo_view_init(&m->view, t);
	m->row = t->stride[transposed ? 0 : 1];
	m->column = t->stride[transposed ? 1 : 0];
}

static uint64_t matrix_va(const struct matrix *m, uint64_t row, uint64_t column)
{
	return m->view.va + ((row * m->row + column * m->column) << m->view.shift);
}

/* Rows are contiguous along k, or the block is fetched by columns and turned */
static bool fetch_a(struct dojo_ctx *ctx, struct dojo_product *t, uint64_t k0, size_t kc,
		    float *dst)
{
	const struct matrix *a = &((const struct gemm *)t->operands)->a;
	size_t width = ctx->k->gemm_tr;
	const float *row[16];

	if (a->column == 1 || a->row != 1 || t->m == 1) {
		for (size_t i = 0; i < t->m; i++)
			if (!dojo_load_into(ctx, &a->view, matrix_va(a, t->m0 + i, k0),
					    a->column, kc, dst + i * DOJO_GEMM_KC))
				return false;
		return true;
	}
	for (size_t k = 0; k < kc; k += width) {
		for (size_t j = 0; j < width; j++) {
			/* Past the end: any readable row, its result is not used */
			size_t l = k + j < kc ? j : 0;

			row[j] = l != j ? row[0] :
				dojo_load(ctx, &a->view, matrix_va(a, t->m0, k0 + k + j),
					  1, t->m, t->row + j * DOJO_BLOCK);
			if (!row[j])
				return false;
		}
		ctx->k->transpose(dst + k, DOJO_GEMM_KC, row, t->m);
	}
	return true;
}

static bool fetch_b(struct dojo_ctx *ctx, struct dojo_product *t, uint64_t k0, size_t kc,
		    float *dst)
{
	const struct matrix *b = &((const struct gemm *)t->operands)->b;
	size_t width = ctx->k->gemm_tr;
	const float *column[16];

	if (b->column == 1 || b->row != 1 || t->n == 1) {
		for (size_t k = 0; k < kc; k++) {
			const float *row = dojo_load(ctx, &b->view,
						     matrix_va(b, k0 + k, t->n0),
						     b->column, t->n, t->row);

			if (!row)
				return false;
			dojo_product_put_row(ctx, t, dst, k, row);
		}
		return true;
	}
	/* To the end of the last panel: sums past the tile are made, not used */
	for (size_t n = 0; n < t->ld; n += width) {
		for (size_t j = 0; j < width; j++) {
			if (n + j >= t->n) {
				column[j] = column[0];
				continue;
			}
			column[j] = dojo_load(ctx, &b->view,
					      matrix_va(b, k0, t->n0 + n + j), 1, kc,
					      t->row + j * DOJO_BLOCK);
			if (!column[j])
				return false;
		}
		dojo_product_put_columns(ctx, dst, n, column, kc);
	}
	return true;
}

static const struct dojo_product_source source = {
	.fetch_a = fetch_a,
	.fetch_b = fetch_b,
};

static bool is_integer(const struct dojo_packet_compute *p)
{
	return p->tensor[T_A].format == DOJO_FORMAT_INT8 &&
	       p->tensor[T_B].format == DOJO_FORMAT_INT8;
}

/*
 * INT8 x INT8 to INT32 stays in integers: no factor, no activation but RELU,
 * bias and C in INT32 too.
 */
static bool check_integer(struct dojo_check *c, unsigned int add)
{
	const struct dojo_packet_compute *p = c->p;
	unsigned int d = p->tensor[T_D].format;

	if (d != DOJO_FORMAT_INT32 && d != DOJO_FORMAT_FP32)
		return dojo_reject(c, DOJO_FIELD_TENSOR(T_D, format));
	if (d == DOJO_FORMAT_FP32)
		return true;
	if (dojo_param(p, 0) != 1.0f)
		return dojo_reject(c, DOJO_FIELD(f[0]));
	if (p->fn > DOJO_ACT_RELU)
		return dojo_reject(c, DOJO_FIELD(fn));
	if (p->op_flags & DOJO_GEMM_BIAS &&
	    !dojo_check_format(c, T_BIAS, DOJO_FORMAT_INT32))
		return false;
	return !(p->op_flags & DOJO_GEMM_ADD) ||
	       dojo_check_format(c, add, DOJO_FORMAT_INT32);
}

bool dojo_check_gemm(struct dojo_check *c)
{
	const struct dojo_packet_compute *p = c->p;
	const struct dojo_tensor *a = &p->tensor[T_A], *b = &p->tensor[T_B];
	const struct dojo_tensor *d = &p->tensor[T_D];
	bool ta = p->op_flags & DOJO_GEMM_TRANS_A, tb = p->op_flags & DOJO_GEMM_TRANS_B;
	bool bias = p->op_flags & DOJO_GEMM_BIAS, add = p->op_flags & DOJO_GEMM_ADD;
	unsigned int t_add = bias ? T_BIAS + 1 : T_BIAS;
	uint64_t k = a->dim[ta ? 1 : 0], m = a->dim[ta ? 0 : 1];
	uint64_t n = b->dim[tb ? 1 : 0], outputs;
	struct dojo_op *op = c->op;

	if (!dojo_check_tensors(c, 3u + bias + add))
		return false;
	if (k > DOJO_MAX_SUM)
		return dojo_reject(c, DOJO_FIELD_DIM(T_A, ta ? 1 : 0));
	if (b->dim[tb ? 0 : 1] != k)
		return dojo_reject(c, DOJO_FIELD_DIM(T_B, tb ? 0 : 1));
	if (!dojo_check_dims(c, T_D, n, m, d->dim[2], d->dim[3]))
		return false;
	for (unsigned int i = 2; i < 4; i++) {
		if (d->dim[i] % a->dim[i])
			return dojo_reject(c, DOJO_FIELD_DIM(T_A, i));
		if (d->dim[i] % b->dim[i])
			return dojo_reject(c, DOJO_FIELD_DIM(T_B, i));
	}
	if (bias && !dojo_check_dims(c, T_BIAS, n, 1, 1, 1))
		return false;
	if (add && !dojo_check_same_dims(c, t_add, T_D))
		return false;
	if (is_integer(p) && !check_integer(c, t_add))
		return false;
	if (!dojo_check_output(c, T_D, add ? 1u << t_add : 0))
		return false;
	outputs = dojo_elements(d);
	if (outputs > DOJO_MAX_FMA / k)
		return dojo_reject(c, DOJO_FIELD_DIM(T_A, ta ? 1 : 0));

	for (unsigned int i = 0; i < p->tensors; i++)
		if (i != T_D)
			dojo_count_read(c, i);
	dojo_count_write(c, T_D);
	dojo_plan_product(op, m, n, k, (uint64_t)d->dim[2] * d->dim[3], DOJO_UNIT_VISITS);
	op->flop = 2 * k * outputs;
	op->matrix_format = dojo_matrix_format(a->format, b->format);
	return true;
}

/* Moves to the matrix that index @i3, @i2 of D uses */
static void select_batch(struct matrix *m, const struct dojo_tensor *d, uint64_t i2,
			 uint64_t i3)
{
	const uint64_t *dim = m->view.dim;

	m->view.va = dojo_view_va(&m->view, 0, 0, i2 * dim[2] / d->dim[2],
				  i3 * dim[3] / d->dim[3]);
}

/* Integers to the end: the sums are in the place of the floats */
static bool store_integers(struct dojo_ctx *ctx, const struct dojo_packet_compute *p,
			   const struct dojo_view *d, const struct dojo_view *add,
			   const int32_t *bias, uint64_t va, uint64_t add_va,
			   size_t n, uint32_t *row, float *buf)
{
	uint32_t *c = (uint32_t *)(void *)buf;

	if (add && !dojo_load_codes(ctx, add, add_va, add->stride[0], n, c))
		return false;
	for (size_t j = 0; j < n; j++) {
		if (bias)
			row[j] += (uint32_t)bias[j];
		if (add)
			row[j] += c[j];
		if (p->fn == DOJO_ACT_RELU && (int32_t)row[j] < 0)
			row[j] = 0;
	}
	return dojo_store_codes(ctx, d, va, d->stride[0], n, row);
}

bool dojo_run_gemm(const struct dojo_op *op, uint64_t unit, struct dojo_ctx *ctx)
{
	const struct dojo_packet_compute *p = dojo_compute(op);
	const struct dojo_tensor *td = &p->tensor[T_D];
	bool has_bias = p->op_flags & DOJO_GEMM_BIAS;
	bool has_add = p->op_flags & DOJO_GEMM_ADD;
	bool integer = is_integer(p), to_int = td->format == DOJO_FORMAT_INT32;
	uint64_t tiles = op->plan[3] * op->plan[4];
	uint64_t batch = unit / tiles, i2 = batch % td->dim[2], i3 = batch / td->dim[2];
	struct dojo_rounding rounding = dojo_rounding_of(p);
	struct dojo_epilogue e = { .alpha = dojo_param(p, 0), .activation = p->fn };
	struct dojo_view d, c, bias;
	struct gemm g;
	struct dojo_product t = {
		.source = &source,
		.operands = &g,
		.integer = integer,
	};
	float *bias_row = dojo_scratch(ctx, DOJO_BLOCK * sizeof(float));
	float *add_row = dojo_scratch(ctx, DOJO_BLOCK * sizeof(float));

	dojo_product_place(&t, op, unit % tiles, td->dim[1], td->dim[0]);
	matrix_init(&g.a, &p->tensor[T_A], p->op_flags & DOJO_GEMM_TRANS_A);
	matrix_init(&g.b, &p->tensor[T_B], p->op_flags & DOJO_GEMM_TRANS_B);
	select_batch(&g.a, td, i2, i3);
	select_batch(&g.b, td, i2, i3);
	dojo_view_init(&d, td);
	if (has_add)
		dojo_view_init(&c, &p->tensor[has_bias ? T_BIAS + 1 : T_BIAS]);
	if (has_bias) {
		uint64_t va;

		dojo_view_init(&bias, &p->tensor[T_BIAS]);
		va = dojo_view_va(&bias, t.n0, 0, 0, 0);
		if (integer && to_int ?
		    !dojo_load_codes(ctx, &bias, va, bias.stride[0], t.n, bias_row) :
		    !dojo_load_into(ctx, &bias, va, bias.stride[0], t.n, bias_row))
			return false;
		e.bias = bias_row;
	}

	if (!dojo_product_run(ctx, &t))
		return false;

	for (size_t i = 0; i < t.m; i++) {
		uint64_t va = dojo_view_va(&d, t.n0, t.m0 + i, i2, i3), add_va = 0;
		float *row = t.sum + i * t.ld;
		const float *add = NULL;

		if (has_add)
			add_va = dojo_view_va(&c, t.n0, t.m0 + i, i2, i3);
		if (integer && to_int) {
			if (!store_integers(ctx, p, &d, has_add ? &c : NULL,
					    has_bias ? (int32_t *)(void *)bias_row : NULL,
					    va, add_va, t.n, (uint32_t *)(void *)row,
					    add_row))
				return false;
			continue;
		}
		if (integer)
			ctx->k->decode(row, row, t.n, DOJO_FORMAT_INT32, 0);
		if (has_add) {
			add = dojo_load(ctx, &c, add_va, c.stride[0], t.n, add_row);
			if (!add)
				return false;
		}
		dojo_epilogue_row(ctx, &e, row, t.n, add);
		rounding.index = p->rng_base + (batch * td->dim[1] + t.m0 + i) * td->dim[0] +
				 t.n0;
		if (!dojo_store(ctx, &d, va, d.stride[0], t.n, row, &rounding))
			return false;
	}
	return true;
}
