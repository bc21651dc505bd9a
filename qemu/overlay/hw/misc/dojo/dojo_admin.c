/*
 * Dojo Interface Processor: the admin ring of a tile
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One thread a tile, which depends on no engine. What it waits for is bounded:
 * a unit of work, or 100 ms, or a reset of the tile.
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/rcu.h"
#include "dojo_dip.h"
#include "trace.h"

typedef struct DojoCommand {
    uint16_t opcode;
    uint16_t flags;
    uint32_t id;
    uint64_t arg[3];
} DojoCommand;

static bool unused_args(const DojoCommand *c, int first)
{
    int i;

    for (i = first; i < 3; i++) {
        if (c->arg[i]) {
            return false;
        }
    }
    return true;
}

static uint32_t admin_asid_set(DojoTile *t, const DojoCommand *c)
{
    if (!c->id || c->id >= DOJO_MAX_ASIDS || !unused_args(c, 1) ||
        !dojo_mmu_table_valid(c->arg[0])) {
        return DOJO_ADMIN_BAD_ARGUMENT;
    }
    if (t->asid_root[c->id]) {
        return DOJO_ADMIN_BAD_STATE;
    }
    qatomic_set(&t->asid_root[c->id], c->arg[0]);
    return DOJO_ADMIN_OK;
}

static void invalidate_and_wait(DojoTile *t, uint32_t asid, uint64_t va, uint64_t size)
{
    dojo_invalidate(t, asid, va, size);
    dojo_section_wait(t->card, t, &t->admin_agent);
}

static uint32_t admin_asid_clear(DojoTile *t, const DojoCommand *c)
{
    if (!c->id || c->id >= DOJO_MAX_ASIDS || !unused_args(c, 0)) {
        return DOJO_ADMIN_BAD_ARGUMENT;
    }
    if (!t->asid_root[c->id]) {
        return DOJO_ADMIN_BAD_STATE;
    }
    qatomic_set(&t->asid_root[c->id], 0);
    invalidate_and_wait(t, c->id, 0, 0);
    return DOJO_ADMIN_OK;
}

static uint32_t admin_invalidate(DojoTile *t, const DojoCommand *c)
{
    uint64_t va = c->arg[0], size = c->arg[1];

    if (c->id >= DOJO_MAX_ASIDS || !unused_args(c, 2) || ((va | size) & 0xfff) ||
        (!size && va)) {
        return DOJO_ADMIN_BAD_ARGUMENT;
    }
    invalidate_and_wait(t, c->id, va, size);
    return DOJO_ADMIN_OK;
}

static uint32_t admin_queue_start(DojoTile *t, const DojoCommand *c)
{
    uint32_t result = DOJO_ADMIN_OK;
    DojoQueue *q;

    if (!unused_args(c, 0)) {
        return DOJO_ADMIN_BAD_ARGUMENT;
    }
    if (t->queue[c->id]) {
        return DOJO_ADMIN_BAD_STATE;
    }
    q = dojo_queue_start(t, c->id, &t->admin_agent, &result);
    if (q) {
        QEMU_LOCK_GUARD(&t->lock);
        qatomic_set(&t->queue[c->id], q);
    }
    return result;
}

/* Lock held. Waits until no thread has the queue; with a limit for engines that hang */
static bool wait_for_yield(DojoQueue *q, bool cure_hang, uint64_t limit)
{
    DojoTile *t = q->tile;
    uint64_t end = dojo_now(t->card) + limit;

    while (q->owned || q->hung) {
        uint64_t now = dojo_now(t->card);

        if (q->hung == DOJO_HANG_QUEUE && cure_hang) {
            dojo_sched_unhang(q);
            continue;
        }
        /* a unit under way always ends; a hang does not */
        if (t->halt || (now >= end && (q->hung || !cure_hang))) {
            return false;
        }
        qemu_cond_timedwait(&t->yield_cond, &t->lock, now < end ?
                            DIV_ROUND_UP(end - now, DOJO_MS) : 100);
    }
    return true;
}

static uint32_t queue_suspend(DojoTile *t, DojoQueue *q)
{
    QEMU_LOCK_GUARD(&t->lock);
    qatomic_set(&q->stop, true);
    if (!wait_for_yield(q, false, DOJO_YIELD_NS)) {
        qatomic_set(&q->stop, false);
        return DOJO_ADMIN_BUSY;
    }
    qatomic_set(&q->stop, false);
    if (q->state == DOJO_HW_FAULTED) {
        return DOJO_ADMIN_OK;   /* its context is saved, or soon will be */
    }
    dojo_sched_remove(q);
    q->state = DOJO_HW_SUSPENDED;
    return DOJO_ADMIN_OK;
}

static uint32_t admin_queue_suspend(DojoTile *t, const DojoCommand *c)
{
    DojoQueue *q = t->queue[c->id];
    uint32_t result;

    if (!unused_args(c, 0)) {
        return DOJO_ADMIN_BAD_ARGUMENT;
    }
    if (!q) {
        return DOJO_ADMIN_BAD_STATE;
    }
    result = queue_suspend(t, q);
    if (!result && !dojo_queue_save(q, &t->admin_agent, q->state)) {
        result = DOJO_ADMIN_BAD_CONTEXT;
    }
    return result;
}

static uint32_t admin_queue_resume(DojoTile *t, const DojoCommand *c)
{
    DojoQueue *q = t->queue[c->id];

    if (!unused_args(c, 0)) {
        return DOJO_ADMIN_BAD_ARGUMENT;
    }
    if (!q) {
        return DOJO_ADMIN_BAD_STATE;
    }
    WITH_QEMU_LOCK_GUARD(&t->lock) {
        if (q->state != DOJO_HW_SUSPENDED) {
            return DOJO_ADMIN_BAD_STATE;
        }
        dojo_sched_resume(q);
    }
    dojo_workers_kick(t->card, q->class);
    return DOJO_ADMIN_OK;
}

static uint32_t admin_queue_reset(DojoTile *t, const DojoCommand *c)
{
    DojoQueue *q = t->queue[c->id];

    if (!unused_args(c, 0)) {
        return DOJO_ADMIN_BAD_ARGUMENT;
    }
    if (!q) {
        dojo_context_save_off(t, c->id, &t->admin_agent);
        return DOJO_ADMIN_OK;
    }
    WITH_QEMU_LOCK_GUARD(&t->lock) {
        qatomic_set(&q->stop, true);
        if (!wait_for_yield(q, true, DOJO_YIELD_NS)) {
            qatomic_set(&q->stop, false);
            return DOJO_ADMIN_BUSY;
        }
        dojo_sched_remove(q);
        q->state = DOJO_HW_OFF;
        qatomic_set(&t->queue[c->id], NULL);
    }
    dojo_section_wait(t->card, t, &t->admin_agent);
    dojo_workers_kick(t->card, q->class);
    dojo_queue_save(q, &t->admin_agent, DOJO_HW_OFF);
    g_free(q);
    return DOJO_ADMIN_OK;
}

static uint32_t admin_queue_save(DojoTile *t, const DojoCommand *c)
{
    DojoQueue *q = t->queue[c->id];
    enum dojo_hw_state state;
    bool ok;

    if (!unused_args(c, 0)) {
        return DOJO_ADMIN_BAD_ARGUMENT;
    }
    if (!q) {
        ok = dojo_context_save_off(t, c->id, &t->admin_agent);
    } else {
        WITH_QEMU_LOCK_GUARD(&t->lock) {
            state = q->state;
        }
        ok = dojo_queue_save(q, &t->admin_agent, state);
    }
    return ok ? DOJO_ADMIN_OK : DOJO_ADMIN_BAD_CONTEXT;
}

static uint32_t admin_queue_priority(DojoTile *t, const DojoCommand *c)
{
    DojoQueue *q = t->queue[c->id];

    if (c->arg[0] > DOJO_HW_PRIORITY_KERNEL || !unused_args(c, 1)) {
        return DOJO_ADMIN_BAD_ARGUMENT;
    }
    if (!q) {
        return DOJO_ADMIN_BAD_STATE;
    }
    QEMU_LOCK_GUARD(&t->lock);
    q->priority = c->arg[0];
    return DOJO_ADMIN_OK;
}

static uint32_t execute(DojoTile *t, const DojoCommand *c)
{
    if (c->opcode >= DOJO_ADMIN_QUEUE_START && c->opcode <= DOJO_ADMIN_QUEUE_PRIORITY &&
        c->id >= DOJO_MAX_QUEUES) {
        return DOJO_ADMIN_BAD_ARGUMENT;
    }
    switch (c->opcode) {
    case DOJO_ADMIN_NOP:
        return c->id || !unused_args(c, 0) ? DOJO_ADMIN_BAD_ARGUMENT : DOJO_ADMIN_OK;
    case DOJO_ADMIN_ASID_SET:
        return admin_asid_set(t, c);
    case DOJO_ADMIN_ASID_CLEAR:
        return admin_asid_clear(t, c);
    case DOJO_ADMIN_INVALIDATE:
        return admin_invalidate(t, c);
    case DOJO_ADMIN_QUEUE_START:
        return admin_queue_start(t, c);
    case DOJO_ADMIN_QUEUE_SUSPEND:
        return admin_queue_suspend(t, c);
    case DOJO_ADMIN_QUEUE_RESUME:
        return admin_queue_resume(t, c);
    case DOJO_ADMIN_QUEUE_RESET:
        return admin_queue_reset(t, c);
    case DOJO_ADMIN_QUEUE_SAVE:
        return admin_queue_save(t, c);
    case DOJO_ADMIN_QUEUE_PRIORITY:
        return admin_queue_priority(t, c);
    default:
        return DOJO_ADMIN_BAD_OPCODE;
    }
}

static uint32_t parse_and_execute(DojoTile *t, const struct dojo_admin_command *raw,
                                  DojoCommand *c)
{
    int i;

    *c = (DojoCommand) {
        .opcode = le16_to_cpu(raw->opcode),
        .flags = le16_to_cpu(raw->flags),
        .id = le32_to_cpu(raw->id),
    };
    for (i = 0; i < 3; i++) {
        c->arg[i] = le64_to_cpu(raw->arg[i]);
        if (raw->reserved[i]) {
            return DOJO_ADMIN_BAD_ARGUMENT;
        }
    }
    if (c->flags & ~DOJO_ADMIN_FLAG_EVENT) {
        return DOJO_ADMIN_BAD_ARGUMENT;
    }
    return execute(t, c);
}

static void ring_dead(DojoTile *t)
{
    if (qatomic_read(&t->halt)) {
        return;     /* it goes away anyway */
    }
    trace_dojo_admin_error(t->index);
    qatomic_or(&t->status, DOJO_STATUS_ADMIN_ERROR);
    dojo_ras_post(t, DOJO_RAS_LINK);
}

/* The entry at head, to its end */
static void run_command(DojoTile *t)
{
    uint32_t head = qatomic_read(&t->admin_head);
    uint64_t addr = t->admin_base +
                    (head & (t->admin_size - 1)) * sizeof(struct dojo_admin_command);
    struct dojo_admin_command raw;
    uint32_t result, done = head + 1;
    DojoCommand c;

    if (!dojo_dma_read(t->card, addr, &raw, sizeof(raw))) {
        ring_dead(t);
        return;
    }
    result = parse_and_execute(t, &raw, &c);
    trace_dojo_admin(t->index, head, c.opcode, c.id, c.arg[0], result);
    if (qatomic_read(&t->halt)) {
        return;     /* the ring is gone */
    }
    if (!dojo_dma_store(t->card, addr + offsetof(struct dojo_admin_command, result),
                        result | (uint64_t)done << 32, 8)) {
        ring_dead(t);
        return;
    }
    qatomic_set(&t->admin_head, done);
    if (c.flags & DOJO_ADMIN_FLAG_EVENT) {
        dojo_event_post(t, DOJO_EVENT_RING_CONTROL, DOJO_EVENT_ADMIN, done, 0);
    }
}

/* Lock held */
static bool command_due(DojoTile *t)
{
    uint32_t status = qatomic_read(&t->status);

    return !t->halt && (status & DOJO_STATUS_ENABLED) &&
           !(status & DOJO_STATUS_ADMIN_ERROR) &&
           qatomic_read(&t->admin_head) != qatomic_read(&t->admin_tail);
}

void *dojo_admin_thread(void *opaque)
{
    DojoTile *t = opaque;
    void (*work)(DojoTile *);

    rcu_register_thread();
    qemu_mutex_lock(&t->lock);
    while (!t->quit) {
        if (dojo_tile_reset_due(t)) {
            work = dojo_tile_reset_run;
        } else if (command_due(t)) {
            work = run_command;
        } else {
            qemu_cond_wait(&t->admin_cond, &t->lock);
            continue;
        }
        t->admin_busy = true;
        qemu_mutex_unlock(&t->lock);
        work(t);
        qemu_mutex_lock(&t->lock);
        t->admin_busy = false;
        qemu_cond_broadcast(&t->yield_cond);
    }
    qemu_mutex_unlock(&t->lock);
    rcu_unregister_thread();
    return NULL;
}
