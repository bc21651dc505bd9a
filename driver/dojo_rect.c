// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finds free rectangles on a mesh of dies. First fit from the top left, rows
 * before columns: small rectangles gather in one corner and leave large ones
 * possible. A rectangle is x, y, width, height.
 */
#include <linux/bits.h>
#include <linux/errno.h>

#include "dojo_rect.h"

static u64 dojo_rect_dies(const struct dojo_rect_map *map, const u8 rect[4])
{
	u64 row = GENMASK_ULL(rect[2] - 1, 0) << rect[0];
	u64 dies = 0;
	u32 y;

	for (y = rect[1]; y < rect[1] + rect[3]; y++)
		dies |= row << (y * map->cols);
	return dies;
}

/**
 * dojo_rect_valid() - does a rectangle have dies, all of them on the mesh
 * @map: mesh
 * @rect: x, y, width, height
 *
 * Return: true if so.
 */
bool dojo_rect_valid(const struct dojo_rect_map *map, const u8 rect[4])
{
	return rect[2] && rect[3] && rect[0] + rect[2] <= map->cols &&
	       rect[1] + rect[3] <= map->rows;
}

/**
 * dojo_rect_find() - take a free rectangle
 * @map: mesh
 * @rect: in: width and height; out: x and y too
 *
 * Return: 0, or -ENOSPC if there is none.
 */
int dojo_rect_find(struct dojo_rect_map *map, u8 rect[4])
{
	u64 dies;
	u32 x, y;

	for (y = 0; y + rect[3] <= map->rows; y++) {
		for (x = 0; x + rect[2] <= map->cols; x++) {
			u8 place[4] = { x, y, rect[2], rect[3] };

			dies = dojo_rect_dies(map, place);
			if (map->taken & dies)
				continue;
			map->taken |= dies;
			rect[0] = x;
			rect[1] = y;
			return 0;
		}
	}
	return -ENOSPC;
}

/**
 * dojo_rect_release() - give a rectangle back
 * @map: mesh
 * @rect: as dojo_rect_find() returned it
 */
void dojo_rect_release(struct dojo_rect_map *map, const u8 rect[4])
{
	map->taken &= ~dojo_rect_dies(map, rect);
}
