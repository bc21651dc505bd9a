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
typedef uint64_t vq __attribute__((vector_size(VL * 4), may_alias));
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

/* Stored to an aligned place in memory rather than the cache; others see it after v_drain() */
static inline ALWAYS void vu_stream(void *p, vu v)
{
#if DOJO_ISA == DOJO_ISA_AVX512
	_mm512_stream_si512(p, (__m512i)v);
#elif DOJO_ISA == DOJO_ISA_AVX2
	_mm256_stream_si256(p, (__m256i)v);
#elif defined(__SSE2__)
	_mm_stream_si128(p, (__m128i)v);
#else
	memcpy(p, &v, sizeof(v));
#endif
}

static inline void v_drain(void)
{
#if defined(__SSE2__)
	_mm_sfence();
#endif
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
#if DOJO_ISA == DOJO_ISA_AVX2
	return (vf)_mm256_blendv_ps((__m256)no, (__m256)yes, (__m256)mask);
#else
	return (vf)((mask & (vi)yes) | (~mask & (vi)no));
#endif
}

static inline ALWAYS vu vu_select(vi mask, vu yes, vu no)
{
	return (vu)vf_select(mask, (vf)yes, (vf)no);
}

static inline ALWAYS vi vi_select(vi mask, vi yes, vi no)
{
	return (vi)vf_select(mask, (vf)yes, (vf)no);
}

/* x, not above or not below a limit; NaN stays: what one instruction does */
static inline ALWAYS vf vf_at_most(vf x, float limit)
{
#if DOJO_ISA == DOJO_ISA_AVX512
	return (vf)_mm512_min_ps(_mm512_set1_ps(limit), (__m512)x);
#elif DOJO_ISA == DOJO_ISA_AVX2
	return (vf)_mm256_min_ps(_mm256_set1_ps(limit), (__m256)x);
#elif defined(__SSE2__)
	return (vf)_mm_min_ps(_mm_set1_ps(limit), (__m128)x);
#else
	return vf_select(x > limit, vf_set(limit), x);
#endif
}

static inline ALWAYS vf vf_at_least(vf x, float limit)
{
#if DOJO_ISA == DOJO_ISA_AVX512
	return (vf)_mm512_max_ps(_mm512_set1_ps(limit), (__m512)x);
#elif DOJO_ISA == DOJO_ISA_AVX2
	return (vf)_mm256_max_ps(_mm256_set1_ps(limit), (__m256)x);
#elif defined(__SSE2__)
	return (vf)_mm_max_ps(_mm_set1_ps(limit), (__m128)x);
#else
	return vf_select(x < limit, vf_set(limit), x);
#endif
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

static inline ALWAYS vu vu_min(vu a, vu b)
{
#if DOJO_ISA == DOJO_ISA_AVX512
	return (vu)_mm512_min_epu32((__m512i)a, (__m512i)b);
#elif DOJO_ISA == DOJO_ISA_AVX2
	return (vu)_mm256_min_epu32((__m256i)a, (__m256i)b);
#else
	return vu_select((vi)(a < b), a, b);
#endif
}

static inline ALWAYS vu vu_max(vu a, vu b)
{
#if DOJO_ISA == DOJO_ISA_AVX512
	return (vu)_mm512_max_epu32((__m512i)a, (__m512i)b);
#elif DOJO_ISA == DOJO_ISA_AVX2
	return (vu)_mm256_max_epu32((__m256i)a, (__m256i)b);
#else
	return vu_select((vi)(a > b), a, b);
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

/*
 * Codes, narrowed: those of two or four vectors as one. Instructions limit them to the
 * range, which others must not rely on.
 */
static inline ALWAYS vu vu_pack_u16(vu a, vu b)
{
#if DOJO_ISA == DOJO_ISA_AVX512
	const __m512i order = _mm512_set_epi64(7, 5, 3, 1, 6, 4, 2, 0);

	return (vu)_mm512_permutexvar_epi64(order, _mm512_packus_epi32((__m512i)a, (__m512i)b));
#elif DOJO_ISA == DOJO_ISA_AVX2
	return (vu)_mm256_permute4x64_epi64(_mm256_packus_epi32((__m256i)a, (__m256i)b), 0xd8);
#else
	vh c[2] = { __builtin_convertvector(a, vh), __builtin_convertvector(b, vh) };

	return vu_load(c);
#endif
}

static inline ALWAYS vu vu_pack_u8(vu a, vu b, vu c, vu d)
{
#if DOJO_ISA == DOJO_ISA_AVX512
	const __m512i order = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2,
					       13, 9, 5, 1, 12, 8, 4, 0);
	__m512i ab = _mm512_packus_epi32((__m512i)a, (__m512i)b);
	__m512i cd = _mm512_packus_epi32((__m512i)c, (__m512i)d);

	return (vu)_mm512_permutexvar_epi32(order, _mm512_packus_epi16(ab, cd));
#elif DOJO_ISA == DOJO_ISA_AVX2
	const __m256i order = _mm256_set_epi32(7, 3, 6, 2, 5, 1, 4, 0);
	__m256i ab = _mm256_packus_epi32((__m256i)a, (__m256i)b);
	__m256i cd = _mm256_packus_epi32((__m256i)c, (__m256i)d);

	return (vu)_mm256_permutevar8x32_epi32(_mm256_packus_epi16(ab, cd), order);
#else
	vb v[4] = {
		__builtin_convertvector(a, vb), __builtin_convertvector(b, vb),
		__builtin_convertvector(c, vb), __builtin_convertvector(d, vb),
	};

	return vu_load(v);
#endif
}

/* ... signed, and limited to the range */
static inline ALWAYS vu vu_pack_s8(vu a, vu b, vu c, vu d)
{
#if DOJO_ISA == DOJO_ISA_AVX512
	const __m512i order = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2,
					       13, 9, 5, 1, 12, 8, 4, 0);
	__m512i ab = _mm512_packs_epi32((__m512i)a, (__m512i)b);
	__m512i cd = _mm512_packs_epi32((__m512i)c, (__m512i)d);

	return (vu)_mm512_permutexvar_epi32(order, _mm512_packs_epi16(ab, cd));
#elif DOJO_ISA == DOJO_ISA_AVX2
	const __m256i order = _mm256_set_epi32(7, 3, 6, 2, 5, 1, 4, 0);
	__m256i ab = _mm256_packs_epi32((__m256i)a, (__m256i)b);
	__m256i cd = _mm256_packs_epi32((__m256i)c, (__m256i)d);

	return (vu)_mm256_permutevar8x32_epi32(_mm256_packs_epi16(ab, cd), order);
#else
	const vi low = vi_set(-128), high = vi_set(127);

	a = (vu)vi_max(vi_min((vi)a, high), low);
	b = (vu)vi_max(vi_min((vi)b, high), low);
	c = (vu)vi_max(vi_min((vi)c, high), low);
	d = (vu)vi_max(vi_min((vi)d, high), low);
	return vu_pack_u8(a, b, c, d);
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

/* 64-bit lanes, of which the low halves are multiplied */
static inline ALWAYS vq vq_mul_low(vq a, uint32_t m)
{
#if DOJO_ISA == DOJO_ISA_AVX512
	return (vq)_mm512_mul_epu32((__m512i)a, _mm512_set1_epi64(m));
#elif DOJO_ISA == DOJO_ISA_AVX2
	return (vq)_mm256_mul_epu32((__m256i)a, _mm256_set1_epi64x(m));
#elif defined(__SSE2__)
	return (vq)_mm_mul_epu32((__m128i)a, _mm_set1_epi64x(m));
#else
	return (a & UINT32_MAX) * m;
#endif
}

/* The low halves of 64-bit lanes, those of @even and @odd in turn */
static inline ALWAYS vq vq_weave(vq even, vq odd)
{
#if DOJO_ISA == DOJO_ISA_AVX512
	return (vq)_mm512_mask_mov_epi32((__m512i)even, 0xaaaa, (__m512i)(odd << 32));
#elif DOJO_ISA == DOJO_ISA_AVX2
	return (vq)_mm256_blend_epi32((__m256i)even, (__m256i)(odd << 32), 0xaa);
#else
	return (even & UINT32_MAX) | odd << 32;
#endif
}

/*
 * vq_zip_low(): the first halves of what vq_zip_iota() numbers, of @a and @b in turn;
 * vq_zip_high(): the second halves. The order of lanes is that of the instruction.
 */
static inline ALWAYS vu vq_zip_low(vq a, vq b)
{
#if DOJO_ISA == DOJO_ISA_AVX512
	return (vu)_mm512_unpacklo_epi64((__m512i)a, (__m512i)b);
#elif DOJO_ISA == DOJO_ISA_AVX2
	return (vu)_mm256_unpacklo_epi64((__m256i)a, (__m256i)b);
#else
	vq r = { a[0], b[0] };

	return (vu)r;
#endif
}

static inline ALWAYS vu vq_zip_high(vq a, vq b)
{
#if DOJO_ISA == DOJO_ISA_AVX512
	return (vu)_mm512_unpackhi_epi64((__m512i)a, (__m512i)b);
#elif DOJO_ISA == DOJO_ISA_AVX2
	return (vu)_mm256_unpackhi_epi64((__m256i)a, (__m256i)b);
#else
	vq r = { a[1], b[1] };

	return (vu)r;
#endif
}

static inline ALWAYS vq vq_zip_iota(void)
{
#if VL == 16
	vq v = { 0, 4, 1, 5, 2, 6, 3, 7 };
#elif VL == 8
	vq v = { 0, 2, 1, 3 };
#else
	vq v = { 0, 1 };
#endif

	return v;
}

/* The halves of every lane change places */
static inline ALWAYS vu vu_swap_u16(vu a)
{
#if DOJO_ISA == DOJO_ISA_AVX512
	return (vu)_mm512_rol_epi32((__m512i)a, 16);
#elif DOJO_ISA == DOJO_ISA_AVX2
	const __m256i order = _mm256_set_epi64x(0x0d0c0f0e09080b0a, 0x0504070601000302,
						0x0d0c0f0e09080b0a, 0x0504070601000302);

	return (vu)_mm256_shuffle_epi8((__m256i)a, order);
#else
	return a >> 16 | a << 16;
#endif
}

/* Lanes shifted by lanes; from 32 on nothing is left */
static inline ALWAYS vu vu_shl(vu a, vu n)
{
#if DOJO_ISA == DOJO_ISA_AVX512
	return (vu)_mm512_sllv_epi32((__m512i)a, (__m512i)n);
#elif DOJO_ISA == DOJO_ISA_AVX2
	return (vu)_mm256_sllv_epi32((__m256i)a, (__m256i)n);
#else
	return vu_select((vi)(n > 31), vu_zero(), a << (n & 31));
#endif
}

static inline ALWAYS vu vu_shr(vu a, vu n)
{
#if DOJO_ISA == DOJO_ISA_AVX512
	return (vu)_mm512_srlv_epi32((__m512i)a, (__m512i)n);
#elif DOJO_ISA == DOJO_ISA_AVX2
	return (vu)_mm256_srlv_epi32((__m256i)a, (__m256i)n);
#else
	return vu_select((vi)(n > 31), vu_zero(), a >> (n & 31));
#endif
}

static inline ALWAYS vf vf_abs(vf a)
{
	return (vf)((vi)a & 0x7fffffff);
}

static inline ALWAYS vi vf_isnan(vf a)
{
	return a != a;
}

/* The one NaN that is ever stored */
static inline ALWAYS vf vf_canon(vf a)
{
	return vf_select(vf_isnan(a), vf_bits(DOJO_NAN_BITS), a);
}

/*
 * To the nearest integer, ties to even, as a number and in *@integer; |a| < 2^22.
 * Of NaN *@integer is anything.
 */
static inline ALWAYS vf vf_rint_small(vf a, vi *integer)
{
	const float magic = 12582912.0f;	/* 1.5 * 2^23 */

	a = a + magic;
	*integer = (vi)((vu)a - 0x4b400000u);
	return a - magic;
}

/*
 * Masks that are counted and combined: of one bit a lane where the instruction set
 * has such, which compilers do not find by themselves.
 */
#if DOJO_ISA == DOJO_ISA_AVX512
typedef __mmask16 vm;
#else
typedef vi vm;
#endif

static inline ALWAYS vm vm_less(vi a, vi b)
{
#if DOJO_ISA == DOJO_ISA_AVX512
	return _mm512_cmplt_epi32_mask((__m512i)a, (__m512i)b);
#else
	return a < b;
#endif
}

static inline ALWAYS vm vm_differ(vf a, vf b)
{
#if DOJO_ISA == DOJO_ISA_AVX512
	return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_NEQ_UQ);
#else
	return a != b;
#endif
}

static inline ALWAYS vm vm_of(vi mask)
{
#if DOJO_ISA == DOJO_ISA_AVX512
	return _mm512_movepi32_mask((__m512i)mask);
#else
	return mask;
#endif
}

/* Lanes that are not 0 */
static inline ALWAYS vm vm_set(vu a)
{
#if DOJO_ISA == DOJO_ISA_AVX512
	return _mm512_test_epi32_mask((__m512i)a, (__m512i)a);
#else
	return (vi)(a != 0);
#endif
}

/* The first n lanes, or all */
static inline ALWAYS vm vm_first(size_t n)
{
#if DOJO_ISA == DOJO_ISA_AVX512
	return (__mmask16)(n < VL ? (1u << n) - 1 : 0xffff);
#else
	return (vi)vu_iota() < (int32_t)(n < VL ? n : VL);
#endif
}

static inline ALWAYS vu vm_select(vm mask, vu yes, vu no)
{
#if DOJO_ISA == DOJO_ISA_AVX512
	return (vu)_mm512_mask_mov_epi32((__m512i)no, mask, (__m512i)yes);
#else
	return vu_select(mask, yes, no);
#endif
}

static inline ALWAYS vm vm_below(vu a, uint32_t limit)
{
#if DOJO_ISA == DOJO_ISA_AVX512
	return _mm512_cmplt_epu32_mask((__m512i)a, _mm512_set1_epi32((int)limit));
#else
	return (vi)(a < limit);
#endif
}

static inline ALWAYS bool vm_any(vm mask)
{
#if DOJO_ISA == DOJO_ISA_AVX512
	return mask;
#elif DOJO_ISA == DOJO_ISA_AVX2
	return _mm256_movemask_ps((__m256)mask);
#elif defined(__SSE2__)
	return _mm_movemask_ps((__m128)mask);
#else
	return mask[0] | mask[1] | mask[2] | mask[3];
#endif
}

/* One more in the lanes that are set */
static inline ALWAYS void vm_tally(vu *count, vm mask)
{
#if DOJO_ISA == DOJO_ISA_AVX512
	*count = (vu)_mm512_mask_sub_epi32((__m512i)*count, mask, (__m512i)*count,
					   _mm512_set1_epi32(-1));
#else
	*count -= (vu)mask;
#endif
}

static inline ALWAYS uint64_t vu_sum(vu a)
{
	uint64_t sum = 0;

	for (int i = 0; i < VL; i++)
		sum += a[i];
	return sum;
}

#endif
