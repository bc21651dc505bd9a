// SPDX-License-Identifier: MIT
/* Timelines: timeline syncobjs. */
#include <inttypes.h>
#include <stdlib.h>
#include <xf86drm.h>

#include "compat.h"
#include "internal.h"

#define ON_STACK	64

static int new_timeline(struct dojo_device *dev, uint32_t handle, struct dojo_timeline **out)
{
	struct dojo_timeline *timeline = calloc(1, sizeof(*timeline));

	if (!timeline) {
		drmSyncobjDestroy(dev->fd, handle);
		return dojo_fail(dev, -ENOMEM, "timeline: %s", dojo_strerror(ENOMEM));
	}
	timeline->dev = dev;
	timeline->handle = handle;
	*out = timeline;
	return 0;
}

static int fail_point(const struct dojo_timeline *timeline, int error, const char *what,
		      uint64_t point)
{
	return dojo_fail(timeline->dev, error, "%s point %" PRIu64 " of timeline %u: %s", what,
			 point, timeline->handle, dojo_strerror(error));
}

int dojo_timeline_create(struct dojo_device *dev, uint64_t initial, struct dojo_timeline **out)
{
	uint32_t handle;
	int ret;

	*out = NULL;
	if (drmSyncobjCreate(dev->fd, 0, &handle)) {
		ret = -errno;
		return dojo_fail(dev, ret, "timeline: %s", dojo_strerror(ret));
	}
	ret = new_timeline(dev, handle, out);
	if (ret || !initial)
		return ret;
	ret = dojo_timeline_signal(*out, initial);
	if (ret) {
		dojo_timeline_destroy(*out);
		*out = NULL;
	}
	return ret;
}

void dojo_timeline_destroy(struct dojo_timeline *timeline)
{
	if (!timeline)
		return;
	drmSyncobjDestroy(timeline->dev->fd, timeline->handle);
	free(timeline);
}

uint32_t dojo_timeline_handle(const struct dojo_timeline *timeline)
{
	return timeline->handle;
}

static int wait_handles(struct dojo_device *dev, uint32_t *handles, const uint64_t *points,
			uint32_t count, int64_t timeout_ns, unsigned int flags, uint32_t *first)
{
	/* libdrm's prototype lacks a const; the points are only read. */
	return drmSyncobjTimelineWait(dev->fd, handles, (uint64_t *)(uintptr_t)points, count,
				      dojo_deadline(timeout_ns),
				      flags | DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT, first) ?
	       -errno : 0;
}

static int wait_many(struct dojo_timeline *const *timelines, const uint64_t *points,
		     uint32_t count, int64_t timeout_ns, unsigned int flags, uint32_t *first)
{
	uint32_t few[ON_STACK], *handles = few, i;
	struct dojo_device *dev;
	int ret;

	if (!count)
		return -EINVAL;
	dev = timelines[0]->dev;
	if (count > ON_STACK)
		handles = calloc(count, sizeof(*handles));
	if (!handles)
		return dojo_fail(dev, -ENOMEM, "wait for %u timelines: %s", count,
				 dojo_strerror(ENOMEM));
	for (i = 0; i < count; i++)
		handles[i] = timelines[i]->handle;
	ret = wait_handles(dev, handles, points, count, timeout_ns, flags, first);
	if (handles != few)
		free(handles);
	if (ret)
		return dojo_fail(dev, ret, "wait for %u timelines: %s", count, dojo_strerror(ret));
	return 0;
}

int dojo_timeline_wait(struct dojo_timeline *timeline, uint64_t point, int64_t timeout_ns)
{
	int ret = wait_handles(timeline->dev, &timeline->handle, &point, 1, timeout_ns,
			       DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL, NULL);

	return ret ? fail_point(timeline, ret, "wait for", point) : 0;
}

int dojo_timeline_wait_all(struct dojo_timeline *const *timelines, const uint64_t *points,
			   uint32_t count, int64_t timeout_ns)
{
	return wait_many(timelines, points, count, timeout_ns, DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL,
			 NULL);
}

int dojo_timeline_wait_any(struct dojo_timeline *const *timelines, const uint64_t *points,
			   uint32_t count, int64_t timeout_ns, uint32_t *first)
{
	uint32_t signalled = 0;
	int ret = wait_many(timelines, points, count, timeout_ns, 0, &signalled);

	if (!ret && first)
		*first = signalled;
	return ret;
}

int dojo_timeline_signal(struct dojo_timeline *timeline, uint64_t point)
{
	if (drmSyncobjTimelineSignal(timeline->dev->fd, &timeline->handle, &point, 1))
		return fail_point(timeline, -errno, "signal", point);
	return 0;
}

int dojo_timeline_query(struct dojo_timeline *timeline, uint64_t *point)
{
	if (drmSyncobjQuery(timeline->dev->fd, &timeline->handle, point, 1))
		return fail_point(timeline, -errno, "query", 0);
	return 0;
}

int dojo_timeline_eventfd(struct dojo_timeline *timeline, uint64_t point, int eventfd)
{
	struct drm_syncobj_eventfd watch = {
		.handle = timeline->handle,
		.point = point,
		.fd = eventfd,
	};
	int ret = dojo_ioctl(timeline->dev, DRM_IOCTL_SYNCOBJ_EVENTFD, &watch);

	return ret ? fail_point(timeline, ret, "eventfd for", point) : 0;
}

int dojo_timeline_export(struct dojo_timeline *timeline, int *fd)
{
	if (drmSyncobjHandleToFD(timeline->dev->fd, timeline->handle, fd)) {
		*fd = -1;
		return fail_point(timeline, -errno, "export", 0);
	}
	return 0;
}

int dojo_timeline_import(struct dojo_device *dev, int fd, struct dojo_timeline **out)
{
	uint32_t handle;
	int ret;

	*out = NULL;
	if (drmSyncobjFDToHandle(dev->fd, fd, &handle)) {
		ret = -errno;
		return dojo_fail(dev, ret, "import timeline from file %d: %s", fd,
				 dojo_strerror(ret));
	}
	return new_timeline(dev, handle, out);
}

struct drm_dojo_sync_op dojo_wait_for(const struct dojo_timeline *timeline, uint64_t point)
{
	return (struct drm_dojo_sync_op){ DRM_DOJO_SYNC_OP_TIMELINE, timeline->handle, point };
}

struct drm_dojo_sync_op dojo_signal(const struct dojo_timeline *timeline, uint64_t point)
{
	return (struct drm_dojo_sync_op){ DRM_DOJO_SYNC_OP_TIMELINE | DRM_DOJO_SYNC_OP_SIGNAL,
					  timeline->handle, point };
}
