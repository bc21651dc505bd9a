/*
 * Dojo Interface Processor: a tile, its enabling and its resets
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A reset is asked for under the BQL (dojo_tile_reset_begin), which changes
 * the registers at once, and carried out by the tile's admin thread.
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/host-utils.h"
#include "qapi/error.h"
#include "hw/pci/pci.h"
#include "dojo_dip.h"
#include "trace.h"

static void init_memory(DojoTile *t)
{
    DojoState *s = t->card;

    t->hbm_size = QEMU_ALIGN_DOWN(s->hbm_size / s->tiles, DOJO_SLICE_ALIGN);
    t->hbm_offset = t->hbm_size * t->index;
    t->hbm = s->hbm + t->hbm_offset;
    t->sram = memory_region_get_ram_ptr(&t->sram_mr);
    t->limits = (struct dojo_mmu_limits) {
        .hbm_size = t->hbm_size,
        .sram_size = s->sram_size,
        .peer_hbm_size = t->hbm_size,
        .peer_sram_size = s->sram_size,
        .tiles = s->tiles,
        .self = t->index,
    };
}

DojoTile *dojo_tile_new(DojoState *s, unsigned int index, Error **errp)
{
    g_autofree char *name = g_strdup_printf("dojo-sram%u", index);
    DojoTile *t = g_new0(DojoTile, 1);

    t->card = s;
    t->index = index;
    if (!memory_region_init_ram_flags_nomigrate(&t->sram_mr, OBJECT(s), name,
                                                s->sram_size, RAM_NORESERVE, errp)) {
        g_free(t);
        return NULL;
    }
    init_memory(t);
    t->status = DOJO_STATUS_READY;
    qemu_mutex_init(&t->lock);
    qemu_mutex_init(&t->inval_lock);
    qemu_mutex_init(&t->save_lock);
    qemu_cond_init(&t->admin_cond);
    qemu_cond_init(&t->service_cond);
    qemu_cond_init(&t->yield_cond);
    QTAILQ_INIT(&t->ready[DOJO_HW_CLASS_DMA]);
    QTAILQ_INIT(&t->ready[DOJO_HW_CLASS_COMPUTE]);
    QTAILQ_INIT(&t->service);
    dojo_event_init(t);
    dojo_agent_init(&t->admin_agent, s);
    dojo_agent_init(&t->service_agent, s);
    return t;
}

void dojo_tile_start(DojoTile *t)
{
    g_autofree char *admin = g_strdup_printf("dojo-admin%u", t->index);
    g_autofree char *service = g_strdup_printf("dojo-serv%u", t->index);

    qemu_thread_create(&t->admin_thread, admin, dojo_admin_thread, t,
                       QEMU_THREAD_JOINABLE);
    qemu_thread_create(&t->service_thread, service, dojo_service_thread, t,
                       QEMU_THREAD_JOINABLE);
}

void dojo_tile_stop(DojoTile *t)
{
    WITH_QEMU_LOCK_GUARD(&t->lock) {
        t->quit = true;
        qemu_cond_broadcast(&t->admin_cond);
        qemu_cond_broadcast(&t->service_cond);
    }
    qemu_thread_join(&t->admin_thread);
    qemu_thread_join(&t->service_thread);
}

void dojo_tile_free(DojoTile *t)
{
    dojo_event_destroy(t);
    dojo_agent_destroy(&t->admin_agent);
    dojo_agent_destroy(&t->service_agent);
    qemu_cond_destroy(&t->yield_cond);
    qemu_cond_destroy(&t->service_cond);
    qemu_cond_destroy(&t->admin_cond);
    qemu_mutex_destroy(&t->save_lock);
    qemu_mutex_destroy(&t->inval_lock);
    qemu_mutex_destroy(&t->lock);
    object_unparent(OBJECT(&t->sram_mr));
    g_free(t);
}

static bool ring_size_valid(uint32_t size, uint32_t min, uint32_t max)
{
    return size >= min && size <= max && is_power_of_2(size);
}

static bool event_valid(const DojoEventRegs *e)
{
    return !e->size ||
           (ring_size_valid(e->size, 16, 65536) && !(e->base & 63) &&
            e->consumer && !(e->consumer & 3));
}

/* BQL. The checks of HARDWARE.md section 4, in its order */
bool dojo_tile_enable(DojoTile *t)
{
    int i;

    if ((t->regs.admin_base & 63) || !ring_size_valid(t->regs.admin_size, 2, 4096)) {
        return false;
    }
    for (i = 0; i < DOJO_NUM_EVENT_RINGS; i++) {
        if (!event_valid(&t->regs.event[i])) {
            return false;
        }
    }
    if ((t->regs.context_base & 0xfff) || t->regs.context_base >> DOJO_VA_BITS) {
        return false;
    }
    if (!dojo_mmu_table_valid(t->regs.kernel_root)) {
        return false;
    }

    if (pci_device_iommu_address_space(PCI_DEVICE(t->card)) != &address_space_memory) {
        qatomic_set(&t->card->dma_by_bh, true);
    }
    t->admin_base = t->regs.admin_base;
    t->admin_size = t->regs.admin_size;
    t->context_base = t->regs.context_base;
    qatomic_set(&t->asid_root[0], t->regs.kernel_root);
    dojo_event_enable(t);
    qatomic_or(&t->status, DOJO_STATUS_ENABLED);
    trace_dojo_tile_enable(t->index);
    return true;
}

/* Lock held. No thread starts anything for the tile from now on. */
static void halt(DojoTile *t)
{
    qatomic_set(&t->halt, true);
    qemu_cond_broadcast(&t->admin_cond);
    qemu_cond_broadcast(&t->service_cond);
    qemu_cond_broadcast(&t->yield_cond);
}

/* BQL. What the guest sees changes now; the admin thread does the rest. */
void dojo_tile_reset_begin(DojoTile *t, bool card)
{
    trace_dojo_tile_reset(t->index, card);
    memset(&t->regs, 0, sizeof(t->regs));

    QEMU_LOCK_GUARD(&t->lock);
    qatomic_set(&t->status, DOJO_STATUS_RESETTING);
    qatomic_inc(&t->reset_count);
    qatomic_set(&t->peer_grant, 0);
    t->reset_wanted = true;
    t->reset_card |= card;
    halt(t);
}

/* Lock held. Is a hang in place that this reset does not cure? */
static bool reset_blocked(DojoTile *t)
{
    return t->hang_reset >= DOJO_HANG_CARD && !t->reset_pci &&
           !(t->reset_card && t->hang_reset == DOJO_HANG_CARD);
}

bool dojo_tile_reset_due(DojoTile *t)
{
    return t->reset_wanted && !reset_blocked(t);
}

/* Nothing of the tile's is under way any more, and nothing of a peer's inside the tile */
static void quiesce(DojoTile *t)
{
    WITH_QEMU_LOCK_GUARD(&t->lock) {
        while (t->owned || t->service_busy) {
            qemu_cond_wait(&t->yield_cond, &t->lock);
        }
    }
    dojo_section_wait(t->card, NULL, &t->admin_agent);
}

static void drop_queues(DojoTile *t)
{
    int i;

    for (i = 0; i < DOJO_MAX_QUEUES; i++) {
        DojoQueue *q = t->queue[i];

        if (q) {
            dojo_sched_remove(q);
            if (q->state == DOJO_HW_RUNNING) {
                dojo_sched_release_engine(q);
            }
            t->queue[i] = NULL;
            g_free(q);
        }
    }
    dojo_sched_count_tile(t);
    memset(t->served_ns, 0, sizeof(t->served_ns));
    t->ras_pending = 0;
}

static void clear_hangs(DojoTile *t)
{
    t->hang_reset = DOJO_HANG_NONE;
    memset(t->hang_queue, 0, sizeof(t->hang_queue));
    memset(t->hang_class, 0, sizeof(t->hang_class));
    qatomic_set(&t->hang_armed, false);
}

static void clear_indices(DojoTile *t)
{
    qatomic_set(&t->admin_head, 0);
    qatomic_set(&t->admin_tail, 0);
    qatomic_set(&t->mesh_busy_ns, 0);
    qatomic_set(&t->dma_busy_ns, 0);
}

/* The last tile of a card reset ends it */
static void end_of_card_reset(DojoState *s)
{
    if (qatomic_fetch_dec(&s->resets_pending) == 1) {
        dojo_ram_discard(s, &s->hbm_mr, 0, s->hbm_size);
        qatomic_set(&s->status, DOJO_STATUS_READY);
    }
}

/* On the admin thread, which nothing else can keep busy meanwhile */
void dojo_tile_reset_run(DojoTile *t)
{
    bool card;
    int i;

    quiesce(t);
    WITH_QEMU_LOCK_GUARD(&t->lock) {
        drop_queues(t);
        clear_hangs(t);
    }
    for (i = 0; i < DOJO_MAX_ASIDS; i++) {
        qatomic_set(&t->asid_root[i], 0);
    }
    dojo_invalidate_everything(t);
    dojo_event_reset(t);
    clear_indices(t);
    dojo_ram_discard(t->card, &t->sram_mr, 0, t->card->sram_size);

    WITH_QEMU_LOCK_GUARD(&t->lock) {
        card = t->reset_card;
        t->reset_wanted = t->reset_card = t->reset_pci = false;
        qatomic_set(&t->halt, false);
        /* Whoever sees it may enable the tile again */
        qatomic_store_release(&t->status, DOJO_STATUS_READY);
    }
    if (card) {
        end_of_card_reset(t->card);
    }
}

/* BQL */
void dojo_card_reset_begin(DojoState *s)
{
    int i;

    trace_dojo_card_reset(s->reset_count + 1);
    qatomic_inc(&s->reset_count);
    qatomic_set(&s->status, DOJO_STATUS_RESETTING);
    qatomic_set(&s->resets_pending, s->tiles);
    s->bad_access = 0;
    s->scratch = 0;
    for (i = 0; i < s->tiles; i++) {
        dojo_tile_reset_begin(s->tile[i], true);
    }
}

static void wait_for_resets(DojoState *s)
{
    int i;

    for (i = 0; i < s->tiles; i++) {
        DojoTile *t = s->tile[i];

        QEMU_LOCK_GUARD(&t->lock);
        qemu_cond_broadcast(&t->admin_cond);
        while (t->reset_wanted || t->admin_busy) {
            qemu_cond_wait(&t->yield_cond, &t->lock);
        }
    }
}

/*
 * BQL. FLR and reset of the bus: nothing may reach memory once this returns,
 * so it waits for units of work under way, which a bottom half cannot serve
 * meanwhile.
 */
void dojo_card_reset_now(DojoState *s)
{
    int i;

    dojo_dma_refuse(s);
    for (i = 0; i < s->tiles; i++) {
        WITH_QEMU_LOCK_GUARD(&s->tile[i]->lock) {
            s->tile[i]->reset_pci = true;
            halt(s->tile[i]);   /* whatever its admin ring still holds */
        }
    }
    wait_for_resets(s);     /* by register, that are on their way */
    dojo_card_reset_begin(s);
    wait_for_resets(s);
    dojo_dma_accept(s);
}
