/*
 * QTest of the Dojo card: statements of driver/HARDWARE.md, sections 6 to 9
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the tests by subject (dojo-dip, -queue, -sched, -fault) do not look at.
 */
#include "dojo-qtest.h"

/* ------------------------------------------------------------ 6. translation */

static void hbm_table_put(Card *c, uint64_t table, uint64_t va, int level, uint64_t entry)
{
    qpci_io_writeq(c->dev, c->hbm, table + ((va >> (12 + 9 * level)) & 511) * 8, entry);
}

/* Tables, ring and fence in the tile's HBM */
static void test_tables_in_hbm(void)
{
    Bench b = bench_new();
    Card *c = b.card;
    const uint64_t hbm = DOJO_PTE_VALID | DOJO_PTE_TARGET(DOJO_TARGET_HBM);
    const uint64_t tables = 8 * MiB, va = 0x123456789000;
    Batch batch = batch_new(c);
    int level;

    for (level = 3; level > 0; level--) {
        hbm_table_put(c, tables + level * 4096, va, level,
                      hbm | (tables + (level - 1) * 4096));
    }
    hbm_table_put(c, tables, va, 0, leaf(DOJO_TARGET_SYSTEM, batch.va));
    hbm_table_put(c, tables, va + 4096, 0, leaf(DOJO_TARGET_HBM, 16 * MiB));
    admin_ok(b.tile, DOJO_ADMIN_ASID_SET, 2, hbm | (tables + 3 * 4096), 0);

    batch_fill(&batch, va + 4096 + 32, 64, 0x77777777);
    {
        Queue *q = queue_new(b.tile, 20, 2, DOJO_HW_CLASS_DMA);

        put_batch(q, va, batch.size);
        put_fence(q, false);
        queue_kick(q);
        queue_wait(q);
        g_free(q);
    }
    g_assert_cmphex(qpci_io_readl(c->dev, c->hbm, 16 * MiB + 32), ==, 0x77777777);
    g_assert_cmphex(qpci_io_readl(c->dev, c->hbm, 16 * MiB + 96), ==, 0);

    /* the tile's slice ends before the card's HBM does: a table there is outside */
    hbm_table_put(c, tables + 3 * 4096, va, 3, hbm | 64 * MiB);
    admin_ok(b.tile, DOJO_ADMIN_INVALIDATE, 2, 0, 0);
    {
        Queue *q = queue_new(b.tile, 21, 2, DOJO_HW_CLASS_DMA);

        put_batch(q, va, batch.size);
        expect_fault(q, DOJO_FAULT_ADDRESS, 1, va);
        g_free(q);
    }
    bench_free(&b);
}

typedef struct WalkCase {
    const char *name;
    int level;
    uint64_t entry;
    uint32_t reason;
} WalkCase;

static void test_walk_faults(void)
{
    const uint64_t table = DOJO_PTE_VALID | DOJO_PTE_TARGET(DOJO_TARGET_SYSTEM);
    const WalkCase cases[] = {
        { "no root entry", 3, 0, DOJO_FAULT_TRANSLATION },
        { "no root entry, other bits", 3, ~1ull, DOJO_FAULT_TRANSLATION },
        { "no level 2 entry", 2, 0, DOJO_FAULT_TRANSLATION },
        { "no level 1 entry", 1, DOJO_PTE_LEAF | RW, DOJO_FAULT_TRANSLATION },
        { "leaf at level 3", 3, leaf(DOJO_TARGET_HBM, 0), DOJO_FAULT_PTE },
        { "leaf at level 2", 2, leaf(DOJO_TARGET_HBM, 0), DOJO_FAULT_PTE },
        { "2 MiB page, odd address", 1, leaf(DOJO_TARGET_HBM, 4096), DOJO_FAULT_PTE },
        { "2 MiB page past the HBM", 1, leaf(DOJO_TARGET_HBM, 64 * MiB),
          DOJO_FAULT_ADDRESS },
        { "table with READ", 2, table | DOJO_PTE_READ, DOJO_FAULT_PTE },
        { "table with WRITE", 1, table | DOJO_PTE_WRITE, DOJO_FAULT_PTE },
        { "table with NULL", 2, table | DOJO_PTE_NULL, DOJO_FAULT_PTE },
        { "table with a peer", 3, table | 1ull << 52, DOJO_FAULT_PTE },
        { "table with PEER_SRAM", 3, table | DOJO_PTE_PEER_SRAM, DOJO_FAULT_PTE },
        { "table with bit 56", 3, table | 1ull << 56, DOJO_FAULT_PTE },
        { "table with bit 11", 1, table | 1ull << 11, DOJO_FAULT_PTE },
        { "table in SRAM", 2, DOJO_PTE_VALID | DOJO_PTE_TARGET(DOJO_TARGET_SRAM),
          DOJO_FAULT_PTE },
        { "table in a peer", 2, DOJO_PTE_VALID | DOJO_PTE_TARGET(DOJO_TARGET_PEER),
          DOJO_FAULT_PTE },
        { "table past the HBM", 2, DOJO_PTE_VALID | 64 * MiB, DOJO_FAULT_ADDRESS },
        { "table in no memory", 2, table | 0x8000000000, DOJO_FAULT_BUS },
        { "table in a BAR", 1, table | 0xfee00000, DOJO_FAULT_BUS },
        { "null page with SRAM target", 0, DOJO_PTE_VALID | DOJO_PTE_LEAF | RW |
          DOJO_PTE_NULL | DOJO_PTE_TARGET(DOJO_TARGET_SRAM), DOJO_FAULT_PTE },
        { "null page with peer", 0, DOJO_PTE_VALID | DOJO_PTE_LEAF | RW | DOJO_PTE_NULL |
          1ull << 54, DOJO_FAULT_PTE },
        { "no permission at all", 0, DOJO_PTE_VALID | DOJO_PTE_LEAF,
          DOJO_FAULT_PERMISSION },
        { "peer's slice ends", 0, leaf(DOJO_TARGET_PEER, 64 * MiB) | 1ull << 52,
          DOJO_FAULT_ADDRESS },
        { "peer's SRAM ends", 0, leaf(DOJO_TARGET_PEER, 16 * MiB) | 1ull << 52 |
          DOJO_PTE_PEER_SRAM, DOJO_FAULT_ADDRESS },
    };
    Bench b = bench_new();
    Card *c = b.card;
    Tile *peer = tile_at(c, 1);
    uint64_t good[DOJO_PT_LEVELS], at[DOJO_PT_LEVELS];
    int i, level;

    tile_writel(peer, DOJO_TILE_PEER_GRANT, 1);
    map_page(c, b.root, BAD_VA, leaf(DOJO_TARGET_HBM, 0));
    for (level = 0; level < DOJO_PT_LEVELS; level++) {
        at[level] = entry_of(c, b.root, BAD_VA, level);
        good[level] = qtest_readq(c->qts, at[level]);
    }
    for (i = 0; i < ARRAY_SIZE(cases); i++) {
        Queue *q = queue_new(b.tile, 20, USER_ASID, DOJO_HW_CLASS_DMA);

        g_test_message("%s", cases[i].name);
        qtest_writeq(c->qts, at[cases[i].level], cases[i].entry);
        put_batch(q, BAD_VA + 0x18, 8);
        expect_fault(q, cases[i].reason, 1, BAD_VA + 0x18);
        qtest_writeq(c->qts, at[cases[i].level], good[cases[i].level]);
        queue_end(q);
        admin_ok(b.tile, DOJO_ADMIN_INVALIDATE, USER_ASID, 0, 0);
    }
    g_free(peer);
    bench_free(&b);
}

/* Making an entry valid needs no invalidation: invalid ones are not kept */
static void test_invalid_is_not_cached(void)
{
    Bench b = bench_new();
    Card *c = b.card;
    uint64_t page = ram_alloc(c, 4096);
    Batch batch = user_batch(&b);
    Queue *q;
    int i;

    batch_fill(&batch, DST_VA, 8, 0x11223344);
    for (i = 0; i < 2; i++) {
        q = queue_new(b.tile, 20, USER_ASID, DOJO_HW_CLASS_DMA);
        if (i) {
            map_page(c, b.root, DST_VA, leaf(DOJO_TARGET_SYSTEM, page));
            expect_works(q, &batch);
            g_assert_cmphex(qtest_readl(c->qts, page), ==, 0x11223344);
        } else {
            put_batch(q, batch.va, batch.size);
            expect_fault(q, DOJO_FAULT_TRANSLATION, 2, DST_VA);
        }
        queue_end(q);
    }
    bench_free(&b);
}

/* A window that its owner closes is closed after the next INVALIDATE of the other */
static void test_window_closed_by_register(void)
{
    Bench b = bench_new();
    Card *c = b.card;
    Tile *peer = tile_at(c, 1);
    Batch batch = user_batch(&b);

    map_page(c, b.root, DST_VA, leaf(DOJO_TARGET_PEER, 0) | 1ull << DOJO_PTE_PEER_SHIFT);
    batch_fill(&batch, DST_VA, 8, 1);
    tile_writel(peer, DOJO_TILE_PEER_GRANT, 1);
    expect_works(b.dma, &batch);
    tile_writel(peer, DOJO_TILE_PEER_GRANT, 0);
    admin_ok(b.tile, DOJO_ADMIN_INVALIDATE, 0, 0, 0);
    put_batch(b.dma, batch.va, batch.size);
    expect_fault(b.dma, DOJO_FAULT_PEER, 2, DST_VA);
    g_free(peer);
    bench_free(&b);
}

/* ------------------------------------------------------ 8. rings and doorbells */

static Queue *queue_at(Bench *b, uint64_t ring_va)
{
    struct dojo_queue_context ctx = context_default(ring_va, USER_ASID,
                                                    DOJO_HW_CLASS_DMA);

    return queue_start(b->tile, 20, &ctx);
}

/* Ring and fences are memory of ASID 0, with its faults */
static void test_ring_memory_faults(void)
{
    const uint64_t va = 0x70000000000;
    Bench b = bench_new();
    Card *c = b.card;
    Batch nop = nop_batch(&b);
    struct dojo_queue_context ctx;
    Queue *q;

    q = queue_at(&b, va);
    q->tail++;
    expect_fault(q, DOJO_FAULT_TRANSLATION, 1, va);
    ctx = context_read(b.tile, 20);
    g_assert_cmpuint(le32_to_cpu(ctx.packet_opcode), ==, 0);
    g_assert_cmpuint(le32_to_cpu(ctx.head), ==, 0);
    queue_end(q);

    /* mapped in the user's space only: still nothing */
    map_page(c, b.root, va, leaf(DOJO_TARGET_SYSTEM, ram_alloc(c, 4096)));
    q = queue_at(&b, va);
    q->tail++;
    expect_fault(q, DOJO_FAULT_TRANSLATION, 1, va);
    queue_end(q);

    /* the head stays on a fence that could not be written */
    q = queue_new(b.tile, 20, USER_ASID, DOJO_HW_CLASS_DMA);
    q->fence = va + 64;
    put_batch(q, nop.va, nop.size);
    put_fence(q, true);
    expect_fault(q, DOJO_FAULT_TRANSLATION, 2, va + 64);
    ctx = context_read(b.tile, 20);
    g_assert_cmpuint(le32_to_cpu(ctx.head), ==, 1);
    g_assert_cmpuint(le64_to_cpu(ctx.seqno), ==, 0);
    g_assert_cmpuint(le64_to_cpu(ctx.packets), ==, 1);
    queue_end(q);
    bench_free(&b);
}

/* A fence without the flag posts nothing, one with it after its record is written */
static void test_fence_events(void)
{
    Bench b = bench_new();
    Batch nop = nop_batch(&b);
    struct dojo_event e;
    int i;

    for (i = 0; i < 3; i++) {
        put_batch(b.dma, nop.va, nop.size);
        put_fence(b.dma, i == 1);
        queue_kick(b.dma);
        queue_wait(b.dma);
    }
    e = event_take(b.tile, DOJO_EVENT_RING_DMA);
    g_assert_cmpuint(le64_to_cpu(e.data), ==, 2);
    g_assert_cmpuint(le32_to_cpu(e.seq), ==, 1);
    g_assert_cmpuint(tile_readl(b.tile, DOJO_TILE_EVENT(2) + DOJO_EVENT_PRODUCER), ==, 1);
    bench_free(&b);
}

/* SUSPENDED and FAULTED queues take note of the tail */
static void test_doorbell_while_stopped(void)
{
    Bench b = bench_new();
    Batch nop = nop_batch(&b), bad = user_batch(&b);
    struct dojo_queue_context ctx;

    admin_ok(b.tile, DOJO_ADMIN_QUEUE_SUSPEND, 2, 0, 0);
    queue_run(b.dma, &nop);
    ctx = context_save(b.dma);
    g_assert_cmpuint(le32_to_cpu(ctx.state), ==, DOJO_HW_SUSPENDED);
    g_assert_cmpuint(le32_to_cpu(ctx.tail), ==, 2);
    g_assert_cmpuint(le32_to_cpu(ctx.head), ==, 0);
    g_assert_cmpuint(queue_seqno(b.dma), ==, 0);
    admin_ok(b.tile, DOJO_ADMIN_QUEUE_RESUME, 2, 0, 0);
    queue_wait(b.dma);

    batch_copy(&bad, BAD_VA, BAD_VA, 8);
    put_batch(b.dma, bad.va, bad.size);
    expect_fault(b.dma, DOJO_FAULT_TRANSLATION, 1, BAD_VA);
    queue_run(b.dma, &nop);
    ctx = context_save(b.dma);
    g_assert_cmpuint(le32_to_cpu(ctx.state), ==, DOJO_HW_FAULTED);
    g_assert_cmpuint(le32_to_cpu(ctx.tail), ==, 5);
    g_assert_cmpuint(le32_to_cpu(ctx.head), ==, 2);
    g_assert_cmpuint(queue_seqno(b.dma), ==, 1);
    bench_free(&b);
}

/* A tail out of bounds faults the queue in whatever state it is */
static void test_doorbell_out_of_bounds(void)
{
    static const uint32_t states[] = {
        DOJO_HW_IDLE, DOJO_HW_WAITING, DOJO_HW_SUSPENDED, DOJO_HW_RUNNING,
    };
    Bench b = bench_new();
    Card *c = b.card;
    uint64_t page = ram_alloc(c, 4096);
    int i;

    map_page(c, b.root, DST_VA, leaf(DOJO_TARGET_SYSTEM, page));
    for (i = 0; i < ARRAY_SIZE(states); i++) {
        Queue *q = queue_in_state(&b, states[i], DST_VA);
        struct dojo_event e;

        doorbell(b.tile, 20, q->tail + 0x80000000);
        if (states[i] == DOJO_HW_RUNNING) {
            set_property(c, "inject-hang", "\"\"");
        }
        e = event_take(b.tile, DOJO_EVENT_RING_CONTROL);
        g_assert_cmpuint(le16_to_cpu(e.type), ==, DOJO_EVENT_FAULT);
        g_assert_cmpuint(le64_to_cpu(e.data), ==, DOJO_FAULT_DOORBELL);
        g_assert_cmpuint(state_of(q), ==, DOJO_HW_FAULTED);
        queue_end(q);
    }
    bench_free(&b);
}

/* ------------------------------------------------------------------ 9. packets */

static void test_semaphore_conditions(void)
{
    static const struct {
        enum dojo_sem_condition condition;
        uint64_t value, no, yes;
    } cases[] = {
        { DOJO_SEM_EQUAL, 5, 6, 5 },
        { DOJO_SEM_NOT_EQUAL, 5, 5, 4 },
        { DOJO_SEM_GREATER_EQUAL, 5, 4, UINT64_MAX },
        { DOJO_SEM_GREATER_EQUAL, UINT64_MAX, 0, UINT64_MAX },
        { DOJO_SEM_LESS, 5, 5, 0 },
    };
    Bench b = bench_new();
    Card *c = b.card;
    uint64_t page = ram_alloc(c, 4096);
    int i;

    map_page(c, b.root, DST_VA, leaf(DOJO_TARGET_SYSTEM, page));
    for (i = 0; i < ARRAY_SIZE(cases); i++) {
        Batch wait = user_batch(&b);

        batch_sem_wait(&wait, DST_VA, cases[i].value, cases[i].condition);
        qtest_writeq(c->qts, page, cases[i].no);
        queue_run(b.dma, &wait);
        wait_until(state_of(b.dma) == DOJO_HW_WAITING);
        g_assert_cmpuint(queue_seqno(b.dma), ==, i);
        qtest_writeq(c->qts, page, cases[i].yes);
        queue_wait(b.dma);
    }
    bench_free(&b);
}

/* What a queue waits for goes away: a memory fault, not an endless wait */
static void test_semaphore_goes_away(void)
{
    Bench b = bench_new();
    Card *c = b.card;
    Batch wait = user_batch(&b);
    struct dojo_event e;

    map_page(c, b.root, DST_VA, leaf(DOJO_TARGET_SYSTEM, ram_alloc(c, 4096)));
    batch_sem_wait(&wait, DST_VA + 8, 1, DOJO_SEM_EQUAL);
    queue_run(b.dma, &wait);
    wait_until(state_of(b.dma) == DOJO_HW_WAITING);
    map_page(c, b.root, DST_VA, 0);
    admin_ok(b.tile, DOJO_ADMIN_INVALIDATE, USER_ASID, DST_VA, 4096);
    e = event_take(b.tile, DOJO_EVENT_RING_CONTROL);
    g_assert_cmpuint(le16_to_cpu(e.type), ==, DOJO_EVENT_FAULT);
    g_assert_cmpuint(le64_to_cpu(e.data), ==, DOJO_FAULT_TRANSLATION);
    g_assert_cmphex(le64_to_cpu(context_save(b.dma).fault_va), ==, DST_VA + 8);
    bench_free(&b);
}

static void test_operands(void)
{
    const uint64_t end = 1ull << 48;
    const struct {
        uint64_t src, dst, size;
        uint32_t reason, field, access;
        uint64_t va;
    } copies[] = {
        { SRC_VA, DST_VA, 0, DOJO_FAULT_FIELD, 24 },
        { SRC_VA, DST_VA, (1ull << 40) + 1, DOJO_FAULT_FIELD, 24 },
        { end - 8, DST_VA, 16, DOJO_FAULT_ADDRESS, 0, 1, end },
        { SRC_VA, end - 8, 9, DOJO_FAULT_ADDRESS, 0, 2, end },
        { SRC_VA, 1ull << 63, 1, DOJO_FAULT_ADDRESS, 0, 2, 1ull << 63 },
    };
    Bench b = bench_new();
    Card *c = b.card;
    uint64_t page = ram_alloc(c, 4096);
    struct dojo_queue_context ctx;
    Batch batch;
    Queue *q;
    int i;

    map_page(c, b.root, DST_VA, leaf(DOJO_TARGET_SYSTEM, page));
    map_page(c, b.root, SRC_VA, leaf(DOJO_TARGET_SYSTEM, page));
    map_page(c, b.root, end - 4096, leaf(DOJO_TARGET_SYSTEM, page));
    qtest_memset(c->qts, page, 0x5a, 4096);
    for (i = 0; i < ARRAY_SIZE(copies); i++) {
        q = queue_new(b.tile, 20, USER_ASID, DOJO_HW_CLASS_DMA);
        batch = user_batch(&b);
        batch_copy(&batch, copies[i].src, copies[i].dst, copies[i].size);
        put_batch(q, batch.va, batch.size);
        expect_fault(q, copies[i].reason, copies[i].access, copies[i].va);
        g_assert_cmpuint(le32_to_cpu(context_read(b.tile, 20).fault_field), ==,
                         copies[i].field);
        queue_end(q);
    }
    g_assert_cmphex(qtest_readl(c->qts, page), ==, 0x5a5a5a5a);

    /* semaphores and time stamps are 8-byte words */
    for (i = 0; i < 2; i++) {
        q = queue_new(b.tile, 20, USER_ASID, DOJO_HW_CLASS_DMA);
        batch = user_batch(&b);
        if (i) {
            batch_sem_signal(&batch, DST_VA + 4, 1, DOJO_SEM_SET);
        } else {
            batch_sem_wait(&batch, DST_VA + 4, 1, DOJO_SEM_EQUAL);
        }
        put_batch(q, batch.va, batch.size);
        ctx = run_to_fault(q);
        g_assert_cmpuint(le32_to_cpu(ctx.fault), ==, DOJO_FAULT_FIELD);
        g_assert_cmpuint(le32_to_cpu(ctx.fault_field), ==, 8);
        queue_end(q);
    }
    bench_free(&b);
}

/* A packet is copied before it runs: one that writes over itself does so in vain */
static void test_packet_is_copied_once(void)
{
    Bench b = bench_new();
    Batch batch = user_batch(&b);

    batch_fill(&batch, batch.va, 32, 0xffffffff);
    batch_nop(&batch);
    expect_works(b.dma, &batch);
    g_assert_cmphex(qtest_readq(b.card->qts, batch.va), ==, UINT64_MAX);
    g_assert_cmpuint(le64_to_cpu(context_save(b.dma).packets), ==, 2);
    bench_free(&b);
}

/* Overflow into BF16: counted; trapped after the packet has completed, if enabled */
static void test_trap(void)
{
    static const uint32_t flags[] = { 0, DOJO_CTX_TRAP_OVERFLOW, DOJO_CTX_TRAP_INVALID };
    Bench b = bench_new();
    Card *c = b.card;
    uint64_t mem = ram_alloc(c, 4096);
    uint8_t raw[sizeof(struct dojo_packet_compute) +
                3 * sizeof(struct dojo_tensor)] = { };
    struct dojo_packet_compute *p = (void *)raw;
    Batch batch = user_batch(&b);
    int i;

    p->header.opcode = cpu_to_le16(DOJO_OP_GEMM);
    p->header.words = cpu_to_le16(sizeof(raw) / 8);
    p->tensors = 3;
    p->f[0] = cpu_to_le32(0x3f800000);
    for (i = 0; i < 3; i++) {
        struct dojo_tensor *t = &p->tensor[i];

        t->va = cpu_to_le64(DST_VA + i * 4);
        t->dim[0] = t->dim[1] = t->dim[2] = t->dim[3] = cpu_to_le32(1);
        t->stride[0] = t->stride[1] = t->stride[2] = t->stride[3] = cpu_to_le64(1);
        t->format = i < 2 ? DOJO_FORMAT_FP32 : DOJO_FORMAT_BF16;
    }
    batch_add(&batch, raw, sizeof(raw));
    map_page(c, b.root, DST_VA, leaf(DOJO_TARGET_SYSTEM, mem));
    for (i = 0; i < ARRAY_SIZE(flags); i++) {
        struct dojo_queue_context ctx = context_default(ram_alloc(c, 4096), USER_ASID,
                                                        DOJO_HW_CLASS_COMPUTE);
        Queue *q;

        qtest_writel(c->qts, mem, 0x7f7fffff);         /* the largest, times one */
        qtest_writel(c->qts, mem + 4, 0x3f800000);
        qtest_writel(c->qts, mem + 8, 0);
        ctx.flags = cpu_to_le32(flags[i]);
        q = queue_start(b.tile, 20, &ctx);
        if (flags[i] == DOJO_CTX_TRAP_OVERFLOW) {
            put_batch(q, batch.va, batch.size);
            ctx = run_to_fault(q);
            g_assert_cmpuint(le32_to_cpu(ctx.fault), ==, DOJO_FAULT_ARITHMETIC);
        } else {
            expect_works(q, &batch);
            ctx = context_save(q);
        }
        g_assert_cmpuint(le64_to_cpu(ctx.flag_invalid), ==, 0);
        g_assert_cmpuint(le64_to_cpu(ctx.flag_overflow), ==, 1);
        g_assert_cmpuint(le64_to_cpu(ctx.packets), ==, 1);
        g_assert_cmphex(qtest_readl(c->qts, mem + 8), ==, 0x7f80);
        queue_end(q);
    }
    bench_free(&b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/dojo/spec/mmu/tables-in-hbm", test_tables_in_hbm);
    qtest_add_func("/dojo/spec/mmu/walk", test_walk_faults);
    qtest_add_func("/dojo/spec/mmu/invalid-not-cached", test_invalid_is_not_cached);
    qtest_add_func("/dojo/spec/mmu/window-closed", test_window_closed_by_register);
    qtest_add_func("/dojo/spec/ring/memory-faults", test_ring_memory_faults);
    qtest_add_func("/dojo/spec/ring/fence-events", test_fence_events);
    qtest_add_func("/dojo/spec/ring/doorbell-stopped", test_doorbell_while_stopped);
    qtest_add_func("/dojo/spec/ring/doorbell-bounds", test_doorbell_out_of_bounds);
    qtest_add_func("/dojo/spec/packets/conditions", test_semaphore_conditions);
    qtest_add_func("/dojo/spec/packets/semaphore-gone", test_semaphore_goes_away);
    qtest_add_func("/dojo/spec/packets/operands", test_operands);
    qtest_add_func("/dojo/spec/packets/copied-once", test_packet_is_copied_once);
    qtest_add_func("/dojo/spec/packets/trap", test_trap);
    return g_test_run();
}
