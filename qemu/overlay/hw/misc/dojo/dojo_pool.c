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

/* Rows @from.. of plane @plane, one after the other, the whole width */
static bool load_band(struct dojo_ctx *ctx, const struct dojo_cursor *x, const struct window *v,
		      uint64_t plane, int64_t from, int64_t rows, float *band)
{
	uint64_t index = (plane * (uint64_t)v->h + (uint64_t)from) * (uint64_t)v->w;
	size_t n = (size_t)(rows * v->w);
	const float *xs = dojo_cursor_load(ctx, x, index, n, band);

	if (!xs)
		return false;
	if (xs != band)
		memcpy(band, xs, n * sizeof(float));
	return true;
}

/* Outputs @first..@first+n-1 of a plane, all taps of each in order of (ky, kx) */
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
			int64_t oy = first / v->ow, ox = first % v->ow;

			for (size_t i = 0; i < n; ) {
				int64_t iy = oy * v->stride[1] - v->pad[1] + ky;
				int64_t ix = ox * v->stride[0] - v->pad[0] + kx;
				bool outside = iy < 0 || iy >= v->h;
				const float *row = outside ? band : band + (iy - band_from) * v->w;

				for (; i < n && ox < v->ow; i++, ox++, ix += v->stride[0])
					tap[i] = outside || ix < 0 || ix >= v->w ? none : row[ix];
				ox = 0;
				oy++;
			}
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
		int64_t first = (int64_t)(i % outputs), from, to, most;

		n = dojo_chunk(i, range.last);
		if (n > outputs - (uint64_t)first)
			n = outputs - (uint64_t)first;
		/* No more rows of outputs than the band holds input for */
		most = ((int64_t)(2 * MAX_BAND) / v.w - v.size[1]) / v.stride[1] + 1;
		if ((int64_t)n > most * v.ow - first % v.ow)
			n = (uint64_t)(most * v.ow - first % v.ow);
		from = first / v.ow * v.stride[1] - v.pad[1];
		to = (first + (int64_t)n - 1) / v.ow * v.stride[1] - v.pad[1] + v.size[1];
		if (from < 0)
			from = 0;
		if (to > v.h)
			to = v.h;
		if (!load_band(ctx, &x, &v, plane, from, to - from, band))
			return false;
		pool_piece(ctx, &v, p->fn, first, n, band, from, tap, acc);
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

static bool better(float x, float best)
{
	return x > best || (x != x && best == best);
}

/* One row of windows: each gives its dy to its first maximum, or to all its elements */
static void spread_row(const struct window *v, unsigned int fn, int64_t oy, const float *dy,
		       int64_t ox0, int64_t n, const float *band, int64_t band_from, float *acc)
{
	int64_t y0 = oy * v->stride[1] - v->pad[1], y1 = y0 + v->size[1];
	float area = (float)(v->size[0] * v->size[1]);

	if (y0 < 0)
		y0 = 0;
	if (y1 > v->h)
		y1 = v->h;
	for (int64_t ox = ox0; ox < ox0 + n; ox++) {
		int64_t x0 = ox * v->stride[0] - v->pad[0], x1 = x0 + v->size[0];
		int64_t where;
		float d = dy[ox - ox0], best;

		if (x0 < 0)
			x0 = 0;
		if (x1 > v->w)
			x1 = v->w;
		if (fn == DOJO_POOL_AVERAGE) {
			d = d / area;
			for (int64_t y = y0; y < y1; y++)
				for (int64_t x = x0; x < x1; x++)
					acc[y * v->w + x] = acc[y * v->w + x] + d;
			continue;
		}
		where = y0 * v->w + x0;
		best = band[(y0 - band_from) * v->w + x0];
		for (int64_t y = y0; y < y1; y++)
			for (int64_t x = x0; x < x1; x++) {
				float e = band[(y - band_from) * v->w + x];

				if (better(e, best)) {
					best = e;
					where = y * v->w + x;
				}
			}
		acc[where] = acc[where] + d;
	}
}

bool dojo_run_pool_grad(const struct dojo_op *op, uint64_t unit, struct dojo_ctx *ctx)
{
	const struct dojo_packet_compute *p = dojo_compute(op);
	const struct dojo_rounding rounding = dojo_rounding_of(p);
	const struct dojo_range range = dojo_unit_range(op, unit);
	float *acc = dojo_scratch(ctx, MAX_PLANE * sizeof(float));
	float *band = dojo_scratch(ctx, MAX_BAND * sizeof(float));
	float *dyb = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float));
	struct dojo_cursor dy, x, dx;
	struct window v;
	size_t plane;

	window_of(&v, p, &p->tensor[T_X], &p->tensor[T_DY]);
	plane = (size_t)(v.w * v.h);
	dojo_cursor_of(&dy, &p->tensor[T_DY]);
	dojo_cursor_of(&x, &p->tensor[T_X]);
	dojo_cursor_of(&dx, &p->tensor[T_DX]);

	for (uint64_t i = range.first; i < range.last; i++) {
		memset(acc, 0, plane * sizeof(float));
		for (int64_t oy = 0; oy < v.oh; oy++) {
			int64_t from = oy * v.stride[1] - v.pad[1], to = from + v.size[1];

			if (from < 0)
				from = 0;
			if (to > v.h)
				to = v.h;
			if (p->fn == DOJO_POOL_MAX &&
			    !load_band(ctx, &x, &v, i, from, to - from, band))
				return false;
			for (int64_t ox = 0, n; ox < v.ow; ox += n) {
				uint64_t at = (i * (uint64_t)v.oh + (uint64_t)oy) * (uint64_t)v.ow;
				const float *d;

				n = (int64_t)dojo_chunk((uint64_t)ox, (uint64_t)v.ow);
				d = dojo_cursor_load(ctx, &dy, at + (uint64_t)ox, (size_t)n, dyb);
				if (!d)
					return false;
				spread_row(&v, p->fn, oy, d, ox, n, band, from, acc);
			}
		}
		ctx->k->canon(acc, plane);
		if (!dojo_cursor_store(ctx, &dx, i * plane, plane, acc, &rounding))
			return false;
	}
	return true;
}
