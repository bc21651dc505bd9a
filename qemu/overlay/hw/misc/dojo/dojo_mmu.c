/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Walk of a tile's page tables and the cache in front of it.
 *
 * HARDWARE.md section 6. Only valid, well-formed entries are cached, with the
 * bounds of their target checked; permission and peer windows are looked at on
 * every access by the caller.
 */
#include <string.h>

#include "dojo_mmu.h"

#define PTE_LEAF_ONLY	(DOJO_PTE_LEAF | DOJO_PTE_READ | DOJO_PTE_WRITE | \
			 DOJO_PTE_NULL | DOJO_PTE_PEER_MASK | DOJO_PTE_PEER_SRAM)
#define HUGE_SIZE	(1ull << DOJO_HUGE_SHIFT)
#define PAGE_SIZE_4K	(1ull << DOJO_PAGE_SHIFT)
#define TAG_VALID	(1ull << 63)

/* An ASID has 12 bits and a VA page number at most 36, so that a tag is exact. */
static uint64_t tag_of(uint32_t asid, uint64_t va, unsigned int shift)
{
	return TAG_VALID | (uint64_t)asid << 40 | va >> shift;
}

static struct dojo_tlb_slot *slot_of(struct dojo_tlb_slot *slots, unsigned int count,
				     uint32_t asid, uint64_t va, unsigned int shift)
{
	return &slots[((va >> shift) ^ (asid * 0x9e5u)) & (count - 1)];
}

bool dojo_mmu_table_valid(uint64_t entry)
{
	uint64_t target = dojo_mmu_target(entry);

	return (entry & DOJO_PTE_VALID) &&
	       !(entry & (PTE_LEAF_ONLY | DOJO_PTE_RESERVED)) &&
	       (target == DOJO_TARGET_HBM || target == DOJO_TARGET_SYSTEM);
}

static bool inside(uint64_t address, uint64_t size, uint64_t limit)
{
	return size <= limit && address <= limit - size;
}

static uint32_t check_peer(const struct dojo_mmu_limits *limits, uint64_t entry, uint64_t size)
{
	unsigned int peer = dojo_mmu_peer(entry);
	uint64_t limit = entry & DOJO_PTE_PEER_SRAM ? limits->peer_sram_size :
						      limits->peer_hbm_size;

	if (peer == limits->self || peer >= limits->tiles)
		return DOJO_FAULT_PEER;
	return inside(entry & DOJO_PTE_ADDR_MASK, size, limit) ? DOJO_FAULT_NONE :
								  DOJO_FAULT_ADDRESS;
}

uint32_t dojo_mmu_check_leaf(const struct dojo_mmu_limits *limits,
			     uint64_t entry, unsigned int level, uint64_t size)
{
	uint64_t address = entry & DOJO_PTE_ADDR_MASK;
	uint64_t target = dojo_mmu_target(entry);

	if (!(entry & DOJO_PTE_LEAF) || (entry & DOJO_PTE_RESERVED))
		return DOJO_FAULT_PTE;
	if (level == 1 && (address & (HUGE_SIZE - 1)))
		return DOJO_FAULT_PTE;
	if (target != DOJO_TARGET_PEER && (entry & (DOJO_PTE_PEER_MASK | DOJO_PTE_PEER_SRAM)))
		return DOJO_FAULT_PTE;
	if (entry & DOJO_PTE_NULL)
		return target || address ? DOJO_FAULT_PTE : DOJO_FAULT_NONE;

	switch (target) {
	case DOJO_TARGET_HBM:
		return inside(address, size, limits->hbm_size) ? DOJO_FAULT_NONE :
								 DOJO_FAULT_ADDRESS;
	case DOJO_TARGET_SRAM:
		return inside(address, size, limits->sram_size) ? DOJO_FAULT_NONE :
								  DOJO_FAULT_ADDRESS;
	case DOJO_TARGET_SYSTEM:
		return inside(address, size, 1ull << 52) ? DOJO_FAULT_NONE : DOJO_FAULT_ADDRESS;
	default:
		return check_peer(limits, entry, size);
	}
}

/* The entry that @va selects in the table that @table points to, which has @level */
static uint32_t read_entry(struct dojo_mmu *mmu, uint64_t table, unsigned int level,
			   uint64_t va, uint64_t *entry)
{
	uint64_t address = table & DOJO_PTE_ADDR_MASK;
	uint64_t target = dojo_mmu_target(table);
	uint64_t index = (va >> (DOJO_PAGE_SHIFT + 9 * level)) & (DOJO_PT_ENTRIES - 1);

	if (target == DOJO_TARGET_HBM && !inside(address, PAGE_SIZE_4K, mmu->limits.hbm_size))
		return DOJO_FAULT_ADDRESS;
	if (!mmu->fetch(mmu, target, address + index * 8, entry))
		return DOJO_FAULT_BUS;
	return *entry & DOJO_PTE_VALID ? DOJO_FAULT_NONE : DOJO_FAULT_TRANSLATION;
}

static uint32_t take_leaf(struct dojo_mmu *mmu, uint64_t entry, unsigned int level,
			  struct dojo_page *page)
{
	page->entry = entry;
	page->shift = level ? DOJO_HUGE_SHIFT : DOJO_PAGE_SHIFT;
	return dojo_mmu_check_leaf(&mmu->limits, entry, level, 1ull << page->shift);
}

static uint32_t walk(struct dojo_mmu *mmu, uint32_t asid, uint64_t root,
		     uint64_t va, struct dojo_page *page)
{
	struct dojo_tlb_slot *known = slot_of(mmu->table, DOJO_TLB_TABLES, asid, va,
					      DOJO_HUGE_SHIFT);
	uint64_t tag = tag_of(asid, va, DOJO_HUGE_SHIFT);
	unsigned int level = DOJO_PT_LEVELS - 1;
	uint64_t table = root;
	uint64_t entry;
	uint32_t reason;

	if (known->tag == tag) {
		table = known->entry;
		level = 0;
	}

	for (; level; level--) {
		reason = read_entry(mmu, table, level, va, &entry);
		if (reason)
			return reason;
		if (level == 1 && (entry & DOJO_PTE_LEAF))
			return take_leaf(mmu, entry, 1, page);
		if (!dojo_mmu_table_valid(entry))
			return DOJO_FAULT_PTE;
		table = entry;
	}

	reason = read_entry(mmu, table, 0, va, &entry);
	if (reason)
		return reason;
	known->tag = tag;
	known->entry = table;
	return take_leaf(mmu, entry, 0, page);
}

uint32_t dojo_mmu_lookup(struct dojo_mmu *mmu, uint32_t asid, uint64_t root,
			 uint64_t va, struct dojo_page *page)
{
	struct dojo_tlb_slot *small, *huge, *slot;
	uint32_t reason;

	if (va >> DOJO_VA_BITS)
		return DOJO_FAULT_ADDRESS;

	small = slot_of(mmu->small, DOJO_TLB_SMALL, asid, va, DOJO_PAGE_SHIFT);
	if (small->tag == tag_of(asid, va, DOJO_PAGE_SHIFT)) {
		page->entry = small->entry;
		page->shift = DOJO_PAGE_SHIFT;
		return DOJO_FAULT_NONE;
	}
	huge = slot_of(mmu->huge, DOJO_TLB_HUGE, asid, va, DOJO_HUGE_SHIFT);
	if (huge->tag == tag_of(asid, va, DOJO_HUGE_SHIFT)) {
		page->entry = huge->entry;
		page->shift = DOJO_HUGE_SHIFT;
		return DOJO_FAULT_NONE;
	}

	reason = walk(mmu, asid, root, va, page);
	if (reason)
		return reason;
	slot = page->shift == DOJO_HUGE_SHIFT ? huge : small;
	slot->tag = tag_of(asid, va, page->shift);
	slot->entry = page->entry;
	return DOJO_FAULT_NONE;
}

static bool overlaps(uint64_t tag, uint32_t asid, unsigned int shift,
		     uint64_t va, uint64_t size)
{
	uint64_t page = (tag & ((1ull << 40) - 1)) << shift;

	if (!(tag & TAG_VALID) || ((tag & ~TAG_VALID) >> 40) != asid)
		return false;
	return !size || (page < va + size && va < page + (1ull << shift));
}

static void invalidate_slots(struct dojo_tlb_slot *slots, unsigned int count, uint32_t asid,
			     unsigned int shift, uint64_t va, uint64_t size)
{
	uint64_t first = va >> shift;
	uint64_t last = (va + size - 1) >> shift;
	unsigned int i;

	if (size && last - first < count / 4) {
		for (; first <= last; first++) {
			struct dojo_tlb_slot *slot = slot_of(slots, count, asid, first << shift,
							     shift);

			if (slot->tag == tag_of(asid, first << shift, shift))
				slot->tag = 0;
		}
		return;
	}
	for (i = 0; i < count; i++)
		if (overlaps(slots[i].tag, asid, shift, va, size))
			slots[i].tag = 0;
}

void dojo_mmu_invalidate(struct dojo_mmu *mmu, uint32_t asid, uint64_t va, uint64_t size)
{
	if (va >> DOJO_VA_BITS)
		return;
	if (size > (1ull << DOJO_VA_BITS) - va)
		size = (1ull << DOJO_VA_BITS) - va;
	invalidate_slots(mmu->small, DOJO_TLB_SMALL, asid, DOJO_PAGE_SHIFT, va, size);
	invalidate_slots(mmu->huge, DOJO_TLB_HUGE, asid, DOJO_HUGE_SHIFT, va, size);
	invalidate_slots(mmu->table, DOJO_TLB_TABLES, asid, DOJO_HUGE_SHIFT, va, size);
}

void dojo_mmu_invalidate_all(struct dojo_mmu *mmu)
{
	memset(mmu->small, 0, sizeof(mmu->small));
	memset(mmu->huge, 0, sizeof(mmu->huge));
	memset(mmu->table, 0, sizeof(mmu->table));
}
