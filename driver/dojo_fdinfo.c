// SPDX-License-Identifier: GPL-2.0-only
/* /proc/PID/fdinfo/FD, as Documentation/gpu/drm-usage-stats.rst has it. */
#include <drm/drm_file.h>
#include <drm/drm_print.h>

#include "dojo_device.h"
#include "dojo_ioctl.h"
#include "dojo_mm.h"
#include "dojo_queue.h"

/**
 * dojo_show_fdinfo() - what a file uses
 * @p: printer
 * @drm_file: file
 *
 * The core prints drm-driver and drm-client-id; drm-pdev it does not, as the
 * parent of the node is no PCI device.
 */
void dojo_show_fdinfo(struct drm_printer *p, struct drm_file *drm_file)
{
	struct dojo_file *file = to_dojo_file(drm_file);
	struct dojo_tile *tile = file->tile;
	struct dojo_queue *queue;
	unsigned long handle;
	u64 busy[2];

	spin_lock(&file->lock);
	memcpy(busy, file->busy_ns, sizeof(busy));
	spin_unlock(&file->lock);
	for (handle = 0; xa_find_after(&file->queues, &handle, ULONG_MAX, XA_PRESENT);) {
		queue = dojo_queue_lookup(file, handle);
		if (!queue)
			continue;
		busy[queue->hw_class] += dojo_queue_busy_ns(queue);
		dojo_queue_put(queue);
	}

	drm_printf(p, "drm-pdev:\t%s\n", pci_name(tile->card->pdev));
	drm_printf(p, "drm-engine-compute:\t%llu ns\n", busy[DOJO_HW_CLASS_COMPUTE]);
	drm_printf(p, "drm-engine-capacity-compute:\t%u\n", tile->mesh_cols * tile->mesh_rows);
	drm_printf(p, "drm-engine-dma:\t%llu ns\n", busy[DOJO_HW_CLASS_DMA]);
	drm_printf(p, "drm-engine-capacity-dma:\t%u\n", tile->dma_engines);
	drm_printf(p, "dojo-tile:\t%u\n", tile->index);
	drm_printf(p, "dojo-queues:\t%d\n", atomic_read(&file->num_queues));
	dojo_mm_show_fdinfo(p, file);
}
