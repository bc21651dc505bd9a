// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "commands.h"
#include "options.h"
#include "progress.h"
#include "report.h"
#include "table.h"
#include "tiles.h"
#include "train_models.h"
#include "train_report.h"

#define DATASET		"/usr/share/datasets/fashion-mnist"

static const struct {
	const char *name, *title;
	struct net_formats formats;
} formats[] = {
	{ "fp32", "FP32", { DOJO_FORMAT_FP32, DOJO_FORMAT_FP32 } },
	{ "bf16", "BF16", { DOJO_FORMAT_BF16, DOJO_FORMAT_BF16 } },
	{ "cfloat8", "CFloat8", { DOJO_FORMAT_CFLOAT8_143, DOJO_FORMAT_CFLOAT8_152 } },
};

#define COUNT(a)	(sizeof(a) / sizeof(*(a)))

/* other formats may be this much worse than FP32, percent */
#define NARROW_LOSS	1.0
#define PROGRESS_SECONDS	5	/* between lines of a log */

/**
 * struct train - the command at work
 * @wanted: percent, of the FP32 run
 * @devices: opened, as many as report.tiles
 */
struct train {
	const struct train_model *model;
	struct trainer_plan plan;
	struct train_report report;
	double wanted;
	struct tile_facts facts[NET_TILES_MAX];
	struct dojo_device *devices[NET_TILES_MAX];
	struct dataset train, test;
	bool quiet;
	struct progress progress;
	double begin;
	const struct train_run *run;
};

/* ------------------------------------------------------------ progress */

static double images_per_second(const struct train *t, unsigned int steps)
{
	double seconds = now_seconds() - t->begin;

	return seconds > 0 ? steps * (double)t->run->result.batch / seconds : 0;
}

static void on_step(void *context, unsigned int done, unsigned int steps, float loss)
{
	struct train *t = context;
	double elapsed = now_seconds() - t->begin;
	unsigned int epoch_steps = steps / t->plan.epochs;

	progress_draw(&t->progress, "epoch %2u/%u %3.0f %%  loss %.4f  %7.0f images/s  %.0f s left",
		      (done - 1) / epoch_steps + 1, t->plan.epochs,
		      100.0 * ((done - 1) % epoch_steps + 1) / epoch_steps, loss,
		      images_per_second(t, done), elapsed / done * (steps - done));
}

static void on_epoch(void *context, unsigned int epoch, double loss, double accuracy)
{
	struct train *t = context;
	double elapsed = now_seconds() - t->begin;

	progress_clear(&t->progress);
	if (t->quiet)
		return;
	printf("epoch %2u/%u  loss %.4f  test accuracy %.2f %%  %7.0f images/s  %.0f s left\n",
	       epoch, t->plan.epochs, loss, 100 * accuracy,
	       images_per_second(t, epoch * t->run->result.steps_per_epoch),
	       elapsed / epoch * (t->plan.epochs - epoch));
	fflush(stdout);
}

/* -------------------------------------------------------------- set-up */

static bool parse_formats(struct train *t, const char *list, const struct usage *usage)
{
	char copy[128], *save, *name;

	snprintf(copy, sizeof(copy), "%s", list);
	for (name = strtok_r(copy, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
		size_t i;

		for (i = 0; i < COUNT(formats) && strcmp(name, formats[i].name); i++)
			;
		if (i == COUNT(formats)) {
			usage_error(usage,
				    "--format takes fp32, bf16 and cfloat8, with commas between, not '%s'",
				    name);
			return false;
		}
		if (t->report.count == TRAIN_RUNS_MAX) {
			usage_error(usage, "--format takes at most %u formats", TRAIN_RUNS_MAX);
			return false;
		}
		t->report.runs[t->report.count++] = (struct train_run){
			.format = formats[i].name,
			.title = formats[i].title,
			.formats = formats[i].formats,
		};
	}
	if (!t->report.count)
		usage_error(usage, "--format is empty");
	return t->report.count;
}

static bool take_tile(struct train *t, const struct tile_facts *facts)
{
	unsigned int i = t->report.tiles;

	t->devices[i] = open_device(facts->entry.path);
	if (!t->devices[i])
		return false;
	t->facts[i] = *facts;
	t->report.nodes[i] = t->facts[i].entry.path;
	t->report.tiles++;
	return true;
}

/* the tile asked for, and @count - 1 more of its card; @count 0: all of the card */
static bool open_tiles(struct train *t, const char *device, unsigned int count)
{
	struct tile_facts *first, *all;
	const struct tile_facts *head;
	size_t found, i;
	bool ok = false;

	found = tiles_gather(device, &first);
	if (!found)
		return false;
	for (i = 0; i < found && first[i].error; i++)
		;
	head = &first[i];
	if (i == found || !take_tile(t, head))
		goto free_first;

	if (count == 1) {
		ok = true;
		goto free_first;
	}
	found = tiles_gather(NULL, &all);
	for (i = 0; i < found && t->report.tiles < NET_TILES_MAX; i++) {
		if (count && t->report.tiles == count)
			break;
		if (all[i].error || strcmp(all[i].entry.pci, head->entry.pci) ||
		    !strcmp(all[i].entry.path, head->entry.path))
			continue;
		if (!take_tile(t, &all[i]))
			goto free_all;
	}
	ok = !count || t->report.tiles == count;
	if (!ok)
		fail("the card at %s has %u tiles that can be opened, not %u", head->entry.pci,
		     t->report.tiles, count);
free_all:
	free(all);
free_first:
	free(first);
	return ok;
}

static bool supports(const struct train *t)
{
	static const uint32_t needed[] = {
		DOJO_OP_COPY, DOJO_OP_GATHER, DOJO_OP_UNARY, DOJO_OP_BINARY, DOJO_OP_REDUCE,
		DOJO_OP_GEMM, DOJO_OP_CROSS_ENTROPY, DOJO_OP_ADAMW, DOJO_OP_CONVERT,
	};
	static const uint32_t needed_cnn[] = {
		DOJO_OP_CONV2D, DOJO_OP_CONV2D_GRAD_INPUT, DOJO_OP_CONV2D_GRAD_WEIGHT, DOJO_OP_POOL,
		DOJO_OP_POOL_GRAD, DOJO_OP_DROPOUT,
	};
	size_t i;

	for (i = 0; i < COUNT(needed); i++) {
		if (!dojo_device_has_opcode(t->devices[0], needed[i])) {
			fail("the card cannot do %s", dojo_opcode_name(needed[i]));
			return false;
		}
	}
	for (i = 0; i < COUNT(needed_cnn) && t->model->convolutions; i++) {
		if (!dojo_device_has_opcode(t->devices[0], needed_cnn[i])) {
			fail("the card cannot do %s, which the model %s needs",
			     dojo_opcode_name(needed_cnn[i]), t->model->name);
			return false;
		}
	}
	for (i = 0; i < t->report.count; i++) {
		const struct train_run *run = &t->report.runs[i];

		if (!dojo_device_has_format(t->devices[0], run->formats.forward) ||
		    !dojo_device_has_format(t->devices[0], run->formats.gradient)) {
			fail("the card does not have the format %s", run->title);
			return false;
		}
	}
	return true;
}

static void describe(struct train *t)
{
	const struct tile_facts *first = &t->facts[0];
	struct train_report *r = &t->report;

	r->model = t->model->name;
	r->layers = t->model->text;
	r->pci = first->entry.pci[0] ? first->entry.pci : NULL;
	r->serial = tile_serial(first);
	r->generation = generation_name(first->card.generation);
	r->dies = tile_dies(first);
	r->train_images = t->train.count;
	r->test_images = t->test.count;
	if (t->quiet)
		return;
	printf("Fashion-MNIST: %u training and %u test images of %u x %u\n", t->train.count,
	       t->test.count, t->train.width, t->train.height);
	printf("card %s, %s:", r->pci ? r->pci : "of unknown place",
	       r->generation ? r->generation : "?");
	for (unsigned int i = 0; i < r->tiles; i++)
		printf(" tile %u (%s)%s", t->facts[i].tile.index, r->nodes[i],
		       i + 1 < r->tiles ? "," : "\n");
	fflush(stdout);
}

/* ---------------------------------------------------------------- runs */

static void print_totals(const struct train *t, const struct train_run *run)
{
	const struct trainer_totals *d = &run->result.totals;
	char bytes[24], flop[24];

	printf("%s: test accuracy %.2f %% (wanted: %.2f %%), %.0f images/s, %.1f s of training\n",
	       run->title, train_run_accuracy(run), run->wanted,
	       (double)run->result.steps * run->result.batch / run->result.seconds,
	       run->result.seconds);
	printf("the device did %llu jobs, %llu packets, %s moved, %s; busy %.2f tile-seconds; ",
	       (unsigned long long)d->jobs, (unsigned long long)d->packets,
	       format_si(bytes, sizeof(bytes), d->bytes, "B"),
	       format_si(flop, sizeof(flop), d->flop, "FLOP"),
	       t->report.dies ? d->busy_ns / 1e9 / t->report.dies : NAN);
	printf("modelled: %.4f s on the published hardware\n", d->model_ps / 1e12);
	fflush(stdout);
}

static void set_wanted(struct train *t, struct train_run *run)
{
	run->wanted = t->wanted;
	if (run->formats.forward == DOJO_FORMAT_FP32)
		return;
	run->wanted -= NARROW_LOSS;
	for (const struct train_run *r = t->report.runs; r < run; r++) {
		if (r->formats.forward == DOJO_FORMAT_FP32)
			run->wanted = train_run_accuracy(r) - NARROW_LOSS;
	}
}

static int run_formats(struct train *t)
{
	const struct trainer_observer observer = { .step = on_step,
						   .epoch = on_epoch,
						   .context = t };
	struct trainer *trainer;
	int err = 0;

	trainer = trainer_create(t->devices, t->report.tiles, &t->train, &t->test);
	if (!trainer)
		return EXIT_FAILURE;
	for (unsigned int i = 0; i < t->report.count && !err; i++) {
		struct train_run *run = &t->report.runs[i];

		t->run = run;
		t->plan.formats = run->formats;
		t->begin = now_seconds();
		if (!t->quiet)
			printf("%s %s in %s, %u epochs\n", t->report.model, t->report.layers,
			       run->title, t->plan.epochs);
		err = trainer_run(trainer, &t->plan, &observer, &run->result);
		progress_clear(&t->progress);
		if (err)
			break;
		set_wanted(t, run);
		if (!t->quiet)
			print_totals(t, run);
	}
	trainer_destroy(trainer);
	return err;
}

static int write_files(const struct train *t, const char *folder)
{
	char path[4096];
	FILE *out;
	int err;

	if (mkdir(folder, 0777) && errno != EEXIST)
		return fail("cannot create %s: %s", folder, strerror(errno));
	snprintf(path, sizeof(path), "%s/loss.svg", folder);
	err = train_report_chart(&t->report, path);
	if (err)
		return fail("cannot write %s: %s", path, strerror(-err));

	snprintf(path, sizeof(path), "%s/result.json", folder);
	out = fopen(path, "we");
	if (!out)
		return fail("cannot write %s: %s", path, strerror(errno));
	err = json_print(out, train_report_json(&t->report), false);
	if (fclose(out) && !err)
		err = -errno;
	if (err)
		return fail("cannot write %s: %s", path, strerror(-err));
	if (!t->quiet)
		printf("wrote %s/loss.svg and %s/result.json\n", folder, folder);
	return 0;
}

static int verdict(const struct train *t)
{
	int status = EXIT_SUCCESS;

	for (unsigned int i = 0; i < t->report.count; i++) {
		const struct train_run *run = &t->report.runs[i];

		if (!train_run_passed(run))
			status = fail("%s: test accuracy %.2f %% is below the %.2f %% wanted",
				      run->title, train_run_accuracy(run), run->wanted);
	}
	return status;
}

static int train(struct train *t, const char *folder, const char *device, unsigned int tiles,
		 const char *out, bool json)
{
	if (!open_tiles(t, device, tiles) || !supports(t))
		return EXIT_FAILURE;
	if (dataset_load(&t->train, folder, "train", TRAIN_CLASSES) ||
	    dataset_load(&t->test, folder, "t10k", TRAIN_CLASSES))
		return EXIT_FAILURE;
	if (t->train.width != t->test.width || t->train.height != t->test.height)
		return fail("%s: training and test images differ in size", folder);
	describe(t);
	if (run_formats(t))
		return EXIT_FAILURE;
	if (out && write_files(t, out))
		return EXIT_FAILURE;
	if (json && json_print(stdout, train_report_json(&t->report), false))
		return EXIT_FAILURE;
	return verdict(t);
}

int cmd_train(int argc, char **argv)
{
	const char *model = "mlp", *format = NULL, *dataset = DATASET, *out = NULL, *device = NULL;
	unsigned int epochs = 0, batch = 0, tiles = 0, seed = 1;
	double rate = 0, wanted = -1;
	bool json = false;
	const struct option options[] = {
		{ "model", 'm', OPTION_STRING, &model, "NAME", "mlp (default) or cnn" },
		{ "format", 'f', OPTION_STRING, &format, "LIST",
		  "of fp32, bf16, cfloat8: one run each" },
		{ "epochs", 'e', OPTION_COUNT, &epochs, "N", "passes over the training images" },
		{ "batch", 'b', OPTION_COUNT, &batch, "N",
		  "images of a step, on all tiles together" },
		{ "rate", 'r', OPTION_NUMBER, &rate, "R", "largest learning rate" },
		{ "seed", 's', OPTION_COUNT, &seed, "N", "of weights, shuffling and dropout" },
		{ "device", 'd', OPTION_STRING, &device, "TILE",
		  "the tile, or the first of several" },
		{ "tiles", 't', OPTION_COUNT, &tiles, "N", "of the card, to share the work" },
		{ "dataset", 'D', OPTION_STRING, &dataset, "DIR", "folder of the IDX files" },
		{ "out", 'o', OPTION_STRING, &out, "DIR", "write loss.svg and result.json there" },
		{ "min-accuracy", 'a', OPTION_NUMBER, &wanted, "P", "fail below this, percent" },
		{ "json", 0, OPTION_FLAG, &json, NULL, "result as JSON, schema dojo/1" },
		{ 0 }
	};
	const struct usage usage = {
		.command = "train",
		.summary = "Train a classifier on Fashion-MNIST, on a tile or several.\n"
			   "Exit status 1 if anything failed or the test accuracy is too low.",
		.options = options,
	};
	struct train *t;
	int n, status;

	if (!options_parse(&usage, argc, argv, &n, &status))
		return status;
	t = calloc(1, sizeof(*t));
	if (!t)
		return fail("out of memory");
	status = EXIT_USAGE;
	t->model = train_model_find(model);
	if (!t->model) {
		usage_error(&usage, "--model takes mlp or cnn, not '%s'", model);
		goto out;
	}
	if (!parse_formats(t, format ? format : t->model->formats, &usage))
		goto out;
	if (rate < 0 || wanted > 100) {
		usage_error(&usage, "--rate must be positive and --min-accuracy at most 100");
		goto out;
	}
	t->plan.layers = t->model->layers;
	t->plan.epochs = epochs ? epochs : t->model->epochs;
	t->plan.batch = batch ? batch : t->model->batch;
	t->plan.rate = rate > 0 ? rate : t->model->rate;
	t->plan.seed = seed;
	t->wanted = wanted >= 0 ? wanted : t->model->wanted;
	t->quiet = json;
	if (!tiles && !t->model->all_tiles)
		tiles = 1;
	progress_init(&t->progress, json ? stderr : stdout);
	if (!json) {
		t->progress.lines = PROGRESS_SECONDS;
		t->progress.next = now_seconds() + PROGRESS_SECONDS;
	}

	status = train(t, dataset, device, tiles, out, json);
out:
	for (unsigned int i = 0; i < t->report.count; i++)
		trainer_result_free(&t->report.runs[i].result);
	for (unsigned int i = 0; i < t->report.tiles; i++)
		dojo_device_close(t->devices[i]);
	dataset_free(&t->train);
	dataset_free(&t->test);
	free(t);
	return status;
}
