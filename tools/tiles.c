// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "tiles.h"

static void tile_ask(struct tile_facts *t, struct dojo_device *dev)
{
	t->abi = dojo_device_abi(dev);
	t->error = dojo_device_card(dev, &t->card, sizeof(t->card));
	if (!t->error)
		t->error = dojo_device_tile(dev, &t->tile, sizeof(t->tile));
	if (!t->error)
		t->error = dojo_device_memory(dev, &t->memory, sizeof(t->memory));
	if (!t->error)
		t->error = dojo_device_clock(dev, &t->clock, sizeof(t->clock));
	if (!t->error)
		t->error = dojo_device_counters(dev, &t->counters, sizeof(t->counters));
	if (!t->error)
		t->error = dojo_device_limits(dev, &t->limits, sizeof(t->limits));
}

static void tile_gather(struct tile_facts *t, const struct dojo_device_entry *entry)
{
	struct dojo_device *dev;

	t->entry = *entry;
	t->error = entry->access;
	if (!t->error)
		t->error = dojo_device_open(entry->path, &dev);
	if (t->error)
		return;
	tile_ask(t, dev);
	dojo_device_close(dev);
}

/* the entry that libdojo means by @name: the one whose node is the same file */
static bool entry_of(struct dojo_device *dev, const struct dojo_device_entry *entry)
{
	struct drm_dojo_card_info card;
	struct drm_dojo_tile_info tile;
	char pci[32];

	if (dojo_device_card(dev, &card, sizeof(card)) ||
	    dojo_device_tile(dev, &tile, sizeof(tile)))
		return false;
	snprintf(pci, sizeof(pci), "%04x:%02x:%02x.%x", card.pci_domain, card.pci_bus,
		 card.pci_device, card.pci_function);
	return !strcmp(pci, entry->pci) && entry->tile == (int32_t)tile.index;
}

static size_t gather_one(const char *name, const struct dojo_device_entry *list, size_t count,
			 struct tile_facts *tiles)
{
	struct dojo_device *dev = open_device(name);
	size_t i;

	if (!dev)
		return 0;
	for (i = 0; i < count && !entry_of(dev, &list[i]); i++)
		;
	if (i < count) {
		tiles->entry = list[i];
	} else {
		memset(&tiles->entry, 0, sizeof(tiles->entry));
		snprintf(tiles->entry.path, sizeof(tiles->entry.path), "%.63s", name);
	}
	tile_ask(tiles, dev);
	if (tiles->error)
		fail_device(dev, tiles->error, "query %s", name);
	dojo_device_close(dev);
	return tiles->error ? 0 : 1;
}

size_t tiles_gather(const char *name, struct tile_facts **tiles)
{
	struct dojo_device_entry *list = NULL;
	size_t count = 0, i, usable = 0;
	int err;

	*tiles = NULL;
	err = dojo_device_list(&list, &count);
	if (err) {
		fail("cannot list tiles: %s", dojo_strerror(err));
		return 0;
	}
	*tiles = calloc(count + 1, sizeof(**tiles));
	if (!*tiles) {
		fail("out of memory");
		goto out;
	}
	if (name) {
		usable = gather_one(name, list, count, *tiles);
		goto out;
	}
	for (i = 0; i < count; i++) {
		tile_gather(&(*tiles)[i], &list[i]);
		usable += !(*tiles)[i].error;
	}
	if (!usable) {
		fail_no_device();
		count = 0;
	}
	usable = count;
out:
	dojo_device_list_free(list);
	if (!usable) {
		free(*tiles);
		*tiles = NULL;
	}
	return usable;
}

const char *generation_name(uint32_t generation)
{
	return generation == 1 ? "D1" : generation == 2 ? "D2" : NULL;
}

unsigned int tile_dies(const struct tile_facts *t)
{
	return (unsigned int)t->tile.mesh_cols * t->tile.mesh_rows;
}

void tile_formats(const struct tile_facts *t, char *text, size_t size)
{
	size_t n = 0;

	*text = '\0';
	for (unsigned int f = 1; f < 32 && n < size; f++) {
		if (t->tile.formats & 1u << f)
			n += snprintf(text + n, size - n, "%s%s", n ? " " : "",
				      dojo_format_name(f));
	}
}

const char *tile_serial(const struct tile_facts *t)
{
	return t->entry.serial[0] ? t->entry.serial : NULL;
}

void tile_json_card(cJSON *object, const struct tile_facts *t)
{
	bool known = !t->error;
	cJSON *model;

	json_string(object, "pci", t->entry.pci[0] ? t->entry.pci : NULL);
	json_string(object, "serial", tile_serial(t));
	json_string(object, "generation",
		    generation_name(known ? t->card.generation : t->entry.generation));
	if (!known) {
		json_null(object, "interface");
		json_null(object, "tile_count");
		json_null(object, "hbm_bytes");
		json_null(object, "peer_access");
		json_null(object, "collectives");
		json_null(object, "reset_count");
		json_null(object, "model_clock");
		return;
	}

	char version[24];

	snprintf(version, sizeof(version), "%u.%u", t->card.interface_major,
		 t->card.interface_minor);
	json_string(object, "interface", version);
	json_u64(object, "tile_count", t->card.tiles);
	json_u64(object, "hbm_bytes", t->card.hbm_bytes);
	json_bool(object, "peer_access", t->card.caps & DRM_DOJO_CARD_CAP_PEER);
	json_bool(object, "collectives", t->card.caps & DRM_DOJO_CARD_CAP_COLLECTIVE);
	json_u64(object, "reset_count", t->card.reset_count);

	model = json_object(object, "model_clock");
	json_u64(model, "hbm_bytes_per_second", t->card.hbm_mbps * UINT64_C(1000000));
	json_u64(model, "ttp_bytes_per_second", t->card.ttp_mbps * UINT64_C(1000000));
	json_u64(model, "pcie_bytes_per_second", t->card.pcie_mbps * UINT64_C(1000000));
	json_u64(model, "launch_ns", t->card.launch_ns);
}

static void json_state(cJSON *object, const struct tile_facts *t)
{
	const struct drm_dojo_memory_info *m = &t->memory;
	const struct drm_dojo_limits *l = &t->limits;
	cJSON *o;

	o = json_object(object, "memory");
	json_u64(o, "hbm_total_bytes", m->hbm_total);
	json_u64(o, "hbm_used_bytes", m->hbm_used);
	json_u64(o, "hbm_reserved_bytes", m->hbm_reserved);
	json_u64(o, "sram_total_bytes", m->sram_total);
	json_u64(o, "sram_used_bytes", m->sram_used);
	json_u64(o, "system_used_bytes", m->system_used);
	json_u64(o, "evicted_bytes", m->evicted);
	json_u64(o, "restored_bytes", m->restored);

	o = json_object(object, "counters");
	json_u64(o, "card_mmio_reads", t->counters.mmio_reads);
	json_u64(o, "card_mmio_writes", t->counters.mmio_writes);
	json_u64(o, "card_interrupts", t->counters.interrupts);
	json_u64(o, "card_bad_accesses", t->counters.bad_accesses);
	json_u64(o, "mesh_busy_die_ns", t->counters.mesh_busy_ns);
	json_u64(o, "dma_busy_engine_ns", t->counters.dma_busy_ns);

	o = json_object(object, "clock");
	json_u64(o, "device_ns", t->clock.device_ns);
	json_u64(o, "cpu_monotonic_ns", t->clock.cpu_ns);
	json_u64(o, "uncertainty_ns", t->clock.window_ns);

	o = json_object(object, "limits");
	json_u64(o, "va_bits", l->va_bits);
	json_u64(o, "page_bytes", l->page_bytes);
	json_u64(o, "huge_page_bytes", l->huge_page_bytes);
	json_u64(o, "queues", l->queues);
	json_u64(o, "queues_per_client", l->queues_per_client);
	json_u64(o, "queues_per_user", l->queues_per_user);
	json_u64(o, "address_spaces", l->vms);
	json_u64(o, "address_spaces_per_user", l->vms_per_user);
	json_u64(o, "jobs_per_submit", l->jobs_per_submit);
	json_u64(o, "binds_per_call", l->binds_per_call);
	json_u64(o, "sync_ops_per_call", l->sync_ops);
	json_u64(o, "batch_bytes", l->batch_bytes);
	json_u64(o, "timeout_max_ns", l->timeout_max_ns);
	json_u64(o, "timeout_default_ns", l->timeout_default_ns);
	o = json_array(o, "priorities");
	for (unsigned int p = 0; p < 32; p++) {
		if (l->priority_mask & 1u << p)
			cJSON_AddItemToArray(o, cJSON_CreateString(dojo_priority_name(p)));
	}
}

void tile_json(cJSON *object, const struct tile_facts *t, bool full)
{
	static const char *const unknown[] = {
		"driver_abi", "mesh_columns", "mesh_rows", "nodes_per_die", "nodes", "hbm_bytes",
		"sram_bytes", "dma_engines", "formats", "peak_bf16_flops", "peak_cfloat8_flops",
		"peak_fp32_flops", "peak_int8_ops", "reset_count",
	};
	double dies = tile_dies(t);
	char version[24];
	cJSON *formats;

	json_string(object, "device_node", t->entry.path);
	if (t->error) {
		if (t->entry.tile >= 0)
			json_u64(object, "index", t->entry.tile);
		else
			json_null(object, "index");
		json_string(object, "error", dojo_open_strerror(t->error));
		for (size_t i = 0; i < sizeof(unknown) / sizeof(*unknown); i++)
			json_null(object, unknown[i]);
		return;
	}
	json_u64(object, "index", t->tile.index);
	json_null(object, "error");
	snprintf(version, sizeof(version), "%u.%u", t->abi >> 16, t->abi & 0xffff);
	json_string(object, "driver_abi", version);
	json_u64(object, "mesh_columns", t->tile.mesh_cols);
	json_u64(object, "mesh_rows", t->tile.mesh_rows);
	json_u64(object, "nodes_per_die", t->tile.nodes_per_die);
	json_u64(object, "nodes", (uint64_t)t->tile.nodes_per_die * tile_dies(t));
	json_u64(object, "hbm_bytes", t->tile.hbm_bytes);
	json_u64(object, "sram_bytes", t->tile.sram_bytes);
	json_u64(object, "dma_engines", t->tile.dma_engines);
	formats = json_array(object, "formats");
	for (unsigned int f = 1; f < 32; f++) {
		if (t->tile.formats & 1u << f)
			cJSON_AddItemToArray(formats, cJSON_CreateString(dojo_format_name(f)));
	}
	json_double(object, "peak_bf16_flops", t->tile.peak_bf16_gflops * dies * 1e9);
	json_double(object, "peak_cfloat8_flops", t->tile.peak_bf16_gflops * dies * 1e9);
	json_double(object, "peak_fp32_flops", t->tile.peak_fp32_gflops * dies * 1e9);
	json_double(object, "peak_int8_ops", t->tile.peak_int8_gops * dies * 1e9);
	json_u64(object, "reset_count", t->tile.reset_count);
	if (full)
		json_state(object, t);
}
