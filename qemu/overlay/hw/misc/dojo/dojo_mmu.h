/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A tile's address translation: the walk of its page tables and the cache of
 * translations. Plain C without QEMU types, so that it is tested natively.
 */
#ifndef DOJO_MMU_H
#define DOJO_MMU_H

#include <stdbool.h>
#include <stdint.h>

#include "dojo_packet.h"
#include "dojo_regs.h"

enum dojo_access {
	DOJO_ACCESS_READ = 1,
	DOJO_ACCESS_WRITE = 2,
};

/* Sizes of the memories that entries of one tile can name */
struct dojo_mmu_limits {
	uint64_t hbm_size;
	uint64_t sram_size;
	uint64_t peer_hbm_size;
	uint64_t peer_sram_size;
	uint8_t tiles;			/* on the card */
	uint8_t self;			/* this tile */
};

struct dojo_mmu;

/* One 8-byte entry of a table at @address of @target (HBM or SYSTEM); false: no answer */
typedef bool dojo_mmu_fetch(struct dojo_mmu *mmu, uint64_t target,
			    uint64_t address, uint64_t *entry);

#define DOJO_TLB_SMALL		1024	/* 4 KiB pages */
#define DOJO_TLB_HUGE		256	/* 2 MiB pages */
#define DOJO_TLB_TABLES		64	/* level 0 tables */

struct dojo_tlb_slot {
	uint64_t tag;			/* 0: empty */
	uint64_t entry;
};

/*
 * One thread's view. Nothing in it is locked: it belongs to its thread, which
 * applies invalidations between two units of work.
 */
struct dojo_mmu {
	dojo_mmu_fetch *fetch;
	struct dojo_mmu_limits limits;
	struct dojo_tlb_slot small[DOJO_TLB_SMALL];
	struct dojo_tlb_slot huge[DOJO_TLB_HUGE];
	struct dojo_tlb_slot table[DOJO_TLB_TABLES];
};

/* A page found by a walk */
struct dojo_page {
	uint64_t entry;			/* the leaf, well-formed */
	uint32_t shift;			/* DOJO_PAGE_SHIFT or DOJO_HUGE_SHIFT */
};

/* The functions below that return uint32_t return an enum dojo_fault, NONE for success. */

/* Is @entry well-formed as a table entry? For a root, too. */
bool dojo_mmu_table_valid(uint64_t entry);

/* Is @entry, which is VALID, a well-formed leaf of @level, and @size from its address in bounds? */
uint32_t dojo_mmu_check_leaf(const struct dojo_mmu_limits *limits,
			     uint64_t entry, unsigned int level, uint64_t size);

/* The page of @va, from the cache or by a walk from @root; permission is not looked at. */
uint32_t dojo_mmu_lookup(struct dojo_mmu *mmu, uint32_t asid, uint64_t root,
			 uint64_t va, struct dojo_page *page);

static inline bool dojo_mmu_allows(uint64_t leaf, enum dojo_access access)
{
	return leaf & (access == DOJO_ACCESS_WRITE ? DOJO_PTE_WRITE : DOJO_PTE_READ);
}

static inline uint64_t dojo_mmu_target(uint64_t entry)
{
	return (entry & DOJO_PTE_TARGET_MASK) >> DOJO_PTE_TARGET_SHIFT;
}

static inline unsigned int dojo_mmu_peer(uint64_t entry)
{
	return (entry & DOJO_PTE_PEER_MASK) >> DOJO_PTE_PEER_SHIFT;
}

/* Drops what @asid has cached of [va, va + size); size 0: all of it. */
void dojo_mmu_invalidate(struct dojo_mmu *mmu, uint32_t asid, uint64_t va, uint64_t size);
void dojo_mmu_invalidate_all(struct dojo_mmu *mmu);

#endif
