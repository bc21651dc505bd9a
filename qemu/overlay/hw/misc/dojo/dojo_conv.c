/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CONV2D and its gradients as matrix products, whose operands are put together
 * while they are packed:
 *   forward         y[o][p]  = sum over t of      w[o][t] x[t at p]
 *   gradient of x   dx[c][q] = sum over (o, k) of w[c][o, k] dy[o][where k meets q]
 *   gradient of w   dw[o][t] = sum over p of      dy[o][p] x[t at p]
 * t = (c, ky, kx), p = (n, oy, ox), q = (n, iy, ix), the last the fastest.
 */
#include "dojo_fp.h"
#include "dojo_patches.h"
#include "dojo_product.h"

#define MAX_TAPS	1024	/* of an axis */
/* When rows of the image cannot be kept, elements are fetched one by one */
#define SLOW_VISITS	(1ull << 20)

struct geometry {
	int64_t stride[2], pad[2], dilation[2];
	uint64_t kw, kh, channels, outputs;	/* of the kernel: C, O */
	uint64_t ow, oh;
};

static bool check_pair(struct dojo_check *c, unsigned int i, int64_t low, int64_t *v)
{
	v[0] = c->p->u[i] & 0xffff;
	v[1] = c->p->u[i] >> 16;
	if (v[0] < low || v[1] < low)
		return dojo_reject(c, DOJO_FIELD(u[i]));
	return true;
}

static void geometry_of(struct geometry *g, const struct dojo_packet_compute *p,
			const struct dojo_tensor *w, const struct dojo_tensor *y)
{
	for (int i = 0; i < 2; i++) {
		g->stride[i] = p->u[0] >> (16 * i) & 0xffff;
		g->pad[i] = p->u[1] >> (16 * i) & 0xffff;
		g->dilation[i] = p->u[2] >> (16 * i) & 0xffff;
	}
	g->kw = w->dim[0];
	g->kh = w->dim[1];
	g->channels = w->dim[2];
	g->outputs = w->dim[3];
	g->ow = y->dim[0];
	g->oh = y->dim[1];
}

/* Tensors x, w and y of a convolution, wherever they stand in the packet */
static bool check_shapes(struct dojo_check *c, unsigned int tx, unsigned int tw,
			 unsigned int ty)
{
	const struct dojo_packet_compute *p = c->p;
	const struct dojo_tensor *x = &p->tensor[tx], *w = &p->tensor[tw], *y = &p->tensor[ty];
	int64_t stride[2], pad[2], dilation[2];

	if (!check_pair(c, 0, 1, stride) || !check_pair(c, 1, 0, pad) ||
	    !check_pair(c, 2, 1, dilation))
		return false;
	for (unsigned int i = 0; i < 2; i++) {
		int64_t reach, out;

		if (w->dim[i] > MAX_TAPS)
			return dojo_reject(c, DOJO_FIELD_DIM(tw, i));
		reach = dilation[i] * ((int64_t)w->dim[i] - 1) + 1;
		out = (int64_t)x->dim[i] + 2 * pad[i] - reach;
		if (out < 0)
			return dojo_reject(c, DOJO_FIELD_DIM(tw, i));
		if (y->dim[i] != out / stride[i] + 1)
			return dojo_reject(c, DOJO_FIELD_DIM(ty, i));
	}
	if (w->dim[2] != x->dim[2])
		return dojo_reject(c, DOJO_FIELD_DIM(tw, 2));
	if (w->dim[3] != y->dim[2])
		return dojo_reject(c, DOJO_FIELD_DIM(ty, 2));
	if (x->dim[3] != y->dim[3])
		return dojo_reject(c, DOJO_FIELD_DIM(ty, 3));
	return true;
}

/* Taps reach from grid points of the output to the image */
static void axes_forward(struct dojo_patches *p, const struct geometry *g,
			 const struct dojo_tensor *x)
{
	struct dojo_axis *axis[2] = { &p->x, &p->y };

	for (int i = 0; i < 2; i++)
		*axis[i] = (struct dojo_axis){
			.mul = g->stride[i],
			.base = -g->pad[i],
			.step = g->dilation[i],
			.div = 1,
			.grid = (int64_t)(i ? g->oh : g->ow),
			.taps = (int64_t)(i ? g->kh : g->kw),
			.extent = x->dim[i],
		};
}

/* ... and back, from pixels of the input to the outputs that used them */
static void axes_backward(struct dojo_patches *p, const struct geometry *g,
			  const struct dojo_tensor *x)
{
	struct dojo_axis *axis[2] = { &p->x, &p->y };

	for (int i = 0; i < 2; i++)
		*axis[i] = (struct dojo_axis){
			.mul = 1,
			.base = g->pad[i],
			.step = -g->dilation[i],
			.div = g->stride[i],
			.grid = x->dim[i],
			.taps = (int64_t)(i ? g->kh : g->kw),
			.extent = (int64_t)(i ? g->oh : g->ow),
		};
}

/* Saturates; extents are below 2^31 */
static uint64_t product(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t r;

	if (__builtin_mul_overflow(a, b, &r) || __builtin_mul_overflow(r, c, &r))
		return UINT64_MAX;
	return r;
}

/* An m x n x k product with the result in tensor @out */
static bool plan(struct dojo_check *c, unsigned int out, uint64_t m, uint64_t n, uint64_t k,
		 size_t k_field, const struct dojo_patches *axes)
{
	const struct dojo_packet_compute *p = c->p;
	struct dojo_op *op = c->op;

	if (k > DOJO_MAX_SUM)
		return dojo_reject(c, k_field);
	if (!dojo_check_output(c, out, 0))
		return false;
	if (n > DOJO_MAX_ELEMENTS || product(m, n, k) > DOJO_MAX_FMA)
		return dojo_reject(c, k_field);
	for (unsigned int i = 0; i < p->tensors; i++)
		if (i >= 2 && i != 3)
			dojo_count_write(c, i);
		else
			dojo_count_read(c, i);
	dojo_plan_product(op, m, n, k, 1,
			  dojo_patches_fit(&axes->x, &axes->y) ? DOJO_UNIT_VISITS : SLOW_VISITS);
	op->flop = 2 * m * n * k;
	op->matrix_format = dojo_matrix_format(p->tensor[0].format, p->tensor[1].format);
	return true;
}

struct conv {
	struct geometry g;
	struct dojo_patches patches;
	struct dojo_cursor matrix;	/* the other operand, in logical order */
	uint64_t points;		/* of the grid, in an image */
	float *line;
};

/* A = w as {C KH KW, O}: rows are contiguous in logical order */
static bool forward_a(struct dojo_ctx *ctx, struct dojo_product *t, uint64_t k0, size_t kc,
		      float *dst)
{
	struct conv *v = t->operands;

	for (size_t i = 0; i < t->m; i++) {
		float *to = dst + i * DOJO_GEMM_KC;
		const float *from = dojo_cursor_load(ctx, &v->matrix,
						     (t->m0 + i) * t->k + k0, kc, to);

		if (!from)
			return false;
		if (from != to)
			memcpy(to, from, kc * sizeof(float));
	}
	return true;
}

/* Rows k = (channel, ky, kx), columns are grid points */
static bool patches_b(struct dojo_ctx *ctx, struct dojo_product *t, uint64_t k0, size_t kc,
		      float *dst)
{
	struct conv *v = t->operands;
	uint64_t taps = v->g.kw * v->g.kh;

	for (size_t k = 0; k < kc; k++) {
		uint64_t tap = (k0 + k) % taps;

		if (!dojo_patches_get(ctx, &v->patches, (k0 + k) / taps,
				      (int64_t)(tap % v->g.kw), (int64_t)(tap / v->g.kw),
				      t->n0, t->n, t->row))
			return false;
		dojo_product_put_row(ctx, t, dst, k, t->row);
	}
	return true;
}

static const struct dojo_product_source forward_source = {
	.fetch_a = forward_a,
	.fetch_b = patches_b,
};

/* Rows are channels of @out, columns n0.. its grid points over all images */
static bool store_planes(struct dojo_ctx *ctx, const struct dojo_packet_compute *p,
			 const struct dojo_product *t, const struct dojo_tensor *out,
			 const struct dojo_tensor *bias)
{
	uint64_t plane = (uint64_t)out->dim[0] * out->dim[1], channels = out->dim[2];
	struct dojo_epilogue e = { .alpha = 1.0f };
	const struct dojo_rounding rounding = dojo_rounding_of(p);
	struct dojo_cursor c, biases;

	if (p->header.opcode == DOJO_OP_CONV2D)
		e.activation = p->fn;
	dojo_cursor_of(&c, out);
	if (bias)
		dojo_cursor_of(&biases, bias);
	for (size_t i = 0; i < t->m; i++) {
		float *row = t->sum + i * t->ld;

		if (bias) {
			const float *b = dojo_cursor_load(ctx, &biases, t->m0 + i, 1,
							  &e.row_bias);

			if (!b)
				return false;
			e.row_bias = *b;
			e.has_row_bias = true;
		}
		dojo_epilogue_row(ctx, &e, row, t->n, NULL);
		for (size_t j = 0, n; j < t->n; j += n) {
			uint64_t at = (t->n0 + j) % plane, image = (t->n0 + j) / plane;

			n = plane - at < t->n - j ? (size_t)(plane - at) : t->n - j;
			if (!dojo_cursor_store(ctx, &c, (image * channels + t->m0 + i) * plane + at,
					       n, row + j, &rounding))
				return false;
		}
	}
	return true;
}

bool dojo_check_conv2d(struct dojo_check *c)
{
	const struct dojo_packet_compute *p = c->p;
	const struct dojo_tensor *x = &p->tensor[0], *w = &p->tensor[1], *y = &p->tensor[2];
	bool bias = p->op_flags & DOJO_CONV_BIAS;
	struct dojo_patches axes;
	struct geometry g;

	if (!dojo_check_tensors(c, 3u + bias) || !check_shapes(c, 0, 1, 2))
		return false;
	if (bias && !dojo_check_dims(c, 3, w->dim[3], 1, 1, 1))
		return false;
	geometry_of(&g, p, w, y);
	axes_forward(&axes, &g, x);
	return plan(c, 2, w->dim[3], product(y->dim[0], y->dim[1], y->dim[3]),
		    product(w->dim[0], w->dim[1], w->dim[2]), DOJO_FIELD_DIM(1, 2), &axes);
}

bool dojo_run_conv2d(const struct dojo_op *op, uint64_t unit, struct dojo_ctx *ctx)
{
	const struct dojo_packet_compute *p = dojo_compute(op);
	const struct dojo_tensor *x = &p->tensor[0], *w = &p->tensor[1], *y = &p->tensor[2];
	struct conv v;
	struct dojo_product t = { .source = &forward_source, .operands = &v };

	geometry_of(&v.g, p, w, y);
	dojo_patches_init(&v.patches, ctx, x);
	axes_forward(&v.patches, &v.g, x);
	dojo_cursor_of(&v.matrix, w);
	dojo_product_place(&t, op, unit, w->dim[3], v.g.ow * v.g.oh * y->dim[3]);
	return dojo_product_run(ctx, &t) &&
	       store_planes(ctx, p, &t, y, p->op_flags & DOJO_CONV_BIAS ? &p->tensor[3] : NULL);
}

/* A[c][(o, ky, kx)] = w[o][c][ky][kx]: for each o, the taps of the tile's rows lie together */
static bool backward_a(struct dojo_ctx *ctx, struct dojo_product *t, uint64_t k0, size_t kc,
		       float *dst)
{
	struct conv *v = t->operands;
	uint64_t taps = v->g.kw * v->g.kh;

	for (size_t k = 0, n; k < kc; k += n) {
		uint64_t o = (k0 + k) / taps, tap = (k0 + k) % taps;

		n = taps - tap < kc - k ? (size_t)(taps - tap) : kc - k;
		/* Small kernels: as many rows as fit the buffer at a time */
		for (size_t i = 0, rows; i < t->m; i += rows) {
			uint64_t row = o * v->g.channels + t->m0 + i;
			const float *from;

			rows = taps <= 64 ? DOJO_BLOCK_ROWS / taps : 0;
			if (rows > t->m - i)
				rows = t->m - i;
			if (!rows) {
				from = dojo_cursor_load(ctx, &v->matrix, row * taps + tap, n,
							t->row);
				if (!from)
					return false;
				memcpy(dst + i * DOJO_GEMM_KC + k, from, n * sizeof(float));
				rows = 1;
				continue;
			}
			from = dojo_cursor_load(ctx, &v->matrix, row * taps, rows * taps, t->row);
			if (!from)
				return false;
			for (size_t j = 0; j < rows; j++)
				memcpy(dst + (i + j) * DOJO_GEMM_KC + k, from + j * taps + tap,
				       n * sizeof(float));
		}
	}
	return true;
}

static const struct dojo_product_source backward_source = {
	.fetch_a = backward_a,
	.fetch_b = patches_b,
};

/* Tensors dy, w, dx */
bool dojo_check_conv2d_grad_input(struct dojo_check *c)
{
	const struct dojo_packet_compute *p = c->p;
	const struct dojo_tensor *dy = &p->tensor[0], *w = &p->tensor[1], *x = &p->tensor[2];
	struct dojo_patches axes;
	struct geometry g;

	if (!check_shapes(c, 2, 1, 0))
		return false;
	geometry_of(&g, p, w, dy);
	axes_backward(&axes, &g, x);
	return plan(c, 2, w->dim[2], product(x->dim[0], x->dim[1], x->dim[3]),
		    product(w->dim[0], w->dim[1], w->dim[3]), DOJO_FIELD_DIM(1, 3), &axes);
}

bool dojo_run_conv2d_grad_input(const struct dojo_op *op, uint64_t unit, struct dojo_ctx *ctx)
{
	const struct dojo_packet_compute *p = dojo_compute(op);
	const struct dojo_tensor *dy = &p->tensor[0], *w = &p->tensor[1], *dx = &p->tensor[2];
	struct conv v;
	struct dojo_product t = { .source = &backward_source, .operands = &v };

	geometry_of(&v.g, p, w, dy);
	dojo_patches_init(&v.patches, ctx, dy);
	axes_backward(&v.patches, &v.g, dx);
	dojo_cursor_of(&v.matrix, w);
	dojo_product_place(&t, op, unit, w->dim[2], (uint64_t)dx->dim[0] * dx->dim[1] * dx->dim[3]);
	return dojo_product_run(ctx, &t) && store_planes(ctx, p, &t, dx, NULL);
}

/* A = dy as {points, O}, one image after the other */
static bool weight_a(struct dojo_ctx *ctx, struct dojo_product *t, uint64_t k0, size_t kc,
		     float *dst)
{
	struct conv *v = t->operands;

	for (size_t i = 0; i < t->m; i++)
		for (size_t k = 0, n; k < kc; k += n) {
			uint64_t at = (k0 + k) % v->points, image = (k0 + k) / v->points;
			float *to = dst + i * DOJO_GEMM_KC + k;
			const float *from;

			n = v->points - at < kc - k ? (size_t)(v->points - at) : kc - k;
			from = dojo_cursor_load(ctx, &v->matrix,
						(image * v->g.outputs + t->m0 + i) * v->points + at,
						n, to);
			if (!from)
				return false;
			if (from != to)
				memcpy(to, from, n * sizeof(float));
		}
	return true;
}

/* Columns (channel, ky, kx), each along the grid points k0.. */
static bool weight_b(struct dojo_ctx *ctx, struct dojo_product *t, uint64_t k0, size_t kc,
		     float *dst)
{
	struct conv *v = t->operands;
	uint64_t taps = v->g.kw * v->g.kh;
	size_t width = ctx->k->gemm_tr;
	const float *column[16];

	for (size_t n = 0; n < t->ld; n += width) {
		for (size_t j = 0; j < width; j++) {
			float *to = t->row + j * DOJO_GEMM_KC;
			uint64_t i = t->n0 + n + j, tap = i % taps;

			column[j] = to;
			if (n + j >= t->n) {
				memset(to, 0, kc * sizeof(float));
				continue;
			}
			if (!dojo_patches_get(ctx, &v->patches, i / taps, (int64_t)(tap % v->g.kw),
					      (int64_t)(tap / v->g.kw), k0, kc, to))
				return false;
		}
		dojo_product_put_columns(ctx, dst, n, column, kc);
	}
	return true;
}

static const struct dojo_product_source weight_source = {
	.fetch_a = weight_a,
	.fetch_b = weight_b,
};

/* Tensors dy, x, dw, then dbias. plan[5]: units of the product, plan[6]: biases a unit */
bool dojo_check_conv2d_grad_weight(struct dojo_check *c)
{
	const struct dojo_packet_compute *p = c->p;
	const struct dojo_tensor *dy = &p->tensor[0], *x = &p->tensor[1], *w = &p->tensor[2];
	bool bias = p->op_flags & DOJO_CONV_BIAS;
	struct dojo_patches axes;
	struct geometry g;
	uint64_t points = product(dy->dim[0], dy->dim[1], dy->dim[3]);
	struct dojo_op *op = c->op;

	if (!dojo_check_tensors(c, 3u + bias) || !check_shapes(c, 1, 2, 0))
		return false;
	if (bias && (!dojo_check_dims(c, 3, w->dim[3], 1, 1, 1) || !dojo_check_output(c, 3, 0)))
		return false;
	geometry_of(&g, p, w, dy);
	axes_forward(&axes, &g, x);
	if (!plan(c, 2, w->dim[3], product(w->dim[0], w->dim[1], w->dim[2]), points,
		  DOJO_FIELD_DIM(0, 3), &axes))
		return false;
	op->plan[5] = op->units;
	if (!bias)
		return true;
	op->plan[6] = (1ull << 20) / points ? (1ull << 20) / points : 1;
	op->units += w->dim[3] / op->plan[6] + (w->dim[3] % op->plan[6] != 0);
	op->flop += w->dim[3] * points;
	return true;
}

static bool sum_biases(const struct dojo_op *op, uint64_t part, struct dojo_ctx *ctx)
{
	const struct dojo_packet_compute *p = dojo_compute(op);
	const struct dojo_tensor *dy = &p->tensor[0];
	const struct dojo_rounding rounding = dojo_rounding_of(p);
	uint64_t plane = (uint64_t)dy->dim[0] * dy->dim[1], total = plane * dy->dim[3];
	uint64_t o = part * op->plan[6], last = o + op->plan[6];
	float *buf = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float));
	struct dojo_cursor from, to;

	dojo_cursor_of(&from, dy);
	dojo_cursor_of(&to, &p->tensor[3]);
	if (last > dy->dim[2])
		last = dy->dim[2];
	for (; o < last; o++) {
		float lanes[DOJO_LANES] = {}, sum;

		/* Term r goes to partial sum r % 16, across images too */
		for (uint64_t i = 0; i < total; i += DOJO_CHUNK) {
			size_t n = dojo_chunk(i, total);

			for (size_t j = 0, count; j < n; j += count) {
				uint64_t at = (i + j) % plane, image = (i + j) / plane;
				uint64_t index = (image * dy->dim[2] + o) * plane + at;
				const float *x;

				count = plane - at < n - j ? (size_t)(plane - at) : n - j;
				x = dojo_cursor_load(ctx, &from, index, count, buf + j);
				if (!x)
					return false;
				if (x != buf + j)
					memcpy(buf + j, x, count * sizeof(float));
			}
			ctx->k->sum(lanes, buf, n);
		}
		sum = dojo_lanes_sum(lanes);
		ctx->k->canon(&sum, 1);
		if (!dojo_cursor_store(ctx, &to, o, 1, &sum, &rounding))
			return false;
	}
	return true;
}

bool dojo_run_conv2d_grad_weight(const struct dojo_op *op, uint64_t unit, struct dojo_ctx *ctx)
{
	const struct dojo_packet_compute *p = dojo_compute(op);
	const struct dojo_tensor *dy = &p->tensor[0], *x = &p->tensor[1], *dw = &p->tensor[2];
	const struct dojo_rounding rounding = dojo_rounding_of(p);
	uint64_t columns = (uint64_t)dw->dim[0] * dw->dim[1] * dw->dim[2];
	struct conv v;
	struct dojo_product t = { .source = &weight_source, .operands = &v };
	struct dojo_cursor out;

	if (unit >= op->plan[5])
		return sum_biases(op, unit - op->plan[5], ctx);

	geometry_of(&v.g, p, dw, dy);
	dojo_patches_init(&v.patches, ctx, x);
	axes_forward(&v.patches, &v.g, x);
	dojo_cursor_of(&v.matrix, dy);
	v.points = v.g.ow * v.g.oh;
	dojo_product_place(&t, op, unit, dw->dim[3], columns);
	if (!dojo_product_run(ctx, &t))
		return false;
	dojo_cursor_of(&out, dw);
	for (size_t i = 0; i < t.m; i++) {
		float *row = t.sum + i * t.ld;

		ctx->k->canon(row, t.n);
		if (!dojo_cursor_store(ctx, &out, (t.m0 + i) * columns + t.n0, t.n, row, &rounding))
			return false;
	}
	return true;
}
