// SPDX-License-Identifier: GPL-2.0-only
#include <math.h>
#include <stddef.h>

#include <dojo.h>

#include "perf_model.h"

/* published (driver/HARDWARE.md names the sources) */
#define DIES			25
#define PEAK_BF16		362e12	/* a die */
#define PEAK_FP32		22.6e12
#define CARD_HBM		800e9
#define CARD_TTP		900e9
#define CARD_CAPACITY		(32.0 * (1 << 30))
#define SRAM_CAPACITY		11e9	/* of a tile */
#define EDGE			9e12	/* a tile's edge */
#define TRAY_TILES		6
#define TRAY_CARDS		20
/* assumed */
#define PEAK_INT8		362e12
#define LAUNCH			(500 / 1e9)
#define HOP			(200 / 1e9)
#define CARD_TILES_MAX		8

#define MASTER_BYTES		4	/* FP32 weights, gradients and sums */
#define STATE_BYTES		16	/* a parameter's weight, gradient and two moments */
#define ADD_BYTES		12	/* two terms in, one sum out */

static const char *const assumptions[] = {
	"modelled, not measured: launch + the longest of arithmetic, HBM and TTP, packet by packet, without overlap",
	"published: 362 TFLOPS BF16 and CFloat8, 22.6 TFLOPS FP32 a die, 25 dies a tile; card: HBM 800 GB/s, TTP 900 GB/s, 32 GB; tile edge 9 TB/s; tray: 6 tiles, 20 cards",
	"assumed: 500 ns a packet, 200 ns a hop, INT8 as BF16; operands in HBM, each read or written once a packet, or with --sram in SRAM, 11 GB a tile; weights and their moments must fit, activations are taken to",
	"up to 8 tiles: one card, whose bandwidths its tiles share; they read each other's gradients from HBM",
	"more: tiles of a mesh, as square as can be, each with its part of a tray's 20 cards; gradients go round rows, then columns",
	"data parallel over replicas, each replica's weights cut over shards by columns; AdamW; as many shards as make the step quickest",
	NULL
};

const char *const *perf_assumptions(void)
{
	return assumptions;
}

static double peak_of(uint32_t format)
{
	switch (format) {
	case DOJO_FORMAT_FP32:
	case DOJO_FORMAT_INT32:
		return PEAK_FP32 * DIES;
	case DOJO_FORMAT_INT8:
		return PEAK_INT8 * DIES;
	default:
		return PEAK_BF16 * DIES;
	}
}

struct perf_machine perf_machine_of(uint32_t format, unsigned int tiles, bool sram)
{
	struct perf_machine m = {
		.peak = peak_of(format),
		.launch = LAUNCH,
		.hop = HOP,
		.rows = 1,
		.columns = tiles,
		.sram = sram,
	};

	if (tiles <= CARD_TILES_MAX) {
		m.hbm = CARD_HBM;
		m.ttp = CARD_TTP;
		m.shared_by = tiles;
		m.capacity = sram ? SRAM_CAPACITY : CARD_CAPACITY / tiles;
		return m;
	}
	m.hbm = CARD_HBM * TRAY_CARDS;
	m.ttp = CARD_TTP * TRAY_CARDS;
	m.shared_by = TRAY_TILES;
	m.capacity = sram ? SRAM_CAPACITY : CARD_CAPACITY * TRAY_CARDS / TRAY_TILES;
	m.link = EDGE;
	for (unsigned int r = 1; r * r <= tiles; r++) {
		if (tiles % r == 0)
			m.rows = r;
	}
	m.columns = tiles / m.rows;
	return m;
}

static double transfer(const struct perf_machine *m, double bytes)
{
	return fmax(bytes * m->shared_by / m->hbm, bytes * m->shared_by / m->ttp);
}

double perf_packet(const struct perf_machine *m, double flop, double bytes)
{
	return m->launch + fmax(flop / m->peak, m->sram ? 0 : transfer(m, bytes));
}

/* a packet that reads what another tile of the card has */
static double peer_packet(const struct perf_machine *m, double bytes)
{
	return m->launch + transfer(m, bytes);
}

/* D = A x B */
static double product(const struct perf_machine *m, double format_bytes, double d_bytes,
		      double rows, double inputs, double outputs)
{
	return perf_packet(m, 2 * rows * inputs * outputs,
			   format_bytes * (rows * inputs + inputs * outputs) +
				   d_bytes * rows * outputs);
}

/* everyone of @count gets all @bytes, of which each had its part: round a ring of tiles */
static double gather(const struct perf_machine *m, double bytes, unsigned int count)
{
	if (count < 2)
		return 0;
	if (!m->link)
		return peer_packet(m, bytes * (count - 1) / count);
	return (bytes * (count - 1) / count) / m->link + (count - 1) * m->hop;
}

/* gradients of all replicas are added up, everywhere */
static double all_reduce(const struct perf_machine *m, double parameters, unsigned int replicas)
{
	double bytes = MASTER_BYTES * parameters, time = 0;
	unsigned int sides[2];

	if (replicas < 2)
		return 0;
	/* on a card each tile adds up all others' itself, as dojo train does */
	if (!m->link)
		return (replicas - 1) * peer_packet(m, ADD_BYTES * parameters);
	sides[0] = replicas < m->columns ? replicas : m->columns;
	sides[1] = replicas / sides[0];
	for (unsigned int i = 0; i < 2; i++) {
		time += 2 * gather(m, bytes, sides[i]);
		bytes /= sides[i];
	}
	return time;
}

struct perf_step perf_predict(const struct workload *w, const struct perf_machine *m,
			      unsigned int tiles, unsigned int shards)
{
	struct perf_step step = { .tiles = tiles, .shards = shards };
	double format_bytes = dojo_format_size(w->format),
	       parameters = workload_parameters(w) / shards;
	unsigned int replicas = tiles / shards;

	step.samples = (double)w->samples / replicas;
	step.fits = parameters * (STATE_BYTES + format_bytes) <= m->capacity && step.samples >= 1;
	for (unsigned int i = 0; i < w->count; i++) {
		const struct workload_layer *l = &w->layers[i];
		double rows = l->rows * step.samples, outputs = (double)l->outputs / shards;
		double once;

		/* forward, gradient of the input, gradient of the weights */
		once = product(m, format_bytes, format_bytes, rows, l->inputs, outputs) +
		       product(m, format_bytes, format_bytes, rows, outputs, l->inputs) +
		       product(m, format_bytes, l->weights ? MASTER_BYTES : format_bytes, l->inputs,
			       rows, outputs);
		step.arithmetic += l->count * once;
		/* shards hand on their columns forward, and add up their parts backward */
		step.exchange +=
			l->count * (gather(m, format_bytes * rows * l->outputs, shards) +
				    2 * gather(m, format_bytes * rows * l->inputs, shards));
	}
	step.exchange += all_reduce(m, parameters, replicas);
	step.update = perf_packet(m, parameters, STATE_BYTES * parameters) +
		      (w->format == DOJO_FORMAT_FP32 ? 0 :
		       perf_packet(m, 0, (MASTER_BYTES + format_bytes) * parameters));
	return step;
}

double perf_seconds(const struct perf_step *step)
{
	return step->arithmetic + step->exchange + step->update;
}

struct perf_step perf_best(const struct workload *w, unsigned int tiles, bool sram)
{
	struct perf_machine m = perf_machine_of(w->format, tiles, sram);
	struct perf_step best = { 0 };

	for (unsigned int shards = 1; shards <= tiles; shards++) {
		struct perf_step step;

		if (tiles % shards)
			continue;
		step = perf_predict(w, &m, tiles, shards);
		if (shards == 1)
			best = step;
		if (step.fits && (!best.fits || perf_seconds(&step) < perf_seconds(&best)))
			best = step;
	}
	return best;
}
