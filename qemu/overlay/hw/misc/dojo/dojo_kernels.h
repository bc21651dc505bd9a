/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inner loops over contiguous FP32 arrays, compiled once for each instruction
 * set that matters; every version gives the same bits. Arrays may be unaligned.
 * An output may be the same array as an input, but may not overlap it otherwise.
 * NaNs that are stored are the canonical one.
 */
#ifndef DOJO_KERNELS_H
#define DOJO_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dojo_format.h"
#include "dojo_op.h"

/* Every sum is made of this many interleaved partial sums: see dojo_lanes_sum() */
#define DOJO_LANES	16

/* Depth of a packed block of GEMM; 2^24 / (128 * 128) bounds it for INT8 */
#define DOJO_GEMM_KC	256

struct dojo_norm_row {
	float mean;	/* 0 for RMS */
	float scale;	/* 1 / sqrt(variance or mean square + epsilon) */
	const float *gamma;	/* or NULL */
	const float *beta;	/* or NULL */
};

struct dojo_adamw {
	float beta1, beta2, epsilon;
	float one_minus_beta1, one_minus_beta2;
	float step;		/* learning rate / (1 - beta1^t) */
	float correct2;		/* 1 / sqrt(1 - beta2^t) */
	float decay;		/* learning rate * weight decay */
};

struct dojo_kernels {
	const char *name;
	bool fast_fma;	/* in hardware */

	/* Codes to FP32; a NaN keeps its sign */
	void (*decode)(float *dst, const void *src, size_t n,
		       unsigned int format, unsigned int bias);
	/* FP32 to codes */
	void (*encode)(void *dst, const float *src, size_t n,
		       unsigned int format, unsigned int bias,
		       const struct dojo_rounding *rounding,
		       struct dojo_flags *flags);
	/* How many codes are subnormal in their own format */
	uint64_t (*denormals)(const void *src, size_t n, unsigned int format);
	void (*canon)(float *y, size_t n);
	/* Codes of 1, 2 or 4 bytes to 4 and back, which may be in place */
	void (*widen)(uint32_t *dst, const void *src, size_t n, unsigned int shift);
	void (*narrow)(void *dst, const uint32_t *src, size_t n, unsigned int shift);
	/*
	 * Copy to memory past the caches. The arrays may overlap: what is there then is
	 * undefined. Other threads may see it only after drain().
	 */
	void (*stream)(void *dst, const void *src, size_t n);
	void (*drain)(void);

	void (*unary)(float *y, const float *x, size_t n, unsigned int fn,
		      float f0, float f1);
	void (*binary)(float *y, const float *a, const float *b, size_t n,
		       unsigned int fn, float f0, float f1);
	void (*dropout)(float *y, const float *x, size_t n, uint64_t seed,
			uint64_t index, uint32_t threshold, float scale);

	void (*sgd)(float *w, const float *g, float *m, size_t n, float lr,
		    float momentum, float decay);
	void (*adamw)(float *w, const float *g, float *m, float *v, size_t n,
		      const struct dojo_adamw *p);

	/* Add n terms to the lanes, from lane 0: x; |x - mean|^2; a * b */
	void (*sum)(float *lanes, const float *x, size_t n);
	void (*sum_square)(float *lanes, const float *x, size_t n, float mean);
	void (*sum_product)(float *lanes, const float *a, const float *b, size_t n);
	/* y = e^(x - max), and its sum */
	void (*exp_sum)(float *lanes, float *y, const float *x, size_t n, float max);
	/* Total order of bits: NaN above Inf, -0 below +0 */
	float (*max)(const float *x, size_t n);
	float (*absmax)(const float *x, size_t n);
	/* y = a * x, not canonical: for intermediate results in scratch */
	void (*scale)(float *y, const float *x, size_t n, float a);
	/* y = y * (dy - dot) * a */
	void (*softmax_grad)(float *y, const float *dy, const float *s, size_t n,
			     float dot, float a);
	void (*norm)(float *y, const float *x, size_t n,
		     const struct dojo_norm_row *row);
	/* y = scale * ((g - c1) - h * c2), the second step fused */
	void (*norm_grad)(float *y, const float *g, const float *h, size_t n,
			  float c1, float c2, float scale);
	/* acc = fma(a, b, acc), not canonical */
	void (*accumulate)(float *acc, const float *a, const float *b, size_t n);
	/* Where x > best, or x is the first NaN: best = x, which = @tag */
	void (*best)(float *best, int32_t *which, const float *x, size_t n, int32_t tag);
	/* Pairs turned by angles: x, y = fma(x, c, -(y s)), fma(y, c, x s) */
	void (*rotate)(float *x, float *y, const float *c, const float *s, size_t n);

	/*
	 * c[i][j] = fma(a[i][k], b[k][j], c[i][j]) for k = 0..kc-1, i < rows <=
	 * gemm_mr, j < gemm_nr. Rows of a are DOJO_GEMM_KC apart, b is dense.
	 */
	unsigned int gemm_mr, gemm_nr;
	void (*gemm)(float *c, size_t ldc, const float *a, const float *b,
		     size_t kc, unsigned int rows);
	/* n floats into pieces of gemm_nr that are stride apart, the last one filled with 0 */
	void (*spread)(float *dst, size_t stride, const float *src, size_t n);
	/* dst[i * stride + j] = row[j][i], i < n, j < gemm_tr, which divides 16 */
	unsigned int gemm_tr;
	void (*transpose)(float *dst, size_t stride, const float *const *row,
			  size_t n);
	/* dst[i] = src[i * stride]; reads nothing past the last of them */
	void (*strided)(float *dst, const float *src, size_t n, size_t stride);
};

extern const struct dojo_kernels dojo_kernels_base;
#if defined(__x86_64__)
extern const struct dojo_kernels dojo_kernels_avx2;
extern const struct dojo_kernels dojo_kernels_avx512;
#endif

/* The best that the host can run, and not above dojo_kernels_limit */
const struct dojo_kernels *dojo_kernels_get(void);

/* Tests lower it to reach the others: 0 base, 1 AVX2, 2 AVX-512 */
extern unsigned int dojo_kernels_limit;

/* The tree that ends every sum */
static inline float dojo_lanes_sum(const float *lanes)
{
	float l[DOJO_LANES];

	for (int i = 0; i < DOJO_LANES; i++)
		l[i] = lanes[i];
	for (int w = DOJO_LANES / 2; w; w /= 2)
		for (int i = 0; i < w; i++)
			l[i] = l[i] + l[i + w];
	return l[0];
}

#endif
