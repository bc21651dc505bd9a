/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "memory.h"

static struct test_memory *of(struct dojo_memory *mem)
{
	return (struct test_memory *)mem;
}

static bool legal(struct test_memory *m, uint64_t va, bool write,
		  struct dojo_fault_info *fault)
{
	uint32_t reason = DOJO_FAULT_NONE;

	if (va < m->base || va - m->base >= m->size)
		reason = DOJO_FAULT_TRANSLATION;
	else if (va >= m->hole && va - m->hole < m->hole_size)
		reason = DOJO_FAULT_TRANSLATION;
	else if (write && m->read_only)
		reason = DOJO_FAULT_PERMISSION;
	else
		return true;
	*fault = (struct dojo_fault_info){
		.reason = reason,
		.access = write ? 2 : 1,
		.va = va,
	};
	return false;
}

static uint64_t run_of(struct test_memory *m, uint64_t va, uint64_t want)
{
	uint64_t run = m->base + m->size - va;

	if (m->hole_size && va < m->hole && run > m->hole - va)
		run = m->hole - va;
	switch (m->mode) {
	case MEMORY_PAGES:
		if (run > 4096 - (va & 4095))
			run = 4096 - (va & 4095);
		break;
	case MEMORY_SHREDS:
		m->rng = m->rng * 6364136223846793005u + 1442695040888963407u;
		if (run > 1 + (m->rng >> 33) % 61)
			run = 1 + (m->rng >> 33) % 61;
		break;
	default:
		break;
	}
	return run < want ? run : want;
}

static void *map(struct dojo_memory *mem, uint64_t va, uint64_t want, bool write,
		 uint64_t *len, struct dojo_fault_info *fault)
{
	struct test_memory *m = of(mem);

	if (!want)
		abort();
	if (!legal(m, va, write, fault))
		return NULL;
	*len = run_of(m, va, want);
	if (m->mode == MEMORY_NO_MAP ||
	    (m->mode == MEMORY_SHREDS && (m->rng >> 50) % 4 == 0))
		return NULL;
	return m->host + (va - m->base);
}

static bool access(struct dojo_memory *mem, uint64_t va, uint64_t len, bool write,
		   struct dojo_fault_info *fault)
{
	struct test_memory *m = of(mem);

	for (uint64_t i = 0; i < len; i++)
		if (!legal(m, va + i, write, fault))
			return false;
	return true;
}

static bool mem_read(struct dojo_memory *mem, uint64_t va, void *buf, uint64_t len,
		     struct dojo_fault_info *fault)
{
	if (!access(mem, va, len, false, fault))
		return false;
	memcpy(buf, of(mem)->host + (va - of(mem)->base), len);
	return true;
}

static bool mem_write(struct dojo_memory *mem, uint64_t va, const void *buf, uint64_t len,
		      struct dojo_fault_info *fault)
{
	if (!access(mem, va, len, true, fault))
		return false;
	memcpy(of(mem)->host + (va - of(mem)->base), buf, len);
	return true;
}

/* Segments: an entry is VALID | LEAF | READ or WRITE | address of this very range */
static bool segment_va(uint64_t pte, uint64_t offset, bool write, uint64_t *va,
		       struct dojo_fault_info *fault)
{
	if ((pte & 3) != 3 || !(pte & (write ? 8 : 4))) {
		*fault = (struct dojo_fault_info){ .reason = DOJO_FAULT_PTE };
		return false;
	}
	*va = (pte & 0xffffffffff000ull) + offset;
	return true;
}

static void *map_segment(struct dojo_memory *mem, uint64_t pte, uint64_t offset,
			 uint64_t want, bool write, uint64_t *len,
			 struct dojo_fault_info *fault)
{
	uint64_t va;

	return segment_va(pte, offset, write, &va, fault) ?
		map(mem, va, want, write, len, fault) : NULL;
}

static bool read_segment(struct dojo_memory *mem, uint64_t pte, uint64_t offset, void *buf,
			 uint64_t len, struct dojo_fault_info *fault)
{
	uint64_t va;

	return segment_va(pte, offset, false, &va, fault) &&
	       mem_read(mem, va, buf, len, fault);
}

static bool write_segment(struct dojo_memory *mem, uint64_t pte, uint64_t offset,
			  const void *buf, uint64_t len, struct dojo_fault_info *fault)
{
	uint64_t va;

	return segment_va(pte, offset, true, &va, fault) &&
	       mem_write(mem, va, buf, len, fault);
}

static const struct dojo_memory_ops ops = {
	.map = map,
	.read = mem_read,
	.write = mem_write,
	.map_segment = map_segment,
	.read_segment = read_segment,
	.write_segment = write_segment,
};

void memory_init(struct test_memory *m, uint64_t base, uint64_t size)
{
	memset(m, 0, sizeof(*m));
	m->mem.ops = &ops;
	m->base = base;
	m->size = size;
	m->rng = 1;
	/* Of huge pages where they can be had, as QEMU's memory is */
	if (posix_memalign((void **)&m->host, 2 << 20, size))
		abort();
	madvise(m->host, size, MADV_HUGEPAGE);
	memset(m->host, 0, size);
}

void memory_fini(struct test_memory *m)
{
	free(m->host);
}

uint64_t memory_alloc(struct test_memory *m, uint64_t bytes)
{
	uint64_t at = (m->used + 63) & ~63ull;

	if (bytes > m->size - at)
		abort();
	m->used = at + bytes;
	return m->base + at;
}

void memory_reset(struct test_memory *m)
{
	memset(m->host, 0, m->used);
	m->used = 0;
}

void *memory_at(struct test_memory *m, uint64_t va)
{
	return m->host + (va - m->base);
}
