/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dojo_fp.h"
#include "dojo_patches.h"

/* Neighbours along x in one row of one image */
struct dojo_patch_run {
	uint64_t image;
	int64_t gx, gy;
	size_t n;
	int64_t t0;		/* t of the first float of its rows in the slab */
};

static int64_t magnitude(int64_t v)
{
	return v < 0 ? -v : v;
}

/* How far apart the taps of a point lie */
static int64_t span_of(const struct dojo_axis *a)
{
	return (a->taps - 1) * magnitude(a->step);
}

bool dojo_patches_fit(const struct dojo_axis *x, const struct dojo_axis *y)
{
	int64_t points = x->grid < DOJO_PATCH_POINTS ? x->grid : DOJO_PATCH_POINTS;
	int64_t runs = DOJO_PATCH_POINTS / points + 2;
	int64_t row = span_of(x) + points * x->mul;

	if (runs > DOJO_PATCH_POINTS)
		runs = DOJO_PATCH_POINTS;
	return y->taps <= DOJO_PATCH_TAPS &&
	       row * (runs * y->taps + 1) <= DOJO_PATCH_SLAB;
}

void dojo_patches_init(struct dojo_patches *p, struct dojo_ctx *ctx,
		       const struct dojo_tensor *image)
{
	dojo_view_init(&p->image, image);
	p->run = dojo_scratch(ctx, DOJO_PATCH_POINTS * sizeof(*p->run));
	p->row = dojo_scratch(ctx, (size_t)DOJO_PATCH_POINTS * DOJO_PATCH_TAPS * sizeof(*p->row));
	p->slab = dojo_scratch(ctx, DOJO_PATCH_SLAB * sizeof(float));
	p->loaded = false;
}

/* t of @a for a point and a tap */
static int64_t at(const struct dojo_axis *a, int64_t g, int64_t k)
{
	return g * a->mul + a->base + k * a->step;
}

/* Coordinate in the image, or -1 */
static int64_t inside(const struct dojo_axis *a, int64_t t)
{
	if (t < 0 || t % a->div || t / a->div >= a->extent)
		return -1;
	return t / a->div;
}

static void find_runs(struct dojo_patches *p, uint64_t first, size_t n)
{
	uint64_t gw = (uint64_t)p->x.grid, gh = (uint64_t)p->y.grid;

	p->runs = 0;
	while (n) {
		struct dojo_patch_run *r = &p->run[p->runs++];
		uint64_t left = gw - first % gw;

		r->gx = (int64_t)(first % gw);
		r->gy = (int64_t)(first / gw % gh);
		r->image = first / gw / gh;
		r->n = left < n ? (size_t)left : n;
		first += r->n;
		n -= r->n;
	}
}

/* Image elements at t0..t0+n-1 along x in row @iy, zeros where there are none */
static bool load_row(struct dojo_ctx *ctx, const struct dojo_patches *p, uint64_t image,
		     uint64_t channel, int64_t iy, int64_t t0, size_t n, float *out)
{
	const struct dojo_axis *a = &p->x;
	int64_t lo = t0 < 0 ? 0 : (t0 + a->div - 1) / a->div;
	int64_t hi = t0 + (int64_t)n - 1;
	float *to;

	hi = hi < 0 ? -1 : hi / a->div;
	if (hi >= a->extent)
		hi = a->extent - 1;
	if (a->div == 1) {
		size_t before = (size_t)(lo - t0), count;

		if (lo > hi) {
			memset(out, 0, n * sizeof(float));
			return true;
		}
		count = (size_t)(hi - lo + 1);
		memset(out, 0, before * sizeof(float));
		memset(out + before + count, 0, (n - before - count) * sizeof(float));
		return dojo_load_into(ctx, &p->image,
				      dojo_view_va(&p->image, (uint64_t)lo, (uint64_t)iy,
						   channel, image),
				      p->image.stride[0], count, out + before);
	}
	memset(out, 0, n * sizeof(float));
	if (lo > hi)
		return true;
	/* Spread: packed at the end, then taken apart from the front */
	to = out + n - (size_t)(hi - lo + 1);
	if (!dojo_load_into(ctx, &p->image,
			    dojo_view_va(&p->image, (uint64_t)lo, (uint64_t)iy, channel, image),
			    p->image.stride[0], (size_t)(hi - lo + 1), to))
		return false;
	for (int64_t i = lo; i <= hi; i++, to++) {
		float x = *to;

		*to = 0;
		out[i * a->div - t0] = x;
	}
	return true;
}

/* Rows that two runs need in common are next to each other: look there first */
struct kept {
	uint64_t image;
	int64_t iy, t0;
	size_t n;
	const float *data;
};

/* Fills the slab with the rows that the piece needs of one channel */
static bool load_slab(struct dojo_ctx *ctx, struct dojo_patches *p, uint64_t channel)
{
	const struct dojo_axis *x = &p->x, *y = &p->y;
	int64_t span = span_of(x), low = x->step < 0 ? -span : 0;
	int64_t points = x->grid < DOJO_PATCH_POINTS ? x->grid : DOJO_PATCH_POINTS;
	struct kept kept[64] = {};
	float *zeros = p->slab;
	size_t used;

	p->loaded = true;
	p->channel = channel;
	/* One row of zeros, as long as any, for what lies outside */
	used = (size_t)(span + points * x->mul);
	memset(zeros, 0, used * sizeof(float));

	for (size_t i = 0; i < p->runs; i++) {
		struct dojo_patch_run *r = &p->run[i];
		size_t n = (size_t)(span + ((int64_t)r->n - 1) * x->mul + 1);

		r->t0 = at(x, r->gx, 0) + low;
		for (int64_t k = 0; k < y->taps; k++) {
			int64_t iy = inside(y, at(y, r->gy, k));
			struct kept *c = &kept[(uint64_t)iy % 64];
			const float **row = &p->row[i * DOJO_PATCH_TAPS + (size_t)k];

			if (iy < 0) {
				*row = zeros;
				continue;
			}
			if (c->data && c->image == r->image && c->iy == iy && c->t0 <= r->t0 &&
			    r->t0 + (int64_t)n <= c->t0 + (int64_t)c->n) {
				*row = c->data + (r->t0 - c->t0);
				continue;
			}
			if (!load_row(ctx, p, r->image, channel, iy, r->t0, n, p->slab + used))
				return false;
			*row = p->slab + used;
			*c = (struct kept){ r->image, iy, r->t0, n, *row };
			used += n;
		}
	}
	return true;
}

static bool get_slowly(struct dojo_ctx *ctx, const struct dojo_patches *p, uint64_t channel,
		       int64_t kx, int64_t ky, float *out)
{
	for (size_t i = 0; i < p->runs; i++) {
		const struct dojo_patch_run *r = &p->run[i];
		int64_t iy = inside(&p->y, at(&p->y, r->gy, ky));

		for (size_t j = 0; j < r->n; j++, out++) {
			int64_t ix = inside(&p->x, at(&p->x, r->gx + (int64_t)j, kx));

			*out = 0;
			if (ix >= 0 && iy >= 0 &&
			    !dojo_load_into(ctx, &p->image,
					    dojo_view_va(&p->image, (uint64_t)ix, (uint64_t)iy,
							 channel, r->image), 1, 1, out))
				return false;
		}
	}
	return true;
}

bool dojo_patches_get(struct dojo_ctx *ctx, struct dojo_patches *p, uint64_t channel,
		      int64_t kx, int64_t ky, uint64_t first, size_t n, float *out)
{
	if (!p->loaded || p->first != first || p->n != n) {
		find_runs(p, first, n);
		p->first = first;
		p->n = n;
		p->loaded = false;
	}
	if (!dojo_patches_fit(&p->x, &p->y))
		return get_slowly(ctx, p, channel, kx, ky, out);
	if (!p->loaded || p->channel != channel)
		if (!load_slab(ctx, p, channel))
			return false;

	for (size_t i = 0; i < p->runs; i++) {
		const struct dojo_patch_run *r = &p->run[i];
		const float *row = p->row[i * DOJO_PATCH_TAPS + (size_t)ky] +
				   (at(&p->x, r->gx, kx) - r->t0);

		if (p->x.mul == 1)
			memcpy(out, row, r->n * sizeof(float));
		else
			for (size_t j = 0; j < r->n; j++)
				out[j] = row[(int64_t)j * p->x.mul];
		out += r->n;
	}
	return true;
}
