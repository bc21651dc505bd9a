/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Element formats: what an encoding needs to know of them, and the random
 * words of stochastic rounding. driver/NUMERICS.md is normative.
 */
#ifndef DOJO_FORMAT_H
#define DOJO_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dojo_packet.h"

/* How a stored result is rounded */
struct dojo_rounding {
	uint32_t mode;		/* enum dojo_round */
	uint64_t seed;
	uint64_t index;		/* rng_base + logical index of the first element */
	bool counted;		/* denormal operands have been, in their own format */
};

/* A floating-point format narrower than FP32, with its bias applied */
struct dojo_encoding {
	uint8_t mantissa;	/* stored bits of it */
	bool sign;
	bool has_inf;		/* else overflow, Inf and NaN clamp to max */
	bool flush;		/* no denormals */
	int32_t emin;		/* exponent of the smallest normal */
	uint32_t max;		/* code of the largest finite magnitude */
	uint32_t inf;
	uint32_t nan;
	uint32_t sign_bit;
};

static inline bool dojo_format_has_bias(unsigned int format)
{
	return format == DOJO_FORMAT_CFLOAT8_143 ||
	       format == DOJO_FORMAT_CFLOAT8_152 ||
	       format == DOJO_FORMAT_CFLOAT16_SHP;
}

/* log2 of the size of an element in bytes */
static inline unsigned int dojo_format_shift(unsigned int format)
{
	switch (format) {
	case DOJO_FORMAT_FP32:
	case DOJO_FORMAT_INT32:
		return 2;
	case DOJO_FORMAT_CFLOAT8_143:
	case DOJO_FORMAT_CFLOAT8_152:
	case DOJO_FORMAT_INT8:
		return 0;
	default:
		return 1;
	}
}

static inline bool dojo_format_is_int(unsigned int format)
{
	return format == DOJO_FORMAT_INT8 || format == DOJO_FORMAT_INT32;
}

/*
 * false for FP32 and the integers, which have ways of their own. Here, because
 * the kernels fold it.
 */
static inline bool dojo_format_encoding(unsigned int format, unsigned int bias,
					struct dojo_encoding *enc)
{
	*enc = (struct dojo_encoding){ .sign = true };

	switch (format) {
	case DOJO_FORMAT_BF16:
		enc->mantissa = 7;
		enc->emin = -126;
		enc->has_inf = true;
		enc->max = 0x7f7f;
		enc->inf = 0x7f80;
		enc->nan = 0x7fc0;
		enc->sign_bit = 0x8000;
		return true;
	case DOJO_FORMAT_FP16:
		enc->mantissa = 10;
		enc->emin = -14;
		enc->has_inf = true;
		enc->max = 0x7bff;
		enc->inf = 0x7c00;
		enc->nan = 0x7e00;
		enc->sign_bit = 0x8000;
		return true;
	case DOJO_FORMAT_CFLOAT8_143:
		enc->mantissa = 3;
		enc->emin = 1 - (int32_t)bias;
		enc->max = 0x7f;
		enc->sign_bit = 0x80;
		return true;
	case DOJO_FORMAT_CFLOAT8_152:
		enc->mantissa = 2;
		enc->emin = 1 - (int32_t)bias;
		enc->max = 0x7f;
		enc->sign_bit = 0x80;
		return true;
	case DOJO_FORMAT_CFLOAT16_SHP:
		enc->mantissa = 10;
		enc->emin = 1 - (int32_t)bias;
		enc->max = 0x7fff;
		enc->sign_bit = 0x8000;
		return true;
	case DOJO_FORMAT_CFLOAT16_UHP:
		enc->sign = false;
		enc->mantissa = 10;
		enc->emin = 1 - 31;
		enc->has_inf = true;
		enc->flush = true;
		enc->max = 0xfbff;
		enc->inf = 0xfc00;
		enc->nan = 0xfe00;
		return true;
	default:
		return false;
	}
}

/* What a random word is for: elements have one of each */
enum dojo_random {
	DOJO_RANDOM_ROUND = 0,
	DOJO_RANDOM_DROPOUT = 1,
};

/* Sets of so many elements share 4 counters, of 4 words each */
#define DOJO_RANDOM_SET	32

static inline uint64_t dojo_random_counter(uint64_t index)
{
	return index / DOJO_RANDOM_SET * 4 + index % 16 / 4;
}

/* Of the element with this index */
uint32_t dojo_random_word(uint64_t seed, uint64_t index, enum dojo_random use);

#define DOJO_PHILOX_ROUNDS	10
#define DOJO_PHILOX_M0		0xd2511f53u
#define DOJO_PHILOX_M1		0xcd9e8d57u
#define DOJO_PHILOX_W0		0x9e3779b9u
#define DOJO_PHILOX_W1		0xbb67ae85u

#endif
