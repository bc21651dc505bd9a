// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <grp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "machine.h"
#include "report.h"

int fail(const char *fmt, ...)
{
	va_list ap;

	fputs("dojo: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return EXIT_FAILURE;
}

int fail_device(struct dojo_device *dev, int error, const char *fmt, ...)
{
	char text[512] = "";
	va_list ap;

	if (dev)
		dojo_last_error(dev, text, sizeof(text));
	fputs("dojo: cannot ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, ": %s\n", text[0] ? text : dojo_strerror(error));
	return EXIT_FAILURE;
}

static int fail_no_permission(const char *path)
{
	struct group *group;
	struct stat st;

	if (stat(path, &st))
		return fail("no permission for %s: install the udev rule, or run as root", path);
	group = getgrgid(st.st_gid);
	if (!(st.st_mode & 0060) || !group || !strcmp(group->gr_name, "root"))
		return fail("no permission for %s (mode %04o): install the udev rule, or be root",
			    path, st.st_mode & 07777);
	return fail("no permission for %s: 'sudo usermod -aG %s $USER', then log in again", path,
		    group->gr_name);
}

int fail_no_device(void)
{
	struct pci_card cards[MACHINE_CARDS_MAX];
	struct dojo_device_entry *list = NULL;
	size_t count = 0, found, i;
	int status = EXIT_FAILURE;

	if (!dojo_device_list(&list, &count) && count) {
		for (i = 0; i < count && list[i].access == -EACCES; i++)
			;
		if (i == count || list[0].access == -EACCES)
			fail_no_permission(list[0].path);
		else if (list[0].access == -ENOENT)
			fail("there is a tile, but no %s: is devtmpfs mounted on /dev?",
			     list[0].path);
		else
			fail("cannot open %s: %s", list[0].path,
			     dojo_open_strerror(list[0].access));
		goto out;
	}

	found = machine_cards(cards, MACHINE_CARDS_MAX);
	if (!found)
		fail("no Dojo card on the PCI bus (looked for 1234:d0d1 and 1234:d0d2): %s",
		     "check the slot, or start the virtual machine with 'make shell'");
	else if (!machine_module_loaded())
		fail("a Dojo card is at %s, but the module is not loaded: run 'sudo modprobe dojo'",
		     cards[0].address);
	else if (cards[0].driver[0] && strcmp(cards[0].driver, "dojo"))
		fail("the Dojo card at %s belongs to the driver %s: unbind it there first",
		     cards[0].address, cards[0].driver);
	else
		fail("the module has not taken the card at %s: 'dmesg | grep dojo' says why",
		     cards[0].address);
out:
	dojo_device_list_free(list);
	return status;
}

struct dojo_device *open_device(const char *name)
{
	struct dojo_device *dev;
	size_t count = 0;
	int err;

	err = dojo_device_open(name, &dev);
	if (!err)
		return dev;
	if (!name || err == -EACCES) {
		struct dojo_device_entry *list = NULL;
		const char *wanted = getenv("DOJO_DEVICE");

		if (!dojo_device_list(&list, &count))
			dojo_device_list_free(list);
		if (!count || (!name && !wanted)) {
			fail_no_device();
			return NULL;
		}
		if (!name)
			name = wanted;
	}
	if (err == -EACCES)
		fail_no_permission(name);
	else
		fail("cannot open tile '%s': %s", name, dojo_open_strerror(err));
	return NULL;
}
