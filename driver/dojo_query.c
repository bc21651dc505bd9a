// SPDX-License-Identifier: GPL-2.0-only
/* DRM_IOCTL_DOJO_DEV_QUERY: what the tile and its card are, and how they are. */
#include <linux/capability.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>

#include <drm/drm_drv.h>

#include "dojo_card.h"
#include "dojo_device.h"
#include "dojo_hang.h"
#include "dojo_ioctl.h"
#include "dojo_mm.h"
#include "dojo_queue.h"
#include "dojo_submit.h"
#include "dojo_user.h"
#include "dojo_vm.h"

union dojo_query_info {
	struct drm_dojo_card_info card;
	struct drm_dojo_tile_info tile;
	struct drm_dojo_memory_info memory;
	struct drm_dojo_clock_info clock;
	struct drm_dojo_counters counters;
	struct drm_dojo_limits limits;
};

static void dojo_query_card(struct dojo_tile *tile, union dojo_query_info *info)
{
	struct drm_dojo_card_info *out = &info->card;
	struct dojo_card *card = tile->card;
	struct pci_dev *pdev = card->pdev;

	BUILD_BUG_ON(sizeof(out->serial) != DOJO_SERIAL_LEN);
	BUILD_BUG_ON(DRM_DOJO_CARD_CAP_PEER != DOJO_CAP_PEER);
	BUILD_BUG_ON(DRM_DOJO_CARD_CAP_COLLECTIVE != DOJO_CAP_COLLECTIVE);

	out->generation = card->generation;
	out->tiles = card->num_tiles;
	out->interface_major = card->version >> 16;
	out->interface_minor = card->version & 0xffff;
	out->caps = card->caps & (DOJO_CAP_PEER | DOJO_CAP_COLLECTIVE);
	out->pci_domain = pci_domain_nr(pdev->bus);
	out->pci_bus = pdev->bus->number;
	out->pci_device = PCI_SLOT(pdev->devfn);
	out->pci_function = PCI_FUNC(pdev->devfn);
	out->hbm_bytes = card->hbm_size;
	memcpy(out->serial, card->serial, DOJO_SERIAL_LEN);
	out->hbm_mbps = dojo_card_read(card, DOJO_CARD_MODEL_HBM_MBPS);
	out->ttp_mbps = dojo_card_read(card, DOJO_CARD_MODEL_TTP_MBPS);
	out->pcie_mbps = dojo_card_read(card, DOJO_CARD_MODEL_PCIE_MBPS);
	out->launch_ns = dojo_card_read(card, DOJO_CARD_MODEL_LAUNCH_NS);
	out->reset_count = dojo_card_read(card, DOJO_CARD_RESET_COUNT);
}

static void dojo_query_tile(struct dojo_tile *tile, union dojo_query_info *info)
{
	struct drm_dojo_tile_info *out = &info->tile;

	out->index = tile->index;
	out->mesh_cols = tile->mesh_cols;
	out->mesh_rows = tile->mesh_rows;
	out->nodes_per_die = tile->mesh_nodes;
	out->dma_engines = tile->dma_engines;
	out->hbm_bytes = tile->hbm_size;
	out->sram_bytes = tile->sram_size;
	out->formats = tile->formats;
	out->peak_bf16_gflops = tile->peak_bf16_gflops;
	out->peak_fp32_gflops = tile->peak_fp32_gflops;
	out->peak_int8_gops = tile->peak_int8_gops;
	out->reset_count = dojo_tile_read(tile, DOJO_TILE_RESET_COUNT);
	memcpy(out->opcodes, tile->opcodes, sizeof(out->opcodes));
}

static void dojo_query_memory(struct dojo_tile *tile, union dojo_query_info *info)
{
	dojo_mm_query(tile, &info->memory);
}

static void dojo_query_clock(struct dojo_tile *tile, union dojo_query_info *info)
{
	struct drm_dojo_clock_info *out = &info->clock;
	u64 before, after;

	local_irq_disable();
	before = ktime_get_ns();
	out->device_ns = dojo_card_read64(tile->card, DOJO_CARD_TIMESTAMP);
	after = ktime_get_ns();
	local_irq_enable();
	out->window_ns = after - before;
	out->cpu_ns = before + out->window_ns / 2;
}

static void dojo_query_counters(struct dojo_tile *tile, union dojo_query_info *info)
{
	struct drm_dojo_counters *out = &info->counters;
	struct dojo_card *card = tile->card;

	out->mmio_reads = dojo_card_read64(card, DOJO_CARD_MMIO_READS);
	out->mmio_writes = dojo_card_read64(card, DOJO_CARD_MMIO_WRITES);
	out->interrupts = dojo_card_read64(card, DOJO_CARD_MSIX_SENT);
	out->bad_accesses = dojo_card_read(card, DOJO_CARD_BAD_ACCESS);
	out->mesh_busy_ns = dojo_tile_read64(tile, DOJO_TILE_MESH_BUSY_NS);
	out->dma_busy_ns = dojo_tile_read64(tile, DOJO_TILE_DMA_BUSY_NS);
}

static void dojo_query_limits(struct dojo_tile *tile, union dojo_query_info *info)
{
	struct drm_dojo_limits *out = &info->limits;

	out->va_bits = DOJO_VA_BITS;
	out->page_bytes = 1u << DOJO_PAGE_SHIFT;
	out->huge_page_bytes = 1u << DOJO_HUGE_SHIFT;
	out->queues = tile->max_queues - 1;
	out->queues_per_client = dojo_queue_limit(tile);
	out->queues_per_user = dojo_user_queue_limit(tile);
	out->vms_per_user = dojo_user_vm_limit(tile);
	out->vms = tile->max_asids - 1;
	out->jobs_per_submit = DOJO_JOBS_PER_SUBMIT;
	out->binds_per_call = DOJO_BINDS_PER_CALL;
	out->sync_ops = DRM_DOJO_SYNC_OPS_MAX;
	out->batch_bytes = DOJO_BATCH_MAX;
	out->timeout_max_ns = dojo_hang_max_ns();
	out->timeout_default_ns = dojo_hang_default_ns();
	out->priority_mask = BIT(DRM_DOJO_PRIORITY_LOW) | BIT(DRM_DOJO_PRIORITY_NORMAL);
	if (capable(CAP_SYS_NICE))
		out->priority_mask |= BIT(DRM_DOJO_PRIORITY_HIGH) | BIT(DRM_DOJO_PRIORITY_REALTIME);
}

static const struct {
	u32 size;
	void (*fill)(struct dojo_tile *tile, union dojo_query_info *info);
} dojo_queries[] = {
	[DRM_DOJO_QUERY_CARD] = { sizeof(struct drm_dojo_card_info), dojo_query_card },
	[DRM_DOJO_QUERY_TILE] = { sizeof(struct drm_dojo_tile_info), dojo_query_tile },
	[DRM_DOJO_QUERY_MEMORY] = { sizeof(struct drm_dojo_memory_info), dojo_query_memory },
	[DRM_DOJO_QUERY_CLOCK] = { sizeof(struct drm_dojo_clock_info), dojo_query_clock },
	[DRM_DOJO_QUERY_COUNTERS] = { sizeof(struct drm_dojo_counters), dojo_query_counters },
	[DRM_DOJO_QUERY_LIMITS] = { sizeof(struct drm_dojo_limits), dojo_query_limits },
};

/**
 * dojo_ioctl_dev_query() - DRM_IOCTL_DOJO_DEV_QUERY
 * @drm: DRM device
 * @data: struct drm_dojo_dev_query
 * @file: caller
 *
 * Return: 0 or -errno.
 */
int dojo_ioctl_dev_query(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_dojo_dev_query *query = data;
	void __user *user = u64_to_user_ptr(query->pointer);
	union dojo_query_info info = {};
	u32 size, copy;
	int idx;

	if (DOJO_REJECT(drm, query->type >= ARRAY_SIZE(dojo_queries)))
		return -EINVAL;
	size = dojo_queries[query->type].size;
	if (!query->pointer) {
		query->size = size;
		return 0;
	}

	if (!drm_dev_enter(drm, &idx))
		return -ENODEV;
	dojo_queries[query->type].fill(to_dojo_tile(drm), &info);
	drm_dev_exit(idx);

	copy = min(size, query->size);
	if (copy_to_user(user, &info, copy) || clear_user(user + copy, query->size - copy))
		return -EFAULT;
	query->size = size;
	return 0;
}
