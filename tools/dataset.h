/* SPDX-License-Identifier: GPL-2.0-only */
/* Labelled images in memory, from a pair of IDX files. */
#ifndef DOJO_TOOLS_DATASET_H
#define DOJO_TOOLS_DATASET_H

#include <stdint.h>

struct dataset {
	uint32_t count;
	uint32_t height;
	uint32_t width;
	uint8_t *images;	/* @count rows of @height * @width */
	uint8_t *labels;
};

/*
 * @folder/@name-images-idx3-ubyte.gz and -labels-idx1-ubyte.gz; with or without
 * ".gz". @classes: labels must be less. 0, or EXIT_FAILURE after having said why.
 */
int dataset_load(struct dataset *set, const char *folder, const char *name, unsigned int classes);
void dataset_free(struct dataset *set);

#endif
