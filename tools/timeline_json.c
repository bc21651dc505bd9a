// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "timeline_json.h"

#define HOST_PID	1	/* of the track of submitting processes */
#define TILE_PID	2	/* and up: tiles */
#define SUBMIT_US	1.0	/* how long a submission is drawn */

/**
 * struct record - a line of the trace, taken apart
 * @us: time stamp, microseconds of CLOCK_MONOTONIC
 * @process: that was running, "comm-pid"
 * @event: "dojo_done"
 * @fields: the rest, "a=b c=d"
 */
struct record {
	double us;
	char process[64];
	char event[32];
	const char *fields;
};

static const char *const bind_names[] = { "map", "unmap", "unmap all", "map null",
					  "map user memory" };

/* -------------------------------------------------------------- parsing */

/* "  comm-123   [000] d..1.   12.345678: dojo_done: dev=..." */
static bool parse(struct record *r, const char *line)
{
	const char *event = strstr(line, ": dojo_"), *time, *bracket, *end;
	size_t n;

	if (!event)
		return false;
	time = event;
	while (time > line && time[-1] != ' ')
		time--;
	r->us = strtod(time, NULL) * 1e6;

	line += strspn(line, " ");
	bracket = strstr(line, " [");
	n = bracket && bracket < event ? (size_t)(bracket - line) : 0;
	while (n && line[n - 1] == ' ')
		n--;
	snprintf(r->process, sizeof(r->process), "%.*s", (int)(n < 63 ? n : 63), line);

	event += 2;
	end = strchr(event, ':');
	if (!end || (size_t)(end - event) >= sizeof(r->event))
		return false;
	snprintf(r->event, sizeof(r->event), "%.*s", (int)(end - event), event);
	r->fields = end + 1;
	return true;
}

/* where the value of " @name=" begins; NULL if there is none */
static const char *field(const struct record *r, const char *name)
{
	size_t n = strlen(name);
	const char *at = r->fields;

	while ((at = strstr(at, name))) {
		if ((at == r->fields || at[-1] == ' ') && at[n] == '=')
			return at + n + 1;
		at += n;
	}
	return NULL;
}

static uint64_t number(const struct record *r, const char *name)
{
	const char *value = field(r, name);

	return value ? strtoull(value, NULL, 0) : 0;
}

static void word(const struct record *r, const char *name, char *text, size_t size)
{
	const char *value = field(r, name);
	size_t n = value ? strcspn(value, "\n ") : 0;

	snprintf(text, size, "%.*s", (int)(n < size ? n : size - 1), value ? value : "");
}

/* ---------------------------------------------------------------- clocks */

double trace_cpu_ns(const struct trace_device *d, uint64_t device_ns)
{
	double device = (double)(d->device_ns[1] - d->device_ns[0]);
	double cpu = (double)(d->cpu_ns[1] - d->cpu_ns[0]);
	double rate = d->device_ns[1] > d->device_ns[0] ? cpu / device : 1;

	return d->cpu_ns[0] + rate * (double)(int64_t)(device_ns - d->device_ns[0]);
}

/* one that was not there when the clocks were read gets a place, but no clock */
static struct trace_device *device_of(struct trace_builder *b, const struct record *r)
{
	struct trace_device *d;
	char name[64];

	word(r, "dev", name, sizeof(name));
	if (!name[0])
		return NULL;
	for (unsigned int i = 0; i < b->device_count; i++) {
		if (!strcmp(b->devices[i].name, name))
			return &b->devices[i];
	}
	if (b->device_count == TRACE_DEVICES_MAX)
		return NULL;
	d = &b->devices[b->device_count++];
	memset(d, 0, sizeof(*d));
	snprintf(d->name, sizeof(d->name), "%s", name);
	d->tile = number(r, "tile");
	return d;
}

/* --------------------------------------------------------------- events */

static cJSON *event(struct trace_builder *b, const char *phase, const char *name, unsigned int pid,
		    uint64_t tid, double us)
{
	cJSON *e = json_append_object(b->events);

	json_string(e, "ph", phase);
	json_string(e, "name", name);
	json_u64(e, "pid", pid);
	json_u64(e, "tid", tid);
	if (us >= 0)
		cJSON_AddNumberToObject(e, "ts", us);
	return e;
}

/* says once what a process (@kind "process_name") or thread ("thread_name") is called */
static void name_track(struct trace_builder *b, const char *kind, unsigned int pid, uint64_t tid,
		       const char *name)
{
	char key[64];

	snprintf(key, sizeof(key), "%s/%u/%" PRIu64, kind, pid, tid);
	if (cJSON_HasObjectItem(b->seen, key))
		return;
	cJSON_AddTrueToObject(b->seen, key);
	json_string(json_object(event(b, "M", kind, pid, tid, -1), "args"), "name", name);
}

static unsigned int tile_track(struct trace_builder *b, const struct trace_device *d)
{
	unsigned int pid = TILE_PID + (d - b->devices);
	char name[128];

	snprintf(name, sizeof(name), "tile %u, %s", d->tile, d->name);
	name_track(b, "process_name", pid, 0, name);
	return pid;
}

static void queue_track(struct trace_builder *b, unsigned int pid, const struct record *r)
{
	char queue_class[16], name[64];

	word(r, "class", queue_class, sizeof(queue_class));
	snprintf(name, sizeof(name), "queue %" PRIu64 "%s%s", number(r, "queue"),
		 queue_class[0] ? ", " : "", queue_class);
	name_track(b, "thread_name", pid, number(r, "queue"), name);
}

/* the same at both ends of the arrow from a submission to its job */
static void flow_id(cJSON *e, unsigned int pid, const struct record *r)
{
	char id[80];

	snprintf(id, sizeof(id), "%u/%" PRIu64 "/%" PRIu64 "/%" PRIu64, pid, number(r, "queue"),
		 number(r, "client"), number(r, "seqno"));
	json_string(e, "id", id);
	json_string(e, "cat", "job");
}

static uint64_t process_id(const struct record *r)
{
	const char *dash = strrchr(r->process, '-');

	return dash ? strtoull(dash + 1, NULL, 10) : 0;
}

static void add_submit(struct trace_builder *b, const struct record *r, unsigned int pid)
{
	uint64_t tid = process_id(r);
	char name[64];
	cJSON *e, *args;

	name_track(b, "process_name", HOST_PID, 0, "submissions");
	name_track(b, "thread_name", HOST_PID, tid, r->process);
	snprintf(name, sizeof(name), "submit job %" PRIu64, number(r, "seqno"));
	e = event(b, "X", name, HOST_PID, tid, r->us);
	cJSON_AddNumberToObject(e, "dur", SUBMIT_US);
	args = json_object(e, "args");
	json_u64(args, "queue", number(r, "queue"));
	json_u64(args, "batch_bytes", number(r, "size"));
	flow_id(event(b, "s", "job", HOST_PID, tid, r->us), pid, r);
}

static void add_done(struct trace_builder *b, const struct record *r, const struct trace_device *d,
		     unsigned int pid)
{
	uint64_t start = number(r, "start_ns"), end = number(r, "end_ns"),
		 queue = number(r, "queue");
	bool timed = d->device_ns[0] && end >= start && end;
	const char *error = field(r, "error");
	double from, to;
	char name[64];
	cJSON *e, *args;

	queue_track(b, pid, r);
	snprintf(name, sizeof(name), "job %" PRIu64, number(r, "seqno"));
	from = timed ? trace_cpu_ns(d, start) / 1e3 : r->us;
	to = timed ? trace_cpu_ns(d, end) / 1e3 : r->us;
	e = event(b, "X", name, pid, queue, from);
	cJSON_AddNumberToObject(e, "dur", to - from);
	args = json_object(e, "args");
	json_u64(args, "client", number(r, "client"));
	json_u64(args, "queue_busy_ns", number(r, "busy_ns"));
	cJSON_AddNumberToObject(args, "error", error ? strtol(error, NULL, 0) : 0);
	json_bool(args, "device_times", timed);
	cJSON_AddNumberToObject(args, "signalled_us", r->us);

	e = event(b, "f", "job", pid, queue, from);
	json_string(e, "bp", "e");
	flow_id(e, pid, r);
	b->jobs++;
}

static void add_instant(struct trace_builder *b, const struct record *r, unsigned int pid,
			uint64_t tid, const char *scope, const char *name)
{
	cJSON *e = event(b, "i", name, pid, tid, r->us);
	char text[512];

	json_string(e, "s", scope);
	snprintf(text, sizeof(text), "%.*s", (int)strcspn(r->fields, "\n"), r->fields);
	json_string(json_object(e, "args"), "fields", text);
}

static void add_memory(struct trace_builder *b, const struct record *r, unsigned int pid)
{
	uint64_t op = number(r, "op");
	const char *name = "evict";

	/* queues have numbers below this */
	name_track(b, "thread_name", pid, 1u << 20, "memory");
	if (!strcmp(r->event, "dojo_bind"))
		name = op < sizeof(bind_names) / sizeof(*bind_names) ? bind_names[op] : "bind";
	add_instant(b, r, pid, 1u << 20, "t", name);
}

/* ----------------------------------------------------------- interface */

bool trace_begin(struct trace_builder *b)
{
	memset(b, 0, sizeof(*b));
	b->root = cJSON_CreateObject();
	b->seen = cJSON_CreateObject();
	b->events = json_array(b->root, "traceEvents");
	return b->root && b->seen && b->events;
}

void trace_line(struct trace_builder *b, const char *line)
{
	struct trace_device *d;
	const char *lost = strstr(line, "LOST ");
	unsigned int pid;
	struct record r;

	if (lost && strstr(line, " EVENTS]"))
		b->lost += strtoull(lost + 5, NULL, 10);
	if (!parse(&r, line))
		return;
	d = device_of(b, &r);
	if (!d)
		return;
	b->lines++;
	pid = tile_track(b, d);
	if (!strcmp(r.event, "dojo_submit")) {
		add_submit(b, &r, pid);
	} else if (!strcmp(r.event, "dojo_done")) {
		add_done(b, &r, d, pid);
	} else if (!strcmp(r.event, "dojo_fault")) {
		queue_track(b, pid, &r);
		add_instant(b, &r, pid, number(&r, "queue"), "t", "fault");
	} else if (!strcmp(r.event, "dojo_reset")) {
		add_instant(b, &r, pid, 0, "p",
			    strstr(r.fields, " end ") ? "reset ends" : "reset begins");
	} else if (!strcmp(r.event, "dojo_bind") || !strcmp(r.event, "dojo_evict")) {
		add_memory(b, &r, pid);
	}
}

cJSON *trace_end(struct trace_builder *b)
{
	cJSON *root = b->root, *about;

	if (!root)
		return NULL;
	about = json_object(root, "otherData");
	json_string(root, "displayTimeUnit", "ns");
	json_string(about, "clock", "CLOCK_MONOTONIC, microseconds; jobs by the cards' clocks");
	json_u64(about, "jobs", b->jobs);
	json_u64(about, "lost_events", b->lost);
	cJSON_Delete(b->seen);
	memset(b, 0, sizeof(*b));
	return root;
}
