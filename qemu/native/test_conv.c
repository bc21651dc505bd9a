/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CONV2D and POOL with their gradients against loops over the definition */
#include <math.h>

#include "harness.h"

#if defined(__SANITIZE_ADDRESS__)
#define ROUNDS 15
#else
#define ROUNDS 100
#endif

static struct harness h;

struct shape {
	uint32_t w, h, c, n, kw, kh, o, ow, oh;
	int sx, sy, px, py, dx, dy;
};

static int out_size(uint32_t in, uint32_t k, int stride, int pad, int dilation)
{
	return ((int)in + 2 * pad - dilation * ((int)k - 1) - 1) / stride + 1;
}

static void random_shape(struct shape *s, bool large)
{
	do {
		*s = (struct shape){
			.w = 1 + test_below(large ? 40 : 12), .h = 1 + test_below(large ? 40 : 12),
			.c = 1 + test_below(5), .n = 1 + test_below(4),
			.kw = 1 + test_below(5), .kh = 1 + test_below(5), .o = 1 + test_below(6),
			.sx = 1 + (int)test_below(3), .sy = 1 + (int)test_below(3),
			.px = (int)test_below(4), .py = (int)test_below(4),
			.dx = 1 + (int)test_below(2), .dy = 1 + (int)test_below(3),
		};
		/* Now and then beyond what is kept in scratch */
		if (test_below(10) == 0) {
			s->kh = 33 + test_below(3);
			s->py = 20;
			s->dy = 1;
		}
	} while ((int)s->w + 2 * s->px < s->dx * ((int)s->kw - 1) + 1 ||
		 (int)s->h + 2 * s->py < s->dy * ((int)s->kh - 1) + 1);
	s->ow = (uint32_t)out_size(s->w, s->kw, s->sx, s->px, s->dx);
	s->oh = (uint32_t)out_size(s->h, s->kh, s->sy, s->py, s->dy);
}

static void set_geometry(const struct shape *s)
{
	h.t.p->u[0] = (uint32_t)s->sx | (uint32_t)s->sy << 16;
	h.t.p->u[1] = (uint32_t)s->px | (uint32_t)s->py << 16;
	h.t.p->u[2] = (uint32_t)s->dx | (uint32_t)s->dy << 16;
}

static int add(enum placing placing, uint32_t d0, uint32_t d1, uint32_t d2, uint32_t d3)
{
	unsigned int bias, format = harness_format(&bias);

	return harness_add(&h, format, bias, placing, d0, d1, d2, d3);
}

static enum placing any(void)
{
	return (enum placing)test_below(3);
}

static enum placing out(void)
{
	return (enum placing)test_below(2);
}

/* x at tap (kx, ky) of output (ox, oy); 0 in the padding */
static float tap(const struct shape *s, const float *x, uint32_t n, uint32_t c, uint32_t oy,
		 uint32_t ox, uint32_t ky, uint32_t kx)
{
	int iy = (int)oy * s->sy - s->py + (int)ky * s->dy;
	int ix = (int)ox * s->sx - s->px + (int)kx * s->dx;

	if (iy < 0 || ix < 0 || iy >= (int)s->h || ix >= (int)s->w)
		return 0;
	return x[((uint64_t)(n * s->c + c) * s->h + (uint32_t)iy) * s->w + (uint32_t)ix];
}

static float weight(const struct shape *s, const float *w, uint32_t o, uint32_t c, uint32_t ky,
		    uint32_t kx)
{
	return w[((uint64_t)(o * s->c + c) * s->kh + ky) * s->kw + kx];
}

static float ref_forward(const struct shape *s, const float *x, const float *w, uint32_t n,
			 uint32_t o, uint32_t oy, uint32_t ox)
{
	float acc = 0;

	for (uint32_t c = 0; c < s->c; c++)
		for (uint32_t ky = 0; ky < s->kh; ky++)
			for (uint32_t kx = 0; kx < s->kw; kx++)
				acc = fmaf(weight(s, w, o, c, ky, kx),
					   tap(s, x, n, c, oy, ox, ky, kx), acc);
	return acc;
}

/* Element (which) of result r in logical order, as its four indices */
static void indices(const struct dojo_tensor *t, uint64_t which, uint32_t i[4])
{
	for (int d = 0; d < 4; d++) {
		i[d] = (uint32_t)(which % t->dim[d]);
		which /= t->dim[d];
	}
}

static void test_forward(void)
{
	bool ok = true;

	for (int round = 0; round < 3 * ROUNDS; round++) {
		bool has_bias = round & 1;
		int x, w, y, bias = 0;
		struct shape s;
		float *want;

		random_shape(&s, round % 5 == 0);
		harness_wild = round % 7 == 0;
		harness_packet(&h, DOJO_OP_CONV2D, test_below(DOJO_ACT_TANH + 1));
		h.t.p->op_flags = has_bias ? DOJO_CONV_BIAS : 0;
		set_geometry(&s);
		x = add(any(), s.w, s.h, s.c, s.n);
		w = add(any(), s.kw, s.kh, s.c, s.o);
		y = add(out(), s.ow, s.oh, s.o, s.n);
		if (has_bias)
			bias = add(any(), s.o, 1, 1, 1);
		want = malloc(4 * h.o[y].count);
		for (uint64_t at = 0; at < h.o[y].count; at++) {
			uint32_t i[4];
			float acc;

			indices(&h.t.p->tensor[y], at, i);
			acc = ref_forward(&s, h.o[x].x, h.o[w].x, i[3], i[2], i[1], i[0]);
			if (has_bias)
				acc = acc + h.o[bias].x[i[2]];
			if (h.t.p->fn)
				acc = ref_unary(h.t.p->fn, acc, 0, 0);
			want[at] = acc;
		}
		harness_expect(&h, y, want);
		ok &= harness_run(&h);
		free(want);
	}
	test_ok(ok, "CONV2D: stride, padding, dilation, bias, activation");
}

/* dy where tap (kx, ky) of it used pixel (ix, iy); else 0 */
static float back_tap(const struct shape *s, const float *dy, uint32_t n, uint32_t o, int iy,
		      int ix, uint32_t ky, uint32_t kx)
{
	int ty = iy + s->py - (int)ky * s->dy, tx = ix + s->px - (int)kx * s->dx;

	if (ty < 0 || tx < 0 || ty % s->sy || tx % s->sx)
		return 0;
	ty /= s->sy;
	tx /= s->sx;
	if (ty >= (int)s->oh || tx >= (int)s->ow)
		return 0;
	return dy[((uint64_t)(n * s->o + o) * s->oh + (uint32_t)ty) * s->ow + (uint32_t)tx];
}

static float ref_grad_input(const struct shape *s, const float *dy, const float *w, uint32_t n,
			    uint32_t c, uint32_t iy, uint32_t ix)
{
	float acc = 0;

	for (uint32_t o = 0; o < s->o; o++)
		for (uint32_t ky = 0; ky < s->kh; ky++)
			for (uint32_t kx = 0; kx < s->kw; kx++)
				acc = fmaf(weight(s, w, o, c, ky, kx),
					   back_tap(s, dy, n, o, (int)iy, (int)ix, ky, kx), acc);
	return acc;
}

static void test_grad_input(void)
{
	bool ok = true;

	for (int round = 0; round < 2 * ROUNDS; round++) {
		struct shape s;
		int dy, w, dx;
		float *want;

		random_shape(&s, round % 5 == 0);
		harness_wild = round % 7 == 0;
		harness_packet(&h, DOJO_OP_CONV2D_GRAD_INPUT, 0);
		set_geometry(&s);
		dy = add(any(), s.ow, s.oh, s.o, s.n);
		w = add(any(), s.kw, s.kh, s.c, s.o);
		dx = add(out(), s.w, s.h, s.c, s.n);
		want = malloc(4 * h.o[dx].count);
		for (uint64_t at = 0; at < h.o[dx].count; at++) {
			uint32_t i[4];

			indices(&h.t.p->tensor[dx], at, i);
			want[at] = ref_grad_input(&s, h.o[dy].x, h.o[w].x, i[3], i[2], i[1], i[0]);
		}
		harness_expect(&h, dx, want);
		ok &= harness_run(&h);
		free(want);
	}
	test_ok(ok, "CONV2D_GRAD_INPUT");
}

static float ref_grad_weight(const struct shape *s, const float *dy, const float *x, uint32_t o,
			     uint32_t c, uint32_t ky, uint32_t kx)
{
	float acc = 0;

	for (uint32_t n = 0; n < s->n; n++)
		for (uint32_t oy = 0; oy < s->oh; oy++)
			for (uint32_t ox = 0; ox < s->ow; ox++)
				acc = fmaf(dy[((uint64_t)(n * s->o + o) * s->oh + oy) * s->ow + ox],
					   tap(s, x, n, c, oy, ox, ky, kx), acc);
	return acc;
}

static void test_grad_weight(void)
{
	bool ok = true;

	for (int round = 0; round < 2 * ROUNDS; round++) {
		bool has_bias = round & 1;
		struct shape s;
		uint64_t points;
		int dy, x, dw, dbias = 0;
		float *want, *sums, *terms;

		random_shape(&s, round % 5 == 0);
		harness_wild = round % 7 == 0;
		harness_packet(&h, DOJO_OP_CONV2D_GRAD_WEIGHT, 0);
		h.t.p->op_flags = has_bias ? DOJO_CONV_BIAS : 0;
		set_geometry(&s);
		dy = add(any(), s.ow, s.oh, s.o, s.n);
		x = add(any(), s.w, s.h, s.c, s.n);
		dw = add(out(), s.kw, s.kh, s.c, s.o);
		if (has_bias)
			dbias = add(out(), s.o, 1, 1, 1);
		points = (uint64_t)s.ow * s.oh * s.n;
		want = malloc(4 * h.o[dw].count);
		sums = malloc(4 * s.o);
		terms = malloc(4 * points);
		for (uint64_t at = 0; at < h.o[dw].count; at++) {
			uint32_t i[4];

			indices(&h.t.p->tensor[dw], at, i);
			want[at] = ref_grad_weight(&s, h.o[dy].x, h.o[x].x, i[3], i[2], i[1], i[0]);
		}
		for (uint32_t o = 0; o < s.o; o++) {
			uint64_t plane = (uint64_t)s.oh * s.ow;

			for (uint64_t i = 0; i < points; i++)
				terms[i] = h.o[dy].x[(i / plane * s.o + o) * plane + i % plane];
			sums[o] = ref_sum(terms, points);
		}
		harness_expect(&h, dw, want);
		if (has_bias)
			harness_expect(&h, dbias, sums);
		ok &= harness_run(&h);
		free(want);
		free(sums);
		free(terms);
	}
	test_ok(ok, "CONV2D_GRAD_WEIGHT, and of the bias");
}

static void random_window(struct shape *s)
{
	do {
		random_shape(s, test_below(4) == 0);
		s->dx = 1;
		s->dy = 1;
		s->kh = 1 + test_below(4);
		s->px = (int)test_below(s->kw);
		s->py = (int)test_below(s->kh);
	} while ((int)s->w + 2 * s->px < (int)s->kw || (int)s->h + 2 * s->py < (int)s->kh);
	s->ow = (uint32_t)out_size(s->w, s->kw, s->sx, s->px, 1);
	s->oh = (uint32_t)out_size(s->h, s->kh, s->sy, s->py, 1);
	h.t.p->u[0] = s->kw | s->kh << 16;
	h.t.p->u[1] = (uint32_t)s->sx | (uint32_t)s->sy << 16;
	h.t.p->u[2] = (uint32_t)s->px | (uint32_t)s->py << 16;
}

/* Tap (kx, ky) of window (ox, oy): where in the plane, or -1 */
static int64_t window_tap(const struct shape *s, uint32_t oy, uint32_t ox, uint32_t ky, uint32_t kx)
{
	int iy = (int)oy * s->sy - s->py + (int)ky, ix = (int)ox * s->sx - s->px + (int)kx;

	if (iy < 0 || ix < 0 || iy >= (int)s->h || ix >= (int)s->w)
		return -1;
	return (int64_t)iy * s->w + ix;
}

static float ref_pool(const struct shape *s, unsigned int fn, const float *plane, uint32_t oy,
		      uint32_t ox)
{
	float acc = fn == DOJO_POOL_MAX ? -INFINITY : 0;

	for (uint32_t ky = 0; ky < s->kh; ky++)
		for (uint32_t kx = 0; kx < s->kw; kx++) {
			int64_t i = window_tap(s, oy, ox, ky, kx);

			if (i < 0)
				continue;
			acc = fn == DOJO_POOL_MAX ? ref_max2(acc, plane[i]) : acc + plane[i];
		}
	return fn == DOJO_POOL_MAX ? acc : acc / (float)(s->kw * s->kh);
}

/* One window gives g to its first maximum, or a part of it to all its elements */
static void ref_pool_grad(const struct shape *s, unsigned int fn, float g, const float *plane,
			  float *dx, uint32_t oy, uint32_t ox)
{
	int64_t best = -1;

	for (uint32_t ky = 0; ky < s->kh; ky++)
		for (uint32_t kx = 0; kx < s->kw; kx++) {
			int64_t i = window_tap(s, oy, ox, ky, kx);

			if (i < 0)
				continue;
			if (fn == DOJO_POOL_AVERAGE)
				dx[i] = dx[i] + g / (float)(s->kw * s->kh);
			else if (best < 0 || ref_greater(plane[i], plane[best]))
				best = i;
		}
	if (best >= 0)
		dx[best] = dx[best] + g;
}

static void test_pool(unsigned int fn)
{
	bool ok = true;

	for (int round = 0; round < 3 * ROUNDS; round++) {
		struct shape s;
		float *want;
		int x, y;

		harness_wild = round % 3 == 0;
		harness_packet(&h, DOJO_OP_POOL, fn);
		random_window(&s);
		x = add(any(), s.w, s.h, s.c, s.n);
		y = add(out(), s.ow, s.oh, s.c, s.n);
		want = malloc(4 * h.o[y].count);
		for (uint64_t at = 0; at < h.o[y].count; at++) {
			const float *plane;
			uint32_t i[4];

			indices(&h.t.p->tensor[y], at, i);
			plane = h.o[x].x + (uint64_t)(i[3] * s.c + i[2]) * s.h * s.w;
			want[at] = ref_pool(&s, fn, plane, i[1], i[0]);
		}
		harness_expect(&h, y, want);
		ok &= harness_run(&h);
		free(want);
	}
	test_ok(ok, "POOL function %u", fn);
}

static void test_pool_grad(unsigned int fn)
{
	bool ok = true;

	for (int round = 0; round < 3 * ROUNDS; round++) {
		struct shape s;
		int dy, x, dx;
		float *want;

		harness_wild = round % 3 == 0;
		harness_packet(&h, DOJO_OP_POOL_GRAD, fn);
		random_window(&s);
		dy = add(any(), s.ow, s.oh, s.c, s.n);
		x = add(any(), s.w, s.h, s.c, s.n);
		dx = add(out(), s.w, s.h, s.c, s.n);
		want = calloc(h.o[dx].count, 4);
		for (uint64_t at = 0; at < h.o[dy].count; at++) {
			uint64_t plane;
			uint32_t i[4];

			indices(&h.t.p->tensor[dy], at, i);
			plane = (uint64_t)(i[3] * s.c + i[2]) * s.h * s.w;
			ref_pool_grad(&s, fn, h.o[dy].x[at], h.o[x].x + plane, want + plane, i[1],
				      i[0]);
		}
		harness_expect(&h, dx, want);
		ok &= harness_run(&h);
		free(want);
	}
	test_ok(ok, "POOL_GRAD function %u", fn);
}

int main(void)
{
	harness_init(&h, 32 << 20);
	test_forward();
	test_grad_input();
	test_grad_weight();
	for (unsigned int fn = DOJO_POOL_MAX; fn <= DOJO_POOL_AVERAGE; fn++) {
		test_pool(fn);
		test_pool_grad(fn);
	}
	harness_fini(&h);
	return test_end();
}
