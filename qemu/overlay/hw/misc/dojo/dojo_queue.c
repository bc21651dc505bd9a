/*
 * Dojo Interface Processor: contexts, descriptors and batches of a queue
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * dojo_queue_step() takes a queue one small step further, and is called over
 * and over during a turn. What it needs to go on later is in DojoQueue.
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/host-utils.h"
#include "dojo_dip.h"
#include "trace.h"

#define STATE_OFFSET    offsetof(struct dojo_queue_context, state)

static uint64_t context_va(DojoTile *t, uint32_t id)
{
    return t->context_base + (uint64_t)id * DOJO_CONTEXT_SIZE;
}

/* Bit map of the dies of a rectangle, 0 if it is none inside the mesh */
static uint32_t rectangle(const struct dojo_queue_context *c)
{
    uint32_t map = 0;
    int x, y;

    if (!c->rect_w || !c->rect_h || c->rect_x + c->rect_w > DOJO_MESH_SIDE ||
        c->rect_y + c->rect_h > DOJO_MESH_SIDE) {
        return 0;
    }
    for (y = c->rect_y; y < c->rect_y + c->rect_h; y++) {
        for (x = c->rect_x; x < c->rect_x + c->rect_w; x++) {
            map |= 1u << (y * DOJO_MESH_SIDE + x);
        }
    }
    return map;
}

static bool context_valid(const struct dojo_queue_context *c)
{
    uint32_t ring_size = le32_to_cpu(c->ring_size);
    uint64_t ring_va = le64_to_cpu(c->ring_va);
    uint32_t flags = le32_to_cpu(c->flags);
    int i;

    for (i = 0; i < ARRAY_SIZE(c->reserved1); i++) {
        if (c->reserved1[i]) {
            return false;
        }
    }
    if (c->reserved0[0] || c->reserved0[1] || (ring_va & 63) ||
        ring_size < 16 || ring_size > 65536 || !is_power_of_2(ring_size)) {
        return false;
    }
    if (ring_va >> DOJO_VA_BITS ||
        (ring_va + ring_size * sizeof(struct dojo_ring_descriptor) - 1) >> DOJO_VA_BITS) {
        return false;
    }
    if (le32_to_cpu(c->asid) >= DOJO_MAX_ASIDS || (flags & ~DOJO_CTX_FLAGS) ||
        (flags & DOJO_CTX_USER) || c->priority > DOJO_HW_PRIORITY_KERNEL) {
        return false;
    }
    switch (c->queue_class) {
    case DOJO_HW_CLASS_DMA:
        return !c->rect_x && !c->rect_y && !c->rect_w && !c->rect_h;
    case DOJO_HW_CLASS_COMPUTE:
        return rectangle(c);
    default:
        return false;
    }
}

/* Admin thread. NULL: *@result says why */
DojoQueue *dojo_queue_start(DojoTile *t, uint32_t id, DojoAgent *agent, uint32_t *result)
{
    struct dojo_queue_context c;
    struct dojo_fault_info fault = { };
    DojoMemory m;
    DojoQueue *q;
    bool ok;

    *result = DOJO_ADMIN_BAD_CONTEXT;
    dojo_memory_init(&m, agent, t, 0);
    dojo_section_begin(agent, t);
    ok = dojo_memory_read(&m, context_va(t, id), &c, STATE_OFFSET, &fault);
    dojo_section_end(agent);
    if (!ok || !context_valid(&c)) {
        return NULL;
    }

    q = g_new0(DojoQueue, 1);
    q->tile = t;
    q->id = id;
    q->ring_va = le64_to_cpu(c.ring_va);
    q->ring_size = le32_to_cpu(c.ring_size);
    q->asid = le32_to_cpu(c.asid);
    q->flags = le32_to_cpu(c.flags);
    q->class = c.queue_class;
    q->priority = c.priority;
    q->rect = c.queue_class == DOJO_HW_CLASS_COMPUTE ? rectangle(&c) : 0;
    q->dies = q->rect ? ctpop32(q->rect) : 1;
    q->head = q->tail = le32_to_cpu(c.start_index);
    q->state = DOJO_HW_IDLE;
    q->limits = t->card->limits;
    q->limits.compute = c.queue_class == DOJO_HW_CLASS_COMPUTE;
    q->limits.privileged = q->flags & DOJO_CTX_PRIVILEGED;
    *result = DOJO_ADMIN_OK;
    return q;
}

static uint64_t busy_until(DojoQueue *q, uint64_t now)
{
    uint64_t busy = qatomic_read(&q->busy_ns);

    if (q->state == DOJO_HW_RUNNING) {
        busy += (now - qatomic_read(&q->turn_ns)) * q->dies;
    }
    return busy;
}

static void fill_state(DojoQueue *q, uint32_t state, struct dojo_queue_context *c)
{
    c->state = cpu_to_le32(state);
    c->fault = cpu_to_le32(q->fault);
    c->head = cpu_to_le32(qatomic_read(&q->head));
    c->tail = cpu_to_le32(qatomic_read(&q->tail));
    c->fault_va = cpu_to_le64(q->fault_va);
    c->fault_access = cpu_to_le32(q->fault_access);
    c->fault_field = cpu_to_le32(q->fault_field);
    c->batch_va = cpu_to_le64(qatomic_read(&q->batch_va));
    c->packet_offset = cpu_to_le32(qatomic_read(&q->packet_offset));
    c->packet_opcode = cpu_to_le32(qatomic_read(&q->packet_opcode));
    c->cookie = cpu_to_le64(qatomic_read(&q->cookie));
    c->unit = cpu_to_le64(qatomic_read(&q->unit));
    c->progress = cpu_to_le64(qatomic_read(&q->progress));
    c->seqno = cpu_to_le64(qatomic_read(&q->seqno));
    c->busy_ns = cpu_to_le64(busy_until(q, dojo_now(q->tile->card)));
    c->model_ps = cpu_to_le64(qatomic_read(&q->model_ps));
    c->packets = cpu_to_le64(qatomic_read(&q->packets));
    c->bytes = cpu_to_le64(qatomic_read(&q->bytes));
    c->flop = cpu_to_le64(qatomic_read(&q->flop));
    c->flag_invalid = cpu_to_le64(qatomic_read(&q->arith.invalid));
    c->flag_denormal = cpu_to_le64(qatomic_read(&q->arith.denormal));
    c->flag_overflow = cpu_to_le64(qatomic_read(&q->arith.overflow));
    c->flag_underflow = cpu_to_le64(qatomic_read(&q->arith.underflow));
}

/* The state half, save_count last */
static bool write_state(DojoTile *t, uint32_t id, DojoAgent *agent,
                        const struct dojo_queue_context *c, uint64_t save_count)
{
    uint64_t va = context_va(t, id);
    struct dojo_fault_info fault = { };
    DojoMemory m;
    bool ok;

    dojo_memory_init(&m, agent, t, 0);
    dojo_section_begin(agent, t);
    ok = dojo_memory_write(&m, va + STATE_OFFSET, (const uint8_t *)c + STATE_OFFSET,
                           DOJO_CONTEXT_SIZE - 8 - STATE_OFFSET, &fault) &&
         dojo_memory_store64(&m, va + DOJO_CONTEXT_SIZE - 8, save_count, &fault);
    dojo_section_end(agent);
    return ok;
}

bool dojo_queue_save(DojoQueue *q, DojoAgent *agent, uint32_t state)
{
    struct dojo_queue_context c = { };

    QEMU_BUILD_BUG_ON(sizeof(c) != DOJO_CONTEXT_SIZE);
    QEMU_LOCK_GUARD(&q->tile->save_lock);
    fill_state(q, state, &c);
    return write_state(q->tile, q->id, agent, &c, ++q->save_count);
}

/* A queue that is OFF has nothing to show */
bool dojo_context_save_off(DojoTile *t, uint32_t id, DojoAgent *agent)
{
    struct dojo_queue_context c = { };

    QEMU_LOCK_GUARD(&t->save_lock);
    return write_state(t, id, agent, &c, 1);
}

void dojo_queue_fault(DojoQueue *q, const struct dojo_fault_info *fault)
{
    q->fault = fault->reason;
    q->fault_access = fault->access;
    q->fault_field = fault->field;
    q->fault_va = fault->va;
    trace_dojo_fault(q->tile->index, q->id, fault->reason, fault->va, fault->field,
                     q->packet_opcode);
}

void dojo_queue_report_fault(DojoQueue *q, DojoAgent *agent)
{
    if (qatomic_read(&q->tile->halt)) {
        return;     /* it is being reset, which may be what made the fault */
    }
    dojo_queue_save(q, agent, DOJO_HW_FAULTED);
    dojo_event_post(q->tile, DOJO_EVENT_RING_CONTROL, DOJO_EVENT_FAULT, q->id, q->fault);
}

static DojoStep fail(DojoQueue *q, const struct dojo_fault_info *fault)
{
    dojo_queue_fault(q, fault);
    return DOJO_STEP_FAULT;
}

static DojoStep fail_field(DojoQueue *q, uint32_t reason, uint32_t field)
{
    struct dojo_fault_info fault = { .reason = reason, .field = field };

    return fail(q, &fault);
}

/* ------------------------------------------------------------ descriptors */

#define DESC(f) offsetof(struct dojo_ring_descriptor, f)

/* Field of the first thing wrong with a descriptor, or -1 */
static int descriptor_error(const struct dojo_ring_descriptor *d)
{
    bool fence = d->type == DOJO_DESC_FENCE;
    int i;

    if (!fence && d->type != DOJO_DESC_BATCH) {
        return DESC(type);
    }
    if (d->flags & ~(fence ? DOJO_DESC_FLAG_EVENT : 0)) {
        return DESC(flags);
    }
    if (d->reserved0) {
        return DESC(reserved0);
    }
    if (fence ? d->size : !d->size || (d->size & 7) || d->size > DOJO_BATCH_MAX) {
        return DESC(size);
    }
    if (d->va & (fence ? 63 : 7)) {
        return DESC(va);
    }
    if (!fence && d->value) {
        return DESC(value);
    }
    if (fence && d->cookie) {
        return DESC(cookie);
    }
    for (i = 0; i < ARRAY_SIZE(d->reserved1); i++) {
        if (d->reserved1[i]) {
            return DESC(reserved1) + i * 8;
        }
    }
    return -1;
}

static unsigned int fence_ring(const DojoQueue *q)
{
    if (q->flags & DOJO_CTX_PRIVILEGED) {
        return DOJO_EVENT_RING_KERNEL;
    }
    return q->class == DOJO_HW_CLASS_COMPUTE ? DOJO_EVENT_RING_COMPUTE :
                                               DOJO_EVENT_RING_DMA;
}

static DojoStep run_fence(DojoQueue *q, DojoMemory *m,
                          const struct dojo_ring_descriptor *d)
{
    uint64_t now = dojo_now(q->tile->card);
    struct dojo_fault_info fault = { };
    struct dojo_fence_record r = {
        .start_ns = cpu_to_le64(q->start_ns ?: now),
        .end_ns = cpu_to_le64(now),
        .busy_ns = cpu_to_le64(busy_until(q, now)),
        .model_ps = cpu_to_le64(q->model_ps),
        .packets = cpu_to_le64(q->packets),
        .bytes = cpu_to_le64(q->bytes),
        .flop = cpu_to_le64(q->flop),
    };

    if (!dojo_memory_write(m, d->va, &r, offsetof(struct dojo_fence_record, seqno),
                           &fault)) {
        return fail(q, &fault);
    }
    /* who sees the seqno may use the ring's entry again: the head goes first */
    qatomic_set(&q->head, q->head + 1);
    if (!dojo_memory_store64(m, d->va + offsetof(struct dojo_fence_record, seqno),
                             d->value, &fault)) {
        qatomic_set(&q->head, q->head - 1);
        return fail(q, &fault);
    }
    qatomic_set(&q->seqno, d->value);
    q->start_ns = 0;
    qatomic_inc(&q->progress);
    trace_dojo_fence(q->tile->index, q->id, d->value);
    if (d->flags & DOJO_DESC_FLAG_EVENT) {
        dojo_event_post(q->tile, fence_ring(q), DOJO_EVENT_FENCE, q->id, d->value);
    }
    return DOJO_STEP_DONE;
}

/* What is saved of a queue that runs is read by the admin's thread */
static void begin_batch(DojoQueue *q, uint64_t va, uint64_t cookie)
{
    qatomic_set(&q->packet_offset, 0);
    qatomic_set(&q->packet_opcode, 0);
    qatomic_set(&q->batch_va, va);
    qatomic_set(&q->cookie, cookie);
}

static DojoStep next_descriptor(DojoQueue *q, DojoWorker *w)
{
    struct dojo_fault_info fault = { };
    struct dojo_ring_descriptor d;
    DojoMemory m;
    uint64_t va;
    int field;

    if (q->head == qatomic_load_acquire(&q->tail)) {
        return DOJO_STEP_IDLE;
    }
    begin_batch(q, 0, 0);

    dojo_memory_init(&m, &w->agent, q->tile, 0);
    va = q->ring_va + (uint64_t)(q->head & (q->ring_size - 1)) * sizeof(d);
    if (!dojo_memory_read(&m, va, &d, sizeof(d), &fault)) {
        return fail(q, &fault);
    }
    d.reserved0 = le16_to_cpu(d.reserved0);
    d.size = le32_to_cpu(d.size);
    d.va = le64_to_cpu(d.va);
    d.value = le64_to_cpu(d.value);
    d.cookie = le64_to_cpu(d.cookie);

    field = descriptor_error(&d);
    if (field >= 0) {
        return fail_field(q, DOJO_FAULT_DESCRIPTOR, field);
    }
    if (d.type == DOJO_DESC_FENCE) {
        return run_fence(q, &m, &d);
    }
    if (!q->start_ns) {
        q->start_ns = dojo_now(q->tile->card);
    }
    begin_batch(q, d.va, d.cookie);
    q->batch_size = d.size;
    q->in_batch = true;
    return DOJO_STEP_DONE;
}

/* ---------------------------------------------------------------- packets */

/* One copy of the packet, header first, and nothing beyond it */
static bool fetch_packet(DojoQueue *q, DojoMemory *m, struct dojo_fault_info *fault)
{
    uint64_t va = q->batch_va + q->packet_offset;
    uint32_t left = q->batch_size - q->packet_offset;
    struct dojo_op *op = &q->op;
    uint32_t bytes;

    memset(op, 0, sizeof(*op));
    if (!dojo_memory_read(m, va, &op->packet.header, 8, fault)) {
        return false;
    }
    qatomic_set(&q->packet_opcode, le16_to_cpu(op->packet.header.opcode));
    bytes = MIN(le16_to_cpu(op->packet.header.words) * 8u, MIN(left, DOJO_PACKET_MAX));
    return bytes <= 8 ||
           dojo_memory_read(m, va + 8, &op->packet.words[1], bytes - 8, fault);
}

static DojoStep start_packet(DojoQueue *q, DojoWorker *w, DojoMemory *m)
{
    uint32_t left = q->batch_size - q->packet_offset;
    struct dojo_fault_info fault = { };

    qatomic_set(&q->packet_opcode, 0);
    qatomic_set(&q->unit, 0);
    if (!fetch_packet(q, m, &fault) ||
        !dojo_op_decode(&q->op, MIN(left, DOJO_PACKET_MAX), &q->limits, &fault) ||
        !dojo_op_prepare(&q->op, &m->mem, w->scratch, &fault)) {
        return fail(q, &fault);
    }
    q->packet_arith = (struct dojo_flags) { };
    q->packet_model_ps = dojo_model_ps(q, m);
    q->in_packet = true;
    if (q->packet_opcode == DOJO_OP_SEM_WAIT) {
        const struct dojo_packet_sem_wait *p = (void *)q->op.packet.words;

        q->sem = (DojoSemaphore) {
            .va = le64_to_cpu(p->va),
            .value = le64_to_cpu(p->value),
            .condition = le32_to_cpu(p->condition),
        };
    }
    return DOJO_STEP_DONE;
}

static bool trapped(const DojoQueue *q)
{
    const struct dojo_flags *f = &q->packet_arith;

    return ((q->flags & DOJO_CTX_TRAP_INVALID) && f->invalid) ||
           ((q->flags & DOJO_CTX_TRAP_DENORMAL) && f->denormal) ||
           ((q->flags & DOJO_CTX_TRAP_OVERFLOW) && f->overflow) ||
           ((q->flags & DOJO_CTX_TRAP_UNDERFLOW) && f->underflow);
}

static DojoStep finish_packet(DojoQueue *q)
{
    const struct dojo_op *op = &q->op;

    qatomic_set(&q->packets, q->packets + 1);
    qatomic_set(&q->bytes, q->bytes + op->read_bytes + op->write_bytes);
    qatomic_set(&q->flop, q->flop + op->flop);
    qatomic_set(&q->model_ps, q->model_ps + q->packet_model_ps);
    qatomic_set(&q->arith.invalid, q->arith.invalid + q->packet_arith.invalid);
    qatomic_set(&q->arith.denormal, q->arith.denormal + q->packet_arith.denormal);
    qatomic_set(&q->arith.overflow, q->arith.overflow + q->packet_arith.overflow);
    qatomic_set(&q->arith.underflow, q->arith.underflow + q->packet_arith.underflow);
    q->in_packet = false;
    if (q->flags && trapped(q)) {
        return fail_field(q, DOJO_FAULT_ARITHMETIC, 0);
    }

    qatomic_set(&q->packet_offset,
                q->packet_offset + le16_to_cpu(op->packet.header.words) * 8);
    qatomic_set(&q->unit, 0);
    if (q->packet_offset == q->batch_size) {
        q->in_batch = false;
        qatomic_set(&q->head, q->head + 1);
    }
    return DOJO_STEP_DONE;
}

static bool condition_met(const DojoSemaphore *sem, uint64_t value)
{
    switch (sem->condition) {
    case DOJO_SEM_EQUAL:
        return value == sem->value;
    case DOJO_SEM_NOT_EQUAL:
        return value != sem->value;
    case DOJO_SEM_GREATER_EQUAL:
        return value >= sem->value;
    default:
        return value < sem->value;
    }
}

bool dojo_semaphore_check(DojoQueue *q, DojoAgent *agent, bool *met,
                          struct dojo_fault_info *fault)
{
    uint64_t value;
    DojoMemory m;
    bool ok;

    dojo_memory_init(&m, agent, q->tile, q->asid);
    dojo_section_begin(agent, q->tile);
    ok = dojo_memory_load64(&m, q->sem.va, &value, fault);
    dojo_section_end(agent);
    *met = ok && condition_met(&q->sem, value);
    return ok;
}

static DojoStep run_sem_wait(DojoQueue *q, DojoMemory *m, struct dojo_fault_info *fault)
{
    uint64_t value;

    if (q->sem.met) {
        return DOJO_STEP_DONE;
    }
    if (!dojo_memory_load64(m, q->sem.va, &value, fault)) {
        return DOJO_STEP_FAULT;
    }
    if (!condition_met(&q->sem, value)) {
        q->sem_pending = true;
        return DOJO_STEP_WAIT;
    }
    return DOJO_STEP_DONE;
}

/* Queues of the card that wait need not wait for the next look */
static void wake_waiters(DojoState *s)
{
    int i;

    for (i = 0; i < s->tiles; i++) {
        if (qatomic_read(&s->tile[i]->num_waiting)) {
            qemu_cond_signal(&s->tile[i]->service_cond);
        }
    }
}

static DojoStep run_sem_signal(DojoQueue *q, DojoMemory *m, struct dojo_fault_info *fault)
{
    const struct dojo_packet_sem_signal *p = (void *)q->op.packet.words;
    DojoState *s = q->tile->card;
    uint64_t va = le64_to_cpu(p->va), value = le64_to_cpu(p->value), old = 0;
    uint32_t operation = le32_to_cpu(p->operation);
    bool ok = true;

    WITH_QEMU_LOCK_GUARD(&s->sem_lock) {
        if (operation != DOJO_SEM_SET) {
            ok = dojo_memory_load64(m, va, &old, fault);
        }
        if (operation == DOJO_SEM_ADD) {
            value += old;
        } else if (operation == DOJO_SEM_MAX) {
            value = MAX(value, old);
        }
        ok = ok && dojo_memory_store64(m, va, value, fault);
    }
    if (!ok) {
        return DOJO_STEP_FAULT;
    }
    wake_waiters(s);
    return DOJO_STEP_DONE;
}

static DojoStep run_timestamp(DojoQueue *q, DojoMemory *m, struct dojo_fault_info *fault)
{
    const struct dojo_packet_timestamp *p = (void *)q->op.packet.words;

    return dojo_memory_store64(m, le64_to_cpu(p->va), dojo_now(q->tile->card), fault) ?
           DOJO_STEP_DONE : DOJO_STEP_FAULT;
}

static DojoStep run_packet(DojoQueue *q, DojoWorker *w, DojoMemory *m)
{
    struct dojo_fault_info fault = { };
    DojoStep step;

    switch (q->packet_opcode) {
    case DOJO_OP_NOP:
    case DOJO_OP_BARRIER:   /* packets run one after the other anyway */
        step = DOJO_STEP_DONE;
        break;
    case DOJO_OP_TIMESTAMP:
        step = run_timestamp(q, m, &fault);
        break;
    case DOJO_OP_SEM_WAIT:
        step = run_sem_wait(q, m, &fault);
        break;
    case DOJO_OP_SEM_SIGNAL:
        step = run_sem_signal(q, m, &fault);
        break;
    default:
        step = dojo_units_run(q, w, &fault);
        break;
    }
    if (step == DOJO_STEP_FAULT) {
        return fail(q, &fault);
    }
    if (step != DOJO_STEP_DONE) {
        return step;
    }
    if (!q->op.units) {
        qatomic_inc(&q->progress);
    }
    return finish_packet(q);
}

/* Inside a section of the worker's */
DojoStep dojo_queue_step(DojoQueue *q, DojoWorker *w)
{
    DojoMemory m;

    if (!q->in_batch) {
        return next_descriptor(q, w);
    }
    dojo_memory_init(&m, &w->agent, q->tile, q->asid);
    if (!q->in_packet) {
        DojoStep step = start_packet(q, w, &m);

        if (step != DOJO_STEP_DONE) {
            return step;
        }
        if (unlikely(qatomic_read(&q->tile->hang_armed)) && dojo_hang_due(q)) {
            return DOJO_STEP_STOPPED;
        }
    }
    return run_packet(q, w, &m);
}
