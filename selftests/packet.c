// SPDX-License-Identifier: GPL-2.0-only
/*
 * Illegal packets: each gives its fault code and names its field, stops its queue
 * at that packet, and harms nobody else.
 */
#include <stddef.h>
#include <string.h>

#include "dojo_harness.h"

/*
 * What the packets of this program may name: 64 KiB of mapped memory at @good,
 * a page that may only be read at @readonly, and an unmapped hole.
 */
struct places {
	__u64 good;
	__u64 readonly;
	__u64 hole;
};

FIXTURE(packet) {
	struct dojo_client c;
	struct dojo_buf host;
	struct dojo_client other;
	struct places places;
};

FIXTURE_VARIANT(packet) {
	/* appends the illegal packet */
	void (*build)(struct dojo_client *c, const struct places *p);
	__u32 queue_class;
	__u32 fault;
	__u32 field;
	__u32 access;	/* memory faults: 1 read, 2 write */
	int error;	/* of the fence */
};

static struct dojo_packet_header *header(struct dojo_client *c, __u16 opcode)
{
	return dojo_packet(c, opcode, sizeof(struct dojo_packet_header));
}

static struct dojo_packet_copy *good_copy(struct dojo_client *c, const struct places *p)
{
	struct dojo_packet_copy *copy = dojo_packet(c, DOJO_OP_COPY, sizeof(*copy));

	copy->src = p->good;
	copy->dst = p->good + 4096;
	copy->size = 64;
	return copy;
}

static struct dojo_packet_copy_nd *good_copy_nd(struct dojo_client *c, const struct places *p)
{
	struct dojo_packet_copy_nd *copy = dojo_packet(c, DOJO_OP_COPY_ND, sizeof(*copy));
	int i;

	copy->src = p->good;
	copy->dst = p->good + 4096;
	for (i = 0; i < 4; i++)
		copy->size[i] = 1;
	return copy;
}

static struct dojo_packet_fill *good_fill(struct dojo_client *c, const struct places *p)
{
	struct dojo_packet_fill *fill = dojo_packet(c, DOJO_OP_FILL, sizeof(*fill));

	fill->dst = p->good;
	fill->size = 64;
	return fill;
}

static struct dojo_packet_sem_wait *good_wait(struct dojo_client *c, const struct places *p)
{
	struct dojo_packet_sem_wait *wait = dojo_packet(c, DOJO_OP_SEM_WAIT, sizeof(*wait));

	wait->va = p->good;
	wait->condition = DOJO_SEM_GREATER_EQUAL;
	return wait;
}

static struct dojo_packet_sem_signal *good_signal(struct dojo_client *c, const struct places *p)
{
	struct dojo_packet_sem_signal *signal = dojo_packet(c, DOJO_OP_SEM_SIGNAL,
							    sizeof(*signal));

	signal->va = p->good;
	return signal;
}

/* y = -x on 4 elements */
static struct dojo_packet_compute *good_unary(struct dojo_client *c, const struct places *p)
{
	struct dojo_packet_compute *unary = dojo_compute(c, DOJO_OP_UNARY, 2);

	unary->fn = DOJO_UNARY_NEG;
	unary->tensor[0] = dojo_dense(p->good, DOJO_FORMAT_FP32, 4, 1, 1, 1);
	unary->tensor[1] = dojo_dense(p->good + 4096, DOJO_FORMAT_FP32, 4, 1, 1, 1);
	return unary;
}

#define FIELD(type, member)	offsetof(struct dojo_packet_##type, member)
#define HEADER_WORDS		offsetof(struct dojo_packet_header, words)
#define HEADER_FLAGS		offsetof(struct dojo_packet_header, flags)
#define TENSOR(i, member)	(sizeof(struct dojo_packet_compute) + \
				 (i) * sizeof(struct dojo_tensor) + \
				 offsetof(struct dojo_tensor, member))

/*
 * ILLEGAL(name, code, field): @statement, which follows, changes a packet that
 * would have been legal. @c and @p are its client and its places.
 */
#define ILLEGAL_ON(class, name, code, at, statement)				\
	static void build_##name(struct dojo_client *c, const struct places *p)	\
	{									\
		(void)p;							\
		statement;							\
	}									\
	FIXTURE_VARIANT_ADD(packet, name) {					\
		.build = build_##name,						\
		.queue_class = DRM_DOJO_QUEUE_##class,				\
		.fault = DOJO_FAULT_##code,					\
		.field = at,							\
		.error = -EINVAL,						\
	}
#define ILLEGAL(name, code, at, statement) ILLEGAL_ON(DMA, name, code, at, statement)
#define ILLEGAL_COMPUTE(name, code, at, statement) ILLEGAL_ON(COMPUTE, name, code, at, statement)

#define MEMORY_FAULT(name, code, way, statement)				\
	static void build_##name(struct dojo_client *c, const struct places *p)	\
	{									\
		statement;							\
	}									\
	FIXTURE_VARIANT_ADD(packet, name) {					\
		.build = build_##name,						\
		.queue_class = DRM_DOJO_QUEUE_DMA,				\
		.fault = DOJO_FAULT_##code,					\
		.access = way,							\
		.error = -EFAULT,						\
	}

/* opcodes */
ILLEGAL(opcode_0, OPCODE, 0, header(c, 0));
ILLEGAL(opcode_unknown, OPCODE, 0, header(c, 0x7f));
ILLEGAL(opcode_large, OPCODE, 0, header(c, 0xffff));
ILLEGAL(opcode_with_high_byte, OPCODE, 0, header(c, 0x100 | DOJO_OP_NOP));
ILLEGAL(privileged_copy, PRIVILEGE, 0,
	dojo_packet(c, DOJO_OP_COPY_SEGMENTS, sizeof(struct dojo_packet_segments)));
ILLEGAL(privileged_fill, PRIVILEGE, 0,
	dojo_packet(c, DOJO_OP_FILL_SEGMENTS, sizeof(struct dojo_packet_segments)));
ILLEGAL_COMPUTE(privileged_on_a_compute_queue, PRIVILEGE, 0,
		dojo_packet(c, DOJO_OP_FILL_SEGMENTS, sizeof(struct dojo_packet_segments)));
ILLEGAL(compute_on_a_dma_queue, CLASS, 0, good_unary(c, p));

/* lengths and flags */
ILLEGAL(length_0, PACKET, HEADER_WORDS, header(c, DOJO_OP_NOP)->words = 0);
ILLEGAL(nop_too_long, PACKET, HEADER_WORDS, header(c, DOJO_OP_NOP)->words = 2);
ILLEGAL(copy_too_short, PACKET, HEADER_WORDS, good_copy(c, p)->header.words--);
ILLEGAL(copy_too_long, PACKET, HEADER_WORDS, good_copy(c, p)->header.words++);
ILLEGAL(fill_of_1024_words, PACKET, HEADER_WORDS, good_fill(c, p)->header.words = 1024);
ILLEGAL(length_65535, PACKET, HEADER_WORDS, good_fill(c, p)->header.words = 65535);
ILLEGAL(unknown_flag, PACKET, HEADER_FLAGS, good_copy(c, p)->header.flags = 1 << 1);
ILLEGAL(unknown_high_flag, PACKET, HEADER_FLAGS, good_copy(c, p)->header.flags = 1u << 31);
ILLEGAL(past_the_end_of_the_batch, BATCH, 0,
	{ good_copy(c, p); c->used -= 8; });
ILLEGAL(header_alone_at_the_end, BATCH, 0,
	{ good_copy(c, p); c->used -= sizeof(struct dojo_packet_copy) - 8; });

/* reserved fields */
ILLEGAL(sem_wait_reserved, PACKET, FIELD(sem_wait, reserved), good_wait(c, p)->reserved = 1);
ILLEGAL(sem_signal_reserved, PACKET, FIELD(sem_signal, reserved),
	good_signal(c, p)->reserved = 1);
ILLEGAL(fill_reserved, PACKET, FIELD(fill, reserved), good_fill(c, p)->reserved = 1);
ILLEGAL_COMPUTE(compute_reserved, PACKET, FIELD(compute, reserved),
		good_unary(c, p)->reserved = 1);

/* operands */
ILLEGAL(timestamp_unaligned, FIELD, FIELD(timestamp, va), dojo_timestamp(c, p->good + 4));
ILLEGAL(sem_wait_unaligned, FIELD, FIELD(sem_wait, va), good_wait(c, p)->va += 4);
ILLEGAL(sem_signal_unaligned, FIELD, FIELD(sem_signal, va), good_signal(c, p)->va += 1);
ILLEGAL(sem_wait_condition, FIELD, FIELD(sem_wait, condition), good_wait(c, p)->condition = 4);
ILLEGAL(sem_signal_operation, FIELD, FIELD(sem_signal, operation),
	good_signal(c, p)->operation = 3);
ILLEGAL(copy_of_nothing, FIELD, FIELD(copy, size), good_copy(c, p)->size = 0);
ILLEGAL(copy_of_too_much, FIELD, FIELD(copy, size), good_copy(c, p)->size = BIT(40) + 1);
ILLEGAL(copy_of_everything, FIELD, FIELD(copy, size), good_copy(c, p)->size = ~0ull);
ILLEGAL(fill_of_nothing, FIELD, FIELD(fill, size), good_fill(c, p)->size = 0);
ILLEGAL(fill_of_too_much, FIELD, FIELD(fill, size), good_fill(c, p)->size = BIT(40) + 4);
ILLEGAL(fill_of_odd_size, FIELD, FIELD(fill, size), good_fill(c, p)->size = 6);
ILLEGAL(fill_unaligned, FIELD, FIELD(fill, dst), good_fill(c, p)->dst += 2);
ILLEGAL(copy_nd_size_0, FIELD, FIELD(copy_nd, size[0]), good_copy_nd(c, p)->size[0] = 0);
ILLEGAL(copy_nd_size_1, FIELD, FIELD(copy_nd, size[1]), good_copy_nd(c, p)->size[1] = 0);
ILLEGAL(copy_nd_size_2, FIELD, FIELD(copy_nd, size[2]), good_copy_nd(c, p)->size[2] = 0);
ILLEGAL(copy_nd_size_3, FIELD, FIELD(copy_nd, size[3]), good_copy_nd(c, p)->size[3] = 0);

/* memory */
MEMORY_FAULT(copy_from_unmapped, TRANSLATION, 1, good_copy(c, p)->src = p->hole);
MEMORY_FAULT(copy_to_unmapped, TRANSLATION, 2, good_copy(c, p)->dst = p->hole);
MEMORY_FAULT(copy_runs_off_the_end, TRANSLATION, 1, good_copy(c, p)->src = p->hole - 32);
MEMORY_FAULT(fill_unmapped, TRANSLATION, 2, good_fill(c, p)->dst = p->hole);
MEMORY_FAULT(timestamp_unmapped, TRANSLATION, 2, dojo_timestamp(c, p->hole));
MEMORY_FAULT(sem_wait_unmapped, TRANSLATION, 1, good_wait(c, p)->va = p->hole);
MEMORY_FAULT(address_0, TRANSLATION, 1, good_copy(c, p)->src = 0);
MEMORY_FAULT(fill_readonly, PERMISSION, 2, good_fill(c, p)->dst = p->readonly);
MEMORY_FAULT(copy_to_readonly, PERMISSION, 2, good_copy(c, p)->dst = p->readonly);

/* what a user can guess of the kernel's own memory lies in another address space */
MEMORY_FAULT(kernel_half, ADDRESS, 1, good_copy(c, p)->src = 0xffff888000000000ull);
MEMORY_FAULT(first_address_beyond, ADDRESS, 2, good_fill(c, p)->dst = VA_END);

FIXTURE_SETUP(packet)
{
	struct drm_dojo_bind_op readonly = {
		.type = DRM_DOJO_BIND_MAP,
		.flags = DRM_DOJO_BIND_READONLY,
		.size = PAGE,
	};
	struct dojo_client *c = &self->c;

	ASSERT_EQ(0, dojo_client_open(c, 0));
	ASSERT_EQ(0, dojo_client_open(&self->other, 0));
	ASSERT_EQ(0, dojo_buf_create(c, &self->host, KIB(64), DRM_DOJO_DOMAIN_SYSTEM,
				     DRM_DOJO_BO_CPU_ACCESS));
	self->places.good = self->host.va;
	self->places.hole = self->host.va + self->host.size;
	self->places.readonly = dojo_hole(c, PAGE);
	readonly.handle = self->host.handle;
	readonly.va = self->places.readonly;
	ASSERT_EQ(0, dojo_vm_bind(c->fd, c->vm, &readonly, 1, NULL));
}

FIXTURE_TEARDOWN(packet)
{
	dojo_client_close(&self->other);
	dojo_client_close(&self->c);
}

static __u32 run_illegal(struct dojo_client *c, const struct places *p, __u32 queue_class,
			 void (*build)(struct dojo_client *c, const struct places *p), int *result)
{
	__u32 queue = queue_class == DRM_DOJO_QUEUE_DMA ? c->dma : c->compute;

	/* three good words first, so that the offset means something */
	header(c, DOJO_OP_NOP);
	header(c, DOJO_OP_NOP);
	header(c, DOJO_OP_NOP);
	build(c, p);
	*result = dojo_run(c, queue);
	return queue;
}

TEST_F(packet, stops_its_queue_and_says_why)
{
	struct drm_dojo_queue_get_state state;
	__u16 opcode;
	__u32 queue;
	int result;

	queue = run_illegal(&self->c, &self->places, variant->queue_class, variant->build,
			    &result);
	opcode = ((struct dojo_packet_header *)((char *)self->c.batch.map + 24))->opcode;
	EXPECT_EQ(variant->error, result);
	ASSERT_EQ(0, dojo_queue_state(self->c.fd, queue, &state));
	EXPECT_EQ(DRM_DOJO_QUEUE_FAULTED, state.status);
	EXPECT_EQ(variant->fault, state.fault);
	EXPECT_EQ(variant->field, state.fault_field);
	EXPECT_EQ(variant->access, state.fault_access);
	EXPECT_EQ(opcode, state.packet_opcode);
	EXPECT_EQ(self->c.batch.va, state.batch_va);
	EXPECT_EQ(24, state.packet_offset);
	EXPECT_EQ(1, state.fault_seqno);
}

TEST_F(packet, leaves_others_alone)
{
	__u32 queue, *word = (__u32 *)((char *)self->other.batch.map + KIB(32));
	int result;

	queue = run_illegal(&self->c, &self->places, variant->queue_class, variant->build,
			    &result);
	EXPECT_EQ(variant->error, result);
	/* the queue takes nothing more */
	EXPECT_EQ(-ECANCELED, dojo_submit_one(self->c.fd, queue, 0, 0, 0));
	/* the client's other queue, and another client on the same tile */
	header(&self->c, DOJO_OP_NOP);
	EXPECT_EQ(0, dojo_run(&self->c, queue == self->c.dma ? self->c.compute : self->c.dma));
	dojo_fill(&self->other, self->other.batch.va + KIB(32), 4, 0x900d);
	EXPECT_EQ(0, dojo_run(&self->other, queue == self->c.dma ? self->other.dma :
			      self->other.compute));
	EXPECT_EQ(0x900d, *word);
}

/* ----------------------------------------------- what a fault leaves behind */

FIXTURE(after) {
	struct dojo_client c;
	struct dojo_buf host;
};

FIXTURE_SETUP(after)
{
	ASSERT_EQ(0, dojo_client_open(&self->c, 0));
	ASSERT_EQ(0, dojo_buf_create(&self->c, &self->host, KIB(64), DRM_DOJO_DOMAIN_SYSTEM,
				     DRM_DOJO_BO_CPU_ACCESS));
}

FIXTURE_TEARDOWN(after)
{
	dojo_client_close(&self->c);
}

TEST_F(after, packets_before_the_illegal_one_have_been_done)
{
	dojo_fill(&self->c, self->host.va, 64, 0x1111);
	header(&self->c, 0x7f);
	dojo_fill(&self->c, self->host.va + 64, 64, 0x2222);
	EXPECT_EQ(-EINVAL, dojo_run(&self->c, self->c.dma));
	EXPECT_EQ(0x1111, *(__u32 *)self->host.map);
}

TEST_F(after, packets_behind_the_illegal_one_have_not)
{
	header(&self->c, 0x7f);
	dojo_fill(&self->c, self->host.va + 64, 64, 0x2222);
	EXPECT_EQ(-EINVAL, dojo_run(&self->c, self->c.dma));
	EXPECT_EQ(0, *(__u32 *)((char *)self->host.map + 64));
}

TEST_F(after, a_memory_fault_names_its_address)
{
	struct drm_dojo_queue_get_state state;
	__u64 hole = dojo_hole(&self->c, PAGE);

	dojo_fill(&self->c, hole + 0x128, 8, 0);
	EXPECT_EQ(-EFAULT, dojo_run(&self->c, self->c.dma));
	ASSERT_EQ(0, dojo_queue_state(self->c.fd, self->c.dma, &state));
	EXPECT_EQ(hole + 0x128, state.fault_va);
}

TEST_F(after, jobs_behind_the_fault_are_cancelled)
{
	struct drm_dojo_job jobs[3];
	struct drm_dojo_sync_op out[3];
	__u32 done[3];
	int i;

	/* the first job waits, so that all are in the ring when it faults */
	dojo_poke64(self->host.map, 0);
	dojo_sem_wait(&self->c, self->host.va, 1, DOJO_SEM_EQUAL);
	header(&self->c, 0x7f);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, dojo_syncobj_create(self->c.fd, &done[i]));
		out[i] = (struct drm_dojo_sync_op) {
			.flags = DRM_DOJO_SYNC_OP_SIGNAL,
			.handle = done[i],
		};
		jobs[i] = (struct drm_dojo_job) {
			.batch_va = self->c.batch.va,
			.batch_size = self->c.used,
			.syncs = { .stride = sizeof(out[i]), .count = 1,
				   .array = (uintptr_t)&out[i] },
		};
	}
	ASSERT_EQ(0, dojo_submit(self->c.fd, self->c.dma, 0, jobs, 3));
	dojo_poke64(self->host.map, 1);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, dojo_syncobj_wait(self->c.fd, done[i], dojo_patience()));
		EXPECT_EQ(i ? -ECANCELED : -EINVAL, dojo_syncobj_status(self->c.fd, done[i]));
	}
}

TEST_F(after, a_stopped_queue_can_be_destroyed_and_replaced)
{
	int i;

	for (i = 0; i < 20; i++) {
		header(&self->c, 0x7f);
		EXPECT_EQ(-EINVAL, dojo_run(&self->c, self->c.dma));
		header(&self->c, 0x7f);
		EXPECT_EQ(-EINVAL, dojo_run(&self->c, self->c.compute));
		ASSERT_EQ(0, dojo_client_new_queues(&self->c));
		dojo_fill(&self->c, self->host.va, 64, i);
		EXPECT_EQ(0, dojo_run(&self->c, self->c.dma));
	}
}

TEST_F(after, the_fault_names_the_job)
{
	struct drm_dojo_queue_get_state state;
	int i;

	for (i = 0; i < 5; i++) {
		header(&self->c, DOJO_OP_NOP);
		ASSERT_EQ(0, dojo_run(&self->c, self->c.dma));
	}
	header(&self->c, 0x7f);
	EXPECT_EQ(-EINVAL, dojo_run(&self->c, self->c.dma));
	ASSERT_EQ(0, dojo_queue_state(self->c.fd, self->c.dma, &state));
	EXPECT_EQ(6, state.fault_seqno);
	EXPECT_EQ(6, state.submitted);
}

TEST_F(after, a_batch_changed_while_it_waits_runs_as_the_one_or_the_other)
{
	__u32 *word = (__u32 *)((char *)self->host.map + 64);

	dojo_poke64(self->host.map, 0);
	dojo_sem_wait(&self->c, self->host.va, 1, DOJO_SEM_EQUAL);
	dojo_fill(&self->c, self->host.va + 64, 64, 0x1111);
	ASSERT_EQ(0, dojo_start(&self->c, self->c.dma, self->c.done));
	usleep(20000);
	self->c.used = sizeof(struct dojo_packet_sem_wait);
	dojo_fill(&self->c, self->host.va + 64, 64, 0x2222);
	dojo_poke64(self->host.map, 1);
	ASSERT_EQ(0, dojo_syncobj_wait(self->c.fd, self->c.done, dojo_patience()));
	EXPECT_EQ(1, dojo_syncobj_status(self->c.fd, self->c.done));
	EXPECT_TRUE(*word == 0x1111 || *word == 0x2222);
}

int main(int argc, char **argv)
{
	return dojo_test_main(argc, argv, NULL);
}
