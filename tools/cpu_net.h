/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The networks of net.h on the CPU, in FP32: what a program would do that has a BLAS and
 * no tile. For comparison, so nothing is stored narrower and nothing is classified.
 */
#ifndef DOJO_TOOLS_CPU_NET_H
#define DOJO_TOOLS_CPU_NET_H

#include "bench.h"
#include "net.h"

struct cpu_net;

/* Weights are random. NULL: @layers do not fit, or no memory */
struct cpu_net *cpu_net_create(bench_sgemm_fn *sgemm, const struct net_layer *layers,
			       struct net_extent input, uint32_t batch);
void cpu_net_destroy(struct cpu_net *net);

/* The inputs of the next step, @batch images of one channel after the other */
float *cpu_net_input(struct cpu_net *net);
/* Forward and backward; the mean cross-entropy of @labels */
float cpu_net_gradients(struct cpu_net *net, const uint8_t *labels);
/* AdamW with what cpu_net_gradients() found; @step from 1 */
void cpu_net_update(struct cpu_net *net, unsigned int step);

/*
 * Weights and biases of layer @i, and their gradients; @count of them. NULL if it has
 * none. For tests.
 */
float *cpu_net_parameters(struct cpu_net *net, unsigned int i, size_t *count,
			  const float **gradients);

#endif
