/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How long a training step would take, by the same formula as the device's model
 * clock (driver/HARDWARE.md, section 12), from one tile to thousands. Nothing
 * here is measured.
 */
#ifndef DOJO_TOOLS_PERF_MODEL_H
#define DOJO_TOOLS_PERF_MODEL_H

#include "workload.h"

/**
 * struct perf_machine - what a tile has, and what lies between tiles
 * @peak: FLOPS of a tile for the format of the workload
 * @hbm, @ttp: bytes a second, of @shared_by tiles together
 * @capacity: bytes for weights and their moments, of a tile
 * @sram: operands lie in SRAM, and add no transfer time
 * @launch: seconds a packet
 * @link: bytes a second of a tile's edge, each way; 0: tiles read each other's HBM
 * @hop: seconds from tile to tile
 * @columns, @rows: of the mesh of tiles
 */
struct perf_machine {
	double peak;
	double hbm, ttp;
	double shared_by;
	double capacity;
	bool sram;
	double launch;
	double link;
	double hop;
	unsigned int columns, rows;
};

/* published figures of tile and card; others assumed: perf_assumptions() says which */
struct perf_machine perf_machine_of(uint32_t format, unsigned int tiles, bool sram);
/* lines, the last NULL */
const char *const *perf_assumptions(void);

/* a packet: launch + the longest of arithmetic and transfers; seconds */
double perf_packet(const struct perf_machine *m, double flop, double bytes);

/**
 * struct perf_step - a step on @tiles tiles
 * @shards: tiles that each layer's weights are cut over; tiles / shards replicas
 * @samples: of a replica
 * @arithmetic: of the matrix packets, seconds
 * @exchange: activations between shards and gradients between replicas
 * @update: of the weights
 * @fits: weights and moments have room, and every replica has a sample
 */
struct perf_step {
	unsigned int tiles, shards;
	double samples;
	double arithmetic, exchange, update;
	bool fits;
};

double perf_seconds(const struct perf_step *step);
/* with @shards given */
struct perf_step perf_predict(const struct workload *w, const struct perf_machine *m,
			      unsigned int tiles, unsigned int shards);
/* the quickest way to cut it; not fits: there is none */
struct perf_step perf_best(const struct workload *w, unsigned int tiles, bool sram);

#endif
