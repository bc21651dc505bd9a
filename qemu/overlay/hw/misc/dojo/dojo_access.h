/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Operands in a queue's memory: runs of elements to FP32 in scratch and back,
 * straight from or to memory where that is FP32, contiguous and mapped.
 */
#ifndef DOJO_ACCESS_H
#define DOJO_ACCESS_H

#include "dojo_kernels.h"
#include "dojo_op.h"

/* A run of memory that the queue's MMU has let through, [lo, hi) */
struct dojo_window {
	uint64_t lo, hi;
	uint8_t *host;
};

/*
 * Windows by 4 KiB page, and those that reach further by large page: they end
 * at its end, so one is enough for each.
 */
#define DOJO_WINDOWS	64

/* What one unit of work needs; lives as long as it */
struct dojo_ctx {
	struct dojo_memory *mem;
	struct dojo_flags *flags;
	struct dojo_fault_info *fault;
	const struct dojo_kernels *k;
	uint8_t *scratch;
	size_t used;
	bool stream;			/* codes and FP32 results go past the caches */
	struct dojo_window window[2][DOJO_WINDOWS];	/* read, write */
	struct dojo_window large[2][DOJO_WINDOWS];
};

void dojo_ctx_init(struct dojo_ctx *ctx, struct dojo_memory *mem, void *scratch,
		   struct dojo_flags *flags, struct dojo_fault_info *fault);

/* 64-byte aligned; the sizes are the opcodes' own constants, never the guest's */
void *dojo_scratch(struct dojo_ctx *ctx, size_t bytes);

bool dojo_fail(struct dojo_ctx *ctx, uint32_t reason, size_t field);

/*
 * Host address of @va and in *@run how much of @bytes it is good for. NULL and
 * a fault, or NULL and *@run bytes for which read or write must be called.
 */
uint8_t *dojo_map(struct dojo_ctx *ctx, uint64_t va, uint64_t bytes, bool write,
		  uint64_t *run);
/* The window that has all of it, or NULL */
static inline const struct dojo_window *dojo_window(const struct dojo_ctx *ctx,
						    uint64_t va, uint64_t bytes,
						    bool write)
{
	const struct dojo_window *w = &ctx->large[write][(va >> 21) % DOJO_WINDOWS];

	if (va >= w->lo && va + bytes <= w->hi)
		return w;
	w = &ctx->window[write][(va >> 12) % DOJO_WINDOWS];
	return va >= w->lo && va + bytes <= w->hi ? w : NULL;
}

/* @bytes from @va on will be read soon: a hint, where they are mapped already */
static inline void dojo_prefetch(const struct dojo_ctx *ctx, uint64_t va, uint64_t bytes)
{
	const struct dojo_window *w = dojo_window(ctx, va, bytes, false);

	if (w)
		for (uint64_t i = 0; i < bytes; i += 64)
			__builtin_prefetch(w->host + (va - w->lo) + i);
}

bool dojo_get(struct dojo_ctx *ctx, uint64_t va, void *buf, uint64_t bytes);
bool dojo_put(struct dojo_ctx *ctx, uint64_t va, const void *buf, uint64_t bytes);

/* A tensor, or one in disguise, as the implementation walks it */
struct dojo_view {
	uint64_t va;
	uint64_t dim[4];
	uint64_t stride[4];	/* elements */
	uint8_t format;
	uint8_t bias;
	uint8_t shift;		/* log2 of the element size */
};

void dojo_view_init(struct dojo_view *v, const struct dojo_tensor *t);

static inline uint64_t dojo_view_va(const struct dojo_view *v, uint64_t i0,
				    uint64_t i1, uint64_t i2, uint64_t i3)
{
	return v->va + ((i0 * v->stride[0] + i1 * v->stride[1] +
			 i2 * v->stride[2] + i3 * v->stride[3]) << v->shift);
}

/*
 * @n elements from @va on, @stride elements apart, as FP32: @buf filled, or a
 * pointer to memory itself. NULL on a fault.
 */
const float *dojo_load(struct dojo_ctx *ctx, const struct dojo_view *v,
		       uint64_t va, uint64_t stride, size_t n, float *buf);
/* The same, always into @buf */
bool dojo_load_into(struct dojo_ctx *ctx, const struct dojo_view *v,
		    uint64_t va, uint64_t stride, size_t n, float *buf);
/* Codes as they are: @n elements packed into @buf, or from it */
bool dojo_load_codes(struct dojo_ctx *ctx, const struct dojo_view *v,
		     uint64_t va, uint64_t stride, size_t n, void *buf);
bool dojo_store_codes(struct dojo_ctx *ctx, const struct dojo_view *v,
		      uint64_t va, uint64_t stride, size_t n, const void *buf);
/*
 * Where dojo_store() would only copy: write there instead. Else NULL. @ahead
 * elements from here on are going to be written, @n of them now.
 */
float *dojo_store_direct(struct dojo_ctx *ctx, const struct dojo_view *v,
			 uint64_t va, uint64_t stride, size_t n, size_t ahead);
bool dojo_store(struct dojo_ctx *ctx, const struct dojo_view *v,
		uint64_t va, uint64_t stride, size_t n, const float *src,
		const struct dojo_rounding *rounding);

/*
 * The elements of a tensor in logical order, dim 0 fastest, by index. Dims that
 * follow each other in memory are walked as one.
 */
struct dojo_cursor {
	struct dojo_view view;
	unsigned int dims;
};

void dojo_cursor_init(struct dojo_cursor *c, const struct dojo_view *v);
const float *dojo_cursor_load(struct dojo_ctx *ctx, const struct dojo_cursor *c,
			      uint64_t index, size_t n, float *buf);
float *dojo_cursor_direct(struct dojo_ctx *ctx, const struct dojo_cursor *c,
			  uint64_t index, size_t n, size_t ahead);
/* @rounding is that of logical index 0 */
bool dojo_cursor_store(struct dojo_ctx *ctx, const struct dojo_cursor *c,
		       uint64_t index, size_t n, const float *src,
		       const struct dojo_rounding *rounding);
/* Codes as they lie in memory, or packed into @buf; NULL on a fault */
const void *dojo_cursor_codes(struct dojo_ctx *ctx, const struct dojo_cursor *c,
			      uint64_t index, size_t n, void *buf);
bool dojo_cursor_load_codes(struct dojo_ctx *ctx, const struct dojo_cursor *c,
			    uint64_t index, size_t n, void *buf);
bool dojo_cursor_store_codes(struct dojo_ctx *ctx, const struct dojo_cursor *c,
			     uint64_t index, size_t n, const void *buf);

#endif
