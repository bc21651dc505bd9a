/*
 * QTest of the Dojo card: statements of driver/HARDWARE.md, sections 1 to 5, 10 and 11
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the tests by subject (dojo-dip, -queue, -sched, -fault) do not look at.
 */
#include "dojo-qtest.h"

static uint32_t bad_access(Card *c)
{
    return card_readl(c, DOJO_CARD_BAD_ACCESS);
}

/* ------------------------------------------------------- 1. the card on PCI */

#define MCFG            0xb0000000
#define Q35_PCIEXBAR    0x60

static void test_pci_function(void)
{
    Card *c = card_new("tiles=2");
    QPCIDevice *host = qpci_device_find(c->bus, QPCI_DEVFN(0, 0));
    uint8_t exp = qpci_find_capability(c->dev, PCI_CAP_ID_EXP, 0);
    uint8_t pm = qpci_find_capability(c->dev, PCI_CAP_ID_PM, 0);
    uint8_t msix = qpci_find_capability(c->dev, PCI_CAP_ID_MSIX, 0);
    uint64_t size;

    g_assert_cmphex(qpci_config_readl(c->dev, PCI_BASE_ADDRESS_0) & 0xf, ==,
                    PCI_BASE_ADDRESS_MEM_TYPE_64);
    g_assert_cmphex(qpci_config_readl(c->dev, PCI_BASE_ADDRESS_2) & 0xf, ==,
                    PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH);
    g_assert_cmphex(qpci_config_readl(c->dev, PCI_BASE_ADDRESS_4) & 0xf, ==, 0);
    g_assert_cmpuint(qpci_config_readb(c->dev, PCI_INTERRUPT_PIN), ==, 0);
    qpci_iomap(c->dev, DOJO_BAR_REGS, &size);
    g_assert_cmpuint(size, ==, 32 * MiB);   /* card block and two tiles */
    qpci_iomap(c->dev, DOJO_BAR_HBM, &size);
    g_assert_cmpuint(size, ==, 128 * MiB);

    g_assert_cmpuint(exp, !=, 0);
    g_assert_cmpuint((qpci_config_readw(c->dev, exp + PCI_EXP_FLAGS) &
                      PCI_EXP_FLAGS_TYPE) >> 4, ==, PCI_EXP_TYPE_RC_END);
    g_assert_cmpuint(pm, !=, 0);
    g_assert_cmpuint(msix, !=, 0);
    g_assert_cmpuint((qpci_config_readw(c->dev, msix + PCI_MSIX_FLAGS) &
                      PCI_MSIX_FLAGS_QSIZE) + 1, ==, 8);
    g_assert_cmphex(qpci_config_readl(c->dev, msix + PCI_MSIX_TABLE) &
                    PCI_MSIX_TABLE_BIR, ==, DOJO_BAR_MSIX);

    qpci_config_writel(host, Q35_PCIEXBAR, MCFG | 1);
    g_assert_cmphex(qtest_readl(c->qts, MCFG + (QPCI_DEVFN(4, 0) << 12) + 0x100) & 0xffff,
                    ==, PCI_EXT_CAP_ID_ERR);
    g_free(host);
    card_free(c);
}

/* Only D0 decodes the BARs; the state is kept (No_Soft_Reset) */
static void test_power_states(void)
{
    Card *c = card_new("tiles=1");
    uint8_t pm = qpci_find_capability(c->dev, PCI_CAP_ID_PM, 0);

    card_writel(c, DOJO_CARD_SCRATCH, 0x1234);
    qpci_config_writew(c->dev, pm + PCI_PM_CTRL, 3);
    g_assert_cmphex(card_readl(c, DOJO_CARD_SCRATCH), !=, 0x1234);
    qpci_config_writew(c->dev, pm + PCI_PM_CTRL, 0);
    g_assert_cmphex(card_readl(c, DOJO_CARD_SCRATCH), ==, 0x1234);
    card_free(c);
}

/* An 8-byte access is two halves, and counts once */
static void test_eight_byte_accesses(void)
{
    Card *c = card_new("tiles=1");
    uint64_t base = c->regs.addr, reads, writes;
    uint32_t bad = bad_access(c);

    g_assert_cmphex(qtest_readq(c->qts, base + DOJO_CARD_VERSION), ==, UINT64_MAX);
    qtest_writeq(c->qts, base + DOJO_CARD_SCRATCH - 4, UINT64_MAX);
    g_assert_cmpuint(bad_access(c), ==, bad + 2);
    g_assert_cmphex(card_readl(c, DOJO_CARD_SCRATCH), ==, 0);

    /* the upper half is a reserved offset, the lower one is written */
    writes = card_readq(c, DOJO_CARD_MMIO_WRITES);
    card_writeq(c, DOJO_CARD_SCRATCH, 0x1111111122222222);
    g_assert_cmphex(card_readq(c, DOJO_CARD_SCRATCH), ==, 0x22222222);
    g_assert_cmpuint(card_readq(c, DOJO_CARD_MMIO_WRITES), ==, writes + 1);
    g_assert_cmpuint(bad_access(c), ==, bad + 2);

    /* neither half */
    card_writeq(c, DOJO_CARD_MAGIC, 0);
    g_assert_cmpuint(card_readq(c, DOJO_CARD_MMIO_WRITES), ==, writes + 1);
    g_assert_cmpuint(bad_access(c), ==, bad + 3);

    reads = card_readq(c, DOJO_CARD_MMIO_READS);
    card_readq(c, DOJO_CARD_MAGIC);
    card_readl(c, DOJO_CARD_MAGIC);
    g_assert_cmpuint(card_readq(c, DOJO_CARD_MMIO_READS), ==, reads + 3);
    card_free(c);
}

static void test_hbm_bar_any_access(void)
{
    Card *c = card_new("tiles=1");
    uint64_t at = c->hbm.addr + 4096 - 3;
    uint8_t bytes[7] = { 1, 2, 3, 4, 5, 6, 7 }, back[7];

    qtest_writeb(c->qts, c->hbm.addr + 1, 0x5a);
    qtest_writew(c->qts, c->hbm.addr + 3, 0x1234);
    qtest_writel(c->qts, c->hbm.addr + 9, 0x89abcdef);
    qtest_writeq(c->qts, c->hbm.addr + 21, 0x1122334455667788);
    g_assert_cmphex(qtest_readl(c->qts, c->hbm.addr), ==, 0x34005a00);
    g_assert_cmphex(qtest_readl(c->qts, c->hbm.addr + 9), ==, 0x89abcdef);
    g_assert_cmphex(qtest_readq(c->qts, c->hbm.addr + 21), ==, 0x1122334455667788);
    qtest_memwrite(c->qts, at, bytes, sizeof(bytes));
    qtest_memread(c->qts, at, back, sizeof(back));
    g_assert_cmpmem(back, sizeof(back), bytes, sizeof(bytes));
    g_assert_cmpuint(bad_access(c), ==, 0);     /* BAR 0's alone */
    card_free(c);
}

/* What a queue's access of anything but RAM gives: BUS, at the address it named */
static void test_dma_by_queues_only_ram(void)
{
    Bench b = bench_new();
    Card *c = b.card;
    const uint64_t targets[] = {
        c->regs.addr, c->regs.addr + 8 * MiB + DOJO_TILE_DOORBELL, c->hbm.addr,
        0xfee00000,     /* interrupts */
        0xfed00000,     /* HPET: a device's registers */
        0xfffff000,     /* firmware: a ROM */
        0x7ffffff000,   /* nothing */
    };
    uint64_t page = ram_alloc(c, 4096);
    int i, write;

    map_page(c, b.root, DST_VA, leaf(DOJO_TARGET_SYSTEM, page));
    for (i = 0; i < ARRAY_SIZE(targets); i++) {
        for (write = 0; write < 2; write++) {
            Queue *q = queue_new(b.tile, 20, USER_ASID, DOJO_HW_CLASS_DMA);
            Batch batch = user_batch(&b);

            g_test_message("%s %" PRIx64, write ? "write" : "read", targets[i]);
            map_page(c, b.root, BAD_VA, leaf(DOJO_TARGET_SYSTEM, targets[i]));
            if (write) {
                batch_copy(&batch, DST_VA, BAD_VA + 64, 64);
            } else {
                batch_copy(&batch, BAD_VA + 64, DST_VA, 64);
            }
            put_batch(q, batch.va, batch.size);
            expect_fault(q, DOJO_FAULT_BUS, write ? 2 : 1, BAD_VA + 64);
            queue_end(q);
            admin_ok(b.tile, DOJO_ADMIN_INVALIDATE, USER_ASID, BAD_VA, 4096);
        }
    }
    bench_free(&b);
}

/* --------------------------------------------------------- 2. the card block */

/* Whatever is not RESET or SCRATCH ignores writes, and each counts */
static void test_read_only_registers(void)
{
    Card *c = card_new("tiles=2");
    uint32_t before[DOJO_CARD_TEMP_MC / 4], bad;
    uint64_t r;

    for (r = 0; r < DOJO_CARD_TEMP_MC; r += 4) {
        before[r / 4] = card_readl(c, r);
    }
    for (r = 0; r < DOJO_CARD_BLOCK_SIZE; r += 4) {
        if (r != DOJO_CARD_RESET && r != DOJO_CARD_SCRATCH) {
            bad = bad_access(c);
            card_writel(c, r, 0xffffffff);
            g_assert_cmpuint(bad_access(c), ==, bad + 1);
        }
    }
    for (r = 0; r < DOJO_CARD_TEMP_MC; r += 4) {
        if (r != DOJO_CARD_TIMESTAMP && r != DOJO_CARD_BAD_ACCESS) {
            g_assert_cmphex(card_readl(c, r), ==, before[r / 4]);
        }
    }
    g_assert_cmpuint(card_readl(c, DOJO_CARD_TILE_OFFSET), ==, 0x800000);
    g_assert_cmpuint(card_readl(c, DOJO_CARD_TILE_STRIDE), ==, 0x800000);
    g_assert_cmpuint(card_readl(c, DOJO_CARD_MODEL_LAUNCH_NS), ==, 500);
    g_assert_cmpuint(card_readl(c, DOJO_CARD_POWER_MW), ==, 100000);
    g_assert_cmpuint(card_readl(c, DOJO_CARD_THROTTLE), ==, 0);
    g_assert_cmpuint(card_readl(c, DOJO_CARD_ECC_CORRECTED), ==, 0);
    g_assert_cmpuint(card_readl(c, DOJO_CARD_ECC_UNCORRECTED), ==, 0);
    g_assert_cmpuint(card_readq(c, DOJO_CARD_MSIX_SENT), ==, 0);
    card_free(c);
}

/* Idle power is 100 W; energy is its integral over the device clock */
static void test_energy(void)
{
    Card *c = card_new("tiles=1");
    uint64_t t0 = card_readq(c, DOJO_CARD_TIMESTAMP);
    uint64_t e0 = card_readq(c, DOJO_CARD_ENERGY_UJ), e1, t1;

    wait_until(card_readq(c, DOJO_CARD_ENERGY_UJ) > e0 + 100000);   /* 1 ms */
    e1 = card_readq(c, DOJO_CARD_ENERGY_UJ);
    t1 = card_readq(c, DOJO_CARD_TIMESTAMP);
    g_assert_cmpuint(e1 - e0, <=, (t1 - t0) / 10 + 100);
    card_free(c);
}

/* Card, while it is RESETTING: reads as after reset, all writes are ignored */
static void test_registers_while_resetting(void)
{
    Card *c = card_new("tiles=2");
    Tile *t = tile_new(c, 0), *other = tile_new(c, 1);
    Queue *q = queue_new(t, 5, 0, DOJO_HW_CLASS_DMA);
    Batch nop = batch_new(c);
    uint64_t r, reads, clock = card_readq(c, DOJO_CARD_TIMESTAMP);
    uint32_t bad;

    batch_nop(&nop);
    card_writel(c, DOJO_CARD_SCRATCH, 7);
    tile_writel(other, DOJO_TILE_PEER_GRANT, 1);
    set_property(c, "inject-hang", "\"tile=0,queue=5,level=flr\"");
    queue_run(q, &nop);
    wait_until(state_of(q) == DOJO_HW_RUNNING);
    reads = card_readq(c, DOJO_CARD_MMIO_READS);
    card_writel(c, DOJO_CARD_MAGIC, 0);
    g_assert_cmpuint(bad_access(c), >, 0);

    card_writel(c, DOJO_CARD_RESET, DOJO_RESET_KEY);
    g_assert_cmphex(card_readl(c, DOJO_CARD_STATUS), ==, DOJO_STATUS_RESETTING);
    g_assert_cmphex(tile_readl(t, DOJO_TILE_STATUS), ==, DOJO_STATUS_RESETTING);
    g_assert_cmpuint(bad_access(c), ==, 0);
    card_writel(c, DOJO_CARD_SCRATCH, 9);
    card_writel(c, DOJO_CARD_RESET, DOJO_RESET_KEY);
    tile_writel(t, DOJO_TILE_RESET, DOJO_RESET_KEY);
    tile_writel(other, DOJO_TILE_RESET, DOJO_RESET_KEY);
    tile_writel(other, DOJO_TILE_PEER_GRANT, 1);
    tile_writeq(other, DOJO_TILE_ADMIN_BASE, 64);
    doorbell(t, 5, 1);
    bad = bad_access(c);
    g_assert_cmpuint(bad, ==, 7);
    g_assert_cmpuint(card_readl(c, DOJO_CARD_SCRATCH), ==, 0);
    g_assert_cmphex(card_readl(c, DOJO_CARD_MAGIC), ==, DOJO_MAGIC);
    g_assert_cmpuint(card_readl(c, DOJO_CARD_RESET_COUNT), ==, 1);
    g_assert_cmpuint(tile_readl(t, DOJO_TILE_RESET_COUNT), ==, 1);
    g_assert_cmpuint(tile_readl(other, DOJO_TILE_RESET_COUNT), ==, 1);
    for (r = DOJO_TILE_PEER_GRANT; r < DOJO_TILE_EVENT(4); r += 4) {
        g_assert_cmphex(tile_readl(t, r), ==, 0);
        g_assert_cmphex(tile_readl(other, r), ==, 0);
    }

    /* "since power on" and the clock go on */
    g_assert_cmpuint(card_readq(c, DOJO_CARD_MMIO_READS), >, reads);
    g_assert_cmpuint(card_readq(c, DOJO_CARD_TIMESTAMP), >, clock);
    flr(c);
    g_assert_cmphex(card_readl(c, DOJO_CARD_STATUS), ==, DOJO_STATUS_READY);
    g_assert_cmpuint(card_readl(c, DOJO_CARD_RESET_COUNT), ==, 2);
    g_assert_cmpuint(card_readq(c, DOJO_CARD_MMIO_READS), >, reads);
    g_assert_cmpuint(card_readq(c, DOJO_CARD_TIMESTAMP), >, clock);
    g_free(q);
    g_free(t);
    g_free(other);
    card_free(c);
}

/* --------------------------------------------------- 3., 4. the tile's block */

static void test_tile_setup_registers(void)
{
    static const uint32_t wide[] = {
        DOJO_TILE_ADMIN_BASE, DOJO_TILE_CONTEXT_BASE, DOJO_TILE_KERNEL_ROOT,
        DOJO_TILE_EVENT(0) + DOJO_EVENT_BASE, DOJO_TILE_EVENT(3) + DOJO_EVENT_CONSUMER,
    };
    static const uint32_t narrow[] = {
        DOJO_TILE_ADMIN_SIZE, DOJO_TILE_EVENT(1) + DOJO_EVENT_SIZE,
        DOJO_TILE_EVENT(2) + DOJO_EVENT_VECTOR,
        DOJO_TILE_EVENT(3) + DOJO_EVENT_MODERATION,
    };
    Card *c = card_new("tiles=2");
    Tile *t = tile_at(c, 1);
    uint32_t bad;
    int i;

    for (i = 0; i < ARRAY_SIZE(wide); i++) {
        tile_writel(t, wide[i], 0x89abcdef);
        tile_writel(t, wide[i] + 4, 0x01234567);
        g_assert_cmphex(tile_readq(t, wide[i]), ==, 0x0123456789abcdef);
        tile_writeq(t, wide[i], 0xfedcba9876543210);
        g_assert_cmphex(tile_readl(t, wide[i]), ==, 0x76543210);
        g_assert_cmphex(tile_readl(t, wide[i] + 4), ==, 0xfedcba98);
    }
    for (i = 0; i < ARRAY_SIZE(narrow); i++) {
        tile_writel(t, narrow[i], 0x12345678);
        g_assert_cmphex(tile_readl(t, narrow[i]), ==, 0x12345678);
    }
    g_assert_cmpuint(bad_access(c), ==, 0);

    /* not enabled: no doorbell, no admin ring; CTRL's other bits */
    tile_writel(t, DOJO_TILE_ADMIN_TAIL, 1);
    doorbell(t, 0, 1);
    tile_writel(t, DOJO_TILE_CTRL, 2);
    g_assert_cmpuint(bad_access(c), ==, 3);
    tile_writel(t, DOJO_TILE_CTRL, 0);
    g_assert_cmpuint(bad_access(c), ==, 3);
    tile_prepare(t);
    tile_writel(t, DOJO_TILE_CTRL, DOJO_CTRL_ENABLE);
    bad = bad_access(c);
    tile_writel(t, DOJO_TILE_CTRL, DOJO_CTRL_ENABLE);       /* no change */
    g_assert_cmpuint(bad_access(c), ==, bad);
    tile_writel(t, DOJO_TILE_CTRL, DOJO_CTRL_ENABLE | 4);
    tile_writel(t, DOJO_TILE_CTRL, 0);
    g_assert_cmpuint(bad_access(c), ==, bad + 2);
    g_free(t);
    card_free(c);
}

/* Every register that is locked while the tile is enabled, and every read-only one */
static void test_tile_ignored_writes(void)
{
    Card *c = card_new("tiles=2");
    Tile *t = tile_new(c, 0);
    uint64_t r;

    for (r = 0; r < DOJO_TILE_REGS_SIZE; r += 4) {
        uint32_t before = tile_readl(t, r), bad = bad_access(c);

        if (r == DOJO_TILE_PEER_GRANT ||
            (r >= DOJO_TILE_EVENT(0) && r < DOJO_TILE_EVENT(DOJO_NUM_EVENT_RINGS) &&
             (r & 0x1f) == DOJO_EVENT_MODERATION)) {
            continue;
        }
        tile_writel(t, r, 0x5a5a5a5a);
        g_assert_cmpuint(bad_access(c), ==, bad + 1);
        g_assert_cmphex(tile_readl(t, r), ==, before);
    }
    for (r = DOJO_TILE_REGS_SIZE; r < DOJO_TILE_DOORBELL; r += 0x3fffc) {
        uint32_t bad = bad_access(c);

        tile_writel(t, r, 1);
        g_assert_cmpuint(bad_access(c), ==, bad + 1);
        g_assert_cmphex(tile_readl(t, r), ==, 0);
    }
    admin_ok(t, DOJO_ADMIN_NOP, 0, 0, 0);
    g_free(t);
    card_free(c);
}

/* ------------------------------------------------------------ 5. admin ring */

static void test_unused_arguments(void)
{
    static const struct { uint16_t opcode; uint32_t id; int first; } commands[] = {
        { DOJO_ADMIN_NOP, 0, 0 },
        { DOJO_ADMIN_ASID_SET, 9, 1 },
        { DOJO_ADMIN_ASID_CLEAR, USER_ASID, 0 },
        { DOJO_ADMIN_INVALIDATE, USER_ASID, 2 },
        { DOJO_ADMIN_QUEUE_START, 9, 0 },
        { DOJO_ADMIN_QUEUE_SUSPEND, 2, 0 },
        { DOJO_ADMIN_QUEUE_RESUME, 2, 0 },
        { DOJO_ADMIN_QUEUE_RESET, 2, 0 },
        { DOJO_ADMIN_QUEUE_SAVE, 2, 0 },
        { DOJO_ADMIN_QUEUE_PRIORITY, 2, 1 },
    };
    Bench b = bench_new();
    Batch nop = nop_batch(&b);
    int i, arg;

    for (i = 0; i < ARRAY_SIZE(commands); i++) {
        struct dojo_admin_command cmd = {
            .opcode = cpu_to_le16(commands[i].opcode),
            .id = cpu_to_le32(commands[i].id),
        };

        if (commands[i].opcode == DOJO_ADMIN_ASID_SET) {
            cmd.arg[0] = cpu_to_le64(table_entry(b.root));
        }
        for (arg = commands[i].first; arg < 3; arg++) {
            cmd.arg[arg] = cpu_to_le64(1ull << 40);
            admin_put(b.tile, &cmd);
            g_assert_cmpuint(admin_wait(b.tile), ==, DOJO_ADMIN_BAD_ARGUMENT);
            cmd.arg[arg] = 0;
        }
        for (arg = 0; arg < 3; arg++) {
            cmd.reserved[arg] = 1;
            admin_put(b.tile, &cmd);
            g_assert_cmpuint(admin_wait(b.tile), ==, DOJO_ADMIN_BAD_ARGUMENT);
            cmd.reserved[arg] = 0;
        }
    }
    g_assert_cmpuint(admin(b.tile, DOJO_ADMIN_NOP, 1, 0, 0), ==, DOJO_ADMIN_BAD_ARGUMENT);
    expect_works(b.dma, &nop);
    bench_free(&b);
}

/* Commands of a ring run in order, each complete before the next begins */
static void test_admin_order(void)
{
    Bench b = bench_new();
    Tile *t = b.tile;
    struct dojo_admin_command cmd = { .id = cpu_to_le32(9) };
    int i;

    cmd.flags = cpu_to_le16(DOJO_ADMIN_FLAG_EVENT);
    for (i = 0; i < ADMIN_SIZE; i++) {
        cmd.opcode = cpu_to_le16(i % 2 ? DOJO_ADMIN_ASID_CLEAR : DOJO_ADMIN_ASID_SET);
        cmd.arg[0] = i % 2 ? 0 : cpu_to_le64(table_entry(b.root));
        qtest_memwrite(b.card->qts, admin_entry(t, t->admin_tail++), &cmd, sizeof(cmd));
    }
    tile_writel(t, DOJO_TILE_ADMIN_TAIL, t->admin_tail);
    g_assert_cmpuint(admin_wait(t), ==, DOJO_ADMIN_OK);
    for (i = 0; i < ADMIN_SIZE; i++) {
        uint64_t at = admin_entry(t, i) + offsetof(struct dojo_admin_command, result);
        uint32_t id = t->admin_tail - ADMIN_SIZE + i + 1;
        struct dojo_event e = event_take(t, DOJO_EVENT_RING_CONTROL);

        g_assert_cmpuint(qtest_readl(b.card->qts, at), ==, DOJO_ADMIN_OK);
        g_assert_cmpuint(le16_to_cpu(e.type), ==, DOJO_EVENT_ADMIN);
        g_assert_cmpuint(le32_to_cpu(e.id), ==, id);
    }
    g_assert_cmpuint(tile_readl(t, DOJO_TILE_ADMIN_HEAD), ==, t->admin_tail);
    bench_free(&b);
}

typedef struct StateCase {
    const char *name;
    uint32_t state;
    uint32_t suspend, resume, priority;     /* results */
    uint32_t suspended;                     /* state after SUSPEND */
} StateCase;

static void test_commands_in_every_state(void)
{
    static const StateCase cases[] = {
        { "idle", DOJO_HW_IDLE, DOJO_ADMIN_OK, DOJO_ADMIN_BAD_STATE, DOJO_ADMIN_OK,
          DOJO_HW_SUSPENDED },
        { "waiting", DOJO_HW_WAITING, DOJO_ADMIN_OK, DOJO_ADMIN_BAD_STATE, DOJO_ADMIN_OK,
          DOJO_HW_SUSPENDED },
        { "running, hung", DOJO_HW_RUNNING, DOJO_ADMIN_BUSY, DOJO_ADMIN_BAD_STATE,
          DOJO_ADMIN_OK, DOJO_HW_RUNNING },
        { "faulted", DOJO_HW_FAULTED, DOJO_ADMIN_OK, DOJO_ADMIN_BAD_STATE, DOJO_ADMIN_OK,
          DOJO_HW_FAULTED },
        { "suspended", DOJO_HW_SUSPENDED, DOJO_ADMIN_OK, DOJO_ADMIN_OK, DOJO_ADMIN_OK,
          DOJO_HW_SUSPENDED },
    };
    Bench b = bench_new();
    Card *c = b.card;
    uint64_t page = ram_alloc(c, 4096), saves;
    struct dojo_queue_context ctx;
    int i;

    map_page(c, b.root, DST_VA, leaf(DOJO_TARGET_SYSTEM, page));
    for (i = 0; i < ARRAY_SIZE(cases); i++) {
        const StateCase *s = &cases[i];
        Queue *q = queue_in_state(&b, s->state, DST_VA);

        g_test_message("%s", s->name);
        g_assert_cmpuint(admin(b.tile, DOJO_ADMIN_QUEUE_START, 20, 0, 0), ==,
                         DOJO_ADMIN_BAD_STATE);
        g_assert_cmpuint(admin(b.tile, DOJO_ADMIN_QUEUE_PRIORITY, 20, 2, 0), ==,
                         s->priority);
        g_assert_cmpuint(admin(b.tile, DOJO_ADMIN_QUEUE_SUSPEND, 20, 0, 0), ==,
                         s->suspend);
        g_assert_cmpuint(state_of(q), ==, s->suspended);
        if (s->suspended == DOJO_HW_SUSPENDED) {
            admin_ok(b.tile, DOJO_ADMIN_QUEUE_RESUME, 20, 0, 0);
        }
        g_assert_cmpuint(state_of(q), ==,
                         s->state == DOJO_HW_SUSPENDED ? DOJO_HW_IDLE : s->state);
        g_assert_cmpuint(admin(b.tile, DOJO_ADMIN_QUEUE_RESUME, 20, 0, 0), ==,
                         DOJO_ADMIN_BAD_STATE);
        saves = le64_to_cpu(context_save(q).save_count);
        admin_ok(b.tile, DOJO_ADMIN_QUEUE_RESET, 20, 0, 0);
        ctx = context_read(b.tile, 20);
        g_assert_cmpuint(le32_to_cpu(ctx.state), ==, DOJO_HW_OFF);
        g_assert_cmpuint(le64_to_cpu(ctx.save_count), ==, saves + 1);
        g_free(q);
    }
    bench_free(&b);
}

/* What SAVE and RESET write for a queue that was OFF */
static void test_off_queue_context(void)
{
    Bench b = bench_new();
    static const uint16_t opcodes[] = { DOJO_ADMIN_QUEUE_SAVE, DOJO_ADMIN_QUEUE_RESET };
    struct dojo_queue_context ctx, want;
    int i;

    for (i = 0; i < ARRAY_SIZE(opcodes); i++) {
        memset(&ctx, 0xa5, sizeof(ctx));
        context_write(b.tile, 77, &ctx);
        admin_ok(b.tile, opcodes[i], 77, 0, 0);
        want = ctx;
        memset(&want.state, 0, sizeof(want) - offsetof(struct dojo_queue_context, state));
        want.save_count = cpu_to_le64(1);
        ctx = context_read(b.tile, 77);
        g_assert_cmpmem(&ctx, sizeof(ctx), &want, sizeof(want));
    }
    bench_free(&b);
}

/* Contexts that cannot be read, or read but not written */
static void test_context_memory(void)
{
    Card *c = card_new("tiles=1");
    Tile *t = tile_at(c, 0);
    const uint64_t va = 0x70000000000;
    uint64_t ro = DOJO_PTE_VALID | DOJO_PTE_LEAF | DOJO_PTE_READ |
                  DOJO_PTE_TARGET(DOJO_TARGET_SYSTEM);
    Queue *q, *gone;

    tile_prepare(t);
    tile_writeq(t, DOJO_TILE_CONTEXT_BASE, va);
    map_page(c, t->kernel_root, va, ro | t->contexts);
    tile_writel(t, DOJO_TILE_CTRL, DOJO_CTRL_ENABLE);
    q = queue_new(t, 0, 0, DOJO_HW_CLASS_DMA);
    g_assert_cmpuint(admin(t, DOJO_ADMIN_QUEUE_SAVE, 0, 0, 0), ==,
                     DOJO_ADMIN_BAD_CONTEXT);
    g_assert_cmpuint(admin(t, DOJO_ADMIN_QUEUE_SAVE, 1, 0, 0), ==,
                     DOJO_ADMIN_BAD_CONTEXT);
    g_assert_cmpuint(admin(t, DOJO_ADMIN_QUEUE_START, 16, 0, 0), ==,
                     DOJO_ADMIN_BAD_CONTEXT);       /* on the next page */

    /* suspended all the same, and reset all the same */
    g_assert_cmpuint(admin(t, DOJO_ADMIN_QUEUE_SUSPEND, 0, 0, 0), ==,
                     DOJO_ADMIN_BAD_CONTEXT);
    admin_ok(t, DOJO_ADMIN_QUEUE_RESUME, 0, 0, 0);
    admin_ok(t, DOJO_ADMIN_QUEUE_RESET, 0, 0, 0);
    g_assert_cmpuint(admin(t, DOJO_ADMIN_QUEUE_RESUME, 0, 0, 0), ==,
                     DOJO_ADMIN_BAD_STATE);

    /* a fault is posted although its context cannot be saved */
    gone = queue_new(t, 0, 0, DOJO_HW_CLASS_DMA);
    put_batch(gone, BAD_VA, 8);
    queue_kick(gone);
    g_assert_cmpuint(le16_to_cpu(event_take(t, DOJO_EVENT_RING_CONTROL).type), ==,
                     DOJO_EVENT_FAULT);
    g_free(gone);
    g_free(q);
    g_free(t);
    card_free(c);
}

/* ------------------------------------------------------------------ 10. events */

static void test_event_ring_unwritable(void)
{
    Card *c = card_new("tiles=1");
    Tile *t = tile_at(c, 0);
    Batch nop = batch_new(c);
    Queue *q;

    tile_prepare(t);
    tile_writeq(t, DOJO_TILE_EVENT(2) + DOJO_EVENT_BASE, c->regs.addr);
    tile_writel(t, DOJO_TILE_CTRL, DOJO_CTRL_ENABLE);
    q = queue_new(t, 0, 0, DOJO_HW_CLASS_DMA);
    batch_nop(&nop);
    expect_works(q, &nop);
    wait_until(tile_readl(t, DOJO_TILE_STATUS) & DOJO_STATUS_ADMIN_ERROR);
    admin_put(t, &(struct dojo_admin_command) { .opcode = cpu_to_le16(DOJO_ADMIN_NOP) });
    g_assert_cmpuint(tile_readl(t, DOJO_TILE_EVENT(2) + DOJO_EVENT_PRODUCER), ==, 0);

    /* nothing of the dead ring is run, until the tile is reset */
    tile_reset(t);
    g_assert_cmpuint(qtest_readl(c->qts, admin_entry(t, t->admin_tail - 1) +
                                 offsetof(struct dojo_admin_command, done)), ==, 0);
    tile_restart(t);
    admin_ok(t, DOJO_ADMIN_NOP, 0, 0, 0);
    g_free(q);
    g_free(t);
    card_free(c);
}

/* The admin ring's entry cannot be written: dead, and said so on ring 0 */
static void test_admin_ring_unwritable(void)
{
    Card *c = card_new("tiles=1");
    Tile *t = tile_at(c, 0);
    struct dojo_event e;

    tile_prepare(t);
    tile_writeq(t, DOJO_TILE_ADMIN_BASE, 0xfffc0000);   /* firmware */
    tile_writel(t, DOJO_TILE_CTRL, DOJO_CTRL_ENABLE);
    tile_writel(t, DOJO_TILE_ADMIN_TAIL, 1);
    e = event_take(t, DOJO_EVENT_RING_CONTROL);
    g_assert_cmpuint(le16_to_cpu(e.type), ==, DOJO_EVENT_RAS);
    g_assert_cmpuint(le32_to_cpu(e.id), ==, 0);
    g_assert_cmpuint(le64_to_cpu(e.data), ==, DOJO_RAS_LINK);
    g_assert_cmphex(tile_readl(t, DOJO_TILE_STATUS), ==, DOJO_STATUS_READY |
                    DOJO_STATUS_ENABLED | DOJO_STATUS_ADMIN_ERROR);
    g_assert_cmpuint(tile_readl(t, DOJO_TILE_ADMIN_HEAD), ==, 0);
    g_free(t);
    card_free(c);
}

/* All rings off: events are dropped, and nobody minds */
static void test_no_event_rings(void)
{
    Card *c = card_new("tiles=1");
    Tile *t = tile_at(c, 0);
    Batch nop = batch_new(c);
    Queue *q;
    int i;

    tile_prepare(t);
    for (i = 0; i < DOJO_NUM_EVENT_RINGS; i++) {
        tile_writel(t, DOJO_TILE_EVENT(i) + DOJO_EVENT_SIZE, 0);
    }
    tile_writel(t, DOJO_TILE_CTRL, DOJO_CTRL_ENABLE);
    q = queue_new(t, 0, 0, DOJO_HW_CLASS_DMA);
    batch_nop(&nop);
    expect_works(q, &nop);
    put_batch(q, BAD_VA, 8);
    queue_kick(q);
    wait_until(state_of(q) == DOJO_HW_FAULTED);
    g_assert_cmphex(tile_readl(t, DOJO_TILE_STATUS), ==,
                    DOJO_STATUS_READY | DOJO_STATUS_ENABLED);
    g_free(q);
    g_free(t);
    card_free(c);
}

/* Rings that share a vector, and one whose vector the card does not have */
static void test_vectors(void)
{
    Card *c = card_new("tiles=1");
    Tile *t = tile_at(c, 0);
    Batch nop = batch_new(c);
    Queue *dma, *mesh;

    tile_prepare(t);
    tile_writel(t, DOJO_TILE_EVENT(1) + DOJO_EVENT_VECTOR, 4);
    tile_writel(t, DOJO_TILE_EVENT(2) + DOJO_EVENT_VECTOR, 0);
    tile_writel(t, DOJO_TILE_CTRL, DOJO_CTRL_ENABLE);
    qpci_msix_enable(c->dev);
    dma = queue_new(t, 0, 0, DOJO_HW_CLASS_DMA);
    mesh = queue_new(t, 1, 0, DOJO_HW_CLASS_COMPUTE);
    batch_nop(&nop);
    expect_works(mesh, &nop);
    event_take(t, DOJO_EVENT_RING_COMPUTE);
    expect_works(dma, &nop);
    wait_until(card_readq(c, DOJO_CARD_MSIX_SENT) == 1);
    admin_put(t, &(struct dojo_admin_command) {
        .opcode = cpu_to_le16(DOJO_ADMIN_NOP),
        .flags = cpu_to_le16(DOJO_ADMIN_FLAG_EVENT),
    });
    wait_until(card_readq(c, DOJO_CARD_MSIX_SENT) == 2);
    g_free(dma);
    g_free(mesh);
    g_free(t);
    card_free(c);
}

/* ------------------------------------------------------------------ 11. resets */

/* What each reset keeps of HBM, SRAM (by copies) and counters */
static void test_what_resets_keep(void)
{
    Bench b = bench_new();
    Card *c = b.card;
    Tile *peer = tile_new(c, 1);
    uint64_t clock, root, page = ram_alloc(c, 4096);
    Batch put = user_batch(&b), get = user_batch(&b);
    Queue *q;

    map_page(c, b.root, SRAM_VA, leaf(DOJO_TARGET_SRAM, 0));
    map_page(c, b.root, HBM_VA, leaf(DOJO_TARGET_HBM, 0));
    map_page(c, b.root, DST_VA, leaf(DOJO_TARGET_SYSTEM, page));
    map_page(c, b.root, SRC_VA, leaf(DOJO_TARGET_PEER, 0) | DOJO_PTE_PEER_SRAM |
             1ull << DOJO_PTE_PEER_SHIFT);
    batch_fill(&put, SRAM_VA, 4096, 0x11111111);
    batch_fill(&put, HBM_VA, 4096, 0x22222222);
    batch_fill(&put, SRC_VA, 4096, 0x33333333);
    batch_copy(&get, SRAM_VA, DST_VA, 8);
    batch_copy(&get, HBM_VA, DST_VA + 8, 8);
    batch_copy(&get, SRC_VA, DST_VA + 16, 8);
    tile_writel(peer, DOJO_TILE_PEER_GRANT, 1);
    expect_works(b.dma, &put);

    /* a queue's: everything else */
    admin_ok(b.tile, DOJO_ADMIN_QUEUE_RESET, 2, 0, 0);
    q = queue_new(b.tile, 2, USER_ASID, DOJO_HW_CLASS_DMA);
    expect_works(q, &get);
    g_assert_cmphex(qtest_readl(c->qts, page), ==, 0x11111111);
    g_assert_cmphex(qtest_readl(c->qts, page + 8), ==, 0x22222222);
    g_assert_cmphex(qtest_readl(c->qts, page + 16), ==, 0x33333333);
    g_free(q);

    /* the tile's: its HBM, and all of the other tile */
    g_assert_cmpuint(tile_readq(b.tile, DOJO_TILE_DMA_BUSY_NS), >, 0);
    clock = card_readq(c, DOJO_CARD_TIMESTAMP);
    tile_reset(b.tile);
    g_assert_cmpuint(tile_readq(b.tile, DOJO_TILE_DMA_BUSY_NS), ==, 0);
    g_assert_cmpuint(card_readq(c, DOJO_CARD_TIMESTAMP), >, clock);
    tile_restart(b.tile);
    root = table_entry(b.root);
    admin_ok(b.tile, DOJO_ADMIN_ASID_SET, USER_ASID, root, 0);  /* it was gone */
    q = queue_new(b.tile, 2, USER_ASID, DOJO_HW_CLASS_DMA);
    expect_works(q, &get);
    g_assert_cmphex(qtest_readl(c->qts, page), ==, 0);
    g_assert_cmphex(qtest_readl(c->qts, page + 8), ==, 0x22222222);
    g_assert_cmphex(qtest_readl(c->qts, page + 16), ==, 0x33333333);
    g_free(q);

    /* the card's: nothing */
    card_writel(c, DOJO_CARD_RESET, DOJO_RESET_KEY);
    wait_until(card_readl(c, DOJO_CARD_STATUS) == DOJO_STATUS_READY);
    g_assert_cmpuint(tile_readl(b.tile, DOJO_TILE_RESET_COUNT), ==, 2);
    g_assert_cmpuint(tile_readl(peer, DOJO_TILE_RESET_COUNT), ==, 1);
    tile_restart(b.tile);
    admin_ok(b.tile, DOJO_ADMIN_ASID_SET, USER_ASID, root, 0);
    tile_writel(peer, DOJO_TILE_PEER_GRANT, 1);
    q = queue_new(b.tile, 2, USER_ASID, DOJO_HW_CLASS_DMA);
    expect_works(q, &get);
    g_assert_cmphex(qtest_readl(c->qts, page), ==, 0);
    g_assert_cmphex(qtest_readl(c->qts, page + 8), ==, 0);
    g_assert_cmphex(qtest_readl(c->qts, page + 16), ==, 0);
    g_assert_cmphex(qpci_io_readl(c->dev, c->hbm, 0), ==, 0);
    g_free(q);
    g_free(peer);
    bench_free(&b);
}

/* FLR loses what the configuration space had, MSI-X too */
static void test_flr_and_msix(void)
{
    Card *c = card_new("tiles=1");
    uint8_t msix = qpci_find_capability(c->dev, PCI_CAP_ID_MSIX, 0);

    qpci_msix_enable(c->dev);
    flr(c);
    g_assert_cmphex(qpci_config_readw(c->dev, msix + PCI_MSIX_FLAGS) &
                    PCI_MSIX_FLAGS_ENABLE, ==, 0);
    card_free(c);
}

/* FLR cures a tile that a reset by register could not */
static void test_flr_after_a_tile_reset_that_hangs(void)
{
    Card *c = card_new("tiles=2");
    Tile *t = tile_new(c, 0);
    Queue *q = queue_new(t, 5, 0, DOJO_HW_CLASS_DMA);
    Batch nop = batch_new(c);

    batch_nop(&nop);
    set_property(c, "inject-hang", "\"tile=0,queue=5,level=card\"");
    queue_run(q, &nop);
    wait_until(state_of(q) == DOJO_HW_RUNNING);
    tile_writel(t, DOJO_TILE_RESET, DOJO_RESET_KEY);
    g_assert_cmphex(tile_readl(t, DOJO_TILE_STATUS), ==, DOJO_STATUS_RESETTING);
    flr(c);
    g_assert_cmphex(tile_readl(t, DOJO_TILE_STATUS), ==, DOJO_STATUS_READY);
    tile_restart(t);
    g_free(q);
    q = queue_new(t, 5, 0, DOJO_HW_CLASS_DMA);
    expect_works(q, &nop);
    g_free(q);
    g_free(t);
    card_free(c);
}

/* It waits for the command under way, and not for minutes of them in the ring */
static void test_flr_does_not_wait_for_the_admin_ring(void)
{
    enum { ENTRIES = 1024 };
    Card *c = card_new("tiles=1");
    Tile *t = tile_at(c, 0);
    struct dojo_admin_command cmd = {
        .opcode = cpu_to_le16(DOJO_ADMIN_QUEUE_SUSPEND), .id = cpu_to_le32(5),
    };
    Batch nop = batch_new(c);
    uint64_t last;
    Queue *q;
    int i;

    tile_prepare(t);
    t->admin = ram_alloc(c, ENTRIES * sizeof(cmd));
    tile_writeq(t, DOJO_TILE_ADMIN_BASE, t->admin);
    tile_writel(t, DOJO_TILE_ADMIN_SIZE, ENTRIES);
    tile_writel(t, DOJO_TILE_CTRL, DOJO_CTRL_ENABLE);
    q = queue_new(t, 5, 0, DOJO_HW_CLASS_DMA);
    batch_nop(&nop);
    set_property(c, "inject-hang", "\"tile=0,queue=5,level=tile\"");
    queue_run(q, &nop);
    wait_until(state_of(q) == DOJO_HW_RUNNING);
    for (i = 0; i < ENTRIES; i++) {
        qtest_memwrite(c->qts, t->admin + i * sizeof(cmd), &cmd, sizeof(cmd));
    }
    last = t->admin + (t->admin_tail - 1) * sizeof(cmd) +
           offsetof(struct dojo_admin_command, done);
    tile_writel(t, DOJO_TILE_ADMIN_TAIL, t->admin_tail + ENTRIES);  /* 100 ms each */
    flr(c);
    g_assert_cmpuint(qtest_readl(c->qts, last), ==, 0);
    g_assert_cmphex(tile_readl(t, DOJO_TILE_STATUS), ==, DOJO_STATUS_READY);
    g_free(q);
    g_free(t);
    card_free(c);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/dojo/spec/pci/function", test_pci_function);
    qtest_add_func("/dojo/spec/pci/power-states", test_power_states);
    qtest_add_func("/dojo/spec/pci/eight-bytes", test_eight_byte_accesses);
    qtest_add_func("/dojo/spec/pci/hbm-bar", test_hbm_bar_any_access);
    qtest_add_func("/dojo/spec/pci/dma-only-ram", test_dma_by_queues_only_ram);
    qtest_add_func("/dojo/spec/card/read-only", test_read_only_registers);
    qtest_add_func("/dojo/spec/card/energy", test_energy);
    qtest_add_func("/dojo/spec/card/resetting", test_registers_while_resetting);
    qtest_add_func("/dojo/spec/tile/setup", test_tile_setup_registers);
    qtest_add_func("/dojo/spec/tile/ignored-writes", test_tile_ignored_writes);
    qtest_add_func("/dojo/spec/admin/unused-arguments", test_unused_arguments);
    qtest_add_func("/dojo/spec/admin/order", test_admin_order);
    qtest_add_func("/dojo/spec/admin/every-state", test_commands_in_every_state);
    qtest_add_func("/dojo/spec/admin/queue-off", test_off_queue_context);
    qtest_add_func("/dojo/spec/admin/context-memory", test_context_memory);
    qtest_add_func("/dojo/spec/admin/unwritable", test_admin_ring_unwritable);
    qtest_add_func("/dojo/spec/events/unwritable", test_event_ring_unwritable);
    qtest_add_func("/dojo/spec/events/none", test_no_event_rings);
    qtest_add_func("/dojo/spec/events/vectors", test_vectors);
    qtest_add_func("/dojo/spec/reset/keeps", test_what_resets_keep);
    qtest_add_func("/dojo/spec/reset/flr-msix", test_flr_and_msix);
    qtest_add_func("/dojo/spec/reset/flr-after-hang",
                   test_flr_after_a_tile_reset_that_hangs);
    qtest_add_func("/dojo/spec/reset/flr-admin",
                   test_flr_does_not_wait_for_the_admin_ring);
    return g_test_run();
}
