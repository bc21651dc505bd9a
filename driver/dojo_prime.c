// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers that are shared by dma-buf.
 *
 * Between tiles of a card nothing is mapped by the DMA API: the importing tile's
 * page table names the exporter's memory, through a peer window while that is
 * HBM or SRAM. The two share the reservation, so whoever wants to move the buffer
 * waits for the jobs of both; an attachment is there only to be told of moves.
 *
 * With other devices a buffer is shared in system memory.
 */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/iosys-map.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>
#include <drm/drm_gem.h>
#include <drm/drm_gpuvm.h>
#include <drm/drm_prime.h>
#include <drm/ttm/ttm_bo.h>

#include "dojo_bo.h"
#include "dojo_ttm.h"

DOJO_IMPORT_NS_DMA_BUF;

/**
 * struct dojo_import - a buffer from elsewhere
 * @base: shares the exporter's reservation, which guards the rest
 * @peer: the exporter's buffer, if that is a tile of the same card
 * @layout: where it is, as the page table is to show it; NULL: not known
 * @source: PEER: the exporter's layout, that @layout was made from
 * @sgt: mapped for DMA, if it comes from another device
 * @release: waits for the tile, and gives everything back
 */
struct dojo_import {
	struct drm_gem_object base;
	struct dojo_bo *peer;
	struct dojo_layout *layout;
	struct dojo_layout *source;
	struct sg_table *sgt;
	struct work_struct release;
};

static struct dojo_import *to_dojo_import(struct drm_gem_object *obj)
{
	return container_of(obj, struct dojo_import, base);
}

/* ---- peer windows */

static void dojo_prime_write_grants(struct dojo_mm *mm)
{
	struct dojo_tile *tile = mm->tile;
	u32 grants = 0;
	int idx;

	for (unsigned int i = 0; i < DOJO_MAX_TILES; i++)
		grants |= mm->grants[i] ? BIT(i) : 0;
	if (!drm_dev_enter(&tile->drm, &idx))
		return;
	dojo_tile_write(tile, DOJO_TILE_PEER_GRANT, grants);
	drm_dev_exit(idx);
}

/* Open, or close, the window to the exporter's tile for the importer's. */
static void dojo_prime_grant(struct dojo_bo *bo, struct dojo_tile *importer, int change)
{
	struct dojo_mm *mm = to_dojo_mm(bo->ttm.bdev);

	mutex_lock(&mm->grant_lock);
	mm->grants[importer->index] += change;
	dojo_prime_write_grants(mm);
	mutex_unlock(&mm->grant_lock);
}

/**
 * dojo_prime_restore() - open peer windows again that a reset has closed
 * @mm: memory management of the tile that was reset
 */
void dojo_prime_restore(struct dojo_mm *mm)
{
	mutex_lock(&mm->grant_lock);
	dojo_prime_write_grants(mm);
	mutex_unlock(&mm->grant_lock);
}

/* ---- export */

static bool dojo_dma_buf_is_peer(struct dojo_bo *bo, struct device *dev)
{
	return dev == dojo_dma_dev(to_dojo_mm(bo->ttm.bdev)->tile);
}

static int dojo_dma_buf_attach(struct dma_buf *dma_buf, struct dma_buf_attachment *attach)
{
	struct dojo_bo *bo = gem_to_dojo_bo(dma_buf->priv);

	/* SRAM is not for others to see. */
	if (bo->domains == DRM_DOJO_DOMAIN_SRAM && !dojo_dma_buf_is_peer(bo, attach->dev))
		return -EOPNOTSUPP;
	return 0;
}

static int dojo_bo_pin(struct dojo_bo *bo)
{
	int ret = 0;

	if (!bo->ttm.pin_count)
		ret = dojo_bo_to_system(bo);
	if (!ret)
		ttm_bo_pin(&bo->ttm);
	return ret;
}

static void dojo_bo_unpin(struct dojo_bo *bo)
{
	struct drm_gpuvm_bo *vm_bo;

	ttm_bo_unpin(&bo->ttm);
	/* It may go back to HBM. */
	if (!bo->ttm.pin_count) {
		drm_gem_for_each_gpuvm_bo(vm_bo, &bo->ttm.base)
			drm_gpuvm_bo_evict(vm_bo, true);
	}
}

static int dojo_dma_buf_pin(struct dma_buf_attachment *attach)
{
	return dojo_bo_pin(gem_to_dojo_bo(attach->dmabuf->priv));
}

static void dojo_dma_buf_unpin(struct dma_buf_attachment *attach)
{
	dojo_bo_unpin(gem_to_dojo_bo(attach->dmabuf->priv));
}

static struct sg_table *dojo_dma_buf_map(struct dma_buf_attachment *attach,
					 enum dma_data_direction dir)
{
	struct drm_gem_object *obj = attach->dmabuf->priv;
	struct dojo_bo *bo = gem_to_dojo_bo(obj);
	unsigned int segment;
	struct sg_table *sgt;
	int ret;

	if (drm_dev_is_unplugged(obj->dev))
		return ERR_PTR(-ENODEV);
	if (!bo->ttm.pin_count) {
		ret = dojo_bo_to_system(bo);
		if (ret)
			return ERR_PTR(ret);
	}

	sgt = kzalloc(sizeof(*sgt), GFP_KERNEL);
	if (!sgt)
		return ERR_PTR(-ENOMEM);
	/* the importer's limits, where drm_prime_pages_to_sg() asks for ours */
	segment = min_t(size_t, dma_get_max_seg_size(attach->dev),
			dma_max_mapping_size(attach->dev));
	ret = sg_alloc_table_from_pages_segment(sgt, bo->ttm.ttm->pages, obj->size >> PAGE_SHIFT,
						0, obj->size, segment, GFP_KERNEL);
	if (ret)
		goto err_free;
	ret = dma_map_sgtable(attach->dev, sgt, dir, DMA_ATTR_SKIP_CPU_SYNC);
	if (ret)
		goto err_table;
	return sgt;

err_table:
	sg_free_table(sgt);
err_free:
	kfree(sgt);
	return ERR_PTR(ret);
}

static void dojo_dma_buf_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
			       enum dma_data_direction dir)
{
	dma_unmap_sgtable(attach->dev, sgt, dir, DMA_ATTR_SKIP_CPU_SYNC);
	sg_free_table(sgt);
	kfree(sgt);
}

static void dojo_dma_buf_release(struct dma_buf *dma_buf)
{
	struct drm_gem_object *obj = dma_buf->priv;

	dma_resv_lock(obj->resv, NULL);
	gem_to_dojo_bo(obj)->dma_buf = NULL;
	dma_resv_unlock(obj->resv);
	drm_gem_dmabuf_release(dma_buf);
}

static const struct dma_buf_ops dojo_dma_buf_ops = {
	.attach = dojo_dma_buf_attach,
	.pin = dojo_dma_buf_pin,
	.unpin = dojo_dma_buf_unpin,
	.map_dma_buf = dojo_dma_buf_map,
	.unmap_dma_buf = dojo_dma_buf_unmap,
	.release = dojo_dma_buf_release,
	.mmap = drm_gem_dmabuf_mmap,
	.vmap = drm_gem_dmabuf_vmap,
	.vunmap = drm_gem_dmabuf_vunmap,
};

/* drm_gem_object_funcs.export: private buffers stay in their address space */
struct dma_buf *dojo_bo_export(struct drm_gem_object *obj, int flags)
{
	struct dojo_bo *bo = gem_to_dojo_bo(obj);
	struct dma_buf *dma_buf;

	if (DOJO_REJECT(obj->dev, bo->vm_resv))
		return ERR_PTR(-EPERM);

	dma_buf = drm_gem_prime_export(obj, flags);
	if (IS_ERR(dma_buf))
		return dma_buf;
	dma_buf->ops = &dojo_dma_buf_ops;
	/* GEM's own pointer goes with the last handle, importers may stay. */
	dma_resv_lock(obj->resv, NULL);
	bo->dma_buf = dma_buf;
	dma_resv_unlock(obj->resv);
	return dma_buf;
}

/* drm_gem_object_funcs.vmap: for other drivers of the kernel */
int dojo_bo_vmap(struct drm_gem_object *obj, struct iosys_map *map)
{
	struct dojo_bo *bo = gem_to_dojo_bo(obj);
	int ret;

	ret = dojo_bo_pin(bo);
	if (ret)
		return ret;
	/* A clear or move may be under way, and callers do not wait for it. */
	dma_resv_wait_timeout(obj->resv, DMA_RESV_USAGE_KERNEL, false, MAX_SCHEDULE_TIMEOUT);
	ret = ttm_bo_vmap(&bo->ttm, map);
	if (ret)
		dojo_bo_unpin(bo);
	return ret;
}

/* drm_gem_object_funcs.vunmap */
void dojo_bo_vunmap(struct drm_gem_object *obj, struct iosys_map *map)
{
	struct dojo_bo *bo = gem_to_dojo_bo(obj);

	ttm_bo_vunmap(&bo->ttm, map);
	dojo_bo_unpin(bo);
}

/* ---- import */

/* The buffer is about to move, or has lost its memory. */
static void dojo_import_moved(struct dma_buf_attachment *attach)
{
	struct dojo_import *import = attach->importer_priv;
	struct drm_gpuvm_bo *vm_bo;

	drm_gem_for_each_gpuvm_bo(vm_bo, &import->base)
		drm_gpuvm_bo_evict(vm_bo, true);
	/* A mapping for DMA stays until the tile's jobs are done: dojo_import_validate() */
	dojo_layout_put(import->layout);
	import->layout = NULL;
}

static const struct dma_buf_attach_ops dojo_import_attach_ops = {
	DOJO_DMA_BUF_MOVED = dojo_import_moved,
};

static void dojo_import_release_work(struct work_struct *work)
{
	struct dojo_import *import = container_of(work, struct dojo_import, release);
	struct drm_gem_object *obj = &import->base;
	struct drm_device *drm = obj->dev;

	dma_resv_wait_timeout(obj->resv, DMA_RESV_USAGE_BOOKKEEP, false, MAX_SCHEDULE_TIMEOUT);
	if (import->peer)
		dojo_prime_grant(import->peer, to_dojo_tile(drm), -1);
	dojo_layout_put(import->layout);
	dojo_layout_put(import->source);
	/* The reservation goes with the dma-buf. */
	obj->resv = &obj->_resv;
	drm_prime_gem_destroy(obj, import->sgt);
	drm_gem_object_release(obj);
	kfree(import);
	drm_dev_put(drm);
}

static void dojo_import_free(struct drm_gem_object *obj)
{
	struct dojo_import *import = to_dojo_import(obj);

	drm_dev_get(obj->dev);
	queue_work(dojo_wq, &import->release);
}

static const struct drm_gem_object_funcs dojo_import_funcs = {
	.free = dojo_import_free,
};

static struct dojo_import *dojo_import_create(struct dojo_tile *tile, struct dma_buf *dma_buf)
{
	struct dma_buf_attachment *attach;
	struct dojo_import *import;

	import = kzalloc(sizeof(*import), GFP_KERNEL);
	if (!import)
		return ERR_PTR(-ENOMEM);
	INIT_WORK(&import->release, dojo_import_release_work);
	drm_gem_private_object_init(&tile->drm, &import->base, dma_buf->size);
	import->base.funcs = &dojo_import_funcs;
	import->base.resv = dma_buf->resv;

	attach = dma_buf_dynamic_attach(dma_buf, dojo_dma_dev(tile), &dojo_import_attach_ops,
					import);
	if (IS_ERR(attach)) {
		import->base.resv = &import->base._resv;
		drm_gem_object_release(&import->base);
		kfree(import);
		return ERR_CAST(attach);
	}
	get_dma_buf(dma_buf);
	import->base.import_attach = attach;
	return import;
}

/**
 * dojo_gem_prime_import() - drm_driver.gem_prime_import
 * @drm: DRM device
 * @dma_buf: buffer
 *
 * Return: an object that stands for it, or an ERR_PTR.
 */
struct drm_gem_object *dojo_gem_prime_import(struct drm_device *drm, struct dma_buf *dma_buf)
{
	struct dojo_tile *tile = to_dojo_tile(drm);
	struct drm_gem_object *obj = NULL;
	struct dojo_import *import;

	if (dma_buf->ops == &dojo_dma_buf_ops) {
		obj = dma_buf->priv;
		if (obj->dev == drm) {
			drm_gem_object_get(obj);
			return obj;
		}
		if (to_dojo_tile(obj->dev)->card != tile->card)
			obj = NULL;
	}
	if (DOJO_REJECT(drm, !PAGE_ALIGNED(dma_buf->size)))
		return ERR_PTR(-EINVAL);

	import = dojo_import_create(tile, dma_buf);
	if (IS_ERR(import))
		return ERR_CAST(import);
	if (obj) {
		import->peer = gem_to_dojo_bo(obj);
		dojo_prime_grant(import->peer, tile, 1);
	}
	return &import->base;
}

/* A peer's memory as this tile's page table names it */
static u64 dojo_import_peer_pte(u64 pte, u64 tile)
{
	u64 target = pte & DOJO_PTE_TARGET_MASK;

	if (target != DOJO_PTE_TARGET(DOJO_TARGET_HBM) &&
	    target != DOJO_PTE_TARGET(DOJO_TARGET_SRAM))
		return pte;
	return DOJO_PTE_TARGET(DOJO_TARGET_PEER) | tile << DOJO_PTE_PEER_SHIFT |
	       (target == DOJO_PTE_TARGET(DOJO_TARGET_SRAM) ? DOJO_PTE_PEER_SRAM : 0) |
	       (pte & DOJO_PTE_ADDR_MASK);
}

static int dojo_import_make_peer(struct dojo_import *import, struct dojo_layout *source)
{
	u64 tile = to_dojo_mm(import->peer->ttm.bdev)->tile->index;
	struct dojo_layout *layout;

	layout = dojo_layout_alloc(source->count);
	if (!layout)
		return -ENOMEM;
	for (u32 i = 0; i < source->count; i++)
		dojo_layout_append(layout, dojo_import_peer_pte(source->run[i].pte, tile),
				   dojo_layout_end(source, i) - source->run[i].offset);
	dojo_layout_put(import->layout);
	import->layout = layout;
	dojo_layout_put(import->source);
	import->source = dojo_layout_get(source);
	return 0;
}

static bool dojo_import_has_window(const struct dojo_import *import)
{
	return to_dojo_tile(import->base.dev)->card->caps & DOJO_CAP_PEER;
}

static int dojo_import_validate_peer(struct dojo_import *import)
{
	struct dojo_bo *peer = import->peer;
	struct dojo_layout *source;
	bool full = false;
	int ret;

	if (dojo_import_absent(&import->base))
		return 0;
	ret = dojo_import_has_window(import) || peer->ttm.pin_count ?
	      dojo_bo_validate(peer, &full) : dojo_bo_to_system(peer);
	if (ret)
		return ret;

	source = dojo_bo_layout(peer);
	if (!source)
		return -ENOMEM;
	if (!import->layout || import->source != source)
		ret = dojo_import_make_peer(import, source);
	dojo_layout_put(source);
	return ret;
}

static struct dojo_layout *dojo_import_sgt_layout(const struct sg_table *sgt, u64 size)
{
	struct dojo_layout *layout;
	struct scatterlist *sg;
	int i;

	layout = dojo_layout_alloc(sgt->nents);
	if (!layout)
		return ERR_PTR(-ENOMEM);
	for_each_sgtable_dma_sg(sgt, sg, i) {
		u64 addr = sg_dma_address(sg), len = sg_dma_len(sg);

		if (!PAGE_ALIGNED(addr | len) || addr & ~DOJO_PTE_ADDR_MASK)
			break;
		dojo_layout_append(layout, DOJO_PTE_TARGET(DOJO_TARGET_SYSTEM) | addr,
				   min(len, size - layout->size));
		if (layout->size == size)
			return layout;
	}
	dojo_layout_put(layout);
	return ERR_PTR(-EINVAL);
}

static int dojo_import_validate_foreign(struct dojo_import *import)
{
	struct drm_gem_object *obj = &import->base;
	struct dma_buf_attachment *attach = obj->import_attach;
	struct dojo_layout *layout;
	struct sg_table *sgt;
	long ret;

	if (import->layout)
		return 0;
	if (import->sgt) {
		/* The buffer has moved: let go of where it was, when our jobs have. */
		ret = dma_resv_wait_timeout(obj->resv, DMA_RESV_USAGE_BOOKKEEP, true,
					    MAX_SCHEDULE_TIMEOUT);
		if (ret < 0)
			return ret;
		dma_buf_unmap_attachment(attach, import->sgt, DMA_BIDIRECTIONAL);
		import->sgt = NULL;
	}

	sgt = dma_buf_map_attachment(attach, DMA_BIDIRECTIONAL);
	if (IS_ERR(sgt))
		return PTR_ERR(sgt);
	layout = dojo_import_sgt_layout(sgt, obj->size);
	if (IS_ERR(layout)) {
		dma_buf_unmap_attachment(attach, sgt, DMA_BIDIRECTIONAL);
		return PTR_ERR(layout);
	}
	import->sgt = sgt;
	import->layout = layout;
	return 0;
}

/**
 * dojo_import_validate() - learn where an imported buffer is
 * @obj: import, reserved
 *
 * Return: 0 or an error.
 */
int dojo_import_validate(struct drm_gem_object *obj)
{
	struct dojo_import *import = to_dojo_import(obj);

	return import->peer ? dojo_import_validate_peer(import) :
			      dojo_import_validate_foreign(import);
}

/**
 * dojo_import_layout() - where an imported buffer is, if that is known
 * @obj: import, reserved
 *
 * Return: its layout, referenced; NULL: dojo_import_validate() it first.
 */
struct dojo_layout *dojo_import_layout(struct drm_gem_object *obj)
{
	return dojo_layout_get(to_dojo_import(obj)->layout);
}

/**
 * dojo_import_absent() - is there no memory behind an imported buffer
 * @obj: import, reserved
 *
 * Return: true if its exporter has gone, or has had it purged.
 */
bool dojo_import_absent(struct drm_gem_object *obj)
{
	struct dojo_bo *peer = to_dojo_import(obj)->peer;

	return peer && (dojo_bo_absent(peer) || drm_dev_is_unplugged(peer->ttm.base.dev));
}

/**
 * dojo_import_query() - for DRM_IOCTL_DOJO_BO_QUERY
 * @obj: import, reserved
 * @args: out: domains and placement
 */
void dojo_import_query(struct drm_gem_object *obj, struct drm_dojo_bo_query *args)
{
	struct dojo_bo *peer = to_dojo_import(obj)->peer;

	args->flags = 0;
	args->domains = peer ? peer->domains : DRM_DOJO_DOMAIN_SYSTEM;
	args->placement = peer ? dojo_bo_placement(peer) : DRM_DOJO_DOMAIN_SYSTEM;
}
