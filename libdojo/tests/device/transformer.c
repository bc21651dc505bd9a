// SPDX-License-Identifier: MIT
/*
 * A small llama-style transformer, trained by packets alone: embedding, RMS
 * norm, rotary embedding, causal attention with grouped heads, SwiGLU,
 * cross-entropy, every gradient, AdamW. The CPU writes weights and tokens
 * before, and reads results afterwards.
 *
 * The reference is plain C in double precision, forward only: gradients are
 * compared with its central differences.
 */
#include <math.h>
#include <string.h>

#include "device.h"

#define VOCABULARY	13u
#define SAMPLES		2u
#define POSITIONS	8u
#define ROWS		(SAMPLES * POSITIONS)
#define LAYERS		2u
#define HEADS		4u
#define GROUPS		2u	/* heads of keys and values */
#define HEAD		4u
#define WIDTH		(HEADS * HEAD)
#define NARROW		(GROUPS * HEAD)
#define HIDDEN		24u
#define EPSILON		0.00001f
#define ROPE_BASE	10000.0f
#define STEPS		60u
#define PROBES		12u	/* parameters of a kind whose gradient is looked at */
#define SUBMISSION	(4u << 20)

#define FP32		DOJO_FORMAT_FP32

/* Parameters, all in one block; the same order in the gradients */
enum kind {
	ATTENTION_NORM, WQ, WK, WV, WO, HIDDEN_NORM, GATE, UP, DOWN, LAYER_KINDS,
	EMBEDDING = LAYER_KINDS, LAST_NORM, OUTPUT, KINDS,
};

static const uint32_t kind_rows[KINDS] = {
	[ATTENTION_NORM] = 1, [WQ] = WIDTH, [WK] = WIDTH, [WV] = WIDTH, [WO] = WIDTH,
	[HIDDEN_NORM] = 1, [GATE] = WIDTH, [UP] = WIDTH, [DOWN] = HIDDEN,
	[EMBEDDING] = VOCABULARY, [LAST_NORM] = 1, [OUTPUT] = WIDTH,
};

static const uint32_t kind_columns[KINDS] = {
	[ATTENTION_NORM] = WIDTH, [WQ] = WIDTH, [WK] = NARROW, [WV] = NARROW, [WO] = WIDTH,
	[HIDDEN_NORM] = WIDTH, [GATE] = HIDDEN, [UP] = HIDDEN, [DOWN] = WIDTH,
	[EMBEDDING] = WIDTH, [LAST_NORM] = WIDTH, [OUTPUT] = VOCABULARY,
};

static const char *const kind_names[KINDS] = {
	"gradient_of_attention_norm", "gradient_of_queries", "gradient_of_keys",
	"gradient_of_values", "gradient_of_attention_output", "gradient_of_hidden_norm",
	"gradient_of_gate", "gradient_of_up", "gradient_of_down", "gradient_of_embedding",
	"gradient_of_last_norm", "gradient_of_output",
};

static uint32_t kind_size(unsigned int kind)
{
	return kind_rows[kind] * kind_columns[kind];
}

/* where a kind's parameters begin; those that are not of a layer come last */
static uint32_t place(unsigned int kind, unsigned int layer)
{
	uint32_t at = 0;
	unsigned int k;

	for (k = 0; k < LAYER_KINDS; k++)
		at += kind_size(k) * (kind < LAYER_KINDS ? layer : LAYERS);
	for (k = kind < LAYER_KINDS ? 0 : LAYER_KINDS; k < kind; k++)
		at += kind_size(k);
	return at;
}

static uint32_t parameters(void)
{
	return place(KINDS, 0);
}

/* ----------------------------------------------------------- reference */

static void times(const double *x, const double *w, double *y, uint32_t rows, uint32_t inputs,
		  uint32_t outputs)
{
	uint32_t r, i, o;

	for (r = 0; r < rows; r++) {
		for (o = 0; o < outputs; o++) {
			y[r * outputs + o] = 0;
			for (i = 0; i < inputs; i++)
				y[r * outputs + o] += x[r * inputs + i] * w[i * outputs + o];
		}
	}
}

static void rms_norm(const double *x, const double *gamma, double *y)
{
	uint32_t r, i;

	for (r = 0; r < ROWS; r++) {
		double squares = 0;

		for (i = 0; i < WIDTH; i++)
			squares += x[r * WIDTH + i] * x[r * WIDTH + i];
		for (i = 0; i < WIDTH; i++)
			y[r * WIDTH + i] = x[r * WIDTH + i] * gamma[i] /
					   sqrt(squares / WIDTH + (double)EPSILON);
	}
}

/* every head of @width numbers a row, pairs (2i, 2i + 1) */
static void turn(double *x, uint32_t width)
{
	uint32_t r, i;

	for (r = 0; r < ROWS; r++) {
		for (i = 0; i < width; i += 2) {
			double *pair = x + r * width + i, first = pair[0], second = pair[1];
			double angle = r % POSITIONS * pow((double)ROPE_BASE,
							   -(double)(i % HEAD) / HEAD);

			pair[0] = first * cos(angle) - second * sin(angle);
			pair[1] = first * sin(angle) + second * cos(angle);
		}
	}
}

static void attend(const double *q, const double *k, const double *v, double *out)
{
	uint32_t r, h, past, i;

	for (r = 0; r < ROWS; r++) {
		uint32_t first = r - r % POSITIONS;

		for (h = 0; h < HEADS; h++) {
			uint32_t group = h * GROUPS / HEADS;
			const double *query = q + r * WIDTH + h * HEAD;
			double *o = out + r * WIDTH + h * HEAD;
			double sum = 0;

			for (i = 0; i < HEAD; i++)
				o[i] = 0;
			for (past = first; past <= r; past++) {
				const double *key = k + past * NARROW + group * HEAD;
				const double *value = v + past * NARROW + group * HEAD;
				double score = 0;

				for (i = 0; i < HEAD; i++)
					score += query[i] * key[i];
				score = exp(score / sqrt(HEAD));
				sum += score;
				for (i = 0; i < HEAD; i++)
					o[i] += score * value[i];
			}
			for (i = 0; i < HEAD; i++)
				o[i] /= sum;
		}
	}
}

static void add(double *x, const double *y)
{
	uint32_t i;

	for (i = 0; i < ROWS * WIDTH; i++)
		x[i] += y[i];
}

static void reference_layer(const double *p, unsigned int layer, double *x)
{
	double n[ROWS * WIDTH], q[ROWS * WIDTH], k[ROWS * NARROW], v[ROWS * NARROW];
	double a[ROWS * WIDTH], y[ROWS * WIDTH], gate[ROWS * HIDDEN], up[ROWS * HIDDEN];
	uint32_t i;

	rms_norm(x, p + place(ATTENTION_NORM, layer), n);
	times(n, p + place(WQ, layer), q, ROWS, WIDTH, WIDTH);
	times(n, p + place(WK, layer), k, ROWS, WIDTH, NARROW);
	times(n, p + place(WV, layer), v, ROWS, WIDTH, NARROW);
	turn(q, WIDTH);
	turn(k, NARROW);
	attend(q, k, v, a);
	times(a, p + place(WO, layer), y, ROWS, WIDTH, WIDTH);
	add(x, y);

	rms_norm(x, p + place(HIDDEN_NORM, layer), n);
	times(n, p + place(GATE, layer), gate, ROWS, WIDTH, HIDDEN);
	times(n, p + place(UP, layer), up, ROWS, WIDTH, HIDDEN);
	for (i = 0; i < ROWS * HIDDEN; i++)
		gate[i] = gate[i] / (1 + exp(-gate[i])) * up[i];
	times(gate, p + place(DOWN, layer), y, ROWS, HIDDEN, WIDTH);
	add(x, y);
}

/* mean cross-entropy; @logits of ROWS x VOCABULARY */
static double reference(const double *p, const int32_t *tokens, const int32_t *next, double *logits)
{
	double x[ROWS * WIDTH], n[ROWS * WIDTH], loss = 0;
	uint32_t r, i, layer;

	for (r = 0; r < ROWS; r++)
		memcpy(x + r * WIDTH, p + place(EMBEDDING, 0) + (uint32_t)tokens[r] * WIDTH,
		       WIDTH * sizeof(*x));
	for (layer = 0; layer < LAYERS; layer++)
		reference_layer(p, layer, x);
	rms_norm(x, p + place(LAST_NORM, 0), n);
	times(n, p + place(OUTPUT, 0), logits, ROWS, WIDTH, VOCABULARY);
	for (r = 0; r < ROWS; r++) {
		double sum = 0;

		for (i = 0; i < VOCABULARY; i++)
			sum += exp(logits[r * VOCABULARY + i]);
		loss += log(sum) - logits[r * VOCABULARY + (uint32_t)next[r]];
	}
	return loss / ROWS;
}

/* ------------------------------------------------------------- packets */

/**
 * struct layer - what the backward pass needs of the forward pass
 * @x: what comes in; @middle: between attention and the hidden layer
 */
struct layer {
	uint64_t x, n1, q, k, v, p, a, middle, n2, gate, up, act, hidden;
};

/**
 * struct model - the network in a tile's memory
 * @used: bytes of @memory given out
 */
struct model {
	struct dojo_device *dev;
	struct dojo_vm *vm;
	struct dojo_queue *queue;
	struct dojo_batch *batch;
	struct dojo_bo *bo;
	uint8_t *memory;
	uint64_t va, used;
	uint64_t weights, gradients, moments[2];
	uint64_t tokens, next, positions;
	struct layer layer[LAYERS];
	uint64_t x, n, logits, losses, loss;
	/* gradients on their way */
	uint64_t dlogits, dx, dy, dn, dq, dk, dv, dheads, ds, dp, da, dhidden, dgate, dup, dact;
};

static uint64_t room(struct model *m, uint32_t elements)
{
	uint64_t at = m->va + m->used;

	m->used += (4 * (uint64_t)elements + 255) / 256 * 256;
	return at;
}

static void *at(const struct model *m, uint64_t va)
{
	return m->memory + (va - m->va);
}

static void lay_out(struct model *m)
{
	unsigned int i;

	m->weights = room(m, parameters());
	m->gradients = room(m, parameters());
	m->moments[0] = room(m, parameters());
	m->moments[1] = room(m, parameters());
	m->tokens = room(m, ROWS);
	m->next = room(m, ROWS);
	m->positions = room(m, POSITIONS);
	for (i = 0; i < LAYERS; i++) {
		struct layer *l = &m->layer[i];

		l->x = room(m, ROWS * WIDTH);
		l->n1 = room(m, ROWS * WIDTH);
		l->q = room(m, ROWS * WIDTH);
		l->k = room(m, ROWS * NARROW);
		l->v = room(m, ROWS * NARROW);
		l->p = room(m, ROWS * HEADS * POSITIONS);
		l->a = room(m, ROWS * WIDTH);
		l->middle = room(m, ROWS * WIDTH);
		l->n2 = room(m, ROWS * WIDTH);
		l->gate = room(m, ROWS * HIDDEN);
		l->up = room(m, ROWS * HIDDEN);
		l->act = room(m, ROWS * HIDDEN);
		l->hidden = room(m, ROWS * HIDDEN);
	}
	m->x = room(m, ROWS * WIDTH);
	m->n = room(m, ROWS * WIDTH);
	m->logits = room(m, ROWS * VOCABULARY);
	m->losses = room(m, ROWS);
	m->loss = room(m, STEPS);
	m->dlogits = room(m, ROWS * VOCABULARY);
	m->dx = room(m, ROWS * WIDTH);
	m->dy = room(m, ROWS * WIDTH);
	m->dn = room(m, ROWS * WIDTH);
	m->dq = room(m, ROWS * WIDTH);
	m->dk = room(m, ROWS * NARROW);
	m->dv = room(m, ROWS * NARROW);
	m->dheads = room(m, ROWS * WIDTH);
	m->ds = room(m, ROWS * HEADS * POSITIONS);
	m->dp = room(m, ROWS * HEADS * POSITIONS);
	m->da = room(m, ROWS * WIDTH);
	m->dhidden = room(m, ROWS * HIDDEN);
	m->dgate = room(m, ROWS * HIDDEN);
	m->dup = room(m, ROWS * HIDDEN);
	m->dact = room(m, ROWS * HIDDEN);
}

static struct dojo_tensor rows(uint64_t va, uint32_t columns)
{
	return dojo_tensor_2d(va, FP32, ROWS, columns);
}

static struct dojo_tensor parameter(uint64_t block, unsigned int kind, unsigned int layer)
{
	uint64_t va = block + 4 * (uint64_t)place(kind, layer);

	if (kind_rows[kind] == 1)
		return dojo_tensor_1d(va, FP32, kind_columns[kind]);
	return dojo_tensor_2d(va, FP32, kind_rows[kind], kind_columns[kind]);
}

/* samples x positions x heads x HEAD, as the rotation takes them */
static struct dojo_tensor turned(uint64_t va, uint32_t heads)
{
	return dojo_tensor_4d(va, FP32, SAMPLES, POSITIONS, heads, HEAD);
}

/* the same memory with a matrix of positions x HEAD for each head */
static struct dojo_tensor heads_of(uint64_t va, uint32_t heads)
{
	return dojo_tensor_permute(turned(va, heads), 0, 2, 1, 3);
}

static struct dojo_tensor scores(uint64_t va)
{
	return dojo_tensor_4d(va, FP32, SAMPLES, HEADS, POSITIONS, POSITIONS);
}

/* y = x w */
static void linear(struct model *m, uint64_t x, unsigned int kind, unsigned int layer, uint64_t y)
{
	struct dojo_tensor in = rows(x, kind_rows[kind]), out = rows(y, kind_columns[kind]);
	struct dojo_tensor w = parameter(m->weights, kind, layer);

	dojo_gemm(m->batch, 0, &in, &w, &out, NULL);
}

/* the gradient of @kind; of its input too, which is added to @dx if @more */
static void linear_grad(struct model *m, uint64_t x, unsigned int kind, unsigned int layer,
			uint64_t dy, uint64_t dx, bool more)
{
	struct dojo_tensor in = rows(x, kind_rows[kind]), d = rows(dy, kind_columns[kind]);
	struct dojo_tensor w = parameter(m->weights, kind, layer);
	struct dojo_tensor dw = parameter(m->gradients, kind, layer);
	struct dojo_tensor out = rows(dx, kind_rows[kind]);
	struct dojo_gemm_attr attr = DOJO_GEMM_ATTR_INIT;

	attr.add = more ? &out : NULL;
	dojo_gemm(m->batch, DOJO_GEMM_TRANS_A, &in, &d, &dw, NULL);
	dojo_gemm(m->batch, DOJO_GEMM_TRANS_B, &d, &w, &out, &attr);
}

static void norm(struct model *m, uint64_t x, unsigned int kind, unsigned int layer, uint64_t y)
{
	struct dojo_tensor in = rows(x, WIDTH), out = rows(y, WIDTH);
	struct dojo_tensor gamma = parameter(m->weights, kind, layer);

	dojo_norm(m->batch, DOJO_NORM_RMS, EPSILON, &in, &out, &gamma, NULL, NULL);
}

/* the gradient of what was normed is added to m->dx, which is that of the way around it */
static void norm_grad(struct model *m, uint64_t x, unsigned int kind, unsigned int layer,
		      uint64_t dy, bool more)
{
	struct dojo_tensor d = rows(dy, WIDTH), in = rows(x, WIDTH), out = rows(m->dy, WIDTH);
	struct dojo_tensor sum = rows(m->dx, WIDTH);
	struct dojo_tensor gamma = parameter(m->weights, kind, layer);
	struct dojo_tensor dgamma = parameter(m->gradients, kind, layer);

	dojo_norm_grad(m->batch, DOJO_NORM_RMS, EPSILON, &d, &in, more ? &out : &sum, &gamma,
		       &dgamma, NULL, NULL);
	if (more)
		dojo_binary(m->batch, DOJO_BINARY_ADD, &sum, &out, &sum, NULL);
}

static void rotate(struct model *m, uint32_t flags, uint64_t x, uint32_t heads)
{
	struct dojo_tensor t = turned(x, heads);
	struct dojo_tensor position = dojo_tensor_1d(m->positions, DOJO_FORMAT_INT32, POSITIONS);

	dojo_rope(m->batch, flags, ROPE_BASE, HEAD, &t, &position, &t, NULL);
}

static void attention(struct model *m, const struct layer *l)
{
	struct dojo_tensor q = heads_of(l->q, HEADS), k = heads_of(l->k, GROUPS);
	struct dojo_tensor v = heads_of(l->v, GROUPS), a = heads_of(l->a, HEADS);
	struct dojo_tensor s = scores(m->ds), p = scores(l->p);

	dojo_gemm(m->batch, DOJO_GEMM_TRANS_B, &q, &k, &s, NULL);
	dojo_softmax_causal(m->batch, 1 / sqrtf(HEAD), 0, &s, &p, NULL, NULL);
	dojo_gemm(m->batch, 0, &p, &v, &a, NULL);
}

/* heads that share a key, or a value, add up its gradient */
static void sum_heads(struct model *m, uint64_t dy)
{
	struct dojo_tensor x = dojo_tensor_4d(m->dheads, FP32, ROWS, GROUPS, HEADS / GROUPS, HEAD);
	struct dojo_tensor y = dojo_tensor_4d(dy, FP32, ROWS, GROUPS, 1, HEAD);

	dojo_reduce(m->batch, DOJO_REDUCE_SUM, 1 << 1, &x, &y, NULL);
}

static void attention_grad(struct model *m, const struct layer *l)
{
	struct dojo_tensor q = heads_of(l->q, HEADS), k = heads_of(l->k, GROUPS);
	struct dojo_tensor v = heads_of(l->v, GROUPS), da = heads_of(m->da, HEADS);
	struct dojo_tensor dq = heads_of(m->dq, HEADS), dheads = heads_of(m->dheads, HEADS);
	struct dojo_tensor p = scores(l->p), dp = scores(m->dp), ds = scores(m->ds);

	dojo_gemm(m->batch, DOJO_GEMM_TRANS_A, &p, &da, &dheads, NULL);
	sum_heads(m, m->dv);
	dojo_gemm(m->batch, DOJO_GEMM_TRANS_B, &da, &v, &dp, NULL);
	dojo_softmax_grad(m->batch, 1 / sqrtf(HEAD), &dp, &p, &ds, NULL);
	dojo_gemm(m->batch, 0, &ds, &k, &dq, NULL);
	dojo_gemm(m->batch, DOJO_GEMM_TRANS_A, &ds, &q, &dheads, NULL);
	sum_heads(m, m->dk);
}

static void forward_layer(struct model *m, unsigned int i)
{
	const struct layer *l = &m->layer[i];
	struct dojo_tensor x = rows(l->x, WIDTH), middle = rows(l->middle, WIDTH);
	struct dojo_tensor y = rows(i + 1 < LAYERS ? m->layer[i + 1].x : m->x, WIDTH);
	struct dojo_tensor branch = rows(m->dy, WIDTH), gate = rows(l->gate, HIDDEN);
	struct dojo_tensor act = rows(l->act, HIDDEN), up = rows(l->up, HIDDEN);
	struct dojo_tensor hidden = rows(l->hidden, HIDDEN);

	norm(m, l->x, ATTENTION_NORM, i, l->n1);
	linear(m, l->n1, WQ, i, l->q);
	linear(m, l->n1, WK, i, l->k);
	linear(m, l->n1, WV, i, l->v);
	rotate(m, 0, l->q, HEADS);
	rotate(m, 0, l->k, GROUPS);
	attention(m, l);
	linear(m, l->a, WO, i, m->dy);
	dojo_binary(m->batch, DOJO_BINARY_ADD, &x, &branch, &middle, NULL);

	norm(m, l->middle, HIDDEN_NORM, i, l->n2);
	linear(m, l->n2, GATE, i, l->gate);
	linear(m, l->n2, UP, i, l->up);
	dojo_unary(m->batch, DOJO_UNARY_SILU, &gate, &act, NULL);
	dojo_binary(m->batch, DOJO_BINARY_MUL, &act, &up, &hidden, NULL);
	linear(m, l->hidden, DOWN, i, m->dy);
	dojo_binary(m->batch, DOJO_BINARY_ADD, &middle, &branch, &y, NULL);
}

/* m->dx: in, the gradient of what the layer gives; out, that of what it got */
static void backward_layer(struct model *m, unsigned int i)
{
	const struct layer *l = &m->layer[i];
	struct dojo_tensor dhidden = rows(m->dhidden, HIDDEN), dact = rows(m->dact, HIDDEN);
	struct dojo_tensor dgate = rows(m->dgate, HIDDEN), dup = rows(m->dup, HIDDEN);
	struct dojo_tensor gate = rows(l->gate, HIDDEN), act = rows(l->act, HIDDEN);
	struct dojo_tensor up = rows(l->up, HIDDEN);

	linear_grad(m, l->hidden, DOWN, i, m->dx, m->dhidden, false);
	dojo_binary(m->batch, DOJO_BINARY_MUL, &dhidden, &up, &dact, NULL);
	dojo_binary(m->batch, DOJO_BINARY_MUL, &dhidden, &act, &dup, NULL);
	dojo_binary(m->batch, DOJO_BINARY_SILU_GRAD, &dact, &gate, &dgate, NULL);
	linear_grad(m, l->n2, GATE, i, m->dgate, m->dn, false);
	linear_grad(m, l->n2, UP, i, m->dup, m->dn, true);
	norm_grad(m, l->middle, HIDDEN_NORM, i, m->dn, true);

	linear_grad(m, l->a, WO, i, m->dx, m->da, false);
	attention_grad(m, l);
	rotate(m, DOJO_ROPE_INVERSE, m->dq, HEADS);
	rotate(m, DOJO_ROPE_INVERSE, m->dk, GROUPS);
	linear_grad(m, l->n1, WQ, i, m->dq, m->dn, false);
	linear_grad(m, l->n1, WK, i, m->dk, m->dn, true);
	linear_grad(m, l->n1, WV, i, m->dv, m->dn, true);
	norm_grad(m, l->x, ATTENTION_NORM, i, m->dn, true);
}

/* all gradients, and the loss of step @number */
static void emit_gradients(struct model *m, unsigned int number)
{
	struct dojo_tensor tokens = dojo_tensor_1d(m->tokens, DOJO_FORMAT_INT32, ROWS);
	struct dojo_tensor next = dojo_tensor_1d(m->next, DOJO_FORMAT_INT32, ROWS);
	struct dojo_tensor table = parameter(m->weights, EMBEDDING, 0);
	struct dojo_tensor x = rows(m->layer[0].x, WIDTH);
	struct dojo_tensor dtable = parameter(m->gradients, EMBEDDING, 0), dx = rows(m->dx, WIDTH);
	struct dojo_tensor logits = rows(m->logits, VOCABULARY);
	struct dojo_tensor dlogits = rows(m->dlogits, VOCABULARY);
	struct dojo_tensor losses = dojo_tensor_1d(m->losses, FP32, ROWS);
	struct dojo_tensor loss = dojo_tensor_1d(m->loss + 4 * (uint64_t)number, FP32, 1);
	unsigned int i;

	dojo_gather(m->batch, &table, &tokens, &x, NULL);
	for (i = 0; i < LAYERS; i++)
		forward_layer(m, i);
	norm(m, m->x, LAST_NORM, 0, m->n);
	linear(m, m->n, OUTPUT, 0, m->logits);
	dojo_cross_entropy(m->batch, &logits, &next, &losses, 1.0f / ROWS, &dlogits, NULL);
	dojo_reduce(m->batch, DOJO_REDUCE_MEAN, 1, &losses, &loss, NULL);

	linear_grad(m, m->n, OUTPUT, 0, m->dlogits, m->dn, false);
	norm_grad(m, m->x, LAST_NORM, 0, m->dn, false);
	for (i = LAYERS; i-- > 0; )
		backward_layer(m, i);
	dojo_fill(m->batch, dtable.va, 4 * (uint64_t)kind_size(EMBEDDING), 0);
	dojo_scatter(m->batch, DOJO_SCATTER_ADD, &dx, &tokens, &dtable, NULL);
}

static void emit_update(struct model *m, unsigned int number)
{
	struct dojo_tensor w = dojo_tensor_1d(m->weights, FP32, parameters());
	struct dojo_tensor g = dojo_tensor_1d(m->gradients, FP32, parameters());
	struct dojo_tensor first = dojo_tensor_1d(m->moments[0], FP32, parameters());
	struct dojo_tensor second = dojo_tensor_1d(m->moments[1], FP32, parameters());
	struct dojo_adamw_attr attr = {
		.rate = 0.01f, .beta1 = 0.9f, .beta2 = 0.99f, .epsilon = 0.00000001f,
		.step = number + 1,
	};

	dojo_adamw(m->batch, &attr, &w, &g, &first, &second, NULL);
}

/* --------------------------------------------------------------- tests */

static void run(struct model *m)
{
	DO(m->dev, dojo_batch_error(m->batch));
	DO(m->dev, dojo_queue_run(m->queue, m->batch, INT64_C(120000000000)));
	dojo_batch_reset(m->batch);
}

static void set_up(struct model *m)
{
	uint64_t state = 5;
	float *w;
	int32_t *tokens, *next, *position;
	void *memory;
	unsigned int kind, layer;
	uint32_t i;

	if (dojo_device_open(NULL, &m->dev))
		exit(1);
	DO(m->dev, dojo_vm_create(m->dev, &m->vm));
	DO(m->dev, dojo_queue_create(m->vm, DRM_DOJO_QUEUE_COMPUTE, NULL, &m->queue));
	DO(m->dev, dojo_batch_create(m->vm, SUBMISSION, 0, &m->batch));
	lay_out(m);	/* once to learn how much it is */
	DO(m->dev, dojo_bo_create(m->dev, m->used, DRM_DOJO_DOMAIN_HBM, DRM_DOJO_BO_CPU_ACCESS,
				  m->vm, &m->bo));
	DO(m->dev, dojo_bo_map(m->bo, &memory));
	DO(m->dev, dojo_vm_map(m->vm, m->bo, 0, 0, 0, &m->va));
	m->memory = memory;
	m->used = 0;
	lay_out(m);
	memset(memory, 0, m->used);

	w = at(m, m->weights);
	for (i = 0; i < parameters(); i++)
		w[i] = (float)(int32_t)device_random(&state) / 0x1p32f;
	for (layer = 0; layer <= LAYERS; layer++) {
		for (kind = 0; kind < KINDS; kind++) {
			bool there = kind < LAYER_KINDS ? layer < LAYERS : layer == LAYERS;

			if (kind_rows[kind] != 1 || !there)
				continue;
			for (i = 0; i < kind_size(kind); i++)
				w[place(kind, layer) + i] += 1;
		}
	}
	tokens = at(m, m->tokens);
	next = at(m, m->next);
	for (i = 0; i < ROWS; i++)
		tokens[i] = (int32_t)(device_random(&state) % VOCABULARY);
	for (i = 0; i < ROWS; i++)
		next[i] = i % POSITIONS + 1 < POSITIONS ? tokens[i + 1] : 0;
	position = at(m, m->positions);
	for (i = 0; i < POSITIONS; i++)
		position[i] = (int32_t)i;
}

static bool near(const char *what, double is, double want, double scale)
{
	bool ok = fabs(is - want) <= 0.0001 * scale;

	if (!ok)
		printf("# %s: %.9g, not %.9g\n", what, is, want);
	return ok;
}

static double *doubles(const float *from)
{
	double *to = malloc(parameters() * sizeof(*to));
	uint32_t i;

	for (i = 0; to && i < parameters(); i++)
		to[i] = (double)from[i];
	if (!to)
		exit(1);
	return to;
}

static void test_forward(struct model *m, struct device_tests *t)
{
	double *p = doubles(at(m, m->weights)), logits[ROWS * VOCABULARY], loss;
	const float *is = at(m, m->logits), *loss_is = at(m, m->loss);
	bool ok = true;
	uint32_t i;

	loss = reference(p, at(m, m->tokens), at(m, m->next), logits);
	for (i = 0; i < ROWS * VOCABULARY; i++)
		ok = near("logit", (double)is[i], logits[i], 1) && ok;
	device_test(t, ok, "logits_are_the_reference_s");
	device_test(t, near("loss", (double)*loss_is, loss, 1), "loss_is_the_reference_s");
	free(p);
}

static double difference(struct model *m, double *p, uint32_t i)
{
	double logits[ROWS * VOCABULARY], old = p[i], up, down, h = 0.00001;

	p[i] = old + h;
	up = reference(p, at(m, m->tokens), at(m, m->next), logits);
	p[i] = old - h;
	down = reference(p, at(m, m->tokens), at(m, m->next), logits);
	p[i] = old;
	return (up - down) / (2 * h);
}

static void test_gradients(struct model *m, struct device_tests *t)
{
	double *p = doubles(at(m, m->weights));
	const float *g = at(m, m->gradients);
	uint64_t state = 9;
	unsigned int kind, n;

	for (kind = 0; kind < KINDS; kind++) {
		bool ok = true, any = false;

		for (n = 0; n < PROBES; n++) {
			uint32_t i = device_random(&state) % kind_size(kind);
			double want;

			i += place(kind, n % LAYERS);
			want = difference(m, p, i);
			ok = near(kind_names[kind], (double)g[i], want, 0.1 + fabs(want)) && ok;
			any = any || g[i] != 0;
		}
		device_test(t, ok && any, kind_names[kind]);
	}
	free(p);
}

/* All steps in one batch: the CPU does nothing between. */
static void test_training(struct model *m, struct device_tests *t)
{
	const float *losses = at(m, m->loss);
	double *p, logits[ROWS * VOCABULARY], first = (double)losses[0], loss;
	unsigned int n;

	for (n = 0; n < STEPS; n++) {
		emit_gradients(m, n);
		emit_update(m, n);
	}
	printf("# %u packets a step\n", dojo_batch_packets(m->batch) / STEPS);
	emit_gradients(m, 0);
	run(m);
	p = doubles(at(m, m->weights));
	loss = reference(p, at(m, m->tokens), at(m, m->next), logits);
	printf("# loss %.4f, after %u steps %.4f\n", first, STEPS, loss);
	device_test(t, loss < first / 4, "training_lowers_the_loss");
	device_test(t, near("loss", (double)losses[0], loss, 1), "trained_loss_is_the_reference_s");
	free(p);
}

int main(void)
{
	struct device_tests tests = { .prefix = "transformer" };
	struct model m = { .used = 0 };

	set_up(&m);
	emit_gradients(&m, 0);
	run(&m);
	test_forward(&m, &tests);
	test_gradients(&m, &tests);
	test_training(&m, &tests);
	dojo_batch_destroy(m.batch);
	dojo_queue_destroy(m.queue);
	dojo_bo_destroy(m.bo);
	dojo_vm_destroy(m.vm);
	dojo_device_close(m.dev);
	return device_end(&tests);
}
