// SPDX-License-Identifier: MIT
/* Timelines and fences. */
#include <sys/eventfd.h>
#include <unistd.h>

#include "internal.h"
#include "test.h"

#define MS	1000000

TEST(timeline_starts_at_its_initial_point)
{
	struct dojo_device *dev = test_open();
	struct dojo_timeline *timeline;
	uint64_t point;

	OK(dojo_timeline_create(dev, 0, &timeline));
	OK(dojo_timeline_query(timeline, &point));
	EQUAL(point, 0);
	dojo_timeline_destroy(timeline);
	OK(dojo_timeline_create(dev, 41, &timeline));
	OK(dojo_timeline_query(timeline, &point));
	EQUAL(point, 41);
	CHECK(dojo_timeline_handle(timeline));
	dojo_timeline_destroy(timeline);
	dojo_device_close(dev);
}

TEST(timeline_that_cannot_be_signalled_is_not_made)
{
	struct dojo_device *dev = test_open();
	struct dojo_timeline *timeline = (void *)1;

	fake_fail(DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL, -ENOMEM, 0);
	EQUAL(dojo_timeline_create(dev, 1, &timeline), -ENOMEM);
	CHECK(!timeline);
	fake_fail(DRM_IOCTL_SYNCOBJ_CREATE, -ENOMEM, 0);
	EQUAL(dojo_timeline_create(dev, 0, &timeline), -ENOMEM);
	SAYS(test_last_error(dev), "timeline");
	dojo_device_close(dev);
}

TEST(timeline_wait_ends_in_time)
{
	struct dojo_device *dev = test_open();
	struct dojo_timeline *timeline;
	int64_t before, after;

	OK(dojo_timeline_create(dev, 0, &timeline));
	EQUAL(dojo_timeline_wait(timeline, 1, 0), -ETIME);
	before = dojo_deadline(1);
	EQUAL(dojo_timeline_wait(timeline, 1, 20 * MS), -ETIME);
	after = dojo_deadline(1);
	CHECK(after - before >= 20 * MS);
	SAYS(test_last_error(dev), "point 1");
	OK(dojo_timeline_signal(timeline, 1));
	OK(dojo_timeline_wait(timeline, 1, DOJO_FOREVER));
	OK(dojo_timeline_wait(timeline, 1, 0));
	dojo_timeline_destroy(timeline);
	dojo_device_close(dev);
}

TEST(timeline_wait_for_all_and_for_any)
{
	struct dojo_device *dev = test_open();
	struct dojo_timeline *timelines[3];
	const uint64_t points[3] = { 5, 6, 7 };
	uint32_t first = 99;
	int i;

	for (i = 0; i < 3; i++)
		OK(dojo_timeline_create(dev, 0, &timelines[i]));
	EQUAL(dojo_timeline_wait_any(timelines, points, 3, 0, &first), -ETIME);
	EQUAL(first, 99);
	OK(dojo_timeline_signal(timelines[1], 6));
	OK(dojo_timeline_wait_any(timelines, points, 3, 0, &first));
	EQUAL(first, 1);
	OK(dojo_timeline_wait_any(timelines, points, 3, 0, NULL));
	EQUAL(dojo_timeline_wait_all(timelines, points, 3, 0), -ETIME);
	OK(dojo_timeline_signal(timelines[0], 5));
	OK(dojo_timeline_signal(timelines[2], 100));
	OK(dojo_timeline_wait_all(timelines, points, 3, 0));
	EQUAL(dojo_timeline_wait_all(timelines, points, 0, 0), -EINVAL);
	for (i = 0; i < 3; i++)
		dojo_timeline_destroy(timelines[i]);
	dojo_device_close(dev);
}

TEST(timeline_wait_for_more_than_a_few)
{
	struct dojo_device *dev = test_open();
	struct dojo_timeline *timelines[100];
	uint64_t points[100];
	int i;

	for (i = 0; i < 100; i++) {
		OK(dojo_timeline_create(dev, 1, &timelines[i]));
		points[i] = 1;
	}
	OK(dojo_timeline_wait_all(timelines, points, 100, 0));
	points[99] = 2;
	EQUAL(dojo_timeline_wait_all(timelines, points, 100, 0), -ETIME);
	for (i = 0; i < 100; i++)
		dojo_timeline_destroy(timelines[i]);
	dojo_device_close(dev);
}

TEST(timeline_writes_to_an_eventfd)
{
	struct dojo_device *dev = test_open();
	struct dojo_timeline *timeline;
	eventfd_t value = 0;
	int event = eventfd(0, EFD_NONBLOCK);

	OK(dojo_timeline_create(dev, 0, &timeline));
	OK(dojo_timeline_eventfd(timeline, 3, event));
	OK(dojo_timeline_signal(timeline, 2));
	EQUAL(eventfd_read(event, &value), -1);
	OK(dojo_timeline_signal(timeline, 3));
	EQUAL(eventfd_read(event, &value), 0);
	EQUAL(value, 1);
	close(event);
	dojo_timeline_destroy(timeline);
	dojo_device_close(dev);
}

TEST(timeline_shared_with_another_tile)
{
	struct dojo_device *dev = test_open(), *other;
	struct dojo_timeline *timeline, *imported;
	int fd;

	OK(dojo_device_open("1", &other));
	OK(dojo_timeline_create(dev, 0, &timeline));
	OK(dojo_timeline_export(timeline, &fd));
	OK(dojo_timeline_import(other, fd, &imported));
	close(fd);
	OK(dojo_timeline_signal(imported, 8));
	OK(dojo_timeline_wait(timeline, 8, 0));
	dojo_timeline_destroy(imported);
	dojo_timeline_destroy(timeline);
	EQUAL(dojo_timeline_import(dev, 0, &imported), -EINVAL);
	CHECK(!imported);
	dojo_device_close(other);
	dojo_device_close(dev);
}

TEST(timeline_export_that_fails_gives_no_file)
{
	struct dojo_device *dev = test_open();
	struct dojo_timeline *timeline;
	int fd = 3;

	OK(dojo_timeline_create(dev, 0, &timeline));
	fake_fail(DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, -EMFILE, 0);
	EQUAL(dojo_timeline_export(timeline, &fd), -EMFILE);
	EQUAL(fd, -1);
	dojo_timeline_destroy(timeline);
	dojo_device_close(dev);
}

TEST(fence_is_signalled_or_not)
{
	struct dojo_device *dev = test_open();
	struct dojo_fence *fence;

	OK(dojo_fence_create(dev, false, &fence));
	EQUAL(dojo_fence_wait(fence, 0), -ETIME);
	OK(dojo_fence_signal(fence));
	OK(dojo_fence_wait(fence, DOJO_FOREVER));
	OK(dojo_fence_reset(fence));
	EQUAL(dojo_fence_wait(fence, MS), -ETIME);
	CHECK(dojo_fence_handle(fence));
	dojo_fence_destroy(fence);
	OK(dojo_fence_create(dev, true, &fence));
	OK(dojo_fence_wait(fence, 0));
	dojo_fence_destroy(fence);
	dojo_device_close(dev);
}

TEST(fence_status_follows_its_job)
{
	struct dojo_device *dev = test_open();
	struct dojo_vm *vm = test_vm(dev);
	struct dojo_queue *queue = test_queue(vm, DRM_DOJO_QUEUE_DMA);
	struct drm_dojo_sync_op done;
	struct dojo_batch *batch;
	struct dojo_fence *fence;

	OK(dojo_fence_create(dev, false, &fence));
	EQUAL(dojo_fence_status(fence), -EINPROGRESS);
	done = dojo_signal_fence(fence);
	fake.stall = true;
	OK(dojo_queue_submit(queue, NULL, &done, 1, NULL));
	EQUAL(dojo_fence_status(fence), -EINPROGRESS);
	fake_run();
	OK(dojo_fence_status(fence));
	OK(dojo_batch_create(vm, 4096, 0, &batch));
	OK(dojo_copy(batch, 0x1000, 0x2000, 8));
	OK(dojo_queue_submit(queue, batch, &done, 1, NULL));
	EQUAL(dojo_fence_status(fence), -EFAULT);
	SAYS(test_last_error(dev), "job of fence");
	dojo_batch_destroy(batch);
	dojo_fence_destroy(fence);
	dojo_queue_destroy(queue);
	dojo_vm_destroy(vm);
	dojo_device_close(dev);
}

TEST(fence_passes_through_a_sync_file)
{
	struct dojo_device *dev = test_open();
	struct dojo_fence *fence, *imported;
	int file;

	OK(dojo_fence_create(dev, true, &fence));
	OK(dojo_fence_export(fence, &file));
	OK(dojo_fence_import(dev, file, &imported));
	OK(dojo_fence_status(imported));
	close(file);
	dojo_fence_destroy(imported);
	dojo_fence_destroy(fence);
	EQUAL(dojo_fence_import(dev, 0, &imported), -EINVAL);
	CHECK(!imported);
	dojo_device_close(dev);
}

TEST(sync_operations_are_what_the_abi_wants)
{
	struct dojo_device *dev = test_open();
	struct dojo_timeline *timeline;
	struct drm_dojo_sync_op op;
	struct dojo_fence *fence;

	OK(dojo_timeline_create(dev, 0, &timeline));
	OK(dojo_fence_create(dev, false, &fence));
	op = dojo_wait_for(timeline, 9);
	EQUAL(op.flags, DRM_DOJO_SYNC_OP_TIMELINE);
	EQUAL(op.handle, dojo_timeline_handle(timeline));
	EQUAL(op.point, 9);
	op = dojo_signal(timeline, 10);
	EQUAL(op.flags, DRM_DOJO_SYNC_OP_TIMELINE | DRM_DOJO_SYNC_OP_SIGNAL);
	EQUAL(op.point, 10);
	op = dojo_wait_for_fence(fence);
	EQUAL(op.flags, 0);
	EQUAL(op.handle, dojo_fence_handle(fence));
	EQUAL(op.point, 0);
	op = dojo_signal_fence(fence);
	EQUAL(op.flags, DRM_DOJO_SYNC_OP_SIGNAL);
	dojo_fence_destroy(fence);
	dojo_timeline_destroy(timeline);
	dojo_device_close(dev);
}

TEST(deadlines_do_not_overflow)
{
	EQUAL(dojo_deadline(0), 0);
	EQUAL(dojo_deadline(DOJO_FOREVER), INT64_MAX);
	EQUAL(dojo_deadline(INT64_MIN), INT64_MAX);
	EQUAL(dojo_deadline(INT64_MAX), INT64_MAX);
	CHECK(dojo_deadline(1000) > 1000);
}

TEST(destroy_of_NULL_does_nothing)
{
	dojo_timeline_destroy(NULL);
	dojo_fence_destroy(NULL);
}
