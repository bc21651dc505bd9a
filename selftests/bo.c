// SPDX-License-Identifier: GPL-2.0-only
/* Buffers: creation, CPU mappings, queries, zeroing, and every rejected argument */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "dojo_harness.h"

#define MMAP_OFFSET_END	BIT(60)

FIXTURE(bo) {
	int fd;
	__u64 hbm_bytes;
	__u64 sram_bytes;
};

FIXTURE_SETUP(bo)
{
	struct drm_dojo_tile_info tile;

	self->fd = dojo_open(0);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, dojo_query(self->fd, DRM_DOJO_QUERY_TILE, &tile, sizeof(tile)));
	self->hbm_bytes = tile.hbm_bytes;
	self->sram_bytes = tile.sram_bytes;
}

FIXTURE_TEARDOWN(bo)
{
	close(self->fd);
}

static int create(int fd, const struct drm_dojo_bo_create *args)
{
	struct drm_dojo_bo_create copy = *args;

	return dojo_ioctl(fd, DRM_IOCTL_DOJO_BO_CREATE, &copy);
}

static int mmap_offset(int fd, __u32 handle, __u32 pad, __u64 *offset)
{
	struct drm_dojo_bo_mmap_offset args = { .handle = handle, .pad = pad };
	int ret = dojo_ioctl(fd, DRM_IOCTL_DOJO_BO_MMAP_OFFSET, &args);

	*offset = args.offset;
	return ret;
}

static int advise(int fd, __u32 handle, __u32 advice, __u32 pad, __u32 *retained)
{
	struct drm_dojo_bo_advise args = {
		.handle = handle,
		.advice = advice,
		.pad = pad,
	};
	int ret = dojo_ioctl(fd, DRM_IOCTL_DOJO_BO_ADVISE, &args);

	*retained = args.retained;
	return ret;
}

/* ------------------------------------------------------------ creation */

TEST_F(bo, size_is_rounded_up_to_pages_and_returned)
{
	static const __u64 sizes[][2] = {
		{ 1, 4096 }, { 4095, 4096 }, { 4096, 4096 }, { 4097, 8192 }, { 1 << 20, 1 << 20 },
	};
	struct drm_dojo_bo_query query;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct drm_dojo_bo_create args = { .size = sizes[i][0] };

		ASSERT_EQ(0, dojo_ioctl(self->fd, DRM_IOCTL_DOJO_BO_CREATE, &args));
		EXPECT_EQ(sizes[i][1], args.size);
		ASSERT_EQ(0, dojo_bo_query(self->fd, args.handle, &query));
		EXPECT_EQ(sizes[i][1], query.size);
	}
}

TEST_F(bo, size_0_is_refused)
{
	struct drm_dojo_bo_create args = { .size = 0 };

	EXPECT_EQ(-EINVAL, create(self->fd, &args));
}

TEST_F(bo, larger_than_hbm_has_no_space)
{
	struct drm_dojo_bo_create args = {
		.size = self->hbm_bytes + PAGE,
		.domains = DRM_DOJO_DOMAIN_HBM,
	};

	EXPECT_EQ(-ENOSPC, create(self->fd, &args));
}

TEST_F(bo, larger_than_sram_has_no_space)
{
	struct drm_dojo_bo_create args = {
		.size = self->sram_bytes + PAGE,
		.domains = DRM_DOJO_DOMAIN_SRAM,
	};

	EXPECT_EQ(-ENOSPC, create(self->fd, &args));
}

TEST_F(bo, absurd_sizes_have_no_space)
{
	static const __u64 sizes[] = { BIT(48), BIT(60), BIT(63), ~0ull << 12 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct drm_dojo_bo_create args = { .size = sizes[i] };

		EXPECT_EQ(-ENOSPC, create(self->fd, &args));
	}
}

TEST_F(bo, a_size_that_overflows_when_rounded_is_refused)
{
	struct drm_dojo_bo_create args = { .size = ~0ull };
	int ret = create(self->fd, &args);

	EXPECT_TRUE(ret == -ENOSPC || ret == -EINVAL);
}

TEST_F(bo, unknown_domains_are_refused)
{
	int bit;

	for (bit = 3; bit < 32; bit++) {
		struct drm_dojo_bo_create args = { .size = PAGE, .domains = 1u << bit };

		EXPECT_EQ(-EINVAL, create(self->fd, &args));
		args.domains |= DRM_DOJO_DOMAIN_HBM;
		EXPECT_EQ(-EINVAL, create(self->fd, &args));
	}
}

TEST_F(bo, unknown_flags_are_refused)
{
	int bit;

	for (bit = 3; bit < 32; bit++) {
		struct drm_dojo_bo_create args = { .size = PAGE, .flags = 1u << bit };

		EXPECT_EQ(-EINVAL, create(self->fd, &args));
	}
}

TEST_F(bo, padding_is_refused)
{
	struct drm_dojo_bo_create args = { .size = PAGE, .pad = 1 };

	EXPECT_EQ(-EINVAL, create(self->fd, &args));
}

TEST_F(bo, preferred_must_be_one_of_the_domains)
{
	struct drm_dojo_bo_create args = {
		.size = PAGE,
		.domains = DRM_DOJO_DOMAIN_HBM,
		.preferred = DRM_DOJO_DOMAIN_SYSTEM,
	};

	EXPECT_EQ(-EINVAL, create(self->fd, &args));
}

TEST_F(bo, preferred_must_be_a_single_domain)
{
	struct drm_dojo_bo_create args = {
		.size = PAGE,
		.domains = DRM_DOJO_DOMAIN_HBM | DRM_DOJO_DOMAIN_SYSTEM,
		.preferred = DRM_DOJO_DOMAIN_HBM | DRM_DOJO_DOMAIN_SYSTEM,
	};

	EXPECT_EQ(-EINVAL, create(self->fd, &args));
}

TEST_F(bo, cpu_access_to_sram_alone_is_refused)
{
	struct drm_dojo_bo_create args = {
		.size = PAGE,
		.domains = DRM_DOJO_DOMAIN_SRAM,
		.flags = DRM_DOJO_BO_CPU_ACCESS,
	};

	EXPECT_EQ(-EINVAL, create(self->fd, &args));
}

TEST_F(bo, an_unknown_vm_is_refused)
{
	struct drm_dojo_bo_create args = { .size = PAGE, .vm_id = BAD_ID };

	EXPECT_EQ(-ENOENT, create(self->fd, &args));
}

TEST_F(bo, another_file_s_vm_is_unknown)
{
	struct drm_dojo_bo_create args = { .size = PAGE };
	int other = dojo_open(0);

	ASSERT_GE(other, 0);
	ASSERT_EQ(0, dojo_vm_create(other, &args.vm_id));
	EXPECT_EQ(-ENOENT, create(self->fd, &args));
	close(other);
}

TEST_F(bo, bad_pointer_to_the_arguments_is_refused)
{
	EXPECT_EQ(-EFAULT, dojo_ioctl(self->fd, DRM_IOCTL_DOJO_BO_CREATE, (void *)8));
}

TEST_F(bo, a_rejected_creation_takes_no_memory)
{
	struct drm_dojo_memory_info before, after;
	struct drm_dojo_bo_create args = { .size = MIB(1), .pad = 1 };
	int i;

	ASSERT_EQ(0, dojo_query(self->fd, DRM_DOJO_QUERY_MEMORY, &before, sizeof(before)));
	for (i = 0; i < 100; i++)
		EXPECT_EQ(-EINVAL, create(self->fd, &args));
	ASSERT_EQ(0, dojo_query(self->fd, DRM_DOJO_QUERY_MEMORY, &after, sizeof(after)));
	EXPECT_EQ(before.hbm_used, after.hbm_used);
	EXPECT_EQ(before.system_used, after.system_used);
}

/* --------------------------------------------------------------- query */

TEST_F(bo, query_tells_what_was_asked_for)
{
	struct drm_dojo_bo_create args = {
		.size = MIB(1),
		.domains = DRM_DOJO_DOMAIN_HBM | DRM_DOJO_DOMAIN_SYSTEM,
		.preferred = DRM_DOJO_DOMAIN_SYSTEM,
		.flags = DRM_DOJO_BO_CPU_ACCESS | DRM_DOJO_BO_NO_ZERO,
	};
	struct drm_dojo_bo_query query;

	ASSERT_EQ(0, dojo_ioctl(self->fd, DRM_IOCTL_DOJO_BO_CREATE, &args));
	ASSERT_EQ(0, dojo_bo_query(self->fd, args.handle, &query));
	EXPECT_EQ(args.flags, query.flags);
	EXPECT_EQ(args.domains, query.domains);
	EXPECT_EQ(args.size, query.size);
}

TEST_F(bo, no_domain_means_hbm)
{
	struct drm_dojo_bo_query query;
	__u32 handle;

	ASSERT_EQ(0, dojo_bo_create(self->fd, PAGE, 0, 0, &handle));
	ASSERT_EQ(0, dojo_bo_query(self->fd, handle, &query));
	EXPECT_EQ(DRM_DOJO_DOMAIN_HBM, query.domains);
}

TEST_F(bo, query_of_a_closed_handle_is_refused)
{
	struct drm_dojo_bo_query query;
	__u32 handle;

	ASSERT_EQ(0, dojo_bo_create(self->fd, PAGE, 0, 0, &handle));
	ASSERT_EQ(0, dojo_bo_close(self->fd, handle));
	EXPECT_EQ(-ENOENT, dojo_bo_query(self->fd, handle, &query));
}

TEST_F(bo, query_of_handle_0_is_refused)
{
	struct drm_dojo_bo_query query;

	EXPECT_EQ(-ENOENT, dojo_bo_query(self->fd, 0, &query));
}

TEST_F(bo, another_file_s_handle_is_unknown)
{
	struct drm_dojo_bo_query query;
	int other = dojo_open(0);
	__u32 handle;

	ASSERT_GE(other, 0);
	ASSERT_EQ(0, dojo_bo_create(other, PAGE, 0, 0, &handle));
	EXPECT_EQ(-ENOENT, dojo_bo_query(self->fd, handle, &query));
	close(other);
}

TEST_F(bo, closing_twice_is_refused)
{
	__u32 handle;

	ASSERT_EQ(0, dojo_bo_create(self->fd, PAGE, 0, 0, &handle));
	ASSERT_EQ(0, dojo_bo_close(self->fd, handle));
	EXPECT_EQ(-EINVAL, dojo_bo_close(self->fd, handle));
}

/* --------------------------------------------------------- CPU mapping */

FIXTURE(map) {
	int fd;
	__u32 handle;
	unsigned char *bytes;
};

FIXTURE_VARIANT(map) {
	__u32 domain;
};

FIXTURE_VARIANT_ADD(map, hbm) {
	.domain = DRM_DOJO_DOMAIN_HBM,
};

FIXTURE_VARIANT_ADD(map, system) {
	.domain = DRM_DOJO_DOMAIN_SYSTEM,
};

#define MAP_BYTES	(64 * 1024)

FIXTURE_SETUP(map)
{
	self->fd = dojo_open(0);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, dojo_bo_create(self->fd, MAP_BYTES, variant->domain, DRM_DOJO_BO_CPU_ACCESS,
				    &self->handle));
	self->bytes = dojo_bo_map(self->fd, self->handle, MAP_BYTES);
	ASSERT_NE(MAP_FAILED, (void *)self->bytes);
}

FIXTURE_TEARDOWN(map)
{
	munmap(self->bytes, MAP_BYTES);
	close(self->fd);
}

TEST_F(map, reads_back_what_was_written)
{
	dojo_pattern(self->bytes, MAP_BYTES, 1);
	EXPECT_EQ(-1, dojo_pattern_check(self->bytes, MAP_BYTES, 1));
}

TEST_F(map, new_memory_is_zero)
{
	EXPECT_EQ(-1, dojo_not_all(self->bytes, MAP_BYTES, 0));
}

TEST_F(map, two_mappings_show_the_same_bytes)
{
	unsigned char *second = dojo_bo_map(self->fd, self->handle, MAP_BYTES);

	ASSERT_NE(MAP_FAILED, (void *)second);
	dojo_pattern(self->bytes, MAP_BYTES, 2);
	EXPECT_EQ(-1, dojo_pattern_check(second, MAP_BYTES, 2));
	munmap(second, MAP_BYTES);
}

TEST_F(map, mapping_outlives_the_handle)
{
	dojo_pattern(self->bytes, MAP_BYTES, 3);
	ASSERT_EQ(0, dojo_bo_close(self->fd, self->handle));
	EXPECT_EQ(-1, dojo_pattern_check(self->bytes, MAP_BYTES, 3));
}

TEST_F(map, mapping_outlives_the_file)
{
	dojo_pattern(self->bytes, MAP_BYTES, 4);
	ASSERT_EQ(0, close(self->fd));
	EXPECT_EQ(-1, dojo_pattern_check(self->bytes, MAP_BYTES, 4));
	self->fd = -1;
}

TEST_F(map, part_of_a_buffer_can_be_mapped)
{
	unsigned char *part;
	__u64 offset;

	dojo_pattern(self->bytes, MAP_BYTES, 5);
	ASSERT_EQ(0, mmap_offset(self->fd, self->handle, 0, &offset));
	part = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, self->fd, offset + 4 * PAGE);
	ASSERT_NE(MAP_FAILED, (void *)part);
	EXPECT_EQ(0, memcmp(part, self->bytes + 4 * PAGE, 2 * PAGE));
	munmap(part, 2 * PAGE);
}

TEST_F(map, a_child_sees_the_same_bytes)
{
	int status;
	pid_t pid;

	dojo_pattern(self->bytes, MAP_BYTES, 6);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid)
		_exit(dojo_pattern_check(self->bytes, MAP_BYTES, 6) != -1);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_F(map, more_than_the_buffer_cannot_be_mapped)
{
	void *map;
	__u64 offset;

	ASSERT_EQ(0, mmap_offset(self->fd, self->handle, 0, &offset));
	map = mmap(NULL, MAP_BYTES + PAGE, PROT_READ, MAP_SHARED, self->fd, offset);
	EXPECT_EQ(MAP_FAILED, map);
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(map, private_writable_mapping_is_refused)
{
	void *map;
	__u64 offset;

	ASSERT_EQ(0, mmap_offset(self->fd, self->handle, 0, &offset));
	map = mmap(NULL, MAP_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE, self->fd, offset);
	EXPECT_EQ(MAP_FAILED, map);
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(map, another_file_cannot_map_it)
{
	void *map;
	__u64 offset;
	int other = dojo_open(0);

	ASSERT_GE(other, 0);
	ASSERT_EQ(0, mmap_offset(self->fd, self->handle, 0, &offset));
	map = mmap(NULL, MAP_BYTES, PROT_READ, MAP_SHARED, other, offset);
	EXPECT_EQ(MAP_FAILED, map);
	EXPECT_EQ(EACCES, errno);
	close(other);
}

TEST_F(map, offset_of_a_closed_buffer_cannot_be_mapped)
{
	void *map;
	__u64 offset;
	__u32 handle;

	ASSERT_EQ(0, dojo_bo_create(self->fd, PAGE, variant->domain, DRM_DOJO_BO_CPU_ACCESS,
				    &handle));
	ASSERT_EQ(0, mmap_offset(self->fd, handle, 0, &offset));
	ASSERT_EQ(0, dojo_bo_close(self->fd, handle));
	map = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, self->fd, offset);
	EXPECT_EQ(MAP_FAILED, map);
}

TEST_F(map, offset_0_is_no_buffer)
{
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, self->fd, 0));
}

TEST_F(map, mmap_offset_is_stable_and_page_aligned)
{
	__u64 first, second;

	ASSERT_EQ(0, mmap_offset(self->fd, self->handle, 0, &first));
	ASSERT_EQ(0, mmap_offset(self->fd, self->handle, 0, &second));
	EXPECT_EQ(first, second);
	EXPECT_EQ(0, first % PAGE);
	EXPECT_LT(first, MMAP_OFFSET_END);
}

TEST_F(map, mmap_offset_with_padding_is_refused)
{
	__u64 offset;

	EXPECT_EQ(-EINVAL, mmap_offset(self->fd, self->handle, 1, &offset));
}

TEST_F(map, mmap_offset_of_a_bad_handle_is_refused)
{
	__u64 offset;

	EXPECT_EQ(-ENOENT, mmap_offset(self->fd, BAD_ID, 0, &offset));
}

TEST_F(map, mmap_offset_without_cpu_access_is_refused)
{
	__u64 offset;
	__u32 handle;

	ASSERT_EQ(0, dojo_bo_create(self->fd, PAGE, variant->domain, 0, &handle));
	EXPECT_EQ(-EPERM, mmap_offset(self->fd, handle, 0, &offset));
}

TEST_F(map, the_device_sees_what_the_cpu_wrote_and_the_reverse)
{
	struct dojo_client c;
	__u64 va;

	ASSERT_EQ(0, dojo_client_init(&c, dup(self->fd)));
	va = dojo_hole(&c, MAP_BYTES);
	ASSERT_EQ(0, dojo_vm_map(c.fd, c.vm, self->handle, 0, va, MAP_BYTES));
	dojo_pattern(self->bytes, MAP_BYTES / 2, 7);
	dojo_copy(&c, va + MAP_BYTES / 2, va, MAP_BYTES / 2);
	ASSERT_EQ(0, dojo_run(&c, c.dma));
	EXPECT_EQ(-1, dojo_pattern_check(self->bytes + MAP_BYTES / 2, MAP_BYTES / 2, 7));
	dojo_client_close(&c);
}

/* --------------------------------------------------- zeroing, placement */

FIXTURE(place) {
	struct dojo_client c;
	struct dojo_buf host;
};

FIXTURE_VARIANT(place) {
	__u32 domain;
};

FIXTURE_VARIANT_ADD(place, hbm) {
	.domain = DRM_DOJO_DOMAIN_HBM,
};

FIXTURE_VARIANT_ADD(place, sram) {
	.domain = DRM_DOJO_DOMAIN_SRAM,
};

FIXTURE_VARIANT_ADD(place, system) {
	.domain = DRM_DOJO_DOMAIN_SYSTEM,
};

#define PLACE_BYTES	MIB(1)
#define SECRET		0x5ec2e75e

FIXTURE_SETUP(place)
{
	ASSERT_EQ(0, dojo_client_open(&self->c, 0));
	ASSERT_EQ(0, dojo_buf_create(&self->c, &self->host, PLACE_BYTES, DRM_DOJO_DOMAIN_SYSTEM,
				     DRM_DOJO_BO_CPU_ACCESS));
}

FIXTURE_TEARDOWN(place)
{
	dojo_client_close(&self->c);
}

TEST_F(place, a_buffer_in_use_lies_in_its_domain)
{
	struct drm_dojo_bo_query query;
	struct dojo_buf buf;

	ASSERT_EQ(0, dojo_buf_create(&self->c, &buf, PLACE_BYTES, variant->domain, 0));
	dojo_fill(&self->c, buf.va, buf.size, 1);
	ASSERT_EQ(0, dojo_run(&self->c, self->c.dma));
	ASSERT_EQ(0, dojo_bo_query(self->c.fd, buf.handle, &query));
	EXPECT_EQ(variant->domain, query.placement);
}

TEST_F(place, the_preferred_domain_is_taken)
{
	struct drm_dojo_bo_create args = {
		.size = PLACE_BYTES,
		.domains = DRM_DOJO_DOMAIN_HBM | DRM_DOJO_DOMAIN_SRAM | DRM_DOJO_DOMAIN_SYSTEM,
		.preferred = variant->domain,
	};
	struct drm_dojo_bo_query query;
	__u64 va;

	ASSERT_EQ(0, dojo_ioctl(self->c.fd, DRM_IOCTL_DOJO_BO_CREATE, &args));
	va = dojo_hole(&self->c, PLACE_BYTES);
	ASSERT_EQ(0, dojo_vm_map(self->c.fd, self->c.vm, args.handle, 0, va, PLACE_BYTES));
	dojo_fill(&self->c, va, PLACE_BYTES, 1);
	ASSERT_EQ(0, dojo_run(&self->c, self->c.dma));
	ASSERT_EQ(0, dojo_bo_query(self->c.fd, args.handle, &query));
	EXPECT_EQ(variant->domain, query.placement);
}

TEST_F(bo, the_next_domain_is_taken_if_the_preferred_one_is_full)
{
	struct drm_dojo_bo_create args = {
		.size = MIB(128),
		.domains = DRM_DOJO_DOMAIN_SRAM | DRM_DOJO_DOMAIN_HBM,
		.preferred = DRM_DOJO_DOMAIN_SRAM,
	};
	const __u64 end = dojo_now_ns() + dojo_patience() * 1000000ull;
	struct drm_dojo_memory_info memory;
	struct drm_dojo_bo_query query;
	struct dojo_client c;
	__u32 handle;
	__u64 va;

	ASSERT_EQ(0, dojo_client_open(&c, 0));
	/* what others had may still be on its way back */
	do {
		usleep(1000);
		ASSERT_EQ(0, dojo_query(c.fd, DRM_DOJO_QUERY_MEMORY, &memory, sizeof(memory)));
	} while (memory.sram_used && dojo_now_ns() < end);
	if (memory.sram_total < GIB(1) || memory.hbm_total < 2 * args.size)
		SKIP(return, "a small tile");
	ASSERT_EQ(0, dojo_bo_create(c.fd, memory.sram_total - MIB(64), DRM_DOJO_DOMAIN_SRAM, 0,
				    &handle));
	ASSERT_EQ(0, dojo_ioctl(c.fd, DRM_IOCTL_DOJO_BO_CREATE, &args));
	va = dojo_hole(&c, args.size);
	ASSERT_EQ(0, dojo_vm_map(c.fd, c.vm, args.handle, 0, va, args.size));
	dojo_fill(&c, va, PAGE, 1);
	ASSERT_EQ(0, dojo_run(&c, c.dma));
	ASSERT_EQ(0, dojo_bo_query(c.fd, args.handle, &query));
	EXPECT_EQ(DRM_DOJO_DOMAIN_HBM, query.placement);
	dojo_client_close(&c);
}

TEST_F(place, the_device_reads_zeros_from_a_new_buffer)
{
	struct dojo_buf buf;

	ASSERT_EQ(0, dojo_buf_create(&self->c, &buf, PLACE_BYTES, variant->domain, 0));
	memset(self->host.map, 0xff, PLACE_BYTES);
	dojo_copy(&self->c, self->host.va, buf.va, PLACE_BYTES);
	ASSERT_EQ(0, dojo_run(&self->c, self->c.dma));
	EXPECT_EQ(-1, dojo_not_all(self->host.map, PLACE_BYTES, 0));
}

/* Leaves @count buffers full of SECRET behind, from another file */
static void leave_secrets(struct __test_metadata *_metadata, __u32 domain, int count)
{
	struct dojo_client other;
	struct dojo_buf buf;
	int i;

	ASSERT_EQ(0, dojo_client_open(&other, 0));
	for (i = 0; i < count; i++) {
		ASSERT_EQ(0, dojo_buf_create(&other, &buf, PLACE_BYTES, domain, 0));
		dojo_fill(&other, buf.va, PLACE_BYTES, SECRET);
	}
	ASSERT_EQ(0, dojo_run(&other, other.dma));
	dojo_client_close(&other);
}

/* Bytes of SECRET that @count new buffers show */
static unsigned int find_secrets(struct __test_metadata *_metadata, struct dojo_client *c,
				 struct dojo_buf *host, __u32 domain, __u32 flags, int count)
{
	const __u32 *words = host->map;
	unsigned int found = 0;
	struct dojo_buf buf;
	size_t k;
	int i;

	for (i = 0; i < count; i++) {
		ASSERT_EQ(0, dojo_buf_create(c, &buf, PLACE_BYTES, domain, flags));
		dojo_copy(c, host->va, buf.va, PLACE_BYTES);
		ASSERT_EQ(0, dojo_run(c, c->dma));
		for (k = 0; k < PLACE_BYTES / sizeof(*words); k++)
			found += words[k] == SECRET;
	}
	return found;
}

TEST_F(place, new_memory_shows_no_bytes_of_another_client)
{
	leave_secrets(_metadata, variant->domain, 16);
	EXPECT_EQ(0, find_secrets(_metadata, &self->c, &self->host, variant->domain, 0, 24));
}

TEST_F(place, no_zero_shows_no_bytes_of_another_client_either)
{
	leave_secrets(_metadata, variant->domain, 16);
	EXPECT_EQ(0, find_secrets(_metadata, &self->c, &self->host, variant->domain,
				  DRM_DOJO_BO_NO_ZERO, 24));
}

TEST_F(place, a_contiguous_buffer_works)
{
	struct dojo_buf buf;

	ASSERT_EQ(0, dojo_buf_create(&self->c, &buf, PLACE_BYTES, variant->domain,
				     DRM_DOJO_BO_CONTIGUOUS));
	dojo_pattern(self->host.map, PLACE_BYTES / 2, 8);
	dojo_copy(&self->c, buf.va, self->host.va, PLACE_BYTES / 2);
	dojo_copy(&self->c, self->host.va + PLACE_BYTES / 2, buf.va, PLACE_BYTES / 2);
	ASSERT_EQ(0, dojo_run(&self->c, self->c.dma));
	EXPECT_EQ(-1, dojo_pattern_check((char *)self->host.map + PLACE_BYTES / 2,
					 PLACE_BYTES / 2, 8));
}

TEST_F(place, memory_returns_when_the_file_closes)
{
	struct drm_dojo_memory_info before, after;
	struct dojo_client other;
	struct dojo_buf buf;
	int tries;

	ASSERT_EQ(0, dojo_query(self->c.fd, DRM_DOJO_QUERY_MEMORY, &before, sizeof(before)));
	ASSERT_EQ(0, dojo_client_open(&other, 0));
	ASSERT_EQ(0, dojo_buf_create(&other, &buf, MIB(4), variant->domain, 0));
	dojo_fill(&other, buf.va, buf.size, 1);
	ASSERT_EQ(0, dojo_run(&other, other.dma));
	dojo_client_close(&other);
	/* the last steps of freeing may be left to a worker */
	for (tries = 0; tries < 100; tries++) {
		ASSERT_EQ(0, dojo_query(self->c.fd, DRM_DOJO_QUERY_MEMORY, &after, sizeof(after)));
		if (after.hbm_used <= before.hbm_used && after.sram_used <= before.sram_used &&
		    after.system_used <= before.system_used)
			break;
		usleep(50000);
	}
	EXPECT_LE(after.hbm_used, before.hbm_used);
	EXPECT_LE(after.sram_used, before.sram_used);
	EXPECT_LE(after.system_used, before.system_used);
}

/* ------------------------------------------------------------- debuggers */

/* By the kernel's way into another process's memory, which finds no pages behind HBM */
static void look_through_proc(struct __test_metadata *_metadata, int fd, __u32 domain)
{
	char there[KIB(6)], here[KIB(6)];
	int mem = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	__u32 handle;
	char *map;

	ASSERT_GE(mem, 0);
	ASSERT_EQ(0, dojo_bo_create(fd, KIB(64), domain, DRM_DOJO_BO_CPU_ACCESS, &handle));
	map = dojo_bo_map(fd, handle, KIB(64));
	ASSERT_NE(MAP_FAILED, (void *)map);
	dojo_pattern(map, KIB(64), 11);
	/* across pages, and not from the beginning of one */
	ASSERT_EQ(sizeof(there), pread(mem, there, sizeof(there), (uintptr_t)map + 100));
	EXPECT_EQ(0, memcmp(there, map + 100, sizeof(there)));
	dojo_pattern(here, sizeof(here), 12);
	ASSERT_EQ(sizeof(here), pwrite(mem, here, sizeof(here), (uintptr_t)map + KIB(8) + 1000));
	EXPECT_EQ(0, memcmp(here, map + KIB(8) + 1000, sizeof(here)));
	close(mem);
	munmap(map, KIB(64));
}

TEST_F(bo, a_debugger_reads_and_writes_hbm)
{
	look_through_proc(_metadata, self->fd, DRM_DOJO_DOMAIN_HBM);
}

TEST_F(bo, a_debugger_reads_and_writes_system_memory)
{
	look_through_proc(_metadata, self->fd, DRM_DOJO_DOMAIN_SYSTEM);
}

/* -------------------------------------------------------------- advice */

TEST_F(bo, purgeable_and_needed_again_keeps_the_contents_without_pressure)
{
	__u32 handle, retained;
	unsigned char *bytes;

	ASSERT_EQ(0, dojo_bo_create(self->fd, MIB(1), 0, DRM_DOJO_BO_CPU_ACCESS, &handle));
	bytes = dojo_bo_map(self->fd, handle, MIB(1));
	ASSERT_NE(MAP_FAILED, (void *)bytes);
	dojo_pattern(bytes, MIB(1), 9);
	ASSERT_EQ(0, advise(self->fd, handle, DRM_DOJO_ADVICE_PURGEABLE, 0, &retained));
	ASSERT_EQ(0, advise(self->fd, handle, DRM_DOJO_ADVICE_NEEDED, 0, &retained));
	EXPECT_NE(0, retained);
	EXPECT_EQ(-1, dojo_pattern_check(bytes, MIB(1), 9));
}

TEST_F(bo, unknown_advice_is_refused)
{
	__u32 handle, retained;

	ASSERT_EQ(0, dojo_bo_create(self->fd, PAGE, 0, 0, &handle));
	EXPECT_EQ(-EINVAL, advise(self->fd, handle, 2, 0, &retained));
	EXPECT_EQ(-EINVAL, advise(self->fd, handle, ~0u, 0, &retained));
}

TEST_F(bo, advice_with_padding_is_refused)
{
	__u32 handle, retained;

	ASSERT_EQ(0, dojo_bo_create(self->fd, PAGE, 0, 0, &handle));
	EXPECT_EQ(-EINVAL, advise(self->fd, handle, DRM_DOJO_ADVICE_NEEDED, 1, &retained));
}

TEST_F(bo, advice_on_a_bad_handle_is_refused)
{
	__u32 retained;

	EXPECT_EQ(-ENOENT, advise(self->fd, BAD_ID, DRM_DOJO_ADVICE_NEEDED, 0, &retained));
}

/* --------------------------------------------------------- private BOs */

TEST_F(bo, a_private_buffer_cannot_be_exported)
{
	struct drm_dojo_bo_create args = { .size = PAGE };
	struct drm_prime_handle prime = { .flags = DRM_CLOEXEC };

	ASSERT_EQ(0, dojo_vm_create(self->fd, &args.vm_id));
	ASSERT_EQ(0, dojo_ioctl(self->fd, DRM_IOCTL_DOJO_BO_CREATE, &args));
	prime.handle = args.handle;
	EXPECT_NE(0, dojo_ioctl(self->fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime));
}

TEST_F(bo, a_private_buffer_cannot_be_bound_in_another_vm)
{
	struct drm_dojo_bo_create args = { .size = PAGE };
	__u32 other;

	ASSERT_EQ(0, dojo_vm_create(self->fd, &args.vm_id));
	ASSERT_EQ(0, dojo_vm_create(self->fd, &other));
	ASSERT_EQ(0, dojo_ioctl(self->fd, DRM_IOCTL_DOJO_BO_CREATE, &args));
	EXPECT_EQ(-EINVAL, dojo_vm_map(self->fd, other, args.handle, 0, MIB(16), PAGE));
	EXPECT_EQ(0, dojo_vm_map(self->fd, args.vm_id, args.handle, 0, MIB(16), PAGE));
}

TEST_F(bo, a_private_buffer_works)
{
	struct drm_dojo_bo_create args = { .size = MIB(1) };
	struct dojo_client c;
	struct dojo_buf host;
	__u64 va;

	ASSERT_EQ(0, dojo_client_init(&c, dup(self->fd)));
	ASSERT_EQ(0, dojo_buf_create(&c, &host, PAGE, DRM_DOJO_DOMAIN_SYSTEM,
				     DRM_DOJO_BO_CPU_ACCESS));
	args.vm_id = c.vm;
	ASSERT_EQ(0, dojo_ioctl(c.fd, DRM_IOCTL_DOJO_BO_CREATE, &args));
	va = dojo_hole(&c, MIB(1));
	ASSERT_EQ(0, dojo_vm_map(c.fd, c.vm, args.handle, 0, va, MIB(1)));
	dojo_fill(&c, va, MIB(1), 0x77777777);
	dojo_copy(&c, host.va, va + MIB(1) - PAGE, PAGE);
	ASSERT_EQ(0, dojo_run(&c, c.dma));
	EXPECT_EQ(-1, dojo_not_all(host.map, PAGE, 0x77));
	dojo_client_close(&c);
}

int main(int argc, char **argv)
{
	return dojo_test_main(argc, argv, NULL);
}
