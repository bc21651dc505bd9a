// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <dojo.h>

#include "commands.h"
#include "coredump.h"
#include "dojo_regs.h"
#include "json.h"
#include "options.h"
#include "report.h"

#define FILE_MAX	(4u << 20)

static const char *const state_names[] = {
	[DOJO_HW_OFF] = "off", [DOJO_HW_IDLE] = "idle", [DOJO_HW_READY] = "ready",
	[DOJO_HW_RUNNING] = "running", [DOJO_HW_WAITING] = "waiting for a semaphore",
	[DOJO_HW_FAULTED] = "faulted", [DOJO_HW_SUSPENDED] = "suspended",
};

static const char *const targets[] = { "HBM", "SRAM", "system memory", "peer" };

/* ------------------------------------------------------------- decoding */

static struct drm_dojo_queue_get_state fault_of(const struct coredump *d)
{
	return (struct drm_dojo_queue_get_state){
		.queue_id = coredump_number(d, "queue"),
		.status = coredump_number(d, "fault") ? DRM_DOJO_QUEUE_FAULTED :
							DRM_DOJO_QUEUE_TIMED_OUT,
		.fault = coredump_number(d, "fault"),
		.fault_access = coredump_number(d, "fault-access"),
		.fault_va = coredump_number(d, "fault-va"),
		.fault_field = coredump_number(d, "fault-field"),
		.packet_opcode = coredump_number(d, "packet-opcode"),
		.batch_va = coredump_number(d, "batch-va"),
		.packet_offset = coredump_number(d, "packet-offset"),
		.fault_seqno = coredump_number(d, "job"),
	};
}

/* a section that holds a struct; the rest of the struct is zero if it is shorter */
static bool section_struct(const struct coredump_section *s, void *to, size_t size)
{
	memset(to, 0, size);
	if (!s || !s->data)
		return false;
	memcpy(to, s->data, s->size < size ? s->size : size);
	return true;
}

static const char *state_name(uint32_t state)
{
	return state < sizeof(state_names) / sizeof(*state_names) ? state_names[state] : "unknown";
}

/* "HBM 0x1000, read write": a page-table entry as HARDWARE.md has it */
static void entry_text(uint64_t pte, char *text, size_t size)
{
	uint64_t address = pte & UINT64_C(0xffffffffff000);

	if (!(pte & 1))
		snprintf(text, size, "not valid");
	else if (pte & 1 << 6)
		snprintf(text, size, "null page");
	else if (pte & 2)
		snprintf(text, size, "page in %s at 0x%" PRIx64 "%s%s", targets[pte >> 4 & 3],
			 address, pte & 4 ? ", read" : "", pte & 8 ? ", write" : "");
	else
		snprintf(text, size, "table in %s at 0x%" PRIx64, targets[pte >> 4 & 3], address);
}

static bool is_compute(uint32_t opcode)
{
	return opcode >= 0x40 && opcode <= 0x7f;
}

/* the tensors of the packet at fault; returns how many are there */
static unsigned int packet_tensors(const struct coredump_section *s,
				   struct dojo_packet_compute *head,
				   const struct dojo_tensor **tensors)
{
	size_t room;

	*tensors = NULL;
	if (!section_struct(s, head, sizeof(*head)) || !is_compute(head->header.opcode) ||
	    s->size < sizeof(*head))
		return 0;
	*tensors = (const struct dojo_tensor *)(s->data + sizeof(*head));
	room = (s->size - sizeof(*head)) / sizeof(**tensors);
	if (head->tensors > DOJO_TENSOR_MAX)
		return 0;
	return head->tensors < room ? head->tensors : room;
}

/* --------------------------------------------------------------- people */

static void __attribute__((format(printf, 2, 3))) line(const char *name, const char *fmt, ...)
{
	va_list ap;

	printf("  %-12s", name);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

static const char *text_or(const struct coredump *d, const char *name)
{
	const char *value = coredump_value(d, name);

	return value && *value ? value : "unknown";
}

static void print_summary(const struct coredump *d)
{
	struct drm_dojo_queue_get_state fault = fault_of(d);
	time_t when = coredump_number(d, "time");
	char text[512], date[64];
	struct tm tm;

	strftime(date, sizeof(date), "%F %T %z", localtime_r(&when, &tm));
	dojo_fault_string(&fault, text, sizeof(text));
	printf("%s\n", text);
	line("when", "%s, device clock %.6f s", date, coredump_number(d, "device-ns") / 1e9);
	line("where", "tile %s of card %s, serial %s, generation %s, kernel %s", text_or(d, "tile"),
	     text_or(d, "card"), text_or(d, "serial"), text_or(d, "generation"),
	     text_or(d, "kernel"));
	line("who", "%s, pid %s", text_or(d, "process"), text_or(d, "pid"));
	line("queue", "%s, %s jobs submitted, %s completed, timeout %.3g s", text_or(d, "queue"),
	     text_or(d, "submitted"), text_or(d, "completed"),
	     coredump_number(d, "timeout-ns") / 1e9);
}

static void print_packet(const struct coredump *d)
{
	const struct coredump_section *s = coredump_find(d, "packet");
	struct drm_dojo_queue_get_state fault = fault_of(d);
	struct dojo_packet_header header;
	struct dojo_packet_compute compute;
	const struct dojo_tensor *tensors;
	unsigned int count;
	char field[128];

	if (!section_struct(s, &header, sizeof(header)))
		return;
	printf("\npacket at 0x%" PRIx64 "\n", s->argument);
	line("opcode", "0x%02x %s, %u bytes, flags 0x%x", header.opcode,
	     dojo_opcode_name(header.opcode), 8 * header.words, header.flags);
	if (fault.fault_field) {
		dojo_field_string(header.opcode, fault.fault_field, field, sizeof(field));
		line("field", "0x%x: %s", fault.fault_field, field);
	}
	count = packet_tensors(s, &compute, &tensors);
	if (is_compute(header.opcode))
		line("function", "%u, flags 0x%x, %u tensors", compute.fn, compute.op_flags,
		     compute.tensors);
	for (unsigned int i = 0; i < count; i++) {
		const struct dojo_tensor *t = &tensors[i];

		line("tensor",
		     "%u: %s%s at 0x%" PRIx64 ", dims %u %u %u %u, strides %" PRIu64 " %" PRIu64
		     " %" PRIu64 " %" PRIu64,
		     i, dojo_format_name(t->format), t->bias ? ", biased" : "", (uint64_t)t->va,
		     t->dim[0], t->dim[1], t->dim[2], t->dim[3], (uint64_t)t->stride[0],
		     (uint64_t)t->stride[1], (uint64_t)t->stride[2], (uint64_t)t->stride[3]);
	}
}

static void print_walk(const struct coredump *d)
{
	const struct coredump_section *s = coredump_find(d, "walk");
	char text[128];

	if (!s)
		return;
	printf("\npage-table walk of 0x%" PRIx64 "\n", s->argument);
	for (unsigned int i = 0; i < s->levels; i++) {
		entry_text(s->walk[i], text, sizeof(text));
		printf("  0x%016" PRIx64 "  %s\n", s->walk[i], text);
	}
}

static void print_context(const struct coredump_section *s)
{
	struct dojo_queue_context c;

	if (!section_struct(s, &c, sizeof(c)))
		return;
	printf("\ncontext of queue %" PRIu64 "\n", s->argument);
	line("state", "%s, head %u, tail %u of a ring of %u at 0x%" PRIx64, state_name(c.state),
	     c.head, c.tail, c.ring_size, (uint64_t)c.ring_va);
	line("class", "%s, priority %u, address space %u", c.queue_class == DOJO_HW_CLASS_COMPUTE ?
	     "compute" : "DMA", c.priority, c.asid);
	if (c.queue_class == DOJO_HW_CLASS_COMPUTE)
		line("dies", "%u x %u at %u, %u", c.rect_w, c.rect_h, c.rect_x, c.rect_y);
	line("at", "batch 0x%" PRIx64 " + 0x%x, %s, unit %" PRIu64, (uint64_t)c.batch_va,
	     c.packet_offset, dojo_opcode_name(c.packet_opcode), (uint64_t)c.unit);
	line("done",
	     "seqno %" PRIu64 ", %" PRIu64 " packets, %" PRIu64 " bytes, %" PRIu64
	     " FLOP, busy %.6f s, progress %" PRIu64,
	     (uint64_t)c.seqno, (uint64_t)c.packets, (uint64_t)c.bytes, (uint64_t)c.flop,
	     c.busy_ns / 1e9, (uint64_t)c.progress);
}

static void print_ring(const struct coredump *d)
{
	bool heading = false;

	for (unsigned int i = 0; i < d->section_count; i++) {
		const struct coredump_section *s = &d->sections[i];
		struct dojo_ring_descriptor r;

		if (strcmp(s->name, "descriptor") || !section_struct(s, &r, sizeof(r)))
			continue;
		if (!heading)
			puts("\nring");
		heading = true;
		if (r.type == DOJO_DESC_BATCH)
			printf("  %8" PRIu64 "  batch 0x%" PRIx64 ", %u bytes\n", s->argument,
			       (uint64_t)r.va, r.size);
		else if (r.type == DOJO_DESC_FENCE)
			printf("  %8" PRIu64 "  fence, seqno %" PRIu64 "%s\n", s->argument,
			       (uint64_t)r.value, r.flags & DOJO_DESC_FLAG_EVENT ? ", event" : "");
		else
			printf("  %8" PRIu64 "  type %u\n", s->argument, r.type);
	}
}

static void print_registers(const struct coredump *d, const char *name, const char *title)
{
	const struct coredump_section *s = coredump_find(d, name);

	if (!s || !s->data)
		return;
	printf("\n%s that are not 0\n", title);
	for (size_t i = 0; i + 4 <= s->size; i += 4) {
		uint32_t value;

		memcpy(&value, s->data + i, 4);
		if (value)
			printf("  0x%03zx  0x%08x\n", i, value);
	}
}

static int print_text(const struct coredump *d, bool all)
{
	print_summary(d);
	print_packet(d);
	print_walk(d);
	print_ring(d);
	for (unsigned int i = 0; i < d->section_count; i++) {
		if (!strcmp(d->sections[i].name, "context"))
			print_context(&d->sections[i]);
	}
	if (all) {
		print_registers(d, "tile-registers", "tile registers");
		print_registers(d, "card-registers", "card registers");
	}
	if (!d->complete)
		puts("\nthe dump stops here: its end is missing");
	return EXIT_SUCCESS;
}

/* ----------------------------------------------------------------- JSON */

static void json_packet(cJSON *root, const struct coredump *d)
{
	const struct coredump_section *s = coredump_find(d, "packet");
	struct dojo_packet_header header;
	struct dojo_packet_compute compute;
	const struct dojo_tensor *tensors;
	unsigned int count;
	cJSON *o, *list;

	if (!section_struct(s, &header, sizeof(header))) {
		json_null(root, "packet");
		return;
	}
	o = json_object(root, "packet");
	json_u64(o, "va", s->argument);
	json_string(o, "opcode", dojo_opcode_name(header.opcode));
	json_u64(o, "size_bytes", 8 * header.words);
	list = json_array(o, "tensors");
	count = packet_tensors(s, &compute, &tensors);
	for (unsigned int i = 0; i < count; i++) {
		cJSON *t = json_append_object(list), *dims, *strides;

		json_string(t, "format", dojo_format_name(tensors[i].format));
		json_u64(t, "bias", tensors[i].bias);
		json_u64(t, "va", tensors[i].va);
		dims = json_array(t, "dims");
		strides = json_array(t, "strides");
		for (unsigned int k = 0; k < 4; k++) {
			cJSON_AddItemToArray(dims, cJSON_CreateNumber(tensors[i].dim[k]));
			cJSON_AddItemToArray(strides, cJSON_CreateNumber(tensors[i].stride[k]));
		}
	}
}

static void json_contexts(cJSON *root, const struct coredump *d)
{
	cJSON *list = json_array(root, "contexts");

	for (unsigned int i = 0; i < d->section_count; i++) {
		struct dojo_queue_context c;
		cJSON *o;

		if (strcmp(d->sections[i].name, "context") ||
		    !section_struct(&d->sections[i], &c, sizeof(c)))
			continue;
		o = json_append_object(list);
		json_u64(o, "queue", d->sections[i].argument);
		json_string(o, "class", c.queue_class == DOJO_HW_CLASS_COMPUTE ? "compute" : "dma");
		json_string(o, "state", state_name(c.state));
		json_u64(o, "head", c.head);
		json_u64(o, "tail", c.tail);
		json_u64(o, "asid", c.asid);
		json_u64(o, "batch_va", c.batch_va);
		json_u64(o, "packet_offset_bytes", c.packet_offset);
		json_u64(o, "seqno", c.seqno);
		json_u64(o, "busy_ns", c.busy_ns);
		json_u64(o, "packets", c.packets);
	}
}

static int print_json(const struct coredump *d)
{
	struct drm_dojo_queue_get_state fault = fault_of(d);
	cJSON *root = json_document("coredump"), *walk;
	const struct coredump_section *s = coredump_find(d, "walk");
	char text[512];

	json_bool(root, "complete", d->complete);
	json_string(root, "card", coredump_value(d, "card"));
	json_string(root, "serial", coredump_value(d, "serial"));
	json_u64(root, "tile", coredump_number(d, "tile"));
	json_string(root, "kernel", coredump_value(d, "kernel"));
	json_u64(root, "unix_seconds", coredump_number(d, "time"));
	json_u64(root, "device_ns", coredump_number(d, "device-ns"));
	json_string(root, "reason", coredump_value(d, "reason"));
	dojo_fault_string(&fault, text, sizeof(text));
	json_string(root, "summary", text);
	json_string(root, "process", coredump_value(d, "process"));
	json_u64(root, "pid", coredump_number(d, "pid"));
	json_u64(root, "queue", fault.queue_id);
	json_string(root, "fault", dojo_fault_name(fault.fault));
	json_u64(root, "fault_va", fault.fault_va);
	json_u64(root, "job", fault.fault_seqno);
	json_packet(root, d);
	walk = json_array(root, "walk");
	for (unsigned int i = 0; s && i < s->levels; i++) {
		snprintf(text, sizeof(text), "0x%016" PRIx64, s->walk[i]);
		cJSON_AddItemToArray(walk, cJSON_CreateString(text));
	}
	json_contexts(root, d);
	return json_print(stdout, root, false) ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* -------------------------------------------------------------- command */

/* all of @in as a string; NULL after having said why not */
static char *read_stream(FILE *in, const char *name)
{
	char *text = malloc(FILE_MAX + 1);
	size_t n;

	if (!text) {
		fail("out of memory");
		return NULL;
	}
	n = fread(text, 1, FILE_MAX, in);
	text[n] = '\0';
	if (!ferror(in))
		return text;
	fail("cannot read %s: %s", name, strerror(errno));
	free(text);
	return NULL;
}

static char *read_file(const char *path)
{
	char *text;
	FILE *in;

	if (!strcmp(path, "-"))
		return read_stream(stdin, path);
	in = fopen(path, "re");
	if (!in) {
		fail("cannot read %s: %s", path, strerror(errno));
		return NULL;
	}
	text = read_stream(in, path);
	fclose(in);
	return text;
}

int cmd_coredump(int argc, char **argv)
{
	bool json = false, all = false;
	const struct option options[] = {
		{ "all", 'a', OPTION_FLAG, &all, NULL, "registers too" },
		{ "json", 0, OPTION_FLAG, &json, NULL, "JSON, schema dojo/1" },
		{ 0 }
	};
	const struct usage usage = {
		.command = "coredump",
		.summary = "Decode what the driver kept of a failure. FILE is a copy of\n"
			   "/sys/class/devcoredump/devcdN/data, or '-'.",
		.arguments = "FILE",
		.min = 1,
		.max = 1,
		.options = options,
	};
	struct coredump *dump;
	int n, status;
	char *text;

	if (!options_parse(&usage, argc, argv, &n, &status))
		return status;
	dump = calloc(1, sizeof(*dump));
	if (!dump)
		return fail("out of memory");
	text = read_file(argv[0]);
	if (!text)
		status = EXIT_FAILURE;
	else if (coredump_parse(dump, text))
		status = fail("%s: %s", argv[0], dump->error[0] ? dump->error : "out of memory");
	else
		status = json ? print_json(dump) : print_text(dump, all);
	free(text);
	coredump_free(dump);
	free(dump);
	return status;
}
