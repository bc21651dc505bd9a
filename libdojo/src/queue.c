// SPDX-License-Identifier: MIT
/* Queues and submission. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "internal.h"

static bool reserved_is_zero(const struct dojo_queue_attr *attr)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(attr->reserved); i++)
		if (attr->reserved[i])
			return false;
	return true;
}

static int create_kernel_queue(struct dojo_vm *vm, const struct dojo_queue_attr *attr,
			       struct dojo_queue *queue)
{
	struct drm_dojo_queue_create create = {
		.vm_id = vm->id,
		.queue_class = queue->queue_class,
		.priority = attr->priority,
		.flags = attr->flags,
		.rect_x = attr->rect_x,
		.rect_y = attr->rect_y,
		.rect_w = attr->rect_w,
		.rect_h = attr->rect_h,
		.ring_jobs = attr->ring_jobs,
		.timeout_ns = attr->timeout_ns,
	};
	int ret = dojo_ioctl(vm->dev, DRM_IOCTL_DOJO_QUEUE_CREATE, &create);

	if (ret)
		return dojo_fail(vm->dev, ret,
				 "queue of class %u, priority %s, %u x %u dies: %s",
				 queue->queue_class, dojo_priority_name(attr->priority),
				 attr->rect_w, attr->rect_h, dojo_strerror(ret));
	queue->id = create.queue_id;
	queue->rect_x = create.rect_x;
	queue->rect_y = create.rect_y;
	queue->rect_w = create.rect_w;
	queue->rect_h = create.rect_h;
	return 0;
}

int dojo_queue_create(struct dojo_vm *vm, uint32_t queue_class, const struct dojo_queue_attr *attr,
		      struct dojo_queue **out)
{
	static const struct dojo_queue_attr usual = DOJO_QUEUE_ATTR_INIT;
	struct dojo_queue *queue;
	int ret;

	*out = NULL;
	if (attr && !reserved_is_zero(attr))
		return dojo_fail(vm->dev, -EINVAL, "queue: reserved fields are not zero");
	queue = calloc(1, sizeof(*queue));
	if (!queue)
		return dojo_fail(vm->dev, -ENOMEM, "queue: %s", dojo_strerror(ENOMEM));
	queue->vm = vm;
	queue->queue_class = queue_class;
	ret = create_kernel_queue(vm, attr ? attr : &usual, queue);
	if (ret) {
		free(queue);
		return ret;
	}
	/* All zero asks for the whole mesh, and this is where it is. */
	if (queue_class == DRM_DOJO_QUEUE_COMPUTE && !queue->rect_w) {
		queue->rect_w = (uint8_t)vm->dev->tile.mesh_cols;
		queue->rect_h = (uint8_t)vm->dev->tile.mesh_rows;
	}
	*out = queue;
	return 0;
}

void dojo_queue_destroy(struct dojo_queue *queue)
{
	struct drm_dojo_queue_destroy destroy;

	if (!queue)
		return;
	destroy = (struct drm_dojo_queue_destroy){ .queue_id = queue->id };
	dojo_ioctl(queue->vm->dev, DRM_IOCTL_DOJO_QUEUE_DESTROY, &destroy);
	free(queue);
}

uint32_t dojo_queue_id(const struct dojo_queue *queue)
{
	return queue->id;
}

uint32_t dojo_queue_class(const struct dojo_queue *queue)
{
	return queue->queue_class;
}

struct dojo_vm *dojo_queue_vm(const struct dojo_queue *queue)
{
	return queue->vm;
}

void dojo_queue_rect(const struct dojo_queue *queue, uint8_t *x, uint8_t *y, uint8_t *w, uint8_t *h)
{
	*x = queue->rect_x;
	*y = queue->rect_y;
	*w = queue->rect_w;
	*h = queue->rect_h;
}

struct drm_dojo_job dojo_job(const struct dojo_batch *batch, const struct drm_dojo_sync_op *syncs,
			     uint32_t sync_count)
{
	struct drm_dojo_job job = { 0 };

	if (batch && batch->size) {
		job.batch_va = batch->va;
		job.batch_size = (uint32_t)batch->size;
	}
	if (sync_count)
		job.syncs = (struct drm_dojo_obj_array){ sizeof(*syncs), sync_count,
							 (uintptr_t)syncs };
	return job;
}

/*
 * Not drmIoctl(): it would repeat a NONBLOCK submission that has no room until
 * there is some.
 */
static int submit(struct dojo_queue *queue, struct drm_dojo_job *jobs, uint32_t count,
		  uint32_t flags)
{
	struct drm_dojo_queue_submit submit = {
		.queue_id = queue->id,
		.flags = flags,
		.jobs = { sizeof(*jobs), count, (uintptr_t)jobs },
	};
	int ret;

	do {
		ret = ioctl(queue->vm->dev->fd, DRM_IOCTL_DOJO_QUEUE_SUBMIT, &submit) ? -errno : 0;
	} while (ret == -EINTR);
	return ret;
}

int dojo_queue_submit_jobs(struct dojo_queue *queue, struct drm_dojo_job *jobs, uint32_t count,
			   uint32_t flags)
{
	int ret = submit(queue, jobs, count, flags);

	if (ret)
		return dojo_fail(queue->vm->dev, ret, "submit %u jobs to queue %u: %s", count,
				 queue->id, dojo_strerror(ret));
	return 0;
}

int dojo_queue_submit(struct dojo_queue *queue, struct dojo_batch *batch,
		      const struct drm_dojo_sync_op *syncs, uint32_t sync_count, uint64_t *seqno)
{
	struct drm_dojo_job job;
	int ret;

	if (batch && batch->error)	/* building it has said why */
		return batch->error;
	job = dojo_job(batch, syncs, sync_count);
	ret = dojo_queue_submit_jobs(queue, &job, 1, 0);
	if (!ret && seqno)
		*seqno = job.seqno;
	return ret;
}

int dojo_queue_get_state(struct dojo_queue *queue, struct drm_dojo_queue_get_state *state,
			 size_t size)
{
	struct drm_dojo_queue_get_state get = { .queue_id = queue->id };
	int ret = dojo_ioctl(queue->vm->dev, DRM_IOCTL_DOJO_QUEUE_GET_STATE, &get);

	if (ret)
		return dojo_fail(queue->vm->dev, ret, "state of queue %u: %s", queue->id,
				 dojo_strerror(ret));
	memset(state, 0, size);
	memcpy(state, &get, size < sizeof(get) ? size : sizeof(get));
	return 0;
}

int dojo_queue_get_job(struct dojo_queue *queue, uint64_t seqno,
		       struct drm_dojo_queue_get_job *job, size_t size)
{
	struct drm_dojo_queue_get_job get = { .queue_id = queue->id, .seqno = seqno };
	int ret = dojo_ioctl(queue->vm->dev, DRM_IOCTL_DOJO_QUEUE_GET_JOB, &get);

	if (ret)
		return dojo_fail(queue->vm->dev, ret, "job %" PRIu64 " of queue %u: %s", seqno,
				 queue->id, dojo_strerror(ret));
	memset(job, 0, size);
	memcpy(job, &get, size < sizeof(get) ? size : sizeof(get));
	return 0;
}

static int error_of(uint32_t status)
{
	switch (status) {
	case DRM_DOJO_QUEUE_ACTIVE:
		return 0;
	case DRM_DOJO_QUEUE_TIMED_OUT:
		return -ETIMEDOUT;
	case DRM_DOJO_QUEUE_INNOCENT:
		return -ECANCELED;
	default:
		return -EIO;
	}
}

static int check_state(struct dojo_queue *queue, const struct drm_dojo_queue_get_state *state)
{
	int ret = error_of(state->status);
	char why[ERROR_TEXT_MAX];

	if (!ret)
		return 0;
	dojo_fault_string(state, why, sizeof(why));
	return dojo_fail(queue->vm->dev, ret, "%s", why);
}

int dojo_queue_check(struct dojo_queue *queue)
{
	struct drm_dojo_queue_get_state state;
	int ret = dojo_queue_get_state(queue, &state, sizeof(state));

	return ret ? ret : check_state(queue, &state);
}

/* A job's failure, told from the queue's point of view if that explains it. */
static int explain(struct dojo_queue *queue, int ret)
{
	int why;

	if (ret != -ECANCELED)
		return ret;
	why = dojo_queue_check(queue);
	return why ? why : ret;
}

/* Submit, with a fence of its own, and wait for that. */
static int run(struct dojo_queue *queue, struct dojo_batch *batch, int64_t timeout_ns)
{
	struct drm_dojo_sync_op done;
	struct dojo_fence *fence;
	int ret;

	ret = dojo_fence_create(queue->vm->dev, false, &fence);
	if (ret)
		return ret;
	done = dojo_signal_fence(fence);
	ret = explain(queue, dojo_queue_submit(queue, batch, &done, 1, NULL));
	if (!ret)
		ret = dojo_fence_wait(fence, timeout_ns);
	dojo_fence_destroy(fence);
	return ret ? ret : dojo_queue_check(queue);
}

int dojo_queue_run(struct dojo_queue *queue, struct dojo_batch *batch, int64_t timeout_ns)
{
	return run(queue, batch, timeout_ns);
}

int dojo_queue_wait_idle(struct dojo_queue *queue, int64_t timeout_ns)
{
	struct drm_dojo_queue_get_state state;
	int ret = dojo_queue_get_state(queue, &state, sizeof(state));

	if (!ret)
		ret = check_state(queue, &state);
	if (ret || state.completed >= state.submitted)
		return ret;
	if (!timeout_ns)
		return dojo_fail(queue->vm->dev, -ETIME, "queue %u: job %" PRIu64 " of %" PRIu64
				 " has run", queue->id, (uint64_t)state.completed,
				 (uint64_t)state.submitted);
	return run(queue, NULL, timeout_ns);
}
