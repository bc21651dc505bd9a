// SPDX-License-Identifier: GPL-2.0-only
/* dma-buf: export, import into the same and another tile, other exporters, lifetimes */
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "dojo_harness.h"

#define AREA	KIB(256)

FIXTURE(prime) {
	struct dojo_client a;
	struct dojo_buf buf;
	int dmabuf;
};

FIXTURE_VARIANT(prime) {
	__u32 domain;
};

FIXTURE_VARIANT_ADD(prime, hbm) {
	.domain = DRM_DOJO_DOMAIN_HBM,
};

FIXTURE_VARIANT_ADD(prime, system) {
	.domain = DRM_DOJO_DOMAIN_SYSTEM,
};

static int export(int fd, __u32 handle)
{
	struct drm_prime_handle args = { .handle = handle, .flags = DRM_CLOEXEC | DRM_RDWR };
	int ret = dojo_ioctl(fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &args);

	return ret ? ret : args.fd;
}

static int import(int fd, int dmabuf, __u32 *handle)
{
	struct drm_prime_handle args = { .fd = dmabuf };
	int ret = dojo_ioctl(fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &args);

	*handle = ret ? 0 : args.handle;
	return ret;
}

/* A client of node @node that has imported @dmabuf at @va */
static int import_client(struct dojo_client *c, unsigned int node, int dmabuf, __u64 size,
			 __u64 *va)
{
	__u32 handle;
	int ret;

	ret = dojo_client_open(c, node);
	if (!ret)
		ret = import(c->fd, dmabuf, &handle);
	if (ret)
		return ret;
	*va = dojo_hole(c, size);
	return dojo_vm_map(c->fd, c->vm, handle, 0, *va, size);
}

FIXTURE_SETUP(prime)
{
	ASSERT_EQ(0, dojo_client_open(&self->a, 0));
	ASSERT_EQ(0, dojo_buf_create(&self->a, &self->buf, AREA, variant->domain,
				     DRM_DOJO_BO_CPU_ACCESS));
	dojo_pattern(self->buf.map, AREA, 1);
	self->dmabuf = export(self->a.fd, self->buf.handle);
	ASSERT_GE(self->dmabuf, 0);
}

FIXTURE_TEARDOWN(prime)
{
	close(self->dmabuf);
	dojo_client_close(&self->a);
}

/* The device reads dojo_pattern() of @seed at @va of @b */
static void expect_pattern(struct __test_metadata *_metadata, struct dojo_client *b, __u64 va,
			   __u64 seed)
{
	struct dojo_buf host;

	ASSERT_EQ(0, dojo_buf_create(b, &host, AREA, DRM_DOJO_DOMAIN_SYSTEM,
				     DRM_DOJO_BO_CPU_ACCESS));
	dojo_copy(b, host.va, va, AREA);
	ASSERT_EQ(0, dojo_run(b, b->dma));
	EXPECT_EQ(-1, dojo_pattern_check(host.map, AREA, seed));
}

/* An importer on @node reads and writes @buf by its @dmabuf */
static void import_and_use(struct __test_metadata *_metadata, const struct dojo_buf *buf,
			   int dmabuf, unsigned int node)
{
	struct dojo_client b;
	__u64 va;

	ASSERT_EQ(0, import_client(&b, node, dmabuf, AREA, &va));
	expect_pattern(_metadata, &b, va, 1);
	dojo_fill(&b, va, PAGE, 0x44444444);
	ASSERT_EQ(0, dojo_run(&b, b.dma));
	EXPECT_EQ(-1, dojo_not_all(buf->map, PAGE, 0x44));
	dojo_client_close(&b);
}

/* An importer on @node keeps @buf when @a, its maker, is gone */
static void outlive_exporter(struct __test_metadata *_metadata, struct dojo_client *a,
			     const struct dojo_buf *buf, int dmabuf, unsigned int node)
{
	struct dojo_client b;
	__u64 va;

	ASSERT_EQ(0, import_client(&b, node, dmabuf, AREA, &va));
	munmap(buf->map, AREA);
	close(dmabuf);
	dojo_client_close(a);
	expect_pattern(_metadata, &b, va, 1);
	dojo_client_close(&b);
}

TEST_F(prime, size_can_be_sought)
{
	EXPECT_EQ(AREA, lseek(self->dmabuf, 0, SEEK_END));
}

TEST_F(prime, importing_one_s_own_gives_the_same_handle)
{
	__u32 handle;

	ASSERT_EQ(0, import(self->a.fd, self->dmabuf, &handle));
	EXPECT_EQ(self->buf.handle, handle);
}

TEST_F(prime, another_file_reads_and_writes_it)
{
	import_and_use(_metadata, &self->buf, self->dmabuf, 0);
}

TEST_F(prime, another_tile_reads_and_writes_it)
{
	if (dojo_nodes() < 2)
		SKIP(return, "one tile only");
	import_and_use(_metadata, &self->buf, self->dmabuf, 1);
}

TEST_F(prime, a_peer_s_buffer_stays_where_it_is)
{
	struct drm_dojo_bo_query query;
	struct dojo_client b;
	__u64 va;

	if (dojo_nodes() < 2)
		SKIP(return, "one tile only");
	ASSERT_EQ(0, import_client(&b, 1, self->dmabuf, AREA, &va));
	dojo_fill(&b, va, PAGE, 1);
	ASSERT_EQ(0, dojo_run(&b, b.dma));
	ASSERT_EQ(0, dojo_bo_query(self->a.fd, self->buf.handle, &query));
	EXPECT_EQ(variant->domain, query.placement);
	dojo_client_close(&b);
}

TEST_F(prime, importer_outlives_exporter)
{
	outlive_exporter(_metadata, &self->a, &self->buf, self->dmabuf, dojo_nodes() > 1);
}

TEST_F(prime, exporter_outlives_importer)
{
	struct dojo_client b;
	__u64 va;

	ASSERT_EQ(0, import_client(&b, dojo_nodes() > 1, self->dmabuf, AREA, &va));
	dojo_fill(&b, va, AREA, 0x66666666);
	ASSERT_EQ(0, dojo_run(&b, b.dma));
	dojo_client_close(&b);
	EXPECT_EQ(-1, dojo_not_all(self->buf.map, AREA, 0x66));
	dojo_fill(&self->a, self->buf.va, AREA, 0x77777777);
	ASSERT_EQ(0, dojo_run(&self->a, self->a.dma));
	EXPECT_EQ(-1, dojo_not_all(self->buf.map, AREA, 0x77));
}

TEST_F(prime, the_dma_buf_can_be_mapped)
{
	void *map = mmap(NULL, AREA, PROT_READ | PROT_WRITE, MAP_SHARED, self->dmabuf, 0);

	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(-1, dojo_pattern_check(map, AREA, 1));
	memset(map, 0x21, AREA);
	EXPECT_EQ(-1, dojo_not_all(self->buf.map, AREA, 0x21));
	munmap(map, AREA);
}

TEST_F(prime, the_mapping_outlives_everything)
{
	void *map = mmap(NULL, AREA, PROT_READ | PROT_WRITE, MAP_SHARED, self->dmabuf, 0);

	ASSERT_NE(MAP_FAILED, map);
	munmap(self->buf.map, AREA);
	close(self->dmabuf);
	dojo_client_close(&self->a);
	EXPECT_EQ(-1, dojo_pattern_check(map, AREA, 1));
	munmap(map, AREA);
}

TEST_F(prime, more_than_the_dma_buf_cannot_be_mapped)
{
	EXPECT_EQ(MAP_FAILED, mmap(NULL, AREA + PAGE, PROT_READ, MAP_SHARED, self->dmabuf, 0));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, self->dmabuf, AREA));
}

TEST_F(prime, cpu_access_can_be_bracketed)
{
	struct dma_buf_sync sync = { .flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW };

	EXPECT_EQ(0, dojo_ioctl(self->dmabuf, DMA_BUF_IOCTL_SYNC, &sync));
	sync.flags = DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW;
	EXPECT_EQ(0, dojo_ioctl(self->dmabuf, DMA_BUF_IOCTL_SYNC, &sync));
}

TEST_F(prime, a_buffer_without_cpu_access_cannot_be_mapped_through_its_dma_buf)
{
	struct dojo_buf hidden;
	int dmabuf;

	ASSERT_EQ(0, dojo_buf_create(&self->a, &hidden, AREA, variant->domain, 0));
	dmabuf = export(self->a.fd, hidden.handle);
	ASSERT_GE(dmabuf, 0);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, AREA, PROT_READ, MAP_SHARED, dmabuf, 0));
	close(dmabuf);
}

TEST_F_TIMEOUT(prime, exported_and_imported_many_times, 600)
{
	const int count = dojo_scaled(10000, 20);
	__u32 handle;
	int i, dmabuf, other;

	for (i = 0; i < count; i++) {
		dmabuf = export(self->a.fd, self->buf.handle);
		ASSERT_GE(dmabuf, 0);
		other = dojo_open(i % dojo_nodes());
		ASSERT_GE(other, 0);
		ASSERT_EQ(0, import(other, dmabuf, &handle));
		close(dmabuf);
		close(other);
	}
}

/* -------------------------------------------------------- other exporters */

/* Memory of AREA bytes from elsewhere in the kernel, filled with pattern 2, or -errno */
static int sealed_memfd(void)
{
	struct udmabuf_create create = { .flags = UDMABUF_FLAGS_CLOEXEC, .size = AREA };
	int memfd, dev, ret;
	void *map;

	dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	if (dev < 0)
		return -errno;
	memfd = memfd_create("dojo", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (memfd < 0 || ftruncate(memfd, AREA))
		return -errno;
	map = mmap(NULL, AREA, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	if (map == MAP_FAILED)
		return -errno;
	dojo_pattern(map, AREA, 2);
	munmap(map, AREA);
	if (fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK))
		return -errno;
	create.memfd = memfd;
	ret = ioctl(dev, UDMABUF_CREATE, &create);
	return ret < 0 ? -errno : ret;
}

static int heap_buffer(void)
{
	struct dma_heap_allocation_data data = {
		.len = AREA,
		.fd_flags = O_RDWR | O_CLOEXEC,
	};
	int heap = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);
	void *map;

	if (heap < 0 || ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &data) < 0)
		return -errno;
	map = mmap(NULL, AREA, PROT_READ | PROT_WRITE, MAP_SHARED, data.fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	dojo_pattern(map, AREA, 2);
	munmap(map, AREA);
	return data.fd;
}

/* The node of a driver of the DRM that is called @name, which is loaded if need be, or -1 */
static int open_driver(const char *driver)
{
	char path[64], name[32], command[64];
	int i, fd;

	snprintf(command, sizeof(command), "modprobe -q %s", driver);
	if (system(command))
		return -1;
	for (i = 0; i < 16; i++) {
		struct drm_version version = { .name = name, .name_len = sizeof(name) - 1 };

		memset(name, 0, sizeof(name));
		snprintf(path, sizeof(path), "/dev/dri/card%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (!dojo_ioctl(fd, DRM_IOCTL_VERSION, &version) && !strcmp(name, driver))
			return fd;
		close(fd);
	}
	return -1;
}

static int vgem_buffer(void)
{
	struct drm_mode_create_dumb create = { .width = AREA / 4, .height = 1, .bpp = 32 };
	int fd = open_driver("vgem"), dmabuf;
	void *map;

	if (fd < 0 || dojo_ioctl(fd, DRM_IOCTL_MODE_CREATE_DUMB, &create))
		return -1;
	dmabuf = export(fd, create.handle);
	close(fd);
	if (dmabuf < 0)
		return dmabuf;
	map = mmap(NULL, AREA, PROT_READ | PROT_WRITE, MAP_SHARED, dmabuf, 0);
	if (map == MAP_FAILED)
		return -errno;
	dojo_pattern(map, AREA, 2);
	munmap(map, AREA);
	return dmabuf;
}

FIXTURE(foreign) {
	int dmabuf;
};

FIXTURE_VARIANT(foreign) {
	int (*make)(void);
};

FIXTURE_VARIANT_ADD(foreign, udmabuf) {
	.make = sealed_memfd,
};

FIXTURE_VARIANT_ADD(foreign, dma_heap) {
	.make = heap_buffer,
};

FIXTURE_VARIANT_ADD(foreign, vgem) {
	.make = vgem_buffer,
};

FIXTURE_SETUP(foreign)
{
	self->dmabuf = variant->make();
	if (self->dmabuf < 0)
		SKIP(return, "this kernel has no such exporter");
}

FIXTURE_TEARDOWN(foreign)
{
	close(self->dmabuf);
}

TEST_F(foreign, the_device_reads_and_writes_it)
{
	struct dojo_client c;
	void *map;
	__u64 va;

	ASSERT_EQ(0, import_client(&c, 0, self->dmabuf, AREA, &va));
	expect_pattern(_metadata, &c, va, 2);
	dojo_fill(&c, va, AREA, 0x32323232);
	ASSERT_EQ(0, dojo_run(&c, c.dma));
	map = mmap(NULL, AREA, PROT_READ, MAP_SHARED, self->dmabuf, 0);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(-1, dojo_not_all(map, AREA, 0x32));
	dojo_client_close(&c);
}

TEST_F(foreign, it_stays_when_its_file_is_closed)
{
	struct dojo_client c;
	__u64 va;

	ASSERT_EQ(0, import_client(&c, 0, self->dmabuf, AREA, &va));
	close(self->dmabuf);
	expect_pattern(_metadata, &c, va, 2);
	dojo_client_close(&c);
}

TEST_F(foreign, it_is_counted_as_shared_system_memory)
{
	__u32 handle;
	int fd = dojo_open(0);
	long long before;

	ASSERT_GE(fd, 0);
	before = dojo_fdinfo_bytes(fd, "shared", "system");
	ASSERT_GE(before, 0);
	ASSERT_EQ(0, import(fd, self->dmabuf, &handle));
	EXPECT_EQ(before + (long long)AREA, dojo_fdinfo_bytes(fd, "shared", "system"));
	close(fd);
}

TEST_F(foreign, it_lies_in_system_memory)
{
	struct drm_dojo_bo_query query;
	__u32 handle;
	int fd = dojo_open(0);

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, import(fd, self->dmabuf, &handle));
	ASSERT_EQ(0, dojo_bo_query(fd, handle, &query));
	EXPECT_EQ(AREA, query.size);
	EXPECT_EQ(DRM_DOJO_DOMAIN_SYSTEM, query.domains);
}

/* ------------------------------------------------------- other importers */

/* Some versions of vgem map what they import at once, for which it has to be in system memory. */
TEST_F(prime, it_can_be_used_while_another_driver_has_it)
{
	int vgem = open_driver("vgem");
	__u32 handle;

	if (vgem < 0)
		SKIP(return, "no vgem");
	ASSERT_EQ(0, import(vgem, self->dmabuf, &handle));
	EXPECT_EQ(-1, dojo_pattern_check(self->buf.map, AREA, 1));

	/* meanwhile the device goes on with it */
	dojo_copy(&self->a, self->buf.va, self->buf.va + PAGE, PAGE);
	dojo_fill(&self->a, self->buf.va + PAGE, AREA - PAGE, 0x29292929);
	ASSERT_EQ(0, dojo_run(&self->a, self->a.dma));
	EXPECT_EQ(-1, dojo_not_all((char *)self->buf.map + PAGE, AREA - PAGE, 0x29));
	EXPECT_NE(-1, dojo_not_all(self->buf.map, PAGE, 0x29));
	close(vgem);
}

TEST_F(prime, it_goes_home_when_another_driver_lets_go_of_it)
{
	struct drm_dojo_bo_query query;
	int vgem = open_driver("vgem");
	unsigned int ms;
	__u32 handle;

	if (vgem < 0)
		SKIP(return, "no vgem");
	ASSERT_EQ(0, import(vgem, self->dmabuf, &handle));
	close(vgem);
	for (ms = 0; ms < dojo_patience(); ms += 10) {
		dojo_fill(&self->a, self->buf.va, PAGE, 0x2b2b2b2b);
		ASSERT_EQ(0, dojo_run(&self->a, self->a.dma));
		ASSERT_EQ(0, dojo_bo_query(self->a.fd, self->buf.handle, &query));
		if (query.placement == variant->domain)
			break;
		usleep(10000);
	}
	EXPECT_EQ(variant->domain, query.placement);
	EXPECT_EQ(-1, dojo_not_all(self->buf.map, PAGE, 0x2b));
}

/* A node of another card than node 0's, or -1 */
static int other_card(void)
{
	unsigned int n, nodes = dojo_nodes();
	char first[32], name[32];

	if (dojo_pci_name(0, first, sizeof(first)))
		return -1;
	for (n = 1; n < nodes; n++)
		if (!dojo_pci_name(n, name, sizeof(name)) && strcmp(first, name))
			return n;
	return -1;
}

TEST_F(prime, two_cards_take_turns_with_it)
{
	int node = other_card(), round;
	struct dojo_client b;
	struct dojo_buf host;
	__u64 va;

	if (node < 0)
		SKIP(return, "one card only");
	ASSERT_EQ(0, import_client(&b, node, self->dmabuf, AREA, &va));
	ASSERT_EQ(0, dojo_buf_create(&b, &host, AREA, DRM_DOJO_DOMAIN_SYSTEM,
				     DRM_DOJO_BO_CPU_ACCESS));
	dojo_copy(&b, host.va, va, AREA);
	ASSERT_EQ(0, dojo_run(&b, b.dma));
	EXPECT_EQ(-1, dojo_pattern_check(host.map, AREA, 1));
	for (round = 1; round <= 20; round++) {
		dojo_fill(&self->a, self->buf.va, AREA, 0x01010101 * round);
		ASSERT_EQ(0, dojo_run(&self->a, self->a.dma));
		dojo_copy(&b, host.va, va, AREA);
		dojo_fill(&b, va, PAGE, 0x02020202 * round);
		ASSERT_EQ(0, dojo_run(&b, b.dma));
		ASSERT_EQ(-1, dojo_not_all(host.map, AREA, round));
		ASSERT_EQ(-1, dojo_not_all(self->buf.map, PAGE, 2 * round));
	}
	dojo_client_close(&b);
}

TEST(sram_is_not_for_another_card)
{
	int node = other_card(), dmabuf;
	struct dojo_client a, b;
	struct dojo_buf sram;
	__u32 handle;

	if (node < 0)
		SKIP(return, "one card only");
	ASSERT_EQ(0, dojo_client_open(&a, 0));
	ASSERT_EQ(0, dojo_buf_create(&a, &sram, AREA, DRM_DOJO_DOMAIN_SRAM, 0));
	dmabuf = export(a.fd, sram.handle);
	ASSERT_GE(dmabuf, 0);
	ASSERT_EQ(0, dojo_client_open(&b, node));
	EXPECT_EQ(-EOPNOTSUPP, import(b.fd, dmabuf, &handle));
	dojo_client_close(&b);
	dojo_client_close(&a);
	close(dmabuf);
}

TEST_F(prime, another_card_keeps_it_when_its_maker_is_gone)
{
	int node = other_card();

	if (node < 0)
		SKIP(return, "one card only");
	outlive_exporter(_metadata, &self->a, &self->buf, self->dmabuf, node);
}

/* What is handed on names the first exporter. */
TEST_F(prime, an_import_can_be_exported_again)
{
	int node = dojo_nodes() - 1, fd = dojo_open(node), again;
	struct dojo_client b;
	__u32 handle;
	__u64 va;

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, import(fd, self->dmabuf, &handle));
	again = export(fd, handle);
	ASSERT_GE(again, 0);
	ASSERT_EQ(0, import_client(&b, 0, again, AREA, &va));
	expect_pattern(_metadata, &b, va, 1);
	close(again);
	close(fd);
	dojo_client_close(&b);
}

/* ----------------------------------------------------------- bad input */

FIXTURE(garbage) {
	int fd;
};

FIXTURE_SETUP(garbage)
{
	self->fd = dojo_open(0);
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(garbage)
{
	close(self->fd);
}

TEST_F(garbage, import_of_what_is_no_dma_buf_is_refused)
{
	int pipes[2], memfd = memfd_create("dojo", 0);
	__u32 handle;

	ASSERT_EQ(0, pipe(pipes));
	EXPECT_EQ(-EINVAL, import(self->fd, pipes[0], &handle));
	EXPECT_EQ(-EINVAL, import(self->fd, memfd, &handle));
	EXPECT_EQ(-EINVAL, import(self->fd, self->fd, &handle));
}

TEST_F(garbage, import_of_no_file_is_refused)
{
	__u32 handle;

	EXPECT_EQ(-EBADF, import(self->fd, -1, &handle));
	EXPECT_EQ(-EBADF, import(self->fd, 1 << 20, &handle));
}

TEST_F(garbage, export_of_a_bad_handle_is_refused)
{
	EXPECT_EQ(-ENOENT, export(self->fd, BAD_ID));
	EXPECT_EQ(-ENOENT, export(self->fd, 0));
}

int main(int argc, char **argv)
{
	return dojo_test_main(argc, argv, NULL);
}
