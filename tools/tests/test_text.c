// SPDX-License-Identifier: GPL-2.0-only
/* Tables, figures for people, JSON, charts, options, progress. */
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chart.h"
#include "check.h"
#include "json.h"
#include "options.h"
#include "progress.h"
#include "table.h"

static char text[1 << 20];

static const char *printed(void (*print)(FILE *out))
{
	FILE *out = fmemopen(text, sizeof(text), "w");

	CHECK(out);
	print(out);
	fclose(out);
	return text;
}

/* -------------------------------------------------------------- tables */

static void print_table(FILE *out)
{
	struct table t;

	table_init(&t, "lr");
	table_row(&t, "NAME", "BYTES");
	table_row(&t, "a", "10");
	table_row(&t, "longer", NULL);
	CHECK(!table_print(&t, out));
}

static void columns_are_aligned(void)
{
	CHECK(!strcmp(printed(print_table), "NAME    BYTES\na          10\nlonger      -\n"));
}

static void print_wide(FILE *out)
{
	struct table t;

	table_init(&t, "ll");
	table_row(&t, "\xc2\xb5s", "x");
	table_row(&t, "abc", "y");
	CHECK(!table_print(&t, out));
}

static void width_counts_characters(void)
{
	CHECK(!strcmp(printed(print_wide), "\xc2\xb5s   x\nabc  y\n"));
}

static void print_many(FILE *out)
{
	struct table t;
	char cell[16];

	table_init(&t, "r");
	for (int i = 0; i < 1000; i++) {
		snprintf(cell, sizeof(cell), "%d", i);
		table_row(&t, cell);
	}
	CHECK(!table_print(&t, out));
}

static void tables_grow(void)
{
	CHECK(strstr(printed(print_many), "\n999\n"));
}

static void bytes_are_exact_or_rounded(void)
{
	char s[32];

	CHECK(!strcmp(format_bytes(s, sizeof(s), 0), "0 B"));
	CHECK(!strcmp(format_bytes(s, sizeof(s), 512), "512 B"));
	CHECK(!strcmp(format_bytes(s, sizeof(s), 4096), "4 KiB"));
	CHECK(!strcmp(format_bytes(s, sizeof(s), UINT64_C(32) << 30), "32 GiB"));
	CHECK(!strcmp(format_bytes(s, sizeof(s), UINT64_C(11000000000)), "11.0 GB"));
	CHECK(!strcmp(format_bytes(s, sizeof(s), UINT64_MAX), "18.4 EB"));
}

static void figures_have_three_digits(void)
{
	char s[32];

	CHECK(!strcmp(format_si(s, sizeof(s), 9.05e15, "FLOPS"), "9.05 PFLOPS"));
	CHECK(!strcmp(format_si(s, sizeof(s), 565e12, "FLOPS"), "565 TFLOPS"));
	CHECK(!strcmp(format_si(s, sizeof(s), 999.7, "B/s"), "1.00 kB/s"));
	CHECK(!strcmp(format_si(s, sizeof(s), 32e9, "B/s"), "32.0 GB/s"));
	CHECK(!strcmp(format_si(s, sizeof(s), 0, "B"), "0 B"));
}

/* ---------------------------------------------------------------- JSON */

static void print_document(FILE *out)
{
	cJSON *root = json_document("test");

	json_u64(root, "big", UINT64_MAX);
	json_double(root, "half", 0.5);
	json_double(root, "nothing", NAN);
	json_string(root, "quoted", "a \"b\"\n");
	json_string(root, "unknown", NULL);
	json_bool(root, "yes", true);
	json_u64(json_append_object(json_array(root, "list")), "n", 1);
	CHECK(!json_print(out, root, false));
}

static void json_is_typed(void)
{
	cJSON *root = cJSON_Parse(printed(print_document));

	CHECK(root);
	CHECK(!strcmp(cJSON_GetObjectItem(root, "schema")->valuestring, "dojo/1"));
	CHECK(cJSON_IsNumber(cJSON_GetObjectItem(root, "big")));
	CHECK(cJSON_GetObjectItem(root, "half")->valuedouble == 0.5);
	CHECK(cJSON_IsNull(cJSON_GetObjectItem(root, "nothing")));
	CHECK(cJSON_IsNull(cJSON_GetObjectItem(root, "unknown")));
	CHECK(!strcmp(cJSON_GetObjectItem(root, "quoted")->valuestring, "a \"b\"\n"));
	CHECK(cJSON_IsTrue(cJSON_GetObjectItem(root, "yes")));
	cJSON_Delete(root);
}

static void json_keeps_all_64_bits(void)
{
	CHECK(strstr(printed(print_document), "18446744073709551615"));
}

static void print_line(FILE *out)
{
	CHECK(!json_print(out, json_document("top"), true));
}

static void ndjson_is_one_line(void)
{
	const char *s = printed(print_line);

	CHECK(strchr(s, '\n') == s + strlen(s) - 1);
}

/* -------------------------------------------------------------- charts */

/* tags nest and close, attributes are quoted, no bare "<" or "&" */
static bool well_formed(const char *s)
{
	char stack[32][32];
	int depth = 0;

	for (; *s; s++) {
		const char *end;
		size_t name;

		if (*s == '&') {
			if (strncmp(s, "&lt;", 4) && strncmp(s, "&gt;", 4) &&
			    strncmp(s, "&amp;", 5) && strncmp(s, "&quot;", 6))
				return false;
			continue;
		}
		if (*s != '<')
			continue;
		end = strchr(s, '>');
		if (!end || memchr(s + 1, '<', end - s - 1))
			return false;
		if (s[1] == '?') {
			s = end;
			continue;
		}
		if (s[1] == '/') {
			if (!depth-- || strncmp(stack[depth], s + 2, end - s - 2) ||
			    stack[depth][end - s - 2])
				return false;
			s = end;
			continue;
		}
		if (end[-1] != '/') {
			name = strcspn(s + 1, " >");
			if (depth == 32 || name >= 32)
				return false;
			memcpy(stack[depth], s + 1, name);
			stack[depth++][name] = '\0';
		}
		s = end;
	}
	return !depth;
}

static const double xs[] = { 1, 2, 3, 4 };
static const double ys[] = { 2.3, 1.1, NAN, 0.4 };

static struct chart_panel panel = {
	.title = "a < b & \"c\"", .x_label = "x", .y_label = "y", .from_zero = true,
	.mark = true, .mark_y = 0.5, .mark_name = "wanted",
};

static void print_chart(FILE *out)
{
	struct chart_panel two[2] = { panel, panel };

	CHECK(!chart_write(out, "title <&>", "sub\ttitle", two, 2));
}

static void set_series(const double *x, const double *y, unsigned int count)
{
	panel.series[0] = (struct chart_series){ .name = "one", .x = x, .y = y, .count = count };
	panel.series[1] = (struct chart_series){
		.name = "raw", .x = x, .y = y, .count = count, .faint = true
	};
	panel.series_count = 2;
}

static void charts_are_well_formed(void)
{
	set_series(xs, ys, 4);
	CHECK(well_formed(printed(print_chart)));
	CHECK(!strstr(text, "nan") && !strstr(text, "inf"));
	CHECK(strstr(text, "a &lt; b &amp; &quot;c&quot;"));
	CHECK(strstr(text, "wanted"));
}

static void charts_survive_odd_data(void)
{
	static const double equal[] = { 5, 5, 5, 5 }, bad[] = { NAN, INFINITY, -INFINITY, NAN };
	static const double huge[] = { -1e300, 1e300, 0, 1 };

	set_series(xs, equal, 4);
	CHECK(well_formed(printed(print_chart)));
	set_series(equal, equal, 1);
	CHECK(well_formed(printed(print_chart)));
	set_series(xs, bad, 4);
	CHECK(well_formed(printed(print_chart)) && !strstr(text, "nan"));
	set_series(xs, huge, 4);
	CHECK(well_formed(printed(print_chart)) && !strstr(text, "nan"));
	set_series(xs, ys, 0);
	CHECK(well_formed(printed(print_chart)) && !strstr(text, "nan"));
}

/* ------------------------------------------------------------- options */

static bool flag;
static const char *name;
static unsigned int number;
static double rate;

static const struct option options[] = {
	{ "flag", 'f', OPTION_FLAG, &flag, NULL, "" },
	{ "name", 'n', OPTION_STRING, &name, "NAME", "" },
	{ "count", 'c', OPTION_COUNT, &number, "N", "" },
	{ "rate", 0, OPTION_NUMBER, &rate, "R", "" },
	{ 0 }
};

static struct usage usage = { .command = "test", .summary = "", .options = options, .max = 2 };

static char **words;
static int status, arguments;

/* splits @line, parses it */
static bool parse(const char *line)
{
	static char copy[256];
	static char *argv[32];
	int argc = 0;
	char *save, *word;

	flag = false;
	name = NULL;
	number = 0;
	rate = 0;
	snprintf(copy, sizeof(copy), "test %s", line);
	for (word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	words = argv;
	return options_parse(&usage, argc, argv, &arguments, &status);
}

static void options_in_every_form(void)
{
	CHECK(parse("-f --name=x -c 3 one --rate 0.5 two"));
	CHECK(flag && !strcmp(name, "x") && number == 3 && rate == 0.5);
	CHECK(arguments == 2 && !strcmp(words[0], "one") && !strcmp(words[1], "two"));
	CHECK(parse("-nx -- -f --name"));
	CHECK(!flag && !strcmp(name, "x") && arguments == 2 && !strcmp(words[0], "-f"));
	CHECK(parse("-") && arguments == 1);
}

static void bad_options_are_usage_errors(void)
{
	static const char *const bad[] = {
		"--none", "-x", "--flag=1", "--count", "--count 0", "--count -1", "--count 1x",
		"--count 99999999999999999999", "--rate x", "--rate nan", "--rate 1e999", "--name",
		"one two three", "--fla",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK(!parse(bad[i]) && status == 2);
}

static void a_program_keeps_its_options(void)
{
	usage.program = true;
	CHECK(parse("-f -- prog --none -x"));
	CHECK(flag && arguments == 3 && !strcmp(words[1], "--none"));
	CHECK(parse("prog --none"));
	CHECK(arguments == 2);
	usage.program = false;
}

static void a_missing_argument_is_a_usage_error(void)
{
	usage.min = 1;
	usage.arguments = "FILE";
	CHECK(!parse("-f") && status == 2);
	usage.min = 0;
}

/* what two steps of progress write to @out, read back from @in */
static void drawn(FILE *out, FILE *in, double lines, char *buf, size_t size)
{
	struct progress p;
	ssize_t n;

	progress_init(&p, out);
	p.lines = lines;
	progress_draw(&p, "step %d", 1);
	progress_draw(&p, "step %d", 2);
	progress_clear(&p);
	fflush(out);
	n = read(fileno(in), buf, size - 1);
	buf[n > 0 ? n : 0] = 0;
}

static void progress_is_lines_in_a_log(void)
{
	FILE *in, *out;
	int fd[2];

	CHECK(!pipe2(fd, O_NONBLOCK));
	in = fdopen(fd[0], "r");
	out = fdopen(fd[1], "w");
	CHECK(in && out);
	/* the second comes too soon, and nothing is taken away */
	drawn(out, in, 3600, text, sizeof(text));
	CHECK(!strcmp(text, "step 1\n"));
	drawn(out, in, 0, text, sizeof(text));
	CHECK(!*text);
	fclose(out);
	fclose(in);
}

static void progress_is_redrawn_on_a_terminal(void)
{
	int terminal = posix_openpt(O_RDWR | O_NOCTTY);
	FILE *in, *out;

	CHECK(terminal >= 0 && !grantpt(terminal) && !unlockpt(terminal));
	setenv("TERM", "xterm", 1);
	in = fdopen(terminal, "r");
	out = fopen(ptsname(terminal), "w");
	CHECK(in && out);
	drawn(out, in, 3600, text, sizeof(text));
	CHECK(!strcmp(text, "\r\033[Kstep 1\r\033[K"));
	fclose(out);
	fclose(in);
}

static const struct test tests[] = {
	{ "progress: lines now and then in a log", progress_is_lines_in_a_log },
	{ "progress: redrawn on a terminal", progress_is_redrawn_on_a_terminal },
	{ "table: columns are aligned", columns_are_aligned },
	{ "table: width counts characters", width_counts_characters },
	{ "table: tables grow", tables_grow },
	{ "table: bytes are exact or rounded", bytes_are_exact_or_rounded },
	{ "table: figures have three digits", figures_have_three_digits },
	{ "json: values are typed", json_is_typed },
	{ "json: all 64 bits are kept", json_keeps_all_64_bits },
	{ "json: NDJSON is one line", ndjson_is_one_line },
	{ "chart: SVG is well formed", charts_are_well_formed },
	{ "chart: odd data do no harm", charts_survive_odd_data },
	{ "options: every form", options_in_every_form },
	{ "options: bad ones are usage errors", bad_options_are_usage_errors },
	{ "options: a program keeps its own", a_program_keeps_its_options },
	{ "options: a missing argument is a usage error", a_missing_argument_is_a_usage_error },
};

int main(void)
{
	if (!freopen("/dev/null", "w", stderr))
		return EXIT_FAILURE;
	return run_tests(tests, sizeof(tests) / sizeof(*tests));
}
