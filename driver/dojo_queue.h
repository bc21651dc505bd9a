/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Queues: a hardware queue context, its ring, and the DRM scheduler in front.
 *
 * A queue has two reference counts. @ref is held by its file's handle table, by
 * look-ups and by every job; when it drops the queue's hardware context, ring and
 * address space are given back. @mem keeps only the memory: the DRM scheduler's
 * fences name their scheduler for as long as they live, in sync files too, so
 * every hardware fence (which they hold) keeps the queue's memory.
 *
 * Locks, outermost first: @stop_lock, then @lock. No lock here is shared by two
 * queues, and none is held over an allocation: signalling fences needs them all.
 */
#ifndef DOJO_QUEUE_H
#define DOJO_QUEUE_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <drm/gpu_scheduler.h>

#include "dojo_device.h"
#include "dojo_kvm.h"

struct dojo_rect_map;
struct dojo_user;
struct dojo_vm;

#define DOJO_RING_JOBS_DEFAULT	64
#define DOJO_RING_JOBS_MAX	4096

/**
 * struct dojo_queue_fault - what went wrong on a queue
 * @fault: enum dojo_fault
 * @access: 1 read, 2 write, 0 none
 * @va: address of a memory fault
 * @field: byte offset in the packet or descriptor
 * @opcode: of the packet
 * @batch_va: of the batch
 * @packet_offset: in the batch
 * @seqno: of the job
 */
struct dojo_queue_fault {
	u32 fault;
	u32 access;
	u64 va;
	u32 field;
	u32 opcode;
	u64 batch_va;
	u32 packet_offset;
	u64 seqno;
};

/**
 * struct dojo_queue_counters - what a queue has used and done
 * @busy_ns: engine time; die-nanoseconds of a compute queue
 * @model_ps: modelled time
 * @packets: packets
 * @bytes: read plus written by them
 * @flop: of compute packets
 * @invalid: arithmetic flags, counted
 * @denormal: see @invalid
 * @overflow: see @invalid
 * @underflow: see @invalid
 */
struct dojo_queue_counters {
	u64 busy_ns;
	u64 model_ps;
	u64 packets;
	u64 bytes;
	u64 flop;
	u64 invalid;
	u64 denormal;
	u64 overflow;
	u64 underflow;
};

/**
 * struct dojo_queue_hang - progress of the oldest job, owned by @hang_work
 * @work: looks at the queue while it has work
 * @armed: @work is or will be queued; under &dojo_queue.lock
 * @seqno: the job looked at
 * @progress: the card's progress counter when last looked at
 * @engines_ns: busy time of the tile's engines when last looked at
 * @looked: when that was
 * @stalled: for how long the queue has had an engine, or waited on a semaphore,
 *	without progress
 * @ran: for how long this job has had an engine or waited
 * @blamed: of the kernel's queue: the job for which the tile was last reset
 */
struct dojo_queue_hang {
	struct delayed_work work;
	bool armed;
	u64 seqno;
	u64 progress;
	u64 engines_ns;
	ktime_t looked;
	u64 stalled;
	u64 ran;
	u64 blamed;
};

/**
 * struct dojo_queue - a queue
 * @ref: see above
 * @mem: see above
 * @rcu: frees the memory
 * @link: on &dojo_queues.list, under &dojo_queues.lock
 * @memory_link: on the list of all queues whose memory is held
 * @tile: the tile, and a reference on its DRM device, until @ref is gone
 * @id: hardware context
 * @name: of the scheduler and of the fences' timeline
 * @hw_class: enum dojo_hw_class
 * @priority: enum dojo_hw_priority
 * @context_flags: DOJO_CTX_*
 * @rect: dies of a compute queue: x, y, w, h
 * @rect_owned: the rectangle was found for it and is its own
 * @vm: address space, NULL = the kernel's
 * @file: owner, referenced; NULL = the kernel
 * @user: what counts against the owner's limits counts against this user's; NULL = nothing
 * @ring_jobs: jobs that may be in the ring
 * @ring_size: descriptors
 * @ring_bytes: of ring and fence records
 * @timeout_ns: allowed without progress; 0 = as dojo_hang_timeout_ns() says
 * @client_id: of the DRM file
 * @pid: of the creator
 * @comm: of the creator
 * @fence_context: of the hardware fences
 * @sched: scheduler, of this queue alone
 * @entity: its only entity
 * @submit_lock: keeps the jobs' order: held from arm to push
 * @submitted: last seqno given out, under @submit_lock
 * @inflight: jobs accepted and not finished
 * @room: woken when @inflight drops
 * @stop_lock: serialises starting, stopping, restarting and detaching
 * @attached: it has a hardware context and a ring; under @stop_lock
 * @started: the card has loaded the context; under @stop_lock
 * @lock: guards all that follows; taken in hard-irq context
 * @ring_mem: ring and, after it, the fence records
 * @ring: descriptors
 * @record: fence records, one for each job that may be in the ring
 * @doorbell: register
 * @tail: absolute, what the doorbell was or will be told
 * @pending: fences of the jobs handed to the ring, oldest first
 * @live: fences that somebody still holds
 * @paused: descriptors are written, the doorbell is not
 * @asked: @final says how the queue was when it was paused
 * @off: the hardware has let go of it; with @error: jobs fail at once
 * @error: why no more jobs are run, 0 = they are
 * @first_error: what the oldest unfinished job is told when the queue is stopped
 * @status: enum drm_dojo_queue_status
 * @fault: what went wrong
 * @resets: times the hardware queue was reset
 * @completed: last seqno finished
 * @last: the card's counters when it finished
 * @final: the context as the card left it, once @off
 * @base: counted before the tile was last reset
 * @base_seqno: last seqno finished before the card's counters last began anew
 * @hang: progress of the oldest job
 * @fault_work: handles a fault event
 * @release_work: gives everything back
 */
struct dojo_queue {
	struct kref ref;
	struct kref mem;
	struct rcu_head rcu;
	struct list_head link;
	struct list_head memory_link;
	struct dojo_tile *tile;
	u32 id;
	char name[32];
	u8 hw_class;
	u8 priority;
	u32 context_flags;
	u8 rect[4];
	bool rect_owned;
	struct dojo_vm *vm;
	struct dojo_file *file;
	struct dojo_user *user;
	u32 ring_jobs;
	u32 ring_size;
	size_t ring_bytes;
	u64 timeout_ns;
	u64 client_id;
	pid_t pid;
	char comm[TASK_COMM_LEN];
	u64 fence_context;

	struct drm_gpu_scheduler sched;
	struct drm_sched_entity entity;

	/* inside the address space's locks */
	struct mutex submit_lock;
	u64 submitted;
	atomic_t inflight;
	wait_queue_head_t room;

	/* outside @lock; never over an allocation */
	struct mutex stop_lock;
	bool attached;
	bool started;

	/* hard-irq safe */
	spinlock_t lock;
	struct dojo_kmem ring_mem;
	struct dojo_ring_descriptor *ring;
	struct dojo_fence_record *record;
	void __iomem *doorbell;
	u32 tail;
	struct list_head pending;
	struct list_head live;
	bool paused;
	bool asked;
	bool off;
	int error;
	int first_error;
	u32 status;
	struct dojo_queue_fault fault;
	u32 resets;
	u64 completed;
	struct dojo_fence_record last;
	struct dojo_queue_context final;
	struct dojo_queue_counters base;
	u64 base_seqno;
	struct dojo_queue_hang hang;
	struct work_struct fault_work;
	struct work_struct release_work;
};

/**
 * struct dojo_queues - the queues of a tile
 * @context_mem: the hardware contexts, in ASID 0
 * @context: the same, for the CPU
 * @lock: guards @list and @count; taken in process context only
 * @list: queues that may still be attached
 * @count: of @list
 * @empty: woken when @list becomes empty
 * @by_id: queues by hardware context; RCU
 * @ids: hardware contexts in use, under @alloc_lock
 * @alloc_lock: guards @ids and @rects
 * @rects: dies given away
 * @lost_interrupts: fences found complete without an event
 * @faults: queues stopped by a fault
 * @hangs: queues stopped by a hang
 */
struct dojo_queues {
	struct dojo_kmem context_mem;
	struct dojo_queue_context *context;
	/* process context only */
	spinlock_t lock;
	struct list_head list;
	u32 count;
	wait_queue_head_t empty;
	struct dojo_queue __rcu **by_id;
	/* never while a fence waits */
	struct mutex alloc_lock;
	unsigned long *ids;
	struct dojo_rect_map *rects;
	atomic_t lost_interrupts;
	atomic_t faults;
	atomic_t hangs;
};

/**
 * struct dojo_queue_args - a queue to be made
 * @vm: address space; NULL = the kernel's
 * @file: owner; NULL = the kernel
 * @hw_class: enum dojo_hw_class
 * @priority: enum dojo_hw_priority
 * @context_flags: DOJO_CTX_*
 * @rect: x, y, w, h of a compute queue
 * @find_rect: look for a free place for w and h
 * @ring_jobs: power of two
 * @timeout_ns: without progress; 0 = as dojo_hang_timeout_ns() says
 */
struct dojo_queue_args {
	struct dojo_vm *vm;
	struct dojo_file *file;
	u8 hw_class;
	u8 priority;
	u32 context_flags;
	u8 rect[4];
	bool find_rect;
	u32 ring_jobs;
	u64 timeout_ns;
};

int dojo_queues_init(struct dojo_tile *tile);
void dojo_queues_fini(struct dojo_tile *tile);
void dojo_queues_setup(struct dojo_tile *tile);
void dojo_queues_detach(struct dojo_tile *tile);
int dojo_queues_start_kernel(struct dojo_tile *tile);
struct dojo_queue *dojo_queues_next(struct dojo_tile *tile, struct dojo_queue *last);

struct dojo_queue *dojo_queue_create(struct dojo_tile *tile, const struct dojo_queue_args *args);
struct dojo_queue *dojo_queue_lookup(struct dojo_file *file, u32 handle);
void dojo_queue_put(struct dojo_queue *queue);
void dojo_queue_destroy(struct dojo_queue *queue);
void dojo_queue_mem_put(struct dojo_queue *queue);
void dojo_queue_stop(struct dojo_queue *queue, u32 status, int first_error, int error);
void dojo_queue_off(struct dojo_queue *queue);
int dojo_queue_restart(struct dojo_queue *queue, bool replay);
int dojo_queue_save(struct dojo_queue *queue, struct dojo_queue_context *context);
int dojo_queue_suspend(struct dojo_queue *queue, struct dojo_queue_context *context);
void dojo_queue_read_context(struct dojo_queue *queue, struct dojo_queue_context *context);
int dojo_queue_count(struct dojo_queue *queue, struct dojo_queue_counters *sum);
u64 dojo_queue_busy_ns(struct dojo_queue *queue);
void dojo_queue_file_close(struct dojo_file *file);
u32 dojo_queue_limit(struct dojo_tile *tile);
void dojo_queues_orphan(void);

/* dojo_job.c */
extern const struct drm_sched_backend_ops dojo_sched_ops;
bool dojo_queue_has_finished(struct dojo_queue *queue, u64 seqno);
u32 dojo_queue_complete(struct dojo_queue *queue);
void dojo_queue_cancel_pending(struct dojo_queue *queue);
bool dojo_queue_cancel_oldest(struct dojo_queue *queue, int error);
u64 dojo_queue_oldest(struct dojo_queue *queue, u32 *index, u64 *batch_va);
u64 dojo_queue_newest(struct dojo_queue *queue);
void dojo_queue_orphan_fences(struct dojo_queue *queue);

/* dojo_submit.c */
int dojo_ioctl_queue_submit(struct drm_device *drm, void *data, struct drm_file *file);

/* dojo_queue_ioctl.c */
int dojo_ioctl_queue_create(struct drm_device *drm, void *data, struct drm_file *file);
int dojo_ioctl_queue_destroy(struct drm_device *drm, void *data, struct drm_file *file);
int dojo_ioctl_queue_get_state(struct drm_device *drm, void *data, struct drm_file *file);
int dojo_ioctl_queue_get_job(struct drm_device *drm, void *data, struct drm_file *file);

#endif
