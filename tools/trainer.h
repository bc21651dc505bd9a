/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Trains a network on one or several tiles of a card. Everything is done by
 * jobs of some steps each, a few of them in flight; the CPU shuffles row
 * numbers, writes packets and reads losses.
 */
#ifndef DOJO_TOOLS_TRAINER_H
#define DOJO_TOOLS_TRAINER_H

#include <dojo.h>

#include "dataset.h"
#include "net.h"

struct trainer;

/**
 * struct trainer_plan - one training run
 * @batch: images of a step, on all tiles together
 * @rate: the largest learning rate; it rises at the start and falls to 0
 */
struct trainer_plan {
	const struct net_layer *layers;
	struct net_formats formats;
	unsigned int epochs;
	unsigned int batch;
	double rate;
	uint64_t seed;
};

/**
 * struct trainer_totals - what the tiles did in a run, from their queues
 * @busy_ns: die-nanoseconds
 * @model_ps: modelled time on the published hardware, of the tile that took longest
 */
struct trainer_totals {
	uint64_t jobs;
	uint64_t packets;
	uint64_t bytes;
	uint64_t flop;
	uint64_t busy_ns;
	uint64_t model_ps;
};

/**
 * struct trainer_result - what came of it; free with trainer_result_free()
 * @losses: of every step, @steps of them
 * @accuracy: of every epoch on the test images, 0..1
 * @seconds: from the first job to the last
 */
struct trainer_result {
	unsigned int steps;
	unsigned int steps_per_epoch;
	unsigned int epochs;
	uint32_t batch;
	uint64_t parameters;
	float *losses;
	double *accuracy;
	double seconds;
	struct trainer_totals totals;
};

/**
 * struct trainer_observer - is told how it goes
 * @step: @done of @steps are complete, the last with loss @loss
 * @epoch: @epoch (from 1) is complete
 */
struct trainer_observer {
	void (*step)(void *context, unsigned int done, unsigned int steps, float loss);
	void (*epoch)(void *context, unsigned int epoch, double loss, double accuracy);
	void *context;
};

/*
 * Uploads the data sets to @count tiles, which must belong to one card, and
 * which the trainer does not close. NULL after having said why not.
 */
struct trainer *trainer_create(struct dojo_device *const *tiles, unsigned int count,
			       const struct dataset *train, const struct dataset *test);
void trainer_destroy(struct trainer *trainer);

/* 0, or EXIT_FAILURE after having said why */
int trainer_run(struct trainer *trainer, const struct trainer_plan *plan,
		const struct trainer_observer *observer, struct trainer_result *result);
void trainer_result_free(struct trainer_result *result);

#endif
