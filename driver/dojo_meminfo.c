// SPDX-License-Identifier: GPL-2.0-only
/* What memory there is and who has it: queries, fdinfo, debugfs. */
#include <linux/debugfs.h>
#include <linux/dma-resv.h>
#include <linux/idr.h>
#include <linux/seq_file.h>

#include <drm/drm_debugfs.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_print.h>
#include <drm/ttm/ttm_resource.h>

#include "dojo_bind.h"
#include "dojo_bo.h"
#include "dojo_mm.h"
#include "dojo_ttm.h"
#include "dojo_vm.h"

/**
 * dojo_mm_query() - for DRM_DOJO_QUERY_MEMORY
 * @tile: tile
 * @info: out
 */
void dojo_mm_query(struct dojo_tile *tile, struct drm_dojo_memory_info *info)
{
	struct dojo_mm *mm = tile->mm;

	*info = (struct drm_dojo_memory_info){
		.hbm_total = mm->hbm.man.size,
		.hbm_used = mm->hbm.man.func ? ttm_resource_manager_usage(&mm->hbm.man) : 0,
		.sram_total = mm->sram.man.size,
		.sram_used = mm->sram.man.func ? ttm_resource_manager_usage(&mm->sram.man) : 0,
		.system_used = atomic64_read(&mm->system_used),
		.evicted = atomic64_read(&mm->evicted),
		.restored = atomic64_read(&mm->restored),
	};
}

enum dojo_meminfo_region {
	DOJO_MEMINFO_HBM,
	DOJO_MEMINFO_SRAM,
	DOJO_MEMINFO_SYSTEM,
	DOJO_MEMINFO_REGIONS,
};

static const char * const dojo_meminfo_names[] = {
	[DOJO_MEMINFO_HBM] = "hbm",
	[DOJO_MEMINFO_SRAM] = "sram",
	[DOJO_MEMINFO_SYSTEM] = "system",
};

static enum dojo_meminfo_region dojo_meminfo_type(u32 type)
{
	switch (type) {
	case DOJO_PL_HBM:
		return DOJO_MEMINFO_HBM;
	case DOJO_PL_SRAM:
		return DOJO_MEMINFO_SRAM;
	default:
		return DOJO_MEMINFO_SYSTEM;
	}
}

static enum dojo_meminfo_region dojo_meminfo_preferred(const struct dojo_bo *bo)
{
	u32 domain = bo->preferred ?: bo->domains & -bo->domains;

	switch (domain) {
	case DRM_DOJO_DOMAIN_HBM:
		return DOJO_MEMINFO_HBM;
	case DRM_DOJO_DOMAIN_SRAM:
		return DOJO_MEMINFO_SRAM;
	default:
		return DOJO_MEMINFO_SYSTEM;
	}
}

/* Count a buffer; its reservation is held. */
static void dojo_meminfo_bo(struct drm_memory_stats *stats, struct drm_gem_object *obj, bool shared)
{
	struct dojo_bo *bo = gem_to_dojo_bo(obj);
	struct ttm_buffer_object *tbo = &bo->ttm;
	struct drm_memory_stats *s;
	u64 size = obj->size;
	bool resident;

	s = &stats[tbo->resource ? dojo_meminfo_type(tbo->resource->mem_type) :
				   dojo_meminfo_preferred(bo)];
	resident = tbo->resource && (tbo->resource->mem_type != TTM_PL_SYSTEM ||
				     (tbo->ttm && ttm_tt_is_populated(tbo->ttm)));

	if (shared)
		s->shared += size;
	else
		s->private += size;
	if (!resident)
		return;
	s->resident += size;
	if (!dma_resv_test_signaled(obj->resv, DMA_RESV_USAGE_BOOKKEEP))
		s->active += size;
	else if (bo->advice == DRM_DOJO_ADVICE_PURGEABLE)
		s->purgeable += size;
}

/**
 * dojo_mm_show_fdinfo() - the memory of a file, by region
 * @p: printer
 * @file: file
 */
void dojo_mm_show_fdinfo(struct drm_printer *p, struct dojo_file *file)
{
	struct drm_memory_stats stats[DOJO_MEMINFO_REGIONS] = {};
	struct drm_gem_object *obj;
	int id = 0;

	for (;; id++) {
		bool shared;

		spin_lock(&file->drm->table_lock);
		obj = idr_get_next(&file->drm->object_idr, &id);
		if (obj) {
			drm_gem_object_get(obj);
			shared = obj->handle_count > 1 || obj->dma_buf;
		}
		spin_unlock(&file->drm->table_lock);
		if (!obj)
			break;

		if (dojo_gem_is_bo(obj)) {
			dma_resv_lock(obj->resv, NULL);
			dojo_meminfo_bo(stats, obj, shared);
			dma_resv_unlock(obj->resv);
		} else {
			stats[DOJO_MEMINFO_SYSTEM].shared += obj->size;
		}
		drm_gem_object_put(obj);
	}

	for (unsigned int i = 0; i < DOJO_MEMINFO_REGIONS; i++)
		drm_print_memory_stats(p, &stats[i],
				       DRM_GEM_OBJECT_RESIDENT | DRM_GEM_OBJECT_PURGEABLE |
				       DRM_GEM_OBJECT_ACTIVE,
				       dojo_meminfo_names[i]);
}

/* The next address space after ASID @asid, referenced */
static struct dojo_vm *dojo_meminfo_next_vm(struct dojo_mm *mm, unsigned long *asid)
{
	struct dojo_vm *vm;

	xa_lock(&mm->vms);
	do {
		vm = xa_find_after(&mm->vms, asid, ULONG_MAX, XA_PRESENT);
	} while (vm && !kref_get_unless_zero(&vm->users));
	xa_unlock(&mm->vms);
	return vm;
}

static int gpuvas_show(struct seq_file *m, void *unused)
{
	struct dojo_tile *tile = m->private;
	unsigned long asid = 0;
	struct dojo_vm *vm;
	int idx;

	if (!drm_dev_enter(&tile->drm, &idx))
		return -ENODEV;
	while ((vm = dojo_meminfo_next_vm(tile->mm, &asid))) {
		mutex_lock(&vm->lock);
		seq_printf(m, "ASID %lu: %llu mappings, %llu tables, %llu entries written%s\n",
			   asid, vm->mappings, vm->pt.pages, vm->pt.writes,
			   vm->unusable ? ", unusable" : "");
		drm_debugfs_gpuva_info(m, &vm->base);
		mutex_unlock(&vm->lock);
		dojo_vm_put(vm);
	}
	drm_dev_exit(idx);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(gpuvas);

/**
 * dojo_mm_debugfs_init() - make the files of memory management
 * @tile: tile
 * @root: its folder
 */
void dojo_mm_debugfs_init(struct dojo_tile *tile, struct dentry *root)
{
	struct dojo_mm *mm = tile->mm;

	if (mm->hbm.man.func)
		ttm_resource_manager_create_debugfs(&mm->hbm.man, root, "hbm");
	if (mm->sram.man.func)
		ttm_resource_manager_create_debugfs(&mm->sram.man, root, "sram");
	ttm_resource_manager_create_debugfs(&mm->system, root, "system");
	debugfs_create_file("gpuvas", 0400, root, tile, &gpuvas_fops);
}
