/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Elementary functions as driver/NUMERICS.md gives them, one number at a time */
#include <math.h>
#include <string.h>

#include "dojo_packet.h"
#include "reference.h"

static float horner(float x, const float *c, int n)
{
	float r = c[n - 1];

	for (int i = n - 2; i >= 0; i--)
		r = fmaf(r, x, c[i]);
	return r;
}

static const float ln2_high = 0.693147182f, ln2_low = -0.00000000190465421f;

float ref_exp(float x)
{
	static const float c[] = {
		0.49999994f, 0.16666520f, 0.041668408f, 0.0083688982f, 0.0013814219f,
	};
	float n, r, p;

	if (isnan(x))
		return NAN;
	x = x > 90 ? 90 : x < -105 ? -105 : x;
	n = nearbyintf(x * 1.442695f);
	r = fmaf(n, -ln2_high, x);
	r = fmaf(n, -ln2_low, r);
	p = 1 + (r + r * r * horner(r, c, 5));
	/* p is normal and 2^n is split: one rounding, in the second product */
	return p * ldexpf(1, (int)floorf(n / 2)) * ldexpf(1, (int)n - (int)floorf(n / 2));
}

float ref_log(float x)
{
	static const float c[] = {
		0.33333313f, -0.25000009f, 0.20002124f, -0.16668005f, 0.14219454f,
		-0.12405346f, 0.11888695f, -0.11677478f, 0.067476884f,
	};
	float f, r;
	int e;

	if (isnan(x) || x < 0)
		return NAN;
	if (x == 0)
		return -INFINITY;
	if (isinf(x))
		return x;
	f = frexpf(x, &e);
	/* To [sqrt(1/2), sqrt(2)); the constant is the FP32 number nearest to sqrt(1/2) */
	if (f < 0.707106769f) {
		f *= 2;
		e--;
	}
	f -= 1;
	r = f * f * (f * horner(f, c, 9) - 0.5f);
	r = fmaf((float)e, ln2_low, r);
	return fmaf((float)e, ln2_high, f + r);
}

float ref_tanh(float x)
{
	static const float c[] = {
		-0.33333281f, 0.13331442f, -0.053739715f, 0.020639088f, -0.0057049878f,
	};

	if (fabsf(x) < 0.625f)
		return fmaf(x * (x * x), horner(x * x, c, 5), x);
	return copysignf(1 - 2 / (ref_exp(2 * fabsf(x)) + 1), x);
}

/* With e = e^-|x|: e / (1 + e) below 0, else 1 / (1 + e) */
float ref_sigmoid(float x)
{
	float e = ref_exp(-fabsf(x));

	return (x < 0 ? e : 1) / (1 + e);
}

float ref_gelu_arg(float x)
{
	return x * fmaf(x * x, 0.0713548139f, 1.59576917f);
}

static float sigmoid_grad(float x)
{
	float e = ref_exp(-fabsf(x)), s = 1 + e;

	return e / (s * s);
}

static float gelu_grad(float x)
{
	float c = x < -16 ? -16 : x > 16 ? 16 : x, u = ref_gelu_arg(c);
	float s = ref_sigmoid(u), q = ref_sigmoid(-u);

	if (u == 0)
		q = s;
	return s * fmaf(c * q, fmaf(c * c, 0.214064449f, 1.59576917f), 1);
}

static float silu_grad(float x)
{
	return ref_sigmoid(x) * fmaf(x, ref_sigmoid(-x), 1);
}

float ref_unary(unsigned int fn, float x, float f0, float f1)
{
	switch (fn) {
	case DOJO_UNARY_RELU:
		return x > 0 || isnan(x) ? x : 0;
	case DOJO_UNARY_GELU:
		return x * ref_sigmoid(ref_gelu_arg(x));
	case DOJO_UNARY_SILU:
		return x * ref_sigmoid(x);
	case DOJO_UNARY_SIGMOID:
		return ref_sigmoid(x);
	case DOJO_UNARY_TANH:
		return ref_tanh(x);
	case DOJO_UNARY_NEG:
		return -x;
	case DOJO_UNARY_ABS:
		return fabsf(x);
	case DOJO_UNARY_SQUARE:
		return x * x;
	case DOJO_UNARY_SQRT:
		return sqrtf(x);
	case DOJO_UNARY_RSQRT:
		return 1 / sqrtf(x);
	case DOJO_UNARY_RECIPROCAL:
		return 1 / x;
	case DOJO_UNARY_EXP:
		return ref_exp(x);
	case DOJO_UNARY_LOG:
		return ref_log(x);
	case DOJO_UNARY_STEP:
		return x > 0;
	case DOJO_UNARY_SCALE:
		return fmaf(f0, x, f1);
	default:
		return x < f0 ? f0 : x > f1 ? f1 : x;
	}
}

float ref_binary(unsigned int fn, float a, float b, float f0, float f1)
{
	switch (fn) {
	case DOJO_BINARY_ADD:
		return a + b;
	case DOJO_BINARY_SUB:
		return a - b;
	case DOJO_BINARY_MUL:
		return a * b;
	case DOJO_BINARY_DIV:
		return a / b;
	case DOJO_BINARY_MIN:
		return ref_min2(a, b);
	case DOJO_BINARY_MAX:
		return ref_max2(a, b);
	case DOJO_BINARY_AXPBY:
		return fmaf(f0, a, f1 * b);
	case DOJO_BINARY_RELU_GRAD:
		return b > 0 ? a : 0;
	case DOJO_BINARY_GELU_GRAD:
		return a * gelu_grad(b);
	case DOJO_BINARY_SILU_GRAD:
		return a * silu_grad(b);
	case DOJO_BINARY_SIGMOID_GRAD:
		return a * sigmoid_grad(b);
	default:
		return a * (4 * sigmoid_grad(b + b));
	}
}
