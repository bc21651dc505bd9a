/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the selftests share: the ioctls as functions, a client with an address
 * space and two queues, batches of packets, waiting, and the kernel log.
 *
 * Everything talks to the kernel's own interface, so that the kernel is tested
 * and not a library. Functions return 0 (or a descriptor) or -errno, and leave
 * the verdict to the test that calls them.
 */
#ifndef DOJO_TEST_H
#define DOJO_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <drm.h>
#include <drm/dojo_accel.h>
#include <drm/dojo_packet.h>

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#endif
#ifndef BIT
#define BIT(n)		(1ull << (n))
#endif
#define KIB(n)		((__u64)(n) << 10)
#define MIB(n)		((__u64)(n) << 20)
#define GIB(n)		((__u64)(n) << 30)
#define PAGE		4096ull
#define HUGE_PAGE	MIB(2)
#define VA_END		BIT(48)

/* An id or handle that nobody has been given */
#define BAD_ID		0x7ffffff0u

/* ------------------------------------------------------------ devices */

/* One ioctl, repeated while a signal interrupts it; -EAGAIN is handed back */
int dojo_ioctl(int fd, unsigned long request, void *arg);

/* How many nodes the driver has, and the minor number of the n-th */
unsigned int dojo_nodes(void);
int dojo_minor(unsigned int n);
int dojo_open(unsigned int n);

/* The n-th node's parent on the PCI bus, "0000:00:04.0" */
int dojo_pci_name(unsigned int n, char *name, size_t size);

/* The node with the least HBM, or -1; @bytes: how much that is */
int dojo_smallest_node(__u64 *bytes);

int dojo_query(int fd, __u32 type, void *data, __u32 size);

/* ------------------------------------------------------------ objects */

int dojo_bo_create(int fd, __u64 size, __u32 domains, __u32 flags, __u32 *handle);
int dojo_bo_close(int fd, __u32 handle);
int dojo_bo_query(int fd, __u32 handle, struct drm_dojo_bo_query *query);
/* MAP_FAILED and errno as mmap() itself */
void *dojo_bo_map(int fd, __u32 handle, __u64 size);

int dojo_vm_create(int fd, __u32 *vm);
int dojo_vm_destroy(int fd, __u32 vm);
int dojo_vm_state(int fd, __u32 vm, struct drm_dojo_vm_get_state *state);
/* Synchronous; @failed may be NULL, else learns the index of the operation that failed */
int dojo_vm_bind(int fd, __u32 vm, const struct drm_dojo_bind_op *ops, __u32 count, __u32 *failed);
int dojo_vm_map(int fd, __u32 vm, __u32 handle, __u64 offset, __u64 va, __u64 size);
int dojo_vm_unmap(int fd, __u32 vm, __u64 va, __u64 size);

int dojo_queue_create(int fd, __u32 vm, __u32 class, __u32 *queue);
int dojo_queue_destroy(int fd, __u32 queue);
int dojo_queue_state(int fd, __u32 queue, struct drm_dojo_queue_get_state *state);
int dojo_queue_job(int fd, __u32 queue, __u64 seqno, struct drm_dojo_queue_get_job *job);

int dojo_submit(int fd, __u32 queue, __u32 flags, struct drm_dojo_job *jobs, __u32 count);
/* One job that signals the binary @syncobj, if not 0 */
int dojo_submit_one(int fd, __u32 queue, __u64 va, __u32 size, __u32 syncobj);

/* ----------------------------------------------------------- syncobjs */

int dojo_syncobj_create(int fd, __u32 *handle);
int dojo_syncobj_destroy(int fd, __u32 handle);
int dojo_syncobj_signal(int fd, __u32 handle);
int dojo_syncobj_reset(int fd, __u32 handle);
int dojo_timeline_signal(int fd, __u32 handle, __u64 point);
int dojo_timeline_query(int fd, __u32 handle, __u64 *point);
/* -ETIME if it is not signalled in time */
int dojo_syncobj_wait(int fd, __u32 handle, unsigned int ms);
int dojo_timeline_wait(int fd, __u32 handle, __u64 point, unsigned int ms);
/* 1 signalled, 0 not yet, or the fence's error */
int dojo_syncobj_status(int fd, __u32 handle);
/* A sync_file of the fence in a syncobj */
int dojo_syncobj_export(int fd, __u32 handle);
int dojo_sync_file_status(int sync_file);

/* How long a test waits for work that must end, ms */
unsigned int dojo_patience(void);

/* ------------------------------------------------------------- client */

/**
 * struct dojo_buf - a buffer that is bound in a client's address space
 * @map: the CPU's view, or NULL if it was made without CPU_ACCESS
 */
struct dojo_buf {
	__u32 handle;
	__u64 va;
	__u64 size;
	void *map;
};

/**
 * struct dojo_client - an open file with what a program needs
 * @dma, @compute: queues
 * @done: binary syncobj that dojo_run() waits for
 * @batch: where dojo_packet() puts packets, system memory
 * @used: bytes of @batch that hold packets
 * @next_va: where the next buffer is bound; an unmapped page or more lies
 *	between any two
 */
struct dojo_client {
	int fd;
	__u32 vm;
	__u32 dma;
	__u32 compute;
	__u32 done;
	struct dojo_buf batch;
	__u32 used;
	__u64 next_va;
};

#define DOJO_BATCH_BYTES	KIB(64)

int dojo_client_open(struct dojo_client *c, unsigned int node);
/* The same with a file that is open already, which dojo_client_close() closes */
int dojo_client_init(struct dojo_client *c, int fd);
void dojo_client_close(struct dojo_client *c);
/* A new pair of queues, after one has been stopped */
int dojo_client_new_queues(struct dojo_client *c);

int dojo_buf_create(struct dojo_client *c, struct dojo_buf *buf, __u64 size, __u32 domains,
		    __u32 flags);
void dojo_buf_destroy(struct dojo_client *c, struct dojo_buf *buf);

/* Address space that nothing is bound in, aligned to 2 MiB */
__u64 dojo_hole(struct dojo_client *c, __u64 size);

/* ------------------------------------------------------------- packets */

/* Appends a zeroed packet with its header to the client's batch */
void *dojo_packet(struct dojo_client *c, __u16 opcode, size_t bytes);
void dojo_copy(struct dojo_client *c, __u64 dst, __u64 src, __u64 size);
void dojo_fill(struct dojo_client *c, __u64 dst, __u64 size, __u32 pattern);
void dojo_sem_wait(struct dojo_client *c, __u64 va, __u64 value, __u32 condition);
void dojo_sem_signal(struct dojo_client *c, __u64 va, __u64 value, __u32 operation);
void dojo_timestamp(struct dojo_client *c, __u64 va);
struct dojo_packet_compute *dojo_compute(struct dojo_client *c, __u16 opcode,
					 unsigned int tensors);
/* A dense tensor of up to four extents, 1 where there are fewer */
struct dojo_tensor dojo_dense(__u64 va, __u8 format, __u32 d0, __u32 d1, __u32 d2, __u32 d3);

/*
 * Runs the batch gathered so far and forgets it. 0, or the error of the submission
 * or of the fence, or -ETIME.
 */
int dojo_run(struct dojo_client *c, __u32 queue);
/* Submits it without waiting, signals @syncobj; the batch's memory stays in use */
int dojo_start(struct dojo_client *c, __u32 queue, __u32 syncobj);

/* --------------------------------------------------------------- bytes */

/* Bytes that depend on @seed and on the place */
void dojo_pattern(void *p, size_t size, __u64 seed);
/* Offset of the first byte that differs from dojo_pattern(), or -1 */
ssize_t dojo_pattern_check(const void *p, size_t size, __u64 seed);
/* Offset of the first byte that is not @byte, or -1 */
ssize_t dojo_not_all(const void *p, size_t size, unsigned char byte);
/* One access each, in order with what the device does */
static inline void dojo_poke64(void *p, __u64 value)
{
	__atomic_store_n((__u64 *)p, value, __ATOMIC_SEQ_CST);
}

static inline __u64 dojo_peek64(const void *p)
{
	return __atomic_load_n((const __u64 *)p, __ATOMIC_SEQ_CST);
}

/* A small reproducible generator; @state is not 0 */
__u64 dojo_random(__u64 *state);

/* --------------------------------------------------------- environment */

/* @full times SCALE ("full" or a fraction; 0.02 if unset), at least @least */
unsigned long dojo_scaled(unsigned long full, unsigned long least);
__u64 dojo_now_ns(void);
/* Gives up root and its capabilities for good, to become that user or any */
int dojo_become(uid_t uid);
int dojo_drop_privileges(void);

/* The driver's, a file each */
#define DOJO_PARAMETERS	"/sys/module/dojo/parameters/"

int dojo_write_file(const char *path, const char *text);
/* What an administrator writes to have a tile or its card reset; 0 or -errno */
int dojo_write_reset(int minor, const char *what);
/* Reads at most @size - 1 bytes and ends them with NUL */
ssize_t dojo_read_file(const char *path, char *text, size_t size);
/* Value of the line "@key:\t" in the fdinfo of @fd */
int dojo_fdinfo(int fd, const char *key, char *value, size_t size);
/* Bytes of drm-@kind-@region in the fdinfo of @fd, or -1 */
long long dojo_fdinfo_bytes(int fd, const char *kind, const char *region);
/* A compressed disk in memory of @bytes to swap to, whose name is @disk; 0 or -1 */
int dojo_swap_begin(__u64 bytes, char *disk, size_t size);
void dojo_swap_end(const char *disk);

/* ---------------------------------------------------------- kernel log */

/*
 * Reads on from the present end of the kernel log, or from its beginning; without a
 * log, nothing is found
 */
void dojo_log_start(bool from_boot);
/*
 * Prints what a healthy kernel does not say since the last call, and returns how
 * many lines that were. Error-level lines of the driver that match @allow, an
 * extended regular expression or NULL, are expected.
 */
unsigned int dojo_log_check(const char *allow);

#endif
