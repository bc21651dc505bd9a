// SPDX-License-Identifier: GPL-2.0-only
/* Workloads, and what the model makes of them. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include <dojo.h>

#include "check.h"
#include "perf_model.h"

#define TINY	0.000000000001
#define SMALL	0.000001

static struct workload w;

#define TWO_LAYERS \
	"{\"name\":\"two\",\"format\":\"bf16\",\"samples\":64,\"layers\":[{\"name\":\"a\",\"rows\":2,\"inputs\":100,\"outputs\":10,\"count\":3},{\"name\":\"b\",\"inputs\":10,\"outputs\":20,\"weights\":false}]}"

static void workloads_are_read(void)
{
	CHECK(!workload_parse(&w, TWO_LAYERS));
	CHECK(!strcmp(w.name, "two") && w.format == DOJO_FORMAT_BF16 && w.samples == 64 &&
	      w.count == 2);
	CHECK(w.layers[0].rows == 2 && w.layers[0].count == 3 && w.layers[0].weights);
	CHECK(w.layers[1].rows == 1 && w.layers[1].count == 1 && !w.layers[1].weights);
	CHECK(workload_parameters(&w) == 3000);
	CHECK(workload_flop(&w) == 64 * 6.0 * (2 * 100 * 10 * 3 + 10 * 20));
}

static void bad_workloads_are_refused(void)
{
	static const char *const bad[] = {
		"", "[]", "{}", "{", "{\"format\":\"fp99\"}", "{\"format\":1}",
		"{\"format\":\"bf16\"}", "{\"format\":\"bf16\",\"samples\":0}",
		"{\"format\":\"bf16\",\"samples\":1.5,\"layers\":[]}",
		"{\"format\":\"bf16\",\"samples\":1,\"layers\":[]}",
		"{\"format\":\"bf16\",\"samples\":1,\"layers\":{}}",
		"{\"format\":\"bf16\",\"samples\":1,\"layers\":[{}]}",
		"{\"format\":\"bf16\",\"samples\":1,\"layers\":[1]}",
		"{\"format\":\"bf16\",\"samples\":1,\"layers\":[{\"inputs\":1,\"outputs\":-1}]}",
		"{\"format\":\"bf16\",\"samples\":1,\"layers\":[{\"inputs\":1,\"outputs\":1e9}]}",
		"{\"format\":\"bf16\",\"samples\":1,\"layers\":[{\"inputs\":1,\"outputs\":1,\"weights\":1}]}",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		CHECK(workload_parse(&w, bad[i]) == -EBADMSG);
		CHECK(w.error[0]);
	}
	CHECK(workload_load(&w, "/nonexistent") == -ENOENT);
}

static void workloads_that_come_along_are_good(void)
{
	CHECK(!workload_load(&w, "workloads/gpt-1.3b.json"));
	CHECK(workload_parameters(&w) > 1.2e9 && workload_parameters(&w) < 1.4e9);
	CHECK(!workload_load(&w, "workloads/resnet-50.json"));
	/* 25.5 million, and 4.1 GMAC an image */
	CHECK(workload_parameters(&w) > 25e6 && workload_parameters(&w) < 26e6);
	CHECK(fabs(workload_flop(&w) / w.samples / 6 / 3.86e9 - 1) < 0.1);
}

static void a_packet_takes_its_longest_part(void)
{
	struct perf_machine m = perf_machine_of(DOJO_FORMAT_FP32, 1, false);

	CHECK(fabs(m.peak / 565e12 - 1) < SMALL);
	CHECK(fabs(perf_packet(&m, 0, 0) - 500 / 1e9) < TINY);
	CHECK(fabs(perf_packet(&m, 565e12, 0) - 1) < SMALL);
	CHECK(fabs(perf_packet(&m, 565e12, 1600e9) - 2) < SMALL);
	m = perf_machine_of(DOJO_FORMAT_BF16, 4, false);
	CHECK(fabs(perf_packet(&m, 0, 200e9) - 1) < SMALL);
	m = perf_machine_of(DOJO_FORMAT_BF16, 4, true);
	CHECK(fabs(perf_packet(&m, 0, 200e9) - 500 / 1e9) < TINY);
}

static void meshes_are_as_square_as_can_be(void)
{
	struct perf_machine m = perf_machine_of(DOJO_FORMAT_BF16, 120, false);

	CHECK(m.rows == 10 && m.columns == 12 && m.link > 0);
	m = perf_machine_of(DOJO_FORMAT_BF16, 13, false);
	CHECK(m.rows == 1 && m.columns == 13);
}

static void predictions_are_never_better_than_the_peak(void)
{
	static const unsigned int tiles[] = { 1, 2, 8, 12, 120, 11050 };

	CHECK(!workload_load(&w, "workloads/gpt-1.3b.json"));
	for (size_t i = 0; i < sizeof(tiles) / sizeof(*tiles); i++) {
		struct perf_machine m = perf_machine_of(w.format, tiles[i], true);
		struct perf_step s = perf_best(&w, tiles[i], true);

		CHECK(s.tiles == tiles[i] && tiles[i] % s.shards == 0);
		CHECK(workload_flop(&w) / perf_seconds(&s) <= m.peak * tiles[i]);
	}
}

static void what_has_no_room_does_not_fit(void)
{
	struct perf_step s;

	CHECK(!workload_load(&w, "workloads/gpt-1.3b.json"));
	/* 18 bytes a parameter: 23 GB, against 11 GB of SRAM */
	s = perf_best(&w, 1, true);
	CHECK(!s.fits);
	s = perf_best(&w, 4, true);
	CHECK(s.fits && s.shards == 4);
	/* no replica without a sample */
	w.samples = 1;
	s = perf_best(&w, 120, false);
	CHECK(s.fits && s.shards == 120);
}

static const struct test tests[] = {
	{ "workload: is read", workloads_are_read },
	{ "workload: bad ones are refused", bad_workloads_are_refused },
	{ "workload: those that come along are good", workloads_that_come_along_are_good },
	{ "model: a packet takes its longest part", a_packet_takes_its_longest_part },
	{ "model: meshes are as square as can be", meshes_are_as_square_as_can_be },
	{ "model: never better than the peak", predictions_are_never_better_than_the_peak },
	{ "model: what has no room does not fit", what_has_no_room_does_not_fit },
};

int main(void)
{
	return run_tests(tests, sizeof(tests) / sizeof(*tests));
}
