// SPDX-License-Identifier: MIT
/* Compute packets: all have one shape, and an opcode's parameters a place in it. */
#include <string.h>

#include "internal.h"

/* Room for a packet with all the tensors it can have. */
union compute_packet {
	struct dojo_packet_compute packet;
	unsigned char room[sizeof(struct dojo_packet_compute) +
			   DOJO_TENSOR_MAX * sizeof(struct dojo_tensor)];
};

static int bad_tensor(struct dojo_batch *batch, uint32_t opcode, uint32_t index)
{
	const char *name = dojo_tensor_name(opcode, index);

	return dojo_batch_fail(batch, -EINVAL, "%s: tensor %u%s%s%s is missing or has no format",
			  dojo_opcode_name(opcode), index, name ? " (" : "", name ? name : "",
			  name ? ")" : "");
}

int dojo_compute(struct dojo_batch *batch, const struct dojo_compute_attr *op,
		 const struct dojo_tensor *const *tensors, uint32_t count)
{
	union compute_packet buffer;
	struct dojo_packet_compute *packet = &buffer.packet;
	uint32_t i;

	if (batch->error)
		return batch->error;
	if (count > DOJO_TENSOR_MAX || op->fn > UINT8_MAX || op->opcode > UINT16_MAX)
		return dojo_batch_fail(batch, -EINVAL, "%s: %u tensors, function %u",
				  dojo_opcode_name(op->opcode), count, op->fn);
	memset(&buffer, 0, sizeof(buffer));
	packet->fn = (uint8_t)op->fn;
	packet->tensors = (uint8_t)count;
	packet->op_flags = op->flags;
	if (op->rounding) {
		if (op->rounding->mode > UINT8_MAX || op->rounding->reserved)
			return dojo_batch_fail(batch, -EINVAL, "%s: rounding",
					  dojo_opcode_name(op->opcode));
		packet->round = (uint8_t)op->rounding->mode;
		packet->seed = op->rounding->seed;
		packet->rng_base = op->rounding->rng_base;
	}
	memcpy(packet->f, op->f, sizeof(packet->f));
	memcpy(packet->u, op->u, sizeof(packet->u));
	for (i = 0; i < count; i++) {
		if (!tensors[i] || !tensors[i]->format)
			return bad_tensor(batch, op->opcode, i);
		packet->tensor[i] = *tensors[i];
	}
	return dojo_batch_add(batch, &packet->header, op->opcode,
			    sizeof(*packet) + count * sizeof(packet->tensor[0]));
}

/* The optional ones are at the end of @tensors; those that are NULL are left out. */
static int compute_optional(struct dojo_batch *batch, const struct dojo_compute_attr *op,
			    const struct dojo_tensor **tensors, uint32_t required, uint32_t count)
{
	uint32_t i, kept = required;

	for (i = required; i < count; i++)
		if (tensors[i])
			tensors[kept++] = tensors[i];
	return dojo_compute(batch, op, tensors, kept);
}

int dojo_gemm(struct dojo_batch *batch, uint32_t flags, const struct dojo_tensor *a,
	      const struct dojo_tensor *b, const struct dojo_tensor *d,
	      const struct dojo_gemm_attr *attr)
{
	static const struct dojo_gemm_attr plain = DOJO_GEMM_ATTR_INIT;
	const struct dojo_tensor *tensors[5] = { a, b, d };
	struct dojo_compute_attr op = { .opcode = DOJO_OP_GEMM, .flags = flags };

	if (!attr)
		attr = &plain;
	if (flags & ~(DOJO_GEMM_TRANS_A | DOJO_GEMM_TRANS_B) && !batch->error)
		return dojo_batch_fail(batch, -EINVAL, "GEMM: flags 0x%x", flags);
	tensors[3] = attr->bias;
	tensors[4] = attr->add;
	op.fn = attr->activation;
	op.f[0] = attr->alpha;
	op.flags |= (attr->bias ? DOJO_GEMM_BIAS : 0) | (attr->add ? DOJO_GEMM_ADD : 0);
	op.rounding = attr->rounding;
	return compute_optional(batch, &op, tensors, 3, 5);
}

static int unary(struct dojo_batch *batch, enum dojo_unary fn, float f0, float f1,
		 const struct dojo_tensor *x, const struct dojo_tensor *y,
		 const struct dojo_rounding *rounding)
{
	const struct dojo_tensor *const tensors[] = { x, y };
	struct dojo_compute_attr op = {
		.opcode = DOJO_OP_UNARY,
		.fn = fn,
		.f = { f0, f1 },
		.rounding = rounding,
	};

	return dojo_compute(batch, &op, tensors, ARRAY_SIZE(tensors));
}

int dojo_unary(struct dojo_batch *batch, enum dojo_unary fn, const struct dojo_tensor *x,
	       const struct dojo_tensor *y, const struct dojo_rounding *rounding)
{
	return unary(batch, fn, 0, 0, x, y, rounding);
}

int dojo_scale(struct dojo_batch *batch, float factor, float offset, const struct dojo_tensor *x,
	       const struct dojo_tensor *y, const struct dojo_rounding *rounding)
{
	return unary(batch, DOJO_UNARY_SCALE, factor, offset, x, y, rounding);
}

int dojo_clamp(struct dojo_batch *batch, float low, float high, const struct dojo_tensor *x,
	       const struct dojo_tensor *y, const struct dojo_rounding *rounding)
{
	return unary(batch, DOJO_UNARY_CLAMP, low, high, x, y, rounding);
}

static int binary(struct dojo_batch *batch, enum dojo_binary fn, float alpha, float beta,
		  const struct dojo_tensor *a, const struct dojo_tensor *b,
		  const struct dojo_tensor *y, const struct dojo_rounding *rounding)
{
	const struct dojo_tensor *const tensors[] = { a, b, y };
	struct dojo_compute_attr op = {
		.opcode = DOJO_OP_BINARY,
		.fn = fn,
		.f = { alpha, beta },
		.rounding = rounding,
	};

	return dojo_compute(batch, &op, tensors, ARRAY_SIZE(tensors));
}

int dojo_binary(struct dojo_batch *batch, enum dojo_binary fn, const struct dojo_tensor *a,
		const struct dojo_tensor *b, const struct dojo_tensor *y,
		const struct dojo_rounding *rounding)
{
	return binary(batch, fn, 0, 0, a, b, y, rounding);
}

int dojo_axpby(struct dojo_batch *batch, float alpha, const struct dojo_tensor *a, float beta,
	       const struct dojo_tensor *b, const struct dojo_tensor *y,
	       const struct dojo_rounding *rounding)
{
	return binary(batch, DOJO_BINARY_AXPBY, alpha, beta, a, b, y, rounding);
}

int dojo_reduce(struct dojo_batch *batch, enum dojo_reduce fn, uint32_t dims,
		const struct dojo_tensor *x, const struct dojo_tensor *y,
		const struct dojo_rounding *rounding)
{
	const struct dojo_tensor *const tensors[] = { x, y };
	struct dojo_compute_attr op = {
		.opcode = DOJO_OP_REDUCE,
		.fn = fn,
		.u = { dims },
		.rounding = rounding,
	};

	return dojo_compute(batch, &op, tensors, ARRAY_SIZE(tensors));
}

static int softmax(struct dojo_batch *batch, uint32_t flags, float scale, uint32_t offset,
		   const struct dojo_tensor *x, const struct dojo_tensor *y,
		   const struct dojo_tensor *mask, const struct dojo_rounding *rounding)
{
	const struct dojo_tensor *tensors[] = { x, y, mask };
	struct dojo_compute_attr op = {
		.opcode = DOJO_OP_SOFTMAX,
		.flags = flags | (mask ? DOJO_SOFTMAX_MASK : 0),
		.f = { scale },
		.u = { offset },
		.rounding = rounding,
	};

	return compute_optional(batch, &op, tensors, 2, 3);
}

int dojo_softmax(struct dojo_batch *batch, float scale, const struct dojo_tensor *x,
		 const struct dojo_tensor *y, const struct dojo_tensor *mask,
		 const struct dojo_rounding *rounding)
{
	return softmax(batch, 0, scale, 0, x, y, mask, rounding);
}

int dojo_softmax_causal(struct dojo_batch *batch, float scale, uint32_t offset,
			const struct dojo_tensor *x, const struct dojo_tensor *y,
			const struct dojo_tensor *mask, const struct dojo_rounding *rounding)
{
	return softmax(batch, DOJO_SOFTMAX_CAUSAL, scale, offset, x, y, mask, rounding);
}

int dojo_softmax_grad(struct dojo_batch *batch, float scale, const struct dojo_tensor *dy,
		      const struct dojo_tensor *y, const struct dojo_tensor *dx,
		      const struct dojo_rounding *rounding)
{
	const struct dojo_tensor *const tensors[] = { dy, y, dx };
	struct dojo_compute_attr op = {
		.opcode = DOJO_OP_SOFTMAX_GRAD,
		.f = { scale },
		.rounding = rounding,
	};

	return dojo_compute(batch, &op, tensors, ARRAY_SIZE(tensors));
}

int dojo_norm(struct dojo_batch *batch, enum dojo_norm fn, float epsilon,
	      const struct dojo_tensor *x, const struct dojo_tensor *y,
	      const struct dojo_tensor *gamma, const struct dojo_tensor *beta,
	      const struct dojo_rounding *rounding)
{
	const struct dojo_tensor *tensors[] = { x, y, gamma, beta };
	struct dojo_compute_attr op = {
		.opcode = DOJO_OP_NORM,
		.fn = fn,
		.flags = (gamma ? DOJO_NORM_GAMMA : 0) | (beta ? DOJO_NORM_BETA : 0),
		.f = { epsilon },
		.rounding = rounding,
	};

	return compute_optional(batch, &op, tensors, 2, 4);
}

int dojo_norm_grad(struct dojo_batch *batch, enum dojo_norm fn, float epsilon,
		   const struct dojo_tensor *dy, const struct dojo_tensor *x,
		   const struct dojo_tensor *dx, const struct dojo_tensor *gamma,
		   const struct dojo_tensor *dgamma, const struct dojo_tensor *dbeta,
		   const struct dojo_rounding *rounding)
{
	const struct dojo_tensor *tensors[] = { dy, x, dx, gamma, dgamma, dbeta };
	struct dojo_compute_attr op = {
		.opcode = DOJO_OP_NORM_GRAD,
		.fn = fn,
		.flags = (gamma ? DOJO_NORM_GAMMA : 0) | (dbeta ? DOJO_NORM_BETA : 0),
		.f = { epsilon },
		.rounding = rounding,
	};

	if (!gamma != !dgamma && !batch->error)
		return dojo_batch_fail(batch, -EINVAL, "NORM_GRAD: gamma and dgamma go together");
	return compute_optional(batch, &op, tensors, 3, 6);
}

int dojo_rope(struct dojo_batch *batch, uint32_t flags, float base, uint32_t turn,
	      const struct dojo_tensor *x, const struct dojo_tensor *pos,
	      const struct dojo_tensor *y, const struct dojo_rounding *rounding)
{
	const struct dojo_tensor *const tensors[] = { x, pos, y };
	struct dojo_compute_attr op = {
		.opcode = DOJO_OP_ROPE,
		.flags = flags,
		.f = { base },
		.u = { turn },
		.rounding = rounding,
	};

	return dojo_compute(batch, &op, tensors, ARRAY_SIZE(tensors));
}

int dojo_gather(struct dojo_batch *batch, const struct dojo_tensor *x,
		const struct dojo_tensor *index, const struct dojo_tensor *y,
		const struct dojo_rounding *rounding)
{
	const struct dojo_tensor *const tensors[] = { x, index, y };
	struct dojo_compute_attr op = { .opcode = DOJO_OP_GATHER, .rounding = rounding };

	return dojo_compute(batch, &op, tensors, ARRAY_SIZE(tensors));
}

int dojo_scatter(struct dojo_batch *batch, uint32_t flags, const struct dojo_tensor *x,
		 const struct dojo_tensor *index, const struct dojo_tensor *y,
		 const struct dojo_rounding *rounding)
{
	const struct dojo_tensor *const tensors[] = { x, index, y };
	struct dojo_compute_attr op = {
		.opcode = DOJO_OP_SCATTER,
		.flags = flags,
		.rounding = rounding,
	};

	return dojo_compute(batch, &op, tensors, ARRAY_SIZE(tensors));
}

int dojo_convert(struct dojo_batch *batch, const struct dojo_tensor *x, const struct dojo_tensor *y,
		 const struct dojo_rounding *rounding)
{
	const struct dojo_tensor *const tensors[] = { x, y };
	struct dojo_compute_attr op = { .opcode = DOJO_OP_CONVERT, .rounding = rounding };

	return dojo_compute(batch, &op, tensors, ARRAY_SIZE(tensors));
}

static uint32_t pair(uint16_t x, uint16_t y)
{
	return x | (uint32_t)y << 16;
}

static struct dojo_compute_attr conv2d_op(uint32_t opcode, const struct dojo_conv2d_attr *attr,
					  const struct dojo_rounding *rounding)
{
	static const struct dojo_conv2d_attr plain = DOJO_CONV2D_ATTR_INIT;

	if (!attr)
		attr = &plain;
	return (struct dojo_compute_attr){
		.opcode = opcode,
		.u = {
			pair(attr->stride_x, attr->stride_y),
			pair(attr->padding_x, attr->padding_y),
			pair(attr->dilation_x, attr->dilation_y),
		},
		.rounding = rounding,
	};
}

int dojo_conv2d(struct dojo_batch *batch, const struct dojo_conv2d_attr *attr,
		enum dojo_activation activation, const struct dojo_tensor *x,
		const struct dojo_tensor *w, const struct dojo_tensor *y,
		const struct dojo_tensor *bias, const struct dojo_rounding *rounding)
{
	struct dojo_compute_attr op = conv2d_op(DOJO_OP_CONV2D, attr, rounding);
	const struct dojo_tensor *tensors[] = { x, w, y, bias };

	op.fn = activation;
	op.flags = bias ? DOJO_CONV_BIAS : 0;
	return compute_optional(batch, &op, tensors, 3, 4);
}

int dojo_conv2d_grad_input(struct dojo_batch *batch, const struct dojo_conv2d_attr *attr,
			   const struct dojo_tensor *dy, const struct dojo_tensor *w,
			   const struct dojo_tensor *dx, const struct dojo_rounding *rounding)
{
	const struct dojo_tensor *const tensors[] = { dy, w, dx };
	struct dojo_compute_attr op = conv2d_op(DOJO_OP_CONV2D_GRAD_INPUT, attr, rounding);

	return dojo_compute(batch, &op, tensors, ARRAY_SIZE(tensors));
}

int dojo_conv2d_grad_weight(struct dojo_batch *batch, const struct dojo_conv2d_attr *attr,
			    const struct dojo_tensor *dy, const struct dojo_tensor *x,
			    const struct dojo_tensor *dw, const struct dojo_tensor *dbias,
			    const struct dojo_rounding *rounding)
{
	struct dojo_compute_attr op = conv2d_op(DOJO_OP_CONV2D_GRAD_WEIGHT, attr, rounding);
	const struct dojo_tensor *tensors[] = { dy, x, dw, dbias };

	op.flags = dbias ? DOJO_CONV_BIAS : 0;
	return compute_optional(batch, &op, tensors, 3, 4);
}

static struct dojo_compute_attr pool_op(uint32_t opcode, enum dojo_pool fn,
					const struct dojo_pool_attr *attr,
				   const struct dojo_rounding *rounding)
{
	return (struct dojo_compute_attr){
		.opcode = opcode,
		.fn = fn,
		.u = {
			pair(attr->window_x, attr->window_y),
			pair(attr->stride_x, attr->stride_y),
			pair(attr->padding_x, attr->padding_y),
		},
		.rounding = rounding,
	};
}

int dojo_pool(struct dojo_batch *batch, enum dojo_pool fn, const struct dojo_pool_attr *attr,
	      const struct dojo_tensor *x, const struct dojo_tensor *y,
	      const struct dojo_rounding *rounding)
{
	const struct dojo_tensor *const tensors[] = { x, y };
	struct dojo_compute_attr op = pool_op(DOJO_OP_POOL, fn, attr, rounding);

	return dojo_compute(batch, &op, tensors, ARRAY_SIZE(tensors));
}

int dojo_pool_grad(struct dojo_batch *batch, enum dojo_pool fn, const struct dojo_pool_attr *attr,
		   const struct dojo_tensor *dy, const struct dojo_tensor *x,
		   const struct dojo_tensor *dx, const struct dojo_rounding *rounding)
{
	const struct dojo_tensor *const tensors[] = { dy, x, dx };
	struct dojo_compute_attr op = pool_op(DOJO_OP_POOL_GRAD, fn, attr, rounding);

	return dojo_compute(batch, &op, tensors, ARRAY_SIZE(tensors));
}

int dojo_cross_entropy(struct dojo_batch *batch, const struct dojo_tensor *logits,
		       const struct dojo_tensor *labels, const struct dojo_tensor *loss,
		       float grad_scale, const struct dojo_tensor *dlogits,
		       const struct dojo_rounding *rounding)
{
	const struct dojo_tensor *tensors[] = { logits, labels, loss, dlogits };
	struct dojo_compute_attr op = { .opcode = DOJO_OP_CROSS_ENTROPY, .rounding = rounding };

	if (dlogits) {
		op.flags = DOJO_CROSS_ENTROPY_GRAD;
		op.f[0] = grad_scale;
	}
	return compute_optional(batch, &op, tensors, 3, 4);
}

int dojo_dropout(struct dojo_batch *batch, float probability, const struct dojo_tensor *x,
		 const struct dojo_tensor *y, const struct dojo_rounding *rounding)
{
	const struct dojo_tensor *const tensors[] = { x, y };
	struct dojo_compute_attr op = {
		.opcode = DOJO_OP_DROPOUT,
		.f = { probability },
		.rounding = rounding,
	};

	return dojo_compute(batch, &op, tensors, ARRAY_SIZE(tensors));
}

int dojo_sgd(struct dojo_batch *batch, float rate, float momentum, float decay,
	     const struct dojo_tensor *w, const struct dojo_tensor *g, const struct dojo_tensor *m,
	     const struct dojo_rounding *rounding)
{
	const struct dojo_tensor *tensors[] = { w, g, m };
	struct dojo_compute_attr op = {
		.opcode = DOJO_OP_SGD,
		.flags = m ? DOJO_SGD_MOMENTUM : 0,
		.f = { rate, m ? momentum : 0, decay },
		.rounding = rounding,
	};

	return compute_optional(batch, &op, tensors, 2, 3);
}

int dojo_adamw(struct dojo_batch *batch, const struct dojo_adamw_attr *attr,
	       const struct dojo_tensor *w, const struct dojo_tensor *g,
	       const struct dojo_tensor *m, const struct dojo_tensor *v,
	       const struct dojo_rounding *rounding)
{
	const struct dojo_tensor *const tensors[] = { w, g, m, v };
	struct dojo_compute_attr op = {
		.opcode = DOJO_OP_ADAMW,
		.f = { attr->rate, attr->beta1, attr->beta2, attr->epsilon, attr->decay },
		.u = { attr->step },
		.rounding = rounding,
	};

	return dojo_compute(batch, &op, tensors, ARRAY_SIZE(tensors));
}

int dojo_all_reduce(struct dojo_batch *batch, const struct dojo_tensor *const *tensors,
		    uint32_t count, const struct dojo_rounding *rounding)
{
	struct dojo_compute_attr op = { .opcode = DOJO_OP_ALL_REDUCE, .rounding = rounding };

	return dojo_compute(batch, &op, tensors, count);
}

int dojo_multicast(struct dojo_batch *batch, const struct dojo_tensor *const *tensors,
		   uint32_t count)
{
	struct dojo_compute_attr op = { .opcode = DOJO_OP_MULTICAST };

	return dojo_compute(batch, &op, tensors, count);
}
