// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "progress.h"
#include "random.h"
#include "report.h"
#include "trainer.h"
#include "trainer_tile.h"

#define WARM_UP		0.05	/* part of the steps in which the rate rises */

struct trainer {
	unsigned int count;
	const struct dataset *train, *test;
	struct trainer_tile tiles[NET_TILES_MAX];
};

enum job_kind {
	JOB_TRAIN,
	JOB_TEST,
};

/* @count steps, or batches of test images, from @first on */
struct job {
	enum job_kind kind;
	unsigned int epoch;
	unsigned int first;
	unsigned int count;
	uint64_t points[NET_TILES_MAX];
};

/**
 * struct run - a run in progress
 * @batch: of one tile
 * @order: the training images, shuffled anew each epoch
 * @jobs: those in flight, by slot
 * @submitted, @harvested: jobs, counted up
 * @hits: test images of the epoch that were classified rightly
 */
struct run {
	struct trainer *trainer;
	const struct trainer_plan *plan;
	const struct trainer_observer *observer;
	struct trainer_result *result;
	uint32_t batch;
	unsigned int steps_per_epoch, test_batches;
	uint32_t *order;
	struct random random;
	struct job jobs[TRAINER_DEPTH];
	uint64_t submitted, harvested;
	unsigned int hits;
};

struct trainer *trainer_create(struct dojo_device *const *tiles, unsigned int count,
			       const struct dataset *train, const struct dataset *test)
{
	struct trainer *t;

	if (!count || count > NET_TILES_MAX) {
		fail("training takes 1 to %u tiles", NET_TILES_MAX);
		return NULL;
	}
	t = calloc(1, sizeof(*t));
	if (!t) {
		fail("out of memory");
		return NULL;
	}
	t->count = count;
	t->train = train;
	t->test = test;
	for (unsigned int i = 0; i < count; i++) {
		if (trainer_tile_open(&t->tiles[i], tiles[i], train, test)) {
			trainer_destroy(t);
			return NULL;
		}
	}
	return t;
}

void trainer_destroy(struct trainer *t)
{
	if (!t)
		return;
	for (unsigned int i = 0; i < t->count; i++)
		trainer_tile_close(&t->tiles[i]);
	free(t);
}

/* ------------------------------------------------------------ failures */

/* A tile that waits for another's gradients is not to blame: name the one that faulted. */
static int fail_run(struct trainer *t, unsigned int tile, int error)
{
	for (unsigned int i = 0; i < t->count; i++) {
		if (dojo_queue_check(t->tiles[i].queue) == -EIO) {
			tile = i;
			error = -EIO;
			break;
		}
	}
	return fail_device(t->tiles[tile].dev, error, "go on training on tile %u", tile);
}

/* ------------------------------------------------------------- results */

static int harvest_losses(struct run *run, const struct job *job, unsigned int slot)
{
	unsigned int at = job->epoch * run->steps_per_epoch + job->first;

	for (unsigned int i = 0; i < job->count; i++) {
		float sum = 0;

		for (unsigned int t = 0; t < run->trainer->count; t++)
			sum += run->trainer->tiles[t].slots[slot].losses[i];
		run->result->losses[at + i] = sum / run->trainer->count;
		if (!isfinite(sum))
			return fail("the loss is no number at step %u: try a smaller --rate",
				    at + i + 1);
	}
	if (run->observer && run->observer->step)
		run->observer->step(run->observer->context, at + job->count, run->result->steps,
				    run->result->losses[at + job->count - 1]);
	return 0;
}

static void harvest_biases(struct trainer_tile *tile, unsigned int slot)
{
	float amax[NET_SLOTS_MAX];

	for (uint32_t i = 0; i < tile->net.slots; i++)
		amax[i] = tile->slots[slot].amax[i];
	net_choose_biases(&tile->net, amax);
}

/* which test image the @row-th row of a batch on a tile is */
static uint32_t test_image(const struct run *run, unsigned int batch, unsigned int tile,
			   uint32_t row)
{
	return (batch * run->trainer->count + tile) * run->batch + row;
}

static void harvest_classes(struct run *run, const struct job *job, unsigned int slot)
{
	const struct dataset *test = run->trainer->test;

	for (unsigned int t = 0; t < run->trainer->count; t++) {
		const int32_t *classes = run->trainer->tiles[t].slots[slot].classes;

		for (uint32_t i = 0; i < job->count * run->batch; i++) {
			uint32_t image =
				test_image(run, job->first + i / run->batch, t, i % run->batch);

			if (image < test->count)
				run->hits += classes[i] == test->labels[image];
		}
	}
}

static void end_epoch(struct run *run, unsigned int epoch)
{
	const float *losses = run->result->losses + epoch * run->steps_per_epoch;
	double sum = 0;

	for (unsigned int i = 0; i < run->steps_per_epoch; i++)
		sum += losses[i];
	run->result->accuracy[epoch] = (double)run->hits / run->trainer->test->count;
	run->hits = 0;
	if (run->observer && run->observer->epoch)
		run->observer->epoch(run->observer->context, epoch + 1, sum / run->steps_per_epoch,
				     run->result->accuracy[epoch]);
}

/* waits for the oldest job in flight and takes its results */
static int harvest(struct run *run)
{
	unsigned int slot = run->harvested % TRAINER_DEPTH;
	struct job *job = &run->jobs[slot];
	int err;

	for (unsigned int t = 0; t < run->trainer->count; t++) {
		err = trainer_tile_wait(&run->trainer->tiles[t], job->points[t]);
		if (err)
			return fail_run(run->trainer, t, err);
	}
	run->harvested++;

	if (job->kind == JOB_TEST) {
		harvest_classes(run, job, slot);
		if (job->first + job->count == run->test_batches)
			end_epoch(run, job->epoch);
		return 0;
	}
	err = harvest_losses(run, job, slot);
	for (unsigned int t = 0; t < run->trainer->count; t++)
		harvest_biases(&run->trainer->tiles[t], slot);
	return err;
}

/* ---------------------------------------------------------------- jobs */

static float rate_at(const struct run *run, unsigned int step)
{
	double at = (step + 0.5) / run->result->steps;

	return run->plan->rate * (at < WARM_UP ? at / WARM_UP : (1 - at) / (1 - WARM_UP));
}

static void emit_train(struct run *run, const struct job *job, unsigned int tile, unsigned int slot)
{
	struct trainer_tile *t = &run->trainer->tiles[tile];
	struct trainer_slot *s = &t->slots[slot];

	for (unsigned int i = 0; i < job->count; i++) {
		unsigned int in_epoch = job->first + i;
		unsigned int number = job->epoch * run->steps_per_epoch + in_epoch;
		const uint32_t *rows = run->order +
			((uint64_t)in_epoch * run->trainer->count + tile) * run->batch;
		uint64_t offset = UINT64_C(4) * i * run->batch;
		struct net_step step = {
			.index = s->index_va + offset,
			.loss = s->losses_va + 4 * i,
			.number = number + 1,
			.rate = rate_at(run, number),
			.seed = run->plan->seed + ((uint64_t)tile << 32),
			.measure = i + 1 == job->count,
		};

		memcpy((uint8_t *)s->index + offset, rows, 4 * run->batch);
		net_emit_train(&t->net, s->batch, &t->data[0], &step, &t->peers);
	}
}

static void emit_test(struct run *run, const struct job *job, unsigned int tile, unsigned int slot)
{
	struct trainer_tile *t = &run->trainer->tiles[tile];
	struct trainer_slot *s = &t->slots[slot];

	for (unsigned int i = 0; i < job->count; i++) {
		uint64_t offset = UINT64_C(4) * i * run->batch;

		for (uint32_t row = 0; row < run->batch; row++) {
			uint32_t image = test_image(run, job->first + i, tile, row);

			/* the last batch is filled up with any image */
			s->index[i * run->batch + row] = image < t->data[1].rows ? image : 0;
		}
		net_emit_classify(&t->net, s->batch, &t->data[1], s->index_va + offset,
				  s->classes_va + offset);
	}
}

static int submit(struct run *run, enum job_kind kind, unsigned int epoch, unsigned int first,
		  unsigned int count)
{
	unsigned int slot = run->submitted % TRAINER_DEPTH;
	struct job *job = &run->jobs[slot];
	int err;

	if (run->submitted - run->harvested == TRAINER_DEPTH) {
		err = harvest(run);
		if (err)
			return err;
	}
	*job = (struct job){ .kind = kind, .epoch = epoch, .first = first, .count = count };
	for (unsigned int t = 0; t < run->trainer->count; t++) {
		struct trainer_tile *tile = &run->trainer->tiles[t];

		dojo_batch_reset(tile->slots[slot].batch);
		tile->net.amax = tile->slots[slot].amax_va;
		if (kind == JOB_TRAIN)
			emit_train(run, job, t, slot);
		else
			emit_test(run, job, t, slot);
		err = trainer_tile_submit(tile, slot);
		if (err)
			return err;
		job->points[t] = tile->point;
	}
	run->submitted++;
	return 0;
}

/* ----------------------------------------------------------------- run */

static void shuffle(struct run *run)
{
	for (uint32_t i = run->trainer->train->count; i-- > 1; ) {
		uint32_t j = random_below(&run->random, i + 1), swap = run->order[i];

		run->order[i] = run->order[j];
		run->order[j] = swap;
	}
}

static int run_epoch(struct run *run, unsigned int epoch)
{
	unsigned int first, left;
	int err = 0;

	shuffle(run);
	for (first = 0; !err && first < run->steps_per_epoch; first += TRAINER_JOB_STEPS) {
		left = run->steps_per_epoch - first;
		err = submit(run, JOB_TRAIN, epoch, first,
			     left < TRAINER_JOB_STEPS ? left : TRAINER_JOB_STEPS);
	}
	for (first = 0; !err && first < run->test_batches; first += TRAINER_JOB_STEPS) {
		left = run->test_batches - first;
		err = submit(run, JOB_TEST, epoch, first,
			     left < TRAINER_JOB_STEPS ? left : TRAINER_JOB_STEPS);
	}
	return err;
}

/* Biases to start with, from a step in FP32 that changes nothing. */
static int calibrate(struct run *run)
{
	int err;

	for (unsigned int i = 0; i < run->trainer->count; i++) {
		struct trainer_tile *tile = &run->trainer->tiles[i];
		struct trainer_slot *slot = &tile->slots[0];
		struct net_step step = {
			.index = slot->index_va,
			.loss = slot->losses_va,
			.number = 1,
			.seed = run->plan->seed + ((uint64_t)i << 32),
			.measure = true,
		};

		for (uint32_t row = 0; row < run->batch; row++)
			slot->index[row] = row;
		tile->net.wide = true;
		tile->net.amax = slot->amax_va;
		dojo_batch_reset(slot->batch);
		net_emit_measure(&tile->net, slot->batch, &tile->data[0], &step);
		tile->net.wide = false;
		err = dojo_queue_run(tile->queue, slot->batch, TRAINER_WAIT_NS);
		if (err)
			return fail_run(run->trainer, i, err);
		harvest_biases(tile, 0);
	}
	return 0;
}

static int begin_tiles(struct run *run)
{
	const struct dataset *set = run->trainer->train;
	struct net_extent input = { set->width, set->height, 1 };
	struct trainer_tile *tiles = run->trainer->tiles;
	unsigned int i;
	int err = 0;

	for (i = 0; i < run->trainer->count && !err; i++)
		err = trainer_tile_begin(&tiles[i], run->plan->layers, input, run->batch,
					 run->plan->formats, run->plan->seed);
	for (i = 0; i < run->trainer->count && !err && run->trainer->count > 1; i++)
		err = trainer_tile_connect(tiles, run->trainer->count, i);
	return err ? err : calibrate(run);
}

static int total_up(struct run *run)
{
	struct trainer_totals *sum = &run->result->totals;

	for (unsigned int i = 0; i < run->trainer->count; i++) {
		struct trainer_tile *tile = &run->trainer->tiles[i];
		struct drm_dojo_queue_get_state now;
		int err;

		err = dojo_queue_get_state(tile->queue, &now, sizeof(now));
		if (err)
			return fail_device(tile->dev, err, "read what the queue has done");
		sum->jobs += now.completed - tile->before.completed;
		sum->packets += now.packets - tile->before.packets;
		sum->bytes += now.bytes - tile->before.bytes;
		sum->flop += now.flop - tile->before.flop;
		sum->busy_ns += now.busy_ns - tile->before.busy_ns;
		if (now.model_ps - tile->before.model_ps > sum->model_ps)
			sum->model_ps = now.model_ps - tile->before.model_ps;
	}
	return 0;
}

static int run_all(struct run *run)
{
	double begin;
	int err;

	err = begin_tiles(run);
	if (err)
		return err;
	run->result->parameters = run->trainer->tiles[0].net.learned;
	begin = now_seconds();
	for (unsigned int epoch = 0; !err && epoch < run->plan->epochs; epoch++)
		err = run_epoch(run, epoch);
	while (!err && run->harvested < run->submitted)
		err = harvest(run);
	run->result->seconds = now_seconds() - begin;
	return err ? err : total_up(run);
}

int trainer_run(struct trainer *trainer, const struct trainer_plan *plan,
		const struct trainer_observer *observer, struct trainer_result *result)
{
	uint32_t images = trainer->train->count;
	struct run run = {
		.trainer = trainer,
		.plan = plan,
		.observer = observer,
		.result = result,
		.batch = plan->batch / trainer->count,
	};
	int err;

	memset(result, 0, sizeof(*result));
	if (!run.batch || run.batch * trainer->count > images)
		return fail("a batch of %u images cannot be cut for %u tiles from %u images",
			    plan->batch, trainer->count, images);
	run.steps_per_epoch = images / (run.batch * trainer->count);
	run.test_batches = (trainer->test->count + run.batch * trainer->count - 1) /
			   (run.batch * trainer->count);
	random_seed(&run.random, plan->seed ^ UINT64_C(0x73687566666c65));

	result->batch = run.batch * trainer->count;
	result->epochs = plan->epochs;
	result->steps_per_epoch = run.steps_per_epoch;
	result->steps = plan->epochs * run.steps_per_epoch;
	result->losses = calloc(result->steps, sizeof(*result->losses));
	result->accuracy = calloc(plan->epochs, sizeof(*result->accuracy));
	run.order = malloc(images * sizeof(*run.order));
	if (!result->losses || !result->accuracy || !run.order) {
		err = fail("out of memory");
		goto out;
	}
	for (uint32_t i = 0; i < images; i++)
		run.order[i] = i;

	err = run_all(&run);
	for (unsigned int i = 0; i < trainer->count; i++)
		trainer_tile_end(&trainer->tiles[i]);
out:
	free(run.order);
	if (err)
		trainer_result_free(result);
	return err;
}

void trainer_result_free(struct trainer_result *result)
{
	free(result->losses);
	free(result->accuracy);
	memset(result, 0, sizeof(*result));
}
