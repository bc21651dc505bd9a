// SPDX-License-Identifier: MIT
/* What the header promises about threads, and whose error is whose. */
#include <pthread.h>
#include <unistd.h>

#include "test.h"

#define THREADS	4
#define ROUNDS	300

static struct dojo_device *dev;
static struct dojo_vm *vm;
static struct dojo_queue *queue;
static int shared_fd;
static unsigned int failures;

static void run_threads(void *(*work)(void *))
{
	pthread_t threads[THREADS];
	unsigned long i;

	failures = 0;
	for (i = 0; i < THREADS; i++)
		EQUAL(pthread_create(&threads[i], NULL, work, (void *)i), 0);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	EQUAL(failures, 0);
}

static void expect(bool condition)
{
	if (!condition)
		__atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED);
}

static void *map_and_unmap(void *unused)
{
	uint64_t va;
	int i;

	(void)unused;
	for (i = 0; i < ROUNDS; i++) {
		expect(!dojo_vm_map_null(vm, 4096, &va));
		expect(!dojo_vm_unmap(vm, va));
	}
	return NULL;
}

TEST(address_spaces_may_be_shared)
{
	dev = test_open();
	vm = test_vm(dev);
	run_threads(map_and_unmap);
	dojo_vm_destroy(vm);
	dojo_device_close(dev);
}

static void *import_and_destroy(void *unused)
{
	struct dojo_bo *bo;
	void *memory;
	int i;

	(void)unused;
	for (i = 0; i < ROUNDS; i++) {
		if (dojo_bo_import(dev, shared_fd, &bo)) {
			expect(false);
			continue;
		}
		expect(!dojo_bo_map(bo, &memory));
		expect(!memcmp(memory, "\x77", 1));
		dojo_bo_destroy(bo);
	}
	return NULL;
}

TEST(imports_of_one_buffer_may_race)
{
	struct dojo_device *owner;
	struct dojo_bo *bo;
	void *memory;

	dev = test_open();
	OK(dojo_device_open("1", &owner));
	bo = test_bo(owner, 4096, &memory);
	memset(memory, 0x77, 4096);
	OK(dojo_bo_export(bo, &shared_fd));
	run_threads(import_and_destroy);
	close(shared_fd);
	dojo_bo_destroy(bo);
	dojo_device_close(owner);
	dojo_device_close(dev);
}

static void *submit_own_batches(void *unused)
{
	struct dojo_batch *batch;
	int i;

	(void)unused;
	if (dojo_batch_create(vm, 4096, 0, &batch)) {
		expect(false);
		return NULL;
	}
	for (i = 0; i < ROUNDS; i++) {
		dojo_batch_reset(batch);
		dojo_nop(batch);
		expect(!dojo_queue_run(queue, batch, DOJO_FOREVER));
	}
	dojo_batch_destroy(batch);
	return NULL;
}

TEST(queues_may_be_shared)
{
	struct drm_dojo_queue_get_state state;

	dev = test_open();
	vm = test_vm(dev);
	queue = test_queue(vm, DRM_DOJO_QUEUE_DMA);
	run_threads(submit_own_batches);
	OK(dojo_queue_get_state(queue, &state, sizeof(state)));
	EQUAL(state.completed, THREADS * ROUNDS);
	dojo_queue_destroy(queue);
	dojo_vm_destroy(vm);
	dojo_device_close(dev);
}

static void *see_no_error(void *unused)
{
	char text[64] = "x";

	(void)unused;
	expect(!dojo_last_error(dev, text, sizeof(text)));
	expect(!text[0]);
	return NULL;
}

TEST(last_error_is_the_calling_thread_s)
{
	uint64_t value;
	char text[8];

	dev = test_open();
	EQUAL(dojo_last_error(dev, text, sizeof(text)), 0);
	EQUAL(dojo_device_query(dev, 99, &value, sizeof(value)), -EINVAL);
	run_threads(see_no_error);
	CHECK(dojo_last_error(dev, text, sizeof(text)) > 8);
	EQUAL(strlen(text), 7);
	CHECK(dojo_last_error(dev, NULL, 0) > 8);
	dojo_device_close(dev);
}

static void *signal_later(void *timeline)
{
	usleep(20000);
	dojo_timeline_signal(timeline, 1);
	return NULL;
}

TEST(a_wait_is_woken_by_another_thread)
{
	struct dojo_timeline *timeline;
	pthread_t thread;

	dev = test_open();
	OK(dojo_timeline_create(dev, 0, &timeline));
	EQUAL(pthread_create(&thread, NULL, signal_later, timeline), 0);
	OK(dojo_timeline_wait(timeline, 1, DOJO_FOREVER));
	pthread_join(thread, NULL);
	dojo_timeline_destroy(timeline);
	dojo_device_close(dev);
}
