// SPDX-License-Identifier: GPL-2.0-only
/*
 * schema_check SCHEMA: is the JSON document (or every line of NDJSON) on stdin
 * what SCHEMA says? Knows the keywords that schema/dojo-1.json uses, and takes
 * it as complete: keys that it does not name are errors.
 */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct cJSON *schema_root;

static bool valid(const struct cJSON *schema, const struct cJSON *value, const char *where);
static const struct cJSON *resolve(const struct cJSON *schema);

static bool complain(const char *where, const char *what)
{
	fprintf(stderr, "%s: %s\n", where, what);
	return false;
}

static bool type_fits(const char *type, const cJSON *v)
{
	return (!strcmp(type, "object") && cJSON_IsObject(v)) ||
	       (!strcmp(type, "array") && cJSON_IsArray(v)) ||
	       (!strcmp(type, "string") && cJSON_IsString(v)) ||
	       (!strcmp(type, "boolean") && cJSON_IsBool(v)) ||
	       (!strcmp(type, "null") && cJSON_IsNull(v)) ||
	       (!strcmp(type, "number") && cJSON_IsNumber(v)) ||
	       (!strcmp(type, "integer") && cJSON_IsNumber(v) &&
		v->valuedouble == floor(v->valuedouble));
}

static bool check_type(const cJSON *type, const cJSON *v)
{
	const cJSON *one;

	if (cJSON_IsString(type))
		return type_fits(type->valuestring, v);
	cJSON_ArrayForEach(one, type) {
		if (type_fits(one->valuestring, v))
			return true;
	}
	return false;
}

static bool check_enum(const cJSON *list, const cJSON *v)
{
	const cJSON *one;

	cJSON_ArrayForEach(one, list) {
		if (cJSON_Compare(one, v, true))
			return true;
	}
	return false;
}

static bool check_object(const cJSON *schema, const cJSON *v, const char *where)
{
	const cJSON *properties = cJSON_GetObjectItemCaseSensitive(schema, "properties");
	const cJSON *required = cJSON_GetObjectItemCaseSensitive(schema, "required"), *item;
	char inner[512];

	cJSON_ArrayForEach(item, required) {
		if (!cJSON_HasObjectItem(v, item->valuestring)) {
			snprintf(inner, sizeof(inner), "%s is missing", item->valuestring);
			return complain(where, inner);
		}
	}
	cJSON_ArrayForEach(item, v) {
		const cJSON *sub = cJSON_GetObjectItemCaseSensitive(properties, item->string);

		snprintf(inner, sizeof(inner), "%s.%s", where, item->string);
		if (!sub && properties)
			return complain(inner, "is not in the schema");
		if (sub && !valid(sub, item, inner))
			return false;
	}
	return true;
}

static bool check_any(const cJSON *list, const cJSON *v, const char *where)
{
	const cJSON *one;

	cJSON_ArrayForEach(one, list) {
		const cJSON *properties = cJSON_GetObjectItem(resolve(one), "properties");
		const cJSON *command = cJSON_GetObjectItem(properties, "command");

		command = cJSON_GetObjectItem(command, "const");
		/* a document's command says which of the schemas is meant */
		if (command && !cJSON_Compare(command, cJSON_GetObjectItem(v, "command"), true))
			continue;
		return valid(one, v, where);
	}
	return complain(where, "fits none of the schemas");
}

static const cJSON *resolve(const cJSON *schema)
{
	const cJSON *ref = cJSON_GetObjectItemCaseSensitive(schema, "$ref");
	static const char prefix[] = "#/$defs/";

	if (!ref)
		return schema;
	if (strncmp(ref->valuestring, prefix, strlen(prefix)))
		return NULL;
	return cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItem(schema_root, "$defs"),
						ref->valuestring + strlen(prefix));
}

static bool valid(const cJSON *schema, const cJSON *v, const char *where)
{
	const cJSON *rule, *item;
	char inner[512];
	int i = 0;

	schema = resolve(schema);
	if (!schema)
		return complain(where, "the schema refers to nothing");
	rule = cJSON_GetObjectItemCaseSensitive(schema, "type");
	if (rule && !check_type(rule, v))
		return complain(where, "is of the wrong type");
	rule = cJSON_GetObjectItemCaseSensitive(schema, "const");
	if (rule && !cJSON_Compare(rule, v, true))
		return complain(where, "is not the constant");
	rule = cJSON_GetObjectItemCaseSensitive(schema, "enum");
	if (rule && !check_enum(rule, v))
		return complain(where, "is not one of the list");
	rule = cJSON_GetObjectItemCaseSensitive(schema, "minimum");
	if (rule && cJSON_IsNumber(v) && v->valuedouble < rule->valuedouble)
		return complain(where, "is too small");
	rule = cJSON_GetObjectItemCaseSensitive(schema, "oneOf");
	if (rule && !check_any(rule, v, where))
		return false;
	rule = cJSON_GetObjectItemCaseSensitive(schema, "items");
	if (rule && cJSON_IsArray(v)) {
		cJSON_ArrayForEach(item, v) {
			snprintf(inner, sizeof(inner), "%s[%d]", where, i++);
			if (!valid(rule, item, inner))
				return false;
		}
	}
	return !cJSON_IsObject(v) || check_object(schema, v, where);
}

static char *slurp(FILE *in)
{
	size_t size = 0, room = 1 << 16, n;
	char *text = malloc(room);

	while (text && (n = fread(text + size, 1, room - size - 1, in)) > 0) {
		size += n;
		if (room - size < 2)
			text = realloc(text, room *= 2);
	}
	if (text)
		text[size] = '\0';
	return text;
}

int main(int argc, char **argv)
{
	FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;
	char *text = file ? slurp(file) : NULL, *document = slurp(stdin);
	const char *next = document;
	unsigned int count = 0;

	schema_root = text ? cJSON_Parse(text) : NULL;
	if (!schema_root || !document) {
		fprintf(stderr, "usage: schema_check SCHEMA <DOCUMENT\n");
		return 2;
	}
	while (next && *next) {
		cJSON *v = cJSON_ParseWithOpts(next, &next, false);

		if (!v || !valid(schema_root, v, "$")) {
			fprintf(stderr, "document %u is not valid\n", count + 1);
			return 1;
		}
		cJSON_Delete(v);
		count++;
		while (*next == '\n' || *next == ' ')
			next++;
	}
	if (!count)
		fprintf(stderr, "no document\n");
	return count ? 0 : 1;
}
