// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "json.h"
#include "machine.h"
#include "options.h"
#include "progress.h"
#include "report.h"

/* The entry that @name means, without opening its node: a wedged tile can be named too. */
static bool matches(const struct dojo_device_entry *e, const char *name)
{
	char text[64];

	if (!strcmp(name, e->path) || !strcmp(name, strrchr(e->path, '/') + 1))
		return true;
	snprintf(text, sizeof(text), "%u", e->index);
	if (!strcmp(name, text))
		return true;
	snprintf(text, sizeof(text), "%s/%d", e->pci, e->tile);
	if (e->pci[0] && (!strcmp(name, text) || (!e->tile && !strcmp(name, e->pci))))
		return true;
	snprintf(text, sizeof(text), "%s/%d", e->serial, e->tile);
	return e->serial[0] && (!strcmp(name, text) || (!e->tile && !strcmp(name, e->serial)));
}

static int fail_reset(const struct dojo_device_entry *e, const char *what, int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
		return fail("resetting a %s is for root: run 'sudo dojo reset %s%s'", what,
			    strcmp(what, "card") ? "" : "--card ", e->path);
	case ENOENT:
		return fail("%s has no reset attribute: the driver is too old", e->path);
	case ENODEV:
		return fail("the card at %s is gone", e->pci);
	case EIO:
	case ETIMEDOUT:
		return fail("the %s is not back: try 'dojo reset --card %s', or rebind the driver",
			    what, e->path);
	default:
		return fail("cannot reset the %s of %s: %s", what, e->path, strerror(error));
	}
}

static int reset_by(const struct dojo_device_entry *e, const char *what, bool json)
{
	char path[512];
	double begin;
	ssize_t n;
	int fd, err;

	if (sysfs_path(path, sizeof(path), "class/accel/accel%u/device/reset", e->index))
		return fail("the path of %s is too long", e->path);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return fail_reset(e, what, errno);
	begin = now_seconds();
	n = write(fd, what, strlen(what));
	err = errno;
	close(fd);
	if (n < 0)
		return fail_reset(e, what, err);

	if (json) {
		cJSON *root = json_document("reset");

		json_string(root, "device_node", e->path);
		json_string(root, "pci", e->pci[0] ? e->pci : NULL);
		json_string(root, "scope", what);
		json_double(root, "seconds", now_seconds() - begin);
		return json_print(stdout, root, false) ? EXIT_FAILURE : EXIT_SUCCESS;
	}
	printf("%s: %s reset in %.3f s\n", e->path, what, now_seconds() - begin);
	return EXIT_SUCCESS;
}

int cmd_reset(int argc, char **argv)
{
	bool card = false, json = false;
	const struct option options[] = {
		{ "card", 0, OPTION_FLAG, &card, NULL,
		  "the whole card: HBM contents and all address spaces are lost" },
		{ "json", 0, OPTION_FLAG, &json, NULL, "JSON, schema dojo/1" },
		{ 0 }
	};
	const struct usage usage = {
		.command = "reset",
		.summary = "Reset a tile, or its card. For root; whoever works there loses jobs.",
		.arguments = "TILE",
		.min = 1,
		.max = 1,
		.options = options,
	};
	struct dojo_device_entry *list = NULL;
	size_t count = 0, i;
	int n, status;

	if (!options_parse(&usage, argc, argv, &n, &status))
		return status;
	status = dojo_device_list(&list, &count);
	if (status)
		return fail("cannot list tiles: %s", dojo_strerror(status));
	for (i = 0; i < count && !matches(&list[i], argv[0]); i++)
		;
	if (!count)
		status = fail_no_device();
	else if (i == count)
		status = fail("no tile is called '%s': see 'dojo list'", argv[0]);
	else
		status = reset_by(&list[i], card ? "card" : "tile", json);
	dojo_device_list_free(list);
	return status;
}
