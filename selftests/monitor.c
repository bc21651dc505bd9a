// SPDX-License-Identifier: GPL-2.0-only
/* What the driver shows to monitors: sysfs, hwmon, debugfs, tracepoints */
#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dojo_harness.h"
#include "dojo_qmp.h"

#define AREA	MIB(1)

/*
 * @device: the tile's folder in sysfs, absolute
 * @tile: its last part
 * @c: a client of the tile, with
 * @buf: memory of its own
 */
FIXTURE(monitor) {
	char device[PATH_MAX];
	const char *tile;
	struct drm_dojo_card_info card;
	struct drm_dojo_tile_info info;
	struct dojo_client c;
	struct dojo_buf buf;
};

FIXTURE_SETUP(monitor)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/class/accel/accel%d/device", dojo_minor(0));
	ASSERT_NE(NULL, realpath(path, self->device));
	self->tile = strrchr(self->device, '/') + 1;
	ASSERT_EQ(0, dojo_client_open(&self->c, 0));
	ASSERT_EQ(0, dojo_query(self->c.fd, DRM_DOJO_QUERY_CARD, &self->card, sizeof(self->card)));
	ASSERT_EQ(0, dojo_query(self->c.fd, DRM_DOJO_QUERY_TILE, &self->info, sizeof(self->info)));
	ASSERT_EQ(0, dojo_buf_create(&self->c, &self->buf, AREA, DRM_DOJO_DOMAIN_HBM, 0));
}

FIXTURE_TEARDOWN(monitor)
{
	dojo_client_close(&self->c);
}

/* Text of @file below @folder, without the end of the line; "" if there is none */
static const char *text_of(const char *folder, const char *file)
{
	static char text[64];
	char path[PATH_MAX + 128];

	snprintf(path, sizeof(path), "%s/%s", folder, file);
	if (dojo_read_file(path, text, sizeof(text)) < 0)
		return "";
	text[strcspn(text, "\n")] = 0;
	return text;
}

/* A decimal number and nothing else, or -1 */
static long long number_of(const char *folder, const char *file)
{
	const char *text = text_of(folder, file);
	char *end;
	long long n = strtoll(text, &end, 10);

	return *text && !*end ? n : -1;
}

static int work(struct dojo_client *c, const struct dojo_buf *buf, __u32 queue)
{
	dojo_fill(c, buf->va, buf->size, 1);
	return dojo_run(c, queue);
}

/* ------------------------------------------------------------------ sysfs */

TEST_F(monitor, sysfs_says_what_the_card_is)
{
	char folder[PATH_MAX + 16], text[32];

	snprintf(folder, sizeof(folder), "%s/../dojo", self->device);
	EXPECT_STREQ((char *)self->card.serial, text_of(folder, "serial"));
	EXPECT_EQ((long long)self->card.generation, number_of(folder, "generation"));
	snprintf(text, sizeof(text), "%u.%u", self->card.interface_major,
		 self->card.interface_minor);
	EXPECT_STREQ(text, text_of(folder, "interface"));
	EXPECT_EQ((long long)self->card.tiles, number_of(folder, "tiles"));
	EXPECT_EQ((long long)self->card.hbm_bytes, number_of(folder, "hbm_bytes"));
}

TEST_F(monitor, sysfs_says_what_the_tile_is)
{
	char text[32];

	EXPECT_EQ((long long)self->info.index, number_of(self->device, "tile"));
	EXPECT_STREQ((char *)self->card.serial, text_of(self->device, "serial"));
	EXPECT_EQ((long long)self->card.generation, number_of(self->device, "generation"));
	snprintf(text, sizeof(text), "%ux%u", self->info.mesh_cols, self->info.mesh_rows);
	EXPECT_STREQ(text, text_of(self->device, "mesh"));
	EXPECT_STREQ("up", text_of(self->device, "state"));
}

TEST_F(monitor, sysfs_counts_queues)
{
	long long before = number_of(self->device, "queues");
	__u32 queue;

	EXPECT_GE(before, 2);
	ASSERT_EQ(0, dojo_queue_create(self->c.fd, self->c.vm, DRM_DOJO_QUEUE_DMA, &queue));
	EXPECT_EQ(before + 1, number_of(self->device, "queues"));
}

TEST_F(monitor, sysfs_counts_the_engines_time)
{
	long long mesh = number_of(self->device, "mesh_busy_ns");
	long long dma = number_of(self->device, "dma_busy_ns");

	ASSERT_GE(mesh, 0);
	ASSERT_GE(dma, 0);
	ASSERT_EQ(0, work(&self->c, &self->buf, self->c.dma));
	ASSERT_EQ(0, work(&self->c, &self->buf, self->c.compute));
	EXPECT_GT(number_of(self->device, "dma_busy_ns"), dma);
	EXPECT_GT(number_of(self->device, "mesh_busy_ns"), mesh);
}

TEST_F(monitor, sysfs_counts_faults)
{
	long long before = number_of(self->device, "queue_faults");

	ASSERT_GE(before, 0);
	dojo_fill(&self->c, dojo_hole(&self->c, PAGE), PAGE, 1);
	EXPECT_EQ(-EFAULT, dojo_run(&self->c, self->c.dma));
	EXPECT_EQ(before + 1, number_of(self->device, "queue_faults"));
}

TEST_F(monitor, sysfs_counts_what_crosses_the_bus)
{
	static const char * const files[] = { "mmio_reads", "mmio_writes", "interrupts" };
	char folder[PATH_MAX + 16];
	long long before[ARRAY_SIZE(files)];
	unsigned int i;

	snprintf(folder, sizeof(folder), "%s/../dojo", self->device);
	for (i = 0; i < ARRAY_SIZE(files); i++)
		before[i] = number_of(folder, files[i]);
	ASSERT_EQ(0, work(&self->c, &self->buf, self->c.dma));
	for (i = 0; i < ARRAY_SIZE(files); i++) {
		EXPECT_TRUE(before[i] >= 0 && number_of(folder, files[i]) > before[i])
			TH_LOG("%s", files[i]);
	}
}

TEST_F(monitor, sysfs_has_the_counters_of_trouble)
{
	static const char * const card[] = {
		"reset_count", "bad_accesses", "ecc_corrected", "ecc_uncorrected",
	};
	static const char * const tile[] = { "resets", "queue_hangs", "lost_interrupts" };
	char folder[PATH_MAX + 16];
	unsigned int i;

	snprintf(folder, sizeof(folder), "%s/../dojo", self->device);
	for (i = 0; i < ARRAY_SIZE(card); i++) {
		EXPECT_GE(number_of(folder, card[i]), 0)
			TH_LOG("%s", card[i]);
	}
	for (i = 0; i < ARRAY_SIZE(tile); i++) {
		EXPECT_GE(number_of(self->device, tile[i]), 0)
			TH_LOG("%s", tile[i]);
	}
}

/* ------------------------------------------------------------------ hwmon */

static bool find_hwmon(const char *device, char *folder, size_t size)
{
	char path[PATH_MAX + 16];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/../hwmon", device);
	dir = opendir(path);
	while (dir && !found && (entry = readdir(dir))) {
		found = !strncmp(entry->d_name, "hwmon", 5);
		if (found)
			snprintf(folder, size, "%s/%s", path, entry->d_name);
	}
	if (dir)
		closedir(dir);
	return found;
}

TEST_F(monitor, hwmon_has_the_card_s_sensors)
{
	char folder[PATH_MAX + 300];

	ASSERT_TRUE(find_hwmon(self->device, folder, sizeof(folder)));
	EXPECT_STREQ(DOJO_ACCEL_NAME, text_of(folder, "name"));
	EXPECT_STREQ("card", text_of(folder, "temp1_label"));
	EXPECT_STREQ("card", text_of(folder, "power1_label"));
	EXPECT_STREQ("card", text_of(folder, "energy1_label"));
	EXPECT_STREQ("mesh", text_of(folder, "freq1_label"));
	EXPECT_GT(number_of(folder, "temp1_input"), 0);
	EXPECT_GT(number_of(folder, "power1_input"), 1000000);
	/* 2 GHz, or half */
	EXPECT_GE(number_of(folder, "freq1_input"), 1000000000);
	EXPECT_LE(number_of(folder, "freq1_input"), 2000000000);
}

TEST_F(monitor, energy_only_grows)
{
	char folder[PATH_MAX + 300];
	long long before;

	ASSERT_TRUE(find_hwmon(self->device, folder, sizeof(folder)));
	before = number_of(folder, "energy1_input");
	ASSERT_GE(before, 0);
	ASSERT_EQ(0, work(&self->c, &self->buf, self->c.compute));
	EXPECT_GT(number_of(folder, "energy1_input"), before);
}

TEST_F(monitor, a_card_that_is_too_hot_is_throttled)
{
	char folder[PATH_MAX + 300], card[PATH_MAX + 16], path[64], usual[16];
	int qmp = dojo_qmp_open();
	long long before;

	if (qmp < 0)
		SKIP(return, "no way to the model of the card");
	ASSERT_EQ(0, dojo_qmp_card(qmp, (char *)self->card.serial, path, sizeof(path)));
	ASSERT_TRUE(find_hwmon(self->device, folder, sizeof(folder)));
	snprintf(card, sizeof(card), "%s/../dojo", self->device);
	before = number_of(folder, "temp1_input");
	EXPECT_STREQ("none", text_of(card, "throttle"));
	EXPECT_EQ(0, dojo_qmp_set(qmp, path, "temperature", "98000"));
	EXPECT_EQ(98000, number_of(folder, "temp1_input"));
	EXPECT_STREQ("thermal", text_of(card, "throttle"));
	EXPECT_EQ(1000000000, number_of(folder, "freq1_input"));
	EXPECT_EQ(0, work(&self->c, &self->buf, self->c.compute));
	snprintf(usual, sizeof(usual), "%lld", before);
	EXPECT_EQ(0, dojo_qmp_set(qmp, path, "temperature", usual));
	EXPECT_STREQ("none", text_of(card, "throttle"));
	EXPECT_EQ(2000000000, number_of(folder, "freq1_input"));
	close(qmp);
}

/* ---------------------------------------------------------------- debugfs */

/* Contents of a file in the tile's debugfs folder, which is not small; or NULL */
static const char *debugfs_of(const char *tile, const char *file)
{
	static char text[KIB(256)];
	char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/debug/accel/%s/%s", tile, file);
	return dojo_read_file(path, text, sizeof(text)) > 0 ? text : NULL;
}

static bool has_debugfs(void)
{
	return !access("/sys/kernel/debug/accel", F_OK);
}

/* The line of a text that @word is in, or NULL; it ends with the line */
static const char *line_with(const char *text, const char *word)
{
	static char line[256];
	const char *at = text ? strstr(text, word) : NULL;

	if (!at)
		return NULL;
	while (at > text && at[-1] != '\n')
		at--;
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n"), at);
	return line;
}

TEST_F(monitor, debugfs_lists_queues_with_their_owners)
{
	char word[64], comm[32] = "";
	const char *line;

	if (!has_debugfs())
		SKIP(return, "no debugfs");
	ASSERT_EQ(0, work(&self->c, &self->buf, self->c.compute));
	ASSERT_GT(dojo_read_file("/proc/self/comm", comm, sizeof(comm)), 0);
	comm[strcspn(comm, "\n")] = 0;
	snprintf(word, sizeof(word), "%d %s", getpid(), comm);
	line = line_with(debugfs_of(self->tile, "queues"), word);
	ASSERT_NE(NULL, line);
	EXPECT_NE(NULL, strstr(line, "active"));
}

TEST_F(monitor, debugfs_lists_a_queue_that_has_faulted)
{
	if (!has_debugfs())
		SKIP(return, "no debugfs");
	dojo_fill(&self->c, dojo_hole(&self->c, PAGE), PAGE, 1);
	EXPECT_EQ(-EFAULT, dojo_run(&self->c, self->c.dma));
	EXPECT_NE(NULL, line_with(debugfs_of(self->tile, "queues"), " faulted "));
}

/* A process of that user, with two queues, until somebody closes the other end of @gate */
static pid_t start_user(unsigned int uid, int gate[2], int ready[2])
{
	struct dojo_client c;
	char byte = 0;
	pid_t pid = fork();
	int fd;

	if (pid)
		return pid;
	close(gate[1]);
	fd = dojo_open(0);
	if (fd < 0 || dojo_become(uid) || dojo_client_init(&c, fd) ||
	    write(ready[1], &byte, 1) != 1)
		_exit(1);
	if (read(gate[0], &byte, 1))
		_exit(1);
	_exit(0);
}

TEST_F(monitor, debugfs_lists_what_a_user_holds)
{
	int gate[2], ready[2];
	unsigned int uid, queues, vms;
	const char *line;
	size_t ring;
	int fields;
	char byte;
	pid_t pid;

	if (!has_debugfs())
		SKIP(return, "no debugfs");
	ASSERT_EQ(0, pipe(gate));
	ASSERT_EQ(0, pipe(ready));
	pid = start_user(4321, gate, ready);
	ASSERT_GT(pid, 0);
	close(ready[1]);
	close(gate[0]);
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	line = line_with(debugfs_of(self->tile, "users"), " 4321 ");
	ASSERT_NE(NULL, line);
	fields = sscanf(line, "%u %u %zu %u", &uid, &queues, &ring, &vms);
	ASSERT_EQ(4, fields);
	EXPECT_EQ(4321, uid);
	EXPECT_EQ(2, queues);
	EXPECT_GT(ring, 0);
	EXPECT_EQ(1, vms);
	close(gate[1]);
}

TEST_F(monitor, debugfs_shows_event_rings_at_work)
{
	unsigned int ring;
	const char *line;
	unsigned long long interrupts, events, sum = 0;
	int irq, fields;

	if (!has_debugfs())
		SKIP(return, "no debugfs");
	ASSERT_EQ(0, work(&self->c, &self->buf, self->c.dma));
	line = debugfs_of(self->tile, "events");
	ASSERT_NE(NULL, line);
	while ((line = strchr(line, '\n')) && *++line) {
		fields = sscanf(line, "%u %d %llu %llu", &ring, &irq, &interrupts, &events);
		ASSERT_EQ(4, fields);
		sum += events;
	}
	EXPECT_GT(sum, 0);
}

TEST_F(monitor, debugfs_shows_registers)
{
	unsigned int offset, value;
	const char *text;
	int fields;

	if (!has_debugfs())
		SKIP(return, "no debugfs");
	text = debugfs_of(self->tile, "registers");
	ASSERT_NE(NULL, text);
	fields = sscanf(text, "%x: %x", &offset, &value);
	ASSERT_EQ(2, fields);
	EXPECT_EQ(0, offset);
	EXPECT_NE(NULL, strstr(text, "\n004: "));
}

TEST_F(monitor, debugfs_shows_memory_and_address_spaces)
{
	static const char * const files[] = { "hbm", "sram", "system", "gpuvas" };
	unsigned int i;

	if (!has_debugfs())
		SKIP(return, "no debugfs");
	for (i = 0; i < ARRAY_SIZE(files); i++) {
		EXPECT_NE(NULL, debugfs_of(self->tile, files[i]))
			TH_LOG("%s", files[i]);
	}
}

/* ------------------------------------------------------------ tracepoints */

#define TRACING		"/sys/kernel/tracing/"
#define INSTANCE	TRACING "instances/dojo-selftest"

static bool trace_begin(const char *event)
{
	char path[128];

	if (mkdir(INSTANCE, 0700))
		return false;
	snprintf(path, sizeof(path), INSTANCE "/events/%s/enable", event);
	return !dojo_write_file(path, "1");
}

/* Whether all of the words are in one line of what was traced */
static bool trace_end(const char *first, const char *second, const char *third)
{
	static char text[KIB(512)];
	bool found = false;
	char *line, *next;

	if (dojo_read_file(INSTANCE "/trace", text, sizeof(text)) > 0)
		for (line = text; line && !found; line = next) {
			next = strchr(line, '\n');
			if (next)
				*next++ = 0;
			found = strstr(line, first) && strstr(line, second) && strstr(line, third);
		}
	rmdir(INSTANCE);
	return found;
}

TEST_F(monitor, binds_can_be_traced)
{
	__u64 va = dojo_hole(&self->c, AREA);
	char dev[64], at[64];

	if (access(TRACING "events/dojo", F_OK))
		SKIP(return, "no tracing");
	ASSERT_TRUE(trace_begin("dojo/dojo_bind"));
	EXPECT_EQ(0, dojo_vm_map(self->c.fd, self->c.vm, self->buf.handle, 0, va, AREA));
	snprintf(dev, sizeof(dev), "dojo_bind: dev=%s ", self->tile);
	snprintf(at, sizeof(at), "op=0 va=0x%llx size=0x%llx", va, AREA);
	EXPECT_TRUE(trace_end(dev, at, ""));

	ASSERT_TRUE(trace_begin("dojo/dojo_bind"));
	EXPECT_EQ(0, dojo_vm_unmap(self->c.fd, self->c.vm, va, AREA));
	snprintf(at, sizeof(at), "op=1 va=0x%llx size=0x%llx", va, AREA);
	EXPECT_TRUE(trace_end(dev, at, ""));
}

TEST_F(monitor, fences_name_their_queues)
{
	if (access(TRACING "events/dojo", F_OK))
		SKIP(return, "no tracing");
	ASSERT_TRUE(trace_begin("dma_fence/dma_fence_init"));
	EXPECT_EQ(0, work(&self->c, &self->buf, self->c.compute));
	EXPECT_TRUE(trace_end("dma_fence_init: ", "driver=dojo ", "-compute-"));
}

TEST_F(monitor, fences_of_binds_say_so)
{
	struct drm_dojo_sync_op wait = { .handle = self->c.done };
	struct drm_dojo_bind_op op = {
		.type = DRM_DOJO_BIND_NULL,
		.va = dojo_hole(&self->c, AREA),
		.size = AREA,
	};
	struct drm_dojo_vm_bind bind = {
		.vm_id = self->c.vm,
		.flags = DRM_DOJO_VM_BIND_ASYNC,
		.ops = { .stride = sizeof(op), .count = 1, .array = (uintptr_t)&op },
		.syncs = { .stride = sizeof(wait), .count = 1, .array = (uintptr_t)&wait },
	};
	struct dojo_buf host;

	if (access(TRACING "events/dojo", F_OK))
		SKIP(return, "no tracing");
	ASSERT_EQ(0, dojo_buf_create(&self->c, &host, PAGE, DRM_DOJO_DOMAIN_SYSTEM,
				     DRM_DOJO_BO_CPU_ACCESS));
	dojo_poke64(host.map, 0);
	dojo_sem_wait(&self->c, host.va, 1, DOJO_SEM_EQUAL);
	ASSERT_EQ(0, dojo_start(&self->c, self->c.dma, self->c.done));
	ASSERT_TRUE(trace_begin("dma_fence/dma_fence_init"));
	/* what has nothing to wait for needs no fence */
	EXPECT_EQ(0, dojo_ioctl(self->c.fd, DRM_IOCTL_DOJO_VM_BIND, &bind));
	dojo_poke64(host.map, 1);
	EXPECT_EQ(0, dojo_vm_unmap(self->c.fd, self->c.vm, op.va, AREA));
	EXPECT_TRUE(trace_end("dma_fence_init: ", "driver=dojo ", "timeline=bind "));
}

/* A client with a buffer that fills most of a tile's HBM */
static int fill_tile(struct dojo_client *c, unsigned int node, __u64 size)
{
	struct dojo_buf buf;
	int ret;

	ret = dojo_client_open(c, node);
	if (!ret)
		ret = dojo_buf_create(c, &buf, size, DRM_DOJO_DOMAIN_HBM, 0);
	return ret ? ret : work(c, &buf, c->dma);
}

TEST_F(monitor, evictions_can_be_traced)
{
	struct dojo_client first, second;
	char size[32];
	__u64 bytes;
	int node = dojo_smallest_node(&bytes);

	if (access(TRACING "events/dojo", F_OK))
		SKIP(return, "no tracing");
	ASSERT_GE(node, 0);
	if (bytes > GIB(1))
		SKIP(return, "every tile has too much HBM");
	bytes = bytes / 10 * 6 & ~(MIB(2) - 1);
	ASSERT_EQ(0, fill_tile(&first, node, bytes));
	ASSERT_TRUE(trace_begin("dojo/dojo_evict"));
	EXPECT_EQ(0, fill_tile(&second, node, bytes));
	snprintf(size, sizeof(size), "size=0x%llx", bytes);
	EXPECT_TRUE(trace_end("dojo_evict: ", "from=1 to=4", size));
	dojo_client_close(&first);
	dojo_client_close(&second);
}

int main(int argc, char **argv)
{
	return dojo_test_main(argc, argv, NULL);
}
