// SPDX-License-Identifier: GPL-2.0-only
/*
 * debugfs. The core never calls &drm_driver.debugfs_init for accel nodes, so this
 * is called after registration, and the core removes the folder.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include <drm/drm_drv.h>

#include "dojo_debugfs.h"
#include "dojo_device.h"
#include "dojo_mm.h"
#include "dojo_queue.h"
#include "dojo_user.h"

static const char *dojo_debugfs_status(u32 status)
{
	static const char * const name[] = {
		[DRM_DOJO_QUEUE_ACTIVE] = "active",
		[DRM_DOJO_QUEUE_FAULTED] = "faulted",
		[DRM_DOJO_QUEUE_TIMED_OUT] = "timed-out",
		[DRM_DOJO_QUEUE_INNOCENT] = "innocent",
	};

	return status < ARRAY_SIZE(name) ? name[status] : "?";
}

static int queues_show(struct seq_file *m, void *unused)
{
	struct dojo_tile *tile = m->private;
	struct dojo_queue *queue = NULL;
	int idx;

	if (!drm_dev_enter(&tile->drm, &idx))
		return -ENODEV;
	seq_puts(m, "  id class    prio rect    status     submitted  completed inflight  resets   pid comm\n");
	while ((queue = dojo_queues_next(tile, queue)))
		seq_printf(m, "%4u %-8s %4u %u,%u %ux%u %-9s %10llu %10llu %8d %7u %5d %s\n",
			   queue->id,
			   queue->hw_class == DOJO_HW_CLASS_COMPUTE ? "compute" : "dma",
			   queue->priority, queue->rect[0], queue->rect[1], queue->rect[2],
			   queue->rect[3], dojo_debugfs_status(READ_ONCE(queue->status)),
			   READ_ONCE(queue->submitted), READ_ONCE(queue->completed),
			   atomic_read(&queue->inflight), READ_ONCE(queue->resets), queue->pid,
			   queue->comm);
	drm_dev_exit(idx);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(queues);

static int users_show(struct seq_file *m, void *unused)
{
	dojo_user_show(m->private, m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(users);

static int events_show(struct seq_file *m, void *unused)
{
	struct dojo_tile *tile = m->private;
	struct dojo_event_ring *ring;

	seq_puts(m, "ring     irq interrupts     events    backlog moderation\n");
	for (ring = tile->event; ring < tile->event + DOJO_NUM_EVENT_RINGS; ring++)
		seq_printf(m, "%4u %7d %10llu %10llu %10llu %u/%uus\n", ring->index, ring->irq,
			   READ_ONCE(ring->interrupts), READ_ONCE(ring->events),
			   READ_ONCE(ring->backlog), READ_ONCE(ring->moderation) & 0xffff,
			   READ_ONCE(ring->moderation) >> 16);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(events);

static int registers_show(struct seq_file *m, void *unused)
{
	struct dojo_tile *tile = m->private;
	u32 offset;
	int idx;

	if (!drm_dev_enter(&tile->drm, &idx))
		return -ENODEV;
	for (offset = 0; offset < DOJO_TILE_EVENT(DOJO_NUM_EVENT_RINGS); offset += 4)
		seq_printf(m, "%03x: %08x\n", offset, dojo_tile_read(tile, offset));
	drm_dev_exit(idx);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(registers);

/**
 * dojo_debugfs_init() - make the files of a tile
 * @tile: registered tile
 */
void dojo_debugfs_init(struct dojo_tile *tile)
{
	struct dentry *root = tile->drm.debugfs_root;

	debugfs_create_file("queues", 0400, root, tile, &queues_fops);
	debugfs_create_file("users", 0400, root, tile, &users_fops);
	debugfs_create_file("events", 0400, root, tile, &events_fops);
	debugfs_create_file("registers", 0400, root, tile, &registers_fops);
	dojo_mm_debugfs_init(tile, root);
}
