/* SPDX-License-Identifier: GPL-2.0-only */
/* Attributes of cards and tiles: driver/README.md documents them. */
#ifndef DOJO_SYSFS_H
#define DOJO_SYSFS_H

struct attribute_group;
struct dojo_tile;

extern const struct attribute_group *dojo_card_groups[];
extern const struct attribute_group *dojo_tile_groups[];

void dojo_sysfs_wedged_event(struct dojo_tile *tile);

#endif
