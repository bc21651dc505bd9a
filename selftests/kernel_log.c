// SPDX-License-Identifier: GPL-2.0-only
/*
 * kernel_log COMMAND...: runs COMMAND and fails if it failed, or if the kernel
 * complained meanwhile; the complaints are printed.
 */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dojo_test.h"

int main(int argc, char **argv)
{
	unsigned int complaints;
	int status = 0;
	pid_t pid;

	if (argc < 2) {
		fprintf(stderr, "Usage: %s COMMAND [ARGUMENT...]\n", argv[0]);
		return 2;
	}
	dojo_log_start();
	pid = fork();
	if (!pid) {
		execvp(argv[1], argv + 1);
		perror(argv[1]);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		perror("kernel_log");
		return 1;
	}
	complaints = dojo_log_check(NULL);
	if (!WIFEXITED(status))
		return 1;
	return WEXITSTATUS(status) ? WEXITSTATUS(status) : complaints ? 1 : 0;
}
