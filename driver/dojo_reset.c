// SPDX-License-Identifier: GPL-2.0-only
/*
 * The upper rungs of the ladder: tile reset, card reset, wedged. (The first, the
 * reset of a queue, is in dojo_hang.c.) Each is tried once and is bounded.
 *
 *            HBM, page tables   SRAM      address spaces   queues
 * tile       kept               lost      set again        go on, or innocent
 * card       HBM lost           lost      lost             innocent
 *
 * After a tile reset a queue goes on if its address space is usable and its
 * oldest job had not begun; jobs behind it have not begun either. Otherwise it is
 * stopped as innocent, -ECANCELED. The kernel's own queue always goes on: its
 * moves and clears may be done twice.
 *
 * Resets run on an ordered workqueue of the card, under &dojo_card.reset_lock.
 * Fences wait for them, so nothing here allocates or takes a lock under which
 * others do.
 */
#include <linux/delay.h>
#include <linux/ktime.h>
#include <linux/moduleparam.h>

#include <drm/drm_drv.h>

#include "dojo_admin.h"
#include "dojo_card.h"
#include "dojo_device.h"
#include "dojo_event.h"
#include "dojo_kvm.h"
#include "dojo_mm.h"
#include "dojo_queue.h"
#include "dojo_reset.h"
#include "dojo_sysfs.h"
#include "dojo_trace.h"
#include "dojo_vm.h"

/* The card promises 100 ms; slow hosts. */
#define DOJO_RESET_TIMEOUT_MS	2000

/* Longer than any sequence of rungs can take */
#define DOJO_RESET_WAIT		(60 * HZ)

/* Where the recovery from a bus error fails, not every kernel says so. */
static unsigned int pci_recovery_ms = 30000;
module_param(pci_recovery_ms, uint, 0644);
MODULE_PARM_DESC(pci_recovery_ms,
		 "How long the PCI core may take to bring a card back after a bus error (default 30000)");

static void dojo_reset_set_state(struct dojo_tile *tile, int state)
{
	WRITE_ONCE(tile->state, state);
	wake_up_all(&tile->state_wait);
}

/* ----------------------------------------------------------- the hardware */

/* Waits for the STATUS register at @status to say that a reset is over. */
static int dojo_reset_poll(void __iomem *status)
{
	ktime_t deadline = ktime_add_ms(ktime_get(), DOJO_RESET_TIMEOUT_MS);
	u32 value;

	for (;;) {
		value = readl(status);
		if (value == U32_MAX)
			return -ENODEV;
		if ((value & DOJO_STATUS_READY) && !(value & DOJO_STATUS_RESETTING))
			return 0;
		if (ktime_after(ktime_get(), deadline))
			return -ETIMEDOUT;
		usleep_range(100, 200);
	}
}

static int dojo_reset_tile_hw(struct dojo_tile *tile)
{
	if (!dojo_card_alive(tile->card))
		return -ENODEV;
	dojo_tile_write(tile, DOJO_TILE_RESET, DOJO_RESET_KEY);
	return dojo_reset_poll(tile->regs + DOJO_TILE_STATUS);
}

static int dojo_reset_card_hw(struct dojo_card *card)
{
	if (!dojo_card_alive(card))
		return -ENODEV;
	writel(DOJO_RESET_KEY, card->regs + DOJO_CARD_RESET);
	return dojo_reset_poll(card->regs + DOJO_CARD_STATUS);
}

/* Programs a tile that is as after reset, and enables it. */
static int dojo_reset_enable(struct dojo_tile *tile)
{
	dojo_admin_setup(tile);
	dojo_event_setup(tile);
	dojo_queues_setup(tile);
	dojo_tile_write64(tile, DOJO_TILE_KERNEL_ROOT, dojo_kvm_root(tile));
	/* the rings' and tables' memory is written */
	dma_wmb();
	dojo_tile_write(tile, DOJO_TILE_CTRL, DOJO_CTRL_ENABLE);
	if (!(dojo_tile_read(tile, DOJO_TILE_STATUS) & DOJO_STATUS_ENABLED))
		return -EIO;
	dojo_admin_open(tile);
	return 0;
}

/* -------------------------------------------------------- queues of a tile */

/*
 * No doorbell from here on. Queues that have work or did some are suspended as long as
 * the card obeys, so that what is known of them remains true.
 */
static void dojo_reset_pause(struct dojo_tile *tile, bool ask)
{
	struct dojo_queue_context context;
	struct dojo_queue *queue = NULL;
	bool used;
	int ret;

	while ((queue = dojo_queues_next(tile, queue))) {
		spin_lock_irq(&queue->lock);
		queue->paused = true;
		queue->asked = false;
		used = queue->completed != queue->base_seqno || !list_empty(&queue->pending);
		spin_unlock_irq(&queue->lock);

		if (!ask || !used)
			continue;
		ret = dojo_queue_suspend(queue, &context);
		if (ret) {
			ask = ret != -ETIMEDOUT && ret != -ENODEV;
			continue;
		}
		spin_lock_irq(&queue->lock);
		queue->final = context;
		queue->asked = true;
		spin_unlock_irq(&queue->lock);
	}
}

/* Had the oldest unfinished job of a queue not begun when the queue was paused? */
static bool dojo_reset_untouched(struct dojo_queue *queue)
{
	const struct dojo_queue_context *context = &queue->final;
	bool untouched;
	u32 index;

	spin_lock_irq(&queue->lock);
	untouched = queue->asked && dojo_queue_oldest(queue, &index, NULL) &&
		    ((s32)(context->head - index) < 0 ||
		     (context->head == index && !context->packet_offset && !context->unit));
	spin_unlock_irq(&queue->lock);
	return untouched;
}

static void dojo_reset_queue(struct dojo_queue *queue, bool hbm_lost)
{
	bool usable = !queue->vm || dojo_vm_usable(queue->vm);
	bool kernel = !queue->file;
	int ret = -ECANCELED;

	mutex_lock(&queue->stop_lock);
	if (queue->off) {
		mutex_unlock(&queue->stop_lock);
		return;
	}
	queue->started = false;
	dojo_queue_complete(queue);
	while (kernel && hbm_lost && dojo_queue_cancel_oldest(queue, -ECANCELED))
		;
	if (!queue->error && usable)
		ret = dojo_queue_restart(queue, kernel || dojo_reset_untouched(queue));
	if (ret) {
		spin_lock_irq(&queue->lock);
		if (!queue->error) {
			queue->error = -ECANCELED;
			queue->first_error = -ECANCELED;
			queue->status = DRM_DOJO_QUEUE_INNOCENT;
			queue->resets++;
		}
		spin_unlock_irq(&queue->lock);
		dojo_queue_off(queue);
		wake_up_all(&queue->room);
	}
	mutex_unlock(&queue->stop_lock);
}

static void dojo_reset_queues(struct dojo_tile *tile, bool hbm_lost)
{
	struct dojo_queue *queue = NULL;

	while ((queue = dojo_queues_next(tile, queue)))
		dojo_reset_queue(queue, hbm_lost);
}

/* The hardware is stopped and stays so: every queue ends. */
static void dojo_reset_end_queues(struct dojo_tile *tile, int error)
{
	struct dojo_queue *queue = NULL;

	while ((queue = dojo_queues_next(tile, queue))) {
		mutex_lock(&queue->stop_lock);
		spin_lock_irq(&queue->lock);
		if (!queue->error) {
			queue->error = error;
			queue->first_error = error;
			queue->status = DRM_DOJO_QUEUE_INNOCENT;
		}
		spin_unlock_irq(&queue->lock);
		queue->started = false;
		dojo_queue_off(queue);
		mutex_unlock(&queue->stop_lock);
		wake_up_all(&queue->room);
	}
}

/* ------------------------------------------------------------------- rungs */

/* The tile's hardware has been reset: put it into service again. */
static int dojo_reset_revive(struct dojo_tile *tile, bool hbm_lost)
{
	int ret;

	dojo_admin_close(tile);
	ret = dojo_reset_enable(tile);
	if (ret)
		return ret;
	dojo_mm_reset_done(tile);
	tile->reset_count++;
	dojo_reset_queues(tile, hbm_lost);
	return 0;
}

static int dojo_reset_tile(struct dojo_tile *tile)
{
	bool cookie = dma_fence_begin_signalling();
	int ret;

	trace_dojo_reset(tile, "tile", tile->reset_cause, false, 0);
	dojo_reset_pause(tile, true);
	dojo_mm_reset_prepare(tile, false);
	ret = dojo_reset_tile_hw(tile);
	if (!ret)
		ret = dojo_reset_revive(tile, false);
	trace_dojo_reset(tile, "tile", tile->reset_cause, true, ret);
	dma_fence_end_signalling(cookie);

	dev_notice(tile->drm.dev, "tile reset (%s): %s\n", tile->reset_cause,
		   ret ? "failed" : "done");
	if (!ret)
		dojo_reset_set_state(tile, DOJO_TILE_UP);
	return ret;
}

/* The tiles of a card in turn: the one after @last, or the first; under the reset lock */
static struct dojo_tile *dojo_reset_next_tile(struct dojo_card *card, const struct dojo_tile *last)
{
	for (unsigned int i = last ? last->index + 1 : 0; i < card->num_tiles; i++)
		if (card->tile[i])
			return card->tile[i];
	return NULL;
}

static void dojo_reset_card_prepare(struct dojo_card *card, const char *cause)
{
	struct dojo_tile *tile = NULL;

	while ((tile = dojo_reset_next_tile(card, tile))) {
		if (dojo_tile_state(tile) != DOJO_TILE_RESETTING) {
			tile->reset_cause = cause;
			tile->reset_pid = 0;
		}
		dojo_reset_set_state(tile, DOJO_TILE_RESETTING);
		trace_dojo_reset(tile, "card", tile->reset_cause, false, 0);
		dojo_reset_pause(tile, false);
		dojo_mm_reset_prepare(tile, true);
	}
}

static int dojo_reset_card_done(struct dojo_card *card, int ret)
{
	struct dojo_tile *tile = NULL;
	int err;

	while ((tile = dojo_reset_next_tile(card, tile))) {
		err = ret ?: dojo_reset_revive(tile, true);
		trace_dojo_reset(tile, "card", tile->reset_cause, true, err);
		if (err)
			ret = err;
	}
	return ret;
}

/* Whoever finds a tile up finds its HBM in his mappings too. */
static void dojo_reset_card_up(struct dojo_card *card)
{
	struct dojo_tile *tile = NULL;

	while ((tile = dojo_reset_next_tile(card, tile))) {
		dojo_mm_set_wedged(tile, false);
		dojo_reset_set_state(tile, DOJO_TILE_UP);
	}
}

/*
 * Nothing more can be done from here. DMA is stopped, every fence is signalled,
 * ioctls are refused, and user space is told how to go on.
 */
static void dojo_reset_wedge(struct dojo_card *card)
{
	bool cookie = dma_fence_begin_signalling();
	struct dojo_tile *tile = NULL;

	pci_clear_master(card->pdev);
	while ((tile = dojo_reset_next_tile(card, tile))) {
		dojo_reset_set_state(tile, DOJO_TILE_WEDGED);
		dojo_admin_close(tile);
		dojo_reset_end_queues(tile, -ECANCELED);
	}
	dma_fence_end_signalling(cookie);

	while ((tile = dojo_reset_next_tile(card, tile))) {
		dojo_mm_set_wedged(tile, true);
		dev_err(tile->drm.dev, "wedged: %s, and no reset helped\n", tile->reset_cause);
		dojo_sysfs_wedged_event(tile);
	}
}

static int dojo_reset_card(struct dojo_card *card)
{
	bool cookie = dma_fence_begin_signalling();
	int ret;

	pci_set_master(card->pdev);
	dojo_reset_card_prepare(card, "another tile, or the administrator");
	ret = dojo_reset_card_done(card, dojo_reset_card_hw(card));
	dma_fence_end_signalling(cookie);
	if (!ret)
		dojo_reset_card_up(card);

	dev_notice(&card->pdev->dev, "card reset: %s\n", ret ? "failed" : "done");
	return ret;
}

static void dojo_reset_tile_work(struct work_struct *work)
{
	struct dojo_tile *tile = container_of(work, struct dojo_tile, reset_work);
	struct dojo_card *card = tile->card;
	int idx;

	mutex_lock(&card->reset_lock);
	if (tile->state == DOJO_TILE_RESETTING && !card->reset_by_pci &&
	    drm_dev_enter(&tile->drm, &idx)) {
		if ((tile->reset_whole_card || dojo_reset_tile(tile)) && dojo_reset_card(card))
			dojo_reset_wedge(card);
		tile->reset_whole_card = false;
		drm_dev_exit(idx);
	}
	mutex_unlock(&card->reset_lock);
}

static void dojo_reset_card_work(struct work_struct *work)
{
	struct dojo_card *card = container_of(work, struct dojo_card, reset_work);

	mutex_lock(&card->reset_lock);
	if (!card->reset_by_pci && card->regs && dojo_reset_card(card))
		dojo_reset_wedge(card);
	mutex_unlock(&card->reset_lock);
}

/* -------------------------------------------------------------- interfaces */

/**
 * dojo_reset_request() - have a tile reset, soon; any context
 * @tile: tile
 * @guilty: the program's queue that made it necessary, NULL if none is known
 * @cause: a constant string
 *
 * Does nothing while a reset is under way, or when the tile is not in service.
 */
void dojo_reset_request(struct dojo_tile *tile, const struct dojo_queue *guilty,
			const char *cause)
{
	if (cmpxchg(&tile->state, DOJO_TILE_UP, DOJO_TILE_RESETTING) != DOJO_TILE_UP)
		return;
	tile->reset_cause = cause;
	tile->reset_pid = guilty && guilty->file ? guilty->pid : 0;
	if (tile->reset_pid)
		strscpy(tile->reset_comm, guilty->comm);
	queue_work(tile->card->reset_wq, &tile->reset_work);
}

/**
 * dojo_reset_request_card() - have the whole card reset, soon; any context
 * @tile: tile for whose sake
 * @cause: a constant string
 */
void dojo_reset_request_card(struct dojo_tile *tile, const char *cause)
{
	tile->reset_whole_card = true;
	dojo_reset_request(tile, NULL, cause);
}

/**
 * dojo_reset_wait() - wait until no reset of a tile is under way
 * @tile: tile
 */
void dojo_reset_wait(struct dojo_tile *tile)
{
	wait_event_timeout(tile->state_wait, dojo_tile_state(tile) != DOJO_TILE_RESETTING,
			   DOJO_RESET_WAIT);
}

/**
 * dojo_reset_wait_up() - wait until a tile is in service
 * @tile: tile
 *
 * Return: 0, -ENODEV if it is gone, -ECANCELED if it is wedged, -ERESTARTSYS.
 */
int dojo_reset_wait_up(struct dojo_tile *tile)
{
	int ret;

	ret = wait_event_interruptible(tile->state_wait,
				       dojo_tile_state(tile) != DOJO_TILE_RESETTING);
	if (ret)
		return ret;

	switch (dojo_tile_state(tile)) {
	case DOJO_TILE_UP:
		return 0;
	case DOJO_TILE_WEDGED:
		return -ECANCELED;
	default:
		return -ENODEV;
	}
}

/**
 * dojo_reset_now() - reset because an administrator wants it, and wait
 * @tile: tile
 * @card: the whole card, which may also bring a wedged tile back
 *
 * Return: 0, -EIO if it did not help, -EBUSY while the PCI core resets the card.
 */
int dojo_reset_now(struct dojo_tile *tile, bool card)
{
	if (READ_ONCE(tile->card->reset_by_pci))
		return -EBUSY;

	if (card) {
		queue_work(tile->card->reset_wq, &tile->card->reset_work);
		flush_work(&tile->card->reset_work);
	} else {
		dojo_reset_request(tile, NULL, "asked for by the administrator");
		flush_work(&tile->reset_work);
	}
	return dojo_tile_state(tile) == DOJO_TILE_UP ? 0 : -EIO;
}

/**
 * dojo_reset_first() - put a tile into service
 * @tile: tile with its memory management and rings
 *
 * Return: 0 or -errno.
 */
int dojo_reset_first(struct dojo_tile *tile)
{
	struct dojo_card *card = tile->card;
	int ret;

	mutex_lock(&card->reset_lock);
	mutex_lock(&card->lock);
	card->tile[tile->index] = tile;
	mutex_unlock(&card->lock);

	/* whatever ran before us may have left it enabled */
	ret = dojo_reset_tile_hw(tile);
	if (!ret)
		ret = dojo_reset_enable(tile);
	if (!ret)
		dojo_reset_set_state(tile, DOJO_TILE_UP);
	mutex_unlock(&card->reset_lock);
	return ret;
}

/**
 * dojo_reset_last() - take a tile out of service
 * @tile: tile
 *
 * When this returns the tile reaches no memory any more, and every fence of its
 * queues is or will be signalled without it.
 */
void dojo_reset_last(struct dojo_tile *tile)
{
	struct dojo_card *card = tile->card;
	bool cookie;

	mutex_lock(&card->reset_lock);
	mutex_lock(&card->lock);
	card->tile[tile->index] = NULL;
	mutex_unlock(&card->lock);

	cookie = dma_fence_begin_signalling();
	dojo_reset_set_state(tile, DOJO_TILE_DOWN);
	dojo_reset_pause(tile, false);
	if (dojo_reset_tile_hw(tile))
		drm_dbg(&tile->drm, "not reset: the card does not answer\n");
	dojo_admin_close(tile);
	dojo_reset_end_queues(tile, -ENODEV);
	dma_fence_end_signalling(cookie);
	mutex_unlock(&card->reset_lock);
	cancel_work_sync(&tile->reset_work);
}

/**
 * dojo_reset_pci_prepare() - the PCI core is about to reset the card
 * @card: card
 */
void dojo_reset_pci_prepare(struct dojo_card *card)
{
	bool cookie;

	mutex_lock(&card->reset_lock);
	cookie = dma_fence_begin_signalling();
	card->reset_by_pci = true;
	dojo_reset_card_prepare(card, "a reset by the PCI core, or an error on the bus");
	dma_fence_end_signalling(cookie);
	mutex_unlock(&card->reset_lock);
}

/**
 * dojo_reset_pci_limit() - wait only so long for the PCI core to go on
 * @card: prepared for a reset
 */
void dojo_reset_pci_limit(struct dojo_card *card)
{
	mod_delayed_work(card->reset_wq, &card->pci_limit,
			 msecs_to_jiffies(READ_ONCE(pci_recovery_ms)));
}

/**
 * dojo_reset_pci_failed() - the PCI core does not bring the card back
 * @card: card
 */
void dojo_reset_pci_failed(struct dojo_card *card)
{
	mutex_lock(&card->reset_lock);
	card->reset_by_pci = false;
	dojo_reset_wedge(card);
	mutex_unlock(&card->reset_lock);
}

static void dojo_reset_pci_limit_work(struct work_struct *work)
{
	struct dojo_card *card = container_of(work, struct dojo_card, pci_limit.work);

	if (READ_ONCE(card->reset_by_pci))
		dojo_reset_pci_failed(card);
}

/**
 * dojo_reset_pci_done() - the PCI core has reset the card
 * @card: card
 */
void dojo_reset_pci_done(struct dojo_card *card)
{
	bool cookie;
	int ret;

	cancel_delayed_work_sync(&card->pci_limit);
	mutex_lock(&card->reset_lock);
	cookie = dma_fence_begin_signalling();
	ret = dojo_card_alive(card) ? dojo_reset_poll(card->regs + DOJO_CARD_STATUS) : -ENODEV;
	ret = dojo_reset_card_done(card, ret);
	card->reset_by_pci = false;
	dma_fence_end_signalling(cookie);
	dev_notice(&card->pdev->dev, "PCI reset: %s\n", ret ? "failed" : "done");
	if (ret)
		dojo_reset_wedge(card);
	else
		dojo_reset_card_up(card);
	mutex_unlock(&card->reset_lock);
}

/**
 * dojo_reset_init_tile() - prepare a new tile
 * @tile: tile
 */
void dojo_reset_init_tile(struct dojo_tile *tile)
{
	tile->state = DOJO_TILE_DOWN;
	init_waitqueue_head(&tile->state_wait);
	INIT_WORK(&tile->reset_work, dojo_reset_tile_work);
}

/**
 * dojo_reset_init_card() - prepare a new card
 * @card: card
 */
void dojo_reset_init_card(struct dojo_card *card)
{
	INIT_WORK(&card->reset_work, dojo_reset_card_work);
	INIT_DELAYED_WORK(&card->pci_limit, dojo_reset_pci_limit_work);
}
