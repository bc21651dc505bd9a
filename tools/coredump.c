// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coredump.h"

#define MAGIC		"dojo-coredump"
#define VERSION		1
#define SECTION_MAX	(1u << 20)

static int __attribute__((format(printf, 3, 4)))
bad(struct coredump *dump, unsigned int line, const char *fmt, ...)
{
	int n = snprintf(dump->error, sizeof(dump->error), "line %u: ", line);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(dump->error + n, sizeof(dump->error) - n, fmt, ap);
	va_end(ap);
	return -EBADMSG;
}

static int parse_key(struct coredump *dump, unsigned int line, char *text)
{
	struct coredump_key *key = &dump->keys[dump->key_count];
	char *value = strstr(text, ": ");

	if (!value)
		return bad(dump, line, "neither a key nor a section");
	if (dump->key_count == COREDUMP_KEYS_MAX)
		return bad(dump, line, "too many keys");
	*value = '\0';
	key->name = strdup(text);
	key->value = strdup(value + 2);
	dump->key_count++;
	return key->name && key->value ? 0 : -ENOMEM;
}

static int parse_heading(struct coredump *dump, unsigned int line, const char *text)
{
	struct coredump_section *s = &dump->sections[dump->section_count];
	size_t n = strcspn(text + 1, " ]");

	if (!strcmp(text, "[end]")) {
		dump->complete = true;
		return 0;
	}
	if (text[strlen(text) - 1] != ']' || !n || n >= sizeof(s->name))
		return bad(dump, line, "damaged heading");
	if (dump->section_count == COREDUMP_SECTIONS_MAX)
		return bad(dump, line, "too many sections");
	memcpy(s->name, text + 1, n);
	s->argument = strtoull(text + 1 + n, NULL, 0);
	dump->section_count++;
	return 0;
}

static int append(struct coredump_section *s, const unsigned char *bytes, size_t n)
{
	if (s->size + n > SECTION_MAX)
		return -EBADMSG;
	if (s->size + n > s->room) {
		size_t room = s->room ? 2 * s->room : 512;
		unsigned char *data = realloc(s->data, room);

		if (!data)
			return -ENOMEM;
		s->data = data;
		s->room = room;
	}
	memcpy(s->data + s->size, bytes, n);
	s->size += n;
	return 0;
}

/* "0040: 01234567 89abcdef ...": words, or bytes where the length is odd */
static int parse_hex(struct coredump *dump, unsigned int line, struct coredump_section *s,
		     const char *text)
{
	char *end;
	unsigned long offset = strtoul(text, &end, 16);

	if (end == text || *end != ':' || offset != s->size)
		return bad(dump, line, "damaged line of hex");
	for (end++; *end; ) {
		unsigned char bytes[4];
		unsigned long value;
		size_t digits;

		end += strspn(end, " ");
		if (!*end)
			break;
		digits = strspn(end, "0123456789abcdef");
		if ((digits != 8 && digits != 2) || (end[digits] && end[digits] != ' '))
			return bad(dump, line, "damaged line of hex");
		value = strtoul(end, &end, 16);
		for (size_t i = 0; i < digits / 2; i++)
			bytes[i] = value >> 8 * i;
		if (append(s, bytes, digits / 2))
			return bad(dump, line, "the section is too long");
	}
	return 0;
}

static int parse_walk(struct coredump *dump, unsigned int line, struct coredump_section *s,
		      const char *text)
{
	const char *colon = strchr(text, ':');

	if (strncmp(text, "level ", 6) || !colon || s->levels == COREDUMP_WALK_MAX)
		return bad(dump, line, "damaged page-table walk");
	s->walk[s->levels++] = strtoull(colon + 1, NULL, 0);
	return 0;
}

static int parse_line(struct coredump *dump, unsigned int line, char *text)
{
	struct coredump_section *s;

	if (!*text || dump->complete)
		return 0;
	if (*text == '[')
		return parse_heading(dump, line, text);
	if (!dump->section_count)
		return parse_key(dump, line, text);
	s = &dump->sections[dump->section_count - 1];
	return !strcmp(s->name, "walk") ? parse_walk(dump, line, s, text) :
					  parse_hex(dump, line, s, text);
}

int coredump_parse(struct coredump *dump, const char *text)
{
	unsigned int line = 0;
	int err = 0;

	memset(dump, 0, sizeof(*dump));
	while (*text && !err) {
		size_t n = strcspn(text, "\n");
		char *copy = strndup(text, n);

		if (!copy)
			return -ENOMEM;
		err = parse_line(dump, ++line, copy);
		free(copy);
		text += n + (text[n] == '\n');
		if (line == 1 && (err || !dump->key_count || strcmp(dump->keys[0].name, MAGIC)))
			return bad(dump, line, "not a dump of a Dojo tile");
	}
	if (!line)
		return bad(dump, 1, "the file is empty");
	dump->version = coredump_number(dump, MAGIC);
	if (!err && dump->version != VERSION)
		return bad(dump, 1, "format %u, but this program knows %u only", dump->version,
			   VERSION);
	return err;
}

void coredump_free(struct coredump *dump)
{
	for (unsigned int i = 0; i < dump->key_count; i++) {
		free(dump->keys[i].name);
		free(dump->keys[i].value);
	}
	for (unsigned int i = 0; i < dump->section_count; i++)
		free(dump->sections[i].data);
	memset(dump, 0, sizeof(*dump));
}

const char *coredump_value(const struct coredump *dump, const char *name)
{
	for (unsigned int i = 0; i < dump->key_count; i++) {
		if (!strcmp(dump->keys[i].name, name))
			return dump->keys[i].value;
	}
	return NULL;
}

uint64_t coredump_number(const struct coredump *dump, const char *name)
{
	const char *value = coredump_value(dump, name);

	return value ? strtoull(value, NULL, 0) : 0;
}

const struct coredump_section *coredump_find(const struct coredump *dump, const char *name)
{
	for (unsigned int i = 0; i < dump->section_count; i++) {
		if (!strcmp(dump->sections[i].name, name))
			return &dump->sections[i];
	}
	return NULL;
}
