// SPDX-License-Identifier: GPL-2.0-only
/* DEV_QUERY: every type, every size, and what the answers have to agree on */
#include <string.h>

#include "dojo_harness.h"

#define CANARY	0xa5

FIXTURE(query) {
	int fd;
};

FIXTURE_VARIANT(query) {
	__u32 type;
	__u32 size;
};

FIXTURE_VARIANT_ADD(query, card) {
	.type = DRM_DOJO_QUERY_CARD, .size = sizeof(struct drm_dojo_card_info),
};

FIXTURE_VARIANT_ADD(query, tile) {
	.type = DRM_DOJO_QUERY_TILE, .size = sizeof(struct drm_dojo_tile_info),
};

FIXTURE_VARIANT_ADD(query, memory) {
	.type = DRM_DOJO_QUERY_MEMORY, .size = sizeof(struct drm_dojo_memory_info),
};

FIXTURE_VARIANT_ADD(query, clock) {
	.type = DRM_DOJO_QUERY_CLOCK, .size = sizeof(struct drm_dojo_clock_info),
};

FIXTURE_VARIANT_ADD(query, counters) {
	.type = DRM_DOJO_QUERY_COUNTERS, .size = sizeof(struct drm_dojo_counters),
};

FIXTURE_VARIANT_ADD(query, limits) {
	.type = DRM_DOJO_QUERY_LIMITS, .size = sizeof(struct drm_dojo_limits),
};

FIXTURE_SETUP(query)
{
	self->fd = dojo_open(0);
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(query)
{
	close(self->fd);
}

static int ask(int fd, __u32 type, __u32 *size, void *pointer)
{
	struct drm_dojo_dev_query query = {
		.type = type,
		.size = *size,
		.pointer = (uintptr_t)pointer,
	};
	int ret = dojo_ioctl(fd, DRM_IOCTL_DOJO_DEV_QUERY, &query);

	*size = query.size;
	return ret;
}

TEST_F(query, pointer_0_asks_for_the_size)
{
	__u32 size = 0;

	ASSERT_EQ(0, ask(self->fd, variant->type, &size, NULL));
	EXPECT_GE(size, variant->size);
}

TEST_F(query, exact_size_is_filled_and_not_more)
{
	unsigned char data[1024];
	__u32 size = variant->size;

	memset(data, CANARY, sizeof(data));
	ASSERT_EQ(0, ask(self->fd, variant->type, &size, data));
	EXPECT_EQ(-1, dojo_not_all(data + variant->size, sizeof(data) - variant->size, CANARY));
	EXPECT_NE(-1, dojo_not_all(data, variant->size, CANARY));
}

TEST_F(query, smaller_size_gets_the_beginning)
{
	unsigned char data[1024];
	__u32 size = 8;

	memset(data, CANARY, sizeof(data));
	ASSERT_EQ(0, ask(self->fd, variant->type, &size, data));
	EXPECT_GE(size, variant->size);
	EXPECT_NE(-1, dojo_not_all(data, 8, CANARY));
	EXPECT_EQ(-1, dojo_not_all(data + 8, sizeof(data) - 8, CANARY));
}

TEST_F(query, larger_size_is_filled_up_with_zeros)
{
	unsigned char data[1024];
	__u32 size = sizeof(data);

	memset(data, CANARY, sizeof(data));
	ASSERT_EQ(0, ask(self->fd, variant->type, &size, data));
	ASSERT_LT(size, sizeof(data));
	EXPECT_EQ(-1, dojo_not_all(data + size, sizeof(data) - size, 0));
}

TEST_F(query, size_0_with_a_pointer_writes_nothing)
{
	unsigned char data[64];
	__u32 size = 0;

	memset(data, CANARY, sizeof(data));
	ASSERT_EQ(0, ask(self->fd, variant->type, &size, data));
	EXPECT_EQ(-1, dojo_not_all(data, sizeof(data), CANARY));
}

TEST_F(query, bad_pointer_is_refused)
{
	__u32 size = variant->size;

	EXPECT_EQ(-EFAULT, ask(self->fd, variant->type, &size, (void *)8));
}

TEST_F(query, kernel_pointer_is_refused)
{
	__u32 size = variant->size;

	EXPECT_EQ(-EFAULT, ask(self->fd, variant->type, &size,
			       (void *)0xffffffff81000000ull));
}

FIXTURE(answers) {
	int fd;
};

FIXTURE_SETUP(answers)
{
	self->fd = dojo_open(0);
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(answers)
{
	close(self->fd);
}

TEST_F(answers, unknown_types_are_refused)
{
	static const __u32 types[] = { DRM_DOJO_QUERY_LIMITS + 1, 64, 0x80000000, ~0u };
	size_t i;
	__u32 size;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		size = 0;
		EXPECT_EQ(-EINVAL, ask(self->fd, types[i], &size, NULL));
	}
}

TEST_F(answers, padding_reads_zero)
{
	struct drm_dojo_card_info card;
	struct drm_dojo_tile_info tile;
	struct drm_dojo_limits limits;

	memset(&card, CANARY, sizeof(card));
	memset(&tile, CANARY, sizeof(tile));
	memset(&limits, CANARY, sizeof(limits));
	ASSERT_EQ(0, dojo_query(self->fd, DRM_DOJO_QUERY_CARD, &card, sizeof(card)));
	ASSERT_EQ(0, dojo_query(self->fd, DRM_DOJO_QUERY_TILE, &tile, sizeof(tile)));
	ASSERT_EQ(0, dojo_query(self->fd, DRM_DOJO_QUERY_LIMITS, &limits, sizeof(limits)));
	EXPECT_EQ(-1, dojo_not_all(card.pad, sizeof(card.pad), 0));
	EXPECT_EQ(0, card.pad2);
	EXPECT_EQ(0, tile.pad);
	EXPECT_EQ(0, limits.pad);
}

TEST_F(answers, cpu_time_lies_between_before_and_after)
{
	struct drm_dojo_clock_info clock;
	__u64 before, after;

	before = dojo_now_ns();
	ASSERT_EQ(0, dojo_query(self->fd, DRM_DOJO_QUERY_CLOCK, &clock, sizeof(clock)));
	after = dojo_now_ns();
	EXPECT_GE(clock.cpu_ns, before);
	EXPECT_LE(clock.cpu_ns, after);
	EXPECT_LE(clock.window_ns, after - before);
}

TEST_F(answers, device_clock_never_goes_back)
{
	struct drm_dojo_clock_info clock;
	__u64 last = 0;
	int i;

	for (i = 0; i < 1000; i++) {
		ASSERT_EQ(0, dojo_query(self->fd, DRM_DOJO_QUERY_CLOCK, &clock, sizeof(clock)));
		ASSERT_GE(clock.device_ns, last);
		last = clock.device_ns;
	}
	EXPECT_GT(last, 0);
}

TEST_F(answers, device_clock_counts_nanoseconds)
{
	struct drm_dojo_clock_info first, second;
	__u64 device, cpu, slack;

	ASSERT_EQ(0, dojo_query(self->fd, DRM_DOJO_QUERY_CLOCK, &first, sizeof(first)));
	usleep(500000);
	ASSERT_EQ(0, dojo_query(self->fd, DRM_DOJO_QUERY_CLOCK, &second, sizeof(second)));
	device = second.device_ns - first.device_ns;
	cpu = second.cpu_ns - first.cpu_ns;
	/* host and guest time drift apart when the host is busy: a tenth is allowed for */
	slack = cpu / 10 + first.window_ns + second.window_ns;
	EXPECT_GT(device, cpu - slack);
	EXPECT_LT(device, cpu + slack);
}

TEST_F(answers, counters_only_grow)
{
	struct drm_dojo_counters first, second;

	ASSERT_EQ(0, dojo_query(self->fd, DRM_DOJO_QUERY_COUNTERS, &first, sizeof(first)));
	ASSERT_EQ(0, dojo_query(self->fd, DRM_DOJO_QUERY_COUNTERS, &second, sizeof(second)));
	EXPECT_GT(second.mmio_reads, first.mmio_reads);
	EXPECT_GE(second.mmio_writes, first.mmio_writes);
	EXPECT_GE(second.interrupts, first.interrupts);
	EXPECT_GE(second.mesh_busy_ns, first.mesh_busy_ns);
	EXPECT_GE(second.dma_busy_ns, first.dma_busy_ns);
}

TEST_F(answers, the_driver_never_makes_an_access_that_the_card_rejects)
{
	struct drm_dojo_counters counters;

	ASSERT_EQ(0, dojo_query(self->fd, DRM_DOJO_QUERY_COUNTERS, &counters, sizeof(counters)));
	EXPECT_EQ(0, counters.bad_accesses);
}

TEST_F(answers, dma_work_shows_in_the_counters)
{
	struct drm_dojo_counters first, second;
	struct dojo_client c;
	struct dojo_buf buf;
	unsigned int tries;

	ASSERT_EQ(0, dojo_client_open(&c, 0));
	ASSERT_EQ(0, dojo_buf_create(&c, &buf, MIB(1), DRM_DOJO_DOMAIN_HBM, 0));
	ASSERT_EQ(0, dojo_query(c.fd, DRM_DOJO_QUERY_COUNTERS, &first, sizeof(first)));
	dojo_fill(&c, buf.va, buf.size, 1);
	ASSERT_EQ(0, dojo_run(&c, c.dma));
	/* the queue leaves its engine after its fence was signalled */
	for (tries = 0; tries < dojo_patience(); tries++) {
		ASSERT_EQ(0, dojo_query(c.fd, DRM_DOJO_QUERY_COUNTERS, &second, sizeof(second)));
		if (second.dma_busy_ns > first.dma_busy_ns)
			break;
		usleep(1000);
	}
	EXPECT_GT(second.dma_busy_ns, first.dma_busy_ns);
	EXPECT_GT(second.mmio_writes, first.mmio_writes);
	EXPECT_GT(second.interrupts, first.interrupts);
	dojo_client_close(&c);
}

TEST_F(answers, memory_counts_what_buffers_take)
{
	struct drm_dojo_memory_info first, second;
	struct dojo_client c;
	struct dojo_buf buf;

	ASSERT_EQ(0, dojo_client_open(&c, 0));
	ASSERT_EQ(0, dojo_query(c.fd, DRM_DOJO_QUERY_MEMORY, &first, sizeof(first)));
	ASSERT_EQ(0, dojo_buf_create(&c, &buf, MIB(8), DRM_DOJO_DOMAIN_HBM, 0));
	dojo_fill(&c, buf.va, buf.size, 1);
	ASSERT_EQ(0, dojo_run(&c, c.dma));
	ASSERT_EQ(0, dojo_query(c.fd, DRM_DOJO_QUERY_MEMORY, &second, sizeof(second)));
	EXPECT_GE(second.hbm_used, first.hbm_used + MIB(8));
	dojo_client_close(&c);
}

TEST_F(answers, memory_totals_fit_the_tile)
{
	struct drm_dojo_memory_info memory;
	struct drm_dojo_tile_info tile;

	ASSERT_EQ(0, dojo_query(self->fd, DRM_DOJO_QUERY_MEMORY, &memory, sizeof(memory)));
	ASSERT_EQ(0, dojo_query(self->fd, DRM_DOJO_QUERY_TILE, &tile, sizeof(tile)));
	EXPECT_GT(memory.hbm_total, 0);
	EXPECT_LE(memory.hbm_total + memory.hbm_reserved, tile.hbm_bytes);
	EXPECT_LE(memory.hbm_used, memory.hbm_total);
	EXPECT_EQ(tile.sram_bytes & ~(PAGE - 1), memory.sram_total & ~(PAGE - 1));
	EXPECT_LE(memory.sram_used, memory.sram_total);
}

TEST_F(answers, limits_are_the_ones_of_the_hardware)
{
	struct drm_dojo_limits limits;

	ASSERT_EQ(0, dojo_query(self->fd, DRM_DOJO_QUERY_LIMITS, &limits, sizeof(limits)));
	EXPECT_EQ(48, limits.va_bits);
	EXPECT_EQ(PAGE, limits.page_bytes);
	EXPECT_EQ(HUGE_PAGE, limits.huge_page_bytes);
	EXPECT_LE(limits.queues, 1024);
	EXPECT_GT(limits.queues_per_client, 0);
	EXPECT_LE(limits.queues_per_client, limits.queues);
	EXPECT_GT(limits.queues_per_user, 0);
	EXPECT_LT(limits.queues_per_user, limits.queues);
	EXPECT_GT(limits.vms, 0);
	EXPECT_GT(limits.vms_per_user, 0);
	EXPECT_LT(limits.vms_per_user, limits.vms);
	EXPECT_LT(limits.vms, 4096);
	EXPECT_GT(limits.jobs_per_submit, 0);
	EXPECT_GT(limits.binds_per_call, 0);
	EXPECT_EQ(DRM_DOJO_SYNC_OPS_MAX, limits.sync_ops);
	EXPECT_EQ(MIB(16), limits.batch_bytes);
	EXPECT_LE(limits.timeout_default_ns, limits.timeout_max_ns);
	EXPECT_GT(limits.timeout_default_ns, 0);
}

TEST_F(answers, root_may_use_every_priority)
{
	struct drm_dojo_limits limits;

	ASSERT_EQ(0, dojo_query(self->fd, DRM_DOJO_QUERY_LIMITS, &limits, sizeof(limits)));
	EXPECT_EQ(0xf, limits.priority_mask);
}

TEST_F(answers, others_may_use_low_and_normal)
{
	struct drm_dojo_limits limits;

	ASSERT_EQ(0, dojo_drop_privileges());
	ASSERT_EQ(0, dojo_query(self->fd, DRM_DOJO_QUERY_LIMITS, &limits, sizeof(limits)));
	EXPECT_EQ(1 << DRM_DOJO_PRIORITY_LOW | 1 << DRM_DOJO_PRIORITY_NORMAL,
		  limits.priority_mask);
}

int main(int argc, char **argv)
{
	return dojo_test_main(argc, argv, NULL);
}
