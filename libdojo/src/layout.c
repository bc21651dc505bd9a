// SPDX-License-Identifier: MIT
/* Which field of a packet lies at which byte: how a fault gets its name. */
#include "internal.h"

/**
 * struct field - a field, which reaches to the next one
 * @offset: where it begins; of the last entry, where the one before it ends
 * @name: NULL ends the table
 */
struct field {
	size_t offset;
	const char *name;
};

static const struct field header_fields[] = {
	{ offsetof(struct dojo_packet_header, opcode), "opcode" },
	{ offsetof(struct dojo_packet_header, words), "words" },
	{ offsetof(struct dojo_packet_header, flags), "flags" },
	{ sizeof(struct dojo_packet_header), NULL },
};

static const struct field timestamp_fields[] = {
	{ offsetof(struct dojo_packet_timestamp, va), "va" },
	{ sizeof(struct dojo_packet_timestamp), NULL },
};

static const struct field sem_wait_fields[] = {
	{ offsetof(struct dojo_packet_sem_wait, va), "va" },
	{ offsetof(struct dojo_packet_sem_wait, value), "value" },
	{ offsetof(struct dojo_packet_sem_wait, condition), "condition" },
	{ offsetof(struct dojo_packet_sem_wait, reserved), "reserved" },
	{ sizeof(struct dojo_packet_sem_wait), NULL },
};

static const struct field sem_signal_fields[] = {
	{ offsetof(struct dojo_packet_sem_signal, va), "va" },
	{ offsetof(struct dojo_packet_sem_signal, value), "value" },
	{ offsetof(struct dojo_packet_sem_signal, operation), "operation" },
	{ offsetof(struct dojo_packet_sem_signal, reserved), "reserved" },
	{ sizeof(struct dojo_packet_sem_signal), NULL },
};

static const struct field copy_fields[] = {
	{ offsetof(struct dojo_packet_copy, src), "src" },
	{ offsetof(struct dojo_packet_copy, dst), "dst" },
	{ offsetof(struct dojo_packet_copy, size), "size" },
	{ sizeof(struct dojo_packet_copy), NULL },
};

static const struct field copy_nd_fields[] = {
	{ offsetof(struct dojo_packet_copy_nd, src), "src" },
	{ offsetof(struct dojo_packet_copy_nd, dst), "dst" },
	{ offsetof(struct dojo_packet_copy_nd, src_stride[0]), "src_stride[0]" },
	{ offsetof(struct dojo_packet_copy_nd, src_stride[1]), "src_stride[1]" },
	{ offsetof(struct dojo_packet_copy_nd, src_stride[2]), "src_stride[2]" },
	{ offsetof(struct dojo_packet_copy_nd, dst_stride[0]), "dst_stride[0]" },
	{ offsetof(struct dojo_packet_copy_nd, dst_stride[1]), "dst_stride[1]" },
	{ offsetof(struct dojo_packet_copy_nd, dst_stride[2]), "dst_stride[2]" },
	{ offsetof(struct dojo_packet_copy_nd, size[0]), "size[0]" },
	{ offsetof(struct dojo_packet_copy_nd, size[1]), "size[1]" },
	{ offsetof(struct dojo_packet_copy_nd, size[2]), "size[2]" },
	{ offsetof(struct dojo_packet_copy_nd, size[3]), "size[3]" },
	{ sizeof(struct dojo_packet_copy_nd), NULL },
};

static const struct field fill_fields[] = {
	{ offsetof(struct dojo_packet_fill, dst), "dst" },
	{ offsetof(struct dojo_packet_fill, size), "size" },
	{ offsetof(struct dojo_packet_fill, pattern), "pattern" },
	{ offsetof(struct dojo_packet_fill, reserved), "reserved" },
	{ sizeof(struct dojo_packet_fill), NULL },
};

static const struct field compute_fields[] = {
	{ offsetof(struct dojo_packet_compute, fn), "fn" },
	{ offsetof(struct dojo_packet_compute, round), "round" },
	{ offsetof(struct dojo_packet_compute, tensors), "tensors" },
	{ offsetof(struct dojo_packet_compute, reserved), "reserved" },
	{ offsetof(struct dojo_packet_compute, op_flags), "op_flags" },
	{ offsetof(struct dojo_packet_compute, seed), "seed" },
	{ offsetof(struct dojo_packet_compute, rng_base), "rng_base" },
	{ offsetof(struct dojo_packet_compute, f), NULL },
};

static const struct field tensor_fields[] = {
	{ offsetof(struct dojo_tensor, va), "va" },
	{ offsetof(struct dojo_tensor, dim[0]), "dim[0]" },
	{ offsetof(struct dojo_tensor, dim[1]), "dim[1]" },
	{ offsetof(struct dojo_tensor, dim[2]), "dim[2]" },
	{ offsetof(struct dojo_tensor, dim[3]), "dim[3]" },
	{ offsetof(struct dojo_tensor, stride[0]), "stride[0]" },
	{ offsetof(struct dojo_tensor, stride[1]), "stride[1]" },
	{ offsetof(struct dojo_tensor, stride[2]), "stride[2]" },
	{ offsetof(struct dojo_tensor, stride[3]), "stride[3]" },
	{ offsetof(struct dojo_tensor, format), "format" },
	{ offsetof(struct dojo_tensor, bias), "bias" },
	{ offsetof(struct dojo_tensor, reserved), "reserved" },
	{ sizeof(struct dojo_tensor), NULL },
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
		if (byte >= fields[0].offset && byte < fields[1].offset)
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
