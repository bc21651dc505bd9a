// SPDX-License-Identifier: MIT
/*
 * Collectives on every card that has two tiles or more, bit by bit against
 * plain C: terms are added in FP32, rank 0 first, and rounded once, whatever
 * the generation. D2 does a reduction or a broadcast in one packet.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "device.h"

#define COUNT		10007u	/* parts are of different lengths */
#define OFFSET		256u
#define BYTES		(OFFSET + 4 * COUNT)
#define BIAS		9u
#define SEED		77u

/* A tile, its buffer, and what the buffer held before */
struct rank {
	struct dojo_device *dev;
	struct dojo_vm *vm;
	struct dojo_queue *queue;
	struct dojo_bo *bo;
	uint8_t *memory;
	uint8_t *before;
};

struct card {
	struct rank rank[DOJO_GROUP_MAX];
	uint32_t ranks;
	struct dojo_group *group;
	struct dojo_shared *shared;
	bool one_packet;
	char name[32];
	struct device_tests tests;
};

/* ------------------------------------------------------------- numbers */

/* by the definition: 1 sign, @e exponent and @m mantissa bits */
static float small_value(uint32_t code, unsigned int e, unsigned int m)
{
	uint32_t exponent = code >> m & ((1u << e) - 1), mantissa = code & ((1u << m) - 1);
	float value = exponent ? ldexpf((float)(mantissa | 1u << m), (int)(exponent - BIAS - m)) :
				 ldexpf((float)mantissa, (int)(1 - BIAS - m));

	return code >> (e + m) ? -value : value;
}

/* the nearest of the 128 codes of a sign, an even one of two */
static uint32_t small_code(float x, unsigned int e, unsigned int m)
{
	uint32_t best = 0, code;

	for (code = 1; code < 128; code++) {
		float here = fabsf(small_value(code, e, m) - fabsf(x));
		float there = fabsf(small_value(best, e, m) - fabsf(x));

		if (here < there || (here == there && !(code & 1)))
			best = code;
	}
	return best | (signbit(x) ? 128 : 0);
}

static float load(const struct dojo_group_tensor *t, const uint8_t *memory, uint64_t i)
{
	const uint8_t *at = memory + t->offset + i * dojo_format_size(t->format);
	uint32_t word = 0;
	float value;

	switch (t->format) {
	case DOJO_FORMAT_CFLOAT8_143:
		return small_value(*at, 4, 3);
	case DOJO_FORMAT_CFLOAT8_152:
		return small_value(*at, 5, 2);
	case DOJO_FORMAT_BF16:
		memcpy((uint8_t *)&word + 2, at, 2);
		break;
	default:
		memcpy(&word, at, 4);
		break;
	}
	memcpy(&value, &word, 4);
	return value;
}

static void store(const struct dojo_group_tensor *t, uint8_t *memory, uint64_t i, float value)
{
	uint8_t *at = memory + t->offset + i * dojo_format_size(t->format);
	uint32_t word;

	memcpy(&word, &value, 4);
	switch (t->format) {
	case DOJO_FORMAT_CFLOAT8_143:
		*at = (uint8_t)small_code(value, 4, 3);
		break;
	case DOJO_FORMAT_CFLOAT8_152:
		*at = (uint8_t)small_code(value, 5, 2);
		break;
	case DOJO_FORMAT_BF16:
		word += 0x7fff + (word >> 16 & 1);
		memcpy(at, (uint8_t *)&word + 2, 2);
		break;
	default:
		memcpy(at, &word, 4);
		break;
	}
}

/* Numbers of different sizes, so that the order of the additions shows in the sum */
static void fill(struct card *c, const struct dojo_group_tensor *t, uint64_t seed)
{
	uint32_t r, i;

	for (r = 0; r < c->ranks; r++) {
		for (i = 0; i < BYTES; i++)
			c->rank[r].memory[i] = (uint8_t)device_random(&seed);
		for (i = 0; i < COUNT; i++) {
			float x = (float)(int32_t)device_random(&seed);

			store(t, c->rank[r].memory, i,
			      ldexpf(x, -32 - (int)(device_random(&seed) % 12)));
		}
		memcpy(c->rank[r].before, c->rank[r].memory, BYTES);
	}
}

static void expect_sum(const struct card *c, const struct dojo_group_tensor *t, uint8_t *want,
		       uint64_t first, uint64_t length)
{
	uint64_t i;
	uint32_t r;

	for (i = first; i < first + length; i++) {
		float sum = load(t, c->rank[0].before, i);

		for (r = 1; r < c->ranks; r++)
			sum += load(t, c->rank[r].before, i);
		store(t, want, i, sum);
	}
}

static bool same(const char *what, uint32_t r, const uint8_t *is, const uint8_t *want)
{
	uint32_t i;

	for (i = 0; i < BYTES && is[i] == want[i]; i++)
		;
	if (i < BYTES)
		printf("# %s: rank %u, byte %u is %02x, not %02x\n", what, r, i, is[i], want[i]);
	return i == BYTES;
}

/* --------------------------------------------------------------- tests */

static struct dojo_group_tensor tensor(const struct card *c, uint32_t format)
{
	bool biased = format == DOJO_FORMAT_CFLOAT8_143 || format == DOJO_FORMAT_CFLOAT8_152;

	return (struct dojo_group_tensor){
		.shared = c->shared, .offset = OFFSET, .count = COUNT, .format = format,
		.bias = biased ? BIAS : 0,
	};
}

static void finish(struct card *c, int ret)
{
	DO(c->rank[0].dev, ret);
	DO(c->rank[0].dev, dojo_group_wait(c->group, DOJO_FOREVER));
}

static uint64_t packets(const struct rank *rank)
{
	struct drm_dojo_queue_get_state state;

	DO(rank->dev, dojo_queue_get_state(rank->queue, &state, sizeof(state)));
	return state.packets;
}

/* Afterwards each rank has what @want makes of what was there before */
static bool all_as(struct card *c, const struct dojo_group_tensor *t, const char *what,
		   void (*want)(const struct card *c, const struct dojo_group_tensor *t,
				uint32_t r, uint8_t *memory))
{
	uint8_t memory[BYTES];
	bool ok = true;
	uint32_t r;

	for (r = 0; r < c->ranks; r++) {
		memcpy(memory, c->rank[r].before, BYTES);
		want(c, t, r, memory);
		ok = same(what, r, c->rank[r].memory, memory) && ok;
	}
	return ok;
}

static void want_sum(const struct card *c, const struct dojo_group_tensor *t, uint32_t r,
		     uint8_t *memory)
{
	(void)r;
	expect_sum(c, t, memory, 0, t->count);
}

static void want_part(const struct card *c, const struct dojo_group_tensor *t, uint32_t r,
		      uint8_t *memory)
{
	uint64_t first, length;

	dojo_group_part(c->group, t->count, r, &first, &length);
	expect_sum(c, t, memory, first, length);
}

static void want_parts(const struct card *c, const struct dojo_group_tensor *t, uint32_t r,
		       uint8_t *memory)
{
	uint64_t element = dojo_format_size(t->format), first, length;
	uint32_t i;

	(void)r;
	for (i = 0; i < c->ranks; i++) {
		dojo_group_part(c->group, t->count, i, &first, &length);
		first = t->offset + first * element;
		memcpy(memory + first, c->rank[i].before + first, length * element);
	}
}

static void want_last(const struct card *c, const struct dojo_group_tensor *t, uint32_t r,
		      uint8_t *memory)
{
	(void)r;
	memcpy(memory + t->offset, c->rank[c->ranks - 1].before + t->offset,
	       t->count * dojo_format_size(t->format));
}

static bool all_reduce(struct card *c, uint32_t format)
{
	struct dojo_group_tensor t = tensor(c, format);

	fill(c, &t, format);
	finish(c, dojo_group_all_reduce(c->group, &t, NULL));
	return all_as(c, &t, dojo_format_name(format), want_sum);
}

static bool reduce_scatter(struct card *c)
{
	struct dojo_group_tensor t = tensor(c, DOJO_FORMAT_BF16);

	fill(c, &t, 11);
	finish(c, dojo_group_reduce_scatter(c->group, &t, NULL));
	return all_as(c, &t, "reduce-scatter", want_part);
}

static bool all_gather(struct card *c)
{
	struct dojo_group_tensor t = tensor(c, DOJO_FORMAT_FP32);

	fill(c, &t, 12);
	finish(c, dojo_group_all_gather(c->group, &t));
	return all_as(c, &t, "all-gather", want_parts);
}

static bool broadcast(struct card *c)
{
	struct dojo_group_tensor t = tensor(c, DOJO_FORMAT_CFLOAT8_152);

	fill(c, &t, 13);
	finish(c, dojo_group_broadcast(c->group, &t, c->ranks - 1));
	return all_as(c, &t, "broadcast", want_last);
}

/* Rounded by the same random words however the sum is made */
static bool stochastic(struct card *c)
{
	struct dojo_rounding rounding = { .mode = DOJO_ROUND_STOCHASTIC, .seed = SEED };
	struct dojo_group_tensor t = tensor(c, DOJO_FORMAT_BF16);
	uint8_t once[BYTES], nearest[BYTES];
	bool ok = true;
	uint32_t r;

	fill(c, &t, 14);
	finish(c, dojo_group_all_reduce(c->group, &t, &rounding));
	memcpy(once, c->rank[0].memory, BYTES);
	for (r = 1; r < c->ranks; r++)
		ok = !memcmp(once + OFFSET, c->rank[r].memory + OFFSET, 2 * COUNT) && ok;

	memcpy(nearest, c->rank[0].before, BYTES);
	expect_sum(c, &t, nearest, 0, COUNT);
	ok = memcmp(once, nearest, BYTES) && ok;

	fill(c, &t, 14);
	DO(c->rank[0].dev, dojo_group_reduce_scatter(c->group, &t, &rounding));
	finish(c, dojo_group_all_gather(c->group, &t));
	for (r = 0; r < c->ranks; r++)
		ok = !memcmp(once + OFFSET, c->rank[r].memory + OFFSET, 2 * COUNT) && ok;
	return ok;
}

/* Sum after sum, nobody waiting between */
static bool in_order(struct card *c)
{
	struct dojo_group_tensor t = tensor(c, DOJO_FORMAT_FP32);
	float want[COUNT];
	bool ok = true;
	uint32_t r, i, n;

	fill(c, &t, 15);
	for (i = 0; i < COUNT; i++) {
		want[i] = load(&t, c->rank[0].before, i);
		for (r = 1; r < c->ranks; r++)
			want[i] += load(&t, c->rank[r].before, i);
	}
	for (n = 0; n < 20; n++)
		DO(c->rank[0].dev, dojo_group_all_reduce(c->group, &t, NULL));
	finish(c, dojo_group_barrier(c->group));
	for (n = 1; n < 20; n++) {
		for (i = 0; i < COUNT; i++) {
			float term = want[i];

			for (r = 1; r < c->ranks; r++)
				want[i] += term;
		}
	}
	for (r = 0; r < c->ranks; r++)
		ok = !memcmp(want, c->rank[r].memory + OFFSET, 4 * COUNT) && ok;
	return ok;
}

/* The card does it: as many packets as there are parts, and one for all receivers */
static bool packet_count(struct card *c)
{
	struct dojo_group_tensor t = tensor(c, DOJO_FORMAT_FP32);
	/* the sum, in one packet or in ranks - 1, and then the gathering */
	uint64_t sum = c->one_packet ? 1 : 2 * (c->ranks - 1), got;
	uint64_t before[DOJO_GROUP_MAX];
	bool ok = true;
	uint32_t r;

	for (r = 0; r < c->ranks; r++)
		before[r] = packets(&c->rank[r]);
	finish(c, dojo_group_all_reduce(c->group, &t, NULL));
	for (r = 0; r < c->ranks; r++) {
		got = packets(&c->rank[r]) - before[r];
		if (got != sum)
			printf("# rank %u: %llu packets for a sum\n", r, (unsigned long long)got);
		ok = got == sum && ok;
		before[r] += got;
	}
	finish(c, dojo_group_broadcast(c->group, &t, 0));
	for (r = 0; r < c->ranks; r++) {
		got = packets(&c->rank[r]) - before[r];
		ok = got == (c->one_packet ? r == 0 : r != 0) && ok;
	}
	return ok;
}

/* A call that cannot be is refused, says why, and leaves the group as it was */
static bool refuses(struct card *c)
{
	struct dojo_group_tensor t = tensor(c, DOJO_FORMAT_FP32), bad;
	bool ok = true;

	bad = t;
	bad.count = BYTES;
	ok = dojo_group_all_reduce(c->group, &bad, NULL) == -EINVAL && ok;
	bad = t;
	bad.offset = 2;
	ok = dojo_group_all_gather(c->group, &bad) == -EINVAL && ok;
	bad = t;
	bad.format = 200;
	ok = dojo_group_reduce_scatter(c->group, &bad, NULL) == -EINVAL && ok;
	ok = dojo_group_broadcast(c->group, &t, c->ranks) == -EINVAL && ok;
	ok = dojo_last_error(c->rank[0].dev, NULL, 0) && ok;
	return all_reduce(c, DOJO_FORMAT_FP32) && ok;
}

/* ---------------------------------------------------------------- card */

static void open_rank(struct rank *rank)
{
	void *memory;

	DO(rank->dev, dojo_vm_create(rank->dev, &rank->vm));
	DO(rank->dev, dojo_queue_create(rank->vm, DRM_DOJO_QUEUE_COMPUTE, NULL, &rank->queue));
	DO(rank->dev, dojo_bo_create(rank->dev, BYTES, DRM_DOJO_DOMAIN_HBM,
				     DRM_DOJO_BO_CPU_ACCESS, NULL, &rank->bo));
	DO(rank->dev, dojo_bo_map(rank->bo, &memory));
	rank->memory = memory;
	rank->before = malloc(BYTES);
	if (!rank->before)
		exit(1);
}

static void close_rank(struct rank *rank)
{
	free(rank->before);
	dojo_bo_destroy(rank->bo);
	dojo_queue_destroy(rank->queue);
	dojo_vm_destroy(rank->vm);
	dojo_device_close(rank->dev);
}

static void test_card(struct card *c)
{
	static const struct {
		const char *name;
		bool (*run)(struct card *c);
	} tests[] = {
		{ "reduce_scatter_sums_parts", reduce_scatter },
		{ "all_gather_hands_parts_on", all_gather },
		{ "broadcast_reaches_all", broadcast },
		{ "stochastic_rounding_does_not_depend_on_the_way", stochastic },
		{ "collectives_run_in_order", in_order },
		{ "as_many_packets_as_promised", packet_count },
		{ "what_cannot_be_is_refused", refuses },
	};
	static const struct {
		const char *name;
		uint32_t format;
	} sums[] = {
		{ "all_reduce_fp32", DOJO_FORMAT_FP32 },
		{ "all_reduce_bf16", DOJO_FORMAT_BF16 },
		{ "all_reduce_cfloat8_143", DOJO_FORMAT_CFLOAT8_143 },
		{ "all_reduce_cfloat8_152", DOJO_FORMAT_CFLOAT8_152 },
	};
	struct dojo_queue *queues[DOJO_GROUP_MAX];
	struct dojo_bo *bos[DOJO_GROUP_MAX];
	struct dojo_device *dev = c->rank[0].dev;
	uint32_t r;
	size_t i;

	for (r = 0; r < c->ranks; r++) {
		open_rank(&c->rank[r]);
		queues[r] = c->rank[r].queue;
		bos[r] = c->rank[r].bo;
	}
	c->one_packet = dojo_device_has_opcode(dev, DOJO_OP_ALL_REDUCE);
	DO(dev, dojo_group_create(queues, c->ranks, &c->group));
	DO(dev, dojo_group_share(c->group, bos, &c->shared));
	for (i = 0; i < sizeof(sums) / sizeof(*sums); i++)
		device_test(&c->tests, all_reduce(c, sums[i].format), sums[i].name);
	for (i = 0; i < sizeof(tests) / sizeof(*tests); i++)
		device_test(&c->tests, tests[i].run(c), tests[i].name);
	dojo_shared_destroy(c->shared);
	dojo_group_destroy(c->group);
}

int main(void)
{
	struct card card = { .ranks = 0 };
	struct dojo_device_entry *list;
	size_t count, i, begin;

	if (dojo_device_list(&list, &count))
		return 1;
	/* the tiles of a card stand next to each other */
	for (begin = 0; begin < count; begin = i) {
		card.ranks = 0;
		for (i = begin; i < count && !strcmp(list[i].pci, list[begin].pci); i++) {
			if (card.ranks < DOJO_GROUP_MAX &&
			    !dojo_device_open(list[i].path, &card.rank[card.ranks].dev))
				card.ranks++;
		}
		snprintf(card.name, sizeof(card.name), "collective_d%u_%u_tiles",
			 list[begin].generation, card.ranks);
		card.tests.prefix = card.name;
		if (card.ranks > 1)
			test_card(&card);
		while (card.ranks--) {
			if (card.rank[card.ranks].vm)
				close_rank(&card.rank[card.ranks]);
			else
				dojo_device_close(card.rank[card.ranks].dev);
			card.rank[card.ranks] = (struct rank){ 0 };
		}
	}
	dojo_device_list_free(list);
	return device_end(&card.tests);
}
