/* SPDX-License-Identifier: MIT */
/*
 * What the programs of this folder share. They need a card, or its model, and
 * print KTAP; selftests/library.sh runs them.
 */
#ifndef DEVICE_H
#define DEVICE_H

#include <dojo.h>
#include <stdio.h>
#include <stdlib.h>

/* Do @call of libdojo on @dev; what cannot go on without it ends here. */
#define DO(dev, call)	device_do(dev, call, #call)

static inline void device_do(struct dojo_device *dev, int ret, const char *call)
{
	char why[256];

	if (!ret)
		return;
	if (!dojo_last_error(dev, why, sizeof(why)))
		snprintf(why, sizeof(why), "%s", dojo_strerror(ret));
	printf("# %s\n# %s\nBail out!\n", call, why);
	exit(1);
}

/**
 * struct device_tests - what there was
 * @prefix: of the names of tests
 */
struct device_tests {
	const char *prefix;
	unsigned int number;
	unsigned int failed;
};

static inline void device_test(struct device_tests *t, bool ok, const char *name)
{
	printf("%sok %u %s.%s\n", ok ? "" : "not ", ++t->number, t->prefix, name);
	t->failed += !ok;
	fflush(stdout);
}

/* The plan; the status to end with: 4 says that there was nothing to do. */
static inline int device_end(const struct device_tests *t)
{
	printf("1..%u%s\n", t->number, t->number ? "" : " # SKIP nothing to test on");
	return !t->number ? 4 : !!t->failed;
}

/* reproducible, 0..2^32 - 1 */
static inline uint32_t device_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*state >> 32);
}

#endif
