// SPDX-License-Identifier: GPL-2.0-only
/* Page tables: four levels, pages of 4 KiB and 2 MiB. */
#include <linux/align.h>
#include <linux/errno.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/sched.h>

#include <asm/barrier.h>

#include "dojo_pt.h"

static unsigned int dojo_pt_shift(unsigned int level)
{
	return DOJO_PAGE_SHIFT + 9 * level;
}

static unsigned int dojo_pt_index(u64 va, unsigned int level)
{
	return (va >> dojo_pt_shift(level)) % DOJO_PT_ENTRIES;
}

/* Where the part of [va, end) that lies in one entry of @level ends */
static u64 dojo_pt_next(u64 va, u64 end, unsigned int level)
{
	return min(end, ((va >> dojo_pt_shift(level)) + 1) << dojo_pt_shift(level));
}

static u64 dojo_pt_table(const struct dojo_pt_page *page)
{
	return DOJO_PTE_VALID | DOJO_PTE_TARGET(DOJO_TARGET_SYSTEM) | page->dma;
}

/* A page's entry from that of its layout */
static u64 dojo_pt_page_entry(u64 pte, u64 permission)
{
	if (pte == DOJO_RUN_HOLE)
		return 0;
	return pte | permission | DOJO_PTE_VALID | DOJO_PTE_LEAF;
}

static u64 dojo_pt_get(const struct dojo_pt_page *page, unsigned int i)
{
	return le64_to_cpu(page->cpu[i]);
}

/* Write the entry for [va, va + size). */
static void dojo_pt_set(struct dojo_pt *pt, struct dojo_pt_batch *batch,
			struct dojo_pt_page *page, unsigned int i, u64 va, u64 size, u64 new)
{
	u64 old = dojo_pt_get(page, i);

	if (old == new)
		return;

	if (old & DOJO_PTE_VALID) {
		batch->start = min(batch->start, va);
		batch->end = max(batch->end, va + size);
		page->used--;
	}
	if (new & DOJO_PTE_VALID)
		page->used++;

	WRITE_ONCE(page->cpu[i], cpu_to_le64(new));
	pt->writes++;
}

/* NULL: the batch was counted wrongly; then less is mapped than should be, never more. */
static struct dojo_pt_page *dojo_pt_take(struct dojo_pt *pt, struct list_head *spare)
{
	struct dojo_pt_page *page = list_first_entry_or_null(spare, struct dojo_pt_page, link);

	if (WARN_ON_ONCE(!page))
		return NULL;
	list_del(&page->link);
	pt->pages++;
	return page;
}

/* A table that no entry points to any more, and all below it */
static void dojo_pt_bury(struct dojo_pt *pt, struct dojo_pt_batch *batch,
			 struct dojo_pt_page *page)
{
	if (page->child) {
		for (unsigned int i = 0; i < DOJO_PT_ENTRIES; i++) {
			if (page->child[i])
				dojo_pt_bury(pt, batch, page->child[i]);
		}
	}
	list_add(&page->link, &batch->dead);
	pt->pages--;
}

/* The level 1 table for @va, made if need be */
static struct dojo_pt_page *dojo_pt_dir(struct dojo_pt *pt, struct dojo_pt_batch *batch, u64 va)
{
	struct dojo_pt_page *page = pt->root;

	for (unsigned int level = DOJO_PT_LEVELS - 1; level > 1; level--) {
		unsigned int i = dojo_pt_index(va, level);
		unsigned int shift = dojo_pt_shift(level);

		if (!page->child[i]) {
			page->child[i] = dojo_pt_take(pt, &batch->dir);
			if (!page->child[i])
				return NULL;
			dojo_pt_set(pt, batch, page, i, round_down(va, (u64)1 << shift),
				    (u64)1 << shift, dojo_pt_table(page->child[i]));
		}
		page = page->child[i];
	}
	return page;
}

/* The level 0 table for @va, made if need be, out of a large page if there is one */
static struct dojo_pt_page *dojo_pt_leaf(struct dojo_pt *pt, struct dojo_pt_batch *batch,
					 struct dojo_pt_page *dir, u64 va)
{
	unsigned int i = dojo_pt_index(va, 1);
	struct dojo_pt_page *page = dir->child[i];
	u64 old;

	if (page)
		return page;

	page = dojo_pt_take(pt, &batch->leaf);
	if (!page)
		return NULL;
	old = dojo_pt_get(dir, i);
	if (old & DOJO_PTE_VALID) {
		u64 step = old & DOJO_PTE_NULL ? 0 : DOJO_PAGE_SIZE;

		for (unsigned int k = 0; k < DOJO_PT_ENTRIES; k++)
			page->cpu[k] = cpu_to_le64(old + k * step);
		page->used = DOJO_PT_ENTRIES;
		pt->writes += DOJO_PT_ENTRIES;
	}
	/* Its entries before the entry that leads to them */
	dma_wmb();
	dir->child[i] = page;
	dojo_pt_set(pt, batch, dir, i, round_down(va, DOJO_HUGE_SIZE), DOJO_HUGE_SIZE,
		    dojo_pt_table(page));
	return page;
}

static void dojo_pt_set_huge(struct dojo_pt *pt, struct dojo_pt_batch *batch,
			     struct dojo_pt_page *dir, u64 va, u64 entry)
{
	unsigned int i = dojo_pt_index(va, 1);
	struct dojo_pt_page *old = dir->child[i];

	dir->child[i] = NULL;
	dojo_pt_set(pt, batch, dir, i, va, DOJO_HUGE_SIZE, entry);
	if (old)
		dojo_pt_bury(pt, batch, old);
}

/**
 * struct dojo_pt_cursor - walks a layout in step with addresses
 * @layout: layout, NULL = no memory anywhere
 * @run: the one that @offset is in
 * @offset: in the buffer
 */
struct dojo_pt_cursor {
	const struct dojo_layout *layout;
	u32 run;
	u64 offset;
};

static void dojo_pt_cursor_init(struct dojo_pt_cursor *cursor, const struct dojo_layout *layout,
				u64 offset)
{
	cursor->layout = layout;
	cursor->run = layout ? dojo_layout_find(layout, offset) : 0;
	cursor->offset = offset;
}

static void dojo_pt_cursor_skip(struct dojo_pt_cursor *cursor, u64 size)
{
	const struct dojo_layout *layout = cursor->layout;

	cursor->offset += size;
	if (!layout)
		return;
	while (cursor->run + 1 < layout->count &&
	       layout->run[cursor->run + 1].offset <= cursor->offset)
		cursor->run++;
}

static u64 dojo_pt_cursor_pte(const struct dojo_pt_cursor *cursor)
{
	if (!cursor->layout)
		return DOJO_PTE_NULL;
	return dojo_run_pte(&cursor->layout->run[cursor->run], cursor->offset);
}

/* Can the cursor's next 2 MiB be one page? */
static bool dojo_pt_cursor_huge(const struct dojo_pt_cursor *cursor)
{
	u64 pte = dojo_pt_cursor_pte(cursor);

	if (pte == DOJO_RUN_HOLE)
		return false;
	if (cursor->layout &&
	    dojo_layout_end(cursor->layout, cursor->run) - cursor->offset < DOJO_HUGE_SIZE)
		return false;
	return pte == DOJO_PTE_NULL || IS_ALIGNED(pte & DOJO_PTE_ADDR_MASK, DOJO_HUGE_SIZE);
}

/**
 * dojo_pt_init() - make an empty page table
 * @pt: page table
 * @ops: where tables come from
 * @priv: for @ops
 *
 * Return: 0 or -ENOMEM.
 */
int dojo_pt_init(struct dojo_pt *pt, const struct dojo_pt_ops *ops, void *priv)
{
	pt->ops = ops;
	pt->priv = priv;
	pt->writes = 0;
	pt->root = ops->alloc(pt, true);
	pt->pages = !!pt->root;
	return pt->root ? 0 : -ENOMEM;
}

/**
 * dojo_pt_fini() - free every table
 * @pt: page table that the card cannot reach any more
 */
void dojo_pt_fini(struct dojo_pt *pt)
{
	struct dojo_pt_batch batch;

	if (!pt->root)
		return;
	dojo_pt_batch_init(&batch);
	dojo_pt_bury(pt, &batch, pt->root);
	pt->root = NULL;
	dojo_pt_batch_fini(pt, &batch);
}

/**
 * dojo_pt_root() - what the card is told of a page table
 * @pt: page table
 *
 * Return: table entry of its root.
 */
u64 dojo_pt_root(const struct dojo_pt *pt)
{
	return dojo_pt_table(pt->root);
}

/*
 * The level 1 table for @va, or NULL; then @level is that of the table whose
 * entry is missing.
 */
static const struct dojo_pt_page *dojo_pt_find_dir(const struct dojo_pt *pt, u64 va,
						   unsigned int *level)
{
	const struct dojo_pt_page *page = pt->root;

	for (*level = DOJO_PT_LEVELS - 1; *level > 1; (*level)--) {
		page = page->child[dojo_pt_index(va, *level)];
		if (!page)
			return NULL;
	}
	return page;
}

/* Count the table under the entry of @level for @va, unless it has just been counted. */
static void dojo_pt_count(struct dojo_pt_need *need, u64 va, unsigned int level)
{
	u64 entry = va >> dojo_pt_shift(level);

	if (need->next[level] == entry + 1)
		return;
	need->next[level] = entry + 1;
	if (level > 1)
		need->dir++;
	else
		need->leaf++;
}

/* Count what is missing on the way to the level 1 table for @va. */
static const struct dojo_pt_page *dojo_pt_count_dirs(const struct dojo_pt *pt,
						     struct dojo_pt_need *need, u64 va)
{
	const struct dojo_pt_page *dir;
	unsigned int level = DOJO_PT_LEVELS - 1;

	dir = need->several ? NULL : dojo_pt_find_dir(pt, va, &level);
	if (!dir) {
		for (; level > 1; level--)
			dojo_pt_count(need, va, level);
	}
	return dir;
}

/* What an earlier change of the same batch takes away has to be counted again. */
static void dojo_pt_count_begin(struct dojo_pt_need *need)
{
	if (need->several)
		memset(need->next, 0, sizeof(need->next));
}

/**
 * dojo_pt_need_map() - count the tables that a mapping may take
 * @pt: page table
 * @need: added to
 * @va: as for dojo_pt_map()
 * @size: as for dojo_pt_map()
 * @layout: as for dojo_pt_map()
 * @offset: as for dojo_pt_map()
 */
void dojo_pt_need_map(const struct dojo_pt *pt, struct dojo_pt_need *need, u64 va, u64 size,
		      const struct dojo_layout *layout, u64 offset)
{
	const struct dojo_pt_page *dir = NULL;
	struct dojo_pt_cursor cursor;
	u64 start = va, end = va + size;

	dojo_pt_count_begin(need);
	dojo_pt_cursor_init(&cursor, layout, offset);
	while (va < end) {
		u64 next = dojo_pt_next(va, end, 1);

		if (va == start || IS_ALIGNED(va, (u64)SZ_1G))
			dir = dojo_pt_count_dirs(pt, need, va);
		if ((next - va < DOJO_HUGE_SIZE || !dojo_pt_cursor_huge(&cursor)) &&
		    !(dir && dir->child[dojo_pt_index(va, 1)]))
			dojo_pt_count(need, va, 1);
		dojo_pt_cursor_skip(&cursor, next - va);
		va = next;
	}
}

static void dojo_pt_need_split(const struct dojo_pt *pt, struct dojo_pt_need *need, u64 va)
{
	const struct dojo_pt_page *dir;
	unsigned int level;

	dir = dojo_pt_find_dir(pt, va, &level);
	if (need->several || !dir || !dir->child[dojo_pt_index(va, 1)])
		dojo_pt_count(need, va, 1);
}

/**
 * dojo_pt_need_unmap() - count the tables that an unmapping may take
 * @pt: page table
 * @need: added to
 * @va: as for dojo_pt_unmap()
 * @size: as for dojo_pt_unmap()
 *
 * One for each large page that is, or may be by then, unmapped in part.
 */
void dojo_pt_need_unmap(const struct dojo_pt *pt, struct dojo_pt_need *need, u64 va, u64 size)
{
	u64 end = va + size;

	dojo_pt_count_begin(need);
	if (!IS_ALIGNED(va, DOJO_HUGE_SIZE))
		dojo_pt_need_split(pt, need, va);
	if (!IS_ALIGNED(end, DOJO_HUGE_SIZE))
		dojo_pt_need_split(pt, need, end);
}

/**
 * dojo_pt_batch_init() - make a batch without tables
 * @batch: batch
 */
void dojo_pt_batch_init(struct dojo_pt_batch *batch)
{
	INIT_LIST_HEAD(&batch->leaf);
	INIT_LIST_HEAD(&batch->dir);
	INIT_LIST_HEAD(&batch->dead);
	batch->start = U64_MAX;
	batch->end = 0;
	batch->keep = false;
}

static int dojo_pt_fill(struct dojo_pt *pt, struct list_head *spare, u64 count, bool dir)
{
	while (count--) {
		struct dojo_pt_page *page = pt->ops->alloc(pt, dir);

		if (!page)
			return -ENOMEM;
		list_add(&page->link, spare);
		cond_resched();
	}
	return 0;
}

/**
 * dojo_pt_batch_reserve() - obtain the tables that changes may take
 * @pt: page table
 * @batch: batch
 * @need: the sum of what the changes need
 *
 * Return: 0 or -ENOMEM; the batch must be finished in either case.
 */
int dojo_pt_batch_reserve(struct dojo_pt *pt, struct dojo_pt_batch *batch,
			  const struct dojo_pt_need *need)
{
	int ret;

	ret = dojo_pt_fill(pt, &batch->dir, need->dir, true);
	if (ret)
		return ret;
	return dojo_pt_fill(pt, &batch->leaf, need->leaf, false);
}

static void dojo_pt_drain(struct dojo_pt *pt, struct list_head *list)
{
	struct dojo_pt_page *page, *next;

	list_for_each_entry_safe(page, next, list, link)
		pt->ops->free(pt, page);
	INIT_LIST_HEAD(list);
}

/**
 * dojo_pt_batch_fini() - give back what a batch has left over and taken out
 * @pt: page table
 * @batch: batch; its range has been invalidated
 */
void dojo_pt_batch_fini(struct dojo_pt *pt, struct dojo_pt_batch *batch)
{
	dojo_pt_drain(pt, &batch->leaf);
	dojo_pt_drain(pt, &batch->dir);
	dojo_pt_drain(pt, &batch->dead);
}

/**
 * dojo_pt_map() - map a part of a buffer, over whatever is there
 * @pt: page table
 * @batch: has tables as dojo_pt_need_map() counted them
 * @va: page aligned
 * @size: whole pages, not 0; the range lies inside the 48 bits
 * @layout: of the buffer; NULL: no memory, reads give 0 and writes are dropped
 * @offset: of the part in the buffer, page aligned
 * @permission: DOJO_PTE_READ and DOJO_PTE_WRITE
 *
 * Entries that are as they should be already are not written.
 */
void dojo_pt_map(struct dojo_pt *pt, struct dojo_pt_batch *batch, u64 va, u64 size,
		 const struct dojo_layout *layout, u64 offset, u64 permission)
{
	struct dojo_pt_page *dir = NULL;
	struct dojo_pt_cursor cursor;
	u64 end = va + size;

	dojo_pt_cursor_init(&cursor, layout, offset);
	while (va < end) {
		u64 next = dojo_pt_next(va, end, 1);

		if (!dir || IS_ALIGNED(va, (u64)SZ_1G))
			dir = dojo_pt_dir(pt, batch, va);
		if (!dir)
			return;

		if (next - va == DOJO_HUGE_SIZE && dojo_pt_cursor_huge(&cursor) &&
		    !(batch->keep && dir->child[dojo_pt_index(va, 1)])) {
			dojo_pt_set_huge(pt, batch, dir, va,
					 dojo_pt_page_entry(dojo_pt_cursor_pte(&cursor),
							    permission));
			dojo_pt_cursor_skip(&cursor, DOJO_HUGE_SIZE);
		} else {
			struct dojo_pt_page *leaf = dojo_pt_leaf(pt, batch, dir, va);

			if (!leaf)
				return;
			for (u64 page = va; page < next; page += DOJO_PAGE_SIZE) {
				u64 pte = dojo_pt_cursor_pte(&cursor);

				dojo_pt_set(pt, batch, leaf, dojo_pt_index(page, 0), page,
					    DOJO_PAGE_SIZE, dojo_pt_page_entry(pte, permission));
				dojo_pt_cursor_skip(&cursor, DOJO_PAGE_SIZE);
			}
		}
		va = next;
	}
}

/* Unmap [va, end), which lies in @page, a table of @level. */
static void dojo_pt_unmap_level(struct dojo_pt *pt, struct dojo_pt_batch *batch,
				struct dojo_pt_page *page, unsigned int level, u64 va, u64 end)
{
	u64 size = (u64)1 << dojo_pt_shift(level);
	u64 next;

	for (; va < end; va = next) {
		unsigned int i = dojo_pt_index(va, level);
		struct dojo_pt_page *child = level ? page->child[i] : NULL;
		bool whole;

		next = dojo_pt_next(va, end, level);
		whole = next - va == size;
		if (!(dojo_pt_get(page, i) & DOJO_PTE_VALID))
			continue;

		if (!whole && !child)
			child = dojo_pt_leaf(pt, batch, page, va);
		if (child && (!whole || batch->keep)) {
			dojo_pt_unmap_level(pt, batch, child, level - 1, va, next);
			if (child->used || batch->keep)
				continue;
		}

		dojo_pt_set(pt, batch, page, i, round_down(va, size), size, 0);
		if (child) {
			page->child[i] = NULL;
			dojo_pt_bury(pt, batch, child);
		}
	}
}

/**
 * dojo_pt_unmap() - unmap whatever is in a range
 * @pt: page table
 * @batch: has tables as dojo_pt_need_unmap() counted them
 * @va: page aligned
 * @size: whole pages, not 0; the range lies inside the 48 bits
 */
void dojo_pt_unmap(struct dojo_pt *pt, struct dojo_pt_batch *batch, u64 va, u64 size)
{
	dojo_pt_unmap_level(pt, batch, pt->root, DOJO_PT_LEVELS - 1, va, va + size);
}

/**
 * dojo_pt_lookup() - what an address is mapped to
 * @pt: page table
 * @va: address inside the 48 bits
 *
 * Return: the 4 KiB page's entry, as if no page were larger; 0: none.
 */
u64 dojo_pt_lookup(const struct dojo_pt *pt, u64 va)
{
	const struct dojo_pt_page *page = pt->root;

	for (unsigned int level = DOJO_PT_LEVELS - 1; level; level--) {
		unsigned int i = dojo_pt_index(va, level);
		u64 entry = dojo_pt_get(page, i);

		if (page->child[i]) {
			page = page->child[i];
			continue;
		}
		if (!(entry & DOJO_PTE_VALID))
			return 0;
		if (entry & DOJO_PTE_NULL)
			return entry;
		return entry + round_down(va % DOJO_HUGE_SIZE, DOJO_PAGE_SIZE);
	}
	return dojo_pt_get(page, dojo_pt_index(va, 0));
}

/**
 * dojo_pt_walk() - the entries on the way to an address
 * @pt: page table
 * @va: address inside the 48 bits
 * @entry: out: from the root's on
 *
 * Return: how many there are; the last one is a page, or not valid.
 */
unsigned int dojo_pt_walk(const struct dojo_pt *pt, u64 va, u64 entry[DOJO_PT_LEVELS])
{
	const struct dojo_pt_page *page = pt->root;
	unsigned int count = 0;

	for (unsigned int level = DOJO_PT_LEVELS; page;
	     page = page->child[dojo_pt_index(va, level)]) {
		level--;
		entry[count++] = dojo_pt_get(page, dojo_pt_index(va, level));
		if (!level)
			break;
	}
	return count;
}
