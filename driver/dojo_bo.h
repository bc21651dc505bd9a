/* SPDX-License-Identifier: GPL-2.0-only */
/* Buffers: GEM objects over TTM. */
#ifndef DOJO_BO_H
#define DOJO_BO_H

#include <linux/types.h>

struct dma_buf;
struct drm_device;
struct drm_file;
struct drm_gem_object;

int dojo_ioctl_bo_create(struct drm_device *drm, void *data, struct drm_file *file);
int dojo_ioctl_bo_mmap_offset(struct drm_device *drm, void *data, struct drm_file *file);
int dojo_ioctl_bo_query(struct drm_device *drm, void *data, struct drm_file *file);
int dojo_ioctl_bo_advise(struct drm_device *drm, void *data, struct drm_file *file);

struct drm_gem_object *dojo_gem_prime_import(struct drm_device *drm, struct dma_buf *dma_buf);

#endif
