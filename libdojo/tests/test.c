// SPDX-License-Identifier: MIT
#include "test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

static struct test *first, **last = &first;
static jmp_buf end_of_test;
static char why[512];

void test_register(struct test *test)
{
	*last = test;
	last = &test->next;
}

void test_failed(const char *file, int line, const char *format, ...)
{
	va_list list;
	int length;

	length = snprintf(why, sizeof(why), "%s:%d: ", file, line);
	va_start(list, format);
	vsnprintf(why + length, sizeof(why) - (size_t)length, format, list);
	va_end(list);
	longjmp(end_of_test, 1);
}

struct dojo_device *test_open(void)
{
	struct dojo_device *dev;

	OK(dojo_device_open("/dev/accel/accel0", &dev));
	return dev;
}

struct dojo_vm *test_vm(struct dojo_device *dev)
{
	struct dojo_vm *vm;

	OK(dojo_vm_create(dev, &vm));
	return vm;
}

struct dojo_queue *test_queue(struct dojo_vm *vm, uint32_t queue_class)
{
	struct dojo_queue *queue;

	OK(dojo_queue_create(vm, queue_class, NULL, &queue));
	return queue;
}

struct dojo_bo *test_bo(struct dojo_device *dev, uint64_t size, void **memory)
{
	struct dojo_bo *bo;

	OK(dojo_bo_create(dev, size, DRM_DOJO_DOMAIN_HBM, DRM_DOJO_BO_CPU_ACCESS, NULL, &bo));
	if (memory)
		OK(dojo_bo_map(bo, memory));
	return bo;
}

const char *test_last_error(struct dojo_device *dev)
{
	static char text[256];

	if (!dojo_last_error(dev, text, sizeof(text)))
		return "(none)";
	return text;
}

static bool run_one(const struct test *test)
{
	why[0] = 0;
	fake_start(2);
	if (!setjmp(end_of_test)) {
		test->run();
		EQUAL(fake.objects, 0);
		EQUAL(fake.mappings, 0);
	}
	fake_stop();
	return !why[0];
}

int main(int argc, char **argv)
{
	unsigned int number = 0, failed = 0;
	struct test *test;
	bool passed;

	for (test = first; test; test = test->next) {
		if (argc > 1 && !strstr(test->name, argv[1]))
			continue;
		passed = run_one(test);
		failed += !passed;
		printf("%s %u %s\n", passed ? "ok" : "not ok", ++number, test->name);
		if (!passed)
			printf("# %s\n", why);
		fflush(stdout);
	}
	printf("1..%u\n", number);
	return failed != 0;
}
