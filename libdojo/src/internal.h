/* SPDX-License-Identifier: MIT */
/* What the library's files share. */
#ifndef _DOJO_INTERNAL_H_
#define _DOJO_INTERNAL_H_

#include <errno.h>
#include <pthread.h>

#include "dojo.h"

#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define ERROR_TEXT_MAX		256
#define __printf(f, a)		__attribute__((format(printf, f, a)))

struct dojo_ranges;

/**
 * struct dojo_device - an open tile
 * @fd: of its node
 * @abi: of its driver
 * @card, @tile, @limits: as they were when it was opened
 * @lock: guards the fields below
 * @bos: every buffer of this file: the kernel gives one handle to one buffer,
 *	however often it is imported, and closing it once closes it for all
 * @error_thread: whose failure @error_text is about
 * @error_text: "" if there was none
 */
struct dojo_device {
	int fd;
	unsigned int abi;
	struct drm_dojo_card_info card;
	struct drm_dojo_tile_info tile;
	struct drm_dojo_limits limits;
	pthread_mutex_t lock;
	struct dojo_bo *bos;
	pthread_t error_thread;
	char error_text[ERROR_TEXT_MAX];
};

/**
 * struct dojo_bo - a buffer
 * @dev: where
 * @handle: GEM handle
 * @size: bytes
 * @users: creations and imports not yet destroyed; guarded by the device's lock
 * @prev, @next: in the device's list, guarded by its lock
 * @lock: guards @memory
 * @memory: mapping or NULL
 */
struct dojo_bo {
	struct dojo_device *dev;
	uint32_t handle;
	uint64_t size;
	unsigned int users;
	struct dojo_bo *prev;
	struct dojo_bo *next;
	pthread_mutex_t lock;
	void *memory;
};

struct dojo_vm {
	struct dojo_device *dev;
	uint32_t id;
	struct dojo_ranges *space;
};

struct dojo_timeline {
	struct dojo_device *dev;
	uint32_t handle;
};

struct dojo_fence {
	struct dojo_device *dev;
	uint32_t handle;
};

struct dojo_queue {
	struct dojo_vm *vm;
	uint32_t id;
	uint32_t queue_class;
	uint8_t rect_x, rect_y, rect_w, rect_h;
};

/**
 * struct dojo_batch - packets under construction; one thread at a time
 * @vm: where it is bound
 * @bo: its memory, NULL if that is the caller's
 * @memory: mapping; perhaps write combining, so written in order and never read
 * @va: address
 * @capacity, @size: bytes
 * @packets: how many
 * @flags: of the packets to come
 * @error: the first, which sticks
 */
struct dojo_batch {
	struct dojo_vm *vm;
	struct dojo_bo *bo;
	unsigned char *memory;
	uint64_t va;
	size_t capacity;
	size_t size;
	uint32_t packets;
	uint32_t flags;
	int error;
};

/* error.c: keep the sentence, return @error (negative) */
__printf(3, 4)
int dojo_fail(struct dojo_device *dev, int error, const char *format, ...);

/* text.c: snprintf() piece by piece; @length is what there would be with room for all */
struct text {
	char *buffer;
	size_t size;
	size_t length;
};

void dojo_text_start(struct text *text, char *buffer, size_t size);
__printf(2, 3)
void dojo_text_add(struct text *text, const char *format, ...);

/* device.c: 0 or -errno of an ioctl; @request drmIoctl()'s */
int dojo_ioctl(struct dojo_device *dev, unsigned long request, void *argument);

/* clock.c: CLOCK_MONOTONIC that a timeout from now ends at, and the way back */
int64_t dojo_deadline(int64_t timeout_ns);
int64_t dojo_time_left(int64_t deadline);

/* list.c: below directories of the caller's choosing, for the tests */
int dojo_list_in(const char *class_dir, const char *node_dir, struct dojo_device_entry **list,
		 size_t *count);

/*
 * va.c: addresses of one half of an address space. A range is given out by
 * alloc, taken by the one who wants to end it, and then released or put back.
 */
struct dojo_range {
	uint64_t start;
	uint64_t size;		/* as asked for, in whole pages */
	uint64_t span;		/* with the hole after it */
	struct dojo_range *next;	/* va.c's */
};

int dojo_ranges_create(uint64_t start, uint64_t end, uint64_t page, struct dojo_ranges **space);
void dojo_ranges_destroy(struct dojo_ranges *space);
int dojo_range_alloc(struct dojo_ranges *space, uint64_t size, uint64_t align, uint64_t *start);
int dojo_range_take(struct dojo_ranges *space, uint64_t start, struct dojo_range **range);
void dojo_range_release(struct dojo_ranges *space, struct dojo_range *range);
void dojo_range_put_back(struct dojo_ranges *space, struct dojo_range *range);

/* layout.c: what a packet's operands are called */
const char *dojo_tensor_name(uint32_t opcode, uint32_t index);

/* batch.c: end the batch with @error (negative) and a reason; returns it */
__printf(3, 4)
int dojo_batch_fail(struct dojo_batch *batch, int error, const char *format, ...);

/* batch.c: append a packet, whose @header this fills in */
int dojo_batch_add(struct dojo_batch *batch, struct dojo_packet_header *header, uint32_t opcode,
		   size_t size);

#endif
