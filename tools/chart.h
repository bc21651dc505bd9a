/* SPDX-License-Identifier: GPL-2.0-only */
/* Line charts as SVG. */
#ifndef DOJO_TOOLS_CHART_H
#define DOJO_TOOLS_CHART_H

#include <stdbool.h>
#include <stdio.h>

#define CHART_SERIES_MAX	6

/**
 * struct chart_series - a line
 * @name: for the legend
 * @x, @y: points; those that are not finite are left out
 * @count: how many
 * @faint: thin and pale: raw data behind a smoothed line; not in the legend
 * @color: which of the palette, from 0
 */
struct chart_series {
	const char *name;
	const double *x;
	const double *y;
	unsigned int count;
	bool faint;
	unsigned int color;
};

/**
 * struct chart_panel - one pair of axes
 * @from_zero: the y axis starts at 0, else at the data
 * @mark: draw a dashed line at @mark_y with @mark_name beside it
 * @legend_low: legend in the lower right corner, else in the upper right
 */
struct chart_panel {
	const char *title;
	const char *x_label;
	const char *y_label;
	struct chart_series series[CHART_SERIES_MAX];
	unsigned int series_count;
	bool from_zero;
	bool mark;
	bool legend_low;
	double mark_y;
	const char *mark_name;
};

/* Panels side by side under @title and @subtitle. Returns 0 or -errno. */
int chart_write(FILE *out, const char *title, const char *subtitle,
		const struct chart_panel *panels, unsigned int count);

#endif
