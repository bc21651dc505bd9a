/* SPDX-License-Identifier: GPL-2.0-only */
/* Command lines: options declared once give the parser and the help. */
#ifndef DOJO_TOOLS_OPTIONS_H
#define DOJO_TOOLS_OPTIONS_H

#include <stdbool.h>

#define EXIT_USAGE	2

enum option_kind {
	OPTION_FLAG,		/* bool */
	OPTION_STRING,		/* const char * */
	OPTION_COUNT,		/* unsigned int, from 1 */
	OPTION_NUMBER,		/* double */
};

/**
 * struct option - one option of a command
 * @name: without the dashes
 * @letter: short form, or 0
 * @value: what @kind says
 * @argument: what the help calls the argument
 */
struct option {
	const char *name;
	char letter;
	enum option_kind kind;
	void *value;
	const char *argument;
	const char *help;
};

/**
 * struct usage - a command, for its parser and its help
 * @arguments: what follows the options, for the help: "[TILE]"
 * @min, @max: how many of them
 * @program: everything from the first argument on belongs to a program
 * @options: ends with a zero name
 */
struct usage {
	const char *command;
	const char *summary;
	const char *arguments;
	int min, max;
	bool program;
	const struct option *options;
};

/*
 * Takes the options out of @argv, whose first element is the command's name.
 * Returns true with the arguments in argv[0..*count-1]; false with the exit
 * status in *@status: 0 after --help, EXIT_USAGE after a complaint.
 */
bool options_parse(const struct usage *usage, int argc, char **argv, int *count, int *status);

/* Complains on stderr with a hint to --help; returns EXIT_USAGE. */
int usage_error(const struct usage *usage, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
