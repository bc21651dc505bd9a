/*
 * QTest of the Dojo card: semaphores, scheduling, model clock, events
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "dojo-qtest.h"

/* ---------------------------------------------------------------- semaphores */

static void test_semaphores(void)
{
    Bench b = bench_new();
    Card *c = b.card;
    uint64_t sem = ram_alloc(c, 4096);
    Batch wait = user_batch(&b), signal = user_batch(&b);

    map_page(c, b.root, DST_VA, leaf(DOJO_TARGET_SYSTEM, sem));
    batch_sem_wait(&wait, DST_VA, 3, DOJO_SEM_GREATER_EQUAL);
    batch_sem_signal(&wait, DST_VA + 8, 7, DOJO_SEM_MAX);
    queue_run(b.dma, &wait);
    wait_until(le32_to_cpu(context_save(b.dma).state) == DOJO_HW_WAITING);

    batch_sem_signal(&signal, DST_VA, 2, DOJO_SEM_SET);
    batch_sem_signal(&signal, DST_VA, 5, DOJO_SEM_ADD);
    queue_run(b.compute, &signal);
    queue_wait(b.dma);
    g_assert_cmpuint(qtest_readq(c->qts, sem), ==, 7);
    g_assert_cmpuint(qtest_readq(c->qts, sem + 8), ==, 7);

    /* and by the CPU */
    qtest_writeq(c->qts, sem, 0);
    queue_run(b.dma, &wait);
    wait_until(le32_to_cpu(context_save(b.dma).state) == DOJO_HW_WAITING);
    g_assert_cmpuint(queue_seqno(b.dma), ==, 1);
    qtest_writeq(c->qts, sem, 9);
    queue_wait(b.dma);
    bench_free(&b);
}

/* Waiting queues hold no engine: more of them than there are, and one that runs */
static void test_waiting_holds_no_engine(void)
{
    Bench b = bench_new();
    Card *c = b.card;
    uint64_t sem = ram_alloc(c, 4096);
    Batch wait = user_batch(&b), nop = user_batch(&b);
    Queue *q[4];
    int i;

    map_page(c, b.root, DST_VA, leaf(DOJO_TARGET_SYSTEM, sem));
    batch_sem_wait(&wait, DST_VA, 1, DOJO_SEM_EQUAL);
    batch_nop(&nop);
    for (i = 0; i < ARRAY_SIZE(q); i++) {
        q[i] = queue_new(b.tile, 40 + i, USER_ASID, DOJO_HW_CLASS_DMA);
        queue_run(q[i], &wait);
    }
    for (i = 0; i < ARRAY_SIZE(q); i++) {
        wait_until(le32_to_cpu(context_save(q[i]).state) == DOJO_HW_WAITING);
    }
    queue_run(b.dma, &nop);
    queue_wait(b.dma);

    /* one is suspended while it waits, and goes on waiting when resumed */
    admin_ok(b.tile, DOJO_ADMIN_QUEUE_SUSPEND, 40, 0, 0);
    g_assert_cmpuint(le32_to_cpu(context_read(b.tile, 40).state), ==, DOJO_HW_SUSPENDED);
    qtest_writeq(c->qts, sem, 1);
    for (i = 1; i < ARRAY_SIZE(q); i++) {
        queue_wait(q[i]);
    }
    g_assert_cmpuint(queue_seqno(q[0]), ==, 0);
    qtest_writeq(c->qts, sem, 0);
    admin_ok(b.tile, DOJO_ADMIN_QUEUE_RESUME, 40, 0, 0);
    g_assert_cmpuint(admin(b.tile, DOJO_ADMIN_QUEUE_RESUME, 40, 0, 0), ==,
                     DOJO_ADMIN_BAD_STATE);
    g_assert_cmpuint(le32_to_cpu(context_save(q[0]).state), ==, DOJO_HW_WAITING);
    qtest_writeq(c->qts, sem, 1);
    queue_wait(q[0]);
    for (i = 0; i < ARRAY_SIZE(q); i++) {
        g_free(q[i]);
    }
    bench_free(&b);
}

/* ---------------------------------------------------- suspend, resume, reset */

/* Four copies of 16 MiB over and over: long enough to be interrupted */
static void long_work(Bench *b, Batch *batch)
{
    int i;

    for (i = 0; i < 8; i++) {
        map_huge(b->card, b->root, HBM_VA + i * 2 * MiB,
                 leaf(DOJO_TARGET_HBM, i * 2 * MiB));
        map_huge(b->card, b->root, DST_VA + i * 2 * MiB,
                 leaf(DOJO_TARGET_HBM, 32 * MiB + i * 2 * MiB));
    }
    for (i = 0; i < 100; i++) {
        batch_copy(batch, HBM_VA, DST_VA, 16 * MiB);
    }
}

static void test_suspend_resume(void)
{
    Bench b = bench_new();
    Card *c = b.card;
    Batch batch = user_batch(&b);
    struct dojo_queue_context ctx;
    uint64_t progress;
    int i;

    qpci_io_writeq(c->dev, c->hbm, 16 * MiB - 8, 0x1234567890);
    long_work(&b, &batch);
    queue_run(b.dma, &batch);
    wait_until(le64_to_cpu(context_save(b.dma).progress) > 4);
    for (i = 0; i < 5; i++) {
        admin_ok(b.tile, DOJO_ADMIN_QUEUE_SUSPEND, 2, 0, 0);
        ctx = context_read(b.tile, 2);
        g_assert_cmpuint(le32_to_cpu(ctx.state), ==, DOJO_HW_SUSPENDED);
        progress = le64_to_cpu(ctx.progress);
        g_usleep(10000);
        g_assert_cmpuint(le64_to_cpu(context_save(b.dma).progress), ==, progress);
        admin_ok(b.tile, DOJO_ADMIN_QUEUE_RESUME, 2, 0, 0);
    }
    queue_wait(b.dma);
    ctx = context_save(b.dma);
    g_assert_cmpuint(le64_to_cpu(ctx.packets), ==, 100);
    g_assert_cmpuint(le64_to_cpu(ctx.bytes), ==, 100ull * 32 * MiB);
    g_assert_cmphex(qpci_io_readq(c->dev, c->hbm, 48 * MiB - 8), ==, 0x1234567890);
    bench_free(&b);
}

static void test_reset_while_running(void)
{
    Bench b = bench_new();
    Batch batch = user_batch(&b), nop = user_batch(&b);
    struct dojo_queue_context ctx;
    Queue *q;

    long_work(&b, &batch);
    batch_nop(&nop);
    queue_run(b.dma, &batch);
    wait_until(le64_to_cpu(context_save(b.dma).progress) > 4);
    admin_ok(b.tile, DOJO_ADMIN_QUEUE_RESET, 2, 0, 0);
    ctx = context_read(b.tile, 2);
    g_assert_cmpuint(le32_to_cpu(ctx.state), ==, DOJO_HW_OFF);
    g_assert_cmpuint(le64_to_cpu(ctx.packets), <, 100);
    g_assert_cmpuint(queue_seqno(b.dma), ==, 0);

    q = queue_new(b.tile, 2, USER_ASID, DOJO_HW_CLASS_DMA);
    queue_run(q, &nop);
    queue_wait(q);

    /* tile, card and FLR, each in the middle of work */
    queue_run(q, &batch);
    wait_until(le64_to_cpu(context_save(q).progress) > 4);
    tile_reset(b.tile);
    g_free(q);
    bench_free(&b);
}

static void test_end_while_running(void)
{
    Bench b = bench_new();
    Batch batch = user_batch(&b);

    long_work(&b, &batch);
    queue_run(b.dma, &batch);
    queue_run(b.compute, &batch);
    qtest_system_reset(b.card->qts);
    bench_free(&b);

    b = bench_new();
    batch = user_batch(&b);
    long_work(&b, &batch);
    queue_run(b.dma, &batch);
    queue_run(b.compute, &batch);
    bench_free(&b);     /* QEMU ends with both at work */
}

/* --------------------------------------------------------------- scheduling */

static Queue *rect_queue(Bench *b, uint32_t id, int x, int y, int w, int h)
{
    struct dojo_queue_context ctx = context_default(ram_alloc(b->card, 4096), USER_ASID,
                                                    DOJO_HW_CLASS_COMPUTE);

    ctx.rect_x = x;
    ctx.rect_y = y;
    ctx.rect_w = w;
    ctx.rect_h = h;
    return queue_start(b->tile, id, &ctx);
}

/* More queues of every kind than engines: all come to their end, and share the time */
static void test_many_queues(void)
{
    Bench b = bench_new();
    Card *c = b.card;
    Batch batch = user_batch(&b);
    Queue *q[12];
    int i;

    map_huge(c, b.root, HBM_VA, leaf(DOJO_TARGET_HBM, 0));
    for (i = 0; i < 300; i++) {
        batch_copy(&batch, HBM_VA, HBM_VA + 1 * MiB, 1 * MiB);
    }
    for (i = 0; i < 8; i++) {
        q[i] = rect_queue(&b, 50 + i, i % 5, i / 5, 1 + i % 2 * (i % 5 < 4), 1);
    }
    for (; i < 11; i++) {
        q[i] = queue_new(b.tile, 50 + i, USER_ASID, DOJO_HW_CLASS_DMA);
    }
    q[i] = rect_queue(&b, 50 + i, 0, 0, 5, 5);
    for (i = 0; i < ARRAY_SIZE(q); i++) {
        queue_run(q[i], &batch);
    }
    for (i = 0; i < ARRAY_SIZE(q); i++) {
        queue_wait(q[i]);
        g_assert_cmpuint(le64_to_cpu(context_save(q[i]).packets), ==, 300);
        g_free(q[i]);
    }
    g_assert_cmpuint(tile_readq(b.tile, DOJO_TILE_MESH_BUSY_NS), >, 0);
    g_assert_cmpuint(tile_readq(b.tile, DOJO_TILE_DMA_BUSY_NS), >, 0);
    bench_free(&b);
}

static void test_kernel_priority_goes_first(void)
{
    Bench b = bench_new();
    Card *c = b.card;
    Batch batch = user_batch(&b), nop = batch_new(c);
    struct dojo_queue_context ctx = context_default(ram_alloc(c, 4096), 0,
                                                    DOJO_HW_CLASS_DMA);
    Queue *low[4], *kernel;
    int i, n;

    ctx.priority = DOJO_HW_PRIORITY_KERNEL;
    kernel = queue_start(b.tile, 60, &ctx);
    batch_nop(&nop);
    long_work(&b, &batch);
    for (i = 0; i < ARRAY_SIZE(low); i++) {
        low[i] = queue_new(b.tile, 70 + i, USER_ASID, DOJO_HW_CLASS_DMA);
        queue_run(low[i], &batch);
    }
    for (n = 0; n < 5; n++) {
        queue_run(kernel, &nop);
        queue_wait(kernel);
    }
    for (i = 0; i < ARRAY_SIZE(low); i++) {
        g_assert_cmpuint(queue_seqno(low[i]), ==, 0);
        g_free(low[i]);
    }
    g_free(kernel);
    bench_free(&b);
}

static uint64_t busy_of(Queue *q)
{
    return le64_to_cpu(context_save(q).busy_ns);
}

/* Gives @q more of @batch, so that it never runs dry; returns its busy time */
static uint64_t keep_busy(Queue *q, const Batch *batch)
{
    while (q->seqno - queue_seqno(q) < RING_SIZE / 2 - 1) {
        queue_run(q, batch);
    }
    return busy_of(q);
}

/* Equal priorities get equal time, however long their units of work are */
static void test_fair_shares(void)
{
    Bench b = bench_new();
    Batch large = user_batch(&b), small = user_batch(&b);
    Queue *q[2] = { b.compute, rect_queue(&b, 60, 0, 0, 5, 5) };
    int64_t end = g_get_monotonic_time() + TIMEOUT_US;
    uint64_t busy[2], start[2];
    int i;

    long_work(&b, &large);
    for (i = 0; i < 500; i++) {
        batch_copy(&small, HBM_VA, DST_VA, 256 * KiB);
    }
    wait_until(keep_busy(q[0], &large) > 0);
    start[0] = busy_of(q[0]);
    start[1] = busy_of(q[1]);
    /*
     * At least 120 ms of 25 dies. Single turns may be long on a busy host: their
     * share fades in time, whereas what is unfair stays so.
     */
    do {
        busy[0] = keep_busy(q[0], &large) - start[0];
        busy[1] = keep_busy(q[1], &small) - start[1];
        g_assert_cmpint(g_get_monotonic_time(), <, end);
    } while (busy[1] < 25 * 120000000ull || busy[0] > busy[1] * 2 ||
             busy[1] > busy[0] * 2);
    g_test_message("busy %" PRIu64 " and %" PRIu64, busy[0], busy[1]);
    g_free(q[1]);
    bench_free(&b);
}

/* A rectangle that is never free by itself gets its turn all the same */
static void test_large_rectangle(void)
{
    Bench b = bench_new();
    Batch work = user_batch(&b), nop = user_batch(&b);
    Queue *q[5];
    int i;

    long_work(&b, &work);
    batch_nop(&nop);
    for (i = 0; i < ARRAY_SIZE(q); i++) {
        q[i] = rect_queue(&b, 50 + i, i, 0, 1, 1);
        put_batch(q[i], work.va, work.size);
        queue_run(q[i], &work);
    }
    queue_run(b.compute, &nop);
    queue_wait(b.compute);
    for (i = 0; i < ARRAY_SIZE(q); i++) {
        g_assert_cmpuint(queue_seqno(q[i]), ==, 0);
        g_free(q[i]);
    }
    bench_free(&b);
}

/* The lowest priority gets a turn in bounded time against the highest of a user's */
static void test_ageing(void)
{
    Bench b = bench_new();
    Batch work = user_batch(&b), nop = user_batch(&b);
    Queue *q[3];
    int i, n;

    long_work(&b, &work);
    batch_nop(&nop);
    admin_ok(b.tile, DOJO_ADMIN_QUEUE_PRIORITY, b.compute->id, DOJO_HW_PRIORITY_LOW, 0);
    for (i = 0; i < ARRAY_SIZE(q); i++) {
        q[i] = rect_queue(&b, 50 + i, 0, 0, 5, 5);
        admin_ok(b.tile, DOJO_ADMIN_QUEUE_PRIORITY, 50 + i, DOJO_HW_PRIORITY_REALTIME, 0);
        for (n = 0; n < 20; n++) {
            put_batch(q[i], work.va, work.size);
        }
        queue_run(q[i], &work);
    }
    queue_run(b.compute, &nop);
    queue_wait(b.compute);
    for (i = 0; i < ARRAY_SIZE(q); i++) {
        g_assert_cmpuint(queue_seqno(q[i]), ==, 0);
        g_free(q[i]);
    }
    bench_free(&b);
}

/* ---------------------------------------------------------------- model clock */

static uint64_t modelled(Queue *q, const Batch *batch)
{
    uint64_t before = le64_to_cpu(context_save(q).model_ps);

    queue_run(q, batch);
    queue_wait(q);
    return le64_to_cpu(context_save(q).model_ps) - before;
}

static void test_model_clock(void)
{
    Bench b = bench_new();
    Card *c = b.card;
    const uint64_t launch = 500000, size = 2 * MiB;
    Batch nop = user_batch(&b), hbm = user_batch(&b), system = user_batch(&b);
    Batch sram = user_batch(&b);

    map_huge(c, b.root, HBM_VA, leaf(DOJO_TARGET_HBM, 0));
    map_huge(c, b.root, HBM_VA + size, leaf(DOJO_TARGET_HBM, size));
    map_huge(c, b.root, SRAM_VA, leaf(DOJO_TARGET_SRAM, 0));
    map_huge(c, b.root, SRAM_VA + size, leaf(DOJO_TARGET_SRAM, size));
    map_huge(c, b.root, DST_VA, leaf(DOJO_TARGET_SYSTEM, 32 * MiB));
    batch_nop(&nop);
    batch_nop(&nop);
    batch_copy(&hbm, HBM_VA, HBM_VA + size, size);
    batch_copy(&system, HBM_VA, DST_VA, size);
    batch_copy(&sram, SRAM_VA, SRAM_VA + size, size);
    g_assert_cmpuint(modelled(b.dma, &nop), ==, 2 * launch);
    g_assert_cmpuint(modelled(b.dma, &hbm), ==, launch + 2 * size * 1000000 / 800000);
    g_assert_cmpuint(modelled(b.dma, &system), ==, launch + size * 1000000 / 32000);
    g_assert_cmpuint(modelled(b.dma, &sram), ==, launch);
    bench_free(&b);
}

/*
 * The card's bandwidth is shared by the tiles that have work, running or not, and not
 * by one whose queue waits for a semaphore
 */
static void test_model_clock_shared(void)
{
    Bench b = bench_new();
    Card *c = b.card;
    Tile *other = tile_new(c, 1);
    const uint64_t launch = 500000, size = 2 * MiB, alone = 2 * size * 1000000 / 800000;
    uint64_t root = asid_new(other, USER_ASID), word = ram_alloc(c, 4096);
    Queue *waits = queue_new(other, 2, USER_ASID, DOJO_HW_CLASS_DMA);
    Batch copy = user_batch(&b), wait = batch_new(c);
    int i;

    for (i = 0; i < 4; i++) {
        map_page(c, root, wait.va + i * 4096,
                 leaf(DOJO_TARGET_SYSTEM, wait.va + i * 4096));
    }
    map_page(c, root, word, leaf(DOJO_TARGET_SYSTEM, word));
    for (i = 0; i < 8; i++) {
        map_huge(c, root, HBM_VA + i * size, leaf(DOJO_TARGET_HBM, i * size));
    }
    map_huge(c, b.root, HBM_VA, leaf(DOJO_TARGET_HBM, 0));
    map_huge(c, b.root, HBM_VA + size, leaf(DOJO_TARGET_HBM, size));
    batch_copy(&copy, HBM_VA, HBM_VA + size, size);

    batch_sem_wait(&wait, word, 1, DOJO_SEM_EQUAL);
    for (i = 0; i < 500; i++) {
        batch_fill(&wait, HBM_VA, 8 * size, i + 1);
    }
    queue_run(waits, &wait);
    wait_until(le32_to_cpu(context_save(waits).state) == DOJO_HW_WAITING);
    g_assert_cmpuint(modelled(b.dma, &copy), ==, launch + alone);

    /* suspended, it has no work either; resumed, it has much */
    admin_ok(other, DOJO_ADMIN_QUEUE_SUSPEND, 2, 0, 0);
    qtest_writeq(c->qts, word, 1);
    g_assert_cmpuint(modelled(b.dma, &copy), ==, launch + alone);
    admin_ok(other, DOJO_ADMIN_QUEUE_RESUME, 2, 0, 0);
    wait_until(le32_to_cpu(context_save(waits).state) == DOJO_HW_RUNNING);
    g_assert_cmpuint(modelled(b.dma, &copy), ==, launch + 2 * alone);
    g_assert_cmpuint(queue_seqno(waits), ==, 0);
    g_free(waits);
    g_free(other);
    bench_free(&b);
}

/* ------------------------------------------------------------------- events */

static void nop_fences(Bench *b, Batch *nop, int n)
{
    for (; n; n--) {
        queue_run(b->dma, nop);
        queue_wait(b->dma);
    }
}

/* A ring that is full drops events, and says so as soon as there is room */
static void test_event_overflow(void)
{
    Bench b = bench_new();
    Card *c = b.card;
    Batch nop = user_batch(&b);
    Tile *t = b.tile;
    struct dojo_event e;

    batch_nop(&nop);
    nop_fences(&b, &nop, EVENT_SIZE + 5);
    g_assert_cmpuint(tile_readl(t, DOJO_TILE_EVENT(2) + DOJO_EVENT_PRODUCER), ==,
                     EVENT_SIZE);
    t->consumed[2] = EVENT_SIZE;
    qtest_writel(c->qts, t->consumer[2], EVENT_SIZE);
    e = event_take(t, DOJO_EVENT_RING_DMA);
    g_assert_cmpuint(le16_to_cpu(e.type), ==, DOJO_EVENT_OVERFLOW);
    nop_fences(&b, &nop, 1);
    e = event_take(t, DOJO_EVENT_RING_DMA);
    g_assert_cmpuint(le16_to_cpu(e.type), ==, DOJO_EVENT_FENCE);

    /* a consumer that the card cannot believe changes nothing */
    qtest_writel(c->qts, t->consumer[2], 0x80000000);
    nop_fences(&b, &nop, EVENT_SIZE + 5);
    qtest_writel(c->qts, t->consumer[2], tile_readl(t, DOJO_TILE_EVENT(2) +
                                                    DOJO_EVENT_PRODUCER));
    nop_fences(&b, &nop, 1);
    bench_free(&b);
}

static void test_event_ring_off(void)
{
    Card *c = card_new("tiles=1");
    Tile *t = tile_at(c, 0);
    struct dojo_event e;
    Batch nop = batch_new(c);
    Queue *q;

    tile_prepare(t);
    tile_writel(t, DOJO_TILE_EVENT(2) + DOJO_EVENT_SIZE, 0);
    tile_writel(t, DOJO_TILE_CTRL, DOJO_CTRL_ENABLE);
    q = queue_new(t, 0, 0, DOJO_HW_CLASS_DMA);
    batch_nop(&nop);
    queue_run(q, &nop);
    e = event_take(t, DOJO_EVENT_RING_CONTROL);
    g_assert_cmpuint(le16_to_cpu(e.type), ==, DOJO_EVENT_FENCE);
    g_free(q);
    g_free(t);
    card_free(c);
}

static uint64_t msix_sent(Card *c)
{
    return card_readq(c, DOJO_CARD_MSIX_SENT);
}

/* Interrupts that write to memory where the test sees them */
static uint64_t msix_arm(Card *c, int vector)
{
    uint64_t target = ram_alloc(c, 4096);
    QPCIBar table;
    uint64_t entry;

    qpci_msix_enable(c->dev);
    table = c->dev->msix_table_bar;
    entry = c->dev->msix_table_off + vector * PCI_MSIX_ENTRY_SIZE;
    qpci_io_writel(c->dev, table, entry + PCI_MSIX_ENTRY_LOWER_ADDR, target);
    qpci_io_writel(c->dev, table, entry + PCI_MSIX_ENTRY_UPPER_ADDR, 0);
    qpci_io_writel(c->dev, table, entry + PCI_MSIX_ENTRY_DATA, 0x5a);
    qpci_io_writel(c->dev, table, entry + PCI_MSIX_ENTRY_VECTOR_CTRL, 0);
    return target;
}

static void test_moderation(void)
{
    Bench b = bench_new();
    Card *c = b.card;
    uint64_t reg = DOJO_TILE_EVENT(2) + DOJO_EVENT_MODERATION;
    Batch nop = user_batch(&b);
    uint64_t target;

    batch_nop(&nop);
    nop_fences(&b, &nop, 3);
    g_assert_cmpuint(msix_sent(c), ==, 0);      /* MSI-X is not enabled */
    target = msix_arm(c, 2);
    nop_fences(&b, &nop, 1);
    wait_until(qtest_readl(c->qts, target) == 0x5a);
    wait_until(msix_sent(c) == 1);

    /* by count: 10 events, one interrupt */
    tile_writel(b.tile, reg, DOJO_MODERATION(10, 65535));
    nop_fences(&b, &nop, 9);
    g_assert_cmpuint(msix_sent(c), ==, 1);
    nop_fences(&b, &nop, 1);
    wait_until(msix_sent(c) == 2);

    /* by time: one event, 20 ms later */
    tile_writel(b.tile, reg, DOJO_MODERATION(10, 20000));
    nop_fences(&b, &nop, 1);
    g_assert_cmpuint(msix_sent(c), ==, 2);
    wait_until(msix_sent(c) == 3);

    /* count without time, time without count: at once */
    tile_writel(b.tile, reg, DOJO_MODERATION(10, 0));
    nop_fences(&b, &nop, 1);
    wait_until(msix_sent(c) == 4);
    tile_writel(b.tile, reg, DOJO_MODERATION(0, 1000));
    nop_fences(&b, &nop, 1);
    wait_until(msix_sent(c) == 5);
    bench_free(&b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/dojo/semaphores/signal", test_semaphores);
    qtest_add_func("/dojo/semaphores/no-engine", test_waiting_holds_no_engine);
    qtest_add_func("/dojo/queue/suspend-resume", test_suspend_resume);
    qtest_add_func("/dojo/queue/reset-while-running", test_reset_while_running);
    qtest_add_func("/dojo/queue/end-while-running", test_end_while_running);
    qtest_add_func("/dojo/sched/many-queues", test_many_queues);
    qtest_add_func("/dojo/sched/kernel-first", test_kernel_priority_goes_first);
    qtest_add_func("/dojo/sched/fair", test_fair_shares);
    qtest_add_func("/dojo/sched/large-rectangle", test_large_rectangle);
    qtest_add_func("/dojo/sched/ageing", test_ageing);
    qtest_add_func("/dojo/model-clock/alone", test_model_clock);
    qtest_add_func("/dojo/model-clock/shared", test_model_clock_shared);
    qtest_add_func("/dojo/events/overflow", test_event_overflow);
    qtest_add_func("/dojo/events/ring-off", test_event_ring_off);
    qtest_add_func("/dojo/events/moderation", test_moderation);
    return g_test_run();
}
