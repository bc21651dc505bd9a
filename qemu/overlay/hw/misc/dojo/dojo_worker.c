/*
 * Dojo Interface Processor: the threads that do the work
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A worker picks a queue of its class from any tile, gives it a turn, and
 * picks again. A packet with much to do is offered to mesh workers that have
 * nothing to pick: they take units of it. Small packets wake nobody.
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/memalign.h"
#include "qemu/rcu.h"
#include "qapi/error.h"
#include "dojo_dip.h"
#include "trace.h"

#define SHARE_NS        100000  /* worth sharing: rough time of a packet alone */
#define FLOP_PER_NS     50
#define BYTES_PER_NS    5

/* Something may have become pickable. Costs no system call while all are busy. */
void dojo_workers_kick(DojoState *s, enum dojo_hw_class class)
{
    qatomic_inc(&s->pool_seq[class]);
    if (qatomic_read(&s->sleepers[class])) {
        QEMU_LOCK_GUARD(&s->pool_lock);
        qemu_cond_signal(&s->pool_cond[class]);
    }
}

static bool must_yield(DojoQueue *q)
{
    return qatomic_read(&q->stop) || qatomic_read(&q->doorbell_fault) ||
           qatomic_read(&q->tile->halt) || qatomic_read(&q->tile->card->quit);
}

/* Outside of a section: the time that units would have taken on a slow engine */
static void pay_debt(DojoQueue *q, DojoWorker *w)
{
    while (unlikely(w->debt_ns) && !must_yield(q)) {
        uint64_t ns = MIN(w->debt_ns, DOJO_MS);

        g_usleep(DIV_ROUND_UP(ns, 1000));
        w->debt_ns -= ns;
    }
    w->debt_ns = 0;
}

static void add_flags(struct dojo_flags *sum, const struct dojo_flags *f)
{
    sum->invalid += f->invalid;
    sum->denormal += f->denormal;
    sum->overflow += f->overflow;
    sum->underflow += f->underflow;
}

/* Inside a section */
static bool run_unit(DojoQueue *q, uint64_t unit, DojoWorker *w, struct dojo_flags *flags,
                     struct dojo_fault_info *fault)
{
    DojoState *s = q->tile->card;
    uint32_t factor = qatomic_read(&s->slow_factor);
    uint64_t begin = unlikely(factor > 1) ? dojo_now(s) : 0;
    DojoMemory m;
    bool ok;

    dojo_memory_init(&m, &w->agent, q->tile, q->asid);
    ok = dojo_op_run(&q->op, unit, &m.mem, w->scratch, flags, fault);
    qatomic_inc(&q->progress);
    if (unlikely(begin)) {
        w->debt_ns += (dojo_now(s) - begin) * (factor - 1);
    }
    return ok;
}

static bool must_pause(DojoQueue *q)
{
    return must_yield(q) || dojo_sched_turn_over(q) ||
           (unlikely(qatomic_read(&q->tile->hang_armed)) && dojo_hang_due(q));
}

static DojoStep units_alone(DojoQueue *q, DojoWorker *w, struct dojo_fault_info *fault)
{
    while (q->unit < q->op.units) {
        struct dojo_flags flags = { };
        bool ok = run_unit(q, q->unit, w, &flags, fault);

        add_flags(&q->packet_arith, &flags);
        if (!ok) {
            return DOJO_STEP_FAULT;
        }
        qatomic_set(&q->unit, q->unit + 1);
        if (q->unit < q->op.units) {
            dojo_section_end(&w->agent);
            pay_debt(q, w);
            dojo_section_begin(&w->agent, q->tile);
            if (must_pause(q)) {
                return DOJO_STEP_STOPPED;
            }
        }
    }
    return DOJO_STEP_DONE;
}

/* Takes a unit of a shared packet, if there is one left */
static bool take_unit(DojoJob *job, uint64_t *unit)
{
    if (qatomic_read(&job->stop)) {
        return false;
    }
    *unit = qatomic_fetch_inc(&job->next);
    return *unit < job->end;
}

static void run_shared_unit(DojoJob *job, uint64_t unit, DojoWorker *w)
{
    struct dojo_fault_info fault = { };
    struct dojo_flags flags = { };
    DojoQueue *q = job->queue;
    bool ok;

    dojo_section_begin(&w->agent, q->tile);
    ok = run_unit(q, unit, w, &flags, &fault);
    dojo_section_end(&w->agent);
    pay_debt(q, w);

    QEMU_LOCK_GUARD(&w->agent.card->pool_lock);
    add_flags(&job->arith, &flags);
    if (!ok && unit < job->fault_unit) {
        job->fault = fault;
        job->fault_unit = unit;
        qatomic_set(&job->stop, true);
    }
}

static void offer(DojoState *s, DojoJob *job)
{
    QEMU_LOCK_GUARD(&s->pool_lock);
    QTAILQ_INSERT_TAIL(&s->jobs, job, link);
    qatomic_inc(&s->pool_seq[DOJO_HW_CLASS_COMPUTE]);
    qemu_cond_broadcast(&s->pool_cond[DOJO_HW_CLASS_COMPUTE]);
}

static void withdraw(DojoState *s, DojoJob *job)
{
    QEMU_LOCK_GUARD(&s->pool_lock);
    QTAILQ_REMOVE(&s->jobs, job, link);
    while (job->helpers) {
        qemu_cond_wait(&s->job_cond, &s->pool_lock);
    }
}

static DojoStep units_shared(DojoQueue *q, DojoWorker *w, struct dojo_fault_info *fault)
{
    DojoState *s = q->tile->card;
    DojoJob job = {
        .queue = q,
        .next = q->unit,
        .end = q->op.units,
        .fault_unit = UINT64_MAX,
    };
    bool pause = false;
    uint64_t unit;

    dojo_section_end(&w->agent);
    offer(s, &job);
    do {
        if (!take_unit(&job, &unit)) {
            break;
        }
        run_shared_unit(&job, unit, w);
        pause = must_pause(q);
    } while (!pause);
    qatomic_set(&job.stop, true);
    withdraw(s, &job);
    dojo_section_begin(&w->agent, q->tile);

    add_flags(&q->packet_arith, &job.arith);
    if (job.fault_unit != UINT64_MAX) {
        qatomic_set(&q->unit, job.fault_unit);
        *fault = job.fault;
        return DOJO_STEP_FAULT;
    }
    /* every unit that was handed out has been done */
    qatomic_set(&q->unit, MIN(job.next, job.end));
    return q->unit == job.end ? DOJO_STEP_DONE : DOJO_STEP_STOPPED;
}

DojoStep dojo_units_run(DojoQueue *q, DojoWorker *w, struct dojo_fault_info *fault)
{
    const struct dojo_op *op = &q->op;
    uint64_t cost = op->flop / FLOP_PER_NS +
                    (op->read_bytes + op->write_bytes) / BYTES_PER_NS;

    if (q->class == DOJO_HW_CLASS_COMPUTE && op->units - q->unit > 1 &&
        cost > SHARE_NS && q->tile->card->num_workers > 1) {
        return units_shared(q, w, fault);
    }
    return units_alone(q, w, fault);
}

static void run_turn(DojoQueue *q, DojoWorker *w)
{
    DojoTile *t = q->tile;
    DojoStep step;

    do {
        uint8_t level;

        if (must_yield(q)) {
            step = DOJO_STEP_STOPPED;
            break;
        }
        if (unlikely(qatomic_read(&t->hang_armed)) && q->in_packet) {
            level = dojo_hang_take(q);
            if (level) {
                dojo_sched_hang(q, level);
                return;
            }
        }
        dojo_section_begin(&w->agent, t);
        step = dojo_queue_step(q, w);
        dojo_section_end(&w->agent);
        pay_debt(q, w);
        if (step == DOJO_STEP_STOPPED && !must_yield(q) &&
            !dojo_sched_turn_over(q)) {
            step = DOJO_STEP_DONE;  /* a hang, to be taken above */
        }
    } while (step == DOJO_STEP_DONE && !dojo_sched_turn_over(q));

    if (step == DOJO_STEP_FAULT) {
        dojo_queue_report_fault(q, &w->agent);
    }
    dojo_sched_give_back(q, step);
}

static DojoQueue *pick(DojoState *s, enum dojo_hw_class class)
{
    uint32_t from = qatomic_fetch_inc(&s->pick_from[class]);
    int i;

    for (i = 0; i < s->tiles; i++) {
        DojoQueue *q = dojo_sched_pick(s->tile[(from + i) % s->tiles], class);

        if (q) {
            return q;
        }
    }
    return NULL;
}

static DojoJob *join_job(DojoState *s)
{
    DojoJob *job;

    QEMU_LOCK_GUARD(&s->pool_lock);
    QTAILQ_FOREACH(job, &s->jobs, link) {
        if (!qatomic_read(&job->stop) && qatomic_read(&job->next) < job->end) {
            job->helpers++;
            return job;
        }
    }
    return NULL;
}

static void leave_job(DojoState *s, DojoJob *job)
{
    QEMU_LOCK_GUARD(&s->pool_lock);
    if (!--job->helpers) {
        qemu_cond_broadcast(&s->job_cond);
    }
}

/* Until it is done, or there may be a queue to pick */
static bool help(DojoWorker *w, uint32_t seen)
{
    DojoState *s = w->agent.card;
    DojoJob *job = join_job(s);
    uint64_t unit;

    if (!job) {
        return false;
    }
    while (take_unit(job, &unit)) {
        run_shared_unit(job, unit, w);
        if (qatomic_read(&s->pool_seq[DOJO_HW_CLASS_COMPUTE]) != seen) {
            break;
        }
    }
    leave_job(s, job);
    return true;
}

static void sleep_for_work(DojoWorker *w, uint32_t seen)
{
    DojoState *s = w->agent.card;

    QEMU_LOCK_GUARD(&s->pool_lock);
    qatomic_inc(&s->sleepers[w->class]);
    /* either this sees a kick, or the kick sees this sleeper */
    smp_mb();
    if (qatomic_read(&s->pool_seq[w->class]) == seen && !s->quit) {
        qemu_cond_wait(&s->pool_cond[w->class], &s->pool_lock);
    }
    qatomic_dec(&s->sleepers[w->class]);
}

static void *worker_thread(void *opaque)
{
    DojoWorker *w = opaque;
    DojoState *s = w->agent.card;

    rcu_register_thread();
    while (!qatomic_read(&s->quit)) {
        uint32_t seen = qatomic_read(&s->pool_seq[w->class]);
        DojoQueue *q;

        /* a kick after this look shows in pool_seq */
        smp_mb();
        q = pick(s, w->class);
        if (q) {
            run_turn(q, w);
        } else if (w->class != DOJO_HW_CLASS_COMPUTE || !help(w, seen)) {
            sleep_for_work(w, seen);
        }
    }
    rcu_unregister_thread();
    return NULL;
}

static void new_worker(DojoState *s, enum dojo_hw_class class)
{
    DojoWorker *w = g_new0(DojoWorker, 1);

    w->class = class;
    w->scratch = qemu_memalign(64, DOJO_OP_SCRATCH);
    dojo_agent_init(&w->agent, s);
    s->worker[s->num_threads++] = w;
}

static void start_worker(DojoWorker *w, int index)
{
    g_autofree char *name = g_strdup_printf("dojo-%s%d", w->class == DOJO_HW_CLASS_DMA ?
                                            "dma" : "mesh", index);

    qemu_thread_create(&w->thread, name, worker_thread, w, QEMU_THREAD_JOINABLE);
}

/* All agents exist before any thread runs that looks at their list */
void dojo_workers_start(DojoState *s)
{
    unsigned int mesh = s->num_workers, i;
    unsigned int dma = MIN(s->tiles * DOJO_DMA_ENGINES, MAX(s->num_workers, 2));

    for (i = 0; i < mesh; i++) {
        new_worker(s, DOJO_HW_CLASS_COMPUTE);
    }
    for (i = 0; i < dma; i++) {
        new_worker(s, DOJO_HW_CLASS_DMA);
    }
    for (i = 0; i < s->num_threads; i++) {
        start_worker(s->worker[i], i < mesh ? i : i - mesh);
    }
}

void dojo_workers_stop(DojoState *s)
{
    unsigned int i;

    WITH_QEMU_LOCK_GUARD(&s->pool_lock) {
        qatomic_set(&s->quit, true);
        qemu_cond_broadcast(&s->pool_cond[DOJO_HW_CLASS_DMA]);
        qemu_cond_broadcast(&s->pool_cond[DOJO_HW_CLASS_COMPUTE]);
    }
    for (i = 0; i < s->num_threads; i++) {
        qemu_thread_join(&s->worker[i]->thread);
    }
}

void dojo_workers_free(DojoState *s)
{
    while (s->num_threads) {
        DojoWorker *w = s->worker[--s->num_threads];

        dojo_agent_destroy(&w->agent);
        qemu_vfree(w->scratch);
        g_free(w);
    }
}
