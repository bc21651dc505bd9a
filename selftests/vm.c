// SPDX-License-Identifier: GPL-2.0-only
/* Address spaces: every kind of bind, seen through the device, and every rejected argument */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>

#include "dojo_harness.h"

#define AREA_PAGES	16
#define AREA		(AREA_PAGES * PAGE)

/*
 * Two buffers of AREA bytes whose pages are numbered (page i of A starts with
 * the word 0xa00 + i, of B with 0xb00 + i), and a hole of that size to bind
 * them in.
 */
FIXTURE(vm) {
	struct dojo_client c;
	struct dojo_buf a;
	struct dojo_buf b;
	struct dojo_buf host;
	__u64 hole;
};

static void number_pages(struct dojo_buf *buf, __u32 first)
{
	int i;

	for (i = 0; i < AREA_PAGES; i++)
		*(__u32 *)((char *)buf->map + i * PAGE) = first + i;
}

FIXTURE_SETUP(vm)
{
	ASSERT_EQ(0, dojo_client_open(&self->c, 0));
	ASSERT_EQ(0, dojo_buf_create(&self->c, &self->a, AREA, DRM_DOJO_DOMAIN_HBM,
				     DRM_DOJO_BO_CPU_ACCESS));
	ASSERT_EQ(0, dojo_buf_create(&self->c, &self->b, AREA, DRM_DOJO_DOMAIN_SYSTEM,
				     DRM_DOJO_BO_CPU_ACCESS));
	ASSERT_EQ(0, dojo_buf_create(&self->c, &self->host, AREA, DRM_DOJO_DOMAIN_SYSTEM,
				     DRM_DOJO_BO_CPU_ACCESS));
	number_pages(&self->a, 0xa00);
	number_pages(&self->b, 0xb00);
	self->hole = dojo_hole(&self->c, AREA);
}

FIXTURE_TEARDOWN(vm)
{
	dojo_client_close(&self->c);
}

static struct drm_dojo_bind_op map_op(__u32 handle, __u64 offset, __u64 va, __u64 size)
{
	struct drm_dojo_bind_op op = {
		.type = DRM_DOJO_BIND_MAP,
		.handle = handle,
		.offset = offset,
		.va = va,
		.size = size,
	};

	return op;
}

static int bind_op(struct dojo_client *c, __u32 type, __u32 flags, __u32 handle, __u64 offset,
		   __u64 va, __u64 size)
{
	struct drm_dojo_bind_op op = {
		.type = type,
		.flags = flags,
		.handle = handle,
		.offset = offset,
		.va = va,
		.size = size,
	};

	return dojo_vm_bind(c->fd, c->vm, &op, 1, NULL);
}

/* First word that the device reads at @va, or 0xdead if it faults */
static __u32 device_reads(struct dojo_client *c, struct dojo_buf *host, __u64 va)
{
	*(__u32 *)host->map = 0xffffffff;
	dojo_copy(c, host->va, va, 4);
	if (dojo_run(c, c->dma)) {
		dojo_client_new_queues(c);
		return 0xdead;
	}
	return *(__u32 *)host->map;
}

/* Whether the device may write at @va */
static bool device_writes(struct dojo_client *c, __u64 va, __u32 value)
{
	dojo_fill(c, va, 4, value);
	if (dojo_run(c, c->dma)) {
		dojo_client_new_queues(c);
		return false;
	}
	return true;
}

/* ------------------------------------------------- create and destroy */

TEST_F(vm, ids_start_at_1)
{
	int fd = dojo_open(0);
	__u32 vm;

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, dojo_vm_create(fd, &vm));
	EXPECT_EQ(1, vm);
}

TEST_F(vm, flags_of_create_are_refused)
{
	int bit;

	for (bit = 0; bit < 32; bit++) {
		struct drm_dojo_vm_create args = { .flags = 1u << bit };

		EXPECT_EQ(-EINVAL, dojo_ioctl(self->c.fd, DRM_IOCTL_DOJO_VM_CREATE, &args));
	}
}

TEST_F(vm, padding_of_destroy_is_refused)
{
	struct drm_dojo_vm_destroy args = { .vm_id = self->c.vm, .pad = 1 };

	EXPECT_EQ(-EINVAL, dojo_ioctl(self->c.fd, DRM_IOCTL_DOJO_VM_DESTROY, &args));
}

TEST_F(vm, destroying_an_unknown_id_is_refused)
{
	EXPECT_EQ(-ENOENT, dojo_vm_destroy(self->c.fd, BAD_ID));
	EXPECT_EQ(-ENOENT, dojo_vm_destroy(self->c.fd, 0));
}

TEST_F(vm, destroying_twice_is_refused)
{
	__u32 vm;

	ASSERT_EQ(0, dojo_vm_create(self->c.fd, &vm));
	ASSERT_EQ(0, dojo_vm_destroy(self->c.fd, vm));
	EXPECT_EQ(-ENOENT, dojo_vm_destroy(self->c.fd, vm));
}

TEST_F(vm, another_file_s_vm_cannot_be_destroyed)
{
	int other = dojo_open(0);
	__u32 vm;

	ASSERT_GE(other, 0);
	ASSERT_EQ(0, dojo_vm_create(other, &vm));
	ASSERT_EQ(0, dojo_vm_create(other, &vm));
	ASSERT_EQ(0, dojo_vm_create(other, &vm));
	EXPECT_EQ(-ENOENT, dojo_vm_destroy(self->c.fd, vm));
	close(other);
}

TEST_F(vm, binding_in_a_destroyed_vm_is_refused)
{
	__u32 vm;

	ASSERT_EQ(0, dojo_vm_create(self->c.fd, &vm));
	ASSERT_EQ(0, dojo_vm_destroy(self->c.fd, vm));
	EXPECT_EQ(-ENOENT, dojo_vm_map(self->c.fd, vm, self->a.handle, 0, self->hole, AREA));
}

TEST_F(vm, a_queue_keeps_its_vm_alive)
{
	ASSERT_EQ(0, dojo_vm_destroy(self->c.fd, self->c.vm));
	EXPECT_EQ(0xa03, device_reads(&self->c, &self->host, self->a.va + 3 * PAGE));
}

TEST_F(vm, destroying_with_mappings_frees_them)
{
	int i;
	__u32 vm;

	for (i = 0; i < 50; i++) {
		ASSERT_EQ(0, dojo_vm_create(self->c.fd, &vm));
		ASSERT_EQ(0, dojo_vm_map(self->c.fd, vm, self->a.handle, 0, self->hole, AREA));
		ASSERT_EQ(0, dojo_vm_destroy(self->c.fd, vm));
	}
}

/* --------------------------------------------------------------- binds */

TEST_F(vm, map_makes_a_buffer_readable_and_writable)
{
	ASSERT_EQ(0, dojo_vm_map(self->c.fd, self->c.vm, self->a.handle, 0, self->hole, AREA));
	EXPECT_EQ(0xa05, device_reads(&self->c, &self->host, self->hole + 5 * PAGE));
	EXPECT_TRUE(device_writes(&self->c, self->hole + 6 * PAGE, 0x1234));
	EXPECT_EQ(0x1234, *(__u32 *)((char *)self->a.map + 6 * PAGE));
}

TEST_F(vm, map_with_an_offset_begins_inside_the_buffer)
{
	ASSERT_EQ(0, dojo_vm_map(self->c.fd, self->c.vm, self->a.handle, 4 * PAGE, self->hole,
				 4 * PAGE));
	EXPECT_EQ(0xa04, device_reads(&self->c, &self->host, self->hole));
	EXPECT_EQ(0xa07, device_reads(&self->c, &self->host, self->hole + 3 * PAGE));
	EXPECT_EQ(0xdead, device_reads(&self->c, &self->host, self->hole + 4 * PAGE));
}

TEST_F(vm, nothing_is_mapped_at_first)
{
	EXPECT_EQ(0xdead, device_reads(&self->c, &self->host, self->hole));
}

TEST_F(vm, unmap_takes_it_away)
{
	ASSERT_EQ(0, dojo_vm_map(self->c.fd, self->c.vm, self->a.handle, 0, self->hole, AREA));
	EXPECT_EQ(0xa00, device_reads(&self->c, &self->host, self->hole));
	ASSERT_EQ(0, dojo_vm_unmap(self->c.fd, self->c.vm, self->hole, AREA));
	EXPECT_EQ(0xdead, device_reads(&self->c, &self->host, self->hole));
	EXPECT_FALSE(device_writes(&self->c, self->hole, 1));
}

TEST_F(vm, unmap_of_nothing_succeeds)
{
	EXPECT_EQ(0, dojo_vm_unmap(self->c.fd, self->c.vm, self->hole, AREA));
}

TEST_F(vm, unmap_in_the_middle_splits)
{
	int i;

	ASSERT_EQ(0, dojo_vm_map(self->c.fd, self->c.vm, self->a.handle, 0, self->hole, AREA));
	ASSERT_EQ(0, dojo_vm_unmap(self->c.fd, self->c.vm, self->hole + 4 * PAGE, 3 * PAGE));
	for (i = 2; i < 10; i++)
		EXPECT_EQ(i >= 4 && i < 7 ? 0xdead : 0xa00 + i,
			  device_reads(&self->c, &self->host, self->hole + i * PAGE));
}

TEST_F(vm, unmap_at_the_edges_shrinks)
{
	int i;

	ASSERT_EQ(0, dojo_vm_map(self->c.fd, self->c.vm, self->a.handle, 0, self->hole, AREA));
	ASSERT_EQ(0, dojo_vm_unmap(self->c.fd, self->c.vm, self->hole - PAGE, 3 * PAGE));
	ASSERT_EQ(0, dojo_vm_unmap(self->c.fd, self->c.vm, self->hole + 5 * PAGE, AREA));
	for (i = 0; i < 8; i++)
		EXPECT_EQ(i < 2 || i >= 5 ? 0xdead : 0xa00 + i,
			  device_reads(&self->c, &self->host, self->hole + i * PAGE));
}

TEST_F(vm, one_unmap_takes_several_mappings)
{
	int i;

	for (i = 0; i < 8; i += 2)
		ASSERT_EQ(0, dojo_vm_map(self->c.fd, self->c.vm, self->a.handle, i * PAGE,
					 self->hole + i * PAGE, PAGE));
	ASSERT_EQ(0, dojo_vm_unmap(self->c.fd, self->c.vm, self->hole + PAGE, 5 * PAGE));
	EXPECT_EQ(0xa00, device_reads(&self->c, &self->host, self->hole));
	EXPECT_EQ(0xdead, device_reads(&self->c, &self->host, self->hole + 2 * PAGE));
	EXPECT_EQ(0xdead, device_reads(&self->c, &self->host, self->hole + 4 * PAGE));
	EXPECT_EQ(0xa06, device_reads(&self->c, &self->host, self->hole + 6 * PAGE));
}

TEST_F(vm, map_replaces_what_is_there)
{
	int i;

	ASSERT_EQ(0, dojo_vm_map(self->c.fd, self->c.vm, self->a.handle, 0, self->hole, AREA));
	ASSERT_EQ(0, dojo_vm_map(self->c.fd, self->c.vm, self->b.handle, 0,
				 self->hole + 5 * PAGE, 4 * PAGE));
	for (i = 4; i < 10; i++)
		EXPECT_EQ(i >= 5 && i < 9 ? 0xb00 + i - 5 : 0xa00 + i,
			  device_reads(&self->c, &self->host, self->hole + i * PAGE));
}

TEST_F(vm, mapping_the_same_range_again_changes_nothing)
{
	ASSERT_EQ(0, dojo_vm_map(self->c.fd, self->c.vm, self->a.handle, 0, self->hole, AREA));
	ASSERT_EQ(0, dojo_vm_map(self->c.fd, self->c.vm, self->a.handle, 0, self->hole, AREA));
	EXPECT_EQ(0xa0f, device_reads(&self->c, &self->host, self->hole + 15 * PAGE));
}

TEST_F(vm, one_buffer_can_be_mapped_twice)
{
	ASSERT_EQ(0, dojo_vm_map(self->c.fd, self->c.vm, self->a.handle, 0, self->hole, PAGE));
	ASSERT_EQ(0, dojo_vm_map(self->c.fd, self->c.vm, self->a.handle, 0, self->hole + PAGE,
				 PAGE));
	EXPECT_TRUE(device_writes(&self->c, self->hole, 0x55));
	EXPECT_EQ(0x55, device_reads(&self->c, &self->host, self->hole + PAGE));
}

TEST_F(vm, address_spaces_are_separate)
{
	struct dojo_client other;

	ASSERT_EQ(0, dojo_vm_map(self->c.fd, self->c.vm, self->a.handle, 0, self->hole, AREA));
	ASSERT_EQ(0, dojo_client_init(&other, dup(self->c.fd)));
	dojo_fill(&other, self->hole, 4, 1);
	EXPECT_EQ(-EFAULT, dojo_run(&other, other.dma));
	EXPECT_EQ(0xa00, device_reads(&self->c, &self->host, self->hole));
}

TEST_F(vm, readonly_can_be_read)
{
	ASSERT_EQ(0, bind_op(&self->c, DRM_DOJO_BIND_MAP, DRM_DOJO_BIND_READONLY, self->a.handle,
			     0, self->hole, AREA));
	EXPECT_EQ(0xa01, device_reads(&self->c, &self->host, self->hole + PAGE));
}

TEST_F(vm, readonly_cannot_be_written)
{
	ASSERT_EQ(0, bind_op(&self->c, DRM_DOJO_BIND_MAP, DRM_DOJO_BIND_READONLY, self->a.handle,
			     0, self->hole, AREA));
	EXPECT_FALSE(device_writes(&self->c, self->hole + PAGE, 1));
	EXPECT_EQ(0xa01, *(__u32 *)((char *)self->a.map + PAGE));
}

TEST_F(vm, readonly_survives_a_split)
{
	ASSERT_EQ(0, bind_op(&self->c, DRM_DOJO_BIND_MAP, DRM_DOJO_BIND_READONLY, self->a.handle,
			     0, self->hole, AREA));
	ASSERT_EQ(0, dojo_vm_unmap(self->c.fd, self->c.vm, self->hole + 4 * PAGE, PAGE));
	EXPECT_FALSE(device_writes(&self->c, self->hole + 3 * PAGE, 1));
	EXPECT_FALSE(device_writes(&self->c, self->hole + 5 * PAGE, 1));
	EXPECT_EQ(0xa05, device_reads(&self->c, &self->host, self->hole + 5 * PAGE));
}

TEST_F(vm, null_reads_zero)
{
	ASSERT_EQ(0, bind_op(&self->c, DRM_DOJO_BIND_NULL, 0, 0, 0, self->hole, AREA));
	EXPECT_EQ(0, device_reads(&self->c, &self->host, self->hole + 7 * PAGE));
}

TEST_F(vm, null_drops_writes)
{
	ASSERT_EQ(0, bind_op(&self->c, DRM_DOJO_BIND_NULL, 0, 0, 0, self->hole, AREA));
	EXPECT_TRUE(device_writes(&self->c, self->hole, 0x99));
	EXPECT_EQ(0, device_reads(&self->c, &self->host, self->hole));
}

TEST_F(vm, null_replaces_and_is_replaced)
{
	ASSERT_EQ(0, dojo_vm_map(self->c.fd, self->c.vm, self->a.handle, 0, self->hole, AREA));
	ASSERT_EQ(0, bind_op(&self->c, DRM_DOJO_BIND_NULL, 0, 0, 0, self->hole, AREA));
	EXPECT_EQ(0, device_reads(&self->c, &self->host, self->hole + PAGE));
	ASSERT_EQ(0, dojo_vm_map(self->c.fd, self->c.vm, self->b.handle, 0, self->hole, AREA));
	EXPECT_EQ(0xb01, device_reads(&self->c, &self->host, self->hole + PAGE));
}

TEST_F(vm, a_terabyte_of_null_can_be_bound)
{
	const __u64 va = BIT(41);

	ASSERT_EQ(0, bind_op(&self->c, DRM_DOJO_BIND_NULL, 0, 0, 0, va, BIT(40)));
	EXPECT_EQ(0, device_reads(&self->c, &self->host, va));
	EXPECT_EQ(0, device_reads(&self->c, &self->host, va + BIT(40) - PAGE));
}

TEST_F(vm, unmap_all_of_a_buffer_leaves_the_others)
{
	ASSERT_EQ(0, dojo_vm_map(self->c.fd, self->c.vm, self->a.handle, 0, self->hole, PAGE));
	ASSERT_EQ(0, dojo_vm_map(self->c.fd, self->c.vm, self->a.handle, 0,
				 self->hole + 8 * PAGE, PAGE));
	ASSERT_EQ(0, dojo_vm_map(self->c.fd, self->c.vm, self->b.handle, 0,
				 self->hole + 4 * PAGE, PAGE));
	ASSERT_EQ(0, bind_op(&self->c, DRM_DOJO_BIND_UNMAP_ALL, 0, self->a.handle, 0, 0, 0));
	EXPECT_EQ(0xdead, device_reads(&self->c, &self->host, self->hole));
	EXPECT_EQ(0xdead, device_reads(&self->c, &self->host, self->hole + 8 * PAGE));
	EXPECT_EQ(0xb00, device_reads(&self->c, &self->host, self->hole + 4 * PAGE));
}

TEST_F(vm, unmap_all_without_a_buffer_empties_the_vm)
{
	struct drm_dojo_vm_get_state state;

	ASSERT_EQ(0, dojo_vm_map(self->c.fd, self->c.vm, self->a.handle, 0, self->hole, PAGE));
	ASSERT_EQ(0, bind_op(&self->c, DRM_DOJO_BIND_UNMAP_ALL, 0, 0, 0, 0, 0));
	ASSERT_EQ(0, dojo_vm_state(self->c.fd, self->c.vm, &state));
	EXPECT_EQ(0, state.mappings);
	/* not even the batch can be read any more */
	dojo_packet(&self->c, DOJO_OP_NOP, sizeof(struct dojo_packet_header));
	EXPECT_EQ(-EFAULT, dojo_run(&self->c, self->c.dma));
}

TEST_F(vm, closing_the_handle_keeps_the_mapping)
{
	ASSERT_EQ(0, dojo_vm_map(self->c.fd, self->c.vm, self->a.handle, 0, self->hole, AREA));
	ASSERT_EQ(0, dojo_bo_close(self->c.fd, self->a.handle));
	EXPECT_EQ(0xa02, device_reads(&self->c, &self->host, self->hole + 2 * PAGE));
}

TEST_F(vm, the_last_page_of_the_address_space_can_be_used)
{
	ASSERT_EQ(0, dojo_vm_map(self->c.fd, self->c.vm, self->a.handle, 0, VA_END - PAGE, PAGE));
	EXPECT_EQ(0xa00, device_reads(&self->c, &self->host, VA_END - PAGE));
}

TEST_F(vm, an_array_of_operations_is_done_in_order)
{
	struct drm_dojo_bind_op ops[3] = {
		map_op(self->a.handle, 0, self->hole, AREA),
		map_op(self->b.handle, 0, self->hole, 2 * PAGE),
		{ .type = DRM_DOJO_BIND_UNMAP, .va = self->hole + PAGE, .size = PAGE },
	};

	ASSERT_EQ(0, dojo_vm_bind(self->c.fd, self->c.vm, ops, 3, NULL));
	EXPECT_EQ(0xb00, device_reads(&self->c, &self->host, self->hole));
	EXPECT_EQ(0xdead, device_reads(&self->c, &self->host, self->hole + PAGE));
	EXPECT_EQ(0xa02, device_reads(&self->c, &self->host, self->hole + 2 * PAGE));
}

TEST_F(vm, an_array_of_no_operations_does_nothing)
{
	EXPECT_EQ(0, dojo_vm_bind(self->c.fd, self->c.vm, NULL, 0, NULL));
}

TEST_F(vm, the_failing_operation_is_named)
{
	struct drm_dojo_bind_op ops[4] = {
		map_op(self->a.handle, 0, self->hole, PAGE),
		map_op(self->a.handle, PAGE, self->hole + PAGE, PAGE),
		map_op(BAD_ID, 0, self->hole + 2 * PAGE, PAGE),
		map_op(self->a.handle, 0, self->hole + 3 * PAGE, PAGE),
	};
	__u32 failed;

	EXPECT_EQ(-ENOENT, dojo_vm_bind(self->c.fd, self->c.vm, ops, 4, &failed));
	EXPECT_EQ(2, failed);
}

TEST_F(vm, operations_before_the_failing_one_have_been_done)
{
	struct drm_dojo_bind_op ops[3] = {
		map_op(self->a.handle, 0, self->hole, PAGE),
		map_op(BAD_ID, 0, self->hole + PAGE, PAGE),
		map_op(self->a.handle, 0, self->hole + 2 * PAGE, PAGE),
	};

	EXPECT_EQ(-ENOENT, dojo_vm_bind(self->c.fd, self->c.vm, ops, 3, NULL));
	EXPECT_EQ(0xa00, device_reads(&self->c, &self->host, self->hole));
	EXPECT_EQ(0xdead, device_reads(&self->c, &self->host, self->hole + 2 * PAGE));
}

/* --------------------------------------------------------------- state */

TEST_F(vm, state_counts_mappings)
{
	struct drm_dojo_vm_get_state before, after;

	ASSERT_EQ(0, dojo_vm_state(self->c.fd, self->c.vm, &before));
	ASSERT_EQ(0, dojo_vm_map(self->c.fd, self->c.vm, self->a.handle, 0, self->hole, AREA));
	ASSERT_EQ(0, dojo_vm_unmap(self->c.fd, self->c.vm, self->hole + PAGE, PAGE));
	ASSERT_EQ(0, dojo_vm_state(self->c.fd, self->c.vm, &after));
	EXPECT_EQ(DRM_DOJO_VM_USABLE, after.state);
	EXPECT_EQ(before.mappings + 2, after.mappings);
}

TEST_F(vm, state_counts_page_table_writes)
{
	struct drm_dojo_vm_get_state before, after;

	ASSERT_EQ(0, dojo_vm_state(self->c.fd, self->c.vm, &before));
	ASSERT_EQ(0, dojo_vm_map(self->c.fd, self->c.vm, self->a.handle, 0, self->hole, AREA));
	/* a buffer may be placed, and its entries be written, when it is first used */
	EXPECT_EQ(0xa00, device_reads(&self->c, &self->host, self->hole));
	ASSERT_EQ(0, dojo_vm_state(self->c.fd, self->c.vm, &after));
	EXPECT_GE(after.pt_writes, before.pt_writes + AREA_PAGES);
}

TEST_F(vm, large_pages_keep_page_table_work_small)
{
	const __u64 size = MIB(32);
	struct drm_dojo_vm_get_state before, after;
	struct dojo_buf big;
	__u64 va;

	ASSERT_EQ(0, dojo_buf_create(&self->c, &big, size, DRM_DOJO_DOMAIN_HBM,
				     DRM_DOJO_BO_CONTIGUOUS));
	dojo_fill(&self->c, big.va, 4, 0);
	ASSERT_EQ(0, dojo_run(&self->c, self->c.dma));
	ASSERT_EQ(0, dojo_vm_state(self->c.fd, self->c.vm, &before));
	va = dojo_hole(&self->c, size);
	ASSERT_EQ(0, dojo_vm_map(self->c.fd, self->c.vm, big.handle, 0, va, size));
	dojo_fill(&self->c, va, size, 0x12121212);
	ASSERT_EQ(0, dojo_run(&self->c, self->c.dma));
	ASSERT_EQ(0, dojo_vm_state(self->c.fd, self->c.vm, &after));
	/* 16 entries of 2 MiB, and a table or two on the way there */
	EXPECT_LE(after.pt_writes - before.pt_writes, 2 * size / HUGE_PAGE);
	EXPECT_EQ(0x12121212, device_reads(&self->c, &self->host, va + size - PAGE));
}

/* 512 entries, the tables they lie in, and nothing for each of the 262,144 small pages */
static void expect_512_entries(struct __test_metadata *_metadata, struct dojo_client *c,
			       struct drm_dojo_bind_op *op)
{
	struct drm_dojo_vm_get_state before, after;

	op->va = GIB(64);
	op->size = GIB(1);
	ASSERT_EQ(0, dojo_vm_state(c->fd, c->vm, &before));
	ASSERT_EQ(0, dojo_vm_bind(c->fd, c->vm, op, 1, NULL));
	/* a buffer may be placed, and its entries be written, when it is first used */
	dojo_fill(c, op->va + op->size - PAGE, PAGE, 1);
	ASSERT_EQ(0, dojo_run(c, c->dma));
	ASSERT_EQ(0, dojo_vm_state(c->fd, c->vm, &after));
	EXPECT_GE(after.pt_writes - before.pt_writes, 512);
	EXPECT_LE(after.pt_writes - before.pt_writes, 512 + 3);
	EXPECT_LE(after.pt_bytes - before.pt_bytes, 3 * PAGE);
	ASSERT_EQ(0, dojo_vm_unmap(c->fd, c->vm, op->va, op->size));
	ASSERT_EQ(0, dojo_vm_state(c->fd, c->vm, &before));
	EXPECT_LE(before.pt_writes - after.pt_writes, 512 + 3);
}

TEST_F(vm, a_gigabyte_of_hbm_takes_512_entries)
{
	struct drm_dojo_bind_op op = { .type = DRM_DOJO_BIND_MAP };
	struct drm_dojo_memory_info memory;

	ASSERT_EQ(0, dojo_query(self->c.fd, DRM_DOJO_QUERY_MEMORY, &memory, sizeof(memory)));
	if (memory.hbm_total < GIB(2))
		SKIP(return, "less than 2 GiB of HBM");
	ASSERT_EQ(0, dojo_bo_create(self->c.fd, GIB(1), DRM_DOJO_DOMAIN_HBM, 0, &op.handle));
	expect_512_entries(_metadata, &self->c, &op);
}

TEST_F(vm, a_gigabyte_of_null_takes_512_entries)
{
	struct drm_dojo_bind_op op = { .type = DRM_DOJO_BIND_NULL };

	expect_512_entries(_metadata, &self->c, &op);
}

TEST_F(vm, splitting_a_large_page_keeps_the_rest)
{
	const __u64 size = MIB(4);
	struct dojo_buf big;
	__u64 va;

	ASSERT_EQ(0, dojo_buf_create(&self->c, &big, size, DRM_DOJO_DOMAIN_HBM,
				     DRM_DOJO_BO_CONTIGUOUS));
	dojo_fill(&self->c, big.va, size, 0x34343434);
	ASSERT_EQ(0, dojo_run(&self->c, self->c.dma));
	va = dojo_hole(&self->c, size);
	ASSERT_EQ(0, dojo_vm_map(self->c.fd, self->c.vm, big.handle, 0, va, size));
	EXPECT_EQ(0x34343434, device_reads(&self->c, &self->host, va));
	ASSERT_EQ(0, dojo_vm_unmap(self->c.fd, self->c.vm, va + MIB(1), PAGE));
	EXPECT_EQ(0x34343434, device_reads(&self->c, &self->host, va + MIB(1) - PAGE));
	EXPECT_EQ(0xdead, device_reads(&self->c, &self->host, va + MIB(1)));
	EXPECT_EQ(0x34343434, device_reads(&self->c, &self->host, va + MIB(1) + PAGE));
	EXPECT_EQ(0x34343434, device_reads(&self->c, &self->host, va + MIB(2)));
}

/* ------------------------------------------------------ while jobs run */

/* A job waits on the host's first word and then fills @size bytes at @va. */
static int start_fill(struct dojo_client *c, struct dojo_buf *host, __u64 va, __u64 size,
		      __u32 pattern)
{
	dojo_poke64(host->map, 0);
	dojo_sem_wait(c, host->va, 1, DOJO_SEM_EQUAL);
	dojo_fill(c, va, size, pattern);
	return dojo_start(c, c->dma, c->done);
}

static int finish_fill(struct dojo_client *c, struct dojo_buf *host)
{
	int ret;

	dojo_poke64(host->map, 1);
	ret = dojo_syncobj_wait(c->fd, c->done, dojo_patience());
	return ret ? ret : dojo_syncobj_status(c->fd, c->done);
}

TEST_F(vm, what_is_unmapped_during_a_job_faults)
{
	ASSERT_EQ(0, dojo_vm_map(self->c.fd, self->c.vm, self->b.handle, 0, self->hole, AREA));
	ASSERT_EQ(0, start_fill(&self->c, &self->host, self->hole, AREA, 1));
	ASSERT_EQ(0, dojo_vm_unmap(self->c.fd, self->c.vm, self->hole, AREA));
	EXPECT_EQ(-EFAULT, finish_fill(&self->c, &self->host));
	EXPECT_EQ(0xb00, *(__u32 *)self->b.map);
	ASSERT_EQ(0, dojo_client_new_queues(&self->c));
}

TEST_F(vm, what_is_replaced_during_a_job_is_seen_by_it)
{
	ASSERT_EQ(0, dojo_vm_map(self->c.fd, self->c.vm, self->b.handle, 0, self->hole, AREA));
	ASSERT_EQ(0, start_fill(&self->c, &self->host, self->hole, AREA, 0x35353535));
	ASSERT_EQ(0, dojo_vm_map(self->c.fd, self->c.vm, self->a.handle, 0, self->hole, AREA));
	EXPECT_EQ(1, finish_fill(&self->c, &self->host));
	EXPECT_EQ(0xb00, *(__u32 *)self->b.map);
	EXPECT_EQ(-1, dojo_not_all(self->a.map, AREA, 0x35));
}

/* A job that still reaches a buffer keeps its memory, whoever wants some. */
TEST_F(vm, memory_freed_during_a_job_is_nobody_else_s_before_its_end)
{
	struct drm_dojo_memory_info during, after;
	struct dojo_client other;
	struct dojo_buf big, mine;
	unsigned int ms;
	__u32 handle;

	ASSERT_EQ(0, dojo_buf_create(&self->c, &big, MIB(8), DRM_DOJO_DOMAIN_HBM, 0));
	handle = big.handle;
	ASSERT_EQ(0, start_fill(&self->c, &self->host, big.va, MIB(8), 0x66666666));
	ASSERT_EQ(0, dojo_bo_close(self->c.fd, handle));
	ASSERT_EQ(0, dojo_vm_unmap(self->c.fd, self->c.vm, big.va + MIB(4), MIB(4)));
	ASSERT_EQ(0, dojo_query(self->c.fd, DRM_DOJO_QUERY_MEMORY, &during, sizeof(during)));
	ASSERT_EQ(0, dojo_client_open(&other, 0));
	ASSERT_EQ(0, dojo_buf_create(&other, &mine, MIB(8), DRM_DOJO_DOMAIN_HBM,
				     DRM_DOJO_BO_CPU_ACCESS));
	EXPECT_EQ(-EFAULT, finish_fill(&self->c, &self->host));
	ASSERT_EQ(0, dojo_vm_unmap(self->c.fd, self->c.vm, big.va, MIB(4)));
	EXPECT_EQ(-1, dojo_not_all(mine.map, MIB(8), 0));
	munmap(mine.map, MIB(8));
	dojo_client_close(&other);
	for (ms = 0; ms < dojo_patience(); ms += 10) {
		ASSERT_EQ(0, dojo_query(self->c.fd, DRM_DOJO_QUERY_MEMORY, &after, sizeof(after)));
		if (after.hbm_used + MIB(8) <= during.hbm_used)
			break;
		usleep(10000);
	}
	EXPECT_LE(after.hbm_used + MIB(8), during.hbm_used);
	ASSERT_EQ(0, dojo_client_new_queues(&self->c));
}

TEST_F(vm, state_of_an_unknown_vm_is_refused)
{
	struct drm_dojo_vm_get_state state;

	EXPECT_EQ(-ENOENT, dojo_vm_state(self->c.fd, BAD_ID, &state));
	EXPECT_EQ(-ENOENT, dojo_vm_state(self->c.fd, 0, &state));
}

/* ------------------------------------------------- rejected operations */

struct bad_op {
	const char *why;
	int error;
	struct drm_dojo_bind_op op;
};

#define GOOD_VA	GIB(1)

/* handle 1 stands for a good one */
static const struct bad_op bad_ops[] = {
	{ "type", EINVAL, { .type = 5, .va = GOOD_VA, .size = PAGE } },
	{ "huge type", EINVAL, { .type = ~0u, .va = GOOD_VA, .size = PAGE } },
	{ "flag", EINVAL, { .handle = 1, .flags = 2, .va = GOOD_VA, .size = PAGE } },
	{ "high flag", EINVAL, { .handle = 1, .flags = 1u << 31, .va = GOOD_VA, .size = PAGE } },
	{ "padding", EINVAL, { .handle = 1, .pad = 1, .va = GOOD_VA, .size = PAGE } },
	{ "size 0", EINVAL, { .handle = 1, .va = GOOD_VA } },
	{ "unaligned size", EINVAL, { .handle = 1, .va = GOOD_VA, .size = PAGE + 8 } },
	{ "unaligned va", EINVAL, { .handle = 1, .va = GOOD_VA + 8, .size = PAGE } },
	{ "unaligned offset", EINVAL, { .handle = 1, .offset = 8, .va = GOOD_VA, .size = PAGE } },
	{ "va beyond 48 bits", EINVAL, { .handle = 1, .va = VA_END, .size = PAGE } },
	{ "va far beyond", EINVAL, { .handle = 1, .va = ~0ull << 12, .size = PAGE } },
	{ "end beyond 48 bits", EINVAL, { .handle = 1, .va = VA_END - PAGE, .size = 2 * PAGE } },
	{ "overflow of va and size", EINVAL,
	  { .handle = 1, .va = GOOD_VA, .size = ~0ull << 12 } },
	{ "offset at the end", EINVAL,
	  { .handle = 1, .offset = AREA, .va = GOOD_VA, .size = PAGE } },
	{ "end beyond the buffer", EINVAL,
	  { .handle = 1, .offset = AREA - PAGE, .va = GOOD_VA, .size = 2 * PAGE } },
	{ "overflow of offset and size", EINVAL,
	  { .handle = 1, .offset = ~0ull << 12, .va = GOOD_VA, .size = 2 * PAGE } },
	{ "unknown handle", ENOENT, { .handle = BAD_ID, .va = GOOD_VA, .size = PAGE } },
	{ "map of handle 0", ENOENT, { .va = GOOD_VA, .size = PAGE } },

	{ "unmap with a handle", EINVAL,
	  { .type = DRM_DOJO_BIND_UNMAP, .handle = 1, .va = GOOD_VA, .size = PAGE } },
	{ "unmap with an offset", EINVAL,
	  { .type = DRM_DOJO_BIND_UNMAP, .offset = PAGE, .va = GOOD_VA, .size = PAGE } },
	{ "unmap readonly", EINVAL,
	  { .type = DRM_DOJO_BIND_UNMAP, .flags = DRM_DOJO_BIND_READONLY, .va = GOOD_VA,
	    .size = PAGE } },
	{ "unmap of size 0", EINVAL, { .type = DRM_DOJO_BIND_UNMAP, .va = GOOD_VA } },
	{ "unmap of an unaligned va", EINVAL,
	  { .type = DRM_DOJO_BIND_UNMAP, .va = GOOD_VA + 1, .size = PAGE } },
	{ "unmap beyond 48 bits", EINVAL,
	  { .type = DRM_DOJO_BIND_UNMAP, .va = VA_END, .size = PAGE } },
	{ "unmap that overflows", EINVAL,
	  { .type = DRM_DOJO_BIND_UNMAP, .va = ~0ull << 12, .size = 2 * PAGE } },

	{ "unmap all with a va", EINVAL, { .type = DRM_DOJO_BIND_UNMAP_ALL, .va = GOOD_VA } },
	{ "unmap all with a size", EINVAL, { .type = DRM_DOJO_BIND_UNMAP_ALL, .size = PAGE } },
	{ "unmap all with an offset", EINVAL,
	  { .type = DRM_DOJO_BIND_UNMAP_ALL, .offset = PAGE } },
	{ "unmap all readonly", EINVAL,
	  { .type = DRM_DOJO_BIND_UNMAP_ALL, .flags = DRM_DOJO_BIND_READONLY } },
	{ "unmap all of an unknown handle", ENOENT,
	  { .type = DRM_DOJO_BIND_UNMAP_ALL, .handle = BAD_ID } },

	{ "null with a handle", EINVAL,
	  { .type = DRM_DOJO_BIND_NULL, .handle = 1, .va = GOOD_VA, .size = PAGE } },
	{ "null with an offset", EINVAL,
	  { .type = DRM_DOJO_BIND_NULL, .offset = PAGE, .va = GOOD_VA, .size = PAGE } },
	{ "null readonly", EINVAL,
	  { .type = DRM_DOJO_BIND_NULL, .flags = DRM_DOJO_BIND_READONLY, .va = GOOD_VA,
	    .size = PAGE } },

	{ "userptr with a handle", EINVAL,
	  { .type = DRM_DOJO_BIND_USERPTR, .handle = 1, .offset = MIB(1), .va = GOOD_VA,
	    .size = PAGE } },
	{ "unaligned userptr", EINVAL,
	  { .type = DRM_DOJO_BIND_USERPTR, .offset = MIB(1) + 8, .va = GOOD_VA, .size = PAGE } },
	{ "userptr that overflows", EINVAL,
	  { .type = DRM_DOJO_BIND_USERPTR, .offset = ~0ull << 12, .va = GOOD_VA,
	    .size = 2 * PAGE } },
};

TEST_F(vm, bad_operations_are_refused)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad_ops); i++) {
		struct drm_dojo_bind_op op = bad_ops[i].op;

		if (op.handle == 1)
			op.handle = self->a.handle;
		EXPECT_EQ(-bad_ops[i].error, dojo_vm_bind(self->c.fd, self->c.vm, &op, 1, NULL))
			TH_LOG("%s", bad_ops[i].why);
	}
}

TEST_F(vm, bad_operations_change_nothing)
{
	struct drm_dojo_vm_get_state before, after;
	size_t i;

	ASSERT_EQ(0, dojo_vm_state(self->c.fd, self->c.vm, &before));
	for (i = 0; i < ARRAY_SIZE(bad_ops); i++) {
		struct drm_dojo_bind_op op = bad_ops[i].op;

		if (op.handle == 1)
			op.handle = self->a.handle;
		dojo_vm_bind(self->c.fd, self->c.vm, &op, 1, NULL);
	}
	ASSERT_EQ(0, dojo_vm_state(self->c.fd, self->c.vm, &after));
	EXPECT_EQ(before.mappings, after.mappings);
	EXPECT_EQ(DRM_DOJO_VM_USABLE, after.state);
}

TEST_F(vm, a_closed_handle_is_unknown)
{
	__u32 handle;

	ASSERT_EQ(0, dojo_bo_create(self->c.fd, PAGE, 0, 0, &handle));
	ASSERT_EQ(0, dojo_bo_close(self->c.fd, handle));
	EXPECT_EQ(-ENOENT, dojo_vm_map(self->c.fd, self->c.vm, handle, 0, self->hole, PAGE));
}

/* ------------------------------------------------------ rejected calls */

static int bind_call(struct dojo_client *c, struct drm_dojo_vm_bind bind)
{
	if (!bind.vm_id)
		bind.vm_id = c->vm;
	return dojo_ioctl(c->fd, DRM_IOCTL_DOJO_VM_BIND, &bind);
}

TEST_F(vm, unknown_flags_of_bind_are_refused)
{
	int bit;

	for (bit = 1; bit < 32; bit++)
		EXPECT_EQ(-EINVAL, bind_call(&self->c, (struct drm_dojo_vm_bind) {
			.flags = 1u << bit,
		}));
}

TEST_F(vm, bind_in_an_unknown_vm_is_refused)
{
	struct drm_dojo_bind_op op = map_op(self->a.handle, 0, self->hole, PAGE);

	EXPECT_EQ(-ENOENT, dojo_vm_bind(self->c.fd, BAD_ID, &op, 1, NULL));
	EXPECT_EQ(-ENOENT, dojo_vm_bind(self->c.fd, 0, &op, 1, NULL));
}

TEST_F(vm, synchronous_bind_with_syncs_is_refused)
{
	struct drm_dojo_bind_op op = map_op(self->a.handle, 0, self->hole, PAGE);
	struct drm_dojo_sync_op sync = {
		.flags = DRM_DOJO_SYNC_OP_SIGNAL,
		.handle = self->c.done,
	};

	EXPECT_EQ(-EINVAL, bind_call(&self->c, (struct drm_dojo_vm_bind) {
		.ops = { .stride = sizeof(op), .count = 1, .array = (uintptr_t)&op },
		.syncs = { .stride = sizeof(sync), .count = 1, .array = (uintptr_t)&sync },
	}));
}

TEST_F(vm, bad_pointer_to_operations_is_refused)
{
	EXPECT_EQ(-EFAULT, bind_call(&self->c, (struct drm_dojo_vm_bind) {
		.ops = { .stride = sizeof(struct drm_dojo_bind_op), .count = 1, .array = 8 },
	}));
}

TEST_F(vm, short_stride_is_refused)
{
	struct drm_dojo_bind_op op = map_op(self->a.handle, 0, self->hole, PAGE);
	__u32 stride;

	for (stride = 0; stride < sizeof(op); stride += 8)
		EXPECT_EQ(-EINVAL, bind_call(&self->c, (struct drm_dojo_vm_bind) {
			.ops = { .stride = stride, .count = 1, .array = (uintptr_t)&op },
		}));
}

TEST_F(vm, unaligned_stride_is_refused)
{
	struct drm_dojo_bind_op ops[2] = { map_op(self->a.handle, 0, self->hole, PAGE) };

	EXPECT_EQ(-EINVAL, bind_call(&self->c, (struct drm_dojo_vm_bind) {
		.ops = { .stride = sizeof(ops[0]) + 4, .count = 1, .array = (uintptr_t)ops },
	}));
}

struct long_op {
	struct drm_dojo_bind_op op;
	__u64 later[2];
};

TEST_F(vm, longer_elements_with_zeros_are_accepted)
{
	struct long_op ops[2] = {
		{ .op = map_op(self->a.handle, 0, self->hole, PAGE) },
		{ .op = map_op(self->b.handle, 0, self->hole + PAGE, PAGE) },
	};

	ASSERT_EQ(0, bind_call(&self->c, (struct drm_dojo_vm_bind) {
		.ops = { .stride = sizeof(ops[0]), .count = 2, .array = (uintptr_t)ops },
	}));
	EXPECT_EQ(0xa00, device_reads(&self->c, &self->host, self->hole));
	EXPECT_EQ(0xb00, device_reads(&self->c, &self->host, self->hole + PAGE));
}

TEST_F(vm, longer_elements_with_unknown_content_are_refused)
{
	struct long_op ops[2] = {
		{ .op = map_op(self->a.handle, 0, self->hole, PAGE) },
		{ .op = map_op(self->b.handle, 0, self->hole + PAGE, PAGE), .later = { 0, 1 } },
	};

	EXPECT_EQ(-E2BIG, bind_call(&self->c, (struct drm_dojo_vm_bind) {
		.ops = { .stride = sizeof(ops[0]), .count = 2, .array = (uintptr_t)ops },
	}));
}

TEST_F(vm, more_operations_than_the_limit_are_refused)
{
	struct drm_dojo_bind_op op = map_op(self->a.handle, 0, self->hole, PAGE);
	struct drm_dojo_limits limits;

	ASSERT_EQ(0, dojo_query(self->c.fd, DRM_DOJO_QUERY_LIMITS, &limits, sizeof(limits)));
	EXPECT_EQ(-EINVAL, bind_call(&self->c, (struct drm_dojo_vm_bind) {
		.ops = {
			.stride = sizeof(op),
			.count = limits.binds_per_call + 1,
			.array = (uintptr_t)&op,
		},
	}));
	EXPECT_EQ(-EINVAL, bind_call(&self->c, (struct drm_dojo_vm_bind) {
		.ops = { .stride = sizeof(op), .count = ~0u, .array = (uintptr_t)&op },
	}));
}

TEST_F(vm, as_many_operations_as_the_limit_are_accepted)
{
	struct drm_dojo_limits limits;
	struct drm_dojo_bind_op *ops;
	unsigned int i;

	ASSERT_EQ(0, dojo_query(self->c.fd, DRM_DOJO_QUERY_LIMITS, &limits, sizeof(limits)));
	ops = calloc(limits.binds_per_call, sizeof(*ops));
	ASSERT_NE(NULL, ops);
	for (i = 0; i < limits.binds_per_call; i++)
		ops[i] = map_op(self->a.handle, i % AREA_PAGES * PAGE,
				GIB(4) + i * 2 * PAGE, PAGE);
	ASSERT_EQ(0, dojo_vm_bind(self->c.fd, self->c.vm, ops, limits.binds_per_call, NULL));
	i = limits.binds_per_call - 1;
	EXPECT_EQ(0xa00 + i % AREA_PAGES, device_reads(&self->c, &self->host, ops[i].va));
	free(ops);
}

/* -------------------------------------------------- asynchronous binds */

static int bind_async(struct dojo_client *c, struct drm_dojo_bind_op *op, __u32 wait, __u32 signal)
{
	struct drm_dojo_sync_op syncs[2];
	__u32 count = 0;

	if (wait)
		syncs[count++] = (struct drm_dojo_sync_op) { .handle = wait };
	if (signal)
		syncs[count++] = (struct drm_dojo_sync_op) {
			.flags = DRM_DOJO_SYNC_OP_SIGNAL,
			.handle = signal,
		};
	return bind_call(c, (struct drm_dojo_vm_bind) {
		.flags = DRM_DOJO_VM_BIND_ASYNC,
		.ops = { .stride = sizeof(*op), .count = 1, .array = (uintptr_t)op },
		.syncs = { .stride = sizeof(syncs[0]), .count = count, .array = (uintptr_t)syncs },
	});
}

TEST_F(vm, asynchronous_bind_signals_when_it_is_done)
{
	struct drm_dojo_bind_op op = map_op(self->a.handle, 0, self->hole, AREA);
	__u32 bound;

	ASSERT_EQ(0, dojo_syncobj_create(self->c.fd, &bound));
	ASSERT_EQ(0, bind_async(&self->c, &op, 0, bound));
	ASSERT_EQ(0, dojo_syncobj_wait(self->c.fd, bound, dojo_patience()));
	EXPECT_EQ(1, dojo_syncobj_status(self->c.fd, bound));
	EXPECT_EQ(0xa00, device_reads(&self->c, &self->host, self->hole));
}

TEST_F(vm, asynchronous_bind_waits_for_its_in_fence)
{
	struct drm_dojo_bind_op op = map_op(self->b.handle, 0, self->hole, AREA);
	__u32 blocker, gate, bound;

	/* the gate opens when a job ends that waits for a syncobj of ours */
	ASSERT_EQ(0, dojo_syncobj_create(self->c.fd, &gate));
	ASSERT_EQ(0, dojo_syncobj_create(self->c.fd, &bound));
	ASSERT_EQ(0, dojo_queue_create(self->c.fd, self->c.vm, DRM_DOJO_QUEUE_DMA, &blocker));
	ASSERT_EQ(0, dojo_vm_map(self->c.fd, self->c.vm, self->a.handle, 0, self->hole, AREA));
	dojo_poke64((char *)self->host.map + PAGE, 0);
	dojo_sem_wait(&self->c, self->host.va + PAGE, 1, DOJO_SEM_EQUAL);
	ASSERT_EQ(0, dojo_start(&self->c, blocker, gate));
	ASSERT_EQ(0, bind_async(&self->c, &op, gate, bound));
	EXPECT_EQ(-ETIME, dojo_syncobj_wait(self->c.fd, bound, 100));
	dojo_poke64((char *)self->host.map + PAGE, 1);
	ASSERT_EQ(0, dojo_syncobj_wait(self->c.fd, bound, dojo_patience()));
	EXPECT_EQ(0xb00, device_reads(&self->c, &self->host, self->hole));
}

TEST_F(vm, a_job_can_wait_for_an_asynchronous_bind)
{
	struct drm_dojo_bind_op op = map_op(self->a.handle, 0, self->hole, AREA);
	struct drm_dojo_sync_op syncs[2];
	struct drm_dojo_job job;
	__u32 bound;

	ASSERT_EQ(0, dojo_syncobj_create(self->c.fd, &bound));
	ASSERT_EQ(0, bind_async(&self->c, &op, 0, bound));
	dojo_copy(&self->c, self->host.va, self->hole + PAGE, 4);
	syncs[0] = (struct drm_dojo_sync_op) { .handle = bound };
	syncs[1] = (struct drm_dojo_sync_op) {
		.flags = DRM_DOJO_SYNC_OP_SIGNAL,
		.handle = self->c.done,
	};
	job = (struct drm_dojo_job) {
		.batch_va = self->c.batch.va,
		.batch_size = self->c.used,
		.syncs = { .stride = sizeof(syncs[0]), .count = 2, .array = (uintptr_t)syncs },
	};
	ASSERT_EQ(0, dojo_submit(self->c.fd, self->c.dma, 0, &job, 1));
	ASSERT_EQ(0, dojo_syncobj_wait(self->c.fd, self->c.done, dojo_patience()));
	EXPECT_EQ(1, dojo_syncobj_status(self->c.fd, self->c.done));
	EXPECT_EQ(0xa01, *(__u32 *)self->host.map);
}

TEST_F(vm, binds_are_in_the_order_of_the_calls)
{
	struct drm_dojo_bind_op op;
	int i;

	for (i = 0; i < 100; i++) {
		op = map_op(i & 1 ? self->b.handle : self->a.handle, 0, self->hole, AREA);
		ASSERT_EQ(0, bind_async(&self->c, &op, 0, 0));
	}
	/* a synchronous bind elsewhere comes after all of them */
	ASSERT_EQ(0, dojo_vm_unmap(self->c.fd, self->c.vm, self->hole + AREA, PAGE));
	EXPECT_EQ(0xb00, device_reads(&self->c, &self->host, self->hole));
}

static void ignore_signal(int sig)
{
	(void)sig;
}

/* It is behind an asynchronous one, which waits; and once more it has the same outcome */
TEST_F(vm, a_signal_ends_the_wait_of_a_synchronous_bind_which_can_be_restarted)
{
	const struct itimerval every = { { 0, 20000 }, { 0, 20000 } };
	const struct itimerval never = { { 0, 0 }, { 0, 0 } };
	struct drm_dojo_bind_op first = map_op(self->a.handle, 0, self->hole, AREA);
	struct drm_dojo_bind_op second = map_op(self->b.handle, 0, self->hole, PAGE);
	struct drm_dojo_vm_bind call = {
		.vm_id = self->c.vm,
		.ops = { .stride = sizeof(second), .count = 1, .array = (uintptr_t)&second },
	};
	struct sigaction action = { .sa_handler = ignore_signal };
	__u32 gate;

	ASSERT_EQ(0, dojo_syncobj_create(self->c.fd, &gate));
	dojo_poke64((char *)self->host.map + PAGE, 0);
	dojo_sem_wait(&self->c, self->host.va + PAGE, 1, DOJO_SEM_EQUAL);
	ASSERT_EQ(0, dojo_start(&self->c, self->c.compute, gate));
	ASSERT_EQ(0, bind_async(&self->c, &first, gate, 0));
	ASSERT_EQ(0, sigaction(SIGALRM, &action, NULL));
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &every, NULL));
	EXPECT_EQ(-1, ioctl(self->c.fd, DRM_IOCTL_DOJO_VM_BIND, &call));
	EXPECT_EQ(EINTR, errno);
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &never, NULL));
	dojo_poke64((char *)self->host.map + PAGE, 1);
	EXPECT_EQ(0, ioctl(self->c.fd, DRM_IOCTL_DOJO_VM_BIND, &call));
	EXPECT_EQ(0xb00, device_reads(&self->c, &self->host, self->hole));
	EXPECT_EQ(0xa01, device_reads(&self->c, &self->host, self->hole + PAGE));
}

TEST_F(vm, asynchronous_bind_checks_before_it_returns)
{
	struct drm_dojo_vm_get_state state;
	struct drm_dojo_bind_op op;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad_ops); i++) {
		op = bad_ops[i].op;
		if (op.handle == 1)
			op.handle = self->a.handle;
		EXPECT_EQ(-bad_ops[i].error, bind_async(&self->c, &op, 0, 0))
			TH_LOG("%s", bad_ops[i].why);
	}
	ASSERT_EQ(0, dojo_vm_state(self->c.fd, self->c.vm, &state));
	EXPECT_EQ(DRM_DOJO_VM_USABLE, state.state);
}

TEST_F(vm, asynchronous_bind_with_a_bad_syncobj_is_refused)
{
	struct drm_dojo_bind_op op = map_op(self->a.handle, 0, self->hole, AREA);

	EXPECT_EQ(-ENOENT, bind_async(&self->c, &op, BAD_ID, 0));
	EXPECT_EQ(-ENOENT, bind_async(&self->c, &op, 0, BAD_ID));
	EXPECT_EQ(0xdead, device_reads(&self->c, &self->host, self->hole));
}

int main(int argc, char **argv)
{
	return dojo_test_main(argc, argv, NULL);
}
