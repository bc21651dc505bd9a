// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "json.h"

cJSON *json_document(const char *command)
{
	cJSON *root = cJSON_CreateObject();

	json_string(root, "schema", JSON_SCHEMA);
	json_string(root, "command", command);
	return root;
}

void json_u64(cJSON *object, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	cJSON_AddRawToObject(object, key, text);
}

void json_double(cJSON *object, const char *key, double value)
{
	if (isfinite(value))
		cJSON_AddNumberToObject(object, key, value);
	else
		cJSON_AddNullToObject(object, key);
}

void json_bool(cJSON *object, const char *key, bool value)
{
	cJSON_AddBoolToObject(object, key, value);
}

void json_string(cJSON *object, const char *key, const char *value)
{
	if (value)
		cJSON_AddStringToObject(object, key, value);
	else
		cJSON_AddNullToObject(object, key);
}

void json_null(cJSON *object, const char *key)
{
	cJSON_AddNullToObject(object, key);
}

cJSON *json_object(cJSON *parent, const char *key)
{
	return cJSON_AddObjectToObject(parent, key);
}

cJSON *json_array(cJSON *parent, const char *key)
{
	return cJSON_AddArrayToObject(parent, key);
}

cJSON *json_append_object(cJSON *array)
{
	cJSON *object = cJSON_CreateObject();

	cJSON_AddItemToArray(array, object);
	return object;
}

int json_print(FILE *out, cJSON *root, bool line)
{
	char *text = line ? cJSON_PrintUnformatted(root) : cJSON_Print(root);
	int err = -ENOMEM;

	if (text) {
		fprintf(out, "%s\n", text);
		fflush(out);
		err = ferror(out) ? -EIO : 0;
	}
	free(text);
	cJSON_Delete(root);
	return err;
}
