/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dojo_fp.h"
#include "dojo_access.h"

/* Elements that go through a buffer on the stack at a time */
#define STAGE	1024

/* How far ahead a mapping is asked for: a large page */
#define LOOKAHEAD	(2u << 20)
#define PAGE		4096

void dojo_ctx_init(struct dojo_ctx *ctx, struct dojo_memory *mem, void *scratch,
		   struct dojo_flags *flags, struct dojo_fault_info *fault)
{
	memset(ctx, 0, sizeof(*ctx));
	ctx->mem = mem;
	ctx->scratch = scratch;
	ctx->flags = flags;
	ctx->fault = fault;
	ctx->k = dojo_kernels_get();
	fault->reason = DOJO_FAULT_NONE;
}

void *dojo_scratch(struct dojo_ctx *ctx, size_t bytes)
{
	void *p = ctx->scratch + ctx->used;

	bytes = (bytes + 63) & ~(size_t)63;
	if (bytes > DOJO_OP_SCRATCH - ctx->used)
		__builtin_trap();
	ctx->used += bytes;
	return p;
}

bool dojo_fail(struct dojo_ctx *ctx, uint32_t reason, size_t field)
{
	*ctx->fault = (struct dojo_fault_info){
		.reason = reason,
		.field = (uint32_t)field,
	};
	return false;
}

uint8_t *dojo_map(struct dojo_ctx *ctx, uint64_t va, uint64_t bytes, bool write,
		  uint64_t *run)
{
	const struct dojo_window *w = dojo_window(ctx, va, 1, write);
	uint64_t len = 0, want, left;
	uint8_t *host;

	if (w) {
		len = w->hi - va;
		*run = len < bytes ? len : bytes;
		return w->host + (va - w->lo);
	}

	/*
	 * Reads may look ahead, for the next run is likely to follow this one.
	 * What is mapped for writing counts as written.
	 */
	want = bytes;
	left = LOOKAHEAD - (va & (LOOKAHEAD - 1));
	if (!write && want < left)
		want = left;
	host = ctx->mem->ops->map(ctx->mem, va, want, write, &len, ctx->fault);
	if (!host) {
		if (!len || len > want)
			len = 1;
		*run = len < bytes ? len : bytes;
		return NULL;
	}
	*run = len < bytes ? len : bytes;
	if (len > PAGE - (va & (PAGE - 1)))
		ctx->large[write][(va >> 21) % DOJO_WINDOWS] = (struct dojo_window){
			.lo = va, .hi = va + (len < left ? len : left), .host = host,
		};
	else
		ctx->window[write][(va >> 12) % DOJO_WINDOWS] = (struct dojo_window){
			.lo = va, .hi = va + len, .host = host,
		};
	return host;
}

bool dojo_get(struct dojo_ctx *ctx, uint64_t va, void *buf, uint64_t bytes)
{
	uint8_t *to = buf;

	while (bytes) {
		uint64_t run;
		const uint8_t *host = dojo_map(ctx, va, bytes, false, &run);

		if (host)
			memcpy(to, host, run);
		else if (ctx->fault->reason ||
			 !ctx->mem->ops->read(ctx->mem, va, to, run, ctx->fault))
			return false;
		va += run;
		to += run;
		bytes -= run;
	}
	return true;
}

bool dojo_put(struct dojo_ctx *ctx, uint64_t va, const void *buf, uint64_t bytes)
{
	const uint8_t *from = buf;

	while (bytes) {
		uint64_t run;
		uint8_t *host = dojo_map(ctx, va, bytes, true, &run);

		/* @buf can be memory of the queue too, where operands overlap */
		if (host && ctx->stream)
			ctx->k->stream(host, from, run);
		else if (host)
			memmove(host, from, run);
		else if (ctx->fault->reason ||
			 !ctx->mem->ops->write(ctx->mem, va, from, run, ctx->fault))
			return false;
		va += run;
		from += run;
		bytes -= run;
	}
	return true;
}

void dojo_view_init(struct dojo_view *v, const struct dojo_tensor *t)
{
	v->va = t->va;
	for (int i = 0; i < 4; i++) {
		v->dim[i] = t->dim[i];
		v->stride[i] = t->stride[i];
	}
	v->format = t->format;
	v->bias = t->bias;
	v->shift = (uint8_t)dojo_format_shift(t->format);
}

/* One element, when it is alone or crosses two runs */
static bool load_one(struct dojo_ctx *ctx, const struct dojo_view *v,
		     uint64_t va, float *x)
{
	uint32_t code;

	if (!dojo_get(ctx, va, &code, 1u << v->shift))
		return false;
	ctx->k->decode(x, &code, 1, v->format, v->bias);
	return true;
}

static bool load_dense(struct dojo_ctx *ctx, const struct dojo_view *v,
		       uint64_t va, size_t n, float *buf)
{
	while (n) {
		uint64_t run;
		const uint8_t *host = dojo_map(ctx, va, (uint64_t)n << v->shift,
					       false, &run);
		size_t count = run >> v->shift;

		if (!host && ctx->fault->reason)
			return false;
		if (!host || !count) {
			uint32_t stage[256];

			if (!host && count > 256)
				count = 256;
			if (!host && count) {
				if (!dojo_get(ctx, va, stage, (uint64_t)count << v->shift))
					return false;
				ctx->k->decode(buf, stage, count, v->format, v->bias);
			} else {
				count = 1;
				if (!load_one(ctx, v, va, buf))
					return false;
			}
		} else {
			ctx->k->decode(buf, host, count, v->format, v->bias);
		}
		va += (uint64_t)count << v->shift;
		buf += count;
		n -= count;
	}
	return true;
}

bool dojo_load_codes(struct dojo_ctx *ctx, const struct dojo_view *v,
		     uint64_t va, uint64_t stride, size_t n, void *buf)
{
	size_t size = (size_t)1 << v->shift;
	uint64_t step = stride << v->shift;
	uint8_t *to = buf;

	if (stride == 1 || n == 1)
		return dojo_get(ctx, va, buf, (uint64_t)n << v->shift);

	for (size_t i = 0; i < n; i++, va += step, to += size) {
		const struct dojo_window *w = dojo_window(ctx, va, size, false);

		if (w) {
			const uint8_t *p = w->host + (va - w->lo);

			switch (size) {
			case 1:
				*to = *p;
				break;
			case 2:
				memcpy(to, p, 2);
				break;
			default:
				memcpy(to, p, 4);
				break;
			}
		} else if (!dojo_get(ctx, va, to, size)) {
			return false;
		}
	}
	return true;
}

bool dojo_store_codes(struct dojo_ctx *ctx, const struct dojo_view *v,
		      uint64_t va, uint64_t stride, size_t n, const void *buf)
{
	size_t size = (size_t)1 << v->shift;
	uint64_t step = stride << v->shift;
	const uint8_t *from = buf;

	if (stride == 1 || n == 1)
		return dojo_put(ctx, va, buf, (uint64_t)n << v->shift);

	for (size_t i = 0; i < n; i++, va += step, from += size) {
		if (!dojo_put(ctx, va, from, size))
			return false;
	}
	return true;
}

bool dojo_load_into(struct dojo_ctx *ctx, const struct dojo_view *v,
		    uint64_t va, uint64_t stride, size_t n, float *buf)
{
	uint32_t stage[STAGE];

	if (stride == 1 || n == 1)
		return load_dense(ctx, v, va, n, buf);

	if (!stride) {
		if (!load_one(ctx, v, va, buf))
			return false;
		for (size_t i = 1; i < n; i++)
			buf[i] = buf[0];
		return true;
	}

	while (n) {
		size_t count = n < STAGE ? n : STAGE;

		if (v->format == DOJO_FORMAT_FP32) {
			if (!dojo_load_codes(ctx, v, va, stride, count, buf))
				return false;
		} else {
			if (!dojo_load_codes(ctx, v, va, stride, count, stage))
				return false;
			ctx->k->decode(buf, stage, count, v->format, v->bias);
		}
		va += (stride * count) << v->shift;
		buf += count;
		n -= count;
	}
	return true;
}

const float *dojo_load(struct dojo_ctx *ctx, const struct dojo_view *v,
		       uint64_t va, uint64_t stride, size_t n, float *buf)
{
	if (v->format == DOJO_FORMAT_FP32 && (stride == 1 || n == 1)) {
		uint64_t run;
		const uint8_t *host = dojo_map(ctx, va, (uint64_t)n << 2, false, &run);

		if (!host && ctx->fault->reason)
			return NULL;
		/* Unaligned host memory is legal; the kernels load byte-wise */
		if (host && run == (uint64_t)n << 2 && !((uintptr_t)host & 3))
			return (const float *)(const void *)host;
	}
	return dojo_load_into(ctx, v, va, stride, n, buf) ? buf : NULL;
}

float *dojo_store_direct(struct dojo_ctx *ctx, const struct dojo_view *v,
			 uint64_t va, uint64_t stride, size_t n, size_t ahead)
{
	uint64_t run;
	uint8_t *host;

	if (v->format != DOJO_FORMAT_FP32 || (stride != 1 && n != 1) || ctx->stream)
		return NULL;
	host = dojo_map(ctx, va, (uint64_t)ahead << 2, true, &run);
	if (!host || run < (uint64_t)n << 2 || ((uintptr_t)host & 3))
		return NULL;
	return (float *)(void *)host;
}

bool dojo_store(struct dojo_ctx *ctx, const struct dojo_view *v,
		uint64_t va, uint64_t stride, size_t n, const float *src,
		const struct dojo_rounding *rounding)
{
	struct dojo_rounding r = *rounding;

	if (v->format == DOJO_FORMAT_FP32)
		return dojo_store_codes(ctx, v, va, stride, n, src);

	while (n) {
		size_t count = n < STAGE ? n : STAGE;
		uint8_t *host = NULL;
		uint64_t run = 0;

		if (stride == 1)
			host = dojo_map(ctx, va, (uint64_t)n << v->shift, true, &run);
		if (host && run >> v->shift) {
			if (run >> v->shift < n)
				count = (size_t)(run >> v->shift);
			else
				count = n;
			ctx->k->encode(host, src, count, v->format, v->bias, &r, ctx->flags);
		} else {
			uint32_t stage[STAGE];

			ctx->k->encode(stage, src, count, v->format, v->bias, &r, ctx->flags);
			if (!dojo_store_codes(ctx, v, va, stride, count, stage))
				return false;
		}
		va += (stride * count) << v->shift;
		src += count;
		r.index += count;
		n -= count;
	}
	return true;
}

void dojo_cursor_init(struct dojo_cursor *c, const struct dojo_view *v)
{
	struct dojo_view *m = &c->view;

	*m = *v;
	c->dims = 0;
	for (int i = 0; i < 4; i++) {
		unsigned int d = c->dims;

		if (v->dim[i] == 1)
			continue;
		if (d && v->stride[i] == m->stride[d - 1] * m->dim[d - 1]) {
			m->dim[d - 1] *= v->dim[i];
			continue;
		}
		m->dim[d] = v->dim[i];
		m->stride[d] = v->stride[i];
		c->dims++;
	}
	if (!c->dims) {
		c->dims = 1;
		m->dim[0] = 1;
		m->stride[0] = 1;
	}
	for (unsigned int i = c->dims; i < 4; i++) {
		m->dim[i] = 1;
		m->stride[i] = 0;
	}
}

/* The run of dim 0 that holds @index: its address, and how many follow in it */
static uint64_t cursor_run(const struct dojo_cursor *c, uint64_t index, uint64_t *left)
{
	const struct dojo_view *v = &c->view;
	uint64_t va = v->va;

	for (unsigned int i = 0; i + 1 < c->dims; i++) {
		uint64_t q = index / v->dim[i], r = index - q * v->dim[i];

		if (!i)
			*left = v->dim[0] - r;
		va += (r * v->stride[i]) << v->shift;
		index = q;
	}
	if (c->dims == 1)
		*left = v->dim[0] - index;
	return va + ((index * v->stride[c->dims - 1]) << v->shift);
}

/* The pieces of [index, index + n) that lie in one run of dim 0 each */
struct piece {
	uint64_t va;
	size_t done, count;
};

static bool next_piece(const struct dojo_cursor *c, uint64_t index, size_t n, struct piece *p)
{
	uint64_t left;

	p->done += p->count;
	if (p->done == n)
		return false;
	p->va = cursor_run(c, index + p->done, &left);
	p->count = left < n - p->done ? (size_t)left : n - p->done;
	return true;
}

const float *dojo_cursor_load(struct dojo_ctx *ctx, const struct dojo_cursor *c,
			      uint64_t index, size_t n, float *buf)
{
	uint64_t left, va = cursor_run(c, index, &left);
	struct piece p = {};

	if (left >= n)
		return dojo_load(ctx, &c->view, va, c->view.stride[0], n, buf);
	while (next_piece(c, index, n, &p))
		if (!dojo_load_into(ctx, &c->view, p.va, c->view.stride[0], p.count, buf + p.done))
			return NULL;
	return buf;
}

const void *dojo_cursor_codes(struct dojo_ctx *ctx, const struct dojo_cursor *c,
			      uint64_t index, size_t n, void *buf)
{
	uint64_t left, run, va = cursor_run(c, index, &left);
	uint64_t bytes = (uint64_t)n << c->view.shift;

	if (left >= n && c->view.stride[0] == 1) {
		const uint8_t *host = dojo_map(ctx, va, bytes, false, &run);

		if (host && run == bytes)
			return host;
		if (!host && ctx->fault->reason)
			return NULL;
	}
	return dojo_cursor_load_codes(ctx, c, index, n, buf) ? buf : NULL;
}

float *dojo_cursor_direct(struct dojo_ctx *ctx, const struct dojo_cursor *c,
			  uint64_t index, size_t n, size_t ahead)
{
	uint64_t left, va = cursor_run(c, index, &left);

	if (left < n)
		return NULL;
	return dojo_store_direct(ctx, &c->view, va, c->view.stride[0], n,
				 left < ahead ? (size_t)left : ahead);
}

bool dojo_cursor_store(struct dojo_ctx *ctx, const struct dojo_cursor *c,
		       uint64_t index, size_t n, const float *src,
		       const struct dojo_rounding *rounding)
{
	struct dojo_rounding r = *rounding;
	struct piece p = {};

	while (next_piece(c, index, n, &p)) {
		r.index = rounding->index + index + p.done;
		if (!dojo_store(ctx, &c->view, p.va, c->view.stride[0], p.count, src + p.done, &r))
			return false;
	}
	return true;
}

bool dojo_cursor_load_codes(struct dojo_ctx *ctx, const struct dojo_cursor *c,
			    uint64_t index, size_t n, void *buf)
{
	uint8_t *to = buf;
	struct piece p = {};

	while (next_piece(c, index, n, &p))
		if (!dojo_load_codes(ctx, &c->view, p.va, c->view.stride[0], p.count,
				     to + (p.done << c->view.shift)))
			return false;
	return true;
}

bool dojo_cursor_store_codes(struct dojo_ctx *ctx, const struct dojo_cursor *c,
			     uint64_t index, size_t n, const void *buf)
{
	const uint8_t *from = buf;
	struct piece p = {};

	while (next_piece(c, index, n, &p))
		if (!dojo_store_codes(ctx, &c->view, p.va, c->view.stride[0], p.count,
				      from + (p.done << c->view.shift)))
			return false;
	return true;
}
