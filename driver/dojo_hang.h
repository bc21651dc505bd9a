/* SPDX-License-Identifier: GPL-2.0-only */
/* Faults and hangs of a queue. */
#ifndef DOJO_HANG_H
#define DOJO_HANG_H

#include <linux/types.h>

struct dojo_queue;

u64 dojo_hang_default_ns(void);
u64 dojo_hang_timeout_ns(const struct dojo_queue *queue);
u64 dojo_hang_max_ns(void);
void dojo_hang_init(struct dojo_queue *queue);
void dojo_hang_watch(struct dojo_queue *queue);
void dojo_hang_kick(struct dojo_queue *queue);

#endif
