// SPDX-License-Identifier: GPL-2.0-only
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>

#include "bench.h"
#include "table.h"

bench_sgemm_fn *bench_find_sgemm(const char **library)
{
	static const char *const names[] = { "libopenblas.so.0", "libcblas.so.3", "libblas.so.3" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		void *handle = dlopen(names[i], RTLD_NOW);
		bench_sgemm_fn *fn;

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

void bench_heading(const struct bench_run *run, const char *text)
{
	if (!run->json)
		printf("\n%s\n", text);
}

double bench_beside(const struct bench_run *run, const char *list, const char *key, double is,
		    const char *value)
{
	const cJSON *array = cJSON_GetObjectItemCaseSensitive(run->beside, list), *o;

	cJSON_ArrayForEach(o, array) {
		const cJSON *k = cJSON_GetObjectItemCaseSensitive(o, key);
		const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, value);

		if (cJSON_IsNumber(k) && k->valuedouble == is)
			return cJSON_IsNumber(v) ? v->valuedouble : NAN;
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
