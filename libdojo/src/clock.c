// SPDX-License-Identifier: MIT
#include <time.h>

#include "internal.h"

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t dojo_deadline(int64_t timeout_ns)
{
	int64_t now;

	if (timeout_ns == 0)
		return 0;
	if (timeout_ns < 0)
		return INT64_MAX;
	now = now_ns();
	return timeout_ns > INT64_MAX - now ? INT64_MAX : now + timeout_ns;
}

int64_t dojo_time_left(int64_t deadline)
{
	int64_t now;

	if (deadline == 0 || deadline == INT64_MAX)
		return deadline ? DOJO_FOREVER : 0;
	now = now_ns();
	return deadline > now ? deadline - now : 0;
}
