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

static void test_forward(void)
{
	bool ok = true;

	for (int round = 0; round < 3 * ROUNDS; round++) {
		bool has_bias = round & 1;
		int x, w, y, bias = 0;
		struct shape s;
		float *want;
		uint64_t at = 0;

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
		for (uint32_t n = 0; n < s.n; n++)
			for (uint32_t o = 0; o < s.o; o++)
				for (uint32_t oy = 0; oy < s.oh; oy++)
					for (uint32_t ox = 0; ox < s.ow; ox++) {
						float acc = 0;

						for (uint32_t c = 0; c < s.c; c++)
							for (uint32_t ky = 0; ky < s.kh; ky++)
								for (uint32_t kx = 0; kx < s.kw; kx++)
									acc = fmaf(weight(&s, h.o[w].x, o, c, ky, kx),
										   tap(&s, h.o[x].x, n, c, oy, ox, ky, kx),
										   acc);
						if (has_bias)
							acc = acc + h.o[bias].x[o];
						if (h.t.p->fn)
							acc = ref_unary(h.t.p->fn, acc, 0, 0);
						want[at++] = acc;
					}
		harness_expect(&h, y, want);
		ok &= harness_run(&h);
		free(want);
	}
	test_ok(ok, "CONV2D: stride, padding, dilation, bias, activation");
}

static void test_grad_input(void)
{
	bool ok = true;

	for (int round = 0; round < 2 * ROUNDS; round++) {
		struct shape s;
		uint64_t at = 0;
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
		for (uint32_t n = 0; n < s.n; n++)
			for (uint32_t c = 0; c < s.c; c++)
				for (int iy = 0; iy < (int)s.h; iy++)
					for (int ix = 0; ix < (int)s.w; ix++) {
						float acc = 0;

						for (uint32_t o = 0; o < s.o; o++)
							for (uint32_t ky = 0; ky < s.kh; ky++)
								for (uint32_t kx = 0; kx < s.kw; kx++) {
									int ty = iy + s.py - (int)ky * s.dy;
									int tx = ix + s.px - (int)kx * s.dx;
									float g = 0;

									if (ty >= 0 && tx >= 0 && ty % s.sy == 0 &&
									    tx % s.sx == 0 && ty / s.sy < (int)s.oh &&
									    tx / s.sx < (int)s.ow)
										g = h.o[dy].x[((uint64_t)(n * s.o + o) * s.oh +
											(uint32_t)(ty / s.sy)) * s.ow +
											(uint32_t)(tx / s.sx)];
									acc = fmaf(weight(&s, h.o[w].x, o, c, ky, kx), g, acc);
								}
						want[at++] = acc;
					}
		harness_expect(&h, dx, want);
		ok &= harness_run(&h);
		free(want);
	}
	test_ok(ok, "CONV2D_GRAD_INPUT");
}

static void test_grad_weight(void)
{
	bool ok = true;

	for (int round = 0; round < 2 * ROUNDS; round++) {
		bool has_bias = round & 1;
		struct shape s;
		uint64_t at = 0, points;
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
		for (uint32_t o = 0; o < s.o; o++) {
			uint64_t i = 0;

			for (uint32_t c = 0; c < s.c; c++)
				for (uint32_t ky = 0; ky < s.kh; ky++)
					for (uint32_t kx = 0; kx < s.kw; kx++) {
						float acc = 0;

						for (uint32_t n = 0; n < s.n; n++)
							for (uint32_t oy = 0; oy < s.oh; oy++)
								for (uint32_t ox = 0; ox < s.ow; ox++)
									acc = fmaf(h.o[dy].x[((uint64_t)(n * s.o + o) * s.oh +
										oy) * s.ow + ox],
										tap(&s, h.o[x].x, n, c, oy, ox, ky, kx), acc);
						want[at++] = acc;
					}
			for (uint32_t n = 0; n < s.n; n++)
				for (uint32_t p = 0; p < s.ow * s.oh; p++)
					terms[i++] = h.o[dy].x[(uint64_t)(n * s.o + o) * s.oh * s.ow + p];
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

static void test_pool(unsigned int fn)
{
	bool ok = true;

	for (int round = 0; round < 3 * ROUNDS; round++) {
		struct shape s;
		uint64_t at = 0;
		float *want;
		int x, y;

		harness_wild = round % 3 == 0;
		harness_packet(&h, DOJO_OP_POOL, fn);
		random_window(&s);
		x = add(any(), s.w, s.h, s.c, s.n);
		y = add(out(), s.ow, s.oh, s.c, s.n);
		want = malloc(4 * h.o[y].count);
		for (uint64_t plane = 0; plane < (uint64_t)s.c * s.n; plane++)
			for (int oy = 0; oy < (int)s.oh; oy++)
				for (int ox = 0; ox < (int)s.ow; ox++) {
					float acc = fn == DOJO_POOL_MAX ? -INFINITY : 0;

					for (int ky = 0; ky < (int)s.kh; ky++)
						for (int kx = 0; kx < (int)s.kw; kx++) {
							int iy = oy * s.sy - s.py + ky, ix = ox * s.sx - s.px + kx;
							float v;

							if (iy < 0 || ix < 0 || iy >= (int)s.h || ix >= (int)s.w)
								continue;
							v = h.o[x].x[(plane * s.h + (uint32_t)iy) * s.w + (uint32_t)ix];
							acc = fn == DOJO_POOL_MAX ? ref_max2(acc, v) : acc + v;
						}
					want[at++] = fn == DOJO_POOL_MAX ? acc : acc / (float)(s.kw * s.kh);
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
		uint64_t at = 0;
		int dy, x, dx;
		float *want;

		harness_wild = round % 3 == 0;
		harness_packet(&h, DOJO_OP_POOL_GRAD, fn);
		random_window(&s);
		dy = add(any(), s.ow, s.oh, s.c, s.n);
		x = add(any(), s.w, s.h, s.c, s.n);
		dx = add(out(), s.w, s.h, s.c, s.n);
		want = calloc(h.o[dx].count, 4);
		for (uint64_t plane = 0; plane < (uint64_t)s.c * s.n; plane++)
			for (int oy = 0; oy < (int)s.oh; oy++)
				for (int ox = 0; ox < (int)s.ow; ox++) {
					float g = h.o[dy].x[at++], area = (float)(s.kw * s.kh);
					uint64_t best = UINT64_MAX;

					for (int ky = 0; ky < (int)s.kh; ky++)
						for (int kx = 0; kx < (int)s.kw; kx++) {
							int iy = oy * s.sy - s.py + ky, ix = ox * s.sx - s.px + kx;
							uint64_t i = (plane * s.h + (uint32_t)iy) * s.w + (uint32_t)ix;

							if (iy < 0 || ix < 0 || iy >= (int)s.h || ix >= (int)s.w)
								continue;
							if (fn == DOJO_POOL_AVERAGE)
								want[i] = want[i] + g / area;
							else if (best == UINT64_MAX ||
								 ref_greater(h.o[x].x[i], h.o[x].x[best]))
								best = i;
						}
					if (fn == DOJO_POOL_MAX)
						want[best] = want[best] + g;
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
