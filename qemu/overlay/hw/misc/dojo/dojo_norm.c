/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NORM and NORM_GRAD: layer norm and RMS norm along dim 0 */
#include "dojo_fp.h"
#include "dojo_opcode.h"

#define COLUMNS		1024	/* summed over the rows together */
#define STATS		16384	/* rows whose statistics are kept at a time */

/* Statistics of row @r, elements first + 0..len-1 of @x */
static bool row_stats(struct dojo_ctx *ctx, const struct dojo_packet_compute *p,
		      const struct dojo_cursor *x, uint64_t first, size_t len, float *buf,
		      struct dojo_norm_row *row)
{
	bool layer = p->fn == DOJO_NORM_LAYER;
	float n = (float)len, mean = 0;

	for (int pass = layer ? 0 : 1; pass < 2; pass++) {
		float lanes[DOJO_LANES] = {};

		for (size_t i = 0; i < len; i += DOJO_CHUNK) {
			size_t count = dojo_chunk(i, len);
			const float *xs = dojo_cursor_load(ctx, x, first + i, count, buf);

			if (!xs)
				return false;
			if (pass)
				ctx->k->sum_square(lanes, xs, count, mean);
			else
				ctx->k->sum(lanes, xs, count);
		}
		if (pass) {
			float v = dojo_lanes_sum(lanes) / n + dojo_param(p, 0);

			ctx->k->unary(&row->scale, &v, 1, DOJO_UNARY_RSQRT, 0, 0);
		} else {
			mean = dojo_lanes_sum(lanes) / n;
		}
	}
	row->mean = mean;
	return true;
}

static bool check_epsilon(struct dojo_check *c)
{
	return dojo_param(c->p, 0) >= 0.0f || dojo_reject(c, DOJO_FIELD(f[0]));
}

bool dojo_check_norm(struct dojo_check *c)
{
	const struct dojo_packet_compute *p = c->p;
	bool gamma = p->op_flags & DOJO_NORM_GAMMA, beta = p->op_flags & DOJO_NORM_BETA;
	uint32_t len = p->tensor[1].dim[0];

	if (!dojo_check_tensors(c, 2u + gamma + beta) || !check_epsilon(c) ||
	    !dojo_check_same_dims(c, 0, 1))
		return false;
	for (unsigned int i = 2; i < p->tensors; i++) {
		if (!dojo_check_dims(c, i, len, 1, 1, 1))
			return false;
		dojo_count_read(c, i);
	}
	if (!dojo_check_output(c, 1, 1 << 0))
		return false;
	dojo_count_read(c, 0);
	dojo_count_write(c, 1);
	return dojo_plan_rows(c, 1, 8);
}

bool dojo_run_norm(const struct dojo_op *op, uint64_t unit, struct dojo_ctx *ctx)
{
	const struct dojo_packet_compute *p = dojo_compute(op);
	const struct dojo_rounding rounding = dojo_rounding_of(p);
	const struct dojo_range range = dojo_unit_range(op, unit);
	const size_t len = p->tensor[1].dim[0];
	bool has_gamma = p->op_flags & DOJO_NORM_GAMMA;
	bool has_beta = p->op_flags & DOJO_NORM_BETA;
	float *xb = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float));
	float *yb = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float));
	float *gb = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float));
	float *bb = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float));
	struct dojo_cursor x, y, gamma, beta;

	dojo_cursor_of(&x, &p->tensor[0]);
	dojo_cursor_of(&y, &p->tensor[1]);
	if (has_gamma)
		dojo_cursor_of(&gamma, &p->tensor[2]);
	if (has_beta)
		dojo_cursor_of(&beta, &p->tensor[has_gamma ? 3 : 2]);

	for (uint64_t r = range.first; r < range.last; r++) {
		struct dojo_norm_row row = {};

		if (!row_stats(ctx, p, &x, r * len, len, xb, &row))
			return false;
		for (size_t i = 0; i < len; i += DOJO_CHUNK) {
			size_t n = dojo_chunk(i, len);
			const float *xs = dojo_cursor_load(ctx, &x, r * len + i, n, xb);

			if (!xs)
				return false;
			if (has_gamma) {
				row.gamma = dojo_cursor_load(ctx, &gamma, i, n, gb);
				if (!row.gamma)
					return false;
			}
			if (has_beta) {
				row.beta = dojo_cursor_load(ctx, &beta, i, n, bb);
				if (!row.beta)
					return false;
			}
			ctx->k->norm(yb, xs, n, &row);
			if (!dojo_cursor_store(ctx, &y, r * len + i, n, yb, &rounding))
				return false;
		}
	}
	return true;
}

enum { T_DY, T_X, T_DX, T_GAMMA, T_DGAMMA };

/*
 * Units of rows make dx. Units of columns, which come after them, make dgamma
 * and dbeta: each goes through all rows, and needs the statistics of each.
 * plan[2]: units of rows, plan[3]: columns a unit
 */
bool dojo_check_norm_grad(struct dojo_check *c)
{
	const struct dojo_packet_compute *p = c->p;
	bool gamma = p->op_flags & DOJO_NORM_GAMMA, beta = p->op_flags & DOJO_NORM_BETA;
	unsigned int t_dbeta = gamma ? T_DGAMMA + 1 : T_GAMMA;
	uint64_t len = p->tensor[T_DX].dim[0], total, parts;
	struct dojo_op *op = c->op;

	if (!dojo_check_tensors(c, 3u + 2 * gamma + beta) || !check_epsilon(c) ||
	    !dojo_check_same_dims(c, T_DY, T_DX) || !dojo_check_same_dims(c, T_X, T_DX))
		return false;
	for (unsigned int i = T_GAMMA; i < p->tensors; i++)
		if (!dojo_check_dims(c, i, len, 1, 1, 1))
			return false;
	if (!dojo_check_output(c, T_DX, 1 << T_DY | 1 << T_X))
		return false;
	if (gamma && !dojo_check_output(c, T_DGAMMA, 0))
		return false;
	if (beta && !dojo_check_output(c, t_dbeta, 0))
		return false;

	dojo_count_read(c, T_DY);
	dojo_count_read(c, T_X);
	dojo_count_write(c, T_DX);
	if (gamma) {
		dojo_count_read(c, T_GAMMA);
		dojo_count_write(c, T_DGAMMA);
	}
	if (beta)
		dojo_count_write(c, t_dbeta);
	if (!dojo_plan_rows(c, T_DX, 16))
		return false;
	op->plan[2] = op->units;
	if (!gamma && !beta)
		return true;

	/* In place, dx would destroy what the columns are summed from */
	for (unsigned int i = T_DY; i <= T_X; i++)
		if (p->tensor[i].va == p->tensor[T_DX].va)
			return dojo_reject(c, DOJO_FIELD_TENSOR(T_DX, va));
	total = op->plan[0] * len;
	if (total > DOJO_UNIT_VISITS)
		return dojo_reject(c, DOJO_FIELD_DIM(T_DX, 1));
	parts = total >> 19;
	if (parts > 4)
		parts = 4;
	if (!parts)
		parts = 1;
	op->plan[3] = (len / parts + 15) & ~15ull;
	op->units += len / op->plan[3] + (len % op->plan[3] != 0);
	return true;
}

struct norm_grad {
	const struct dojo_packet_compute *p;
	struct dojo_cursor dy, x;
	size_t len;
	float *xb, *db, *hb, *gb;
};

static void grad_init(struct norm_grad *g, struct dojo_ctx *ctx,
		      const struct dojo_packet_compute *p)
{
	g->p = p;
	dojo_cursor_of(&g->dy, &p->tensor[T_DY]);
	dojo_cursor_of(&g->x, &p->tensor[T_X]);
	g->len = p->tensor[T_DX].dim[0];
	g->xb = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float));
	g->db = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float));
	g->hb = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float));
	g->gb = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float));
}

/* dy, and the normalized x in hb, of @n elements of row @r from @i on */
static const float *grad_load(struct dojo_ctx *ctx, struct norm_grad *g,
			      const struct dojo_norm_row *row, uint64_t r, size_t i, size_t n)
{
	const float *xs = dojo_cursor_load(ctx, &g->x, r * g->len + i, n, g->xb);

	if (!xs)
		return NULL;
	ctx->k->norm(g->hb, xs, n, row);
	return dojo_cursor_load(ctx, &g->dy, r * g->len + i, n, g->db);
}

static bool run_rows(const struct dojo_op *op, uint64_t unit, struct dojo_ctx *ctx)
{
	const struct dojo_packet_compute *p = dojo_compute(op);
	const struct dojo_rounding rounding = dojo_rounding_of(p);
	const struct dojo_range range = dojo_unit_range(op, unit);
	bool has_gamma = p->op_flags & DOJO_NORM_GAMMA;
	float *out = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float));
	struct dojo_cursor gamma, dx;
	struct norm_grad g;

	grad_init(&g, ctx, p);
	dojo_cursor_of(&dx, &p->tensor[T_DX]);
	if (has_gamma)
		dojo_cursor_of(&gamma, &p->tensor[T_GAMMA]);

	for (uint64_t r = range.first; r < range.last; r++) {
		float sum[DOJO_LANES] = {}, dot[DOJO_LANES] = {};
		float c1 = 0, c2 = 0, n = (float)g.len;
		struct dojo_norm_row row = {};

		if (!row_stats(ctx, p, &g.x, r * g.len, g.len, g.xb, &row))
			return false;
		for (int pass = 0; pass < 2; pass++) {
			for (size_t i = 0; i < g.len; i += DOJO_CHUNK) {
				size_t count = dojo_chunk(i, g.len);
				const float *d = grad_load(ctx, &g, &row, r, i, count);

				if (!d)
					return false;
				if (has_gamma) {
					const float *w = dojo_cursor_load(ctx, &gamma, i,
									  count, g.gb);

					if (!w)
						return false;
					ctx->k->binary(g.gb, d, w, count, DOJO_BINARY_MUL, 0, 0);
					d = g.gb;
				}
				if (!pass) {
					if (p->fn == DOJO_NORM_LAYER)
						ctx->k->sum(sum, d, count);
					ctx->k->sum_product(dot, d, g.hb, count);
					continue;
				}
				ctx->k->norm_grad(out, d, g.hb, count, c1, c2, row.scale);
				if (!dojo_cursor_store(ctx, &dx, r * g.len + i, count, out,
						       &rounding))
					return false;
			}
			c1 = p->fn == DOJO_NORM_LAYER ? dojo_lanes_sum(sum) / n : 0;
			c2 = dojo_lanes_sum(dot) / n;
		}
	}
	return true;
}

/* Sums of a block of columns over @rows more rows, the first of which is @r0 */
static bool add_rows(struct dojo_ctx *ctx, struct norm_grad *g,
		     const struct dojo_norm_row *row, uint64_t r0, uint64_t rows, size_t i,
		     size_t n, float *dgamma, float *dbeta)
{
	for (uint64_t j = 0; j < rows; j++) {
		size_t lane = (r0 + j) % DOJO_LANES * COLUMNS;
		const float *d = grad_load(ctx, g, &row[j], r0 + j, i, n);

		if (!d)
			return false;
		if (dgamma)
			ctx->k->accumulate(dgamma + lane, d, g->hb, n);
		if (dbeta)
			ctx->k->binary(dbeta + lane, dbeta + lane, d, n, DOJO_BINARY_ADD, 0, 0);
	}
	return true;
}

static bool store_columns(struct dojo_ctx *ctx, const struct dojo_packet_compute *p,
			  unsigned int t, size_t i, size_t n, float *lanes)
{
	const struct dojo_rounding rounding = dojo_rounding_of(p);
	struct dojo_cursor c;

	for (size_t w = DOJO_LANES / 2; w; w /= 2)
		for (size_t j = 0; j < w; j++)
			ctx->k->binary(lanes + j * COLUMNS, lanes + j * COLUMNS,
				       lanes + (j + w) * COLUMNS, n, DOJO_BINARY_ADD, 0, 0);
	dojo_cursor_of(&c, &p->tensor[t]);
	return dojo_cursor_store(ctx, &c, i, n, lanes, &rounding);
}

static bool run_columns(const struct dojo_op *op, uint64_t part, struct dojo_ctx *ctx)
{
	const struct dojo_packet_compute *p = dojo_compute(op);
	bool has_gamma = p->op_flags & DOJO_NORM_GAMMA;
	bool has_beta = p->op_flags & DOJO_NORM_BETA;
	size_t first = part * op->plan[3], last = first + op->plan[3];
	size_t bytes = DOJO_LANES * COLUMNS * sizeof(float);
	float *dgamma = has_gamma ? dojo_scratch(ctx, bytes) : NULL;
	float *dbeta = has_beta ? dojo_scratch(ctx, bytes) : NULL;
	struct dojo_norm_row *row = dojo_scratch(ctx, STATS * sizeof(*row));
	uint64_t rows = op->plan[0], known = 0;
	struct norm_grad g;

	grad_init(&g, ctx, p);
	if (last > g.len)
		last = g.len;
	memset(row, 0, STATS * sizeof(*row));

	for (size_t i = first; i < last; i += COLUMNS) {
		size_t n = last - i < COLUMNS ? last - i : COLUMNS;

		if (dgamma)
			memset(dgamma, 0, bytes);
		if (dbeta)
			memset(dbeta, 0, bytes);
		for (uint64_t r = 0; r < rows; r += STATS) {
			uint64_t count = rows - r < STATS ? rows - r : STATS;

			/* All rows fit whenever there is more than one block */
			for (uint64_t j = 0; has_gamma && r + j >= known && j < count; j++, known++)
				if (!row_stats(ctx, p, &g.x, (r + j) * g.len, g.len, g.xb,
					       &row[j]))
					return false;
			if (!add_rows(ctx, &g, row, r, count, i, n, dgamma, dbeta))
				return false;
		}
		if (dgamma && !store_columns(ctx, p, T_DGAMMA, i, n, dgamma))
			return false;
		if (dbeta && !store_columns(ctx, p, has_gamma ? T_DGAMMA + 1 : T_GAMMA, i, n,
					    dbeta))
			return false;
	}
	return true;
}

bool dojo_run_norm_grad(const struct dojo_op *op, uint64_t unit, struct dojo_ctx *ctx)
{
	if (unit < op->plan[2])
		return run_rows(op, unit, ctx);
	return run_columns(op, unit - op->plan[2], ctx);
}
