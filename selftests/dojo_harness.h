/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's kselftest_harness.h with two additions: a test in whose time the
 * kernel complained fails, and time limits can be stretched for slow kernels
 * (DOJO_SLOW, a whole factor).
 */
#ifndef DOJO_HARNESS_H
#define DOJO_HARNESS_H

#include <kselftest.h>

#include "dojo_test.h"

static const char *dojo_log_allow;

static inline int dojo_verdict(int *code)
{
	if (dojo_log_check(dojo_log_allow))
		*code = KSFT_FAIL;
	return *code;
}

/* The harness reports every test through this one function, from the parent process. */
#define ksft_test_result_code(code, ...) \
	ksft_test_result_code(dojo_verdict(&(code)), __VA_ARGS__)

#include <kselftest_harness.h>

/*
 * Tests run in the order of the file. Some versions of the harness find out only
 * after the tests' constructors (from priority 20000) in which order these run.
 */
static void __attribute__((constructor(19999))) dojo_keep_order(void)
{
	__constructor_order_forward = true;
}

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 60

static inline void dojo_stretch_timeouts(void)
{
	const char *slow = getenv("DOJO_SLOW");
	struct __fixture_metadata *f;
	struct __test_metadata *t;

	for (f = __fixture_list; slow && f; f = f->next)
		for (t = f->tests; t; t = t->next)
			t->timeout *= atoi(slow) > 1 ? atoi(slow) : 1;
}

/*
 * @allow: extended regular expression of the driver's error-level messages that
 * the program provokes on purpose, or NULL
 */
static inline int dojo_test_main(int argc, char **argv, const char *allow)
{
	dojo_log_allow = allow;
	dojo_log_start(false);
	dojo_stretch_timeouts();
	return test_harness_run(argc, argv);
}

#endif
