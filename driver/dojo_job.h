/* SPDX-License-Identifier: GPL-2.0-only */
/* Jobs: a batch on its way through a queue. */
#ifndef DOJO_JOB_H
#define DOJO_JOB_H

#include <linux/types.h>
#include <linux/workqueue.h>

#include <drm/gpu_scheduler.h>

struct drm_file;
struct dojo_fence;
struct dojo_queue;

/* Ring descriptors that a job takes: its batch and its fence */
#define DOJO_JOB_CREDITS	2

/**
 * struct dojo_job - a batch and what becomes of it
 * @base: for the scheduler
 * @queue: where it runs; referenced
 * @fence: hardware fence, made with the job; the ring's once the job runs
 * @batch_va: in the queue's address space
 * @batch_size: bytes; 0 = nothing to run
 * @seqno: on its queue, given by dojo_job_arm()
 * @client_id: of the DRM file that submitted it, 0 = the kernel
 * @release: called, if set, from a work item after the job has finished or was
 *	given up with dojo_job_put()
 * @release_priv: handed to @release
 * @work: runs @release
 */
struct dojo_job {
	struct drm_sched_job base;
	struct dojo_queue *queue;
	struct dojo_fence *fence;
	u64 batch_va;
	u32 batch_size;
	u64 seqno;
	u64 client_id;
	void (*release)(struct dojo_job *job, void *priv);
	void *release_priv;
	struct work_struct work;
};

static inline struct dojo_job *to_dojo_job(struct drm_sched_job *base)
{
	return container_of(base, struct dojo_job, base);
}

struct dojo_job *dojo_job_create(struct dojo_queue *queue, u64 batch_va, u32 batch_size,
				 struct drm_file *file);
int dojo_job_add_dependency(struct dojo_job *job, struct dma_fence *fence);
struct dma_fence *dojo_job_arm(struct dojo_job *job);
void dojo_job_push(struct dojo_job *job);
struct dma_fence *dojo_job_arm_locked(struct dojo_job *job);
void dojo_job_push_locked(struct dojo_job *job);
void dojo_job_put(struct dojo_job *job);

#endif
