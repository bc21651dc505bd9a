/* SPDX-License-Identifier: GPL-2.0-or-later */
/* UNARY, BINARY, CONVERT, DROPOUT, SGD, ADAMW, collectives: to the bit */
#include <math.h>

#include "harness.h"

#if defined(__SANITIZE_ADDRESS__)
#define ROUNDS 4
#else
#define ROUNDS 30
#endif

static struct harness h;
static const float scales[] = { 1, 5, 100, 0.001f };

static void random_dims(uint32_t d[4])
{
	for (int i = 0; i < 4; i++)
		d[i] = test_below(3) ? 1 + test_below(9) : 1;
	/* Sometimes longer than a chunk, sometimes one long row */
	if (test_below(3) == 0)
		d[test_below(4)] = 1 + test_below(700);
}

static int add(enum placing placing, const uint32_t d[4])
{
	unsigned int bias, format = harness_format(&bias);

	return harness_add(&h, format, bias, placing, d[0], d[1], d[2], d[3]);
}

/* Often one where the low half of the counter wraps within the tensor */
static uint64_t random_base(void)
{
	uint64_t base = test_random();

	return test_below(2) ? base : (base | 0x7ffffffff) - test_below(100);
}

static void random_rounding(void)
{
	if (test_below(3))
		return;
	h.t.p->round = DOJO_ROUND_STOCHASTIC;
	h.t.p->seed = test_random();
	h.t.p->rng_base = random_base();
}

static float *result(int i)
{
	return malloc(4 * h.o[i].count);
}

static void test_unary(unsigned int fn)
{
	bool ok = true;

	for (int round = 0; round < ROUNDS; round++) {
		float f0 = 0, f1 = 0, *want;
		uint32_t d[4];
		int x, y;

		random_dims(d);
		harness_wild = round & 1;
		harness_scale = scales[test_below(4)];
		harness_packet(&h, DOJO_OP_UNARY, fn);
		if (fn == DOJO_UNARY_SCALE || fn == DOJO_UNARY_CLAMP) {
			f0 = test_float();
			f1 = f0 + 0.5f;
		}
		test_set_f(&h.t, 0, f0);
		test_set_f(&h.t, 1, f1);
		random_rounding();
		x = add(PLACE_BROADCAST, d);
		y = add(PLACE_ANY, d);
		want = result(y);
		for (uint64_t i = 0; i < h.o[y].count; i++)
			want[i] = ref_unary(fn, h.o[x].x[i], f0, f1);
		harness_expect(&h, y, want);
		ok &= harness_run(&h);
		free(want);
	}
	test_ok(ok, "UNARY function %u", fn);
}

static void test_binary(unsigned int fn)
{
	bool ok = true;

	for (int round = 0; round < ROUNDS; round++) {
		float f0 = 0, f1 = 0, *want;
		uint32_t d[4];
		int a, b, y;

		random_dims(d);
		harness_wild = round & 1;
		harness_scale = scales[test_below(4)];
		harness_packet(&h, DOJO_OP_BINARY, fn);
		if (fn == DOJO_BINARY_AXPBY) {
			f0 = test_float();
			f1 = test_float();
		}
		test_set_f(&h.t, 0, f0);
		test_set_f(&h.t, 1, f1);
		random_rounding();
		a = add(PLACE_BROADCAST, d);
		b = add(PLACE_BROADCAST, d);
		y = add(PLACE_ANY, d);
		want = result(y);
		for (uint64_t i = 0; i < h.o[y].count; i++)
			want[i] = ref_binary(fn, h.o[a].x[i], h.o[b].x[i], f0, f1);
		harness_expect(&h, y, want);
		ok &= harness_run(&h);
		free(want);
	}
	test_ok(ok, "BINARY function %u", fn);
}

static void test_in_place(void)
{
	bool ok = true;

	for (int round = 0; round < ROUNDS; round++) {
		uint32_t d[4];
		float *want;
		int a, b, y;

		random_dims(d);
		harness_packet(&h, DOJO_OP_BINARY, DOJO_BINARY_MUL);
		a = add(PLACE_ANY, d);
		b = add(PLACE_ANY, d);
		y = harness_alias(&h, round & 1 ? a : b);
		want = result(y);
		for (uint64_t i = 0; i < h.o[y].count; i++)
			want[i] = h.o[a].x[i] * h.o[b].x[i];
		harness_expect(&h, y, want);
		ok &= harness_run(&h);
		free(want);
	}
	test_ok(ok, "BINARY in place of either operand");
}

/* The source's own format decides what is subnormal; the same format is moved as it is */
static void test_convert(void)
{
	bool ok = true;

	for (int round = 0; round < 12 * ROUNDS; round++) {
		unsigned int from = 1 + test_below(9), to = 1 + test_below(9);
		unsigned int bf = dojo_format_has_bias(from) ? test_below(64) : 0;
		unsigned int bt = dojo_format_has_bias(to) ? test_below(64) : 0;
		uint32_t d[4], *code;
		float *plain;
		int x, y;

		if (from == to && test_below(2))
			bt = bf;
		random_dims(d);
		harness_wild = true;
		harness_scale = scales[test_below(4)];
		harness_packet(&h, DOJO_OP_CONVERT, 0);
		random_rounding();
		x = harness_add(&h, from, bf, PLACE_BROADCAST, d[0], d[1], d[2], d[3]);
		/* All codes, NaNs with signs and payloads among them */
		for (uint64_t i = 0; h.t.p->tensor[x].stride[0] == 1 && i < d[0]; i++) {
			uint32_t c = (uint32_t)test_random();

			memcpy(memory_at(&h.mem, h.t.p->tensor[x].va + i * h.o[x].format.size),
			       &c, h.o[x].format.size);
		}
		y = harness_add(&h, to, bt, PLACE_ANY, d[0], d[1], d[2], d[3]);
		for (uint64_t i = 0; i < h.o[x].count; i++) {
			uint64_t va = h.t.p->tensor[x].va, index = i;

			for (int k = 0; k < 4; k++) {
				va += index % d[k] * h.t.p->tensor[x].stride[k] *
				      h.o[x].format.size;
				index /= d[k];
			}
			h.o[x].code[i] = 0;
			memcpy(&h.o[x].code[i], memory_at(&h.mem, va), h.o[x].format.size);
		}
		code = malloc(4 * h.o[y].count);
		plain = malloc(4);
		for (uint64_t i = 0; i < h.o[y].count; i++) {
			uint32_t word = ref_random(h.t.p->seed, h.t.p->rng_base + i, 0);
			float v = ref_decode(&h.o[x].format, h.o[x].code[i]);
			unsigned int flags = 0;

			if (from == to && bf == bt) {
				code[i] = h.o[x].code[i];
				continue;
			}
			h.flags.denormal += ref_code_is_subnormal(&h.o[x].format, h.o[x].code[i]);
			code[i] = test_bits(ref_canon(v));
			if (to != DOJO_FORMAT_FP32)
				code[i] = ref_encode(&h.o[y].format, v,
						     h.t.p->round ? &word : NULL, &flags);
			h.flags.invalid += !!(flags & REF_INVALID);
			h.flags.overflow += !!(flags & REF_OVERFLOW);
			h.flags.underflow += !!(flags & REF_UNDERFLOW);
		}
		harness_expect_codes(&h, y, code);
		ok &= harness_run(&h);
		free(code);
		free(plain);
	}
	test_ok(ok, "CONVERT between all formats and biases, any strides");
}

/* Large enough for every fast way that there is */
static void test_transpose(void)
{
	static const unsigned int formats[] = {
		DOJO_FORMAT_INT8, DOJO_FORMAT_BF16, DOJO_FORMAT_FP32,
	};
	bool ok = true;

	for (unsigned int shift = 0; shift < 3; shift++)
		for (int round = 0; round < 3; round++) {
			unsigned int f = formats[shift];
			uint32_t w = 1 + test_below(300), hh = 1 + test_below(300);
			struct dojo_tensor *t;
			uint32_t *code;
			int x, y;

			harness_packet(&h, DOJO_OP_CONVERT, 0);
			x = harness_add(&h, f, 0, PLACE_DENSE, w, hh, 2, 1);
			y = harness_add(&h, f, 0, PLACE_DENSE, hh, w, 2, 1);
			code = malloc(4 * h.o[y].count);
			for (uint32_t z = 0; z < 2; z++)
				for (uint32_t j = 0; j < hh; j++)
					for (uint32_t i = 0; i < w; i++)
						code[(z * w + i) * hh + j] =
							h.o[x].code[(z * hh + j) * w + i];
			/* x as seen with its first two dims exchanged */
			t = &h.t.p->tensor[x];
			t->dim[0] = hh;
			t->dim[1] = w;
			t->stride[0] = w;
			t->stride[1] = 1;
			harness_expect_codes(&h, y, code);
			ok &= harness_run(&h);
			free(code);
		}
	test_ok(ok, "CONVERT transposes");
}

static void test_dropout(void)
{
	bool ok = true;
	uint64_t dropped = 0, all = 0;
	double expected = 0;

	for (int round = 0; round < 2 * ROUNDS; round++) {
		float p = round == 0 ? 0 : (float)test_below(1000) / 1000, *want;
		uint32_t d[4];
		int x, y;

		random_dims(d);
		harness_wild = round & 1;
		harness_packet(&h, DOJO_OP_DROPOUT, 0);
		test_set_f(&h.t, 0, p);
		random_rounding();
		h.t.p->seed = test_random();
		h.t.p->rng_base = random_base();
		x = add(PLACE_BROADCAST, d);
		y = add(PLACE_ANY, d);
		want = result(y);
		for (uint64_t i = 0; i < h.o[y].count; i++) {
			bool drop = ref_random(h.t.p->seed, h.t.p->rng_base + i, 1) <
				    (uint64_t)floor((double)p * 4294967296.0);

			want[i] = drop ? 0 : h.o[x].x[i] * (1.0f / (1.0f - p));
			dropped += drop;
			expected += p;
			all++;
		}
		harness_expect(&h, y, want);
		ok &= harness_run(&h);
		free(want);
	}
	test_ok(ok, "DROPOUT");
	test_ok(fabs((double)dropped - expected) < 3 * sqrt((double)all),
		"DROPOUT drops about the fraction asked for");
}

static void test_sgd(void)
{
	bool ok = true;

	for (int round = 0; round < 2 * ROUNDS; round++) {
		float lr = 0.1f * test_float(), mu = test_float(), wd = test_float(), *nw, *nm;
		bool momentum = round & 1;
		uint32_t d[4];
		int w, g, m = 0;

		random_dims(d);
		harness_wild = round & 2;
		harness_packet(&h, DOJO_OP_SGD, 0);
		h.t.p->op_flags = momentum ? DOJO_SGD_MOMENTUM : 0;
		test_set_f(&h.t, 0, lr);
		test_set_f(&h.t, 1, momentum ? mu : 0);
		test_set_f(&h.t, 2, wd);
		random_rounding();
		w = add(PLACE_ANY, d);
		g = add(PLACE_BROADCAST, d);
		if (momentum)
			m = add(PLACE_ANY, d);
		nw = result(w);
		nm = result(w);
		for (uint64_t i = 0; i < h.o[w].count; i++) {
			float v = fmaf(wd, h.o[w].x[i], h.o[g].x[i]);

			if (momentum)
				v = fmaf(mu, h.o[m].x[i], v);
			nm[i] = v;
			nw[i] = fmaf(-lr, v, h.o[w].x[i]);
		}
		harness_expect(&h, w, nw);
		if (momentum)
			harness_expect(&h, m, nm);
		ok &= harness_run(&h);
		free(nw);
		free(nm);
	}
	test_ok(ok, "SGD with and without momentum");
}

static void test_adamw(void)
{
	bool ok = true;

	for (int round = 0; round < 2 * ROUNDS; round++) {
		float lr = 0.01f, b1 = 0.9f, b2 = 0.999f, eps = 0.00000001f, wd = 0.01f;
		float step, correct, decay;
		double p1 = 1, p2 = 1, s1 = b1, s2 = b2;
		float *nw, *nm, *nv;
		uint32_t d[4], t = 1 + test_below(2000);
		int w, g, m, v;

		random_dims(d);
		harness_wild = false;
		harness_packet(&h, DOJO_OP_ADAMW, 0);
		test_set_f(&h.t, 0, lr);
		test_set_f(&h.t, 1, b1);
		test_set_f(&h.t, 2, b2);
		test_set_f(&h.t, 3, eps);
		test_set_f(&h.t, 4, wd);
		h.t.p->u[0] = t;
		random_rounding();
		w = add(PLACE_ANY, d);
		g = add(PLACE_BROADCAST, d);
		m = add(PLACE_ANY, d);
		v = add(PLACE_ANY, d);
		for (; t; t >>= 1, s1 = s1 * s1, s2 = s2 * s2)
			if (t & 1) {
				p1 = p1 * s1;
				p2 = p2 * s2;
			}
		step = (float)((double)lr / (1 - p1));
		correct = (float)(1 / sqrt(1 - p2));
		decay = lr * wd;
		nw = result(w);
		nm = result(w);
		nv = result(w);
		for (uint64_t i = 0; i < h.o[w].count; i++) {
			float gi = h.o[g].x[i];

			nm[i] = fmaf(b1, h.o[m].x[i], (1 - b1) * gi);
			nv[i] = fmaf(b2, h.o[v].x[i], (1 - b2) * gi * gi);
			nw[i] = fmaf(-decay, h.o[w].x[i], h.o[w].x[i]);
			nw[i] = fmaf(-step, nm[i] / fmaf(sqrtf(nv[i]), correct, eps), nw[i]);
		}
		harness_expect(&h, w, nw);
		harness_expect(&h, m, nm);
		harness_expect(&h, v, nv);
		ok &= harness_run(&h);
		free(nw);
		free(nm);
		free(nv);
	}
	test_ok(ok, "ADAMW");
}

static void test_collectives(void)
{
	bool ok = true;

	for (int round = 0; round < 2 * ROUNDS; round++) {
		unsigned int bias, f = harness_format(&bias);
		bool reduce = round & 1;
		int n = 2 + (int)test_below(7);
		float *sum = NULL;
		uint32_t d[4];

		random_dims(d);
		if (d[3] > 9)
			d[3] = 9;
		harness_wild = round & 2;
		harness_packet(&h, reduce ? DOJO_OP_ALL_REDUCE : DOJO_OP_MULTICAST, 0);
		random_rounding();
		for (int i = 0; i < n; i++)
			harness_add(&h, f, bias, PLACE_ANY, d[0], d[1], d[2], d[3]);
		sum = result(0);
		for (uint64_t i = 0; i < h.o[0].count; i++) {
			sum[i] = h.o[0].x[i];
			for (int j = 1; j < n; j++)
				sum[i] = sum[i] + h.o[j].x[i];
		}
		for (int j = reduce ? 0 : 1; j < n; j++)
			if (reduce)
				harness_expect(&h, j, sum);
			else
				harness_expect_codes(&h, j, h.o[0].code);
		ok &= harness_run(&h);
		free(sum);
	}
	test_ok(ok, "ALL_REDUCE and MULTICAST");
}

int main(void)
{
	harness_init(&h, 16 << 20);
	for (unsigned int fn = DOJO_UNARY_RELU; fn <= DOJO_UNARY_CLAMP; fn++)
		test_unary(fn);
	for (unsigned int fn = DOJO_BINARY_ADD; fn <= DOJO_BINARY_TANH_GRAD; fn++)
		test_binary(fn);
	test_in_place();
	test_convert();
	test_transpose();
	test_dropout();
	test_sgd();
	test_adamw();
	test_collectives();
	harness_fini(&h);
	return test_end();
}
