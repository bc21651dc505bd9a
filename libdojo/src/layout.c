// SPDX-License-Identifier: MIT
/* Which field of a packet lies at which byte: how a fault gets its name. */
#include "internal.h"

#define FIELD(packet, member) \
	{ offsetof(struct packet, member), sizeof(((struct packet *)0)->member), #member }

struct field {
	size_t offset;
	size_t size;
	const char *name;
};

static const struct field header_fields[] = {
	FIELD(dojo_packet_header, opcode),
	FIELD(dojo_packet_header, words),
	FIELD(dojo_packet_header, flags),
	{ 0, 0, NULL },
};

static const struct field timestamp_fields[] = {
	FIELD(dojo_packet_timestamp, va),
	{ 0, 0, NULL },
};

static const struct field sem_wait_fields[] = {
	FIELD(dojo_packet_sem_wait, va),
	FIELD(dojo_packet_sem_wait, value),
	FIELD(dojo_packet_sem_wait, condition),
	FIELD(dojo_packet_sem_wait, reserved),
	{ 0, 0, NULL },
};

static const struct field sem_signal_fields[] = {
	FIELD(dojo_packet_sem_signal, va),
	FIELD(dojo_packet_sem_signal, value),
	FIELD(dojo_packet_sem_signal, operation),
	FIELD(dojo_packet_sem_signal, reserved),
	{ 0, 0, NULL },
};

static const struct field copy_fields[] = {
	FIELD(dojo_packet_copy, src),
	FIELD(dojo_packet_copy, dst),
	FIELD(dojo_packet_copy, size),
	{ 0, 0, NULL },
};

static const struct field copy_nd_fields[] = {
	FIELD(dojo_packet_copy_nd, src),
	FIELD(dojo_packet_copy_nd, dst),
	FIELD(dojo_packet_copy_nd, src_stride[0]),
	FIELD(dojo_packet_copy_nd, src_stride[1]),
	FIELD(dojo_packet_copy_nd, src_stride[2]),
	FIELD(dojo_packet_copy_nd, dst_stride[0]),
	FIELD(dojo_packet_copy_nd, dst_stride[1]),
	FIELD(dojo_packet_copy_nd, dst_stride[2]),
	FIELD(dojo_packet_copy_nd, size[0]),
	FIELD(dojo_packet_copy_nd, size[1]),
	FIELD(dojo_packet_copy_nd, size[2]),
	FIELD(dojo_packet_copy_nd, size[3]),
	{ 0, 0, NULL },
};

static const struct field fill_fields[] = {
	FIELD(dojo_packet_fill, dst),
	FIELD(dojo_packet_fill, size),
	FIELD(dojo_packet_fill, pattern),
	FIELD(dojo_packet_fill, reserved),
	{ 0, 0, NULL },
};

static const struct field compute_fields[] = {
	FIELD(dojo_packet_compute, fn),
	FIELD(dojo_packet_compute, round),
	FIELD(dojo_packet_compute, tensors),
	FIELD(dojo_packet_compute, reserved),
	FIELD(dojo_packet_compute, op_flags),
	FIELD(dojo_packet_compute, seed),
	FIELD(dojo_packet_compute, rng_base),
	{ 0, 0, NULL },
};

static const struct field tensor_fields[] = {
	FIELD(dojo_tensor, va),
	FIELD(dojo_tensor, dim[0]),
	FIELD(dojo_tensor, dim[1]),
	FIELD(dojo_tensor, dim[2]),
	FIELD(dojo_tensor, dim[3]),
	FIELD(dojo_tensor, stride[0]),
	FIELD(dojo_tensor, stride[1]),
	FIELD(dojo_tensor, stride[2]),
	FIELD(dojo_tensor, stride[3]),
	FIELD(dojo_tensor, format),
	FIELD(dojo_tensor, bias),
	FIELD(dojo_tensor, reserved),
	{ 0, 0, NULL },
};

static const struct field *const dma_fields[] = {
	[DOJO_OP_TIMESTAMP] = timestamp_fields,
	[DOJO_OP_SEM_WAIT] = sem_wait_fields,
	[DOJO_OP_SEM_SIGNAL] = sem_signal_fields,
	[DOJO_OP_COPY] = copy_fields,
	[DOJO_OP_COPY_ND] = copy_nd_fields,
	[DOJO_OP_FILL] = fill_fields,
};

/**
 * struct compute_layout - what an opcode calls its operands
 * @tensors: in order; where optional ones shift the order, all that it may be
 * @f, @u: parameters
 */
struct compute_layout {
	const char *tensors[DOJO_TENSOR_MAX];
	const char *f[5];
	const char *u[3];
};

static const struct compute_layout compute_layouts[] = {
	[DOJO_OP_GEMM] = { { "A", "B", "D", "bias or C", "C" }, { "alpha" }, { NULL } },
	[DOJO_OP_UNARY] = { { "x", "y" }, { "factor or low", "offset or high" }, { NULL } },
	[DOJO_OP_BINARY] = { { "a", "b", "y" }, { "alpha", "beta" }, { NULL } },
	[DOJO_OP_REDUCE] = { { "x", "y" }, { NULL }, { "dims" } },
	[DOJO_OP_SOFTMAX] = { { "x", "y", "mask" }, { "scale" }, { "causal offset" } },
	[DOJO_OP_SOFTMAX_GRAD] = { { "dy", "y", "dx" }, { "scale" }, { NULL } },
	[DOJO_OP_NORM] = { { "x", "y", "gamma or beta", "beta" }, { "epsilon" }, { NULL } },
	[DOJO_OP_NORM_GRAD] = {
		{ "dy", "x", "dx", "gamma or dbeta", "dgamma", "dbeta" }, { "epsilon" }, { NULL }
	},
	[DOJO_OP_ROPE] = { { "x", "pos", "y" }, { "base" }, { "turn" } },
	[DOJO_OP_GATHER] = { { "x", "index", "y" }, { NULL }, { NULL } },
	[DOJO_OP_SCATTER] = { { "x", "index", "y" }, { NULL }, { NULL } },
	[DOJO_OP_CONVERT] = { { "x", "y" }, { NULL }, { NULL } },
	[DOJO_OP_CONV2D] = {
		{ "x", "w", "y", "bias" }, { NULL }, { "stride", "padding", "dilation" }
	},
	[DOJO_OP_CONV2D_GRAD_INPUT] = {
		{ "dy", "w", "dx" }, { NULL }, { "stride", "padding", "dilation" }
	},
	[DOJO_OP_CONV2D_GRAD_WEIGHT] = {
		{ "dy", "x", "dw", "dbias" }, { NULL }, { "stride", "padding", "dilation" }
	},
	[DOJO_OP_POOL] = { { "x", "y" }, { NULL }, { "window", "stride", "padding" } },
	[DOJO_OP_POOL_GRAD] = { { "dy", "x", "dx" }, { NULL }, { "window", "stride", "padding" } },
	[DOJO_OP_CROSS_ENTROPY] = {
		{ "logits", "labels", "loss", "dlogits" }, { "gradient scale" }, { NULL }
	},
	[DOJO_OP_DROPOUT] = { { "x", "y" }, { "probability" }, { NULL } },
	[DOJO_OP_SGD] = { { "w", "g", "m" }, { "rate", "momentum", "decay" }, { NULL } },
	[DOJO_OP_ADAMW] = {
		{ "w", "g", "m", "v" }, { "rate", "beta1", "beta2", "epsilon", "decay" }, { "step" }
	},
};

static const struct compute_layout *find_layout(uint32_t opcode)
{
	return opcode < ARRAY_SIZE(compute_layouts) ? &compute_layouts[opcode] : NULL;
}

const char *dojo_tensor_name(uint32_t opcode, uint32_t index)
{
	const struct compute_layout *layout = find_layout(opcode);

	return layout && index < DOJO_TENSOR_MAX ? layout->tensors[index] : NULL;
}

static const struct field *find_field(const struct field *fields, size_t byte)
{
	for (; fields->name; fields++)
		if (byte >= fields->offset && byte < fields->offset + fields->size)
			return fields;
	return NULL;
}

static const char *field_name(const struct field *fields, size_t byte)
{
	const struct field *field = find_field(fields, byte);

	return field ? field->name : "?";
}

static void add_parameter(struct text *out, char array, size_t index, const char *name)
{
	dojo_text_add(out, "%c[%zu]", array, index);
	if (name)
		dojo_text_add(out, " (%s)", name);
}

static void add_tensor_field(struct text *out, uint32_t opcode, size_t byte)
{
	uint32_t index = (uint32_t)(byte / sizeof(struct dojo_tensor));
	const char *name = dojo_tensor_name(opcode, index);

	dojo_text_add(out, "tensor %u", index);
	if (name)
		dojo_text_add(out, " (%s)", name);
	dojo_text_add(out, ": %s", field_name(tensor_fields, byte % sizeof(struct dojo_tensor)));
}

static void add_compute_field(struct text *out, uint32_t opcode, size_t byte)
{
	const size_t f = offsetof(struct dojo_packet_compute, f);
	const size_t u = offsetof(struct dojo_packet_compute, u);
	const size_t tensor = offsetof(struct dojo_packet_compute, tensor);
	const struct compute_layout *layout = find_layout(opcode);

	if (byte < f) {
		dojo_text_add(out, "%s", field_name(compute_fields, byte));
	} else if (byte < u) {
		byte = (byte - f) / 4;
		add_parameter(out, 'f', byte, layout ? layout->f[byte] : NULL);
	} else if (byte < tensor) {
		byte = (byte - u) / 4;
		add_parameter(out, 'u', byte, layout ? layout->u[byte] : NULL);
	} else if (byte < tensor + DOJO_TENSOR_MAX * sizeof(struct dojo_tensor)) {
		add_tensor_field(out, opcode, byte - tensor);
	} else {
		dojo_text_add(out, "byte %zu", byte);
	}
}

size_t dojo_field_string(uint32_t opcode, uint32_t field, char *buffer, size_t size)
{
	const struct field *found = NULL;
	struct text out;

	dojo_text_start(&out, buffer, size);
	if (field < sizeof(struct dojo_packet_header))
		found = find_field(header_fields, field);
	else if (opcode < ARRAY_SIZE(dma_fields) && dma_fields[opcode])
		found = find_field(dma_fields[opcode], field);

	if (found)
		dojo_text_add(&out, "%s", found->name);
	else if (opcode >= DOJO_OP_GEMM)
		add_compute_field(&out, opcode, field);
	else
		dojo_text_add(&out, "byte %u", field);
	return out.length;
}
