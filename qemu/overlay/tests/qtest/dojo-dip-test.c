/*
 * QTest of the Dojo card: registers, access rules, enabling, admin ring, resets
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "dojo-qtest.h"

/* ---------------------------------------------------------------- registers */

static void test_card_registers(void)
{
    Card *c = card_new("tiles=2,serial=ABC-0123456789XY");
    char serial[DOJO_SERIAL_LEN + 1] = { };
    int i;

    g_assert_cmphex(qpci_config_readw(c->dev, PCI_VENDOR_ID), ==, DOJO_PCI_VENDOR_ID);
    g_assert_cmphex(qpci_config_readw(c->dev, PCI_DEVICE_ID), ==, DOJO_PCI_DEVICE_ID_D1);
    g_assert_cmphex(qpci_config_readl(c->dev, PCI_CLASS_REVISION) >> 8, ==, 0x120000);
    g_assert_cmphex(card_readl(c, DOJO_CARD_MAGIC), ==, DOJO_MAGIC);
    g_assert_cmphex(card_readl(c, DOJO_CARD_VERSION), ==, 1 << 16);
    g_assert_cmpuint(card_readl(c, DOJO_CARD_GENERATION), ==, 1);
    g_assert_cmpuint(card_readl(c, DOJO_CARD_TILES), ==, 2);
    g_assert_cmpuint(card_readq(c, DOJO_CARD_HBM_SIZE), ==, 128 * MiB);
    g_assert_cmpuint(card_readl(c, DOJO_CARD_VECTORS), ==, 4);
    g_assert_cmphex(card_readl(c, DOJO_CARD_CAPS), ==, DOJO_CAP_PEER);
    g_assert_cmphex(card_readl(c, DOJO_CARD_STATUS), ==, DOJO_STATUS_READY);
    g_assert_cmpuint(card_readl(c, DOJO_CARD_RESET_COUNT), ==, 0);
    g_assert_cmpuint(card_readl(c, DOJO_CARD_RESET), ==, 0);
    g_assert_cmpuint(card_readl(c, DOJO_CARD_MODEL_HBM_MBPS), ==, 800000);
    g_assert_cmpuint(card_readl(c, DOJO_CARD_MODEL_TTP_MBPS), ==, 900000);
    g_assert_cmpuint(card_readl(c, DOJO_CARD_MODEL_PCIE_MBPS), ==, 32000);
    g_assert_cmpuint(card_readl(c, DOJO_CARD_CLOCK_KHZ), ==, 2000000);
    for (i = 0; i < DOJO_SERIAL_LEN; i += 4) {
        stl_le_p(serial + i, card_readl(c, DOJO_CARD_SERIAL + i));
    }
    g_assert_cmpstr(serial, ==, "ABC-0123456789XY");
    card_free(c);
}

static void test_tile_registers(void)
{
    Card *c = card_new("tiles=2");
    Tile *t = tile_at(c, 1);
    uint64_t r;

    g_assert_cmpuint(tile_readl(t, DOJO_TILE_ID), ==, 1);
    g_assert_cmphex(tile_readl(t, DOJO_TILE_MESH), ==, 5 | 5 << 8 | 354 << 16);
    g_assert_cmpuint(tile_readl(t, DOJO_TILE_MAX_QUEUES), ==, 1024);
    g_assert_cmpuint(tile_readl(t, DOJO_TILE_MAX_ASIDS), ==, 4096);
    g_assert_cmpuint(tile_readq(t, DOJO_TILE_SRAM_SIZE), ==, 16 * MiB);
    g_assert_cmpuint(tile_readq(t, DOJO_TILE_HBM_OFFSET), ==, 64 * MiB);
    g_assert_cmpuint(tile_readq(t, DOJO_TILE_HBM_SIZE), ==, 64 * MiB);
    g_assert_cmpuint(tile_readl(t, DOJO_TILE_DMA_ENGINES), ==, 2);
    g_assert_cmpuint(tile_readl(t, DOJO_TILE_VA_BITS), ==, 48);
    g_assert_cmphex(tile_readl(t, DOJO_TILE_FORMATS), ==, 0x3fe);
    g_assert_cmphex(tile_readl(t, DOJO_TILE_OPCODES), ==, 0x0307003e);
    g_assert_cmphex(tile_readl(t, DOJO_TILE_OPCODES + 8), ==, 0x001fffff);
    g_assert_cmphex(tile_readl(t, DOJO_TILE_OPCODES + 12), ==, 0);
    g_assert_cmphex(tile_readl(t, DOJO_TILE_STATUS), ==, DOJO_STATUS_READY);
    g_assert_cmpuint(tile_readl(t, DOJO_TILE_RESET_COUNT), ==, 0);
    for (r = DOJO_TILE_ADMIN_BASE; r < DOJO_TILE_EVENT(4); r += 4) {
        g_assert_cmphex(tile_readl(t, r), ==, 0);
    }
    g_free(t);
    card_free(c);
}

static void test_generation_2(void)
{
    Card *c = card_new("tiles=1,generation=d2");
    Tile *t = tile_at(c, 0);

    g_assert_cmphex(qpci_config_readw(c->dev, PCI_DEVICE_ID), ==, DOJO_PCI_DEVICE_ID_D2);
    g_assert_cmpuint(card_readl(c, DOJO_CARD_GENERATION), ==, 2);
    g_assert_cmphex(card_readl(c, DOJO_CARD_CAPS), ==,
                    DOJO_CAP_PEER | DOJO_CAP_COLLECTIVE);
    g_assert_cmphex(tile_readl(t, DOJO_TILE_OPCODES + 12), ==, 3);
    g_free(t);
    card_free(c);
}

static void test_access_rules(void)
{
    Card *c = card_new("tiles=1");
    uint64_t base = c->regs.addr;
    uint32_t bad;
    uint64_t reads;

    g_assert_cmphex(qtest_readb(c->qts, base + DOJO_CARD_MAGIC), ==, 0xff);
    g_assert_cmphex(qtest_readw(c->qts, base + DOJO_CARD_MAGIC), ==, 0xffff);
    g_assert_cmphex(qtest_readl(c->qts, base + DOJO_CARD_MAGIC + 2), ==, 0xffffffff);
    g_assert_cmpuint(card_readl(c, DOJO_CARD_BAD_ACCESS), ==, 3);

    /* writes that are ignored: read-only, reserved, wrong key, odd sizes */
    card_writel(c, DOJO_CARD_MAGIC, 1);
    card_writel(c, 0xff0, 1);
    card_writel(c, 0x1000, 1);
    card_writel(c, DOJO_CARD_RESET, 1);
    qtest_writeb(c->qts, base + DOJO_CARD_SCRATCH, 1);
    qtest_writel(c->qts, base + DOJO_CARD_SCRATCH + 1, 1);
    bad = card_readl(c, DOJO_CARD_BAD_ACCESS);
    g_assert_cmpuint(bad, ==, 9);
    g_assert_cmpuint(card_readl(c, DOJO_CARD_SCRATCH), ==, 0);
    g_assert_cmphex(card_readl(c, DOJO_CARD_STATUS), ==, DOJO_STATUS_READY);
    g_assert_cmphex(card_readl(c, 0xff0), ==, 0);
    g_assert_cmphex(card_readl(c, 0x10000), ==, 0);

    card_writel(c, DOJO_CARD_SCRATCH, 0x12345678);
    g_assert_cmphex(card_readq(c, DOJO_CARD_SCRATCH), ==, 0x12345678);
    g_assert_cmphex(card_readq(c, DOJO_CARD_MAGIC), ==, DOJO_MAGIC | 1ull << 48);

    /* counters: this read is not in them, and the high half is latched */
    reads = card_readq(c, DOJO_CARD_MMIO_READS);
    g_assert_cmpuint(card_readq(c, DOJO_CARD_MMIO_READS), ==, reads + 1);
    g_assert_cmpuint(card_readl(c, DOJO_CARD_MMIO_WRITES), ==, 1);
    card_free(c);
}

static void test_timestamp(void)
{
    Card *c = card_new("tiles=1");
    uint64_t a, b;

    a = card_readq(c, DOJO_CARD_TIMESTAMP);
    g_usleep(1000);
    b = card_readl(c, DOJO_CARD_TIMESTAMP);
    b |= (uint64_t)card_readl(c, DOJO_CARD_TIMESTAMP + 4) << 32;
    g_assert_cmpuint(b, >=, a + 1000000);
    g_assert_cmpuint(b, <, a + 60000000000ull);
    card_free(c);
}

static void test_hbm_bar(void)
{
    Card *c = card_new("tiles=1,hbm=96M");

    qpci_io_writeq(c->dev, c->hbm, 96 * MiB - 8, 0x1122334455667788);
    g_assert_cmphex(qpci_io_readq(c->dev, c->hbm, 96 * MiB - 8), ==, 0x1122334455667788);
    qpci_io_writel(c->dev, c->hbm, 96 * MiB, 1);
    g_assert_cmphex(qpci_io_readl(c->dev, c->hbm, 96 * MiB), ==, 0xffffffff);
    g_assert_cmphex(qpci_io_readb(c->dev, c->hbm, 128 * MiB - 1), ==, 0xff);
    card_free(c);
}

/* ----------------------------------------------------------------- enabling */

static void expect_refused(Tile *t)
{
    uint32_t bad = card_readl(t->card, DOJO_CARD_BAD_ACCESS);

    tile_writel(t, DOJO_TILE_CTRL, DOJO_CTRL_ENABLE);
    g_assert_cmpuint(tile_readl(t, DOJO_TILE_CTRL), ==, 0);
    g_assert_cmphex(tile_readl(t, DOJO_TILE_STATUS), ==, DOJO_STATUS_READY);
    g_assert_cmpuint(card_readl(t->card, DOJO_CARD_BAD_ACCESS), ==, bad + 1);
    tile_write_setup(t);
}

static void test_enable_checks(void)
{
    Card *c = card_new("tiles=1");
    Tile *t = tile_at(c, 0);
    static const uint32_t admin_sizes[] = { 0, 1, 3, 8192, 0x80000000 };
    static const uint32_t event_sizes[] = { 1, 8, 17, 131072, 0xffffffff };
    static const uint64_t roots[] = {
        0,                                                  /* not valid */
        DOJO_PTE_VALID | DOJO_PTE_LEAF,
        DOJO_PTE_VALID | DOJO_PTE_READ,
        DOJO_PTE_VALID | DOJO_PTE_NULL,
        DOJO_PTE_VALID | DOJO_PTE_TARGET(DOJO_TARGET_SRAM),
        DOJO_PTE_VALID | DOJO_PTE_TARGET(DOJO_TARGET_PEER),
        DOJO_PTE_VALID | 1ull << 7,
        DOJO_PTE_VALID | 1ull << 63,
        DOJO_PTE_VALID | 1ull << 52,
    };
    int i;

    tile_prepare(t);
    tile_writeq(t, DOJO_TILE_ADMIN_BASE, t->admin + 32);
    expect_refused(t);
    for (i = 0; i < ARRAY_SIZE(admin_sizes); i++) {
        tile_writel(t, DOJO_TILE_ADMIN_SIZE, admin_sizes[i]);
        expect_refused(t);
    }
    for (i = 0; i < ARRAY_SIZE(event_sizes); i++) {
        tile_writel(t, DOJO_TILE_EVENT(2) + DOJO_EVENT_SIZE, event_sizes[i]);
        expect_refused(t);
    }
    tile_writel(t, DOJO_TILE_EVENT(3) + DOJO_EVENT_BASE, 4);
    expect_refused(t);
    tile_writeq(t, DOJO_TILE_EVENT(1) + DOJO_EVENT_CONSUMER, 0);
    expect_refused(t);
    tile_writeq(t, DOJO_TILE_EVENT(1) + DOJO_EVENT_CONSUMER, t->consumer[1] + 2);
    expect_refused(t);
    tile_writeq(t, DOJO_TILE_CONTEXT_BASE, t->contexts + 64);
    expect_refused(t);
    tile_writeq(t, DOJO_TILE_CONTEXT_BASE, 1ull << 48);
    expect_refused(t);
    for (i = 0; i < ARRAY_SIZE(roots); i++) {
        tile_writeq(t, DOJO_TILE_KERNEL_ROOT, roots[i]);
        expect_refused(t);
    }

    tile_writel(t, DOJO_TILE_CTRL, DOJO_CTRL_ENABLE);
    g_assert_cmpuint(tile_readl(t, DOJO_TILE_CTRL), ==, DOJO_CTRL_ENABLE);
    g_free(t);
    card_free(c);
}

static void test_locked_while_enabled(void)
{
    Card *c = card_new("tiles=2");
    Tile *t = tile_new(c, 0);

    tile_writeq(t, DOJO_TILE_ADMIN_BASE, 64);
    g_assert_cmphex(tile_readq(t, DOJO_TILE_ADMIN_BASE), ==, t->admin);
    tile_writeq(t, DOJO_TILE_KERNEL_ROOT, 0);
    g_assert_cmphex(tile_readq(t, DOJO_TILE_KERNEL_ROOT), ==,
                    table_entry(t->kernel_root));
    tile_writel(t, DOJO_TILE_EVENT(0) + DOJO_EVENT_SIZE, 16);
    g_assert_cmpuint(tile_readl(t, DOJO_TILE_EVENT(0) + DOJO_EVENT_SIZE), ==, EVENT_SIZE);
    tile_writel(t, DOJO_TILE_CTRL, 0);
    g_assert_cmpuint(tile_readl(t, DOJO_TILE_CTRL), ==, DOJO_CTRL_ENABLE);
    tile_writel(t, DOJO_TILE_EVENT(0) + DOJO_EVENT_MODERATION, DOJO_MODERATION(5, 6));
    g_assert_cmphex(tile_readl(t, DOJO_TILE_EVENT(0) + DOJO_EVENT_MODERATION), ==,
                    DOJO_MODERATION(5, 6));
    tile_writel(t, DOJO_TILE_PEER_GRANT, 0xffffffff);
    g_assert_cmphex(tile_readl(t, DOJO_TILE_PEER_GRANT), ==, 2);
    g_free(t);
    card_free(c);
}

/* --------------------------------------------------------------- admin ring */

static void test_admin_ring(void)
{
    Card *c = card_new("tiles=1");
    Tile *t = tile_new(c, 0);
    struct dojo_event e;
    int i;

    for (i = 0; i < 3 * ADMIN_SIZE; i++) {
        admin_ok(t, DOJO_ADMIN_NOP, 0, 0, 0);
    }
    g_assert_cmpuint(tile_readl(t, DOJO_TILE_ADMIN_HEAD), ==, 3 * ADMIN_SIZE);

    admin_put(t, &(struct dojo_admin_command) {
        .opcode = cpu_to_le16(DOJO_ADMIN_NOP),
        .flags = cpu_to_le16(DOJO_ADMIN_FLAG_EVENT),
    });
    e = event_take(t, DOJO_EVENT_RING_CONTROL);
    g_assert_cmpuint(le16_to_cpu(e.type), ==, DOJO_EVENT_ADMIN);
    g_assert_cmpuint(le32_to_cpu(e.id), ==, t->admin_tail);
    g_assert_cmpuint(tile_readl(t, DOJO_TILE_EVENT(0) + DOJO_EVENT_PRODUCER), ==, 1);

    /* further than the ring is long: ignored */
    tile_writel(t, DOJO_TILE_ADMIN_TAIL, t->admin_tail + ADMIN_SIZE + 1);
    g_assert_cmpuint(tile_readl(t, DOJO_TILE_ADMIN_TAIL), ==, t->admin_tail);
    g_free(t);
    card_free(c);
}

static uint32_t admin_raw(Tile *t, struct dojo_admin_command cmd)
{
    admin_put(t, &cmd);
    return admin_wait(t);
}

static void test_admin_bad_arguments(void)
{
    Card *c = card_new("tiles=1");
    Tile *t = tile_new(c, 0);
    uint64_t root = table_entry(t->kernel_root);
    int op;

    g_assert_cmpuint(admin(t, 0, 0, 0, 0), ==, DOJO_ADMIN_BAD_OPCODE);
    g_assert_cmpuint(admin(t, 11, 0, 0, 0), ==, DOJO_ADMIN_BAD_OPCODE);
    g_assert_cmpuint(admin(t, 0xffff, 0, 0, 0), ==, DOJO_ADMIN_BAD_OPCODE);
    g_assert_cmpuint(admin(t, DOJO_ADMIN_NOP, 0, 1, 0), ==, DOJO_ADMIN_BAD_ARGUMENT);
    g_assert_cmpuint(admin_raw(t, (struct dojo_admin_command) {
        .opcode = cpu_to_le16(DOJO_ADMIN_NOP), .flags = cpu_to_le16(2),
    }), ==, DOJO_ADMIN_BAD_ARGUMENT);
    g_assert_cmpuint(admin_raw(t, (struct dojo_admin_command) {
        .opcode = cpu_to_le16(DOJO_ADMIN_NOP), .reserved[2] = 1,
    }), ==, DOJO_ADMIN_BAD_ARGUMENT);

    g_assert_cmpuint(admin(t, DOJO_ADMIN_ASID_SET, 0, root, 0), ==,
                     DOJO_ADMIN_BAD_ARGUMENT);
    g_assert_cmpuint(admin(t, DOJO_ADMIN_ASID_SET, 4096, root, 0), ==,
                     DOJO_ADMIN_BAD_ARGUMENT);
    g_assert_cmpuint(admin(t, DOJO_ADMIN_ASID_SET, 5, root | 2, 0), ==,
                     DOJO_ADMIN_BAD_ARGUMENT);
    g_assert_cmpuint(admin(t, DOJO_ADMIN_ASID_CLEAR, 5, 0, 0), ==, DOJO_ADMIN_BAD_STATE);
    admin_ok(t, DOJO_ADMIN_ASID_SET, 5, root, 0);
    g_assert_cmpuint(admin(t, DOJO_ADMIN_ASID_SET, 5, root, 0), ==, DOJO_ADMIN_BAD_STATE);
    admin_ok(t, DOJO_ADMIN_ASID_CLEAR, 5, 0, 0);

    g_assert_cmpuint(admin(t, DOJO_ADMIN_INVALIDATE, 4096, 0, 0), ==,
                     DOJO_ADMIN_BAD_ARGUMENT);
    g_assert_cmpuint(admin(t, DOJO_ADMIN_INVALIDATE, 0, 8, 4096), ==,
                     DOJO_ADMIN_BAD_ARGUMENT);
    g_assert_cmpuint(admin(t, DOJO_ADMIN_INVALIDATE, 0, 4096, 0), ==,
                     DOJO_ADMIN_BAD_ARGUMENT);
    admin_ok(t, DOJO_ADMIN_INVALIDATE, 0, 0, 0);
    admin_ok(t, DOJO_ADMIN_INVALIDATE, 7, 0xfffffffff000, ~0xfffull);

    for (op = DOJO_ADMIN_QUEUE_START; op <= DOJO_ADMIN_QUEUE_PRIORITY; op++) {
        g_assert_cmpuint(admin(t, op, 1024, 0, 0), ==, DOJO_ADMIN_BAD_ARGUMENT);
    }
    g_assert_cmpuint(admin(t, DOJO_ADMIN_QUEUE_SUSPEND, 3, 0, 0), ==,
                     DOJO_ADMIN_BAD_STATE);
    g_assert_cmpuint(admin(t, DOJO_ADMIN_QUEUE_RESUME, 3, 0, 0), ==,
                     DOJO_ADMIN_BAD_STATE);
    g_assert_cmpuint(admin(t, DOJO_ADMIN_QUEUE_PRIORITY, 3, 0, 0), ==,
                     DOJO_ADMIN_BAD_STATE);
    g_assert_cmpuint(admin(t, DOJO_ADMIN_QUEUE_PRIORITY, 3, 5, 0), ==,
                     DOJO_ADMIN_BAD_ARGUMENT);
    admin_ok(t, DOJO_ADMIN_QUEUE_RESET, 3, 0, 0);
    admin_ok(t, DOJO_ADMIN_QUEUE_SAVE, 3, 0, 0);
    g_free(t);
    card_free(c);
}

static void expect_bad_context(Tile *t, struct dojo_queue_context ctx)
{
    context_write(t, 1, &ctx);
    g_assert_cmpuint(admin(t, DOJO_ADMIN_QUEUE_START, 1, 0, 0), ==,
                     DOJO_ADMIN_BAD_CONTEXT);
}

static void test_context_checks(void)
{
    Card *c = card_new("tiles=1");
    Tile *t = tile_new(c, 0);
    uint64_t ring = ram_alloc(c, 4096);
    const struct dojo_queue_context good =
        context_default(ring, 0, DOJO_HW_CLASS_COMPUTE);
    struct dojo_queue_context ctx;
    Queue *q;

#define BAD(field, value)               \
    do {                                \
        ctx = good;                     \
        ctx.field = value;              \
        expect_bad_context(t, ctx);     \
    } while (0)
    BAD(ring_va, cpu_to_le64(ring + 8));
    BAD(ring_va, cpu_to_le64(1ull << 48));
    BAD(ring_va, cpu_to_le64((1ull << 48) - 64));
    BAD(ring_size, 0);
    BAD(ring_size, cpu_to_le32(8));
    BAD(ring_size, cpu_to_le32(48));
    BAD(ring_size, cpu_to_le32(131072));
    BAD(asid, cpu_to_le32(4096));
    BAD(flags, cpu_to_le32(DOJO_CTX_USER));
    BAD(flags, cpu_to_le32(1 << 2));
    BAD(flags, cpu_to_le32(1u << 31));
    BAD(queue_class, 2);
    BAD(priority, 5);
    BAD(reserved0[1], 1);
    BAD(reserved1[3], 1);
    BAD(rect_w, 0);
    BAD(rect_h, 6);
    BAD(rect_x, 1);
    BAD(rect_y, 255);
    BAD(queue_class, DOJO_HW_CLASS_DMA);    /* with a rectangle */
#undef BAD

    ctx = good;
    ctx.start_index = cpu_to_le32(0xfffffff0);
    q = queue_start(t, 1, &ctx);
    g_assert_cmpuint(admin(t, DOJO_ADMIN_QUEUE_START, 1, 0, 0), ==, DOJO_ADMIN_BAD_STATE);
    ctx = context_save(q);
    g_assert_cmpuint(le32_to_cpu(ctx.state), ==, DOJO_HW_IDLE);
    g_assert_cmphex(le32_to_cpu(ctx.head), ==, 0xfffffff0);
    g_assert_cmpuint(le64_to_cpu(ctx.save_count), ==, 1);
    admin_ok(t, DOJO_ADMIN_QUEUE_RESET, 1, 0, 0);
    ctx = context_read(t, 1);
    g_assert_cmpuint(le32_to_cpu(ctx.state), ==, DOJO_HW_OFF);
    g_assert_cmpuint(le64_to_cpu(ctx.save_count), ==, 2);
    g_free(q);
    g_free(t);
    card_free(c);
}

static void test_admin_ring_unreadable(void)
{
    Card *c = card_new("tiles=1");
    Tile *t = tile_at(c, 0);
    struct dojo_event e;

    tile_prepare(t);
    tile_writeq(t, DOJO_TILE_ADMIN_BASE, 0x40000000);
    tile_writel(t, DOJO_TILE_CTRL, DOJO_CTRL_ENABLE);
    tile_writel(t, DOJO_TILE_ADMIN_TAIL, 1);
    wait_until(tile_readl(t, DOJO_TILE_STATUS) & DOJO_STATUS_ADMIN_ERROR);
    e = event_take(t, DOJO_EVENT_RING_CONTROL);
    g_assert_cmpuint(le16_to_cpu(e.type), ==, DOJO_EVENT_RAS);
    g_assert_cmpuint(le64_to_cpu(e.data), ==, DOJO_RAS_LINK);

    /* a tile reset brings it back */
    tile_reset(t);
    tile_write_setup(t);
    tile_writel(t, DOJO_TILE_CTRL, DOJO_CTRL_ENABLE);
    admin_ok(t, DOJO_ADMIN_NOP, 0, 0, 0);
    g_free(t);
    card_free(c);
}

/* The card must not reach its own BARs, nor anything that is not RAM */
static void test_dma_only_ram(void)
{
    Card *c = card_new("tiles=1");
    uint64_t bases[] = { c->hbm.addr, c->regs.addr, 0xfee00000 };
    Tile *t;
    int i;

    for (i = 0; i < ARRAY_SIZE(bases); i++) {
        t = tile_at(c, 0);
        tile_prepare(t);
        tile_writeq(t, DOJO_TILE_ADMIN_BASE, bases[i]);
        tile_writel(t, DOJO_TILE_CTRL, DOJO_CTRL_ENABLE);
        tile_writel(t, DOJO_TILE_ADMIN_TAIL, 1);
        wait_until(tile_readl(t, DOJO_TILE_STATUS) & DOJO_STATUS_ADMIN_ERROR);
        tile_reset(t);
        g_free(t);
    }
    card_free(c);
}

static void test_no_bus_master(void)
{
    Card *c = card_new("tiles=1");
    Tile *t = tile_new(c, 0);
    uint16_t command = qpci_config_readw(c->dev, PCI_COMMAND);

    qpci_config_writew(c->dev, PCI_COMMAND, command & ~PCI_COMMAND_MASTER);
    tile_writel(t, DOJO_TILE_ADMIN_TAIL, 1);
    wait_until(tile_readl(t, DOJO_TILE_STATUS) & DOJO_STATUS_ADMIN_ERROR);
    g_free(t);
    card_free(c);
}

/* ------------------------------------------------------------------- resets */

static void test_tile_reset(void)
{
    Card *c = card_new("tiles=2");
    Tile *t = tile_new(c, 0), *other = tile_new(c, 1);
    Queue *q = queue_new(t, 0, 0, DOJO_HW_CLASS_DMA);
    uint64_t r;

    qpci_io_writel(c->dev, c->hbm, 4096, 0xfeed);
    tile_writel(t, DOJO_TILE_PEER_GRANT, 2);
    tile_writel(t, DOJO_TILE_RESET, 1);
    g_assert_cmphex(tile_readl(t, DOJO_TILE_STATUS), ==,
                    DOJO_STATUS_READY | DOJO_STATUS_ENABLED);
    tile_reset(t);
    g_assert_cmpuint(tile_readl(t, DOJO_TILE_RESET_COUNT), ==, 1);
    g_assert_cmpuint(tile_readl(t, DOJO_TILE_PEER_GRANT), ==, 0);
    for (r = DOJO_TILE_ADMIN_BASE; r < DOJO_TILE_EVENT(4); r += 4) {
        g_assert_cmphex(tile_readl(t, r), ==, 0);
    }
    g_assert_cmphex(qpci_io_readl(c->dev, c->hbm, 4096), ==, 0xfeed);

    /* the other tile did not notice; this one starts afresh */
    admin_ok(other, DOJO_ADMIN_NOP, 0, 0, 0);
    tile_write_setup(t);
    tile_writel(t, DOJO_TILE_CTRL, DOJO_CTRL_ENABLE);
    t->admin_tail = 0;
    g_assert_cmpuint(admin(t, DOJO_ADMIN_QUEUE_SUSPEND, 0, 0, 0), ==,
                     DOJO_ADMIN_BAD_STATE);
    g_free(q);
    g_free(t);
    g_free(other);
    card_free(c);
}

static void test_card_reset(void)
{
    Card *c = card_new("tiles=3,hbm=192M");
    Tile *t = tile_new(c, 1);

    card_writel(c, DOJO_CARD_SCRATCH, 5);
    qpci_io_writel(c->dev, c->hbm, 4096, 0xfeed);
    card_writel(c, DOJO_CARD_RESET, DOJO_RESET_KEY);
    wait_until(card_readl(c, DOJO_CARD_STATUS) == DOJO_STATUS_READY);
    g_assert_cmpuint(card_readl(c, DOJO_CARD_RESET_COUNT), ==, 1);
    g_assert_cmpuint(card_readl(c, DOJO_CARD_SCRATCH), ==, 0);
    g_assert_cmphex(tile_readl(t, DOJO_TILE_STATUS), ==, DOJO_STATUS_READY);
    g_assert_cmpuint(tile_readl(t, DOJO_TILE_RESET_COUNT), ==, 1);
    g_assert_cmphex(qpci_io_readl(c->dev, c->hbm, 4096), ==, 0);
    g_free(t);
    card_free(c);
}

static void test_flr(void)
{
    Card *c = card_new("tiles=1");
    Tile *t = tile_new(c, 0);
    uint8_t cap = qpci_find_capability(c->dev, PCI_CAP_ID_EXP, 0);

    g_assert_cmphex(qpci_config_readl(c->dev, cap + PCI_EXP_DEVCAP) & PCI_EXP_DEVCAP_FLR,
                    !=, 0);
    qpci_io_writel(c->dev, c->hbm, 0, 0xfeed);
    flr(c);
    g_assert_cmphex(card_readl(c, DOJO_CARD_STATUS), ==, DOJO_STATUS_READY);
    g_assert_cmpuint(card_readl(c, DOJO_CARD_RESET_COUNT), ==, 1);
    g_assert_cmphex(tile_readl(t, DOJO_TILE_STATUS), ==, DOJO_STATUS_READY);
    g_assert_cmphex(qpci_io_readl(c->dev, c->hbm, 0), ==, 0);
    tile_write_setup(t);
    tile_writel(t, DOJO_TILE_CTRL, DOJO_CTRL_ENABLE);
    admin_ok(t, DOJO_ADMIN_NOP, 0, 0, 0);
    g_free(t);
    card_free(c);
}

static void test_machine_reset(void)
{
    Card *c = card_new("tiles=1");
    Tile *t = tile_new(c, 0);

    qtest_system_reset(c->qts);
    qpci_config_writel(c->dev, PCI_BASE_ADDRESS_0, c->regs.addr);
    qpci_device_enable(c->dev);
    g_assert_cmphex(tile_readl(t, DOJO_TILE_STATUS), ==, DOJO_STATUS_READY);
    g_free(t);
    card_free(c);
}

static void test_full_size(void)
{
    QTestState *qts = qtest_init("-M q35 -m 128M -device dojo-dip,tiles=8,addr=4.0");

    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/dojo/registers/card", test_card_registers);
    qtest_add_func("/dojo/registers/tile", test_tile_registers);
    qtest_add_func("/dojo/registers/generation-2", test_generation_2);
    qtest_add_func("/dojo/registers/access-rules", test_access_rules);
    qtest_add_func("/dojo/registers/timestamp", test_timestamp);
    qtest_add_func("/dojo/registers/hbm-bar", test_hbm_bar);
    qtest_add_func("/dojo/enable/checks", test_enable_checks);
    qtest_add_func("/dojo/enable/locked", test_locked_while_enabled);
    qtest_add_func("/dojo/admin/ring", test_admin_ring);
    qtest_add_func("/dojo/admin/bad-arguments", test_admin_bad_arguments);
    qtest_add_func("/dojo/admin/context-checks", test_context_checks);
    qtest_add_func("/dojo/admin/unreadable", test_admin_ring_unreadable);
    qtest_add_func("/dojo/dma/only-ram", test_dma_only_ram);
    qtest_add_func("/dojo/dma/no-bus-master", test_no_bus_master);
    qtest_add_func("/dojo/reset/tile", test_tile_reset);
    qtest_add_func("/dojo/reset/card", test_card_reset);
    qtest_add_func("/dojo/reset/flr", test_flr);
    qtest_add_func("/dojo/reset/machine", test_machine_reset);
    qtest_add_func("/dojo/full-size", test_full_size);
    return g_test_run();
}
