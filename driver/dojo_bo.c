// SPDX-License-Identifier: GPL-2.0-only
/* Buffers. */
#include <linux/dma-buf.h>
#include <linux/dma-fence.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>
#include <drm/drm_gem.h>
#include <drm/drm_gpuvm.h>
#include <drm/drm_vma_manager.h>

#include "dojo_bind.h"
#include "dojo_bo.h"
#include "dojo_device.h"
#include "dojo_ttm.h"
#include "dojo_vm.h"

#define DOJO_DOMAINS	(DRM_DOJO_DOMAIN_HBM | DRM_DOJO_DOMAIN_SRAM | DRM_DOJO_DOMAIN_SYSTEM)
#define DOJO_BO_FLAGS	(DRM_DOJO_BO_CPU_ACCESS | DRM_DOJO_BO_CONTIGUOUS | DRM_DOJO_BO_NO_ZERO)

/* In the order in which they are tried */
static const struct dojo_domain {
	u32 domain;
	u32 type;
} dojo_domains[] = {
	{ DRM_DOJO_DOMAIN_HBM, DOJO_PL_HBM },
	{ DRM_DOJO_DOMAIN_SRAM, DOJO_PL_SRAM },
	{ DRM_DOJO_DOMAIN_SYSTEM, DOJO_PL_SYSTEM },
};

/**
 * struct dojo_placement - where TTM may put a buffer
 * @ttm: for TTM
 * @place: in order
 */
struct dojo_placement {
	struct ttm_placement ttm;
	struct ttm_place place[ARRAY_SIZE(dojo_domains) + 1];
};

static struct dojo_mm *dojo_bo_mm(const struct dojo_bo *bo)
{
	return to_dojo_mm(bo->ttm.bdev);
}

static void dojo_place(struct dojo_placement *placement, u32 type, u32 flags)
{
	placement->place[placement->ttm.num_placement++] = (struct ttm_place){
		.mem_type = type,
		.flags = flags,
	};
}

static u64 dojo_domain_size(struct dojo_mm *mm, u32 domain)
{
	switch (domain) {
	case DRM_DOJO_DOMAIN_HBM:
		return mm->hbm.man.size;
	case DRM_DOJO_DOMAIN_SRAM:
		return mm->sram.man.size;
	default:
		return (u64)ttm_tt_pages_limit() << PAGE_SHIFT;
	}
}

/* Where the buffer's maker wants it; @flags: for its places in HBM and SRAM */
static void dojo_bo_places(struct dojo_mm *mm, const struct dojo_bo *bo,
			   struct dojo_placement *placement, u32 flags)
{
	u32 domains = bo->domains;

	placement->ttm.num_placement = 0;
	placement->ttm.placement = placement->place;
	if (bo->flags & DRM_DOJO_BO_CPU_ACCESS)
		domains &= ~DRM_DOJO_DOMAIN_SRAM;
	if (bo->flags & DRM_DOJO_BO_CONTIGUOUS)
		flags |= TTM_PL_FLAG_CONTIGUOUS;

	for (unsigned int pass = 0; pass < 2; pass++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(dojo_domains); i++) {
			const struct dojo_domain *d = &dojo_domains[i];
			bool preferred = d->domain == bo->preferred;

			if (!(domains & d->domain) || pass == preferred ||
			    bo->ttm.base.size > dojo_domain_size(mm, d->domain))
				continue;
			dojo_place(placement, d->type, d->type == DOJO_PL_SYSTEM ? 0 : flags);
		}
	}
}

/* What was purgeable may have lost its memory. */
static bool dojo_bo_purged(const struct dojo_bo *bo)
{
	return !bo->ttm.resource;
}

/* Purged, and nobody has said yet that it is needed again */
bool dojo_bo_absent(const struct dojo_bo *bo)
{
	return dojo_bo_purged(bo) && bo->advice == DRM_DOJO_ADVICE_PURGEABLE;
}

/**
 * dojo_bo_mark_evicted() - have every address space look at a buffer again
 * @bo: buffer, reserved
 *
 * What is mapped stays mapped until an address space is used next: no job that
 * can reach the old memory is left when that is given to somebody else.
 */
void dojo_bo_mark_evicted(struct dojo_bo *bo)
{
	struct drm_gpuvm_bo *vm_bo;

	drm_gem_for_each_gpuvm_bo(vm_bo, &bo->ttm.base)
		drm_gpuvm_bo_evict(vm_bo, true);
	if (bo->dma_buf)
		dma_buf_invalidate_mappings(bo->dma_buf);
}

static void dojo_bo_list_purgeable(struct dojo_mm *mm, struct dojo_bo *bo, bool yes)
{
	unsigned long pages = bo->ttm.base.size >> PAGE_SHIFT;

	spin_lock(&mm->bo_lock);
	if (yes && list_empty(&bo->purgeable)) {
		list_add_tail(&bo->purgeable, &mm->purgeable);
		WRITE_ONCE(mm->purgeables, mm->purgeables + 1);
		WRITE_ONCE(mm->purgeable_pages, mm->purgeable_pages + pages);
	} else if (!yes && !list_empty(&bo->purgeable)) {
		list_del_init(&bo->purgeable);
		WRITE_ONCE(mm->purgeables, mm->purgeables - 1);
		WRITE_ONCE(mm->purgeable_pages, mm->purgeable_pages - pages);
	}
	spin_unlock(&mm->bo_lock);
}

/**
 * dojo_bo_note_purgeable() - keep up to date what the shrinker can take
 * @bo: buffer, reserved; its place or its maker's advice has changed
 */
void dojo_bo_note_purgeable(struct dojo_bo *bo)
{
	const struct ttm_resource *res = bo->ttm.resource;

	dojo_bo_list_purgeable(dojo_bo_mm(bo), bo,
			       bo->advice == DRM_DOJO_ADVICE_PURGEABLE && res &&
			       (res->mem_type == DOJO_PL_SYSTEM || res->mem_type == TTM_PL_SYSTEM));
}

/* Takes away memory of a buffer, which is reserved */
static int dojo_bo_drop(struct dojo_bo *bo)
{
	struct ttm_placement nowhere = {};
	struct ttm_operation_ctx ctx = {};
	int ret;

	ttm_bo_unmap_virtual(&bo->ttm);
	ret = ttm_bo_validate(&bo->ttm, &nowhere, &ctx);
	dojo_bo_note_purgeable(bo);
	return ret;
}

/**
 * dojo_bo_purge() - free the system memory of a purgeable buffer
 * @bo: buffer, reserved
 *
 * Not of one that is in use or has been exported. Neither waits nor allocates.
 *
 * Return: true if it was done.
 */
bool dojo_bo_purge(struct dojo_bo *bo)
{
	struct ttm_buffer_object *tbo = &bo->ttm;

	if (bo->advice != DRM_DOJO_ADVICE_PURGEABLE || bo->dma_buf || tbo->pin_count ||
	    !tbo->ttm || !ttm_tt_is_populated(tbo->ttm) ||
	    !dma_resv_test_signaled(tbo->base.resv, DMA_RESV_USAGE_BOOKKEEP))
		return false;

	dojo_bo_mark_evicted(bo);
	return !dojo_bo_drop(bo);
}

/**
 * dojo_bo_layout() - where a buffer is, if that is where it should be
 * @bo: buffer, reserved
 *
 * Return: its layout, referenced; NULL: dojo_bo_validate() it first.
 */
struct dojo_layout *dojo_bo_layout(struct dojo_bo *bo)
{
	struct ttm_resource *res = bo->ttm.resource;

	if (!res)
		return NULL;
	switch (res->mem_type) {
	case DOJO_PL_HBM:
	case DOJO_PL_SRAM:
		return dojo_layout_get(to_dojo_resource(res)->layout);
	case DOJO_PL_SYSTEM:
		return dojo_layout_get(to_dojo_tt(bo->ttm.ttm)->layout);
	default:
		return NULL;
	}
}

/* Is it in one of its own domains, not just evicted to system memory? */
bool dojo_bo_settled(const struct dojo_bo *bo)
{
	struct ttm_resource *res = bo->ttm.resource;

	return res && res->mem_type != TTM_PL_SYSTEM &&
	       (res->mem_type != DOJO_PL_SYSTEM || bo->domains & DRM_DOJO_DOMAIN_SYSTEM);
}

/*
 * A charge to a control group that TTM refuses does not come to our regions. System
 * memory is not charged.
 */
static bool dojo_bo_nospc_init(struct dojo_mm *mm, const struct dojo_bo *bo)
{
	return bo->domains & ~DRM_DOJO_DOMAIN_SYSTEM && dojo_ttm_charges(&mm->hbm.man);
}

static int dojo_bo_place(struct dojo_bo *bo, struct dojo_placement *placement, bool *nospc)
{
	struct ttm_operation_ctx ctx = {
		.interruptible = true,
		.gfp_retry_mayfail = true,
	};
	int ret;

	*nospc = dojo_bo_nospc_init(dojo_bo_mm(bo), bo);
	bo->nospc = nospc;
	ret = ttm_bo_validate(&bo->ttm, &placement->ttm, &ctx);
	bo->nospc = NULL;
	return ret;
}

/**
 * dojo_bo_validate() - bring a buffer to where the tile can use it
 * @bo: buffer, reserved
 * @full: in and out: this caller holds so much that HBM has no room for more;
 *	then buffers go where there is room rather than look for victims
 *
 * A buffer for HBM goes to system memory if all of HBM is taken by buffers that
 * cannot make room, for instance those of the same address space.
 *
 * Return: 0, -ENOSPC (SRAM only), -ENOMEM, -EINTR or -ERESTARTSYS.
 */
int dojo_bo_validate(struct dojo_bo *bo, bool *full)
{
	struct dojo_placement placement;
	bool nospc;
	int ret;

	if (bo->ttm.pin_count)
		return 0;

	if (!*full || !(bo->domains & DRM_DOJO_DOMAIN_HBM)) {
		dojo_bo_places(dojo_bo_mm(bo), bo, &placement, 0);
		ret = dojo_bo_place(bo, &placement, &nospc);
		if ((ret != -ENOMEM && ret != -ENOSPC) || !nospc)
			return ret;
		if (!(bo->domains & DRM_DOJO_DOMAIN_HBM))
			return -ENOSPC;
		*full = true;
	}

	/* Room that happens to be free is welcome */
	dojo_bo_places(dojo_bo_mm(bo), bo, &placement, TTM_PL_FLAG_DESIRED);
	if (!(bo->domains & DRM_DOJO_DOMAIN_SYSTEM))
		dojo_place(&placement, DOJO_PL_SYSTEM, 0);
	return dojo_bo_place(bo, &placement, &nospc);
}

/**
 * dojo_bo_to_system() - move a buffer to where other devices can reach it
 * @bo: buffer, reserved
 *
 * Return: 0 or an error.
 */
int dojo_bo_to_system(struct dojo_bo *bo)
{
	struct dojo_placement placement = { .ttm.placement = placement.place };
	bool nospc;

	dojo_place(&placement, DOJO_PL_SYSTEM, 0);
	return dojo_bo_place(bo, &placement, &nospc);
}

/* ---- life */

static void dojo_bo_destroy(struct ttm_buffer_object *tbo)
{
	struct dojo_bo *bo = ttm_to_dojo_bo(tbo);
	struct dojo_mm *mm = to_dojo_tile(tbo->base.dev)->mm;
	struct dojo_vm_resv *vm_resv = bo->vm_resv;

	dojo_bo_list_purgeable(mm, bo, false);
	spin_lock(&mm->bo_lock);
	list_del(&bo->link);
	spin_unlock(&mm->bo_lock);
	dma_fence_put(bo->content);
	drm_gem_object_release(&tbo->base);
	kfree(bo);
	if (vm_resv)
		drm_gem_object_put(&vm_resv->base);
}

/* Not what a move left behind */
bool dojo_ttm_is_bo(const struct ttm_buffer_object *tbo)
{
	return tbo->destroy == dojo_bo_destroy;
}

static void dojo_bo_free(struct drm_gem_object *obj)
{
	dojo_ttm_bo_release(&gem_to_dojo_bo(obj)->ttm);
}

static int dojo_bo_set_bulk(struct dojo_bo *bo, struct ttm_lru_bulk_move *bulk)
{
	if (!bo->vm_resv)
		return 0;
	dma_resv_lock(bo->ttm.base.resv, NULL);
	ttm_bo_set_bulk_move(&bo->ttm, bulk);
	dma_resv_unlock(bo->ttm.base.resv);
	return 0;
}

static int dojo_bo_open(struct drm_gem_object *obj, struct drm_file *file)
{
	struct dojo_bo *bo = gem_to_dojo_bo(obj);

	return dojo_bo_set_bulk(bo, bo->vm_resv ? &bo->vm_resv->bulk : NULL);
}

static void dojo_bo_close(struct drm_gem_object *obj, struct drm_file *file)
{
	dojo_bo_set_bulk(gem_to_dojo_bo(obj), NULL);
}

static vm_fault_t dojo_bo_fault_reserved(struct vm_fault *vmf, struct dojo_bo *bo)
{
	bool full = false;
	int ret;

	if (!bo->ttm.resource) {
		ret = dojo_bo_validate(bo, &full);
		if (ret == -EINTR || ret == -ERESTARTSYS)
			return VM_FAULT_NOPAGE;
		if (ret)
			return ret == -ENOMEM ? VM_FAULT_OOM : VM_FAULT_SIGBUS;
	}

	/* Never show memory that was not cleared, or contents that did not arrive. */
	if (bo->content && dma_fence_is_signaled(bo->content)) {
		if (bo->content->error)
			return VM_FAULT_SIGBUS;
		dma_fence_put(bo->content);
		bo->content = NULL;
	}
	return ttm_bo_vm_fault_reserved(vmf, vmf->vma->vm_page_prot, TTM_BO_VM_NUM_PREFAULT);
}

static vm_fault_t dojo_bo_fault(struct vm_fault *vmf)
{
	struct ttm_buffer_object *tbo = vmf->vma->vm_private_data;
	struct dojo_mm *mm = to_dojo_mm(tbo->bdev);
	vm_fault_t ret;
	bool wedged;
	int idx;

	ret = ttm_bo_vm_reserve(tbo, vmf);
	if (ret)
		return ret;

	wedged = READ_ONCE(mm->wedged);
	if (!wedged && drm_dev_enter(tbo->base.dev, &idx)) {
		ret = dojo_bo_fault_reserved(vmf, ttm_to_dojo_bo(tbo));
		drm_dev_exit(idx);
	} else {
		ret = ttm_bo_vm_dummy_page(vmf, vmf->vma->vm_page_prot);
	}
	smp_mb();	/* dojo_mm_set_wedged() takes away what it finds after saying so */
	if (ret == VM_FAULT_NOPAGE && READ_ONCE(mm->wedged) != wedged)
		ttm_bo_unmap_virtual(tbo);
	if (ret == VM_FAULT_RETRY && !(vmf->flags & FAULT_FLAG_RETRY_NOWAIT))
		return ret;

	dma_resv_unlock(tbo->base.resv);
	return ret;
}

/* TTM's own take references of TTM's kind on 6.12 and of GEM's on 7.3: use GEM's. */
static const struct vm_operations_struct dojo_bo_vm_ops = {
	.fault = dojo_bo_fault,
	.open = drm_gem_vm_open,
	.close = drm_gem_vm_close,
	.access = ttm_bo_vm_access,
};

static_assert(offsetof(struct ttm_buffer_object, base) == 0);

static int dojo_bo_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma)
{
	struct dojo_bo *bo = gem_to_dojo_bo(obj);

	if (DOJO_REJECT(obj->dev, !(bo->flags & DRM_DOJO_BO_CPU_ACCESS)))
		return -EPERM;
	/* A private copy of device memory would not follow it when it moves. */
	if (DOJO_REJECT(obj->dev, (vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE))
		return -EINVAL;

	vma->vm_ops = &dojo_bo_vm_ops;
	vma->vm_private_data = &bo->ttm;
	vm_flags_set(vma, VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP);
	return 0;
}

const struct drm_gem_object_funcs dojo_bo_funcs = {
	.free = dojo_bo_free,
	.open = dojo_bo_open,
	.close = dojo_bo_close,
	.mmap = dojo_bo_mmap,
	.vm_ops = &dojo_bo_vm_ops,
	.export = dojo_bo_export,
	.vmap = dojo_bo_vmap,
	.vunmap = dojo_bo_vunmap,
};

/**
 * dojo_gem_mmap() - map a buffer, or a part of it
 * @filp: the node's file
 * @vma: what to map
 *
 * drm_gem_mmap() takes mappings from a buffer's start only.
 *
 * Return: 0 or an error.
 */
int dojo_gem_mmap(struct file *filp, struct vm_area_struct *vma)
{
	struct drm_file *file = filp->private_data;
	struct drm_device *drm = file->minor->dev;
	struct drm_vma_offset_manager *manager = drm->vma_offset_manager;
	struct drm_gem_object *obj = NULL;
	struct drm_vma_offset_node *node;
	int ret = -EACCES;

	if (drm_dev_is_unplugged(drm))
		return -ENODEV;

	drm_vma_offset_lock_lookup(manager);
	node = drm_vma_offset_lookup_locked(manager, vma->vm_pgoff, vma_pages(vma));
	if (node) {
		obj = container_of(node, struct drm_gem_object, vma_node);
		/* One that is being freed waits for the lock we hold. */
		if (!kref_get_unless_zero(&obj->refcount))
			obj = NULL;
	}
	drm_vma_offset_unlock_lookup(manager);
	if (DOJO_REJECT(drm, !obj))
		return -EINVAL;

	if (!DOJO_REJECT(drm, !drm_vma_node_is_allowed(node, file)))
		ret = drm_gem_mmap_obj(obj, obj->size, vma);
	drm_gem_object_put(obj);
	return ret;
}

/* ---- ioctls */

static struct dojo_bo *dojo_bo_alloc(struct dojo_mm *mm, struct drm_dojo_bo_create *args,
				     struct dojo_vm *vm)
{
	struct dojo_bo *bo = kzalloc(sizeof(*bo), GFP_KERNEL);

	if (!bo)
		return NULL;
	bo->domains = args->domains;
	bo->preferred = args->preferred;
	bo->flags = args->flags;
	INIT_LIST_HEAD(&bo->purgeable);
	drm_gem_private_object_init(&mm->tile->drm, &bo->ttm.base, args->size);
	bo->ttm.base.funcs = &dojo_bo_funcs;
	if (vm) {
		bo->vm_resv = dojo_vm_resv(vm);
		drm_gem_object_get(&bo->vm_resv->base);
	}
	spin_lock(&mm->bo_lock);
	list_add_tail(&bo->link, &mm->bos);
	spin_unlock(&mm->bo_lock);
	return bo;
}

/* The next buffer after @bo, whose reference is dropped, or the first */
static struct dojo_bo *dojo_bo_next(struct dojo_mm *mm, struct dojo_bo *bo)
{
	struct dojo_bo *next = bo;

	spin_lock(&mm->bo_lock);
	next = list_prepare_entry(next, &mm->bos, link);
	list_for_each_entry_continue(next, &mm->bos, link) {
		/* Others are not made completely yet, or being freed. */
		if (next->ready && kref_get_unless_zero(&next->ttm.base.refcount))
			break;
	}
	if (list_entry_is_head(next, &mm->bos, link))
		next = NULL;
	spin_unlock(&mm->bo_lock);

	if (bo)
		drm_gem_object_put(&bo->ttm.base);
	return next;
}

/**
 * dojo_bo_forget_all() - free the memory of all buffers
 * @mm: memory management of a tile that is unplugged
 *
 * But for what other devices have pinned.
 */
void dojo_bo_forget_all(struct dojo_mm *mm)
{
	struct dojo_bo *bo = NULL;

	while ((bo = dojo_bo_next(mm, bo))) {
		dma_resv_lock(bo->ttm.base.resv, NULL);
		dojo_bo_mark_evicted(bo);
		dma_resv_wait_timeout(bo->ttm.base.resv, DMA_RESV_USAGE_BOOKKEEP, false,
				      MAX_SCHEDULE_TIMEOUT);
		if (!bo->ttm.pin_count)
			dojo_bo_drop(bo);
		dma_resv_unlock(bo->ttm.base.resv);
	}
	/* And what moves have left behind */
	flush_workqueue(mm->ttm.wq);
}

/*
 * Gives the buffer its first memory. On an error the buffer is gone.
 */
static int dojo_bo_init(struct dojo_mm *mm, struct dojo_bo *bo, bool fallback, bool *nospc)
{
	struct dma_resv *resv = bo->vm_resv ? bo->vm_resv->base.resv : NULL;
	struct ttm_operation_ctx ctx = {
		.interruptible = true,
		.gfp_retry_mayfail = true,
		.resv = resv,
		.allow_res_evict = !!resv,
	};
	struct dojo_placement placement;
	int ret;

	if (resv) {
		ret = dma_resv_lock_interruptible(resv, NULL);
		if (ret) {
			dojo_bo_destroy(&bo->ttm);
			return ret;
		}
	}

	dojo_bo_places(mm, bo, &placement, fallback ? TTM_PL_FLAG_DESIRED : 0);
	if (fallback)
		dojo_place(&placement, DOJO_PL_SYSTEM, 0);
	*nospc = dojo_bo_nospc_init(mm, bo);
	bo->nospc = nospc;
	ret = ttm_bo_init_reserved(&mm->ttm, &bo->ttm, ttm_bo_type_device, &placement.ttm, 1,
				   &ctx, NULL, resv, dojo_bo_destroy);
	if (ret) {
		if (resv)
			dma_resv_unlock(resv);
		return ret;
	}
	bo->nospc = NULL;
	bo->ready = true;
	dma_resv_unlock(bo->ttm.base.resv);
	return 0;
}

/*
 * If HBM is full of what cannot be evicted just now, the buffer begins as one
 * that has been evicted itself.
 */
static struct dojo_bo *dojo_bo_create(struct dojo_mm *mm, struct drm_dojo_bo_create *args,
				      struct dojo_vm *vm)
{
	bool fallback = false;

	for (;;) {
		struct dojo_bo *bo = dojo_bo_alloc(mm, args, vm);
		bool nospc;
		int ret;

		if (!bo)
			return ERR_PTR(-ENOMEM);
		ret = dojo_bo_init(mm, bo, fallback, &nospc);
		if (!ret)
			return bo;
		if ((ret != -ENOMEM && ret != -ENOSPC) || !nospc || fallback)
			return ERR_PTR(ret);
		if (!(args->domains & DRM_DOJO_DOMAIN_HBM))
			return ERR_PTR(-ENOSPC);
		fallback = true;
	}
}

static int dojo_bo_check(struct dojo_mm *mm, struct drm_dojo_bo_create *args)
{
	struct drm_device *drm = &mm->tile->drm;
	u64 largest = 0;

	if (DOJO_REJECT(drm, args->pad))
		return -EINVAL;
	if (DOJO_REJECT(drm, args->flags & ~DOJO_BO_FLAGS))
		return -EINVAL;
	if (DOJO_REJECT(drm, args->domains & ~DOJO_DOMAINS))
		return -EINVAL;
	if (DOJO_REJECT(drm, !args->size))
		return -EINVAL;

	if (!args->domains)
		args->domains = DRM_DOJO_DOMAIN_HBM;
	if (DOJO_REJECT(drm, args->preferred && !is_power_of_2(args->preferred)))
		return -EINVAL;
	if (DOJO_REJECT(drm, args->preferred & ~args->domains))
		return -EINVAL;
	if (DOJO_REJECT(drm, args->flags & DRM_DOJO_BO_CPU_ACCESS &&
			args->domains == DRM_DOJO_DOMAIN_SRAM))
		return -EINVAL;

	for (unsigned int i = 0; i < ARRAY_SIZE(dojo_domains); i++) {
		u32 domain = dojo_domains[i].domain;

		if (!(args->domains & domain))
			continue;
		if (domain == DRM_DOJO_DOMAIN_SRAM && args->flags & DRM_DOJO_BO_CPU_ACCESS)
			continue;
		largest = max(largest, dojo_domain_size(mm, domain));
	}
	if (DOJO_REJECT(drm, args->size > largest))
		return -ENOSPC;
	args->size = PAGE_ALIGN(args->size);
	return 0;
}

/**
 * dojo_ioctl_bo_create() - DRM_IOCTL_DOJO_BO_CREATE
 * @drm: DRM device
 * @data: struct drm_dojo_bo_create
 * @file: caller
 *
 * Return: 0 or an error.
 */
int dojo_ioctl_bo_create(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_dojo_bo_create *args = data;
	struct dojo_mm *mm = to_dojo_tile(drm)->mm;
	struct dojo_vm *vm = NULL;
	struct dojo_bo *bo;
	int ret;

	ret = dojo_bo_check(mm, args);
	if (ret)
		return ret;

	if (args->vm_id) {
		vm = dojo_vm_lookup(to_dojo_file(file), args->vm_id);
		if (DOJO_REJECT(drm, !vm))
			return -ENOENT;
	}
	bo = dojo_bo_create(mm, args, vm);
	dojo_vm_put(vm);
	if (IS_ERR(bo))
		return PTR_ERR(bo);

	ret = drm_gem_handle_create(file, &bo->ttm.base, &args->handle);
	drm_gem_object_put(&bo->ttm.base);
	return ret;
}

/**
 * dojo_ioctl_bo_mmap_offset() - DRM_IOCTL_DOJO_BO_MMAP_OFFSET
 * @drm: DRM device
 * @data: struct drm_dojo_bo_mmap_offset
 * @file: caller
 *
 * Return: 0 or an error.
 */
int dojo_ioctl_bo_mmap_offset(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_dojo_bo_mmap_offset *args = data;
	struct drm_gem_object *obj;
	int ret = 0;

	if (DOJO_REJECT(drm, args->pad))
		return -EINVAL;

	obj = drm_gem_object_lookup(file, args->handle);
	if (DOJO_REJECT(drm, !obj))
		return -ENOENT;

	if (DOJO_REJECT(drm, !dojo_gem_is_bo(obj) ||
			!(gem_to_dojo_bo(obj)->flags & DRM_DOJO_BO_CPU_ACCESS)))
		ret = -EPERM;
	else
		args->offset = drm_vma_node_offset_addr(&obj->vma_node);
	drm_gem_object_put(obj);
	return ret;
}

/* &enum drm_dojo_domain that the buffer is in now, 0 = none */
u32 dojo_bo_placement(const struct dojo_bo *bo)
{
	const struct ttm_buffer_object *tbo = &bo->ttm;

	if (!tbo->resource)
		return 0;
	switch (tbo->resource->mem_type) {
	case DOJO_PL_HBM:
		return DRM_DOJO_DOMAIN_HBM;
	case DOJO_PL_SRAM:
		return DRM_DOJO_DOMAIN_SRAM;
	case DOJO_PL_SYSTEM:
		return DRM_DOJO_DOMAIN_SYSTEM;
	default:
		if (tbo->ttm && (ttm_tt_is_populated(tbo->ttm) ||
				 tbo->ttm->page_flags & TTM_TT_FLAG_SWAPPED))
			return DRM_DOJO_DOMAIN_SYSTEM;
		return 0;
	}
}

/**
 * dojo_ioctl_bo_query() - DRM_IOCTL_DOJO_BO_QUERY
 * @drm: DRM device
 * @data: struct drm_dojo_bo_query
 * @file: caller
 *
 * Return: 0 or an error.
 */
int dojo_ioctl_bo_query(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_dojo_bo_query *args = data;
	struct drm_gem_object *obj;
	int ret;

	obj = drm_gem_object_lookup(file, args->handle);
	if (DOJO_REJECT(drm, !obj))
		return -ENOENT;

	ret = dma_resv_lock_interruptible(obj->resv, NULL);
	if (ret)
		goto out;
	args->size = obj->size;
	if (dojo_gem_is_bo(obj)) {
		struct dojo_bo *bo = gem_to_dojo_bo(obj);

		args->flags = bo->flags;
		args->domains = bo->domains;
		args->placement = dojo_bo_placement(bo);
	} else {
		dojo_import_query(obj, args);
	}
	dma_resv_unlock(obj->resv);
out:
	drm_gem_object_put(obj);
	return ret;
}

/**
 * dojo_ioctl_bo_advise() - DRM_IOCTL_DOJO_BO_ADVISE
 * @drm: DRM device
 * @data: struct drm_dojo_bo_advise
 * @file: caller
 *
 * Return: 0 or an error.
 */
int dojo_ioctl_bo_advise(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_dojo_bo_advise *args = data;
	struct drm_gem_object *obj;
	struct dojo_bo *bo;
	int ret;

	if (DOJO_REJECT(drm, args->pad))
		return -EINVAL;
	if (DOJO_REJECT(drm, args->advice > DRM_DOJO_ADVICE_PURGEABLE))
		return -EINVAL;

	obj = drm_gem_object_lookup(file, args->handle);
	if (DOJO_REJECT(drm, !obj))
		return -ENOENT;

	/* The contents of what came from elsewhere are not ours to give up. */
	ret = -EINVAL;
	if (DOJO_REJECT(drm, !dojo_gem_is_bo(obj)))
		goto out;

	bo = gem_to_dojo_bo(obj);
	ret = dma_resv_lock_interruptible(obj->resv, NULL);
	if (ret)
		goto out;
	args->retained = !dojo_bo_purged(bo);
	if (bo->advice != args->advice) {
		bo->advice = args->advice;
		if (!args->retained)
			dojo_bo_mark_evicted(bo);
		dojo_bo_note_purgeable(bo);
	}
	dma_resv_unlock(obj->resv);
out:
	drm_gem_object_put(obj);
	return ret;
}
