// SPDX-License-Identifier: MIT
/* What the fake card says about itself. */
#include <string.h>

#include "fake_world.h"

static void describe_card(struct drm_dojo_card_info *card)
{
	*card = (struct drm_dojo_card_info){
		.generation = fake.collective ? 2 : 1,
		.tiles = fake.tiles,
		.interface_major = 1,
		.caps = DRM_DOJO_CARD_CAP_PEER,
		.pci_device = 4,
		.hbm_bytes = 1ull << 35,
		.serial = "FAKE0001",
		.hbm_mbps = 800000,
		.ttp_mbps = 900000,
		.pcie_mbps = 32000,
		.launch_ns = 500,
	};
}

static void describe_tile(struct drm_dojo_tile_info *tile, unsigned int index)
{
	*tile = (struct drm_dojo_tile_info){
		.index = index,
		.mesh_cols = 5,
		.mesh_rows = 5,
		.nodes_per_die = 354,
		.dma_engines = 2,
		.hbm_bytes = 1ull << 34,
		.sram_bytes = 11ull * 1000 * 1000 * 1000,
		.formats = 0x3fe,
		.peak_bf16_gflops = 362000,
		.peak_fp32_gflops = 22600,
		.peak_int8_gops = 362000,
		.opcodes = { 0x70000 | 0x3e, 0x1fffff | (fake.collective ? 3ull << 32 : 0) },
	};
}

static void describe_limits(struct drm_dojo_limits *limits)
{
	*limits = (struct drm_dojo_limits){
		.va_bits = VA_BITS,
		.page_bytes = PAGE,
		.huge_page_bytes = 2 << 20,
		.queues = 1024,
		.queues_per_client = 16,
		.queues_per_user = 64,
		.vms = 4096,
		.vms_per_user = 256,
		.jobs_per_submit = 1024,
		.binds_per_call = 1024,
		.sync_ops = DRM_DOJO_SYNC_OPS_MAX,
		.batch_bytes = 16 << 20,
		.timeout_max_ns = 60000000000,
		.timeout_default_ns = 5000000000,
		.priority_mask = 3,
	};
}

static int dev_query(struct client *client, struct drm_dojo_dev_query *query)
{
	union {
		struct drm_dojo_card_info card;
		struct drm_dojo_tile_info tile;
		struct drm_dojo_memory_info memory;
		struct drm_dojo_clock_info clock;
		struct drm_dojo_counters counters;
		struct drm_dojo_limits limits;
	} info;
	size_t size;

	memset(&info, 0, sizeof(info));
	switch (query->type) {
	case DRM_DOJO_QUERY_CARD:
		describe_card(&info.card);
		size = fake.card_size;
		break;
	case DRM_DOJO_QUERY_TILE:
		describe_tile(&info.tile, client->tile);
		size = sizeof(info.tile);
		break;
	case DRM_DOJO_QUERY_MEMORY:
		info.memory.hbm_total = 1ull << 34;
		size = sizeof(info.memory);
		break;
	case DRM_DOJO_QUERY_CLOCK:
		info.clock = (struct drm_dojo_clock_info){ now_ns(), now_ns(), 100 };
		size = sizeof(info.clock);
		break;
	case DRM_DOJO_QUERY_COUNTERS:
		info.counters.mmio_writes = 7;
		size = sizeof(info.counters);
		break;
	case DRM_DOJO_QUERY_LIMITS:
		describe_limits(&info.limits);
		size = sizeof(info.limits);
		break;
	default:
		return -EINVAL;
	}
	if (query->pointer) {
		memset((void *)(uintptr_t)query->pointer, 0, query->size);
		memcpy((void *)(uintptr_t)query->pointer, &info,
		       query->size < size ? query->size : size);
	}
	query->size = (uint32_t)size;
	return 0;
}

static void give(char *to, __kernel_size_t *length, const char *text)
{
	if (to && *length)
		memcpy(to, text, *length < strlen(text) ? *length : strlen(text));
	*length = strlen(text);
}

static int version(struct drm_version *version)
{
	version->version_major = fake.major;
	version->version_minor = fake.minor;
	version->version_patchlevel = 0;
	give(version->name, &version->name_len, fake.driver);
	give(version->date, &version->date_len, "0");
	give(version->desc, &version->desc_len, "fake");
	return 0;
}

int query_ioctl(struct client *client, unsigned long request, void *arg)
{
	return request == DRM_IOCTL_VERSION ? version(arg) : dev_query(client, arg);
}
