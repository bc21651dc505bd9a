// SPDX-License-Identifier: MIT
/*
 * Which addresses of an address space are given out. First fit among the free
 * ranges, which are few: a program that frees everything has one. Each range
 * is followed by a hole of a page, so that running off its end is a fault and
 * not someone else's data.
 */
#include <stdlib.h>

#include "internal.h"

struct free_range {
	uint64_t start;
	uint64_t size;
	struct free_range *next;
};

#define BUCKETS		1024

/**
 * struct dojo_ranges - addresses
 * @page: granularity
 * @lock: guards the rest
 * @free: by address, never touching each other
 * @used: hashed by start
 */
struct dojo_ranges {
	uint64_t page;
	pthread_mutex_t lock;
	struct free_range *free;
	struct dojo_range *used[BUCKETS];
};

/* Starts are multiples of a page, large ones of a large page: mix the bits. */
static struct dojo_range **bucket_of(struct dojo_ranges *space, uint64_t start)
{
	return &space->used[(start / space->page * 0x9e3779b97f4a7c15ull) >> 54];
}

static void add_used(struct dojo_ranges *space, struct dojo_range *range)
{
	struct dojo_range **bucket = bucket_of(space, range->start);

	range->next = *bucket;
	*bucket = range;
}

static struct dojo_range *take_used(struct dojo_ranges *space, uint64_t start)
{
	struct dojo_range **link, *range;

	for (link = bucket_of(space, start); (range = *link); link = &range->next) {
		if (range->start == start) {
			*link = range->next;
			return range;
		}
	}
	return NULL;
}

int dojo_ranges_create(uint64_t start, uint64_t end, uint64_t page, struct dojo_ranges **out)
{
	struct dojo_ranges *space = calloc(1, sizeof(*space));
	struct free_range *all = calloc(1, sizeof(*all));

	if (!space || !all) {
		free(space);
		free(all);
		return -ENOMEM;
	}
	all->start = start;
	all->size = end - start;
	space->page = page;
	space->free = all;
	pthread_mutex_init(&space->lock, NULL);
	*out = space;
	return 0;
}

static void free_chain(struct free_range *range)
{
	struct free_range *next;

	for (; range; range = next) {
		next = range->next;
		free(range);
	}
}

void dojo_ranges_destroy(struct dojo_ranges *space)
{
	struct dojo_range *range, *next;
	size_t i;

	for (i = 0; i < BUCKETS; i++) {
		for (range = space->used[i]; range; range = next) {
			next = range->next;
			free(range);
		}
	}
	free_chain(space->free);
	pthread_mutex_destroy(&space->lock);
	free(space);
}

/*
 * Cut [start, start + size) out of @range, which @link points at. A cut in
 * the middle needs a second range, for which the caller has brought @spare.
 * Returns what is left over to be freed, or NULL.
 */
static struct free_range *cut(struct free_range **link, uint64_t start, uint64_t size,
			      struct free_range *spare)
{
	struct free_range *range = *link;
	uint64_t before = start - range->start;
	uint64_t after = range->size - before - size;

	if (before && after) {
		spare->start = start + size;
		spare->size = after;
		spare->next = range->next;
		range->size = before;
		range->next = spare;
		return NULL;
	}
	if (!before && !after) {
		*link = range->next;
		range->next = spare;
		return range;
	}
	if (after)
		range->start = start + size;
	range->size = before + after;
	return spare;
}

static struct free_range **find_fit(struct dojo_ranges *space, uint64_t span, uint64_t align,
				    uint64_t *start)
{
	struct free_range **link, *range;
	uint64_t skip;

	for (link = &space->free; (range = *link); link = &range->next) {
		skip = -range->start & (align - 1);
		if (skip < range->size && range->size - skip >= span) {
			*start = range->start + skip;
			return link;
		}
	}
	return NULL;
}

int dojo_range_alloc(struct dojo_ranges *space, uint64_t size, uint64_t align, uint64_t *start)
{
	struct dojo_range *range = calloc(1, sizeof(*range));
	struct free_range *spare = calloc(1, sizeof(*spare));
	struct free_range **link;
	int ret = -ENOMEM;

	if (!range || !spare)
		goto fail;
	ret = -EINVAL;
	if (!size || align & (align - 1))
		goto fail;
	ret = -ENOSPC;
	if (size > UINT64_MAX - 2 * space->page)
		goto fail;
	range->size = (size + space->page - 1) & -space->page;
	range->span = range->size + space->page;

	pthread_mutex_lock(&space->lock);
	link = find_fit(space, range->span, align > space->page ? align : space->page,
			&range->start);
	if (link) {
		spare = cut(link, range->start, range->span, spare);
		*start = range->start;
		add_used(space, range);
	}
	pthread_mutex_unlock(&space->lock);
	if (!link)
		goto fail;
	free_chain(spare);
	return 0;
fail:
	free(range);
	free(spare);
	return ret;
}

int dojo_range_take(struct dojo_ranges *space, uint64_t start, struct dojo_range **range)
{
	pthread_mutex_lock(&space->lock);
	*range = take_used(space, start);
	pthread_mutex_unlock(&space->lock);
	return *range ? 0 : -ENOENT;
}

void dojo_range_put_back(struct dojo_ranges *space, struct dojo_range *range)
{
	pthread_mutex_lock(&space->lock);
	add_used(space, range);
	pthread_mutex_unlock(&space->lock);
}

static void join_next(struct free_range *range, struct free_range **leftover)
{
	struct free_range *next = range->next;

	if (!next || range->start + range->size != next->start)
		return;
	range->size += next->size;
	range->next = next->next;
	next->next = *leftover;
	*leftover = next;
}

void dojo_range_release(struct dojo_ranges *space, struct dojo_range *taken)
{
	struct free_range *range = calloc(1, sizeof(*range));
	struct free_range *leftover = NULL, *before = NULL, *after;

	if (!range) {		/* the addresses are lost, which harms nobody */
		free(taken);
		return;
	}
	range->start = taken->start;
	range->size = taken->span;
	free(taken);

	pthread_mutex_lock(&space->lock);
	for (after = space->free; after && after->start < range->start; after = after->next)
		before = after;
	range->next = after;
	if (before)
		before->next = range;
	else
		space->free = range;
	join_next(range, &leftover);
	if (before)
		join_next(before, &leftover);
	pthread_mutex_unlock(&space->lock);
	free_chain(leftover);
}
