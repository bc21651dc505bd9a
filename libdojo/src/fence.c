// SPDX-License-Identifier: MIT
/* Fences: binary syncobjs, and sync_files. */
#include <linux/sync_file.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <xf86drm.h>

#include "internal.h"

static int fail_fence(const struct dojo_fence *fence, int error, const char *what)
{
	return dojo_fail(fence->dev, error, "%s fence %u: %s", what, fence->handle,
			 dojo_strerror(error));
}

int dojo_fence_create(struct dojo_device *dev, bool signalled, struct dojo_fence **out)
{
	struct dojo_fence *fence = calloc(1, sizeof(*fence));
	int ret = -ENOMEM;

	*out = NULL;
	if (fence && drmSyncobjCreate(dev->fd, signalled ? DRM_SYNCOBJ_CREATE_SIGNALED : 0,
				      &fence->handle)) {
		ret = -errno;
		free(fence);
		fence = NULL;
	}
	if (!fence)
		return dojo_fail(dev, ret, "fence: %s", dojo_strerror(ret));
	fence->dev = dev;
	*out = fence;
	return 0;
}

void dojo_fence_destroy(struct dojo_fence *fence)
{
	if (!fence)
		return;
	drmSyncobjDestroy(fence->dev->fd, fence->handle);
	free(fence);
}

uint32_t dojo_fence_handle(const struct dojo_fence *fence)
{
	return fence->handle;
}

int dojo_fence_wait(struct dojo_fence *fence, int64_t timeout_ns)
{
	if (drmSyncobjWait(fence->dev->fd, &fence->handle, 1, dojo_deadline(timeout_ns),
			   DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL | DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT,
			   NULL))
		return fail_fence(fence, -errno, "wait for");
	return 0;
}

int dojo_fence_signal(struct dojo_fence *fence)
{
	if (drmSyncobjSignal(fence->dev->fd, &fence->handle, 1))
		return fail_fence(fence, -errno, "signal");
	return 0;
}

int dojo_fence_reset(struct dojo_fence *fence)
{
	if (drmSyncobjReset(fence->dev->fd, &fence->handle, 1))
		return fail_fence(fence, -errno, "reset");
	return 0;
}

static int export(struct dojo_fence *fence, int *sync_file)
{
	if (!drmSyncobjExportSyncFile(fence->dev->fd, fence->handle, sync_file))
		return 0;
	*sync_file = -1;
	return -errno;
}

int dojo_fence_export(struct dojo_fence *fence, int *sync_file)
{
	int ret = export(fence, sync_file);

	return ret ? fail_fence(fence, ret, "export") : 0;
}

int dojo_fence_status(struct dojo_fence *fence)
{
	struct sync_file_info info = { .num_fences = 0 };
	int file, ret;

	ret = export(fence, &file);
	if (ret == -EINVAL)	/* nothing was submitted that will signal it */
		return -EINPROGRESS;
	if (ret)
		return fail_fence(fence, ret, "status of");
	ret = ioctl(file, SYNC_IOC_FILE_INFO, &info) ? -errno : 0;
	close(file);
	if (ret)
		return fail_fence(fence, ret, "status of");
	if (info.status < 0)
		return fail_fence(fence, info.status, "job of");
	return info.status ? 0 : -EINPROGRESS;
}

int dojo_fence_import(struct dojo_device *dev, int sync_file, struct dojo_fence **out)
{
	int ret = dojo_fence_create(dev, false, out);

	if (ret)
		return ret;
	if (drmSyncobjImportSyncFile(dev->fd, (*out)->handle, sync_file)) {
		ret = fail_fence(*out, -errno, "import into");
		dojo_fence_destroy(*out);
		*out = NULL;
	}
	return ret;
}

struct drm_dojo_sync_op dojo_wait_for_fence(const struct dojo_fence *fence)
{
	return (struct drm_dojo_sync_op){ 0, fence->handle, 0 };
}

struct drm_dojo_sync_op dojo_signal_fence(const struct dojo_fence *fence)
{
	return (struct drm_dojo_sync_op){ DRM_DOJO_SYNC_OP_SIGNAL, fence->handle, 0 };
}
