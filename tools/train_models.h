/* SPDX-License-Identifier: GPL-2.0-only */
/* The networks that can be trained, and how each is trained best. */
#ifndef DOJO_TOOLS_TRAIN_MODELS_H
#define DOJO_TOOLS_TRAIN_MODELS_H

#include "net.h"

#define TRAIN_CLASSES	10

/**
 * struct train_model - what --model names
 * @formats: the runs made unless --format says otherwise
 * @convolutions: packets of convolution, pooling and dropout are needed
 * @all_tiles: of the card, unless --tiles says otherwise
 * @wanted: test accuracy, percent
 */
struct train_model {
	const char *name;
	const struct net_layer *layers;
	const char *text;
	const char *formats;
	bool convolutions;
	bool all_tiles;
	unsigned int epochs;
	unsigned int batch;
	double rate;
	double wanted;
};

/* NULL: none of that name */
const struct train_model *train_model_find(const char *name);

#endif
