/*
 * Dojo Interface Processor: event rings and interrupt moderation
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "dojo_dip.h"
#include "trace.h"

static void signal_ring(DojoEventRing *r)
{
    qatomic_set(&r->unsignalled, 0);
    dojo_irq_raise(r->tile->card, r->vector);
}

static void moderation_expired(void *opaque)
{
    DojoEventRing *r = opaque;

    if (qatomic_read(&r->unsignalled)) {
        signal_ring(r);
    }
}

static void moderate(DojoEventRing *r)
{
    uint32_t moderation = qatomic_read(&r->moderation);
    uint32_t count = moderation & 0xffff;
    uint32_t us = moderation >> 16;
    uint32_t events = qatomic_fetch_inc(&r->unsignalled) + 1;

    if (count <= 1 || !us || events >= count) {
        signal_ring(r);
    } else if (events == 1) {
        timer_mod_ns(r->timer, qemu_clock_get_ns(QEMU_CLOCK_REALTIME) + us * DOJO_US);
    }
}

static void ring_broken(DojoTile *t)
{
    if (!qatomic_read(&t->halt) &&
        !(qatomic_fetch_or(&t->status, DOJO_STATUS_ADMIN_ERROR) &
          DOJO_STATUS_ADMIN_ERROR)) {
        trace_dojo_admin_error(t->index);
    }
}

/* The guest's word is only believed if it is one that it could have stored */
static bool has_room(DojoEventRing *r)
{
    uint32_t word, used = r->producer - r->consumer;

    if (used < r->size) {
        return true;
    }
    if (!dojo_dma_read(r->tile->card, r->consumer_addr, &word, 4)) {
        ring_broken(r->tile);
        return false;
    }
    word = le32_to_cpu(word);
    if (r->producer - word <= r->size) {
        r->consumer = word;
    }
    return r->producer - r->consumer < r->size;
}

static bool write_event(DojoEventRing *r, uint16_t type, uint32_t id, uint64_t data)
{
    DojoState *s = r->tile->card;
    uint64_t addr = r->base + (r->producer & (r->size - 1)) * sizeof(struct dojo_event);
    struct dojo_event e = {
        .type = cpu_to_le16(type),
        .id = cpu_to_le32(id),
        .data = cpu_to_le64(data),
        .timestamp = cpu_to_le64(dojo_now(s)),
    };

    if (!dojo_dma_write(s, addr, &e, offsetof(struct dojo_event, seq)) ||
        !dojo_dma_store(s, addr + offsetof(struct dojo_event, seq), r->producer + 1, 4)) {
        ring_broken(r->tile);
        return false;
    }
    qatomic_set(&r->producer, r->producer + 1);
    return true;
}

/* Lock held. An event that was dropped is made known before anything newer. */
static bool post_overflow(DojoEventRing *r)
{
    if (!has_room(r) || !write_event(r, DOJO_EVENT_OVERFLOW, 0, 0)) {
        return false;
    }
    qatomic_set(&r->overflow, false);
    return true;
}

void dojo_event_post(DojoTile *t, unsigned int ring, uint16_t type, uint32_t id,
                     uint64_t data)
{
    DojoEventRing *r = &t->event[ring];
    bool posted = false, dropped = false;

    if (!(qatomic_load_acquire(&t->status) & DOJO_STATUS_ENABLED)) {
        return;
    }
    if (!r->size) {
        r = &t->event[DOJO_EVENT_RING_CONTROL];
    }
    if (!r->size) {
        return;
    }
    WITH_QEMU_LOCK_GUARD(&r->lock) {
        if (r->overflow) {
            posted = post_overflow(r);
        }
        if (!r->overflow && has_room(r)) {
            posted |= write_event(r, type, id, data);
        } else {
            dropped = true;
            qatomic_set(&r->overflow, true);
        }
    }
    trace_dojo_event(t->index, r->index, type, id, data, dropped);
    if (posted) {
        moderate(r);
    }
    if (dropped) {
        WITH_QEMU_LOCK_GUARD(&t->lock) {
            qemu_cond_signal(&t->service_cond);
        }
    }
}

/* Is there still a ring with events that were dropped and not made known? */
bool dojo_event_retry_overflow(DojoTile *t)
{
    bool pending = false;
    int i;

    for (i = 0; i < DOJO_NUM_EVENT_RINGS; i++) {
        DojoEventRing *r = &t->event[i];
        bool posted = false;

        if (!qatomic_read(&r->overflow)) {
            continue;
        }
        WITH_QEMU_LOCK_GUARD(&r->lock) {
            if (r->overflow) {
                posted = post_overflow(r);
            }
        }
        if (posted) {
            moderate(r);
        } else if (!(qatomic_read(&t->status) & DOJO_STATUS_ADMIN_ERROR)) {
            pending = true;
        }
    }
    return pending;
}

/* From anywhere, the BQL included: the service thread posts it */
void dojo_ras_post(DojoTile *t, uint64_t kind)
{
    QEMU_LOCK_GUARD(&t->lock);
    t->ras_pending |= 1u << kind;
    qemu_cond_signal(&t->service_cond);
}

void dojo_event_init(DojoTile *t)
{
    int i;

    for (i = 0; i < DOJO_NUM_EVENT_RINGS; i++) {
        DojoEventRing *r = &t->event[i];

        r->tile = t;
        r->index = i;
        qemu_mutex_init(&r->lock);
        r->timer = timer_new_ns(QEMU_CLOCK_REALTIME, moderation_expired, r);
    }
}

void dojo_event_destroy(DojoTile *t)
{
    int i;

    for (i = 0; i < DOJO_NUM_EVENT_RINGS; i++) {
        timer_free(t->event[i].timer);
        qemu_mutex_destroy(&t->event[i].lock);
    }
}

void dojo_event_enable(DojoTile *t)
{
    int i;

    for (i = 0; i < DOJO_NUM_EVENT_RINGS; i++) {
        DojoEventRegs *regs = &t->regs.event[i];
        DojoEventRing *r = &t->event[i];

        r->base = regs->base;
        r->consumer_addr = regs->consumer;
        r->size = regs->size;
        r->vector = regs->vector;
    }
}

void dojo_event_reset(DojoTile *t)
{
    int i;

    for (i = 0; i < DOJO_NUM_EVENT_RINGS; i++) {
        DojoEventRing *r = &t->event[i];

        timer_del(r->timer);
        r->base = r->consumer_addr = 0;
        r->size = r->vector = r->consumer = 0;
        qatomic_set(&r->moderation, 0);
        qatomic_set(&r->producer, 0);
        qatomic_set(&r->overflow, false);
        qatomic_set(&r->unsignalled, 0);
    }
}
