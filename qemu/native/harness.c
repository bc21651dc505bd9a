/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>

#include "harness.h"

float harness_scale = 1;
bool harness_wild;

void harness_init(struct harness *h, uint64_t bytes)
{
	memset(h, 0, sizeof(*h));
	memory_init(&h->mem, 0x7ff000, bytes);
	h->image = malloc(bytes);
	h->before = malloc(bytes);
}

static void forget(struct harness *h)
{
	for (int i = 0; i < DOJO_TENSOR_MAX; i++) {
		free(h->o[i].x);
		free(h->o[i].code);
		ref_format_fini(&h->o[i].format);
		memset(&h->o[i], 0, sizeof(h->o[i]));
	}
}

void harness_fini(struct harness *h)
{
	forget(h);
	memory_fini(&h->mem);
	free(h->image);
	free(h->before);
}

void harness_packet(struct harness *h, unsigned int opcode, unsigned int fn)
{
	forget(h);
	memory_reset(&h->mem);
	/* Tensors need not begin at a page */
	memory_alloc(&h->mem, test_below(5000));
	memset(&h->flags, 0, sizeof(h->flags));
	test_packet_init(&h->t, opcode, fn);
	h->what[0] = 0;
}

static uint64_t element_va(const struct dojo_tensor *t, uint64_t index, unsigned int size)
{
	uint64_t va = t->va;

	for (int d = 0; d < 4; d++) {
		va += index % t->dim[d] * t->stride[d] * size;
		index /= t->dim[d];
	}
	return va;
}

static uint32_t get(struct harness *h, const struct dojo_tensor *t, uint64_t index,
		    unsigned int size)
{
	uint32_t c = 0;

	memcpy(&c, memory_at(&h->mem, element_va(t, index, size)), size);
	return c;
}

float harness_read(struct harness *h, int i, uint64_t element)
{
	return ref_decode(&h->o[i].format,
			  get(h, &h->t.p->tensor[i], element, h->o[i].format.size));
}

static void reload(struct harness *h, int i)
{
	const struct dojo_tensor *t = &h->t.p->tensor[i];
	struct operand *o = &h->o[i];

	for (uint64_t e = 0; e < o->count; e++) {
		o->code[e] = get(h, t, e, o->format.size);
		o->x[e] = ref_decode(&o->format, o->code[e]);
	}
}

static void describe(struct harness *h, int i)
{
	ref_format_init(&h->o[i].format, h->t.p->tensor[i].format, h->t.p->tensor[i].bias);
	h->o[i].count = 1;
	for (int d = 0; d < 4; d++)
		h->o[i].count *= h->t.p->tensor[i].dim[d];
	h->o[i].x = malloc(4 * h->o[i].count);
	h->o[i].code = malloc(4 * h->o[i].count);
}

static uint32_t random_code(const struct ref_format *f)
{
	unsigned int flags;
	float x;

	if (f->format == DOJO_FORMAT_INT32)
		return (uint32_t)test_random() >> test_below(32);
	if (f->format == DOJO_FORMAT_INT8)
		return test_below(256);
	if (harness_wild && test_below(16) == 0)
		x = test_any_float();
	else
		x = test_float() * harness_scale;
	if (f->format == DOJO_FORMAT_FP32)
		return test_bits(x);
	return ref_encode(f, x, NULL, &flags);
}

int harness_add(struct harness *h, unsigned int format, unsigned int bias, enum placing placing,
		uint32_t d0, uint32_t d1, uint32_t d2, uint32_t d3)
{
	int i = test_add(&h->t, 0, format, bias, d0, d1, d2, d3), order[4] = { 0, 1, 2, 3 };
	struct dojo_tensor *t = &h->t.p->tensor[i];
	uint64_t span = 1, size;

	describe(h, i);
	size = h->o[i].format.size;
	if (placing != PLACE_DENSE) {
		for (int d = 3; d > 0; d--) {
			int e = (int)test_below((uint32_t)d + 1), swap = order[d];

			order[d] = order[e];
			order[e] = swap;
		}
		for (int d = 0; d < 4; d++) {
			if (placing == PLACE_BROADCAST && test_below(4) == 0) {
				t->stride[order[d]] = 0;
				continue;
			}
			t->stride[order[d]] = span + (test_below(3) == 0 ? test_below(5) : 0);
			span += (t->dim[order[d]] - 1) * t->stride[order[d]];
		}
	} else {
		span = h->o[i].count;
	}
	t->va = memory_alloc(&h->mem, span * size + 64) + test_below(8) * size;
	for (uint64_t e = 0; e < h->o[i].count; e++) {
		uint32_t c = random_code(&h->o[i].format);

		memcpy(memory_at(&h->mem, element_va(t, e, (unsigned int)size)), &c, size);
	}
	reload(h, i);
	return i;
}

int harness_alias(struct harness *h, int like)
{
	struct dojo_tensor t = h->t.p->tensor[like];
	int i = test_add(&h->t, 0, t.format, t.bias, 1, 1, 1, 1);

	h->t.p->tensor[i] = t;
	describe(h, i);
	reload(h, i);
	return i;
}

void harness_set_ints(struct harness *h, int i, const int32_t *v)
{
	for (uint64_t e = 0; e < h->o[i].count; e++)
		memcpy(memory_at(&h->mem, element_va(&h->t.p->tensor[i], e, 4)), &v[e], 4);
	reload(h, i);
}

/* The image begins as memory is when the first result is expected */
static void begin_image(struct harness *h)
{
	if (h->what[0])
		return;
	memcpy(h->image, h->mem.host, h->mem.used);
	memcpy(h->before, h->mem.host, h->mem.used);
	snprintf(h->what, sizeof(h->what), "opcode 0x%x fn %u flags 0x%x", h->t.p->header.opcode,
		 h->t.p->fn, h->t.p->op_flags);
}

static void put(struct harness *h, int i, uint64_t e, uint32_t code)
{
	unsigned int size = h->o[i].format.size;
	uint64_t va = element_va(&h->t.p->tensor[i], e, size);

	memcpy(h->image + (va - h->mem.base), &code, size);
}

void harness_expect_codes(struct harness *h, int i, const uint32_t *code)
{
	begin_image(h);
	for (uint64_t e = 0; e < h->o[i].count; e++)
		put(h, i, e, code[e]);
}

void harness_expect(struct harness *h, int i, const float *y)
{
	const struct dojo_packet_compute *p = h->t.p;

	begin_image(h);
	for (uint64_t e = 0; e < h->o[i].count; e++) {
		uint32_t word = ref_random(p->seed, p->rng_base + e, 0);
		unsigned int flags = 0;
		float x = ref_canon(y[e]);

		if (h->o[i].format.format == DOJO_FORMAT_FP32)
			put(h, i, e, test_bits(x));
		else
			put(h, i, e, ref_encode(&h->o[i].format, x, p->round ? &word : NULL,
						&flags));
		h->flags.invalid += !!(flags & REF_INVALID);
		h->flags.denormal += !!(flags & REF_DENORMAL);
		h->flags.overflow += !!(flags & REF_OVERFLOW);
		h->flags.underflow += !!(flags & REF_UNDERFLOW);
	}
}

static void explain(struct harness *h, const char *isa, int mode)
{
	printf("# %s, %s, mode %d:", h->what, isa, mode);
	for (unsigned int i = 0; i < h->t.p->tensors; i++) {
		const struct dojo_tensor *t = &h->t.p->tensor[i];

		printf(" [%u:%u %ux%ux%ux%u]", t->format, t->bias, t->dim[0], t->dim[1], t->dim[2],
		       t->dim[3]);
	}
	printf("\n");
	for (unsigned int i = 0; i < h->t.p->tensors; i++)
		for (uint64_t e = 0, shown = 0; e < h->o[i].count && shown < 3; e++) {
			unsigned int size = h->o[i].format.size;
			uint64_t va = element_va(&h->t.p->tensor[i], e, size);
			uint32_t got = get(h, &h->t.p->tensor[i], e, size), want = 0;

			memcpy(&want, h->image + (va - h->mem.base), size);
			if (got == want)
				continue;
			printf("#   tensor %u element %llu: 0x%x (%a), should be 0x%x (%a)\n", i,
			       (unsigned long long)e, got, ref_decode(&h->o[i].format, got),
			       want, ref_decode(&h->o[i].format, want));
			shown++;
		}
}

bool harness_run(struct harness *h)
{
	const uint64_t usual = dojo_stream_bytes;
	static unsigned int turn;
	bool ok = true;

	begin_image(h);
	turn++;
	for (const char *isa = test_isa_first(); isa; isa = test_isa_next()) {
		for (int mode = MEMORY_WHOLE; ok && mode <= MEMORY_NO_MAP; mode++) {
			struct dojo_flags flags = {};
			struct dojo_fault_info fault;

			memcpy(h->mem.host, h->before, h->mem.used);
			h->mem.mode = (enum memory_mode)mode;
			/* Every other one writes past the caches; by and by, every kind of run */
			dojo_stream_bytes = turn++ % 2 ? 0 : usual;
			if (!test_run(&h->t, &h->mem, &flags, &fault)) {
				printf("# %s: fault %u field 0x%x va 0x%llx\n", h->what,
				       fault.reason, fault.field, (unsigned long long)fault.va);
				ok = false;
			} else if (memcmp(h->mem.host, h->image, h->mem.used)) {
				explain(h, isa, mode);
				ok = false;
			} else if (memcmp(&flags, &h->flags, sizeof(flags))) {
				printf("# %s: flags %s, should be %s\n", h->what,
				       test_flags(&flags, 0), test_flags(&h->flags, 1));
				ok = false;
			}
		}
	}
	dojo_stream_bytes = usual;
	return ok;
}

bool harness_faults(struct harness *h, uint32_t reason, size_t field)
{
	struct dojo_fault_info fault;

	h->mem.mode = MEMORY_PAGES;
	return !test_run(&h->t, &h->mem, NULL, &fault) && fault.reason == reason &&
	       fault.field == field;
}

unsigned int harness_format(unsigned int *bias)
{
	unsigned int f = DOJO_FORMAT_FP32 + test_below(DOJO_FORMAT_CFLOAT16_UHP);

	/* FP32 half of the time */
	if (test_below(2))
		f = DOJO_FORMAT_FP32;
	*bias = 0;
	if (f == DOJO_FORMAT_CFLOAT8_143)
		*bias = 4 + test_below(8);
	else if (f == DOJO_FORMAT_CFLOAT8_152 || f == DOJO_FORMAT_CFLOAT16_SHP)
		*bias = 10 + test_below(10);
	return f;
}
