// SPDX-License-Identifier: MIT
/* Buffers and address spaces. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "fake_world.h"

static int bo_create(struct client *client, struct drm_dojo_bo_create *create)
{
	const uint32_t domains = DRM_DOJO_DOMAIN_HBM | DRM_DOJO_DOMAIN_SRAM |
				 DRM_DOJO_DOMAIN_SYSTEM;
	unsigned int index, handle;
	struct bo *bo;

	fake.last_create = *create;
	if (!create->size || create->domains & ~domains || create->pad || create->handle ||
	    create->flags & ~7u || create->preferred & ~create->domains ||
	    create->preferred & (create->preferred - 1))
		return -EINVAL;
	if (create->vm_id && !find_vm(client, create->vm_id))
		return -ENOENT;
	if (!create->domains)
		create->domains = DRM_DOJO_DOMAIN_HBM;
	if (create->domains == DRM_DOJO_DOMAIN_SRAM && create->flags & DRM_DOJO_BO_CPU_ACCESS)
		return -EINVAL;
	create->size = (create->size + PAGE - 1) & ~(uint64_t)(PAGE - 1);
	if (create->size > BO_SPACING)
		return -ENOSPC;
	for (index = 1; index < MAX && world.bo[index].references; index++)
		;
	if (index == MAX)
		return -ENOMEM;
	bo = &world.bo[index];
	*bo = (struct bo){ 1, create->size, create->domains, create->flags, 0,
			   index * BO_SPACING, NULL };
	bo->memory = mmap(NULL, bo->size, PROT_READ | PROT_WRITE, MAP_SHARED, world.memory,
			  (off_t)bo->offset);
	if (bo->memory == MAP_FAILED)
		return -ENOMEM;
	handle = free_slot(client->handle);
	client->handle[handle] = index;
	create->handle = handle;
	fake.objects++;
	return 0;
}

void put_bo(unsigned int index)
{
	struct bo *bo = &world.bo[index];

	if (--bo->references)
		return;
	madvise(bo->memory, bo->size, MADV_REMOVE);
	munmap(bo->memory, bo->size);
}

static int gem_close(struct client *client, const struct drm_gem_close *close)
{
	if (!find_bo(client, close->handle))
		return -EINVAL;
	put_bo(client->handle[close->handle]);
	client->handle[close->handle] = 0;
	fake.objects--;
	return 0;
}

static int bo_mmap_offset(struct client *client, struct drm_dojo_bo_mmap_offset *map)
{
	struct bo *bo = find_bo(client, map->handle);

	if (!bo)
		return -ENOENT;
	if (map->pad || map->offset)
		return -EINVAL;
	if (!(bo->flags & DRM_DOJO_BO_CPU_ACCESS))
		return -EPERM;
	map->offset = bo->offset;
	return 0;
}

static int bo_query(struct client *client, struct drm_dojo_bo_query *query)
{
	struct bo *bo = find_bo(client, query->handle);

	if (!bo)
		return -ENOENT;
	*query = (struct drm_dojo_bo_query){ query->handle, bo->flags, bo->size, bo->domains,
					     bo->domains & -bo->domains };
	return 0;
}

static int bo_advise(struct client *client, struct drm_dojo_bo_advise *advise)
{
	struct bo *bo = find_bo(client, advise->handle);

	if (!bo)
		return -ENOENT;
	if (advise->advice > DRM_DOJO_ADVICE_PURGEABLE || advise->pad || advise->retained)
		return -EINVAL;
	bo->advice = advise->advice;
	advise->retained = 1;
	return 0;
}

static int prime_export(struct client *client, struct drm_prime_handle *prime)
{
	int fd;

	if (!find_bo(client, prime->handle))
		return -ENOENT;
	fd = new_file(FILE_DMA_BUF, client->handle[prime->handle]);
	if (fd < 0)
		return fd;
	world.bo[client->handle[prime->handle]].references++;
	prime->fd = fd;
	return 0;
}

static int prime_import(struct client *client, struct drm_prime_handle *prime)
{
	struct file *file = file_of(prime->fd);
	unsigned int i;

	if (file->type != FILE_DMA_BUF)
		return -EBADF;
	for (i = 1; i < MAX; i++) {
		if (client->handle[i] == file->index) {
			prime->handle = i;
			return 0;
		}
	}
	prime->handle = free_slot(client->handle);
	client->handle[prime->handle] = file->index;
	world.bo[file->index].references++;
	fake.objects++;
	return 0;
}

static int vm_create(struct client *client, struct drm_dojo_vm_create *create)
{
	unsigned int i;

	if (create->flags || create->vm_id)
		return -EINVAL;
	for (i = 1; i < ARRAY_SIZE(client->vm); i++) {
		if (!client->vm[i].used) {
			client->vm[i] = (struct fake_vm){ .used = true };
			create->vm_id = i;
			fake.objects++;
			return 0;
		}
	}
	return -ENOSPC;
}

static void drop_mapping(struct mapping *mapping)
{
	if (mapping->bo)
		put_bo(mapping->bo);
	fake.mappings--;
}

/* Split and drop what overlaps [va, va + size). */
static void clear(struct fake_vm *vm, uint64_t va, uint64_t size)
{
	uint64_t end = va + size;
	unsigned int i;

	for (i = 0; i < vm->count; i++) {
		struct mapping *m = &vm->mapping[i];
		uint64_t m_end = m->va + m->size;

		if (m->va >= end || m_end <= va)
			continue;
		if (m->va < va && m_end > end) {
			if (vm->count == MAX)
				abort();
			vm->mapping[vm->count] = *m;
			vm->mapping[vm->count].va = end;
			vm->mapping[vm->count].size = m_end - end;
			if (m->memory)
				vm->mapping[vm->count].memory += end - m->va;
			if (m->bo)
				world.bo[m->bo].references++;
			vm->count++;
			fake.mappings++;
			m->size = va - m->va;
		} else if (m->va < va) {
			m->size = va - m->va;
		} else if (m_end > end) {
			if (m->memory)
				m->memory += end - m->va;
			m->size = m_end - end;
			m->va = end;
		} else {
			drop_mapping(m);
			*m = vm->mapping[--vm->count];
			i--;
		}
	}
}

static int add_mapping(struct fake_vm *vm, const struct mapping *mapping)
{
	clear(vm, mapping->va, mapping->size);
	if (vm->count == MAX)
		return -ENOMEM;
	vm->mapping[vm->count++] = *mapping;
	if (mapping->bo)
		world.bo[mapping->bo].references++;
	fake.mappings++;
	return 0;
}

static void unmap_all(struct fake_vm *vm, unsigned int bo)
{
	unsigned int i;

	for (i = 0; i < vm->count; i++) {
		if (bo && vm->mapping[i].bo != bo)
			continue;
		drop_mapping(&vm->mapping[i]);
		vm->mapping[i] = vm->mapping[--vm->count];
		i--;
	}
}

static int bind_one(struct client *client, struct fake_vm *vm, const struct drm_dojo_bind_op *op)
{
	struct bo *bo = op->handle ? find_bo(client, op->handle) : NULL;
	struct mapping mapping = {
		.va = op->va,
		.size = op->size,
		.readonly = op->flags & DRM_DOJO_BIND_READONLY,
	};

	fake.last_bind = *op;
	if (op->pad || op->flags & ~(uint32_t)DRM_DOJO_BIND_READONLY)
		return -EINVAL;
	if ((op->va | op->size | op->offset) & (PAGE - 1) || op->va >> VA_BITS ||
	    op->size > (1ull << VA_BITS) - op->va)
		return -EINVAL;
	if (op->type != DRM_DOJO_BIND_UNMAP_ALL && !op->size)
		return -EINVAL;
	if (op->handle && !bo)
		return -ENOENT;
	switch (op->type) {
	case DRM_DOJO_BIND_MAP:
		if (!bo)
			return -ENOENT;
		if (op->offset > bo->size || op->size > bo->size - op->offset)
			return -EINVAL;
		mapping.memory = (unsigned char *)bo->memory + op->offset;
		mapping.bo = client->handle[op->handle];
		return add_mapping(vm, &mapping);
	case DRM_DOJO_BIND_USERPTR:
		if (op->handle)
			return -EINVAL;
		mapping.memory = (unsigned char *)(uintptr_t)op->offset;
		return add_mapping(vm, &mapping);
	case DRM_DOJO_BIND_NULL:
		if (op->handle || op->offset || op->flags)
			return -EINVAL;
		mapping.null = true;
		return add_mapping(vm, &mapping);
	case DRM_DOJO_BIND_UNMAP:
		if (op->handle || op->offset || op->flags)
			return -EINVAL;
		clear(vm, op->va, op->size);
		return 0;
	case DRM_DOJO_BIND_UNMAP_ALL:
		if (op->va || op->size || op->offset || op->flags)
			return -EINVAL;
		unmap_all(vm, op->handle ? client->handle[op->handle] : 0);
		return 0;
	default:
		return -EINVAL;
	}
}

void *fake_translate(const struct fake_vm *vm, uint64_t va, uint64_t size, bool write)
{
	static _Thread_local unsigned char zero[1 << 16];
	unsigned int i;

	for (i = 0; i < vm->count; i++) {
		const struct mapping *m = &vm->mapping[i];

		if (va < m->va || va - m->va >= m->size || size > m->size - (va - m->va))
			continue;
		if (write && m->readonly)
			return NULL;
		if (m->null)
			return size <= sizeof(zero) ? zero : NULL;
		return m->memory + (va - m->va);
	}
	return NULL;
}

static int vm_bind(struct client *client, struct drm_dojo_vm_bind *bind)
{
	const struct drm_dojo_bind_op *ops = (const void *)(uintptr_t)bind->ops.array;
	const struct drm_dojo_sync_op *syncs = (const void *)(uintptr_t)bind->syncs.array;
	struct fake_vm *vm = find_vm(client, bind->vm_id);
	uint32_t i;
	int ret;

	if (!vm || vm->unusable)
		return -ENOENT;
	if (bind->flags & ~(uint32_t)DRM_DOJO_VM_BIND_ASYNC || bind->ops.stride != sizeof(*ops) ||
	    !bind->ops.count)
		return -EINVAL;
	if (!(bind->flags & DRM_DOJO_VM_BIND_ASYNC) && bind->syncs.count)
		return -EINVAL;
	ret = check_syncs(client, &bind->syncs);
	if (ret)
		return ret;
	for (i = 0; i < bind->ops.count; i++) {
		ret = bind_one(client, vm, &ops[i]);
		if (ret) {
			bind->ops.count = i;
			return ret;
		}
	}
	for (i = 0; i < bind->syncs.count; i++)
		if (syncs[i].flags & DRM_DOJO_SYNC_OP_SIGNAL)
			signal_op(client, &syncs[i], 0);
	run_pending();
	return 0;
}

static int vm_get_state(struct client *client, struct drm_dojo_vm_get_state *state)
{
	struct fake_vm *vm = find_vm(client, state->vm_id);

	if (!vm)
		return -ENOENT;
	state->state = vm->unusable ? DRM_DOJO_VM_UNUSABLE : DRM_DOJO_VM_USABLE;
	state->mappings = vm->count;
	return 0;
}

static int vm_destroy(struct client *client, const struct drm_dojo_vm_destroy *destroy)
{
	struct fake_vm *vm = find_vm(client, destroy->vm_id);

	if (!vm)
		return -ENOENT;
	if (destroy->pad)
		return -EINVAL;
	unmap_all(vm, 0);
	vm->used = false;
	fake.objects--;
	return 0;
}

int memory_ioctl(struct client *client, unsigned long request, void *arg)
{
	switch (request) {
	case DRM_IOCTL_GEM_CLOSE:
		return gem_close(client, arg);
	case DRM_IOCTL_PRIME_HANDLE_TO_FD:
		return prime_export(client, arg);
	case DRM_IOCTL_PRIME_FD_TO_HANDLE:
		return prime_import(client, arg);
	case DRM_IOCTL_DOJO_BO_CREATE:
		return bo_create(client, arg);
	case DRM_IOCTL_DOJO_BO_MMAP_OFFSET:
		return bo_mmap_offset(client, arg);
	case DRM_IOCTL_DOJO_BO_QUERY:
		return bo_query(client, arg);
	case DRM_IOCTL_DOJO_BO_ADVISE:
		return bo_advise(client, arg);
	case DRM_IOCTL_DOJO_VM_CREATE:
		return vm_create(client, arg);
	case DRM_IOCTL_DOJO_VM_DESTROY:
		return vm_destroy(client, arg);
	case DRM_IOCTL_DOJO_VM_BIND:
		return vm_bind(client, arg);
	default:
		return vm_get_state(client, arg);
	}
}
