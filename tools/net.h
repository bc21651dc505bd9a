/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A feed-forward classifier: from a list of layers to tensors in a tile's
 * memory, and to the packets of a training step.
 *
 * Weights are FP32. With narrower formats each step makes copies of them, and
 * activations and gradients are stored narrow; sums are FP32 always. CFloat8
 * tensors carry an exponent bias each, chosen from the largest magnitude that
 * was measured in them.
 */
#ifndef DOJO_TOOLS_NET_H
#define DOJO_TOOLS_NET_H

#include <dojo.h>

#define NET_LAYERS_MAX	16
#define NET_SLOTS_MAX	(4 * NET_LAYERS_MAX)
#define NET_TILES_MAX	8

enum net_op {
	NET_END = 0,
	NET_DENSE,
	NET_CONV,	/* odd kernel, stride 1, padded so that the extents stay */
	NET_POOL,	/* maximum; the window is the stride */
	NET_DROPOUT,
};

/**
 * struct net_layer - one layer of a description, which ends with NET_END
 * @out: features or channels
 * @size: of the kernel or window
 * @relu: behind DENSE and CONV
 * @drop: probability
 */
struct net_layer {
	enum net_op op;
	uint32_t out;
	uint32_t size;
	bool relu;
	float drop;
};

/**
 * struct net_formats - enum dojo_format of what is stored
 * @forward: activations, and copies of the weights
 * @gradient: what flows backwards
 */
struct net_formats {
	uint32_t forward;
	uint32_t gradient;
};

struct net_extent {
	uint32_t width;
	uint32_t height;
	uint32_t channels;
};

/* Device memory, given out in one direction. */
struct net_memory {
	uint64_t va;
	uint64_t size;
	uint64_t used;
};

/* 256-byte aligned; 0 if there is no more, but counts on, so that @used says what is needed */
uint64_t net_alloc(struct net_memory *memory, uint64_t size);

/**
 * struct net_stored - a tensor in memory whose format and bias depend on its slot
 * @slot: index of net.biases, net.slot_formats and net.amax
 */
struct net_stored {
	uint64_t va;
	uint32_t slot;
};

/**
 * struct net_stage - a layer that has its place
 * @in, @out: extents of one input and of one output
 * @x, @y: input and output
 * @w: weights as the arithmetic reads them
 * @dx_slot: of the gradient of @x
 * @weight, @bias: where they begin in the order of parameters
 */
struct net_stage {
	struct net_layer layer;
	struct net_extent in, out;
	struct net_stored x, y, w;
	uint32_t dx_slot;
	uint64_t weight;
	uint64_t bias;
};

/**
 * struct net - a network that is laid out on one tile
 * @batch: inputs in a step
 * @wide: emit packets that store everything as FP32, to measure without knowing biases
 * @learned: parameters
 * @parameters: the same with gaps for alignment, which stay zero
 * @weights, @moments, @gradients, @total: of all parameters in one order; two
 *	gradients, so that peers may read one while the other is written;
 *	@total is their sum over the tiles
 * @scratch: for gradients on their way
 * @losses: of every input of a step
 * @amax: the largest magnitude in every slot, FP32, as measured last
 * @biases: of the packets that are emitted from now on
 */
struct net {
	struct net_stage stages[NET_LAYERS_MAX];
	unsigned int count;
	struct net_extent input;
	uint32_t classes;
	uint32_t batch;
	bool wide;
	uint64_t learned;
	uint64_t parameters;
	uint64_t weights;
	uint64_t moments[2];
	uint64_t gradients[2];
	uint64_t total;
	uint64_t scratch[2];
	uint64_t pixels;
	uint64_t labels;
	uint64_t losses;
	uint64_t amax;
	uint32_t dlogits_slot;
	uint32_t slots;
	uint8_t biases[NET_SLOTS_MAX];
	uint8_t slot_formats[NET_SLOTS_MAX];
};

/*
 * Lay out @layers for inputs of @input in @memory. The last layer gives the
 * logits. 0 or -errno: -EINVAL the layers do not fit together, -ENOSPC @memory
 * is too small (memory->used is what it takes).
 */
int net_plan(struct net *net, const struct net_layer *layers, struct net_extent input,
	     uint32_t batch, struct net_formats formats, struct net_memory *memory);

/* Fill @weights, net->parameters floats, with the values to start from. */
void net_initial_weights(const struct net *net, uint64_t seed, float *weights);

/* Choose net->biases from what was measured, net->slots floats. */
void net_choose_biases(struct net *net, const float *amax);

/**
 * struct net_data - a data set in a tile's memory
 * @images: INT8 rows of pixel - 128
 * @labels: INT32
 */
struct net_data {
	uint64_t images;
	uint64_t labels;
	uint32_t rows;
};

/**
 * struct net_peers - the other tiles that train the same network
 * @gradients: of each tile, both parities, in this tile's address space
 * @flags: 64 bits of each tile: the step whose gradients are ready
 */
struct net_peers {
	uint32_t tiles;
	uint32_t self;
	uint64_t gradients[NET_TILES_MAX][2];
	uint64_t flags[NET_TILES_MAX];
};

/**
 * struct net_step - what distinguishes one step from another
 * @index: INT32, net->batch row numbers
 * @loss: where the mean loss goes, FP32
 * @number: from 1
 * @rate: of learning
 * @seed: of dropout; differs from tile to tile
 * @measure: write net->amax
 */
struct net_step {
	uint64_t index;
	uint64_t loss;
	uint32_t number;
	float rate;
	uint64_t seed;
	bool measure;
};

/* The packets of a step. Errors stick to @batch. @peers NULL: there are none. */
void net_emit_train(const struct net *net, struct dojo_batch *batch, const struct net_data *data,
		    const struct net_step *step, const struct net_peers *peers);
/* the same without changing weights: measures */
void net_emit_measure(const struct net *net, struct dojo_batch *batch, const struct net_data *data,
		      const struct net_step *step);
/* which class each of the rows at @index is, INT32, to @classes */
void net_emit_classify(const struct net *net, struct dojo_batch *batch,
		       const struct net_data *data, uint64_t index, uint64_t classes);

#endif
