/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page tables: arithmetic on tables in coherent memory, and nothing else.
 *
 * Tables are obtained beforehand, in a batch, and given back with it, so that
 * dojo_pt_map() and dojo_pt_unmap() never allocate and never fail. A table that
 * has become empty leaves the tree, but it may still be cached by the card:
 * dojo_pt_batch_fini() must come after the range that the batch asks for has
 * been invalidated.
 *
 * Changes may be counted long before they are made, with other changes in
 * between. What dojo_pt_need_map() and dojo_pt_need_unmap() find in the tree must
 * therefore stay there: changes made while others have been counted must have
 * &dojo_pt_batch.keep set.
 *
 * A page table is looked at or changed by one thread at a time, for which its owner
 * has a lock.
 */
#ifndef DOJO_PT_H
#define DOJO_PT_H

#include <linux/list.h>
#include <linux/sizes.h>
#include <linux/types.h>

#include "dojo_layout.h"
#include "dojo_regs.h"

#define DOJO_PAGE_SIZE		((u64)1 << DOJO_PAGE_SHIFT)
#define DOJO_HUGE_SIZE		((u64)1 << DOJO_HUGE_SHIFT)
#define DOJO_VA_END		((u64)1 << DOJO_VA_BITS)

/**
 * struct dojo_pt_page - a table
 * @link: in a batch, while it is not in a tree
 * @cpu: its 512 entries
 * @dma: bus address
 * @child: the tables that entries point to, for levels 1 and up; else NULL
 * @used: valid entries
 */
struct dojo_pt_page {
	struct list_head link;
	__le64 *cpu;
	dma_addr_t dma;
	struct dojo_pt_page **child;
	u16 used;
};

struct dojo_pt;

/**
 * struct dojo_pt_ops - where tables come from
 * @alloc: a zeroed table, with @child if @dir; may sleep; NULL without memory
 * @free: takes back what @alloc gave
 */
struct dojo_pt_ops {
	struct dojo_pt_page *(*alloc)(struct dojo_pt *pt, bool dir);
	void (*free)(struct dojo_pt *pt, struct dojo_pt_page *page);
};

/**
 * struct dojo_pt - a page table
 * @ops: where tables come from
 * @priv: for @ops
 * @root: level 3
 * @pages: tables in the tree
 * @writes: entries written so far
 */
struct dojo_pt {
	const struct dojo_pt_ops *ops;
	void *priv;
	struct dojo_pt_page *root;
	u64 pages;
	u64 writes;
};

/**
 * struct dojo_pt_need - tables that a batch must have
 * @leaf: of level 0
 * @dir: of levels 1 and 2
 * @next: by level: the first entry above those counted last, for counting
 *	neighbours once
 * @several: changes of one batch may undo each other's tables: count each as
 *	if nothing were there
 */
struct dojo_pt_need {
	u64 leaf;
	u64 dir;
	u64 next[DOJO_PT_LEVELS];
	bool several;
};

/**
 * struct dojo_pt_batch - what some changes of a page table need and leave behind
 * @leaf: spare tables of level 0
 * @dir: spare tables of levels 1 and 2
 * @dead: tables taken out of the tree
 * @start: of the range whose valid entries were changed
 * @end: of that range; not above @start: there is nothing to invalidate
 * @keep: leave tables in the tree, even if empty
 */
struct dojo_pt_batch {
	struct list_head leaf;
	struct list_head dir;
	struct list_head dead;
	u64 start;
	u64 end;
	bool keep;
};

int dojo_pt_init(struct dojo_pt *pt, const struct dojo_pt_ops *ops, void *priv);
void dojo_pt_fini(struct dojo_pt *pt);
u64 dojo_pt_root(const struct dojo_pt *pt);

void dojo_pt_need_map(const struct dojo_pt *pt, struct dojo_pt_need *need, u64 va, u64 size,
		      const struct dojo_layout *layout, u64 offset);
void dojo_pt_need_unmap(const struct dojo_pt *pt, struct dojo_pt_need *need, u64 va, u64 size);

void dojo_pt_batch_init(struct dojo_pt_batch *batch);
int dojo_pt_batch_reserve(struct dojo_pt *pt, struct dojo_pt_batch *batch,
			  const struct dojo_pt_need *need);
void dojo_pt_batch_fini(struct dojo_pt *pt, struct dojo_pt_batch *batch);

void dojo_pt_map(struct dojo_pt *pt, struct dojo_pt_batch *batch, u64 va, u64 size,
		 const struct dojo_layout *layout, u64 offset, u64 permission);
void dojo_pt_unmap(struct dojo_pt *pt, struct dojo_pt_batch *batch, u64 va, u64 size);
u64 dojo_pt_lookup(const struct dojo_pt *pt, u64 va);
unsigned int dojo_pt_walk(const struct dojo_pt *pt, u64 va, u64 entry[DOJO_PT_LEVELS]);

#endif
