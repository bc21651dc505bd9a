/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every code of every format of 8 and 16 bits at every bias, both ways; FP32
 * operands at every code, every midpoint and their neighbours.
 */
#include <math.h>

#include "reference.h"
#include "test.h"

#define CHUNK	4096

static const struct {
	unsigned int format;
	const char *name;
	bool biased;
} formats[] = {
	{ DOJO_FORMAT_BF16, "BF16", false },
	{ DOJO_FORMAT_FP16, "FP16", false },
	{ DOJO_FORMAT_CFLOAT8_143, "CFloat8_1_4_3", true },
	{ DOJO_FORMAT_CFLOAT8_152, "CFloat8_1_5_2", true },
	{ DOJO_FORMAT_CFLOAT16_SHP, "CFloat16 SHP", true },
	{ DOJO_FORMAT_CFLOAT16_UHP, "CFloat16 UHP", false },
	{ DOJO_FORMAT_INT8, "INT8", false },
	{ DOJO_FORMAT_INT32, "INT32", false },
};

/* The sanitizers make it some twenty times slower: they get a part of the biases */
#if defined(__SANITIZE_ADDRESS__)
#define BIAS_STEP	13
#else
#define BIAS_STEP	1
#endif

static unsigned int last_bias(int i)
{
	return formats[i].biased ? DOJO_BIAS_MAX : 0;
}

static uint32_t code_at(const void *codes, unsigned int size, size_t i)
{
	uint32_t c = 0;

	memcpy(&c, (const uint8_t *)codes + i * size, size);
	return c;
}

/* Operands waiting to be encoded by all instruction sets and by the reference */
struct batch {
	const struct ref_format *f;
	float x[CHUNK];
	size_t n;
	struct dojo_rounding rounding;
	uint64_t checked;
	bool ok;
};

static void flush(struct batch *b)
{
	static uint32_t want[CHUNK], got[CHUNK + 1];
	struct dojo_flags ref = {};

	for (size_t i = 0; i < b->n; i++) {
		uint32_t word = ref_random(b->rounding.seed, b->rounding.index + i, 0);
		unsigned int flags;

		want[i] = ref_encode(b->f, b->x[i],
				     b->rounding.mode == DOJO_ROUND_STOCHASTIC ? &word : NULL,
				     &flags);
		ref.invalid += !!(flags & REF_INVALID);
		ref.denormal += !!(flags & REF_DENORMAL);
		ref.overflow += !!(flags & REF_OVERFLOW);
		ref.underflow += !!(flags & REF_UNDERFLOW);
	}
	for (const char *isa = test_isa_first(); isa; isa = test_isa_next()) {
		const struct dojo_kernels *k = dojo_kernels_get();
		struct dojo_flags flags = {};

		got[b->n * b->f->size / 4] = 0x5a5a5a5a;
		k->encode(got, b->x, b->n, b->f->format, b->f->bias, &b->rounding,
			  &flags);
		for (size_t i = 0; i < b->n; i++) {
			uint32_t c = code_at(got, b->f->size, i);

			if (c == want[i])
				continue;
			if (b->ok)
				printf("# %s %u:%u: %a (0x%08x) is 0x%x, should be 0x%x\n", isa,
				       b->f->format, b->f->bias, b->x[i], test_bits(b->x[i]), c,
				       want[i]);
			b->ok = false;
		}
		if (memcmp(&flags, &ref, sizeof(ref))) {
			if (b->ok)
				printf("# %s %u:%u: flags %s, should be %s\n", isa, b->f->format,
				       b->f->bias, test_flags(&flags, 0), test_flags(&ref, 1));
			b->ok = false;
		}
	}
	b->checked += b->n;
	b->rounding.index += b->n;
	b->n = 0;
}

static void put(struct batch *b, float x)
{
	b->x[b->n++] = x;
	/* An odd number, so that the rest of a vector is met too */
	if (b->n == CHUNK - 5)
		flush(b);
}

static void put_signed(struct batch *b, float x)
{
	put(b, x);
	put(b, -x);
}

static void put_around(struct batch *b, double x)
{
	float f = (float)x;

	put_signed(b, f);
	put_signed(b, nextafterf(f, INFINITY));
	put_signed(b, nextafterf(f, -INFINITY));
}

static void test_decode(int i)
{
	bool ok = true;
	uint64_t n = 0;

	for (unsigned int bias = 0; bias <= last_bias(i); bias += BIAS_STEP) {
		static float got[65536];
		static uint32_t codes[65536];
		struct ref_format f;
		uint32_t count;

		ref_format_init(&f, formats[i].format, bias);
		count = f.size == 1 ? 256 : 65536;
		for (uint32_t c = 0; c < count; c++) {
			uint32_t code = f.size == 4 ? (uint32_t)test_random() : c;

			memcpy((uint8_t *)codes + c * f.size, &code, f.size);
		}
		for (const char *isa = test_isa_first(); isa; isa = test_isa_next()) {
			const struct dojo_kernels *k = dojo_kernels_get();
			uint64_t subnormal = 0;

			k->decode(got, codes, count, f.format, bias);
			for (uint32_t c = 0; c < count; c++) {
				uint32_t code = code_at(codes, f.size, c);
				float want = ref_decode(&f, code);

				subnormal += ref_code_is_subnormal(&f, code);
				if (isnan(want))
					want = copysignf(ref_canon(want), signbit(want) ? -1 : 1);
				if (test_bits(want) == test_bits(got[c]))
					continue;
				if (ok)
					printf("# %s bias %u code 0x%x: %a, should be %a\n", isa,
					       bias, code, got[c], want);
				ok = false;
			}
			if (k->denormals(codes, count, f.format) != subnormal)
				ok = false;
		}
		n += count;
		ref_format_fini(&f);
	}
	test_ok(ok, "%s: decoding, %llu codes", formats[i].name, (unsigned long long)n);
}

/* Every operand that BF16 and FP16 can hold */
static void test_encode_16(int i, unsigned int mode)
{
	struct ref_format bf16, fp16, f;
	static struct batch b;

	b = (struct batch){ .ok = true, .f = &f };
	b.rounding.mode = mode;
	b.rounding.seed = 0x0123456789abcdef;
	/* Where the low half of the counter carries into the high one */
	b.rounding.index = 0x7ffff0000;
	ref_format_init(&bf16, DOJO_FORMAT_BF16, 0);
	ref_format_init(&fp16, DOJO_FORMAT_FP16, 0);
	for (unsigned int bias = 0; bias <= last_bias(i); bias += BIAS_STEP) {
		ref_format_init(&f, formats[i].format, bias);
		for (uint32_t c = 0; c < 65536; c++)
			put(&b, ref_decode(&bf16, c));
		for (uint32_t c = 0; c < 65536; c++)
			put(&b, ref_decode(&fp16, c));
		flush(&b);
		ref_format_fini(&f);
	}
	ref_format_fini(&bf16);
	ref_format_fini(&fp16);
	test_ok(b.ok, "%s: encoding BF16 and FP16, %s, %llu operands", formats[i].name,
		mode == DOJO_ROUND_NEAREST ? "nearest" : "stochastic",
		(unsigned long long)b.checked);
}

/* Codes and midpoints of the target, their neighbours, and anything at all */
static void test_encode_32(int i, unsigned int mode)
{
	struct ref_format f;
	static struct batch b;

	b = (struct batch){ .ok = true, .f = &f };
	b.rounding.mode = mode;
	b.rounding.seed = 77;
	b.rounding.index = 0xfffffffffff00000;
	for (unsigned int bias = 0; bias <= last_bias(i); bias += BIAS_STEP) {
		ref_format_init(&f, formats[i].format, bias);
		for (uint32_t c = 0; c < f.codes; c++) {
			double next = c + 1 < f.codes ? f.value[c + 1] : f.end;

			put_around(&b, f.value[c]);
			put_around(&b, (f.value[c] + next) / 2);
		}
		if (f.codes) {
			put_around(&b, f.end);
			put_around(&b, f.normal / 2);
			put_around(&b, f.normal - f.normal / 4096);
		} else {
			for (int v = 0; v < 300; v++)
				put_around(&b, v * 0.5);
			for (int e = 0; e < 32; e++)
				for (int v = -3; v < 4; v++)
					put_around(&b, ldexp(1, e) + v * 0.5);
		}
		put_signed(&b, INFINITY);
		put_signed(&b, NAN);
		put_signed(&b, test_from_bits(0x7f812345));
		for (int v = 0; v < 20000; v++)
			put(&b, test_any_float());
		flush(&b);
		ref_format_fini(&f);
	}
	test_ok(b.ok, "%s: encoding FP32, %s, %llu operands", formats[i].name,
		mode == DOJO_ROUND_NEAREST ? "nearest" : "stochastic",
		(unsigned long long)b.checked);
}

static void test_philox(void)
{
	/* Known answers of the generator's authors, for 10 rounds */
	static const struct {
		uint32_t counter[4], key[2], out[4];
	} known[] = {
		{ { 0 }, { 0 }, { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
		{ { ~0u, ~0u, ~0u, ~0u }, { ~0u, ~0u },
		  { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
		{ { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 },
		  { 0xa4093822, 0x299f31d0 },
		  { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } },
	};
	uint32_t out[4];
	bool ok = true;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		ref_philox(known[i].counter, known[i].key, out);
		ok &= !memcmp(out, known[i].out, sizeof(out));
	}
	test_ok(ok, "Philox4x32-10 gives the published words");

	ok = true;
	for (int i = 0; i < 1000; i++) {
		uint64_t seed = test_random(), index = test_random();

		for (unsigned int use = 0; use < 2; use++)
			ok &= dojo_random_word(seed, index, use) == ref_random(seed, index, use);
	}
	test_ok(ok, "seed, index and use take their places in Philox");
}

static void test_check_values(void)
{
	static const struct {
		unsigned int format, bias;
		uint32_t code;
		float value;
	} known[] = {
		{ DOJO_FORMAT_CFLOAT8_143, 7, 0x38, 1 },
		{ DOJO_FORMAT_CFLOAT8_143, 7, 0x7f, 480 },
		{ DOJO_FORMAT_CFLOAT8_152, 15, 0x3c, 1 },
		{ DOJO_FORMAT_CFLOAT8_152, 15, 0x7f, 114688 },
		{ DOJO_FORMAT_CFLOAT16_SHP, 15, 0x7fff, 131008 },
		{ DOJO_FORMAT_CFLOAT8_143, 63, 0x01, 1.0f / (1ull << 63) / 4 },
		{ DOJO_FORMAT_CFLOAT8_152, 0, 0xff, -1.75f * (1u << 31) },
		{ DOJO_FORMAT_CFLOAT16_UHP, 0, 31 << 10, 1 },
		{ DOJO_FORMAT_CFLOAT16_UHP, 0, 0x3ff, 0 },
		{ DOJO_FORMAT_BF16, 0, 0x3f80, 1 },
		{ DOJO_FORMAT_FP16, 0, 0x0001, 1.0f / (1 << 24) },
	};
	bool ok = true;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		float x;

		dojo_kernels_get()->decode(&x, &known[i].code, 1, known[i].format,
					   known[i].bias);
		ok &= x == known[i].value;
	}
	test_ok(ok, "check values of the whitepaper and of the adopted rules");
}

/* On average stochastic rounding returns the operand */
static void test_stochastic_mean(void)
{
	enum { N = 1 << 16 };
	static float x[N];
	static uint8_t code[N];
	struct dojo_rounding r = { .mode = DOJO_ROUND_STOCHASTIC, .seed = 5 };
	struct dojo_flags flags = {};
	uint64_t up = 0, both = 0;

	/* 1 and 1.125 are neighbours in 1_4_3; a third of the way */
	for (int i = 0; i < N; i++)
		x[i] = 1.0f + 0.125f / 3;
	dojo_kernels_get()->encode(code, x, N, DOJO_FORMAT_CFLOAT8_143, 7, &r, &flags);
	for (int i = 0; i < N; i++)
		up += code[i] == 0x39;
	/* Six standard deviations */
	test_ok(fabs((double)up / N - 1.0 / 3) < 6 * sqrt(2.0 / 9 / N),
		"stochastic rounding goes up as often as it should");
	for (int i = 0; i < N; i += 32)
		for (int j = i; j < i + 16; j++)
			both += code[j] == 0x39 && code[j + 16] == 0x39;
	test_ok(fabs((double)both / (N / 2) - 1.0 / 9) < 6 * sqrt(8.0 / 81 / (N / 2)),
		"... also where two elements share a random word: each for itself");
}

int main(void)
{
	test_philox();
	test_check_values();
	test_stochastic_mean();
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		test_decode((int)i);
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		test_encode_16((int)i, DOJO_ROUND_NEAREST);
		test_encode_16((int)i, DOJO_ROUND_STOCHASTIC);
		test_encode_32((int)i, DOJO_ROUND_NEAREST);
		test_encode_32((int)i, DOJO_ROUND_STOCHASTIC);
	}
	return test_end();
}
