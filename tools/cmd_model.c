// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <dojo.h>

#include "commands.h"
#include "json.h"
#include "model_check.h"
#include "options.h"
#include "perf_model.h"
#include "report.h"
#include "table.h"

#define EXAPOD_TILES	120
/* 100 EFLOPS, which Tesla's chart of 2023 announced for October 2024, in tiles of 9.05 PFLOPS */
#define CHART_TILES	11050
#define CHECK_TOLERANCE	0.02

static const struct {
	unsigned int tiles;
	const char *what;
} ladder[] = {
	{ 1, "a tile" }, { 2, "a card of 2" }, { 4, "a card of 4" }, { 8, "a card of 8" },
	{ 12, "a cabinet" }, { 60, "half an ExaPOD" },
	{ EXAPOD_TILES, "an ExaPOD" }, { 1200, "10 ExaPODs" }, { CHART_TILES, "the chart of 2023" },
};

/* the network of dojo train, for those who name no file */
#define MLP \
	"{\"name\":\"784-256-10 on Fashion-MNIST\",\"format\":\"fp32\",\"samples\":960,\"layers\":[{\"name\":\"hidden\",\"inputs\":784,\"outputs\":256},{\"name\":\"output\",\"inputs\":256,\"outputs\":10}]}"

static void format_time(char *text, size_t size, double seconds)
{
	if (seconds < 0.001)
		snprintf(text, size, "%.1f us", seconds * 1e6);
	else if (seconds < 1)
		snprintf(text, size, "%.2f ms", seconds * 1e3);
	else
		snprintf(text, size, "%.2f s", seconds);
}

static void show_step(const struct workload *w, const struct perf_step *s, bool sram,
		      const char *what, cJSON *list, struct table *t)
{
	struct perf_machine m = perf_machine_of(w->format, s->tiles, sram);
	double seconds = perf_seconds(s), flops = workload_flop(w) / seconds;
	char tiles[16], shards[16], time[24], rate[24], speed[24], part[16], exchange[16];
	char peak[24], place[64];
	cJSON *o;

	if (list) {
		o = json_append_object(list);
		json_u64(o, "tiles", s->tiles);
		json_bool(o, "fits", s->fits);
		json_u64(o, "shards", s->shards);
		json_u64(o, "replicas", s->tiles / s->shards);
		json_double(o, "modelled_step_seconds", s->fits ? seconds : NAN);
		json_double(o, "modelled_arithmetic_seconds", s->arithmetic);
		json_double(o, "modelled_exchange_seconds", s->exchange);
		json_double(o, "modelled_update_seconds", s->update);
		json_double(o, "modelled_samples_per_second", s->fits ? w->samples / seconds : NAN);
		json_double(o, "modelled_flops", s->fits ? flops : NAN);
		json_double(o, "peak_flops", m.peak * s->tiles);
		return;
	}
	snprintf(tiles, sizeof(tiles), "%u", s->tiles);
	if (!s->fits) {
		table_row(t, tiles, NULL, NULL, NULL, NULL, NULL, NULL,
			  "does not fit, or has fewer samples than replicas");
		return;
	}
	snprintf(shards, sizeof(shards), "%u", s->shards);
	format_time(time, sizeof(time), seconds);
	format_si(rate, sizeof(rate), w->samples / seconds, "");
	format_si(speed, sizeof(speed), flops, "FLOPS");
	snprintf(part, sizeof(part), "%.2f %%", 100 * flops / m.peak / s->tiles);
	snprintf(exchange, sizeof(exchange), "%.0f %%", 100 * s->exchange / seconds);
	snprintf(place, sizeof(place), "%s, peak %s", what,
		 format_si(peak, sizeof(peak), m.peak * s->tiles, "FLOPS"));
	table_row(t, tiles, shards, time, rate, speed, part, exchange, place);
}

static int show_ladder(const struct workload *w, unsigned int most, bool sram, cJSON *root)
{
	cJSON *list = root ? json_array(root, "steps") : NULL;
	struct table t;
	bool shown = false;

	table_init(&t, "rrrrrrrl");
	table_row(&t, "TILES", "SHARDS", "STEP", "SAMPLES/S", "MODELLED", "OF PEAK", "EXCHANGE",
		  "WHAT");
	for (size_t i = 0; i < sizeof(ladder) / sizeof(*ladder); i++) {
		struct perf_step step;

		if (ladder[i].tiles > most)
			break;
		shown = ladder[i].tiles == most;
		step = perf_best(w, ladder[i].tiles, sram);
		show_step(w, &step, sram, ladder[i].what, list, &t);
	}
	if (!shown) {
		struct perf_step step = perf_best(w, most, sram);

		show_step(w, &step, sram, "as asked for", list, &t);
	}
	if (!root)
		return table_print(&t, stdout) ? fail("out of memory") : 0;
	table_free(&t);
	return 0;
}

/* perf_predict() beside the model clocks of real tiles */
static int show_check(const struct workload *w, cJSON *root)
{
	static const unsigned int counts[] = { 1, 2, 4, 8 };
	cJSON *list = root ? json_array(root, "checks") : NULL;
	int status = EXIT_SUCCESS, err = 0;
	struct table t;

	table_init(&t, "rrrr");
	table_row(&t, "TILES", "PREDICTED", "MODEL CLOCK", "DIFFERENCE");
	for (size_t i = 0; i < 4 && counts[i] <= w->samples; i++) {
		struct perf_machine m = perf_machine_of(w->format, counts[i], false);
		struct workload whole = *w;
		struct perf_step step;
		double clock, difference;
		char tiles[16], predicted[24], told[24], off[16];

		/* every tile gets the same number of samples */
		whole.samples -= whole.samples % counts[i];
		step = perf_predict(&whole, &m, counts[i], 1);
		err = model_check(&whole, counts[i], &clock);
		if (err == -ENODEV && i)
			break;
		if (err == -ENODEV)
			fail_no_device();
		if (err)
			goto out;
		difference = clock / perf_seconds(&step) - 1;
		if (fabs(difference) > CHECK_TOLERANCE)
			status = fail("%u tiles: the prediction is off by %.0f %%", counts[i],
				      100 * difference);
		if (list) {
			cJSON *o = json_append_object(list);

			json_u64(o, "tiles", counts[i]);
			json_double(o, "predicted_step_seconds", perf_seconds(&step));
			json_double(o, "model_clock_step_seconds", clock);
			continue;
		}
		snprintf(tiles, sizeof(tiles), "%u", counts[i]);
		snprintf(predicted, sizeof(predicted), "%.3f us", perf_seconds(&step) * 1e6);
		snprintf(told, sizeof(told), "%.3f us", clock * 1e6);
		snprintf(off, sizeof(off), "%+.1f %%", 100 * difference);
		table_row(&t, tiles, predicted, told, off);
	}
	if (!root)
		return table_print(&t, stdout) ? fail("out of memory") : status;
	table_free(&t);
	return status;
out:
	table_free(&t);
	return EXIT_FAILURE;
}

static void describe(const struct workload *w, cJSON *root)
{
	const char *const *line;
	char parameters[24], flop[24];
	cJSON *o;

	if (root) {
		o = json_object(root, "workload");
		json_string(o, "name", w->name);
		json_string(o, "format", dojo_format_name(w->format));
		json_u64(o, "samples", w->samples);
		json_double(o, "parameters", workload_parameters(w));
		json_double(o, "step_flop", workload_flop(w));
		o = json_array(root, "assumptions");
		for (line = perf_assumptions(); *line; line++)
			cJSON_AddItemToArray(o, cJSON_CreateString(*line));
		return;
	}
	printf("%s: %s, %s parameters, %u samples a step, %s\n", w->name[0] ? w->name : "workload",
	       dojo_format_name(w->format),
	       format_si(parameters, sizeof(parameters), workload_parameters(w), ""), w->samples,
	       format_si(flop, sizeof(flop), workload_flop(w), "FLOP"));
	for (line = perf_assumptions(); *line; line++)
		printf("- %s\n", *line);
}

int cmd_model(int argc, char **argv)
{
	bool json = false, check = false, sram = false;
	unsigned int tiles = CHART_TILES;
	const char *file = NULL;
	const struct option options[] = {
		{ "workload", 'w', OPTION_STRING, &file, "FILE",
		  "what is trained, as JSON; else the network of dojo train" },
		{ "tiles", 't', OPTION_COUNT, &tiles, "N", "up to that many" },
		{ "sram", 0, OPTION_FLAG, &sram, NULL, "operands in SRAM, not in HBM" },
		{ "check", 'c', OPTION_FLAG, &check, NULL,
		  "compare with the model clocks of this machine's tiles" },
		{ "json", 0, OPTION_FLAG, &json, NULL, "JSON, schema dojo/1" },
		{ 0 }
	};
	const struct usage usage = {
		.command = "model",
		.summary =
			"Predict how long a training step would take, from one tile to an ExaPOD and beyond,\n"
			"by the formula of the device's model clock. Nothing of it is measured.",
		.options = options,
	};
	struct workload *w;
	cJSON *root = NULL;
	int n, status;

	if (!options_parse(&usage, argc, argv, &n, &status))
		return status;
	if (tiles > 1000000)
		return usage_error(&usage, "--tiles takes at most 1000000");
	w = calloc(1, sizeof(*w));
	if (!w)
		return fail("out of memory");
	if (file ? workload_load(w, file) : workload_parse(w, MLP)) {
		status = fail("%s: %s", file ? file : "the built-in workload", w->error);
		goto out;
	}
	if (json)
		root = json_document("model");
	if (root || !check)
		describe(w, root);
	status = check ? show_check(w, root) : show_ladder(w, tiles, sram, root);
	if (root && json_print(stdout, root, false))
		status = EXIT_FAILURE;
out:
	free(w);
	return status;
}
