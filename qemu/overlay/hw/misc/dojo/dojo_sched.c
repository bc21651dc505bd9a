/*
 * Dojo Interface Processor: which queue runs next
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * HARDWARE.md section 8. A tile has two DMA engines and a mesh of dies; READY
 * queues stand on a list by class, and a worker that is free picks the one to
 * have a turn. Waiting queues stand on the service thread's list.
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/rcu.h"
#include "dojo_dip.h"
#include "trace.h"

#define MAX_RESERVED    16      /* rectangles that hold others back at a time */

typedef struct Reservation {
    DojoQueue *queue;
    int priority;
} Reservation;

/* Tiles with a queue RUNNING or READY share the card's bandwidth: for the model clock */
void dojo_sched_count_tile(DojoTile *t)
{
    bool active = t->running || t->num_ready[DOJO_HW_CLASS_DMA] ||
                  t->num_ready[DOJO_HW_CLASS_COMPUTE];

    if (active != t->active) {
        t->active = active;
        qatomic_add(&t->card->tiles_active, active ? 1 : -1);
    }
}

/* What a queue left unused it does not get later, but for @ahead */
static void forfeit(DojoQueue *q, uint64_t ahead)
{
    uint64_t served = q->tile->served_ns[q->class][q->priority];

    if (served > ahead) {
        q->served_ns = MAX(q->served_ns, served - ahead);
    }
}

static void ready_add(DojoQueue *q)
{
    DojoTile *t = q->tile;

    forfeit(q, DOJO_TURN_NS);
    q->state = DOJO_HW_READY;
    q->on_ready = true;
    q->blocked_ns = 0;
    q->ready_ns = dojo_now(t->card);
    QTAILQ_INSERT_TAIL(&t->ready[q->class], q, ready_link);
    qatomic_set(&t->num_ready[q->class], t->num_ready[q->class] + 1);
    dojo_sched_count_tile(t);
}

static void ready_remove(DojoQueue *q)
{
    DojoTile *t = q->tile;

    q->on_ready = false;
    QTAILQ_REMOVE(&t->ready[q->class], q, ready_link);
    qatomic_set(&t->num_ready[q->class], t->num_ready[q->class] - 1);
}

static void service_add(DojoQueue *q)
{
    DojoTile *t = q->tile;

    q->on_service = true;
    QTAILQ_INSERT_TAIL(&t->service, q, service_link);
    qatomic_set(&t->num_waiting, t->num_waiting + 1);
    qemu_cond_signal(&t->service_cond);
}

static void service_remove(DojoQueue *q)
{
    DojoTile *t = q->tile;

    q->on_service = false;
    QTAILQ_REMOVE(&t->service, q, service_link);
    qatomic_set(&t->num_waiting, t->num_waiting - 1);
}

void dojo_sched_remove(DojoQueue *q)
{
    if (q->on_ready) {
        ready_remove(q);
    }
    if (q->on_service) {
        service_remove(q);
    }
    dojo_sched_count_tile(q->tile);
}

static bool has_work(DojoQueue *q)
{
    return q->head != q->tail;
}

/* Off its engine, or just resumed: to the state that its work asks for */
static void settle(DojoQueue *q)
{
    if (!has_work(q)) {
        q->state = DOJO_HW_IDLE;
    } else if (q->sem_pending) {
        q->state = DOJO_HW_WAITING;
        service_add(q);
    } else {
        ready_add(q);
    }
}

void dojo_sched_resume(DojoQueue *q)
{
    settle(q);
}

/* A fault that no packet made: the service thread reports it */
static void fault_doorbell(DojoQueue *q)
{
    struct dojo_fault_info fault = { .reason = DOJO_FAULT_DOORBELL };

    dojo_sched_remove(q);
    q->doorbell_fault = false;
    q->state = DOJO_HW_FAULTED;
    q->fault_unreported = true;
    dojo_queue_fault(q, &fault);
    service_add(q);
}

/* BQL. Takes constant time. */
void dojo_sched_doorbell(DojoTile *t, uint32_t id, uint32_t tail, bool *accepted)
{
    bool kick = false;
    DojoQueue *q;

    QEMU_LOCK_GUARD(&t->lock);
    q = t->queue[id];
    *accepted = q && !t->halt;
    if (!*accepted || tail == q->tail) {
        return;
    }
    trace_dojo_doorbell(t->index, id, tail);
    if (q->state == DOJO_HW_FAULTED) {
        qatomic_set(&q->tail, tail);
        return;
    }
    if (tail - qatomic_read(&q->head) > q->ring_size) {
        if (q->owned || q->state == DOJO_HW_RUNNING) {
            qatomic_set(&q->doorbell_fault, true);
        } else {
            fault_doorbell(q);
        }
        return;
    }
    qatomic_set(&q->tail, tail);
    if (q->state == DOJO_HW_IDLE) {
        ready_add(q);
        kick = true;
    }
    if (kick) {
        dojo_workers_kick(t->card, q->class);
    }
}

static int effective_priority(const DojoQueue *q, uint64_t now)
{
    uint64_t waited = now > q->ready_ns ? now - q->ready_ns : 0;
    uint64_t step = DOJO_AGEING_NS * (DOJO_HW_PRIORITY_KERNEL - q->priority + 1);

    if (q->priority >= DOJO_HW_PRIORITY_REALTIME) {
        return q->priority;
    }
    return MIN(q->priority + waited / step, DOJO_HW_PRIORITY_REALTIME);
}

/* Rectangles that have been blocked for long, and now hold back others */
static unsigned int collect_reservations(DojoTile *t, uint64_t now, Reservation *r)
{
    unsigned int n = 0;
    DojoQueue *q;

    QTAILQ_FOREACH(q, &t->ready[DOJO_HW_CLASS_COMPUTE], ready_link) {
        if (!(q->rect & t->dies_busy)) {
            continue;
        }
        if (!q->blocked_ns) {
            q->blocked_ns = now;
        } else if (now - q->blocked_ns > DOJO_RESERVE_NS && n < MAX_RESERVED) {
            r[n++] = (Reservation) { q, effective_priority(q, now) };
        }
    }
    return n;
}

static bool held_back(const DojoQueue *q, int priority, const Reservation *r,
                      unsigned int n)
{
    unsigned int i;

    for (i = 0; i < n; i++) {
        if (r[i].queue != q && (r[i].queue->rect & q->rect) &&
            r[i].priority >= priority) {
            return true;
        }
    }
    return false;
}

static bool engine_free(const DojoQueue *q)
{
    const DojoTile *t = q->tile;

    return q->class == DOJO_HW_CLASS_DMA ? t->dma_busy < DOJO_DMA_ENGINES :
                                           !(t->dies_busy & q->rect);
}

/*
 * Of two queues that count alike, one that has aged to this priority and one
 * that has it by right take turns: neither kind can keep the other out.
 */
static bool goes_before(const DojoQueue *q, int priority, const DojoQueue *best,
                        int best_priority)
{
    bool aged = q->priority < priority;

    if (priority != best_priority) {
        return priority > best_priority;
    }
    if (aged != (best->priority < best_priority)) {
        return aged != q->tile->picked_aged[q->class];
    }
    return q->served_ns < best->served_ns;
}

static DojoQueue *best_ready(DojoTile *t, enum dojo_hw_class class)
{
    uint64_t now = dojo_now(t->card);
    Reservation reserved[MAX_RESERVED];
    unsigned int num_reserved = 0;
    DojoQueue *q, *best = NULL;
    int best_priority = -1;

    if (class == DOJO_HW_CLASS_COMPUTE && t->dies_busy) {
        num_reserved = collect_reservations(t, now, reserved);
    }
    QTAILQ_FOREACH(q, &t->ready[class], ready_link) {
        int priority = effective_priority(q, now);

        if ((!best || goes_before(q, priority, best, best_priority)) &&
            engine_free(q) && !held_back(q, priority, reserved, num_reserved)) {
            best = q;
            best_priority = priority;
        }
    }
    if (best) {
        t->picked_aged[class] = best->priority < best_priority;
    }
    return best;
}

static void take_engine(DojoQueue *q)
{
    DojoTile *t = q->tile;

    if (q->class == DOJO_HW_CLASS_DMA) {
        t->dma_busy++;
    } else {
        t->dies_busy |= q->rect;
    }
    q->state = DOJO_HW_RUNNING;
    qatomic_set(&q->turn_ns, dojo_now(t->card));
    t->running++;
}

/* Ends the time on the engine and counts it */
void dojo_sched_release_engine(DojoQueue *q)
{
    DojoTile *t = q->tile;
    DojoState *s = t->card;
    uint64_t now = dojo_now(s);
    uint64_t turn = now - q->turn_ns;
    uint64_t busy = turn * q->dies;

    qatomic_set(&q->busy_ns, q->busy_ns + busy);
    q->served_ns += MIN(turn, DOJO_SERVED_MAX_NS);
    if (q->class == DOJO_HW_CLASS_DMA) {
        t->dma_busy--;
        qatomic_add(&t->dma_busy_ns, busy);
        qatomic_add(&s->dma_energy_ns, busy);
    } else {
        t->dies_busy &= ~q->rect;
        qatomic_add(&t->mesh_busy_ns, busy);
        qatomic_add(&s->mesh_energy_ns, busy);
    }
    q->state = DOJO_HW_READY;
    t->running--;
}

DojoQueue *dojo_sched_pick(DojoTile *t, enum dojo_hw_class class)
{
    DojoQueue *q;

    if (!qatomic_read(&t->num_ready[class])) {
        return NULL;
    }
    QEMU_LOCK_GUARD(&t->lock);
    if (t->halt) {
        return NULL;
    }
    q = best_ready(t, class);
    if (q) {
        uint64_t *served = &t->served_ns[class][q->priority];

        forfeit(q, DOJO_SERVED_MAX_NS);
        *served = MAX(*served, q->served_ns);
        ready_remove(q);
        take_engine(q);
        q->owned = true;
        t->owned++;
        trace_dojo_turn_begin(t->index, q->id);
    }
    return q;
}

/* Could another queue use the engine, after a turn that lasted long enough? */
bool dojo_sched_turn_over(DojoQueue *q)
{
    DojoState *s = q->tile->card;
    int i;

    if (dojo_now(s) - q->turn_ns < DOJO_TURN_NS) {
        return false;
    }
    for (i = 0; i < s->tiles; i++) {
        if (qatomic_read(&s->tile[i]->num_ready[q->class])) {
            return true;
        }
    }
    return false;
}

static void give_up(DojoQueue *q)
{
    q->owned = false;
    q->tile->owned--;
    qemu_cond_broadcast(&q->tile->yield_cond);
}

void dojo_sched_give_back(DojoQueue *q, DojoStep why)
{
    enum dojo_hw_class class = q->class;
    DojoTile *t = q->tile;
    bool more;

    WITH_QEMU_LOCK_GUARD(&t->lock) {
        trace_dojo_turn_end(t->index, q->id, why);
        dojo_sched_release_engine(q);
        if (why == DOJO_STEP_FAULT) {
            q->state = DOJO_HW_FAULTED;
        } else if (q->doorbell_fault) {
            fault_doorbell(q);
        } else if (!q->stop && !t->halt) {
            settle(q);
        }
        dojo_sched_count_tile(t);
        give_up(q);     /* from here on a reset may free it */
        more = t->num_ready[class];
    }
    if (more) {
        dojo_workers_kick(t->card, class);
    }
}

/* Its engine makes no progress from here on; the thread goes on to other work */
void dojo_sched_hang(DojoQueue *q, uint8_t level)
{
    QEMU_LOCK_GUARD(&q->tile->lock);
    trace_dojo_hang(q->tile->index, q->id, level);
    qatomic_set(&q->hung, level);
    give_up(q);
}

void dojo_sched_unhang(DojoQueue *q)
{
    DojoTile *t = q->tile;

    trace_dojo_hang(t->index, q->id, DOJO_HANG_NONE);
    qatomic_set(&q->hung, DOJO_HANG_NONE);
    dojo_hang_cured(q);
    dojo_sched_release_engine(q);
    if (!q->stop && !t->halt) {
        settle(q);
    }
    dojo_sched_count_tile(t);
}

/* Lock held, and let go meanwhile: looks at what one listed queue needs */
static void serve_queue(DojoTile *t, DojoQueue *q)
{
    struct dojo_fault_info fault = { };
    bool met = false, ok = true, kick = false;
    bool report = q->fault_unreported;

    q->owned = true;
    t->owned++;
    qemu_mutex_unlock(&t->lock);
    if (report) {
        dojo_queue_report_fault(q, &t->service_agent);
    } else {
        ok = dojo_semaphore_check(q, &t->service_agent, &met, &fault);
        if (!ok) {
            dojo_queue_fault(q, &fault);
            dojo_queue_report_fault(q, &t->service_agent);
        }
    }
    qemu_mutex_lock(&t->lock);

    if (report || !ok) {
        q->fault_unreported = false;
        q->state = DOJO_HW_FAULTED;
        service_remove(q);
    } else if (q->doorbell_fault) {
        fault_doorbell(q);
    } else if (met) {
        service_remove(q);
        q->sem_pending = false;
        q->sem.met = true;
        if (q->stop || t->halt) {
            q->state = DOJO_HW_READY;
        } else {
            ready_add(q);
            kick = true;
        }
    }
    give_up(q);
    if (kick) {
        dojo_workers_kick(t->card, q->class);
    }
}

static void serve_list(DojoTile *t)
{
    unsigned int n = t->num_waiting;

    while (n-- && !t->halt && !t->quit) {
        DojoQueue *q = QTAILQ_FIRST(&t->service);

        if (!q) {
            break;
        }
        QTAILQ_REMOVE(&t->service, q, service_link);
        QTAILQ_INSERT_TAIL(&t->service, q, service_link);
        if (!q->stop) {
            serve_queue(t, q);
        }
    }
}

static void serve_ras(DojoTile *t)
{
    uint32_t pending = t->ras_pending;

    t->ras_pending = 0;
    qemu_mutex_unlock(&t->lock);
    while (pending) {
        int kind = ctz32(pending);

        pending &= pending - 1;
        dojo_event_post(t, DOJO_EVENT_RING_CONTROL, DOJO_EVENT_RAS, 0, kind);
    }
    qemu_mutex_lock(&t->lock);
}

static bool serve_overflow(DojoTile *t)
{
    bool pending;

    qemu_mutex_unlock(&t->lock);
    pending = dojo_event_retry_overflow(t);
    qemu_mutex_lock(&t->lock);
    return pending;
}

void *dojo_service_thread(void *opaque)
{
    DojoTile *t = opaque;

    rcu_register_thread();
    qemu_mutex_lock(&t->lock);
    while (!t->quit) {
        bool again = false;

        if (!t->halt) {
            t->service_busy = true;
            serve_list(t);
            if (t->ras_pending) {
                serve_ras(t);
            }
            again = serve_overflow(t);
            t->service_busy = false;
            qemu_cond_broadcast(&t->yield_cond);
        }
        if (t->quit) {
            break;
        }
        if (!t->halt && (again || t->num_waiting)) {
            qemu_cond_timedwait(&t->service_cond, &t->lock, 1);
        } else if (!(t->ras_pending && !t->halt)) {
            qemu_cond_wait(&t->service_cond, &t->lock);
        }
    }
    qemu_mutex_unlock(&t->lock);
    rcu_unregister_thread();
    return NULL;
}
