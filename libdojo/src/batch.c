// SPDX-License-Identifier: MIT
/* Batches: memory that packets are appended to. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

static struct dojo_batch *new_batch(struct dojo_vm *vm, void *memory, uint64_t va, size_t capacity)
{
	struct dojo_batch *batch = calloc(1, sizeof(*batch));

	if (!batch)
		return NULL;
	batch->vm = vm;
	batch->memory = memory;
	batch->va = va;
	batch->capacity = capacity & ~(size_t)7;
	return batch;
}

int dojo_batch_create_at(struct dojo_vm *vm, void *memory, uint64_t va, size_t capacity,
			 struct dojo_batch **out)
{
	*out = NULL;
	if (!memory || va & 7 || (uintptr_t)memory & 7)
		return dojo_fail(vm->dev, -EINVAL, "batch: not 8-byte aligned");
	*out = new_batch(vm, memory, va, capacity);
	if (!*out)
		return dojo_fail(vm->dev, -ENOMEM, "batch: %s", dojo_strerror(ENOMEM));
	return 0;
}

int dojo_batch_create(struct dojo_vm *vm, size_t capacity, uint32_t domain, struct dojo_batch **out)
{
	struct dojo_bo *bo;
	void *memory;
	uint64_t va;
	int ret;

	*out = NULL;
	if (capacity > vm->dev->limits.batch_bytes)
		return dojo_fail(vm->dev, -ENOSPC, "batch of %zu bytes: the largest has %u",
				 capacity, vm->dev->limits.batch_bytes);
	ret = dojo_bo_create(vm->dev, capacity, domain ? domain : DRM_DOJO_DOMAIN_SYSTEM,
			     DRM_DOJO_BO_CPU_ACCESS, vm, &bo);
	if (ret)
		return ret;
	ret = dojo_bo_map(bo, &memory);
	if (ret)
		goto destroy_bo;
	ret = dojo_vm_map(vm, bo, 0, 0, DRM_DOJO_BIND_READONLY, &va);
	if (ret)
		goto destroy_bo;
	ret = dojo_batch_create_at(vm, memory, va, capacity, out);
	if (ret)
		goto unmap;
	(*out)->bo = bo;
	return 0;
unmap:
	dojo_vm_unmap(vm, va);
destroy_bo:
	dojo_bo_destroy(bo);
	return ret;
}

void dojo_batch_destroy(struct dojo_batch *batch)
{
	if (!batch)
		return;
	if (batch->bo) {
		dojo_vm_unmap(batch->vm, batch->va);
		dojo_bo_destroy(batch->bo);
	}
	free(batch);
}

void dojo_batch_reset(struct dojo_batch *batch)
{
	batch->size = 0;
	batch->packets = 0;
	batch->flags = 0;
	batch->error = 0;
}

int dojo_batch_error(const struct dojo_batch *batch)
{
	return batch->error;
}

uint64_t dojo_batch_va(const struct dojo_batch *batch)
{
	return batch->va;
}

size_t dojo_batch_size(const struct dojo_batch *batch)
{
	return batch->size;
}

size_t dojo_batch_capacity(const struct dojo_batch *batch)
{
	return batch->capacity;
}

uint32_t dojo_batch_packets(const struct dojo_batch *batch)
{
	return batch->packets;
}

void dojo_batch_overlap(struct dojo_batch *batch, bool overlap)
{
	batch->flags = overlap ? DOJO_PACKET_OVERLAP : 0;
}

int dojo_batch_fail(struct dojo_batch *batch, int error, const char *format, ...)
{
	char text[ERROR_TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	batch->error = error;
	return dojo_fail(batch->vm->dev, error, "packet %u of the batch: %s", batch->packets, text);
}

static int append(struct dojo_batch *batch, const void *packet, size_t size)
{
	if (size > batch->capacity - batch->size)
		return dojo_batch_fail(batch, -ENOSPC, "%zu bytes, and %zu of %zu are free", size,
				  batch->capacity - batch->size, batch->capacity);
	memcpy(batch->memory + batch->size, packet, size);
	batch->size += size;
	batch->packets++;
	return 0;
}

int dojo_batch_add(struct dojo_batch *batch, struct dojo_packet_header *header, uint32_t opcode,
		   size_t size)
{
	if (batch->error)
		return batch->error;
	header->opcode = (uint16_t)opcode;
	header->words = (uint16_t)(size / 8);
	header->flags = batch->flags;
	return append(batch, header, size);
}

int dojo_batch_append(struct dojo_batch *batch, const void *packet, size_t size)
{
	if (batch->error)
		return batch->error;
	if (!size || size % 8 || size > DOJO_PACKET_MAX)
		return dojo_batch_fail(batch, -EINVAL, "%zu bytes are no packet's size", size);
	return append(batch, packet, size);
}
