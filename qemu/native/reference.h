/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The definitions, written down a second time: slowly, by value and without
 * anything from the implementation.
 */
#ifndef REFERENCE_H
#define REFERENCE_H

#include <stdbool.h>
#include <stdint.h>

#define REF_INVALID	1
#define REF_OVERFLOW	2
#define REF_UNDERFLOW	4

/* Value of a code, as the FP32 number that it is decoded to */
float ref_decode(unsigned int format, unsigned int bias, uint32_t code);
/* Nearest code, ties to even, and the flags */
uint32_t ref_encode(unsigned int format, unsigned int bias, float x, unsigned int *flags);

/* D of an M x N x K product with all of FP32: plain loops */
void ref_gemm(float *d, const float *a, const float *b, uint64_t m, uint64_t n, uint64_t k,
	      bool trans_a, bool trans_b);

#endif
