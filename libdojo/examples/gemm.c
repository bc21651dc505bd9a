// SPDX-License-Identifier: MIT
/*
 * A matrix product, to the bit what the loop below computes, with what the
 * tile says it cost.
 */
#include <inttypes.h>
#include <math.h>

#include "example.h"

#define M	48u
#define N	40u
#define K	56u

struct matrices {
	float a[M][K];
	float b[K][N];
	float d[M][N];
};

/* The order that driver/NUMERICS.md promises: k ascending, fused, from +0. */
static float reference(const struct matrices *m, unsigned int row, unsigned int column)
{
	float sum = 0;
	unsigned int k;

	for (k = 0; k < K; k++)
		sum = fmaf(m->a[row][k], m->b[k][column], sum);
	return sum;
}

static void fill(struct matrices *m)
{
	unsigned int i, j;

	for (i = 0; i < M; i++)
		for (j = 0; j < K; j++)
			m->a[i][j] = sinf((float)(i * K + j));
	for (i = 0; i < K; i++)
		for (j = 0; j < N; j++)
			m->b[i][j] = cosf((float)(i * N + j));
}

static void append(struct dojo_batch *batch, uint64_t va)
{
	struct dojo_tensor a, b, d;

	a = dojo_tensor_2d(va + offsetof(struct matrices, a), DOJO_FORMAT_FP32, M, K);
	b = dojo_tensor_2d(va + offsetof(struct matrices, b), DOJO_FORMAT_FP32, K, N);
	d = dojo_tensor_2d(va + offsetof(struct matrices, d), DOJO_FORMAT_FP32, M, N);
	dojo_gemm(batch, 0, &a, &b, &d, NULL);
}

int main(int argc, char **argv)
{
	struct dojo_device *dev = example_open(argc, argv);
	struct drm_dojo_queue_get_state state;
	struct dojo_batch *batch;
	struct dojo_queue *queue;
	struct matrices *m;
	struct dojo_bo *bo;
	struct dojo_vm *vm;
	unsigned int i, j;
	void *memory;
	uint64_t va;

	DO(dev, dojo_vm_create(dev, &vm));
	DO(dev, dojo_queue_create(vm, DRM_DOJO_QUEUE_COMPUTE, NULL, &queue));
	DO(dev, dojo_bo_create(dev, sizeof(*m), DRM_DOJO_DOMAIN_HBM, DRM_DOJO_BO_CPU_ACCESS, vm,
			       &bo));
	DO(dev, dojo_bo_map(bo, &memory));
	DO(dev, dojo_vm_map(vm, bo, 0, 0, 0, &va));
	m = memory;
	fill(m);

	DO(dev, dojo_batch_create(vm, 4096, 0, &batch));
	append(batch, va);
	DO(dev, dojo_queue_run(queue, batch, DOJO_FOREVER));

	for (i = 0; i < M; i++)
		for (j = 0; j < N; j++)
			example_expect(m->d[i][j] == reference(m, i, j), "element of the product");
	DO(dev, dojo_queue_get_state(queue, &state, sizeof(state)));
	printf("%" PRIu64 " FLOP, modelled %.3f us on the published hardware\n",
	       (uint64_t)state.flop, (double)state.model_ps / 1e6);

	dojo_batch_destroy(batch);
	dojo_bo_destroy(bo);
	dojo_queue_destroy(queue);
	dojo_vm_destroy(vm);
	dojo_device_close(dev);
	return 0;
}
