/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ROPE: rotary embedding. Frequencies, angles, sines and cosines are made in
 * double and rounded once, since positions are large beside the last bits of an
 * FP32 angle. Only + - * / and no fma: the same bits on every host.
 */
#include "dojo_fp.h"
#include "dojo_opcode.h"

enum { T_X, T_POS, T_Y };

#define MAX_HEAD	65536u

/* x to the nearest integer, |x| < 2^51 */
static double nearest(double x)
{
	return (x + 6755399441055744.0) - 6755399441055744.0;
}

/* 1/0! .. 1/14! for the series */
static const double inverse_factorial[] = {
	1.0, 1.0, 1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040,
	1.0 / 40320, 1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600,
	1.0 / 6227020800.0, 1.0 / 87178291200.0,
};

/* ln x, 1 <= x < 2^128: exponent, and 2 atanh((m - 1) / (m + 1)) */
static double log_of(double x)
{
	double e = 0, s, t, sum = 0;

	while (x > 1.41421356237309514547) {
		x = x * 0.5;
		e = e + 1.0;
	}
	s = (x - 1.0) / (x + 1.0);
	t = s * s;
	for (int i = 21; i >= 1; i -= 2)
		sum = sum * t + 1.0 / i;
	return e * 0.693147180559945286227 + 2.0 * (s * sum);
}

/* e^x, -200 < x <= 0 */
static double exp_of(double x)
{
	double n = nearest(x * 1.44269504088896338700), sum = 0, r;

	r = (x - n * 0.693147180601954460144) - n * -0.0000000000420091507268108459794;
	for (int i = 13; i >= 0; i--)
		sum = sum * r + inverse_factorial[i];
	for (; n < 0; n = n + 1.0)
		sum = sum * 0.5;
	return sum;
}

/* |a| <= 2^31: less the multiple of pi/2, in three parts, then the series */
static void sin_cos_of(double a, float *sine, float *cosine)
{
	double n = nearest(a * 0.636619772367581382433), r, t, s = 0, c = 0;
	int quadrant = (int)((int64_t)n & 3);

	r = a - n * 1.57079648971557617188;
	r = r - n * -0.000000162920684942946536466;
	r = r - n * 0.00000000000000539030285815811896811;
	t = r * r;
	for (int i = 13; i >= 1; i -= 2)
		s = s * -t + inverse_factorial[i];
	for (int i = 14; i >= 0; i -= 2)
		c = c * -t + inverse_factorial[i];
	s = s * r;
	if (quadrant & 1) {
		double swap = s;

		s = c;
		c = -swap;
	}
	if (quadrant & 2) {
		s = -s;
		c = -c;
	}
	*sine = (float)s;
	*cosine = (float)c;
}

/* plan[0]: positions of all batches, plan[1]: of a unit */
bool dojo_check_rope(struct dojo_check *c)
{
	const struct dojo_packet_compute *p = c->p;
	const struct dojo_tensor *y = &p->tensor[T_Y];
	uint64_t row = (uint64_t)y->dim[0] * y->dim[1], total;

	if (!dojo_check_same_dims(c, T_X, T_Y) ||
	    !dojo_check_format(c, T_POS, DOJO_FORMAT_INT32) ||
	    !dojo_check_dims(c, T_POS, y->dim[2], 1, 1, 1))
		return false;
	if (y->dim[0] > MAX_HEAD)
		return dojo_reject(c, DOJO_FIELD_DIM(T_Y, 0));
	if (row > DOJO_UNIT_VISITS)
		return dojo_reject(c, DOJO_FIELD_DIM(T_Y, 1));
	if (!p->u[0] || p->u[0] & 1 || p->u[0] > y->dim[0])
		return dojo_reject(c, DOJO_FIELD(u[0]));
	if (!(dojo_param(p, 0) >= 1.0f))
		return dojo_reject(c, DOJO_FIELD(f[0]));
	if (!dojo_check_output(c, T_Y, 1 << T_X))
		return false;
	dojo_count_read(c, T_X);
	dojo_count_read(c, T_POS);
	dojo_count_write(c, T_Y);
	total = dojo_elements(y);
	dojo_plan_items(c->op, total / row, dojo_unit_elements(total) / row);
	c->op->flop = 3 * total;
	return true;
}

/* Pairs side by side, for the vector kernel, and back */
static void split_pairs(float *even, float *odd, const float *x, size_t pairs)
{
	for (size_t i = 0; i < pairs; i++) {
		even[i] = x[2 * i];
		odd[i] = x[2 * i + 1];
	}
}

static void join_pairs(float *x, const float *even, const float *odd, size_t pairs)
{
	for (size_t i = 0; i < pairs; i++) {
		x[2 * i] = even[i];
		x[2 * i + 1] = odd[i];
	}
}

bool dojo_run_rope(const struct dojo_op *op, uint64_t unit, struct dojo_ctx *ctx)
{
	const struct dojo_packet_compute *p = dojo_compute(op);
	const struct dojo_rounding rounding = dojo_rounding_of(p);
	const struct dojo_range range = dojo_unit_range(op, unit);
	const size_t head = p->tensor[T_Y].dim[0], heads = p->tensor[T_Y].dim[1];
	const size_t pairs = p->u[0] / 2;
	double *frequency = dojo_scratch(ctx, pairs * sizeof(double));
	float *sine = dojo_scratch(ctx, pairs * sizeof(float));
	float *cosine = dojo_scratch(ctx, pairs * sizeof(float));
	float *even = dojo_scratch(ctx, pairs * sizeof(float));
	float *odd = dojo_scratch(ctx, pairs * sizeof(float));
	float *row = dojo_scratch(ctx, head * sizeof(float));
	double step = log_of((double)dojo_param(p, 0)) / (double)p->u[0];
	struct dojo_cursor x, y, positions;

	dojo_cursor_of(&x, &p->tensor[T_X]);
	dojo_cursor_of(&y, &p->tensor[T_Y]);
	dojo_cursor_of(&positions, &p->tensor[T_POS]);
	for (size_t j = 0; j < pairs; j++)
		frequency[j] = exp_of(-(2.0 * (double)j) * step);

	for (uint64_t q = range.first; q < range.last; q++) {
		int32_t position;

		if (!dojo_cursor_load_codes(ctx, &positions, q % p->tensor[T_Y].dim[2], 1,
					    &position))
			return false;
		for (size_t j = 0; j < pairs; j++) {
			sin_cos_of((double)position * frequency[j], &sine[j], &cosine[j]);
			if (p->op_flags & DOJO_ROPE_INVERSE)
				sine[j] = -sine[j];
		}
		for (size_t h = 0; h < heads; h++) {
			uint64_t at = (q * heads + h) * head;
			const float *xs = dojo_cursor_load(ctx, &x, at, head, row);

			if (!xs)
				return false;
			if (xs != row)
				memcpy(row, xs, head * sizeof(float));
			if (p->op_flags & DOJO_ROPE_HALVES) {
				ctx->k->rotate(row, row + pairs, cosine, sine, pairs);
			} else {
				split_pairs(even, odd, row, pairs);
				ctx->k->rotate(even, odd, cosine, sine, pairs);
				join_pairs(row, even, odd, pairs);
			}
			ctx->k->canon(row + 2 * pairs, head - 2 * pairs);
			if (!dojo_cursor_store(ctx, &y, at, head, row, &rounding))
				return false;
		}
	}
	return true;
}
