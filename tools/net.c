// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <math.h>
#include <string.h>

#include "net.h"
#include "random.h"

#define ALIGN		256
#define FLOATS_ALIGN	(ALIGN / 4)

/* of the pixels of Fashion-MNIST's training images, on a scale of 0 to 1 */
#define PIXEL_MEAN	0.2860f
#define PIXEL_DEVIATION	0.3530f

#define ADAM_BETA1	0.9f
#define ADAM_BETA2	0.999f
#define ADAM_EPSILON	0.00000001f
#define WEIGHT_DECAY	0.01f
#define LOGIT_SCALE	0.1f

/* steps of the exponent bias when all that is known is that it is too small or too large */
#define BIAS_FINER	8
#define BIAS_COARSER	3

static uint32_t extent_size(struct net_extent e)
{
	return e.width * e.height * e.channels;
}

static bool is_biased(uint32_t format)
{
	return format == DOJO_FORMAT_CFLOAT8_143 || format == DOJO_FORMAT_CFLOAT8_152 ||
	       format == DOJO_FORMAT_CFLOAT16_SHP;
}

uint64_t net_alloc(struct net_memory *memory, uint64_t size)
{
	uint64_t at = memory->used;

	memory->used += (size + ALIGN - 1) / ALIGN * ALIGN;
	return memory->used <= memory->size ? memory->va + at : 0;
}

static uint32_t new_slot(struct net *net, uint32_t format)
{
	net->slot_formats[net->slots] = format;
	return net->slots++;
}

/* parameters begin where tensors may begin */
static uint64_t new_parameters(struct net *net, uint64_t count)
{
	uint64_t at = net->parameters;

	net->parameters += (count + FLOATS_ALIGN - 1) / FLOATS_ALIGN * FLOATS_ALIGN;
	return at;
}

static int stage_shape(struct net_stage *s)
{
	const struct net_layer *l = &s->layer;

	s->out = s->in;
	switch (l->op) {
	case NET_DENSE:
		s->out = (struct net_extent){ 1, 1, l->out };
		return l->out ? 0 : -EINVAL;
	case NET_CONV:
		s->out.channels = l->out;
		return l->out && l->size % 2 ? 0 : -EINVAL;
	case NET_POOL:
		if (!l->size || s->in.width < l->size || s->in.height < l->size)
			return -EINVAL;
		s->out.width = s->in.width / l->size;
		s->out.height = s->in.height / l->size;
		return 0;
	case NET_DROPOUT:
		return l->drop > 0 && l->drop < 1 ? 0 : -EINVAL;
	default:
		return -EINVAL;
	}
}

static uint64_t stage_weights(const struct net_stage *s)
{
	switch (s->layer.op) {
	case NET_DENSE:
		return (uint64_t)extent_size(s->in) * s->layer.out;
	case NET_CONV:
		return (uint64_t)s->layer.size * s->layer.size * s->in.channels * s->layer.out;
	default:
		return 0;
	}
}

/* Room is for FP32 whatever the formats are: measuring is done in it. */
static void stage_place(struct net *net, struct net_stage *s, bool last,
			struct net_formats formats, struct net_memory *memory)
{
	uint64_t weights = stage_weights(s);

	s->y.va = net_alloc(memory, UINT64_C(4) * extent_size(s->out) * net->batch);
	/* logits are FP32; a pool's outputs are some of its inputs */
	s->y.slot = last ? new_slot(net, DOJO_FORMAT_FP32) :
		    s->layer.op == NET_POOL ? s->x.slot : new_slot(net, formats.forward);
	s->dx_slot = new_slot(net, formats.gradient);
	if (weights) {
		s->weight = new_parameters(net, weights);
		s->bias = new_parameters(net, s->layer.out);
		net->learned += weights + s->layer.out;
		s->w.slot = new_slot(net, formats.forward);
		if (formats.forward != DOJO_FORMAT_FP32)
			s->w.va = net_alloc(memory, 4 * weights);
	}
}

int net_plan(struct net *net, const struct net_layer *layers, struct net_extent input,
	     uint32_t batch, struct net_formats formats, struct net_memory *memory)
{
	struct net_stored x;
	uint64_t widest = 0;
	unsigned int i;
	int err;

	memset(net, 0, sizeof(*net));
	net->input = input;
	net->batch = batch;
	net->pixels = net_alloc(memory, (uint64_t)extent_size(input) * batch);
	x.va = net_alloc(memory, UINT64_C(4) * extent_size(input) * batch);
	x.slot = new_slot(net, formats.forward);

	for (i = 0; layers[i].op != NET_END; i++) {
		struct net_stage *s = &net->stages[i];

		if (i == NET_LAYERS_MAX)
			return -EINVAL;
		s->layer = layers[i];
		s->in = i ? net->stages[i - 1].out : input;
		s->x = x;
		err = stage_shape(s);
		if (err)
			return err;
		stage_place(net, s, layers[i + 1].op == NET_END, formats, memory);
		if (extent_size(s->in) > widest)
			widest = extent_size(s->in);
		x = s->y;
	}
	if (!i || net->stages[i - 1].layer.op != NET_DENSE || net->stages[i - 1].layer.relu)
		return -EINVAL;
	net->count = i;
	net->classes = net->stages[i - 1].layer.out;
	net->dlogits_slot = new_slot(net, formats.gradient);
	if (net->classes > widest)
		widest = net->classes;

	net->weights = net_alloc(memory, 4 * net->parameters);
	for (i = 0; i < 2; i++) {
		net->moments[i] = net_alloc(memory, 4 * net->parameters);
		net->gradients[i] = net_alloc(memory, 4 * net->parameters);
		net->scratch[i] = net_alloc(memory, 4 * widest * batch);
	}
	net->total = net_alloc(memory, 4 * net->parameters);
	net->labels = net_alloc(memory, UINT64_C(4) * batch);
	net->losses = net_alloc(memory, UINT64_C(4) * batch);
	return memory->used <= memory->size ? 0 : -ENOSPC;
}

void net_initial_weights(const struct net *net, uint64_t seed, float *weights)
{
	struct random random;
	uint64_t i, n;

	random_seed(&random, seed);
	memset(weights, 0, net->parameters * sizeof(*weights));
	for (unsigned int l = 0; l < net->count; l++) {
		const struct net_stage *s = &net->stages[l];
		float bound;

		n = stage_weights(s);
		if (!n)
			continue;
		/* keeps the variance of what passes through a rectifier; logits begin near 0 */
		bound = sqrtf(6.0f * s->layer.out / n);
		if (l + 1 == net->count)
			bound *= LOGIT_SCALE;
		for (i = 0; i < n; i++)
			weights[s->weight + i] = bound * random_signed(&random);
	}
}

/* for values up to @amax, as they were stored with the bias @now */
static int choose_bias(uint32_t format, float amax, int now)
{
	int top = format == DOJO_FORMAT_CFLOAT8_143 ? 15 : 31, exponent;
	float largest = format == DOJO_FORMAT_CFLOAT8_143 ? 1.875f :
			format == DOJO_FORMAT_CFLOAT8_152 ? 1.75f : 2047 / 1024.0f;

	/* nothing but zeroes: perhaps everything was too small for the format */
	if (!(amax > 0))
		return now + BIAS_FINER;
	/* amax < 2^exponent: the largest code gets about twice that */
	frexpf(amax, &exponent);
	/* the largest code itself: perhaps it was clamped */
	if (amax == ldexpf(largest, top - now))
		exponent += BIAS_COARSER;
	return top - exponent;
}

void net_choose_biases(struct net *net, const float *amax)
{
	for (uint32_t i = 0; i < net->slots; i++) {
		uint32_t format = net->slot_formats[i];
		int bias;

		if (!is_biased(format) || !isfinite(amax[i]))
			continue;
		bias = choose_bias(format, amax[i], net->biases[i]);
		net->biases[i] = bias < 0 ? 0 : bias > DOJO_BIAS_MAX ? DOJO_BIAS_MAX : bias;
	}
}

/* ------------------------------------------------------------- tensors */

static uint32_t slot_format(const struct net *net, uint32_t slot)
{
	return net->wide ? DOJO_FORMAT_FP32 : net->slot_formats[slot];
}

static struct dojo_tensor with_slot(const struct net *net, struct dojo_tensor t, uint32_t slot)
{
	t.format = slot_format(net, slot);
	return is_biased(t.format) ? dojo_tensor_with_bias(t, net->biases[slot]) : t;
}

/* a batch of activations or gradients: rows for DENSE, images for the rest */
static struct dojo_tensor rows(const struct net *net, struct net_stored s, struct net_extent e)
{
	return with_slot(net, dojo_tensor_2d(s.va, DOJO_FORMAT_FP32, net->batch, extent_size(e)),
			 s.slot);
}

static struct dojo_tensor images(const struct net *net, struct net_stored s, struct net_extent e)
{
	return with_slot(net,
			 dojo_tensor_4d(s.va, DOJO_FORMAT_FP32, net->batch, e.channels, e.height,
					e.width),
			 s.slot);
}

static struct dojo_tensor parameters(const struct net *net, uint64_t va)
{
	return dojo_tensor_1d(va, DOJO_FORMAT_FP32, net->parameters);
}

/* the weights of a stage inside a block of parameters */
static struct dojo_tensor weight_at(const struct net_stage *s, uint64_t block)
{
	uint64_t va = block + 4 * s->weight;

	if (s->layer.op == NET_DENSE)
		return dojo_tensor_2d(va, DOJO_FORMAT_FP32, extent_size(s->in), s->layer.out);
	return dojo_tensor_4d(va, DOJO_FORMAT_FP32, s->layer.out, s->in.channels, s->layer.size,
			      s->layer.size);
}

static struct dojo_tensor bias_at(const struct net_stage *s, uint64_t block)
{
	return dojo_tensor_1d(block + 4 * s->bias, DOJO_FORMAT_FP32, s->layer.out);
}

static struct dojo_tensor weight_copy(const struct net *net, const struct net_stage *s)
{
	struct dojo_tensor t = weight_at(s, net->weights);

	if (slot_format(net, s->w.slot) == DOJO_FORMAT_FP32)
		return t;
	t.va = s->w.va;
	return with_slot(net, t, s->w.slot);
}

static uint64_t other_scratch(const struct net *net, uint64_t va)
{
	return va == net->scratch[0] ? net->scratch[1] : net->scratch[0];
}

/* ------------------------------------------------------------- packets */

static void emit_measure(const struct net *net, struct dojo_batch *batch, bool measure,
			 const struct dojo_tensor *t, uint32_t slot)
{
	struct dojo_tensor max =
		dojo_tensor_1d(net->amax + UINT64_C(4) * slot, DOJO_FORMAT_FP32, 1);

	if (measure && is_biased(net->slot_formats[slot]))
		dojo_reduce(batch, DOJO_REDUCE_ABSMAX, 0xf, t, &max, NULL);
}

static void emit_input(const struct net *net, struct dojo_batch *batch,
		       const struct net_data *data, uint64_t index, bool measure)
{
	struct dojo_tensor all = dojo_tensor_2d(data->images, DOJO_FORMAT_INT8, data->rows,
						extent_size(net->input));
	struct dojo_tensor picked = dojo_tensor_2d(net->pixels, DOJO_FORMAT_INT8, net->batch,
						   extent_size(net->input));
	struct dojo_tensor rows_at = dojo_tensor_1d(index, DOJO_FORMAT_INT32, net->batch);
	const struct net_stage *first = &net->stages[0];
	struct dojo_tensor x = rows(net, first->x, first->in);
	float factor = 1 / (255 * PIXEL_DEVIATION);

	dojo_gather(batch, &all, &rows_at, &picked, NULL);
	dojo_scale(batch, factor, 128 * factor - PIXEL_MEAN / PIXEL_DEVIATION, &picked, &x, NULL);
	emit_measure(net, batch, measure, &x, first->x.slot);
}

static void emit_weight_copies(const struct net *net, struct dojo_batch *batch, bool measure)
{
	for (unsigned int i = 0; i < net->count; i++) {
		const struct net_stage *s = &net->stages[i];
		struct dojo_tensor master, copy;

		if (!stage_weights(s))
			continue;
		master = weight_at(s, net->weights);
		copy = weight_copy(net, s);
		emit_measure(net, batch, measure, &master, s->w.slot);
		if (copy.format != DOJO_FORMAT_FP32)
			dojo_convert(batch, &master, &copy, NULL);
	}
}

static void emit_dense(const struct net *net, struct dojo_batch *batch, const struct net_stage *s)
{
	struct dojo_tensor x = rows(net, s->x, s->in), y = rows(net, s->y, s->out);
	struct dojo_tensor w = weight_copy(net, s), bias = bias_at(s, net->weights);
	struct dojo_gemm_attr attr = DOJO_GEMM_ATTR_INIT;

	attr.activation = s->layer.relu ? DOJO_ACT_RELU : DOJO_ACT_NONE;
	attr.bias = &bias;
	dojo_gemm(batch, 0, &x, &w, &y, &attr);
}

static struct dojo_conv2d_attr conv_attr(const struct net_stage *s)
{
	struct dojo_conv2d_attr attr = DOJO_CONV2D_ATTR_INIT;

	attr.padding_x = s->layer.size / 2;
	attr.padding_y = s->layer.size / 2;
	return attr;
}

static void emit_conv(const struct net *net, struct dojo_batch *batch, const struct net_stage *s)
{
	struct dojo_tensor x = images(net, s->x, s->in), y = images(net, s->y, s->out);
	struct dojo_tensor w = weight_copy(net, s), bias = bias_at(s, net->weights);
	struct dojo_conv2d_attr attr = conv_attr(s);

	dojo_conv2d(batch, &attr, s->layer.relu ? DOJO_ACT_RELU : DOJO_ACT_NONE, &x, &w, &y, &bias,
		    NULL);
}

static struct dojo_pool_attr pool_attr(const struct net_stage *s)
{
	uint16_t n = s->layer.size;

	return (struct dojo_pool_attr){ n, n, n, n, 0, 0 };
}

static void emit_pool(const struct net *net, struct dojo_batch *batch, const struct net_stage *s)
{
	struct dojo_tensor x = images(net, s->x, s->in), y = images(net, s->y, s->out);
	struct dojo_pool_attr attr = pool_attr(s);

	dojo_pool(batch, DOJO_POOL_MAX, &attr, &x, &y, NULL);
}

/* the same numbers forward and backward: the stage and the step make the seed */
static void emit_dropout(const struct net *net, struct dojo_batch *batch, const struct net_stage *s,
			 const struct net_step *step, const struct dojo_tensor *x,
			 const struct dojo_tensor *y)
{
	struct dojo_rounding rounding = {
		.seed = step->seed + (uint64_t)(s - net->stages),
		.rng_base = (uint64_t)step->number << 32,
	};

	dojo_dropout(batch, s->layer.drop, x, y, &rounding);
}

/* @step NULL: nothing is dropped and nothing measured */
static void emit_forward(const struct net *net, struct dojo_batch *batch,
			 const struct net_step *step)
{
	for (unsigned int i = 0; i < net->count; i++) {
		const struct net_stage *s = &net->stages[i];
		struct dojo_tensor x = rows(net, s->x, s->in), y = rows(net, s->y, s->out);

		switch (s->layer.op) {
		case NET_DENSE:
			emit_dense(net, batch, s);
			break;
		case NET_CONV:
			emit_conv(net, batch, s);
			break;
		case NET_POOL:
			emit_pool(net, batch, s);
			continue;
		case NET_DROPOUT:
			if (step)
				emit_dropout(net, batch, s, step, &x, &y);
			else
				dojo_convert(batch, &x, &y, NULL);
			break;
		case NET_END:
			break;
		}
		emit_measure(net, batch, step && step->measure, &y, s->y.slot);
	}
}

static const struct net_stage *last_stage(const struct net *net)
{
	return &net->stages[net->count - 1];
}

static struct dojo_tensor logits(const struct net *net)
{
	return rows(net, last_stage(net)->y, last_stage(net)->out);
}

/* returns where the gradient of the logits is */
static struct net_stored emit_loss(const struct net *net, struct dojo_batch *batch,
				   const struct net_data *data, const struct net_step *step,
				   uint32_t tiles)
{
	struct dojo_tensor all = dojo_tensor_2d(data->labels, DOJO_FORMAT_INT32, data->rows, 1);
	struct dojo_tensor index = dojo_tensor_1d(step->index, DOJO_FORMAT_INT32, net->batch);
	struct dojo_tensor picked = dojo_tensor_2d(net->labels, DOJO_FORMAT_INT32, net->batch, 1);
	struct dojo_tensor labels = dojo_tensor_1d(net->labels, DOJO_FORMAT_INT32, net->batch);
	struct dojo_tensor losses = dojo_tensor_1d(net->losses, DOJO_FORMAT_FP32, net->batch);
	struct dojo_tensor mean = dojo_tensor_1d(step->loss, DOJO_FORMAT_FP32, 1);
	struct net_stored gradient = { net->scratch[0], net->dlogits_slot };
	struct dojo_tensor y = logits(net), dy = rows(net, gradient, last_stage(net)->out);

	dojo_gather(batch, &all, &index, &picked, NULL);
	dojo_cross_entropy(batch, &y, &labels, &losses, 1.0f / (net->batch * tiles), &dy, NULL);
	dojo_reduce(batch, DOJO_REDUCE_MEAN, 1, &losses, &mean, NULL);
	emit_measure(net, batch, step->measure, &dy, gradient.slot);
	return gradient;
}

static struct net_stored emit_relu_grad(const struct net *net, struct dojo_batch *batch,
					const struct net_stage *s, struct net_stored dy)
{
	struct net_stored masked = { other_scratch(net, dy.va), dy.slot };
	struct dojo_tensor a = rows(net, dy, s->out), b = rows(net, s->y, s->out);
	struct dojo_tensor out = rows(net, masked, s->out);

	/* the output is positive exactly where the input was */
	dojo_binary(batch, DOJO_BINARY_RELU_GRAD, &a, &b, &out, NULL);
	return masked;
}

static void emit_dense_grad(const struct net *net, struct dojo_batch *batch,
			    const struct net_stage *s, uint64_t gradients, struct net_stored dy,
			    const struct net_stored *dx)
{
	struct dojo_tensor x = rows(net, s->x, s->in), d = rows(net, dy, s->out);
	struct dojo_tensor w = weight_copy(net, s), dw = weight_at(s, gradients);
	struct dojo_tensor db =
		dojo_tensor_2d(gradients + 4 * s->bias, DOJO_FORMAT_FP32, 1, s->layer.out);

	dojo_gemm(batch, DOJO_GEMM_TRANS_A, &x, &d, &dw, NULL);
	dojo_reduce(batch, DOJO_REDUCE_SUM, 1 << 1, &d, &db, NULL);
	if (dx) {
		struct dojo_tensor out = rows(net, *dx, s->in);

		dojo_gemm(batch, DOJO_GEMM_TRANS_B, &d, &w, &out, NULL);
	}
}

static void emit_conv_grad(const struct net *net, struct dojo_batch *batch,
			   const struct net_stage *s, uint64_t gradients, struct net_stored dy,
			   const struct net_stored *dx)
{
	struct dojo_tensor x = images(net, s->x, s->in), d = images(net, dy, s->out);
	struct dojo_tensor w = weight_copy(net, s), dw = weight_at(s, gradients);
	struct dojo_tensor db = bias_at(s, gradients);
	struct dojo_conv2d_attr attr = conv_attr(s);

	dojo_conv2d_grad_weight(batch, &attr, &d, &x, &dw, &db, NULL);
	if (dx) {
		struct dojo_tensor out = images(net, *dx, s->in);

		dojo_conv2d_grad_input(batch, &attr, &d, &w, &out, NULL);
	}
}

static void emit_pool_grad(const struct net *net, struct dojo_batch *batch,
			   const struct net_stage *s, struct net_stored dy, struct net_stored dx)
{
	struct dojo_tensor d = images(net, dy, s->out), x = images(net, s->x, s->in);
	struct dojo_tensor out = images(net, dx, s->in);
	struct dojo_pool_attr attr = pool_attr(s);

	dojo_pool_grad(batch, DOJO_POOL_MAX, &attr, &d, &x, &out, NULL);
}

static void emit_backward(const struct net *net, struct dojo_batch *batch,
			  const struct net_step *step, uint64_t gradients, struct net_stored dy)
{
	unsigned int first = 0;

	while (!stage_weights(&net->stages[first]))
		first++;

	for (unsigned int i = net->count; i-- > first; ) {
		const struct net_stage *s = &net->stages[i];
		struct dojo_tensor d, out;
		struct net_stored dx;

		if (s->layer.relu)
			dy = emit_relu_grad(net, batch, s, dy);
		dx.va = other_scratch(net, dy.va);
		dx.slot = s->layer.op == NET_POOL ? dy.slot : s->dx_slot;
		d = rows(net, dy, s->out);
		out = rows(net, dx, s->in);

		switch (s->layer.op) {
		case NET_DENSE:
			emit_dense_grad(net, batch, s, gradients, dy, i > first ? &dx : NULL);
			break;
		case NET_CONV:
			emit_conv_grad(net, batch, s, gradients, dy, i > first ? &dx : NULL);
			break;
		case NET_POOL:
			emit_pool_grad(net, batch, s, dy, dx);
			break;
		case NET_DROPOUT:
			emit_dropout(net, batch, s, step, &d, &out);
			break;
		case NET_END:
			break;
		}
		if (i > first && s->layer.op != NET_POOL)
			emit_measure(net, batch, step->measure, &out, dx.slot);
		dy = dx;
	}
}

/*
 * Each tile says that its gradients are there, waits for the others', and adds
 * all of them in the same order. The step after next writes the same parity: by
 * then every peer has announced the step between, which it does after reading.
 */
static void emit_all_reduce(const struct net *net, struct dojo_batch *batch,
			    const struct net_step *step, const struct net_peers *peers)
{
	unsigned int parity = step->number & 1, i;
	struct dojo_tensor total = parameters(net, net->total), sum, term;

	dojo_sem_signal(batch, peers->flags[peers->self], DOJO_SEM_SET, step->number);
	for (i = 0; i < peers->tiles; i++) {
		if (i != peers->self)
			dojo_sem_wait(batch, peers->flags[i], DOJO_SEM_GREATER_EQUAL, step->number);
	}
	sum = parameters(net, peers->gradients[0][parity]);
	for (i = 1; i < peers->tiles; i++) {
		term = parameters(net, peers->gradients[i][parity]);
		dojo_binary(batch, DOJO_BINARY_ADD, &sum, &term, &total, NULL);
		sum = total;
	}
}

static void emit_update(const struct net *net, struct dojo_batch *batch,
			const struct net_step *step, uint64_t gradients)
{
	struct dojo_tensor w = parameters(net, net->weights), g = parameters(net, gradients);
	struct dojo_tensor m = parameters(net, net->moments[0]),
			   v = parameters(net, net->moments[1]);
	struct dojo_adamw_attr attr = {
		.rate = step->rate,
		.beta1 = ADAM_BETA1,
		.beta2 = ADAM_BETA2,
		.epsilon = ADAM_EPSILON,
		.decay = WEIGHT_DECAY,
		.step = step->number,
	};

	dojo_adamw(batch, &attr, &w, &g, &m, &v, NULL);
}

static void emit_gradients(const struct net *net, struct dojo_batch *batch,
			   const struct net_data *data, const struct net_step *step,
			   uint64_t gradients, uint32_t tiles)
{
	struct net_stored dy;

	emit_input(net, batch, data, step->index, step->measure);
	emit_weight_copies(net, batch, step->measure);
	emit_forward(net, batch, step);
	dy = emit_loss(net, batch, data, step, tiles);
	emit_backward(net, batch, step, gradients, dy);
}

void net_emit_train(const struct net *net, struct dojo_batch *batch, const struct net_data *data,
		    const struct net_step *step, const struct net_peers *peers)
{
	uint64_t gradients = net->gradients[step->number & 1];
	bool several = peers && peers->tiles > 1;

	emit_gradients(net, batch, data, step, gradients, several ? peers->tiles : 1);
	if (several) {
		emit_all_reduce(net, batch, step, peers);
		gradients = net->total;
	}
	emit_update(net, batch, step, gradients);
}

void net_emit_measure(const struct net *net, struct dojo_batch *batch, const struct net_data *data,
		      const struct net_step *step)
{
	emit_gradients(net, batch, data, step, net->gradients[0], 1);
}

void net_emit_classify(const struct net *net, struct dojo_batch *batch,
		       const struct net_data *data, uint64_t index, uint64_t classes)
{
	struct dojo_tensor y, out = dojo_tensor_2d(classes, DOJO_FORMAT_INT32, net->batch, 1);

	emit_input(net, batch, data, index, false);
	emit_weight_copies(net, batch, false);
	emit_forward(net, batch, NULL);
	y = logits(net);
	dojo_reduce(batch, DOJO_REDUCE_ARGMAX, 1 << 0, &y, &out, NULL);
}
