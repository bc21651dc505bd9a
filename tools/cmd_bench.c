// SPDX-License-Identifier: GPL-2.0-only
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "commands.h"
#include "json.h"
#include "options.h"
#include "progress.h"
#include "report.h"
#include "table.h"

#define COPY_SIZES_MAX	16
#define SIDES_MAX	8
#define FORMATS_MAX	8

static const char *const directions[BENCH_DIRECTIONS] = {
	"host_to_hbm_bytes_per_second",
	"hbm_to_host_bytes_per_second",
	"hbm_to_hbm_bytes_per_second",
};

/**
 * struct bench_run - what is measured, and how it is shown
 * @copy, @submit, @gemm: the parts asked for
 * @json: the document, or NULL for tables
 */
struct bench_run {
	bool copy, submit, gemm;
	uint32_t sides[SIDES_MAX], side_count;
	uint32_t formats[FORMATS_MAX], format_count;
	cJSON *json;
	struct progress progress;
	struct drm_dojo_card_info card;
	struct drm_dojo_tile_info tile;
};

/* -------------------------------------------------------------- copies */

/* @rates NULL: the CPU alone was measured */
static void json_copy(cJSON *list, size_t size, const double rates[BENCH_DIRECTIONS], double cpu)
{
	cJSON *o = json_append_object(list);

	json_u64(o, "size_bytes", size);
	for (unsigned int d = 0; d < BENCH_DIRECTIONS; d++)
		json_double(o, directions[d], rates ? rates[d] : NAN);
	json_double(o, "memcpy_bytes_per_second", cpu);
}

static void row_copy(struct table *table, size_t size, const double rates[BENCH_DIRECTIONS],
		     double cpu)
{
	char text[24], way[BENCH_DIRECTIONS][24], host[24];

	format_bytes(text, sizeof(text), size);
	format_si(host, sizeof(host), cpu, "B/s");
	for (unsigned int d = 0; d < BENCH_DIRECTIONS && rates; d++)
		format_si(way[d], sizeof(way[d]), rates[d], "B/s");
	if (rates)
		table_row(table, text, way[0], way[1], way[2], host);
	else
		table_row(table, text, host);
}

/* @b NULL: the CPU alone */
static int run_copies(struct bench_run *run, struct bench *b)
{
	cJSON *list = run->json ? json_array(run->json, "copies") : NULL;
	double rates[BENCH_DIRECTIONS];
	struct bench_copies copies = { 0 };
	struct table table;
	int err = 0;

	if (b) {
		table_init(&table, "rrrrr");
		table_row(&table, "SIZE", "HOST TO HBM", "HBM TO HOST", "HBM TO HBM", "CPU MEMCPY");
		err = bench_copies_create(b, &copies);
	} else {
		table_init(&table, "rr");
		table_row(&table, "SIZE", "MEMCPY");
	}
	for (size_t size = BENCH_COPY_MIN; size <= BENCH_COPY_MAX && !err; size *= 4) {
		double cpu = bench_memcpy(size);

		progress_draw(&run->progress, "copies of %zu KiB", size >> 10);
		for (unsigned int d = 0; d < BENCH_DIRECTIONS && b && !err; d++)
			err = bench_copy(b, &copies, d, size, &rates[d]);
		if (err)
			break;
		if (list)
			json_copy(list, size, b ? rates : NULL, cpu);
		else
			row_copy(&table, size, b ? rates : NULL, cpu);
	}
	progress_clear(&run->progress);
	if (b)
		bench_copies_destroy(b, &copies);
	if (err || list)
		table_free(&table);
	else
		err = table_print(&table, stdout) ? fail("out of memory") : 0;
	return err;
}

/* --------------------------------------------------------- submissions */

static int run_submissions(struct bench_run *run, struct bench *b)
{
	static const unsigned int depths[] = { 1, BENCH_DEEP };
	struct table table;
	cJSON *list = NULL;
	int err = 0;

	table_init(&table, "rrrrr");
	table_row(&table, "IN FLIGHT", "SUBMISSIONS/S", "MMIO WRITES", "MMIO READS", "INTERRUPTS");
	if (run->json)
		list = json_array(run->json, "submissions");
	for (unsigned int i = 0; i < 2 && !err; i++) {
		struct bench_submission s;
		char cells[5][24];

		progress_draw(&run->progress, "empty submissions, %u in flight", depths[i]);
		err = bench_submit(b, depths[i], &s);
		if (err)
			break;
		if (run->json) {
			cJSON *o = json_append_object(list);

			json_u64(o, "in_flight", depths[i]);
			json_double(o, "submissions_per_second", s.rate);
			json_double(o, "mmio_writes_per_submission", s.mmio_writes);
			json_double(o, "mmio_reads_per_submission", s.mmio_reads);
			json_double(o, "interrupts_per_submission", s.interrupts);
			continue;
		}
		snprintf(cells[0], sizeof(cells[0]), "%u", depths[i]);
		snprintf(cells[1], sizeof(cells[1]), "%.0f", s.rate);
		snprintf(cells[2], sizeof(cells[2]), "%.3f", s.mmio_writes);
		snprintf(cells[3], sizeof(cells[3]), "%.3f", s.mmio_reads);
		snprintf(cells[4], sizeof(cells[4]), "%.3f", s.interrupts);
		table_row(&table, cells[0], cells[1], cells[2], cells[3], cells[4]);
	}
	progress_clear(&run->progress);
	if (err || run->json)
		table_free(&table);
	else
		err = table_print(&table, stdout) ? fail("out of memory") : 0;
	return err;
}

/* ------------------------------------------------------ matrix products */

static double peak_of(const struct bench_run *run, uint32_t format)
{
	double dies = run->tile.mesh_cols * run->tile.mesh_rows * 1e9;

	switch (format) {
	case DOJO_FORMAT_FP32:
	case DOJO_FORMAT_INT32:
		return run->tile.peak_fp32_gflops * dies;
	case DOJO_FORMAT_INT8:
		return run->tile.peak_int8_gops * dies;
	default:
		return run->tile.peak_bf16_gflops * dies;
	}
}

/* which part of the model's formula is the largest */
static const char *bound_of(const struct bench_run *run, const struct bench_gemm *g)
{
	double element = dojo_format_size(g->format);
	double bytes = element * ((double)g->m * g->k + (double)g->k * g->n) + 4.0 * g->m * g->n;
	double compute = bench_gemm_flop(g) / peak_of(run, g->format);
	double hbm = bytes / (run->card.hbm_mbps * 1e6), launch = run->card.launch_ns / 1e9;

	if (launch > compute && launch > hbm)
		return "launch";
	return compute > hbm ? "compute" : "HBM";
}

static void add_gemm(struct bench_run *run, cJSON *list, struct table *table,
		     const struct bench_gemm *g)
{
	double flop = bench_gemm_flop(g), peak = peak_of(run, g->format);
	char shape[40], wall[24], busy[24], model[24], top[24], part[24];
	cJSON *o;

	if (run->json) {
		o = json_append_object(list);
		json_string(o, "format", dojo_format_name(g->format));
		json_u64(o, "m", g->m);
		json_u64(o, "n", g->n);
		json_u64(o, "k", g->k);
		json_double(o, "seconds", g->seconds);
		json_double(o, "device_seconds", g->busy_seconds);
		json_double(o, "measured_flops", flop / g->seconds);
		json_double(o, "modelled_seconds", g->model_seconds);
		json_double(o, "modelled_flops", flop / g->model_seconds);
		json_double(o, "peak_flops", peak);
		json_string(o, "model_bound", bound_of(run, g));
		return;
	}
	snprintf(shape, sizeof(shape), "%u x %u x %u", g->m, g->n, g->k);
	snprintf(part, sizeof(part), "%.1f %%", 100 * flop / g->model_seconds / peak);
	table_row(table, shape, dojo_format_name(g->format),
		  format_si(wall, sizeof(wall), flop / g->seconds, "FLOPS"),
		  format_si(busy, sizeof(busy), flop / g->busy_seconds, "FLOPS"),
		  format_si(model, sizeof(model), flop / g->model_seconds, "FLOPS"),
		  format_si(top, sizeof(top), peak, "FLOPS"), part, bound_of(run, g));
}

static int run_gemms(struct bench_run *run, struct bench *b)
{
	struct table table;
	cJSON *list = NULL;
	int err = 0;

	table_init(&table, "llrrrrrl");
	table_row(&table, "M x N x K", "FORMAT", "MEASURED", "DEVICE BUSY", "MODELLED", "PEAK",
		  "OF PEAK", "MODEL'S BOUND");
	if (run->json)
		list = json_array(run->json, "gemm");
	for (uint32_t f = 0; f < run->format_count && !err; f++) {
		for (uint32_t s = 0; s < run->side_count && !err; s++) {
			uint32_t n = run->sides[s];
			struct bench_gemm g = { .m = n, .n = n, .k = n, .format = run->formats[f] };

			progress_draw(&run->progress, "GEMM %u in %s", n,
				      dojo_format_name(g.format));
			err = bench_gemm(b, &g);
			if (!err)
				add_gemm(run, list, &table, &g);
		}
	}
	progress_clear(&run->progress);
	if (err || run->json)
		table_free(&table);
	else
		err = table_print(&table, stdout) ? fail("out of memory") : 0;
	return err;
}

static int run_host_gemm(struct bench_run *run)
{
	cJSON *list = run->json ? json_array(run->json, "sgemm") : NULL;

	for (uint32_t s = 0; s < run->side_count; s++) {
		const char *library;
		double flops = bench_sgemm(run->sides[s], &library);
		char text[24];

		if (run->json) {
			cJSON *o = json_append_object(list);

			json_u64(o, "m", run->sides[s]);
			json_u64(o, "n", run->sides[s]);
			json_u64(o, "k", run->sides[s]);
			json_string(o, "library", library);
			json_double(o, "measured_flops", flops);
		} else if (library) {
			printf("CPU sgemm %u, %s: %s\n", run->sides[s], library,
			       format_si(text, sizeof(text), flops, "FLOPS"));
		} else {
			printf("CPU sgemm: no BLAS found (libopenblas0-pthread has one)\n");
			break;
		}
	}
	return 0;
}

/* ------------------------------------------------------------- command */

static bool parse_sides(struct bench_run *run, const char *list, const struct usage *usage)
{
	char copy[128], *save, *word, *end;

	snprintf(copy, sizeof(copy), "%s", list);
	for (word = strtok_r(copy, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		unsigned long n = strtoul(word, &end, 10);

		if (*end || !n || n > 16384 || run->side_count == SIDES_MAX) {
			usage_error(usage,
				    "--sizes takes up to %u numbers from 1 to 16384, with commas between",
				    SIDES_MAX);
			return false;
		}
		run->sides[run->side_count++] = n;
	}
	return true;
}

static bool parse_formats(struct bench_run *run, const char *list, const struct usage *usage)
{
	char copy[128], *save, *word;

	snprintf(copy, sizeof(copy), "%s", list);
	for (word = strtok_r(copy, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		int format = dojo_format_from_name(word);

		if (format <= 0 || format == DOJO_FORMAT_INT8 || format == DOJO_FORMAT_INT32 ||
		    run->format_count == FORMATS_MAX) {
			usage_error(usage,
				    "--formats takes up to %u floating-point formats, with commas between, not '%s'",
				    FORMATS_MAX, word);
			return false;
		}
		run->formats[run->format_count++] = format;
	}
	return true;
}

static bool parse_parts(struct bench_run *run, char **names, int count, const struct usage *usage)
{
	run->copy = !count;
	run->submit = !count;
	run->gemm = !count;
	for (int i = 0; i < count; i++) {
		if (!strcmp(names[i], "copy")) {
			run->copy = true;
		} else if (!strcmp(names[i], "submit")) {
			run->submit = true;
		} else if (!strcmp(names[i], "gemm")) {
			run->gemm = true;
		} else {
			usage_error(usage, "unknown part '%s'", names[i]);
			return false;
		}
	}
	return true;
}

static int bench_tile(struct bench_run *run, const char *device)
{
	struct bench b;
	int err;

	err = bench_open(&b, device);
	if (!err && (dojo_device_card(b.dev, &run->card, sizeof(run->card)) ||
		     dojo_device_tile(b.dev, &run->tile, sizeof(run->tile))))
		err = fail("cannot query the tile");
	if (!err && run->copy)
		err = run_copies(run, &b);
	if (!err && run->submit)
		err = run_submissions(run, &b);
	if (!err && run->gemm)
		err = run_gemms(run, &b);
	bench_close(&b);
	return err;
}

static int bench_cpu(struct bench_run *run)
{
	int err = 0;

	if (run->copy)
		err = run_copies(run, NULL);
	if (!err && run->gemm)
		err = run_host_gemm(run);
	return err;
}

int cmd_bench(int argc, char **argv)
{
	const char *device = NULL, *sizes = "1024", *formats = "fp32";
	bool json = false, host = false;
	const struct option options[] = {
		{ "device", 'd', OPTION_STRING, &device, "TILE", "the tile to measure" },
		{ "host", 0, OPTION_FLAG, &host, NULL,
		  "measure this machine's CPU: memcpy and BLAS" },
		{ "sizes", 's', OPTION_STRING, &sizes, "LIST", "sides of square matrices (1024)" },
		{ "formats", 'f', OPTION_STRING, &formats, "LIST", "of the matrices (fp32)" },
		{ "json", 0, OPTION_FLAG, &json, NULL, "JSON, schema dojo/1" },
		{ 0 }
	};
	const struct usage usage = {
		.command = "bench",
		.summary =
			"Measure copies, empty submissions and matrix products. PART is copy, submit or gemm.\n"
			"Modelled figures say what the published hardware would do; they are no measurements.",
		.arguments = "[PART ...]",
		.max = 3,
		.options = options,
	};
	struct bench_run run = { 0 };
	int n, status;

	if (!options_parse(&usage, argc, argv, &n, &status))
		return status;
	if (!parse_parts(&run, argv, n, &usage) || !parse_sides(&run, sizes, &usage) ||
	    !parse_formats(&run, formats, &usage))
		return EXIT_USAGE;
	progress_init(&run.progress, stderr);
	if (json) {
		run.json = json_document("bench");
		json_bool(run.json, "host", host);
	}
	status = host ? bench_cpu(&run) : bench_tile(&run, device);
	if (run.json && !status)
		status = json_print(stdout, run.json, false) ? EXIT_FAILURE : EXIT_SUCCESS;
	else
		cJSON_Delete(run.json);
	return status;
}
