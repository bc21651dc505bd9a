// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "chart.h"

#define PANEL_WIDTH	560
#define PANEL_HEIGHT	420
#define HEADER		64
#define LEFT		62
#define RIGHT		18
#define TOP		36
#define BOTTOM		50
#define TICKS_MAX	12
#define TINY		0.000000001

/* distinguishable by the colour-blind as well */
static const char *const palette[] = {
	"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9",
};

struct axis {
	double min, max;	/* after widening to ticks */
	double step;
	int decimals;
};

struct frame {
	const struct chart_panel *panel;
	struct axis x, y;
	double left, top, width, height;
};

static void put_text(FILE *out, const char *s)
{
	for (; *s; s++) {
		switch (*s) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		default:
			/* XML 1.0 has no place for other control characters */
			fputc((unsigned char)*s < ' ' ? ' ' : *s, out);
		}
	}
}

static void put_label(FILE *out, double x, double y, const char *attributes, const char *text)
{
	fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" %s>", x, y, attributes);
	put_text(out, text);
	fputs("</text>\n", out);
}

/* ticks at 1, 2 or 5 times a power of ten, about @wanted of them */
static void axis_fit(struct axis *a, double min, double max, int wanted)
{
	double raw, power, step;

	if (!(max > min)) {
		max = min + fmax(fabs(min) * 0.1, TINY);
		min -= fmax(fabs(min) * 0.1, TINY);
	}
	raw = (max - min) / wanted;
	power = pow(10, floor(log10(raw)));
	step = raw / power;
	step = (step <= 1 ? 1 : step <= 2 ? 2 : step <= 5 ? 5 : 10) * power;
	a->step = step;
	a->min = floor(min / step + TINY) * step;
	a->max = ceil(max / step - TINY) * step;
	a->decimals = step >= 1 ? 0 : (int)ceil(-log10(step) - TINY);
}

static void range_of(const struct chart_panel *p, bool y, double *min, double *max)
{
	*min = INFINITY;
	*max = -INFINITY;
	for (unsigned int s = 0; s < p->series_count; s++) {
		const double *v = y ? p->series[s].y : p->series[s].x;

		for (unsigned int i = 0; i < p->series[s].count; i++) {
			if (!isfinite(p->series[s].x[i]) || !isfinite(p->series[s].y[i]))
				continue;
			*min = fmin(*min, v[i]);
			*max = fmax(*max, v[i]);
		}
	}
	if (*min > *max)
		*min = *max = 0;
}

static double frame_x(const struct frame *f, double x)
{
	return f->left + (x - f->x.min) / (f->x.max - f->x.min) * f->width;
}

static double frame_y(const struct frame *f, double y)
{
	return f->top + f->height - (y - f->y.min) / (f->y.max - f->y.min) * f->height;
}

static void draw_axes(FILE *out, const struct frame *f)
{
	const struct chart_panel *p = f->panel;
	double mid_x = f->left + f->width / 2, mid_y = f->top + f->height / 2;
	char text[32], where[96];
	int i;

	for (i = 0; i <= TICKS_MAX; i++) {
		double v = f->y.min + i * f->y.step, at = frame_y(f, v);

		if (v > f->y.max + f->y.step / 1e6)
			break;
		fprintf(out,
			"<line class=\"grid\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
			f->left, at, f->left + f->width, at);
		snprintf(text, sizeof(text), "%.*f", f->y.decimals, v);
		put_label(out, f->left - 8, at + 4, "text-anchor=\"end\"", text);
	}
	for (i = 0; i <= TICKS_MAX; i++) {
		double v = f->x.min + i * f->x.step, at = frame_x(f, v);

		if (v > f->x.max + f->x.step / 1e6)
			break;
		fprintf(out,
			"<line class=\"axis\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
			at, f->top + f->height, at, f->top + f->height + 5);
		snprintf(text, sizeof(text), "%.*f", f->x.decimals, v);
		put_label(out, at, f->top + f->height + 20, "text-anchor=\"middle\"", text);
	}
	fprintf(out, "<path class=\"axis\" fill=\"none\" d=\"M%.1f %.1fV%.1fH%.1f\"/>\n",
		f->left, f->top, f->top + f->height, f->left + f->width);
	put_label(out, mid_x, f->top - 14, "class=\"title\" text-anchor=\"middle\"", p->title);
	put_label(out, mid_x, f->top + f->height + 42, "text-anchor=\"middle\"", p->x_label);
	snprintf(where, sizeof(where), "text-anchor=\"middle\" transform=\"rotate(-90 %.1f %.1f)\"",
		 f->left - 44, mid_y);
	put_label(out, f->left - 44, mid_y, where, p->y_label);
}

static void draw_series(FILE *out, const struct frame *f, const struct chart_series *s)
{
	const char *color = palette[s->color % (sizeof(palette) / sizeof(*palette))];
	bool pen = false;

	fprintf(out, "<path fill=\"none\" stroke=\"%s\" stroke-linejoin=\"round\" %s d=\"", color,
		s->faint ? "stroke-width=\"0.8\" opacity=\"0.3\"" : "stroke-width=\"2\"");
	for (unsigned int i = 0; i < s->count; i++) {
		if (!isfinite(s->x[i]) || !isfinite(s->y[i])) {
			pen = false;
			continue;
		}
		fprintf(out, "%c%.1f %.1f", pen ? 'L' : 'M', frame_x(f, s->x[i]),
			frame_y(f, s->y[i]));
		pen = true;
	}
	fputs("\"/>\n", out);

	if (s->faint || s->count > 40)
		return;
	for (unsigned int i = 0; i < s->count; i++) {
		if (!isfinite(s->x[i]) || !isfinite(s->y[i]))
			continue;
		fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n",
			frame_x(f, s->x[i]), frame_y(f, s->y[i]), color);
	}
}

static void draw_legend(FILE *out, const struct frame *f)
{
	const struct chart_panel *p = f->panel;
	unsigned int rows = 0, row = 0, longest = 0, s;
	double width, x, y;

	for (s = 0; s < p->series_count; s++) {
		if (p->series[s].faint)
			continue;
		rows++;
		if (strlen(p->series[s].name) > longest)
			longest = strlen(p->series[s].name);
	}
	if (!rows)
		return;
	width = 46 + longest * 7.2;
	x = f->left + f->width - width - 8;
	y = p->legend_low ? f->top + f->height - rows * 20 - 16 : f->top + 8;
	fprintf(out,
		"<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%u\" rx=\"4\" fill=\"#fff\" fill-opacity=\"0.85\" stroke=\"#ccc\"/>\n",
		x, y, width, rows * 20 + 8);
	for (s = 0; s < p->series_count; s++) {
		const struct chart_series *line = &p->series[s];
		double at = y + 16 + 20 * row;

		if (line->faint)
			continue;
		fprintf(out,
			"<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" stroke-width=\"3\"/>\n",
			x + 8, at - 2, x + 30, at - 2,
			palette[line->color % (sizeof(palette) / sizeof(*palette))]);
		put_label(out, x + 37, at + 2, "text-anchor=\"start\"", line->name);
		row++;
	}
}

static void draw_panel(FILE *out, const struct chart_panel *p, double left)
{
	struct frame f = {
		.panel = p,
		.left = left + LEFT,
		.top = HEADER + TOP,
		.width = PANEL_WIDTH - LEFT - RIGHT,
		.height = PANEL_HEIGHT - TOP - BOTTOM,
	};
	double min, max;

	range_of(p, false, &min, &max);
	axis_fit(&f.x, min, max, 8);
	range_of(p, true, &min, &max);
	if (p->mark) {
		min = fmin(min, p->mark_y);
		max = fmax(max, p->mark_y);
	}
	if (p->from_zero)
		min = fmin(min, 0);
	axis_fit(&f.y, min, max, 6);

	draw_axes(out, &f);
	if (p->mark) {
		fprintf(out,
			"<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#555\" stroke-dasharray=\"6 4\"/>\n",
			f.left, frame_y(&f, p->mark_y), f.left + f.width, frame_y(&f, p->mark_y));
		put_label(out, f.left + 8, frame_y(&f, p->mark_y) - 5, "fill=\"#555\"",
			  p->mark_name);
	}
	for (unsigned int s = 0; s < p->series_count; s++)
		draw_series(out, &f, &p->series[s]);
	draw_legend(out, &f);
}

int chart_write(FILE *out, const char *title, const char *subtitle,
		const struct chart_panel *panels, unsigned int count)
{
	unsigned int width = PANEL_WIDTH * count, height = HEADER + PANEL_HEIGHT;

	fprintf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %u %u\" width=\"%u\" height=\"%u\" font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\" font-size=\"12\" fill=\"#222\">\n<title>",
		width, height, width, height);
	put_text(out, title);
	fputs("</title>\n<style>.grid{stroke:#e3e3e3}.axis{stroke:#444}</style>\n", out);
	fputs("<style>.title{font-size:14px;font-weight:bold}</style>\n", out);
	fputs("<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n", out);
	put_label(out, LEFT, 30, "font-size=\"18\" font-weight=\"bold\"", title);
	put_label(out, LEFT, 52, "fill=\"#555\"", subtitle);
	for (unsigned int i = 0; i < count; i++)
		draw_panel(out, &panels[i], (double)PANEL_WIDTH * i);
	fputs("</svg>\n", out);
	fflush(out);
	return ferror(out) ? -EIO : 0;
}
