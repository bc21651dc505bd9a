/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the bytes of a buffer lie: runs of contiguous physical memory.
 *
 * A layout never changes once it is made, and it owns no memory: that the
 * memory stays allocated while something is mapped or copied by a layout is
 * for reservations and fences to see to. A bind, a move and a clear each keep
 * a reference on the layout they were made for, however far the buffer has
 * moved on since.
 */
#ifndef DOJO_LAYOUT_H
#define DOJO_LAYOUT_H

#include <linux/kref.h>
#include <linux/limits.h>
#include <linux/types.h>

#include "dojo_regs.h"

/* A run that cannot be accessed, as opposed to DOJO_PTE_NULL */
#define DOJO_RUN_HOLE		U64_MAX

/**
 * struct dojo_run - contiguous memory
 * @offset: where in the buffer it begins
 * @pte: page-table entry of its first page without VALID, LEAF and permission;
 *	DOJO_PTE_NULL or DOJO_RUN_HOLE for a run that is no memory
 */
struct dojo_run {
	u64 offset;
	u64 pte;
};

/**
 * struct dojo_layout - the runs of a buffer, in order and without gaps
 * @ref: references
 * @size: bytes covered
 * @count: of runs
 * @capacity: of @run
 * @run: each ends where the next begins, the last at @size
 */
struct dojo_layout {
	struct kref ref;
	u64 size;
	u32 count;
	u32 capacity;
	struct dojo_run run[] __counted_by(capacity);
};

struct dojo_layout *dojo_layout_alloc(u32 capacity);
void dojo_layout_free(struct kref *ref);
void dojo_layout_append(struct dojo_layout *layout, u64 pte, u64 size);
u32 dojo_layout_find(const struct dojo_layout *layout, u64 offset);

static inline struct dojo_layout *dojo_layout_get(struct dojo_layout *layout)
{
	if (layout)
		kref_get(&layout->ref);
	return layout;
}

static inline void dojo_layout_put(struct dojo_layout *layout)
{
	if (layout)
		kref_put(&layout->ref, dojo_layout_free);
}

/* Where run @i ends in the buffer */
static inline u64 dojo_layout_end(const struct dojo_layout *layout, u32 i)
{
	return i + 1 < layout->count ? layout->run[i + 1].offset : layout->size;
}

/* Entry of the page at @offset, which lies in @run */
static inline u64 dojo_run_pte(const struct dojo_run *run, u64 offset)
{
	if (run->pte == DOJO_PTE_NULL || run->pte == DOJO_RUN_HOLE)
		return run->pte;
	return run->pte + (offset - run->offset);
}

#endif
