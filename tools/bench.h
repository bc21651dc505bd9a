/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Measurements, in groups: bench_GROUP.c measures and shows one of them, on a tile
 * or on the CPU alone; cmd_bench.c has the list.
 */
#ifndef DOJO_TOOLS_BENCH_H
#define DOJO_TOOLS_BENCH_H

#include <dojo.h>

#include "buffer.h"
#include "json.h"
#include "progress.h"

#define BENCH_TURNS		3	/* of which the best counts */
#define BENCH_SIDES_MAX		8
#define BENCH_FORMATS_MAX	8
#define BENCH_WAIT_NS		INT64_C(600000000000)

/* ------------------------------------------------- a tile, bench_device.c */

/**
 * struct bench - a tile to measure on
 * @queues: by class
 */
struct bench {
	struct dojo_device *dev;
	struct dojo_vm *vm;
	struct dojo_queue *queues[2];
	struct dojo_timeline *timeline;
	struct dojo_batch *batch;
	uint64_t point;
	struct drm_dojo_card_info card;
	struct drm_dojo_tile_info tile;
};

/* 0, or EXIT_FAILURE after having said why */
int bench_open(struct bench *b, const char *device);
void bench_close(struct bench *b);
/* submits the batch; 0 or -errno */
int bench_start(struct bench *b, uint32_t queue_class);
/* the same, waits; @seconds it took */
int bench_timed(struct bench *b, uint32_t queue_class, double *seconds);

/* ------------------------------------------------- the CPU, bench_host.c */

/* cblas_sgemm() of row-major C = alpha A B + beta C, either transposed */
typedef void bench_sgemm_fn(int order, int trans_a, int trans_b, int m, int n, int k, float alpha,
			    const float *a, int lda, const float *b, int ldb, float beta, float *c,
			    int ldc);

enum { BENCH_ROW_MAJOR = 101, BENCH_AS_IS = 111, BENCH_TRANSPOSED = 112 };

/* of the BLAS that is installed and works on this CPU, or NULL; @library: its file name */
bench_sgemm_fn *bench_find_sgemm(const char **library);

/* ------------------------------------------------- what it costs, bench_meter.c */

/**
 * struct cost - of something done, in the kernel too
 * @seconds: NAN where instructions are all the time there is
 * @instructions: NAN where they cannot be counted
 */
struct cost {
	double seconds;
	double instructions;
};

/**
 * struct meter - measures what this thread does
 * @perf: counts its instructions; -1 where that is not to be had, as in an emulated machine
 * @icount: the machine's time is a count of its instructions
 * @seconds, @instructions: at the start
 */
struct meter {
	int perf;
	bool icount;
	double seconds;
	uint64_t instructions;
};

void meter_open(struct meter *m);
void meter_close(const struct meter *m);
void meter_start(struct meter *m);
/* since meter_start() */
struct cost meter_stop(const struct meter *m);
/*
 * Instructions of the whole machine so far, interrupts and workers too, as far as it was
 * not idle, to some ten millions; NAN unless its time is a count of them
 */
double meter_machine(const struct meter *m);

/* --------------------------------------------------------------- groups */

/**
 * struct bench_run - what is measured, and how it is shown
 * @tile: open, or NULL: the CPU alone
 * @json: the document, or NULL for tables
 * @beside: document of a run on the CPU of the machine around this one, or NULL
 */
struct bench_run {
	struct bench *tile;
	cJSON *json;
	const cJSON *beside;
	struct progress progress;
	uint32_t sides[BENCH_SIDES_MAX], side_count;
	uint32_t formats[BENCH_FORMATS_MAX], format_count;
};

/**
 * struct bench_group - what is measured together
 * @name: on the command line
 * @run: 0, or EXIT_FAILURE after having said why
 * @cpu: there is something to measure without a tile
 */
struct bench_group {
	const char *name;
	int (*run)(struct bench_run *run);
	bool cpu;
};

extern const struct bench_group bench_copy, bench_submit, bench_memory, bench_gemm, bench_shapes,
	bench_train;

/* a heading, in front of a table */
void bench_heading(const struct bench_run *run, const char *text);
/*
 * Member @value of the object in array @list of run->beside whose member @key is
 * @is; NAN without
 */
double bench_beside(const struct bench_run *run, const char *list, const char *key, double is,
		    const char *value);
/* the same where @key is a text */
double bench_beside_text(const struct bench_run *run, const char *list, const char *key,
			 const char *is, const char *value);
/* "0.52", or "-" unless finite */
char *bench_ratio(char *text, size_t size, double ratio);

#endif
