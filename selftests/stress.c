// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many processes that submit at random, with dependencies across queues, address
 * spaces and tiles. Each job writes its number and the device clock at its beginning
 * and its end; afterwards no job may have begun before what it waited for had ended.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "dojo_harness.h"

#define SPACES		3	/* address spaces of a process, over the tiles */
#define QUEUES		3	/* of an address space */
#define LANES		(SPACES * QUEUES)
#define JOB_BYTES	256	/* room for a job's batch */
#define WAITS_MAX	3

/* What a job writes */
struct record {
	__u64 begin;
	__u64 end;
	__u64 number;
	__u64 pad;
};

/* What it has to come after */
struct job {
	unsigned int lane;
	unsigned int waits;
	unsigned int wait[WAITS_MAX];
};

struct space {
	struct dojo_client c;
	struct dojo_buf records;
	struct dojo_buf batches;
	__u32 queue[QUEUES];
	__u32 timeline[LANES];	/* this file's handles of the lanes' timelines */
};

/* A syncobj of one file in another one */
static int share_syncobj(int from, __u32 handle, int to, __u32 *shared)
{
	struct drm_syncobj_handle args = { .handle = handle, .fd = -1 };
	int ret;

	ret = dojo_ioctl(from, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &args);
	if (ret)
		return ret;
	args.handle = 0;
	ret = dojo_ioctl(to, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &args);
	close(args.fd);
	*shared = args.handle;
	return ret;
}

static int make_space(struct space *space, unsigned int node, unsigned int jobs)
{
	int i, ret;

	ret = dojo_client_open(&space->c, node);
	if (!ret)
		ret = dojo_buf_create(&space->c, &space->records, jobs * sizeof(struct record),
				      DRM_DOJO_DOMAIN_SYSTEM, DRM_DOJO_BO_CPU_ACCESS);
	if (!ret)
		ret = dojo_buf_create(&space->c, &space->batches, (__u64)jobs * JOB_BYTES,
				      DRM_DOJO_DOMAIN_SYSTEM, DRM_DOJO_BO_CPU_ACCESS);
	for (i = 0; i < QUEUES && !ret; i++)
		ret = dojo_queue_create(space->c.fd, space->c.vm, i & 1, &space->queue[i]);
	return ret;
}

static int make_timelines(struct space *spaces)
{
	unsigned int lane, s;
	int ret = 0;

	for (lane = 0; lane < LANES && !ret; lane++) {
		ret = dojo_syncobj_create(spaces[0].c.fd, &spaces[0].timeline[lane]);
		for (s = 1; s < SPACES && !ret; s++)
			ret = share_syncobj(spaces[0].c.fd, spaces[0].timeline[lane],
					    spaces[s].c.fd, &spaces[s].timeline[lane]);
	}
	return ret;
}

/* Puts the batch of job @n into its place; its size */
static __u32 write_batch(struct space *space, unsigned int n, __u64 *state)
{
	const __u64 record = space->records.va + n * sizeof(struct record);
	struct dojo_client *c = &space->c;
	unsigned int work = dojo_random(state) % 3;

	c->used = 0;
	dojo_timestamp(c, record);
	while (work--)
		dojo_copy(c, c->batch.va + KIB(32), c->batch.va, KIB(16));
	dojo_sem_signal(c, record + offsetof(struct record, number), n + 1, DOJO_SEM_ADD);
	dojo_timestamp(c, record + offsetof(struct record, end));
	memcpy((char *)space->batches.map + n * JOB_BYTES, c->batch.map, c->used);
	return c->used;
}

/* Submits job @n; @last[] are the numbers + 1 of the latest job of each lane */
static int submit_random(struct space *spaces, struct job *job, unsigned int n,
			 unsigned int *last, unsigned int *point, __u64 *state)
{
	struct drm_dojo_sync_op syncs[WAITS_MAX + 1];
	struct space *space;
	struct drm_dojo_job args;
	unsigned int lane, i;

	job->lane = dojo_random(state) % LANES;
	job->waits = 0;
	space = &spaces[job->lane / QUEUES];
	for (i = 0; i < WAITS_MAX; i++) {
		lane = dojo_random(state) % LANES;
		if (!last[lane] || dojo_random(state) % 3 == 0)
			continue;
		syncs[job->waits] = (struct drm_dojo_sync_op) {
			.flags = DRM_DOJO_SYNC_OP_TIMELINE,
			.handle = space->timeline[lane],
			.point = point[lane],
		};
		job->wait[job->waits++] = last[lane] - 1;
	}
	syncs[job->waits] = (struct drm_dojo_sync_op) {
		.flags = DRM_DOJO_SYNC_OP_TIMELINE | DRM_DOJO_SYNC_OP_SIGNAL,
		.handle = space->timeline[job->lane],
		.point = ++point[job->lane],
	};
	args = (struct drm_dojo_job) {
		.batch_va = space->batches.va + n * JOB_BYTES,
		.batch_size = write_batch(space, n, state),
		.syncs = {
			.stride = sizeof(syncs[0]),
			.count = job->waits + 1,
			.array = (uintptr_t)syncs,
		},
	};
	last[job->lane] = n + 1;
	return dojo_submit(space->c.fd, space->queue[job->lane % QUEUES], 0, &args, 1);
}

static const struct record *record_of(struct space *spaces, const struct job *job, unsigned int n)
{
	return (struct record *)spaces[job->lane / QUEUES].records.map + n;
}

/* 0, or which rule was broken */
static int check_order(struct space *spaces, const struct job *jobs, unsigned int count)
{
	unsigned int last[LANES] = { 0 };
	unsigned int n, i, before;

	for (n = 0; n < count; n++) {
		const struct record *r = record_of(spaces, &jobs[n], n);

		if (r->number != n + 1)
			return 20;	/* not run, or run twice */
		if (r->end < r->begin)
			return 21;
		before = last[jobs[n].lane];
		if (before && r->begin < record_of(spaces, &jobs[before - 1], before - 1)->end)
			return 22;	/* overtook its own queue */
		for (i = 0; i < jobs[n].waits; i++) {
			before = jobs[n].wait[i];
			if (r->begin < record_of(spaces, &jobs[before], before)->end)
				return 23;	/* did not wait */
		}
		last[jobs[n].lane] = n + 1;
	}
	return 0;
}

static int submit_and_check(unsigned int count, unsigned int tiles, __u64 seed)
{
	struct job *jobs = calloc(count, sizeof(*jobs));
	unsigned int last[LANES] = { 0 }, point[LANES] = { 0 };
	struct space spaces[SPACES];
	__u64 state = seed;
	unsigned int n, s;
	int ret = 0;

	for (s = 0; s < SPACES && !ret; s++)
		ret = make_space(&spaces[s], s % tiles, count);
	if (ret)
		return 10;
	if (make_timelines(spaces))
		return 11;
	for (n = 0; n < count; n++)
		if (submit_random(spaces, &jobs[n], n, last, point, &state))
			return 12;
	for (n = 0; n < LANES; n++)
		if (point[n] && dojo_timeline_wait(spaces[0].c.fd, spaces[0].timeline[n],
						   point[n], 3 * dojo_patience()))
			return 13;
	ret = check_order(spaces, jobs, count);
	for (s = 0; s < SPACES; s++)
		dojo_client_close(&spaces[s].c);
	free(jobs);
	return ret;
}

static unsigned int tiles_of_the_first_card(void)
{
	struct drm_dojo_card_info card;
	int fd = dojo_open(0), ret;

	ret = dojo_query(fd, DRM_DOJO_QUERY_CARD, &card, sizeof(card));
	close(fd);
	return ret ? 0 : card.tiles;
}

TEST(one_process_submits_at_random)
{
	ASSERT_GT(tiles_of_the_first_card(), 0);
	EXPECT_EQ(0, submit_and_check(200, tiles_of_the_first_card(), 1));
}

FIXTURE(stress) {
	unsigned int tiles;
};

FIXTURE_SETUP(stress)
{
	self->tiles = tiles_of_the_first_card();
	ASSERT_GT(self->tiles, 0);
}

FIXTURE_TEARDOWN(stress)
{
}

TEST_F_TIMEOUT(stress, many_processes_submit_at_random, 900)
{
	const unsigned int processes = dojo_scaled(64, 8), count = dojo_scaled(1000, 50);
	pid_t pids[64];
	unsigned int i;
	int status;

	for (i = 0; i < processes; i++) {
		pids[i] = fork();
		ASSERT_GE(pids[i], 0);
		if (!pids[i])
			_exit(submit_and_check(count, self->tiles, i + 2));
	}
	for (i = 0; i < processes; i++) {
		ASSERT_EQ(pids[i], waitpid(pids[i], &status, 0));
		EXPECT_EQ(0, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	}
}

/* A storm of small jobs on one queue: the ring wraps many times */
TEST_F_TIMEOUT(stress, the_ring_wraps_many_times, 300)
{
	const unsigned long count = dojo_scaled(200000, 1000);
	struct drm_dojo_queue_get_state state;
	struct dojo_client c;
	unsigned long i;
	__u32 size;

	ASSERT_EQ(0, dojo_client_open(&c, 0));
	dojo_poke64((char *)c.batch.map + KIB(32), 0);
	dojo_sem_signal(&c, c.batch.va + KIB(32), 1, DOJO_SEM_ADD);
	size = c.used;
	for (i = 0; i < count; i++)
		ASSERT_EQ(0, dojo_submit_one(c.fd, c.dma, c.batch.va, size,
					     i == count - 1 ? c.done : 0));
	ASSERT_EQ(0, dojo_syncobj_wait(c.fd, c.done, dojo_patience()));
	EXPECT_EQ(count, dojo_peek64((char *)c.batch.map + KIB(32)));
	ASSERT_EQ(0, dojo_queue_state(c.fd, c.dma, &state));
	EXPECT_EQ(count, state.completed);
	dojo_client_close(&c);
}

#define BURST_QUEUES	200

/*
 * Has @jobs jobs ready on each of @count queues, lets all go at once, and counts
 * interrupts until they are done. 0 or -errno
 */
static int burst(struct dojo_client *c, const __u32 *queues, int count, int jobs, __u32 timeline,
		 __u64 *point, __u64 *interrupts)
{
	char *gate = (char *)c->batch.map + KIB(32);
	struct drm_dojo_counters before = {}, after = {};
	struct drm_dojo_sync_op signal = {
		.flags = DRM_DOJO_SYNC_OP_TIMELINE | DRM_DOJO_SYNC_OP_SIGNAL,
		.handle = timeline,
	};
	struct drm_dojo_job last = {
		.syncs = { .stride = sizeof(signal), .count = 1, .array = (uintptr_t)&signal },
	};
	__u32 wait_size;
	int i, k, ret = 0;

	dojo_poke64(gate, 0);
	c->used = 0;
	dojo_sem_wait(c, c->batch.va + KIB(32), 1, DOJO_SEM_EQUAL);
	wait_size = c->used;
	dojo_packet(c, DOJO_OP_NOP, sizeof(struct dojo_packet_header));
	for (i = 0; i < count && !ret; i++) {
		ret = dojo_submit_one(c->fd, queues[i], c->batch.va, wait_size, 0);
		for (k = 0; k < jobs - 2 && !ret; k++)
			ret = dojo_submit_one(c->fd, queues[i], c->batch.va + wait_size,
					      c->used - wait_size, 0);
		signal.point = ++*point;
		if (!ret)
			ret = dojo_submit(c->fd, queues[i], 0, &last, 1);
	}
	if (!ret)
		ret = dojo_query(c->fd, DRM_DOJO_QUERY_COUNTERS, &before, sizeof(before));
	dojo_poke64(gate, 1);
	if (!ret)
		ret = dojo_timeline_wait(c->fd, timeline, *point, dojo_patience());
	if (!ret)
		ret = dojo_query(c->fd, DRM_DOJO_QUERY_COUNTERS, &after, sizeof(after));
	*interrupts = after.interrupts - before.interrupts;
	return ret;
}

/* The fewest interrupts a burst; the driver needs to see load before it has the card gather */
static __u64 fewest_interrupts(struct __test_metadata *_metadata, int count, int jobs)
{
	/* what waits at the gate while others are submitted is no hang, however long that is */
	struct drm_dojo_queue_create args = {
		.ring_jobs = jobs,
		.timeout_ns = 600000000000ull,
	};
	__u64 point = 0, n, fewest = ~0ull;
	__u32 queues[BURST_QUEUES], timeline;
	struct dojo_client c;
	int i;

	ASSERT_EQ(0, dojo_client_open(&c, 0));
	ASSERT_EQ(0, dojo_syncobj_create(c.fd, &timeline));
	for (i = 0; i < count; i++) {
		args.vm_id = c.vm;
		args.queue_id = 0;
		ASSERT_EQ(0, dojo_ioctl(c.fd, DRM_IOCTL_DOJO_QUEUE_CREATE, &args));
		queues[i] = args.queue_id;
	}
	for (i = 0; i < 10 && fewest >= (__u64)count * jobs / 4; i++) {
		ASSERT_EQ(0, burst(&c, queues, count, jobs, timeline, &point, &n));
		fewest = n < fewest ? n : fewest;
	}
	dojo_client_close(&c);
	return fewest;
}

TEST_F(stress, a_busy_queue_interrupts_far_less_than_once_a_job)
{
	EXPECT_LT(fewest_interrupts(_metadata, 1, 2048), 2048 / 4);
}

TEST_F(stress, many_busy_queues_interrupt_far_less_than_once_a_job)
{
	EXPECT_LT(fewest_interrupts(_metadata, BURST_QUEUES, 8), BURST_QUEUES * 8 / 4);
}

int main(int argc, char **argv)
{
	return dojo_test_main(argc, argv, NULL);
}
