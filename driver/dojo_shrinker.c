// SPDX-License-Identifier: GPL-2.0-only
/*
 * System memory for the rest of the machine when that is short: purgeable buffers
 * are freed at once; idle ones are written to shmem, from where the kernel swaps them
 * out. This wants as much memory as a buffer has before that is free, so that it is left
 * to a worker, which may not draw on the reserves that those who reclaim memory may.
 */
#include <linux/dma-resv.h>
#include <linux/shrinker.h>
#include <linux/swap.h>
#include <linux/workqueue.h>

#include <drm/drm_gem.h>
#include <drm/ttm/ttm_device.h>

#include "dojo_bo.h"
#include "dojo_shrinker.h"
#include "dojo_ttm.h"

static unsigned long dojo_system_pages(struct dojo_mm *mm)
{
	return (u64)atomic64_read(&mm->system_used) >> PAGE_SHIFT;
}

static unsigned long dojo_swap_pages(void)
{
	return max(get_nr_swap_pages(), 0L);
}

/* The purgeable buffer whose turn it is, referenced; skips those that are being freed */
static struct dojo_bo *dojo_next_purgeable(struct dojo_mm *mm)
{
	struct dojo_bo *bo, *found = NULL;

	spin_lock(&mm->bo_lock);
	list_for_each_entry(bo, &mm->purgeable, purgeable) {
		if (kref_get_unless_zero(&bo->ttm.base.refcount)) {
			list_move_tail(&bo->purgeable, &mm->purgeable);
			found = bo;
			break;
		}
	}
	spin_unlock(&mm->bo_lock);
	return found;
}

static unsigned long dojo_purge(struct dojo_mm *mm, unsigned long pages)
{
	unsigned long turns = min(READ_ONCE(mm->purgeables), pages), freed = 0;

	for (; turns && freed < pages; turns--) {
		struct dojo_bo *bo = dojo_next_purgeable(mm);

		if (!bo)
			break;
		/* Whoever asks for memory may hold it. */
		if (dma_resv_trylock(bo->ttm.base.resv)) {
			if (dojo_bo_purge(bo))
				freed += bo->ttm.base.size >> PAGE_SHIFT;
			dma_resv_unlock(bo->ttm.base.resv);
		}
		drm_gem_object_put(&bo->ttm.base);
	}
	return freed;
}

/*
 * Writes out what has not been used for longest, until there is as much free as was asked
 * for. Buffers in use and those that somebody has locked are left.
 */
static void dojo_swap_out(struct work_struct *work)
{
	struct dojo_mm *mm = container_of(work, struct dojo_mm, swap_work);
	struct ttm_operation_ctx ctx = { .no_wait_gpu = true };
	long wanted = min_t(long, atomic_long_xchg(&mm->swap_wanted, 0), dojo_system_pages(mm));

	while (wanted > 0 && dojo_swap_pages()) {
		int pages = ttm_device_swapout(&mm->ttm, &ctx, GFP_KERNEL);

		if (pages <= 0)
			break;
		wanted -= pages;
		cond_resched();
	}
}

/**
 * dojo_shrinker_at_work() - does the caller write buffers out for the shrinker?
 * @mm: memory management of a tile
 */
bool dojo_shrinker_at_work(struct dojo_mm *mm)
{
	return current_work() == &mm->swap_work;
}

static unsigned long dojo_shrinker_count(struct shrinker *shrinker, struct shrink_control *sc)
{
	struct dojo_mm *mm = shrinker->private_data;
	unsigned long pages = READ_ONCE(mm->purgeable_pages) + dojo_swap_pages();

	return min(pages, dojo_system_pages(mm));
}

/* May be called by whoever allocates memory, whatever he holds: waits for nothing */
static unsigned long dojo_shrinker_scan(struct shrinker *shrinker, struct shrink_control *sc)
{
	struct dojo_mm *mm = shrinker->private_data;
	unsigned long freed = dojo_purge(mm, sc->nr_to_scan);

	if (freed < sc->nr_to_scan && dojo_swap_pages()) {
		atomic_long_add(sc->nr_to_scan - freed, &mm->swap_wanted);
		queue_work(mm->ttm.wq, &mm->swap_work);
	}
	return freed;
}

/**
 * dojo_shrinker_init() - have the kernel ask for a tile's system memory
 * @mm: memory management of the tile, with its TTM device
 *
 * Return: 0 or -ENOMEM.
 */
int dojo_shrinker_init(struct dojo_mm *mm)
{
	INIT_WORK(&mm->swap_work, dojo_swap_out);
	mm->shrinker = shrinker_alloc(0, "drm-%s", dev_name(mm->tile->drm.dev));
	if (!mm->shrinker)
		return -ENOMEM;
	mm->shrinker->count_objects = dojo_shrinker_count;
	mm->shrinker->scan_objects = dojo_shrinker_scan;
	mm->shrinker->private_data = mm;
	shrinker_register(mm->shrinker);
	return 0;
}

/**
 * dojo_shrinker_fini() - undo dojo_shrinker_init()
 * @mm: memory management of the tile
 */
void dojo_shrinker_fini(struct dojo_mm *mm)
{
	shrinker_free(mm->shrinker);
	cancel_work_sync(&mm->swap_work);
}
