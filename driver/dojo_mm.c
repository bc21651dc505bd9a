// SPDX-License-Identifier: GPL-2.0-only
/* Memory management of a tile: beginning, end and reset. */
#include <linux/fs.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>
#include <drm/drm_managed.h>

#include "dojo_admin.h"
#include "dojo_bind.h"
#include "dojo_mm.h"
#include "dojo_move.h"
#include "dojo_shrinker.h"
#include "dojo_ttm.h"
#include "dojo_vm.h"

/* With the last reference of the DRM device: no buffer or address space is left. */
static void dojo_mm_release(struct drm_device *drm, void *priv)
{
	struct dojo_mm *mm = priv;

	dojo_shrinker_fini(mm);
	dojo_bind_sched_fini(mm);
	dojo_ttm_fini(mm);
	xa_destroy(&mm->vms);
	mutex_destroy(&mm->grant_lock);
	mutex_destroy(&mm->asid_lock);
	mm->tile->mm = NULL;
	kfree(mm);
}

/**
 * dojo_mm_init() - make the memory management of a tile
 * @tile: tile whose registers have been read; it is not enabled yet
 *
 * From here on dojo_kmem_alloc() and dojo_kvm_root() work.
 *
 * Return: 0 or an error.
 */
int dojo_mm_init(struct dojo_tile *tile)
{
	struct dojo_mm *mm = kzalloc(sizeof(*mm), GFP_KERNEL);
	int ret;

	if (!mm)
		return -ENOMEM;
	mm->tile = tile;
	tile->mm = mm;
	xa_init_flags(&mm->vms, XA_FLAGS_ALLOC1);
	mutex_init(&mm->asid_lock);
	spin_lock_init(&mm->batch_lock);
	INIT_LIST_HEAD(&mm->batches);
	spin_lock_init(&mm->bo_lock);
	INIT_LIST_HEAD(&mm->bos);
	INIT_LIST_HEAD(&mm->purgeable);
	mutex_init(&mm->grant_lock);

	ret = dojo_ttm_init(mm);
	if (ret)
		goto err_free;
	ret = dojo_bind_sched_init(mm);
	if (ret)
		goto err_ttm;
	ret = dojo_shrinker_init(mm);
	if (ret)
		goto err_sched;
	ret = drmm_add_action_or_reset(&tile->drm, dojo_mm_release, mm);
	if (ret)
		return ret;

	/* After dojo_mm_release(), so that it is undone before. */
	ret = dojo_ttm_account_regions(mm);
	if (ret)
		return ret;

	mm->hbm_io = ioremap_wc(tile->hbm_phys, tile->hbm_size);
	if (!mm->hbm_io)
		return -ENOMEM;
	ret = dojo_kvm_init(tile);
	if (ret)
		dojo_mm_fini(tile);
	return ret;

err_sched:
	dojo_bind_sched_fini(mm);
err_ttm:
	dojo_ttm_fini(mm);
err_free:
	tile->mm = NULL;
	kfree(mm);
	return ret;
}

/**
 * dojo_mm_fini() - undo dojo_mm_init(), as far as the card is concerned
 * @tile: tile that is disabled; all kernel memory has been freed
 *
 * Buffers that open files still have go with the DRM device.
 */
void dojo_mm_fini(struct dojo_tile *tile)
{
	dojo_kvm_fini(tile);
	iounmap(tile->mm->hbm_io);
	tile->mm->hbm_io = NULL;
}

/**
 * dojo_mm_start() - begin to move and clear memory
 * @tile: tile that is enabled, with its kernel queue
 *
 * Return: 0 or an error.
 */
int dojo_mm_start(struct dojo_tile *tile)
{
	WRITE_ONCE(tile->mm->started, true);
	return 0;
}

/**
 * dojo_mm_stop() - give up everything that needs the card
 * @tile: tile whose queues are stopped for good
 *
 * Files may still be open. Their mappings show a dummy page, and what they
 * have in system memory is freed, since the bus addresses of it must not
 * outlive the driver's hold of the card.
 */
void dojo_mm_stop(struct dojo_tile *tile)
{
	struct dojo_mm *mm = tile->mm;

	spin_lock(&mm->batch_lock);
	mm->started = false;
	spin_unlock(&mm->batch_lock);

	dojo_vm_kill_all(mm);
	/* Releases of jobs, binds and address spaces */
	flush_workqueue(dojo_wq);
	dojo_move_fini(mm);
	dojo_bo_forget_all(mm);
}

/**
 * dojo_mm_set_wedged() - the tile is of no use any more, but still there; or it is again
 * @tile: tile; when it is wedged, its queues are stopped for good
 * @wedged: programs that touch their mappings go on with a dummy page
 */
void dojo_mm_set_wedged(struct dojo_tile *tile, bool wedged)
{
	struct dojo_mm *mm = tile->mm;

	if (mm->wedged == wedged)
		return;
	WRITE_ONCE(mm->wedged, wedged);
	smp_mb();	/* dojo_bo_fault() looks after it has shown a page */
	unmap_mapping_range(tile->drm.anon_inode->i_mapping, 0, 0, 1);
}

/**
 * dojo_mm_reset_prepare() - a reset is about to take memory
 * @tile: tile whose queues are paused
 * @hbm_lost: it is a card reset, else a tile reset
 *
 * Runs where fences are signalled from: nothing is allocated.
 */
void dojo_mm_reset_prepare(struct dojo_tile *tile, bool hbm_lost)
{
	struct dojo_mm *mm = tile->mm;
	unsigned long asid;
	struct dojo_vm *vm;

	xa_lock(&mm->vms);
	xa_for_each(&mm->vms, asid, vm) {
		if (hbm_lost || READ_ONCE(vm->sram))
			WRITE_ONCE(vm->unusable, true);
	}
	xa_unlock(&mm->vms);
}

/**
 * dojo_mm_reset_done() - tell the card again what it has forgotten
 * @tile: tile that is enabled again, with its admin ring
 *
 * The page tables lie in system memory and are as they were.
 */
void dojo_mm_reset_done(struct dojo_tile *tile)
{
	struct dojo_mm *mm = tile->mm;
	unsigned long asid;
	struct dojo_vm *vm;

	mutex_lock(&mm->asid_lock);
	xa_for_each(&mm->vms, asid, vm) {
		if (!vm->dead)
			dojo_admin_asid_set(tile, asid, dojo_pt_root(&vm->pt));
	}
	mutex_unlock(&mm->asid_lock);
	dojo_prime_restore(mm);
}

/**
 * dojo_mm_file_open() - prepare an open file
 * @file: file
 *
 * Return: 0 or -ENOMEM.
 */
int dojo_mm_file_open(struct dojo_file *file)
{
	struct dojo_mm_file *mm = kzalloc(sizeof(*mm), GFP_KERNEL);

	if (!mm)
		return -ENOMEM;
	xa_init_flags(&mm->vms, XA_FLAGS_ALLOC1);
	file->mm = mm;
	return 0;
}

/**
 * dojo_mm_file_close() - let go of a file's address spaces
 * @file: file
 */
void dojo_mm_file_close(struct dojo_file *file)
{
	struct dojo_mm_file *mm = file->mm;
	struct dojo_vm *vm;
	unsigned long id;

	xa_for_each(&mm->vms, id, vm)
		dojo_vm_put(vm);
	xa_destroy(&mm->vms);
	kfree(mm);
	file->mm = NULL;
}
