// SPDX-License-Identifier: GPL-2.0-only
/* Empty submissions: how many, how long one takes, and what each costs on the bus. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "report.h"
#include "table.h"

#define DEEP		64
#define QUEUES		1000
#define FILES		2	/* one may not have so many queues */
#define BATCH_BYTES	4096
#define SUBMIT_SECONDS	1.0
#define SUBMIT_MAX	20000
#define SUBMIT_COUNTED	100

/**
 * struct load - what is submitted
 * @queues: in turn
 * @idle: queues that are there beside them
 * @in_flight: jobs; 1: submit, wait, submit ...
 *
 * Loads on as many queues follow each other: the queues are made once.
 */
struct load {
	unsigned int queues, idle, in_flight;
};

static const struct load loads[] = {
	{ 1, 0, 1 }, { 1, 0, DEEP },
	{ 1, QUEUES, 1 }, { 1, QUEUES, DEEP }, { QUEUES, 1, QUEUES },
};

/**
 * struct submission - jobs of one NOP
 * @rate: a second; NAN where there is no time but instructions
 * @round_trip_us: the median of one, from submission to the end of waiting; NAN as @rate,
 *	and if several are in flight
 * @instructions: the least that a call took of the thread that submits, in the kernel too;
 *	NAN where they cannot be counted
 * @machine_instructions: of all the machine for a job, from submission to the end of waiting;
 *	NAN but where there is no other time
 * @mmio_writes, @mmio_reads, @interrupts: of the card, each submission
 */
struct submission {
	double rate;
	double round_trip_us;
	double instructions;
	double machine_instructions;
	double mmio_writes;
	double mmio_reads;
	double interrupts;
};

/**
 * struct opened - a file with queues of its own
 * @point: of @timeline, submitted last
 */
struct opened {
	struct dojo_device *dev;
	struct dojo_vm *vm;
	struct dojo_batch *batch;
	struct dojo_timeline *timeline;
	uint64_t point;
};

/**
 * struct crowd - queues over several files
 * @file_of: the file that a queue is in
 */
struct crowd {
	struct opened files[FILES];
	struct dojo_queue *queues[QUEUES + 1];
	unsigned int file_of[QUEUES + 1];
	unsigned int count;
};

static int open_file(struct opened *f, const char *path)
{
	int err = dojo_device_open(path, &f->dev);

	if (!err)
		err = dojo_vm_create(f->dev, &f->vm);
	if (!err)
		err = dojo_batch_create(f->vm, BATCH_BYTES, 0, &f->batch);
	if (!err)
		err = dojo_timeline_create(f->dev, 0, &f->timeline);
	if (!err)
		dojo_nop(f->batch);
	return err;
}

static void crowd_close(struct crowd *c)
{
	while (c->count)
		dojo_queue_destroy(c->queues[--c->count]);
	for (unsigned int i = 0; i < FILES; i++) {
		struct opened *f = &c->files[i];

		if (!f->dev)
			continue;
		dojo_batch_destroy(f->batch);
		dojo_timeline_destroy(f->timeline);
		dojo_vm_destroy(f->vm);
		dojo_device_close(f->dev);
	}
	memset(c, 0, sizeof(*c));
}

/* @c: closed, or all 0 */
static int crowd_open(struct crowd *c, const char *path, unsigned int count)
{
	int err = 0;

	for (unsigned int i = 0; i < FILES && !err; i++)
		err = open_file(&c->files[i], path);
	while (!err && c->count < count) {
		unsigned int file = c->count % FILES;

		c->file_of[c->count] = file;
		err = dojo_queue_create(c->files[file].vm, DRM_DOJO_QUEUE_COMPUTE, NULL,
					&c->queues[c->count]);
		if (!err)
			c->count++;
	}
	return err;
}

/* one job on a queue; @point of its file's timeline tells its end */
static int submit(struct crowd *c, unsigned int queue, uint64_t *point)
{
	struct opened *f = &c->files[c->file_of[queue]];
	struct drm_dojo_sync_op signal = dojo_signal(f->timeline, f->point + 1);
	int err = dojo_queue_submit(c->queues[queue], f->batch, &signal, 1, NULL);

	if (!err)
		*point = ++f->point;
	return err;
}

static int wait(struct crowd *c, unsigned int queue, uint64_t point)
{
	return dojo_timeline_wait(c->files[c->file_of[queue]].timeline, point, BENCH_WAIT_NS);
}

static int wait_for_all(struct crowd *c)
{
	int err = 0;

	/* nothing was submitted to a timeline at 0 */
	for (unsigned int i = 0; i < FILES && !err; i++)
		if (c->files[i].point)
			err = dojo_timeline_wait(c->files[i].timeline, c->files[i].point,
						 BENCH_WAIT_NS);
	return err;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* @seconds: of each job that was waited for alone, SUBMIT_MAX at most */
static int drive(struct crowd *c, const struct load *load, double *seconds, unsigned int *jobs)
{
	static uint64_t points[QUEUES + DEEP];
	const double begin = now_seconds();
	unsigned int n;
	int err = 0;

	for (n = 0; !err && n < SUBMIT_MAX && now_seconds() - begin < SUBMIT_SECONDS; n++) {
		unsigned int slot = n % load->in_flight;
		double start = now_seconds();

		if (n >= load->in_flight)
			err = wait(c, (n - load->in_flight) % load->queues, points[slot]);
		if (!err)
			err = submit(c, n % load->queues, &points[slot]);
		if (load->in_flight > 1 || err)
			continue;
		err = wait(c, 0, points[0]);
		seconds[n] = now_seconds() - start;
	}
	if (!err)
		err = wait_for_all(c);
	*jobs = n;
	return err;
}

/* The least, since interrupts and page faults add their own */
static int count_instructions(struct crowd *c, const struct load *load, struct meter *m,
			      double *instructions)
{
	uint64_t point;
	int err = 0;

	*instructions = NAN;
	for (unsigned int n = 0; n < SUBMIT_COUNTED && !err; n++) {
		meter_start(m);
		err = submit(c, n % load->queues, &point);
		*instructions = fmin(*instructions, meter_stop(m).instructions);
		if (!err)
			err = wait(c, n % load->queues, point);
	}
	return err;
}

/* @c: of as many queues as @load needs; or others, or none yet, and they are made here */
static int measure(struct bench *b, struct meter *m, struct crowd *c, const struct load *load,
		   struct submission *result)
{
	static double seconds[SUBMIT_MAX];
	struct drm_dojo_counters before, after;
	double machine = 0;
	unsigned int jobs = 0;
	uint64_t point;
	double begin;
	char name[64];
	int err = 0;

	if (c->count != load->queues + load->idle) {
		snprintf(name, sizeof(name), "%.*s/%u", (int)sizeof(b->card.serial),
			 b->card.serial, b->tile.index);
		crowd_close(c);
		err = crowd_open(c, name, load->queues + load->idle);
	}
	/* the first time costs more */
	for (unsigned int i = 0; i < load->queues && !err; i++)
		err = submit(c, i, &point);
	if (!err)
		err = wait_for_all(c);
	if (!err)
		err = dojo_device_counters(b->dev, &before, sizeof(before));
	machine = meter_machine(m);
	begin = now_seconds();
	if (!err)
		err = drive(c, load, seconds, &jobs);
	result->rate = m->icount ? NAN : jobs / (now_seconds() - begin);
	result->machine_instructions = (meter_machine(m) - machine) / jobs;
	if (!err)
		err = dojo_device_counters(b->dev, &after, sizeof(after));
	if (!err)
		err = count_instructions(c, load, m, &result->instructions);
	if (err)
		return err;

	qsort(seconds, load->in_flight == 1 ? jobs : 0, sizeof(*seconds), compare_doubles);
	result->round_trip_us = load->in_flight == 1 && !m->icount ? 1e6 * seconds[jobs / 2] : NAN;
	result->mmio_writes = (double)(after.mmio_writes - before.mmio_writes) / jobs;
	result->mmio_reads = (double)(after.mmio_reads - before.mmio_reads) / jobs;
	result->interrupts = (double)(after.interrupts - before.interrupts) / jobs;
	return 0;
}

static void add_json(cJSON *list, const struct load *load, const struct submission *s)
{
	cJSON *o = json_append_object(list);

	json_u64(o, "queues", load->queues);
	json_u64(o, "idle_queues", load->idle);
	json_u64(o, "in_flight", load->in_flight);
	json_double(o, "submissions_per_second", s->rate);
	json_double(o, "round_trip_us", s->round_trip_us);
	json_double(o, "instructions_per_submission", s->instructions);
	json_double(o, "machine_instructions_per_submission", s->machine_instructions);
	json_double(o, "mmio_writes_per_submission", s->mmio_writes);
	json_double(o, "mmio_reads_per_submission", s->mmio_reads);
	json_double(o, "interrupts_per_submission", s->interrupts);
}

/* "-" for what is not known */
static void put(char *cell, size_t size, const char *format, double value)
{
	if (isnan(value))
		snprintf(cell, size, "-");
	else
		snprintf(cell, size, format, value);
}

static void add_row(struct table *table, const struct load *load, const struct submission *s)
{
	char cells[10][24];

	snprintf(cells[0], sizeof(cells[0]), "%u", load->queues);
	snprintf(cells[1], sizeof(cells[1]), "%u", load->idle);
	snprintf(cells[2], sizeof(cells[2]), "%u", load->in_flight);
	put(cells[3], sizeof(cells[3]), "%.0f", s->rate);
	put(cells[4], sizeof(cells[4]), "%.0f us", s->round_trip_us);
	put(cells[5], sizeof(cells[5]), "%.0f", s->instructions);
	put(cells[6], sizeof(cells[6]), "%.0f", s->machine_instructions);
	put(cells[7], sizeof(cells[7]), "%.3f", s->mmio_writes);
	put(cells[8], sizeof(cells[8]), "%.3f", s->mmio_reads);
	put(cells[9], sizeof(cells[9]), "%.3f", s->interrupts);
	table_row(table, cells[0], cells[1], cells[2], cells[3], cells[4], cells[5], cells[6],
		  cells[7], cells[8], cells[9]);
}

static int run(struct bench_run *run)
{
	cJSON *list = run->json ? json_array(run->json, "submissions") : NULL;
	struct crowd crowd = { 0 };
	struct table table;
	struct meter m;
	int err = 0;

	bench_heading(run, "Empty submissions; of the card's registers and interrupts, each");
	table_init(&table, "rrrrrrrrrr");
	table_row(&table, "QUEUES", "IDLE BESIDE", "IN FLIGHT", "SUBMISSIONS/S", "ROUND TRIP",
		  "INSTRUCTIONS", "OF ALL", "MMIO WRITES", "MMIO READS", "INTERRUPTS");
	meter_open(&m);
	for (size_t i = 0; i < sizeof(loads) / sizeof(*loads) && !err; i++) {
		const struct load *load = &loads[i];
		struct submission s = { 0 };

		progress_draw(&run->progress, "empty submissions, %u in flight on %u of %u queues",
			      load->in_flight, load->queues, load->queues + load->idle);
		err = measure(run->tile, &m, &crowd, load, &s);
		/* some users may not have so many queues */
		if (err == -EMFILE && load->queues + load->idle > DEEP) {
			err = 0;
			continue;
		}
		if (err)
			err = fail_device(run->tile->dev, err, "submit empty jobs");
		else if (list)
			add_json(list, load, &s);
		else
			add_row(&table, load, &s);
	}
	crowd_close(&crowd);
	meter_close(&m);
	progress_clear(&run->progress);
	if (!err && !list)
		return table_print(&table, stdout) ? fail("out of memory") : 0;
	table_free(&table);
	return err;
}

const struct bench_group bench_submit = { "submit", run, false };
