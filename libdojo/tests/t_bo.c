// SPDX-License-Identifier: MIT
/* Buffers. */
#include <unistd.h>

#include "test.h"

TEST(create_passes_everything_on)
{
	struct dojo_device *dev = test_open();
	struct dojo_vm *vm = test_vm(dev);
	struct dojo_bo *bo;

	OK(dojo_bo_create_preferred(dev, 10000, DRM_DOJO_DOMAIN_HBM | DRM_DOJO_DOMAIN_SRAM,
				    DRM_DOJO_DOMAIN_SRAM, DRM_DOJO_BO_CONTIGUOUS, vm, &bo));
	EQUAL(fake.last_create.size, 10000);
	EQUAL(fake.last_create.domains, DRM_DOJO_DOMAIN_HBM | DRM_DOJO_DOMAIN_SRAM);
	EQUAL(fake.last_create.preferred, DRM_DOJO_DOMAIN_SRAM);
	EQUAL(fake.last_create.flags, DRM_DOJO_BO_CONTIGUOUS);
	EQUAL(fake.last_create.vm_id, dojo_vm_id(vm));
	EQUAL(dojo_bo_size(bo), 12288);
	CHECK(dojo_bo_handle(bo));
	CHECK(dojo_bo_device(bo) == dev);
	dojo_bo_destroy(bo);
	dojo_vm_destroy(vm);
	dojo_device_close(dev);
}

TEST(create_that_fails_says_how_large_and_why)
{
	struct dojo_device *dev = test_open();
	struct dojo_bo *bo = (void *)1;

	EQUAL(dojo_bo_create(dev, 1ull << 40, DRM_DOJO_DOMAIN_HBM, 0, NULL, &bo), -ENOSPC);
	CHECK(!bo);
	SAYS(test_last_error(dev), "1099511627776");
	SAYS(test_last_error(dev), "no room");
	EQUAL(dojo_bo_create(dev, 0, 0, 0, NULL, &bo), -EINVAL);
	dojo_device_close(dev);
}

TEST(map_gives_memory_that_lasts_until_unmap)
{
	struct dojo_device *dev = test_open();
	void *memory, *again;
	struct dojo_bo *bo = test_bo(dev, 4096, &memory);

	memset(memory, 0x5a, 4096);
	OK(dojo_bo_map(bo, &again));
	CHECK(again == memory);
	EQUAL(fake_calls(DRM_IOCTL_DOJO_BO_MMAP_OFFSET), 1);
	dojo_bo_unmap(bo);
	dojo_bo_unmap(bo);
	OK(dojo_bo_map(bo, &again));
	EQUAL(((unsigned char *)again)[4095], 0x5a);
	EQUAL(fake_calls(DRM_IOCTL_DOJO_BO_MMAP_OFFSET), 2);
	dojo_bo_destroy(bo);
	dojo_device_close(dev);
}

TEST(map_without_cpu_access_is_EPERM_and_says_so)
{
	struct dojo_device *dev = test_open();
	void *memory = (void *)1;
	struct dojo_bo *bo;

	OK(dojo_bo_create(dev, 4096, DRM_DOJO_DOMAIN_HBM, 0, NULL, &bo));
	EQUAL(dojo_bo_map(bo, &memory), -EPERM);
	CHECK(!memory);
	SAYS(test_last_error(dev), "CPU_ACCESS");
	dojo_bo_destroy(bo);
	dojo_device_close(dev);
}

TEST(export_and_import_on_another_tile_share_memory)
{
	struct dojo_device *dev = test_open(), *other;
	struct dojo_bo *bo, *imported;
	void *memory, *theirs;
	int fd;

	OK(dojo_device_open("1", &other));
	bo = test_bo(dev, 8192, &memory);
	OK(dojo_bo_export(bo, &fd));
	OK(dojo_bo_import(other, fd, &imported));
	close(fd);
	EQUAL(dojo_bo_size(imported), 8192);
	OK(dojo_bo_map(imported, &theirs));
	memcpy(memory, "shared", 7);
	EQUAL(strcmp(theirs, "shared"), 0);
	dojo_bo_destroy(bo);
	EQUAL(strcmp(theirs, "shared"), 0);
	dojo_bo_destroy(imported);
	dojo_device_close(other);
	dojo_device_close(dev);
}

TEST(import_of_an_own_buffer_is_that_buffer_once_more)
{
	struct dojo_device *dev = test_open();
	struct dojo_bo *bo, *again;
	void *memory;
	int fd;

	bo = test_bo(dev, 4096, &memory);
	OK(dojo_bo_export(bo, &fd));
	OK(dojo_bo_import(dev, fd, &again));
	close(fd);
	CHECK(again == bo);
	dojo_bo_destroy(again);
	EQUAL(fake_calls(DRM_IOCTL_GEM_CLOSE), 0);
	memset(memory, 1, 4096);
	dojo_bo_destroy(bo);
	EQUAL(fake_calls(DRM_IOCTL_GEM_CLOSE), 1);
	dojo_device_close(dev);
}

TEST(import_of_something_else_fails)
{
	struct dojo_device *dev = test_open();
	struct dojo_bo *bo = (void *)1;

	EQUAL(dojo_bo_import(dev, 0, &bo), -EBADF);
	CHECK(!bo);
	SAYS(test_last_error(dev), "import");
	dojo_device_close(dev);
}

TEST(import_that_fails_late_closes_the_handle)
{
	struct dojo_device *dev = test_open(), *other;
	struct dojo_bo *bo, *imported;
	int fd;

	OK(dojo_device_open("1", &other));
	bo = test_bo(dev, 4096, NULL);
	OK(dojo_bo_export(bo, &fd));
	fake_fail(DRM_IOCTL_DOJO_BO_QUERY, -EIO, 0);
	EQUAL(dojo_bo_import(other, fd, &imported), -EIO);
	EQUAL(fake.objects, 1);
	close(fd);
	dojo_bo_destroy(bo);
	dojo_device_close(other);
	dojo_device_close(dev);
}

TEST(export_that_fails_gives_no_file)
{
	struct dojo_device *dev = test_open();
	struct dojo_bo *bo = test_bo(dev, 4096, NULL);
	int fd = 5;

	fake_fail(DRM_IOCTL_PRIME_HANDLE_TO_FD, -EMFILE, 0);
	EQUAL(dojo_bo_export(bo, &fd), -EMFILE);
	EQUAL(fd, -1);
	dojo_bo_destroy(bo);
	dojo_device_close(dev);
}

TEST(query_and_advise_answer)
{
	struct dojo_device *dev = test_open();
	struct dojo_bo *bo = test_bo(dev, 4096, NULL);
	struct drm_dojo_bo_query info;
	bool retained = false;

	OK(dojo_bo_query(bo, &info, sizeof(info)));
	EQUAL(info.size, 4096);
	EQUAL(info.placement, DRM_DOJO_DOMAIN_HBM);
	OK(dojo_bo_advise(bo, DRM_DOJO_ADVICE_PURGEABLE, &retained));
	CHECK(retained);
	OK(dojo_bo_advise(bo, DRM_DOJO_ADVICE_NEEDED, NULL));
	EQUAL(dojo_bo_advise(bo, 9, NULL), -EINVAL);
	dojo_bo_destroy(bo);
	dojo_device_close(dev);
}

TEST(query_by_an_older_program_writes_no_more_than_it_has)
{
	struct dojo_device *dev = test_open();
	struct dojo_bo *bo = test_bo(dev, 4096, NULL);
	unsigned char bytes[12];

	memset(bytes, 0xee, sizeof(bytes));
	OK(dojo_bo_query(bo, (struct drm_dojo_bo_query *)bytes, 8));
	EQUAL(bytes[0], dojo_bo_handle(bo));
	EQUAL(bytes[8], 0xee);
	dojo_bo_destroy(bo);
	dojo_device_close(dev);
}

TEST(destroy_of_NULL_does_nothing)
{
	dojo_bo_destroy(NULL);
}
