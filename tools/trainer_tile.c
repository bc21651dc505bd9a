// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "trainer_tile.h"

#define STAGING_BYTES	(1u << 20)
#define ALIGN		4096

/* ------------------------------------------------------------- uploads */

/* pixels become signed; labels are bytes that the tile wants as INT32 */
static void stage_pixels(void *to, const uint8_t *from, size_t bytes)
{
	uint64_t word;

	for (size_t i = 0; i + 8 <= bytes; i += 8) {
		memcpy(&word, from + i, 8);
		word ^= UINT64_C(0x8080808080808080);
		memcpy((uint8_t *)to + i, &word, 8);
	}
	for (size_t i = bytes / 8 * 8; i < bytes; i++)
		((uint8_t *)to)[i] = from[i] ^ 0x80;
}

static void stage_labels(void *to, const uint8_t *from, size_t bytes)
{
	int32_t *out = to;

	for (size_t i = 0; i < bytes / 4; i++)
		out[i] = from[i];
}

/* The host fills one half of the staging buffer while the tile copies the other. */
static int upload(struct trainer_tile *tile, const struct buffer *staging, uint64_t to,
		  const uint8_t *from, size_t bytes, size_t grain,
		  void (*stage)(void *to, const uint8_t *from, size_t bytes))
{
	struct dojo_batch *batches[2] = { 0 };
	size_t half = staging->size / 2, done = 0;
	int err = 0;

	for (unsigned int i = 0; i < 2 && !err; i++)
		err = dojo_batch_create(tile->vm, ALIGN, 0, &batches[i]);
	for (unsigned int turn = 0; !err && done < bytes; turn ^= 1) {
		size_t part = bytes - done < half ? bytes - done : half;
		struct drm_dojo_sync_op signal;

		if (tile->point) {
			err = dojo_timeline_wait(tile->timeline, tile->point - 1, TRAINER_WAIT_NS);
			if (err)
				break;
		}
		stage((uint8_t *)staging->memory + turn * half, from + done / grain, part);
		dojo_batch_reset(batches[turn]);
		dojo_copy(batches[turn], to + done, staging->va + turn * half, part);
		signal = dojo_signal(tile->timeline, tile->point + 1);
		err = dojo_queue_submit(tile->queue, batches[turn], &signal, 1, NULL);
		if (!err)
			tile->point++;
		done += part;
	}
	if (!err)
		err = trainer_tile_wait(tile, tile->point);
	dojo_batch_destroy(batches[0]);
	dojo_batch_destroy(batches[1]);
	return err;
}

static int upload_set(struct trainer_tile *tile, const struct buffer *staging, unsigned int which,
		      const struct dataset *set)
{
	size_t pixels = (size_t)set->count * set->width * set->height,
	       labels = 4 * (size_t)set->count;
	int err;

	err = buffer_create(&tile->images[which], tile->vm, pixels, DRM_DOJO_DOMAIN_HBM);
	if (!err)
		err = buffer_create(&tile->labels[which], tile->vm, labels, DRM_DOJO_DOMAIN_HBM);
	if (!err)
		err = upload(tile, staging, tile->images[which].va, set->images, pixels, 1,
			     stage_pixels);
	if (!err)
		err = upload(tile, staging, tile->labels[which].va, set->labels, labels, 4,
			     stage_labels);
	tile->data[which] = (struct net_data){
		.images = tile->images[which].va,
		.labels = tile->labels[which].va,
		.rows = set->count,
	};
	return err;
}

int trainer_tile_open(struct trainer_tile *tile, struct dojo_device *dev,
		      const struct dataset *train, const struct dataset *test)
{
	struct buffer staging = { 0 };
	int err;

	tile->dev = dev;
	err = dojo_vm_create(dev, &tile->vm);
	if (!err)
		err = dojo_queue_create(tile->vm, DRM_DOJO_QUEUE_COMPUTE, NULL, &tile->queue);
	if (!err)
		err = dojo_timeline_create(dev, 0, &tile->timeline);
	if (err)
		return fail_device(dev, err, "set up a queue");

	err = buffer_create_mapped(&staging, tile->vm, STAGING_BYTES, DRM_DOJO_DOMAIN_SYSTEM);
	if (!err)
		err = upload_set(tile, &staging, 0, train);
	if (!err)
		err = upload_set(tile, &staging, 1, test);
	if (err)
		fail_device(dev, err, "upload the data set");
	buffer_destroy(&staging, tile->vm);
	return err ? EXIT_FAILURE : 0;
}

void trainer_tile_close(struct trainer_tile *tile)
{
	if (!tile->dev)
		return;
	dojo_queue_destroy(tile->queue);
	dojo_timeline_destroy(tile->timeline);
	for (unsigned int i = 0; i < 2; i++) {
		buffer_destroy(&tile->images[i], tile->vm);
		buffer_destroy(&tile->labels[i], tile->vm);
	}
	dojo_vm_destroy(tile->vm);
	memset(tile, 0, sizeof(*tile));
}

/* ---------------------------------------------------------------- runs */

static uint64_t align_up(uint64_t n)
{
	return (n + 255) / 256 * 256;
}

static int create_slots(struct trainer_tile *tile)
{
	uint64_t rows = align_up(UINT64_C(4) * TRAINER_JOB_STEPS * tile->net.batch);
	uint64_t losses = align_up(4 * TRAINER_JOB_STEPS), amax = align_up(4 * NET_SLOTS_MAX);
	uint64_t stride = 2 * rows + losses + amax;
	int err;

	err = buffer_create_mapped(&tile->slots_buffer, tile->vm, stride * TRAINER_DEPTH,
				   DRM_DOJO_DOMAIN_SYSTEM);
	for (unsigned int i = 0; i < TRAINER_DEPTH && !err; i++) {
		struct trainer_slot *slot = &tile->slots[i];
		uint64_t va = tile->slots_buffer.va + i * stride;
		uint8_t *memory = (uint8_t *)tile->slots_buffer.memory + i * stride;

		slot->index = (void *)memory;
		slot->classes = (void *)(memory + rows);
		slot->losses = (void *)(memory + 2 * rows);
		slot->amax = (void *)(memory + 2 * rows + losses);
		slot->index_va = va;
		slot->classes_va = va + rows;
		slot->losses_va = va + 2 * rows;
		slot->amax_va = va + 2 * rows + losses;
		err = dojo_batch_create(tile->vm, TRAINER_BATCH_BYTES, 0, &slot->batch);
	}
	return err;
}

static int upload_weights(struct trainer_tile *tile, uint64_t seed)
{
	struct dojo_batch *batch = tile->slots[0].batch;
	struct buffer staging;
	int err;

	err = buffer_create_mapped(&staging, tile->vm, 4 * tile->net.parameters,
				   DRM_DOJO_DOMAIN_SYSTEM);
	if (!err) {
		net_initial_weights(&tile->net, seed, staging.memory);
		dojo_batch_reset(batch);
		dojo_copy(batch, tile->net.weights, staging.va, 4 * tile->net.parameters);
		err = dojo_queue_run(tile->queue, batch, TRAINER_WAIT_NS);
	}
	buffer_destroy(&staging, tile->vm);
	return err;
}

int trainer_tile_begin(struct trainer_tile *tile, const struct net_layer *layers,
		       struct net_extent input, uint32_t batch, struct net_formats formats,
		       uint64_t seed)
{
	struct net_memory memory = { 0 };
	uint64_t flag;
	int err;

	/* once without memory, to learn how much it takes */
	err = net_plan(&tile->net, layers, input, batch, formats, &memory);
	if (err && err != -ENOSPC)
		return fail("the layers do not fit together");
	net_alloc(&memory, 8);
	err = buffer_create(&tile->arena, tile->vm, memory.used, DRM_DOJO_DOMAIN_HBM);
	if (err)
		return fail_device(tile->dev, err, "allocate %llu bytes of HBM for the network",
				   (unsigned long long)memory.used);

	memory = (struct net_memory){ .va = tile->arena.va, .size = tile->arena.size };
	err = net_plan(&tile->net, layers, input, batch, formats, &memory);
	if (err)
		return fail("the network does not fit into its memory");
	flag = net_alloc(&memory, 8);
	tile->peers = (struct net_peers){ .tiles = 1 };
	tile->peers.flags[0] = flag;

	err = create_slots(tile);
	if (!err)
		err = upload_weights(tile, seed);
	if (!err)
		err = dojo_queue_get_state(tile->queue, &tile->before, sizeof(tile->before));
	return err ? fail_device(tile->dev, err, "set the network up") : 0;
}

int trainer_tile_connect(struct trainer_tile *tiles, uint32_t count, uint32_t self)
{
	struct trainer_tile *tile = &tiles[self];
	uint64_t flag = tile->peers.flags[0] - tile->arena.va;
	int err;

	tile->peers.tiles = count;
	tile->peers.self = self;
	for (uint32_t i = 0; i < count; i++) {
		uint64_t base = tile->arena.va;

		if (i != self) {
			err = buffer_import(&tile->peer_arenas[i], tile->vm, &tiles[i].arena,
					    DRM_DOJO_BIND_READONLY);
			if (err)
				return fail_device(tile->dev, err, "map the memory of tile %u", i);
			base = tile->peer_arenas[i].va;
		}
		/* all tiles have the same layout */
		for (unsigned int parity = 0; parity < 2; parity++)
			tile->peers.gradients[i][parity] =
				tile->net.gradients[parity] - tile->arena.va + base;
		tile->peers.flags[i] = base + flag;
	}
	return 0;
}

void trainer_tile_end(struct trainer_tile *tile)
{
	for (unsigned int i = 0; i < TRAINER_DEPTH; i++)
		dojo_batch_destroy(tile->slots[i].batch);
	memset(tile->slots, 0, sizeof(tile->slots));
	for (unsigned int i = 0; i < NET_TILES_MAX; i++)
		buffer_destroy(&tile->peer_arenas[i], tile->vm);
	buffer_destroy(&tile->slots_buffer, tile->vm);
	buffer_destroy(&tile->arena, tile->vm);
}

int trainer_tile_submit(struct trainer_tile *tile, unsigned int slot)
{
	struct drm_dojo_sync_op signal = dojo_signal(tile->timeline, tile->point + 1);
	int err;

	err = dojo_queue_submit(tile->queue, tile->slots[slot].batch, &signal, 1, NULL);
	if (err)
		return fail_device(tile->dev, err, "submit a job");
	tile->point++;
	return 0;
}

int trainer_tile_wait(struct trainer_tile *tile, uint64_t point)
{
	int err = dojo_timeline_wait(tile->timeline, point, TRAINER_WAIT_NS);
	int health = dojo_queue_check(tile->queue);

	return health ? health : err;
}
