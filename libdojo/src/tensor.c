// SPDX-License-Identifier: MIT
/* Tensor descriptors and views of them. */
#include <string.h>

#include "internal.h"

#define DIMS	4

static const struct dojo_tensor no_tensor;

uint32_t dojo_format_size(uint32_t format)
{
	switch (format) {
	case DOJO_FORMAT_FP32:
	case DOJO_FORMAT_INT32:
		return 4;
	case DOJO_FORMAT_BF16:
	case DOJO_FORMAT_FP16:
	case DOJO_FORMAT_CFLOAT16_SHP:
	case DOJO_FORMAT_CFLOAT16_UHP:
		return 2;
	case DOJO_FORMAT_CFLOAT8_143:
	case DOJO_FORMAT_CFLOAT8_152:
	case DOJO_FORMAT_INT8:
		return 1;
	default:
		return 0;
	}
}

struct dojo_tensor dojo_tensor_4d(uint64_t va, uint32_t format, uint32_t n3, uint32_t n2,
				  uint32_t n1, uint32_t n0)
{
	struct dojo_tensor t = {
		.va = va,
		.dim = { n0, n1, n2, n3 },
		.format = (uint8_t)format,
	};
	uint64_t stride = 1;
	int i;

	if (!dojo_format_size(format))
		return no_tensor;
	for (i = 0; i < DIMS; i++) {
		t.stride[i] = stride;
		if (__builtin_mul_overflow(stride, t.dim[i], &stride))
			return no_tensor;
	}
	return t;
}

struct dojo_tensor dojo_tensor_3d(uint64_t va, uint32_t format, uint32_t n2, uint32_t n1,
				  uint32_t n0)
{
	return dojo_tensor_4d(va, format, 1, n2, n1, n0);
}

struct dojo_tensor dojo_tensor_2d(uint64_t va, uint32_t format, uint32_t rows, uint32_t columns)
{
	return dojo_tensor_4d(va, format, 1, 1, rows, columns);
}

struct dojo_tensor dojo_tensor_1d(uint64_t va, uint32_t format, uint32_t n)
{
	return dojo_tensor_4d(va, format, 1, 1, 1, n);
}

struct dojo_tensor dojo_tensor_permute(struct dojo_tensor t, uint32_t d0, uint32_t d1, uint32_t d2,
				       uint32_t d3)
{
	const uint32_t order[DIMS] = { d0, d1, d2, d3 };
	struct dojo_tensor view = t;
	uint32_t seen = 0;
	int i;

	for (i = 0; i < DIMS; i++) {
		if (order[i] >= DIMS || seen & 1u << order[i])
			return no_tensor;
		seen |= 1u << order[i];
		view.dim[i] = t.dim[order[i]];
		view.stride[i] = t.stride[order[i]];
	}
	return view;
}

struct dojo_tensor dojo_tensor_transpose(struct dojo_tensor t)
{
	return dojo_tensor_permute(t, 1, 0, 2, 3);
}

struct dojo_tensor dojo_tensor_slice(struct dojo_tensor t, uint32_t dim, uint32_t start,
				     uint32_t count)
{
	if (dim >= DIMS || !count || start >= t.dim[dim] || count > t.dim[dim] - start)
		return no_tensor;
	t.va += start * t.stride[dim] * dojo_format_size(t.format);
	t.dim[dim] = count;
	return t;
}

struct dojo_tensor dojo_tensor_broadcast(struct dojo_tensor t, uint32_t dim, uint32_t count)
{
	if (dim >= DIMS || !count || t.dim[dim] != 1)
		return no_tensor;
	t.dim[dim] = count;
	t.stride[dim] = 0;
	return t;
}

struct dojo_tensor dojo_tensor_reshape(struct dojo_tensor t, uint32_t n3, uint32_t n2, uint32_t n1,
				       uint32_t n0)
{
	struct dojo_tensor view = dojo_tensor_4d(t.va, t.format, n3, n2, n1, n0);

	if (!dojo_tensor_is_packed(&t) || !view.format ||
	    dojo_tensor_count(&view) != dojo_tensor_count(&t))
		return no_tensor;
	view.bias = t.bias;
	return view;
}

struct dojo_tensor dojo_tensor_with_bias(struct dojo_tensor t, uint32_t bias)
{
	if (bias > DOJO_BIAS_MAX)
		return no_tensor;
	t.bias = (uint8_t)bias;
	return t;
}

uint64_t dojo_tensor_count(const struct dojo_tensor *t)
{
	uint64_t count = 1;
	int i;

	for (i = 0; i < DIMS; i++)
		if (__builtin_mul_overflow(count, t->dim[i], &count))
			return UINT64_MAX;
	return count;
}

uint64_t dojo_tensor_bytes(const struct dojo_tensor *t)
{
	uint64_t last = 0, step, bytes;
	int i;

	if (!t->format)
		return 0;
	for (i = 0; i < DIMS; i++) {
		if (!t->dim[i])
			return 0;
		if (__builtin_mul_overflow(t->stride[i], t->dim[i] - 1, &step) ||
		    __builtin_add_overflow(last, step, &last))
			return UINT64_MAX;
	}
	if (__builtin_add_overflow(last, 1, &last) ||
	    __builtin_mul_overflow(last, dojo_format_size(t->format), &bytes))
		return UINT64_MAX;
	return bytes;
}

bool dojo_tensor_is_packed(const struct dojo_tensor *t)
{
	uint64_t stride = 1;
	int i;

	if (!t->format)
		return false;
	for (i = 0; i < DIMS; i++) {
		if (t->dim[i] != 1 && t->stride[i] != stride)
			return false;
		stride *= t->dim[i];
	}
	return true;
}
