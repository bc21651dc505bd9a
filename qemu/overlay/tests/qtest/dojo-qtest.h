/*
 * A small driver of the Dojo card for qtests
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What every test needs: a machine with a card, page tables, a tile that is
 * enabled, admin commands, queues and batches. All structures lie in the
 * machine's RAM; kernel virtual addresses (ASID 0) are bus addresses, one to
 * one, so that rings and fences need no thought.
 */
#ifndef DOJO_QTEST_H
#define DOJO_QTEST_H

#include "qemu/osdep.h"
#include "qemu/units.h"
#include "libqtest.h"
#include "libqos/pci.h"
#include "libqos/pci-pc.h"
#include "hw/pci/pci_regs.h"
#include "qapi/error.h"
#include "qemu/bswap.h"
#include "qobject/qdict.h"
#include "qobject/qjson.h"
#include "hw/misc/dojo/dojo_regs.h"
#include "hw/misc/dojo/dojo_packet.h"

#define RAM_BASE        (16 * MiB)      /* of what tests allocate */
#define KERNEL_SPAN     (64 * MiB)      /* mapped one to one in ASID 0 */
#define RING_SIZE       64
#define ADMIN_SIZE      16
#define EVENT_SIZE      64
#define TIMEOUT_US      (10 * 1000 * 1000)

#define RW              (DOJO_PTE_READ | DOJO_PTE_WRITE)

typedef struct Card {
    QTestState *qts;
    QPCIBus *bus;
    QPCIDevice *dev;
    QPCIBar regs, hbm;
    uint64_t next;              /* free RAM */
} Card;

typedef struct Tile {
    Card *card;
    unsigned int index;
    uint64_t regs;              /* offset in BAR 0 */
    uint64_t admin, admin_tail;
    uint64_t contexts;
    uint64_t kernel_root;       /* address of ASID 0's root table */
    uint64_t event[DOJO_NUM_EVENT_RINGS];
    uint64_t consumer[DOJO_NUM_EVENT_RINGS];
    uint32_t consumed[DOJO_NUM_EVENT_RINGS];
} Tile;

typedef struct Queue {
    Tile *tile;
    uint32_t id;
    uint64_t ring;
    uint32_t tail;
    uint64_t fence;             /* record */
    uint64_t seqno;
} Queue;

/* A batch being written */
typedef struct Batch {
    Card *card;
    uint64_t va;                /* also its address */
    uint32_t size;
} Batch;

/* ------------------------------------------------------------------ machine */

static inline Card *card_new(const char *options)
{
    Card *c = g_new0(Card, 1);

    c->qts = qtest_initf("-M q35 -m 128M -device dojo-dip,id=card,addr=4.0,"
                         "hbm=128M,sram=16M,%s", options);
    c->bus = qpci_new_pc(c->qts, NULL);
    c->dev = qpci_device_find(c->bus, QPCI_DEVFN(4, 0));
    g_assert_nonnull(c->dev);
    qpci_device_enable(c->dev);
    c->regs = qpci_iomap(c->dev, DOJO_BAR_REGS, NULL);
    c->hbm = qpci_iomap(c->dev, DOJO_BAR_HBM, NULL);
    c->next = RAM_BASE;
    return c;
}

static inline Card *card_behind_iommu(void)
{
    Card *c = g_new0(Card, 1);

    c->qts = qtest_init("-M q35 -m 128M -device intel-iommu,intremap=off "
                        "-device dojo-dip,id=card,addr=4.0,hbm=128M,sram=16M,tiles=2");
    c->bus = qpci_new_pc(c->qts, NULL);
    c->dev = qpci_device_find(c->bus, QPCI_DEVFN(4, 0));
    qpci_device_enable(c->dev);
    c->regs = qpci_iomap(c->dev, DOJO_BAR_REGS, NULL);
    c->hbm = qpci_iomap(c->dev, DOJO_BAR_HBM, NULL);
    c->next = RAM_BASE;
    return c;
}

#define PORT_DEVFN  QPCI_DEVFN(3, 0)
#define CARD_DEVFN  (1 << 8)        /* bus 1, device 0 */

/* A card behind a root port, so that it can be unplugged and plugged again */
static inline Card *card_behind_port(void)
{
    Card *c = g_new0(Card, 1);
    QPCIDevice *port;

    c->qts = qtest_init("-M q35 -m 128M -device pcie-root-port,id=rp,addr=3.0 "
                        "-global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off "
                        "-device dojo-dip,id=card,bus=rp,hbm=128M,sram=16M,tiles=2");
    c->bus = qpci_new_pc(c->qts, NULL);
    port = qpci_device_find(c->bus, PORT_DEVFN);
    qpci_config_writel(port, PCI_PRIMARY_BUS, 0x00010100);
    qpci_config_writel(port, PCI_MEMORY_BASE, 0xf7f0e000);
    qpci_config_writew(port, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    g_free(port);

    c->dev = g_new0(QPCIDevice, 1);
    c->dev->bus = c->bus;
    c->dev->devfn = CARD_DEVFN;
    qpci_device_enable(c->dev);
    c->regs = qpci_iomap(c->dev, DOJO_BAR_REGS, NULL);
    c->hbm = qpci_iomap(c->dev, DOJO_BAR_HBM, NULL);
    c->next = RAM_BASE;
    return c;
}

/* As the guest ends a hot unplug: it takes the slot's power away */
static inline void unplug(Card *c)
{
    QPCIDevice *port = qpci_device_find(c->bus, PORT_DEVFN);
    uint8_t cap = qpci_find_capability(port, PCI_CAP_ID_EXP, 0);
    uint16_t control = qpci_config_readw(port, cap + PCI_EXP_SLTCTL);

    control &= ~PCI_EXP_SLTCTL_PIC;
    qpci_config_writew(port, cap + PCI_EXP_SLTCTL,
                       control | PCI_EXP_SLTCTL_PCC | PCI_EXP_SLTCTL_PWR_IND_OFF);
    g_free(port);
}

static inline void card_free(Card *c)
{
    g_free(c->dev);
    qpci_free_pc(c->bus);
    qtest_quit(c->qts);
    g_free(c);
}

static inline uint64_t ram_alloc(Card *c, uint64_t size)
{
    uint64_t addr = c->next;

    c->next += ROUND_UP(size, 4096);
    g_assert_cmpuint(c->next, <=, KERNEL_SPAN);
    qtest_memset(c->qts, addr, 0, ROUND_UP(size, 4096));
    return addr;
}

static inline uint32_t card_readl(Card *c, uint64_t offset)
{
    return qpci_io_readl(c->dev, c->regs, offset);
}

static inline uint64_t card_readq(Card *c, uint64_t offset)
{
    return qpci_io_readq(c->dev, c->regs, offset);
}

static inline void card_writel(Card *c, uint64_t offset, uint32_t value)
{
    qpci_io_writel(c->dev, c->regs, offset, value);
}

static inline void card_writeq(Card *c, uint64_t offset, uint64_t value)
{
    qpci_io_writeq(c->dev, c->regs, offset, value);
}

/* Function-level reset; what it loses of the configuration is put back */
static inline void flr(Card *c)
{
    uint8_t cap = qpci_find_capability(c->dev, PCI_CAP_ID_EXP, 0);

    qpci_config_writew(c->dev, cap + PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_BCR_FLR);
    g_assert_cmphex(qpci_config_readl(c->dev, PCI_BASE_ADDRESS_0) & ~0xf, ==, 0);
    qpci_config_writel(c->dev, PCI_BASE_ADDRESS_0, c->regs.addr);
    qpci_config_writel(c->dev, PCI_BASE_ADDRESS_2, c->hbm.addr);
    qpci_device_enable(c->dev);
}

static inline void set_property(Card *c, const char *name, const char *json)
{
    QDict *r = qtest_qmp(c->qts, "{ 'execute': 'qom-set', 'arguments': {"
                         "'path': '/machine/peripheral/card', 'property': %s,"
                         "'value': %p } }", name, qobject_from_json(json, &error_abort));

    g_assert(qdict_haskey(r, "return"));
    qobject_unref(r);
}

/* Looks at @condition until it is true, some seconds at most */
#define wait_until(condition)                                   \
    do {                                                        \
        int64_t end_ = g_get_monotonic_time() + TIMEOUT_US;     \
        while (!(condition)) {                                  \
            g_assert_cmpint(g_get_monotonic_time(), <, end_);   \
            g_usleep(200);                                      \
        }                                                       \
    } while (0)

/* -------------------------------------------------------------- page tables */

static inline uint64_t table_entry(uint64_t address)
{
    return address | DOJO_PTE_VALID | DOJO_PTE_TARGET(DOJO_TARGET_SYSTEM);
}

static inline uint64_t leaf(uint64_t target, uint64_t address)
{
    return address | DOJO_PTE_VALID | DOJO_PTE_LEAF | RW | DOJO_PTE_TARGET(target);
}

/* Where the entry of @level (0, 1) for @va is, making tables on the way */
static inline uint64_t entry_of(Card *c, uint64_t root, uint64_t va, int level)
{
    uint64_t table = root;
    int l;

    for (l = DOJO_PT_LEVELS - 1; l > level; l--) {
        uint64_t at = table + ((va >> (12 + 9 * l)) & 511) * 8;
        uint64_t entry = qtest_readq(c->qts, at);

        if (!(entry & DOJO_PTE_VALID)) {
            entry = table_entry(ram_alloc(c, 4096));
            qtest_writeq(c->qts, at, entry);
        }
        table = entry & DOJO_PTE_ADDR_MASK;
    }
    return table + ((va >> (12 + 9 * level)) & 511) * 8;
}

static inline void map_page(Card *c, uint64_t root, uint64_t va, uint64_t pte)
{
    qtest_writeq(c->qts, entry_of(c, root, va, 0), pte);
}

static inline void map_huge(Card *c, uint64_t root, uint64_t va, uint64_t pte)
{
    qtest_writeq(c->qts, entry_of(c, root, va, 1), pte);
}

/* --------------------------------------------------------------------- tile */

static inline uint32_t tile_readl(Tile *t, uint64_t offset)
{
    return card_readl(t->card, t->regs + offset);
}

static inline uint64_t tile_readq(Tile *t, uint64_t offset)
{
    return card_readq(t->card, t->regs + offset);
}

static inline void tile_writel(Tile *t, uint64_t offset, uint32_t value)
{
    card_writel(t->card, t->regs + offset, value);
}

static inline void tile_writeq(Tile *t, uint64_t offset, uint64_t value)
{
    card_writeq(t->card, t->regs + offset, value);
}

static inline Tile *tile_at(Card *c, unsigned int index)
{
    Tile *t = g_new0(Tile, 1);

    t->card = c;
    t->index = index;
    t->regs = card_readl(c, DOJO_CARD_TILE_OFFSET) +
              (uint64_t)index * card_readl(c, DOJO_CARD_TILE_STRIDE);
    return t;
}

static inline void tile_write_setup(Tile *t)
{
    int i;

    tile_writeq(t, DOJO_TILE_ADMIN_BASE, t->admin);
    tile_writel(t, DOJO_TILE_ADMIN_SIZE, ADMIN_SIZE);
    for (i = 0; i < DOJO_NUM_EVENT_RINGS; i++) {
        uint64_t e = DOJO_TILE_EVENT(i);

        tile_writeq(t, e + DOJO_EVENT_BASE, t->event[i]);
        tile_writel(t, e + DOJO_EVENT_SIZE, EVENT_SIZE);
        tile_writel(t, e + DOJO_EVENT_VECTOR, t->index * 4 + i);
        tile_writeq(t, e + DOJO_EVENT_CONSUMER, t->consumer[i]);
    }
    tile_writeq(t, DOJO_TILE_CONTEXT_BASE, t->contexts);
    tile_writeq(t, DOJO_TILE_KERNEL_ROOT, table_entry(t->kernel_root));
}

/* Memory for a tile and its registers, but for CTRL */
static inline void tile_prepare(Tile *t)
{
    Card *c = t->card;
    uint64_t va;
    int i;

    t->kernel_root = ram_alloc(c, 4096);
    for (va = 0; va < KERNEL_SPAN; va += 2 * MiB) {
        map_huge(c, t->kernel_root, va, leaf(DOJO_TARGET_SYSTEM, va));
    }
    t->admin = ram_alloc(c, ADMIN_SIZE * sizeof(struct dojo_admin_command));
    t->contexts = ram_alloc(c, 1024 * DOJO_CONTEXT_SIZE);
    for (i = 0; i < DOJO_NUM_EVENT_RINGS; i++) {
        t->event[i] = ram_alloc(c, EVENT_SIZE * sizeof(struct dojo_event));
        t->consumer[i] = ram_alloc(c, 4);
    }
    tile_write_setup(t);
}

static inline Tile *tile_new(Card *c, unsigned int index)
{
    Tile *t = tile_at(c, index);

    tile_prepare(t);
    tile_writel(t, DOJO_TILE_CTRL, DOJO_CTRL_ENABLE);
    g_assert_cmphex(tile_readl(t, DOJO_TILE_STATUS), ==,
                    DOJO_STATUS_READY | DOJO_STATUS_ENABLED);
    return t;
}

static inline void tile_reset(Tile *t)
{
    tile_writel(t, DOJO_TILE_RESET, DOJO_RESET_KEY);
    wait_until(tile_readl(t, DOJO_TILE_STATUS) == DOJO_STATUS_READY);
}

/* Enables a tile again that has been reset, with the memory that it had */
static inline void tile_restart(Tile *t)
{
    int i;

    tile_write_setup(t);
    qtest_memset(t->card->qts, t->admin, 0,
                 ADMIN_SIZE * sizeof(struct dojo_admin_command));
    t->admin_tail = 0;
    for (i = 0; i < DOJO_NUM_EVENT_RINGS; i++) {
        qtest_memset(t->card->qts, t->event[i], 0,
                     EVENT_SIZE * sizeof(struct dojo_event));
        qtest_writel(t->card->qts, t->consumer[i], 0);
        t->consumed[i] = 0;
    }
    tile_writel(t, DOJO_TILE_CTRL, DOJO_CTRL_ENABLE);
    g_assert_cmphex(tile_readl(t, DOJO_TILE_STATUS), ==,
                    DOJO_STATUS_READY | DOJO_STATUS_ENABLED);
}

static inline uint64_t admin_entry(Tile *t, uint32_t index)
{
    return t->admin + (index % ADMIN_SIZE) * sizeof(struct dojo_admin_command);
}

static inline void admin_put(Tile *t, const struct dojo_admin_command *cmd)
{
    qtest_memwrite(t->card->qts, admin_entry(t, t->admin_tail), cmd, sizeof(*cmd));
    t->admin_tail++;
    tile_writel(t, DOJO_TILE_ADMIN_TAIL, t->admin_tail);
}

/* Waits for the command put last; its result */
static inline uint32_t admin_wait(Tile *t)
{
    uint64_t at = admin_entry(t, t->admin_tail - 1);
    QTestState *qts = t->card->qts;

    wait_until(qtest_readl(qts, at + offsetof(struct dojo_admin_command, done)) ==
               t->admin_tail);
    return qtest_readl(qts, at + offsetof(struct dojo_admin_command, result));
}

static inline uint32_t admin(Tile *t, uint16_t opcode, uint32_t id, uint64_t arg0,
                             uint64_t arg1)
{
    struct dojo_admin_command cmd = {
        .opcode = cpu_to_le16(opcode),
        .id = cpu_to_le32(id),
        .arg = { cpu_to_le64(arg0), cpu_to_le64(arg1) },
    };

    admin_put(t, &cmd);
    return admin_wait(t);
}

#define admin_ok(...) g_assert_cmpuint(admin(__VA_ARGS__), ==, DOJO_ADMIN_OK)

/* An address space of its own; returns the root table's address */
static inline uint64_t asid_new(Tile *t, uint32_t asid)
{
    uint64_t root = ram_alloc(t->card, 4096);

    admin_ok(t, DOJO_ADMIN_ASID_SET, asid, table_entry(root), 0);
    return root;
}

/* ------------------------------------------------------------------- queues */

static inline void context_write(Tile *t, uint32_t id,
                                 const struct dojo_queue_context *ctx)
{
    qtest_memwrite(t->card->qts, t->contexts + id * DOJO_CONTEXT_SIZE, ctx, sizeof(*ctx));
}

static inline struct dojo_queue_context context_read(Tile *t, uint32_t id)
{
    struct dojo_queue_context ctx;

    qtest_memread(t->card->qts, t->contexts + id * DOJO_CONTEXT_SIZE, &ctx, sizeof(ctx));
    return ctx;
}

static inline struct dojo_queue_context context_save(Queue *q)
{
    admin_ok(q->tile, DOJO_ADMIN_QUEUE_SAVE, q->id, 0, 0);
    return context_read(q->tile, q->id);
}

static inline struct dojo_queue_context context_default(uint64_t ring, uint32_t asid,
                                                        enum dojo_hw_class class)
{
    struct dojo_queue_context ctx = {
        .ring_va = cpu_to_le64(ring),
        .ring_size = cpu_to_le32(RING_SIZE),
        .asid = cpu_to_le32(asid),
        .queue_class = class,
        .priority = DOJO_HW_PRIORITY_NORMAL,
    };

    if (class == DOJO_HW_CLASS_COMPUTE) {
        ctx.rect_w = ctx.rect_h = 5;
    }
    return ctx;
}

static inline Queue *queue_start(Tile *t, uint32_t id, struct dojo_queue_context *ctx)
{
    Queue *q = g_new0(Queue, 1);

    q->tile = t;
    q->id = id;
    q->ring = le64_to_cpu(ctx->ring_va);
    q->tail = le32_to_cpu(ctx->start_index);
    q->fence = ram_alloc(t->card, 64);
    context_write(t, id, ctx);
    admin_ok(t, DOJO_ADMIN_QUEUE_START, id, 0, 0);
    return q;
}

static inline Queue *queue_new(Tile *t, uint32_t id, uint32_t asid,
                               enum dojo_hw_class class)
{
    uint64_t ring = ram_alloc(t->card, RING_SIZE * sizeof(struct dojo_ring_descriptor));
    struct dojo_queue_context ctx = context_default(ring, asid, class);

    return queue_start(t, id, &ctx);
}

static inline void doorbell(Tile *t, uint32_t queue, uint32_t tail)
{
    tile_writel(t, DOJO_TILE_DOORBELL + (uint64_t)queue * DOJO_DOORBELL_STRIDE, tail);
}

static inline void put_descriptor(Queue *q, const struct dojo_ring_descriptor *d)
{
    qtest_memwrite(q->tile->card->qts, q->ring + (q->tail++ % RING_SIZE) * sizeof(*d), d,
                   sizeof(*d));
}

static inline void put_batch(Queue *q, uint64_t va, uint32_t size)
{
    put_descriptor(q, &(struct dojo_ring_descriptor) {
        .type = DOJO_DESC_BATCH, .size = cpu_to_le32(size), .va = cpu_to_le64(va),
        .cookie = cpu_to_le64(0xc00c1e),
    });
}

static inline void put_fence(Queue *q, bool event)
{
    put_descriptor(q, &(struct dojo_ring_descriptor) {
        .type = DOJO_DESC_FENCE, .flags = event ? DOJO_DESC_FLAG_EVENT : 0,
        .va = cpu_to_le64(q->fence), .value = cpu_to_le64(++q->seqno),
    });
}

static inline void queue_kick(Queue *q)
{
    doorbell(q->tile, q->id, q->tail);
}

static inline uint64_t queue_seqno(Queue *q)
{
    return qtest_readq(q->tile->card->qts,
                       q->fence + offsetof(struct dojo_fence_record, seqno));
}

static inline void queue_wait(Queue *q)
{
    wait_until(queue_seqno(q) == q->seqno);
}

static inline void queue_run(Queue *q, const Batch *b)
{
    put_batch(q, b->va, b->size);
    put_fence(q, true);
    queue_kick(q);
}

static inline void expect_works(Queue *q, const Batch *b)
{
    queue_run(q, b);
    queue_wait(q);
}

static inline uint32_t state_of(Queue *q)
{
    return le32_to_cpu(context_save(q).state);
}

static inline Batch batch_new(Card *c)
{
    return (Batch) { .card = c, .va = ram_alloc(c, 16 * KiB) };
}

static inline void batch_add(Batch *b, const void *packet, uint32_t size)
{
    qtest_memwrite(b->card->qts, b->va + b->size, packet, size);
    b->size += size;
}

#define HEADER(op, type)                                                    \
    { .opcode = cpu_to_le16(op), .words = cpu_to_le16(sizeof(type) / 8) }

static inline void batch_nop(Batch *b)
{
    struct dojo_packet_header h = HEADER(DOJO_OP_NOP, h);

    batch_add(b, &h, sizeof(h));
}

static inline void batch_copy(Batch *b, uint64_t src, uint64_t dst, uint64_t size)
{
    struct dojo_packet_copy p = {
        .header = HEADER(DOJO_OP_COPY, p), .src = cpu_to_le64(src),
        .dst = cpu_to_le64(dst), .size = cpu_to_le64(size),
    };

    batch_add(b, &p, sizeof(p));
}

static inline void batch_fill(Batch *b, uint64_t dst, uint64_t size, uint32_t pattern)
{
    struct dojo_packet_fill p = {
        .header = HEADER(DOJO_OP_FILL, p), .dst = cpu_to_le64(dst),
        .size = cpu_to_le64(size), .pattern = cpu_to_le32(pattern),
    };

    batch_add(b, &p, sizeof(p));
}

static inline void batch_sem_wait(Batch *b, uint64_t va, uint64_t value,
                                  enum dojo_sem_condition condition)
{
    struct dojo_packet_sem_wait p = {
        .header = HEADER(DOJO_OP_SEM_WAIT, p), .va = cpu_to_le64(va),
        .value = cpu_to_le64(value), .condition = cpu_to_le32(condition),
    };

    batch_add(b, &p, sizeof(p));
}

static inline void batch_sem_signal(Batch *b, uint64_t va, uint64_t value,
                                    enum dojo_sem_operation operation)
{
    struct dojo_packet_sem_signal p = {
        .header = HEADER(DOJO_OP_SEM_SIGNAL, p), .va = cpu_to_le64(va),
        .value = cpu_to_le64(value), .operation = cpu_to_le32(operation),
    };

    batch_add(b, &p, sizeof(p));
}

/* ------------------------------------------------------------------- events */

static inline struct dojo_event event_peek(Tile *t, int ring)
{
    struct dojo_event e;

    qtest_memread(t->card->qts, t->event[ring] +
                  t->consumed[ring] % EVENT_SIZE * sizeof(e), &e, sizeof(e));
    return e;
}

static inline bool event_there(Tile *t, int ring)
{
    return le32_to_cpu(event_peek(t, ring).seq) == t->consumed[ring] + 1;
}

/* The next event of a ring, which must come */
static inline struct dojo_event event_take(Tile *t, int ring)
{
    struct dojo_event e;

    wait_until(event_there(t, ring));
    e = event_peek(t, ring);
    t->consumed[ring]++;
    qtest_writel(t->card->qts, t->consumer[ring], t->consumed[ring]);
    return e;
}

/* Runs @b to a fault and returns the context it leaves */
static inline struct dojo_queue_context run_to_fault(Queue *q)
{
    struct dojo_event e;

    queue_kick(q);
    e = event_take(q->tile, DOJO_EVENT_RING_CONTROL);
    g_assert_cmpuint(le16_to_cpu(e.type), ==, DOJO_EVENT_FAULT);
    g_assert_cmpuint(le32_to_cpu(e.id), ==, q->id);
    return context_read(q->tile, q->id);
}

static inline void expect_fault(Queue *q, uint32_t reason, uint32_t access, uint64_t va)
{
    struct dojo_queue_context ctx = run_to_fault(q);

    g_assert_cmpuint(le32_to_cpu(ctx.state), ==, DOJO_HW_FAULTED);
    g_assert_cmpuint(le32_to_cpu(ctx.fault), ==, reason);
    g_assert_cmpuint(le32_to_cpu(ctx.fault_access), ==, access);
    g_assert_cmphex(le64_to_cpu(ctx.fault_va), ==, va);
}

static inline void queue_end(Queue *q)
{
    admin_ok(q->tile, DOJO_ADMIN_QUEUE_RESET, q->id, 0, 0);
    g_free(q);
}

/* --------------------------------------------------------- a bench for queues */

#define USER_ASID   1

/* A card of two tiles, tile 0 enabled, an address space and two queues in it */
typedef struct Bench {
    Card *card;
    Tile *tile;
    uint64_t root;
    Queue *dma, *compute;
} Bench;

static inline Bench bench_new(void)
{
    Bench b = { .card = card_new("tiles=2") };

    b.tile = tile_new(b.card, 0);
    b.root = asid_new(b.tile, USER_ASID);
    b.dma = queue_new(b.tile, 2, USER_ASID, DOJO_HW_CLASS_DMA);
    b.compute = queue_new(b.tile, 3, USER_ASID, DOJO_HW_CLASS_COMPUTE);
    return b;
}

static inline void bench_free(Bench *b)
{
    g_free(b->dma);
    g_free(b->compute);
    g_free(b->tile);
    card_free(b->card);
}

/* A batch that the user's address space sees at its own address */
static inline Batch user_batch(Bench *b)
{
    Batch batch = batch_new(b->card);
    int i;

    for (i = 0; i < 4; i++) {
        map_page(b->card, b->root, batch.va + i * 4096,
                 leaf(DOJO_TARGET_SYSTEM, batch.va + i * 4096));
    }
    return batch;
}

/* Addresses in the user's space that nothing is mapped at yet */
#define HBM_VA      0x10000000000ull
#define SRAM_VA     0x20000000000ull
#define SRC_VA      0x30000000000ull
#define DST_VA      0x40000000000ull
#define BAD_VA      0x50000000000ull

static inline Batch nop_batch(Bench *b)
{
    Batch nop = user_batch(b);

    batch_nop(&nop);
    return nop;
}

/* Brings a new queue 20 into @state */
static inline Queue *queue_in_state(Bench *b, uint32_t state, uint64_t sem_va)
{
    Queue *q = queue_new(b->tile, 20, USER_ASID, DOJO_HW_CLASS_DMA);
    Batch batch = user_batch(b);

    switch (state) {
    case DOJO_HW_IDLE:
        return q;
    case DOJO_HW_WAITING:
        batch_sem_wait(&batch, sem_va, 1, DOJO_SEM_EQUAL);
        break;
    case DOJO_HW_FAULTED:
        batch_copy(&batch, BAD_VA, BAD_VA, 8);
        break;
    case DOJO_HW_SUSPENDED:
        admin_ok(b->tile, DOJO_ADMIN_QUEUE_SUSPEND, 20, 0, 0);
        return q;
    default:    /* RUNNING: its engine hangs */
        set_property(b->card, "inject-hang", "\"tile=0,queue=20,level=queue\"");
        batch_nop(&batch);
        break;
    }
    put_batch(q, batch.va, batch.size);
    queue_kick(q);
    wait_until(state_of(q) == state);
    return q;
}

#endif
