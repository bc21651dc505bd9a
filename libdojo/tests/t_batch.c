// SPDX-License-Identifier: MIT
/* Batches. */
#include "test.h"

TEST(create_binds_memory_that_the_tile_can_only_read)
{
	struct dojo_device *dev = test_open();
	struct dojo_vm *vm = test_vm(dev);
	struct dojo_batch *batch;

	OK(dojo_batch_create(vm, 8192, 0, &batch));
	EQUAL(fake.last_create.domains, DRM_DOJO_DOMAIN_SYSTEM);
	EQUAL(fake.last_create.vm_id, dojo_vm_id(vm));
	EQUAL(fake.last_bind.flags, DRM_DOJO_BIND_READONLY);
	EQUAL(dojo_batch_va(batch), fake.last_bind.va);
	EQUAL(dojo_batch_capacity(batch), 8192);
	EQUAL(dojo_batch_size(batch), 0);
	EQUAL(dojo_batch_packets(batch), 0);
	OK(dojo_batch_error(batch));
	dojo_batch_destroy(batch);
	EQUAL(fake.mappings, 0);
	dojo_vm_destroy(vm);
	dojo_device_close(dev);
}

TEST(create_in_hbm)
{
	struct dojo_device *dev = test_open();
	struct dojo_vm *vm = test_vm(dev);
	struct dojo_batch *batch;

	OK(dojo_batch_create(vm, 8192, DRM_DOJO_DOMAIN_HBM, &batch));
	EQUAL(fake.last_create.domains, DRM_DOJO_DOMAIN_HBM);
	dojo_batch_destroy(batch);
	dojo_vm_destroy(vm);
	dojo_device_close(dev);
}

TEST(create_larger_than_the_kernel_takes_is_ENOSPC)
{
	struct dojo_device *dev = test_open();
	struct dojo_vm *vm = test_vm(dev);
	struct dojo_batch *batch = (void *)1;

	EQUAL(dojo_batch_create(vm, (16 << 20) + 8, 0, &batch), -ENOSPC);
	CHECK(!batch);
	SAYS(test_last_error(dev), "16777216");
	dojo_vm_destroy(vm);
	dojo_device_close(dev);
}

TEST(create_at_uses_the_caller_s_memory)
{
	struct dojo_device *dev = test_open();
	struct dojo_vm *vm = test_vm(dev);
	struct dojo_packet_header memory[4] = { { 0, 0, 0 } };
	struct dojo_batch *batch;

	EQUAL(dojo_batch_create_at(vm, memory, 0x10004, sizeof(memory), &batch), -EINVAL);
	EQUAL(dojo_batch_create_at(vm, NULL, 0x10000, sizeof(memory), &batch), -EINVAL);
	OK(dojo_batch_create_at(vm, memory, 0x10000, sizeof(memory), &batch));
	OK(dojo_nop(batch));
	EQUAL(memory[0].opcode, DOJO_OP_NOP);
	EQUAL(memory[0].words, 1);
	EQUAL(dojo_batch_va(batch), 0x10000);
	dojo_batch_destroy(batch);
	EQUAL(fake_calls(DRM_IOCTL_DOJO_VM_BIND), 0);
	dojo_vm_destroy(vm);
	dojo_device_close(dev);
}

/* A batch of 32 bytes in @memory. */
static struct dojo_batch *small(struct dojo_vm *vm, struct dojo_packet_header *memory)
{
	struct dojo_batch *batch;

	OK(dojo_batch_create_at(vm, memory, 0x10000, 4 * sizeof(*memory), &batch));
	return batch;
}

TEST(a_full_batch_is_ENOSPC_and_stays_so)
{
	struct dojo_device *dev = test_open();
	struct dojo_vm *vm = test_vm(dev);
	struct dojo_packet_header memory[4];
	struct dojo_batch *batch = small(vm, memory);

	OK(dojo_nop(batch));
	EQUAL(dojo_copy(batch, 1, 2, 3), -ENOSPC);
	SAYS(test_last_error(dev), "packet 1 of the batch: 32 bytes, and 24 of 32 are free");
	EQUAL(dojo_nop(batch), -ENOSPC);
	EQUAL(dojo_batch_error(batch), -ENOSPC);
	EQUAL(dojo_batch_size(batch), 8);
	EQUAL(dojo_batch_packets(batch), 1);
	dojo_batch_destroy(batch);
	dojo_vm_destroy(vm);
	dojo_device_close(dev);
}

TEST(reset_starts_over)
{
	struct dojo_device *dev = test_open();
	struct dojo_vm *vm = test_vm(dev);
	struct dojo_packet_header memory[4];
	struct dojo_batch *batch = small(vm, memory);

	dojo_batch_overlap(batch, true);
	OK(dojo_nop(batch));
	EQUAL(dojo_copy(batch, 1, 2, 3), -ENOSPC);
	dojo_batch_reset(batch);
	OK(dojo_batch_error(batch));
	EQUAL(dojo_batch_size(batch), 0);
	OK(dojo_copy(batch, 1, 2, 3));
	EQUAL(memory[0].flags, 0);
	dojo_batch_destroy(batch);
	dojo_vm_destroy(vm);
	dojo_device_close(dev);
}

TEST(overlap_marks_packets_from_then_on)
{
	struct dojo_device *dev = test_open();
	struct dojo_vm *vm = test_vm(dev);
	struct dojo_packet_header memory[4];
	struct dojo_batch *batch = small(vm, memory);

	OK(dojo_nop(batch));
	dojo_batch_overlap(batch, true);
	OK(dojo_nop(batch));
	dojo_batch_overlap(batch, false);
	OK(dojo_nop(batch));
	EQUAL(memory[0].flags, 0);
	EQUAL(memory[1].flags, DOJO_PACKET_OVERLAP);
	EQUAL(memory[2].flags, 0);
	dojo_batch_destroy(batch);
	dojo_vm_destroy(vm);
	dojo_device_close(dev);
}

TEST(append_takes_packets_whole)
{
	struct dojo_device *dev = test_open();
	struct dojo_vm *vm = test_vm(dev);
	struct dojo_packet_header memory[4];
	struct dojo_packet_header packet = { 0x77, 1, 0xffff };
	struct dojo_batch *batch = small(vm, memory);

	OK(dojo_batch_append(batch, &packet, sizeof(packet)));
	EQUAL(memory[0].opcode, 0x77);
	EQUAL(memory[0].flags, 0xffff);
	EQUAL(dojo_batch_append(batch, &packet, 4), -EINVAL);
	EQUAL(dojo_batch_append(batch, &packet, sizeof(packet)), -EINVAL);
	dojo_batch_reset(batch);
	EQUAL(dojo_batch_append(batch, &packet, 0), -EINVAL);
	dojo_batch_reset(batch);
	EQUAL(dojo_batch_append(batch, memory, DOJO_PACKET_MAX + 8), -EINVAL);
	dojo_batch_destroy(batch);
	dojo_vm_destroy(vm);
	dojo_device_close(dev);
}

TEST(destroy_of_NULL_does_nothing)
{
	dojo_batch_destroy(NULL);
}
