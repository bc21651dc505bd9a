// SPDX-License-Identifier: MIT
/* Opening a tile and asking about it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xf86drm.h>

#include "internal.h"

int dojo_ioctl(struct dojo_device *dev, unsigned long request, void *argument)
{
	return drmIoctl(dev->fd, request, argument) ? -errno : 0;
}

static int check_driver(int fd, unsigned int *abi)
{
	drmVersionPtr version = drmGetVersion(fd);
	int ret = 0;

	if (!version)
		return errno == ENOMEM ? -ENOMEM : -ENODEV;
	if (version->name_len != (int)strlen(DOJO_ACCEL_NAME) ||
	    memcmp(version->name, DOJO_ACCEL_NAME, strlen(DOJO_ACCEL_NAME)))
		ret = -ENODEV;
	else if (version->version_major != DOJO_ACCEL_MAJOR)
		ret = -EPROTO;
	*abi = (unsigned int)version->version_major << 16 | (unsigned int)version->version_minor;
	drmFreeVersion(version);
	return ret;
}

int dojo_device_query(struct dojo_device *dev, uint32_t type, void *info, size_t size)
{
	struct drm_dojo_dev_query query = {
		.type = type,
		.size = (uint32_t)size,
		.pointer = (uintptr_t)info,
	};
	int ret;

	if (size > UINT32_MAX)
		return dojo_fail(dev, -EINVAL, "query %u: %zu bytes", type, size);
	memset(info, 0, size);
	ret = dojo_ioctl(dev, DRM_IOCTL_DOJO_DEV_QUERY, &query);
	if (ret)
		return dojo_fail(dev, ret, "query %u: %s", type, dojo_strerror(ret));
	return 0;
}

int dojo_device_card(struct dojo_device *dev, struct drm_dojo_card_info *info, size_t size)
{
	return dojo_device_query(dev, DRM_DOJO_QUERY_CARD, info, size);
}

int dojo_device_tile(struct dojo_device *dev, struct drm_dojo_tile_info *info, size_t size)
{
	return dojo_device_query(dev, DRM_DOJO_QUERY_TILE, info, size);
}

int dojo_device_memory(struct dojo_device *dev, struct drm_dojo_memory_info *info, size_t size)
{
	return dojo_device_query(dev, DRM_DOJO_QUERY_MEMORY, info, size);
}

int dojo_device_clock(struct dojo_device *dev, struct drm_dojo_clock_info *info, size_t size)
{
	return dojo_device_query(dev, DRM_DOJO_QUERY_CLOCK, info, size);
}

int dojo_device_counters(struct dojo_device *dev, struct drm_dojo_counters *info, size_t size)
{
	return dojo_device_query(dev, DRM_DOJO_QUERY_COUNTERS, info, size);
}

int dojo_device_limits(struct dojo_device *dev, struct drm_dojo_limits *info, size_t size)
{
	return dojo_device_query(dev, DRM_DOJO_QUERY_LIMITS, info, size);
}

/* What the rest of the library takes for granted about sizes of pages. */
static bool limits_are_sane(const struct drm_dojo_limits *limits)
{
	return limits->va_bits > 32 && limits->va_bits < 64 &&
	       limits->page_bytes && !(limits->page_bytes & (limits->page_bytes - 1)) &&
	       limits->huge_page_bytes >= limits->page_bytes &&
	       !(limits->huge_page_bytes & (limits->huge_page_bytes - 1));
}

static int ask_capabilities(struct dojo_device *dev)
{
	int ret = dojo_device_card(dev, &dev->card, sizeof(dev->card));

	if (!ret)
		ret = dojo_device_tile(dev, &dev->tile, sizeof(dev->tile));
	if (!ret)
		ret = dojo_device_limits(dev, &dev->limits, sizeof(dev->limits));
	if (!ret && !limits_are_sane(&dev->limits))
		ret = -EPROTO;
	return ret;
}

int dojo_device_open_fd(int fd, struct dojo_device **out)
{
	struct dojo_device *dev;
	unsigned int abi;
	int ret;

	*out = NULL;
	ret = check_driver(fd, &abi);
	if (ret)
		return ret;
	dev = calloc(1, sizeof(*dev));
	if (!dev)
		return -ENOMEM;
	dev->fd = fd;
	dev->abi = abi;
	pthread_mutex_init(&dev->lock, NULL);
	ret = ask_capabilities(dev);
	if (ret) {
		pthread_mutex_destroy(&dev->lock);
		free(dev);
		return ret;
	}
	*out = dev;
	return 0;
}

static int open_path(const char *path, struct dojo_device **dev)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return -errno;
	ret = dojo_device_open_fd(fd, dev);
	if (ret)
		close(fd);
	return ret;
}

static int open_first(struct dojo_device **dev)
{
	struct dojo_device_entry *list;
	int ret, result = -ENOENT;
	size_t count, i;

	ret = dojo_device_list(&list, &count);
	if (ret)
		return ret;
	for (i = 0; i < count; i++) {
		ret = open_path(list[i].path, dev);
		if (!ret) {
			result = 0;
			break;
		}
		if (result == -ENOENT)
			result = ret;
	}
	dojo_device_list_free(list);
	return result;
}

static bool equals(const char *text, const char *name, size_t length)
{
	return strlen(text) == length && !memcmp(text, name, length);
}

/* "0000:00:04.0/1" or "SERIAL/1", or without the tile */
static int open_tile(const char *name, struct dojo_device **dev)
{
	const char *slash = strrchr(name, '/');
	size_t length = slash ? (size_t)(slash - name) : strlen(name);
	struct dojo_device_entry *list;
	unsigned long tile = 0;
	int ret, result = -ENOENT;
	size_t count, i;
	char *end;

	if (slash) {
		tile = strtoul(slash + 1, &end, 10);
		if (end == slash + 1 || *end || slash[1] < '0' || slash[1] > '9')
			return -EINVAL;
	}
	if (!length)
		return -EINVAL;
	ret = dojo_device_list(&list, &count);
	if (ret)
		return ret;
	for (i = 0; i < count; i++) {
		if (!equals(list[i].pci, name, length) && !equals(list[i].serial, name, length))
			continue;
		if (list[i].tile < 0) {		/* cannot be told: say why */
			result = list[i].access ? list[i].access : -ENODEV;
		} else if ((unsigned long)list[i].tile == tile) {
			result = open_path(list[i].path, dev);
			break;
		}
	}
	dojo_device_list_free(list);
	return result;
}

static bool all_digits(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text);
}

int dojo_device_open(const char *name, struct dojo_device **dev)
{
	char path[64];

	*dev = NULL;
	if (!name)
		name = secure_getenv("DOJO_DEVICE");
	if (!name || !*name)
		return open_first(dev);
	if (*name == '/')
		return open_path(name, dev);
	if (!strncmp(name, "accel", 5) && all_digits(name + 5))
		name += 5;
	if (all_digits(name) && strlen(name) < 6) {
		snprintf(path, sizeof(path), "/dev/accel/accel%s", name);
		return open_path(path, dev);
	}
	return open_tile(name, dev);
}

void dojo_device_close(struct dojo_device *dev)
{
	if (!dev)
		return;
	close(dev->fd);
	pthread_mutex_destroy(&dev->lock);
	free(dev);
}

int dojo_device_fd(const struct dojo_device *dev)
{
	return dev->fd;
}

unsigned int dojo_device_abi(const struct dojo_device *dev)
{
	return dev->abi;
}

bool dojo_device_has_opcode(const struct dojo_device *dev, uint32_t opcode)
{
	return opcode < 256 && dev->tile.opcodes[opcode / 64] >> opcode % 64 & 1;
}

bool dojo_device_has_format(const struct dojo_device *dev, uint32_t format)
{
	return format < 32 && dev->tile.formats >> format & 1;
}
