// SPDX-License-Identifier: MIT
/* The fake machine, and finding one's way in it. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "fake_world.h"

struct fake fake;
struct world world = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.changed = PTHREAD_COND_INITIALIZER,
	.memory = -1,
};

int real_open(const char *path, int flags, mode_t mode)
{
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

struct file *file_of(int fd)
{
	static struct file none;

	return fd >= 0 && fd < (int)ARRAY_SIZE(world.file) ? &world.file[fd] : &none;
}

int new_file(enum file_type type, unsigned int index)
{
	int fd = memfd_create("fake", MFD_CLOEXEC);

	if (fd < 0 || fd >= (int)ARRAY_SIZE(world.file))
		return -EMFILE;
	world.file[fd] = (struct file){ type, index };
	return fd;
}

struct fake_vm *find_vm(struct client *client, uint32_t id)
{
	return id < ARRAY_SIZE(client->vm) && client->vm[id].used ? &client->vm[id] : NULL;
}

struct queue *find_queue(struct client *client, uint32_t id)
{
	return id < ARRAY_SIZE(client->queue) && client->queue[id].used ? &client->queue[id] : NULL;
}

struct bo *find_bo(struct client *client, uint32_t handle)
{
	unsigned int index = handle < MAX ? client->handle[handle] : 0;

	return index ? &world.bo[index] : NULL;
}

struct syncobj *find_sync(struct client *client, uint32_t handle)
{
	unsigned int index = handle < MAX ? client->sync[handle] : 0;

	return index ? &world.sync[index] : NULL;
}

unsigned int free_slot(const unsigned int *slots)
{
	unsigned int i;

	for (i = 1; i < MAX; i++)
		if (!slots[i])
			return i;
	abort();
}

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void default_world(unsigned int tiles)
{
	bool no_attributes = fake.no_attributes;

	memset(&fake, 0, sizeof(fake));
	fake.no_attributes = no_attributes;
	fake.tiles = tiles;
	fake.driver = DOJO_ACCEL_NAME;
	fake.major = DOJO_ACCEL_MAJOR;
	fake.minor = DOJO_ACCEL_MINOR;
	fake.card_size = sizeof(struct drm_dojo_card_info);
}

void fake_start(unsigned int tiles)
{
	if (world.dir[0])
		fake_stop();
	default_world(tiles);
	memset(world.bo, 0, sizeof(world.bo));
	memset(world.sync, 0, sizeof(world.sync));
	memset(world.client, 0, sizeof(world.client));
	memset(world.watch, 0, sizeof(world.watch));
	world.memory = memfd_create("fake-memory", MFD_CLOEXEC);
	if (world.memory < 0 || ftruncate(world.memory, (off_t)(MAX * BO_SPACING)))
		abort();
	make_sysfs();
}

void fake_stop(void)
{
	if (!world.dir[0])
		return;
	remove_sysfs();
	syscall(SYS_close, world.memory);
	world.memory = -1;
	fake.no_attributes = false;
}

void fake_fail(unsigned long request, int error, unsigned int after)
{
	fake.fail_request = (unsigned int)request;
	fake.fail_error = error;
	fake.fail_after = after;
}

unsigned int fake_calls(unsigned long request)
{
	return fake.calls[request & 0xff];
}
