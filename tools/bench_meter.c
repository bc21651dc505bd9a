// SPDX-License-Identifier: GPL-2.0-only
/*
 * Time and instructions. A processor's counters know what a thread did; an emulated machine
 * has none, but if QEMU runs it with -icount shift=0, then its time is counted in
 * instructions, one a nanosecond, and the time that a thread had of the processor with it.
 */
#include <linux/perf_event.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define LOOPS		1000000
#define TRIES		16	/* the machine's clock may be adjusted meanwhile */

static uint64_t thread_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * UINT64_C(1000000000) + t.tv_nsec;
}

#ifdef __x86_64__
/* @ns beside the instructions: the kernel knows its clock's rate to a few parts in a thousand */
static bool is_count(uint64_t ns, uint64_t instructions)
{
	return llabs((long long)(ns - instructions)) < (long long)instructions / 200;
}

/* Does a loop take as many nanoseconds as it has instructions, whatever these are? */
static bool time_is_instructions(void)
{
	bool two = false, seven = false;

	for (unsigned int i = 0; i < TRIES && !(two && seven); i++) {
		uint64_t turns = LOOPS, begin = thread_ns(), between;

		__asm__ volatile("1: dec %0; jnz 1b" : "+r"(turns) : : "cc");
		between = thread_ns();
		turns = LOOPS;
		__asm__ volatile("1: nop; nop; nop; nop; nop; dec %0; jnz 1b"
				 : "+r"(turns) : : "cc");
		two |= is_count(between - begin, 2 * LOOPS);
		seven |= is_count(thread_ns() - between, 7 * LOOPS);
	}
	return two && seven;
}
#else
static bool time_is_instructions(void)
{
	return false;
}
#endif

void meter_open(struct meter *m)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_HW_INSTRUCTIONS,
		.exclude_hv = 1,
	};

	m->perf = syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	m->icount = m->perf < 0 && time_is_instructions();
}

void meter_close(const struct meter *m)
{
	if (m->perf >= 0)
		close(m->perf);
}

static uint64_t meter_count(const struct meter *m)
{
	uint64_t count;

	if (m->icount)
		return thread_ns();
	return m->perf >= 0 && read(m->perf, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

void meter_start(struct meter *m)
{
	m->seconds = now_seconds();
	m->instructions = meter_count(m);
}

struct cost meter_stop(const struct meter *m)
{
	uint64_t count = meter_count(m);

	return (struct cost){
		.seconds = m->icount ? NAN : now_seconds() - m->seconds,
		.instructions = m->perf < 0 && !m->icount ? NAN : count - m->instructions,
	};
}

double meter_machine(const struct meter *m)
{
	double up, idle = NAN;
	FILE *f = m->icount ? fopen("/proc/uptime", "re") : NULL;

	if (!f)
		return NAN;
	/* of one processor: there are no more with -icount */
	if (fscanf(f, "%lf %lf", &up, &idle) != 2)
		up = NAN;
	fclose(f);
	return 1e9 * (up - idle);
}
