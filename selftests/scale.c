// SPDX-License-Identifier: GPL-2.0-only
/*
 * A great many buffers and address spaces, and that what is idle costs a bind and a
 * submission nothing. Costs are counted, not timed: page-table entries written, and
 * calls of functions in the driver and the modules below it, by the function tracer.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "dojo_harness.h"

/* ---------------------------------------------------- calls, counted */

#define TRACING	"/sys/kernel/tracing/"

static int trace_write(const char *file, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), TRACING "%s", file);
	return dojo_write_file(path, text);
}

static int trace_truncate(const char *file)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), TRACING "%s", file);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* Value of the line "@key: " of a CPU's statistics */
static unsigned long trace_stat(const char *stats, const char *key)
{
	const char *line = strstr(stats, key);

	return line ? strtoul(line + strlen(key), NULL, 10) : 0;
}

static unsigned long trace_entries(void)
{
	unsigned long entries = 0;
	char path[128], stats[1024];
	int cpu;

	for (cpu = 0; cpu < sysconf(_SC_NPROCESSORS_CONF); cpu++) {
		snprintf(path, sizeof(path), TRACING "per_cpu/cpu%d/stats", cpu);
		if (dojo_read_file(path, stats, sizeof(stats)) > 0)
			entries += trace_stat(stats, "entries: ") + trace_stat(stats, "overrun: ");
	}
	return entries;
}

static void trace_end(void)
{
	trace_write("tracing_on", "0");
	trace_write("current_tracer", "nop");
	trace_truncate("set_ftrace_filter");
	trace_truncate("set_ftrace_pid");
	trace_truncate("trace");
	trace_write("tracing_on", "1");
}

/* Whether calls of this thread can be counted */
static bool trace_begin(void)
{
	static const char *const filters[] = {
		":mod:dojo", ":mod:drm_exec", ":mod:drm_gpuvm", ":mod:gpu_sched", ":mod:ttm",
		":mod:drm_buddy", ":mod:drm_ttm_helper", "dma_resv_*", "dma_fence_*",
	};
	char pid[16];
	size_t i;

	if (access(TRACING "set_ftrace_filter", F_OK))
		mount("tracefs", TRACING, "tracefs", 0, NULL);
	if (access(TRACING "set_ftrace_filter", F_OK))
		return false;
	trace_end();
	snprintf(pid, sizeof(pid), "%ld", syscall(SYS_gettid));
	trace_write("tracing_on", "0");
	for (i = 0; i < ARRAY_SIZE(filters); i++) {
		/* not every kernel has all of these as modules */
		if (trace_write("set_ftrace_filter", filters[i]) && !i)
			return false;
	}
	return !trace_write("set_ftrace_pid", pid) && !trace_write("current_tracer", "function");
}

/* ----------------------------------------------------- operations */

FIXTURE(scale) {
	struct dojo_client c;
	struct dojo_buf host;
	bool traced;
};

FIXTURE_SETUP(scale)
{
	ASSERT_EQ(0, dojo_client_open(&self->c, 0));
	ASSERT_EQ(0, dojo_buf_create(&self->c, &self->host, PAGE, DRM_DOJO_DOMAIN_SYSTEM,
				     DRM_DOJO_BO_CPU_ACCESS));
	self->traced = trace_begin();
}

FIXTURE_TEARDOWN(scale)
{
	if (self->traced)
		trace_end();
	dojo_client_close(&self->c);
}

/* A buffer that only @vm can bind */
static int private_buffer(int fd, __u32 vm, __u32 *handle)
{
	struct drm_dojo_bo_create args = { .size = PAGE, .vm_id = vm };
	int ret = dojo_ioctl(fd, DRM_IOCTL_DOJO_BO_CREATE, &args);

	*handle = args.handle;
	return ret;
}

/**
 * struct cost - what one operation costs, least of some
 * @bind, @unbind, @submit: calls
 * @writes: page-table entries of a bind and unbind together
 */
struct cost {
	unsigned long bind, unbind, submit, writes;
};

#define TRIES	5

static void least(unsigned long *value, unsigned long now)
{
	if (now < *value)
		*value = now;
}

/* Calls since trace_truncate(), which the next count begins with */
static unsigned long counted(void)
{
	unsigned long calls;

	trace_write("tracing_on", "0");
	calls = trace_entries();
	trace_truncate("trace");
	trace_write("tracing_on", "1");
	return calls;
}

/*
 * Binds @handle, of one page, at @va, submits a job that uses it, waits, and unbinds it.
 * Neighbours stay bound, so that no table is made or freed.
 */
static int measure(struct dojo_client *c, __u32 handle, __u64 va, struct cost *cost)
{
	struct drm_dojo_vm_get_state before, after;
	int i, ret = 0;

	memset(cost, 0xff, sizeof(*cost));
	for (i = 0; i < TRIES && !ret; i++) {
		if (dojo_vm_state(c->fd, c->vm, &before))
			return -EINVAL;
		counted();
		ret = dojo_vm_map(c->fd, c->vm, handle, 0, va, PAGE);
		least(&cost->bind, counted());
		dojo_fill(c, va, 4, i);
		if (!ret)
			ret = dojo_start(c, c->dma, c->done);
		least(&cost->submit, counted());
		if (!ret)
			ret = dojo_syncobj_wait(c->fd, c->done, dojo_patience());
		counted();
		if (!ret)
			ret = dojo_vm_unmap(c->fd, c->vm, va, PAGE);
		least(&cost->unbind, counted());
		if (dojo_vm_state(c->fd, c->vm, &after))
			return -EINVAL;
		least(&cost->writes, after.pt_writes - before.pt_writes);
	}
	trace_write("tracing_on", "0");
	return ret;
}

/* What depends on the number of idle things is more than this by far. */
static unsigned long bound(unsigned long calls)
{
	return calls + calls / 4 + 16;
}

static void compare(struct __test_metadata *_metadata, bool traced, const struct cost *few,
		    const struct cost *many)
{
	EXPECT_EQ(2, few->writes);
	EXPECT_EQ(few->writes, many->writes);
	if (!traced) {
		TH_LOG("no function tracer: calls are not counted");
		return;
	}
	TH_LOG("calls: bind %lu and %lu, submit %lu and %lu, unbind %lu and %lu", few->bind,
	       many->bind, few->submit, many->submit, few->unbind, many->unbind);
	EXPECT_GT(few->bind, 0);
	EXPECT_GT(few->submit, 0);
	EXPECT_LE(many->bind, bound(few->bind));
	EXPECT_LE(many->submit, bound(few->submit));
	EXPECT_LE(many->unbind, bound(few->unbind));
}

/* ---------------------------------------------------------- one address space */

/* Binds buffers @from to @to of their own, at every second page from @base on. */
static int bind_buffers(struct dojo_client *c, __u64 base, unsigned long from, unsigned long to)
{
	unsigned long i;
	__u32 handle;
	int ret = 0;

	for (i = from; i < to && !ret; i++) {
		ret = private_buffer(c->fd, c->vm, &handle);
		if (!ret)
			ret = dojo_vm_map(c->fd, c->vm, handle, 0, base + 2 * i * PAGE, PAGE);
		if (!ret)
			ret = dojo_bo_close(c->fd, handle);
	}
	return ret;
}

TEST_F_TIMEOUT(scale, idle_buffers_of_an_address_space_cost_nothing, 900)
{
	const unsigned long count = dojo_scaled(100000, 200), few_count = 8;
	struct dojo_client *c = &self->c;
	const __u64 base = BIT(40);
	struct cost few, many;
	unsigned long i, k;
	__u32 probe;

	ASSERT_EQ(0, private_buffer(c->fd, c->vm, &probe));
	ASSERT_EQ(0, bind_buffers(c, base, 0, few_count));
	ASSERT_EQ(0, measure(c, probe, base + PAGE, &few));
	ASSERT_EQ(0, bind_buffers(c, base, few_count, count));
	ASSERT_EQ(0, measure(c, probe, base + PAGE, &many));
	compare(_metadata, self->traced, &few, &many);

	/* and they are all there */
	for (k = 0; k < 100; k++) {
		i = k * 7919 % count;
		dojo_fill(c, base + 2 * i * PAGE, PAGE, i);
		dojo_copy(c, self->host.va + k * 4, base + 2 * i * PAGE + 8, 4);
	}
	ASSERT_EQ(0, dojo_run(c, c->dma));
	for (k = 0; k < 100; k++)
		EXPECT_EQ(k * 7919 % count, ((__u32 *)self->host.map)[k]);
	ASSERT_EQ(0, dojo_vm_unmap(c->fd, c->vm, base, 2 * count * PAGE));
}

TEST_F_TIMEOUT(scale, many_shared_buffers_in_one_address_space, 900)
{
	const unsigned long count = dojo_scaled(20000, 100);
	struct dojo_client *c = &self->c;
	const __u64 base = BIT(40);
	unsigned long i;
	__u32 handle;

	if (self->traced)
		trace_end();
	self->traced = false;
	for (i = 0; i < count; i++) {
		ASSERT_EQ(0, dojo_bo_create(c->fd, PAGE, 0, 0, &handle));
		ASSERT_EQ(0, dojo_vm_map(c->fd, c->vm, handle, 0, base + i * PAGE, PAGE));
	}
	dojo_fill(c, base, count * PAGE, 0x5c);
	dojo_copy(c, self->host.va, base + (count - 1) * PAGE, 4);
	ASSERT_EQ(0, dojo_run(c, c->dma));
	EXPECT_EQ(0x5c, *(__u32 *)self->host.map);
}

/* ------------------------------------------------------ many address spaces */

TEST_F_TIMEOUT(scale, idle_address_spaces_cost_nothing, 900)
{
	const unsigned long count = dojo_scaled(1000, 100);
	struct dojo_client *c = &self->c, last;
	const __u64 base = BIT(40);
	struct drm_dojo_limits limits;
	struct cost few, many;
	__u32 probe, handle;
	unsigned long i;
	__u32 *vms;

	ASSERT_EQ(0, dojo_query(c->fd, DRM_DOJO_QUERY_LIMITS, &limits, sizeof(limits)));
	ASSERT_GE(limits.vms, 1000);
	vms = calloc(count, sizeof(*vms));
	ASSERT_NE(NULL, vms);
	ASSERT_EQ(0, private_buffer(c->fd, c->vm, &probe));
	ASSERT_EQ(0, private_buffer(c->fd, c->vm, &handle));
	ASSERT_EQ(0, dojo_vm_map(c->fd, c->vm, handle, 0, base, PAGE));
	ASSERT_EQ(0, measure(c, probe, base + PAGE, &few));
	for (i = 0; i < count; i++) {
		ASSERT_EQ(0, dojo_vm_create(c->fd, &vms[i]))
			TH_LOG("address space %lu", i);
		ASSERT_EQ(0, private_buffer(c->fd, vms[i], &handle));
		ASSERT_EQ(0, dojo_vm_map(c->fd, vms[i], handle, 0, base, PAGE));
		ASSERT_EQ(0, dojo_bo_close(c->fd, handle));
	}
	ASSERT_EQ(0, measure(c, probe, base + PAGE, &many));
	compare(_metadata, self->traced, &few, &many);

	/* and another one can be made and used beside them */
	ASSERT_EQ(0, dojo_client_open(&last, 0));
	dojo_fill(&last, last.batch.va + KIB(32), 4, 0x31);
	EXPECT_EQ(0, dojo_run(&last, last.dma));
	dojo_client_close(&last);
	for (i = 0; i < count; i++)
		ASSERT_EQ(0, dojo_vm_destroy(c->fd, vms[i]));
	free(vms);
}

int main(int argc, char **argv)
{
	return dojo_test_main(argc, argv, NULL);
}
