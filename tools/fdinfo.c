// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fdinfo.h"
#include "progress.h"

#define TEXT_MAX	8192

static const char *procfs_root(void)
{
#ifdef DOJO_TOOLS_TEST
	const char *root = getenv("DOJO_PROCFS");

	if (root)
		return root;
#endif
	return "/proc";
}

/* ------------------------------------------------------------- one file */

static bool starts_with(const char *s, const char *prefix, const char **rest)
{
	size_t n = strlen(prefix);

	if (strncmp(s, prefix, n))
		return false;
	*rest = s + n;
	return true;
}

static struct fdinfo_engine *engine_of(struct fdinfo_client *c, const char *name)
{
	struct fdinfo_engine *e;

	for (unsigned int i = 0; i < c->engine_count; i++) {
		if (!strcmp(c->engines[i].name, name))
			return &c->engines[i];
	}
	if (c->engine_count == FDINFO_ENGINES_MAX)
		return NULL;
	e = &c->engines[c->engine_count++];
	snprintf(e->name, sizeof(e->name), "%.23s", name);
	e->capacity = 1;
	return e;
}

static struct fdinfo_region *region_of(struct fdinfo_client *c, const char *name)
{
	struct fdinfo_region *r;

	for (unsigned int i = 0; i < c->region_count; i++) {
		if (!strcmp(c->regions[i].name, name))
			return &c->regions[i];
	}
	if (c->region_count == FDINFO_REGIONS_MAX)
		return NULL;
	r = &c->regions[c->region_count++];
	snprintf(r->name, sizeof(r->name), "%.23s", name);
	r->total = UINT64_MAX;
	r->resident = UINT64_MAX;
	return r;
}

static uint64_t parse_bytes(const char *value)
{
	char *unit;
	uint64_t n = strtoull(value, &unit, 10);

	while (*unit == ' ')
		unit++;
	if (!strncmp(unit, "KiB", 3))
		return n << 10;
	if (!strncmp(unit, "MiB", 3))
		return n << 20;
	return n;
}

static void parse_line(struct fdinfo_client *c, const char *key, const char *value)
{
	struct fdinfo_engine *engine;
	struct fdinfo_region *region;
	const char *name;

	if (!strcmp(key, "drm-driver")) {
		snprintf(c->driver, sizeof(c->driver), "%.23s", value);
	} else if (!strcmp(key, "drm-pdev")) {
		snprintf(c->pdev, sizeof(c->pdev), "%.31s", value);
	} else if (!strcmp(key, "drm-client-id")) {
		c->id = strtoull(value, NULL, 10);
	} else if (starts_with(key, "drm-engine-capacity-", &name)) {
		engine = engine_of(c, name);
		if (engine)
			engine->capacity = strtoul(value, NULL, 10);
		if (engine && !engine->capacity)
			engine->capacity = 1;
	} else if (starts_with(key, "drm-engine-", &name)) {
		engine = engine_of(c, name);
		if (engine)
			engine->busy_ns = strtoull(value, NULL, 10);
	} else if (starts_with(key, "drm-total-", &name)) {
		region = region_of(c, name);
		if (region)
			region->total = parse_bytes(value);
	} else if (starts_with(key, "drm-resident-", &name) ||
		   starts_with(key, "drm-memory-", &name)) {
		region = region_of(c, name);
		if (region)
			region->resident = parse_bytes(value);
	}
}

bool fdinfo_parse(struct fdinfo_client *c, const char *text)
{
	char line[256], *value;

	c->driver[0] = '\0';
	c->pdev[0] = '\0';
	c->id = 0;
	c->engine_count = 0;
	c->region_count = 0;
	while (*text) {
		size_t n = strcspn(text, "\n"), keep = n < sizeof(line) - 1 ? n : sizeof(line) - 1;

		memcpy(line, text, keep);
		line[keep] = '\0';
		text += n + (text[n] == '\n');
		value = strchr(line, ':');
		if (!value)
			continue;
		*value++ = '\0';
		while (isspace((unsigned char)*value))
			value++;
		parse_line(c, line, value);
	}
	return c->driver[0];
}

/* ------------------------------------------------------- all processes */

/**
 * struct scan - clients found so far
 */
struct scan {
	struct fdinfo_client *clients;
	size_t count, room;
};

static int read_at(int dir, const char *name, char *text, size_t size)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	size_t n = 0;
	ssize_t got;

	if (fd < 0)
		return -errno;
	while (n < size - 1 && (got = read(fd, text + n, size - 1 - n)) > 0)
		n += got;
	close(fd);
	text[n] = '\0';
	return 0;
}

/* files that were inherited or sent are seen in several processes */
static bool is_known(const struct scan *scan, const struct fdinfo_client *c)
{
	for (size_t i = 0; i < scan->count; i++) {
		if (scan->clients[i].node == c->node && scan->clients[i].id == c->id)
			return true;
	}
	return false;
}

static int add(struct scan *scan, const struct fdinfo_client *c)
{
	if (is_known(scan, c))
		return 0;
	if (scan->count == scan->room) {
		size_t room = scan->room ? 2 * scan->room : 16;
		struct fdinfo_client *more = realloc(scan->clients, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		scan->clients = more;
		scan->room = room;
	}
	scan->clients[scan->count++] = *c;
	return 0;
}

/* the fd called @name in the folder @fds: is it an accel node, and which? */
static bool is_accel(int fds, const char *name, uint32_t *node)
{
	char target[128];
	ssize_t n = readlinkat(fds, name, target, sizeof(target) - 1);

	if (n <= 0)
		return false;
	target[n] = '\0';
	return sscanf(target, "/dev/accel/accel%u", node) == 1;
}

static int scan_process(struct scan *scan, int process, pid_t pid)
{
	struct fdinfo_client c;
	char name[300], text[TEXT_MAX];
	struct dirent *entry;
	DIR *dir;
	int fds, err = 0;

	fds = openat(process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fds < 0 ? NULL : fdopendir(fds);
	if (!dir) {
		if (fds >= 0)
			close(fds);
		return 0;
	}
	while (!err && (entry = readdir(dir))) {
		if (!is_accel(fds, entry->d_name, &c.node))
			continue;
		snprintf(name, sizeof(name), "fdinfo/%s", entry->d_name);
		if (read_at(process, name, text, sizeof(text)) || !fdinfo_parse(&c, text))
			continue;
		c.time = now_seconds();
		c.pid = pid;
		if (read_at(process, "comm", c.command, sizeof(c.command)))
			c.command[0] = '\0';
		c.command[strcspn(c.command, "\n")] = '\0';
		err = add(scan, &c);
	}
	closedir(dir);
	return err;
}

int fdinfo_scan(struct fdinfo_client **clients, size_t *count)
{
	struct scan scan = { 0 };
	struct dirent *entry;
	DIR *dir = opendir(procfs_root());
	int err = 0;

	*clients = NULL;
	*count = 0;
	if (!dir)
		return -errno;
	while (!err && (entry = readdir(dir))) {
		int process;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		process = openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (process < 0)
			continue;
		err = scan_process(&scan, process, strtol(entry->d_name, NULL, 10));
		close(process);
	}
	closedir(dir);
	if (err) {
		free(scan.clients);
		return err;
	}
	*clients = scan.clients;
	*count = scan.count;
	return 0;
}
