// SPDX-License-Identifier: GPL-2.0-only
/*
 * Moves and clears: segment packets on the kernel's DMA queue.
 *
 * A long list of segments becomes several jobs. All of them are made before the
 * first is armed, and the queue runs them in order, so the last one's fence
 * stands for all. Each job can be run again from its start without harm, which
 * is what a reset of the tile does with them.
 */
#include <linux/dma-fence.h>
#include <linux/minmax.h>
#include <linux/slab.h>

#include "dojo_job.h"
#include "dojo_move.h"
#include "dojo_ttm.h"

/* Segments begin here in a batch; they must be 16-byte aligned */
#define DOJO_MOVE_LIST		64
#define DOJO_MOVE_SMALL		SZ_4K
#define DOJO_MOVE_LARGE		SZ_64K

/**
 * struct dojo_move_batch - a job of a move, and its memory
 * @link: in &dojo_move.batches, or in &dojo_mm.batches
 * @mm: memory management of the tile
 * @mem: packet and segments
 * @job: the job
 */
struct dojo_move_batch {
	struct list_head link;
	struct dojo_mm *mm;
	struct dojo_kmem mem;
	struct dojo_job *job;
};

/**
 * struct dojo_move - a copy or clear being put together
 * @mm: memory management of the tile
 * @src: where from; NULL for a clear
 * @dst: where to
 * @src_run: of @src, that @offset is in
 * @dst_run: of @dst, that @offset is in
 * @offset: how far in the buffer we are
 * @batches: &struct dojo_move_batch so far
 */
struct dojo_move {
	struct dojo_mm *mm;
	const struct dojo_layout *src;
	const struct dojo_layout *dst;
	u32 src_run;
	u32 dst_run;
	u64 offset;
	struct list_head batches;
};

static struct dojo_move_batch *dojo_move_batch_get(struct dojo_mm *mm, size_t size)
{
	struct dojo_move_batch *batch = NULL;
	int ret;

	if (size == DOJO_MOVE_SMALL) {
		spin_lock(&mm->batch_lock);
		batch = list_first_entry_or_null(&mm->batches, struct dojo_move_batch, link);
		if (batch) {
			list_del(&batch->link);
			mm->batch_spare--;
		}
		spin_unlock(&mm->batch_lock);
	}
	if (batch)
		return batch;

	batch = kzalloc(sizeof(*batch), GFP_KERNEL);
	if (!batch)
		return NULL;
	ret = dojo_kmem_alloc(mm->tile, size, &batch->mem);
	if (ret) {
		kfree(batch);
		return NULL;
	}
	batch->mm = mm;
	return batch;
}

static void dojo_move_batch_put(struct dojo_move_batch *batch)
{
	struct dojo_mm *mm = batch->mm;
	bool keep;

	batch->job = NULL;
	spin_lock(&mm->batch_lock);
	keep = mm->started && batch->mem.size == DOJO_MOVE_SMALL &&
	       mm->batch_spare < DOJO_SPARE_BATCHES;
	if (keep) {
		list_add(&batch->link, &mm->batches);
		mm->batch_spare++;
	}
	spin_unlock(&mm->batch_lock);
	if (keep)
		return;

	dojo_kmem_free(mm->tile, &batch->mem);
	kfree(batch);
}

static void dojo_move_release(struct dojo_job *job, void *priv)
{
	dojo_move_batch_put(priv);
}

static void dojo_move_advance(const struct dojo_layout *layout, u32 *run, u64 offset)
{
	if (layout && offset == dojo_layout_end(layout, *run))
		(*run)++;
}

static u64 dojo_move_left(const struct dojo_layout *layout, u32 run, u64 offset)
{
	return layout ? dojo_layout_end(layout, run) - offset : U64_MAX;
}

static void dojo_move_segment(struct dojo_segment *segment, const struct dojo_layout *layout,
			      u32 run, u64 offset, u64 size, u64 permission)
{
	segment->pte = dojo_run_pte(&layout->run[run], offset) | DOJO_PTE_VALID |
		       DOJO_PTE_LEAF | permission;
	segment->size = size;
}

/* Add a job for the next segments, as many as its batch can hold. */
static int dojo_move_add(struct dojo_move *move)
{
	u32 left = (move->dst->count - move->dst_run) +
		   (move->src ? move->src->count - move->src_run : 0);
	unsigned int lists = move->src ? 2 : 1;
	struct dojo_segment *src, *dst;
	struct dojo_packet_segments *packet;
	struct dojo_move_batch *batch;
	u32 capacity, count = 0;
	size_t size;

	size = (u64)left * lists * sizeof(*dst) <= DOJO_MOVE_SMALL - DOJO_MOVE_LIST ?
	       DOJO_MOVE_SMALL : DOJO_MOVE_LARGE;
	batch = dojo_move_batch_get(move->mm, size);
	if (!batch)
		return -ENOMEM;

	capacity = (size - DOJO_MOVE_LIST) / (lists * sizeof(*dst));
	packet = batch->mem.cpu;
	dst = batch->mem.cpu + DOJO_MOVE_LIST;
	src = dst + capacity;

	while (count < capacity && move->offset < move->dst->size) {
		u64 step = min(dojo_move_left(move->src, move->src_run, move->offset),
			       dojo_move_left(move->dst, move->dst_run, move->offset));

		dojo_move_segment(&dst[count], move->dst, move->dst_run, move->offset, step,
				  DOJO_PTE_WRITE);
		if (move->src)
			dojo_move_segment(&src[count], move->src, move->src_run, move->offset,
					  step, DOJO_PTE_READ);
		count++;
		move->offset += step;
		dojo_move_advance(move->src, &move->src_run, move->offset);
		dojo_move_advance(move->dst, &move->dst_run, move->offset);
	}

	memset(packet, 0, sizeof(*packet));
	packet->header.opcode = move->src ? DOJO_OP_COPY_SEGMENTS : DOJO_OP_FILL_SEGMENTS;
	packet->header.words = sizeof(*packet) / 8;
	packet->dst = batch->mem.va + DOJO_MOVE_LIST;
	packet->dst_count = count;
	if (move->src) {
		packet->src = packet->dst + capacity * sizeof(*dst);
		packet->src_count = count;
	}

	batch->job = dojo_job_create(move->mm->tile->kernel_queue, batch->mem.va,
				     sizeof(*packet), NULL);
	if (IS_ERR(batch->job)) {
		int ret = PTR_ERR(batch->job);

		dojo_move_batch_put(batch);
		return ret;
	}
	batch->job->release = dojo_move_release;
	batch->job->release_priv = batch;
	list_add_tail(&batch->link, &move->batches);
	return 0;
}

static struct dma_fence *dojo_move_run(struct dojo_move *move, struct dma_resv *resv,
				       enum dma_resv_usage usage)
{
	struct dojo_move_batch *batch, *next;
	struct dma_fence *fence = NULL;
	int ret;

	INIT_LIST_HEAD(&move->batches);
	do {
		ret = dojo_move_add(move);
		if (ret)
			goto err_put;
	} while (move->offset < move->dst->size);

	batch = list_first_entry(&move->batches, struct dojo_move_batch, link);
	ret = drm_sched_job_add_resv_dependencies(&batch->job->base, resv, usage);
	if (ret)
		goto err_put;

	/* Point of no return. A pushed job may be gone at once, and its batch too. */
	list_for_each_entry_safe(batch, next, &move->batches, link) {
		struct dojo_job *job = batch->job;

		list_del(&batch->link);
		dma_fence_put(fence);
		fence = dojo_job_arm(job);
		dojo_job_push(job);
	}
	return fence;

err_put:
	list_for_each_entry_safe(batch, next, &move->batches, link) {
		list_del(&batch->link);
		dojo_job_put(batch->job);
	}
	return ERR_PTR(ret);
}

/**
 * dojo_move_copy() - copy a buffer's contents to where it is going
 * @mm: memory management of the tile
 * @src: where it is
 * @dst: where it is going; as large as @src
 * @resv: the buffer's reservation, held
 * @usage: fences of @resv to wait for
 *
 * Return: fence of the copy, with a reference, or an ERR_PTR.
 */
struct dma_fence *dojo_move_copy(struct dojo_mm *mm, const struct dojo_layout *src,
				 const struct dojo_layout *dst, struct dma_resv *resv,
				 enum dma_resv_usage usage)
{
	struct dojo_move move = { .mm = mm, .src = src, .dst = dst };

	return dojo_move_run(&move, resv, usage);
}

/**
 * dojo_move_clear() - zero new memory
 * @mm: memory management of the tile
 * @dst: memory
 * @resv: the buffer's reservation, held
 * @usage: fences of @resv to wait for
 *
 * Return: fence of the clear, with a reference, or an ERR_PTR.
 */
struct dma_fence *dojo_move_clear(struct dojo_mm *mm, const struct dojo_layout *dst,
				  struct dma_resv *resv, enum dma_resv_usage usage)
{
	struct dojo_move move = { .mm = mm, .dst = dst };

	return dojo_move_run(&move, resv, usage);
}

/**
 * dojo_move_fini() - free the spare batches
 * @mm: memory management of the tile; no move is under way
 */
void dojo_move_fini(struct dojo_mm *mm)
{
	struct dojo_move_batch *batch, *next;

	list_for_each_entry_safe(batch, next, &mm->batches, link) {
		dojo_kmem_free(mm->tile, &batch->mem);
		kfree(batch);
	}
	INIT_LIST_HEAD(&mm->batches);
	mm->batch_spare = 0;
}
