// SPDX-License-Identifier: GPL-2.0-only
/* What a healthy kernel does not say: see dojo_test.h */
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dojo_test.h"

static const char * const complaints[] = {
	"WARNING:", "BUG:", "BUG ", "Oops", "general protection fault", "Kernel panic",
	"KASAN", "KCSAN", "KMSAN", "KFENCE: ", "UBSAN", "ODEBUG",
	"DMA-API: debugging out of memory",
	"possible circular locking", "possible recursive locking", "possible irq lock inversion",
	"inconsistent lock state", "Invalid wait context", "nested lock was not taken",
	"held lock freed", "lock held when returning", "suspicious RCU usage",
	"refcount_t:", "list_(add|del) corruption",
	"sleeping function called", "scheduling while atomic",
	"blocked for more than", "soft lockup", "hard LOCKUP", "workqueue lockup",
	"rcu: INFO", "rcu_.*detected stalls", "irq [0-9]+: nobody cared",
	"kmemleak: [0-9]+ new", "[Ll]eaked", "not clean", "page allocation failure",
	"Call Trace:",
};

#define CONTEXT_LINES	40	/* printed with and after a complaint: a back trace */

static int log_fd = -1;

static regex_t bad[ARRAY_SIZE(complaints)];

static void compile(regex_t *re, const char *pattern)
{
	if (regcomp(re, pattern, REG_EXTENDED | REG_NOSUB))
		abort();
}

static bool matches(const regex_t *re, const char *text)
{
	return !regexec(re, text, 0, NULL, 0);
}

static bool is_complaint(const char *text)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		if (matches(&bad[i], text))
			return true;
	return false;
}

void dojo_log_start(bool from_boot)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		compile(&bad[i], complaints[i]);
	log_fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (log_fd >= 0 && !from_boot)
		lseek(log_fd, 0, SEEK_END);
}

/* Nothing that a user does may make the driver speak at error level. */
static bool is_driver_error(const char *record, const char *text)
{
	return (atoi(record) & 7) <= 3 && strstr(text, "dojo");
}

unsigned int dojo_log_check(const char *allow)
{
	unsigned int hits = 0, context = 0;
	char record[8192], *text, *end;
	regex_t allowed;
	ssize_t n;

	compile(&allowed, allow ? allow : "^$");
	while (log_fd >= 0) {
		n = read(log_fd, record, sizeof(record) - 1);
		if (n < 0 && (errno == EPIPE || errno == EINTR))
			continue;	/* overrun: go on with what is left */
		if (n <= 0)
			break;
		record[n] = 0;
		text = strchr(record, ';');
		if (!text)
			continue;
		end = strchr(++text, '\n');
		if (end)
			*end = 0;
		if (is_complaint(text) ||
		    (is_driver_error(record, text) && !matches(&allowed, text))) {
			hits++;
			context = CONTEXT_LINES;
		}
		if (context) {
			printf("# kernel log: %s\n", text);
			context--;
		}
	}
	regfree(&allowed);
	return hits;
}
