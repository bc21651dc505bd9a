// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <grp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "buffer.h"
#include "commands.h"
#include "json.h"
#include "machine.h"
#include "options.h"
#include "report.h"
#include "table.h"
#include "tiles.h"

#define JOB_WAIT_NS	INT64_C(10000000000)

enum verdict {
	GOOD,
	WARNING,
	BAD,
};

static const char *const verdicts[] = { "ok", "warning", "failed" };

/**
 * struct doctor - findings so far
 * @list: for --json, else @table
 */
struct doctor {
	cJSON *list;
	struct table table;
	enum verdict worst;
};

/* @remedy NULL: none is needed */
__attribute__((format(printf, 5, 6)))
static void find(struct doctor *d, enum verdict how, const char *check, const char *remedy,
		 const char *fmt, ...)
{
	char detail[512];
	cJSON *o;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	if (how > d->worst)
		d->worst = how;
	if (!d->list) {
		table_row(&d->table, verdicts[how], check, detail);
		if (remedy)
			table_row(&d->table, "", "", remedy);
		return;
	}
	o = json_append_object(d->list);
	json_string(o, "check", check);
	json_string(o, "verdict", verdicts[how]);
	json_string(o, "detail", detail);
	json_string(o, "remedy", remedy);
}

/* ---------------------------------------------------------- the machine */

static size_t check_cards(struct doctor *d, struct pci_card *cards)
{
	size_t n = machine_cards(cards, MACHINE_CARDS_MAX);

	if (!n)
		find(d, BAD, "card",
		     "check the slot and the power; or start the virtual machine with 'make shell'",
		     "none on the PCI bus (1234:d0d1 or 1234:d0d2)");
	for (size_t i = 0; i < n; i++)
		find(d, GOOD, "card", NULL, "%s, %04x:%04x", cards[i].address, cards[i].vendor,
		     cards[i].device);
	return n;
}

static void check_kernel(struct doctor *d)
{
	char path[512];
	struct utsname u;

	uname(&u);
	if (!sysfs_path(path, sizeof(path), "class/accel") && !access(path, F_OK))
		find(d, GOOD, "kernel", NULL, "%s, with the accel subsystem", u.release);
	else
		find(d, WARNING, "kernel",
		     "load the module; if that fails, use a kernel of 6.12 or later with DRM_ACCEL",
		     "%s shows no accel subsystem", u.release);
}

static void check_module(struct doctor *d, const struct pci_card *cards, size_t count)
{
	char version[64];

	if (!machine_module_loaded()) {
		find(d, BAD, "module",
		     "run 'sudo modprobe dojo'; if there is none, 'make' and 'sudo make install'",
		     "dojo is not loaded");
		return;
	}
	machine_module_version(version, sizeof(version));
	find(d, GOOD, "module", NULL, "dojo %s", version[0] ? version : "is loaded");
	for (size_t i = 0; i < count; i++) {
		if (!cards[i].driver[0])
			find(d, BAD, "driver",
			     "'dmesg | grep dojo' says why; then unload and load the module",
			     "none has taken the card at %s", cards[i].address);
		else if (strcmp(cards[i].driver, "dojo"))
			find(d, BAD, "driver", "unbind the other driver, then bind dojo",
			     "the card at %s belongs to %s", cards[i].address, cards[i].driver);
		else
			find(d, GOOD, "driver", NULL, "dojo has the card at %s", cards[i].address);
	}
}

/* ------------------------------------------------------------- the tiles */

static void check_permission(struct doctor *d, const struct dojo_device_entry *e)
{
	struct group *group;
	struct stat st;
	bool shared;

	if (stat(e->path, &st)) {
		find(d, BAD, "node", "mount devtmpfs on /dev, or run udev", "%s does not exist",
		     e->path);
		return;
	}
	group = getgrgid(st.st_gid);
	shared = st.st_mode & 0060 && st.st_gid;
	if (e->access && shared)
		find(d, BAD, "node",
		     "join that group: 'sudo usermod -aG GROUP $USER', then log in again",
		     "%s is for the group %s", e->path,
		     group ? group->gr_name : "of an unknown name");
	else if (e->access)
		find(d, BAD, "node", "install the udev rule 70-dojo.rules, or work as root",
		     "%s is for root only", e->path);
	else if (!shared)
		find(d, WARNING, "node",
		     "install the udev rule 70-dojo.rules for other users to work",
		     "%s can be opened by root only", e->path);
	else
		find(d, GOOD, "node", NULL, "%s, group %s", e->path,
		     group ? group->gr_name : "unknown");
}

static void check_version(struct doctor *d, const struct tile_facts *t)
{
	int minor = t->abi & 0xffff, major = t->abi >> 16;

	if (major != DOJO_ACCEL_MAJOR || minor < DOJO_ACCEL_MINOR)
		find(d, major == DOJO_ACCEL_MAJOR ? WARNING : BAD, "version",
		     "install module and library of the same release",
		     "%s: the driver speaks %d.%d, libdojo %d.%d", t->entry.path, major, minor,
		     DOJO_ACCEL_MAJOR, DOJO_ACCEL_MINOR);
	else
		find(d, GOOD, "version", NULL,
		     "%s: driver %d.%d, library %u.%u, card interface %u.%u", t->entry.path, major,
		     minor, dojo_version() >> 16, dojo_version() & 0xffff, t->card.interface_major,
		     t->card.interface_minor);
}

static void check_state(struct doctor *d, const struct dojo_device_entry *e)
{
	char state[32];

	if (sysfs_read(state, sizeof(state), "class/accel/accel%u/device/state", e->index))
		return;
	if (!strcmp(state, "wedged"))
		find(d, BAD, "state",
		     "run 'sudo dojo reset --card TILE'; if it stays so, rebind the driver",
		     "%s is wedged: every kind of reset failed", e->path);
	else if (strcmp(state, "up"))
		find(d, WARNING, "state", "wait for the reset to end", "%s is %s", e->path, state);
	else
		find(d, GOOD, "state", NULL, "%s is up", e->path);
}

/**
 * struct count - an attribute that ought to be 0
 * @pci: of the card, below its "dojo" folder; else of the tile
 */
struct count {
	const char *attribute;
	bool pci;
	enum verdict verdict;
	const char *what;
	const char *remedy;
};

static const struct count counts[] = {
	{ "ecc_uncorrected", true, BAD, "uncorrectable memory errors",
	  "the data of those jobs are lost; replace the card if they recur" },
	{ "ecc_corrected", true, WARNING, "corrected memory errors", "harmless if they are few" },
	{ "bad_accesses", true, WARNING, "register accesses that the card refused",
	  "a bug of the driver: please report it" },
	{ "lost_interrupts", false, WARNING, "lost interrupts",
	  "check the platform's MSI-X; work goes on by polling" },
	{ "queue_hangs", false, WARNING, "hung jobs since the module was loaded",
	  "'dmesg | grep dojo' names the processes" },
	{ "queue_faults", false, WARNING, "faulted queues since the module was loaded",
	  "'dmesg | grep dojo' names the processes" },
};

static void check_counts(struct doctor *d, const struct dojo_device_entry *e, bool first_of_card)
{
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		const struct count *c = &counts[i];
		char text[32];
		int err;

		if (c->pci && !first_of_card)
			continue;
		err = c->pci ? sysfs_read(text, sizeof(text), "bus/pci/devices/%s/dojo/%s", e->pci,
					  c->attribute) :
			       sysfs_read(text, sizeof(text), "class/accel/accel%u/device/%s",
					  e->index, c->attribute);
		if (!err && strcmp(text, "0"))
			find(d, c->verdict, "errors", c->remedy, "%s: %s %s",
			     c->pci ? e->pci : e->path, text, c->what);
	}
}

/* copies a word from one buffer to another, on both kinds of queue */
static int try_job(struct dojo_device *dev, uint32_t queue_class)
{
	struct buffer from = { 0 }, to = { 0 };
	struct dojo_vm *vm = NULL;
	struct dojo_queue *queue = NULL;
	struct dojo_batch *batch = NULL;
	int err;

	err = dojo_vm_create(dev, &vm);
	if (!err)
		err = dojo_queue_create(vm, queue_class, NULL, &queue);
	if (!err)
		err = dojo_batch_create(vm, 4096, 0, &batch);
	if (!err)
		err = buffer_create_mapped(&from, vm, 4096, DRM_DOJO_DOMAIN_HBM);
	if (!err)
		err = buffer_create_mapped(&to, vm, 4096, DRM_DOJO_DOMAIN_SYSTEM);
	if (!err) {
		*(uint32_t *)from.memory = 0x646f6a6f;
		dojo_copy(batch, to.va, from.va, 4);
		err = dojo_queue_run(queue, batch, JOB_WAIT_NS);
	}
	if (!err && *(uint32_t *)to.memory != 0x646f6a6f)
		err = -EBADMSG;
	dojo_batch_destroy(batch);
	dojo_queue_destroy(queue);
	if (vm) {
		buffer_destroy(&from, vm);
		buffer_destroy(&to, vm);
	}
	dojo_vm_destroy(vm);
	return err;
}

static void check_job(struct doctor *d, const struct dojo_device_entry *e)
{
	static const char *const names[] = {
		[DRM_DOJO_QUEUE_DMA] = "DMA",
		[DRM_DOJO_QUEUE_COMPUTE] = "compute",
	};
	struct dojo_device *dev;
	char text[256];
	int err;

	if (dojo_device_open(e->path, &dev))
		return;
	for (uint32_t c = 0; c < 2; c++) {
		err = try_job(dev, c);
		if (!err) {
			find(d, GOOD, "job", NULL,
			     "%s: a %s queue copied from HBM to system memory", e->path, names[c]);
			continue;
		}
		if (!dojo_last_error(dev, text, sizeof(text)) || err == -EBADMSG)
			snprintf(text, sizeof(text), "%s",
				 err == -EBADMSG ? "wrong data" : dojo_strerror(err));
		find(d, BAD, "job", "run 'sudo dojo reset TILE', then this again",
		     "%s: a %s queue: %s", e->path, names[c], text);
	}
	dojo_device_close(dev);
}

static void check_tiles(struct doctor *d)
{
	struct dojo_device_entry *list = NULL;
	struct tile_facts *tiles;
	size_t count = 0;

	if (dojo_device_list(&list, &count) || !count) {
		find(d, BAD, "tiles", "see above", "there is no tile");
		return;
	}
	for (size_t i = 0; i < count; i++) {
		check_permission(d, &list[i]);
		check_state(d, &list[i]);
		check_counts(d, &list[i], !i || strcmp(list[i].pci, list[i - 1].pci));
		if (list[i].access)
			continue;
		if (!tiles_gather(list[i].path, &tiles)) {
			find(d, BAD, "tile", "install module and library of the same release",
			     "%s cannot be asked", list[i].path);
			continue;
		}
		check_version(d, tiles);
		free(tiles);
		check_job(d, &list[i]);
	}
	dojo_device_list_free(list);
}

int cmd_doctor(int argc, char **argv)
{
	bool json = false;
	const struct option options[] = {
		{ "json", 0, OPTION_FLAG, &json, NULL, "JSON, schema dojo/1" },
		{ 0 }
	};
	const struct usage usage = {
		.command = "doctor",
		.summary =
			"Check everything from the card to a finished job, and say what to do about what is wrong.\n"
			"Exit status 1 if a check failed.",
		.options = options,
	};
	struct pci_card cards[MACHINE_CARDS_MAX];
	struct doctor d = { 0 };
	cJSON *root = NULL;
	int n, status;
	size_t count;

	if (!options_parse(&usage, argc, argv, &n, &status))
		return status;
	table_init(&d.table, "lll");
	if (json) {
		root = json_document("doctor");
		d.list = json_array(root, "checks");
	}
	count = check_cards(&d, cards);
	check_kernel(&d);
	check_module(&d, cards, count);
	check_tiles(&d);

	status = d.worst == BAD ? EXIT_FAILURE : EXIT_SUCCESS;
	if (json) {
		json_bool(root, "passed", d.worst != BAD);
		return json_print(stdout, root, false) ? EXIT_FAILURE : status;
	}
	return table_print(&d.table, stdout) ? fail("out of memory") : status;
}
