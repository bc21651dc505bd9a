// SPDX-License-Identifier: GPL-2.0-only
/* Address spaces: their life, and how a submission uses them. */
#include <linux/dma-fence.h>
#include <linux/highmem.h>
#include <linux/io.h>
#include <linux/slab.h>

#include <drm/drm_exec.h>
#include <drm/drm_gem.h>
#include <drm/ttm/ttm_bo.h>

#include "dojo_admin.h"
#include "dojo_bind.h"
#include "dojo_job.h"
#include "dojo_ttm.h"
#include "dojo_user.h"
#include "dojo_vm.h"

/* What an address space counts for */
static const struct dojo_holding dojo_vm_holding = { .vms = 1 };

/* ---- the reservation that private buffers share */

static void dojo_vm_resv_free(struct drm_gem_object *obj)
{
	struct dojo_vm_resv *resv = to_dojo_vm_resv(obj);

	ttm_lru_bulk_move_fini(&to_dojo_tile(obj->dev)->mm->ttm, &resv->bulk);
	drm_gem_object_release(obj);
	kfree(resv);
}

static const struct drm_gem_object_funcs dojo_vm_resv_funcs = {
	.free = dojo_vm_resv_free,
};

static struct dojo_vm_resv *dojo_vm_resv_create(struct drm_device *drm)
{
	struct dojo_vm_resv *resv = kzalloc(sizeof(*resv), GFP_KERNEL);

	if (!resv)
		return NULL;
	resv->base.funcs = &dojo_vm_resv_funcs;
	drm_gem_private_object_init(drm, &resv->base, 0);
	ttm_lru_bulk_move_init(&resv->bulk);
	return resv;
}

/* ---- life */

static void dojo_vm_free(struct drm_gpuvm *gpuvm)
{
	struct dojo_vm *vm = to_dojo_vm(gpuvm);

	mutex_destroy(&vm->pt_lock);
	mutex_destroy(&vm->lock);
	kfree(vm);
}

static int dojo_vm_validate_bo(struct drm_gpuvm_bo *vm_bo, struct drm_exec *exec)
{
	struct drm_gem_object *obj = vm_bo->obj;

	if (!dojo_gem_is_bo(obj))
		return dojo_import_validate(obj);
	if (dojo_bo_absent(gem_to_dojo_bo(obj)))
		return 0;
	return dojo_bo_validate(gem_to_dojo_bo(obj), &to_dojo_vm(vm_bo->vm)->full);
}

const struct drm_gpuvm_ops dojo_gpuvm_ops = {
	.vm_free = dojo_vm_free,
	.vm_bo_validate = dojo_vm_validate_bo,
};

static void dojo_vm_drop(struct dojo_vm *vm, struct drm_gpuva *va, struct list_head *dropped)
{
	drm_gpuva_remove(va);
	drm_gpuva_unlink(va);
	list_move(&to_dojo_vma(va)->link, dropped);
	vm->mappings--;
}

/* Drop mappings up to the first of an external buffer; return that, referenced. */
static struct drm_gem_object *dojo_vm_drop_private(struct dojo_vm *vm, struct list_head *dropped)
{
	struct drm_gem_object *obj = NULL;
	struct drm_gpuva *va, *next;

	dma_resv_lock(drm_gpuvm_resv(&vm->base), NULL);
	drm_gpuvm_for_each_va_safe(va, next, &vm->base) {
		obj = va->gem.obj;
		if (obj && drm_gpuvm_is_extobj(&vm->base, obj)) {
			drm_gem_object_get(obj);
			break;
		}
		obj = NULL;
		dojo_vm_drop(vm, va, dropped);
	}
	dma_resv_unlock(drm_gpuvm_resv(&vm->base));
	return obj;
}

static void dojo_vm_drop_external(struct dojo_vm *vm, struct drm_gem_object *obj,
				  struct list_head *dropped)
{
	struct drm_gpuva *va, *next;
	struct drm_gpuvm_bo *vm_bo;
	struct drm_exec exec;
	int ret;

	drm_exec_init(&exec, DRM_EXEC_IGNORE_DUPLICATES, 0);
	drm_exec_until_all_locked(&exec) {
		ret = drm_exec_lock_obj(&exec, vm->base.r_obj);
		drm_exec_retry_on_contention(&exec);
		if (!ret)
			ret = drm_exec_lock_obj(&exec, obj);
		drm_exec_retry_on_contention(&exec);
		if (ret)
			break;
	}
	vm_bo = ret ? NULL : drm_gpuvm_bo_find(&vm->base, obj);
	if (vm_bo) {
		drm_gpuvm_bo_for_each_va_safe(va, next, vm_bo)
			dojo_vm_drop(vm, va, dropped);
		drm_gpuvm_bo_put(vm_bo);
	}
	drm_exec_fini(&exec);
	if (ret)
		cond_resched();	/* without memory for two locks: try again */
}

static void dojo_vm_unmap_everything(struct dojo_vm *vm)
{
	struct dojo_vma *vma, *next;
	struct drm_gem_object *obj;
	LIST_HEAD(dropped);

	while ((obj = dojo_vm_drop_private(vm, &dropped))) {
		dojo_vm_drop_external(vm, obj, &dropped);
		drm_gem_object_put(obj);
	}
	list_for_each_entry_safe(vma, next, &dropped, link)
		dojo_vma_free(vma);
}

/* The card forgets the page table, and the ASID may be used again. */
static void dojo_vm_put_asid(struct dojo_vm *vm)
{
	struct dojo_mm *mm = vm->mm;

	if (!vm->asid)
		return;
	mutex_lock(&mm->asid_lock);
	dojo_admin_asid_clear(mm->tile, vm->asid);
	xa_erase(&mm->vms, vm->asid);
	mutex_unlock(&mm->asid_lock);
}

static void dojo_vm_release_work(struct work_struct *work)
{
	struct dojo_vm *vm = container_of(work, struct dojo_vm, release);

	/* No queue is left, and no bind: each holds a reference. */
	dojo_vm_put_asid(vm);
	dojo_user_give(vm->user, &dojo_vm_holding);
	mutex_lock(&vm->lock);
	dojo_vm_unmap_everything(vm);
	dojo_pt_fini(&vm->pt);
	mutex_unlock(&vm->lock);

	drm_sched_entity_destroy(&vm->entity);
	dma_fence_put(vm->last_bind);
	dma_fence_put(vm->rebind);
	drm_gpuvm_put(&vm->base);
}

static void dojo_vm_release(struct kref *users)
{
	struct dojo_vm *vm = container_of(users, struct dojo_vm, users);

	queue_work(dojo_wq, &vm->release);
}

/**
 * dojo_vm_get() - use an address space
 * @vm: address space
 *
 * Return: @vm.
 */
struct dojo_vm *dojo_vm_get(struct dojo_vm *vm)
{
	kref_get(&vm->users);
	return vm;
}

/**
 * dojo_vm_put() - stop using an address space; any context
 * @vm: address space, or NULL
 */
void dojo_vm_put(struct dojo_vm *vm)
{
	if (vm)
		kref_put(&vm->users, dojo_vm_release);
}

/**
 * dojo_vm_lookup() - find an address space of a file
 * @file: file
 * @id: what the file calls it
 *
 * Return: the address space, to be given back with dojo_vm_put(); NULL: none.
 */
struct dojo_vm *dojo_vm_lookup(struct dojo_file *file, u32 id)
{
	struct dojo_vm *vm;

	xa_lock(&file->mm->vms);
	vm = xa_load(&file->mm->vms, id);
	if (vm)
		kref_get(&vm->users);
	xa_unlock(&file->mm->vms);
	return vm;
}

/**
 * dojo_vm_asid() - what the hardware calls an address space
 * @vm: address space
 *
 * Return: its ASID.
 */
u32 dojo_vm_asid(const struct dojo_vm *vm)
{
	return vm->asid;
}

/**
 * dojo_vm_usable() - is an address space whole
 * @vm: address space
 *
 * Return: false if a reset took what was mapped in it.
 */
bool dojo_vm_usable(const struct dojo_vm *vm)
{
	return !READ_ONCE(vm->unusable);
}

static int dojo_vm_take_asid(struct dojo_vm *vm)
{
	struct dojo_mm *mm = vm->mm;
	int ret;

	/* The place is taken first: nothing may be allocated under the lock. */
	ret = xa_alloc(&mm->vms, &vm->asid, NULL,
		       XA_LIMIT(1, mm->tile->max_asids - 1), GFP_KERNEL);
	if (ret)
		return ret == -EBUSY ? -ENOSPC : ret;

	mutex_lock(&mm->asid_lock);
	xa_store(&mm->vms, vm->asid, vm, GFP_KERNEL);
	ret = dojo_admin_asid_set(mm->tile, vm->asid, dojo_pt_root(&vm->pt));
	if (ret)
		xa_erase(&mm->vms, vm->asid);
	mutex_unlock(&mm->asid_lock);
	if (ret)
		vm->asid = 0;
	return ret;
}

static struct dojo_vm *dojo_vm_create(struct dojo_tile *tile, struct dojo_user *user)
{
	struct dojo_vm_resv *resv;
	struct dojo_vm *vm;
	int ret;

	vm = kzalloc(sizeof(*vm), GFP_KERNEL);
	if (!vm)
		return ERR_PTR(-ENOMEM);
	resv = dojo_vm_resv_create(&tile->drm);
	if (!resv) {
		kfree(vm);
		return ERR_PTR(-ENOMEM);
	}

	kref_init(&vm->users);
	vm->mm = tile->mm;
	vm->user = user;
	mutex_init(&vm->lock);
	mutex_init(&vm->pt_lock);
	init_rwsem(&vm->notifier_lock);
	INIT_LIST_HEAD(&vm->invalid);
	INIT_WORK(&vm->release, dojo_vm_release_work);
	vm->bind_context = dma_fence_context_alloc(1);
	drm_gpuvm_init(&vm->base, "dojo", DRM_GPUVM_RESV_PROTECTED, &tile->drm, &resv->base,
		       0, DOJO_VA_END, 0, 0, &dojo_gpuvm_ops);
	drm_gem_object_put(&resv->base);

	ret = dojo_pt_init(&vm->pt, &dojo_pt_tile_ops, tile->mm);
	if (ret)
		goto err_gpuvm;
	ret = dojo_bind_entity_init(vm);
	if (ret)
		goto err_pt;
	ret = dojo_vm_take_asid(vm);
	if (ret)
		goto err_entity;
	return vm;

err_entity:
	drm_sched_entity_destroy(&vm->entity);
err_pt:
	dojo_pt_fini(&vm->pt);
err_gpuvm:
	drm_gpuvm_put(&vm->base);
	return ERR_PTR(ret);
}

/*
 * The tile is about to go while files are still open: nothing of it may be left
 * in page tables, nor in the tables of the DMA API.
 */
static void dojo_vm_kill(struct dojo_vm *vm)
{
	mutex_lock(&vm->lock);
	if (vm->last_bind)
		dma_fence_wait(vm->last_bind, false);
	if (!vm->dead) {
		struct drm_gpuva *va;

		vm->dead = true;
		drm_gpuvm_for_each_va(va, &vm->base) {
			if (to_dojo_vma(va)->userptr)
				dojo_userptr_unmap_dma(to_dojo_vma(va)->userptr);
		}
		mutex_lock(&vm->pt_lock);
		dojo_pt_fini(&vm->pt);
		mutex_unlock(&vm->pt_lock);
	}
	mutex_unlock(&vm->lock);
}

/**
 * dojo_vm_kill_all() - take the page tables of all address spaces away
 * @mm: memory management of a tile whose queues are stopped for good
 */
void dojo_vm_kill_all(struct dojo_mm *mm)
{
	unsigned long asid;
	struct dojo_vm *vm;

	xa_for_each(&mm->vms, asid, vm) {
		xa_lock(&mm->vms);
		vm = xa_load(&mm->vms, asid);
		if (vm && !kref_get_unless_zero(&vm->users))
			vm = NULL;
		xa_unlock(&mm->vms);
		if (!vm)
			continue;
		dojo_vm_kill(vm);
		dojo_vm_put(vm);
	}
}

/* ---- submissions */

/**
 * dojo_vm_reserve_fences() - reserve room for fences in all that is locked
 * @exec: what is locked
 * @fences: how many
 *
 * TTM may have used what was reserved while it moved buffers.
 *
 * Return: 0 or -ENOMEM.
 */
int dojo_vm_reserve_fences(struct drm_exec *exec, unsigned int fences)
{
	for (unsigned int i = 0; i < exec->num_objects; i++) {
		int ret = dma_resv_reserve_fences(exec->objects[i]->resv, fences);

		if (ret)
			return ret;
	}
	return 0;
}

static int dojo_vm_lock_objects(struct dojo_vm *vm, struct drm_exec *exec, unsigned int fences)
{
	int ret = 0;

	drm_exec_init(exec, DRM_EXEC_INTERRUPTIBLE_WAIT | DRM_EXEC_IGNORE_DUPLICATES, 0);
	drm_exec_until_all_locked(exec) {
		ret = drm_gpuvm_prepare_vm(&vm->base, exec, fences);
		drm_exec_retry_on_contention(exec);
		if (ret)
			break;
		ret = drm_gpuvm_prepare_objects(&vm->base, exec, fences);
		drm_exec_retry_on_contention(exec);
		if (ret)
			break;
		/* Still under the ticket, with which TTM locks what it evicts */
		vm->full = false;
		ret = drm_gpuvm_validate(&vm->base, exec);
		if (ret)
			break;
	}
	return ret;
}

/* What is used last is evicted last. */
static void dojo_vm_touch(struct dojo_vm *vm)
{
	struct ttm_device *ttm = &vm->mm->ttm;
	struct drm_gpuvm_bo *vm_bo;

	spin_lock(&ttm->lru_lock);
	ttm_lru_bulk_move_tail(&dojo_vm_resv(vm)->bulk);
	list_for_each_entry(vm_bo, &vm->base.extobj.list, list.entry.extobj) {
		if (dojo_gem_is_bo(vm_bo->obj))
			ttm_bo_move_to_lru_tail(&gem_to_dojo_bo(vm_bo->obj)->ttm);
	}
	spin_unlock(&ttm->lru_lock);
}

/**
 * dojo_vm_lock() - lock an address space and bring back what was evicted
 * @vm: address space
 * @exec: initialised here; holds the reservations
 * @fences: to be published in each
 *
 * On success dojo_vm_unlock() must follow, on failure it must not.
 *
 * Return: 0; -ENOENT: unusable; -ENODEV, -ENOMEM, -ENOSPC, -EINTR, -ERESTARTSYS.
 */
int dojo_vm_lock(struct dojo_vm *vm, struct drm_exec *exec, unsigned int fences)
{
	int ret;

	ret = mutex_lock_interruptible(&vm->lock);
	if (ret)
		return ret;

	do {
		ret = vm->dead ? -ENODEV : vm->unusable ? -ENOENT : 0;
		if (ret)
			break;
		ret = dojo_userptr_update_all(vm);
		if (ret)
			break;

		ret = dojo_vm_lock_objects(vm, exec, fences);
		if (!ret)
			ret = dojo_bind_restore(vm, exec);
		if (!ret)
			ret = dojo_vm_reserve_fences(exec, fences);
		if (ret)
			drm_exec_fini(exec);
	} while (ret == -EAGAIN);

	if (ret) {
		mutex_unlock(&vm->lock);
		return ret;
	}
	dojo_vm_touch(vm);
	return 0;
}

/**
 * dojo_vm_unlock() - undo dojo_vm_lock()
 * @vm: address space
 * @exec: as for dojo_vm_lock()
 */
void dojo_vm_unlock(struct dojo_vm *vm, struct drm_exec *exec)
{
	drm_exec_fini(exec);
	mutex_unlock(&vm->lock);
}

/**
 * dojo_vm_job_deps() - have a job wait for what its address space waits for
 * @vm: address space, locked
 * @job: not armed
 *
 * Those are moves and clears of what is mapped, and binds that bring buffers
 * back. The binds that user space asked for announce themselves by its syncobjs.
 *
 * Return: 0 or -ENOMEM.
 */
int dojo_vm_job_deps(struct dojo_vm *vm, struct dojo_job *job)
{
	struct drm_gpuvm_bo *vm_bo;
	int ret;

	ret = drm_sched_job_add_resv_dependencies(&job->base, drm_gpuvm_resv(&vm->base),
						  DMA_RESV_USAGE_KERNEL);
	if (ret)
		return ret;
	list_for_each_entry(vm_bo, &vm->base.extobj.list, list.entry.extobj) {
		ret = drm_sched_job_add_resv_dependencies(&job->base, vm_bo->obj->resv,
							  DMA_RESV_USAGE_KERNEL);
		if (ret)
			return ret;
	}
	if (!vm->rebind || dma_fence_is_signaled(vm->rebind))
		return 0;
	return dojo_job_add_dependency(job, dma_fence_get(vm->rebind));
}

/**
 * dojo_vm_userptr_begin() - hold off changes of userptrs
 * @vm: address space, locked
 *
 * Return: 0, and dojo_vm_userptr_end() must follow; -EAGAIN: the memory behind
 * a userptr has changed.
 */
int dojo_vm_userptr_begin(struct dojo_vm *vm)
{
	down_read(&vm->notifier_lock);
	if (list_empty(&vm->invalid))
		return 0;
	up_read(&vm->notifier_lock);
	return -EAGAIN;
}

/**
 * dojo_vm_userptr_end() - undo dojo_vm_userptr_begin()
 * @vm: address space
 */
void dojo_vm_userptr_end(struct dojo_vm *vm)
{
	up_read(&vm->notifier_lock);
}

/**
 * dojo_vm_publish() - have whoever wants to change memory wait for a job
 * @vm: address space, locked
 * @exec: as for dojo_vm_lock()
 * @fence: of the job
 */
void dojo_vm_publish(struct dojo_vm *vm, struct drm_exec *exec, struct dma_fence *fence)
{
	drm_gpuvm_resv_add_fence(&vm->base, exec, fence, DMA_RESV_USAGE_BOOKKEEP,
				 DMA_RESV_USAGE_BOOKKEEP);
}

/* ---- what a dump shows */

/**
 * dojo_vm_walk() - the page-table entries on the way to an address
 * @vm: address space
 * @va: address
 * @pte: out: from the root's on
 *
 * Does not sleep, but in a context that may.
 *
 * Return: how many there are; 0: a bind is changing them.
 */
unsigned int dojo_vm_walk(struct dojo_vm *vm, u64 va, u64 pte[4])
{
	unsigned int count;

	if (va >= DOJO_VA_END || !mutex_trylock(&vm->pt_lock))
		return 0;
	count = dojo_pt_walk(&vm->pt, va, pte);
	mutex_unlock(&vm->pt_lock);
	return count;
}

/* Bytes of a buffer, up to the end of their page; it is reserved. */
static size_t dojo_vm_peek_bo(struct dojo_vm *vm, struct dojo_bo *bo, u64 offset, void *buf,
			      size_t size)
{
	struct dojo_layout *layout;
	size_t done = 0;
	void *page;

	size = min_t(size_t, size, PAGE_SIZE - offset_in_page(offset));
	layout = dojo_bo_layout(bo);
	if (!layout)
		return 0;
	if (bo->ttm.resource->mem_type == DOJO_PL_HBM && vm->mm->hbm_io) {
		const struct dojo_run *run = &layout->run[dojo_layout_find(layout, offset)];
		u64 at = dojo_run_pte(run, round_down(offset, PAGE_SIZE)) & DOJO_PTE_ADDR_MASK;

		memcpy_fromio(buf, vm->mm->hbm_io + at + offset_in_page(offset), size);
		done = size;
	} else if (bo->ttm.resource->mem_type == DOJO_PL_SYSTEM) {
		page = kmap_local_page(bo->ttm.ttm->pages[offset >> PAGE_SHIFT]);
		memcpy(buf, page + offset_in_page(offset), size);
		kunmap_local(page);
		done = size;
	}
	dojo_layout_put(layout);
	return done;
}

/**
 * dojo_vm_peek() - read what lies at an address, for a dump
 * @vm: address space
 * @va: address
 * @buf: out
 * @size: of @buf
 *
 * Does not sleep for locks, and shows what buffers hold now, which need not be
 * what the card has seen. Under drm_dev_enter().
 *
 * Return: bytes copied; fewer than @size if a lock is held, at the end of what is
 * mapped, and in SRAM and userptrs.
 */
size_t dojo_vm_peek(struct dojo_vm *vm, u64 va, void *buf, size_t size)
{
	size_t done = 0, step;

	if (!mutex_trylock(&vm->lock))
		return 0;
	do {
		struct drm_gpuva *at = drm_gpuva_find_first(&vm->base, va, 1);
		struct drm_gem_object *obj = at ? at->gem.obj : NULL;

		step = 0;
		if (!obj || !dojo_gem_is_bo(obj) || !dma_resv_trylock(obj->resv))
			break;
		step = dojo_vm_peek_bo(vm, gem_to_dojo_bo(obj), at->gem.offset + va - at->va.addr,
				       buf + done, size - done);
		dma_resv_unlock(obj->resv);
		done += step;
		va += step;
	} while (step && done < size);
	mutex_unlock(&vm->lock);
	return done;
}

/* ---- ioctls */

/**
 * dojo_ioctl_vm_create() - DRM_IOCTL_DOJO_VM_CREATE
 * @drm: DRM device
 * @data: struct drm_dojo_vm_create
 * @file: caller
 *
 * Return: 0 or an error.
 */
int dojo_ioctl_vm_create(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_dojo_vm_create *args = data;
	struct dojo_mm_file *mm_file = to_dojo_file(file)->mm;
	struct dojo_user *user;
	struct dojo_vm *vm;
	int ret;

	if (DOJO_REJECT(drm, args->flags))
		return -EINVAL;

	user = dojo_user_take(to_dojo_tile(drm), &dojo_vm_holding);
	if (IS_ERR(user))
		return PTR_ERR(user);
	vm = dojo_vm_create(to_dojo_tile(drm), user);
	if (IS_ERR(vm)) {
		dojo_user_give(user, &dojo_vm_holding);
		return PTR_ERR(vm);
	}
	ret = xa_alloc(&mm_file->vms, &args->vm_id, vm, xa_limit_31b, GFP_KERNEL);
	if (ret)
		dojo_vm_put(vm);
	return ret;
}

/**
 * dojo_ioctl_vm_destroy() - DRM_IOCTL_DOJO_VM_DESTROY
 * @drm: DRM device
 * @data: struct drm_dojo_vm_destroy
 * @file: caller
 *
 * Return: 0 or an error.
 */
int dojo_ioctl_vm_destroy(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_dojo_vm_destroy *args = data;
	struct dojo_vm *vm;

	if (DOJO_REJECT(drm, args->pad))
		return -EINVAL;
	vm = xa_erase(&to_dojo_file(file)->mm->vms, args->vm_id);
	if (DOJO_REJECT(drm, !vm))
		return -ENOENT;
	dojo_vm_put(vm);
	return 0;
}

/**
 * dojo_ioctl_vm_get_state() - DRM_IOCTL_DOJO_VM_GET_STATE
 * @drm: DRM device
 * @data: struct drm_dojo_vm_get_state
 * @file: caller
 *
 * Return: 0 or an error.
 */
int dojo_ioctl_vm_get_state(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_dojo_vm_get_state *args = data;
	struct dojo_vm *vm;

	vm = dojo_vm_lookup(to_dojo_file(file), args->vm_id);
	if (DOJO_REJECT(drm, !vm))
		return -ENOENT;
	args->state = dojo_vm_usable(vm) ? DRM_DOJO_VM_USABLE : DRM_DOJO_VM_UNUSABLE;
	args->mappings = READ_ONCE(vm->mappings);
	args->pt_writes = READ_ONCE(vm->pt.writes);
	args->pt_bytes = READ_ONCE(vm->pt.pages) * DOJO_PAGE_SIZE;
	dojo_vm_put(vm);
	return 0;
}
