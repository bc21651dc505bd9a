/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Speed of the arithmetic beside OpenBLAS (when the host has it) and memcpy, on
 * the same number of threads. Ratios mean something; GFLOPS are this machine's.
 *   bench [threads [gemm | elementwise | conv]...]
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "test.h"

#define MAX_THREADS	64
#define NANO		1000000000.0

static unsigned int threads = 1;
static struct test_memory mem;
static struct test_packet packet;
static atomic_uint_fast64_t next_unit;

static double now(void)
{
	struct timespec t;

	/* One thread: its own time, whatever else the machine is doing */
	clock_gettime(threads > 1 ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / NANO;
}

static void *worker(void *arg)
{
	static _Thread_local void *scratch;
	struct dojo_flags flags = {};
	struct dojo_fault_info fault;
	uint64_t unit;

	if (!scratch && posix_memalign(&scratch, 64, DOJO_OP_SCRATCH))
		abort();
	while ((unit = atomic_fetch_add(&next_unit, 1)) < packet.op.units)
		if (!dojo_op_run(&packet.op, unit, &mem.mem, scratch, &flags, &fault))
			abort();
	return arg;
}

static pthread_barrier_t start, end;

static void *pool(void *arg)
{
	for (;;) {
		pthread_barrier_wait(&start);
		worker(arg);
		pthread_barrier_wait(&end);
	}
	return NULL;
}

static void run_packet(void)
{
	next_unit = 0;
	if (threads > 1)
		pthread_barrier_wait(&start);
	worker(NULL);
	if (threads > 1)
		pthread_barrier_wait(&end);
}

#define ROUNDS	60

/*
 * Seconds at best, of the packet and of its peer; and how often the packet's time goes into
 * the peer's
 */
struct timing {
	double ours, peer, ratio;
};

static double time_once(void (*f)(void))
{
	double t = now();

	f();
	return now() - t;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/*
 * The packet and @peer take turns, so that both meet the same clock and the same neighbours;
 * the ratio is the middle one of all turns, since on a busy machine the best time of either
 * may be luck.
 */
static struct timing time_beside(void (*peer)(void))
{
	struct timing t = { NANO, NANO, 0 };
	double ratio[ROUNDS], end;
	int n = 0;

	run_packet();
	if (peer)
		peer();
	for (end = now() + 0.7; n < ROUNDS && (now() < end || n < 5); n++) {
		double ours = time_once(run_packet), other = peer ? time_once(peer) : ours;

		t.ours = ours < t.ours ? ours : t.ours;
		t.peer = other < t.peer ? other : t.peer;
		ratio[n] = other / ours;
	}
	qsort(ratio, (size_t)n, sizeof(*ratio), compare);
	t.ratio = ratio[n / 2];
	return t;
}

static void prepare(void)
{
	struct dojo_fault_info fault;

	if (!dojo_op_decode(&packet.op, DOJO_PACKET_MAX, &test_limits, &fault)) {
		printf("fault %u at 0x%x\n", fault.reason, fault.field);
		exit(1);
	}
}

static double time_packet(void)
{
	prepare();
	return time_beside(NULL).ours;
}

static void randomize(uint64_t va, unsigned int format, uint64_t n)
{
	struct dojo_rounding r = {};
	struct dojo_flags flags = {};
	unsigned int shift = dojo_format_shift(format);
	float x[1024];

	for (uint64_t i = 0; i < n; i += 1024) {
		for (int j = 0; j < 1024; j++)
			x[j] = test_float();
		dojo_kernels_get()->encode(memory_at(&mem, va + (i << shift)), x,
					   n - i < 1024 ? n - i : 1024, format, 7, &r,
					   &flags);
	}
}

static void (*sgemm)(int order, int trans_a, int trans_b, int m, int n, int k, float alpha,
		     const float *a, int lda, const float *b, int ldb, float beta, float *c,
		     int ldc);
static uint32_t blas_n;
static float *blas_a, *blas_b, *blas_c;

static void run_blas(void)
{
	sgemm(101, 111, 111, (int)blas_n, (int)blas_n, (int)blas_n, 1.0f, blas_a, (int)blas_n,
	      blas_b, (int)blas_n, 0.0f, blas_c, (int)blas_n);
}

static void find_blas(void)
{
	void (*set_threads)(int n);
	void *lib;

	/* Its threads would spin after each call, when others are to be measured */
	setenv("OPENBLAS_THREAD_TIMEOUT", "4", 0);
	lib = dlopen("libopenblas.so.0", RTLD_NOW);
	if (!lib) {
		printf("# no libopenblas.so.0: no ratios\n");
		return;
	}
	*(void **)&sgemm = dlsym(lib, "cblas_sgemm");
	*(void **)&set_threads = dlsym(lib, "openblas_set_num_threads");
	if (set_threads)
		set_threads((int)threads);
}

static const char *const format_name[] = {
	"none", "FP32", "BF16", "FP16", "CFloat8_143", "CFloat8_152", "SHP", "UHP", "INT8", "INT32",
};

static void bench_product(uint32_t n, unsigned int format, unsigned int trans, uint64_t a,
			  uint64_t b, uint64_t d)
{
	static const char *const order[] = { "NN", "TN", "NT", "TT" };
	unsigned int bias = dojo_format_has_bias(format) ? 7 : 0;
	unsigned int out = format == DOJO_FORMAT_INT8 ? DOJO_FORMAT_INT32 : format;
	double flop = 2.0 * n * n * n;
	struct timing t;

	test_packet_init(&packet, DOJO_OP_GEMM, 0);
	test_set_f(&packet, 0, 1.0f);
	packet.p->op_flags = trans;
	test_add(&packet, a, format, bias, n, n, 1, 1);
	test_add(&packet, b, format, bias, n, n, 1, 1);
	test_add(&packet, d, out, bias, n, n, 1, 1);
	prepare();
	t = time_beside(sgemm ? run_blas : NULL);
	printf("%-6u %-12s %-3s %9.1f", n, format_name[format], order[trans], flop / t.ours / NANO);
	if (sgemm)
		printf(" %9.1f %6.2f", flop / t.peer / NANO, t.ratio);
	printf("\n");
	fflush(stdout);
}

static void bench_gemm(void)
{
	static const unsigned int formats[] = {
		DOJO_FORMAT_FP32, DOJO_FORMAT_BF16, DOJO_FORMAT_FP16, DOJO_FORMAT_CFLOAT8_143,
		DOJO_FORMAT_CFLOAT8_152, DOJO_FORMAT_CFLOAT16_SHP, DOJO_FORMAT_INT8,
	};

	printf("%-6s %-12s %-3s %9s %9s %6s\n", "n", "format", "", "GFLOPS", "OpenBLAS", "ratio");
	for (uint32_t n = 256; n <= 4096; n *= 2) {
		uint64_t a, b, d;

		memory_reset(&mem);
		blas_n = n;
		blas_a = memory_at(&mem, memory_alloc(&mem, 4ull * n * n));
		blas_b = memory_at(&mem, memory_alloc(&mem, 4ull * n * n));
		blas_c = memory_at(&mem, memory_alloc(&mem, 4ull * n * n));
		for (uint64_t i = 0; i < 2ull * n * n; i++)
			blas_a[i] = test_float();
		a = memory_alloc(&mem, 4ull * n * n);
		b = memory_alloc(&mem, 4ull * n * n);
		d = memory_alloc(&mem, 4ull * n * n);
		for (size_t f = 0; f < ARRAY_SIZE(formats); f++) {
			unsigned int format = formats[f];

			randomize(a, format, (uint64_t)n * n);
			randomize(b, format, (uint64_t)n * n);
			for (unsigned int trans = 0; trans < (n == 1024 && f < 2 ? 4 : 1); trans++)
				bench_product(n, format, trans, a, b, d);
		}
	}
}

static uint8_t *copy_from, *copy_to;
static uint64_t copy_bytes;

static void *copy_part(void *arg)
{
	uint64_t part = copy_bytes / threads, i = (uint64_t)(uintptr_t)arg;

	memcpy(copy_to + i * part, copy_from + i * part, part);
	return NULL;
}

static void run_copy(void)
{
	pthread_t t[MAX_THREADS];

	for (unsigned int i = 1; i < threads; i++)
		pthread_create(&t[i], NULL, copy_part, (void *)(uintptr_t)i);
	copy_part(NULL);
	for (unsigned int i = 1; i < threads; i++)
		pthread_join(t[i], NULL);
}

/* Bytes read and written, for the packet as for memcpy */
static void report(const char *name, uint64_t bytes)
{
	struct timing t;

	prepare();
	t = time_beside(run_copy);
	printf("%-40s %8.2f GB/s, memcpy %8.2f, %6.2f of it\n", name, (double)bytes / t.ours / NANO,
	       2.0 * (double)copy_bytes / t.peer / NANO,
	       t.ratio * (double)bytes / (2.0 * (double)copy_bytes));
	fflush(stdout);
}

static void bench_elementwise(void)
{
	enum { N = 1 << 24 };
	const uint32_t n = N;
	static const struct { unsigned int fn; const char *name; } unary[] = {
		{ DOJO_UNARY_RELU, "RELU" }, { DOJO_UNARY_EXP, "EXP" }, { DOJO_UNARY_LOG, "LOG" },
		{ DOJO_UNARY_TANH, "TANH" }, { DOJO_UNARY_GELU, "GELU" },
		{ DOJO_UNARY_SILU, "SILU" }, { DOJO_UNARY_RSQRT, "RSQRT" },
	};
	uint64_t a, b, c, d, spare;

	memory_reset(&mem);
	spare = memory_alloc(&mem, 4ull * n);
	a = memory_alloc(&mem, 4ull * n);
	b = memory_alloc(&mem, 4ull * n);
	c = memory_alloc(&mem, 4ull * n);
	d = memory_alloc(&mem, 4ull * n);
	randomize(a, DOJO_FORMAT_FP32, n);
	randomize(b, DOJO_FORMAT_FP32, n);
	randomize(c, DOJO_FORMAT_FP32, n);
	randomize(d, DOJO_FORMAT_FP32, n);
	copy_from = memory_at(&mem, a);
	copy_to = memory_at(&mem, spare);
	copy_bytes = 4ull * n;

	test_packet_init(&packet, DOJO_OP_COPY, 0);
	{
		struct dojo_packet_copy *p = (void *)packet.op.packet.words;

		memset(p, 0, sizeof(*p));
		p->header.opcode = DOJO_OP_COPY;
		p->header.words = 4;
		p->src = a;
		p->dst = c;
		p->size = 4ull * n;
	}
	report("COPY", 8ull * n);
	test_packet_init(&packet, DOJO_OP_BINARY, DOJO_BINARY_ADD);
	test_add(&packet, a, DOJO_FORMAT_FP32, 0, n, 1, 1, 1);
	test_add(&packet, b, DOJO_FORMAT_FP32, 0, n, 1, 1, 1);
	test_add(&packet, c, DOJO_FORMAT_FP32, 0, n, 1, 1, 1);
	report("ADD FP32", 12ull * n);
	for (int i = 0; i < 3; i++) {
		packet.p->tensor[i].dim[0] = 1024;
		packet.p->tensor[i].dim[1] = n / 1024;
		packet.p->tensor[i].stride[1] = i == 1 ? 0 : 1024;
	}
	report("ADD FP32, b broadcast over rows", 8ull * n);
	for (size_t i = 0; i < ARRAY_SIZE(unary); i++) {
		char name[64];

		test_packet_init(&packet, DOJO_OP_UNARY, unary[i].fn);
		test_add(&packet, a, DOJO_FORMAT_FP32, 0, n, 1, 1, 1);
		test_add(&packet, c, DOJO_FORMAT_FP32, 0, n, 1, 1, 1);
		snprintf(name, sizeof(name), "%s FP32", unary[i].name);
		report(name, 8ull * n);
	}
	for (unsigned int f = DOJO_FORMAT_BF16; f < DOJO_FORMAT_COUNT; f++) {
		unsigned int bias = dojo_format_has_bias(f) ? 7 : 0;
		char name[64];

		for (unsigned int mode = 0; mode < 2; mode++) {
			test_packet_init(&packet, DOJO_OP_CONVERT, 0);
			packet.p->round = (uint8_t)mode;
			test_add(&packet, a, DOJO_FORMAT_FP32, 0, n, 1, 1, 1);
			test_add(&packet, c, f, bias, n, 1, 1, 1);
			snprintf(name, sizeof(name), "CONVERT FP32 to %s%s", format_name[f],
				 mode ? ", stochastic" : "");
			report(name, (4ull + (1u << dojo_format_shift(f))) * n);
		}
		test_packet_init(&packet, DOJO_OP_CONVERT, 0);
		test_add(&packet, c, f, bias, n, 1, 1, 1);
		test_add(&packet, b, DOJO_FORMAT_FP32, 0, n, 1, 1, 1);
		snprintf(name, sizeof(name), "CONVERT %s to FP32", format_name[f]);
		report(name, (4ull + (1u << dojo_format_shift(f))) * n);
	}
	test_packet_init(&packet, DOJO_OP_CONVERT, 0);
	test_add(&packet, a, DOJO_FORMAT_FP32, 0, 4096, 4096, 1, 1);
	test_add(&packet, c, DOJO_FORMAT_FP32, 0, 4096, 4096, 1, 1);
	packet.p->tensor[0].stride[0] = 4096;
	packet.p->tensor[0].stride[1] = 1;
	report("CONVERT FP32, transposed", 8ull * n);
	for (uint32_t dims = 1; dims <= 3; dims++) {
		char name[64];

		test_packet_init(&packet, DOJO_OP_REDUCE, DOJO_REDUCE_SUM);
		packet.p->u[0] = dims;
		test_add(&packet, a, DOJO_FORMAT_FP32, 0, 4096, 4096, 1, 1);
		test_add(&packet, c, DOJO_FORMAT_FP32, 0, dims & 1 ? 1 : 4096,
			 dims & 2 ? 1 : 4096, 1, 1);
		snprintf(name, sizeof(name), "REDUCE SUM dims %u", dims);
		report(name, 4ull * n);
	}
	for (uint32_t len = 16; len <= 4096; len *= 16) {
		char name[64];

		test_packet_init(&packet, DOJO_OP_SOFTMAX, 0);
		test_set_f(&packet, 0, 1.0f);
		test_add(&packet, a, DOJO_FORMAT_FP32, 0, len, n / len, 1, 1);
		test_add(&packet, c, DOJO_FORMAT_FP32, 0, len, n / len, 1, 1);
		snprintf(name, sizeof(name), "SOFTMAX rows of %u", len);
		report(name, 8ull * n);
	}
	test_packet_init(&packet, DOJO_OP_SGD, 0);
	packet.p->op_flags = DOJO_SGD_MOMENTUM;
	test_add(&packet, a, DOJO_FORMAT_FP32, 0, n, 1, 1, 1);
	test_add(&packet, b, DOJO_FORMAT_FP32, 0, n, 1, 1, 1);
	test_add(&packet, c, DOJO_FORMAT_FP32, 0, n, 1, 1, 1);
	report("SGD with momentum", 20ull * n);
	test_packet_init(&packet, DOJO_OP_ADAMW, 0);
	packet.p->u[0] = 1;
	test_set_f(&packet, 0, 0.001f);
	test_set_f(&packet, 1, 0.9f);
	test_set_f(&packet, 2, 0.99f);
	test_set_f(&packet, 3, 0.00000001f);
	test_add(&packet, a, DOJO_FORMAT_FP32, 0, n, 1, 1, 1);
	test_add(&packet, b, DOJO_FORMAT_FP32, 0, n, 1, 1, 1);
	test_add(&packet, c, DOJO_FORMAT_FP32, 0, n, 1, 1, 1);
	test_add(&packet, d, DOJO_FORMAT_FP32, 0, n, 1, 1, 1);
	report("ADAMW", 28ull * n);
}

static void conv_packet(unsigned int opcode, uint64_t x, uint64_t w, uint64_t y, uint32_t size,
			uint32_t c, uint32_t o, uint32_t n, uint32_t k)
{
	const uint32_t f = DOJO_FORMAT_FP32;

	test_packet_init(&packet, opcode, 0);
	packet.p->u[0] = 0x10001;
	packet.p->u[1] = (k / 2) * 0x10001;
	packet.p->u[2] = 0x10001;
	switch (opcode) {
	case DOJO_OP_CONV2D:
		test_add(&packet, x, f, 0, size, size, c, n);
		test_add(&packet, w, f, 0, k, k, c, o);
		test_add(&packet, y, f, 0, size, size, o, n);
		break;
	case DOJO_OP_CONV2D_GRAD_INPUT:
		test_add(&packet, y, f, 0, size, size, o, n);
		test_add(&packet, w, f, 0, k, k, c, o);
		test_add(&packet, x, f, 0, size, size, c, n);
		break;
	default:
		test_add(&packet, y, f, 0, size, size, o, n);
		test_add(&packet, x, f, 0, size, size, c, n);
		test_add(&packet, w, f, 0, k, k, c, o);
		break;
	}
}

/* Windows of 2 x 2 over @full; halves and another full one are at @half and @other */
static void bench_pool(unsigned int opcode, unsigned int fn, uint64_t full, uint64_t half,
		       uint64_t other, uint32_t size, uint32_t c, uint32_t n)
{
	const unsigned int f = DOJO_FORMAT_FP32;

	test_packet_init(&packet, opcode, fn);
	packet.p->u[0] = 0x20002;
	packet.p->u[1] = 0x20002;
	if (opcode == DOJO_OP_POOL) {
		test_add(&packet, full, f, 0, size, size, c, n);
		test_add(&packet, other, f, 0, size / 2, size / 2, c, n);
	} else {
		test_add(&packet, half, f, 0, size / 2, size / 2, c, n);
		test_add(&packet, full, f, 0, size, size, c, n);
		test_add(&packet, other, f, 0, size, size, c, n);
	}
	printf("%3ux%-3u %3u, %3u images %s %s %8.2f ms\n", size, size, c, n,
	       opcode == DOJO_OP_POOL ? "POOL" : "POOL_GRAD",
	       fn == DOJO_POOL_MAX ? "maximum" : "average", 1000 * time_packet());
	fflush(stdout);
}

/* Layers of small networks: x is size x size x c, n images, o outputs of k x k taps */
static void bench_conv(void)
{
	static const struct { uint32_t size, c, o, n, k; } layers[] = {
		{ 28, 1, 16, 240, 3 }, { 14, 16, 32, 240, 3 }, { 32, 64, 64, 32, 3 },
		{ 56, 64, 64, 8, 3 }, { 14, 256, 256, 16, 3 }, { 28, 128, 512, 8, 1 },
	};
	static const struct { unsigned int opcode; const char *name; } ops[] = {
		{ DOJO_OP_CONV2D, "CONV2D" }, { DOJO_OP_CONV2D_GRAD_INPUT, "GRAD_INPUT" },
		{ DOJO_OP_CONV2D_GRAD_WEIGHT, "GRAD_WEIGHT" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(layers); i++) {
		uint32_t size = layers[i].size, c = layers[i].c, o = layers[i].o, n = layers[i].n,
			 k = layers[i].k;
		uint64_t pixels = (uint64_t)size * size * n, x, w, y, z, dy;

		memory_reset(&mem);
		x = memory_alloc(&mem, 4 * pixels * c);
		w = memory_alloc(&mem, 4ull * k * k * c * o);
		y = memory_alloc(&mem, 4 * pixels * o);
		z = memory_alloc(&mem, 4 * pixels * o);
		dy = memory_alloc(&mem, pixels * o);
		randomize(x, DOJO_FORMAT_FP32, pixels * c);
		randomize(w, DOJO_FORMAT_FP32, (uint64_t)k * k * c * o);
		randomize(y, DOJO_FORMAT_FP32, pixels * o);
		for (size_t j = 0; j < ARRAY_SIZE(ops); j++) {
			double t;

			conv_packet(ops[j].opcode, x, w, y, size, c, o, n, k);
			t = time_packet();
			printf("%3ux%-3u %3u to %-3u %ux%u, %3u images ", size, size, c, o, k,
			       k, n);
			printf("%-12s %8.2f ms %8.1f GFLOPS\n", ops[j].name, 1000 * t,
			       2.0 * (double)pixels * k * k * c * o / t / NANO);
			fflush(stdout);
		}
		if (i > 1)
			continue;
		for (unsigned int fn = 1; fn <= 2; fn++) {
			bench_pool(DOJO_OP_POOL, fn, y, dy, z, size, o, n);
			bench_pool(DOJO_OP_POOL_GRAD, fn, y, dy, z, size, o, n);
		}
	}
}

int main(int argc, char **argv)
{
	bool all = argc < 3;
	pthread_t t;

	if (argc > 1)
		threads = (unsigned int)atoi(argv[1]);
	if (!threads || threads > MAX_THREADS)
		threads = 1;
	pthread_barrier_init(&start, NULL, threads);
	pthread_barrier_init(&end, NULL, threads);
	for (unsigned int i = 1; i < threads; i++)
		pthread_create(&t, NULL, pool, NULL);
	if (getenv("DOJO_ISA"))
		dojo_kernels_limit = (unsigned int)atoi(getenv("DOJO_ISA"));
	memory_init(&mem, 1 << 20, 448ull << 20);
	mem.mode = getenv("DOJO_PAGES") ? MEMORY_PAGES : MEMORY_WHOLE;
	find_blas();
	printf("# %s, %u thread%s\n", dojo_kernels_get()->name, threads,
	       threads > 1 ? "s" : "");
	for (int i = 2; i < argc || all; i++, all = false) {
		if (argc < 3 || !strcmp(argv[i], "gemm"))
			bench_gemm();
		if (argc < 3 || !strcmp(argv[i], "elementwise"))
			bench_elementwise();
		if (argc < 3 || !strcmp(argv[i], "conv"))
			bench_conv();
	}
	return 0;
}
