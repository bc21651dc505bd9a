/*
 * QTest of the Dojo card: a malicious guest
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Random registers, rings, contexts, page tables and packets, most of them
 * almost right; resets, FLR, lost bus mastering, hangs, a dead link and unplug
 * in the middle. Nothing is expected of the card but that it lives: QEMU
 * answers every access in bounded time, and after a reset the card works.
 *
 * Rounds are numbered, and each is a function of its number alone. By default a
 * fixed count of them runs, as long as time allows. In the environment:
 *   DOJO_FUZZ_SECONDS   run for so long, from where the default ends
 *   DOJO_FUZZ_ROUND     run this round only
 */
#include "dojo-qtest.h"

#define ROUNDS          40
#define SECONDS         5           /* of each test, by default */
#define STEPS           120         /* a round */
#define TILES           2
#define ROOTS           3           /* address spaces 1, 2, 3 of each tile */
#define MAPPED          60          /* pages of each, to begin with */
#define PAGES           64          /* and everything else */
#define FUZZ_QUEUES     12
#define ANSWER_US       (5 * 1000 * 1000)

typedef struct Fuzz {
    Card *c;
    Tile *t[TILES];
    uint64_t tables, pages;         /* addresses */
    uint32_t num_tables;            /* the roots first */
    uint64_t rng;
    uint32_t tail[TILES][FUZZ_QUEUES];
} Fuzz;

/* splitmix64 */
static uint64_t random64(Fuzz *f)
{
    uint64_t z = f->rng += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static uint32_t below(Fuzz *f, uint32_t n)
{
    return random64(f) % n;
}

static bool one_in(Fuzz *f, uint32_t n)
{
    return !below(f, n);
}

/* Numbers at which things break */
static uint64_t odd_number(Fuzz *f)
{
    switch (below(f, 5)) {
    case 0:
        return below(f, 20);
    case 1:
        return 1ull << below(f, 64);
    case 2:
        return (1ull << below(f, 64)) - 1;
    case 3:
        return -(uint64_t)below(f, 1 << 13);
    default:
        return random64(f);
    }
}

/* A bus address: memory of ours as a rule, else what a card has no business with */
static uint64_t bus_address(Fuzz *f)
{
    const uint64_t bad[] = {
        f->c->regs.addr, f->c->regs.addr + DOJO_CARD_RESET, f->c->hbm.addr,
        f->c->regs.addr + 8 * MiB + DOJO_TILE_DOORBELL,
        0xfee00000, 0xfec00000, 0xfed00000, 0xfffff000, 0xa0000, 0xf0000,
        128 * MiB - 4096, 128 * MiB - 8, 128 * MiB, 0xfffffffff000, ~0xfffull, 0,
    };

    if (one_in(f, 8)) {
        return one_in(f, 4) ? odd_number(f) : bad[below(f, ARRAY_SIZE(bad))];
    }
    return f->pages + below(f, PAGES) * 4096;
}

/* A page of few, since tables are few. Those below 1 << 39 are in 2 MiB pages. */
static uint64_t virtual_page(Fuzz *f)
{
    return (uint64_t)below(f, 2) << 39 | (uint64_t)(1 + below(f, 2)) << 30 |
           (uint64_t)below(f, 3) << 21 | (uint64_t)below(f, 16) << 12;
}

static uint64_t virtual_address(Fuzz *f)
{
    uint64_t va = virtual_page(f);

    switch (below(f, 16)) {
    case 0:
        return odd_number(f);
    case 1:
        return va + below(f, 4096);
    case 2:
        return 0xffffffe00000 | (va & 0x1fffff);    /* the last 2 MiB there are */
    case 3:
        return f->pages + below(f, PAGES) * 4096;   /* as the kernel's ASID has it */
    default:
        return va + below(f, 64) * 64;
    }
}

/* Pages 0, 4... hold batches, 1, 5... rings, 2, 6... segments, 3, 7... noise */
static uint64_t page_of_kind(Fuzz *f, int kind)
{
    return f->pages + (below(f, PAGES / 4) * 4 + kind) * 4096;
}

static uint64_t random_entry(Fuzz *f, int level)
{
    uint64_t target = below(f, 4), address;

    if (one_in(f, 16)) {
        return random64(f);
    }
    if (one_in(f, 10)) {
        return 0;
    }
    if (level && (level > 1 || one_in(f, 2))) {
        /* any table, itself and those above it too: loops */
        address = one_in(f, 12) ? bus_address(f) & DOJO_PTE_ADDR_MASK :
                                  f->tables + below(f, f->num_tables) * 4096;
        if (one_in(f, 6)) {
            return DOJO_PTE_VALID | (below(f, 64) * 4096);      /* in HBM */
        }
        return table_entry(address);
    }
    address = target == DOJO_TARGET_SYSTEM ? bus_address(f) & DOJO_PTE_ADDR_MASK :
              one_in(f, 8) ? odd_number(f) & DOJO_PTE_ADDR_MASK :
              (uint64_t)below(f, 4096) * 4096;
    if (level) {
        address &= one_in(f, 16) ? ~0ull : ~(uint64_t)(2 * MiB - 1);
    }
    address |= DOJO_PTE_VALID | DOJO_PTE_LEAF | DOJO_PTE_TARGET(target) |
               (one_in(f, 8) ? (uint64_t)below(f, 4) << 2 : RW);
    if (target == DOJO_TARGET_PEER) {
        address |= (uint64_t)below(f, 3) << DOJO_PTE_PEER_SHIFT |
                   (one_in(f, 2) ? DOJO_PTE_PEER_SRAM : 0);
    } else if (one_in(f, 16)) {
        address = (address & ~DOJO_PTE_ADDR_MASK & ~DOJO_PTE_TARGET_MASK) | DOJO_PTE_NULL;
    }
    return address;
}

/* ----------------------------------------------------------- packets and rings */

static void random_tensor(Fuzz *f, struct dojo_tensor *t)
{
    uint64_t step = 1;
    int i;

    t->va = cpu_to_le64(virtual_address(f) & ~(one_in(f, 8) ? 0ull : 15ull));
    for (i = 0; i < 4; i++) {
        uint32_t dim = one_in(f, 12) ? odd_number(f) : 1 + below(f, i ? 4 : 200);

        t->dim[i] = cpu_to_le32(dim);
        t->stride[i] = cpu_to_le64(one_in(f, 10) ? odd_number(f) :
                                   one_in(f, 10) ? 0 : step);
        step *= dim ?: 1;
    }
    t->format = below(f, one_in(f, 8) ? 256 : DOJO_FORMAT_COUNT);
    t->bias = one_in(f, 4) ? below(f, 70) : 0;
}

/* One that fits, but for where its tensors lie: { 16, 4, 2, 1 } of FP32 each */
static uint32_t plain_compute(Fuzz *f, uint64_t *words, uint16_t *opcode)
{
    static const struct { uint8_t opcode, fn, tensors; } plain[] = {
        { DOJO_OP_UNARY, DOJO_UNARY_RELU, 2 }, { DOJO_OP_UNARY, DOJO_UNARY_TANH, 2 },
        { DOJO_OP_BINARY, 1, 3 }, { DOJO_OP_SOFTMAX, 0, 2 }, { DOJO_OP_CONVERT, 0, 2 },
    };
    static const uint32_t dims[4] = { 16, 4, 2, 1 }, strides[4] = { 1, 16, 64, 128 };
    struct dojo_packet_compute *p = (void *)words;
    int i = below(f, ARRAY_SIZE(plain)), n, d;

    *opcode = plain[i].opcode;
    p->fn = plain[i].fn;
    p->tensors = plain[i].tensors;
    p->f[0] = cpu_to_le32(*opcode == DOJO_OP_SOFTMAX ? 0x3f800000 : 0);
    for (n = 0; n < p->tensors; n++) {
        struct dojo_tensor *t = &p->tensor[n];

        t->va = cpu_to_le64(virtual_address(f) & ~3ull);
        t->format = DOJO_FORMAT_FP32;
        for (d = 0; d < 4; d++) {
            t->dim[d] = cpu_to_le32(dims[d]);
            t->stride[d] = cpu_to_le64(one_in(f, 40) ? odd_number(f) : strides[d]);
        }
    }
    return sizeof(*p) + p->tensors * sizeof(p->tensor[0]);
}

static uint32_t random_compute(Fuzz *f, uint64_t *words, uint16_t *opcode)
{
    struct dojo_packet_compute *p = (void *)words;
    uint32_t i;

    if (one_in(f, 2)) {
        return plain_compute(f, words, opcode);
    }
    p->tensors = 1 + below(f, DOJO_TENSOR_MAX);
    p->fn = below(f, 24);
    p->round = below(f, 2);
    p->op_flags = cpu_to_le32(below(f, 16));
    for (i = 0; i < 5; i++) {
        p->f[i] = one_in(f, 3) ? cpu_to_le32(0x3f800000) : 0;
    }
    for (i = 0; i < 3; i++) {
        p->u[i] = one_in(f, 3) ? cpu_to_le32(odd_number(f)) : 0;
    }
    for (i = 0; i < p->tensors; i++) {
        random_tensor(f, &p->tensor[i]);
    }
    return sizeof(*p) + p->tensors * sizeof(p->tensor[0]);
}

/* One packet at @words; its size */
static uint32_t random_packet(Fuzz *f, uint64_t *words)
{
    static const uint8_t opcodes[] = {
        DOJO_OP_NOP, DOJO_OP_BARRIER, DOJO_OP_TIMESTAMP, DOJO_OP_SEM_WAIT,
        DOJO_OP_SEM_SIGNAL, DOJO_OP_COPY, DOJO_OP_COPY_ND, DOJO_OP_FILL,
        DOJO_OP_COPY_SEGMENTS, DOJO_OP_FILL_SEGMENTS,
    };
    struct dojo_packet_header *h = (void *)words;
    uint64_t sizes[] = { 1 + below(f, 4096), 1 << below(f, 26), odd_number(f) };
    uint16_t opcode = opcodes[below(f, ARRAY_SIZE(opcodes))];
    uint32_t size = 8, i;

    memset(words, 0, DOJO_PACKET_MAX);
    if (one_in(f, 3)) {
        opcode = DOJO_OP_GEMM + below(f, DOJO_OP_MULTICAST + 2 - DOJO_OP_GEMM);
    }
    switch (opcode) {
    case DOJO_OP_NOP:
    case DOJO_OP_BARRIER:
        break;
    case DOJO_OP_TIMESTAMP:
        words[1] = cpu_to_le64(virtual_address(f));
        size = sizeof(struct dojo_packet_timestamp);
        break;
    case DOJO_OP_SEM_WAIT:
    case DOJO_OP_SEM_SIGNAL:
        words[1] = cpu_to_le64(virtual_address(f) & ~7ull);
        words[2] = cpu_to_le64(odd_number(f));
        words[3] = cpu_to_le64(below(f, 5));
        size = sizeof(struct dojo_packet_sem_wait);
        break;
    case DOJO_OP_COPY:
        words[1] = cpu_to_le64(virtual_address(f));
        words[2] = cpu_to_le64(virtual_address(f));
        words[3] = cpu_to_le64(sizes[below(f, 3)]);
        size = sizeof(struct dojo_packet_copy);
        break;
    case DOJO_OP_FILL:
        words[1] = cpu_to_le64(virtual_address(f) & ~3ull);
        words[2] = cpu_to_le64(sizes[below(f, 3)] & ~3ull);
        words[3] = one_in(f, 2) ? 0 : below(f, UINT32_MAX);
        size = sizeof(struct dojo_packet_fill);
        break;
    case DOJO_OP_COPY_ND: {
        struct dojo_packet_copy_nd *p = (void *)words;

        p->src = cpu_to_le64(virtual_address(f));
        p->dst = cpu_to_le64(virtual_address(f));
        for (i = 0; i < 3; i++) {
            uint64_t stride = one_in(f, 4) ? odd_number(f) : below(f, 8192);

            p->src_stride[i] = cpu_to_le64(stride);
            p->dst_stride[i] = cpu_to_le64(one_in(f, 4) ? below(f, 8192) : stride);
        }
        for (i = 0; i < 4; i++) {
            p->size[i] = cpu_to_le32(one_in(f, 10) ? odd_number(f) : 1 + below(f, 100));
        }
        size = sizeof(*p);
        break;
    }
    case DOJO_OP_COPY_SEGMENTS:
    case DOJO_OP_FILL_SEGMENTS: {
        struct dojo_packet_segments *p = (void *)words;
        bool copy = opcode == DOJO_OP_COPY_SEGMENTS;

        p->src = copy ? cpu_to_le64(page_of_kind(f, 2)) : 0;
        p->dst = cpu_to_le64(page_of_kind(f, 2));
        p->src_count = cpu_to_le32(copy ? 1 + below(f, 4) : 0);
        p->dst_count = cpu_to_le32(one_in(f, 8) ? odd_number(f) : 1 + below(f, 4));
        size = sizeof(*p);
        break;
    }
    default:
        size = random_compute(f, words, &opcode);
        break;
    }
    h->opcode = cpu_to_le16(opcode);
    h->words = cpu_to_le16(one_in(f, 32) ? below(f, 65536) : size / 8);
    h->flags = cpu_to_le32(one_in(f, 32) ? odd_number(f) : below(f, 2));
    if (one_in(f, 24)) {
        words[below(f, size / 8)] ^= cpu_to_le64(1ull << below(f, 64));
    }
    return size;
}

/* Fills a page with packets, descriptors, contexts, segments or admin commands */
static void random_page(Fuzz *f)
{
    uint32_t number = below(f, PAGES), at, i;
    uint64_t page = f->pages + number * 4096;
    uint64_t words[512 + DOJO_PACKET_MAX / 8] = { };

    switch (number % 4) {
    case 0:     /* a batch */
        for (at = 0; at < 2048; ) {
            at += random_packet(f, &words[at / 8]);
        }
        break;
    case 1: {   /* a ring */
        struct dojo_ring_descriptor *d = (void *)words;

        for (i = 0; i < 64; i++) {
            bool fence = one_in(f, 4);

            d[i].type = one_in(f, 20) ? below(f, 256) :
                        fence ? DOJO_DESC_FENCE : DOJO_DESC_BATCH;
            d[i].flags = fence ? below(f, 2) : 0;
            d[i].size = fence ? 0 : cpu_to_le32(one_in(f, 20) ? odd_number(f) :
                                                8 * (1 + below(f, 512)));
            d[i].va = cpu_to_le64(page_of_kind(f, fence ? 3 : 0));
            if (one_in(f, 8)) {
                d[i].va = cpu_to_le64(virtual_address(f));
            }
            d[i].value = fence ? cpu_to_le64(odd_number(f)) : 0;
        }
        break;
    }
    case 2:     /* segments */
        for (i = 0; i < 512; i += 2) {
            words[i] = cpu_to_le64(random_entry(f, 0));
            words[i + 1] = cpu_to_le64(one_in(f, 8) ? odd_number(f) :
                                       4096ull * (1 + below(f, 64)));
        }
        break;
    default:    /* noise */
        for (i = 0; i < 512; i++) {
            words[i] = cpu_to_le64(one_in(f, 2) ? odd_number(f) : virtual_address(f));
        }
        break;
    }
    qtest_memwrite(f->c->qts, page, words, 4096);
}

static void random_table(Fuzz *f)
{
    uint64_t table = f->tables + below(f, f->num_tables) * 4096;
    uint64_t entries[16];
    int level = below(f, 4), i;

    for (i = 0; i < ARRAY_SIZE(entries); i++) {
        entries[i] = cpu_to_le64(random_entry(f, level));
    }
    if (one_in(f, 6)) {
        table = f->c->hbm.addr + below(f, 64) * 4096;
    }
    qtest_memwrite(f->c->qts, table, entries, sizeof(entries));
    qtest_memwrite(f->c->qts, table + 4096 - 8, entries, 8);
}

/* ---------------------------------------------------------------- what it does */

static void random_context(Fuzz *f, Tile *t, uint32_t id)
{
    struct dojo_queue_context ctx = context_default(page_of_kind(f, 1),
                                                    1 + below(f, ROOTS), below(f, 2));
    uint8_t *bytes = (uint8_t *)&ctx;

    if (ctx.queue_class == DOJO_HW_CLASS_COMPUTE) {
        ctx.rect_x = below(f, 5);
        ctx.rect_y = below(f, 5);
        ctx.rect_w = 1 + below(f, 5 - ctx.rect_x);
        ctx.rect_h = 1 + below(f, 5 - ctx.rect_y);
    }
    ctx.priority = below(f, 5);
    ctx.start_index = cpu_to_le32(one_in(f, 4) ? odd_number(f) : 0);
    if (one_in(f, 3)) {
        ctx.flags = cpu_to_le32(DOJO_CTX_PRIVILEGED);
        ctx.asid = 0;
    }
    if (one_in(f, 6)) {
        ctx.ring_va = cpu_to_le64(virtual_address(f) & ~63ull);
    }
    if (one_in(f, 8)) {
        bytes[below(f, offsetof(struct dojo_queue_context, state))] ^= 1 << below(f, 8);
    }
    f->tail[t->index][id] = le32_to_cpu(ctx.start_index);
    context_write(t, id, &ctx);
}

/* Not waited for: the ring may be dead, or full */
static void random_admin(Fuzz *f, Tile *t)
{
    uint32_t id = below(f, FUZZ_QUEUES);
    struct dojo_admin_command cmd = {
        .opcode = cpu_to_le16(one_in(f, 3) ? DOJO_ADMIN_QUEUE_START :
                              below(f, DOJO_ADMIN_QUEUE_PRIORITY + 2)),
        .flags = cpu_to_le16(below(f, 2)),
        .id = cpu_to_le32(id),
    };

    switch (le16_to_cpu(cmd.opcode)) {
    case DOJO_ADMIN_QUEUE_START:
        random_context(f, t, id);
        break;
    case DOJO_ADMIN_ASID_SET:
        cmd.arg[0] = cpu_to_le64(table_entry(f->tables + below(f, ROOTS) * 4096));
        /* fall through */
    case DOJO_ADMIN_ASID_CLEAR:
        cmd.id = cpu_to_le32(1 + below(f, 3));
        break;
    case DOJO_ADMIN_INVALIDATE:
        cmd.id = cpu_to_le32(below(f, 4));
        if (one_in(f, 2)) {
            cmd.arg[0] = cpu_to_le64(virtual_address(f) & ~0xfffull);
            cmd.arg[1] = cpu_to_le64(4096ull << below(f, 30));
        }
        break;
    case DOJO_ADMIN_QUEUE_PRIORITY:
        cmd.arg[0] = cpu_to_le64(below(f, 5));
        break;
    }
    if (one_in(f, 12)) {
        ((uint8_t *)&cmd)[below(f, sizeof(cmd))] ^= 1 << below(f, 8);
    }
    admin_put(t, &cmd);
    if (one_in(f, 16)) {
        tile_writel(t, DOJO_TILE_ADMIN_TAIL, odd_number(f));
    }
    t->admin_tail = tile_readl(t, DOJO_TILE_ADMIN_TAIL);
}

static void random_doorbells(Fuzz *f, Tile *t)
{
    uint32_t n = one_in(f, 8) ? 200 : 1;    /* a storm */

    while (n--) {
        uint32_t id = below(f, FUZZ_QUEUES);
        uint32_t tail = f->tail[t->index][id] += below(f, 8);

        doorbell(t, id, one_in(f, 32) ? odd_number(f) : tail);
    }
}

static void random_mmio(Fuzz *f)
{
    Card *c = f->c;
    uint64_t base = c->regs.addr;
    uint32_t n = 1 + below(f, 16);

    while (n--) {
        uint64_t offset = one_in(f, 3) ? below(f, 32 * MiB) : below(f, 0x200);
        uint64_t value = one_in(f, 40) ? DOJO_RESET_KEY : odd_number(f);

        if (one_in(f, 2)) {
            offset += 8 * MiB * below(f, TILES + 2);
        }
        if (!one_in(f, 6)) {
            offset &= ~7ull;
        }
        offset = MIN(offset, 32 * MiB - 8);
        switch (below(f, 8)) {
        case 0:
            qtest_writeb(c->qts, base + offset, value);
            break;
        case 1:
            qtest_writew(c->qts, base + offset, value);
            break;
        case 2:
        case 3:
            qtest_writel(c->qts, base + offset, value);
            break;
        case 4:
            qtest_writeq(c->qts, base + offset, value);
            break;
        case 5:
            qtest_readb(c->qts, base + offset);
            break;
        case 6:
            qtest_readl(c->qts, base + offset);
            break;
        default:
            qtest_readq(c->qts, base + offset);
            break;
        }
    }
}

/* MSI-X vectors that write to memory, to the card's own doorbells, to nowhere */
static void random_msix(Fuzz *f)
{
    Card *c = f->c;
    uint64_t entry = c->dev->msix_table_off + below(f, TILES * 4) * PCI_MSIX_ENTRY_SIZE;
    uint64_t address = bus_address(f) & ~3ull;

    if (!c->dev->msix_enabled) {
        qpci_msix_enable(c->dev);
    }
    qpci_io_writel(c->dev, c->dev->msix_table_bar, entry, address);
    qpci_io_writel(c->dev, c->dev->msix_table_bar, entry + 4, address >> 32);
    qpci_io_writel(c->dev, c->dev->msix_table_bar, entry + 8, below(f, 4));
    qpci_io_writel(c->dev, c->dev->msix_table_bar, entry + 12, one_in(f, 4));
}

/* Enables a tile; what it had before is lost by a reset now and then */
static void set_up(Fuzz *f, Tile *t)
{
    int i;

    tile_write_setup(t);
    for (i = 0; i < DOJO_NUM_EVENT_RINGS; i++) {
        uint64_t e = DOJO_TILE_EVENT(i);

        tile_writel(t, e + DOJO_EVENT_MODERATION, one_in(f, 2) ? 0 : odd_number(f));
        if (one_in(f, 16)) {
            tile_writeq(t, e + DOJO_EVENT_BASE, bus_address(f) & ~63ull);
        }
        if (one_in(f, 16)) {
            tile_writeq(t, e + DOJO_EVENT_CONSUMER, bus_address(f) & ~3ull);
        }
        if (one_in(f, 8)) {
            tile_writel(t, e + DOJO_EVENT_SIZE, 1 << below(f, 18));
        }
    }
    if (one_in(f, 16)) {
        tile_writeq(t, DOJO_TILE_ADMIN_BASE, bus_address(f) & ~63ull);
    }
    if (one_in(f, 12)) {
        tile_writeq(t, DOJO_TILE_CONTEXT_BASE, virtual_address(f) & ~0xfffull);
    }
    if (one_in(f, 12)) {
        tile_writeq(t, DOJO_TILE_KERNEL_ROOT,
                    table_entry(f->tables + below(f, f->num_tables) * 4096));
    }
    tile_writel(t, DOJO_TILE_PEER_GRANT, below(f, 4));
    tile_writel(t, DOJO_TILE_CTRL, DOJO_CTRL_ENABLE);
    t->admin_tail = tile_readl(t, DOJO_TILE_ADMIN_TAIL);
}

static void inject(Fuzz *f)
{
    static const char *const hangs[] = {
        "\"tile=0,class=dma,level=queue\"", "\"tile=0,class=compute,level=tile\"",
        "\"tile=1,queue=3,level=card\"", "\"tile=1,class=dma,level=flr\"",
        "\"tile=0,queue=1,level=queue\"", "\"\"",
    };
    static const char *const ecc[] = {
        "\"tile=0,memory=hbm,offset=4096,kind=uncorrected\"",
        "\"tile=1,memory=sram,offset=64,kind=corrected\"", "\"\"",
    };

    switch (below(f, 6)) {
    case 0:
        set_property(f->c, "inject-hang", hangs[below(f, ARRAY_SIZE(hangs))]);
        break;
    case 1:
        set_property(f->c, "inject-ecc", ecc[below(f, 2)]);
        set_property(f->c, "inject-ecc", ecc[2]);
        break;
    case 2:
        set_property(f->c, "inject-engine-slow", one_in(f, 2) ? "1" : "1000");
        break;
    case 3:
        set_property(f->c, "temperature", one_in(f, 2) ? "99000" : "45000");
        break;
    case 4:
        set_property(f->c, "dead", "true");
        random_mmio(f);
        set_property(f->c, "dead", "false");
        break;
    default:
        set_property(f->c, "inject-spurious-irq", "5");
        break;
    }
}

static void reset_something(Fuzz *f, Tile *t)
{
    Card *c = f->c;
    uint16_t command = qpci_config_readw(c->dev, PCI_COMMAND);

    switch (below(f, 6)) {
    case 0:
        tile_writel(t, DOJO_TILE_RESET, DOJO_RESET_KEY);
        break;
    case 1:
        card_writel(c, DOJO_CARD_RESET, DOJO_RESET_KEY);
        break;
    case 2:
        flr(c);
        c->dev->msix_enabled = false;
        break;
    case 3:
        /* one reset on top of the other */
        tile_writel(t, DOJO_TILE_RESET, DOJO_RESET_KEY);
        card_writel(c, DOJO_CARD_RESET, DOJO_RESET_KEY);
        flr(c);
        c->dev->msix_enabled = false;
        break;
    case 4:
        qpci_config_writew(c->dev, PCI_COMMAND, command & ~PCI_COMMAND_MASTER);
        random_admin(f, t);
        random_doorbells(f, t);
        qpci_config_writew(c->dev, PCI_COMMAND, command);
        break;
    default:
        qpci_config_writew(c->dev, PCI_COMMAND, command & ~PCI_COMMAND_MEMORY);
        qpci_config_writew(c->dev, PCI_COMMAND, command);
        break;
    }
}

static void step(Fuzz *f)
{
    Tile *t = f->t[below(f, TILES)];

    switch (below(f, 32)) {
    case 0 ... 7:
        random_admin(f, t);
        break;
    case 8 ... 13:
        random_doorbells(f, t);
        break;
    case 14 ... 18:
        random_page(f);
        break;
    case 19 ... 22:
        random_table(f);
        break;
    case 23 ... 25:
        random_mmio(f);
        break;
    case 26:
        random_msix(f);
        break;
    case 27:
        inject(f);
        break;
    case 28:
        if (one_in(f, 4)) {
            reset_something(f, t);
        }
        break;
    case 29:
        qtest_writel(f->c->qts, t->consumer[below(f, 4)],
                     tile_readl(t, DOJO_TILE_EVENT(below(f, 4)) + DOJO_EVENT_PRODUCER));
        break;
    default:
        set_up(f, t);
        break;
    }
}

/* ------------------------------------------------------------------ and the end */

/* Whatever happened: FLR answers, and the card works as on the first day */
static void expect_alive(Fuzz *f)
{
    Card *c = f->c;
    int64_t begin = g_get_monotonic_time();
    Batch nop;
    int i;

    set_property(c, "inject-engine-slow", "1");
    set_property(c, "inject-ecc", "\"\"");
    flr(c);
    c->dev->msix_enabled = false;
    set_property(c, "inject-hang", "\"\"");
    g_assert_cmphex(card_readl(c, DOJO_CARD_STATUS), ==, DOJO_STATUS_READY);
    for (i = 0; i < TILES; i++) {
        Tile *t = tile_new(c, i);
        Queue *q = queue_new(t, 7, 0, i ? DOJO_HW_CLASS_COMPUTE : DOJO_HW_CLASS_DMA);

        nop = batch_new(c);
        batch_nop(&nop);
        expect_works(q, &nop);
        g_free(q);
        g_free(t);
    }
    g_test_message("alive after %" PRIi64 " us", g_get_monotonic_time() - begin);
}

/* Tiles, address spaces and queues as a good driver has them; then it goes wrong */
static void fuzz_init(Fuzz *f)
{
    Card *c = f->c;
    int i, n;

    for (i = 0; i < TILES; i++) {
        f->t[i] = tile_new(c, i);
    }
    f->pages = ram_alloc(c, PAGES * 4096);
    f->tables = ram_alloc(c, ROOTS * 4096);
    for (i = 0; i < ROOTS; i++) {
        uint64_t root = f->tables + i * 4096;

        for (n = 0; n < PAGES; n++) {
            map_page(c, root, f->pages + n * 4096,
                     leaf(DOJO_TARGET_SYSTEM, f->pages + n * 4096));
        }
        for (n = 0; n < MAPPED; n++) {
            uint64_t va = virtual_page(f);

            if (va >> 39) {
                map_page(c, root, va, random_entry(f, 0));
            } else {
                map_huge(c, root, va, leaf(below(f, 2), below(f, 8) * 2 * MiB));
            }
        }
    }
    f->num_tables = (c->next - f->tables) / 4096;
    for (i = 0; i < TILES; i++) {
        for (n = 0; n < ROOTS; n++) {
            admin_ok(f->t[i], DOJO_ADMIN_ASID_SET, n + 1,
                     table_entry(f->tables + n * 4096), 0);
        }
        for (n = 0; n < FUZZ_QUEUES; n++) {
            random_context(f, f->t[i], n);
            admin(f->t[i], DOJO_ADMIN_QUEUE_START, n, 0, 0);
        }
    }
}

static void run_round(uint64_t round, Card *(*new)(void), void (*end)(Fuzz *))
{
    Fuzz f = { .c = new(), .rng = round };
    int i;

    g_test_message("round %" PRIu64, round);
    fuzz_init(&f);
    for (i = 0; i < PAGES; i++) {
        random_page(&f);
    }
    for (i = 0; i < STEPS; i++) {
        int64_t begin = g_get_monotonic_time();

        step(&f);
        g_assert_cmpint(g_get_monotonic_time() - begin, <, ANSWER_US);
    }
    end(&f);
    for (i = 0; i < TILES; i++) {
        g_free(f.t[i]);
    }
    card_free(f.c);
}

static void run_rounds(uint64_t first, Card *(*new)(void), void (*end)(Fuzz *))
{
    const char *seconds = g_getenv("DOJO_FUZZ_SECONDS");
    const char *only = g_getenv("DOJO_FUZZ_ROUND");
    int64_t limit = g_get_monotonic_time();
    uint64_t i;

    if (only) {
        run_round(g_ascii_strtoull(only, NULL, 0), new, end);
        return;
    }
    limit += (seconds ? g_ascii_strtoull(seconds, NULL, 0) : SECONDS) * G_USEC_PER_SEC;
    for (i = seconds ? ROUNDS : 0; seconds || i < ROUNDS; i++) {
        if (g_get_monotonic_time() > limit) {
            break;
        }
        run_round(first + i, new, end);
    }
    g_test_message("%" PRIu64 " rounds", i);
}

static Card *plain_card(void)
{
    return card_new("tiles=2,generation=d2,threads=3");
}

static void test_fuzz(void)
{
    run_rounds(1000000, plain_card, expect_alive);
}

/* The same where system memory is reached by the main loop */
static void test_fuzz_behind_iommu(void)
{
    run_rounds(2000000, card_behind_iommu, expect_alive);
}

static void do_unplug(Fuzz *f)
{
    unplug(f->c);
    g_assert_cmphex(qpci_config_readl(f->c->dev, PCI_VENDOR_ID), ==, 0xffffffff);
}

/* And taken out of the machine in the middle of it */
static void test_fuzz_and_unplug(void)
{
    run_rounds(3000000, card_behind_port, do_unplug);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/dojo/fuzz/registers", test_fuzz);
    qtest_add_func("/dojo/fuzz/iommu", test_fuzz_behind_iommu);
    qtest_add_func("/dojo/fuzz/unplug", test_fuzz_and_unplug);
    return g_test_run();
}
