// SPDX-License-Identifier: GPL-2.0-only
/* Training on the CPU: the gradients are those of the loss, and following them lowers it. */
#include <math.h>
#include <string.h>

#include "check.h"
#include "cpu_net.h"
#include "random.h"

#define BATCH	6
#define SIDE	7
#define CLASSES	4

static void plain_sgemm(int order, int trans_a, int trans_b, int m, int n, int k, float alpha,
			const float *a, int lda, const float *b, int ldb, float beta, float *c,
			int ldc)
{
	CHECK(order == BENCH_ROW_MAJOR && alpha == 1 && beta == 0);
	for (int i = 0; i < m; i++)
		for (int j = 0; j < n; j++) {
			double sum = 0;

			for (int l = 0; l < k; l++)
				sum += (double)(trans_a == BENCH_TRANSPOSED ? a[l * lda + i] :
									      a[i * lda + l]) *
				       (trans_b == BENCH_TRANSPOSED ? b[j * ldb + l] :
								      b[l * ldb + j]);
			c[i * ldc + j] = sum;
		}
}

static uint8_t labels[BATCH];

static struct cpu_net *noise_net(const struct net_layer *layers)
{
	struct cpu_net *net = cpu_net_create(plain_sgemm, layers,
					     (struct net_extent){ SIDE, SIDE, 1 }, BATCH);
	struct random random;

	CHECK(net);
	random_seed(&random, 3);
	for (size_t i = 0; i < (size_t)BATCH * SIDE * SIDE; i++)
		cpu_net_input(net)[i] = random_signed(&random);
	for (size_t i = 0; i < BATCH; i++)
		labels[i] = random_below(&random, CLASSES);
	return net;
}

/* The slope of the loss along the gradient of one layer is that gradient's length. */
static void check_layer(struct cpu_net *net, unsigned int i)
{
	float gradient[4096], before, after, length = 0;
	const float *found;
	size_t count;
	float *w = cpu_net_parameters(net, i, &count, &found);

	if (!count)
		return;
	CHECK(count <= 4096);
	cpu_net_gradients(net, labels);
	memcpy(gradient, found, count * sizeof(float));
	for (size_t p = 0; p < count; p++)
		length += gradient[p] * gradient[p];
	length = sqrtf(length);
	CHECK(length > 0.001f);

	for (size_t p = 0; p < count; p++)
		w[p] += 0.005f * gradient[p] / length;
	after = cpu_net_gradients(net, labels);
	for (size_t p = 0; p < count; p++)
		w[p] -= 0.01f * gradient[p] / length;
	before = cpu_net_gradients(net, labels);
	for (size_t p = 0; p < count; p++)
		w[p] += 0.005f * gradient[p] / length;
	if (fabsf((after - before) / 0.01f - length) > 0.02f * length)
		printf("# layer %u: slope %g, gradient %g\n", i, (after - before) / 0.01f, length);
	CHECK(fabsf((after - before) / 0.01f - length) < 0.02f * length);
}

static void check_net(const struct net_layer *layers)
{
	struct cpu_net *net = noise_net(layers);

	for (unsigned int i = 0; layers[i].op != NET_END; i++)
		check_layer(net, i);
	cpu_net_destroy(net);
}

static void gradients_of_dense_layers(void)
{
	check_net((struct net_layer[]){
		{ .op = NET_DENSE, .out = 9, .relu = true },
		{ .op = NET_DENSE, .out = CLASSES },
		{ 0 } });
}

static void gradients_of_convolutions_and_pools(void)
{
	check_net((struct net_layer[]){
		{ .op = NET_CONV, .out = 3, .size = 3, .relu = true },
		{ .op = NET_POOL, .size = 2 },
		{ .op = NET_CONV, .out = 5, .size = 5, .relu = true },
		{ .op = NET_DENSE, .out = 8, .relu = true },
		{ .op = NET_DENSE, .out = CLASSES },
		{ 0 } });
}

static void kernels_wider_than_the_image(void)
{
	check_net((struct net_layer[]){
		{ .op = NET_POOL, .size = 3 },
		{ .op = NET_CONV, .out = 3, .size = 9 },
		{ .op = NET_DENSE, .out = CLASSES },
		{ 0 } });
}

static void training_lowers_the_loss(void)
{
	struct cpu_net *net = noise_net((struct net_layer[]){
		{ .op = NET_CONV, .out = 4, .size = 3, .relu = true },
		{ .op = NET_DROPOUT, .drop = 0.2f },
		{ .op = NET_DENSE, .out = CLASSES },
		{ 0 } });
	float first = cpu_net_gradients(net, labels), last = first;

	for (unsigned int step = 1; step <= 200; step++) {
		cpu_net_update(net, step);
		last = cpu_net_gradients(net, labels);
	}
	CHECK(last < 0.3f * first);
	cpu_net_destroy(net);
}

static void layers_that_do_not_fit_are_refused(void)
{
	const struct net_layer even[] = { { .op = NET_CONV, .out = 2, .size = 2 }, { 0 } };
	const struct net_layer small[] = { { .op = NET_POOL, .size = 8 }, { 0 } };
	const struct net_extent input = { SIDE, SIDE, 1 };

	CHECK(!cpu_net_create(plain_sgemm, even, input, BATCH));
	CHECK(!cpu_net_create(plain_sgemm, small, input, BATCH));
}

int main(void)
{
	static const struct test tests[] = {
		{ "training on the CPU: gradients of dense layers", gradients_of_dense_layers },
		{ "training on the CPU: gradients of convolutions and pools",
		  gradients_of_convolutions_and_pools },
		{ "training on the CPU: kernels wider than the image",
		  kernels_wider_than_the_image },
		{ "training on the CPU: the loss goes down", training_lowers_the_loss },
		{ "training on the CPU: layers that do not fit",
		  layers_that_do_not_fit_are_refused },
	};

	return run_tests(tests, sizeof(tests) / sizeof(*tests));
}
