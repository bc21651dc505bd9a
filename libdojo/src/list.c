// SPDX-License-Identifier: MIT
/*
 * Which tiles there are. libdrm knows no accel nodes, so this reads
 * /sys/class/accel itself; where sysfs does not say which tile of which card a
 * node is, the node is asked, if it may be opened.
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

#define NODE_PREFIX	"accel"

static bool parse_index(const char *name, uint32_t *index)
{
	char *end;
	unsigned long value;

	if (strncmp(name, NODE_PREFIX, strlen(NODE_PREFIX)))
		return false;
	name += strlen(NODE_PREFIX);
	if (*name < '0' || *name > '9')
		return false;
	value = strtoul(name, &end, 10);
	if (*end || value > UINT16_MAX)
		return false;
	*index = (uint32_t)value;
	return true;
}

static bool read_link(int dir, const char *path, char *target, size_t size)
{
	ssize_t length = readlinkat(dir, path, target, size - 1);

	if (length < 0 || (size_t)length >= size - 1)
		return false;
	target[length] = 0;
	return true;
}

static bool read_attribute(int dir, const char *path, char *value, size_t size)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		return false;
	length = read(fd, value, size - 1);
	close(fd);
	if (length <= 0)
		return false;
	value[length] = 0;
	value[strcspn(value, "\n")] = 0;
	return value[0] != 0;
}

/* The driver of the tile is "dojo" itself or one of its auxiliary drivers, "dojo.<name>". */
static bool is_dojo(int class_dir, const char *node)
{
	char path[288], target[512];
	const char *driver;

	snprintf(path, sizeof(path), "%s/device/driver", node);
	if (!read_link(class_dir, path, target, sizeof(target)))
		return false;
	driver = strrchr(target, '/');
	driver = driver ? driver + 1 : target;
	return !strcmp(driver, DOJO_ACCEL_NAME) ||
	       !strncmp(driver, DOJO_ACCEL_NAME ".", strlen(DOJO_ACCEL_NAME "."));
}

/* "0000:00:04.0" is the last directory of that shape above the node. */
static void find_pci(int class_dir, const char *node, struct dojo_device_entry *entry)
{
	unsigned int domain, bus, device, function;
	char target[512], *save = NULL, *part;
	int length;

	if (!read_link(class_dir, node, target, sizeof(target)))
		return;
	for (part = strtok_r(target, "/", &save); part; part = strtok_r(NULL, "/", &save)) {
		length = 0;
		if (sscanf(part, "%x:%x:%x.%x%n", &domain, &bus, &device, &function,
			   &length) == 4 && !part[length])
			snprintf(entry->pci, sizeof(entry->pci), "%.15s", part);
	}
}

static void ask_sysfs(int class_dir, const char *node, struct dojo_device_entry *entry)
{
	char path[288], value[64];

	snprintf(path, sizeof(path), "%s/device/tile", node);
	if (read_attribute(class_dir, path, value, sizeof(value)))
		entry->tile = (int32_t)strtol(value, NULL, 0);
	snprintf(path, sizeof(path), "%s/device/generation", node);
	if (read_attribute(class_dir, path, value, sizeof(value)))
		entry->generation = (uint32_t)strtoul(value, NULL, 0);
	snprintf(path, sizeof(path), "%s/device/serial", node);
	if (read_attribute(class_dir, path, value, sizeof(value)))
		snprintf(entry->serial, sizeof(entry->serial), "%.16s", value);
}

static void ask_node(struct dojo_device_entry *entry)
{
	struct dojo_device *dev;
	int fd;

	fd = open(entry->path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	if (dojo_device_open_fd(fd, &dev)) {
		close(fd);
		return;
	}
	entry->tile = (int32_t)dev->tile.index;
	entry->generation = dev->card.generation;
	snprintf(entry->serial, sizeof(entry->serial), "%.16s", (const char *)dev->card.serial);
	dojo_device_close(dev);
}

static int fill_entry(int class_dir, const char *node_dir, const char *node,
		      struct dojo_device_entry *entry)
{
	memset(entry, 0, sizeof(*entry));
	if (!parse_index(node, &entry->index) || !is_dojo(class_dir, node))
		return -ENODEV;
	if ((size_t)snprintf(entry->path, sizeof(entry->path), "%s/%s", node_dir, node) >=
	    sizeof(entry->path))
		return -ENODEV;
	entry->tile = -1;
	if (faccessat(AT_FDCWD, entry->path, R_OK | W_OK, AT_EACCESS))
		entry->access = -errno;
	find_pci(class_dir, node, entry);
	ask_sysfs(class_dir, node, entry);
	if ((entry->tile < 0 || !entry->serial[0]) && !entry->access)
		ask_node(entry);
	return 0;
}

static int compare(const void *left, const void *right)
{
	const struct dojo_device_entry *a = left, *b = right;
	int order = strcmp(a->pci, b->pci);

	if (order)
		return order;
	if (a->tile != b->tile)
		return a->tile < b->tile ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

static int add_entry(struct dojo_device_entry **list, size_t *count,
		     const struct dojo_device_entry *entry)
{
	struct dojo_device_entry *longer = realloc(*list, (*count + 1) * sizeof(**list));

	if (!longer)
		return -ENOMEM;
	longer[(*count)++] = *entry;
	*list = longer;
	return 0;
}

int dojo_list_in(const char *class_dir, const char *node_dir, struct dojo_device_entry **list,
		 size_t *count)
{
	struct dojo_device_entry entry;
	struct dirent *item;
	int dir_fd, ret = 0;
	DIR *dir;

	*list = NULL;
	*count = 0;
	dir_fd = open(class_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)		/* a kernel without accel nodes has none of ours */
		return errno == ENOMEM || errno == EMFILE || errno == ENFILE ? -errno : 0;
	dir = fdopendir(dir_fd);
	if (!dir) {
		close(dir_fd);
		return -ENOMEM;
	}
	while (!ret && (item = readdir(dir)))
		if (!fill_entry(dir_fd, node_dir, item->d_name, &entry))
			ret = add_entry(list, count, &entry);
	closedir(dir);
	if (ret) {
		free(*list);
		*list = NULL;
		*count = 0;
	} else if (*count) {
		qsort(*list, *count, sizeof(**list), compare);
	}
	return ret;
}

int dojo_device_list(struct dojo_device_entry **list, size_t *count)
{
	return dojo_list_in("/sys/class/accel", "/dev/accel", list, count);
}

void dojo_device_list_free(struct dojo_device_entry *list)
{
	free(list);
}
