/* SPDX-License-Identifier: GPL-2.0-only */
/* The subcommands: argv[0] is the subcommand's name; the exit status is returned. */
#ifndef DOJO_TOOLS_COMMANDS_H
#define DOJO_TOOLS_COMMANDS_H

int cmd_list(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_train(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_reset(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_coredump(int argc, char **argv);
int cmd_model(int argc, char **argv);
int cmd_trace(int argc, char **argv);
int cmd_top(int argc, char **argv);

#endif
