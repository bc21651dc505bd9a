// SPDX-License-Identifier: MIT
/* Address spaces. */
#include <stdlib.h>

#include "test.h"

#define PAGE	4096u
#define HUGE	(2u << 20)

TEST(create_that_fails_leaves_nothing)
{
	struct dojo_device *dev = test_open();
	struct dojo_vm *vm = (void *)1;

	fake_fail(DRM_IOCTL_DOJO_VM_CREATE, -ENOSPC, 0);
	EQUAL(dojo_vm_create(dev, &vm), -ENOSPC);
	CHECK(!vm);
	SAYS(test_last_error(dev), "address space");
	dojo_device_close(dev);
}

TEST(map_binds_the_whole_buffer)
{
	struct dojo_device *dev = test_open();
	struct dojo_vm *vm = test_vm(dev);
	struct dojo_bo *bo = test_bo(dev, 3 * PAGE, NULL);
	uint64_t va;

	OK(dojo_vm_map(vm, bo, 0, 0, DRM_DOJO_BIND_READONLY, &va));
	EQUAL(fake.last_bind.type, DRM_DOJO_BIND_MAP);
	EQUAL(fake.last_bind.flags, DRM_DOJO_BIND_READONLY);
	EQUAL(fake.last_bind.handle, dojo_bo_handle(bo));
	EQUAL(fake.last_bind.va, va);
	EQUAL(fake.last_bind.size, 3 * PAGE);
	EQUAL(va % PAGE, 0);
	CHECK(va >= 1ull << 32);
	OK(dojo_vm_unmap(vm, va));
	EQUAL(fake.mappings, 0);
	dojo_bo_destroy(bo);
	dojo_vm_destroy(vm);
	dojo_device_close(dev);
}

TEST(map_binds_part_of_a_buffer)
{
	struct dojo_device *dev = test_open();
	struct dojo_vm *vm = test_vm(dev);
	struct dojo_bo *bo = test_bo(dev, 4 * PAGE, NULL);
	uint64_t va;

	OK(dojo_vm_map(vm, bo, PAGE, 2 * PAGE, 0, &va));
	EQUAL(fake.last_bind.offset, PAGE);
	EQUAL(fake.last_bind.size, 2 * PAGE);
	OK(dojo_vm_map(vm, bo, 3 * PAGE, 0, 0, &va));
	EQUAL(fake.last_bind.size, PAGE);
	dojo_vm_destroy(vm);
	dojo_bo_destroy(bo);
	dojo_device_close(dev);
}

TEST(map_outside_the_buffer_is_EINVAL)
{
	struct dojo_device *dev = test_open();
	struct dojo_vm *vm = test_vm(dev);
	struct dojo_bo *bo = test_bo(dev, 4 * PAGE, NULL);
	uint64_t va = 1;

	EQUAL(dojo_vm_map(vm, bo, 4 * PAGE, 0, 0, &va), -EINVAL);
	EQUAL(va, 0);
	EQUAL(dojo_vm_map(vm, bo, PAGE, 4 * PAGE, 0, &va), -EINVAL);
	EQUAL(dojo_vm_map(vm, bo, PAGE, UINT64_MAX, 0, &va), -EINVAL);
	SAYS(test_last_error(dev), "the buffer has 16384");
	dojo_bo_destroy(bo);
	dojo_vm_destroy(vm);
	dojo_device_close(dev);
}

TEST(mappings_do_not_touch_each_other)
{
	struct dojo_device *dev = test_open();
	struct dojo_vm *vm = test_vm(dev);
	struct dojo_bo *bo = test_bo(dev, 2 * PAGE, NULL);
	uint64_t first, second;

	OK(dojo_vm_map(vm, bo, 0, 0, 0, &first));
	OK(dojo_vm_map(vm, bo, 0, 0, 0, &second));
	CHECK(second >= first + 3 * PAGE || first >= second + 3 * PAGE);
	dojo_vm_destroy(vm);
	dojo_bo_destroy(bo);
	dojo_device_close(dev);
}

TEST(large_mappings_can_have_large_pages)
{
	struct dojo_device *dev = test_open();
	struct dojo_vm *vm = test_vm(dev);
	struct dojo_bo *small = test_bo(dev, PAGE, NULL), *large = test_bo(dev, HUGE + PAGE, NULL);
	uint64_t va;

	OK(dojo_vm_map(vm, small, 0, 0, 0, &va));
	OK(dojo_vm_map(vm, large, 0, 0, 0, &va));
	EQUAL(va % HUGE, 0);
	dojo_vm_destroy(vm);
	dojo_bo_destroy(small);
	dojo_bo_destroy(large);
	dojo_device_close(dev);
}

TEST(addresses_are_given_out_again)
{
	struct dojo_device *dev = test_open();
	struct dojo_vm *vm = test_vm(dev);
	struct dojo_bo *bo = test_bo(dev, PAGE, NULL);
	uint64_t va, again;

	OK(dojo_vm_map(vm, bo, 0, 0, 0, &va));
	OK(dojo_vm_unmap(vm, va));
	OK(dojo_vm_map(vm, bo, 0, 0, 0, &again));
	EQUAL(again, va);
	dojo_vm_destroy(vm);
	dojo_bo_destroy(bo);
	dojo_device_close(dev);
}

TEST(a_bind_that_fails_gives_its_addresses_back)
{
	struct dojo_device *dev = test_open();
	struct dojo_vm *vm = test_vm(dev);
	struct dojo_bo *bo = test_bo(dev, PAGE, NULL);
	uint64_t va, first;

	OK(dojo_va_alloc(vm, PAGE, 0, &first));
	OK(dojo_va_free(vm, first));
	fake_fail(DRM_IOCTL_DOJO_VM_BIND, -ENOMEM, 0);
	EQUAL(dojo_vm_map(vm, bo, 0, 0, 0, &va), -ENOMEM);
	EQUAL(va, 0);
	SAYS(test_last_error(dev), "map 0x1000 bytes");
	OK(dojo_vm_map(vm, bo, 0, 0, 0, &va));
	EQUAL(va, first);
	dojo_vm_destroy(vm);
	dojo_bo_destroy(bo);
	dojo_device_close(dev);
}

TEST(unmap_of_what_was_not_mapped_is_ENOENT)
{
	struct dojo_device *dev = test_open();
	struct dojo_vm *vm = test_vm(dev);

	EQUAL(dojo_vm_unmap(vm, 0x123456789000), -ENOENT);
	SAYS(test_last_error(dev), "0x123456789000");
	EQUAL(fake_calls(DRM_IOCTL_DOJO_VM_BIND), 0);
	dojo_vm_destroy(vm);
	dojo_device_close(dev);
}

TEST(unmap_that_fails_can_be_repeated)
{
	struct dojo_device *dev = test_open();
	struct dojo_vm *vm = test_vm(dev);
	struct dojo_bo *bo = test_bo(dev, PAGE, NULL);
	uint64_t va;

	OK(dojo_vm_map(vm, bo, 0, 0, 0, &va));
	fake_fail(DRM_IOCTL_DOJO_VM_BIND, -ENOMEM, 0);
	EQUAL(dojo_vm_unmap(vm, va), -ENOMEM);
	OK(dojo_vm_unmap(vm, va));
	EQUAL(dojo_vm_unmap(vm, va), -ENOENT);
	dojo_vm_destroy(vm);
	dojo_bo_destroy(bo);
	dojo_device_close(dev);
}

TEST(userptr_takes_any_alignment)
{
	struct dojo_device *dev = test_open();
	struct dojo_vm *vm = test_vm(dev);
	unsigned char *memory = aligned_alloc(PAGE, 4 * PAGE);
	uint64_t va;

	OK(dojo_vm_map_userptr(vm, memory + 100, PAGE, 0, &va));
	EQUAL(fake.last_bind.type, DRM_DOJO_BIND_USERPTR);
	EQUAL(fake.last_bind.offset, (uintptr_t)memory);
	EQUAL(fake.last_bind.size, 2 * PAGE);
	EQUAL(va, fake.last_bind.va + 100);
	OK(dojo_vm_unmap(vm, va));
	EQUAL(fake.mappings, 0);
	free(memory);
	dojo_vm_destroy(vm);
	dojo_device_close(dev);
}

TEST(userptr_of_nothing_is_EINVAL)
{
	struct dojo_device *dev = test_open();
	struct dojo_vm *vm = test_vm(dev);
	uint64_t va;

	EQUAL(dojo_vm_map_userptr(vm, &va, 0, 0, &va), -EINVAL);
	EQUAL(dojo_vm_map_userptr(vm, &va, UINT64_MAX, 0, &va), -EINVAL);
	dojo_vm_destroy(vm);
	dojo_device_close(dev);
}

TEST(userptr_that_is_refused_says_what_is_wrong_with_the_memory)
{
	struct dojo_device *dev = test_open();
	struct dojo_vm *vm = test_vm(dev);
	uint64_t va;

	fake_fail(DRM_IOCTL_DOJO_VM_BIND, -EINVAL, 0);
	EQUAL(dojo_vm_map_userptr(vm, dev, PAGE, 0, &va), -EINVAL);
	SAYS(test_last_error(dev), "anonymous");
	fake_fail(DRM_IOCTL_DOJO_VM_BIND, -EFAULT, 0);
	EQUAL(dojo_vm_map_userptr(vm, dev, PAGE, 0, &va), -EFAULT);
	SAYS(test_last_error(dev), "no such memory");
	fake_fail(DRM_IOCTL_DOJO_VM_BIND, -EACCES, 0);
	EQUAL(dojo_vm_map_userptr(vm, dev, PAGE, 0, &va), -EACCES);
	SAYS(test_last_error(dev), "writable");
	dojo_vm_destroy(vm);
	dojo_device_close(dev);
}

TEST(null_mapping_is_rounded_to_pages)
{
	struct dojo_device *dev = test_open();
	struct dojo_vm *vm = test_vm(dev);
	uint64_t va;

	OK(dojo_vm_map_null(vm, 5000, &va));
	EQUAL(fake.last_bind.type, DRM_DOJO_BIND_NULL);
	EQUAL(fake.last_bind.size, 2 * PAGE);
	OK(dojo_vm_unmap(vm, va));
	EQUAL(dojo_vm_map_null(vm, 0, &va), -EINVAL);
	dojo_vm_destroy(vm);
	dojo_device_close(dev);
}

TEST(fixed_mapping_is_where_it_should_be)
{
	struct dojo_device *dev = test_open();
	struct dojo_vm *vm = test_vm(dev);
	struct dojo_bo *bo = test_bo(dev, 2 * PAGE, NULL);
	const uint64_t va = 3ull << 46;

	OK(dojo_vm_map_fixed(vm, bo, 0, 0, 0, va));
	EQUAL(fake.last_bind.va, va);
	OK(dojo_vm_unmap_fixed(vm, va + PAGE, PAGE));
	EQUAL(fake.mappings, 1);
	OK(dojo_vm_unmap_fixed(vm, va, PAGE));
	EQUAL(fake.mappings, 0);
	EQUAL(dojo_vm_map_fixed(vm, bo, 0, 0, 0, va + 1), -EINVAL);
	dojo_vm_destroy(vm);
	dojo_bo_destroy(bo);
	dojo_device_close(dev);
}

TEST(addresses_without_binding)
{
	struct dojo_device *dev = test_open();
	struct dojo_vm *vm = test_vm(dev);
	uint64_t va, other;

	OK(dojo_va_alloc(vm, 10 * PAGE, 1 << 24, &va));
	EQUAL(va % (1 << 24), 0);
	OK(dojo_va_alloc(vm, 10 * PAGE, 0, &other));
	CHECK(other + 10 * PAGE <= va || va + 10 * PAGE <= other);
	OK(dojo_va_free(vm, va));
	EQUAL(dojo_va_free(vm, va), -ENOENT);
	EQUAL(dojo_va_alloc(vm, 1ull << 48, 0, &va), -ENOSPC);
	EQUAL(va, 0);
	EQUAL(dojo_va_alloc(vm, UINT64_MAX, 0, &va), -ENOSPC);
	EQUAL(dojo_va_alloc(vm, 0, 0, &va), -EINVAL);
	EQUAL(dojo_va_alloc(vm, PAGE, 3 * PAGE, &va), -EINVAL);
	dojo_vm_destroy(vm);
	dojo_device_close(dev);
}

TEST(bind_of_many_says_which_one_failed)
{
	struct dojo_device *dev = test_open();
	struct dojo_vm *vm = test_vm(dev);
	struct drm_dojo_bind_op ops[3] = {
		{ .type = DRM_DOJO_BIND_NULL, .va = 0x10000, .size = PAGE },
		{ .type = DRM_DOJO_BIND_NULL, .va = 0x20001, .size = PAGE },
		{ .type = DRM_DOJO_BIND_NULL, .va = 0x30000, .size = PAGE },
	};
	uint32_t done;

	EQUAL(dojo_vm_bind(vm, ops, 3, &done), -EINVAL);
	EQUAL(done, 1);
	SAYS(test_last_error(dev), "0x20001");
	ops[1].va = 0x20000;
	OK(dojo_vm_bind(vm, ops, 3, &done));
	EQUAL(done, 3);
	EQUAL(fake.mappings, 3);
	dojo_vm_destroy(vm);
	dojo_device_close(dev);
}

TEST(bind_repeats_what_a_signal_interrupted)
{
	struct dojo_device *dev = test_open();
	struct dojo_vm *vm = test_vm(dev);
	uint64_t va;

	fake_fail(DRM_IOCTL_DOJO_VM_BIND, -EINTR, 0);
	OK(dojo_vm_map_null(vm, PAGE, &va));
	EQUAL(fake_calls(DRM_IOCTL_DOJO_VM_BIND), 2);
	dojo_vm_destroy(vm);
	dojo_device_close(dev);
}

TEST(asynchronous_bind_signals)
{
	struct dojo_device *dev = test_open();
	struct dojo_vm *vm = test_vm(dev);
	struct drm_dojo_bind_op op = {
		.type = DRM_DOJO_BIND_NULL, .va = 0x10000, .size = PAGE
	};
	struct dojo_timeline *timeline;
	struct drm_dojo_sync_op done;

	OK(dojo_timeline_create(dev, 0, &timeline));
	done = dojo_signal(timeline, 4);
	OK(dojo_vm_bind_async(vm, &op, 1, &done, 1));
	OK(dojo_timeline_wait(timeline, 4, 0));
	dojo_timeline_destroy(timeline);
	dojo_vm_destroy(vm);
	dojo_device_close(dev);
}

TEST(asynchronous_bind_that_fails_says_why)
{
	struct dojo_device *dev = test_open();
	struct dojo_vm *vm = test_vm(dev);
	struct drm_dojo_bind_op op = { .type = 77, .va = 0x10000, .size = PAGE };

	EQUAL(dojo_vm_bind_async(vm, &op, 1, NULL, 0), -EINVAL);
	SAYS(test_last_error(dev), "asynchronous");
	dojo_vm_destroy(vm);
	dojo_device_close(dev);
}

TEST(state_counts_mappings)
{
	struct dojo_device *dev = test_open();
	struct dojo_vm *vm = test_vm(dev);
	struct drm_dojo_vm_get_state state;
	uint64_t va;

	OK(dojo_vm_map_null(vm, PAGE, &va));
	OK(dojo_vm_get_state(vm, &state, sizeof(state)));
	EQUAL(state.state, DRM_DOJO_VM_USABLE);
	EQUAL(state.mappings, 1);
	CHECK(dojo_vm_device(vm) == dev);
	dojo_vm_destroy(vm);
	dojo_device_close(dev);
}

TEST(destroy_of_NULL_does_nothing)
{
	dojo_vm_destroy(NULL);
}
