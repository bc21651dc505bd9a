// SPDX-License-Identifier: GPL-2.0-only
/* The caller's own memory, bound in an address space: correct whatever the CPU does to it */
#include <fcntl.h>
#include <pthread.h>
#include <string.h>

#include "dojo_harness.h"

#define AREA	KIB(256)

FIXTURE(userptr) {
	struct dojo_client c;
	struct dojo_buf host;
	unsigned char *memory;
	__u64 va;
};

static int bind(struct dojo_client *c, void *memory, __u64 va, __u64 size, __u32 flags)
{
	struct drm_dojo_bind_op op = {
		.type = DRM_DOJO_BIND_USERPTR,
		.flags = flags,
		.offset = (uintptr_t)memory,
		.va = va,
		.size = size,
	};

	return dojo_vm_bind(c->fd, c->vm, &op, 1, NULL);
}

static void *anonymous(size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

FIXTURE_SETUP(userptr)
{
	ASSERT_EQ(0, dojo_client_open(&self->c, 0));
	ASSERT_EQ(0, dojo_buf_create(&self->c, &self->host, AREA, DRM_DOJO_DOMAIN_SYSTEM,
				     DRM_DOJO_BO_CPU_ACCESS));
	self->memory = anonymous(AREA);
	ASSERT_NE(MAP_FAILED, (void *)self->memory);
	dojo_pattern(self->memory, AREA, 1);
	self->va = dojo_hole(&self->c, AREA);
	ASSERT_EQ(0, bind(&self->c, self->memory, self->va, AREA, 0));
}

FIXTURE_TEARDOWN(userptr)
{
	dojo_client_close(&self->c);
}

/* What the device sees at @va, in @host */
static int device_reads(struct dojo_client *c, struct dojo_buf *host, __u64 va)
{
	dojo_copy(c, host->va, va, AREA);
	return dojo_run(c, c->dma);
}

static int device_fills(struct dojo_client *c, __u64 va, __u64 size, unsigned char byte)
{
	dojo_fill(c, va, size, byte * 0x01010101u);
	return dojo_run(c, c->dma);
}

TEST_F(userptr, the_device_reads_it)
{
	ASSERT_EQ(0, device_reads(&self->c, &self->host, self->va));
	EXPECT_EQ(-1, dojo_pattern_check(self->host.map, AREA, 1));
}

TEST_F(userptr, the_device_writes_it)
{
	ASSERT_EQ(0, device_fills(&self->c, self->va, AREA, 0x42));
	EXPECT_EQ(-1, dojo_not_all(self->memory, AREA, 0x42));
}

TEST_F(userptr, memory_that_was_never_touched_is_zero)
{
	void *fresh = anonymous(AREA);
	__u64 va = dojo_hole(&self->c, AREA);

	ASSERT_NE(MAP_FAILED, fresh);
	ASSERT_EQ(0, bind(&self->c, fresh, va, AREA, 0));
	ASSERT_EQ(0, device_reads(&self->c, &self->host, va));
	EXPECT_EQ(-1, dojo_not_all(self->host.map, AREA, 0));
}

TEST_F(userptr, part_of_a_mapping)
{
	__u64 va = dojo_hole(&self->c, AREA);

	ASSERT_EQ(0, bind(&self->c, self->memory + 4 * PAGE, va, 2 * PAGE, 0));
	ASSERT_EQ(0, device_fills(&self->c, va, 2 * PAGE, 0x43));
	EXPECT_EQ(-1, dojo_pattern_check(self->memory, 4 * PAGE, 1));
	EXPECT_EQ(-1, dojo_not_all(self->memory + 4 * PAGE, 2 * PAGE, 0x43));
	EXPECT_NE(0x43, self->memory[6 * PAGE]);
}

TEST_F(userptr, readonly_is_read_and_not_written)
{
	__u64 va = dojo_hole(&self->c, AREA);

	ASSERT_EQ(0, bind(&self->c, self->memory, va, AREA, DRM_DOJO_BIND_READONLY));
	ASSERT_EQ(0, device_reads(&self->c, &self->host, va));
	EXPECT_EQ(-1, dojo_pattern_check(self->host.map, AREA, 1));
	EXPECT_EQ(-EFAULT, device_fills(&self->c, va, 64, 0));
	EXPECT_EQ(-1, dojo_pattern_check(self->memory, AREA, 1));
}

TEST_F(userptr, memory_that_cannot_be_written_can_be_bound_readonly)
{
	__u64 va = dojo_hole(&self->c, AREA);

	ASSERT_EQ(0, mprotect(self->memory, AREA, PROT_READ));
	ASSERT_EQ(0, bind(&self->c, self->memory, va, AREA, DRM_DOJO_BIND_READONLY));
	ASSERT_EQ(0, device_reads(&self->c, &self->host, va));
	EXPECT_EQ(-1, dojo_pattern_check(self->host.map, AREA, 1));
}

/* ------------------------------------------- what the CPU does meanwhile */

TEST_F(userptr, pages_given_back_are_seen_as_zeros)
{
	ASSERT_EQ(0, device_reads(&self->c, &self->host, self->va));
	ASSERT_EQ(0, madvise(self->memory, AREA, MADV_DONTNEED));
	ASSERT_EQ(0, device_reads(&self->c, &self->host, self->va));
	EXPECT_EQ(-1, dojo_not_all(self->host.map, AREA, 0));
	dojo_pattern(self->memory, AREA, 2);
	ASSERT_EQ(0, device_reads(&self->c, &self->host, self->va));
	EXPECT_EQ(-1, dojo_pattern_check(self->host.map, AREA, 2));
}

TEST_F(userptr, the_parent_s_pages_are_seen_after_a_fork)
{
	int status;
	pid_t pid;

	ASSERT_EQ(0, device_reads(&self->c, &self->host, self->va));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		usleep(200000);
		_exit(dojo_pattern_check(self->memory, AREA, 1) != -1);
	}
	/* these writes give the parent new pages; the device has to follow it */
	dojo_pattern(self->memory, AREA, 3);
	EXPECT_EQ(0, device_reads(&self->c, &self->host, self->va));
	EXPECT_EQ(-1, dojo_pattern_check(self->host.map, AREA, 3));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_F(userptr, a_child_s_copy_is_not_written)
{
	int status;
	pid_t pid;

	ASSERT_EQ(0, device_reads(&self->c, &self->host, self->va));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		usleep(500000);
		_exit(dojo_pattern_check(self->memory, AREA, 1) != -1);
	}
	EXPECT_EQ(0, device_fills(&self->c, self->va, AREA, 0x44));
	EXPECT_EQ(-1, dojo_not_all(self->memory, AREA, 0x44));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_F(userptr, unmapped_memory_is_not_reached)
{
	unsigned char *again;

	ASSERT_EQ(0, device_reads(&self->c, &self->host, self->va));
	ASSERT_EQ(0, munmap(self->memory, AREA));
	/* submission may be refused, or the packet may fault; the bytes may not come */
	dojo_pattern(self->host.map, AREA, 9);
	EXPECT_EQ(-EFAULT, device_reads(&self->c, &self->host, self->va));
	EXPECT_EQ(-1, dojo_pattern_check(self->host.map, AREA, 9));
	again = mmap(self->memory, AREA, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	ASSERT_EQ(self->memory, again);
}

TEST_F(userptr, what_lies_behind_a_hole_is_still_reached)
{
	const __u64 behind = AREA - 2 * PAGE;

	ASSERT_EQ(0, munmap(self->memory + PAGE, PAGE));
	dojo_copy(&self->c, self->host.va, self->va + 2 * PAGE, behind);
	ASSERT_EQ(0, dojo_run(&self->c, self->c.dma));
	EXPECT_EQ(0, memcmp(self->host.map, self->memory + 2 * PAGE, behind));
	EXPECT_EQ(-EFAULT, device_reads(&self->c, &self->host, self->va));
}

TEST_F(userptr, memory_mapped_anew_at_the_same_address_is_seen)
{
	ASSERT_EQ(0, device_reads(&self->c, &self->host, self->va));
	ASSERT_EQ(0, munmap(self->memory, AREA));
	ASSERT_EQ(self->memory, mmap(self->memory, AREA, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	dojo_pattern(self->memory, AREA, 4);
	ASSERT_EQ(0, device_reads(&self->c, &self->host, self->va));
	EXPECT_EQ(-1, dojo_pattern_check(self->host.map, AREA, 4));
}

TEST_F(userptr, memory_moved_away_is_not_followed)
{
	void *moved;

	ASSERT_EQ(0, device_reads(&self->c, &self->host, self->va));
	moved = mremap(self->memory, AREA, AREA, MREMAP_MAYMOVE | MREMAP_FIXED,
		       self->memory + GIB(1));
	ASSERT_NE(MAP_FAILED, moved);
	EXPECT_EQ(-EFAULT, device_fills(&self->c, self->va, PAGE, 0x45));
	EXPECT_EQ(-1, dojo_pattern_check(moved, AREA, 1));
}

TEST_F(userptr, protection_taken_away_is_respected)
{
	ASSERT_EQ(0, device_fills(&self->c, self->va, PAGE, 0x46));
	ASSERT_EQ(0, mprotect(self->memory, AREA, PROT_READ));
	EXPECT_EQ(-EFAULT, device_fills(&self->c, self->va, PAGE, 0x47));
	EXPECT_EQ(-1, dojo_not_all(self->memory, PAGE, 0x46));
}

TEST_F(userptr, unmapping_during_a_job_does_no_harm)
{
	struct drm_dojo_queue_get_state state;
	__u64 *gate = self->host.map;
	int i;

	/* long fills of memory that is unmapped at any time; other memory stays whole */
	for (i = 0; i < 20; i++) {
		unsigned char *memory = anonymous(AREA), *guard = anonymous(AREA);
		__u64 va = dojo_hole(&self->c, AREA);
		int k, ret;

		ASSERT_NE(MAP_FAILED, (void *)memory);
		ASSERT_NE(MAP_FAILED, (void *)guard);
		ASSERT_EQ(0, bind(&self->c, memory, va, AREA, 0));
		dojo_poke64(gate, 0);
		dojo_sem_wait(&self->c, self->host.va, 1, DOJO_SEM_EQUAL);
		for (k = 0; k < 50; k++)
			dojo_fill(&self->c, va, AREA, 0x99999999);
		ASSERT_EQ(0, dojo_start(&self->c, self->c.dma, self->c.done));
		dojo_poke64(gate, 1);
		usleep(i * 100);
		munmap(memory, AREA);
		memset(guard, 0x10, AREA);
		ASSERT_EQ(0, dojo_syncobj_wait(self->c.fd, self->c.done, dojo_patience()));
		ret = dojo_syncobj_status(self->c.fd, self->c.done);
		EXPECT_TRUE(ret == 1 || ret == -EFAULT || ret == -ECANCELED);
		EXPECT_EQ(-1, dojo_not_all(guard, AREA, 0x10));
		munmap(guard, AREA);
		ASSERT_EQ(0, dojo_queue_state(self->c.fd, self->c.dma, &state));
		if (state.status != DRM_DOJO_QUEUE_ACTIVE)
			ASSERT_EQ(0, dojo_client_new_queues(&self->c));
		ASSERT_EQ(0, dojo_vm_unmap(self->c.fd, self->c.vm, va, AREA));
	}
}

struct churn {
	unsigned char *memory;
	unsigned int rounds;
	unsigned int stop;
};

/* Forks, gives pages back and writes them again, until it is told to stop */
static void *churn(void *data)
{
	struct churn *churn = data;
	pid_t pid;

	while (!__atomic_load_n(&churn->stop, __ATOMIC_RELAXED)) {
		pid = fork();
		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
		madvise(churn->memory + AREA / 2, AREA / 2, MADV_DONTNEED);
		mprotect(churn->memory, AREA / 2, PROT_READ);
		mprotect(churn->memory, AREA / 2, PROT_READ | PROT_WRITE);
	}
	return NULL;
}

TEST_F_TIMEOUT(userptr, half_of_it_is_stable_while_a_thread_forks_and_gives_back_the_rest, 120)
{
	unsigned long rounds = dojo_scaled(10000, 50), i;
	struct churn args = { .memory = self->memory };
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, churn, &args));
	for (i = 0; i < rounds; i++) {
		int ret = device_reads(&self->c, &self->host, self->va);

		/* caught while it may not be written: the next round will do */
		if (ret) {
			EXPECT_EQ(-EFAULT, ret);
			ASSERT_EQ(0, dojo_client_new_queues(&self->c));
			continue;
		}
		ASSERT_EQ(-1, dojo_pattern_check(self->host.map, AREA / 2, 1));
	}
	__atomic_store_n(&args.stop, 1, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(thread, NULL));
}

/* ----------------------------------------------------------- migration */

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

#define MOVED		(2 * HUGE_PAGE)

/*
 * Has the kernel make large pages of it and split them, now and then compact all
 * memory, which takes long, until told to stop. Once a round: what moves all the
 * time is never in one place long enough for a slow kernel to start a job on it.
 */
static void *move_about(void *data)
{
	struct churn *churn = data;
	unsigned int i, round;
	char range[64];

	snprintf(range, sizeof(range), "%d,%#lx,%#llx", getpid(), (unsigned long)churn->memory,
		 (unsigned long)churn->memory + MOVED);
	for (i = 0; !__atomic_load_n(&churn->stop, __ATOMIC_RELAXED); i++) {
		round = __atomic_load_n(&churn->rounds, __ATOMIC_RELAXED);
		madvise(churn->memory, MOVED, MADV_COLLAPSE);
		dojo_write_file("/sys/kernel/debug/split_huge_pages", range);
		if (i % 16 == 0)
			dojo_write_file("/proc/sys/vm/compact_memory", "1");
		while (__atomic_load_n(&churn->rounds, __ATOMIC_RELAXED) == round &&
		       !__atomic_load_n(&churn->stop, __ATOMIC_RELAXED))
			usleep(100);
	}
	return NULL;
}

/* Where the pages of @memory are, as a sum of frame numbers */
static __u64 places(const void *memory)
{
	__u64 entry[64], sum = 0;
	int i, fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	if (pread(fd, entry, sizeof(entry), (uintptr_t)memory / PAGE * 8) == sizeof(entry))
		for (i = 0; i < 64; i++)
			sum += (i + 1) * (entry[i] & (BIT(55) - 1));
	close(fd);
	return sum;
}

TEST_F_TIMEOUT(userptr, pages_may_be_migrated_while_jobs_run, 240)
{
	unsigned long rounds = dojo_scaled(2000, 10), moves = 0, i;
	unsigned char *raw = anonymous(MOVED + HUGE_PAGE), *memory;
	struct churn args = { 0 };
	__u64 va = dojo_hole(&self->c, MOVED), before;
	pthread_t thread;

	ASSERT_NE(MAP_FAILED, (void *)raw);
	memory = (void *)(((uintptr_t)raw + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1));
	dojo_pattern(memory, MOVED / 2, 3);
	memset(memory + MOVED / 2, 0, MOVED / 2);
	ASSERT_EQ(0, bind(&self->c, memory, va, MOVED, 0));
	args.memory = memory;
	before = places(memory);
	ASSERT_EQ(0, pthread_create(&thread, NULL, move_about, &args));
	for (i = 0; i < rounds; i++) {
		/* over there, and some of it back */
		dojo_copy(&self->c, va + MOVED / 2, va, MOVED / 2);
		dojo_fill(&self->c, va, PAGE, i);
		dojo_copy(&self->c, va, va + MOVED / 2, PAGE);
		ASSERT_EQ(0, dojo_run(&self->c, self->c.dma));
		ASSERT_EQ(-1, dojo_pattern_check(memory, MOVED / 2, 3));
		ASSERT_EQ(-1, dojo_pattern_check(memory + MOVED / 2, MOVED / 2, 3));
		memset(memory + MOVED / 2, 0, MOVED / 2);
		moves += places(memory) != before;
		before = places(memory);
		__atomic_add_fetch(&args.rounds, 1, __ATOMIC_RELAXED);
	}
	__atomic_store_n(&args.stop, 1, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_GT(moves, 0);
	ASSERT_EQ(0, dojo_vm_unmap(self->c.fd, self->c.vm, va, MOVED));
	munmap(raw, MOVED + HUGE_PAGE);
}

/* ----------------------------------------------------------- bad input */

TEST_F(userptr, unmapped_addresses_are_refused)
{
	void *gone = anonymous(AREA);

	munmap(gone, AREA);
	EXPECT_EQ(-EFAULT, bind(&self->c, gone, dojo_hole(&self->c, AREA), AREA, 0));
}

TEST_F(userptr, kernel_addresses_are_refused)
{
	int ret = bind(&self->c, (void *)0xffff888000000000ull, dojo_hole(&self->c, AREA), AREA, 0);

	EXPECT_TRUE(ret == -EFAULT || ret == -EINVAL);
}

TEST_F(userptr, a_file_s_memory_is_refused_or_shared)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600), ret;
	__u64 va = dojo_hole(&self->c, AREA);
	void *map;

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, ftruncate(fd, AREA));
	map = mmap(NULL, AREA, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	memset(map, 1, AREA);
	ret = bind(&self->c, map, va, AREA, 0);
	if (ret) {
		EXPECT_EQ(-EOPNOTSUPP, ret);
		return;
	}
	ASSERT_EQ(0, device_fills(&self->c, va, AREA, 0x48));
	EXPECT_EQ(-1, dojo_not_all(map, AREA, 0x48));
}

TEST_F(userptr, a_buffer_s_own_mapping_is_refused)
{
	struct dojo_buf hbm;

	ASSERT_EQ(0, dojo_buf_create(&self->c, &hbm, AREA, DRM_DOJO_DOMAIN_HBM,
				     DRM_DOJO_BO_CPU_ACCESS));
	EXPECT_NE(0, bind(&self->c, hbm.map, dojo_hole(&self->c, AREA), AREA, 0));
}

int main(int argc, char **argv)
{
	return dojo_test_main(argc, argv, NULL);
}
