// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "options.h"
#include "report.h"
#include "table.h"
#include "tiles.h"

static int info_json(const struct tile_facts *tiles, size_t count)
{
	cJSON *root = json_document("info"), *cards = json_array(root, "cards"), *list = NULL;

	for (size_t i = 0; i < count; i++) {
		if (!i || strcmp(tiles[i].entry.pci, tiles[i - 1].entry.pci)) {
			cJSON *card = json_append_object(cards);

			tile_json_card(card, &tiles[i]);
			list = json_array(card, "tiles");
		}
		tile_json(json_append_object(list), &tiles[i], true);
	}
	return json_print(stdout, root, false) ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void __attribute__((format(printf, 2, 3))) line(const char *name, const char *fmt, ...)
{
	va_list ap;

	printf("  %-16s", name);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

static void print_card(const struct tile_facts *t)
{
	const struct drm_dojo_card_info *c = &t->card;
	char hbm[24], a[24], b[24], p[24];
	const char *serial = tile_serial(t), *generation = generation_name(c->generation);

	printf("card %s\n", t->entry.pci[0] ? t->entry.pci : "at an unknown place");
	line("serial", "%s", serial ? serial : "unknown");
	line("generation", "%s%s", generation ? generation : "unknown",
	     c->generation == 2 ? " (figures assumed: Tesla never specified it)" : "");
	line("interface", "%u.%u", c->interface_major, c->interface_minor);
	line("tiles", "%u", c->tiles);
	line("HBM", "%s", format_bytes(hbm, sizeof(hbm), c->hbm_bytes));
	line("capabilities", "%s%s%s", c->caps & DRM_DOJO_CARD_CAP_PEER ? "peer access" : "none",
	     c->caps & DRM_DOJO_CARD_CAP_COLLECTIVE ? ", collectives" : "", "");
	line("resets", "%u", c->reset_count);
	line("model clock",
	     "HBM %s, TTP %s, PCIe %s (published, shared by the tiles), %u ns a packet (assumed)",
	     format_si(a, sizeof(a), c->hbm_mbps * 1e6, "B/s"),
	     format_si(b, sizeof(b), c->ttp_mbps * 1e6, "B/s"),
	     format_si(p, sizeof(p), c->pcie_mbps * 1e6, "B/s"), c->launch_ns);
	line("",
	     "times from it are modelled: what the published hardware would take, not a measurement");
}

static void print_memory(const struct drm_dojo_memory_info *m)
{
	char a[24], b[24], c[24], d[24];

	line("HBM", "%s of %s in use, %s more reserved", format_bytes(a, sizeof(a), m->hbm_used),
	     format_bytes(b, sizeof(b), m->hbm_total), format_bytes(c, sizeof(c), m->hbm_reserved));
	line("SRAM", "%s of %s in use", format_bytes(a, sizeof(a), m->sram_used),
	     format_bytes(b, sizeof(b), m->sram_total));
	line("system memory", "%s; evicted %s, restored %s since the module was loaded",
	     format_bytes(a, sizeof(a), m->system_used), format_bytes(c, sizeof(c), m->evicted),
	     format_bytes(d, sizeof(d), m->restored));
}

static void print_limits(const struct drm_dojo_limits *l)
{
	char page[24], huge[24], batch[24];

	line("limits",
	     "%u queues (%u a client, %u a user), %u address spaces (%u a user) of %u bits, pages %s and %s",
	     l->queues, l->queues_per_client, l->queues_per_user, l->vms, l->vms_per_user,
	     l->va_bits,
	     format_bytes(page, sizeof(page), l->page_bytes),
	     format_bytes(huge, sizeof(huge), l->huge_page_bytes));
	line("",
	     "a call: %u jobs, %u binds, %u sync operations; a batch %s; timeout %g s, at most %g s",
	     l->jobs_per_submit, l->binds_per_call, l->sync_ops,
	     format_bytes(batch, sizeof(batch), l->batch_bytes), l->timeout_default_ns / 1e9,
	     l->timeout_max_ns / 1e9);
}

static void print_tile(const struct tile_facts *t)
{
	double dies = tile_dies(t) * 1e9;
	char formats[256], a[24], b[24], c[24];

	printf("tile %u  %s\n", t->tile.index, t->entry.path);
	line("driver ABI", "%u.%u", t->abi >> 16, t->abi & 0xffff);
	line("mesh", "%u x %u dies of %u nodes: %u nodes; %u DMA engines", t->tile.mesh_cols,
	     t->tile.mesh_rows, t->tile.nodes_per_die, t->tile.nodes_per_die * tile_dies(t),
	     t->tile.dma_engines);
	line("peaks", "%s BF16 and CFloat8, %s FP32 (published), %s INT8 (assumed)",
	     format_si(a, sizeof(a), t->tile.peak_bf16_gflops * dies, "FLOPS"),
	     format_si(b, sizeof(b), t->tile.peak_fp32_gflops * dies, "FLOPS"),
	     format_si(c, sizeof(c), t->tile.peak_int8_gops * dies, "OPS"));
	tile_formats(t, formats, sizeof(formats));
	line("formats", "%s", formats);
	print_memory(&t->memory);
	print_limits(&t->limits);
	line("busy", "mesh %.3f die-seconds, DMA %.3f engine-seconds",
	     t->counters.mesh_busy_ns / 1e9, t->counters.dma_busy_ns / 1e9);
	line("card counters",
	     "%llu MMIO reads, %llu MMIO writes, %llu interrupts, %llu bad accesses",
	     (unsigned long long)t->counters.mmio_reads,
	     (unsigned long long)t->counters.mmio_writes,
	     (unsigned long long)t->counters.interrupts,
	     (unsigned long long)t->counters.bad_accesses);
	line("device clock", "%.6f s, known to %.1f us", t->clock.device_ns / 1e9,
	     t->clock.window_ns / 1e3);
	line("resets", "%u", t->tile.reset_count);
}

int cmd_info(int argc, char **argv)
{
	bool json = false;
	const struct option options[] = {
		{ "json", 0, OPTION_FLAG, &json, NULL, "JSON, schema dojo/1" },
		{ 0 }
	};
	const struct usage usage = {
		.command = "info",
		.summary =
			"Show what a tile, or every tile, and its card can do, and how they are.\n"
			"TILE is a node (/dev/accel/accel0, accel0, 0), PCI-ADDRESS/TILE or SERIAL/TILE.",
		.arguments = "[TILE]",
		.max = 1,
		.options = options,
	};
	struct tile_facts *tiles;
	int n, status;
	size_t count;

	if (!options_parse(&usage, argc, argv, &n, &status))
		return status;
	count = tiles_gather(n ? argv[0] : NULL, &tiles);
	if (!count)
		return EXIT_FAILURE;
	if (json) {
		status = info_json(tiles, count);
	} else {
		for (size_t i = 0; i < count; i++) {
			if (tiles[i].error) {
				printf("%s: %s\n", tiles[i].entry.path,
				       dojo_open_strerror(tiles[i].error));
				continue;
			}
			if (!i || tiles[i - 1].error ||
			    strcmp(tiles[i].entry.pci, tiles[i - 1].entry.pci))
				print_card(&tiles[i]);
			print_tile(&tiles[i]);
		}
		status = EXIT_SUCCESS;
	}
	free(tiles);
	return status;
}
