// SPDX-License-Identifier: MIT
/* Queues and submission. */
#include "test.h"

#define MS	1000000

/* A tile with everything that a submission needs. */
struct rig {
	struct dojo_device *dev;
	struct dojo_vm *vm;
	struct dojo_queue *queue;
	struct dojo_batch *batch;
	struct dojo_bo *bo;
	uint64_t va;
	uint32_t *data;
};

static struct rig set_up(uint32_t queue_class)
{
	struct rig rig;
	void *memory;

	rig.dev = test_open();
	rig.vm = test_vm(rig.dev);
	rig.queue = test_queue(rig.vm, queue_class);
	rig.bo = test_bo(rig.dev, 8192, &memory);
	rig.data = memory;
	OK(dojo_vm_map(rig.vm, rig.bo, 0, 0, 0, &rig.va));
	OK(dojo_batch_create(rig.vm, 4096, 0, &rig.batch));
	return rig;
}

static void tear_down(struct rig *rig)
{
	dojo_batch_destroy(rig->batch);
	dojo_queue_destroy(rig->queue);
	dojo_vm_destroy(rig->vm);
	dojo_bo_destroy(rig->bo);
	dojo_device_close(rig->dev);
}

TEST(create_without_attributes_is_the_whole_mesh_at_normal_priority)
{
	struct rig rig = set_up(DRM_DOJO_QUEUE_COMPUTE);
	uint8_t x, y, w, h;

	EQUAL(fake.last_queue.vm_id, dojo_vm_id(rig.vm));
	EQUAL(fake.last_queue.queue_class, DRM_DOJO_QUEUE_COMPUTE);
	EQUAL(fake.last_queue.priority, DRM_DOJO_PRIORITY_NORMAL);
	EQUAL(fake.last_queue.rect_w, 0);
	dojo_queue_rect(rig.queue, &x, &y, &w, &h);
	EQUAL(w, 5);
	EQUAL(h, 5);
	EQUAL(dojo_queue_class(rig.queue), DRM_DOJO_QUEUE_COMPUTE);
	CHECK(dojo_queue_id(rig.queue));
	CHECK(dojo_queue_vm(rig.queue) == rig.vm);
	tear_down(&rig);
}

TEST(create_passes_attributes_on_and_reports_the_place_found)
{
	struct rig rig = set_up(DRM_DOJO_QUEUE_DMA);
	struct dojo_queue_attr attr = DOJO_QUEUE_ATTR_INIT;
	struct dojo_queue *queue;
	uint8_t x, y, w, h;

	attr.priority = DRM_DOJO_PRIORITY_LOW;
	attr.flags = DRM_DOJO_QUEUE_FIND_RECT;
	attr.rect_w = 3;
	attr.rect_h = 2;
	attr.ring_jobs = 16;
	attr.timeout_ns = 5 * MS;
	OK(dojo_queue_create(rig.vm, DRM_DOJO_QUEUE_COMPUTE, &attr, &queue));
	EQUAL(fake.last_queue.priority, DRM_DOJO_PRIORITY_LOW);
	EQUAL(fake.last_queue.ring_jobs, 16);
	EQUAL(fake.last_queue.timeout_ns, 5 * MS);
	dojo_queue_rect(queue, &x, &y, &w, &h);
	EQUAL(x, 2);
	EQUAL(w, 3);
	EQUAL(h, 2);
	dojo_queue_destroy(queue);
	tear_down(&rig);
}

TEST(create_refuses_what_it_does_not_know)
{
	struct rig rig = set_up(DRM_DOJO_QUEUE_DMA);
	struct dojo_queue_attr attr = DOJO_QUEUE_ATTR_INIT;
	struct dojo_queue *queue = (void *)1;

	attr.reserved[3] = 1;
	EQUAL(dojo_queue_create(rig.vm, DRM_DOJO_QUEUE_DMA, &attr, &queue), -EINVAL);
	CHECK(!queue);
	attr.reserved[3] = 0;
	attr.priority = DRM_DOJO_PRIORITY_REALTIME;
	EQUAL(dojo_queue_create(rig.vm, DRM_DOJO_QUEUE_DMA, &attr, &queue), -EACCES);
	SAYS(test_last_error(rig.dev), "realtime");
	tear_down(&rig);
}

TEST(run_does_the_work)
{
	struct rig rig = set_up(DRM_DOJO_QUEUE_DMA);

	OK(dojo_fill(rig.batch, rig.va, 4096, 0x01020304));
	OK(dojo_copy(rig.batch, rig.va + 4096, rig.va, 4096));
	OK(dojo_queue_run(rig.queue, rig.batch, DOJO_FOREVER));
	EQUAL(rig.data[0], 0x01020304);
	EQUAL(rig.data[2047], 0x01020304);
	EQUAL(fake.last_job.batch_va, dojo_batch_va(rig.batch));
	EQUAL(fake.last_job.batch_size, dojo_batch_size(rig.batch));
	tear_down(&rig);
}

TEST(run_leaves_no_fence_behind)
{
	struct rig rig = set_up(DRM_DOJO_QUEUE_DMA);
	unsigned int before = fake.objects;

	OK(dojo_nop(rig.batch));
	OK(dojo_queue_run(rig.queue, rig.batch, DOJO_FOREVER));
	EQUAL(fake.objects, before);
	tear_down(&rig);
}

TEST(run_of_a_batch_that_failed_to_build_is_that_error)
{
	struct rig rig = set_up(DRM_DOJO_QUEUE_DMA);

	EQUAL(dojo_gemm(rig.batch, 0, NULL, NULL, NULL, NULL), -EINVAL);
	OK(fake_calls(DRM_IOCTL_DOJO_QUEUE_SUBMIT));
	EQUAL(dojo_queue_run(rig.queue, rig.batch, DOJO_FOREVER), -EINVAL);
	SAYS(test_last_error(rig.dev), "tensor 0 (A)");
	EQUAL(fake_calls(DRM_IOCTL_DOJO_QUEUE_SUBMIT), 0);
	tear_down(&rig);
}

TEST(run_of_a_bad_packet_names_packet_and_field)
{
	struct rig rig = set_up(DRM_DOJO_QUEUE_DMA);

	OK(dojo_nop(rig.batch));
	OK(dojo_fill(rig.batch, rig.va + 1, 4, 0));
	EQUAL(dojo_queue_run(rig.queue, rig.batch, DOJO_FOREVER), -EIO);
	SAYS(test_last_error(rig.dev), "FILL: FIELD (operand out of range): dst");
	SAYS(test_last_error(rig.dev), "job 1");
	SAYS(test_last_error(rig.dev), " + 8");
	tear_down(&rig);
}

TEST(run_of_a_bad_address_names_it)
{
	struct rig rig = set_up(DRM_DOJO_QUEUE_DMA);

	OK(dojo_copy(rig.batch, rig.va, 0xdead000, 8));
	EQUAL(dojo_queue_run(rig.queue, rig.batch, DOJO_FOREVER), -EIO);
	SAYS(test_last_error(rig.dev), "COPY: TRANSLATION");
	SAYS(test_last_error(rig.dev), "read of 0xdead000");
	tear_down(&rig);
}

TEST(run_that_takes_too_long_is_ETIME)
{
	struct rig rig = set_up(DRM_DOJO_QUEUE_DMA);

	fake.stall = true;
	OK(dojo_nop(rig.batch));
	EQUAL(dojo_queue_run(rig.queue, rig.batch, 5 * MS), -ETIME);
	fake_run();
	OK(dojo_queue_wait_idle(rig.queue, DOJO_FOREVER));
	tear_down(&rig);
}

TEST(submit_counts_and_signals)
{
	struct rig rig = set_up(DRM_DOJO_QUEUE_DMA);
	struct dojo_timeline *timeline;
	struct drm_dojo_sync_op done;
	uint64_t seqno = 0;

	OK(dojo_timeline_create(rig.dev, 0, &timeline));
	done = dojo_signal(timeline, 1);
	OK(dojo_nop(rig.batch));
	OK(dojo_queue_submit(rig.queue, rig.batch, NULL, 0, &seqno));
	EQUAL(seqno, 1);
	OK(dojo_queue_submit(rig.queue, rig.batch, &done, 1, &seqno));
	EQUAL(seqno, 2);
	EQUAL(fake.last_job.syncs.count, 1);
	EQUAL(fake.last_syncs[0].point, 1);
	OK(dojo_timeline_wait(timeline, 1, 0));
	dojo_timeline_destroy(timeline);
	tear_down(&rig);
}

TEST(submit_without_a_batch_only_synchronises)
{
	struct rig rig = set_up(DRM_DOJO_QUEUE_DMA);

	OK(dojo_queue_submit(rig.queue, NULL, NULL, 0, NULL));
	EQUAL(fake.last_job.batch_va, 0);
	EQUAL(fake.last_job.batch_size, 0);
	EQUAL(fake.last_job.syncs.count, 0);
	OK(dojo_queue_submit(rig.queue, rig.batch, NULL, 0, NULL));
	EQUAL(fake.last_job.batch_va, 0);
	tear_down(&rig);
}

TEST(submit_waits_for_what_it_is_told_to)
{
	struct rig rig = set_up(DRM_DOJO_QUEUE_DMA);
	struct dojo_queue *other = test_queue(rig.vm, DRM_DOJO_QUEUE_DMA);
	struct dojo_timeline *timeline;
	struct drm_dojo_sync_op gate, open;

	OK(dojo_timeline_create(rig.dev, 0, &timeline));
	open = dojo_signal(timeline, 1);
	gate = dojo_wait_for(timeline, 1);
	OK(dojo_fill(rig.batch, rig.va, 4, 7));
	fake.stall = true;
	OK(dojo_queue_submit(other, NULL, &open, 1, NULL));
	OK(dojo_queue_submit(rig.queue, rig.batch, &gate, 1, NULL));
	EQUAL(rig.data[0], 0);
	EQUAL(dojo_queue_wait_idle(rig.queue, 0), -ETIME);
	SAYS(test_last_error(rig.dev), "job 0 of 1");
	fake_run();
	OK(dojo_queue_wait_idle(rig.queue, 0));
	EQUAL(rig.data[0], 7);
	dojo_timeline_destroy(timeline);
	dojo_queue_destroy(other);
	tear_down(&rig);
}

TEST(submit_that_waits_for_what_nobody_submitted_is_EINVAL)
{
	struct rig rig = set_up(DRM_DOJO_QUEUE_DMA);
	struct dojo_timeline *timeline;
	struct drm_dojo_sync_op gate;

	OK(dojo_timeline_create(rig.dev, 0, &timeline));
	gate = dojo_wait_for(timeline, 1);
	EQUAL(dojo_queue_submit(rig.queue, NULL, &gate, 1, NULL), -EINVAL);
	OK(dojo_timeline_signal(timeline, 1));
	OK(dojo_queue_submit(rig.queue, NULL, &gate, 1, NULL));
	dojo_timeline_destroy(timeline);
	tear_down(&rig);
}

TEST(submit_jobs_takes_many_at_once)
{
	struct rig rig = set_up(DRM_DOJO_QUEUE_DMA);
	struct dojo_timeline *timeline;
	struct drm_dojo_sync_op first, second[2];
	struct drm_dojo_job jobs[2];

	OK(dojo_timeline_create(rig.dev, 0, &timeline));
	OK(dojo_nop(rig.batch));
	first = dojo_signal(timeline, 1);
	second[0] = dojo_wait_for(timeline, 1);
	second[1] = dojo_signal(timeline, 2);
	jobs[0] = dojo_job(rig.batch, &first, 1);
	jobs[1] = dojo_job(NULL, second, 2);
	OK(dojo_queue_submit_jobs(rig.queue, jobs, 2, 0));
	EQUAL(fake_calls(DRM_IOCTL_DOJO_QUEUE_SUBMIT), 1);
	EQUAL(jobs[0].seqno, 1);
	EQUAL(jobs[1].seqno, 2);
	OK(dojo_timeline_wait(timeline, 2, 0));
	dojo_timeline_destroy(timeline);
	tear_down(&rig);
}

TEST(submit_that_must_not_block_returns_EAGAIN)
{
	struct rig rig = set_up(DRM_DOJO_QUEUE_DMA);
	struct drm_dojo_job job = dojo_job(NULL, NULL, 0);

	fake_fail(DRM_IOCTL_DOJO_QUEUE_SUBMIT, -EAGAIN, 0);
	EQUAL(dojo_queue_submit_jobs(rig.queue, &job, 1, DRM_DOJO_SUBMIT_NONBLOCK), -EAGAIN);
	EQUAL(fake_calls(DRM_IOCTL_DOJO_QUEUE_SUBMIT), 1);
	tear_down(&rig);
}

TEST(submit_repeats_what_a_signal_interrupted)
{
	struct rig rig = set_up(DRM_DOJO_QUEUE_DMA);

	fake_fail(DRM_IOCTL_DOJO_QUEUE_SUBMIT, -EINTR, 0);
	OK(dojo_queue_submit(rig.queue, NULL, NULL, 0, NULL));
	EQUAL(fake_calls(DRM_IOCTL_DOJO_QUEUE_SUBMIT), 2);
	tear_down(&rig);
}

TEST(wait_idle_of_an_idle_queue_submits_nothing)
{
	struct rig rig = set_up(DRM_DOJO_QUEUE_DMA);

	OK(dojo_queue_wait_idle(rig.queue, DOJO_FOREVER));
	EQUAL(fake_calls(DRM_IOCTL_DOJO_QUEUE_SUBMIT), 0);
	tear_down(&rig);
}

static int check_with(struct rig *rig, uint32_t status)
{
	fake.fault = (struct drm_dojo_queue_get_state){ .status = status, .fault_seqno = 3 };
	return dojo_queue_check(rig->queue);
}

TEST(check_tells_guilty_from_innocent)
{
	struct rig rig = set_up(DRM_DOJO_QUEUE_DMA);

	OK(check_with(&rig, DRM_DOJO_QUEUE_ACTIVE));
	EQUAL(check_with(&rig, DRM_DOJO_QUEUE_FAULTED), -EIO);
	EQUAL(check_with(&rig, DRM_DOJO_QUEUE_TIMED_OUT), -ETIMEDOUT);
	SAYS(test_last_error(rig.dev), "no progress");
	SAYS(test_last_error(rig.dev), "job 3");
	EQUAL(check_with(&rig, DRM_DOJO_QUEUE_INNOCENT), -ECANCELED);
	SAYS(test_last_error(rig.dev), "another queue");
	EQUAL(check_with(&rig, 99), -EIO);
	EQUAL(dojo_queue_wait_idle(rig.queue, 0), -EIO);
	tear_down(&rig);
}

TEST(run_on_a_stopped_queue_says_why_it_stopped)
{
	struct rig rig = set_up(DRM_DOJO_QUEUE_DMA);

	fake.fault = (struct drm_dojo_queue_get_state){ .status = DRM_DOJO_QUEUE_TIMED_OUT };
	OK(dojo_nop(rig.batch));
	EQUAL(dojo_queue_submit(rig.queue, rig.batch, NULL, 0, NULL), -ECANCELED);
	EQUAL(dojo_queue_run(rig.queue, rig.batch, DOJO_FOREVER), -ETIMEDOUT);
	SAYS(test_last_error(rig.dev), "no progress");
	tear_down(&rig);
}

TEST(state_by_an_older_program_writes_no_more_than_it_has)
{
	struct rig rig = set_up(DRM_DOJO_QUEUE_DMA);
	unsigned char bytes[24];

	memset(bytes, 0xee, sizeof(bytes));
	OK(dojo_queue_get_state(rig.queue, (struct drm_dojo_queue_get_state *)bytes, 16));
	EQUAL(bytes[0], dojo_queue_id(rig.queue));
	EQUAL(bytes[16], 0xee);
	tear_down(&rig);
}

TEST(a_job_says_what_it_did)
{
	struct rig rig = set_up(DRM_DOJO_QUEUE_DMA);
	struct drm_dojo_queue_get_job job;
	unsigned char bytes[24];
	uint64_t seqno;

	EQUAL(dojo_queue_get_job(rig.queue, 1, &job, sizeof(job)), -ENOENT);
	SAYS(test_last_error(rig.dev), "job 1 of queue");
	OK(dojo_nop(rig.batch));
	OK(dojo_nop(rig.batch));
	OK(dojo_queue_submit(rig.queue, rig.batch, NULL, 0, &seqno));
	OK(dojo_queue_wait_idle(rig.queue, DOJO_FOREVER));
	OK(dojo_queue_get_job(rig.queue, seqno, &job, sizeof(job)));
	EQUAL(job.packets, 2);
	memset(bytes, 0xee, sizeof(bytes));
	OK(dojo_queue_get_job(rig.queue, seqno, (struct drm_dojo_queue_get_job *)bytes, 16));
	EQUAL(bytes[8], seqno);
	EQUAL(bytes[16], 0xee);
	tear_down(&rig);
}

TEST(destroy_with_work_in_flight_cancels_it)
{
	struct rig rig = set_up(DRM_DOJO_QUEUE_DMA);
	struct drm_dojo_sync_op done;
	struct dojo_fence *fence;

	OK(dojo_fence_create(rig.dev, false, &fence));
	done = dojo_signal_fence(fence);
	fake.stall = true;
	OK(dojo_queue_submit(rig.queue, NULL, &done, 1, NULL));
	dojo_queue_destroy(rig.queue);
	EQUAL(dojo_fence_status(fence), -ECANCELED);
	dojo_fence_destroy(fence);
	rig.queue = NULL;
	tear_down(&rig);
}
