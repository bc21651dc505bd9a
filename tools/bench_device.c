// SPDX-License-Identifier: GPL-2.0-only
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "progress.h"
#include "report.h"

#define TURNS		3
#define TURN_BYTES	(128u << 20)
#define COPIES_MAX	256
#define BATCH_BYTES	(64u << 10)
#define WAIT_NS		INT64_C(60000000000)
#define SUBMIT_SECONDS	1.0
#define SUBMIT_MAX	20000

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
	return err ? fail_device(b->dev, err, "set up queues") : 0;
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

static int submit(struct bench *b, uint32_t queue_class)
{
	struct drm_dojo_sync_op signal = dojo_signal(b->timeline, b->point + 1);
	int err = dojo_queue_submit(b->queues[queue_class], b->batch, &signal, 1, NULL);

	if (!err)
		b->point++;
	return err;
}

/* submits the batch, waits; @seconds it took */
static int run_timed(struct bench *b, uint32_t queue_class, double *seconds)
{
	double begin = now_seconds();
	int err = submit(b, queue_class);

	if (!err)
		err = dojo_timeline_wait(b->timeline, b->point, WAIT_NS);
	*seconds = now_seconds() - begin;
	return err ? err : dojo_queue_check(b->queues[queue_class]);
}

/* -------------------------------------------------------------- copies */

int bench_copies_create(struct bench *b, struct bench_copies *c)
{
	int err = 0;

	memset(c, 0, sizeof(*c));
	for (unsigned int i = 0; i < 2 && !err; i++) {
		err = buffer_create(&c->host[i], b->vm, BENCH_COPY_MAX, DRM_DOJO_DOMAIN_SYSTEM);
		if (!err)
			err = buffer_create(&c->hbm[i], b->vm, BENCH_COPY_MAX, DRM_DOJO_DOMAIN_HBM);
	}
	return err ? fail_device(b->dev, err, "allocate buffers to copy between") : 0;
}

void bench_copies_destroy(struct bench *b, struct bench_copies *c)
{
	for (unsigned int i = 0; i < 2; i++) {
		buffer_destroy(&c->host[i], b->vm);
		buffer_destroy(&c->hbm[i], b->vm);
	}
}

int bench_copy(struct bench *b, const struct bench_copies *c, enum bench_direction direction,
	       size_t size, double *rate)
{
	static const struct { bool to_host, from_host; } ways[BENCH_DIRECTIONS] = {
		[BENCH_HOST_TO_HBM] = { false, true },
		[BENCH_HBM_TO_HOST] = { true, false },
		[BENCH_HBM_TO_HBM] = { false, false },
	};
	uint64_t to = ways[direction].to_host ? c->host[0].va : c->hbm[0].va;
	uint64_t from = ways[direction].from_host ? c->host[1].va : c->hbm[1].va;
	size_t pieces = TURN_BYTES / size < COPIES_MAX ? TURN_BYTES / size : COPIES_MAX;
	double seconds;
	int err;

	dojo_batch_reset(b->batch);
	for (size_t i = 0; i < pieces; i++)
		dojo_copy(b->batch, to, from, size);
	*rate = 0;
	for (unsigned int turn = 0; turn < TURNS; turn++) {
		err = run_timed(b, DRM_DOJO_QUEUE_DMA, &seconds);
		if (err)
			return fail_device(b->dev, err, "copy");
		*rate = fmax(*rate, (double)pieces * size / seconds);
	}
	return 0;
}

/* --------------------------------------------------------- submissions */

int bench_submit(struct bench *b, unsigned int depth, struct bench_submission *result)
{
	struct drm_dojo_counters before, after;
	unsigned int jobs = 0;
	double begin;
	int err;

	dojo_batch_reset(b->batch);
	dojo_nop(b->batch);
	err = submit(b, DRM_DOJO_QUEUE_COMPUTE);
	if (!err)
		err = dojo_timeline_wait(b->timeline, b->point, WAIT_NS);
	if (!err)
		err = dojo_device_counters(b->dev, &before, sizeof(before));
	begin = now_seconds();
	while (!err && jobs < SUBMIT_MAX && now_seconds() - begin < SUBMIT_SECONDS) {
		err = submit(b, DRM_DOJO_QUEUE_COMPUTE);
		jobs++;
		if (!err && jobs >= depth)
			err = dojo_timeline_wait(b->timeline, b->point + 1 - depth, WAIT_NS);
	}
	if (!err)
		err = dojo_timeline_wait(b->timeline, b->point, WAIT_NS);
	result->rate = jobs / (now_seconds() - begin);
	if (!err)
		err = dojo_device_counters(b->dev, &after, sizeof(after));
	if (err)
		return fail_device(b->dev, err, "submit empty jobs");
	result->mmio_writes = (double)(after.mmio_writes - before.mmio_writes) / jobs;
	result->mmio_reads = (double)(after.mmio_reads - before.mmio_reads) / jobs;
	result->interrupts = (double)(after.interrupts - before.interrupts) / jobs;
	return 0;
}

/* ------------------------------------------------------ matrix products */

/* a word full of ones in each format */
static uint32_t ones(uint32_t format, uint8_t *bias)
{
	*bias = 0;
	switch (format) {
	case DOJO_FORMAT_FP32:
		return 0x3f800000;
	case DOJO_FORMAT_BF16:
		return 0x3f803f80;
	case DOJO_FORMAT_FP16:
		return 0x3c003c00;
	case DOJO_FORMAT_CFLOAT8_143:
		*bias = 7;
		return 0x38383838;
	case DOJO_FORMAT_CFLOAT8_152:
		*bias = 15;
		return 0x3c3c3c3c;
	case DOJO_FORMAT_CFLOAT16_SHP:
		*bias = 15;
		return 0x3c003c00;
	case DOJO_FORMAT_CFLOAT16_UHP:
		return 0x7c007c00;
	default:
		return 0x01010101;
	}
}

double bench_gemm_flop(const struct bench_gemm *gemm)
{
	return 2.0 * gemm->m * gemm->n * gemm->k;
}

/* every element of D is the sum of k ones */
static int check_gemm(struct bench *b, const struct bench_gemm *gemm, const struct buffer *d,
		      const struct buffer *probe)
{
	size_t last = (size_t)gemm->m * gemm->n - 1;
	const float *seen = probe->memory;
	int err;

	dojo_batch_reset(b->batch);
	dojo_copy(b->batch, probe->va, d->va, 4);
	dojo_copy(b->batch, probe->va + 4, d->va + 4 * last, 4);
	err = dojo_queue_run(b->queues[DRM_DOJO_QUEUE_COMPUTE], b->batch, WAIT_NS);
	if (err)
		return fail_device(b->dev, err, "read the product");
	if (seen[0] != gemm->k || seen[1] != gemm->k)
		return fail("the product of ones is %g and %g, not %u", seen[0], seen[1], gemm->k);
	return 0;
}

static int time_gemm(struct bench *b, struct bench_gemm *gemm)
{
	struct dojo_queue *queue = b->queues[DRM_DOJO_QUEUE_COMPUTE];
	struct drm_dojo_queue_get_state before, after;
	struct drm_dojo_tile_info tile;
	double seconds;
	int err;

	err = dojo_device_tile(b->dev, &tile, sizeof(tile));
	gemm->seconds = INFINITY;
	for (unsigned int turn = 0; turn < TURNS && !err; turn++) {
		err = dojo_queue_get_state(queue, &before, sizeof(before));
		if (!err)
			err = run_timed(b, DRM_DOJO_QUEUE_COMPUTE, &seconds);
		if (!err)
			err = dojo_queue_get_state(queue, &after, sizeof(after));
		if (err || seconds >= gemm->seconds)
			continue;
		gemm->seconds = seconds;
		gemm->busy_seconds =
			(after.busy_ns - before.busy_ns) / 1e9 / tile.mesh_cols / tile.mesh_rows;
		gemm->model_seconds = (after.model_ps - before.model_ps) / 1e12;
	}
	return err ? fail_device(b->dev, err, "multiply matrices") : 0;
}

int bench_gemm(struct bench *b, struct bench_gemm *gemm)
{
	uint64_t sizes[3] = { (uint64_t)gemm->m * gemm->k, (uint64_t)gemm->k * gemm->n,
			      (uint64_t)gemm->m * gemm->n };
	struct buffer buffers[3] = { 0 }, probe = { 0 };
	struct dojo_tensor a, bt, d;
	uint32_t pattern;
	uint8_t bias;
	int err = 0;

	pattern = ones(gemm->format, &bias);
	dojo_batch_reset(b->batch);
	for (unsigned int i = 0; i < 3 && !err; i++) {
		uint64_t bytes = sizes[i] * (i < 2 ? dojo_format_size(gemm->format) : 4);

		err = buffer_create(&buffers[i], b->vm, bytes, DRM_DOJO_DOMAIN_HBM);
		if (!err)
			dojo_fill(b->batch, buffers[i].va, buffers[i].size, i < 2 ? pattern : 0);
	}
	if (!err)
		err = buffer_create_mapped(&probe, b->vm, 4096, DRM_DOJO_DOMAIN_SYSTEM);
	if (!err)
		err = dojo_queue_run(b->queues[DRM_DOJO_QUEUE_COMPUTE], b->batch, WAIT_NS);
	if (err) {
		err = fail_device(b->dev, err, "set matrices up");
		goto out;
	}

	a = dojo_tensor_2d(buffers[0].va, gemm->format, gemm->m, gemm->k);
	bt = dojo_tensor_2d(buffers[1].va, gemm->format, gemm->k, gemm->n);
	d = dojo_tensor_2d(buffers[2].va, DOJO_FORMAT_FP32, gemm->m, gemm->n);
	if (bias) {
		a = dojo_tensor_with_bias(a, bias);
		bt = dojo_tensor_with_bias(bt, bias);
	}
	dojo_batch_reset(b->batch);
	dojo_gemm(b->batch, 0, &a, &bt, &d, NULL);
	err = time_gemm(b, gemm);
	if (!err)
		err = check_gemm(b, gemm, &buffers[2], &probe);
out:
	for (unsigned int i = 0; i < 3; i++)
		buffer_destroy(&buffers[i], b->vm);
	buffer_destroy(&probe, b->vm);
	return err;
}
