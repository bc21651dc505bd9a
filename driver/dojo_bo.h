/* SPDX-License-Identifier: GPL-2.0-only */
/* Buffers: GEM objects over TTM. */
#ifndef DOJO_BO_H
#define DOJO_BO_H

#include <linux/types.h>

#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_resource.h>

struct dma_buf;
struct dojo_layout;
struct file;
struct iosys_map;
struct vm_area_struct;
struct dojo_mm;
struct drm_device;
struct drm_dojo_bo_query;
struct drm_file;
struct drm_gem_object;

/**
 * struct dojo_bo - a buffer
 * @ttm: for TTM and GEM
 * @domains: &enum drm_dojo_domain it may be in
 * @preferred: the one to try first
 * @flags: &enum drm_dojo_bo_flags
 * @vm_resv: of the only address space it can be bound in, referenced; else NULL
 * @link: in &dojo_mm.bos
 * @purgeable: in &dojo_mm.purgeable, or empty
 * @ready: made completely
 * @dma_buf: by which it is exported, not referenced; under the reservation
 * @advice: &enum drm_dojo_advice; under the reservation
 * @content: clear or move that put its present contents there; under the reservation
 * @nospc: set when a region had no room, for the caller of TTM; under the reservation
 */
struct dojo_bo {
	struct ttm_buffer_object ttm;
	u32 domains;
	u32 preferred;
	u32 flags;
	struct dojo_vm_resv *vm_resv;
	struct list_head link;
	struct list_head purgeable;
	bool ready;
	struct dma_buf *dma_buf;
	u32 advice;
	struct dma_fence *content;
	bool *nospc;
};

/**
 * struct dojo_vm_resv - the reservation that an address space's private buffers share
 * @base: carries the reservation
 * @bulk: keeps the buffers together on TTM's lists
 */
struct dojo_vm_resv {
	struct drm_gem_object base;
	struct ttm_lru_bulk_move bulk;
};

static inline struct dojo_bo *ttm_to_dojo_bo(struct ttm_buffer_object *ttm)
{
	return container_of(ttm, struct dojo_bo, ttm);
}

static inline struct dojo_bo *gem_to_dojo_bo(struct drm_gem_object *obj)
{
	return container_of(obj, struct dojo_bo, ttm.base);
}

static inline struct dojo_vm_resv *to_dojo_vm_resv(struct drm_gem_object *obj)
{
	return container_of(obj, struct dojo_vm_resv, base);
}

extern const struct drm_gem_object_funcs dojo_bo_funcs;

static inline bool dojo_gem_is_bo(const struct drm_gem_object *obj)
{
	return obj->funcs == &dojo_bo_funcs;
}

bool dojo_ttm_is_bo(const struct ttm_buffer_object *tbo);
bool dojo_bo_absent(const struct dojo_bo *bo);
bool dojo_bo_settled(const struct dojo_bo *bo);
struct dojo_layout *dojo_bo_layout(struct dojo_bo *bo);
void dojo_bo_mark_evicted(struct dojo_bo *bo);
void dojo_bo_note_purgeable(struct dojo_bo *bo);
bool dojo_bo_purge(struct dojo_bo *bo);
int dojo_bo_validate(struct dojo_bo *bo, bool *full);

int dojo_gem_mmap(struct file *filp, struct vm_area_struct *vma);
int dojo_ioctl_bo_create(struct drm_device *drm, void *data, struct drm_file *file);
int dojo_ioctl_bo_mmap_offset(struct drm_device *drm, void *data, struct drm_file *file);
int dojo_ioctl_bo_query(struct drm_device *drm, void *data, struct drm_file *file);
int dojo_ioctl_bo_advise(struct drm_device *drm, void *data, struct drm_file *file);

int dojo_bo_to_system(struct dojo_bo *bo);
u32 dojo_bo_placement(const struct dojo_bo *bo);
void dojo_bo_forget_all(struct dojo_mm *mm);

/* dojo_prime.c */
struct dma_buf *dojo_bo_export(struct drm_gem_object *obj, int flags);
int dojo_bo_vmap(struct drm_gem_object *obj, struct iosys_map *map);
void dojo_bo_vunmap(struct drm_gem_object *obj, struct iosys_map *map);
struct dojo_layout *dojo_import_layout(struct drm_gem_object *obj);
int dojo_import_validate(struct drm_gem_object *obj);
bool dojo_import_absent(struct drm_gem_object *obj);
void dojo_import_query(struct drm_gem_object *obj, struct drm_dojo_bo_query *args);
void dojo_prime_restore(struct dojo_mm *mm);
struct drm_gem_object *dojo_gem_prime_import(struct drm_device *drm, struct dma_buf *dma_buf);

#endif
