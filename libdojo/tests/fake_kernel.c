// SPDX-License-Identifier: MIT
/* The system calls that are replaced. */
#include <fcntl.h>
#include <linux/sync_file.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fake_world.h"

static int real_ioctl(int fd, unsigned long request, void *argument)
{
	return (int)syscall(SYS_ioctl, fd, request, argument);
}

static int node_ioctl(struct client *client, unsigned long request, void *arg)
{
	switch (request) {
	case DRM_IOCTL_VERSION:
	case DRM_IOCTL_DOJO_DEV_QUERY:
		return query_ioctl(client, request, arg);
	case DRM_IOCTL_GEM_CLOSE:
	case DRM_IOCTL_PRIME_HANDLE_TO_FD:
	case DRM_IOCTL_PRIME_FD_TO_HANDLE:
	case DRM_IOCTL_DOJO_BO_CREATE:
	case DRM_IOCTL_DOJO_BO_MMAP_OFFSET:
	case DRM_IOCTL_DOJO_BO_QUERY:
	case DRM_IOCTL_DOJO_BO_ADVISE:
	case DRM_IOCTL_DOJO_VM_CREATE:
	case DRM_IOCTL_DOJO_VM_DESTROY:
	case DRM_IOCTL_DOJO_VM_BIND:
	case DRM_IOCTL_DOJO_VM_GET_STATE:
		return memory_ioctl(client, request, arg);
	case DRM_IOCTL_DOJO_QUEUE_CREATE:
	case DRM_IOCTL_DOJO_QUEUE_DESTROY:
	case DRM_IOCTL_DOJO_QUEUE_SUBMIT:
	case DRM_IOCTL_DOJO_QUEUE_GET_STATE:
	case DRM_IOCTL_DOJO_QUEUE_GET_JOB:
		return queue_ioctl(client, request, arg);
	default:
		return sync_ioctl(client, request, arg);
	}
}

static bool should_fail(unsigned long request)
{
	if (!fake.fail_error || fake.fail_request != (unsigned int)request)
		return false;
	if (fake.fail_after) {
		fake.fail_after--;
		return false;
	}
	return true;
}

static int sync_file_info(unsigned int index, struct sync_file_info *info)
{
	const struct syncobj *sync = &world.sync[index];

	info->status = !sync->signalled ? 0 : sync->error ? sync->error : 1;
	return 0;
}

int fake_ioctl(int fd, unsigned long request, ...) __asm__("ioctl");
int fake_ioctl(int fd, unsigned long request, ...)
{
	struct file file;
	va_list list;
	void *arg;
	int ret;

	va_start(list, request);
	arg = va_arg(list, void *);
	va_end(list);

	pthread_mutex_lock(&world.lock);
	file = *file_of(fd);
	if (file.type == FILE_NODE) {
		fake.calls[request & 0xff]++;
		if (should_fail(request)) {
			ret = fake.fail_error;
			fake.fail_error = 0;
		} else {
			ret = node_ioctl(&world.client[file.index], request, arg);
		}
	} else if (file.type == FILE_SYNC_FILE && request == SYNC_IOC_FILE_INFO) {
		ret = sync_file_info(file.index, arg);
	} else {
		pthread_mutex_unlock(&world.lock);
		return real_ioctl(fd, request, arg);
	}
	pthread_mutex_unlock(&world.lock);
	if (ret) {
		errno = -ret;
		return -1;
	}
	return 0;
}

static int open_node(unsigned int tile)
{
	char path[64];
	unsigned int i;
	int fd;

	if (fake.no_access)
		return -EACCES;
	for (i = 0; i < ARRAY_SIZE(world.client) && world.client[i].used; i++)
		;
	if (i == ARRAY_SIZE(world.client))
		return -EMFILE;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", world.memory);
	fd = real_open(path, O_RDWR | O_CLOEXEC, 0);
	if (fd < 0 || fd >= (int)ARRAY_SIZE(world.file))
		return -EMFILE;
	memset(&world.client[i], 0, sizeof(world.client[i]));
	world.client[i].used = true;
	world.client[i].tile = tile;
	world.file[fd] = (struct file){ FILE_NODE, i };
	return fd;
}

static bool node_index(const char *path, unsigned int *tile)
{
	int length = 0;

	return sscanf(path, "/dev/accel/accel%u%n", tile, &length) == 1 && !path[length];
}

static int open_path(const char *path, int flags, mode_t mode)
{
	char real[320];
	unsigned int tile;
	int ret;

	if (!world.dir[0])
		return real_open(path, flags, mode);
	if (!strncmp(path, "/sys/class/accel", strlen("/sys/class/accel"))) {
		snprintf(real, sizeof(real), "%s%s", world.dir, path);
		return real_open(real, flags, mode);
	}
	if (!node_index(path, &tile))
		return real_open(path, flags, mode);
	pthread_mutex_lock(&world.lock);
	ret = tile < fake.tiles ? open_node(tile) : -ENOENT;
	pthread_mutex_unlock(&world.lock);
	if (ret < 0) {
		errno = -ret;
		return -1;
	}
	return ret;
}

int fake_open(const char *path, int flags, ...) __asm__("open");
int fake_open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list list;

	va_start(list, flags);
	if (flags & (O_CREAT | O_TMPFILE))
		mode = va_arg(list, mode_t);
	va_end(list);
	return open_path(path, flags, mode);
}

int fake_open64(const char *path, int flags, ...) __asm__("open64");
int fake_open64(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list list;

	va_start(list, flags);
	if (flags & (O_CREAT | O_TMPFILE))
		mode = va_arg(list, mode_t);
	va_end(list);
	return open_path(path, flags, mode);
}

int fake_faccessat(int dir, const char *path, int mode, int flags) __asm__("faccessat");
int fake_faccessat(int dir, const char *path, int mode, int flags)
{
	unsigned int tile;

	if (!world.dir[0] || !node_index(path, &tile))
		return (int)syscall(SYS_faccessat2, dir, path, mode, flags);
	if (tile < fake.tiles && !fake.no_access)
		return 0;
	errno = tile < fake.tiles ? EACCES : ENOENT;
	return -1;
}

/* What a program left open goes with its file, as in the real kernel. */
static void release_client(struct client *client)
{
	unsigned int i;

	for (i = 1; i < ARRAY_SIZE(client->queue); i++)
		if (client->queue[i].used)
			queue_ioctl(client, DRM_IOCTL_DOJO_QUEUE_DESTROY,
				    &(struct drm_dojo_queue_destroy){ .queue_id = i });
	for (i = 1; i < ARRAY_SIZE(client->vm); i++)
		if (client->vm[i].used)
			memory_ioctl(client, DRM_IOCTL_DOJO_VM_DESTROY,
				     &(struct drm_dojo_vm_destroy){ .vm_id = i });
	for (i = 1; i < MAX; i++) {
		if (client->sync[i])
			sync_ioctl(client, DRM_IOCTL_SYNCOBJ_DESTROY,
				   &(struct drm_syncobj_destroy){ .handle = i });
		if (client->handle[i])
			memory_ioctl(client, DRM_IOCTL_GEM_CLOSE,
				     &(struct drm_gem_close){ .handle = i });
	}
	client->used = false;
}

int fake_close(int fd) __asm__("close");
int fake_close(int fd)
{
	struct file *file;

	pthread_mutex_lock(&world.lock);
	file = file_of(fd);
	switch (file->type) {
	case FILE_NODE:
		release_client(&world.client[file->index]);
		break;
	case FILE_DMA_BUF:
		put_bo(file->index);
		break;
	case FILE_SYNCOBJ:
	case FILE_SYNC_FILE:
		world.sync[file->index].references--;
		break;
	default:
		break;
	}
	if (file->type != FILE_NONE)
		*file = (struct file){ FILE_NONE, 0 };
	pthread_mutex_unlock(&world.lock);
	return (int)syscall(SYS_close, fd);
}
