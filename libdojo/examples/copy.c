// SPDX-License-Identifier: MIT
/*
 * A program's own memory to SRAM, transposed there, and back: userptr, a DMA
 * queue, and a strided copy.
 */
#include <string.h>

#include "example.h"

#define ROWS	64u
#define COLUMNS	48u
#define BYTES	(ROWS * COLUMNS * sizeof(uint32_t))

/* An element is a run of four bytes; each side steps through it in its own order. */
static void transpose(struct dojo_batch *batch, uint64_t dst, uint64_t src)
{
	const uint64_t dst_stride[3] = { ROWS * 4, 4, 0 };
	const uint64_t src_stride[3] = { 4, COLUMNS * 4, 0 };
	const uint32_t size[4] = { 4, COLUMNS, ROWS, 1 };

	dojo_copy_nd(batch, dst, dst_stride, src, src_stride, size);
}

int main(int argc, char **argv)
{
	struct dojo_device *dev = example_open(argc, argv);
	uint32_t (*in)[COLUMNS] = malloc(BYTES), (*out)[ROWS] = malloc(BYTES);
	uint64_t in_va, out_va, sram_va;
	struct dojo_batch *batch;
	struct dojo_queue *queue;
	struct dojo_bo *sram;
	struct dojo_vm *vm;
	unsigned int r, c;

	example_expect(in && out, "memory");
	for (r = 0; r < ROWS; r++)
		for (c = 0; c < COLUMNS; c++)
			in[r][c] = r << 16 | c;

	DO(dev, dojo_vm_create(dev, &vm));
	DO(dev, dojo_queue_create(vm, DRM_DOJO_QUEUE_DMA, NULL, &queue));
	DO(dev, dojo_bo_create(dev, BYTES, DRM_DOJO_DOMAIN_SRAM, 0, vm, &sram));
	DO(dev, dojo_vm_map(vm, sram, 0, 0, 0, &sram_va));
	DO(dev, dojo_vm_map_userptr(vm, in, BYTES, DRM_DOJO_BIND_READONLY, &in_va));
	DO(dev, dojo_vm_map_userptr(vm, out, BYTES, 0, &out_va));

	DO(dev, dojo_batch_create(vm, 4096, 0, &batch));
	dojo_copy(batch, sram_va, in_va, BYTES);
	transpose(batch, out_va, sram_va);
	DO(dev, dojo_queue_run(queue, batch, DOJO_FOREVER));

	for (r = 0; r < ROWS; r++)
		for (c = 0; c < COLUMNS; c++)
			example_expect(out[c][r] == in[r][c], "transposed element");
	printf("%zu bytes through SRAM and back, transposed\n", BYTES);

	dojo_batch_destroy(batch);
	dojo_vm_unmap(vm, out_va);
	dojo_vm_unmap(vm, in_va);
	dojo_bo_destroy(sram);
	dojo_queue_destroy(queue);
	dojo_vm_destroy(vm);
	dojo_device_close(dev);
	free(out);
	free(in);
	return 0;
}
