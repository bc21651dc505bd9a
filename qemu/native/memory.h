/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A queue's memory for tests: one range of addresses, mapped as unkindly as asked */
#ifndef MEMORY_H
#define MEMORY_H

#include "dojo_op.h"

enum memory_mode {
	MEMORY_WHOLE,		/* runs as long as wanted */
	MEMORY_PAGES,		/* runs end at 4 KiB boundaries */
	MEMORY_SHREDS,		/* runs of 1..61 bytes, some of them not mappable */
	MEMORY_NO_MAP,		/* read and write only */
};

struct test_memory {
	struct dojo_memory mem;
	uint8_t *host;
	uint64_t base, size;	/* of the range */
	enum memory_mode mode;
	uint64_t hole, hole_size;	/* faults there */
	bool read_only;
	uint64_t rng;
	uint64_t used;		/* by memory_alloc() */
};

void memory_init(struct test_memory *m, uint64_t base, uint64_t size);
void memory_fini(struct test_memory *m);
/* Next free address, aligned to 64; the bytes are 0 */
uint64_t memory_alloc(struct test_memory *m, uint64_t bytes);
void memory_reset(struct test_memory *m);
void *memory_at(struct test_memory *m, uint64_t va);

#endif
