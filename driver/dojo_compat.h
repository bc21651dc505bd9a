/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between Linux 6.12.y and 7.3, in 7.3's spelling where one can
 * have it. HAVE_* are found by Kbuild in the headers that are built against:
 * 6.12.y changed several of these inside its own series.
 */
#ifndef DOJO_COMPAT_H
#define DOJO_COMPAT_H

#include <linux/dma-fence.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/timer.h>
#include <linux/version.h>
#include <linux/workqueue.h>

#include <drm/drm_drv.h>
#include <drm/drm_gem.h>
#include <drm/drm_gpuvm.h>
#include <drm/gpu_scheduler.h>
#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_device.h>
#include <drm/ttm/ttm_resource.h>

/* ---- buddy: gpu_buddy_* everywhere */
#ifdef HAVE_GPU_BUDDY
#include <linux/gpu_buddy.h>
#else
#include <drm/drm_buddy.h>
#define gpu_buddy			drm_buddy
#define gpu_buddy_block			drm_buddy_block
#define gpu_buddy_init			drm_buddy_init
#define gpu_buddy_fini			drm_buddy_fini
#define gpu_buddy_alloc_blocks		drm_buddy_alloc_blocks
#define gpu_buddy_free_list		drm_buddy_free_list
#define gpu_buddy_free_block		drm_buddy_free_block
#define gpu_buddy_block_trim		drm_buddy_block_trim
#define gpu_buddy_block_offset		drm_buddy_block_offset
#define gpu_buddy_block_size		drm_buddy_block_size
#define gpu_buddy_block_order		drm_buddy_block_order
#define gpu_buddy_block_is_clear	drm_buddy_block_is_clear
#define GPU_BUDDY_RANGE_ALLOCATION	DRM_BUDDY_RANGE_ALLOCATION
#define GPU_BUDDY_TOPDOWN_ALLOCATION	DRM_BUDDY_TOPDOWN_ALLOCATION
#define GPU_BUDDY_CONTIGUOUS_ALLOCATION	DRM_BUDDY_CONTIGUOUS_ALLOCATION
#define GPU_BUDDY_CLEAR_ALLOCATION	DRM_BUDDY_CLEAR_ALLOCATION
#define GPU_BUDDY_CLEARED		DRM_BUDDY_CLEARED
#define GPU_BUDDY_TRIM_DISABLE		DRM_BUDDY_TRIM_DISABLE
#endif

#ifndef gpu_buddy_driver_set_lock
#define gpu_buddy_driver_set_lock(mm, lock)	do { (void)(mm); (void)(lock); } while (0)
#endif

/* ---- drm_sched */
#ifndef HAVE_SCHED_INIT_ARGS
struct drm_sched_init_args {
	const struct drm_sched_backend_ops *ops;
	struct workqueue_struct *submit_wq;
	struct workqueue_struct *timeout_wq;
	u32 num_rqs;
	u32 credit_limit;
	unsigned int hang_limit;
	long timeout;
	atomic_t *score;
	const char *name;
	struct device *dev;
};

static inline int dojo_drm_sched_init(struct drm_gpu_scheduler *sched,
				      const struct drm_sched_init_args *args)
{
	return drm_sched_init(sched, args->ops, args->submit_wq, args->num_rqs,
			      args->credit_limit, args->hang_limit, args->timeout,
			      args->timeout_wq, args->score, args->name, args->dev);
}
#else
#define dojo_drm_sched_init	drm_sched_init
#endif

#ifdef HAVE_SCHED_JOB_CLIENT_ID
#define dojo_drm_sched_job_init(job, entity, credits, owner, id) \
	drm_sched_job_init(job, entity, credits, owner, id)
#else
#define dojo_drm_sched_job_init(job, entity, credits, owner, id) \
	drm_sched_job_init(job, entity, credits, owner)
#endif

#ifndef HAVE_SCHED_STAT_RESET
#define DRM_GPU_SCHED_STAT_RESET	DRM_GPU_SCHED_STAT_NOMINAL
#endif

/* ---- dma_fence */
#ifndef HAVE_FENCE_TEST_SIGNALED_FLAG
static inline bool dma_fence_test_signaled_flag(struct dma_fence *fence)
{
	return test_bit(DMA_FENCE_FLAG_SIGNALED_BIT, &fence->flags);
}
#endif

/*
 * Own fences: 7.3 wants the lock inside the fence and 64-bit seqnos announced by
 * dma_fence_init64(); 6.12 wants a lock from us, a member called lock, and a flag
 * in the ops.
 */
#ifdef HAVE_DMA_FENCE_INLINE_LOCK
#define DOJO_FENCE_OPS_64BIT
#define dojo_dma_fence_init(own, base, ops, context, seqno) \
	dma_fence_init64(&(own)->base, ops, NULL, context, seqno)
#else
#define DOJO_FENCE_OPS_64BIT	.use_64bit_seqno = true,
#define dojo_dma_fence_init(own, base, ops, context, seqno)			\
	do {									\
		spin_lock_init(&(own)->lock);					\
		dma_fence_init(&(own)->base, ops, &(own)->lock, context, seqno);	\
	} while (0)
#endif

/* ---- drm_driver */
#ifdef HAVE_DRIVER_DATE
#define DOJO_DRIVER_DATE	.date = "20250101",
#else
#define DOJO_DRIVER_DATE
#endif

/* ---- gpuvm */
#ifdef DRIVER_GEM_GPUVA_IS_ENUM
#define DOJO_DRIVER_GEM_GPUVA	DRIVER_GEM_GPUVA
#else
#define DOJO_DRIVER_GEM_GPUVA	0
#endif

#ifdef HAVE_GPUVM_MAP_REQ
static inline int dojo_drm_gpuvm_sm_map(struct drm_gpuvm *vm, void *priv, u64 addr, u64 range,
					struct drm_gem_object *obj, u64 offset)
{
	const struct drm_gpuvm_map_req req = {
		.map.va.addr = addr,
		.map.va.range = range,
		.map.gem.obj = obj,
		.map.gem.offset = offset,
	};

	return drm_gpuvm_sm_map(vm, priv, &req);
}

static inline struct drm_gpuva_ops *
dojo_drm_gpuvm_sm_map_ops_create(struct drm_gpuvm *vm, u64 addr, u64 range,
				 struct drm_gem_object *obj, u64 offset)
{
	const struct drm_gpuvm_map_req req = {
		.map.va.addr = addr,
		.map.va.range = range,
		.map.gem.obj = obj,
		.map.gem.offset = offset,
	};

	return drm_gpuvm_sm_map_ops_create(vm, &req);
}

#define dojo_drm_gpuvm_bo_obtain	drm_gpuvm_bo_obtain_locked
#else
#define dojo_drm_gpuvm_sm_map		drm_gpuvm_sm_map
#define dojo_drm_gpuvm_sm_map_ops_create	drm_gpuvm_sm_map_ops_create
#define dojo_drm_gpuvm_bo_obtain	drm_gpuvm_bo_obtain
#endif

/* ---- TTM; dojo_ttm_bo_release() only from drm_gem_object_funcs.free */
#ifdef HAVE_TTM_ALLOC_FLAGS
#define dojo_ttm_device_init(b, f, d, m, v)	ttm_device_init(b, f, d, m, v, 0)
#define dojo_ttm_bo_release(bo)			ttm_bo_fini(bo)
#else
#define dojo_ttm_device_init(b, f, d, m, v)	ttm_device_init(b, f, d, m, v, false, false)
#define dojo_ttm_bo_release(bo)			ttm_bo_put(bo)
#endif

/* ---- TTM: accounting by control group, which 6.12 has not; without CGROUP_DMEM nothing happens */
#ifdef HAVE_TTM_DMEM
#include <linux/cgroup_dmem.h>

static inline int dojo_ttm_account(struct drm_device *drm, struct ttm_resource_manager *man,
				   const char *name)
{
	static const struct dmem_cgroup_ops ops = { .reclaim = ttm_resource_manager_dmem_reclaim };
	struct dmem_cgroup_region *region;

	region = drmm_cgroup_register_region(drm, name, &(struct dmem_cgroup_init){
		.size = man->size,
		.ops = &ops,
		.reclaim_priv = man,
	});
	if (IS_ERR(region))
		return PTR_ERR(region);
	ttm_resource_manager_set_dmem_region(man, region);
	return 0;
}

static inline bool dojo_ttm_charges(const struct ttm_resource_manager *man)
{
	return man->cg;
}
#else
static inline int dojo_ttm_account(struct drm_device *drm, struct ttm_resource_manager *man,
				   const char *name)
{
	return 0;
}

static inline bool dojo_ttm_charges(const struct ttm_resource_manager *man)
{
	return false;
}
#endif

/* ---- dma-buf: what tells importers that a buffer moves */
#ifdef HAVE_DMABUF_INVALIDATE
#define DOJO_DMA_BUF_MOVED	.invalidate_mappings
#else
#define DOJO_DMA_BUF_MOVED	.move_notify
#define dma_buf_invalidate_mappings(dma_buf)	dma_buf_move_notify(dma_buf)
#endif

/* ---- GEM: the variant that locks lost its suffix */
#ifdef HAVE_GEM_VMAP_UNLOCKED
#define dojo_drm_gem_vmap	drm_gem_vmap_unlocked
#define dojo_drm_gem_vunmap	drm_gem_vunmap_unlocked
#else
#define dojo_drm_gem_vmap	drm_gem_vmap
#define dojo_drm_gem_vunmap	drm_gem_vunmap
#endif

/* ---- fdinfo: 6.12 prints drm-active- unasked */
#ifndef HAVE_GEM_OBJECT_ACTIVE
#define DRM_GEM_OBJECT_ACTIVE	0
#endif

/* ---- namespaces: the quoted form loads only from 6.13 on */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define DOJO_IMPORT_NS_DMA_BUF	MODULE_IMPORT_NS(DMA_BUF)
#else
#define DOJO_IMPORT_NS_DMA_BUF	MODULE_IMPORT_NS("DMA_BUF")
#endif

/* ---- the kernel at large */
#ifndef timer_container_of
#define timer_container_of	from_timer
#endif

#ifndef HAVE_WQ_PERCPU
#define WQ_PERCPU		0
#endif

#ifndef kzalloc_obj
#define kzalloc_obj(P, ...)	((typeof(&(P)))kzalloc(sizeof(P), GFP_KERNEL))
#endif

#endif
