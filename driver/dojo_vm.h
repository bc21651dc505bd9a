/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Address spaces and what is mapped in them.
 *
 * A submission uses an address space in this order:
 *
 *	dojo_vm_lock(vm, &exec, fences)		takes vm->lock and every reservation,
 *						brings back what was evicted
 *	  job = dojo_job_create(...)		all that can fail
 *	  dojo_vm_job_deps(vm, job)
 *	  dojo_vm_userptr_begin(vm)		-EAGAIN: dojo_job_put() the jobs,
 *						dojo_vm_unlock(), start again
 *	  fence = dojo_job_arm(job)		point of no return
 *	  dojo_vm_publish(vm, &exec, fence)	for each job or for the last only
 *	  dojo_job_push(job)
 *	  dojo_vm_userptr_end(vm)
 *	dojo_vm_unlock(vm, &exec)
 *
 * Between dojo_vm_userptr_begin() and _end() nothing may allocate memory with
 * GFP_KERNEL: an mmu notifier waits for the lock that is held.
 */
#ifndef DOJO_VM_H
#define DOJO_VM_H

#include <linux/types.h>

struct dma_fence;
struct dojo_file;
struct dojo_job;
struct dojo_vm;
struct drm_device;
struct drm_exec;
struct drm_file;

/* Operations in one VM_BIND */
#define DOJO_BINDS_PER_CALL	4096

struct dojo_vm *dojo_vm_lookup(struct dojo_file *file, u32 id);
struct dojo_vm *dojo_vm_get(struct dojo_vm *vm);
void dojo_vm_put(struct dojo_vm *vm);
u32 dojo_vm_asid(const struct dojo_vm *vm);
bool dojo_vm_usable(const struct dojo_vm *vm);

int dojo_vm_lock(struct dojo_vm *vm, struct drm_exec *exec, unsigned int fences);
void dojo_vm_unlock(struct dojo_vm *vm, struct drm_exec *exec);
int dojo_vm_job_deps(struct dojo_vm *vm, struct dojo_job *job);
int dojo_vm_userptr_begin(struct dojo_vm *vm);
void dojo_vm_userptr_end(struct dojo_vm *vm);
void dojo_vm_publish(struct dojo_vm *vm, struct drm_exec *exec, struct dma_fence *fence);

unsigned int dojo_vm_walk(struct dojo_vm *vm, u64 va, u64 pte[4]);
size_t dojo_vm_peek(struct dojo_vm *vm, u64 va, void *buf, size_t size);

int dojo_ioctl_vm_create(struct drm_device *drm, void *data, struct drm_file *file);
int dojo_ioctl_vm_destroy(struct drm_device *drm, void *data, struct drm_file *file);
int dojo_ioctl_vm_bind(struct drm_device *drm, void *data, struct drm_file *file);
int dojo_ioctl_vm_get_state(struct drm_device *drm, void *data, struct drm_file *file);

#endif
