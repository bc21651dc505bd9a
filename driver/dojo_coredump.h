/* SPDX-License-Identifier: GPL-2.0-only */
/* What is kept of a failure for devcoredump. */
#ifndef DOJO_COREDUMP_H
#define DOJO_COREDUMP_H

struct dojo_queue;
struct dojo_queue_context;
struct dojo_tile;

int dojo_coredump_init(struct dojo_tile *tile);
void dojo_coredump_fini(struct dojo_tile *tile);
void dojo_coredump_capture(struct dojo_queue *queue, const struct dojo_queue_context *context,
			   const char *reason);

#endif
