/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Vectors of the host's native width for the kernels. Included once by each
 * dojo_kernels_*.c, which sets DOJO_ISA; everything is static, because the same
 * source is compiled for several instruction sets.
 *
 * Only operations that IEEE 754 defines exactly are used, so that a lane's
 * result does not depend on the width or the instruction set.
 */
#ifndef DOJO_VEC_H
#define DOJO_VEC_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "dojo_fp.h"

#define DOJO_ISA_BASE	0
#define DOJO_ISA_AVX2	1
#define DOJO_ISA_AVX512	2

#if DOJO_ISA == DOJO_ISA_AVX512
#define VL 16
#elif DOJO_ISA == DOJO_ISA_AVX2
#define VL 8
#else
#define VL 4
#endif

#if defined(__x86_64__)
#include <immintrin.h>
#endif

typedef float vf __attribute__((vector_size(VL * sizeof(uint32_t)), may_alias));
typedef int32_t vi __attribute__((vector_size(VL * 4), may_alias));
typedef uint32_t vu __attribute__((vector_size(VL * 4), may_alias));
typedef uint16_t vh __attribute__((vector_size(VL * 2), may_alias));
typedef uint8_t vb __attribute__((vector_size(VL), may_alias));

#define ALWAYS __attribute__((always_inline, unused))

static inline ALWAYS vf vf_zero(void)
{
	vf v = { 0 };

	return v;
}

static inline ALWAYS vi vi_zero(void)
{
	vi v = { 0 };

	return v;
}

static inline ALWAYS vu vu_zero(void)
{
	vu v = { 0 };

	return v;
}

static inline ALWAYS vf vf_load(const void *p)
{
	vf v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline ALWAYS void vf_store(void *p, vf v)
{
	memcpy(p, &v, sizeof(v));
}

static inline ALWAYS vu vu_load(const void *p)
{
	vu v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline ALWAYS void vu_store(void *p, vu v)
{
	memcpy(p, &v, sizeof(v));
}

/* The first n lanes, n < VL; the others are 0 */
static inline ALWAYS vf vf_load_part(const void *p, size_t n)
{
	vf v = vf_zero();

	memcpy(&v, p, n * 4);
	return v;
}

static inline ALWAYS void vf_store_part(void *p, vf v, size_t n)
{
	memcpy(p, &v, n * 4);
}

static inline ALWAYS vf vf_set(float x)
{
	return x - vf_zero();
}

static inline ALWAYS vu vu_set(uint32_t x)
{
	return x - vu_zero();
}

static inline ALWAYS vi vi_set(int32_t x)
{
	return x - vi_zero();
}

/* The FP32 number with these bits */
static inline ALWAYS vf vf_bits(uint32_t x)
{
	return (vf)vu_set(x);
}

static inline ALWAYS vu vu_iota(void)
{
#if VL == 16
	vu v = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
#elif VL == 8
	vu v = { 0, 1, 2, 3, 4, 5, 6, 7 };
#else
	vu v = { 0, 1, 2, 3 };
#endif

	return v;
}

/* Masks are all ones or all zeros in each lane */
static inline ALWAYS vf vf_select(vi mask, vf yes, vf no)
{
	return (vf)((mask & (vi)yes) | (~mask & (vi)no));
}

static inline ALWAYS vu vu_select(vi mask, vu yes, vu no)
{
	return ((vu)mask & yes) | (~(vu)mask & no);
}

static inline ALWAYS vi vi_select(vi mask, vi yes, vi no)
{
	return (mask & yes) | (~mask & no);
}

static inline ALWAYS vi vi_max(vi a, vi b)
{
#if DOJO_ISA == DOJO_ISA_AVX512
	return (vi)_mm512_max_epi32((__m512i)a, (__m512i)b);
#elif DOJO_ISA == DOJO_ISA_AVX2
	return (vi)_mm256_max_epi32((__m256i)a, (__m256i)b);
#else
	return vi_select(a > b, a, b);
#endif
}

static inline ALWAYS vi vi_min(vi a, vi b)
{
#if DOJO_ISA == DOJO_ISA_AVX512
	return (vi)_mm512_min_epi32((__m512i)a, (__m512i)b);
#elif DOJO_ISA == DOJO_ISA_AVX2
	return (vi)_mm256_min_epi32((__m256i)a, (__m256i)b);
#else
	return vi_select(a < b, a, b);
#endif
}

/* Codes, widened: by one instruction, which compilers do not find for all widths */
static inline ALWAYS vu vu_widen_u16(vh a)
{
#if DOJO_ISA == DOJO_ISA_AVX512
	return (vu)_mm512_cvtepu16_epi32((__m256i)a);
#elif DOJO_ISA == DOJO_ISA_AVX2
	return (vu)_mm256_cvtepu16_epi32((__m128i)a);
#else
	return __builtin_convertvector(a, vu);
#endif
}

static inline ALWAYS vu vu_widen_u8(vb a)
{
#if DOJO_ISA == DOJO_ISA_AVX512
	return (vu)_mm512_cvtepu8_epi32((__m128i)a);
#elif DOJO_ISA == DOJO_ISA_AVX2
	return (vu)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)&a));
#else
	return __builtin_convertvector(a, vu);
#endif
}

/* a * b + c with one rounding */
static inline ALWAYS vf vf_fma(vf a, vf b, vf c)
{
#if DOJO_ISA == DOJO_ISA_AVX512
	return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif DOJO_ISA == DOJO_ISA_AVX2
	return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
	vf r;

	for (int i = 0; i < VL; i++)
		r[i] = __builtin_fmaf(a[i], b[i], c[i]);
	return r;
#endif
}

static inline ALWAYS vf vf_sqrt(vf a)
{
#if DOJO_ISA == DOJO_ISA_AVX512
	return (vf)_mm512_sqrt_ps((__m512)a);
#elif DOJO_ISA == DOJO_ISA_AVX2
	return (vf)_mm256_sqrt_ps((__m256)a);
#elif defined(__SSE2__)
	return (vf)_mm_sqrt_ps((__m128)a);
#else
	vf r;

	for (int i = 0; i < VL; i++)
		r[i] = __builtin_sqrtf(a[i]);
	return r;
#endif
}

/* Low and high half of the 64-bit product: even and odd lanes apart, then together */
static inline ALWAYS vu vu_mul_wide(vu a, uint32_t m, vu *hi)
{
#if DOJO_ISA == DOJO_ISA_AVX512
	__m512i x = (__m512i)a, f = _mm512_set1_epi32((int)m);
	__m512i even = _mm512_mul_epu32(x, f);
	__m512i odd = _mm512_mul_epu32(_mm512_srli_epi64(x, 32), f);

	*hi = (vu)_mm512_mask_mov_epi32(_mm512_srli_epi64(even, 32), 0xaaaa, odd);
	return (vu)_mm512_mask_mov_epi32(even, 0xaaaa, _mm512_slli_epi64(odd, 32));
#elif DOJO_ISA == DOJO_ISA_AVX2
	__m256i x = (__m256i)a, f = _mm256_set1_epi32((int)m);
	__m256i even = _mm256_mul_epu32(x, f);
	__m256i odd = _mm256_mul_epu32(_mm256_srli_epi64(x, 32), f);

	*hi = (vu)_mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xaa);
	return (vu)_mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xaa);
#else
	for (int i = 0; i < VL; i++)
		(*hi)[i] = (uint32_t)(((uint64_t)a[i] * m) >> 32);
	return a * m;
#endif
}

static inline ALWAYS vf vf_abs(vf a)
{
	return (vf)((vi)a & 0x7fffffff);
}

static inline ALWAYS vi vf_isnan(vf a)
{
	return ((vi)a & 0x7fffffff) > 0x7f800000;
}

/* The one NaN that is ever stored */
static inline ALWAYS vf vf_canon(vf a)
{
	return (vf)vi_select(vf_isnan(a), vi_set(DOJO_NAN_BITS), (vi)a);
}

/* To the nearest integer, ties to even; |a| < 2^22 */
static inline ALWAYS vf vf_rint_small(vf a)
{
	return (a + 12582912.0f) - 12582912.0f;
}

/* How many lanes of a mask are set */
static inline ALWAYS unsigned int vi_count(vi mask)
{
#if DOJO_ISA == DOJO_ISA_AVX512
	return (unsigned int)__builtin_popcount(_mm512_movepi32_mask((__m512i)mask));
#elif DOJO_ISA == DOJO_ISA_AVX2
	return (unsigned int)__builtin_popcount((unsigned int)
		_mm256_movemask_ps((__m256)mask));
#else
	int n = 0;

	for (int i = 0; i < VL; i++)
		n -= mask[i];
	return (unsigned int)n;
#endif
}

/* Whether all lanes of x lie in low .. low + size - 1, or are 0 in @a */
static inline ALWAYS bool vu_all_within(vu x, vu a, uint32_t low, uint32_t size)
{
#if DOJO_ISA == DOJO_ISA_AVX512
	__m512i d = (__m512i)(x - low);

	return (_mm512_cmplt_epu32_mask(d, _mm512_set1_epi32((int)size)) |
		_mm512_testn_epi32_mask((__m512i)a, (__m512i)a)) == 0xffff;
#elif DOJO_ISA == DOJO_ISA_AVX2
	return _mm256_movemask_ps((__m256)((vi)(x - low < size) | (vi)(a == 0))) == 0xff;
#else
	return vi_count((vi)(x - low < size) | (vi)(a == 0)) == VL;
#endif
}

#endif
