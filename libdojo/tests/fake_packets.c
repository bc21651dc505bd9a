// SPDX-License-Identifier: MIT
/*
 * Runs batches: control and DMA packets, and of the compute packets as much
 * FP32 as the examples use. Others are checked for their shape and do nothing.
 */
#include <string.h>

#include "fake_world.h"

struct run {
	const struct fake_vm *vm;
	struct drm_dojo_queue_get_state *state;
};

static uint32_t fault(struct run *run, uint32_t reason, uint32_t field)
{
	run->state->fault = reason;
	run->state->fault_field = field;
	return reason;
}

static uint32_t memory_fault(struct run *run, uint64_t va, bool write)
{
	run->state->fault_va = va;
	run->state->fault_access = write ? 2 : 1;
	return fault(run, DOJO_FAULT_TRANSLATION, 0);
}

static uint32_t copy(struct run *run, uint64_t dst, uint64_t src, uint64_t size)
{
	const void *from = fake_translate(run->vm, src, size, false);
	void *to = fake_translate(run->vm, dst, size, true);

	if (!from)
		return memory_fault(run, src, false);
	if (!to)
		return memory_fault(run, dst, true);
	memmove(to, from, size);
	run->state->bytes += size;
	return 0;
}

static uint32_t copy_nd(struct run *run, const struct dojo_packet_copy_nd *packet)
{
	uint32_t i, j, k, ret = 0;

	for (i = 0; i < packet->size[3] && !ret; i++)
		for (j = 0; j < packet->size[2] && !ret; j++)
			for (k = 0; k < packet->size[1] && !ret; k++)
				ret = copy(run,
					   packet->dst + k * packet->dst_stride[0] +
					   j * packet->dst_stride[1] + i * packet->dst_stride[2],
					   packet->src + k * packet->src_stride[0] +
					   j * packet->src_stride[1] + i * packet->src_stride[2],
					   packet->size[0]);
	return ret;
}

static uint32_t fill(struct run *run, const struct dojo_packet_fill *packet)
{
	uint32_t *to;
	uint64_t i;

	if (packet->dst & 3)
		return fault(run, DOJO_FAULT_FIELD, offsetof(struct dojo_packet_fill, dst));
	if (!packet->size || packet->size & 3)
		return fault(run, DOJO_FAULT_FIELD, offsetof(struct dojo_packet_fill, size));
	to = fake_translate(run->vm, packet->dst, packet->size, true);
	if (!to)
		return memory_fault(run, packet->dst, true);
	for (i = 0; i < packet->size / 4; i++)
		to[i] = packet->pattern;
	return 0;
}

static uint32_t word(struct run *run, uint64_t va, uint64_t **memory)
{
	if (va & 7)
		return fault(run, DOJO_FAULT_FIELD, offsetof(struct dojo_packet_timestamp, va));
	*memory = fake_translate(run->vm, va, 8, true);
	return *memory ? 0 : memory_fault(run, va, true);
}

static uint32_t sem_signal(struct run *run, const struct dojo_packet_sem_signal *packet)
{
	uint64_t *memory;
	uint32_t ret = word(run, packet->va, &memory);

	if (ret)
		return ret;
	if (packet->operation == DOJO_SEM_SET)
		*memory = packet->value;
	else if (packet->operation == DOJO_SEM_ADD)
		*memory += packet->value;
	else if (packet->operation == DOJO_SEM_MAX && packet->value > *memory)
		*memory = packet->value;
	return 0;
}

/* Element (i0, i1, i2, i3) of an FP32 tensor. */
static float *at(struct run *run, const struct dojo_tensor *t, const uint32_t *i, bool write)
{
	uint64_t offset = i[0] * t->stride[0] + i[1] * t->stride[1] + i[2] * t->stride[2] +
			  i[3] * t->stride[3];

	return fake_translate(run->vm, t->va + offset * 4, 4, write);
}

static bool next(const struct dojo_tensor *t, uint32_t *i)
{
	unsigned int d;

	for (d = 0; d < 4; d++) {
		if (++i[d] < t->dim[d])
			return true;
		i[d] = 0;
	}
	return false;
}

static float binary_value(uint32_t fn, float a, float b)
{
	switch (fn) {
	case DOJO_BINARY_ADD:
		return a + b;
	case DOJO_BINARY_SUB:
		return a - b;
	case DOJO_BINARY_MUL:
		return a * b;
	default:
		return 0;
	}
}

static uint32_t binary(struct run *run, const struct dojo_packet_compute *packet)
{
	const struct dojo_tensor *t = packet->tensor;
	uint32_t i[4] = { 0 };

	do {
		float *a = at(run, &t[0], i, false);
		float *b = at(run, &t[1], i, false);
		float *y = at(run, &t[2], i, true);

		if (!a || !b)
			return memory_fault(run, a ? t[1].va : t[0].va, false);
		if (!y)
			return memory_fault(run, t[2].va, true);
		*y = binary_value(packet->fn, *a, *b);
		run->state->flop++;
	} while (next(&t[2], i));
	return 0;
}

static uint32_t gemm(struct run *run, const struct dojo_packet_compute *packet)
{
	const struct dojo_tensor *a = &packet->tensor[0], *b = &packet->tensor[1];
	const struct dojo_tensor *d = &packet->tensor[2];
	bool ta = packet->op_flags & DOJO_GEMM_TRANS_A, tb = packet->op_flags & DOJO_GEMM_TRANS_B;
	uint32_t k, depth = a->dim[ta], i[4] = { 0 };

	if (b->dim[!tb] != depth)
		return fault(run, DOJO_FAULT_FIELD, offsetof(struct dojo_packet_compute, tensor) +
			     sizeof(*b) + offsetof(struct dojo_tensor, dim[!tb]));
	do {
		float sum = 0, *out = at(run, d, i, true);

		for (k = 0; k < depth; k++) {
			uint32_t ia[4] = { ta ? i[1] : k, ta ? k : i[1] };
			uint32_t ib[4] = { tb ? k : i[0], tb ? i[0] : k };
			float *left = at(run, a, ia, false), *right = at(run, b, ib, false);

			if (!left || !right)
				return memory_fault(run, left ? b->va : a->va, false);
			sum = __builtin_fmaf(*left, *right, sum);
		}
		if (!out)
			return memory_fault(run, d->va, true);
		*out = sum;
		run->state->flop += 2 * depth;
	} while (next(d, i));
	return 0;
}

/* Both read one tensor's element and write others': the sum, or a copy of the first. */
static uint32_t collective(struct run *run, const struct dojo_packet_compute *packet, bool sum)
{
	uint32_t i[4] = { 0 }, n;

	do {
		float value = 0;

		for (n = 0; n < (sum ? packet->tensors : 1u); n++) {
			float *x = at(run, &packet->tensor[n], i, false);

			if (!x)
				return memory_fault(run, packet->tensor[n].va, false);
			value = n ? value + *x : *x;
		}
		for (n = !sum; n < packet->tensors; n++) {
			float *y = at(run, &packet->tensor[n], i, true);

			if (!y)
				return memory_fault(run, packet->tensor[n].va, true);
			*y = value;
		}
	} while (next(&packet->tensor[0], i));
	return 0;
}

static bool all_fp32(const struct dojo_packet_compute *packet)
{
	unsigned int i;

	for (i = 0; i < packet->tensors; i++)
		if (packet->tensor[i].format != DOJO_FORMAT_FP32)
			return false;
	return true;
}

static uint32_t compute(struct run *run, const struct dojo_packet_compute *packet)
{
	unsigned int i;

	if (packet->header.words != 8u + 8u * packet->tensors ||
	    packet->tensors > DOJO_TENSOR_MAX)
		return fault(run, DOJO_FAULT_PACKET, offsetof(struct dojo_packet_header, words));
	if (packet->reserved)
		return fault(run, DOJO_FAULT_PACKET,
			     offsetof(struct dojo_packet_compute, reserved));
	if (packet->round == DOJO_ROUND_NEAREST && packet->header.opcode != DOJO_OP_DROPOUT &&
	    (packet->seed || packet->rng_base))
		return fault(run, DOJO_FAULT_FIELD, offsetof(struct dojo_packet_compute, seed));
	for (i = 0; i < packet->tensors; i++)
		if (packet->tensor[i].format >= DOJO_FORMAT_COUNT)
			return fault(run, DOJO_FAULT_FIELD,
				     offsetof(struct dojo_packet_compute, tensor) +
				     i * sizeof(struct dojo_tensor) +
				     offsetof(struct dojo_tensor, format));
	if (packet->header.opcode == DOJO_OP_BINARY && all_fp32(packet))
		return binary(run, packet);
	if (packet->header.opcode == DOJO_OP_GEMM && all_fp32(packet))
		return gemm(run, packet);
	if (packet->header.opcode >= DOJO_OP_ALL_REDUCE && all_fp32(packet))
		return collective(run, packet, packet->header.opcode == DOJO_OP_ALL_REDUCE);
	return 0;
}

static bool known(uint32_t opcode)
{
	if (opcode == DOJO_OP_ALL_REDUCE || opcode == DOJO_OP_MULTICAST)
		return fake.collective;
	return opcode >= DOJO_OP_GEMM && opcode <= DOJO_OP_ADAMW;
}

static uint32_t run_packet(struct run *run, uint32_t queue_class, const void *packet)
{
	const struct dojo_packet_header *header = packet;
	const struct dojo_packet_copy *copy_packet = packet;
	const struct dojo_packet_timestamp *timestamp = packet;
	uint64_t *memory;
	uint32_t ret;

	memcpy(fake.last_packet, packet, header->words * 8u);
	run->state->packet_opcode = header->opcode;
	if (header->flags & ~DOJO_PACKET_OVERLAP)
		return fault(run, DOJO_FAULT_PACKET, offsetof(struct dojo_packet_header, flags));
	switch (header->opcode) {
	case DOJO_OP_NOP:
	case DOJO_OP_BARRIER:
	case DOJO_OP_SEM_WAIT:
		return 0;
	case DOJO_OP_TIMESTAMP:
		ret = word(run, timestamp->va, &memory);
		if (!ret)
			*memory = now_ns();
		return ret;
	case DOJO_OP_SEM_SIGNAL:
		return sem_signal(run, packet);
	case DOJO_OP_COPY:
		if (!copy_packet->size)
			return fault(run, DOJO_FAULT_FIELD,
				     offsetof(struct dojo_packet_copy, size));
		return copy(run, copy_packet->dst, copy_packet->src, copy_packet->size);
	case DOJO_OP_COPY_ND:
		return copy_nd(run, packet);
	case DOJO_OP_FILL:
		return fill(run, packet);
	default:
		break;
	}
	if (!known(header->opcode))
		return fault(run, DOJO_FAULT_OPCODE, 0);
	if (queue_class != DRM_DOJO_QUEUE_COMPUTE)
		return fault(run, DOJO_FAULT_CLASS, 0);
	return compute(run, packet);
}

uint32_t fake_run_batch(const struct fake_vm *vm, uint32_t queue_class, uint64_t va, uint32_t size,
			struct drm_dojo_queue_get_state *state)
{
	const unsigned char *batch = fake_translate(vm, va, size, false);
	struct run run = { vm, state };
	const struct dojo_packet_header *header;
	uint32_t offset, ret;

	if (!batch)
		return memory_fault(&run, va, false);
	state->batch_va = va;
	for (offset = 0; offset < size; offset += header->words * 8u) {
		header = (const void *)(batch + offset);
		state->packet_offset = offset;
		if (!header->words || header->words * 8u > size - offset ||
		    header->words * 8u > DOJO_PACKET_MAX)
			return fault(&run, DOJO_FAULT_BATCH, 0);
		ret = run_packet(&run, queue_class, header);
		if (ret)
			return ret;
		state->packets++;
	}
	state->batch_va = 0;
	state->packet_offset = 0;
	state->packet_opcode = 0;
	return 0;
}
