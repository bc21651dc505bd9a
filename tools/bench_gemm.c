// SPDX-License-Identifier: GPL-2.0-only
/*
 * Matrix products: as measured, beside the sgemm of the BLAS that is installed; as
 * the model clock has them, beside the format's peak; and on paper over shapes
 * that nobody would wait for.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "report.h"
#include "table.h"

#define PATIENCE	2.0	/* seconds; what takes longer is done once */
#define TOO_LONG	10.0	/* seconds; what the CPU is not asked to do */

/**
 * struct product - one matrix product, D in FP32
 * @format: enum dojo_format of A and B
 * @seconds: from submission to the end of waiting
 * @busy_seconds: on the mesh, as the queue counts it
 * @model_seconds: on the published hardware, modelled
 * @cpu, @host: FLOPS of sgemm here, and on the machine around this one
 */
struct product {
	uint32_t m, n, k;
	uint32_t format;
	double seconds;
	double busy_seconds;
	double model_seconds;
	double cpu, host;
};

static double flop_of(const struct product *p)
{
	return 2.0 * p->m * p->n * p->k;
}

/* ------------------------------------------------------------- the CPU */

/* FLOPS of C = A x B, @n a side; NAN without a BLAS, or if it would take too long */
static double sgemm_on_cpu(uint32_t n, double expected, const char **library)
{
	bench_sgemm_fn *sgemm = bench_find_sgemm(library);
	size_t count = (size_t)n * n;
	double best = NAN, flop = 2.0 * n * n * n;
	float *m;

	if (!sgemm || flop / expected > TOO_LONG)
		return NAN;
	m = malloc(3 * count * sizeof(*m));
	if (!m)
		return NAN;
	for (size_t i = 0; i < 3 * count; i++)
		m[i] = 1;
	/* the first starts the library's threads */
	for (unsigned int turn = 0; turn <= BENCH_TURNS; turn++) {
		double begin = now_seconds(), seconds;

		sgemm(BENCH_ROW_MAJOR, BENCH_AS_IS, BENCH_AS_IS, n, n, n, 1, m, n, m + count, n, 0,
		      m + 2 * count, n);
		seconds = now_seconds() - begin;
		if (turn || seconds > PATIENCE)
			best = fmax(best, flop / seconds);
		if (seconds > PATIENCE)
			break;
	}
	free(m);
	return best;
}

static int run_cpu(struct bench_run *run)
{
	cJSON *list = run->json ? json_array(run->json, "sgemm") : NULL;
	const char *library;
	struct table table;
	double flops = NAN;

	bench_heading(run, "sgemm");
	table_init(&table, "lrr");
	table_row(&table, "LIBRARY", "SIDE", "MEASURED");
	for (uint32_t s = 0; s < run->side_count; s++) {
		char side[16], text[24];

		progress_draw(&run->progress, "sgemm %u", run->sides[s]);
		flops = sgemm_on_cpu(run->sides[s], flops, &library);
		if (list) {
			cJSON *o = json_append_object(list);

			json_u64(o, "m", run->sides[s]);
			json_u64(o, "n", run->sides[s]);
			json_u64(o, "k", run->sides[s]);
			json_string(o, "library", library);
			json_double(o, "measured_flops", flops);
		}
		snprintf(side, sizeof(side), "%u", run->sides[s]);
		table_row(&table, library, side,
			  isfinite(flops) ? format_si(text, sizeof(text), flops, "FLOPS") : NULL);
	}
	progress_clear(&run->progress);
	if (!list && library)
		return table_print(&table, stdout) ? fail("out of memory") : 0;
	table_free(&table);
	if (!list)
		printf("no BLAS found that works on this CPU (libopenblas0-pthread has one)\n");
	return 0;
}

/* -------------------------------------------------------------- a tile */

/* a word full of ones in each format */
static uint32_t ones(uint32_t format, uint8_t *bias)
{
	*bias = 0;
	switch (format) {
	case DOJO_FORMAT_FP32:
		return 0x3f800000;
	case DOJO_FORMAT_BF16:
		return 0x3f803f80;
	case DOJO_FORMAT_FP16:
		return 0x3c003c00;
	case DOJO_FORMAT_CFLOAT8_143:
		*bias = 7;
		return 0x38383838;
	case DOJO_FORMAT_CFLOAT8_152:
		*bias = 15;
		return 0x3c3c3c3c;
	case DOJO_FORMAT_CFLOAT16_SHP:
		*bias = 15;
		return 0x3c003c00;
	case DOJO_FORMAT_CFLOAT16_UHP:
		return 0x7c007c00;
	default:
		return 0x01010101;
	}
}

/* every element of D is the sum of k ones */
static int check(struct bench *b, const struct product *p, const struct buffer *d,
		 const struct buffer *probe)
{
	size_t last = (size_t)p->m * p->n - 1;
	const float *seen = probe->memory;
	int err;

	dojo_batch_reset(b->batch);
	dojo_copy(b->batch, probe->va, d->va, 4);
	dojo_copy(b->batch, probe->va + 4, d->va + 4 * last, 4);
	err = dojo_queue_run(b->queues[DRM_DOJO_QUEUE_COMPUTE], b->batch, BENCH_WAIT_NS);
	if (err)
		return fail_device(b->dev, err, "read the product");
	if (seen[0] != p->k || seen[1] != p->k)
		return fail("the product of ones is %g and %g, not %u", seen[0], seen[1], p->k);
	return 0;
}

static int time_product(struct bench *b, struct product *p)
{
	struct dojo_queue *queue = b->queues[DRM_DOJO_QUEUE_COMPUTE];
	struct drm_dojo_queue_get_state before, after;
	double seconds = 0;
	int err = 0;

	p->seconds = INFINITY;
	for (unsigned int turn = 0; turn < BENCH_TURNS && seconds < PATIENCE && !err; turn++) {
		err = dojo_queue_get_state(queue, &before, sizeof(before));
		if (!err)
			err = bench_timed(b, DRM_DOJO_QUEUE_COMPUTE, &seconds);
		if (!err)
			err = dojo_queue_get_state(queue, &after, sizeof(after));
		if (err || seconds >= p->seconds)
			continue;
		p->seconds = seconds;
		p->busy_seconds = (after.busy_ns - before.busy_ns) / 1e9 / b->tile.mesh_cols /
				  b->tile.mesh_rows;
		p->model_seconds = (after.model_ps - before.model_ps) / 1e12;
	}
	return err ? fail_device(b->dev, err, "multiply matrices") : 0;
}

static int measure(struct bench *b, struct product *p)
{
	uint64_t sizes[3] = { (uint64_t)p->m * p->k, (uint64_t)p->k * p->n,
			      (uint64_t)p->m * p->n };
	struct buffer buffers[3] = { 0 }, probe = { 0 };
	struct dojo_tensor a, bt, d;
	uint32_t pattern;
	uint8_t bias;
	int err = 0;

	pattern = ones(p->format, &bias);
	dojo_batch_reset(b->batch);
	for (unsigned int i = 0; i < 3 && !err; i++) {
		uint64_t bytes = sizes[i] * (i < 2 ? dojo_format_size(p->format) : 4);

		err = buffer_create(&buffers[i], b->vm, bytes, DRM_DOJO_DOMAIN_HBM);
		if (!err)
			dojo_fill(b->batch, buffers[i].va, buffers[i].size, i < 2 ? pattern : 0);
	}
	if (!err)
		err = buffer_create_mapped(&probe, b->vm, 4096, DRM_DOJO_DOMAIN_SYSTEM);
	if (!err)
		err = dojo_queue_run(b->queues[DRM_DOJO_QUEUE_COMPUTE], b->batch, BENCH_WAIT_NS);
	if (err) {
		err = fail_device(b->dev, err, "set matrices up");
		goto out;
	}

	a = dojo_tensor_2d(buffers[0].va, p->format, p->m, p->k);
	bt = dojo_tensor_2d(buffers[1].va, p->format, p->k, p->n);
	d = dojo_tensor_2d(buffers[2].va, DOJO_FORMAT_FP32, p->m, p->n);
	if (bias) {
		a = dojo_tensor_with_bias(a, bias);
		bt = dojo_tensor_with_bias(bt, bias);
	}
	dojo_batch_reset(b->batch);
	dojo_gemm(b->batch, 0, &a, &bt, &d, NULL);
	err = time_product(b, p);
	if (!err)
		err = check(b, p, &buffers[2], &probe);
out:
	for (unsigned int i = 0; i < 3; i++)
		buffer_destroy(&buffers[i], b->vm);
	buffer_destroy(&probe, b->vm);
	return err;
}

/* --------------------------------------------------------------- model */

static double peak_of(const struct bench *b, uint32_t format)
{
	double dies = b->tile.mesh_cols * b->tile.mesh_rows * 1e9;

	switch (format) {
	case DOJO_FORMAT_FP32:
	case DOJO_FORMAT_INT32:
		return b->tile.peak_fp32_gflops * dies;
	case DOJO_FORMAT_INT8:
		return b->tile.peak_int8_gops * dies;
	default:
		return b->tile.peak_bf16_gflops * dies;
	}
}

/*
 * The model's formula (driver/HARDWARE.md, section 12) for a product whose operands
 * lie in HBM, or in SRAM. @bound: its largest part.
 */
static double formula(const struct bench *b, const struct product *p, bool sram,
		      const char **bound)
{
	double element = dojo_format_size(p->format);
	double bytes = element * ((double)p->m * p->k + (double)p->k * p->n) + 4.0 * p->m * p->n;
	double compute = flop_of(p) / peak_of(b, p->format);
	double hbm = sram ? 0 : bytes / (b->card.hbm_mbps * 1e6);
	double ttp = sram ? 0 : bytes / (b->card.ttp_mbps * 1e6);
	double launch = b->card.launch_ns / 1e9, longest = fmax(compute, fmax(hbm, ttp));

	*bound = launch > longest ? "launch" : compute == longest ? "compute" :
		 hbm == longest ? "HBM" : "TTP";
	return launch + longest;
}

/* ------------------------------------------------------------- reports */

static void add_json(const struct bench_run *run, cJSON *list, const struct product *p)
{
	double flop = flop_of(p);
	const char *bound;
	cJSON *o = json_append_object(list);

	formula(run->tile, p, false, &bound);
	json_string(o, "format", dojo_format_name(p->format));
	json_u64(o, "m", p->m);
	json_u64(o, "n", p->n);
	json_u64(o, "k", p->k);
	json_double(o, "seconds", p->seconds);
	json_double(o, "device_seconds", p->busy_seconds);
	json_double(o, "measured_flops", flop / p->seconds);
	json_double(o, "cpu_sgemm_flops", p->cpu);
	json_double(o, "host_sgemm_flops", p->host);
	json_double(o, "modelled_seconds", p->model_seconds);
	json_double(o, "modelled_flops", flop / p->model_seconds);
	json_double(o, "peak_flops", peak_of(run->tile, p->format));
	json_string(o, "model_bound", bound);
}

static void add_row(const struct bench_run *run, struct table *table, const struct product *p)
{
	char side[16], wall[24], busy[24], cpu[24], host[24], part[16], model[24], top[24], of[16];
	double flop = flop_of(p), peak = peak_of(run->tile, p->format);

	snprintf(side, sizeof(side), "%u", p->n);
	snprintf(of, sizeof(of), "%.2f %%", 100 * flop / p->model_seconds / peak);
	table_row(table, side, dojo_format_name(p->format),
		  format_si(wall, sizeof(wall), flop / p->seconds, "FLOPS"),
		  format_si(busy, sizeof(busy), flop / p->busy_seconds, "FLOPS"),
		  isfinite(p->cpu) ? format_si(cpu, sizeof(cpu), p->cpu, "FLOPS") : NULL,
		  isfinite(p->host) ? format_si(host, sizeof(host), p->host, "FLOPS") : NULL,
		  bench_ratio(part, sizeof(part), flop / p->busy_seconds / p->host),
		  format_si(model, sizeof(model), flop / p->model_seconds, "FLOPS"),
		  format_si(top, sizeof(top), peak, "FLOPS"), of);
}

static int run_tile(struct bench_run *run)
{
	cJSON *list = run->json ? json_array(run->json, "gemm") : NULL;
	double cpu[BENCH_SIDES_MAX], expected = NAN;
	const char *library;
	struct table table;
	int err = 0;

	bench_heading(run,
		      "Products N x N x N; modelled: on the published hardware, operands in HBM");
	table_init(&table, "rlrrrrrrrr");
	table_row(&table, "N", "FORMAT", "MEASURED", "DEVICE BUSY", "CPU SGEMM", "HOST'S SGEMM",
		  "BUSY OF IT", "MODELLED", "PEAK", "OF PEAK");
	for (uint32_t s = 0; s < run->side_count; s++) {
		progress_draw(&run->progress, "sgemm %u", run->sides[s]);
		cpu[s] = sgemm_on_cpu(run->sides[s], expected, &library);
		if (isfinite(cpu[s]))
			expected = cpu[s];
	}
	for (uint32_t f = 0; f < run->format_count && !err; f++) {
		for (uint32_t s = 0; s < run->side_count && !err; s++) {
			uint32_t n = run->sides[s];
			struct product p = { .m = n, .n = n, .k = n, .format = run->formats[f] };

			progress_draw(&run->progress, "GEMM %u in %s", n,
				      dojo_format_name(p.format));
			p.cpu = cpu[s];
			p.host = bench_beside(run, "sgemm", "n", n, "measured_flops");
			err = measure(run->tile, &p);
			if (!err && list)
				add_json(run, list, &p);
			else if (!err)
				add_row(run, &table, &p);
		}
	}
	progress_clear(&run->progress);
	if (!err && !list)
		return table_print(&table, stdout) ? fail("out of memory") : 0;
	table_free(&table);
	return err;
}

static int run(struct bench_run *run)
{
	return run->tile ? run_tile(run) : run_cpu(run);
}

/* -------------------------------------------------------------- shapes */

static void add_shape(struct bench_run *run, cJSON *list, struct table *table,
		      const struct product *p)
{
	double peak = peak_of(run->tile, p->format), flops[2];
	char shape[48], text[2][24], part[2][16];
	const char *bound[2];

	for (unsigned int i = 0; i < 2; i++) {
		flops[i] = flop_of(p) / formula(run->tile, p, i, &bound[i]);
		format_si(text[i], sizeof(text[i]), flops[i], "FLOPS");
		snprintf(part[i], sizeof(part[i]), "%.2f %%", 100 * flops[i] / peak);
	}
	if (list) {
		cJSON *o = json_append_object(list);

		json_string(o, "format", dojo_format_name(p->format));
		json_u64(o, "m", p->m);
		json_u64(o, "n", p->n);
		json_u64(o, "k", p->k);
		json_double(o, "modelled_hbm_flops", flops[0]);
		json_string(o, "hbm_bound", bound[0]);
		json_double(o, "modelled_sram_flops", flops[1]);
		json_string(o, "sram_bound", bound[1]);
		json_double(o, "peak_flops", peak);
		return;
	}
	snprintf(shape, sizeof(shape), "%u x %u x %u", p->m, p->n, p->k);
	table_row(table, shape, dojo_format_name(p->format), text[0], part[0], bound[0], text[1],
		  part[1], bound[1]);
}

/* whether a format before the @f-th has the same size and peak: the same figures */
static bool seen_before(const struct bench_run *run, uint32_t f)
{
	uint32_t format = run->formats[f];

	for (uint32_t i = 0; i < f; i++) {
		if (dojo_format_size(run->formats[i]) == dojo_format_size(format) &&
		    peak_of(run->tile, run->formats[i]) == peak_of(run->tile, format))
			return true;
	}
	return false;
}

/* Where the roofline bends: nothing is run, the formula is the model clock's */
static int run_shapes(struct bench_run *run)
{
	static const struct product shapes[] = {
		{ .m = 256, .n = 256, .k = 256 },
		{ .m = 1024, .n = 1024, .k = 1024 },
		{ .m = 4096, .n = 4096, .k = 4096 },
		{ .m = 16384, .n = 16384, .k = 16384 },
		{ .m = 65536, .n = 65536, .k = 65536 },
		{ .m = 1, .n = 16384, .k = 16384 },
		{ .m = 64, .n = 16384, .k = 16384 },
		{ .m = 16384, .n = 16384, .k = 64 },
	};
	cJSON *list = run->json ? json_array(run->json, "shapes") : NULL;
	struct table table;

	bench_heading(run,
		      "Modelled, not run: where the roofline of the published hardware bends");
	table_init(&table, "llrrlrrl");
	table_row(&table, "M x N x K", "FORMAT", "FROM HBM", "OF PEAK", "BOUND", "FROM SRAM",
		  "OF PEAK", "BOUND");
	for (uint32_t f = 0; f < run->format_count; f++) {
		if (seen_before(run, f))
			continue;
		for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
			struct product p = shapes[i];

			p.format = run->formats[f];
			add_shape(run, list, &table, &p);
		}
	}
	if (!list)
		return table_print(&table, stdout) ? fail("out of memory") : 0;
	table_free(&table);
	return 0;
}

const struct bench_group bench_gemm = { "gemm", run, true };
const struct bench_group bench_shapes = { "shapes", run_shapes, false };
