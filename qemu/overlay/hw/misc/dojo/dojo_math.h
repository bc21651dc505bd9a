/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Elementary functions on vectors, by our own polynomials: the host's libm
 * must not decide a bit. Coefficients and error bounds are in
 * driver/NUMERICS.md; each constant here is the FP32 number nearest to it.
 */
#ifndef DOJO_MATH_H
#define DOJO_MATH_H

#include "dojo_vec.h"

/* p * 2^n, rounded once, for p of about 1 and -252 <= n <= 254 */
static inline ALWAYS vf vf_scale2(vf p, vf n, vi integer)
{
#if DOJO_ISA == DOJO_ISA_AVX512
	(void)integer;
	return (vf)_mm512_scalef_ps((__m512)p, (__m512)n);
#else
	/* In two steps, the first exact: 2^n itself need not be a normal number */
	vi half = integer >> 1;

	(void)n;
	return p * (vf)((vu)(half + 127) << 23) * (vf)((vu)(integer - half + 127) << 23);
#endif
}

/* r in about +-0.3466: e^r - 1 - r, minimax */
static inline ALWAYS vf vf_exp_tail(vf r)
{
	vf q = vf_bits(0x3ab510d4);

	q = vf_fma(q, r, vf_bits(0x3c091db4));
	q = vf_fma(q, r, vf_bits(0x3d2aac7e));
	q = vf_fma(q, r, vf_bits(0x3e2aaa48));
	q = vf_fma(q, r, vf_bits(0x3efffffe));
	return r * r * q;
}

static inline ALWAYS vf vf_exp(vf x)
{
	vf n, r;
	vi k;

	/* Beyond these the result is Inf or 0; NaN passes both and stays */
	x = vf_at_least(vf_at_most(x, 90.0f), -105.0f);
	n = vf_rint_small(x * vf_bits(0x3fb8aa3b), &k);
	r = vf_fma(n, vf_bits(0xbf317218), x);
	r = vf_fma(n, vf_bits(0x3102e308), r);
	return vf_scale2(1.0f + (r + vf_exp_tail(r)), n, k);
}

static inline ALWAYS vf vf_log(vf x)
{
	vi tiny = x < FLT_MIN, ix, e;
	vf m, f, p, r, k;

	m = vf_select(tiny, x * 8388608.0f, x);
	/* Mantissa in [sqrt(1/2), sqrt(2)) */
	ix = (vi)((vu)m - 0x3f3504f3u);
	e = (ix >> 23) - (tiny & 23);
	m = (vf)((ix & 0x7fffff) + 0x3f3504f3);
	f = m - 1.0f;
	k = __builtin_convertvector(e, vf);

	p = vf_bits(0x3d8a3152);
	p = vf_fma(p, f, vf_bits(0xbdef279e));
	p = vf_fma(p, f, vf_bits(0x3df37b00));
	p = vf_fma(p, f, vf_bits(0xbdfe0fbe));
	p = vf_fma(p, f, vf_bits(0x3e119b72));
	p = vf_fma(p, f, vf_bits(0xbe2aae2d));
	p = vf_fma(p, f, vf_bits(0x3e4cd25e));
	p = vf_fma(p, f, vf_bits(0xbe800003));
	p = vf_fma(p, f, vf_bits(0x3eaaaaa4));
	/* f - f^2/2 + f^3 p, with the small part of k ln 2 among the small terms */
	r = f * f * (f * p - 0.5f);
	r = vf_fma(k, vf_bits(0xb102e308), r);
	r = vf_fma(k, vf_bits(0x3f317218), f + r);

	r = vf_select(x == 0.0f, (vf)vi_set((int32_t)0xff800000), r);
	r = vf_select((vi)x == DOJO_INF_BITS, x, r);
	return vf_select(x >= 0.0f, r, vf_bits(DOJO_NAN_BITS));
}

static inline ALWAYS vf vf_tanh(vf x)
{
	vf a = vf_abs(x), t = x * x, p, big;

	p = vf_bits(0xbbbaf0e8);
	p = vf_fma(p, t, vf_bits(0x3ca9134e));
	p = vf_fma(p, t, vf_bits(0xbd5c1e2d));
	p = vf_fma(p, t, vf_bits(0x3e088393));
	p = vf_fma(p, t, vf_bits(0xbeaaaa99));
	p = vf_fma(x * t, p, x);

	big = 1.0f - 2.0f / (vf_exp(a + a) + 1.0f);
	big = (vf)((vi)big | ((vi)x & (vi)vi_set(INT32_MIN)));
	return vf_select(a < 0.625f, p, big);
}

/* Also accurate where the result is tiny */
static inline ALWAYS vf vf_sigmoid(vf x)
{
	vf e = vf_exp((vf)((vi)x | vi_set(INT32_MIN)));	/* -|x| */
	vf s = 1.0f + e;

	return vf_select(x < 0.0f, e, vf_set(1.0f)) / s;
}

/* The argument of the sigmoid of which GELU's tanh form is made: x * s(2u) */
static inline ALWAYS vf vf_gelu_arg(vf x)
{
	/* 2 sqrt(2/pi) and 2 sqrt(2/pi) 0.044715 */
	return x * vf_fma(x * x, vf_bits(0x3d922279), vf_bits(0x3fcc422a));
}

static inline ALWAYS vf vf_gelu(vf x)
{
	return x * vf_sigmoid(vf_gelu_arg(x));
}

static inline ALWAYS vf vf_silu(vf x)
{
	return x * vf_sigmoid(x);
}

static inline ALWAYS vf vf_relu(vf x)
{
	/* NaN stays, -0 becomes +0 */
	return vf_select(x <= 0.0f, vf_zero(), x);
}

#endif
