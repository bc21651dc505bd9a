/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The packet decoder: one table of opcodes, the checks that all packets share,
 * and the way to an opcode's own code.
 */
#include "dojo_fp.h"
#include "dojo_opcode.h"

#define COMPUTE(name) .check = dojo_check_##name, .run = dojo_run_##name

static const struct dojo_opcode_info opcodes[] = {
	[DOJO_OP_NOP] = { .bytes = sizeof(struct dojo_packet_header) },
	[DOJO_OP_BARRIER] = { .bytes = sizeof(struct dojo_packet_header) },
	[DOJO_OP_TIMESTAMP] = { .bytes = sizeof(struct dojo_packet_timestamp) },
	[DOJO_OP_SEM_WAIT] = { .bytes = sizeof(struct dojo_packet_sem_wait) },
	[DOJO_OP_SEM_SIGNAL] = { .bytes = sizeof(struct dojo_packet_sem_signal) },
	[DOJO_OP_COPY] = {
		COMPUTE(copy), .bytes = sizeof(struct dojo_packet_copy),
	},
	[DOJO_OP_COPY_ND] = {
		COMPUTE(copy_nd), .bytes = sizeof(struct dojo_packet_copy_nd),
	},
	[DOJO_OP_FILL] = {
		COMPUTE(fill), .bytes = sizeof(struct dojo_packet_fill),
	},
	[DOJO_OP_COPY_SEGMENTS] = {
		COMPUTE(segments), .bytes = sizeof(struct dojo_packet_segments),
		.privileged = true,
	},
	[DOJO_OP_FILL_SEGMENTS] = {
		COMPUTE(segments), .bytes = sizeof(struct dojo_packet_segments),
		.privileged = true,
	},
	[DOJO_OP_GEMM] = {
		COMPUTE(gemm), .fn_max = DOJO_ACT_TANH,
		.tensors_min = 3, .tensors_max = 5, .f = 0x01,
		.op_flags = DOJO_GEMM_TRANS_A | DOJO_GEMM_TRANS_B |
			    DOJO_GEMM_BIAS | DOJO_GEMM_ADD,
	},
	[DOJO_OP_UNARY] = {
		COMPUTE(unary), .fn_min = DOJO_UNARY_RELU,
		.fn_max = DOJO_UNARY_CLAMP,
		.tensors_min = 2, .tensors_max = 2, .f = 0x03,
	},
	[DOJO_OP_BINARY] = {
		COMPUTE(binary), .fn_min = DOJO_BINARY_ADD,
		.fn_max = DOJO_BINARY_TANH_GRAD,
		.tensors_min = 3, .tensors_max = 3, .f = 0x03,
	},
	[DOJO_OP_REDUCE] = {
		COMPUTE(reduce), .fn_min = DOJO_REDUCE_SUM,
		.fn_max = DOJO_REDUCE_ARGMAX,
		.tensors_min = 2, .tensors_max = 2, .u = 0x01,
	},
	[DOJO_OP_SOFTMAX] = {
		COMPUTE(softmax), .tensors_min = 2, .tensors_max = 3,
		.f = 0x01, .u = 0x01,
		.op_flags = DOJO_SOFTMAX_MASK | DOJO_SOFTMAX_CAUSAL,
	},
	[DOJO_OP_SOFTMAX_GRAD] = {
		COMPUTE(softmax_grad), .tensors_min = 3, .tensors_max = 3,
		.f = 0x01,
	},
	[DOJO_OP_NORM] = {
		COMPUTE(norm), .fn_min = DOJO_NORM_LAYER, .fn_max = DOJO_NORM_RMS,
		.tensors_min = 2, .tensors_max = 4, .f = 0x01,
		.op_flags = DOJO_NORM_GAMMA | DOJO_NORM_BETA,
	},
	[DOJO_OP_NORM_GRAD] = {
		COMPUTE(norm_grad), .fn_min = DOJO_NORM_LAYER, .fn_max = DOJO_NORM_RMS,
		.tensors_min = 3, .tensors_max = 6, .f = 0x01,
		.op_flags = DOJO_NORM_GAMMA | DOJO_NORM_BETA,
	},
	[DOJO_OP_ROPE] = {
		COMPUTE(rope), .tensors_min = 3, .tensors_max = 3, .f = 0x01, .u = 0x01,
		.op_flags = DOJO_ROPE_INVERSE | DOJO_ROPE_HALVES,
	},
	[DOJO_OP_GATHER] = {
		COMPUTE(gather), .tensors_min = 3, .tensors_max = 3,
	},
	[DOJO_OP_SCATTER] = {
		COMPUTE(scatter), .tensors_min = 3, .tensors_max = 3,
		.op_flags = DOJO_SCATTER_ADD,
	},
	[DOJO_OP_CONVERT] = {
		COMPUTE(convert), .tensors_min = 2, .tensors_max = 2,
	},
	[DOJO_OP_CONV2D] = {
		COMPUTE(conv2d), .fn_max = DOJO_ACT_TANH,
		.tensors_min = 3, .tensors_max = 4, .u = 0x07,
		.op_flags = DOJO_CONV_BIAS,
	},
	[DOJO_OP_CONV2D_GRAD_INPUT] = {
		COMPUTE(conv2d_grad_input), .tensors_min = 3, .tensors_max = 3, .u = 0x07,
	},
	[DOJO_OP_CONV2D_GRAD_WEIGHT] = {
		COMPUTE(conv2d_grad_weight), .tensors_min = 3, .tensors_max = 4, .u = 0x07,
		.op_flags = DOJO_CONV_BIAS,
	},
	[DOJO_OP_POOL] = {
		COMPUTE(pool), .fn_min = DOJO_POOL_MAX, .fn_max = DOJO_POOL_AVERAGE,
		.tensors_min = 2, .tensors_max = 2, .u = 0x07,
	},
	[DOJO_OP_POOL_GRAD] = {
		COMPUTE(pool_grad), .fn_min = DOJO_POOL_MAX, .fn_max = DOJO_POOL_AVERAGE,
		.tensors_min = 3, .tensors_max = 3, .u = 0x07,
	},
	[DOJO_OP_DROPOUT] = {
		COMPUTE(dropout), .tensors_min = 2, .tensors_max = 2, .f = 0x01,
		.random = true,
	},
	[DOJO_OP_CROSS_ENTROPY] = {
		COMPUTE(cross_entropy), .tensors_min = 3, .tensors_max = 4,
		.f = 0x01, .op_flags = DOJO_CROSS_ENTROPY_GRAD,
	},
	[DOJO_OP_SGD] = {
		COMPUTE(sgd), .tensors_min = 2, .tensors_max = 3, .f = 0x07,
		.op_flags = DOJO_SGD_MOMENTUM,
	},
	[DOJO_OP_ADAMW] = {
		COMPUTE(adamw), .tensors_min = 4, .tensors_max = 4, .f = 0x1f,
		.u = 0x01,
	},
	[DOJO_OP_ALL_REDUCE] = {
		COMPUTE(all_reduce), .tensors_min = 2, .tensors_max = DOJO_TENSOR_MAX,
	},
	[DOJO_OP_MULTICAST] = {
		COMPUTE(multicast), .tensors_min = 2, .tensors_max = DOJO_TENSOR_MAX,
	},
};

static const struct dojo_opcode_info *find_opcode(unsigned int opcode)
{
	const struct dojo_opcode_info *o;

	if (opcode >= sizeof(opcodes) / sizeof(opcodes[0]))
		return NULL;
	o = &opcodes[opcode];
	return o->bytes || o->run ? o : NULL;
}

static bool fault_at(struct dojo_fault_info *fault, uint32_t reason, size_t field)
{
	*fault = (struct dojo_fault_info){
		.reason = reason,
		.field = (uint32_t)field,
	};
	return false;
}

bool dojo_reject(struct dojo_check *c, size_t field)
{
	return fault_at(c->fault, DOJO_FAULT_FIELD, field);
}

uint64_t dojo_elements(const struct dojo_tensor *t)
{
	uint64_t n = 1;

	/* Extents are below 2^31 each, and this is asked before they are limited */
	for (int i = 0; i < 4; i++)
		if (__builtin_mul_overflow(n, (uint64_t)t->dim[i], &n))
			return UINT64_MAX;
	return n;
}

/* What the tensor holds in memory, broadcast elements once */
static uint64_t held_bytes(const struct dojo_tensor *t)
{
	uint64_t n = 1;

	for (int i = 0; i < 4; i++)
		if (t->stride[i] && __builtin_mul_overflow(n, (uint64_t)t->dim[i], &n))
			return DOJO_MAX_ELEMENTS << 2;
	if (n > DOJO_MAX_ELEMENTS)
		n = DOJO_MAX_ELEMENTS;
	return n << dojo_format_shift(t->format);
}

void dojo_count_read(struct dojo_check *c, unsigned int i)
{
	c->op->read_bytes += held_bytes(&c->p->tensor[i]);
}

void dojo_count_write(struct dojo_check *c, unsigned int i)
{
	c->op->write_bytes += held_bytes(&c->p->tensor[i]);
}

bool dojo_check_tensors(struct dojo_check *c, unsigned int n)
{
	return c->p->tensors == n || dojo_reject(c, DOJO_FIELD(tensors));
}

bool dojo_check_dims(struct dojo_check *c, unsigned int i, uint64_t d0,
		     uint64_t d1, uint64_t d2, uint64_t d3)
{
	const uint64_t want[4] = { d0, d1, d2, d3 };

	for (unsigned int d = 0; d < 4; d++)
		if (c->p->tensor[i].dim[d] != want[d])
			return dojo_reject(c, DOJO_FIELD_DIM(i, d));
	return true;
}

bool dojo_check_same_dims(struct dojo_check *c, unsigned int i, unsigned int like)
{
	const __u32 *d = c->p->tensor[like].dim;

	return dojo_check_dims(c, i, d[0], d[1], d[2], d[3]);
}

bool dojo_check_format(struct dojo_check *c, unsigned int i, unsigned int format)
{
	return c->p->tensor[i].format == format ||
	       dojo_reject(c, DOJO_FIELD_TENSOR(i, format));
}

/*
 * Whether the elements are distinct by the simple rule: in the order of their
 * strides, each stride is at least as long as all dims before it reach. On
 * failure *@bad is the dim that falls short. *@reach is in elements.
 */
static bool strides_nest(const struct dojo_tensor *t, bool broadcast,
			 unsigned int *bad, uint64_t *reach)
{
	unsigned int used = 0;

	*reach = 1;
	for (;;) {
		unsigned int next = 4;

		for (unsigned int d = 0; d < 4; d++) {
			if (used & (1u << d) || t->dim[d] == 1 ||
			    (broadcast && !t->stride[d]))
				continue;
			if (next == 4 || t->stride[d] < t->stride[next])
				next = d;
		}
		if (next == 4)
			return true;
		if (t->stride[next] < *reach) {
			*bad = next;
			return false;
		}
		/* The last element was checked to lie inside 48 bits */
		*reach += (t->dim[next] - 1) * t->stride[next];
		used |= 1u << next;
	}
}

/* Its elements fill one range of memory without gaps */
static bool is_dense(const struct dojo_tensor *t, uint64_t *bytes)
{
	unsigned int bad;
	uint64_t reach, n = 1;

	if (!strides_nest(t, true, &bad, &reach))
		return false;
	for (int d = 0; d < 4; d++)
		if (t->stride[d])
			n *= t->dim[d];
	*bytes = reach << dojo_format_shift(t->format);
	return reach == n;
}

static bool same_elements(const struct dojo_tensor *a, const struct dojo_tensor *b)
{
	if (a->va != b->va ||
	    dojo_format_shift(a->format) != dojo_format_shift(b->format))
		return false;
	for (int d = 0; d < 4; d++)
		if (a->dim[d] != b->dim[d] ||
		    (a->dim[d] > 1 && a->stride[d] != b->stride[d]))
			return false;
	return true;
}

bool dojo_check_output(struct dojo_check *c, unsigned int i, unsigned int inplace)
{
	const struct dojo_tensor *t = &c->p->tensor[i];
	uint64_t reach, bytes, other, n = 1;
	unsigned int bad;

	for (unsigned int d = 0; d < 4; d++) {
		if (t->dim[d] > DOJO_MAX_ELEMENTS / n)
			return dojo_reject(c, DOJO_FIELD_DIM(i, d));
		n *= t->dim[d];
	}
	if (!strides_nest(t, false, &bad, &reach))
		return dojo_reject(c, DOJO_FIELD_STRIDE(i, bad));

	if (!is_dense(t, &bytes))
		return true;
	for (unsigned int j = 0; j < c->p->tensors; j++) {
		const struct dojo_tensor *s = &c->p->tensor[j];

		if (j == i || !is_dense(s, &other) || t->va >= s->va + other ||
		    s->va >= t->va + bytes)
			continue;
		if (!(inplace & (1u << j)) || !same_elements(t, s))
			return dojo_reject(c, DOJO_FIELD_TENSOR(i, va));
	}
	return true;
}

uint64_t dojo_stream_bytes = 8 << 20;

void dojo_check_stream(struct dojo_check *c, unsigned int i)
{
	const struct dojo_tensor *t = &c->p->tensor[i];

	c->op->stream = t->stride[0] == 1 &&
			dojo_elements(t) << dojo_format_shift(t->format) >= dojo_stream_bytes;
	for (unsigned int j = 0; j < c->p->tensors; j++)
		if (j != i && c->p->tensor[j].va == t->va)
			c->op->stream = false;
}

uint64_t dojo_unit_elements(uint64_t total)
{
	uint64_t n = total / 32;

	if (n < 1u << 14)
		n = 1u << 14;
	if (n > DOJO_UNIT_ELEMENTS)
		n = DOJO_UNIT_ELEMENTS;
	return n & ~(uint64_t)(DOJO_CHUNK - 1);
}

void dojo_plan_items(struct dojo_op *op, uint64_t items, uint64_t unit)
{
	op->plan[0] = items;
	op->plan[1] = unit ? unit : 1;
	op->units = items / op->plan[1] + (items % op->plan[1] != 0);
	op->matrix_format = DOJO_FORMAT_FP32;
}

bool dojo_plan_rows(struct dojo_check *c, unsigned int i, unsigned int weight)
{
	const struct dojo_tensor *t = &c->p->tensor[i];
	uint64_t total = dojo_elements(t);

	if (t->dim[0] > DOJO_MAX_ROW)
		return dojo_reject(c, DOJO_FIELD_DIM(i, 0));
	dojo_plan_items(c->op, total / t->dim[0], dojo_unit_elements(total) / t->dim[0]);
	c->op->flop = weight * total;
	return true;
}

static bool check_tensor(struct dojo_check *c, unsigned int i)
{
	const struct dojo_tensor *t = &c->p->tensor[i];
	unsigned int shift;
	uint64_t end;

	if (t->format == DOJO_FORMAT_NONE || t->format >= DOJO_FORMAT_COUNT ||
	    !(c->limits->formats & (1u << t->format)))
		return dojo_reject(c, DOJO_FIELD_TENSOR(i, format));
	if (t->bias > (dojo_format_has_bias(t->format) ? DOJO_BIAS_MAX : 0))
		return dojo_reject(c, DOJO_FIELD_TENSOR(i, bias));

	shift = dojo_format_shift(t->format);
	if (t->va & ((1u << shift) - 1))
		return dojo_reject(c, DOJO_FIELD_TENSOR(i, va));
	end = (1ull << 48) >> shift;
	if (t->va >> shift >= end)
		return dojo_reject(c, DOJO_FIELD_TENSOR(i, va));

	/* In elements: how many may follow the first before 2^48 is reached */
	end -= (t->va >> shift) + 1;
	for (unsigned int d = 0; d < 4; d++) {
		if (!t->dim[d] || t->dim[d] > INT32_MAX)
			return dojo_reject(c, DOJO_FIELD_DIM(i, d));
		if (t->dim[d] == 1) {
			/* Has no neighbour; still a distance inside the space */
			if (t->stride[d] > 1ull << 48)
				return dojo_reject(c, DOJO_FIELD_STRIDE(i, d));
			continue;
		}
		if (t->stride[d] > end / (t->dim[d] - 1))
			return dojo_reject(c, DOJO_FIELD_STRIDE(i, d));
		end -= t->stride[d] * (t->dim[d] - 1);
	}
	return true;
}

static bool check_compute(struct dojo_check *c, const struct dojo_opcode_info *o)
{
	const struct dojo_packet_compute *p = c->p;

	if (p->reserved)
		return fault_at(c->fault, DOJO_FAULT_PACKET, DOJO_FIELD(reserved));
	if (p->op_flags & ~o->op_flags)
		return fault_at(c->fault, DOJO_FAULT_PACKET, DOJO_FIELD(op_flags));
	for (unsigned int i = 0; i < 5; i++)
		if (p->f[i] && !(o->f & (1u << i)))
			return fault_at(c->fault, DOJO_FAULT_PACKET, DOJO_FIELD(f[i]));
	for (unsigned int i = 0; i < 3; i++)
		if (p->u[i] && !(o->u & (1u << i)))
			return fault_at(c->fault, DOJO_FAULT_PACKET, DOJO_FIELD(u[i]));
	for (unsigned int i = 0; i < p->tensors; i++)
		for (unsigned int j = 0; j < 6; j++)
			if (p->tensor[i].reserved[j])
				return fault_at(c->fault, DOJO_FAULT_PACKET,
						DOJO_FIELD_TENSOR(i, reserved[j]));

	if (p->fn < o->fn_min || p->fn > o->fn_max)
		return dojo_reject(c, DOJO_FIELD(fn));
	if (p->round > DOJO_ROUND_STOCHASTIC)
		return dojo_reject(c, DOJO_FIELD(round));
	if (p->tensors < o->tensors_min || p->tensors > o->tensors_max)
		return dojo_reject(c, DOJO_FIELD(tensors));
	if (p->round == DOJO_ROUND_NEAREST && !o->random) {
		if (p->seed)
			return dojo_reject(c, DOJO_FIELD(seed));
		if (p->rng_base)
			return dojo_reject(c, DOJO_FIELD(rng_base));
	}
	for (unsigned int i = 0; i < 5; i++)
		if ((p->f[i] & DOJO_INF_BITS) == DOJO_INF_BITS)
			return dojo_reject(c, DOJO_FIELD(f[i]));
	for (unsigned int i = 0; i < p->tensors; i++)
		if (!check_tensor(c, i))
			return false;
	return o->check(c);
}

#define PACKET_FAULT(type, member) \
	fault_at(c->fault, DOJO_FAULT_PACKET, offsetof(struct type, member))
#define FIELD_FAULT(type, member) dojo_reject(c, offsetof(struct type, member))

static bool check_semaphore_va(struct dojo_check *c, uint64_t va)
{
	/* The address is the second word of all three */
	if (va & 7 || va >> 48)
		return FIELD_FAULT(dojo_packet_timestamp, va);
	return true;
}

static bool check_control(struct dojo_check *c)
{
	const void *p = c->op->packet.words;
	const struct dojo_packet_timestamp *stamp = p;
	const struct dojo_packet_sem_wait *wait = p;
	const struct dojo_packet_sem_signal *signal = p;

	switch (c->op->packet.header.opcode) {
	case DOJO_OP_TIMESTAMP:
		c->op->write_bytes = 8;
		return check_semaphore_va(c, stamp->va);
	case DOJO_OP_SEM_WAIT:
		if (wait->reserved)
			return PACKET_FAULT(dojo_packet_sem_wait, reserved);
		if (wait->condition > DOJO_SEM_LESS)
			return FIELD_FAULT(dojo_packet_sem_wait, condition);
		return check_semaphore_va(c, wait->va);
	case DOJO_OP_SEM_SIGNAL:
		if (signal->reserved)
			return PACKET_FAULT(dojo_packet_sem_signal, reserved);
		if (signal->operation > DOJO_SEM_MAX)
			return FIELD_FAULT(dojo_packet_sem_signal, operation);
		return check_semaphore_va(c, signal->va);
	default:
		return true;
	}
}

static bool is_compute(unsigned int opcode)
{
	return opcode >= DOJO_OP_GEMM;
}

bool dojo_op_decode(struct dojo_op *op, size_t bytes,
		    const struct dojo_op_limits *limits,
		    struct dojo_fault_info *fault)
{
	const struct dojo_packet_header *h = &op->packet.header;
	struct dojo_check c = {
		.op = op,
		.p = dojo_compute(op),
		.limits = limits,
		.fault = fault,
	};
	const struct dojo_opcode_info *o;
	size_t length;

	*fault = (struct dojo_fault_info){ .reason = DOJO_FAULT_NONE };
	op->units = 0;
	op->flop = 0;
	op->read_bytes = 0;
	op->write_bytes = 0;
	op->matrix_format = DOJO_FORMAT_NONE;
	op->stream = false;
	memset(op->plan, 0, sizeof(op->plan));

	if (bytes > DOJO_PACKET_MAX)
		bytes = DOJO_PACKET_MAX;
	if (bytes < sizeof(*h))
		return fault_at(fault, DOJO_FAULT_BATCH, 0);

	o = find_opcode(h->opcode);
	if (!o || h->opcode > 255 ||
	    !(limits->opcodes[h->opcode / 64] & (1ull << (h->opcode % 64))))
		return fault_at(fault, DOJO_FAULT_OPCODE, 0);
	if (o->privileged && !limits->privileged)
		return fault_at(fault, DOJO_FAULT_PRIVILEGE, 0);
	if (is_compute(h->opcode) && !limits->compute)
		return fault_at(fault, DOJO_FAULT_CLASS, 0);

	if (h->flags & ~DOJO_PACKET_OVERLAP)
		return fault_at(fault, DOJO_FAULT_PACKET,
				offsetof(struct dojo_packet_header, flags));
	length = (size_t)h->words * 8;
	if (o->bytes ? length != o->bytes :
	    length < sizeof(struct dojo_packet_compute) || length > DOJO_PACKET_MAX)
		return fault_at(fault, DOJO_FAULT_PACKET,
				offsetof(struct dojo_packet_header, words));
	if (length > bytes)
		return fault_at(fault, DOJO_FAULT_BATCH, 0);
	if (!o->bytes && length != sizeof(struct dojo_packet_compute) +
				  c.p->tensors * sizeof(struct dojo_tensor))
		return fault_at(fault, DOJO_FAULT_PACKET,
				offsetof(struct dojo_packet_header, words));

	if (is_compute(h->opcode))
		return check_compute(&c, o);
	return o->check ? o->check(&c) : check_control(&c);
}

bool dojo_op_prepare(struct dojo_op *op, struct dojo_memory *mem, void *scratch,
		     struct dojo_fault_info *fault)
{
	struct dojo_flags none = {};
	struct dojo_ctx ctx;

	*fault = (struct dojo_fault_info){ .reason = DOJO_FAULT_NONE };
	switch (op->packet.header.opcode) {
	case DOJO_OP_COPY_SEGMENTS:
	case DOJO_OP_FILL_SEGMENTS:
		dojo_ctx_init(&ctx, mem, scratch, &none, fault);
		return dojo_prepare_segments(op, &ctx);
	default:
		return true;
	}
}

bool dojo_op_run(const struct dojo_op *op, uint64_t unit,
		 struct dojo_memory *mem, void *scratch,
		 struct dojo_flags *flags, struct dojo_fault_info *fault)
{
	const struct dojo_opcode_info *o = find_opcode(op->packet.header.opcode);
	struct dojo_ctx ctx;
	bool ok;

	*fault = (struct dojo_fault_info){ .reason = DOJO_FAULT_NONE };
	if (!o || !o->run || unit >= op->units)
		return fault_at(fault, DOJO_FAULT_OPCODE, 0);
	dojo_ctx_init(&ctx, mem, scratch, flags, fault);
	ctx.stream = op->stream;
	ok = o->run(op, unit, &ctx);
	if (ctx.stream)
		ctx.k->drain();
	return ok;
}
