/* SPDX-License-Identifier: GPL-2.0-only */
/* Rectangles of dies: pure arithmetic, no hardware. */
#ifndef DOJO_RECT_H
#define DOJO_RECT_H

#include <linux/types.h>

/* A mesh has at most so many dies: they are bits of a u64. */
#define DOJO_RECT_MAX_DIES	64

/**
 * struct dojo_rect_map - which dies have been given away
 * @cols: of the mesh
 * @rows: of the mesh
 * @taken: bit y * @cols + x: die (x, y)
 */
struct dojo_rect_map {
	u32 cols;
	u32 rows;
	u64 taken;
};

bool dojo_rect_valid(const struct dojo_rect_map *map, const u8 rect[4]);
int dojo_rect_find(struct dojo_rect_map *map, u8 rect[4]);
void dojo_rect_release(struct dojo_rect_map *map, const u8 rect[4]);

#endif
