/* SPDX-License-Identifier: GPL-2.0-only */
/* Pseudo-random numbers that are the same everywhere (SplitMix64). */
#ifndef DOJO_TOOLS_RANDOM_H
#define DOJO_TOOLS_RANDOM_H

#include <stdint.h>

struct random {
	uint64_t state;
};

static inline void random_seed(struct random *r, uint64_t seed)
{
	r->state = seed;
}

static inline uint64_t random_next(struct random *r)
{
	uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* -1 <= value < 1, exact in FP32 */
static inline float random_signed(struct random *r)
{
	return (float)((int32_t)(random_next(r) >> 40) - (1 << 23)) / 0x1p23f;
}

/* 0 <= value < @bound */
static inline uint32_t random_below(struct random *r, uint32_t bound)
{
	return (random_next(r) >> 32) * bound >> 32;
}

#endif
