/* SPDX-License-Identifier: GPL-2.0-only */
/* Measurements; the command bench shows them. */
#ifndef DOJO_TOOLS_BENCH_H
#define DOJO_TOOLS_BENCH_H

#include <dojo.h>

#include "buffer.h"

#define BENCH_COPY_MIN	(4u << 10)
#define BENCH_COPY_MAX	(64u << 20)
#define BENCH_DEEP	64

/* ---------------------------------------------------- the CPU, bench_host.c */

/* bytes a second of memcpy() in pieces of @size; NAN if there is no memory */
double bench_memcpy(size_t size);
/*
 * FLOPS of C = A x B, @n a side, FP32, with the system's BLAS; NAN without one.
 * @library: its file name, or NULL
 */
double bench_sgemm(uint32_t n, const char **library);

/* -------------------------------------------------- a tile, bench_device.c */

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
};

/* All return 0 or EXIT_FAILURE after having said why. */
int bench_open(struct bench *b, const char *device);
void bench_close(struct bench *b);

enum bench_direction {
	BENCH_HOST_TO_HBM,
	BENCH_HBM_TO_HOST,
	BENCH_HBM_TO_HBM,
	BENCH_DIRECTIONS,
};

/**
 * struct bench_copies - where bench_copy() copies between
 * @host, @hbm: two of each, BENCH_COPY_MAX long
 */
struct bench_copies {
	struct buffer host[2];
	struct buffer hbm[2];
};

int bench_copies_create(struct bench *b, struct bench_copies *c);
void bench_copies_destroy(struct bench *b, struct bench_copies *c);
/* bytes a second of copy packets of @size in one job, from submission to the end of waiting */
int bench_copy(struct bench *b, const struct bench_copies *c, enum bench_direction direction,
	       size_t size, double *rate);

/**
 * struct bench_submission - jobs of one NOP
 * @rate: a second
 * @mmio_writes, @mmio_reads, @interrupts: of the card, each submission
 */
struct bench_submission {
	double rate;
	double mmio_writes;
	double mmio_reads;
	double interrupts;
};

/* with @depth jobs in flight; 1: submit, wait, submit ... */
int bench_submit(struct bench *b, unsigned int depth, struct bench_submission *result);

/**
 * struct bench_gemm - one matrix product
 * @format: enum dojo_format of A and B; D is FP32
 * @seconds: from submission to the end of waiting
 * @busy_seconds: on the mesh, as the queue counts it
 * @model_seconds: on the published hardware, modelled
 */
struct bench_gemm {
	uint32_t m, n, k;
	uint32_t format;
	double seconds;
	double busy_seconds;
	double model_seconds;
};

/* the best of some; m, n, k and format are given */
int bench_gemm(struct bench *b, struct bench_gemm *gemm);
double bench_gemm_flop(const struct bench_gemm *gemm);

#endif
