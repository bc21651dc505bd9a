/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SOFTMAX, its gradient, and CROSS_ENTROPY: row by row along dim 0 */
#include "dojo_fp.h"
#include "dojo_opcode.h"

bool dojo_check_softmax(struct dojo_check *c)
{
	const struct dojo_packet_compute *p = c->p;
	bool mask = p->op_flags & DOJO_SOFTMAX_MASK;

	if (!dojo_check_tensors(c, mask ? 3 : 2))
		return false;
	if (p->u[0] && !(p->op_flags & DOJO_SOFTMAX_CAUSAL))
		return dojo_reject(c, DOJO_FIELD(u[0]));
	if (!dojo_check_same_dims(c, 0, 1) ||
	    (mask && !dojo_check_same_dims(c, 2, 1)) ||
	    !dojo_check_output(c, 1, 1 << 0))
		return false;
	dojo_count_read(c, 0);
	dojo_count_write(c, 1);
	if (mask)
		dojo_count_read(c, 2);
	return dojo_plan_rows(c, 1, 20);
}

struct softmax {
	const struct dojo_packet_compute *p;
	struct dojo_cursor x, y, mask;
	size_t len;
	float *rows, *xb, *mb;
};

/* What the exponential is taken of, for @rows rows from @r on */
static bool softmax_arguments(struct dojo_ctx *ctx, struct softmax *s, uint64_t r, uint64_t rows)
{
	const struct dojo_packet_compute *p = s->p;
	size_t total = (size_t)rows * s->len;

	for (size_t i = 0, n; i < total; i += n) {
		const float *xs, *ms;

		n = dojo_chunk(i, total);
		xs = dojo_cursor_load(ctx, &s->x, r * s->len + i, n, s->xb);
		if (!xs)
			return false;
		if (!(p->op_flags & DOJO_SOFTMAX_MASK)) {
			ctx->k->scale(s->rows + i, xs, n, dojo_param(p, 0));
			continue;
		}
		ms = dojo_cursor_load(ctx, &s->mask, r * s->len + i, n, s->mb);
		if (!ms)
			return false;
		ctx->k->binary(s->rows + i, xs, ms, n, DOJO_BINARY_AXPBY, dojo_param(p, 0), 1.0f);
	}
	if (!(p->op_flags & DOJO_SOFTMAX_CAUSAL))
		return true;
	for (uint64_t j = 0; j < rows; j++) {
		uint64_t live = (r + j) % p->tensor[1].dim[1] + p->u[0] + 1ull;

		for (uint64_t i = live; i < s->len; i++)
			s->rows[j * s->len + i] = -__builtin_inff();
	}
	return true;
}

/* Short rows are loaded and stored several at a time */
bool dojo_run_softmax(const struct dojo_op *op, uint64_t unit, struct dojo_ctx *ctx)
{
	const struct dojo_packet_compute *p = dojo_compute(op);
	const struct dojo_rounding rounding = dojo_rounding_of(p);
	const struct dojo_range range = dojo_unit_range(op, unit);
	struct softmax s = {
		.p = p,
		.len = p->tensor[1].dim[0],
		.rows = dojo_scratch(ctx, DOJO_MAX_ROW * sizeof(float)),
		.xb = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float)),
		.mb = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float)),
	};
	uint64_t most = s.len < DOJO_CHUNK ? DOJO_CHUNK / s.len : 1;

	dojo_cursor_of(&s.x, &p->tensor[0]);
	dojo_cursor_of(&s.y, &p->tensor[1]);
	if (p->op_flags & DOJO_SOFTMAX_MASK)
		dojo_cursor_of(&s.mask, &p->tensor[2]);

	for (uint64_t r = range.first, n; r < range.last; r += n) {
		n = range.last - r < most ? range.last - r : most;
		if (!softmax_arguments(ctx, &s, r, n))
			return false;
		for (uint64_t j = 0; j < n; j++) {
			float lanes[DOJO_LANES] = {}, *row = s.rows + j * s.len;

			ctx->k->exp_sum(lanes, row, row, s.len, ctx->k->max(row, s.len));
			ctx->k->scale(row, row, s.len, 1.0f / dojo_lanes_sum(lanes));
		}
		if (!dojo_cursor_store(ctx, &s.y, r * s.len, (size_t)n * s.len, s.rows, &rounding))
			return false;
	}
	return true;
}

bool dojo_check_softmax_grad(struct dojo_check *c)
{
	if (!dojo_check_same_dims(c, 0, 2) || !dojo_check_same_dims(c, 1, 2) ||
	    !dojo_check_output(c, 2, 1 << 0 | 1 << 1))
		return false;
	dojo_count_read(c, 0);
	dojo_count_read(c, 1);
	dojo_count_write(c, 2);
	return dojo_plan_rows(c, 2, 5);
}

bool dojo_run_softmax_grad(const struct dojo_op *op, uint64_t unit, struct dojo_ctx *ctx)
{
	const struct dojo_packet_compute *p = dojo_compute(op);
	const struct dojo_rounding rounding = dojo_rounding_of(p);
	const struct dojo_range range = dojo_unit_range(op, unit);
	const size_t len = p->tensor[2].dim[0];
	float *db = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float));
	float *sb = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float));
	float *out = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float));
	struct dojo_cursor dy, y, dx;

	dojo_cursor_of(&dy, &p->tensor[0]);
	dojo_cursor_of(&y, &p->tensor[1]);
	dojo_cursor_of(&dx, &p->tensor[2]);

	for (uint64_t r = range.first; r < range.last; r++) {
		float lanes[DOJO_LANES] = {};
		float dot = 0;

		/* First the product of the rows, then the result of each chunk */
		for (int pass = 0; pass < 2; pass++) {
			for (size_t i = 0, n; i < len; i += n) {
				const float *d, *s;

				n = len - i < DOJO_CHUNK ? len - i : DOJO_CHUNK;
				d = dojo_cursor_load(ctx, &dy, r * len + i, n, db);
				if (!d)
					return false;
				s = dojo_cursor_load(ctx, &y, r * len + i, n, sb);
				if (!s)
					return false;
				if (!pass) {
					ctx->k->sum_product(lanes, d, s, n);
					continue;
				}
				ctx->k->softmax_grad(out, d, s, n, dot, dojo_param(p, 0));
				if (!dojo_cursor_store(ctx, &dx, r * len + i, n, out,
						       &rounding))
					return false;
			}
			dot = dojo_lanes_sum(lanes);
		}
	}
	return true;
}

bool dojo_check_cross_entropy(struct dojo_check *c)
{
	const struct dojo_packet_compute *p = c->p;
	const struct dojo_tensor *x = &p->tensor[0];
	bool grad = p->op_flags & DOJO_CROSS_ENTROPY_GRAD;

	if (!dojo_check_tensors(c, grad ? 4 : 3))
		return false;
	if (!grad && p->f[0])
		return dojo_reject(c, DOJO_FIELD(f[0]));
	if (!dojo_check_dims(c, 0, x->dim[0], x->dim[1], 1, 1) ||
	    !dojo_check_format(c, 1, DOJO_FORMAT_INT32) ||
	    !dojo_check_dims(c, 1, x->dim[1], 1, 1, 1) ||
	    !dojo_check_dims(c, 2, x->dim[1], 1, 1, 1) ||
	    !dojo_check_output(c, 2, 0))
		return false;
	if (grad && (!dojo_check_same_dims(c, 3, 0) || !dojo_check_output(c, 3, 1 << 0)))
		return false;
	/* Rows are read as often as the gradient has them, though x may broadcast */
	if (dojo_elements(x) > DOJO_MAX_ELEMENTS)
		return dojo_reject(c, DOJO_FIELD_DIM(0, 1));
	dojo_count_read(c, 0);
	dojo_count_read(c, 1);
	dojo_count_write(c, 2);
	if (grad)
		dojo_count_write(c, 3);
	return dojo_plan_rows(c, 0, 22);
}

bool dojo_run_cross_entropy(const struct dojo_op *op, uint64_t unit, struct dojo_ctx *ctx)
{
	const struct dojo_packet_compute *p = dojo_compute(op);
	const struct dojo_rounding rounding = dojo_rounding_of(p);
	const struct dojo_range range = dojo_unit_range(op, unit);
	const size_t len = p->tensor[0].dim[0];
	float *row = dojo_scratch(ctx, DOJO_MAX_ROW * sizeof(float));
	struct dojo_cursor x, labels, loss, dx;

	dojo_cursor_of(&x, &p->tensor[0]);
	dojo_cursor_of(&labels, &p->tensor[1]);
	dojo_cursor_of(&loss, &p->tensor[2]);
	if (p->op_flags & DOJO_CROSS_ENTROPY_GRAD)
		dojo_cursor_of(&dx, &p->tensor[3]);

	for (uint64_t r = range.first; r < range.last; r++) {
		float lanes[DOJO_LANES] = {};
		float max, sum, l;
		const float *xs;
		int32_t label;

		if (!dojo_cursor_load_codes(ctx, &labels, r, 1, &label))
			return false;
		if (label < 0 || (uint32_t)label >= len)
			return dojo_fail(ctx, DOJO_FAULT_FIELD, DOJO_FIELD_TENSOR(1, va));
		xs = dojo_cursor_load(ctx, &x, r * len, len, row);
		if (!xs)
			return false;

		max = ctx->k->max(xs, len);
		l = max - xs[label];
		ctx->k->exp_sum(lanes, row, xs, len, max);
		sum = dojo_lanes_sum(lanes);
		if (p->op_flags & DOJO_CROSS_ENTROPY_GRAD) {
			ctx->k->scale(row, row, len, 1.0f / sum);
			row[label] = row[label] - 1.0f;
			ctx->k->scale(row, row, len, dojo_param(p, 0));
			if (!dojo_cursor_store(ctx, &dx, r * len, len, row, &rounding))
				return false;
		}
		ctx->k->unary(&sum, &sum, 1, DOJO_UNARY_LOG, 0, 0);
		l = l + sum;
		ctx->k->canon(&l, 1);
		if (!dojo_cursor_store(ctx, &loss, r, 1, &l, &rounding))
			return false;
	}
	return true;
}
