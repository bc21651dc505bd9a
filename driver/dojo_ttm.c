// SPDX-License-Identifier: GPL-2.0-only
/*
 * A tile's memory as TTM sees it.
 *
 * HBM and SRAM are regions over a buddy allocator; system memory is TTM's own
 * pages. Evictions go from HBM to system memory that the tile still reaches,
 * and from there, when TTM wants the pages back, to shmem. A move out of or into
 * a region is done by the kernel's DMA queue and is pipelined: its fence is the
 * buffer's KERNEL fence, and the region's, for whoever gets the memory next.
 */
#include <linux/dma-buf.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include <drm/drm_buddy.h>
#include <drm/drm_drv.h>
#include <drm/drm_managed.h>
#include <drm/ttm/ttm_bo.h>

#include "dojo_bo.h"
#include "dojo_move.h"
#include "dojo_shrinker.h"
#include "dojo_trace.h"
#include "dojo_ttm.h"

static struct dojo_region *to_dojo_region(struct ttm_resource_manager *man)
{
	return container_of(man, struct dojo_region, man);
}

/* ---- HBM and SRAM */

static int dojo_region_alloc(struct ttm_resource_manager *man, struct ttm_buffer_object *tbo,
			     const struct ttm_place *place, struct ttm_resource **out)
{
	struct dojo_region *region = to_dojo_region(man);
	struct dojo_bo *bo = ttm_to_dojo_bo(tbo);
	u64 size = PAGE_ALIGN(tbo->base.size);
	struct gpu_buddy_block *block;
	struct dojo_resource *res;
	unsigned long flags = 0;
	u32 blocks = 0;
	int ret;

	res = kzalloc(sizeof(*res), GFP_KERNEL);
	if (!res)
		return -ENOMEM;
	INIT_LIST_HEAD(&res->blocks);
	ttm_resource_init(tbo, place, &res->base);

	if (place->flags & TTM_PL_FLAG_CONTIGUOUS)
		flags |= GPU_BUDDY_CONTIGUOUS_ALLOCATION;

	ret = -ENOSPC;
	mutex_lock(&region->lock);
	if (size <= region->buddy.avail)
		ret = gpu_buddy_alloc_blocks(&region->buddy, 0, region->buddy.size, size,
					     DOJO_PAGE_SIZE, &res->blocks, flags);
	mutex_unlock(&region->lock);
	if (ret) {
		/* -EINVAL: contiguous, and larger than the largest block */
		if (ret != -ENOMEM) {
			if (bo->nospc)
				*bo->nospc = true;
			ret = -ENOSPC;
		}
		goto err_free;
	}

	list_for_each_entry(block, &res->blocks, link)
		blocks++;
	res->layout = dojo_layout_alloc(blocks);
	if (!res->layout) {
		ret = -ENOMEM;
		goto err_blocks;
	}
	list_for_each_entry(block, &res->blocks, link)
		dojo_layout_append(res->layout, DOJO_PTE_TARGET(region->target) |
				   gpu_buddy_block_offset(block),
				   gpu_buddy_block_size(&region->buddy, block));

	*out = &res->base;
	return 0;

err_blocks:
	mutex_lock(&region->lock);
	gpu_buddy_free_list(&region->buddy, &res->blocks, 0);
	mutex_unlock(&region->lock);
err_free:
	ttm_resource_fini(man, &res->base);
	kfree(res);
	return ret;
}

static void dojo_region_free(struct ttm_resource_manager *man, struct ttm_resource *base)
{
	struct dojo_region *region = to_dojo_region(man);
	struct dojo_resource *res = to_dojo_resource(base);

	mutex_lock(&region->lock);
	gpu_buddy_free_list(&region->buddy, &res->blocks, 0);
	mutex_unlock(&region->lock);

	dojo_layout_put(res->layout);
	ttm_resource_fini(man, base);
	kfree(res);
}

static bool dojo_region_intersects(struct ttm_resource_manager *man, struct ttm_resource *res,
				   const struct ttm_place *place, size_t size)
{
	return true;
}

static bool dojo_region_compatible(struct ttm_resource_manager *man, struct ttm_resource *res,
				   const struct ttm_place *place, size_t size)
{
	return true;
}

static void dojo_region_debug(struct ttm_resource_manager *man, struct drm_printer *p)
{
	struct dojo_region *region = to_dojo_region(man);

	mutex_lock(&region->lock);
	drm_buddy_print(&region->buddy, p);
	mutex_unlock(&region->lock);
}

static const struct ttm_resource_manager_func dojo_region_func = {
	.alloc = dojo_region_alloc,
	.free = dojo_region_free,
	.intersects = dojo_region_intersects,
	.compatible = dojo_region_compatible,
	.debug = dojo_region_debug,
};

static int dojo_region_init(struct dojo_mm *mm, struct dojo_region *region, u32 type, u64 target,
			    u64 size)
{
	int ret;

	size = round_down(size, DOJO_PAGE_SIZE);
	if (!size)
		return 0;

	ret = gpu_buddy_init(&region->buddy, size, DOJO_PAGE_SIZE);
	if (ret)
		return ret;
	mutex_init(&region->lock);
	gpu_buddy_driver_set_lock(&region->buddy, &region->lock);
	region->target = target;
	region->man.func = &dojo_region_func;
	ttm_resource_manager_init(&region->man, &mm->ttm, size);
	ttm_set_driver_manager(&mm->ttm, type, &region->man);
	ttm_resource_manager_set_used(&region->man, true);
	return 0;
}

static void dojo_region_fini(struct dojo_mm *mm, struct dojo_region *region, u32 type)
{
	if (!region->man.func)
		return;

	ttm_resource_manager_evict_all(&mm->ttm, &region->man);
	ttm_resource_manager_set_used(&region->man, false);
	ttm_resource_manager_cleanup(&region->man);
	ttm_set_driver_manager(&mm->ttm, type, NULL);
	gpu_buddy_fini(&region->buddy);
	mutex_destroy(&region->lock);
	region->man.func = NULL;
}

/* ---- system memory that the tile reaches */

static int dojo_system_alloc(struct ttm_resource_manager *man, struct ttm_buffer_object *tbo,
			     const struct ttm_place *place, struct ttm_resource **out)
{
	struct ttm_resource *res = kzalloc(sizeof(*res), GFP_KERNEL);

	if (!res)
		return -ENOMEM;
	ttm_resource_init(tbo, place, res);
	*out = res;
	return 0;
}

static void dojo_system_free(struct ttm_resource_manager *man, struct ttm_resource *res)
{
	ttm_resource_fini(man, res);
	kfree(res);
}

static const struct ttm_resource_manager_func dojo_system_func = {
	.alloc = dojo_system_alloc,
	.free = dojo_system_free,
};

static struct ttm_tt *dojo_tt_create(struct ttm_buffer_object *tbo, u32 page_flags)
{
	struct dojo_tt *tt = kzalloc(sizeof(*tt), GFP_KERNEL);

	if (!tt)
		return NULL;
	if (ttm_sg_tt_init(&tt->base, tbo, page_flags, ttm_cached)) {
		kfree(tt);
		return NULL;
	}
	return &tt->base;
}

static struct dojo_layout *dojo_tt_layout(const struct ttm_tt *tt)
{
	const u64 target = DOJO_PTE_TARGET(DOJO_TARGET_SYSTEM);
	struct dojo_layout *layout;
	u32 runs = 1;

	for (u32 i = 1; i < tt->num_pages; i++)
		runs += tt->dma_address[i] != tt->dma_address[i - 1] + PAGE_SIZE;

	layout = dojo_layout_alloc(runs);
	if (!layout)
		return NULL;
	for (u32 i = 0; i < tt->num_pages; i++)
		dojo_layout_append(layout, target | tt->dma_address[i], PAGE_SIZE);
	return layout;
}

static int dojo_tt_populate(struct ttm_device *ttm, struct ttm_tt *base,
			    struct ttm_operation_ctx *ctx)
{
	struct dojo_tt *tt = to_dojo_tt(base);
	int ret;

	ret = ttm_pool_alloc(&ttm->pool, base, ctx);
	if (ret)
		return ret;

	tt->layout = dojo_tt_layout(base);
	if (!tt->layout) {
		ttm_pool_free(&ttm->pool, base);
		return -ENOMEM;
	}
	atomic64_add((u64)base->num_pages << PAGE_SHIFT, &to_dojo_mm(ttm)->system_used);
	return 0;
}

static void dojo_tt_unpopulate(struct ttm_device *ttm, struct ttm_tt *base)
{
	struct dojo_tt *tt = to_dojo_tt(base);

	dojo_layout_put(tt->layout);
	tt->layout = NULL;
	ttm_pool_free(&ttm->pool, base);
	atomic64_sub((u64)base->num_pages << PAGE_SHIFT, &to_dojo_mm(ttm)->system_used);
}

static void dojo_tt_destroy(struct ttm_device *ttm, struct ttm_tt *base)
{
	ttm_tt_fini(base);
	kfree(to_dojo_tt(base));
}

/* ---- moves */

static bool dojo_pl_is_region(u32 type)
{
	return type == DOJO_PL_HBM || type == DOJO_PL_SRAM;
}

static bool dojo_eviction_valuable(struct ttm_buffer_object *tbo, const struct ttm_place *place)
{
	/* SRAM is a working memory: what lies there stays there. */
	if (tbo->resource->mem_type == DOJO_PL_SRAM)
		return false;
	/* Others wait for what is in use. */
	if (dojo_shrinker_at_work(to_dojo_mm(tbo->bdev)) &&
	    !dma_resv_test_signaled(tbo->base.resv, DMA_RESV_USAGE_BOOKKEEP))
		return false;
	return ttm_bo_eviction_valuable(tbo, place);
}

static void dojo_evict_flags(struct ttm_buffer_object *tbo, struct ttm_placement *placement)
{
	static const struct ttm_place reachable = { .mem_type = DOJO_PL_SYSTEM };
	static const struct ttm_place swappable = { .mem_type = TTM_PL_SYSTEM };
	struct dojo_mm *mm = to_dojo_mm(tbo->bdev);

	/* What a move left behind: nobody will miss it. */
	if (!dojo_ttm_is_bo(tbo)) {
		placement->num_placement = 0;
		return;
	}

	if (ttm_to_dojo_bo(tbo)->advice == DRM_DOJO_ADVICE_PURGEABLE ||
	    drm_dev_is_unplugged(&mm->tile->drm)) {
		dojo_bo_mark_evicted(ttm_to_dojo_bo(tbo));
		/* TTM does this for moves, but not for memory that it takes away. */
		ttm_bo_unmap_virtual(tbo);
		placement->num_placement = 0;
		return;
	}

	placement->placement = tbo->resource && dojo_pl_is_region(tbo->resource->mem_type) ?
			       &reachable : &swappable;
	placement->num_placement = 1;
}

static struct dojo_layout *dojo_resource_layout(struct ttm_buffer_object *tbo,
						struct ttm_resource *res)
{
	if (dojo_pl_is_region(res->mem_type))
		return to_dojo_resource(res)->layout;
	return to_dojo_tt(tbo->ttm)->layout;
}

/* New memory is zeroed before anybody sees it. */
static int dojo_move_new(struct dojo_mm *mm, struct ttm_buffer_object *tbo,
			 struct ttm_resource *new)
{
	struct dojo_bo *bo = ttm_to_dojo_bo(tbo);
	struct dma_fence *fence;

	if (!mm->started)
		return -ENODEV;

	fence = dojo_move_clear(mm, to_dojo_resource(new)->layout, tbo->base.resv,
				DMA_RESV_USAGE_KERNEL);
	if (IS_ERR(fence))
		return PTR_ERR(fence);

	dma_resv_add_fence(tbo->base.resv, fence, DMA_RESV_USAGE_KERNEL);
	dma_fence_put(bo->content);
	bo->content = fence;
	ttm_bo_move_null(tbo, new);
	return 0;
}

static int dojo_move_contents(struct dojo_mm *mm, struct ttm_buffer_object *tbo, bool evict,
			      struct ttm_resource *new)
{
	struct dojo_bo *bo = ttm_to_dojo_bo(tbo);
	struct dma_fence *fence;
	int ret;

	if (!mm->started)
		return -ENODEV;

	fence = dojo_move_copy(mm, dojo_resource_layout(tbo, tbo->resource),
			       dojo_resource_layout(tbo, new), tbo->base.resv,
			       DMA_RESV_USAGE_BOOKKEEP);
	if (IS_ERR(fence))
		return PTR_ERR(fence);

	dma_fence_put(bo->content);
	bo->content = dma_fence_get(fence);
	ret = ttm_bo_move_accel_cleanup(tbo, fence, evict, true, new);
	if (ret) {
		/* Too late to say no: the copy is on its way. */
		dma_fence_wait(fence, false);
		ttm_bo_move_null(tbo, new);
	}
	dma_fence_put(fence);
	return 0;
}

static int dojo_bo_move_to(struct ttm_buffer_object *tbo, bool evict, struct ttm_resource *new,
			   struct ttm_place *hop)
{
	struct dojo_mm *mm = to_dojo_mm(tbo->bdev);
	struct ttm_resource *old = tbo->resource;
	bool has_old, to_region = dojo_pl_is_region(new->mem_type);
	u64 size = tbo->base.size;
	int ret;

	/* Memory that TTM has promised but not filled yet has no contents. */
	has_old = old && (dojo_pl_is_region(old->mem_type) ||
			  (tbo->ttm && (ttm_tt_is_populated(tbo->ttm) ||
					tbo->ttm->page_flags & TTM_TT_FLAG_SWAPPED)));

	if (old)
		dojo_bo_mark_evicted(ttm_to_dojo_bo(tbo));

	if (!has_old) {
		if (to_region)
			return dojo_move_new(mm, tbo, new);
		ttm_bo_move_null(tbo, new);
		return 0;
	}

	if (!dojo_pl_is_region(old->mem_type) && !to_region) {
		ttm_bo_move_null(tbo, new);
		return 0;
	}

	/* The DMA queue does not reach TTM_PL_SYSTEM. */
	if (old->mem_type == TTM_PL_SYSTEM || new->mem_type == TTM_PL_SYSTEM) {
		*hop = (struct ttm_place){
			.mem_type = DOJO_PL_SYSTEM,
			.flags = TTM_PL_FLAG_TEMPORARY,
		};
		return -EMULTIHOP;
	}

	ret = dojo_move_contents(mm, tbo, evict, new);
	if (ret)
		return ret;

	if (to_region)
		atomic64_add(size, &mm->restored);
	else
		atomic64_add(size, &mm->evicted);
	return 0;
}

static int dojo_bo_move(struct ttm_buffer_object *tbo, bool evict, struct ttm_operation_ctx *ctx,
			struct ttm_resource *new, struct ttm_place *hop)
{
	struct dojo_bo *bo = ttm_to_dojo_bo(tbo);
	u32 from = dojo_bo_placement(bo), to;
	int ret;

	ret = dojo_bo_move_to(tbo, evict, new, hop);
	if (ret)
		return ret;
	dojo_bo_note_purgeable(bo);
	to = dojo_bo_placement(bo);
	if (from && from != to)
		trace_dojo_evict(to_dojo_mm(tbo->bdev)->tile, from, to, tbo->base.size);
	return 0;
}

/* ---- CPU access */

static int dojo_io_mem_reserve(struct ttm_device *ttm, struct ttm_resource *res)
{
	switch (res->mem_type) {
	case TTM_PL_SYSTEM:
	case DOJO_PL_SYSTEM:
		return 0;
	case DOJO_PL_HBM:
		/* Where its pages are is for dojo_io_mem_pfn() to say. */
		res->bus.offset = to_dojo_mm(ttm)->tile->hbm_phys;
		res->bus.is_iomem = true;
		res->bus.caching = ttm_write_combined;
		return 0;
	default:
		return -EINVAL;
	}
}

/* Where a byte of a buffer is in the tile's HBM */
static u64 dojo_hbm_offset(struct ttm_buffer_object *tbo, u64 offset)
{
	struct dojo_layout *layout = to_dojo_resource(tbo->resource)->layout;
	u64 pte = dojo_run_pte(&layout->run[dojo_layout_find(layout, offset)], offset);

	return (pte & DOJO_PTE_ADDR_MASK) + offset_in_page(offset);
}

static unsigned long dojo_io_mem_pfn(struct ttm_buffer_object *tbo, unsigned long page)
{
	return PHYS_PFN(to_dojo_mm(tbo->bdev)->tile->hbm_phys +
			dojo_hbm_offset(tbo, (u64)page << PAGE_SHIFT));
}

/* For a debugger that looks into a program's mapping */
static int dojo_access_memory(struct ttm_buffer_object *tbo, unsigned long offset, void *buf,
			      int len, int write)
{
	struct dojo_mm *mm = to_dojo_mm(tbo->bdev);
	int done = 0, idx;

	if (tbo->resource->mem_type != DOJO_PL_HBM)
		return -EIO;
	if (!drm_dev_enter(&mm->tile->drm, &idx))
		return -EIO;

	dma_resv_wait_timeout(tbo->base.resv, DMA_RESV_USAGE_KERNEL, false, MAX_SCHEDULE_TIMEOUT);
	while (done < len) {
		int step = min_t(int, len - done, PAGE_SIZE - offset_in_page(offset));
		void __iomem *io = mm->hbm_io + dojo_hbm_offset(tbo, offset);

		if (write)
			memcpy_toio(io, buf + done, step);
		else
			memcpy_fromio(buf + done, io, step);
		done += step;
		offset += step;
	}
	drm_dev_exit(idx);
	return len;
}

static struct ttm_device_funcs dojo_ttm_funcs = {
	.ttm_tt_create = dojo_tt_create,
	.ttm_tt_populate = dojo_tt_populate,
	.ttm_tt_unpopulate = dojo_tt_unpopulate,
	.ttm_tt_destroy = dojo_tt_destroy,
	.eviction_valuable = dojo_eviction_valuable,
	.evict_flags = dojo_evict_flags,
	.move = dojo_bo_move,
	.io_mem_reserve = dojo_io_mem_reserve,
	.io_mem_pfn = dojo_io_mem_pfn,
	.access_memory = dojo_access_memory,
};

/**
 * dojo_ttm_init() - make a tile's regions
 * @mm: memory management of the tile
 *
 * Return: 0 or an error.
 */
int dojo_ttm_init(struct dojo_mm *mm)
{
	struct dojo_tile *tile = mm->tile;
	int ret;

	ret = dojo_ttm_device_init(&mm->ttm, &dojo_ttm_funcs, dojo_dma_dev(tile),
				   tile->drm.anon_inode->i_mapping,
				   tile->drm.vma_offset_manager);
	if (ret)
		return ret;

	mm->system.use_tt = true;
	mm->system.func = &dojo_system_func;
	ttm_resource_manager_init(&mm->system, &mm->ttm, (u64)ttm_tt_pages_limit() << PAGE_SHIFT);
	ttm_set_driver_manager(&mm->ttm, DOJO_PL_SYSTEM, &mm->system);
	ttm_resource_manager_set_used(&mm->system, true);

	ret = dojo_region_init(mm, &mm->hbm, DOJO_PL_HBM, DOJO_TARGET_HBM, tile->hbm_size);
	if (!ret)
		ret = dojo_region_init(mm, &mm->sram, DOJO_PL_SRAM, DOJO_TARGET_SRAM,
				       tile->sram_size);
	if (ret)
		dojo_ttm_fini(mm);
	return ret;
}

/**
 * dojo_ttm_account_regions() - charge HBM and SRAM to control groups, on kernels that can
 * @mm: memory management of the tile
 *
 * The DRM core undoes it. Regions are called drm/dojo.tile.N/hbm and /sram.
 *
 * Return: 0 or an error.
 */
int dojo_ttm_account_regions(struct dojo_mm *mm)
{
	int ret = 0;

	if (mm->hbm.man.func)
		ret = dojo_ttm_account(&mm->tile->drm, &mm->hbm.man, "hbm");
	if (!ret && mm->sram.man.func)
		ret = dojo_ttm_account(&mm->tile->drm, &mm->sram.man, "sram");
	return ret;
}

/**
 * dojo_ttm_fini() - undo dojo_ttm_init()
 * @mm: memory management of the tile; its last buffer is gone
 */
void dojo_ttm_fini(struct dojo_mm *mm)
{
	dojo_region_fini(mm, &mm->sram, DOJO_PL_SRAM);
	dojo_region_fini(mm, &mm->hbm, DOJO_PL_HBM);

	ttm_resource_manager_evict_all(&mm->ttm, &mm->system);
	ttm_resource_manager_set_used(&mm->system, false);
	ttm_resource_manager_cleanup(&mm->system);
	ttm_set_driver_manager(&mm->ttm, DOJO_PL_SYSTEM, NULL);
	ttm_device_fini(&mm->ttm);
}
