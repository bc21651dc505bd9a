/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>

#include "test.h"

static int count, failures;
static uint64_t rng = 0x9e3779b97f4a7c15;
static int isa;

static void print(const char *word, const char *format, va_list args, const char *tail)
{
	printf("%s %d - ", word, ++count);
	vprintf(format, args);
	printf("%s\n", tail);
	fflush(stdout);
}

void test_ok(bool ok, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print(ok ? "ok" : "not ok", format, args, "");
	va_end(args);
	failures += !ok;
}

void test_skip(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print("ok", format, args, " # SKIP");
	va_end(args);
}

int test_end(void)
{
	printf("1..%d\n", count);
	return failures != 0;
}

/* Lowering the limit until the base is reached; equal names are one set */
const char *test_isa_first(void)
{
	isa = 2;
	dojo_kernels_limit = 2;
	return dojo_kernels_get()->name;
}

const char *test_isa_next(void)
{
	const char *last = dojo_kernels_get()->name;

	while (--isa >= 0) {
		dojo_kernels_limit = (unsigned int)isa;
		if (dojo_kernels_get()->name != last)
			return dojo_kernels_get()->name;
	}
	dojo_kernels_limit = 2;
	return NULL;
}

uint64_t test_random(void)
{
	uint64_t z = rng += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

uint32_t test_below(uint32_t n)
{
	return (uint32_t)(test_random() >> 32) % n;
}

void test_seed(uint64_t seed)
{
	rng = seed;
}

const char *test_flags(const struct dojo_flags *flags, int which)
{
	static char text[2][100];

	snprintf(text[which], sizeof(text[which]),
		 "%llu invalid, %llu denormal, %llu overflow, %llu underflow",
		 (unsigned long long)flags->invalid, (unsigned long long)flags->denormal,
		 (unsigned long long)flags->overflow, (unsigned long long)flags->underflow);
	return text[which];
}

uint32_t test_bits(float x)
{
	uint32_t u;

	memcpy(&u, &x, 4);
	return u;
}

float test_from_bits(uint32_t u)
{
	float x;

	memcpy(&x, &u, 4);
	return x;
}

float test_float(void)
{
	uint32_t r = (uint32_t)test_random();

	if (r % 16 == 0)
		return 0;
	return (float)(int32_t)r * (1.0f / (1 << 30));
}

float test_any_float(void)
{
	static const uint32_t special[] = {
		0, 0x80000000, 1, 0x80000001, 0x7fffff, 0x800000, 0x7f7fffff,
		0x7f800000, 0xff800000, 0x7fc00000, 0xffc12345, 0x7f800001,
	};

	if (test_below(8) == 0)
		return test_from_bits(special[test_below(ARRAY_SIZE(special))]);
	return test_from_bits((uint32_t)test_random());
}

const struct dojo_op_limits test_limits = {
	.compute = true,
	.privileged = true,
	.opcodes = { ~0ull, ~0ull, ~0ull, ~0ull },
	.formats = 0x3fe,
};

void test_packet_init(struct test_packet *t, unsigned int opcode, unsigned int fn)
{
	memset(t, 0, sizeof(*t));
	t->p = (struct dojo_packet_compute *)t->op.packet.words;
	t->p->header.opcode = (uint16_t)opcode;
	t->p->header.words = 8;
	t->p->fn = (uint8_t)fn;
}

int test_add(struct test_packet *t, uint64_t va, unsigned int format, unsigned int bias,
	     uint32_t d0, uint32_t d1, uint32_t d2, uint32_t d3)
{
	struct dojo_tensor *x = &t->p->tensor[t->p->tensors];

	x->va = va;
	x->dim[0] = d0;
	x->dim[1] = d1;
	x->dim[2] = d2;
	x->dim[3] = d3;
	x->stride[0] = 1;
	x->stride[1] = d0;
	x->stride[2] = (uint64_t)d0 * d1;
	x->stride[3] = (uint64_t)d0 * d1 * d2;
	x->format = (uint8_t)format;
	x->bias = (uint8_t)bias;
	t->p->header.words += 8;
	return t->p->tensors++;
}

void test_set_f(struct test_packet *t, int i, float x)
{
	t->p->f[i] = test_bits(x);
}

bool test_run(struct test_packet *t, struct test_memory *mem, struct dojo_flags *flags,
	      struct dojo_fault_info *fault)
{
	static void *scratch;
	struct dojo_flags none = {};
	struct dojo_fault_info nothing;
	uint64_t step;

	if (!flags)
		flags = &none;
	if (!fault)
		fault = &nothing;
	if (!scratch && posix_memalign(&scratch, 64, DOJO_OP_SCRATCH))
		abort();
	if (!dojo_op_decode(&t->op, DOJO_PACKET_MAX, &test_limits, fault) ||
	    !dojo_op_prepare(&t->op, &mem->mem, scratch, fault))
		return false;
	/* An odd step visits all of 2^n places; those past the end are left out */
	for (step = 1; step < t->op.units; step *= 2)
		;
	for (uint64_t i = 0, unit = 0; i < step; i++, unit = (unit + 0x5851f42d) % step)
		if (unit < t->op.units &&
		    !dojo_op_run(&t->op, unit, &mem->mem, scratch, flags, fault))
			return false;
	return true;
}

bool test_rejects(struct test_packet *t, uint32_t reason, size_t field)
{
	struct dojo_fault_info fault;

	if (dojo_op_decode(&t->op, DOJO_PACKET_MAX, &test_limits, &fault)) {
		printf("# accepted, expected reason %u field 0x%zx\n", reason, field);
		return false;
	}
	if (fault.reason != reason || fault.field != field) {
		printf("# reason %u field 0x%x, expected reason %u field 0x%zx\n",
		       fault.reason, fault.field, reason, field);
		return false;
	}
	return true;
}
