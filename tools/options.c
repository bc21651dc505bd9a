// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

int usage_error(const struct usage *usage, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "dojo %s: ", usage->command);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "; see 'dojo %s --help'\n", usage->command);
	return EXIT_USAGE;
}

static void print_help(const struct usage *usage)
{
	const struct option *o;
	char left[48];

	printf("usage: dojo %s [OPTIONS]%s%s\n\n%s\n\noptions:\n", usage->command,
	       usage->arguments ? " " : "", usage->arguments ? usage->arguments : "",
	       usage->summary);
	for (o = usage->options; o->name; o++) {
		snprintf(left, sizeof(left), "%c%c%s --%s%s%s", o->letter ? '-' : ' ',
			 o->letter ? o->letter : ' ', o->letter ? "," : " ", o->name,
			 o->argument ? " " : "", o->argument ? o->argument : "");
		printf("  %-30s %s\n", left, o->help);
	}
	printf("  %-30s %s\n", "-h, --help", "this text");
}

static bool parse_value(const struct usage *usage, const struct option *o, const char *text)
{
	unsigned long n;
	double v;
	char *end;

	switch (o->kind) {
	case OPTION_FLAG:
		*(bool *)o->value = true;
		return true;
	case OPTION_STRING:
		*(const char **)o->value = text;
		return true;
	case OPTION_COUNT:
		errno = 0;
		n = strtoul(text, &end, 10);
		if (!isdigit((unsigned char)*text) || *end || errno || !n || n > INT_MAX) {
			usage_error(usage, "--%s needs a whole number from 1 on, not '%s'", o->name,
				    text);
			return false;
		}
		*(unsigned int *)o->value = n;
		return true;
	case OPTION_NUMBER:
		v = strtod(text, &end);
		if (end == text || *end || !isfinite(v)) {
			usage_error(usage, "--%s needs a number, not '%s'", o->name, text);
			return false;
		}
		*(double *)o->value = v;
		return true;
	}
	return false;
}

static const struct option *find_long(const struct usage *usage, const char *name, size_t length)
{
	const struct option *o;

	for (o = usage->options; o->name; o++) {
		if (strlen(o->name) == length && !strncmp(o->name, name, length))
			return o;
	}
	return NULL;
}

static const struct option *find_letter(const struct usage *usage, char letter)
{
	const struct option *o;

	for (o = usage->options; o->name; o++) {
		if (o->letter == letter)
			return o;
	}
	return NULL;
}

/* one argument that starts with a dash; @next is the one behind it, which it may use up */
static bool parse_option(const struct usage *usage, const char *arg, const char *next, bool *used)
{
	const char *value = NULL, *equal;
	const struct option *o;
	size_t length;

	*used = false;
	if (arg[1] == '-') {
		equal = strchr(arg + 2, '=');
		length = equal ? (size_t)(equal - arg - 2) : strlen(arg + 2);
		o = find_long(usage, arg + 2, length);
		if (equal)
			value = equal + 1;
	} else {
		o = find_letter(usage, arg[1]);
		if (o && arg[2])
			value = arg + 2;
	}
	if (!o) {
		usage_error(usage, "unknown option '%s'", arg);
		return false;
	}
	if (o->kind == OPTION_FLAG) {
		if (value) {
			usage_error(usage, "--%s takes no value", o->name);
			return false;
		}
	} else if (!value) {
		if (!next) {
			usage_error(usage, "--%s needs %s", o->name, o->argument);
			return false;
		}
		value = next;
		*used = true;
	}
	return parse_value(usage, o, value);
}

bool options_parse(const struct usage *usage, int argc, char **argv, int *count, int *status)
{
	bool only_arguments = false, used;
	int n = 0, i;

	*status = EXIT_USAGE;
	for (i = 1; i < argc; i++) {
		if (!only_arguments && !strcmp(argv[i], "--")) {
			only_arguments = true;
			continue;
		}
		if (only_arguments || argv[i][0] != '-' || !argv[i][1]) {
			argv[n++] = argv[i];
			only_arguments |= usage->program;
			continue;
		}
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			print_help(usage);
			*status = 0;
			return false;
		}
		if (!parse_option(usage, argv[i], i + 1 < argc ? argv[i + 1] : NULL, &used))
			return false;
		i += used;
	}
	if (n < usage->min) {
		usage_error(usage, "%s is missing", usage->arguments);
		return false;
	}
	if (n > usage->max && !usage->program) {
		usage_error(usage, "unexpected argument '%s'", argv[usage->max]);
		return false;
	}
	*count = n;
	return true;
}
