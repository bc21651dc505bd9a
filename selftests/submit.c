// SPDX-License-Identifier: GPL-2.0-only
/* Submission: syncobjs in and out, order, dependencies, full rings, and every rejected argument */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <linux/dma-buf.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "dojo_harness.h"

#define WORDS	1024

/*
 * @host begins with the semaphore that holds jobs back; the batches that a test
 * needs at the same time are prepared one behind the other.
 */
FIXTURE(submit) {
	struct dojo_client c;
	struct dojo_buf host;
	__u64 *gate;
	__u32 *words;
	__u64 words_va;
};

FIXTURE_SETUP(submit)
{
	ASSERT_EQ(0, dojo_client_open(&self->c, 0));
	ASSERT_EQ(0, dojo_buf_create(&self->c, &self->host, PAGE + WORDS * 4,
				     DRM_DOJO_DOMAIN_SYSTEM, DRM_DOJO_BO_CPU_ACCESS));
	self->gate = self->host.map;
	self->words = (__u32 *)((char *)self->host.map + PAGE);
	self->words_va = self->host.va + PAGE;
	dojo_poke64(self->gate, 0);
	memset(self->words, 0, WORDS * 4);
}

FIXTURE_TEARDOWN(submit)
{
	dojo_client_close(&self->c);
}

/* Ends the batch that was begun at @start */
static struct drm_dojo_job end_job(struct dojo_client *c, __u32 start,
				   struct drm_dojo_sync_op *syncs, __u32 count)
{
	struct drm_dojo_job job = {
		.batch_va = c->batch.va + start,
		.batch_size = c->used - start,
		.syncs = {
			.stride = sizeof(*syncs),
			.count = count,
			.array = (uintptr_t)syncs,
		},
	};

	return job;
}

/* A job that writes @value to word @index */
static struct drm_dojo_job write_job(struct dojo_client *c, __u64 va, __u32 value,
				     struct drm_dojo_sync_op *syncs, __u32 count)
{
	__u32 start = c->used;

	dojo_fill(c, va, 4, value);
	return end_job(c, start, syncs, count);
}

/* A job that ends when the gate is opened */
static struct drm_dojo_job gate_job(struct dojo_client *c, __u64 gate_va,
				    struct drm_dojo_sync_op *syncs, __u32 count)
{
	__u32 start = c->used;

	dojo_sem_wait(c, gate_va, 1, DOJO_SEM_EQUAL);
	return end_job(c, start, syncs, count);
}

static struct drm_dojo_sync_op wait_for(__u32 handle)
{
	return (struct drm_dojo_sync_op) { .handle = handle };
}

static struct drm_dojo_sync_op signals(__u32 handle)
{
	return (struct drm_dojo_sync_op) {
		.flags = DRM_DOJO_SYNC_OP_SIGNAL,
		.handle = handle,
	};
}

static struct drm_dojo_sync_op wait_for_point(__u32 handle, __u64 point)
{
	return (struct drm_dojo_sync_op) {
		.flags = DRM_DOJO_SYNC_OP_TIMELINE,
		.handle = handle,
		.point = point,
	};
}

static struct drm_dojo_sync_op signals_point(__u32 handle, __u64 point)
{
	return (struct drm_dojo_sync_op) {
		.flags = DRM_DOJO_SYNC_OP_TIMELINE | DRM_DOJO_SYNC_OP_SIGNAL,
		.handle = handle,
		.point = point,
	};
}

/* ------------------------------------------------------------- results */

TEST_F(submit, a_job_signals_a_binary_syncobj)
{
	struct drm_dojo_sync_op out = signals(self->c.done);
	struct drm_dojo_job job = write_job(&self->c, self->words_va, 7, &out, 1);

	ASSERT_EQ(0, dojo_submit(self->c.fd, self->c.dma, 0, &job, 1));
	ASSERT_EQ(0, dojo_syncobj_wait(self->c.fd, self->c.done, dojo_patience()));
	EXPECT_EQ(1, dojo_syncobj_status(self->c.fd, self->c.done));
	EXPECT_EQ(7, self->words[0]);
}

TEST_F(submit, a_job_signals_a_timeline_point)
{
	struct drm_dojo_sync_op out;
	struct drm_dojo_job job;
	__u32 timeline;
	__u64 point;

	ASSERT_EQ(0, dojo_syncobj_create(self->c.fd, &timeline));
	out = signals_point(timeline, 10);
	job = write_job(&self->c, self->words_va, 7, &out, 1);
	ASSERT_EQ(0, dojo_submit(self->c.fd, self->c.dma, 0, &job, 1));
	ASSERT_EQ(0, dojo_timeline_wait(self->c.fd, timeline, 10, dojo_patience()));
	ASSERT_EQ(0, dojo_timeline_query(self->c.fd, timeline, &point));
	EXPECT_EQ(10, point);
	EXPECT_EQ(7, self->words[0]);
}

TEST_F(submit, a_job_signals_several_syncobjs)
{
	struct drm_dojo_sync_op out[3];
	struct drm_dojo_job job;
	__u32 second, timeline;

	ASSERT_EQ(0, dojo_syncobj_create(self->c.fd, &second));
	ASSERT_EQ(0, dojo_syncobj_create(self->c.fd, &timeline));
	out[0] = signals(self->c.done);
	out[1] = signals(second);
	out[2] = signals_point(timeline, 1);
	job = write_job(&self->c, self->words_va, 7, out, 3);
	ASSERT_EQ(0, dojo_submit(self->c.fd, self->c.dma, 0, &job, 1));
	EXPECT_EQ(0, dojo_syncobj_wait(self->c.fd, self->c.done, dojo_patience()));
	EXPECT_EQ(0, dojo_syncobj_wait(self->c.fd, second, dojo_patience()));
	EXPECT_EQ(0, dojo_timeline_wait(self->c.fd, timeline, 1, dojo_patience()));
}

TEST_F(submit, sequence_numbers_count_from_1)
{
	struct drm_dojo_job jobs[3];
	int i;

	for (i = 0; i < 3; i++)
		jobs[i] = write_job(&self->c, self->words_va + 4 * i, i + 1, NULL, 0);
	ASSERT_EQ(0, dojo_submit(self->c.fd, self->c.dma, 0, jobs, 3));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(i + 1, jobs[i].seqno);
	ASSERT_EQ(0, dojo_submit(self->c.fd, self->c.dma, 0, jobs, 1));
	EXPECT_EQ(4, jobs[0].seqno);
}

TEST_F(submit, an_empty_batch_only_synchronises)
{
	struct drm_dojo_sync_op out = signals(self->c.done);
	struct drm_dojo_job job = {
		.syncs = { .stride = sizeof(out), .count = 1, .array = (uintptr_t)&out },
	};

	ASSERT_EQ(0, dojo_submit(self->c.fd, self->c.dma, 0, &job, 1));
	ASSERT_EQ(0, dojo_syncobj_wait(self->c.fd, self->c.done, dojo_patience()));
	EXPECT_EQ(1, dojo_syncobj_status(self->c.fd, self->c.done));
}

TEST_F(submit, an_empty_batch_comes_after_earlier_jobs)
{
	struct drm_dojo_sync_op out = signals(self->c.done);
	struct drm_dojo_job jobs[2] = {
		gate_job(&self->c, self->host.va, NULL, 0),
		{ .syncs = { .stride = sizeof(out), .count = 1, .array = (uintptr_t)&out } },
	};

	ASSERT_EQ(0, dojo_submit(self->c.fd, self->c.dma, 0, jobs, 2));
	EXPECT_EQ(-ETIME, dojo_syncobj_wait(self->c.fd, self->c.done, 100));
	dojo_poke64(self->gate, 1);
	EXPECT_EQ(0, dojo_syncobj_wait(self->c.fd, self->c.done, dojo_patience()));
}

TEST_F(submit, no_jobs_are_refused)
{
	EXPECT_EQ(-EINVAL, dojo_submit(self->c.fd, self->c.dma, 0, NULL, 0));
}

TEST_F(submit, an_out_fence_can_be_polled_as_a_sync_file)
{
	struct drm_dojo_sync_op out = signals(self->c.done);
	struct drm_dojo_job job = gate_job(&self->c, self->host.va, &out, 1);
	struct pollfd poll_fd = { .events = POLLIN };

	ASSERT_EQ(0, dojo_submit(self->c.fd, self->c.dma, 0, &job, 1));
	poll_fd.fd = dojo_syncobj_export(self->c.fd, self->c.done);
	ASSERT_GE(poll_fd.fd, 0);
	EXPECT_EQ(0, dojo_sync_file_status(poll_fd.fd));
	EXPECT_EQ(0, poll(&poll_fd, 1, 50));
	dojo_poke64(self->gate, 1);
	EXPECT_EQ(1, poll(&poll_fd, 1, dojo_patience()));
	EXPECT_EQ(1, dojo_sync_file_status(poll_fd.fd));
	close(poll_fd.fd);
}

#ifdef DRM_IOCTL_SYNCOBJ_EVENTFD
TEST_F(submit, an_out_fence_can_signal_an_eventfd)
{
	struct drm_dojo_sync_op out;
	struct drm_syncobj_eventfd args = { .point = 5 };
	struct pollfd poll_fd = { .events = POLLIN };
	struct drm_dojo_job job;
	__u32 timeline;

	ASSERT_EQ(0, dojo_syncobj_create(self->c.fd, &timeline));
	out = signals_point(timeline, 5);
	job = gate_job(&self->c, self->host.va, &out, 1);
	ASSERT_EQ(0, dojo_submit(self->c.fd, self->c.dma, 0, &job, 1));
	poll_fd.fd = eventfd(0, EFD_CLOEXEC);
	ASSERT_GE(poll_fd.fd, 0);
	args.handle = timeline;
	args.fd = poll_fd.fd;
	ASSERT_EQ(0, dojo_ioctl(self->c.fd, DRM_IOCTL_SYNCOBJ_EVENTFD, &args));
	EXPECT_EQ(0, poll(&poll_fd, 1, 50));
	dojo_poke64(self->gate, 1);
	EXPECT_EQ(1, poll(&poll_fd, 1, dojo_patience()));
	close(poll_fd.fd);
}
#endif

/* --------------------------------------------------------------- order */

TEST_F(submit, jobs_of_one_call_run_in_order)
{
	struct drm_dojo_sync_op out = signals(self->c.done);
	struct drm_dojo_job jobs[64];
	__u32 start;
	int i;

	/* each copies the word before its own; the first one is set by hand */
	self->words[0] = 0x600d;
	for (i = 0; i < 64; i++) {
		start = self->c.used;
		dojo_copy(&self->c, self->words_va + 4 * (i + 1), self->words_va + 4 * i, 4);
		jobs[i] = end_job(&self->c, start, i == 63 ? &out : NULL, i == 63);
	}
	ASSERT_EQ(0, dojo_submit(self->c.fd, self->c.dma, 0, jobs, 64));
	ASSERT_EQ(0, dojo_syncobj_wait(self->c.fd, self->c.done, dojo_patience()));
	EXPECT_EQ(0x600d, self->words[64]);
}

TEST_F(submit, calls_run_in_order)
{
	struct drm_dojo_job job;
	__u32 start;
	int i;

	self->words[0] = 0x600d;
	for (i = 0; i < 200; i++) {
		start = self->c.used;
		dojo_copy(&self->c, self->words_va + 4 * (i + 1), self->words_va + 4 * i, 4);
		job = end_job(&self->c, start, NULL, 0);
		ASSERT_EQ(0, dojo_submit(self->c.fd, self->c.dma, 0, &job, 1));
	}
	ASSERT_EQ(0, dojo_submit_one(self->c.fd, self->c.dma, 0, 0, self->c.done));
	ASSERT_EQ(0, dojo_syncobj_wait(self->c.fd, self->c.done, dojo_patience()));
	EXPECT_EQ(0x600d, self->words[200]);
}

TEST_F(submit, a_job_waits_for_a_binary_syncobj_of_another_queue)
{
	struct drm_dojo_sync_op first_out, second[2];
	struct drm_dojo_job job;
	__u32 between;

	ASSERT_EQ(0, dojo_syncobj_create(self->c.fd, &between));
	first_out = signals(between);
	job = gate_job(&self->c, self->host.va, &first_out, 1);
	ASSERT_EQ(0, dojo_submit(self->c.fd, self->c.compute, 0, &job, 1));
	second[0] = wait_for(between);
	second[1] = signals(self->c.done);
	job = write_job(&self->c, self->words_va, 9, second, 2);
	ASSERT_EQ(0, dojo_submit(self->c.fd, self->c.dma, 0, &job, 1));
	EXPECT_EQ(-ETIME, dojo_syncobj_wait(self->c.fd, self->c.done, 100));
	EXPECT_EQ(0, self->words[0]);
	dojo_poke64(self->gate, 1);
	EXPECT_EQ(0, dojo_syncobj_wait(self->c.fd, self->c.done, dojo_patience()));
	EXPECT_EQ(9, self->words[0]);
}

TEST_F(submit, a_job_waits_for_a_timeline_point)
{
	struct drm_dojo_sync_op syncs[2];
	struct drm_dojo_job jobs[2];
	__u32 timeline;

	ASSERT_EQ(0, dojo_syncobj_create(self->c.fd, &timeline));
	syncs[0] = signals_point(timeline, 3);
	jobs[0] = gate_job(&self->c, self->host.va, &syncs[0], 1);
	ASSERT_EQ(0, dojo_submit(self->c.fd, self->c.compute, 0, jobs, 1));
	syncs[0] = wait_for_point(timeline, 3);
	syncs[1] = signals(self->c.done);
	jobs[1] = write_job(&self->c, self->words_va, 9, syncs, 2);
	ASSERT_EQ(0, dojo_submit(self->c.fd, self->c.dma, 0, &jobs[1], 1));
	EXPECT_EQ(-ETIME, dojo_syncobj_wait(self->c.fd, self->c.done, 100));
	dojo_poke64(self->gate, 1);
	EXPECT_EQ(0, dojo_syncobj_wait(self->c.fd, self->c.done, dojo_patience()));
	EXPECT_EQ(9, self->words[0]);
}

/* The fence of the last point there is stays with the timeline, however often that happens */
TEST_F(submit, waiting_for_a_point_beyond_the_last_is_refused)
{
	struct drm_dojo_sync_op op;
	struct drm_dojo_job job;
	__u32 timeline;
	int i;

	ASSERT_EQ(0, dojo_syncobj_create(self->c.fd, &timeline));
	ASSERT_EQ(0, dojo_timeline_signal(self->c.fd, timeline, 3));
	op = wait_for_point(timeline, 4);
	job = write_job(&self->c, self->words_va, 9, &op, 1);
	for (i = 0; i < 8; i++)
		EXPECT_EQ(-EINVAL, dojo_submit(self->c.fd, self->c.dma, 0, &job, 1));
	EXPECT_EQ(0, dojo_timeline_wait(self->c.fd, timeline, 3, 0));
	EXPECT_EQ(0, dojo_syncobj_destroy(self->c.fd, timeline));
}

TEST_F(submit, a_signalled_syncobj_does_not_hold_a_job_back)
{
	struct drm_dojo_sync_op syncs[2];
	struct drm_dojo_job job;
	__u32 ready;

	ASSERT_EQ(0, dojo_syncobj_create(self->c.fd, &ready));
	ASSERT_EQ(0, dojo_syncobj_signal(self->c.fd, ready));
	syncs[0] = wait_for(ready);
	syncs[1] = signals(self->c.done);
	job = write_job(&self->c, self->words_va, 9, syncs, 2);
	ASSERT_EQ(0, dojo_submit(self->c.fd, self->c.dma, 0, &job, 1));
	EXPECT_EQ(0, dojo_syncobj_wait(self->c.fd, self->c.done, dojo_patience()));
}

TEST_F(submit, a_job_may_wait_for_what_an_earlier_one_of_the_call_signals)
{
	struct drm_dojo_sync_op first, second[2];
	struct drm_dojo_job jobs[2];
	__u32 timeline;

	ASSERT_EQ(0, dojo_syncobj_create(self->c.fd, &timeline));
	first = signals_point(timeline, 1);
	second[0] = wait_for_point(timeline, 1);
	second[1] = signals(self->c.done);
	jobs[0] = write_job(&self->c, self->words_va, 1, &first, 1);
	jobs[1] = write_job(&self->c, self->words_va + 4, 2, second, 2);
	ASSERT_EQ(0, dojo_submit(self->c.fd, self->c.dma, 0, jobs, 2));
	ASSERT_EQ(0, dojo_syncobj_wait(self->c.fd, self->c.done, dojo_patience()));
	EXPECT_EQ(1, self->words[0]);
	EXPECT_EQ(2, self->words[1]);
}

TEST_F(submit, a_job_cannot_wait_for_what_a_later_one_of_the_call_signals)
{
	struct drm_dojo_sync_op first, second;
	struct drm_dojo_job jobs[2];
	__u32 timeline;

	ASSERT_EQ(0, dojo_syncobj_create(self->c.fd, &timeline));
	first = wait_for_point(timeline, 1);
	second = signals_point(timeline, 1);
	jobs[0] = write_job(&self->c, self->words_va, 1, &first, 1);
	jobs[1] = write_job(&self->c, self->words_va + 4, 2, &second, 1);
	EXPECT_EQ(-EINVAL, dojo_submit(self->c.fd, self->c.dma, 0, jobs, 2));
}

TEST_F(submit, waiting_for_a_syncobj_without_a_fence_is_refused)
{
	struct drm_dojo_sync_op in;
	struct drm_dojo_job job;
	__u32 empty;

	ASSERT_EQ(0, dojo_syncobj_create(self->c.fd, &empty));
	in = wait_for(empty);
	job = write_job(&self->c, self->words_va, 1, &in, 1);
	EXPECT_EQ(-EINVAL, dojo_submit(self->c.fd, self->c.dma, 0, &job, 1));
}

TEST_F(submit, a_handle_closed_after_submission_does_no_harm)
{
	struct drm_dojo_sync_op first, second[2];
	struct drm_dojo_job job;
	__u32 between;

	ASSERT_EQ(0, dojo_syncobj_create(self->c.fd, &between));
	first = signals(between);
	job = gate_job(&self->c, self->host.va, &first, 1);
	ASSERT_EQ(0, dojo_submit(self->c.fd, self->c.compute, 0, &job, 1));
	second[0] = wait_for(between);
	second[1] = signals(self->c.done);
	job = write_job(&self->c, self->words_va, 9, second, 2);
	ASSERT_EQ(0, dojo_submit(self->c.fd, self->c.dma, 0, &job, 1));
	ASSERT_EQ(0, dojo_syncobj_destroy(self->c.fd, between));
	EXPECT_EQ(-ETIME, dojo_syncobj_wait(self->c.fd, self->c.done, 50));
	dojo_poke64(self->gate, 1);
	EXPECT_EQ(0, dojo_syncobj_wait(self->c.fd, self->c.done, dojo_patience()));
	EXPECT_EQ(9, self->words[0]);
}

/*
 * Jobs neither wait for the fences of a dma-buf nor leave any there, unless the
 * program wants so: it puts a job's fence in, or has a job wait for what is there.
 */
TEST_F(submit, implicit_synchronisation_is_by_choice)
{
	struct dma_buf_import_sync_file into = { .flags = DMA_BUF_SYNC_WRITE };
	struct dma_buf_export_sync_file out_of = { .flags = DMA_BUF_SYNC_READ, .fd = -1 };
	struct drm_prime_handle prime = { .flags = DRM_CLOEXEC | DRM_RDWR, .fd = -1 };
	struct drm_syncobj_handle import = {
		.flags = DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE,
	};
	struct pollfd poll_fd = { .events = POLLIN };
	struct drm_dojo_sync_op first = signals(self->c.done), second[2];
	struct drm_dojo_job job;
	struct dojo_buf shared;
	__u32 there, after;

	ASSERT_EQ(0, dojo_syncobj_create(self->c.fd, &there));
	ASSERT_EQ(0, dojo_syncobj_create(self->c.fd, &after));
	ASSERT_EQ(0, dojo_buf_create(&self->c, &shared, PAGE, DRM_DOJO_DOMAIN_SYSTEM,
				     DRM_DOJO_BO_CPU_ACCESS));
	prime.handle = shared.handle;
	ASSERT_EQ(0, dojo_ioctl(self->c.fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime));
	poll_fd.fd = prime.fd;

	/* a job that uses the buffer, and does not show there */
	job = gate_job(&self->c, self->host.va, &first, 1);
	ASSERT_EQ(0, dojo_submit(self->c.fd, self->c.compute, 0, &job, 1));
	EXPECT_EQ(1, poll(&poll_fd, 1, 0));

	into.fd = dojo_syncobj_export(self->c.fd, self->c.done);
	ASSERT_GE(into.fd, 0);
	ASSERT_EQ(0, dojo_ioctl(prime.fd, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &into));
	EXPECT_EQ(0, poll(&poll_fd, 1, 0));

	/* one that does not want to know, and one that waits for what is there */
	first = signals(after);
	job = write_job(&self->c, shared.va, 1, &first, 1);
	ASSERT_EQ(0, dojo_submit(self->c.fd, self->c.dma, 0, &job, 1));
	EXPECT_EQ(0, dojo_syncobj_wait(self->c.fd, after, dojo_patience()));

	ASSERT_EQ(0, dojo_ioctl(prime.fd, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &out_of));
	import.handle = there;
	import.fd = out_of.fd;
	ASSERT_EQ(0, dojo_ioctl(self->c.fd, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &import));
	second[0] = wait_for(there);
	second[1] = signals(after);
	job = write_job(&self->c, shared.va, 2, second, 2);
	ASSERT_EQ(0, dojo_submit(self->c.fd, self->c.dma, 0, &job, 1));
	EXPECT_EQ(-ETIME, dojo_syncobj_wait(self->c.fd, after, 50));
	EXPECT_EQ(1, *(__u32 *)shared.map);
	dojo_poke64(self->gate, 1);
	EXPECT_EQ(0, dojo_syncobj_wait(self->c.fd, after, dojo_patience()));
	EXPECT_EQ(2, *(__u32 *)shared.map);
	EXPECT_EQ(1, poll(&poll_fd, 1, dojo_patience()));
	close(into.fd);
	close(out_of.fd);
	close(prime.fd);
}

/* Closes and makes syncobjs again while others use them */
struct closer {
	int fd;
	__u32 handle[4];
	bool stop;
};

static void *close_and_make(void *data)
{
	struct closer *closer = data;
	__u32 handle, i;

	for (i = 0; !__atomic_load_n(&closer->stop, __ATOMIC_RELAXED); i = (i + 1) % 4) {
		handle = closer->handle[i];
		if (dojo_syncobj_destroy(closer->fd, handle) ||
		    dojo_syncobj_create(closer->fd, &handle))
			return "no syncobj";
		__atomic_store_n(&closer->handle[i], handle, __ATOMIC_RELAXED);
	}
	return NULL;
}

TEST_F(submit, handles_that_are_closed_in_between_do_no_harm)
{
	const unsigned long count = dojo_scaled(50000, 200);
	struct closer closer = { .fd = self->c.fd };
	struct drm_dojo_sync_op ops[4];
	struct drm_dojo_job job;
	unsigned long accepted = 0, i;
	pthread_t thread;
	void *error;
	int k, ret;

	for (k = 0; k < 4; k++)
		ASSERT_EQ(0, dojo_syncobj_create(self->c.fd, &closer.handle[k]));
	dojo_sem_signal(&self->c, self->words_va, 1, DOJO_SEM_ADD);
	ASSERT_EQ(0, pthread_create(&thread, NULL, close_and_make, &closer));
	/* on a busy machine it may take longer until one finds all four as it was told */
	for (i = 0; i < count || (!accepted && i < 1000 * count); i++) {
		for (k = 0; k < 4; k++) {
			__u32 handle = __atomic_load_n(&closer.handle[k], __ATOMIC_RELAXED);

			ops[k] = k & 1 ? signals_point(handle, i + 1) : signals(handle);
		}
		if (i % 3 == 0)
			ops[0] = wait_for(ops[0].handle);
		job = end_job(&self->c, 0, ops, 4);
		ret = dojo_submit(self->c.fd, self->c.dma, 0, &job, 1);
		/* -EINVAL: a syncobj that has nothing to wait for yet */
		ASSERT_TRUE(ret == 0 || ret == -ENOENT || (i % 3 == 0 && ret == -EINVAL))
			TH_LOG("%d", ret);
		accepted += !ret;
	}
	__atomic_store_n(&closer.stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(thread, &error));
	EXPECT_EQ(NULL, error);
	EXPECT_GT(accepted, 0);
	ASSERT_EQ(0, dojo_submit_one(self->c.fd, self->c.dma, 0, 0, self->c.done));
	ASSERT_EQ(0, dojo_syncobj_wait(self->c.fd, self->c.done, dojo_patience()));
	EXPECT_EQ(accepted, dojo_peek64(self->words));
}

TEST_F(submit, an_error_reaches_those_who_wait_for_it)
{
	struct drm_dojo_sync_op first, second[2];
	struct drm_dojo_job job;
	__u32 between;

	/* the first job is held back by the gate, then faults */
	ASSERT_EQ(0, dojo_syncobj_create(self->c.fd, &between));
	first = signals(between);
	dojo_sem_wait(&self->c, self->host.va, 1, DOJO_SEM_EQUAL);
	dojo_fill(&self->c, dojo_hole(&self->c, PAGE), 4, 0);
	job = end_job(&self->c, 0, &first, 1);
	ASSERT_EQ(0, dojo_submit(self->c.fd, self->c.compute, 0, &job, 1));
	second[0] = wait_for(between);
	second[1] = signals(self->c.done);
	job = write_job(&self->c, self->words_va, 9, second, 2);
	ASSERT_EQ(0, dojo_submit(self->c.fd, self->c.dma, 0, &job, 1));
	dojo_poke64(self->gate, 1);
	ASSERT_EQ(0, dojo_syncobj_wait(self->c.fd, between, dojo_patience()));
	EXPECT_EQ(-EFAULT, dojo_syncobj_status(self->c.fd, between));
	/* the second one ends in any case: fences never hang because of an error */
	EXPECT_EQ(0, dojo_syncobj_wait(self->c.fd, self->c.done, dojo_patience()));
}

/* ---------------------------------------------------------- full rings */

static int small_queue(struct dojo_client *c, __u32 jobs, __u32 *queue)
{
	struct drm_dojo_queue_create args = { .vm_id = c->vm, .ring_jobs = jobs };
	int ret = dojo_ioctl(c->fd, DRM_IOCTL_DOJO_QUEUE_CREATE, &args);

	*queue = args.queue_id;
	return ret;
}

TEST_F(submit, nonblock_returns_when_the_ring_is_full)
{
	struct drm_dojo_job job = gate_job(&self->c, self->host.va, NULL, 0);
	int i, ret = 0;
	__u32 queue;

	ASSERT_EQ(0, small_queue(&self->c, 4, &queue));
	for (i = 0; i < 100 && !ret; i++)
		ret = dojo_submit(self->c.fd, queue, DRM_DOJO_SUBMIT_NONBLOCK, &job, 1);
	EXPECT_EQ(-EAGAIN, ret);
	dojo_poke64(self->gate, 1);
	ASSERT_EQ(0, dojo_submit_one(self->c.fd, queue, 0, 0, self->c.done));
	EXPECT_EQ(0, dojo_syncobj_wait(self->c.fd, self->c.done, dojo_patience()));
}

TEST_F(submit, all_jobs_of_a_nonblocking_call_are_accepted_or_none)
{
	struct drm_dojo_job jobs[3];
	struct drm_dojo_queue_get_state state;
	__u32 queue;
	int i;

	for (i = 0; i < 3; i++)
		jobs[i] = gate_job(&self->c, self->host.va, NULL, 0);
	ASSERT_EQ(0, small_queue(&self->c, 4, &queue));
	ASSERT_EQ(0, dojo_submit(self->c.fd, queue, DRM_DOJO_SUBMIT_NONBLOCK, jobs, 3));
	EXPECT_EQ(-EAGAIN, dojo_submit(self->c.fd, queue, DRM_DOJO_SUBMIT_NONBLOCK, jobs, 3));
	ASSERT_EQ(0, dojo_queue_state(self->c.fd, queue, &state));
	EXPECT_EQ(3, state.submitted);
}

struct opener {
	__u64 *gate;
	unsigned int delay_us;
};

static void *open_gate_later(void *data)
{
	struct opener *opener = data;

	usleep(opener->delay_us);
	dojo_poke64(opener->gate, 1);
	return NULL;
}

TEST_F(submit, a_full_ring_is_waited_for)
{
	struct drm_dojo_job job = gate_job(&self->c, self->host.va, NULL, 0);
	struct opener opener = { .gate = self->gate, .delay_us = 100000 };
	pthread_t thread;
	__u32 queue;
	int i;

	ASSERT_EQ(0, small_queue(&self->c, 2, &queue));
	ASSERT_EQ(0, pthread_create(&thread, NULL, open_gate_later, &opener));
	for (i = 0; i < 50; i++)
		ASSERT_EQ(0, dojo_submit(self->c.fd, queue, 0, &job, 1));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	ASSERT_EQ(0, dojo_submit_one(self->c.fd, queue, 0, 0, self->c.done));
	EXPECT_EQ(0, dojo_syncobj_wait(self->c.fd, self->c.done, dojo_patience()));
}

/* Submits one job more than fits, and thus waits */
struct blocked {
	int fd;
	__u32 queue;
	struct drm_dojo_job job;
	pid_t tid;
	int ret;
	bool back;
};

static void *submit_and_block(void *data)
{
	struct blocked *blocked = data;

	__atomic_store_n(&blocked->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	blocked->ret = dojo_submit(blocked->fd, blocked->queue, 0, &blocked->job, 1);
	__atomic_store_n(&blocked->back, true, __ATOMIC_RELEASE);
	return NULL;
}

/* Whether a thread of ours comes to sleep */
static bool comes_to_sleep(const pid_t *tid)
{
	char path[64], text[512], *state;
	unsigned int tries;

	for (tries = 0; tries < dojo_patience(); tries++) {
		snprintf(path, sizeof(path), "/proc/self/task/%d/stat",
			 __atomic_load_n(tid, __ATOMIC_ACQUIRE));
		state = dojo_read_file(path, text, sizeof(text)) > 0 ? strrchr(text, ')') : NULL;
		if (state && state[2] == 'S')
			return true;
		usleep(1000);
	}
	return false;
}

/* Neither in the same address space, nor in the same file, nor elsewhere */
TEST_F(submit, a_full_ring_holds_no_other_queue_up)
{
	struct blocked blocked = {
		.fd = self->c.fd,
		.job = gate_job(&self->c, self->host.va, NULL, 0),
	};
	struct dojo_client other;
	pthread_t thread;
	int i;

	ASSERT_EQ(0, dojo_client_open(&other, 0));
	ASSERT_EQ(0, small_queue(&self->c, 2, &blocked.queue));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, dojo_submit(self->c.fd, blocked.queue, DRM_DOJO_SUBMIT_NONBLOCK,
					 &blocked.job, 1));
	ASSERT_EQ(0, pthread_create(&thread, NULL, submit_and_block, &blocked));
	ASSERT_TRUE(comes_to_sleep(&blocked.tid));
	for (i = 0; i < 100; i++) {
		struct drm_dojo_job job = write_job(&self->c, self->words_va, i, NULL, 0);

		ASSERT_EQ(0, dojo_submit(self->c.fd, i & 1 ? self->c.dma : self->c.compute, 0,
					 &job, 1));
		dojo_fill(&other, other.batch.va + KIB(32), 4, i);
		ASSERT_EQ(0, dojo_run(&other, i & 1 ? other.dma : other.compute));
	}
	EXPECT_FALSE(__atomic_load_n(&blocked.back, __ATOMIC_ACQUIRE));
	dojo_poke64(self->gate, 1);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, blocked.ret);
	dojo_client_close(&other);
}

static void ignore_signal(int sig)
{
	(void)sig;
}

/* Sends SIGUSR1 to this process again and again; -1 or the child to be killed */
static pid_t pester(unsigned int every_us)
{
	pid_t self_pid = getpid(), child = fork();

	if (!child) {
		while (!kill(self_pid, SIGUSR1))
			usleep(every_us);
		_exit(0);
	}
	return child;
}

TEST_F(submit, a_signal_ends_the_wait_for_a_full_ring)
{
	struct drm_dojo_job job = gate_job(&self->c, self->host.va, NULL, 0);
	struct drm_dojo_queue_submit args = {
		.jobs = { .stride = sizeof(job), .count = 1, .array = (uintptr_t)&job },
	};
	struct sigaction action = { .sa_handler = ignore_signal };
	struct drm_dojo_queue_get_state state;
	int ret, submitted = 0;
	pid_t child;

	ASSERT_EQ(0, small_queue(&self->c, 2, &args.queue_id));
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	while (!dojo_submit(self->c.fd, args.queue_id, DRM_DOJO_SUBMIT_NONBLOCK, &job, 1))
		submitted++;
	child = pester(50000);
	ASSERT_GE(child, 0);
	ret = ioctl(self->c.fd, DRM_IOCTL_DOJO_QUEUE_SUBMIT, &args);
	EXPECT_EQ(-1, ret);
	EXPECT_EQ(EINTR, errno);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	ASSERT_EQ(0, dojo_queue_state(self->c.fd, args.queue_id, &state));
	EXPECT_EQ(submitted, state.submitted);
}

/* With SA_RESTART a call goes on by itself; every job is accepted once */
TEST_F(submit, calls_that_signals_interrupt_are_restarted)
{
	struct sigaction action = { .sa_handler = ignore_signal, .sa_flags = SA_RESTART };
	struct opener opener = { .gate = self->gate, .delay_us = 300000 };
	const unsigned int count = 300;
	struct drm_dojo_queue_submit args = {
		.jobs = { .stride = sizeof(struct drm_dojo_job), .count = 3 },
	};
	struct drm_dojo_queue_get_state state;
	struct drm_dojo_job jobs[3];
	pthread_t thread;
	unsigned int i;
	__u32 start;
	pid_t child;

	ASSERT_EQ(0, small_queue(&self->c, 4, &args.queue_id));
	jobs[0] = gate_job(&self->c, self->host.va, NULL, 0);
	start = self->c.used;
	dojo_sem_signal(&self->c, self->words_va, 1, DOJO_SEM_ADD);
	jobs[1] = end_job(&self->c, start, NULL, 0);
	jobs[2] = jobs[1];
	args.jobs.array = (uintptr_t)jobs;

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	child = pester(500);
	ASSERT_GE(child, 0);
	ASSERT_EQ(0, pthread_create(&thread, NULL, open_gate_later, &opener));
	for (i = 0; i < count; i++)
		EXPECT_EQ(0, ioctl(self->c.fd, DRM_IOCTL_DOJO_QUEUE_SUBMIT, &args));
	kill(child, SIGKILL);
	ASSERT_EQ(child, waitpid(child, NULL, 0));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	ASSERT_EQ(0, dojo_submit_one(self->c.fd, args.queue_id, 0, 0, self->c.done));
	ASSERT_EQ(0, dojo_syncobj_wait(self->c.fd, self->c.done, dojo_patience()));
	EXPECT_EQ(2 * count, self->words[0]);
	ASSERT_EQ(0, dojo_queue_state(self->c.fd, args.queue_id, &state));
	EXPECT_EQ(3 * count + 1, state.submitted);
}

TEST_F(submit, a_signal_ends_the_wait_for_a_fence)
{
	struct sigaction action = { .sa_handler = ignore_signal };
	struct drm_dojo_sync_op out = signals(self->c.done);
	struct drm_dojo_job job = gate_job(&self->c, self->host.va, &out, 1);
	struct drm_syncobj_wait wait = {
		.handles = (uintptr_t)&self->c.done,
		.count_handles = 1,
		.timeout_nsec = INT64_MAX,
	};
	pid_t child;

	ASSERT_EQ(0, dojo_submit(self->c.fd, self->c.dma, 0, &job, 1));
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	child = pester(50000);
	ASSERT_GE(child, 0);
	EXPECT_EQ(-1, ioctl(self->c.fd, DRM_IOCTL_SYNCOBJ_WAIT, &wait));
	EXPECT_EQ(EINTR, errno);
	kill(child, SIGKILL);
	ASSERT_EQ(child, waitpid(child, NULL, 0));
	dojo_poke64(self->gate, 1);
	EXPECT_EQ(0, dojo_syncobj_wait(self->c.fd, self->c.done, dojo_patience()));
}

TEST_F(submit, more_jobs_than_the_ring_holds_are_refused)
{
	struct drm_dojo_job jobs[5];
	__u32 queue;
	int i;

	for (i = 0; i < 5; i++)
		jobs[i] = write_job(&self->c, self->words_va, i, NULL, 0);
	ASSERT_EQ(0, small_queue(&self->c, 4, &queue));
	EXPECT_EQ(-EINVAL, dojo_submit(self->c.fd, queue, 0, jobs, 5));
	EXPECT_EQ(0, dojo_submit(self->c.fd, queue, 0, jobs, 4));
}

/* ------------------------------------------------------ rejected calls */

static int submit_call(struct dojo_client *c, struct drm_dojo_queue_submit args)
{
	if (!args.queue_id)
		args.queue_id = c->dma;
	return dojo_ioctl(c->fd, DRM_IOCTL_DOJO_QUEUE_SUBMIT, &args);
}

static int submit_job(struct dojo_client *c, struct drm_dojo_job job)
{
	return dojo_submit(c->fd, c->dma, 0, &job, 1);
}

TEST_F(submit, unknown_queue_is_refused)
{
	struct drm_dojo_job job = write_job(&self->c, self->words_va, 1, NULL, 0);

	EXPECT_EQ(-ENOENT, dojo_submit(self->c.fd, BAD_ID, 0, &job, 1));
	EXPECT_EQ(-ENOENT, dojo_submit(self->c.fd, 0, 0, &job, 1));
}

TEST_F(submit, unknown_flags_are_refused)
{
	struct drm_dojo_job job = write_job(&self->c, self->words_va, 1, NULL, 0);
	int bit;

	for (bit = 1; bit < 32; bit++)
		EXPECT_EQ(-EINVAL, dojo_submit(self->c.fd, self->c.dma, 1u << bit, &job, 1));
}

TEST_F(submit, flags_of_a_job_are_refused)
{
	struct drm_dojo_job job = write_job(&self->c, self->words_va, 1, NULL, 0);
	int bit;

	for (bit = 0; bit < 32; bit++) {
		job.flags = 1u << bit;
		EXPECT_EQ(-EINVAL, submit_job(&self->c, job));
	}
}

TEST_F(submit, unaligned_batches_are_refused)
{
	struct drm_dojo_job job = write_job(&self->c, self->words_va, 1, NULL, 0);
	int i;

	for (i = 1; i < 8; i++) {
		EXPECT_EQ(-EINVAL, submit_job(&self->c, (struct drm_dojo_job) {
			.batch_va = job.batch_va + i, .batch_size = 8,
		}));
		EXPECT_EQ(-EINVAL, submit_job(&self->c, (struct drm_dojo_job) {
			.batch_va = job.batch_va, .batch_size = 8 + i,
		}));
	}
}

TEST_F(submit, batches_outside_the_address_space_are_refused)
{
	EXPECT_EQ(-EINVAL, submit_job(&self->c, (struct drm_dojo_job) {
		.batch_va = VA_END, .batch_size = 8,
	}));
	EXPECT_EQ(-EINVAL, submit_job(&self->c, (struct drm_dojo_job) {
		.batch_va = VA_END - 8, .batch_size = 16,
	}));
	EXPECT_EQ(-EINVAL, submit_job(&self->c, (struct drm_dojo_job) {
		.batch_va = ~0ull << 3, .batch_size = 8,
	}));
}

TEST_F(submit, batches_longer_than_the_limit_are_refused)
{
	struct drm_dojo_limits limits;

	ASSERT_EQ(0, dojo_query(self->c.fd, DRM_DOJO_QUERY_LIMITS, &limits, sizeof(limits)));
	EXPECT_EQ(-EINVAL, submit_job(&self->c, (struct drm_dojo_job) {
		.batch_va = self->c.batch.va, .batch_size = limits.batch_bytes + 8,
	}));
	EXPECT_EQ(-EINVAL, submit_job(&self->c, (struct drm_dojo_job) {
		.batch_va = self->c.batch.va, .batch_size = ~7u,
	}));
}

TEST_F(submit, an_empty_batch_with_an_address_is_refused)
{
	EXPECT_EQ(-EINVAL, submit_job(&self->c, (struct drm_dojo_job) {
		.batch_va = self->c.batch.va,
	}));
}

TEST_F(submit, a_batch_that_is_not_mapped_faults_and_is_not_refused)
{
	struct drm_dojo_sync_op out = signals(self->c.done);

	ASSERT_EQ(0, submit_job(&self->c, (struct drm_dojo_job) {
		.batch_va = dojo_hole(&self->c, PAGE), .batch_size = 8,
		.syncs = { .stride = sizeof(out), .count = 1, .array = (uintptr_t)&out },
	}));
	ASSERT_EQ(0, dojo_syncobj_wait(self->c.fd, self->c.done, dojo_patience()));
	EXPECT_EQ(-EFAULT, dojo_syncobj_status(self->c.fd, self->c.done));
}

TEST_F(submit, two_to_the_32_jobs_are_refused)
{
	struct drm_dojo_job job = write_job(&self->c, self->words_va, 1, NULL, 0);

	EXPECT_EQ(-EINVAL, submit_call(&self->c, (struct drm_dojo_queue_submit) {
		.jobs = { .stride = sizeof(job), .count = ~0u, .array = (uintptr_t)&job },
	}));
	EXPECT_EQ(-EINVAL, submit_call(&self->c, (struct drm_dojo_queue_submit) {
		.jobs = { .stride = sizeof(job), .count = 1u << 31, .array = (uintptr_t)&job },
	}));
}

TEST_F(submit, more_jobs_than_the_limit_are_refused)
{
	struct drm_dojo_limits limits;
	struct drm_dojo_job *jobs;

	ASSERT_EQ(0, dojo_query(self->c.fd, DRM_DOJO_QUERY_LIMITS, &limits, sizeof(limits)));
	jobs = calloc(limits.jobs_per_submit + 1, sizeof(*jobs));
	ASSERT_NE(NULL, jobs);
	EXPECT_EQ(-EINVAL, dojo_submit(self->c.fd, self->c.dma, 0, jobs,
				       limits.jobs_per_submit + 1));
	free(jobs);
}

TEST_F(submit, bad_pointer_to_jobs_is_refused)
{
	EXPECT_EQ(-EFAULT, submit_call(&self->c, (struct drm_dojo_queue_submit) {
		.jobs = { .stride = sizeof(struct drm_dojo_job), .count = 1, .array = 8 },
	}));
}

TEST_F(submit, short_and_unaligned_strides_are_refused)
{
	struct drm_dojo_job jobs[2] = { write_job(&self->c, self->words_va, 1, NULL, 0) };
	__u32 stride;

	for (stride = 0; stride < sizeof(jobs[0]); stride += 8)
		EXPECT_EQ(-EINVAL, submit_call(&self->c, (struct drm_dojo_queue_submit) {
			.jobs = { .stride = stride, .count = 1, .array = (uintptr_t)jobs },
		}));
	EXPECT_EQ(-EINVAL, submit_call(&self->c, (struct drm_dojo_queue_submit) {
		.jobs = { .stride = sizeof(jobs[0]) + 4, .count = 1, .array = (uintptr_t)jobs },
	}));
}

struct long_job {
	struct drm_dojo_job job;
	__u64 later;
};

TEST_F(submit, longer_jobs_with_zeros_are_accepted)
{
	struct drm_dojo_sync_op out = signals(self->c.done);
	struct long_job jobs[2] = {
		{ .job = write_job(&self->c, self->words_va, 1, NULL, 0) },
		{ .job = write_job(&self->c, self->words_va + 4, 2, &out, 1) },
	};

	ASSERT_EQ(0, submit_call(&self->c, (struct drm_dojo_queue_submit) {
		.jobs = { .stride = sizeof(jobs[0]), .count = 2, .array = (uintptr_t)jobs },
	}));
	ASSERT_EQ(0, dojo_syncobj_wait(self->c.fd, self->c.done, dojo_patience()));
	EXPECT_EQ(1, self->words[0]);
	EXPECT_EQ(2, self->words[1]);
	EXPECT_EQ(1, jobs[0].job.seqno);
	EXPECT_EQ(2, jobs[1].job.seqno);
}

TEST_F(submit, longer_jobs_with_unknown_content_are_refused)
{
	struct long_job job = {
		.job = write_job(&self->c, self->words_va, 1, NULL, 0),
		.later = 1,
	};

	EXPECT_EQ(-E2BIG, submit_call(&self->c, (struct drm_dojo_queue_submit) {
		.jobs = { .stride = sizeof(job), .count = 1, .array = (uintptr_t)&job },
	}));
}

struct bad_sync {
	const char *why;
	int error;
	struct drm_dojo_sync_op op;
};

/* handle 1 stands for a good one */
static const struct bad_sync bad_syncs[] = {
	{ "unknown flag", EINVAL, { .flags = 1 << 2, .handle = 1 } },
	{ "unknown high flag", EINVAL, { .flags = 1u << 31, .handle = 1 } },
	{ "binary with a point", EINVAL,
	  { .flags = DRM_DOJO_SYNC_OP_SIGNAL, .handle = 1, .point = 1 } },
	{ "signal of timeline point 0", EINVAL,
	  { .flags = DRM_DOJO_SYNC_OP_SIGNAL | DRM_DOJO_SYNC_OP_TIMELINE, .handle = 1 } },
	{ "handle 0", ENOENT, { .flags = DRM_DOJO_SYNC_OP_SIGNAL } },
	{ "unknown handle to signal", ENOENT,
	  { .flags = DRM_DOJO_SYNC_OP_SIGNAL, .handle = BAD_ID } },
	{ "unknown handle to wait for", ENOENT, { .handle = BAD_ID } },
};

TEST_F(submit, bad_syncs_are_refused)
{
	struct drm_dojo_sync_op op;
	struct drm_dojo_job job;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad_syncs); i++) {
		op = bad_syncs[i].op;
		if (op.handle == 1)
			op.handle = self->c.done;
		self->c.used = 0;
		job = write_job(&self->c, self->words_va, 1, &op, 1);
		EXPECT_EQ(-bad_syncs[i].error, submit_job(&self->c, job))
			TH_LOG("%s", bad_syncs[i].why);
	}
}

TEST_F(submit, a_rejected_call_runs_no_job)
{
	struct drm_dojo_sync_op bad = signals(BAD_ID);
	struct drm_dojo_queue_get_state state;
	struct drm_dojo_job jobs[2] = {
		write_job(&self->c, self->words_va, 1, NULL, 0),
		write_job(&self->c, self->words_va + 4, 2, &bad, 1),
	};

	EXPECT_EQ(-ENOENT, dojo_submit(self->c.fd, self->c.dma, 0, jobs, 2));
	ASSERT_EQ(0, dojo_submit_one(self->c.fd, self->c.dma, 0, 0, self->c.done));
	ASSERT_EQ(0, dojo_syncobj_wait(self->c.fd, self->c.done, dojo_patience()));
	EXPECT_EQ(0, self->words[0]);
	ASSERT_EQ(0, dojo_queue_state(self->c.fd, self->c.dma, &state));
	EXPECT_EQ(1, state.submitted);
}

TEST_F(submit, more_syncs_than_the_limit_are_refused)
{
	struct drm_dojo_sync_op *ops = calloc(DRM_DOJO_SYNC_OPS_MAX + 1, sizeof(*ops));
	struct drm_dojo_job job;
	int i;

	ASSERT_NE(NULL, ops);
	for (i = 0; i <= DRM_DOJO_SYNC_OPS_MAX; i++)
		ops[i] = signals(self->c.done);
	job = write_job(&self->c, self->words_va, 1, ops, DRM_DOJO_SYNC_OPS_MAX + 1);
	EXPECT_EQ(-EINVAL, submit_job(&self->c, job));
	job.syncs.count = ~0u;
	EXPECT_EQ(-EINVAL, submit_job(&self->c, job));
	free(ops);
}

TEST_F(submit, bad_pointer_to_syncs_is_refused)
{
	struct drm_dojo_job job = write_job(&self->c, self->words_va, 1, NULL, 0);

	job.syncs = (struct drm_dojo_obj_array) {
		.stride = sizeof(struct drm_dojo_sync_op), .count = 1, .array = 8,
	};
	EXPECT_EQ(-EFAULT, submit_job(&self->c, job));
}

TEST_F(submit, bad_stride_of_syncs_is_refused)
{
	struct drm_dojo_sync_op ops[2] = { signals(self->c.done) };
	struct drm_dojo_job job = write_job(&self->c, self->words_va, 1, ops, 1);

	job.syncs.stride = 0;
	EXPECT_EQ(-EINVAL, submit_job(&self->c, job));
	job.syncs.stride = 8;
	EXPECT_EQ(-EINVAL, submit_job(&self->c, job));
	job.syncs.stride = sizeof(ops[0]) + 4;
	EXPECT_EQ(-EINVAL, submit_job(&self->c, job));
}

TEST_F(submit, a_closed_syncobj_is_refused)
{
	struct drm_dojo_sync_op out;
	struct drm_dojo_job job;
	__u32 closed;

	ASSERT_EQ(0, dojo_syncobj_create(self->c.fd, &closed));
	ASSERT_EQ(0, dojo_syncobj_destroy(self->c.fd, closed));
	out = signals(closed);
	job = write_job(&self->c, self->words_va, 1, &out, 1);
	EXPECT_EQ(-ENOENT, submit_job(&self->c, job));
}

TEST_F(submit, bad_pointer_to_the_arguments_is_refused)
{
	EXPECT_EQ(-EFAULT, dojo_ioctl(self->c.fd, DRM_IOCTL_DOJO_QUEUE_SUBMIT, (void *)8));
}

/* ---------------------------------------------------------------- cost */

TEST_F(submit, one_doorbell_write_a_submission)
{
	struct drm_dojo_counters before, after;
	const int count = 100;
	int i;

	ASSERT_EQ(0, dojo_query(self->c.fd, DRM_DOJO_QUERY_COUNTERS, &before, sizeof(before)));
	for (i = 0; i < count; i++) {
		dojo_fill(&self->c, self->words_va, 4, i);
		ASSERT_EQ(0, dojo_run(&self->c, self->c.dma));
	}
	ASSERT_EQ(0, dojo_query(self->c.fd, DRM_DOJO_QUERY_COUNTERS, &after, sizeof(after)));
	/* a few more are for others: page tables, the watchdog, the other tile */
	EXPECT_LE(after.mmio_writes - before.mmio_writes, count + count / 5);
}

int main(int argc, char **argv)
{
	return dojo_test_main(argc, argv, NULL);
}
