/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Decoding and executing packets: plain C, no QEMU types, no allocation of
 * guest-controlled size, no global state. The device calls it from its engine
 * threads; native tests and fuzzers call it with memory of their own.
 */
#ifndef DOJO_OP_H
#define DOJO_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dojo_packet.h"

/* Why an operation could not go on; reason is DOJO_FAULT_NONE while all is well */
struct dojo_fault_info {
	uint32_t reason;	/* enum dojo_fault */
	uint32_t access;	/* 1 read, 2 write, 0 none */
	uint32_t field;		/* byte offset in the packet */
	uint64_t va;
};

/*
 * A queue's view of memory. Contents may change under the reader at any time;
 * callers fetch what they check once, and check what they fetched.
 */
struct dojo_memory {
	const struct dojo_memory_ops *ops;
};

struct dojo_memory_ops {
	/*
	 * The longest directly addressable run from @va: sets *@len to 1..@want
	 * and returns the host address. A read may be asked for more than the
	 * operand holds, up to 2 MiB ahead: only the first byte must be legal.
	 * NULL with fault->reason NONE means that read() and write() must be
	 * used for *@len bytes; NULL with a reason is a fault. The pointer is good
	 * until the unit of work ends.
	 */
	void *(*map)(struct dojo_memory *mem, uint64_t va, uint64_t want,
		     bool write, uint64_t *len, struct dojo_fault_info *fault);
	/* false and a reason in *@fault on a fault; bytes before it may be done */
	bool (*read)(struct dojo_memory *mem, uint64_t va, void *buf,
		     uint64_t len, struct dojo_fault_info *fault);
	bool (*write)(struct dojo_memory *mem, uint64_t va, const void *buf,
		      uint64_t len, struct dojo_fault_info *fault);

	/*
	 * The same for @offset bytes into a segment (struct dojo_segment) that
	 * begins where @pte says, past the queue's page tables. The runs asked for
	 * stay inside the segment. The callee checks the entry and that target,
	 * address and permission are legal; the fault's va is set by the caller
	 * if the reason is PTE. Needed for privileged queues only.
	 */
	void *(*map_segment)(struct dojo_memory *mem, uint64_t pte,
			     uint64_t offset, uint64_t want, bool write,
			     uint64_t *len, struct dojo_fault_info *fault);
	bool (*read_segment)(struct dojo_memory *mem, uint64_t pte,
			     uint64_t offset, void *buf, uint64_t len,
			     struct dojo_fault_info *fault);
	bool (*write_segment)(struct dojo_memory *mem, uint64_t pte,
			      uint64_t offset, const void *buf, uint64_t len,
			      struct dojo_fault_info *fault);

	/*
	 * Zeroes [@host, @host + @len), which map or map_segment gave for writing:
	 * whole pages may be discarded instead. May be NULL.
	 */
	void (*zero)(struct dojo_memory *mem, void *host, uint64_t len);
};

/* What the queue and the card allow */
struct dojo_op_limits {
	bool compute;			/* class of the queue */
	bool privileged;
	uint64_t opcodes[4];		/* 256 bits: legal in this generation */
	uint32_t formats;		/* bit n: enum dojo_format n */
};

/* Arithmetic flags, counted per element that raised them */
struct dojo_flags {
	uint64_t invalid;
	uint64_t denormal;
	uint64_t overflow;
	uint64_t underflow;
};

/* A packet, copied from the guest once and checked */
struct dojo_op {
	union {
		struct dojo_packet_header header;
		uint64_t words[DOJO_PACKET_MAX / 8];
	} packet;
	uint64_t units;			/* 0..units-1 may run in any order, in parallel */
	uint64_t flop;
	uint64_t read_bytes;		/* what the operands hold, each once */
	uint64_t write_bytes;
	uint32_t matrix_format;		/* sets the peak; NONE: no arithmetic */
	bool stream;			/* write results past the caches: changes no bit */
	uint64_t plan[16];		/* private to the opcode's implementation */
};

/*
 * Outputs from this size on are written past the caches: more than a thread's share of
 * most of them. Tests lower it.
 */
extern uint64_t dojo_stream_bytes;

/*
 * dojo_op_decode - check a packet
 * @op: op->packet holds @bytes bytes, copied from the batch
 * @bytes: what is left of the batch, at most DOJO_PACKET_MAX of it
 *
 * Returns false with *@fault set if the packet is illegal. On success
 * op->packet.header.words says where the next one begins.
 */
bool dojo_op_decode(struct dojo_op *op, size_t bytes,
		    const struct dojo_op_limits *limits,
		    struct dojo_fault_info *fault);

/*
 * dojo_op_prepare - read what decides how much work there is
 *
 * Once, after decoding and before the first unit, on an engine's thread: it
 * sets op->units of *_SEGMENTS from their lists. Other opcodes: does nothing.
 * Bounded: reads at most 2 MiB. Returns false with *@fault set on a fault.
 */
bool dojo_op_prepare(struct dojo_op *op, struct dojo_memory *mem, void *scratch,
		     struct dojo_fault_info *fault);

/*
 * dojo_op_run - one unit of work of a COPY, COPY_ND, FILL, *_SEGMENTS or
 * compute packet
 * @scratch: DOJO_OP_SCRATCH bytes, 64-byte aligned, private to the thread
 *
 * Bounded: a unit makes at most about 2^28 multiply-adds or visits 2^24
 * elements. Running a unit again gives the same bytes unless its input was its
 * output. Returns false with *@fault set.
 */
bool dojo_op_run(const struct dojo_op *op, uint64_t unit,
		 struct dojo_memory *mem, void *scratch,
		 struct dojo_flags *flags, struct dojo_fault_info *fault);

#define DOJO_OP_SCRATCH		(8u << 20)

#endif
