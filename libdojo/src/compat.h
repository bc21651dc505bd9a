/* SPDX-License-Identifier: MIT */
/* What <drm.h> of Debian 12 is too old for, though the kernels that know Dojo are not. */
#ifndef DOJO_COMPAT_H
#define DOJO_COMPAT_H

#include <drm.h>

#ifndef DRM_IOCTL_SYNCOBJ_EVENTFD
struct drm_syncobj_eventfd {
	__u32 handle;
	__u32 flags;
	__u64 point;
	__s32 fd;
	__u32 pad;
};

#define DRM_IOCTL_SYNCOBJ_EVENTFD	DRM_IOWR(0xCF, struct drm_syncobj_eventfd)
#endif

#endif
