// SPDX-License-Identifier: GPL-2.0-only
/*
 * DRM_IOCTL_DOJO_QUEUE_SUBMIT. All jobs of a call are accepted or none, so
 * everything that can fail is done for all of them before the first is armed.
 * Intra-call dependencies need nothing: jobs of a call share a queue, and run in order.
 */
#include <linux/dma-fence.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <drm/drm_drv.h>
#include <drm/drm_exec.h>

#include "dojo_device.h"
#include "dojo_job.h"
#include "dojo_queue.h"
#include "dojo_submit.h"
#include "dojo_sync.h"
#include "dojo_uobj.h"
#include "dojo_vm.h"

/**
 * struct dojo_submit - a call
 * @file: caller
 * @queue: referenced
 * @in: the jobs as user space gave them
 * @job: the jobs
 * @fence: their fences, once armed
 * @count: of jobs
 * @sync: their syncobj operations
 */
struct dojo_submit {
	struct drm_file *file;
	struct dojo_queue *queue;
	struct drm_dojo_job *in;
	struct dojo_job **job;
	struct dma_fence **fence;
	u32 count;
	struct dojo_sync_ctx sync;
};

static bool dojo_submit_job_bad(struct drm_device *drm, const struct drm_dojo_job *in)
{
	const u64 va_end = 1ull << DOJO_VA_BITS;

	return DOJO_REJECT(drm, in->flags) ||
	       DOJO_REJECT(drm, in->batch_va % 8 || in->batch_size % 8) ||
	       DOJO_REJECT(drm, in->batch_size > DOJO_BATCH_MAX) ||
	       DOJO_REJECT(drm, !in->batch_size && in->batch_va) ||
	       DOJO_REJECT(drm, in->batch_va >= va_end) ||
	       DOJO_REJECT(drm, in->batch_size > va_end - in->batch_va);
}

/* Makes sure that the seqnos can be written where they will be. */
static int dojo_submit_touch(const struct drm_dojo_obj_array *array)
{
	struct drm_dojo_job __user *out;
	u32 i;

	for (i = 0; i < array->count; i++) {
		out = u64_to_user_ptr(array->array + (u64)i * array->stride);
		if (put_user(0, &out->seqno))
			return -EFAULT;
	}
	return 0;
}

/* The jobs are accepted: an address gone bad since it was touched is the caller's loss. */
static void dojo_submit_report(const struct dojo_submit *submit,
			       const struct drm_dojo_obj_array *array, u64 first)
{
	struct drm_dojo_job __user *out;
	u32 i;

	for (i = 0; i < submit->count; i++) {
		out = u64_to_user_ptr(array->array + (u64)i * array->stride);
		if (put_user(first + i, &out->seqno))
			return;
	}
}

static int dojo_submit_copy(struct dojo_submit *submit, struct drm_device *drm,
			    const struct drm_dojo_obj_array *array)
{
	u32 i;
	int ret;

	if (DOJO_REJECT(drm, !array->count) ||
	    DOJO_REJECT(drm, array->count > min_t(u32, DOJO_JOBS_PER_SUBMIT,
						  submit->queue->ring_jobs)))
		return -EINVAL;

	submit->in = dojo_uobj_get_array(array, DOJO_UOBJ_MIN_STRIDE(struct drm_dojo_job, seqno),
					 sizeof(*submit->in), DOJO_JOBS_PER_SUBMIT);
	if (IS_ERR(submit->in)) {
		ret = PTR_ERR(submit->in);
		submit->in = NULL;
		return ret;
	}
	submit->count = array->count;
	for (i = 0; i < submit->count; i++)
		if (dojo_submit_job_bad(drm, &submit->in[i]))
			return -EINVAL;

	submit->job = kvcalloc(submit->count, sizeof(*submit->job), GFP_KERNEL);
	submit->fence = kvcalloc(submit->count, sizeof(*submit->fence), GFP_KERNEL);
	if (!submit->job || !submit->fence)
		return -ENOMEM;

	for (i = 0; i < submit->count; i++) {
		ret = dojo_sync_collect(&submit->sync, &submit->in[i].syncs, i);
		if (ret)
			return ret;
	}
	return dojo_submit_touch(array);
}

static bool dojo_submit_try_reserve(struct dojo_queue *queue, u32 count)
{
	int now = atomic_read(&queue->inflight);

	do {
		if (now + count > queue->ring_jobs)
			return false;
	} while (!atomic_try_cmpxchg(&queue->inflight, &now, now + count));
	return true;
}

/* Takes room in the ring; it is given back as the jobs finish. */
static int dojo_submit_reserve(struct dojo_queue *queue, u32 count, bool nonblock)
{
	bool reserved = dojo_submit_try_reserve(queue, count);
	int ret;

	if (reserved)
		return 0;
	if (nonblock)
		return -EAGAIN;

	ret = wait_event_interruptible(queue->room,
				       READ_ONCE(queue->error) ||
				       (reserved = dojo_submit_try_reserve(queue, count)));
	if (!ret && !reserved)
		ret = READ_ONCE(queue->error);
	return ret;
}

static void dojo_submit_unreserve(struct dojo_queue *queue, u32 count)
{
	atomic_sub(count, &queue->inflight);
	wake_up_all(&queue->room);
}

static void dojo_submit_drop_jobs(struct dojo_submit *submit)
{
	u32 i;

	for (i = 0; i < submit->count; i++) {
		if (submit->job[i])
			dojo_job_put(submit->job[i]);
		submit->job[i] = NULL;
	}
}

/* Makes the jobs; the address space is locked. */
static int dojo_submit_prepare(struct dojo_submit *submit)
{
	struct dojo_queue *queue = submit->queue;
	struct dojo_job *job;
	u32 i;
	int ret;

	for (i = 0; i < submit->count; i++) {
		job = dojo_job_create(queue, submit->in[i].batch_va, submit->in[i].batch_size,
				      submit->file);
		if (IS_ERR(job))
			return PTR_ERR(job);
		submit->job[i] = job;
		ret = dojo_sync_add_deps(&submit->sync, i, &job->base);
		if (ret)
			return ret;
	}
	/* in order, so that what the first waits for the others do, too */
	return dojo_vm_job_deps(queue->vm, submit->job[0]);
}

/*
 * The point of no return. From the first arm to the last push nothing fails,
 * allocates or waits.
 */
static u64 dojo_submit_commit(struct dojo_submit *submit, struct drm_exec *exec)
{
	struct dojo_queue *queue = submit->queue;
	bool cookie;
	u64 first;
	u32 i;

	mutex_lock(&queue->submit_lock);
	cookie = dma_fence_begin_signalling();
	for (i = 0; i < submit->count; i++)
		submit->fence[i] = dojo_job_arm_locked(submit->job[i]);
	first = submit->job[0]->seqno;

	/* in order, so that the last one's fence covers the others */
	dojo_vm_publish(queue->vm, exec, submit->fence[submit->count - 1]);
	for (i = 0; i < submit->count; i++) {
		dojo_job_push_locked(submit->job[i]);
		submit->job[i] = NULL;
	}
	dma_fence_end_signalling(cookie);
	mutex_unlock(&queue->submit_lock);

	for (i = 0; i < submit->count; i++)
		dojo_sync_signal(&submit->sync, i, submit->fence[i]);
	return first;
}

static int dojo_submit_run(struct dojo_submit *submit, u64 *first)
{
	struct dojo_vm *vm = submit->queue->vm;
	struct drm_exec exec;
	int ret;

	do {
		ret = dojo_vm_lock(vm, &exec, 1);
		if (ret)
			return ret;
		ret = dojo_submit_prepare(submit);
		if (!ret)
			ret = dojo_vm_userptr_begin(vm);
		if (!ret) {
			*first = dojo_submit_commit(submit, &exec);
			dojo_vm_userptr_end(vm);
		}
		dojo_vm_unlock(vm, &exec);
		dojo_submit_drop_jobs(submit);
	} while (ret == -EAGAIN && !signal_pending(current));

	return ret == -EAGAIN ? -ERESTARTSYS : ret;
}

static void dojo_submit_fini(struct dojo_submit *submit)
{
	u32 i;

	for (i = 0; submit->fence && i < submit->count; i++)
		dma_fence_put(submit->fence[i]);
	dojo_sync_ctx_fini(&submit->sync);
	kvfree(submit->fence);
	kvfree(submit->job);
	kvfree(submit->in);
	dojo_queue_put(submit->queue);
}

/**
 * dojo_ioctl_queue_submit() - DRM_IOCTL_DOJO_QUEUE_SUBMIT
 * @drm: DRM device
 * @data: struct drm_dojo_queue_submit
 * @file: caller
 *
 * Return: 0 or -errno.
 */
int dojo_ioctl_queue_submit(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_dojo_queue_submit *in = data;
	struct dojo_submit submit = { .file = file };
	u64 first;
	int ret;

	if (DOJO_REJECT(drm, in->flags & ~DRM_DOJO_SUBMIT_NONBLOCK))
		return -EINVAL;
	submit.queue = dojo_queue_lookup(to_dojo_file(file), in->queue_id);
	if (!submit.queue)
		return -ENOENT;
	dojo_sync_ctx_init(&submit.sync, file);

	ret = dojo_submit_copy(&submit, drm, &in->jobs);
	if (!ret)
		ret = READ_ONCE(submit.queue->error);
	if (ret || !submit.count)
		goto out;

	ret = dojo_submit_reserve(submit.queue, submit.count,
				  in->flags & DRM_DOJO_SUBMIT_NONBLOCK);
	if (ret)
		goto out;
	ret = dojo_submit_run(&submit, &first);
	if (ret)
		dojo_submit_unreserve(submit.queue, submit.count);
	else
		dojo_submit_report(&submit, &in->jobs, first);
out:
	dojo_submit_fini(&submit);
	return ret;
}
