/* SPDX-License-Identifier: GPL-2.0-only */
/* A line that is redrawn on a terminal; elsewhere lines now and then, or none. */
#ifndef DOJO_TOOLS_PROGRESS_H
#define DOJO_TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stdio.h>

/**
 * struct progress - how far something is
 * @lines: seconds from one line to the next where @out is no terminal; 0: none
 * @next: monotonic seconds; draw no earlier
 */
struct progress {
	FILE *out;
	bool terminal;
	bool shown;
	double lines;
	double next;
};

void progress_init(struct progress *p, FILE *out);
/* redraws, at most ten times a second; or prints a line when it is time */
void progress_draw(struct progress *p, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* takes the line away, before something that stays is printed */
void progress_clear(struct progress *p);

/* CLOCK_MONOTONIC, seconds */
double now_seconds(void);

#endif
