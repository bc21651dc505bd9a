// SPDX-License-Identifier: GPL-2.0-only
/* Finding cards below a sysfs of our own. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "machine.h"

static char root[32];

static void make(const char *name, const char *content)
{
	char path[512], *slash;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	for (slash = strchr(path + strlen(root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0777);
		*slash = '/';
	}
	if (!content) {
		mkdir(path, 0777);
		return;
	}
	f = fopen(path, "w");
	CHECK(f);
	fputs(content, f);
	fclose(f);
}

static void make_card(const char *address, const char *vendor, const char *device)
{
	char name[128];

	snprintf(name, sizeof(name), "bus/pci/devices/%s/vendor", address);
	make(name, vendor);
	snprintf(name, sizeof(name), "bus/pci/devices/%s/device", address);
	make(name, device);
}

static void no_sysfs_is_no_card(void)
{
	struct pci_card cards[4];

	CHECK(!machine_cards(cards, 4));
	CHECK(!machine_module_loaded());
}

static void cards_are_found_in_order(void)
{
	struct pci_card cards[4];
	char path[512];

	make_card("0000:00:05.0", "0x1234\n", "0xd0d2\n");
	make_card("0000:00:04.0", "0x1234\n", "0xd0d1\n");
	make_card("0000:00:01.0", "0x1234\n", "0x1111\n");
	make_card("0000:00:02.0", "0x8086\n", "0xd0d1\n");
	make("bus/pci/devices/0000:00:06.0/vendor", "0x1234\n");
	snprintf(path, sizeof(path), "%s/bus/pci/devices/0000:00:04.0/driver", root);
	CHECK(!symlink("../../../../bus/pci/drivers/dojo", path));

	CHECK(machine_cards(cards, 4) == 2);
	CHECK(!strcmp(cards[0].address, "0000:00:04.0") && !strcmp(cards[0].driver, "dojo"));
	CHECK(!strcmp(cards[1].address, "0000:00:05.0") && !cards[1].driver[0]);
	CHECK(cards[1].device == 0xd0d2);
	CHECK(machine_cards(cards, 1) == 1);
}

static void module_is_seen(void)
{
	char version[32];

	machine_module_version(version, sizeof(version));
	CHECK(!version[0]);
	make("module/dojo/srcversion", "ABCDEF\n");
	CHECK(machine_module_loaded());
	machine_module_version(version, sizeof(version));
	CHECK(!strcmp(version, "ABCDEF"));
	make("module/dojo/version", "1.2\n");
	machine_module_version(version, sizeof(version));
	CHECK(!strcmp(version, "1.2"));
}

static const struct test tests[] = {
	{ "machine: no sysfs is no card", no_sysfs_is_no_card },
	{ "machine: cards are found in order", cards_are_found_in_order },
	{ "machine: the module is seen", module_is_seen },
};

int main(void)
{
	char command[64];
	int status;

	strcpy(root, "/tmp/dojo-sys-XXXXXX");
	if (!mkdtemp(root) || setenv("DOJO_SYSFS", root, 1))
		return EXIT_FAILURE;
	status = run_tests(tests, sizeof(tests) / sizeof(*tests));
	snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command) ? EXIT_FAILURE : status;
}
