/* SPDX-License-Identifier: GPL-2.0-only */
/* What goes wrong, said in one line on stderr. */
#ifndef DOJO_TOOLS_REPORT_H
#define DOJO_TOOLS_REPORT_H

#include <dojo.h>

/* "dojo: ..."; returns EXIT_FAILURE */
int fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * A libdojo call on @dev or on one of its objects returned @error: "dojo: cannot
 * @what: the library's own sentence". @dev may be NULL. Returns EXIT_FAILURE.
 */
int fail_device(struct dojo_device *dev, int error, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Says why there is no tile to work with, and the remedy. Returns EXIT_FAILURE. */
int fail_no_device(void);

/* Opens a tile by the name that libdojo understands, or says why not. */
struct dojo_device *open_device(const char *name);

#endif
