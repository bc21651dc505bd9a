/* SPDX-License-Identifier: GPL-2.0-only */
/* A line that is redrawn on a terminal and absent everywhere else. */
#ifndef DOJO_TOOLS_PROGRESS_H
#define DOJO_TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stdio.h>

struct progress {
	FILE *out;
	bool terminal;
	bool shown;
	double next;	/* monotonic seconds; redraw no earlier */
};

void progress_init(struct progress *p, FILE *out);
/* redraws, at most ten times a second */
void progress_draw(struct progress *p, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* takes the line away, before something that stays is printed */
void progress_clear(struct progress *p);

/* CLOCK_MONOTONIC, seconds */
double now_seconds(void);

#endif
