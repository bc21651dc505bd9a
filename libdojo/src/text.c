// SPDX-License-Identifier: MIT
#include <stdarg.h>
#include <stdio.h>

#include "internal.h"

void dojo_text_start(struct text *text, char *buffer, size_t size)
{
	text->buffer = buffer;
	text->size = size;
	text->length = 0;
	if (size)
		buffer[0] = 0;
}

void dojo_text_add(struct text *text, const char *format, ...)
{
	size_t used = text->length < text->size ? text->length : text->size;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(text->size ? text->buffer + used : NULL, text->size - used, format,
			   arguments);
	va_end(arguments);
	if (length > 0)
		text->length += (size_t)length;
}
