// SPDX-License-Identifier: GPL-2.0-only
/*
 * The admin ring. Commands are synchronous and bounded: the card promises a
 * bound for each, and a command that overstays it has the tile reset. Nothing
 * is allocated and no lock is held while waiting, so commands may be given from
 * whatever a fence depends on.
 *
 * A reset of the tile empties its TLB, forgets its address spaces and turns its
 * queues off. A command that a reset overtakes is therefore as good as done,
 * but for QUEUE_START and QUEUE_SAVE, which are -EAGAIN then.
 */
#include <linux/bitmap.h>
#include <linux/dma-mapping.h>
#include <linux/jiffies.h>

#include <drm/drm_drv.h>
#include <drm/drm_managed.h>

#include "dojo_admin.h"
#include "dojo_card.h"
#include "dojo_device.h"
#include "dojo_reset.h"

#define DOJO_ADMIN_SIZE		256

/* Far beyond the bounds that the card promises, for slow hosts. */
#define DOJO_ADMIN_TIMEOUT	(3 * HZ)

/* How often to look without having been woken: an interrupt may be lost. */
#define DOJO_ADMIN_POLL		msecs_to_jiffies(20)

/**
 * struct dojo_admin - the admin ring of a tile
 * @lock: guards @tail, @busy, @open and the doorbell
 * @ring: commands, coherent
 * @dma: bus address of @ring
 * @tail: absolute index of the next command
 * @busy: entries whose command has not been collected
 * @open: commands are taken
 * @epoch: grows with every reset; commands of an older one are never answered
 * @wait: woken by every answer
 */
struct dojo_admin {
	/* process context only */
	spinlock_t lock;
	struct dojo_admin_command *ring;
	dma_addr_t dma;
	u32 tail;
	DECLARE_BITMAP(busy, DOJO_ADMIN_SIZE);
	bool open;
	u32 epoch;
	wait_queue_head_t wait;
};

/* What a command that a reset overtook returns; never leaves this file. */
#define DOJO_ADMIN_OVERTAKEN	(-ERESTART)

static bool dojo_admin_answered(struct dojo_admin *admin, u32 index, u32 epoch)
{
	return READ_ONCE(admin->ring[index % DOJO_ADMIN_SIZE].done) == index + 1 ||
	       READ_ONCE(admin->epoch) != epoch;
}

/* Claims the next entry, fills it and rings. */
static int dojo_admin_give(struct dojo_tile *tile, const struct dojo_admin_command *command,
			   u32 *index, u32 *epoch)
{
	struct dojo_admin *admin = tile->admin;
	struct dojo_admin_command *entry;
	unsigned int slot;
	int ret = 0;

	spin_lock(&admin->lock);
	slot = admin->tail % DOJO_ADMIN_SIZE;
	*epoch = admin->epoch;
	if (!admin->open) {
		ret = DOJO_ADMIN_OVERTAKEN;
	} else if (test_bit(slot, admin->busy)) {
		ret = -EBUSY;
	} else {
		__set_bit(slot, admin->busy);
		entry = &admin->ring[slot];
		*index = admin->tail++;
		*entry = *command;
		entry->done = *index;	/* anything but the answer */
		dma_wmb();
		dojo_tile_write(tile, DOJO_TILE_ADMIN_TAIL, admin->tail);
	}
	spin_unlock(&admin->lock);
	return ret;
}

static int dojo_admin_take(struct dojo_tile *tile, u32 index, u32 epoch)
{
	struct dojo_admin *admin = tile->admin;
	unsigned int slot = index % DOJO_ADMIN_SIZE;
	int result;

	spin_lock(&admin->lock);
	if (admin->epoch != epoch) {
		spin_unlock(&admin->lock);
		return DOJO_ADMIN_OVERTAKEN;
	}
	dma_rmb();
	result = admin->ring[slot].result;
	__clear_bit(slot, admin->busy);
	spin_unlock(&admin->lock);
	wake_up_all(&admin->wait);
	return result;
}

/**
 * dojo_admin_run() - give a command and wait for its answer
 * @tile: tile
 * @command: opcode, id and arguments
 *
 * Return: DOJO_ADMIN_* of the card, or -ENODEV, -ETIMEDOUT (the tile will be
 * reset), or DOJO_ADMIN_OVERTAKEN.
 */
static int dojo_admin_run(struct dojo_tile *tile, struct dojo_admin_command *command)
{
	unsigned long deadline = jiffies + DOJO_ADMIN_TIMEOUT;
	struct dojo_admin *admin = tile->admin;
	u32 index, epoch;
	int ret, idx;

	/* keeps the ring's memory, too */
	if (!drm_dev_enter(&tile->drm, &idx))
		return -ENODEV;

	command->flags = DOJO_ADMIN_FLAG_EVENT;
	for (;;) {
		ret = dojo_admin_give(tile, command, &index, &epoch);
		if (ret != -EBUSY)
			break;
		if (time_after(jiffies, deadline))
			goto timed_out;
		wait_event_timeout(admin->wait,
				   !test_bit(admin->tail % DOJO_ADMIN_SIZE, admin->busy) ||
				   !READ_ONCE(admin->open), DOJO_ADMIN_POLL);
	}
	if (ret)
		goto out;

	while (!wait_event_timeout(admin->wait, dojo_admin_answered(admin, index, epoch),
				   DOJO_ADMIN_POLL)) {
		if (dojo_admin_answered(admin, index, epoch))
			break;
		/* a card that is gone need not be waited for */
		if (time_after(jiffies, deadline) || !dojo_card_alive(tile->card))
			goto timed_out;
	}
	ret = dojo_admin_take(tile, index, epoch);
	goto out;

timed_out:
	dojo_reset_request(tile, NULL, "the admin ring does not answer");
	ret = -ETIMEDOUT;
out:
	drm_dev_exit(idx);
	return ret;
}

/*
 * For commands whose purpose a reset achieves as well: after a time-out, wait for
 * the reset that it has caused.
 */
static int dojo_admin_run_or_reset(struct dojo_tile *tile, struct dojo_admin_command *command)
{
	int ret = dojo_admin_run(tile, command);

	if (ret == DOJO_ADMIN_OVERTAKEN || ret == -ETIMEDOUT) {
		dojo_reset_wait(tile);
		return 0;
	}
	return ret;
}

static int dojo_admin_errno(struct dojo_tile *tile, const struct dojo_admin_command *command,
			    int ret)
{
	if (ret <= 0)
		return ret;

	drm_dbg(&tile->drm, "admin command %u of %u: result %d\n", command->opcode, command->id,
		ret);
	return ret == DOJO_ADMIN_BUSY ? -EBUSY : -EIO;
}

/**
 * dojo_admin_asid_set() - give an address space its root
 * @tile: tile
 * @asid: from 1
 * @root_pte: table entry
 *
 * While the tile is being reset this waits and returns 0: dojo_mm_reset_done()
 * sets every address space that memory management knows of.
 *
 * Return: 0, -ENODEV, or -EIO if the card refuses.
 */
int dojo_admin_asid_set(struct dojo_tile *tile, u32 asid, u64 root_pte)
{
	struct dojo_admin_command command = {
		.opcode = DOJO_ADMIN_ASID_SET,
		.id = asid,
		.arg[0] = root_pte,
	};
	int ret = dojo_admin_run_or_reset(tile, &command);

	if (ret == DOJO_ADMIN_BAD_STATE)	/* a reset has set it already */
		ret = 0;
	return dojo_admin_errno(tile, &command, ret);
}

/**
 * dojo_admin_asid_clear() - take the root of an address space away
 * @tile: tile
 * @asid: from 1
 *
 * Return: 0 when no access through it can still happen, or -ENODEV, when none
 * can either.
 */
int dojo_admin_asid_clear(struct dojo_tile *tile, u32 asid)
{
	struct dojo_admin_command command = {
		.opcode = DOJO_ADMIN_ASID_CLEAR,
		.id = asid,
	};
	int ret = dojo_admin_run_or_reset(tile, &command);

	if (ret == DOJO_ADMIN_BAD_STATE)	/* a reset has cleared it */
		ret = 0;
	return dojo_admin_errno(tile, &command, ret);
}

/**
 * dojo_admin_invalidate() - drop cached translations
 * @tile: tile
 * @asid: address space, 0 too
 * @va: page aligned
 * @size: bytes, page aligned; 0 = everything
 *
 * Return: 0 when no access through an old translation can still happen, or
 * -ENODEV, when none can either.
 */
int dojo_admin_invalidate(struct dojo_tile *tile, u32 asid, u64 va, u64 size)
{
	struct dojo_admin_command command = {
		.opcode = DOJO_ADMIN_INVALIDATE,
		.id = asid,
		.arg[0] = size ? va : 0,
		.arg[1] = size,
	};

	return dojo_admin_errno(tile, &command, dojo_admin_run_or_reset(tile, &command));
}

static int dojo_admin_queue(struct dojo_tile *tile, u32 opcode, u32 id)
{
	struct dojo_admin_command command = {
		.opcode = opcode,
		.id = id,
	};
	int ret = dojo_admin_run(tile, &command);

	if (ret == DOJO_ADMIN_OVERTAKEN)
		ret = opcode == DOJO_ADMIN_QUEUE_RESET ? 0 : -EAGAIN;
	return dojo_admin_errno(tile, &command, ret);
}

/**
 * dojo_admin_queue_start() - have the card load a queue context
 * @tile: tile
 * @id: hardware context
 *
 * Return: 0, -EAGAIN after a reset, -ENODEV, -ETIMEDOUT, -EIO.
 */
int dojo_admin_queue_start(struct dojo_tile *tile, u32 id)
{
	return dojo_admin_queue(tile, DOJO_ADMIN_QUEUE_START, id);
}

/**
 * dojo_admin_queue_suspend() - take a queue off its engine and save it
 * @tile: tile
 * @id: hardware context
 *
 * Return: 0, -EBUSY if its engine does not yield, -EAGAIN after a reset, -ENODEV,
 * -ETIMEDOUT, -EIO.
 */
int dojo_admin_queue_suspend(struct dojo_tile *tile, u32 id)
{
	return dojo_admin_queue(tile, DOJO_ADMIN_QUEUE_SUSPEND, id);
}

/**
 * dojo_admin_queue_reset() - turn a queue off, whatever it does
 * @tile: tile
 * @id: hardware context
 *
 * Return: 0 when no access by the queue can still happen, -ENODEV, -ETIMEDOUT
 * (the tile will be reset), -EIO.
 */
int dojo_admin_queue_reset(struct dojo_tile *tile, u32 id)
{
	return dojo_admin_queue(tile, DOJO_ADMIN_QUEUE_RESET, id);
}

/**
 * dojo_admin_queue_save() - have the card write the state half of a context
 * @tile: tile
 * @id: hardware context
 *
 * Return: 0, -EAGAIN after a reset, -ENODEV, -ETIMEDOUT, -EIO.
 */
int dojo_admin_queue_save(struct dojo_tile *tile, u32 id)
{
	return dojo_admin_queue(tile, DOJO_ADMIN_QUEUE_SAVE, id);
}

/**
 * dojo_admin_wake() - an answer may have come; any context
 * @tile: tile
 */
void dojo_admin_wake(struct dojo_tile *tile)
{
	wake_up_all(&tile->admin->wait);
}

/**
 * dojo_admin_setup() - program the ring of a tile that is not enabled
 * @tile: tile
 */
void dojo_admin_setup(struct dojo_tile *tile)
{
	struct dojo_admin *admin = tile->admin;

	memset(admin->ring, 0, DOJO_ADMIN_SIZE * sizeof(*admin->ring));
	dojo_tile_write64(tile, DOJO_TILE_ADMIN_BASE, admin->dma);
	dojo_tile_write(tile, DOJO_TILE_ADMIN_SIZE, DOJO_ADMIN_SIZE);
}

/**
 * dojo_admin_open() - the tile is enabled: take commands
 * @tile: tile
 */
void dojo_admin_open(struct dojo_tile *tile)
{
	struct dojo_admin *admin = tile->admin;

	spin_lock(&admin->lock);
	admin->tail = 0;
	bitmap_zero(admin->busy, DOJO_ADMIN_SIZE);
	admin->open = true;
	spin_unlock(&admin->lock);
}

/**
 * dojo_admin_close() - the tile has been reset, or is gone: answer everybody
 * @tile: tile
 */
void dojo_admin_close(struct dojo_tile *tile)
{
	struct dojo_admin *admin = tile->admin;

	spin_lock(&admin->lock);
	admin->open = false;
	WRITE_ONCE(admin->epoch, admin->epoch + 1);
	spin_unlock(&admin->lock);
	wake_up_all(&admin->wait);
}

/**
 * dojo_admin_init() - allocate the admin ring
 * @tile: tile
 *
 * Return: 0 or -ENOMEM.
 */
int dojo_admin_init(struct dojo_tile *tile)
{
	struct dojo_admin *admin;

	BUILD_BUG_ON(sizeof(struct dojo_admin_command) != 64);

	admin = drmm_kzalloc(&tile->drm, sizeof(*admin), GFP_KERNEL);
	if (!admin)
		return -ENOMEM;

	spin_lock_init(&admin->lock);
	init_waitqueue_head(&admin->wait);
	admin->ring = dma_alloc_coherent(dojo_dma_dev(tile),
					 DOJO_ADMIN_SIZE * sizeof(*admin->ring), &admin->dma,
					 GFP_KERNEL);
	if (!admin->ring)
		return -ENOMEM;

	tile->admin = admin;
	return 0;
}

/**
 * dojo_admin_fini() - free the ring of a tile that has been reset
 * @tile: tile
 */
void dojo_admin_fini(struct dojo_tile *tile)
{
	struct dojo_admin *admin = tile->admin;

	dma_free_coherent(dojo_dma_dev(tile), DOJO_ADMIN_SIZE * sizeof(*admin->ring), admin->ring,
			  admin->dma);
	admin->ring = NULL;
}
