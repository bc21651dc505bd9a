// SPDX-License-Identifier: GPL-2.0-only
/*
 * More buffers than HBM: eviction and return are seen in nothing but time. Wants a
 * tile whose HBM is small beside the machine's memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>

#include "dojo_harness.h"

#define CHUNK	MIB(4)

FIXTURE(evict) {
	int node;
	__u64 hbm;
};

/* The node with the least HBM, if six times as much fits into system memory */
static int small_node(__u64 *hbm)
{
	int best = dojo_smallest_node(hbm);
	struct sysinfo system;

	sysinfo(&system);
	return *hbm * 6 <= (__u64)system.totalram * system.mem_unit ? best : -1;
}

FIXTURE_SETUP(evict)
{
	self->node = small_node(&self->hbm);
	if (self->node < 0)
		SKIP(return, "every tile has more HBM than this machine's memory can back up");
}

FIXTURE_TEARDOWN(evict)
{
}

/**
 * struct space - an address space of a process and its share of the buffers
 * @c: client; all of a process have one file
 * @host: to look at a buffer
 * @bufs: HBM buffers of CHUNK bytes
 */
struct space {
	struct dojo_client c;
	struct dojo_buf host;
	struct dojo_buf *bufs;
};

static int fill_space(struct space *space, int fd, unsigned int count, __u64 seed)
{
	unsigned int i;

	space->bufs = calloc(count, sizeof(*space->bufs));
	if (!space->bufs || dojo_client_init(&space->c, dup(fd)) ||
	    dojo_buf_create(&space->c, &space->host, CHUNK, DRM_DOJO_DOMAIN_SYSTEM,
			    DRM_DOJO_BO_CPU_ACCESS))
		return 1;
	for (i = 0; i < count; i++) {
		if (dojo_buf_create(&space->c, &space->bufs[i], CHUNK, DRM_DOJO_DOMAIN_HBM, 0))
			return 2;
		dojo_pattern(space->host.map, CHUNK, seed + i);
		dojo_copy(&space->c, space->bufs[i].va, space->host.va, CHUNK);
		if (dojo_run(&space->c, space->c.dma))
			return 3;
	}
	return 0;
}

static int check_space(struct space *space, unsigned int count, __u64 seed, __u32 queue)
{
	unsigned int i, k;

	for (k = 0; k < count; k++) {
		i = k * 7 % count;	/* in another order */
		memset(space->host.map, 0, PAGE);
		dojo_copy(&space->c, space->host.va, space->bufs[i].va, CHUNK);
		if (dojo_run(&space->c, queue))
			return 4;
		if (dojo_pattern_check(space->host.map, CHUNK, seed + i) != -1)
			return 5;
	}
	return 0;
}

#define SPACES_MAX	16

/*
 * Fills @spaces address spaces with @each bytes of HBM buffers and checks all of
 * them @rounds times. A submission needs all that its own address space binds, so
 * that @each is less than there is HBM. 0, or which step failed.
 */
static int fill_and_check(unsigned int node, unsigned int spaces, __u64 each, int rounds,
			  __u64 seed)
{
	unsigned int count = each / CHUNK, i;
	struct space space[SPACES_MAX];
	int fd = dojo_open(node), round, ret = fd < 0;

	/* 7 and the number have no common divisor: check_space() visits every one */
	count -= count % 7 == 0;
	for (i = 0; i < spaces && !ret; i++)
		ret = fill_space(&space[i], fd, count, seed + i * 10000);
	for (round = 0; round < rounds && !ret; round++)
		for (i = 0; i < spaces && !ret; i++)
			ret = check_space(&space[i], count, seed + i * 10000,
					  round & 1 ? space[i].c.compute : space[i].c.dma);
	return ret;
}

static void run_processes(struct __test_metadata *_metadata, unsigned int node, int processes,
			  unsigned int spaces, __u64 each, int rounds)
{
	int status, i;
	pid_t pids[8];

	for (i = 0; i < processes; i++) {
		pids[i] = fork();
		ASSERT_GE(pids[i], 0);
		if (!pids[i])
			_exit(fill_and_check(node, spaces, each, rounds, i * 1000000));
	}
	for (i = 0; i < processes; i++) {
		ASSERT_EQ(pids[i], waitpid(pids[i], &status, 0));
		EXPECT_EQ(0, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	}
}

TEST_F_TIMEOUT(evict, two_processes_fill_hbm_four_times_over_and_read_everything_back, 600)
{
	struct drm_dojo_memory_info before, after;
	int fd = dojo_open(self->node);

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, dojo_query(fd, DRM_DOJO_QUERY_MEMORY, &before, sizeof(before)));
	/* on the debug kernels not quite twice */
	run_processes(_metadata, self->node, 2, dojo_scaled(250, 2) < 5 ? 2 : 5,
		      self->hbm / 10 * 4, dojo_scaled(8, 1));
	ASSERT_EQ(0, dojo_query(fd, DRM_DOJO_QUERY_MEMORY, &after, sizeof(after)));
	EXPECT_GT(after.evicted, before.evicted);
	EXPECT_GT(after.restored, before.restored);
}

TEST_F_TIMEOUT(evict, two_processes_each_of_which_wants_nearly_all_of_hbm, 300)
{
	run_processes(_metadata, self->node, 2, 1, self->hbm / 10 * 8, dojo_scaled(20, 1));
}

TEST_F(evict, buffers_of_several_address_spaces_of_one_client_overcommit)
{
	const __u64 each = self->hbm / 10 * 6 & ~(CHUNK - 1);
	struct dojo_client c[3];
	struct dojo_buf big[3], host[3];
	int i, round, fd = dojo_open(self->node);

	ASSERT_GE(fd, 0);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, dojo_client_init(&c[i], dup(fd)));
		ASSERT_EQ(0, dojo_buf_create(&c[i], &big[i], each, DRM_DOJO_DOMAIN_HBM, 0));
		ASSERT_EQ(0, dojo_buf_create(&c[i], &host[i], PAGE, DRM_DOJO_DOMAIN_SYSTEM,
					     DRM_DOJO_BO_CPU_ACCESS));
		dojo_fill(&c[i], big[i].va, each, 0x01010101 * (i + 1));
		ASSERT_EQ(0, dojo_run(&c[i], c[i].dma));
	}
	for (round = 0; round < 3; round++)
		for (i = 0; i < 3; i++) {
			dojo_copy(&c[i], host[i].va, big[i].va + each - PAGE, PAGE);
			ASSERT_EQ(0, dojo_run(&c[i], c[i].dma));
			EXPECT_EQ(-1, dojo_not_all(host[i].map, PAGE, i + 1));
		}
}

TEST_F(evict, an_evicted_buffer_is_in_system_memory)
{
	const __u64 size = self->hbm / 10 * 8 & ~(CHUNK - 1);
	struct drm_dojo_bo_query query;
	struct dojo_client a, b;
	struct dojo_buf first, second;

	ASSERT_EQ(0, dojo_client_open(&a, self->node));
	ASSERT_EQ(0, dojo_client_open(&b, self->node));
	ASSERT_EQ(0, dojo_buf_create(&a, &first, size, DRM_DOJO_DOMAIN_HBM, 0));
	dojo_fill(&a, first.va, size, 1);
	ASSERT_EQ(0, dojo_run(&a, a.dma));
	ASSERT_EQ(0, dojo_buf_create(&b, &second, size, DRM_DOJO_DOMAIN_HBM, 0));
	dojo_fill(&b, second.va, size, 2);
	ASSERT_EQ(0, dojo_run(&b, b.dma));
	ASSERT_EQ(0, dojo_bo_query(a.fd, first.handle, &query));
	EXPECT_EQ(DRM_DOJO_DOMAIN_SYSTEM, query.placement);
}

TEST_F(evict, the_cpu_sees_the_same_bytes_after_eviction)
{
	const __u64 size = self->hbm / 10 * 8 & ~(CHUNK - 1);
	struct dojo_client a, b;
	struct dojo_buf first, second;

	ASSERT_EQ(0, dojo_client_open(&a, self->node));
	ASSERT_EQ(0, dojo_client_open(&b, self->node));
	ASSERT_EQ(0, dojo_buf_create(&a, &first, CHUNK, DRM_DOJO_DOMAIN_HBM,
				     DRM_DOJO_BO_CPU_ACCESS));
	dojo_pattern(first.map, CHUNK, 5);
	ASSERT_EQ(0, dojo_buf_create(&b, &second, size, DRM_DOJO_DOMAIN_HBM, 0));
	dojo_fill(&b, second.va, size, 2);
	ASSERT_EQ(0, dojo_run(&b, b.dma));
	EXPECT_EQ(-1, dojo_pattern_check(first.map, CHUNK, 5));
	/* and writes through the old mapping reach the device */
	dojo_pattern(first.map, CHUNK / 2, 6);
	dojo_copy(&a, first.va + CHUNK / 2, first.va, CHUNK / 2);
	ASSERT_EQ(0, dojo_run(&a, a.dma));
	EXPECT_EQ(-1, dojo_pattern_check((char *)first.map + CHUNK / 2, CHUNK / 2, 6));
}

TEST_F(evict, a_mapping_of_the_dma_buf_follows_the_buffer)
{
	const __u64 size = self->hbm / 10 * 8 & ~(CHUNK - 1);
	struct drm_prime_handle prime = { .flags = DRM_CLOEXEC | DRM_RDWR };
	struct dojo_client a, b;
	struct dojo_buf first, second;
	void *map;

	ASSERT_EQ(0, dojo_client_open(&a, self->node));
	ASSERT_EQ(0, dojo_client_open(&b, self->node));
	ASSERT_EQ(0, dojo_buf_create(&a, &first, size, DRM_DOJO_DOMAIN_HBM,
				     DRM_DOJO_BO_CPU_ACCESS));
	prime.handle = first.handle;
	ASSERT_EQ(0, dojo_ioctl(a.fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime));
	map = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_SHARED, prime.fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	dojo_pattern(map, CHUNK, 9);
	ASSERT_EQ(0, dojo_buf_create(&b, &second, size, DRM_DOJO_DOMAIN_HBM, 0));
	dojo_fill(&b, second.va, size, 2);
	ASSERT_EQ(0, dojo_run(&b, b.dma));
	EXPECT_EQ(-1, dojo_pattern_check(map, CHUNK, 9));
	munmap(map, CHUNK);
	close(prime.fd);
	dojo_client_close(&a);
	dojo_client_close(&b);
}

TEST_F(evict, running_jobs_keep_their_buffers)
{
	const __u64 size = self->hbm / 10 * 6 & ~(CHUNK - 1);
	struct dojo_client a, b;
	struct dojo_buf first, host, second;

	/* a's job waits with its buffer in use while b wants the memory */
	ASSERT_EQ(0, dojo_client_open(&a, self->node));
	ASSERT_EQ(0, dojo_client_open(&b, self->node));
	ASSERT_EQ(0, dojo_buf_create(&a, &first, size, DRM_DOJO_DOMAIN_HBM, 0));
	ASSERT_EQ(0, dojo_buf_create(&a, &host, 2 * PAGE, DRM_DOJO_DOMAIN_SYSTEM,
				     DRM_DOJO_BO_CPU_ACCESS));
	dojo_poke64(host.map, 0);
	dojo_fill(&a, first.va, size, 0x31313131);
	dojo_sem_wait(&a, host.va, 1, DOJO_SEM_EQUAL);
	dojo_copy(&a, host.va + PAGE, first.va + size - PAGE, PAGE);
	ASSERT_EQ(0, dojo_start(&a, a.dma, a.done));
	if (!fork()) {
		usleep(300000);
		dojo_poke64(host.map, 1);
		_exit(0);
	}
	ASSERT_EQ(0, dojo_buf_create(&b, &second, size, DRM_DOJO_DOMAIN_HBM, 0));
	dojo_fill(&b, second.va, size, 0x32323232);
	EXPECT_EQ(0, dojo_run(&b, b.dma));
	ASSERT_EQ(0, dojo_syncobj_wait(a.fd, a.done, dojo_patience()));
	EXPECT_EQ(1, dojo_syncobj_status(a.fd, a.done));
	EXPECT_EQ(-1, dojo_not_all((char *)host.map + PAGE, PAGE, 0x31));
}

TEST_F_TIMEOUT(evict, a_working_set_larger_than_hbm_works, 300)
{
	/* what does not fit is used where it is, in system memory */
	EXPECT_EQ(0, fill_and_check(self->node, 1, self->hbm / 10 * 13, 1, 88));
}

TEST_F(evict, a_client_that_takes_too_much_does_not_disturb_another)
{
	struct dojo_client greedy;
	struct dojo_buf buf;
	int i;

	ASSERT_EQ(0, dojo_client_open(&greedy, self->node));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, dojo_buf_create(&greedy, &buf, self->hbm / 2 & ~(CHUNK - 1),
					     DRM_DOJO_DOMAIN_HBM, 0));
		dojo_fill(&greedy, buf.va, buf.size, i);
	}
	ASSERT_EQ(0, dojo_start(&greedy, greedy.dma, greedy.done));
	EXPECT_EQ(0, fill_and_check(self->node, 1, 4 * CHUNK, 1, 77));
	ASSERT_EQ(0, dojo_syncobj_wait(greedy.fd, greedy.done, dojo_patience()));
	EXPECT_EQ(1, dojo_syncobj_status(greedy.fd, greedy.done));
}

TEST_F(evict, purgeable_buffers_go_first_and_say_so)
{
	const __u64 size = self->hbm / 10 * 8 & ~(CHUNK - 1);
	struct drm_dojo_bo_advise advise = { .advice = DRM_DOJO_ADVICE_PURGEABLE };
	struct drm_dojo_memory_info before, after;
	struct dojo_client a, b;
	struct dojo_buf first, second;

	ASSERT_EQ(0, dojo_client_open(&a, self->node));
	ASSERT_EQ(0, dojo_client_open(&b, self->node));
	ASSERT_EQ(0, dojo_buf_create(&a, &first, size, DRM_DOJO_DOMAIN_HBM, 0));
	dojo_fill(&a, first.va, size, 1);
	ASSERT_EQ(0, dojo_run(&a, a.dma));
	advise.handle = first.handle;
	ASSERT_EQ(0, dojo_ioctl(a.fd, DRM_IOCTL_DOJO_BO_ADVISE, &advise));
	ASSERT_EQ(0, dojo_query(a.fd, DRM_DOJO_QUERY_MEMORY, &before, sizeof(before)));
	ASSERT_EQ(0, dojo_buf_create(&b, &second, size, DRM_DOJO_DOMAIN_HBM, 0));
	dojo_fill(&b, second.va, size, 2);
	ASSERT_EQ(0, dojo_run(&b, b.dma));
	ASSERT_EQ(0, dojo_query(a.fd, DRM_DOJO_QUERY_MEMORY, &after, sizeof(after)));
	EXPECT_EQ(before.evicted, after.evicted);
	advise.advice = DRM_DOJO_ADVICE_NEEDED;
	ASSERT_EQ(0, dojo_ioctl(a.fd, DRM_IOCTL_DOJO_BO_ADVISE, &advise));
	EXPECT_EQ(0, advise.retained);
}

TEST_F(evict, purged_memory_is_not_seen_through_an_old_mapping)
{
	const __u64 size = self->hbm / 10 * 8 & ~(CHUNK - 1);
	struct drm_dojo_bo_advise advise = { .advice = DRM_DOJO_ADVICE_PURGEABLE };
	struct dojo_client a, b;
	struct dojo_buf first, second, host;
	__u64 at, step = size / 4;

	ASSERT_EQ(0, dojo_client_open(&a, self->node));
	ASSERT_EQ(0, dojo_client_open(&b, self->node));
	ASSERT_EQ(0, dojo_buf_create(&a, &first, size, DRM_DOJO_DOMAIN_HBM,
				     DRM_DOJO_BO_CPU_ACCESS));
	for (at = 0; at < size; at += step)
		dojo_poke64((char *)first.map + at, 0x11);
	advise.handle = first.handle;
	ASSERT_EQ(0, dojo_ioctl(a.fd, DRM_IOCTL_DOJO_BO_ADVISE, &advise));

	ASSERT_EQ(0, dojo_buf_create(&b, &host, PAGE, DRM_DOJO_DOMAIN_SYSTEM,
				     DRM_DOJO_BO_CPU_ACCESS));
	ASSERT_EQ(0, dojo_buf_create(&b, &second, size, DRM_DOJO_DOMAIN_HBM, 0));
	dojo_fill(&b, second.va, size, 0x77777777);
	ASSERT_EQ(0, dojo_run(&b, b.dma));
	/* touched again it is new memory, for which the other's has to go, and come back */
	for (at = 0; at < size; at += step) {
		EXPECT_EQ(0, dojo_peek64((char *)first.map + at));
		dojo_poke64((char *)first.map + at, 0x22);
		dojo_copy(&b, host.va, second.va + at, PAGE);
		ASSERT_EQ(0, dojo_run(&b, b.dma));
		ASSERT_EQ(-1, dojo_not_all(host.map, PAGE, 0x77));
	}
	munmap(first.map, size);
	dojo_client_close(&a);
	dojo_client_close(&b);
}

TEST_F(evict, sram_is_never_evicted)
{
	struct drm_dojo_memory_info memory;
	struct drm_dojo_bo_query query;
	struct dojo_client a, b;
	struct dojo_buf first, second;
	__u64 size;
	int ret;

	ASSERT_EQ(0, dojo_client_open(&a, self->node));
	ASSERT_EQ(0, dojo_client_open(&b, self->node));
	ASSERT_EQ(0, dojo_query(a.fd, DRM_DOJO_QUERY_MEMORY, &memory, sizeof(memory)));
	size = memory.sram_total / 10 * 6 & ~(CHUNK - 1);
	ASSERT_EQ(0, dojo_buf_create(&a, &first, size, DRM_DOJO_DOMAIN_SRAM, 0));
	dojo_fill(&a, first.va, 4, 1);
	ASSERT_EQ(0, dojo_run(&a, a.dma));
	ret = dojo_buf_create(&b, &second, size, DRM_DOJO_DOMAIN_SRAM, 0);
	if (!ret) {
		dojo_fill(&b, second.va, 4, 1);
		ret = dojo_run(&b, b.dma);
	}
	EXPECT_TRUE(ret == -ENOSPC || ret == -ENOMEM)
		TH_LOG("error %d", ret);
	ASSERT_EQ(0, dojo_bo_query(a.fd, first.handle, &query));
	EXPECT_EQ(DRM_DOJO_DOMAIN_SRAM, query.placement);
}

/* ----------------------------------------------------------- in one piece */

/* Page-table entries that it takes to map a new buffer of HBM, and the tables they lie in */
static __u64 entries_of(struct __test_metadata *_metadata, struct dojo_client *c, __u64 size,
			__u32 flags)
{
	struct drm_dojo_vm_get_state before, after;
	struct drm_dojo_bo_query query;
	__u64 va = dojo_hole(c, size);
	__u32 handle;

	ASSERT_EQ(0, dojo_bo_create(c->fd, size, DRM_DOJO_DOMAIN_HBM, flags, &handle));
	ASSERT_EQ(0, dojo_vm_state(c->fd, c->vm, &before));
	ASSERT_EQ(0, dojo_vm_map(c->fd, c->vm, handle, 0, va, size));
	dojo_fill(c, va, size, 1);
	ASSERT_EQ(0, dojo_run(c, c->dma));
	ASSERT_EQ(0, dojo_vm_state(c->fd, c->vm, &after));
	ASSERT_EQ(0, dojo_bo_query(c->fd, handle, &query));
	EXPECT_EQ(DRM_DOJO_DOMAIN_HBM, query.placement);
	return after.pt_writes - before.pt_writes;
}

/* Every second MiB is free: 8 of them together only when something makes room */
TEST_F(evict, a_contiguous_buffer_is_in_one_piece_though_free_memory_is_not)
{
	const __u64 size = MIB(8);
	unsigned int count = self->hbm / MIB(1), i;
	struct dojo_client c;
	__u32 *handles;

	handles = calloc(count, sizeof(*handles));
	ASSERT_NE(NULL, handles);
	ASSERT_EQ(0, dojo_client_open(&c, self->node));
	for (i = 0; i < count; i++)
		ASSERT_EQ(0, dojo_bo_create(c.fd, MIB(1), DRM_DOJO_DOMAIN_HBM, 0, &handles[i]));
	for (i = 0; i < count; i += 2)
		ASSERT_EQ(0, dojo_bo_close(c.fd, handles[i]));
	/* any buffer is in pieces, of small pages */
	EXPECT_GE(entries_of(_metadata, &c, size, 0), size / PAGE / 2);
	EXPECT_LE(entries_of(_metadata, &c, size, DRM_DOJO_BO_CONTIGUOUS), size / HUGE_PAGE + 3);
	dojo_client_close(&c);
	free(handles);
}

/* --------------------------------------------------------- and guest swap */

#define PAGES_LIMIT	"/sys/module/ttm/parameters/pages_limit"
#define GROUP		"/sys/fs/cgroup/dojo-evict/"

/* Pages swapped out since the machine was started */
static unsigned long swapped_out(void)
{
	char text[16384], *line;

	if (dojo_read_file("/proc/vmstat", text, sizeof(text)) <= 0)
		return 0;
	line = strstr(text, "pswpout ");
	return line ? strtoul(line + strlen("pswpout "), NULL, 10) : 0;
}

/*
 * TTM may have an eighth of the HBM's size in system memory, and the processes as much of what it
 * writes out: the rest has to go to the swap.
 */
TEST_F_TIMEOUT(evict, past_ttm_s_own_limit_and_with_swap_everything_is_read_back, 900)
{
	unsigned long before = swapped_out();
	char disk[32], old[32], text[32];
	unsigned int spaces;

	if (dojo_read_file(PAGES_LIMIT, old, sizeof(old)) <= 0)
		SKIP(return, "TTM has no limit that can be set");
	if (dojo_write_file("/sys/fs/cgroup/cgroup.subtree_control", "+memory"))
		SKIP(return, "no control group of memory");
	if (dojo_swap_begin(5 * self->hbm, disk, sizeof(disk)))
		SKIP(return, "no zram to swap to");

	ASSERT_TRUE(!mkdir(GROUP, 0755) || errno == EEXIST);
	snprintf(text, sizeof(text), "%llu", self->hbm / 8);
	EXPECT_EQ(0, dojo_write_file(GROUP "memory.high", text));
	EXPECT_EQ(0, dojo_write_file(GROUP "cgroup.procs", "0"));
	snprintf(text, sizeof(text), "%llu", self->hbm / 8 / PAGE);
	EXPECT_EQ(0, dojo_write_file(PAGES_LIMIT, text));
	/* on the debug kernels a sixth more than HBM has room for */
	spaces = dojo_scaled(250, 1) < 5 ? 1 : dojo_scaled(5, 2);
	run_processes(_metadata, self->node, 2, spaces, self->hbm / 10 * (spaces == 1 ? 6 : 4),
		      dojo_scaled(4, 1));
	EXPECT_EQ(0, dojo_write_file(PAGES_LIMIT, old));
	EXPECT_EQ(0, dojo_write_file("/sys/fs/cgroup/cgroup.procs", "0"));
	EXPECT_EQ(0, rmdir(GROUP));
	dojo_swap_end(disk);
	EXPECT_GT(swapped_out(), before);
}

int main(int argc, char **argv)
{
	return dojo_test_main(argc, argv, NULL);
}
