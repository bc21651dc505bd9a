// SPDX-License-Identifier: GPL-2.0-only
/* Several processes on one tile: nobody sees, stops or slows another by what it does */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "dojo_harness.h"
#include "dojo_qmp.h"

#define AREA	KIB(64)

/*
 * struct timing - how long a worker's jobs took
 * @jobs: counted
 * @model_ps: modelled time of the first
 * @uneven: jobs with another modelled time
 * @shortest_ns: on the device's clock
 */
struct timing {
	unsigned int jobs;
	unsigned int uneven;
	__u64 model_ps;
	__u64 shortest_ns;
};

/*
 * struct worker - a process that copies its own pattern round and round and
 * checks it
 * @rounds: done so far
 * @bad: rounds with an error or a wrong byte, and queues that were reset
 * @stop: set by the parent
 * @troubled: set by the parent when somebody else begins to misbehave
 * @timing: of jobs before and after that, by class
 */
struct worker {
	unsigned int rounds;
	unsigned int bad;
	unsigned int stop;
	unsigned int troubled;
	struct timing timing[2][2];
};

struct crowd {
	struct worker *workers;
	unsigned int count;
	pid_t pids[64];
};

FIXTURE(isolation) {
	struct crowd crowd;
};

FIXTURE_SETUP(isolation)
{
	struct crowd *crowd = &self->crowd;

	crowd->workers = mmap(NULL, sizeof(*crowd->workers) * ARRAY_SIZE(crowd->pids),
			      PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)crowd->workers);
}

FIXTURE_TEARDOWN(isolation)
{
	unsigned int i;

	for (i = 0; i < self->crowd.count; i++) {
		kill(self->crowd.pids[i], SIGKILL);
		waitpid(self->crowd.pids[i], NULL, 0);
	}
}

static int one_round(struct dojo_client *c, struct dojo_buf *hbm, struct dojo_buf *host,
		     __u32 queue, __u64 seed)
{
	int ret;

	dojo_pattern(host->map, AREA, seed);
	memset((char *)host->map + AREA, 0, AREA);
	dojo_copy(c, hbm->va, host->va, AREA);
	dojo_copy(c, host->va + AREA, hbm->va, AREA);
	ret = dojo_run(c, queue);
	if (ret)
		return ret;
	return dojo_pattern_check((char *)host->map + AREA, AREA, seed) == -1 ? 0 : -EILSEQ;
}

/* Has the client's compute queue on all dies but the first column */
static int avoid_a_column(struct dojo_client *c)
{
	struct drm_dojo_queue_create args = {
		.vm_id = c->vm,
		.queue_class = DRM_DOJO_QUEUE_COMPUTE,
		.rect_x = 1, .rect_w = 4, .rect_h = 5,
	};
	int ret;

	dojo_queue_destroy(c->fd, c->compute);
	ret = dojo_ioctl(c->fd, DRM_IOCTL_DOJO_QUEUE_CREATE, &args);
	c->compute = args.queue_id;
	return ret;
}

static void note(struct worker *worker, const struct drm_dojo_queue_get_job *job, __u32 class)
{
	unsigned int troubled = __atomic_load_n(&worker->troubled, __ATOMIC_ACQUIRE);
	struct timing *timing = &worker->timing[troubled][class];
	__u64 took = job->end_ns - job->start_ns;

	if (!timing->jobs) {
		timing->model_ps = job->model_ps;
		timing->shortest_ns = took;
	}
	if (took < timing->shortest_ns)
		timing->shortest_ns = took;
	timing->uneven += job->model_ps != timing->model_ps;
	timing->jobs++;
}

/* Whether a queue has done all that it was given, and was left alone */
static bool untouched(struct dojo_client *c, __u32 queue)
{
	struct drm_dojo_queue_get_state state;

	return !dojo_queue_state(c->fd, queue, &state) && !state.resets &&
	       state.status == DRM_DOJO_QUEUE_ACTIVE && state.completed == state.submitted;
}

static void work(struct worker *worker, unsigned int node, __u64 seed, bool avoid)
{
	struct drm_dojo_queue_get_job job;
	struct dojo_buf hbm, host;
	struct dojo_client c;
	__u32 class, queue;

	if (dojo_client_open(&c, node) || (avoid && avoid_a_column(&c)) ||
	    dojo_buf_create(&c, &hbm, AREA, DRM_DOJO_DOMAIN_HBM, 0) ||
	    dojo_buf_create(&c, &host, 2 * AREA, DRM_DOJO_DOMAIN_SYSTEM, DRM_DOJO_BO_CPU_ACCESS)) {
		worker->bad++;
		return;
	}
	while (!__atomic_load_n(&worker->stop, __ATOMIC_RELAXED)) {
		class = worker->rounds & 1;
		queue = class == DRM_DOJO_QUEUE_DMA ? c.dma : c.compute;
		/* the job's number on its queue */
		if (one_round(&c, &hbm, &host, queue, seed + worker->rounds) ||
		    dojo_queue_job(c.fd, queue, worker->rounds / 2 + 1, &job))
			worker->bad++;
		else
			note(worker, &job, class);
		worker->rounds++;
	}
	worker->bad += !untouched(&c, c.dma) + !untouched(&c, c.compute);
	dojo_client_close(&c);
}

static void start_worker_with(struct __test_metadata *_metadata, struct crowd *crowd,
			      unsigned int node, bool avoid)
{
	unsigned int i = crowd->count++;
	pid_t pid;

	crowd->workers[i] = (struct worker) { .rounds = 0 };
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		work(&crowd->workers[i], node, i * 1000000ull, avoid);
		_exit(0);
	}
	crowd->pids[i] = pid;
}

static void start_worker(struct __test_metadata *_metadata, struct crowd *crowd,
			 unsigned int node)
{
	start_worker_with(_metadata, crowd, node, false);
}

/* Waits until every worker has done @rounds more */
static void wait_for_rounds(struct __test_metadata *_metadata, struct crowd *crowd,
			    unsigned int rounds)
{
	const __u64 limit = dojo_now_ns() + dojo_patience() * 1000000ull;
	unsigned int i, goal;

	for (i = 0; i < crowd->count; i++) {
		goal = __atomic_load_n(&crowd->workers[i].rounds, __ATOMIC_RELAXED) + rounds;
		while (__atomic_load_n(&crowd->workers[i].rounds, __ATOMIC_RELAXED) < goal) {
			ASSERT_LT(dojo_now_ns(), limit)
				TH_LOG("worker %u does not go on", i);
			usleep(1000);
		}
	}
}

/* @usual, and fewer on slow kernels */
static unsigned int times(unsigned int usual)
{
	const unsigned long n = dojo_scaled(usual * 50, usual / 4);

	return n < usual ? n : usual;
}

static void stop_workers(struct __test_metadata *_metadata, struct crowd *crowd)
{
	unsigned int i;
	int status;

	for (i = 0; i < crowd->count; i++)
		__atomic_store_n(&crowd->workers[i].stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < crowd->count; i++) {
		ASSERT_EQ(crowd->pids[i], waitpid(crowd->pids[i], &status, 0));
		EXPECT_EQ(0, status);
		EXPECT_EQ(0, crowd->workers[i].bad);
	}
	crowd->count = 0;
}

TEST_F(isolation, two_processes_use_the_same_addresses_of_one_tile)
{
	start_worker(_metadata, &self->crowd, 0);
	start_worker(_metadata, &self->crowd, 0);
	wait_for_rounds(_metadata, &self->crowd, 50);
	stop_workers(_metadata, &self->crowd);
}

TEST_F(isolation, sixteen_processes_on_one_tile)
{
	int i;

	for (i = 0; i < 16; i++)
		start_worker(_metadata, &self->crowd, 0);
	wait_for_rounds(_metadata, &self->crowd, times(10));
	stop_workers(_metadata, &self->crowd);
}

TEST_F(isolation, processes_on_every_tile)
{
	unsigned int node, nodes = dojo_nodes();

	for (node = 0; node < nodes && node < 8; node++) {
		start_worker(_metadata, &self->crowd, node);
		start_worker(_metadata, &self->crowd, node);
	}
	wait_for_rounds(_metadata, &self->crowd, times(20));
	stop_workers(_metadata, &self->crowd);
}

/* -------------------------------------------- misdeeds beside a worker */

enum misdeed {
	ILLEGAL_OPCODE,
	READ_UNMAPPED,
	WRITE_UNMAPPED,
	BATCH_UNMAPPED,
	RANDOM_BATCH,
	WAIT_FOREVER,
	FILL_NULL,
	READ_ONLY,
	TRAP,
	CROSS_WAIT,
	STORM,
};

/* Stores what its format is too small for, on a queue for which that is a fault */
static int overflow(struct dojo_client *c)
{
	struct drm_dojo_queue_create args = {
		.vm_id = c->vm,
		.queue_class = DRM_DOJO_QUEUE_COMPUTE,
		.flags = DRM_DOJO_QUEUE_TRAP_OVERFLOW,
	};
	struct drm_dojo_queue_get_state state;
	struct dojo_packet_compute *max;
	const __u64 va = c->batch.va + KIB(32);
	int ret;

	ret = dojo_ioctl(c->fd, DRM_IOCTL_DOJO_QUEUE_CREATE, &args);
	if (ret)
		return ret;
	/* the largest finite number */
	*(__u32 *)((char *)c->batch.map + KIB(32)) = 0x7f7fffff;
	max = dojo_compute(c, DOJO_OP_BINARY, 3);
	max->fn = DOJO_BINARY_MAX;
	max->tensor[0] = dojo_dense(va, DOJO_FORMAT_FP32, 1, 1, 1, 1);
	max->tensor[1] = max->tensor[0];
	max->tensor[2] = dojo_dense(va + 8, DOJO_FORMAT_FP16, 1, 1, 1, 1);
	ret = dojo_run(c, args.queue_id);
	if (!dojo_queue_state(c->fd, args.queue_id, &state) &&
	    (state.status != DRM_DOJO_QUEUE_FAULTED || state.fault != DOJO_FAULT_ARITHMETIC ||
	     state.flags_overflow != 1))
		ret = -EPROTO;
	dojo_queue_destroy(c->fd, args.queue_id);
	return ret;
}

/* Does something that is not done; the queue is another one afterwards */
static void misbehave(struct __test_metadata *_metadata, struct dojo_client *c, enum misdeed what,
		      __u64 *state)
{
	struct drm_dojo_bind_op readonly = {
		.type = DRM_DOJO_BIND_MAP,
		.flags = DRM_DOJO_BIND_READONLY,
		.handle = c->batch.handle,
		.va = BIT(41),
		.size = DOJO_BATCH_BYTES,
	};
	struct drm_dojo_queue_get_state fault;
	struct drm_dojo_bind_op null = {
		.type = DRM_DOJO_BIND_NULL,
		.va = BIT(40),
		.size = MIB(64),
	};
	__u32 queue = dojo_random(state) & 1 ? c->dma : c->compute;
	unsigned int i;
	int ret;

	switch (what) {
	case ILLEGAL_OPCODE:
		dojo_packet(c, dojo_random(state) | 0x8000, sizeof(struct dojo_packet_header));
		EXPECT_EQ(-EINVAL, dojo_run(c, queue));
		break;
	case READ_UNMAPPED:
		dojo_copy(c, c->batch.va + KIB(32), BIT(45), 4096);
		EXPECT_EQ(-EFAULT, dojo_run(c, queue));
		break;
	case WRITE_UNMAPPED:
		dojo_fill(c, BIT(45), 4096, 0);
		EXPECT_EQ(-EFAULT, dojo_run(c, queue));
		break;
	case BATCH_UNMAPPED:
		EXPECT_EQ(0, dojo_submit_one(c->fd, queue, BIT(45), 4096, c->done));
		EXPECT_EQ(0, dojo_syncobj_wait(c->fd, c->done, dojo_patience()));
		EXPECT_EQ(-EFAULT, dojo_syncobj_status(c->fd, c->done));
		break;
	case RANDOM_BATCH:
		for (i = 0; i < KIB(4) / 8; i++)
			((__u64 *)c->batch.map)[i] = dojo_random(state);
		c->used = KIB(4);
		ret = dojo_run(c, queue);
		EXPECT_TRUE(ret == -EINVAL || ret == -EFAULT);
		break;
	case WAIT_FOREVER:
		dojo_poke64((char *)c->batch.map + KIB(32), 0);
		dojo_sem_wait(c, c->batch.va + KIB(32), 1, DOJO_SEM_EQUAL);
		EXPECT_EQ(0, dojo_start(c, queue, c->done));
		usleep(2000);
		break;
	case FILL_NULL:
		ASSERT_EQ(0, dojo_vm_bind(c->fd, c->vm, &null, 1, NULL));
		dojo_fill(c, null.va, null.size, 1);
		EXPECT_EQ(0, dojo_run(c, queue));
		break;
	case READ_ONLY:
		ASSERT_EQ(0, dojo_vm_bind(c->fd, c->vm, &readonly, 1, NULL));
		dojo_fill(c, readonly.va + KIB(32), 64, 0);
		EXPECT_EQ(-EFAULT, dojo_run(c, queue));
		ASSERT_EQ(0, dojo_queue_state(c->fd, queue, &fault));
		EXPECT_EQ(DOJO_FAULT_PERMISSION, fault.fault);
		break;
	case TRAP:
		EXPECT_EQ(-EIO, overflow(c));
		break;
	case CROSS_WAIT:
		/* each queue waits for what the other would signal */
		memset((char *)c->batch.map + KIB(32), 0, 64);
		dojo_sem_wait(c, c->batch.va + KIB(32), 1, DOJO_SEM_EQUAL);
		dojo_sem_signal(c, c->batch.va + KIB(32) + 8, 1, DOJO_SEM_SET);
		i = c->used;
		dojo_sem_wait(c, c->batch.va + KIB(32) + 8, 1, DOJO_SEM_EQUAL);
		dojo_sem_signal(c, c->batch.va + KIB(32), 1, DOJO_SEM_SET);
		EXPECT_EQ(0, dojo_submit_one(c->fd, c->dma, c->batch.va, i, 0));
		EXPECT_EQ(0, dojo_submit_one(c->fd, c->compute, c->batch.va + i, c->used - i, 0));
		c->used = 0;
		usleep(2000);
		break;
	case STORM:
		/* as many submissions, thus doorbells, as fit into both rings, over and over */
		dojo_packet(c, DOJO_OP_NOP, sizeof(struct dojo_packet_header));
		for (i = 0; i < 500; i++) {
			ret = dojo_submit_one(c->fd, i & 1 ? c->dma : c->compute, c->batch.va,
					      c->used, 0);
			EXPECT_EQ(0, ret);
		}
		c->used = 0;
		break;
	}
	ASSERT_EQ(0, dojo_client_new_queues(c));
}

/* Resets of the tile so far */
static int tile_resets(void)
{
	char path[64], text[16];

	snprintf(path, sizeof(path), "/sys/class/accel/accel%d/device/resets", dojo_minor(0));
	return dojo_read_file(path, text, sizeof(text)) > 0 ? atoi(text) : -1;
}

/*
 * That the other one misbehaves must not show in what a worker's jobs take: their
 * modelled time is the same to the picosecond, and on the device's clock, where
 * whoever shares an engine takes turns, there are still jobs that are about as quick.
 */
static void check_timing(struct __test_metadata *_metadata, const struct worker *worker)
{
	int class;

	for (class = 0; class < 2; class++) {
		const struct timing *before = &worker->timing[0][class];
		const struct timing *beside = &worker->timing[1][class];

		EXPECT_GT(before->jobs, 0);
		EXPECT_GT(beside->jobs, 0);
		EXPECT_EQ(0, before->uneven);
		EXPECT_EQ(0, beside->uneven);
		EXPECT_EQ(before->model_ps, beside->model_ps);
		EXPECT_LE(beside->shortest_ns, 4 * before->shortest_ns);
	}
}

static void misbehave_beside_workers(struct __test_metadata *_metadata,
				     struct crowd *crowd, enum misdeed what)
{
	int resets = tile_resets();
	struct dojo_client c;
	__u64 state = 4711;
	unsigned int i;

	start_worker(_metadata, crowd, 0);
	wait_for_rounds(_metadata, crowd, times(10));
	ASSERT_EQ(0, dojo_client_open(&c, 0));
	__atomic_store_n(&crowd->workers[0].troubled, 1, __ATOMIC_RELEASE);
	for (i = 0; i < times(20); i++) {
		misbehave(_metadata, &c, what, &state);
		/* a job of each class between any two */
		wait_for_rounds(_metadata, crowd, 2);
	}
	dojo_client_close(&c);
	stop_workers(_metadata, crowd);
	check_timing(_metadata, &crowd->workers[0]);
	EXPECT_EQ(resets, tile_resets());
}

TEST_F(isolation, illegal_packets_disturb_nobody)
{
	misbehave_beside_workers(_metadata, &self->crowd, ILLEGAL_OPCODE);
}

TEST_F(isolation, reads_of_unmapped_memory_disturb_nobody)
{
	misbehave_beside_workers(_metadata, &self->crowd, READ_UNMAPPED);
}

TEST_F(isolation, writes_to_unmapped_memory_disturb_nobody)
{
	misbehave_beside_workers(_metadata, &self->crowd, WRITE_UNMAPPED);
}

TEST_F(isolation, unmapped_batches_disturb_nobody)
{
	misbehave_beside_workers(_metadata, &self->crowd, BATCH_UNMAPPED);
}

TEST_F(isolation, random_batches_disturb_nobody)
{
	misbehave_beside_workers(_metadata, &self->crowd, RANDOM_BATCH);
}

TEST_F(isolation, waiting_queues_disturb_nobody)
{
	misbehave_beside_workers(_metadata, &self->crowd, WAIT_FOREVER);
}

TEST_F(isolation, writes_to_null_pages_disturb_nobody)
{
	misbehave_beside_workers(_metadata, &self->crowd, FILL_NULL);
}

TEST_F(isolation, writes_to_read_only_memory_disturb_nobody)
{
	misbehave_beside_workers(_metadata, &self->crowd, READ_ONLY);
}

TEST_F(isolation, arithmetic_traps_disturb_nobody)
{
	misbehave_beside_workers(_metadata, &self->crowd, TRAP);
}

TEST_F(isolation, queues_that_wait_for_each_other_disturb_nobody)
{
	misbehave_beside_workers(_metadata, &self->crowd, CROSS_WAIT);
}

TEST_F(isolation, a_storm_of_doorbells_disturbs_nobody)
{
	misbehave_beside_workers(_metadata, &self->crowd, STORM);
}

/*
 * While a queue hangs, and as long as nobody does anything about it, others have
 * the second DMA engine, and the dies that are not in its rectangle.
 */
TEST_F(isolation, a_hung_engine_does_not_stop_the_clock_of_others)
{
	const char * const class[] = { "dma", "compute" };
	struct drm_dojo_queue_get_state state;
	struct drm_dojo_card_info card;
	struct drm_dojo_tile_info tile;
	struct dojo_client c;
	char path[64], hang[64];
	__u32 queue;
	int qmp, i;

	qmp = dojo_qmp_open();
	if (qmp < 0)
		SKIP(return, "no way to the model of the card");
	ASSERT_EQ(0, dojo_client_open(&c, 0));
	ASSERT_EQ(0, dojo_query(c.fd, DRM_DOJO_QUERY_CARD, &card, sizeof(card)));
	ASSERT_EQ(0, dojo_query(c.fd, DRM_DOJO_QUERY_TILE, &tile, sizeof(tile)));
	ASSERT_EQ(0, dojo_qmp_card(qmp, (char *)card.serial, path, sizeof(path)));
	for (i = 0; i < 2; i++) {
		struct drm_dojo_queue_create args = {
			.vm_id = c.vm,
			.queue_class = i,
			.timeout_ns = 60000000000ull,
		};

		if (i) {
			args.rect_w = 1;
			args.rect_h = 1;
		}
		ASSERT_EQ(0, dojo_ioctl(c.fd, DRM_IOCTL_DOJO_QUEUE_CREATE, &args));
		queue = args.queue_id;
		snprintf(hang, sizeof(hang), "\"tile=%u,class=%s,level=queue\"", tile.index,
			 class[i]);
		ASSERT_EQ(0, dojo_qmp_set(qmp, path, "inject-hang", hang));
		dojo_fill(&c, c.batch.va + KIB(32), 64, 1);
		ASSERT_EQ(0, dojo_start(&c, queue, c.done));
		do {
			ASSERT_EQ(0, dojo_queue_state(c.fd, queue, &state));
			ASSERT_EQ(0, state.completed);
		} while (state.busy_ns < 50000000);

		start_worker_with(_metadata, &self->crowd, 0, i);
		wait_for_rounds(_metadata, &self->crowd, 20);
		stop_workers(_metadata, &self->crowd);
		ASSERT_EQ(0, dojo_queue_state(c.fd, queue, &state));
		EXPECT_EQ(DRM_DOJO_QUEUE_ACTIVE, state.status);
		EXPECT_EQ(0, state.completed);
		EXPECT_EQ(0, dojo_queue_destroy(c.fd, queue));
		ASSERT_EQ(0, dojo_syncobj_wait(c.fd, c.done, dojo_patience()));
	}
	dojo_client_close(&c);
	close(qmp);
}

TEST_F(isolation, a_hundred_waiting_queues_leave_the_engines_free)
{
	struct drm_dojo_limits limits;
	struct dojo_client c;
	__u32 queue, waiting;

	ASSERT_EQ(0, dojo_client_open(&c, 0));
	ASSERT_EQ(0, dojo_query(c.fd, DRM_DOJO_QUERY_LIMITS, &limits, sizeof(limits)));
	dojo_poke64((char *)c.batch.map + KIB(32), 0);
	dojo_sem_wait(&c, c.batch.va + KIB(32), 1, DOJO_SEM_EQUAL);
	for (waiting = 0; waiting < 100 && waiting + 2 < limits.queues_per_client; waiting++) {
		ASSERT_EQ(0, dojo_queue_create(c.fd, c.vm, waiting & 1, &queue));
		ASSERT_EQ(0, dojo_submit_one(c.fd, queue, c.batch.va, c.used, 0));
	}
	start_worker(_metadata, &self->crowd, 0);
	wait_for_rounds(_metadata, &self->crowd, 10);
	stop_workers(_metadata, &self->crowd);
	dojo_client_close(&c);
}

/* -------------------------------------------------------- what is hidden */

TEST_F(isolation, guessed_addresses_are_not_mapped)
{
	struct drm_dojo_queue_get_state state;
	__u64 random = 99, va;
	struct dojo_client c;
	int i;

	/* rings, fences, contexts and other clients' memory lie in other address spaces */
	ASSERT_EQ(0, dojo_client_open(&c, 0));
	for (i = 0; i < 200; i++) {
		va = i < 48 ? BIT(i) & ~(PAGE - 1) : dojo_random(&random) & (VA_END - PAGE);
		if (va >= c.batch.va && va < c.next_va)
			continue;
		dojo_copy(&c, c.batch.va + KIB(32), va, 8);
		EXPECT_EQ(-EFAULT, dojo_run(&c, c.dma))
			TH_LOG("address %#llx", (unsigned long long)va);
		ASSERT_EQ(0, dojo_queue_state(c.fd, c.dma, &state));
		EXPECT_EQ(DOJO_FAULT_TRANSLATION, state.fault);
		EXPECT_EQ(va, state.fault_va);
		ASSERT_EQ(0, dojo_client_new_queues(&c));
	}
	dojo_client_close(&c);
}

/* Address spaces come and go, and with them the hardware's few names for them */
TEST_F(isolation, a_new_address_space_shows_nothing_of_an_old_one)
{
	struct drm_dojo_queue_get_state state;
	struct dojo_client c;
	struct dojo_buf hbm;
	__u64 va = 0;
	unsigned int i;

	for (i = 0; i < times(50); i++) {
		ASSERT_EQ(0, dojo_client_open(&c, 0));
		if (va) {
			dojo_copy(&c, c.batch.va + KIB(32), va, 64);
			EXPECT_EQ(-EFAULT, dojo_run(&c, i & 1 ? c.dma : c.compute));
			ASSERT_EQ(0, dojo_queue_state(c.fd, i & 1 ? c.dma : c.compute, &state));
			EXPECT_EQ(DOJO_FAULT_TRANSLATION, state.fault);
			EXPECT_EQ(va, state.fault_va);
			ASSERT_EQ(0, dojo_client_new_queues(&c));
		}
		/* what is cached of the tables is used before the address space goes */
		ASSERT_EQ(0, dojo_buf_create(&c, &hbm, AREA, DRM_DOJO_DOMAIN_HBM, 0));
		EXPECT_TRUE(!va || va == hbm.va);
		va = hbm.va;
		dojo_fill(&c, va, AREA, i);
		dojo_copy(&c, c.batch.va + KIB(32), va, 64);
		ASSERT_EQ(0, dojo_run(&c, i & 1 ? c.compute : c.dma));
		dojo_client_close(&c);
	}
}

TEST_F(isolation, a_doorbell_page_cannot_be_mapped)
{
	int fd = dojo_open(0);
	__u64 offset;

	/* nothing but buffers can be mapped from the node */
	ASSERT_GE(fd, 0);
	for (offset = 0; offset < BIT(33); offset += MIB(4))
		ASSERT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, offset));
}

/* ------------------------------------------------- files among processes */

TEST_F(isolation, a_child_can_use_the_file_it_inherits)
{
	struct dojo_client c;
	int status;
	pid_t pid;

	ASSERT_EQ(0, dojo_client_open(&c, 0));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		dojo_fill(&c, c.batch.va + KIB(32), 4, 0xc41d);
		_exit(dojo_run(&c, c.dma) ? 1 : 0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0xc41d, *(__u32 *)((char *)c.batch.map + KIB(32)));
	dojo_client_close(&c);
}

TEST_F(isolation, a_file_outlives_the_process_that_opened_it)
{
	char control[CMSG_SPACE(sizeof(int))], byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct dojo_client c;
	int sockets[2], fd;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		memset(control, 0, sizeof(control));
		CMSG_FIRSTHDR(&msg)->cmsg_level = SOL_SOCKET;
		CMSG_FIRSTHDR(&msg)->cmsg_type = SCM_RIGHTS;
		CMSG_FIRSTHDR(&msg)->cmsg_len = CMSG_LEN(sizeof(int));
		fd = dojo_open(0);
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&msg)), &fd, sizeof(fd));
		_exit(sendmsg(sockets[1], &msg, 0) != 1);
	}
	ASSERT_EQ(1, recvmsg(sockets[0], &msg, 0));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	ASSERT_EQ(0, dojo_client_init(&c, fd));
	dojo_fill(&c, c.batch.va + KIB(32), 4, 0xf11e);
	EXPECT_EQ(0, dojo_run(&c, c.dma));
	dojo_client_close(&c);
}

/* ---------------------------------------------------------------- kills */

/* Works until it is killed, with every kind of object in use */
static void work_until_killed(struct worker *worker, __u64 seed)
{
	struct dojo_client c;
	__u64 state = seed;

	if (dojo_client_open(&c, 0))
		_exit(1);
	dojo_poke64((char *)c.batch.map + KIB(32), 0);
	dojo_sem_wait(&c, c.batch.va + KIB(32), dojo_random(&state), DOJO_SEM_EQUAL);
	if (dojo_start(&c, c.compute, c.done))
		_exit(1);
	work(worker, 0, seed, false);
	_exit(1);
}

TEST_F_TIMEOUT(isolation, killed_processes_leave_nothing_behind, 900)
{
	struct worker *worker = &self->crowd.workers[ARRAY_SIZE(self->crowd.pids) - 1];
	unsigned long kills = dojo_scaled(1000, 20), i;
	struct drm_dojo_memory_info before, after;
	char path[64], queues_before[16], queues[16];
	__u64 state = 31337;
	int status, tries, fd;
	pid_t pid;

	fd = dojo_open(0);
	ASSERT_GE(fd, 0);
	snprintf(path, sizeof(path), "/sys/class/accel/accel%d/device/queues", dojo_minor(0));
	ASSERT_GT(dojo_read_file(path, queues_before, sizeof(queues_before)), 0);
	ASSERT_EQ(0, dojo_query(fd, DRM_DOJO_QUERY_MEMORY, &before, sizeof(before)));
	for (i = 0; i < kills; i++) {
		*worker = (struct worker) { .rounds = 0 };
		pid = fork();
		ASSERT_GE(pid, 0);
		if (!pid)
			work_until_killed(worker, i + 1);
		/* every other one not before it is at work */
		for (tries = dojo_patience(); tries && i & 1 &&
		     !__atomic_load_n(&worker->rounds, __ATOMIC_RELAXED); tries--)
			usleep(1000);
		EXPECT_NE(0, tries);
		usleep(dojo_random(&state) % 30000);
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status));
	}
	for (tries = 0; tries < 100; tries++) {
		ASSERT_EQ(0, dojo_query(fd, DRM_DOJO_QUERY_MEMORY, &after, sizeof(after)));
		ASSERT_GT(dojo_read_file(path, queues, sizeof(queues)), 0);
		if (after.hbm_used <= before.hbm_used && after.system_used <= before.system_used &&
		    !strcmp(queues, queues_before))
			break;
		usleep(50000);
	}
	EXPECT_LE(after.hbm_used, before.hbm_used);
	EXPECT_LE(after.system_used, before.system_used);
	EXPECT_STREQ(queues_before, queues);
	/* and a fresh process works */
	start_worker(_metadata, &self->crowd, 0);
	wait_for_rounds(_metadata, &self->crowd, 3);
	stop_workers(_metadata, &self->crowd);
}

int main(int argc, char **argv)
{
	return dojo_test_main(argc, argv, NULL);
}
