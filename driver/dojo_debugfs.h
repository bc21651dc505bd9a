/* SPDX-License-Identifier: GPL-2.0-only */
/* /sys/kernel/debug/accel/TILE/ */
#ifndef DOJO_DEBUGFS_H
#define DOJO_DEBUGFS_H

struct dojo_tile;

void dojo_debugfs_init(struct dojo_tile *tile);

#endif
