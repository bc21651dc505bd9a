// SPDX-License-Identifier: GPL-2.0-only
/* KUnit: rectangles of dies. */
#include <kunit/test.h>

#include "dojo_rect.h"

static void a_rectangle_lies_on_the_mesh(struct kunit *test)
{
	static const struct {
		u8 rect[4];
		bool valid;
	} cases[] = {
		{ { 0, 0, 5, 5 }, true },
		{ { 4, 4, 1, 1 }, true },
		{ { 0, 0, 0, 5 }, false },
		{ { 0, 0, 5, 0 }, false },
		{ { 1, 0, 5, 1 }, false },
		{ { 0, 1, 1, 5 }, false },
		{ { 5, 0, 1, 1 }, false },
		{ { 255, 0, 1, 1 }, false },
		{ { 1, 0, 255, 1 }, false },
		{ { 255, 255, 255, 255 }, false },
	};
	const struct dojo_rect_map map = { .cols = 5, .rows = 5 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		KUNIT_EXPECT_EQ_MSG(test, cases[i].valid, dojo_rect_valid(&map, cases[i].rect),
				    "case %u", i);
}

static void one_die_at_a_time_fills_the_mesh(struct kunit *test)
{
	struct dojo_rect_map map = { .cols = 5, .rows = 5 };
	u8 rect[4] = { 0, 0, 1, 1 };
	unsigned int i;

	for (i = 0; i < 25; i++) {
		KUNIT_ASSERT_EQ(test, 0, dojo_rect_find(&map, rect));
		KUNIT_EXPECT_EQ(test, i % 5, rect[0]);
		KUNIT_EXPECT_EQ(test, i / 5, rect[1]);
	}
	KUNIT_EXPECT_EQ(test, -ENOSPC, dojo_rect_find(&map, rect));
}

static void a_place_that_is_found_was_free(struct kunit *test)
{
	struct dojo_rect_map map = { .cols = 5, .rows = 5 };
	u8 a[4] = { 0, 0, 3, 3 }, b[4] = { 0, 0, 2, 5 }, c[4] = { 0, 0, 3, 2 };
	u8 whole[4] = { 0, 0, 5, 5 }, big[4] = { 0, 0, 6, 1 };

	KUNIT_ASSERT_EQ(test, 0, dojo_rect_find(&map, a));
	KUNIT_ASSERT_EQ(test, 0, dojo_rect_find(&map, b));
	KUNIT_EXPECT_EQ(test, 3, b[0]);
	KUNIT_EXPECT_EQ(test, 0, b[1]);
	KUNIT_ASSERT_EQ(test, 0, dojo_rect_find(&map, c));
	KUNIT_EXPECT_EQ(test, 0, c[0]);
	KUNIT_EXPECT_EQ(test, 3, c[1]);
	KUNIT_EXPECT_EQ(test, (1ull << 25) - 1, map.taken);

	dojo_rect_release(&map, b);
	KUNIT_EXPECT_EQ(test, -ENOSPC, dojo_rect_find(&map, whole));
	dojo_rect_release(&map, a);
	dojo_rect_release(&map, c);
	KUNIT_EXPECT_EQ(test, 0, map.taken);
	KUNIT_EXPECT_EQ(test, 0, dojo_rect_find(&map, whole));
	KUNIT_EXPECT_EQ(test, -ENOSPC, dojo_rect_find(&map, big));
}

/* As many dies as a mask has bits */
static void the_largest_mesh_fits_its_mask(struct kunit *test)
{
	struct dojo_rect_map map = { .cols = 8, .rows = 8 };
	u8 whole[4] = { 0, 0, 8, 8 };

	KUNIT_ASSERT_EQ(test, 0, dojo_rect_find(&map, whole));
	KUNIT_EXPECT_EQ(test, ~0ull, map.taken);
	dojo_rect_release(&map, whole);
	KUNIT_EXPECT_EQ(test, 0, map.taken);
}

static struct kunit_case dojo_rect_cases[] = {
	KUNIT_CASE(a_rectangle_lies_on_the_mesh),
	KUNIT_CASE(one_die_at_a_time_fills_the_mesh),
	KUNIT_CASE(a_place_that_is_found_was_free),
	KUNIT_CASE(the_largest_mesh_fits_its_mask),
	{ }
};

static struct kunit_suite dojo_rect_suite = {
	.name = "dojo_rect",
	.test_cases = dojo_rect_cases,
};

kunit_test_suite(dojo_rect_suite);
