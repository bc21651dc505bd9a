// SPDX-License-Identifier: MIT
/*
 * Two queues and a timeline: a DMA queue brings data, a compute queue works on
 * it, the DMA queue takes it away; the CPU submits everything at once and waits
 * for one number.
 */
#include "example.h"

#define N	1024u
#define BYTES	(N * sizeof(float))

enum { COPIED_IN = 1, DOUBLED, COPIED_OUT };

struct pipeline {
	struct dojo_queue *dma;
	struct dojo_queue *compute;
	struct dojo_timeline *timeline;
	struct dojo_batch *in, *work, *out;
};

static void build(struct pipeline *p, uint64_t host_va, uint64_t hbm_va)
{
	struct dojo_tensor x = dojo_tensor_1d(hbm_va, DOJO_FORMAT_FP32, N);

	dojo_copy(p->in, hbm_va, host_va, BYTES);
	dojo_binary(p->work, DOJO_BINARY_ADD, &x, &x, &x, NULL);
	dojo_copy(p->out, host_va, hbm_va, BYTES);
}

/* A job may only wait for what has been submitted, so in the order of the data. */
static void submit(struct dojo_device *dev, struct pipeline *p)
{
	const struct drm_dojo_sync_op out[] = {
		dojo_wait_for(p->timeline, DOUBLED),
		dojo_signal(p->timeline, COPIED_OUT),
	};
	const struct drm_dojo_sync_op work[] = {
		dojo_wait_for(p->timeline, COPIED_IN),
		dojo_signal(p->timeline, DOUBLED),
	};
	const struct drm_dojo_sync_op in[] = { dojo_signal(p->timeline, COPIED_IN) };

	DO(dev, dojo_queue_submit(p->dma, p->in, in, 1, NULL));
	DO(dev, dojo_queue_submit(p->compute, p->work, work, 2, NULL));
	DO(dev, dojo_queue_submit(p->dma, p->out, out, 2, NULL));
}

int main(int argc, char **argv)
{
	struct dojo_device *dev = example_open(argc, argv);
	struct dojo_bo *host, *hbm;
	uint64_t host_va, hbm_va;
	struct dojo_vm *vm;
	struct pipeline p;
	void *memory;
	float *data;
	unsigned int i;

	DO(dev, dojo_vm_create(dev, &vm));
	DO(dev, dojo_queue_create(vm, DRM_DOJO_QUEUE_DMA, NULL, &p.dma));
	DO(dev, dojo_queue_create(vm, DRM_DOJO_QUEUE_COMPUTE, NULL, &p.compute));
	DO(dev, dojo_timeline_create(dev, 0, &p.timeline));
	DO(dev, dojo_batch_create(vm, 4096, 0, &p.in));
	DO(dev, dojo_batch_create(vm, 4096, 0, &p.work));
	DO(dev, dojo_batch_create(vm, 4096, 0, &p.out));
	DO(dev, dojo_bo_create(dev, BYTES, DRM_DOJO_DOMAIN_SYSTEM, DRM_DOJO_BO_CPU_ACCESS, vm,
			       &host));
	DO(dev, dojo_bo_create(dev, BYTES, DRM_DOJO_DOMAIN_HBM, 0, vm, &hbm));
	DO(dev, dojo_vm_map(vm, host, 0, 0, 0, &host_va));
	DO(dev, dojo_vm_map(vm, hbm, 0, 0, 0, &hbm_va));
	DO(dev, dojo_bo_map(host, &memory));
	data = memory;
	for (i = 0; i < N; i++)
		data[i] = (float)i;

	build(&p, host_va, hbm_va);
	submit(dev, &p);
	DO(dev, dojo_timeline_wait(p.timeline, COPIED_OUT, DOJO_FOREVER));
	DO(dev, dojo_queue_check(p.dma));
	DO(dev, dojo_queue_check(p.compute));
	for (i = 0; i < N; i++)
		example_expect(data[i] == 2 * (float)i, "doubled element");
	printf("%u numbers brought, doubled and taken back\n", N);

	dojo_batch_destroy(p.out);
	dojo_batch_destroy(p.work);
	dojo_batch_destroy(p.in);
	dojo_timeline_destroy(p.timeline);
	dojo_queue_destroy(p.compute);
	dojo_queue_destroy(p.dma);
	dojo_bo_destroy(hbm);
	dojo_bo_destroy(host);
	dojo_vm_destroy(vm);
	dojo_device_close(dev);
	return 0;
}
