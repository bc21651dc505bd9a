// SPDX-License-Identifier: GPL-2.0-only
#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dojo.h>

#include "workload.h"

#define EXTENT_MAX	(1 << 24)
#define FILE_MAX	(1 << 20)

static int __attribute__((format(printf, 2, 3))) bad(struct workload *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(w->error, sizeof(w->error), fmt, ap);
	va_end(ap);
	return -EBADMSG;
}

static bool take_number(const cJSON *o, const char *key, uint32_t otherwise, uint32_t *value)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);

	*value = otherwise;
	if (!v)
		return otherwise;
	if (!cJSON_IsNumber(v) || v->valuedouble < 1 || v->valuedouble > EXTENT_MAX ||
	    v->valuedouble != floor(v->valuedouble))
		return false;
	*value = v->valuedouble;
	return true;
}

static void take_name(const cJSON *o, char *name, size_t size)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, "name");

	snprintf(name, size, "%s", cJSON_IsString(v) ? v->valuestring : "");
}

static int parse_layer(struct workload *w, const cJSON *o)
{
	struct workload_layer *l = &w->layers[w->count];
	const cJSON *weights = cJSON_GetObjectItemCaseSensitive(o, "weights");

	if (w->count == WORKLOAD_LAYERS_MAX)
		return bad(w, "more than %u layers", WORKLOAD_LAYERS_MAX);
	take_name(o, l->name, sizeof(l->name));
	if (!take_number(o, "rows", 1, &l->rows) || !take_number(o, "inputs", 0, &l->inputs) ||
	    !take_number(o, "outputs", 0, &l->outputs) || !take_number(o, "count", 1, &l->count))
		return bad(w, "layer %u: inputs, outputs, rows, count are whole numbers 1 to %u",
			   w->count + 1, EXTENT_MAX);
	if (weights && !cJSON_IsBool(weights))
		return bad(w, "layer %u: weights is true or false", w->count + 1);
	l->weights = !cJSON_IsFalse(weights);
	w->count++;
	return 0;
}

static int parse_root(struct workload *w, const cJSON *root)
{
	const cJSON *layers, *format, *layer;
	int err, number;

	if (!cJSON_IsObject(root))
		return bad(w, "not a JSON object");
	take_name(root, w->name, sizeof(w->name));
	format = cJSON_GetObjectItemCaseSensitive(root, "format");
	number = cJSON_IsString(format) ? dojo_format_from_name(format->valuestring) : -EINVAL;
	if (number <= 0)
		return bad(w, "format is a number format's name: fp32, bf16, cfloat8_143 ...");
	w->format = number;
	if (!take_number(root, "samples", 0, &w->samples))
		return bad(w, "samples is a whole number from 1 to %u", EXTENT_MAX);
	layers = cJSON_GetObjectItemCaseSensitive(root, "layers");
	if (!cJSON_IsArray(layers) || !cJSON_GetArraySize(layers))
		return bad(w, "layers is an array of at least one");
	cJSON_ArrayForEach(layer, layers) {
		err = parse_layer(w, layer);
		if (err)
			return err;
	}
	return 0;
}

int workload_parse(struct workload *w, const char *text)
{
	cJSON *root;
	int err;

	memset(w, 0, sizeof(*w));
	root = cJSON_Parse(text);
	if (!root)
		return bad(w, "not JSON");
	err = parse_root(w, root);
	cJSON_Delete(root);
	return err;
}

int workload_load(struct workload *w, const char *path)
{
	FILE *in = fopen(path, "re");
	char *text;
	size_t n;
	int err;

	if (!in) {
		err = errno;
		bad(w, "%s", strerror(err));
		return -err;
	}
	text = calloc(1, FILE_MAX + 1);
	n = text ? fread(text, 1, FILE_MAX, in) : 0;
	err = !text ? -ENOMEM : ferror(in) ? -EIO : n == FILE_MAX ? -EFBIG : 0;
	fclose(in);
	if (err)
		bad(w, "%s", strerror(-err));
	else
		err = workload_parse(w, text);
	free(text);
	return err;
}

double workload_parameters(const struct workload *w)
{
	double sum = 0;

	for (unsigned int i = 0; i < w->count; i++) {
		const struct workload_layer *l = &w->layers[i];

		if (l->weights)
			sum += (double)l->inputs * l->outputs * l->count;
	}
	return sum;
}

double workload_flop(const struct workload *w)
{
	double sum = 0;

	for (unsigned int i = 0; i < w->count; i++) {
		const struct workload_layer *l = &w->layers[i];

		sum += 6.0 * l->rows * l->inputs * l->outputs * l->count;
	}
	return sum * w->samples;
}
