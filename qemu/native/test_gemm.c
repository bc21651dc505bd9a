/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GEMM against the plain loop: to the bit */
#include <math.h>

#include "harness.h"

#if defined(__SANITIZE_ADDRESS__)
#define ROUNDS 10
#else
#define ROUNDS 60
#endif

static struct harness h;

struct shape {
	uint32_t m, n, k, b2, b3;
};

struct request {
	unsigned int flags, act;
	enum placing placing;
	unsigned int fa, ba, fb, bb, fd, bd;	/* formats and biases */
	float alpha;
	bool in_place;
};

/* Batch i of D uses batch i * dim / D's of an operand */
static float element(int operand, int result, bool transposed, uint64_t row, uint64_t column,
		     uint64_t i2, uint64_t i3)
{
	const struct dojo_tensor *t = &h.t.p->tensor[operand], *d = &h.t.p->tensor[result];
	uint64_t b2 = i2 * t->dim[2] / d->dim[2], b3 = i3 * t->dim[3] / d->dim[3];

	if (transposed)
		return h.o[operand].x[harness_index(t, row, column, b2, b3)];
	return h.o[operand].x[harness_index(t, column, row, b2, b3)];
}

static uint32_t divisor(uint32_t n)
{
	uint32_t d = 1 + test_below(n);

	while (n % d)
		d--;
	return d;
}

static bool one(struct shape s, struct request r)
{
	bool ta = r.flags & DOJO_GEMM_TRANS_A, tb = r.flags & DOJO_GEMM_TRANS_B;
	int a, b, d, bias = 0, c = 0;
	uint64_t at = 0;
	float *want;
	bool ok;

	harness_packet(&h, DOJO_OP_GEMM, r.act);
	h.t.p->op_flags = r.flags;
	test_set_f(&h.t, 0, r.alpha);
	a = harness_add(&h, r.fa, r.ba, r.placing, ta ? s.m : s.k, ta ? s.k : s.m, divisor(s.b2),
			divisor(s.b3));
	b = harness_add(&h, r.fb, r.bb, r.placing, tb ? s.k : s.n, tb ? s.n : s.k, divisor(s.b2),
			divisor(s.b3));
	d = harness_add(&h, r.fd, r.bd, r.placing == PLACE_BROADCAST ? PLACE_ANY : r.placing, s.n,
			s.m, s.b2, s.b3);
	if (r.flags & DOJO_GEMM_BIAS)
		bias = harness_add(&h, r.fd, r.bd, PLACE_ANY, s.n, 1, 1, 1);
	if (r.flags & DOJO_GEMM_ADD) {
		if (r.in_place)
			c = harness_alias(&h, d);
		else
			c = harness_add(&h, r.fd, r.bd, PLACE_BROADCAST, s.n, s.m, s.b2, s.b3);
	}
	want = malloc(4 * h.o[d].count);
	for (uint64_t i3 = 0; i3 < s.b3; i3++)
		for (uint64_t i2 = 0; i2 < s.b2; i2++)
			for (uint64_t i = 0; i < s.m; i++)
				for (uint64_t j = 0; j < s.n; j++, at++) {
					float acc = 0;

					for (uint64_t k = 0; k < s.k; k++)
						acc = fmaf(element(a, d, ta, i, k, i2, i3),
							   element(b, d, tb, k, j, i2, i3), acc);
					acc = r.alpha * acc;
					if (r.flags & DOJO_GEMM_BIAS)
						acc = acc + h.o[bias].x[j];
					if (r.flags & DOJO_GEMM_ADD)
						acc = acc + h.o[c].x[at];
					if (r.act)
						acc = ref_unary(r.act, acc, 0, 0);
					want[at] = acc;
				}
	harness_expect(&h, d, want);
	ok = harness_run(&h);
	free(want);
	return ok;
}

static void test_fp32(void)
{
	for (unsigned int flags = 0; flags < 4; flags++) {
		struct request r = {
			.flags = flags, .alpha = 1, .fa = DOJO_FORMAT_FP32,
			.fb = DOJO_FORMAT_FP32, .fd = DOJO_FORMAT_FP32,
		};
		bool ok = true;

		for (int i = 0; i < ROUNDS / 3; i++) {
			struct shape s = {
				1 + test_below(70), 1 + test_below(70), 1 + test_below(600), 1, 1,
			};

			r.placing = i & 1 ? PLACE_ANY : PLACE_DENSE;
			ok &= one(s, r);
		}
		/* More than one tile, and more than one block of k */
		ok &= one((struct shape){ 259, 270, 40, 1, 1 }, r);
		ok &= one((struct shape){ 3, 5, 2100, 1, 1 }, r);
		test_ok(ok, "GEMM FP32, transposes %u: the plain loop", flags);
	}
}

static void test_options(void)
{
	bool ok = true;

	for (int i = 0; i < 4 * ROUNDS; i++) {
		struct shape s = {
			1 + test_below(40), 1 + test_below(40), 1 + test_below(90),
			1 + test_below(4), 1 + test_below(3),
		};
		struct request r = {
			.flags = test_below(16),
			.act = test_below(DOJO_ACT_TANH + 1),
			.placing = (enum placing)test_below(3),
			.alpha = test_below(2) ? 1 : test_float(),
			.in_place = test_below(2),
		};

		harness_wild = i % 5 == 4;
		r.fa = harness_format(&r.ba);
		r.fb = harness_format(&r.bb);
		r.fd = harness_format(&r.bd);
		if (test_below(8) == 0) {
			r.fa = DOJO_FORMAT_INT8;
			r.ba = 0;
		}
		ok &= one(s, r);
	}
	harness_wild = false;
	test_ok(ok, "GEMM: formats, batches, strides, bias, C, activation");
}

static void test_integer(void)
{
	bool ok = true;

	for (int i = 0; i < 2 * ROUNDS; i++) {
		bool to_int = i & 1, relu = to_int && test_below(2);
		unsigned int flags = test_below(16);
		uint32_t m = 1 + test_below(40), n = 1 + test_below(40), k = 1 + test_below(1000);
		unsigned int fd = to_int ? DOJO_FORMAT_INT32 : DOJO_FORMAT_FP32;
		bool ta = flags & DOJO_GEMM_TRANS_A, tb = flags & DOJO_GEMM_TRANS_B;
		int a, b, d, bias = 0, c = 0;
		uint32_t *code;
		float *want;

		harness_packet(&h, DOJO_OP_GEMM, relu);
		h.t.p->op_flags = flags;
		test_set_f(&h.t, 0, 1);
		a = harness_add(&h, DOJO_FORMAT_INT8, 0, PLACE_BROADCAST, ta ? m : k, ta ? k : m,
				1, 1);
		b = harness_add(&h, DOJO_FORMAT_INT8, 0, PLACE_BROADCAST, tb ? k : n, tb ? n : k,
				1, 1);
		d = harness_add(&h, fd, 0, PLACE_ANY, n, m, 1, 1);
		if (flags & DOJO_GEMM_BIAS)
			bias = harness_add(&h, fd, 0, PLACE_BROADCAST, n, 1, 1, 1);
		if (flags & DOJO_GEMM_ADD)
			c = harness_add(&h, fd, 0, PLACE_BROADCAST, n, m, 1, 1);
		code = malloc(4ull * m * n);
		want = malloc(4ull * m * n);
		for (uint32_t y = 0; y < m; y++)
			for (uint32_t x = 0; x < n; x++) {
				uint64_t at = (uint64_t)y * n + x;
				uint32_t acc = 0;

				for (uint32_t l = 0; l < k; l++) {
					int8_t av = (int8_t)h.o[a].code[ta ? l * m + y : y * k + l];
					int8_t bv = (int8_t)h.o[b].code[tb ? x * k + l : l * n + x];

					acc += (uint32_t)(av * bv);
				}
				want[at] = (float)(int32_t)acc;
				if (flags & DOJO_GEMM_BIAS) {
					acc += h.o[bias].code[x];
					want[at] = want[at] + h.o[bias].x[x];
				}
				if (flags & DOJO_GEMM_ADD) {
					acc += h.o[c].code[at];
					want[at] = want[at] + h.o[c].x[at];
				}
				code[at] = relu && (int32_t)acc < 0 ? 0 : acc;
			}
		if (to_int)
			harness_expect_codes(&h, d, code);
		else
			harness_expect(&h, d, want);
		ok &= harness_run(&h);
		free(code);
		free(want);
	}
	test_ok(ok, "GEMM INT8 x INT8 to INT32 and FP32");
}

/* -128 * -128, often enough that a block of k is as large as it gets, and beyond 2^31 */
static void test_integer_wraps(void)
{
	enum { K = 1 << 18 };
	const uint32_t sum = (uint32_t)(128ull * 128 * K);
	bool ok = true;
	uint32_t want = sum;
	int d;

	harness_packet(&h, DOJO_OP_GEMM, 0);
	test_set_f(&h.t, 0, 1);
	harness_add(&h, DOJO_FORMAT_INT8, 0, PLACE_DENSE, K, 1, 1, 1);
	harness_add(&h, DOJO_FORMAT_INT8, 0, PLACE_DENSE, 1, K, 1, 1);
	d = harness_add(&h, DOJO_FORMAT_INT32, 0, PLACE_DENSE, 1, 1, 1, 1);
	memset(memory_at(&h.mem, h.t.p->tensor[0].va), 0x80, K);
	memset(memory_at(&h.mem, h.t.p->tensor[1].va), 0x80, K);
	harness_expect_codes(&h, d, &want);
	h.mem.mode = MEMORY_WHOLE;
	ok = test_run(&h.t, &h.mem, NULL, NULL);
	ok &= !memcmp(h.mem.host, h.image, h.mem.used);
	test_ok(ok, "GEMM INT8: sums wrap modulo 2^32");
}

int main(void)
{
	harness_init(&h, 16 << 20);
	test_fp32();
	test_options();
	test_integer();
	test_integer_wraps();
	harness_fini(&h);
	return test_end();
}
