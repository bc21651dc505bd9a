// SPDX-License-Identifier: GPL-2.0-only
/* What all the others have left behind: nothing. Runs when no program has a node open. */
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "dojo_harness.h"

FIXTURE(leak) {
	unsigned int nodes;
};

FIXTURE_SETUP(leak)
{
	self->nodes = dojo_nodes();
	ASSERT_GT(self->nodes, 0);
}

FIXTURE_TEARDOWN(leak)
{
}

/* Reads @file of a node's debugfs folder. */
static ssize_t debugfs_read(unsigned int node, const char *file, char *text, size_t size)
{
	char path[64], real[PATH_MAX], full[PATH_MAX + 64];

	snprintf(path, sizeof(path), "/sys/class/accel/accel%d/device", dojo_minor(node));
	if (!realpath(path, real))
		return -1;
	snprintf(full, sizeof(full), "/sys/kernel/debug/accel/%s/%s", strrchr(real, '/') + 1, file);
	return dojo_read_file(full, text, size);
}

/* Bytes in use in one of TTM's managers, or -1 */
static long long in_use(unsigned int node, const char *manager)
{
	char text[8192], *line;

	if (debugfs_read(node, manager, text, sizeof(text)) <= 0)
		return -1;
	line = strstr(text, "usage: ");
	return line ? strtoll(line + strlen("usage: "), NULL, 10) : -1;
}

static bool all_free(unsigned int node)
{
	struct drm_dojo_memory_info memory;
	char text[4096];
	int fd, ret;

	if (in_use(node, "hbm") || in_use(node, "sram") || in_use(node, "system") ||
	    debugfs_read(node, "gpuvas", text, sizeof(text)))
		return false;
	/* and pages that TTM has in none of these */
	fd = dojo_open(node);
	if (fd < 0)
		return false;
	ret = dojo_query(fd, DRM_DOJO_QUERY_MEMORY, &memory, sizeof(memory));
	close(fd);
	return !ret && !memory.hbm_used && !memory.sram_used && !memory.system_used;
}

/* Files are closed at once, but what they had goes when the card is done with it. */
static bool becomes_free(unsigned int node)
{
	unsigned int ms;

	for (ms = 0; ms < dojo_patience(); ms += 10) {
		if (all_free(node))
			return true;
		usleep(10000);
	}
	return false;
}

static int use_everything(unsigned int node)
{
	static const __u32 domains[] = {
		DRM_DOJO_DOMAIN_HBM, DRM_DOJO_DOMAIN_SRAM, DRM_DOJO_DOMAIN_SYSTEM,
	};
	struct drm_dojo_bind_op op = { .size = PAGE };
	struct drm_prime_handle prime = { .flags = DRM_CLOEXEC };
	struct dojo_client c, peer;
	struct dojo_buf buf[3];
	int i, ret;

	ret = dojo_client_open(&c, node);
	if (!ret)
		ret = dojo_client_open(&peer, (node + 1) % dojo_nodes());
	for (i = 0; i < 3 && !ret; i++) {
		ret = dojo_buf_create(&c, &buf[i], MIB(3), domains[i], 0);
		dojo_fill(&c, buf[i].va, MIB(3), i);
	}
	if (!ret)
		ret = dojo_run(&c, c.dma);
	op.type = DRM_DOJO_BIND_NULL;
	op.va = dojo_hole(&c, PAGE);
	if (!ret)
		ret = dojo_vm_bind(c.fd, c.vm, &op, 1, NULL);
	op.type = DRM_DOJO_BIND_USERPTR;
	op.va = dojo_hole(&c, PAGE);
	op.offset = (uintptr_t)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				    -1, 0);
	if (!ret)
		ret = dojo_vm_bind(c.fd, c.vm, &op, 1, NULL);
	/* the last mapping is another tile's */
	prime.handle = buf[0].handle;
	if (!ret)
		ret = dojo_ioctl(c.fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime);
	if (!ret)
		ret = dojo_ioctl(peer.fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime);
	op.va = dojo_hole(&peer, MIB(3));
	if (!ret)
		ret = dojo_vm_map(peer.fd, peer.vm, prime.handle, 0, op.va, MIB(3));
	dojo_fill(&peer, op.va, MIB(3), 5);
	return ret ? ret : dojo_run(&peer, peer.dma);
}

TEST_F(leak, nothing_of_earlier_programs_is_left)
{
	char text[8192];
	unsigned int n;

	if (access("/sys/kernel/debug/accel", F_OK))
		SKIP(return, "no debugfs");
	for (n = 0; n < self->nodes; n++) {
		EXPECT_TRUE(becomes_free(n))
			TH_LOG("node %u: hbm %lld, sram %lld, system %lld", n, in_use(n, "hbm"),
			       in_use(n, "sram"), in_use(n, "system"));
		if (debugfs_read(n, "gpuvas", text, sizeof(text)) > 0)
			TH_LOG("%s", text);
	}
}

TEST_F(leak, a_process_that_ends_leaves_nothing)
{
	int status;
	unsigned int n;
	pid_t pid;

	if (access("/sys/kernel/debug/accel", F_OK))
		SKIP(return, "no debugfs");
	for (n = 0; n < self->nodes; n++) {
		pid = fork();
		ASSERT_GE(pid, 0);
		if (!pid)
			_exit(use_everything(n) ? 1 : 0);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(0, status);
	}
	for (n = 0; n < self->nodes; n++)
		EXPECT_TRUE(becomes_free(n));
}

TEST_F(leak, what_is_in_use_is_seen)
{
	struct dojo_client c;
	struct dojo_buf buf;
	char text[8192];

	if (access("/sys/kernel/debug/accel", F_OK))
		SKIP(return, "no debugfs");
	ASSERT_EQ(0, dojo_client_open(&c, 0));
	ASSERT_EQ(0, dojo_buf_create(&c, &buf, MIB(3), DRM_DOJO_DOMAIN_HBM, 0));
	EXPECT_GE(in_use(0, "hbm"), (long long)MIB(3));
	EXPECT_GT(in_use(0, "system"), 0);
	EXPECT_GT(debugfs_read(0, "gpuvas", text, sizeof(text)), 0);
	snprintf(text + 4096, 64, "0x%016llx", buf.va);
	text[4095] = 0;
	EXPECT_NE(NULL, strstr(text, text + 4096));
	dojo_client_close(&c);
}

int main(int argc, char **argv)
{
	return dojo_test_main(argc, argv, NULL);
}
