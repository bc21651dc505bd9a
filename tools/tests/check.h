/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A test program: its tests in one array. Each prints "ok NAME" or "not ok
 * NAME", after the check that failed.
 */
#ifndef DOJO_TOOLS_TESTS_CHECK_H
#define DOJO_TOOLS_TESTS_CHECK_H

#include <setjmp.h>
#include <stdbool.h>
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

static inline bool run_test(const struct test *test)
{
	if (setjmp(check_failed)) {
		printf("not ok %s\n", test->name);
		return false;
	}
	test->run();
	printf("ok %s\n", test->name);
	return true;
}

static inline int run_tests(const struct test *tests, size_t count)
{
	int status = EXIT_SUCCESS;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < count; i++) {
		if (!run_test(&tests[i]))
			status = EXIT_FAILURE;
	}
	return status;
}

#endif
