/* SPDX-License-Identifier: GPL-2.0-only */
/* What the node of a tile offers. */
#ifndef DOJO_IOCTL_H
#define DOJO_IOCTL_H

struct drm_device;
struct drm_file;
struct drm_printer;

extern const struct drm_driver dojo_drm_driver;

/* dojo_query.c */
int dojo_ioctl_dev_query(struct drm_device *drm, void *data, struct drm_file *file);

/* dojo_fdinfo.c */
void dojo_show_fdinfo(struct drm_printer *p, struct drm_file *file);

#endif
