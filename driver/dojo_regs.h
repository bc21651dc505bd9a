/* SPDX-License-Identifier: GPL-2.0-only OR GPL-2.0-or-later OR MIT */
/*
 * Register interface of the Dojo Interface Processor, revision 1.0.
 *
 * driver/HARDWARE.md is the normative text; this file gives its names and
 * numbers. Driver and QEMU model include the same file. The interface is this
 * project's own: Tesla has published none.
 *
 * All multi-byte values, in registers and in memory, are little-endian.
 */
#ifndef DOJO_REGS_H
#define DOJO_REGS_H

#include <linux/types.h>

/* ------------------------------------------------------------------ PCI */

/* Placeholder ids: nobody assigned these, and no real card carries them. */
#define DOJO_PCI_VENDOR_ID		0x1234
#define DOJO_PCI_DEVICE_ID_D1		0xd0d1
#define DOJO_PCI_DEVICE_ID_D2		0xd0d2
#define DOJO_PCI_CLASS			0x1200	/* processing accelerator */

#define DOJO_BAR_REGS			0
#define DOJO_BAR_HBM			2
#define DOJO_BAR_MSIX			4

#define DOJO_MAX_TILES			8
#define DOJO_VECTORS_PER_TILE		4

/* ------------------------------------------------- card block, BAR0 + 0 */

#define DOJO_CARD_MAGIC			0x000	/* RO */
#define   DOJO_MAGIC			0x4f4a4f44	/* "DOJO" */
#define DOJO_CARD_VERSION		0x004	/* RO, major << 16 | minor */
#define   DOJO_INTERFACE_MAJOR		1
#define   DOJO_INTERFACE_MINOR		0
#define DOJO_CARD_GENERATION		0x008	/* RO, 1 = D1, 2 = D2 */
#define DOJO_CARD_TILES			0x00c	/* RO, 1..8 */
#define DOJO_CARD_HBM_SIZE		0x010	/* RO, 64 bits, bytes */
#define DOJO_CARD_TILE_OFFSET		0x018	/* RO, tile 0's block in BAR0 */
#define DOJO_CARD_TILE_STRIDE		0x01c	/* RO, bytes */
#define DOJO_CARD_SERIAL		0x020	/* RO, 16 bytes ASCII, NUL padded */
#define   DOJO_SERIAL_LEN		16
#define DOJO_CARD_VECTORS		0x030	/* RO, MSI-X vectors a tile */
#define DOJO_CARD_CAPS			0x034	/* RO */
#define   DOJO_CAP_PEER			(1u << 0)	/* peer windows */
#define   DOJO_CAP_COLLECTIVE		(1u << 1)	/* reduction and multicast packets */
#define DOJO_CARD_TIMESTAMP		0x040	/* RO, 64 bits, ns; low half latches high */
#define DOJO_CARD_STATUS		0x048	/* RO */
#define   DOJO_STATUS_READY		(1u << 0)
#define   DOJO_STATUS_RESETTING		(1u << 1)
#define   DOJO_STATUS_ENABLED		(1u << 2)	/* tile only */
#define   DOJO_STATUS_ADMIN_ERROR	(1u << 3)	/* tile only */
#define DOJO_CARD_RESET			0x04c	/* WO, DOJO_RESET_KEY; reads 0 */
#define   DOJO_RESET_KEY		0x52455345	/* "ESER" */
#define DOJO_CARD_RESET_COUNT		0x050	/* RO, since power on */
#define DOJO_CARD_BAD_ACCESS		0x054	/* RO, rejected BAR0 accesses, saturating */
#define DOJO_CARD_SCRATCH		0x058	/* RW, no function */
/* Inputs of the model clock: published figures (driver/HARDWARE.md, "Clocks") */
#define DOJO_CARD_MODEL_HBM_MBPS	0x060	/* RO, 10^6 bytes a second */
#define DOJO_CARD_MODEL_TTP_MBPS	0x064	/* RO */
#define DOJO_CARD_MODEL_PCIE_MBPS	0x068	/* RO */
#define DOJO_CARD_MODEL_LAUNCH_NS	0x06c	/* RO, a packet; assumed */
/* Telemetry */
#define DOJO_CARD_TEMP_MC		0x080	/* RO, signed, millidegrees Celsius */
#define DOJO_CARD_POWER_MW		0x084	/* RO */
#define DOJO_CARD_ENERGY_UJ		0x088	/* RO, 64 bits, low half latches high */
#define DOJO_CARD_CLOCK_KHZ		0x090	/* RO, mesh clock now */
#define DOJO_CARD_THROTTLE		0x094	/* RO */
#define   DOJO_THROTTLE_THERMAL		(1u << 0)
#define   DOJO_THROTTLE_POWER		(1u << 1)
#define DOJO_CARD_ECC_CORRECTED		0x098	/* RO, saturating */
#define DOJO_CARD_ECC_UNCORRECTED	0x09c	/* RO, saturating */
/* Interface counters, 64 bits, low half latches high */
#define DOJO_CARD_MMIO_READS		0x0a0	/* RO, BAR0 reads served, not this one */
#define DOJO_CARD_MMIO_WRITES		0x0a8	/* RO, BAR0 writes accepted */
#define DOJO_CARD_MSIX_SENT		0x0b0	/* RO, MSI-X messages raised */
#define DOJO_CARD_BLOCK_SIZE		0x1000

/* ---------- tile block, BAR0 + TILE_OFFSET + index * TILE_STRIDE ------- */

#define DOJO_TILE_ID			0x000	/* RO, index on the card */
#define DOJO_TILE_MESH			0x004	/* RO */
#define   DOJO_MESH_COLS(v)		((v) & 0xff)
#define   DOJO_MESH_ROWS(v)		(((v) >> 8) & 0xff)
#define   DOJO_MESH_NODES(v)		((v) >> 16)	/* nodes a die */
#define DOJO_TILE_MAX_QUEUES		0x008	/* RO */
#define DOJO_TILE_MAX_ASIDS		0x00c	/* RO, ASID 0 included */
#define DOJO_TILE_SRAM_SIZE		0x010	/* RO, 64 bits, bytes */
#define DOJO_TILE_HBM_OFFSET		0x018	/* RO, 64 bits, slice's place in the HBM BAR */
#define DOJO_TILE_HBM_SIZE		0x020	/* RO, 64 bits, bytes, multiple of 2 MiB */
#define DOJO_TILE_DMA_ENGINES		0x028	/* RO */
#define DOJO_TILE_VA_BITS		0x02c	/* RO, 48 */
#define DOJO_TILE_FORMATS		0x030	/* RO, bit n: enum dojo_format n */
#define DOJO_TILE_PEAK_BF16_GFLOPS	0x034	/* RO, a die; BF16, FP16, CFloat */
#define DOJO_TILE_PEAK_FP32_GFLOPS	0x038	/* RO, a die */
#define DOJO_TILE_PEAK_INT8_GOPS	0x03c	/* RO, a die; assumed */
#define DOJO_TILE_OPCODES		0x040	/* RO, 256 bits: bit n: opcode n */
#define DOJO_TILE_CTRL			0x080	/* RW, 0 */
#define   DOJO_CTRL_ENABLE		(1u << 0)
#define DOJO_TILE_STATUS		0x084	/* RO, DOJO_STATUS_* */
#define DOJO_TILE_RESET			0x088	/* WO, DOJO_RESET_KEY; reads 0 */
#define DOJO_TILE_RESET_COUNT		0x08c	/* RO, tile and card resets since power on */
#define DOJO_TILE_PEER_GRANT		0x090	/* RW, 0; bit n: tile n may reach this tile */
#define DOJO_TILE_ADMIN_BASE		0x0a0	/* RW, 64 bits, 0; bus address, 64-byte aligned */
#define DOJO_TILE_ADMIN_SIZE		0x0a8	/* RW, 0; entries, power of two, 2..4096 */
#define DOJO_TILE_ADMIN_TAIL		0x0ac	/* RW, 0; doorbell: absolute tail */
#define DOJO_TILE_ADMIN_HEAD		0x0b0	/* RO, absolute */
#define DOJO_TILE_CONTEXT_BASE		0x0b8	/* RW, 64 bits, 0; VA in ASID 0, 4 KiB aligned */
#define DOJO_TILE_KERNEL_ROOT		0x0c0	/* RW, 64 bits, 0; ASID 0's root, a table PTE */
#define DOJO_TILE_MESH_BUSY_NS		0x0d0	/* RO, 64 bits, die-nanoseconds */
#define DOJO_TILE_DMA_BUSY_NS		0x0d8	/* RO, 64 bits, engine-nanoseconds */

#define DOJO_TILE_EVENT(n)		(0x100 + (n) * 0x20)	/* n = 0..3 */
#define   DOJO_EVENT_BASE		0x00	/* RW, 64 bits, 0; bus address, 64-byte aligned */
#define   DOJO_EVENT_SIZE		0x08	/* RW, 0 = off; entries, power of two, 16..65536 */
#define   DOJO_EVENT_VECTOR		0x0c	/* RW, 0; card-wide MSI-X index */
#define   DOJO_EVENT_CONSUMER		0x10	/* RW, 64 bits, 0; bus address of a __le32 */
#define   DOJO_EVENT_MODERATION		0x18	/* RW at any time, 0 */
#define     DOJO_MODERATION(count, us)	((__u32)(count) | (__u32)(us) << 16)
#define   DOJO_EVENT_PRODUCER		0x1c	/* RO, absolute */
#define DOJO_NUM_EVENT_RINGS		4
#define   DOJO_EVENT_RING_CONTROL	0	/* admin, faults, RAS */
#define   DOJO_EVENT_RING_COMPUTE	1	/* fences of compute queues */
#define   DOJO_EVENT_RING_DMA		2	/* fences of DMA queues */
#define   DOJO_EVENT_RING_KERNEL	3	/* fences of privileged queues */
#define DOJO_TILE_REGS_SIZE		0x1000

#define DOJO_TILE_DOORBELL		0x400000	/* one 4 KiB page a queue */
#define DOJO_DOORBELL_STRIDE		0x1000
#define   DOJO_DOORBELL_TAIL		0x000	/* WO, absolute tail; reads 0 */

/* -------------------------------------------------------- page tables */

#define DOJO_VA_BITS			48
#define DOJO_PAGE_SHIFT			12
#define DOJO_HUGE_SHIFT			21
#define DOJO_PT_LEVELS			4	/* 3 = root .. 0 */
#define DOJO_PT_ENTRIES			512

#define DOJO_PTE_VALID			(1ull << 0)
#define DOJO_PTE_LEAF			(1ull << 1)	/* level 0: required; level 1: 2 MiB page */
#define DOJO_PTE_READ			(1ull << 2)	/* leaf only */
#define DOJO_PTE_WRITE			(1ull << 3)	/* leaf only */
#define DOJO_PTE_TARGET_SHIFT		4
#define DOJO_PTE_TARGET_MASK		(3ull << 4)
#define   DOJO_TARGET_HBM		0ull	/* this tile's slice, from 0 */
#define   DOJO_TARGET_SRAM		1ull	/* this tile's SRAM, from 0; leaf only */
#define   DOJO_TARGET_SYSTEM		2ull	/* PCIe bus address */
#define   DOJO_TARGET_PEER		3ull	/* another tile of the card; leaf only */
#define DOJO_PTE_TARGET(t)		((__u64)(t) << DOJO_PTE_TARGET_SHIFT)
#define DOJO_PTE_NULL			(1ull << 6)	/* leaf: reads 0, writes dropped */
#define DOJO_PTE_ADDR_MASK		0x000ffffffffff000ull
#define DOJO_PTE_PEER_SHIFT		52
#define DOJO_PTE_PEER_MASK		(7ull << 52)	/* PEER: the other tile's index */
#define DOJO_PTE_PEER_SRAM		(1ull << 55)	/* PEER: its SRAM, else its HBM */
#define DOJO_PTE_RESERVED		0xff00000000000f80ull

/* --------------------------------------------------------- admin ring */

struct dojo_admin_command {
	__u16 opcode;
	__u16 flags;
	__u32 id;		/* queue or ASID */
	__u64 arg[3];
	__u64 reserved[3];
	__u32 result;		/* written by the card */
	__u32 done;		/* written last: absolute index of this entry + 1 */
};

#define DOJO_ADMIN_FLAG_EVENT		(1u << 0)	/* post DOJO_EVENT_ADMIN when done */

#define DOJO_ADMIN_NOP			1
#define DOJO_ADMIN_ASID_SET		2	/* id, arg0 = root (table PTE) */
#define DOJO_ADMIN_ASID_CLEAR		3	/* id; invalidates too */
#define DOJO_ADMIN_INVALIDATE		4	/* id = ASID, arg0 = va, arg1 = size, 0 = all */
#define DOJO_ADMIN_QUEUE_START		5	/* id; loads the context */
#define DOJO_ADMIN_QUEUE_SUSPEND	6	/* id */
#define DOJO_ADMIN_QUEUE_RESUME		7	/* id */
#define DOJO_ADMIN_QUEUE_RESET		8	/* id; to OFF from any state */
#define DOJO_ADMIN_QUEUE_SAVE		9	/* id; writes the context's state half */
#define DOJO_ADMIN_QUEUE_PRIORITY	10	/* id, arg0 = enum dojo_hw_priority */

#define DOJO_ADMIN_OK			0
#define DOJO_ADMIN_BAD_OPCODE		1
#define DOJO_ADMIN_BAD_ARGUMENT		2
#define DOJO_ADMIN_BAD_STATE		3
#define DOJO_ADMIN_BAD_CONTEXT		4	/* context unreadable or ill-formed */
#define DOJO_ADMIN_BUSY			5	/* its engine did not yield in 100 ms */

/* --------------------------------------------------------- event rings */

struct dojo_event {
	__u16 type;
	__u16 flags;
	__u32 id;		/* queue, or admin index + 1 */
	__u64 data;		/* FENCE: seqno; FAULT: reason; RAS: kind */
	__u64 timestamp;	/* device clock, ns */
	__u32 reserved;
	__u32 seq;		/* written last: absolute index of this entry + 1 */
};

#define DOJO_EVENT_FENCE		1
#define DOJO_EVENT_FAULT		2
#define DOJO_EVENT_ADMIN		3
#define DOJO_EVENT_RAS			4
#define DOJO_EVENT_OVERFLOW		5	/* events were dropped: look at every queue */

#define DOJO_RAS_ECC_CORRECTED		1
#define DOJO_RAS_ECC_UNCORRECTED	2
#define DOJO_RAS_THERMAL		3
#define DOJO_RAS_LINK			4

/* -------------------------------------------------------- queue context */

enum dojo_hw_class {
	DOJO_HW_CLASS_DMA = 0,
	DOJO_HW_CLASS_COMPUTE = 1,
};

enum dojo_hw_priority {
	DOJO_HW_PRIORITY_LOW = 0,
	DOJO_HW_PRIORITY_NORMAL = 1,
	DOJO_HW_PRIORITY_HIGH = 2,
	DOJO_HW_PRIORITY_REALTIME = 3,
	DOJO_HW_PRIORITY_KERNEL = 4,
};

enum dojo_hw_state {
	DOJO_HW_OFF = 0,
	DOJO_HW_IDLE = 1,
	DOJO_HW_READY = 2,
	DOJO_HW_RUNNING = 3,
	DOJO_HW_WAITING = 4,	/* on a semaphore */
	DOJO_HW_FAULTED = 5,
	DOJO_HW_SUSPENDED = 6,
};

#define DOJO_CTX_USER			(1u << 0)	/* ring in its own ASID; see HARDWARE.md */
#define DOJO_CTX_PRIVILEGED		(1u << 1)	/* privileged packets legal */
#define DOJO_CTX_TRAP_INVALID		(1u << 4)
#define DOJO_CTX_TRAP_DENORMAL		(1u << 5)
#define DOJO_CTX_TRAP_OVERFLOW		(1u << 6)
#define DOJO_CTX_TRAP_UNDERFLOW		(1u << 7)
#define DOJO_CTX_FLAGS			0xf3u

/* CONTEXT_BASE + queue * 256, in ASID 0 */
struct dojo_queue_context {
	/* 0x00: configuration, read once by QUEUE_START */
	__u64 ring_va;		/* 64-byte aligned */
	__u32 ring_size;	/* descriptors, power of two, 16..65536 */
	__u32 asid;		/* of its batches */
	__u32 flags;		/* DOJO_CTX_* */
	__u8 queue_class;	/* enum dojo_hw_class */
	__u8 priority;		/* enum dojo_hw_priority */
	__u8 reserved0[2];
	__u8 rect_x;		/* compute: rectangle of dies; DMA: all 0 */
	__u8 rect_y;
	__u8 rect_w;
	__u8 rect_h;
	__u32 start_index;	/* absolute head and tail to begin with */
	__u64 reserved1[4];
	/* 0x40: state, written by the card (HARDWARE.md says when) */
	__u32 state;		/* enum dojo_hw_state */
	__u32 fault;		/* enum dojo_fault, 0 = none */
	__u32 head;		/* absolute index of the descriptor under way */
	__u32 tail;		/* absolute, last accepted doorbell */
	__u64 fault_va;
	__u32 fault_access;	/* 1 = read, 2 = write, 0 = no memory access */
	__u32 fault_field;	/* byte offset in the packet or descriptor */
	__u64 batch_va;
	__u32 packet_offset;	/* of the current packet in its batch */
	__u32 packet_opcode;
	__u64 cookie;		/* of the current batch descriptor */
	__u64 unit;		/* restart point inside the packet */
	__u64 progress;		/* grows with every unit of work done */
	__u64 seqno;		/* of the last fence performed */
	__u64 busy_ns;		/* cumulative; compute: die-nanoseconds */
	__u64 model_ps;		/* cumulative modelled time, picoseconds */
	__u64 packets;
	__u64 bytes;		/* read plus written by packets */
	__u64 flop;
	__u64 flag_invalid;	/* arithmetic flags raised, counted */
	__u64 flag_denormal;
	__u64 flag_overflow;
	__u64 flag_underflow;
	__u64 reserved2[4];
	__u64 save_count;	/* written last: grows with each save */
};

#define DOJO_CONTEXT_SIZE		256

/* ----------------------------------------------------- ring descriptors */

struct dojo_ring_descriptor {
	__u8 type;
	__u8 flags;
	__u16 reserved0;
	__u32 size;		/* BATCH: bytes, multiple of 8, 8..DOJO_BATCH_MAX */
	__u64 va;		/* BATCH: 8-byte aligned; FENCE: 64-byte aligned, ASID 0 */
	__u64 value;		/* FENCE: seqno; BATCH: 0 */
	__u64 cookie;		/* BATCH: shown in the context; FENCE: 0 */
	__u64 reserved1[4];
};

#define DOJO_DESC_BATCH			1
#define DOJO_DESC_FENCE			2
#define DOJO_DESC_FLAG_EVENT		(1u << 0)	/* FENCE: post DOJO_EVENT_FENCE */

#define DOJO_BATCH_MAX			(16u << 20)

/* What a FENCE descriptor writes at its va */
struct dojo_fence_record {
	__u64 start_ns;		/* device clock: first work since the fence before */
	__u64 end_ns;		/* device clock: this fence */
	__u64 busy_ns;		/* the queue's cumulative counters at this moment */
	__u64 model_ps;
	__u64 packets;
	__u64 bytes;
	__u64 flop;
	__u64 seqno;		/* written last, after everything earlier is visible */
};

#endif
