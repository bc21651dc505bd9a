/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Operations whose outputs depend on the elements of the same index alone:
 * UNARY, BINARY, CONVERT, DROPOUT and the collectives. Elements go
 * through in chunks that stay in the cache; tensors in FP32 that are contiguous
 * are read and written where they lie.
 */
#include "dojo_fp.h"
#include "dojo_opcode.h"

/* Operations of an exponential or a logarithm, for the model clock */
#define WEIGHT_CURVE	16

/* A transposition's tile: as many elements along a row of the output as rows of it */
#define TILE	64

static void plan_elements(struct dojo_op *op, const struct dojo_tensor *t)
{
	uint64_t total = dojo_elements(t);

	dojo_plan_items(op, total, dojo_unit_elements(total));
}

/* Adds @weight operations an element, and everything read and written */
static bool elementwise(struct dojo_check *c, unsigned int out, unsigned int weight,
			unsigned int inplace)
{
	const struct dojo_packet_compute *p = c->p;

	for (unsigned int i = 0; i < p->tensors; i++)
		if (i != out && !dojo_check_same_dims(c, i, out))
			return false;
	if (!dojo_check_output(c, out, inplace))
		return false;
	for (unsigned int i = 0; i < p->tensors; i++) {
		if (i == out)
			dojo_count_write(c, i);
		else
			dojo_count_read(c, i);
	}
	/* Where more is computed, that is what takes the time */
	if (weight < WEIGHT_CURVE)
		dojo_check_stream(c, out);
	plan_elements(c->op, &p->tensor[out]);
	c->op->flop = weight * c->op->plan[0];
	c->op->matrix_format = weight ? DOJO_FORMAT_FP32 : DOJO_FORMAT_NONE;
	return true;
}

/* Nominal operations of a function, for the model clock */
static unsigned int unary_weight(unsigned int fn)
{
	switch (fn) {
	case DOJO_UNARY_GELU:
	case DOJO_UNARY_SILU:
	case DOJO_UNARY_SIGMOID:
	case DOJO_UNARY_TANH:
	case DOJO_UNARY_EXP:
	case DOJO_UNARY_LOG:
		return WEIGHT_CURVE;
	case DOJO_UNARY_SQRT:
	case DOJO_UNARY_RSQRT:
	case DOJO_UNARY_RECIPROCAL:
		return 4;
	case DOJO_UNARY_SCALE:
		return 2;
	default:
		return 1;
	}
}

/* Parameters of a function that takes none must be 0 */
static bool no_params(struct dojo_check *c, unsigned int used)
{
	for (unsigned int i = 0; i < 5; i++)
		if (c->p->f[i] && !(used & (1u << i))) {
			dojo_reject(c, DOJO_FIELD(f[i]));
			c->fault->reason = DOJO_FAULT_PACKET;
			return false;
		}
	return true;
}

bool dojo_check_unary(struct dojo_check *c)
{
	const struct dojo_packet_compute *p = c->p;
	bool two = p->fn == DOJO_UNARY_SCALE || p->fn == DOJO_UNARY_CLAMP;

	if (!no_params(c, two ? 3 : 0))
		return false;
	if (p->fn == DOJO_UNARY_CLAMP && !(dojo_param(p, 0) <= dojo_param(p, 1)))
		return dojo_reject(c, DOJO_FIELD(f[1]));
	return elementwise(c, 1, unary_weight(p->fn), 1 << 0);
}

bool dojo_run_unary(const struct dojo_op *op, uint64_t unit, struct dojo_ctx *ctx)
{
	const struct dojo_packet_compute *p = dojo_compute(op);
	const struct dojo_rounding rounding = dojo_rounding_of(p);
	struct dojo_range r = dojo_unit_range(op, unit);
	struct dojo_cursor x, y;
	float *xb = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float));
	float *yb = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float));

	dojo_cursor_of(&x, &p->tensor[0]);
	dojo_cursor_of(&y, &p->tensor[1]);
	for (uint64_t i = r.first; i < r.last; i += DOJO_CHUNK) {
		size_t n = dojo_chunk(i, r.last);
		const float *xs = dojo_cursor_load(ctx, &x, i, n, xb);
		float *to;

		if (!xs)
			return false;
		to = dojo_cursor_direct(ctx, &y, i, n, (size_t)(r.last - i));
		ctx->k->unary(to ? to : yb, xs, n, p->fn, dojo_param(p, 0),
			      dojo_param(p, 1));
		if (!to && !dojo_cursor_store(ctx, &y, i, n, yb, &rounding))
			return false;
	}
	return true;
}

bool dojo_check_binary(struct dojo_check *c)
{
	const struct dojo_packet_compute *p = c->p;
	unsigned int weight = 1;

	if (!no_params(c, p->fn == DOJO_BINARY_AXPBY ? 3 : 0))
		return false;
	if (p->fn == DOJO_BINARY_AXPBY)
		weight = 3;
	else if (p->fn == DOJO_BINARY_DIV)
		weight = 4;
	else if (p->fn >= DOJO_BINARY_GELU_GRAD)
		weight = 20;
	return elementwise(c, 2, weight, 1 << 0 | 1 << 1);
}

bool dojo_run_binary(const struct dojo_op *op, uint64_t unit, struct dojo_ctx *ctx)
{
	const struct dojo_packet_compute *p = dojo_compute(op);
	const struct dojo_rounding rounding = dojo_rounding_of(p);
	struct dojo_range r = dojo_unit_range(op, unit);
	struct dojo_cursor a, b, y;
	float *ab = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float));
	float *bb = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float));
	float *yb = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float));

	dojo_cursor_of(&a, &p->tensor[0]);
	dojo_cursor_of(&b, &p->tensor[1]);
	dojo_cursor_of(&y, &p->tensor[2]);
	for (uint64_t i = r.first; i < r.last; i += DOJO_CHUNK) {
		size_t n = dojo_chunk(i, r.last);
		const float *as, *bs;
		float *to;

		as = dojo_cursor_load(ctx, &a, i, n, ab);
		if (!as)
			return false;
		bs = dojo_cursor_load(ctx, &b, i, n, bb);
		if (!bs)
			return false;
		to = dojo_cursor_direct(ctx, &y, i, n, (size_t)(r.last - i));
		ctx->k->binary(to ? to : yb, as, bs, n, p->fn, dojo_param(p, 0),
			       dojo_param(p, 1));
		if (!to && !dojo_cursor_store(ctx, &y, i, n, yb, &rounding))
			return false;
	}
	return true;
}

bool dojo_check_convert(struct dojo_check *c)
{
	return elementwise(c, 1, 0, 1 << 0);
}

static bool same_format(const struct dojo_tensor *a, const struct dojo_tensor *b)
{
	return a->format == b->format && a->bias == b->bias;
}

struct conversion {
	struct dojo_view from;
	struct dojo_cursor x, y;
	bool same;			/* format and bias: codes are moved */
	struct dojo_rounding rounding;
	uint8_t *codes;			/* a chunk */
	float *buf;			/* a chunk */
	uint32_t *tile, *turned;	/* of 4 bytes an element, which codes are widened to */
};

/* @n codes as FP32 in @to */
static void convert_decode(struct dojo_ctx *ctx, const struct conversion *c, const void *from,
			   size_t n, float *to)
{
	const struct dojo_view *x = &c->from;

	/* The code that is read is the operand, in its own format */
	if (c->rounding.counted)
		ctx->flags->denormal += ctx->k->denormals(from, n, x->format);
	ctx->k->decode(to, from, n, x->format, x->bias);
	if (c->y.view.format == DOJO_FORMAT_FP32)
		ctx->k->canon(to, n);
}

/* @n codes from logical index @i on; @ahead elements from there are going to be written */
static bool convert_codes(struct dojo_ctx *ctx, const struct conversion *c, const void *from,
			  uint64_t i, size_t n, size_t ahead)
{
	const struct dojo_view *x = &c->from;
	float *to = NULL;

	if (c->same)
		return dojo_cursor_store_codes(ctx, &c->y, i, n, from);
	if (x->format == DOJO_FORMAT_FP32 && !((uintptr_t)from & 3))
		return dojo_cursor_store(ctx, &c->y, i, n, from, &c->rounding);
	if (c->y.view.format == DOJO_FORMAT_FP32)
		to = dojo_cursor_direct(ctx, &c->y, i, n, ahead);
	if (!to)
		to = c->buf;
	convert_decode(ctx, c, from, n, to);
	return to != c->buf || dojo_cursor_store(ctx, &c->y, i, n, to, &c->rounding);
}

static bool convert_range(struct dojo_ctx *ctx, const struct conversion *c, uint64_t first,
			  uint64_t last)
{
	for (uint64_t i = first; i < last; i += DOJO_CHUNK) {
		size_t n = dojo_chunk(i, last);
		const void *from = dojo_cursor_codes(ctx, &c->x, i, n, c->codes);

		if (!from || !convert_codes(ctx, c, from, i, n, (size_t)(last - i)))
			return false;
	}
	return true;
}

/*
 * @n elements from @va on, neighbours in memory, 4 bytes each: where they lie if they are
 * so already, else in @buf. NULL on a fault.
 */
static const float *tile_row(struct dojo_ctx *ctx, const struct conversion *c, uint64_t va,
			     size_t n, uint32_t *buf)
{
	const struct dojo_view *x = &c->from;
	uint64_t run, bytes = (uint64_t)n << x->shift;
	const void *codes = dojo_map(ctx, va, bytes, false, &run);
	uint32_t stage[TILE];

	if (!codes && ctx->fault->reason)
		return NULL;
	if (!codes || run < bytes) {
		if (!dojo_get(ctx, va, stage, bytes))
			return NULL;
		codes = stage;
	} else if (c->same && x->shift == 2 && !((uintptr_t)codes & 3)) {
		return codes;
	}
	if (c->same)
		ctx->k->widen(buf, codes, n, x->shift);
	else
		convert_decode(ctx, c, codes, n, (float *)buf);
	return (const float *)buf;
}

/*
 * @rows rows of y from @row on, where x has neighbours along dim 1: read so, in
 * tiles, then turned.
 */
static bool convert_turned(struct dojo_ctx *ctx, const struct conversion *c, uint64_t row,
			   size_t rows)
{
	const struct dojo_view *x = &c->from;
	uint64_t i1 = row % x->dim[1], r = row / x->dim[1], step = x->stride[0] << x->shift;
	const float *line[TILE];

	for (uint64_t i = 0, n; i < x->dim[0]; i += n) {
		uint64_t va = dojo_view_va(x, i, i1, r % x->dim[2], r / x->dim[2]);

		n = x->dim[0] - i < TILE ? x->dim[0] - i : TILE;
		for (size_t k = 0; k < n; k++) {
			line[k] = tile_row(ctx, c, va + k * step, rows, c->tile + k * TILE);
			if (!line[k])
				return false;
			if (i + TILE + k < x->dim[0])
				dojo_prefetch(ctx, va + (TILE + k) * step, rows << x->shift);
		}
		/* Columns past the end are made, not used */
		for (size_t k = n; k < TILE; k++)
			line[k] = line[0];
		for (size_t k = 0; k < n; k += ctx->k->gemm_tr)
			ctx->k->transpose((float *)c->turned + k, TILE, line + k, rows);
		for (size_t j = 0; j < rows; j++) {
			uint64_t to = (row + j) * x->dim[0] + i;
			uint32_t *y = c->turned + j * TILE;

			if (c->same) {
				ctx->k->narrow(y, y, n, x->shift);
				if (!dojo_cursor_store_codes(ctx, &c->y, to, n, y))
					return false;
			} else if (!dojo_cursor_store(ctx, &c->y, to, n, (float *)y,
						      &c->rounding)) {
				return false;
			}
		}
	}
	return true;
}

/* A transposition: neighbours of x are far apart, and rows of y are near each other in x */
static bool is_turned(const struct dojo_view *x)
{
	return x->stride[1] == 1 && x->stride[0] > 1 && x->dim[0] > 1 && x->dim[1] > 1;
}

bool dojo_run_convert(const struct dojo_op *op, uint64_t unit, struct dojo_ctx *ctx)
{
	const struct dojo_packet_compute *p = dojo_compute(op);
	struct dojo_range r = dojo_unit_range(op, unit);
	struct conversion c = {
		.same = same_format(&p->tensor[0], &p->tensor[1]),
		.rounding = dojo_rounding_of(p),
		.codes = dojo_scratch(ctx, DOJO_CHUNK * sizeof(uint32_t)),
		.buf = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float)),
		.tile = dojo_scratch(ctx, TILE * TILE * sizeof(uint32_t)),
		.turned = dojo_scratch(ctx, TILE * TILE * sizeof(uint32_t)),
	};
	uint64_t row, end;

	dojo_view_init(&c.from, &p->tensor[0]);
	/* FP32 is counted when it is encoded */
	c.rounding.counted = c.from.format != DOJO_FORMAT_FP32;
	dojo_cursor_init(&c.x, &c.from);
	dojo_cursor_of(&c.y, &p->tensor[1]);

	/* Whole rows of y by tiles; what is left at both ends as it comes */
	row = (r.first + c.from.dim[0] - 1) / c.from.dim[0];
	end = r.last / c.from.dim[0];
	if (!is_turned(&c.from) || row >= end)
		return convert_range(ctx, &c, r.first, r.last);
	if (!convert_range(ctx, &c, r.first, row * c.from.dim[0]))
		return false;
	for (uint64_t rows; row < end; row += rows) {
		rows = c.from.dim[1] - row % c.from.dim[1];
		if (rows > end - row)
			rows = end - row;
		if (rows > TILE)
			rows = TILE;
		if (!convert_turned(ctx, &c, row, (size_t)rows))
			return false;
	}
	return convert_range(ctx, &c, end * c.from.dim[0], r.last);
}

bool dojo_check_dropout(struct dojo_check *c)
{
	const struct dojo_packet_compute *p = c->p;

	if (!(dojo_param(p, 0) >= 0.0f && dojo_param(p, 0) < 1.0f))
		return dojo_reject(c, DOJO_FIELD(f[0]));
	return elementwise(c, 1, 2, 1 << 0);
}

bool dojo_run_dropout(const struct dojo_op *op, uint64_t unit, struct dojo_ctx *ctx)
{
	const struct dojo_packet_compute *p = dojo_compute(op);
	const struct dojo_rounding rounding = dojo_rounding_of(p);
	struct dojo_range r = dojo_unit_range(op, unit);
	float drop = dojo_param(p, 0), scale = 1.0f / (1.0f - drop);
	/* Exact: drop has 24 bits */
	uint32_t threshold = (uint32_t)((double)drop * 0x1p32);
	float *xb = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float));
	float *yb = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float));
	struct dojo_cursor x, y;

	dojo_cursor_of(&x, &p->tensor[0]);
	dojo_cursor_of(&y, &p->tensor[1]);
	for (uint64_t i = r.first; i < r.last; i += DOJO_CHUNK) {
		size_t n = dojo_chunk(i, r.last);
		const float *xs = dojo_cursor_load(ctx, &x, i, n, xb);

		if (!xs)
			return false;
		ctx->k->dropout(yb, xs, n, p->seed, p->rng_base + i, threshold, scale);
		if (!dojo_cursor_store(ctx, &y, i, n, yb, &rounding))
			return false;
	}
	return true;
}

/* Tensors of one shape and format: t0 .. tn-1, of which @outputs are written */
static bool collective(struct dojo_check *c, unsigned int outputs, unsigned int weight)
{
	const struct dojo_packet_compute *p = c->p;

	for (unsigned int i = 1; i < p->tensors; i++) {
		if (!dojo_check_same_dims(c, i, 0) ||
		    !dojo_check_format(c, i, p->tensor[0].format))
			return false;
		if (p->tensor[i].bias != p->tensor[0].bias)
			return dojo_reject(c, DOJO_FIELD_TENSOR(i, bias));
	}
	for (unsigned int i = 0; i < p->tensors; i++) {
		if (outputs & (1u << i)) {
			if (!dojo_check_output(c, i, 0))
				return false;
			dojo_count_write(c, i);
		}
		if (!i || outputs & 1)
			dojo_count_read(c, i);
	}
	plan_elements(c->op, &p->tensor[p->tensors - 1]);
	c->op->flop = weight * c->op->plan[0];
	if (!weight) {
		c->op->matrix_format = DOJO_FORMAT_NONE;
		dojo_check_stream(c, 1);
	}
	return true;
}

bool dojo_check_all_reduce(struct dojo_check *c)
{
	return collective(c, (1u << c->p->tensors) - 1, c->p->tensors - 1u);
}

bool dojo_check_multicast(struct dojo_check *c)
{
	return collective(c, ((1u << c->p->tensors) - 1) & ~1u, 0);
}

bool dojo_run_all_reduce(const struct dojo_op *op, uint64_t unit, struct dojo_ctx *ctx)
{
	const struct dojo_packet_compute *p = dojo_compute(op);
	const struct dojo_rounding rounding = dojo_rounding_of(p);
	struct dojo_range r = dojo_unit_range(op, unit);
	float *sum = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float));
	float *buf = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float));
	struct dojo_cursor t[DOJO_TENSOR_MAX];

	for (unsigned int j = 0; j < p->tensors; j++)
		dojo_cursor_of(&t[j], &p->tensor[j]);
	for (uint64_t i = r.first; i < r.last; i += DOJO_CHUNK) {
		size_t n = dojo_chunk(i, r.last);

		for (unsigned int j = 0; j < p->tensors; j++) {
			const float *x = dojo_cursor_load(ctx, &t[j], i, n, buf);

			if (!x)
				return false;
			if (j)
				ctx->k->binary(sum, sum, x, n, DOJO_BINARY_ADD, 0, 0);
			else
				memcpy(sum, x, n * sizeof(float));
		}
		for (unsigned int j = 0; j < p->tensors; j++)
			if (!dojo_cursor_store(ctx, &t[j], i, n, sum, &rounding))
				return false;
	}
	return true;
}

bool dojo_run_multicast(const struct dojo_op *op, uint64_t unit, struct dojo_ctx *ctx)
{
	const struct dojo_packet_compute *p = dojo_compute(op);
	struct dojo_range r = dojo_unit_range(op, unit);
	uint32_t *codes = dojo_scratch(ctx, DOJO_CHUNK * sizeof(uint32_t));
	struct dojo_cursor t[DOJO_TENSOR_MAX];

	for (unsigned int j = 0; j < p->tensors; j++)
		dojo_cursor_of(&t[j], &p->tensor[j]);
	for (uint64_t i = r.first; i < r.last; i += DOJO_CHUNK) {
		size_t n = dojo_chunk(i, r.last);

		if (!dojo_cursor_load_codes(ctx, &t[0], i, n, codes))
			return false;
		for (unsigned int j = 1; j < p->tensors; j++)
			if (!dojo_cursor_store_codes(ctx, &t[j], i, n, codes))
				return false;
	}
	return true;
}
