// SPDX-License-Identifier: MIT
/* Syncobjs: binary ones and timelines. */
#include <sys/eventfd.h>
#include <time.h>

#include "compat.h"
#include "fake_world.h"

bool is_reached(struct client *client, const struct drm_dojo_sync_op *op)
{
	struct syncobj *sync = find_sync(client, op->handle);

	return op->flags & DRM_DOJO_SYNC_OP_TIMELINE ? sync->value >= op->point : sync->signalled;
}

static void raise_watches(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(world.watch); i++) {
		struct watch *watch = &world.watch[i];

		if (watch->sync && world.sync[watch->sync].value >= watch->point) {
			eventfd_write(watch->eventfd, 1);
			watch->sync = 0;
		}
	}
}

void signal_changed(void)
{
	raise_watches();
	pthread_cond_broadcast(&world.changed);
}

void signal_op(struct client *client, const struct drm_dojo_sync_op *op, int error)
{
	struct syncobj *sync = find_sync(client, op->handle);

	if (!sync)
		return;
	if (op->flags & DRM_DOJO_SYNC_OP_TIMELINE) {
		if (op->point > sync->value)
			sync->value = op->point;
		if (op->point > sync->promised)
			sync->promised = op->point;
	} else {
		sync->submitted = true;
		sync->signalled = true;
		sync->error = error;
	}
}

/* A job can only wait for what has been submitted. */
static bool is_promised(struct client *client, const struct drm_dojo_sync_op *op)
{
	struct syncobj *sync = find_sync(client, op->handle);

	return op->flags & DRM_DOJO_SYNC_OP_TIMELINE ? sync->promised >= op->point :
						       sync->submitted;
}

/* Said by a job that will signal: from now on others may wait for it. */
void promise_op(struct client *client, const struct drm_dojo_sync_op *op)
{
	struct syncobj *sync = find_sync(client, op->handle);

	sync->submitted = true;
	if (!(op->flags & DRM_DOJO_SYNC_OP_TIMELINE))
		sync->signalled = false;
	else if (op->point > sync->promised)
		sync->promised = op->point;
}

int check_syncs(struct client *client, const struct drm_dojo_obj_array *array)
{
	const struct drm_dojo_sync_op *ops = (const void *)(uintptr_t)array->array;
	uint32_t i;

	if (!array->count)
		return array->array ? -EINVAL : 0;
	if (array->stride != sizeof(*ops) || array->count > DRM_DOJO_SYNC_OPS_MAX)
		return -EINVAL;
	for (i = 0; i < array->count; i++) {
		if (ops[i].flags & ~3u)
			return -EINVAL;
		if (!find_sync(client, ops[i].handle))
			return -ENOENT;
		if (!(ops[i].flags & DRM_DOJO_SYNC_OP_TIMELINE) != !ops[i].point)
			return -EINVAL;
		if (!(ops[i].flags & DRM_DOJO_SYNC_OP_SIGNAL) && !is_promised(client, &ops[i]))
			return -EINVAL;
	}
	return 0;
}

static unsigned int new_sync(void)
{
	unsigned int i;

	for (i = 1; i < MAX; i++) {
		if (!world.sync[i].references) {
			world.sync[i] = (struct syncobj){ .references = 1 };
			return i;
		}
	}
	return 0;
}

static int sync_create(struct client *client, struct drm_syncobj_create *create)
{
	unsigned int index = new_sync();

	if (!index)
		return -ENOMEM;
	if (create->flags & DRM_SYNCOBJ_CREATE_SIGNALED) {
		world.sync[index].submitted = true;
		world.sync[index].signalled = true;
	}
	create->handle = free_slot(client->sync);
	client->sync[create->handle] = index;
	fake.objects++;
	return 0;
}

static int sync_destroy(struct client *client, const struct drm_syncobj_destroy *destroy)
{
	struct syncobj *sync = find_sync(client, destroy->handle);

	if (!sync)
		return -EINVAL;
	sync->references--;
	client->sync[destroy->handle] = 0;
	fake.objects--;
	return 0;
}

static int sync_export(struct client *client, struct drm_syncobj_handle *args)
{
	struct syncobj *sync = find_sync(client, args->handle);
	bool as_file = args->flags & DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE;
	int fd;

	if (!sync)
		return -EINVAL;
	if (as_file && !sync->submitted)
		return -EINVAL;
	fd = new_file(as_file ? FILE_SYNC_FILE : FILE_SYNCOBJ, client->sync[args->handle]);
	if (fd < 0)
		return fd;
	sync->references++;
	args->fd = fd;
	return 0;
}

static int sync_import(struct client *client, struct drm_syncobj_handle *args)
{
	bool as_file = args->flags & DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE;
	struct file *file = file_of(args->fd);
	struct syncobj *sync;

	if (file->type != (as_file ? FILE_SYNC_FILE : FILE_SYNCOBJ))
		return -EINVAL;
	if (as_file) {
		sync = find_sync(client, args->handle);
		if (!sync)
			return -ENOENT;
		sync->submitted = true;
		sync->signalled = world.sync[file->index].signalled;
		sync->error = world.sync[file->index].error;
		return 0;
	}
	world.sync[file->index].references++;
	args->handle = free_slot(client->sync);
	client->sync[args->handle] = file->index;
	fake.objects++;
	return 0;
}

static int timed_wait(int64_t deadline)
{
	struct timespec real;
	int64_t left;

	if (deadline == INT64_MAX) {
		pthread_cond_wait(&world.changed, &world.lock);
		return 0;
	}
	left = deadline - (int64_t)now_ns();
	if (left <= 0)
		return -ETIME;
	clock_gettime(CLOCK_REALTIME, &real);
	left += real.tv_nsec;
	real.tv_sec += left / 1000000000;
	real.tv_nsec = left % 1000000000;
	pthread_cond_timedwait(&world.changed, &world.lock, &real);
	return 0;
}

static int wait_for(struct client *client, uint64_t handles_pointer, const uint64_t *points,
		    uint32_t count, uint32_t flags, int64_t deadline, uint32_t *first)
{
	const uint32_t *handles = (const void *)(uintptr_t)handles_pointer;
	uint32_t i, reached;
	int ret;

	for (i = 0; i < count; i++)
		if (!find_sync(client, handles[i]))
			return -ENOENT;
	for (;;) {
		for (i = reached = 0; i < count; i++) {
			struct syncobj *sync = find_sync(client, handles[i]);

			if (!(flags & DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT) && !sync->submitted)
				return -EINVAL;
			if (points ? sync->value >= points[i] : sync->signalled) {
				if (!reached++)
					*first = i;
			}
		}
		if (flags & DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL ? reached == count : reached > 0)
			return 0;
		ret = timed_wait(deadline);
		if (ret)
			return ret;
	}
}

static int sync_signal(struct client *client, uint64_t handles_pointer, uint64_t points_pointer,
		       uint32_t count)
{
	const uint32_t *handles = (const void *)(uintptr_t)handles_pointer;
	const uint64_t *points = (const void *)(uintptr_t)points_pointer;
	uint32_t i;

	for (i = 0; i < count; i++) {
		struct drm_dojo_sync_op op = { 0, handles[i], 0 };

		if (!find_sync(client, handles[i]))
			return -ENOENT;
		if (points) {
			op.flags = DRM_DOJO_SYNC_OP_TIMELINE;
			op.point = points[i];
		}
		signal_op(client, &op, 0);
	}
	run_pending();
	return 0;
}

static int sync_reset(struct client *client, const struct drm_syncobj_array *args)
{
	const uint32_t *handles = (const void *)(uintptr_t)args->handles;
	uint32_t i;

	for (i = 0; i < args->count_handles; i++) {
		struct syncobj *sync = find_sync(client, handles[i]);

		if (!sync)
			return -ENOENT;
		sync->submitted = false;
		sync->signalled = false;
		sync->error = 0;
	}
	return 0;
}

static int sync_query(struct client *client, const struct drm_syncobj_timeline_array *args)
{
	const uint32_t *handles = (const void *)(uintptr_t)args->handles;
	uint64_t *points = (void *)(uintptr_t)args->points;
	uint32_t i;

	for (i = 0; i < args->count_handles; i++) {
		if (!find_sync(client, handles[i]))
			return -ENOENT;
		points[i] = find_sync(client, handles[i])->value;
	}
	return 0;
}

static int sync_eventfd(struct client *client, const struct drm_syncobj_eventfd *args)
{
	unsigned int i;

	if (!find_sync(client, args->handle))
		return -ENOENT;
	for (i = 0; i < ARRAY_SIZE(world.watch); i++) {
		if (!world.watch[i].sync) {
			world.watch[i] = (struct watch){ client->sync[args->handle], args->point,
							 args->fd };
			raise_watches();
			return 0;
		}
	}
	return -ENOMEM;
}

static int sync_wait(struct client *client, struct drm_syncobj_wait *wait)
{
	return wait_for(client, wait->handles, NULL, wait->count_handles, wait->flags,
			wait->timeout_nsec, &wait->first_signaled);
}

static int timeline_wait(struct client *client, struct drm_syncobj_timeline_wait *wait)
{
	return wait_for(client, wait->handles, (const void *)(uintptr_t)wait->points,
			wait->count_handles, wait->flags, wait->timeout_nsec,
			&wait->first_signaled);
}

int sync_ioctl(struct client *client, unsigned long request, void *arg)
{
	const struct drm_syncobj_timeline_array *points = arg;
	const struct drm_syncobj_array *array = arg;

	switch (request) {
	case DRM_IOCTL_SYNCOBJ_CREATE:
		return sync_create(client, arg);
	case DRM_IOCTL_SYNCOBJ_DESTROY:
		return sync_destroy(client, arg);
	case DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD:
		return sync_export(client, arg);
	case DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE:
		return sync_import(client, arg);
	case DRM_IOCTL_SYNCOBJ_WAIT:
		return sync_wait(client, arg);
	case DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT:
		return timeline_wait(client, arg);
	case DRM_IOCTL_SYNCOBJ_SIGNAL:
		return sync_signal(client, array->handles, 0, array->count_handles);
	case DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL:
		return sync_signal(client, points->handles, points->points, points->count_handles);
	case DRM_IOCTL_SYNCOBJ_RESET:
		return sync_reset(client, arg);
	case DRM_IOCTL_SYNCOBJ_QUERY:
		return sync_query(client, arg);
	case DRM_IOCTL_SYNCOBJ_EVENTFD:
		return sync_eventfd(client, arg);
	default:
		return -EINVAL;
	}
}
