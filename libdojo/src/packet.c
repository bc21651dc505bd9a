// SPDX-License-Identifier: MIT
/* Control and DMA packets. */
#include <string.h>

#include "internal.h"

int dojo_nop(struct dojo_batch *batch)
{
	struct dojo_packet_header packet;

	return dojo_batch_add(batch, &packet, DOJO_OP_NOP, sizeof(packet));
}

int dojo_barrier(struct dojo_batch *batch)
{
	struct dojo_packet_header packet;

	return dojo_batch_add(batch, &packet, DOJO_OP_BARRIER, sizeof(packet));
}

int dojo_timestamp(struct dojo_batch *batch, uint64_t va)
{
	struct dojo_packet_timestamp packet = { .va = va };

	return dojo_batch_add(batch, &packet.header, DOJO_OP_TIMESTAMP, sizeof(packet));
}

int dojo_sem_wait(struct dojo_batch *batch, uint64_t va, enum dojo_sem_condition condition,
		  uint64_t value)
{
	struct dojo_packet_sem_wait packet = {
		.va = va,
		.value = value,
		.condition = condition,
	};

	return dojo_batch_add(batch, &packet.header, DOJO_OP_SEM_WAIT, sizeof(packet));
}

int dojo_sem_signal(struct dojo_batch *batch, uint64_t va, enum dojo_sem_operation operation,
		    uint64_t value)
{
	struct dojo_packet_sem_signal packet = {
		.va = va,
		.value = value,
		.operation = operation,
	};

	return dojo_batch_add(batch, &packet.header, DOJO_OP_SEM_SIGNAL, sizeof(packet));
}

int dojo_copy(struct dojo_batch *batch, uint64_t dst, uint64_t src, uint64_t size)
{
	struct dojo_packet_copy packet = {
		.src = src,
		.dst = dst,
		.size = size,
	};

	return dojo_batch_add(batch, &packet.header, DOJO_OP_COPY, sizeof(packet));
}

int dojo_copy_nd(struct dojo_batch *batch, uint64_t dst, const uint64_t dst_stride[3], uint64_t src,
		 const uint64_t src_stride[3], const uint32_t size[4])
{
	struct dojo_packet_copy_nd packet = { .src = src, .dst = dst };

	memcpy(packet.src_stride, src_stride, sizeof(packet.src_stride));
	memcpy(packet.dst_stride, dst_stride, sizeof(packet.dst_stride));
	memcpy(packet.size, size, sizeof(packet.size));
	return dojo_batch_add(batch, &packet.header, DOJO_OP_COPY_ND, sizeof(packet));
}

int dojo_fill(struct dojo_batch *batch, uint64_t dst, uint64_t size, uint32_t pattern)
{
	struct dojo_packet_fill packet = {
		.dst = dst,
		.size = size,
		.pattern = pattern,
	};

	return dojo_batch_add(batch, &packet.header, DOJO_OP_FILL, sizeof(packet));
}
