/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SGD and ADAMW: one step on weights and their state, in place */
#include "dojo_fp.h"
#include "dojo_opcode.h"

/* Written in place: all tensors have the same extents and are stored likewise */
static bool optimizer(struct dojo_check *c, unsigned int outputs, unsigned int weight)
{
	const struct dojo_packet_compute *p = c->p;
	uint64_t total;

	for (unsigned int i = 1; i < p->tensors; i++)
		if (!dojo_check_same_dims(c, i, 0))
			return false;
	for (unsigned int i = 0; i < p->tensors; i++) {
		dojo_count_read(c, i);
		if (!(outputs & (1u << i)))
			continue;
		dojo_count_write(c, i);
		if (!dojo_check_output(c, i, 0))
			return false;
	}
	total = dojo_elements(&p->tensor[0]);
	dojo_plan_items(c->op, total, dojo_unit_elements(total));
	c->op->flop = weight * total;
	return true;
}

bool dojo_check_sgd(struct dojo_check *c)
{
	bool momentum = c->p->op_flags & DOJO_SGD_MOMENTUM;

	if (!dojo_check_tensors(c, momentum ? 3 : 2))
		return false;
	if (!momentum && c->p->f[1])
		return dojo_reject(c, DOJO_FIELD(f[1]));
	return optimizer(c, momentum ? 5 : 1, momentum ? 6 : 4);
}

/* An operand that is read, changed and written back, chunk by chunk */
struct state {
	struct dojo_cursor c;
	float *buf, *at;
	bool direct;
};

static void state_init(struct state *s, struct dojo_ctx *ctx, const struct dojo_tensor *t)
{
	dojo_cursor_of(&s->c, t);
	s->buf = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float));
}

static bool state_load(struct state *s, struct dojo_ctx *ctx, uint64_t i, size_t n,
		       struct dojo_range r)
{
	const float *x;

	s->at = dojo_cursor_direct(ctx, &s->c, i, n, (size_t)(r.last - i));
	s->direct = s->at;
	if (s->direct)
		return true;
	if (ctx->fault->reason)
		return false;
	x = dojo_cursor_load(ctx, &s->c, i, n, s->buf);
	if (!x)
		return false;
	if (x != s->buf)
		memcpy(s->buf, x, n * sizeof(float));
	s->at = s->buf;
	return true;
}

static bool state_store(struct state *s, struct dojo_ctx *ctx, uint64_t i, size_t n,
			const struct dojo_rounding *rounding)
{
	return s->direct || dojo_cursor_store(ctx, &s->c, i, n, s->buf, rounding);
}

bool dojo_run_sgd(const struct dojo_op *op, uint64_t unit, struct dojo_ctx *ctx)
{
	const struct dojo_packet_compute *p = dojo_compute(op);
	const struct dojo_rounding rounding = dojo_rounding_of(p);
	struct dojo_range r = dojo_unit_range(op, unit);
	bool momentum = p->op_flags & DOJO_SGD_MOMENTUM;
	struct state w, m;
	struct dojo_cursor g;
	float *gb = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float));

	state_init(&w, ctx, &p->tensor[0]);
	dojo_cursor_of(&g, &p->tensor[1]);
	if (momentum)
		state_init(&m, ctx, &p->tensor[2]);
	for (uint64_t i = r.first; i < r.last; i += DOJO_CHUNK) {
		size_t n = dojo_chunk(i, r.last);
		const float *gs = dojo_cursor_load(ctx, &g, i, n, gb);

		if (!gs || !state_load(&w, ctx, i, n, r) ||
		    (momentum && !state_load(&m, ctx, i, n, r)))
			return false;
		ctx->k->sgd(w.at, gs, momentum ? m.at : NULL, n, dojo_param(p, 0),
			    dojo_param(p, 1), dojo_param(p, 2));
		if (!state_store(&w, ctx, i, n, &rounding) ||
		    (momentum && !state_store(&m, ctx, i, n, &rounding)))
			return false;
	}
	return true;
}

bool dojo_check_adamw(struct dojo_check *c)
{
	const struct dojo_packet_compute *p = c->p;

	/* beta1, beta2 in [0, 1): the corrections divide by 1 - beta^t */
	for (int i = 1; i <= 2; i++)
		if (!(dojo_param(p, i) >= 0.0f && dojo_param(p, i) < 1.0f))
			return dojo_reject(c, DOJO_FIELD(f[i]));
	if (!p->u[0])
		return dojo_reject(c, DOJO_FIELD(u[0]));
	return optimizer(c, 0x0d, 16);
}

/* b^t by squaring, from the lowest bit of t up; in double, without fma */
static double power(double b, uint32_t t)
{
	double r = 1.0;

	for (; t; t >>= 1) {
		if (t & 1)
			r = r * b;
		b = b * b;
	}
	return r;
}

bool dojo_run_adamw(const struct dojo_op *op, uint64_t unit, struct dojo_ctx *ctx)
{
	const struct dojo_packet_compute *p = dojo_compute(op);
	const struct dojo_rounding rounding = dojo_rounding_of(p);
	struct dojo_range r = dojo_unit_range(op, unit);
	float lr = dojo_param(p, 0);
	struct dojo_adamw a = {
		.beta1 = dojo_param(p, 1),
		.beta2 = dojo_param(p, 2),
		.epsilon = dojo_param(p, 3),
		.decay = lr * dojo_param(p, 4),
	};
	struct state w, m, v;
	struct dojo_cursor g;
	float *gb = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float));

	a.one_minus_beta1 = 1.0f - a.beta1;
	a.one_minus_beta2 = 1.0f - a.beta2;
	a.step = (float)((double)lr / (1.0 - power(a.beta1, p->u[0])));
	a.correct2 = (float)(1.0 / __builtin_sqrt(1.0 - power(a.beta2, p->u[0])));

	state_init(&w, ctx, &p->tensor[0]);
	dojo_cursor_of(&g, &p->tensor[1]);
	state_init(&m, ctx, &p->tensor[2]);
	state_init(&v, ctx, &p->tensor[3]);
	for (uint64_t i = r.first; i < r.last; i += DOJO_CHUNK) {
		size_t n = dojo_chunk(i, r.last);
		const float *gs = dojo_cursor_load(ctx, &g, i, n, gb);

		if (!gs || !state_load(&w, ctx, i, n, r) ||
		    !state_load(&m, ctx, i, n, r) || !state_load(&v, ctx, i, n, r))
			return false;
		ctx->k->adamw(w.at, gs, m.at, v.at, n, &a);
		if (!state_store(&w, ctx, i, n, &rounding) ||
		    !state_store(&m, ctx, i, n, &rounding) ||
		    !state_store(&v, ctx, i, n, &rounding))
			return false;
	}
	return true;
}
