// SPDX-License-Identifier: MIT
/* What every packet call writes, byte by byte. */
#include "test.h"

#define EPSILON		0.00001f

/* Eight tensors that can be told apart, and the batch under test. */
static struct dojo_tensor t[8];
static uint64_t memory[DOJO_PACKET_MAX / 8];
static struct dojo_device *dev;
static struct dojo_vm *vm;
static struct dojo_batch *batch;

static const struct dojo_rounding rounding = {
	DOJO_ROUND_STOCHASTIC, 0, 0x1122334455667788, 0x99
};

static void set_up(void)
{
	unsigned int i;

	for (i = 0; i < 8; i++)
		t[i] = dojo_tensor_2d(0x1000 * (i + 1), DOJO_FORMAT_FP32, 4, 8);
	memset(memory, 0xee, sizeof(memory));
	dev = test_open();
	vm = test_vm(dev);
	OK(dojo_batch_create_at(vm, memory, 0x10000, sizeof(memory), &batch));
}

static void tear_down(void)
{
	dojo_batch_destroy(batch);
	dojo_vm_destroy(vm);
	dojo_device_close(dev);
}

/* The batch holds @packet, of @size bytes, and nothing else. */
static void holds(const void *packet, size_t size)
{
	EQUAL(dojo_batch_size(batch), size);
	EQUAL(dojo_batch_packets(batch), 1);
	EQUAL(memcmp(memory, packet, size), 0);
	dojo_batch_reset(batch);
}

static struct dojo_packet_header header(uint32_t opcode, size_t size)
{
	return (struct dojo_packet_header){ (uint16_t)opcode, (uint16_t)(size / 8), 0 };
}

/**
 * struct wanted - a compute packet that is expected
 * @tensors: indices into t[], ending with -1
 */
struct wanted {
	uint32_t opcode;
	uint32_t fn;
	uint32_t flags;
	float f[5];
	uint32_t u[3];
	int tensors[DOJO_TENSOR_MAX + 1];
};

static void wrote(const struct wanted *wanted, bool rounded)
{
	union {
		struct dojo_packet_compute packet;
		uint64_t room[DOJO_PACKET_MAX / 8];
	} buffer;
	struct dojo_packet_compute *packet = &buffer.packet;
	unsigned int count;

	memset(&buffer, 0, sizeof(buffer));
	for (count = 0; wanted->tensors[count] >= 0; count++)
		packet->tensor[count] = t[wanted->tensors[count]];
	packet->header = header(wanted->opcode, 64 + count * 64);
	packet->fn = (uint8_t)wanted->fn;
	packet->tensors = (uint8_t)count;
	packet->op_flags = wanted->flags;
	if (rounded) {
		packet->round = DOJO_ROUND_STOCHASTIC;
		packet->seed = rounding.seed;
		packet->rng_base = rounding.rng_base;
	}
	memcpy(packet->f, wanted->f, sizeof(packet->f));
	memcpy(packet->u, wanted->u, sizeof(packet->u));
	holds(packet, 64 + count * 64);
}

#define WROTE(...)		wrote(&(struct wanted){ __VA_ARGS__ }, false)
#define WROTE_ROUNDED(...)	wrote(&(struct wanted){ __VA_ARGS__ }, true)

TEST(control_packets)
{
	struct dojo_packet_header nop = header(DOJO_OP_NOP, 8);
	struct dojo_packet_header barrier = header(DOJO_OP_BARRIER, 8);
	struct dojo_packet_timestamp timestamp = { header(DOJO_OP_TIMESTAMP, 16), 0x4000 };
	struct dojo_packet_sem_wait wait = {
		header(DOJO_OP_SEM_WAIT, 32), 0x5000, 77, DOJO_SEM_GREATER_EQUAL, 0
	};
	struct dojo_packet_sem_signal signal = {
		header(DOJO_OP_SEM_SIGNAL, 32), 0x6000, 78, DOJO_SEM_MAX, 0
	};

	set_up();
	OK(dojo_nop(batch));
	holds(&nop, sizeof(nop));
	OK(dojo_barrier(batch));
	holds(&barrier, sizeof(barrier));
	OK(dojo_timestamp(batch, 0x4000));
	holds(&timestamp, sizeof(timestamp));
	OK(dojo_sem_wait(batch, 0x5000, DOJO_SEM_GREATER_EQUAL, 77));
	holds(&wait, sizeof(wait));
	OK(dojo_sem_signal(batch, 0x6000, DOJO_SEM_MAX, 78));
	holds(&signal, sizeof(signal));
	tear_down();
}

TEST(dma_packets)
{
	static const uint64_t to[3] = { 1, 2, 3 }, from[3] = { 4, 5, 6 };
	static const uint32_t size[4] = { 7, 8, 9, 10 };
	struct dojo_packet_copy copy = { header(DOJO_OP_COPY, 32), 0x2000, 0x3000, 99 };
	struct dojo_packet_fill fill = { header(DOJO_OP_FILL, 32), 0x3000, 8, 0xabcd, 0 };
	struct dojo_packet_copy_nd nd = {
		header(DOJO_OP_COPY_ND, 88), 0x2000, 0x3000, { 4, 5, 6 }, { 1, 2, 3 },
		{ 7, 8, 9, 10 }
	};

	EQUAL(sizeof(nd), 88);
	set_up();
	OK(dojo_copy(batch, 0x3000, 0x2000, 99));
	holds(&copy, sizeof(copy));
	OK(dojo_copy_nd(batch, 0x3000, to, 0x2000, from, size));
	holds(&nd, sizeof(nd));
	OK(dojo_fill(batch, 0x3000, 8, 0xabcd));
	holds(&fill, sizeof(fill));
	tear_down();
}

TEST(gemm)
{
	struct dojo_gemm_attr attr = DOJO_GEMM_ATTR_INIT;

	set_up();
	OK(dojo_gemm(batch, 0, &t[0], &t[1], &t[2], NULL));
	WROTE(DOJO_OP_GEMM, .f = { 1 }, .tensors = { 0, 1, 2, -1 });
	attr.alpha = 0.5f;
	attr.activation = DOJO_ACT_GELU;
	attr.bias = &t[3];
	attr.add = &t[4];
	attr.rounding = &rounding;
	OK(dojo_gemm(batch, DOJO_GEMM_TRANS_B, &t[0], &t[1], &t[2], &attr));
	WROTE_ROUNDED(DOJO_OP_GEMM, DOJO_ACT_GELU,
		      DOJO_GEMM_TRANS_B | DOJO_GEMM_BIAS | DOJO_GEMM_ADD, .f = { 0.5f },
		      .tensors = { 0, 1, 2, 3, 4, -1 });
	attr.bias = NULL;
	attr.rounding = NULL;
	OK(dojo_gemm(batch, DOJO_GEMM_TRANS_A, &t[0], &t[1], &t[2], &attr));
	WROTE(DOJO_OP_GEMM, DOJO_ACT_GELU, DOJO_GEMM_TRANS_A | DOJO_GEMM_ADD, .f = { 0.5f },
	      .tensors = { 0, 1, 2, 4, -1 });
	EQUAL(dojo_gemm(batch, DOJO_GEMM_ADD, &t[0], &t[1], &t[2], NULL), -EINVAL);
	SAYS(test_last_error(dev), "flags");
	tear_down();
}

TEST(elementwise)
{
	set_up();
	OK(dojo_unary(batch, DOJO_UNARY_SQRT, &t[0], &t[1], &rounding));
	WROTE_ROUNDED(DOJO_OP_UNARY, DOJO_UNARY_SQRT, .tensors = { 0, 1, -1 });
	OK(dojo_scale(batch, 2, 3, &t[0], &t[1], NULL));
	WROTE(DOJO_OP_UNARY, DOJO_UNARY_SCALE, .f = { 2, 3 }, .tensors = { 0, 1, -1 });
	OK(dojo_clamp(batch, -1, 1, &t[0], &t[1], NULL));
	WROTE(DOJO_OP_UNARY, DOJO_UNARY_CLAMP, .f = { -1, 1 }, .tensors = { 0, 1, -1 });
	OK(dojo_binary(batch, DOJO_BINARY_GELU_GRAD, &t[0], &t[1], &t[2], NULL));
	WROTE(DOJO_OP_BINARY, DOJO_BINARY_GELU_GRAD, .tensors = { 0, 1, 2, -1 });
	OK(dojo_axpby(batch, 2, &t[0], 3, &t[1], &t[2], NULL));
	WROTE(DOJO_OP_BINARY, DOJO_BINARY_AXPBY, .f = { 2, 3 }, .tensors = { 0, 1, 2, -1 });
	OK(dojo_convert(batch, &t[0], &t[1], &rounding));
	WROTE_ROUNDED(DOJO_OP_CONVERT, .tensors = { 0, 1, -1 });
	OK(dojo_dropout(batch, 0.25f, &t[0], &t[1], &rounding));
	WROTE_ROUNDED(DOJO_OP_DROPOUT, .f = { 0.25f }, .tensors = { 0, 1, -1 });
	tear_down();
}

TEST(reductions)
{
	set_up();
	OK(dojo_reduce(batch, DOJO_REDUCE_ARGMAX, 1 << 2, &t[0], &t[1], NULL));
	WROTE(DOJO_OP_REDUCE, DOJO_REDUCE_ARGMAX, .u = { 4 }, .tensors = { 0, 1, -1 });
	OK(dojo_softmax(batch, 0.5f, &t[0], &t[1], NULL, NULL));
	WROTE(DOJO_OP_SOFTMAX, .f = { 0.5f }, .tensors = { 0, 1, -1 });
	OK(dojo_softmax(batch, 0.5f, &t[0], &t[1], &t[2], NULL));
	WROTE(DOJO_OP_SOFTMAX, 0, DOJO_SOFTMAX_MASK, .f = { 0.5f }, .tensors = { 0, 1, 2, -1 });
	OK(dojo_softmax_causal(batch, 0.5f, 6, &t[0], &t[1], &t[2], NULL));
	WROTE(DOJO_OP_SOFTMAX, 0, DOJO_SOFTMAX_MASK | DOJO_SOFTMAX_CAUSAL, .f = { 0.5f },
	      .u = { 6 }, .tensors = { 0, 1, 2, -1 });
	OK(dojo_softmax_grad(batch, 0.5f, &t[0], &t[1], &t[2], NULL));
	WROTE(DOJO_OP_SOFTMAX_GRAD, .f = { 0.5f }, .tensors = { 0, 1, 2, -1 });
	OK(dojo_cross_entropy(batch, &t[0], &t[1], &t[2], 0.1f, NULL, NULL));
	WROTE(DOJO_OP_CROSS_ENTROPY, .tensors = { 0, 1, 2, -1 });
	OK(dojo_cross_entropy(batch, &t[0], &t[1], &t[2], 0.1f, &t[3], NULL));
	WROTE(DOJO_OP_CROSS_ENTROPY, 0, DOJO_CROSS_ENTROPY_GRAD, .f = { 0.1f },
	      .tensors = { 0, 1, 2, 3, -1 });
	tear_down();
}

TEST(norms)
{
	set_up();
	OK(dojo_norm(batch, DOJO_NORM_RMS, EPSILON, &t[0], &t[1], NULL, NULL, NULL));
	WROTE(DOJO_OP_NORM, DOJO_NORM_RMS, .f = { EPSILON }, .tensors = { 0, 1, -1 });
	OK(dojo_norm(batch, DOJO_NORM_LAYER, EPSILON, &t[0], &t[1], &t[2], &t[3], NULL));
	WROTE(DOJO_OP_NORM, DOJO_NORM_LAYER, DOJO_NORM_GAMMA | DOJO_NORM_BETA, .f = { EPSILON },
	      .tensors = { 0, 1, 2, 3, -1 });
	OK(dojo_norm(batch, DOJO_NORM_LAYER, EPSILON, &t[0], &t[1], NULL, &t[3], NULL));
	WROTE(DOJO_OP_NORM, DOJO_NORM_LAYER, DOJO_NORM_BETA, .f = { EPSILON },
	      .tensors = { 0, 1, 3, -1 });
	OK(dojo_norm_grad(batch, DOJO_NORM_LAYER, EPSILON, &t[0], &t[1], &t[2], &t[3], &t[4], &t[5],
			  NULL));
	WROTE(DOJO_OP_NORM_GRAD, DOJO_NORM_LAYER, DOJO_NORM_GAMMA | DOJO_NORM_BETA,
	      .f = { EPSILON }, .tensors = { 0, 1, 2, 3, 4, 5, -1 });
	OK(dojo_norm_grad(batch, DOJO_NORM_RMS, EPSILON, &t[0], &t[1], &t[2], NULL, NULL, &t[5],
			  NULL));
	WROTE(DOJO_OP_NORM_GRAD, DOJO_NORM_RMS, DOJO_NORM_BETA, .f = { EPSILON },
	      .tensors = { 0, 1, 2, 5, -1 });
	EQUAL(dojo_norm_grad(batch, DOJO_NORM_RMS, EPSILON, &t[0], &t[1], &t[2], &t[3], NULL, NULL,
			     NULL), -EINVAL);
	SAYS(test_last_error(dev), "go together");
	tear_down();
}

TEST(rows_and_positions)
{
	set_up();
	OK(dojo_rope(batch, DOJO_ROPE_HALVES, 10000, 64, &t[0], &t[1], &t[2], NULL));
	WROTE(DOJO_OP_ROPE, 0, DOJO_ROPE_HALVES, .f = { 10000 }, .u = { 64 },
	      .tensors = { 0, 1, 2, -1 });
	OK(dojo_gather(batch, &t[0], &t[1], &t[2], NULL));
	WROTE(DOJO_OP_GATHER, .tensors = { 0, 1, 2, -1 });
	OK(dojo_scatter(batch, DOJO_SCATTER_ADD, &t[0], &t[1], &t[2], NULL));
	WROTE(DOJO_OP_SCATTER, 0, DOJO_SCATTER_ADD, .tensors = { 0, 1, 2, -1 });
	tear_down();
}

TEST(convolutions)
{
	const struct dojo_conv2d_attr attr = { 1, 2, 3, 4, 5, 6 };
	const uint32_t u[3] = { 0x20001, 0x40003, 0x60005 };

	set_up();
	OK(dojo_conv2d(batch, NULL, DOJO_ACT_NONE, &t[0], &t[1], &t[2], NULL, NULL));
	WROTE(DOJO_OP_CONV2D, .u = { 0x10001, 0, 0x10001 }, .tensors = { 0, 1, 2, -1 });
	OK(dojo_conv2d(batch, &attr, DOJO_ACT_RELU, &t[0], &t[1], &t[2], &t[3], NULL));
	WROTE(DOJO_OP_CONV2D, DOJO_ACT_RELU, DOJO_CONV_BIAS, .u = { u[0], u[1], u[2] },
	      .tensors = { 0, 1, 2, 3, -1 });
	OK(dojo_conv2d_grad_input(batch, &attr, &t[0], &t[1], &t[2], NULL));
	WROTE(DOJO_OP_CONV2D_GRAD_INPUT, .u = { u[0], u[1], u[2] }, .tensors = { 0, 1, 2, -1 });
	OK(dojo_conv2d_grad_weight(batch, &attr, &t[0], &t[1], &t[2], NULL, NULL));
	WROTE(DOJO_OP_CONV2D_GRAD_WEIGHT, .u = { u[0], u[1], u[2] }, .tensors = { 0, 1, 2, -1 });
	OK(dojo_conv2d_grad_weight(batch, &attr, &t[0], &t[1], &t[2], &t[3], NULL));
	WROTE(DOJO_OP_CONV2D_GRAD_WEIGHT, 0, DOJO_CONV_BIAS, .u = { u[0], u[1], u[2] },
	      .tensors = { 0, 1, 2, 3, -1 });
	tear_down();
}

TEST(pooling)
{
	const struct dojo_pool_attr attr = { 1, 2, 3, 4, 5, 6 };

	set_up();
	OK(dojo_pool(batch, DOJO_POOL_AVERAGE, &attr, &t[0], &t[1], NULL));
	WROTE(DOJO_OP_POOL, DOJO_POOL_AVERAGE, .u = { 0x20001, 0x40003, 0x60005 },
	      .tensors = { 0, 1, -1 });
	OK(dojo_pool_grad(batch, DOJO_POOL_MAX, &attr, &t[0], &t[1], &t[2], NULL));
	WROTE(DOJO_OP_POOL_GRAD, DOJO_POOL_MAX, .u = { 0x20001, 0x40003, 0x60005 },
	      .tensors = { 0, 1, 2, -1 });
	tear_down();
}

TEST(optimizers)
{
	const struct dojo_adamw_attr adamw = { 1, 2, 3, 4, 5, 6 };

	set_up();
	OK(dojo_sgd(batch, 0.1f, 0.9f, 0.01f, &t[0], &t[1], NULL, NULL));
	WROTE(DOJO_OP_SGD, .f = { 0.1f, 0, 0.01f }, .tensors = { 0, 1, -1 });
	OK(dojo_sgd(batch, 0.1f, 0.9f, 0.01f, &t[0], &t[1], &t[2], NULL));
	WROTE(DOJO_OP_SGD, 0, DOJO_SGD_MOMENTUM, .f = { 0.1f, 0.9f, 0.01f },
	      .tensors = { 0, 1, 2, -1 });
	OK(dojo_adamw(batch, &adamw, &t[0], &t[1], &t[2], &t[3], NULL));
	WROTE(DOJO_OP_ADAMW, .f = { 1, 2, 3, 4, 5 }, .u = { 6 }, .tensors = { 0, 1, 2, 3, -1 });
	tear_down();
}

TEST(collectives)
{
	const struct dojo_tensor *all[8];
	unsigned int i;

	set_up();
	for (i = 0; i < 8; i++)
		all[i] = &t[i];
	OK(dojo_all_reduce(batch, all, 8, NULL));
	WROTE(DOJO_OP_ALL_REDUCE, .tensors = { 0, 1, 2, 3, 4, 5, 6, 7, -1 });
	OK(dojo_multicast(batch, all, 2));
	WROTE(DOJO_OP_MULTICAST, .tensors = { 0, 1, -1 });
	tear_down();
}

TEST(an_opcode_of_the_future)
{
	const struct dojo_tensor *tensors[] = { &t[0] };
	struct dojo_compute_attr op = {
		.opcode = 0x7f, .fn = 3, .flags = 9, .f = { 1, 2, 3, 4, 5 }, .u = { 6, 7, 8 }
	};

	set_up();
	OK(dojo_compute(batch, &op, tensors, 1));
	WROTE(0x7f, 3, 9, .f = { 1, 2, 3, 4, 5 }, .u = { 6, 7, 8 }, .tensors = { 0, -1 });
	tear_down();
}

static void refuse(struct dojo_compute_attr op, uint32_t count, const char *because)
{
	const struct dojo_tensor *tensors[DOJO_TENSOR_MAX + 1];
	uint32_t i;

	for (i = 0; i < ARRAY_SIZE(tensors); i++)
		tensors[i] = &t[0];
	dojo_batch_reset(batch);
	EQUAL(dojo_compute(batch, &op, tensors, count), -EINVAL);
	EQUAL(dojo_batch_size(batch), 0);
	SAYS(test_last_error(dev), because);
}

TEST(what_no_packet_can_hold_is_EINVAL)
{
	const struct dojo_rounding wild = { 256, 0, 0, 0 }, reserved = { 0, 1, 0, 0 };

	set_up();
	refuse((struct dojo_compute_attr){ .opcode = DOJO_OP_UNARY }, 9, "9 tensors");
	refuse((struct dojo_compute_attr){ .opcode = DOJO_OP_UNARY, .fn = 256 }, 2, "function 256");
	refuse((struct dojo_compute_attr){ .opcode = 0x10000 }, 2, "unknown");
	refuse((struct dojo_compute_attr){ .opcode = DOJO_OP_UNARY, .rounding = &wild }, 2,
	       "rounding");
	refuse((struct dojo_compute_attr){ .opcode = DOJO_OP_UNARY, .rounding = &reserved }, 2,
	       "rounding");
	tear_down();
}

TEST(missing_and_impossible_tensors_are_named)
{
	struct dojo_tensor bad;

	set_up();
	bad = dojo_tensor_slice(t[0], 0, 0, 1000);
	EQUAL(dojo_binary(batch, DOJO_BINARY_ADD, &t[0], &bad, &t[2], NULL), -EINVAL);
	SAYS(test_last_error(dev), "BINARY: tensor 1 (b)");
	dojo_batch_reset(batch);
	EQUAL(dojo_unary(batch, DOJO_UNARY_ABS, &t[0], NULL, NULL), -EINVAL);
	SAYS(test_last_error(dev), "UNARY: tensor 1 (y)");
	tear_down();
}
