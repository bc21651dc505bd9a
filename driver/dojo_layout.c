// SPDX-License-Identifier: GPL-2.0-only
/* Layouts: where the bytes of a buffer lie. */
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "dojo_layout.h"

/**
 * dojo_layout_alloc() - make an empty layout
 * @capacity: runs that it can hold
 *
 * Return: the layout with one reference, NULL without memory.
 */
struct dojo_layout *dojo_layout_alloc(u32 capacity)
{
	struct dojo_layout *layout;

	layout = kvzalloc(struct_size(layout, run, capacity), GFP_KERNEL);
	if (!layout)
		return NULL;
	kref_init(&layout->ref);
	layout->capacity = capacity;
	return layout;
}

/* For dojo_layout_put() */
void dojo_layout_free(struct kref *ref)
{
	kvfree(container_of(ref, struct dojo_layout, ref));
}

/**
 * dojo_layout_append() - lengthen a layout
 * @layout: layout that nobody else has seen yet
 * @pte: where the memory is, as in &struct dojo_run
 * @size: bytes, whole pages
 *
 * Memory that continues the last run joins it, so at most as many runs are
 * taken as there were calls.
 */
void dojo_layout_append(struct dojo_layout *layout, u64 pte, u64 size)
{
	if (layout->count) {
		const struct dojo_run *last = &layout->run[layout->count - 1];

		if (dojo_run_pte(last, layout->size) == pte) {
			layout->size += size;
			return;
		}
	}

	if (WARN_ON_ONCE(layout->count == layout->capacity))
		return;
	layout->run[layout->count].offset = layout->size;
	layout->run[layout->count].pte = pte;
	layout->count++;
	layout->size += size;
}

/**
 * dojo_layout_find() - which run a byte is in
 * @layout: layout
 * @offset: less than the layout's size
 *
 * Return: index of the run.
 */
u32 dojo_layout_find(const struct dojo_layout *layout, u64 offset)
{
	u32 low = 0, high = layout->count;

	while (high - low > 1) {
		u32 middle = low + (high - low) / 2;

		if (layout->run[middle].offset <= offset)
			low = middle;
		else
			high = middle;
	}
	return low;
}
