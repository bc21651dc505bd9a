// SPDX-License-Identifier: GPL-2.0-only
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define TRIAL	64

/* in a child: a BLAS can ask more of the CPU than it has, and then it is killed */
static bool works(bench_sgemm_fn *sgemm)
{
	static float m[3][TRIAL][TRIAL];
	int status = 0;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (!child) {
		m[0][0][0] = 1;
		m[1][0][0] = 1;
		sgemm(BENCH_ROW_MAJOR, BENCH_AS_IS, BENCH_AS_IS, TRIAL, TRIAL, TRIAL, 1, m[0][0],
		      TRIAL, m[1][0], TRIAL, 0, m[2][0], TRIAL);
		_exit(m[2][0][0] == 1 ? 0 : 1);
	}
	return child > 0 && waitpid(child, &status, 0) == child && !status;
}

static bench_sgemm_fn *find_sgemm(const char **library)
{
	static const char *const names[] = { "libopenblas.so.0", "libcblas.so.3", "libblas.so.3" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		void *handle = dlopen(names[i], RTLD_NOW);
		bench_sgemm_fn *fn;

		if (!handle)
			continue;
		*(void **)&fn = dlsym(handle, "cblas_sgemm");
		if (fn && works(fn)) {
			*library = names[i];
			return fn;
		}
		dlclose(handle);
	}
	*library = NULL;
	return NULL;
}

bench_sgemm_fn *bench_find_sgemm(const char **library)
{
	static const char *name;
	static bench_sgemm_fn *found;
	static bool looked;

	if (!looked)
		found = find_sgemm(&name);
	looked = true;
	*library = name;
	return found;
}

void bench_heading(const struct bench_run *run, const char *text)
{
	if (!run->json)
		printf("\n%s\n", text);
}

static double value_of(const cJSON *o, const char *value)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, value);

	return cJSON_IsNumber(v) ? v->valuedouble : NAN;
}

double bench_beside(const struct bench_run *run, const char *list, const char *key, double is,
		    const char *value)
{
	const cJSON *array = cJSON_GetObjectItemCaseSensitive(run->beside, list), *o;

	cJSON_ArrayForEach(o, array) {
		const cJSON *k = cJSON_GetObjectItemCaseSensitive(o, key);

		if (cJSON_IsNumber(k) && k->valuedouble == is)
			return value_of(o, value);
	}
	return NAN;
}

double bench_beside_text(const struct bench_run *run, const char *list, const char *key,
			 const char *is, const char *value)
{
	const cJSON *array = cJSON_GetObjectItemCaseSensitive(run->beside, list), *o;

	cJSON_ArrayForEach(o, array) {
		const cJSON *k = cJSON_GetObjectItemCaseSensitive(o, key);

		if (cJSON_IsString(k) && !strcmp(k->valuestring, is))
			return value_of(o, value);
	}
	return NAN;
}

char *bench_ratio(char *text, size_t size, double ratio)
{
	if (isfinite(ratio))
		snprintf(text, size, "%.2f", ratio);
	else
		snprintf(text, size, "-");
	return text;
}
