// SPDX-License-Identifier: GPL-2.0-only
/* KUnit: layouts and page tables. */
#include <kunit/test.h>
#include <linux/prandom.h>
#include <linux/slab.h>

#include "dojo_layout.h"
#include "dojo_pt.h"

#define RW		(DOJO_PTE_READ | DOJO_PTE_WRITE)
#define HBM(addr)	(DOJO_PTE_TARGET(DOJO_TARGET_HBM) | (u64)(addr))
#define SYSTEM(addr)	(DOJO_PTE_TARGET(DOJO_TARGET_SYSTEM) | (u64)(addr))
#define PAGES(n)	((u64)(n) * DOJO_PAGE_SIZE)
#define HUGE(n)		((u64)(n) * DOJO_HUGE_SIZE)

/* ---- tables without a card */

/**
 * struct table_source - where the tests' tables come from
 * @next: bus address of the next table
 * @live: tables that have been given out
 * @fail_after: allocations that succeed, -1 = all
 */
struct table_source {
	dma_addr_t next;
	int live;
	int fail_after;
};

static struct dojo_pt_page *test_table_alloc(struct dojo_pt *pt, bool dir)
{
	struct table_source *source = pt->priv;
	struct dojo_pt_page *page;

	if (!source->fail_after)
		return NULL;
	if (source->fail_after > 0)
		source->fail_after--;

	page = kzalloc(sizeof(*page), GFP_KERNEL);
	if (!page)
		return NULL;
	page->cpu = kzalloc(DOJO_PAGE_SIZE, GFP_KERNEL);
	if (dir)
		page->child = kcalloc(DOJO_PT_ENTRIES, sizeof(*page->child), GFP_KERNEL);
	if (!page->cpu || (dir && !page->child)) {
		kfree(page->child);
		kfree(page->cpu);
		kfree(page);
		return NULL;
	}
	page->dma = source->next;
	source->next += DOJO_PAGE_SIZE;
	source->live++;
	return page;
}

static void test_table_free(struct dojo_pt *pt, struct dojo_pt_page *page)
{
	struct table_source *source = pt->priv;

	source->live--;
	kfree(page->child);
	kfree(page->cpu);
	kfree(page);
}

static const struct dojo_pt_ops test_table_ops = {
	.alloc = test_table_alloc,
	.free = test_table_free,
};

/**
 * struct pt_test - a page table under test
 * @source: of its tables
 * @pt: page table
 * @batch: of the last change
 * @keep: for the next changes
 */
struct pt_test {
	struct table_source source;
	struct dojo_pt pt;
	struct dojo_pt_batch batch;
	bool keep;
};

static int pt_test_init(struct kunit *test)
{
	struct pt_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->source.next = SZ_1M;
	t->source.fail_after = -1;
	test->priv = t;
	return dojo_pt_init(&t->pt, &test_table_ops, &t->source);
}

static void pt_test_exit(struct kunit *test)
{
	struct pt_test *t = test->priv;

	dojo_pt_fini(&t->pt);
	KUNIT_EXPECT_EQ(test, t->source.live, 0);
}

static struct dojo_layout *layout_of(struct kunit *test, u64 pte, u64 size)
{
	struct dojo_layout *layout = dojo_layout_alloc(1);

	KUNIT_ASSERT_NOT_NULL(test, layout);
	dojo_layout_append(layout, pte, size);
	return layout;
}

static void map(struct kunit *test, u64 va, u64 size, struct dojo_layout *layout, u64 offset,
		u64 permission)
{
	struct pt_test *t = test->priv;
	struct dojo_pt_need need = {};

	dojo_pt_batch_init(&t->batch);
	t->batch.keep = t->keep;
	dojo_pt_need_map(&t->pt, &need, va, size, layout, offset);
	KUNIT_ASSERT_EQ(test, dojo_pt_batch_reserve(&t->pt, &t->batch, &need), 0);
	dojo_pt_map(&t->pt, &t->batch, va, size, layout, offset, permission);
	dojo_pt_batch_fini(&t->pt, &t->batch);
}

static void unmap(struct kunit *test, u64 va, u64 size)
{
	struct pt_test *t = test->priv;
	struct dojo_pt_need need = {};

	dojo_pt_batch_init(&t->batch);
	t->batch.keep = t->keep;
	dojo_pt_need_unmap(&t->pt, &need, va, size);
	KUNIT_ASSERT_EQ(test, dojo_pt_batch_reserve(&t->pt, &t->batch, &need), 0);
	dojo_pt_unmap(&t->pt, &t->batch, va, size);
	dojo_pt_batch_fini(&t->pt, &t->batch);
}

static u64 lookup(struct kunit *test, u64 va)
{
	struct pt_test *t = test->priv;

	return dojo_pt_lookup(&t->pt, va);
}

static u64 entry(u64 pte, u64 permission)
{
	return pte | permission | DOJO_PTE_VALID | DOJO_PTE_LEAF;
}

/* Does the last change ask for exactly [start, end) to be invalidated? */
static void expect_invalidate(struct kunit *test, u64 start, u64 end)
{
	struct pt_test *t = test->priv;

	KUNIT_EXPECT_EQ(test, t->batch.start, start);
	KUNIT_EXPECT_EQ(test, t->batch.end, end);
}

static void expect_no_invalidate(struct kunit *test)
{
	struct pt_test *t = test->priv;

	KUNIT_EXPECT_GE(test, t->batch.start, t->batch.end);
}

/*
 * Every entry is as HARDWARE.md wants it, counts are right, and no table is
 * empty, unless tables were to be kept.
 */
static u64 check_table(struct kunit *test, struct dojo_pt_page *page, unsigned int level)
{
	struct pt_test *t = test->priv;
	unsigned int used = 0;
	u64 tables = 1;

	for (unsigned int i = 0; i < DOJO_PT_ENTRIES; i++) {
		u64 e = le64_to_cpu(page->cpu[i]);
		struct dojo_pt_page *child = page->child ? page->child[i] : NULL;

		if (!(e & DOJO_PTE_VALID)) {
			KUNIT_EXPECT_EQ(test, e, 0);
			KUNIT_EXPECT_NULL(test, child);
			continue;
		}
		used++;
		KUNIT_EXPECT_EQ(test, e & DOJO_PTE_RESERVED & ~(DOJO_PTE_PEER_SRAM), 0);
		if (child) {
			KUNIT_EXPECT_EQ(test, e, DOJO_PTE_VALID | SYSTEM(child->dma));
			tables += check_table(test, child, level - 1);
			continue;
		}
		KUNIT_EXPECT_TRUE(test, e & DOJO_PTE_LEAF);
		KUNIT_EXPECT_LE(test, level, 1);
		if (level == 1)
			KUNIT_EXPECT_EQ(test, e & DOJO_PTE_ADDR_MASK & (DOJO_HUGE_SIZE - 1), 0);
		if (e & DOJO_PTE_NULL)
			KUNIT_EXPECT_EQ(test, e & (DOJO_PTE_ADDR_MASK | DOJO_PTE_TARGET_MASK), 0);
	}
	KUNIT_EXPECT_EQ(test, used, page->used);
	if (level < DOJO_PT_LEVELS - 1 && !t->keep)
		KUNIT_EXPECT_NE(test, used, 0);
	return tables;
}

static void check_tables(struct kunit *test)
{
	struct pt_test *t = test->priv;

	KUNIT_EXPECT_EQ(test, check_table(test, t->pt.root, DOJO_PT_LEVELS - 1), t->pt.pages);
	KUNIT_EXPECT_EQ(test, t->source.live, t->pt.pages);
}

/* ---- layouts */

static void layout_joins_what_continues(struct kunit *test)
{
	struct dojo_layout *layout = dojo_layout_alloc(3);

	KUNIT_ASSERT_NOT_NULL(test, layout);
	dojo_layout_append(layout, HBM(SZ_1M), PAGES(2));
	dojo_layout_append(layout, HBM(SZ_1M + PAGES(2)), PAGES(1));
	KUNIT_EXPECT_EQ(test, layout->count, 1);
	dojo_layout_append(layout, SYSTEM(SZ_1M + PAGES(3)), PAGES(1));
	KUNIT_EXPECT_EQ(test, layout->count, 2);
	dojo_layout_append(layout, SYSTEM(SZ_1M), PAGES(1));
	KUNIT_EXPECT_EQ(test, layout->count, 3);
	KUNIT_EXPECT_EQ(test, layout->size, PAGES(5));
	KUNIT_EXPECT_EQ(test, dojo_layout_end(layout, 0), PAGES(3));
	KUNIT_EXPECT_EQ(test, dojo_layout_end(layout, 2), PAGES(5));
	dojo_layout_put(layout);
}

static void layout_joins_what_is_no_memory(struct kunit *test)
{
	struct dojo_layout *layout = dojo_layout_alloc(2);

	KUNIT_ASSERT_NOT_NULL(test, layout);
	dojo_layout_append(layout, DOJO_PTE_NULL, PAGES(1));
	dojo_layout_append(layout, DOJO_PTE_NULL, PAGES(1));
	KUNIT_EXPECT_EQ(test, layout->count, 1);
	dojo_layout_append(layout, DOJO_RUN_HOLE, PAGES(1));
	dojo_layout_append(layout, DOJO_RUN_HOLE, PAGES(1));
	KUNIT_EXPECT_EQ(test, layout->count, 2);
	KUNIT_EXPECT_EQ(test, dojo_run_pte(&layout->run[0], PAGES(1)), DOJO_PTE_NULL);
	KUNIT_EXPECT_EQ(test, dojo_run_pte(&layout->run[1], PAGES(3)), DOJO_RUN_HOLE);
	dojo_layout_put(layout);
}

static void layout_finds_the_run(struct kunit *test)
{
	struct dojo_layout *layout = dojo_layout_alloc(100);

	KUNIT_ASSERT_NOT_NULL(test, layout);
	for (int i = 0; i < 100; i++)
		dojo_layout_append(layout, HBM(PAGES(1000 - 7 * i)), PAGES(1 + i % 3));
	for (u32 i = 0; i < layout->count; i++) {
		KUNIT_EXPECT_EQ(test, dojo_layout_find(layout, layout->run[i].offset), i);
		KUNIT_EXPECT_EQ(test, dojo_layout_find(layout, dojo_layout_end(layout, i) - 1), i);
	}
	dojo_layout_put(layout);
}

/* ---- mapping */

static void nothing_is_mapped_at_first(struct kunit *test)
{
	struct pt_test *t = test->priv;

	KUNIT_EXPECT_EQ(test, lookup(test, 0), 0);
	KUNIT_EXPECT_EQ(test, lookup(test, DOJO_VA_END - PAGES(1)), 0);
	KUNIT_EXPECT_EQ(test, t->pt.pages, 1);
	KUNIT_EXPECT_EQ(test, dojo_pt_root(&t->pt), DOJO_PTE_VALID | SYSTEM(t->pt.root->dma));
}

static void one_page(struct kunit *test)
{
	struct pt_test *t = test->priv;
	struct dojo_layout *layout = layout_of(test, HBM(PAGES(5)), PAGES(1));

	map(test, PAGES(7), PAGES(1), layout, 0, RW);
	KUNIT_EXPECT_EQ(test, lookup(test, PAGES(7)), entry(HBM(PAGES(5)), RW));
	KUNIT_EXPECT_EQ(test, lookup(test, PAGES(6)), 0);
	KUNIT_EXPECT_EQ(test, lookup(test, PAGES(8)), 0);
	/* two directories, a table, a page */
	KUNIT_EXPECT_EQ(test, t->pt.pages, 4);
	KUNIT_EXPECT_EQ(test, t->pt.writes, 4);
	expect_no_invalidate(test);
	check_tables(test);
	dojo_layout_put(layout);
}

static void the_last_page_of_the_address_space(struct kunit *test)
{
	struct dojo_layout *layout = layout_of(test, SYSTEM(SZ_4G), PAGES(1));

	map(test, DOJO_VA_END - PAGES(1), PAGES(1), layout, 0, DOJO_PTE_READ);
	KUNIT_EXPECT_EQ(test, lookup(test, DOJO_VA_END - PAGES(1)),
			entry(SYSTEM(SZ_4G), DOJO_PTE_READ));
	unmap(test, 0, DOJO_VA_END);
	KUNIT_EXPECT_EQ(test, lookup(test, DOJO_VA_END - PAGES(1)), 0);
	check_tables(test);
	dojo_layout_put(layout);
}

static void a_gibibyte_takes_512_entries(struct kunit *test)
{
	struct pt_test *t = test->priv;
	struct dojo_layout *layout = layout_of(test, HBM(SZ_4G), SZ_1G);

	map(test, SZ_1G, SZ_1G, layout, 0, RW);
	KUNIT_EXPECT_EQ(test, t->pt.writes, 512 + 2);
	KUNIT_EXPECT_EQ(test, t->pt.pages, 3);
	KUNIT_EXPECT_EQ(test, lookup(test, SZ_1G), entry(HBM(SZ_4G), RW));
	KUNIT_EXPECT_EQ(test, lookup(test, SZ_2G - PAGES(1)),
			entry(HBM(SZ_4G + SZ_1G - PAGES(1)), RW));
	unmap(test, SZ_1G, SZ_1G);
	KUNIT_EXPECT_EQ(test, t->pt.pages, 1);
	expect_invalidate(test, 0, (u64)1 << 39);
	check_tables(test);
	dojo_layout_put(layout);
}

static void memory_that_is_not_aligned_takes_small_pages(struct kunit *test)
{
	struct pt_test *t = test->priv;
	struct dojo_layout *layout = layout_of(test, HBM(PAGES(1)), HUGE(2));

	map(test, HUGE(4), HUGE(2), layout, 0, RW);
	KUNIT_EXPECT_EQ(test, t->pt.writes, 2 * 512 + 4);
	KUNIT_EXPECT_EQ(test, lookup(test, HUGE(5)), entry(HBM(PAGES(1) + HUGE(1)), RW));
	check_tables(test);
	dojo_layout_put(layout);
}

static void a_large_page_needs_one_run(struct kunit *test)
{
	struct pt_test *t = test->priv;
	struct dojo_layout *layout = dojo_layout_alloc(3);

	KUNIT_ASSERT_NOT_NULL(test, layout);
	dojo_layout_append(layout, HBM(HUGE(9)), HUGE(1));
	dojo_layout_append(layout, HBM(HUGE(20)), HUGE(1) - PAGES(1));
	dojo_layout_append(layout, HBM(HUGE(30)), HUGE(1) + PAGES(1));
	map(test, 0, HUGE(3), layout, 0, RW);
	/* a large page, and two tables */
	KUNIT_EXPECT_EQ(test, t->pt.pages, 3 + 2);
	KUNIT_EXPECT_EQ(test, lookup(test, HUGE(2) - PAGES(1)), entry(HBM(HUGE(30)), RW));
	KUNIT_EXPECT_EQ(test, lookup(test, HUGE(2)), entry(HBM(HUGE(30) + PAGES(1)), RW));
	check_tables(test);
	dojo_layout_put(layout);
}

static void a_part_of_a_buffer(struct kunit *test)
{
	struct dojo_layout *layout = dojo_layout_alloc(2);

	KUNIT_ASSERT_NOT_NULL(test, layout);
	dojo_layout_append(layout, HBM(PAGES(100)), PAGES(10));
	dojo_layout_append(layout, SYSTEM(PAGES(500)), PAGES(10));
	map(test, PAGES(3), PAGES(4), layout, PAGES(8), RW);
	KUNIT_EXPECT_EQ(test, lookup(test, PAGES(3)), entry(HBM(PAGES(108)), RW));
	KUNIT_EXPECT_EQ(test, lookup(test, PAGES(4)), entry(HBM(PAGES(109)), RW));
	KUNIT_EXPECT_EQ(test, lookup(test, PAGES(5)), entry(SYSTEM(PAGES(500)), RW));
	KUNIT_EXPECT_EQ(test, lookup(test, PAGES(6)), entry(SYSTEM(PAGES(501)), RW));
	KUNIT_EXPECT_EQ(test, lookup(test, PAGES(7)), 0);
	dojo_layout_put(layout);
}

static void peer_memory(struct kunit *test)
{
	u64 pte = DOJO_PTE_TARGET(DOJO_TARGET_PEER) | 7ull << DOJO_PTE_PEER_SHIFT |
		  DOJO_PTE_PEER_SRAM | HUGE(3);
	struct dojo_layout *layout = layout_of(test, pte, HUGE(1));

	map(test, HUGE(1), HUGE(1), layout, 0, RW);
	KUNIT_EXPECT_EQ(test, lookup(test, HUGE(1) + PAGES(2)), entry(pte + PAGES(2), RW));
	check_tables(test);
	dojo_layout_put(layout);
}

static void no_memory_reads_zero(struct kunit *test)
{
	struct pt_test *t = test->priv;

	map(test, PAGES(1), HUGE(3), NULL, 0, RW);
	KUNIT_EXPECT_EQ(test, lookup(test, PAGES(1)), entry(DOJO_PTE_NULL, RW));
	KUNIT_EXPECT_EQ(test, lookup(test, HUGE(3)), entry(DOJO_PTE_NULL, RW));
	KUNIT_EXPECT_EQ(test, lookup(test, HUGE(3) + PAGES(1)), 0);
	/* 511 small pages, two large ones, one small one */
	KUNIT_EXPECT_EQ(test, t->pt.writes, 511 + 2 + 1 + 4);
	check_tables(test);
}

static void a_hole_is_not_mapped(struct kunit *test)
{
	struct dojo_layout *layout = dojo_layout_alloc(3);

	KUNIT_ASSERT_NOT_NULL(test, layout);
	dojo_layout_append(layout, SYSTEM(PAGES(9)), PAGES(1));
	dojo_layout_append(layout, DOJO_RUN_HOLE, PAGES(1));
	dojo_layout_append(layout, SYSTEM(PAGES(11)), PAGES(1));
	map(test, 0, PAGES(3), layout, 0, RW);
	KUNIT_EXPECT_EQ(test, lookup(test, 0), entry(SYSTEM(PAGES(9)), RW));
	KUNIT_EXPECT_EQ(test, lookup(test, PAGES(1)), 0);
	KUNIT_EXPECT_EQ(test, lookup(test, PAGES(2)), entry(SYSTEM(PAGES(11)), RW));
	check_tables(test);
	dojo_layout_put(layout);
}

/* ---- changing what is mapped */

static void the_same_again_writes_nothing(struct kunit *test)
{
	struct pt_test *t = test->priv;
	struct dojo_layout *layout = layout_of(test, HBM(0), HUGE(1) + PAGES(3));
	u64 writes;

	map(test, 0, HUGE(1) + PAGES(3), layout, 0, RW);
	writes = t->pt.writes;
	map(test, 0, HUGE(1) + PAGES(3), layout, 0, RW);
	KUNIT_EXPECT_EQ(test, t->pt.writes, writes);
	expect_no_invalidate(test);
	dojo_layout_put(layout);
}

static void less_permission_is_invalidated(struct kunit *test)
{
	struct dojo_layout *layout = layout_of(test, HBM(0), PAGES(8));

	map(test, 0, PAGES(8), layout, 0, RW);
	map(test, PAGES(2), PAGES(3), layout, PAGES(2), DOJO_PTE_READ);
	expect_invalidate(test, PAGES(2), PAGES(5));
	KUNIT_EXPECT_EQ(test, lookup(test, PAGES(1)), entry(HBM(PAGES(1)), RW));
	KUNIT_EXPECT_EQ(test, lookup(test, PAGES(2)), entry(HBM(PAGES(2)), DOJO_PTE_READ));
	KUNIT_EXPECT_EQ(test, lookup(test, PAGES(5)), entry(HBM(PAGES(5)), RW));
	dojo_layout_put(layout);
}

static void a_page_of_a_large_page_can_be_unmapped(struct kunit *test)
{
	struct pt_test *t = test->priv;
	struct dojo_layout *layout = layout_of(test, HBM(HUGE(4)), HUGE(2));

	map(test, 0, HUGE(2), layout, 0, RW);
	unmap(test, PAGES(100), PAGES(1));
	expect_invalidate(test, 0, HUGE(1));
	KUNIT_EXPECT_EQ(test, lookup(test, PAGES(99)), entry(HBM(HUGE(4) + PAGES(99)), RW));
	KUNIT_EXPECT_EQ(test, lookup(test, PAGES(100)), 0);
	KUNIT_EXPECT_EQ(test, lookup(test, PAGES(101)), entry(HBM(HUGE(4) + PAGES(101)), RW));
	KUNIT_EXPECT_EQ(test, lookup(test, HUGE(1)), entry(HBM(HUGE(5)), RW));
	KUNIT_EXPECT_EQ(test, t->pt.pages, 4);
	check_tables(test);
	dojo_layout_put(layout);
}

static void a_large_page_replaces_a_table(struct kunit *test)
{
	struct pt_test *t = test->priv;
	struct dojo_layout *small = layout_of(test, HBM(PAGES(1)), PAGES(3));
	struct dojo_layout *large = layout_of(test, HBM(HUGE(1)), HUGE(1));

	map(test, HUGE(1) + PAGES(5), PAGES(3), small, 0, RW);
	KUNIT_EXPECT_EQ(test, t->pt.pages, 4);
	map(test, HUGE(1), HUGE(1), large, 0, RW);
	KUNIT_EXPECT_EQ(test, t->pt.pages, 3);
	expect_invalidate(test, HUGE(1), HUGE(2));
	KUNIT_EXPECT_EQ(test, lookup(test, HUGE(1) + PAGES(5)), entry(HBM(HUGE(1) + PAGES(5)), RW));
	check_tables(test);
	dojo_layout_put(small);
	dojo_layout_put(large);
}

static void unmapping_the_last_page_frees_the_tables(struct kunit *test)
{
	struct pt_test *t = test->priv;
	struct dojo_layout *layout = layout_of(test, HBM(0), PAGES(2));

	map(test, SZ_1G - PAGES(1), PAGES(2), layout, 0, RW);
	KUNIT_EXPECT_EQ(test, t->pt.pages, 1 + 1 + 2 + 2);
	unmap(test, SZ_1G - PAGES(1), PAGES(1));
	KUNIT_EXPECT_EQ(test, t->pt.pages, 1 + 1 + 1 + 1);
	unmap(test, SZ_1G, PAGES(1));
	KUNIT_EXPECT_EQ(test, t->pt.pages, 1);
	check_tables(test);
	dojo_layout_put(layout);
}

static void unmapping_nothing_does_nothing(struct kunit *test)
{
	struct pt_test *t = test->priv;

	unmap(test, 0, DOJO_VA_END);
	unmap(test, PAGES(3), PAGES(9));
	KUNIT_EXPECT_EQ(test, t->pt.writes, 0);
	expect_no_invalidate(test);
}

static void unmapping_all_is_little_work(struct kunit *test)
{
	struct pt_test *t = test->priv;
	struct dojo_layout *layout = layout_of(test, HBM(PAGES(1)), HUGE(64));
	u64 writes;

	map(test, 0, HUGE(64), layout, 0, RW);
	writes = t->pt.writes;
	unmap(test, 0, DOJO_VA_END);
	KUNIT_EXPECT_EQ(test, t->pt.writes - writes, 1);
	KUNIT_EXPECT_EQ(test, t->pt.pages, 1);
	check_tables(test);
	dojo_layout_put(layout);
}

static void tables_are_kept_when_asked_to(struct kunit *test)
{
	struct pt_test *t = test->priv;
	struct dojo_layout *layout = layout_of(test, HBM(0), HUGE(1));
	struct dojo_pt_need need = {};
	u64 pages;

	map(test, PAGES(1), PAGES(1), layout, 0, RW);
	pages = t->pt.pages;
	t->keep = true;
	unmap(test, 0, DOJO_VA_END);
	KUNIT_EXPECT_EQ(test, t->pt.pages, pages);
	/* so that a mapping counted before still finds them */
	dojo_pt_need_map(&t->pt, &need, PAGES(1), PAGES(1), layout, 0);
	KUNIT_EXPECT_EQ(test, need.leaf + need.dir, 0);
	/* and a large page is made of small ones */
	map(test, 0, HUGE(1), layout, 0, RW);
	KUNIT_EXPECT_EQ(test, t->pt.pages, pages);
	KUNIT_EXPECT_EQ(test, lookup(test, PAGES(511)), entry(HBM(PAGES(511)), RW));
	check_tables(test);
	dojo_layout_put(layout);
}

/* ---- needs */

static void neighbours_are_counted_once(struct kunit *test)
{
	struct pt_test *t = test->priv;
	struct dojo_layout *layout = layout_of(test, HBM(0), PAGES(64));
	struct dojo_pt_need need = {};

	for (int i = 0; i < 64; i++)
		dojo_pt_need_map(&t->pt, &need, PAGES(i), PAGES(1), layout, PAGES(i));
	KUNIT_EXPECT_EQ(test, need.leaf, 1);
	KUNIT_EXPECT_EQ(test, need.dir, 2);
	dojo_layout_put(layout);
}

static void a_batch_without_memory_gives_back_what_it_has(struct kunit *test)
{
	struct pt_test *t = test->priv;
	struct dojo_layout *layout = layout_of(test, HBM(PAGES(1)), HUGE(8));
	struct dojo_pt_need need = {};
	struct dojo_pt_batch batch;

	dojo_pt_need_map(&t->pt, &need, 0, HUGE(8), layout, 0);
	KUNIT_EXPECT_EQ(test, need.leaf, 8);
	for (int i = 0; i < 10; i++) {
		dojo_pt_batch_init(&batch);
		t->source.fail_after = i;
		KUNIT_EXPECT_EQ(test, dojo_pt_batch_reserve(&t->pt, &batch, &need), -ENOMEM);
		dojo_pt_batch_fini(&t->pt, &batch);
		KUNIT_EXPECT_EQ(test, t->source.live, 1);
	}
	t->source.fail_after = -1;
	check_tables(test);
	dojo_layout_put(layout);
}

static void a_change_may_undo_what_the_next_one_counts_on(struct kunit *test)
{
	struct pt_test *t = test->priv;
	struct dojo_layout *layout = layout_of(test, HBM(0), HUGE(1));
	struct dojo_pt_need need = { .several = true };

	map(test, PAGES(1), PAGES(1), layout, PAGES(1), RW);

	/* a large page takes the place of the table, of which a page is then unmapped */
	dojo_pt_need_map(&t->pt, &need, 0, HUGE(1), layout, 0);
	dojo_pt_need_unmap(&t->pt, &need, PAGES(1), PAGES(1));
	/* everything goes, and comes back in part */
	dojo_pt_need_unmap(&t->pt, &need, 0, DOJO_VA_END);
	dojo_pt_need_map(&t->pt, &need, PAGES(2), PAGES(1), layout, PAGES(2));
	dojo_pt_batch_init(&t->batch);
	KUNIT_ASSERT_EQ(test, dojo_pt_batch_reserve(&t->pt, &t->batch, &need), 0);
	dojo_pt_map(&t->pt, &t->batch, 0, HUGE(1), layout, 0, RW);
	dojo_pt_unmap(&t->pt, &t->batch, PAGES(1), PAGES(1));
	dojo_pt_unmap(&t->pt, &t->batch, 0, DOJO_VA_END);
	dojo_pt_map(&t->pt, &t->batch, PAGES(2), PAGES(1), layout, PAGES(2), RW);
	dojo_pt_batch_fini(&t->pt, &t->batch);

	KUNIT_EXPECT_EQ(test, lookup(test, PAGES(1)), 0);
	KUNIT_EXPECT_EQ(test, lookup(test, PAGES(2)), entry(HBM(PAGES(2)), RW));
	check_tables(test);
	dojo_layout_put(layout);
}

/* ---- anything, against a table that is just an array */

#define WINDOW		PAGES(4 * 512)
#define WINDOW_BASE	(SZ_1G - WINDOW / 2)	/* across two level 1 tables */
#define STEPS		8

/**
 * struct step - a change of some pages of the window
 * @layout: memory to map, NULL = none
 * @memory: the same, as the model notes it
 * @permission: 0: unmap
 * @first: page
 * @count: pages
 */
struct step {
	struct dojo_layout *layout;
	u64 memory;
	u64 permission;
	u32 first;
	u32 count;
};

static void random_step(struct kunit *test, struct rnd_state *rnd, struct step *step)
{
	const u32 pages = WINDOW / DOJO_PAGE_SIZE;
	u32 what = prandom_u32_state(rnd) % 8;

	step->first = prandom_u32_state(rnd) % pages;
	step->count = 1 + prandom_u32_state(rnd) % (pages - step->first);
	step->memory = (u64)(prandom_u32_state(rnd) % 4096) * DOJO_PAGE_SIZE;
	/* often whole large pages, of large pages of memory */
	if (prandom_u32_state(rnd) % 2) {
		step->first = round_down(step->first, 512);
		step->count = min(round_up(step->count, 512), pages - step->first);
		step->memory = round_down(step->memory, DOJO_HUGE_SIZE);
	}
	step->permission = what < 3 ? 0 : what & 1 ? RW : DOJO_PTE_READ;
	step->layout = what < 7 ? layout_of(test, HBM(step->memory), PAGES(step->count)) : NULL;
}

static void count_step(struct pt_test *t, struct dojo_pt_need *need, const struct step *step)
{
	u64 va = WINDOW_BASE + PAGES(step->first);

	if (step->permission)
		dojo_pt_need_map(&t->pt, need, va, PAGES(step->count), step->layout, 0);
	else
		dojo_pt_need_unmap(&t->pt, need, va, PAGES(step->count));
}

static void do_step(struct pt_test *t, const struct step *step, u64 *model)
{
	u64 va = WINDOW_BASE + PAGES(step->first);

	if (step->permission)
		dojo_pt_map(&t->pt, &t->batch, va, PAGES(step->count), step->layout, 0,
			    step->permission);
	else
		dojo_pt_unmap(&t->pt, &t->batch, va, PAGES(step->count));

	for (u32 i = 0; i < step->count; i++) {
		u64 pte = step->layout ? HBM(step->memory + PAGES(i)) : DOJO_PTE_NULL;

		model[step->first + i] = step->permission ? entry(pte, step->permission) : 0;
	}
}

/* A cache that holds all that it may shows nothing old. */
static void compare(struct kunit *test, int round, const u64 *model, u64 *cached)
{
	struct pt_test *t = test->priv;

	for (u32 i = 0; i < WINDOW / DOJO_PAGE_SIZE; i++) {
		u64 va = WINDOW_BASE + PAGES(i);

		if (va >= t->batch.start && va < t->batch.end)
			cached[i] = 0;
		if (lookup(test, va) != model[i])
			KUNIT_FAIL_AND_ABORT(test, "round %d: page %u differs", round, i);
		if (cached[i] && cached[i] != model[i])
			KUNIT_FAIL_AND_ABORT(test, "round %d: page %u is stale", round, i);
		cached[i] = model[i];
	}
}

static void random_changes(struct kunit *test, bool may_keep)
{
	const unsigned int pages = WINDOW / DOJO_PAGE_SIZE;
	struct pt_test *t = test->priv;
	struct step step[STEPS];
	struct rnd_state rnd;
	u64 *model, *cached;

	model = kunit_kcalloc(test, pages, sizeof(*model), GFP_KERNEL);
	cached = kunit_kcalloc(test, pages, sizeof(*cached), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, model);
	KUNIT_ASSERT_NOT_NULL(test, cached);
	prandom_seed_state(&rnd, 4711);

	for (int round = 0; round < 300; round++) {
		u32 steps = 1 + prandom_u32_state(&rnd) % STEPS;
		struct dojo_pt_need need = {};

		dojo_pt_batch_init(&t->batch);
		t->batch.keep = may_keep && prandom_u32_state(&rnd) % 4;
		need.several = steps > 1 && !t->batch.keep;
		for (u32 i = 0; i < steps; i++) {
			random_step(test, &rnd, &step[i]);
			count_step(t, &need, &step[i]);
		}
		KUNIT_ASSERT_EQ(test, dojo_pt_batch_reserve(&t->pt, &t->batch, &need), 0);
		for (u32 i = 0; i < steps; i++) {
			do_step(t, &step[i], model);
			dojo_layout_put(step[i].layout);
		}
		dojo_pt_batch_fini(&t->pt, &t->batch);

		compare(test, round, model, cached);
		if (!may_keep)
			check_tables(test);
		cond_resched();
	}
}

static void random_changes_agree_with_a_model(struct kunit *test)
{
	random_changes(test, false);
	unmap(test, 0, DOJO_VA_END);
	check_tables(test);
}

static void random_changes_with_kept_tables_agree_with_a_model(struct kunit *test)
{
	random_changes(test, true);
	unmap(test, 0, DOJO_VA_END);
	check_tables(test);
}

static struct kunit_case dojo_layout_cases[] = {
	KUNIT_CASE(layout_joins_what_continues),
	KUNIT_CASE(layout_joins_what_is_no_memory),
	KUNIT_CASE(layout_finds_the_run),
	{}
};

static struct kunit_suite dojo_layout_suite = {
	.name = "dojo_layout",
	.test_cases = dojo_layout_cases,
};

static struct kunit_case dojo_pt_cases[] = {
	KUNIT_CASE(nothing_is_mapped_at_first),
	KUNIT_CASE(one_page),
	KUNIT_CASE(the_last_page_of_the_address_space),
	KUNIT_CASE(a_gibibyte_takes_512_entries),
	KUNIT_CASE(memory_that_is_not_aligned_takes_small_pages),
	KUNIT_CASE(a_large_page_needs_one_run),
	KUNIT_CASE(a_part_of_a_buffer),
	KUNIT_CASE(peer_memory),
	KUNIT_CASE(no_memory_reads_zero),
	KUNIT_CASE(a_hole_is_not_mapped),
	KUNIT_CASE(the_same_again_writes_nothing),
	KUNIT_CASE(less_permission_is_invalidated),
	KUNIT_CASE(a_page_of_a_large_page_can_be_unmapped),
	KUNIT_CASE(a_large_page_replaces_a_table),
	KUNIT_CASE(unmapping_the_last_page_frees_the_tables),
	KUNIT_CASE(unmapping_nothing_does_nothing),
	KUNIT_CASE(unmapping_all_is_little_work),
	KUNIT_CASE(tables_are_kept_when_asked_to),
	KUNIT_CASE(neighbours_are_counted_once),
	KUNIT_CASE(a_batch_without_memory_gives_back_what_it_has),
	KUNIT_CASE(a_change_may_undo_what_the_next_one_counts_on),
	KUNIT_CASE(random_changes_agree_with_a_model),
	KUNIT_CASE(random_changes_with_kept_tables_agree_with_a_model),
	{}
};

static struct kunit_suite dojo_pt_suite = {
	.name = "dojo_pt",
	.init = pt_test_init,
	.exit = pt_test_exit,
	.test_cases = dojo_pt_cases,
};

kunit_test_suites(&dojo_layout_suite, &dojo_pt_suite);
