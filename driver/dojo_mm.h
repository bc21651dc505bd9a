/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory management of a tile, as the rest of the driver sees it. */
#ifndef DOJO_MM_H
#define DOJO_MM_H

#include <linux/types.h>

struct dentry;
struct dojo_file;
struct dojo_tile;
struct drm_dojo_memory_info;
struct drm_printer;

int dojo_mm_init(struct dojo_tile *tile);
void dojo_mm_fini(struct dojo_tile *tile);
int dojo_mm_start(struct dojo_tile *tile);
void dojo_mm_stop(struct dojo_tile *tile);
void dojo_mm_set_wedged(struct dojo_tile *tile, bool wedged);
void dojo_mm_reset_prepare(struct dojo_tile *tile, bool hbm_lost);
void dojo_mm_reset_done(struct dojo_tile *tile);

int dojo_mm_file_open(struct dojo_file *file);
void dojo_mm_file_close(struct dojo_file *file);

void dojo_mm_query(struct dojo_tile *tile, struct drm_dojo_memory_info *info);
void dojo_mm_show_fdinfo(struct drm_printer *p, struct dojo_file *file);
void dojo_mm_debugfs_init(struct dojo_tile *tile, struct dentry *root);

#endif
