// SPDX-License-Identifier: GPL-2.0-only
/* Arrays of structs from user space, whose element may have grown or not yet. */
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <drm/dojo_accel.h>

#include "dojo_uobj.h"

/**
 * dojo_uobj_get_array() - copy an array in
 * @in: where it is, its stride and count
 * @min_stride: size of an element in the first version of the ABI
 * @obj_size: size of an element in this kernel
 * @max_count: most elements that the caller takes
 *
 * Elements shorter than @obj_size are filled with zeroes; longer ones must be zero
 * in what this kernel does not know.
 *
 * Return: the array, to be freed with kvfree(), NULL if @in has none, or
 * ERR_PTR(-EINVAL), -E2BIG, -EFAULT, -ENOMEM.
 */
void *dojo_uobj_get_array(const struct drm_dojo_obj_array *in, u32 min_stride, u32 obj_size,
			  u32 max_count)
{
	void __user *user = u64_to_user_ptr(in->array);
	void *out;
	u32 i;
	int ret;

	if (!in->count)
		return NULL;
	if (in->count > max_count || in->stride < min_stride || in->stride % 8)
		return ERR_PTR(-EINVAL);
	if (in->stride > PAGE_SIZE)
		return ERR_PTR(-E2BIG);

	if (in->stride == obj_size)
		return vmemdup_array_user(user, in->count, obj_size);

	out = kvmalloc_array(in->count, obj_size, GFP_KERNEL);
	if (!out)
		return ERR_PTR(-ENOMEM);
	for (i = 0; i < in->count; i++) {
		ret = copy_struct_from_user(out + (size_t)i * obj_size, obj_size, user,
					    in->stride);
		if (ret) {
			kvfree(out);
			return ERR_PTR(ret);
		}
		user += in->stride;
		cond_resched();
	}
	return out;
}
