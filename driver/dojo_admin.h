/* SPDX-License-Identifier: GPL-2.0-only */
/* Commands of a tile's admin ring: address spaces and queue contexts. */
#ifndef DOJO_ADMIN_H
#define DOJO_ADMIN_H

#include <linux/types.h>

struct dojo_tile;

int dojo_admin_init(struct dojo_tile *tile);
void dojo_admin_fini(struct dojo_tile *tile);
void dojo_admin_setup(struct dojo_tile *tile);
void dojo_admin_open(struct dojo_tile *tile);
void dojo_admin_close(struct dojo_tile *tile);
void dojo_admin_wake(struct dojo_tile *tile);

int dojo_admin_asid_set(struct dojo_tile *tile, u32 asid, u64 root_pte);
int dojo_admin_asid_clear(struct dojo_tile *tile, u32 asid);
int dojo_admin_invalidate(struct dojo_tile *tile, u32 asid, u64 va, u64 size);

int dojo_admin_queue_start(struct dojo_tile *tile, u32 id);
int dojo_admin_queue_suspend(struct dojo_tile *tile, u32 id);
int dojo_admin_queue_reset(struct dojo_tile *tile, u32 id);
int dojo_admin_queue_save(struct dojo_tile *tile, u32 id);

#endif
