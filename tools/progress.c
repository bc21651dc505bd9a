// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "progress.h"

double now_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

void progress_init(struct progress *p, FILE *out)
{
	const char *term = getenv("TERM");

	memset(p, 0, sizeof(*p));
	p->out = out;
	p->terminal = isatty(fileno(out)) && !(term && !strcmp(term, "dumb"));
}

void progress_draw(struct progress *p, const char *fmt, ...)
{
	double now = now_seconds();
	va_list ap;

	if ((!p->terminal && !p->lines) || now < p->next)
		return;
	p->next = now + (p->terminal ? 0.1 : p->lines);
	if (p->terminal)
		fputs("\r\033[K", p->out);
	va_start(ap, fmt);
	vfprintf(p->out, fmt, ap);
	va_end(ap);
	if (!p->terminal)
		fputc('\n', p->out);
	fflush(p->out);
	p->shown = p->terminal;
}

void progress_clear(struct progress *p)
{
	if (p->shown)
		fputs("\r\033[K", p->out);
	p->shown = false;
}
