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

static int short_queues(struct dojo_client *c)
{
	struct drm_dojo_queue_create args = {
		.vm_id = c->vm,
		.priority = DRM_DOJO_PRIORITY_NORMAL,
		.timeout_ns = TIMEOUT_MS * 1000000ull,
	};
	int ret;

	dojo_queue_destroy(c->fd, c->dma);
	dojo_queue_destroy(c->fd, c->compute);
	args.queue_class = DRM_DOJO_QUEUE_DMA;
	ret = dojo_ioctl(c->fd, DRM_IOCTL_DOJO_QUEUE_CREATE, &args);
	c->dma = args.queue_id;
	args.queue_id = 0;
	args.queue_class = DRM_DOJO_QUEUE_COMPUTE;
	if (!ret)
		ret = dojo_ioctl(c->fd, DRM_IOCTL_DOJO_QUEUE_CREATE, &args);
	c->compute = args.queue_id;
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
	struct drm_dojo_queue_get_state state;

	dojo_packet(&self->c, DOJO_OP_NOP, sizeof(struct dojo_packet_header));
	ASSERT_EQ(0, dojo_run(&self->c, self->c.dma));
	ASSERT_EQ(0, inject_hang(self->qmp, self->card, self->tile, "dma", "queue"));
	dojo_fill(&self->c, self->buf.va, AREA, 1);
	EXPECT_EQ(-ETIME, dojo_run(&self->c, self->c.dma));
	ASSERT_EQ(0, dojo_queue_state(self->c.fd, self->c.dma, &state));
	EXPECT_EQ(self->c.batch.va, state.batch_va);
	EXPECT_EQ(2, state.fault_seqno);
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

/* Whether an uevent with this variable comes for a path that contains @name */
static bool uevent_comes(int fd, const char *name, const char *variable)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	char text[4096], *p;
	ssize_t n;

	while (poll(&poll_fd, 1, dojo_patience()) == 1) {
		n = recv(fd, text, sizeof(text) - 1, 0);
		if (n <= 0)
			return false;
		text[n] = 0;
		if (!strstr(text, name))
			continue;
		for (p = text; p < text + n; p += strlen(p) + 1)
			if (!strcmp(p, variable))
				return true;
	}
	return false;
}

TEST_F(hang, a_card_that_no_reset_helps_is_wedged_and_says_so)
{
	char name[32];
	int uevents = uevent_socket();

	ASSERT_GE(uevents, 0);
	ASSERT_EQ(0, inject_hang(self->qmp, self->card, self->tile, "dma", "flr"));
	dojo_fill(&self->c, self->buf.va, AREA, 1);
	EXPECT_EQ(-ETIME, dojo_run(&self->c, self->c.dma));
	snprintf(name, sizeof(name), "accel%d", self->minor);
	EXPECT_TRUE(uevent_comes(uevents, name, "WEDGED=rebind,bus-reset"));
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
