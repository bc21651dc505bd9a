/*
 * QTest of the Dojo card: properties, several cards, unplug and plug, migration
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "dojo-qtest.h"
#include "qobject/qlist.h"
#include "qobject/qstring.h"

/* --------------------------------------------------------------- properties */

/* An error that @text is a part of */
static void expect_error(QDict *r, const char *text)
{
    const char *desc = qdict_get_str(qdict_get_qdict(r, "error"), "desc");

    g_test_message("%s", desc);
    g_assert_nonnull(strstr(desc, text));
    qobject_unref(r);
}

static void test_bad_properties(void)
{
    static const struct { const char *property, *value, *error; } cases[] = {
        { "tiles", "0", "tiles must be 1 to 8" },
        { "tiles", "9", "tiles must be 1 to 8" },
        { "tiles", "-1", "tiles" },
        { "hbm", "0", "hbm must be" },
        { "hbm", "67108863", "hbm must be" },           /* not 2 MiB */
        { "hbm", "65011712", "hbm must be" },           /* less than 64 MiB a tile */
        { "hbm", "2199023255552", "hbm must be" },      /* 2 TiB */
        { "hbm", "-2097152", "hbm must be" },
        { "sram", "4096", "sram must be" },
        { "sram", "16777217", "sram must be" },
        { "sram", "1099511627776", "sram must be" },
        { "generation", "\"d3\"", "generation must be d1 or d2" },
        { "generation", "\"\"", "generation must be d1 or d2" },
        { "serial", "\"12345678901234567\"", "serial must have at most 16" },
        { "threads", "65", "threads must be at most 64" },
        { "inject-hang", "\"tile=0,queue=0,level=queue\"", "not realized" },
        { "inject-ecc", "\"tile=0,memory=hbm,offset=0,kind=corrected\"",
          "not realized" },
        { "dead", "true", "not realized" },
        { "inject-spurious-irq", "0", "no vector" },
        { "temperature", "\"hot\"", "temperature" },
    };
    QTestState *qts = qtest_init("-M q35 -m 128M -device pcie-root-port,id=rp");
    int i;

    for (i = 0; i < ARRAY_SIZE(cases); i++) {
        QDict *args = qdict_new();

        g_test_message("%s=%s", cases[i].property, cases[i].value);
        qdict_put_str(args, "driver", "dojo-dip");
        qdict_put_str(args, "bus", "rp");
        qdict_put_str(args, "id", "card");
        qdict_put_int(args, "hbm", 64 * MiB);
        qdict_put_int(args, "sram", 16 * MiB);
        qdict_put_obj(args, cases[i].property,
                      qobject_from_json(cases[i].value, &error_abort));
        expect_error(qtest_qmp(qts, "{ 'execute': 'device_add', 'arguments': %p }", args),
                     cases[i].error);
    }

    /* none of them left anything behind */
    qtest_qmp_device_add(qts, "dojo-dip", "card", "{ 'bus': 'rp', 'hbm': 67108864,"
                         "'sram': 16777216 }");
    qtest_quit(qts);
}

static QObject *get_property(Card *c, const char *path, const char *name)
{
    QDict *r = qtest_qmp(c->qts, "{ 'execute': 'qom-get', 'arguments': {"
                         "'path': %s, 'property': %s } }", path, name);
    QObject *value = qobject_ref(qdict_get(r, "return"));

    qobject_unref(r);
    return value;
}

static void expect_property(Card *c, const char *path, const char *name,
                            const char *json)
{
    QObject *value = get_property(c, path, name);
    g_autoptr(GString) text = qobject_to_json(value);

    g_assert_cmpstr(text->str, ==, json);
    qobject_unref(value);
}

/* What a property reads is what the card has, defaults included */
static void test_properties_read_back(void)
{
    Card *c = card_new("tiles=2,threads=3");
    const char *path = "/machine/peripheral/card";
    g_autofree char *tree = NULL;

    expect_property(c, path, "tiles", "2");
    expect_property(c, path, "hbm", "134217728");
    expect_property(c, path, "generation", "\"d1\"");
    expect_property(c, path, "serial", "\"DOJO-card\"");
    expect_property(c, path, "threads", "3");
    expect_property(c, path, "temperature", "45000");
    expect_property(c, path, "dead", "false");
    expect_property(c, path, "inject-engine-slow", "1");
    set_property(c, "inject-lost-irq", "7");
    expect_property(c, path, "inject-lost-irq", "7");

    tree = qtest_hmp(c->qts, "info qtree");
    g_assert_nonnull(strstr(tree, "dev: dojo-dip, id \"card\""));
    g_assert_nonnull(strstr(tree, "generation = \"d1\""));
    g_assert_nonnull(strstr(tree, "class Class 1200, addr 00:04.0, pci id 1234:d0d1"));
    card_free(c);
}

/* ------------------------------------------------------------- several cards */

static uint64_t serial_of(Card *c)
{
    return (uint64_t)card_readl(c, DOJO_CARD_SERIAL + 4) << 32 |
           card_readl(c, DOJO_CARD_SERIAL + 8);
}

/* Two cards, nameless: told apart, and neither notices the other's end */
static void test_two_cards(void)
{
    Card one = { .next = RAM_BASE }, two = { .next = RAM_BASE + 16 * MiB };
    Card *cards[] = { &one, &two };
    Tile *t[2];
    Queue *q[2];
    Batch nop[2];
    int i;

    one.qts = qtest_init("-M q35 -m 128M "
                         "-device dojo-dip,addr=4.0,hbm=64M,sram=16M "
                         "-device dojo-dip,addr=5.0,hbm=64M,sram=16M,generation=d2");
    one.bus = qpci_new_pc(one.qts, NULL);
    for (i = 0; i < 2; i++) {
        Card *c = cards[i];

        c->qts = one.qts;
        c->bus = one.bus;
        c->dev = qpci_device_find(c->bus, QPCI_DEVFN(4 + i, 0));
        qpci_device_enable(c->dev);
        c->regs = qpci_iomap(c->dev, DOJO_BAR_REGS, NULL);
        c->hbm = qpci_iomap(c->dev, DOJO_BAR_HBM, NULL);
        g_assert_cmpuint(card_readl(c, DOJO_CARD_GENERATION), ==, i + 1);
    }
    g_assert_cmphex(serial_of(&one), !=, serial_of(&two));
    for (i = 0; i < 2; i++) {
        t[i] = tile_new(cards[i], 0);
        q[i] = queue_new(t[i], 0, 0, DOJO_HW_CLASS_DMA);
        nop[i] = batch_new(cards[i]);
        batch_nop(&nop[i]);
        expect_works(q[i], &nop[i]);
    }

    /* one's DMA does not reach the other's BARs either */
    map_page(&one, t[0]->kernel_root, BAD_VA, leaf(DOJO_TARGET_SYSTEM, two.hbm.addr));
    put_batch(q[0], BAD_VA, 8);
    g_assert_cmpuint(le32_to_cpu(run_to_fault(q[0]).fault), ==, DOJO_FAULT_BUS);

    card_writel(&one, DOJO_CARD_RESET, DOJO_RESET_KEY);
    wait_until(card_readl(&one, DOJO_CARD_STATUS) == DOJO_STATUS_READY);
    g_assert_cmpuint(card_readl(&two, DOJO_CARD_RESET_COUNT), ==, 0);
    expect_works(q[1], &nop[1]);
    for (i = 0; i < 2; i++) {
        g_free(q[i]);
        g_free(t[i]);
        g_free(cards[i]->dev);
    }
    qpci_free_pc(one.bus);
    qtest_quit(one.qts);
}

/* ------------------------------------------------------------ unplug and plug */

static void test_unplug_while_running(void)
{
    Card *c = card_behind_port();
    Tile *t = tile_new(c, 0);
    Queue *dma = queue_new(t, 0, 0, DOJO_HW_CLASS_DMA);
    Queue *mesh = queue_new(t, 1, 0, DOJO_HW_CLASS_COMPUTE);
    Batch work = batch_new(c);
    int i;

    map_huge(c, t->kernel_root, KERNEL_SPAN, leaf(DOJO_TARGET_HBM, 0));
    for (i = 0; i < 400; i++) {
        batch_copy(&work, KERNEL_SPAN, KERNEL_SPAN + 1 * MiB, 1 * MiB);
    }
    queue_run(dma, &work);
    queue_run(mesh, &work);
    wait_until(le64_to_cpu(context_save(dma).progress) > 2);
    unplug(c);
    g_assert_cmphex(qpci_config_readl(c->dev, PCI_VENDOR_ID), ==, 0xffffffff);
    g_free(dma);
    g_free(mesh);
    g_free(t);
    card_free(c);
}

static void test_unplug_while_hung(void)
{
    Card *c = card_behind_port();
    Tile *t = tile_new(c, 0);
    Batch nop = batch_new(c);
    Queue *q = queue_new(t, 0, 0, DOJO_HW_CLASS_DMA);

    batch_nop(&nop);
    set_property(c, "inject-hang", "\"tile=0,queue=0,level=flr\"");
    queue_run(q, &nop);
    wait_until(state_of(q) == DOJO_HW_RUNNING);
    unplug(c);
    g_free(q);
    g_free(t);
    card_free(c);
}

/* As the guest does when a card was plugged: power to the slot */
static void power_slot(Card *c)
{
    QPCIDevice *port = qpci_device_find(c->bus, PORT_DEVFN);
    uint8_t cap = qpci_find_capability(port, PCI_CAP_ID_EXP, 0);
    uint16_t control = qpci_config_readw(port, cap + PCI_EXP_SLTCTL);

    control &= ~(PCI_EXP_SLTCTL_PIC | PCI_EXP_SLTCTL_PCC);
    qpci_config_writew(port, cap + PCI_EXP_SLTCTL, control | PCI_EXP_SLTCTL_PWR_IND_ON);
    g_free(port);
}

/* Again and again, each time another card, with work under way when it goes */
static void test_plug_again(void)
{
    Card *c = card_behind_port();
    uint64_t next = c->next;
    int i;

    for (i = 0; i < 3; i++) {
        Tile *t;
        Queue *q;
        Batch work;
        int n;

        unplug(c);
        qtest_qmp_eventwait(c->qts, "DEVICE_DELETED");
        qtest_qmp_device_add(c->qts, "dojo-dip", "card", "{ 'bus': 'rp',"
                             "'hbm': 67108864, 'sram': 16777216, 'generation': 'd2', 'tiles': 1 }");
        power_slot(c);
        g_assert_cmphex(qpci_config_readw(c->dev, PCI_DEVICE_ID), ==,
                        DOJO_PCI_DEVICE_ID_D2);
        qpci_config_writel(c->dev, PCI_BASE_ADDRESS_0, c->regs.addr);
        qpci_config_writel(c->dev, PCI_BASE_ADDRESS_2, c->hbm.addr);
        qpci_device_enable(c->dev);
        g_assert_cmpuint(card_readl(c, DOJO_CARD_TILES), ==, 1);
        c->next = next;
        t = tile_new(c, 0);
        q = queue_new(t, 0, 0, DOJO_HW_CLASS_DMA);
        work = batch_new(c);
        map_huge(c, t->kernel_root, KERNEL_SPAN, leaf(DOJO_TARGET_HBM, 0));
        for (n = 0; n < 400; n++) {
            batch_copy(&work, KERNEL_SPAN, KERNEL_SPAN + 1 * MiB, 1 * MiB);
        }
        queue_run(q, &work);
        wait_until(le64_to_cpu(context_save(q).progress) > 2);
        g_free(q);
        g_free(t);
    }
    card_free(c);
}

/* ---------------------------------------------------------------- migration */

static void test_migration_refused(void)
{
    Card *c = card_new("tiles=1");
    QDict *r = qtest_qmp(c->qts, "{ 'execute': 'query-migrate' }"), *info;
    QListEntry *reason;
    bool named = false;

    info = qdict_get_qdict(r, "return");
    QLIST_FOREACH_ENTRY(qdict_get_qlist(info, "blocked-reasons"), reason) {
        const char *text = qstring_get_str(qobject_to(QString, qlist_entry_obj(reason)));

        named |= strstr(text, "dojo-dip") != NULL;
    }
    g_assert_true(named);
    qobject_unref(r);
    expect_error(qtest_qmp(c->qts, "{ 'execute': 'migrate', 'arguments': {"
                           "'uri': 'exec:cat >/dev/null' } }"), "dojo-dip");
    card_free(c);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/dojo/life/bad-properties", test_bad_properties);
    qtest_add_func("/dojo/life/read-back", test_properties_read_back);
    qtest_add_func("/dojo/life/two-cards", test_two_cards);
    qtest_add_func("/dojo/life/unplug-running", test_unplug_while_running);
    qtest_add_func("/dojo/life/unplug-hung", test_unplug_while_hung);
    qtest_add_func("/dojo/life/plug-again", test_plug_again);
    qtest_add_func("/dojo/life/migration", test_migration_refused);
    return g_test_run();
}
