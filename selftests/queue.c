// SPDX-License-Identifier: GPL-2.0-only
/* Queues: creation and its limits, rectangles of dies, destruction with work in flight, state */
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "dojo_harness.h"

FIXTURE(queue) {
	struct dojo_client c;
	struct dojo_buf host;
	struct drm_dojo_limits limits;
};

FIXTURE_SETUP(queue)
{
	ASSERT_EQ(0, dojo_client_open(&self->c, 0));
	ASSERT_EQ(0, dojo_buf_create(&self->c, &self->host, KIB(64), DRM_DOJO_DOMAIN_SYSTEM,
				     DRM_DOJO_BO_CPU_ACCESS));
	ASSERT_EQ(0, dojo_query(self->c.fd, DRM_DOJO_QUERY_LIMITS, &self->limits,
				sizeof(self->limits)));
}

FIXTURE_TEARDOWN(queue)
{
	dojo_client_close(&self->c);
}

static int create(struct dojo_client *c, struct drm_dojo_queue_create *args)
{
	if (!args->vm_id)
		args->vm_id = c->vm;
	return dojo_ioctl(c->fd, DRM_IOCTL_DOJO_QUEUE_CREATE, args);
}

static int create_one(struct dojo_client *c, struct drm_dojo_queue_create args)
{
	return create(c, &args);
}

static int create_rect(struct dojo_client *c, __u8 x, __u8 y, __u8 w, __u8 h)
{
	return create_one(c, (struct drm_dojo_queue_create) {
		.queue_class = DRM_DOJO_QUEUE_COMPUTE,
		.priority = DRM_DOJO_PRIORITY_NORMAL,
		.rect_x = x, .rect_y = y, .rect_w = w, .rect_h = h,
	});
}

/* ------------------------------------------------------------ creation */

TEST_F(queue, ids_start_at_1)
{
	int fd = dojo_open(0);
	__u32 vm, queue;

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, dojo_vm_create(fd, &vm));
	ASSERT_EQ(0, dojo_queue_create(fd, vm, DRM_DOJO_QUEUE_DMA, &queue));
	EXPECT_EQ(1, queue);
}

TEST_F(queue, a_new_queue_is_active_and_has_done_nothing)
{
	struct drm_dojo_queue_get_state state;
	__u32 queue;

	ASSERT_EQ(0, dojo_queue_create(self->c.fd, self->c.vm, DRM_DOJO_QUEUE_COMPUTE, &queue));
	ASSERT_EQ(0, dojo_queue_state(self->c.fd, queue, &state));
	EXPECT_EQ(DRM_DOJO_QUEUE_ACTIVE, state.status);
	state.queue_id = 0;
	EXPECT_EQ(-1, dojo_not_all(&state, sizeof(state), 0));
}

TEST_F(queue, every_class_and_priority)
{
	__u32 class, priority;

	for (class = DRM_DOJO_QUEUE_DMA; class <= DRM_DOJO_QUEUE_COMPUTE; class++)
		for (priority = 0; priority <= DRM_DOJO_PRIORITY_REALTIME; priority++) {
			struct drm_dojo_queue_create args = {
				.queue_class = class,
				.priority = priority,
			};

			ASSERT_EQ(0, create(&self->c, &args));
			dojo_fill(&self->c, self->host.va, 64, priority + 1);
			EXPECT_EQ(0, dojo_run(&self->c, args.queue_id));
			EXPECT_EQ(priority + 1, *(__u32 *)self->host.map);
		}
}

TEST_F(queue, unknown_class_is_refused)
{
	EXPECT_EQ(-EINVAL, create_one(&self->c,
				      (struct drm_dojo_queue_create) { .queue_class = 2 }));
	EXPECT_EQ(-EINVAL, create_one(&self->c,
				      (struct drm_dojo_queue_create) { .queue_class = ~0u }));
}

TEST_F(queue, unknown_priority_is_refused)
{
	/* 4 is the hardware's priority of the kernel's own queues */
	EXPECT_EQ(-EINVAL, create_one(&self->c, (struct drm_dojo_queue_create) { .priority = 4 }));
	EXPECT_EQ(-EINVAL, create_one(&self->c,
				      (struct drm_dojo_queue_create) { .priority = ~0u }));
}

TEST_F(queue, unknown_flags_are_refused)
{
	int bit;

	for (bit = 1; bit < 32; bit++) {
		if (bit >= 4 && bit < 8)
			continue;
		EXPECT_EQ(-EINVAL, create_one(&self->c, (struct drm_dojo_queue_create) {
			.queue_class = DRM_DOJO_QUEUE_COMPUTE,
			.flags = 1u << bit,
		}));
	}
}

TEST_F(queue, every_trap_is_accepted)
{
	int bit;

	for (bit = 4; bit < 8; bit++)
		EXPECT_EQ(0, create_one(&self->c, (struct drm_dojo_queue_create) {
			.queue_class = DRM_DOJO_QUEUE_COMPUTE,
			.flags = 1u << bit,
		}));
}

TEST_F(queue, padding_is_refused)
{
	EXPECT_EQ(-EINVAL, create_one(&self->c, (struct drm_dojo_queue_create) { .pad = 1 }));
}

TEST_F(queue, an_unknown_vm_is_refused)
{
	__u32 queue;

	EXPECT_EQ(-ENOENT, dojo_queue_create(self->c.fd, BAD_ID, DRM_DOJO_QUEUE_DMA, &queue));
	EXPECT_EQ(-ENOENT, dojo_queue_create(self->c.fd, 0, DRM_DOJO_QUEUE_DMA, &queue));
}

TEST_F(queue, a_destroyed_vm_is_refused)
{
	__u32 vm, queue;

	ASSERT_EQ(0, dojo_vm_create(self->c.fd, &vm));
	ASSERT_EQ(0, dojo_vm_destroy(self->c.fd, vm));
	EXPECT_EQ(-ENOENT, dojo_queue_create(self->c.fd, vm, DRM_DOJO_QUEUE_DMA, &queue));
}

TEST_F(queue, too_many_ring_jobs_are_refused)
{
	EXPECT_EQ(-EINVAL, create_one(&self->c,
				      (struct drm_dojo_queue_create) { .ring_jobs = 4097 }));
	EXPECT_EQ(-EINVAL, create_one(&self->c,
				      (struct drm_dojo_queue_create) { .ring_jobs = ~0u }));
}

TEST_F(queue, rings_of_every_size_work)
{
	static const __u32 sizes[] = { 1, 2, 3, 64, 100, 4096 };
	size_t i;
	int k;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct drm_dojo_queue_create args = { .ring_jobs = sizes[i] };

		ASSERT_EQ(0, create(&self->c, &args));
		for (k = 0; k < 10; k++) {
			dojo_fill(&self->c, self->host.va, 64, i * 16 + k);
			ASSERT_EQ(0, dojo_run(&self->c, args.queue_id));
			EXPECT_EQ(i * 16 + k, *(__u32 *)self->host.map);
		}
		ASSERT_EQ(0, dojo_queue_destroy(self->c.fd, args.queue_id));
	}
}

TEST_F(queue, the_longest_timeout_is_accepted_and_a_longer_one_refused)
{
	EXPECT_EQ(0, create_one(&self->c, (struct drm_dojo_queue_create) {
		.timeout_ns = self->limits.timeout_max_ns,
	}));
	EXPECT_EQ(-EINVAL, create_one(&self->c, (struct drm_dojo_queue_create) {
		.timeout_ns = self->limits.timeout_max_ns + 1,
	}));
	EXPECT_EQ(-EINVAL, create_one(&self->c, (struct drm_dojo_queue_create) {
		.timeout_ns = ~0ull,
	}));
}

TEST_F(queue, high_priorities_need_privilege)
{
	ASSERT_EQ(0, dojo_drop_privileges());
	EXPECT_EQ(-EACCES, create_one(&self->c, (struct drm_dojo_queue_create) {
		.priority = DRM_DOJO_PRIORITY_HIGH,
	}));
	EXPECT_EQ(-EACCES, create_one(&self->c, (struct drm_dojo_queue_create) {
		.priority = DRM_DOJO_PRIORITY_REALTIME,
	}));
	EXPECT_EQ(0, create_one(&self->c, (struct drm_dojo_queue_create) {
		.priority = DRM_DOJO_PRIORITY_NORMAL,
	}));
	EXPECT_EQ(0, create_one(&self->c, (struct drm_dojo_queue_create) {
		.priority = DRM_DOJO_PRIORITY_LOW,
	}));
}

TEST_F(queue, bad_pointer_to_the_arguments_is_refused)
{
	EXPECT_EQ(-EFAULT, dojo_ioctl(self->c.fd, DRM_IOCTL_DOJO_QUEUE_CREATE, (void *)8));
}

/* ---------------------------------------------------------- rectangles */

TEST_F(queue, any_rectangle_inside_the_mesh_is_accepted)
{
	EXPECT_EQ(0, create_rect(&self->c, 0, 0, 1, 1));
	EXPECT_EQ(0, create_rect(&self->c, 4, 4, 1, 1));
	EXPECT_EQ(0, create_rect(&self->c, 1, 2, 3, 2));
	EXPECT_EQ(0, create_rect(&self->c, 0, 0, 5, 5));
}

TEST_F(queue, rectangles_outside_the_mesh_are_refused)
{
	EXPECT_EQ(-EINVAL, create_rect(&self->c, 0, 0, 6, 5));
	EXPECT_EQ(-EINVAL, create_rect(&self->c, 0, 0, 5, 6));
	EXPECT_EQ(-EINVAL, create_rect(&self->c, 1, 0, 5, 5));
	EXPECT_EQ(-EINVAL, create_rect(&self->c, 0, 1, 5, 5));
	EXPECT_EQ(-EINVAL, create_rect(&self->c, 5, 0, 1, 1));
	EXPECT_EQ(-EINVAL, create_rect(&self->c, 0, 255, 1, 1));
	EXPECT_EQ(-EINVAL, create_rect(&self->c, 255, 0, 1, 1));
	EXPECT_EQ(-EINVAL, create_rect(&self->c, 250, 0, 10, 1));
	EXPECT_EQ(-EINVAL, create_rect(&self->c, 0, 0, 255, 255));
}

TEST_F(queue, empty_rectangles_are_refused)
{
	EXPECT_EQ(-EINVAL, create_rect(&self->c, 0, 0, 1, 0));
	EXPECT_EQ(-EINVAL, create_rect(&self->c, 0, 0, 0, 1));
	EXPECT_EQ(-EINVAL, create_rect(&self->c, 1, 0, 0, 0));
	EXPECT_EQ(-EINVAL, create_rect(&self->c, 0, 1, 0, 0));
}

TEST_F(queue, a_dma_queue_has_no_rectangle)
{
	EXPECT_EQ(-EINVAL, create_one(&self->c, (struct drm_dojo_queue_create) {
		.queue_class = DRM_DOJO_QUEUE_DMA, .rect_w = 1, .rect_h = 1,
	}));
	EXPECT_EQ(-EINVAL, create_one(&self->c, (struct drm_dojo_queue_create) {
		.queue_class = DRM_DOJO_QUEUE_DMA, .flags = DRM_DOJO_QUEUE_FIND_RECT,
		.rect_w = 1, .rect_h = 1,
	}));
}

TEST_F(queue, find_rect_with_a_place_is_refused)
{
	EXPECT_EQ(-EINVAL, create_one(&self->c, (struct drm_dojo_queue_create) {
		.queue_class = DRM_DOJO_QUEUE_COMPUTE, .flags = DRM_DOJO_QUEUE_FIND_RECT,
		.rect_x = 1, .rect_w = 1, .rect_h = 1,
	}));
	EXPECT_EQ(-EINVAL, create_one(&self->c, (struct drm_dojo_queue_create) {
		.queue_class = DRM_DOJO_QUEUE_COMPUTE, .flags = DRM_DOJO_QUEUE_FIND_RECT,
		.rect_y = 1, .rect_w = 1, .rect_h = 1,
	}));
}

TEST_F(queue, find_rect_larger_than_the_mesh_is_refused)
{
	EXPECT_EQ(-EINVAL, create_one(&self->c, (struct drm_dojo_queue_create) {
		.queue_class = DRM_DOJO_QUEUE_COMPUTE, .flags = DRM_DOJO_QUEUE_FIND_RECT,
		.rect_w = 6, .rect_h = 1,
	}));
	EXPECT_EQ(-EINVAL, create_one(&self->c, (struct drm_dojo_queue_create) {
		.queue_class = DRM_DOJO_QUEUE_COMPUTE, .flags = DRM_DOJO_QUEUE_FIND_RECT,
		.rect_w = 1, .rect_h = 255,
	}));
}

static int find_rect(struct dojo_client *c, __u8 w, __u8 h, struct drm_dojo_queue_create *args)
{
	*args = (struct drm_dojo_queue_create) {
		.queue_class = DRM_DOJO_QUEUE_COMPUTE,
		.flags = DRM_DOJO_QUEUE_FIND_RECT,
		.rect_w = w,
		.rect_h = h,
	};
	return create(c, args);
}

TEST_F(queue, find_rect_without_a_size_is_refused)
{
	struct drm_dojo_queue_create args;

	EXPECT_EQ(-EINVAL, find_rect(&self->c, 0, 0, &args));
	EXPECT_EQ(-EINVAL, find_rect(&self->c, 0, 1, &args));
	EXPECT_EQ(-EINVAL, find_rect(&self->c, 1, 0, &args));
}

TEST_F(queue, found_rectangles_are_disjoint_until_the_mesh_is_full)
{
	struct drm_dojo_queue_create args;
	bool taken[5][5] = { { false } };
	int i;

	for (i = 0; i < 25; i++) {
		ASSERT_EQ(0, find_rect(&self->c, 1, 1, &args));
		ASSERT_LT(args.rect_x, 5);
		ASSERT_LT(args.rect_y, 5);
		EXPECT_FALSE(taken[args.rect_y][args.rect_x]);
		taken[args.rect_y][args.rect_x] = true;
	}
	EXPECT_EQ(-ENOSPC, find_rect(&self->c, 1, 1, &args));
}

TEST_F(queue, a_found_rectangle_is_free_again_when_its_queue_goes)
{
	struct drm_dojo_queue_create all, one;

	ASSERT_EQ(0, find_rect(&self->c, 5, 5, &all));
	EXPECT_EQ(-ENOSPC, find_rect(&self->c, 1, 1, &one));
	ASSERT_EQ(0, dojo_queue_destroy(self->c.fd, all.queue_id));
	EXPECT_EQ(0, find_rect(&self->c, 1, 1, &one));
}

TEST_F(queue, a_found_rectangle_is_free_again_when_its_file_closes)
{
	struct drm_dojo_queue_create args;
	struct dojo_client other;
	int tries, ret = -ENOSPC;

	ASSERT_EQ(0, dojo_client_open(&other, 0));
	ASSERT_EQ(0, find_rect(&other, 5, 5, &args));
	dojo_client_close(&other);
	for (tries = 0; tries < 100 && ret; tries++) {
		ret = find_rect(&self->c, 5, 5, &args);
		if (ret)
			usleep(50000);
	}
	EXPECT_EQ(0, ret);
}

TEST_F(queue, a_rectangle_that_does_not_fit_beside_another_is_not_found)
{
	struct drm_dojo_queue_create args;

	ASSERT_EQ(0, find_rect(&self->c, 5, 3, &args));
	EXPECT_EQ(-ENOSPC, find_rect(&self->c, 5, 3, &args));
	EXPECT_EQ(-ENOSPC, find_rect(&self->c, 1, 5, &args));
	EXPECT_EQ(0, find_rect(&self->c, 5, 2, &args));
}

TEST_F(queue, work_runs_on_a_rectangle)
{
	struct drm_dojo_queue_create args;

	ASSERT_EQ(0, find_rect(&self->c, 2, 3, &args));
	dojo_fill(&self->c, self->host.va, 64, 0x1357);
	EXPECT_EQ(0, dojo_run(&self->c, args.queue_id));
	EXPECT_EQ(0x1357, *(__u32 *)self->host.map);
}

/* -------------------------------------------------------------- limits */

/* Takes queues until there are no more; how many the client has then */
static int take_all(struct dojo_client *c, __u32 limit, __u32 *have)
{
	__u32 queue;
	int ret;

	*have = 2;
	do {
		ret = dojo_queue_create(c->fd, c->vm, DRM_DOJO_QUEUE_DMA, &queue);
		*have += !ret;
	} while (!ret && *have <= limit);
	return ret;
}

TEST_F(queue, a_client_cannot_take_more_than_its_share)
{
	struct drm_dojo_limits limits;
	__u32 have;

	ASSERT_EQ(0, dojo_drop_privileges());
	ASSERT_EQ(0, dojo_query(self->c.fd, DRM_DOJO_QUERY_LIMITS, &limits, sizeof(limits)));
	EXPECT_LT(limits.queues_per_client, limits.queues);
	EXPECT_EQ(-EMFILE, take_all(&self->c, limits.queues, &have));
	EXPECT_EQ(limits.queues_per_client, have);
}

TEST_F(queue, a_client_at_its_limit_does_not_stop_another)
{
	struct dojo_client other;
	int fd = dojo_open(0);
	__u32 have;

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, dojo_drop_privileges());
	ASSERT_EQ(-EMFILE, take_all(&self->c, self->limits.queues, &have));
	ASSERT_EQ(0, dojo_client_init(&other, fd));
	dojo_fill(&other, other.batch.va + KIB(32), 64, 1);
	EXPECT_EQ(0, dojo_run(&other, other.dma));
	dojo_client_close(&other);
}

TEST_F(queue, at_the_limit_a_destroyed_queue_makes_room)
{
	__u32 have, queue;

	ASSERT_EQ(0, dojo_drop_privileges());
	ASSERT_EQ(-EMFILE, take_all(&self->c, self->limits.queues, &have));
	ASSERT_EQ(0, dojo_queue_destroy(self->c.fd, self->c.compute));
	EXPECT_EQ(0, dojo_queue_create(self->c.fd, self->c.vm, DRM_DOJO_QUEUE_DMA, &queue));
}

TEST_F(queue, clients_together_can_take_every_queue_of_the_tile)
{
	const __u32 files = self->limits.queues / self->limits.queues_per_client + 2;
	__u32 have, sum = 0, i;
	struct dojo_client *c;
	int round, ret;

	c = calloc(files, sizeof(*c));
	ASSERT_NE(NULL, c);
	dojo_client_close(&self->c);
	/* the second round shows that the first one gave all of them back */
	for (round = 0; round < 2; round++) {
		ret = 0;
		sum = 0;
		for (i = 0; i < files && ret != -ENOSPC; i++) {
			ret = dojo_client_open(&c[i], 0);
			if (!ret) {
				ret = take_all(&c[i], self->limits.queues, &have);
				sum += have;
			}
		}
		EXPECT_EQ(-ENOSPC, ret);
		/* some may be the kernel's own, and one was not enough for a client */
		EXPECT_GE(sum, self->limits.queues - 4);
		while (i--)
			dojo_client_close(&c[i]);
	}
	free(c);
}

/* ---------------------------------------------------------- many files, one user */

/* A queue in each of the files in turn, as long as it goes: how many, and why no more */
static int take_from_files(const int *fds, unsigned int files, __u32 *have)
{
	__u32 vm, queue;
	unsigned int i;
	int ret = 0;

	*have = 0;
	for (i = 0; i < files; i++) {
		ret = dojo_vm_create(fds[i], &vm);
		while (!ret) {
			ret = dojo_queue_create(fds[i], vm, DRM_DOJO_QUEUE_DMA, &queue);
			*have += !ret;
		}
	}
	return ret;
}

/* Whether user @uid can make a queue with this file and use it; in a process of its own */
static int user_can_work(int fd, uid_t uid)
{
	struct dojo_client c;
	int status, ret;
	pid_t pid;

	pid = fork();
	if (!pid) {
		ret = dojo_become(uid);
		if (!ret)
			ret = dojo_client_init(&c, fd);
		if (ret)
			_exit(-ret);
		dojo_fill(&c, c.batch.va + KIB(32), 64, 1);
		_exit(-dojo_run(&c, c.compute));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -ECHILD;
	return -WEXITSTATUS(status);
}

TEST_F(queue, a_user_with_many_files_leaves_queues_to_another)
{
	const unsigned int files = self->limits.queues / self->limits.queues_per_client + 2;
	int *fds = calloc(files + 3, sizeof(*fds));
	struct { int ret; __u32 have; } taken = { .have = 0 };
	unsigned int i;
	int result[2];
	pid_t greedy;

	ASSERT_NE(NULL, fds);
	for (i = 0; i < files + 3; i++) {
		fds[i] = dojo_open(0);
		ASSERT_GE(fds[i], 0);
	}
	EXPECT_LT(self->limits.queues_per_user, self->limits.queues);
	ASSERT_EQ(0, pipe(result));
	greedy = fork();
	ASSERT_GE(greedy, 0);
	if (!greedy) {
		taken.ret = dojo_become(65534);
		if (!taken.ret)
			taken.ret = take_from_files(fds, files, &taken.have);
		if (write(result[1], &taken, sizeof(taken)) == sizeof(taken))
			pause();
		_exit(1);
	}
	ASSERT_EQ(sizeof(taken), read(result[0], &taken, sizeof(taken)));
	EXPECT_EQ(-EMFILE, taken.ret);
	EXPECT_EQ(self->limits.queues_per_user, taken.have);
	EXPECT_EQ(-EMFILE, user_can_work(fds[files], 65534));
	EXPECT_EQ(0, user_can_work(fds[files + 1], 65533));

	/* what the user had comes back with its files */
	ASSERT_EQ(0, kill(greedy, SIGKILL));
	ASSERT_EQ(greedy, waitpid(greedy, NULL, 0));
	for (i = 0; i < files; i++)
		close(fds[i]);
	EXPECT_EQ(0, user_can_work(fds[files + 2], 65534));
	free(fds);
}

/* ------------------------------------------------- what the administrator sets */

static const char * const parameters[] = {
	"timeout_max_ms", "timeout_ms", "queues_per_client", "queues_per_user",
	"ring_mbytes_per_client", "ring_mbytes_per_user", "vms_per_user",
};

/* @usual: of the driver's parameters, put back however the test ends */
FIXTURE(admin) {
	struct dojo_client c;
	char usual[ARRAY_SIZE(parameters)][32];
};

FIXTURE_SETUP(admin)
{
	char path[96];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(parameters); i++) {
		snprintf(path, sizeof(path), DOJO_PARAMETERS "%s", parameters[i]);
		ASSERT_GT(dojo_read_file(path, self->usual[i], sizeof(self->usual[i])), 0);
	}
	ASSERT_EQ(0, dojo_client_open(&self->c, 0));
}

FIXTURE_TEARDOWN(admin)
{
	char path[96];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(parameters); i++) {
		snprintf(path, sizeof(path), DOJO_PARAMETERS "%s", parameters[i]);
		EXPECT_EQ(0, dojo_write_file(path, self->usual[i]));
	}
	dojo_client_close(&self->c);
}

TEST_F(admin, sets_the_longest_timeout)
{
	struct drm_dojo_limits limits;

	ASSERT_EQ(0, dojo_write_file(DOJO_PARAMETERS "timeout_max_ms", "500"));
	ASSERT_EQ(0, dojo_query(self->c.fd, DRM_DOJO_QUERY_LIMITS, &limits, sizeof(limits)));
	EXPECT_EQ(500000000, limits.timeout_max_ns);
	EXPECT_EQ(500000000, limits.timeout_default_ns);
	EXPECT_EQ(0, create_one(&self->c, (struct drm_dojo_queue_create) {
		.timeout_ns = 500000000,
	}));
	EXPECT_EQ(-EINVAL, create_one(&self->c, (struct drm_dojo_queue_create) {
		.timeout_ns = 500000001,
	}));
}

TEST_F(admin, sets_the_timeout_of_those_who_ask_for_none)
{
	__u32 queue;

	ASSERT_EQ(0, dojo_write_file(DOJO_PARAMETERS "timeout_ms", "200"));
	ASSERT_EQ(0, dojo_queue_create(self->c.fd, self->c.vm, DRM_DOJO_QUEUE_DMA, &queue));
	/* a semaphore that nobody signals */
	dojo_poke64((char *)self->c.batch.map + KIB(32), 0);
	dojo_sem_wait(&self->c, self->c.batch.va + KIB(32), 1, DOJO_SEM_EQUAL);
	EXPECT_EQ(-ETIME, dojo_run(&self->c, queue));
}

TEST_F(admin, sets_how_many_queues_a_client_may_have)
{
	struct drm_dojo_limits limits;
	__u32 queue;
	int i;

	ASSERT_EQ(0, dojo_write_file(DOJO_PARAMETERS "queues_per_client", "5"));
	ASSERT_EQ(0, dojo_query(self->c.fd, DRM_DOJO_QUERY_LIMITS, &limits, sizeof(limits)));
	EXPECT_EQ(5, limits.queues_per_client);
	/* it has two */
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, dojo_queue_create(self->c.fd, self->c.vm, i & 1, &queue));
	EXPECT_EQ(-EMFILE, dojo_queue_create(self->c.fd, self->c.vm, DRM_DOJO_QUEUE_DMA, &queue));
}

/* What user 65534 finds with two open files, in a process of its own: 0 if @finds does */
static int user_finds(int (*finds)(const int fds[2]))
{
	int fds[2], status, i;
	pid_t pid;

	for (i = 0; i < 2; i++) {
		fds[i] = dojo_open(0);
		if (fds[i] < 0)
			return fds[i];
	}
	pid = fork();
	if (!pid)
		_exit(dojo_become(65534) || finds(fds));
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		status = -errno;
	close(fds[0]);
	close(fds[1]);
	return status;
}

/* Five queues and no more */
static int only_five_queues(const int fds[2])
{
	__u32 have;

	return take_from_files(fds, 2, &have) == -EMFILE && have == 5 ? 0 : -EPROTO;
}

TEST_F(admin, sets_how_many_queues_a_user_may_have_and_may_have_more)
{
	struct drm_dojo_limits limits;
	__u32 queue;
	int i;

	ASSERT_EQ(0, dojo_write_file(DOJO_PARAMETERS "queues_per_user", "5"));
	ASSERT_EQ(0, dojo_query(self->c.fd, DRM_DOJO_QUERY_LIMITS, &limits, sizeof(limits)));
	EXPECT_EQ(5, limits.queues_per_user);
	EXPECT_EQ(0, user_finds(only_five_queues));
	for (i = 0; i < 10; i++)
		EXPECT_EQ(0, dojo_queue_create(self->c.fd, self->c.vm, i & 1, &queue));
}

/* Makes queues with the largest rings, in turn: how many until -EMFILE; or -errno */
static int large_rings(const int *fds, unsigned int files)
{
	__u32 vms[2];
	int ret = 0;
	int have;
	unsigned int i;

	for (i = 0; i < files && !ret; i++)
		ret = dojo_vm_create(fds[i], &vms[i]);
	for (have = 0; !ret && have < 16; have++) {
		struct drm_dojo_queue_create args = {
			.vm_id = vms[have % files],
			.ring_jobs = 4096,
		};

		ret = dojo_ioctl(fds[have % files], DRM_IOCTL_DOJO_QUEUE_CREATE, &args);
	}
	return ret == -EMFILE ? have - 1 : ret ?: -EPROTO;
}

TEST_F(admin, sets_how_much_ring_memory_a_client_may_have)
{
	int fd = dojo_open(0), have;

	ASSERT_GE(fd, 0);
	have = large_rings(&fd, 1);
	EXPECT_EQ(-EPROTO, have);
	close(fd);
	ASSERT_EQ(0, dojo_write_file(DOJO_PARAMETERS "ring_mbytes_per_client", "1"));
	fd = dojo_open(0);
	ASSERT_GE(fd, 0);
	have = large_rings(&fd, 1);
	EXPECT_GE(have, 1);
	close(fd);
	/* the next one has its own */
	fd = dojo_open(0);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(have, large_rings(&fd, 1));
	close(fd);
}

static int few_large_rings(const int fds[2])
{
	int have = large_rings(fds, 2);

	return have >= 1 ? 0 : -EPROTO;
}

TEST_F(admin, sets_how_much_ring_memory_a_user_may_have_and_may_have_more)
{
	int fd = dojo_open(0);

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, dojo_write_file(DOJO_PARAMETERS "ring_mbytes_per_user", "1"));
	EXPECT_EQ(0, user_finds(few_large_rings));
	EXPECT_EQ(-EPROTO, large_rings(&fd, 1));
	close(fd);
}

/* An address space when one of those that were destroyed is gone */
static int create_vm_soon(int fd, __u32 *vm)
{
	unsigned int tries;
	int ret = -EMFILE;

	for (tries = 0; tries < dojo_patience() && ret == -EMFILE; tries++) {
		ret = dojo_vm_create(fd, vm);
		usleep(1000);
	}
	return ret;
}

/* Two address spaces and no more, in whichever file, until one has gone */
static int only_two_vms(const int fds[2])
{
	__u32 vm[2], other;
	int i, ret = 0;

	for (i = 0; i < 2 && !ret; i++)
		ret = dojo_vm_create(fds[i], &vm[i]);
	for (i = 0; i < 2 && !ret; i++)
		ret = dojo_vm_create(fds[i], &other) == -EMFILE ? 0 : -EPROTO;
	if (!ret)
		ret = dojo_vm_destroy(fds[0], vm[0]);
	return ret ?: create_vm_soon(fds[1], &other);
}

TEST_F(admin, sets_how_many_address_spaces_a_user_may_have)
{
	struct drm_dojo_limits limits;
	__u32 other;
	int i;

	ASSERT_EQ(0, dojo_write_file(DOJO_PARAMETERS "vms_per_user", "2"));
	ASSERT_EQ(0, dojo_query(self->c.fd, DRM_DOJO_QUERY_LIMITS, &limits, sizeof(limits)));
	EXPECT_EQ(2, limits.vms_per_user);
	EXPECT_EQ(0, user_finds(only_two_vms));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, dojo_vm_create(self->c.fd, &other));
}

/*
 * As user 100000, who is root of a namespace that @maker made, makes queues with @fd; in
 * a process of its own. How many, or -errno
 */
static int take_in_namespace(int fd, uid_t maker)
{
	int made[2], mapped[2], status, ret = 0;
	char path[64], byte = 0;
	__u32 have;
	pid_t pid;

	if (pipe(made) || pipe(mapped))
		return -errno;
	pid = fork();
	if (!pid) {
		if (maker && dojo_become(maker))
			_exit(101);
		if (unshare(CLONE_NEWUSER))
			_exit(102);
		if (write(made[1], &byte, 1) != 1 || read(mapped[0], &byte, 1) != 1)
			_exit(101);
		if (setresuid(0, 0, 0) || take_from_files(&fd, 1, &have) != -EMFILE)
			_exit(101);
		_exit(have);
	}
	close(made[1]);
	if (read(made[0], &byte, 1) == 1) {
		snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
		ret = dojo_write_file(path, "0 100000 1");
		if (write(mapped[1], &byte, 1) != 1)
			ret = -errno;
	}
	waitpid(pid, &status, 0);
	close(made[0]);
	close(mapped[0]);
	close(mapped[1]);
	if (ret || !WIFEXITED(status) || WEXITSTATUS(status) == 101)
		return ret ?: -ECHILD;
	return WEXITSTATUS(status) == 102 ? -EOPNOTSUPP : WEXITSTATUS(status);
}

TEST_F(admin, lets_nobody_have_more_by_a_user_namespace)
{
	int fds[3], result[2], taken, i;
	__u32 have = 0;
	pid_t pid;

	ASSERT_EQ(0, dojo_write_file(DOJO_PARAMETERS "queues_per_user", "5"));
	for (i = 0; i < 3; i++) {
		fds[i] = dojo_open(0);
		ASSERT_GE(fds[i], 0);
	}
	ASSERT_EQ(0, pipe(result));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		if (!dojo_become(65534))
			take_from_files(fds, 1, &have);
		if (write(result[1], &have, sizeof(have)) == sizeof(have))
			pause();
		_exit(1);
	}
	ASSERT_EQ(sizeof(have), read(result[0], &have, sizeof(have)));
	EXPECT_EQ(5, have);
	taken = take_in_namespace(fds[1], 65534);
	if (taken == -EOPNOTSUPP)
		TH_LOG("no user namespaces for users");
	else
		EXPECT_EQ(0, taken);
	/* in that of an administrator every id is a user */
	EXPECT_EQ(5, take_in_namespace(fds[2], 0));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	for (i = 0; i < 3; i++)
		close(fds[i]);
}

/* --------------------------------------------------------- destruction */

TEST_F(queue, padding_of_destroy_is_refused)
{
	struct drm_dojo_queue_destroy args = { .queue_id = self->c.dma, .pad = 1 };

	EXPECT_EQ(-EINVAL, dojo_ioctl(self->c.fd, DRM_IOCTL_DOJO_QUEUE_DESTROY, &args));
}

TEST_F(queue, destroying_an_unknown_id_is_refused)
{
	EXPECT_EQ(-ENOENT, dojo_queue_destroy(self->c.fd, BAD_ID));
	EXPECT_EQ(-ENOENT, dojo_queue_destroy(self->c.fd, 0));
}

TEST_F(queue, destroying_twice_is_refused)
{
	__u32 queue;

	ASSERT_EQ(0, dojo_queue_create(self->c.fd, self->c.vm, DRM_DOJO_QUEUE_DMA, &queue));
	ASSERT_EQ(0, dojo_queue_destroy(self->c.fd, queue));
	EXPECT_EQ(-ENOENT, dojo_queue_destroy(self->c.fd, queue));
}

TEST_F(queue, another_file_s_queue_is_unknown)
{
	struct drm_dojo_queue_get_state state;
	int other = dojo_open(0);

	ASSERT_GE(other, 0);
	EXPECT_EQ(-ENOENT, dojo_queue_destroy(other, self->c.dma));
	EXPECT_EQ(-ENOENT, dojo_queue_state(other, self->c.dma, &state));
	EXPECT_EQ(-ENOENT, dojo_submit_one(other, self->c.dma, 0, 0, 0));
}

TEST_F(queue, a_destroyed_queue_is_unknown)
{
	struct drm_dojo_queue_get_state state;
	__u32 queue;

	ASSERT_EQ(0, dojo_queue_create(self->c.fd, self->c.vm, DRM_DOJO_QUEUE_DMA, &queue));
	ASSERT_EQ(0, dojo_queue_destroy(self->c.fd, queue));
	EXPECT_EQ(-ENOENT, dojo_queue_state(self->c.fd, queue, &state));
	EXPECT_EQ(-ENOENT, dojo_submit_one(self->c.fd, queue, 0, 0, 0));
}

/* A job that runs until the word at @host is 1 */
static int start_waiting(struct dojo_client *c, struct dojo_buf *host, __u32 queue, __u32 syncobj)
{
	dojo_poke64(host->map, 0);
	dojo_sem_wait(c, host->va, 1, DOJO_SEM_EQUAL);
	return dojo_start(c, queue, syncobj);
}

TEST_F(queue, destroying_cancels_work_in_flight)
{
	ASSERT_EQ(0, start_waiting(&self->c, &self->host, self->c.dma, self->c.done));
	EXPECT_EQ(-ETIME, dojo_syncobj_wait(self->c.fd, self->c.done, 50));
	ASSERT_EQ(0, dojo_queue_destroy(self->c.fd, self->c.dma));
	ASSERT_EQ(0, dojo_syncobj_wait(self->c.fd, self->c.done, dojo_patience()));
	EXPECT_EQ(-ECANCELED, dojo_syncobj_status(self->c.fd, self->c.done));
}

TEST_F(queue, destroying_cancels_work_that_has_not_started)
{
	__u32 last;
	int i;

	ASSERT_EQ(0, dojo_syncobj_create(self->c.fd, &last));
	ASSERT_EQ(0, start_waiting(&self->c, &self->host, self->c.dma, self->c.done));
	for (i = 0; i < 20; i++)
		ASSERT_EQ(0, dojo_submit_one(self->c.fd, self->c.dma, self->c.batch.va,
					     sizeof(struct dojo_packet_sem_wait), last));
	ASSERT_EQ(0, dojo_queue_destroy(self->c.fd, self->c.dma));
	ASSERT_EQ(0, dojo_syncobj_wait(self->c.fd, last, dojo_patience()));
	EXPECT_EQ(-ECANCELED, dojo_syncobj_status(self->c.fd, last));
}

TEST_F(queue, a_destroyed_queue_writes_nothing_more)
{
	/* the queue waits, then would write over the second page */
	dojo_poke64(self->host.map, 0);
	memset((char *)self->host.map + PAGE, 0x11, PAGE);
	dojo_sem_wait(&self->c, self->host.va, 1, DOJO_SEM_EQUAL);
	dojo_fill(&self->c, self->host.va + PAGE, PAGE, 0);
	ASSERT_EQ(0, dojo_start(&self->c, self->c.dma, self->c.done));
	usleep(20000);
	ASSERT_EQ(0, dojo_queue_destroy(self->c.fd, self->c.dma));
	dojo_poke64(self->host.map, 1);
	usleep(100000);
	EXPECT_EQ(-1, dojo_not_all((char *)self->host.map + PAGE, PAGE, 0x11));
}

TEST_F(queue, destroying_leaves_other_queues_running)
{
	__u32 other;

	ASSERT_EQ(0, dojo_syncobj_create(self->c.fd, &other));
	ASSERT_EQ(0, start_waiting(&self->c, &self->host, self->c.dma, self->c.done));
	ASSERT_EQ(0, dojo_submit_one(self->c.fd, self->c.compute, self->c.batch.va,
				     sizeof(struct dojo_packet_sem_wait), other));
	ASSERT_EQ(0, dojo_queue_destroy(self->c.fd, self->c.dma));
	EXPECT_EQ(-ETIME, dojo_syncobj_wait(self->c.fd, other, 50));
	dojo_poke64(self->host.map, 1);
	ASSERT_EQ(0, dojo_syncobj_wait(self->c.fd, other, dojo_patience()));
	EXPECT_EQ(1, dojo_syncobj_status(self->c.fd, other));
}

TEST_F(queue, closing_the_file_with_work_in_flight)
{
	struct dojo_client next;
	int sync_file;

	ASSERT_EQ(0, start_waiting(&self->c, &self->host, self->c.dma, self->c.done));
	sync_file = dojo_syncobj_export(self->c.fd, self->c.done);
	ASSERT_GE(sync_file, 0);
	munmap(self->host.map, self->host.size);
	dojo_client_close(&self->c);
	ASSERT_EQ(1, poll(&(struct pollfd) { .fd = sync_file, .events = POLLIN }, 1,
			  dojo_patience()));
	EXPECT_EQ(-ECANCELED, dojo_sync_file_status(sync_file));
	ASSERT_EQ(0, dojo_client_open(&next, 0));
	dojo_fill(&next, next.batch.va + KIB(32), 64, 1);
	EXPECT_EQ(0, dojo_run(&next, next.dma));
	dojo_client_close(&next);
}

TEST_F_TIMEOUT(queue, created_used_and_destroyed_many_times, 1800)
{
	unsigned long count = dojo_scaled(100000, 200), i;
	__u32 queue;

	for (i = 0; i < count; i++) {
		ASSERT_EQ(0, dojo_queue_create(self->c.fd, self->c.vm, i & 1, &queue));
		if (i % 8 == 0) {
			dojo_fill(&self->c, self->host.va, 64, i);
			ASSERT_EQ(0, dojo_run(&self->c, queue));
			EXPECT_EQ((__u32)i, *(__u32 *)self->host.map);
		}
		ASSERT_EQ(0, dojo_queue_destroy(self->c.fd, queue));
	}
}

/* --------------------------------------------------------------- state */

TEST_F(queue, state_of_an_unknown_queue_is_refused)
{
	struct drm_dojo_queue_get_state state;

	EXPECT_EQ(-ENOENT, dojo_queue_state(self->c.fd, BAD_ID, &state));
	EXPECT_EQ(-ENOENT, dojo_queue_state(self->c.fd, 0, &state));
}

TEST_F(queue, state_follows_jobs)
{
	struct drm_dojo_queue_get_state state;
	int i;

	for (i = 1; i <= 3; i++) {
		dojo_fill(&self->c, self->host.va, 64, i);
		ASSERT_EQ(0, dojo_run(&self->c, self->c.dma));
		ASSERT_EQ(0, dojo_queue_state(self->c.fd, self->c.dma, &state));
		EXPECT_EQ(i, state.submitted);
		EXPECT_EQ(i, state.completed);
		EXPECT_EQ(i, state.packets);
	}
}

TEST_F(queue, submitted_runs_ahead_of_completed)
{
	struct drm_dojo_queue_get_state state;

	ASSERT_EQ(0, start_waiting(&self->c, &self->host, self->c.dma, self->c.done));
	ASSERT_EQ(0, dojo_queue_state(self->c.fd, self->c.dma, &state));
	EXPECT_EQ(1, state.submitted);
	EXPECT_EQ(0, state.completed);
	EXPECT_EQ(DRM_DOJO_QUEUE_ACTIVE, state.status);
	dojo_poke64(self->host.map, 1);
	ASSERT_EQ(0, dojo_syncobj_wait(self->c.fd, self->c.done, dojo_patience()));
}

TEST_F(queue, a_job_says_what_it_did)
{
	struct drm_dojo_queue_get_state state;
	struct drm_dojo_queue_get_job job;
	__u64 end = 0, busy = 0, model = 0, packets = 0, i;

	for (i = 1; i <= 3; i++) {
		while (packets < i * (i + 1) / 2) {
			dojo_fill(&self->c, self->host.va, 4096, i);
			packets++;
		}
		ASSERT_EQ(0, dojo_run(&self->c, self->c.dma));
	}
	for (i = 1; i <= 3; i++) {
		ASSERT_EQ(0, dojo_queue_job(self->c.fd, self->c.dma, i, &job));
		EXPECT_EQ(i, job.packets);
		EXPECT_EQ(i * 4096, job.bytes);
		EXPECT_EQ(0, job.flop);
		EXPECT_LE(end, job.start_ns);
		EXPECT_LT(job.start_ns, job.end_ns);
		/* a packet's launch at least */
		EXPECT_LE(i * 500000, job.model_ps);
		end = job.end_ns;
		busy += job.busy_ns;
		model += job.model_ps;
	}
	ASSERT_EQ(0, dojo_queue_state(self->c.fd, self->c.dma, &state));
	EXPECT_EQ(state.model_ps, model);
	/* the engine is left only after the last fence */
	EXPECT_GE(state.busy_ns, busy);
}

TEST_F(queue, jobs_that_have_not_ended_or_never_were_are_refused)
{
	struct drm_dojo_queue_get_job job = { .queue_id = self->c.dma, .pad = 1, .seqno = 1 };

	EXPECT_EQ(-ENOENT, dojo_queue_job(self->c.fd, self->c.dma, 1, &job));
	ASSERT_EQ(0, start_waiting(&self->c, &self->host, self->c.dma, self->c.done));
	EXPECT_EQ(-EBUSY, dojo_queue_job(self->c.fd, self->c.dma, 1, &job));
	dojo_poke64(self->host.map, 1);
	ASSERT_EQ(0, dojo_syncobj_wait(self->c.fd, self->c.done, dojo_patience()));
	EXPECT_EQ(0, dojo_queue_job(self->c.fd, self->c.dma, 1, &job));
	EXPECT_EQ(-ENOENT, dojo_queue_job(self->c.fd, self->c.dma, 0, &job));
	EXPECT_EQ(-ENOENT, dojo_queue_job(self->c.fd, self->c.dma, 2, &job));
	EXPECT_EQ(-ENOENT, dojo_queue_job(self->c.fd, self->c.dma, ~0ull, &job));
	EXPECT_EQ(-ENOENT, dojo_queue_job(self->c.fd, BAD_ID, 1, &job));
	job.queue_id = self->c.dma;
	job.seqno = 1;
	job.pad = 1;
	EXPECT_EQ(-EINVAL, dojo_ioctl(self->c.fd, DRM_IOCTL_DOJO_QUEUE_GET_JOB, &job));
}

TEST_F(queue, jobs_too_long_ago_are_forgotten)
{
	struct drm_dojo_queue_create create = {
		.vm_id = self->c.vm, .queue_class = DRM_DOJO_QUEUE_DMA, .ring_jobs = 8,
		.priority = DRM_DOJO_PRIORITY_NORMAL,
	};
	struct drm_dojo_queue_get_job job;
	__u64 i;

	ASSERT_EQ(0, dojo_ioctl(self->c.fd, DRM_IOCTL_DOJO_QUEUE_CREATE, &create));
	for (i = 1; i <= 20; i++) {
		dojo_fill(&self->c, self->host.va, 64, i);
		ASSERT_EQ(0, dojo_run(&self->c, create.queue_id));
	}
	for (i = 1; i <= 20; i++) {
		int ret = dojo_queue_job(self->c.fd, create.queue_id, i, &job);

		EXPECT_EQ(i < 14 ? -ENOENT : 0, ret);
		if (!ret)
			EXPECT_EQ(1, job.packets);
	}
}

int main(int argc, char **argv)
{
	return dojo_test_main(argc, argv, NULL);
}
