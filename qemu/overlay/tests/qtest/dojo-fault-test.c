/*
 * QTest of the Dojo card: injected faults, the ladder of resets, IOMMU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "dojo-qtest.h"

static Queue *nop_queue(Tile *t, uint32_t id, Batch *nop)
{
    Queue *q = queue_new(t, id, 0, DOJO_HW_CLASS_DMA);

    *nop = batch_new(t->card);
    batch_nop(nop);
    return q;
}

/* The queue's engine stops; nothing else does */
static void expect_hangs(Queue *q, const Batch *nop)
{
    uint64_t progress;

    queue_run(q, nop);
    wait_until(state_of(q) == DOJO_HW_RUNNING);
    progress = le64_to_cpu(context_save(q).progress);
    g_usleep(20000);
    g_assert_cmpuint(le64_to_cpu(context_save(q).progress), ==, progress);
    g_assert_cmpuint(queue_seqno(q), <, q->seqno);
}

/* -------------------------------------------------------------------- hangs */

static void test_hang_of_a_queue(void)
{
    Card *c = card_new("tiles=1");
    Tile *t = tile_new(c, 0);
    Batch nop;
    Queue *q = nop_queue(t, 5, &nop), *other = nop_queue(t, 6, &nop);

    set_property(c, "inject-hang", "\"tile=0,queue=5,level=queue\"");
    expect_hangs(q, &nop);
    expect_works(other, &nop);
    g_assert_cmpuint(admin(t, DOJO_ADMIN_QUEUE_SUSPEND, 5, 0, 0), ==, DOJO_ADMIN_BUSY);
    admin_ok(t, DOJO_ADMIN_INVALIDATE, 0, 0, 0);

    /* cured by the reset of the queue */
    admin_ok(t, DOJO_ADMIN_QUEUE_RESET, 5, 0, 0);
    g_free(q);
    q = nop_queue(t, 5, &nop);
    expect_works(q, &nop);
    g_free(q);
    g_free(other);
    g_free(t);
    card_free(c);
}

static void test_hang_that_needs_a_tile_reset(void)
{
    Card *c = card_new("tiles=1");
    Tile *t = tile_new(c, 0);
    Batch nop;
    Queue *q = nop_queue(t, 5, &nop);

    set_property(c, "inject-hang", "\"tile=0,class=dma,level=tile\"");
    expect_hangs(q, &nop);
    g_assert_cmpuint(admin(t, DOJO_ADMIN_QUEUE_RESET, 5, 0, 0), ==, DOJO_ADMIN_BUSY);
    tile_reset(t);
    tile_restart(t);
    g_free(q);
    q = nop_queue(t, 5, &nop);
    expect_works(q, &nop);
    g_free(q);
    g_free(t);
    card_free(c);
}

static void test_hang_that_needs_a_card_reset(void)
{
    Card *c = card_new("tiles=2");
    Tile *t = tile_new(c, 0);
    Batch nop;
    Queue *q = nop_queue(t, 5, &nop);

    set_property(c, "inject-hang", "\"tile=0,queue=5,level=card\"");
    expect_hangs(q, &nop);
    tile_writel(t, DOJO_TILE_RESET, DOJO_RESET_KEY);
    g_usleep(150000);
    g_assert_cmphex(tile_readl(t, DOJO_TILE_STATUS), ==, DOJO_STATUS_RESETTING);
    g_assert_cmphex(card_readl(c, DOJO_CARD_STATUS), ==, DOJO_STATUS_READY);
    card_writel(c, DOJO_CARD_RESET, DOJO_RESET_KEY);
    wait_until(card_readl(c, DOJO_CARD_STATUS) == DOJO_STATUS_READY);
    g_assert_cmphex(tile_readl(t, DOJO_TILE_STATUS), ==, DOJO_STATUS_READY);
    tile_restart(t);
    g_free(q);
    q = nop_queue(t, 5, &nop);
    expect_works(q, &nop);
    g_free(q);
    g_free(t);
    card_free(c);
}

static void test_hang_that_needs_an_flr(void)
{
    Card *c = card_new("tiles=2");
    Tile *t = tile_new(c, 0);
    Batch nop;
    Queue *q = nop_queue(t, 5, &nop);

    set_property(c, "inject-hang", "\"tile=0,queue=5,level=flr\"");
    expect_hangs(q, &nop);
    card_writel(c, DOJO_CARD_RESET, DOJO_RESET_KEY);
    g_usleep(150000);
    g_assert_cmphex(card_readl(c, DOJO_CARD_STATUS), ==, DOJO_STATUS_RESETTING);
    flr(c);
    g_assert_cmphex(card_readl(c, DOJO_CARD_STATUS), ==, DOJO_STATUS_READY);
    tile_restart(t);
    g_free(q);
    g_free(t);
    card_free(c);
}

/* Both engines and the whole mesh hang; the admin ring and the tile's reset do not */
static void test_every_engine_hangs(void)
{
    Card *c = card_new("tiles=1");
    Tile *t = tile_new(c, 0);
    Queue *q[4];
    Batch nop;
    int i;

    for (i = 0; i < 3; i++) {
        q[i] = nop_queue(t, i, &nop);
    }
    q[3] = queue_new(t, 3, 0, DOJO_HW_CLASS_COMPUTE);
    set_property(c, "inject-hang", "\"tile=0,queue=0,level=tile\"");
    set_property(c, "inject-hang", "\"tile=0,queue=1,level=tile\"");
    set_property(c, "inject-hang", "\"tile=0,queue=3,level=tile\"");
    expect_hangs(q[0], &nop);
    expect_hangs(q[1], &nop);
    expect_hangs(q[3], &nop);
    queue_run(q[2], &nop);
    g_usleep(10000);
    g_assert_cmpuint(state_of(q[2]), ==, DOJO_HW_READY);
    admin_ok(t, DOJO_ADMIN_INVALIDATE, 0, 0, 0);
    admin_ok(t, DOJO_ADMIN_QUEUE_SUSPEND, 2, 0, 0);
    admin_ok(t, DOJO_ADMIN_QUEUE_RESET, 2, 0, 0);

    /* taken away from outside, what hung goes on */
    set_property(c, "inject-hang", "\"\"");
    queue_wait(q[0]);
    queue_wait(q[1]);
    queue_wait(q[3]);
    for (i = 0; i < 4; i++) {
        g_free(q[i]);
    }
    g_free(t);
    card_free(c);
}

/* ----------------------------------------------------------------------- ECC */

static void test_ecc(void)
{
    Card *c = card_new("tiles=1");
    Tile *t = tile_new(c, 0);
    Queue *q = queue_new(t, 0, 0, DOJO_HW_CLASS_DMA);
    uint64_t dst = ram_alloc(c, 4096), va = KERNEL_SPAN;
    Batch read = batch_new(c), write = batch_new(c);
    struct dojo_queue_context ctx;
    struct dojo_event e;

    map_page(c, t->kernel_root, va, leaf(DOJO_TARGET_HBM, 8192));
    batch_copy(&read, va, dst, 4096);
    batch_fill(&write, va, 4096, 1);

    set_property(c, "inject-ecc", "\"tile=0,memory=hbm,offset=8300,kind=corrected\"");
    expect_works(q, &read);
    g_assert_cmpuint(card_readl(c, DOJO_CARD_ECC_CORRECTED), ==, 1);
    e = event_take(t, DOJO_EVENT_RING_CONTROL);
    g_assert_cmpuint(le16_to_cpu(e.type), ==, DOJO_EVENT_RAS);
    g_assert_cmpuint(le64_to_cpu(e.data), ==, DOJO_RAS_ECC_CORRECTED);
    expect_works(q, &read);
    g_assert_cmpuint(card_readl(c, DOJO_CARD_ECC_CORRECTED), ==, 1);

    set_property(c, "inject-ecc", "\"tile=0,memory=hbm,offset=8300,kind=uncorrected\"");
    put_batch(q, read.va, read.size);
    queue_kick(q);
    wait_until(state_of(q) == DOJO_HW_FAULTED);
    ctx = context_save(q);
    g_assert_cmpuint(le32_to_cpu(ctx.fault), ==, DOJO_FAULT_POISON);
    g_assert_cmphex(le64_to_cpu(ctx.fault_va), ==, va + 64);
    g_assert_cmpuint(card_readl(c, DOJO_CARD_ECC_UNCORRECTED), ==, 1);

    /* writing the line makes it good again */
    admin_ok(t, DOJO_ADMIN_QUEUE_RESET, 0, 0, 0);
    g_free(q);
    q = queue_new(t, 0, 0, DOJO_HW_CLASS_DMA);
    expect_works(q, &write);
    expect_works(q, &read);
    g_free(q);
    g_free(t);
    card_free(c);
}

/* --------------------------------------------- interrupts, heat, a dead link */

static void test_lost_and_spurious_interrupts(void)
{
    Card *c = card_new("tiles=1");
    Tile *t = tile_new(c, 0);
    Batch nop;
    Queue *q = nop_queue(t, 0, &nop);

    qpci_msix_enable(c->dev);
    expect_works(q, &nop);
    wait_until(card_readq(c, DOJO_CARD_MSIX_SENT) == 1);
    set_property(c, "inject-lost-irq", "1");
    expect_works(q, &nop);
    g_usleep(10000);
    g_assert_cmpuint(card_readq(c, DOJO_CARD_MSIX_SENT), ==, 1);
    expect_works(q, &nop);
    wait_until(card_readq(c, DOJO_CARD_MSIX_SENT) == 2);
    set_property(c, "inject-spurious-irq", "3");
    wait_until(card_readq(c, DOJO_CARD_MSIX_SENT) == 3);
    g_free(q);
    g_free(t);
    card_free(c);
}

static void test_temperature(void)
{
    Card *c = card_new("tiles=1");
    Tile *t = tile_new(c, 0);
    struct dojo_event e;

    g_assert_cmpuint(card_readl(c, DOJO_CARD_TEMP_MC), ==, 45000);
    set_property(c, "temperature", "99000");
    g_assert_cmpuint(card_readl(c, DOJO_CARD_TEMP_MC), ==, 99000);
    g_assert_cmpuint(card_readl(c, DOJO_CARD_THROTTLE), ==, DOJO_THROTTLE_THERMAL);
    g_assert_cmpuint(card_readl(c, DOJO_CARD_CLOCK_KHZ), ==, 1000000);
    e = event_take(t, DOJO_EVENT_RING_CONTROL);
    g_assert_cmpuint(le64_to_cpu(e.data), ==, DOJO_RAS_THERMAL);
    set_property(c, "temperature", "-5000");
    g_assert_cmpint((int32_t)card_readl(c, DOJO_CARD_TEMP_MC), ==, -5000);
    g_assert_cmpuint(card_readl(c, DOJO_CARD_THROTTLE), ==, 0);
    g_free(t);
    card_free(c);
}

static void test_dead_link(void)
{
    Card *c = card_new("tiles=1");
    Tile *t = tile_new(c, 0);
    Batch nop;
    Queue *q = nop_queue(t, 0, &nop);

    qpci_io_writel(c->dev, c->hbm, 0, 0x1234);
    set_property(c, "dead", "true");
    g_assert_cmphex(card_readl(c, DOJO_CARD_MAGIC), ==, 0xffffffff);
    g_assert_cmphex(tile_readl(t, DOJO_TILE_STATUS), ==, 0xffffffff);
    g_assert_cmphex(qpci_io_readl(c->dev, c->hbm, 0), ==, 0xffffffff);
    g_assert_cmphex(qpci_config_readl(c->dev, PCI_VENDOR_ID), ==, 0xffffffff);
    qpci_io_writel(c->dev, c->hbm, 0, 0x5678);
    card_writel(c, DOJO_CARD_SCRATCH, 7);
    put_batch(q, nop.va, nop.size);
    queue_kick(q);

    set_property(c, "dead", "false");
    g_assert_cmphex(card_readl(c, DOJO_CARD_MAGIC), ==, DOJO_MAGIC);
    g_assert_cmphex(qpci_io_readl(c->dev, c->hbm, 0), ==, 0x1234);
    g_assert_cmphex(card_readl(c, DOJO_CARD_SCRATCH), ==, 0);
    put_fence(q, true);
    queue_kick(q);
    queue_wait(q);
    g_free(q);
    g_free(t);
    card_free(c);
}

static void test_slow_engine(void)
{
    Card *c = card_new("tiles=1");
    Tile *t = tile_new(c, 0);
    Queue *q = queue_new(t, 0, 0, DOJO_HW_CLASS_DMA);
    Batch work = batch_new(c);
    uint64_t before, usual;
    int i;

    map_huge(c, t->kernel_root, KERNEL_SPAN, leaf(DOJO_TARGET_HBM, 0));
    for (i = 0; i < 10; i++) {
        batch_fill(&work, KERNEL_SPAN, 2 * MiB, 1);
    }
    expect_works(q, &work);     /* takes the host's pages */
    before = le64_to_cpu(context_save(q).busy_ns);
    expect_works(q, &work);
    usual = le64_to_cpu(context_save(q).busy_ns) - before;
    set_property(c, "inject-engine-slow", "50");
    expect_works(q, &work);
    g_assert_cmpuint(le64_to_cpu(context_save(q).busy_ns) - before, >, 4 * usual);
    g_free(q);
    g_free(t);
    card_free(c);
}

static void expect_property_refused(Card *c, const char *name, const char *json)
{
    QDict *r = qtest_qmp(c->qts, "{ 'execute': 'qom-set', 'arguments': {"
                         "'path': '/machine/peripheral/card', 'property': %s,"
                         "'value': %p } }", name, qobject_from_json(json, &error_abort));

    g_assert(qdict_haskey(r, "error"));
    qobject_unref(r);
}

static void test_bad_injections(void)
{
    Card *c = card_new("tiles=1");
    int i;

    expect_property_refused(c, "inject-hang", "\"tile=1,queue=0,level=queue\"");
    expect_property_refused(c, "inject-hang", "\"tile=0,queue=1024,level=queue\"");
    expect_property_refused(c, "inject-hang", "\"tile=0,queue=0,level=all\"");
    expect_property_refused(c, "inject-hang", "\"tile=0,class=video,level=tile\"");
    expect_property_refused(c, "inject-hang", "\"hang\"");
    expect_property_refused(c, "inject-ecc", "\"tile=0,memory=hbm,kind=corrected\"");
    expect_property_refused(c, "inject-ecc",
                            "\"tile=0,memory=hbm,offset=134217728,kind=corrected\"");
    expect_property_refused(c, "inject-ecc",
                            "\"tile=0,memory=l2,offset=0,kind=corrected\"");
    expect_property_refused(c, "inject-ecc",
                            "\"tile=0,memory=sram,offset=0,kind=fatal\"");
    expect_property_refused(c, "inject-spurious-irq", "4");
    expect_property_refused(c, "temperature", "\"hot\"");
    for (i = 0; i < 64; i++) {
        set_property(c, "inject-ecc", "\"tile=0,memory=hbm,offset=0,kind=corrected\"");
    }
    expect_property_refused(c, "inject-ecc",
                            "\"tile=0,memory=hbm,offset=0,kind=corrected\"");
    set_property(c, "inject-ecc", "\"\"");
    set_property(c, "inject-ecc", "\"tile=0,memory=hbm,offset=0,kind=corrected\"");
    card_free(c);
}

/* --------------------------------------------------------------------- IOMMU */

#define VTD                 0xfed90000
#define VTD_GCMD            0x18
#define VTD_GSTS            0x1c
#define VTD_RTADDR          0x20
#define VTD_FSTS            0x34
#define VTD_SET_ROOT        (1u << 30)
#define VTD_TRANSLATE       (1u << 31)

static void vtd_enable(Card *c, uint64_t root_table)
{
    qtest_writeq(c->qts, VTD + VTD_RTADDR, root_table);
    qtest_writel(c->qts, VTD + VTD_GCMD, VTD_SET_ROOT);
    wait_until(qtest_readl(c->qts, VTD + VTD_GSTS) & VTD_SET_ROOT);
    qtest_writel(c->qts, VTD + VTD_GCMD, VTD_TRANSLATE);
    wait_until(qtest_readl(c->qts, VTD + VTD_GSTS) & VTD_TRANSLATE);
}

static void test_iommu(void)
{
    Card *c = card_behind_iommu();
    Tile *t = tile_new(c, 0);
    Queue *q = queue_new(t, 0, 0, DOJO_HW_CLASS_DMA);
    uint64_t src = ram_alloc(c, 1 * MiB), dst = ram_alloc(c, 1 * MiB);
    Batch copy = batch_new(c);

    /* not translating yet: everything works, by bottom half */
    qtest_writeq(c->qts, src + 1 * MiB - 8, 0x123456789);
    batch_copy(&copy, src, dst, 1 * MiB);
    expect_works(q, &copy);
    g_assert_cmphex(qtest_readq(c->qts, dst + 1 * MiB - 8), ==, 0x123456789);

    /* no context entry for the card: each access faults in the IOMMU */
    vtd_enable(c, ram_alloc(c, 4096));
    queue_run(q, &copy);
    wait_until(qtest_readl(c->qts, VTD + VTD_FSTS) & 2);
    tile_writel(t, DOJO_TILE_ADMIN_TAIL, t->admin_tail + 1);
    wait_until(tile_readl(t, DOJO_TILE_STATUS) & DOJO_STATUS_ADMIN_ERROR);
    tile_reset(t);
    g_free(q);
    g_free(t);
    card_free(c);
}

/* Reset from under the BQL while threads wait for the bottom half */
static void test_iommu_reset_while_running(void)
{
    Card *c = card_behind_iommu();
    Tile *t = tile_new(c, 0);
    Queue *q[3];
    Batch copy = batch_new(c);
    uint64_t src = ram_alloc(c, 1 * MiB), dst = ram_alloc(c, 1 * MiB);
    int i;

    for (i = 0; i < 400; i++) {
        batch_copy(&copy, src, dst, 1 * MiB);
    }
    for (i = 0; i < 3; i++) {
        q[i] = queue_new(t, i, 0, i ? DOJO_HW_CLASS_DMA : DOJO_HW_CLASS_COMPUTE);
        queue_run(q[i], &copy);
    }
    wait_until(le64_to_cpu(context_save(q[1]).progress) > 2);
    qtest_system_reset(c->qts);
    for (i = 0; i < 3; i++) {
        g_free(q[i]);
    }
    g_free(t);
    card_free(c);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/dojo/hang/queue", test_hang_of_a_queue);
    qtest_add_func("/dojo/hang/tile", test_hang_that_needs_a_tile_reset);
    qtest_add_func("/dojo/hang/card", test_hang_that_needs_a_card_reset);
    qtest_add_func("/dojo/hang/flr", test_hang_that_needs_an_flr);
    qtest_add_func("/dojo/hang/every-engine", test_every_engine_hangs);
    qtest_add_func("/dojo/inject/ecc", test_ecc);
    qtest_add_func("/dojo/inject/interrupts", test_lost_and_spurious_interrupts);
    qtest_add_func("/dojo/inject/temperature", test_temperature);
    qtest_add_func("/dojo/inject/dead-link", test_dead_link);
    qtest_add_func("/dojo/inject/slow-engine", test_slow_engine);
    qtest_add_func("/dojo/inject/bad-values", test_bad_injections);
    qtest_add_func("/dojo/iommu/faults", test_iommu);
    qtest_add_func("/dojo/iommu/reset", test_iommu_reset_while_running);
    return g_test_run();
}
