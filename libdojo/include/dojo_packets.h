/* SPDX-License-Identifier: MIT */
/*
 * Tensors, and the packets that a batch is made of: one call per packet.
 *
 * Calls append to @batch and return 0 or the batch's error (dojo_batch_error()),
 * which sticks: check once, at the end. They check that the packet can be
 * encoded; whether shapes fit together, the card checks, and says so by a fault
 * that dojo_fault_string() turns into words. dojo_packet.h and
 * driver/NUMERICS.md define what the packets do.
 *
 * Order of operands: copies take the destination first, as memcpy() does.
 * Tensor operations take them as the packet has them: inputs, then outputs.
 * Optional tensors may be NULL. @rounding NULL: to nearest, ties to even.
 */
#ifndef _DOJO_PACKETS_H_
#define _DOJO_PACKETS_H_

#include "dojo.h"

#if defined(__cplusplus)
extern "C" {
#endif

/* ------------------------------------------------------------- tensors */

/* Bytes of an element; 0 for DOJO_FORMAT_NONE and unknown formats. */
uint32_t dojo_format_size(uint32_t format);

/*
 * Packed tensors. Extents as in a C declaration, the slowest first: dojo_tensor_2d(va,
 * f, rows, columns) is float va[rows][columns] and dim = { columns, rows, 1, 1 }.
 */
struct dojo_tensor dojo_tensor_1d(uint64_t va, uint32_t format, uint32_t n);
struct dojo_tensor dojo_tensor_2d(uint64_t va, uint32_t format, uint32_t rows, uint32_t columns);
struct dojo_tensor dojo_tensor_3d(uint64_t va, uint32_t format, uint32_t n2, uint32_t n1,
				  uint32_t n0);
struct dojo_tensor dojo_tensor_4d(uint64_t va, uint32_t format, uint32_t n3, uint32_t n2,
				  uint32_t n1, uint32_t n0);

/*
 * Other views of the same memory. Dims are counted as in the packet: 0 is the
 * fastest. What cannot be gives a tensor of DOJO_FORMAT_NONE, which packet
 * calls refuse with -EINVAL.
 */
struct dojo_tensor dojo_tensor_transpose(struct dojo_tensor t);	/* dims 0 and 1 */
/* new dim 0 is old dim @d0, ... */
struct dojo_tensor dojo_tensor_permute(struct dojo_tensor t, uint32_t d0, uint32_t d1, uint32_t d2,
				       uint32_t d3);
struct dojo_tensor dojo_tensor_slice(struct dojo_tensor t, uint32_t dim, uint32_t start,
				     uint32_t count);
struct dojo_tensor dojo_tensor_broadcast(struct dojo_tensor t, uint32_t dim,
					 uint32_t count);	/* a dim of 1, stride 0 */
struct dojo_tensor dojo_tensor_reshape(struct dojo_tensor t, uint32_t n3, uint32_t n2, uint32_t n1,
				       uint32_t n0);		/* packed ones only */
struct dojo_tensor dojo_tensor_with_bias(struct dojo_tensor t, uint32_t bias);	/* CFloat8, SHP */

/* Elements, and bytes from the first element to the end of the last. */
uint64_t dojo_tensor_count(const struct dojo_tensor *t);
uint64_t dojo_tensor_bytes(const struct dojo_tensor *t);
bool dojo_tensor_is_packed(const struct dojo_tensor *t);

/* -------------------------------------------------------- control, DMA */

int dojo_nop(struct dojo_batch *batch);
int dojo_barrier(struct dojo_batch *batch);
int dojo_timestamp(struct dojo_batch *batch, uint64_t va);
int dojo_sem_wait(struct dojo_batch *batch, uint64_t va, enum dojo_sem_condition condition,
		  uint64_t value);
int dojo_sem_signal(struct dojo_batch *batch, uint64_t va, enum dojo_sem_operation operation,
		    uint64_t value);

int dojo_copy(struct dojo_batch *batch, uint64_t dst, uint64_t src, uint64_t size);

/* Runs of @size[0] bytes, @size[1] x @size[2] x @size[3] of them, whose strides are given. */
int dojo_copy_nd(struct dojo_batch *batch, uint64_t dst, const uint64_t dst_stride[3],
		 uint64_t src, const uint64_t src_stride[3], const uint32_t size[4]);
int dojo_fill(struct dojo_batch *batch, uint64_t dst, uint64_t size, uint32_t pattern);

/* ------------------------------------------------------------- compute */

/**
 * struct dojo_rounding - how results become narrower
 * @mode: enum dojo_round
 * @reserved: zero
 * @seed: of stochastic rounding and of dropout
 * @rng_base: added to the logical index of each output element
 *
 * The last two are 0 where nothing is random.
 */
struct dojo_rounding {
	uint32_t mode;
	uint32_t reserved;
	uint64_t seed;
	uint64_t rng_base;
};

/**
 * struct dojo_compute_attr - a compute packet's parameters, as in struct dojo_packet_compute
 * @opcode: enum dojo_opcode
 * @fn: the opcode's function
 * @flags: the opcode's flags
 * @f, @u: the opcode's parameters
 * @rounding: NULL = to nearest
 *
 * For opcodes newer than the library; those below are made of it.
 */
struct dojo_compute_attr {
	uint32_t opcode;
	uint32_t fn;
	uint32_t flags;
	float f[5];
	uint32_t u[3];
	const struct dojo_rounding *rounding;
};

int dojo_compute(struct dojo_batch *batch, const struct dojo_compute_attr *op,
		 const struct dojo_tensor *const *tensors, uint32_t count);

/**
 * struct dojo_gemm_attr - the epilogue of a matrix product
 * @alpha: factor of the product
 * @activation: enum dojo_activation
 * @bias: added to every row, or NULL
 * @add: C, added, or NULL; may be D
 * @rounding: NULL = to nearest
 */
struct dojo_gemm_attr {
	float alpha;
	uint32_t activation;
	const struct dojo_tensor *bias;
	const struct dojo_tensor *add;
	const struct dojo_rounding *rounding;
};

#define DOJO_GEMM_ATTR_INIT	{ 1.0f, DOJO_ACT_NONE, NULL, NULL, NULL }

/* d = activation(alpha * a x b + bias + add); @flags DOJO_GEMM_TRANS_*; @attr NULL: d = a x b */
int dojo_gemm(struct dojo_batch *batch, uint32_t flags, const struct dojo_tensor *a,
	      const struct dojo_tensor *b, const struct dojo_tensor *d,
	      const struct dojo_gemm_attr *attr);

/* y = fn(x); SCALE and CLAMP have calls of their own */
int dojo_unary(struct dojo_batch *batch, enum dojo_unary fn, const struct dojo_tensor *x,
	       const struct dojo_tensor *y, const struct dojo_rounding *rounding);
int dojo_scale(struct dojo_batch *batch, float factor, float offset, const struct dojo_tensor *x,
	       const struct dojo_tensor *y, const struct dojo_rounding *rounding);
int dojo_clamp(struct dojo_batch *batch, float low, float high, const struct dojo_tensor *x,
	       const struct dojo_tensor *y, const struct dojo_rounding *rounding);

/* y = fn(a, b); AXPBY has a call of its own. Gradients: a = dy, b = the forward input */
int dojo_binary(struct dojo_batch *batch, enum dojo_binary fn, const struct dojo_tensor *a,
		const struct dojo_tensor *b, const struct dojo_tensor *y,
		const struct dojo_rounding *rounding);
int dojo_axpby(struct dojo_batch *batch, float alpha, const struct dojo_tensor *a, float beta,
	       const struct dojo_tensor *b, const struct dojo_tensor *y,
	       const struct dojo_rounding *rounding);

/* Over the dims whose bit is set in @dims. */
int dojo_reduce(struct dojo_batch *batch, enum dojo_reduce fn, uint32_t dims,
		const struct dojo_tensor *x, const struct dojo_tensor *y,
		const struct dojo_rounding *rounding);

/* y = softmax(scale * x + mask) along dim 0; @mask may be NULL */
int dojo_softmax(struct dojo_batch *batch, float scale, const struct dojo_tensor *x,
		 const struct dojo_tensor *y, const struct dojo_tensor *mask,
		 const struct dojo_rounding *rounding);

/* The same where columns beyond row + @offset count as -Inf. */
int dojo_softmax_causal(struct dojo_batch *batch, float scale, uint32_t offset,
			const struct dojo_tensor *x, const struct dojo_tensor *y,
			const struct dojo_tensor *mask, const struct dojo_rounding *rounding);
int dojo_softmax_grad(struct dojo_batch *batch, float scale, const struct dojo_tensor *dy,
		      const struct dojo_tensor *y, const struct dojo_tensor *dx,
		      const struct dojo_rounding *rounding);

/* Along dim 0; @gamma and @beta may be NULL, and so may their gradients, together with them. */
int dojo_norm(struct dojo_batch *batch, enum dojo_norm fn, float epsilon,
	      const struct dojo_tensor *x, const struct dojo_tensor *y,
	      const struct dojo_tensor *gamma, const struct dojo_tensor *beta,
	      const struct dojo_rounding *rounding);
int dojo_norm_grad(struct dojo_batch *batch, enum dojo_norm fn, float epsilon,
		   const struct dojo_tensor *dy, const struct dojo_tensor *x,
		   const struct dojo_tensor *dx, const struct dojo_tensor *gamma,
		   const struct dojo_tensor *dgamma, const struct dojo_tensor *dbeta,
		   const struct dojo_rounding *rounding);

/* The first @turn elements of each head; @flags DOJO_ROPE_*. */
int dojo_rope(struct dojo_batch *batch, uint32_t flags, float base, uint32_t turn,
	      const struct dojo_tensor *x, const struct dojo_tensor *pos,
	      const struct dojo_tensor *y, const struct dojo_rounding *rounding);

/* y[i] = x[index[i]], and y[index[i]] = (or with DOJO_SCATTER_ADD +=) x[i], by rows */
int dojo_gather(struct dojo_batch *batch, const struct dojo_tensor *x,
		const struct dojo_tensor *index, const struct dojo_tensor *y,
		const struct dojo_rounding *rounding);
int dojo_scatter(struct dojo_batch *batch, uint32_t flags, const struct dojo_tensor *x,
		 const struct dojo_tensor *index, const struct dojo_tensor *y,
		 const struct dojo_rounding *rounding);

/* y = x, whatever their formats and strides: also transposes and strided copies. */
int dojo_convert(struct dojo_batch *batch, const struct dojo_tensor *x,
		 const struct dojo_tensor *y, const struct dojo_rounding *rounding);

/**
 * struct dojo_conv2d_attr - geometry of a convolution, by axis
 * @stride_x, @stride_y: at least 1
 * @padding_x, @padding_y: zeros on each side
 * @dilation_x, @dilation_y: at least 1
 */
struct dojo_conv2d_attr {
	uint16_t stride_x, stride_y;
	uint16_t padding_x, padding_y;
	uint16_t dilation_x, dilation_y;
};

#define DOJO_CONV2D_ATTR_INIT	{ 1, 1, 0, 0, 1, 1 }

/* @attr NULL: stride 1, no padding, no dilation; @bias and @dbias may be NULL */
int dojo_conv2d(struct dojo_batch *batch, const struct dojo_conv2d_attr *attr,
		enum dojo_activation activation, const struct dojo_tensor *x,
		const struct dojo_tensor *w, const struct dojo_tensor *y,
		const struct dojo_tensor *bias, const struct dojo_rounding *rounding);
int dojo_conv2d_grad_input(struct dojo_batch *batch, const struct dojo_conv2d_attr *attr,
			   const struct dojo_tensor *dy, const struct dojo_tensor *w,
			   const struct dojo_tensor *dx, const struct dojo_rounding *rounding);
int dojo_conv2d_grad_weight(struct dojo_batch *batch, const struct dojo_conv2d_attr *attr,
			    const struct dojo_tensor *dy, const struct dojo_tensor *x,
			    const struct dojo_tensor *dw, const struct dojo_tensor *dbias,
			    const struct dojo_rounding *rounding);

/**
 * struct dojo_pool_attr - geometry of a pooling window, by axis
 * @window_x, @window_y: at least 1
 * @stride_x, @stride_y: at least 1
 * @padding_x, @padding_y: on each side
 */
struct dojo_pool_attr {
	uint16_t window_x, window_y;
	uint16_t stride_x, stride_y;
	uint16_t padding_x, padding_y;
};

int dojo_pool(struct dojo_batch *batch, enum dojo_pool fn, const struct dojo_pool_attr *attr,
	      const struct dojo_tensor *x, const struct dojo_tensor *y,
	      const struct dojo_rounding *rounding);
int dojo_pool_grad(struct dojo_batch *batch, enum dojo_pool fn, const struct dojo_pool_attr *attr,
		   const struct dojo_tensor *dy, const struct dojo_tensor *x,
		   const struct dojo_tensor *dx, const struct dojo_rounding *rounding);

/* @dlogits may be NULL; else grad_scale * (softmax - onehot) */
int dojo_cross_entropy(struct dojo_batch *batch, const struct dojo_tensor *logits,
		       const struct dojo_tensor *labels, const struct dojo_tensor *loss,
		       float grad_scale, const struct dojo_tensor *dlogits,
		       const struct dojo_rounding *rounding);

/* @rounding has the seed; the same call with dy for x is the gradient */
int dojo_dropout(struct dojo_batch *batch, float probability, const struct dojo_tensor *x,
		 const struct dojo_tensor *y, const struct dojo_rounding *rounding);

/* In place. @m NULL: without momentum, which is then not used. */
int dojo_sgd(struct dojo_batch *batch, float rate, float momentum, float decay,
	     const struct dojo_tensor *w, const struct dojo_tensor *g, const struct dojo_tensor *m,
	     const struct dojo_rounding *rounding);

/**
 * struct dojo_adamw_attr - an AdamW step
 * @step: from 1
 */
struct dojo_adamw_attr {
	float rate, beta1, beta2, epsilon, decay;
	uint32_t step;
};

int dojo_adamw(struct dojo_batch *batch, const struct dojo_adamw_attr *attr,
	       const struct dojo_tensor *w, const struct dojo_tensor *g,
	       const struct dojo_tensor *m, const struct dojo_tensor *v,
	       const struct dojo_rounding *rounding);

/*
 * On cards with DRM_DOJO_CARD_CAP_COLLECTIVE: each of @count tensors becomes
 * their sum; tensor 0 is written to all others.
 */
int dojo_all_reduce(struct dojo_batch *batch, const struct dojo_tensor *const *tensors,
		    uint32_t count, const struct dojo_rounding *rounding);
int dojo_multicast(struct dojo_batch *batch, const struct dojo_tensor *const *tensors,
		   uint32_t count);

#if defined(__cplusplus)
}
#endif

#endif
