// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine is short of memory: purgeable buffers in system memory are freed, idle ones
 * are swapped out and come back as they were, and those in use stay.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dojo_harness.h"

#define CHUNK	MIB(2)
#define CHUNKS	8
#define SEMAPHORE	(CHUNK - 8)	/* in the buffer that is in use */

FIXTURE(shrinker) {
	struct dojo_client c;
	struct dojo_buf bufs[CHUNKS];
	struct dojo_buf hbm;
	struct dojo_client busy;
	struct dojo_buf in_use;
	char disk[32];
	bool has_swap;
};

static int create_filled(struct dojo_client *c, struct dojo_buf *buf, __u64 seed)
{
	int ret = dojo_buf_create(c, buf, CHUNK, DRM_DOJO_DOMAIN_SYSTEM, DRM_DOJO_BO_CPU_ACCESS);

	if (!ret)
		dojo_pattern(buf->map, CHUNK, seed);
	return ret;
}

FIXTURE_SETUP(shrinker)
{
	struct drm_dojo_queue_create queue = {
		.queue_class = DRM_DOJO_QUEUE_DMA,
		.timeout_ns = 600 * 1000000000ull,
	};
	struct sysinfo system;
	int i;

	ASSERT_EQ(0, dojo_client_open(&self->c, 0));
	for (i = 0; i < CHUNKS; i++)
		ASSERT_EQ(0, create_filled(&self->c, &self->bufs[i], i));
	ASSERT_EQ(0, dojo_buf_create(&self->c, &self->hbm, CHUNK, DRM_DOJO_DOMAIN_HBM, 0));
	dojo_fill(&self->c, self->hbm.va, CHUNK, 0);
	ASSERT_EQ(0, dojo_run(&self->c, self->c.dma));

	/* somebody else's job waits until end_of_use() */
	ASSERT_EQ(0, dojo_client_open(&self->busy, 0));
	ASSERT_EQ(0, create_filled(&self->busy, &self->in_use, 99));
	queue.vm_id = self->busy.vm;
	dojo_poke64((char *)self->in_use.map + SEMAPHORE, 0);
	dojo_sem_wait(&self->busy, self->in_use.va + SEMAPHORE, 1, DOJO_SEM_EQUAL);
	ASSERT_EQ(0, dojo_ioctl(self->busy.fd, DRM_IOCTL_DOJO_QUEUE_CREATE, &queue));
	ASSERT_EQ(0, dojo_start(&self->busy, queue.queue_id, self->busy.done));

	sysinfo(&system);
	self->has_swap = system.totalswap;
}

FIXTURE_TEARDOWN(shrinker)
{
	dojo_client_close(&self->busy);
	dojo_client_close(&self->c);
	if (self->disk[0])
		dojo_swap_end(self->disk);
}

static int end_of_use(struct dojo_client *c, struct dojo_buf *buf)
{
	dojo_poke64((char *)buf->map + SEMAPHORE, 1);
	return dojo_syncobj_wait(c->fd, c->done, dojo_patience());
}

static int advise(int fd, __u32 handle, __u32 advice, __u32 *retained)
{
	struct drm_dojo_bo_advise args = { .handle = handle, .advice = advice };
	int ret = dojo_ioctl(fd, DRM_IOCTL_DOJO_BO_ADVISE, &args);

	*retained = args.retained;
	return ret;
}

static long long resident(int fd)
{
	return dojo_fdinfo_bytes(fd, "resident", "system");
}

/* Asks the kernel to shrink what it can until @fd has no more than @bytes of system memory. */
static bool shrink_to(int fd, long long bytes)
{
	__u64 end = dojo_now_ns() + dojo_patience() * 1000000ull;

	while (resident(fd) > bytes && dojo_now_ns() < end) {
		if (dojo_write_file("/proc/sys/vm/drop_caches", "2"))
			return false;
		usleep(10000);
	}
	return resident(fd) <= bytes;
}

TEST_F(shrinker, purgeable_buffers_are_freed)
{
	struct drm_prime_handle prime = { .flags = DRM_CLOEXEC, .handle = self->bufs[6].handle };
	long long before = resident(self->c.fd), busy = resident(self->busy.fd);
	__u32 retained;
	int i;

	/* 0, 2 and 4 can go; 6 has been exported; the other client's is in use */
	for (i = 0; i < CHUNKS; i += 2)
		ASSERT_EQ(0, advise(self->c.fd, self->bufs[i].handle, DRM_DOJO_ADVICE_PURGEABLE,
				    &retained));
	ASSERT_EQ(0, advise(self->busy.fd, self->in_use.handle, DRM_DOJO_ADVICE_PURGEABLE,
			    &retained));
	ASSERT_EQ(0, dojo_ioctl(self->c.fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime));
	EXPECT_TRUE(shrink_to(self->c.fd, before - 3 * (long long)CHUNK));
	if (!self->has_swap)
		EXPECT_EQ(before - 3 * (long long)CHUNK, resident(self->c.fd));
	EXPECT_EQ(busy, resident(self->busy.fd));

	ASSERT_EQ(0, advise(self->busy.fd, self->in_use.handle, DRM_DOJO_ADVICE_NEEDED, &retained));
	EXPECT_EQ(1, retained);
	for (i = 0; i < CHUNKS; i++) {
		bool gone = i == 0 || i == 2 || i == 4;

		ASSERT_EQ(0, advise(self->c.fd, self->bufs[i].handle, DRM_DOJO_ADVICE_NEEDED,
				    &retained));
		EXPECT_EQ(!gone, retained);
		/* what comes instead is new memory */
		EXPECT_EQ(-1, gone ? dojo_not_all(self->bufs[i].map, CHUNK, 0) :
				     dojo_pattern_check(self->bufs[i].map, CHUNK, i));
	}
	EXPECT_EQ(0, end_of_use(&self->busy, &self->in_use));
	EXPECT_EQ(-1, dojo_pattern_check(self->in_use.map, SEMAPHORE, 99));
	close(prime.fd);
}

TEST_F(shrinker, purged_buffers_can_be_used_by_the_device_again)
{
	long long before = resident(self->c.fd);
	__u32 retained;

	ASSERT_EQ(0, advise(self->c.fd, self->bufs[0].handle, DRM_DOJO_ADVICE_PURGEABLE,
			    &retained));
	ASSERT_TRUE(shrink_to(self->c.fd, before - (long long)CHUNK));
	ASSERT_EQ(0, advise(self->c.fd, self->bufs[0].handle, DRM_DOJO_ADVICE_NEEDED, &retained));
	ASSERT_EQ(0, retained);
	dojo_copy(&self->c, self->bufs[0].va, self->bufs[1].va, CHUNK);
	ASSERT_EQ(0, dojo_run(&self->c, self->c.dma));
	EXPECT_EQ(-1, dojo_pattern_check(self->bufs[0].map, CHUNK, 1));
	EXPECT_EQ(0, end_of_use(&self->busy, &self->in_use));
}

TEST_F(shrinker, without_swap_nothing_else_goes)
{
	long long before = resident(self->c.fd);
	int i;

	if (self->has_swap)
		SKIP(return, "there is swap");
	for (i = 0; i < 5; i++)
		ASSERT_EQ(0, dojo_write_file("/proc/sys/vm/drop_caches", "2"));
	EXPECT_EQ(before, resident(self->c.fd));
	EXPECT_EQ(0, end_of_use(&self->busy, &self->in_use));
}

TEST_F(shrinker, idle_buffers_are_swapped_out_and_come_back_as_they_were)
{
	long long before = resident(self->c.fd), busy = resident(self->busy.fd);
	struct drm_dojo_bo_query query;
	int i;

	if (!self->has_swap && dojo_swap_begin(MIB(256), self->disk, sizeof(self->disk)))
		SKIP(return, "no zram to swap to");
	ASSERT_TRUE(shrink_to(self->c.fd, before - CHUNKS * (long long)CHUNK));
	EXPECT_EQ(busy, resident(self->busy.fd));
	ASSERT_EQ(0, dojo_bo_query(self->c.fd, self->bufs[0].handle, &query));
	EXPECT_EQ(DRM_DOJO_DOMAIN_SYSTEM, query.placement);

	/* the CPU's way and the device's */
	for (i = 0; i < CHUNKS / 2; i++)
		EXPECT_EQ(-1, dojo_pattern_check(self->bufs[i].map, CHUNK, i));
	for (; i < CHUNKS; i++) {
		dojo_copy(&self->c, self->hbm.va, self->bufs[i].va, CHUNK);
		dojo_copy(&self->c, self->bufs[0].va, self->hbm.va, CHUNK);
		ASSERT_EQ(0, dojo_run(&self->c, self->c.dma));
		EXPECT_EQ(-1, dojo_pattern_check(self->bufs[0].map, CHUNK, i));
	}
	EXPECT_EQ(before, resident(self->c.fd));
	EXPECT_EQ(0, end_of_use(&self->busy, &self->in_use));
	EXPECT_EQ(-1, dojo_pattern_check(self->in_use.map, SEMAPHORE, 99));
}

/* Takes all memory there is, and then some, until the parent has seen enough. */
static void take_memory(__u64 bytes, const __u64 *enough)
{
	char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	__u64 at;

	madvise(p, bytes, MADV_HUGEPAGE);
	for (at = 0; p != MAP_FAILED && at < bytes && !dojo_peek64(enough); at += PAGE)
		p[at] = 1;
	_exit(p == MAP_FAILED);
}

TEST_F_TIMEOUT(shrinker, a_program_that_takes_all_memory_gets_that_of_buffers, 300)
{
	long long before = resident(self->c.fd), least = before - 4 * (long long)CHUNK;
	struct sysinfo system;
	__u64 *enough;
	bool ended;
	int i, status = -1;
	__u32 retained;
	pid_t pid;

	if (!self->has_swap && dojo_swap_begin(MIB(64), self->disk, sizeof(self->disk)))
		SKIP(return, "no zram to swap to");
	for (i = 0; i < CHUNKS; i += 2)
		ASSERT_EQ(0, advise(self->c.fd, self->bufs[i].handle, DRM_DOJO_ADVICE_PURGEABLE,
				    &retained));
	enough = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, enough);
	sysinfo(&system);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid)
		take_memory(system.totalram * system.mem_unit + MIB(256), enough);
	do {
		usleep(10000);
		dojo_poke64(enough, resident(self->c.fd) <= least);
		ended = waitpid(pid, &status, WNOHANG) == pid;
	} while (!ended);
	EXPECT_EQ(0, status);
	EXPECT_GE(least, resident(self->c.fd));
	for (i = 1; i < CHUNKS; i += 2)
		EXPECT_EQ(-1, dojo_pattern_check(self->bufs[i].map, CHUNK, i));
	EXPECT_EQ(0, end_of_use(&self->busy, &self->in_use));
	munmap(enough, PAGE);
}

int main(int argc, char **argv)
{
	return dojo_test_main(argc, argv, NULL);
}
