// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "machine.h"

/* placeholders of driver/dojo_regs.h, assigned by nobody */
#define DOJO_VENDOR	0x1234
#define DOJO_DEVICE_D1	0xd0d1
#define DOJO_DEVICE_D2	0xd0d2

static const char *sysfs_root(void)
{
#ifdef DOJO_TOOLS_TEST
	const char *root = getenv("DOJO_SYSFS");

	if (root)
		return root;
#endif
	return "/sys";
}

static int sysfs_vpath(char *path, size_t size, const char *fmt, va_list ap)
{
	int n = snprintf(path, size, "%s/", sysfs_root()), m;

	if (n < 0 || (size_t)n >= size)
		return -ENAMETOOLONG;
	m = vsnprintf(path + n, size - n, fmt, ap);
	return m < 0 || (size_t)(n + m) >= size ? -ENAMETOOLONG : 0;
}

int sysfs_path(char *path, size_t size, const char *fmt, ...)
{
	va_list ap;
	int err;

	va_start(ap, fmt);
	err = sysfs_vpath(path, size, fmt, ap);
	va_end(ap);
	return err;
}

int sysfs_read(char *text, size_t size, const char *fmt, ...)
{
	char path[512];
	va_list ap;
	ssize_t n;
	int fd, err;

	*text = '\0';
	va_start(ap, fmt);
	err = sysfs_vpath(path, sizeof(path), fmt, ap);
	va_end(ap);
	if (err)
		return err;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, size - 1);
	err = n < 0 ? -errno : 0;
	close(fd);
	if (err)
		return err;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return 0;
}

static int by_address(const void *a, const void *b)
{
	return strcmp(((const struct pci_card *)a)->address, ((const struct pci_card *)b)->address);
}

static void card_driver(struct pci_card *card)
{
	char path[512], link[512];
	const char *name;
	ssize_t n;

	card->driver[0] = '\0';
	if (sysfs_path(path, sizeof(path), "bus/pci/devices/%s/driver", card->address))
		return;
	n = readlink(path, link, sizeof(link) - 1);
	if (n <= 0)
		return;
	link[n] = '\0';
	name = strrchr(link, '/');
	snprintf(card->driver, sizeof(card->driver), "%.63s", name ? name + 1 : link);
}

size_t machine_cards(struct pci_card *cards, size_t max)
{
	char path[512], text[32];
	struct dirent *entry;
	size_t n = 0;
	DIR *dir;

	if (sysfs_path(path, sizeof(path), "bus/pci/devices"))
		return 0;
	dir = opendir(path);
	if (!dir)
		return 0;
	while (n < max && (entry = readdir(dir))) {
		struct pci_card *card = &cards[n];

		if (entry->d_name[0] == '.' || strlen(entry->d_name) >= sizeof(card->address))
			continue;
		if (sysfs_read(text, sizeof(text), "bus/pci/devices/%s/vendor", entry->d_name))
			continue;
		card->vendor = strtoul(text, NULL, 16);
		if (sysfs_read(text, sizeof(text), "bus/pci/devices/%s/device", entry->d_name))
			continue;
		card->device = strtoul(text, NULL, 16);
		if (card->vendor != DOJO_VENDOR ||
		    (card->device != DOJO_DEVICE_D1 && card->device != DOJO_DEVICE_D2))
			continue;
		snprintf(card->address, sizeof(card->address), "%.31s", entry->d_name);
		card_driver(card);
		n++;
	}
	closedir(dir);
	qsort(cards, n, sizeof(*cards), by_address);
	return n;
}

bool machine_module_loaded(void)
{
	char path[512];

	return !sysfs_path(path, sizeof(path), "module/dojo") && !access(path, F_OK);
}

void machine_module_version(char *text, size_t size)
{
	if (sysfs_read(text, size, "module/dojo/version"))
		sysfs_read(text, size, "module/dojo/srcversion");
}
