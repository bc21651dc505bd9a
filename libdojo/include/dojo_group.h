/* SPDX-License-Identifier: MIT */
/*
 * Collectives: tiles of one card that work on buffers together. One process
 * drives all of them; rank r is the r-th queue that the group was made from.
 *
 * Every call queues its work on all ranks and returns; it starts after what
 * their queues were given before, and what they are given afterwards starts
 * when all ranks are done. dojo_group_wait() waits.
 *
 * Sums are the same to the bit on every rank, and on every generation: terms
 * are added in FP32, rank 0 first, and rounded once. A group belongs to one
 * thread at a time.
 */
#ifndef _DOJO_GROUP_H_
#define _DOJO_GROUP_H_

#include "dojo.h"

#if defined(__cplusplus)
extern "C" {
#endif

#define DOJO_GROUP_MAX	8

struct dojo_group;
struct dojo_shared;

/*
 * @queues: a compute queue on each of @ranks tiles of a card, 1..DOJO_GROUP_MAX,
 * no tile twice. They must outlive the group.
 */
int dojo_group_create(struct dojo_queue *const *queues, uint32_t ranks,
		      struct dojo_group **group) DOJO_MUST_CHECK;

/* Waits for what is still running. Everything shared must have been destroyed. */
void dojo_group_destroy(struct dojo_group *group);
uint32_t dojo_group_ranks(const struct dojo_group *group);

/*
 * Bind buffer @bos[r] of each rank r in the address spaces of all. They must
 * have been made without an address space of their own, and outlive this.
 */
int dojo_group_share(struct dojo_group *group, struct dojo_bo *const *bos,
		     struct dojo_shared **shared) DOJO_MUST_CHECK;
void dojo_shared_destroy(struct dojo_shared *shared);

/* Where @rank has the buffer of @owner. */
uint64_t dojo_shared_va(const struct dojo_shared *shared, uint32_t rank, uint32_t owner);

/* Of @count things, rank @rank's part is @length of them from @first on. */
void dojo_group_part(const struct dojo_group *group, uint64_t count, uint32_t rank,
		     uint64_t *first, uint64_t *length);

/**
 * struct dojo_group_tensor - @count elements of every rank's shared buffer
 * @shared: buffers
 * @offset: into each of them, bytes; aligned to the element
 * @count: elements
 * @format: enum dojo_format
 * @bias: exponent bias of CFloat8 and SHP, else 0
 */
struct dojo_group_tensor {
	struct dojo_shared *shared;
	uint64_t offset;
	uint64_t count;
	uint32_t format;
	uint32_t bias;
};

/* Every rank's elements become the sum over all ranks. @rounding may be NULL. */
int dojo_group_all_reduce(struct dojo_group *group, const struct dojo_group_tensor *tensor,
			  const struct dojo_rounding *rounding);

/* The same, but each rank gets its part only (dojo_group_part()); the rest is kept. */
int dojo_group_reduce_scatter(struct dojo_group *group, const struct dojo_group_tensor *tensor,
			      const struct dojo_rounding *rounding);

/* Each rank's part goes to all others. */
int dojo_group_all_gather(struct dojo_group *group, const struct dojo_group_tensor *tensor);

/* All of rank @root's elements go to all others. */
int dojo_group_broadcast(struct dojo_group *group, const struct dojo_group_tensor *tensor,
			 uint32_t root);

/* Nothing but the order: no rank goes on before all have come here. */
int dojo_group_barrier(struct dojo_group *group);

/* Wait for everything queued, then check every rank's queue: dojo_queue_wait_idle(). */
int dojo_group_wait(struct dojo_group *group, int64_t timeout_ns) DOJO_MUST_CHECK;

#if defined(__cplusplus)
}
#endif

#endif
