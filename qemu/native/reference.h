/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The definitions, written down a second time: slowly, by value and without
 * anything from the implementation.
 */
#ifndef REFERENCE_H
#define REFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REF_INVALID	1
#define REF_DENORMAL	2	/* the FP32 operand is subnormal */
#define REF_OVERFLOW	4
#define REF_UNDERFLOW	8

/* A format with its bias, and its non-negative finite values in order of code */
struct ref_format {
	unsigned int format, bias;
	unsigned int size;	/* bytes */
	uint32_t codes;		/* non-negative finite ones, 0 included */
	double *value;
	double end;		/* what would follow the last */
	double normal;		/* smallest normal */
};

void ref_format_init(struct ref_format *f, unsigned int format, unsigned int bias);
void ref_format_fini(struct ref_format *f);

/* What a code is as FP32; a NaN keeps its sign */
float ref_decode(const struct ref_format *f, uint32_t code);
bool ref_code_is_subnormal(const struct ref_format *f, uint32_t code);
/*
 * The code of @x. Nearest, ties to even; or with @word the random word of
 * stochastic rounding.
 */
uint32_t ref_encode(const struct ref_format *f, float x, const uint32_t *word,
		    unsigned int *flags);

void ref_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);
/* The random word of one element; @use: 0 rounding, 1 dropout */
uint32_t ref_random(uint64_t seed, uint64_t index, unsigned int use);

float ref_canon(float x);
bool ref_greater(float x, float best);	/* NaN is the greatest */
float ref_max2(float a, float b);	/* NaN if either is; -0 < +0 */
float ref_min2(float a, float b);

/* Elementary functions by the polynomials of driver/NUMERICS.md, to the bit */
float ref_exp(float x);
float ref_log(float x);
float ref_tanh(float x);
float ref_sigmoid(float x);
float ref_gelu_arg(float x);
/* Functions of UNARY and BINARY by number */
float ref_unary(unsigned int fn, float x, float f0, float f1);
float ref_binary(unsigned int fn, float a, float b, float f0, float f1);
/* 16 interleaved sums, then the tree */
float ref_sum(const float *x, size_t n);
/* ... of fma(a, b, part) */
float ref_dot(const float *a, const float *b, size_t n);

#endif
