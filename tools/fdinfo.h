/* SPDX-License-Identifier: GPL-2.0-only */
/* Who uses accel nodes, of any driver: /proc/PID/fdinfo as drm-usage-stats.rst has it. */
#ifndef DOJO_TOOLS_FDINFO_H
#define DOJO_TOOLS_FDINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FDINFO_ENGINES_MAX	8
#define FDINFO_REGIONS_MAX	8
#define FDINFO_NAME_MAX		24

/**
 * struct fdinfo_engine - time that a client has used of an engine
 * @busy_ns: since the file was opened; of all its units together
 * @capacity: units
 */
struct fdinfo_engine {
	char name[FDINFO_NAME_MAX];
	uint64_t busy_ns;
	uint32_t capacity;
};

/* bytes of a client's buffers in a memory region; UINT64_MAX if not told */
struct fdinfo_region {
	char name[FDINFO_NAME_MAX];
	uint64_t total;
	uint64_t resident;
};

/**
 * struct fdinfo_client - an open file
 * @time: when its fdinfo was read, monotonic seconds
 * @node: number of its accel node
 * @id: tells files of a node apart
 */
struct fdinfo_client {
	double time;
	pid_t pid;
	char command[32];
	uint32_t node;
	uint64_t id;
	char driver[FDINFO_NAME_MAX];
	char pdev[32];
	struct fdinfo_engine engines[FDINFO_ENGINES_MAX];
	unsigned int engine_count;
	struct fdinfo_region regions[FDINFO_REGIONS_MAX];
	unsigned int region_count;
};

/* One file's text. False if it is no DRM client's. Leaves time, pid, command and node alone. */
bool fdinfo_parse(struct fdinfo_client *client, const char *text);

/*
 * Every client that may be seen, once. Free with free(). 0 or -errno.
 */
int fdinfo_scan(struct fdinfo_client **clients, size_t *count);

#endif
