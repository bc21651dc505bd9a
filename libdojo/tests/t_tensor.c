// SPDX-License-Identifier: MIT
/* Tensor descriptors. */
#include "test.h"

#define VA	0x1000u

static void same(struct dojo_tensor t, uint64_t va, const uint32_t dim[4], const uint64_t stride[4])
{
	int i;

	EQUAL(t.va, va);
	for (i = 0; i < 4; i++) {
		EQUAL(t.dim[i], dim[i]);
		EQUAL(t.stride[i], stride[i]);
	}
}

#define DIMS(...)	((const uint32_t[4]) { __VA_ARGS__ })
#define STRIDES(...)	((const uint64_t[4]) { __VA_ARGS__ })

static bool refused(struct dojo_tensor t)
{
	return t.format == DOJO_FORMAT_NONE;
}

TEST(packed_tensors_are_like_c_arrays)
{
	same(dojo_tensor_1d(VA, DOJO_FORMAT_FP32, 7), VA, DIMS(7, 1, 1, 1), STRIDES(1, 7, 7, 7));
	same(dojo_tensor_2d(VA, DOJO_FORMAT_FP32, 3, 5), VA, DIMS(5, 3, 1, 1),
	     STRIDES(1, 5, 15, 15));
	same(dojo_tensor_3d(VA, DOJO_FORMAT_FP32, 2, 3, 5), VA, DIMS(5, 3, 2, 1),
	     STRIDES(1, 5, 15, 30));
	same(dojo_tensor_4d(VA, DOJO_FORMAT_FP32, 4, 2, 3, 5), VA, DIMS(5, 3, 2, 4),
	     STRIDES(1, 5, 15, 30));
	EQUAL(dojo_tensor_1d(VA, DOJO_FORMAT_BF16, 7).format, DOJO_FORMAT_BF16);
}

TEST(unknown_formats_and_absurd_extents_are_refused)
{
	const uint32_t max = 0x7fffffff;

	CHECK(refused(dojo_tensor_1d(VA, DOJO_FORMAT_NONE, 7)));
	CHECK(refused(dojo_tensor_1d(VA, 300, 7)));
	CHECK(refused(dojo_tensor_4d(VA, DOJO_FORMAT_FP32, max, max, max, max)));
}

TEST(transpose_swaps_rows_and_columns)
{
	same(dojo_tensor_transpose(dojo_tensor_2d(VA, DOJO_FORMAT_FP32, 3, 5)), VA,
	     DIMS(3, 5, 1, 1), STRIDES(5, 1, 15, 15));
}

TEST(permute_reorders_and_refuses_what_is_no_permutation)
{
	struct dojo_tensor t = dojo_tensor_4d(VA, DOJO_FORMAT_FP32, 2, 3, 4, 5);

	same(dojo_tensor_permute(t, 3, 2, 1, 0), VA, DIMS(2, 3, 4, 5), STRIDES(60, 20, 5, 1));
	CHECK(refused(dojo_tensor_permute(t, 0, 0, 1, 2)));
	CHECK(refused(dojo_tensor_permute(t, 0, 1, 2, 4)));
}

TEST(slice_moves_the_start)
{
	struct dojo_tensor t = dojo_tensor_2d(VA, DOJO_FORMAT_BF16, 6, 5);

	same(dojo_tensor_slice(t, 1, 2, 3), VA + 20, DIMS(5, 3, 1, 1), STRIDES(1, 5, 30, 30));
	same(dojo_tensor_slice(t, 0, 4, 1), VA + 8, DIMS(1, 6, 1, 1), STRIDES(1, 5, 30, 30));
	CHECK(refused(dojo_tensor_slice(t, 0, 4, 2)));
	CHECK(refused(dojo_tensor_slice(t, 0, 5, 1)));
	CHECK(refused(dojo_tensor_slice(t, 0, 0, 0)));
	CHECK(refused(dojo_tensor_slice(t, 4, 0, 1)));
}

TEST(broadcast_repeats_a_dim_of_one)
{
	struct dojo_tensor t = dojo_tensor_1d(VA, DOJO_FORMAT_FP32, 5);

	same(dojo_tensor_broadcast(t, 1, 9), VA, DIMS(5, 9, 1, 1), STRIDES(1, 0, 5, 5));
	CHECK(refused(dojo_tensor_broadcast(t, 0, 9)));
	CHECK(refused(dojo_tensor_broadcast(t, 1, 0)));
	CHECK(refused(dojo_tensor_broadcast(t, 4, 2)));
}

TEST(reshape_keeps_count_format_and_bias)
{
	struct dojo_tensor t = dojo_tensor_2d(VA, DOJO_FORMAT_CFLOAT8_143, 6, 4), view;

	t = dojo_tensor_with_bias(t, 9);
	view = dojo_tensor_reshape(t, 1, 2, 3, 4);
	same(view, VA, DIMS(4, 3, 2, 1), STRIDES(1, 4, 12, 24));
	EQUAL(view.format, DOJO_FORMAT_CFLOAT8_143);
	EQUAL(view.bias, 9);
	CHECK(refused(dojo_tensor_reshape(t, 1, 1, 5, 5)));
	CHECK(refused(dojo_tensor_reshape(dojo_tensor_transpose(t), 1, 1, 1, 24)));
}

TEST(bias_is_at_most_63)
{
	struct dojo_tensor t = dojo_tensor_1d(VA, DOJO_FORMAT_CFLOAT8_152, 4);

	EQUAL(dojo_tensor_with_bias(t, 63).bias, 63);
	CHECK(refused(dojo_tensor_with_bias(t, 64)));
}

TEST(count_and_bytes)
{
	struct dojo_tensor t = dojo_tensor_2d(VA, DOJO_FORMAT_BF16, 6, 5), wild;

	EQUAL(dojo_tensor_count(&t), 30);
	EQUAL(dojo_tensor_bytes(&t), 60);
	t = dojo_tensor_slice(t, 0, 0, 2);
	EQUAL(dojo_tensor_count(&t), 12);
	EQUAL(dojo_tensor_bytes(&t), 2 * (5 * 5 + 2));
	wild = t;
	wild.stride[3] = UINT64_MAX;
	wild.dim[3] = 3;
	CHECK(dojo_tensor_bytes(&wild) == UINT64_MAX);
	wild = t;
	memset(wild.dim, 0xff, sizeof(wild.dim));
	CHECK(dojo_tensor_count(&wild) == UINT64_MAX);
	wild.dim[2] = 0;
	EQUAL(dojo_tensor_bytes(&wild), 0);
	wild.format = DOJO_FORMAT_NONE;
	EQUAL(dojo_tensor_bytes(&wild), 0);
}

TEST(packed_or_not)
{
	struct dojo_tensor t = dojo_tensor_2d(VA, DOJO_FORMAT_FP32, 6, 5), view;

	CHECK(dojo_tensor_is_packed(&t));
	view = dojo_tensor_transpose(t);
	CHECK(!dojo_tensor_is_packed(&view));
	view = dojo_tensor_slice(t, 1, 1, 2);
	CHECK(dojo_tensor_is_packed(&view));
	view = dojo_tensor_slice(t, 0, 1, 2);
	CHECK(!dojo_tensor_is_packed(&view));
	view = dojo_tensor_slice(t, 0, 1, 0);
	CHECK(!dojo_tensor_is_packed(&view));
}

TEST(element_sizes)
{
	EQUAL(dojo_format_size(DOJO_FORMAT_FP32), 4);
	EQUAL(dojo_format_size(DOJO_FORMAT_INT32), 4);
	EQUAL(dojo_format_size(DOJO_FORMAT_BF16), 2);
	EQUAL(dojo_format_size(DOJO_FORMAT_FP16), 2);
	EQUAL(dojo_format_size(DOJO_FORMAT_CFLOAT16_SHP), 2);
	EQUAL(dojo_format_size(DOJO_FORMAT_CFLOAT16_UHP), 2);
	EQUAL(dojo_format_size(DOJO_FORMAT_CFLOAT8_143), 1);
	EQUAL(dojo_format_size(DOJO_FORMAT_CFLOAT8_152), 1);
	EQUAL(dojo_format_size(DOJO_FORMAT_INT8), 1);
	EQUAL(dojo_format_size(DOJO_FORMAT_NONE), 0);
	EQUAL(dojo_format_size(1000), 0);
}
