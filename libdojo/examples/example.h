/* SPDX-License-Identifier: MIT */
/* What every example would otherwise repeat. */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <dojo.h>
#include <stdio.h>
#include <stdlib.h>

/* Do @call of libdojo on @dev; if it fails, say what it was and why, and end. */
#define DO(dev, call)	example_do(dev, call, #call)

static inline void example_do(struct dojo_device *dev, int ret, const char *call)
{
	char why[256];

	if (!ret)
		return;
	if (!dojo_last_error(dev, why, sizeof(why)))
		snprintf(why, sizeof(why), "%s", dojo_strerror(ret));
	fprintf(stderr, "%s\n\t%s\n", call, why);
	exit(1);
}

/* The tile that the command line or the environment names, else the first. */
static inline struct dojo_device *example_open(int argc, char **argv)
{
	struct dojo_device *dev;
	int ret = dojo_device_open(argc > 1 ? argv[1] : NULL, &dev);

	if (ret) {
		fprintf(stderr, "%s\n", dojo_open_strerror(ret));
		exit(1);
	}
	return dev;
}

static inline void example_expect(int condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "wrong: %s\n", what);
	exit(1);
}

#endif
