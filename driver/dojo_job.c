// SPDX-License-Identifier: GPL-2.0-only
/*
 * Jobs and hardware fences.
 *
 * Everything a job needs is allocated by dojo_job_create(); from dojo_job_arm()
 * on nothing allocates, and nothing can fail. dojo_job_run() writes at most two
 * descriptors and one doorbell; lockdep is told that fences wait for it.
 *
 * A job's fence is signalled in one of two ways, always in the ring's order: by
 * dojo_queue_complete() when the card's fence record says so, or by
 * dojo_queue_cancel_pending() when the hardware has let go of the queue. A job that
 * is run on a stopped queue is lined up behind those still in the ring, so that
 * a fence never overtakes work that may still touch memory.
 */
#include <linux/dma-fence.h>
#include <linux/kmemleak.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>

#include "dojo_device.h"
#include "dojo_hang.h"
#include "dojo_job.h"
#include "dojo_queue.h"
#include "dojo_trace.h"
#include "dojo_vm.h"

/**
 * struct dojo_fence - a job's place in the ring
 * @base: fence
 * @lock: of @base, where the kernel wants one
 * @queue: memory reference; names the timeline
 * @sched_fence: what the scheduler made of it; holds a reference on @base
 * @link: on &dojo_queue.pending
 * @live_link: on &dojo_queue.live
 * @index: absolute, of the job's first descriptor
 * @batch_va: of the job
 * @client_id: for tracing
 */
struct dojo_fence {
	struct dma_fence base;
	spinlock_t lock;
	struct dojo_queue *queue;
	struct drm_sched_fence *sched_fence;
	struct list_head link;
	struct list_head live_link;
	u32 index;
	u64 batch_va;
	u64 client_id;
};

static struct dojo_fence *to_dojo_fence(struct dma_fence *fence)
{
	return container_of(fence, struct dojo_fence, base);
}

static const char *dojo_fence_driver_name(struct dma_fence *fence)
{
	return DOJO_DRIVER_NAME;
}

static const char *dojo_fence_timeline_name(struct dma_fence *fence)
{
	return to_dojo_fence(fence)->queue->name;
}

static void dojo_fence_free_rcu(struct rcu_head *rcu)
{
	struct dojo_fence *fence = container_of(rcu, struct dojo_fence, base.rcu);
	struct dojo_queue *queue = fence->queue;
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	list_del(&fence->live_link);
	spin_unlock_irqrestore(&queue->lock, flags);
	dojo_queue_mem_put(fence->queue);
	kfree(fence);
}

static void dojo_fence_release(struct dma_fence *fence)
{
	call_rcu(&fence->rcu, dojo_fence_free_rcu);
}

static const struct dma_fence_ops dojo_fence_ops = {
	DOJO_FENCE_OPS_64BIT
	.get_driver_name = dojo_fence_driver_name,
	.get_timeline_name = dojo_fence_timeline_name,
	.release = dojo_fence_release,
};

static struct dojo_fence *dojo_fence_alloc(struct dojo_queue *queue)
{
	struct dojo_fence *fence = kzalloc(sizeof(*fence), GFP_KERNEL_ACCOUNT);

	if (!fence)
		return NULL;
	kref_get(&queue->mem);
	fence->queue = queue;
	INIT_LIST_HEAD(&fence->link);
	return fence;
}

/* Of a fence that was never initialised */
static void dojo_fence_discard(struct dojo_fence *fence)
{
	dojo_queue_mem_put(fence->queue);
	kfree(fence);
}

/* Takes the fence off the ring and signals it; @queue->lock is held. */
static void dojo_fence_finish(struct dojo_queue *queue, struct dojo_fence *fence, int error)
{
	list_del_init(&fence->link);
	queue->completed = fence->base.seqno;
	if (error)
		dma_fence_set_error(&fence->base, error);
	trace_dojo_done(queue, fence->client_id, fence->base.seqno, &queue->last, error);

	/* the room is there before anybody can learn that the job is done */
	atomic_dec(&queue->inflight);
	if (wq_has_sleeper(&queue->room))
		wake_up_all(&queue->room);

	dma_fence_signal(&fence->base);
	dma_fence_put(&fence->base);
}

/**
 * dojo_queue_has_finished() - has the card finished a job
 * @queue: queue, locked
 * @seqno: of a job in the ring, of which nobody has been told yet
 *
 * Return: true if its fence record says so.
 */
bool dojo_queue_has_finished(struct dojo_queue *queue, u64 seqno)
{
	lockdep_assert_held(&queue->lock);
	return READ_ONCE(queue->record[seqno & (queue->ring_jobs - 1)].seqno) == seqno;
}

/**
 * dojo_queue_complete() - signal what the card has finished; any context
 * @queue: queue
 *
 * Return: jobs still in the ring.
 */
u32 dojo_queue_complete(struct dojo_queue *queue)
{
	struct dojo_fence *fence, *next;
	unsigned long flags;
	u32 left;

	spin_lock_irqsave(&queue->lock, flags);
	list_for_each_entry_safe(fence, next, &queue->pending, link) {
		if (queue->off)
			break;
		if (!dojo_queue_has_finished(queue, fence->base.seqno))
			break;
		dma_rmb();
		queue->last = queue->record[fence->base.seqno & (queue->ring_jobs - 1)];
		dojo_fence_finish(queue, fence, 0);
	}
	left = !list_empty(&queue->pending);
	spin_unlock_irqrestore(&queue->lock, flags);
	return left;
}

/**
 * dojo_queue_cancel_pending() - fail what the hardware has let go of
 * @queue: queue, stopped and off
 */
void dojo_queue_cancel_pending(struct dojo_queue *queue)
{
	struct dojo_fence *fence, *next;
	unsigned long flags;
	int error;

	spin_lock_irqsave(&queue->lock, flags);
	error = queue->first_error;
	list_for_each_entry_safe(fence, next, &queue->pending, link) {
		dojo_fence_finish(queue, fence, error);
		error = queue->error;
	}
	queue->first_error = queue->error;
	spin_unlock_irqrestore(&queue->lock, flags);
}

/**
 * dojo_queue_cancel_oldest() - fail the oldest job in the ring
 * @queue: queue, off in hardware
 * @error: to fail it with
 *
 * Return: false if there was none.
 */
bool dojo_queue_cancel_oldest(struct dojo_queue *queue, int error)
{
	struct dojo_fence *fence;

	spin_lock_irq(&queue->lock);
	fence = list_first_entry_or_null(&queue->pending, struct dojo_fence, link);
	if (fence)
		dojo_fence_finish(queue, fence, error);
	spin_unlock_irq(&queue->lock);
	return fence;
}

/**
 * dojo_queue_oldest() - the oldest job in the ring
 * @queue: queue, locked
 * @index: out: absolute, of its first descriptor
 * @batch_va: out, or NULL: its batch
 *
 * Return: its seqno, 0 if there is none.
 */
u64 dojo_queue_oldest(struct dojo_queue *queue, u32 *index, u64 *batch_va)
{
	struct dojo_fence *fence;

	lockdep_assert_held(&queue->lock);
	fence = list_first_entry_or_null(&queue->pending, struct dojo_fence, link);
	if (!fence)
		return 0;
	*index = fence->index;
	if (batch_va)
		*batch_va = fence->batch_va;
	return fence->base.seqno;
}

/**
 * dojo_queue_newest() - the last job that was given to the hardware
 * @queue: queue, its lock held
 *
 * Return: its seqno, 0 if there was none.
 */
u64 dojo_queue_newest(struct dojo_queue *queue)
{
	lockdep_assert_held(&queue->lock);
	if (list_empty(&queue->pending))
		return queue->completed;
	return list_last_entry(&queue->pending, struct dojo_fence, link)->base.seqno;
}

/* Writes a job's descriptors; the room is there by the scheduler's credits. */
static void dojo_job_write(struct dojo_queue *queue, const struct dojo_job *job)
{
	u32 mask = queue->ring_size - 1;
	u32 record = job->seqno & (queue->ring_jobs - 1);
	struct dojo_ring_descriptor *desc;

	if (job->batch_size) {
		desc = &queue->ring[queue->tail++ & mask];
		*desc = (struct dojo_ring_descriptor){
			.type = DOJO_DESC_BATCH,
			.size = job->batch_size,
			.va = job->batch_va,
			.cookie = job->seqno,
		};
	}
	desc = &queue->ring[queue->tail++ & mask];
	*desc = (struct dojo_ring_descriptor){
		.type = DOJO_DESC_FENCE,
		.flags = DOJO_DESC_FLAG_EVENT,
		.va = queue->ring_mem.va + ((void *)&queue->record[record] -
					    queue->ring_mem.cpu),
		.value = job->seqno,
	};
}

static struct dma_fence *dojo_job_run(struct drm_sched_job *base)
{
	struct dojo_job *job = to_dojo_job(base);
	struct dojo_queue *queue = job->queue;
	struct dojo_fence *fence = job->fence;
	bool usable = !queue->vm || dojo_vm_usable(queue->vm);
	bool cookie = dma_fence_begin_signalling();
	unsigned long flags;
	bool up;
	int idx;

	job->fence = NULL;
	dojo_dma_fence_init(fence, base, &dojo_fence_ops, queue->fence_context, job->seqno);
	dma_fence_get(&fence->base);	/* the ring's */
	fence->sched_fence = base->s_fence;
	fence->batch_va = job->batch_va;
	fence->client_id = job->client_id;

	up = drm_dev_enter(&queue->tile->drm, &idx);
	spin_lock_irqsave(&queue->lock, flags);
	list_add_tail(&fence->live_link, &queue->live);
	list_add_tail(&fence->link, &queue->pending);
	fence->index = queue->tail;
	if (queue->off) {
		/* nothing is in the ring any more: in order already */
		dojo_fence_finish(queue, fence, queue->error);
	} else if (up && usable && !queue->error) {
		dojo_job_write(queue, job);
		trace_dojo_run(queue, job->client_id, job->seqno, job->batch_va, job->batch_size);
		if (!queue->paused) {
			dma_wmb();
			writel(queue->tail, queue->doorbell);
		}
		dojo_hang_watch(queue);
	}
	spin_unlock_irqrestore(&queue->lock, flags);
	if (up)
		drm_dev_exit(idx);

	if (!usable)
		dojo_hang_kick(queue);
	dma_fence_end_signalling(cookie);
	return &fence->base;
}

static void dojo_job_free_memory(struct dojo_job *job)
{
	struct dojo_queue *queue = job->queue;

	kfree(job);
	dojo_queue_put(queue);
}

static void dojo_job_release_work(struct work_struct *work)
{
	struct dojo_job *job = container_of(work, struct dojo_job, work);

	job->release(job, job->release_priv);
	dojo_job_free_memory(job);
}

static void dojo_job_free(struct drm_sched_job *base)
{
	struct dojo_job *job = to_dojo_job(base);

	drm_sched_job_cleanup(base);
	if (job->fence)
		dojo_fence_discard(job->fence);

	if (job->release) {
		INIT_WORK(&job->work, dojo_job_release_work);
		queue_work(dojo_wq, &job->work);
	} else {
		dojo_job_free_memory(job);
	}
}

/* The scheduler's timeout is for ever: see dojo_hang.c. */
static enum drm_gpu_sched_stat dojo_job_timedout(struct drm_sched_job *base)
{
	return DRM_GPU_SCHED_STAT_RESET;
}

const struct drm_sched_backend_ops dojo_sched_ops = {
	.run_job = dojo_job_run,
	.timedout_job = dojo_job_timedout,
	.free_job = dojo_job_free,
};

/**
 * dojo_job_create() - make a job, with all that it will need
 * @queue: queue
 * @batch_va: in the queue's address space
 * @batch_size: bytes; 0 = nothing to run
 * @file: the submitter's, NULL = the kernel
 *
 * Return: the job, or ERR_PTR(-ENOMEM).
 */
struct dojo_job *dojo_job_create(struct dojo_queue *queue, u64 batch_va, u32 batch_size,
				 struct drm_file *file)
{
	struct dojo_job *job = kzalloc(sizeof(*job), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!job)
		return ERR_PTR(-ENOMEM);

	job->batch_va = batch_va;
	job->batch_size = batch_size;
	job->client_id = file ? file->client_id : 0;
	job->fence = dojo_fence_alloc(queue);
	if (!job->fence) {
		ret = -ENOMEM;
		goto err_job;
	}

	ret = dojo_drm_sched_job_init(&job->base, &queue->entity, DOJO_JOB_CREDITS, NULL,
				      job->client_id);
	if (ret)
		goto err_fence;

	kref_get(&queue->ref);
	job->queue = queue;
	return job;

err_fence:
	dojo_fence_discard(job->fence);
err_job:
	kfree(job);
	return ERR_PTR(ret);
}

/**
 * dojo_job_add_dependency() - have a job wait
 * @job: not armed
 * @fence: reference is taken over, also on failure; may be NULL
 *
 * Return: 0 or -ENOMEM.
 */
int dojo_job_add_dependency(struct dojo_job *job, struct dma_fence *fence)
{
	return drm_sched_job_add_dependency(&job->base, fence);
}

/**
 * dojo_job_arm_locked() - the point of no return, of one of several jobs
 * @job: job
 *
 * The caller holds the queue's submit_lock until the last of its jobs has been
 * pushed, in the order of arming. In between nothing may fail or allocate.
 *
 * Return: the fence that is signalled when the job has finished, referenced.
 */
struct dma_fence *dojo_job_arm_locked(struct dojo_job *job)
{
	struct dojo_queue *queue = job->queue;

	lockdep_assert_held(&queue->submit_lock);
	/* the kernel's own jobs have reserved no room: credits bound them */
	if (!queue->file)
		atomic_inc(&queue->inflight);
	job->seqno = ++queue->submitted;
	drm_sched_job_arm(&job->base);
	return dma_fence_get(&job->base.s_fence->finished);
}

/**
 * dojo_job_push_locked() - let an armed job go
 * @job: no longer the caller's
 */
void dojo_job_push_locked(struct dojo_job *job)
{
	trace_dojo_submit(job->queue, job->client_id, job->seqno, job->batch_va, job->batch_size);
	drm_sched_entity_push_job(&job->base);
}

/**
 * dojo_job_arm() - the point of no return, of a single job
 * @job: job
 *
 * From here until dojo_job_push(), which must follow, nothing may fail or
 * allocate.
 *
 * Return: the fence that is signalled when the job has finished, referenced.
 */
struct dma_fence *dojo_job_arm(struct dojo_job *job)
{
	mutex_lock(&job->queue->submit_lock);
	return dojo_job_arm_locked(job);
}

/**
 * dojo_job_push() - let a job go after dojo_job_arm()
 * @job: no longer the caller's
 */
void dojo_job_push(struct dojo_job *job)
{
	struct dojo_queue *queue = job->queue;

	/* once pushed the job may be done, and with it its reference */
	kref_get(&queue->ref);
	dojo_job_push_locked(job);
	mutex_unlock(&queue->submit_lock);
	dojo_queue_put(queue);
}

/**
 * dojo_job_put() - give up a job that has not been armed
 * @job: job
 */
void dojo_job_put(struct dojo_job *job)
{
	dojo_job_free(&job->base);
}

/**
 * dojo_queue_orphan_fences() - let go of fences that will outlive the module
 * @queue: queue of which nothing but memory is left
 *
 * A sync file may keep a scheduler fence for ever, and that keeps our fence,
 * whose ops are in this module. It has been signalled: take it away. The queue's
 * memory stays for ever, as the scheduler fence names its scheduler.
 */
void dojo_queue_orphan_fences(struct dojo_queue *queue)
{
	struct drm_sched_fence *sched_fence;
	struct dojo_fence *fence;
	unsigned long flags;

	rcu_read_lock();
	spin_lock_irqsave(&queue->lock, flags);
	list_for_each_entry(fence, &queue->live, live_link) {
		if (!dma_fence_get_rcu(&fence->base))
			continue;
		sched_fence = fence->sched_fence;
		if (dma_fence_get_rcu(&sched_fence->scheduled)) {
			kref_get(&queue->mem);
			kmemleak_not_leak(queue);
			if (xchg(&sched_fence->parent, NULL))
				dma_fence_put(&fence->base);
			dma_fence_put(&sched_fence->scheduled);
		}
		dma_fence_put(&fence->base);
	}
	spin_unlock_irqrestore(&queue->lock, flags);
	rcu_read_unlock();
}
