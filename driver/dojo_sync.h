/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The syncobj operations of one ioctl call.
 *
 * All that can fail (look-ups, fence chain nodes) happens in
 * dojo_sync_collect() and dojo_sync_add_deps(), before any job is armed;
 * dojo_sync_signal() cannot fail.
 */
#ifndef DOJO_SYNC_H
#define DOJO_SYNC_H

#include <linux/types.h>

struct dma_fence;
struct drm_dojo_obj_array;
struct drm_file;
struct drm_sched_job;
struct dojo_sync_entry;

/**
 * struct dojo_sync_ctx - the syncobj operations of a call
 * @file: whose syncobj handles they are
 * @entry: operations of all jobs, in order of the jobs
 * @count: of @entry
 */
struct dojo_sync_ctx {
	struct drm_file *file;
	struct dojo_sync_entry *entry;
	u32 count;
};

void dojo_sync_ctx_init(struct dojo_sync_ctx *ctx, struct drm_file *file);
int dojo_sync_collect(struct dojo_sync_ctx *ctx, const struct drm_dojo_obj_array *ops,
		      u32 job);
int dojo_sync_add_deps(struct dojo_sync_ctx *ctx, u32 job, struct drm_sched_job *sched_job);
void dojo_sync_signal(struct dojo_sync_ctx *ctx, u32 job, struct dma_fence *fence);
void dojo_sync_ctx_fini(struct dojo_sync_ctx *ctx);

#endif
