/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A training workload as a list of matrix products, read from JSON:
 *
 *	{ "name": "two layers", "format": "bf16", "samples": 512, "layers": [
 *		{ "name": "first", "rows": 1, "inputs": 784, "outputs": 256 },
 *		{ "name": "scores", "rows": 64, "inputs": 64, "outputs": 64,
 *		  "count": 8, "weights": false } ] }
 *
 * @samples are what a step trains on, on all tiles together. A layer multiplies
 * @rows rows a sample by a matrix of @inputs x @outputs, @count times; with
 * "weights": false that matrix is another activation, not a parameter.
 */
#ifndef DOJO_TOOLS_WORKLOAD_H
#define DOJO_TOOLS_WORKLOAD_H

#include <stdbool.h>
#include <stdint.h>

#define WORKLOAD_LAYERS_MAX	256

struct workload_layer {
	char name[48];
	uint32_t rows, inputs, outputs, count;
	bool weights;
};

struct workload {
	char name[96];
	uint32_t format;	/* enum dojo_format of what is multiplied */
	uint32_t samples;
	struct workload_layer layers[WORKLOAD_LAYERS_MAX];
	unsigned int count;
	char error[160];
};

/* 0 or -errno with w->error */
int workload_parse(struct workload *w, const char *text);
int workload_load(struct workload *w, const char *path);

double workload_parameters(const struct workload *w);
/* of a step: forward, and twice that backward */
double workload_flop(const struct workload *w);

#endif
