// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every allocation and every copy from or to user memory of a call fails in turn:
 * the call then does its whole work or none of it, says -ENOMEM or -EFAULT, loses
 * nothing, and the tile works on. Wants a kernel with fault injection.
 *
 * The last thing a call does is to copy its results. If that fails it has done its
 * work, but its caller does not learn what it has made. The tests guess: ids,
 * handles and descriptors are the lowest that are free.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "dojo_harness.h"

#define AREA		KIB(64)
#define POINTS_MAX	2000	/* places in one call where something can fail */

/**
 * struct sweep - what the calls of a sweep use
 * @c: client that they are made with
 * @src: filled with a pattern, and
 * @dst: where the device copies it to, to see that it works
 * @watch: another file of the tile, for its counters
 * @path: the tile's node
 * @zeros: /dev/zero
 * @nth: this thread's fail-nth
 * @id: object that a call made or is about
 * @guess: what it would be if the call does not tell
 * @other: a descriptor that it made
 * @file: another open file
 * @va: where something is bound
 * @map: something mapped, or the caller's memory
 * @seqno: of the last job before
 * @arg: what is swept: a domain, a type, a number...
 * @ret: of the call
 */
struct sweep {
	struct dojo_client c;
	struct dojo_buf src;
	struct dojo_buf dst;
	int watch;
	char path[64];
	int zeros;
	int nth;
	__u32 id;
	__u32 guess;
	int other;
	int file;
	__u64 va;
	void *map;
	__u64 seqno;
	__u32 arg;
	int ret;
};

FIXTURE(sweep) {
	struct sweep s;
};

/**
 * struct sweep_variant - a call
 * @arg: see &struct sweep
 * @prepare: makes what the call needs; may be NULL
 * @call: one system call; 0 or -errno
 * @undo: takes back what @prepare did, and @call if that returned 0; may be NULL
 */
FIXTURE_VARIANT(sweep) {
	__u32 arg;
	int (*prepare)(struct sweep *s);
	int (*call)(struct sweep *s);
	int (*undo)(struct sweep *s);
};

#define CALL(_name, _call, _arg, _prepare, _undo)	\
	FIXTURE_VARIANT_ADD(sweep, _name)		\
	{						\
		.arg = _arg,				\
		.prepare = _prepare,			\
		.call = _call,				\
		.undo = _undo,				\
	}

/* ------------------------------------------------------------- injection */

static bool configure(const char *attribute, const char *file, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", attribute, file);
	return !dojo_write_file(path, value);
}

/* Also what may sleep fails, and all of it silently: a back trace counts as a complaint */
static bool prepare_injection(void)
{
	return configure("failslab", "ignore-gfp-wait", "N") &&
	       configure("failslab", "verbose", "0") &&
	       configure("fail_page_alloc", "ignore-gfp-wait", "N") &&
	       configure("fail_page_alloc", "ignore-gfp-highmem", "N") &&
	       configure("fail_page_alloc", "min-order", "0") &&
	       configure("fail_page_alloc", "verbose", "0") &&
	       configure("fail_usercopy", "verbose", "0");
}

static void fail_nth(struct sweep *s, unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	/* an earlier request may still hit this very copy, once */
	if (pwrite(s->nth, text, len, 0) != len && pwrite(s->nth, text, len, 0) != len)
		abort();
}

/*
 * Whether the failure that was asked for has happened. If it has not, what is left
 * may hit the copy that tells so.
 */
static bool has_failed(struct sweep *s)
{
	char text[16] = "";
	bool failed = pread(s->nth, text, sizeof(text) - 1, 0) > 0 && atoi(text) == 0;

	fail_nth(s, 0);
	return failed;
}

/* ---------------------------------------------------------------- health */

static bool device_copies(struct sweep *s)
{
	s->c.used = 0;
	memset(s->dst.map, 0, AREA);
	dojo_copy(&s->c, s->dst.va, s->src.va, AREA);
	return !dojo_run(&s->c, s->c.dma) && dojo_pattern_check(s->dst.map, AREA, 7) == -1;
}

/**
 * struct usage - what must be as before when a call has failed or been taken back
 * @memory: of the tile; only what is in use, not what has been moved
 * @vm: the client's address space; not what was written to its page tables
 */
struct usage {
	struct drm_dojo_memory_info memory;
	struct drm_dojo_vm_get_state vm;
};

static int get_usage(struct sweep *s, struct usage *usage)
{
	int ret = dojo_query(s->watch, DRM_DOJO_QUERY_MEMORY, &usage->memory,
			     sizeof(usage->memory));

	usage->memory.evicted = 0;
	usage->memory.restored = 0;
	ret = ret ?: dojo_vm_state(s->c.fd, s->c.vm, &usage->vm);
	usage->vm.pt_writes = 0;
	return ret;
}

/* Memory whose last user was a job is given back a moment later. */
static bool is_back(struct sweep *s, const struct usage *before)
{
	unsigned int ms;
	struct usage now;

	for (ms = 0; ms < dojo_patience() / 10; ms++) {
		if (!get_usage(s, &now) && !memcmp(&now, before, sizeof(now)))
			return true;
		usleep(1000);
	}
	printf("# more: hbm %lld, sram %lld, system %lld, mappings %lld, tables %lld\n",
	       now.memory.hbm_used - before->memory.hbm_used,
	       now.memory.sram_used - before->memory.sram_used,
	       now.memory.system_used - before->memory.system_used,
	       now.vm.mappings - before->vm.mappings, now.vm.pt_bytes - before->vm.pt_bytes);
	return false;
}

FIXTURE_SETUP(sweep)
{
	struct sweep *s = &self->s;

	snprintf(s->path, sizeof(s->path), "/dev/accel/accel%d", dojo_minor(0));
	s->watch = dojo_open(0);
	ASSERT_GE(s->watch, 0);
	s->zeros = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	ASSERT_GE(s->zeros, 0);
	s->nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	ASSERT_GE(s->nth, 0);
	ASSERT_EQ(0, dojo_client_open(&s->c, 0));
	ASSERT_EQ(0, dojo_buf_create(&s->c, &s->src, AREA, DRM_DOJO_DOMAIN_HBM,
				     DRM_DOJO_BO_CPU_ACCESS));
	ASSERT_EQ(0, dojo_buf_create(&s->c, &s->dst, AREA, DRM_DOJO_DOMAIN_SYSTEM,
				     DRM_DOJO_BO_CPU_ACCESS));
	dojo_pattern(s->src.map, AREA, 7);
	ASSERT_TRUE(device_copies(s));
	/* a page of ours that is first touched while a call is made is no place of the call */
	ASSERT_EQ(0, mlockall(MCL_CURRENT));
}

FIXTURE_TEARDOWN(sweep)
{
	close(self->s.nth);
	close(self->s.zeros);
	close(self->s.watch);
	munmap(self->s.src.map, AREA);
	munmap(self->s.dst.map, AREA);
	dojo_client_close(&self->s.c);
}

/* Takes back what the call has made, known or not */
static int undo_made(struct sweep *s, int (*destroy)(int fd, __u32 id))
{
	if (!s->ret)
		return destroy(s->c.fd, s->id);
	if (s->ret == -EFAULT)
		destroy(s->c.fd, s->guess);
	return 0;
}

/* ----------------------------------------------------------- open, close */

static int call_open(struct sweep *s)
{
	s->other = open(s->path, O_RDWR | O_CLOEXEC);
	return s->other < 0 ? -errno : 0;
}

static int undo_open(struct sweep *s)
{
	return s->ret ? 0 : close(s->other);
}

CALL(open, call_open, 0, NULL, undo_open);

/* A file with everything in it; it cannot refuse to be closed */
static int prepare_close(struct sweep *s)
{
	struct dojo_client c;
	struct dojo_buf buf;
	int ret;

	ret = dojo_client_open(&c, 0) ?: dojo_buf_create(&c, &buf, AREA, DRM_DOJO_DOMAIN_HBM, 0);
	if (ret)
		return ret;
	dojo_fill(&c, buf.va, AREA, 1);
	ret = dojo_run(&c, c.dma);
	munmap(c.batch.map, c.batch.size);
	s->other = c.fd;
	return ret;
}

static int call_close(struct sweep *s)
{
	return close(s->other) ? -errno : 0;
}

CALL(close, call_close, 0, prepare_close, NULL);

/* --------------------------------------------------------------- queries */

static int call_query(struct sweep *s)
{
	char data[512];	/* more than any of the structs */
	struct drm_dojo_dev_query query = {
		.type = s->arg,
		.size = sizeof(data),
		.pointer = (uintptr_t)data,
	};

	return dojo_ioctl(s->c.fd, DRM_IOCTL_DOJO_DEV_QUERY, &query);
}

CALL(query_card, call_query, DRM_DOJO_QUERY_CARD, NULL, NULL);
CALL(query_tile, call_query, DRM_DOJO_QUERY_TILE, NULL, NULL);
CALL(query_memory, call_query, DRM_DOJO_QUERY_MEMORY, NULL, NULL);
CALL(query_clock, call_query, DRM_DOJO_QUERY_CLOCK, NULL, NULL);
CALL(query_counters, call_query, DRM_DOJO_QUERY_COUNTERS, NULL, NULL);
CALL(query_limits, call_query, DRM_DOJO_QUERY_LIMITS, NULL, NULL);

/* --------------------------------------------------------------- buffers */

static int call_create(struct sweep *s)
{
	return dojo_bo_create(s->c.fd, AREA, s->arg, 0, &s->id);
}

static int call_contiguous(struct sweep *s)
{
	return dojo_bo_create(s->c.fd, AREA, s->arg, DRM_DOJO_BO_CONTIGUOUS, &s->id);
}

static int call_create_private(struct sweep *s)
{
	struct drm_dojo_bo_create create = {
		.size = AREA,
		.domains = s->arg,
		.vm_id = s->c.vm,
	};
	int ret = dojo_ioctl(s->c.fd, DRM_IOCTL_DOJO_BO_CREATE, &create);

	s->id = create.handle;
	return ret;
}

static int prepare_create(struct sweep *s)
{
	return dojo_bo_create(s->c.fd, PAGE, DRM_DOJO_DOMAIN_SYSTEM, 0, &s->guess) ?:
	       dojo_bo_close(s->c.fd, s->guess);
}

static int undo_create(struct sweep *s)
{
	return undo_made(s, dojo_bo_close);
}

CALL(bo_create_hbm, call_create, DRM_DOJO_DOMAIN_HBM, prepare_create, undo_create);
CALL(bo_create_sram, call_create, DRM_DOJO_DOMAIN_SRAM, prepare_create, undo_create);
CALL(bo_create_system, call_create, DRM_DOJO_DOMAIN_SYSTEM, prepare_create, undo_create);
CALL(bo_create_contiguous, call_contiguous, DRM_DOJO_DOMAIN_HBM, prepare_create, undo_create);
CALL(bo_create_private, call_create_private, DRM_DOJO_DOMAIN_HBM, prepare_create, undo_create);

static int make_buffer(struct sweep *s, __u32 domain)
{
	__u32 flags = domain == DRM_DOJO_DOMAIN_SRAM ? 0 : DRM_DOJO_BO_CPU_ACCESS;

	s->va = 0;
	s->map = MAP_FAILED;
	return dojo_bo_create(s->c.fd, AREA, domain, flags, &s->id);
}

static int prepare_buffer(struct sweep *s)
{
	return make_buffer(s, s->arg);
}

static int undo_buffer(struct sweep *s)
{
	int ret;

	if (s->map != MAP_FAILED)
		munmap(s->map, AREA);
	ret = s->va ? dojo_vm_unmap(s->c.fd, s->c.vm, s->va, AREA) : 0;
	return ret ?: dojo_bo_close(s->c.fd, s->id);
}

static int call_mmap_offset(struct sweep *s)
{
	struct drm_dojo_bo_mmap_offset args = { .handle = s->id };

	return dojo_ioctl(s->c.fd, DRM_IOCTL_DOJO_BO_MMAP_OFFSET, &args);
}

static int call_bo_query(struct sweep *s)
{
	struct drm_dojo_bo_query query;

	return dojo_bo_query(s->c.fd, s->id, &query);
}

static int call_advise(struct sweep *s)
{
	struct drm_dojo_bo_advise args = { .handle = s->id, .advice = DRM_DOJO_ADVICE_PURGEABLE };

	return dojo_ioctl(s->c.fd, DRM_IOCTL_DOJO_BO_ADVISE, &args);
}

static int call_bo_close(struct sweep *s)
{
	return dojo_bo_close(s->c.fd, s->id);
}

static int undo_bo_close(struct sweep *s)
{
	return s->ret ? dojo_bo_close(s->c.fd, s->id) : 0;
}

CALL(bo_mmap_offset, call_mmap_offset, DRM_DOJO_DOMAIN_HBM, prepare_buffer, undo_buffer);
CALL(bo_query, call_bo_query, DRM_DOJO_DOMAIN_HBM, prepare_buffer, undo_buffer);
CALL(bo_advise, call_advise, DRM_DOJO_DOMAIN_HBM, prepare_buffer, undo_buffer);
CALL(bo_close, call_bo_close, DRM_DOJO_DOMAIN_HBM, prepare_buffer, undo_bo_close);

static int prepare_mmap(struct sweep *s)
{
	struct drm_dojo_bo_mmap_offset args;
	int ret = prepare_buffer(s);

	args = (struct drm_dojo_bo_mmap_offset) { .handle = s->id };
	ret = ret ?: dojo_ioctl(s->c.fd, DRM_IOCTL_DOJO_BO_MMAP_OFFSET, &args);
	s->va = args.offset;
	return ret;
}

static int call_mmap(struct sweep *s)
{
	/* far from everything else: the CPU's page tables have to be made, too */
	s->map = mmap((void *)BIT(44), AREA, PROT_READ | PROT_WRITE, MAP_SHARED, s->c.fd, s->va);
	return s->map == MAP_FAILED ? -errno : 0;
}

static int undo_mmap(struct sweep *s)
{
	s->va = 0;
	return undo_buffer(s);
}

CALL(mmap_hbm, call_mmap, DRM_DOJO_DOMAIN_HBM, prepare_mmap, undo_mmap);
CALL(mmap_system, call_mmap, DRM_DOJO_DOMAIN_SYSTEM, prepare_mmap, undo_mmap);

static int prepare_fault(struct sweep *s)
{
	return prepare_mmap(s) ?: call_mmap(s);
}

/* The kernel's own access, whose failure is an error and no signal */
static int call_fault(struct sweep *s)
{
	return read(s->zeros, s->map, PAGE) == PAGE ? 0 : -errno;
}

CALL(page_fault_hbm, call_fault, DRM_DOJO_DOMAIN_HBM, prepare_fault, undo_mmap);
CALL(page_fault_system, call_fault, DRM_DOJO_DOMAIN_SYSTEM, prepare_fault, undo_mmap);

/* --------------------------------------------------------------- dma-buf */

static int call_export(struct sweep *s)
{
	struct drm_prime_handle args = { .handle = s->id, .flags = DRM_CLOEXEC | DRM_RDWR };
	int ret = dojo_ioctl(s->c.fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &args);

	s->other = args.fd;
	return ret;
}

static int prepare_export(struct sweep *s)
{
	s->guess = dup(s->zeros);
	close(s->guess);
	return prepare_buffer(s);
}

static int undo_export(struct sweep *s)
{
	if (!s->ret || s->ret == -EFAULT)
		close(s->ret ? (int)s->guess : s->other);
	return undo_buffer(s);
}

CALL(prime_export, call_export, DRM_DOJO_DOMAIN_HBM, prepare_export, undo_export);

/* Into another file of the @node-th tile; the buffer's own file keeps it alive */
static int prepare_import(struct sweep *s)
{
	s->file = dojo_open(s->arg);
	if (s->file < 0)
		return s->file;
	return make_buffer(s, DRM_DOJO_DOMAIN_HBM) ?: call_export(s);
}

static int call_import(struct sweep *s)
{
	struct drm_prime_handle args = { .fd = s->other };

	return dojo_ioctl(s->file, DRM_IOCTL_PRIME_FD_TO_HANDLE, &args);
}

static int undo_import(struct sweep *s)
{
	close(s->file);
	s->ret = 0;	/* the export's */
	return undo_export(s);
}

CALL(prime_import, call_import, 0, prepare_import, undo_import);
CALL(prime_import_of_another_tile, call_import, 1, prepare_import, undo_import);

/* -------------------------------------------------------- address spaces */

static int call_vm_create(struct sweep *s)
{
	return dojo_vm_create(s->c.fd, &s->id);
}

static int prepare_vm_create(struct sweep *s)
{
	return dojo_vm_create(s->c.fd, &s->guess) ?: dojo_vm_destroy(s->c.fd, s->guess);
}

static int undo_vm_create(struct sweep *s)
{
	return undo_made(s, dojo_vm_destroy);
}

static int prepare_vm(struct sweep *s)
{
	return dojo_vm_create(s->c.fd, &s->id);
}

static int call_vm_destroy(struct sweep *s)
{
	return dojo_vm_destroy(s->c.fd, s->id);
}

/* Once, or twice if the first failed */
static int undo_destroy(struct sweep *s, int (*destroy)(int fd, __u32 id))
{
	int ret = s->ret ? destroy(s->c.fd, s->id) : 0;

	return s->ret == -EFAULT && ret == -ENOENT ? 0 : ret;
}

static int undo_vm_destroy(struct sweep *s)
{
	return undo_destroy(s, dojo_vm_destroy);
}

static int call_vm_state(struct sweep *s)
{
	struct drm_dojo_vm_get_state state;

	return dojo_vm_state(s->c.fd, s->c.vm, &state);
}

CALL(vm_create, call_vm_create, 0, prepare_vm_create, undo_vm_create);
CALL(vm_destroy, call_vm_destroy, 0, prepare_vm, undo_vm_destroy);
CALL(vm_get_state, call_vm_state, 0, NULL, NULL);

/* Far from everything else: the bind makes tables */
#define SWEEP_VA	BIT(40)

static int call_map(struct sweep *s)
{
	return dojo_vm_map(s->c.fd, s->c.vm, s->id, 0, SWEEP_VA, AREA);
}

static int undo_map(struct sweep *s)
{
	s->va = SWEEP_VA;	/* whether or not something is there */
	return undo_buffer(s);
}

CALL(bind_map_hbm, call_map, DRM_DOJO_DOMAIN_HBM, prepare_buffer, undo_map);
CALL(bind_map_sram, call_map, DRM_DOJO_DOMAIN_SRAM, prepare_buffer, undo_map);
CALL(bind_map_system, call_map, DRM_DOJO_DOMAIN_SYSTEM, prepare_buffer, undo_map);

static int prepare_mapped(struct sweep *s)
{
	return prepare_buffer(s) ?: call_map(s);
}

/* Of the middle: what is left are two mappings */
static int call_unmap(struct sweep *s)
{
	return dojo_vm_unmap(s->c.fd, s->c.vm, SWEEP_VA + PAGE, PAGE);
}

static int call_unmap_all(struct sweep *s)
{
	struct drm_dojo_bind_op op = { .type = DRM_DOJO_BIND_UNMAP_ALL, .handle = s->id };

	return dojo_vm_bind(s->c.fd, s->c.vm, &op, 1, NULL);
}

/* Over the middle of what is there */
static int call_replace(struct sweep *s)
{
	return dojo_vm_map(s->c.fd, s->c.vm, s->src.handle, 0, SWEEP_VA + PAGE, PAGE);
}

CALL(bind_unmap, call_unmap, DRM_DOJO_DOMAIN_HBM, prepare_mapped, undo_map);
CALL(bind_unmap_all, call_unmap_all, DRM_DOJO_DOMAIN_HBM, prepare_mapped, undo_map);
CALL(bind_replace, call_replace, DRM_DOJO_DOMAIN_SYSTEM, prepare_mapped, undo_map);

static int call_null(struct sweep *s)
{
	struct drm_dojo_bind_op op = {
		.type = DRM_DOJO_BIND_NULL,
		.va = SWEEP_VA,
		.size = AREA,
	};

	return dojo_vm_bind(s->c.fd, s->c.vm, &op, 1, NULL);
}

static int undo_unmap(struct sweep *s)
{
	return dojo_vm_unmap(s->c.fd, s->c.vm, SWEEP_VA, AREA);
}

CALL(bind_null, call_null, 0, NULL, undo_unmap);

static int prepare_memory(struct sweep *s)
{
	s->map = mmap(NULL, AREA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s->map == MAP_FAILED)
		return -errno;
	dojo_pattern(s->map, AREA, 7);
	return 0;
}

static int call_userptr(struct sweep *s)
{
	struct drm_dojo_bind_op op = {
		.type = DRM_DOJO_BIND_USERPTR,
		.offset = (uintptr_t)s->map,
		.va = SWEEP_VA,
		.size = AREA,
	};

	return dojo_vm_bind(s->c.fd, s->c.vm, &op, 1, NULL);
}

static int undo_userptr(struct sweep *s)
{
	int ret = undo_unmap(s);

	munmap(s->map, AREA);
	return ret;
}

CALL(bind_userptr, call_userptr, 0, prepare_memory, undo_userptr);

/* Those before the one that fails have been done */
static int call_several(struct sweep *s)
{
	struct drm_dojo_bind_op op[] = {
		{ .type = DRM_DOJO_BIND_NULL, .va = SWEEP_VA, .size = AREA },
		{ .type = DRM_DOJO_BIND_MAP, .handle = s->src.handle, .va = SWEEP_VA + PAGE,
		  .size = PAGE },
		{ .type = DRM_DOJO_BIND_UNMAP, .va = SWEEP_VA, .size = PAGE },
		{ .type = DRM_DOJO_BIND_MAP, .handle = s->dst.handle, .va = SWEEP_VA + 4 * PAGE,
		  .size = 2 * PAGE },
	};

	return dojo_vm_bind(s->c.fd, s->c.vm, op, ARRAY_SIZE(op), NULL);
}

CALL(bind_several, call_several, 0, NULL, undo_unmap);

/* ----------------------------------------------------------- timelines */

static int prepare_timeline(struct sweep *s)
{
	return dojo_syncobj_create(s->c.fd, &s->id) ?: dojo_timeline_signal(s->c.fd, s->id, 1);
}

static struct drm_dojo_sync_op waits_and_signals[2];

static struct drm_dojo_obj_array syncs(struct sweep *s)
{
	waits_and_signals[0] = (struct drm_dojo_sync_op) {
		.flags = DRM_DOJO_SYNC_OP_TIMELINE,
		.handle = s->id,
		.point = 1,
	};
	waits_and_signals[1] = (struct drm_dojo_sync_op) {
		.flags = DRM_DOJO_SYNC_OP_TIMELINE | DRM_DOJO_SYNC_OP_SIGNAL,
		.handle = s->id,
		.point = 2,
	};
	return (struct drm_dojo_obj_array) {
		.stride = sizeof(*waits_and_signals),
		.count = 2,
		.array = (uintptr_t)waits_and_signals,
	};
}

static int call_async(struct sweep *s)
{
	struct drm_dojo_bind_op op = {
		.type = DRM_DOJO_BIND_MAP,
		.handle = s->src.handle,
		.va = SWEEP_VA,
		.size = AREA,
	};
	struct drm_dojo_vm_bind bind = {
		.vm_id = s->c.vm,
		.flags = DRM_DOJO_VM_BIND_ASYNC,
		.ops = { .stride = sizeof(op), .count = 1, .array = (uintptr_t)&op },
		.syncs = syncs(s),
	};

	return dojo_ioctl(s->c.fd, DRM_IOCTL_DOJO_VM_BIND, &bind);
}

/* Whether the call has set out to signal the point */
static bool is_accepted(struct sweep *s)
{
	__u64 point = 0;
	struct drm_syncobj_timeline_array args = {
		.handles = (uintptr_t)&s->id,
		.points = (uintptr_t)&point,
		.count_handles = 1,
		.flags = DRM_SYNCOBJ_QUERY_FLAGS_LAST_SUBMITTED,
	};

	return !dojo_ioctl(s->c.fd, DRM_IOCTL_SYNCOBJ_QUERY, &args) && point == 2;
}

/* What was accepted is done; what was refused for lack of memory was not accepted. */
static int end_timeline(struct sweep *s)
{
	bool accepted = is_accepted(s);
	int ret = 0;

	if (accepted)
		ret = dojo_timeline_wait(s->c.fd, s->id, 2, dojo_patience());
	if (accepted ? s->ret == -ENOMEM : !s->ret)
		ret = -EBADE;
	return dojo_syncobj_destroy(s->c.fd, s->id) ?: ret;
}

static int undo_async(struct sweep *s)
{
	return end_timeline(s) ?: undo_unmap(s);
}

CALL(bind_async, call_async, 0, prepare_timeline, undo_async);

/* ---------------------------------------------------------------- queues */

static int call_queue_create(struct sweep *s)
{
	return dojo_queue_create(s->c.fd, s->c.vm, s->arg, &s->id);
}

static int call_find_rect(struct sweep *s)
{
	struct drm_dojo_queue_create create = {
		.vm_id = s->c.vm,
		.queue_class = DRM_DOJO_QUEUE_COMPUTE,
		.priority = DRM_DOJO_PRIORITY_NORMAL,
		.flags = DRM_DOJO_QUEUE_FIND_RECT,
		.rect_w = 5,
		.rect_h = 5,	/* a rectangle that is lost is missed the next time */
	};
	int ret = dojo_ioctl(s->c.fd, DRM_IOCTL_DOJO_QUEUE_CREATE, &create);

	s->id = create.queue_id;
	return ret;
}

static int prepare_made(struct sweep *s)
{
	return dojo_queue_create(s->c.fd, s->c.vm, DRM_DOJO_QUEUE_DMA, &s->guess) ?:
	       dojo_queue_destroy(s->c.fd, s->guess);
}

static int undo_queue(struct sweep *s)
{
	return undo_made(s, dojo_queue_destroy);
}

static int prepare_queue(struct sweep *s)
{
	return dojo_queue_create(s->c.fd, s->c.vm, s->arg, &s->id);
}

static int call_queue_destroy(struct sweep *s)
{
	return dojo_queue_destroy(s->c.fd, s->id);
}

static int undo_queue_destroy(struct sweep *s)
{
	return undo_destroy(s, dojo_queue_destroy);
}

static int call_queue_state(struct sweep *s)
{
	struct drm_dojo_queue_get_state state;

	return dojo_queue_state(s->c.fd, s->c.dma, &state);
}

CALL(queue_create_dma, call_queue_create, DRM_DOJO_QUEUE_DMA, prepare_made, undo_queue);
CALL(queue_create_compute, call_queue_create, DRM_DOJO_QUEUE_COMPUTE, prepare_made, undo_queue);
CALL(queue_create_find_rect, call_find_rect, 0, prepare_made, undo_queue);
CALL(queue_destroy, call_queue_destroy, DRM_DOJO_QUEUE_DMA, prepare_queue, undo_queue_destroy);
CALL(queue_get_state, call_queue_state, 0, NULL, NULL);

/* ------------------------------------------------------------ submission */

/* A fill of what is bound at SWEEP_VA, or of @dst */
static void write_batch(struct sweep *s, __u64 va)
{
	s->c.used = 0;
	dojo_fill(&s->c, va, PAGE, 0x5a5a5a5a);
}

static __u64 jobs_submitted(struct sweep *s)
{
	struct drm_dojo_queue_get_state state;

	return dojo_queue_state(s->c.fd, s->c.dma, &state) ? 0 : state.submitted;
}

static int prepare_submit(struct sweep *s)
{
	write_batch(s, s->dst.va);
	s->seqno = jobs_submitted(s);
	return prepare_timeline(s);
}

/* So many jobs, each after the same point, the last of them signals the next */
static int call_submit(struct sweep *s)
{
	struct drm_dojo_job job[8];
	__u32 i;

	memset(job, 0, sizeof(job));
	for (i = 0; i < s->arg; i++) {
		job[i].batch_va = s->c.batch.va;
		job[i].batch_size = s->c.used;
		job[i].syncs = syncs(s);
		if (i + 1 < s->arg)
			job[i].syncs.count = 1;
	}
	return dojo_submit(s->c.fd, s->c.dma, 0, job, s->arg);
}

/* All are accepted or none */
static int undo_submit(struct sweep *s)
{
	__u64 jobs = is_accepted(s) ? s->arg : 0;
	int ret = end_timeline(s);

	return jobs_submitted(s) == s->seqno + jobs ? ret : -EBADE;
}

CALL(submit, call_submit, 1, prepare_submit, undo_submit);
CALL(submit_several, call_submit, 8, prepare_submit, undo_submit);

/* The caller's memory has been given back meanwhile: it is looked up again */
static int prepare_submit_userptr(struct sweep *s)
{
	int ret = prepare_memory(s) ?: call_userptr(s);

	ret = ret ?: prepare_submit(s);
	write_batch(s, SWEEP_VA);
	return ret ?: madvise(s->map, AREA, MADV_DONTNEED);
}

static int undo_submit_userptr(struct sweep *s)
{
	int ret = undo_submit(s);

	if (!s->ret && !ret && dojo_not_all(s->map, PAGE, 0x5a) != -1)
		ret = -EBADMSG;
	return undo_userptr(s) ?: ret;
}

CALL(submit_userptr, call_submit, 1, prepare_submit_userptr, undo_submit_userptr);

/* ------------------------------------------------------ binding the driver */

/* Where code of the kernel lies */
struct range {
	unsigned long start;
	unsigned long end;
};

struct symbol {
	unsigned long at;
	char type;
	char name[256];
	char module[64];
};

static bool next_symbol(FILE *symbols, struct symbol *symbol)
{
	char line[512];

	symbol->module[0] = 0;
	return fgets(line, sizeof(line), symbols) &&
	       sscanf(line, "%lx %c %255s %63s", &symbol->at, &symbol->type, symbol->name,
		      symbol->module) >= 3;
}

/* Of the driver; empty if it cannot be found */
static struct range find_driver(void)
{
	FILE *symbols = fopen("/proc/kallsyms", "re");
	struct range range = { .start = ULONG_MAX };
	struct symbol symbol;

	if (!symbols)
		return range;
	while (next_symbol(symbols, &symbol)) {
		if (strcmp(symbol.module, "[dojo]") || !strchr("tT", symbol.type))
			continue;
		range.start = symbol.at < range.start ? symbol.at : range.start;
		range.end = symbol.at >= range.end ? symbol.at + 1 : range.end;
	}
	fclose(symbols);
	return range;
}

/* From a function to the next one; modules' symbols are in no order */
static struct range find_function(const char *name)
{
	FILE *symbols = fopen("/proc/kallsyms", "re");
	struct range range = { .end = ULONG_MAX };
	struct symbol symbol;

	if (!symbols)
		return range;
	while (!range.start && next_symbol(symbols, &symbol))
		if (!strcmp(symbol.name, name))
			range.start = symbol.at;
	rewind(symbols);
	while (next_symbol(symbols, &symbol))
		if (symbol.at > range.start && symbol.at < range.end)
			range.end = symbol.at;
	fclose(symbols);
	return range;
}

/* Only what @require calls fails, and of that not what @reject calls; all if they are empty */
static bool fail_only_in(struct range require, struct range reject)
{
	static const char * const attributes[] = { "failslab", "fail_page_alloc" };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(attributes); i++) {
		const struct {
			const char *file;
			unsigned long at;
		} *limit, limits[] = {
			{ "require-start", require.start },
			{ "require-end", require.end ?: ULONG_MAX },
			{ "reject-start", reject.start },
			{ "reject-end", reject.end },
		};

		for (limit = limits; limit < limits + ARRAY_SIZE(limits); limit++) {
			char text[32];

			snprintf(text, sizeof(text), "0x%lx", limit->at);
			if (!configure(attributes[i], limit->file, text))
				return false;
		}
	}
	return true;
}

enum { BIND_TILE, BIND_CARD };

/*
 * @driver: its folder in sysfs
 * @other: a function that is not to fail though the driver calls it. When DRM's core cannot
 *	make a minor's device, it puts the error (drm_minor_alloc_release()); the tiles have a
 *	sweep of their own.
 * @device: the last one that the rest of the sweep does not need, once it is known
 */
static struct {
	const char *driver;
	const char *other;
	char device[64];
} bindings[] = {
	[BIND_TILE] = { "/sys/bus/auxiliary/drivers/dojo.tile", "__devm_drm_dev_alloc" },
	[BIND_CARD] = { "/sys/bus/pci/drivers/dojo", "dojo_tile_probe" },
};

/* The driver's code, and that of the function which is not to fail */
static struct range driver, other;

/* The last tile that is not on the first's card; resets and the like change their order */
static int find_last(void)
{
	char *tile = bindings[BIND_TILE].device, *card = bindings[BIND_CARD].device;
	const size_t size = sizeof(bindings[0].device);
	char path[128], real[PATH_MAX], first[64];
	unsigned int last = dojo_nodes();
	int ret;

	ret = dojo_pci_name(0, first, sizeof(first));
	if (ret)
		return ret;
	do {
		if (!--last)
			return -ENXIO;
		ret = dojo_pci_name(last, card, size);
		if (ret)
			return ret;
	} while (!strcmp(first, card));
	snprintf(path, sizeof(path), "/sys/class/accel/accel%d/device", dojo_minor(last));
	if (!realpath(path, real))
		return -errno;
	snprintf(tile, size, "%s", strrchr(real, '/') + 1);
	return 0;
}

/* What the driver's core does before and after it asks the driver is not ours to fail. */
static int prepare_bind(struct sweep *s)
{
	const char *device = bindings[s->arg].device;
	char path[128];
	int ret;

	if (!driver.end) {
		ret = find_last();
		if (ret)
			return ret;
		driver = find_driver();
		other = find_function(bindings[s->arg].other);
	}
	snprintf(path, sizeof(path), "%s/unbind", bindings[s->arg].driver);
	ret = dojo_write_file(path, device);
	if (ret && ret != -ENODEV)	/* not bound, because that failed */
		return ret;
	snprintf(path, sizeof(path), "%s/bind", bindings[s->arg].driver);
	s->file = open(path, O_WRONLY | O_CLOEXEC);
	if (s->file < 0)
		return -errno;
	return fail_only_in(driver, other) ? 0 : -EIO;
}

static int call_bind(struct sweep *s)
{
	const char *device = bindings[s->arg].device;

	return write(s->file, device, strlen(device)) < 0 ? -errno : 0;
}

static int undo_bind(struct sweep *s)
{
	static const struct range all;

	return close(s->file) ?: fail_only_in(all, all) ? 0 : -EIO;
}

CALL(tile_bind, call_bind, BIND_TILE, prepare_bind, undo_bind);
CALL(card_bind, call_bind, BIND_CARD, prepare_bind, undo_bind);

/* ---------------------------------------------------------------- sweeps */

/*
 * A control group's charge of SRAM that fails for lack of memory looks like one refused;
 * the PCI core has a name of its own for everything: a BAR is in use, there is no MSI-X...
 */
static bool says_why(const struct sweep *s, int (*call)(struct sweep *s))
{
	return s->ret == -ENOMEM || s->ret == -EFAULT ||
	       (s->ret == -ENOSPC && call == call_create && s->arg == DRM_DOJO_DOMAIN_SRAM) ||
	       (call == call_bind && s->arg == BIND_CARD);
}

/* A driver that is bound takes a second: some of its hundreds of places, unless all are wanted */
static unsigned int step(int (*call)(struct sweep *s))
{
	bool full = dojo_scaled(POINTS_MAX, 1) == POINTS_MAX;

	return call == call_bind && !full ? 149 : 1;
}

TEST_F_TIMEOUT(sweep, each_failure_is_survived, 300)
{
	struct sweep *s = &self->s;
	struct usage before;
	unsigned int n;
	bool failed;
	int ret;

	s->arg = variant->arg;
	ASSERT_EQ(0, get_usage(s, &before));
	for (n = 1, failed = true; failed && n < POINTS_MAX; n += step(variant->call)) {
		ret = variant->prepare ? variant->prepare(s) : 0;
		if (ret == -ENXIO)
			SKIP(return, "one card only");
		ASSERT_EQ(0, ret);
		fail_nth(s, n);
		s->ret = variant->call(s);
		failed = has_failed(s);
		ASSERT_TRUE(s->ret == 0 || (failed && says_why(s, variant->call)))
			TH_LOG("point %u: %d", n, s->ret);
		if (variant->undo)
			ASSERT_EQ(0, variant->undo(s))
				TH_LOG("point %u: %d", n, s->ret);
		ASSERT_TRUE(is_back(s, &before))
			TH_LOG("point %u: %d", n, s->ret);
		ASSERT_TRUE(device_copies(s))
			TH_LOG("point %u: %d", n, s->ret);
	}
	EXPECT_LT(n, POINTS_MAX);
	/* an argument at least is copied, a table made */
	EXPECT_GT(n, 2);
	TH_LOG("%u places", n - 2);	/* or some less than a step more */
}

/* What the kernel's own parts say of their failures, and of ours */
#define OF_CORE	"^(workqueue|kobject|auxiliary [^ ]+): |_(add|groups\\(\\)) failed|can't reserve|"
#define OF_DRIVER "drm_sched_init: .*--out of memory|failed with error -|BAR is in use|no MSI-X"

int main(int argc, char **argv)
{
	if (access("/proc/thread-self/fail-nth", F_OK) || !prepare_injection())
		ksft_exit_skip("this kernel has no fault injection\n");
	return dojo_test_main(argc, argv, OF_CORE OF_DRIVER);
}
