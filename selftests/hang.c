// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hangs, lost interrupts and memory errors, injected from outside the machine: a bad job
 * costs its own queue.
 */
#include <dirent.h>
#include <fcntl.h>

#include "hang.h"

/* ------------------------------------------------------------- one queue */

TEST_F(hang, a_hung_dma_queue_is_stopped_and_guilty)
{
	ASSERT_EQ(0, inject_hang(self->qmp, self->card, self->tile, "dma", "queue"));
	dojo_fill(&self->c, self->buf.va, AREA, 1);
	EXPECT_EQ(-ETIME, dojo_run(&self->c, self->c.dma));
	EXPECT_EQ(DRM_DOJO_QUEUE_TIMED_OUT, status_of(&self->c, self->c.dma));
}

TEST_F(hang, a_hung_compute_queue_is_stopped_and_guilty)
{
	ASSERT_EQ(0, inject_hang(self->qmp, self->card, self->tile, "compute", "queue"));
	dojo_fill(&self->c, self->buf.va, AREA, 1);
	EXPECT_EQ(-ETIME, dojo_run(&self->c, self->c.compute));
	EXPECT_EQ(DRM_DOJO_QUEUE_TIMED_OUT, status_of(&self->c, self->c.compute));
}

TEST_F(hang, a_hung_queue_says_where_it_was)
{
	const __u32 second = 1024;
	struct drm_dojo_queue_get_state state;

	dojo_packet(&self->c, DOJO_OP_NOP, sizeof(struct dojo_packet_header));
	ASSERT_EQ(0, dojo_run(&self->c, self->c.dma));
	/* at the first unit of another batch */
	ASSERT_EQ(0, inject_hang(self->qmp, self->card, self->tile, "dma", "queue"));
	self->c.used = second;
	dojo_fill(&self->c, self->buf.va, AREA, 1);
	ASSERT_EQ(0, dojo_submit_one(self->c.fd, self->c.dma, self->c.batch.va + second,
				     self->c.used - second, self->c.done));
	ASSERT_EQ(0, dojo_syncobj_wait(self->c.fd, self->c.done, dojo_patience()));
	EXPECT_EQ(-ETIME, dojo_syncobj_status(self->c.fd, self->c.done));
	ASSERT_EQ(0, dojo_queue_state(self->c.fd, self->c.dma, &state));
	EXPECT_EQ(DRM_DOJO_QUEUE_TIMED_OUT, state.status);
	EXPECT_EQ(self->c.batch.va + second, state.batch_va);
	EXPECT_EQ(0, state.packet_offset);
	EXPECT_EQ(2, state.fault_seqno);
	EXPECT_EQ(1, state.resets);
}

TEST_F(hang, a_queue_that_waits_in_its_batch_says_where)
{
	struct drm_dojo_queue_get_state state;

	dojo_poke64(self->buf.map, 0);
	dojo_packet(&self->c, DOJO_OP_NOP, sizeof(struct dojo_packet_header));
	dojo_sem_wait(&self->c, self->buf.va, 1, DOJO_SEM_EQUAL);
	EXPECT_EQ(-ETIME, dojo_run(&self->c, self->c.compute));
	ASSERT_EQ(0, dojo_queue_state(self->c.fd, self->c.compute, &state));
	EXPECT_EQ(self->c.batch.va, state.batch_va);
	EXPECT_EQ(sizeof(struct dojo_packet_header), state.packet_offset);
	EXPECT_EQ(DOJO_OP_SEM_WAIT, state.packet_opcode);
}

/* Kernel log lines since @log was at its end that contain all of the words */
static unsigned int log_lines(int log, const char *word, const char *other)
{
	unsigned int lines = 0;
	char record[8192];
	ssize_t n;

	while ((n = read(log, record, sizeof(record) - 1)) > 0 || errno == EPIPE) {
		if (n <= 0)
			continue;
		record[n] = 0;
		lines += strstr(record, word) && strstr(record, other);
	}
	return lines;
}

TEST_F(hang, a_message_names_the_process_and_the_queue)
{
	char who[64], comm[32] = "";
	unsigned int tries, found = 0;
	int log;

	log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ASSERT_GE(log, 0);
	lseek(log, 0, SEEK_END);
	ASSERT_GT(dojo_read_file("/proc/self/comm", comm, sizeof(comm)), 0);
	comm[strcspn(comm, "\n")] = 0;
	snprintf(who, sizeof(who), " of %s[%d] stopped: opcode fault", comm, getpid());
	/* earlier tests may have used up what the limit allows in some seconds */
	for (tries = 0; tries < 40 && !found; tries++) {
		if (tries)
			usleep(500000);
		dojo_packet(&self->c, 0x7f, sizeof(struct dojo_packet_header));
		EXPECT_EQ(-EINVAL, dojo_run(&self->c, self->c.compute));
		ASSERT_EQ(0, short_queues(&self->c));
		found = log_lines(log, who, "(compute)");
	}
	EXPECT_EQ(1, found);
	close(log);
}

TEST_F(hang, messages_are_limited)
{
	const __u64 start = dojo_now_ns();
	unsigned int i, lines, most;
	int log;

	log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ASSERT_GE(log, 0);
	lseek(log, 0, SEEK_END);
	for (i = 0; i < 100; i++) {
		dojo_packet(&self->c, 0x7f, sizeof(struct dojo_packet_header));
		EXPECT_EQ(-EINVAL, dojo_run(&self->c, self->c.dma));
		ASSERT_EQ(0, short_queues(&self->c));
	}
	/* ten in five seconds */
	most = 10 * (2 + (dojo_now_ns() - start) / 5000000000ull);
	lines = log_lines(log, "stopped: opcode fault", "");
	EXPECT_LE(lines, most);
	close(log);
}

TEST_F(hang, jobs_behind_a_hung_one_are_cancelled)
{
	__u32 behind;

	ASSERT_EQ(0, dojo_syncobj_create(self->c.fd, &behind));
	ASSERT_EQ(0, inject_hang(self->qmp, self->card, self->tile, "dma", "queue"));
	dojo_fill(&self->c, self->buf.va, AREA, 1);
	ASSERT_EQ(0, dojo_start(&self->c, self->c.dma, self->c.done));
	ASSERT_EQ(0, dojo_submit_one(self->c.fd, self->c.dma, 0, 0, behind));
	ASSERT_EQ(0, dojo_syncobj_wait(self->c.fd, behind, dojo_patience()));
	EXPECT_EQ(-ETIME, dojo_syncobj_status(self->c.fd, self->c.done));
	EXPECT_EQ(-ECANCELED, dojo_syncobj_status(self->c.fd, behind));
	EXPECT_EQ(-ECANCELED, dojo_submit_one(self->c.fd, self->c.dma, 0, 0, 0));
}

TEST_F(hang, a_hung_queue_costs_nobody_else_anything)
{
	long resets = tile_number(self->minor, "resets");

	ASSERT_EQ(0, inject_hang(self->qmp, self->card, self->tile, "dma", "queue"));
	dojo_fill(&self->c, self->buf.va, AREA, 1);
	ASSERT_EQ(0, dojo_start(&self->c, self->c.dma, self->c.done));
	usleep(20000);
	/* while it hangs, and afterwards: the tile has a second DMA engine */
	EXPECT_EQ(0, bystander_reads(&self->other, &self->other_hbm, &self->other_host,
				     self->other.dma));
	EXPECT_EQ(0, bystander_reads(&self->other, &self->other_hbm, &self->other_host,
				     self->other.compute));
	ASSERT_EQ(0, dojo_syncobj_wait(self->c.fd, self->c.done, dojo_patience()));
	EXPECT_EQ(-ETIME, dojo_syncobj_status(self->c.fd, self->c.done));
	EXPECT_EQ(0, bystander_reads(&self->other, &self->other_hbm, &self->other_host,
				     self->other.dma));
	EXPECT_EQ(resets, tile_number(self->minor, "resets"));
}

TEST_F(hang, the_engine_works_again_after_a_hang)
{
	int i;

	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, inject_hang(self->qmp, self->card, self->tile,
					 i & 1 ? "dma" : "compute", "queue"));
		dojo_fill(&self->c, self->buf.va, AREA, 1);
		EXPECT_EQ(-ETIME, dojo_run(&self->c, i & 1 ? self->c.dma : self->c.compute));
		ASSERT_EQ(0, short_queues(&self->c));
		dojo_fill(&self->c, self->buf.va, AREA, i);
		EXPECT_EQ(0, dojo_run(&self->c, i & 1 ? self->c.dma : self->c.compute));
	}
}

TEST_F(hang, hangs_are_counted)
{
	long hangs = tile_number(self->minor, "queue_hangs");

	ASSERT_GE(hangs, 0);
	ASSERT_EQ(0, inject_hang(self->qmp, self->card, self->tile, "compute", "queue"));
	dojo_fill(&self->c, self->buf.va, AREA, 1);
	EXPECT_EQ(-ETIME, dojo_run(&self->c, self->c.compute));
	EXPECT_EQ(hangs + 1, tile_number(self->minor, "queue_hangs"));
}

TEST_F(hang, a_hung_queue_can_be_destroyed_at_once)
{
	struct drm_dojo_queue_get_state state;

	ASSERT_EQ(0, inject_hang(self->qmp, self->card, self->tile, "dma", "queue"));
	dojo_fill(&self->other, self->other_host.va, AREA, 1);
	/* the bystander's queue has the long timeout */
	ASSERT_EQ(0, dojo_start(&self->other, self->other.dma, self->other.done));
	usleep(50000);
	ASSERT_EQ(0, dojo_queue_destroy(self->other.fd, self->other.dma));
	ASSERT_EQ(0, dojo_syncobj_wait(self->other.fd, self->other.done, dojo_patience()));
	EXPECT_EQ(-ECANCELED, dojo_syncobj_status(self->other.fd, self->other.done));
	EXPECT_EQ(-ENOENT, dojo_queue_state(self->other.fd, self->other.dma, &state));
}

TEST_F(hang, a_hang_with_a_hundred_queues_open)
{
	__u32 queues[100], done;
	int i;

	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, dojo_queue_create(self->other.fd, self->other.vm, i & 1, &queues[i]));
		dojo_fill(&self->other, self->other_host.va, 64, i);
		ASSERT_EQ(0, dojo_run(&self->other, queues[i]));
	}
	ASSERT_EQ(0, inject_hang(self->qmp, self->card, self->tile, "dma", "queue"));
	dojo_fill(&self->c, self->buf.va, AREA, 1);
	EXPECT_EQ(-ETIME, dojo_run(&self->c, self->c.dma));
	ASSERT_EQ(0, dojo_syncobj_create(self->other.fd, &done));
	for (i = 0; i < 100; i++) {
		dojo_fill(&self->other, self->other_host.va, 64, i);
		EXPECT_EQ(0, dojo_run(&self->other, queues[i]));
	}
}

/* Both DMA engines and the whole mesh */
TEST_F(hang, every_engine_hangs_at_once)
{
	static const char * const class[] = { "dma", "dma", "compute" };
	struct drm_dojo_bind_op bind = {
		.type = DRM_DOJO_BIND_NULL,
		.va = dojo_hole(&self->other, MIB(2)),
		.size = MIB(2),
	};
	__u32 queue[3], done[3], by_dma, by_compute;
	int i;

	/* who waits for an engine longer than his own jobs may take does not hang */
	ASSERT_EQ(0, queues_with_timeout(&self->other, long_timeout() / 2));
	ASSERT_EQ(0, dojo_syncobj_create(self->other.fd, &by_dma));
	ASSERT_EQ(0, dojo_syncobj_create(self->other.fd, &by_compute));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, dojo_syncobj_create(self->c.fd, &done[i]));
		ASSERT_EQ(0, queue_with_timeout(&self->c, i / 2, long_timeout(), &queue[i]));
		ASSERT_EQ(0, inject_hang(self->qmp, self->card, self->tile, class[i], "queue"));
		ASSERT_TRUE(start_hung(&self->c, queue[i], self->buf.va, done[i]));
	}
	dojo_fill(&self->other, self->other_host.va, 64, 0x600d);
	i = self->other.used;
	ASSERT_EQ(0, dojo_start(&self->other, self->other.dma, by_dma));
	ASSERT_EQ(0, dojo_submit_one(self->other.fd, self->other.compute, self->other.batch.va, i,
				     by_compute));
	/* the admin ring needs no engine */
	EXPECT_EQ(0, dojo_vm_bind(self->other.fd, self->other.vm, &bind, 1, NULL));
	EXPECT_EQ(0, dojo_vm_unmap(self->other.fd, self->other.vm, bind.va, bind.size));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, dojo_syncobj_wait(self->c.fd, done[i], dojo_patience()));
		EXPECT_EQ(-ETIME, dojo_syncobj_status(self->c.fd, done[i]));
		EXPECT_EQ(DRM_DOJO_QUEUE_TIMED_OUT, status_of(&self->c, queue[i]));
	}
	ASSERT_EQ(0, dojo_syncobj_wait(self->other.fd, by_dma, dojo_patience()));
	EXPECT_EQ(1, dojo_syncobj_status(self->other.fd, by_dma));
	ASSERT_EQ(0, dojo_syncobj_wait(self->other.fd, by_compute, dojo_patience()));
	EXPECT_EQ(1, dojo_syncobj_status(self->other.fd, by_compute));
	EXPECT_EQ(DRM_DOJO_QUEUE_ACTIVE, status_of(&self->other, self->other.dma));
	EXPECT_EQ(DRM_DOJO_QUEUE_ACTIVE, status_of(&self->other, self->other.compute));
}

TEST_F(hang, binds_do_not_wait_for_a_hung_queue)
{
	struct dojo_client *who[] = { &self->c, &self->other };
	__u32 queue, done;
	int i;

	ASSERT_EQ(0, dojo_syncobj_create(self->c.fd, &done));
	ASSERT_EQ(0, queue_with_timeout(&self->c, DRM_DOJO_QUEUE_COMPUTE, 10 * dojo_patience(),
					&queue));
	ASSERT_EQ(0, inject_hang(self->qmp, self->card, self->tile, "compute", "queue"));
	ASSERT_TRUE(start_hung(&self->c, queue, self->buf.va, done));
	for (i = 0; i < 20; i++) {
		struct dojo_client *c = who[i & 1];
		struct drm_dojo_bind_op bind = {
			.type = DRM_DOJO_BIND_NULL,
			.va = dojo_hole(c, MIB(2)),
			.size = MIB(2),
		};

		EXPECT_EQ(0, dojo_vm_bind(c->fd, c->vm, &bind, 1, NULL));
		dojo_fill(c, bind.va, 64, i);
		EXPECT_EQ(0, dojo_run(c, c->dma));
		EXPECT_EQ(0, dojo_vm_unmap(c->fd, c->vm, bind.va, bind.size));
	}
	/* all that while it hung */
	EXPECT_EQ(DRM_DOJO_QUEUE_ACTIVE, status_of(&self->c, queue));
	EXPECT_EQ(0, dojo_queue_destroy(self->c.fd, queue));
	ASSERT_EQ(0, dojo_syncobj_wait(self->c.fd, done, dojo_patience()));
	EXPECT_EQ(-ECANCELED, dojo_syncobj_status(self->c.fd, done));
}

/* -------------------------------------------------------- what is no hang */

TEST_F(hang, a_slow_job_that_advances_is_no_hang)
{
	const __u64 start = dojo_now_ns();
	struct dojo_buf big;
	int i;

	ASSERT_EQ(0, dojo_buf_create(&self->c, &big, MIB(8), DRM_DOJO_DOMAIN_HBM, 0));
	ASSERT_EQ(0, set(self->qmp, self->card, "inject-engine-slow", "10"));
	for (i = 0; i < 400; i++)
		dojo_fill(&self->c, big.va, big.size, i);
	EXPECT_EQ(0, dojo_run(&self->c, self->c.dma));
	/* else it would prove nothing */
	EXPECT_GT(dojo_now_ns() - start, 2 * TIMEOUT_MS * 1000000ull);
}

TEST_F(hang, a_semaphore_that_nobody_signals_times_out)
{
	dojo_poke64(self->buf.map, 0);
	dojo_sem_wait(&self->c, self->buf.va, 1, DOJO_SEM_EQUAL);
	EXPECT_EQ(-ETIME, dojo_run(&self->c, self->c.dma));
	EXPECT_EQ(DRM_DOJO_QUEUE_TIMED_OUT, status_of(&self->c, self->c.dma));
	EXPECT_EQ(DRM_DOJO_QUEUE_ACTIVE, status_of(&self->c, self->c.compute));
}

TEST_F(hang, two_queues_that_wait_for_each_other_time_out)
{
	__u32 second, start;

	ASSERT_EQ(0, dojo_syncobj_create(self->c.fd, &second));
	memset(self->buf.map, 0, 64);
	dojo_sem_wait(&self->c, self->buf.va, 1, DOJO_SEM_EQUAL);
	dojo_sem_signal(&self->c, self->buf.va + 8, 1, DOJO_SEM_SET);
	start = self->c.used;
	dojo_sem_wait(&self->c, self->buf.va + 8, 1, DOJO_SEM_EQUAL);
	dojo_sem_signal(&self->c, self->buf.va, 1, DOJO_SEM_SET);
	ASSERT_EQ(0, dojo_submit_one(self->c.fd, self->c.dma, self->c.batch.va, start,
				     self->c.done));
	ASSERT_EQ(0, dojo_submit_one(self->c.fd, self->c.compute, self->c.batch.va + start,
				     self->c.used - start, second));
	ASSERT_EQ(0, dojo_syncobj_wait(self->c.fd, self->c.done, dojo_patience()));
	ASSERT_EQ(0, dojo_syncobj_wait(self->c.fd, second, dojo_patience()));
	EXPECT_EQ(-ETIME, dojo_syncobj_status(self->c.fd, self->c.done));
	EXPECT_EQ(-ETIME, dojo_syncobj_status(self->c.fd, second));
	EXPECT_EQ(0, bystander_reads(&self->other, &self->other_hbm, &self->other_host,
				     self->other.dma));
}

/* ------------------------------------------------------------- interrupts */

TEST_F(hang, lost_interrupts_cost_time_and_nothing_else)
{
	int i;

	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, set(self->qmp, self->card, "inject-lost-irq", "1"));
		dojo_fill(&self->c, self->buf.va, 64, i);
		EXPECT_EQ(0, dojo_run(&self->c, i & 1 ? self->c.compute : self->c.dma));
		EXPECT_EQ(i, *(__s32 *)self->buf.map);
	}
}

TEST_F(hang, a_lost_fault_interrupt_is_noticed)
{
	ASSERT_EQ(0, set(self->qmp, self->card, "inject-lost-irq", "1"));
	dojo_packet(&self->c, 0x7f, sizeof(struct dojo_packet_header));
	EXPECT_EQ(-EINVAL, dojo_run(&self->c, self->c.dma));
}

TEST_F(hang, lost_interrupts_are_counted)
{
	long lost = tile_number(self->minor, "lost_interrupts");

	ASSERT_GE(lost, 0);
	ASSERT_EQ(0, set(self->qmp, self->card, "inject-lost-irq", "1"));
	dojo_fill(&self->c, self->buf.va, 64, 1);
	ASSERT_EQ(0, dojo_run(&self->c, self->c.dma));
	EXPECT_GT(tile_number(self->minor, "lost_interrupts"), lost);
}

TEST_F(hang, spurious_interrupts_do_nothing)
{
	struct drm_dojo_card_info card;
	char vector[16];
	__u32 i;

	ASSERT_EQ(0, dojo_query(self->c.fd, DRM_DOJO_QUERY_CARD, &card, sizeof(card)));
	for (i = 0; i < 10 * 4 * card.tiles; i++) {
		snprintf(vector, sizeof(vector), "%u", i % (4 * card.tiles));
		ASSERT_EQ(0, set(self->qmp, self->card, "inject-spurious-irq", vector));
	}
	dojo_fill(&self->c, self->buf.va, 64, 3);
	EXPECT_EQ(0, dojo_run(&self->c, self->c.dma));
}

/* ---------------------------------------------------------- memory errors */

/* A client of the small node that is about to copy memory with errors */
static void poison(struct __test_metadata *_metadata, int qmp, struct dojo_client *c,
		   struct dojo_buf *buf, const char *kind)
{
	__u64 bytes;
	int node = small_node(&bytes);

	if (node < 0)
		SKIP(return, "every tile has too much HBM");
	poison_hbm(_metadata, qmp, node, bytes, c, buf, kind);
	dojo_copy(c, buf->va, buf->va + buf->size / 2, buf->size / 2);
	dojo_copy(c, buf->va + buf->size / 2, buf->va, buf->size / 2);
}

TEST_F(hang, reading_poisoned_memory_stops_the_queue)
{
	struct drm_dojo_queue_get_state state;
	struct dojo_client c = { .fd = -1 };
	struct dojo_buf buf;

	poison(_metadata, self->qmp, &c, &buf, "uncorrected");
	if (c.fd < 0)
		return;
	EXPECT_EQ(-EIO, dojo_run(&c, c.compute));
	ASSERT_EQ(0, dojo_queue_state(c.fd, c.compute, &state));
	EXPECT_EQ(DRM_DOJO_QUEUE_FAULTED, state.status);
	EXPECT_EQ(DOJO_FAULT_POISON, state.fault);
	EXPECT_GE(state.fault_va, buf.va);
	EXPECT_LT(state.fault_va, buf.va + buf.size);
	/* writing makes it good; the next owner of the memory notices nothing */
	dojo_fill(&c, buf.va, buf.size, 1);
	EXPECT_EQ(0, dojo_run(&c, c.dma));
	dojo_copy(&c, buf.va, buf.va + buf.size / 2, buf.size / 2);
	EXPECT_EQ(0, dojo_run(&c, c.dma));
	dojo_client_close(&c);
}

TEST_F(hang, poisoned_memory_costs_nobody_else_anything)
{
	struct drm_dojo_queue_get_state state;
	struct drm_dojo_queue_get_job first, job;
	struct dojo_client c = { .fd = -1 }, other;
	struct dojo_buf buf, hbm, host;
	__u64 bytes;
	int node = small_node(&bytes), i;

	if (node < 0)
		SKIP(return, "every tile has too much HBM");
	ASSERT_EQ(0, dojo_client_open(&other, node));
	ASSERT_EQ(0, dojo_buf_create(&other, &hbm, AREA, DRM_DOJO_DOMAIN_HBM, 0));
	ASSERT_EQ(0, dojo_buf_create(&other, &host, AREA, DRM_DOJO_DOMAIN_SYSTEM,
				     DRM_DOJO_BO_CPU_ACCESS));
	dojo_pattern(host.map, AREA, 1);
	dojo_copy(&other, hbm.va, host.va, AREA);
	ASSERT_EQ(0, dojo_run(&other, other.dma));
	ASSERT_EQ(0, bystander_reads(&other, &hbm, &host, other.compute));
	ASSERT_EQ(0, dojo_queue_job(other.fd, other.compute, 1, &first));

	poison(_metadata, self->qmp, &c, &buf, "uncorrected");
	for (i = 0; i < 10; i++) {
		if (i)
			dojo_copy(&c, buf.va, buf.va + buf.size / 2, buf.size / 2);
		EXPECT_EQ(-EIO, dojo_run(&c, i & 1 ? c.dma : c.compute));
		ASSERT_EQ(0, dojo_client_new_queues(&c));
		EXPECT_EQ(0, bystander_reads(&other, &hbm, &host, other.compute));
		ASSERT_EQ(0, dojo_queue_job(other.fd, other.compute, i + 2, &job));
		EXPECT_EQ(first.model_ps, job.model_ps);
		EXPECT_EQ(first.packets, job.packets);
	}
	ASSERT_EQ(0, dojo_queue_state(other.fd, other.compute, &state));
	EXPECT_EQ(DRM_DOJO_QUEUE_ACTIVE, state.status);
	EXPECT_EQ(0, state.resets);
	/* writing makes it good; the next owner of the memory notices nothing */
	dojo_fill(&c, buf.va, buf.size, 1);
	EXPECT_EQ(0, dojo_run(&c, c.dma));
	dojo_client_close(&c);
	dojo_client_close(&other);
}

TEST_F(hang, corrected_errors_are_counted_and_do_no_harm)
{
	struct dojo_client c = { .fd = -1 };
	char path[160], before[32], after[32];
	struct dojo_buf buf;
	__u64 bytes;

	poison(_metadata, self->qmp, &c, &buf, "corrected");
	if (c.fd < 0)
		return;
	snprintf(path, sizeof(path), "/sys/class/accel/accel%d/device/../dojo/ecc_corrected",
		 dojo_minor(small_node(&bytes)));
	ASSERT_GT(dojo_read_file(path, before, sizeof(before)), 0);
	EXPECT_EQ(0, dojo_run(&c, c.dma));
	ASSERT_GT(dojo_read_file(path, after, sizeof(after)), 0);
	EXPECT_GT(atoi(after), atoi(before));
	dojo_client_close(&c);
}

/* ---------------------------------------------------------------- coredump */

static bool find_coredump(char *path, size_t size)
{
	struct dirent *entry;
	bool found = false;
	DIR *dir = opendir("/sys/class/devcoredump");

	while (dir && !found && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, "devcd", 5))
			continue;
		snprintf(path, size, "/sys/class/devcoredump/%s/data", entry->d_name);
		found = true;
	}
	if (dir)
		closedir(dir);
	return found;
}

static bool coredump_comes(char *path, size_t size)
{
	int tries;

	for (tries = 0; tries < 100; tries++) {
		if (find_coredump(path, size))
			return true;
		usleep(20000);
	}
	return false;
}

/* They go some time after they were told to. */
static void drop_coredumps(void)
{
	char path[300];
	int tries;

	for (tries = 0; tries < 100 && find_coredump(path, sizeof(path)); tries++) {
		dojo_write_file(path, "0");
		usleep(20000);
	}
}

TEST_F(hang, the_first_failure_leaves_a_core_dump)
{
	char path[300], text[256];

	drop_coredumps();	/* what earlier failures have left */
	ASSERT_EQ(0, inject_hang(self->qmp, self->card, self->tile, "dma", "queue"));
	dojo_fill(&self->c, self->buf.va, AREA, 1);
	EXPECT_EQ(-ETIME, dojo_run(&self->c, self->c.dma));
	ASSERT_TRUE(coredump_comes(path, sizeof(path)));
	ASSERT_GT(dojo_read_file(path, text, sizeof(text)), 100);
	EXPECT_EQ(0, strncmp(text, "dojo", 4));
	EXPECT_EQ(0, dojo_write_file(path, "0"));
}

/* Whether the dump has the first words of what failed, where the packet begins */
static bool dump_shows(const char *dump, __u64 va, const __u32 *words)
{
	char heading[64], line[64];
	const char *at;

	snprintf(heading, sizeof(heading), "[packet 0x%llx]\n", va);
	at = strstr(dump, heading);
	snprintf(line, sizeof(line), "0000: %08x %08x ", words[0], words[1]);
	return at && !strncmp(at + strlen(heading), line, strlen(line));
}

static void expect_packet_in_dump(struct __test_metadata *_metadata, struct dojo_client *c,
				  __u32 domain)
{
	static char text[KIB(128)];
	struct dojo_buf buf;
	char path[300];

	drop_coredumps();
	ASSERT_EQ(0, dojo_buf_create(c, &buf, AREA, domain, DRM_DOJO_BO_CPU_ACCESS));
	dojo_fill(c, dojo_hole(c, PAGE), PAGE, 1);
	memcpy(buf.map, c->batch.map, c->used);
	ASSERT_EQ(0, memcmp(c->batch.map, buf.map, c->used));
	ASSERT_EQ(0, dojo_submit_one(c->fd, c->dma, buf.va, c->used, c->done));
	EXPECT_EQ(0, dojo_syncobj_wait(c->fd, c->done, dojo_patience()));
	EXPECT_EQ(-EFAULT, dojo_syncobj_status(c->fd, c->done));
	ASSERT_TRUE(coredump_comes(path, sizeof(path)));
	ASSERT_GT(dojo_read_file(path, text, sizeof(text)), 0);
	drop_coredumps();
	EXPECT_TRUE(dump_shows(text, buf.va, c->batch.map));
}

TEST_F(hang, a_core_dump_shows_the_packet_at_fault)
{
	expect_packet_in_dump(_metadata, &self->c, DRM_DOJO_DOMAIN_SYSTEM);
}

TEST_F(hang, a_core_dump_shows_a_packet_in_hbm_too)
{
	expect_packet_in_dump(_metadata, &self->c, DRM_DOJO_DOMAIN_HBM);
}

int main(int argc, char **argv)
{
	return dojo_test_main(argc, argv, NULL);
}
