// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>
#include <unistd.h>

#include "buffer.h"

static int create(struct buffer *buffer, struct dojo_vm *vm, uint64_t size, uint32_t domain,
		  uint32_t flags)
{
	int err;

	memset(buffer, 0, sizeof(*buffer));
	err = dojo_bo_create(dojo_vm_device(vm), size, domain, flags, NULL, &buffer->bo);
	if (err)
		return err;
	buffer->size = dojo_bo_size(buffer->bo);
	return dojo_vm_map(vm, buffer->bo, 0, 0, 0, &buffer->va);
}

int buffer_create(struct buffer *buffer, struct dojo_vm *vm, uint64_t size, uint32_t domain)
{
	return create(buffer, vm, size, domain, 0);
}

int buffer_create_mapped(struct buffer *buffer, struct dojo_vm *vm, uint64_t size, uint32_t domain)
{
	int err = create(buffer, vm, size, domain, DRM_DOJO_BO_CPU_ACCESS);

	return err ? err : dojo_bo_map(buffer->bo, &buffer->memory);
}

int buffer_import(struct buffer *buffer, struct dojo_vm *vm, const struct buffer *other,
		  uint32_t bind_flags)
{
	int fd, err;

	memset(buffer, 0, sizeof(*buffer));
	err = dojo_bo_export(other->bo, &fd);
	if (err)
		return err;
	err = dojo_bo_import(dojo_vm_device(vm), fd, &buffer->bo);
	close(fd);
	if (err)
		return err;
	buffer->size = dojo_bo_size(buffer->bo);
	return dojo_vm_map(vm, buffer->bo, 0, 0, bind_flags, &buffer->va);
}

void buffer_destroy(struct buffer *buffer, struct dojo_vm *vm)
{
	if (buffer->va)
		dojo_vm_unmap(vm, buffer->va);
	dojo_bo_destroy(buffer->bo);
	memset(buffer, 0, sizeof(*buffer));
}
