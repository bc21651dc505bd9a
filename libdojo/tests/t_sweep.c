// SPDX-License-Identifier: MIT
/*
 * A whole program, run again and again: each time the next system call, or the
 * next allocation, fails. It must end with an error, and leave nothing behind.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "test.h"

static unsigned int allocations_until_failure;

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
	if (allocations_until_failure && !--allocations_until_failure)
		return NULL;
	return __real_calloc(count, size);
}

struct everything {
	struct dojo_device *dev;
	struct dojo_vm *vm;
	struct dojo_bo *bo, *imported;
	struct dojo_queue *queue;
	struct dojo_batch *batch;
	struct dojo_timeline *timeline, *shared;
	struct dojo_fence *fence, *copy;
	int fd;
};

static int share(struct everything *e)
{
	int ret = dojo_bo_export(e->bo, &e->fd);

	if (!ret)
		ret = dojo_bo_import(e->dev, e->fd, &e->imported);
	if (e->fd >= 0)
		close(e->fd);
	if (!ret)
		ret = dojo_timeline_export(e->timeline, &e->fd);
	if (!ret) {
		ret = dojo_timeline_import(e->dev, e->fd, &e->shared);
		close(e->fd);
	}
	if (!ret)
		ret = dojo_fence_export(e->fence, &e->fd);
	if (!ret) {
		ret = dojo_fence_import(e->dev, e->fd, &e->copy);
		close(e->fd);
	}
	return ret;
}

static int work(struct everything *e)
{
	struct drm_dojo_bo_query query;
	struct drm_dojo_sync_op done;
	uint64_t va, point;
	void *memory;
	int ret;

	ret = dojo_bo_map(e->bo, &memory);
	if (!ret)
		ret = dojo_vm_map(e->vm, e->bo, 0, 0, 0, &va);
	if (ret)
		return ret;
	dojo_fill(e->batch, va, 4096, 1);
	done = dojo_signal(e->timeline, 2);
	ret = dojo_queue_submit(e->queue, e->batch, &done, 1, NULL);
	if (!ret)
		ret = dojo_timeline_wait(e->timeline, 2, DOJO_FOREVER);
	if (!ret)
		ret = dojo_timeline_query(e->timeline, &point);
	if (!ret)
		ret = dojo_queue_run(e->queue, e->batch, DOJO_FOREVER);
	if (!ret)
		ret = dojo_queue_wait_idle(e->queue, DOJO_FOREVER);
	if (!ret)
		ret = dojo_bo_query(e->bo, &query, sizeof(query));
	if (!ret)
		ret = share(e);
	if (!ret)
		ret = dojo_vm_unmap(e->vm, va);
	return ret;
}

static int set_up(struct everything *e)
{
	int ret = dojo_device_open("FAKE0001/0", &e->dev);

	if (!ret)
		ret = dojo_vm_create(e->dev, &e->vm);
	if (!ret)
		ret = dojo_bo_create(e->dev, 4096, 0, DRM_DOJO_BO_CPU_ACCESS, NULL, &e->bo);
	if (!ret)
		ret = dojo_queue_create(e->vm, DRM_DOJO_QUEUE_DMA, NULL, &e->queue);
	if (!ret)
		ret = dojo_batch_create(e->vm, 4096, 0, &e->batch);
	if (!ret)
		ret = dojo_timeline_create(e->dev, 1, &e->timeline);
	if (!ret)
		ret = dojo_fence_create(e->dev, true, &e->fence);
	return ret;
}

static int program(void)
{
	struct everything e = { .fd = -1 };
	int ret = set_up(&e);

	if (!ret)
		ret = work(&e);
	dojo_fence_destroy(e.copy);
	dojo_fence_destroy(e.fence);
	dojo_timeline_destroy(e.shared);
	dojo_timeline_destroy(e.timeline);
	dojo_batch_destroy(e.batch);
	dojo_queue_destroy(e.queue);
	dojo_bo_destroy(e.imported);
	dojo_bo_destroy(e.bo);
	dojo_vm_destroy(e.vm);
	dojo_device_close(e.dev);
	return ret;
}

static unsigned int open_files(void)
{
	unsigned int count = 0;
	int fd;

	for (fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

TEST(the_program_works_when_nothing_fails)
{
	OK(program());
}

static const unsigned long requests[] = {
	DRM_IOCTL_VERSION, DRM_IOCTL_DOJO_DEV_QUERY, DRM_IOCTL_DOJO_VM_CREATE,
	DRM_IOCTL_DOJO_BO_CREATE, DRM_IOCTL_DOJO_QUEUE_CREATE, DRM_IOCTL_DOJO_BO_MMAP_OFFSET,
	DRM_IOCTL_DOJO_VM_BIND, DRM_IOCTL_SYNCOBJ_CREATE, DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL,
	DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, DRM_IOCTL_SYNCOBJ_WAIT, DRM_IOCTL_SYNCOBJ_QUERY,
	DRM_IOCTL_DOJO_QUEUE_SUBMIT, DRM_IOCTL_DOJO_QUEUE_GET_STATE, DRM_IOCTL_DOJO_BO_QUERY,
	DRM_IOCTL_PRIME_HANDLE_TO_FD, DRM_IOCTL_PRIME_FD_TO_HANDLE,
	DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE,
};

TEST(any_ioctl_may_fail)
{
	unsigned int files = open_files(), failed = 0, i, after;

	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		for (after = 0; after < 100; after++) {
			fake_fail(requests[i], -ENOSPC, after);
			program();
			EQUAL(fake.objects, 0);
			EQUAL(open_files(), files);
			if (fake.fail_error)	/* it was not called as often */
				break;
			failed++;
		}
		fake.fail_error = 0;
	}
	CHECK(failed > 30);
}

TEST(any_allocation_may_fail)
{
	unsigned int files = open_files(), failed = 0, i;
	int ret;

	for (i = 1; i < 1000; i++) {
		allocations_until_failure = i;
		ret = program();
		EQUAL(fake.objects, 0);
		EQUAL(open_files(), files);
		if (allocations_until_failure)
			break;
		failed++;
		EQUAL(ret, -ENOMEM);
	}
	allocations_until_failure = 0;
	CHECK(failed > 12);
}
