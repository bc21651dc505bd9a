// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

/* characters, not bytes: continuation bytes of UTF-8 take no room */
static size_t text_width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

void table_init(struct table *t, const char *align)
{
	memset(t, 0, sizeof(*t));
	t->align = align;
	t->columns = strlen(align);
}

void table_row(struct table *t, ...)
{
	unsigned int i;
	va_list ap;

	if (t->error)
		return;
	if (t->rows == t->capacity) {
		unsigned int capacity = t->capacity ? 2 * t->capacity : 16;
		char **cells = realloc(t->cells, sizeof(*cells) * capacity * t->columns);

		if (!cells) {
			t->error = -ENOMEM;
			return;
		}
		t->cells = cells;
		t->capacity = capacity;
	}
	va_start(ap, t);
	for (i = 0; i < t->columns; i++) {
		const char *s = va_arg(ap, const char *);
		char *copy = strdup(s ? s : "-");

		if (!copy)
			t->error = -ENOMEM;
		t->cells[t->rows * t->columns + i] = copy;
	}
	va_end(ap);
	t->rows++;
}

static void put_cell(FILE *out, const char *s, size_t width, bool right, bool last)
{
	size_t pad = width - text_width(s);

	if (right)
		fprintf(out, "%*s", (int)pad, "");
	fputs(s, out);
	if (!right && !last)
		fprintf(out, "%*s", (int)pad, "");
	fputs(last ? "\n" : "  ", out);
}

int table_print(struct table *t, FILE *out)
{
	size_t width[TABLE_COLUMNS_MAX] = { 0 };
	int err = t->error;
	unsigned int r, c;

	for (r = 0; !err && r < t->rows; r++) {
		for (c = 0; c < t->columns; c++) {
			size_t n = text_width(t->cells[r * t->columns + c]);

			if (n > width[c])
				width[c] = n;
		}
	}
	for (r = 0; !err && r < t->rows; r++) {
		for (c = 0; c < t->columns; c++)
			put_cell(out, t->cells[r * t->columns + c], width[c],
				 t->align[c] == 'r', c + 1 == t->columns);
	}
	table_free(t);
	return err;
}

void table_free(struct table *t)
{
	for (unsigned int i = 0; i < t->rows * t->columns; i++)
		free(t->cells[i]);
	free(t->cells);
	table_init(t, t->align);
}

char *format_bytes(char *text, size_t size, uint64_t bytes)
{
	static const char *const binary[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	unsigned int i = 0;

	if (bytes && bytes % 1024 == 0) {
		uint64_t v = bytes;

		while (i < 4 && v % 1024 == 0) {
			v /= 1024;
			i++;
		}
		if (v < 10000) {
			snprintf(text, size, "%llu %s", (unsigned long long)v, binary[i]);
			return text;
		}
	}
	return format_si(text, size, bytes, "B");
}

char *format_si(char *text, size_t size, double value, const char *unit)
{
	static const char *const prefix[] = { "", "k", "M", "G", "T", "P", "E" };
	unsigned int i = 0;

	while (i < 6 && fabs(value) >= 999.5) {
		value /= 1000;
		i++;
	}
	snprintf(text, size, "%.*f %s%s", i == 0 && value == floor(value) ? 0 :
		 fabs(value) < 9.995 ? 2 : fabs(value) < 99.95 ? 1 : 0, value, prefix[i], unit);
	return text;
}
