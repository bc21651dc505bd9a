// SPDX-License-Identifier: GPL-2.0-only
/* Coming and going of the driver: reload, unbind under open files, removal of the card */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>

#include "dojo_harness.h"

#define AREA	KIB(64)

FIXTURE(module) {
	unsigned int nodes;
	char pci[32];
};

/* The driver may need a moment to show its nodes, and devtmpfs to make them. */
static bool nodes_are_back(unsigned int nodes)
{
	unsigned int tries;

	for (tries = 0; tries < 200; tries++) {
		if (dojo_nodes() == nodes)
			return true;
		usleep(50000);
	}
	return false;
}

FIXTURE_SETUP(module)
{
	self->nodes = dojo_nodes();
	ASSERT_GT(self->nodes, 0);
	ASSERT_EQ(0, dojo_pci_name(0, self->pci, sizeof(self->pci)));
}

FIXTURE_TEARDOWN(module)
{
}

static int unload(void)
{
	return syscall(SYS_delete_module, "dojo", O_NONBLOCK) ? -errno : 0;
}

static int load_with(const char *parameters)
{
	const char *path = getenv("DOJO_MODULE");
	int fd, ret;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = syscall(SYS_finit_module, fd, parameters, 0) ? -errno : 0;
	close(fd);
	return ret;
}

static int load(void)
{
	return load_with("");
}

static bool can_reload(void)
{
	const char *path = getenv("DOJO_MODULE");

	return path && !access(path, R_OK) && !access("/sys/module/dojo/refcnt", R_OK);
}

static int driver_file(const char *name, const char *text)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/dojo/%s", name);
	return dojo_write_file(path, text);
}

static int work_on(unsigned int node)
{
	struct dojo_client c;
	int ret = dojo_client_open(&c, node);

	if (ret)
		return ret;
	dojo_fill(&c, c.batch.va + KIB(32), 4, 0x10ad);
	ret = dojo_run(&c, c.dma);
	if (!ret && *(__u32 *)((char *)c.batch.map + KIB(32)) != 0x10ad)
		ret = -EILSEQ;
	dojo_client_close(&c);
	return ret;
}

TEST_F(module, nobody_holds_it_while_it_is_not_used)
{
	char text[16];

	ASSERT_GT(dojo_read_file("/sys/module/dojo/refcnt", text, sizeof(text)), 0);
	EXPECT_STREQ("0\n", text);
}

TEST_F(module, an_open_file_keeps_it_from_being_unloaded)
{
	int fd = dojo_open(0);

	ASSERT_GE(fd, 0);
	EXPECT_EQ(-EAGAIN, unload());
	close(fd);
}

TEST_F(module, a_mapped_buffer_keeps_it_from_being_unloaded)
{
	int fd = dojo_open(0);
	__u32 handle;
	void *map;

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, dojo_bo_create(fd, PAGE, 0, DRM_DOJO_BO_CPU_ACCESS, &handle));
	map = dojo_bo_map(fd, handle, PAGE);
	ASSERT_NE(MAP_FAILED, map);
	close(fd);
	EXPECT_EQ(-EAGAIN, unload());
	munmap(map, PAGE);
}

TEST_F(module, works_after_being_loaded_again)
{
	unsigned int n;

	if (!can_reload())
		SKIP(return, "DOJO_MODULE does not say where the module is");
	ASSERT_EQ(0, unload());
	EXPECT_EQ(0, dojo_nodes());
	ASSERT_EQ(0, load());
	ASSERT_TRUE(nodes_are_back(self->nodes));
	for (n = 0; n < self->nodes; n++)
		EXPECT_EQ(0, work_on(n));
}

/* Interrupt vectors that a card has */
static unsigned int vectors_of(const char *pci)
{
	char path[64];
	struct dirent *entry;
	unsigned int n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/msi_irqs", pci);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return n;
}

TEST_F(module, one_interrupt_vector_a_card_is_enough)
{
	unsigned int n;

	if (!can_reload())
		SKIP(return, "DOJO_MODULE does not say where the module is");
	ASSERT_EQ(0, unload());
	EXPECT_EQ(0, load_with("vectors=1"));
	EXPECT_TRUE(nodes_are_back(self->nodes));
	EXPECT_EQ(1, vectors_of(self->pci));
	for (n = 0; n < self->nodes; n++)
		EXPECT_EQ(0, work_on(n));
	EXPECT_EQ(0, unload());
	EXPECT_EQ(0, load());
	EXPECT_TRUE(nodes_are_back(self->nodes));
	EXPECT_GT(vectors_of(self->pci), 1);
}

/* The last work of a file that was closed may hold the module for a moment. */
static int unload_patiently(void)
{
	unsigned int tries;
	int ret = 0;

	for (tries = 0; tries < 100; tries++) {
		ret = unload();
		if (ret != -EAGAIN)
			break;
		usleep(20000);
	}
	return ret;
}

TEST_F(module, a_fence_in_a_sync_file_may_outlive_it)
{
	struct dojo_client c;
	int sync_file;

	if (!can_reload())
		SKIP(return, "DOJO_MODULE does not say where the module is");
	ASSERT_EQ(0, dojo_client_open(&c, 0));
	dojo_fill(&c, c.batch.va + KIB(32), 4, 1);
	ASSERT_EQ(0, dojo_start(&c, c.dma, c.done));
	ASSERT_EQ(0, dojo_syncobj_wait(c.fd, c.done, dojo_patience()));
	sync_file = dojo_syncobj_export(c.fd, c.done);
	ASSERT_GE(sync_file, 0);
	dojo_client_close(&c);
	ASSERT_EQ(0, unload_patiently());
	EXPECT_EQ(1, dojo_sync_file_status(sync_file));
	ASSERT_EQ(0, load());
	EXPECT_TRUE(nodes_are_back(self->nodes));
	EXPECT_EQ(0, work_on(0));
	EXPECT_EQ(1, dojo_sync_file_status(sync_file));
	close(sync_file);
}

TEST_F_TIMEOUT(module, can_be_loaded_again_and_again, 600)
{
	unsigned long count = dojo_scaled(200, 3), i;

	if (!can_reload())
		SKIP(return, "DOJO_MODULE does not say where the module is");
	for (i = 0; i < count; i++) {
		EXPECT_EQ(0, work_on(i % self->nodes));
		ASSERT_EQ(0, unload());
		ASSERT_EQ(0, load());
		ASSERT_TRUE(nodes_are_back(self->nodes));
	}
}

/* -------------------------------------------------- the card is unbound */

/* A client with mapped buffers; the card goes away under it and comes back. */
FIXTURE(unbind) {
	unsigned int nodes;
	char pci[32];
	struct dojo_client c;
	struct dojo_buf hbm, host;
	char old_path[64];
	bool bound;
};

FIXTURE_SETUP(unbind)
{
	self->nodes = dojo_nodes();
	ASSERT_GT(self->nodes, 0);
	ASSERT_EQ(0, dojo_pci_name(0, self->pci, sizeof(self->pci)));
	snprintf(self->old_path, sizeof(self->old_path), "/dev/accel/accel%d", dojo_minor(0));
	ASSERT_EQ(0, dojo_client_open(&self->c, 0));
	ASSERT_EQ(0, dojo_buf_create(&self->c, &self->hbm, AREA, DRM_DOJO_DOMAIN_HBM,
				     DRM_DOJO_BO_CPU_ACCESS));
	ASSERT_EQ(0, dojo_buf_create(&self->c, &self->host, AREA, DRM_DOJO_DOMAIN_SYSTEM,
				     DRM_DOJO_BO_CPU_ACCESS));
	self->bound = true;
}

FIXTURE_TEARDOWN(unbind)
{
	EXPECT_EQ(0, self->bound ? 0 : driver_file("bind", self->pci));
	EXPECT_TRUE(nodes_are_back(self->nodes));
	dojo_client_close(&self->c);
	EXPECT_EQ(0, work_on(0));
}

static int unbind(const char *pci)
{
	return driver_file("unbind", pci);
}

TEST_F(unbind, the_node_is_gone)
{
	ASSERT_EQ(0, unbind(self->pci));
	self->bound = false;
	EXPECT_EQ(-1, open(self->old_path, O_RDWR));
	EXPECT_EQ(ENOENT, errno);
}

TEST_F(unbind, every_ioctl_on_an_open_file_says_the_device_is_gone)
{
	__u64 data[64] = { 0 };
	unsigned int nr;

	ASSERT_EQ(0, unbind(self->pci));
	self->bound = false;
	for (nr = 0; nr <= DRM_DOJO_QUEUE_GET_JOB; nr++)
		EXPECT_EQ(-ENODEV, dojo_ioctl(self->c.fd, _IOC(_IOC_READ | _IOC_WRITE, 'd',
							       DRM_COMMAND_BASE + nr, 64), data));
	EXPECT_EQ(-ENODEV, dojo_ioctl(self->c.fd, DRM_IOCTL_SYNCOBJ_CREATE, data));
	EXPECT_EQ(-ENODEV, dojo_ioctl(self->c.fd, DRM_IOCTL_GEM_CLOSE, data));
}

TEST_F(unbind, mappings_can_still_be_touched)
{
	memset(self->hbm.map, 1, AREA);
	memset(self->host.map, 1, AREA);
	ASSERT_EQ(0, unbind(self->pci));
	self->bound = false;
	/* no SIGBUS; what is read does not matter */
	memset(self->hbm.map, 2, AREA);
	memset(self->host.map, 2, AREA);
}

TEST_F(unbind, mappings_that_were_never_touched_can_be_touched_then)
{
	ASSERT_EQ(0, unbind(self->pci));
	self->bound = false;
	memset(self->hbm.map, 2, AREA);
	memset(self->host.map, 2, AREA);
}

TEST_F(unbind, fences_of_work_in_flight_say_the_device_is_gone)
{
	int sync_file;

	dojo_poke64(self->host.map, 0);
	dojo_sem_wait(&self->c, self->host.va, 1, DOJO_SEM_EQUAL);
	ASSERT_EQ(0, dojo_start(&self->c, self->c.dma, self->c.done));
	sync_file = dojo_syncobj_export(self->c.fd, self->c.done);
	ASSERT_GE(sync_file, 0);
	usleep(20000);
	ASSERT_EQ(0, unbind(self->pci));
	self->bound = false;
	EXPECT_EQ(-ENODEV, dojo_sync_file_status(sync_file));
}

/* What the DMA API still counted for the card would be in the kernel's log. */
TEST_F(unbind, memory_of_the_program_s_own_is_let_go)
{
	unsigned char *memory = mmap(NULL, AREA, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct drm_dojo_bind_op op = {
		.type = DRM_DOJO_BIND_USERPTR,
		.offset = (uintptr_t)memory,
		.va = dojo_hole(&self->c, AREA),
		.size = AREA,
	};

	ASSERT_NE(MAP_FAILED, (void *)memory);
	ASSERT_EQ(0, dojo_vm_bind(self->c.fd, self->c.vm, &op, 1, NULL));
	dojo_fill(&self->c, op.va, AREA, 0x42424242);
	ASSERT_EQ(0, dojo_run(&self->c, self->c.dma));
	ASSERT_EQ(0, unbind(self->pci));
	self->bound = false;
	EXPECT_EQ(-1, dojo_not_all(memory, AREA, 0x42));
	/* the kernel tells the driver that the pages go */
	ASSERT_EQ(0, madvise(memory, AREA, MADV_DONTNEED));
	EXPECT_EQ(-1, dojo_not_all(memory, AREA, 0));
	EXPECT_EQ(0, munmap(memory, AREA));
}

TEST_F(unbind, work_of_another_process_ends)
{
	int status;
	pid_t pid;

	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		/* waits without end, unless the driver ends it */
		dojo_poke64(self->host.map, 0);
		dojo_sem_wait(&self->c, self->host.va, 1, DOJO_SEM_EQUAL);
		dojo_run(&self->c, self->c.dma);
		_exit(0);
	}
	usleep(100000);
	ASSERT_EQ(0, unbind(self->pci));
	self->bound = false;
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_F(unbind, the_card_works_when_it_is_bound_again)
{
	unsigned int n;

	ASSERT_EQ(0, unbind(self->pci));
	self->bound = false;
	ASSERT_EQ(0, driver_file("bind", self->pci));
	self->bound = true;
	ASSERT_TRUE(nodes_are_back(self->nodes));
	for (n = 0; n < self->nodes; n++)
		EXPECT_EQ(0, work_on(n));
	/* the old file stays dead */
	EXPECT_EQ(-ENODEV, dojo_submit_one(self->c.fd, self->c.dma, 0, 0, 0));
}

TEST_F(unbind, the_card_works_after_removal_and_rescan)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/remove", self->pci);
	ASSERT_EQ(0, dojo_write_file(path, "1"));
	EXPECT_EQ(-ENODEV, dojo_submit_one(self->c.fd, self->c.dma, 0, 0, 0));
	ASSERT_EQ(0, dojo_write_file("/sys/bus/pci/rescan", "1"));
	ASSERT_TRUE(nodes_are_back(self->nodes));
	EXPECT_EQ(0, work_on(0));
}

TEST_F_TIMEOUT(unbind, again_and_again_beside_a_working_process, 600)
{
	unsigned long count = dojo_scaled(200, 3), i;
	int status;
	pid_t pid;

	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		for (;;)
			work_on(0);
	}
	for (i = 0; i < count; i++) {
		usleep(20000);
		ASSERT_EQ(0, unbind(self->pci));
		ASSERT_EQ(0, driver_file("bind", self->pci));
	}
	EXPECT_TRUE(nodes_are_back(self->nodes));
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
}

/* Counts the milliseconds that it slept on @cpu */
static pid_t count_on(int cpu, __u32 *count)
{
	cpu_set_t set;
	pid_t pid = fork();

	if (pid)
		return pid;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		_exit(1);
	for (;;) {
		usleep(1000);
		__atomic_fetch_add(count, 1, __ATOMIC_RELAXED);
	}
}

static bool counts(__u32 *count)
{
	__u32 before = __atomic_load_n(count, __ATOMIC_RELAXED);
	unsigned int tries;

	for (tries = 0; tries < dojo_patience() / 10; tries++) {
		if (__atomic_load_n(count, __ATOMIC_RELAXED) != before)
			return true;
		usleep(10000);
	}
	return false;
}

/* The machine's own promise: a memory map that changes costs no processor an access */
TEST_F(unbind, no_processor_is_disturbed_while_the_bars_come_and_go)
{
	unsigned long changes = dojo_scaled(400000, 2000), i;
	unsigned int cpu;
	char path[96];
	pid_t pid[2];
	__u16 command;
	__u32 *count;
	int fd;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "one processor cannot disturb another");
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", self->pci);
	fd = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_GE(fd, 0);
	count = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, count);
	ASSERT_EQ(0, unbind(self->pci));
	self->bound = false;
	for (cpu = 0; cpu < 2; cpu++)
		pid[cpu] = count_on(cpu, &count[cpu]);

	ASSERT_EQ(2, pread(fd, &command, 2, PCI_COMMAND));
	for (i = 0; i < changes; i++) {
		command ^= PCI_COMMAND_MEMORY;
		ASSERT_EQ(2, pwrite(fd, &command, 2, PCI_COMMAND));
		if (i % 200 == 0 && !(counts(&count[0]) && counts(&count[1])))
			break;
	}
	EXPECT_EQ(changes, i);
	for (cpu = 0; cpu < 2; cpu++) {
		EXPECT_TRUE(counts(&count[cpu]));
		kill(pid[cpu], SIGKILL);
		waitpid(pid[cpu], NULL, 0);
	}
	munmap(count, PAGE);
	close(fd);
}

/* ------------------------------------------- one tile's auxiliary device alone */

/**
 * struct tile_device - a tile's auxiliary device
 * @name: "dojo.tile.0"
 * @driver: folder of its driver
 */
struct tile_device {
	char name[64];
	char driver[1100];
};

static bool tile_device(unsigned int node, struct tile_device *tile)
{
	char path[128], real[1024];

	snprintf(path, sizeof(path), "/sys/class/accel/accel%d/device", dojo_minor(node));
	if (!realpath(path, real))
		return false;
	snprintf(tile->name, sizeof(tile->name), "%s", strrchr(real, '/') + 1);
	snprintf(path, sizeof(path), "/sys/class/accel/accel%d/device/driver", dojo_minor(node));
	if (!realpath(path, real))
		return false;
	snprintf(tile->driver, sizeof(tile->driver), "/sys/bus/auxiliary/drivers/%s",
		 strrchr(real, '/') + 1);
	return true;
}

static int tile_write(const struct tile_device *tile, const char *file)
{
	char path[1200];

	snprintf(path, sizeof(path), "%s/%s", tile->driver, file);
	return dojo_write_file(path, tile->name);
}

TEST_F(module, a_tile_alone_can_be_unbound)
{
	struct tile_device tile;
	int n;

	ASSERT_TRUE(tile_device(0, &tile));
	ASSERT_EQ(0, tile_write(&tile, "unbind"));
	EXPECT_EQ(self->nodes - 1, dojo_nodes());
	for (n = 0; n < (int)self->nodes - 1; n++)
		EXPECT_EQ(0, work_on(n));
	ASSERT_EQ(0, tile_write(&tile, "bind"));
	EXPECT_TRUE(nodes_are_back(self->nodes));
	EXPECT_EQ(0, work_on(0));
}

TEST_F(module, a_card_is_reset_without_a_tile_that_has_no_driver)
{
	struct tile_device tile;
	int n;

	ASSERT_TRUE(tile_device(0, &tile));
	ASSERT_EQ(0, tile_write(&tile, "unbind"));
	/* the other tile of the card is the first node now */
	EXPECT_EQ(0, dojo_write_reset(dojo_minor(0), "card"));
	for (n = 0; n < (int)self->nodes - 1; n++)
		EXPECT_EQ(0, work_on(n));
	ASSERT_EQ(0, tile_write(&tile, "bind"));
	EXPECT_TRUE(nodes_are_back(self->nodes));
	EXPECT_EQ(0, work_on(0));
}

/* ------------------------------------------- memory whose maker is taken away */

/* A buffer of node 0 in an address space of node @node, and the client's own page to see it by */
static int borrow(int fd, __u32 handle, struct dojo_client *c, unsigned int node,
		  struct dojo_buf *host, __u64 *va)
{
	struct drm_prime_handle prime = { .handle = handle, .flags = DRM_CLOEXEC };
	int ret;

	ret = dojo_client_open(c, node);
	if (!ret)
		ret = dojo_buf_create(c, host, AREA, DRM_DOJO_DOMAIN_SYSTEM,
				      DRM_DOJO_BO_CPU_ACCESS);
	if (!ret)
		ret = dojo_ioctl(fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime);
	if (!ret)
		ret = dojo_ioctl(c->fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime);
	if (ret)
		return ret;
	close(prime.fd);
	*va = dojo_hole(c, AREA);
	return dojo_vm_map(c->fd, c->vm, prime.handle, 0, *va, AREA);
}

/* Every other tile goes on, of this card and of others; what it borrowed reads zeros or faults. */
TEST_F(module, what_an_unbound_tile_has_lent_is_revoked)
{
	struct dojo_buf buf, host[8];
	struct dojo_client a, c[8];
	struct tile_device tile;
	__u64 va[8];
	int n, ret, others = self->nodes - 1;

	if (others < 1 || others > (int)ARRAY_SIZE(c))
		SKIP(return, "one tile only");
	ASSERT_TRUE(tile_device(0, &tile));
	ASSERT_EQ(0, dojo_client_open(&a, 0));
	ASSERT_EQ(0, dojo_buf_create(&a, &buf, AREA, DRM_DOJO_DOMAIN_HBM, DRM_DOJO_BO_CPU_ACCESS));
	memset(buf.map, 0x44, AREA);
	for (n = 0; n < others; n++) {
		ASSERT_EQ(0, borrow(a.fd, buf.handle, &c[n], n + 1, &host[n], &va[n]));
		dojo_copy(&c[n], host[n].va, va[n], AREA);
		ASSERT_EQ(0, dojo_run(&c[n], c[n].dma));
		ASSERT_EQ(-1, dojo_not_all(host[n].map, AREA, 0x44));
	}
	ASSERT_EQ(0, tile_write(&tile, "unbind"));
	for (n = 0; n < others; n++) {
		/* not the memory: that may be somebody else's by now */
		memset(host[n].map, 0, AREA);
		dojo_copy(&c[n], host[n].va, va[n], AREA);
		ret = dojo_run(&c[n], c[n].dma);
		EXPECT_EQ(-1, dojo_not_all(host[n].map, AREA, 0))
			TH_LOG("node %d", n);
		if (!ret)
			continue;
		TH_LOG("node %d: error %d", n, ret);
		ASSERT_EQ(0, dojo_client_new_queues(&c[n]));
	}
	ASSERT_EQ(0, tile_write(&tile, "bind"));
	EXPECT_TRUE(nodes_are_back(self->nodes));
	for (n = 0; n < others; n++) {
		/* without it the address space is as good as ever */
		ASSERT_EQ(0, dojo_vm_unmap(c[n].fd, c[n].vm, va[n], AREA));
		dojo_fill(&c[n], host[n].va, AREA, 0x55555555);
		EXPECT_EQ(0, dojo_run(&c[n], c[n].dma));
		dojo_client_close(&c[n]);
	}
	dojo_client_close(&a);
	EXPECT_EQ(0, work_on(0));
}

int main(int argc, char **argv)
{
	return dojo_test_main(argc, argv, NULL);
}
