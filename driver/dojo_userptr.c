// SPDX-License-Identifier: GPL-2.0-only
/*
 * Userptrs: a program's own memory in an address space.
 *
 * The memory is not pinned. A notifier tells when it is about to change; then
 * every job of the address space is waited for, and the next submission looks at
 * the memory again and binds it anew, or unmaps it if there is none any more.
 * So nothing need be accounted either.
 *
 * Only anonymous memory is taken: writes of the tile to pages of a file would
 * go past the file system's idea of what is dirty.
 */
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/hmm.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "dojo_bind.h"
#include "dojo_ttm.h"

static struct device *dojo_userptr_dev(const struct dojo_userptr *userptr)
{
	return dojo_dma_dev(userptr->vm->mm->tile);
}

static enum dma_data_direction dojo_userptr_dir(const struct dojo_userptr *userptr)
{
	return userptr->readonly ? DMA_TO_DEVICE : DMA_BIDIRECTIONAL;
}

static void dojo_userptr_unmap_pages(struct dojo_userptr *userptr)
{
	for (u64 i = 0; i < userptr->size >> PAGE_SHIFT; i++) {
		if (userptr->dma[i] != DMA_MAPPING_ERROR)
			dma_unmap_page(dojo_userptr_dev(userptr), userptr->dma[i], PAGE_SIZE,
				       dojo_userptr_dir(userptr));
	}
}

/* No job uses the pages any more; vm->notifier_lock is held for writing. */
static void dojo_userptr_forget(struct dojo_userptr *userptr)
{
	if (!userptr->mapped)
		return;
	userptr->mapped = false;
	dojo_userptr_unmap_pages(userptr);
}

static bool dojo_userptr_invalidate(struct mmu_interval_notifier *notifier,
				    const struct mmu_notifier_range *range, unsigned long seq)
{
	struct dojo_userptr *userptr = container_of(notifier, struct dojo_userptr, notifier);
	struct dojo_vm *vm = userptr->vm;

	if (!mmu_notifier_range_blockable(range))
		return false;

	down_write(&vm->notifier_lock);
	mmu_interval_set_seq(notifier, seq);
	if (list_empty(&userptr->invalid))
		list_add_tail(&userptr->invalid, &vm->invalid);
	up_write(&vm->notifier_lock);

	/* Jobs and binds that were let go before us */
	dma_resv_wait_timeout(drm_gpuvm_resv(&vm->base), DMA_RESV_USAGE_BOOKKEEP, false,
			      MAX_SCHEDULE_TIMEOUT);

	down_write(&vm->notifier_lock);
	dojo_userptr_forget(userptr);
	up_write(&vm->notifier_lock);
	return true;
}

static const struct mmu_interval_notifier_ops dojo_userptr_ops = {
	.invalidate = dojo_userptr_invalidate,
};

/* Why the tile cannot have this memory, 0: it can */
static int dojo_userptr_check_vma(const struct dojo_userptr *userptr, struct vm_area_struct *vma)
{
	struct drm_device *drm = &userptr->vm->mm->tile->drm;

	if (DOJO_REJECT(drm, !vma_is_anonymous(vma) || vma->vm_flags & (VM_IO | VM_PFNMAP)))
		return -EOPNOTSUPP;
	if (DOJO_REJECT(drm, !(vma->vm_flags & (userptr->readonly ? VM_READ : VM_WRITE))))
		return -EACCES;
	return 0;
}

/*
 * Fault the memory in and note its pages. What is not there, or not for the
 * tile, stays 0 in @pfns, and @why says why.
 */
static int dojo_userptr_fault(struct dojo_userptr *userptr, struct mm_struct *mm,
			      unsigned long seq, unsigned long *pfns, int *why)
{
	unsigned long start = userptr->notifier.interval_tree.start;
	unsigned long end = userptr->notifier.interval_tree.last + 1, at = start;
	struct hmm_range range = {
		.notifier = &userptr->notifier,
		.notifier_seq = seq,
		.default_flags = HMM_PFN_REQ_FAULT | (userptr->readonly ? 0 : HMM_PFN_REQ_WRITE),
	};
	struct vm_area_struct *vma;
	int ret = 0;

	VMA_ITERATOR(vmi, mm, start);

	*why = 0;
	memset(pfns, 0, (end - start) / PAGE_SIZE * sizeof(*pfns));
	mmap_read_lock(mm);
	for_each_vma_range(vmi, vma, end) {
		int bad;

		range.start = max(start, vma->vm_start);
		range.end = min(end, vma->vm_end);
		range.hmm_pfns = pfns + (range.start - start) / PAGE_SIZE;
		if (range.start > at)
			*why = *why ?: -EFAULT;
		at = range.end;

		bad = dojo_userptr_check_vma(userptr, vma);
		if (bad) {
			*why = *why ?: bad;
			continue;
		}
		ret = hmm_range_fault(&range);
		/* Anonymous memory can be had unless there is none left. */
		if (ret == -EFAULT)
			ret = -ENOMEM;
		if (ret)
			break;
	}
	mmap_read_unlock(mm);
	if (!ret && at < end)
		*why = *why ?: -EFAULT;
	return ret;
}

/* Map the pages for DMA, and describe them. */
static struct dojo_layout *dojo_userptr_map_pages(struct dojo_userptr *userptr,
						  const unsigned long *pfns)
{
	struct device *dev = dojo_userptr_dev(userptr);
	u64 pages = userptr->size >> PAGE_SHIFT;
	struct dojo_layout *layout;
	u32 runs = 1;

	for (u64 i = 0; i < pages; i++)
		userptr->dma[i] = DMA_MAPPING_ERROR;
	for (u64 i = 0; i < pages; i++) {
		if (pfns[i] & HMM_PFN_VALID) {
			userptr->dma[i] = dma_map_page(dev, hmm_pfn_to_page(pfns[i]), 0, PAGE_SIZE,
						       dojo_userptr_dir(userptr));
			if (dma_mapping_error(dev, userptr->dma[i])) {
				userptr->dma[i] = DMA_MAPPING_ERROR;
				dojo_userptr_unmap_pages(userptr);
				return NULL;
			}
		}
		runs += i && userptr->dma[i] != userptr->dma[i - 1] + PAGE_SIZE;
	}

	layout = dojo_layout_alloc(runs);
	if (!layout) {
		dojo_userptr_unmap_pages(userptr);
		return NULL;
	}
	for (u64 i = 0; i < pages; i++) {
		u64 pte = DOJO_RUN_HOLE;

		if (userptr->dma[i] != DMA_MAPPING_ERROR)
			pte = DOJO_PTE_TARGET(DOJO_TARGET_SYSTEM) | userptr->dma[i];
		dojo_layout_append(layout, pte, PAGE_SIZE);
	}
	return layout;
}

/* Make the pages the userptr's, unless they have changed since @seq. */
static int dojo_userptr_adopt(struct dojo_userptr *userptr, unsigned long seq,
			      const unsigned long *pfns)
{
	struct dojo_layout *layout;
	int ret = 0;

	layout = dojo_userptr_map_pages(userptr, pfns);
	if (!layout)
		return -ENOMEM;

	down_write(&userptr->vm->notifier_lock);
	if (mmu_interval_read_retry(&userptr->notifier, seq)) {
		dojo_userptr_unmap_pages(userptr);
		ret = -EBUSY;
	} else {
		swap(userptr->layout, layout);
		userptr->seq = seq;
		userptr->mapped = true;
	}
	up_write(&userptr->vm->notifier_lock);
	dojo_layout_put(layout);
	return ret;
}

/*
 * Look at the memory again, after a notifier has had its way with it. @why: what
 * is wrong with it, 0: nothing
 */
static int dojo_userptr_update(struct dojo_userptr *userptr, int *why)
{
	struct mm_struct *mm = userptr->notifier.mm;
	unsigned long *pfns, seq;
	int ret;

	pfns = kvmalloc_array(userptr->size >> PAGE_SHIFT, sizeof(*pfns),
			      GFP_KERNEL | __GFP_NOWARN);
	if (!pfns)
		return -ENOMEM;

	do {
		ret = -ERESTARTSYS;
		if (signal_pending(current))
			break;
		/* Waits for notifiers under way: then the old pages are forgotten. */
		seq = mmu_interval_read_begin(&userptr->notifier);
		if (mmget_not_zero(mm)) {
			ret = dojo_userptr_fault(userptr, mm, seq, pfns, why);
			mmput(mm);
		} else {
			memset(pfns, 0, (userptr->size >> PAGE_SHIFT) * sizeof(*pfns));
			*why = -EFAULT;
			ret = 0;
		}
		if (!ret)
			ret = dojo_userptr_adopt(userptr, seq, pfns);
	} while (ret == -EBUSY);

	kvfree(pfns);
	return ret;
}

/* The next userptr that has to be looked at */
static struct dojo_userptr *dojo_userptr_next(struct dojo_vm *vm)
{
	struct dojo_userptr *userptr, *next, *found = NULL;

	down_write(&vm->notifier_lock);
	list_for_each_entry_safe(userptr, next, &vm->invalid, invalid) {
		/* Unmapped meanwhile, and about to be freed */
		if (list_empty(&userptr->vmas)) {
			list_del_init(&userptr->invalid);
			continue;
		}
		if (!userptr->mapped || mmu_interval_read_retry(&userptr->notifier, userptr->seq)) {
			found = userptr;
			break;
		}
	}
	up_write(&vm->notifier_lock);
	return found;
}

/**
 * dojo_userptr_update_all() - look again at userptrs whose memory has changed
 * @vm: address space; its lock is held, and no reservation
 *
 * They stay in &dojo_vm.invalid until they are bound.
 *
 * Return: 0, -ENOMEM or -ERESTARTSYS.
 */
int dojo_userptr_update_all(struct dojo_vm *vm)
{
	struct dojo_userptr *userptr;
	int ret = 0, why;

	if (list_empty_careful(&vm->invalid))
		return 0;
	while (!ret && (userptr = dojo_userptr_next(vm)))
		ret = dojo_userptr_update(userptr, &why);
	return ret;
}

/**
 * dojo_userptr_create() - take a range of the caller's memory
 * @vm: address space; its lock is held, and no reservation
 * @addr: page aligned
 * @size: whole pages, not 0
 * @readonly: the tile does not write to it
 *
 * Return: the userptr with a reference, or an ERR_PTR: -EFAULT: there is no such
 * memory; -EOPNOTSUPP: not anonymous; -EACCES: not writable; -ENOMEM,
 * -ERESTARTSYS.
 */
struct dojo_userptr *dojo_userptr_create(struct dojo_vm *vm, u64 addr, u64 size, bool readonly)
{
	struct dojo_userptr *userptr;
	int ret, why;

	if (DOJO_REJECT(&vm->mm->tile->drm, addr + size > TASK_SIZE))
		return ERR_PTR(-EFAULT);
	if (DOJO_REJECT(&vm->mm->tile->drm, size >> PAGE_SHIFT > totalram_pages()))
		return ERR_PTR(-ENOMEM);

	userptr = kzalloc(sizeof(*userptr), GFP_KERNEL);
	if (!userptr)
		return ERR_PTR(-ENOMEM);
	kref_init(&userptr->ref);
	userptr->vm = vm;
	userptr->size = size;
	userptr->readonly = readonly;
	INIT_LIST_HEAD(&userptr->vmas);
	INIT_LIST_HEAD(&userptr->invalid);
	userptr->dma = kvmalloc_array(size >> PAGE_SHIFT, sizeof(*userptr->dma),
				      GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!userptr->dma) {
		ret = -ENOMEM;
		goto err_free;
	}

	ret = mmu_interval_notifier_insert(&userptr->notifier, current->mm, addr, size,
					   &dojo_userptr_ops);
	if (ret)
		goto err_free;
	ret = dojo_userptr_update(userptr, &why);
	ret = ret ?: why;
	if (ret) {
		dojo_userptr_put(userptr);
		return ERR_PTR(ret);
	}
	return userptr;

err_free:
	kvfree(userptr->dma);
	kfree(userptr);
	return ERR_PTR(ret);
}

static void dojo_userptr_free(struct kref *ref)
{
	struct dojo_userptr *userptr = container_of(ref, struct dojo_userptr, ref);

	mmu_interval_notifier_remove(&userptr->notifier);
	down_write(&userptr->vm->notifier_lock);
	list_del_init(&userptr->invalid);
	dojo_userptr_forget(userptr);
	up_write(&userptr->vm->notifier_lock);

	dojo_layout_put(userptr->layout);
	kvfree(userptr->dma);
	kfree(userptr);
}

/**
 * dojo_userptr_put() - drop a reference
 * @userptr: userptr, or NULL; with its last reference no page table shows it any more
 */
void dojo_userptr_put(struct dojo_userptr *userptr)
{
	if (userptr)
		kref_put(&userptr->ref, dojo_userptr_free);
}

/**
 * dojo_userptr_unmap_dma() - the tile is about to go
 * @userptr: userptr that nothing can use any more
 */
void dojo_userptr_unmap_dma(struct dojo_userptr *userptr)
{
	down_write(&userptr->vm->notifier_lock);
	dojo_userptr_forget(userptr);
	up_write(&userptr->vm->notifier_lock);
}
