/* SPDX-License-Identifier: GPL-2.0-only */
/* The driver of a tile's auxiliary device. */
#ifndef DOJO_TILE_H
#define DOJO_TILE_H

extern struct auxiliary_driver dojo_tile_driver;

void dojo_tile_wait_gone(void);

#endif
