// SPDX-License-Identifier: MIT
/* Why a queue stopped. */
#include <inttypes.h>

#include "internal.h"

static bool is_memory_fault(uint32_t fault)
{
	return fault >= DOJO_FAULT_TRANSLATION && fault <= DOJO_FAULT_ASID;
}

static bool names_packet_field(uint32_t fault)
{
	return fault == DOJO_FAULT_PACKET || fault == DOJO_FAULT_FIELD;
}

static void add_access(struct text *out, const struct drm_dojo_queue_get_state *state)
{
	static const char *const accesses[] = { "access to", "read of", "write to" };
	uint32_t access = state->fault_access;

	dojo_text_add(out, ": %s 0x%" PRIx64, accesses[access < ARRAY_SIZE(accesses) ? access : 0],
		      (uint64_t)state->fault_va);
}

static void add_where(struct text *out, const struct drm_dojo_queue_get_state *state)
{
	dojo_text_add(out, ", job %" PRIu64, (uint64_t)state->fault_seqno);
	if (state->batch_va)
		dojo_text_add(out, ", batch 0x%" PRIx64 " + %u", (uint64_t)state->batch_va,
			      state->packet_offset);
}

static void add_fault(struct text *out, const struct drm_dojo_queue_get_state *state)
{
	char field[64];

	if (state->packet_opcode)
		dojo_text_add(out, "%s: ", dojo_opcode_name(state->packet_opcode));
	dojo_text_add(out, "%s (%s)", dojo_fault_name(state->fault), dojo_fault_text(state->fault));
	if (is_memory_fault(state->fault)) {
		add_access(out, state);
	} else if (names_packet_field(state->fault)) {
		dojo_field_string(state->packet_opcode, state->fault_field, field, sizeof(field));
		dojo_text_add(out, ": %s", field);
	} else if (state->fault == DOJO_FAULT_DESCRIPTOR) {
		dojo_text_add(out, ": byte %u", state->fault_field);
	} else if (state->fault == DOJO_FAULT_OPCODE) {
		dojo_text_add(out, ": 0x%x", state->packet_opcode);
	}
	add_where(out, state);
}

size_t dojo_fault_string(const struct drm_dojo_queue_get_state *state, char *buffer, size_t size)
{
	struct text out;

	dojo_text_start(&out, buffer, size);
	switch (state->status) {
	case DRM_DOJO_QUEUE_ACTIVE:
		break;
	case DRM_DOJO_QUEUE_FAULTED:
		add_fault(&out, state);
		break;
	case DRM_DOJO_QUEUE_TIMED_OUT:
		dojo_text_add(&out, "no progress for the queue's timeout");
		add_where(&out, state);
		break;
	case DRM_DOJO_QUEUE_INNOCENT:
		dojo_text_add(&out, "lost to a reset that another queue or the administrator made");
		break;
	default:
		dojo_text_add(&out, "stopped with status %u", state->status);
		break;
	}
	return out.length;
}
