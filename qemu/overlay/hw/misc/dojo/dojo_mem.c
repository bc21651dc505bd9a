/*
 * Dojo Interface Processor: memory as queues see it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Every access of a queue goes through here: translation (dojo_mmu.c), then
 * HBM, SRAM, a peer's memory, system memory, or nothing (NULL pages). Sections
 * bound the life of every translation and host pointer.
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/host-utils.h"
#include "qemu/rcu.h"
#include "qemu/units.h"
#include "exec/memory.h"
#include "dojo_dip.h"
#include "trace.h"

#define COALESCE_PAGES  512     /* of one run */
#define DISCARD_MIN     (64 * KiB)  /* less is not worth a system call */

/* An agent's translations of one tile */
typedef struct DojoTileMmu {
    struct dojo_mmu mmu;
    DojoTile *tile;
    uint64_t seq;               /* invalidations applied */
} DojoTileMmu;

typedef enum { RUN_HOST, RUN_SYSTEM, RUN_NULL } DojoRunKind;

typedef struct DojoRun {
    DojoRunKind kind;
    uint64_t len;
    uint8_t *host;              /* RUN_HOST */
    uint64_t address;           /* RUN_SYSTEM: bus address; RUN_HOST: offset */
    DojoTile *owner;            /* RUN_HOST: whose memory */
    bool sram;
} DojoRun;

static bool fetch_entry(struct dojo_mmu *mmu, uint64_t target, uint64_t address,
                        uint64_t *entry)
{
    DojoTile *t = container_of(mmu, DojoTileMmu, mmu)->tile;

    if (target == DOJO_TARGET_SYSTEM) {
        return dojo_dma_load64(t->card, address, entry);
    }
    *entry = le64_to_cpu(qatomic_read((uint64_t *)(t->hbm + address)));
    return true;
}

void dojo_agent_init(DojoAgent *agent, DojoState *s)
{
    agent->card = s;
    QLIST_INSERT_HEAD(&s->agents, agent, next);
}

void dojo_agent_destroy(DojoAgent *agent)
{
    int i;

    QLIST_REMOVE(agent, next);
    for (i = 0; i < DOJO_MAX_TILES; i++) {
        g_clear_pointer(&agent->mmu[i], g_free);
    }
}

static DojoTileMmu *agent_mmu(DojoAgent *agent, DojoTile *t)
{
    DojoTileMmu *m = agent->mmu[t->index];

    if (!m) {
        m = agent->mmu[t->index] = g_new0(DojoTileMmu, 1);
        m->tile = t;
        m->mmu.fetch = fetch_entry;
        m->mmu.limits = t->limits;
    }
    return m;
}

static void apply_invalidations(DojoTile *t, DojoTileMmu *m)
{
    uint64_t seq;

    QEMU_LOCK_GUARD(&t->inval_lock);
    seq = t->inval_seq;
    if (seq - m->seq > DOJO_INVAL_LOG) {
        dojo_mmu_invalidate_all(&m->mmu);
        m->seq = seq;
    }
    for (; m->seq != seq; m->seq++) {
        DojoInvalidation *i = &t->inval[m->seq % DOJO_INVAL_LOG];

        if (i->everything) {
            dojo_mmu_invalidate_all(&m->mmu);
        } else {
            dojo_mmu_invalidate(&m->mmu, i->asid, i->va, i->size);
        }
    }
}

static void log_invalidation(DojoTile *t, DojoInvalidation i)
{
    QEMU_LOCK_GUARD(&t->inval_lock);
    t->inval[t->inval_seq % DOJO_INVAL_LOG] = i;
    qatomic_set(&t->inval_seq, t->inval_seq + 1);
}

void dojo_invalidate(DojoTile *t, uint32_t asid, uint64_t va, uint64_t size)
{
    log_invalidation(t, (DojoInvalidation) {
        .asid = asid, .va = va, .size = size,
    });
}

void dojo_invalidate_everything(DojoTile *t)
{
    log_invalidation(t, (DojoInvalidation) { .everything = true });
}

void dojo_section_begin(DojoAgent *agent, DojoTile *t)
{
    DojoTileMmu *m = agent_mmu(agent, t);

    agent->rcu = !qatomic_read(&agent->card->dma_by_bh);
    if (agent->rcu) {
        rcu_read_lock();
    }
    qatomic_set(&agent->tile, t);
    qatomic_set(&agent->section, agent->section + 1);
    /* pairs with dojo_section_wait(): either it sees us or we see its log entry */
    smp_mb();
    if (unlikely(qatomic_read(&t->inval_seq) != m->seq)) {
        apply_invalidations(t, m);
    }
}

void dojo_section_end(DojoAgent *agent)
{
    dojo_dma_unmap_all(agent);
    qatomic_store_release(&agent->section, agent->section + 1);
    if (agent->rcu) {
        rcu_read_unlock();
    }
}

void dojo_section_wait(DojoState *s, DojoTile *t, DojoAgent *self)
{
    DojoAgent *agent;

    /* what ends the old access, a log entry or a state, before the look */
    smp_mb();
    QLIST_FOREACH(agent, &s->agents, next) {
        uint32_t section = qatomic_read(&agent->section);
        unsigned int spins = 0;

        if (agent == self || !(section & 1)) {
            continue;
        }
        if (t && qatomic_read(&agent->tile) != t) {
            continue;
        }
        while (qatomic_load_acquire(&agent->section) == section) {
            if (++spins < 100) {
                cpu_relax();
            } else {
                g_usleep(20);
            }
        }
    }
    /* and the look before whatever the caller does next */
    smp_mb();
}

static void set_fault(struct dojo_fault_info *fault, uint32_t reason, uint64_t va,
                      bool write)
{
    fault->reason = reason;
    fault->access = write ? DOJO_ACCESS_WRITE : DOJO_ACCESS_READ;
    fault->va = va;
    fault->field = 0;
}

/* The window of another tile, or NULL while it is closed */
static DojoTile *peer_tile(DojoTile *t, uint64_t entry)
{
    unsigned int peer = dojo_mmu_peer(entry);
    DojoTile *p;

    if (peer >= t->card->tiles || peer == t->index) {
        return NULL;
    }
    p = t->card->tile[peer];
    return qatomic_read(&p->peer_grant) & (1u << t->index) ? p : NULL;
}

/* A checked leaf and an offset in its page (or segment) to a run of memory */
static uint32_t run_of_entry(DojoAgent *agent, DojoTile *t, uint64_t entry,
                             uint64_t offset, bool write, bool map_system,
                             DojoRun *run)
{
    uint64_t address = (entry & DOJO_PTE_ADDR_MASK) + offset;
    bool error;

    if (unlikely(qatomic_read(&t->halt))) {
        return DOJO_FAULT_BUS;  /* ends the unit; nobody will see the fault */
    }
    if (!dojo_mmu_allows(entry, write ? DOJO_ACCESS_WRITE : DOJO_ACCESS_READ)) {
        return DOJO_FAULT_PERMISSION;
    }
    if (entry & DOJO_PTE_NULL) {
        run->kind = RUN_NULL;
        return DOJO_FAULT_NONE;
    }

    run->kind = RUN_HOST;
    run->address = address;
    run->owner = t;
    run->sram = false;
    switch (dojo_mmu_target(entry)) {
    case DOJO_TARGET_HBM:
        break;
    case DOJO_TARGET_SRAM:
        run->sram = true;
        break;
    case DOJO_TARGET_PEER:
        run->owner = peer_tile(t, entry);
        run->sram = entry & DOJO_PTE_PEER_SRAM;
        if (!run->owner) {
            return DOJO_FAULT_PEER;
        }
        break;
    default:
        run->kind = RUN_SYSTEM;
        if (map_system) {
            run->host = dojo_dma_map(agent, address, run->len, write, &run->len, &error);
            if (error) {
                return DOJO_FAULT_BUS;
            }
        } else {
            run->host = NULL;
        }
        return DOJO_FAULT_NONE;
    }

    if (unlikely(qatomic_read(&t->card->num_poison))) {
        uint32_t reason = dojo_poison_check(run->owner, run->sram, address, &run->len,
                                            write);
        if (reason) {
            return reason;
        }
    }
    run->host = (run->sram ? run->owner->sram : run->owner->hbm) + address;
    if (write && !run->sram) {
        memory_region_set_dirty(&t->card->hbm_mr, run->owner->hbm_offset + address,
                                run->len);
    }
    return DOJO_FAULT_NONE;
}

/* How far the pages after @page go on where it ends; at most @want bytes from @va */
static uint64_t coalesce(DojoTileMmu *m, uint32_t asid, uint64_t root, uint64_t va,
                         uint64_t want, const struct dojo_page *page)
{
    uint64_t size = 1ull << page->shift;
    uint64_t offset = va & (size - 1);
    uint64_t run = size - offset;
    uint64_t expect = page->entry + size;
    struct dojo_page next;
    int i;

    for (i = 0; i < COALESCE_PAGES && run < want; i++) {
        if (dojo_mmu_lookup(&m->mmu, asid, root, va + run, &next) ||
            next.entry != expect) {
            break;
        }
        size = 1ull << next.shift;
        run += size;
        expect += size;
    }
    return MIN(run, want);
}

static bool find_run(DojoMemory *m, uint64_t va, uint64_t want, bool write,
                     bool map_system, DojoRun *run, struct dojo_fault_info *fault)
{
    DojoTileMmu *mmu = agent_mmu(m->agent, m->tile);
    uint64_t root = qatomic_read(&m->tile->asid_root[m->asid]);
    struct dojo_page page;
    uint64_t offset;
    uint32_t reason;

    if (unlikely(!root)) {
        set_fault(fault, DOJO_FAULT_ASID, va, write);
        return false;
    }
    reason = dojo_mmu_lookup(&mmu->mmu, m->asid, root, va, &page);
    if (!reason) {
        offset = va & ((1ull << page.shift) - 1);
        run->len = MIN((1ull << page.shift) - offset, want);
        if (run->len < want && !(page.entry & DOJO_PTE_NULL)) {
            run->len = coalesce(mmu, m->asid, root, va, want, &page);
        }
        reason = run_of_entry(m->agent, m->tile, page.entry, offset, write,
                              map_system, run);
    }
    if (unlikely(reason)) {
        set_fault(fault, reason, va, write);
        return false;
    }
    return true;
}

static void *op_map(struct dojo_memory *mem, uint64_t va, uint64_t want, bool write,
                    uint64_t *len, struct dojo_fault_info *fault)
{
    DojoRun run;

    if (!find_run(container_of(mem, DojoMemory, mem), va, want, write, true, &run,
                  fault)) {
        return NULL;
    }
    *len = run.len;
    return run.kind == RUN_NULL ? NULL : run.host;
}

static bool run_read(DojoState *s, const DojoRun *run, void *buf)
{
    switch (run->kind) {
    case RUN_HOST:
        memcpy(buf, run->host, run->len);
        return true;
    case RUN_SYSTEM:
        return dojo_dma_read(s, run->address, buf, run->len);
    default:
        memset(buf, 0, run->len);
        return true;
    }
}

static bool run_write(DojoState *s, const DojoRun *run, const void *buf)
{
    switch (run->kind) {
    case RUN_HOST:
        memcpy(run->host, buf, run->len);
        return true;
    case RUN_SYSTEM:
        return dojo_dma_write(s, run->address, buf, run->len);
    default:
        return true;
    }
}

bool dojo_memory_read(DojoMemory *m, uint64_t va, void *buf, uint64_t len,
                      struct dojo_fault_info *fault)
{
    while (len) {
        DojoRun run;

        if (!find_run(m, va, len, false, false, &run, fault)) {
            return false;
        }
        if (!run_read(m->tile->card, &run, buf)) {
            set_fault(fault, DOJO_FAULT_BUS, va, false);
            return false;
        }
        va += run.len;
        buf += run.len;
        len -= run.len;
    }
    return true;
}

bool dojo_memory_write(DojoMemory *m, uint64_t va, const void *buf, uint64_t len,
                       struct dojo_fault_info *fault)
{
    while (len) {
        DojoRun run;

        if (!find_run(m, va, len, true, false, &run, fault)) {
            return false;
        }
        if (!run_write(m->tile->card, &run, buf)) {
            set_fault(fault, DOJO_FAULT_BUS, va, true);
            return false;
        }
        va += run.len;
        buf += run.len;
        len -= run.len;
    }
    return true;
}

bool dojo_memory_load64(DojoMemory *m, uint64_t va, uint64_t *value,
                        struct dojo_fault_info *fault)
{
    DojoRun run;

    *value = 0;
    if (!find_run(m, va, 8, false, false, &run, fault)) {
        return false;
    }
    if (run.kind == RUN_SYSTEM) {
        if (!dojo_dma_load64(m->tile->card, run.address, value)) {
            set_fault(fault, DOJO_FAULT_BUS, va, false);
            return false;
        }
    } else if (run.kind == RUN_HOST) {
        *value = le64_to_cpu(qatomic_read((uint64_t *)run.host));
    }
    /* what the semaphore guards is read after it */
    smp_rmb();
    return true;
}

bool dojo_memory_store64(DojoMemory *m, uint64_t va, uint64_t value,
                         struct dojo_fault_info *fault)
{
    DojoRun run;

    if (!find_run(m, va, 8, true, false, &run, fault)) {
        return false;
    }
    if (run.kind == RUN_SYSTEM) {
        if (!dojo_dma_store(m->tile->card, run.address, value, 8)) {
            set_fault(fault, DOJO_FAULT_BUS, va, true);
            return false;
        }
    } else if (run.kind == RUN_HOST) {
        qatomic_store_release((uint64_t *)run.host, cpu_to_le64(value));
    }
    return true;
}

uint64_t dojo_memory_target(DojoMemory *m, uint64_t va)
{
    DojoTileMmu *mmu = agent_mmu(m->agent, m->tile);
    uint64_t root = qatomic_read(&m->tile->asid_root[m->asid]);
    struct dojo_page page;

    if (!root || dojo_mmu_lookup(&mmu->mmu, m->asid, root, va, &page) ||
        (page.entry & DOJO_PTE_NULL)) {
        return DOJO_TARGET_SRAM;
    }
    if (dojo_mmu_target(page.entry) == DOJO_TARGET_PEER) {
        return page.entry & DOJO_PTE_PEER_SRAM ? DOJO_TARGET_SRAM : DOJO_TARGET_HBM;
    }
    return dojo_mmu_target(page.entry);
}

void dojo_ram_discard(DojoState *s, MemoryRegion *mr, uint64_t offset, uint64_t len)
{
    uint8_t *host = memory_region_get_ram_ptr(mr);
    uint64_t page = qemu_real_host_page_size();
    uint64_t first = ROUND_UP(offset, page);
    uint64_t last = ROUND_DOWN(offset + len, page);

    if (len < DISCARD_MIN || ram_block_discard_is_disabled() ||
        ram_block_discard_range(mr->ram_block, first, last - first)) {
        memset(host + offset, 0, len);
        return;
    }
    memset(host + offset, 0, first - offset);
    memset(host + last, 0, offset + len - last);
}

/* Whole pages go back to the host; the rest is written */
static void op_zero(struct dojo_memory *mem, void *host, uint64_t len)
{
    DojoState *s = container_of(mem, DojoMemory, mem)->tile->card;
    uint8_t *p = host;
    int i;

    if (len >= DISCARD_MIN) {
        if (p >= s->hbm && p < s->hbm + s->hbm_size) {
            dojo_ram_discard(s, &s->hbm_mr, p - s->hbm, len);
            return;
        }
        for (i = 0; i < s->tiles; i++) {
            DojoTile *t = s->tile[i];

            if (p >= t->sram && p < t->sram + s->sram_size) {
                dojo_ram_discard(s, &t->sram_mr, p - t->sram, len);
                return;
            }
        }
    }
    memset(host, 0, len);
}

static bool find_segment_run(DojoMemory *m, uint64_t pte, uint64_t offset, uint64_t want,
                             bool write, bool map_system, DojoRun *run,
                             struct dojo_fault_info *fault)
{
    DojoTile *t = m->tile;
    uint32_t reason = DOJO_FAULT_PTE;

    if ((pte & DOJO_PTE_VALID) && want <= UINT64_MAX - offset) {
        reason = dojo_mmu_check_leaf(&t->limits, pte, 0, offset + want);
    }
    if (!reason) {
        run->len = want;
        reason = run_of_entry(m->agent, t, pte, offset, write, map_system, run);
    }
    if (reason) {
        set_fault(fault, reason, (pte & DOJO_PTE_ADDR_MASK) + offset, write);
        return false;
    }
    return true;
}

static void *op_map_segment(struct dojo_memory *mem, uint64_t pte, uint64_t offset,
                            uint64_t want, bool write, uint64_t *len,
                            struct dojo_fault_info *fault)
{
    DojoRun run;

    if (!find_segment_run(container_of(mem, DojoMemory, mem), pte, offset, want, write,
                          true, &run, fault)) {
        return NULL;
    }
    *len = run.len;
    return run.kind == RUN_NULL ? NULL : run.host;
}

static bool op_read_segment(struct dojo_memory *mem, uint64_t pte, uint64_t offset,
                            void *buf, uint64_t len, struct dojo_fault_info *fault)
{
    DojoMemory *m = container_of(mem, DojoMemory, mem);

    while (len) {
        DojoRun run;

        if (!find_segment_run(m, pte, offset, len, false, false, &run, fault)) {
            return false;
        }
        if (!run_read(m->tile->card, &run, buf)) {
            set_fault(fault, DOJO_FAULT_BUS, run.address, false);
            return false;
        }
        offset += run.len;
        buf += run.len;
        len -= run.len;
    }
    return true;
}

static bool op_write_segment(struct dojo_memory *mem, uint64_t pte, uint64_t offset,
                             const void *buf, uint64_t len,
                             struct dojo_fault_info *fault)
{
    DojoMemory *m = container_of(mem, DojoMemory, mem);

    while (len) {
        DojoRun run;

        if (!find_segment_run(m, pte, offset, len, true, false, &run, fault)) {
            return false;
        }
        if (!run_write(m->tile->card, &run, buf)) {
            set_fault(fault, DOJO_FAULT_BUS, run.address, true);
            return false;
        }
        offset += run.len;
        buf += run.len;
        len -= run.len;
    }
    return true;
}

static bool op_read(struct dojo_memory *mem, uint64_t va, void *buf, uint64_t len,
                    struct dojo_fault_info *fault)
{
    return dojo_memory_read(container_of(mem, DojoMemory, mem), va, buf, len, fault);
}

static bool op_write(struct dojo_memory *mem, uint64_t va, const void *buf, uint64_t len,
                     struct dojo_fault_info *fault)
{
    return dojo_memory_write(container_of(mem, DojoMemory, mem), va, buf, len, fault);
}

static const struct dojo_memory_ops memory_ops = {
    .map = op_map,
    .read = op_read,
    .write = op_write,
    .map_segment = op_map_segment,
    .read_segment = op_read_segment,
    .write_segment = op_write_segment,
    .zero = op_zero,
};

void dojo_memory_init(DojoMemory *m, DojoAgent *agent, DojoTile *t, uint32_t asid)
{
    *m = (DojoMemory) {
        .mem.ops = &memory_ops,
        .agent = agent,
        .tile = t,
        .asid = asid,
    };
}
