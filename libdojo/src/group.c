// SPDX-License-Identifier: MIT
/*
 * Collectives between tiles of a card.
 *
 * A collective is a few steps; in each step every rank runs one batch, and the
 * steps are kept apart by a timeline for each rank, which all tiles know:
 *
 *	arrive	every rank has done what it was given before
 *	work	one step, or two: for all-reduce its part is summed, then gathered
 *	leave	no rank reads or writes another's memory any more
 *
 * In the first step rank r writes part r of its own buffer only, and reads part
 * r of the others'; in the second it writes the other parts of its own. So
 * nobody reads what somebody writes in the same step.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

#define BATCH_BYTES	8192u	/* the longest has 7 packets of 256 bytes */
#define BATCHES		8u	/* of a rank, used in turn */

/**
 * struct rank - a tile of a group
 * @queue: where its work goes
 * @timeline: of every rank, as this tile knows it
 * @batch: used in turn
 * @batch_point: what this rank's timeline reaches when the batch has run
 * @scratch: partial sums, in FP32
 * @scratch_va, @scratch_count: where, and for how many elements
 */
struct rank {
	struct dojo_queue *queue;
	struct dojo_timeline *timeline[DOJO_GROUP_MAX];
	struct dojo_batch *batch[BATCHES];
	uint64_t batch_point[BATCHES];
	struct dojo_bo *scratch;
	uint64_t scratch_va;
	uint64_t scratch_count;
};

/**
 * struct dojo_group - tiles that work together
 * @ranks: how many
 * @point: that every rank's timeline reaches with what has been queued
 * @next_batch: to be used
 * @one_packet: the card has packets for collectives
 */
struct dojo_group {
	uint32_t ranks;
	uint64_t point;
	unsigned int next_batch;
	bool one_packet;
	struct rank rank[DOJO_GROUP_MAX];
};

/**
 * struct dojo_shared - a buffer of each rank
 * @group: whose
 * @size: bytes that every one of them has
 * @bo: of @owner, imported at @rank; the owner's own there
 * @va: its address there
 */
struct dojo_shared {
	struct dojo_group *group;
	uint64_t size;
	struct dojo_bo *bo[DOJO_GROUP_MAX][DOJO_GROUP_MAX];
	uint64_t va[DOJO_GROUP_MAX][DOJO_GROUP_MAX];
};

static struct dojo_device *device_of(const struct dojo_group *group, uint32_t rank)
{
	return group->rank[rank].queue->vm->dev;
}

static int fail(const struct dojo_group *group, int error, const char *what)
{
	return dojo_fail(device_of(group, 0), error, "group: %s", what);
}

/* The sentence about a failure on one tile is asked for on the first. */
static int pass_on(const struct dojo_group *group, uint32_t rank, int error)
{
	char why[ERROR_TEXT_MAX];

	if (!error || !rank)
		return error;
	if (!dojo_last_error(device_of(group, rank), why, sizeof(why)))
		return fail(group, error, dojo_strerror(error));
	return dojo_fail(device_of(group, 0), error, "rank %u: %s", rank, why);
}

/* ------------------------------------------------------ making a group */

static int check_queues(struct dojo_queue *const *queues, uint32_t ranks)
{
	struct dojo_device *first = queues[0]->vm->dev, *dev;
	uint32_t seen = 0, r;

	for (r = 0; r < ranks; r++) {
		dev = queues[r]->vm->dev;
		if (queues[r]->queue_class != DRM_DOJO_QUEUE_COMPUTE)
			return dojo_fail(first, -EINVAL, "group: rank %u is no compute queue", r);
		if (memcmp(dev->card.serial, first->card.serial, sizeof(dev->card.serial)))
			return dojo_fail(first, -EINVAL, "group: rank %u is on another card", r);
		if (dev->tile.index >= 32 || seen & 1u << dev->tile.index)
			return dojo_fail(first, -EINVAL, "group: rank %u is on a tile again", r);
		seen |= 1u << dev->tile.index;
	}
	return 0;
}

/* The timeline of @owner on every tile. */
static int spread_timeline(struct dojo_group *group, uint32_t owner)
{
	struct dojo_timeline **own = &group->rank[owner].timeline[owner];
	int ret, fd;
	uint32_t r;

	ret = dojo_timeline_create(device_of(group, owner), 0, own);
	if (!ret)
		ret = dojo_timeline_export(*own, &fd);
	if (ret)
		return pass_on(group, owner, ret);
	for (r = 0; r < group->ranks && !ret; r++) {
		if (r == owner)
			continue;
		ret = dojo_timeline_import(device_of(group, r), fd,
					   &group->rank[r].timeline[owner]);
		ret = pass_on(group, r, ret);
	}
	close(fd);
	return ret;
}

static int make_batches(struct rank *rank)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < BATCHES && !ret; i++)
		ret = dojo_batch_create(rank->queue->vm, BATCH_BYTES, 0, &rank->batch[i]);
	return ret;
}

int dojo_group_create(struct dojo_queue *const *queues, uint32_t ranks, struct dojo_group **out)
{
	struct dojo_group *group;
	uint32_t r;
	int ret;

	*out = NULL;
	if (!ranks || ranks > DOJO_GROUP_MAX)
		return -EINVAL;
	ret = check_queues(queues, ranks);
	if (ret)
		return ret;
	group = calloc(1, sizeof(*group));
	if (!group)
		return dojo_fail(queues[0]->vm->dev, -ENOMEM, "group: %s", dojo_strerror(ENOMEM));
	group->ranks = ranks;
	group->one_packet = true;
	for (r = 0; r < ranks; r++)
		group->rank[r].queue = queues[r];
	for (r = 0; r < ranks && !ret; r++) {
		if (!dojo_device_has_opcode(device_of(group, r), DOJO_OP_ALL_REDUCE))
			group->one_packet = false;
		ret = spread_timeline(group, r);
		if (!ret)
			ret = pass_on(group, r, make_batches(&group->rank[r]));
	}
	if (ret)
		dojo_group_destroy(group);
	else
		*out = group;
	return ret;
}

static void drop_scratch(struct rank *rank)
{
	if (rank->scratch_va)
		dojo_vm_unmap(rank->queue->vm, rank->scratch_va);
	dojo_bo_destroy(rank->scratch);
	rank->scratch = NULL;
	rank->scratch_va = 0;
	rank->scratch_count = 0;
}

static void destroy_rank(struct rank *rank)
{
	uint32_t i;

	for (i = 0; i < BATCHES; i++)
		dojo_batch_destroy(rank->batch[i]);
	for (i = 0; i < DOJO_GROUP_MAX; i++)
		dojo_timeline_destroy(rank->timeline[i]);
	drop_scratch(rank);
}

void dojo_group_destroy(struct dojo_group *group)
{
	uint32_t r;
	int ret;

	if (!group)
		return;
	/* Whatever it says: a queue that has stopped runs nothing either. */
	ret = group->point ? dojo_group_wait(group, DOJO_FOREVER) : 0;
	(void)ret;
	for (r = 0; r < group->ranks; r++)
		destroy_rank(&group->rank[r]);
	free(group);
}

uint32_t dojo_group_ranks(const struct dojo_group *group)
{
	return group->ranks;
}

int dojo_group_wait(struct dojo_group *group, int64_t timeout_ns)
{
	int64_t deadline = dojo_deadline(timeout_ns);
	int ret = 0, result = 0;
	uint32_t r;

	for (r = 0; r < group->ranks; r++) {
		ret = dojo_queue_wait_idle(group->rank[r].queue, dojo_time_left(deadline));
		if (ret && !result)
			result = pass_on(group, r, ret);
	}
	return result;
}

/* ------------------------------------------------------------- sharing */

static int share_one(struct dojo_shared *shared, uint32_t owner, struct dojo_bo *bo, int fd)
{
	struct dojo_group *group = shared->group;
	struct dojo_bo **here;
	uint32_t r;
	int ret = 0;

	for (r = 0; r < group->ranks && !ret; r++) {
		here = &shared->bo[r][owner];
		ret = dojo_bo_import(device_of(group, r), fd, here);
		if (!ret)
			ret = dojo_vm_map(group->rank[r].queue->vm, *here, 0, bo->size, 0,
					  &shared->va[r][owner]);
		ret = pass_on(group, r, ret);
	}
	return ret;
}

int dojo_group_share(struct dojo_group *group, struct dojo_bo *const *bos,
		     struct dojo_shared **out)
{
	struct dojo_shared *shared = calloc(1, sizeof(*shared));
	int ret = 0, fd;
	uint32_t r;

	*out = NULL;
	if (!shared)
		return fail(group, -ENOMEM, dojo_strerror(ENOMEM));
	shared->group = group;
	shared->size = UINT64_MAX;
	for (r = 0; r < group->ranks && !ret; r++) {
		if (bos[r]->size < shared->size)
			shared->size = bos[r]->size;
		ret = pass_on(group, r, dojo_bo_export(bos[r], &fd));
		if (ret)
			break;
		ret = share_one(shared, r, bos[r], fd);
		close(fd);
	}
	if (ret)
		dojo_shared_destroy(shared);
	else
		*out = shared;
	return ret;
}

void dojo_shared_destroy(struct dojo_shared *shared)
{
	uint32_t r, owner;

	if (!shared)
		return;
	for (r = 0; r < shared->group->ranks; r++) {
		for (owner = 0; owner < shared->group->ranks; owner++) {
			if (shared->va[r][owner])
				dojo_vm_unmap(shared->group->rank[r].queue->vm,
					      shared->va[r][owner]);
			dojo_bo_destroy(shared->bo[r][owner]);
		}
	}
	free(shared);
}

uint64_t dojo_shared_va(const struct dojo_shared *shared, uint32_t rank, uint32_t owner)
{
	if (rank >= shared->group->ranks || owner >= shared->group->ranks)
		return 0;
	return shared->va[rank][owner];
}

void dojo_group_part(const struct dojo_group *group, uint64_t count, uint32_t rank,
		     uint64_t *first, uint64_t *length)
{
	uint64_t whole = count / group->ranks, rest = count % group->ranks;

	*first = whole * rank + (rank < rest ? rank : rest);
	*length = whole + (rank < rest);
}

/* --------------------------------------------------------------- steps */

/* A batch of @rank that runs no more, empty. */
static int take_batch(struct dojo_group *group, uint32_t r, struct dojo_batch **batch)
{
	struct rank *rank = &group->rank[r];
	unsigned int i = group->next_batch;
	int ret;

	ret = dojo_timeline_wait(rank->timeline[r], rank->batch_point[i], DOJO_FOREVER);
	if (ret)
		return pass_on(group, r, ret);
	*batch = rank->batch[i];
	dojo_batch_reset(*batch);
	return 0;
}

/*
 * Submit @batch of rank @r, or nothing, after all ranks have reached @after, and
 * raise its own timeline to @point.
 */
static int submit_step(struct dojo_group *group, uint32_t r, struct dojo_batch *batch,
		       uint64_t after, uint64_t point)
{
	struct drm_dojo_sync_op syncs[DOJO_GROUP_MAX + 1];
	struct rank *rank = &group->rank[r];
	uint32_t count = 0, other;

	for (other = 0; after && other < group->ranks; other++)
		if (other != r)
			syncs[count++] = dojo_wait_for(rank->timeline[other], after);
	syncs[count++] = dojo_signal(rank->timeline[r], point);
	return pass_on(group, r, dojo_queue_submit(rank->queue, batch, syncs, count, NULL));
}

/* A step without work: all ranks reach the next point, each after all have reached this one. */
static int empty_step(struct dojo_group *group, uint64_t after)
{
	uint32_t r;
	int ret = 0;

	for (r = 0; r < group->ranks && !ret; r++)
		ret = submit_step(group, r, NULL, after, group->point + 1);
	group->point++;
	return ret;
}

static int arrive(struct dojo_group *group)
{
	return empty_step(group, 0);
}

static int leave(struct dojo_group *group)
{
	return empty_step(group, group->point);
}

/**
 * struct step - what every rank does
 * @append: append the packets of rank @r
 * @tensor: of all ranks
 * @rounding: of sums
 * @root: of a broadcast
 */
struct step {
	int (*append)(struct dojo_group *group, const struct step *step, uint32_t r,
		      struct dojo_batch *batch);
	const struct dojo_group_tensor *tensor;
	const struct dojo_rounding *rounding;
	uint32_t root;
};

static int work_step(struct dojo_group *group, const struct step *step)
{
	struct dojo_batch *batch = NULL;
	uint64_t after = group->point;
	int ret = 0;
	uint32_t r;

	for (r = 0; r < group->ranks && !ret; r++) {
		ret = take_batch(group, r, &batch);
		if (!ret)
			ret = pass_on(group, r, step->append(group, step, r, batch));
		if (!ret)
			ret = submit_step(group, r, batch, after, after + 1);
		if (!ret)
			group->rank[r].batch_point[group->next_batch] = after + 1;
	}
	group->point++;
	group->next_batch = (group->next_batch + 1) % BATCHES;
	return ret;
}

/* --------------------------------------------------------- collectives */

/* @length elements from @first on of @owner's buffer, as rank @r sees them */
static struct dojo_tensor view(const struct dojo_group_tensor *tensor, uint32_t r, uint32_t owner,
			       uint64_t first, uint64_t length)
{
	uint64_t va = tensor->shared->va[r][owner] + tensor->offset +
		      first * dojo_format_size(tensor->format);

	return dojo_tensor_with_bias(dojo_tensor_1d(va, tensor->format, (uint32_t)length),
				     tensor->bias);
}

static struct dojo_rounding rounding_from(const struct dojo_rounding *rounding, uint64_t first)
{
	struct dojo_rounding from = { .mode = DOJO_ROUND_NEAREST };

	if (rounding)
		from = *rounding;
	if (from.mode == DOJO_ROUND_STOCHASTIC)		/* else the card wants 0 */
		from.rng_base += first;
	return from;
}

/* Rank @r's part: ((t0 + t1) + t2) + ..., in FP32 until the last sum is stored. */
static int append_sum(struct dojo_group *group, const struct step *step, uint32_t r,
		      struct dojo_batch *batch)
{
	struct dojo_tensor sum, term, partial;
	struct dojo_rounding rounding;
	uint64_t first, length;
	uint32_t i;
	int ret = 0;

	dojo_group_part(group, step->tensor->count, r, &first, &length);
	if (!length)
		return 0;
	rounding = rounding_from(step->rounding, first);
	partial = dojo_tensor_1d(group->rank[r].scratch_va, DOJO_FORMAT_FP32, (uint32_t)length);
	sum = view(step->tensor, r, 0, first, length);
	for (i = 1; i < group->ranks && !ret; i++) {
		bool last = i == group->ranks - 1;
		struct dojo_tensor result = last ? view(step->tensor, r, r, first, length) :
						   partial;

		term = view(step->tensor, r, i, first, length);
		ret = dojo_binary(batch, DOJO_BINARY_ADD, &sum, &term, &result,
				  last ? &rounding : NULL);
		sum = partial;
	}
	return ret;
}

/* Rank @r's part of everybody's buffer, in one packet. */
static int append_all_reduce(struct dojo_group *group, const struct step *step, uint32_t r,
			     struct dojo_batch *batch)
{
	const struct dojo_tensor *tensors[DOJO_GROUP_MAX];
	struct dojo_tensor views[DOJO_GROUP_MAX];
	struct dojo_rounding rounding;
	uint64_t first, length;
	uint32_t i;

	dojo_group_part(group, step->tensor->count, r, &first, &length);
	if (!length)
		return 0;
	rounding = rounding_from(step->rounding, first);
	for (i = 0; i < group->ranks; i++) {
		views[i] = view(step->tensor, r, i, first, length);
		tensors[i] = &views[i];
	}
	return dojo_all_reduce(batch, tensors, group->ranks, &rounding);
}

/* Copy elements of @owner's buffer to rank @r's own. */
static int append_copy(const struct step *step, uint32_t r, struct dojo_batch *batch,
		       uint32_t owner, uint64_t first, uint64_t length)
{
	const struct dojo_group_tensor *tensor = step->tensor;
	uint64_t element = dojo_format_size(tensor->format);
	uint64_t start = tensor->offset + first * element;

	if (!length || owner == r)
		return 0;
	return dojo_copy(batch, tensor->shared->va[r][r] + start,
			 tensor->shared->va[r][owner] + start, length * element);
}

static int append_gather(struct dojo_group *group, const struct step *step, uint32_t r,
			 struct dojo_batch *batch)
{
	uint64_t first, length;
	uint32_t i;
	int ret = 0;

	for (i = 0; i < group->ranks && !ret; i++) {
		dojo_group_part(group, step->tensor->count, i, &first, &length);
		ret = append_copy(step, r, batch, i, first, length);
	}
	return ret;
}

static int append_broadcast(struct dojo_group *group, const struct step *step, uint32_t r,
			    struct dojo_batch *batch)
{
	(void)group;
	return append_copy(step, r, batch, step->root, 0, step->tensor->count);
}

/* The root's elements to everybody, in one packet. */
static int append_multicast(struct dojo_group *group, const struct step *step, uint32_t r,
			    struct dojo_batch *batch)
{
	const struct dojo_tensor *tensors[DOJO_GROUP_MAX];
	struct dojo_tensor views[DOJO_GROUP_MAX];
	uint32_t i, count = 1;

	if (r != step->root)
		return 0;
	for (i = 0; i < group->ranks; i++) {
		views[i] = view(step->tensor, r, i, 0, step->tensor->count);
		tensors[i == step->root ? 0 : count++] = &views[i];
	}
	return dojo_multicast(batch, tensors, count);
}

static int check_tensor(const struct dojo_group *group, const struct dojo_group_tensor *tensor)
{
	uint64_t element = dojo_format_size(tensor->format);

	if (!tensor->shared || tensor->shared->group != group)
		return fail(group, -EINVAL, "a tensor of another group");
	if (!element || tensor->bias > DOJO_BIAS_MAX || tensor->offset % element)
		return fail(group, -EINVAL, "format, bias or alignment of the tensor");
	if (!tensor->count || tensor->count > INT32_MAX || tensor->offset > tensor->shared->size ||
	    tensor->count * element > tensor->shared->size - tensor->offset)
		return fail(group, -EINVAL, "no elements, or more than the buffers have");
	return 0;
}

/* Partial sums of a part need memory of their own if there are more than two terms. */
static int grow_scratch(struct dojo_group *group, uint64_t count)
{
	uint64_t first, length;
	uint32_t r;
	int ret = 0;

	dojo_group_part(group, count, 0, &first, &length);
	if (group->ranks <= 2 || length <= group->rank[0].scratch_count)
		return 0;
	ret = dojo_group_wait(group, DOJO_FOREVER);
	for (r = 0; r < group->ranks && !ret; r++) {
		struct rank *rank = &group->rank[r];

		drop_scratch(rank);
		ret = dojo_bo_create(device_of(group, r), length * sizeof(float), 0, 0,
				     rank->queue->vm, &rank->scratch);
		if (!ret)
			ret = dojo_vm_map(rank->queue->vm, rank->scratch, 0, 0, 0,
					  &rank->scratch_va);
		if (!ret)
			rank->scratch_count = length;
		ret = pass_on(group, r, ret);
	}
	if (ret)	/* all ranks have the same, or it counts as none */
		group->rank[0].scratch_count = 0;
	return ret;
}

/* Steps between arriving and leaving. With one rank there is nobody to talk to. */
static int run_steps(struct dojo_group *group, const struct step *steps, unsigned int count)
{
	unsigned int i;
	int ret;

	if (group->ranks == 1)
		return 0;
	ret = arrive(group);
	for (i = 0; i < count && !ret; i++)
		ret = work_step(group, &steps[i]);
	return ret ? ret : leave(group);
}

int dojo_group_all_reduce(struct dojo_group *group, const struct dojo_group_tensor *tensor,
			  const struct dojo_rounding *rounding)
{
	const struct step steps[] = {
		{ .append = append_sum, .tensor = tensor, .rounding = rounding },
		{ .append = append_gather, .tensor = tensor },
	};
	const struct step one = {
		.append = append_all_reduce, .tensor = tensor, .rounding = rounding
	};
	int ret = check_tensor(group, tensor);

	if (ret)
		return ret;
	if (group->one_packet)
		return run_steps(group, &one, 1);
	ret = grow_scratch(group, tensor->count);
	return ret ? ret : run_steps(group, steps, 2);
}

int dojo_group_reduce_scatter(struct dojo_group *group, const struct dojo_group_tensor *tensor,
			      const struct dojo_rounding *rounding)
{
	const struct step step = {
		.append = append_sum, .tensor = tensor, .rounding = rounding
	};
	int ret = check_tensor(group, tensor);

	if (!ret)
		ret = grow_scratch(group, tensor->count);
	return ret ? ret : run_steps(group, &step, 1);
}

int dojo_group_all_gather(struct dojo_group *group, const struct dojo_group_tensor *tensor)
{
	const struct step step = { .append = append_gather, .tensor = tensor };
	int ret = check_tensor(group, tensor);

	return ret ? ret : run_steps(group, &step, 1);
}

int dojo_group_broadcast(struct dojo_group *group, const struct dojo_group_tensor *tensor,
			 uint32_t root)
{
	const struct step step = {
		.append = group->one_packet ? append_multicast : append_broadcast,
		.tensor = tensor,
		.root = root,
	};
	int ret = check_tensor(group, tensor);

	if (!ret && root >= group->ranks)
		ret = fail(group, -EINVAL, "no such rank");
	return ret ? ret : run_steps(group, &step, 1);
}

int dojo_group_barrier(struct dojo_group *group)
{
	return run_steps(group, NULL, 0);
}
