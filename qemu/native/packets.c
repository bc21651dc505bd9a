/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "packets.h"

#define F32 DOJO_FORMAT_FP32

const uint16_t packet_opcodes[] = {
	DOJO_OP_NOP, DOJO_OP_BARRIER, DOJO_OP_TIMESTAMP, DOJO_OP_SEM_WAIT, DOJO_OP_SEM_SIGNAL,
	DOJO_OP_COPY, DOJO_OP_COPY_ND, DOJO_OP_FILL, DOJO_OP_COPY_SEGMENTS,
	DOJO_OP_FILL_SEGMENTS, DOJO_OP_GEMM, DOJO_OP_UNARY, DOJO_OP_BINARY, DOJO_OP_REDUCE,
	DOJO_OP_SOFTMAX, DOJO_OP_SOFTMAX_GRAD, DOJO_OP_NORM, DOJO_OP_NORM_GRAD, DOJO_OP_ROPE,
	DOJO_OP_GATHER, DOJO_OP_SCATTER, DOJO_OP_CONVERT, DOJO_OP_CONV2D,
	DOJO_OP_CONV2D_GRAD_INPUT, DOJO_OP_CONV2D_GRAD_WEIGHT, DOJO_OP_POOL,
	DOJO_OP_POOL_GRAD, DOJO_OP_CROSS_ENTROPY, DOJO_OP_DROPOUT, DOJO_OP_SGD,
	DOJO_OP_ADAMW, DOJO_OP_ALL_REDUCE, DOJO_OP_MULTICAST, 0,
};

bool packet_is_compute(unsigned int opcode)
{
	return opcode >= DOJO_OP_GEMM;
}

const char *packet_name(unsigned int opcode)
{
	static const char *const names[256] = {
		[DOJO_OP_NOP] = "NOP", [DOJO_OP_BARRIER] = "BARRIER",
		[DOJO_OP_TIMESTAMP] = "TIMESTAMP", [DOJO_OP_SEM_WAIT] = "SEM_WAIT",
		[DOJO_OP_SEM_SIGNAL] = "SEM_SIGNAL", [DOJO_OP_COPY] = "COPY",
		[DOJO_OP_COPY_ND] = "COPY_ND", [DOJO_OP_FILL] = "FILL",
		[DOJO_OP_COPY_SEGMENTS] = "COPY_SEGMENTS",
		[DOJO_OP_FILL_SEGMENTS] = "FILL_SEGMENTS", [DOJO_OP_GEMM] = "GEMM",
		[DOJO_OP_UNARY] = "UNARY", [DOJO_OP_BINARY] = "BINARY",
		[DOJO_OP_REDUCE] = "REDUCE", [DOJO_OP_SOFTMAX] = "SOFTMAX",
		[DOJO_OP_SOFTMAX_GRAD] = "SOFTMAX_GRAD", [DOJO_OP_NORM] = "NORM",
		[DOJO_OP_NORM_GRAD] = "NORM_GRAD", [DOJO_OP_ROPE] = "ROPE",
		[DOJO_OP_GATHER] = "GATHER", [DOJO_OP_SCATTER] = "SCATTER",
		[DOJO_OP_CONVERT] = "CONVERT", [DOJO_OP_CONV2D] = "CONV2D",
		[DOJO_OP_CONV2D_GRAD_INPUT] = "CONV2D_GRAD_INPUT",
		[DOJO_OP_CONV2D_GRAD_WEIGHT] = "CONV2D_GRAD_WEIGHT", [DOJO_OP_POOL] = "POOL",
		[DOJO_OP_POOL_GRAD] = "POOL_GRAD", [DOJO_OP_CROSS_ENTROPY] = "CROSS_ENTROPY",
		[DOJO_OP_DROPOUT] = "DROPOUT", [DOJO_OP_SGD] = "SGD",
		[DOJO_OP_ADAMW] = "ADAMW", [DOJO_OP_ALL_REDUCE] = "ALL_REDUCE",
		[DOJO_OP_MULTICAST] = "MULTICAST",
	};

	return names[opcode & 255] ? names[opcode & 255] : "?";
}

/* Tensors one after the other, far enough apart */
static int add(struct test_packet *t, uint64_t base, unsigned int format, uint32_t d0,
	       uint32_t d1, uint32_t d2, uint32_t d3)
{
	return test_add(t, base + t->p->tensors * (PACKET_SPAN / 8), format,
			dojo_format_has_bias(format) ? 7 : 0, d0, d1, d2, d3);
}

static void plain(struct test_packet *t, unsigned int opcode, uint64_t base)
{
	void *p = t->op.packet.words;
	struct dojo_packet_timestamp *stamp = p;
	struct dojo_packet_sem_wait *wait = p;
	struct dojo_packet_copy *copy = p;
	struct dojo_packet_copy_nd *nd = p;
	struct dojo_packet_fill *fill = p;
	struct dojo_packet_segments *segments = p;

	switch (opcode) {
	case DOJO_OP_TIMESTAMP:
		t->p->header.words = 2;
		stamp->va = base;
		break;
	case DOJO_OP_SEM_WAIT:
	case DOJO_OP_SEM_SIGNAL:
		t->p->header.words = 4;
		wait->va = base;
		wait->value = 1;
		break;
	case DOJO_OP_COPY:
		t->p->header.words = 4;
		copy->src = base + 1;
		copy->dst = base + 5000;
		copy->size = 4099;
		break;
	case DOJO_OP_COPY_ND:
		t->p->header.words = sizeof(*nd) / 8;
		nd->src = base;
		nd->dst = base + 65536;
		for (int i = 0; i < 3; i++) {
			nd->src_stride[i] = 1000u << (3 * i);
			nd->dst_stride[i] = 100u << (3 * i);
		}
		nd->size[0] = 90;
		nd->size[1] = 7;
		nd->size[2] = 3;
		nd->size[3] = 2;
		break;
	case DOJO_OP_FILL:
		t->p->header.words = 4;
		fill->dst = base + 4;
		fill->size = 8004;
		fill->pattern = 0x12345678;
		break;
	case DOJO_OP_COPY_SEGMENTS:
	case DOJO_OP_FILL_SEGMENTS:
		t->p->header.words = 5;
		segments->dst = base + 64;
		segments->dst_count = 2;
		if (opcode == DOJO_OP_COPY_SEGMENTS) {
			segments->src = base;
			segments->src_count = 2;
		} else {
			segments->pattern = 0x01020304;
		}
		break;
	default:
		t->p->header.words = 1;
		break;
	}
}

static void convolution(struct test_packet *t, unsigned int opcode, bool option, uint64_t base)
{
	uint32_t x[] = { 9, 8, 3, 2 }, w[] = { 3, 2, 3, 4 }, y[] = { 5, 4, 4, 2 };
	uint32_t *order[3] = { x, w, y };

	if (opcode == DOJO_OP_CONV2D_GRAD_INPUT) {
		order[0] = y;
		order[2] = x;
	} else if (opcode == DOJO_OP_CONV2D_GRAD_WEIGHT) {
		order[0] = y;
		order[1] = x;
		order[2] = w;
	}
	t->p->u[0] = 2 | 2 << 16;
	t->p->u[1] = 1;
	t->p->u[2] = 1 | 1 << 16;
	for (int i = 0; i < 3; i++)
		add(t, base, F32, order[i][0], order[i][1], order[i][2], order[i][3]);
	if (option && opcode != DOJO_OP_CONV2D_GRAD_INPUT) {
		t->p->op_flags = DOJO_CONV_BIAS;
		add(t, base, F32, 4, 1, 1, 1);
	}
}

static void pooling(struct test_packet *t, unsigned int opcode, uint64_t base)
{
	t->p->u[0] = 3 | 2 << 16;
	t->p->u[1] = 2 | 2 << 16;
	t->p->u[2] = 1;
	if (opcode == DOJO_OP_POOL_GRAD)
		add(t, base, F32, 5, 4, 3, 2);
	add(t, base, F32, 9, 8, 3, 2);
	if (opcode == DOJO_OP_POOL_GRAD)
		add(t, base, F32, 9, 8, 3, 2);
	else
		add(t, base, F32, 5, 4, 3, 2);
}

void packet_legal(struct test_packet *t, unsigned int opcode, unsigned int variant, uint64_t base)
{
	static const unsigned int formats[] = {
		F32, DOJO_FORMAT_BF16, DOJO_FORMAT_CFLOAT8_143, DOJO_FORMAT_CFLOAT16_SHP,
	};
	unsigned int f = formats[variant % 4];
	bool option = variant & 1;

	test_packet_init(t, opcode, 0);
	if (!packet_is_compute(opcode)) {
		plain(t, opcode, base);
		return;
	}
	switch (opcode) {
	case DOJO_OP_GEMM:
		t->p->fn = (uint8_t)(variant % 6);
		test_set_f(t, 0, 0.5f);
		add(t, base, f, 33, 17, 1, 1);
		add(t, base, F32, 21, 33, 2, 1);
		add(t, base, f, 21, 17, 2, 3);
		if (option) {
			t->p->op_flags = DOJO_GEMM_BIAS | DOJO_GEMM_ADD;
			add(t, base, F32, 21, 1, 1, 1);
			add(t, base, F32, 21, 17, 2, 3);
		}
		break;
	case DOJO_OP_UNARY:
		t->p->fn = (uint8_t)(variant == 3 ? DOJO_UNARY_CLAMP : variant + 1);
		if (variant == 3)
			test_set_f(t, 1, 1.0f);
		add(t, base, F32, 33, 3, 2, 2);
		add(t, base, f, 33, 3, 2, 2);
		break;
	case DOJO_OP_BINARY:
		t->p->fn = (uint8_t)(DOJO_BINARY_DIV + variant);
		if (variant == 3) {
			test_set_f(t, 0, 0.25f);
			test_set_f(t, 1, 2.0f);
		}
		for (int i = 0; i < 3; i++)
			add(t, base, i == 1 ? F32 : f, 33, 3, 2, 2);
		break;
	case DOJO_OP_REDUCE:
		t->p->fn = (uint8_t)(option ? DOJO_REDUCE_ARGMAX : DOJO_REDUCE_SUM);
		t->p->u[0] = option ? 2 : 5;
		add(t, base, f, 19, 7, 3, 2);
		if (option)
			add(t, base, DOJO_FORMAT_INT32, 19, 1, 3, 2);
		else
			add(t, base, f, 1, 7, 1, 2);
		break;
	case DOJO_OP_SOFTMAX:
		test_set_f(t, 0, 1.0f);
		add(t, base, f, 37, 5, 2, 1);
		add(t, base, f, 37, 5, 2, 1);
		if (option) {
			t->p->op_flags = DOJO_SOFTMAX_MASK | DOJO_SOFTMAX_CAUSAL;
			t->p->u[0] = 2;
			add(t, base, F32, 37, 5, 2, 1);
		}
		break;
	case DOJO_OP_SOFTMAX_GRAD:
		test_set_f(t, 0, 1.0f);
		for (int i = 0; i < 3; i++)
			add(t, base, f, 37, 5, 2, 1);
		break;
	case DOJO_OP_NORM:
	case DOJO_OP_NORM_GRAD:
		t->p->fn = (uint8_t)(variant / 2 % 2 + 1);
		test_set_f(t, 0, 0.00001f);
		for (int i = 0; i < (opcode == DOJO_OP_NORM ? 2 : 3); i++)
			add(t, base, f, 37, 5, 2, 1);
		if (option) {
			t->p->op_flags = DOJO_NORM_GAMMA | DOJO_NORM_BETA;
			for (int i = 0; i < (opcode == DOJO_OP_NORM ? 2 : 3); i++)
				add(t, base, F32, 37, 1, 1, 1);
		}
		break;
	case DOJO_OP_ROPE:
		t->p->op_flags = variant;
		t->p->u[0] = 6;
		test_set_f(t, 0, 10000.0f);
		add(t, base, f, 8, 3, 4, 2);
		add(t, base, DOJO_FORMAT_INT32, 4, 1, 1, 1);
		add(t, base, f, 8, 3, 4, 2);
		break;
	case DOJO_OP_GATHER:
	case DOJO_OP_SCATTER:
		if (opcode == DOJO_OP_SCATTER && option)
			t->p->op_flags = DOJO_SCATTER_ADD;
		add(t, base, f, 9, opcode == DOJO_OP_GATHER ? 1000 : 6, 1, 1);
		add(t, base, DOJO_FORMAT_INT32, 6, 1, 1, 1);
		add(t, base, f, 9, opcode == DOJO_OP_GATHER ? 6 : 1000, 1, 1);
		break;
	case DOJO_OP_CONVERT:
		add(t, base, variant == 2 ? DOJO_FORMAT_INT8 : F32, 33, 3, 2, 2);
		add(t, base, f, 33, 3, 2, 2);
		break;
	case DOJO_OP_CONV2D:
	case DOJO_OP_CONV2D_GRAD_INPUT:
	case DOJO_OP_CONV2D_GRAD_WEIGHT:
		convolution(t, opcode, option, base);
		break;
	case DOJO_OP_POOL:
	case DOJO_OP_POOL_GRAD:
		t->p->fn = (uint8_t)(option + 1);
		pooling(t, opcode, base);
		break;
	case DOJO_OP_CROSS_ENTROPY:
		add(t, base, f, 10, 7, 1, 1);
		add(t, base, DOJO_FORMAT_INT32, 7, 1, 1, 1);
		add(t, base, F32, 7, 1, 1, 1);
		if (option) {
			t->p->op_flags = DOJO_CROSS_ENTROPY_GRAD;
			test_set_f(t, 0, 0.125f);
			add(t, base, f, 10, 7, 1, 1);
		}
		break;
	case DOJO_OP_DROPOUT:
		test_set_f(t, 0, 0.25f);
		t->p->seed = 1;
		t->p->rng_base = 2;
		add(t, base, f, 33, 3, 2, 2);
		add(t, base, f, 33, 3, 2, 2);
		break;
	case DOJO_OP_SGD:
		test_set_f(t, 0, 0.1f);
		test_set_f(t, 2, 0.01f);
		if (option) {
			t->p->op_flags = DOJO_SGD_MOMENTUM;
			test_set_f(t, 1, 0.9f);
		}
		for (int i = 0; i < (option ? 3 : 2); i++)
			add(t, base, f, 33, 3, 2, 2);
		break;
	case DOJO_OP_ADAMW:
		test_set_f(t, 0, 0.001f);
		test_set_f(t, 1, 0.9f);
		test_set_f(t, 2, 0.999f);
		test_set_f(t, 3, 0.00000001f);
		test_set_f(t, 4, 0.01f);
		t->p->u[0] = 1 + variant;
		for (int i = 0; i < 4; i++)
			add(t, base, i == 1 ? f : F32, 33, 3, 2, 2);
		break;
	default:
		for (unsigned int i = 0; i < 2 + 2 * variant; i++)
			add(t, base, f, 33, 3, 2, 2);
		break;
	}
}
