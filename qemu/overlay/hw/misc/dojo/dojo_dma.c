/*
 * Dojo Interface Processor: access to system memory
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Only RAM answers. Without an IOMMU in the path the card's threads reach it
 * directly, inside an RCU critical section. An IOMMU model may report a fault,
 * which must not happen without the BQL: then requests go through a bottom
 * half, and the thread waits for it (holding neither RCU nor any lock that the
 * main loop takes). Whoever resets the card from under the BQL refuses
 * requests first, because the bottom half cannot run meanwhile.
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/rcu.h"
#include "qemu/units.h"
#include "exec/memory.h"
#include "hw/pci/pci.h"
#include "dojo_dip.h"
#include "trace.h"

#define DMA_CHUNK   (256 * KiB)     /* one request to the bottom half */

static const MemTxAttrs dma_attrs = { .memory = 1 };

typedef struct DojoDmaRequest {
    QTAILQ_ENTRY(DojoDmaRequest) link;
    uint64_t addr;
    void *buf;
    uint64_t len;
    bool write;
    bool done;
    bool ok;
} DojoDmaRequest;

/*
 * RAM that a transaction of the card may touch: not ROM, not a device's
 * registers, and no BAR even where that is RAM. The machine's RAM belongs to
 * memory backends, never to a device.
 */
static bool is_system_ram(MemoryRegion *mr, bool write)
{
    return memory_access_is_direct(mr, write, dma_attrs) && !memory_region_is_rom(mr) &&
           !mr->dev;
}

/* Inside an RCU critical section; the run of RAM at @addr or NULL */
static uint8_t *ram_at(DojoState *s, uint64_t addr, uint64_t want, bool write,
                       hwaddr *len, MemoryRegion **mr)
{
    hwaddr xlat;

    *len = want;
    *mr = address_space_translate(s->as, addr, &xlat, len, write, dma_attrs);
    if (!*len || !is_system_ram(*mr, write)) {
        return NULL;
    }
    return qemu_map_ram_ptr((*mr)->ram_block, xlat);
}

/* Marks what was written dirty, and drops code that was translated from it */
static void written(DojoState *s, MemoryRegion *mr, void *host, hwaddr len)
{
    memory_region_ref(mr);
    address_space_unmap(s->as, host, len, true, len);
}

static void copy_once(void *dst, const void *src, hwaddr len)
{
    if (len == 8 && QEMU_PTR_IS_ALIGNED(dst, 8) && QEMU_PTR_IS_ALIGNED(src, 8)) {
        qatomic_set((uint64_t *)dst, qatomic_read((const uint64_t *)src));
    } else if (len == 4 && QEMU_PTR_IS_ALIGNED(dst, 4) &&
               QEMU_PTR_IS_ALIGNED(src, 4)) {
        qatomic_set((uint32_t *)dst, qatomic_read((const uint32_t *)src));
    } else {
        memcpy(dst, src, len);
    }
}

static bool access_direct(DojoState *s, uint64_t addr, void *buf, uint64_t len,
                          bool write)
{
    RCU_READ_LOCK_GUARD();

    while (len) {
        MemoryRegion *mr;
        hwaddr run;
        uint8_t *host = ram_at(s, addr, len, write, &run, &mr);

        if (!host) {
            return false;
        }
        if (write) {
            copy_once(host, buf, run);
            written(s, mr, host, run);
        } else {
            copy_once(buf, host, run);
        }
        addr += run;
        buf += run;
        len -= run;
    }
    return true;
}

void dojo_dma_bh(void *opaque)
{
    DojoState *s = opaque;

    WITH_QEMU_LOCK_GUARD(&s->dma_lock) {
        DojoDmaRequest *r;

        while ((r = QTAILQ_FIRST(&s->dma_requests))) {
            QTAILQ_REMOVE(&s->dma_requests, r, link);
            r->ok = access_direct(s, r->addr, r->buf, r->len, r->write);
            r->done = true;
        }
        qemu_cond_broadcast(&s->dma_cond);
    }
}

static bool access_by_bh(DojoState *s, uint64_t addr, void *buf, uint64_t len,
                         bool write)
{
    DojoDmaRequest r = {
        .addr = addr, .buf = buf, .len = len, .write = write,
    };

    QEMU_LOCK_GUARD(&s->dma_lock);
    if (s->dma_refused) {
        return false;
    }
    QTAILQ_INSERT_TAIL(&s->dma_requests, &r, link);
    qemu_bh_schedule(s->dma_bh);
    while (!r.done) {
        if (s->dma_refused) {
            QTAILQ_REMOVE(&s->dma_requests, &r, link);
            return false;
        }
        qemu_cond_wait(&s->dma_cond, &s->dma_lock);
    }
    return r.ok;
}

static bool access_system(DojoState *s, uint64_t addr, void *buf, uint64_t len,
                          bool write)
{
    if (len > UINT64_MAX - addr || qatomic_read(&s->dead)) {
        return false;
    }
    if (!qatomic_read(&s->dma_by_bh)) {
        return access_direct(s, addr, buf, len, write);
    }
    while (len) {
        uint64_t chunk = MIN(len, DMA_CHUNK);

        if (!access_by_bh(s, addr, buf, chunk, write)) {
            return false;
        }
        addr += chunk;
        buf += chunk;
        len -= chunk;
    }
    return true;
}

bool dojo_dma_read(DojoState *s, uint64_t addr, void *buf, uint64_t len)
{
    bool ok = access_system(s, addr, buf, len, false);

    if (!ok) {
        trace_dojo_dma_error(addr, len, "read");
    }
    return ok;
}

bool dojo_dma_write(DojoState *s, uint64_t addr, const void *buf, uint64_t len)
{
    bool ok = access_system(s, addr, (void *)buf, len, true);

    if (!ok) {
        trace_dojo_dma_error(addr, len, "write");
    }
    return ok;
}

bool dojo_dma_store(DojoState *s, uint64_t addr, uint64_t value, unsigned int size)
{
    uint64_t buf = cpu_to_le64(value);

    /* what was written before becomes visible before */
    smp_wmb();
    return dojo_dma_write(s, addr, &buf, size);
}

bool dojo_dma_load64(DojoState *s, uint64_t addr, uint64_t *value)
{
    uint64_t buf;

    if (!dojo_dma_read(s, addr, &buf, 8)) {
        return false;
    }
    *value = le64_to_cpu(buf);
    return true;
}

void *dojo_dma_map(DojoAgent *agent, uint64_t addr, uint64_t want, bool write,
                   uint64_t *len, bool *error)
{
    DojoState *s = agent->card;
    MemoryRegion *mr;
    hwaddr run;
    void *host;

    *error = false;
    *len = want;
    if (!agent->rcu || (write && agent->num_runs == DOJO_SYS_RUNS)) {
        return NULL;
    }
    if (qatomic_read(&s->dead)) {
        *error = true;
        return NULL;
    }
    host = ram_at(s, addr, want, write, &run, &mr);
    if (!host) {
        trace_dojo_dma_error(addr, want, write ? "write" : "read");
        *error = true;
        return NULL;
    }
    if (write) {
        memory_region_ref(mr);
        agent->runs[agent->num_runs++] = (DojoSysRun) { host, run };
    }
    *len = run;
    return host;
}

void dojo_dma_unmap_all(DojoAgent *agent)
{
    while (agent->num_runs) {
        DojoSysRun *run = &agent->runs[--agent->num_runs];

        address_space_unmap(agent->card->as, run->host, run->len, true, run->len);
    }
}

void dojo_dma_refuse(DojoState *s)
{
    QEMU_LOCK_GUARD(&s->dma_lock);
    s->dma_refused++;
    qemu_cond_broadcast(&s->dma_cond);
}

void dojo_dma_accept(DojoState *s)
{
    QEMU_LOCK_GUARD(&s->dma_lock);
    s->dma_refused--;
}
