// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bitmap.h>
#include <linux/dma-fence.h>
#include <linux/log2.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>
#include <drm/drm_managed.h>

#include "dojo_admin.h"
#include "dojo_device.h"
#include "dojo_hang.h"
#include "dojo_job.h"
#include "dojo_queue.h"
#include "dojo_rect.h"
#include "dojo_reset.h"
#include "dojo_user.h"
#include "dojo_vm.h"

static unsigned int queues_per_client = 512;
module_param(queues_per_client, uint, 0644);
MODULE_PARM_DESC(queues_per_client, "Queues that one open file may hold (default 512)");

static unsigned int ring_mbytes_per_client = 32;
module_param(ring_mbytes_per_client, uint, 0644);
MODULE_PARM_DESC(ring_mbytes_per_client, "MiB of ring memory that one open file may hold (default 32)");

/* Every queue whose memory is held: see dojo_queue_orphan_fences(). */
static LIST_HEAD(dojo_queue_memories);
static DEFINE_SPINLOCK(dojo_queue_memories_lock);

/* ------------------------------------------------------------ references */

static void dojo_queue_mem_free(struct kref *ref)
{
	struct dojo_queue *queue = container_of(ref, struct dojo_queue, mem);
	unsigned long flags;

	spin_lock_irqsave(&dojo_queue_memories_lock, flags);
	list_del(&queue->memory_link);
	spin_unlock_irqrestore(&dojo_queue_memories_lock, flags);
	kfree_rcu(queue, rcu);
}

/**
 * dojo_queue_mem_put() - drop a reference on a queue's memory; any context
 * @queue: queue
 */
void dojo_queue_mem_put(struct dojo_queue *queue)
{
	kref_put(&queue->mem, dojo_queue_mem_free);
}

/**
 * dojo_queues_orphan() - the module goes: let go of fences that others still hold
 */
void dojo_queues_orphan(void)
{
	struct dojo_queue *queue;

	rcu_barrier();
	spin_lock_irq(&dojo_queue_memories_lock);
	list_for_each_entry(queue, &dojo_queue_memories, memory_link)
		dojo_queue_orphan_fences(queue);
	spin_unlock_irq(&dojo_queue_memories_lock);
	rcu_barrier();
}

static void dojo_queue_release(struct kref *ref)
{
	struct dojo_queue *queue = container_of(ref, struct dojo_queue, ref);

	queue_work(dojo_wq, &queue->release_work);
}

/**
 * dojo_queue_put() - drop a reference; any context
 * @queue: queue, or NULL
 */
void dojo_queue_put(struct dojo_queue *queue)
{
	if (queue)
		kref_put(&queue->ref, dojo_queue_release);
}

/**
 * dojo_queue_lookup() - find a file's queue
 * @file: file
 * @handle: from user space
 *
 * Takes no lock: submissions to two queues of a file do not meet here.
 *
 * Return: the queue, to be put, or NULL.
 */
struct dojo_queue *dojo_queue_lookup(struct dojo_file *file, u32 handle)
{
	struct dojo_queue *queue;

	rcu_read_lock();
	queue = xa_load(&file->queues, handle);
	if (queue && !kref_get_unless_zero(&queue->ref))
		queue = NULL;
	rcu_read_unlock();
	return queue;
}

/**
 * dojo_queues_next() - walk the queues of a tile
 * @tile: tile
 * @last: the queue before, whose memory reference is dropped, or NULL
 *
 * What is created meanwhile may be missed. To be walked to the end.
 *
 * Return: a queue with a reference on its memory, or NULL at the end.
 */
struct dojo_queue *dojo_queues_next(struct dojo_tile *tile, struct dojo_queue *last)
{
	struct dojo_queues *queues = tile->queues;
	struct dojo_queue *queue = NULL;
	u32 id = last ? last->id + 1 : 0;

	rcu_read_lock();
	for (; id < tile->max_queues; id++) {
		queue = rcu_dereference(queues->by_id[id]);
		if (queue && kref_get_unless_zero(&queue->mem))
			break;
		queue = NULL;
	}
	rcu_read_unlock();
	if (last)
		dojo_queue_mem_put(last);
	return queue;
}

/* --------------------------------------------------------------- context */

static void dojo_queue_write_context(struct dojo_queue *queue, u32 start_index)
{
	struct dojo_queue_context *context = &queue->tile->queues->context[queue->id];

	memset(context, 0, sizeof(*context));
	context->ring_va = queue->ring_mem.va;
	context->ring_size = queue->ring_size;
	context->asid = queue->vm ? dojo_vm_asid(queue->vm) : 0;
	context->flags = queue->context_flags;
	context->queue_class = queue->hw_class;
	context->priority = queue->priority;
	context->rect_x = queue->rect[0];
	context->rect_y = queue->rect[1];
	context->rect_w = queue->rect[2];
	context->rect_h = queue->rect[3];
	context->start_index = start_index;
	dma_wmb();
}

/**
 * dojo_queue_read_context() - copy the context from memory
 * @queue: attached queue
 * @context: out
 *
 * The card may be writing it at the same time: read until two copies agree.
 */
void dojo_queue_read_context(struct dojo_queue *queue, struct dojo_queue_context *context)
{
	const struct dojo_queue_context *memory = &queue->tile->queues->context[queue->id];
	struct dojo_queue_context again;
	unsigned int tries = 16;

	memcpy(context, memory, sizeof(*context));
	while (tries--) {
		dma_rmb();
		memcpy(&again, memory, sizeof(again));
		if (!memcmp(context, &again, sizeof(again)))
			break;
		*context = again;
	}
}

static int dojo_queue_ask_locked(struct dojo_queue *queue, struct dojo_queue_context *context,
				 int (*command)(struct dojo_tile *tile, u32 id))
{
	struct dojo_tile *tile = queue->tile;
	int ret, idx;

	lockdep_assert_held(&queue->stop_lock);
	if (queue->off) {
		*context = queue->final;
		return 0;
	}
	if (!drm_dev_enter(&tile->drm, &idx))
		return -ENODEV;
	ret = command(tile, queue->id);
	if (!ret)
		dojo_queue_read_context(queue, context);
	drm_dev_exit(idx);
	return ret;
}

static int dojo_queue_ask(struct dojo_queue *queue, struct dojo_queue_context *context,
			  int (*command)(struct dojo_tile *tile, u32 id))
{
	int ret;

	mutex_lock(&queue->stop_lock);
	ret = dojo_queue_ask_locked(queue, context, command);
	mutex_unlock(&queue->stop_lock);
	return ret;
}

/**
 * dojo_queue_save() - learn how a queue is
 * @queue: queue
 * @context: out; the last state known if the queue is off
 *
 * Return: 0, or an error of dojo_admin_queue_save().
 */
int dojo_queue_save(struct dojo_queue *queue, struct dojo_queue_context *context)
{
	return dojo_queue_ask(queue, context, dojo_admin_queue_save);
}

/**
 * dojo_queue_suspend() - take a queue off its engine and learn how it is
 * @queue: queue; a reset of its tile follows
 * @context: out; the last state known if the queue is off
 *
 * Return: 0, -EBUSY if it does not yield, or an error of dojo_admin_queue_save().
 */
int dojo_queue_suspend(struct dojo_queue *queue, struct dojo_queue_context *context)
{
	return dojo_queue_ask(queue, context, dojo_admin_queue_suspend);
}

/* All that a queue has counted, if it is as @context says or has finished more since. */
static struct dojo_queue_counters dojo_queue_sum(const struct dojo_queue *queue,
						 const struct dojo_queue_context *context)
{
	const struct dojo_fence_record *last = &queue->last;
	struct dojo_queue_counters sum = queue->base;

	lockdep_assert_held(&queue->lock);
	sum.busy_ns += max(context->busy_ns, last->busy_ns);
	sum.model_ps += max(context->model_ps, last->model_ps);
	sum.packets += max(context->packets, last->packets);
	sum.bytes += max(context->bytes, last->bytes);
	sum.flop += max(context->flop, last->flop);
	sum.invalid += context->flag_invalid;
	sum.denormal += context->flag_denormal;
	sum.overflow += context->flag_overflow;
	sum.underflow += context->flag_underflow;
	return sum;
}

/**
 * dojo_queue_count() - what a queue has used and done
 * @queue: queue
 * @sum: out
 *
 * Asks the card, and falls back on what it last said if a reset comes between.
 *
 * Return: 0, or an error that says that the card does not answer.
 */
int dojo_queue_count(struct dojo_queue *queue, struct dojo_queue_counters *sum)
{
	struct dojo_queue_context context;
	int ret;

	mutex_lock(&queue->stop_lock);
	ret = dojo_queue_ask_locked(queue, &context, dojo_admin_queue_save);
	spin_lock_irq(&queue->lock);
	*sum = dojo_queue_sum(queue, ret ? &queue->final : &context);
	spin_unlock_irq(&queue->lock);
	mutex_unlock(&queue->stop_lock);
	return ret == -EAGAIN ? 0 : ret;
}

/**
 * dojo_queue_busy_ns() - engine time used so far
 * @queue: queue
 *
 * Asks the card only if the queue has work; else what it last said.
 *
 * Return: nanoseconds; die-nanoseconds of a compute queue.
 */
u64 dojo_queue_busy_ns(struct dojo_queue *queue)
{
	struct dojo_queue_counters sum;

	if (atomic_read(&queue->inflight)) {
		dojo_queue_count(queue, &sum);
		return sum.busy_ns;
	}
	spin_lock_irq(&queue->lock);
	sum = dojo_queue_sum(queue, &queue->final);
	spin_unlock_irq(&queue->lock);
	return sum.busy_ns;
}

/* -------------------------------------------------------------- stopping */

/**
 * dojo_queue_off() - the hardware has let go of a queue that is not to go on
 * @queue: queue with an error; @queue->stop_lock is held
 *
 * Jobs that were finished are signalled as such, the others fail.
 */
void dojo_queue_off(struct dojo_queue *queue)
{
	lockdep_assert_held(&queue->stop_lock);
	if (queue->off)
		return;

	dojo_queue_complete(queue);
	spin_lock_irq(&queue->lock);
	queue->off = true;
	spin_unlock_irq(&queue->lock);
	dojo_queue_cancel_pending(queue);
}

static void dojo_queue_stop_locked(struct dojo_queue *queue)
{
	struct dojo_tile *tile = queue->tile;
	int ret = 0, idx;

	if (queue->off)
		return;
	if (queue->started && drm_dev_enter(&tile->drm, &idx)) {
		ret = dojo_admin_queue_reset(tile, queue->id);
		if (!ret)
			dojo_queue_read_context(queue, &queue->final);
		drm_dev_exit(idx);
	}
	if (ret && ret != -ENODEV) {
		/* the reset turns it off and signals its fences */
		dojo_reset_request(tile, queue, "a queue cannot be reset");
		return;
	}
	queue->started = false;
	dojo_queue_off(queue);
}

/**
 * dojo_queue_stop() - stop a queue for good; its unfinished jobs fail
 * @queue: queue
 * @status: enum drm_dojo_queue_status to report from now on
 * @first_error: of the oldest unfinished job
 * @error: of the others, and of submissions to come
 *
 * The first to stop a queue says why. Takes as long as QUEUE_RESET; if that fails, the
 * tile is reset, and the jobs' fences are signalled by that.
 */
void dojo_queue_stop(struct dojo_queue *queue, u32 status, int first_error, int error)
{
	bool cookie = dma_fence_begin_signalling();

	mutex_lock(&queue->stop_lock);
	spin_lock_irq(&queue->lock);
	if (!queue->error) {
		queue->error = error;
		queue->first_error = first_error;
		queue->status = status;
		if (status == DRM_DOJO_QUEUE_TIMED_OUT)
			queue->resets++;
	}
	spin_unlock_irq(&queue->lock);
	dojo_queue_stop_locked(queue);
	mutex_unlock(&queue->stop_lock);
	wake_up_all(&queue->room);
	dma_fence_end_signalling(cookie);
}

/**
 * dojo_queue_restart() - start a queue again after a reset of its tile
 * @queue: paused queue, off in hardware; @queue->stop_lock is held
 * @replay: its unfinished jobs may be run again
 *
 * Return: 0, or -errno if it cannot go on.
 */
int dojo_queue_restart(struct dojo_queue *queue, bool replay)
{
	struct dojo_tile *tile = queue->tile;
	u32 index = queue->tail;
	bool pending;
	int ret;

	lockdep_assert_held(&queue->stop_lock);
	spin_lock_irq(&queue->lock);
	pending = dojo_queue_oldest(queue, &index, NULL);
	/* the card begins to count anew */
	queue->base = dojo_queue_sum(queue, &queue->final);
	memset(&queue->last, 0, sizeof(queue->last));
	memset(&queue->final, 0, sizeof(queue->final));
	queue->base_seqno = queue->completed;
	spin_unlock_irq(&queue->lock);
	if (pending && !replay)
		return -ECANCELED;

	dojo_queue_write_context(queue, index);
	ret = dojo_admin_queue_start(tile, queue->id);
	if (ret)
		return ret;

	queue->started = true;
	spin_lock_irq(&queue->lock);
	queue->paused = false;
	queue->resets++;
	if (queue->tail != index)
		writel(queue->tail, queue->doorbell);
	spin_unlock_irq(&queue->lock);
	return 0;
}

/* -------------------------------------------------- creation and release */

/*
 * Gives the hardware context, the rectangle and the ring back. The queue is off, so
 * nobody looks at them any more.
 */
static void dojo_queue_detach(struct dojo_queue *queue)
{
	struct dojo_queues *queues = queue->tile->queues;
	bool attached;

	mutex_lock(&queue->stop_lock);
	attached = queue->attached && queue->off;
	if (attached)
		queue->attached = false;
	mutex_unlock(&queue->stop_lock);
	if (!attached)
		return;

	cancel_delayed_work_sync(&queue->hang.work);
	RCU_INIT_POINTER(queues->by_id[queue->id], NULL);
	dojo_kmem_free(queue->tile, &queue->ring_mem);

	mutex_lock(&queues->alloc_lock);
	__clear_bit(queue->id, queues->ids);
	if (queue->rect_owned)
		dojo_rect_release(queues->rects, queue->rect);
	mutex_unlock(&queues->alloc_lock);

	spin_lock(&queues->lock);
	list_del_init(&queue->link);
	if (!--queues->count)
		wake_up_all(&queues->empty);
	spin_unlock(&queues->lock);
}

static struct dojo_holding dojo_queue_holding(const struct dojo_queue *queue)
{
	return (struct dojo_holding){ .queues = 1, .ring_bytes = queue->ring_bytes };
}

static void dojo_queue_uncharge(struct dojo_queue *queue)
{
	struct dojo_holding holding = dojo_queue_holding(queue);
	struct dojo_user *user = xchg(&queue->user, NULL);
	struct dojo_file *file = queue->file;
	u64 busy;

	if (!user)
		return;
	dojo_user_give(user, &holding);
	atomic_dec(&file->num_queues);
	atomic_long_sub(queue->ring_bytes, &file->ring_bytes);

	busy = dojo_queue_busy_ns(queue);
	spin_lock(&file->lock);
	file->busy_ns[queue->hw_class] += busy;
	spin_unlock(&file->lock);
}

static void dojo_queue_release_work(struct work_struct *work)
{
	struct dojo_queue *queue = container_of(work, struct dojo_queue, release_work);
	struct dojo_tile *tile = queue->tile;

	dojo_queue_stop(queue, DRM_DOJO_QUEUE_ACTIVE, -ECANCELED, -ECANCELED);
	if (!queue->off) {
		/* it was not to be reset, and nothing is pending: wait for the tile's reset */
		dojo_reset_wait(tile);
		dojo_queue_stop(queue, DRM_DOJO_QUEUE_ACTIVE, -ECANCELED, -ECANCELED);
	}
	dojo_queue_detach(queue);
	cancel_delayed_work_sync(&queue->hang.work);

	drm_sched_entity_fini(&queue->entity);
	drm_sched_fini(&queue->sched);
	if (queue->file) {
		dojo_queue_uncharge(queue);
		dojo_file_put(queue->file);
	}
	if (queue->vm)
		dojo_vm_put(queue->vm);
	dojo_queue_mem_put(queue);
	drm_dev_put(&tile->drm);
}

static int dojo_queue_alloc_context(struct dojo_queue *queue, const struct dojo_queue_args *args)
{
	struct dojo_queues *queues = queue->tile->queues;
	u32 id;
	int ret = 0;

	mutex_lock(&queues->alloc_lock);
	id = find_first_zero_bit(queues->ids, queue->tile->max_queues);
	if (id == queue->tile->max_queues)
		ret = -ENOSPC;
	else if (args->find_rect)
		ret = dojo_rect_find(queues->rects, queue->rect);
	if (!ret) {
		__set_bit(id, queues->ids);
		queue->id = id;
		queue->rect_owned = args->find_rect;
	}
	mutex_unlock(&queues->alloc_lock);
	return ret;
}

static void dojo_queue_free_context(struct dojo_queue *queue)
{
	struct dojo_queues *queues = queue->tile->queues;

	mutex_lock(&queues->alloc_lock);
	__clear_bit(queue->id, queues->ids);
	if (queue->rect_owned)
		dojo_rect_release(queues->rects, queue->rect);
	mutex_unlock(&queues->alloc_lock);
}

static int dojo_queue_init_sched(struct dojo_queue *queue)
{
	const struct drm_sched_init_args args = {
		.ops = &dojo_sched_ops,
		.submit_wq = queue->tile->submit_wq,
		.timeout_wq = queue->tile->timeout_wq,
		.num_rqs = 1,
		.credit_limit = queue->ring_jobs * DOJO_JOB_CREDITS,
		.timeout = MAX_SCHEDULE_TIMEOUT,
		.name = queue->name,
		.dev = queue->tile->drm.dev,
	};
	struct drm_gpu_scheduler *sched = &queue->sched;
	int ret;

	ret = dojo_drm_sched_init(sched, &args);
	if (ret)
		return ret;
	/* one run queue: its index is that of the highest priority */
	ret = drm_sched_entity_init(&queue->entity, DRM_SCHED_PRIORITY_KERNEL, &sched, 1, NULL);
	if (ret)
		drm_sched_fini(sched);
	return ret;
}

/* Counts a queue against the limits of its file and of the user who makes it. */
static int dojo_queue_charge(struct dojo_queue *queue, struct dojo_file *file)
{
	struct dojo_holding holding = dojo_queue_holding(queue);
	size_t limit = (size_t)READ_ONCE(ring_mbytes_per_client) << 20;
	struct dojo_user *user;
	int ret = -EMFILE;

	if (atomic_inc_return(&file->num_queues) > dojo_queue_limit(file->tile))
		goto err_queues;
	if (atomic_long_add_return(queue->ring_bytes, &file->ring_bytes) > limit)
		goto err_bytes;
	user = dojo_user_take(queue->tile, &holding);
	ret = PTR_ERR_OR_ZERO(user);
	if (ret)
		goto err_bytes;

	kref_get(&file->ref);
	queue->file = file;
	queue->user = user;
	return 0;

err_bytes:
	atomic_long_sub(queue->ring_bytes, &file->ring_bytes);
err_queues:
	atomic_dec(&file->num_queues);
	return ret;
}

/* Has the card load the context, across resets of the tile. */
static int dojo_queue_start(struct dojo_queue *queue)
{
	struct dojo_tile *tile = queue->tile;
	int ret;

	do {
		ret = dojo_reset_wait_up(tile);
		if (ret)
			break;
		mutex_lock(&queue->stop_lock);
		dojo_queue_write_context(queue, 0);
		ret = dojo_admin_queue_start(tile, queue->id);
		if (!ret) {
			/* a reset may have paused it while it was not yet there */
			queue->paused = false;
			queue->started = true;
			queue->off = false;
		}
		mutex_unlock(&queue->stop_lock);
	} while (ret == -EAGAIN);
	return ret;
}

/**
 * dojo_queue_limit() - queues that one file may have
 * @tile: tile
 *
 * Return: how many.
 */
u32 dojo_queue_limit(struct dojo_tile *tile)
{
	/* one is the kernel's */
	return min(tile->max_queues - 1, READ_ONCE(queues_per_client));
}

static struct dojo_queue *dojo_queue_alloc(struct dojo_tile *tile,
					   const struct dojo_queue_args *args)
{
	struct dojo_queue *queue = kzalloc(sizeof(*queue), GFP_KERNEL_ACCOUNT);

	if (!queue)
		return NULL;

	kref_init(&queue->ref);
	kref_init(&queue->mem);
	INIT_LIST_HEAD(&queue->link);
	INIT_LIST_HEAD(&queue->pending);
	INIT_LIST_HEAD(&queue->live);
	mutex_init(&queue->submit_lock);
	mutex_init(&queue->stop_lock);
	spin_lock_init(&queue->lock);
	init_waitqueue_head(&queue->room);
	INIT_WORK(&queue->release_work, dojo_queue_release_work);
	dojo_hang_init(queue);

	queue->tile = tile;
	queue->hw_class = args->hw_class;
	queue->priority = args->priority;
	queue->context_flags = args->context_flags;
	memcpy(queue->rect, args->rect, sizeof(queue->rect));
	queue->ring_jobs = args->ring_jobs;
	queue->ring_size = max(DOJO_JOB_CREDITS * args->ring_jobs, 16u);
	queue->timeout_ns = args->timeout_ns;
	queue->fence_context = dma_fence_context_alloc(1);
	queue->off = true;
	if (args->file) {
		queue->client_id = args->file->drm->client_id;
		queue->pid = task_tgid_nr(current);
		get_task_comm(queue->comm, current);
	} else {
		strscpy(queue->comm, "kernel");
	}

	spin_lock_irq(&dojo_queue_memories_lock);
	list_add_tail(&queue->memory_link, &dojo_queue_memories);
	spin_unlock_irq(&dojo_queue_memories_lock);
	return queue;
}

/**
 * dojo_queue_create() - make a queue and start it
 * @tile: tile
 * @args: what it is to be; a reference on @args->vm is taken
 *
 * Return: the queue, or ERR_PTR of -ENOMEM, -ENOSPC, -EMFILE, -EIO, -ENODEV,
 * -ECANCELED, -ERESTARTSYS.
 */
struct dojo_queue *dojo_queue_create(struct dojo_tile *tile, const struct dojo_queue_args *args)
{
	struct dojo_queues *queues = tile->queues;
	struct dojo_queue *queue;
	size_t ring_bytes;
	int ret;

	queue = dojo_queue_alloc(tile, args);
	if (!queue)
		return ERR_PTR(-ENOMEM);
	ring_bytes = queue->ring_size * sizeof(*queue->ring);
	queue->ring_bytes = ring_bytes + queue->ring_jobs * sizeof(*queue->record);

	if (args->file) {
		ret = dojo_queue_charge(queue, args->file);
		if (ret)
			goto err_mem;
	}
	ret = dojo_queue_alloc_context(queue, args);
	if (ret)
		goto err_charge;
	snprintf(queue->name, sizeof(queue->name), "dojo%u-%s-%u", tile->index,
		 queue->hw_class == DOJO_HW_CLASS_COMPUTE ? "compute" : "dma", queue->id);

	ret = dojo_kmem_alloc(tile, queue->ring_bytes, &queue->ring_mem);
	if (ret)
		goto err_context;
	queue->ring = queue->ring_mem.cpu;
	queue->record = queue->ring_mem.cpu + ring_bytes;
	queue->doorbell = tile->regs + DOJO_TILE_DOORBELL + queue->id * DOJO_DOORBELL_STRIDE +
			  DOJO_DOORBELL_TAIL;

	ret = dojo_queue_init_sched(queue);
	if (ret)
		goto err_ring;

	/* from here on everything is undone by dropping the reference */
	drm_dev_get(&tile->drm);
	if (args->vm)
		queue->vm = dojo_vm_get(args->vm);
	queue->attached = true;
	rcu_assign_pointer(queues->by_id[queue->id], queue);
	spin_lock(&queues->lock);
	list_add_tail(&queue->link, &queues->list);
	queues->count++;
	spin_unlock(&queues->lock);

	ret = dojo_queue_start(queue);
	if (ret) {
		dojo_queue_put(queue);
		return ERR_PTR(ret);
	}
	return queue;

err_ring:
	dojo_kmem_free(tile, &queue->ring_mem);
err_context:
	dojo_queue_free_context(queue);
err_charge:
	if (queue->file) {
		dojo_queue_uncharge(queue);
		dojo_file_put(queue->file);
	}
err_mem:
	dojo_queue_mem_put(queue);
	return ERR_PTR(ret);
}

/**
 * dojo_queue_destroy() - stop a queue that its owner has given up
 * @queue: queue without a handle; the owner's reference goes
 */
void dojo_queue_destroy(struct dojo_queue *queue)
{
	dojo_queue_stop(queue, DRM_DOJO_QUEUE_ACTIVE, -ECANCELED, -ECANCELED);
	dojo_queue_detach(queue);
	/*
	 * Jobs that wait for fences of others still take memory: as long as there are
	 * such, the queue counts against the owner's limit.
	 */
	if (!atomic_read(&queue->inflight))
		dojo_queue_uncharge(queue);
	dojo_queue_put(queue);
}

/**
 * dojo_queue_file_close() - stop and give up all queues of a file
 * @file: file that is being closed
 */
void dojo_queue_file_close(struct dojo_file *file)
{
	struct dojo_queue *queue;
	unsigned long handle;

	xa_for_each(&file->queues, handle, queue) {
		xa_erase(&file->queues, handle);
		dojo_queue_destroy(queue);
	}
	xa_destroy(&file->queues);
}

/* ---------------------------------------------------- queues of the tile */

/**
 * dojo_queues_init() - prepare the queue contexts of a tile
 * @tile: tile; memory management is up
 *
 * Return: 0 or -ENOMEM.
 */
int dojo_queues_init(struct dojo_tile *tile)
{
	struct dojo_queues *queues;
	int ret;

	BUILD_BUG_ON(sizeof(struct dojo_queue_context) != DOJO_CONTEXT_SIZE);
	BUILD_BUG_ON(sizeof(struct dojo_ring_descriptor) != 64);
	BUILD_BUG_ON(sizeof(struct dojo_fence_record) != 64);

	queues = drmm_kzalloc(&tile->drm, sizeof(*queues), GFP_KERNEL);
	if (!queues)
		return -ENOMEM;
	queues->by_id = drmm_kcalloc(&tile->drm, tile->max_queues, sizeof(*queues->by_id),
				     GFP_KERNEL);
	queues->ids = drmm_kcalloc(&tile->drm, BITS_TO_LONGS(tile->max_queues), sizeof(long),
				   GFP_KERNEL);
	queues->rects = drmm_kzalloc(&tile->drm, sizeof(*queues->rects), GFP_KERNEL);
	if (!queues->by_id || !queues->ids || !queues->rects)
		return -ENOMEM;

	queues->rects->cols = tile->mesh_cols;
	queues->rects->rows = tile->mesh_rows;
	spin_lock_init(&queues->lock);
	INIT_LIST_HEAD(&queues->list);
	init_waitqueue_head(&queues->empty);
	ret = drmm_mutex_init(&tile->drm, &queues->alloc_lock);
	if (ret)
		return ret;
	ret = dojo_kmem_alloc(tile, tile->max_queues * DOJO_CONTEXT_SIZE, &queues->context_mem);
	if (ret)
		return ret;
	queues->context = queues->context_mem.cpu;
	tile->queues = queues;
	return 0;
}

/**
 * dojo_queues_fini() - undo dojo_queues_init()
 * @tile: tile without queues, reset
 */
void dojo_queues_fini(struct dojo_tile *tile)
{
	dojo_kmem_free(tile, &tile->queues->context_mem);
	tile->queues->context = NULL;
}

/**
 * dojo_queues_setup() - program the contexts of a tile that is not enabled
 * @tile: tile
 */
void dojo_queues_setup(struct dojo_tile *tile)
{
	dojo_tile_write64(tile, DOJO_TILE_CONTEXT_BASE, tile->queues->context_mem.va);
}

/**
 * dojo_queues_start_kernel() - make the kernel's own DMA queue
 * @tile: enabled tile
 *
 * Return: 0 or -errno.
 */
int dojo_queues_start_kernel(struct dojo_tile *tile)
{
	const struct dojo_queue_args args = {
		.hw_class = DOJO_HW_CLASS_DMA,
		.priority = DOJO_HW_PRIORITY_KERNEL,
		.context_flags = DOJO_CTX_PRIVILEGED,
		.ring_jobs = 256,
	};
	struct dojo_queue *queue = dojo_queue_create(tile, &args);

	if (IS_ERR(queue))
		return PTR_ERR(queue);
	tile->kernel_queue = queue;
	return 0;
}

/**
 * dojo_queues_detach() - take the hardware away from every queue of the tile
 * @tile: tile that is going, its hardware stopped
 *
 * Queues of open files remain as objects: their jobs fail with -ENODEV.
 */
void dojo_queues_detach(struct dojo_tile *tile)
{
	struct dojo_queues *queues = tile->queues;
	struct dojo_queue *queue = NULL;

	while ((queue = dojo_queues_next(tile, queue))) {
		dojo_queue_stop(queue, DRM_DOJO_QUEUE_INNOCENT, -ENODEV, -ENODEV);
		dojo_queue_detach(queue);
	}
	wait_event(queues->empty, !READ_ONCE(queues->count));
}
