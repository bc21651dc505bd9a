// SPDX-License-Identifier: GPL-2.0-only
/*
 * Compute packets against plain C. GEMM in FP32 is compared bit by bit: the
 * hardware promises acc = fma(a, b, acc) for ascending k, from +0. The other
 * operations get numbers on which every order of the arithmetic is exact, or a
 * tolerance; driver/NUMERICS.md has tests of its own, to the bit.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dojo_harness.h"

#define ELEMENTS	65536
#define TOLERANCE	0.0001

/* Five operands of up to ELEMENTS floats each, which the CPU sees */
FIXTURE(gemm) {
	struct dojo_client c;
	struct dojo_buf a, b, d, bias, add;
	float *want;
};

FIXTURE_VARIANT(gemm) {
	__u32 domain;
};

FIXTURE_VARIANT_ADD(gemm, hbm) {
	.domain = DRM_DOJO_DOMAIN_HBM,
};

FIXTURE_VARIANT_ADD(gemm, system) {
	.domain = DRM_DOJO_DOMAIN_SYSTEM,
};

/* Numbers of very different sizes, so that the order of the additions shows in the result */
static void random_floats(float *x, size_t n, __u64 seed)
{
	__u64 state = seed;

	while (n--)
		*x++ = ldexpf((float)(dojo_random(&state) % 20001) / 10000 - 1,
			      (int)(dojo_random(&state) % 24) - 12);
}

FIXTURE_SETUP(gemm)
{
	struct dojo_buf *bufs[] = { &self->a, &self->b, &self->d, &self->bias, &self->add };
	size_t i;

	ASSERT_EQ(0, dojo_client_open(&self->c, 0));
	for (i = 0; i < ARRAY_SIZE(bufs); i++) {
		ASSERT_EQ(0, dojo_buf_create(&self->c, bufs[i], ELEMENTS * 4, variant->domain,
					     DRM_DOJO_BO_CPU_ACCESS));
		random_floats(bufs[i]->map, ELEMENTS, i + 1);
	}
	self->want = malloc(ELEMENTS * 4);
	ASSERT_NE(NULL, self->want);
}

FIXTURE_TEARDOWN(gemm)
{
	free(self->want);
	dojo_client_close(&self->c);
}

struct product {
	__u32 m, n, k;
	__u32 batches;		/* of D */
	__u32 a_batches, b_batches;
	__u32 flags;
	__u32 act;
};

/* D = act(A x B + bias + C), as the packet's description says */
static void gemm_on_cpu(const struct product *p, const float *a, const float *b,
			const float *bias, const float *add, float *d)
{
	__u32 batch, i, j, l;

	for (batch = 0; batch < p->batches; batch++) {
		const float *pa = a + (size_t)(batch * p->a_batches / p->batches) * p->m * p->k;
		const float *pb = b + (size_t)(batch * p->b_batches / p->batches) * p->k * p->n;
		const size_t at = (size_t)batch * p->m * p->n;

		for (i = 0; i < p->m; i++)
			for (j = 0; j < p->n; j++) {
				const size_t e = at + (size_t)i * p->n + j;
				float acc = 0;

				for (l = 0; l < p->k; l++)
					acc = fmaf(p->flags & DOJO_GEMM_TRANS_A ?
						   pa[(size_t)l * p->m + i] :
						   pa[(size_t)i * p->k + l],
						   p->flags & DOJO_GEMM_TRANS_B ?
						   pb[(size_t)j * p->k + l] :
						   pb[(size_t)l * p->n + j], acc);
				if (p->flags & DOJO_GEMM_BIAS)
					acc += bias[j];
				if (p->flags & DOJO_GEMM_ADD)
					acc += add[e];
				if (p->act == DOJO_ACT_RELU && !(acc > 0))
					acc = 0;
				d[e] = acc;
			}
	}
}

static struct dojo_packet_compute *add_gemm(struct dojo_client *c, const struct product *p,
					    __u64 a, __u64 b, __u64 d, __u64 bias, __u64 add)
{
	const unsigned int tensors = 3 + !!(p->flags & DOJO_GEMM_BIAS) +
				     !!(p->flags & DOJO_GEMM_ADD);
	struct dojo_packet_compute *gemm = dojo_compute(c, DOJO_OP_GEMM, tensors);
	const float one = 1;
	int t = 3;

	gemm->fn = p->act;
	gemm->op_flags = p->flags;
	memcpy(&gemm->f[0], &one, 4);
	gemm->tensor[0] = p->flags & DOJO_GEMM_TRANS_A ?
		dojo_dense(a, DOJO_FORMAT_FP32, p->m, p->k, p->a_batches, 1) :
		dojo_dense(a, DOJO_FORMAT_FP32, p->k, p->m, p->a_batches, 1);
	gemm->tensor[1] = p->flags & DOJO_GEMM_TRANS_B ?
		dojo_dense(b, DOJO_FORMAT_FP32, p->k, p->n, p->b_batches, 1) :
		dojo_dense(b, DOJO_FORMAT_FP32, p->n, p->k, p->b_batches, 1);
	gemm->tensor[2] = dojo_dense(d, DOJO_FORMAT_FP32, p->n, p->m, p->batches, 1);
	if (p->flags & DOJO_GEMM_BIAS)
		gemm->tensor[t++] = dojo_dense(bias, DOJO_FORMAT_FP32, p->n, 1, 1, 1);
	if (p->flags & DOJO_GEMM_ADD)
		gemm->tensor[t++] = dojo_dense(add, DOJO_FORMAT_FP32, p->n, p->m, p->batches, 1);
	return gemm;
}

static const struct product products[] = {
	{ 1, 1, 1, 1, 1, 1, 0, 0 },
	{ 2, 3, 4, 1, 1, 1, 0, 0 },
	{ 16, 16, 16, 1, 1, 1, 0, 0 },
	{ 17, 33, 65, 1, 1, 1, 0, 0 },
	{ 1, 100, 300, 1, 1, 1, 0, 0 },
	{ 100, 1, 300, 1, 1, 1, 0, 0 },
	{ 64, 48, 1, 1, 1, 1, 0, 0 },
	{ 128, 128, 128, 1, 1, 1, 0, 0 },
	{ 31, 29, 37, 1, 1, 1, DOJO_GEMM_TRANS_A, 0 },
	{ 31, 29, 37, 1, 1, 1, DOJO_GEMM_TRANS_B, 0 },
	{ 31, 29, 37, 1, 1, 1, DOJO_GEMM_TRANS_A | DOJO_GEMM_TRANS_B, 0 },
	{ 20, 30, 40, 1, 1, 1, DOJO_GEMM_BIAS, 0 },
	{ 20, 30, 40, 1, 1, 1, DOJO_GEMM_ADD, 0 },
	{ 20, 30, 40, 1, 1, 1, 0, DOJO_ACT_RELU },
	{ 20, 30, 40, 1, 1, 1, DOJO_GEMM_BIAS, DOJO_ACT_RELU },
	{ 20, 30, 40, 1, 1, 1, DOJO_GEMM_TRANS_B | DOJO_GEMM_ADD, DOJO_ACT_RELU },
	{ 10, 12, 14, 6, 6, 6, 0, 0 },
	{ 10, 12, 14, 6, 1, 6, 0, 0 },
	{ 10, 12, 14, 6, 6, 1, DOJO_GEMM_TRANS_A, 0 },
	{ 10, 12, 14, 6, 2, 3, 0, 0 },
};

TEST_F(gemm, equals_the_plain_loop_to_the_bit)
{
	const struct product *p;
	size_t bytes, i;

	for (p = products; p < products + ARRAY_SIZE(products); p++) {
		bytes = (size_t)p->batches * p->m * p->n * 4;
		gemm_on_cpu(p, self->a.map, self->b.map, self->bias.map, self->add.map, self->want);
		memset(self->d.map, 0x7f, bytes + 64);
		add_gemm(&self->c, p, self->a.va, self->b.va, self->d.va, self->bias.va,
			 self->add.va);
		ASSERT_EQ(0, dojo_run(&self->c, self->c.compute))
			TH_LOG("product %zu", p - products);
		for (i = 0; i < bytes / 4; i++)
			if (memcmp((float *)self->d.map + i, self->want + i, 4))
				break;
		EXPECT_EQ(bytes / 4, i)
			TH_LOG("product %zu: %a, should be %a", p - products,
			       (double)((float *)self->d.map)[i], (double)self->want[i]);
		EXPECT_EQ(-1, dojo_not_all((char *)self->d.map + bytes, 64, 0x7f));
	}
}

TEST_F(gemm, may_add_to_its_own_destination)
{
	const struct product p = { 20, 30, 40, 1, 1, 1, DOJO_GEMM_ADD, 0 };

	gemm_on_cpu(&p, self->a.map, self->b.map, NULL, self->d.map, self->want);
	add_gemm(&self->c, &p, self->a.va, self->b.va, self->d.va, 0, self->d.va);
	ASSERT_EQ(0, dojo_run(&self->c, self->c.compute));
	EXPECT_EQ(0, memcmp(self->want, self->d.map, 20 * 30 * 4));
}

TEST_F(gemm, reads_strided_matrices)
{
	const struct product p = { 8, 8, 8, 1, 1, 1, 0, 0 };
	struct dojo_packet_compute *gemm;
	float dense[64];
	int i, j;

	/* A is every third column of a matrix with 40 columns */
	for (i = 0; i < 8; i++)
		for (j = 0; j < 8; j++)
			dense[i * 8 + j] = ((float *)self->a.map)[i * 40 + j * 3];
	gemm_on_cpu(&p, dense, self->b.map, NULL, NULL, self->want);
	gemm = add_gemm(&self->c, &p, self->a.va, self->b.va, self->d.va, 0, 0);
	gemm->tensor[0].stride[0] = 3;
	gemm->tensor[0].stride[1] = 40;
	ASSERT_EQ(0, dojo_run(&self->c, self->c.compute));
	EXPECT_EQ(0, memcmp(self->want, self->d.map, 64 * 4));
}

TEST_F(gemm, counts_its_operations)
{
	const struct product p = { 64, 32, 16, 1, 1, 1, 0, 0 };
	struct drm_dojo_queue_get_state before, after;

	ASSERT_EQ(0, dojo_queue_state(self->c.fd, self->c.compute, &before));
	add_gemm(&self->c, &p, self->a.va, self->b.va, self->d.va, 0, 0);
	ASSERT_EQ(0, dojo_run(&self->c, self->c.compute));
	ASSERT_EQ(0, dojo_queue_state(self->c.fd, self->c.compute, &after));
	EXPECT_EQ(before.flop + 2ull * 64 * 32 * 16, after.flop);
	EXPECT_EQ(before.packets + 1, after.packets);
	EXPECT_GT(after.busy_ns, before.busy_ns);
}

TEST_F(gemm, gives_the_same_bits_on_any_rectangle)
{
	const struct product p = { 50, 60, 70, 1, 1, 1, 0, 0 };
	__u8 size;

	gemm_on_cpu(&p, self->a.map, self->b.map, NULL, NULL, self->want);
	for (size = 1; size <= 5; size++) {
		struct drm_dojo_queue_create args = {
			.vm_id = self->c.vm,
			.queue_class = DRM_DOJO_QUEUE_COMPUTE,
			.rect_w = size, .rect_h = size,
		};

		ASSERT_EQ(0, dojo_ioctl(self->c.fd, DRM_IOCTL_DOJO_QUEUE_CREATE, &args));
		memset(self->d.map, 0, 50 * 60 * 4);
		add_gemm(&self->c, &p, self->a.va, self->b.va, self->d.va, 0, 0);
		ASSERT_EQ(0, dojo_run(&self->c, args.queue_id));
		EXPECT_EQ(0, memcmp(self->want, self->d.map, 50 * 60 * 4));
	}
}

/* ----------------------------------------------------- other operations */

FIXTURE(op) {
	struct dojo_client c;
	struct dojo_buf x, y, z;
	float *fx, *fy, *fz;
};

FIXTURE_SETUP(op)
{
	ASSERT_EQ(0, dojo_client_open(&self->c, 0));
	ASSERT_EQ(0, dojo_buf_create(&self->c, &self->x, ELEMENTS * 4, DRM_DOJO_DOMAIN_HBM,
				     DRM_DOJO_BO_CPU_ACCESS));
	ASSERT_EQ(0, dojo_buf_create(&self->c, &self->y, ELEMENTS * 4, DRM_DOJO_DOMAIN_HBM,
				     DRM_DOJO_BO_CPU_ACCESS));
	ASSERT_EQ(0, dojo_buf_create(&self->c, &self->z, ELEMENTS * 4, DRM_DOJO_DOMAIN_HBM,
				     DRM_DOJO_BO_CPU_ACCESS));
	self->fx = self->x.map;
	self->fy = self->y.map;
	self->fz = self->z.map;
}

FIXTURE_TEARDOWN(op)
{
	dojo_client_close(&self->c);
}

static struct dojo_tensor fp32(const struct dojo_buf *buf, __u32 d0, __u32 d1)
{
	return dojo_dense(buf->va, DOJO_FORMAT_FP32, d0, d1, 1, 1);
}

static __u32 bits(float f)
{
	__u32 u;

	memcpy(&u, &f, 4);
	return u;
}

static float add_cpu(float a, float b)
{
	return a + b;
}

static float sub_cpu(float a, float b)
{
	return a - b;
}

static float mul_cpu(float a, float b)
{
	return a * b;
}

static float div_cpu(float a, float b)
{
	return a / b;
}

static float min_cpu(float a, float b)
{
	return a < b ? a : b;
}

static float max_cpu(float a, float b)
{
	return a > b ? a : b;
}

TEST_F(op, binary_functions)
{
	static const struct {
		__u8 fn;
		float (*cpu)(float a, float b);
	} ops[] = {
		{ DOJO_BINARY_ADD, add_cpu }, { DOJO_BINARY_SUB, sub_cpu },
		{ DOJO_BINARY_MUL, mul_cpu }, { DOJO_BINARY_DIV, div_cpu },
		{ DOJO_BINARY_MIN, min_cpu }, { DOJO_BINARY_MAX, max_cpu },
	};
	struct dojo_packet_compute *op;
	size_t f, i;

	random_floats(self->fx, 1000, 1);
	random_floats(self->fy, 1000, 2);
	for (i = 0; i < 1000; i++) {
		if (self->fy[i] == 0)
			self->fy[i] = 1;
	}
	for (f = 0; f < ARRAY_SIZE(ops); f++) {
		op = dojo_compute(&self->c, DOJO_OP_BINARY, 3);
		op->fn = ops[f].fn;
		op->tensor[0] = fp32(&self->x, 1000, 1);
		op->tensor[1] = fp32(&self->y, 1000, 1);
		op->tensor[2] = fp32(&self->z, 1000, 1);
		ASSERT_EQ(0, dojo_run(&self->c, self->c.compute));
		for (i = 0; i < 1000; i++) {
			ASSERT_EQ(bits(ops[f].cpu(self->fx[i], self->fy[i])), bits(self->fz[i]))
				TH_LOG("function %u of %a and %a", ops[f].fn,
				       (double)self->fx[i], (double)self->fy[i]);
		}
	}
}

static float relu_cpu(float x)
{
	return x > 0 ? x : 0;
}

static float neg_cpu(float x)
{
	return -x;
}

static float square_cpu(float x)
{
	return x * x;
}

static float step_cpu(float x)
{
	return x > 0;
}

TEST_F(op, unary_functions)
{
	static const struct {
		__u8 fn;
		float (*cpu)(float x);
	} ops[] = {
		{ DOJO_UNARY_RELU, relu_cpu }, { DOJO_UNARY_NEG, neg_cpu },
		{ DOJO_UNARY_ABS, fabsf }, { DOJO_UNARY_SQUARE, square_cpu },
		{ DOJO_UNARY_STEP, step_cpu },
	};
	struct dojo_packet_compute *op;
	size_t f, i;

	random_floats(self->fx, 1000, 3);
	for (f = 0; f < ARRAY_SIZE(ops); f++) {
		op = dojo_compute(&self->c, DOJO_OP_UNARY, 2);
		op->fn = ops[f].fn;
		op->tensor[0] = fp32(&self->x, 1000, 1);
		op->tensor[1] = fp32(&self->y, 1000, 1);
		ASSERT_EQ(0, dojo_run(&self->c, self->c.compute));
		for (i = 0; i < 1000; i++) {
			ASSERT_EQ(bits(ops[f].cpu(self->fx[i])), bits(self->fy[i]))
				TH_LOG("function %u of %a", ops[f].fn, (double)self->fx[i]);
		}
	}
}

TEST_F(op, a_broadcast_operand)
{
	struct dojo_packet_compute *op;
	int i, j;

	/* a row of 10 is added to each of 20 rows */
	for (i = 0; i < 200; i++)
		self->fx[i] = i;
	for (i = 0; i < 10; i++)
		self->fy[i] = 1000 * i;
	op = dojo_compute(&self->c, DOJO_OP_BINARY, 3);
	op->fn = DOJO_BINARY_ADD;
	op->tensor[0] = fp32(&self->x, 10, 20);
	op->tensor[1] = fp32(&self->y, 10, 20);
	op->tensor[1].stride[1] = 0;
	op->tensor[2] = fp32(&self->z, 10, 20);
	ASSERT_EQ(0, dojo_run(&self->c, self->c.compute));
	for (i = 0; i < 20; i++)
		for (j = 0; j < 10; j++)
			EXPECT_EQ(i * 10 + j + 1000 * j, self->fz[i * 10 + j]);
}

TEST_F(op, reductions)
{
	struct dojo_packet_compute *op;
	float sum, max;
	int i, j;

	/* integers: their sums are exact in any order */
	for (i = 0; i < 30 * 20; i++)
		self->fx[i] = i * 37 % 101 - 50;
	for (j = DOJO_REDUCE_SUM; j <= DOJO_REDUCE_MAX; j += DOJO_REDUCE_MAX - DOJO_REDUCE_SUM) {
		op = dojo_compute(&self->c, DOJO_OP_REDUCE, 2);
		op->fn = j;
		op->u[0] = 1;	/* along dim 0 */
		op->tensor[0] = fp32(&self->x, 30, 20);
		op->tensor[1] = dojo_dense(self->y.va + (j == DOJO_REDUCE_MAX ? 4096 : 0),
					   DOJO_FORMAT_FP32, 1, 20, 1, 1);
	}
	ASSERT_EQ(0, dojo_run(&self->c, self->c.compute));
	for (i = 0; i < 20; i++) {
		sum = 0;
		max = -INFINITY;
		for (j = 0; j < 30; j++) {
			sum += self->fx[i * 30 + j];
			max = fmaxf(max, self->fx[i * 30 + j]);
		}
		EXPECT_EQ(sum, self->fy[i]);
		EXPECT_EQ(max, self->fy[1024 + i]);
	}
}

TEST_F(op, cross_entropy_and_its_gradient)
{
	__s32 *labels = self->y.map;
	struct dojo_packet_compute *op;
	float *loss = self->fz, *grad = self->fz + 1024;
	double sum, want;
	int i, j;

	random_floats(self->fx, 10 * 8, 5);
	for (i = 0; i < 80; i++)
		self->fx[i] = fmodf(self->fx[i], 8);
	for (i = 0; i < 8; i++)
		labels[i] = i;
	op = dojo_compute(&self->c, DOJO_OP_CROSS_ENTROPY, 4);
	op->op_flags = DOJO_CROSS_ENTROPY_GRAD;
	op->f[0] = bits(1);
	op->tensor[0] = fp32(&self->x, 10, 8);
	op->tensor[1] = dojo_dense(self->y.va, DOJO_FORMAT_INT32, 8, 1, 1, 1);
	op->tensor[2] = dojo_dense(self->z.va, DOJO_FORMAT_FP32, 8, 1, 1, 1);
	op->tensor[3] = dojo_dense(self->z.va + 4096, DOJO_FORMAT_FP32, 10, 8, 1, 1);
	ASSERT_EQ(0, dojo_run(&self->c, self->c.compute));
	for (i = 0; i < 8; i++) {
		sum = 0;
		for (j = 0; j < 10; j++)
			sum += exp((double)self->fx[i * 10 + j]);
		want = log(sum) - (double)self->fx[i * 10 + i];
		EXPECT_LT(fabs(want - (double)loss[i]), TOLERANCE);
		for (j = 0; j < 10; j++) {
			want = exp((double)self->fx[i * 10 + j]) / sum - (i == j);
			EXPECT_LT(fabs(want - (double)grad[i * 10 + j]), TOLERANCE);
		}
	}
}

TEST_F(op, sgd_step)
{
	struct dojo_packet_compute *op;
	int i;

	/* w -= 0.5 * g, exact for these numbers */
	for (i = 0; i < 500; i++) {
		self->fx[i] = i;
		self->fy[i] = 2 * i - 100;
	}
	op = dojo_compute(&self->c, DOJO_OP_SGD, 2);
	op->f[0] = bits(0.5f);
	op->tensor[0] = fp32(&self->x, 500, 1);
	op->tensor[1] = fp32(&self->y, 500, 1);
	ASSERT_EQ(0, dojo_run(&self->c, self->c.compute));
	for (i = 0; i < 500; i++)
		EXPECT_EQ(50, self->fx[i]);
}

int main(int argc, char **argv)
{
	return dojo_test_main(argc, argv, NULL);
}
