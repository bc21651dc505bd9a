/* SPDX-License-Identifier: GPL-2.0-only */
/* The packets that perf_predict() reckons with, run on real tiles for their model clock. */
#ifndef DOJO_TOOLS_MODEL_CHECK_H
#define DOJO_TOOLS_MODEL_CHECK_H

#include "workload.h"

/*
 * Runs a step of @w, cut for @tiles tiles of one card without shards, on as
 * many tiles at once; @seconds: what their model clocks say, the mean of them.
 * 0, EXIT_FAILURE after having said why, or -ENODEV: the card has fewer tiles.
 */
int model_check(const struct workload *w, unsigned int tiles, double *seconds);

#endif
