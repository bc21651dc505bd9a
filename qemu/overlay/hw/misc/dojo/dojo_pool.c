/* SPDX-License-Identifier: GPL-2.0-or-later */
/* POOL and POOL_GRAD: maximum and average over windows of a plane */
#include "dojo_fp.h"
#include "dojo_opcode.h"

#define MAX_AREA	(1ull << 20)	/* of a window */
#define MAX_BAND	(1ull << 18)	/* elements of the rows that a window touches */
#define MAX_PLANE	(1ull << 20)	/* elements of a plane, for the gradient */

struct window {
	int64_t w, h;		/* of the plane */
	int64_t ow, oh;
	int64_t size[2], stride[2], pad[2];
};

static void window_of(struct window *v, const struct dojo_packet_compute *p,
		      const struct dojo_tensor *x, const struct dojo_tensor *y)
{
	v->w = x->dim[0];
	v->h = x->dim[1];
	v->ow = y->dim[0];
	v->oh = y->dim[1];
	for (int i = 0; i < 2; i++) {
		v->size[i] = p->u[0] >> (16 * i) & 0xffff;
		v->stride[i] = p->u[1] >> (16 * i) & 0xffff;
		v->pad[i] = p->u[2] >> (16 * i) & 0xffff;
	}
}

/* x {W, H, C, N}, y {OW, OH, C, N} */
static bool check_shapes(struct dojo_check *c, unsigned int tx, unsigned int ty)
{
	const struct dojo_packet_compute *p = c->p;
	const struct dojo_tensor *x = &p->tensor[tx], *y = &p->tensor[ty];
	struct window v;

	window_of(&v, p, x, y);
	for (unsigned int i = 0; i < 2; i++) {
		int64_t left = (int64_t)x->dim[i] + 2 * v.pad[i] - v.size[i];

		if (!v.size[i])
			return dojo_reject(c, DOJO_FIELD(u[0]));
		if (!v.stride[i])
			return dojo_reject(c, DOJO_FIELD(u[1]));
		/* Every window has an element of the plane */
		if (v.pad[i] >= v.size[i])
			return dojo_reject(c, DOJO_FIELD(u[2]));
		if (left < 0)
			return dojo_reject(c, DOJO_FIELD(u[0]));
		if (y->dim[i] != left / v.stride[i] + 1)
			return dojo_reject(c, DOJO_FIELD_DIM(ty, i));
	}
	for (unsigned int i = 2; i < 4; i++)
		if (y->dim[i] != x->dim[i])
			return dojo_reject(c, DOJO_FIELD_DIM(ty, i));
	if ((uint64_t)(v.size[0] * v.size[1]) > MAX_AREA)
		return dojo_reject(c, DOJO_FIELD(u[0]));
	if ((uint64_t)(v.w * v.size[1]) > MAX_BAND)
		return dojo_reject(c, DOJO_FIELD_DIM(tx, 0));
	return true;
}

bool dojo_check_pool(struct dojo_check *c)
{
	const struct dojo_packet_compute *p = c->p;
	uint64_t area = (uint64_t)(p->u[0] & 0xffff) * (p->u[0] >> 16), total, unit;

	if (!check_shapes(c, 0, 1) || !dojo_check_output(c, 1, 0))
		return false;
	dojo_count_read(c, 0);
	dojo_count_write(c, 1);
	total = dojo_elements(&p->tensor[1]);
	unit = (1ull << 20) / area;
	if (unit > dojo_unit_elements(total))
		unit = dojo_unit_elements(total);
	dojo_plan_items(c->op, total, unit);
	c->op->flop = total * area;
	return true;
}

/* Rows of the plane that a piece of outputs touches */
struct piece {
	int64_t from, to;
};

/* Outputs @first.. of a plane: *@n of them, less if their rows would not fit the band */
static void find_piece(const struct window *v, int64_t first, uint64_t *n, struct piece *p)
{
	int64_t most = ((int64_t)(2 * MAX_BAND) / v->w - v->size[1]) / v->stride[1] + 1;
	int64_t last;

	if (*n > (uint64_t)(most * v->ow - first % v->ow))
		*n = (uint64_t)(most * v->ow - first % v->ow);
	last = first + (int64_t)*n - 1;
	p->from = first / v->ow * v->stride[1] - v->pad[1];
	p->to = last / v->ow * v->stride[1] - v->pad[1] + v->size[1];
	if (p->from < 0)
		p->from = 0;
	if (p->to > v->h)
		p->to = v->h;
}

/* Those rows of plane @plane, one after the other, the whole width */
static bool load_band(struct dojo_ctx *ctx, const struct dojo_cursor *x, const struct window *v,
		      uint64_t plane, const struct piece *p, float *band)
{
	uint64_t index = (plane * (uint64_t)v->h + (uint64_t)p->from) * (uint64_t)v->w;
	size_t n = (size_t)((p->to - p->from) * v->w);
	const float *xs = dojo_cursor_load(ctx, x, index, n, band);

	if (!xs)
		return false;
	if (xs != band)
		memcpy(band, xs, n * sizeof(float));
	return true;
}

/* Windows ox..ox+n-1 of a row whose tap kx lies inside the plane: first and end */
static void inside(const struct window *v, int64_t ox, int64_t n, int64_t kx, int64_t *first,
		   int64_t *end)
{
	int64_t shift = v->pad[0] - kx, s = v->stride[0];

	/* 0 <= x s - shift < w */
	*first = shift > 0 ? (shift + s - 1) / s : 0;
	*end = v->w + shift > 0 ? (v->w + shift + s - 1) / s : 0;
	if (*first < ox)
		*first = ox;
	if (*end > ox + n)
		*end = ox + n;
	if (*end < *first)
		*end = *first;
}

/* Tap (kx, ky) of outputs @first..@first+n-1 of a plane, @none where there is nothing */
static void gather_tap(struct dojo_ctx *ctx, const struct window *v, int64_t kx, int64_t ky,
		       int64_t first, size_t n, const float *band, int64_t band_from,
		       float none, float *tap)
{
	int64_t oy = first / v->ow, ox = first % v->ow, left = (int64_t)n;

	for (; left; ox = 0, oy++) {
		int64_t count = v->ow - ox < left ? v->ow - ox : left;
		int64_t iy = oy * v->stride[1] - v->pad[1] + ky, from = ox, end = ox;

		if (iy >= 0 && iy < v->h)
			inside(v, ox, count, kx, &from, &end);
		for (int64_t i = ox; i < from; i++)
			tap[i - ox] = none;
		if (end > from)
			ctx->k->strided(tap + (from - ox),
					band + (iy - band_from) * v->w + from * v->stride[0] -
					v->pad[0] + kx, (size_t)(end - from), (size_t)v->stride[0]);
		for (int64_t i = end; i < ox + count; i++)
			tap[i - ox] = none;
		tap += count;
		left -= count;
	}
}

/* All taps of each output in order of (ky, kx) */
static void pool_piece(struct dojo_ctx *ctx, const struct window *v, unsigned int fn,
		       int64_t first, size_t n, const float *band, int64_t band_from,
		       float *tap, float *acc)
{
	bool max = fn == DOJO_POOL_MAX;
	float none = max ? -__builtin_inff() : 0.0f;

	for (size_t i = 0; i < n; i++)
		acc[i] = none;
	for (int64_t ky = 0; ky < v->size[1]; ky++)
		for (int64_t kx = 0; kx < v->size[0]; kx++) {
			gather_tap(ctx, v, kx, ky, first, n, band, band_from, none, tap);
			ctx->k->binary(acc, acc, tap, n,
				       max ? DOJO_BINARY_MAX : DOJO_BINARY_ADD, 0, 0);
		}
	if (!max)
		for (size_t i = 0; i < n; i++)
			acc[i] = acc[i] / (float)(v->size[0] * v->size[1]);
	ctx->k->canon(acc, n);
}

bool dojo_run_pool(const struct dojo_op *op, uint64_t unit, struct dojo_ctx *ctx)
{
	const struct dojo_packet_compute *p = dojo_compute(op);
	const struct dojo_rounding rounding = dojo_rounding_of(p);
	const struct dojo_range range = dojo_unit_range(op, unit);
	float *band = dojo_scratch(ctx, 2 * MAX_BAND * sizeof(float));
	float *tap = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float));
	float *acc = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float));
	struct dojo_cursor x, y;
	struct window v;
	uint64_t outputs;

	window_of(&v, p, &p->tensor[0], &p->tensor[1]);
	outputs = (uint64_t)(v.ow * v.oh);
	dojo_cursor_of(&x, &p->tensor[0]);
	dojo_cursor_of(&y, &p->tensor[1]);

	for (uint64_t i = range.first, n; i < range.last; i += n) {
		uint64_t plane = i / outputs;
		int64_t first = (int64_t)(i % outputs);
		struct piece piece;

		n = dojo_chunk(i, range.last);
		if (n > outputs - (uint64_t)first)
			n = outputs - (uint64_t)first;
		find_piece(&v, first, &n, &piece);
		if (!load_band(ctx, &x, &v, plane, &piece, band))
			return false;
		pool_piece(ctx, &v, p->fn, first, n, band, piece.from, tap, acc);
		if (!dojo_cursor_store(ctx, &y, i, n, acc, &rounding))
			return false;
	}
	return true;
}

enum { T_DY, T_X, T_DX };

/* plan[0]: planes, plan[1]: planes a unit */
bool dojo_check_pool_grad(struct dojo_check *c)
{
	const struct dojo_packet_compute *p = c->p;
	const struct dojo_tensor *dy = &p->tensor[T_DY], *x = &p->tensor[T_X];
	uint64_t area = (uint64_t)(p->u[0] & 0xffff) * (p->u[0] >> 16), plane, work;

	if (!check_shapes(c, T_X, T_DY) || !dojo_check_same_dims(c, T_DX, T_X) ||
	    !dojo_check_output(c, T_DX, 0))
		return false;
	plane = (uint64_t)x->dim[0] * x->dim[1];
	if (plane > MAX_PLANE)
		return dojo_reject(c, DOJO_FIELD_DIM(T_X, 1));
	work = (uint64_t)dy->dim[0] * dy->dim[1] * area;
	if (work > DOJO_UNIT_VISITS)
		return dojo_reject(c, DOJO_FIELD(u[0]));
	if (work < plane)
		work = plane;
	dojo_count_read(c, T_DY);
	if (p->fn == DOJO_POOL_MAX)
		dojo_count_read(c, T_X);
	dojo_count_write(c, T_DX);
	dojo_plan_items(c->op, (uint64_t)x->dim[2] * x->dim[3], (1u << 17) / work);
	c->op->flop = dojo_elements(dy) * area;
	return true;
}

struct spread {
	const struct window *v;
	float *acc;			/* the plane of dx */
	float *tap, *best, *part;
	int32_t *which;			/* winning tap: how far from the window's corner */
};

/*
 * Outputs @first..@first+n-1 of a plane, in order: each gives its dy to the
 * first of its maxima. best starts below everything, so that some tap wins.
 */
static void spread_max(struct dojo_ctx *ctx, struct spread *s, int64_t first, size_t n,
		       const float *dy, const float *band, int64_t band_from)
{
	const struct window *v = s->v;
	int64_t oy = first / v->ow, ox = first % v->ow;

	for (size_t i = 0; i < n; i++) {
		s->best[i] = -__builtin_inff();
		s->which[i] = -1;
	}
	for (int64_t ky = 0; ky < v->size[1]; ky++)
		for (int64_t kx = 0; kx < v->size[0]; kx++) {
			gather_tap(ctx, v, kx, ky, first, n, band, band_from, -__builtin_inff(),
				   s->tap);
			ctx->k->best(s->best, s->which, s->tap, n, (int32_t)(ky * v->w + kx));
		}
	for (size_t i = 0; i < n; i++) {
		int64_t y = oy * v->stride[1] - v->pad[1], x = ox * v->stride[0] - v->pad[0];
		int64_t at = y * v->w + x + s->which[i];

		/* Nothing but -Inf: the first tap that exists */
		if (s->which[i] < 0)
			at = (y < 0 ? 0 : y) * v->w + (x < 0 ? 0 : x);
		s->acc[at] = s->acc[at] + dy[i];
		if (++ox == v->ow) {
			ox = 0;
			oy++;
		}
	}
}

/*
 * One row of windows. An element gets its parts in order of the windows, which
 * is the reverse order of the taps by which they reach it.
 */
static void spread_average(struct dojo_ctx *ctx, struct spread *s, int64_t oy, int64_t ox,
			   int64_t n, const float *dy)
{
	const struct window *v = s->v;
	int64_t stride = v->stride[0];
	float area = (float)(v->size[0] * v->size[1]);

	for (int64_t i = 0; i < n; i++)
		s->part[i] = dy[i] / area;
	for (int64_t ky = 0; ky < v->size[1]; ky++) {
		int64_t iy = oy * v->stride[1] - v->pad[1] + ky;

		if (iy < 0 || iy >= v->h)
			continue;
		for (int64_t kx = v->size[0] - 1; kx >= 0; kx--) {
			int64_t from, end;
			float *to;

			inside(v, ox, n, kx, &from, &end);
			to = s->acc + iy * v->w + from * stride - v->pad[0] + kx;
			if (stride == 1)
				ctx->k->binary(to, to, s->part + (from - ox), (size_t)(end - from),
					       DOJO_BINARY_ADD, 0, 0);
			else
				for (int64_t i = from; i < end; i++, to += stride)
					*to = *to + s->part[i - ox];
		}
	}
}

bool dojo_run_pool_grad(const struct dojo_op *op, uint64_t unit, struct dojo_ctx *ctx)
{
	const struct dojo_packet_compute *p = dojo_compute(op);
	const struct dojo_rounding rounding = dojo_rounding_of(p);
	const struct dojo_range range = dojo_unit_range(op, unit);
	float *band = dojo_scratch(ctx, 2 * MAX_BAND * sizeof(float));
	float *dyb = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float));
	struct dojo_cursor dy, x, dx;
	struct window v;
	struct spread s = {
		.v = &v,
		.acc = dojo_scratch(ctx, MAX_PLANE * sizeof(float)),
		.tap = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float)),
		.best = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float)),
		.part = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float)),
		.which = dojo_scratch(ctx, DOJO_CHUNK * sizeof(int32_t)),
	};
	uint64_t outputs;
	size_t plane;

	window_of(&v, p, &p->tensor[T_X], &p->tensor[T_DY]);
	plane = (size_t)(v.w * v.h);
	outputs = (uint64_t)(v.ow * v.oh);
	dojo_cursor_of(&dy, &p->tensor[T_DY]);
	dojo_cursor_of(&x, &p->tensor[T_X]);
	dojo_cursor_of(&dx, &p->tensor[T_DX]);

	for (uint64_t i = range.first; i < range.last; i++) {
		memset(s.acc, 0, plane * sizeof(float));
		for (uint64_t at = 0, n; at < outputs; at += n) {
			struct piece piece;
			const float *d;

			n = dojo_chunk(at, outputs);
			find_piece(&v, (int64_t)at, &n, &piece);
			d = dojo_cursor_load(ctx, &dy, i * outputs + at, n, dyb);
			if (!d)
				return false;
			if (p->fn == DOJO_POOL_MAX) {
				if (!load_band(ctx, &x, &v, i, &piece, band))
					return false;
				spread_max(ctx, &s, (int64_t)at, n, d, band, piece.from);
				continue;
			}
			for (int64_t j = 0, count; j < (int64_t)n; j += count) {
				int64_t i0 = (int64_t)at + j, oy = i0 / v.ow, ox = i0 % v.ow;

				count = v.ow - ox < (int64_t)n - j ? v.ow - ox : (int64_t)n - j;
				spread_average(ctx, &s, oy, ox, count, d + j);
			}
		}
		ctx->k->canon(s.acc, plane);
		if (!dojo_cursor_store(ctx, &dx, i * plane, plane, s.acc, &rounding))
			return false;
	}
	return true;
}
