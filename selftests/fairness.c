// SPDX-License-Identifier: GPL-2.0-only
/* Who gets how much of a tile: equal shares, priorities, no starvation, disjoint rectangles */
#include <string.h>

#include "dojo_harness.h"

#define WINDOW_MS	500	/* over which shares are compared */
#define WINDOWS		10
#define JOBS_MAX	4000	/* of each, submitted beforehand: no queue runs dry */
#define COPIES		64	/* of each job; a job's buffer fits in no cache */
#define WORK		MIB(16)

/**
 * struct rival - a queue with work for longer than the test lasts
 * @busy_ns: what it got in the last window
 */
struct rival {
	struct dojo_client c;
	struct dojo_buf buf;
	__u32 queue;
	__u64 busy_ns;
};

static int make_rival(struct rival *r, __u32 queue_class, __u32 priority, const __u8 rect[4])
{
	struct drm_dojo_queue_create args = {
		.queue_class = queue_class,
		.priority = priority,
		.rect_x = rect[0], .rect_y = rect[1], .rect_w = rect[2], .rect_h = rect[3],
		.ring_jobs = JOBS_MAX,
		.timeout_ns = 600 * 1000000000ull,	/* until the last rival is ready */
	};
	unsigned int i, jobs = dojo_scaled(100000, 400);
	__u32 wait_size;
	int ret;

	memset(r, 0, sizeof(*r));
	ret = dojo_client_open(&r->c, 0);
	args.vm_id = r->c.vm;
	if (!ret)
		ret = dojo_ioctl(r->c.fd, DRM_IOCTL_DOJO_QUEUE_CREATE, &args);
	r->queue = args.queue_id;
	if (!ret)
		ret = dojo_buf_create(&r->c, &r->buf, WORK, DRM_DOJO_DOMAIN_HBM, 0);
	if (ret)
		return ret;

	/* the first job waits until all rivals are ready */
	dojo_poke64((char *)r->c.batch.map + KIB(32), 0);
	dojo_sem_wait(&r->c, r->c.batch.va + KIB(32), 1, DOJO_SEM_EQUAL);
	wait_size = r->c.used;
	for (i = 0; i < COPIES; i++)
		dojo_copy(&r->c, r->buf.va, r->buf.va + WORK / 2, WORK / 2);
	ret = dojo_submit_one(r->c.fd, r->queue, r->c.batch.va, wait_size, 0);
	for (i = 1; i < jobs && i < JOBS_MAX && !ret; i++)
		ret = dojo_submit_one(r->c.fd, r->queue, r->c.batch.va + wait_size,
				      r->c.used - wait_size, 0);
	return ret;
}

static void start(struct rival *r, int count)
{
	int i;

	for (i = 0; i < count; i++)
		dojo_poke64((char *)r[i].c.batch.map + KIB(32), 1);
	usleep(100000);
}

static void stop(struct rival *r, int count)
{
	int i;

	for (i = 0; i < count; i++)
		dojo_client_close(&r[i].c);
}

/* How long its engine has been busy; nothing if it has run out of work */
static __u64 busy_of(struct rival *r)
{
	struct drm_dojo_queue_get_state state;

	if (dojo_queue_state(r->c.fd, r->queue, &state) || state.submitted == state.completed)
		return 0;
	return state.busy_ns;
}

/* What each gets in a window of time; false if one has run out of work */
static bool watch(struct rival *r, int count)
{
	__u64 busy;
	int i;

	for (i = 0; i < count; i++)
		r[i].busy_ns = busy_of(&r[i]);
	usleep(WINDOW_MS * 1000);
	for (i = 0; i < count; i++) {
		busy = busy_of(&r[i]);
		if (!busy)
			return false;
		r[i].busy_ns = busy - r[i].busy_ns;
	}
	return true;
}

static bool equal(const struct rival *r, int count, __u64 percent)
{
	__u64 least = ~0ull, most = 0;
	int i;

	for (i = 0; i < count; i++) {
		least = r[i].busy_ns < least ? r[i].busy_ns : least;
		most = r[i].busy_ns > most ? r[i].busy_ns : most;
	}
	return least && most * 100 <= least * (100 + percent);
}

/*
 * Turns are measured in time, of which a busy host may take any amount from a turn
 * by chance; what is unfair by nature is so in every window.
 */
static bool equal_in_some_window(struct rival *r, int count, __u64 percent)
{
	int i;

	for (i = 0; i < WINDOWS && watch(r, count); i++)
		if (equal(r, count, percent))
			return true;
	return false;
}

static const __u8 whole[4];

TEST(two_equal_clients_get_equal_shares_of_the_mesh)
{
	struct rival r[2];
	int i;

	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, make_rival(&r[i], DRM_DOJO_QUEUE_COMPUTE, DRM_DOJO_PRIORITY_NORMAL,
					whole));
	start(r, 2);
	EXPECT_TRUE(equal_in_some_window(r, 2, 10));
	stop(r, 2);
}

TEST(four_equal_clients_get_equal_shares_of_the_dma_engines)
{
	struct rival r[4];
	int i;

	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, make_rival(&r[i], DRM_DOJO_QUEUE_DMA, DRM_DOJO_PRIORITY_NORMAL,
					whole));
	start(r, 4);
	EXPECT_TRUE(equal_in_some_window(r, 4, 50));
	stop(r, 4);
}

TEST(a_higher_priority_gets_more)
{
	struct rival r[2];
	int i;

	ASSERT_EQ(0, make_rival(&r[0], DRM_DOJO_QUEUE_COMPUTE, DRM_DOJO_PRIORITY_LOW, whole));
	ASSERT_EQ(0, make_rival(&r[1], DRM_DOJO_QUEUE_COMPUTE, DRM_DOJO_PRIORITY_HIGH, whole));
	start(r, 2);
	/* as for equal shares, a window may be disturbed */
	for (i = 0; i < WINDOWS && watch(r, 2); i++)
		if (r[1].busy_ns > 2 * r[0].busy_ns)
			break;
	EXPECT_GT(r[1].busy_ns, 2 * r[0].busy_ns);
	stop(r, 2);
}

TEST(the_lowest_priority_is_not_starved)
{
	struct rival r[2];
	int i;

	ASSERT_EQ(0, make_rival(&r[0], DRM_DOJO_QUEUE_COMPUTE, DRM_DOJO_PRIORITY_LOW, whole));
	ASSERT_EQ(0, make_rival(&r[1], DRM_DOJO_QUEUE_COMPUTE, DRM_DOJO_PRIORITY_REALTIME,
				whole));
	start(r, 2);
	for (i = 0; i < WINDOWS && watch(r, 2); i++)
		if (r[0].busy_ns)
			break;
	EXPECT_GT(r[0].busy_ns, 0);
	stop(r, 2);
}

/**
 * struct overlap - how much of a window two queues were on their dies, in hundredths
 * @least: not less than this, 100 if they took turns all the time
 * @most: nor more than this, 200 if they ran side by side all the time
 */
struct overlap {
	__u64 least, most;
};

static __u64 device_ns(int fd)
{
	struct drm_dojo_clock_info clock;

	return dojo_query(fd, DRM_DOJO_QUERY_CLOCK, &clock, sizeof(clock)) ? 0 : clock.device_ns;
}

/*
 * The card's clock is read before and after the queues are, so that nothing depends on
 * how fast that went. A queue whose thread the host lets wait in a unit is busy, too.
 */
static bool watch_overlap(struct rival r[2], const __u8 rects[2][4], struct overlap *overlap)
{
	__u64 begin[2], end[2], engine = 0;
	int i;

	begin[0] = device_ns(r[0].c.fd);
	for (i = 0; i < 2; i++)
		r[i].busy_ns = busy_of(&r[i]);
	begin[1] = device_ns(r[0].c.fd);
	usleep(WINDOW_MS * 1000);
	end[0] = device_ns(r[0].c.fd);
	for (i = 0; i < 2; i++)
		engine += (busy_of(&r[i]) - r[i].busy_ns) / (rects[i][2] * rects[i][3]);
	end[1] = device_ns(r[0].c.fd);
	if (!begin[0] || !begin[1] || !end[0] || !end[1] || end[0] <= begin[1])
		return false;
	overlap->least = engine * 100 / (end[1] - begin[0]);
	overlap->most = engine * 100 / (end[0] - begin[1]);
	return true;
}

static void make_two(struct __test_metadata *_metadata, struct rival r[2], const __u8 rects[2][4])
{
	int i;

	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, make_rival(&r[i], DRM_DOJO_QUEUE_COMPUTE, DRM_DOJO_PRIORITY_NORMAL,
					rects[i]));
	start(r, 2);
}

TEST(disjoint_rectangles_run_side_by_side)
{
	static const __u8 rects[2][4] = { { 0, 0, 2, 5 }, { 2, 0, 3, 5 } };
	struct overlap overlap = { 0 };
	struct rival r[2];
	int i;

	make_two(_metadata, r, rects);
	/* what takes turns never does */
	for (i = 0; i < WINDOWS && overlap.least <= 130; i++)
		ASSERT_TRUE(watch_overlap(r, rects, &overlap));
	EXPECT_GT(overlap.least, 130);
	stop(r, 2);
}

TEST(overlapping_rectangles_take_turns)
{
	static const __u8 rects[2][4] = { { 0, 0, 3, 5 }, { 2, 0, 3, 5 } };
	struct overlap overlap;
	struct rival r[2];
	int i;

	make_two(_metadata, r, rects);
	for (i = 0; i < 4; i++) {
		ASSERT_TRUE(watch_overlap(r, rects, &overlap));
		EXPECT_LE(overlap.least, 101);
		EXPECT_GT(overlap.most, 0);
	}
	/* and both do */
	for (i = 0; i < 2; i++)
		EXPECT_GT(busy_of(&r[i]), 0);
	stop(r, 2);
}

int main(int argc, char **argv)
{
	return dojo_test_main(argc, argv, NULL);
}
