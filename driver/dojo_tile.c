// SPDX-License-Identifier: GPL-2.0-only
/*
 * A tile: from auxiliary device to accel node and back.
 *
 * On the way up: memory management, rings, hardware, kernel queue, node. On the way
 * down the hardware comes first: it is stopped before anything is unplugged, so that
 * from then on nobody need wonder whether it still reaches memory. What open files
 * hold stays as objects without hardware until they are closed.
 */
#include <linux/auxiliary_bus.h>
#include <linux/wait_bit.h>

#include <drm/drm_drv.h>
#include <drm/drm_managed.h>

#include "dojo_admin.h"
#include "dojo_card.h"
#include "dojo_coredump.h"
#include "dojo_debugfs.h"
#include "dojo_device.h"
#include "dojo_event.h"
#include "dojo_ioctl.h"
#include "dojo_mm.h"
#include "dojo_queue.h"
#include "dojo_rect.h"
#include "dojo_reset.h"
#include "dojo_sysfs.h"
#include "dojo_tile.h"

/* Tiles whose drm_device exists: the module stays until there is none. */
static atomic_t dojo_tiles = ATOMIC_INIT(0);

static void dojo_tile_identify(struct dojo_tile *tile)
{
	u32 mesh = dojo_tile_read(tile, DOJO_TILE_MESH);
	unsigned int i;

	tile->mesh_cols = DOJO_MESH_COLS(mesh);
	tile->mesh_rows = DOJO_MESH_ROWS(mesh);
	tile->mesh_nodes = DOJO_MESH_NODES(mesh);
	tile->max_queues = dojo_tile_read(tile, DOJO_TILE_MAX_QUEUES);
	tile->max_asids = dojo_tile_read(tile, DOJO_TILE_MAX_ASIDS);
	tile->dma_engines = dojo_tile_read(tile, DOJO_TILE_DMA_ENGINES);
	tile->sram_size = dojo_tile_read64(tile, DOJO_TILE_SRAM_SIZE);
	tile->hbm_size = dojo_tile_read64(tile, DOJO_TILE_HBM_SIZE);
	tile->hbm_phys = tile->card->hbm_phys + dojo_tile_read64(tile, DOJO_TILE_HBM_OFFSET);
	tile->formats = dojo_tile_read(tile, DOJO_TILE_FORMATS);
	tile->peak_bf16_gflops = dojo_tile_read(tile, DOJO_TILE_PEAK_BF16_GFLOPS);
	tile->peak_fp32_gflops = dojo_tile_read(tile, DOJO_TILE_PEAK_FP32_GFLOPS);
	tile->peak_int8_gops = dojo_tile_read(tile, DOJO_TILE_PEAK_INT8_GOPS);
	for (i = 0; i < ARRAY_SIZE(tile->opcodes); i++)
		tile->opcodes[i] = dojo_tile_read64(tile, DOJO_TILE_OPCODES + 8 * i);
}

static int dojo_tile_check(struct dojo_tile *tile)
{
	u64 hbm_end = tile->hbm_phys - tile->card->hbm_phys + tile->hbm_size;

	if (dojo_tile_read(tile, DOJO_TILE_ID) != tile->index ||
	    !tile->mesh_cols || !tile->mesh_rows ||
	    tile->mesh_cols * tile->mesh_rows > DOJO_RECT_MAX_DIES ||
	    tile->max_queues < 2 || tile->max_asids < 2 || !tile->dma_engines ||
	    tile->max_queues > (tile->card->tile_stride - DOJO_TILE_DOORBELL) /
			       DOJO_DOORBELL_STRIDE ||
	    hbm_end > tile->card->hbm_size)
		return dev_err_probe(&tile->adev->dev, -ENODEV,
				     "the tile's capabilities make no sense\n");
	return 0;
}

static void dojo_tile_release(struct drm_device *drm, void *data)
{
	struct dojo_tile *tile = data;

	dojo_card_put(tile->card);
	if (atomic_dec_and_test(&dojo_tiles))
		wake_up_var(&dojo_tiles);
}

/**
 * dojo_tile_wait_gone() - wait until the last reference to the last tile is gone
 *
 * Files keep the module themselves; what may be left are jobs that wait for
 * fences of others.
 */
void dojo_tile_wait_gone(void)
{
	wait_var_event(&dojo_tiles, !atomic_read(&dojo_tiles));
}

static void dojo_tile_destroy_wq(struct drm_device *drm, void *wq)
{
	destroy_workqueue(wq);
}

static int dojo_tile_init_wq(struct dojo_tile *tile)
{
	const char *name = dev_name(&tile->adev->dev);
	int ret;

	tile->submit_wq = alloc_workqueue("dojo-submit-%s",
					  WQ_UNBOUND | WQ_MEM_RECLAIM | WQ_HIGHPRI, 0, name);
	if (!tile->submit_wq)
		return -ENOMEM;
	ret = drmm_add_action_or_reset(&tile->drm, dojo_tile_destroy_wq, tile->submit_wq);
	if (ret)
		return ret;

	tile->timeout_wq = alloc_ordered_workqueue("dojo-timeout-%s", WQ_MEM_RECLAIM, name);
	if (!tile->timeout_wq)
		return -ENOMEM;
	return drmm_add_action_or_reset(&tile->drm, dojo_tile_destroy_wq, tile->timeout_wq);
}

static struct dojo_tile *dojo_tile_alloc(struct auxiliary_device *adev)
{
	struct dojo_tile *tile;
	unsigned int index;
	int ret;

	tile = devm_drm_dev_alloc(&adev->dev, &dojo_drm_driver, struct dojo_tile, drm);
	if (IS_ERR(tile))
		return tile;

	tile->adev = adev;
	tile->card = dojo_card_get(dojo_card_of(adev, &index));
	tile->index = index;
	tile->regs = tile->card->regs + tile->card->tile_offset +
		     (size_t)index * tile->card->tile_stride;
	xa_init(&tile->users);
	dojo_reset_init_tile(tile);
	atomic_inc(&dojo_tiles);
	/* first, so that it runs last */
	ret = drmm_add_action_or_reset(&tile->drm, dojo_tile_release, tile);
	if (!ret)
		ret = dojo_tile_init_wq(tile);
	return ret ? ERR_PTR(ret) : tile;
}

static int dojo_tile_probe(struct auxiliary_device *adev, const struct auxiliary_device_id *id)
{
	struct dojo_tile *tile;
	int ret;

	tile = dojo_tile_alloc(adev);
	if (IS_ERR(tile))
		return PTR_ERR(tile);
	dojo_tile_identify(tile);
	ret = dojo_tile_check(tile);
	if (ret)
		return ret;

	ret = dojo_admin_init(tile);
	if (ret)
		return ret;
	ret = dojo_mm_init(tile);
	if (ret)
		goto err_admin;
	ret = dojo_queues_init(tile);
	if (ret)
		goto err_mm;
	ret = dojo_coredump_init(tile);
	if (ret)
		goto err_queues;
	ret = dojo_event_init(tile);
	if (ret)
		goto err_event;

	ret = dojo_reset_first(tile);
	if (ret) {
		dev_err_probe(&adev->dev, ret, "the tile cannot be enabled\n");
		goto err_enable;
	}
	ret = dojo_queues_start_kernel(tile);
	if (ret)
		goto err_enable;
	ret = dojo_mm_start(tile);
	if (ret)
		goto err_enable;

	auxiliary_set_drvdata(adev, tile);
	ret = drm_dev_register(&tile->drm, 0);
	if (ret)
		goto err_start;
	dojo_debugfs_init(tile);
	return 0;

err_start:
	dojo_reset_last(tile);
	dojo_queues_detach(tile);
	dojo_mm_stop(tile);
	goto err_kernel;
err_enable:
	dojo_reset_last(tile);
	dojo_queues_detach(tile);
err_kernel:
	dojo_queue_put(tile->kernel_queue);
err_event:
	dojo_event_fini(tile);
err_queues:
	dojo_queues_fini(tile);
err_mm:
	dojo_mm_fini(tile);
err_admin:
	dojo_admin_fini(tile);
	return ret;
}

static void dojo_tile_remove(struct auxiliary_device *adev)
{
	struct dojo_tile *tile = auxiliary_get_drvdata(adev);

	dojo_reset_last(tile);
	drm_dev_unplug(&tile->drm);
	dojo_queues_detach(tile);
	dojo_mm_stop(tile);
	dojo_queue_put(tile->kernel_queue);
	dojo_coredump_fini(tile);
	dojo_event_fini(tile);
	dojo_queues_fini(tile);
	dojo_mm_fini(tile);
	dojo_admin_fini(tile);
}

static const struct auxiliary_device_id dojo_tile_ids[] = {
	{ .name = DOJO_DRIVER_NAME ".tile" },
	{ }
};
MODULE_DEVICE_TABLE(auxiliary, dojo_tile_ids);

struct auxiliary_driver dojo_tile_driver = {
	.name = "tile",
	.probe = dojo_tile_probe,
	.remove = dojo_tile_remove,
	.id_table = dojo_tile_ids,
	.driver.dev_groups = dojo_tile_groups,
};
