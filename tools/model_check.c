// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <dojo.h>

#include "buffer.h"
#include "model_check.h"
#include "progress.h"
#include "report.h"

#define TILES_MAX	8
#define OPERANDS	4
#define BATCH_BYTES	(4u << 20)
/* long beside the differences between tiles in getting a turn, short enough to wait for */
#define REPEATS_MAX	32
#define WORK_FLOP	40e9
#define ENDS		4	/* jobs of a tile in flight when it is done, for the others */
#define PAUSE_NS	1000000
#define WAIT_SECONDS	300

enum part {
	PART_START,
	PART_MEASURED,
	PART_END,
	PARTS,
};

/**
 * struct checked - a tile that takes part
 * @operands: as large as the largest of the workload
 * @gate: a word that the first batch waits for, so that all tiles start together
 * @batches: the workload at the start, as it is measured, and again until all have been
 *	measured: all tiles have work all the time
 * @seqno: of the job that is measured; @over: it is, and took @model_ps
 * @point: of @timeline, that the last job submitted will raise it to
 */
struct checked {
	struct dojo_device *dev;
	struct dojo_vm *vm;
	struct dojo_queue *queue;
	struct dojo_timeline *timeline;
	struct dojo_batch *batches[PARTS];
	struct buffer operands[OPERANDS];
	struct buffer gate;
	uint64_t seqno;
	uint64_t point;
	bool over;
	uint64_t model_ps;
};

static double larger(double a, double b)
{
	return a > b ? a : b;
}

/* bytes of the largest operand */
static uint64_t operand_bytes(const struct workload *w, uint32_t samples)
{
	double most = 4 * workload_parameters(w);

	for (unsigned int i = 0; i < w->count; i++) {
		const struct workload_layer *l = &w->layers[i];
		double rows = (double)l->rows * samples;

		most = larger(most, 4 * rows * l->inputs);
		most = larger(most, 4 * rows * l->outputs);
		most = larger(most, 4.0 * l->inputs * l->outputs);
	}
	return most;
}

static void emit_layer(struct checked *c, struct dojo_batch *batch, const struct workload *w,
		       const struct workload_layer *l, uint32_t rows)
{
	uint32_t gradient = l->weights ? DOJO_FORMAT_FP32 : w->format;
	struct dojo_tensor x = dojo_tensor_2d(c->operands[0].va, w->format, rows, l->inputs);
	struct dojo_tensor m = dojo_tensor_2d(c->operands[1].va, w->format, l->inputs, l->outputs);
	struct dojo_tensor y = dojo_tensor_2d(c->operands[2].va, w->format, rows, l->outputs);
	struct dojo_tensor g = dojo_tensor_2d(c->operands[3].va, gradient, l->inputs, l->outputs);

	for (uint32_t i = 0; i < l->count; i++) {
		dojo_gemm(batch, 0, &x, &m, &y, NULL);
		dojo_gemm(batch, DOJO_GEMM_TRANS_B, &y, &m, &x, NULL);
		dojo_gemm(batch, DOJO_GEMM_TRANS_A, &x, &y, &g, NULL);
	}
}

static void emit_step(struct checked *c, struct dojo_batch *batch, const struct workload *w,
		      unsigned int tiles)
{
	uint32_t parameters = workload_parameters(w), samples = w->samples / tiles;
	struct dojo_adamw_attr adamw = {
		.rate = 0.001f, .beta1 = 0.9f, .beta2 = 0.999f, .epsilon = 0.00000001f, .step = 1,
	};
	struct dojo_tensor p[OPERANDS], copy;

	for (unsigned int i = 0; i < w->count; i++)
		emit_layer(c, batch, w, &w->layers[i], w->layers[i].rows * samples);
	for (unsigned int i = 0; i < OPERANDS; i++)
		p[i] = dojo_tensor_1d(c->operands[i].va, DOJO_FORMAT_FP32, parameters);
	for (unsigned int i = 1; i < tiles; i++)
		dojo_binary(batch, DOJO_BINARY_ADD, &p[0], &p[1], &p[2], NULL);
	dojo_adamw(batch, &adamw, &p[0], &p[1], &p[2], &p[3], NULL);
	if (w->format != DOJO_FORMAT_FP32) {
		copy = dojo_tensor_1d(c->operands[1].va, w->format, parameters);
		dojo_convert(batch, &p[0], &copy, NULL);
	}
}

static unsigned int repeats(const struct workload *w)
{
	double n = WORK_FLOP / workload_flop(w);

	return n < 1 ? 1 : n > REPEATS_MAX ? REPEATS_MAX : n;
}

static int prepare(struct checked *c, const struct workload *w, unsigned int tiles)
{
	uint64_t bytes = operand_bytes(w, w->samples / tiles);
	int err;

	err = dojo_vm_create(c->dev, &c->vm);
	if (!err)
		err = dojo_queue_create(c->vm, DRM_DOJO_QUEUE_COMPUTE, NULL, &c->queue);
	if (!err)
		err = dojo_timeline_create(c->dev, 0, &c->timeline);
	for (unsigned int i = 0; i < PARTS && !err; i++)
		err = dojo_batch_create(c->vm, BATCH_BYTES, 0, &c->batches[i]);
	for (unsigned int i = 0; i < OPERANDS && !err; i++)
		err = buffer_create(&c->operands[i], c->vm, bytes, DRM_DOJO_DOMAIN_HBM);
	if (!err)
		err = buffer_create_mapped(&c->gate, c->vm, 4096, DRM_DOJO_DOMAIN_SYSTEM);
	if (err)
		return err;
	*(uint64_t *)c->gate.memory = 0;
	dojo_sem_wait(c->batches[PART_START], c->gate.va, DOJO_SEM_NOT_EQUAL, 0);
	for (unsigned int i = 0; i < repeats(w); i++) {
		if (i <= repeats(w) / 4)
			emit_step(c, c->batches[PART_START], w, tiles);
		emit_step(c, c->batches[PART_MEASURED], w, tiles);
		emit_step(c, c->batches[PART_END], w, tiles);
	}
	return 0;
}

static void release(struct checked *c)
{
	if (!c->dev)
		return;
	/* with what is left of the end */
	dojo_queue_destroy(c->queue);
	for (unsigned int i = 0; i < PARTS; i++)
		dojo_batch_destroy(c->batches[i]);
	dojo_timeline_destroy(c->timeline);
	for (unsigned int i = 0; i < OPERANDS && c->vm; i++)
		buffer_destroy(&c->operands[i], c->vm);
	if (c->vm)
		buffer_destroy(&c->gate, c->vm);
	dojo_vm_destroy(c->vm);
	dojo_device_close(c->dev);
}

/* opens @count tiles of the first card */
static int open_tiles(struct checked *c, unsigned int count)
{
	struct dojo_device_entry *list = NULL;
	unsigned int found = 0;
	size_t entries = 0;
	int err;

	err = dojo_device_list(&list, &entries);
	for (size_t i = 0; i < entries && !err && found < count; i++) {
		if (list[i].access || strcmp(list[i].pci, list[0].pci))
			continue;
		err = dojo_device_open(list[i].path, &c[found].dev);
		if (!err)
			found++;
	}
	dojo_device_list_free(list);
	return err ? err : found < count ? -ENODEV : 0;
}

static int submit(struct checked *c, enum part part)
{
	struct drm_dojo_sync_op signal = dojo_signal(c->timeline, c->point + 1);
	int err;

	err = dojo_queue_submit(c->queue, c->batches[part], &signal, 1,
				part == PART_MEASURED ? &c->seqno : NULL);
	if (!err)
		c->point++;
	return err;
}

/* looks whether the measured part is over; gives the tile more to do, for the others */
static int keep_busy(struct checked *c)
{
	struct drm_dojo_queue_get_job job;
	uint64_t reached;
	int err;

	err = dojo_timeline_query(c->timeline, &reached);
	if (!err)
		err = dojo_queue_check(c->queue);
	if (!err && !c->over && reached > PART_MEASURED) {
		err = dojo_queue_get_job(c->queue, c->seqno, &job, sizeof(job));
		c->model_ps = job.model_ps;
		c->over = true;
	}
	while (!err && c->point - reached < ENDS)
		err = submit(c, PART_END);
	return err;
}

static int wait_for_all(struct checked *c, unsigned int tiles)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	double begin = now_seconds();
	bool all;
	int err;

	do {
		all = true;
		for (unsigned int i = 0; i < tiles; i++) {
			err = keep_busy(&c[i]);
			if (!err && !c[i].over && now_seconds() - begin > WAIT_SECONDS)
				err = -ETIME;
			if (err)
				return fail_device(c[i].dev, err, "finish a step");
			all = all && c[i].over;
		}
		nanosleep(&pause, NULL);
	} while (!all);
	return 0;
}

static int run(struct checked *c, const struct workload *w, unsigned int tiles, double *seconds)
{
	int err = 0;

	for (unsigned int i = 0; i < tiles; i++) {
		for (unsigned int part = 0; part < PARTS && !err; part++)
			err = submit(&c[i], part);
		if (err)
			return fail_device(c[i].dev, err, "submit a step");
	}
	for (unsigned int i = 0; i < tiles; i++)
		*(uint64_t *)c[i].gate.memory = 1;
	err = wait_for_all(c, tiles);
	*seconds = 0;
	for (unsigned int i = 0; i < tiles && !err; i++)
		*seconds += c[i].model_ps / 1e12 / repeats(w) / tiles;
	return err;
}

int model_check(const struct workload *w, unsigned int tiles, double *seconds)
{
	struct checked checked[TILES_MAX] = { 0 };
	int err;

	err = open_tiles(checked, tiles);
	if (err && err != -ENODEV)
		err = fail("cannot open %u tiles: %s", tiles, dojo_open_strerror(err));
	for (unsigned int i = 0; i < tiles && !err; i++) {
		err = prepare(&checked[i], w, tiles);
		if (err)
			err = fail_device(checked[i].dev, err, "lay the workload out");
	}
	if (!err)
		err = run(checked, w, tiles, seconds);
	for (unsigned int i = 0; i < tiles; i++)
		release(&checked[i]);
	return err;
}
