// SPDX-License-Identifier: GPL-2.0-only
/*
 * Activations of CONV and POOL are planes: for each channel the images of a batch, one
 * after the other, so that a convolution is one product of the whole batch and its result
 * is the next layer's input. Those of DENSE are rows, an image each.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cpu_net.h"
#include "random.h"

#define RATE	0.001f
#define BETA1	0.9f
#define BETA2	0.999f
#define EPSILON	0.00000001f
#define DECAY	0.01f

/**
 * struct cpu_layer - a layer and what it computes
 * @weights, @parameters: how many, without and with biases, which come last
 * @state: parameters, their gradients, and two moments
 * @rows: DENSE in front of which planes become rows
 * @x: rows made of planes
 * @y, @dy: result, and its gradient
 * @pick: POOL: where in the input the maximum was; DROPOUT: whether it stays
 */
struct cpu_layer {
	struct net_layer what;
	struct net_extent in, out;
	size_t weights, parameters;
	float *state[4];
	bool rows;
	float *x, *y, *dy;
	uint32_t *pick;
};

/**
 * struct cpu_net - a network
 * @columns: of a convolution: for each tap the pixels that it meets
 * @rows: gradient of what a layer with @rows reads
 */
struct cpu_net {
	bench_sgemm_fn *sgemm;
	uint32_t batch;
	unsigned int count;
	struct cpu_layer layers[NET_LAYERS_MAX];
	float *input;
	float *columns;
	float *rows;
	struct random random;
};

static size_t extent_size(struct net_extent e)
{
	return (size_t)e.width * e.height * e.channels;
}

static size_t pixels_of(const struct cpu_net *net, struct net_extent e)
{
	return (size_t)net->batch * e.width * e.height;
}

static size_t taps_of(const struct cpu_layer *l)
{
	return (size_t)l->what.size * l->what.size * l->in.channels;
}

/* ------------------------------------------------------------- set-up */

/* what comes out, and how many weights that takes; false: it does not fit */
static bool layer_fit(struct cpu_layer *l)
{
	const struct net_layer *what = &l->what;

	l->out = l->in;
	switch (what->op) {
	case NET_DENSE:
		l->out = (struct net_extent){ 1, 1, what->out };
		l->weights = extent_size(l->in) * what->out;
		l->rows = l->in.channels > 1 && l->in.width * l->in.height > 1;
		break;
	case NET_CONV:
		l->out.channels = what->out;
		l->weights = taps_of(l) * what->out;
		return what->size % 2;
	case NET_POOL:
		l->out.width = l->in.width / what->size;
		l->out.height = l->in.height / what->size;
		break;
	default:
		break;
	}
	return extent_size(l->out);
}

static bool layer_create(struct cpu_net *net, struct cpu_layer *l)
{
	size_t size = net->batch * extent_size(l->out), inputs;

	if (l->weights)
		l->parameters = l->weights + l->what.out;
	for (unsigned int i = 0; i < 4 && l->parameters; i++) {
		l->state[i] = calloc(l->parameters, sizeof(float));
		if (!l->state[i])
			return false;
	}
	inputs = l->weights ? l->weights / l->what.out : 1;
	for (size_t i = 0; i < l->weights; i++)
		l->state[0][i] = random_signed(&net->random) * sqrtf(6.0f / inputs);
	if (l->rows)
		l->x = calloc(net->batch * extent_size(l->in), sizeof(float));
	if (l->what.op == NET_POOL || l->what.op == NET_DROPOUT)
		l->pick = calloc(size, sizeof(*l->pick));
	l->y = calloc(size, sizeof(float));
	l->dy = calloc(size, sizeof(float));
	return l->y && l->dy && (l->x || !l->rows) &&
	       (l->pick || (l->what.op != NET_POOL && l->what.op != NET_DROPOUT));
}

static bool layers_create(struct cpu_net *net, const struct net_layer *layers, struct net_extent in)
{
	size_t columns = 1, rows = 1;

	for (; layers->op != NET_END; layers++) {
		struct cpu_layer *l = &net->layers[net->count];

		if (net->count == NET_LAYERS_MAX)
			return false;
		*l = (struct cpu_layer){ .what = *layers, .in = in };
		net->count++;
		if (!layer_fit(l) || !layer_create(net, l))
			return false;
		if (l->what.op == NET_CONV && taps_of(l) * pixels_of(net, in) > columns)
			columns = taps_of(l) * pixels_of(net, in);
		if (l->rows && net->batch * extent_size(in) > rows)
			rows = net->batch * extent_size(in);
		in = l->out;
	}
	net->columns = malloc(columns * sizeof(float));
	net->rows = malloc(rows * sizeof(float));
	return net->count && net->columns && net->rows;
}

struct cpu_net *cpu_net_create(bench_sgemm_fn *sgemm, const struct net_layer *layers,
			       struct net_extent input, uint32_t batch)
{
	struct cpu_net *net = calloc(1, sizeof(*net));

	if (!net)
		return NULL;
	net->sgemm = sgemm;
	net->batch = batch;
	random_seed(&net->random, 1);
	net->input = calloc(batch * extent_size(input), sizeof(float));
	if (!net->input || !layers_create(net, layers, input)) {
		cpu_net_destroy(net);
		return NULL;
	}
	return net;
}

void cpu_net_destroy(struct cpu_net *net)
{
	if (!net)
		return;
	for (unsigned int i = 0; i < net->count; i++) {
		struct cpu_layer *l = &net->layers[i];

		for (unsigned int s = 0; s < 4; s++)
			free(l->state[s]);
		free(l->x);
		free(l->y);
		free(l->dy);
		free(l->pick);
	}
	free(net->input);
	free(net->columns);
	free(net->rows);
	free(net);
}

float *cpu_net_input(struct cpu_net *net)
{
	return net->input;
}

float *cpu_net_parameters(struct cpu_net *net, unsigned int i, size_t *count,
			  const float **gradients)
{
	*count = net->layers[i].parameters;
	*gradients = net->layers[i].state[1];
	return net->layers[i].state[0];
}

/* ------------------------------------------------------------ products */

/* C = A x B of m rows and n columns, all of them packed */
static void multiply(const struct cpu_net *net, bool trans_a, bool trans_b, size_t m, size_t n,
		     size_t k, const float *a, const float *b, float *c)
{
	net->sgemm(BENCH_ROW_MAJOR, trans_a ? BENCH_TRANSPOSED : BENCH_AS_IS,
		   trans_b ? BENCH_TRANSPOSED : BENCH_AS_IS, m, n, k, 1, a, trans_a ? m : k, b,
		   trans_b ? k : n, 0, c, n);
}

/* @planes to rows, or with @back the other way round */
static void turn(const struct cpu_net *net, struct net_extent e, float *planes, float *rows,
		 bool back)
{
	size_t pixels = (size_t)e.width * e.height;

	for (uint32_t c = 0; c < e.channels; c++) {
		for (uint32_t b = 0; b < net->batch; b++) {
			float *plane = planes + (c * (size_t)net->batch + b) * pixels;
			float *row = rows + (b * (size_t)e.channels + c) * pixels;

			memcpy(back ? plane : row, back ? row : plane, pixels * sizeof(float));
		}
	}
}

/* the columns of @width that tap @k meets at @x + @k - @half */
static void tap_range(uint32_t width, uint32_t k, uint32_t half, uint32_t *from, uint32_t *to)
{
	*from = k < half ? half - k : 0;
	*to = k > half ? width - (k - half) : width;
	if (*from > width)
		*from = width;
	if (k > half + width)
		*to = 0;
}

/*
 * The image @x as the tap (@kx, @ky) meets it, to @column; or with @back added from there
 * to the image.
 */
static void shift_image(const struct cpu_layer *l, uint32_t kx, uint32_t ky, float *x,
			float *column, bool back)
{
	uint32_t w = l->in.width, h = l->in.height, half = l->what.size / 2, x0, x1, y0, y1;

	tap_range(w, kx, half, &x0, &x1);
	tap_range(h, ky, half, &y0, &y1);
	if (!back)
		memset(column, 0, (size_t)w * h * sizeof(float));
	for (uint32_t y = y0; y < y1; y++) {
		float *image = x + (size_t)(y + ky - half) * w, *to = column + (size_t)y * w;

		for (uint32_t i = x0; i < x1; i++) {
			if (back)
				image[i + kx - half] += to[i];
			else
				to[i] = image[i + kx - half];
		}
	}
}

static void convolve_columns(const struct cpu_net *net, const struct cpu_layer *l, float *x,
			     bool back)
{
	size_t pixels = (size_t)l->in.width * l->in.height, plane = pixels * net->batch;
	float *column = net->columns;

	for (uint32_t c = 0; c < l->in.channels; c++, x += plane)
		for (uint32_t ky = 0; ky < l->what.size; ky++)
			for (uint32_t kx = 0; kx < l->what.size; kx++, column += plane)
				for (uint32_t b = 0; b < net->batch; b++)
					shift_image(l, kx, ky, x + b * pixels, column + b * pixels,
						    back);
}

/* ------------------------------------------------------------- forward */

static void activate(const struct cpu_layer *l, float *y, size_t n, const float *bias, bool each)
{
	for (size_t i = 0; i < n; i++) {
		y[i] += each ? bias[i] : *bias;
		if (l->what.relu && !(y[i] > 0))
			y[i] = 0;
	}
}

static void dense_forward(struct cpu_net *net, struct cpu_layer *l, float *x)
{
	size_t n = l->what.out;

	if (l->rows) {
		turn(net, l->in, x, l->x, false);
		x = l->x;
	}
	multiply(net, false, false, net->batch, n, extent_size(l->in), x, l->state[0], l->y);
	for (uint32_t b = 0; b < net->batch; b++)
		activate(l, l->y + b * n, n, l->state[0] + l->weights, true);
}

static void conv_forward(struct cpu_net *net, struct cpu_layer *l, float *x)
{
	size_t n = pixels_of(net, l->out);

	convolve_columns(net, l, x, false);
	multiply(net, false, false, l->what.out, n, taps_of(l), l->state[0], net->columns, l->y);
	for (uint32_t c = 0; c < l->what.out; c++)
		activate(l, l->y + c * n, n, l->state[0] + l->weights + c, false);
}

static void pool_forward(struct cpu_net *net, struct cpu_layer *l, const float *x)
{
	size_t at = 0, in = (size_t)l->in.width * l->in.height;

	for (size_t plane = 0; plane < (size_t)net->batch * l->in.channels; plane++)
		for (uint32_t oy = 0; oy < l->out.height; oy++)
			for (uint32_t ox = 0; ox < l->out.width; ox++, at++) {
				size_t first = plane * in + oy * l->what.size * l->in.width +
					       ox * l->what.size, best = first;

				for (uint32_t k = 0; k < l->what.size * l->what.size; k++) {
					size_t i = first + k / l->what.size * l->in.width +
						   k % l->what.size;

					if (x[i] > x[best])
						best = i;
				}
				l->pick[at] = best;
				l->y[at] = x[best];
			}
}

static void dropout_forward(struct cpu_net *net, struct cpu_layer *l, const float *x)
{
	uint32_t limit = l->what.drop * 65536;

	for (size_t i = 0; i < net->batch * extent_size(l->out); i++) {
		l->pick[i] = random_below(&net->random, 65536) >= limit;
		l->y[i] = l->pick[i] ? x[i] / (1 - l->what.drop) : 0;
	}
}

static void forward(struct cpu_net *net, struct cpu_layer *l, float *x)
{
	switch (l->what.op) {
	case NET_DENSE:
		dense_forward(net, l, x);
		break;
	case NET_CONV:
		conv_forward(net, l, x);
		break;
	case NET_POOL:
		pool_forward(net, l, x);
		break;
	default:
		dropout_forward(net, l, x);
		break;
	}
}

/* ------------------------------------------------------------ backward */

/* the mean loss; gradients of the logits */
static float cross_entropy(const struct cpu_net *net, const struct cpu_layer *l,
			   const uint8_t *labels)
{
	uint32_t n = l->what.out;
	float loss = 0;

	for (uint32_t b = 0; b < net->batch; b++) {
		const float *y = l->y + (size_t)b * n;
		float *dy = l->dy + (size_t)b * n, most = y[0], sum = 0;

		for (uint32_t o = 1; o < n; o++)
			most = fmaxf(most, y[o]);
		for (uint32_t o = 0; o < n; o++)
			sum += dy[o] = expf(y[o] - most);
		loss += most + logf(sum) - y[labels[b]];
		for (uint32_t o = 0; o < n; o++)
			dy[o] = (dy[o] / sum - (o == labels[b])) / net->batch;
	}
	return loss / net->batch;
}

static void dense_backward(struct cpu_net *net, struct cpu_layer *l, const float *x, float *dx)
{
	float *bias = l->state[1] + l->weights, *to = l->rows ? net->rows : dx;
	size_t n = l->what.out, inputs = extent_size(l->in);

	multiply(net, true, false, inputs, n, net->batch, l->rows ? l->x : x, l->dy, l->state[1]);
	memset(bias, 0, n * sizeof(*bias));
	for (uint32_t b = 0; b < net->batch; b++)
		for (size_t o = 0; o < n; o++)
			bias[o] += l->dy[b * n + o];
	if (!dx)
		return;
	multiply(net, false, true, net->batch, inputs, n, l->dy, l->state[0], to);
	if (l->rows)
		turn(net, l->in, dx, net->rows, true);
}

static void conv_backward(struct cpu_net *net, struct cpu_layer *l, float *x, float *dx)
{
	size_t n = pixels_of(net, l->out), taps = taps_of(l);

	convolve_columns(net, l, x, false);
	multiply(net, false, true, l->what.out, taps, n, l->dy, net->columns, l->state[1]);
	for (uint32_t c = 0; c < l->what.out; c++) {
		float sum = 0;

		for (size_t i = 0; i < n; i++)
			sum += l->dy[c * n + i];
		l->state[1][l->weights + c] = sum;
	}
	if (!dx)
		return;
	multiply(net, true, false, taps, n, l->what.out, l->state[0], l->dy, net->columns);
	memset(dx, 0, pixels_of(net, l->in) * l->in.channels * sizeof(float));
	convolve_columns(net, l, dx, true);
}

static void backward(struct cpu_net *net, struct cpu_layer *l, float *x, float *dx)
{
	size_t n = net->batch * extent_size(l->out);

	for (size_t i = 0; i < n && l->what.relu; i++)
		if (!(l->y[i] > 0))
			l->dy[i] = 0;
	switch (l->what.op) {
	case NET_DENSE:
		dense_backward(net, l, x, dx);
		break;
	case NET_CONV:
		conv_backward(net, l, x, dx);
		break;
	case NET_POOL:
		if (!dx)
			break;
		memset(dx, 0, net->batch * extent_size(l->in) * sizeof(float));
		for (size_t i = 0; i < n; i++)
			dx[l->pick[i]] += l->dy[i];
		break;
	default:
		for (size_t i = 0; i < n && dx; i++)
			dx[i] = l->pick[i] ? l->dy[i] / (1 - l->what.drop) : 0;
		break;
	}
}

float cpu_net_gradients(struct cpu_net *net, const uint8_t *labels)
{
	struct cpu_layer *l = net->layers;
	float loss;
	unsigned int i;

	for (i = 0; i < net->count; i++)
		forward(net, &l[i], i ? l[i - 1].y : net->input);
	loss = cross_entropy(net, &l[net->count - 1], labels);
	for (i = net->count; i-- > 0; )
		backward(net, &l[i], i ? l[i - 1].y : net->input, i ? l[i - 1].dy : NULL);
	return loss;
}

void cpu_net_update(struct cpu_net *net, unsigned int step)
{
	float one = 1 - powf(BETA1, step), two = 1 - powf(BETA2, step);

	for (struct cpu_layer *l = net->layers; l < net->layers + net->count; l++) {
		for (size_t i = 0; i < l->parameters; i++) {
			float g = l->state[1][i], *w = &l->state[0][i], *m = &l->state[2][i],
			      *v = &l->state[3][i];

			*m = BETA1 * *m + (1 - BETA1) * g;
			*v = BETA2 * *v + (1 - BETA2) * g * g;
			*w -= RATE * (*m / one / (sqrtf(*v / two) + EPSILON) + DECAY * *w);
		}
	}
}
