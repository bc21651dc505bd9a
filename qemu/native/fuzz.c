/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <float.h>

#include "fuzz.h"

/* A packet that promises more than this is not run in full */
#define MAX_WORK	(1ull << 20)
/* No unit may be larger: about ten milliseconds with vector units */
#define MAX_UNIT_FLOP	(1ull << 30)
#define TENSOR_SPACE	(FUZZ_MEMORY / DOJO_TENSOR_MAX)

/* Ends the program, so that the fuzzer keeps the input */
#define MUST(condition)							\
	do {								\
		if (!(condition)) {					\
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort();					\
		}							\
	} while (0)

/* Memory that remembers which bytes it has given away for writing */
struct watched_memory {
	struct dojo_memory mem;
	struct test_memory m;
	uint8_t granted[FUZZ_MEMORY];
	uint8_t before[FUZZ_MEMORY];
};

static struct watched_memory watched;
static uint8_t first_result[FUZZ_MEMORY];
static void *scratch;

static void grant(uint64_t va, uint64_t len)
{
	memset(watched.granted + (va - FUZZ_BASE), 1, len);
}

static void *watched_map(struct dojo_memory *mem, uint64_t va, uint64_t want, bool write,
			 uint64_t *len, struct dojo_fault_info *fault)
{
	void *host = watched.m.mem.ops->map(&watched.m.mem, va, want, write, len, fault);

	(void)mem;
	if (host && write)
		grant(va, *len);
	return host;
}

static bool watched_read(struct dojo_memory *mem, uint64_t va, void *buf, uint64_t len,
			 struct dojo_fault_info *fault)
{
	(void)mem;
	return watched.m.mem.ops->read(&watched.m.mem, va, buf, len, fault);
}

static bool watched_write(struct dojo_memory *mem, uint64_t va, const void *buf, uint64_t len,
			  struct dojo_fault_info *fault)
{
	(void)mem;
	if (!watched.m.mem.ops->write(&watched.m.mem, va, buf, len, fault))
		return false;
	grant(va, len);
	return true;
}

/* Physical addresses of segments are those of this memory */
static void *watched_map_segment(struct dojo_memory *mem, uint64_t pte, uint64_t offset,
				 uint64_t want, bool write, uint64_t *len,
				 struct dojo_fault_info *fault)
{
	void *host = watched.m.mem.ops->map_segment(&watched.m.mem, pte, offset, want, write,
						    len, fault);

	(void)mem;
	if (host && write)
		grant((uint64_t)((uint8_t *)host - watched.m.host) + FUZZ_BASE, *len);
	return host;
}

static bool watched_read_segment(struct dojo_memory *mem, uint64_t pte, uint64_t offset,
				 void *buf, uint64_t len, struct dojo_fault_info *fault)
{
	(void)mem;
	return watched.m.mem.ops->read_segment(&watched.m.mem, pte, offset, buf, len, fault);
}

static bool watched_write_segment(struct dojo_memory *mem, uint64_t pte, uint64_t offset,
				  const void *buf, uint64_t len, struct dojo_fault_info *fault)
{
	(void)mem;
	if (!watched.m.mem.ops->write_segment(&watched.m.mem, pte, offset, buf, len, fault))
		return false;
	grant((pte & 0xffffffffff000ull) + offset, len);
	return true;
}

static const struct dojo_memory_ops watched_ops = {
	.map = watched_map,
	.read = watched_read,
	.write = watched_write,
	.map_segment = watched_map_segment,
	.read_segment = watched_read_segment,
	.write_segment = watched_write_segment,
};

static void prepare_once(void)
{
	if (scratch)
		return;
	watched.mem.ops = &watched_ops;
	memory_init(&watched.m, FUZZ_BASE, FUZZ_MEMORY);
	if (posix_memalign(&scratch, 64, DOJO_OP_SCRATCH))
		abort();
}

static void fill_memory(const struct fuzz_input *in)
{
	size_t some = 4 * 1031;		/* repeated: no power of 2 */

	test_seed(in->seed);
	for (size_t i = 0; i < some; i += 4) {
		uint32_t word = 0;

		switch (in->fill % FILL_COUNT) {
		case FILL_SMALL:
			word = test_below(8);
			break;
		case FILL_NUMBERS:
			word = test_bits(test_float());
			break;
		case FILL_BITS:
			word = test_bits(test_any_float());
			break;
		default:
			break;
		}
		memcpy(watched.before + i, &word, 4);
	}
	for (size_t i = some, n; i < FUZZ_MEMORY; i += n) {
		n = FUZZ_MEMORY - i < i ? FUZZ_MEMORY - i : i;
		memcpy(watched.before + i, watched.before, n);
	}
}

/* Lists of segments where the packet looks for them, of pages of this memory, most of them legal */
static void put_segments(const struct dojo_op *op)
{
	const struct dojo_packet_segments *p = (const void *)op->packet.words;
	const uint64_t lists[2] = { p->src, p->dst };

	for (int l = 0; l < 2; l++)
		for (uint64_t i = 0; i < 4; i++) {
			uint64_t at = lists[l] + i * sizeof(struct dojo_segment) - FUZZ_BASE;
			struct dojo_segment s = {
				.pte = (FUZZ_BASE & ~4095ull) + 4096 * test_below(40),
				.size = 4096 * (1 + test_below(3)),
			};

			s.pte |= test_below(16) ? 0xf : test_below(16);
			if (test_below(16) == 0)
				s.size = test_random();
			if (at < FUZZ_MEMORY - sizeof(s))
				memcpy(watched.before + at, &s, sizeof(s));
		}
}

static bool decode(struct dojo_op *op, size_t bytes, struct dojo_fault_info *fault)
{
	static struct dojo_op again;
	bool ok;

	again = *op;
	ok = dojo_op_decode(op, bytes, &test_limits, fault);
	MUST(!memcmp(op->packet.words, again.packet.words, sizeof(op->packet)));
	if (ok) {
		size_t length = op->packet.header.words * 8u;

		MUST(fault->reason == DOJO_FAULT_NONE);
		MUST(length && length <= bytes);
		MUST(op->packet.header.opcode < DOJO_OP_COPY ? !op->units : op->units);
		MUST(!op->units || op->flop / op->units <= MAX_UNIT_FLOP);
		/* No byte after the packet matters */
		memset((uint8_t *)again.packet.words + length, 0x5a, DOJO_PACKET_MAX - length);
		MUST(dojo_op_decode(&again, length, &test_limits, fault));
		MUST(again.units == op->units && again.flop == op->flop);
		return true;
	}
	MUST(fault->field < DOJO_PACKET_MAX);
	switch (fault->reason) {
	case DOJO_FAULT_BATCH:
	case DOJO_FAULT_OPCODE:
	case DOJO_FAULT_PACKET:
	case DOJO_FAULT_FIELD:
	case DOJO_FAULT_ADDRESS:
		return false;
	default:
		MUST(!"a reason that the decoder may give");
		return false;
	}
}

void fuzz_decode(const uint8_t *data, size_t size)
{
	static struct dojo_op op;
	struct dojo_fault_info fault;

	if (size > DOJO_PACKET_MAX)
		size = DOJO_PACKET_MAX;
	memset(&op, 0, sizeof(op));
	memcpy(op.packet.words, data, size);
	decode(&op, size, &fault);
}

/*
 * Ranges of memory that the tensors reach over: none meets another, unless they
 * are the same without gaps, which the decoder lets pass only where it is legal.
 */
static bool apart(const struct dojo_op *op)
{
	const struct dojo_packet_compute *p = (const void *)op->packet.words;
	uint64_t end[DOJO_TENSOR_MAX];

	if (!packet_is_compute(op->packet.header.opcode))
		return op->packet.header.opcode == DOJO_OP_FILL;
	for (unsigned int i = 0; i < p->tensors; i++) {
		const struct dojo_tensor *t = &p->tensor[i];
		uint64_t last = 0, n = 1;

		for (int d = 0; d < 4; d++) {
			last += (t->dim[d] - 1) * t->stride[d];
			n *= t->dim[d];
		}
		end[i] = t->va + ((last + 1) << dojo_format_shift(t->format));
		for (unsigned int j = 0; j < i; j++) {
			const struct dojo_tensor *s = &p->tensor[j];

			if (t->va < end[j] && s->va < end[i] &&
			    (n != last + 1 || t->va != s->va || t->format != s->format ||
			     end[i] != end[j] || memcmp(t->dim, s->dim, sizeof(t->dim)) ||
			     memcmp(t->stride, s->stride, sizeof(t->stride))))
				return false;
		}
	}
	return true;
}

/* Units first..last-1, in order or from the last on; false on a fault, which is checked */
static bool run_units(struct dojo_op *op, uint64_t first, uint64_t last, bool backwards,
		      struct dojo_flags *flags)
{
	struct dojo_fault_info fault;

	for (uint64_t i = first; i < last; i++) {
		uint64_t unit = backwards ? first + last - 1 - i : i;

		if (dojo_op_run(op, unit, &watched.mem, scratch, flags, &fault)) {
			MUST(fault.reason == DOJO_FAULT_NONE);
			continue;
		}
		MUST(fault.reason != DOJO_FAULT_NONE);
		MUST(fault.reason < DOJO_FAULT_DESCRIPTOR || fault.reason == DOJO_FAULT_FIELD);
		MUST(fault.field < DOJO_PACKET_MAX);
		return false;
	}
	return true;
}

/* Only what was given away for writing may have changed */
static void check_writes(void)
{
	const size_t block = 256;

	for (size_t b = 0; b < FUZZ_MEMORY; b += block)
		if (memcmp(watched.m.host + b, watched.before + b, block))
			for (size_t i = b; i < b + block; i++)
				MUST(watched.granted[i] ||
				     watched.m.host[i] == watched.before[i]);
}

static void reset_memory(enum memory_mode mode)
{
	memcpy(watched.m.host, watched.before, FUZZ_MEMORY);
	memset(watched.granted, 0, FUZZ_MEMORY);
	watched.m.mode = mode;
	watched.m.rng = 1;
}

enum fuzz_outcome fuzz_run(const uint8_t *data, size_t size)
{
	static struct dojo_op op;
	struct dojo_flags flags[2] = {};
	struct dojo_fault_info fault;
	struct fuzz_input in = {};
	uint64_t first, last;
	bool done;

	prepare_once();
	memcpy(&in, data, size < sizeof(in) ? size : sizeof(in));
	memcpy(op.packet.words, in.packet, sizeof(in.packet));
	if (!decode(&op, sizeof(op.packet.header) + 8u * in.bytes, &fault))
		return FUZZ_REJECTED;
	if (!op.units)
		return FUZZ_CONTROL;

	fill_memory(&in);
	if (op.packet.header.opcode == DOJO_OP_COPY_SEGMENTS ||
	    op.packet.header.opcode == DOJO_OP_FILL_SEGMENTS)
		put_segments(&op);
	reset_memory(MEMORY_WHOLE);
	if (!dojo_op_prepare(&op, &watched.mem, scratch, &fault))
		return FUZZ_FAULTED;

	first = 0;
	last = op.units;
	if (op.flop + op.read_bytes + op.write_bytes > MAX_WORK || op.units > MAX_WORK) {
		/* The far end of a large one, where offsets are largest */
		if (op.flop / op.units > MAX_WORK)
			return FUZZ_TOO_LARGE;
		first = last - 1;
	}
	dojo_kernels_limit = 2;
	done = run_units(&op, first, last, false, &flags[0]);
	check_writes();
	if (!done || !apart(&op))
		return done ? FUZZ_DONE : FUZZ_FAULTED;

	/* The same bits and flags, however memory is mapped, whatever the order */
	memcpy(first_result, watched.m.host, FUZZ_MEMORY);
	reset_memory((enum memory_mode)(in.mode % (MEMORY_NO_MAP + 1)));
	dojo_kernels_limit = in.isa % 3;
	op.stream = in.isa / 3 % 2;
	MUST(run_units(&op, first, last, true, &flags[1]));
	dojo_kernels_limit = 2;
	check_writes();
	MUST(!memcmp(first_result, watched.m.host, FUZZ_MEMORY));
	MUST(!memcmp(&flags[0], &flags[1], sizeof(flags[0])));
	return first ? FUZZ_TOO_LARGE : FUZZ_DONE;
}

static struct dojo_packet_compute *packet_of(struct fuzz_input *in)
{
	return (struct dojo_packet_compute *)(void *)in->packet;
}

static void pack(struct dojo_tensor *t)
{
	uint64_t stride = 1;

	for (int d = 0; d < 4; d++) {
		t->stride[d] = stride;
		stride *= t->dim[d];
	}
}

static void place(struct dojo_packet_compute *p)
{
	for (unsigned int i = 0; i < p->tensors && i < DOJO_TENSOR_MAX; i++)
		p->tensor[i].va = FUZZ_BASE + i * TENSOR_SPACE;
}

void fuzz_legal(struct fuzz_input *in, unsigned int opcode, unsigned int variant)
{
	struct test_packet t;

	packet_legal(&t, opcode, variant, FUZZ_BASE);
	memset(in, 0, sizeof(*in));
	in->mode = (uint8_t)(variant % (MEMORY_NO_MAP + 1));
	in->isa = (uint8_t)(variant % 6);
	in->fill = FILL_SMALL;
	in->bytes = UINT8_MAX;
	memcpy(in->packet, t.op.packet.words, sizeof(in->packet));
	if (packet_is_compute(opcode)) {
		/* Tables of rows as large as the small integers that index them */
		for (unsigned int i = 0; i < packet_of(in)->tensors; i++)
			if (packet_of(in)->tensor[i].dim[1] == 1000)
				packet_of(in)->tensor[i].dim[1] = 8;
		place(packet_of(in));
	}
}

static uint32_t some_number(void)
{
	static const uint32_t edges[] = {
		0, 1, 2, 3, 15, 16, 17, 31, 32, 33, 255, 256, 257, 2047, 2048, 2049, 65535, 65536,
		1 << 20, (1 << 20) + 1, 1 << 24, (1 << 24) + 1, 1u << 30, 0x7fffffff, 0x80000000,
		0xffffffff,
	};

	switch (test_below(4)) {
	case 0:
		return edges[test_below(ARRAY_SIZE(edges))];
	case 1:
		return (uint32_t)test_random();
	default:
		return 1 + test_below(40);
	}
}

/* Extents that are equal are likely to have to be: all of them change */
static void change_extent(struct dojo_packet_compute *p, unsigned int n)
{
	struct dojo_tensor *t = &p->tensor[test_below(n)];
	uint32_t from = t->dim[test_below(4)], to = some_number();

	for (unsigned int i = 0; i < n; i++)
		for (int d = 0; d < 4; d++)
			if (p->tensor[i].dim[d] == from)
				p->tensor[i].dim[d] = to;
	for (unsigned int i = 0; i < n; i++)
		pack(&p->tensor[i]);
}

static void change_strides(struct dojo_tensor *t)
{
	unsigned int d = test_below(4), e = test_below(4);
	uint64_t stride = t->stride[d];

	switch (test_below(4)) {
	case 0:
		t->stride[d] = 0;
		break;
	case 1:
		t->stride[d] = t->stride[e];
		t->stride[e] = stride;
		break;
	case 2:
		t->stride[d] += 1 + test_below(7);
		break;
	default:
		t->stride[d] = test_random() >> test_below(64);
		break;
	}
}

static void change_tensor(struct dojo_packet_compute *p, unsigned int n)
{
	struct dojo_tensor *t = &p->tensor[test_below(n)];

	switch (test_below(6)) {
	case 0:
		t->format = (uint8_t)test_below(DOJO_FORMAT_COUNT + 1);
		t->bias = dojo_format_has_bias(t->format) ? (uint8_t)test_below(64) : 0;
		break;
	case 1:
		t->bias = (uint8_t)test_below(t->bias ? 66 : 2);
		break;
	case 2:
		t->va += (uint64_t)(int64_t)(1 - (int32_t)test_below(3)) *
			 (1ull << test_below(16));
		break;
	case 3:
		/* In place of another */
		*t = p->tensor[test_below(n)];
		break;
	case 4:
		t->dim[test_below(4)] = some_number();
		break;
	default:
		change_strides(t);
		break;
	}
}

/* Options come with tensors: one more like another, or one less */
static void change_count(struct dojo_packet_compute *p)
{
	unsigned int n = p->tensors;

	if (test_below(2) && n > 1) {
		n--;
	} else if (n < DOJO_TENSOR_MAX) {
		p->tensor[n] = p->tensor[test_below(n)];
		p->tensor[n].va = FUZZ_BASE + n * TENSOR_SPACE;
		n++;
	}
	p->tensors = (uint8_t)n;
	p->header.words = (uint16_t)(8 + 8 * n);
}

static void change_header(struct dojo_packet_compute *p)
{
	static const float numbers[] = {
		0, 1, -1, 0.5f, 0.00000001f, 10000, FLT_MAX, FLT_MIN / 2,
	};

	switch (test_below(6)) {
	case 0:
		p->fn = (uint8_t)test_below(18);
		break;
	case 1:
		p->op_flags ^= 1u << test_below(5);
		change_count(p);
		break;
	case 2:
		p->round ^= 1;
		p->seed = p->round ? test_random() : 0;
		p->rng_base = p->round ? test_random() : 0;
		break;
	case 3:
		p->f[test_below(5)] = test_bits(numbers[test_below(ARRAY_SIZE(numbers))]);
		break;
	case 4:
		/* Pairs of small numbers, as convolutions have */
		p->u[test_below(3)] = test_below(5) | test_below(5) << 16;
		break;
	default:
		p->u[test_below(3)] = some_number();
		break;
	}
}

/* Packets that are not compute: any word after the header, by a little or at all */
static void change_word(struct fuzz_input *in)
{
	unsigned int w = 1 + test_below(11);

	switch (test_below(4)) {
	case 0:
		in->packet[w] = test_random() >> test_below(64);
		break;
	case 1:
		in->packet[w] = FUZZ_BASE + test_below(FUZZ_MEMORY);
		break;
	case 2:
		in->packet[w] ^= 1ull << test_below(64);
		break;
	default:
		in->packet[w] = some_number();
		break;
	}
}

static void edit_once(struct fuzz_input *in)
{
	struct dojo_packet_compute *p = packet_of(in);
	unsigned int n = p->tensors < DOJO_TENSOR_MAX ? p->tensors : DOJO_TENSOR_MAX;

	if (!packet_is_compute(p->header.opcode) || !n) {
		change_word(in);
		return;
	}
	switch (test_below(4)) {
	case 0:
		change_extent(p, n);
		break;
	case 1:
		change_header(p);
		break;
	default:
		change_tensor(p, n);
		break;
	}
	if (test_below(3) == 0)
		place(p);
}

static bool is_legal(const struct fuzz_input *in)
{
	static struct dojo_op op;
	struct dojo_fault_info fault;

	memcpy(op.packet.words, in->packet, sizeof(in->packet));
	return dojo_op_decode(&op, DOJO_PACKET_MAX, &test_limits, &fault);
}

void fuzz_edit(struct fuzz_input *in)
{
	if (test_below(8) == 0)
		in->mode = (uint8_t)test_below(MEMORY_NO_MAP + 1);
	if (test_below(8) == 0)
		in->isa = (uint8_t)test_below(6);
	if (test_below(4) == 0)
		in->fill = (uint8_t)test_below(FILL_COUNT);
	if (test_below(64) == 0)
		in->bytes = (uint8_t)test_random();
	in->seed = (uint32_t)test_random();

	for (unsigned int edits = 1 + test_below(4); edits; edits--) {
		struct fuzz_input next;

		/* An illegal one after some tries, or when it is its turn */
		for (int tries = 0; tries < 20; tries++) {
			next = *in;
			edit_once(&next);
			if (is_legal(&next) || test_below(64) == 0)
				break;
		}
		*in = next;
	}
}
