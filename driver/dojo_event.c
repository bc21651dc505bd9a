// SPDX-License-Identifier: GPL-2.0-only
/*
 * Event rings: what the card has to say comes through memory, and an interrupt
 * says that it has come. Handling an event takes no MMIO; where the driver has got to is
 * told the card in memory as well.
 *
 * The four rings of a tile share as many MSI-X vectors as there are. A handler
 * looks only at its own ring, so sharing needs nothing but IRQF_SHARED.
 *
 * Moderation follows the load. While few queues are used, one job at a time, a fence
 * interrupts at once; when fences find more work behind them, on their own queue or by
 * coming from many, the card gathers them. A slow work item decides, from counts that
 * the handlers keep.
 */
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>

#include <drm/drm_drv.h>
#include <drm/drm_managed.h>

#include "dojo_admin.h"
#include "dojo_event.h"
#include "dojo_queue.h"
#include "dojo_reset.h"

#define DOJO_EVENT_ENTRIES	1024

/* Under load: so many events, or so many microseconds, to an interrupt */
#define DOJO_MODERATION_LOAD	DOJO_MODERATION(32, 100)
#define DOJO_MODERATION_NONE	DOJO_MODERATION(1, 0)
#define DOJO_MODERATION_PERIOD	msecs_to_jiffies(20)

static void dojo_event_fault(struct dojo_tile *tile, u32 id)
{
	struct dojo_queue *queue;

	rcu_read_lock();
	queue = id < tile->max_queues ? rcu_dereference(tile->queues->by_id[id]) : NULL;
	if (queue && kref_get_unless_zero(&queue->ref) &&
	    !queue_work(tile->timeout_wq, &queue->fault_work)) {
		/* the pending work holds a reference: this is not the last */
		dojo_queue_put(queue);
	}
	rcu_read_unlock();
}

static void dojo_event_ras(struct dojo_tile *tile, u64 kind)
{
	static const char * const what[] = {
		[DOJO_RAS_ECC_CORRECTED] = "corrected memory error",
		[DOJO_RAS_ECC_UNCORRECTED] = "uncorrected memory error",
		[DOJO_RAS_THERMAL] = "thermal limit",
		[DOJO_RAS_LINK] = "link error",
	};
	const char *name = kind < ARRAY_SIZE(what) && what[kind] ? what[kind] : "unknown";

	if (kind == DOJO_RAS_ECC_CORRECTED)
		dev_dbg_ratelimited(tile->drm.dev, "RAS: %s\n", name);
	else
		dev_notice_ratelimited(tile->drm.dev, "RAS: %s\n", name);

	if (kind == DOJO_RAS_LINK)
		dojo_reset_request(tile, NULL, "link error");
}

/* Events were dropped: any queue may have finished work or have faulted. */
static void dojo_event_overflow(struct dojo_tile *tile)
{
	struct dojo_queue *queue;
	u32 id;

	rcu_read_lock();
	for (id = 0; id < tile->max_queues; id++) {
		queue = rcu_dereference(tile->queues->by_id[id]);
		if (!queue)
			continue;
		dojo_queue_complete(queue);
		if (READ_ONCE(tile->queues->context[id].state) == DOJO_HW_FAULTED)
			dojo_event_fault(tile, id);
	}
	rcu_read_unlock();
	dojo_admin_wake(tile);
}

/* Does a fence come from a queue that none of the last ones came from? */
static bool dojo_event_crowded(struct dojo_event_ring *ring, u32 id)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ring->recent); i++)
		if (ring->recent[i] == id)
			return false;
	ring->recent[ring->events % ARRAY_SIZE(ring->recent)] = id;
	return true;
}

static void dojo_event_fence(struct dojo_event_ring *ring, u32 id)
{
	bool crowded = dojo_event_crowded(ring, id);
	struct dojo_tile *tile = ring->tile;
	struct dojo_queue *queue;

	rcu_read_lock();
	queue = id < tile->max_queues ? rcu_dereference(tile->queues->by_id[id]) : NULL;
	if (queue && (dojo_queue_complete(queue) || crowded))
		ring->backlog++;
	rcu_read_unlock();
}

static void dojo_event_handle(struct dojo_event_ring *ring, const struct dojo_event *event)
{
	struct dojo_tile *tile = ring->tile;

	switch (event->type) {
	case DOJO_EVENT_FENCE:
		dojo_event_fence(ring, event->id);
		break;
	case DOJO_EVENT_FAULT:
		dojo_event_fault(tile, event->id);
		break;
	case DOJO_EVENT_ADMIN:
		dojo_admin_wake(tile);
		break;
	case DOJO_EVENT_RAS:
		dojo_event_ras(tile, event->data);
		break;
	case DOJO_EVENT_OVERFLOW:
		dojo_event_overflow(tile);
		break;
	default:
		drm_dbg(&tile->drm, "unknown event %u\n", event->type);
	}
}

static bool dojo_event_consume(struct dojo_event_ring *ring)
{
	unsigned int budget = DOJO_EVENT_ENTRIES;
	struct dojo_event *event;
	bool any = false;

	while (budget--) {
		event = &ring->ring[ring->next % DOJO_EVENT_ENTRIES];
		if (READ_ONCE(event->seq) != ring->next + 1)
			break;
		dma_rmb();
		dojo_event_handle(ring, event);
		ring->next++;
		ring->events++;
		any = true;
	}
	if (any) {
		/* the entries have been read before the card may reuse them */
		dma_mb();
		WRITE_ONCE(*ring->consumer, cpu_to_le32(ring->next));
	}
	return any;
}

static irqreturn_t dojo_event_irq(int irq, void *data)
{
	struct dojo_event_ring *ring = data;
	bool any;

	spin_lock(&ring->lock);
	any = dojo_event_consume(ring);
	if (any)
		ring->interrupts++;
	spin_unlock(&ring->lock);
	if (!any)
		return IRQ_NONE;

	if (!delayed_work_pending(&ring->tune))
		queue_delayed_work(system_dfl_wq, &ring->tune, DOJO_MODERATION_PERIOD);
	return IRQ_HANDLED;
}

/* Runs once in a while, only as long as there are interrupts. */
static void dojo_event_tune(struct work_struct *work)
{
	struct dojo_event_ring *ring = container_of(to_delayed_work(work), struct dojo_event_ring,
						    tune);
	struct dojo_tile *tile = ring->tile;
	u32 want = DOJO_MODERATION_NONE;
	u64 events, backlog;
	int idx;

	spin_lock_irq(&ring->lock);
	events = ring->events - ring->tuned_events;
	backlog = ring->backlog - ring->tuned_backlog;
	ring->tuned_events = ring->events;
	ring->tuned_backlog = ring->backlog;
	spin_unlock_irq(&ring->lock);

	if (ring->index != DOJO_EVENT_RING_CONTROL && events >= 16 && backlog * 2 > events)
		want = DOJO_MODERATION_LOAD;
	if (want == ring->moderation || !drm_dev_enter(&tile->drm, &idx))
		return;
	ring->moderation = want;
	dojo_tile_write(tile, DOJO_TILE_EVENT(ring->index) + DOJO_EVENT_MODERATION, want);
	drm_dev_exit(idx);
}

/**
 * dojo_event_poll() - look at every ring, in case an interrupt was lost
 * @tile: tile
 */
void dojo_event_poll(struct dojo_tile *tile)
{
	struct dojo_event_ring *ring;
	unsigned long flags;

	for (ring = tile->event; ring < tile->event + DOJO_NUM_EVENT_RINGS; ring++) {
		spin_lock_irqsave(&ring->lock, flags);
		dojo_event_consume(ring);
		spin_unlock_irqrestore(&ring->lock, flags);
	}
}

/* The card's vector for a ring, with four a tile or with fewer. */
static unsigned int dojo_event_vector(struct dojo_event_ring *ring)
{
	struct dojo_card *card = ring->tile->card;
	unsigned int per_tile = card->num_vectors / card->num_tiles;

	if (!per_tile)
		return ring->tile->index % card->num_vectors;
	return ring->tile->index * per_tile + min(ring->index, per_tile - 1);
}

/**
 * dojo_event_setup() - program the rings of a tile that is not enabled
 * @tile: tile
 */
void dojo_event_setup(struct dojo_tile *tile)
{
	struct dojo_event_ring *ring;
	unsigned long flags;
	u32 reg;

	for (ring = tile->event; ring < tile->event + DOJO_NUM_EVENT_RINGS; ring++) {
		reg = DOJO_TILE_EVENT(ring->index);
		spin_lock_irqsave(&ring->lock, flags);
		memset(ring->ring, 0, DOJO_EVENT_ENTRIES * sizeof(*ring->ring));
		*ring->consumer = 0;
		ring->next = 0;
		ring->moderation = DOJO_MODERATION_NONE;
		spin_unlock_irqrestore(&ring->lock, flags);

		dojo_tile_write64(tile, reg + DOJO_EVENT_BASE, ring->dma);
		dojo_tile_write(tile, reg + DOJO_EVENT_SIZE, DOJO_EVENT_ENTRIES);
		dojo_tile_write(tile, reg + DOJO_EVENT_VECTOR, dojo_event_vector(ring));
		dojo_tile_write64(tile, reg + DOJO_EVENT_CONSUMER, ring->consumer_dma);
		dojo_tile_write(tile, reg + DOJO_EVENT_MODERATION, DOJO_MODERATION_NONE);
	}
}

static int dojo_event_ring_init(struct dojo_tile *tile, struct dojo_event_ring *ring,
				unsigned int index)
{
	/* in an allocation of its own page, behind the entries */
	size_t size = DOJO_EVENT_ENTRIES * sizeof(*ring->ring) + sizeof(*ring->consumer);
	struct pci_dev *pdev = tile->card->pdev;
	int irq, ret;

	ring->tile = tile;
	ring->index = index;
	spin_lock_init(&ring->lock);
	INIT_DELAYED_WORK(&ring->tune, dojo_event_tune);
	snprintf(ring->name, sizeof(ring->name), "dojo-%s-%u.%u", pci_name(pdev), tile->index,
		 index);

	ring->ring = dma_alloc_coherent(&pdev->dev, size, &ring->dma, GFP_KERNEL);
	if (!ring->ring)
		return -ENOMEM;
	ring->consumer = (__le32 *)(ring->ring + DOJO_EVENT_ENTRIES);
	ring->consumer_dma = ring->dma + DOJO_EVENT_ENTRIES * sizeof(*ring->ring);

	irq = pci_irq_vector(pdev, dojo_event_vector(ring));
	ret = irq < 0 ? irq : request_irq(irq, dojo_event_irq, IRQF_SHARED, ring->name, ring);
	if (ret)
		return ret;
	ring->irq = irq;
	return 0;
}

/**
 * dojo_event_init() - allocate the event rings and request their interrupts
 * @tile: tile
 *
 * Return: 0 or -errno; dojo_event_fini() cleans up in both cases.
 */
int dojo_event_init(struct dojo_tile *tile)
{
	unsigned int i;
	int ret;

	BUILD_BUG_ON(sizeof(struct dojo_event) != 32);

	for (i = 0; i < DOJO_NUM_EVENT_RINGS; i++) {
		ret = dojo_event_ring_init(tile, &tile->event[i], i);
		if (ret)
			return ret;
	}
	return 0;
}

/**
 * dojo_event_fini() - release what dojo_event_init() took
 * @tile: tile, reset or never enabled
 */
void dojo_event_fini(struct dojo_tile *tile)
{
	struct dojo_event_ring *ring;

	for (ring = tile->event; ring < tile->event + DOJO_NUM_EVENT_RINGS; ring++) {
		if (!ring->tile)
			continue;
		if (ring->irq)
			free_irq(ring->irq, ring);
		ring->irq = 0;
		cancel_delayed_work_sync(&ring->tune);
		if (ring->ring)
			dma_free_coherent(dojo_dma_dev(tile),
					  DOJO_EVENT_ENTRIES * sizeof(*ring->ring) +
					  sizeof(*ring->consumer), ring->ring, ring->dma);
		ring->ring = NULL;
	}
}
