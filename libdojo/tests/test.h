/* SPDX-License-Identifier: MIT */
/*
 * Tests: TEST(name_says_what_holds) { ... }, each in a fresh fake machine of
 * two tiles. A program prints one TAP line a test and exits with 1 if any
 * failed. At the end of a test nothing may be left in the fake kernel.
 */
#ifndef TEST_H
#define TEST_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <dojo.h>

#include "fake.h"

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#endif

struct test {
	const char *name;
	void (*run)(void);
	struct test *next;
};

void test_register(struct test *test);
__attribute__((format(printf, 3, 4)))
void test_failed(const char *file, int line, const char *format, ...);

/* Helpers that end the test if they fail. */
struct dojo_device *test_open(void);
struct dojo_vm *test_vm(struct dojo_device *dev);
struct dojo_queue *test_queue(struct dojo_vm *vm, uint32_t queue_class);
struct dojo_bo *test_bo(struct dojo_device *dev, uint64_t size, void **memory);
const char *test_last_error(struct dojo_device *dev);

#define TEST(id)							\
	static void id(void);						\
	__attribute__((constructor)) static void register_##id(void)	\
	{								\
		static struct test test = { #id, id, NULL };		\
									\
		test_register(&test);					\
	}								\
	static void id(void)

#define CHECK(condition)						\
	do {								\
		if (!(condition))					\
			test_failed(__FILE__, __LINE__, "%s", #condition); \
	} while (0)

#define EQUAL(actual, expected)						\
	do {								\
		long long actual_ = (long long)(actual);		\
		long long expected_ = (long long)(expected);		\
									\
		if (actual_ != expected_)				\
			test_failed(__FILE__, __LINE__, "%s is %lld, not %s = %lld", \
				    #actual, actual_, #expected, expected_); \
	} while (0)

#define OK(call)	EQUAL(call, 0)

#define SAYS(text, part)						\
	do {								\
		const char *text_ = (text);				\
		const char *part_ = (part);				\
									\
		if (!strstr(text_, part_))				\
			test_failed(__FILE__, __LINE__, "\"%s\" lacks \"%s\"", text_, part_); \
	} while (0)

#endif
