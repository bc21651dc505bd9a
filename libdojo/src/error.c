// SPDX-License-Identifier: MIT
/* What went wrong, in words. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

struct error_text {
	int error;
	const char *text;
};

static const struct error_text texts[] = {
	{ 0, "success" },
	{ EINVAL, "an argument is out of range or not supported" },
	{ ENOENT, "no such object, or its address space has become unusable" },
	{ EFAULT, "bad pointer" },
	{ ENOMEM, "out of memory" },
	{ ENODEV, "not a Dojo tile, or the card is gone" },
	{ ECANCELED, "stopped: the tile is wedged, or the queue was lost to a reset" },
	{ ENOSPC, "no room: larger than its memory, or all of them are in use" },
	{ EPERM, "not allowed for this object" },
	{ EACCES, "no permission" },
	{ EMFILE, "too many objects or files of this process or user" },
	{ EAGAIN, "not now: no room in the ring" },
	{ ETIME, "not within the time given" },
	{ ETIMEDOUT, "the queue made no progress and was stopped" },
	{ EIO, "the queue has faulted" },
	{ E2BIG, "the kernel is too old for a field that was set" },
	{ EPROTO, "the kernel driver's ABI has another major version" },
	{ EINPROGRESS, "not signalled yet" },
	{ EOPNOTSUPP, "this card cannot do that" },
	{ EBUSY, "in use" },
	{ EINTR, "interrupted by a signal" },
	{ EOVERFLOW, "a size or address is too large" },
};

static const struct error_text open_texts[] = {
	{ ENOENT, "no such Dojo tile (module not loaded? modprobe dojo. DOJO_DEVICE wrong?)" },
	{ EACCES, "no permission: join the group of /dev/accel (render) or install the udev rule" },
	{ EPERM, "no permission: the container or its device cgroup keeps the tile out" },
	{ ENODEV, "not a Dojo tile: another driver's node, or the card is gone" },
	{ ENXIO, "the node has no driver: the module was unloaded or the card is gone" },
	{ EPROTO, "module and library do not fit: their ABIs have different major versions" },
	{ EINVAL, "not a tile's name, like /dev/accel/accel0, 0, 0000:00:04.0/0 or SERIAL/0" },
	{ ECANCELED, "the tile is wedged: reset the card" },
};

static const char *find_text(const struct error_text *table, size_t count, int error)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (table[i].error == error)
			return table[i].text;
	return NULL;
}

const char *dojo_strerror(int error)
{
	const char *text = find_text(texts, ARRAY_SIZE(texts), error < 0 ? -error : error);

	return text ? text : "unexpected error";
}

const char *dojo_open_strerror(int error)
{
	const char *text;

	text = find_text(open_texts, ARRAY_SIZE(open_texts), error < 0 ? -error : error);
	return text ? text : dojo_strerror(error);
}

int dojo_fail(struct dojo_device *dev, int error, const char *format, ...)
{
	va_list arguments;

	pthread_mutex_lock(&dev->lock);
	dev->error_thread = pthread_self();
	va_start(arguments, format);
	vsnprintf(dev->error_text, sizeof(dev->error_text), format, arguments);
	va_end(arguments);
	pthread_mutex_unlock(&dev->lock);
	return error;
}

size_t dojo_last_error(struct dojo_device *dev, char *text, size_t size)
{
	struct text out;

	dojo_text_start(&out, text, size);
	pthread_mutex_lock(&dev->lock);
	if (dev->error_text[0] && pthread_equal(dev->error_thread, pthread_self()))
		dojo_text_add(&out, "%s", dev->error_text);
	pthread_mutex_unlock(&dev->lock);
	return out.length;
}
