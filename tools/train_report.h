/* SPDX-License-Identifier: GPL-2.0-only */
/* What is left of training runs: a chart and a JSON document. */
#ifndef DOJO_TOOLS_TRAIN_REPORT_H
#define DOJO_TOOLS_TRAIN_REPORT_H

#include "json.h"
#include "trainer.h"

#define TRAIN_RUNS_MAX	4

/**
 * struct train_run - one run and what was asked of it
 * @format: "fp32", for people "FP32"
 * @wanted: least accuracy, percent
 */
struct train_run {
	const char *format;
	const char *title;
	struct net_formats formats;
	struct trainer_result result;
	double wanted;
};

/**
 * struct train_report - runs of one model on one data set
 * @pci, @generation: of the card
 * @nodes: device nodes of the tiles
 * @dies: of a tile
 */
struct train_report {
	const char *model;
	const char *layers;
	const char *pci;
	const char *serial;
	const char *generation;
	const char *nodes[NET_TILES_MAX];
	unsigned int tiles;
	unsigned int dies;
	uint32_t train_images, test_images;
	struct train_run runs[TRAIN_RUNS_MAX];
	unsigned int count;
};

/* of the last epoch, percent */
double train_run_accuracy(const struct train_run *run);
bool train_run_passed(const struct train_run *run);
bool train_report_passed(const struct train_report *report);

cJSON *train_report_json(const struct train_report *report);
/* 0 or -errno */
int train_report_chart(const struct train_report *report, const char *path);

#endif
