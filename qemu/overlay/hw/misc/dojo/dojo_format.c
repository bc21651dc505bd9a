/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dojo_fp.h"
#include "dojo_format.h"

/* Philox4x32-10 of counter { low, high, use, 0 } and key @seed */
static void philox(uint64_t seed, uint64_t counter, enum dojo_random use, uint32_t out[4])
{
	uint32_t c0 = (uint32_t)counter, c1 = (uint32_t)(counter >> 32);
	uint32_t c2 = use, c3 = 0;
	uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);

	for (int i = 0; i < DOJO_PHILOX_ROUNDS; i++) {
		uint64_t p0 = (uint64_t)DOJO_PHILOX_M0 * c0;
		uint64_t p1 = (uint64_t)DOJO_PHILOX_M1 * c2;

		c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
		c1 = (uint32_t)p1;
		c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
		c3 = (uint32_t)p0;
		k0 += DOJO_PHILOX_W0;
		k1 += DOJO_PHILOX_W1;
	}
	out[0] = c0;
	out[1] = c1;
	out[2] = c2;
	out[3] = c3;
}

uint32_t dojo_random_word(uint64_t seed, uint64_t index, enum dojo_random use)
{
	uint32_t out[4], word;

	philox(seed, dojo_random_counter(index), use, out);
	word = out[index % 4];
	return index & 16 ? word >> 16 | word << 16 : word;
}
