/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the arithmetic relies on. Every source file that computes includes this
 * first.
 *
 * a * b + c is two roundings unless fmaf() is written: contraction would make
 * results depend on the compiler and the host. The caller's threads run in the
 * default floating-point environment: round to nearest even, subnormals kept
 * (no FTZ or DAZ), no traps.
 */
#ifndef DOJO_FP_H
#define DOJO_FP_H

#include <float.h>
#include <stdint.h>
#include <string.h>

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

#if defined(__FAST_MATH__)
#error "the arithmetic is specified to the bit: no -ffast-math"
#endif
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "operands are used in place: little-endian hosts only"
#endif

_Static_assert(FLT_EVAL_METHOD == 0, "float expressions must be rounded to float");

#define DOJO_NAN_BITS	0x7fc00000
#define DOJO_INF_BITS	0x7f800000

static inline uint32_t dojo_f32_bits(float x)
{
	uint32_t u;

	memcpy(&u, &x, sizeof(u));
	return u;
}

static inline float dojo_bits_f32(uint32_t u)
{
	float x;

	memcpy(&x, &u, sizeof(x));
	return x;
}

#endif
