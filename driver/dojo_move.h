/* SPDX-License-Identifier: GPL-2.0-only */
/* Moves and clears of buffers by the kernel's DMA queue. */
#ifndef DOJO_MOVE_H
#define DOJO_MOVE_H

#include <linux/dma-resv.h>
#include <linux/types.h>

struct dma_fence;
struct dojo_layout;
struct dojo_mm;

struct dma_fence *dojo_move_copy(struct dojo_mm *mm, const struct dojo_layout *src,
				 const struct dojo_layout *dst, struct dma_resv *resv,
				 enum dma_resv_usage usage);
struct dma_fence *dojo_move_clear(struct dojo_mm *mm, const struct dojo_layout *dst,
				  struct dma_resv *resv, enum dma_resv_usage usage);
void dojo_move_fini(struct dojo_mm *mm);

#endif
