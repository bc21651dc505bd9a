/* SPDX-License-Identifier: GPL-2.0-only */
/* Arrays of structs that user space passes with their stride. */
#ifndef DOJO_UOBJ_H
#define DOJO_UOBJ_H

#include <linux/types.h>

struct drm_dojo_obj_array;

void *dojo_uobj_get_array(const struct drm_dojo_obj_array *in, u32 min_stride,
			  u32 obj_size, u32 max_count);

/**
 * DOJO_UOBJ_MIN_STRIDE() - smallest stride accepted for a struct
 * @type: struct
 * @last: the last member that its first version had
 */
#define DOJO_UOBJ_MIN_STRIDE(type, last)	offsetofend(type, last)

#endif
