// SPDX-License-Identifier: GPL-2.0-only
/*
 * Long random sequences of binds against a model: which page of which buffer is
 * where. The device writes and reads through every page that should be mapped, and
 * faults on samples of those that should not.
 */
#include <stdlib.h>
#include <string.h>

#include "dojo_harness.h"

#define REGION_PAGES	1536u		/* 6 MiB, from a multiple of 2 MiB */
#define BUFS		6
#define BUF_PAGES	640u		/* 2.5 MiB */
#define CHECK_EVERY	100
#define FAULT_SAMPLES	2

enum kind {
	NOTHING,
	NULL_PAGE,
	READ_WRITE,
	READ_ONLY,
};

struct page {
	enum kind kind;
	unsigned int buf;
	unsigned int index;
};

FIXTURE(random) {
	struct dojo_client c;
	struct dojo_buf results;	/* one word a page */
	__u32 handle[BUFS];
	char *map[BUFS];
	struct page *model;
	__u64 base;
	__u64 state;
};

FIXTURE_VARIANT(random) {
	bool async;
	bool private;
	__u64 seed;
};

FIXTURE_VARIANT_ADD(random, synchronous) {
	.seed = 1,
};

FIXTURE_VARIANT_ADD(random, asynchronous) {
	.async = true,
	.seed = 2,
};

FIXTURE_VARIANT_ADD(random, private_buffers) {
	.private = true,
	.seed = 3,
};

FIXTURE_SETUP(random)
{
	static const __u32 domains[BUFS] = {
		DRM_DOJO_DOMAIN_HBM, DRM_DOJO_DOMAIN_HBM, DRM_DOJO_DOMAIN_HBM,
		DRM_DOJO_DOMAIN_SYSTEM, DRM_DOJO_DOMAIN_SYSTEM, DRM_DOJO_DOMAIN_HBM,
	};
	struct dojo_client *c = &self->c;
	int i;

	ASSERT_EQ(0, dojo_client_open(c, 0));
	ASSERT_EQ(0, dojo_buf_create(c, &self->results, REGION_PAGES * 4, DRM_DOJO_DOMAIN_SYSTEM,
				     DRM_DOJO_BO_CPU_ACCESS));
	for (i = 0; i < BUFS; i++) {
		struct drm_dojo_bo_create args = {
			.size = BUF_PAGES * PAGE,
			.domains = domains[i],
			.flags = DRM_DOJO_BO_CPU_ACCESS | (i & 1 ? DRM_DOJO_BO_CONTIGUOUS : 0),
			.vm_id = variant->private ? c->vm : 0,
		};

		ASSERT_EQ(0, dojo_ioctl(c->fd, DRM_IOCTL_DOJO_BO_CREATE, &args));
		self->handle[i] = args.handle;
		self->map[i] = dojo_bo_map(c->fd, args.handle, args.size);
		ASSERT_NE(MAP_FAILED, (void *)self->map[i]);
	}
	self->model = calloc(REGION_PAGES, sizeof(*self->model));
	ASSERT_NE(NULL, self->model);
	self->base = dojo_hole(c, REGION_PAGES * PAGE);
	self->state = variant->seed * 0x9e3779b97f4a7c15ull;
}

FIXTURE_TEARDOWN(random)
{
	free(self->model);
	dojo_client_close(&self->c);
}

static unsigned int below(__u64 *state, unsigned int n)
{
	return dojo_random(state) % n;
}

/* A random operation, done in the model too */
static struct drm_dojo_bind_op next_op(struct page *model, const __u32 *handle, __u64 base,
				       __u64 *state)
{
	const unsigned int what = below(state, 100);
	unsigned int buf = below(state, BUFS), size, at, index, i;
	struct drm_dojo_bind_op op = { .type = DRM_DOJO_BIND_MAP };
	enum kind kind = READ_WRITE;

	if (what == 0) {
		for (i = 0; i < REGION_PAGES; i++)
			if (model[i].kind >= READ_WRITE && model[i].buf == buf)
				model[i].kind = NOTHING;
		op.type = DRM_DOJO_BIND_UNMAP_ALL;
		op.handle = handle[buf];
		return op;
	}

	/* mostly small, sometimes as large as can be; sometimes where a large page fits */
	size = 1 + below(state, below(state, 4) ? 40 : BUF_PAGES);
	at = below(state, REGION_PAGES - size + 1);
	index = below(state, BUF_PAGES - size + 1);
	if (!below(state, 5)) {
		at &= ~511u;
		index = 0;
		size = at + 512 <= REGION_PAGES ? 512 : size;
		if (at + size > REGION_PAGES)
			size = REGION_PAGES - at;
	}
	op.va = base + at * PAGE;
	op.size = size * PAGE;
	if (what < 30) {
		op.type = DRM_DOJO_BIND_UNMAP;
		kind = NOTHING;
	} else if (what < 40) {
		op.type = DRM_DOJO_BIND_NULL;
		kind = NULL_PAGE;
	} else {
		op.handle = handle[buf];
		op.offset = index * PAGE;
		if (what < 55) {
			op.flags = DRM_DOJO_BIND_READONLY;
			kind = READ_ONLY;
		}
	}
	for (i = 0; i < size; i++)
		model[at + i] = (struct page) { .kind = kind, .buf = buf, .index = index + i };
	return op;
}

static __u32 *word_of(char **map, const struct page *page)
{
	return (__u32 *)(map[page->buf] + page->index * PAGE);
}

/* The device writes a number of its own through every page that it may write */
static void check_writes(struct __test_metadata *_metadata, struct dojo_client *c, __u64 base,
			 const struct page *model, char **map, __u32 stamp)
{
	const struct page *last[BUFS][BUF_PAGES];
	unsigned int i;

	memset(last, 0, sizeof(last));
	for (i = 0; i < REGION_PAGES; i++) {
		if (model[i].kind != NULL_PAGE && model[i].kind != READ_WRITE)
			continue;
		dojo_fill(c, base + i * PAGE, 4, stamp + i);
		if (model[i].kind == READ_WRITE)
			last[model[i].buf][model[i].index] = &model[i];
	}
	/* there may be nothing to write to, and there are no empty batches */
	if (!c->used)
		return;
	ASSERT_EQ(0, dojo_run(c, c->dma));
	/* of several mappings of a page the last in the batch remains */
	for (i = 0; i < REGION_PAGES; i++) {
		if (model[i].kind != READ_WRITE || last[model[i].buf][model[i].index] != &model[i])
			continue;
		ASSERT_EQ(stamp + i, *word_of(map, &model[i]))
			TH_LOG("page %u: buffer %u, page %u", i, model[i].buf, model[i].index);
	}
}

/* What the device reads is what the CPU finds in the buffers */
static void check_reads(struct __test_metadata *_metadata, struct dojo_client *c, __u64 base,
			const struct page *model, char **map, struct dojo_buf *results)
{
	const __u32 *got = results->map;
	unsigned int i;

	for (i = 0; i < REGION_PAGES; i++)
		if (model[i].kind != NOTHING)
			dojo_copy(c, results->va + i * 4, base + i * PAGE, 4);
	if (!c->used)
		return;
	ASSERT_EQ(0, dojo_run(c, c->dma));
	for (i = 0; i < REGION_PAGES; i++) {
		if (model[i].kind == NOTHING)
			continue;
		ASSERT_EQ(model[i].kind == NULL_PAGE ? 0 : *word_of(map, &model[i]), got[i])
			TH_LOG("page %u is of kind %u", i, model[i].kind);
	}
}

/* Some of the pages that may not be read, or not be written, cannot */
static void check_faults(struct __test_metadata *_metadata, struct dojo_client *c, __u64 base,
			 const struct page *model, __u64 *state)
{
	struct drm_dojo_queue_get_state queue;
	unsigned int i, tries, samples = 0;

	for (tries = 0; tries < 200 && samples < FAULT_SAMPLES; tries++) {
		i = below(state, REGION_PAGES);
		if (model[i].kind != NOTHING && model[i].kind != READ_ONLY)
			continue;
		dojo_fill(c, base + i * PAGE, 4, 0xbad);
		ASSERT_EQ(-EFAULT, dojo_run(c, c->dma))
			TH_LOG("page %u is of kind %u", i, model[i].kind);
		ASSERT_EQ(0, dojo_queue_state(c->fd, c->dma, &queue));
		EXPECT_EQ(model[i].kind == NOTHING ? DOJO_FAULT_TRANSLATION :
			  DOJO_FAULT_PERMISSION, queue.fault);
		EXPECT_EQ(base + i * PAGE, queue.fault_va);
		ASSERT_EQ(0, dojo_client_new_queues(c));
		samples++;
	}
}

static int submit_ops(struct dojo_client *c, struct drm_dojo_bind_op *ops, __u32 count, bool async)
{
	struct drm_dojo_sync_op signal = {
		.flags = DRM_DOJO_SYNC_OP_SIGNAL,
		.handle = c->done,
	};
	struct drm_dojo_vm_bind bind = {
		.vm_id = c->vm,
		.flags = async ? DRM_DOJO_VM_BIND_ASYNC : 0,
		.ops = { .stride = sizeof(*ops), .count = count, .array = (uintptr_t)ops },
		.syncs = {
			.stride = sizeof(signal),
			.count = async,
			.array = async ? (uintptr_t)&signal : 0,
		},
	};

	return dojo_ioctl(c->fd, DRM_IOCTL_DOJO_VM_BIND, &bind);
}

TEST_F_TIMEOUT(random, sequence_agrees_with_the_model, 600)
{
	unsigned long count = dojo_scaled(100000, 1000), done = 0, checked = 0;
	struct dojo_client *c = &self->c;
	struct drm_dojo_bind_op ops[8];
	__u32 n, i;

	while (done < count) {
		n = 1 + below(&self->state, ARRAY_SIZE(ops));
		for (i = 0; i < n; i++)
			ops[i] = next_op(self->model, self->handle, self->base, &self->state);
		ASSERT_EQ(0, submit_ops(c, ops, n, variant->async));
		done += n;
		if (done - checked < CHECK_EVERY)
			continue;
		checked = done;
		if (variant->async) {
			ASSERT_EQ(0, dojo_syncobj_wait(c->fd, c->done, dojo_patience()));
			ASSERT_EQ(1, dojo_syncobj_status(c->fd, c->done));
		}
		check_writes(_metadata, c, self->base, self->model, self->map, done << 12);
		check_reads(_metadata, c, self->base, self->model, self->map, &self->results);
		check_faults(_metadata, c, self->base, self->model, &self->state);
	}
	EXPECT_GT(checked, 0);
}

int main(int argc, char **argv)
{
	return dojo_test_main(argc, argv, NULL);
}
