// SPDX-License-Identifier: GPL-2.0-only
/* Copies by packets beside memcpy(). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "report.h"
#include "table.h"

#define COPY_MIN	(4u << 10)
#define COPY_MAX	(64u << 20)
#define TURN_BYTES	(128u << 20)
#define PIECES_MAX	1024

enum direction {
	HOST_TO_HBM,
	HBM_TO_HOST,
	HBM_TO_HBM,
	DIRECTIONS,
};

static const char *const keys[DIRECTIONS] = {
	"host_to_hbm_bytes_per_second",
	"hbm_to_host_bytes_per_second",
	"hbm_to_hbm_bytes_per_second",
};

/**
 * struct places - where is copied between
 * @host, @hbm: two of each, COPY_MAX long
 */
struct places {
	struct buffer host[2];
	struct buffer hbm[2];
};

static double copy_on_cpu(size_t size)
{
	size_t pieces = TURN_BYTES / size < 1024 ? TURN_BYTES / size : 1024;
	unsigned char *from = malloc(size), *to = malloc(size);
	double best = NAN;

	if (!from || !to)
		goto out;
	memset(from, 1, size);
	memset(to, 2, size);
	for (unsigned int turn = 0; turn < BENCH_TURNS; turn++) {
		double begin = now_seconds(), rate;

		for (size_t i = 0; i < pieces; i++) {
			memcpy(to, from, size);
			/* the copies must not be merged */
			__asm__ volatile("" : : "r"(to), "r"(from) : "memory");
		}
		rate = (double)pieces * size / (now_seconds() - begin);
		best = fmax(best, rate);
	}
out:
	free(from);
	free(to);
	return best;
}

static int places_create(struct bench *b, struct places *p)
{
	int err = 0;

	memset(p, 0, sizeof(*p));
	for (unsigned int i = 0; i < 2 && !err; i++) {
		err = buffer_create(&p->host[i], b->vm, COPY_MAX, DRM_DOJO_DOMAIN_SYSTEM);
		if (!err)
			err = buffer_create(&p->hbm[i], b->vm, COPY_MAX, DRM_DOJO_DOMAIN_HBM);
	}
	return err ? fail_device(b->dev, err, "allocate buffers to copy between") : 0;
}

static void places_destroy(struct bench *b, struct places *p)
{
	for (unsigned int i = 0; i < 2; i++) {
		buffer_destroy(&p->host[i], b->vm);
		buffer_destroy(&p->hbm[i], b->vm);
	}
}

/* bytes a second of copy packets of @size in one job, from submission to the end of waiting */
static int copy_on_tile(struct bench *b, const struct places *p, enum direction way,
			size_t size, double *rate)
{
	uint64_t to = way == HBM_TO_HOST ? p->host[0].va : p->hbm[0].va;
	uint64_t from = way == HOST_TO_HBM ? p->host[1].va : p->hbm[1].va;
	size_t pieces = TURN_BYTES / size < PIECES_MAX ? TURN_BYTES / size : PIECES_MAX;
	double seconds;
	int err;

	dojo_batch_reset(b->batch);
	for (size_t i = 0; i < pieces; i++)
		dojo_copy(b->batch, to, from, size);
	*rate = 0;
	/* the first is not counted: it finds its pages, and their translations */
	for (unsigned int turn = 0; turn <= BENCH_TURNS; turn++) {
		err = bench_timed(b, DRM_DOJO_QUEUE_DMA, &seconds);
		if (err)
			return fail_device(b->dev, err, "copy");
		if (turn)
			*rate = fmax(*rate, (double)pieces * size / seconds);
	}
	return 0;
}

/* @rates NULL: the CPU alone was measured */
static void add_json(cJSON *list, size_t size, const double *rates, double cpu, double host)
{
	cJSON *o = json_append_object(list);

	json_u64(o, "size_bytes", size);
	for (unsigned int d = 0; d < DIRECTIONS; d++)
		json_double(o, keys[d], rates ? rates[d] : NAN);
	json_double(o, "memcpy_bytes_per_second", cpu);
	json_double(o, "host_memcpy_bytes_per_second", host);
}

static void add_row(struct table *table, size_t size, const double *rates, double cpu, double host)
{
	char text[24], way[DIRECTIONS][24], here[24], there[24], part[DIRECTIONS][16], all[64];

	format_bytes(text, sizeof(text), size);
	format_si(here, sizeof(here), cpu, "B/s");
	format_si(there, sizeof(there), host, "B/s");
	if (!rates) {
		table_row(table, text, isfinite(cpu) ? here : NULL);
		return;
	}
	for (unsigned int d = 0; d < DIRECTIONS; d++) {
		format_si(way[d], sizeof(way[d]), rates[d], "B/s");
		bench_ratio(part[d], sizeof(part[d]), rates[d] / host);
	}
	snprintf(all, sizeof(all), "%s %s %s", part[0], part[1], part[2]);
	table_row(table, text, way[0], way[1], way[2], isfinite(cpu) ? here : NULL,
		  isfinite(host) ? there : NULL, isfinite(host) ? all : NULL);
}

static int run(struct bench_run *run)
{
	cJSON *list = run->json ? json_array(run->json, "copies") : NULL;
	double rates[DIRECTIONS];
	struct places places = { 0 };
	struct bench *b = run->tile;
	struct table table;
	int err = 0;

	bench_heading(run, "Copies");
	table_init(&table, b ? "rrrrrrr" : "rr");
	if (b) {
		table_row(&table, "SIZE", "HOST TO HBM", "HBM TO HOST", "HBM TO HBM", "CPU MEMCPY",
			  "HOST'S MEMCPY", "OF THE HOST'S");
		err = places_create(b, &places);
	} else {
		table_row(&table, "SIZE", "MEMCPY");
	}
	for (size_t size = COPY_MIN; size <= COPY_MAX && !err; size *= 4) {
		double host, cpu;

		progress_draw(&run->progress, "copies of %zu KiB", size >> 10);
		cpu = copy_on_cpu(size);
		host = bench_beside(run, "copies", "size_bytes", size, "memcpy_bytes_per_second");
		for (unsigned int d = 0; d < DIRECTIONS && b && !err; d++)
			err = copy_on_tile(b, &places, d, size, &rates[d]);
		if (err)
			break;
		if (list)
			add_json(list, size, b ? rates : NULL, cpu, host);
		else
			add_row(&table, size, b ? rates : NULL, cpu, host);
	}
	progress_clear(&run->progress);
	if (b)
		places_destroy(b, &places);
	if (!err && !list)
		return table_print(&table, stdout) ? fail("out of memory") : 0;
	table_free(&table);
	return err;
}

const struct bench_group bench_copy = { "copy", run, true };
