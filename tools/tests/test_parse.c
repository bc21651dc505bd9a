// SPDX-License-Identifier: GPL-2.0-only
/* What the kernel prints: fdinfo, dumps, trace lines. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "coredump.h"
#include "fdinfo.h"
#include "timeline_json.h"

/* --------------------------------------------------------------- fdinfo */

static const char dojo_fdinfo[] =
	"pos:\t0\nflags:\t02100002\nmnt_id:\t15\nino:\t123\n"
	"drm-driver:\tdojo\ndrm-client-id:\t7\ndrm-pdev:\t0000:01:00.0\n"
	"drm-engine-compute:\t123456789 ns\ndrm-engine-capacity-compute:\t25\n"
	"drm-engine-dma:\t42 ns\ndrm-engine-capacity-dma:\t2\n"
	"drm-total-hbm:\t2 MiB\ndrm-resident-hbm:\t1024 KiB\ndrm-total-system:\t12\n";

static void fdinfo_of_a_tile(void)
{
	struct fdinfo_client c;

	CHECK(fdinfo_parse(&c, dojo_fdinfo));
	CHECK(!strcmp(c.driver, "dojo") && c.id == 7 && !strcmp(c.pdev, "0000:01:00.0"));
	CHECK(c.engine_count == 2 && c.region_count == 2);
	CHECK(!strcmp(c.engines[0].name, "compute") && c.engines[0].busy_ns == 123456789);
	CHECK(c.engines[0].capacity == 25 && c.engines[1].capacity == 2);
	CHECK(c.regions[0].total == 2 << 20 && c.regions[0].resident == 1 << 20);
	CHECK(c.regions[1].total == 12 && c.regions[1].resident == UINT64_MAX);
}

static void fdinfo_of_other_drivers(void)
{
	struct fdinfo_client c;

	CHECK(fdinfo_parse(&c, "drm-driver:\tivpu\ndrm-memory-vram:\t5 KiB"));
	CHECK(!c.engine_count && c.regions[0].resident == 5120);
	CHECK(!fdinfo_parse(&c, "pos:\t0\nflags:\t02\n"));
	CHECK(!fdinfo_parse(&c, ""));
	CHECK(fdinfo_parse(&c, "drm-driver:\tx\ndrm-engine-capacity-a:\t0\n") &&
	      c.engines[0].capacity == 1);
}

static void fdinfo_with_too_much(void)
{
	char text[4096] = "drm-driver:\tx\n";
	struct fdinfo_client c;

	for (int i = 0; i < 40; i++)
		sprintf(text + strlen(text), "drm-engine-%d:\t1 ns\ndrm-total-%d:\t1\n", i, i);
	CHECK(fdinfo_parse(&c, text));
	CHECK(c.engine_count == FDINFO_ENGINES_MAX && c.region_count == FDINFO_REGIONS_MAX);
}

static char procfs[32];

/* a process @pid with @fds open files of accel0, client ids from @id */
static void make_process(int pid, int fds, int id)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%d", procfs, pid);
	mkdir(path, 0777);
	snprintf(path, sizeof(path), "%s/%d/comm", procfs, pid);
	f = fopen(path, "w");
	CHECK(f);
	fprintf(f, "proc%d\n", pid);
	fclose(f);
	snprintf(path, sizeof(path), "%s/%d/fd", procfs, pid);
	mkdir(path, 0777);
	snprintf(path, sizeof(path), "%s/%d/fdinfo", procfs, pid);
	mkdir(path, 0777);
	for (int i = 0; i < fds; i++) {
		snprintf(path, sizeof(path), "%s/%d/fd/%d", procfs, pid, i + 3);
		CHECK(!symlink("/dev/accel/accel0", path));
		snprintf(path, sizeof(path), "%s/%d/fdinfo/%d", procfs, pid, i + 3);
		f = fopen(path, "w");
		CHECK(f);
		fprintf(f, "drm-driver:\tdojo\ndrm-client-id:\t%d\ndrm-engine-dma:\t5 ns\n",
			id + i);
		fclose(f);
	}
	snprintf(path, sizeof(path), "%s/%d/fd/0", procfs, pid);
	CHECK(!symlink("/dev/null", path));
}

static void every_client_is_seen_once(void)
{
	struct fdinfo_client *clients;
	size_t count;

	make_process(10, 2, 1);
	make_process(11, 1, 1);	/* inherited client 1 */
	make_process(12, 0, 0);
	CHECK(!fdinfo_scan(&clients, &count));
	CHECK(count == 2);
	CHECK(clients[0].pid == 10 || clients[0].pid == 11);
	CHECK(!strncmp(clients[0].command, "proc1", 5) && clients[0].node == 0);
	free(clients);
}

/* ---------------------------------------------------------------- dumps */

static const char good_dump[] =
	"dojo-coredump: 1\nkernel: 6.12.0\ncard: 0000:01:00.0\nserial: DOJO0001\n"
	"tile: 1\nfault: 19\nfault-va: 0x1000\nprocess: a b\njob: 5\n"
	"\n[context 3]\n0000: 00001000 00000000 00000040 00000002\n0010: 00000000\n"
	"\n[packet 0x102ede000]\n0000: 00080049 00000000\n"
	"\n[walk 0x1000]\nlevel 4: 0x0000000012345001\nlevel 3: 0x0000000000000000\n"
	"\n[tile-registers]\n0000: 12 34\n\n[end]\n";

static void dumps_are_taken_apart(void)
{
	static struct coredump d;
	const struct coredump_section *s;

	CHECK(!coredump_parse(&d, good_dump));
	CHECK(d.version == 1 && d.complete);
	CHECK(!strcmp(coredump_value(&d, "process"), "a b"));
	CHECK(coredump_number(&d, "fault-va") == 0x1000 && coredump_number(&d, "nothing") == 0);
	s = coredump_find(&d, "context");
	CHECK(s && s->argument == 3 && s->size == 20 && s->data[1] == 0x10 && s->data[8] == 0x40);
	s = coredump_find(&d, "packet");
	CHECK(s && s->argument == 0x102ede000 && s->size == 8 && s->data[0] == 0x49);
	s = coredump_find(&d, "walk");
	CHECK(s && s->levels == 2 && s->walk[0] == 0x12345001);
	s = coredump_find(&d, "tile-registers");
	CHECK(s && s->size == 2 && s->data[1] == 0x34);
	coredump_free(&d);
}

static void cut_dumps_are_read_as_far_as_they_go(void)
{
	static struct coredump d;
	char text[sizeof(good_dump)];

	strcpy(text, good_dump);
	*strstr(text, "\n[walk") = '\0';
	CHECK(!coredump_parse(&d, text));
	CHECK(!d.complete && coredump_find(&d, "packet"));
	coredump_free(&d);
}

static void damaged_dumps_are_refused(void)
{
	static const char *const bad[] = {
		"",
		"\n",
		"hello\n",
		"kernel: 6.12\n",
		"dojo-coredump: 2\n",
		"dojo-coredump: 1\nno key\n",
		"dojo-coredump: 1\n[context\n",
		"dojo-coredump: 1\n[]\n",
		"dojo-coredump: 1\n[context 1]\n0000: 1234\n",
		"dojo-coredump: 1\n[context 1]\n0010: 00000000\n",
		"dojo-coredump: 1\n[context 1]\nxyz\n",
		"dojo-coredump: 1\n[walk 1]\nleaf: 1\n",
	};
	static struct coredump d;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		CHECK(coredump_parse(&d, bad[i]) == -EBADMSG);
		CHECK(d.error[0]);
		coredump_free(&d);
	}
}

static void no_byte_of_a_dump_crashes(void)
{
	static struct coredump d;
	char text[sizeof(good_dump)];

	for (size_t at = 0; at < sizeof(good_dump) - 1; at++) {
		for (int c = 1; c < 256; c += 23) {
			strcpy(text, good_dump);
			text[at] = c;
			coredump_parse(&d, text);
			coredump_free(&d);
		}
	}
}

/* ---------------------------------------------------------------- traces */

#define SUBMIT_LINE \
	"           train-207     [001] .....    40.183762: dojo_submit: dev=dojo.tile.0 tile=0 queue=1 class=compute client=3 seqno=9 batch=0x1000 size=64"

#define DONE_LINE \
	"   kworker/u8:1-44      [000] d..1.    40.283762: dojo_done: dev=dojo.tile.0 tile=0 queue=1 class=compute client=3 seqno=9 start_ns=2000 end_ns=4000 busy_ns=50000 error=0"

/* as whoever reads the file sees it */
static cJSON *finished(struct trace_builder *b)
{
	cJSON *built = trace_end(b), *read;
	char *text = cJSON_Print(built);

	CHECK(text);
	read = cJSON_Parse(text);
	CHECK(read);
	free(text);
	cJSON_Delete(built);
	return read;
}

static const cJSON *find_event(const cJSON *root, const char *phase, const char *name)
{
	const cJSON *e;

	cJSON_ArrayForEach(e, cJSON_GetObjectItem(root, "traceEvents")) {
		if (!strcmp(cJSON_GetObjectItem(e, "ph")->valuestring, phase) &&
		    !strcmp(cJSON_GetObjectItem(e, "name")->valuestring, name))
			return e;
	}
	return NULL;
}

static double value_of(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItem(object, name)->valuedouble;
}

static void jobs_are_put_on_the_hosts_clock(void)
{
	struct trace_builder b;
	const cJSON *e;
	cJSON *root;

	CHECK(trace_begin(&b));
	strcpy(b.devices[0].name, "dojo.tile.0");
	b.devices[0].device_ns[0] = 1000;
	b.devices[0].cpu_ns[0] = 5001000;
	b.devices[0].device_ns[1] = 11000;
	b.devices[0].cpu_ns[1] = 5021000;	/* the host's clock runs twice as fast */
	b.device_count = 1;
	trace_line(&b, SUBMIT_LINE);
	trace_line(&b, DONE_LINE);
	CHECK(b.jobs == 1 && b.lines == 2);
	root = finished(&b);

	e = find_event(root, "X", "job 9");
	CHECK(e && fabs(value_of(e, "ts") - 5003) < 0.001 && fabs(value_of(e, "dur") - 4) < 0.001);
	CHECK(value_of(e, "tid") == 1);
	e = find_event(root, "X", "submit job 9");
	CHECK(e && fabs(value_of(e, "ts") - 40183762) < 0.001 && value_of(e, "tid") == 207);
	CHECK(find_event(root, "s", "job") && find_event(root, "f", "job"));
	e = find_event(root, "M", "thread_name");
	CHECK(e);
	cJSON_Delete(root);
}

static void jobs_without_times_are_where_they_ended(void)
{
	struct trace_builder b;
	const cJSON *e;
	cJSON *root;

	CHECK(trace_begin(&b));
	trace_line(&b, DONE_LINE);
	root = finished(&b);
	e = find_event(root, "X", "job 9");
	CHECK(e && value_of(e, "dur") == 0 && fabs(value_of(e, "ts") - 40283762) < 0.001);
	cJSON_Delete(root);
}

static void other_lines_are_passed_over(void)
{
	static const char *const lines[] = {
		"",
		"# tracer: nop",
		": dojo_",
		"x: dojo_done",
		": dojo_done:",
		"a-1 [0] 1.0: sched_switch: x",
		"CPU:1 [LOST 12 EVENTS]",
		"x-1 [000] ..... 1.0: dojo_new: dev=a tile=0",
		"x-1 [000] ..... 1.0: dojo_reset: dev=a tile=0 scope=tile cause=\"hang\" begin result=0",
		"x-1 [000] ..... 1.0: dojo_bind: dev=a tile=0 asid=1 op=99 va=0x0 size=0x1000",
		"x-1 [000] ..... 1.0: dojo_fault: dev=a tile=0 queue=4 fault=1",
	};
	struct trace_builder b;

	CHECK(trace_begin(&b));
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		trace_line(&b, lines[i]);
	CHECK(b.lost == 12 && !b.jobs);
	cJSON_Delete(trace_end(&b));
	CHECK(!trace_end(&b));
}

static const struct test tests[] = {
	{ "fdinfo: of a tile", fdinfo_of_a_tile },
	{ "fdinfo: of other drivers", fdinfo_of_other_drivers },
	{ "fdinfo: with too much", fdinfo_with_too_much },
	{ "fdinfo: every client is seen once", every_client_is_seen_once },
	{ "coredump: dumps are taken apart", dumps_are_taken_apart },
	{ "coredump: cut dumps are read as far as they go", cut_dumps_are_read_as_far_as_they_go },
	{ "coredump: damaged dumps are refused", damaged_dumps_are_refused },
	{ "coredump: no byte makes it crash", no_byte_of_a_dump_crashes },
	{ "trace: jobs are put on the host's clock", jobs_are_put_on_the_hosts_clock },
	{ "trace: jobs without times are where they ended",
	  jobs_without_times_are_where_they_ended },
	{ "trace: other lines are passed over", other_lines_are_passed_over },
};

int main(void)
{
	char command[64];
	int status;

	strcpy(procfs, "/tmp/dojo-proc-XXXXXX");
	if (!mkdtemp(procfs) || setenv("DOJO_PROCFS", procfs, 1))
		return EXIT_FAILURE;
	status = run_tests(tests, sizeof(tests) / sizeof(*tests));
	snprintf(command, sizeof(command), "rm -rf %s", procfs);
	return system(command) ? EXIT_FAILURE : status;
}
