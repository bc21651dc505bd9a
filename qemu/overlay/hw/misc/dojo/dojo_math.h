/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Elementary functions on vectors, by our own polynomials: the host's libm
 * must not decide a bit. Coefficients and error bounds are in
 * driver/NUMERICS.md; each constant here is the FP32 number nearest to it.
 */
#ifndef DOJO_MATH_H
#define DOJO_MATH_H

#include "dojo_vec.h"

/* 2^n for -126 <= n <= 127 */
VINLINE vf vf_pow2(vi n)
{
	return (vf)((n + 127) << 23);
}

/* r in about +-0.3466: e^r - 1 - r, minimax */
VINLINE vf vf_exp_tail(vf r)
{
	vf q = vf_set(0x1.6a21a8p-10f);

	q = vf_fma(q, r, vf_set(0x1.123b68p-7f));
	q = vf_fma(q, r, vf_set(0x1.5558fcp-5f));
	q = vf_fma(q, r, vf_set(0x1.555490p-3f));
	q = vf_fma(q, r, vf_set(0x1.fffffcp-2f));
	return r * r * q;
}

VINLINE vf vf_exp(vf x)
{
	vf n, r, p;
	vi k, half;

	/* Beyond these the result is Inf or 0; NaN passes both and stays */
	x = vf_select(x > 90.0f, vf_set(90.0f), x);
	x = vf_select(x < -105.0f, vf_set(-105.0f), x);
	n = vf_rint_small(x * 0x1.715476p+0f);
	r = vf_fma(n, vf_set(-0x1.62e430p-1f), x);
	r = vf_fma(n, vf_set(0x1.05c610p-29f), r);
	p = 1.0f + (r + vf_exp_tail(r));
	n = vf_select(vf_isnan(n), (vf){}, n);
	k = __builtin_convertvector(n, vi);
	/* In two steps: 2^k itself need not be a normal number */
	half = k >> 1;
	return p * vf_pow2(half) * vf_pow2(k - half);
}

VINLINE vf vf_log(vf x)
{
	vi tiny = x < 0x1p-126f, ix, e;
	vf m, f, p, r, k;

	m = vf_select(tiny, x * 0x1p23f, x);
	/* Mantissa in [sqrt(1/2), sqrt(2)) */
	ix = (vi)m - 0x3f3504f3;
	e = (ix >> 23) - (tiny & 23);
	m = (vf)((ix & 0x7fffff) + 0x3f3504f3);
	f = m - 1.0f;
	k = __builtin_convertvector(e, vf);

	p = vf_set(0x1.1462a4p-4f);
	p = vf_fma(p, f, vf_set(-0x1.de4f3cp-4f));
	p = vf_fma(p, f, vf_set(0x1.e6f600p-4f));
	p = vf_fma(p, f, vf_set(-0x1.fc1f7cp-4f));
	p = vf_fma(p, f, vf_set(0x1.2336e4p-3f));
	p = vf_fma(p, f, vf_set(-0x1.555c5ap-3f));
	p = vf_fma(p, f, vf_set(0x1.99a4bcp-3f));
	p = vf_fma(p, f, vf_set(-0x1.000006p-2f));
	p = vf_fma(p, f, vf_set(0x1.555548p-2f));
	/* f - f^2/2 + f^3 p, with the small part of k ln 2 among the small terms */
	r = f * f * (f * p - 0.5f);
	r = vf_fma(k, vf_set(-0x1.05c610p-29f), r);
	r = vf_fma(k, vf_set(0x1.62e430p-1f), f + r);

	r = vf_select(x == 0.0f, (vf)vi_set((int32_t)0xff800000), r);
	r = vf_select((vi)x == DOJO_INF_BITS, x, r);
	return vf_select((x < 0.0f) | vf_isnan(x), (vf)vi_set(DOJO_NAN_BITS), r);
}

VINLINE vf vf_tanh(vf x)
{
	vf a = vf_abs(x), t = x * x, p, big;

	p = vf_set(-0x1.75e1d0p-8f);
	p = vf_fma(p, t, vf_set(0x1.52269cp-6f));
	p = vf_fma(p, t, vf_set(-0x1.b83c5ap-5f));
	p = vf_fma(p, t, vf_set(0x1.110726p-3f));
	p = vf_fma(p, t, vf_set(-0x1.555532p-2f));
	p = vf_fma(x * t, p, x);

	big = 1.0f - 2.0f / (vf_exp(a + a) + 1.0f);
	big = (vf)((vi)big | ((vi)x & (vi)vi_set(INT32_MIN)));
	return vf_select(a < 0.625f, p, big);
}

/* Also accurate where the result is tiny */
VINLINE vf vf_sigmoid(vf x)
{
	vf e = vf_exp((vf)((vi)x | vi_set(INT32_MIN)));	/* -|x| */
	vf s = 1.0f + e;

	return vf_select(x < 0.0f, e, vf_set(1.0f)) / s;
}

/* The argument of the sigmoid of which GELU's tanh form is made: x * s(2u) */
VINLINE vf vf_gelu_arg(vf x)
{
	/* 2 sqrt(2/pi) and 2 sqrt(2/pi) 0.044715 */
	return x * vf_fma(x * x, vf_set(0x1.2444f2p-4f), vf_set(0x1.988454p+0f));
}

VINLINE vf vf_gelu(vf x)
{
	return x * vf_sigmoid(vf_gelu_arg(x));
}

VINLINE vf vf_silu(vf x)
{
	return x * vf_sigmoid(x);
}

VINLINE vf vf_relu(vf x)
{
	/* NaN stays, -0 becomes +0 */
	return vf_select((x > 0.0f) | vf_isnan(x), x, (vf){});
}

#endif
