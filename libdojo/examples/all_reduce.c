// SPDX-License-Identifier: MIT
/*
 * All tiles of a card add up their gradients: each has numbers of its own, and
 * afterwards all have the same sums.
 */
#include <errno.h>
#include <string.h>

#include "example.h"

#define N	1000u

struct rank {
	struct dojo_device *dev;
	struct dojo_vm *vm;
	struct dojo_queue *queue;
	struct dojo_bo *bo;
	float *data;
};

static void set_up(struct rank *rank, uint32_t index)
{
	void *memory;
	uint32_t i;

	DO(rank->dev, dojo_vm_create(rank->dev, &rank->vm));
	DO(rank->dev, dojo_queue_create(rank->vm, DRM_DOJO_QUEUE_COMPUTE, NULL, &rank->queue));
	DO(rank->dev, dojo_bo_create(rank->dev, N * sizeof(float), DRM_DOJO_DOMAIN_HBM,
				     DRM_DOJO_BO_CPU_ACCESS, NULL, &rank->bo));
	DO(rank->dev, dojo_bo_map(rank->bo, &memory));
	rank->data = memory;
	for (i = 0; i < N; i++)
		rank->data[i] = (float)(i * (index + 1));
}

static void tear_down(struct rank *rank)
{
	dojo_bo_destroy(rank->bo);
	dojo_queue_destroy(rank->queue);
	dojo_vm_destroy(rank->vm);
	dojo_device_close(rank->dev);
}

/* Open all tiles of the card of the first one. */
static uint32_t open_card(struct rank *ranks)
{
	struct dojo_device_entry *list;
	uint32_t count = 0;
	size_t found, i;

	if (dojo_device_list(&list, &found))
		return 0;
	for (i = 0; i < found && count < DOJO_GROUP_MAX; i++) {
		if (strcmp(list[i].pci, list[0].pci) ||
		    dojo_device_open(list[i].path, &ranks[count].dev))
			continue;
		set_up(&ranks[count], count);
		count++;
	}
	dojo_device_list_free(list);
	return count;
}

static void all_reduce(struct rank *ranks, uint32_t count)
{
	struct dojo_device *dev = ranks[0].dev;
	struct dojo_queue *queues[DOJO_GROUP_MAX];
	struct dojo_bo *bos[DOJO_GROUP_MAX];
	struct dojo_group_tensor gradients = { .count = N, .format = DOJO_FORMAT_FP32 };
	struct dojo_group *group;
	uint32_t r;

	for (r = 0; r < count; r++) {
		queues[r] = ranks[r].queue;
		bos[r] = ranks[r].bo;
	}
	DO(dev, dojo_group_create(queues, count, &group));
	DO(dev, dojo_group_share(group, bos, &gradients.shared));
	DO(dev, dojo_group_all_reduce(group, &gradients, NULL));
	DO(dev, dojo_group_wait(group, DOJO_FOREVER));
	dojo_shared_destroy(gradients.shared);
	dojo_group_destroy(group);
}

int main(void)
{
	struct rank ranks[DOJO_GROUP_MAX];
	uint32_t count = open_card(ranks), terms, r, i;

	if (!count) {
		fprintf(stderr, "%s\n", dojo_open_strerror(-ENOENT));
		return 1;
	}
	all_reduce(ranks, count);
	terms = count * (count + 1) / 2;
	for (r = 0; r < count; r++)
		for (i = 0; i < N; i++)
			example_expect(ranks[r].data[i] == (float)(i * terms), "sum");
	printf("%u tiles have the sum of %u numbers of each\n", count, N);
	for (r = 0; r < count; r++)
		tear_down(&ranks[r]);
	return 0;
}
