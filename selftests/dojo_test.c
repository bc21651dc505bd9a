// SPDX-License-Identifier: GPL-2.0-only
/* The ioctls, a client and its packets: see dojo_test.h */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <linux/sync_file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/swap.h>

#include "dojo_test.h"

#define MAX_NODES	64

/* ------------------------------------------------------------ devices */

int dojo_ioctl(int fd, unsigned long request, void *arg)
{
	int ret;

	do {
		ret = ioctl(fd, request, arg);
	} while (ret < 0 && errno == EINTR);
	return ret < 0 ? -errno : 0;
}

static bool is_ours(int fd)
{
	char name[16] = "";
	struct drm_version version = {
		.name = name,
		.name_len = sizeof(name) - 1,
	};

	return !dojo_ioctl(fd, DRM_IOCTL_VERSION, &version) && !strcmp(name, DOJO_ACCEL_NAME);
}

static int open_minor(int minor)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/accel/accel%d", minor);
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int compare_ints(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Minor numbers of our nodes, ascending */
static unsigned int list_minors(int minors[MAX_NODES])
{
	unsigned int n = 0, ours = 0, i;
	struct dirent *entry;
	DIR *dir;
	int fd;

	dir = opendir("/dev/accel");
	if (!dir)
		return 0;
	while (n < MAX_NODES && (entry = readdir(dir)))
		if (sscanf(entry->d_name, "accel%d", &minors[n]) == 1)
			n++;
	closedir(dir);
	qsort(minors, n, sizeof(*minors), compare_ints);

	for (i = 0; i < n; i++) {
		fd = open_minor(minors[i]);
		if (fd < 0)
			continue;
		if (is_ours(fd))
			minors[ours++] = minors[i];
		close(fd);
	}
	return ours;
}

unsigned int dojo_nodes(void)
{
	int minors[MAX_NODES];

	return list_minors(minors);
}

int dojo_minor(unsigned int n)
{
	int minors[MAX_NODES];

	return n < list_minors(minors) ? minors[n] : -ENODEV;
}

int dojo_open(unsigned int n)
{
	int minor = dojo_minor(n);

	return minor < 0 ? minor : open_minor(minor);
}

int dojo_pci_name(unsigned int n, char *name, size_t size)
{
	struct drm_dojo_card_info card;
	int fd, ret;

	fd = dojo_open(n);
	if (fd < 0)
		return fd;
	ret = dojo_query(fd, DRM_DOJO_QUERY_CARD, &card, sizeof(card));
	close(fd);
	if (!ret)
		snprintf(name, size, "%04x:%02x:%02x.%x", card.pci_domain, card.pci_bus,
			 card.pci_device, card.pci_function);
	return ret;
}

int dojo_query(int fd, __u32 type, void *data, __u32 size)
{
	struct drm_dojo_dev_query query = {
		.type = type,
		.size = size,
		.pointer = (uintptr_t)data,
	};

	return dojo_ioctl(fd, DRM_IOCTL_DOJO_DEV_QUERY, &query);
}

int dojo_smallest_node(__u64 *bytes)
{
	struct drm_dojo_tile_info tile;
	unsigned int n, nodes = dojo_nodes();
	int fd, ret, best = -1;

	*bytes = ~0ull;
	for (n = 0; n < nodes; n++) {
		fd = dojo_open(n);
		ret = dojo_query(fd, DRM_DOJO_QUERY_TILE, &tile, sizeof(tile));
		close(fd);
		if (!ret && tile.hbm_bytes < *bytes) {
			*bytes = tile.hbm_bytes;
			best = n;
		}
	}
	return best;
}

/* ------------------------------------------------------------ objects */

int dojo_bo_create(int fd, __u64 size, __u32 domains, __u32 flags, __u32 *handle)
{
	struct drm_dojo_bo_create create = {
		.size = size,
		.domains = domains,
		.flags = flags,
	};
	int ret;

	ret = dojo_ioctl(fd, DRM_IOCTL_DOJO_BO_CREATE, &create);
	*handle = ret ? 0 : create.handle;
	return ret;
}

int dojo_bo_close(int fd, __u32 handle)
{
	struct drm_gem_close args = { .handle = handle };

	return dojo_ioctl(fd, DRM_IOCTL_GEM_CLOSE, &args);
}

int dojo_bo_query(int fd, __u32 handle, struct drm_dojo_bo_query *query)
{
	memset(query, 0, sizeof(*query));
	query->handle = handle;
	return dojo_ioctl(fd, DRM_IOCTL_DOJO_BO_QUERY, query);
}

void *dojo_bo_map(int fd, __u32 handle, __u64 size)
{
	struct drm_dojo_bo_mmap_offset args = { .handle = handle };
	int ret;

	ret = dojo_ioctl(fd, DRM_IOCTL_DOJO_BO_MMAP_OFFSET, &args);
	if (ret) {
		errno = -ret;
		return MAP_FAILED;
	}
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, args.offset);
}

int dojo_vm_create(int fd, __u32 *vm)
{
	struct drm_dojo_vm_create create = { .flags = 0 };
	int ret;

	ret = dojo_ioctl(fd, DRM_IOCTL_DOJO_VM_CREATE, &create);
	*vm = ret ? 0 : create.vm_id;
	return ret;
}

int dojo_vm_destroy(int fd, __u32 vm)
{
	struct drm_dojo_vm_destroy args = { .vm_id = vm };

	return dojo_ioctl(fd, DRM_IOCTL_DOJO_VM_DESTROY, &args);
}

int dojo_vm_state(int fd, __u32 vm, struct drm_dojo_vm_get_state *state)
{
	memset(state, 0, sizeof(*state));
	state->vm_id = vm;
	return dojo_ioctl(fd, DRM_IOCTL_DOJO_VM_GET_STATE, state);
}

int dojo_vm_bind(int fd, __u32 vm, const struct drm_dojo_bind_op *ops, __u32 count, __u32 *failed)
{
	struct drm_dojo_vm_bind bind = {
		.vm_id = vm,
		.ops = {
			.stride = sizeof(*ops),
			.count = count,
			.array = (uintptr_t)ops,
		},
	};
	int ret;

	ret = dojo_ioctl(fd, DRM_IOCTL_DOJO_VM_BIND, &bind);
	if (failed)
		*failed = bind.ops.count;
	return ret;
}

int dojo_vm_map(int fd, __u32 vm, __u32 handle, __u64 offset, __u64 va, __u64 size)
{
	struct drm_dojo_bind_op op = {
		.type = DRM_DOJO_BIND_MAP,
		.handle = handle,
		.offset = offset,
		.va = va,
		.size = size,
	};

	return dojo_vm_bind(fd, vm, &op, 1, NULL);
}

int dojo_vm_unmap(int fd, __u32 vm, __u64 va, __u64 size)
{
	struct drm_dojo_bind_op op = {
		.type = DRM_DOJO_BIND_UNMAP,
		.va = va,
		.size = size,
	};

	return dojo_vm_bind(fd, vm, &op, 1, NULL);
}

int dojo_queue_create(int fd, __u32 vm, __u32 class, __u32 *queue)
{
	struct drm_dojo_queue_create create = {
		.vm_id = vm,
		.queue_class = class,
		.priority = DRM_DOJO_PRIORITY_NORMAL,
	};
	int ret;

	ret = dojo_ioctl(fd, DRM_IOCTL_DOJO_QUEUE_CREATE, &create);
	*queue = ret ? 0 : create.queue_id;
	return ret;
}

int dojo_queue_destroy(int fd, __u32 queue)
{
	struct drm_dojo_queue_destroy args = { .queue_id = queue };

	return dojo_ioctl(fd, DRM_IOCTL_DOJO_QUEUE_DESTROY, &args);
}

int dojo_queue_state(int fd, __u32 queue, struct drm_dojo_queue_get_state *state)
{
	memset(state, 0, sizeof(*state));
	state->queue_id = queue;
	return dojo_ioctl(fd, DRM_IOCTL_DOJO_QUEUE_GET_STATE, state);
}

int dojo_queue_job(int fd, __u32 queue, __u64 seqno, struct drm_dojo_queue_get_job *job)
{
	*job = (struct drm_dojo_queue_get_job){ .queue_id = queue, .seqno = seqno };
	return dojo_ioctl(fd, DRM_IOCTL_DOJO_QUEUE_GET_JOB, job);
}

int dojo_submit(int fd, __u32 queue, __u32 flags, struct drm_dojo_job *jobs, __u32 count)
{
	struct drm_dojo_queue_submit submit = {
		.queue_id = queue,
		.flags = flags,
		.jobs = {
			.stride = sizeof(*jobs),
			.count = count,
			.array = (uintptr_t)jobs,
		},
	};

	return dojo_ioctl(fd, DRM_IOCTL_DOJO_QUEUE_SUBMIT, &submit);
}

int dojo_submit_one(int fd, __u32 queue, __u64 va, __u32 size, __u32 syncobj)
{
	struct drm_dojo_sync_op signal = {
		.flags = DRM_DOJO_SYNC_OP_SIGNAL,
		.handle = syncobj,
	};
	struct drm_dojo_job job = {
		.batch_va = va,
		.batch_size = size,
		.syncs = {
			.stride = sizeof(signal),
			.count = syncobj ? 1 : 0,
			.array = syncobj ? (uintptr_t)&signal : 0,
		},
	};

	return dojo_submit(fd, queue, 0, &job, 1);
}

/* ----------------------------------------------------------- syncobjs */

int dojo_syncobj_create(int fd, __u32 *handle)
{
	struct drm_syncobj_create create = { .flags = 0 };
	int ret;

	ret = dojo_ioctl(fd, DRM_IOCTL_SYNCOBJ_CREATE, &create);
	*handle = ret ? 0 : create.handle;
	return ret;
}

int dojo_syncobj_destroy(int fd, __u32 handle)
{
	struct drm_syncobj_destroy args = { .handle = handle };

	return dojo_ioctl(fd, DRM_IOCTL_SYNCOBJ_DESTROY, &args);
}

static int syncobj_array(int fd, unsigned long request, __u32 handle)
{
	struct drm_syncobj_array args = {
		.handles = (uintptr_t)&handle,
		.count_handles = 1,
	};

	return dojo_ioctl(fd, request, &args);
}

int dojo_syncobj_signal(int fd, __u32 handle)
{
	return syncobj_array(fd, DRM_IOCTL_SYNCOBJ_SIGNAL, handle);
}

int dojo_syncobj_reset(int fd, __u32 handle)
{
	return syncobj_array(fd, DRM_IOCTL_SYNCOBJ_RESET, handle);
}

int dojo_timeline_signal(int fd, __u32 handle, __u64 point)
{
	struct drm_syncobj_timeline_array args = {
		.handles = (uintptr_t)&handle,
		.points = (uintptr_t)&point,
		.count_handles = 1,
	};

	return dojo_ioctl(fd, DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL, &args);
}

int dojo_timeline_query(int fd, __u32 handle, __u64 *point)
{
	struct drm_syncobj_timeline_array args = {
		.handles = (uintptr_t)&handle,
		.points = (uintptr_t)point,
		.count_handles = 1,
	};

	return dojo_ioctl(fd, DRM_IOCTL_SYNCOBJ_QUERY, &args);
}

static __s64 deadline(unsigned int ms)
{
	return dojo_now_ns() + ms * 1000000ull;
}

int dojo_syncobj_wait(int fd, __u32 handle, unsigned int ms)
{
	struct drm_syncobj_wait args = {
		.handles = (uintptr_t)&handle,
		.timeout_nsec = deadline(ms),
		.count_handles = 1,
		.flags = DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT,
	};

	return dojo_ioctl(fd, DRM_IOCTL_SYNCOBJ_WAIT, &args);
}

int dojo_timeline_wait(int fd, __u32 handle, __u64 point, unsigned int ms)
{
	struct drm_syncobj_timeline_wait args = {
		.handles = (uintptr_t)&handle,
		.points = (uintptr_t)&point,
		.timeout_nsec = deadline(ms),
		.count_handles = 1,
		.flags = DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT,
	};

	return dojo_ioctl(fd, DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, &args);
}

int dojo_syncobj_export(int fd, __u32 handle)
{
	struct drm_syncobj_handle args = {
		.handle = handle,
		.flags = DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE,
		.fd = -1,
	};
	int ret;

	ret = dojo_ioctl(fd, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &args);
	return ret ? ret : args.fd;
}

int dojo_sync_file_status(int sync_file)
{
	struct sync_file_info info = { .num_fences = 0 };
	int ret;

	ret = dojo_ioctl(sync_file, SYNC_IOC_FILE_INFO, &info);
	return ret ? ret : info.status;
}

int dojo_syncobj_status(int fd, __u32 handle)
{
	int sync_file = dojo_syncobj_export(fd, handle);
	int status;

	if (sync_file < 0)
		return sync_file;
	status = dojo_sync_file_status(sync_file);
	close(sync_file);
	return status;
}

unsigned int dojo_patience(void)
{
	const char *slow = getenv("DOJO_SLOW");
	int factor = slow ? atoi(slow) : 1;

	return 20000 * (factor > 1 ? factor : 1);
}

/* ------------------------------------------------------------- client */

#define FIRST_VA	MIB(16)

int dojo_client_new_queues(struct dojo_client *c)
{
	int ret;

	if (c->dma)
		dojo_queue_destroy(c->fd, c->dma);
	if (c->compute)
		dojo_queue_destroy(c->fd, c->compute);
	c->compute = 0;
	ret = dojo_queue_create(c->fd, c->vm, DRM_DOJO_QUEUE_DMA, &c->dma);
	if (ret)
		return ret;
	return dojo_queue_create(c->fd, c->vm, DRM_DOJO_QUEUE_COMPUTE, &c->compute);
}

int dojo_client_init(struct dojo_client *c, int fd)
{
	int ret;

	memset(c, 0, sizeof(*c));
	c->fd = fd;
	c->next_va = FIRST_VA;
	ret = dojo_vm_create(fd, &c->vm);
	if (!ret)
		ret = dojo_client_new_queues(c);
	if (!ret)
		ret = dojo_syncobj_create(fd, &c->done);
	if (!ret)
		ret = dojo_buf_create(c, &c->batch, DOJO_BATCH_BYTES, DRM_DOJO_DOMAIN_SYSTEM,
				      DRM_DOJO_BO_CPU_ACCESS);
	return ret;
}

int dojo_client_open(struct dojo_client *c, unsigned int node)
{
	int fd = dojo_open(node);
	int ret;

	if (fd < 0) {
		memset(c, 0, sizeof(*c));
		c->fd = -1;
		return fd;
	}
	ret = dojo_client_init(c, fd);
	if (ret)
		dojo_client_close(c);
	return ret;
}

void dojo_client_close(struct dojo_client *c)
{
	if (c->batch.map)
		munmap(c->batch.map, c->batch.size);
	if (c->fd >= 0)
		close(c->fd);
	memset(c, 0, sizeof(*c));
	c->fd = -1;
}

__u64 dojo_hole(struct dojo_client *c, __u64 size)
{
	__u64 va = (c->next_va + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);

	c->next_va = va + ((size + PAGE - 1) & ~(PAGE - 1)) + PAGE;
	return va;
}

int dojo_buf_create(struct dojo_client *c, struct dojo_buf *buf, __u64 size, __u32 domains,
		    __u32 flags)
{
	void *map;
	int ret;

	memset(buf, 0, sizeof(*buf));
	buf->size = (size + PAGE - 1) & ~(PAGE - 1);
	ret = dojo_bo_create(c->fd, buf->size, domains, flags, &buf->handle);
	if (ret)
		return ret;
	buf->va = dojo_hole(c, buf->size);
	ret = dojo_vm_map(c->fd, c->vm, buf->handle, 0, buf->va, buf->size);
	if (ret)
		return ret;
	if (flags & DRM_DOJO_BO_CPU_ACCESS) {
		map = dojo_bo_map(c->fd, buf->handle, buf->size);
		if (map == MAP_FAILED)
			return -errno;
		buf->map = map;
	}
	return 0;
}

void dojo_buf_destroy(struct dojo_client *c, struct dojo_buf *buf)
{
	if (buf->map)
		munmap(buf->map, buf->size);
	dojo_vm_unmap(c->fd, c->vm, buf->va, buf->size);
	dojo_bo_close(c->fd, buf->handle);
	memset(buf, 0, sizeof(*buf));
}

/* ------------------------------------------------------------- packets */

void *dojo_packet(struct dojo_client *c, __u16 opcode, size_t bytes)
{
	struct dojo_packet_header *header;

	if (c->used + bytes > c->batch.size)
		abort();
	header = (void *)((char *)c->batch.map + c->used);
	memset(header, 0, bytes);
	header->opcode = opcode;
	header->words = bytes / 8;
	c->used += bytes;
	return header;
}

void dojo_copy(struct dojo_client *c, __u64 dst, __u64 src, __u64 size)
{
	struct dojo_packet_copy *copy = dojo_packet(c, DOJO_OP_COPY, sizeof(*copy));

	copy->src = src;
	copy->dst = dst;
	copy->size = size;
}

void dojo_fill(struct dojo_client *c, __u64 dst, __u64 size, __u32 pattern)
{
	struct dojo_packet_fill *fill = dojo_packet(c, DOJO_OP_FILL, sizeof(*fill));

	fill->dst = dst;
	fill->size = size;
	fill->pattern = pattern;
}

void dojo_sem_wait(struct dojo_client *c, __u64 va, __u64 value, __u32 condition)
{
	struct dojo_packet_sem_wait *wait = dojo_packet(c, DOJO_OP_SEM_WAIT, sizeof(*wait));

	wait->va = va;
	wait->value = value;
	wait->condition = condition;
}

void dojo_sem_signal(struct dojo_client *c, __u64 va, __u64 value, __u32 operation)
{
	struct dojo_packet_sem_signal *signal = dojo_packet(c, DOJO_OP_SEM_SIGNAL,
							    sizeof(*signal));

	signal->va = va;
	signal->value = value;
	signal->operation = operation;
}

void dojo_timestamp(struct dojo_client *c, __u64 va)
{
	struct dojo_packet_timestamp *stamp = dojo_packet(c, DOJO_OP_TIMESTAMP, sizeof(*stamp));

	stamp->va = va;
}

struct dojo_packet_compute *dojo_compute(struct dojo_client *c, __u16 opcode,
					 unsigned int tensors)
{
	struct dojo_packet_compute *packet;

	packet = dojo_packet(c, opcode, sizeof(*packet) + tensors * sizeof(packet->tensor[0]));
	packet->tensors = tensors;
	return packet;
}

struct dojo_tensor dojo_dense(__u64 va, __u8 format, __u32 d0, __u32 d1, __u32 d2, __u32 d3)
{
	struct dojo_tensor t = {
		.va = va,
		.dim = { d0, d1, d2, d3 },
		.stride = { 1, d0, (__u64)d0 * d1, (__u64)d0 * d1 * d2 },
		.format = format,
	};

	return t;
}

int dojo_start(struct dojo_client *c, __u32 queue, __u32 syncobj)
{
	__u32 used = c->used;

	c->used = 0;
	return dojo_submit_one(c->fd, queue, c->batch.va, used, syncobj);
}

int dojo_run(struct dojo_client *c, __u32 queue)
{
	int ret;

	ret = dojo_start(c, queue, c->done);
	if (!ret)
		ret = dojo_syncobj_wait(c->fd, c->done, dojo_patience());
	if (!ret)
		ret = dojo_syncobj_status(c->fd, c->done);
	return ret == 1 ? 0 : ret;
}

/* --------------------------------------------------------------- bytes */

__u64 dojo_random(__u64 *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* The 8 bytes of a pattern at 8-byte word @i: cheap, and different for every seed and place */
static __u64 pattern_word(__u64 seed, __u64 i)
{
	__u64 x = (seed + 1) * 0x9e3779b97f4a7c15ull + i * 0xbf58476d1ce4e5b9ull;

	return x ^ x >> 29;
}

void dojo_pattern(void *p, size_t size, __u64 seed)
{
	size_t i;
	__u64 word;

	for (i = 0; i + 8 <= size; i += 8) {
		word = pattern_word(seed, i / 8);
		memcpy((char *)p + i, &word, 8);
	}
	if (i < size) {
		word = pattern_word(seed, i / 8);
		memcpy((char *)p + i, &word, size - i);
	}
}

ssize_t dojo_pattern_check(const void *p, size_t size, __u64 seed)
{
	size_t i, n, k;
	__u64 word;

	for (i = 0; i < size; i += n) {
		n = size - i < 8 ? size - i : 8;
		word = pattern_word(seed, i / 8);
		if (!memcmp((const char *)p + i, &word, n))
			continue;
		for (k = 0; ((const char *)p)[i + k] == ((char *)&word)[k]; k++)
			;
		return i + k;
	}
	return -1;
}

ssize_t dojo_not_all(const void *p, size_t size, unsigned char byte)
{
	const unsigned char *bytes = p;
	size_t i;

	for (i = 0; i < size; i++)
		if (bytes[i] != byte)
			return i;
	return -1;
}

/* --------------------------------------------------------- environment */

unsigned long dojo_scaled(unsigned long full, unsigned long least)
{
	const char *scale = getenv("SCALE");
	double part = 0.02;
	unsigned long n;

	if (scale && *scale)
		part = strcmp(scale, "full") ? atof(scale) : 1;
	n = full * part;
	return n > least ? n : least;
}

__u64 dojo_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

int dojo_become(uid_t uid)
{
	if (setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
		return -errno;
	return 0;
}

int dojo_drop_privileges(void)
{
	return dojo_become(65534);
}

int dojo_write_file(const char *path, const char *text)
{
	size_t len = strlen(text);
	ssize_t n;
	int fd, ret;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = write(fd, text, len);
	ret = n < 0 ? -errno : (size_t)n == len ? 0 : -EIO;
	close(fd);
	return ret;
}

int dojo_write_reset(int minor, const char *what)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/class/accel/accel%d/device/reset", minor);
	return dojo_write_file(path, what);
}

ssize_t dojo_read_file(const char *path, char *text, size_t size)
{
	size_t used = 0;
	ssize_t n = 0;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (used + 1 < size && (n = read(fd, text + used, size - 1 - used)) > 0)
		used += n;
	if (n < 0)
		n = -errno;
	close(fd);
	text[used] = 0;
	return n < 0 ? n : (ssize_t)used;
}

int dojo_fdinfo(int fd, const char *key, char *value, size_t size)
{
	char path[64], text[8192], *line, *next;
	size_t len = strlen(key);
	ssize_t ret;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	ret = dojo_read_file(path, text, sizeof(text));
	if (ret < 0)
		return ret;
	for (line = text; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		if (strncmp(line, key, len) || line[len] != ':')
			continue;
		line += len + 1;
		line += strspn(line, " \t");
		snprintf(value, size, "%s", line);
		return 0;
	}
	return -ENOENT;
}

long long dojo_fdinfo_bytes(int fd, const char *kind, const char *region)
{
	char key[64], value[64], *unit;
	long long n;

	snprintf(key, sizeof(key), "drm-%s-%s", kind, region);
	if (dojo_fdinfo(fd, key, value, sizeof(value)))
		return -1;
	n = strtoll(value, &unit, 10);
	if (!strcmp(unit, " KiB"))
		return n << 10;
	if (!strcmp(unit, " MiB"))
		return n << 20;
	return *unit ? -1 : n;
}

int dojo_swap_begin(__u64 bytes, char *disk, size_t size)
{
	char text[64], path[96], command[128];
	int id;

	if (access("/sys/class/zram-control", F_OK) && system("modprobe -q zram num_devices=0"))
		return -1;
	if (dojo_read_file("/sys/class/zram-control/hot_add", text, sizeof(text)) <= 0)
		return -1;
	id = atoi(text);
	snprintf(disk, size, "/dev/zram%d", id);
	snprintf(path, sizeof(path), "/sys/block/zram%d/disksize", id);
	snprintf(text, sizeof(text), "%llu", bytes);
	snprintf(command, sizeof(command), "mkswap %s >/dev/null", disk);
	if (dojo_write_file(path, text) || system(command) || swapon(disk, 0))
		return -1;
	return 0;
}

void dojo_swap_end(const char *disk)
{
	char text[16];

	swapoff(disk);
	snprintf(text, sizeof(text), "%d", atoi(disk + strlen("/dev/zram")));
	dojo_write_file("/sys/class/zram-control/hot_remove", text);
}
