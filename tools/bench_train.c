// SPDX-License-Identifier: GPL-2.0-only
/*
 * Training: the same network on a tile, and on the CPU with the BLAS that is
 * installed. Images are noise: nobody looks at the accuracy.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "random.h"
#include "report.h"
#include "table.h"
#include "train_models.h"
#include "trainer.h"

#define MODEL		"mlp"
#define SIDE		28
#define TILE_IMAGES	12000
#define CPU_SECONDS	1.0
#define CPU_STEPS	3	/* at least, one of them not counted */

/* ------------------------------------------------------------- the CPU */

/**
 * struct dense - a layer on the CPU; rows are samples
 * @state: weights and bias, their gradients, and two moments, @parameters of each
 * @y, @dy: @outputs a row
 */
struct dense {
	uint32_t inputs, outputs;
	bool relu;
	size_t parameters;
	float *state[4];
	float *y, *dy;
};

/**
 * struct cpu_net - the network on the CPU
 * @x: input, @batch rows
 */
struct cpu_net {
	bench_sgemm_fn *sgemm;
	uint32_t batch;
	struct dense layers[NET_LAYERS_MAX];
	unsigned int count;
	float *x;
};

static bool layer_create(struct dense *l, uint32_t batch, struct random *random)
{
	l->parameters = (size_t)l->inputs * l->outputs + l->outputs;
	for (unsigned int i = 0; i < 4; i++)
		l->state[i] = calloc(l->parameters, sizeof(float));
	l->y = calloc((size_t)batch * l->outputs, sizeof(float));
	l->dy = calloc((size_t)batch * l->outputs, sizeof(float));
	if (!l->state[0] || !l->state[1] || !l->state[2] || !l->state[3] || !l->y || !l->dy)
		return false;
	for (size_t i = 0; i < l->parameters - l->outputs; i++)
		l->state[0][i] = random_signed(random) / sqrtf(l->inputs);
	return true;
}

static void net_destroy(struct cpu_net *net)
{
	for (unsigned int i = 0; i < net->count; i++) {
		struct dense *l = &net->layers[i];

		for (unsigned int s = 0; s < 4; s++)
			free(l->state[s]);
		free(l->y);
		free(l->dy);
	}
	free(net->x);
}

static bool net_create(struct cpu_net *net, const struct train_model *model)
{
	struct random random;
	uint32_t inputs = SIDE * SIDE;

	random_seed(&random, 1);
	net->batch = model->batch;
	net->x = calloc((size_t)net->batch * inputs, sizeof(float));
	if (!net->x)
		return false;
	for (size_t i = 0; i < (size_t)net->batch * inputs; i++)
		net->x[i] = random_signed(&random);
	for (const struct net_layer *l = model->layers; l->op == NET_DENSE; l++) {
		struct dense *d = &net->layers[net->count++];

		*d = (struct dense){ .inputs = inputs, .outputs = l->out, .relu = l->relu };
		if (!layer_create(d, net->batch, &random))
			return false;
		inputs = l->out;
	}
	return net->count;
}

/* C = A x B, all of them packed */
static void multiply(const struct cpu_net *net, bool trans_a, bool trans_b, uint32_t m, uint32_t n,
		     uint32_t k, const float *a, const float *b, float *c)
{
	net->sgemm(BENCH_ROW_MAJOR, trans_a ? BENCH_TRANSPOSED : BENCH_AS_IS,
		   trans_b ? BENCH_TRANSPOSED : BENCH_AS_IS, m, n, k, 1, a, trans_a ? m : k, b,
		   trans_b ? k : n, 0, c, n);
}

static void forward(const struct cpu_net *net, const struct dense *l, const float *x)
{
	const float *bias = l->state[0] + l->parameters - l->outputs;

	multiply(net, false, false, net->batch, l->outputs, l->inputs, x, l->state[0], l->y);
	for (uint32_t r = 0; r < net->batch; r++) {
		float *y = l->y + (size_t)r * l->outputs;

		for (uint32_t o = 0; o < l->outputs; o++) {
			y[o] += bias[o];
			if (l->relu && !(y[o] > 0))
				y[o] = 0;
		}
	}
}

/* of the logits, for any labels */
static void cross_entropy_grad(const struct cpu_net *net, const struct dense *l)
{
	for (uint32_t r = 0; r < net->batch; r++) {
		const float *y = l->y + (size_t)r * l->outputs;
		float *dy = l->dy + (size_t)r * l->outputs, most = y[0], sum = 0;

		for (uint32_t o = 1; o < l->outputs; o++)
			most = fmaxf(most, y[o]);
		for (uint32_t o = 0; o < l->outputs; o++)
			sum += dy[o] = expf(y[o] - most);
		for (uint32_t o = 0; o < l->outputs; o++)
			dy[o] = (dy[o] / sum - (o == r % l->outputs)) / net->batch;
	}
}

static void backward(const struct cpu_net *net, const struct dense *l, const float *x, float *dx)
{
	float *bias = l->state[1] + l->parameters - l->outputs;

	for (size_t i = 0; i < (size_t)net->batch * l->outputs && l->relu; i++) {
		if (!(l->y[i] > 0))
			l->dy[i] = 0;
	}
	multiply(net, true, false, l->inputs, l->outputs, net->batch, x, l->dy, l->state[1]);
	memset(bias, 0, l->outputs * sizeof(*bias));
	for (uint32_t r = 0; r < net->batch; r++) {
		for (uint32_t o = 0; o < l->outputs; o++)
			bias[o] += l->dy[(size_t)r * l->outputs + o];
	}
	if (dx)
		multiply(net, false, true, net->batch, l->inputs, l->outputs, l->dy, l->state[0],
			 dx);
}

static void adamw(struct dense *l, unsigned int step)
{
	float one = 1 - powf(0.9f, step), two = 1 - powf(0.999f, step);

	for (size_t i = 0; i < l->parameters; i++) {
		float g = l->state[1][i], *w = &l->state[0][i], *m = &l->state[2][i],
		      *v = &l->state[3][i];

		*m = 0.9f * *m + 0.1f * g;
		*v = 0.999f * *v + 0.001f * g * g;
		*w -= 0.001f * (*m / one / (sqrtf(*v / two) + 0.00000001f) + 0.01f * *w);
	}
}

static void cpu_step(struct cpu_net *net, unsigned int step)
{
	struct dense *l = net->layers;
	unsigned int i;

	for (i = 0; i < net->count; i++)
		forward(net, &l[i], i ? l[i - 1].y : net->x);
	cross_entropy_grad(net, &l[net->count - 1]);
	for (i = net->count; i-- > 0; )
		backward(net, &l[i], i ? l[i - 1].y : net->x, i ? l[i - 1].dy : NULL);
	for (i = 0; i < net->count; i++)
		adamw(&l[i], step);
}

/* images a second; NAN without a BLAS */
static double train_on_cpu(const struct train_model *model, const char **library)
{
	struct cpu_net net = { .sgemm = bench_find_sgemm(library) };
	double begin = 0, rate = NAN;
	unsigned int steps;

	if (!net.sgemm || !net_create(&net, model))
		goto out;
	/* the first starts the library's threads */
	for (steps = 0; steps < CPU_STEPS || now_seconds() - begin < CPU_SECONDS; steps++) {
		if (steps == 1)
			begin = now_seconds();
		cpu_step(&net, steps + 1);
	}
	rate = (steps - 1) * (double)net.batch / (now_seconds() - begin);
out:
	net_destroy(&net);
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

static int run(struct bench_run *run)
{
	const struct train_model *model = train_model_find(MODEL);
	double tile = NAN, cpu, host;
	char text[3][24], part[16];
	const char *library;
	struct table table;
	cJSON *o;

	progress_draw(&run->progress, "training %s", model->text);
	cpu = train_on_cpu(model, &library);
	if (run->tile && train_on_tile(run->tile, model, &tile)) {
		progress_clear(&run->progress);
		return EXIT_FAILURE;
	}
	progress_clear(&run->progress);
	host = bench_beside(run, "training", "batch_images", model->batch,
			    "cpu_images_per_second");
	if (run->json) {
		o = json_append_object(json_array(run->json, "training"));
		json_string(o, "layers", model->text);
		json_u64(o, "batch_images", model->batch);
		json_double(o, "tile_images_per_second", tile);
		json_double(o, "cpu_images_per_second", cpu);
		json_double(o, "host_cpu_images_per_second", host);
		json_string(o, "library", library);
		return 0;
	}
	bench_heading(run, "Training, FP32, images a second");
	snprintf(text[0], sizeof(text[0]), "%.0f", tile);
	snprintf(text[1], sizeof(text[1]), "%.0f", cpu);
	snprintf(text[2], sizeof(text[2]), "%.0f", host);
	if (run->tile) {
		table_init(&table, "lrrrr");
		table_row(&table, "NETWORK", "TILE", "CPU, BLAS", "HOST'S CPU, BLAS",
			  "TILE OF HOST'S");
		table_row(&table, model->text, text[0], isfinite(cpu) ? text[1] : NULL,
			  isfinite(host) ? text[2] : NULL,
			  bench_ratio(part, sizeof(part), tile / host));
	} else {
		table_init(&table, "lrl");
		table_row(&table, "NETWORK", "CPU, BLAS", "LIBRARY");
		table_row(&table, model->text, isfinite(cpu) ? text[1] : NULL, library);
	}
	return table_print(&table, stdout) ? fail("out of memory") : 0;
}

const struct bench_group bench_train = { "train", run, true };
