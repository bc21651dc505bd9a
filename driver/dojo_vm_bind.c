// SPDX-License-Identifier: GPL-2.0-only
/*
 * VM_BIND: what a program asks for becomes changes of the mappings, and steps of a
 * bind (dojo_bind.c).
 */
#include <linux/dma-fence.h>
#include <linux/slab.h>

#include <drm/drm_exec.h>
#include <drm/drm_gem.h>

#include "dojo_bind.h"
#include "dojo_sync.h"
#include "dojo_ttm.h"
#include "dojo_uobj.h"
#include "dojo_vm.h"

#define DOJO_BIND_RW		(DOJO_PTE_READ | DOJO_PTE_WRITE)

/**
 * struct dojo_bind_change - a mapping added or removed, for the case of undoing it
 * @link: in &dojo_bind.changes
 * @vma: mapping
 * @vm_bo: of its buffer, referenced; or NULL
 * @add: added, else removed
 */
struct dojo_bind_change {
	struct list_head link;
	struct dojo_vma *vma;
	struct drm_gpuvm_bo *vm_bo;
	bool add;
};

/**
 * struct dojo_bind_item - an operation of the call
 * @op: from user space, checked
 * @obj: its buffer, referenced; or NULL
 * @userptr: its memory; belongs to the mapping, once that is made
 */
struct dojo_bind_item {
	const struct drm_dojo_bind_op *op;
	struct drm_gem_object *obj;
	struct dojo_userptr *userptr;
};

/* Add @vma to, or remove it from, the mappings. The links to its buffer follow. */
static void dojo_bind_apply(struct dojo_vm *vm, struct dojo_vma *vma, struct drm_gpuvm_bo *vm_bo,
			    bool add)
{
	if (add) {
		drm_gpuva_insert(&vm->base, &vma->base);
		drm_gpuva_link(&vma->base, vm_bo);
		if (vma->userptr)
			list_add_tail(&vma->link, &vma->userptr->vmas);
		vm->mappings++;
	} else {
		if (vma->userptr)
			list_del_init(&vma->link);
		drm_gpuva_unlink(&vma->base);
		drm_gpuva_remove(&vma->base);
		vm->mappings--;
	}
}

static int dojo_bind_change(struct dojo_bind *bind, struct dojo_vma *vma,
			    struct drm_gpuvm_bo *vm_bo, bool add)
{
	struct dojo_bind_change *change = kmalloc(sizeof(*change), GFP_KERNEL);

	if (!change)
		return -ENOMEM;
	change->vma = vma;
	change->vm_bo = vm_bo ? drm_gpuvm_bo_get(vm_bo) : NULL;
	change->add = add;
	list_add(&change->link, &bind->changes);
	dojo_bind_apply(bind->vm, vma, vm_bo, add);
	return 0;
}

/* Put every mapping back where it was; the latest change is the first in the list. */
static void dojo_bind_undo(struct dojo_bind *bind)
{
	struct dojo_bind_change *change, *next;

	list_for_each_entry_safe(change, next, &bind->changes, link) {
		dojo_bind_apply(bind->vm, change->vma, change->vm_bo, !change->add);
		if (change->add)
			list_add(&change->vma->link, &bind->removed);
		drm_gpuvm_bo_put(change->vm_bo);
		kfree(change);
	}
	INIT_LIST_HEAD(&bind->changes);
}

/* Make the changes of the mappings final: they can no longer be undone. */
static void dojo_bind_commit(struct dojo_bind *bind, struct list_head *changes)
{
	struct dojo_bind_change *change;

	list_for_each_entry(change, &bind->changes, link) {
		if (!change->add)
			list_add(&change->vma->link, &bind->removed);
	}
	list_splice_init(&bind->changes, changes);
}

/*
 * Let go of buffers; their memory may be free at once. The page table does not
 * show it any more, or the bind's fence holds it.
 */
static void dojo_bind_changes_free(struct list_head *changes)
{
	struct dojo_bind_change *change, *next;

	list_for_each_entry_safe(change, next, changes, link) {
		drm_gpuvm_bo_put(change->vm_bo);
		kfree(change);
	}
}

static struct dojo_vma *dojo_bind_vma(const struct drm_gpuva_op_map *map, u64 permission,
				      struct dojo_userptr *userptr)
{
	struct dojo_vma *vma = kzalloc(sizeof(*vma), GFP_KERNEL);

	if (!vma)
		return NULL;
	vma->base.va.addr = map->va.addr;
	vma->base.va.range = map->va.range;
	vma->base.gem.obj = map->gem.obj;
	vma->base.gem.offset = map->gem.offset;
	vma->permission = permission;
	INIT_LIST_HEAD(&vma->link);
	if (userptr) {
		vma->userptr = userptr;
		kref_get(&userptr->ref);
	}
	return vma;
}

static int dojo_bind_add(struct dojo_bind *bind, const struct drm_gpuva_op_map *map,
			 u64 permission, struct dojo_userptr *userptr,
			 struct drm_gpuvm_bo *vm_bo)
{
	struct dojo_vma *vma = dojo_bind_vma(map, permission, userptr);
	int ret;

	if (!vma)
		return -ENOMEM;
	ret = dojo_bind_change(bind, vma, vm_bo, true);
	if (ret)
		list_add(&vma->link, &bind->removed);
	return ret;
}

/* What stays of a mapping that loses a part of its range */
static int dojo_bind_remap(struct dojo_bind *bind, const struct drm_gpuva_op_remap *op)
{
	struct dojo_vma *old = to_dojo_vma(op->unmap->va);
	struct drm_gpuvm_bo *vm_bo = old->base.vm_bo;
	int ret;

	if (vm_bo)
		drm_gpuvm_bo_get(vm_bo);
	ret = dojo_bind_change(bind, old, vm_bo, false);
	if (!ret && op->prev)
		ret = dojo_bind_add(bind, op->prev, old->permission, old->userptr, vm_bo);
	if (!ret && op->next)
		ret = dojo_bind_add(bind, op->next, old->permission, old->userptr, vm_bo);
	drm_gpuvm_bo_put(vm_bo);
	return ret;
}

static int dojo_bind_do_ops(struct dojo_bind *bind, struct drm_gpuva_ops *ops, u64 permission,
			    struct dojo_userptr *userptr, struct drm_gpuvm_bo *vm_bo)
{
	struct drm_gpuva_op *op;
	int ret = 0;

	drm_gpuva_for_each_op(op, ops) {
		struct drm_gpuva *va;

		switch (op->op) {
		case DRM_GPUVA_OP_MAP:
			ret = dojo_bind_add(bind, &op->map, permission, userptr, vm_bo);
			break;
		case DRM_GPUVA_OP_REMAP:
			ret = dojo_bind_remap(bind, &op->remap);
			break;
		case DRM_GPUVA_OP_UNMAP:
			va = op->unmap.va;
			ret = dojo_bind_change(bind, to_dojo_vma(va), va->vm_bo, false);
			break;
		default:
			ret = -EINVAL;
		}
		if (ret)
			break;
	}
	drm_gpuva_ops_free(&bind->vm->base, ops);
	return ret;
}

/*
 * A buffer that comes into an address space can be reached at once by jobs that
 * run there already. Whoever moves it has to wait for them.
 */
static int dojo_bind_share_fences(struct dojo_vm *vm, struct drm_gem_object *obj)
{
	struct dma_resv *resv = drm_gpuvm_resv(&vm->base);
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	unsigned int count = 1;
	int ret;

	dma_resv_for_each_fence(&cursor, resv, DMA_RESV_USAGE_BOOKKEEP, fence)
		count++;
	ret = dma_resv_reserve_fences(obj->resv, count);
	if (ret)
		return ret;
	dma_resv_for_each_fence(&cursor, resv, DMA_RESV_USAGE_BOOKKEEP, fence) {
		if (!dma_fence_is_signaled(fence))
			dma_resv_add_fence(obj->resv, fence, DMA_RESV_USAGE_BOOKKEEP);
	}
	return 0;
}

static u64 dojo_bind_permission(const struct drm_dojo_bind_op *op)
{
	return op->flags & DRM_DOJO_BIND_READONLY ? DOJO_PTE_READ : DOJO_BIND_RW;
}

static int dojo_bind_map_bo(struct dojo_bind *bind, const struct dojo_bind_item *item)
{
	const struct drm_dojo_bind_op *op = item->op;
	struct drm_gem_object *obj = item->obj;
	struct drm_gpuvm *gpuvm = &bind->vm->base;
	struct drm_gpuvm_bo *vm_bo;
	struct drm_gpuva_ops *ops;
	struct dojo_layout *layout;
	int ret = 0;

	ops = dojo_drm_gpuvm_sm_map_ops_create(gpuvm, op->va, op->size, obj, op->offset);
	if (IS_ERR(ops))
		return PTR_ERR(ops);
	vm_bo = dojo_drm_gpuvm_bo_obtain(gpuvm, obj);
	if (IS_ERR(vm_bo)) {
		drm_gpuva_ops_free(gpuvm, ops);
		return PTR_ERR(vm_bo);
	}

	if (drm_gpuvm_is_extobj(gpuvm, obj)) {
		ret = dojo_bind_share_fences(bind->vm, obj);
		drm_gpuvm_bo_extobj_add(vm_bo);
	}
	if (ret)
		drm_gpuva_ops_free(gpuvm, ops);
	else
		ret = dojo_bind_do_ops(bind, ops, dojo_bind_permission(op), NULL, vm_bo);
	if (ret)
		goto out;

	layout = dojo_bind_layout(bind->vm, obj);
	if (!layout || (dojo_gem_is_bo(obj) && !dojo_bo_settled(gem_to_dojo_bo(obj))))
		drm_gpuvm_bo_evict(vm_bo, true);
	if (layout)
		ret = dojo_bind_step_map(bind, op->va, op->size, layout, op->offset,
					 dojo_bind_permission(op));
	else
		ret = dojo_bind_step_unmap(bind, op->va, op->size);
out:
	drm_gpuvm_bo_put(vm_bo);
	return ret;
}

/* USERPTR and NULL */
static int dojo_bind_map_other(struct dojo_bind *bind, struct dojo_bind_item *item)
{
	const struct drm_dojo_bind_op *op = item->op;
	struct dojo_userptr *userptr = item->userptr;
	struct drm_gpuva_ops *ops;
	int ret;

	ops = dojo_drm_gpuvm_sm_map_ops_create(&bind->vm->base, op->va, op->size, NULL, 0);
	if (IS_ERR(ops))
		return PTR_ERR(ops);
	ret = dojo_bind_do_ops(bind, ops, dojo_bind_permission(op), userptr, NULL);
	if (ret)
		return ret;

	return dojo_bind_step_map(bind, op->va, op->size,
				  userptr ? dojo_layout_get(userptr->layout) : NULL, 0,
				  dojo_bind_permission(op));
}

static int dojo_bind_unmap(struct dojo_bind *bind, u64 va, u64 size)
{
	struct drm_gpuva_ops *ops;
	int ret;

	ops = drm_gpuvm_sm_unmap_ops_create(&bind->vm->base, va, size);
	if (IS_ERR(ops))
		return PTR_ERR(ops);
	ret = dojo_bind_do_ops(bind, ops, 0, NULL, NULL);
	if (ret)
		return ret;
	return dojo_bind_step_unmap(bind, va, size);
}

static int dojo_bind_unmap_bo(struct dojo_bind *bind, struct drm_gem_object *obj)
{
	struct drm_gpuvm_bo *vm_bo;
	struct drm_gpuva *va, *next;
	int ret = 0;

	vm_bo = drm_gpuvm_bo_find(&bind->vm->base, obj);
	if (!vm_bo)
		return 0;
	drm_gpuvm_bo_for_each_va_safe(va, next, vm_bo) {
		u64 start = va->va.addr, size = va->va.range;

		ret = dojo_bind_change(bind, to_dojo_vma(va), vm_bo, false);
		if (!ret)
			ret = dojo_bind_step_unmap(bind, start, size);
		if (ret)
			break;
	}
	drm_gpuvm_bo_put(vm_bo);
	return ret;
}

static int dojo_bind_item_do(struct dojo_bind *bind, struct dojo_bind_item *item)
{
	const struct drm_dojo_bind_op *op = item->op;

	switch (op->type) {
	case DRM_DOJO_BIND_MAP:
		return dojo_bind_map_bo(bind, item);
	case DRM_DOJO_BIND_UNMAP:
		return dojo_bind_unmap(bind, op->va, op->size);
	case DRM_DOJO_BIND_UNMAP_ALL:
		if (item->obj)
			return dojo_bind_unmap_bo(bind, item->obj);
		return dojo_bind_unmap(bind, 0, DOJO_VA_END);
	default:
		return dojo_bind_map_other(bind, item);
	}
}

/* Lock an external buffer; private ones are locked with the address space. */
static int dojo_bind_lock_obj(struct dojo_vm *vm, struct drm_exec *exec,
			      struct drm_gem_object *obj)
{
	if (!obj || !drm_gpuvm_is_extobj(&vm->base, obj))
		return 0;
	return drm_exec_lock_obj(exec, obj);
}

static int dojo_bind_lock_item(struct dojo_vm *vm, struct drm_exec *exec,
			       const struct dojo_bind_item *item)
{
	const struct drm_dojo_bind_op *op = item->op;
	struct drm_gpuva *va;
	int ret;

	ret = dojo_bind_lock_obj(vm, exec, item->obj);
	if (ret)
		return ret;
	if (op->type == DRM_DOJO_BIND_UNMAP_ALL)
		return item->obj ? 0 : drm_gpuvm_prepare_objects(&vm->base, exec, 0);

	drm_gpuvm_for_each_va_range(va, &vm->base, op->va, op->va + op->size) {
		ret = dojo_bind_lock_obj(vm, exec, va->gem.obj);
		if (ret)
			return ret;
	}
	return 0;
}

static int dojo_bind_lock(struct dojo_vm *vm, struct drm_exec *exec,
			  const struct dojo_bind_item *item, u32 count)
{
	int ret;

	drm_exec_init(exec, DRM_EXEC_INTERRUPTIBLE_WAIT | DRM_EXEC_IGNORE_DUPLICATES, 0);
	drm_exec_until_all_locked(exec) {
		ret = drm_exec_lock_obj(exec, vm->base.r_obj);
		drm_exec_retry_on_contention(exec);
		for (u32 i = 0; i < count && !ret; i++) {
			ret = dojo_bind_lock_item(vm, exec, &item[i]);
			drm_exec_retry_on_contention(exec);
		}
		if (ret)
			break;
	}
	return ret;
}

/*
 * If the memory of a userptr has changed since this call looked, the next
 * submission binds it, and for now the page table is to show nothing.
 */
static void dojo_bind_check_userptrs(struct dojo_bind *bind, const struct dojo_bind_item *item,
				     u32 count)
{
	for (u32 i = 0; i < count; i++) {
		struct dojo_userptr *userptr = item[i].userptr;

		if (!userptr || !mmu_interval_read_retry(&userptr->notifier, userptr->seq))
			continue;
		for (u32 k = 0; k < bind->steps; k++) {
			struct dojo_bind_step *step = &bind->step[k];

			if (step->type == DOJO_STEP_MAP && step->layout == userptr->layout)
				step->type = DOJO_STEP_UNMAP;
		}
	}
}

/*
 * Carry out operations that are checked and looked up.
 * @sync: of an asynchronous call
 * @out: fence of a bind that had to wait, referenced; else NULL
 */
static int dojo_bind_items(struct dojo_vm *vm, struct dojo_bind_item *item, u32 count,
			   struct dojo_sync_ctx *sync, struct dma_fence **out)
{
	struct dma_fence *fence = NULL;
	struct dojo_bind *bind;
	struct drm_exec exec;
	LIST_HEAD(changes);
	bool wait;
	int ret;

	bind = dojo_bind_create(vm);
	if (!bind)
		return -ENOMEM;

	ret = dojo_bind_lock(vm, &exec, item, count);
	for (u32 i = 0; i < count && !ret; i++)
		ret = dojo_bind_item_do(bind, &item[i]);
	if (!ret)
		ret = dojo_bind_reserve(bind);
	if (ret)
		goto err_undo;

	wait = (sync && sync->count) || dojo_bind_pending(vm) || !dojo_bind_memory_ready(&exec);
	if (wait) {
		ret = dojo_bind_job_init(bind, &exec, sync);
		if (ret)
			goto err_undo;
	}

	/* Point of no return */
	down_read(&vm->notifier_lock);
	dojo_bind_check_userptrs(bind, item, count);
	dojo_bind_commit(bind, &changes);
	if (wait) {
		fence = dojo_bind_push(bind, &exec);
		if (sync)
			dojo_sync_signal(sync, 0, fence);
	} else {
		dojo_bind_execute(bind);
	}
	up_read(&vm->notifier_lock);
	dojo_bind_changes_free(&changes);
	drm_exec_fini(&exec);
	if (!wait)
		dojo_bind_destroy(bind);
	*out = fence;
	return 0;

err_undo:
	dojo_bind_undo(bind);
	drm_exec_fini(&exec);
	dojo_bind_destroy(bind);
	return ret;
}

static int dojo_bind_check_range(struct drm_device *drm, const struct drm_dojo_bind_op *op)
{
	if (DOJO_REJECT(drm, !op->size))
		return -EINVAL;
	if (DOJO_REJECT(drm, !IS_ALIGNED(op->size, DOJO_PAGE_SIZE)))
		return -EINVAL;
	if (DOJO_REJECT(drm, !IS_ALIGNED(op->va, DOJO_PAGE_SIZE)))
		return -EINVAL;
	if (DOJO_REJECT(drm, op->va >= DOJO_VA_END))
		return -EINVAL;
	if (DOJO_REJECT(drm, op->size > DOJO_VA_END - op->va))
		return -EINVAL;
	return 0;
}

static int dojo_bind_check_unused(struct drm_device *drm, const struct drm_dojo_bind_op *op)
{
	if (DOJO_REJECT(drm, op->flags))
		return -EINVAL;
	if (DOJO_REJECT(drm, op->offset))
		return -EINVAL;
	return 0;
}

static int dojo_bind_check_op(struct drm_device *drm, const struct drm_dojo_bind_op *op)
{
	int ret = 0;

	if (DOJO_REJECT(drm, op->pad))
		return -EINVAL;
	if (DOJO_REJECT(drm, op->flags & ~DRM_DOJO_BIND_READONLY))
		return -EINVAL;

	switch (op->type) {
	case DRM_DOJO_BIND_MAP:
		if (DOJO_REJECT(drm, !IS_ALIGNED(op->offset, DOJO_PAGE_SIZE)))
			return -EINVAL;
		return dojo_bind_check_range(drm, op);
	case DRM_DOJO_BIND_USERPTR:
		if (DOJO_REJECT(drm, op->handle))
			return -EINVAL;
		if (DOJO_REJECT(drm, !IS_ALIGNED(op->offset, DOJO_PAGE_SIZE)))
			return -EINVAL;
		if (DOJO_REJECT(drm, op->offset + op->size < op->offset))
			return -EINVAL;
		return dojo_bind_check_range(drm, op);
	case DRM_DOJO_BIND_UNMAP:
	case DRM_DOJO_BIND_NULL:
		if (DOJO_REJECT(drm, op->handle))
			return -EINVAL;
		ret = dojo_bind_check_unused(drm, op);
		return ret ?: dojo_bind_check_range(drm, op);
	case DRM_DOJO_BIND_UNMAP_ALL:
		if (DOJO_REJECT(drm, op->va || op->size))
			return -EINVAL;
		return dojo_bind_check_unused(drm, op);
	default:
		DOJO_REJECT(drm, op->type > DRM_DOJO_BIND_USERPTR);
		return -EINVAL;
	}
}

static void dojo_bind_item_fini(struct dojo_bind_item *item)
{
	if (item->obj)
		drm_gem_object_put(item->obj);
	dojo_userptr_put(item->userptr);
	item->obj = NULL;
	item->userptr = NULL;
}

static int dojo_bind_check_bo(struct drm_device *drm, struct dojo_vm *vm,
			      const struct dojo_bind_item *item)
{
	const struct drm_dojo_bind_op *op = item->op;
	struct drm_gem_object *obj = item->obj;

	if (DOJO_REJECT(drm, dojo_gem_is_bo(obj) && gem_to_dojo_bo(obj)->vm_resv &&
			gem_to_dojo_bo(obj)->vm_resv != dojo_vm_resv(vm)))
		return -EINVAL;
	if (op->type != DRM_DOJO_BIND_MAP)
		return 0;
	if (DOJO_REJECT(drm, op->offset >= obj->size))
		return -EINVAL;
	if (DOJO_REJECT(drm, op->size > obj->size - op->offset))
		return -EINVAL;
	return 0;
}

/* Under vm->lock. On an error there is nothing to undo. */
static int dojo_bind_item_init(struct drm_file *file, struct dojo_vm *vm,
			       struct dojo_bind_item *item, const struct drm_dojo_bind_op *op)
{
	struct drm_device *drm = &vm->mm->tile->drm;
	struct dojo_userptr *userptr;
	int ret;

	*item = (struct dojo_bind_item){ .op = op };
	if (op->type == DRM_DOJO_BIND_USERPTR) {
		userptr = dojo_userptr_create(vm, op->offset, op->size,
					      op->flags & DRM_DOJO_BIND_READONLY);
		if (IS_ERR(userptr))
			return PTR_ERR(userptr);
		item->userptr = userptr;
		return 0;
	}
	if (op->type != DRM_DOJO_BIND_MAP && !op->handle)
		return 0;

	item->obj = drm_gem_object_lookup(file, op->handle);
	if (DOJO_REJECT(drm, !item->obj))
		return -ENOENT;
	ret = dojo_bind_check_bo(drm, vm, item);
	if (ret)
		dojo_bind_item_fini(item);
	return ret;
}

static int dojo_bind_vm_ready(struct dojo_vm *vm)
{
	if (vm->dead)
		return -ENODEV;
	return DOJO_REJECT(&vm->mm->tile->drm, vm->unusable) ? -ENOENT : 0;
}

/* One operation, from the beginning to the end */
static int dojo_bind_sync_one(struct drm_file *file, struct dojo_vm *vm,
			      const struct drm_dojo_bind_op *op)
{
	struct dojo_bind_item item = {};
	struct dma_fence *fence = NULL;
	int ret;

	ret = dojo_bind_check_op(&vm->mm->tile->drm, op);
	if (ret)
		return ret;
	ret = mutex_lock_interruptible(&vm->lock);
	if (ret)
		return ret;
	ret = dojo_bind_vm_ready(vm);
	if (!ret)
		ret = dojo_bind_item_init(file, vm, &item, op);
	if (!ret)
		ret = dojo_bind_items(vm, &item, 1, NULL, &fence);
	mutex_unlock(&vm->lock);

	dojo_bind_item_fini(&item);
	if (fence) {
		/* Done again from the start after a signal: the outcome is the same. */
		ret = dma_fence_wait(fence, true);
		dma_fence_put(fence);
	}
	return ret;
}

static int dojo_bind_sync(struct drm_file *file, struct dojo_vm *vm,
			  struct drm_dojo_vm_bind *args, const struct drm_dojo_bind_op *op)
{
	u32 count = args->ops.count;

	for (u32 i = 0; i < count; i++) {
		int ret = dojo_bind_sync_one(file, vm, &op[i]);

		if (ret) {
			/* A call that is restarted must find its arguments as they were. */
			if (ret != -ERESTARTSYS && ret != -EINTR)
				args->ops.count = i;
			return ret;
		}
	}
	return 0;
}

static int dojo_bind_async(struct drm_file *file, struct dojo_vm *vm,
			   struct drm_dojo_vm_bind *args, const struct drm_dojo_bind_op *op)
{
	u32 count = args->ops.count, done = 0;
	struct dma_fence *fence = NULL;
	struct dojo_bind_item *item;
	struct dojo_sync_ctx sync;
	int ret = 0;

	for (u32 i = 0; i < count && !ret; i++)
		ret = dojo_bind_check_op(&vm->mm->tile->drm, &op[i]);
	if (ret)
		return ret;

	item = kvcalloc(max(count, 1u), sizeof(*item), GFP_KERNEL);
	if (!item)
		return -ENOMEM;
	dojo_sync_ctx_init(&sync, file);
	ret = dojo_sync_collect(&sync, &args->syncs, 0);
	if (ret)
		goto out;

	ret = mutex_lock_interruptible(&vm->lock);
	if (ret)
		goto out;
	ret = dojo_bind_vm_ready(vm);
	while (!ret && done < count) {
		ret = dojo_bind_item_init(file, vm, &item[done], &op[done]);
		if (!ret)
			done++;
	}
	if (!ret)
		ret = dojo_bind_items(vm, item, count, &sync, &fence);
	mutex_unlock(&vm->lock);

	dma_fence_put(fence);
	while (done)
		dojo_bind_item_fini(&item[--done]);
out:
	dojo_sync_ctx_fini(&sync);
	kvfree(item);
	return ret;
}

/**
 * dojo_ioctl_vm_bind() - DRM_IOCTL_DOJO_VM_BIND
 * @drm: DRM device
 * @data: struct drm_dojo_vm_bind
 * @file: caller
 *
 * Return: 0 or an error.
 */
int dojo_ioctl_vm_bind(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_dojo_vm_bind *args = data;
	struct drm_dojo_bind_op *op;
	struct dojo_vm *vm;
	int ret;

	if (DOJO_REJECT(drm, args->flags & ~DRM_DOJO_VM_BIND_ASYNC))
		return -EINVAL;
	if (DOJO_REJECT(drm, !(args->flags & DRM_DOJO_VM_BIND_ASYNC) && args->syncs.count))
		return -EINVAL;

	vm = dojo_vm_lookup(to_dojo_file(file), args->vm_id);
	if (DOJO_REJECT(drm, !vm))
		return -ENOENT;

	op = dojo_uobj_get_array(&args->ops, DOJO_UOBJ_MIN_STRIDE(struct drm_dojo_bind_op, size),
				 sizeof(*op), DOJO_BINDS_PER_CALL);
	if (IS_ERR(op)) {
		ret = PTR_ERR(op);
		goto out;
	}
	if (args->flags & DRM_DOJO_VM_BIND_ASYNC)
		ret = dojo_bind_async(file, vm, args, op);
	else
		ret = dojo_bind_sync(file, vm, args, op);
	kvfree(op);
out:
	dojo_vm_put(vm);
	return ret;
}
