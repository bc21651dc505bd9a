// SPDX-License-Identifier: GPL-2.0-only
/* Buffers that are shared by dma-buf. */
#include <linux/dma-buf.h>

#include <drm/drm_prime.h>

#include "dojo_bind.h"
#include "dojo_bo.h"
#include "dojo_device.h"

void dojo_prime_moved(struct dojo_bo *bo)
{
}

struct dma_buf *dojo_bo_export(struct drm_gem_object *obj, int flags)
{
	if (DOJO_REJECT(obj->dev, gem_to_dojo_bo(obj)->vm_resv))
		return ERR_PTR(-EPERM);
	return drm_gem_prime_export(obj, flags);
}

void dojo_import_query(struct drm_gem_object *obj, struct drm_dojo_bo_query *args)
{
}

struct dojo_layout *dojo_import_layout(struct drm_gem_object *obj)
{
	return NULL;
}

int dojo_import_validate(struct drm_gem_object *obj)
{
	return -ENODEV;
}

struct drm_gem_object *dojo_gem_prime_import(struct drm_device *drm, struct dma_buf *dma_buf)
{
	return ERR_PTR(-EOPNOTSUPP);
}
