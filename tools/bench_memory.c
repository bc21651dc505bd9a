// SPDX-License-Identifier: GPL-2.0-only
/* Binds, allocations and eviction: what memory management costs. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

#include "bench.h"
#include "report.h"
#include "table.h"

#define BIND_TURNS	16
#define EVICT_TURNS	4
#define COPY_BYTES	(16u << 20)
#define ALLOCATIONS_MAX	100000
#define ROUND(n, to)	((n) / (to) * (to))

/**
 * struct binds - a buffer bound and unbound
 * @size: bytes
 * @bind, @unbind: the mean time, and the least instructions, since interrupts add their own;
 *	all NAN: the tile has no room for it
 * @bind_entries, @unbind_entries: of page tables, written
 */
struct binds {
	size_t size;
	struct cost bind, unbind;
	uint64_t bind_entries, unbind_entries;
};

/**
 * struct allocations - buffers of a page each, of one address space
 * @create, @destroy: of one
 */
struct allocations {
	unsigned int count;
	struct cost create, destroy;
};

/**
 * struct eviction - two address spaces take turns with more HBM than there is
 * @bytes: moved, out and in; 0: too much HBM for this machine's free memory
 * @rate: bytes a second
 * @instructions_per_mib: of the thread that submits
 */
struct eviction {
	uint64_t bytes;
	double rate;
	double instructions_per_mib;
};

/* --------------------------------------------------------------- binds */

static int entries(struct bench *b, uint64_t *writes)
{
	struct drm_dojo_vm_get_state state;
	int err = dojo_vm_get_state(b->vm, &state, sizeof(state));

	*writes = state.pt_writes;
	return err;
}

/* waits until the new buffer at @va has been cleared */
static int settle(struct bench *b, uint64_t va)
{
	dojo_batch_reset(b->batch);
	dojo_fill(b->batch, va, 4, 0);
	return dojo_queue_run(b->queues[DRM_DOJO_QUEUE_DMA], b->batch, BENCH_WAIT_NS);
}

/* one of BIND_TURNS turns */
static void add_turn(struct cost *cost, struct cost turn)
{
	cost->seconds += turn.seconds / BIND_TURNS;
	cost->instructions = fmin(cost->instructions, turn.instructions);
}

static int time_binds(struct bench *b, struct dojo_bo *bo, uint64_t va, struct binds *r)
{
	uint64_t before = 0, between = 0, after = 0;
	struct meter m;
	int err = 0;

	r->bind.instructions = NAN;
	r->unbind.instructions = NAN;
	meter_open(&m);
	for (unsigned int turn = 0; turn < BIND_TURNS && !err; turn++) {
		err = entries(b, &before);
		meter_start(&m);
		if (!err)
			err = dojo_vm_map_fixed(b->vm, bo, 0, r->size, 0, va);
		add_turn(&r->bind, meter_stop(&m));
		if (!err)
			err = entries(b, &between);
		meter_start(&m);
		if (!err)
			err = dojo_vm_unmap_fixed(b->vm, va, r->size);
		add_turn(&r->unbind, meter_stop(&m));
		if (!err)
			err = entries(b, &after);
		r->bind_entries = between - before;
		r->unbind_entries = after - between;
	}
	meter_close(&m);
	return err;
}

static int measure_binds(struct bench *b, size_t size, struct binds *r)
{
	struct dojo_bo *bo;
	uint64_t va = 0;
	int err;

	*r = (struct binds){ .size = size };
	err = dojo_bo_create(b->dev, size, DRM_DOJO_DOMAIN_HBM, 0, b->vm, &bo);
	if (err == -ENOSPC) {
		r->bind = (struct cost){ NAN, NAN };
		r->unbind = r->bind;
		return 0;
	}
	if (!err)
		err = dojo_va_alloc(b->vm, size, 1 << 30, &va);
	if (!err)
		err = dojo_vm_map_fixed(b->vm, bo, 0, size, 0, va);
	if (!err)
		err = settle(b, va);
	if (!err)
		err = dojo_vm_unmap_fixed(b->vm, va, size);
	if (!err)
		err = time_binds(b, bo, va, r);
	if (va)
		dojo_va_free(b->vm, va);
	dojo_bo_destroy(bo);
	return err ? fail_device(b->dev, err, "bind %zu bytes", size) : 0;
}

/* --------------------------------------------------------- allocations */

static struct cost each(struct cost all, unsigned int count)
{
	return (struct cost){ all.seconds / count, all.instructions / count };
}

static int measure_allocations(struct bench *b, unsigned int count, struct allocations *r)
{
	struct dojo_bo **bos = calloc(count, sizeof(*bos));
	unsigned int made = 0;
	struct meter m;
	int err = bos ? 0 : -ENOMEM;

	*r = (struct allocations){ .count = count };
	meter_open(&m);
	meter_start(&m);
	while (made < count && !err) {
		err = dojo_bo_create(b->dev, 4096, DRM_DOJO_DOMAIN_HBM, 0, b->vm, &bos[made]);
		made += !err;
	}
	r->create = each(meter_stop(&m), count);
	meter_start(&m);
	while (made)
		dojo_bo_destroy(bos[--made]);
	r->destroy = each(meter_stop(&m), count);
	meter_close(&m);
	free(bos);
	return err ? fail_device(b->dev, err, "allocate %u buffers", count) : 0;
}

/* ------------------------------------------------------------ eviction */

/**
 * struct rival - an address space with most of the HBM
 */
struct rival {
	struct dojo_vm *vm;
	struct dojo_queue *queue;
	struct dojo_batch *batch;
	struct buffer buffer;
};

static int rival_create(struct rival *r, struct dojo_device *dev, uint64_t size)
{
	int err;

	memset(r, 0, sizeof(*r));
	err = dojo_vm_create(dev, &r->vm);
	if (!err)
		err = dojo_queue_create(r->vm, DRM_DOJO_QUEUE_DMA, NULL, &r->queue);
	if (!err)
		err = dojo_batch_create(r->vm, 4096, 0, &r->batch);
	if (!err)
		err = buffer_create(&r->buffer, r->vm, size, DRM_DOJO_DOMAIN_HBM);
	if (!err)
		dojo_fill(r->batch, r->buffer.va, 4096, 1);
	return err;
}

static void rival_destroy(struct rival *r)
{
	if (!r->vm)
		return;
	buffer_destroy(&r->buffer, r->vm);
	dojo_batch_destroy(r->batch);
	dojo_queue_destroy(r->queue);
	dojo_vm_destroy(r->vm);
}

static int measure_eviction(struct bench *b, struct eviction *r)
{
	struct drm_dojo_memory_info before, after;
	struct rival rivals[2] = { 0 };
	struct cost cost;
	struct sysinfo host;
	struct meter m;
	uint64_t size;
	int err;

	*r = (struct eviction){ .rate = NAN, .instructions_per_mib = NAN };
	err = dojo_device_memory(b->dev, &before, sizeof(before));
	if (err)
		return fail_device(b->dev, err, "query memory");
	/* the two do not fit together; one of them lies in system memory, for a moment both */
	size = ROUND(before.hbm_total / 10 * 6, 2u << 20);
	sysinfo(&host);
	if (3 * size > (uint64_t)host.freeram * host.mem_unit)
		return 0;

	for (unsigned int i = 0; i < 2 && !err; i++)
		err = rival_create(&rivals[i], b->dev, size);
	for (unsigned int i = 0; i < 2 && !err; i++)
		err = dojo_queue_run(rivals[i].queue, rivals[i].batch, BENCH_WAIT_NS);
	if (!err)
		err = dojo_device_memory(b->dev, &before, sizeof(before));
	meter_open(&m);
	meter_start(&m);
	for (unsigned int turn = 0; turn < EVICT_TURNS && !err; turn++)
		err = dojo_queue_run(rivals[turn % 2].queue, rivals[turn % 2].batch, BENCH_WAIT_NS);
	cost = meter_stop(&m);
	meter_close(&m);
	if (!err)
		err = dojo_device_memory(b->dev, &after, sizeof(after));
	if (!err) {
		r->bytes = after.evicted - before.evicted + after.restored - before.restored;
		if (r->bytes) {
			r->rate = r->bytes / cost.seconds;
			r->instructions_per_mib = cost.instructions / (r->bytes >> 20);
		}
	}
	for (unsigned int i = 0; i < 2; i++)
		rival_destroy(&rivals[i]);
	return err ? fail_device(b->dev, err, "evict") : 0;
}

/* ------------------------------------------------------------- shown */

static void json_cost(cJSON *o, const char *operation, const struct cost *cost)
{
	char key[48];

	snprintf(key, sizeof(key), "%s_seconds", operation);
	json_double(o, key, cost->seconds);
	snprintf(key, sizeof(key), "%s_instructions", operation);
	json_double(o, key, cost->instructions);
}

/* microseconds, and instructions if they are known */
static const char *format_cost(char *text, size_t size, const struct cost *cost)
{
	if (isnan(cost->seconds) && isnan(cost->instructions))
		snprintf(text, size, "-");
	else if (isnan(cost->seconds))
		snprintf(text, size, "%.0f insn", cost->instructions);
	else if (isnan(cost->instructions))
		snprintf(text, size, "%.1f us", cost->seconds * 1e6);
	else
		snprintf(text, size, "%.1f us, %.0f insn", cost->seconds * 1e6,
			 cost->instructions);
	return text;
}

static int run_binds(struct bench_run *run, cJSON *memory)
{
	static const size_t sizes[] = { 4096, 2u << 20, 1u << 30 };
	cJSON *list = memory ? json_array(memory, "binds") : NULL;
	struct table table;
	int err = 0;

	table_init(&table, "rrrrr");
	table_row(&table, "SIZE", "BIND", "ENTRIES WRITTEN", "UNBIND", "ENTRIES WRITTEN");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes) && !err; i++) {
		char text[24], bind[40], unbind[40], written[2][24];
		struct binds r;

		progress_draw(&run->progress, "binds of %zu KiB", sizes[i] >> 10);
		err = measure_binds(run->tile, sizes[i], &r);
		if (err)
			break;
		if (list) {
			cJSON *o = json_append_object(list);

			json_u64(o, "size_bytes", r.size);
			json_cost(o, "bind", &r.bind);
			json_u64(o, "bind_entries_written", r.bind_entries);
			json_cost(o, "unbind", &r.unbind);
			json_u64(o, "unbind_entries_written", r.unbind_entries);
			continue;
		}
		snprintf(written[0], sizeof(written[0]), "%llu",
			 (unsigned long long)r.bind_entries);
		snprintf(written[1], sizeof(written[1]), "%llu",
			 (unsigned long long)r.unbind_entries);
		table_row(&table, format_bytes(text, sizeof(text), r.size),
			  format_cost(bind, sizeof(bind), &r.bind), written[0],
			  format_cost(unbind, sizeof(unbind), &r.unbind), written[1]);
	}
	progress_clear(&run->progress);
	if (err || list)
		table_free(&table);
	else
		err = table_print(&table, stdout) ? fail("out of memory") : 0;
	return err;
}

static int run_allocations(struct bench_run *run, cJSON *memory)
{
	cJSON *list = memory ? json_array(memory, "allocations") : NULL;
	struct table table;
	int err = 0;

	table_init(&table, "rrr");
	table_row(&table, "BUFFERS", "CREATE ONE", "DESTROY ONE");
	for (unsigned int count = 1; count <= ALLOCATIONS_MAX && !err; count *= 10) {
		char text[24], create[40], destroy[40];
		struct allocations r;

		progress_draw(&run->progress, "%u buffers", count);
		err = measure_allocations(run->tile, count, &r);
		if (err)
			break;
		if (list) {
			cJSON *o = json_append_object(list);

			json_u64(o, "buffers", count);
			json_cost(o, "create", &r.create);
			json_cost(o, "destroy", &r.destroy);
			continue;
		}
		snprintf(text, sizeof(text), "%u", count);
		table_row(&table, text, format_cost(create, sizeof(create), &r.create),
			  format_cost(destroy, sizeof(destroy), &r.destroy));
	}
	progress_clear(&run->progress);
	if (err || list)
		table_free(&table);
	else
		err = table_print(&table, stdout) ? fail("out of memory") : 0;
	return err;
}

/* bytes a second of a copy to @to */
static int measure_copy(struct bench *b, uint64_t to, uint64_t from, double *rate)
{
	double seconds;
	int err = 0;

	dojo_batch_reset(b->batch);
	dojo_copy(b->batch, to, from, COPY_BYTES);
	*rate = 0;
	for (unsigned int turn = 0; turn < BENCH_TURNS && !err; turn++) {
		err = bench_timed(b, DRM_DOJO_QUEUE_DMA, &seconds);
		*rate = fmax(*rate, COPY_BYTES / seconds);
	}
	return err;
}

/* what the same engines do without memory management */
static int measure_copies(struct bench *b, double *out, double *in)
{
	struct buffer host = { 0 }, hbm = { 0 };
	int err;

	err = buffer_create(&host, b->vm, COPY_BYTES, DRM_DOJO_DOMAIN_SYSTEM);
	if (!err)
		err = buffer_create(&hbm, b->vm, COPY_BYTES, DRM_DOJO_DOMAIN_HBM);
	if (!err)
		err = measure_copy(b, host.va, hbm.va, out);
	if (!err)
		err = measure_copy(b, hbm.va, host.va, in);
	buffer_destroy(&host, b->vm);
	buffer_destroy(&hbm, b->vm);
	return err ? fail_device(b->dev, err, "copy") : 0;
}

static int run_eviction(struct bench_run *run, cJSON *memory)
{
	double out = NAN, in = NAN;
	struct eviction r;
	char text[3][24];
	int err;

	progress_draw(&run->progress, "eviction");
	err = measure_copies(run->tile, &out, &in);
	if (!err)
		err = measure_eviction(run->tile, &r);
	progress_clear(&run->progress);
	if (err)
		return err;
	if (memory) {
		cJSON *o = cJSON_AddObjectToObject(memory, "eviction");

		json_u64(o, "moved_bytes", r.bytes);
		json_double(o, "moved_bytes_per_second", r.rate);
		json_double(o, "instructions_per_mib", r.instructions_per_mib);
		json_double(o, "hbm_to_host_bytes_per_second", out);
		json_double(o, "host_to_hbm_bytes_per_second", in);
		return 0;
	}
	if (!r.bytes) {
		printf("not measured: the tile has more HBM than this machine has free memory\n");
		return 0;
	}
	if (!isnan(r.rate))
		printf("eviction: %s out and in, beside copies of %s out and %s in\n",
		       format_si(text[0], sizeof(text[0]), r.rate, "B/s"),
		       format_si(text[1], sizeof(text[1]), out, "B/s"),
		       format_si(text[2], sizeof(text[2]), in, "B/s"));
	if (!isnan(r.instructions_per_mib))
		printf("eviction: %.0f instructions a MiB\n", r.instructions_per_mib);
	return 0;
}

static int run(struct bench_run *run)
{
	cJSON *memory = run->json ? cJSON_AddObjectToObject(run->json, "memory") : NULL;
	int err;

	bench_heading(run, "Memory: binds, with the page-table entries that each writes");
	err = run_binds(run, memory);
	if (err)
		return err;
	bench_heading(run, "Buffers of a page, so many at once");
	err = run_allocations(run, memory);
	if (err)
		return err;
	bench_heading(run, "More HBM in use than there is");
	return run_eviction(run, memory);
}

const struct bench_group bench_memory = { "memory", run, false };
