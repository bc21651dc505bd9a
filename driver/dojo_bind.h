/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside of an address space: mappings, binds, userptrs.
 *
 * The mappings (drm_gpuvm's tree) say at once, under &dojo_vm.lock, what the
 * address space is to look like after all binds so far. The page table follows:
 * binds are carried out in the order of the calls, by the caller if none is
 * waiting and by the VM's scheduler entity otherwise.
 *
 * Locks, outermost first: &dojo_vm.lock, mmap_lock, reservations,
 * &dojo_vm.notifier_lock, &dojo_vm.pt_lock.
 */
#ifndef DOJO_BIND_H
#define DOJO_BIND_H

#include <linux/kref.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/workqueue.h>

#include <drm/drm_exec.h>
#include <drm/drm_gpuvm.h>
#include <drm/gpu_scheduler.h>

#include "dojo_bo.h"
#include "dojo_pt.h"

struct dojo_bind_fence;
struct dojo_mm;
struct dojo_sync_ctx;
struct dojo_user;

/**
 * struct dojo_vm - an address space
 * @base: its mappings; its reference count keeps the memory
 * @users: references of the file, of queues and of binds; with the last one
 *	everything is unmapped and the ASID is given back
 * @mm: memory management of the tile
 * @user: counts it, until the ASID is given back
 * @asid: hardware's number for it
 * @lock: guards the mappings and the order of binds
 * @entity: orders binds that have to wait
 * @pt_lock: guards @pt and @counted; never held over an allocation
 * @pt: page table; written by binds, one after another
 * @counted: binds that have counted the page tables they need and are not done
 * @dead: the tile is gone, and @pt with it; under @lock
 * @unusable: reset took what was mapped
 * @sram: something in SRAM has been mapped, which a tile reset takes
 * @full: HBM has no room for more of this address space; while it is validated
 * @mappings: how many; under @lock
 * @last_bind: the last one given to @entity; under @lock
 * @rebind: brings back what was evicted, and jobs wait for it; under @lock
 * @bind_context: of the binds' own fences
 * @bind_seqno: of the last one; for the scheduler
 * @notifier_lock: read by submissions between checking userptrs and publishing
 *	fences, written by mmu notifiers
 * @invalid: userptrs to be looked at before the next submission; under
 *	@notifier_lock
 * @release: gives everything back
 */
struct dojo_vm {
	struct drm_gpuvm base;
	struct kref users;
	struct dojo_mm *mm;
	struct dojo_user *user;
	u32 asid;

	struct mutex lock;
	struct drm_sched_entity entity;
	struct mutex pt_lock;
	struct dojo_pt pt;
	u32 counted;
	bool dead;
	bool unusable;
	bool sram;
	bool full;
	u64 mappings;
	struct dma_fence *last_bind;
	struct dma_fence *rebind;
	u64 bind_context;
	u64 bind_seqno;

	struct rw_semaphore notifier_lock;
	struct list_head invalid;

	struct work_struct release;
};

/**
 * struct dojo_userptr - a range of a program's memory
 * @notifier: tells of its changes
 * @ref: one for each mapping, under &dojo_vm.lock
 * @vm: address space, which outlives it
 * @size: bytes
 * @readonly: the tile does not write to it
 * @vmas: mappings, under &dojo_vm.lock
 * @invalid: in &dojo_vm.invalid, if @vmas are not bound to its present memory
 * @seq: of @notifier, that @dma and @layout belong to
 * @mapped: for DMA; under &dojo_vm.notifier_lock
 * @dma: bus addresses of its pages, DMA_MAPPING_ERROR where there is none
 * @layout: the same
 */
struct dojo_userptr {
	struct mmu_interval_notifier notifier;
	struct kref ref;
	struct dojo_vm *vm;
	u64 size;
	bool readonly;
	struct list_head vmas;
	struct list_head invalid;
	unsigned long seq;
	bool mapped;
	dma_addr_t *dma;
	struct dojo_layout *layout;
};

/**
 * struct dojo_vma - a mapping
 * @base: range, and buffer if it is of one; @base.gem.offset is an offset into
 *	@userptr if it is of that
 * @permission: DOJO_PTE_READ, DOJO_PTE_WRITE
 * @userptr: referenced; neither this nor a buffer: a NULL mapping
 * @link: in &dojo_userptr.vmas, or among what a bind has removed
 */
struct dojo_vma {
	struct drm_gpuva base;
	u64 permission;
	struct dojo_userptr *userptr;
	struct list_head link;
};

enum dojo_bind_step_type {
	DOJO_STEP_UNMAP,
	DOJO_STEP_MAP,
};

/**
 * struct dojo_bind_step - a change of the page table
 * @type: &enum dojo_bind_step_type
 * @va: page aligned
 * @size: bytes
 * @layout: MAP: of the memory, referenced; NULL: none
 * @offset: MAP: in @layout
 * @permission: MAP: DOJO_PTE_READ, DOJO_PTE_WRITE
 */
struct dojo_bind_step {
	enum dojo_bind_step_type type;
	u64 va;
	u64 size;
	struct dojo_layout *layout;
	u64 offset;
	u64 permission;
};

/**
 * struct dojo_bind - changes of a page table that are done together
 * @base: for the scheduler; initialised if the bind has to wait
 * @vm: address space; referenced
 * @fence: for the scheduler
 * @step: what to do, in order
 * @steps: how many
 * @capacity: of @step
 * @need: page tables that they may take
 * @counted: it is one of &dojo_vm.counted
 * @batch: those page tables
 * @changes: of the mappings, &struct dojo_bind_change, until they are final
 * @removed: mappings to be freed afterwards
 * @work: frees everything
 */
struct dojo_bind {
	struct drm_sched_job base;
	struct dojo_vm *vm;
	struct dojo_bind_fence *fence;
	struct dojo_bind_step *step;
	u32 steps;
	u32 capacity;
	struct dojo_pt_need need;
	bool counted;
	struct dojo_pt_batch batch;
	struct list_head changes;
	struct list_head removed;
	struct work_struct work;
};

static inline struct dojo_vm *to_dojo_vm(struct drm_gpuvm *gpuvm)
{
	return container_of(gpuvm, struct dojo_vm, base);
}

static inline struct dojo_vma *to_dojo_vma(struct drm_gpuva *va)
{
	return container_of(va, struct dojo_vma, base);
}

static inline struct dojo_vm_resv *dojo_vm_resv(const struct dojo_vm *vm)
{
	return to_dojo_vm_resv(vm->base.r_obj);
}

extern const struct drm_gpuvm_ops dojo_gpuvm_ops;

/* dojo_vm.c */
int dojo_vm_reserve_fences(struct drm_exec *exec, unsigned int fences);
void dojo_vm_kill_all(struct dojo_mm *mm);

/* dojo_bind.c */
int dojo_bind_sched_init(struct dojo_mm *mm);
void dojo_bind_sched_fini(struct dojo_mm *mm);
int dojo_bind_entity_init(struct dojo_vm *vm);
struct dojo_bind *dojo_bind_create(struct dojo_vm *vm);
void dojo_bind_destroy(struct dojo_bind *bind);
struct dojo_layout *dojo_bind_layout(struct dojo_vm *vm, struct drm_gem_object *obj);
int dojo_bind_step_map(struct dojo_bind *bind, u64 va, u64 size, struct dojo_layout *layout,
		       u64 offset, u64 permission);
int dojo_bind_step_unmap(struct dojo_bind *bind, u64 va, u64 size);
int dojo_bind_reserve(struct dojo_bind *bind);
bool dojo_bind_pending(const struct dojo_vm *vm);
bool dojo_bind_memory_ready(struct drm_exec *exec);
int dojo_bind_job_init(struct dojo_bind *bind, struct drm_exec *exec, struct dojo_sync_ctx *sync);
struct dma_fence *dojo_bind_push(struct dojo_bind *bind, struct drm_exec *exec);
void dojo_bind_execute(struct dojo_bind *bind);
int dojo_bind_restore(struct dojo_vm *vm, struct drm_exec *exec);
void dojo_vma_free(struct dojo_vma *vma);

/* dojo_userptr.c */
struct dojo_userptr *dojo_userptr_create(struct dojo_vm *vm, u64 addr, u64 size, bool readonly);
void dojo_userptr_put(struct dojo_userptr *userptr);
int dojo_userptr_update_all(struct dojo_vm *vm);
void dojo_userptr_unmap_dma(struct dojo_userptr *userptr);

#endif
