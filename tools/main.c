// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dojo.h>

#include "commands.h"
#include "options.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} commands[] = {
	{ "list", cmd_list, "the tiles of this machine" },
	{ "info", cmd_info, "what tiles and cards can do, and how they are" },
	{ "train", cmd_train, "train a classifier on a tile" },
	{ "bench", cmd_bench, "measure copies, submissions and matrix products" },
	{ "model", cmd_model, "predict a training step from one tile to thousands" },
	{ "trace", cmd_trace, "a trace of what the tiles do while a program runs" },
	{ "doctor", cmd_doctor, "check everything from the card to a finished job" },
	{ "top", cmd_top, "who keeps accelerators busy" },
	{ "reset", cmd_reset, "reset a tile or its card" },
	{ "coredump", cmd_coredump, "decode what the driver kept of a failure" },
};

#define COMMAND_COUNT	(sizeof(commands) / sizeof(*commands))

static void print_commands(FILE *out)
{
	fputs("usage: dojo COMMAND [OPTIONS] [ARGUMENTS]\n\ncommands:\n", out);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fputs("\n'dojo COMMAND --help' says more; so does dojo(1).\n", out);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		print_commands(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		print_commands(stdout);
		return EXIT_SUCCESS;
	}
	if (!strcmp(argv[1], "--version")) {
		printf("dojo %u.%u (libdojo %u.%u)\n", DOJO_VERSION_MAJOR, DOJO_VERSION_MINOR,
		       dojo_version() >> 16, dojo_version() & 0xffff);
		return EXIT_SUCCESS;
	}
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	}
	fprintf(stderr, "dojo: unknown command '%s'; try 'dojo --help'\n", argv[1]);
	return EXIT_USAGE;
}
