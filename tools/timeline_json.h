/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From the driver's tracepoints, as tracefs prints them, to a trace in Chrome's
 * JSON format: a process a tile, a thread a queue, a slice a job.
 */
#ifndef DOJO_TOOLS_TIMELINE_JSON_H
#define DOJO_TOOLS_TIMELINE_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#define TRACE_DEVICES_MAX	64

/**
 * struct trace_device - a tile's device and how its clock runs
 * @name: "dojo.tile.0"
 * @tile: on its card
 * @device_ns, @cpu_ns: two moments at which both clocks were read
 */
struct trace_device {
	char name[64];
	unsigned int tile;
	uint64_t device_ns[2];
	uint64_t cpu_ns[2];
};

/**
 * struct trace_builder - a trace in the making
 * @events: of the document
 * @seen: threads that have been named, "device/thread"
 * @jobs, @lines: how many were put in
 * @lost: events that the kernel had no room for
 */
struct trace_builder {
	cJSON *root;
	cJSON *events;
	cJSON *seen;
	struct trace_device devices[TRACE_DEVICES_MAX];
	unsigned int device_count;
	uint64_t jobs, lines, lost;
};

/* false: out of memory */
bool trace_begin(struct trace_builder *b);
/* one line of tracefs' trace or trace_pipe with the clock "mono"; others are passed over */
void trace_line(struct trace_builder *b, const char *line);
/* the document; the builder is empty then */
cJSON *trace_end(struct trace_builder *b);

/* CLOCK_MONOTONIC of a device's time, nanoseconds */
double trace_cpu_ns(const struct trace_device *d, uint64_t device_ns);

#endif
