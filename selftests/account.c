// SPDX-License-Identifier: GPL-2.0-only
/* Who has how much memory: fdinfo by region, and the control group of device memory */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "dojo_harness.h"

#define SIZE	MIB(4)

/* ------------------------------------------------------------- fdinfo */

FIXTURE(fdinfo) {
	struct dojo_client c;
	struct dojo_buf host;
};

FIXTURE_VARIANT(fdinfo) {
	__u32 domain;
	const char *region;
};

FIXTURE_VARIANT_ADD(fdinfo, hbm) {
	.domain = DRM_DOJO_DOMAIN_HBM,
	.region = "hbm",
};

FIXTURE_VARIANT_ADD(fdinfo, sram) {
	.domain = DRM_DOJO_DOMAIN_SRAM,
	.region = "sram",
};

FIXTURE_VARIANT_ADD(fdinfo, system) {
	.domain = DRM_DOJO_DOMAIN_SYSTEM,
	.region = "system",
};

FIXTURE_SETUP(fdinfo)
{
	ASSERT_EQ(0, dojo_client_open(&self->c, 0));
	ASSERT_EQ(0, dojo_buf_create(&self->c, &self->host, PAGE, DRM_DOJO_DOMAIN_SYSTEM,
				     DRM_DOJO_BO_CPU_ACCESS));
}

FIXTURE_TEARDOWN(fdinfo)
{
	dojo_client_close(&self->c);
}

TEST_F(fdinfo, a_buffer_is_counted_until_it_is_closed)
{
	long long total = dojo_fdinfo_bytes(self->c.fd, "total", variant->region);
	long long resident = dojo_fdinfo_bytes(self->c.fd, "resident", variant->region);
	struct dojo_buf buf;

	ASSERT_GE(total, 0);
	ASSERT_GE(resident, 0);
	ASSERT_EQ(0, dojo_buf_create(&self->c, &buf, SIZE, variant->domain, 0));
	dojo_fill(&self->c, buf.va, SIZE, 1);
	ASSERT_EQ(0, dojo_run(&self->c, self->c.dma));
	EXPECT_EQ(total + (long long)SIZE, dojo_fdinfo_bytes(self->c.fd, "total", variant->region));
	EXPECT_EQ(resident + (long long)SIZE,
		  dojo_fdinfo_bytes(self->c.fd, "resident", variant->region));
	dojo_buf_destroy(&self->c, &buf);
	EXPECT_EQ(total, dojo_fdinfo_bytes(self->c.fd, "total", variant->region));
	EXPECT_EQ(resident, dojo_fdinfo_bytes(self->c.fd, "resident", variant->region));
}

TEST_F(fdinfo, an_exported_buffer_is_shared_and_an_imported_one_too)
{
	struct drm_prime_handle args = { .flags = DRM_CLOEXEC };
	int other = dojo_open(0);
	struct dojo_buf buf;

	ASSERT_GE(other, 0);
	ASSERT_EQ(0, dojo_buf_create(&self->c, &buf, SIZE, variant->domain, 0));
	EXPECT_EQ(0, dojo_fdinfo_bytes(self->c.fd, "shared", variant->region));
	args.handle = buf.handle;
	ASSERT_EQ(0, dojo_ioctl(self->c.fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &args));
	ASSERT_EQ(0, dojo_ioctl(other, DRM_IOCTL_PRIME_FD_TO_HANDLE, &args));
	EXPECT_EQ((long long)SIZE, dojo_fdinfo_bytes(self->c.fd, "shared", variant->region));
	EXPECT_EQ((long long)SIZE, dojo_fdinfo_bytes(other, "shared", variant->region));
	EXPECT_EQ((long long)SIZE, dojo_fdinfo_bytes(other, "total", variant->region));
	close(args.fd);
	close(other);
}

TEST_F(fdinfo, a_buffer_in_use_is_active)
{
	struct dojo_client *c = &self->c;
	long long expected = SIZE;
	struct dojo_buf buf;

	/* what is used besides */
	if (variant->domain == DRM_DOJO_DOMAIN_SYSTEM)
		expected += self->host.size + c->batch.size;
	ASSERT_EQ(0, dojo_buf_create(c, &buf, SIZE, variant->domain, 0));
	dojo_fill(c, buf.va, SIZE, 1);
	ASSERT_EQ(0, dojo_run(c, c->dma));
	EXPECT_EQ(0, dojo_fdinfo_bytes(c->fd, "active", variant->region));

	dojo_poke64(self->host.map, 0);
	dojo_sem_wait(c, self->host.va, 1, DOJO_SEM_EQUAL);
	dojo_fill(c, buf.va, SIZE, 2);
	ASSERT_EQ(0, dojo_start(c, c->dma, c->done));
	EXPECT_EQ(expected, dojo_fdinfo_bytes(c->fd, "active", variant->region));
	dojo_poke64(self->host.map, 1);
	ASSERT_EQ(0, dojo_syncobj_wait(c->fd, c->done, dojo_patience()));
	EXPECT_EQ(0, dojo_fdinfo_bytes(c->fd, "active", variant->region));
}

TEST_F(fdinfo, what_is_not_needed_is_purgeable)
{
	struct drm_dojo_bo_advise advise = { .advice = DRM_DOJO_ADVICE_PURGEABLE };
	struct dojo_buf buf;

	ASSERT_EQ(0, dojo_buf_create(&self->c, &buf, SIZE, variant->domain, 0));
	dojo_fill(&self->c, buf.va, SIZE, 1);
	ASSERT_EQ(0, dojo_run(&self->c, self->c.dma));
	EXPECT_EQ(0, dojo_fdinfo_bytes(self->c.fd, "purgeable", variant->region));
	advise.handle = buf.handle;
	ASSERT_EQ(0, dojo_ioctl(self->c.fd, DRM_IOCTL_DOJO_BO_ADVISE, &advise));
	EXPECT_EQ((long long)SIZE, dojo_fdinfo_bytes(self->c.fd, "purgeable", variant->region));
	advise.advice = DRM_DOJO_ADVICE_NEEDED;
	ASSERT_EQ(0, dojo_ioctl(self->c.fd, DRM_IOCTL_DOJO_BO_ADVISE, &advise));
	EXPECT_EQ(0, dojo_fdinfo_bytes(self->c.fd, "purgeable", variant->region));
}

TEST_F(fdinfo, another_file_s_buffer_is_not_counted)
{
	long long before = dojo_fdinfo_bytes(self->c.fd, "total", variant->region);
	struct dojo_client other;
	struct dojo_buf buf;

	ASSERT_EQ(0, dojo_client_open(&other, 0));
	ASSERT_EQ(0, dojo_buf_create(&other, &buf, SIZE, variant->domain, 0));
	EXPECT_EQ(before, dojo_fdinfo_bytes(self->c.fd, "total", variant->region));
	dojo_client_close(&other);
}

/* -------------------------------------------- control group of device memory */

#define CGROUPS	"/sys/fs/cgroup/"
#define GROUP	CGROUPS "dojo-selftest/"

FIXTURE(dmem) {
	char hbm[96];
	unsigned int node;
};

/* What the control group calls region @name of a node */
static int region_name(unsigned int node, const char *name, char *text, size_t size)
{
	char path[64], real[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/class/accel/accel%d/device", dojo_minor(node));
	if (!realpath(path, real))
		return -errno;
	snprintf(text, size, "drm/%s/%s", strrchr(real, '/') + 1, name);
	return 0;
}

/* The number that @file has for @region, or -1 */
static long long group_value(const char *file, const char *region)
{
	char text[4096], *line;
	size_t len = strlen(region);

	if (dojo_read_file(file, text, sizeof(text)) < 0)
		return -1;
	for (line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, region, len) && line[len] == ' ')
			return strtoll(line + len, NULL, 10);
	}
	return -1;
}

static int group_limit(const char *region, __u64 bytes)
{
	char text[160];

	snprintf(text, sizeof(text), "%s %llu\n", region, bytes);
	return dojo_write_file(GROUP "dmem.max", text);
}

/* This process joins the group, or the root's. */
static int join(const char *group)
{
	char path[128];

	snprintf(path, sizeof(path), "%scgroup.procs", group);
	return dojo_write_file(path, "0");
}

FIXTURE_SETUP(dmem)
{
	if (access(CGROUPS "dmem.capacity", F_OK))
		SKIP(return, "this kernel does not account device memory");
	/* the last node: its HBM is the smallest */
	self->node = dojo_nodes() - 1;
	ASSERT_EQ(0, region_name(self->node, "hbm", self->hbm, sizeof(self->hbm)));
	ASSERT_EQ(0, dojo_write_file(CGROUPS "cgroup.subtree_control", "+dmem"));
	ASSERT_TRUE(!mkdir(GROUP, 0755) || errno == EEXIST);
	ASSERT_EQ(0, join(GROUP));
}

FIXTURE_TEARDOWN(dmem)
{
	join(CGROUPS);
	rmdir(GROUP);
}

TEST_F(dmem, every_tile_has_its_regions_and_their_sizes)
{
	struct drm_dojo_memory_info memory;
	unsigned int n, nodes = dojo_nodes();
	char name[96];
	int fd;

	for (n = 0; n < nodes; n++) {
		fd = dojo_open(n);
		ASSERT_GE(fd, 0);
		ASSERT_EQ(0, dojo_query(fd, DRM_DOJO_QUERY_MEMORY, &memory, sizeof(memory)));
		close(fd);
		ASSERT_EQ(0, region_name(n, "hbm", name, sizeof(name)));
		EXPECT_EQ((long long)memory.hbm_total, group_value(CGROUPS "dmem.capacity", name));
		ASSERT_EQ(0, region_name(n, "sram", name, sizeof(name)));
		EXPECT_EQ((long long)memory.sram_total,
			  group_value(CGROUPS "dmem.capacity", name));
	}
}

TEST_F(dmem, a_buffer_is_charged_to_its_maker_s_group)
{
	long long before = group_value(GROUP "dmem.current", self->hbm);
	struct dojo_client c;
	struct dojo_buf buf;
	unsigned int ms;

	if (before < 0)
		before = 0;
	ASSERT_EQ(0, dojo_client_open(&c, self->node));
	ASSERT_EQ(0, dojo_buf_create(&c, &buf, SIZE, DRM_DOJO_DOMAIN_HBM, 0));
	EXPECT_EQ(before + (long long)SIZE, group_value(GROUP "dmem.current", self->hbm));
	dojo_client_close(&c);
	/* freed when the file's last work is */
	for (ms = 0; ms < dojo_patience(); ms++) {
		if (group_value(GROUP "dmem.current", self->hbm) == before)
			break;
		usleep(1000);
	}
	EXPECT_EQ(before, group_value(GROUP "dmem.current", self->hbm));
}

/* Eight buffers of SIZE, each with its own contents, in @c */
static int fill_buffers(struct dojo_client *c, struct dojo_buf buf[8])
{
	int i, ret = 0;

	for (i = 0; i < 8 && !ret; i++) {
		ret = dojo_buf_create(c, &buf[i], SIZE, DRM_DOJO_DOMAIN_HBM, 0);
		if (ret)
			break;
		dojo_fill(c, buf[i].va, SIZE, 0x01010101 * (i + 1));
		ret = dojo_run(c, c->dma);
	}
	return ret;
}

/* 0, or the number of the first buffer that does not have its contents */
static int check_buffers(struct dojo_client *c, struct dojo_buf buf[8], struct dojo_buf *host)
{
	int i;

	for (i = 0; i < 8; i++) {
		dojo_copy(c, host->va, buf[i].va + SIZE - PAGE, PAGE);
		if (dojo_run(c, c->dma) || dojo_not_all(host->map, PAGE, i + 1) != -1)
			return i + 1;
	}
	return 0;
}

TEST_F(dmem, a_group_at_its_limit_evicts_its_own_and_nobody_else_s)
{
	struct drm_dojo_bo_query query;
	struct dojo_client c, other;
	struct dojo_buf buf[8], host, theirs;

	ASSERT_EQ(0, join(CGROUPS));
	ASSERT_EQ(0, dojo_client_open(&other, self->node));
	ASSERT_EQ(0, dojo_buf_create(&other, &theirs, SIZE, DRM_DOJO_DOMAIN_HBM, 0));
	ASSERT_EQ(0, join(GROUP));
	ASSERT_EQ(0, dojo_client_open(&c, self->node));
	ASSERT_EQ(0, dojo_buf_create(&c, &host, PAGE, DRM_DOJO_DOMAIN_SYSTEM,
				     DRM_DOJO_BO_CPU_ACCESS));
	ASSERT_EQ(0, group_limit(self->hbm, 3 * SIZE));
	ASSERT_EQ(0, fill_buffers(&c, buf));
	EXPECT_LE(group_value(GROUP "dmem.current", self->hbm), 3 * (long long)SIZE);
	EXPECT_GT(group_value(GROUP "dmem.current", self->hbm), 0);
	EXPECT_EQ(0, check_buffers(&c, buf, &host));
	ASSERT_EQ(0, dojo_bo_query(other.fd, theirs.handle, &query));
	EXPECT_EQ(DRM_DOJO_DOMAIN_HBM, query.placement);
	dojo_client_close(&c);
	dojo_client_close(&other);
}

TEST_F(dmem, a_lower_limit_takes_memory_back)
{
	struct dojo_client c;
	struct dojo_buf buf[8], host;

	ASSERT_EQ(0, dojo_client_open(&c, self->node));
	ASSERT_EQ(0, dojo_buf_create(&c, &host, PAGE, DRM_DOJO_DOMAIN_SYSTEM,
				     DRM_DOJO_BO_CPU_ACCESS));
	ASSERT_EQ(0, group_limit(self->hbm, 8 * SIZE));
	ASSERT_EQ(0, fill_buffers(&c, buf));
	EXPECT_EQ(8 * (long long)SIZE, group_value(GROUP "dmem.current", self->hbm));
	ASSERT_EQ(0, group_limit(self->hbm, 2 * SIZE));
	EXPECT_LE(group_value(GROUP "dmem.current", self->hbm), 2 * (long long)SIZE);
	EXPECT_EQ(0, check_buffers(&c, buf, &host));
	EXPECT_LE(group_value(GROUP "dmem.current", self->hbm), 2 * (long long)SIZE);
	dojo_client_close(&c);
}

int main(int argc, char **argv)
{
	return dojo_test_main(argc, argv, NULL);
}
