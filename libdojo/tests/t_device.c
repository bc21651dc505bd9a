// SPDX-License-Identifier: MIT
/* Enumeration, opening, queries. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "internal.h"
#include "test.h"

static uint32_t opened_tile(const char *name)
{
	struct drm_dojo_tile_info tile;
	struct dojo_device *dev;

	OK(dojo_device_open(name, &dev));
	OK(dojo_device_tile(dev, &tile, sizeof(tile)));
	dojo_device_close(dev);
	return tile.index;
}

TEST(list_has_every_tile_and_nothing_else)
{
	struct dojo_device_entry *list;
	size_t count;

	OK(dojo_device_list(&list, &count));
	EQUAL(count, 2);
	EQUAL(strcmp(list[0].path, "/dev/accel/accel0"), 0);
	EQUAL(strcmp(list[1].path, "/dev/accel/accel1"), 0);
	EQUAL(strcmp(list[1].pci, "0000:00:04.0"), 0);
	EQUAL(strcmp(list[1].serial, "FAKE0001"), 0);
	EQUAL(list[1].tile, 1);
	EQUAL(list[1].index, 1);
	EQUAL(list[1].generation, 1);
	EQUAL(list[1].access, 0);
	dojo_device_list_free(list);
}

TEST(list_reads_sysfs_without_opening_a_node)
{
	struct dojo_device_entry *list;
	size_t count;

	OK(dojo_device_list(&list, &count));
	EQUAL(fake_calls(DRM_IOCTL_VERSION), 0);
	dojo_device_list_free(list);
}

TEST(list_asks_the_node_where_sysfs_is_silent)
{
	struct dojo_device_entry *list;
	size_t count;

	fake_stop();
	fake.no_attributes = true;
	fake_start(2);
	OK(dojo_device_list(&list, &count));
	EQUAL(count, 2);
	EQUAL(list[1].tile, 1);
	EQUAL(strcmp(list[1].serial, "FAKE0001"), 0);
	dojo_device_list_free(list);
}

TEST(list_says_when_a_tile_may_not_be_opened)
{
	struct dojo_device_entry *list;
	size_t count;

	fake.no_access = true;
	OK(dojo_device_list(&list, &count));
	EQUAL(count, 2);
	EQUAL(list[0].access, -EACCES);
	dojo_device_list_free(list);
}

TEST(list_of_a_machine_without_tiles_is_empty)
{
	struct dojo_device_entry *list;
	size_t count = 7;

	fake_start(0);
	OK(dojo_device_list(&list, &count));
	EQUAL(count, 0);
	CHECK(!list);
	dojo_device_list_free(list);
}

TEST(list_of_a_kernel_without_accel_is_empty)
{
	struct dojo_device_entry *list;
	size_t count = 7;

	OK(dojo_list_in("/nonexistent/class/accel", "/dev/accel", &list, &count));
	EQUAL(count, 0);
}

TEST(open_by_path)
{
	EQUAL(opened_tile("/dev/accel/accel1"), 1);
}

TEST(open_by_index)
{
	EQUAL(opened_tile("1"), 1);
	EQUAL(opened_tile("accel1"), 1);
}

TEST(open_by_pci_address)
{
	EQUAL(opened_tile("0000:00:04.0"), 0);
	EQUAL(opened_tile("0000:00:04.0/1"), 1);
}

TEST(open_by_serial)
{
	EQUAL(opened_tile("FAKE0001"), 0);
	EQUAL(opened_tile("FAKE0001/1"), 1);
}

TEST(open_without_name_takes_the_first)
{
	unsetenv("DOJO_DEVICE");
	EQUAL(opened_tile(NULL), 0);
}

TEST(open_without_name_heeds_the_environment)
{
	setenv("DOJO_DEVICE", "FAKE0001/1", 1);
	EQUAL(opened_tile(NULL), 1);
	unsetenv("DOJO_DEVICE");
}

TEST(open_of_what_is_not_there_is_ENOENT)
{
	struct dojo_device *dev = (void *)1;

	EQUAL(dojo_device_open("7", &dev), -ENOENT);
	CHECK(!dev);
	EQUAL(dojo_device_open("0000:00:04.0/5", &dev), -ENOENT);
	EQUAL(dojo_device_open("NOSUCH/0", &dev), -ENOENT);
	fake_start(0);
	EQUAL(dojo_device_open(NULL, &dev), -ENOENT);
}

TEST(open_of_nonsense_is_EINVAL)
{
	struct dojo_device *dev;

	EQUAL(dojo_device_open("FAKE0001/x", &dev), -EINVAL);
	EQUAL(dojo_device_open("FAKE0001/", &dev), -EINVAL);
	EQUAL(dojo_device_open("FAKE0001/-1", &dev), -EINVAL);
	EQUAL(dojo_device_open("x/1", &dev), -ENOENT);
}

TEST(open_without_permission_is_EACCES)
{
	struct dojo_device *dev;

	fake.no_access = true;
	EQUAL(dojo_device_open(NULL, &dev), -EACCES);
	EQUAL(dojo_device_open("0", &dev), -EACCES);
	EQUAL(dojo_device_open("FAKE0001/1", &dev), -EACCES);
	SAYS(dojo_open_strerror(-EACCES), "group");
}

TEST(open_of_another_driver_is_ENODEV)
{
	struct dojo_device *dev;

	fake.driver = "ivpu";
	EQUAL(dojo_device_open("0", &dev), -ENODEV);
	EQUAL(dojo_device_open("/dev/null", &dev), -ENODEV);
	fake.driver = "dojo2";
	EQUAL(dojo_device_open("0", &dev), -ENODEV);
}

TEST(open_of_another_major_version_is_EPROTO)
{
	struct dojo_device *dev;

	fake.major = 2;
	EQUAL(dojo_device_open("0", &dev), -EPROTO);
	SAYS(dojo_open_strerror(-EPROTO), "ABI");
}

TEST(open_of_a_newer_minor_version_works)
{
	struct dojo_device *dev;

	fake.minor = 9;
	OK(dojo_device_open("0", &dev));
	EQUAL(dojo_device_abi(dev), 1 << 16 | 9);
	dojo_device_close(dev);
}

TEST(open_that_fails_halfway_leaves_no_file)
{
	struct dojo_device *dev;
	int before, after;

	before = open("/dev/null", O_RDONLY);
	close(before);
	fake_fail(DRM_IOCTL_DOJO_DEV_QUERY, -EIO, 1);
	EQUAL(dojo_device_open("0", &dev), -EIO);
	after = open("/dev/null", O_RDONLY);
	close(after);
	EQUAL(after, before);
}

TEST(open_again_after_failure_and_after_close)
{
	struct dojo_device *dev;

	fake_fail(DRM_IOCTL_DOJO_DEV_QUERY, -EIO, 0);
	EQUAL(dojo_device_open("0", &dev), -EIO);
	EQUAL(opened_tile("0"), 0);
	EQUAL(opened_tile("0"), 0);
}

TEST(open_fd_leaves_the_file_to_the_caller_on_failure)
{
	struct dojo_device *dev;
	int fd = open("/dev/null", O_RDWR);

	EQUAL(dojo_device_open_fd(fd, &dev), -ENODEV);
	EQUAL(fcntl(fd, F_GETFD), 0);
	close(fd);
}

TEST(close_of_NULL_does_nothing)
{
	dojo_device_close(NULL);
}

TEST(queries_fill_in_what_the_kernel_says)
{
	struct dojo_device *dev = test_open();
	struct drm_dojo_card_info card;
	struct drm_dojo_limits limits;
	struct drm_dojo_memory_info memory;
	struct drm_dojo_clock_info clock;
	struct drm_dojo_counters counters;

	OK(dojo_device_card(dev, &card, sizeof(card)));
	EQUAL(card.tiles, 2);
	OK(dojo_device_limits(dev, &limits, sizeof(limits)));
	EQUAL(limits.va_bits, 48);
	OK(dojo_device_memory(dev, &memory, sizeof(memory)));
	EQUAL(memory.hbm_total, 1ll << 34);
	OK(dojo_device_clock(dev, &clock, sizeof(clock)));
	CHECK(clock.device_ns);
	OK(dojo_device_counters(dev, &counters, sizeof(counters)));
	EQUAL(counters.mmio_writes, 7);
	dojo_device_close(dev);
}

TEST(query_of_an_older_kernel_reads_zero_beyond_what_it_has)
{
	struct dojo_device *dev = test_open();
	struct drm_dojo_card_info card;

	fake.card_size = offsetof(struct drm_dojo_card_info, launch_ns);
	memset(&card, 0xff, sizeof(card));
	OK(dojo_device_card(dev, &card, sizeof(card)));
	EQUAL(card.pcie_mbps, 32000);
	EQUAL(card.launch_ns, 0);
	EQUAL(card.reset_count, 0);
	dojo_device_close(dev);
}

TEST(query_by_an_older_program_writes_no_more_than_it_has)
{
	struct dojo_device *dev = test_open();
	unsigned char bytes[12];

	memset(bytes, 0xee, sizeof(bytes));
	OK(dojo_device_query(dev, DRM_DOJO_QUERY_CARD, bytes, 8));
	EQUAL(bytes[0], 1);
	EQUAL(bytes[8], 0xee);
	dojo_device_close(dev);
}

TEST(query_of_an_unknown_type_is_EINVAL_and_says_so)
{
	struct dojo_device *dev = test_open();
	uint64_t value;

	EQUAL(dojo_device_query(dev, 99, &value, sizeof(value)), -EINVAL);
	SAYS(test_last_error(dev), "query 99");
	dojo_device_close(dev);
}

TEST(capabilities_are_the_tile_s)
{
	struct dojo_device *dev = test_open();

	CHECK(dojo_device_has_opcode(dev, DOJO_OP_COPY));
	CHECK(dojo_device_has_opcode(dev, DOJO_OP_GEMM));
	CHECK(!dojo_device_has_opcode(dev, DOJO_OP_ALL_REDUCE));
	CHECK(!dojo_device_has_opcode(dev, 0xffff));
	CHECK(dojo_device_has_format(dev, DOJO_FORMAT_CFLOAT8_143));
	CHECK(!dojo_device_has_format(dev, DOJO_FORMAT_NONE));
	CHECK(!dojo_device_has_format(dev, 200));
	dojo_device_close(dev);
}

TEST(the_file_is_closed_on_exec)
{
	struct dojo_device *dev = test_open();

	CHECK(fcntl(dojo_device_fd(dev), F_GETFD) & FD_CLOEXEC);
	dojo_device_close(dev);
}
