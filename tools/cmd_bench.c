// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "commands.h"
#include "options.h"
#include "report.h"

#define FILE_MAX	(1 << 20)

static const struct bench_group *const groups[] = {
	&bench_copy, &bench_submit, &bench_memory, &bench_gemm, &bench_shapes, &bench_train,
};

#define GROUPS	(sizeof(groups) / sizeof(*groups))

static bool parse_sides(struct bench_run *run, const char *list, const struct usage *usage)
{
	char copy[128], *save, *word, *end;

	snprintf(copy, sizeof(copy), "%s", list);
	for (word = strtok_r(copy, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		unsigned long n = strtoul(word, &end, 10);

		if (*end || !n || n > 16384 || run->side_count == BENCH_SIDES_MAX) {
			usage_error(usage,
				    "--sizes takes up to %u numbers from 1 to 16384, with commas between",
				    BENCH_SIDES_MAX);
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

		if (format <= 0 || format == DOJO_FORMAT_INT32 ||
		    run->format_count == BENCH_FORMATS_MAX) {
			usage_error(usage,
				    "--formats takes up to %u formats other than int32, with commas between, not '%s'",
				    BENCH_FORMATS_MAX, word);
			return false;
		}
		run->formats[run->format_count++] = format;
	}
	return true;
}

static bool parse_parts(bool *wanted, char **names, int count, bool host, const struct usage *usage)
{
	for (size_t g = 0; g < GROUPS; g++)
		wanted[g] = !count && (!host || groups[g]->cpu);
	for (int i = 0; i < count; i++) {
		size_t g;

		for (g = 0; g < GROUPS && strcmp(names[i], groups[g]->name); g++)
			;
		if (g == GROUPS || (host && !groups[g]->cpu)) {
			usage_error(usage, g == GROUPS ? "unknown part '%s'" :
				    "the part '%s' is of a tile, not of --host", names[i]);
			return false;
		}
		wanted[g] = true;
	}
	return true;
}

/* the document that --host --json wrote elsewhere */
static int load_beside(const char *path, cJSON **beside)
{
	FILE *in = fopen(path, "re");
	const cJSON *host;
	char *text;
	size_t n;

	if (!in)
		return fail("cannot read %s: %s", path, strerror(errno));
	text = calloc(1, FILE_MAX + 1);
	n = text ? fread(text, 1, FILE_MAX, in) : 0;
	fclose(in);
	*beside = n ? cJSON_Parse(text) : NULL;
	free(text);
	host = cJSON_GetObjectItemCaseSensitive(*beside, "host");
	if (!cJSON_IsTrue(host))
		return fail("%s is not what 'dojo bench --host --json' writes", path);
	return 0;
}

static int measure(struct bench_run *run, const bool *wanted, const char *device)
{
	int err = run->tile ? bench_open(run->tile, device) : 0;

	for (size_t g = 0; g < GROUPS && !err; g++) {
		if (wanted[g])
			err = groups[g]->run(run);
		fflush(stdout);
	}
	if (run->tile)
		bench_close(run->tile);
	return err;
}

int cmd_bench(int argc, char **argv)
{
	const char *device = NULL, *sizes = "256,512,1024", *formats = "fp32,bf16,cfloat8_143";
	const char *beside = NULL;
	bool json = false, host = false;
	const struct option options[] = {
		{ "device", 'd', OPTION_STRING, &device, "TILE", "the tile to measure" },
		{ "host", 0, OPTION_FLAG, &host, NULL,
		  "measure this machine's CPU: memcpy, BLAS, training" },
		{ "beside", 'b', OPTION_STRING, &beside, "FILE",
		  "show those figures too: JSON of --host, of the machine around this one" },
		{ "sizes", 's', OPTION_STRING, &sizes, "LIST",
		  "sides of square matrices (256,512,1024)" },
		{ "formats", 'f', OPTION_STRING, &formats, "LIST",
		  "of the matrices (fp32,bf16,cfloat8_143)" },
		{ "json", 0, OPTION_FLAG, &json, NULL, "JSON, schema dojo/1" },
		{ 0 }
	};
	const struct usage usage = {
		.command = "bench",
		.summary =
			"Measure. PART is copy, submit, memory, gemm, shapes or train; all without.\n"
			"Modelled figures say what the published hardware would do; they are no measurements.",
		.arguments = "[PART ...]",
		.max = GROUPS,
		.options = options,
	};
	struct bench tile = { 0 };
	struct bench_run run = { 0 };
	bool wanted[GROUPS];
	cJSON *other = NULL;
	int n, status;

	if (!options_parse(&usage, argc, argv, &n, &status))
		return status;
	if (!parse_parts(wanted, argv, n, host, &usage) || !parse_sides(&run, sizes, &usage) ||
	    !parse_formats(&run, formats, &usage))
		return EXIT_USAGE;
	if (beside && load_beside(beside, &other))
		return EXIT_FAILURE;
	run.beside = other;
	if (!host)
		run.tile = &tile;
	progress_init(&run.progress, stderr);
	if (json) {
		run.json = json_document("bench");
		json_bool(run.json, "host", host);
	}
	status = measure(&run, wanted, device);
	if (run.json && !status)
		status = json_print(stdout, run.json, false) ? EXIT_FAILURE : EXIT_SUCCESS;
	else
		cJSON_Delete(run.json);
	cJSON_Delete(other);
	return status;
}
