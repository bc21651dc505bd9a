/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The decoder refuses what is illegal, with the reason and the field that it has to name */
#include <math.h>

#include "packets.h"

#define BASE	0x100000ull
#define COMPUTE(m)	offsetof(struct dojo_packet_compute, m)
#define TENSOR(i, m)	(64 + 64 * (size_t)(i) + offsetof(struct dojo_tensor, m))
#define DIM(i, d)	(TENSOR(i, dim) + 4 * (size_t)(d))
#define STRIDE(i, d)	(TENSOR(i, stride) + 8 * (size_t)(d))

static bool decodes(struct test_packet *t)
{
	struct dojo_fault_info fault;
	bool ok = dojo_op_decode(&t->op, DOJO_PACKET_MAX, &test_limits, &fault);

	if (!ok)
		printf("# %s: reason %u field 0x%x\n", packet_name(t->op.packet.header.opcode),
		       fault.reason, fault.field);
	return ok;
}

static bool decode_as(struct test_packet *t, size_t bytes, const struct dojo_op_limits *limits,
		      uint32_t reason, size_t field)
{
	struct dojo_fault_info fault;

	if (dojo_op_decode(&t->op, bytes, limits, &fault))
		return false;
	return fault.reason == reason && fault.field == field;
}

static void test_common(unsigned int opcode)
{
	const char *name = packet_name(opcode);
	struct dojo_op_limits limits;
	struct test_packet t;
	bool ok = true, units = true;

	for (unsigned int v = 0; v < PACKET_VARIANTS; v++) {
		packet_legal(&t, opcode, v, BASE);
		ok &= decodes(&t);
		units &= opcode >= DOJO_OP_COPY ? t.op.units > 0 : !t.op.units;
	}
	test_ok(ok, "%s: legal packets are accepted", name);
	test_ok(units, "%s: has units of work if it has work", name);

	packet_legal(&t, opcode, 0, BASE);
	t.p->header.flags = DOJO_PACKET_OVERLAP;
	ok = decodes(&t);
	for (unsigned int bit = 1; bit < 32; bit++) {
		t.p->header.flags = 1u << bit;
		ok &= test_rejects(&t, DOJO_FAULT_PACKET, 4);
	}
	test_ok(ok, "%s: packet flags", name);

	packet_legal(&t, opcode, 0, BASE);
	for (unsigned int w = 0, right = t.p->header.words; w < 300; w++) {
		t.p->header.words = (uint16_t)w;
		if (w != right)
			ok &= test_rejects(&t, DOJO_FAULT_PACKET, 2);
	}
	test_ok(ok, "%s: every wrong length", name);

	packet_legal(&t, opcode, 0, BASE);
	ok = true;
	for (size_t bytes = 0; bytes < t.p->header.words * 8u; bytes += 4)
		ok &= decode_as(&t, bytes, &test_limits, DOJO_FAULT_BATCH, 0);
	ok &= dojo_op_decode(&t.op, t.p->header.words * 8u, &test_limits,
			     &(struct dojo_fault_info){});
	test_ok(ok, "%s: a packet that passes the end of its batch", name);

	limits = test_limits;
	limits.opcodes[opcode / 64] &= ~(1ull << (opcode % 64));
	ok = decode_as(&t, DOJO_PACKET_MAX, &limits, DOJO_FAULT_OPCODE, 0);
	limits = test_limits;
	limits.compute = false;
	if (packet_is_compute(opcode))
		ok &= decode_as(&t, DOJO_PACKET_MAX, &limits, DOJO_FAULT_CLASS, 0);
	else
		ok &= dojo_op_decode(&t.op, DOJO_PACKET_MAX, &limits, &(struct dojo_fault_info){});
	limits = test_limits;
	limits.privileged = false;
	if (opcode == DOJO_OP_COPY_SEGMENTS || opcode == DOJO_OP_FILL_SEGMENTS)
		ok &= decode_as(&t, DOJO_PACKET_MAX, &limits, DOJO_FAULT_PRIVILEGE, 0);
	else
		ok &= dojo_op_decode(&t.op, DOJO_PACKET_MAX, &limits, &(struct dojo_fault_info){});
	test_ok(ok, "%s: generation, class and privilege", name);
}

/* Size of the field at an offset of a compute packet */
static size_t size_at(size_t offset)
{
	size_t in = offset < 64 ? offset : (offset - 64) % 64;

	if (offset < 64)
		return in < 12 ? 1 : in >= 16 && in < 32 ? 8 : 4;
	return in >= 56 ? 1 : in < 8 || in >= 24 ? 8 : 4;
}

/* With the field at @offset changed to @value, then changed back */
static bool spoiled(struct test_packet *t, size_t offset, size_t size, uint64_t value,
		    uint32_t reason, size_t field)
{
	uint8_t *at = (uint8_t *)t->op.packet.words + offset;
	uint64_t kept = 0;
	bool refused;

	memcpy(&kept, at, size);
	memcpy(at, &value, size);
	refused = test_rejects(t, reason, field);
	memcpy(at, &kept, size);
	return refused;
}

static bool spoiled_compute(struct test_packet *t, size_t offset, uint64_t value, uint32_t reason,
			    size_t field)
{
	return spoiled(t, offset, size_at(offset), value, reason, field);
}

/* A member of a compute packet, or of tensor i; the last is the field that must be named */
#define SPOIL(member, value, reason, field)				\
	(ok &= spoiled_compute(&t, COMPUTE(member), value, reason, field))
#define SPOIL_TENSOR(i, member, value, reason, field)			\
	(ok &= spoiled_compute(&t, TENSOR(i, member), value, reason, field))

static void test_compute_header(unsigned int opcode)
{
	const char *name = packet_name(opcode);
	struct test_packet t;
	bool ok = true;

	packet_legal(&t, opcode, 1, BASE);
	SPOIL(reserved, 1, DOJO_FAULT_PACKET, COMPUTE(reserved));
	SPOIL(fn, 0x80, DOJO_FAULT_FIELD, COMPUTE(fn));
	SPOIL(round, 2, DOJO_FAULT_FIELD, COMPUTE(round));
	for (unsigned int bit = 4; bit < 32; bit++)
		SPOIL(op_flags, t.p->op_flags | 1u << bit, DOJO_FAULT_PACKET, COMPUTE(op_flags));
	if (opcode != DOJO_OP_DROPOUT) {
		SPOIL(seed, 1, DOJO_FAULT_FIELD, COMPUTE(seed));
		SPOIL(rng_base, 1, DOJO_FAULT_FIELD, COMPUTE(rng_base));
	}
	for (int i = 0; i < 5; i++) {
		static const uint32_t bad[] = { 0x7f800000, 0xff800000, 0x7fc00000, 0x7f800001 };

		for (size_t j = 0; j < ARRAY_SIZE(bad); j++) {
			struct dojo_fault_info fault;
			uint32_t kept = t.p->f[i];

			t.p->f[i] = bad[j];
			ok &= !dojo_op_decode(&t.op, DOJO_PACKET_MAX, &test_limits, &fault) &&
			      fault.field == COMPUTE(f[i]);
			t.p->f[i] = kept;
		}
	}
	for (unsigned int i = 0; i < t.p->tensors; i++)
		for (int j = 0; j < 6; j++)
			SPOIL_TENSOR(i, reserved[j], 1, DOJO_FAULT_PACKET, TENSOR(i, reserved[j]));
	test_ok(ok, "%s: reserved bits, function, rounding, parameters", name);

	/* Stochastic rounding uses what nearest must leave 0 */
	t.p->round = DOJO_ROUND_STOCHASTIC;
	t.p->seed = 3;
	t.p->rng_base = ~0ull;
	test_ok(decodes(&t), "%s: stochastic rounding", name);
}

static void test_tensors(unsigned int opcode)
{
	struct test_packet t;
	bool ok = true;

	packet_legal(&t, opcode, 1, BASE);
	for (unsigned int i = 0; i < t.p->tensors; i++) {
		struct dojo_op_limits limits = test_limits;
		unsigned int f = t.p->tensor[i].format;

		SPOIL_TENSOR(i, format, 0, DOJO_FAULT_FIELD, TENSOR(i, format));
		SPOIL_TENSOR(i, format, 10, DOJO_FAULT_FIELD, TENSOR(i, format));
		SPOIL_TENSOR(i, format, 255, DOJO_FAULT_FIELD, TENSOR(i, format));
		SPOIL_TENSOR(i, bias, 64, DOJO_FAULT_FIELD, TENSOR(i, bias));
		if (!dojo_format_has_bias(f))
			SPOIL_TENSOR(i, bias, 1, DOJO_FAULT_FIELD, TENSOR(i, bias));
		if (dojo_format_shift(f))
			SPOIL_TENSOR(i, va, BASE + 1, DOJO_FAULT_FIELD, TENSOR(i, va));
		SPOIL_TENSOR(i, va, 1ull << 48, DOJO_FAULT_FIELD, TENSOR(i, va));
		SPOIL_TENSOR(i, va, ~0ull << 12, DOJO_FAULT_FIELD, TENSOR(i, va));
		limits.formats &= ~(1u << f);
		for (unsigned int j = 0; j < i; j++)
			limits.formats |= 1u << t.p->tensor[j].format;
		if (!(limits.formats & (1u << f)))
			ok &= decode_as(&t, DOJO_PACKET_MAX, &limits, DOJO_FAULT_FIELD,
					TENSOR(i, format));
		for (int d = 0; d < 4; d++) {
			SPOIL_TENSOR(i, dim[d], 0, DOJO_FAULT_FIELD, DIM(i, d));
			SPOIL_TENSOR(i, dim[d], 0x80000000u, DOJO_FAULT_FIELD, DIM(i, d));
			SPOIL_TENSOR(i, dim[d], ~0u, DOJO_FAULT_FIELD, DIM(i, d));
			if (t.p->tensor[i].dim[d] == 1)
				continue;
			SPOIL_TENSOR(i, stride[d], 1ull << 48, DOJO_FAULT_FIELD, STRIDE(i, d));
			SPOIL_TENSOR(i, stride[d], ~0ull, DOJO_FAULT_FIELD, STRIDE(i, d));
			SPOIL_TENSOR(i, stride[d], 1ull << 63, DOJO_FAULT_FIELD, STRIDE(i, d));
		}
	}
	test_ok(ok, "%s: formats, biases, addresses, extents, strides", packet_name(opcode));
}

/* The last element may be the last of the address space, and no further */
static void test_end_of_space(void)
{
	struct test_packet t;
	bool ok;

	packet_legal(&t, DOJO_OP_UNARY, 0, BASE);
	t.p->tensor[0].va = (1ull << 48) - 33 * 3 * 2 * 2 * 4;
	ok = decodes(&t);
	t.p->tensor[0].va += 4;
	ok &= test_rejects(&t, DOJO_FAULT_FIELD, STRIDE(0, 3));
	t.p->tensor[0].stride[3] = 0;
	ok &= decodes(&t);
	t.p->tensor[0].va = (1ull << 48) - 4;
	for (int d = 0; d < 4; d++)
		t.p->tensor[0].stride[d] = 0;
	ok &= decodes(&t);
	t.p->tensor[0].stride[0] = 1;
	ok &= test_rejects(&t, DOJO_FAULT_FIELD, STRIDE(0, 0));
	test_ok(ok, "a tensor may end where the address space ends");
}

static void test_outputs(void)
{
	struct test_packet t;
	bool ok = true;

	packet_legal(&t, DOJO_OP_BINARY, 0, BASE);
	for (int d = 0; d < 4; d++)
		SPOIL_TENSOR(2, stride[d], 0, DOJO_FAULT_FIELD, STRIDE(2, d));
	/* Dims of 33 x 3 that share elements: the longer stride is too short */
	SPOIL_TENSOR(2, stride[1], 32, DOJO_FAULT_FIELD, STRIDE(2, 1));
	SPOIL_TENSOR(2, stride[1], 1, DOJO_FAULT_FIELD, STRIDE(2, 1));
	test_ok(ok, "outputs whose elements are not distinct");

	ok = true;
	t.p->tensor[2].stride[0] = 12;
	t.p->tensor[2].stride[1] = 1;
	t.p->tensor[2].stride[2] = 3;
	t.p->tensor[2].stride[3] = 6;
	ok &= decodes(&t);
	test_ok(ok, "outputs with their dims in any order");

	packet_legal(&t, DOJO_OP_BINARY, 0, BASE);
	ok = true;
	for (int in = 0; in < 2; in++) {
		SPOIL_TENSOR(2, va, t.p->tensor[in].va + 4, DOJO_FAULT_FIELD, TENSOR(2, va));
		SPOIL_TENSOR(2, va, t.p->tensor[in].va - 4, DOJO_FAULT_FIELD, TENSOR(2, va));
		SPOIL_TENSOR(2, va, t.p->tensor[in].va + 4 * 33 * 12 - 4, DOJO_FAULT_FIELD,
			     TENSOR(2, va));
		t.p->tensor[2].va = t.p->tensor[in].va + 4 * 33 * 12;
		ok &= decodes(&t);
		t.p->tensor[2].va = t.p->tensor[in].va;
		ok &= decodes(&t);
		/* The same place, in another order */
		t.p->tensor[2].stride[0] = 12;
		t.p->tensor[2].stride[1] = 1;
		t.p->tensor[2].stride[2] = 3;
		t.p->tensor[2].stride[3] = 6;
		ok &= test_rejects(&t, DOJO_FAULT_FIELD, TENSOR(2, va));
		packet_legal(&t, DOJO_OP_BINARY, 0, BASE);
	}
	test_ok(ok, "dense outputs over dense inputs: exactly in place or not at all");

	packet_legal(&t, DOJO_OP_GEMM, 0, BASE);
	ok = true;
	SPOIL_TENSOR(2, va, t.p->tensor[0].va, DOJO_FAULT_FIELD, TENSOR(2, va));
	SPOIL_TENSOR(2, va, t.p->tensor[1].va, DOJO_FAULT_FIELD, TENSOR(2, va));
	packet_legal(&t, DOJO_OP_GEMM, 1, BASE);
	t.p->tensor[4] = t.p->tensor[2];
	ok &= decodes(&t);
	packet_legal(&t, DOJO_OP_ADAMW, 0, BASE);
	SPOIL_TENSOR(0, va, t.p->tensor[2].va, DOJO_FAULT_FIELD, TENSOR(0, va));
	packet_legal(&t, DOJO_OP_REDUCE, 0, BASE);
	SPOIL_TENSOR(1, va, t.p->tensor[0].va, DOJO_FAULT_FIELD, TENSOR(1, va));
	packet_legal(&t, DOJO_OP_CONV2D, 0, BASE);
	SPOIL_TENSOR(2, va, t.p->tensor[0].va, DOJO_FAULT_FIELD, TENSOR(2, va));
	test_ok(ok, "what may be in place and what may not");
}

/* Number i of tensor j of a legal packet, and the field that must be named */
struct wrong_dim {
	uint16_t opcode;
	uint8_t variant, tensor, dim, named_tensor, named_dim;
};

static void test_shapes(void)
{
	static const struct wrong_dim wrong[] = {
		{ DOJO_OP_GEMM, 0, 0, 0, 1, 1 }, { DOJO_OP_GEMM, 0, 0, 1, 2, 1 },
		{ DOJO_OP_GEMM, 0, 1, 0, 2, 0 }, { DOJO_OP_GEMM, 0, 1, 1, 1, 1 },
		{ DOJO_OP_GEMM, 0, 1, 2, 1, 2 }, { DOJO_OP_GEMM, 0, 0, 3, 0, 3 },
		{ DOJO_OP_GEMM, 1, 3, 0, 3, 0 }, { DOJO_OP_GEMM, 1, 3, 1, 3, 1 },
		{ DOJO_OP_GEMM, 1, 4, 3, 4, 3 },
		{ DOJO_OP_UNARY, 0, 0, 2, 0, 2 }, { DOJO_OP_BINARY, 0, 1, 3, 1, 3 },
		{ DOJO_OP_REDUCE, 0, 1, 0, 1, 0 }, { DOJO_OP_REDUCE, 0, 1, 1, 1, 1 },
		{ DOJO_OP_SOFTMAX, 1, 0, 1, 0, 1 }, { DOJO_OP_SOFTMAX, 1, 2, 0, 2, 0 },
		{ DOJO_OP_SOFTMAX_GRAD, 0, 1, 0, 1, 0 },
		{ DOJO_OP_NORM, 1, 2, 0, 2, 0 }, { DOJO_OP_NORM, 1, 3, 1, 3, 1 },
		{ DOJO_OP_NORM_GRAD, 1, 1, 1, 1, 1 }, { DOJO_OP_NORM_GRAD, 1, 4, 0, 4, 0 },
		{ DOJO_OP_ROPE, 0, 1, 0, 1, 0 }, { DOJO_OP_ROPE, 0, 0, 3, 0, 3 },
		{ DOJO_OP_GATHER, 0, 2, 0, 2, 0 }, { DOJO_OP_GATHER, 0, 1, 0, 1, 0 },
		{ DOJO_OP_SCATTER, 0, 1, 0, 1, 0 }, { DOJO_OP_SCATTER, 0, 0, 2, 0, 2 },
		{ DOJO_OP_CONV2D, 1, 2, 0, 2, 0 }, { DOJO_OP_CONV2D, 1, 1, 2, 1, 2 },
		{ DOJO_OP_CONV2D, 1, 2, 3, 2, 3 }, { DOJO_OP_CONV2D, 1, 3, 0, 3, 0 },
		{ DOJO_OP_CONV2D_GRAD_INPUT, 0, 0, 1, 0, 1 },
		{ DOJO_OP_CONV2D_GRAD_WEIGHT, 1, 0, 2, 0, 2 },
		{ DOJO_OP_POOL, 0, 1, 0, 1, 0 }, { DOJO_OP_POOL, 0, 1, 2, 1, 2 },
		{ DOJO_OP_POOL_GRAD, 0, 2, 1, 2, 1 },
		{ DOJO_OP_CROSS_ENTROPY, 1, 1, 0, 1, 0 }, { DOJO_OP_CROSS_ENTROPY, 1, 2, 0, 2, 0 },
		{ DOJO_OP_CROSS_ENTROPY, 1, 3, 0, 3, 0 }, { DOJO_OP_CROSS_ENTROPY, 1, 0, 2, 0, 2 },
		{ DOJO_OP_DROPOUT, 0, 0, 0, 0, 0 }, { DOJO_OP_SGD, 1, 2, 1, 2, 1 },
		{ DOJO_OP_ADAMW, 0, 3, 0, 3, 0 }, { DOJO_OP_ALL_REDUCE, 0, 1, 1, 1, 1 },
		{ DOJO_OP_MULTICAST, 1, 3, 2, 3, 2 },
	};
	bool ok = true;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		const struct wrong_dim *w = &wrong[i];
		struct test_packet t;

		packet_legal(&t, w->opcode, w->variant, BASE);
		t.p->tensor[w->tensor].dim[w->dim]++;
		ok &= test_rejects(&t, DOJO_FAULT_FIELD, DIM(w->named_tensor, w->named_dim));
	}
	test_ok(ok, "extents that do not fit each other");
}

static void test_operands(void)
{
	struct test_packet t;
	bool ok = true;

	packet_legal(&t, DOJO_OP_UNARY, 3, BASE);
	SPOIL(f[0], test_bits(1.5f), DOJO_FAULT_FIELD, COMPUTE(f[1]));
	packet_legal(&t, DOJO_OP_UNARY, 0, BASE);
	SPOIL(f[0], test_bits(1.5f), DOJO_FAULT_PACKET, COMPUTE(f[0]));
	packet_legal(&t, DOJO_OP_REDUCE, 0, BASE);
	SPOIL(u[0], 0, DOJO_FAULT_FIELD, COMPUTE(u[0]));
	SPOIL(u[0], 16, DOJO_FAULT_FIELD, COMPUTE(u[0]));
	SPOIL(u[1], 1, DOJO_FAULT_PACKET, COMPUTE(u[1]));
	packet_legal(&t, DOJO_OP_REDUCE, 1, BASE);
	SPOIL(u[0], 3, DOJO_FAULT_FIELD, COMPUTE(u[0]));
	SPOIL_TENSOR(1, format, DOJO_FORMAT_FP32, DOJO_FAULT_FIELD, TENSOR(1, format));
	packet_legal(&t, DOJO_OP_SOFTMAX, 0, BASE);
	SPOIL(u[0], 1, DOJO_FAULT_FIELD, COMPUTE(u[0]));
	SPOIL(op_flags, DOJO_SOFTMAX_MASK, DOJO_FAULT_FIELD, COMPUTE(tensors));
	packet_legal(&t, DOJO_OP_NORM, 0, BASE);
	SPOIL(f[0], test_bits(-0.00001f), DOJO_FAULT_FIELD, COMPUTE(f[0]));
	packet_legal(&t, DOJO_OP_NORM_GRAD, 1, BASE);
	SPOIL_TENSOR(2, va, t.p->tensor[0].va, DOJO_FAULT_FIELD, TENSOR(2, va));
	packet_legal(&t, DOJO_OP_ROPE, 0, BASE);
	SPOIL(u[0], 0, DOJO_FAULT_FIELD, COMPUTE(u[0]));
	SPOIL(u[0], 7, DOJO_FAULT_FIELD, COMPUTE(u[0]));
	SPOIL(u[0], 10, DOJO_FAULT_FIELD, COMPUTE(u[0]));
	SPOIL(f[0], test_bits(0.5f), DOJO_FAULT_FIELD, COMPUTE(f[0]));
	SPOIL_TENSOR(1, format, DOJO_FORMAT_FP32, DOJO_FAULT_FIELD, TENSOR(1, format));
	packet_legal(&t, DOJO_OP_GATHER, 0, BASE);
	SPOIL_TENSOR(1, format, DOJO_FORMAT_FP32, DOJO_FAULT_FIELD, TENSOR(1, format));
	packet_legal(&t, DOJO_OP_CONV2D, 0, BASE);
	SPOIL(u[0], 2, DOJO_FAULT_FIELD, COMPUTE(u[0]));
	SPOIL(u[2], 1 << 16, DOJO_FAULT_FIELD, COMPUTE(u[2]));
	SPOIL(u[2], 9 | 1 << 16, DOJO_FAULT_FIELD, DIM(1, 0));
	SPOIL(u[1], 2, DOJO_FAULT_FIELD, DIM(2, 0));
	packet_legal(&t, DOJO_OP_POOL, 0, BASE);
	SPOIL(u[0], 0, DOJO_FAULT_FIELD, COMPUTE(u[0]));
	SPOIL(u[0], 3, DOJO_FAULT_FIELD, COMPUTE(u[0]));
	SPOIL(u[1], 1, DOJO_FAULT_FIELD, DIM(1, 0));
	SPOIL(u[1], 2, DOJO_FAULT_FIELD, COMPUTE(u[1]));
	SPOIL(u[2], 3, DOJO_FAULT_FIELD, COMPUTE(u[2]));
	packet_legal(&t, DOJO_OP_CROSS_ENTROPY, 0, BASE);
	SPOIL(f[0], test_bits(1), DOJO_FAULT_FIELD, COMPUTE(f[0]));
	packet_legal(&t, DOJO_OP_DROPOUT, 0, BASE);
	SPOIL(f[0], test_bits(1), DOJO_FAULT_FIELD, COMPUTE(f[0]));
	SPOIL(f[0], test_bits(-0.1f), DOJO_FAULT_FIELD, COMPUTE(f[0]));
	packet_legal(&t, DOJO_OP_SGD, 0, BASE);
	SPOIL(f[1], test_bits(0.9f), DOJO_FAULT_FIELD, COMPUTE(f[1]));
	packet_legal(&t, DOJO_OP_ADAMW, 0, BASE);
	SPOIL(f[1], test_bits(1), DOJO_FAULT_FIELD, COMPUTE(f[1]));
	SPOIL(f[2], test_bits(-0.5f), DOJO_FAULT_FIELD, COMPUTE(f[2]));
	SPOIL(u[0], 0, DOJO_FAULT_FIELD, COMPUTE(u[0]));
	packet_legal(&t, DOJO_OP_ALL_REDUCE, 0, BASE);
	SPOIL_TENSOR(1, format, DOJO_FORMAT_INT32, DOJO_FAULT_FIELD, TENSOR(1, format));
	packet_legal(&t, DOJO_OP_MULTICAST, 2, BASE);
	SPOIL_TENSOR(1, bias, 8, DOJO_FAULT_FIELD, TENSOR(1, bias));
	test_ok(ok, "operands out of range");

	ok = true;
	packet_legal(&t, DOJO_OP_GEMM, 0, BASE);
	t.p->fn = 0;
	t.p->tensor[0].format = DOJO_FORMAT_INT8;
	t.p->tensor[1].format = DOJO_FORMAT_INT8;
	ok &= decodes(&t);
	t.p->tensor[2].format = DOJO_FORMAT_INT32;
	ok &= test_rejects(&t, DOJO_FAULT_FIELD, COMPUTE(f[0]));
	test_set_f(&t, 0, 1);
	ok &= decodes(&t);
	SPOIL(fn, DOJO_ACT_GELU, DOJO_FAULT_FIELD, COMPUTE(fn));
	SPOIL_TENSOR(2, format, DOJO_FORMAT_BF16, DOJO_FAULT_FIELD, TENSOR(2, format));
	test_ok(ok, "GEMM of integers takes what integers can do");
}

/* Large but well-formed: refused where a unit could not be bounded, else planned in units */
static void test_limits_of_size(void)
{
	struct test_packet t;
	bool ok = true;

	packet_legal(&t, DOJO_OP_GEMM, 0, BASE);
	for (int i = 0; i < 3; i++)
		for (int d = 0; d < 4; d++)
			t.p->tensor[i].stride[d] = 0;
	t.p->tensor[0].dim[0] = (1u << 24) + 1;
	t.p->tensor[1].dim[1] = (1u << 24) + 1;
	ok &= test_rejects(&t, DOJO_FAULT_FIELD, DIM(0, 0));
	test_ok(ok, "GEMM: k beyond 2^24");

	ok = true;
	packet_legal(&t, DOJO_OP_GEMM, 0, BASE);
	for (int i = 0; i < 3; i++)
		for (int d = 0; d < 4; d++) {
			t.p->tensor[i].dim[d] = 0x7fffffff;
			t.p->tensor[i].stride[d] = 0;
		}
	ok &= !dojo_op_decode(&t.op, DOJO_PACKET_MAX, &test_limits, &(struct dojo_fault_info){});
	/* 2^20 x 2^20, from one element each */
	for (int i = 0; i < 2; i++) {
		t.p->tensor[i].dim[0] = 1 << 20;
		t.p->tensor[i].dim[1] = 1 << 20;
		t.p->tensor[i].dim[2] = 1;
		t.p->tensor[i].dim[3] = 1;
	}
	t.p->tensor[2] = t.p->tensor[1];
	t.p->tensor[2].va = 1ull << 44;
	t.p->tensor[2].stride[0] = 1;
	t.p->tensor[2].stride[1] = 1 << 20;
	ok &= decodes(&t) && t.op.units >= 1ull << (60 - 28) && t.op.flop == 1ull << 61;
	test_ok(ok, "GEMM: 2^31 everywhere is refused, 2^60 multiply-adds are planned");

	ok = true;
	packet_legal(&t, DOJO_OP_SOFTMAX, 0, BASE);
	for (int i = 0; i < 2; i++) {
		t.p->tensor[i].dim[0] = (1 << 20) + 1;
		t.p->tensor[i].dim[1] = 1;
		t.p->tensor[i].dim[2] = 1;
		t.p->tensor[i].va = BASE + ((uint64_t)i << 32);
	}
	ok &= test_rejects(&t, DOJO_FAULT_FIELD, DIM(1, 0));
	test_ok(ok, "SOFTMAX: rows beyond 2^20");

	ok = true;
	packet_legal(&t, DOJO_OP_UNARY, 0, BASE);
	for (int i = 0; i < 2; i++) {
		t.p->tensor[i].dim[0] = 1 << 30;
		t.p->tensor[i].dim[1] = 1 << 11;
		t.p->tensor[i].dim[2] = 1;
		t.p->tensor[i].dim[3] = 1;
		t.p->tensor[i].stride[1] = i ? 1 << 30 : 0;
		t.p->tensor[i].stride[2] = 0;
		t.p->tensor[i].stride[3] = 0;
		t.p->tensor[i].va = (uint64_t)i << 46;
	}
	ok &= test_rejects(&t, DOJO_FAULT_FIELD, DIM(1, 1));
	t.p->tensor[0].dim[1] = 1 << 10;
	t.p->tensor[1].dim[1] = 1 << 10;
	ok &= decodes(&t) && t.op.units == 1ull << 22;
	test_ok(ok, "UNARY: outputs beyond 2^40 elements");

	ok = true;
	packet_legal(&t, DOJO_OP_REDUCE, 0, BASE);
	t.p->tensor[0].dim[0] = 1 << 24;
	t.p->tensor[0].stride[0] = 0;
	ok &= test_rejects(&t, DOJO_FAULT_FIELD, DIM(0, 2));
	test_ok(ok, "REDUCE: sums of more than 2^24 terms");
}

/* A copy or fill beyond 48 bits: a memory fault with the first address outside */
static bool leaves_space(struct test_packet *t, __u64 *field, uint64_t va, uint32_t access,
			 uint64_t outside)
{
	struct dojo_fault_info fault;
	uint64_t kept = *field;
	bool refused;

	*field = va;
	refused = !dojo_op_decode(&t->op, DOJO_PACKET_MAX, &test_limits, &fault);
	*field = kept;
	return refused && fault.reason == DOJO_FAULT_ADDRESS && fault.access == access &&
	       fault.va == outside;
}

/* A member of 4 or 8 bytes of a packet that is not compute, which is named itself */
static bool spoiled_plain(struct test_packet *t, size_t offset, size_t size, uint64_t value,
			  uint32_t reason)
{
	return spoiled(t, offset, size, value, reason, offset);
}

#define BAD4(type, member, value, reason)				\
	(ok &= spoiled_plain(&t, offsetof(struct dojo_packet_##type, member), 4, value, reason))
#define BAD8(type, member, value, reason)				\
	(ok &= spoiled_plain(&t, offsetof(struct dojo_packet_##type, member), 8, value, reason))

static void test_plain(void)
{
	struct dojo_packet_copy *copy;
	struct dojo_packet_copy_nd *nd;
	struct dojo_packet_fill *fill;
	struct test_packet t;
	bool ok = true;
	void *p = t.op.packet.words;

	packet_legal(&t, DOJO_OP_TIMESTAMP, 0, BASE);
	BAD8(timestamp, va, BASE + 4, DOJO_FAULT_FIELD);
	BAD8(timestamp, va, 1ull << 48, DOJO_FAULT_FIELD);
	packet_legal(&t, DOJO_OP_SEM_WAIT, 0, BASE);
	BAD8(sem_wait, va, BASE + 1, DOJO_FAULT_FIELD);
	BAD4(sem_wait, condition, 4, DOJO_FAULT_FIELD);
	BAD4(sem_wait, reserved, 1, DOJO_FAULT_PACKET);
	packet_legal(&t, DOJO_OP_SEM_SIGNAL, 0, BASE);
	BAD8(sem_signal, va, BASE + 2, DOJO_FAULT_FIELD);
	BAD4(sem_signal, operation, 3, DOJO_FAULT_FIELD);
	BAD4(sem_signal, reserved, 1, DOJO_FAULT_PACKET);
	test_ok(ok, "operands of control packets");

	ok = true;
	copy = p;
	packet_legal(&t, DOJO_OP_COPY, 0, BASE);
	BAD8(copy, size, 0, DOJO_FAULT_FIELD);
	BAD8(copy, size, (1ull << 40) + 1, DOJO_FAULT_FIELD);
	ok &= leaves_space(&t, &copy->src, 1ull << 48, 1, 1ull << 48);
	ok &= leaves_space(&t, &copy->src, (1ull << 48) - 4098, 1, 1ull << 48);
	ok &= leaves_space(&t, &copy->dst, ~0ull, 2, ~0ull);
	ok &= leaves_space(&t, &copy->dst, (1ull << 48) - 4098, 2, 1ull << 48);
	copy->dst = (1ull << 48) - 4099;
	ok &= decodes(&t);
	test_ok(ok, "operands of COPY");

	ok = true;
	nd = p;
	packet_legal(&t, DOJO_OP_COPY_ND, 0, BASE);
	for (int i = 0; i < 4; i++) {
		BAD4(copy_nd, size[i], 0, DOJO_FAULT_FIELD);
		if (i < 3) {
			BAD8(copy_nd, src_stride[i], 1ull << 48, DOJO_FAULT_FIELD);
			BAD8(copy_nd, dst_stride[i], ~0ull, DOJO_FAULT_FIELD);
		}
	}
	BAD8(copy_nd, src, 1ull << 48, DOJO_FAULT_FIELD);
	BAD8(copy_nd, dst, (1ull << 48) - 50, DOJO_FAULT_FIELD);
	for (int i = 0; i < 3; i++) {
		nd->src_stride[i] = 0;
		nd->dst_stride[i] = 0;
	}
	BAD4(copy_nd, size[3], ~0u, DOJO_FAULT_FIELD);
	test_ok(ok, "operands of COPY_ND");

	ok = true;
	fill = p;
	packet_legal(&t, DOJO_OP_FILL, 0, BASE);
	BAD8(fill, size, 0, DOJO_FAULT_FIELD);
	BAD8(fill, size, 6, DOJO_FAULT_FIELD);
	BAD8(fill, size, (1ull << 40) + 4, DOJO_FAULT_FIELD);
	BAD8(fill, dst, BASE + 2, DOJO_FAULT_FIELD);
	ok &= leaves_space(&t, &fill->dst, (1ull << 48) - 4, 2, 1ull << 48);
	BAD4(fill, reserved, 1, DOJO_FAULT_PACKET);
	test_ok(ok, "operands of FILL");

	ok = true;
	packet_legal(&t, DOJO_OP_COPY_SEGMENTS, 0, BASE);
	BAD4(segments, src_count, 0, DOJO_FAULT_FIELD);
	BAD4(segments, src_count, 65537, DOJO_FAULT_FIELD);
	BAD4(segments, dst_count, 0, DOJO_FAULT_FIELD);
	BAD4(segments, dst_count, 65537, DOJO_FAULT_FIELD);
	BAD8(segments, src, BASE + 8, DOJO_FAULT_FIELD);
	BAD8(segments, dst, BASE + 8, DOJO_FAULT_FIELD);
	BAD8(segments, dst, (1ull << 48) - 16, DOJO_FAULT_FIELD);
	BAD4(segments, pattern, 1, DOJO_FAULT_PACKET);
	BAD4(segments, reserved, 1, DOJO_FAULT_PACKET);
	packet_legal(&t, DOJO_OP_FILL_SEGMENTS, 0, BASE);
	BAD4(segments, src_count, 1, DOJO_FAULT_FIELD);
	BAD8(segments, src, 16, DOJO_FAULT_FIELD);
	test_ok(ok, "operands of COPY_SEGMENTS and FILL_SEGMENTS");
}

static void test_opcodes(void)
{
	struct test_packet t;
	bool known[65536] = {}, ok = true;

	for (const uint16_t *o = packet_opcodes; *o; o++)
		known[*o] = true;
	for (unsigned int o = 0; o < 65536; o++) {
		packet_legal(&t, DOJO_OP_NOP, 0, BASE);
		t.p->header.opcode = (uint16_t)o;
		if (!known[o])
			ok &= test_rejects(&t, DOJO_FAULT_OPCODE, 0);
	}
	test_ok(ok, "every unknown opcode");
}

int main(void)
{
	test_opcodes();
	for (const uint16_t *o = packet_opcodes; *o; o++) {
		test_common(*o);
		if (packet_is_compute(*o)) {
			test_compute_header(*o);
			test_tensors(*o);
		}
	}
	test_plain();
	test_end_of_space();
	test_outputs();
	test_shapes();
	test_operands();
	test_limits_of_size();
	return test_end();
}
