// SPDX-License-Identifier: MIT
/* Address spaces. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "internal.h"

/* Lower addresses stay free: a null or truncated pointer should fault. */
#define VA_FIRST	(1ull << 32)

static void destroy_kernel_vm(struct dojo_device *dev, uint32_t id)
{
	struct drm_dojo_vm_destroy destroy = { .vm_id = id };

	dojo_ioctl(dev, DRM_IOCTL_DOJO_VM_DESTROY, &destroy);
}

int dojo_vm_create(struct dojo_device *dev, struct dojo_vm **out)
{
	struct drm_dojo_vm_create create = { 0 };
	struct dojo_vm *vm;
	int ret;

	*out = NULL;
	ret = dojo_ioctl(dev, DRM_IOCTL_DOJO_VM_CREATE, &create);
	if (ret)
		return dojo_fail(dev, ret, "address space: %s", dojo_strerror(ret));
	vm = calloc(1, sizeof(*vm));
	if (vm)
		ret = dojo_ranges_create(VA_FIRST, 1ull << (dev->limits.va_bits - 1),
					 dev->limits.page_bytes, &vm->space);
	if (!vm || ret) {
		free(vm);
		destroy_kernel_vm(dev, create.vm_id);
		return dojo_fail(dev, -ENOMEM, "address space: %s", dojo_strerror(ENOMEM));
	}
	vm->dev = dev;
	vm->id = create.vm_id;
	*out = vm;
	return 0;
}

void dojo_vm_destroy(struct dojo_vm *vm)
{
	if (!vm)
		return;
	destroy_kernel_vm(vm->dev, vm->id);
	dojo_ranges_destroy(vm->space);
	free(vm);
}

uint32_t dojo_vm_id(const struct dojo_vm *vm)
{
	return vm->id;
}

struct dojo_device *dojo_vm_device(const struct dojo_vm *vm)
{
	return vm->dev;
}

static int bind(struct dojo_vm *vm, uint32_t flags, const struct drm_dojo_bind_op *ops,
		uint32_t count, const struct drm_dojo_sync_op *syncs, uint32_t sync_count,
		uint32_t *done)
{
	struct drm_dojo_vm_bind bind = {
		.vm_id = vm->id,
		.flags = flags,
		.ops = { sizeof(*ops), count, (uintptr_t)ops },
	};
	int ret;

	if (sync_count)
		bind.syncs = (struct drm_dojo_obj_array){ sizeof(*syncs), sync_count,
							  (uintptr_t)syncs };
	/* Not drmIoctl(): a failed call may have written the count that the next one reads. */
	do {
		bind.ops.count = count;
		ret = ioctl(vm->dev->fd, DRM_IOCTL_DOJO_VM_BIND, &bind) ? -errno : 0;
	} while (ret == -EINTR || ret == -EAGAIN);
	if (done)
		*done = !ret ? count : bind.ops.count < count ? bind.ops.count : 0;
	return ret;
}

static const char *bind_name(uint32_t type)
{
	static const char *const names[] = {
		[DRM_DOJO_BIND_MAP] = "map",
		[DRM_DOJO_BIND_UNMAP] = "unmap",
		[DRM_DOJO_BIND_UNMAP_ALL] = "unmap all",
		[DRM_DOJO_BIND_NULL] = "map null",
		[DRM_DOJO_BIND_USERPTR] = "map userptr",
	};

	return type < ARRAY_SIZE(names) ? names[type] : "bind";
}

/* An address in the caller's memory is at fault more often than anything else. */
static int fail_userptr(struct dojo_vm *vm, int ret, const struct drm_dojo_bind_op *op)
{
	const char *why = ret == -EINVAL ? "not all of it is anonymous memory" :
			  ret == -EFAULT ? "there is no such memory" :
			  ret == -EACCES ? "not all of it is writable" : dojo_strerror(ret);

	return dojo_fail(vm->dev, ret, "map userptr: 0x%" PRIx64 " bytes from 0x%" PRIx64 ": %s",
			 (uint64_t)op->size, (uint64_t)op->offset, why);
}

static int fail_bind(struct dojo_vm *vm, int ret, const struct drm_dojo_bind_op *op)
{
	if (op->type == DRM_DOJO_BIND_USERPTR)
		return fail_userptr(vm, ret, op);
	return dojo_fail(vm->dev, ret,
			 "%s 0x%" PRIx64 " bytes at 0x%" PRIx64 ", buffer %u + 0x%" PRIx64 ": %s",
			 bind_name(op->type), (uint64_t)op->size, (uint64_t)op->va, op->handle,
			 (uint64_t)op->offset, dojo_strerror(ret));
}

int dojo_vm_bind(struct dojo_vm *vm, const struct drm_dojo_bind_op *ops, uint32_t count,
		 uint32_t *done)
{
	uint32_t completed;
	int ret = bind(vm, 0, ops, count, NULL, 0, &completed);

	if (done)
		*done = completed;
	if (ret && completed < count)
		return fail_bind(vm, ret, &ops[completed]);
	if (ret)
		return dojo_fail(vm->dev, ret, "%u binds: %s", count, dojo_strerror(ret));
	return 0;
}

int dojo_vm_bind_async(struct dojo_vm *vm, const struct drm_dojo_bind_op *ops, uint32_t count,
		       const struct drm_dojo_sync_op *syncs, uint32_t sync_count)
{
	int ret = bind(vm, DRM_DOJO_VM_BIND_ASYNC, ops, count, syncs, sync_count, NULL);

	if (ret)
		return dojo_fail(vm->dev, ret, "%u asynchronous binds: %s", count,
				 dojo_strerror(ret));
	return 0;
}

static uint64_t page_of(const struct dojo_vm *vm)
{
	return vm->dev->limits.page_bytes;
}

/* Large bindings start where a large page can. */
static uint64_t alignment_for(const struct dojo_vm *vm, uint64_t size)
{
	return size >= vm->dev->limits.huge_page_bytes ? vm->dev->limits.huge_page_bytes :
							 page_of(vm);
}

/* Do @op where there is room. */
static int bind_anywhere(struct dojo_vm *vm, struct drm_dojo_bind_op *op)
{
	struct dojo_range *range;
	uint64_t va;
	int ret;

	ret = dojo_range_alloc(vm->space, op->size, alignment_for(vm, op->size), &va);
	if (ret)
		return fail_bind(vm, ret, op);
	op->va = va;
	op->size = (op->size + page_of(vm) - 1) & -page_of(vm);
	ret = dojo_vm_bind(vm, op, 1, NULL);
	if (ret && !dojo_range_take(vm->space, va, &range))
		dojo_range_release(vm->space, range);
	return ret;
}

static int buffer_bind(struct dojo_vm *vm, struct dojo_bo *bo, uint64_t offset, uint64_t size,
		       uint32_t flags, struct drm_dojo_bind_op *op)
{
	if (offset >= bo->size || size > bo->size - offset)
		return dojo_fail(vm->dev, -EINVAL,
				 "map %" PRIu64 " bytes from %" PRIu64 ": the buffer has %" PRIu64,
				 size, offset, bo->size);
	*op = (struct drm_dojo_bind_op){
		.type = DRM_DOJO_BIND_MAP,
		.flags = flags,
		.handle = bo->handle,
		.offset = offset,
		.size = size ? size : bo->size - offset,
	};
	return 0;
}

int dojo_vm_map(struct dojo_vm *vm, struct dojo_bo *bo, uint64_t offset, uint64_t size,
		uint32_t flags, uint64_t *va)
{
	struct drm_dojo_bind_op op;
	int ret = buffer_bind(vm, bo, offset, size, flags, &op);

	if (!ret)
		ret = bind_anywhere(vm, &op);
	*va = ret ? 0 : op.va;
	return ret;
}

int dojo_vm_map_fixed(struct dojo_vm *vm, struct dojo_bo *bo, uint64_t offset, uint64_t size,
		      uint32_t flags, uint64_t va)
{
	struct drm_dojo_bind_op op;
	int ret = buffer_bind(vm, bo, offset, size, flags, &op);

	if (ret)
		return ret;
	op.va = va;
	return dojo_vm_bind(vm, &op, 1, NULL);
}

int dojo_vm_map_userptr(struct dojo_vm *vm, void *memory, uint64_t size, uint32_t flags,
			uint64_t *va)
{
	uint64_t address = (uintptr_t)memory;
	uint64_t skip = address & (page_of(vm) - 1);
	struct drm_dojo_bind_op op = {
		.type = DRM_DOJO_BIND_USERPTR,
		.flags = flags,
		.offset = address - skip,
		.size = size + skip,
	};
	int ret;

	*va = 0;
	if (!size || op.size < size)
		return dojo_fail(vm->dev, -EINVAL, "map userptr: %" PRIu64 " bytes", size);
	ret = bind_anywhere(vm, &op);
	if (!ret)
		*va = op.va + skip;
	return ret;
}

int dojo_vm_map_null(struct dojo_vm *vm, uint64_t size, uint64_t *va)
{
	struct drm_dojo_bind_op op = { .type = DRM_DOJO_BIND_NULL, .size = size };
	int ret = bind_anywhere(vm, &op);

	*va = ret ? 0 : op.va;
	return ret;
}

int dojo_vm_unmap_fixed(struct dojo_vm *vm, uint64_t va, uint64_t size)
{
	struct drm_dojo_bind_op op = { .type = DRM_DOJO_BIND_UNMAP, .va = va, .size = size };

	return dojo_vm_bind(vm, &op, 1, NULL);
}

int dojo_vm_unmap(struct dojo_vm *vm, uint64_t va)
{
	struct dojo_range *range;
	int ret;

	/* A userptr's address is that of its first byte; its range starts at the page. */
	ret = dojo_range_take(vm->space, va & -page_of(vm), &range);
	if (ret)
		return dojo_fail(vm->dev, ret, "unmap 0x%" PRIx64 ": was not given out", va);
	ret = dojo_vm_unmap_fixed(vm, range->start, range->size);
	if (ret)
		dojo_range_put_back(vm->space, range);
	else
		dojo_range_release(vm->space, range);
	return ret;
}

int dojo_va_alloc(struct dojo_vm *vm, uint64_t size, uint64_t align, uint64_t *va)
{
	int ret = dojo_range_alloc(vm->space, size, align ? align : page_of(vm), va);

	if (ret) {
		*va = 0;
		return dojo_fail(vm->dev, ret, "addresses for %" PRIu64 " bytes: %s", size,
				 dojo_strerror(ret));
	}
	return 0;
}

int dojo_va_free(struct dojo_vm *vm, uint64_t va)
{
	struct dojo_range *range;
	int ret = dojo_range_take(vm->space, va, &range);

	if (ret)
		return dojo_fail(vm->dev, ret, "free 0x%" PRIx64 ": was not given out", va);
	dojo_range_release(vm->space, range);
	return 0;
}

int dojo_vm_get_state(struct dojo_vm *vm, struct drm_dojo_vm_get_state *state, size_t size)
{
	struct drm_dojo_vm_get_state get = { .vm_id = vm->id };
	int ret = dojo_ioctl(vm->dev, DRM_IOCTL_DOJO_VM_GET_STATE, &get);

	if (ret)
		return dojo_fail(vm->dev, ret, "state of address space %u: %s", vm->id,
				 dojo_strerror(ret));
	memset(state, 0, size);
	memcpy(state, &get, size < sizeof(get) ? size : sizeof(get));
	return 0;
}
