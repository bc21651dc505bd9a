// SPDX-License-Identifier: GPL-2.0-only
/*
 * devcoredump of a failed queue. driver/README.md documents the text.
 *
 * The failure is handled where fences wait for it, so the snapshot goes into
 * memory that the tile has had from the beginning; a work item makes text of it. The
 * devcoredump core keeps the first dump of a device until it is read and cleared,
 * or some minutes have passed, and drops those that come in between.
 */
#include <linux/devcoredump.h>
#include <linux/timekeeping.h>
#include <linux/utsname.h>
#include <linux/vmalloc.h>

#include <drm/drm_drv.h>
#include <drm/drm_managed.h>

#include "dojo_coredump.h"
#include "dojo_device.h"
#include "dojo_hang.h"
#include "dojo_queue.h"
#include "dojo_vm.h"

#define DOJO_COREDUMP_VERSION	1
#define DOJO_COREDUMP_TEXT	SZ_128K
#define DOJO_COREDUMP_DESCS	64
#define DOJO_COREDUMP_CONTEXTS	32
#define DOJO_COREDUMP_REGS	(DOJO_TILE_EVENT(DOJO_NUM_EVENT_RINGS) / 4)

/**
 * struct dojo_coredump - the snapshot of a tile's last failure
 * @tile: tile
 * @busy: being filled or being made text of
 * @work: makes the text
 * @time: wall clock
 * @boottime_ns: CLOCK_BOOTTIME
 * @device_ns: device clock
 * @reason: "fault" or "hang"
 * @comm: of the queue's creator
 * @pid: of the queue's creator
 * @queue: hardware context
 * @timeout_ns: of the queue
 * @submitted: last seqno given out
 * @completed: last seqno finished
 * @tail: of the ring
 * @ring_size: descriptors
 * @fault: what went wrong
 * @context: the queue's
 * @first_desc: absolute index of @desc
 * @num_descs: of @desc
 * @desc: descriptors up to the tail
 * @num_contexts: of @others
 * @other_id: which queues
 * @other: contexts of other queues with work, as in memory
 * @packet_bytes: of @packet
 * @packet: the packet at fault, and what follows
 * @walk_va: address that @walk is of
 * @walk_levels: of @walk
 * @walk: page-table entries from the root down
 * @regs: the tile's registers
 * @card_regs: the card's registers
 */
struct dojo_coredump {
	struct dojo_tile *tile;
	unsigned long busy;
	struct work_struct work;
	time64_t time;
	u64 boottime_ns;
	u64 device_ns;
	const char *reason;
	char comm[TASK_COMM_LEN];
	pid_t pid;
	u32 queue;
	u64 timeout_ns;
	u64 submitted;
	u64 completed;
	u32 tail;
	u32 ring_size;
	struct dojo_queue_fault fault;
	struct dojo_queue_context context;
	u32 first_desc;
	u32 num_descs;
	struct dojo_ring_descriptor desc[DOJO_COREDUMP_DESCS];
	u32 num_contexts;
	u32 other_id[DOJO_COREDUMP_CONTEXTS];
	struct dojo_queue_context other[DOJO_COREDUMP_CONTEXTS];
	size_t packet_bytes;
	u8 packet[DOJO_PACKET_MAX];
	u64 walk_va;
	u32 walk_levels;
	u64 walk[DOJO_PT_LEVELS];
	u32 regs[DOJO_COREDUMP_REGS];
	u32 card_regs[DOJO_CARD_BLOCK_SIZE / 16];
};

/**
 * struct dojo_coredump_text - text in the making
 * @buf: memory
 * @len: so far
 */
struct dojo_coredump_text {
	char *buf;
	size_t len;
};

static __printf(2, 3) void dojo_coredump_print(struct dojo_coredump_text *text,
					       const char *format, ...)
{
	va_list args;

	va_start(args, format);
	text->len += vscnprintf(text->buf + text->len, DOJO_COREDUMP_TEXT - text->len, format,
				args);
	va_end(args);
}

static void dojo_coredump_hex(struct dojo_coredump_text *text, const void *data, size_t size)
{
	char line[80];
	size_t i;

	for (i = 0; i < size; i += 32) {
		hex_dump_to_buffer(data + i, min_t(size_t, size - i, 32), 32, 4, line,
				   sizeof(line), false);
		dojo_coredump_print(text, "%04zx: %s\n", i, line);
	}
}

static void dojo_coredump_format(const struct dojo_coredump *dump, struct dojo_coredump_text *text)
{
	const struct dojo_queue_fault *fault = &dump->fault;
	struct dojo_tile *tile = dump->tile;
	struct dojo_card *card = tile->card;
	u32 i;

	dojo_coredump_print(text, "dojo-coredump: %u\n", DOJO_COREDUMP_VERSION);
	dojo_coredump_print(text, "kernel: %s\n", init_utsname()->release);
	dojo_coredump_print(text, "card: %s\nserial: %s\ngeneration: %u\ninterface: %u.%u\n",
			    pci_name(card->pdev), card->serial, card->generation,
			    card->version >> 16, card->version & 0xffff);
	dojo_coredump_print(text, "tile: %u\n", tile->index);
	dojo_coredump_print(text, "time: %lld\nboottime-ns: %llu\ndevice-ns: %llu\n", dump->time,
			    dump->boottime_ns, dump->device_ns);
	dojo_coredump_print(text, "reason: %s\nprocess: %s\npid: %d\n", dump->reason, dump->comm,
			    dump->pid);

	dojo_coredump_print(text, "queue: %u\ntimeout-ns: %llu\nsubmitted: %llu\ncompleted: %llu\n",
			    dump->queue, dump->timeout_ns, dump->submitted, dump->completed);
	dojo_coredump_print(text, "ring-size: %u\ntail: %u\n", dump->ring_size, dump->tail);
	dojo_coredump_print(text, "fault: %u\nfault-va: 0x%llx\n", fault->fault, fault->va);
	dojo_coredump_print(text, "fault-access: %u\nfault-field: 0x%x\n", fault->access,
			    fault->field);
	dojo_coredump_print(text, "job: %llu\nbatch-va: 0x%llx\n", fault->seqno,
			    fault->batch_va);
	dojo_coredump_print(text, "packet-offset: 0x%x\npacket-opcode: 0x%x\n",
			    fault->packet_offset, fault->opcode);

	dojo_coredump_print(text, "\n[context %u]\n", dump->queue);
	dojo_coredump_hex(text, &dump->context, sizeof(dump->context));
	for (i = 0; i < dump->num_descs; i++) {
		dojo_coredump_print(text, "\n[descriptor %u]\n", dump->first_desc + i);
		dojo_coredump_hex(text, &dump->desc[i], sizeof(dump->desc[i]));
	}
	if (dump->packet_bytes) {
		dojo_coredump_print(text, "\n[packet 0x%llx]\n",
				    fault->batch_va + fault->packet_offset);
		dojo_coredump_hex(text, dump->packet, dump->packet_bytes);
	}
	if (dump->walk_levels) {
		dojo_coredump_print(text, "\n[walk 0x%llx]\n", dump->walk_va);
		for (i = 0; i < dump->walk_levels; i++)
			dojo_coredump_print(text, "level %u: 0x%016llx\n", DOJO_PT_LEVELS - i,
					    dump->walk[i]);
	}
	for (i = 0; i < dump->num_contexts; i++) {
		dojo_coredump_print(text, "\n[context %u]\n", dump->other_id[i]);
		dojo_coredump_hex(text, &dump->other[i], sizeof(dump->other[i]));
	}
	dojo_coredump_print(text, "\n[tile-registers]\n");
	dojo_coredump_hex(text, dump->regs, sizeof(dump->regs));
	dojo_coredump_print(text, "\n[card-registers]\n");
	dojo_coredump_hex(text, dump->card_regs, sizeof(dump->card_regs));
	dojo_coredump_print(text, "\n[end]\n");
}

static void dojo_coredump_work(struct work_struct *work)
{
	struct dojo_coredump *dump = container_of(work, struct dojo_coredump, work);
	struct dojo_coredump_text text = { .buf = vmalloc(DOJO_COREDUMP_TEXT) };

	if (text.buf) {
		dojo_coredump_format(dump, &text);
		/* the core frees it */
		dev_coredumpv(dump->tile->drm.dev, text.buf, text.len, GFP_KERNEL);
	}
	clear_bit_unlock(0, &dump->busy);
}

static void dojo_coredump_ring(struct dojo_coredump *dump, struct dojo_queue *queue)
{
	u32 index, i;

	spin_lock_irq(&queue->lock);
	dump->tail = queue->tail;
	index = queue->tail;
	dojo_queue_oldest(queue, &index, NULL);
	/* a few before the oldest job, for what has just been done */
	dump->first_desc = index - min(index, 4u);
	dump->num_descs = min(dump->tail - dump->first_desc, (u32)DOJO_COREDUMP_DESCS);
	for (i = 0; i < dump->num_descs; i++)
		dump->desc[i] = queue->ring[(dump->first_desc + i) & (queue->ring_size - 1)];
	spin_unlock_irq(&queue->lock);
}

static void dojo_coredump_others(struct dojo_coredump *dump, struct dojo_queue *queue)
{
	struct dojo_queue *other = NULL;
	u32 n = 0;

	while ((other = dojo_queues_next(dump->tile, other))) {
		if (other == queue || n == DOJO_COREDUMP_CONTEXTS ||
		    !atomic_read(&other->inflight))
			continue;
		dump->other_id[n] = other->id;
		dojo_queue_read_context(other, &dump->other[n++]);
	}
	dump->num_contexts = n;
}

/**
 * dojo_coredump_capture() - keep what is known of a failure
 * @queue: queue at fault, not yet reset
 * @context: as the card saved it
 * @reason: a constant string
 *
 * Between drm_dev_enter() and drm_dev_exit(); does not allocate or wait.
 */
void dojo_coredump_capture(struct dojo_queue *queue, const struct dojo_queue_context *context,
			   const char *reason)
{
	struct dojo_tile *tile = queue->tile;
	struct dojo_coredump *dump = tile->coredump;
	u32 i;

	if (test_and_set_bit_lock(0, &dump->busy))
		return;

	dump->time = ktime_get_real_seconds();
	dump->boottime_ns = ktime_get_boottime_ns();
	dump->device_ns = readq(tile->card->regs + DOJO_CARD_TIMESTAMP);
	dump->reason = reason;
	strscpy(dump->comm, queue->comm);
	dump->pid = queue->pid;
	dump->queue = queue->id;
	dump->timeout_ns = dojo_hang_timeout_ns(queue);
	dump->submitted = READ_ONCE(queue->submitted);
	dump->completed = READ_ONCE(queue->completed);
	dump->ring_size = queue->ring_size;
	dump->fault = queue->fault;
	dump->context = *context;
	dojo_coredump_ring(dump, queue);
	dojo_coredump_others(dump, queue);

	dump->packet_bytes = 0;
	dump->walk_levels = 0;
	if (queue->vm) {
		u64 va = dump->fault.batch_va + dump->fault.packet_offset;

		dump->packet_bytes = dojo_vm_peek(queue->vm, va, dump->packet,
						  sizeof(dump->packet));
		dump->walk_va = dump->fault.access ? dump->fault.va : va;
		dump->walk_levels = dojo_vm_walk(queue->vm, dump->walk_va, dump->walk);
	}

	for (i = 0; i < ARRAY_SIZE(dump->regs); i++)
		dump->regs[i] = dojo_tile_read(tile, 4 * i);
	for (i = 0; i < ARRAY_SIZE(dump->card_regs); i++)
		dump->card_regs[i] = readl(tile->card->regs + 4 * i);
	queue_work(dojo_wq, &dump->work);
}

/**
 * dojo_coredump_init() - take the memory for a snapshot
 * @tile: tile
 *
 * Return: 0 or -ENOMEM.
 */
int dojo_coredump_init(struct dojo_tile *tile)
{
	struct dojo_coredump *dump = drmm_kzalloc(&tile->drm, sizeof(*dump), GFP_KERNEL);

	if (!dump)
		return -ENOMEM;
	dump->tile = tile;
	INIT_WORK(&dump->work, dojo_coredump_work);
	tile->coredump = dump;
	return 0;
}

/**
 * dojo_coredump_fini() - nothing more will be captured
 * @tile: tile without queues
 */
void dojo_coredump_fini(struct dojo_tile *tile)
{
	flush_work(&tile->coredump->work);
}
