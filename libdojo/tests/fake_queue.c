// SPDX-License-Identifier: MIT
/* Queues: jobs run as soon as what they wait for is there, in the caller's thread. */
#include <stdlib.h>
#include <string.h>

#include "fake_world.h"

static bool may_start(struct client *client, const struct job *job)
{
	uint32_t i;

	for (i = 0; i < job->job.syncs.count; i++)
		if (!(job->syncs[i].flags & DRM_DOJO_SYNC_OP_SIGNAL) &&
		    !is_reached(client, &job->syncs[i]))
			return false;
	return true;
}

static void finish(struct client *client, struct job *job, int error)
{
	uint32_t i;

	for (i = 0; i < job->job.syncs.count; i++)
		if (job->syncs[i].flags & DRM_DOJO_SYNC_OP_SIGNAL)
			signal_op(client, &job->syncs[i], error);
	free(job->syncs);
	free(job);
}

static void run_job(struct client *client, struct queue *queue, struct job *job)
{
	int error = -ECANCELED;

	queue->before_last = queue->state.packets;
	if (queue->state.status == DRM_DOJO_QUEUE_ACTIVE) {
		error = 0;
		if (job->job.batch_size &&
		    fake_run_batch(&client->vm[queue->vm], queue->queue_class, job->job.batch_va,
				   job->job.batch_size, &queue->state)) {
			queue->state.status = DRM_DOJO_QUEUE_FAULTED;
			queue->state.fault_seqno = job->job.seqno;
			error = queue->state.fault_access ? -EFAULT : -EINVAL;
		}
	}
	queue->state.completed = job->job.seqno;
	finish(client, job, error);
}

/* Run whatever can run, until nothing more can. */
void run_pending(void)
{
	unsigned int c, q;
	bool again;

	do {
		again = false;
		for (c = 0; c < ARRAY_SIZE(world.client); c++) {
			for (q = 1; q < ARRAY_SIZE(world.client[c].queue); q++) {
				struct client *client = &world.client[c];
				struct queue *queue = &client->queue[q];
				struct job *job = queue->pending;

				if (!client->used || !queue->used || !job || fake.stall ||
				    !may_start(client, job))
					continue;
				queue->pending = job->next;
				run_job(client, queue, job);
				again = true;
			}
		}
	} while (again);
	signal_changed();
}

void fake_run(void)
{
	pthread_mutex_lock(&world.lock);
	fake.stall = false;
	run_pending();
	pthread_mutex_unlock(&world.lock);
}

static int queue_create(struct client *client, struct drm_dojo_queue_create *create)
{
	unsigned int i;

	fake.last_queue = *create;
	if (!find_vm(client, create->vm_id))
		return -ENOENT;
	if (create->queue_class > DRM_DOJO_QUEUE_COMPUTE || create->pad || create->queue_id ||
	    create->flags & ~0xf1u || create->rect_x + create->rect_w > 5 ||
	    create->rect_y + create->rect_h > 5 || !create->rect_w != !create->rect_h)
		return -EINVAL;
	if (create->priority > DRM_DOJO_PRIORITY_REALTIME)
		return -EINVAL;
	if (create->priority > DRM_DOJO_PRIORITY_NORMAL)
		return -EACCES;
	for (i = 1; i < ARRAY_SIZE(client->queue); i++) {
		if (client->queue[i].used)
			continue;
		client->queue[i] = (struct queue){
			.used = true,
			.vm = create->vm_id,
			.queue_class = create->queue_class,
			.state = { .queue_id = i },
		};
		if (create->flags & DRM_DOJO_QUEUE_FIND_RECT)
			create->rect_x = 2;
		create->queue_id = i;
		fake.objects++;
		return 0;
	}
	return -EMFILE;
}

static int queue_destroy(struct client *client, const struct drm_dojo_queue_destroy *destroy)
{
	struct queue *queue = find_queue(client, destroy->queue_id);
	struct job *job;

	if (!queue)
		return -ENOENT;
	if (destroy->pad)
		return -EINVAL;
	while ((job = queue->pending)) {
		queue->pending = job->next;
		finish(client, job, -ECANCELED);
	}
	queue->used = false;
	fake.objects--;
	run_pending();
	return 0;
}

static int check_job(struct client *client, const struct drm_dojo_job *job)
{
	if (job->flags || job->batch_va & 7 || job->batch_size & 7 || job->seqno ||
	    (!job->batch_size && job->batch_va))
		return -EINVAL;
	return check_syncs(client, &job->syncs);
}

static void remember(const struct drm_dojo_job *job)
{
	uint32_t count = job->syncs.count;

	fake.last_job = *job;
	if (count > ARRAY_SIZE(fake.last_syncs))
		count = ARRAY_SIZE(fake.last_syncs);
	if (count)
		memcpy(fake.last_syncs, (const void *)(uintptr_t)job->syncs.array,
		       count * sizeof(fake.last_syncs[0]));
}

static void promise(struct client *client, const struct drm_dojo_job *job)
{
	const struct drm_dojo_sync_op *ops = (const void *)(uintptr_t)job->syncs.array;
	uint32_t i;

	for (i = 0; i < job->syncs.count; i++)
		if (ops[i].flags & DRM_DOJO_SYNC_OP_SIGNAL)
			promise_op(client, &ops[i]);
}

static void push(struct queue *queue, struct drm_dojo_job *user)
{
	struct job *job = malloc(sizeof(*job)), **link;	/* calloc() is what tests make fail */
	size_t bytes = user->syncs.count * sizeof(struct drm_dojo_sync_op);

	if (!job)
		abort();
	user->seqno = ++queue->state.submitted;
	job->job = *user;
	job->next = NULL;
	job->syncs = malloc(bytes + 1);
	if (!job->syncs)
		abort();
	if (bytes)
		memcpy(job->syncs, (const void *)(uintptr_t)user->syncs.array, bytes);
	for (link = &queue->pending; *link; link = &(*link)->next)
		;
	*link = job;
}

static int queue_submit(struct client *client, struct drm_dojo_queue_submit *submit)
{
	struct queue *queue = find_queue(client, submit->queue_id);
	struct drm_dojo_job *jobs = (void *)(uintptr_t)submit->jobs.array;
	uint32_t i;
	int ret;

	if (!queue)
		return -ENOENT;
	if (submit->flags & ~(uint32_t)DRM_DOJO_SUBMIT_NONBLOCK || !submit->jobs.count ||
	    submit->jobs.stride != sizeof(*jobs))
		return -EINVAL;
	if (queue->state.status != DRM_DOJO_QUEUE_ACTIVE || fake.fault.status)
		return -ECANCELED;
	for (i = 0; i < submit->jobs.count; i++) {
		ret = check_job(client, &jobs[i]);
		if (ret)
			return ret;
		promise(client, &jobs[i]);	/* to the later ones of the call, too */
	}
	for (i = 0; i < submit->jobs.count; i++) {
		remember(&jobs[i]);
		push(queue, &jobs[i]);
	}
	run_pending();
	return 0;
}

static int queue_get_state(struct client *client, struct drm_dojo_queue_get_state *state)
{
	struct queue *queue = find_queue(client, state->queue_id);

	if (!queue)
		return -ENOENT;
	*state = fake.fault.status ? fake.fault : queue->state;
	return 0;
}

/* remembers one job */
static int queue_get_job(struct client *client, struct drm_dojo_queue_get_job *job)
{
	struct queue *queue = find_queue(client, job->queue_id);

	if (job->pad)
		return -EINVAL;
	if (!queue || !job->seqno || job->seqno > queue->state.submitted ||
	    job->seqno < queue->state.completed)
		return -ENOENT;
	if (job->seqno > queue->state.completed)
		return -EBUSY;
	job->packets = queue->state.packets - queue->before_last;
	return 0;
}

int queue_ioctl(struct client *client, unsigned long request, void *arg)
{
	switch (request) {
	case DRM_IOCTL_DOJO_QUEUE_CREATE:
		return queue_create(client, arg);
	case DRM_IOCTL_DOJO_QUEUE_DESTROY:
		return queue_destroy(client, arg);
	case DRM_IOCTL_DOJO_QUEUE_SUBMIT:
		return queue_submit(client, arg);
	case DRM_IOCTL_DOJO_QUEUE_GET_JOB:
		return queue_get_job(client, arg);
	default:
		return queue_get_state(client, arg);
	}
}
