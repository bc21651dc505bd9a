// SPDX-License-Identifier: GPL-2.0-only
/* QUEUE_CREATE, QUEUE_DESTROY, QUEUE_GET_STATE and QUEUE_GET_JOB */
#include <linux/capability.h>
#include <linux/log2.h>

#include "dojo_device.h"
#include "dojo_hang.h"
#include "dojo_job.h"
#include "dojo_queue.h"
#include "dojo_rect.h"
#include "dojo_vm.h"

static bool dojo_queue_args_bad(struct drm_device *drm, const struct drm_dojo_queue_create *in)
{
	const u32 traps = DRM_DOJO_QUEUE_TRAP_INVALID | DRM_DOJO_QUEUE_TRAP_DENORMAL |
			  DRM_DOJO_QUEUE_TRAP_OVERFLOW | DRM_DOJO_QUEUE_TRAP_UNDERFLOW;
	bool find = in->flags & DRM_DOJO_QUEUE_FIND_RECT;
	bool compute = in->queue_class == DRM_DOJO_QUEUE_COMPUTE;

	return DOJO_REJECT(drm, in->pad || in->queue_id) ||
	       DOJO_REJECT(drm, in->queue_class > DRM_DOJO_QUEUE_COMPUTE) ||
	       DOJO_REJECT(drm, in->priority > DRM_DOJO_PRIORITY_REALTIME) ||
	       DOJO_REJECT(drm, in->flags & ~(DRM_DOJO_QUEUE_FIND_RECT | traps)) ||
	       DOJO_REJECT(drm, in->ring_jobs > DOJO_RING_JOBS_MAX) ||
	       DOJO_REJECT(drm, in->timeout_ns > dojo_hang_max_ns()) ||
	       DOJO_REJECT(drm, !compute && in->flags) ||
	       DOJO_REJECT(drm, !compute &&
			   (in->rect_x || in->rect_y || in->rect_w || in->rect_h)) ||
	       DOJO_REJECT(drm, find && (in->rect_x || in->rect_y || !in->rect_w || !in->rect_h));
}

static int dojo_queue_args_fill(struct dojo_tile *tile, struct dojo_queue_args *args,
				const struct drm_dojo_queue_create *in)
{
	args->hw_class = in->queue_class;
	args->priority = in->priority;
	args->context_flags = in->flags & DOJO_CTX_FLAGS & ~(DOJO_CTX_USER | DOJO_CTX_PRIVILEGED);
	args->find_rect = in->flags & DRM_DOJO_QUEUE_FIND_RECT;
	args->ring_jobs = roundup_pow_of_two(in->ring_jobs ?: DOJO_RING_JOBS_DEFAULT);
	args->timeout_ns = in->timeout_ns ?: dojo_hang_default_ns();
	if (in->queue_class != DRM_DOJO_QUEUE_COMPUTE)
		return 0;

	args->rect[0] = in->rect_x;
	args->rect[1] = in->rect_y;
	args->rect[2] = in->rect_w;
	args->rect[3] = in->rect_h;
	if (!in->rect_x && !in->rect_y && !in->rect_w && !in->rect_h) {
		args->rect[2] = tile->mesh_cols;
		args->rect[3] = tile->mesh_rows;
	}
	if (DOJO_REJECT(&tile->drm, !dojo_rect_valid(tile->queues->rects, args->rect)))
		return -EINVAL;
	return 0;
}

/**
 * dojo_ioctl_queue_create() - DRM_IOCTL_DOJO_QUEUE_CREATE
 * @drm: DRM device
 * @data: struct drm_dojo_queue_create
 * @drm_file: caller
 *
 * Return: 0 or -errno.
 */
int dojo_ioctl_queue_create(struct drm_device *drm, void *data, struct drm_file *drm_file)
{
	struct dojo_file *file = to_dojo_file(drm_file);
	struct drm_dojo_queue_create *in = data;
	struct dojo_tile *tile = to_dojo_tile(drm);
	struct dojo_queue_args args = { .file = file };
	struct dojo_queue *queue;
	int ret;

	if (dojo_queue_args_bad(drm, in))
		return -EINVAL;
	ret = dojo_queue_args_fill(tile, &args, in);
	if (ret)
		return ret;
	if (DOJO_REJECT(drm, in->priority > DRM_DOJO_PRIORITY_NORMAL && !capable(CAP_SYS_NICE)))
		return -EACCES;

	args.vm = dojo_vm_lookup(file, in->vm_id);
	if (!args.vm)
		return -ENOENT;
	queue = dojo_vm_usable(args.vm) ? dojo_queue_create(tile, &args) : ERR_PTR(-ENOENT);
	dojo_vm_put(args.vm);
	if (IS_ERR(queue))
		return PTR_ERR(queue);

	/* once it has a handle another thread may destroy it */
	memcpy(args.rect, queue->rect, sizeof(args.rect));
	ret = xa_alloc(&file->queues, &in->queue_id, queue, xa_limit_31b, GFP_KERNEL);
	if (ret) {
		dojo_queue_destroy(queue);
		return ret;
	}
	in->rect_x = args.rect[0];
	in->rect_y = args.rect[1];
	in->rect_w = args.rect[2];
	in->rect_h = args.rect[3];
	return 0;
}

/**
 * dojo_ioctl_queue_destroy() - DRM_IOCTL_DOJO_QUEUE_DESTROY
 * @drm: DRM device
 * @data: struct drm_dojo_queue_destroy
 * @file: caller
 *
 * Return: 0 or -errno.
 */
int dojo_ioctl_queue_destroy(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_dojo_queue_destroy *in = data;
	struct dojo_queue *queue;

	if (DOJO_REJECT(drm, in->pad))
		return -EINVAL;

	queue = xa_erase(&to_dojo_file(file)->queues, in->queue_id);
	if (!queue)
		return -ENOENT;
	dojo_queue_destroy(queue);
	return 0;
}

/**
 * dojo_ioctl_queue_get_state() - DRM_IOCTL_DOJO_QUEUE_GET_STATE
 * @drm: DRM device
 * @data: struct drm_dojo_queue_get_state
 * @file: caller
 *
 * Return: 0 or -errno.
 */
int dojo_ioctl_queue_get_state(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_dojo_queue_get_state *out = data;
	struct dojo_queue_counters sum;
	struct dojo_queue_fault *fault;
	struct dojo_queue *queue;
	u32 handle = out->queue_id;
	int ret;

	queue = dojo_queue_lookup(to_dojo_file(file), handle);
	if (!queue)
		return -ENOENT;

	ret = dojo_queue_count(queue, &sum);
	if (ret)
		goto out;

	memset(out, 0, sizeof(*out));
	out->queue_id = handle;
	out->submitted = READ_ONCE(queue->submitted);
	spin_lock_irq(&queue->lock);
	fault = &queue->fault;
	out->status = queue->status;
	out->fault = fault->fault;
	out->fault_access = fault->access;
	out->fault_va = fault->va;
	out->fault_field = fault->field;
	out->packet_opcode = fault->opcode;
	out->batch_va = fault->batch_va;
	out->packet_offset = fault->packet_offset;
	out->fault_seqno = fault->seqno;
	out->resets = queue->resets;
	out->completed = queue->completed;
	spin_unlock_irq(&queue->lock);
	out->busy_ns = sum.busy_ns;
	out->model_ps = sum.model_ps;
	out->packets = sum.packets;
	out->bytes = sum.bytes;
	out->flop = sum.flop;
	out->flags_invalid = sum.invalid;
	out->flags_denormal = sum.denormal;
	out->flags_overflow = sum.overflow;
	out->flags_underflow = sum.underflow;
out:
	dojo_queue_put(queue);
	return ret;
}

/*
 * Of a job's fence record and the one before, which have the card's counters since
 * the queue was started. Records are overwritten in turn, by jobs that are put into
 * the ring under the lock.
 */
static int dojo_queue_job_records(struct dojo_queue *queue, u64 seqno,
				  struct dojo_fence_record *before, struct dojo_fence_record *after)
{
	u32 mask = queue->ring_jobs - 1;

	lockdep_assert_held(&queue->lock);
	if (!seqno || seqno > READ_ONCE(queue->submitted))
		return -ENOENT;
	if (seqno > queue->completed)
		return -EBUSY;
	if (dojo_queue_newest(queue) - seqno >= mask)
		return -ENOENT;
	*after = queue->record[seqno & mask];
	if (after->seqno != seqno)
		return -ENOENT;
	memset(before, 0, sizeof(*before));
	if (seqno - 1 > queue->base_seqno)
		*before = queue->record[(seqno - 1) & mask];
	return 0;
}

/**
 * dojo_ioctl_queue_get_job() - DRM_IOCTL_DOJO_QUEUE_GET_JOB
 * @drm: DRM device
 * @data: struct drm_dojo_queue_get_job
 * @file: caller
 *
 * Return: 0 or -errno.
 */
int dojo_ioctl_queue_get_job(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct dojo_fence_record before, after;
	struct drm_dojo_queue_get_job *out = data;
	struct dojo_queue *queue;
	int ret;

	if (DOJO_REJECT(drm, out->pad))
		return -EINVAL;
	queue = dojo_queue_lookup(to_dojo_file(file), out->queue_id);
	if (!queue)
		return -ENOENT;

	spin_lock_irq(&queue->lock);
	ret = dojo_queue_job_records(queue, out->seqno, &before, &after);
	spin_unlock_irq(&queue->lock);
	dojo_queue_put(queue);
	if (ret)
		return ret;
	out->start_ns = after.start_ns;
	out->end_ns = after.end_ns;
	out->busy_ns = after.busy_ns - before.busy_ns;
	out->model_ps = after.model_ps - before.model_ps;
	out->packets = after.packets - before.packets;
	out->bytes = after.bytes - before.bytes;
	out->flop = after.flop - before.flop;
	return 0;
}
