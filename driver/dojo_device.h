/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The objects everything else hangs on: the card (a PCI function), its tiles
 * (an auxiliary device and an accel node each), and the open files of a tile.
 *
 * Lifetimes. A card is reference counted; each of its tiles holds a reference,
 * and the card holds one on its PCI device, so that "&card->pdev->dev" may be
 * named for as long as a tile exists. A tile embeds its drm_device and lives
 * until that is released: the last file, mapping, buffer or queue of it is then
 * gone. Hardware is touched only between drm_dev_enter() and drm_dev_exit().
 */
#ifndef DOJO_DEVICE_H
#define DOJO_DEVICE_H

#include <linux/auxiliary_bus.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <drm/drm_device.h>
#include <drm/drm_file.h>
#include <drm/drm_print.h>
#include <drm/dojo_accel.h>
#include <drm/dojo_packet.h>

#include "dojo_compat.h"
#include "dojo_regs.h"

#define DOJO_DRIVER_NAME	"dojo"
#define DOJO_DRIVER_DESC	"Dojo Interface Processor"

struct dojo_admin;
struct dojo_coredump;
struct dojo_hang;
struct dojo_mm;
struct dojo_mm_file;
struct dojo_queue;
struct dojo_queues;
struct dojo_tile;

/**
 * struct dojo_card - a Dojo Interface Processor
 * @ref: held by the PCI driver and by every tile
 * @index: of the card in this system
 * @pdev: the PCI function; what the DMA API is given
 * @regs: BAR 0, whole; NULL once the card is unbound
 * @hbm_phys: CPU address of BAR 2
 * @hbm_size: HBM of the card
 * @generation: 1 = D1, 2 = D2
 * @num_tiles: tiles on the card
 * @version: of the register interface, major << 16 | minor
 * @caps: DOJO_CAP_*
 * @tile_offset: of tile 0's block in BAR 0
 * @tile_stride: between tile blocks
 * @serial: as the card reports it, NUL terminated
 * @num_vectors: MSI-X vectors that the system gave us
 * @adev: the tiles' auxiliary devices
 * @reset_lock: serialises resets of the card and of its tiles, and their coming
 *	and going
 * @lock: guards @tile, which changes under both locks
 * @tile: the tiles in service, NULL where there is none
 * @reset_wq: ordered; tile and card resets
 * @reset_work: card reset
 * @reset_by_pci: an FLR or bus reset by the PCI core is under way
 * @pci_limit: gives up after a bus error of which the PCI core says no more
 * @hwmon: hwmon device
 */
struct dojo_card {
	struct kref ref;
	unsigned int index;
	struct pci_dev *pdev;
	void __iomem *regs;
	phys_addr_t hbm_phys;
	u64 hbm_size;
	u32 generation;
	u32 num_tiles;
	u32 version;
	u32 caps;
	u32 tile_offset;
	u32 tile_stride;
	char serial[DOJO_SERIAL_LEN + 1];
	unsigned int num_vectors;
	struct auxiliary_device *adev[DOJO_MAX_TILES];
	/* neither is held over an allocation: fences wait for resets */
	struct mutex reset_lock;
	/* inside @reset_lock */
	struct mutex lock;
	struct dojo_tile *tile[DOJO_MAX_TILES];
	struct workqueue_struct *reset_wq;
	struct work_struct reset_work;
	bool reset_by_pci;
	struct delayed_work pci_limit;
	struct device *hwmon;
};

/**
 * enum dojo_tile_state - what may be done with a tile
 * @DOJO_TILE_DOWN: not yet enabled, or removed
 * @DOJO_TILE_UP: in service
 * @DOJO_TILE_RESETTING: a reset of the tile or of its card is under way
 * @DOJO_TILE_WEDGED: every rung of the ladder failed; ioctls are -ECANCELED
 */
enum dojo_tile_state {
	DOJO_TILE_DOWN,
	DOJO_TILE_UP,
	DOJO_TILE_RESETTING,
	DOJO_TILE_WEDGED,
};

/**
 * struct dojo_event_ring - an event ring and its interrupt
 * @tile: owner
 * @index: DOJO_EVENT_RING_*
 * @irq: Linux interrupt number, 0 = none requested
 * @name: of the interrupt
 * @lock: guards consumption and the counts
 * @ring: entries, coherent
 * @dma: bus address of @ring
 * @consumer: where the card reads how far we are, coherent
 * @consumer_dma: bus address of @consumer
 * @next: absolute index of the next entry
 * @interrupts: interrupts taken
 * @events: events consumed
 * @backlog: fence events that left more work pending on their queue, or were one
 *	of many queues'
 * @recent: queues that the last fence events were of
 * @tune: adapts @moderation to the load
 * @tuned_events: @events when that was last done
 * @tuned_backlog: @backlog when that was last done
 * @moderation: what is in the register
 */
struct dojo_event_ring {
	struct dojo_tile *tile;
	unsigned int index;
	int irq;
	char name[32];
	/* hard-irq safe */
	spinlock_t lock;
	struct dojo_event *ring;
	dma_addr_t dma;
	__le32 *consumer;
	dma_addr_t consumer_dma;
	u32 next;
	u64 interrupts;
	u64 events;
	u64 backlog;
	u32 recent[8];
	struct delayed_work tune;
	u64 tuned_events;
	u64 tuned_backlog;
	u32 moderation;
};

/**
 * struct dojo_tile - a training tile, /dev/accel/accelN
 * @drm: the DRM device; its parent is @adev
 * @card: the card that carries it; referenced
 * @adev: auxiliary device
 * @index: on the card
 * @regs: the tile's block of BAR 0 (registers, then doorbells)
 * @mesh_cols: columns of dies
 * @mesh_rows: rows of dies
 * @mesh_nodes: compute nodes of a die
 * @max_queues: hardware queue contexts
 * @max_asids: address spaces, ASID 0 included
 * @dma_engines: DMA engines
 * @hbm_phys: CPU address of this tile's HBM slice
 * @hbm_size: of the slice
 * @sram_size: of the tile
 * @formats: bit n: enum dojo_format n
 * @peak_bf16_gflops: of a die
 * @peak_fp32_gflops: of a die
 * @peak_int8_gops: of a die
 * @opcodes: bit n: enum dojo_opcode n
 * @mm: memory management: HBM, SRAM, kernel address space, address spaces
 * @admin: admin ring
 * @event: event rings
 * @queues: queue contexts and their allocation
 * @hang: hang detection
 * @kernel_queue: privileged DMA queue in ASID 0, for moves and clears
 * @users: who holds something of the tile, by user id
 * @submit_wq: unordered; runs the jobs of every queue
 * @timeout_wq: ordered; faults and hang checks
 * @state: enum dojo_tile_state
 * @state_wait: woken when @state changes
 * @reset_work: tile reset
 * @reset_cause: why the tile is being reset, or is wedged
 * @reset_pid: of the process whose queue made the reset necessary, 0 = none known
 * @reset_comm: its name
 * @reset_whole_card: the next reset of this tile is to be that of its card
 * @reset_count: resets done by this driver
 * @coredump: of the first failure
 */
struct dojo_tile {
	struct drm_device drm;
	struct dojo_card *card;
	struct auxiliary_device *adev;
	unsigned int index;
	void __iomem *regs;

	u32 mesh_cols;
	u32 mesh_rows;
	u32 mesh_nodes;
	u32 max_queues;
	u32 max_asids;
	u32 dma_engines;
	phys_addr_t hbm_phys;
	u64 hbm_size;
	u64 sram_size;
	u32 formats;
	u32 peak_bf16_gflops;
	u32 peak_fp32_gflops;
	u32 peak_int8_gops;
	u64 opcodes[4];

	struct dojo_mm *mm;
	struct dojo_admin *admin;
	struct dojo_event_ring event[DOJO_NUM_EVENT_RINGS];
	struct dojo_queues *queues;
	struct dojo_hang *hang;
	struct dojo_queue *kernel_queue;
	struct xarray users;

	struct workqueue_struct *submit_wq;
	struct workqueue_struct *timeout_wq;

	int state;
	wait_queue_head_t state_wait;
	struct work_struct reset_work;
	const char *reset_cause;
	pid_t reset_pid;
	char reset_comm[TASK_COMM_LEN];
	bool reset_whole_card;
	u32 reset_count;
	struct dojo_coredump *coredump;
};

/**
 * struct dojo_file - an open file of a tile's node
 * @ref: held by the DRM file and by each of its queues
 * @tile: the tile
 * @drm: the DRM file, while it is open
 * @mm: memory management: address spaces by id
 * @queues: queues by handle
 * @num_queues: queues charged to this file
 * @ring_bytes: memory of their rings
 * @lock: guards @busy_ns
 * @busy_ns: of queues that are gone, by class
 * @pid: of the opener
 * @comm: of the opener
 */
struct dojo_file {
	struct kref ref;
	struct dojo_tile *tile;
	struct drm_file *drm;
	struct dojo_mm_file *mm;
	struct xarray queues;
	atomic_t num_queues;
	atomic_long_t ring_bytes;
	/* process context only */
	spinlock_t lock;
	u64 busy_ns[2];
	pid_t pid;
	char comm[TASK_COMM_LEN];
};

static inline struct dojo_tile *to_dojo_tile(struct drm_device *drm)
{
	return container_of(drm, struct dojo_tile, drm);
}

static inline struct dojo_file *to_dojo_file(struct drm_file *file)
{
	return file->driver_priv;
}

/* What the DMA API is given: never the auxiliary device. */
static inline struct device *dojo_dma_dev(struct dojo_tile *tile)
{
	return &tile->card->pdev->dev;
}

static inline u32 dojo_tile_read(struct dojo_tile *tile, u32 offset)
{
	return readl(tile->regs + offset);
}

/* One access: the card serves it low half first, which latches the high one. */
static inline u64 dojo_tile_read64(struct dojo_tile *tile, u32 offset)
{
	return readq(tile->regs + offset);
}

static inline void dojo_tile_write(struct dojo_tile *tile, u32 offset, u32 value)
{
	writel(value, tile->regs + offset);
}

static inline void dojo_tile_write64(struct dojo_tile *tile, u32 offset, u64 value)
{
	writeq(value, tile->regs + offset);
}

static inline int dojo_tile_state(const struct dojo_tile *tile)
{
	return READ_ONCE(tile->state);
}

/**
 * DOJO_REJECT() - is an argument bad, and if so leave a debug line that names it
 * @drm: DRM device
 * @cond: what makes it bad
 *
 * Return: @cond as a bool.
 */
#define DOJO_REJECT(drm, cond)						\
({									\
	bool __rejected = !!(cond);					\
									\
	if (__rejected)							\
		drm_dbg(drm, "rejected at %s:%d: %s\n",			\
			__func__, __LINE__, #cond);		\
	__rejected;							\
})

/* dojo_ioctl.c */
void dojo_file_put(struct dojo_file *file);

/* dojo_drv.c */
extern struct workqueue_struct *dojo_wq;	/* unordered; releases that may sleep */

#endif
