// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resets of a tile and of a card, a dead link, and a card that is beyond help: what is lost
 * beside a bad job is told apart from what is guilty.
 */
#include <linux/netlink.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#include "hang.h"

static int pci_file(const char *pci, const char *file, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/%s/%s", pci, file);
	return dojo_write_file(path, text);
}

/* Unbind, function level reset, bind: what an administrator does with a wedged card */
static int rebind(const char *pci)
{
	char device[64];
	int ret;

	snprintf(device, sizeof(device), "devices/%s", pci);
	ret = pci_file("drivers/dojo", "unbind", pci);
	if (!ret)
		ret = pci_file(device, "reset", "1");
	if (!ret)
		ret = pci_file("drivers/dojo", "bind", pci);
	return ret;
}

static bool nodes_are_back(unsigned int nodes)
{
	int tries;

	for (tries = 0; tries < 100; tries++) {
		if (dojo_nodes() == nodes)
			return true;
		usleep(50000);
	}
	return false;
}

/* ------------------------------------------------------------- a whole tile */

TEST_F(hang, a_hang_that_a_queue_reset_does_not_cure_resets_the_tile)
{
	long resets = tile_number(self->minor, "resets");

	ASSERT_EQ(0, inject_hang(self->qmp, self->card, self->tile, "dma", "tile"));
	dojo_fill(&self->c, self->buf.va, AREA, 1);
	EXPECT_EQ(-ETIME, dojo_run(&self->c, self->c.dma));
	EXPECT_EQ(DRM_DOJO_QUEUE_TIMED_OUT, status_of(&self->c, self->c.dma));
	ASSERT_TRUE(becomes(self->minor, "up"));
	EXPECT_EQ(resets + 1, tile_number(self->minor, "resets"));
}

TEST_F(hang, a_tile_reset_keeps_hbm_and_idle_queues)
{
	ASSERT_EQ(0, inject_hang(self->qmp, self->card, self->tile, "compute", "tile"));
	dojo_fill(&self->c, self->buf.va, AREA, 1);
	EXPECT_EQ(-ETIME, dojo_run(&self->c, self->c.compute));
	EXPECT_EQ(0, bystander_reads(&self->other, &self->other_hbm, &self->other_host,
				     self->other.dma));
	EXPECT_EQ(0, bystander_reads(&self->other, &self->other_hbm, &self->other_host,
				     self->other.compute));
}

TEST_F(hang, running_jobs_of_others_are_replayed_or_innocent_after_a_tile_reset)
{
	int result;

	/* the bystander has begun a job and waits in it when the tile is reset */
	dojo_poke64(self->other_host.map, 0);
	dojo_sem_wait(&self->other, self->other_host.va, 1, DOJO_SEM_EQUAL);
	ASSERT_EQ(0, dojo_start(&self->other, self->other.compute, self->other.done));
	usleep(20000);
	ASSERT_EQ(0, inject_hang(self->qmp, self->card, self->tile, "dma", "tile"));
	dojo_fill(&self->c, self->buf.va, AREA, 1);
	EXPECT_EQ(-ETIME, dojo_run(&self->c, self->c.dma));
	dojo_poke64(self->other_host.map, 1);
	ASSERT_EQ(0, dojo_syncobj_wait(self->other.fd, self->other.done, dojo_patience()));
	result = dojo_syncobj_status(self->other.fd, self->other.done);
	EXPECT_TRUE(result == 1 || result == -ECANCELED);
	EXPECT_EQ(result == 1 ? DRM_DOJO_QUEUE_ACTIVE : DRM_DOJO_QUEUE_INNOCENT,
		  status_of(&self->other, self->other.compute));
}

/* A job whose turn had not come is done after the reset, and done once */
TEST_F(hang, a_job_that_had_not_begun_is_replayed_after_a_tile_reset)
{
	static const char * const level[] = { "queue", "tile" };
	const unsigned int timeout[] = { 10 * dojo_patience(), long_timeout() };
	struct drm_dojo_queue_get_state state;
	long resets = tile_number(self->minor, "resets");
	__u32 queue[2], done[2];
	int i;

	/* no DMA engine is left for the bystander */
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, dojo_syncobj_create(self->c.fd, &done[i]));
		ASSERT_EQ(0, queue_with_timeout(&self->c, DRM_DOJO_QUEUE_DMA, timeout[i],
						&queue[i]));
		ASSERT_EQ(0, inject_hang(self->qmp, self->card, self->tile, "dma", level[i]));
		ASSERT_TRUE(start_hung(&self->c, queue[i], self->buf.va, done[i]));
	}
	dojo_poke64(self->other_host.map, 0);
	dojo_sem_signal(&self->other, self->other_host.va, 1, DOJO_SEM_ADD);
	EXPECT_EQ(0, dojo_run(&self->other, self->other.dma));
	EXPECT_EQ(1, dojo_peek64(self->other_host.map));
	EXPECT_EQ(resets + 1, tile_number(self->minor, "resets"));
	ASSERT_EQ(0, dojo_queue_state(self->other.fd, self->other.dma, &state));
	EXPECT_EQ(DRM_DOJO_QUEUE_ACTIVE, state.status);
	EXPECT_EQ(1, state.resets);
	/* that which had begun is not, and is told from the guilty one */
	ASSERT_EQ(0, dojo_syncobj_wait(self->c.fd, done[0], dojo_patience()));
	EXPECT_EQ(-ECANCELED, dojo_syncobj_status(self->c.fd, done[0]));
	EXPECT_EQ(DRM_DOJO_QUEUE_INNOCENT, status_of(&self->c, queue[0]));
	EXPECT_EQ(-ETIME, dojo_syncobj_status(self->c.fd, done[1]));
	EXPECT_EQ(DRM_DOJO_QUEUE_TIMED_OUT, status_of(&self->c, queue[1]));
}

/* Binds and unbinds all the time */
struct binder {
	struct dojo_client *c;
	__u64 va;
	bool stop;
	unsigned int rounds;
	int error;
};

static void *bind_on_and_on(void *data)
{
	struct binder *b = data;
	const struct drm_dojo_bind_op bind = {
		.type = DRM_DOJO_BIND_NULL,
		.va = b->va,
		.size = MIB(2),
	};

	while (!b->error && !__atomic_load_n(&b->stop, __ATOMIC_RELAXED)) {
		b->error = dojo_vm_bind(b->c->fd, b->c->vm, &bind, 1, NULL);
		if (!b->error)
			b->error = dojo_vm_unmap(b->c->fd, b->c->vm, b->va, MIB(2));
		__atomic_add_fetch(&b->rounds, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

TEST_F(hang, binds_go_on_across_a_tile_reset)
{
	struct binder b = { .c = &self->other, .va = dojo_hole(&self->other, MIB(2)) };
	pthread_t thread;
	unsigned int before;
	int i;

	ASSERT_EQ(0, pthread_create(&thread, NULL, bind_on_and_on, &b));
	ASSERT_EQ(0, inject_hang(self->qmp, self->card, self->tile, "dma", "tile"));
	dojo_fill(&self->c, self->buf.va, AREA, 1);
	EXPECT_EQ(-ETIME, dojo_run(&self->c, self->c.dma));
	EXPECT_TRUE(becomes(self->minor, "up"));
	before = __atomic_load_n(&b.rounds, __ATOMIC_RELAXED);
	for (i = 0; i < 1000 && __atomic_load_n(&b.rounds, __ATOMIC_RELAXED) < before + 3; i++)
		usleep(20000);
	EXPECT_GE(b.rounds, before + 3);
	__atomic_store_n(&b.stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, b.error);
	EXPECT_EQ(0, bystander_reads(&self->other, &self->other_hbm, &self->other_host,
				     self->other.dma));
}

TEST_F(hang, a_tile_reset_does_not_touch_the_other_tile)
{
	struct dojo_client c;
	long resets;

	if (self->nodes < 2)
		SKIP(return, "one tile only");
	resets = tile_number(dojo_minor(1), "resets");
	ASSERT_EQ(0, dojo_client_open(&c, 1));
	dojo_poke64((char *)c.batch.map + KIB(32), 0);
	dojo_sem_wait(&c, c.batch.va + KIB(32), 1, DOJO_SEM_EQUAL);
	ASSERT_EQ(0, dojo_start(&c, c.dma, c.done));
	ASSERT_EQ(0, inject_hang(self->qmp, self->card, self->tile, "dma", "tile"));
	dojo_fill(&self->c, self->buf.va, AREA, 1);
	EXPECT_EQ(-ETIME, dojo_run(&self->c, self->c.dma));
	ASSERT_TRUE(becomes(self->minor, "up"));
	dojo_poke64((char *)c.batch.map + KIB(32), 1);
	ASSERT_EQ(0, dojo_syncobj_wait(c.fd, c.done, dojo_patience()));
	EXPECT_EQ(1, dojo_syncobj_status(c.fd, c.done));
	EXPECT_EQ(resets, tile_number(dojo_minor(1), "resets"));
	dojo_client_close(&c);
}

/* enough for its moves and clears on the slowest kernel */
#define KERNEL_TIMEOUT_MS	"3000"

TEST_F(hang, new_memory_is_zero_although_its_clear_hung)
{
	struct dojo_buf fresh;

	ASSERT_EQ(0, dojo_write_file(TIMEOUT, KERNEL_TIMEOUT_MS));
	/* the next job on a DMA engine is the kernel's own */
	ASSERT_EQ(0, inject_hang(self->qmp, self->card, self->tile, "dma", "queue"));
	ASSERT_EQ(0, dojo_buf_create(&self->other, &fresh, AREA, DRM_DOJO_DOMAIN_HBM, 0));
	memset(self->other_host.map, 0xff, AREA);
	dojo_copy(&self->other, self->other_host.va, fresh.va, AREA);
	if (!dojo_run(&self->other, self->other.compute))
		EXPECT_EQ(-1, dojo_not_all(self->other_host.map, AREA, 0));
	ASSERT_TRUE(becomes(self->minor, "up"));
}

TEST_F(hang, the_kernel_s_own_work_has_time_whatever_the_administrator_sets)
{
	long resets = tile_number(self->minor, "resets");
	struct dojo_buf fresh;
	int status;
	pid_t pid;

	ASSERT_EQ(0, dojo_write_file(TIMEOUT, "0"));
	/* the next look may be as far away as it was by the old setting: half a second */
	usleep(600000);
	/* its clear stands still for some time, and goes on */
	ASSERT_EQ(0, inject_hang(self->qmp, self->card, self->tile, "dma", "queue"));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		usleep(300000);
		_exit(set(self->qmp, self->card, "inject-hang", "\"\"") != 0);
	}
	EXPECT_EQ(0, dojo_buf_create(&self->other, &fresh, AREA, DRM_DOJO_DOMAIN_HBM, 0));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	dojo_copy(&self->other, self->other_host.va, fresh.va, AREA);
	EXPECT_EQ(0, dojo_run(&self->other, self->other.dma));
	EXPECT_EQ(-1, dojo_not_all(self->other_host.map, AREA, 0));
	EXPECT_EQ(resets, tile_number(self->minor, "resets"));
}

TEST_F(hang, root_can_reset_the_tile)
{
	long resets = tile_number(self->minor, "resets");

	ASSERT_EQ(0, dojo_write_reset(self->minor, "tile"));
	EXPECT_EQ(resets + 1, tile_number(self->minor, "resets"));
	EXPECT_EQ(0, bystander_reads(&self->other, &self->other_hbm, &self->other_host,
				     self->other.dma));
}

/* Two packets, of which one raises an arithmetic flag */
static int run_two_packets(struct dojo_client *c, struct dojo_buf *buf)
{
	struct dojo_packet_compute *max;

	/* the largest finite number, stored in a format that is too small for it */
	*(__u32 *)buf->map = 0x7f7fffff;
	max = dojo_compute(c, DOJO_OP_BINARY, 3);
	max->fn = DOJO_BINARY_MAX;
	max->tensor[0] = dojo_dense(buf->va, DOJO_FORMAT_FP32, 1, 1, 1, 1);
	max->tensor[1] = max->tensor[0];
	max->tensor[2] = dojo_dense(buf->va + 8, DOJO_FORMAT_FP16, 1, 1, 1, 1);
	dojo_copy(c, buf->va + AREA / 2, buf->va, AREA / 2);
	return dojo_run(c, c->compute);
}

TEST_F(hang, what_a_queue_has_done_is_counted_across_a_tile_reset)
{
	struct drm_dojo_queue_get_state before, after, twice;
	struct drm_dojo_queue_get_job job;

	ASSERT_EQ(0, run_two_packets(&self->c, &self->buf));
	ASSERT_EQ(0, dojo_queue_state(self->c.fd, self->c.compute, &before));
	EXPECT_EQ(2, before.packets);
	EXPECT_EQ(1, before.flags_overflow);
	EXPECT_GT(before.busy_ns, 0);
	EXPECT_GT(before.model_ps, 0);
	EXPECT_GT(before.bytes, AREA);
	EXPECT_GT(before.flop, 0);
	ASSERT_EQ(0, dojo_write_reset(self->minor, "tile"));

	ASSERT_EQ(0, dojo_queue_state(self->c.fd, self->c.compute, &after));
	EXPECT_EQ(1, after.resets);
	/* it may have been on its engine still */
	EXPECT_LE(before.busy_ns, after.busy_ns);
	EXPECT_EQ(before.model_ps, after.model_ps);
	EXPECT_EQ(before.packets, after.packets);
	EXPECT_EQ(before.bytes, after.bytes);
	EXPECT_EQ(before.flop, after.flop);
	EXPECT_EQ(before.flags_overflow, after.flags_overflow);

	ASSERT_EQ(0, run_two_packets(&self->c, &self->buf));
	ASSERT_EQ(0, dojo_queue_state(self->c.fd, self->c.compute, &twice));
	EXPECT_GT(twice.busy_ns, after.busy_ns);
	EXPECT_EQ(2 * before.packets, twice.packets);
	EXPECT_EQ(2 * before.bytes, twice.bytes);
	EXPECT_EQ(2 * before.flop, twice.flop);
	EXPECT_EQ(2, twice.flags_overflow);
	/* a job's own share is what it was */
	ASSERT_EQ(0, dojo_queue_job(self->c.fd, self->c.compute, 2, &job));
	EXPECT_EQ(2, job.packets);
	EXPECT_EQ(before.bytes, job.bytes);
	EXPECT_EQ(twice.model_ps - after.model_ps, job.model_ps);
	EXPECT_GT(job.busy_ns, 0);
	EXPECT_LE(job.busy_ns, twice.busy_ns - after.busy_ns);
}

TEST_F(hang, the_reset_file_takes_nothing_else)
{
	EXPECT_EQ(-EINVAL, dojo_write_reset(self->minor, "mesh"));
	ASSERT_EQ(0, dojo_drop_privileges());
	EXPECT_EQ(-EACCES, dojo_write_reset(self->minor, "tile"));
	/* the teardown needs root, and a process that is gone needs no teardown */
	_exit(0);
}

/* -------------------------------------------------------------- the card */

TEST_F(hang, a_hang_that_a_tile_reset_does_not_cure_resets_the_card)
{
	ASSERT_EQ(0, inject_hang(self->qmp, self->card, self->tile, "dma", "card"));
	dojo_fill(&self->c, self->buf.va, AREA, 1);
	EXPECT_EQ(-ETIME, dojo_run(&self->c, self->c.dma));
	ASSERT_TRUE(becomes(self->minor, "up"));
	EXPECT_EQ(0, fresh_client_works(0));
}

TEST_F(hang, a_card_reset_makes_the_address_spaces_of_others_unusable_and_innocent)
{
	struct drm_dojo_vm_get_state state;

	ASSERT_EQ(0, dojo_write_reset(self->minor, "card"));
	EXPECT_NE(0, bystander_reads(&self->other, &self->other_hbm, &self->other_host,
				     self->other.dma));
	EXPECT_EQ(DRM_DOJO_QUEUE_INNOCENT, status_of(&self->other, self->other.dma));
	ASSERT_EQ(0, dojo_vm_state(self->other.fd, self->other.vm, &state));
	EXPECT_EQ(DRM_DOJO_VM_UNUSABLE, state.state);
	EXPECT_EQ(0, fresh_client_works(0));
}

TEST_F(hang, a_function_level_reset_is_survived)
{
	char device[64];

	snprintf(device, sizeof(device), "devices/%s", self->pci);
	ASSERT_EQ(0, pci_file(device, "reset", "1"));
	ASSERT_TRUE(becomes(self->minor, "up"));
	EXPECT_EQ(0, fresh_client_works(0));
	EXPECT_NE(0, bystander_reads(&self->other, &self->other_hbm, &self->other_host,
				     self->other.dma));
}

/* ----------------------------------------------------------------- wedged */

static int uevent_socket(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	return fd;
}

static bool uevent_has(const char *text, const char *end, const char *variable)
{
	for (; text < end; text += strlen(text) + 1)
		if (!strcmp(text, variable))
			return true;
	return false;
}

/* Waits for an uevent of the accel device @name with the first variable: has it the others? */
static bool uevent_comes(int fd, const char *name, const char * const *variables, int count)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	char text[4096], path[64];
	ssize_t n, len;
	int i;

	snprintf(path, sizeof(path), "/%s", name);
	while (poll(&poll_fd, 1, dojo_patience()) == 1) {
		n = recv(fd, text, sizeof(text) - 1, 0);
		if (n <= 0)
			return false;
		text[n] = 0;
		/* "change@/devices/.../accel0" */
		len = strlen(text) - strlen(path);
		if (len < 0 || strcmp(text + len, path) ||
		    !uevent_has(text, text + n, variables[0]))
			continue;
		for (i = 1; i < count; i++)
			if (!uevent_has(text, text + n, variables[i]))
				return false;
		return true;
	}
	return false;
}

TEST_F(hang, a_card_that_no_reset_helps_is_wedged_and_says_so)
{
	char name[32], pid[32], task[64] = "TASK=";
	const char * const variables[] = {
		"WEDGED=rebind,bus-reset", pid, task, "ACTION=change", "SUBSYSTEM=accel",
	};
	int uevents = uevent_socket();

	ASSERT_GE(uevents, 0);
	snprintf(pid, sizeof(pid), "PID=%d", getpid());
	ASSERT_GT(dojo_read_file("/proc/self/comm", task + 5, sizeof(task) - 5), 0);
	task[strcspn(task, "\n")] = 0;
	ASSERT_EQ(0, inject_hang(self->qmp, self->card, self->tile, "dma", "flr"));
	dojo_fill(&self->c, self->buf.va, AREA, 1);
	EXPECT_EQ(-ETIME, dojo_run(&self->c, self->c.dma));
	snprintf(name, sizeof(name), "accel%d", self->minor);
	EXPECT_TRUE(uevent_comes(uevents, name, variables, ARRAY_SIZE(variables)));
	EXPECT_TRUE(becomes(self->minor, "wedged"));
	EXPECT_EQ(0, rebind(self->pci));
	EXPECT_TRUE(nodes_are_back(self->nodes));
}

TEST_F(hang, ioctls_on_a_wedged_tile_are_cancelled)
{
	struct drm_dojo_bo_create create = { .size = PAGE };
	struct drm_dojo_card_info card;

	ASSERT_EQ(0, inject_hang(self->qmp, self->card, self->tile, "dma", "flr"));
	dojo_fill(&self->c, self->buf.va, AREA, 1);
	EXPECT_EQ(-ETIME, dojo_run(&self->c, self->c.dma));
	EXPECT_TRUE(becomes(self->minor, "wedged"));
	EXPECT_EQ(-ECANCELED, dojo_submit_one(self->other.fd, self->other.dma, 0, 0, 0));
	EXPECT_EQ(-ECANCELED, dojo_ioctl(self->other.fd, DRM_IOCTL_DOJO_BO_CREATE, &create));
	/* what only looks still works */
	EXPECT_EQ(0, dojo_query(self->other.fd, DRM_DOJO_QUERY_CARD, &card, sizeof(card)));
	EXPECT_EQ(0, dojo_queue_destroy(self->other.fd, self->other.dma));
	memset(self->other_host.map, 1, AREA);
	EXPECT_EQ(0, rebind(self->pci));
	EXPECT_TRUE(nodes_are_back(self->nodes));
}

/* The card's resets have been made to fail: what becomes of it when a job of @c hangs */
static bool hang_wedges(struct dojo_client *c, __u64 va, int minor)
{
	dojo_fill(c, va, AREA, 1);
	return dojo_run(c, c->dma) == -ETIME && becomes(minor, "wedged");
}

TEST_F(hang, a_mapping_of_a_wedged_tile_shows_a_page_of_the_program_s_own)
{
	_Atomic __u32 *word, *untouched;
	static const char * const variables[] = { "WEDGED=rebind,bus-reset" };
	int uevents = uevent_socket();
	struct dojo_buf hbm;
	char name[16];

	ASSERT_GE(uevents, 0);
	snprintf(name, sizeof(name), "accel%d", self->minor);
	ASSERT_EQ(0, dojo_buf_create(&self->other, &hbm, AREA, DRM_DOJO_DOMAIN_HBM,
				     DRM_DOJO_BO_CPU_ACCESS));
	word = hbm.map;
	untouched = word + AREA / 2 / sizeof(*word);
	*word = 0x5a5a5a5a;
	ASSERT_EQ(0, inject_hang(self->qmp, self->card, self->tile, "dma", "flr"));
	ASSERT_TRUE(hang_wedges(&self->c, self->buf.va, self->minor));
	/* the mappings are taken away before the uevent is sent */
	ASSERT_TRUE(uevent_comes(uevents, name, variables, ARRAY_SIZE(variables)));
	EXPECT_EQ(0, *word);
	EXPECT_EQ(0, *untouched);
	*word = 7;
	EXPECT_EQ(7, *word);
	EXPECT_EQ(0, rebind(self->pci));
	EXPECT_TRUE(nodes_are_back(self->nodes));
	*word = 8;
	EXPECT_EQ(8, *word);
}

TEST_F(hang, root_can_bring_a_wedged_card_back)
{
	struct dojo_client again;
	struct dojo_buf hbm, host;
	_Atomic __u32 *word;
	__u64 va;

	ASSERT_EQ(0, dojo_buf_create(&self->other, &hbm, AREA, DRM_DOJO_DOMAIN_HBM,
				     DRM_DOJO_BO_CPU_ACCESS));
	word = hbm.map;
	ASSERT_EQ(0, inject_hang(self->qmp, self->card, self->tile, "dma", "flr"));
	ASSERT_TRUE(hang_wedges(&self->c, self->buf.va, self->minor));
	*word = 1;
	ASSERT_EQ(0, set(self->qmp, self->card, "inject-hang", "\"\""));
	ASSERT_EQ(0, dojo_write_reset(self->minor, "card"));
	ASSERT_TRUE(becomes(self->minor, "up"));

	/* and mappings lead to HBM again: a new address space of the same file sees it */
	*word = 0x600d600d;
	EXPECT_EQ(0x600d600d, *word);
	ASSERT_EQ(0, dojo_client_init(&again, dup(self->other.fd)));
	ASSERT_EQ(0, dojo_buf_create(&again, &host, PAGE, DRM_DOJO_DOMAIN_SYSTEM,
				     DRM_DOJO_BO_CPU_ACCESS));
	va = dojo_hole(&again, AREA);
	ASSERT_EQ(0, dojo_vm_map(again.fd, again.vm, hbm.handle, 0, va, AREA));
	dojo_copy(&again, host.va, va, PAGE);
	EXPECT_EQ(0, dojo_run(&again, again.dma));
	EXPECT_EQ(0x600d600d, *(__u32 *)host.map);
	dojo_client_close(&again);
}

/* -------------------------------------------------------------- bus errors */

/* An error that the card's port reports, as QEMU and PCI Express name it */
static int bus_error(int qmp, const char *card, const char *error)
{
	char text[128];

	snprintf(text, sizeof(text), "pcie_aer_inject_error %s %s", strrchr(card, '/') + 1, error);
	return dojo_qmp_monitor(qmp, text);
}

/* How many errors of a severity the PCI core has seen of the card, or -1 */
static long bus_errors(const char *pci, const char *severity)
{
	char path[128], text[2048];
	const char *total;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/aer_dev_%s", pci, severity);
	if (dojo_read_file(path, text, sizeof(text)) <= 0)
		return -1;
	total = strstr(text, "TOTAL_ERR_");
	return total ? strtol(total + strcspn(total, " "), NULL, 10) : -1;
}

static bool bus_error_comes(const char *pci, const char *severity, long before)
{
	unsigned int tries;

	for (tries = 0; tries < dojo_patience() / 20; tries++) {
		if (bus_errors(pci, severity) > before)
			return true;
		usleep(20000);
	}
	return false;
}

TEST_F(hang, a_bus_error_that_is_not_fatal_costs_nothing)
{
	long before = bus_errors(self->pci, "nonfatal");
	long resets = tile_number(self->minor, "resets");

	if (before < 0)
		SKIP(return, "the kernel does not look at bus errors");
	ASSERT_EQ(0, bus_error(self->qmp, self->card, "COMP_TIME"));
	ASSERT_TRUE(bus_error_comes(self->pci, "nonfatal", before));
	EXPECT_TRUE(becomes(self->minor, "up"));
	EXPECT_EQ(0, bystander_reads(&self->other, &self->other_hbm, &self->other_host,
				     self->other.dma));
	EXPECT_EQ(resets, tile_number(self->minor, "resets"));
}

TEST_F(hang, a_fatal_bus_error_costs_a_reset_of_the_card)
{
	long resets = tile_number(self->minor, "resets");
	unsigned int tries;

	if (bus_errors(self->pci, "fatal") < 0)
		SKIP(return, "the kernel does not look at bus errors");
	ASSERT_EQ(0, bus_error(self->qmp, self->card, "MALF_TLP"));
	for (tries = 0; tries < dojo_patience() / 20; tries++) {
		if (tile_number(self->minor, "resets") > resets)
			break;
		usleep(20000);
	}
	ASSERT_TRUE(becomes(self->minor, "up"));
	EXPECT_GT(tile_number(self->minor, "resets"), resets);
	EXPECT_NE(0, bystander_reads(&self->other, &self->other_hbm, &self->other_host,
				     self->other.dma));
	EXPECT_EQ(DRM_DOJO_QUEUE_INNOCENT, status_of(&self->other, self->other.dma));
	EXPECT_EQ(0, fresh_client_works(0));
}

/* The PCI core waits for it for a minute, and says nothing to the driver meanwhile. */
TEST_F_TIMEOUT(hang, a_card_that_stays_away_after_a_bus_error_is_wedged_until_it_is_back, 180)
{
	unsigned int tries;

	if (bus_errors(self->pci, "fatal") < 0)
		SKIP(return, "the kernel does not look at bus errors");
	ASSERT_EQ(0, dojo_write_file(PCI_RECOVERY, "300"));
	dojo_poke64(self->buf.map, 0);
	dojo_sem_wait(&self->other, self->other_hbm.va, 1, DOJO_SEM_EQUAL);
	ASSERT_EQ(0, dojo_start(&self->other, self->other.dma, self->other.done));
	ASSERT_EQ(0, set(self->qmp, self->card, "dead", "true"));
	ASSERT_EQ(0, bus_error(self->qmp, self->card, "MALF_TLP"));
	EXPECT_TRUE(becomes(self->minor, "wedged"));
	EXPECT_EQ(0, dojo_syncobj_wait(self->other.fd, self->other.done, dojo_patience()));
	EXPECT_LT(dojo_syncobj_status(self->other.fd, self->other.done), 0);
	ASSERT_EQ(0, set(self->qmp, self->card, "dead", "false"));
	ASSERT_EQ(0, dojo_write_file(PCI_RECOVERY, self->pci_recovery_ms));
	/* each of its looks comes after twice the time of the last */
	for (tries = 0; tries < 20 && !becomes(self->minor, "up"); tries++)
		;
	EXPECT_TRUE(tile_is(self->minor, "up"));
	EXPECT_EQ(0, fresh_client_works(0));
}

/* --------------------------------------------------------------- dead link */

TEST_F(hang, a_dead_link_ends_everything_and_hangs_nothing)
{
	int status;

	dojo_poke64(self->buf.map, 0);
	dojo_sem_wait(&self->c, self->buf.va, 1, DOJO_SEM_EQUAL);
	ASSERT_EQ(0, dojo_start(&self->c, self->c.dma, self->c.done));
	ASSERT_EQ(0, set(self->qmp, self->card, "dead", "true"));
	EXPECT_EQ(0, dojo_syncobj_wait(self->c.fd, self->c.done, dojo_patience()));
	status = dojo_syncobj_status(self->c.fd, self->c.done);
	EXPECT_TRUE(status == -ENODEV || status == -ECANCELED || status == -ETIME);
	ASSERT_EQ(0, set(self->qmp, self->card, "dead", "false"));
	EXPECT_EQ(0, rebind(self->pci));
	EXPECT_TRUE(nodes_are_back(self->nodes));
}

TEST_F(hang, the_driver_can_be_unbound_from_a_dead_card)
{
	ASSERT_EQ(0, set(self->qmp, self->card, "dead", "true"));
	EXPECT_EQ(0, pci_file("drivers/dojo", "unbind", self->pci));
	EXPECT_NE(0, pci_file("drivers/dojo", "bind", self->pci));
	ASSERT_EQ(0, set(self->qmp, self->card, "dead", "false"));
	EXPECT_EQ(0, pci_file("drivers/dojo", "bind", self->pci));
	EXPECT_TRUE(nodes_are_back(self->nodes));
}

/* --------------------------------------------------------------- eviction */

/* A client whose buffers fill three quarters of the HBM, each with a pattern of its own */
static int fill_hbm(struct dojo_client *c, struct dojo_buf *host, struct dojo_buf bufs[8],
		    unsigned int node, __u64 bytes, __u64 seed)
{
	int i, ret;

	ret = dojo_client_open(c, node);
	if (!ret)
		ret = dojo_buf_create(c, host, AREA, DRM_DOJO_DOMAIN_SYSTEM,
				      DRM_DOJO_BO_CPU_ACCESS);
	for (i = 0; i < 8 && !ret; i++) {
		ret = dojo_buf_create(c, &bufs[i], bytes / 32 * 3, DRM_DOJO_DOMAIN_HBM, 0);
		if (ret)
			break;
		dojo_pattern(host->map, AREA, seed + i);
		dojo_copy(c, bufs[i].va + bufs[i].size - AREA, host->va, AREA);
		ret = dojo_run(c, c->dma);
	}
	return ret;
}

static int check_hbm(struct dojo_client *c, struct dojo_buf *host, struct dojo_buf bufs[8],
		     __u64 seed)
{
	int i, ret;

	for (i = 0; i < 8; i++) {
		dojo_copy(c, host->va, bufs[i].va + bufs[i].size - AREA, AREA);
		ret = dojo_run(c, c->compute);
		if (ret)
			return ret;
		if (dojo_pattern_check(host->map, AREA, seed + i) != -1)
			return -EILSEQ;
	}
	return 0;
}

TEST_F(hang, a_hang_during_an_eviction_loses_nothing)
{
	struct dojo_buf host[2], bufs[2][8];
	struct drm_dojo_tile_info tile;
	struct drm_dojo_card_info card;
	struct dojo_client c[2];
	char path[64];
	__u64 bytes;
	long resets;
	int node = small_node(&bytes), i;

	if (node < 0)
		SKIP(return, "every tile has too much HBM");
	/* the second one's buffers push the first one's out */
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, fill_hbm(&c[i], &host[i], bufs[i], node, bytes, 100 * i));
	ASSERT_EQ(0, dojo_query(c[0].fd, DRM_DOJO_QUERY_CARD, &card, sizeof(card)));
	ASSERT_EQ(0, dojo_query(c[0].fd, DRM_DOJO_QUERY_TILE, &tile, sizeof(tile)));
	ASSERT_EQ(0, dojo_qmp_card(self->qmp, (char *)card.serial, path, sizeof(path)));
	resets = tile_number(dojo_minor(node), "resets");
	ASSERT_EQ(0, dojo_write_file(TIMEOUT, KERNEL_TIMEOUT_MS));
	/* what runs next on a DMA engine is the kernel's own: moves to and fro */
	ASSERT_EQ(0, inject_hang(self->qmp, path, tile.index, "dma", "queue"));
	EXPECT_EQ(0, check_hbm(&c[0], &host[0], bufs[0], 0));
	EXPECT_EQ(resets + 1, tile_number(dojo_minor(node), "resets"));
	EXPECT_EQ(0, check_hbm(&c[1], &host[1], bufs[1], 100));
	for (i = 0; i < 2; i++)
		dojo_client_close(&c[i]);
}

/*
 * Moving it away fails, and again after the tile's reset: the card is reset, and the HBM's
 * contents with it.
 */
TEST_F(hang, memory_that_cannot_be_moved_costs_a_reset_of_the_card)
{
	struct drm_dojo_card_info before, after;
	struct dojo_client a, b;
	struct dojo_buf buf;
	char path[64];
	__u64 bytes;
	int node = small_node(&bytes);

	if (node < 0)
		SKIP(return, "every tile has too much HBM");
	ASSERT_EQ(0, dojo_client_open(&b, node));
	ASSERT_EQ(0, dojo_query(b.fd, DRM_DOJO_QUERY_CARD, &before, sizeof(before)));
	ASSERT_EQ(0, dojo_qmp_card(self->qmp, (char *)before.serial, path, sizeof(path)));
	poison_hbm(_metadata, self->qmp, node, bytes, &a, &buf, "uncorrected");
	/* whether or not it gets the memory */
	if (!dojo_buf_create(&b, &buf, bytes / 4 * 3, DRM_DOJO_DOMAIN_HBM, 0)) {
		dojo_fill(&b, buf.va, PAGE, 1);
		dojo_run(&b, b.dma);
	}
	EXPECT_EQ(0, set(self->qmp, path, "inject-ecc", "\"\""));
	ASSERT_TRUE(becomes(dojo_minor(node), "up"));
	ASSERT_EQ(0, dojo_query(a.fd, DRM_DOJO_QUERY_CARD, &after, sizeof(after)));
	EXPECT_GT(after.reset_count, before.reset_count);
	dojo_client_close(&a);
	dojo_client_close(&b);
	EXPECT_EQ(0, fresh_client_works(node));
}

int main(int argc, char **argv)
{
	return dojo_test_main(argc, argv,
			      "wedged: |no Dojo card|power state|Bus Error|error status|\\[[ 0-9]+\\] [A-Z]");
}
