// SPDX-License-Identifier: MIT
/* Names of the ABI's enumerations. */
#include <string.h>
#include <strings.h>

#include "internal.h"

static const char unknown[] = "unknown";

static const char *const format_names[] = {
	[DOJO_FORMAT_NONE] = "none",
	[DOJO_FORMAT_FP32] = "fp32",
	[DOJO_FORMAT_BF16] = "bf16",
	[DOJO_FORMAT_FP16] = "fp16",
	[DOJO_FORMAT_CFLOAT8_143] = "cfloat8_143",
	[DOJO_FORMAT_CFLOAT8_152] = "cfloat8_152",
	[DOJO_FORMAT_CFLOAT16_SHP] = "cfloat16_shp",
	[DOJO_FORMAT_CFLOAT16_UHP] = "cfloat16_uhp",
	[DOJO_FORMAT_INT8] = "int8",
	[DOJO_FORMAT_INT32] = "int32",
};

static const char *const opcode_names[] = {
	[DOJO_OP_NOP] = "NOP",
	[DOJO_OP_BARRIER] = "BARRIER",
	[DOJO_OP_TIMESTAMP] = "TIMESTAMP",
	[DOJO_OP_SEM_WAIT] = "SEM_WAIT",
	[DOJO_OP_SEM_SIGNAL] = "SEM_SIGNAL",
	[DOJO_OP_COPY] = "COPY",
	[DOJO_OP_COPY_ND] = "COPY_ND",
	[DOJO_OP_FILL] = "FILL",
	[DOJO_OP_COPY_SEGMENTS] = "COPY_SEGMENTS",
	[DOJO_OP_FILL_SEGMENTS] = "FILL_SEGMENTS",
	[DOJO_OP_GEMM] = "GEMM",
	[DOJO_OP_UNARY] = "UNARY",
	[DOJO_OP_BINARY] = "BINARY",
	[DOJO_OP_REDUCE] = "REDUCE",
	[DOJO_OP_SOFTMAX] = "SOFTMAX",
	[DOJO_OP_SOFTMAX_GRAD] = "SOFTMAX_GRAD",
	[DOJO_OP_NORM] = "NORM",
	[DOJO_OP_NORM_GRAD] = "NORM_GRAD",
	[DOJO_OP_ROPE] = "ROPE",
	[DOJO_OP_GATHER] = "GATHER",
	[DOJO_OP_SCATTER] = "SCATTER",
	[DOJO_OP_CONVERT] = "CONVERT",
	[DOJO_OP_CONV2D] = "CONV2D",
	[DOJO_OP_CONV2D_GRAD_INPUT] = "CONV2D_GRAD_INPUT",
	[DOJO_OP_CONV2D_GRAD_WEIGHT] = "CONV2D_GRAD_WEIGHT",
	[DOJO_OP_POOL] = "POOL",
	[DOJO_OP_POOL_GRAD] = "POOL_GRAD",
	[DOJO_OP_CROSS_ENTROPY] = "CROSS_ENTROPY",
	[DOJO_OP_DROPOUT] = "DROPOUT",
	[DOJO_OP_SGD] = "SGD",
	[DOJO_OP_ADAMW] = "ADAMW",
	[DOJO_OP_ALL_REDUCE] = "ALL_REDUCE",
	[DOJO_OP_MULTICAST] = "MULTICAST",
};

struct fault {
	const char *name;
	const char *text;
};

static const struct fault faults[] = {
	[DOJO_FAULT_NONE] = { "NONE", "no fault" },
	[DOJO_FAULT_TRANSLATION] = { "TRANSLATION", "no valid page-table entry" },
	[DOJO_FAULT_PERMISSION] = { "PERMISSION", "page not readable or not writable" },
	[DOJO_FAULT_PTE] = { "PTE", "ill-formed page-table entry" },
	[DOJO_FAULT_ADDRESS] = { "ADDRESS", "address outside memory or above 48 bits" },
	[DOJO_FAULT_BUS] = { "BUS", "system memory refused the access" },
	[DOJO_FAULT_PEER] = { "PEER", "the other tile's window is closed" },
	[DOJO_FAULT_ASID] = { "ASID", "address space not set" },
	[DOJO_FAULT_DESCRIPTOR] = { "DESCRIPTOR", "illegal ring descriptor" },
	[DOJO_FAULT_DOORBELL] = { "DOORBELL", "tail further than the ring is long" },
	[DOJO_FAULT_BATCH] = { "BATCH", "packet runs past the end of its batch" },
	[DOJO_FAULT_OPCODE] = { "OPCODE", "no such packet on this card" },
	[DOJO_FAULT_PACKET] = { "PACKET", "wrong length, unknown flag or reserved bits not zero" },
	[DOJO_FAULT_FIELD] = { "FIELD", "operand out of range" },
	[DOJO_FAULT_CLASS] = { "CLASS", "packet is not for a queue of this class" },
	[DOJO_FAULT_PRIVILEGE] = { "PRIVILEGE", "packet is for the kernel only" },
	[DOJO_FAULT_ARITHMETIC] = { "ARITHMETIC", "a trap that the queue had enabled" },
	[DOJO_FAULT_POISON] = { "POISON", "uncorrectable memory error" },
};

static const char *const status_names[] = {
	[DRM_DOJO_QUEUE_ACTIVE] = "active",
	[DRM_DOJO_QUEUE_FAULTED] = "faulted",
	[DRM_DOJO_QUEUE_TIMED_OUT] = "timed out",
	[DRM_DOJO_QUEUE_INNOCENT] = "innocent",
};

static const char *const priority_names[] = {
	[DRM_DOJO_PRIORITY_LOW] = "low",
	[DRM_DOJO_PRIORITY_NORMAL] = "normal",
	[DRM_DOJO_PRIORITY_HIGH] = "high",
	[DRM_DOJO_PRIORITY_REALTIME] = "realtime",
};

static const char *name_of(const char *const *names, size_t count, uint32_t value)
{
	return value < count && names[value] ? names[value] : unknown;
}

const char *dojo_format_name(uint32_t format)
{
	return name_of(format_names, ARRAY_SIZE(format_names), format);
}

int dojo_format_from_name(const char *name)
{
	size_t i;

	for (i = DOJO_FORMAT_FP32; name && i < ARRAY_SIZE(format_names); i++)
		if (!strcasecmp(name, format_names[i]))
			return (int)i;
	return -EINVAL;
}

const char *dojo_opcode_name(uint32_t opcode)
{
	return name_of(opcode_names, ARRAY_SIZE(opcode_names), opcode);
}

const char *dojo_fault_name(uint32_t fault)
{
	return fault < ARRAY_SIZE(faults) && faults[fault].name ? faults[fault].name : unknown;
}

const char *dojo_fault_text(uint32_t fault)
{
	return fault < ARRAY_SIZE(faults) && faults[fault].text ? faults[fault].text : unknown;
}

const char *dojo_queue_status_name(uint32_t status)
{
	return name_of(status_names, ARRAY_SIZE(status_names), status);
}

const char *dojo_priority_name(uint32_t priority)
{
	return name_of(priority_names, ARRAY_SIZE(priority_names), priority);
}

const char *dojo_domain_name(uint32_t domain)
{
	switch (domain) {
	case DRM_DOJO_DOMAIN_HBM:
		return "hbm";
	case DRM_DOJO_DOMAIN_SRAM:
		return "sram";
	case DRM_DOJO_DOMAIN_SYSTEM:
		return "system";
	default:
		return unknown;
	}
}
