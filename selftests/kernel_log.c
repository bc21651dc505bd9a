// SPDX-License-Identifier: GPL-2.0-only
/*
 * kernel_log [-b] COMMAND...: runs COMMAND and fails if it failed, or if the kernel
 * complained meanwhile (-b: or at any time since it was started); the complaints are
 * printed. What the driver says at error level counts without -b only: it may have
 * had its reasons.
 */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dojo_test.h"

int main(int argc, char **argv)
{
	bool from_boot = argc > 1 && !strcmp(argv[1], "-b");
	unsigned int complaints;
	int status = 0;
	pid_t pid;

	if (from_boot) {
		argv++;
		argc--;
	}
	if (argc < 2) {
		fprintf(stderr, "Usage: kernel_log [-b] COMMAND [ARGUMENT...]\n");
		return 2;
	}
	dojo_log_start(from_boot);
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
	complaints = dojo_log_check(from_boot ? "." : NULL);
	if (!WIFEXITED(status))
		return 1;
	return WEXITSTATUS(status) ? WEXITSTATUS(status) : complaints ? 1 : 0;
}
