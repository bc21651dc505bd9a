// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "options.h"
#include "report.h"
#include "table.h"
#include "tiles.h"

static int list_json(const struct tile_facts *tiles, size_t count)
{
	cJSON *root = json_document("list"), *cards = json_array(root, "cards"), *list = NULL;

	for (size_t i = 0; i < count; i++) {
		if (!i || strcmp(tiles[i].entry.pci, tiles[i - 1].entry.pci)) {
			cJSON *card = json_append_object(cards);

			tile_json_card(card, &tiles[i]);
			list = json_array(card, "tiles");
		}
		tile_json(json_append_object(list), &tiles[i], false);
	}
	return json_print(stdout, root, false) ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void row_unknown(struct table *t, const struct tile_facts *f)
{
	char tile[16] = "-";

	if (f->entry.tile >= 0)
		snprintf(tile, sizeof(tile), "%d", f->entry.tile);
	table_row(t, f->entry.path, f->entry.pci, tile_serial(f),
		  generation_name(f->entry.generation), tile, NULL, NULL, NULL, NULL, NULL,
		  dojo_open_strerror(f->error));
}

static void row_known(struct table *t, const struct tile_facts *f)
{
	char tile[24], nodes[24], hbm[24], sram[24], bf16[24], fp32[24];

	snprintf(tile, sizeof(tile), "%u/%u", f->tile.index, f->card.tiles);
	snprintf(nodes, sizeof(nodes), "%u", f->tile.nodes_per_die * tile_dies(f));
	table_row(t, f->entry.path, f->entry.pci, tile_serial(f),
		  generation_name(f->card.generation), tile, nodes,
		  format_bytes(hbm, sizeof(hbm), f->tile.hbm_bytes),
		  format_bytes(sram, sizeof(sram), f->tile.sram_bytes),
		  format_si(bf16, sizeof(bf16), f->tile.peak_bf16_gflops * 1e9 * tile_dies(f),
			    "FLOPS"),
		  format_si(fp32, sizeof(fp32), f->tile.peak_fp32_gflops * 1e9 * tile_dies(f),
			    "FLOPS"),
		  "");
}

/* Under the table, as they are the same for most machines' tiles */
static void print_formats(const struct tile_facts *tiles, size_t count)
{
	char formats[256];
	size_t i, k;

	for (i = 0; i < count; i++) {
		if (tiles[i].error)
			continue;
		for (k = 0; k < i; k++)
			if (!tiles[k].error && tiles[k].tile.formats == tiles[i].tile.formats)
				break;
		if (k < i)
			continue;
		tile_formats(&tiles[i], formats, sizeof(formats));
		printf("formats of");
		for (k = i; k < count; k++)
			if (!tiles[k].error && tiles[k].tile.formats == tiles[i].tile.formats)
				printf(" %s", strrchr(tiles[k].entry.path, '/') + 1);
		printf(": %s\n", formats);
	}
}

int cmd_list(int argc, char **argv)
{
	bool json = false;
	const struct option options[] = {
		{ "json", 0, OPTION_FLAG, &json, NULL, "JSON, schema dojo/1" },
		{ 0 }
	};
	const struct usage usage = {
		.command = "list",
		.summary = "List the Dojo tiles of this machine.",
		.options = options,
	};
	struct tile_facts *tiles;
	struct table t;
	int n, status;
	size_t count;

	if (!options_parse(&usage, argc, argv, &n, &status))
		return status;
	count = tiles_gather(NULL, &tiles);
	if (!count)
		return EXIT_FAILURE;
	if (json) {
		status = list_json(tiles, count);
	} else {
		table_init(&t, "llllrrrrrrl");
		table_row(&t, "NODE", "CARD", "SERIAL", "GEN", "TILE", "NODES", "HBM", "SRAM",
			  "BF16", "FP32", "");
		for (size_t i = 0; i < count; i++) {
			if (tiles[i].error)
				row_unknown(&t, &tiles[i]);
			else
				row_known(&t, &tiles[i]);
		}
		status = table_print(&t, stdout) ? fail("out of memory") : EXIT_SUCCESS;
		if (!status)
			print_formats(tiles, count);
	}
	free(tiles);
	return status;
}
