// SPDX-License-Identifier: GPL-2.0-only
/* A monitor client as small as it gets: see dojo_qmp.h */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dojo_qmp.h"

#define PORT		"/dev/virtio-ports/org.dojo.qmp"
#define MAX_CARDS	8
#define LIMIT_MS	10000

/* One line of the monitor's, without its end */
static int read_line(int qmp, char *line, size_t size)
{
	struct pollfd poll_fd = { .fd = qmp, .events = POLLIN };
	size_t used = 0;

	while (used + 1 < size) {
		if (poll(&poll_fd, 1, LIMIT_MS) != 1)
			return -ETIMEDOUT;
		if (read(qmp, line + used, 1) != 1)
			return -EIO;
		if (line[used] == '\n')
			break;
		used++;
	}
	line[used] = 0;
	return 0;
}

/* Sends a command, skips events and older answers, and copies the answer */
static int command(int qmp, char *answer, size_t size, const char *format, ...)
{
	static unsigned int last_id;
	char text[1024], tail[64];
	va_list args;
	int len, ret;

	snprintf(tail, sizeof(tail), ", \"id\": \"%d-%u\"}", getpid(), ++last_id);
	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	len += snprintf(text + len, sizeof(text) - len, "%s\n", tail);
	if (write(qmp, text, len) != len)
		return -EIO;
	tail[strlen(tail) - 1] = 0;
	do {
		ret = read_line(qmp, answer, size);
		if (ret)
			return ret;
	} while (!strstr(answer, tail + 2));
	return strstr(answer, "\"error\"") ? -EINVAL : 0;
}

int dojo_qmp_open(void)
{
	char answer[1024];
	int qmp, ret;

	qmp = open(PORT, O_RDWR | O_CLOEXEC);
	if (qmp < 0)
		return -errno;
	/* refused if somebody has done it since the machine was started */
	ret = command(qmp, answer, sizeof(answer), "{\"execute\": \"qmp_capabilities\"");
	if (ret && ret != -EINVAL) {
		close(qmp);
		return ret;
	}
	return qmp;
}

int dojo_qmp_card(int qmp, const char *serial, char *path, size_t size)
{
	char answer[1024], quoted[32];
	int i;

	snprintf(quoted, sizeof(quoted), "\"%s\"", serial);
	for (i = 0; i < MAX_CARDS; i++) {
		snprintf(path, size, "/machine/peripheral/card%d", i);
		if (command(qmp, answer, sizeof(answer),
			    "{\"execute\": \"qom-get\", \"arguments\": {\"path\": \"%s\", \"property\": \"serial\"}",
			    path))
			break;
		if (strstr(answer, quoted))
			return 0;
	}
	return -ENODEV;
}

int dojo_qmp_set(int qmp, const char *path, const char *property, const char *value)
{
	char answer[1024];

	return command(qmp, answer, sizeof(answer),
		       "{\"execute\": \"qom-set\", \"arguments\": {\"path\": \"%s\", \"property\": \"%s\", \"value\": %s}",
		       path, property, value);
}

int dojo_qmp_monitor(int qmp, const char *text)
{
	char answer[1024];
	int ret;

	ret = command(qmp, answer, sizeof(answer),
		      "{\"execute\": \"human-monitor-command\", \"arguments\": {\"command-line\": \"%s\"}",
		      text);
	if (!ret && !strstr(answer, "\"return\": \"OK"))
		ret = -EINVAL;
	return ret;
}
