/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a convolution sees of an image through its kernel's taps, as rows of a
 * matrix: im2col without the matrix. Also the other way round, for the gradient
 * of the input: there the taps reach back from an input pixel to the outputs.
 */
#ifndef DOJO_PATCHES_H
#define DOJO_PATCHES_H

#include "dojo_opcode.h"

/*
 * Grid point g and tap k of one axis meet at t = g * mul + base + k * step.
 * There the image is at t / div if that is whole and inside; else it is 0.
 */
struct dojo_axis {
	int64_t mul, base, step, div;
	int64_t grid;		/* points */
	int64_t taps;
	int64_t extent;		/* of the image */
};

struct dojo_patches {
	struct dojo_view image;		/* {W, H, C, N} */
	struct dojo_axis x, y;
	/* A piece of the grid, for which rows of the image are kept in scratch */
	uint64_t first;
	size_t n;
	uint64_t channel;
	bool loaded;
	struct dojo_patch_run *run;
	size_t runs;
	const float **row;		/* for each run, taps of y */
	float *slab;
};

#define DOJO_PATCH_POINTS	256		/* of the grid in a piece */
#define DOJO_PATCH_TAPS		32		/* along y, of kernels that are kept */
#define DOJO_PATCH_SLAB		(1u << 18)	/* floats */

/* Whether the rows of any piece can be kept; if not, elements are read one by one */
bool dojo_patches_fit(const struct dojo_axis *x, const struct dojo_axis *y);

void dojo_patches_init(struct dojo_patches *p, struct dojo_ctx *ctx,
		       const struct dojo_tensor *image);

/*
 * The image of @channel at tap (@kx, @ky), for grid points @first..@first+n-1
 * counted over x, y and images; n <= DOJO_PATCH_POINTS. Fast if called for all
 * taps of a channel in turn.
 */
bool dojo_patches_get(struct dojo_ctx *ctx, struct dojo_patches *p, uint64_t channel,
		      int64_t kx, int64_t ky, uint64_t first, size_t n, float *out);

#endif
