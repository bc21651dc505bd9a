// SPDX-License-Identifier: MIT
/* Add two vectors on a tile. */
#include <dojo.h>
#include <stdio.h>

#define N 100000u

int main(void)
{
	struct dojo_device *dev;
	struct dojo_vm *vm;
	struct dojo_bo *bo;
	struct dojo_queue *queue;
	struct dojo_batch *batch;
	void *memory;
	uint64_t va;
	int ret = dojo_device_open(NULL, &dev);

	if (ret)
		return fprintf(stderr, "%s\n", dojo_open_strerror(ret)), 1;
	if (dojo_vm_create(dev, &vm) ||
	    dojo_bo_create(dev, 3 * N * sizeof(float), DRM_DOJO_DOMAIN_HBM,
			   DRM_DOJO_BO_CPU_ACCESS, vm, &bo) ||
	    dojo_bo_map(bo, &memory) || dojo_vm_map(vm, bo, 0, 0, 0, &va) ||
	    dojo_queue_create(vm, DRM_DOJO_QUEUE_COMPUTE, NULL, &queue) ||
	    dojo_batch_create(vm, 4096, 0, &batch))
		return 1;

	float *a = memory, *b = a + N, *c = b + N;
	struct dojo_tensor ta = dojo_tensor_1d(va, DOJO_FORMAT_FP32, N);
	struct dojo_tensor tb = dojo_tensor_1d(va + N * sizeof(float), DOJO_FORMAT_FP32, N);
	struct dojo_tensor tc = dojo_tensor_1d(va + 2 * N * sizeof(float), DOJO_FORMAT_FP32, N);

	for (unsigned int i = 0; i < N; i++)
		a[i] = i, b[i] = 2 * i;
	dojo_binary(batch, DOJO_BINARY_ADD, &ta, &tb, &tc, NULL);
	if (dojo_queue_run(queue, batch, DOJO_FOREVER))
		return 1;
	printf("%.0f + %.0f = %.0f\n", a[N - 1], b[N - 1], c[N - 1]);
	return c[N - 1] != a[N - 1] + b[N - 1];	/* what is still open, the kernel closes */
}
