/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GATHER and SCATTER of rows */
#include "dojo_fp.h"
#include "dojo_opcode.h"

enum { T_X, T_INDEX, T_Y };

#define MAX_COLUMNS	DOJO_UNIT_VISITS
#define INDICES		512	/* read at a time */

static bool same_format(const struct dojo_packet_compute *p)
{
	return p->tensor[T_X].format == p->tensor[T_Y].format &&
	       p->tensor[T_X].bias == p->tensor[T_Y].bias;
}

/* x {C, *}, index INT32 {n}, y {C, *}: *, *, 1 */
static bool check_rows(struct dojo_check *c)
{
	const struct dojo_packet_compute *p = c->p;
	const struct dojo_tensor *x = &p->tensor[T_X], *y = &p->tensor[T_Y];

	if (!dojo_check_dims(c, T_X, x->dim[0], x->dim[1], 1, 1) ||
	    !dojo_check_dims(c, T_Y, x->dim[0], y->dim[1], 1, 1) ||
	    !dojo_check_format(c, T_INDEX, DOJO_FORMAT_INT32))
		return false;
	if (x->dim[0] > MAX_COLUMNS)
		return dojo_reject(c, DOJO_FIELD_DIM(T_X, 0));
	if (!dojo_check_output(c, T_Y, 0))
		return false;
	/* Only what is moved counts, not the whole table */
	dojo_count_read(c, T_INDEX);
	return true;
}

/* Rows @from..@from+n-1 of the index; false and a fault if one is no row of @rows */
static bool load_indices(struct dojo_ctx *ctx, const struct dojo_cursor *c, uint64_t from,
			 size_t n, uint32_t rows, int32_t *index)
{
	if (!dojo_cursor_load_codes(ctx, c, from, n, index))
		return false;
	for (size_t i = 0; i < n; i++)
		if (index[i] < 0 || (uint32_t)index[i] >= rows)
			return dojo_fail(ctx, DOJO_FAULT_FIELD, DOJO_FIELD_TENSOR(T_INDEX, va));
	return true;
}

struct move {
	struct dojo_cursor x, y;
	bool same, add;
	uint64_t columns;
	struct dojo_rounding rounding;
	void *codes;
	float *xb, *yb;
};

static void move_init(struct move *m, struct dojo_ctx *ctx, const struct dojo_packet_compute *p)
{
	dojo_cursor_of(&m->x, &p->tensor[T_X]);
	dojo_cursor_of(&m->y, &p->tensor[T_Y]);
	m->add = p->header.opcode == DOJO_OP_SCATTER && p->op_flags & DOJO_SCATTER_ADD;
	m->same = same_format(p) && !m->add;
	m->columns = p->tensor[T_X].dim[0];
	m->rounding = dojo_rounding_of(p);
	m->codes = dojo_scratch(ctx, DOJO_CHUNK * sizeof(uint32_t));
	m->xb = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float));
	m->yb = dojo_scratch(ctx, DOJO_CHUNK * sizeof(float));
}

/* Columns first..last-1 of row @from of x to row @to of y */
static bool move_row(struct dojo_ctx *ctx, struct move *m, uint64_t from, uint64_t to,
		     uint64_t first, uint64_t last)
{
	for (uint64_t i = first; i < last; i += DOJO_CHUNK) {
		size_t n = dojo_chunk(i, last);
		uint64_t at = to * m->columns + i, old = from * m->columns + i;
		const float *xs, *ys;

		if (m->same) {
			if (!dojo_cursor_load_codes(ctx, &m->x, old, n, m->codes) ||
			    !dojo_cursor_store_codes(ctx, &m->y, at, n, m->codes))
				return false;
			continue;
		}
		xs = dojo_cursor_load(ctx, &m->x, old, n, m->xb);
		if (!xs)
			return false;
		if (m->add) {
			ys = dojo_cursor_load(ctx, &m->y, at, n, m->yb);
			if (!ys)
				return false;
			ctx->k->binary(m->xb, ys, xs, n, DOJO_BINARY_ADD, 0, 0);
			xs = m->xb;
		} else if (m->y.view.format == DOJO_FORMAT_FP32) {
			/* A NaN that comes from another format may have a sign */
			if (xs != m->xb)
				memcpy(m->xb, xs, n * sizeof(float));
			ctx->k->canon(m->xb, n);
			xs = m->xb;
		}
		if (!dojo_cursor_store(ctx, &m->y, at, n, xs, &m->rounding))
			return false;
	}
	return true;
}

/* plan[0]: rows of y, plan[1]: rows a unit */
bool dojo_check_gather(struct dojo_check *c)
{
	const struct dojo_packet_compute *p = c->p;
	const struct dojo_tensor *y = &p->tensor[T_Y];
	uint64_t bytes;

	if (!check_rows(c) || !dojo_check_dims(c, T_INDEX, y->dim[1], 1, 1, 1))
		return false;
	bytes = dojo_elements(y) << dojo_format_shift(p->tensor[T_X].format);
	c->op->read_bytes += bytes;
	dojo_count_write(c, T_Y);
	dojo_plan_items(c->op, y->dim[1], dojo_unit_elements(dojo_elements(y)) / y->dim[0]);
	c->op->matrix_format = DOJO_FORMAT_NONE;
	return true;
}

bool dojo_run_gather(const struct dojo_op *op, uint64_t unit, struct dojo_ctx *ctx)
{
	const struct dojo_packet_compute *p = dojo_compute(op);
	const struct dojo_range range = dojo_unit_range(op, unit);
	int32_t *index = dojo_scratch(ctx, INDICES * sizeof(*index));
	struct dojo_cursor indices;
	struct move m;

	move_init(&m, ctx, p);
	dojo_cursor_of(&indices, &p->tensor[T_INDEX]);
	for (uint64_t r = range.first; r < range.last; ) {
		size_t n = range.last - r < INDICES ? (size_t)(range.last - r) : INDICES;

		if (!load_indices(ctx, &indices, r, n, p->tensor[T_X].dim[1], index))
			return false;
		for (size_t i = 0; i < n; i++, r++)
			if (!move_row(ctx, &m, (uint64_t)index[i], r, 0, m.columns))
				return false;
	}
	return true;
}

/* Every unit goes through all rows, in order, for its own columns */
bool dojo_check_scatter(struct dojo_check *c)
{
	const struct dojo_packet_compute *p = c->p;
	const struct dojo_tensor *x = &p->tensor[T_X];
	uint64_t rows = x->dim[1], columns = x->dim[0], unit;
	bool add = p->op_flags & DOJO_SCATTER_ADD;
	uint64_t moved;

	if (!check_rows(c) || !dojo_check_dims(c, T_INDEX, rows, 1, 1, 1))
		return false;
	if (rows > DOJO_UNIT_VISITS)
		return dojo_reject(c, DOJO_FIELD_DIM(T_X, 1));
	unit = (1u << 20) / rows;
	if (unit < 64)
		unit = DOJO_UNIT_VISITS / rows < 64 ? DOJO_UNIT_VISITS / rows : 64;
	dojo_count_read(c, T_X);
	moved = rows * columns << dojo_format_shift(p->tensor[T_Y].format);
	c->op->write_bytes += moved;
	if (add)
		c->op->read_bytes += moved;
	dojo_plan_items(c->op, columns, unit);
	c->op->flop = add ? rows * columns : 0;
	if (!add)
		c->op->matrix_format = DOJO_FORMAT_NONE;
	return true;
}

bool dojo_run_scatter(const struct dojo_op *op, uint64_t unit, struct dojo_ctx *ctx)
{
	const struct dojo_packet_compute *p = dojo_compute(op);
	const struct dojo_range range = dojo_unit_range(op, unit);
	int32_t *index = dojo_scratch(ctx, INDICES * sizeof(*index));
	uint64_t rows = p->tensor[T_X].dim[1];
	struct dojo_cursor indices;
	struct move m;

	move_init(&m, ctx, p);
	dojo_cursor_of(&indices, &p->tensor[T_INDEX]);
	for (uint64_t r = 0; r < rows; ) {
		size_t n = rows - r < INDICES ? (size_t)(rows - r) : INDICES;

		if (!load_indices(ctx, &indices, r, n, p->tensor[T_Y].dim[1], index))
			return false;
		for (size_t i = 0; i < n; i++, r++)
			if (!move_row(ctx, &m, r, (uint64_t)index[i], range.first, range.last))
				return false;
	}
	return true;
}
