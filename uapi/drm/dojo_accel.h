/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * ioctls of a Dojo tile's accel node, /dev/accel/accelN.
 *
 * Rules, for those who extend this file:
 *  - fixed-width types, 8-byte alignment, explicit padding; no unions, enums as
 *    fields or bit fields; one layout for 32 and 64 bits;
 *  - padding and unused fields must be zero, unknown flags are -EINVAL;
 *  - structs grow at their end only; a field too new for the kernel must be
 *    zero, else -E2BIG for arrays and -EINVAL for ioctls;
 *  - arrays of structs carry their stride (struct drm_dojo_obj_array);
 *  - times are nanoseconds; absolute ones are CLOCK_MONOTONIC;
 *  - each addition raises DOJO_ACCEL_MINOR and is listed here.
 *
 * Version log:
 *  1.0  queries, buffers, address spaces, queues, submission
 *  1.1  QUEUE_GET_JOB
 *  1.2  queues_per_user and vms_per_user in DEV_QUERY_LIMITS
 *
 * Errors common to all: -EINVAL unknown flag, non-zero padding or value out of
 * range; -ENOENT no such handle or id; -EFAULT bad user pointer; -ENOMEM no
 * system memory; -ENODEV the card is gone; -ECANCELED the tile is wedged;
 * -EINTR or a restart when a signal came first, with nothing done.
 */
#ifndef _UAPI_DOJO_ACCEL_H_
#define _UAPI_DOJO_ACCEL_H_

#include "drm.h"

#if defined(__cplusplus)
extern "C" {
#endif

#define DOJO_ACCEL_NAME		"dojo"
#define DOJO_ACCEL_MAJOR	1
#define DOJO_ACCEL_MINOR	2

enum drm_dojo_ioctl_nr {
	DRM_DOJO_DEV_QUERY = 0,
	DRM_DOJO_BO_CREATE,
	DRM_DOJO_BO_MMAP_OFFSET,
	DRM_DOJO_BO_QUERY,
	DRM_DOJO_BO_ADVISE,
	DRM_DOJO_VM_CREATE,
	DRM_DOJO_VM_DESTROY,
	DRM_DOJO_VM_BIND,
	DRM_DOJO_VM_GET_STATE,
	DRM_DOJO_QUEUE_CREATE,
	DRM_DOJO_QUEUE_DESTROY,
	DRM_DOJO_QUEUE_SUBMIT,
	DRM_DOJO_QUEUE_GET_STATE,
	DRM_DOJO_QUEUE_GET_JOB,
};

/**
 * struct drm_dojo_obj_array - array of structs that may grow
 * @stride: size of one element, as user space was compiled; multiple of 8
 * @count: number of elements
 * @array: user pointer
 */
struct drm_dojo_obj_array {
	__u32 stride;
	__u32 count;
	__u64 array;
};

/**
 * enum drm_dojo_sync_op_flags - what to do with a syncobj
 */
enum drm_dojo_sync_op_flags {
	/** @DRM_DOJO_SYNC_OP_TIMELINE: a point of a timeline syncobj, else binary */
	DRM_DOJO_SYNC_OP_TIMELINE = 1 << 0,
	/** @DRM_DOJO_SYNC_OP_SIGNAL: signalled when the work is done, else waited for first */
	DRM_DOJO_SYNC_OP_SIGNAL = 1 << 1,
};

/**
 * struct drm_dojo_sync_op - wait for or signal a syncobj
 * @flags: &enum drm_dojo_sync_op_flags
 * @handle: syncobj
 * @point: timeline point; 0 for a binary syncobj
 */
struct drm_dojo_sync_op {
	__u32 flags;
	__u32 handle;
	__u64 point;
};

#define DRM_DOJO_SYNC_OPS_MAX		1024	/* in a call */

/* ------------------------------------------------------------ queries */

enum drm_dojo_dev_query_type {
	DRM_DOJO_QUERY_CARD = 0,	/* struct drm_dojo_card_info */
	DRM_DOJO_QUERY_TILE = 1,	/* struct drm_dojo_tile_info */
	DRM_DOJO_QUERY_MEMORY = 2,	/* struct drm_dojo_memory_info */
	DRM_DOJO_QUERY_CLOCK = 3,	/* struct drm_dojo_clock_info */
	DRM_DOJO_QUERY_COUNTERS = 4,	/* struct drm_dojo_counters */
	DRM_DOJO_QUERY_LIMITS = 5,	/* struct drm_dojo_limits */
};

/**
 * struct drm_dojo_dev_query - ask about the tile and its card
 * @type: &enum drm_dojo_dev_query_type
 * @size: in: bytes at @pointer; out: bytes that the kernel has. Larger in than
 *	out: the rest is zeroed
 * @pointer: user pointer, or 0 to learn @size only
 *
 * -EINVAL unknown @type.
 */
struct drm_dojo_dev_query {
	__u32 type;
	__u32 size;
	__u64 pointer;
};

/**
 * struct drm_dojo_card_info - the card
 * @generation: 1 = D1, 2 = D2
 * @tiles: on the card
 * @interface_major: of the hardware's register interface
 * @interface_minor: see @interface_major
 * @caps: DRM_DOJO_CARD_CAP_*
 * @pci_domain: where it is
 * @pci_bus: see @pci_domain
 * @pci_device: see @pci_domain
 * @pci_function: see @pci_domain
 * @hbm_bytes: of the whole card
 * @serial: ASCII, NUL padded
 * @hbm_mbps: published bandwidths in 10^6 bytes a
 *	second, which the card's tiles share (model clock)
 * @ttp_mbps: see @hbm_mbps
 * @pcie_mbps: see @hbm_mbps
 * @launch_ns: modelled cost of starting a packet; assumed
 * @reset_count: card resets since power on
 * @pad: zero
 * @pad2: zero
 */
struct drm_dojo_card_info {
	__u32 generation;
	__u32 tiles;
	__u16 interface_major;
	__u16 interface_minor;
	__u32 caps;
#define DRM_DOJO_CARD_CAP_PEER		(1 << 0)
#define DRM_DOJO_CARD_CAP_COLLECTIVE	(1 << 1)
	__u16 pci_domain;
	__u8 pci_bus;
	__u8 pci_device;
	__u8 pci_function;
	__u8 pad[3];
	__u64 hbm_bytes;
	__u8 serial[16];
	__u32 hbm_mbps;
	__u32 ttp_mbps;
	__u32 pcie_mbps;
	__u32 launch_ns;
	__u32 reset_count;
	__u32 pad2;
};

/**
 * struct drm_dojo_tile_info - the tile behind this node
 * @index: on its card
 * @mesh_cols: dies
 * @mesh_rows: see @mesh_cols
 * @nodes_per_die: compute nodes of one die
 * @dma_engines: DMA engines
 * @hbm_bytes: this tile's slice of the card's HBM
 * @sram_bytes: of its dies
 * @formats: bit n set: &enum dojo_format n
 * @peak_bf16_gflops: of one die, published
 *	(INT8: assumed)
 * @peak_fp32_gflops: see @peak_bf16_gflops
 * @peak_int8_gops: see @peak_bf16_gflops
 * @reset_count: tile and card resets since power on
 * @opcodes: 256 bits, bit n set: &enum dojo_opcode n
 * @pad: zero
 */
struct drm_dojo_tile_info {
	__u32 index;
	__u16 mesh_cols;
	__u16 mesh_rows;
	__u32 nodes_per_die;
	__u32 dma_engines;
	__u64 hbm_bytes;
	__u64 sram_bytes;
	__u32 formats;
	__u32 peak_bf16_gflops;
	__u32 peak_fp32_gflops;
	__u32 peak_int8_gops;
	__u32 reset_count;
	__u32 pad;
	__u64 opcodes[4];
};

/**
 * struct drm_dojo_memory_info - memory of this tile, bytes
 * @hbm_total: HBM that buffers can have, and have now
 * @hbm_used: see @hbm_total
 * @hbm_reserved: HBM taken by page tables and the driver
 * @sram_total: SRAM
 * @sram_used: see @sram_total
 * @system_used: system memory holding this tile's buffers
 * @evicted: moved out of HBM since the module was loaded
 * @restored: moved back
 */
struct drm_dojo_memory_info {
	__u64 hbm_total;
	__u64 hbm_used;
	__u64 hbm_reserved;
	__u64 sram_total;
	__u64 sram_used;
	__u64 system_used;
	__u64 evicted;
	__u64 restored;
};

/**
 * struct drm_dojo_clock_info - the two clocks, read together
 * @device_ns: device clock
 * @cpu_ns: CLOCK_MONOTONIC halfway between just before and just after
 * @window_ns: between just before and just after: the pairing's uncertainty
 */
struct drm_dojo_clock_info {
	__u64 device_ns;
	__u64 cpu_ns;
	__u64 window_ns;
};

/**
 * struct drm_dojo_counters - of the whole card, since power on, from its registers
 * @mmio_reads: accesses to registers and doorbells
 * @mmio_writes: see @mmio_reads
 * @interrupts: MSI-X messages
 * @bad_accesses: accesses that the card rejected
 * @mesh_busy_ns: this tile, die-nanoseconds; grows when a queue leaves its engine,
 *	perhaps just after its job has ended
 * @dma_busy_ns: the same, engine-nanoseconds
 */
struct drm_dojo_counters {
	__u64 mmio_reads;
	__u64 mmio_writes;
	__u64 interrupts;
	__u64 bad_accesses;
	__u64 mesh_busy_ns;
	__u64 dma_busy_ns;
};

/**
 * struct drm_dojo_limits - how much one may ask for
 * @va_bits: of an address space
 * @page_bytes: smallest page: alignment of binds
 * @huge_page_bytes: large page
 * @queues: of the tile
 * @queues_per_client: that one open file may hold
 * @vms: address spaces of the tile
 * @jobs_per_submit: in one call
 * @binds_per_call: operations in one VM_BIND
 * @sync_ops: in one call
 * @batch_bytes: largest batch
 * @timeout_max_ns: largest timeout a queue may ask for
 * @timeout_default_ns: timeout of a queue that asks for 0
 * @priority_mask: bit n set: this caller may use &enum drm_dojo_priority n
 * @queues_per_user: that the open files of one user may hold together, unless he has
 *	CAP_SYS_RESOURCE
 * @vms_per_user: the same for address spaces
 * @pad: zero
 */
struct drm_dojo_limits {
	__u32 va_bits;
	__u32 page_bytes;
	__u32 huge_page_bytes;
	__u32 queues;
	__u32 queues_per_client;
	__u32 vms;
	__u32 jobs_per_submit;
	__u32 binds_per_call;
	__u32 sync_ops;
	__u32 batch_bytes;
	__u64 timeout_max_ns;
	__u64 timeout_default_ns;
	__u32 priority_mask;
	__u32 queues_per_user;
	__u32 vms_per_user;
	__u32 pad;
};

/* ------------------------------------------------------------ buffers */

enum drm_dojo_domain {
	DRM_DOJO_DOMAIN_HBM = 1 << 0,		/* default */
	DRM_DOJO_DOMAIN_SRAM = 1 << 1,		/* no mmap */
	DRM_DOJO_DOMAIN_SYSTEM = 1 << 2,
};

enum drm_dojo_bo_flags {
	/** @DRM_DOJO_BO_CPU_ACCESS: will be mapped; without it BO_MMAP_OFFSET is -EPERM */
	DRM_DOJO_BO_CPU_ACCESS = 1 << 0,
	/** @DRM_DOJO_BO_CONTIGUOUS: one run of physical memory in HBM or SRAM */
	DRM_DOJO_BO_CONTIGUOUS = 1 << 1,
	/** @DRM_DOJO_BO_NO_ZERO: may show this file's own earlier bytes; never another client's */
	DRM_DOJO_BO_NO_ZERO = 1 << 2,
};

/**
 * struct drm_dojo_bo_create - make a buffer
 * @size: bytes; rounded up to the page size and returned so
 * @domains: &enum drm_dojo_domain, the places it may be in; 0 = HBM. An evicted
 *	buffer may be in system memory whatever is set here; SRAM buffers are
 *	never evicted
 * @preferred: the one of @domains to try first; 0 = HBM, SRAM, system in that order
 * @flags: &enum drm_dojo_bo_flags
 * @vm_id: 0, or the only address space it will be bound in: cheaper to submit
 *	with, and cannot be exported
 * @handle: out: GEM handle
 * @pad: zero
 *
 * -ENOSPC larger than its domains; -EINVAL size 0, CPU_ACCESS with SRAM alone.
 */
struct drm_dojo_bo_create {
	__u64 size;
	__u32 domains;
	__u32 preferred;
	__u32 flags;
	__u32 vm_id;
	__u32 handle;
	__u32 pad;
};

/**
 * struct drm_dojo_bo_mmap_offset - where to mmap() a buffer
 * @handle: buffer
 * @pad: zero
 * @offset: out: for mmap() on the node's file
 *
 * -EPERM made without DRM_DOJO_BO_CPU_ACCESS.
 */
struct drm_dojo_bo_mmap_offset {
	__u32 handle;
	__u32 pad;
	__u64 offset;
};

/**
 * struct drm_dojo_bo_query - what a buffer is and where
 * @handle: buffer
 * @flags: out: as created
 * @size: out: bytes
 * @domains: out: as created
 * @placement: out: &enum drm_dojo_domain it is in now, 0 = not populated
 */
struct drm_dojo_bo_query {
	__u32 handle;
	__u32 flags;
	__u64 size;
	__u32 domains;
	__u32 placement;
};

enum drm_dojo_advice {
	DRM_DOJO_ADVICE_NEEDED = 0,
	DRM_DOJO_ADVICE_PURGEABLE = 1,	/* contents may be lost under pressure */
};

/**
 * struct drm_dojo_bo_advise - say whether a buffer's contents matter
 * @handle: buffer
 * @advice: &enum drm_dojo_advice
 * @retained: out: 0 if the contents have been lost meanwhile
 * @pad: zero
 */
struct drm_dojo_bo_advise {
	__u32 handle;
	__u32 advice;
	__u32 retained;
	__u32 pad;
};

/* ----------------------------------------------------- address spaces */

/**
 * struct drm_dojo_vm_create - make an address space
 * @flags: zero
 * @vm_id: out: from 1
 *
 * -ENOSPC no address space left; -EMFILE the limit of the user.
 */
struct drm_dojo_vm_create {
	__u32 flags;
	__u32 vm_id;
};

/**
 * struct drm_dojo_vm_destroy - give it up; queues keep it alive
 * @vm_id: address space
 * @pad: zero
 */
struct drm_dojo_vm_destroy {
	__u32 vm_id;
	__u32 pad;
};

enum drm_dojo_bind_op_type {
	DRM_DOJO_BIND_MAP = 0,		/* @handle at @va; replaces what is there */
	DRM_DOJO_BIND_UNMAP = 1,	/* @va, @size; splits at its edges */
	DRM_DOJO_BIND_UNMAP_ALL = 2,	/* @handle, all its mappings; or everything with handle 0 */
	DRM_DOJO_BIND_NULL = 3,		/* reads zero, writes dropped */
	DRM_DOJO_BIND_USERPTR = 4,	/* @offset = address in the caller's memory */
};

enum drm_dojo_bind_flags {
	DRM_DOJO_BIND_READONLY = 1 << 0,
};

/**
 * struct drm_dojo_bind_op - one change of an address space
 * @type: &enum drm_dojo_bind_op_type
 * @flags: &enum drm_dojo_bind_flags; MAP and USERPTR only
 * @handle: buffer
 * @pad: zero
 * @offset: into the buffer (MAP) or address (USERPTR), page aligned; else 0
 * @va: page aligned
 * @size: bytes, page aligned, not 0 (UNMAP_ALL: @va and @size 0)
 */
struct drm_dojo_bind_op {
	__u32 type;
	__u32 flags;
	__u32 handle;
	__u32 pad;
	__u64 offset;
	__u64 va;
	__u64 size;
};

enum drm_dojo_vm_bind_flags {
	/** @DRM_DOJO_VM_BIND_ASYNC: return at once; @syncs order and announce it */
	DRM_DOJO_VM_BIND_ASYNC = 1 << 0,
};

/**
 * struct drm_dojo_vm_bind - change an address space
 * @vm_id: address space
 * @flags: &enum drm_dojo_vm_bind_flags
 * @ops: array of struct drm_dojo_bind_op; on an error of a synchronous call
 *	@ops.count is set to the index of the operation that failed, and those
 *	before it have been done
 * @syncs: array of struct drm_dojo_sync_op; must be empty when synchronous
 *
 * All binds of an address space happen in the order of the calls. If an
 * asynchronous bind fails, the address space is unusable (VM_GET_STATE), and
 * further binds and submissions are -ENOENT.
 */
struct drm_dojo_vm_bind {
	__u32 vm_id;
	__u32 flags;
	struct drm_dojo_obj_array ops;
	struct drm_dojo_obj_array syncs;
};

enum drm_dojo_vm_state {
	DRM_DOJO_VM_USABLE = 0,
	DRM_DOJO_VM_UNUSABLE = 1,
};

/**
 * struct drm_dojo_vm_get_state - health and size of an address space
 * @vm_id: address space
 * @state: out: &enum drm_dojo_vm_state
 * @mappings: out: how many
 * @pt_writes: out: page-table entries written since it was made
 * @pt_bytes: out: memory of its page tables
 */
struct drm_dojo_vm_get_state {
	__u32 vm_id;
	__u32 state;
	__u64 mappings;
	__u64 pt_writes;
	__u64 pt_bytes;
};

/* ------------------------------------------------------------- queues */

enum drm_dojo_queue_class {
	DRM_DOJO_QUEUE_DMA = 0,
	DRM_DOJO_QUEUE_COMPUTE = 1,
};

enum drm_dojo_priority {
	DRM_DOJO_PRIORITY_LOW = 0,
	DRM_DOJO_PRIORITY_NORMAL = 1,
	DRM_DOJO_PRIORITY_HIGH = 2,		/* CAP_SYS_NICE */
	DRM_DOJO_PRIORITY_REALTIME = 3,		/* CAP_SYS_NICE */
};

enum drm_dojo_queue_flags {
	/** @DRM_DOJO_QUEUE_FIND_RECT: find a free place for @rect_w x @rect_h */
	DRM_DOJO_QUEUE_FIND_RECT = 1 << 0,
	/* arithmetic flags that stop the queue */
	DRM_DOJO_QUEUE_TRAP_INVALID = 1 << 4,
	DRM_DOJO_QUEUE_TRAP_DENORMAL = 1 << 5,
	DRM_DOJO_QUEUE_TRAP_OVERFLOW = 1 << 6,
	DRM_DOJO_QUEUE_TRAP_UNDERFLOW = 1 << 7,
};

/**
 * struct drm_dojo_queue_create - make a queue
 * @vm_id: address space of its batches
 * @queue_class: &enum drm_dojo_queue_class
 * @priority: &enum drm_dojo_priority
 * @flags: &enum drm_dojo_queue_flags
 * @rect_x: dies of a compute queue; all 0 = the
 *	whole mesh; a DMA queue has none. With FIND_RECT @rect_x and @rect_y are 0
 *	in and the place found out, and the rectangle is the queue's own until
 *	it is destroyed: no other FIND_RECT gets a die of it
 * @rect_y: see @rect_x
 * @rect_w: see @rect_x
 * @rect_h: see @rect_x
 * @ring_jobs: jobs that may be in the ring at once, 0 = 64; rounded up to a power
 *	of two, at most 4096
 * @timeout_ns: without progress; 0 = the default
 * @queue_id: out: from 1
 * @pad: zero
 *
 * -ENOSPC no queue left, or no free rectangle; -EACCES priority; -EMFILE the
 * limit of the file or of the user.
 */
struct drm_dojo_queue_create {
	__u32 vm_id;
	__u32 queue_class;
	__u32 priority;
	__u32 flags;
	__u8 rect_x;
	__u8 rect_y;
	__u8 rect_w;
	__u8 rect_h;
	__u32 ring_jobs;
	__u64 timeout_ns;
	__u32 queue_id;
	__u32 pad;
};

/**
 * struct drm_dojo_queue_destroy - stop a queue and give it up
 * @queue_id: queue; its unfinished jobs end with -ECANCELED
 * @pad: zero
 */
struct drm_dojo_queue_destroy {
	__u32 queue_id;
	__u32 pad;
};

/**
 * struct drm_dojo_job - one batch to run
 * @batch_va: 8-byte aligned
 * @batch_size: bytes, multiple of 8; 0 = nothing to run, only synchronisation
 * @flags: zero
 * @syncs: array of struct drm_dojo_sync_op
 * @seqno: out: the job's number on its queue, from 1
 */
struct drm_dojo_job {
	__u64 batch_va;
	__u32 batch_size;
	__u32 flags;
	struct drm_dojo_obj_array syncs;
	__u64 seqno;
};

enum drm_dojo_submit_flags {
	/** @DRM_DOJO_SUBMIT_NONBLOCK: -EAGAIN rather than wait for room in the ring */
	DRM_DOJO_SUBMIT_NONBLOCK = 1 << 0,
};

/**
 * struct drm_dojo_queue_submit - run batches, in order
 * @queue_id: queue
 * @flags: &enum drm_dojo_submit_flags
 * @jobs: array of struct drm_dojo_job; all are accepted or none
 *
 * Jobs are in order with each other; a job may wait for what an earlier one of
 * the same call signals. -ECANCELED the queue was stopped (QUEUE_GET_STATE says
 * why); -EAGAIN no room, or more jobs than the ring can ever hold: -EINVAL.
 */
struct drm_dojo_queue_submit {
	__u32 queue_id;
	__u32 flags;
	struct drm_dojo_obj_array jobs;
};

enum drm_dojo_queue_status {
	DRM_DOJO_QUEUE_ACTIVE = 0,
	DRM_DOJO_QUEUE_FAULTED = 1,	/* guilty: @fault says of what */
	DRM_DOJO_QUEUE_TIMED_OUT = 2,	/* guilty: no progress for its timeout */
	DRM_DOJO_QUEUE_INNOCENT = 3,	/* lost to a reset that another one caused */
};

/**
 * struct drm_dojo_queue_get_state - how a queue is and what it has done
 * @queue_id: queue
 * @status: out: &enum drm_dojo_queue_status
 * @fault: out: &enum dojo_fault
 * @fault_access: out: 1 read, 2 write, 0 none
 * @fault_va: out: address of a memory fault
 * @fault_field: out: byte offset of the field at fault
 * @packet_opcode: out: of the packet at fault
 * @batch_va: out: batch at fault
 * @packet_offset: out: of the packet in its batch
 * @resets: out: times that this queue was reset
 * @fault_seqno: out: job at fault
 * @submitted: out: last seqno
 * @completed: see @submitted
 * @busy_ns: out: compute: die-nanoseconds; DMA: engine-nanoseconds
 * @model_ps: out: modelled time on the published hardware; not a measurement
 * @packets: out: work done
 * @bytes: see @packets
 * @flop: see @packets
 * @flags_invalid: out:
 *	arithmetic flags, counted
 * @flags_denormal: see @flags_invalid
 * @flags_overflow: see @flags_invalid
 * @flags_underflow: see @flags_invalid
 *
 * From @busy_ns on everything is counted since the queue was made, across resets of
 * its tile. A reset at which the card no longer answers loses what had not been
 * asked for of unfinished jobs, and of the flags.
 */
struct drm_dojo_queue_get_state {
	__u32 queue_id;
	__u32 status;
	__u32 fault;
	__u32 fault_access;
	__u64 fault_va;
	__u32 fault_field;
	__u32 packet_opcode;
	__u64 batch_va;
	__u32 packet_offset;
	__u32 resets;
	__u64 fault_seqno;
	__u64 submitted;
	__u64 completed;
	__u64 busy_ns;
	__u64 model_ps;
	__u64 packets;
	__u64 bytes;
	__u64 flop;
	__u64 flags_invalid;
	__u64 flags_denormal;
	__u64 flags_overflow;
	__u64 flags_underflow;
};

/**
 * struct drm_dojo_queue_get_job - what one job did
 * @queue_id: queue
 * @pad: zero
 * @seqno: job, from struct drm_dojo_job
 * @start_ns: out: device clock: its first work; see &struct drm_dojo_clock_info
 * @end_ns: out: device clock: its end
 * @busy_ns: out: compute: die-nanoseconds; DMA: engine-nanoseconds
 * @model_ps: out: modelled time on the published hardware; not a measurement
 * @packets: out: work done
 * @bytes: see @packets
 * @flop: see @packets
 *
 * The queue remembers its last ring_jobs - 1 jobs. -EBUSY the job has not ended;
 * -ENOENT no such job, one too long ago, or one that did not run to its end.
 */
struct drm_dojo_queue_get_job {
	__u32 queue_id;
	__u32 pad;
	__u64 seqno;
	__u64 start_ns;
	__u64 end_ns;
	__u64 busy_ns;
	__u64 model_ps;
	__u64 packets;
	__u64 bytes;
	__u64 flop;
};

#define DRM_IOCTL_DOJO(__access, __nr, __type) \
	DRM_IO ## __access(DRM_COMMAND_BASE + DRM_DOJO_ ## __nr, struct drm_dojo_ ## __type)

enum drm_dojo_ioctls {
	DRM_IOCTL_DOJO_DEV_QUERY = DRM_IOCTL_DOJO(WR, DEV_QUERY, dev_query),
	DRM_IOCTL_DOJO_BO_CREATE = DRM_IOCTL_DOJO(WR, BO_CREATE, bo_create),
	DRM_IOCTL_DOJO_BO_MMAP_OFFSET = DRM_IOCTL_DOJO(WR, BO_MMAP_OFFSET, bo_mmap_offset),
	DRM_IOCTL_DOJO_BO_QUERY = DRM_IOCTL_DOJO(WR, BO_QUERY, bo_query),
	DRM_IOCTL_DOJO_BO_ADVISE = DRM_IOCTL_DOJO(WR, BO_ADVISE, bo_advise),
	DRM_IOCTL_DOJO_VM_CREATE = DRM_IOCTL_DOJO(WR, VM_CREATE, vm_create),
	DRM_IOCTL_DOJO_VM_DESTROY = DRM_IOCTL_DOJO(WR, VM_DESTROY, vm_destroy),
	DRM_IOCTL_DOJO_VM_BIND = DRM_IOCTL_DOJO(WR, VM_BIND, vm_bind),
	DRM_IOCTL_DOJO_VM_GET_STATE = DRM_IOCTL_DOJO(WR, VM_GET_STATE, vm_get_state),
	DRM_IOCTL_DOJO_QUEUE_CREATE = DRM_IOCTL_DOJO(WR, QUEUE_CREATE, queue_create),
	DRM_IOCTL_DOJO_QUEUE_DESTROY = DRM_IOCTL_DOJO(WR, QUEUE_DESTROY, queue_destroy),
	DRM_IOCTL_DOJO_QUEUE_SUBMIT = DRM_IOCTL_DOJO(WR, QUEUE_SUBMIT, queue_submit),
	DRM_IOCTL_DOJO_QUEUE_GET_STATE = DRM_IOCTL_DOJO(WR, QUEUE_GET_STATE, queue_get_state),
	DRM_IOCTL_DOJO_QUEUE_GET_JOB = DRM_IOCTL_DOJO(WR, QUEUE_GET_JOB, queue_get_job),
};

#if defined(__cplusplus)
}
#endif

#endif
