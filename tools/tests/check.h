/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A test program: its tests in one array. Each prints "ok NAME" or "not ok
 * NAME", after the check that failed.
 */
#ifndef DOJO_TOOLS_TESTS_CHECK_H
#define DOJO_TOOLS_TESTS_CHECK_H

#include <setjmp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

struct test {
	const char *name;
	void (*run)(void);
};

static jmp_buf check_failed;

#define CHECK(condition)							\
	do {									\
		if (!(condition)) {						\
			printf("# %s:%d: %s\n", __FILE__, __LINE__,		\
			       #condition);					\
			longjmp(check_failed, 1);				\
		}								\
	} while (0)

static inline int run_tests(const struct test *tests, size_t count)
{
	volatile int failures = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (volatile size_t i = 0; i < count; i++) {
		if (setjmp(check_failed)) {
			printf("not ok %s\n", tests[i].name);
			failures++;
			continue;
		}
		tests[i].run();
		printf("ok %s\n", tests[i].name);
	}
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}

#define MAIN(tests)								\
	int main(void)								\
	{									\
		return run_tests(tests, sizeof(tests) / sizeof(*(tests)));	\
	}

#endif
