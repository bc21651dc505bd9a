// SPDX-License-Identifier: GPL-2.0-only
#include <dlfcn.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "progress.h"

#define TURNS		3
#define TURN_BYTES	(128u << 20)

double bench_memcpy(size_t size)
{
	size_t pieces = TURN_BYTES / size < 1024 ? TURN_BYTES / size : 1024;
	unsigned char *from = malloc(size), *to = malloc(size);
	double best = NAN;

	if (!from || !to)
		goto out;
	memset(from, 1, size);
	memset(to, 2, size);
	for (unsigned int turn = 0; turn < TURNS; turn++) {
		double begin = now_seconds(), rate;

		for (size_t i = 0; i < pieces; i++) {
			memcpy(to, from, size);
			/* the copies must not be merged */
			__asm__ volatile("" : : "r"(to), "r"(from) : "memory");
		}
		rate = (double)pieces * size / (now_seconds() - begin);
		best = fmax(best, rate);
	}
out:
	free(from);
	free(to);
	return best;
}

/* of the C interface of BLAS: row-major order, no transposition */
enum { CBLAS_ROW_MAJOR = 101, CBLAS_NO_TRANS = 111 };

typedef void sgemm_fn(int order, int trans_a, int trans_b, int m, int n, int k, float alpha,
		      const float *a, int lda, const float *b, int ldb, float beta, float *c,
		      int ldc);

static sgemm_fn *find_sgemm(const char **library)
{
	static const char *const names[] = { "libopenblas.so.0", "libcblas.so.3", "libblas.so.3" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		void *handle = dlopen(names[i], RTLD_NOW);
		sgemm_fn *fn;

		if (!handle)
			continue;
		*(void **)&fn = dlsym(handle, "cblas_sgemm");
		if (fn) {
			*library = names[i];
			return fn;
		}
		dlclose(handle);
	}
	*library = NULL;
	return NULL;
}

double bench_sgemm(uint32_t n, const char **library)
{
	sgemm_fn *sgemm = find_sgemm(library);
	size_t count = (size_t)n * n;
	float *m = sgemm ? malloc(3 * count * sizeof(*m)) : NULL;
	double best = NAN;

	if (!m)
		return NAN;
	for (size_t i = 0; i < 3 * count; i++)
		m[i] = 1;
	for (unsigned int turn = 0; turn <= TURNS; turn++) {
		double begin = now_seconds();

		sgemm(CBLAS_ROW_MAJOR, CBLAS_NO_TRANS, CBLAS_NO_TRANS, n, n, n, 1, m, n, m + count,
		      n, 0, m + 2 * count, n);
		/* the first starts the library's threads */
		if (turn)
			best = fmax(best, 2.0 * n * n * n / (now_seconds() - begin));
	}
	free(m);
	return best;
}
