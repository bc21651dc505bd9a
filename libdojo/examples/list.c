// SPDX-License-Identifier: MIT
/* Which tiles there are, and what they can do. */
#include <errno.h>
#include <inttypes.h>

#include "example.h"

static void describe(struct dojo_device *dev)
{
	struct drm_dojo_card_info card;
	struct drm_dojo_tile_info tile;
	uint32_t format;

	DO(dev, dojo_device_card(dev, &card, sizeof(card)));
	DO(dev, dojo_device_tile(dev, &tile, sizeof(tile)));
	printf("\tcard %.16s, D%u, tile %u of %u\n", (const char *)card.serial, card.generation,
	       tile.index, card.tiles);
	printf("\t%u x %u dies of %u nodes, %" PRIu64 " bytes HBM, %" PRIu64 " bytes SRAM\n",
	       tile.mesh_cols, tile.mesh_rows, tile.nodes_per_die, (uint64_t)tile.hbm_bytes,
	       (uint64_t)tile.sram_bytes);
	printf("\tformats:");
	for (format = 1; format < DOJO_FORMAT_COUNT; format++)
		if (dojo_device_has_format(dev, format))
			printf(" %s", dojo_format_name(format));
	printf("\n");
}

int main(void)
{
	struct dojo_device_entry *list;
	struct dojo_device *dev;
	size_t count, i;
	int ret;

	ret = dojo_device_list(&list, &count);
	if (ret) {
		fprintf(stderr, "%s\n", dojo_strerror(ret));
		return 1;
	}
	for (i = 0; i < count; i++) {
		printf("%s\t%s\n", list[i].path, list[i].pci);
		ret = dojo_device_open(list[i].path, &dev);
		if (ret) {
			printf("\t%s\n", dojo_open_strerror(ret));
			continue;
		}
		describe(dev);
		dojo_device_close(dev);
	}
	if (!count)
		printf("no tile: %s\n", dojo_open_strerror(-ENOENT));
	dojo_device_list_free(list);
	return 0;
}
