/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The MMU's walk and its cache against a walk of the test's own, over tables
 * that are well-formed, ill-formed and random.
 */
#include "dojo_mmu.h"
#include "test.h"

#define HBM_SIZE	(64ull << 20)
#define SRAM_SIZE	(16ull << 20)
#define TABLES		64		/* 4 KiB tables, half in HBM, half in system memory */
#define SYSTEM_BASE	0x100000000ull
#define TABLE_STRIDE	4096ull

static struct dojo_mmu mmu;
static uint64_t tables[TABLES][DOJO_PT_ENTRIES];
static unsigned int fetches;
static bool silent;			/* system memory does not answer */

static uint64_t table_address(unsigned int i)
{
	return (i & 1 ? SYSTEM_BASE : 0) + i * TABLE_STRIDE;
}

static uint64_t table_pte(unsigned int i)
{
	return table_address(i) | DOJO_PTE_VALID |
	       DOJO_PTE_TARGET(i & 1 ? DOJO_TARGET_SYSTEM : DOJO_TARGET_HBM);
}

/* The table at @address of @target, or NULL */
static uint64_t *table_at(uint64_t target, uint64_t address)
{
	bool system = target == DOJO_TARGET_SYSTEM;
	uint64_t base = system ? SYSTEM_BASE : 0;
	uint64_t i = (address - base) / TABLE_STRIDE;

	if (address < base || i >= TABLES || (i & 1) != system)
		return NULL;
	return tables[i];
}

static bool fetch(struct dojo_mmu *m, uint64_t target, uint64_t address, uint64_t *entry)
{
	uint64_t *table = table_at(target, address);

	(void)m;
	fetches++;
	if (target == DOJO_TARGET_HBM && address + 8 > HBM_SIZE)
		abort();		/* the walk must have checked */
	if (target != DOJO_TARGET_HBM && target != DOJO_TARGET_SYSTEM)
		abort();
	if (address & 7)
		abort();
	if (target == DOJO_TARGET_SYSTEM && (silent || !table))
		return false;
	*entry = table ? table[address / 8 % DOJO_PT_ENTRIES] : 0;
	return true;
}

static void reset(void)
{
	memset(&mmu, 0, sizeof(mmu));
	memset(tables, 0, sizeof(tables));
	silent = false;
	mmu.fetch = fetch;
	mmu.limits = (struct dojo_mmu_limits) {
		.hbm_size = HBM_SIZE, .sram_size = SRAM_SIZE,
		.peer_hbm_size = HBM_SIZE, .peer_sram_size = SRAM_SIZE,
		.tiles = 4, .self = 1,
	};
}

/* ------------------------------------------- a second walk, from HARDWARE.md */

static bool bits(uint64_t v, int high, int low)
{
	return v << (63 - high) >> (63 - high) >> low;
}

static uint32_t expected_leaf(uint64_t e, int level)
{
	uint64_t address = e & 0x000ffffffffff000ull, size = level ? 2ull << 20 : 4096;
	unsigned int target = e >> 4 & 3, peer = e >> 52 & 7;
	uint64_t room[] = { HBM_SIZE, SRAM_SIZE, 1ull << 52,
			    bits(e, 55, 55) ? SRAM_SIZE : HBM_SIZE };

	if (bits(e, 11, 7) || bits(e, 63, 56) || !bits(e, 1, 1))
		return DOJO_FAULT_PTE;
	if (level && address % size)
		return DOJO_FAULT_PTE;
	if (target != 3 && bits(e, 55, 52))
		return DOJO_FAULT_PTE;
	if (bits(e, 6, 6))
		return address || target || bits(e, 55, 52) ? DOJO_FAULT_PTE : 0;
	if (target == 3 && (peer == 1 || peer >= 4))
		return DOJO_FAULT_PEER;
	return address + size > room[target] ? DOJO_FAULT_ADDRESS : 0;
}

static uint32_t expected(uint64_t root, uint64_t va, uint64_t *leaf, unsigned int *shift)
{
	uint64_t table = root;
	int level;

	if (va >> 48)
		return DOJO_FAULT_ADDRESS;
	for (level = 3;; level--) {
		uint64_t address = table & 0x000ffffffffff000ull;
		bool system = bits(table, 5, 5);
		uint64_t *t, e;

		if (!system && address + 4096 > HBM_SIZE)
			return DOJO_FAULT_ADDRESS;
		t = table_at(system ? DOJO_TARGET_SYSTEM : DOJO_TARGET_HBM, address);
		if (system && (silent || !t))
			return DOJO_FAULT_BUS;
		e = t ? t[va >> (12 + 9 * level) & 511] : 0;
		if (!bits(e, 0, 0))
			return DOJO_FAULT_TRANSLATION;
		if (level == 0 || (level == 1 && bits(e, 1, 1))) {
			*leaf = e;
			*shift = level ? 21 : 12;
			return expected_leaf(e, level);
		}
		if (bits(e, 3, 1) || bits(e, 11, 6) || bits(e, 63, 52) || bits(e, 4, 4))
			return DOJO_FAULT_PTE;
		table = e;
	}
}

static bool agrees(uint32_t asid, uint64_t root, uint64_t va)
{
	struct dojo_page page = { 0 };
	uint64_t leaf = 0;
	unsigned int shift = 0;
	uint32_t got = dojo_mmu_lookup(&mmu, asid, root, va, &page);

	return got == expected(root, va, &leaf, &shift) &&
	       (got || (page.entry == leaf && page.shift == shift));
}

/* ------------------------------------------------------------------- tables */

static uint64_t random_leaf(int level)
{
	static const uint64_t odd[] = {
		1ull << 7, 1ull << 11, 1ull << 56, 1ull << 63, DOJO_PTE_NULL,
		DOJO_PTE_PEER_SRAM, 1ull << 52, 1ull << 51, 1ull << 20,
	};
	uint64_t e = DOJO_PTE_VALID | DOJO_PTE_LEAF | (test_random() & (3ull << 2));

	e |= DOJO_PTE_TARGET(test_below(4));
	e |= (uint64_t)test_below(HBM_SIZE >> 12) << 12;
	if (level)
		e &= ~0x1ff000ull;
	if (dojo_mmu_target(e) == DOJO_TARGET_PEER)
		e |= (uint64_t)test_below(8) << 52;
	if (!test_below(4))
		e ^= odd[test_below(ARRAY_SIZE(odd))];
	if (!test_below(16))
		e ^= DOJO_PTE_VALID;
	return e;
}

/* Tables by level: 0 is the root, 1..7 level 2, 8..23 level 1, 24.. level 0 */
static void random_tables(void)
{
	unsigned int i, n;

	for (n = 0; n < 400; n++) {
		tables[0][test_below(8)] = table_pte(1 + test_below(7));
		tables[1 + test_below(7)][test_below(8)] = table_pte(8 + test_below(16));
		i = test_below(8);
		tables[8 + test_below(16)][i] = i < 2 ? random_leaf(1) :
							table_pte(24 + test_below(40));
		tables[24 + test_below(40)][test_below(16)] = random_leaf(0);
	}
	/* some that are wrong */
	tables[0][1] = table_pte(2) | DOJO_PTE_READ;
	tables[1][3] = random_leaf(1);
	tables[2][4] = table_pte(9) | DOJO_PTE_TARGET(DOJO_TARGET_SRAM);
	tables[3][5] = (table_pte(8) & ~DOJO_PTE_ADDR_MASK) | HBM_SIZE;
	tables[4][6] = (table_pte(9) & ~DOJO_PTE_ADDR_MASK) | 0xfffffffff000ull;
}

static uint64_t random_va(void)
{
	uint64_t va = (uint64_t)test_below(9) << 39 | (uint64_t)test_below(9) << 30 |
		      (uint64_t)test_below(9) << 21 | (uint64_t)test_below(17) << 12 |
		      test_below(4096);

	return test_below(200) ? va : va | 1ull << (48 + test_below(16));
}

/* ------------------------------------------------------------------- tests */

static void test_walk(void)
{
	bool ok = true;
	int i, round;

	for (round = 0; round < 50 && ok; round++) {
		reset();
		random_tables();
		silent = round % 10 == 9;
		for (i = 0; i < 5000 && ok; i++)
			ok = agrees(test_below(4), table_pte(0), random_va());
	}
	test_ok(ok, "walks of random tables, cached and not, are those of HARDWARE.md");
}

static void test_garbage(void)
{
	struct dojo_page page;
	unsigned int i, j, round;

	for (round = 0; round < 20; round++) {
		reset();
		for (i = 0; i < TABLES; i++)
			for (j = 0; j < DOJO_PT_ENTRIES; j++)
				tables[i][j] = round & 1 ? test_random() :
					(test_random() & ~DOJO_PTE_RESERVED) | DOJO_PTE_VALID;
		for (i = 0; i < 20000; i++)
			dojo_mmu_lookup(&mmu, test_below(4096),
					table_pte(test_below(TABLES)),
					test_random() >> (8 + test_below(16)), &page);
	}
	test_ok(true, "random bits as tables: nothing is read out of bounds");
}

static bool no_bad_leaf_is_cached(void)
{
	struct dojo_page page;
	unsigned int i, n;

	for (n = 0; n < 1000; n++) {
		uint64_t e = random_leaf(0);
		uint32_t reason;

		tables[24][0] = e;
		reason = dojo_mmu_lookup(&mmu, 1, table_pte(0), 0, &page);
		i = fetches;
		if (dojo_mmu_lookup(&mmu, 1, table_pte(0), 0, &page) != reason)
			return false;
		if (reason ? fetches == i : fetches != i)
			return false;
		dojo_mmu_invalidate(&mmu, 1, 0, 4096);
	}
	return true;
}

static void simple_tables(void)
{
	reset();
	tables[0][0] = table_pte(1);
	tables[1][0] = table_pte(8);
	tables[8][0] = table_pte(24);
	tables[24][0] = DOJO_PTE_VALID | DOJO_PTE_LEAF | DOJO_PTE_READ | 0x1000;
	tables[8][1] = DOJO_PTE_VALID | DOJO_PTE_LEAF | DOJO_PTE_READ | 0x200000;
}

static void test_cache(void)
{
	struct dojo_page page;
	unsigned int before;

	simple_tables();
	dojo_mmu_lookup(&mmu, 1, table_pte(0), 0, &page);
	before = fetches;
	tables[24][0] = 0;
	test_ok(!dojo_mmu_lookup(&mmu, 1, table_pte(0), 0xfff, &page) &&
		page.entry == (DOJO_PTE_VALID | DOJO_PTE_LEAF | DOJO_PTE_READ | 0x1000) &&
		fetches == before, "a cached page goes on being used though its entry has gone");
	test_ok(dojo_mmu_lookup(&mmu, 2, table_pte(0), 0, &page) == DOJO_FAULT_TRANSLATION,
		"of one ASID only");
	dojo_mmu_invalidate(&mmu, 1, 0x1000, 0x1ff000);
	test_ok(!dojo_mmu_lookup(&mmu, 1, table_pte(0), 0, &page),
		"until a range is invalidated in which it lies");
	dojo_mmu_invalidate(&mmu, 1, 0, 0x1000);
	test_ok(dojo_mmu_lookup(&mmu, 1, table_pte(0), 0, &page) == DOJO_FAULT_TRANSLATION,
		"and not after that");

	simple_tables();
	test_ok(no_bad_leaf_is_cached(), "only valid, well-formed leaves are cached");

	simple_tables();
	dojo_mmu_lookup(&mmu, 1, table_pte(0), 0x3ff000, &page);
	tables[8][1] = 0;
	dojo_mmu_invalidate(&mmu, 1, 0x300000, 0x1000);
	test_ok(dojo_mmu_lookup(&mmu, 1, table_pte(0), 0x200000, &page),
		"part of a huge page invalidates the whole of it");

	simple_tables();
	dojo_mmu_lookup(&mmu, 1, table_pte(0), 0, &page);
	tables[25][1] = DOJO_PTE_VALID | DOJO_PTE_LEAF | DOJO_PTE_READ | 0x5000;
	tables[8][0] = table_pte(25);
	dojo_mmu_invalidate(&mmu, 1, 0x1000, 0x1000);
	test_ok(!dojo_mmu_lookup(&mmu, 1, table_pte(0), 0x1000, &page) &&
		(page.entry & DOJO_PTE_ADDR_MASK) == 0x5000,
		"a table is not read again once its range was invalidated");
}

/* Whatever was cached, after an invalidation the walk is right in all of its range */
static void test_invalidate(void)
{
	bool ok = true;
	int i, n, round;

	for (round = 0; round < 300 && ok; round++) {
		uint64_t va = random_va() & 0xfffffffff000ull, size = 0;
		uint32_t asid = test_below(4);

		reset();
		random_tables();
		for (i = 0; i < 2000; i++)
			agrees(test_below(4), table_pte(0), random_va());
		random_tables();
		if (test_below(3))
			size = 4096ull << test_below(30);
		else
			va = 0;
		dojo_mmu_invalidate(&mmu, asid, va, size);
		for (n = 0; n < 2000 && ok; n++) {
			uint64_t at = random_va();

			if (!size || at - va < size)
				ok = agrees(asid, table_pte(0), at);
		}
	}
	test_ok(ok, "after an invalidation every page of its range is walked afresh");

	simple_tables();
	dojo_mmu_invalidate(&mmu, 0, 0xfffffffff000ull, ~0xfffull);
	dojo_mmu_invalidate(&mmu, 0, ~0xfffull, ~0xfffull);
	dojo_mmu_invalidate(&mmu, 4095, 0, ~0ull);
	test_ok(true, "ranges that leave the address space end with it");
}

static void test_table_valid(void)
{
	bool ok = true;
	int bit;

	for (bit = 0; bit < 64; bit++) {
		bool free = bit == 5 || (bit >= 12 && bit < 52);

		if (bit && dojo_mmu_table_valid(DOJO_PTE_VALID | 1ull << bit) != free)
			ok = false;
	}
	test_ok(ok && !dojo_mmu_table_valid(0) &&
		!dojo_mmu_table_valid(DOJO_PTE_VALID | DOJO_PTE_TARGET(DOJO_TARGET_PEER)),
		"a table entry has an address, a target HBM or SYSTEM, and nothing else");
}

int main(void)
{
	test_seed(1);
	test_table_valid();
	test_walk();
	test_garbage();
	test_cache();
	test_invalidate();
	return test_end();
}
