/* SPDX-License-Identifier: GPL-2.0-only */
/* Facts about every tile of the machine, for list, info and doctor. */
#ifndef DOJO_TOOLS_TILES_H
#define DOJO_TOOLS_TILES_H

#include <dojo.h>

#include "json.h"

/**
 * struct tile_facts - a tile, as far as it can be told
 * @error: 0, or why it could not be opened or asked; then only @entry is good
 */
struct tile_facts {
	struct dojo_device_entry entry;
	int error;
	unsigned int abi;
	struct drm_dojo_card_info card;
	struct drm_dojo_tile_info tile;
	struct drm_dojo_memory_info memory;
	struct drm_dojo_clock_info clock;
	struct drm_dojo_counters counters;
	struct drm_dojo_limits limits;
};

/*
 * All tiles (@name NULL) or the one called @name, those of a card next to each
 * other. Free with free(). Returns how many, 0 after having said why.
 */
size_t tiles_gather(const char *name, struct tile_facts **tiles);

/* "D1", or NULL if unknown */
const char *generation_name(uint32_t generation);
/* dies of the tile */
unsigned int tile_dies(const struct tile_facts *t);
/* names of the formats, space separated */
void tile_formats(const struct tile_facts *t, char *text, size_t size);
/* the card's serial, or NULL if unknown */
const char *tile_serial(const struct tile_facts *t);

/* members of a card's and of a tile's object in schema dojo/1; @full adds what changes */
void tile_json_card(cJSON *object, const struct tile_facts *t);
void tile_json(cJSON *object, const struct tile_facts *t, bool full);

#endif
