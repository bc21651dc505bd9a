// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faults and hangs: the first rung of the ladder, which costs one queue.
 *
 * A hang is want of progress, not length: the card counts units of work, and a
 * job may go on for as long as that counter moves, up to a ceiling that the
 * administrator sets. Time counts while the queue has an engine, or waits on a semaphore.
 * A queue that is ready and gets no turn is not to blame; but if no engine
 * runs anything meanwhile, the tile is.
 *
 * A queue is looked at only while it has jobs, by a work item of its own.
 */
#include <linux/jiffies.h>
#include <linux/moduleparam.h>

#include <drm/drm_drv.h>

#include "dojo_admin.h"
#include "dojo_coredump.h"
#include "dojo_device.h"
#include "dojo_event.h"
#include "dojo_hang.h"
#include "dojo_queue.h"
#include "dojo_reset.h"
#include "dojo_trace.h"
#include "dojo_vm.h"

static unsigned int timeout_ms = 10000;
module_param(timeout_ms, uint, 0644);
MODULE_PARM_DESC(timeout_ms, "Time without progress after which a job is hung, if its queue asks for none (default 10000)");

static unsigned int timeout_max_ms = 3600000;
module_param(timeout_max_ms, uint, 0644);
MODULE_PARM_DESC(timeout_max_ms, "Longest time without progress that a queue may ask for (default 3600000)");

static unsigned int job_max_ms = 3600000;
module_param(job_max_ms, uint, 0644);
MODULE_PARM_DESC(job_max_ms, "Longest time that a job may run even if it makes progress, 0 = no limit (default 3600000)");

/* How often a queue with work is looked at */
#define DOJO_HANG_PERIOD_MIN_MS	10
#define DOJO_HANG_PERIOD_MAX_MS	500

/**
 * dojo_hang_default_ns() - timeout of a queue that asks for none
 *
 * Return: nanoseconds.
 */
u64 dojo_hang_default_ns(void)
{
	return min((u64)READ_ONCE(timeout_ms) * NSEC_PER_MSEC, dojo_hang_max_ns());
}

/**
 * dojo_hang_timeout_ns() - timeout of a queue
 * @queue: queue
 *
 * The kernel's own has the default of the moment, and a second at least: its hangs cost resets.
 *
 * Return: nanoseconds that it may spend without progress.
 */
u64 dojo_hang_timeout_ns(const struct dojo_queue *queue)
{
	return queue->timeout_ns ?: max_t(u64, dojo_hang_default_ns(), NSEC_PER_SEC);
}

/**
 * dojo_hang_max_ns() - longest timeout that a queue may ask for
 *
 * Return: nanoseconds.
 */
u64 dojo_hang_max_ns(void)
{
	return (u64)READ_ONCE(timeout_max_ms) * NSEC_PER_MSEC;
}

static const char *dojo_fault_name(u32 fault)
{
	static const char * const name[] = {
		[DOJO_FAULT_TRANSLATION] = "translation",
		[DOJO_FAULT_PERMISSION] = "permission",
		[DOJO_FAULT_PTE] = "page-table entry",
		[DOJO_FAULT_ADDRESS] = "address",
		[DOJO_FAULT_BUS] = "bus",
		[DOJO_FAULT_PEER] = "peer window",
		[DOJO_FAULT_ASID] = "address space",
		[DOJO_FAULT_DESCRIPTOR] = "descriptor",
		[DOJO_FAULT_DOORBELL] = "doorbell",
		[DOJO_FAULT_BATCH] = "batch",
		[DOJO_FAULT_OPCODE] = "opcode",
		[DOJO_FAULT_PACKET] = "packet",
		[DOJO_FAULT_FIELD] = "field",
		[DOJO_FAULT_CLASS] = "class",
		[DOJO_FAULT_PRIVILEGE] = "privilege",
		[DOJO_FAULT_ARITHMETIC] = "arithmetic",
		[DOJO_FAULT_POISON] = "poison",
	};

	return fault < ARRAY_SIZE(name) && name[fault] ? name[fault] : "unknown";
}

/* What the fence of the job at fault is told: uapi/README.md */
static int dojo_fault_errno(u32 fault)
{
	if (fault == DOJO_FAULT_ARITHMETIC || fault == DOJO_FAULT_POISON)
		return -EIO;
	return fault >= DOJO_FAULT_DESCRIPTOR ? -EINVAL : -EFAULT;
}

/* Notes what the context says went wrong, unless the queue is being stopped. */
static bool dojo_fault_note(struct dojo_queue *queue, const struct dojo_queue_context *context,
			    struct dojo_queue_fault *fault)
{
	u64 batch_va = 0;
	bool noted;
	u32 index;

	*fault = (struct dojo_queue_fault){
		.fault = context->fault,
		.access = context->fault_access,
		.va = context->fault_va,
		.field = context->fault_field,
		.opcode = context->packet_opcode,
		.batch_va = context->batch_va,
		.packet_offset = context->packet_offset,
	};

	spin_lock_irq(&queue->lock);
	noted = !queue->error;
	fault->seqno = dojo_queue_oldest(queue, &index, &batch_va);
	/* before it begins a batch the card names none, or the one before */
	if (fault->seqno && context->cookie != fault->seqno) {
		fault->batch_va = batch_va;
		fault->packet_offset = 0;
		fault->opcode = 0;
	}
	if (noted)
		queue->fault = *fault;
	spin_unlock_irq(&queue->lock);
	return noted;
}

/*
 * The kernel's queue cannot be given up, nor any of its jobs: others would see
 * memory that was not cleared. They may be done twice, so they are replayed after a
 * reset of the tile; if that does not help, no memory remains to be cleared.
 */
static void dojo_kernel_failed(struct dojo_queue *queue, u64 seqno)
{
	if (queue->hang.blamed != seqno)
		dojo_reset_request(queue->tile, NULL, "the kernel's queue failed");
	else
		dojo_reset_request_card(queue->tile, "the kernel's queue failed twice");
	queue->hang.blamed = seqno;
}

static void dojo_fault_stop(struct dojo_queue *queue, const struct dojo_queue_context *context)
{
	struct dojo_tile *tile = queue->tile;
	struct dojo_queue_fault fault;

	dojo_queue_complete(queue);
	if (!dojo_fault_note(queue, context, &fault))
		return;

	atomic_inc(&tile->queues->faults);
	trace_dojo_fault(queue, &fault);
	dev_notice_ratelimited(tile->drm.dev,
			       "queue %u (%s) of %s[%d] stopped: %s fault, VA 0x%llx (%s), job %llu, batch 0x%llx + 0x%x, opcode 0x%x, field 0x%x\n",
			       queue->id,
			       queue->hw_class == DOJO_HW_CLASS_COMPUTE ? "compute" : "DMA",
			       queue->comm, queue->pid, dojo_fault_name(fault.fault), fault.va,
			       fault.access == 2 ? "write" : fault.access ? "read" : "no access",
			       fault.seqno, fault.batch_va, fault.packet_offset, fault.opcode,
			       fault.field);
	dojo_coredump_capture(queue, context, "fault");

	if (queue->file)
		dojo_queue_stop(queue, DRM_DOJO_QUEUE_FAULTED, dojo_fault_errno(fault.fault),
				-ECANCELED);
	else
		dojo_kernel_failed(queue, fault.seqno);
}

/* A fault event has come, or the address space has become unusable. */
static void dojo_fault_work(struct work_struct *work)
{
	struct dojo_queue *queue = container_of(work, struct dojo_queue, fault_work);
	bool cookie = dma_fence_begin_signalling();
	struct dojo_queue_context context;
	int idx;

	if (!READ_ONCE(queue->off) && drm_dev_enter(&queue->tile->drm, &idx)) {
		dojo_queue_read_context(queue, &context);
		/* an event may be older than the queue that has the context now */
		if (context.state == DOJO_HW_FAULTED)
			dojo_fault_stop(queue, &context);
		else if (queue->vm && !dojo_vm_usable(queue->vm))
			dojo_queue_stop(queue, DRM_DOJO_QUEUE_INNOCENT, -ECANCELED, -ECANCELED);
		drm_dev_exit(idx);
	}
	dma_fence_end_signalling(cookie);
	dojo_queue_put(queue);
}

/**
 * dojo_hang_kick() - have somebody see why a queue cannot go on; any context
 * @queue: queue
 */
void dojo_hang_kick(struct dojo_queue *queue)
{
	kref_get(&queue->ref);
	if (!queue_work(queue->tile->timeout_wq, &queue->fault_work))
		dojo_queue_put(queue);
}

static void dojo_hang_stop(struct dojo_queue *queue, const struct dojo_queue_context *context)
{
	struct dojo_tile *tile = queue->tile;
	struct dojo_queue_fault fault;

	if (!dojo_fault_note(queue, context, &fault))
		return;

	atomic_inc(&tile->queues->hangs);
	trace_dojo_fault(queue, &fault);
	dev_notice_ratelimited(tile->drm.dev,
			       "queue %u (%s) of %s[%d] stopped: hung, no progress for %llu ms, ran %llu ms, job %llu, batch 0x%llx + 0x%x, opcode 0x%x\n",
			       queue->id,
			       queue->hw_class == DOJO_HW_CLASS_COMPUTE ? "compute" : "DMA",
			       queue->comm, queue->pid, queue->hang.stalled / NSEC_PER_MSEC,
			       queue->hang.ran / NSEC_PER_MSEC, fault.seqno, fault.batch_va,
			       fault.packet_offset, fault.opcode);
	dojo_coredump_capture(queue, context, "hang");

	if (queue->file)
		dojo_queue_stop(queue, DRM_DOJO_QUEUE_TIMED_OUT, -ETIME, -ECANCELED);
	else
		dojo_kernel_failed(queue, fault.seqno);
}

/* Does no queue of this class have an engine? Asked when one wants to and cannot. */
static bool dojo_hang_no_engine(struct dojo_queue *wanting)
{
	struct dojo_tile *tile = wanting->tile;
	struct dojo_queue_context context;
	struct dojo_queue *queue = NULL;
	bool none = true;

	while ((queue = dojo_queues_next(tile, queue))) {
		if (none && queue != wanting && queue->hw_class == wanting->hw_class &&
		    atomic_read(&queue->inflight) && !dojo_queue_save(queue, &context) &&
		    context.state == DOJO_HW_RUNNING)
			none = false;
	}
	return none;
}

static u64 dojo_hang_engines_ns(struct dojo_queue *queue)
{
	return dojo_tile_read64(queue->tile, queue->hw_class == DOJO_HW_CLASS_COMPUTE ?
				DOJO_TILE_MESH_BUSY_NS : DOJO_TILE_DMA_BUSY_NS);
}

/* The same job as last time is the oldest: has it got on? */
static void dojo_hang_look(struct dojo_queue *queue)
{
	u64 ceiling = (u64)READ_ONCE(job_max_ms) * NSEC_PER_MSEC;
	struct dojo_queue_hang *hang = &queue->hang;
	struct dojo_queue_context context;
	u64 passed, engines;
	bool counts;
	ktime_t now;

	if (dojo_queue_save(queue, &context))
		return;	/* a reset is on its way */

	if (context.state == DOJO_HW_FAULTED) {
		dojo_fault_stop(queue, &context);
		return;
	}

	now = ktime_get();
	passed = ktime_to_ns(ktime_sub(now, hang->looked));
	engines = dojo_hang_engines_ns(queue);
	counts = context.state == DOJO_HW_RUNNING || context.state == DOJO_HW_WAITING ||
		 (context.state <= DOJO_HW_READY && engines == hang->engines_ns);

	if (counts)
		hang->ran += passed;
	if (context.progress != hang->progress)
		hang->stalled = 0;
	else if (counts)
		hang->stalled += passed;
	hang->looked = now;
	hang->progress = context.progress;
	hang->engines_ns = engines;

	if (hang->stalled < dojo_hang_timeout_ns(queue) && (!ceiling || hang->ran < ceiling))
		return;
	if (context.state != DOJO_HW_READY)
		dojo_hang_stop(queue, &context);
	else if (dojo_hang_no_engine(queue))
		dojo_reset_request(queue->tile, NULL, "no engine takes work");
	hang->stalled = 0;
}

static unsigned long dojo_hang_period(const struct dojo_queue *queue)
{
	u64 ms = dojo_hang_timeout_ns(queue) / NSEC_PER_MSEC / 4;

	return msecs_to_jiffies(clamp_t(u64, ms, DOJO_HANG_PERIOD_MIN_MS,
					DOJO_HANG_PERIOD_MAX_MS));
}

static void dojo_hang_check(struct work_struct *work)
{
	struct dojo_queue *queue = container_of(to_delayed_work(work), struct dojo_queue,
						hang.work);
	struct dojo_queue_hang *hang = &queue->hang;
	bool cookie = dma_fence_begin_signalling();
	struct dojo_tile *tile = queue->tile;
	u64 seqno;
	u32 index;
	int idx;

	if (!drm_dev_enter(&tile->drm, &idx))
		goto out;

	spin_lock_irq(&queue->lock);
	seqno = dojo_queue_oldest(queue, &index, NULL);
	/* counted before anybody can learn that the job is done */
	if (seqno && seqno == hang->seqno && dojo_queue_has_finished(queue, seqno))
		atomic_inc(&tile->queues->lost_interrupts);
	spin_unlock_irq(&queue->lock);
	if (seqno && seqno == hang->seqno) {
		/* an interrupt may have been lost: that of its fence, or of a fault */
		dojo_event_poll(tile);
		dojo_queue_complete(queue);
	}

	spin_lock_irq(&queue->lock);
	seqno = dojo_queue_oldest(queue, &index, NULL);
	hang->armed = seqno && !queue->off;
	if (hang->armed)
		queue_delayed_work(tile->timeout_wq, &hang->work, dojo_hang_period(queue));
	spin_unlock_irq(&queue->lock);

	if (seqno && seqno == hang->seqno) {
		if (!READ_ONCE(queue->error) && !READ_ONCE(queue->paused))
			dojo_hang_look(queue);
	} else {
		hang->seqno = seqno;
		hang->looked = ktime_get();
		hang->progress = U64_MAX;
		hang->stalled = 0;
		hang->ran = 0;
	}
	drm_dev_exit(idx);
out:
	dma_fence_end_signalling(cookie);
}

/**
 * dojo_hang_watch() - a job has been handed to the ring
 * @queue: queue, locked
 */
void dojo_hang_watch(struct dojo_queue *queue)
{
	lockdep_assert_held(&queue->lock);
	if (queue->hang.armed)
		return;
	queue->hang.armed = true;
	queue_delayed_work(queue->tile->timeout_wq, &queue->hang.work, dojo_hang_period(queue));
}

/**
 * dojo_hang_init() - prepare a new queue
 * @queue: queue
 */
void dojo_hang_init(struct dojo_queue *queue)
{
	INIT_DELAYED_WORK(&queue->hang.work, dojo_hang_check);
	INIT_WORK(&queue->fault_work, dojo_fault_work);
}
