/* SPDX-License-Identifier: GPL-2.0-only */
/* A buffer that is bound in an address space, and perhaps mapped. */
#ifndef DOJO_TOOLS_BUFFER_H
#define DOJO_TOOLS_BUFFER_H

#include <dojo.h>

struct buffer {
	struct dojo_bo *bo;
	uint64_t va;
	uint64_t size;
	void *memory;	/* NULL unless made with buffer_create_mapped() */
};

/* @domain DRM_DOJO_DOMAIN_*. 0 or -errno; @buffer may be destroyed in any case. */
int buffer_create(struct buffer *buffer, struct dojo_vm *vm, uint64_t size, uint32_t domain);
int buffer_create_mapped(struct buffer *buffer, struct dojo_vm *vm, uint64_t size, uint32_t domain);
/* the memory of @other, which belongs to another tile of the same card */
int buffer_import(struct buffer *buffer, struct dojo_vm *vm, const struct buffer *other,
		  uint32_t bind_flags);
void buffer_destroy(struct buffer *buffer, struct dojo_vm *vm);

#endif
