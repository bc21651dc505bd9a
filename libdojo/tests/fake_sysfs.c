// SPDX-License-Identifier: MIT
/* The /sys/class/accel of the fake machine, in a temporary directory. */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fake_world.h"

static void make_dir(const char *format, unsigned int index)
{
	char path[256];
	char *slash;

	snprintf(path, sizeof(path), "%s", world.dir);
	snprintf(path + strlen(path), sizeof(path) - strlen(path), format, index, index);
	for (slash = path + strlen(world.dir) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = 0;
		mkdir(path, 0700);
		*slash = '/';
	}
	mkdir(path, 0700);
}

static void make_link(const char *target_format, const char *format, unsigned int index)
{
	char path[256], target[256];

	snprintf(target, sizeof(target), target_format, index, index);
	snprintf(path, sizeof(path), "%s", world.dir);
	snprintf(path + strlen(path), sizeof(path) - strlen(path), format, index, index);
	if (symlink(target, path))
		abort();
}

static void make_attribute(const char *format, unsigned int index, const char *value)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s", world.dir);
	snprintf(path + strlen(path), sizeof(path) - strlen(path), format, index, index);
	fd = real_open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		abort();
	syscall(SYS_close, fd);
}

#define PCI	"/sys/devices/pci0000:00/0000:00:04.0"

static void make_tile(unsigned int index)
{
	char value[16];

	make_dir(PCI "/dojo.tile.%u/accel", index);
	make_dir(PCI "/dojo.tile.%u/accel/accel%u", index);
	make_link("../../../dojo.tile.%u", PCI "/dojo.tile.%u/accel/accel%u/device", index);
	make_link("../../../../bus/auxiliary/drivers/dojo.tile", PCI "/dojo.tile.%u/driver", index);
	make_link("../../devices/pci0000:00/0000:00:04.0/dojo.tile.%u/accel/accel%u",
		  "/sys/class/accel/accel%u", index);
	if (fake.no_attributes)
		return;
	snprintf(value, sizeof(value), "%u\n", index);
	make_attribute(PCI "/dojo.tile.%u/tile", index, value);
	make_attribute(PCI "/dojo.tile.%u/serial", index, "FAKE0001\n");
	make_attribute(PCI "/dojo.tile.%u/generation", index, "1\n");
}

/* Another driver's node, which no one should take for a tile. */
static void make_stranger(void)
{
	make_dir("/sys/devices/pci0000:00/0000:00:05.0/accel/accel9", 0);
	make_link("../../../0000:00:05.0",
		  "/sys/devices/pci0000:00/0000:00:05.0/accel/accel9/device", 0);
	make_link("../../../bus/pci/drivers/intel_vpu",
		  "/sys/devices/pci0000:00/0000:00:05.0/driver", 0);
	make_link("../../devices/pci0000:00/0000:00:05.0/accel/accel9", "/sys/class/accel/accel9",
		  0);
}

void make_sysfs(void)
{
	unsigned int i;

	snprintf(world.dir, sizeof(world.dir), "/tmp/fake-dojo-XXXXXX");
	if (!mkdtemp(world.dir))
		abort();
	make_dir("/sys/class/accel", 0);
	for (i = 0; i < fake.tiles; i++)
		make_tile(i);
	make_stranger();
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *where)
{
	(void)stat;
	(void)type;
	(void)where;
	return remove(path);
}

void remove_sysfs(void)
{
	char dir[sizeof(world.dir)];

	/* From here on /sys/class/accel is the real one again. */
	memcpy(dir, world.dir, sizeof(dir));
	world.dir[0] = 0;
	if (nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS))
		abort();
}
