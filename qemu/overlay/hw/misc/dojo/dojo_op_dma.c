/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copies and fills, by address and by segments of physical memory */
#include "dojo_fp.h"
#include "dojo_opcode.h"

#define UNIT_BYTES	(2ull << 20)
#define MAX_BYTES	(1ull << 40)
#define MAX_SEGMENTS	65536
#define PAGE		4096
/* dojo_fault_info.access */
#define READ		1
#define WRITE		2
/* Rows of COPY_ND in a unit, when they are short */
#define UNIT_ROWS	16384

#define FIELD(type, member) offsetof(struct dojo_packet_##type, member)

static uint64_t div_up(uint64_t a, uint64_t b)
{
	return a / b + (a % b != 0);
}

/* [va, va + size) inside 48 bits */
static bool inside(uint64_t va, uint64_t size)
{
	return va < 1ull << 48 && size <= (1ull << 48) - va;
}

/* The same, else a memory fault that names the first address outside */
static bool check_range(struct dojo_check *c, uint64_t va, uint64_t size, uint32_t access)
{
	const uint64_t end = 1ull << 48;

	if (inside(va, size))
		return true;
	*c->fault = (struct dojo_fault_info){
		.reason = DOJO_FAULT_ADDRESS,
		.access = access,
		.va = va < end ? end : va,
	};
	return false;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* A run of both sides is mapped: neither needs a buffer */
static bool copy_range(struct dojo_ctx *ctx, uint64_t src, uint64_t dst, uint64_t size)
{
	while (size) {
		uint64_t run, put;
		const uint8_t *from = dojo_map(ctx, src, size, false, &run);
		uint8_t stage[PAGE], *to;

		if (!from) {
			if (ctx->fault->reason)
				return false;
			run = min_u64(run, sizeof(stage));
			if (!ctx->mem->ops->read(ctx->mem, src, stage, run, ctx->fault))
				return false;
			from = stage;
		}
		to = dojo_map(ctx, dst, run, true, &put);
		if (to)
			memmove(to, from, put);
		else if (ctx->fault->reason ||
			 !ctx->mem->ops->write(ctx->mem, dst, from, put, ctx->fault))
			return false;
		src += put;
		dst += put;
		size -= put;
	}
	return true;
}

bool dojo_check_copy(struct dojo_check *c)
{
	const struct dojo_packet_copy *p = (const void *)c->op->packet.words;

	if (!p->size || p->size > MAX_BYTES)
		return dojo_reject(c, FIELD(copy, size));
	if (!check_range(c, p->src, p->size, READ) ||
	    !check_range(c, p->dst, p->size, WRITE))
		return false;
	c->op->units = div_up(p->size, UNIT_BYTES);
	c->op->read_bytes = p->size;
	c->op->write_bytes = p->size;
	return true;
}

bool dojo_run_copy(const struct dojo_op *op, uint64_t unit, struct dojo_ctx *ctx)
{
	const struct dojo_packet_copy *p = (const void *)op->packet.words;
	uint64_t at = unit * UNIT_BYTES;

	return copy_range(ctx, p->src + at, p->dst + at,
			  min_u64(UNIT_BYTES, p->size - at));
}

/* The last byte of every row lies inside 48 bits, on one side */
static bool inside_nd(uint64_t va, const __u64 *stride, const __u32 *size, int *bad)
{
	uint64_t room;

	*bad = -1;
	if (!inside(va, size[0]))
		return false;
	room = (1ull << 48) - va - size[0];
	for (int i = 0; i < 3; i++) {
		uint64_t steps = size[i + 1] - 1;

		*bad = i;
		if (steps && stride[i] > room / steps)
			return false;
		if (stride[i] >> 48)
			return false;
		room -= steps * stride[i];
	}
	return true;
}

/* A unit is a part of one long row, or a number of short rows */
bool dojo_check_copy_nd(struct dojo_check *c)
{
	const struct dojo_packet_copy_nd *p = (const void *)c->op->packet.words;
	uint64_t total = 1, rows, units;
	int bad;

	for (int i = 0; i < 4; i++) {
		if (!p->size[i] || p->size[i] > MAX_BYTES / total)
			return dojo_reject(c, FIELD(copy_nd, size) + 4 * (size_t)i);
		total *= p->size[i];
	}
	if (!inside_nd(p->src, p->src_stride, p->size, &bad))
		return dojo_reject(c, bad < 0 ? FIELD(copy_nd, src) :
				   FIELD(copy_nd, src_stride) + 8 * (size_t)bad);
	if (!inside_nd(p->dst, p->dst_stride, p->size, &bad))
		return dojo_reject(c, bad < 0 ? FIELD(copy_nd, dst) :
				   FIELD(copy_nd, dst_stride) + 8 * (size_t)bad);

	rows = total / p->size[0];
	if (p->size[0] >= UNIT_BYTES) {
		c->op->plan[0] = 0;
		units = rows * div_up(p->size[0], UNIT_BYTES);
	} else {
		c->op->plan[0] = min_u64(UNIT_BYTES / p->size[0], UNIT_ROWS);
		units = div_up(rows, c->op->plan[0]);
	}
	c->op->plan[1] = rows;
	c->op->units = units;
	c->op->read_bytes = total;
	c->op->write_bytes = total;
	return true;
}

bool dojo_run_copy_nd(const struct dojo_op *op, uint64_t unit, struct dojo_ctx *ctx)
{
	const struct dojo_packet_copy_nd *p = (const void *)op->packet.words;
	uint64_t first, last, at = 0, size = p->size[0];

	if (op->plan[0]) {
		first = unit * op->plan[0];
		last = min_u64(first + op->plan[0], op->plan[1]);
	} else {
		uint64_t pieces = div_up(p->size[0], UNIT_BYTES);

		first = unit / pieces;
		last = first + 1;
		at = unit % pieces * UNIT_BYTES;
		size = min_u64(UNIT_BYTES, p->size[0] - at);
	}

	for (uint64_t row = first; row < last; row++) {
		uint64_t i1 = row % p->size[1], r = row / p->size[1];
		uint64_t i2 = r % p->size[2], i3 = r / p->size[2];
		uint64_t src = p->src + at + i1 * p->src_stride[0] +
			       i2 * p->src_stride[1] + i3 * p->src_stride[2];
		uint64_t dst = p->dst + at + i1 * p->dst_stride[0] +
			       i2 * p->dst_stride[1] + i3 * p->dst_stride[2];

		if (!copy_range(ctx, src, dst, size))
			return false;
	}
	return true;
}

/* @phase: bytes of the pattern already written */
static void fill_bytes(uint8_t *to, uint64_t size, uint32_t pattern, unsigned int phase)
{
	uint8_t p[4];
	uint32_t word;

	/* Bring the pattern's next byte to the front */
	for (unsigned int i = 0; i < 4; i++)
		p[i] = (uint8_t)(pattern >> (8 * ((phase + i) & 3)));
	memcpy(&word, p, 4);
	if (word == p[0] * 0x01010101u) {
		memset(to, p[0], size);
		return;
	}
	for (; size >= 4; size -= 4, to += 4)
		memcpy(to, &word, 4);
	memcpy(to, &word, size);
}

static bool fill_host(struct dojo_ctx *ctx, uint8_t *host, uint64_t run,
		      uint32_t pattern, unsigned int phase)
{
	if (!pattern && ctx->mem->ops->zero) {
		ctx->mem->ops->zero(ctx->mem, host, run);
		return true;
	}
	fill_bytes(host, run, pattern, phase);
	return true;
}

static bool fill_range(struct dojo_ctx *ctx, uint64_t dst, uint64_t size, uint32_t pattern)
{
	uint64_t done = 0;

	while (done < size) {
		uint64_t run;
		uint8_t *host = dojo_map(ctx, dst + done, size - done, true, &run);
		uint8_t stage[PAGE];

		if (host) {
			fill_host(ctx, host, run, pattern, done & 3);
		} else {
			if (ctx->fault->reason)
				return false;
			run = min_u64(run, sizeof(stage));
			fill_bytes(stage, run, pattern, done & 3);
			if (!ctx->mem->ops->write(ctx->mem, dst + done, stage, run, ctx->fault))
				return false;
		}
		done += run;
	}
	return true;
}

bool dojo_check_fill(struct dojo_check *c)
{
	const struct dojo_packet_fill *p = (const void *)c->op->packet.words;

	if (p->reserved) {
		dojo_reject(c, FIELD(fill, reserved));
		c->fault->reason = DOJO_FAULT_PACKET;
		return false;
	}
	if (p->dst & 3)
		return dojo_reject(c, FIELD(fill, dst));
	if (!p->size || p->size & 3 || p->size > MAX_BYTES)
		return dojo_reject(c, FIELD(fill, size));
	if (!check_range(c, p->dst, p->size, WRITE))
		return false;
	c->op->units = div_up(p->size, UNIT_BYTES);
	c->op->write_bytes = p->size;
	return true;
}

bool dojo_run_fill(const struct dojo_op *op, uint64_t unit, struct dojo_ctx *ctx)
{
	const struct dojo_packet_fill *p = (const void *)op->packet.words;
	uint64_t at = unit * UNIT_BYTES;

	return fill_range(ctx, p->dst + at, min_u64(UNIT_BYTES, p->size - at),
			  p->pattern);
}

/*
 * Segments. How much there is stands in the lists, so units are counted when
 * the packet is prepared; without that all of it is one unit. plan[0]: bytes a
 * unit; plan[1]: total. A list that changes afterwards can make the copy wrong,
 * but every entry is checked whenever it is read.
 */
bool dojo_check_segments(struct dojo_check *c)
{
	const struct dojo_packet_segments *p = (const void *)c->op->packet.words;
	bool fill = p->header.opcode == DOJO_OP_FILL_SEGMENTS;

	if (p->reserved || (!fill && p->pattern)) {
		dojo_reject(c, p->reserved ? FIELD(segments, reserved) :
			    FIELD(segments, pattern));
		c->fault->reason = DOJO_FAULT_PACKET;
		return false;
	}
	if (fill ? p->src_count : !p->src_count || p->src_count > MAX_SEGMENTS)
		return dojo_reject(c, FIELD(segments, src_count));
	if (!p->dst_count || p->dst_count > MAX_SEGMENTS)
		return dojo_reject(c, FIELD(segments, dst_count));
	if (fill ? p->src : p->src & 15 ||
	    !inside(p->src, p->src_count * sizeof(struct dojo_segment)))
		return dojo_reject(c, FIELD(segments, src));
	if (p->dst & 15 ||
	    !inside(p->dst, p->dst_count * sizeof(struct dojo_segment)))
		return dojo_reject(c, FIELD(segments, dst));
	c->op->units = 1;
	return true;
}

/* A list of segments while it is walked */
struct list {
	uint64_t va;		/* of the list */
	uint32_t count;
	uint32_t next;		/* entry to read next */
	uint64_t pte;		/* of the current entry */
	uint64_t size, at;	/* its size, and how much of it is done */
};

static bool bad_entry(struct dojo_ctx *ctx, uint64_t va)
{
	*ctx->fault = (struct dojo_fault_info){
		.reason = DOJO_FAULT_PTE,
		.access = 1,
		.va = va,
	};
	return false;
}

static bool list_next(struct dojo_ctx *ctx, struct list *l)
{
	uint64_t va = l->va + l->next * sizeof(struct dojo_segment);
	struct dojo_segment s;

	if (!dojo_get(ctx, va, &s, sizeof(s)))
		return false;
	if (!s.size || s.size % PAGE || s.size > 1ull << 52)
		return bad_entry(ctx, va);
	l->next++;
	l->pte = s.pte;
	l->size = s.size;
	l->at = 0;
	return true;
}

static bool list_total(struct dojo_ctx *ctx, struct list l, uint64_t *total)
{
	*total = 0;
	while (l.next < l.count) {
		if (!list_next(ctx, &l))
			return false;
		*total += l.size;
	}
	return true;
}

/* Moves forward by @bytes. False without a fault: the list is too short */
static bool list_seek(struct dojo_ctx *ctx, struct list *l, uint64_t bytes)
{
	while (bytes >= l->size - l->at) {
		bytes -= l->size - l->at;
		l->at = l->size;
		if (l->next == l->count)
			return !bytes;
		if (!list_next(ctx, l))
			return false;
	}
	l->at += bytes;
	return true;
}

static void lists_of(const struct dojo_op *op, struct list *src, struct list *dst)
{
	const struct dojo_packet_segments *p = (const void *)op->packet.words;

	*src = (struct list){ .va = p->src, .count = p->src_count };
	*dst = (struct list){ .va = p->dst, .count = p->dst_count };
}

static bool is_copy(const struct dojo_op *op)
{
	return op->packet.header.opcode == DOJO_OP_COPY_SEGMENTS;
}

bool dojo_prepare_segments(struct dojo_op *op, struct dojo_ctx *ctx)
{
	struct list src, dst;
	uint64_t total, from;

	lists_of(op, &src, &dst);
	if (!list_total(ctx, dst, &total))
		return false;
	if (is_copy(op)) {
		if (!list_total(ctx, src, &from))
			return false;
		if (from != total)
			return dojo_fail(ctx, DOJO_FAULT_FIELD, FIELD(segments, src_count));
	}
	if (total > MAX_BYTES)
		return dojo_fail(ctx, DOJO_FAULT_FIELD, FIELD(segments, dst_count));
	/* Finding a unit's place reads the lists: larger units for longer lists */
	op->plan[0] = UNIT_BYTES;
	op->plan[1] = total;
	op->units = div_up(total, op->plan[0]);
	op->write_bytes = total;
	op->read_bytes = is_copy(op) ? total : 0;
	return true;
}

/* Host address of the next bytes of a list's current entry, at most *@run */
static uint8_t *list_map(struct dojo_ctx *ctx, struct list *l, bool write, uint64_t *run)
{
	uint64_t len = 0, want = min_u64(*run, l->size - l->at);
	uint8_t *host = ctx->mem->ops->map_segment(ctx->mem, l->pte, l->at, want,
						   write, &len, ctx->fault);

	if (!len || len > want)
		len = host ? want : min_u64(want, PAGE);
	*run = len;
	if (!host && ctx->fault->reason == DOJO_FAULT_PTE)
		ctx->fault->va = l->va + (l->next - 1) * sizeof(struct dojo_segment);
	return host;
}

bool dojo_run_segments(const struct dojo_op *op, uint64_t unit, struct dojo_ctx *ctx)
{
	const struct dojo_packet_segments *p = (const void *)op->packet.words;
	const struct dojo_memory_ops *ops = ctx->mem->ops;
	struct dojo_op whole;
	struct list src, dst;
	uint64_t size, at;

	if (!ops->map_segment)
		return dojo_fail(ctx, DOJO_FAULT_OPCODE, 0);
	if (!op->plan[1]) {
		whole = *op;
		if (!dojo_prepare_segments(&whole, ctx))
			return false;
		at = 0;
		size = whole.plan[1];
	} else {
		at = unit * op->plan[0];
		size = min_u64(op->plan[0], op->plan[1] - at);
	}

	lists_of(op, &src, &dst);
	if (!list_seek(ctx, &dst, at) || (is_copy(op) && !list_seek(ctx, &src, at)))
		return ctx->fault->reason ? false :
		       dojo_fail(ctx, DOJO_FAULT_FIELD, FIELD(segments, dst_count));

	for (uint64_t done = 0; done < size; ) {
		uint64_t run = size - done, put;
		uint8_t stage[PAGE], *from = NULL, *to;

		if (is_copy(op)) {
			from = list_map(ctx, &src, false, &run);
			if (!from) {
				run = min_u64(run, sizeof(stage));
				if (ctx->fault->reason ||
				    !ops->read_segment(ctx->mem, src.pte, src.at,
						       stage, run, ctx->fault))
					return false;
				from = stage;
			}
		}
		put = run;
		to = list_map(ctx, &dst, true, &put);
		if (!to) {
			put = min_u64(put, sizeof(stage));
			if (ctx->fault->reason)
				return false;
			if (!from)
				fill_bytes(stage, put, p->pattern, 0);
			if (!ops->write_segment(ctx->mem, dst.pte, dst.at,
						from ? from : stage, put, ctx->fault))
				return false;
		} else if (from) {
			memmove(to, from, put);
		} else {
			fill_host(ctx, to, put, p->pattern, done & 3);
		}
		done += put;
		if (!list_seek(ctx, &dst, put) ||
		    (is_copy(op) && !list_seek(ctx, &src, put)))
			return ctx->fault->reason ? false :
			       dojo_fail(ctx, DOJO_FAULT_FIELD, FIELD(segments, dst_count));
	}
	return true;
}
