// SPDX-License-Identifier: GPL-2.0-only
/* Empty submissions, and what each costs on the bus. */
#include <stdlib.h>

#include "bench.h"
#include "report.h"
#include "table.h"

#define DEEP		64
#define SUBMIT_SECONDS	1.0
#define SUBMIT_MAX	20000

/**
 * struct submission - jobs of one NOP
 * @rate: a second
 * @mmio_writes, @mmio_reads, @interrupts: of the card, each submission
 */
struct submission {
	double rate;
	double mmio_writes;
	double mmio_reads;
	double interrupts;
};

/* with @depth jobs in flight; 1: submit, wait, submit ... */
static int measure(struct bench *b, unsigned int depth, struct submission *result)
{
	struct drm_dojo_counters before, after;
	unsigned int jobs = 0;
	double begin;
	int err;

	dojo_batch_reset(b->batch);
	dojo_nop(b->batch);
	err = bench_start(b, DRM_DOJO_QUEUE_COMPUTE);
	if (!err)
		err = dojo_timeline_wait(b->timeline, b->point, BENCH_WAIT_NS);
	if (!err)
		err = dojo_device_counters(b->dev, &before, sizeof(before));
	begin = now_seconds();
	while (!err && jobs < SUBMIT_MAX && now_seconds() - begin < SUBMIT_SECONDS) {
		err = bench_start(b, DRM_DOJO_QUEUE_COMPUTE);
		jobs++;
		if (!err && jobs >= depth)
			err = dojo_timeline_wait(b->timeline, b->point + 1 - depth, BENCH_WAIT_NS);
	}
	if (!err)
		err = dojo_timeline_wait(b->timeline, b->point, BENCH_WAIT_NS);
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

static void add_json(cJSON *list, unsigned int depth, const struct submission *s)
{
	cJSON *o = json_append_object(list);

	json_u64(o, "in_flight", depth);
	json_double(o, "submissions_per_second", s->rate);
	json_double(o, "mmio_writes_per_submission", s->mmio_writes);
	json_double(o, "mmio_reads_per_submission", s->mmio_reads);
	json_double(o, "interrupts_per_submission", s->interrupts);
}

static void add_row(struct table *table, unsigned int depth, const struct submission *s)
{
	char cells[5][24];

	snprintf(cells[0], sizeof(cells[0]), "%u", depth);
	snprintf(cells[1], sizeof(cells[1]), "%.0f", s->rate);
	snprintf(cells[2], sizeof(cells[2]), "%.3f", s->mmio_writes);
	snprintf(cells[3], sizeof(cells[3]), "%.3f", s->mmio_reads);
	snprintf(cells[4], sizeof(cells[4]), "%.3f", s->interrupts);
	table_row(table, cells[0], cells[1], cells[2], cells[3], cells[4]);
}

static int run(struct bench_run *run)
{
	static const unsigned int depths[] = { 1, DEEP };
	cJSON *list = run->json ? json_array(run->json, "submissions") : NULL;
	struct table table;
	int err = 0;

	bench_heading(run, "Empty submissions; of the card's registers and interrupts, each");
	table_init(&table, "rrrrr");
	table_row(&table, "IN FLIGHT", "SUBMISSIONS/S", "MMIO WRITES", "MMIO READS", "INTERRUPTS");
	for (unsigned int i = 0; i < 2 && !err; i++) {
		struct submission s = { 0 };

		progress_draw(&run->progress, "empty submissions, %u in flight", depths[i]);
		err = measure(run->tile, depths[i], &s);
		if (err)
			break;
		if (list)
			add_json(list, depths[i], &s);
		else
			add_row(&table, depths[i], &s);
	}
	progress_clear(&run->progress);
	if (!err && !list)
		return table_print(&table, stdout) ? fail("out of memory") : 0;
	table_free(&table);
	return err;
}

const struct bench_group bench_submit = { "submit", run, false };
