/* SPDX-License-Identifier: MIT */
/*
 * A kernel side that exists only in this process: the C library's open(),
 * close(), faccessat() and ioctl() are replaced, so that libdojo, and libdrm
 * under it, talk to the code behind this header. It is as strict about
 * arguments as the ABI says, and runs batches in memory, one after another.
 *
 * Linked into a test program, or preloaded into any other.
 */
#ifndef FAKE_H
#define FAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <drm/dojo_accel.h>
#include <drm/dojo_packet.h>

#define FAKE_TILES_MAX	4

/**
 * struct fake - what a test may set and look at
 * @tiles: nodes accel0 .. of one card; set before fake_start()
 * @driver: what DRM_IOCTL_VERSION says, with @major and @minor
 * @card_size: bytes of struct drm_dojo_card_info that this kernel has
 * @collective: the card is a D2 and does collectives in one packet
 * @no_access: opening a node is -EACCES
 * @no_attributes: sysfs does not say which tile a node is
 * @stall: submitted jobs wait until fake_run()
 * @fail_request: the ioctl number that fails, with @fail_error, once @fail_after
 *	more of them have succeeded; once only
 * @calls: ioctls made, by number
 * @objects: buffers, address spaces, queues and syncobjs that exist
 * @mappings: bindings of all address spaces
 * @last_job: submitted last
 * @last_syncs: its operations, at most 8, as many as @last_job.syncs.count
 * @last_create: BO_CREATE arguments
 * @last_queue: QUEUE_CREATE arguments
 * @last_bind: of the last VM_BIND
 * @last_packet: that was run
 * @fault: what GET_STATE of every queue says, if its status is not 0
 */
struct fake {
	unsigned int tiles;
	const char *driver;
	int major;
	int minor;
	size_t card_size;
	bool collective;
	bool no_access;
	bool no_attributes;
	bool stall;
	unsigned int fail_request;
	int fail_error;
	unsigned int fail_after;
	unsigned int calls[256];
	unsigned int objects;
	unsigned int mappings;
	struct drm_dojo_job last_job;
	struct drm_dojo_sync_op last_syncs[8];
	struct drm_dojo_bo_create last_create;
	struct drm_dojo_queue_create last_queue;
	struct drm_dojo_bind_op last_bind;
	unsigned char last_packet[DOJO_PACKET_MAX];
	struct drm_dojo_queue_get_state fault;
};

extern struct fake fake;

/* A machine with @tiles tiles, everything else as after power on. */
void fake_start(unsigned int tiles);

/* Forget it; what was left open is counted in fake.objects before. */
void fake_stop(void);

/* Make the next ioctl @request (a DRM_IOCTL_*) after @after good ones fail. */
void fake_fail(unsigned long request, int error, unsigned int after);

/* How often a DRM_IOCTL_* was called. */
unsigned int fake_calls(unsigned long request);

/* Let stalled jobs run. */
void fake_run(void);

/* fake_packets.c: run a batch; translate gives NULL for what is not mapped */
struct fake_vm;
void *fake_translate(const struct fake_vm *vm, uint64_t va, uint64_t size, bool write);
uint32_t fake_run_batch(const struct fake_vm *vm, uint32_t queue_class, uint64_t va, uint32_t size,
			struct drm_dojo_queue_get_state *state);

#endif
