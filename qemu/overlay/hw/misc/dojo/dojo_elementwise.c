/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Operations whose outputs depend on the elements of the same index alone:
 * UNARY, BINARY, CONVERT, DROPOUT, SGD, ADAMW and the collectives. Elements go
 * through in chunks that stay in the cache; tensors in FP32 that are contiguous
 * are read and written where they lie.
 */
#include "dojo_fp.h"
#include "dojo_opcode.h"

/* plan[0]: elements, plan[1]: elements a unit */
static void plan_units(struct dojo_op *op, const struct dojo_tensor *t)
{
	op->plan[0] = dojo_elements(t);
	op->plan[1] = dojo_unit_elements(op->plan[0]);
	op->units = op->plan[0] / op->plan[1] + (op->plan[0] % op->plan[1] != 0);
}

struct range {
	uint64_t first, last;
};

static struct range unit_range(const struct dojo_op *op, uint64_t unit)
{
	struct range r = { .first = unit * op->plan[1] };

	r.last = r.first + op->plan[1];
	if (r.last > op->plan[0])
		r.last = op->plan[0];
	return r;
}

static size_t chunk(uint64_t i, struct range r)
{
	return r.last - i < DOJO_CHUNK ? (size_t)(r.last - i) : DOJO_CHUNK;
}

static void cursor_of(struct dojo_cursor *c, const struct dojo_tensor *t)
{
	struct dojo_view v;

	dojo_view_init(&v, t);
	dojo_cursor_init(c, &v);
}

/* Adds @weight operations an element, and everything read and written */
static bool elementwise(struct dojo_check *c, unsigned int out, unsigned int weight,
			unsigned int inplace)
{
	const struct dojo_packet_compute *p = c->p;

	for (unsigned int i = 0; i < p->tensors; i++)
		if (i != out && !dojo_check_same_dims(c, i, out))
			return false;
	if (!dojo_check_output(c, out, inplace))
		return false;
	for (unsigned int i = 0; i < p->tensors; i++) {
		if (i == out)
			dojo_count_write(c, i);
		else
			dojo_count_read(c, i);
	}
	plan_units(c->op, &p->tensor[out]);
	c->op->flop = weight * c->op->plan[0];
	c->op->matrix_format = weight ? DOJO_FORMAT_FP32 : DOJO_FORMAT_NONE;
	return true;
}

/* Nominal operations of a function, for the model clock */
static unsigned int unary_weight(unsigned int fn)
{
	switch (fn) {
	case DOJO_UNARY_GELU:
	case DOJO_UNARY_SILU:
	case DOJO_UNARY_SIGMOID:
	case DOJO_UNARY_TANH:
	case DOJO_UNARY_EXP:
	case DOJO_UNARY_LOG:
		return 16;
	case DOJO_UNARY_SQRT:
	case DOJO_UNARY_RSQRT:
	case DOJO_UNARY_RECIPROCAL:
		return 4;
	case DOJO_UNARY_SCALE:
		return 2;
	default:
		return 1;
	}
}

/* Parameters of a function that takes none must be 0 */
static bool no_params(struct dojo_check *c, unsigned int used)
{
	for (unsigned int i = 0; i < 5; i++)
		if (c->p->f[i] && !(used & (1u << i))) {
			dojo_reject(c, DOJO_FIELD(f[i]));
			c->fault->reason = DOJO_FAULT_PACKET;
			return false;
		}
	return true;
}

bool dojo_check_unary(struct dojo_check *c)
{
	const struct dojo_packet_compute *p = c->p;
	bool two = p->fn == DOJO_UNARY_SCALE || p->fn == DOJO_UNARY_CLAMP;

	if (!no_params(c, two ? 3 : 0))
		return false;
	if (p->fn == DOJO_UNARY_CLAMP && !(dojo_param(p, 0) <= dojo_param(p, 1)))
		return dojo_reject(c, DOJO_FIELD(f[1]));
	return elementwise(c, 1, unary_weight(p->fn), 1 << 0);
}

bool dojo_run_unary(const struct dojo_op *op, uint64_t unit, struct dojo_ctx *ctx)
{
	const struct dojo_packet_compute *p = dojo_compute(op);
	const struct dojo_rounding rounding = dojo_rounding_of(p);
	struct range r = unit_range(op, unit);
	struct dojo_cursor x, y;
	float *xb = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float));
	float *yb = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float));

	cursor_of(&x, &p->tensor[0]);
	cursor_of(&y, &p->tensor[1]);
	for (uint64_t i = r.first; i < r.last; i += DOJO_CHUNK) {
		size_t n = chunk(i, r);
		const float *xs = dojo_cursor_load(ctx, &x, i, n, xb);
		float *to;

		if (!xs)
			return false;
		to = dojo_cursor_direct(ctx, &y, i, n);
		ctx->k->unary(to ? to : yb, xs, n, p->fn, dojo_param(p, 0),
			      dojo_param(p, 1));
		if (!to && !dojo_cursor_store(ctx, &y, i, n, yb, &rounding))
			return false;
	}
	return true;
}

bool dojo_check_binary(struct dojo_check *c)
{
	const struct dojo_packet_compute *p = c->p;
	unsigned int weight = 1;

	if (!no_params(c, p->fn == DOJO_BINARY_AXPBY ? 3 : 0))
		return false;
	if (p->fn == DOJO_BINARY_AXPBY)
		weight = 3;
	else if (p->fn == DOJO_BINARY_DIV)
		weight = 4;
	else if (p->fn >= DOJO_BINARY_GELU_GRAD)
		weight = 20;
	return elementwise(c, 2, weight, 1 << 0 | 1 << 1);
}

bool dojo_run_binary(const struct dojo_op *op, uint64_t unit, struct dojo_ctx *ctx)
{
	const struct dojo_packet_compute *p = dojo_compute(op);
	const struct dojo_rounding rounding = dojo_rounding_of(p);
	struct range r = unit_range(op, unit);
	struct dojo_cursor a, b, y;
	float *ab = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float));
	float *bb = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float));
	float *yb = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float));

	cursor_of(&a, &p->tensor[0]);
	cursor_of(&b, &p->tensor[1]);
	cursor_of(&y, &p->tensor[2]);
	for (uint64_t i = r.first; i < r.last; i += DOJO_CHUNK) {
		size_t n = chunk(i, r);
		const float *as, *bs;
		float *to;

		as = dojo_cursor_load(ctx, &a, i, n, ab);
		if (!as)
			return false;
		bs = dojo_cursor_load(ctx, &b, i, n, bb);
		if (!bs)
			return false;
		to = dojo_cursor_direct(ctx, &y, i, n);
		ctx->k->binary(to ? to : yb, as, bs, n, p->fn, dojo_param(p, 0),
			       dojo_param(p, 1));
		if (!to && !dojo_cursor_store(ctx, &y, i, n, yb, &rounding))
			return false;
	}
	return true;
}

bool dojo_check_convert(struct dojo_check *c)
{
	return elementwise(c, 1, 0, 1 << 0);
}

static bool same_format(const struct dojo_tensor *a, const struct dojo_tensor *b)
{
	return a->format == b->format && a->bias == b->bias;
}

bool dojo_run_convert(const struct dojo_op *op, uint64_t unit, struct dojo_ctx *ctx)
{
	const struct dojo_packet_compute *p = dojo_compute(op);
	struct dojo_rounding rounding = dojo_rounding_of(p);
	struct range r = unit_range(op, unit);
	bool same = same_format(&p->tensor[0], &p->tensor[1]);
	struct dojo_cursor x, y;
	uint32_t *codes = dojo_scratch(ctx, DOJO_CHUNK * sizeof(uint32_t));
	uint32_t *out = dojo_scratch(ctx, DOJO_CHUNK * sizeof(uint32_t));
	float *xb = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float));

	cursor_of(&x, &p->tensor[0]);
	cursor_of(&y, &p->tensor[1]);
	for (uint64_t i = r.first; i < r.last; i += DOJO_CHUNK) {
		size_t n = chunk(i, r);

		if (!dojo_cursor_load_codes(ctx, &x, i, n, codes))
			return false;
		if (same) {
			if (!dojo_cursor_store_codes(ctx, &y, i, n, codes))
				return false;
			continue;
		}
		/* Here the code that was read is the operand, in its own format */
		ctx->flags->denormal += ctx->k->denormals(codes, n, x.view.format);
		ctx->k->decode(xb, codes, n, x.view.format, x.view.bias);
		if (y.view.format == DOJO_FORMAT_FP32)
			ctx->k->canon(xb, n);
		rounding.index = p->rng_base + i;
		ctx->k->encode(out, xb, n, y.view.format, y.view.bias, &rounding,
			       false, ctx->flags);
		if (!dojo_cursor_store_codes(ctx, &y, i, n, out))
			return false;
	}
	return true;
}

/* Written in place: all tensors have the same extents and are stored likewise */
static bool optimizer(struct dojo_check *c, unsigned int outputs, unsigned int weight)
{
	const struct dojo_packet_compute *p = c->p;

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
	plan_units(c->op, &p->tensor[0]);
	c->op->flop = weight * c->op->plan[0];
	c->op->matrix_format = DOJO_FORMAT_FP32;
	return true;
}

bool dojo_check_sgd(struct dojo_check *c)
{
	bool momentum = c->p->op_flags & DOJO_SGD_MOMENTUM;

	if (!dojo_check_tensors(c, momentum ? 3 : 2) ||
	    !no_params(c, momentum ? 7 : 5))
		return false;
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
	cursor_of(&s->c, t);
	s->buf = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float));
}

static bool state_load(struct state *s, struct dojo_ctx *ctx, uint64_t i, size_t n)
{
	const float *x;

	s->at = dojo_cursor_direct(ctx, &s->c, i, n);
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
	struct range r = unit_range(op, unit);
	bool momentum = p->op_flags & DOJO_SGD_MOMENTUM;
	struct state w, m;
	struct dojo_cursor g;
	float *gb = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float));

	state_init(&w, ctx, &p->tensor[0]);
	cursor_of(&g, &p->tensor[1]);
	if (momentum)
		state_init(&m, ctx, &p->tensor[2]);
	for (uint64_t i = r.first; i < r.last; i += DOJO_CHUNK) {
		size_t n = chunk(i, r);
		const float *gs = dojo_cursor_load(ctx, &g, i, n, gb);

		if (!gs || !state_load(&w, ctx, i, n) ||
		    (momentum && !state_load(&m, ctx, i, n)))
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
	struct range r = unit_range(op, unit);
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
	cursor_of(&g, &p->tensor[1]);
	state_init(&m, ctx, &p->tensor[2]);
	state_init(&v, ctx, &p->tensor[3]);
	for (uint64_t i = r.first; i < r.last; i += DOJO_CHUNK) {
		size_t n = chunk(i, r);
		const float *gs = dojo_cursor_load(ctx, &g, i, n, gb);

		if (!gs || !state_load(&w, ctx, i, n) ||
		    !state_load(&m, ctx, i, n) || !state_load(&v, ctx, i, n))
			return false;
		ctx->k->adamw(w.at, gs, m.at, v.at, n, &a);
		if (!state_store(&w, ctx, i, n, &rounding) ||
		    !state_store(&m, ctx, i, n, &rounding) ||
		    !state_store(&v, ctx, i, n, &rounding))
			return false;
	}
	return true;
}
