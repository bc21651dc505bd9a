/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Command packets of a Dojo tile.
 *
 * A batch is a run of packets in a queue's own address space. The card decodes
 * them; the kernel never does. driver/HARDWARE.md is normative for control and
 * DMA packets and for the rules common to all; driver/NUMERICS.md is normative,
 * to the bit, for formats and compute packets.
 *
 * Everything is little-endian. Every field and bit called reserved, and every
 * flag that is not listed, must be zero.
 */
#ifndef _UAPI_DOJO_PACKET_H_
#define _UAPI_DOJO_PACKET_H_

#include <linux/types.h>

#if defined(__cplusplus)
extern "C" {
#endif

/*
 * enum dojo_format - element formats
 *
 * CFloat8 and CFloat16 SHP carry an exponent bias of 0..63 with each tensor.
 * Definitions: Tesla, "A Guide to Tesla's Configurable Floating Point Formats
 * & Arithmetic" (2021); where that is silent, driver/NUMERICS.md decides.
 */
enum dojo_format {
	DOJO_FORMAT_NONE = 0,
	DOJO_FORMAT_FP32 = 1,
	DOJO_FORMAT_BF16 = 2,
	DOJO_FORMAT_FP16 = 3,
	DOJO_FORMAT_CFLOAT8_143 = 4,
	DOJO_FORMAT_CFLOAT8_152 = 5,
	DOJO_FORMAT_CFLOAT16_SHP = 6,
	DOJO_FORMAT_CFLOAT16_UHP = 7,
	DOJO_FORMAT_INT8 = 8,
	DOJO_FORMAT_INT32 = 9,
};

#define DOJO_FORMAT_COUNT	10
#define DOJO_BIAS_MAX		63

/*
 * enum dojo_opcode - what a packet does
 *
 * 0x01..0x0f control and 0x10..0x17 DMA: any queue. 0x18..0x1f: privileged
 * queues, which only the kernel has. 0x40..0x7f: compute queues.
 */
enum dojo_opcode {
	DOJO_OP_NOP = 0x01,
	DOJO_OP_BARRIER = 0x02,
	DOJO_OP_TIMESTAMP = 0x03,
	DOJO_OP_SEM_WAIT = 0x04,
	DOJO_OP_SEM_SIGNAL = 0x05,

	DOJO_OP_COPY = 0x10,
	DOJO_OP_COPY_ND = 0x11,
	DOJO_OP_FILL = 0x12,

	DOJO_OP_COPY_SEGMENTS = 0x18,
	DOJO_OP_FILL_SEGMENTS = 0x19,

	DOJO_OP_GEMM = 0x40,
	DOJO_OP_UNARY = 0x41,
	DOJO_OP_BINARY = 0x42,
	DOJO_OP_REDUCE = 0x43,
	DOJO_OP_SOFTMAX = 0x44,
	DOJO_OP_SOFTMAX_GRAD = 0x45,
	DOJO_OP_NORM = 0x46,
	DOJO_OP_NORM_GRAD = 0x47,
	DOJO_OP_ROPE = 0x48,
	DOJO_OP_GATHER = 0x49,
	DOJO_OP_SCATTER = 0x4a,
	DOJO_OP_CONVERT = 0x4b,
	DOJO_OP_CONV2D = 0x4c,
	DOJO_OP_CONV2D_GRAD_INPUT = 0x4d,
	DOJO_OP_CONV2D_GRAD_WEIGHT = 0x4e,
	DOJO_OP_POOL = 0x4f,
	DOJO_OP_POOL_GRAD = 0x50,
	DOJO_OP_CROSS_ENTROPY = 0x51,
	DOJO_OP_DROPOUT = 0x52,
	DOJO_OP_SGD = 0x53,
	DOJO_OP_ADAMW = 0x54,

	DOJO_OP_ALL_REDUCE = 0x60,	/* DOJO_CAP_COLLECTIVE */
	DOJO_OP_MULTICAST = 0x61,	/* DOJO_CAP_COLLECTIVE */
};

/*
 * enum dojo_fault - why a queue stopped
 *
 * Reported in the queue context, in fault events and by
 * DRM_IOCTL_DOJO_QUEUE_GET_STATE. Where a field is named, it is given as its
 * byte offset from the start of the packet or descriptor.
 */
enum dojo_fault {
	DOJO_FAULT_NONE = 0,
	/* memory: address and access are reported */
	DOJO_FAULT_TRANSLATION = 1,	/* no valid page-table entry */
	DOJO_FAULT_PERMISSION = 2,	/* page not readable or not writable */
	DOJO_FAULT_PTE = 3,		/* ill-formed page-table entry */
	DOJO_FAULT_ADDRESS = 4,		/* entry points outside its memory, or VA above 48 bits */
	DOJO_FAULT_BUS = 5,		/* system memory refused the access */
	DOJO_FAULT_PEER = 6,		/* peer window closed */
	DOJO_FAULT_ASID = 7,		/* address space not set */
	/* the queue's program */
	DOJO_FAULT_DESCRIPTOR = 16,	/* illegal ring descriptor; field */
	DOJO_FAULT_DOORBELL = 17,	/* tail further than the ring is long */
	DOJO_FAULT_BATCH = 18,		/* packet runs past the end of its batch */
	DOJO_FAULT_OPCODE = 19,		/* unknown, or not in this generation */
	DOJO_FAULT_PACKET = 20,		/* length, flags or reserved bits; field */
	DOJO_FAULT_FIELD = 21,		/* operand out of range; field */
	DOJO_FAULT_CLASS = 22,		/* not for a queue of this class */
	DOJO_FAULT_PRIVILEGE = 23,	/* only for the kernel's queues */
	/* the work itself */
	DOJO_FAULT_ARITHMETIC = 32,	/* a trap that the queue had enabled */
	DOJO_FAULT_POISON = 33,		/* uncorrectable memory error */
};

/**
 * struct dojo_packet_header - starts every packet
 * @opcode: &enum dojo_opcode
 * @words: length of the whole packet in 8-byte words, 1..DOJO_PACKET_MAX / 8
 * @flags: DOJO_PACKET_*
 *
 * Packets are 8-byte aligned and follow each other without gaps. The length
 * must be the one that the opcode (and, for compute, the number of tensors)
 * asks for.
 */
struct dojo_packet_header {
	__u16 opcode;
	__u16 words;
	__u32 flags;
};

#define DOJO_PACKET_MAX		1024	/* bytes */
#define DOJO_PACKET_OVERLAP	(1u << 0)	/* need not complete before the next one starts */

/* DOJO_OP_NOP, DOJO_OP_BARRIER: the header alone. BARRIER ends all overlap. */

/* DOJO_OP_TIMESTAMP: the device clock in ns, 64 bits, to @va (8-byte aligned) */
struct dojo_packet_timestamp {
	struct dojo_packet_header header;
	__u64 va;
};

enum dojo_sem_condition {
	DOJO_SEM_EQUAL = 0,
	DOJO_SEM_NOT_EQUAL = 1,
	DOJO_SEM_GREATER_EQUAL = 2,	/* unsigned */
	DOJO_SEM_LESS = 3,		/* unsigned */
};

/* DOJO_OP_SEM_WAIT: the queue gives up its engine until *@va (64 bits) meets the condition */
struct dojo_packet_sem_wait {
	struct dojo_packet_header header;
	__u64 va;		/* 8-byte aligned */
	__u64 value;
	__u32 condition;	/* enum dojo_sem_condition */
	__u32 reserved;
};

enum dojo_sem_operation {
	DOJO_SEM_SET = 0,
	DOJO_SEM_ADD = 1,
	DOJO_SEM_MAX = 2,	/* unsigned */
};

/* DOJO_OP_SEM_SIGNAL: one atomic access, after all earlier packets of the queue */
struct dojo_packet_sem_signal {
	struct dojo_packet_header header;
	__u64 va;		/* 8-byte aligned */
	__u64 value;
	__u32 operation;	/* enum dojo_sem_operation */
	__u32 reserved;
};

/* DOJO_OP_COPY: @size bytes, any alignment; overlapping ranges give undefined bytes there */
struct dojo_packet_copy {
	struct dojo_packet_header header;
	__u64 src;
	__u64 dst;
	__u64 size;		/* 1..2^40 */
};

/*
 * DOJO_OP_COPY_ND: @size[0] contiguous bytes, repeated @size[1] x @size[2] x
 * @size[3] times; strides in bytes belong to sizes 1, 2, 3. No size may be 0;
 * the total is at most 2^40 bytes, and neither side may leave the 48-bit space.
 */
struct dojo_packet_copy_nd {
	struct dojo_packet_header header;
	__u64 src;
	__u64 dst;
	__u64 src_stride[3];
	__u64 dst_stride[3];
	__u32 size[4];
};

/* DOJO_OP_FILL: a 32-bit pattern; @dst and @size multiples of 4, @size 4..2^40 */
struct dojo_packet_fill {
	struct dojo_packet_header header;
	__u64 dst;
	__u64 size;
	__u32 pattern;
	__u32 reserved;
};

/**
 * struct dojo_segment - a run of physical memory, for the kernel's own packets
 * @pte: target and address as in a level 0 page-table entry, with VALID, LEAF
 *	and the permission that the access needs
 * @size: bytes, a non-zero multiple of 4 KiB
 */
struct dojo_segment {
	__u64 pte;
	__u64 size;
};

/*
 * DOJO_OP_COPY_SEGMENTS, DOJO_OP_FILL_SEGMENTS (privileged): @src_count
 * segments at @src to @dst_count segments at @dst, both arrays in the queue's
 * address space, 16-byte aligned, the same total size. FILL_SEGMENTS has no
 * source (@src and @src_count 0) and writes the pattern.
 */
struct dojo_packet_segments {
	struct dojo_packet_header header;
	__u64 src;
	__u64 dst;
	__u32 src_count;	/* 1..65536 */
	__u32 dst_count;	/* 1..65536 */
	__u32 pattern;		/* FILL_SEGMENTS; else 0 */
	__u32 reserved;
};

/**
 * struct dojo_tensor - where a tensor lies and how to read it
 * @va: of element (0, 0, 0, 0); aligned to the element size
 * @dim: extents, 1..2^31-1 each; dim[0] is the one that varies fastest by
 *	convention: a matrix of R rows and C columns is { C, R, 1, 1 }
 * @stride: distance between neighbours along each dim, in elements; 0 on an
 *	input broadcasts it. The last element must lie inside 48 bits.
 * @format: &enum dojo_format
 * @bias: exponent bias 0..63 for CFloat8 and SHP, else 0
 * @reserved: zero
 */
struct dojo_tensor {
	__u64 va;
	__u32 dim[4];
	__u64 stride[4];
	__u8 format;
	__u8 bias;
	__u8 reserved[6];
};

#define DOJO_TENSOR_MAX		8	/* in a packet */

enum dojo_round {
	DOJO_ROUND_NEAREST = 0,		/* ties to even */
	DOJO_ROUND_STOCHASTIC = 1,	/* random word: Philox4x32 of seed and rng_base + index */
};

/**
 * struct dojo_packet_compute - every compute packet, 0x40 and up
 * @header: opcode; length is 8 + 8 * @tensors words
 * @fn: selects the function where the opcode has several (DOJO_UNARY_*, ...)
 * @round: &enum dojo_round, for results that are stored in a narrower format
 * @tensors: how many descriptors follow
 * @reserved: zero
 * @op_flags: opcode's own flags (DOJO_GEMM_*, ...)
 * @seed: of stochastic rounding and dropout
 * @rng_base: added to the logical index of each output element
 * @f: FP32 parameters of the opcode as IEEE 754 bits, unused ones 0
 * @u: integer parameters of the opcode, unused ones 0
 * @tensor: operands in the order that the opcode lists; outputs included
 *
 * driver/NUMERICS.md lists fn, op_flags, f, u and tensors for every opcode.
 */
struct dojo_packet_compute {
	struct dojo_packet_header header;
	__u8 fn;
	__u8 round;
	__u8 tensors;
	__u8 reserved;
	__u32 op_flags;
	__u64 seed;
	__u64 rng_base;
	__u32 f[5];
	__u32 u[3];
	struct dojo_tensor tensor[];
};

/* fn of GEMM and CONV2D, and the first values of fn of UNARY */
enum dojo_activation {
	DOJO_ACT_NONE = 0,
	DOJO_ACT_RELU = 1,
	DOJO_ACT_GELU = 2,	/* tanh form */
	DOJO_ACT_SILU = 3,
	DOJO_ACT_SIGMOID = 4,
	DOJO_ACT_TANH = 5,
};

/*
 * DOJO_OP_GEMM: D = act(f[0] * A x B + bias + C). Tensors: A, B, D, then bias
 * with DOJO_GEMM_BIAS, then C with DOJO_GEMM_ADD. A is {K, M}, or {M, K} with
 * TRANS_A; B is {N, K}, or {K, N} with TRANS_B; D and C are {N, M}; bias is
 * {N}. dim[2] and dim[3] are batches: A's and B's divide D's, and index i of D
 * uses index i * A.dim / D.dim of A. C may be D. INT8 x INT8 accumulates in
 * INT32 and stores INT32 or FP32; everything else accumulates in FP32.
 */
#define DOJO_GEMM_TRANS_A	(1u << 0)
#define DOJO_GEMM_TRANS_B	(1u << 1)
#define DOJO_GEMM_BIAS		(1u << 2)
#define DOJO_GEMM_ADD		(1u << 3)

/* DOJO_OP_UNARY: y = fn(x). Tensors: x, y; x broadcasts by stride 0. */
enum dojo_unary {
	DOJO_UNARY_RELU = 1,
	DOJO_UNARY_GELU = 2,
	DOJO_UNARY_SILU = 3,
	DOJO_UNARY_SIGMOID = 4,
	DOJO_UNARY_TANH = 5,
	DOJO_UNARY_NEG = 6,
	DOJO_UNARY_ABS = 7,
	DOJO_UNARY_SQUARE = 8,
	DOJO_UNARY_SQRT = 9,
	DOJO_UNARY_RSQRT = 10,
	DOJO_UNARY_RECIPROCAL = 11,
	DOJO_UNARY_EXP = 12,
	DOJO_UNARY_LOG = 13,
	DOJO_UNARY_STEP = 14,	/* x > 0 ? 1 : 0 */
	DOJO_UNARY_SCALE = 15,	/* fma(f[0], x, f[1]) */
	DOJO_UNARY_CLAMP = 16,	/* to f[0] .. f[1] */
};

/*
 * DOJO_OP_BINARY: y = fn(a, b). Tensors: a, b, y, all of y's extents (broadcast
 * by stride 0). The _GRAD functions take a = dy and b = the forward input x.
 */
enum dojo_binary {
	DOJO_BINARY_ADD = 1,
	DOJO_BINARY_SUB = 2,
	DOJO_BINARY_MUL = 3,
	DOJO_BINARY_DIV = 4,
	DOJO_BINARY_MIN = 5,
	DOJO_BINARY_MAX = 6,
	DOJO_BINARY_AXPBY = 7,	/* fma(f[0], a, f[1] * b) */
	DOJO_BINARY_RELU_GRAD = 8,
	DOJO_BINARY_GELU_GRAD = 9,
	DOJO_BINARY_SILU_GRAD = 10,
	DOJO_BINARY_SIGMOID_GRAD = 11,
	DOJO_BINARY_TANH_GRAD = 12,
};

/*
 * DOJO_OP_REDUCE: over the dims whose bit is set in u[0], which are 1 in y.
 * Tensors: x, y. ARGMAX takes exactly one dim and stores INT32, lowest index
 * of equals.
 */
enum dojo_reduce {
	DOJO_REDUCE_SUM = 1,
	DOJO_REDUCE_MEAN = 2,
	DOJO_REDUCE_MAX = 3,
	DOJO_REDUCE_ABSMAX = 4,
	DOJO_REDUCE_ARGMAX = 5,
};

/*
 * DOJO_OP_SOFTMAX: y = softmax(f[0] * x + mask) along dim 0. Tensors: x, y,
 * then mask with DOJO_SOFTMAX_MASK (y's extents, broadcast by stride 0).
 * DOJO_OP_SOFTMAX_GRAD: tensors dy, y, dx; dx = f[0] * y * (dy - sum(dy * y)).
 */
#define DOJO_SOFTMAX_MASK	(1u << 0)
#define DOJO_SOFTMAX_CAUSAL	(1u << 1)	/* column > row + u[0] counts as -Inf */

/*
 * DOJO_OP_NORM along dim 0, f[0] = epsilon. Tensors: x, y, then gamma with
 * DOJO_NORM_GAMMA, then beta with DOJO_NORM_BETA, both {dim 0}.
 * DOJO_OP_NORM_GRAD: tensors dy, x, dx, then gamma and dgamma with
 * DOJO_NORM_GAMMA, then dbeta with DOJO_NORM_BETA.
 */
enum dojo_norm {
	DOJO_NORM_LAYER = 1,
	DOJO_NORM_RMS = 2,
};

#define DOJO_NORM_GAMMA		(1u << 0)
#define DOJO_NORM_BETA		(1u << 1)

/*
 * DOJO_OP_ROPE: x is {head size, heads, positions, batch}, pos INT32
 * {positions}. Tensors: x, pos, y. f[0] = base (10000), u[0] = how many of the
 * head's elements turn, even. INVERSE turns back: the gradient.
 */
#define DOJO_ROPE_INVERSE	(1u << 0)
#define DOJO_ROPE_HALVES	(1u << 1)	/* pairs (i, i + u[0] / 2), else (2i, 2i + 1) */

/*
 * DOJO_OP_GATHER: y[i] = x[index[i]] by rows. Tensors: x {C, R}, index INT32
 * {n}, y {C, n}. DOJO_OP_SCATTER: y[index[i]] = x[i], in ascending i. Tensors:
 * x {C, n}, index {n}, y {C, R}. An index outside 0..R-1 faults (FIELD).
 */
#define DOJO_SCATTER_ADD	(1u << 0)

/* DOJO_OP_CONVERT: y = x, format by format. Tensors: x, y of the same extents. */

/*
 * DOJO_OP_CONV2D: tensors x {W, H, C, N}, w {KW, KH, C, O}, y {OW, OH, O, N},
 * then bias {O} with DOJO_CONV_BIAS; fn = activation; u[0] = stride,
 * u[1] = padding (zeros), u[2] = dilation, each x | y << 16.
 * _GRAD_INPUT: dy, w, dx. _GRAD_WEIGHT: dy, x, dw, then dbias with
 * DOJO_CONV_BIAS.
 */
#define DOJO_CONV_BIAS		(1u << 0)

/*
 * DOJO_OP_POOL: tensors x {W, H, C, N}, y {OW, OH, C, N}; u[0] = window,
 * u[1] = stride, u[2] = padding, each x | y << 16. AVERAGE divides by the
 * whole window. _GRAD: dy, x, dx; the maximum that comes first takes all.
 */
enum dojo_pool {
	DOJO_POOL_MAX = 1,
	DOJO_POOL_AVERAGE = 2,
};

/*
 * DOJO_OP_CROSS_ENTROPY: softmax cross-entropy along dim 0. Tensors: logits
 * {C, N}, labels INT32 {N}, loss {N}, then dlogits {C, N} with
 * DOJO_CROSS_ENTROPY_GRAD: f[0] * (softmax - onehot). A label outside 0..C-1
 * faults (FIELD).
 */
#define DOJO_CROSS_ENTROPY_GRAD	(1u << 0)

/*
 * DOJO_OP_DROPOUT: tensors x, y; drops with probability f[0] by Philox of seed
 * and rng_base + logical index, scales the rest by 1 / (1 - f[0]). The same
 * packet applied to dy is the gradient.
 */

/*
 * DOJO_OP_SGD: g' = g + f[2] * w; with DOJO_SGD_MOMENTUM m = f[1] * m + g',
 * g' = m; w -= f[0] * g'. Tensors: w, g, then m. In place.
 * DOJO_OP_ADAMW: tensors w, g, m, v; f = learning rate, beta1, beta2, epsilon,
 * weight decay; u[0] = step, from 1. In place.
 */
#define DOJO_SGD_MOMENTUM	(1u << 0)

/*
 * DOJO_OP_ALL_REDUCE: tensors t0..tn-1 of the same extents become their sum,
 * each of them; terms added in the order listed. DOJO_OP_MULTICAST: tensor t0
 * is written to t1..tn-1. Both without conversion.
 */

#if defined(__cplusplus)
}
#endif

#endif
