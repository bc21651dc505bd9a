// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the DRM core does for an accel node, or must not do: ioctls that would
 * crash, fdinfo, debugfs, uAPI that is out of range.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "dojo_harness.h"

FIXTURE(core) {
	int fd;
};

FIXTURE_SETUP(core)
{
	self->fd = dojo_open(0);
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(core)
{
	close(self->fd);
}

/* ------------------------------------------------------ ioctls of the core */

/* Only the number selects the core's ioctl; size and direction may be anything */
static const unsigned long dirs[] = { _IOC_NONE, _IOC_READ, _IOC_WRITE, _IOC_READ | _IOC_WRITE };
static const unsigned long sizes[] = { 0, 4, 8, 16, 64, 4096 };

static void call_every_form(struct __test_metadata *_metadata, int fd, unsigned int nr, int want)
{
	__u64 data[512];
	size_t d, s;

	for (d = 0; d < ARRAY_SIZE(dirs); d++)
		for (s = 0; s < ARRAY_SIZE(sizes); s++) {
			memset(data, 0, sizeof(data));
			EXPECT_EQ(want, dojo_ioctl(fd, _IOC(dirs[d], 'd', nr, sizes[s]), data));
		}
}

TEST_F(core, get_unique_is_refused)
{
	call_every_form(_metadata, self->fd, 0x01, -EOPNOTSUPP);
}

TEST_F(core, get_magic_is_refused)
{
	call_every_form(_metadata, self->fd, 0x02, -EOPNOTSUPP);
}

TEST_F(core, get_unique_and_get_magic_are_refused_without_privilege)
{
	ASSERT_EQ(0, dojo_drop_privileges());
	call_every_form(_metadata, self->fd, 0x01, -EOPNOTSUPP);
	call_every_form(_metadata, self->fd, 0x02, -EOPNOTSUPP);
}

/* No number, in any form, may do more harm than return an error */
TEST_F(core, every_ioctl_number_with_zeros_leaves_the_node_usable)
{
	__u64 data[512];
	struct drm_dojo_card_info card;
	unsigned int nr;
	size_t d, s;
	int fd;

	for (nr = 0; nr < 256; nr++)
		for (d = 0; d < ARRAY_SIZE(dirs); d++)
			for (s = 0; s < ARRAY_SIZE(sizes); s++) {
				memset(data, 0, sizeof(data));
				dojo_ioctl(self->fd, _IOC(dirs[d], 'd', nr, sizes[s]), data);
			}
	fd = dojo_open(0);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(0, dojo_query(fd, DRM_DOJO_QUERY_CARD, &card, sizeof(card)));
	close(fd);
}

TEST_F(core, numbers_behind_the_last_driver_ioctl_are_refused)
{
	__u64 data[512];
	unsigned int nr;

	memset(data, 0, sizeof(data));
	for (nr = DRM_COMMAND_BASE + DRM_DOJO_QUEUE_GET_JOB + 1; nr < DRM_COMMAND_END; nr++)
		EXPECT_EQ(-EINVAL, dojo_ioctl(self->fd, _IOC(_IOC_READ | _IOC_WRITE, 'd', nr, 64),
					      data));
}

TEST_F(core, mode_setting_is_not_supported)
{
	struct drm_mode_card_res {
		__u64 ptrs[4];
		__u32 counts[4];
		__u32 limits[4];
	} res;

	memset(&res, 0, sizeof(res));
	EXPECT_EQ(-EOPNOTSUPP, dojo_ioctl(self->fd, DRM_IOWR(0xA0, struct drm_mode_card_res),
					  &res));
}

TEST_F(core, timelines_are_supported)
{
	struct drm_get_cap cap = { .capability = DRM_CAP_SYNCOBJ_TIMELINE };

	ASSERT_EQ(0, dojo_ioctl(self->fd, DRM_IOCTL_GET_CAP, &cap));
	EXPECT_EQ(1, cap.value);
}

/* A struct longer than the kernel's is cut to the kernel's size by the core */
TEST_F(core, a_longer_struct_of_a_later_header_is_accepted)
{
	struct {
		struct drm_dojo_vm_create create;
		__u64 later;
	} args = { .create = { .flags = 0 } };
	unsigned int nr = DRM_COMMAND_BASE + DRM_DOJO_VM_CREATE;

	ASSERT_EQ(0, dojo_ioctl(self->fd, _IOC(_IOC_READ | _IOC_WRITE, 'd', nr, sizeof(args)),
				&args));
	EXPECT_EQ(1, args.create.vm_id);
}

/* The rest of a shorter struct counts as zero */
TEST_F(core, a_shorter_struct_of_an_earlier_header_is_filled_with_zeros)
{
	struct {
		__u64 size;
		__u32 domains;
		__u32 preferred;
	} args = { .size = PAGE };
	unsigned int nr = DRM_COMMAND_BASE + DRM_DOJO_BO_CREATE;

	EXPECT_EQ(0, dojo_ioctl(self->fd, _IOC(_IOC_READ | _IOC_WRITE, 'd', nr, sizeof(args)),
				&args));
}

/* ---------------------------------------------------------- 32-bit callers */

#ifdef __x86_64__
#define NR32_GETPID	20
#define NR32_IOCTL	54

/* A system call as a 32-bit program makes it; pointers lie below 4 GiB */
static int syscall32(long nr, long a, unsigned long b, void *c)
{
	long ret;

	asm volatile("int $0x80"
		     : "=a" (ret)
		     : "a" (nr), "b" (a), "c" (b), "d" (c)
		     : "memory", "r8", "r9", "r10", "r11");
	return ret;
}

static int ioctl32(int fd, unsigned long request, void *arg)
{
	return syscall32(NR32_IOCTL, fd, request, arg);
}

static void give_up(int signal __attribute__((unused)))
{
	_exit(1);
}

/*
 * A kernel without 32-bit programs answers with -ENOSYS or with a signal, which it
 * logs if nobody handles it.
 */
static bool has_compat(void)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		signal(SIGSEGV, give_up);
		_exit(syscall32(NR32_GETPID, 0, 0, NULL) != getpid());
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

FIXTURE(compat) {
	int fd;
	void *low;
};

FIXTURE_SETUP(compat)
{
	self->fd = dojo_open(0);
	ASSERT_GE(self->fd, 0);
	self->low = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	ASSERT_NE(MAP_FAILED, self->low);
	if (!has_compat())
		SKIP(return, "this kernel runs no 32-bit programs");
}

FIXTURE_TEARDOWN(compat)
{
	close(self->fd);
}

TEST_F(compat, queries_work)
{
	struct drm_dojo_dev_query *query = self->low;
	struct drm_dojo_card_info *card = (void *)((char *)self->low + PAGE);

	*query = (struct drm_dojo_dev_query) {
		.type = DRM_DOJO_QUERY_CARD,
		.size = sizeof(*card),
		.pointer = (uintptr_t)card,
	};
	ASSERT_EQ(0, ioctl32(self->fd, DRM_IOCTL_DOJO_DEV_QUERY, query));
	EXPECT_EQ(1, card->interface_major);
}

TEST_F(compat, get_unique_and_get_magic_are_refused)
{
	EXPECT_EQ(-EOPNOTSUPP, ioctl32(self->fd, _IOC(_IOC_READ | _IOC_WRITE, 'd', 1, 8),
				       self->low));
	EXPECT_EQ(-EOPNOTSUPP, ioctl32(self->fd, _IOC(_IOC_READ | _IOC_WRITE, 'd', 1, 16),
				       self->low));
	EXPECT_EQ(-EOPNOTSUPP, ioctl32(self->fd, _IOC(_IOC_READ, 'd', 2, 4), self->low));
}
#endif

/* -------------------------------------------------------------- syncobjs */

static const unsigned long array_ioctls[] = {
	DRM_IOCTL_SYNCOBJ_WAIT, DRM_IOCTL_SYNCOBJ_RESET, DRM_IOCTL_SYNCOBJ_SIGNAL,
	DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, DRM_IOCTL_SYNCOBJ_QUERY,
	DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL,
};

static int call_with_count(int fd, unsigned long request, __u32 *handles, __u64 *points,
			   __u32 count)
{
	struct drm_syncobj_wait wait = {
		.handles = (uintptr_t)handles,
		.count_handles = count,
	};
	struct drm_syncobj_timeline_wait timeline_wait = {
		.handles = (uintptr_t)handles,
		.points = (uintptr_t)points,
		.count_handles = count,
	};
	struct drm_syncobj_array array = {
		.handles = (uintptr_t)handles,
		.count_handles = count,
	};
	struct drm_syncobj_timeline_array timeline_array = {
		.handles = (uintptr_t)handles,
		.points = (uintptr_t)points,
		.count_handles = count,
	};

	switch (request) {
	case DRM_IOCTL_SYNCOBJ_WAIT:
		return dojo_ioctl(fd, request, &wait);
	case DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT:
		return dojo_ioctl(fd, request, &timeline_wait);
	case DRM_IOCTL_SYNCOBJ_RESET:
	case DRM_IOCTL_SYNCOBJ_SIGNAL:
		return dojo_ioctl(fd, request, &array);
	default:
		return dojo_ioctl(fd, request, &timeline_array);
	}
}

TEST_F(core, absurd_counts_of_syncobjs_are_refused_quietly)
{
	static const __u32 counts[] = { 1u << 20, 1u << 28, 0x7fffffff, 0xffffffff };
	__u32 handle;
	__u64 point = 1;
	size_t i, k;

	ASSERT_EQ(0, dojo_syncobj_create(self->fd, &handle));
	for (i = 0; i < ARRAY_SIZE(array_ioctls); i++)
		for (k = 0; k < ARRAY_SIZE(counts); k++)
			EXPECT_NE(0, call_with_count(self->fd, array_ioctls[i], &handle, &point,
						     counts[k]));
}

TEST_F(core, a_thousand_syncobjs_in_one_call_are_accepted)
{
	__u32 handles[1000];
	__u64 points[1000];
	int i;

	for (i = 0; i < 1000; i++) {
		ASSERT_EQ(0, dojo_syncobj_create(self->fd, &handles[i]));
		points[i] = i + 1;
	}
	EXPECT_EQ(0, call_with_count(self->fd, DRM_IOCTL_SYNCOBJ_SIGNAL, handles, points, 1000));
	EXPECT_EQ(0, call_with_count(self->fd, DRM_IOCTL_SYNCOBJ_RESET, handles, points, 1000));
	EXPECT_EQ(0, call_with_count(self->fd, DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL, handles, points,
				     1000));
	EXPECT_EQ(0, call_with_count(self->fd, DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, handles, points,
				     1000));
	EXPECT_EQ(0, call_with_count(self->fd, DRM_IOCTL_SYNCOBJ_QUERY, handles, points, 1000));
	EXPECT_EQ(1000, points[999]);
}

/* ---------------------------------------------------------------- fdinfo */

TEST_F(core, fdinfo_names_the_driver)
{
	char value[64];

	ASSERT_EQ(0, dojo_fdinfo(self->fd, "drm-driver", value, sizeof(value)));
	EXPECT_STREQ(DOJO_ACCEL_NAME, value);
}

TEST_F(core, fdinfo_names_the_card)
{
	char value[64], name[64];

	ASSERT_EQ(0, dojo_pci_name(0, name, sizeof(name)));
	ASSERT_EQ(0, dojo_fdinfo(self->fd, "drm-pdev", value, sizeof(value)));
	EXPECT_STREQ(name, value);
}

TEST_F(core, fdinfo_tells_files_apart)
{
	char first[64], second[64];
	int other = dojo_open(0);

	ASSERT_GE(other, 0);
	ASSERT_EQ(0, dojo_fdinfo(self->fd, "drm-client-id", first, sizeof(first)));
	ASSERT_EQ(0, dojo_fdinfo(other, "drm-client-id", second, sizeof(second)));
	EXPECT_STRNE(first, second);
	close(other);
}

static unsigned long long fdinfo_number(int fd, const char *key)
{
	char value[64];

	return dojo_fdinfo(fd, key, value, sizeof(value)) ? ~0ull : strtoull(value, NULL, 10);
}

/* A client of the open file whose batch fills a buffer */
static int filling_client(int fd, struct dojo_client *c)
{
	struct dojo_buf buf;
	int ret = dojo_client_init(c, dup(fd));

	if (!ret)
		ret = dojo_buf_create(c, &buf, MIB(1), DRM_DOJO_DOMAIN_HBM, 0);
	if (!ret)
		dojo_fill(c, buf.va, buf.size, 1);
	return ret;
}

TEST_F(core, fdinfo_counts_dma_time)
{
	unsigned long long before = fdinfo_number(self->fd, "drm-engine-dma");
	struct dojo_client c;

	ASSERT_NE(~0ull, before);
	ASSERT_EQ(0, filling_client(self->fd, &c));
	ASSERT_EQ(0, dojo_run(&c, c.dma));
	EXPECT_GT(fdinfo_number(self->fd, "drm-engine-dma"), before);
	dojo_client_close(&c);
}

TEST_F(core, fdinfo_counts_compute_time)
{
	unsigned long long before = fdinfo_number(self->fd, "drm-engine-compute");
	struct dojo_client c;

	ASSERT_NE(~0ull, before);
	ASSERT_EQ(0, filling_client(self->fd, &c));
	ASSERT_EQ(0, dojo_run(&c, c.compute));
	EXPECT_GT(fdinfo_number(self->fd, "drm-engine-compute"), before);
	dojo_client_close(&c);
}

TEST_F(core, fdinfo_keeps_the_time_of_destroyed_queues)
{
	unsigned long long before;
	struct dojo_client c;

	ASSERT_EQ(0, filling_client(self->fd, &c));
	ASSERT_EQ(0, dojo_run(&c, c.dma));
	before = fdinfo_number(self->fd, "drm-engine-dma");
	ASSERT_EQ(0, dojo_queue_destroy(c.fd, c.dma));
	EXPECT_GE(fdinfo_number(self->fd, "drm-engine-dma"), before);
	dojo_client_close(&c);
}

TEST_F(core, fdinfo_tells_how_many_engines_there_are)
{
	EXPECT_EQ(25, fdinfo_number(self->fd, "drm-engine-capacity-compute"));
	EXPECT_EQ(2, fdinfo_number(self->fd, "drm-engine-capacity-dma"));
}

/* --------------------------------------------------------------- debugfs */

TEST_F(core, every_tile_has_a_debugfs_directory_of_its_own)
{
	char path[512], real[512], text[256];
	unsigned int n, nodes = dojo_nodes();

	if (access("/sys/kernel/debug/accel", F_OK))
		SKIP(return, "no debugfs");
	for (n = 0; n < nodes; n++) {
		snprintf(path, sizeof(path), "/sys/class/accel/accel%d/device", dojo_minor(n));
		ASSERT_NE(NULL, realpath(path, real));
		snprintf(path, sizeof(path), "/sys/kernel/debug/accel/%s/name",
			 strrchr(real, '/') + 1);
		ASSERT_GT(dojo_read_file(path, text, sizeof(text)), 0)
			TH_LOG("%s", path);
		EXPECT_EQ(0, strncmp(text, DOJO_ACCEL_NAME, strlen(DOJO_ACCEL_NAME)));
	}
}

int main(int argc, char **argv)
{
	return dojo_test_main(argc, argv, NULL);
}
