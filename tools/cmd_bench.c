// SPDX-License-Identifier: GPL-2.0-only
#include "commands.h"
#include "report.h"

int cmd_bench(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return fail("not yet");
}
