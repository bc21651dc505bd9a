/*
 * Dojo Interface Processor: registers and doorbells (BAR 0)
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Everything here runs under the BQL and takes constant time. Writes that the
 * interface calls ignored return false and count in BAD_ACCESS.
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "dojo_clock.h"
#include "dojo_dip.h"
#include "trace.h"

#define MESH    (DOJO_MESH_SIDE | DOJO_MESH_SIDE << 8 | 354 << 16)

static uint32_t low(uint64_t v)
{
    return v;
}

static uint32_t high(uint64_t v)
{
    return v >> 32;
}

/* The low half of a counter; the high half is kept for the read that follows */
static uint32_t latch(uint64_t v, uint32_t *kept)
{
    *kept = high(v);
    return low(v);
}

static void set_low(uint64_t *reg, uint32_t value)
{
    *reg = deposit64(*reg, 0, 32, value);
}

static void set_high(uint64_t *reg, uint32_t value)
{
    *reg = deposit64(*reg, 32, 32, value);
}

/* ------------------------------------------------------------------- card */

static uint32_t read_serial(DojoState *s, unsigned int offset)
{
    char serial[DOJO_SERIAL_LEN] = { };

    strncpy(serial, s->serial ?: "", sizeof(serial));
    return ldl_le_p(serial + offset);
}

static uint32_t card_read(DojoState *s, hwaddr offset)
{
    switch (offset) {
    case DOJO_CARD_MAGIC:
        return DOJO_MAGIC;
    case DOJO_CARD_VERSION:
        return DOJO_INTERFACE_MAJOR << 16 | DOJO_INTERFACE_MINOR;
    case DOJO_CARD_GENERATION:
        return s->generation;
    case DOJO_CARD_TILES:
        return s->tiles;
    case DOJO_CARD_HBM_SIZE:
        return low(s->hbm_size);
    case DOJO_CARD_HBM_SIZE + 4:
        return high(s->hbm_size);
    case DOJO_CARD_TILE_OFFSET:
    case DOJO_CARD_TILE_STRIDE:
        return DOJO_TILE_STRIDE;
    case DOJO_CARD_SERIAL ... DOJO_CARD_SERIAL + DOJO_SERIAL_LEN - 4:
        return read_serial(s, offset - DOJO_CARD_SERIAL);
    case DOJO_CARD_VECTORS:
        return DOJO_VECTORS_PER_TILE;
    case DOJO_CARD_CAPS:
        return DOJO_CAP_PEER | (s->generation == 2 ? DOJO_CAP_COLLECTIVE : 0);
    case DOJO_CARD_TIMESTAMP:
        return latch(dojo_now(s), &s->latch_timestamp);
    case DOJO_CARD_TIMESTAMP + 4:
        return s->latch_timestamp;
    case DOJO_CARD_STATUS:
        return qatomic_read(&s->status);
    case DOJO_CARD_RESET_COUNT:
        return s->reset_count;
    case DOJO_CARD_BAD_ACCESS:
        return s->bad_access;
    case DOJO_CARD_SCRATCH:
        return s->scratch;
    case DOJO_CARD_MODEL_HBM_MBPS:
        return DOJO_HBM_MBPS;
    case DOJO_CARD_MODEL_TTP_MBPS:
        return DOJO_TTP_MBPS;
    case DOJO_CARD_MODEL_PCIE_MBPS:
        return DOJO_PCIE_MBPS;
    case DOJO_CARD_MODEL_LAUNCH_NS:
        return DOJO_LAUNCH_NS;
    case DOJO_CARD_TEMP_MC:
        return qatomic_read(&s->temperature);
    case DOJO_CARD_POWER_MW:
        return dojo_power_mw(s);
    case DOJO_CARD_ENERGY_UJ:
        return latch(dojo_energy_uj(s), &s->latch_energy);
    case DOJO_CARD_ENERGY_UJ + 4:
        return s->latch_energy;
    case DOJO_CARD_CLOCK_KHZ:
        return dojo_throttled(s) ? 1000000 : 2000000;
    case DOJO_CARD_THROTTLE:
        return dojo_throttled(s) ? DOJO_THROTTLE_THERMAL : 0;
    case DOJO_CARD_ECC_CORRECTED:
        return qatomic_read(&s->ecc_corrected);
    case DOJO_CARD_ECC_UNCORRECTED:
        return qatomic_read(&s->ecc_uncorrected);
    case DOJO_CARD_MMIO_READS:
        return latch(s->mmio_reads, &s->latch_reads);
    case DOJO_CARD_MMIO_READS + 4:
        return s->latch_reads;
    case DOJO_CARD_MMIO_WRITES:
        return latch(s->mmio_writes, &s->latch_writes);
    case DOJO_CARD_MMIO_WRITES + 4:
        return s->latch_writes;
    case DOJO_CARD_MSIX_SENT:
        return latch(s->msix_sent, &s->latch_msix);
    case DOJO_CARD_MSIX_SENT + 4:
        return s->latch_msix;
    default:
        return 0;
    }
}

static bool card_write(DojoState *s, hwaddr offset, uint32_t value)
{
    switch (offset) {
    case DOJO_CARD_RESET:
        if (value != DOJO_RESET_KEY) {
            return false;
        }
        dojo_card_reset_begin(s);
        return true;
    case DOJO_CARD_SCRATCH:
        s->scratch = value;
        return true;
    default:
        return false;
    }
}

/* ------------------------------------------------------------------- tile */

static uint32_t event_read(DojoTile *t, unsigned int ring, hwaddr offset)
{
    const DojoEventRegs *e = &t->regs.event[ring];

    switch (offset) {
    case DOJO_EVENT_BASE:
        return low(e->base);
    case DOJO_EVENT_BASE + 4:
        return high(e->base);
    case DOJO_EVENT_SIZE:
        return e->size;
    case DOJO_EVENT_VECTOR:
        return e->vector;
    case DOJO_EVENT_CONSUMER:
        return low(e->consumer);
    case DOJO_EVENT_CONSUMER + 4:
        return high(e->consumer);
    case DOJO_EVENT_MODERATION:
        return e->moderation;
    default:    /* DOJO_EVENT_PRODUCER */
        return qatomic_read(&t->event[ring].producer);
    }
}

static uint32_t tile_config_read(DojoTile *t, hwaddr offset)
{
    const struct dojo_op_limits *limits = &t->card->limits;
    unsigned int word;

    switch (offset) {
    case DOJO_TILE_ID:
        return t->index;
    case DOJO_TILE_MESH:
        return MESH;
    case DOJO_TILE_MAX_QUEUES:
        return DOJO_MAX_QUEUES;
    case DOJO_TILE_MAX_ASIDS:
        return DOJO_MAX_ASIDS;
    case DOJO_TILE_SRAM_SIZE:
        return low(t->card->sram_size);
    case DOJO_TILE_SRAM_SIZE + 4:
        return high(t->card->sram_size);
    case DOJO_TILE_HBM_OFFSET:
        return low(t->hbm_offset);
    case DOJO_TILE_HBM_OFFSET + 4:
        return high(t->hbm_offset);
    case DOJO_TILE_HBM_SIZE:
        return low(t->hbm_size);
    case DOJO_TILE_HBM_SIZE + 4:
        return high(t->hbm_size);
    case DOJO_TILE_DMA_ENGINES:
        return DOJO_DMA_ENGINES;
    case DOJO_TILE_VA_BITS:
        return DOJO_VA_BITS;
    case DOJO_TILE_FORMATS:
        return limits->formats;
    case DOJO_TILE_PEAK_BF16_GFLOPS:
        return DOJO_PEAK_BF16_GFLOPS;
    case DOJO_TILE_PEAK_FP32_GFLOPS:
        return DOJO_PEAK_FP32_GFLOPS;
    case DOJO_TILE_PEAK_INT8_GOPS:
        return DOJO_PEAK_INT8_GOPS;
    default:    /* DOJO_TILE_OPCODES */
        word = (offset - DOJO_TILE_OPCODES) / 4;
        return limits->opcodes[word / 2] >> (word % 2 * 32);
    }
}

static uint32_t tile_read(DojoTile *t, hwaddr offset)
{
    if (offset >= DOJO_TILE_ADMIN_BASE &&
        (qatomic_read(&t->status) & DOJO_STATUS_RESETTING)) {
        return 0;   /* whatever threads have not cleared yet */
    }
    switch (offset) {
    case DOJO_TILE_ID ... DOJO_TILE_OPCODES + 28:
        return tile_config_read(t, offset);
    case DOJO_TILE_CTRL:
        return qatomic_read(&t->status) & DOJO_STATUS_ENABLED ? DOJO_CTRL_ENABLE : 0;
    case DOJO_TILE_STATUS:
        return qatomic_read(&t->status);
    case DOJO_TILE_RESET_COUNT:
        return t->reset_count;
    case DOJO_TILE_PEER_GRANT:
        return qatomic_read(&t->peer_grant);
    case DOJO_TILE_ADMIN_BASE:
        return low(t->regs.admin_base);
    case DOJO_TILE_ADMIN_BASE + 4:
        return high(t->regs.admin_base);
    case DOJO_TILE_ADMIN_SIZE:
        return t->regs.admin_size;
    case DOJO_TILE_ADMIN_TAIL:
        return qatomic_read(&t->admin_tail);
    case DOJO_TILE_ADMIN_HEAD:
        return qatomic_read(&t->admin_head);
    case DOJO_TILE_CONTEXT_BASE:
        return low(t->regs.context_base);
    case DOJO_TILE_CONTEXT_BASE + 4:
        return high(t->regs.context_base);
    case DOJO_TILE_KERNEL_ROOT:
        return low(t->regs.kernel_root);
    case DOJO_TILE_KERNEL_ROOT + 4:
        return high(t->regs.kernel_root);
    case DOJO_TILE_MESH_BUSY_NS:
        return latch(qatomic_read(&t->mesh_busy_ns), &t->regs.latch_mesh_busy);
    case DOJO_TILE_MESH_BUSY_NS + 4:
        return t->regs.latch_mesh_busy;
    case DOJO_TILE_DMA_BUSY_NS:
        return latch(qatomic_read(&t->dma_busy_ns), &t->regs.latch_dma_busy);
    case DOJO_TILE_DMA_BUSY_NS + 4:
        return t->regs.latch_dma_busy;
    case DOJO_TILE_EVENT(0) ... DOJO_TILE_EVENT(DOJO_NUM_EVENT_RINGS) - 4:
        offset -= DOJO_TILE_EVENT(0);
        return event_read(t, offset / 0x20, offset % 0x20);
    default:
        return 0;
    }
}

/* Registers that are writable while the tile is not enabled */
static bool tile_setup_write(DojoTile *t, hwaddr offset, uint32_t value)
{
    switch (offset) {
    case DOJO_TILE_ADMIN_BASE:
        set_low(&t->regs.admin_base, value);
        return true;
    case DOJO_TILE_ADMIN_BASE + 4:
        set_high(&t->regs.admin_base, value);
        return true;
    case DOJO_TILE_ADMIN_SIZE:
        t->regs.admin_size = value;
        return true;
    case DOJO_TILE_CONTEXT_BASE:
        set_low(&t->regs.context_base, value);
        return true;
    case DOJO_TILE_CONTEXT_BASE + 4:
        set_high(&t->regs.context_base, value);
        return true;
    case DOJO_TILE_KERNEL_ROOT:
        set_low(&t->regs.kernel_root, value);
        return true;
    case DOJO_TILE_KERNEL_ROOT + 4:
        set_high(&t->regs.kernel_root, value);
        return true;
    default:
        return false;
    }
}

static bool event_write(DojoTile *t, unsigned int ring, hwaddr offset, uint32_t value,
                        bool enabled)
{
    DojoEventRegs *e = &t->regs.event[ring];

    if (offset == DOJO_EVENT_MODERATION) {
        e->moderation = value;
        qatomic_set(&t->event[ring].moderation, value);
        return true;
    }
    if (enabled) {
        return false;
    }
    switch (offset) {
    case DOJO_EVENT_BASE:
        set_low(&e->base, value);
        return true;
    case DOJO_EVENT_BASE + 4:
        set_high(&e->base, value);
        return true;
    case DOJO_EVENT_SIZE:
        e->size = value;
        return true;
    case DOJO_EVENT_VECTOR:
        e->vector = value;
        return true;
    case DOJO_EVENT_CONSUMER:
        set_low(&e->consumer, value);
        return true;
    case DOJO_EVENT_CONSUMER + 4:
        set_high(&e->consumer, value);
        return true;
    default:
        return false;
    }
}

static bool write_ctrl(DojoTile *t, uint32_t value, bool enabled)
{
    if (value & ~DOJO_CTRL_ENABLE) {
        return false;
    }
    if (enabled || !value) {
        return enabled == value;    /* no change; a tile is disabled by its reset */
    }
    return dojo_tile_enable(t);
}

static bool write_admin_tail(DojoTile *t, uint32_t tail, bool enabled)
{
    QEMU_LOCK_GUARD(&t->lock);
    if (!enabled || tail - qatomic_read(&t->admin_head) > t->admin_size) {
        return false;
    }
    qatomic_set(&t->admin_tail, tail);
    qemu_cond_broadcast(&t->admin_cond);
    return true;
}

static bool tile_write(DojoTile *t, hwaddr offset, uint32_t value)
{
    uint32_t status = qatomic_load_acquire(&t->status);
    bool enabled = status & DOJO_STATUS_ENABLED;

    if (status & DOJO_STATUS_RESETTING) {
        return false;
    }
    switch (offset) {
    case DOJO_TILE_CTRL:
        return write_ctrl(t, value, enabled);
    case DOJO_TILE_RESET:
        if (value != DOJO_RESET_KEY) {
            return false;
        }
        dojo_tile_reset_begin(t, false);
        return true;
    case DOJO_TILE_PEER_GRANT:
        value &= MAKE_64BIT_MASK(0, t->card->tiles) & ~(1u << t->index);
        qatomic_set(&t->peer_grant, value);
        return true;
    case DOJO_TILE_ADMIN_TAIL:
        return write_admin_tail(t, value, enabled);
    case DOJO_TILE_EVENT(0) ... DOJO_TILE_EVENT(DOJO_NUM_EVENT_RINGS) - 4:
        offset -= DOJO_TILE_EVENT(0);
        return event_write(t, offset / 0x20, offset % 0x20, value, enabled);
    default:
        return !enabled && tile_setup_write(t, offset, value);
    }
}

static bool doorbell_write(DojoTile *t, hwaddr offset, uint32_t value)
{
    bool accepted;

    if (offset % DOJO_DOORBELL_STRIDE != DOJO_DOORBELL_TAIL) {
        return false;
    }
    dojo_sched_doorbell(t, offset / DOJO_DOORBELL_STRIDE, value, &accepted);
    return accepted;
}

/* ---------------------------------------------------------------- accesses */

/* The tile that @addr lies in, and *@offset in its block; NULL: none */
static DojoTile *tile_at(DojoState *s, hwaddr addr, hwaddr *offset)
{
    uint64_t index = addr / DOJO_TILE_STRIDE - 1;

    *offset = addr % DOJO_TILE_STRIDE;
    return addr >= DOJO_TILE_STRIDE && index < s->tiles ? s->tile[index] : NULL;
}

static uint32_t read_word(DojoState *s, hwaddr addr)
{
    hwaddr offset;
    DojoTile *t = tile_at(s, addr, &offset);

    if (!t) {
        return addr < DOJO_CARD_BLOCK_SIZE ? card_read(s, addr) : 0;
    }
    return offset < DOJO_TILE_REGS_SIZE ? tile_read(t, offset) : 0;
}

static bool write_word(DojoState *s, hwaddr addr, uint32_t value)
{
    hwaddr offset;
    DojoTile *t = tile_at(s, addr, &offset);

    if (qatomic_read(&s->status) & DOJO_STATUS_RESETTING) {
        return false;
    }
    if (!t) {
        return addr < DOJO_CARD_BLOCK_SIZE && card_write(s, addr, value);
    }
    if (offset < DOJO_TILE_REGS_SIZE) {
        return tile_write(t, offset, value);
    }
    return offset >= DOJO_TILE_DOORBELL &&
           doorbell_write(t, offset - DOJO_TILE_DOORBELL, value);
}

static bool access_allowed(DojoState *s, hwaddr addr, unsigned int size)
{
    return (size == 4 || size == 8) && !(addr & (size - 1));
}

static void count_bad_access(DojoState *s, hwaddr addr, unsigned int size, bool write)
{
    trace_dojo_bad_access(addr, size, write);
    if (s->bad_access != UINT32_MAX) {
        s->bad_access++;
    }
}

static uint64_t mmio_read(void *opaque, hwaddr addr, unsigned int size)
{
    DojoState *s = opaque;
    uint64_t value;

    if (!access_allowed(s, addr, size)) {
        count_bad_access(s, addr, size, false);
        return UINT64_MAX;
    }
    value = read_word(s, addr);
    if (size == 8) {
        value |= (uint64_t)read_word(s, addr + 4) << 32;
    }
    s->mmio_reads++;
    trace_dojo_mmio_read(addr, size, value);
    return value;
}

static void mmio_write(void *opaque, hwaddr addr, uint64_t value, unsigned int size)
{
    DojoState *s = opaque;
    bool accepted;

    trace_dojo_mmio_write(addr, size, value);
    if (!access_allowed(s, addr, size)) {
        count_bad_access(s, addr, size, true);
        return;
    }
    accepted = write_word(s, addr, value);
    if (size == 8) {
        accepted |= write_word(s, addr + 4, value >> 32);
    }
    if (accepted) {
        s->mmio_writes++;
    } else {
        count_bad_access(s, addr, size, true);
    }
}

/* Every access comes here as it was made: the rules are this interface's own */
const MemoryRegionOps dojo_mmio_ops = {
    .read = mmio_read,
    .write = mmio_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
    .impl = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
};
