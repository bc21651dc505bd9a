// SPDX-License-Identifier: MIT
/*
 * Which addresses of an address space are given out. First fit among the free
 * ranges, which are few: a program that frees everything has one. Each range
 * is followed by a hole of a page, so that running off its end is a fault and
 * not someone else's data.
 */
#include <stdlib.h>

#include "internal.h"

#define BUCKETS		1024

/**
 * struct dojo_ranges - addresses
 * @page: granularity
 * @lock: guards the rest
 * @free: by address, never touching each other; of these only @span counts
 * @used: hashed by start
 */
struct dojo_ranges {
	uint64_t page;
	pthread_mutex_t lock;
	struct dojo_range *free;
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
	struct dojo_range *all = calloc(1, sizeof(*all));

	if (!space || !all) {
		free(space);
		free(all);
		return -ENOMEM;
	}
	all->start = start;
	all->span = end - start;
	space->page = page;
	space->free = all;
	pthread_mutex_init(&space->lock, NULL);
	*out = space;
	return 0;
}

static void free_chain(struct dojo_range *range)
{
	struct dojo_range *next;

	for (; range; range = next) {
		next = range->next;
		free(range);
	}
}

void dojo_ranges_destroy(struct dojo_ranges *space)
{
	size_t i;

	for (i = 0; i < BUCKETS; i++)
		free_chain(space->used[i]);
	free_chain(space->free);
	pthread_mutex_destroy(&space->lock);
	free(space);
}

/* The free range that @link points at has room for @span bytes from *@start on. */
static struct dojo_range **find_fit(struct dojo_ranges *space, uint64_t span, uint64_t align,
				    uint64_t *start)
{
	struct dojo_range **link, *range;
	uint64_t skip;

	for (link = &space->free; (range = *link); link = &range->next) {
		skip = -range->start & (align - 1);
		if (skip < range->span && range->span - skip >= span) {
			*start = range->start + skip;
			return link;
		}
	}
	return NULL;
}

/*
 * Cut [start, start + span) out of the free range that @link points at. What is
 * behind the cut becomes @rest, if there is anything, and what is before it
 * stays. Returns the range that is not needed any more, or NULL.
 */
static struct dojo_range *cut(struct dojo_range **link, uint64_t start, uint64_t span,
			      struct dojo_range *rest)
{
	struct dojo_range *range = *link, *unneeded = rest;
	uint64_t before = start - range->start;
	uint64_t after = range->span - before - span;

	if (after) {
		rest->start = start + span;
		rest->span = after;
		rest->next = range->next;
		range->next = rest;
		unneeded = NULL;
	}
	range->span = before;
	if (before)
		return unneeded;
	*link = range->next;
	free(unneeded);
	return range;
}

int dojo_range_alloc(struct dojo_ranges *space, uint64_t size, uint64_t align, uint64_t *start)
{
	struct dojo_range *range = calloc(1, sizeof(*range));
	struct dojo_range *rest = calloc(1, sizeof(*rest));
	struct dojo_range **link;
	int ret = -ENOMEM;

	if (!range || !rest)
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
		rest = cut(link, range->start, range->span, rest);
		*start = range->start;
		add_used(space, range);
		range = NULL;
		ret = 0;
	}
	pthread_mutex_unlock(&space->lock);
fail:
	free(range);
	free(rest);
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

static void join_next(struct dojo_range *range)
{
	struct dojo_range *next = range->next;

	if (!next || range->start + range->span != next->start)
		return;
	range->span += next->span;
	range->next = next->next;
	free(next);
}

void dojo_range_release(struct dojo_ranges *space, struct dojo_range *range)
{
	struct dojo_range *before = NULL, **link;

	pthread_mutex_lock(&space->lock);
	for (link = &space->free; *link && (*link)->start < range->start; link = &before->next)
		before = *link;
	range->next = *link;
	*link = range;
	join_next(range);
	if (before)
		join_next(before);
	pthread_mutex_unlock(&space->lock);
}
