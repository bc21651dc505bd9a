// SPDX-License-Identifier: GPL-2.0-only
/*
 * Binds: changes of an address space.
 *
 * A bind is put together under &dojo_vm.lock and the reservations of the buffers
 * concerned: first the mappings are changed (dojo_vm_bind.c), step by step and so
 * that each step can be undone, then everything is allocated that writing the page
 * table may need. Then comes the point of no return: the page table is written at once
 * if no earlier bind and no clear or move of the memory is outstanding, else by
 * a job.
 *
 * A bind waits for clears and moves (KERNEL fences) of what it maps, since a job
 * that runs already must not see memory before it is cleared.
 */
#include <linux/dma-fence.h>
#include <linux/slab.h>

#include <drm/drm_exec.h>
#include <drm/drm_gem.h>

#include "dojo_admin.h"
#include "dojo_bind.h"
#include "dojo_sync.h"
#include "dojo_trace.h"
#include "dojo_ttm.h"
#include "dojo_vm.h"

/* No call may take more page tables than this (256 MiB of them). */
#define DOJO_BIND_TABLES	65536

/* ---- the scheduler */

/**
 * struct dojo_bind_sched - runs the binds that have to wait, of all address spaces
 * @base: scheduler
 * @ref: one of the tile, one of each fence; fences name their scheduler
 * @rcu: frees it
 */
struct dojo_bind_sched {
	struct drm_gpu_scheduler base;
	struct kref ref;
	struct rcu_head rcu;
};

/**
 * struct dojo_bind_fence - what a job returns to the scheduler, signalled
 * @base: fence
 * @sched: referenced
 * @lock: of @base, where the kernel wants one
 */
struct dojo_bind_fence {
	struct dma_fence base;
	struct dojo_bind_sched *sched;
	spinlock_t lock;
};

/*
 * Up to so many steps each is counted as if the ones before it had taken every table
 * away; with more of them no table is taken away until all are done.
 */
#define DOJO_BIND_STEPS_COUNTED	16

static struct dojo_bind *to_dojo_bind(struct drm_sched_job *job)
{
	return container_of(job, struct dojo_bind, base);
}

static void dojo_bind_sched_free(struct kref *ref)
{
	struct dojo_bind_sched *sched = container_of(ref, struct dojo_bind_sched, ref);

	kfree_rcu(sched, rcu);
}

static const char *dojo_bind_fence_driver_name(struct dma_fence *fence)
{
	return DOJO_DRIVER_NAME;
}

static const char *dojo_bind_fence_timeline_name(struct dma_fence *fence)
{
	return "bind";
}

static void dojo_bind_fence_release(struct dma_fence *fence)
{
	struct dojo_bind_fence *bind_fence = container_of(fence, struct dojo_bind_fence, base);

	kref_put(&bind_fence->sched->ref, dojo_bind_sched_free);
	kfree_rcu(bind_fence, base.rcu);
}

static const struct dma_fence_ops dojo_bind_fence_ops = {
	DOJO_FENCE_OPS_64BIT
	.get_driver_name = dojo_bind_fence_driver_name,
	.get_timeline_name = dojo_bind_fence_timeline_name,
	.release = dojo_bind_fence_release,
};

static struct dojo_bind_fence *dojo_bind_fence_create(struct dojo_bind_sched *sched)
{
	struct dojo_bind_fence *fence = kzalloc(sizeof(*fence), GFP_KERNEL);

	if (!fence)
		return NULL;
	fence->sched = sched;
	kref_get(&sched->ref);
	return fence;
}

/* Of one that was never initialised */
static void dojo_bind_fence_discard(struct dojo_bind_fence *fence)
{
	if (!fence)
		return;
	kref_put(&fence->sched->ref, dojo_bind_sched_free);
	kfree(fence);
}

/* What the step does, for traces */
static u32 dojo_bind_step_op(const struct dojo_bind_step *step)
{
	if (step->type == DOJO_STEP_UNMAP)
		return DRM_DOJO_BIND_UNMAP;
	return step->layout ? DRM_DOJO_BIND_MAP : DRM_DOJO_BIND_NULL;
}

/**
 * dojo_bind_execute() - write the page table
 * @bind: all binds before it are done
 *
 * When it returns, nothing can be reached any more by what was there before.
 */
void dojo_bind_execute(struct dojo_bind *bind)
{
	struct dojo_vm *vm = bind->vm;
	struct dojo_pt_batch *batch = &bind->batch;

	mutex_lock(&vm->pt_lock);
	batch->keep = vm->counted > 1 || bind->steps > DOJO_BIND_STEPS_COUNTED;
	for (u32 i = 0; i < bind->steps; i++) {
		struct dojo_bind_step *step = &bind->step[i];

		trace_dojo_bind(vm->mm->tile, vm->asid, dojo_bind_step_op(step), step->va,
				step->size);
		if (step->type == DOJO_STEP_MAP)
			dojo_pt_map(&vm->pt, batch, step->va, step->size, step->layout,
				    step->offset, step->permission);
		else
			dojo_pt_unmap(&vm->pt, batch, step->va, step->size);
	}
	vm->counted--;
	bind->counted = false;
	mutex_unlock(&vm->pt_lock);

	if (batch->start < batch->end)
		dojo_admin_invalidate(vm->mm->tile, vm->asid, batch->start,
				      batch->end - batch->start);
}

static struct dma_fence *dojo_bind_run_job(struct drm_sched_job *job)
{
	struct dojo_bind *bind = to_dojo_bind(job);
	struct dojo_bind_fence *fence = bind->fence;

	dojo_bind_execute(bind);

	/* All done; the fence is there to keep the scheduler. */
	bind->fence = NULL;
	dojo_dma_fence_init(fence, base, &dojo_bind_fence_ops, bind->vm->bind_context,
			    ++bind->vm->bind_seqno);
	dma_fence_signal(&fence->base);
	return &fence->base;
}

static void dojo_bind_free_job(struct drm_sched_job *job)
{
	struct dojo_bind *bind = to_dojo_bind(job);

	drm_sched_job_cleanup(job);
	queue_work(dojo_wq, &bind->work);
}

static enum drm_gpu_sched_stat dojo_bind_timedout(struct drm_sched_job *job)
{
	return DRM_GPU_SCHED_STAT_RESET;
}

static const struct drm_sched_backend_ops dojo_bind_sched_ops = {
	.run_job = dojo_bind_run_job,
	.timedout_job = dojo_bind_timedout,
	.free_job = dojo_bind_free_job,
};

/**
 * dojo_bind_sched_init() - make the scheduler of a tile's binds
 * @mm: memory management of the tile
 *
 * Return: 0 or an error.
 */
int dojo_bind_sched_init(struct dojo_mm *mm)
{
	const struct drm_sched_init_args args = {
		.ops = &dojo_bind_sched_ops,
		.submit_wq = mm->tile->submit_wq,
		.timeout_wq = mm->tile->timeout_wq,
		.num_rqs = DRM_SCHED_PRIORITY_COUNT,
		.credit_limit = 1,
		.timeout = MAX_SCHEDULE_TIMEOUT,
		.name = "bind",
		.dev = mm->tile->drm.dev,
	};
	struct dojo_bind_sched *sched = kzalloc(sizeof(*sched), GFP_KERNEL);
	int ret;

	if (!sched)
		return -ENOMEM;
	kref_init(&sched->ref);
	ret = dojo_drm_sched_init(&sched->base, &args);
	if (ret) {
		kfree(sched);
		return ret;
	}
	mm->bind_sched = sched;
	return 0;
}

/**
 * dojo_bind_sched_fini() - undo dojo_bind_sched_init()
 * @mm: memory management of the tile; the last address space is gone
 */
void dojo_bind_sched_fini(struct dojo_mm *mm)
{
	if (!mm->bind_sched)
		return;
	drm_sched_fini(&mm->bind_sched->base);
	kref_put(&mm->bind_sched->ref, dojo_bind_sched_free);
	mm->bind_sched = NULL;
}

/**
 * dojo_bind_entity_init() - make what orders an address space's binds
 * @vm: address space
 *
 * Return: 0 or an error.
 */
int dojo_bind_entity_init(struct dojo_vm *vm)
{
	struct drm_gpu_scheduler *sched = &vm->mm->bind_sched->base;

	return drm_sched_entity_init(&vm->entity, DRM_SCHED_PRIORITY_NORMAL, &sched, 1, NULL);
}

/* ---- putting a bind together */

/**
 * dojo_vma_free() - free a mapping that is in no tree
 * @vma: mapping; no reservation is held
 */
void dojo_vma_free(struct dojo_vma *vma)
{
	dojo_userptr_put(vma->userptr);
	kfree(vma);
}

/**
 * dojo_bind_destroy() - free a bind that is done, or will not be
 * @bind: its mappings are as they should be; no reservation is held
 */
void dojo_bind_destroy(struct dojo_bind *bind)
{
	struct dojo_vma *vma, *next;

	if (bind->counted) {
		mutex_lock(&bind->vm->pt_lock);
		bind->vm->counted--;
		mutex_unlock(&bind->vm->pt_lock);
	}
	list_for_each_entry_safe(vma, next, &bind->removed, link)
		dojo_vma_free(vma);
	for (u32 i = 0; i < bind->steps; i++)
		dojo_layout_put(bind->step[i].layout);
	kvfree(bind->step);
	dojo_pt_batch_fini(&bind->vm->pt, &bind->batch);
	dojo_bind_fence_discard(bind->fence);
	dojo_vm_put(bind->vm);
	kfree(bind);
}

static void dojo_bind_work(struct work_struct *work)
{
	dojo_bind_destroy(container_of(work, struct dojo_bind, work));
}

/**
 * dojo_bind_create() - begin a bind
 * @vm: address space
 *
 * Return: a bind without steps, or NULL.
 */
struct dojo_bind *dojo_bind_create(struct dojo_vm *vm)
{
	struct dojo_bind *bind = kzalloc(sizeof(*bind), GFP_KERNEL);

	if (!bind)
		return NULL;
	bind->vm = dojo_vm_get(vm);
	dojo_pt_batch_init(&bind->batch);
	INIT_LIST_HEAD(&bind->changes);
	INIT_LIST_HEAD(&bind->removed);
	INIT_WORK(&bind->work, dojo_bind_work);
	return bind;
}

static struct dojo_bind_step *dojo_bind_add_step(struct dojo_bind *bind)
{
	if (bind->steps == bind->capacity) {
		u32 capacity = max(4u, bind->capacity * 2);
		struct dojo_bind_step *step;

		step = kvmalloc_array(capacity, sizeof(*step), GFP_KERNEL);
		if (!step)
			return NULL;
		if (bind->steps)
			memcpy(step, bind->step, bind->steps * sizeof(*step));
		kvfree(bind->step);
		bind->step = step;
		bind->capacity = capacity;
	}
	return &bind->step[bind->steps++];
}

/**
 * dojo_bind_step_unmap() - add a step: nothing is to be there
 * @bind: bind
 * @va: page aligned
 * @size: bytes
 *
 * Return: 0 or -ENOMEM.
 */
int dojo_bind_step_unmap(struct dojo_bind *bind, u64 va, u64 size)
{
	struct dojo_bind_step *step = dojo_bind_add_step(bind);

	if (!step)
		return -ENOMEM;
	*step = (struct dojo_bind_step){ .type = DOJO_STEP_UNMAP, .va = va, .size = size };
	return 0;
}

/**
 * dojo_bind_step_map() - add a step: memory is to be there
 * @bind: bind
 * @va: page aligned
 * @size: bytes
 * @layout: of the memory, or NULL: reads are 0; its reference is taken over
 * @offset: in @layout
 * @permission: DOJO_PTE_READ, DOJO_PTE_WRITE
 *
 * Return: 0 or -ENOMEM.
 */
int dojo_bind_step_map(struct dojo_bind *bind, u64 va, u64 size, struct dojo_layout *layout,
		       u64 offset, u64 permission)
{
	struct dojo_bind_step *step = dojo_bind_add_step(bind);

	if (!step) {
		dojo_layout_put(layout);
		return -ENOMEM;
	}
	*step = (struct dojo_bind_step){
		.type = DOJO_STEP_MAP,
		.va = va,
		.size = size,
		.layout = layout,
		.offset = offset,
		.permission = permission,
	};
	return 0;
}

/**
 * dojo_bind_layout() - where a buffer can be reached now
 * @vm: address space
 * @obj: buffer or import, locked
 *
 * Return: a reference, or NULL: nowhere.
 */
struct dojo_layout *dojo_bind_layout(struct dojo_vm *vm, struct drm_gem_object *obj)
{
	struct dojo_layout *layout;

	if (!dojo_gem_is_bo(obj))
		return dojo_import_layout(obj);

	layout = dojo_bo_layout(gem_to_dojo_bo(obj));
	if (layout && gem_to_dojo_bo(obj)->ttm.resource->mem_type == DOJO_PL_SRAM)
		WRITE_ONCE(vm->sram, true);
	return layout;
}

/* Will there be no memory until somebody does something about it? */
static bool dojo_bind_absent(struct drm_gem_object *obj)
{
	return dojo_gem_is_bo(obj) ? dojo_bo_absent(gem_to_dojo_bo(obj)) :
				     dojo_import_absent(obj);
}

/* The page table is to show what a mapping maps now. */
static int dojo_bind_step_vma(struct dojo_bind *bind, struct dojo_vma *vma)
{
	struct drm_gem_object *obj = vma->base.gem.obj;
	u64 va = vma->base.va.addr, size = vma->base.va.range;
	struct dojo_layout *layout;

	if (obj) {
		layout = dojo_bind_layout(bind->vm, obj);
		if (!layout && dojo_bind_absent(obj))
			return dojo_bind_step_map(bind, va, size, NULL, 0, vma->permission);
	} else if (vma->userptr) {
		layout = dojo_layout_get(vma->userptr->layout);
	} else {
		return dojo_bind_step_map(bind, va, size, NULL, 0, vma->permission);
	}

	if (!layout)
		return dojo_bind_step_unmap(bind, va, size);
	return dojo_bind_step_map(bind, va, size, layout, vma->base.gem.offset, vma->permission);
}

/**
 * dojo_bind_reserve() - obtain the page tables that the steps may take
 * @bind: with all its steps
 *
 * Return: 0 or -ENOMEM.
 */
int dojo_bind_reserve(struct dojo_bind *bind)
{
	struct dojo_vm *vm = bind->vm;

	mutex_lock(&vm->pt_lock);
	vm->counted++;
	bind->counted = true;
	bind->need.several = bind->steps > 1 && bind->steps <= DOJO_BIND_STEPS_COUNTED;
	for (u32 i = 0; i < bind->steps; i++) {
		struct dojo_bind_step *step = &bind->step[i];

		if (step->type == DOJO_STEP_MAP)
			dojo_pt_need_map(&vm->pt, &bind->need, step->va, step->size,
					 step->layout, step->offset);
		else
			dojo_pt_need_unmap(&vm->pt, &bind->need, step->va, step->size);
	}
	mutex_unlock(&vm->pt_lock);

	if (bind->need.leaf + bind->need.dir > DOJO_BIND_TABLES)
		return -ENOMEM;
	return dojo_pt_batch_reserve(&vm->pt, &bind->batch, &bind->need);
}

/**
 * dojo_bind_pending() - does an earlier bind have to wait?
 * @vm: address space, locked
 *
 * Return: yes or no.
 */
bool dojo_bind_pending(const struct dojo_vm *vm)
{
	return vm->last_bind && !dma_fence_is_signaled(vm->last_bind);
}

/**
 * dojo_bind_memory_ready() - are clears and moves of all that is locked over?
 * @exec: holds the reservations
 *
 * Return: yes or no.
 */
bool dojo_bind_memory_ready(struct drm_exec *exec)
{
	for (unsigned int i = 0; i < exec->num_objects; i++) {
		if (!dma_resv_test_signaled(exec->objects[i]->resv, DMA_RESV_USAGE_KERNEL))
			return false;
	}
	return true;
}

/**
 * dojo_bind_job_init() - make the job of a bind that has to wait
 * @bind: reserved
 * @exec: holds the reservations
 * @sync: what it waits for besides, or NULL
 *
 * Nothing is published yet: drm_sched_job_cleanup() takes it back.
 *
 * Return: 0 or an error.
 */
int dojo_bind_job_init(struct dojo_bind *bind, struct drm_exec *exec, struct dojo_sync_ctx *sync)
{
	struct dojo_vm *vm = bind->vm;
	int ret;

	bind->fence = dojo_bind_fence_create(vm->mm->bind_sched);
	if (!bind->fence)
		return -ENOMEM;

	ret = dojo_drm_sched_job_init(&bind->base, &vm->entity, 1, vm, 0);
	if (ret)
		return ret;

	for (unsigned int i = 0; i < exec->num_objects && !ret; i++)
		ret = drm_sched_job_add_resv_dependencies(&bind->base, exec->objects[i]->resv,
							  DMA_RESV_USAGE_KERNEL);
	if (!ret && sync)
		ret = dojo_sync_add_deps(sync, 0, &bind->base);
	if (!ret)
		ret = dojo_vm_reserve_fences(exec, 1);
	if (ret)
		drm_sched_job_cleanup(&bind->base);
	return ret;
}

/**
 * dojo_bind_push() - the point of no return of a bind that has to wait
 * @bind: with a job; the scheduler frees it
 * @exec: holds the reservations
 *
 * Return: its fence, referenced.
 */
struct dma_fence *dojo_bind_push(struct dojo_bind *bind, struct drm_exec *exec)
{
	struct dojo_vm *vm = bind->vm;
	struct dma_fence *fence;

	drm_sched_job_arm(&bind->base);
	fence = dma_fence_get(&bind->base.s_fence->finished);
	for (unsigned int i = 0; i < exec->num_objects; i++)
		dma_resv_add_fence(exec->objects[i]->resv, fence, DMA_RESV_USAGE_BOOKKEEP);
	dma_fence_put(vm->last_bind);
	vm->last_bind = dma_fence_get(fence);
	drm_sched_entity_push_job(&bind->base);
	return fence;
}

/* ---- what was evicted and is back */

static int dojo_bind_restore_steps(struct dojo_bind *bind)
{
	struct dojo_vm *vm = bind->vm;
	struct dojo_userptr *userptr;
	struct drm_gpuvm_bo *vm_bo;
	struct drm_gpuva *va;
	struct dojo_vma *vma;
	int ret;

	list_for_each_entry(vm_bo, &vm->base.evict.list, list.entry.evict) {
		drm_gpuvm_bo_for_each_va(va, vm_bo) {
			ret = dojo_bind_step_vma(bind, to_dojo_vma(va));
			if (ret)
				return ret;
		}
	}
	list_for_each_entry(userptr, &vm->invalid, invalid) {
		list_for_each_entry(vma, &userptr->vmas, link) {
			ret = dojo_bind_step_vma(bind, vma);
			if (ret)
				return ret;
		}
	}
	return 0;
}

/* Everything is in the page table, or will be before the next job runs. */
static void dojo_bind_restored(struct dojo_vm *vm)
{
	struct dojo_userptr *userptr, *next_userptr;
	struct drm_gpuvm_bo *vm_bo, *next;

	list_for_each_entry_safe(vm_bo, next, &vm->base.evict.list, list.entry.evict) {
		vm_bo->evicted = false;
		list_del_init(&vm_bo->list.entry.evict);
	}
	list_for_each_entry_safe(userptr, next_userptr, &vm->invalid, invalid)
		list_del_init(&userptr->invalid);
}

/* Has the memory of a userptr changed since it was looked at? */
static bool dojo_bind_userptrs_stale(struct dojo_vm *vm)
{
	struct dojo_userptr *userptr;

	list_for_each_entry(userptr, &vm->invalid, invalid) {
		if (mmu_interval_read_retry(&userptr->notifier, userptr->seq))
			return true;
	}
	return false;
}

/**
 * dojo_bind_restore() - show in the page table where evicted memory is now
 * @vm: address space, locked with all its buffers, which have been validated
 * @exec: holds the reservations
 *
 * Return: 0; -EAGAIN: a userptr has changed meanwhile; or an error.
 */
int dojo_bind_restore(struct dojo_vm *vm, struct drm_exec *exec)
{
	struct dojo_bind *bind;
	struct dma_fence *fence;
	bool wait;
	int ret;

	if (list_empty(&vm->base.evict.list) && list_empty_careful(&vm->invalid))
		return 0;

	bind = dojo_bind_create(vm);
	if (!bind)
		return -ENOMEM;
	down_read(&vm->notifier_lock);
	ret = dojo_bind_userptrs_stale(vm) ? -EAGAIN : 0;
	up_read(&vm->notifier_lock);
	if (!ret)
		ret = dojo_bind_restore_steps(bind);
	if (!ret)
		ret = dojo_bind_reserve(bind);
	if (ret)
		goto err_destroy;

	wait = dojo_bind_pending(vm) || !dojo_bind_memory_ready(exec);
	if (wait) {
		ret = dojo_bind_job_init(bind, exec, NULL);
		if (ret)
			goto err_destroy;
	}

	down_read(&vm->notifier_lock);
	if (dojo_bind_userptrs_stale(vm)) {
		up_read(&vm->notifier_lock);
		if (wait)
			drm_sched_job_cleanup(&bind->base);
		ret = -EAGAIN;
		goto err_destroy;
	}
	if (wait) {
		fence = dojo_bind_push(bind, exec);
		dma_fence_put(vm->rebind);
		vm->rebind = fence;
	} else {
		dojo_bind_execute(bind);
	}
	dojo_bind_restored(vm);
	up_read(&vm->notifier_lock);

	if (!wait)
		dojo_bind_destroy(bind);
	return 0;

err_destroy:
	dojo_bind_destroy(bind);
	return ret;
}
