/* SPDX-License-Identifier: GPL-2.0-only */
/* Columns of text for people. */
#ifndef DOJO_TOOLS_TABLE_H
#define DOJO_TOOLS_TABLE_H

#include <stdint.h>
#include <stdio.h>

#define TABLE_COLUMNS_MAX	16

/**
 * struct table - rows that are printed when all widths are known
 * @align: a character a column, 'l' or 'r'
 *
 * Cells are copied. Allocation failures are remembered and reported by table_print().
 */
struct table {
	const char *align;
	unsigned int columns;
	unsigned int rows;
	unsigned int capacity;
	char **cells;
	int error;
};

void table_init(struct table *t, const char *align);
/* as many strings as there are columns; the first row is the heading; NULL is shown as "-" */
void table_row(struct table *t, ...);
/* prints, frees; 0 or -errno */
int table_print(struct table *t, FILE *out);
void table_free(struct table *t);

/* "32 GiB", "11 GB", "512 B": 1024s when exact, 1000s otherwise; returns @text */
char *format_bytes(char *text, size_t size, uint64_t bytes);
/* three digits and an SI prefix: "362 T" + @unit */
char *format_si(char *text, size_t size, double value, const char *unit);

#endif
