// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "chart.h"
#include "train_report.h"

#define RAW_POINTS_MAX	1500

double train_run_accuracy(const struct train_run *run)
{
	return 100 * run->result.accuracy[run->result.epochs - 1];
}

bool train_run_passed(const struct train_run *run)
{
	/* far below what one image more or less makes */
	return train_run_accuracy(run) >= run->wanted - 0.0001;
}

bool train_report_passed(const struct train_report *report)
{
	for (unsigned int i = 0; i < report->count; i++) {
		if (!train_run_passed(&report->runs[i]))
			return false;
	}
	return report->count > 0;
}

/* ---------------------------------------------------------------- JSON */

static double epoch_loss(const struct trainer_result *r, unsigned int epoch)
{
	double sum = 0;

	for (unsigned int i = 0; i < r->steps_per_epoch; i++)
		sum += r->losses[epoch * r->steps_per_epoch + i];
	return sum / r->steps_per_epoch;
}

static void json_run(cJSON *object, const struct train_run *run)
{
	const struct trainer_result *r = &run->result;
	uint64_t images = (uint64_t)r->steps * r->batch;
	cJSON *losses, *accuracy, *device;

	json_string(object, "format", run->format);
	json_string(object, "gradient_format", dojo_format_name(run->formats.gradient));
	json_u64(object, "parameters", r->parameters);
	json_u64(object, "epochs", r->epochs);
	json_u64(object, "steps", r->steps);
	json_u64(object, "batch_images", r->batch);
	json_double(object, "train_seconds", r->seconds);
	json_double(object, "images_per_second", images / r->seconds);
	losses = json_array(object, "epoch_loss");
	accuracy = json_array(object, "epoch_test_accuracy_percent");
	for (unsigned int e = 0; e < r->epochs; e++) {
		cJSON_AddItemToArray(losses, cJSON_CreateNumber(epoch_loss(r, e)));
		cJSON_AddItemToArray(accuracy, cJSON_CreateNumber(100 * r->accuracy[e]));
	}
	json_double(object, "test_accuracy_percent", train_run_accuracy(run));
	json_double(object, "wanted_accuracy_percent", run->wanted);
	json_bool(object, "passed", train_run_passed(run));

	device = json_object(object, "device");
	json_u64(device, "jobs", r->totals.jobs);
	json_u64(device, "packets", r->totals.packets);
	json_u64(device, "moved_bytes", r->totals.bytes);
	json_u64(device, "flop", r->totals.flop);
	json_u64(device, "busy_die_ns", r->totals.busy_ns);
	json_u64(device, "modelled_ps", r->totals.model_ps);
}

cJSON *train_report_json(const struct train_report *report)
{
	cJSON *root = json_document("train"), *card, *nodes, *data, *runs;

	card = json_object(root, "card");
	json_string(card, "pci", report->pci);
	json_string(card, "serial", report->serial);
	json_string(card, "generation", report->generation);
	nodes = json_array(card, "device_nodes");
	for (unsigned int i = 0; i < report->tiles; i++)
		cJSON_AddItemToArray(nodes, cJSON_CreateString(report->nodes[i]));

	data = json_object(root, "dataset");
	json_string(data, "name", "Fashion-MNIST");
	json_u64(data, "train_images", report->train_images);
	json_u64(data, "test_images", report->test_images);

	json_string(root, "model", report->model);
	json_string(root, "layers", report->layers);
	runs = json_array(root, "runs");
	for (unsigned int i = 0; i < report->count; i++)
		json_run(json_append_object(runs), &report->runs[i]);
	json_bool(root, "passed", train_report_passed(report));
	return root;
}

/* --------------------------------------------------------------- chart */

/**
 * struct curve - points of a line
 * @x, @y: @count of them
 */
struct curve {
	double *x, *y;
	unsigned int count;
};

static bool curve_create(struct curve *c, unsigned int count)
{
	double *points = calloc(2 * (size_t)count, sizeof(*points));

	if (!points)
		return false;
	c->x = points;
	c->y = points + count;
	c->count = count;
	return true;
}

/* every @stride-th loss, the mean of the @window around it, which is narrower near the start */
static bool loss_curve(struct curve *c, const struct trainer_result *r, unsigned int stride,
		       unsigned int window)
{
	if (!curve_create(c, (r->steps + stride - 1) / stride))
		return false;
	for (unsigned int i = 0; i < c->count; i++) {
		unsigned int at = i * stride, half = at < window / 2 ? at : window / 2;
		unsigned int from = at - half;
		unsigned int to = at + half + 1 < r->steps ? at + half + 1 : r->steps;
		double sum = 0;

		for (unsigned int j = from; j < to; j++)
			sum += r->losses[j];
		c->x[i] = (at + 1.0) / r->steps_per_epoch;
		c->y[i] = sum / (to - from);
	}
	return true;
}

static bool accuracy_curve(struct curve *c, const struct trainer_result *r)
{
	if (!curve_create(c, r->epochs))
		return false;
	for (unsigned int i = 0; i < r->epochs; i++) {
		c->x[i] = i + 1;
		c->y[i] = 100 * r->accuracy[i];
	}
	return true;
}

static void add_series(struct chart_panel *p, const struct curve *c, const char *name, bool faint,
		       unsigned int color)
{
	p->series[p->series_count++] = (struct chart_series){
		.name = name,
		.x = c->x,
		.y = c->y,
		.count = c->count,
		.faint = faint,
		.color = color,
	};
}

static int write_chart(const struct train_report *report, const struct chart_panel panels[2],
		       const char *path)
{
	char title[128], subtitle[256];
	FILE *out;
	int err;

	snprintf(title, sizeof(title), "Fashion-MNIST on %s",
		 report->tiles == 1 ? "one Dojo tile" : "several Dojo tiles");
	if (report->tiles > 1)
		snprintf(title, sizeof(title), "Fashion-MNIST on %u Dojo tiles", report->tiles);
	snprintf(subtitle, sizeof(subtitle), "%s: %s, %llu parameters, %u images a step",
		 report->model, report->layers,
		 (unsigned long long)report->runs[0].result.parameters,
		 report->runs[0].result.batch);
	out = fopen(path, "we");
	if (!out)
		return -errno;
	err = chart_write(out, title, subtitle, panels, 2);
	if (fclose(out) && !err)
		err = -errno;
	return err;
}

int train_report_chart(const struct train_report *report, const char *path)
{
	struct curve raw[TRAIN_RUNS_MAX] = { 0 }, smooth[TRAIN_RUNS_MAX] = { 0 };
	struct curve accuracy[TRAIN_RUNS_MAX] = { 0 };
	struct chart_panel panels[2] = {
		{ .title = "training loss",
		  .x_label = "epoch",
		  .y_label = "cross-entropy, nats",
		  .from_zero = true },
		{ .title = "test accuracy",
		  .x_label = "epoch",
		  .y_label = "right, % of the test images",
		  .mark = true,
		  .mark_y = report->runs[0].wanted,
		  .mark_name = "wanted",
		  .legend_low = true },
	};
	int err = -ENOMEM;
	unsigned int i;

	for (i = 0; i < report->count; i++) {
		const struct trainer_result *r = &report->runs[i].result;
		unsigned int stride = r->steps / RAW_POINTS_MAX + 1;

		if (!loss_curve(&raw[i], r, stride, 1) ||
		    !loss_curve(&smooth[i], r, stride, r->steps_per_epoch / 10 + 1) ||
		    !accuracy_curve(&accuracy[i], r))
			goto out;
		/* one run's raw losses are worth seeing, several would hide each other */
		if (report->count == 1)
			add_series(&panels[0], &raw[i], "", true, i);
	}
	for (i = 0; i < report->count; i++) {
		add_series(&panels[0], &smooth[i], report->runs[i].title, false, i);
		add_series(&panels[1], &accuracy[i], report->runs[i].title, false, i);
	}
	err = write_chart(report, panels, path);
out:
	for (i = 0; i < report->count; i++) {
		free(raw[i].x);
		free(smooth[i].x);
		free(accuracy[i].x);
	}
	return err;
}
