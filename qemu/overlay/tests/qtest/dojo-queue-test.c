/*
 * QTest of the Dojo card: packets, rings, memory, faults of programs
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "dojo-qtest.h"

static void fill_pattern(Card *c, uint64_t addr, uint32_t size)
{
    uint32_t i;

    for (i = 0; i < size; i += 8) {
        qtest_writeq(c->qts, addr + i, 0x0101010101010101ull * (i & 0xff) + i);
    }
}

static bool same(Card *c, uint64_t a, uint64_t b, uint32_t size)
{
    g_autofree char *x = g_malloc(size), *y = g_malloc(size);

    qtest_memread(c->qts, a, x, size);
    qtest_memread(c->qts, b, y, size);
    return !memcmp(x, y, size);
}

/* -------------------------------------------------------------------- copies */

/* System memory to HBM to SRAM and back, at odd offsets and across pages */
static void test_copy(void)
{
    Bench b = bench_new();
    Card *c = b.card;
    uint64_t src = ram_alloc(c, 16 * KiB), dst = ram_alloc(c, 16 * KiB);
    Batch batch = user_batch(&b);
    struct dojo_fence_record r;
    struct dojo_event e;
    int i;

    fill_pattern(c, src, 16 * KiB);
    for (i = 0; i < 4; i++) {
        /* backwards, so that neighbours in VA are none in memory */
        map_page(c, b.root, SRC_VA + i * 4096, leaf(DOJO_TARGET_SYSTEM,
                                                    src + (3 - i) * 4096));
        map_page(c, b.root, DST_VA + i * 4096, leaf(DOJO_TARGET_SYSTEM,
                                                    dst + (3 - i) * 4096));
        map_page(c, b.root, SRAM_VA + i * 4096, leaf(DOJO_TARGET_SRAM, i * 8192));
    }
    map_huge(c, b.root, HBM_VA, leaf(DOJO_TARGET_HBM, 4 * MiB));

    batch_copy(&batch, SRC_VA + 5, HBM_VA + 100, 16 * KiB - 5);
    batch_copy(&batch, HBM_VA + 100, SRAM_VA + 3, 16 * KiB - 5);
    batch_copy(&batch, SRAM_VA + 3, DST_VA + 5, 16 * KiB - 5);
    batch_fill(&batch, HBM_VA + 1 * MiB, 64 * KiB, 0xa5a5a5a5);
    queue_run(b.dma, &batch);
    queue_wait(b.dma);

    g_assert_true(same(c, src + 5 + 3 * 4096, dst + 5 + 3 * 4096, 4091));
    g_assert_true(same(c, src, dst, 12 * KiB));
    g_assert_cmphex(qpci_io_readl(c->dev, c->hbm, 5 * MiB), ==, 0xa5a5a5a5);
    g_assert_cmphex(qpci_io_readl(c->dev, c->hbm, 5 * MiB + 64 * KiB - 4), ==,
                    0xa5a5a5a5);
    g_assert_cmphex(qpci_io_readl(c->dev, c->hbm, 5 * MiB + 64 * KiB), ==, 0);

    e = event_take(b.tile, DOJO_EVENT_RING_DMA);
    g_assert_cmpuint(le16_to_cpu(e.type), ==, DOJO_EVENT_FENCE);
    g_assert_cmpuint(le32_to_cpu(e.id), ==, 2);
    g_assert_cmpuint(le64_to_cpu(e.data), ==, 1);
    qtest_memread(c->qts, b.dma->fence, &r, sizeof(r));
    g_assert_cmpuint(le64_to_cpu(r.packets), ==, 4);
    g_assert_cmpuint(le64_to_cpu(r.bytes), ==, 6 * (16 * KiB - 5) + 64 * KiB);
    g_assert_cmpuint(le64_to_cpu(r.start_ns), <=, le64_to_cpu(r.end_ns));
    g_assert_cmpuint(le64_to_cpu(r.end_ns), <=, le64_to_cpu(e.timestamp));
    g_assert_cmpuint(le64_to_cpu(r.busy_ns), >, 0);
    g_assert_cmpuint(le64_to_cpu(r.model_ps), >=, 4 * 500000);
    bench_free(&b);
}

static void test_null_pages(void)
{
    Bench b = bench_new();
    Card *c = b.card;
    uint64_t dst = ram_alloc(c, 4096);
    Batch batch = user_batch(&b);

    qtest_memset(c->qts, dst, 0xff, 4096);
    map_page(c, b.root, SRC_VA, DOJO_PTE_VALID | DOJO_PTE_LEAF | DOJO_PTE_NULL | RW);
    map_page(c, b.root, DST_VA, leaf(DOJO_TARGET_SYSTEM, dst));
    batch_copy(&batch, DST_VA, SRC_VA, 4096);   /* dropped */
    batch_copy(&batch, SRC_VA, DST_VA, 4096);   /* zeros */
    queue_run(b.dma, &batch);
    queue_wait(b.dma);
    g_assert_cmphex(qtest_readq(c->qts, dst), ==, 0);
    g_assert_cmphex(qtest_readq(c->qts, dst + 4088), ==, 0);
    bench_free(&b);
}

static void test_copy_segments(void)
{
    Bench b = bench_new();
    Card *c = b.card;
    uint64_t ring = ram_alloc(c, 4096), lists = ram_alloc(c, 4096);
    uint64_t src = ram_alloc(c, 8192);
    struct dojo_queue_context ctx = context_default(ring, 0, DOJO_HW_CLASS_DMA);
    Batch batch = batch_new(c);
    struct dojo_packet_segments p = {
        .header = HEADER(DOJO_OP_COPY_SEGMENTS, p), .src = cpu_to_le64(lists),
        .dst = cpu_to_le64(lists + 64), .src_count = cpu_to_le32(1),
        .dst_count = cpu_to_le32(2),
    };
    Queue *q;

    ctx.flags = cpu_to_le32(DOJO_CTX_PRIVILEGED);
    ctx.priority = DOJO_HW_PRIORITY_KERNEL;
    q = queue_start(b.tile, 9, &ctx);
    fill_pattern(c, src, 8192);
    qtest_writeq(c->qts, lists, leaf(DOJO_TARGET_SYSTEM, src));
    qtest_writeq(c->qts, lists + 8, 8192);
    qtest_writeq(c->qts, lists + 64, leaf(DOJO_TARGET_HBM, 1 * MiB));
    qtest_writeq(c->qts, lists + 72, 4096);
    qtest_writeq(c->qts, lists + 80, leaf(DOJO_TARGET_HBM, 3 * MiB));
    qtest_writeq(c->qts, lists + 88, 4096);
    batch_add(&batch, &p, sizeof(p));
    queue_run(q, &batch);
    queue_wait(q);
    g_assert_true(same(c, src, c->hbm.addr + 1 * MiB, 4096));
    g_assert_true(same(c, src + 4096, c->hbm.addr + 3 * MiB, 4096));
    event_take(b.tile, DOJO_EVENT_RING_KERNEL);

    /* an ill-formed entry */
    qtest_writeq(c->qts, lists + 80, leaf(DOJO_TARGET_HBM, 3 * MiB) | 1 << 8);
    put_batch(q, batch.va, batch.size);
    ctx = run_to_fault(q);
    g_assert_cmpuint(le32_to_cpu(ctx.fault), ==, DOJO_FAULT_PTE);
    g_assert_cmphex(le64_to_cpu(ctx.fault_va), ==, lists + 80);
    g_free(q);
    bench_free(&b);
}

static void test_timestamp(void)
{
    Bench b = bench_new();
    Card *c = b.card;
    uint64_t word = ram_alloc(c, 4096), before = card_readq(c, DOJO_CARD_TIMESTAMP);
    Batch batch = user_batch(&b);
    struct dojo_packet_timestamp p = {
        .header = HEADER(DOJO_OP_TIMESTAMP, p), .va = cpu_to_le64(DST_VA),
    };

    map_page(c, b.root, DST_VA, leaf(DOJO_TARGET_SYSTEM, word));
    batch_add(&batch, &p, sizeof(p));
    queue_run(b.dma, &batch);
    queue_wait(b.dma);
    g_assert_cmpuint(qtest_readq(c->qts, word), >, before);
    g_assert_cmpuint(qtest_readq(c->qts, word), <, card_readq(c, DOJO_CARD_TIMESTAMP));
    bench_free(&b);
}

/* D = A x B of 2 x 2, FP32 */
static void test_gemm(void)
{
    Bench b = bench_new();
    Card *c = b.card;
    uint64_t mem = ram_alloc(c, 4096);
    Batch batch = user_batch(&b);
    static const float in[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    static const float want[4] = { 19, 22, 43, 50 };
    uint8_t raw[sizeof(struct dojo_packet_compute) +
                3 * sizeof(struct dojo_tensor)] = { };
    struct dojo_packet_compute *p = (void *)raw;
    float out[4];
    int i;

    p->header.opcode = cpu_to_le16(DOJO_OP_GEMM);
    p->header.words = cpu_to_le16(sizeof(raw) / 8);
    p->tensors = 3;
    p->f[0] = cpu_to_le32(0x3f800000);
    for (i = 0; i < 3; i++) {
        struct dojo_tensor *t = &p->tensor[i];

        t->va = cpu_to_le64(DST_VA + i * 16);
        t->dim[0] = t->dim[1] = cpu_to_le32(2);
        t->dim[2] = t->dim[3] = cpu_to_le32(1);
        t->stride[0] = cpu_to_le64(1);
        t->stride[1] = cpu_to_le64(2);
        t->stride[2] = t->stride[3] = cpu_to_le64(4);
        t->format = DOJO_FORMAT_FP32;
    }
    qtest_memwrite(c->qts, mem, in, sizeof(in));
    map_page(c, b.root, DST_VA, leaf(DOJO_TARGET_SYSTEM, mem));
    batch_add(&batch, raw, sizeof(raw));
    queue_run(b.compute, &batch);
    queue_wait(b.compute);
    qtest_memread(c->qts, mem + 32, out, sizeof(out));
    for (i = 0; i < 4; i++) {
        g_assert_cmpfloat(out[i], ==, want[i]);
    }
    g_assert_cmpuint(le16_to_cpu(event_take(b.tile, DOJO_EVENT_RING_COMPUTE).type), ==,
                     DOJO_EVENT_FENCE);
    bench_free(&b);
}

/* ---------------------------------------------------------------- ring, wrap */

static void test_ring_wraps(void)
{
    Bench b = bench_new();
    Card *c = b.card;
    struct dojo_queue_context ctx = context_default(ram_alloc(c, 4096), USER_ASID,
                                                    DOJO_HW_CLASS_DMA);
    Batch batch = user_batch(&b);
    Queue *q;
    int i;

    batch_nop(&batch);
    ctx.start_index = cpu_to_le32(0xfffffff5);
    q = queue_start(b.tile, 7, &ctx);
    for (i = 0; i < 200; i++) {
        put_batch(q, batch.va, batch.size);
        put_fence(q, false);
        queue_kick(q);
        queue_wait(q);
    }
    ctx = context_save(q);
    g_assert_cmphex(le32_to_cpu(ctx.head), ==, 0xfffffff5 + 400);
    g_assert_cmpuint(le64_to_cpu(ctx.packets), ==, 200);
    g_assert_cmpuint(le64_to_cpu(ctx.seqno), ==, 200);
    g_assert_cmpuint(le32_to_cpu(ctx.state), ==, DOJO_HW_IDLE);
    g_free(q);
    bench_free(&b);
}

/* The whole ring at once, and batches of many packets */
static void test_many_packets(void)
{
    Bench b = bench_new();
    Batch batch = user_batch(&b);
    int i;

    for (i = 0; i < 2000; i++) {
        batch_nop(&batch);
    }
    for (i = 0; i < RING_SIZE - 1; i++) {
        put_batch(b.dma, batch.va, batch.size);
    }
    put_fence(b.dma, true);
    queue_kick(b.dma);
    queue_wait(b.dma);
    g_assert_cmpuint(le64_to_cpu(context_save(b.dma).packets), ==,
                     2000 * (RING_SIZE - 1));
    bench_free(&b);
}

/* -------------------------------------------------------------------- faults */

typedef struct FaultCase {
    const char *name;
    uint32_t reason;
    uint32_t access;
    uint64_t pte;       /* of BAD_VA */
    bool write;
} FaultCase;

static void test_memory_faults(void)
{
    static const FaultCase cases[] = {
        { "no entry", DOJO_FAULT_TRANSLATION, 1, 0 },
        { "no entry, write", DOJO_FAULT_TRANSLATION, 2, 0, true },
        { "not readable", DOJO_FAULT_PERMISSION, 1,
          DOJO_PTE_VALID | DOJO_PTE_LEAF | DOJO_PTE_WRITE },
        { "not writable", DOJO_FAULT_PERMISSION, 2,
          DOJO_PTE_VALID | DOJO_PTE_LEAF | DOJO_PTE_READ, true },
        { "null, not writable", DOJO_FAULT_PERMISSION, 2,
          DOJO_PTE_VALID | DOJO_PTE_LEAF | DOJO_PTE_READ | DOJO_PTE_NULL, true },
        { "table at level 0", DOJO_FAULT_PTE, 1, DOJO_PTE_VALID },
        { "reserved bit 7", DOJO_FAULT_PTE, 1,
          DOJO_PTE_VALID | DOJO_PTE_LEAF | RW | 1 << 7 },
        { "reserved bit 63", DOJO_FAULT_PTE, 1,
          DOJO_PTE_VALID | DOJO_PTE_LEAF | RW | 1ull << 63 },
        { "peer bits, HBM", DOJO_FAULT_PTE, 1,
          DOJO_PTE_VALID | DOJO_PTE_LEAF | RW | 1ull << 52 },
        { "null with address", DOJO_FAULT_PTE, 1,
          DOJO_PTE_VALID | DOJO_PTE_LEAF | RW | DOJO_PTE_NULL | 4096 },
        { "past the HBM slice", DOJO_FAULT_ADDRESS, 1,
          DOJO_PTE_VALID | DOJO_PTE_LEAF | RW | 64 * MiB },
        { "past the SRAM", DOJO_FAULT_ADDRESS, 2,
          DOJO_PTE_VALID | DOJO_PTE_LEAF | RW | DOJO_PTE_TARGET(DOJO_TARGET_SRAM) |
          16 * MiB, true },
        { "no memory there", DOJO_FAULT_BUS, 1,
          DOJO_PTE_VALID | DOJO_PTE_LEAF | RW | DOJO_PTE_TARGET(DOJO_TARGET_SYSTEM) |
          0x8000000000 },
        { "window closed", DOJO_FAULT_PEER, 1,
          DOJO_PTE_VALID | DOJO_PTE_LEAF | RW | DOJO_PTE_TARGET(DOJO_TARGET_PEER) |
          1ull << 52 },
        { "peer is the tile itself", DOJO_FAULT_PEER, 1,
          DOJO_PTE_VALID | DOJO_PTE_LEAF | RW | DOJO_PTE_TARGET(DOJO_TARGET_PEER) },
        { "peer is absent", DOJO_FAULT_PEER, 1,
          DOJO_PTE_VALID | DOJO_PTE_LEAF | RW | DOJO_PTE_TARGET(DOJO_TARGET_PEER) |
          7ull << 52 },
    };
    Bench b = bench_new();
    Card *c = b.card;
    uint64_t word = ram_alloc(c, 4096);
    int i;

    map_page(c, b.root, DST_VA, leaf(DOJO_TARGET_SYSTEM, word));
    for (i = 0; i < ARRAY_SIZE(cases); i++) {
        const FaultCase *f = &cases[i];
        Queue *q = queue_new(b.tile, 20, USER_ASID, DOJO_HW_CLASS_DMA);
        Batch batch = user_batch(&b);
        struct dojo_queue_context ctx;

        g_test_message("%s", f->name);
        map_page(c, b.root, BAD_VA, f->pte);
        batch_nop(&batch);
        batch_copy(&batch, f->write ? DST_VA : BAD_VA + 8, f->write ? BAD_VA + 8 : DST_VA,
                   64);
        put_batch(q, batch.va, batch.size);
        ctx = run_to_fault(q);
        g_assert_cmpuint(le32_to_cpu(ctx.fault), ==, f->reason);
        g_assert_cmpuint(le32_to_cpu(ctx.fault_access), ==, f->access);
        g_assert_cmphex(le64_to_cpu(ctx.fault_va), ==, BAD_VA + 8);
        g_assert_cmpuint(le32_to_cpu(ctx.state), ==, DOJO_HW_FAULTED);
        g_assert_cmpuint(le32_to_cpu(ctx.packet_offset), ==, 8);
        g_assert_cmphex(le32_to_cpu(ctx.packet_opcode), ==, DOJO_OP_COPY);
        g_assert_cmphex(le64_to_cpu(ctx.cookie), ==, 0xc00c1e);
        g_assert_cmphex(le64_to_cpu(ctx.batch_va), ==, batch.va);
        admin_ok(b.tile, DOJO_ADMIN_QUEUE_RESET, 20, 0, 0);
        admin_ok(b.tile, DOJO_ADMIN_INVALIDATE, USER_ASID, BAD_VA, 4096);
        g_free(q);
    }

    /* a VA with more than 48 bits, and an ASID that is not set */
    {
        Queue *q = queue_new(b.tile, 20, USER_ASID, DOJO_HW_CLASS_DMA);
        Queue *q2 = queue_new(b.tile, 21, 77, DOJO_HW_CLASS_DMA);
        Batch batch = user_batch(&b);
        struct dojo_queue_context ctx;

        put_batch(q, (1ull << 48) + 8, 8);
        ctx = run_to_fault(q);
        g_assert_cmpuint(le32_to_cpu(ctx.fault), ==, DOJO_FAULT_ADDRESS);
        batch_nop(&batch);
        put_batch(q2, batch.va, batch.size);
        ctx = run_to_fault(q2);
        g_assert_cmpuint(le32_to_cpu(ctx.fault), ==, DOJO_FAULT_ASID);
        g_free(q);
        g_free(q2);
    }

    /* and the queue beside them is well */
    {
        Batch batch = user_batch(&b);

        batch_nop(&batch);
        queue_run(b.dma, &batch);
        queue_wait(b.dma);
    }
    bench_free(&b);
}

static void expect_program_fault(Bench *b, Queue *q, uint32_t reason, int field)
{
    struct dojo_queue_context ctx = run_to_fault(q);

    g_assert_cmpuint(le32_to_cpu(ctx.fault), ==, reason);
    if (field >= 0) {
        g_assert_cmphex(le32_to_cpu(ctx.fault_field), ==, field);
    }
    g_assert_cmpuint(le32_to_cpu(ctx.fault_access), ==, 0);
    admin_ok(b->tile, DOJO_ADMIN_QUEUE_RESET, q->id, 0, 0);
    g_free(q);
}

static void test_packet_faults(void)
{
    Bench b = bench_new();
    Batch batch = user_batch(&b);
    struct {
        struct dojo_packet_header h;
        uint32_t reason;
        int field;
    } cases[] = {
        { { 0, 1, 0 }, DOJO_FAULT_OPCODE, -1 },
        { { 0xffff, 1, 0 }, DOJO_FAULT_OPCODE, -1 },
        { { DOJO_OP_ALL_REDUCE, 1, 0 }, DOJO_FAULT_OPCODE, -1 },
        { { DOJO_OP_COPY_SEGMENTS, 6, 0 }, DOJO_FAULT_PRIVILEGE, -1 },
        { { DOJO_OP_GEMM, 8, 0 }, DOJO_FAULT_CLASS, -1 },
        { { DOJO_OP_NOP, 0, 0 }, DOJO_FAULT_PACKET, 2 },
        { { DOJO_OP_NOP, 2, 0 }, DOJO_FAULT_PACKET, 2 },
        { { DOJO_OP_NOP, 1, 2 }, DOJO_FAULT_PACKET, 4 },
        { { DOJO_OP_COPY, 4, 0 }, DOJO_FAULT_BATCH, -1 },
    };
    int i;

    for (i = 0; i < ARRAY_SIZE(cases); i++) {
        Queue *q = queue_new(b.tile, 30, USER_ASID, DOJO_HW_CLASS_DMA);

        g_test_message("case %d", i);
        qtest_memwrite(b.card->qts, batch.va, &cases[i].h, 8);
        put_batch(q, batch.va, 8);
        expect_program_fault(&b, q, cases[i].reason, cases[i].field);
    }
    bench_free(&b);
}

static void test_descriptor_faults(void)
{
    Bench b = bench_new();
    Batch batch = user_batch(&b);
    const struct dojo_ring_descriptor good = {
        .type = DOJO_DESC_BATCH, .size = cpu_to_le32(8), .va = cpu_to_le64(batch.va),
    };
    const struct dojo_ring_descriptor fence = {
        .type = DOJO_DESC_FENCE, .va = cpu_to_le64(batch.va), .value = 1,
    };
    struct dojo_ring_descriptor d;

#define BAD(from, member, to, offset)                                               \
    do {                                                                            \
        Queue *q = queue_new(b.tile, 30, USER_ASID, DOJO_HW_CLASS_DMA);             \
        d = from;                                                                   \
        d.member = to;                                                              \
        put_descriptor(q, &d);                                                      \
        expect_program_fault(&b, q, DOJO_FAULT_DESCRIPTOR, offset);                 \
    } while (0)
    BAD(good, type, 0, 0);
    BAD(good, type, 3, 0);
    BAD(good, flags, 1, 1);
    BAD(good, reserved0, 1, 2);
    BAD(good, size, 0, 4);
    BAD(good, size, cpu_to_le32(12), 4);
    BAD(good, size, cpu_to_le32(DOJO_BATCH_MAX + 8), 4);
    BAD(good, va, cpu_to_le64(batch.va + 4), 8);
    BAD(good, value, 1, 16);
    BAD(good, reserved1[1], 1, 40);
    BAD(fence, flags, 2, 1);
    BAD(fence, size, cpu_to_le32(8), 4);
    BAD(fence, va, cpu_to_le64(batch.va + 32), 8);
    BAD(fence, cookie, 1, 24);
#undef BAD
    bench_free(&b);
}

static void test_doorbell_rules(void)
{
    Bench b = bench_new();
    Card *c = b.card;
    struct dojo_queue_context ctx;
    uint32_t bad = card_readl(c, DOJO_CARD_BAD_ACCESS);
    struct dojo_event e;
    int i;

    /* of a queue that is OFF, and beside the doorbell's word */
    doorbell(b.tile, 100, 1);
    tile_writel(b.tile, DOJO_TILE_DOORBELL + 2 * DOJO_DOORBELL_STRIDE + 8, 1);
    g_assert_cmpuint(card_readl(c, DOJO_CARD_BAD_ACCESS), ==, bad + 2);
    g_assert_cmpuint(tile_readl(b.tile, DOJO_TILE_DOORBELL), ==, 0);

    /* a storm of the same tail */
    for (i = 0; i < 1000; i++) {
        doorbell(b.tile, 2, 0);
    }
    g_assert_cmpuint(le32_to_cpu(context_save(b.dma).state), ==, DOJO_HW_IDLE);

    doorbell(b.tile, 2, RING_SIZE + 1);
    e = event_take(b.tile, DOJO_EVENT_RING_CONTROL);
    g_assert_cmpuint(le16_to_cpu(e.type), ==, DOJO_EVENT_FAULT);
    g_assert_cmpuint(le64_to_cpu(e.data), ==, DOJO_FAULT_DOORBELL);
    ctx = context_read(b.tile, 2);
    g_assert_cmpuint(le32_to_cpu(ctx.fault), ==, DOJO_FAULT_DOORBELL);
    bench_free(&b);
}

/* -------------------------------------------------------------- invalidation */

/* What was translated stays until INVALIDATE, and is gone after it */
static void test_invalidate(void)
{
    Bench b = bench_new();
    Card *c = b.card;
    uint64_t one = ram_alloc(c, 4096), two = ram_alloc(c, 4096), dst = ram_alloc(c, 4096);
    Batch batch = user_batch(&b);

    qtest_writeq(c->qts, one, 1);
    qtest_writeq(c->qts, two, 2);
    map_page(c, b.root, SRC_VA, leaf(DOJO_TARGET_SYSTEM, one));
    map_page(c, b.root, DST_VA, leaf(DOJO_TARGET_SYSTEM, dst));
    batch_copy(&batch, SRC_VA, DST_VA, 8);
    queue_run(b.dma, &batch);
    queue_wait(b.dma);
    g_assert_cmpuint(qtest_readq(c->qts, dst), ==, 1);

    map_page(c, b.root, SRC_VA, leaf(DOJO_TARGET_SYSTEM, two));
    admin_ok(b.tile, DOJO_ADMIN_INVALIDATE, USER_ASID, SRC_VA, 4096);
    queue_run(b.dma, &batch);
    queue_wait(b.dma);
    g_assert_cmpuint(qtest_readq(c->qts, dst), ==, 2);

    /* the table itself goes away */
    map_huge(c, b.root, SRC_VA, 0);
    admin_ok(b.tile, DOJO_ADMIN_INVALIDATE, USER_ASID, 0, 0);
    put_batch(b.dma, batch.va, batch.size);
    g_assert_cmpuint(le32_to_cpu(run_to_fault(b.dma).fault), ==, DOJO_FAULT_TRANSLATION);
    bench_free(&b);
}

static void test_asid_clear(void)
{
    Bench b = bench_new();
    Batch batch = user_batch(&b);

    batch_nop(&batch);
    queue_run(b.dma, &batch);
    queue_wait(b.dma);
    admin_ok(b.tile, DOJO_ADMIN_ASID_CLEAR, USER_ASID, 0, 0);
    put_batch(b.dma, batch.va, batch.size);
    g_assert_cmpuint(le32_to_cpu(run_to_fault(b.dma).fault), ==, DOJO_FAULT_ASID);
    bench_free(&b);
}

static void test_peer_window(void)
{
    Bench b = bench_new();
    Card *c = b.card;
    Tile *peer = tile_new(c, 1);
    Batch batch = user_batch(&b);
    uint64_t pte = leaf(DOJO_TARGET_PEER, 0) | 1ull << DOJO_PTE_PEER_SHIFT;

    tile_writel(peer, DOJO_TILE_PEER_GRANT, 1);
    map_page(c, b.root, DST_VA, pte | 8192);
    map_page(c, b.root, SRC_VA, pte | DOJO_PTE_PEER_SRAM | 4096);
    batch_fill(&batch, SRC_VA, 4096, 0x600df00d);
    batch_copy(&batch, SRC_VA, DST_VA, 4096);
    queue_run(b.dma, &batch);
    queue_wait(b.dma);
    g_assert_cmphex(qpci_io_readl(c->dev, c->hbm, 64 * MiB + 8192), ==, 0x600df00d);

    /* closed by the peer's reset, although the translation is cached */
    tile_reset(peer);
    put_batch(b.dma, batch.va, batch.size);
    g_assert_cmpuint(le32_to_cpu(run_to_fault(b.dma).fault), ==, DOJO_FAULT_PEER);
    g_free(peer);
    bench_free(&b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/dojo/packets/copy", test_copy);
    qtest_add_func("/dojo/packets/null-pages", test_null_pages);
    qtest_add_func("/dojo/packets/copy-segments", test_copy_segments);
    qtest_add_func("/dojo/packets/timestamp", test_timestamp);
    qtest_add_func("/dojo/packets/gemm", test_gemm);
    qtest_add_func("/dojo/ring/wraps", test_ring_wraps);
    qtest_add_func("/dojo/ring/many-packets", test_many_packets);
    qtest_add_func("/dojo/faults/memory", test_memory_faults);
    qtest_add_func("/dojo/faults/packet", test_packet_faults);
    qtest_add_func("/dojo/faults/descriptor", test_descriptor_faults);
    qtest_add_func("/dojo/faults/doorbell", test_doorbell_rules);
    qtest_add_func("/dojo/mmu/invalidate", test_invalidate);
    qtest_add_func("/dojo/mmu/asid-clear", test_asid_clear);
    qtest_add_func("/dojo/mmu/peer-window", test_peer_window);
    return g_test_run();
}
