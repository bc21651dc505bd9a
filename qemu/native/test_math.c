/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How far the elementary functions are from the mathematical ones, in long
 * double: the error bounds of driver/NUMERICS.md. That every instruction set
 * gives the same bits is tested elsewhere.
 */
#include <float.h>
#include <math.h>

#include "harness.h"

#if LDBL_MANT_DIG < 64
#error "the reference needs a long double of 64 bits or more"
#endif

#if defined(__SANITIZE_ADDRESS__)
#define VALUES	100000
#else
#define VALUES	1000000
#endif
#define CHUNK	4096

#define SQRT_2_PI	0.797884560802865355879892119868763737L
#define CUBIC		0.044715L

typedef long double (*exact_fn)(long double x);

static long double exact_sigmoid(long double x)
{
	return 1 / (1 + expl(-x));
}

static long double gelu_arg(long double x)
{
	return 2 * SQRT_2_PI * (x + CUBIC * x * x * x);
}

static long double exact_gelu(long double x)
{
	return x < -100 ? -0.0L : x * exact_sigmoid(gelu_arg(x));
}

static long double exact_silu(long double x)
{
	return x < -12000 ? -0.0L : x * exact_sigmoid(x);
}

static long double exact_rsqrt(long double x)
{
	return 1 / sqrtl(x);
}

static long double exact_sigmoid_grad(long double x)
{
	return exact_sigmoid(x) * exact_sigmoid(-x);
}

static long double exact_tanh_grad(long double x)
{
	return 4 * exact_sigmoid_grad(2 * x);
}

static long double exact_gelu_grad(long double x)
{
	long double u = gelu_arg(x), s;

	if (fabsl(x) > 100)
		return x > 0;
	s = exact_sigmoid(u);
	return s + x * s * exact_sigmoid(-u) * 2 * SQRT_2_PI * (1 + 3 * CUBIC * x * x);
}

static long double exact_silu_grad(long double x)
{
	long double s = exact_sigmoid(x);

	return fabsl(x) > 12000 ? x > 0 : s + x * s * exact_sigmoid(-x);
}

/*
 * The bound is @ulps units in the last place of the exact result; with
 * @absolute, which functions that cross 0 elsewhere than at 0 have, of the
 * larger of that and 1. With @product, which is x times something that may be
 * subnormal, |x| times the smallest subnormal number more.
 */
struct function {
	const char *name;
	bool binary;		/* a gradient: of BINARY, with dy = 1 */
	unsigned int fn;
	exact_fn exact;
	float low, high;	/* where half of the values are taken from */
	float first;		/* defined, or bounded, from here on */
	bool absolute, product;
	double ulps;
	float at[2];		/* at -Inf and Inf */
};

static const struct function functions[] = {
	{ "EXP", false, DOJO_UNARY_EXP, expl, -104, 89, -INFINITY, false, false, 1.25,
	  { 0, INFINITY } },
	{ "LOG", false, DOJO_UNARY_LOG, logl, 0, 4, 0, false, false, 1, { NAN, INFINITY } },
	{ "TANH", false, DOJO_UNARY_TANH, tanhl, -10, 10, -INFINITY, false, false, 1.5,
	  { -1, 1 } },
	{ "SIGMOID", false, DOJO_UNARY_SIGMOID, exact_sigmoid, -104, 20, -INFINITY, false, false,
	  2.5, { 0, 1 } },
	{ "GELU", false, DOJO_UNARY_GELU, exact_gelu, -11, 9, -INFINITY, false, true, 256,
	  { NAN, INFINITY } },
	{ "GELU", false, DOJO_UNARY_GELU, exact_gelu, -1, 9, -1, false, true, 4,
	  { NAN, INFINITY } },
	{ "SILU", false, DOJO_UNARY_SILU, exact_silu, -100, 20, -INFINITY, false, true, 3.5,
	  { NAN, INFINITY } },
	{ "SQRT", false, DOJO_UNARY_SQRT, sqrtl, 0, 100, 0, false, false, 0.5, { NAN, INFINITY } },
	{ "RSQRT", false, DOJO_UNARY_RSQRT, exact_rsqrt, 0, 100, 0, false, false, 1.5,
	  { NAN, 0 } },
	{ "SIGMOID_GRAD", true, DOJO_BINARY_SIGMOID_GRAD, exact_sigmoid_grad, -100, 100,
	  -INFINITY, false, false, 4.5, { 0, 0 } },
	{ "TANH_GRAD", true, DOJO_BINARY_TANH_GRAD, exact_tanh_grad, -50, 50, -INFINITY, false,
	  false, 4.5, { 0, 0 } },
	{ "GELU_GRAD", true, DOJO_BINARY_GELU_GRAD, exact_gelu_grad, -9, 9, -INFINITY, true,
	  false, 2.5, { 0, 1 } },
	{ "SILU_GRAD", true, DOJO_BINARY_SILU_GRAD, exact_silu_grad, -100, 100, -INFINITY, true,
	  false, 2.5, { NAN, NAN } },
};

/* Size of the last place of FP32 at @y, that of the smallest normal below it */
static long double ulp_at(long double y)
{
	int e;

	frexpl(y, &e);
	return ldexpl(1, e < FLT_MIN_EXP ? FLT_MIN_EXP - FLT_MANT_DIG : e - FLT_MANT_DIG);
}

struct worst {
	double ulps;
	float x, y;
	bool wrong;		/* Inf, NaN or a number where that cannot be */
};

static bool same(float y, float want)
{
	return isnan(want) ? test_bits(y) == 0x7fc00000 : y == want;
}

static void judge(const struct function *f, float x, float y, struct worst *w)
{
	long double want, unit, error;
	double ulps;

	if (isnan(x) || isinf(x)) {
		w->wrong |= !same(y, isnan(x) ? x : f->at[x > 0]);
		return;
	}
	if (x < f->first) {
		w->wrong |= !f->first && !isnan(y);
		return;
	}
	want = f->exact(x);
	unit = ulp_at(want);
	if (isinf(want) || isinf(y) || fabsl(want) > FLT_MAX) {
		/* Inf past the end of FP32 and only there, but for the bound */
		w->wrong |= isnan(y) || (isinf(y) && fabsl(want) < FLT_MAX * 0.999999L) ||
			    (!isinf(y) && fabsl(want) > FLT_MAX * 1.000001L);
		return;
	}
	if (f->absolute && unit < ulp_at(1.0L))
		unit = ulp_at(1.0L);
	error = fabsl(y - want);
	if (f->product)
		error = fmaxl(0, error - ldexpl(fabsl(x), -149));
	ulps = (double)(error / unit);
	if (!(ulps <= w->ulps)) {
		w->ulps = ulps;
		w->x = x;
		w->y = y;
	}
}

static void judge_all(const struct function *f, const float *x, size_t n, struct worst *w)
{
	static float one[CHUNK], y[CHUNK];
	const struct dojo_kernels *k = dojo_kernels_get();

	for (size_t i = 0; i < n; i++)
		one[i] = 1;
	if (f->binary)
		k->binary(y, one, x, n, f->fn, 0, 0);
	else
		k->unary(y, x, n, f->fn, 0, 0);
	for (size_t i = 0; i < n; i++)
		judge(f, x[i], y[i], w);
}

static void test_function(const struct function *f)
{
	struct ref_format format;
	struct worst w = {};
	float x[CHUNK];

	/* Every operand that BF16 and FP16 can hold */
	for (unsigned int t = DOJO_FORMAT_BF16; t <= DOJO_FORMAT_FP16; t++) {
		ref_format_init(&format, t, 0);
		for (uint32_t c = 0; c < 65536; c += CHUNK) {
			for (uint32_t i = 0; i < CHUNK; i++)
				x[i] = ref_decode(&format, c + i);
			judge_all(f, x, CHUNK, &w);
		}
		ref_format_fini(&format);
	}
	/* Where the function does something, and any bits at all */
	for (size_t n = 0; n < VALUES; n += CHUNK) {
		for (size_t i = 0; i < CHUNK; i++)
			if (i & 1)
				x[i] = test_any_float();
			else
				x[i] = f->low + (f->high - f->low) *
				       (float)test_below(1u << 24) / (1u << 24);
		judge_all(f, x, CHUNK, &w);
	}
	test_ok(!w.wrong && w.ulps <= f->ulps, "%s from %g on: %.2f ulp at %a (%a), bound %.1f",
		f->name, f->first, w.ulps, w.x, w.y, f->ulps);
}

int main(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
		test_function(&functions[i]);
	return test_end();
}
