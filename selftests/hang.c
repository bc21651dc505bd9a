// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hangs, resets, lost interrupts, memory errors and a dead link, injected from
 * outside the machine: a bad job costs its own queue, and what is lost beside it is
 * told apart from what is guilty.
 */
#include <dirent.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "dojo_harness.h"
#include "dojo_qmp.h"

#define AREA		KIB(64)
#define TIMEOUT_MS	300

/*
 * @c: whose jobs hang; its queues have a short timeout
 * @other: a bystander on the same tile, with a pattern in HBM
 */
FIXTURE(hang) {
	int qmp;
	char card[64];
	char pci[32];
	int minor;
	unsigned int nodes;
	__u32 tile;
	struct dojo_client c;
	struct dojo_buf buf;
	struct dojo_client other;
	struct dojo_buf other_hbm, other_host;
};

static int queue_with_timeout(struct dojo_client *c, __u32 class, unsigned int ms, __u32 *queue)
{
	struct drm_dojo_queue_create args = {
		.vm_id = c->vm,
		.queue_class = class,
		.priority = DRM_DOJO_PRIORITY_NORMAL,
		.timeout_ns = ms * 1000000ull,
	};
	int ret = dojo_ioctl(c->fd, DRM_IOCTL_DOJO_QUEUE_CREATE, &args);

	*queue = args.queue_id;
	return ret;
}

static int short_queues(struct dojo_client *c)
{
	int ret;

	dojo_queue_destroy(c->fd, c->dma);
	dojo_queue_destroy(c->fd, c->compute);
	ret = queue_with_timeout(c, DRM_DOJO_QUEUE_DMA, TIMEOUT_MS, &c->dma);
	if (!ret)
		ret = queue_with_timeout(c, DRM_DOJO_QUEUE_COMPUTE, TIMEOUT_MS, &c->compute);
	return ret;
}

FIXTURE_SETUP(hang)
{
	struct drm_dojo_card_info card;
	struct drm_dojo_tile_info tile;

	self->qmp = dojo_qmp_open();
	if (self->qmp < 0)
		SKIP(return, "no way to the model of the card");
	self->nodes = dojo_nodes();
	self->minor = dojo_minor(0);
	ASSERT_EQ(0, dojo_pci_name(0, self->pci, sizeof(self->pci)));
	ASSERT_EQ(0, dojo_client_open(&self->c, 0));
	ASSERT_EQ(0, dojo_query(self->c.fd, DRM_DOJO_QUERY_CARD, &card, sizeof(card)));
	ASSERT_EQ(0, dojo_query(self->c.fd, DRM_DOJO_QUERY_TILE, &tile, sizeof(tile)));
	self->tile = tile.index;
	ASSERT_EQ(0, dojo_qmp_card(self->qmp, (char *)card.serial, self->card,
				   sizeof(self->card)));

	ASSERT_EQ(0, short_queues(&self->c));
	ASSERT_EQ(0, dojo_buf_create(&self->c, &self->buf, AREA, DRM_DOJO_DOMAIN_SYSTEM,
				     DRM_DOJO_BO_CPU_ACCESS));
	ASSERT_EQ(0, dojo_client_open(&self->other, 0));
	ASSERT_EQ(0, dojo_buf_create(&self->other, &self->other_hbm, AREA, DRM_DOJO_DOMAIN_HBM,
				     0));
	ASSERT_EQ(0, dojo_buf_create(&self->other, &self->other_host, AREA,
				     DRM_DOJO_DOMAIN_SYSTEM, DRM_DOJO_BO_CPU_ACCESS));
	dojo_pattern(self->other_host.map, AREA, 1);
	dojo_copy(&self->other, self->other_hbm.va, self->other_host.va, AREA);
	ASSERT_EQ(0, dojo_run(&self->other, self->other.dma));
}

static int set(int qmp, const char *card, const char *property, const char *value)
{
	return dojo_qmp_set(qmp, card, property, value);
}

static int pci_file(const char *pci, const char *file, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/%s/%s", pci, file);
	return dojo_write_file(path, text);
}

/* Unbind, function level reset, bind: what an administrator does with a wedged card */
static int rebind(const char *pci)
{
	char device[64];
	int ret;

	snprintf(device, sizeof(device), "devices/%s", pci);
	ret = pci_file("drivers/dojo", "unbind", pci);
	if (!ret)
		ret = pci_file(device, "reset", "1");
	if (!ret)
		ret = pci_file("drivers/dojo", "bind", pci);
	return ret;
}

static bool nodes_are_back(unsigned int nodes)
{
	int tries;

	for (tries = 0; tries < 100; tries++) {
		if (dojo_nodes() == nodes)
			return true;
		usleep(50000);
	}
	return false;
}

/* A client that knows nothing of what has been works */
static int fresh_client_works(unsigned int node)
{
	struct dojo_client c;
	int ret;

	ret = dojo_client_open(&c, node);
	if (ret)
		return ret;
	dojo_fill(&c, c.batch.va + KIB(32), 4, 0xf4e5);
	ret = dojo_run(&c, c.dma);
	if (!ret) {
		dojo_fill(&c, c.batch.va + KIB(32), 4, 0xf4e5);
		ret = dojo_run(&c, c.compute);
	}
	dojo_client_close(&c);
	return ret;
}

FIXTURE_TEARDOWN(hang)
{
	EXPECT_EQ(0, set(self->qmp, self->card, "inject-hang", "\"\""));
	EXPECT_EQ(0, set(self->qmp, self->card, "inject-ecc", "\"\""));
	EXPECT_EQ(0, set(self->qmp, self->card, "inject-engine-slow", "1"));
	EXPECT_EQ(0, set(self->qmp, self->card, "inject-lost-irq", "0"));
	EXPECT_EQ(0, set(self->qmp, self->card, "dead", "false"));
	dojo_client_close(&self->c);
	dojo_client_close(&self->other);
	EXPECT_EQ(0, fresh_client_works(0));
	close(self->qmp);
}

static int inject_hang(int qmp, const char *card, __u32 tile, const char *class, const char *level)
{
	char value[128];

	snprintf(value, sizeof(value), "\"tile=%u,class=%s,level=%s\"", tile, class, level);
	return set(qmp, card, "inject-hang", value);
}

/*
 * Starts a small job that hangs and waits until it does: its queue has an engine for
 * longer than the job would take.
 */
static bool start_hung(struct dojo_client *c, __u32 queue, __u64 va, __u32 syncobj)
{
	struct drm_dojo_queue_get_state state;
	unsigned int tries;

	dojo_fill(c, va, 64, 1);
	if (dojo_start(c, queue, syncobj))
		return false;
	for (tries = 0; tries < dojo_patience(); tries++) {
		if (dojo_queue_state(c->fd, queue, &state) || state.completed)
			return false;
		if (state.busy_ns >= 50000000)
			return true;
		usleep(1000);
	}
	return false;
}

/* A number in sysfs, of the tile that has the node with this minor */
static long tile_number(int minor, const char *name)
{
	char path[128], text[64];

	snprintf(path, sizeof(path), "/sys/class/accel/accel%d/device/%s", minor, name);
	return dojo_read_file(path, text, sizeof(text)) > 0 ? strtol(text, NULL, 0) : -1;
}

static bool tile_is(int minor, const char *state)
{
	char path[128], text[64];

	snprintf(path, sizeof(path), "/sys/class/accel/accel%d/device/state", minor);
	if (dojo_read_file(path, text, sizeof(text)) <= 0)
		return false;
	text[strcspn(text, "\n")] = 0;
	return !strcmp(text, state);
}

static bool becomes(int minor, const char *state)
{
	unsigned int tries;

	for (tries = 0; tries < dojo_patience() / 20; tries++) {
		if (tile_is(minor, state))
			return true;
		usleep(20000);
	}
	return false;
}

/* Whether the bystander's pattern is still in HBM, and its queues run */
static int bystander_reads(struct dojo_client *c, struct dojo_buf *hbm, struct dojo_buf *host,
			   __u32 queue)
{
	int ret;

	memset(host->map, 0, AREA);
	dojo_copy(c, host->va, hbm->va, AREA);
	ret = dojo_run(c, queue);
	if (ret)
		return ret;
	return dojo_pattern_check(host->map, AREA, 1) == -1 ? 0 : -EILSEQ;
}

static __u32 status_of(struct dojo_client *c, __u32 queue)
{
	struct drm_dojo_queue_get_state state;

	return dojo_queue_state(c->fd, queue, &state) ? ~0u : state.status;
}

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

	ASSERT_EQ(0, dojo_syncobj_create(self->other.fd, &by_dma));
	ASSERT_EQ(0, dojo_syncobj_create(self->other.fd, &by_compute));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, dojo_syncobj_create(self->c.fd, &done[i]));
		ASSERT_EQ(0, queue_with_timeout(&self->c, i / 2, dojo_patience() / 8, &queue[i]));
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

/* ------------------------------------------------------------- a whole tile */

TEST_F(hang, a_hang_that_a_queue_reset_does_not_cure_resets_the_tile)
{
	long resets = tile_number(self->minor, "resets");

	ASSERT_EQ(0, inject_hang(self->qmp, self->card, self->tile, "dma", "tile"));
	dojo_fill(&self->c, self->buf.va, AREA, 1);
	EXPECT_EQ(-ETIME, dojo_run(&self->c, self->c.dma));
	EXPECT_EQ(DRM_DOJO_QUEUE_TIMED_OUT, status_of(&self->c, self->c.dma));
	ASSERT_TRUE(becomes(self->minor, "up"));
	EXPECT_EQ(resets + 1, tile_number(self->minor, "resets"));
}

TEST_F(hang, a_tile_reset_keeps_hbm_and_idle_queues)
{
	ASSERT_EQ(0, inject_hang(self->qmp, self->card, self->tile, "compute", "tile"));
	dojo_fill(&self->c, self->buf.va, AREA, 1);
	EXPECT_EQ(-ETIME, dojo_run(&self->c, self->c.compute));
	EXPECT_EQ(0, bystander_reads(&self->other, &self->other_hbm, &self->other_host,
				     self->other.dma));
	EXPECT_EQ(0, bystander_reads(&self->other, &self->other_hbm, &self->other_host,
				     self->other.compute));
}

TEST_F(hang, running_jobs_of_others_are_replayed_or_innocent_after_a_tile_reset)
{
	int result;

	/* the bystander has begun a job and waits in it when the tile is reset */
	dojo_poke64(self->other_host.map, 0);
	dojo_sem_wait(&self->other, self->other_host.va, 1, DOJO_SEM_EQUAL);
	ASSERT_EQ(0, dojo_start(&self->other, self->other.compute, self->other.done));
	usleep(20000);
	ASSERT_EQ(0, inject_hang(self->qmp, self->card, self->tile, "dma", "tile"));
	dojo_fill(&self->c, self->buf.va, AREA, 1);
	EXPECT_EQ(-ETIME, dojo_run(&self->c, self->c.dma));
	dojo_poke64(self->other_host.map, 1);
	ASSERT_EQ(0, dojo_syncobj_wait(self->other.fd, self->other.done, dojo_patience()));
	result = dojo_syncobj_status(self->other.fd, self->other.done);
	EXPECT_TRUE(result == 1 || result == -ECANCELED);
	EXPECT_EQ(result == 1 ? DRM_DOJO_QUEUE_ACTIVE : DRM_DOJO_QUEUE_INNOCENT,
		  status_of(&self->other, self->other.compute));
}

/* A job whose turn had not come is done after the reset, and done once */
TEST_F(hang, a_job_that_had_not_begun_is_replayed_after_a_tile_reset)
{
	static const char * const level[] = { "queue", "tile" };
	const unsigned int timeout[] = { 10 * dojo_patience(), dojo_patience() / 8 };
	struct drm_dojo_queue_get_state state;
	long resets = tile_number(self->minor, "resets");
	__u32 queue[2], done[2];
	int i;

	/* no DMA engine is left for the bystander */
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, dojo_syncobj_create(self->c.fd, &done[i]));
		ASSERT_EQ(0, queue_with_timeout(&self->c, DRM_DOJO_QUEUE_DMA, timeout[i],
						&queue[i]));
		ASSERT_EQ(0, inject_hang(self->qmp, self->card, self->tile, "dma", level[i]));
		ASSERT_TRUE(start_hung(&self->c, queue[i], self->buf.va, done[i]));
	}
	dojo_poke64(self->other_host.map, 0);
	dojo_sem_signal(&self->other, self->other_host.va, 1, DOJO_SEM_ADD);
	EXPECT_EQ(0, dojo_run(&self->other, self->other.dma));
	EXPECT_EQ(1, dojo_peek64(self->other_host.map));
	EXPECT_EQ(resets + 1, tile_number(self->minor, "resets"));
	ASSERT_EQ(0, dojo_queue_state(self->other.fd, self->other.dma, &state));
	EXPECT_EQ(DRM_DOJO_QUEUE_ACTIVE, state.status);
	EXPECT_EQ(1, state.resets);
	/* that which had begun is not, and is told from the guilty one */
	ASSERT_EQ(0, dojo_syncobj_wait(self->c.fd, done[0], dojo_patience()));
	EXPECT_EQ(-ECANCELED, dojo_syncobj_status(self->c.fd, done[0]));
	EXPECT_EQ(DRM_DOJO_QUEUE_INNOCENT, status_of(&self->c, queue[0]));
	EXPECT_EQ(-ETIME, dojo_syncobj_status(self->c.fd, done[1]));
	EXPECT_EQ(DRM_DOJO_QUEUE_TIMED_OUT, status_of(&self->c, queue[1]));
}

/* Binds and unbinds all the time */
struct binder {
	struct dojo_client *c;
	__u64 va;
	bool stop;
	unsigned int rounds;
	int error;
};

static void *bind_on_and_on(void *data)
{
	struct binder *b = data;
	const struct drm_dojo_bind_op bind = {
		.type = DRM_DOJO_BIND_NULL,
		.va = b->va,
		.size = MIB(2),
	};

	while (!b->error && !__atomic_load_n(&b->stop, __ATOMIC_RELAXED)) {
		b->error = dojo_vm_bind(b->c->fd, b->c->vm, &bind, 1, NULL);
		if (!b->error)
			b->error = dojo_vm_unmap(b->c->fd, b->c->vm, b->va, MIB(2));
		__atomic_add_fetch(&b->rounds, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

TEST_F(hang, binds_go_on_across_a_tile_reset)
{
	struct binder b = { .c = &self->other, .va = dojo_hole(&self->other, MIB(2)) };
	pthread_t thread;
	unsigned int before;
	int i;

	ASSERT_EQ(0, pthread_create(&thread, NULL, bind_on_and_on, &b));
	ASSERT_EQ(0, inject_hang(self->qmp, self->card, self->tile, "dma", "tile"));
	dojo_fill(&self->c, self->buf.va, AREA, 1);
	EXPECT_EQ(-ETIME, dojo_run(&self->c, self->c.dma));
	EXPECT_TRUE(becomes(self->minor, "up"));
	before = __atomic_load_n(&b.rounds, __ATOMIC_RELAXED);
	for (i = 0; i < 1000 && __atomic_load_n(&b.rounds, __ATOMIC_RELAXED) < before + 3; i++)
		usleep(20000);
	EXPECT_GE(b.rounds, before + 3);
	__atomic_store_n(&b.stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, b.error);
	EXPECT_EQ(0, bystander_reads(&self->other, &self->other_hbm, &self->other_host,
				     self->other.dma));
}

TEST_F(hang, a_tile_reset_does_not_touch_the_other_tile)
{
	struct dojo_client c;
	long resets;

	if (self->nodes < 2)
		SKIP(return, "one tile only");
	resets = tile_number(dojo_minor(1), "resets");
	ASSERT_EQ(0, dojo_client_open(&c, 1));
	dojo_poke64((char *)c.batch.map + KIB(32), 0);
	dojo_sem_wait(&c, c.batch.va + KIB(32), 1, DOJO_SEM_EQUAL);
	ASSERT_EQ(0, dojo_start(&c, c.dma, c.done));
	ASSERT_EQ(0, inject_hang(self->qmp, self->card, self->tile, "dma", "tile"));
	dojo_fill(&self->c, self->buf.va, AREA, 1);
	EXPECT_EQ(-ETIME, dojo_run(&self->c, self->c.dma));
	ASSERT_TRUE(becomes(self->minor, "up"));
	dojo_poke64((char *)c.batch.map + KIB(32), 1);
	ASSERT_EQ(0, dojo_syncobj_wait(c.fd, c.done, dojo_patience()));
	EXPECT_EQ(1, dojo_syncobj_status(c.fd, c.done));
	EXPECT_EQ(resets, tile_number(dojo_minor(1), "resets"));
	dojo_client_close(&c);
}

TEST_F(hang, new_memory_is_zero_although_its_clear_hung)
{
	struct dojo_buf fresh;

	/* the next job on a DMA engine is the kernel's own */
	ASSERT_EQ(0, inject_hang(self->qmp, self->card, self->tile, "dma", "queue"));
	ASSERT_EQ(0, dojo_buf_create(&self->other, &fresh, AREA, DRM_DOJO_DOMAIN_HBM, 0));
	memset(self->other_host.map, 0xff, AREA);
	dojo_copy(&self->other, self->other_host.va, fresh.va, AREA);
	if (!dojo_run(&self->other, self->other.compute))
		EXPECT_EQ(-1, dojo_not_all(self->other_host.map, AREA, 0));
	ASSERT_TRUE(becomes(self->minor, "up"));
}

TEST_F(hang, root_can_reset_the_tile)
{
	long resets = tile_number(self->minor, "resets");
	char path[128];

	snprintf(path, sizeof(path), "/sys/class/accel/accel%d/device/reset", self->minor);
	ASSERT_EQ(0, dojo_write_file(path, "tile"));
	EXPECT_EQ(resets + 1, tile_number(self->minor, "resets"));
	EXPECT_EQ(0, bystander_reads(&self->other, &self->other_hbm, &self->other_host,
				     self->other.dma));
}

/* Two packets, of which one raises an arithmetic flag */
static int run_two_packets(struct dojo_client *c, struct dojo_buf *buf)
{
	struct dojo_packet_compute *max;

	/* the largest finite number, stored in a format that is too small for it */
	*(__u32 *)buf->map = 0x7f7fffff;
	max = dojo_compute(c, DOJO_OP_BINARY, 3);
	max->fn = DOJO_BINARY_MAX;
	max->tensor[0] = dojo_dense(buf->va, DOJO_FORMAT_FP32, 1, 1, 1, 1);
	max->tensor[1] = max->tensor[0];
	max->tensor[2] = dojo_dense(buf->va + 8, DOJO_FORMAT_FP16, 1, 1, 1, 1);
	dojo_copy(c, buf->va + AREA / 2, buf->va, AREA / 2);
	return dojo_run(c, c->compute);
}

TEST_F(hang, what_a_queue_has_done_is_counted_across_a_tile_reset)
{
	struct drm_dojo_queue_get_state before, after, twice;
	struct drm_dojo_queue_get_job job;
	char path[128];

	ASSERT_EQ(0, run_two_packets(&self->c, &self->buf));
	ASSERT_EQ(0, dojo_queue_state(self->c.fd, self->c.compute, &before));
	EXPECT_EQ(2, before.packets);
	EXPECT_EQ(1, before.flags_overflow);
	EXPECT_GT(before.busy_ns, 0);
	EXPECT_GT(before.model_ps, 0);
	EXPECT_GT(before.bytes, AREA);
	EXPECT_GT(before.flop, 0);
	snprintf(path, sizeof(path), "/sys/class/accel/accel%d/device/reset", self->minor);
	ASSERT_EQ(0, dojo_write_file(path, "tile"));

	ASSERT_EQ(0, dojo_queue_state(self->c.fd, self->c.compute, &after));
	EXPECT_EQ(1, after.resets);
	/* it may have been on its engine still */
	EXPECT_LE(before.busy_ns, after.busy_ns);
	EXPECT_EQ(before.model_ps, after.model_ps);
	EXPECT_EQ(before.packets, after.packets);
	EXPECT_EQ(before.bytes, after.bytes);
	EXPECT_EQ(before.flop, after.flop);
	EXPECT_EQ(before.flags_overflow, after.flags_overflow);

	ASSERT_EQ(0, run_two_packets(&self->c, &self->buf));
	ASSERT_EQ(0, dojo_queue_state(self->c.fd, self->c.compute, &twice));
	EXPECT_GT(twice.busy_ns, after.busy_ns);
	EXPECT_EQ(2 * before.packets, twice.packets);
	EXPECT_EQ(2 * before.bytes, twice.bytes);
	EXPECT_EQ(2 * before.flop, twice.flop);
	EXPECT_EQ(2, twice.flags_overflow);
	/* a job's own share is what it was */
	ASSERT_EQ(0, dojo_queue_job(self->c.fd, self->c.compute, 2, &job));
	EXPECT_EQ(2, job.packets);
	EXPECT_EQ(before.bytes, job.bytes);
	EXPECT_EQ(twice.model_ps - after.model_ps, job.model_ps);
	EXPECT_GT(job.busy_ns, 0);
	EXPECT_LE(job.busy_ns, twice.busy_ns - after.busy_ns);
}

TEST_F(hang, the_reset_file_takes_nothing_else)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/class/accel/accel%d/device/reset", self->minor);
	EXPECT_EQ(-EINVAL, dojo_write_file(path, "mesh"));
	ASSERT_EQ(0, dojo_drop_privileges());
	EXPECT_EQ(-EACCES, dojo_write_file(path, "tile"));
	/* the teardown needs root, and a process that is gone needs no teardown */
	_exit(0);
}

/* -------------------------------------------------------------- the card */

TEST_F(hang, a_hang_that_a_tile_reset_does_not_cure_resets_the_card)
{
	ASSERT_EQ(0, inject_hang(self->qmp, self->card, self->tile, "dma", "card"));
	dojo_fill(&self->c, self->buf.va, AREA, 1);
	EXPECT_EQ(-ETIME, dojo_run(&self->c, self->c.dma));
	ASSERT_TRUE(becomes(self->minor, "up"));
	EXPECT_EQ(0, fresh_client_works(0));
}

TEST_F(hang, a_card_reset_makes_the_address_spaces_of_others_unusable_and_innocent)
{
	struct drm_dojo_vm_get_state state;
	char path[128];

	snprintf(path, sizeof(path), "/sys/class/accel/accel%d/device/reset", self->minor);
	ASSERT_EQ(0, dojo_write_file(path, "card"));
	EXPECT_NE(0, bystander_reads(&self->other, &self->other_hbm, &self->other_host,
				     self->other.dma));
	EXPECT_EQ(DRM_DOJO_QUEUE_INNOCENT, status_of(&self->other, self->other.dma));
	ASSERT_EQ(0, dojo_vm_state(self->other.fd, self->other.vm, &state));
	EXPECT_EQ(DRM_DOJO_VM_UNUSABLE, state.state);
	EXPECT_EQ(0, fresh_client_works(0));
}

TEST_F(hang, a_function_level_reset_is_survived)
{
	char device[64];

	snprintf(device, sizeof(device), "devices/%s", self->pci);
	ASSERT_EQ(0, pci_file(device, "reset", "1"));
	ASSERT_TRUE(becomes(self->minor, "up"));
	EXPECT_EQ(0, fresh_client_works(0));
	EXPECT_NE(0, bystander_reads(&self->other, &self->other_hbm, &self->other_host,
				     self->other.dma));
}

/* ----------------------------------------------------------------- wedged */

static int uevent_socket(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	return fd;
}

static bool uevent_has(const char *text, const char *end, const char *variable)
{
	for (; text < end; text += strlen(text) + 1)
		if (!strcmp(text, variable))
			return true;
	return false;
}

/* Waits for an uevent of the accel device @name with the first variable: has it the others? */
static bool uevent_comes(int fd, const char *name, const char * const *variables, int count)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	char text[4096], path[64];
	ssize_t n, len;
	int i;

	snprintf(path, sizeof(path), "/%s", name);
	while (poll(&poll_fd, 1, dojo_patience()) == 1) {
		n = recv(fd, text, sizeof(text) - 1, 0);
		if (n <= 0)
			return false;
		text[n] = 0;
		/* "change@/devices/.../accel0" */
		len = strlen(text) - strlen(path);
		if (len < 0 || strcmp(text + len, path) ||
		    !uevent_has(text, text + n, variables[0]))
			continue;
		for (i = 1; i < count; i++)
			if (!uevent_has(text, text + n, variables[i]))
				return false;
		return true;
	}
	return false;
}

TEST_F(hang, a_card_that_no_reset_helps_is_wedged_and_says_so)
{
	char name[32], pid[32], task[64] = "TASK=";
	const char * const variables[] = {
		"WEDGED=rebind,bus-reset", pid, task, "ACTION=change", "SUBSYSTEM=accel",
	};
	int uevents = uevent_socket();

	ASSERT_GE(uevents, 0);
	snprintf(pid, sizeof(pid), "PID=%d", getpid());
	ASSERT_GT(dojo_read_file("/proc/self/comm", task + 5, sizeof(task) - 5), 0);
	task[strcspn(task, "\n")] = 0;
	ASSERT_EQ(0, inject_hang(self->qmp, self->card, self->tile, "dma", "flr"));
	dojo_fill(&self->c, self->buf.va, AREA, 1);
	EXPECT_EQ(-ETIME, dojo_run(&self->c, self->c.dma));
	snprintf(name, sizeof(name), "accel%d", self->minor);
	EXPECT_TRUE(uevent_comes(uevents, name, variables, ARRAY_SIZE(variables)));
	EXPECT_TRUE(becomes(self->minor, "wedged"));
	EXPECT_EQ(0, rebind(self->pci));
	EXPECT_TRUE(nodes_are_back(self->nodes));
}

TEST_F(hang, ioctls_on_a_wedged_tile_are_cancelled)
{
	struct drm_dojo_bo_create create = { .size = PAGE };
	struct drm_dojo_card_info card;

	ASSERT_EQ(0, inject_hang(self->qmp, self->card, self->tile, "dma", "flr"));
	dojo_fill(&self->c, self->buf.va, AREA, 1);
	EXPECT_EQ(-ETIME, dojo_run(&self->c, self->c.dma));
	EXPECT_TRUE(becomes(self->minor, "wedged"));
	EXPECT_EQ(-ECANCELED, dojo_submit_one(self->other.fd, self->other.dma, 0, 0, 0));
	EXPECT_EQ(-ECANCELED, dojo_ioctl(self->other.fd, DRM_IOCTL_DOJO_BO_CREATE, &create));
	/* what only looks still works */
	EXPECT_EQ(0, dojo_query(self->other.fd, DRM_DOJO_QUERY_CARD, &card, sizeof(card)));
	EXPECT_EQ(0, dojo_queue_destroy(self->other.fd, self->other.dma));
	memset(self->other_host.map, 1, AREA);
	EXPECT_EQ(0, rebind(self->pci));
	EXPECT_TRUE(nodes_are_back(self->nodes));
}

/* --------------------------------------------------------------- dead link */

TEST_F(hang, a_dead_link_ends_everything_and_hangs_nothing)
{
	int status;

	dojo_poke64(self->buf.map, 0);
	dojo_sem_wait(&self->c, self->buf.va, 1, DOJO_SEM_EQUAL);
	ASSERT_EQ(0, dojo_start(&self->c, self->c.dma, self->c.done));
	ASSERT_EQ(0, set(self->qmp, self->card, "dead", "true"));
	EXPECT_EQ(0, dojo_syncobj_wait(self->c.fd, self->c.done, dojo_patience()));
	status = dojo_syncobj_status(self->c.fd, self->c.done);
	EXPECT_TRUE(status == -ENODEV || status == -ECANCELED || status == -ETIME);
	ASSERT_EQ(0, set(self->qmp, self->card, "dead", "false"));
	EXPECT_EQ(0, rebind(self->pci));
	EXPECT_TRUE(nodes_are_back(self->nodes));
}

TEST_F(hang, the_driver_can_be_unbound_from_a_dead_card)
{
	ASSERT_EQ(0, set(self->qmp, self->card, "dead", "true"));
	EXPECT_EQ(0, pci_file("drivers/dojo", "unbind", self->pci));
	EXPECT_NE(0, pci_file("drivers/dojo", "bind", self->pci));
	ASSERT_EQ(0, set(self->qmp, self->card, "dead", "false"));
	EXPECT_EQ(0, pci_file("drivers/dojo", "bind", self->pci));
	EXPECT_TRUE(nodes_are_back(self->nodes));
}

/* ---------------------------------------------------------- memory errors */

/* The node with the least HBM, in which a buffer covers a known part; or -1 */
static int small_node(__u64 *bytes)
{
	struct drm_dojo_tile_info tile;
	unsigned int n, nodes = dojo_nodes();
	int fd, ret, best = -1;

	*bytes = GIB(1);
	for (n = 0; n < nodes; n++) {
		fd = dojo_open(n);
		ret = dojo_query(fd, DRM_DOJO_QUERY_TILE, &tile, sizeof(tile));
		close(fd);
		if (!ret && tile.hbm_bytes < *bytes) {
			*bytes = tile.hbm_bytes;
			best = n;
		}
	}
	return best;
}

/*
 * A client of the small node, with a buffer in three quarters of its HBM, and an
 * error in each of sixteen places of it
 */
static void poison(struct __test_metadata *_metadata, int qmp, struct dojo_client *c,
		   struct dojo_buf *buf, const char *kind)
{
	struct drm_dojo_card_info card;
	struct drm_dojo_tile_info tile;
	char path[64], value[128];
	__u64 bytes;
	int node = small_node(&bytes), i;

	if (node < 0)
		SKIP(return, "every tile has too much HBM");
	ASSERT_EQ(0, dojo_client_open(c, node));
	ASSERT_EQ(0, dojo_query(c->fd, DRM_DOJO_QUERY_CARD, &card, sizeof(card)));
	ASSERT_EQ(0, dojo_query(c->fd, DRM_DOJO_QUERY_TILE, &tile, sizeof(tile)));
	ASSERT_EQ(0, dojo_qmp_card(qmp, (char *)card.serial, path, sizeof(path)));
	ASSERT_EQ(0, dojo_buf_create(c, buf, bytes / 4 * 3, DRM_DOJO_DOMAIN_HBM, 0));
	dojo_fill(c, buf->va, buf->size, 1);
	ASSERT_EQ(0, dojo_run(c, c->dma));
	for (i = 0; i < 16; i++) {
		snprintf(value, sizeof(value), "\"tile=%u,memory=hbm,offset=%llu,kind=%s\"",
			 tile.index, (unsigned long long)(bytes / 16 * i + bytes / 32), kind);
		ASSERT_EQ(0, set(qmp, path, "inject-ecc", value));
	}
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

/* A client whose buffers fill three quarters of the HBM, each with a pattern of its own */
static int fill_hbm(struct dojo_client *c, struct dojo_buf *host, struct dojo_buf bufs[8],
		    unsigned int node, __u64 bytes, __u64 seed)
{
	int i, ret;

	ret = dojo_client_open(c, node);
	if (!ret)
		ret = dojo_buf_create(c, host, AREA, DRM_DOJO_DOMAIN_SYSTEM,
				      DRM_DOJO_BO_CPU_ACCESS);
	for (i = 0; i < 8 && !ret; i++) {
		ret = dojo_buf_create(c, &bufs[i], bytes / 32 * 3, DRM_DOJO_DOMAIN_HBM, 0);
		if (ret)
			break;
		dojo_pattern(host->map, AREA, seed + i);
		dojo_copy(c, bufs[i].va + bufs[i].size - AREA, host->va, AREA);
		ret = dojo_run(c, c->dma);
	}
	return ret;
}

static int check_hbm(struct dojo_client *c, struct dojo_buf *host, struct dojo_buf bufs[8],
		     __u64 seed)
{
	int i, ret;

	for (i = 0; i < 8; i++) {
		dojo_copy(c, host->va, bufs[i].va + bufs[i].size - AREA, AREA);
		ret = dojo_run(c, c->compute);
		if (ret)
			return ret;
		if (dojo_pattern_check(host->map, AREA, seed + i) != -1)
			return -EILSEQ;
	}
	return 0;
}

TEST_F(hang, a_hang_during_an_eviction_loses_nothing)
{
	struct dojo_buf host[2], bufs[2][8];
	struct drm_dojo_tile_info tile;
	struct drm_dojo_card_info card;
	struct dojo_client c[2];
	char path[64];
	__u64 bytes;
	long resets;
	int node = small_node(&bytes), i;

	if (node < 0)
		SKIP(return, "every tile has too much HBM");
	/* the second one's buffers push the first one's out */
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, fill_hbm(&c[i], &host[i], bufs[i], node, bytes, 100 * i));
	ASSERT_EQ(0, dojo_query(c[0].fd, DRM_DOJO_QUERY_CARD, &card, sizeof(card)));
	ASSERT_EQ(0, dojo_query(c[0].fd, DRM_DOJO_QUERY_TILE, &tile, sizeof(tile)));
	ASSERT_EQ(0, dojo_qmp_card(self->qmp, (char *)card.serial, path, sizeof(path)));
	resets = tile_number(dojo_minor(node), "resets");
	/* what runs next on a DMA engine is the kernel's own: moves to and fro */
	ASSERT_EQ(0, inject_hang(self->qmp, path, tile.index, "dma", "queue"));
	EXPECT_EQ(0, check_hbm(&c[0], &host[0], bufs[0], 0));
	EXPECT_EQ(resets + 1, tile_number(dojo_minor(node), "resets"));
	EXPECT_EQ(0, check_hbm(&c[1], &host[1], bufs[1], 100));
	for (i = 0; i < 2; i++)
		dojo_client_close(&c[i]);
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

TEST_F(hang, the_first_failure_leaves_a_core_dump)
{
	char path[300], text[256];
	int tries;

	/* what earlier failures have left; it goes some time after it was told to */
	for (tries = 0; tries < 100 && find_coredump(path, sizeof(path)); tries++) {
		dojo_write_file(path, "0");
		usleep(20000);
	}
	ASSERT_EQ(0, inject_hang(self->qmp, self->card, self->tile, "dma", "queue"));
	dojo_fill(&self->c, self->buf.va, AREA, 1);
	EXPECT_EQ(-ETIME, dojo_run(&self->c, self->c.dma));
	for (tries = 0; tries < 100 && !find_coredump(path, sizeof(path)); tries++)
		usleep(20000);
	ASSERT_TRUE(find_coredump(path, sizeof(path)));
	ASSERT_GT(dojo_read_file(path, text, sizeof(text)), 100);
	EXPECT_EQ(0, strncmp(text, "dojo", 4));
	EXPECT_EQ(0, dojo_write_file(path, "0"));
}

int main(int argc, char **argv)
{
	return dojo_test_main(argc, argv, "wedged: |no Dojo card|Unable to change power state");
}
