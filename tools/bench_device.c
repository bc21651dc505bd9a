// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "report.h"

#define BATCH_BYTES	(64u << 10)

int bench_open(struct bench *b, const char *device)
{
	static const uint32_t classes[] = { DRM_DOJO_QUEUE_DMA, DRM_DOJO_QUEUE_COMPUTE };
	int err;

	memset(b, 0, sizeof(*b));
	b->dev = open_device(device);
	if (!b->dev)
		return EXIT_FAILURE;
	err = dojo_vm_create(b->dev, &b->vm);
	for (unsigned int i = 0; i < 2 && !err; i++)
		err = dojo_queue_create(b->vm, classes[i], NULL, &b->queues[classes[i]]);
	if (!err)
		err = dojo_timeline_create(b->dev, 0, &b->timeline);
	if (!err)
		err = dojo_batch_create(b->vm, BATCH_BYTES, 0, &b->batch);
	if (err)
		return fail_device(b->dev, err, "set up queues");
	err = dojo_device_card(b->dev, &b->card, sizeof(b->card));
	if (!err)
		err = dojo_device_tile(b->dev, &b->tile, sizeof(b->tile));
	return err ? fail_device(b->dev, err, "query the tile") : 0;
}

void bench_close(struct bench *b)
{
	if (!b->dev)
		return;
	dojo_batch_destroy(b->batch);
	dojo_timeline_destroy(b->timeline);
	dojo_queue_destroy(b->queues[0]);
	dojo_queue_destroy(b->queues[1]);
	dojo_vm_destroy(b->vm);
	dojo_device_close(b->dev);
}

int bench_start(struct bench *b, uint32_t queue_class)
{
	struct drm_dojo_sync_op signal = dojo_signal(b->timeline, b->point + 1);
	int err = dojo_queue_submit(b->queues[queue_class], b->batch, &signal, 1, NULL);

	if (!err)
		b->point++;
	return err;
}

int bench_timed(struct bench *b, uint32_t queue_class, double *seconds)
{
	double begin = now_seconds();
	int err = bench_start(b, queue_class);

	if (!err)
		err = dojo_timeline_wait(b->timeline, b->point, BENCH_WAIT_NS);
	*seconds = now_seconds() - begin;
	return err ? err : dojo_queue_check(b->queues[queue_class]);
}
