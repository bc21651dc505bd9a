// SPDX-License-Identifier: MIT
/* The allocator of addresses, by itself. */
#include <stdlib.h>

#include "internal.h"
#include "test.h"

#define PAGE	4096u
#define START	0x100000u

static struct dojo_ranges *ranges(uint64_t pages)
{
	struct dojo_ranges *space;

	OK(dojo_ranges_create(START, START + pages * PAGE, PAGE, &space));
	return space;
}

static void give_back(struct dojo_ranges *space, uint64_t start)
{
	struct dojo_range *range;

	OK(dojo_range_take(space, start, &range));
	dojo_range_release(space, range);
}

TEST(a_range_and_its_hole_can_fill_the_space)
{
	struct dojo_ranges *space = ranges(8);
	uint64_t start;

	EQUAL(dojo_range_alloc(space, 8 * PAGE, PAGE, &start), -ENOSPC);
	OK(dojo_range_alloc(space, 7 * PAGE, PAGE, &start));
	EQUAL(start, START);
	EQUAL(dojo_range_alloc(space, 1, PAGE, &start), -ENOSPC);
	give_back(space, START);
	OK(dojo_range_alloc(space, 7 * PAGE, PAGE, &start));
	dojo_ranges_destroy(space);
}

TEST(neighbours_join_in_any_order)
{
	static const unsigned int orders[6][3] = {
		{ 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 },
	};
	unsigned int i, j;

	for (i = 0; i < 6; i++) {
		struct dojo_ranges *space = ranges(6);
		uint64_t start[3], all;

		for (j = 0; j < 3; j++)
			OK(dojo_range_alloc(space, PAGE, PAGE, &start[j]));
		for (j = 0; j < 3; j++)
			give_back(space, start[orders[i][j]]);
		OK(dojo_range_alloc(space, 5 * PAGE, PAGE, &all));
		dojo_ranges_destroy(space);
	}
}

TEST(alignment_leaves_the_addresses_before_it_usable)
{
	struct dojo_ranges *space = ranges(64);
	uint64_t aligned, before;

	OK(dojo_range_alloc(space, PAGE, PAGE, &before));
	OK(dojo_range_alloc(space, PAGE, 16 * PAGE, &aligned));
	EQUAL(aligned, START + 16 * PAGE);
	OK(dojo_range_alloc(space, 13 * PAGE, PAGE, &before));
	EQUAL(before, START + 2 * PAGE);
	dojo_ranges_destroy(space);
}

TEST(a_range_put_back_is_still_given_out)
{
	struct dojo_ranges *space = ranges(8);
	struct dojo_range *range;
	uint64_t start, other;

	OK(dojo_range_alloc(space, PAGE, PAGE, &start));
	OK(dojo_range_take(space, start, &range));
	EQUAL(range->size, PAGE);
	dojo_range_put_back(space, range);
	OK(dojo_range_alloc(space, PAGE, PAGE, &other));
	CHECK(other != start);
	give_back(space, start);
	dojo_ranges_destroy(space);
}

TEST(random_use_never_overlaps_and_ends_where_it_began)
{
	struct dojo_ranges *space = ranges(4096);
	uint64_t start[64] = { 0 }, size[64] = { 0 }, all;
	unsigned int i, j, k;

	srand(1);
	for (i = 0; i < 20000; i++) {
		j = (unsigned int)rand() % 64;
		if (start[j]) {
			give_back(space, start[j]);
			start[j] = 0;
			continue;
		}
		size[j] = ((unsigned int)rand() % 40 + 1) * PAGE;
		if (dojo_range_alloc(space, size[j], PAGE << rand() % 5, &start[j])) {
			start[j] = 0;
			continue;
		}
		CHECK(start[j] >= START && start[j] + size[j] < START + 4096 * PAGE);
		for (k = 0; k < 64; k++)
			if (k != j && start[k])
				CHECK(start[k] + size[k] + PAGE <= start[j] ||
				      start[j] + size[j] + PAGE <= start[k]);
	}
	for (j = 0; j < 64; j++)
		if (start[j])
			give_back(space, start[j]);
	OK(dojo_range_alloc(space, 4095 * PAGE, PAGE, &all));
	dojo_ranges_destroy(space);
}
