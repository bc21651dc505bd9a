/* SPDX-License-Identifier: GPL-2.0-or-later */
/* REDUCE, SOFTMAX, CROSS_ENTROPY, NORM, their gradients, ROPE, GATHER, SCATTER */
#include <math.h>

#include "harness.h"

#if defined(__SANITIZE_ADDRESS__)
#define ROUNDS 10
#else
#define ROUNDS 60
#endif
#define EPSILON 0.00001f

static struct harness h;

static int add(enum placing placing, uint32_t d0, uint32_t d1, uint32_t d2, uint32_t d3)
{
	unsigned int bias, format = harness_format(&bias);

	return harness_add(&h, format, bias, placing, d0, d1, d2, d3);
}

static void random_rounding(void)
{
	if (test_below(3))
		return;
	h.t.p->round = DOJO_ROUND_STOCHASTIC;
	h.t.p->seed = test_random();
	h.t.p->rng_base = test_random();
}

static float *room(uint64_t n)
{
	return malloc(4 * n);
}

static uint32_t length(void)
{
	return test_below(4) == 0 ? 1 + test_below(3000) : 1 + test_below(70);
}

static void test_reduce(unsigned int fn)
{
	bool ok = true;

	for (int round = 0; round < 2 * ROUNDS; round++) {
		uint32_t d[4], e[4], dims = 1 + test_below(15);
		float *want, *terms;
		int32_t *index;
		int x, y;

		if (fn == DOJO_REDUCE_ARGMAX)
			dims = 1u << test_below(4);
		for (int i = 0; i < 4; i++)
			d[i] = 1 + test_below(9);
		d[test_below(4)] = length();
		for (int i = 0; i < 4; i++)
			e[i] = dims & (1u << i) ? 1 : d[i];
		harness_wild = round % 3 == 0;
		harness_packet(&h, DOJO_OP_REDUCE, fn);
		h.t.p->u[0] = dims;
		random_rounding();
		x = add(PLACE_BROADCAST, d[0], d[1], d[2], d[3]);
		if (fn == DOJO_REDUCE_ARGMAX)
			y = harness_add(&h, DOJO_FORMAT_INT32, 0, PLACE_ANY, e[0], e[1], e[2],
					e[3]);
		else
			y = add(PLACE_ANY, e[0], e[1], e[2], e[3]);
		want = room(h.o[y].count);
		index = malloc(4 * h.o[y].count);
		terms = room(h.o[x].count);
		for (uint64_t o = 0; o < h.o[y].count; o++) {
			uint64_t i[4], rest = o, n = 0;

			for (int k = 0; k < 4; k++) {
				i[k] = rest % e[k];
				rest /= e[k];
			}
			/* Terms in logical order: term t counts up in the reduced dims */
			for (n = 0; n < h.o[x].count / h.o[y].count; n++) {
				uint64_t t = n, j[4];

				for (int k = 0; k < 4; k++) {
					j[k] = e[k] == 1 ? t % d[k] : i[k];
					t /= e[k] == 1 ? d[k] : 1;
				}
				terms[n] = h.o[x].x[harness_index(&h.t.p->tensor[x], j[0], j[1],
								  j[2], j[3])];
			}
			want[o] = fn == DOJO_REDUCE_ABSMAX ? fabsf(terms[0]) : terms[0];
			index[o] = 0;
			for (uint64_t t = 1; t < n; t++) {
				float v = fn == DOJO_REDUCE_ABSMAX ? fabsf(terms[t]) : terms[t];

				if (fn == DOJO_REDUCE_ARGMAX && ref_greater(v, terms[index[o]]))
					index[o] = (int32_t)t;
				want[o] = ref_max2(want[o], v);
			}
			if (fn == DOJO_REDUCE_SUM)
				want[o] = ref_sum(terms, n);
			if (fn == DOJO_REDUCE_MEAN)
				want[o] = ref_sum(terms, n) / (float)n;
		}
		if (fn == DOJO_REDUCE_ARGMAX)
			harness_expect_codes(&h, y, (uint32_t *)index);
		else
			harness_expect(&h, y, want);
		ok &= harness_run(&h);
		free(want);
		free(index);
		free(terms);
	}
	test_ok(ok, "REDUCE function %u, any dims", fn);
}

static void ref_softmax(float *y, const float *s, size_t n)
{
	float max = s[0], scale;

	for (size_t i = 1; i < n; i++)
		max = ref_max2(max, s[i]);
	for (size_t i = 0; i < n; i++)
		y[i] = ref_exp(s[i] - max);
	scale = 1 / ref_sum(y, n);
	for (size_t i = 0; i < n; i++)
		y[i] = y[i] * scale;
}

static void test_softmax(void)
{
	bool ok = true;

	for (int round = 0; round < 3 * ROUNDS; round++) {
		uint32_t flags = test_below(4), n = length();
		uint32_t d[3] = { 1 + test_below(12), 1 + test_below(3), 1 + test_below(3) };
		float f0 = test_below(2) ? 1 : 3 * test_float(), *want, *s = room(n);
		int x, y, mask = 0;

		harness_wild = round % 4 == 0;
		harness_scale = 4;
		harness_packet(&h, DOJO_OP_SOFTMAX, 0);
		h.t.p->op_flags = flags;
		test_set_f(&h.t, 0, f0);
		if (flags & DOJO_SOFTMAX_CAUSAL)
			h.t.p->u[0] = test_below(n);
		random_rounding();
		x = add(PLACE_BROADCAST, n, d[0], d[1], d[2]);
		if (test_below(3))
			y = add(PLACE_ANY, n, d[0], d[1], d[2]);
		else
			y = h.t.p->tensor[x].stride[0] && h.t.p->tensor[x].stride[1] &&
			    h.t.p->tensor[x].stride[2] && h.t.p->tensor[x].stride[3] ?
				harness_alias(&h, x) : add(PLACE_DENSE, n, d[0], d[1], d[2]);
		if (flags & DOJO_SOFTMAX_MASK)
			mask = add(PLACE_BROADCAST, n, d[0], d[1], d[2]);
		want = room(h.o[y].count);
		for (uint64_t r = 0; r < h.o[y].count / n; r++) {
			for (uint64_t i = 0; i < n; i++) {
				float v = h.o[x].x[r * n + i];

				s[i] = f0 * v;
				if (flags & DOJO_SOFTMAX_MASK)
					s[i] = fmaf(f0, v, h.o[mask].x[r * n + i]);
				if (flags & DOJO_SOFTMAX_CAUSAL && i > r % d[0] + h.t.p->u[0])
					s[i] = -INFINITY;
			}
			ref_softmax(want + r * n, s, n);
		}
		harness_expect(&h, y, want);
		ok &= harness_run(&h);
		free(want);
		free(s);
	}
	harness_scale = 1;
	test_ok(ok, "SOFTMAX with mask and causal, in place too");
}

static void test_softmax_grad(void)
{
	bool ok = true;

	for (int round = 0; round < 2 * ROUNDS; round++) {
		uint32_t n = length(), rows = 1 + test_below(12);
		float f0 = test_float(), *want;
		int dy, y, dx;

		harness_wild = round % 4 == 0;
		harness_packet(&h, DOJO_OP_SOFTMAX_GRAD, 0);
		test_set_f(&h.t, 0, f0);
		random_rounding();
		dy = add(PLACE_ANY, n, rows, 1, 2);
		y = add(PLACE_BROADCAST, n, rows, 1, 2);
		dx = round & 1 ? harness_alias(&h, dy) : add(PLACE_ANY, n, rows, 1, 2);
		want = room(h.o[dx].count);
		for (uint64_t r = 0; r < 2 * rows; r++) {
			const float *g = h.o[dy].x + r * n, *s = h.o[y].x + r * n;
			float dot = ref_dot(g, s, n);

			for (uint64_t i = 0; i < n; i++)
				want[r * n + i] = s[i] * (g[i] - dot) * f0;
		}
		harness_expect(&h, dx, want);
		ok &= harness_run(&h);
		free(want);
	}
	test_ok(ok, "SOFTMAX_GRAD");
}

static void test_cross_entropy(void)
{
	bool ok = true;

	for (int round = 0; round < 2 * ROUNDS; round++) {
		uint32_t n = length(), rows = 1 + test_below(30);
		bool grad = round & 1;
		float f0 = grad ? test_float() : 0, *loss = room(rows);
		float *dx = room((uint64_t)n * rows);
		float *e = room(n);
		int32_t *label = malloc(4 * rows);
		int x, l, y, g = 0;

		harness_wild = round % 5 == 0;
		harness_scale = 6;
		harness_packet(&h, DOJO_OP_CROSS_ENTROPY, 0);
		h.t.p->op_flags = grad;
		test_set_f(&h.t, 0, f0);
		random_rounding();
		x = add(round & 2 ? PLACE_ANY : PLACE_BROADCAST, n, rows, 1, 1);
		l = harness_add(&h, DOJO_FORMAT_INT32, 0, PLACE_ANY, rows, 1, 1, 1);
		y = add(PLACE_ANY, rows, 1, 1, 1);
		if (grad)
			g = round & 2 ? harness_alias(&h, x) : add(PLACE_ANY, n, rows, 1, 1);
		for (uint32_t r = 0; r < rows; r++)
			label[r] = (int32_t)test_below(n);
		harness_set_ints(&h, l, label);
		for (uint32_t r = 0; r < rows; r++) {
			const float *s = h.o[x].x + (uint64_t)r * n;
			float max = s[0], sum, scale;

			for (uint32_t i = 1; i < n; i++)
				max = ref_max2(max, s[i]);
			for (uint32_t i = 0; i < n; i++)
				e[i] = ref_exp(s[i] - max);
			sum = ref_sum(e, n);
			scale = 1 / sum;
			loss[r] = (max - s[label[r]]) + ref_log(sum);
			for (uint32_t i = 0; i < n; i++) {
				float p = e[i] * scale;

				if (i == (uint32_t)label[r])
					p = p - 1;
				dx[(uint64_t)r * n + i] = p * f0;
			}
		}
		harness_expect(&h, y, loss);
		if (grad)
			harness_expect(&h, g, dx);
		ok &= harness_run(&h);
		if (round % 8 == 0) {
			label[rows - 1] = round & 8 ? -1 : (int32_t)n;
			harness_set_ints(&h, l, label);
			ok &= harness_faults(&h, DOJO_FAULT_FIELD, 64 + 64 * (size_t)l);
		}
		free(loss);
		free(dx);
		free(e);
		free(label);
	}
	harness_scale = 1;
	test_ok(ok, "CROSS_ENTROPY, its gradient, and labels out of range");
}

/* Mean and 1 / sqrt(variance + epsilon) */
static void ref_stats(unsigned int fn, const float *x, uint32_t n, float eps, float *mean,
		      float *scale)
{
	float *d = room(n);

	*mean = fn == DOJO_NORM_LAYER ? ref_sum(x, n) / (float)n : 0;
	for (uint32_t i = 0; i < n; i++)
		d[i] = x[i] - *mean;
	*scale = 1 / sqrtf(ref_dot(d, d, n) / (float)n + eps);
	free(d);
}

static void test_norm(unsigned int fn)
{
	bool ok = true;

	for (int round = 0; round < 2 * ROUNDS; round++) {
		uint32_t flags = test_below(4), n = length();
		uint32_t d[3] = { 1 + test_below(9), 1 + test_below(3), 2 };
		int x, y, gamma = 0, beta = 0;
		float *want;

		harness_wild = round % 6 == 0;
		harness_packet(&h, DOJO_OP_NORM, fn);
		h.t.p->op_flags = flags;
		test_set_f(&h.t, 0, EPSILON);
		random_rounding();
		x = add(PLACE_ANY, n, d[0], d[1], d[2]);
		y = round & 1 ? harness_alias(&h, x) : add(PLACE_ANY, n, d[0], d[1], d[2]);
		if (flags & DOJO_NORM_GAMMA)
			gamma = add(PLACE_BROADCAST, n, 1, 1, 1);
		if (flags & DOJO_NORM_BETA)
			beta = add(PLACE_BROADCAST, n, 1, 1, 1);
		want = room(h.o[y].count);
		for (uint64_t r = 0; r < h.o[y].count / n; r++) {
			float mean, scale;

			ref_stats(fn, h.o[x].x + r * n, n, EPSILON, &mean, &scale);
			for (uint64_t i = 0; i < n; i++) {
				float t = (h.o[x].x[r * n + i] - mean) * scale;

				if (flags == (DOJO_NORM_GAMMA | DOJO_NORM_BETA))
					t = fmaf(t, h.o[gamma].x[i], h.o[beta].x[i]);
				else if (flags == DOJO_NORM_GAMMA)
					t = t * h.o[gamma].x[i];
				else if (flags == DOJO_NORM_BETA)
					t = t + h.o[beta].x[i];
				want[r * n + i] = t;
			}
		}
		harness_expect(&h, y, want);
		ok &= harness_run(&h);
		free(want);
	}
	test_ok(ok, "NORM function %u", fn);
}

static void test_norm_grad(unsigned int fn)
{
	bool ok = true;

	for (int round = 0; round < 2 * ROUNDS; round++) {
		uint32_t flags = test_below(4), n = length(), rows;
		uint32_t d[3] = { 1 + test_below(40), 1 + test_below(3), 1 + test_below(2) };
		int dy, x, dx, gamma = 0, dgamma = 0, dbeta = 0;
		float *want, *xhat, *g, *t, *column;

		harness_wild = round % 6 == 0;
		harness_packet(&h, DOJO_OP_NORM_GRAD, fn);
		h.t.p->op_flags = flags;
		test_set_f(&h.t, 0, EPSILON);
		random_rounding();
		rows = d[0] * d[1] * d[2];
		dy = add(flags ? PLACE_BROADCAST : PLACE_ANY, n, d[0], d[1], d[2]);
		x = add(PLACE_BROADCAST, n, d[0], d[1], d[2]);
		if (!flags && round & 1)
			dx = harness_alias(&h, dy);
		else
			dx = add(PLACE_ANY, n, d[0], d[1], d[2]);
		if (flags & DOJO_NORM_GAMMA) {
			gamma = add(PLACE_BROADCAST, n, 1, 1, 1);
			dgamma = add(PLACE_ANY, n, 1, 1, 1);
		}
		if (flags & DOJO_NORM_BETA)
			dbeta = add(PLACE_ANY, n, 1, 1, 1);
		want = room((uint64_t)n * rows);
		xhat = room((uint64_t)n * rows);
		g = room(n);
		t = room(rows);
		column = room(rows);
		for (uint64_t r = 0; r < rows; r++) {
			const float *gy = h.o[dy].x + r * n;
			float mean, scale, c1 = 0, c2;

			ref_stats(fn, h.o[x].x + r * n, n, EPSILON, &mean, &scale);
			for (uint64_t i = 0; i < n; i++) {
				xhat[r * n + i] = (h.o[x].x[r * n + i] - mean) * scale;
				g[i] = flags & DOJO_NORM_GAMMA ? gy[i] * h.o[gamma].x[i] : gy[i];
			}
			if (fn == DOJO_NORM_LAYER)
				c1 = ref_sum(g, n) / (float)n;
			c2 = ref_dot(g, xhat + r * n, n) / (float)n;
			for (uint64_t i = 0; i < n; i++)
				want[r * n + i] = fmaf(-xhat[r * n + i], c2, g[i] - c1) * scale;
		}
		harness_expect(&h, dx, want);
		for (int which = 0; which < 2; which++) {
			float *sum = room(n);

			for (uint64_t i = 0; i < n; i++) {
				for (uint64_t r = 0; r < rows; r++) {
					column[r] = h.o[dy].x[r * n + i];
					t[r] = xhat[r * n + i];
				}
				sum[i] = which ? ref_sum(column, rows) : ref_dot(column, t, rows);
			}
			if (!which && flags & DOJO_NORM_GAMMA)
				harness_expect(&h, dgamma, sum);
			if (which && flags & DOJO_NORM_BETA)
				harness_expect(&h, dbeta, sum);
			free(sum);
		}
		ok &= harness_run(&h);
		free(want);
		free(xhat);
		free(g);
		free(t);
		free(column);
	}
	test_ok(ok, "NORM_GRAD function %u", fn);
}

struct rope {
	uint32_t head, turn, heads, n, flags;
	int x, y;
	int32_t *pos;
	uint64_t off, all;	/* results of moderate positions, and those not as below */
};

/*
 * Element i of row: angles in long double. Sines are then correctly rounded but
 * for the rarest of cases.
 */
static bool rope_element(struct rope *r, uint64_t row, uint32_t i)
{
	long double angle, want;
	bool halves = r->flags & DOJO_ROPE_HALVES;
	uint32_t half = r->turn / 2, j = halves ? i % half : i / 2;
	uint32_t first = halves ? j : 2 * j, second = halves ? j + half : 2 * j + 1;
	int32_t pos = r->pos[row / r->heads % r->n];
	const float *x = h.o[r->x].x + row * r->head;
	float got, s, c, a, b, exact;

	got = harness_read(&h, r->y, row * r->head + i);
	angle = pos * powl(10000, -2.0L * j / r->turn);
	if (i >= r->turn)
		return test_bits(got) == test_bits(x[i]);
	s = (float)sinl(angle);
	c = (float)cosl(angle);
	if (r->flags & DOJO_ROPE_INVERSE)
		s = -s;
	a = x[first];
	b = x[second];
	if (i == first) {
		exact = fmaf(a, c, -(b * s));
		want = (long double)a * c - (long double)b * s;
	} else {
		exact = fmaf(b, c, a * s);
		want = (long double)b * c + (long double)a * s;
	}
	if (abs(pos) < 65536) {
		r->off += test_bits(got) != test_bits(exact);
		r->all++;
	}
	return fabsl(got - want) <= 0.000001L * (fabsf(a) + fabsf(b));
}

static void test_rope(void)
{
	struct rope r = {};
	bool ok = true;

	for (int round = 0; round < ROUNDS; round++) {
		uint32_t batch = 1 + test_below(3);
		struct dojo_fault_info fault;
		int p;

		r.head = 2 + test_below(130);
		r.turn = 2 + test_below(r.head / 2) * 2;
		r.heads = 1 + test_below(4);
		r.n = 1 + test_below(12);
		r.flags = test_below(4);
		r.pos = malloc(4 * r.n);
		if (r.turn > r.head)
			r.turn = r.head & ~1u;
		harness_wild = false;
		harness_packet(&h, DOJO_OP_ROPE, 0);
		h.t.p->op_flags = r.flags;
		h.t.p->u[0] = r.turn;
		test_set_f(&h.t, 0, 10000);
		r.x = harness_add(&h, DOJO_FORMAT_FP32, 0, PLACE_ANY, r.head, r.heads, r.n, batch);
		p = harness_add(&h, DOJO_FORMAT_INT32, 0, PLACE_ANY, r.n, 1, 1, 1);
		r.y = harness_add(&h, DOJO_FORMAT_FP32, 0, PLACE_ANY, r.head, r.heads, r.n, batch);
		for (uint32_t i = 0; i < r.n; i++) {
			r.pos[i] = (int32_t)(test_random() >> (33 + test_below(31)));
			if (test_below(8) == 0)
				r.pos[i] = -r.pos[i];
		}
		harness_set_ints(&h, p, r.pos);
		h.mem.mode = MEMORY_WHOLE;
		ok &= test_run(&h.t, &h.mem, NULL, &fault);
		for (uint64_t row = 0; row < (uint64_t)r.heads * r.n * batch; row++)
			for (uint32_t i = 0; i < r.head; i++)
				ok &= rope_element(&r, row, i);
		free(r.pos);
	}
	test_ok(ok, "ROPE turns by the angles of its definition");
	test_ok(r.off * 1000 <= r.all, "ROPE's sines and cosines are those of long double");

	/* The same bits everywhere, in place too */
	ok = true;
	for (int round = 0; round < ROUNDS / 2; round++) {
		uint32_t head = 2 + 2 * test_below(20);
		int32_t pos[5] = { 0, 1, 77, 4095, 1 << 20 };
		int x, y;

		harness_packet(&h, DOJO_OP_ROPE, 0);
		h.t.p->op_flags = test_below(4);
		h.t.p->u[0] = head;
		test_set_f(&h.t, 0, 500000);
		random_rounding();
		x = add(PLACE_ANY, head, 3, 5, 2);
		y = harness_add(&h, DOJO_FORMAT_INT32, 0, PLACE_ANY, 5, 1, 1, 1);
		harness_set_ints(&h, y, pos);
		y = harness_alias(&h, x);
		/* What the first run leaves is what all others must leave */
		harness_expect_codes(&h, y, h.o[y].code);
		h.mem.mode = MEMORY_WHOLE;
		dojo_kernels_limit = 0;
		ok &= test_run(&h.t, &h.mem, &h.flags, NULL);
		dojo_kernels_limit = 2;
		memcpy(h.image, h.mem.host, h.mem.used);
		ok &= harness_run(&h);
	}
	test_ok(ok, "ROPE is the same on every instruction set, in place");
}

static void test_gather(void)
{
	bool ok = true;

	for (int round = 0; round < 2 * ROUNDS; round++) {
		uint32_t c = length(), rows = 1 + test_below(30), n = 1 + test_below(40);
		bool same = round & 1;
		int32_t *index = malloc(4 * n);
		int x, i, y;

		harness_wild = true;
		harness_packet(&h, DOJO_OP_GATHER, 0);
		random_rounding();
		x = add(PLACE_BROADCAST, c, rows, 1, 1);
		i = harness_add(&h, DOJO_FORMAT_INT32, 0, PLACE_ANY, n, 1, 1, 1);
		y = harness_add(&h, same ? h.t.p->tensor[x].format : DOJO_FORMAT_FP32,
				same ? h.t.p->tensor[x].bias : 0, PLACE_ANY, c, n, 1, 1);
		for (uint32_t k = 0; k < n; k++)
			index[k] = (int32_t)test_below(rows);
		harness_set_ints(&h, i, index);
		if (h.t.p->tensor[x].format == h.t.p->tensor[y].format) {
			uint32_t *want = malloc(4 * h.o[y].count);

			for (uint64_t k = 0; k < h.o[y].count; k++)
				want[k] = h.o[x].code[(uint64_t)index[k / c] * c + k % c];
			harness_expect_codes(&h, y, want);
			free(want);
		} else {
			float *want = room(h.o[y].count);

			for (uint64_t k = 0; k < h.o[y].count; k++)
				want[k] = h.o[x].x[(uint64_t)index[k / c] * c + k % c];
			harness_expect(&h, y, want);
			free(want);
		}
		ok &= harness_run(&h);
		if (round % 8 == 0) {
			index[n / 2] = round & 8 ? -1 : (int32_t)rows;
			harness_set_ints(&h, i, index);
			ok &= harness_faults(&h, DOJO_FAULT_FIELD, 64 + 64 * (size_t)i);
		}
		free(index);
	}
	test_ok(ok, "GATHER, with conversion, and indices out of range");
}

static void test_scatter(void)
{
	bool ok = true;

	for (int round = 0; round < 2 * ROUNDS; round++) {
		uint32_t c = length(), rows = 1 + test_below(30), n = 1 + test_below(40);
		bool sum = round & 1;
		int32_t *index = malloc(4 * n);
		uint32_t *want;
		int x, i, y;

		harness_wild = round % 3 == 0;
		harness_packet(&h, DOJO_OP_SCATTER, 0);
		h.t.p->op_flags = sum ? DOJO_SCATTER_ADD : 0;
		if (sum)
			random_rounding();
		x = add(PLACE_BROADCAST, c, n, 1, 1);
		i = harness_add(&h, DOJO_FORMAT_INT32, 0, PLACE_ANY, n, 1, 1, 1);
		if (sum)
			y = add(PLACE_ANY, c, rows, 1, 1);
		else
			y = harness_add(&h, h.t.p->tensor[x].format, h.t.p->tensor[x].bias,
					PLACE_ANY, c, rows, 1, 1);
		for (uint32_t k = 0; k < n; k++)
			index[k] = (int32_t)test_below(rows);
		harness_set_ints(&h, i, index);
		want = malloc(4 * h.o[y].count);
		memcpy(want, h.o[y].code, 4 * h.o[y].count);
		for (uint64_t k = 0; k < (uint64_t)n * c; k++) {
			uint64_t at = (uint64_t)index[k / c] * c + k % c;
			uint32_t word = ref_random(h.t.p->seed, h.t.p->rng_base + at, 0);
			unsigned int flags = 0;
			float v;

			if (!sum) {
				want[at] = h.o[x].code[k];
				continue;
			}
			v = ref_canon(ref_decode(&h.o[y].format, want[at]) + h.o[x].x[k]);
			if (h.o[y].format.format == DOJO_FORMAT_FP32)
				want[at] = test_bits(v);
			else
				want[at] = ref_encode(&h.o[y].format, v,
						      h.t.p->round ? &word : NULL, &flags);
			h.flags.invalid += !!(flags & REF_INVALID);
			h.flags.denormal += !!(flags & REF_DENORMAL);
			h.flags.overflow += !!(flags & REF_OVERFLOW);
			h.flags.underflow += !!(flags & REF_UNDERFLOW);
		}
		harness_expect_codes(&h, y, want);
		ok &= harness_run(&h);
		free(want);
		free(index);
	}
	test_ok(ok, "SCATTER, plain and adding, in the order of the rows");
}

int main(void)
{
	harness_init(&h, 32 << 20);
	for (unsigned int fn = DOJO_REDUCE_SUM; fn <= DOJO_REDUCE_ARGMAX; fn++)
		test_reduce(fn);
	test_softmax();
	test_softmax_grad();
	test_cross_entropy();
	for (unsigned int fn = DOJO_NORM_LAYER; fn <= DOJO_NORM_RMS; fn++) {
		test_norm(fn);
		test_norm_grad(fn);
	}
	test_rope();
	test_gather();
	test_scatter();
	harness_fini(&h);
	return test_end();
}
