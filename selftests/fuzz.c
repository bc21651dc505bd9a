// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every ioctl of the driver with arguments that are nearly right or not at all, the
 * same in every run: nobody but the caller is harmed. SCALE says how many.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>

#include "dojo_harness.h"

#define CALLS_FULL	1000000
#define CALLS_LEAST	2000
#define CALLS_A_FILE	200	/* then what the calls have made is given back */
#define ELEMENTS	8	/* of an array that a call points to */
#define IDS		8	/* of each kind that are remembered */
#define BUFFER_MAX	MIB(4)
#define WAIT_US		20000	/* a call that waits is interrupted */

enum kind { BUFFER, SPACE, QUEUE, SYNCOBJ, KINDS };

/**
 * struct fuzz - a run of calls
 * @random: state of the generator
 * @fd: the file of the calls
 * @id: what they have made, the newest of each kind
 * @ops, @syncs, @jobs: arrays that the calls point to
 * @data: a page for whatever else they read or write; none follows it
 * @argument: of the call under way
 * @changing: a thread changes it meanwhile, until this is false
 */
struct fuzz {
	__u64 random;
	int fd;
	__u32 id[KINDS][IDS];
	struct drm_dojo_bind_op ops[ELEMENTS];
	struct drm_dojo_sync_op syncs[ELEMENTS];
	struct drm_dojo_job jobs[ELEMENTS];
	unsigned char *data;
	__u64 argument[32];
	bool changing;
};

static __u32 below(struct fuzz *f, __u32 n)
{
	return (dojo_random(&f->random) >> 16) % n;
}

/* Numbers at the edges of something, or any */
static __u64 number(struct fuzz *f)
{
	static const __u64 edges[] = {
		0, 1, 2, 3, 4, 7, 8, 63, 64, PAGE - 1, PAGE, PAGE + 1, HUGE_PAGE, GIB(4),
		BIT(31), BIT(32) - 1, BIT(47), VA_END - PAGE, VA_END - 1, VA_END, BIT(63),
		~0ull - PAGE + 1, ~0ull,
	};

	switch (below(f, 4)) {
	case 0: return dojo_random(&f->random) >> below(f, 64);
	case 1: return (__u64)below(f, 64) * PAGE;
	default: return edges[below(f, ARRAY_SIZE(edges))];
	}
}

/* Mostly one that the header has, so that a call gets past its first checks */
static __u32 flags(struct fuzz *f, __u32 valid)
{
	switch (below(f, 8)) {
	case 0: return number(f);
	case 1: case 2: case 3: return 0;
	default: return dojo_random(&f->random) & valid;
	}
}

static __u32 id(struct fuzz *f, enum kind kind)
{
	switch (below(f, 16)) {
	case 0: return number(f);
	case 1: return f->id[below(f, KINDS)][below(f, IDS)];
	default: return f->id[kind][below(f, IDS)];
	}
}

static __u64 pad(struct fuzz *f)
{
	return below(f, 32) ? 0 : number(f);
}

static __u64 size(struct fuzz *f)
{
	return below(f, 4) ? (__u64)(1 + below(f, 64)) * PAGE : number(f);
}

/* Of a buffer; none that costs the machine its memory is asked for in earnest */
static __u64 buffer_size(struct fuzz *f)
{
	__u64 bytes = size(f);

	return bytes < BUFFER_MAX || bytes >= BIT(40) ? bytes : BUFFER_MAX;
}

static __u64 address(struct fuzz *f)
{
	return below(f, 4) ? MIB(16) + (__u64)below(f, 256) * PAGE : number(f);
}

static struct drm_dojo_obj_array array(struct fuzz *f, void *elements, __u32 stride)
{
	struct drm_dojo_obj_array a = {
		.stride = below(f, 16) ? stride : number(f),
		.count = below(f, 16) ? below(f, ELEMENTS + 1) : number(f),
		.array = below(f, 16) ? (uintptr_t)elements : number(f),
	};

	return a;
}

static struct drm_dojo_obj_array syncs(struct fuzz *f)
{
	int i;

	for (i = 0; i < ELEMENTS; i++)
		f->syncs[i] = (struct drm_dojo_sync_op) {
			.flags = flags(f, DRM_DOJO_SYNC_OP_TIMELINE | DRM_DOJO_SYNC_OP_SIGNAL),
			.handle = id(f, SYNCOBJ),
			.point = below(f, 2) ? below(f, 8) : pad(f),
		};
	return array(f, f->syncs, sizeof(f->syncs[0]));
}

/* Not repeated when it is interrupted, unlike dojo_ioctl() */
static int call(struct fuzz *f, unsigned long request, size_t bytes, const void *argument)
{
	memcpy(f->argument, argument, bytes);
	return ioctl(f->fd, request, f->argument) ? -errno : 0;
}

/* The id that a call has returned, at @offset of its argument */
static void remember(struct fuzz *f, enum kind what, int ret, size_t offset)
{
	if (!ret)
		memcpy(&f->id[what][below(f, IDS)], (char *)f->argument + offset, sizeof(__u32));
}

#define CALL(f, request, ...)							\
	call(f, request, sizeof(__VA_ARGS__), &(__VA_ARGS__))

static void fuzz_query(struct fuzz *f)
{
	CALL(f, DRM_IOCTL_DOJO_DEV_QUERY, (struct drm_dojo_dev_query) {
		.type = below(f, 8) ? below(f, 7) : number(f),
		.size = below(f, 4) ? below(f, PAGE) : number(f),
		.pointer = below(f, 8) ? (uintptr_t)f->data : number(f),
	});
}

static void fuzz_buffers(struct fuzz *f)
{
	int ret;

	switch (below(f, 6)) {
	case 0:
		CALL(f, DRM_IOCTL_DOJO_BO_MMAP_OFFSET, (struct drm_dojo_bo_mmap_offset) {
			.handle = id(f, BUFFER), .pad = pad(f),
		});
		break;
	case 1:
		CALL(f, DRM_IOCTL_DOJO_BO_QUERY, (struct drm_dojo_bo_query) {
			.handle = id(f, BUFFER), .flags = pad(f),
		});
		break;
	case 2:
		CALL(f, DRM_IOCTL_DOJO_BO_ADVISE, (struct drm_dojo_bo_advise) {
			.handle = id(f, BUFFER), .advice = flags(f, 1), .pad = pad(f),
		});
		break;
	case 3:
		CALL(f, DRM_IOCTL_GEM_CLOSE, (struct drm_gem_close) {
			.handle = id(f, BUFFER), .pad = pad(f),
		});
		break;
	default:
		ret = CALL(f, DRM_IOCTL_DOJO_BO_CREATE, (struct drm_dojo_bo_create) {
			.size = buffer_size(f),
			.domains = flags(f, 7), .preferred = flags(f, 7), .flags = flags(f, 7),
			.vm_id = below(f, 4) ? 0 : id(f, SPACE),
			.handle = pad(f), .pad = pad(f),
		});
		remember(f, BUFFER, ret, offsetof(struct drm_dojo_bo_create, handle));
	}
}

static void fuzz_spaces(struct fuzz *f)
{
	int ret;

	switch (below(f, 8)) {
	case 0:
		CALL(f, DRM_IOCTL_DOJO_VM_DESTROY, (struct drm_dojo_vm_destroy) {
			.vm_id = id(f, SPACE), .pad = pad(f),
		});
		break;
	case 1: case 2:
		CALL(f, DRM_IOCTL_DOJO_VM_GET_STATE, (struct drm_dojo_vm_get_state) {
			.vm_id = id(f, SPACE), .state = pad(f), .mappings = pad(f),
		});
		break;
	default:
		ret = CALL(f, DRM_IOCTL_DOJO_VM_CREATE, (struct drm_dojo_vm_create) {
			.flags = pad(f), .vm_id = pad(f),
		});
		remember(f, SPACE, ret, offsetof(struct drm_dojo_vm_create, vm_id));
	}
}

static void fuzz_bind(struct fuzz *f)
{
	int i;

	for (i = 0; i < ELEMENTS; i++) {
		f->ops[i] = (struct drm_dojo_bind_op) {
			.type = below(f, 16) ? below(f, 5) : number(f),
			.flags = flags(f, DRM_DOJO_BIND_READONLY),
			.handle = below(f, 4) ? id(f, BUFFER) : 0,
			.pad = pad(f),
			.va = address(f),
			.size = size(f),
		};
		if (f->ops[i].type == DRM_DOJO_BIND_USERPTR)
			f->ops[i].offset = (uintptr_t)f->data + pad(f);
		else if (!below(f, 4))
			f->ops[i].offset = number(f);
	}
	CALL(f, DRM_IOCTL_DOJO_VM_BIND, (struct drm_dojo_vm_bind) {
		.vm_id = id(f, SPACE),
		.flags = flags(f, DRM_DOJO_VM_BIND_ASYNC),
		.ops = array(f, f->ops, sizeof(f->ops[0])),
		.syncs = below(f, 2) ? syncs(f) : (struct drm_dojo_obj_array) { 0 },
	});
}

static void fuzz_queues(struct fuzz *f)
{
	int ret;

	switch (below(f, 6)) {
	case 0:
		CALL(f, DRM_IOCTL_DOJO_QUEUE_DESTROY, (struct drm_dojo_queue_destroy) {
			.queue_id = id(f, QUEUE), .pad = pad(f),
		});
		break;
	case 1: case 2:
		CALL(f, DRM_IOCTL_DOJO_QUEUE_GET_STATE, (struct drm_dojo_queue_get_state) {
			.queue_id = id(f, QUEUE), .status = pad(f), .fault = pad(f),
		});
		break;
	default:
		ret = CALL(f, DRM_IOCTL_DOJO_QUEUE_CREATE, (struct drm_dojo_queue_create) {
			.vm_id = id(f, SPACE),
			.queue_class = below(f, 16) ? below(f, 2) : number(f),
			.priority = below(f, 16) ? below(f, 4) : number(f),
			.flags = flags(f, 0xf1),
			.rect_x = below(f, 4) ? 0 : number(f),
			.rect_y = below(f, 4) ? 0 : number(f),
			.rect_w = below(f, 6), .rect_h = below(f, 6),
			.ring_jobs = below(f, 4) ? 0 : number(f),
			.timeout_ns = below(f, 4) ? 0 : number(f),
			.queue_id = pad(f), .pad = pad(f),
		});
		remember(f, QUEUE, ret, offsetof(struct drm_dojo_queue_create, queue_id));
	}
}

static void fuzz_submit(struct fuzz *f)
{
	int i;

	for (i = 0; i < ELEMENTS; i++)
		f->jobs[i] = (struct drm_dojo_job) {
			.batch_va = address(f) & (below(f, 16) ? ~7ull : ~0ull),
			.batch_size = below(f, 4) ? below(f, 512) * 8 : number(f),
			.flags = pad(f),
			.syncs = below(f, 2) ? syncs(f) : (struct drm_dojo_obj_array) { 0 },
			.seqno = pad(f),
		};
	CALL(f, DRM_IOCTL_DOJO_QUEUE_SUBMIT, (struct drm_dojo_queue_submit) {
		.queue_id = id(f, QUEUE),
		.flags = flags(f, DRM_DOJO_SUBMIT_NONBLOCK),
		.jobs = array(f, f->jobs, sizeof(f->jobs[0])),
	});
}

static void fuzz_syncobjs(struct fuzz *f)
{
	__u32 handle = id(f, SYNCOBJ);
	__u64 point = below(f, 8);
	int ret;

	switch (below(f, 4)) {
	case 0:
		CALL(f, DRM_IOCTL_SYNCOBJ_DESTROY, (struct drm_syncobj_destroy) {
			.handle = handle, .pad = pad(f),
		});
		break;
	case 1:
		/* the core reads the count again after the driver has checked it, and warns */
		if (f->changing)
			break;
		CALL(f, DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL, (struct drm_syncobj_timeline_array) {
			.handles = (uintptr_t)&handle, .points = (uintptr_t)&point,
			.count_handles = below(f, 4) ? 1 : number(f), .flags = pad(f),
		});
		break;
	default:
		ret = CALL(f, DRM_IOCTL_SYNCOBJ_CREATE, (struct drm_syncobj_create) {
			.flags = flags(f, DRM_SYNCOBJ_CREATE_SIGNALED),
		});
		remember(f, SYNCOBJ, ret, offsetof(struct drm_syncobj_create, handle));
	}
}

/* A number of the driver's with any size, direction and contents */
static void fuzz_garbage(struct fuzz *f)
{
	unsigned int nr = DRM_COMMAND_BASE + below(f, DRM_DOJO_QUEUE_GET_STATE + 2);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(f->argument); i++)
		f->argument[i] = below(f, 2) ? number(f) : id(f, below(f, KINDS));
	if (nr == DRM_COMMAND_BASE + DRM_DOJO_BO_CREATE)
		f->argument[0] = buffer_size(f);
	ioctl(f->fd, _IOC(below(f, 4), 'd', nr, below(f, sizeof(f->argument))),
	      below(f, 16) ? (void *)f->argument : (void *)(uintptr_t)number(f));
}

static void fuzz_one(struct fuzz *f)
{
	static void (* const calls[])(struct fuzz *f) = {
		fuzz_query, fuzz_buffers, fuzz_buffers, fuzz_spaces, fuzz_bind, fuzz_bind,
		fuzz_bind, fuzz_queues, fuzz_submit, fuzz_submit, fuzz_syncobjs, fuzz_garbage,
	};

	calls[below(f, ARRAY_SIZE(calls))](f);
}

static void interrupt(int signal __attribute__((unused)))
{
}

static void interrupt_calls(__u32 us)
{
	struct sigaction action = { .sa_handler = interrupt };
	struct itimerval timer = {
		.it_interval.tv_usec = us,
		.it_value.tv_usec = us,
	};

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

static bool tile_works(void)
{
	struct dojo_client c;
	struct dojo_buf buf;
	bool works;

	if (dojo_client_open(&c, 0))
		return false;
	works = !dojo_buf_create(&c, &buf, PAGE, DRM_DOJO_DOMAIN_HBM, DRM_DOJO_BO_CPU_ACCESS);
	if (works) {
		dojo_fill(&c, buf.va, PAGE, 0x77777777);
		works = !dojo_run(&c, c.dma) && dojo_not_all(buf.map, PAGE, 0x77) == -1;
		munmap(buf.map, buf.size);
	}
	dojo_client_close(&c);
	return works;
}

static bool fuzz_files(struct fuzz *f, unsigned long calls)
{
	unsigned long i, k;

	for (i = 0; i < calls; i += CALLS_A_FILE) {
		memset(f->id, 0, sizeof(f->id));
		f->fd = dojo_open(0);
		if (f->fd < 0)
			return false;
		interrupt_calls(WAIT_US);
		for (k = 0; k < CALLS_A_FILE; k++)
			fuzz_one(f);
		interrupt_calls(0);
		close(f->fd);
		if (!tile_works()) {
			printf("# broken by one of calls %lu to %lu\n", i, i + CALLS_A_FILE - 1);
			return false;
		}
	}
	return true;
}

FIXTURE(fuzz) {
	struct fuzz *f;
};

FIXTURE_SETUP(fuzz)
{
	self->f = calloc(1, sizeof(*self->f));
	ASSERT_NE(NULL, self->f);
	self->f->random = 0x646f6a6f;
	self->f->data = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			     -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->f->data);
	ASSERT_EQ(0, mprotect(self->f->data + PAGE, PAGE, PROT_NONE));
}

FIXTURE_TEARDOWN(fuzz)
{
	free(self->f);
}

TEST_F_TIMEOUT(fuzz, any_argument_harms_nobody_but_the_caller, 300)
{
	EXPECT_TRUE(fuzz_files(self->f, dojo_scaled(CALLS_FULL, CALLS_LEAST)));
}

/*
 * Whatever is copied is copied once, or checked after the last time. The first member
 * stays: of BO_CREATE it is the size, and any size can cost the machine its memory.
 */
static void *change_arguments(void *data)
{
	struct fuzz *f = data, own = { .random = 0x64697021 };
	__u32 *words[] = {
		(__u32 *)&f->argument[1], (__u32 *)f->ops, (__u32 *)f->syncs, (__u32 *)f->jobs,
	};
	static const size_t bytes[] = {
		sizeof(f->argument) - sizeof(f->argument[0]), sizeof(f->ops), sizeof(f->syncs),
		sizeof(f->jobs),
	};
	unsigned int which;

	while (__atomic_load_n(&f->changing, __ATOMIC_RELAXED)) {
		which = below(&own, ARRAY_SIZE(words));
		__atomic_store_n(&words[which][below(&own, bytes[which] / sizeof(__u32))],
				 (__u32)number(&own), __ATOMIC_RELAXED);
	}
	return NULL;
}

TEST_F_TIMEOUT(fuzz, arguments_that_change_meanwhile_harm_nobody_but_the_caller, 300)
{
	pthread_t thread;

	self->f->changing = true;
	ASSERT_EQ(0, pthread_create(&thread, NULL, change_arguments, self->f));
	EXPECT_TRUE(fuzz_files(self->f, dojo_scaled(CALLS_FULL, CALLS_LEAST)));
	__atomic_store_n(&self->f->changing, false, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
}

int main(int argc, char **argv)
{
	return dojo_test_main(argc, argv, NULL);
}
