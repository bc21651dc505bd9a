// SPDX-License-Identifier: MIT
/* Buffers. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>

#include "internal.h"

static struct dojo_bo *new_bo(struct dojo_device *dev, uint32_t handle, uint64_t size)
{
	struct dojo_bo *bo = calloc(1, sizeof(*bo));

	if (!bo)
		return NULL;
	bo->dev = dev;
	bo->handle = handle;
	bo->size = size;
	bo->users = 1;
	pthread_mutex_init(&bo->lock, NULL);
	return bo;
}

static void free_bo(struct dojo_bo *bo)
{
	dojo_bo_unmap(bo);
	pthread_mutex_destroy(&bo->lock);
	free(bo);
}

/* The device's lock is held. */
static void link_bo(struct dojo_bo *bo)
{
	bo->next = bo->dev->bos;
	if (bo->next)
		bo->next->prev = bo;
	bo->dev->bos = bo;
}

/* The device's lock is held. */
static void unlink_bo(struct dojo_bo *bo)
{
	if (bo->next)
		bo->next->prev = bo->prev;
	if (bo->prev)
		bo->prev->next = bo->next;
	else
		bo->dev->bos = bo->next;
}

/* The device's lock is held. */
static struct dojo_bo *find_bo(struct dojo_device *dev, uint32_t handle)
{
	struct dojo_bo *bo;

	for (bo = dev->bos; bo; bo = bo->next)
		if (bo->handle == handle)
			return bo;
	return NULL;
}

int dojo_bo_create_preferred(struct dojo_device *dev, uint64_t size, uint32_t domains,
			     uint32_t preferred, uint32_t flags, struct dojo_vm *vm,
			     struct dojo_bo **out)
{
	struct drm_dojo_bo_create create = {
		.size = size,
		.domains = domains,
		.preferred = preferred,
		.flags = flags,
		.vm_id = vm ? vm->id : 0,
	};
	struct dojo_bo *bo;
	int ret;

	*out = NULL;
	ret = dojo_ioctl(dev, DRM_IOCTL_DOJO_BO_CREATE, &create);
	if (ret)
		return dojo_fail(dev, ret, "buffer of %" PRIu64 " bytes in domains 0x%x: %s", size,
				 domains, dojo_strerror(ret));
	bo = new_bo(dev, create.handle, create.size);
	if (!bo) {
		drmCloseBufferHandle(dev->fd, create.handle);
		return dojo_fail(dev, -ENOMEM, "buffer: %s", dojo_strerror(ENOMEM));
	}
	pthread_mutex_lock(&dev->lock);
	link_bo(bo);
	pthread_mutex_unlock(&dev->lock);
	*out = bo;
	return 0;
}

int dojo_bo_create(struct dojo_device *dev, uint64_t size, uint32_t domains, uint32_t flags,
		   struct dojo_vm *vm, struct dojo_bo **bo)
{
	return dojo_bo_create_preferred(dev, size, domains, 0, flags, vm, bo);
}

void dojo_bo_destroy(struct dojo_bo *bo)
{
	struct dojo_device *dev;
	bool last;

	if (!bo)
		return;
	dev = bo->dev;
	/*
	 * Closing is part of the critical section: an import in between would be
	 * given a handle that is about to be closed.
	 */
	pthread_mutex_lock(&dev->lock);
	last = !--bo->users;
	if (last) {
		unlink_bo(bo);
		drmCloseBufferHandle(dev->fd, bo->handle);
	}
	pthread_mutex_unlock(&dev->lock);
	if (last)
		free_bo(bo);
}

uint64_t dojo_bo_size(const struct dojo_bo *bo)
{
	return bo->size;
}

uint32_t dojo_bo_handle(const struct dojo_bo *bo)
{
	return bo->handle;
}

struct dojo_device *dojo_bo_device(const struct dojo_bo *bo)
{
	return bo->dev;
}

/* The buffer's lock is held. */
static int map_bo(struct dojo_bo *bo)
{
	struct drm_dojo_bo_mmap_offset map = { .handle = bo->handle };
	void *memory;
	int ret;

	ret = dojo_ioctl(bo->dev, DRM_IOCTL_DOJO_BO_MMAP_OFFSET, &map);
	if (ret)
		return ret;
	memory = mmap(NULL, bo->size, PROT_READ | PROT_WRITE, MAP_SHARED, bo->dev->fd,
		      (off_t)map.offset);
	if (memory == MAP_FAILED)
		return -errno;
	bo->memory = memory;
	return 0;
}

int dojo_bo_map(struct dojo_bo *bo, void **memory)
{
	int ret = 0;

	pthread_mutex_lock(&bo->lock);
	if (!bo->memory)
		ret = map_bo(bo);
	*memory = bo->memory;
	pthread_mutex_unlock(&bo->lock);
	if (ret == -EPERM)
		return dojo_fail(bo->dev, ret, "map buffer %u: it was made without CPU_ACCESS",
				 bo->handle);
	if (ret)
		return dojo_fail(bo->dev, ret, "map buffer %u of %" PRIu64 " bytes: %s",
				 bo->handle, bo->size, dojo_strerror(ret));
	return 0;
}

void dojo_bo_unmap(struct dojo_bo *bo)
{
	pthread_mutex_lock(&bo->lock);
	if (bo->memory)
		munmap(bo->memory, bo->size);
	bo->memory = NULL;
	pthread_mutex_unlock(&bo->lock);
}

int dojo_bo_export(struct dojo_bo *bo, int *fd)
{
	*fd = -1;
	if (drmPrimeHandleToFD(bo->dev->fd, bo->handle, DRM_CLOEXEC | DRM_RDWR, fd)) {
		int error = -errno;

		*fd = -1;
		return dojo_fail(bo->dev, error, "export buffer %u: %s", bo->handle,
				 dojo_strerror(error));
	}
	return 0;
}

/* The device's lock is held, from before the kernel names a handle until it is in the list. */
static int import_locked(struct dojo_device *dev, int fd, struct dojo_bo **out)
{
	struct drm_dojo_bo_query query = { 0 };
	struct dojo_bo *bo;
	int ret;

	if (drmPrimeFDToHandle(dev->fd, fd, &query.handle))
		return -errno;
	bo = find_bo(dev, query.handle);
	if (bo) {
		bo->users++;
		*out = bo;
		return 0;
	}
	ret = dojo_ioctl(dev, DRM_IOCTL_DOJO_BO_QUERY, &query);
	bo = ret ? NULL : new_bo(dev, query.handle, query.size);
	if (!bo) {
		drmCloseBufferHandle(dev->fd, query.handle);
		return ret ? ret : -ENOMEM;
	}
	link_bo(bo);
	*out = bo;
	return 0;
}

int dojo_bo_import(struct dojo_device *dev, int fd, struct dojo_bo **out)
{
	int ret;

	*out = NULL;
	pthread_mutex_lock(&dev->lock);
	ret = import_locked(dev, fd, out);
	pthread_mutex_unlock(&dev->lock);
	if (ret)
		return dojo_fail(dev, ret, "import dma-buf %d: %s", fd, dojo_strerror(ret));
	return 0;
}

int dojo_bo_query(struct dojo_bo *bo, struct drm_dojo_bo_query *info, size_t size)
{
	struct drm_dojo_bo_query query = { .handle = bo->handle };
	int ret = dojo_ioctl(bo->dev, DRM_IOCTL_DOJO_BO_QUERY, &query);

	if (ret)
		return dojo_fail(bo->dev, ret, "query buffer %u: %s", bo->handle,
				 dojo_strerror(ret));
	memset(info, 0, size);
	memcpy(info, &query, size < sizeof(query) ? size : sizeof(query));
	return 0;
}

int dojo_bo_advise(struct dojo_bo *bo, uint32_t advice, bool *retained)
{
	struct drm_dojo_bo_advise advise = { .handle = bo->handle, .advice = advice };
	int ret = dojo_ioctl(bo->dev, DRM_IOCTL_DOJO_BO_ADVISE, &advise);

	if (ret)
		return dojo_fail(bo->dev, ret, "advise buffer %u: %s", bo->handle,
				 dojo_strerror(ret));
	if (retained)
		*retained = advise.retained;
	return 0;
}
