/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DOJO_USER_H
#define DOJO_USER_H

#include <linux/types.h>

struct dojo_tile;
struct seq_file;

/**
 * struct dojo_holding - what can be held of a tile
 * @queues: queues
 * @ring_bytes: memory of their rings
 * @vms: address spaces
 */
struct dojo_holding {
	u32 queues;
	u32 vms;
	size_t ring_bytes;
};

/**
 * struct dojo_user - somebody who holds something of a tile, and gone when he does not
 * @tile: tile
 * @uid: user id, as the initial user namespace has it
 * @has: what; under the lock of &dojo_tile.users
 */
struct dojo_user {
	struct dojo_tile *tile;
	u32 uid;
	struct dojo_holding has;
};

struct dojo_user *dojo_user_take(struct dojo_tile *tile, const struct dojo_holding *what);
void dojo_user_give(struct dojo_user *user, const struct dojo_holding *what);
u32 dojo_user_queue_limit(struct dojo_tile *tile);
u32 dojo_user_vm_limit(struct dojo_tile *tile);
void dojo_user_show(struct dojo_tile *tile, struct seq_file *m);

#endif
