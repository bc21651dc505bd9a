// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "commands.h"
#include "json.h"
#include "machine.h"
#include "options.h"
#include "report.h"
#include "timeline_json.h"

#define TRACEFS		"/sys/kernel/tracing"
#define BUFFER_KB	"32768"
#define CHUNK		65536

/**
 * struct recorder - a trace instance of our own
 * @folder: its folder in tracefs, "" if there is none
 * @pipe: its trace_pipe
 * @text: what has been read, @used bytes; it is looked at when the program has
 *	ended and the clocks have been read again
 */
struct recorder {
	char folder[128];
	int pipe;
	char *text;
	size_t used, room;
};

static int write_file(const struct recorder *r, const char *name, const char *value)
{
	char path[256];
	ssize_t n;
	int fd, err;

	snprintf(path, sizeof(path), "%s/%s", r->folder, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = write(fd, value, strlen(value));
	err = n < 0 ? -errno : 0;
	close(fd);
	return err;
}

static void recorder_close(struct recorder *r)
{
	if (r->pipe >= 0)
		close(r->pipe);
	if (r->folder[0])
		rmdir(r->folder);
	free(r->text);
}

static int recorder_open(struct recorder *r)
{
	char path[256];
	int err;

	if (access(TRACEFS "/instances", W_OK | X_OK))
		return errno == ENOENT ?
			       fail("no tracefs: run 'sudo mount -t tracefs none %s'", TRACEFS) :
			       fail("no permission for " TRACEFS ": run as root");
	snprintf(r->folder, sizeof(r->folder), TRACEFS "/instances/dojo-%d", (int)getpid());
	if (mkdir(r->folder, 0700)) {
		err = errno;
		r->folder[0] = '\0';
		return fail("cannot make a trace instance: %s", strerror(err));
	}
	err = write_file(r, "trace_clock", "mono");
	if (!err)
		err = write_file(r, "buffer_size_kb", BUFFER_KB);
	if (!err)
		err = write_file(r, "events/dojo/enable", "1");
	if (err == -ENOENT)
		return fail("the driver offers no tracepoints: is the module loaded?");
	if (err)
		return fail("cannot set the trace up: %s", strerror(-err));
	snprintf(path, sizeof(path), "%s/trace_pipe", r->folder);
	r->pipe = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return r->pipe < 0 ? fail("cannot read %s: %s", path, strerror(errno)) : 0;
}

/* takes what there is; returns whether there was something */
static bool recorder_read(struct recorder *r)
{
	ssize_t n;

	if (r->room - r->used < CHUNK) {
		size_t room = r->room ? 2 * r->room : 16 * CHUNK;
		char *text = realloc(r->text, room);

		if (!text)
			return false;
		r->text = text;
		r->room = room;
	}
	n = read(r->pipe, r->text + r->used, CHUNK - 1);
	if (n <= 0)
		return false;
	r->used += n;
	r->text[r->used] = '\0';
	return true;
}

static void recorder_parse(struct recorder *r, struct trace_builder *b)
{
	char *line, *next;

	for (line = r->text; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		trace_line(b, line);
	}
}

/* ---------------------------------------------------------------- clocks */

/* the name of a node's device, as tracepoints print it */
static bool device_name(const struct dojo_device_entry *e, char *name, size_t size)
{
	char path[512], target[512];
	const char *last;
	ssize_t n;

	if (sysfs_path(path, sizeof(path), "class/accel/accel%u/device", e->index))
		return false;
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return false;
	target[n] = '\0';
	last = strrchr(target, '/');
	snprintf(name, size, "%.63s", last ? last + 1 : target);
	return true;
}

/* both clocks of every tile, as pair @which */
static void read_clocks(struct trace_builder *b, unsigned int which)
{
	struct dojo_device_entry *list = NULL;
	size_t count = 0;

	if (dojo_device_list(&list, &count))
		return;
	for (size_t i = 0; i < count; i++) {
		struct drm_dojo_clock_info clock;
		struct trace_device *d;
		struct dojo_device *dev;
		char name[64];
		unsigned int k;

		if (!device_name(&list[i], name, sizeof(name)) ||
		    dojo_device_open(list[i].path, &dev))
			continue;
		for (k = 0; k < b->device_count && strcmp(b->devices[k].name, name); k++)
			;
		d = k < TRACE_DEVICES_MAX ? &b->devices[k] : NULL;
		if (d && !dojo_device_clock(dev, &clock, sizeof(clock))) {
			if (k == b->device_count) {
				b->device_count++;
				memset(d, 0, sizeof(*d));
				strcpy(d->name, name);
				d->tile = list[i].tile < 0 ? 0 : list[i].tile;
			}
			d->device_ns[which] = clock.device_ns;
			d->cpu_ns[which] = clock.cpu_ns;
		}
		dojo_device_close(dev);
	}
	dojo_device_list_free(list);
}

/* -------------------------------------------------------------- command */

static int run_program(struct recorder *r, char **argv, int *status)
{
	struct pollfd wait = { .fd = r->pipe, .events = POLLIN };
	pid_t pid = fork();

	if (pid < 0)
		return fail("cannot start %s: %s", argv[0], strerror(errno));
	if (!pid) {
		execvp(argv[0], argv);
		fprintf(stderr, "dojo: cannot run %s: %s\n", argv[0], strerror(errno));
		_exit(errno == ENOENT ? 127 : 126);
	}
	/* the program gets the terminal's signals; this one lives to write the trace */
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	while (!waitpid(pid, status, WNOHANG)) {
		poll(&wait, 1, 50);
		recorder_read(r);
	}
	write_file(r, "events/dojo/enable", "0");
	while (recorder_read(r))
		;
	return 0;
}

static int exit_status(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int write_trace(struct trace_builder *b, FILE *file, const char *name)
{
	unsigned long long jobs = b->jobs, lost = b->lost;
	int err = json_print(file, trace_end(b), true);

	if (err)
		return fail("cannot write %s: %s", name, strerror(-err));
	fprintf(stderr, "dojo: %llu jobs in %s", jobs, name);
	if (lost)
		fprintf(stderr, "; %llu events were lost", lost);
	fputc('\n', stderr);
	return 0;
}

int cmd_trace(int argc, char **argv)
{
	const char *out = "dojo-trace.json";
	const struct option options[] = { { "output", 'o', OPTION_STRING, &out, "FILE",
					    "where the trace goes (dojo-trace.json)" },
					  { 0 } };
	const struct usage usage = {
		.command = "trace",
		.summary = "Run a program and write what the tiles did meanwhile as a trace for\n"
			   "chrome://tracing or ui.perfetto.dev: a track a queue. For root.",
		.arguments = "-- PROGRAM [ARGUMENT ...]",
		.min = 1,
		.program = true,
		.options = options,
	};
	char *program[256];
	struct recorder recorder = { .pipe = -1 };
	struct trace_builder builder;
	int n, status, child;
	FILE *file;

	if (!options_parse(&usage, argc, argv, &n, &status))
		return status;
	if ((size_t)n >= sizeof(program) / sizeof(*program))
		return usage_error(&usage, "too many arguments");
	memcpy(program, argv, n * sizeof(*program));
	program[n] = NULL;

	if (!trace_begin(&builder))
		return fail("out of memory");
	read_clocks(&builder, 0);
	status = recorder_open(&recorder);
	if (status)
		goto out;
	file = fopen(out, "we");
	if (!file) {
		status = fail("cannot write %s: %s", out, strerror(errno));
		goto out;
	}
	status = run_program(&recorder, program, &child);
	read_clocks(&builder, 1);
	recorder_parse(&recorder, &builder);
	if (!status)
		status = write_trace(&builder, file, out);
	if (fclose(file) && !status)
		status = fail("cannot write %s: %s", out, strerror(errno));
	if (!status)
		status = exit_status(child);
out:
	recorder_close(&recorder);
	cJSON_Delete(trace_end(&builder));
	return status;
}
