/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of hangs and of resets share: two clients of a tile, and trouble for it */
#ifndef HANG_H
#define HANG_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dojo_harness.h"
#include "dojo_qmp.h"

#define AREA		KIB(64)
#define TIMEOUT_MS	300

/* put back however a test ends */
#define TIMEOUT		DOJO_PARAMETERS "timeout_ms"
#define PCI_RECOVERY	DOJO_PARAMETERS "pci_recovery_ms"

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
	char timeout_ms[32], pci_recovery_ms[32];
	struct dojo_client c;
	struct dojo_buf buf;
	struct dojo_client other;
	struct dojo_buf other_hbm, other_host;
};

/* Milliseconds in which other jobs can be submitted, and not much more: it is waited for */
static inline unsigned int long_timeout(void)
{
	return 1500 + dojo_patience() / 40;
}

static inline int queue_with_timeout(struct dojo_client *c, __u32 class, unsigned int ms,
				     __u32 *queue)
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

static inline int queues_with_timeout(struct dojo_client *c, unsigned int ms)
{
	int ret;

	dojo_queue_destroy(c->fd, c->dma);
	dojo_queue_destroy(c->fd, c->compute);
	ret = queue_with_timeout(c, DRM_DOJO_QUEUE_DMA, ms, &c->dma);
	if (!ret)
		ret = queue_with_timeout(c, DRM_DOJO_QUEUE_COMPUTE, ms, &c->compute);
	return ret;
}

static inline int short_queues(struct dojo_client *c)
{
	return queues_with_timeout(c, TIMEOUT_MS);
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

	ASSERT_GT(dojo_read_file(TIMEOUT, self->timeout_ms, sizeof(self->timeout_ms)), 0);
	ASSERT_GT(dojo_read_file(PCI_RECOVERY, self->pci_recovery_ms,
				 sizeof(self->pci_recovery_ms)), 0);
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

static inline int set(int qmp, const char *card, const char *property, const char *value)
{
	return dojo_qmp_set(qmp, card, property, value);
}

/* A client that knows nothing of what has been works */
static inline int fresh_client_works(unsigned int node)
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
	EXPECT_EQ(0, dojo_write_file(TIMEOUT, self->timeout_ms));
	EXPECT_EQ(0, dojo_write_file(PCI_RECOVERY, self->pci_recovery_ms));
	dojo_client_close(&self->c);
	dojo_client_close(&self->other);
	EXPECT_EQ(0, fresh_client_works(0));
	close(self->qmp);
}

static inline int inject_hang(int qmp, const char *card, __u32 tile, const char *class,
			      const char *level)
{
	char value[128];

	snprintf(value, sizeof(value), "\"tile=%u,class=%s,level=%s\"", tile, class, level);
	return set(qmp, card, "inject-hang", value);
}

/*
 * Starts a small job that hangs and waits until it does: its queue has an engine for
 * longer than the job would take.
 */
static inline bool start_hung(struct dojo_client *c, __u32 queue, __u64 va, __u32 syncobj)
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
static inline long tile_number(int minor, const char *name)
{
	char path[128], text[64];

	snprintf(path, sizeof(path), "/sys/class/accel/accel%d/device/%s", minor, name);
	return dojo_read_file(path, text, sizeof(text)) > 0 ? strtol(text, NULL, 0) : -1;
}

static inline bool tile_is(int minor, const char *state)
{
	char path[128], text[64];

	snprintf(path, sizeof(path), "/sys/class/accel/accel%d/device/state", minor);
	if (dojo_read_file(path, text, sizeof(text)) <= 0)
		return false;
	text[strcspn(text, "\n")] = 0;
	return !strcmp(text, state);
}

static inline bool becomes(int minor, const char *state)
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
static inline int bystander_reads(struct dojo_client *c, struct dojo_buf *hbm,
				  struct dojo_buf *host, __u32 queue)
{
	int ret;

	memset(host->map, 0, AREA);
	dojo_copy(c, host->va, hbm->va, AREA);
	ret = dojo_run(c, queue);
	if (ret)
		return ret;
	return dojo_pattern_check(host->map, AREA, 1) == -1 ? 0 : -EILSEQ;
}

static inline __u32 status_of(struct dojo_client *c, __u32 queue)
{
	struct drm_dojo_queue_get_state state;

	return dojo_queue_state(c->fd, queue, &state) ? ~0u : state.status;
}

/* The node with the least HBM, if a buffer can cover a known part of it; or -1 */
static inline int small_node(__u64 *bytes)
{
	int node = dojo_smallest_node(bytes);

	return *bytes < GIB(1) ? node : -1;
}

/*
 * A client of a node, with a buffer in three quarters of its HBM, and an error in each of
 * sixteen places of it
 */
static inline void poison_hbm(struct __test_metadata *_metadata, int qmp, int node, __u64 bytes,
			      struct dojo_client *c, struct dojo_buf *buf, const char *kind)
{
	struct drm_dojo_card_info card;
	struct drm_dojo_tile_info tile;
	char path[64], value[128];
	int i;

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
}

#endif
