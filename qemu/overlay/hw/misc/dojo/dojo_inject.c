/*
 * Dojo Interface Processor: faults injected from outside the guest, telemetry
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * QOM properties, set with qom-set while the machine runs; DEVICE.md has the
 * syntax. Setters run under the BQL.
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/cutils.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "dojo_dip.h"
#include "trace.h"

#define THROTTLE_MC     95000   /* assumed, as are the figures of power */
#define IDLE_MW         100000
#define DIE_MW          400000  /* of a busy die (press figure) */
#define DMA_MW          20000   /* of a busy DMA engine */

/* "key=value,key=value"; value of @key or NULL */
static const char *option(char **options, const char *key)
{
    size_t n = strlen(key);

    for (; *options; options++) {
        if (!strncmp(*options, key, n) && (*options)[n] == '=') {
            return *options + n + 1;
        }
    }
    return NULL;
}

static bool number(char **options, const char *key, uint64_t limit, uint64_t *value,
                   Error **errp)
{
    const char *text = option(options, key);

    if (!text || qemu_strtou64(text, NULL, 0, value) || *value >= limit) {
        error_setg(errp, "%s must be a number below %" PRIu64, key, limit);
        return false;
    }
    return true;
}

/* ------------------------------------------------------------------ hangs */

static DojoHangLevel hang_level(const char *name)
{
    static const char *const names[] = {
        [DOJO_HANG_QUEUE] = "queue",
        [DOJO_HANG_TILE] = "tile",
        [DOJO_HANG_CARD] = "card",
        [DOJO_HANG_FLR] = "flr",
    };
    int i;

    for (i = DOJO_HANG_QUEUE; i < ARRAY_SIZE(names); i++) {
        if (!g_strcmp0(name, names[i])) {
            return i;
        }
    }
    return DOJO_HANG_NONE;
}

static void hang_clear(DojoTile *t)
{
    int i;

    QEMU_LOCK_GUARD(&t->lock);
    memset(t->hang_queue, 0, sizeof(t->hang_queue));
    memset(t->hang_class, 0, sizeof(t->hang_class));
    t->hang_reset = DOJO_HANG_NONE;
    qatomic_set(&t->hang_armed, false);
    for (i = 0; i < DOJO_MAX_QUEUES; i++) {
        if (t->queue[i] && t->queue[i]->hung) {
            dojo_sched_unhang(t->queue[i]);
        }
    }
    qemu_cond_broadcast(&t->admin_cond);
}

static void hang_add(DojoState *s, char **options, Error **errp)
{
    DojoHangLevel level = hang_level(option(options, "level"));
    const char *class = option(options, "class");
    uint64_t tile, queue = 0;
    DojoTile *t;

    if (!number(options, "tile", s->tiles, &tile, errp)) {
        return;
    }
    if (level == DOJO_HANG_NONE) {
        error_setg(errp, "level must be queue, tile, card or flr");
        return;
    }
    if (class && strcmp(class, "dma") && strcmp(class, "compute")) {
        error_setg(errp, "class must be dma or compute");
        return;
    }
    if (!class && !number(options, "queue", DOJO_MAX_QUEUES, &queue, errp)) {
        return;
    }

    t = s->tile[tile];
    QEMU_LOCK_GUARD(&t->lock);
    if (class) {
        t->hang_class[!strcmp(class, "compute")] = level;
    } else {
        t->hang_queue[queue] = level;
    }
    qatomic_set(&t->hang_armed, true);
}

static void set_hang(Object *obj, const char *value, Error **errp)
{
    DojoState *s = DOJO_DIP(obj);
    g_auto(GStrv) options = g_strsplit(value, ",", 8);
    int i;

    if (!s->tile[0]) {
        error_setg(errp, "the device is not realized");
        return;
    }
    if (*value) {
        hang_add(s, options, errp);
        return;
    }
    for (i = 0; i < s->tiles; i++) {
        hang_clear(s->tile[i]);
        dojo_workers_kick(s, DOJO_HW_CLASS_DMA);
        dojo_workers_kick(s, DOJO_HW_CLASS_COMPUTE);
    }
}

bool dojo_hang_due(DojoQueue *q)
{
    DojoTile *t = q->tile;

    return qatomic_read(&t->hang_queue[q->id]) || qatomic_read(&t->hang_class[q->class]);
}

/* The level at which this queue hangs now, or NONE. A class hangs one queue. */
uint8_t dojo_hang_take(DojoQueue *q)
{
    DojoTile *t = q->tile;
    uint8_t level;

    QEMU_LOCK_GUARD(&t->lock);
    level = t->hang_queue[q->id];
    if (!level) {
        level = t->hang_class[q->class];
        qatomic_set(&t->hang_class[q->class], DOJO_HANG_NONE);
    }
    t->hang_reset = MAX(t->hang_reset, level);
    return level;
}

/* By a reset of the queue */
void dojo_hang_cured(DojoQueue *q)
{
    DojoTile *t = q->tile;

    if (t->hang_queue[q->id] == DOJO_HANG_QUEUE) {
        qatomic_set(&t->hang_queue[q->id], DOJO_HANG_NONE);
    }
}

/* ------------------------------------------------------------------- ECC */

static void poison_add(DojoState *s, const DojoPoison *p, Error **errp)
{
    QEMU_LOCK_GUARD(&s->ecc_lock);
    if (s->num_poison == DOJO_POISON_MAX) {
        error_setg(errp, "at most %d lines at a time", DOJO_POISON_MAX);
        return;
    }
    s->poison[s->num_poison] = *p;
    qatomic_set(&s->num_poison, s->num_poison + 1);
}

static void set_ecc(Object *obj, const char *value, Error **errp)
{
    DojoState *s = DOJO_DIP(obj);
    g_auto(GStrv) options = g_strsplit(value, ",", 8);
    const char *memory = option(options, "memory");
    const char *kind = option(options, "kind");
    uint64_t tile, offset;
    DojoPoison p;

    if (!s->tile[0]) {
        error_setg(errp, "the device is not realized");
        return;
    }
    if (!*value) {
        QEMU_LOCK_GUARD(&s->ecc_lock);
        qatomic_set(&s->num_poison, 0);
        return;
    }
    if (!memory || (strcmp(memory, "hbm") && strcmp(memory, "sram"))) {
        error_setg(errp, "memory must be hbm or sram");
        return;
    }
    if (!kind || (strcmp(kind, "corrected") && strcmp(kind, "uncorrected"))) {
        error_setg(errp, "kind must be corrected or uncorrected");
        return;
    }
    p.sram = !strcmp(memory, "sram");
    p.corrected = !strcmp(kind, "corrected");
    if (!number(options, "tile", s->tiles, &tile, errp) ||
        !number(options, "offset", p.sram ? s->sram_size : s->tile[tile]->hbm_size,
                &offset, errp)) {
        return;
    }
    p.tile = tile;
    p.offset = QEMU_ALIGN_DOWN(offset, DOJO_POISON_LINE);
    poison_add(s, &p, errp);
}

static void count_saturating(uint32_t *counter)
{
    uint32_t old = qatomic_read(counter);

    if (old != UINT32_MAX) {
        qatomic_inc(counter);
    }
}

static void poison_remove(DojoState *s, unsigned int i)
{
    s->poison[i] = s->poison[s->num_poison - 1];
    qatomic_set(&s->num_poison, s->num_poison - 1);
}

/*
 * An access to [@offset, @offset + *@len): a bad line that is read is reported
 * when it is the first byte, else *@len is cut short before it. Writing a whole
 * line, or reading a corrected one, makes it good.
 */
uint32_t dojo_poison_check(DojoTile *t, bool sram, uint64_t offset, uint64_t *len,
                           bool write)
{
    DojoState *s = t->card;
    unsigned int i = 0;

    QEMU_LOCK_GUARD(&s->ecc_lock);
    while (i < s->num_poison) {
        DojoPoison *p = &s->poison[i];
        uint64_t end = p->offset + DOJO_POISON_LINE;

        if (p->tile != t->index || p->sram != sram || p->offset >= offset + *len ||
            end <= offset) {
            i++;
        } else if (write && p->offset >= offset && end <= offset + *len) {
            poison_remove(s, i);
        } else if (p->corrected) {
            count_saturating(&s->ecc_corrected);
            dojo_ras_post(t, DOJO_RAS_ECC_CORRECTED);
            poison_remove(s, i);
        } else if (p->offset > offset) {
            *len = p->offset - offset;
        } else {
            count_saturating(&s->ecc_uncorrected);
            dojo_ras_post(t, DOJO_RAS_ECC_UNCORRECTED);
            return DOJO_FAULT_POISON;
        }
    }
    return DOJO_FAULT_NONE;
}

/* ----------------------------------------------------- link and interrupts */

static uint64_t dead_read(void *opaque, hwaddr addr, unsigned int size)
{
    return UINT64_MAX;
}

static void dead_write(void *opaque, hwaddr addr, uint64_t value, unsigned int size)
{
}

const MemoryRegionOps dojo_dead_ops = {
    .read = dead_read,
    .write = dead_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
    .impl = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
};

static bool get_dead(Object *obj, Error **errp)
{
    return DOJO_DIP(obj)->dead;
}

static void set_dead(Object *obj, bool value, Error **errp)
{
    DojoState *s = DOJO_DIP(obj);
    int i;

    if (!s->tile[0]) {
        error_setg(errp, "the device is not realized");
        return;
    }
    trace_dojo_dead(value);
    qatomic_set(&s->dead, value);
    for (i = 0; i < ARRAY_SIZE(s->dead_mr); i++) {
        memory_region_set_enabled(&s->dead_mr[i], value);
    }
}

static void set_spurious_irq(Object *obj, Visitor *v, const char *name, void *opaque,
                             Error **errp)
{
    DojoState *s = DOJO_DIP(obj);
    uint32_t vector;

    if (!visit_type_uint32(v, name, &vector, errp)) {
        return;
    }
    if (vector >= s->tiles * DOJO_VECTORS_PER_TILE || !s->tile[0]) {
        error_setg(errp, "there is no vector %u", vector);
        return;
    }
    dojo_irq_raise(s, vector);
}

static void get_uint32(Object *obj, Visitor *v, const char *name, void *opaque,
                       Error **errp)
{
    uint32_t value = qatomic_read((uint32_t *)((char *)obj + (uintptr_t)opaque));

    visit_type_uint32(v, name, &value, errp);
}

static void set_uint32(Object *obj, Visitor *v, const char *name, void *opaque,
                       Error **errp)
{
    uint32_t value;

    if (visit_type_uint32(v, name, &value, errp)) {
        qatomic_set((uint32_t *)((char *)obj + (uintptr_t)opaque), value);
    }
}

/* -------------------------------------------------------------- telemetry */

bool dojo_throttled(DojoState *s)
{
    return qatomic_read(&s->temperature) >= THROTTLE_MC;
}

uint64_t dojo_energy_uj(DojoState *s)
{
    /* mW * ns = 10^-12 J */
    return dojo_now(s) / 1000 * IDLE_MW / 1000 +
           qatomic_read(&s->mesh_energy_ns) / 1000 * DIE_MW / 1000 +
           qatomic_read(&s->dma_energy_ns) / 1000 * DMA_MW / 1000;
}

uint32_t dojo_power_mw(DojoState *s)
{
    uint32_t mw = IDLE_MW;
    int i;

    for (i = 0; i < s->tiles; i++) {
        DojoTile *t = s->tile[i];

        mw += ctpop32(qatomic_read(&t->dies_busy)) * DIE_MW +
              qatomic_read(&t->dma_busy) * DMA_MW;
    }
    return mw;
}

static void get_temperature(Object *obj, Visitor *v, const char *name, void *opaque,
                            Error **errp)
{
    int32_t value = DOJO_DIP(obj)->temperature;

    visit_type_int32(v, name, &value, errp);
}

static void set_temperature(Object *obj, Visitor *v, const char *name, void *opaque,
                            Error **errp)
{
    DojoState *s = DOJO_DIP(obj);
    bool before = dojo_throttled(s);
    int32_t value;
    int i;

    if (!visit_type_int32(v, name, &value, errp)) {
        return;
    }
    qatomic_set(&s->temperature, value);
    if (!before && dojo_throttled(s)) {
        for (i = 0; i < s->tiles && s->tile[i]; i++) {
            dojo_ras_post(s->tile[i], DOJO_RAS_THERMAL);
        }
    }
}

static void add_uint32(ObjectClass *klass, const char *name, size_t offset,
                       const char *description)
{
    object_class_property_add(klass, name, "uint32", get_uint32, set_uint32, NULL,
                              (void *)(uintptr_t)offset);
    object_class_property_set_description(klass, name, description);
}

void dojo_inject_class_init(ObjectClass *klass)
{
    object_class_property_add_str(klass, "inject-hang", NULL, set_hang);
    object_class_property_set_description(klass, "inject-hang",
        "tile=N,queue=N|class=dma|compute,level=queue|tile|card|flr; empty: none");
    object_class_property_add_str(klass, "inject-ecc", NULL, set_ecc);
    object_class_property_set_description(klass, "inject-ecc",
        "tile=N,memory=hbm|sram,offset=N,kind=corrected|uncorrected; empty: none");
    object_class_property_add_bool(klass, "dead", get_dead, set_dead);
    object_class_property_set_description(klass, "dead", "the link is gone");
    object_class_property_add(klass, "inject-spurious-irq", "uint32", NULL,
                              set_spurious_irq, NULL, NULL);
    object_class_property_set_description(klass, "inject-spurious-irq",
                                          "raises this MSI-X vector once");
    object_class_property_add(klass, "temperature", "int32", get_temperature,
                              set_temperature, NULL, NULL);
    object_class_property_set_description(klass, "temperature", "millidegrees Celsius");
    add_uint32(klass, "inject-lost-irq", offsetof(DojoState, lost_irq),
               "how many of the next interrupts are lost");
    add_uint32(klass, "inject-engine-slow", offsetof(DojoState, slow_factor),
               "how many times longer a unit of work takes");
}
