/* SPDX-License-Identifier: GPL-2.0-only */
/* The driver's devcoredump: "key: value" lines, then sections of hex. */
#ifndef DOJO_TOOLS_COREDUMP_H
#define DOJO_TOOLS_COREDUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COREDUMP_KEYS_MAX	48
#define COREDUMP_SECTIONS_MAX	256
#define COREDUMP_WALK_MAX	8

struct coredump_key {
	char *name;
	char *value;
};

/**
 * struct coredump_section - "[name argument]" and what follows
 * @argument: number after the name, 0 if there is none
 * @data: of sections in hex, @size bytes
 * @walk: of "walk": @levels entries from the root down
 */
struct coredump_section {
	char name[32];
	uint64_t argument;
	unsigned char *data;
	size_t size;
	size_t room;
	uint64_t walk[COREDUMP_WALK_MAX];
	unsigned int levels;
};

/**
 * struct coredump - a dump that has been read
 * @version: of its format
 * @complete: it does not stop in the middle
 * @error: why coredump_parse() failed
 */
struct coredump {
	unsigned int version;
	bool complete;
	struct coredump_key keys[COREDUMP_KEYS_MAX];
	unsigned int key_count;
	struct coredump_section sections[COREDUMP_SECTIONS_MAX];
	unsigned int section_count;
	char error[128];
};

/* 0 or -errno: -EBADMSG it is no dump or is damaged. Free in any case. */
int coredump_parse(struct coredump *dump, const char *text);
void coredump_free(struct coredump *dump);

/* NULL if it is not there */
const char *coredump_value(const struct coredump *dump, const char *name);
/* 0 if it is not there */
uint64_t coredump_number(const struct coredump *dump, const char *name);
/* the first of that name; NULL if there is none */
const struct coredump_section *coredump_find(const struct coredump *dump, const char *name);

#endif
