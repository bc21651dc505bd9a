/* SPDX-License-Identifier: GPL-2.0-only */
/* What the trainer has on each tile. */
#ifndef DOJO_TOOLS_TRAINER_TILE_H
#define DOJO_TOOLS_TRAINER_TILE_H

#include "buffer.h"
#include "dataset.h"
#include "net.h"

#define TRAINER_DEPTH		3	/* jobs in flight */
#define TRAINER_JOB_STEPS	10
#define TRAINER_BATCH_BYTES	(1u << 20)
#define TRAINER_WAIT_NS		INT64_C(120000000000)

/**
 * struct trainer_slot - what a job in flight has for itself
 * @index: row numbers of its steps
 * @losses, @amax, @classes: its results, at @..._va for the tile; read after
 *	waiting, which is a system call, so that the compiler cannot read earlier
 */
struct trainer_slot {
	struct dojo_batch *batch;
	int32_t *index;
	float *losses;
	float *amax;
	int32_t *classes;
	uint64_t index_va, losses_va, amax_va, classes_va;
};

/**
 * struct trainer_tile - one tile
 * @point: of @timeline, that the last job submitted will raise it to
 * @arena: the network's memory, which peers map
 * @peer_arenas: the others', read only
 * @before: the queue when the run began
 */
struct trainer_tile {
	struct dojo_device *dev;
	struct dojo_vm *vm;
	struct dojo_queue *queue;
	struct dojo_timeline *timeline;
	uint64_t point;
	struct buffer images[2], labels[2];	/* training, test */
	struct net_data data[2];

	/* of one run */
	struct net net;
	struct buffer arena, slots_buffer;
	struct buffer peer_arenas[NET_TILES_MAX];
	struct net_peers peers;
	struct trainer_slot slots[TRAINER_DEPTH];
	struct drm_dojo_queue_get_state before;
};

/* All return 0, or EXIT_FAILURE after having said why. */
int trainer_tile_open(struct trainer_tile *tile, struct dojo_device *dev,
		      const struct dataset *train, const struct dataset *test);
void trainer_tile_close(struct trainer_tile *tile);

/* lays the network out, with the weights to start from */
int trainer_tile_begin(struct trainer_tile *tile, const struct net_layer *layers,
		       struct net_extent input, uint32_t batch, struct net_formats formats,
		       uint64_t seed);
/* lets @self, one of @count tiles that have begun, see the others' gradients */
int trainer_tile_connect(struct trainer_tile *tiles, uint32_t count, uint32_t self);
void trainer_tile_end(struct trainer_tile *tile);

/* runs the batch of @slot */
int trainer_tile_submit(struct trainer_tile *tile, unsigned int slot);
/* 0 or -errno, in silence: a tile may fail because of another */
int trainer_tile_wait(struct trainer_tile *tile, uint64_t point);

#endif
