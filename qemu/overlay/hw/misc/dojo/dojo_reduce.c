/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * REDUCE. The terms of an output are taken in logical order, the lowest reduced
 * dim fastest; term r goes to partial sum r % 16. Sums over dims other than 0
 * are made for a block of neighbouring outputs at a time, with the same bits.
 */
#include "dojo_fp.h"
#include "dojo_opcode.h"

#define BLOCK	512	/* neighbouring outputs */

/* plan[0]: outputs, plan[1]: outputs a unit, plan[2]: terms */
bool dojo_check_reduce(struct dojo_check *c)
{
	const struct dojo_packet_compute *p = c->p;
	const struct dojo_tensor *x = &p->tensor[0];
	struct dojo_op *op = c->op;
	uint64_t terms = 1, outputs, unit;
	uint32_t dims = p->u[0];

	if (!dims || dims > 0xf)
		return dojo_reject(c, DOJO_FIELD(u[0]));
	if (p->fn == DOJO_REDUCE_ARGMAX) {
		if (dims & (dims - 1))
			return dojo_reject(c, DOJO_FIELD(u[0]));
		if (!dojo_check_format(c, 1, DOJO_FORMAT_INT32))
			return false;
	}
	for (unsigned int d = 0; d < 4; d++) {
		bool reduced = dims & (1u << d);

		if (p->tensor[1].dim[d] != (reduced ? 1 : x->dim[d]))
			return dojo_reject(c, DOJO_FIELD_DIM(1, d));
		if (!reduced)
			continue;
		if (x->dim[d] > DOJO_MAX_SUM / terms)
			return dojo_reject(c, DOJO_FIELD_DIM(0, d));
		terms *= x->dim[d];
	}
	if (!dojo_check_output(c, 1, 0))
		return false;
	dojo_count_read(c, 0);
	dojo_count_write(c, 1);

	outputs = dojo_elements(&p->tensor[1]);
	if (outputs > DOJO_MAX_FMA / terms)
		return dojo_reject(c, DOJO_FIELD(u[0]));
	/* Neighbouring columns are summed together: fewer, longer runs of them */
	unit = DOJO_UNIT_ELEMENTS / terms;
	if (!(dims & 1) && unit < BLOCK)
		unit = (1u << 22) / terms < BLOCK ? (1u << 22) / terms : BLOCK;
	dojo_plan_items(op, outputs, unit);
	op->plan[2] = terms;
	op->flop = outputs * terms;
	return true;
}

struct reduction {
	unsigned int fn;
	uint64_t terms;
	struct dojo_view x;		/* all of it */
	struct dojo_cursor over;	/* the terms of one output */
	struct dojo_view kept;		/* first terms of the outputs */
};

static void reduction_init(struct reduction *r, const struct dojo_op *op)
{
	const struct dojo_packet_compute *p = dojo_compute(op);
	struct dojo_view over;

	r->fn = p->fn;
	r->terms = op->plan[2];
	dojo_view_init(&r->x, &p->tensor[0]);
	over = r->x;
	r->kept = r->x;
	for (int d = 0; d < 4; d++)
		if (p->u[0] & (1u << d))
			r->kept.dim[d] = 1;
		else
			over.dim[d] = 1;
	dojo_cursor_init(&r->over, &over);
}

/* Where the first term of output @o lies */
static uint64_t first_term(const struct reduction *r, uint64_t o)
{
	const struct dojo_view *v = &r->kept;
	uint64_t i0 = o % v->dim[0], i1, i2;

	o /= v->dim[0];
	i1 = o % v->dim[1];
	o /= v->dim[1];
	i2 = o % v->dim[2];
	o /= v->dim[2];
	return dojo_view_va(v, i0, i1, i2, o);
}

static float mean_of(float sum, uint64_t terms)
{
	return sum / (float)terms;
}

static bool better(float x, float best)
{
	return x > best || (x != x && best == best);
}

/* One output, its terms through @buf */
static bool reduce_one(struct dojo_ctx *ctx, struct reduction *r, uint64_t o,
		       float *buf, float *y, int32_t *arg)
{
	float lanes[DOJO_LANES] = {};
	float best = 0, m;
	uint64_t n;

	r->over.view.va = first_term(r, o);
	for (uint64_t i = 0; i < r->terms; i += n) {
		const float *x;

		n = r->terms - i < DOJO_CHUNK ? r->terms - i : DOJO_CHUNK;
		x = dojo_cursor_load(ctx, &r->over, i, n, buf);
		if (!x)
			return false;
		switch (r->fn) {
		case DOJO_REDUCE_SUM:
		case DOJO_REDUCE_MEAN:
			ctx->k->sum(lanes, x, n);
			break;
		case DOJO_REDUCE_ARGMAX:
			if (!i) {
				best = x[0];
				*arg = 0;
			}
			for (uint64_t j = 0; j < n; j++)
				if (better(x[j], best)) {
					best = x[j];
					*arg = (int32_t)(i + j);
				}
			break;
		default:
			if (r->fn == DOJO_REDUCE_ABSMAX)
				m = ctx->k->absmax(x, n);
			else
				m = ctx->k->max(x, n);
			if (!i)
				best = m;
			else
				ctx->k->binary(&best, &best, &m, 1, DOJO_BINARY_MAX, 0, 0);
			break;
		}
	}
	switch (r->fn) {
	case DOJO_REDUCE_SUM:
		*y = dojo_lanes_sum(lanes);
		break;
	case DOJO_REDUCE_MEAN:
		*y = mean_of(dojo_lanes_sum(lanes), r->terms);
		break;
	default:
		*y = best;
		break;
	}
	return true;
}

/* Terms ahead of the sum are fetched into the cache while it is made */
#define AHEAD	8

/* Where a term of a block lies, and the next one */
struct term {
	uint64_t i[4], va;
};

static void term_next(const struct dojo_view *v, struct term *t)
{
	for (int d = 0; d < 4; d++) {
		t->va += v->stride[d] << v->shift;
		if (++t->i[d] < v->dim[d])
			break;
		t->va -= (v->dim[d] * v->stride[d]) << v->shift;
		t->i[d] = 0;
	}
}

/* @n outputs that are neighbours along dim 0, from @o on */
static bool reduce_block(struct dojo_ctx *ctx, struct reduction *r, uint64_t o,
			 size_t n, float *acc, float *buf, float *y)
{
	const struct dojo_view *v = &r->over.view;
	bool sum = r->fn == DOJO_REDUCE_SUM || r->fn == DOJO_REDUCE_MEAN;
	unsigned int op = sum ? DOJO_BINARY_ADD : DOJO_BINARY_MAX;
	struct term now = { .va = first_term(r, o) }, ahead = now;

	if (sum)
		memset(acc, 0, DOJO_LANES * BLOCK * sizeof(float));
	for (uint64_t t = 0; t < AHEAD; t++)
		term_next(v, &ahead);
	for (uint64_t t = 0; t < r->terms; t++) {
		float *lane = sum ? acc + t % DOJO_LANES * BLOCK : acc;
		const float *x = dojo_load(ctx, &r->x, now.va, r->x.stride[0], n, buf);

		if (!x)
			return false;
		if (r->x.stride[0] == 1 && t + AHEAD < r->terms)
			dojo_prefetch(ctx, ahead.va, n << v->shift);
		term_next(v, &ahead);
		term_next(v, &now);
		if (r->fn == DOJO_REDUCE_ABSMAX) {
			ctx->k->unary(buf, x, n, DOJO_UNARY_ABS, 0, 0);
			x = buf;
		}
		if (!sum && !t)
			memcpy(lane, x, n * sizeof(float));
		else
			ctx->k->binary(lane, lane, x, n, op, 0, 0);
	}
	for (size_t w = sum ? DOJO_LANES / 2 : 0; w; w /= 2)
		for (size_t j = 0; j < w; j++)
			ctx->k->binary(acc + j * BLOCK, acc + j * BLOCK,
				       acc + (j + w) * BLOCK, n, DOJO_BINARY_ADD, 0, 0);
	for (size_t j = 0; j < n; j++)
		y[j] = r->fn == DOJO_REDUCE_MEAN ? mean_of(acc[j], r->terms) : acc[j];
	return true;
}

bool dojo_run_reduce(const struct dojo_op *op, uint64_t unit, struct dojo_ctx *ctx)
{
	const struct dojo_packet_compute *p = dojo_compute(op);
	const struct dojo_rounding rounding = dojo_rounding_of(p);
	uint64_t o = unit * op->plan[1], last = o + op->plan[1];
	float *acc = dojo_scratch(ctx, DOJO_LANES * BLOCK * sizeof(float));
	float *buf = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float));
	float *y = dojo_scratch(ctx, BLOCK * sizeof(float));
	int32_t *arg = dojo_scratch(ctx, BLOCK * sizeof(int32_t));
	struct dojo_cursor out;
	struct reduction r;
	struct dojo_view v;
	bool index = p->fn == DOJO_REDUCE_ARGMAX;
	bool block;

	if (last > op->plan[0])
		last = op->plan[0];
	reduction_init(&r, op);
	dojo_view_init(&v, &p->tensor[1]);
	dojo_cursor_init(&out, &v);
	block = r.kept.dim[0] > 1 && !index;

	while (o < last) {
		uint64_t n = last - o < BLOCK ? last - o : BLOCK;

		if (block) {
			uint64_t left = r.kept.dim[0] - o % r.kept.dim[0];

			if (n > left)
				n = left;
			if (!reduce_block(ctx, &r, o, n, acc, buf, y))
				return false;
		} else {
			for (uint64_t j = 0; j < n; j++)
				if (!reduce_one(ctx, &r, o + j, buf, &y[j], &arg[j]))
					return false;
		}
		if (index) {
			if (!dojo_cursor_store_codes(ctx, &out, o, n, arg))
				return false;
		} else {
			ctx->k->canon(y, n);
			if (!dojo_cursor_store(ctx, &out, o, n, y, &rounding))
				return false;
		}
		o += n;
	}
	return true;
}
