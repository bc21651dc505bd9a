// SPDX-License-Identifier: GPL-2.0-only
#include <linux/dma-fence-chain.h>
#include <linux/slab.h>

#include <drm/drm_syncobj.h>
#include <drm/gpu_scheduler.h>

#include "dojo_device.h"
#include "dojo_sync.h"
#include "dojo_uobj.h"

/**
 * struct dojo_sync_entry - one operation
 * @job: index of the job in the call
 * @signal: signal @syncobj, else wait for @fence
 * @binary: signal without a point
 * @point: to signal
 * @syncobj: to signal
 * @chain: node for @point, made beforehand
 * @fence: to wait for
 */
struct dojo_sync_entry {
	u32 job;
	bool signal;
	bool binary;
	u64 point;
	struct drm_syncobj *syncobj;
	struct dma_fence_chain *chain;
	struct dma_fence *fence;
};

/**
 * dojo_sync_ctx_init() - begin a call
 * @ctx: to be released with dojo_sync_ctx_fini()
 * @file: the caller's
 */
void dojo_sync_ctx_init(struct dojo_sync_ctx *ctx, struct drm_file *file)
{
	*ctx = (struct dojo_sync_ctx){ .file = file };
}

/*
 * Does an earlier job of this call signal what is waited for? Jobs of a call
 * run in order, so that nothing need be waited for then.
 */
static bool dojo_sync_signalled_before(struct dojo_sync_ctx *ctx, u32 job,
				       const struct drm_syncobj *syncobj, u64 point)
{
	const struct dojo_sync_entry *entry;

	for (entry = ctx->entry; entry < ctx->entry + ctx->count; entry++)
		if (entry->signal && entry->job < job && entry->syncobj == syncobj &&
		    (entry->binary || entry->point >= point))
			return true;
	return false;
}

static int dojo_sync_wait(struct dojo_sync_ctx *ctx, const struct drm_dojo_sync_op *op,
			  struct dojo_sync_entry *entry)
{
	bool timeline = op->flags & DRM_DOJO_SYNC_OP_TIMELINE;
	struct drm_syncobj *syncobj;
	bool before;
	int ret;

	syncobj = drm_syncobj_find(ctx->file, op->handle);
	if (!syncobj)
		return -ENOENT;

	before = dojo_sync_signalled_before(ctx, entry->job, syncobj, op->point);
	if (timeline && !op->point) {
		ret = 0;	/* every timeline has reached 0 */
	} else if (before) {
		/*
		 * A point is reached when all earlier points are, those from
		 * before this call, too; a binary syncobj forgets what it held.
		 */
		if (timeline)
			entry->fence = drm_syncobj_fence_get(syncobj);
		ret = 0;
	} else {
		ret = drm_syncobj_find_fence(ctx->file, op->handle, op->point, 0, &entry->fence);
		if (ret)
			entry->fence = NULL;	/* left there without a reference */
	}
	drm_syncobj_put(syncobj);
	return ret;
}

static int dojo_sync_one(struct dojo_sync_ctx *ctx, const struct drm_dojo_sync_op *op,
			 struct dojo_sync_entry *entry)
{
	bool timeline = op->flags & DRM_DOJO_SYNC_OP_TIMELINE;
	struct drm_device *drm = ctx->file->minor->dev;

	if (DOJO_REJECT(drm, op->flags & ~(DRM_DOJO_SYNC_OP_TIMELINE | DRM_DOJO_SYNC_OP_SIGNAL)) ||
	    DOJO_REJECT(drm, !timeline && op->point))
		return -EINVAL;

	if (!(op->flags & DRM_DOJO_SYNC_OP_SIGNAL))
		return dojo_sync_wait(ctx, op, entry);

	if (DOJO_REJECT(drm, timeline && !op->point))
		return -EINVAL;

	entry->syncobj = drm_syncobj_find(ctx->file, op->handle);
	if (!entry->syncobj)
		return -ENOENT;
	entry->signal = true;
	entry->binary = !timeline;
	entry->point = op->point;
	if (timeline) {
		entry->chain = dma_fence_chain_alloc();
		if (!entry->chain)
			return -ENOMEM;
	}
	return 0;
}

/**
 * dojo_sync_collect() - look up a job's operations and make what they need
 * @ctx: the call's
 * @ops: from user space
 * @job: index in the call; jobs are collected in order
 *
 * A wait for a point that nobody has submitted is an error, unless an earlier
 * job of the call signals it.
 *
 * Return: 0, -EINVAL, -ENOENT, -EFAULT, -ENOMEM, -E2BIG.
 */
int dojo_sync_collect(struct dojo_sync_ctx *ctx, const struct drm_dojo_obj_array *ops, u32 job)
{
	struct drm_dojo_sync_op *op;
	struct dojo_sync_entry *entry;
	int ret = 0;
	u32 i;

	op = dojo_uobj_get_array(ops, DOJO_UOBJ_MIN_STRIDE(struct drm_dojo_sync_op, point),
				 sizeof(*op), DRM_DOJO_SYNC_OPS_MAX - ctx->count);
	if (IS_ERR_OR_NULL(op))
		return PTR_ERR_OR_ZERO(op);

	entry = krealloc_array(ctx->entry, ctx->count + ops->count, sizeof(*entry), GFP_KERNEL);
	if (!entry) {
		ret = -ENOMEM;
		goto out;
	}
	ctx->entry = entry;

	for (i = 0; i < ops->count && !ret; i++) {
		entry = &ctx->entry[ctx->count];
		*entry = (struct dojo_sync_entry){ .job = job };
		ret = dojo_sync_one(ctx, &op[i], entry);
		ctx->count++;
	}
out:
	kvfree(op);
	return ret;
}

/**
 * dojo_sync_add_deps() - have a job wait for what it was told to
 * @ctx: the call's
 * @job: index in the call
 * @sched_job: the job, not armed
 *
 * Return: 0 or -ENOMEM.
 */
int dojo_sync_add_deps(struct dojo_sync_ctx *ctx, u32 job, struct drm_sched_job *sched_job)
{
	const struct dojo_sync_entry *entry;
	int ret;

	for (entry = ctx->entry; entry < ctx->entry + ctx->count; entry++) {
		if (entry->job != job || !entry->fence)
			continue;
		ret = drm_sched_job_add_dependency(sched_job, dma_fence_get(entry->fence));
		if (ret)
			return ret;
	}
	return 0;
}

/**
 * dojo_sync_signal() - install a job's fence in what it signals
 * @ctx: the call's
 * @job: index in the call
 * @fence: the job's
 *
 * Cannot fail. Once for each job.
 */
void dojo_sync_signal(struct dojo_sync_ctx *ctx, u32 job, struct dma_fence *fence)
{
	struct dojo_sync_entry *entry;

	for (entry = ctx->entry; entry < ctx->entry + ctx->count; entry++) {
		if (entry->job != job || !entry->signal)
			continue;
		if (entry->binary)
			drm_syncobj_replace_fence(entry->syncobj, fence);
		else
			drm_syncobj_add_point(entry->syncobj, entry->chain, fence, entry->point);
		entry->chain = NULL;
	}
}

/**
 * dojo_sync_ctx_fini() - end a call, whether it succeeded or not
 * @ctx: the call's
 */
void dojo_sync_ctx_fini(struct dojo_sync_ctx *ctx)
{
	struct dojo_sync_entry *entry;

	for (entry = ctx->entry; entry < ctx->entry + ctx->count; entry++) {
		dma_fence_put(entry->fence);
		dma_fence_chain_free(entry->chain);
		if (entry->syncobj)
			drm_syncobj_put(entry->syncobj);
	}
	kfree(ctx->entry);
}
