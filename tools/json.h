/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * JSON documents of schema dojo/1 (schema/dojo-1.json): numbers are numbers,
 * the unit is in the key's name, what is unknown is null.
 */
#ifndef DOJO_TOOLS_JSON_H
#define DOJO_TOOLS_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_SCHEMA	"dojo/1"

/* { "schema": "dojo/1", "command": @command } */
cJSON *json_document(const char *command);
/* all 64 bits survive, which cJSON's own numbers do not promise */
void json_u64(cJSON *object, const char *key, uint64_t value);
/* null unless finite */
void json_double(cJSON *object, const char *key, double value);
void json_bool(cJSON *object, const char *key, bool value);
/* null for NULL */
void json_string(cJSON *object, const char *key, const char *value);
void json_null(cJSON *object, const char *key);
cJSON *json_object(cJSON *parent, const char *key);
cJSON *json_array(cJSON *parent, const char *key);
cJSON *json_append_object(cJSON *array);

/* Prints and frees @root; with @line on one line (NDJSON). Returns 0 or -errno. */
int json_print(FILE *out, cJSON *root, bool line);

#endif
