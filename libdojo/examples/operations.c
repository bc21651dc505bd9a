// SPDX-License-Identifier: MIT
/*
 * One packet of every kind that the tile has, each in a job of its own, with
 * the work it did and the time the published hardware would have taken.
 */
#include <inttypes.h>

#include "example.h"

/* Extents: small, and different from each other so that a mix-up is refused. */
enum { ROWS = 6, COLUMNS = 8, DEPTH = 4, HEADS = 2, IMAGES = 3, SIDE = 9, CHANNELS = 2,
	FILTERS = 5, KERNEL = 3 };

#define PLACE		65536u	/* bytes that each operand has to itself */
#define PLACES		8u

struct run {
	struct dojo_device *dev;
	struct dojo_queue *queue;
	struct dojo_batch *batch;
	uint64_t va;
};

static uint64_t place(const struct run *run, unsigned int index)
{
	return run->va + index * PLACE;
}

static struct dojo_tensor matrix(const struct run *run, unsigned int index, uint32_t rows,
				 uint32_t columns)
{
	return dojo_tensor_2d(place(run, index), DOJO_FORMAT_FP32, rows, columns);
}

static struct dojo_tensor vector(const struct run *run, unsigned int index, uint32_t n)
{
	return dojo_tensor_1d(place(run, index), DOJO_FORMAT_FP32, n);
}

static struct dojo_tensor integers(const struct run *run, unsigned int index, uint32_t n)
{
	return dojo_tensor_1d(place(run, index), DOJO_FORMAT_INT32, n);
}

static void copies(struct run *run)
{
	const uint64_t stride[3] = { 64, 1024, 4096 };
	const uint32_t size[4] = { 16, 4, 3, 2 };

	dojo_copy(run->batch, place(run, 1), place(run, 0), 100);
	dojo_copy_nd(run->batch, place(run, 1), stride, place(run, 0), stride, size);
	dojo_fill(run->batch, place(run, 1), 4096, 0);
}

static void control(struct run *run)
{
	dojo_nop(run->batch);
	dojo_sem_signal(run->batch, place(run, 1), DOJO_SEM_SET, 3);
	dojo_sem_wait(run->batch, place(run, 1), DOJO_SEM_GREATER_EQUAL, 3);
	dojo_timestamp(run->batch, place(run, 1) + 8);
	dojo_barrier(run->batch);
}

static void gemm(struct run *run)
{
	struct dojo_tensor a = matrix(run, 0, ROWS, DEPTH), b = matrix(run, 1, COLUMNS, DEPTH);
	struct dojo_tensor d = matrix(run, 2, ROWS, COLUMNS), bias = vector(run, 3, COLUMNS);
	struct dojo_gemm_attr attr = DOJO_GEMM_ATTR_INIT;

	attr.activation = DOJO_ACT_GELU;
	attr.bias = &bias;
	attr.add = &d;
	dojo_gemm(run->batch, DOJO_GEMM_TRANS_B, &a, &b, &d, &attr);
}

static void unary(struct run *run)
{
	struct dojo_tensor x = matrix(run, 0, ROWS, COLUMNS), y = matrix(run, 1, ROWS, COLUMNS);

	dojo_unary(run->batch, DOJO_UNARY_EXP, &x, &y, NULL);
	dojo_scale(run->batch, 2, 1, &x, &y, NULL);
	dojo_clamp(run->batch, -1, 1, &x, &y, NULL);
}

static void binary(struct run *run)
{
	struct dojo_tensor a = matrix(run, 0, ROWS, COLUMNS), y = matrix(run, 2, ROWS, COLUMNS);
	struct dojo_tensor row = dojo_tensor_broadcast(vector(run, 1, COLUMNS), 1, ROWS);

	dojo_binary(run->batch, DOJO_BINARY_MUL, &a, &row, &y, NULL);
	dojo_binary(run->batch, DOJO_BINARY_GELU_GRAD, &a, &a, &y, NULL);
	dojo_axpby(run->batch, 2, &a, 3, &row, &y, NULL);
}

static void reduce(struct run *run)
{
	struct dojo_tensor x = matrix(run, 0, ROWS, COLUMNS);
	struct dojo_tensor sums = matrix(run, 1, 1, COLUMNS);
	struct dojo_tensor best = dojo_tensor_2d(place(run, 2), DOJO_FORMAT_INT32, ROWS, 1);

	dojo_reduce(run->batch, DOJO_REDUCE_SUM, 1 << 1, &x, &sums, NULL);
	dojo_reduce(run->batch, DOJO_REDUCE_ARGMAX, 1 << 0, &x, &best, NULL);
}

static void softmax(struct run *run)
{
	struct dojo_tensor x = matrix(run, 0, ROWS, COLUMNS), y = matrix(run, 1, ROWS, COLUMNS);
	struct dojo_tensor mask = dojo_tensor_broadcast(vector(run, 2, COLUMNS), 1, ROWS);

	dojo_softmax(run->batch, 0.5f, &x, &y, &mask, NULL);
	dojo_softmax_causal(run->batch, 0.5f, 0, &x, &y, NULL, NULL);
}

static void softmax_grad(struct run *run)
{
	struct dojo_tensor dy = matrix(run, 0, ROWS, COLUMNS), y = matrix(run, 1, ROWS, COLUMNS);
	struct dojo_tensor dx = matrix(run, 2, ROWS, COLUMNS);

	dojo_softmax_grad(run->batch, 0.5f, &dy, &y, &dx, NULL);
}

static void norm(struct run *run)
{
	struct dojo_tensor x = matrix(run, 0, ROWS, COLUMNS), y = matrix(run, 1, ROWS, COLUMNS);
	struct dojo_tensor gamma = vector(run, 2, COLUMNS), beta = vector(run, 3, COLUMNS);

	dojo_norm(run->batch, DOJO_NORM_LAYER, 0.001f, &x, &y, &gamma, &beta, NULL);
	dojo_norm(run->batch, DOJO_NORM_RMS, 0.001f, &x, &y, &gamma, NULL, NULL);
}

static void norm_grad(struct run *run)
{
	struct dojo_tensor dy = matrix(run, 0, ROWS, COLUMNS), x = matrix(run, 1, ROWS, COLUMNS);
	struct dojo_tensor dx = matrix(run, 2, ROWS, COLUMNS), gamma = vector(run, 3, COLUMNS);
	struct dojo_tensor dgamma = vector(run, 4, COLUMNS), dbeta = vector(run, 5, COLUMNS);

	dojo_norm_grad(run->batch, DOJO_NORM_LAYER, 0.001f, &dy, &x, &dx, &gamma, &dgamma, &dbeta,
		       NULL);
}

static void rope(struct run *run)
{
	struct dojo_tensor x = dojo_tensor_4d(place(run, 0), DOJO_FORMAT_FP32, IMAGES, ROWS, HEADS,
					      COLUMNS);
	struct dojo_tensor y = dojo_tensor_4d(place(run, 1), DOJO_FORMAT_FP32, IMAGES, ROWS, HEADS,
					      COLUMNS);
	struct dojo_tensor pos = integers(run, 2, ROWS);

	dojo_rope(run->batch, DOJO_ROPE_HALVES, 10000, COLUMNS, &x, &pos, &y, NULL);
}

static void gather(struct run *run)
{
	struct dojo_tensor x = matrix(run, 0, ROWS, COLUMNS), index = integers(run, 1, IMAGES);
	struct dojo_tensor y = matrix(run, 2, IMAGES, COLUMNS);

	dojo_gather(run->batch, &x, &index, &y, NULL);
}

static void scatter(struct run *run)
{
	struct dojo_tensor x = matrix(run, 0, IMAGES, COLUMNS), index = integers(run, 1, IMAGES);
	struct dojo_tensor y = matrix(run, 2, ROWS, COLUMNS);

	dojo_scatter(run->batch, DOJO_SCATTER_ADD, &x, &index, &y, NULL);
}

static void convert(struct run *run)
{
	const struct dojo_rounding stochastic = { DOJO_ROUND_STOCHASTIC, 0, 1, 0 };
	struct dojo_tensor x = dojo_tensor_transpose(matrix(run, 0, ROWS, COLUMNS));
	struct dojo_tensor y = dojo_tensor_2d(place(run, 1), DOJO_FORMAT_CFLOAT8_143, COLUMNS,
					      ROWS);

	y = dojo_tensor_with_bias(y, 7);
	dojo_convert(run->batch, &x, &y, &stochastic);
}

static struct dojo_tensor image(const struct run *run, unsigned int index)
{
	return dojo_tensor_4d(place(run, index), DOJO_FORMAT_FP32, IMAGES, CHANNELS, SIDE, SIDE);
}

static struct dojo_tensor filters(const struct run *run, unsigned int index)
{
	return dojo_tensor_4d(place(run, index), DOJO_FORMAT_FP32, FILTERS, CHANNELS, KERNEL,
			      KERNEL);
}

/* Stride 2, padding 1: nine pixels become five. */
static const struct dojo_conv2d_attr halve = { 2, 2, 1, 1, 1, 1 };

static struct dojo_tensor features(const struct run *run, unsigned int index)
{
	return dojo_tensor_4d(place(run, index), DOJO_FORMAT_FP32, IMAGES, FILTERS, 5, 5);
}

static void conv2d(struct run *run)
{
	struct dojo_tensor x = image(run, 0), w = filters(run, 1), y = features(run, 2);
	struct dojo_tensor bias = vector(run, 3, FILTERS);

	dojo_conv2d(run->batch, &halve, DOJO_ACT_RELU, &x, &w, &y, &bias, NULL);
}

static void conv2d_grad_input(struct run *run)
{
	struct dojo_tensor dy = features(run, 0), w = filters(run, 1), dx = image(run, 2);

	dojo_conv2d_grad_input(run->batch, &halve, &dy, &w, &dx, NULL);
}

static void conv2d_grad_weight(struct run *run)
{
	struct dojo_tensor dy = features(run, 0), x = image(run, 1), dw = filters(run, 2);
	struct dojo_tensor dbias = vector(run, 3, FILTERS);

	dojo_conv2d_grad_weight(run->batch, &halve, &dy, &x, &dw, &dbias, NULL);
}

/* Windows of three, side by side: nine pixels become three. */
static const struct dojo_pool_attr thirds = { 3, 3, 3, 3, 0, 0 };

static struct dojo_tensor pooled(const struct run *run, unsigned int index)
{
	return dojo_tensor_4d(place(run, index), DOJO_FORMAT_FP32, IMAGES, CHANNELS, 3, 3);
}

static void pool(struct run *run)
{
	struct dojo_tensor x = image(run, 0), y = pooled(run, 1);

	dojo_pool(run->batch, DOJO_POOL_MAX, &thirds, &x, &y, NULL);
	dojo_pool(run->batch, DOJO_POOL_AVERAGE, &thirds, &x, &y, NULL);
}

static void pool_grad(struct run *run)
{
	struct dojo_tensor dy = pooled(run, 0), x = image(run, 1), dx = image(run, 2);

	dojo_pool_grad(run->batch, DOJO_POOL_MAX, &thirds, &dy, &x, &dx, NULL);
}

static void cross_entropy(struct run *run)
{
	struct dojo_tensor logits = matrix(run, 0, ROWS, COLUMNS), labels = integers(run, 1, ROWS);
	struct dojo_tensor loss = vector(run, 2, ROWS), dlogits = matrix(run, 3, ROWS, COLUMNS);

	dojo_cross_entropy(run->batch, &logits, &labels, &loss, 1.0f / ROWS, &dlogits, NULL);
}

static void dropout(struct run *run)
{
	const struct dojo_rounding seed = { DOJO_ROUND_NEAREST, 0, 42, 0 };
	struct dojo_tensor x = matrix(run, 0, ROWS, COLUMNS), y = matrix(run, 1, ROWS, COLUMNS);

	dojo_dropout(run->batch, 0.25f, &x, &y, &seed);
}

static void sgd(struct run *run)
{
	struct dojo_tensor w = matrix(run, 0, ROWS, COLUMNS), g = matrix(run, 1, ROWS, COLUMNS);
	struct dojo_tensor m = matrix(run, 2, ROWS, COLUMNS);

	dojo_sgd(run->batch, 0.1f, 0.9f, 0.01f, &w, &g, &m, NULL);
}

static void adamw(struct run *run)
{
	const struct dojo_adamw_attr attr = { 0.001f, 0.9f, 0.999f, 0.00001f, 0.01f, 1 };
	struct dojo_tensor w = matrix(run, 0, ROWS, COLUMNS), g = matrix(run, 1, ROWS, COLUMNS);
	struct dojo_tensor m = matrix(run, 2, ROWS, COLUMNS), v = matrix(run, 3, ROWS, COLUMNS);

	dojo_adamw(run->batch, &attr, &w, &g, &m, &v, NULL);
}

static void all_reduce(struct run *run)
{
	struct dojo_tensor a = matrix(run, 0, ROWS, COLUMNS), b = matrix(run, 1, ROWS, COLUMNS);
	const struct dojo_tensor *const both[] = { &a, &b };

	dojo_all_reduce(run->batch, both, 2, NULL);
}

static void multicast(struct run *run)
{
	struct dojo_tensor a = matrix(run, 0, ROWS, COLUMNS), b = matrix(run, 1, ROWS, COLUMNS);
	const struct dojo_tensor *const both[] = { &a, &b };

	dojo_multicast(run->batch, both, 2);
}

static const struct {
	uint32_t opcode;
	void (*append)(struct run *run);
} operations[] = {
	{ DOJO_OP_COPY, copies },
	{ DOJO_OP_BARRIER, control },
	{ DOJO_OP_GEMM, gemm },
	{ DOJO_OP_UNARY, unary },
	{ DOJO_OP_BINARY, binary },
	{ DOJO_OP_REDUCE, reduce },
	{ DOJO_OP_SOFTMAX, softmax },
	{ DOJO_OP_SOFTMAX_GRAD, softmax_grad },
	{ DOJO_OP_NORM, norm },
	{ DOJO_OP_NORM_GRAD, norm_grad },
	{ DOJO_OP_ROPE, rope },
	{ DOJO_OP_GATHER, gather },
	{ DOJO_OP_SCATTER, scatter },
	{ DOJO_OP_CONVERT, convert },
	{ DOJO_OP_CONV2D, conv2d },
	{ DOJO_OP_CONV2D_GRAD_INPUT, conv2d_grad_input },
	{ DOJO_OP_CONV2D_GRAD_WEIGHT, conv2d_grad_weight },
	{ DOJO_OP_POOL, pool },
	{ DOJO_OP_POOL_GRAD, pool_grad },
	{ DOJO_OP_CROSS_ENTROPY, cross_entropy },
	{ DOJO_OP_DROPOUT, dropout },
	{ DOJO_OP_SGD, sgd },
	{ DOJO_OP_ADAMW, adamw },
	{ DOJO_OP_ALL_REDUCE, all_reduce },
	{ DOJO_OP_MULTICAST, multicast },
};

static void run_one(struct run *run, uint32_t opcode, void (*append)(struct run *run))
{
	struct drm_dojo_queue_get_state before, after;

	printf("%-20s", dojo_opcode_name(opcode));
	if (!dojo_device_has_opcode(run->dev, opcode)) {
		printf("  not on this tile\n");
		return;
	}
	dojo_batch_reset(run->batch);
	append(run);
	DO(run->dev, dojo_queue_get_state(run->queue, &before, sizeof(before)));
	DO(run->dev, dojo_queue_run(run->queue, run->batch, DOJO_FOREVER));
	DO(run->dev, dojo_queue_get_state(run->queue, &after, sizeof(after)));
	printf("  %2" PRIu64 " packets  %6" PRIu64 " FLOP  %6.3f us modelled\n",
	       (uint64_t)(after.packets - before.packets), (uint64_t)(after.flop - before.flop),
	       (double)(after.model_ps - before.model_ps) / 1e6);
}

int main(int argc, char **argv)
{
	struct run run = { .dev = example_open(argc, argv) };
	struct dojo_bo *bo;
	struct dojo_vm *vm;
	size_t i;

	DO(run.dev, dojo_vm_create(run.dev, &vm));
	DO(run.dev, dojo_queue_create(vm, DRM_DOJO_QUEUE_COMPUTE, NULL, &run.queue));
	DO(run.dev, dojo_batch_create(vm, 8192, 0, &run.batch));
	/* A new buffer reads 0, which is a valid index, label and number. */
	DO(run.dev, dojo_bo_create(run.dev, (uint64_t)PLACE * PLACES, 0, 0, vm, &bo));
	DO(run.dev, dojo_vm_map(vm, bo, 0, 0, 0, &run.va));

	for (i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		run_one(&run, operations[i].opcode, operations[i].append);

	dojo_batch_destroy(run.batch);
	dojo_queue_destroy(run.queue);
	dojo_bo_destroy(bo);
	dojo_vm_destroy(vm);
	dojo_device_close(run.dev);
	return 0;
}
