// SPDX-License-Identifier: MIT
/* Names and sentences. */
#include "test.h"

static const char *field(uint32_t opcode, size_t byte)
{
	static char text[128];

	dojo_field_string(opcode, (uint32_t)byte, text, sizeof(text));
	return text;
}

#define FIELD_IS(opcode, byte, expected)	EQUAL(strcmp(field(opcode, byte), expected), 0)

/* Byte of a member of tensor @index of a compute packet. */
#define TENSOR(index, member)							\
	(offsetof(struct dojo_packet_compute, tensor) +				\
	 (index) * sizeof(struct dojo_tensor) + offsetof(struct dojo_tensor, member))
#define COMPUTE(member)		offsetof(struct dojo_packet_compute, member)

TEST(every_format_has_a_name_that_leads_back)
{
	uint32_t format;

	for (format = 1; format < DOJO_FORMAT_COUNT; format++)
		EQUAL(dojo_format_from_name(dojo_format_name(format)), format);
	EQUAL(dojo_format_from_name("BF16"), DOJO_FORMAT_BF16);
	EQUAL(dojo_format_from_name("fp64"), -EINVAL);
	EQUAL(dojo_format_from_name("none"), -EINVAL);
	EQUAL(dojo_format_from_name(NULL), -EINVAL);
}

TEST(every_opcode_and_fault_of_the_abi_has_a_name)
{
	static const uint32_t opcodes[] = {
		DOJO_OP_NOP, DOJO_OP_SEM_SIGNAL, DOJO_OP_FILL, DOJO_OP_FILL_SEGMENTS,
		DOJO_OP_ALL_REDUCE, DOJO_OP_MULTICAST,
	};
	uint32_t i;

	for (i = 0; i < ARRAY_SIZE(opcodes); i++)
		CHECK(strcmp(dojo_opcode_name(opcodes[i]), "unknown"));
	for (i = DOJO_OP_GEMM; i <= DOJO_OP_ADAMW; i++)
		CHECK(strcmp(dojo_opcode_name(i), "unknown"));
	for (i = DOJO_FAULT_NONE; i <= DOJO_FAULT_ASID; i++)
		CHECK(strcmp(dojo_fault_text(i), "unknown"));
	for (i = DOJO_FAULT_DESCRIPTOR; i <= DOJO_FAULT_PRIVILEGE; i++)
		CHECK(strcmp(dojo_fault_name(i), "unknown"));
	CHECK(strcmp(dojo_fault_name(DOJO_FAULT_POISON), "unknown"));
}

TEST(values_beyond_the_abi_are_unknown)
{
	EQUAL(strcmp(dojo_format_name(77), "unknown"), 0);
	EQUAL(strcmp(dojo_opcode_name(0), "unknown"), 0);
	EQUAL(strcmp(dojo_opcode_name(0xffff), "unknown"), 0);
	EQUAL(strcmp(dojo_fault_name(8), "unknown"), 0);
	EQUAL(strcmp(dojo_fault_text(1000), "unknown"), 0);
	EQUAL(strcmp(dojo_queue_status_name(9), "unknown"), 0);
	EQUAL(strcmp(dojo_priority_name(9), "unknown"), 0);
	EQUAL(strcmp(dojo_domain_name(3), "unknown"), 0);
}

TEST(states_priorities_and_domains_have_names)
{
	EQUAL(strcmp(dojo_queue_status_name(DRM_DOJO_QUEUE_INNOCENT), "innocent"), 0);
	EQUAL(strcmp(dojo_priority_name(DRM_DOJO_PRIORITY_HIGH), "high"), 0);
	EQUAL(strcmp(dojo_domain_name(DRM_DOJO_DOMAIN_HBM), "hbm"), 0);
	EQUAL(strcmp(dojo_domain_name(DRM_DOJO_DOMAIN_SRAM), "sram"), 0);
	EQUAL(strcmp(dojo_domain_name(DRM_DOJO_DOMAIN_SYSTEM), "system"), 0);
}

TEST(errors_have_text_whatever_their_sign)
{
	SAYS(dojo_strerror(0), "success");
	SAYS(dojo_strerror(-ENOSPC), "no room");
	SAYS(dojo_strerror(ENOSPC), "no room");
	SAYS(dojo_strerror(-9999), "unexpected");
	SAYS(dojo_open_strerror(-ENOENT), "modprobe");
	SAYS(dojo_open_strerror(-ENOMEM), "memory");
}

TEST(fields_of_headers_and_dma_packets)
{
	FIELD_IS(DOJO_OP_COPY, 0, "opcode");
	FIELD_IS(DOJO_OP_GEMM, 2, "words");
	FIELD_IS(DOJO_OP_NOP, 4, "flags");
	FIELD_IS(DOJO_OP_COPY, offsetof(struct dojo_packet_copy, dst), "dst");
	FIELD_IS(DOJO_OP_COPY_ND, offsetof(struct dojo_packet_copy_nd, src_stride[1]),
		 "src_stride[1]");
	FIELD_IS(DOJO_OP_COPY_ND, offsetof(struct dojo_packet_copy_nd, size[3]), "size[3]");
	FIELD_IS(DOJO_OP_FILL, offsetof(struct dojo_packet_fill, pattern), "pattern");
	FIELD_IS(DOJO_OP_TIMESTAMP, 8, "va");
	FIELD_IS(DOJO_OP_SEM_WAIT, offsetof(struct dojo_packet_sem_wait, condition), "condition");
	FIELD_IS(DOJO_OP_SEM_SIGNAL, offsetof(struct dojo_packet_sem_signal, operation),
		 "operation");
	FIELD_IS(DOJO_OP_COPY, 500, "byte 500");
	FIELD_IS(DOJO_OP_NOP, 8, "byte 8");
	FIELD_IS(0x33, 64, "byte 64");
}

TEST(fields_of_compute_packets)
{
	FIELD_IS(DOJO_OP_GEMM, COMPUTE(fn), "fn");
	FIELD_IS(DOJO_OP_GEMM, COMPUTE(round), "round");
	FIELD_IS(DOJO_OP_GEMM, COMPUTE(tensors), "tensors");
	FIELD_IS(DOJO_OP_GEMM, COMPUTE(op_flags), "op_flags");
	FIELD_IS(DOJO_OP_GEMM, COMPUTE(seed), "seed");
	FIELD_IS(DOJO_OP_GEMM, COMPUTE(f[0]), "f[0] (alpha)");
	FIELD_IS(DOJO_OP_GEMM, COMPUTE(f[4]), "f[4]");
	FIELD_IS(DOJO_OP_ADAMW, COMPUTE(f[4]), "f[4] (decay)");
	FIELD_IS(DOJO_OP_CONV2D, COMPUTE(u[1]), "u[1] (padding)");
	FIELD_IS(DOJO_OP_MULTICAST, COMPUTE(u[1]), "u[1]");
}

TEST(fields_of_tensors_name_the_operand)
{
	FIELD_IS(DOJO_OP_GEMM, TENSOR(1, stride[0]), "tensor 1 (B): stride[0]");
	FIELD_IS(DOJO_OP_GEMM, TENSOR(3, format), "tensor 3 (bias or C): format");
	FIELD_IS(DOJO_OP_SOFTMAX, TENSOR(2, dim[3]), "tensor 2 (mask): dim[3]");
	FIELD_IS(DOJO_OP_NORM_GRAD, TENSOR(5, va), "tensor 5 (dbeta): va");
	FIELD_IS(DOJO_OP_ALL_REDUCE, TENSOR(7, bias), "tensor 7: bias");
	FIELD_IS(DOJO_OP_GEMM, TENSOR(8, va), "byte 576");
	FIELD_IS(0x7f, TENSOR(2, reserved), "tensor 2: reserved");
}

TEST(text_is_cut_like_snprintf)
{
	char text[8];

	EQUAL(dojo_field_string(DOJO_OP_GEMM, TENSOR(1, va), text, sizeof(text)), 16);
	EQUAL(strcmp(text, "tensor "), 0);
	EQUAL(dojo_field_string(DOJO_OP_GEMM, TENSOR(1, va), NULL, 0), 16);
}

static const char *fault(struct drm_dojo_queue_get_state state)
{
	static char text[256];

	dojo_fault_string(&state, text, sizeof(text));
	return text;
}

TEST(faults_in_one_line)
{
	EQUAL(strcmp(fault((struct drm_dojo_queue_get_state){ .status = 0 }), ""), 0);
	SAYS(fault((struct drm_dojo_queue_get_state){
			.status = DRM_DOJO_QUEUE_FAULTED,
			.fault = DOJO_FAULT_FIELD,
			.fault_field = TENSOR(1, stride[0]),
			.packet_opcode = DOJO_OP_GEMM,
			.batch_va = 0x100000,
			.packet_offset = 64,
			.fault_seqno = 3,
		}), "GEMM: FIELD (operand out of range): tensor 1 (B): stride[0], job 3, batch");
	SAYS(fault((struct drm_dojo_queue_get_state){
			.status = DRM_DOJO_QUEUE_FAULTED,
			.fault = DOJO_FAULT_PERMISSION,
			.fault_va = 0x2000,
			.fault_access = 2,
		}), "PERMISSION (page not readable or not writable): write to 0x2000");
	SAYS(fault((struct drm_dojo_queue_get_state){
			.status = DRM_DOJO_QUEUE_FAULTED,
			.fault = DOJO_FAULT_OPCODE,
			.packet_opcode = 0x99,
		}), "0x99");
	SAYS(fault((struct drm_dojo_queue_get_state){
			.status = DRM_DOJO_QUEUE_FAULTED,
			.fault = DOJO_FAULT_DESCRIPTOR,
			.fault_field = 12,
		}), "byte 12");
	SAYS(fault((struct drm_dojo_queue_get_state){
			.status = DRM_DOJO_QUEUE_FAULTED,
			.fault = DOJO_FAULT_BUS,
			.fault_access = 99,
		}), "access to");
}

TEST(version_is_major_and_minor)
{
	EQUAL(dojo_version(), DOJO_VERSION_MAJOR << 16 | DOJO_VERSION_MINOR);
}
