// SPDX-License-Identifier: GPL-2.0-only
/*
 * Training: the same networks on a tile, and on the CPU with the BLAS that is
 * installed. Images are noise: nobody looks at the accuracy.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "cpu_net.h"
#include "random.h"
#include "report.h"
#include "table.h"
#include "train_models.h"
#include "trainer.h"

#define SIDE		28
#define TILE_IMAGES	12000
#define CPU_SECONDS	1.0
#define CPU_STEPS	3	/* at least, one of them not counted */

static const char *const models[] = { "mlp", "cnn" };

/* ------------------------------------------------------------- the CPU */

static void make_input(struct cpu_net *net, uint8_t *labels, uint32_t batch)
{
	float *input = cpu_net_input(net);
	struct random random;

	random_seed(&random, 1);
	for (size_t i = 0; i < (size_t)batch * SIDE * SIDE; i++)
		input[i] = random_signed(&random);
	for (uint32_t i = 0; i < batch; i++)
		labels[i] = random_below(&random, TRAIN_CLASSES);
}

/* images a second; NAN without a BLAS */
static double train_on_cpu(const struct train_model *model, const char **library)
{
	bench_sgemm_fn *sgemm = bench_find_sgemm(library);
	uint8_t *labels = malloc(model->batch);
	double begin = 0, rate = NAN;
	struct cpu_net *net = NULL;
	unsigned int steps;

	if (!sgemm || !labels)
		goto out;
	net = cpu_net_create(sgemm, model->layers, (struct net_extent){ SIDE, SIDE, 1 },
			     model->batch);
	if (!net)
		goto out;
	make_input(net, labels, model->batch);
	/* the first starts the library's threads */
	for (steps = 0; steps < CPU_STEPS || now_seconds() - begin < CPU_SECONDS; steps++) {
		if (steps == 1)
			begin = now_seconds();
		cpu_net_gradients(net, labels);
		cpu_net_update(net, steps + 1);
	}
	rate = (steps - 1) * (double)model->batch / (now_seconds() - begin);
out:
	cpu_net_destroy(net);
	free(labels);
	return rate;
}

/* -------------------------------------------------------------- a tile */

static bool make_noise(struct dataset *set, uint32_t count)
{
	size_t pixels = (size_t)count * SIDE * SIDE;
	struct random random;

	*set = (struct dataset){ .count = count, .height = SIDE, .width = SIDE };
	set->images = malloc(pixels);
	set->labels = malloc(count);
	if (!set->images || !set->labels)
		return false;
	random_seed(&random, 2);
	for (size_t i = 0; i < pixels; i++)
		set->images[i] = random_below(&random, 256);
	for (uint32_t i = 0; i < count; i++)
		set->labels[i] = random_below(&random, TRAIN_CLASSES);
	return true;
}

static int train_on_tile(struct bench *b, const struct train_model *model, double *rate)
{
	const struct trainer_plan plan = {
		.layers = model->layers,
		.formats = { DOJO_FORMAT_FP32, DOJO_FORMAT_FP32 },
		.epochs = 1,
		.batch = model->batch,
		.rate = model->rate,
		.seed = 1,
	};
	struct dataset train = { 0 }, test = { 0 };
	struct trainer_result result;
	struct trainer *trainer = NULL;
	int err;

	if (!make_noise(&train, TILE_IMAGES) || !make_noise(&test, model->batch)) {
		err = fail("out of memory");
		goto out;
	}
	trainer = trainer_create(&b->dev, 1, &train, &test);
	err = trainer ? trainer_run(trainer, &plan, NULL, &result) : EXIT_FAILURE;
	if (!err) {
		*rate = (double)result.steps * result.batch / result.seconds;
		trainer_result_free(&result);
	}
out:
	trainer_destroy(trainer);
	dataset_free(&train);
	dataset_free(&test);
	return err;
}

/* -------------------------------------------------------------- report */

/* images a second */
struct rates {
	double tile, cpu, host;
};

static int measure(struct bench_run *run, const struct train_model *model, struct rates *rates,
		   const char **library)
{
	int err = 0;

	progress_draw(&run->progress, "training %s", model->text);
	*rates = (struct rates){ .tile = NAN };
	rates->cpu = train_on_cpu(model, library);
	if (run->tile)
		err = train_on_tile(run->tile, model, &rates->tile);
	progress_clear(&run->progress);
	rates->host = bench_beside_text(run, "training", "model", model->name,
					"cpu_images_per_second");
	return err;
}

static void add_json(const struct bench_run *run, const struct train_model *model,
		     const struct rates *rates, const char *library)
{
	cJSON *o = json_append_object(json_array(run->json, "training"));

	json_string(o, "model", model->name);
	json_string(o, "layers", model->text);
	json_u64(o, "batch_images", model->batch);
	json_double(o, "tile_images_per_second", rates->tile);
	json_double(o, "cpu_images_per_second", rates->cpu);
	json_double(o, "host_cpu_images_per_second", rates->host);
	json_string(o, "library", library);
}

static void add_row(const struct bench_run *run, struct table *table,
		    const struct train_model *model, const struct rates *rates,
		    const char *library)
{
	char text[3][24], part[16];

	snprintf(text[0], sizeof(text[0]), "%.0f", rates->tile);
	snprintf(text[1], sizeof(text[1]), "%.0f", rates->cpu);
	snprintf(text[2], sizeof(text[2]), "%.0f", rates->host);
	if (run->tile)
		table_row(table, model->text, text[0], isfinite(rates->cpu) ? text[1] : NULL,
			  isfinite(rates->host) ? text[2] : NULL,
			  bench_ratio(part, sizeof(part), rates->tile / rates->host));
	else
		table_row(table, model->text, isfinite(rates->cpu) ? text[1] : NULL, library);
}

static int run(struct bench_run *run)
{
	const char *library;
	struct table table;

	table_init(&table, run->tile ? "lrrrr" : "lrl");
	if (run->tile)
		table_row(&table, "NETWORK", "TILE", "CPU, BLAS", "HOST'S CPU, BLAS",
			  "TILE OF HOST'S");
	else
		table_row(&table, "NETWORK", "CPU, BLAS", "LIBRARY");
	for (size_t i = 0; i < sizeof(models) / sizeof(*models); i++) {
		const struct train_model *model = train_model_find(models[i]);
		struct rates rates;

		if (measure(run, model, &rates, &library)) {
			table_free(&table);
			return EXIT_FAILURE;
		}
		if (run->json)
			add_json(run, model, &rates, library);
		else
			add_row(run, &table, model, &rates, library);
	}
	if (run->json) {
		table_free(&table);
		return 0;
	}
	bench_heading(run, "Training, FP32, images a second");
	return table_print(&table, stdout) ? fail("out of memory") : 0;
}

const struct bench_group bench_train = { "train", run, true };
