/* SPDX-License-Identifier: GPL-2.0-only */
/* A tile's memory as TTM sees it: HBM, SRAM and system memory. */
#ifndef DOJO_TTM_H
#define DOJO_TTM_H

#include <linux/maple_tree.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <drm/ttm/ttm_device.h>
#include <drm/ttm/ttm_placement.h>
#include <drm/ttm/ttm_resource.h>
#include <drm/ttm/ttm_tt.h>

#include "dojo_compat.h"
#include "dojo_device.h"
#include "dojo_kvm.h"
#include "dojo_layout.h"
#include "dojo_pt.h"

struct dojo_bind_sched;
struct shrinker;

/* TTM_PL_SYSTEM is memory that the tile does not reach: swapped out, or not yet there. */
#define DOJO_PL_SYSTEM		TTM_PL_TT
#define DOJO_PL_HBM		TTM_PL_VRAM
#define DOJO_PL_SRAM		TTM_PL_PRIV

/**
 * struct dojo_region - a memory of the tile's own
 * @man: for TTM
 * @buddy: its pages
 * @lock: guards @buddy
 * @target: DOJO_TARGET_HBM or _SRAM
 */
struct dojo_region {
	struct ttm_resource_manager man;
	struct gpu_buddy buddy;
	struct mutex lock;
	u64 target;
};

/**
 * struct dojo_resource - memory given to a buffer
 * @base: for TTM
 * @blocks: of the region's buddy allocator
 * @layout: where they are
 */
struct dojo_resource {
	struct ttm_resource base;
	struct list_head blocks;
	struct dojo_layout *layout;
};

/**
 * struct dojo_tt - system memory of a buffer
 * @base: for TTM
 * @layout: bus addresses, while populated
 */
struct dojo_tt {
	struct ttm_tt base;
	struct dojo_layout *layout;
};

/**
 * struct dojo_kvm - the kernel's address space
 * @pt: page table of ASID 0
 * @ranges: addresses in use, by page
 * @lock: guards @pt
 */
struct dojo_kvm {
	struct dojo_pt pt;
	struct maple_tree ranges;
	struct mutex lock;
};

/* Spare tables and batches that are kept rather than freed */
#define DOJO_SPARE_TABLES	256
#define DOJO_SPARE_BATCHES	32

/**
 * struct dojo_mm - memory management of a tile
 * @tile: the tile
 * @ttm: for TTM
 * @hbm: the tile's slice of the card's HBM
 * @sram: its SRAM
 * @system: system memory that the tile reaches
 * @kvm: kernel address space
 * @bind_sched: runs binds; one entity an address space
 * @vms: address spaces by ASID
 * @asid_lock: held while an ASID is set or cleared
 * @pt_lock: guards @pt_leaf, @pt_dir and @pt_spare
 * @pt_leaf: spare tables of level 0
 * @pt_dir: spare tables of levels 1 and up
 * @pt_spare: of both
 * @batch_lock: guards @batches and @batch_spare
 * @batches: spare batches of moves and clears
 * @batch_spare: their number
 * @evicted: bytes moved out of HBM
 * @restored: bytes moved into it from system memory
 * @system_used: bytes of system memory that buffers have
 * @bo_lock: guards @bos and what is purgeable
 * @bos: all buffers
 * @purgeable: those that are, and in system memory
 * @purgeables: their number
 * @purgeable_pages: and size
 * @shrinker: frees system memory when the machine is short of it
 * @swap_work: writes buffers to shmem for it
 * @swap_wanted: so many pages of them
 * @grant_lock: guards @grants
 * @grants: by tile of the card: how many imports it has of this tile's buffers
 * @hbm_io: the tile's slice of HBM, for debuggers and dumps
 * @started: moves and clears can be submitted
 * @wedged: HBM is not shown to programs any more
 */
struct dojo_mm {
	struct dojo_tile *tile;
	struct ttm_device ttm;
	struct dojo_region hbm;
	struct dojo_region sram;
	struct ttm_resource_manager system;
	struct dojo_kvm kvm;
	struct dojo_bind_sched *bind_sched;
	struct xarray vms;
	struct mutex asid_lock;

	spinlock_t pt_lock;
	struct list_head pt_leaf;
	struct list_head pt_dir;
	unsigned int pt_spare;

	spinlock_t batch_lock;
	struct list_head batches;
	unsigned int batch_spare;

	atomic64_t evicted;
	atomic64_t restored;
	atomic64_t system_used;

	spinlock_t bo_lock;
	struct list_head bos;
	struct list_head purgeable;
	unsigned long purgeables;
	unsigned long purgeable_pages;

	struct shrinker *shrinker;
	struct work_struct swap_work;
	atomic_long_t swap_wanted;

	struct mutex grant_lock;
	u32 grants[DOJO_MAX_TILES];

	void __iomem *hbm_io;
	bool started;
	bool wedged;
};

/**
 * struct dojo_mm_file - memory management of an open file
 * @vms: address spaces by id
 */
struct dojo_mm_file {
	struct xarray vms;
};

static inline struct dojo_mm *to_dojo_mm(struct ttm_device *ttm)
{
	return container_of(ttm, struct dojo_mm, ttm);
}

static inline struct dojo_resource *to_dojo_resource(struct ttm_resource *res)
{
	return container_of(res, struct dojo_resource, base);
}

static inline struct dojo_tt *to_dojo_tt(struct ttm_tt *tt)
{
	return container_of(tt, struct dojo_tt, base);
}

extern const struct dojo_pt_ops dojo_pt_tile_ops;

int dojo_ttm_init(struct dojo_mm *mm);
void dojo_ttm_fini(struct dojo_mm *mm);
int dojo_ttm_account_regions(struct dojo_mm *mm);

#endif
