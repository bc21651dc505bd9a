/* SPDX-License-Identifier: MIT */
/*
 * libdojo: a thin library over the ioctls of a Dojo tile's accel node.
 *
 * What holds for every call:
 *  - 0 is success, a negative errno value is failure; errno itself is not
 *    promised. Calls that cannot fail return what they are asked for.
 *  - Nothing is printed, no thread is started, no signal is touched, there is
 *    no global state: whatever the library knows hangs off a handle.
 *  - Handles are opaque. Destroying NULL does nothing. Objects are destroyed
 *    before the device that they were made from, and mappings' buffers may be
 *    destroyed at any time: the kernel keeps what a running job needs.
 *  - After a failed call dojo_last_error() has a sentence that names the cause.
 *  - Sizes and addresses are bytes; times are nanoseconds; a timeout counts
 *    from now, 0 polls, DOJO_FOREVER (any negative value) does not end.
 *  - Structs of the kernel's ABI that a call fills in are passed with their
 *    size, so that program, library and kernel may be of different ages: what
 *    the kernel does not know reads 0.
 *
 * Threads: any number may use the same device, buffer, address space,
 * timeline, fence or queue at once. A batch or a group belongs to one thread at a time.
 * Destroying an object while another thread uses it is the program's error.
 * After fork() the child may use none of them, only close the file.
 *
 * dojo(7) is the way in; every call has a page.
 */
#ifndef _DOJO_H_
#define _DOJO_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <drm/dojo_accel.h>
#include <drm/dojo_packet.h>

#if defined(__cplusplus)
extern "C" {
#endif

#define DOJO_VERSION_MAJOR	1
#define DOJO_VERSION_MINOR	0

#define DOJO_FOREVER		((int64_t)-1)

#if defined(__GNUC__)
#define DOJO_MUST_CHECK		__attribute__((warn_unused_result))
#else
#define DOJO_MUST_CHECK
#endif

struct dojo_device;
struct dojo_bo;
struct dojo_vm;
struct dojo_timeline;
struct dojo_fence;
struct dojo_queue;
struct dojo_batch;
struct dojo_rounding;

/* ------------------------------------------------------------ versions */

/* Version of the library that is running: major << 16 | minor. */
unsigned int dojo_version(void);

/* -------------------------------------------------------------- errors */

/* What a return value of this library means; never NULL, never freed. */
const char *dojo_strerror(int error);

/* The same for dojo_device_open(), with the remedy. */
const char *dojo_open_strerror(int error);

/*
 * One sentence about the calling thread's latest failed call on @dev or on an
 * object made from it, NUL terminated and cut to @size. Returns its full
 * length, 0 if there is none (or another thread's failure has replaced it).
 */
size_t dojo_last_error(struct dojo_device *dev, char *text, size_t size);

/* Names; "unknown" for values that the library does not know. */
const char *dojo_format_name(uint32_t format);		/* "bf16" */
const char *dojo_opcode_name(uint32_t opcode);		/* "GEMM" */
const char *dojo_fault_name(uint32_t fault);		/* "TRANSLATION" */
const char *dojo_fault_text(uint32_t fault);		/* "no valid page-table entry" */
const char *dojo_queue_status_name(uint32_t status);	/* "active" */
const char *dojo_priority_name(uint32_t priority);	/* "normal" */
const char *dojo_domain_name(uint32_t domain);		/* "hbm" */

/* enum dojo_format of a name, or -EINVAL. */
int dojo_format_from_name(const char *name);

/*
 * The name of the field at byte @field of a packet: "tensor 1 (B): stride[0]".
 * Like snprintf(): cut to @size, returns the full length.
 */
size_t dojo_field_string(uint32_t opcode, uint32_t field, char *text, size_t size);

/* Why a queue stopped, in one line, like snprintf(); "" for a healthy one. */
size_t dojo_fault_string(const struct drm_dojo_queue_get_state *state, char *text, size_t size);

/* ------------------------------------------------------------- devices */

/**
 * struct dojo_device_entry - a tile's node, as found without opening it
 * @path: "/dev/accel/accel0"
 * @index: the 0 of accel0; may change from boot to boot
 * @pci: "0000:00:04.0"; stays while the card is in its slot
 * @serial: of the card, stays for ever; "" if it cannot be told
 * @generation: 1 = D1, 2 = D2; 0 if it cannot be told
 * @tile: index on the card; -1 if it cannot be told
 * @access: 0, or what opening @path for reading and writing would say: -EACCES
 * @reserved: zero
 */
struct dojo_device_entry {
	char path[64];
	uint32_t index;
	char pci[16];
	char serial[20];
	uint32_t generation;
	int32_t tile;
	int32_t access;
	uint32_t reserved[4];
};

/*
 * Every Dojo tile of this machine, by card and tile. No tile is no error:
 * @count is 0. Free with dojo_device_list_free().
 */
int dojo_device_list(struct dojo_device_entry **list, size_t *count) DOJO_MUST_CHECK;
void dojo_device_list_free(struct dojo_device_entry *list);

/*
 * Open a tile. @name is one of
 *	NULL			what the environment's DOJO_DEVICE says, else
 *				the first tile that can be opened
 *	"/dev/accel/accel2"	a node
 *	"accel2", "2"		the same by index
 *	"0000:00:04.0/1"	tile 1 of the card there; without "/1" tile 0
 *	"DOJO0001/1"		tile 1 of the card with that serial
 *
 * -ENOENT no such tile; -EACCES no permission; -ENODEV not a Dojo tile;
 * -EPROTO the driver's ABI has another major version.
 */
int dojo_device_open(const char *name, struct dojo_device **dev) DOJO_MUST_CHECK;

/* The same on an open file, which the device owns if the call succeeds. */
int dojo_device_open_fd(int fd, struct dojo_device **dev) DOJO_MUST_CHECK;
void dojo_device_close(struct dojo_device *dev);

/* The file, for poll() and for ioctls that the library does not wrap. */
int dojo_device_fd(const struct dojo_device *dev);

/* The kernel driver's ABI: major << 16 | minor. */
unsigned int dojo_device_abi(const struct dojo_device *dev);

/* Capabilities, from what the card reported when it was opened. */
bool dojo_device_has_opcode(const struct dojo_device *dev, uint32_t opcode);
bool dojo_device_has_format(const struct dojo_device *dev, uint32_t format);

/* Fresh facts. @size is sizeof(*info). */
int dojo_device_card(struct dojo_device *dev, struct drm_dojo_card_info *info, size_t size);
int dojo_device_tile(struct dojo_device *dev, struct drm_dojo_tile_info *info, size_t size);
int dojo_device_memory(struct dojo_device *dev, struct drm_dojo_memory_info *info, size_t size);
int dojo_device_clock(struct dojo_device *dev, struct drm_dojo_clock_info *info, size_t size);
int dojo_device_counters(struct dojo_device *dev, struct drm_dojo_counters *info, size_t size);
int dojo_device_limits(struct dojo_device *dev, struct drm_dojo_limits *info, size_t size);

/* Any DRM_DOJO_QUERY_*, for those newer than the library. -EINVAL unknown. */
int dojo_device_query(struct dojo_device *dev, uint32_t type, void *info, size_t size);

/* ------------------------------------------------------------- buffers */

/*
 * A buffer of at least @size bytes in any of @domains (0 = HBM), @flags
 * DRM_DOJO_BO_*. With @vm it can only be bound there and not be exported, but
 * costs less to submit with; @vm may be NULL.
 *
 * -ENOSPC larger than its domains; -ENOMEM no room now.
 */
int dojo_bo_create(struct dojo_device *dev, uint64_t size, uint32_t domains, uint32_t flags,
		   struct dojo_vm *vm, struct dojo_bo **bo) DOJO_MUST_CHECK;

/* The same with the one of @domains to try first, instead of HBM, SRAM, system. */
int dojo_bo_create_preferred(struct dojo_device *dev, uint64_t size, uint32_t domains,
			     uint32_t preferred, uint32_t flags, struct dojo_vm *vm,
			     struct dojo_bo **bo) DOJO_MUST_CHECK;
void dojo_bo_destroy(struct dojo_bo *bo);

uint64_t dojo_bo_size(const struct dojo_bo *bo);	/* rounded up to pages */
uint32_t dojo_bo_handle(const struct dojo_bo *bo);	/* GEM handle */
struct dojo_device *dojo_bo_device(const struct dojo_bo *bo);

/*
 * The buffer in the caller's memory. Mapping again gives the same address;
 * one dojo_bo_unmap(), or destroying the buffer, ends it. HBM is mapped write
 * combining: write it in order, and do not read it in a hurry.
 * -EPERM made without DRM_DOJO_BO_CPU_ACCESS.
 */
int dojo_bo_map(struct dojo_bo *bo, void **memory) DOJO_MUST_CHECK;
void dojo_bo_unmap(struct dojo_bo *bo);

/*
 * dma-buf. Importing what is open on @dev already gives the same buffer once
 * more: destroy it as often.
 */
int dojo_bo_export(struct dojo_bo *bo, int *fd) DOJO_MUST_CHECK;
int dojo_bo_import(struct dojo_device *dev, int fd, struct dojo_bo **bo) DOJO_MUST_CHECK;

int dojo_bo_query(struct dojo_bo *bo, struct drm_dojo_bo_query *info, size_t size);

/* @advice DRM_DOJO_ADVICE_*; @retained, if not NULL: whether the contents are still there. */
int dojo_bo_advise(struct dojo_bo *bo, uint32_t advice, bool *retained);

/* ------------------------------------------------------ address spaces */

int dojo_vm_create(struct dojo_device *dev, struct dojo_vm **vm) DOJO_MUST_CHECK;
void dojo_vm_destroy(struct dojo_vm *vm);
uint32_t dojo_vm_id(const struct dojo_vm *vm);
struct dojo_device *dojo_vm_device(const struct dojo_vm *vm);

/*
 * Bind @size bytes of @bo from @offset (@size 0: to its end) where there is
 * room, with a hole before the next binding; @flags DRM_DOJO_BIND_*. The
 * address, 2 MiB aligned from 2 MiB on, comes back in @va.
 */
int dojo_vm_map(struct dojo_vm *vm, struct dojo_bo *bo, uint64_t offset, uint64_t size,
		uint32_t flags, uint64_t *va) DOJO_MUST_CHECK;

/*
 * The caller's own memory, any alignment: whole pages are bound. Anonymous memory
 * (malloc(), MAP_ANONYMOUS), not that of files. -EINVAL it is not; -EFAULT there
 * is none; -EACCES it is not writable and @flags lack DRM_DOJO_BIND_READONLY.
 */
int dojo_vm_map_userptr(struct dojo_vm *vm, void *memory, uint64_t size, uint32_t flags,
			uint64_t *va) DOJO_MUST_CHECK;

/* Nothing: reads give 0, writes are dropped. */
int dojo_vm_map_null(struct dojo_vm *vm, uint64_t size, uint64_t *va) DOJO_MUST_CHECK;

/* Undo one of the three above, by its @va. -ENOENT it was not given out. */
int dojo_vm_unmap(struct dojo_vm *vm, uint64_t va);

/*
 * Bind at a place of the caller's choosing, replacing what is there. The
 * library gives out addresses of the lower half of the address space only;
 * the upper half, and what dojo_va_alloc() gave, are the caller's.
 */
int dojo_vm_map_fixed(struct dojo_vm *vm, struct dojo_bo *bo, uint64_t offset, uint64_t size,
		      uint32_t flags, uint64_t va) DOJO_MUST_CHECK;
int dojo_vm_unmap_fixed(struct dojo_vm *vm, uint64_t va, uint64_t size);

/* Addresses without a binding. @align 0 = a page. -ENOSPC none left. */
int dojo_va_alloc(struct dojo_vm *vm, uint64_t size, uint64_t align, uint64_t *va) DOJO_MUST_CHECK;
int dojo_va_free(struct dojo_vm *vm, uint64_t va);

/*
 * Any changes, in order. If one fails, @done (may be NULL) says how many were
 * done before it.
 */
int dojo_vm_bind(struct dojo_vm *vm, const struct drm_dojo_bind_op *ops, uint32_t count,
		 uint32_t *done) DOJO_MUST_CHECK;

/* The same without waiting: @syncs say what to wait for and what to signal. */
int dojo_vm_bind_async(struct dojo_vm *vm, const struct drm_dojo_bind_op *ops, uint32_t count,
		       const struct drm_dojo_sync_op *syncs, uint32_t sync_count) DOJO_MUST_CHECK;

int dojo_vm_get_state(struct dojo_vm *vm, struct drm_dojo_vm_get_state *state, size_t size);

/* ------------------------------------------------ timelines and fences */

/* A timeline: a number that only grows, which jobs wait for and raise. */
int dojo_timeline_create(struct dojo_device *dev, uint64_t initial,
			 struct dojo_timeline **timeline) DOJO_MUST_CHECK;
void dojo_timeline_destroy(struct dojo_timeline *timeline);
uint32_t dojo_timeline_handle(const struct dojo_timeline *timeline);	/* syncobj */

/* Wait until @point is reached, has it been submitted yet or not. -ETIME. */
int dojo_timeline_wait(struct dojo_timeline *timeline, uint64_t point,
		       int64_t timeout_ns) DOJO_MUST_CHECK;

/*
 * Wait for all, or for any of them; all of one device. @first, if not NULL,
 * is the index of one that is reached.
 */
int dojo_timeline_wait_all(struct dojo_timeline *const *timelines, const uint64_t *points,
			   uint32_t count, int64_t timeout_ns) DOJO_MUST_CHECK;
int dojo_timeline_wait_any(struct dojo_timeline *const *timelines, const uint64_t *points,
			   uint32_t count, int64_t timeout_ns, uint32_t *first) DOJO_MUST_CHECK;

int dojo_timeline_signal(struct dojo_timeline *timeline, uint64_t point);

/* The last point that was reached. */
int dojo_timeline_query(struct dojo_timeline *timeline, uint64_t *point);

/* Write 1 to an eventfd when @point is reached. -EOPNOTSUPP before Linux 6.6. */
int dojo_timeline_eventfd(struct dojo_timeline *timeline, uint64_t point, int eventfd);

/* Share with another process or another tile. */
int dojo_timeline_export(struct dojo_timeline *timeline, int *fd) DOJO_MUST_CHECK;
int dojo_timeline_import(struct dojo_device *dev, int fd,
			 struct dojo_timeline **timeline) DOJO_MUST_CHECK;

/* A fence: signalled or not; carries the error of the job that signalled it. */
int dojo_fence_create(struct dojo_device *dev, bool signalled,
		      struct dojo_fence **fence) DOJO_MUST_CHECK;
void dojo_fence_destroy(struct dojo_fence *fence);
uint32_t dojo_fence_handle(const struct dojo_fence *fence);	/* syncobj */
int dojo_fence_wait(struct dojo_fence *fence, int64_t timeout_ns) DOJO_MUST_CHECK;
int dojo_fence_signal(struct dojo_fence *fence);
int dojo_fence_reset(struct dojo_fence *fence);

/*
 * 0 signalled by a job that succeeded, or by the CPU; -EINPROGRESS not yet; else
 * the error of the job: -EFAULT memory fault, -EINVAL illegal packet, -EIO
 * poison or a trap, -ETIME no progress, -ECANCELED lost or its queue destroyed,
 * -ENODEV the card is gone.
 */
int dojo_fence_status(struct dojo_fence *fence);

/* As a sync_file, for other drivers. */
int dojo_fence_export(struct dojo_fence *fence, int *sync_file) DOJO_MUST_CHECK;
int dojo_fence_import(struct dojo_device *dev, int sync_file,
		      struct dojo_fence **fence) DOJO_MUST_CHECK;

/*
 * What a job or an asynchronous bind waits for, and what it signals. It can only
 * wait for what has been submitted (or signalled by the CPU) already: -EINVAL.
 */
struct drm_dojo_sync_op dojo_wait_for(const struct dojo_timeline *timeline, uint64_t point);
struct drm_dojo_sync_op dojo_signal(const struct dojo_timeline *timeline, uint64_t point);
struct drm_dojo_sync_op dojo_wait_for_fence(const struct dojo_fence *fence);
struct drm_dojo_sync_op dojo_signal_fence(const struct dojo_fence *fence);

/* -------------------------------------------------------------- queues */

/**
 * struct dojo_queue_attr - how a queue differs from the default
 * @priority: enum drm_dojo_priority
 * @flags: enum drm_dojo_queue_flags
 * @rect_x, @rect_y, @rect_w, @rect_h: dies of a compute queue; all 0 = the mesh
 * @ring_jobs: jobs in flight, 0 = 64
 * @timeout_ns: without progress, 0 = the kernel's default
 * @reserved: zero
 */
struct dojo_queue_attr {
	uint32_t priority;
	uint32_t flags;
	uint8_t rect_x;
	uint8_t rect_y;
	uint8_t rect_w;
	uint8_t rect_h;
	uint32_t ring_jobs;
	uint64_t timeout_ns;
	uint64_t reserved[4];
};

#define DOJO_QUEUE_ATTR_INIT \
	{ DRM_DOJO_PRIORITY_NORMAL, 0, 0, 0, 0, 0, 0, 0, { 0, 0, 0, 0 } }

/*
 * A queue of @queue_class, DRM_DOJO_QUEUE_DMA or _COMPUTE, whose batches lie
 * in @vm. @attr NULL: the whole mesh, normal priority. With FIND_RECT the
 * place that was found can be asked with dojo_queue_rect().
 *
 * -ENOSPC no queue, or no free rectangle; -EACCES priority; -EMFILE too many.
 */
int dojo_queue_create(struct dojo_vm *vm, uint32_t queue_class,
		      const struct dojo_queue_attr *attr,
		      struct dojo_queue **queue) DOJO_MUST_CHECK;

/* Unfinished jobs end with -ECANCELED. */
void dojo_queue_destroy(struct dojo_queue *queue);
uint32_t dojo_queue_id(const struct dojo_queue *queue);
uint32_t dojo_queue_class(const struct dojo_queue *queue);
struct dojo_vm *dojo_queue_vm(const struct dojo_queue *queue);
void dojo_queue_rect(const struct dojo_queue *queue, uint8_t *x, uint8_t *y, uint8_t *w,
		     uint8_t *h);

/*
 * Run a batch after what @syncs wait for, and signal what they say. Returns
 * when it is queued; waits for room in the ring. The batch must not change
 * until it has run. @batch NULL: synchronisation only. @seqno may be NULL.
 *
 * The batch's own error if building it failed (dojo_batch_error());
 * -ECANCELED the queue was stopped.
 */
int dojo_queue_submit(struct dojo_queue *queue, struct dojo_batch *batch,
		      const struct drm_dojo_sync_op *syncs, uint32_t sync_count,
		      uint64_t *seqno) DOJO_MUST_CHECK;

/*
 * Many jobs in one call, all or none; @flags DRM_DOJO_SUBMIT_*; fills in each
 * job's seqno. dojo_job() makes one from a batch.
 */
int dojo_queue_submit_jobs(struct dojo_queue *queue, struct drm_dojo_job *jobs, uint32_t count,
			   uint32_t flags) DOJO_MUST_CHECK;
struct drm_dojo_job dojo_job(const struct dojo_batch *batch,
			     const struct drm_dojo_sync_op *syncs, uint32_t sync_count);

/*
 * Wait until everything submitted so far has run, then as dojo_queue_check().
 * -ETIME not yet.
 */
int dojo_queue_wait_idle(struct dojo_queue *queue, int64_t timeout_ns) DOJO_MUST_CHECK;

/* Submit, wait, check. For programs that have nothing else to do meanwhile. */
int dojo_queue_run(struct dojo_queue *queue, struct dojo_batch *batch,
		   int64_t timeout_ns) DOJO_MUST_CHECK;

/*
 * 0 the queue is well; -EIO it faulted; -ETIMEDOUT it made no progress;
 * -ECANCELED a reset that another one caused took it along. A stopped queue is
 * destroyed and made anew. dojo_last_error() says why it stopped.
 */
int dojo_queue_check(struct dojo_queue *queue) DOJO_MUST_CHECK;
int dojo_queue_get_state(struct dojo_queue *queue, struct drm_dojo_queue_get_state *state,
			 size_t size);

/* What job @seqno did. -EBUSY it has not ended, -ENOENT it is long ago, or did not run. */
int dojo_queue_get_job(struct dojo_queue *queue, uint64_t seqno,
		       struct drm_dojo_queue_get_job *job, size_t size);

/* ------------------------------------------------------------- batches */

/*
 * Room for @capacity bytes of packets in @domain (DRM_DOJO_DOMAIN_SYSTEM or
 * _HBM; 0 = system), bound read-only in @vm. dojo_packets.h has the packets.
 */
int dojo_batch_create(struct dojo_vm *vm, size_t capacity, uint32_t domain,
		      struct dojo_batch **batch) DOJO_MUST_CHECK;

/* The same over memory that the caller has mapped at @memory and bound at @va. */
int dojo_batch_create_at(struct dojo_vm *vm, void *memory, uint64_t va, size_t capacity,
			 struct dojo_batch **batch) DOJO_MUST_CHECK;
void dojo_batch_destroy(struct dojo_batch *batch);

/* Start over, empty and without error. Only when the batch is not running. */
void dojo_batch_reset(struct dojo_batch *batch);

/*
 * The first error of the packets appended since the last reset, 0 if none.
 * After an error nothing is appended any more, so one check at the end, or
 * submitting, will do. -ENOSPC full; -EINVAL an operand that no packet can hold.
 */
int dojo_batch_error(const struct dojo_batch *batch);

uint64_t dojo_batch_va(const struct dojo_batch *batch);
size_t dojo_batch_size(const struct dojo_batch *batch);		/* bytes used */
size_t dojo_batch_capacity(const struct dojo_batch *batch);
uint32_t dojo_batch_packets(const struct dojo_batch *batch);	/* how many */

/* Packets appended from now on may, or may not, run beside the ones after them. */
void dojo_batch_overlap(struct dojo_batch *batch, bool overlap);

/* A packet made elsewhere, whole: @size bytes, as its header says. */
int dojo_batch_append(struct dojo_batch *batch, const void *packet, size_t size);

#if defined(__cplusplus)
}
#endif

#include "dojo_packets.h"
#include "dojo_group.h"

#endif
