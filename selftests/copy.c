// SPDX-License-Identifier: GPL-2.0-only
/* COPY, COPY_ND and FILL on either class of queue, compared byte by byte with what the CPU does */
#include <stdlib.h>
#include <string.h>

#include "dojo_harness.h"

#define WINDOW	KIB(64)
#define CANARY	0x7e

/*
 * @src and @dst are staged through @host, which the CPU sees: what lies in them
 * beside the copy is checked too.
 */
FIXTURE(copy) {
	struct dojo_client c;
	struct dojo_buf src;
	struct dojo_buf dst;
	struct dojo_buf host;
	unsigned char *want;
	__u32 queue;
};

FIXTURE_VARIANT(copy) {
	__u32 from;
	__u32 to;
	__u32 class;
};

FIXTURE_VARIANT_ADD(copy, hbm_to_hbm) {
	.from = DRM_DOJO_DOMAIN_HBM, .to = DRM_DOJO_DOMAIN_HBM, .class = DRM_DOJO_QUEUE_DMA,
};

FIXTURE_VARIANT_ADD(copy, system_to_hbm) {
	.from = DRM_DOJO_DOMAIN_SYSTEM, .to = DRM_DOJO_DOMAIN_HBM, .class = DRM_DOJO_QUEUE_DMA,
};

FIXTURE_VARIANT_ADD(copy, hbm_to_system) {
	.from = DRM_DOJO_DOMAIN_HBM, .to = DRM_DOJO_DOMAIN_SYSTEM, .class = DRM_DOJO_QUEUE_DMA,
};

FIXTURE_VARIANT_ADD(copy, system_to_sram) {
	.from = DRM_DOJO_DOMAIN_SYSTEM, .to = DRM_DOJO_DOMAIN_SRAM, .class = DRM_DOJO_QUEUE_DMA,
};

FIXTURE_VARIANT_ADD(copy, sram_to_hbm) {
	.from = DRM_DOJO_DOMAIN_SRAM, .to = DRM_DOJO_DOMAIN_HBM, .class = DRM_DOJO_QUEUE_DMA,
};

FIXTURE_VARIANT_ADD(copy, on_a_compute_queue) {
	.from = DRM_DOJO_DOMAIN_HBM, .to = DRM_DOJO_DOMAIN_SYSTEM,
	.class = DRM_DOJO_QUEUE_COMPUTE,
};

FIXTURE_SETUP(copy)
{
	struct dojo_client *c = &self->c;

	ASSERT_EQ(0, dojo_client_open(c, 0));
	ASSERT_EQ(0, dojo_buf_create(c, &self->src, WINDOW, variant->from, 0));
	ASSERT_EQ(0, dojo_buf_create(c, &self->dst, WINDOW, variant->to, 0));
	ASSERT_EQ(0, dojo_buf_create(c, &self->host, 2 * WINDOW, DRM_DOJO_DOMAIN_SYSTEM,
				     DRM_DOJO_BO_CPU_ACCESS));
	self->want = malloc(WINDOW);
	ASSERT_NE(NULL, self->want);
	self->queue = variant->class == DRM_DOJO_QUEUE_DMA ? c->dma : c->compute;
	dojo_pattern(self->host.map, WINDOW, 42);
	memset((char *)self->host.map + WINDOW, CANARY, WINDOW);
	memset(self->want, CANARY, WINDOW);
	dojo_copy(c, self->src.va, self->host.va, WINDOW);
	dojo_copy(c, self->dst.va, self->host.va + WINDOW, WINDOW);
	ASSERT_EQ(0, dojo_run(c, c->dma));
}

FIXTURE_TEARDOWN(copy)
{
	free(self->want);
	dojo_client_close(&self->c);
}

/* Offset of the first byte of the destination that is not as wanted, or -1; @dst is CANARY after */
static long run_and_compare(struct dojo_client *c, __u32 queue, struct dojo_buf *dst,
			    struct dojo_buf *host, unsigned char *want)
{
	const unsigned char *got = (unsigned char *)host->map + WINDOW;
	long i, bad = -1;

	dojo_copy(c, host->va + WINDOW, dst->va, WINDOW);
	dojo_fill(c, dst->va, WINDOW, CANARY * 0x01010101u);
	if (dojo_run(c, queue))
		return WINDOW;
	for (i = 0; i < (long)WINDOW && bad < 0; i++)
		if (got[i] != want[i])
			bad = i;
	memset(want, CANARY, WINDOW);
	return bad;
}

TEST_F(copy, linear_of_every_size_and_alignment)
{
	static const size_t sizes[] = {
		1, 2, 3, 7, 8, 9, 31, 63, 64, 65, 255, 4095, 4096, 4097, 8192, 12345,
	};
	static const size_t shifts[] = { 0, 1, 3, 8, 61, 4095 };
	const size_t apart = KIB(20), side_by_side = 3;
	size_t i, s, d;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (s = 0; s < ARRAY_SIZE(shifts); s++)
			for (d = 0; d < ARRAY_SIZE(shifts); d++) {
				const size_t slot = d % side_by_side;
				const size_t from = shifts[s], to = slot * apart + 64 + shifts[d];

				memcpy(self->want + to, (char *)self->host.map + from, sizes[i]);
				dojo_copy(&self->c, self->dst.va + to, self->src.va + from,
					  sizes[i]);
				if (slot + 1 < side_by_side)
					continue;
				ASSERT_EQ(-1, run_and_compare(&self->c, self->queue, &self->dst,
							      &self->host, self->want))
					TH_LOG("%zu bytes from +%zu", sizes[i], from);
			}
}

TEST_F(copy, the_whole_buffer)
{
	memcpy(self->want, self->host.map, WINDOW);
	dojo_copy(&self->c, self->dst.va, self->src.va, WINDOW);
	EXPECT_EQ(-1, run_and_compare(&self->c, self->queue, &self->dst, &self->host, self->want));
}

struct shape {
	const char *name;
	__u32 size[4];
	__s64 src_stride[3];
	__s64 dst_stride[3];
	__u32 src_at, dst_at;
};

static const struct shape shapes[] = {
	{ "one byte", { 1, 1, 1, 1 }, { 0 }, { 0 }, 5, 9 },
	{ "one row", { 100, 1, 1, 1 }, { 0 }, { 0 }, 1, 3 },
	{ "rows out of a matrix", { 64, 10, 1, 1 }, { 256 }, { 64 }, 0, 0 },
	{ "rows into a matrix", { 64, 10, 1, 1 }, { 64 }, { 256 }, 0, 128 },
	{ "odd strides", { 7, 11, 5, 3 }, { 13, 201, 1999 }, { 17, 307, 2003 }, 3, 11 },
	{ "single bytes: a transposition", { 1, 16, 16, 1 }, { 16, 1, 0 }, { 1, 16, 0 }, 0, 0 },
	{ "broadcast of a row", { 32, 8, 4, 1 }, { 0, 32, 0 }, { 32, 256, 0 }, 0, 0 },
	{ "four dimensions", { 16, 4, 4, 4 }, { 32, 256, 2048 }, { 16, 64, 256 }, 0, 1000 },
	{ "planes across pages", { 3000, 3, 2, 1 }, { 4096, 16384, 0 }, { 3001, 9100, 0 }, 77, 5 },
};

static void copy_nd_on_cpu(const struct shape *s, unsigned char *dst, const unsigned char *src)
{
	__u32 i, j, k;

	for (k = 0; k < s->size[3]; k++)
		for (j = 0; j < s->size[2]; j++)
			for (i = 0; i < s->size[1]; i++)
				memcpy(dst + s->dst_at + i * s->dst_stride[0] +
				       j * s->dst_stride[1] + k * s->dst_stride[2],
				       src + s->src_at + i * s->src_stride[0] +
				       j * s->src_stride[1] + k * s->src_stride[2], s->size[0]);
}

TEST_F(copy, strided_in_up_to_four_dimensions)
{
	struct dojo_packet_copy_nd *packet;
	size_t i;
	int d;

	for (i = 0; i < ARRAY_SIZE(shapes); i++) {
		const struct shape *s = &shapes[i];

		copy_nd_on_cpu(s, self->want, self->host.map);
		packet = dojo_packet(&self->c, DOJO_OP_COPY_ND, sizeof(*packet));
		packet->src = self->src.va + s->src_at;
		packet->dst = self->dst.va + s->dst_at;
		for (d = 0; d < 3; d++) {
			packet->src_stride[d] = s->src_stride[d];
			packet->dst_stride[d] = s->dst_stride[d];
		}
		memcpy(packet->size, s->size, sizeof(packet->size));
		EXPECT_EQ(-1, run_and_compare(&self->c, self->queue, &self->dst, &self->host,
					      self->want))
			TH_LOG("%s", s->name);
	}
}

TEST_F(copy, fill_writes_its_pattern_and_nothing_else)
{
	static const size_t sizes[] = { 4, 8, 12, 60, 4096, 4100, 20000 };
	static const size_t starts[] = { 0, 4, 60, 4092, 8192 };
	const __u32 pattern = 0x89abcdef;
	size_t i, s, k;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (s = 0; s < ARRAY_SIZE(starts); s++) {
			for (k = 0; k < sizes[i]; k += 4)
				memcpy(self->want + starts[s] + k, &pattern, 4);
			dojo_fill(&self->c, self->dst.va + starts[s], sizes[i], pattern);
			ASSERT_EQ(-1, run_and_compare(&self->c, self->queue, &self->dst,
						      &self->host, self->want))
				TH_LOG("%zu bytes at +%zu", sizes[i], starts[s]);
		}
}

TEST_F(copy, packets_of_a_batch_complete_in_order)
{
	int i;

	/* a chain: each copy reads what the one before has written */
	for (i = 0; i < 200; i++)
		dojo_copy(&self->c, self->dst.va + (i + 1) * 64, i ? self->dst.va + i * 64 :
			  self->src.va, 64);
	for (i = 0; i < 200; i++)
		memcpy(self->want + (i + 1) * 64, self->host.map, 64);
	EXPECT_EQ(-1, run_and_compare(&self->c, self->queue, &self->dst, &self->host, self->want));
}

TEST_F(copy, a_barrier_ends_overlap)
{
	struct dojo_packet_fill *fill;
	int i;

	for (i = 0; i < 64; i++) {
		fill = dojo_packet(&self->c, DOJO_OP_FILL, sizeof(*fill));
		fill->header.flags = DOJO_PACKET_OVERLAP;
		fill->dst = self->dst.va + i * 64;
		fill->size = 64;
		fill->pattern = i * 0x01010101u;
	}
	dojo_packet(&self->c, DOJO_OP_BARRIER, sizeof(struct dojo_packet_header));
	for (i = 0; i < 64; i++)
		dojo_copy(&self->c, self->dst.va + 8192 + (63 - i) * 64, self->dst.va + i * 64, 64);
	for (i = 0; i < 64; i++) {
		memset(self->want + i * 64, i, 64);
		memset(self->want + 8192 + (63 - i) * 64, i, 64);
	}
	EXPECT_EQ(-1, run_and_compare(&self->c, self->queue, &self->dst, &self->host, self->want));
}

/* --------------------------------------------------------- larger work */

FIXTURE(large) {
	struct dojo_client c;
	struct dojo_buf host;
	struct dojo_buf hbm;
};

#define LARGE	MIB(16)

FIXTURE_SETUP(large)
{
	ASSERT_EQ(0, dojo_client_open(&self->c, 0));
	ASSERT_EQ(0, dojo_buf_create(&self->c, &self->host, LARGE, DRM_DOJO_DOMAIN_SYSTEM,
				     DRM_DOJO_BO_CPU_ACCESS));
	ASSERT_EQ(0, dojo_buf_create(&self->c, &self->hbm, LARGE, DRM_DOJO_DOMAIN_HBM, 0));
}

FIXTURE_TEARDOWN(large)
{
	dojo_client_close(&self->c);
}

TEST_F(large, sixteen_mebibytes_there_and_back)
{
	dojo_pattern(self->host.map, LARGE, 99);
	dojo_copy(&self->c, self->hbm.va, self->host.va, LARGE);
	ASSERT_EQ(0, dojo_run(&self->c, self->c.dma));
	memset(self->host.map, 0, LARGE);
	dojo_copy(&self->c, self->host.va, self->hbm.va, LARGE);
	ASSERT_EQ(0, dojo_run(&self->c, self->c.dma));
	EXPECT_EQ(-1, dojo_pattern_check(self->host.map, LARGE, 99));
}

TEST_F(large, a_batch_may_lie_in_hbm)
{
	struct dojo_buf batch;

	ASSERT_EQ(0, dojo_buf_create(&self->c, &batch, PAGE, DRM_DOJO_DOMAIN_HBM,
				     DRM_DOJO_BO_CPU_ACCESS));
	dojo_fill(&self->c, self->host.va, 4096, 0x66666666);
	memcpy(batch.map, self->c.batch.map, self->c.used);
	ASSERT_EQ(0, dojo_submit_one(self->c.fd, self->c.dma, batch.va, self->c.used,
				     self->c.done));
	ASSERT_EQ(0, dojo_syncobj_wait(self->c.fd, self->c.done, dojo_patience()));
	EXPECT_EQ(1, dojo_syncobj_status(self->c.fd, self->c.done));
	EXPECT_EQ(-1, dojo_not_all(self->host.map, 4096, 0x66));
}

TEST_F(large, a_batch_of_a_thousand_packets)
{
	int i;

	for (i = 0; i < 1000; i++)
		dojo_fill(&self->c, self->host.va + i * 8, 8, i);
	ASSERT_EQ(0, dojo_run(&self->c, self->c.dma));
	for (i = 0; i < 2000; i++)
		EXPECT_EQ(i / 2, ((__u32 *)self->host.map)[i]);
}

TEST_F(large, work_is_counted)
{
	struct drm_dojo_queue_get_state before, after;

	ASSERT_EQ(0, dojo_queue_state(self->c.fd, self->c.dma, &before));
	dojo_copy(&self->c, self->hbm.va, self->host.va, MIB(1));
	dojo_fill(&self->c, self->hbm.va, MIB(2), 0);
	ASSERT_EQ(0, dojo_run(&self->c, self->c.dma));
	ASSERT_EQ(0, dojo_queue_state(self->c.fd, self->c.dma, &after));
	EXPECT_EQ(before.packets + 2, after.packets);
	/* read plus written */
	EXPECT_EQ(before.bytes + 2 * MIB(1) + MIB(2), after.bytes);
	EXPECT_GT(after.busy_ns, before.busy_ns);
	EXPECT_GT(after.model_ps, before.model_ps);
}

TEST_F(large, timestamps_come_in_order)
{
	__u64 *stamps = self->host.map;
	struct drm_dojo_clock_info before, after;

	ASSERT_EQ(0, dojo_query(self->c.fd, DRM_DOJO_QUERY_CLOCK, &before, sizeof(before)));
	dojo_timestamp(&self->c, self->host.va);
	dojo_fill(&self->c, self->hbm.va, MIB(4), 0);
	dojo_timestamp(&self->c, self->host.va + 8);
	ASSERT_EQ(0, dojo_run(&self->c, self->c.dma));
	ASSERT_EQ(0, dojo_query(self->c.fd, DRM_DOJO_QUERY_CLOCK, &after, sizeof(after)));
	EXPECT_GE(stamps[0], before.device_ns);
	EXPECT_GT(stamps[1], stamps[0]);
	EXPECT_LE(stamps[1], after.device_ns);
}

TEST_F(large, semaphore_operations)
{
	__u64 *value = self->host.map;

	*value = 10;
	dojo_sem_signal(&self->c, self->host.va, 5, DOJO_SEM_ADD);
	ASSERT_EQ(0, dojo_run(&self->c, self->c.dma));
	EXPECT_EQ(15, *value);
	dojo_sem_signal(&self->c, self->host.va, 7, DOJO_SEM_MAX);
	ASSERT_EQ(0, dojo_run(&self->c, self->c.dma));
	EXPECT_EQ(15, *value);
	dojo_sem_signal(&self->c, self->host.va, 1ull << 63, DOJO_SEM_MAX);
	ASSERT_EQ(0, dojo_run(&self->c, self->c.dma));
	EXPECT_EQ(1ull << 63, *value);
	dojo_sem_signal(&self->c, self->host.va, 3, DOJO_SEM_SET);
	ASSERT_EQ(0, dojo_run(&self->c, self->c.dma));
	EXPECT_EQ(3, *value);
}

TEST_F(large, semaphore_conditions)
{
	static const struct {
		__u64 memory, value;
		__u32 condition;
	} met[] = {
		{ 5, 5, DOJO_SEM_EQUAL },
		{ 5, 6, DOJO_SEM_NOT_EQUAL },
		{ 5, 5, DOJO_SEM_GREATER_EQUAL },
		{ 1ull << 63, 5, DOJO_SEM_GREATER_EQUAL },
		{ 5, 1ull << 63, DOJO_SEM_LESS },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(met); i++) {
		dojo_poke64(self->host.map, met[i].memory);
		dojo_sem_wait(&self->c, self->host.va, met[i].value, met[i].condition);
		EXPECT_EQ(0, dojo_run(&self->c, self->c.dma))
			TH_LOG("condition %u", met[i].condition);
	}
}

TEST_F(large, semaphores_order_two_queues)
{
	__u32 second;

	/* the DMA queue waits; a compute queue writes and then signals */
	dojo_poke64(self->host.map, 0);
	ASSERT_EQ(0, dojo_syncobj_create(self->c.fd, &second));
	dojo_sem_wait(&self->c, self->host.va, 1, DOJO_SEM_EQUAL);
	dojo_copy(&self->c, self->host.va + 2 * PAGE, self->hbm.va, PAGE);
	ASSERT_EQ(0, dojo_start(&self->c, self->c.dma, second));
	EXPECT_EQ(-ETIME, dojo_syncobj_wait(self->c.fd, second, 50));

	/* the first batch may still be read: the second one goes behind it */
	self->c.used = KIB(4);
	dojo_fill(&self->c, self->hbm.va, PAGE, 0x2b2b2b2b);
	dojo_sem_signal(&self->c, self->host.va, 1, DOJO_SEM_SET);
	ASSERT_EQ(0, dojo_submit_one(self->c.fd, self->c.compute, self->c.batch.va + KIB(4),
				     self->c.used - KIB(4), self->c.done));
	ASSERT_EQ(0, dojo_syncobj_wait(self->c.fd, second, dojo_patience()));
	EXPECT_EQ(1, dojo_syncobj_status(self->c.fd, second));
	EXPECT_EQ(-1, dojo_not_all((char *)self->host.map + 2 * PAGE, PAGE, 0x2b));
}

int main(int argc, char **argv)
{
	return dojo_test_main(argc, argv, NULL);
}
