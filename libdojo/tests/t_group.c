// SPDX-License-Identifier: MIT
/* Collectives, with and without a card that does them in one packet. */
#include "test.h"

#define ELEMENTS	101u	/* parts are of different lengths */

/* A few tiles, each with a buffer that all of them know. */
struct rig {
	uint32_t ranks;
	struct dojo_device *dev[4];
	struct dojo_vm *vm[4];
	struct dojo_queue *queue[4];
	struct dojo_bo *bo[4];
	float *data[4];
	struct dojo_group *group;
	struct dojo_shared *shared;
	struct dojo_group_tensor tensor;
};

static void open_tile(struct rig *rig, uint32_t r)
{
	char path[] = "/dev/accel/accel0";
	void *memory;

	path[sizeof(path) - 2] = (char)('0' + r);
	OK(dojo_device_open(path, &rig->dev[r]));
	rig->vm[r] = test_vm(rig->dev[r]);
	rig->queue[r] = test_queue(rig->vm[r], DRM_DOJO_QUEUE_COMPUTE);
	rig->bo[r] = test_bo(rig->dev[r], 4096, &memory);
	rig->data[r] = memory;
}

static struct rig open_tiles(uint32_t ranks, bool collective)
{
	struct rig rig = { .ranks = ranks };
	uint32_t r;

	fake_start(4);
	fake.collective = collective;
	for (r = 0; r < ranks; r++)
		open_tile(&rig, r);
	return rig;
}

static struct rig set_up(uint32_t ranks, bool collective)
{
	struct rig rig = open_tiles(ranks, collective);

	OK(dojo_group_create(rig.queue, ranks, &rig.group));
	OK(dojo_group_share(rig.group, rig.bo, &rig.shared));
	rig.tensor = (struct dojo_group_tensor){
		.shared = rig.shared, .offset = 64, .count = ELEMENTS, .format = DOJO_FORMAT_FP32
	};
	return rig;
}

static void tear_down(struct rig *rig)
{
	uint32_t r;

	dojo_shared_destroy(rig->shared);
	dojo_group_destroy(rig->group);
	for (r = 0; r < rig->ranks; r++) {
		dojo_bo_destroy(rig->bo[r]);
		dojo_queue_destroy(rig->queue[r]);
		dojo_vm_destroy(rig->vm[r]);
		dojo_device_close(rig->dev[r]);
	}
}

/* Terms whose sum depends on the order in which they are added. */
static float term(uint32_t rank, uint32_t i)
{
	static const float factors[4] = { 1e8f, 1, -1e8f, 0.1f };

	return factors[rank] * (float)(i + 1);
}

static float sum(uint32_t ranks, uint32_t i)
{
	float total = term(0, i);
	uint32_t r;

	for (r = 1; r < ranks; r++)
		total += term(r, i);
	return total;
}

static float *elements(struct rig *rig, uint32_t rank)
{
	return rig->data[rank] + 16;	/* the tensor's offset */
}

static void fill(struct rig *rig)
{
	uint32_t r, i;

	for (r = 0; r < rig->ranks; r++)
		for (i = 0; i < ELEMENTS; i++)
			elements(rig, r)[i] = term(r, i);
}

static bool same(float a, float b)
{
	return !memcmp(&a, &b, sizeof(a));
}

static void all_reduce(uint32_t ranks, bool collective)
{
	struct rig rig = set_up(ranks, collective);
	uint32_t r, i;

	fill(&rig);
	OK(dojo_group_all_reduce(rig.group, &rig.tensor, NULL));
	OK(dojo_group_wait(rig.group, DOJO_FOREVER));
	for (r = 0; r < ranks; r++)
		for (i = 0; i < ELEMENTS; i++)
			CHECK(same(elements(&rig, r)[i], sum(ranks, i)));
	EQUAL(rig.data[0][15], 0);
	EQUAL(elements(&rig, 0)[ELEMENTS], 0);
	tear_down(&rig);
}

TEST(all_reduce_of_two)
{
	all_reduce(2, false);
}

TEST(all_reduce_of_three_and_four_adds_in_the_order_of_ranks)
{
	all_reduce(3, false);
	all_reduce(4, false);
}

TEST(all_reduce_in_one_packet_is_the_same_to_the_bit)
{
	all_reduce(2, true);
	all_reduce(3, true);
	all_reduce(4, true);
}

TEST(all_reduce_of_one_changes_nothing)
{
	struct rig rig = set_up(1, false);

	fill(&rig);
	OK(dojo_group_all_reduce(rig.group, &rig.tensor, NULL));
	OK(dojo_group_wait(rig.group, DOJO_FOREVER));
	CHECK(same(elements(&rig, 0)[7], term(0, 7)));
	EQUAL(fake_calls(DRM_IOCTL_DOJO_QUEUE_SUBMIT), 0);
	tear_down(&rig);
}

TEST(all_reduce_of_fewer_elements_than_ranks)
{
	struct rig rig = set_up(4, false);
	uint32_t r;

	fill(&rig);
	rig.tensor.count = 2;
	OK(dojo_group_all_reduce(rig.group, &rig.tensor, NULL));
	OK(dojo_group_wait(rig.group, DOJO_FOREVER));
	for (r = 0; r < 4; r++) {
		CHECK(same(elements(&rig, r)[1], sum(4, 1)));
		CHECK(same(elements(&rig, r)[2], term(r, 2)));
	}
	tear_down(&rig);
}

TEST(reduce_scatter_gives_each_rank_its_part)
{
	struct rig rig = set_up(3, false);
	uint64_t first, length, i;
	uint32_t r;

	fill(&rig);
	OK(dojo_group_reduce_scatter(rig.group, &rig.tensor, NULL));
	OK(dojo_group_wait(rig.group, DOJO_FOREVER));
	for (r = 0; r < 3; r++) {
		dojo_group_part(rig.group, ELEMENTS, r, &first, &length);
		for (i = 0; i < ELEMENTS; i++)
			CHECK(same(elements(&rig, r)[i],
				   i >= first && i < first + length ? sum(3, (uint32_t)i) :
								      term(r, (uint32_t)i)));
	}
	tear_down(&rig);
}

TEST(all_gather_spreads_the_parts)
{
	struct rig rig = set_up(3, false);
	uint64_t first, length, i;
	uint32_t r, owner;

	fill(&rig);
	OK(dojo_group_all_gather(rig.group, &rig.tensor));
	OK(dojo_group_wait(rig.group, DOJO_FOREVER));
	for (owner = 0; owner < 3; owner++) {
		dojo_group_part(rig.group, ELEMENTS, owner, &first, &length);
		for (r = 0; r < 3; r++)
			for (i = first; i < first + length; i++)
				CHECK(same(elements(&rig, r)[i], term(owner, (uint32_t)i)));
	}
	tear_down(&rig);
}

static void broadcast(bool collective)
{
	struct rig rig = set_up(3, collective);
	uint32_t r, i;

	fill(&rig);
	OK(dojo_group_broadcast(rig.group, &rig.tensor, 1));
	OK(dojo_group_wait(rig.group, DOJO_FOREVER));
	for (r = 0; r < 3; r++)
		for (i = 0; i < ELEMENTS; i++)
			CHECK(same(elements(&rig, r)[i], term(1, i)));
	tear_down(&rig);
}

TEST(broadcast_goes_from_the_root_to_all)
{
	broadcast(false);
	broadcast(true);
}

TEST(parts_cover_everything_once)
{
	struct rig rig = set_up(4, false);
	uint64_t counts[] = { 0, 1, 3, 4, 5, 1000001 }, first, length, next;
	unsigned int i;
	uint32_t r;

	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		for (r = 0, next = 0; r < 4; r++) {
			dojo_group_part(rig.group, counts[i], r, &first, &length);
			EQUAL(first, next);
			next += length;
		}
		EQUAL(next, counts[i]);
	}
	EQUAL(dojo_group_ranks(rig.group), 4);
	tear_down(&rig);
}

TEST(many_collectives_follow_each_other)
{
	struct rig rig = set_up(3, false);
	unsigned int i;

	for (i = 0; i < 30; i++) {
		OK(dojo_group_broadcast(rig.group, &rig.tensor, i % 3));
		OK(dojo_group_barrier(rig.group));
	}
	fill(&rig);
	OK(dojo_group_all_reduce(rig.group, &rig.tensor, NULL));
	rig.tensor.count = ELEMENTS / 2;
	OK(dojo_group_all_gather(rig.group, &rig.tensor));
	OK(dojo_group_wait(rig.group, DOJO_FOREVER));
	CHECK(same(elements(&rig, 2)[3], sum(3, 3)));
	tear_down(&rig);
}

TEST(nothing_starts_before_all_ranks_have_arrived)
{
	struct rig rig = set_up(2, false);

	fill(&rig);
	fake.stall = true;
	OK(dojo_group_all_reduce(rig.group, &rig.tensor, NULL));
	EQUAL(dojo_group_wait(rig.group, 0), -ETIME);
	CHECK(same(elements(&rig, 0)[3], term(0, 3)));
	fake_run();
	OK(dojo_group_wait(rig.group, DOJO_FOREVER));
	CHECK(same(elements(&rig, 0)[3], sum(2, 3)));
	tear_down(&rig);
}

TEST(stochastic_rounding_counts_from_the_first_element_of_all)
{
	const struct dojo_rounding rounding = { DOJO_ROUND_STOCHASTIC, 0, 5, 1000 };
	struct rig rig = set_up(2, false);
	struct dojo_packet_compute packet;
	uint64_t first, length;

	rig.tensor.format = DOJO_FORMAT_BF16;	/* which the fake tile does not compute */
	OK(dojo_group_reduce_scatter(rig.group, &rig.tensor, &rounding));
	OK(dojo_group_wait(rig.group, DOJO_FOREVER));
	memcpy(&packet, fake.last_packet, sizeof(packet));
	dojo_group_part(rig.group, ELEMENTS, 1, &first, &length);
	EQUAL(packet.round, DOJO_ROUND_STOCHASTIC);
	EQUAL(packet.seed, 5);
	EQUAL(packet.rng_base, 1000 + first);
	tear_down(&rig);
}

TEST(each_rank_has_its_own_address_of_every_buffer)
{
	struct rig rig = set_up(2, false);

	CHECK(dojo_shared_va(rig.shared, 0, 1));
	CHECK(dojo_shared_va(rig.shared, 1, 1));
	EQUAL(dojo_shared_va(rig.shared, 2, 0), 0);
	EQUAL(dojo_shared_va(rig.shared, 0, 2), 0);
	tear_down(&rig);
}

static void refuse(struct rig *rig, struct dojo_group_tensor tensor, const char *because)
{
	EQUAL(dojo_group_all_reduce(rig->group, &tensor, NULL), -EINVAL);
	SAYS(test_last_error(rig->dev[0]), because);
	EQUAL(dojo_group_all_gather(rig->group, &tensor), -EINVAL);
}

TEST(tensors_that_do_not_fit_are_refused)
{
	struct rig rig = set_up(2, false);
	struct dojo_group_tensor tensor = rig.tensor;

	tensor.count = 0;
	refuse(&rig, tensor, "no elements");
	tensor.count = 4096;
	refuse(&rig, tensor, "more than the buffers have");
	tensor.count = UINT64_MAX / 2;
	refuse(&rig, tensor, "more than the buffers have");
	tensor = rig.tensor;
	tensor.offset = UINT64_MAX - 3;
	refuse(&rig, tensor, "more than the buffers have");
	tensor.offset = 2;
	refuse(&rig, tensor, "alignment");
	tensor = rig.tensor;
	tensor.format = 99;
	refuse(&rig, tensor, "format");
	tensor = rig.tensor;
	tensor.bias = 64;
	refuse(&rig, tensor, "bias");
	tensor.shared = NULL;
	refuse(&rig, tensor, "another group");
	EQUAL(dojo_group_broadcast(rig.group, &rig.tensor, 2), -EINVAL);
	EQUAL(fake_calls(DRM_IOCTL_DOJO_QUEUE_SUBMIT), 0);
	tear_down(&rig);
}

TEST(groups_of_what_does_not_go_together_are_refused)
{
	struct rig rig = open_tiles(2, false);
	struct dojo_queue *queues[9] = { rig.queue[0], rig.queue[0] }, *dma;

	EQUAL(dojo_group_create(queues, 0, &rig.group), -EINVAL);
	EQUAL(dojo_group_create(queues, 9, &rig.group), -EINVAL);
	EQUAL(dojo_group_create(queues, 2, &rig.group), -EINVAL);
	SAYS(test_last_error(rig.dev[0]), "tile again");
	dma = test_queue(rig.vm[1], DRM_DOJO_QUEUE_DMA);
	queues[1] = dma;
	EQUAL(dojo_group_create(queues, 2, &rig.group), -EINVAL);
	SAYS(test_last_error(rig.dev[0]), "no compute queue");
	CHECK(!rig.group);
	dojo_queue_destroy(dma);
	tear_down(&rig);
}

TEST(a_failure_on_another_tile_is_told_on_the_first)
{
	struct rig rig = set_up(2, false);

	fake.fault = (struct drm_dojo_queue_get_state){ .status = DRM_DOJO_QUEUE_TIMED_OUT };
	EQUAL(dojo_group_all_reduce(rig.group, &rig.tensor, NULL), -ECANCELED);
	EQUAL(dojo_group_wait(rig.group, DOJO_FOREVER), -ETIMEDOUT);
	SAYS(test_last_error(rig.dev[0]), "no progress");
	fake.fault.status = DRM_DOJO_QUEUE_ACTIVE;
	fake_fail(DRM_IOCTL_DOJO_QUEUE_SUBMIT, -ENODEV, 1);
	EQUAL(dojo_group_barrier(rig.group), -ENODEV);
	SAYS(test_last_error(rig.dev[0]), "rank 1: submit 1 jobs");
	OK(dojo_group_barrier(rig.group));
	OK(dojo_group_wait(rig.group, DOJO_FOREVER));
	tear_down(&rig);
}

static int whole_life(struct rig *rig)
{
	int ret = dojo_group_create(rig->queue, rig->ranks, &rig->group);

	if (!ret)
		ret = dojo_group_share(rig->group, rig->bo, &rig->shared);
	if (!ret) {
		rig->tensor.shared = rig->shared;
		ret = dojo_group_all_reduce(rig->group, &rig->tensor, NULL);
	}
	if (!ret)
		ret = dojo_group_wait(rig->group, DOJO_FOREVER);
	dojo_shared_destroy(rig->shared);
	dojo_group_destroy(rig->group);
	rig->shared = NULL;
	rig->group = NULL;
	return ret;
}

TEST(any_ioctl_may_fail)
{
	static const unsigned long requests[] = {
		DRM_IOCTL_SYNCOBJ_CREATE, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD,
		DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, DRM_IOCTL_DOJO_BO_CREATE, DRM_IOCTL_DOJO_VM_BIND,
		DRM_IOCTL_PRIME_HANDLE_TO_FD, DRM_IOCTL_PRIME_FD_TO_HANDLE,
		DRM_IOCTL_DOJO_QUEUE_SUBMIT, DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT,
		DRM_IOCTL_DOJO_QUEUE_GET_STATE,
	};
	struct rig rig = open_tiles(3, false);
	unsigned int before = fake.objects, i, after;

	rig.tensor = (struct dojo_group_tensor){ .count = 32, .format = DOJO_FORMAT_FP32 };
	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		for (after = 0; after < 200; after++) {
			fake_fail(requests[i], -ENOMEM, after);
			whole_life(&rig);
			EQUAL(fake.objects, before);
			if (fake.fail_error)	/* it was not called as often */
				break;
		}
		fake.fail_error = 0;
	}
	OK(whole_life(&rig));
	tear_down(&rig);
}

TEST(destroy_of_NULL_does_nothing)
{
	dojo_group_destroy(NULL);
	dojo_shared_destroy(NULL);
}
