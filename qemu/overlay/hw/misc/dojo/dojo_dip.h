/*
 * Dojo Interface Processor: what the parts of the model share
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Threads of a card, none of which ever takes or waits for the BQL:
 *
 *   mesh workers      run turns of compute queues of all tiles, and units of
 *                     large packets that another worker is running
 *   DMA workers       run turns of DMA queues of all tiles
 *   admin, a tile     admin ring, resets
 *   service, a tile   semaphores that queues wait for, late fault reports,
 *                     events that did not fit
 *
 * Locks, outermost first: DojoTile.lock, DojoState.pool_lock. Access to system
 * memory may wait for the main loop: a lock that is taken under the BQL, as
 * DojoTile.lock is, is never held meanwhile. An event ring's lock, sem_lock
 * and save_lock may be.
 */
#ifndef HW_MISC_DOJO_DIP_H
#define HW_MISC_DOJO_DIP_H

#include "hw/pci/pci_device.h"
#include "qemu/bitmap.h"
#include "qemu/queue.h"
#include "qemu/thread.h"
#include "qemu/timer.h"
#include "qemu/units.h"
#include "qom/object.h"

#include "dojo_regs.h"
#include "dojo_packet.h"
#include "dojo_mmu.h"
#include "dojo_op.h"

#define TYPE_DOJO_DIP "dojo-dip"
OBJECT_DECLARE_SIMPLE_TYPE(DojoState, DOJO_DIP)

#define DOJO_MAX_QUEUES     1024
#define DOJO_MAX_ASIDS      4096
#define DOJO_DMA_ENGINES    2
#define DOJO_MESH_SIDE      5
#define DOJO_MESH_DIES      (DOJO_MESH_SIDE * DOJO_MESH_SIDE)
#define DOJO_TILE_STRIDE    0x800000
#define DOJO_SLICE_ALIGN    (2 * MiB)
#define DOJO_MAX_WORKERS    64
#define DOJO_SYS_RUNS       256     /* system-memory runs mapped by one unit */
#define DOJO_INVAL_LOG      64
#define DOJO_POISON_MAX     64
#define DOJO_POISON_LINE    64

#define DOJO_US             1000ull
#define DOJO_MS             1000000ull
#define DOJO_TURN_NS        (2 * DOJO_MS)
#define DOJO_YIELD_NS       (100 * DOJO_MS) /* SUSPEND and RESET of a queue */
#define DOJO_AGEING_NS      (50 * DOJO_MS)
#define DOJO_RESERVE_NS     (10 * DOJO_MS)
#define DOJO_SERVED_MAX_NS  (100 * DOJO_MS) /* a turn counts as at most this */

typedef struct DojoTile DojoTile;
typedef struct DojoQueue DojoQueue;
typedef struct DojoJob DojoJob;

/* One run of system memory that a unit of work has mapped for writing */
typedef struct DojoSysRun {
    void *host;
    hwaddr len;
} DojoSysRun;

/*
 * A thread that reaches memory for queues. Between two sections (units of
 * work) it holds no pointer and no translation that it would not check again;
 * waiting for sections that were open is how invalidations and resets know
 * that an access can no longer happen.
 */
typedef struct DojoAgent {
    DojoState *card;
    QLIST_ENTRY(DojoAgent) next;
    uint32_t section;               /* odd: inside one; atomic */
    DojoTile *tile;                 /* of the section; atomic */
    bool rcu;
    struct DojoTileMmu *mmu[DOJO_MAX_TILES];
    DojoSysRun runs[DOJO_SYS_RUNS];
    unsigned int num_runs;
} DojoAgent;

/* dojo_memory of one queue (or of ASID 0) as one agent sees it */
typedef struct DojoMemory {
    struct dojo_memory mem;
    DojoAgent *agent;
    DojoTile *tile;
    uint32_t asid;
} DojoMemory;

typedef struct DojoWorker {
    DojoAgent agent;
    QemuThread thread;
    enum dojo_hw_class class;
    uint64_t debt_ns;               /* see pay_debt() */
    void *scratch;
} DojoWorker;

typedef enum DojoHangLevel {
    DOJO_HANG_NONE,
    DOJO_HANG_QUEUE,
    DOJO_HANG_TILE,
    DOJO_HANG_CARD,
    DOJO_HANG_FLR,
} DojoHangLevel;

/* What a SEM_WAIT packet waits for */
typedef struct DojoSemaphore {
    uint64_t va;
    uint64_t value;
    uint32_t condition;
    bool met;                       /* once is enough */
} DojoSemaphore;

/*
 * A started queue. The scheduling part is under DojoTile.lock. The work part
 * belongs to the worker that runs the queue (or to whoever holds the lock
 * while none does); admin and registers read single fields atomically.
 */
struct DojoQueue {
    DojoTile *tile;
    uint32_t id;

    /* configuration, constant while started */
    uint64_t ring_va;
    uint32_t ring_size;
    uint32_t asid;
    uint32_t flags;
    enum dojo_hw_class class;
    uint32_t rect;                  /* bit map of dies */
    uint32_t dies;                  /* 1 for DMA: weight of busy time */

    /* scheduling */
    enum dojo_hw_state state;
    uint8_t priority;
    bool owned;                     /* a worker, or the service thread, has it */
    bool on_ready;
    bool on_service;
    bool stop;                      /* yield at the next unit; atomic */
    uint8_t hung;                   /* DojoHangLevel; atomic */
    bool doorbell_fault;            /* atomic */
    bool fault_unreported;
    bool sem_pending;               /* resuming means waiting for sem */
    uint32_t tail;                  /* atomic */
    uint64_t served_ns;             /* engine time had, or as good as had */
    uint64_t ready_ns;              /* READY since */
    uint64_t blocked_ns;            /* its rectangle not free since, or 0 */
    uint64_t turn_ns;               /* begin of the turn, or of a hang */
    QTAILQ_ENTRY(DojoQueue) ready_link;
    QTAILQ_ENTRY(DojoQueue) service_link;

    /* work */
    uint32_t head;                  /* atomic */
    uint32_t fault;
    uint32_t fault_access;
    uint32_t fault_field;
    uint64_t fault_va;
    bool in_batch;
    bool in_packet;                 /* op is decoded and not finished */
    uint64_t batch_va;
    uint32_t batch_size;
    uint32_t packet_offset;
    uint32_t packet_opcode;
    uint64_t cookie;
    uint64_t unit;
    uint64_t progress;              /* atomic */
    uint64_t seqno;
    uint64_t busy_ns;
    uint64_t model_ps;
    uint64_t packets;
    uint64_t bytes;
    uint64_t flop;
    struct dojo_flags arith;
    struct dojo_flags packet_arith; /* of the packet under way */
    uint64_t save_count;
    uint64_t start_ns;              /* first work since the last fence, or 0 */
    DojoSemaphore sem;
    uint64_t packet_model_ps;       /* of the packet under way */
    struct dojo_op_limits limits;
    struct dojo_op op;
};

typedef struct DojoEventRing {
    QemuMutex lock;                 /* producer side */
    DojoTile *tile;
    unsigned int index;
    /* copied from the registers when the tile is enabled */
    uint64_t base;
    uint64_t consumer_addr;
    uint32_t size;
    uint32_t vector;
    uint32_t moderation;            /* atomic */
    uint32_t producer;              /* atomic */
    uint32_t consumer;              /* as last read */
    bool overflow;                  /* atomic */
    uint32_t unsignalled;           /* events since the last interrupt; atomic */
    QEMUTimer *timer;
} DojoEventRing;

typedef struct DojoInvalidation {
    uint32_t asid;
    uint64_t va;
    uint64_t size;
    bool everything;
} DojoInvalidation;

/* Registers of an event ring as the guest set them; BQL */
typedef struct DojoEventRegs {
    uint64_t base;
    uint64_t consumer;
    uint32_t size;
    uint32_t vector;
    uint32_t moderation;
} DojoEventRegs;

struct DojoTile {
    DojoState *card;
    unsigned int index;
    uint64_t hbm_offset;
    uint64_t hbm_size;
    uint8_t *hbm;
    uint8_t *sram;
    MemoryRegion sram_mr;
    struct dojo_mmu_limits limits;

    /* registers; written under the BQL */
    struct {
        uint64_t admin_base;
        uint64_t context_base;
        uint64_t kernel_root;
        uint32_t admin_size;
        DojoEventRegs event[DOJO_NUM_EVENT_RINGS];
        uint32_t latch_mesh_busy;
        uint32_t latch_dma_busy;
    } regs;
    uint32_t status;                /* atomic */
    uint32_t reset_count;           /* atomic */
    uint32_t peer_grant;            /* atomic */

    /* what the threads use, set when the tile is enabled */
    uint64_t context_base;
    uint64_t admin_base;
    uint32_t admin_size;
    uint32_t admin_tail;            /* atomic */
    uint32_t admin_head;            /* atomic */
    uint64_t asid_root[DOJO_MAX_ASIDS]; /* atomic; 0: not set */
    DojoEventRing event[DOJO_NUM_EVENT_RINGS];

    QemuMutex save_lock;            /* of contexts */
    QemuMutex inval_lock;
    DojoInvalidation inval[DOJO_INVAL_LOG];
    uint64_t inval_seq;             /* atomic */

    QemuMutex lock;
    QemuCond admin_cond;            /* admin thread: work; BQL side: it is idle */
    QemuCond service_cond;
    QemuCond yield_cond;            /* a queue was given back */
    DojoQueue *queue[DOJO_MAX_QUEUES];
    QTAILQ_HEAD(, DojoQueue) ready[2];  /* by class */
    unsigned int num_ready[2];      /* atomic readers */
    QTAILQ_HEAD(, DojoQueue) service;   /* waiting for semaphores, or faults to report */
    unsigned int num_waiting;       /* atomic readers */
    uint32_t ras_pending;           /* bit map of kinds */
    /* of the queue that was picked last, by class and priority; never less */
    uint64_t served_ns[2][DOJO_HW_PRIORITY_KERNEL + 1];
    bool picked_aged[2];            /* the last turn, by class, was owed to ageing */
    uint32_t dies_busy;             /* bit map */
    unsigned int dma_busy;          /* engines */
    unsigned int owned;             /* queues that a thread has */
    unsigned int running;           /* queues in state RUNNING */
    bool active;                    /* counted in tiles_active */
    bool halt;                      /* atomic: no work may start or go on */
    bool reset_wanted;              /* by the admin thread */
    bool reset_card;                /* it is part of a card reset */
    bool reset_pci;                 /* it cures every injected hang */
    bool admin_busy;
    bool service_busy;
    bool quit;

    uint64_t mesh_busy_ns;          /* atomic; die-nanoseconds */
    uint64_t dma_busy_ns;           /* atomic */

    QemuThread admin_thread;
    QemuThread service_thread;
    DojoAgent admin_agent;
    DojoAgent service_agent;

    /* injected hangs, see dojo_inject.c */
    bool hang_armed;                /* atomic */
    uint8_t hang_queue[DOJO_MAX_QUEUES];
    uint8_t hang_class[2];
    uint8_t hang_reset;             /* level that no smaller reset cures */
};

/* A large packet whose units several mesh workers run */
struct DojoJob {
    QTAILQ_ENTRY(DojoJob) link;
    DojoQueue *queue;
    uint64_t next;                  /* atomic: next unit to hand out */
    uint64_t end;
    bool stop;                      /* atomic */
    unsigned int helpers;           /* under pool_lock */
    /* under pool_lock */
    struct dojo_flags arith;
    struct dojo_fault_info fault;
    uint64_t fault_unit;
};

typedef struct DojoPoison {
    unsigned int tile;
    bool sram;
    bool corrected;
    uint64_t offset;                /* of the line */
} DojoPoison;

struct DojoState {
    PCIDevice parent_obj;

    /* properties */
    uint32_t tiles;
    uint64_t hbm_size;
    uint64_t sram_size;
    uint32_t num_workers;
    char *generation_name;
    char *serial;
    uint32_t generation;
    bool powered;                   /* has had its first reset */

    MemoryRegion bar_regs;
    MemoryRegion mmio;
    MemoryRegion bar_hbm;
    MemoryRegion hbm_hole;
    MemoryRegion hbm_mr;
    MemoryRegion bar_msix;
    MemoryRegion dead_mr[3];
    uint8_t *hbm;
    AddressSpace *as;
    bool dma_by_bh;                 /* an IOMMU may be in the path; atomic */

    DojoTile *tile[DOJO_MAX_TILES];
    struct dojo_op_limits limits;   /* what this generation can do */
    uint64_t power_on_ns;

    /* registers; BQL */
    uint32_t scratch;
    uint32_t bad_access;
    uint64_t mmio_reads;
    uint64_t mmio_writes;
    uint32_t latch_timestamp;
    uint32_t latch_energy;
    uint32_t latch_reads;
    uint32_t latch_writes;
    uint32_t latch_msix;
    uint32_t status;                /* atomic */
    uint32_t reset_count;           /* atomic */
    uint32_t resets_pending;        /* tiles that a card reset waits for; atomic */
    uint64_t msix_sent;

    /* workers */
    DojoWorker *worker[DOJO_MAX_WORKERS * 2];
    unsigned int num_threads;
    QLIST_HEAD(, DojoAgent) agents; /* constant while threads run */
    QemuMutex pool_lock;
    QemuCond pool_cond[2];          /* by class */
    QemuCond job_cond;              /* a helper has left */
    uint32_t pool_seq[2];           /* grows with new work */
    unsigned int sleepers[2];
    QTAILQ_HEAD(, DojoJob) jobs;
    unsigned int num_jobs;          /* atomic readers */
    bool quit;                      /* atomic */
    uint32_t pick_from[2];          /* tile to look at first; atomic */
    uint32_t tiles_active;          /* tiles with a queue READY or RUNNING; atomic */

    QemuMutex sem_lock;             /* read-modify-write of semaphores */

    /* interrupts */
    QEMUBH *irq_bh;
    uint32_t irq_pending;           /* vectors; atomic */

    /* system memory by bottom half */
    QEMUBH *dma_bh;
    QemuMutex dma_lock;
    QemuCond dma_cond;
    QTAILQ_HEAD(, DojoDmaRequest) dma_requests;
    unsigned int dma_refused;       /* > 0: being reset from under the BQL */

    /* injection and telemetry */
    bool dead;                      /* atomic */
    int32_t temperature;            /* atomic */
    uint32_t slow_factor;           /* atomic */
    uint32_t lost_irq;              /* atomic */
    QemuMutex ecc_lock;
    DojoPoison poison[DOJO_POISON_MAX];
    unsigned int num_poison;        /* atomic readers */
    uint32_t ecc_corrected;         /* atomic */
    uint32_t ecc_uncorrected;       /* atomic */
    uint64_t mesh_energy_ns;        /* die-nanoseconds since power on; atomic */
    uint64_t dma_energy_ns;         /* atomic */
};

/* dojo_dip.c */
uint64_t dojo_now(DojoState *s);
void dojo_irq_raise(DojoState *s, uint32_t vector);

/* dojo_mmio.c */
extern const MemoryRegionOps dojo_mmio_ops;

/* dojo_dma.c: system memory. true: all of it was done. */
bool dojo_dma_read(DojoState *s, uint64_t addr, void *buf, uint64_t len);
bool dojo_dma_write(DojoState *s, uint64_t addr, const void *buf, uint64_t len);
/* one aligned store or load that nobody sees in halves */
bool dojo_dma_store(DojoState *s, uint64_t addr, uint64_t value, unsigned int size);
bool dojo_dma_load64(DojoState *s, uint64_t addr, uint64_t *value);
/* RAM at @addr, good until the agent's section ends; NULL: use the calls above */
void *dojo_dma_map(DojoAgent *agent, uint64_t addr, uint64_t want, bool write,
                   uint64_t *len, bool *error);
void dojo_dma_unmap_all(DojoAgent *agent);
void dojo_dma_bh(void *opaque);
void dojo_dma_refuse(DojoState *s);
void dojo_dma_accept(DojoState *s);

/* dojo_mem.c */
void dojo_agent_init(DojoAgent *agent, DojoState *s);
void dojo_agent_destroy(DojoAgent *agent);
void dojo_section_begin(DojoAgent *agent, DojoTile *t);
void dojo_section_end(DojoAgent *agent);
/* Waits until sections open now have ended; tile NULL: of all tiles */
void dojo_section_wait(DojoState *s, DojoTile *t, DojoAgent *self);
void dojo_invalidate(DojoTile *t, uint32_t asid, uint64_t va, uint64_t size);
void dojo_invalidate_everything(DojoTile *t);
void dojo_memory_init(DojoMemory *m, DojoAgent *agent, DojoTile *t, uint32_t asid);
bool dojo_memory_read(DojoMemory *m, uint64_t va, void *buf, uint64_t len,
                      struct dojo_fault_info *fault);
bool dojo_memory_write(DojoMemory *m, uint64_t va, const void *buf, uint64_t len,
                       struct dojo_fault_info *fault);
/* 8-byte aligned, one access */
bool dojo_memory_load64(DojoMemory *m, uint64_t va, uint64_t *value,
                        struct dojo_fault_info *fault);
bool dojo_memory_store64(DojoMemory *m, uint64_t va, uint64_t value,
                         struct dojo_fault_info *fault);
/* Target of the byte at @va, for the model clock; DOJO_TARGET_SRAM if unknown */
uint64_t dojo_memory_target(DojoMemory *m, uint64_t va);
void dojo_ram_discard(DojoState *s, MemoryRegion *mr, uint64_t offset, uint64_t len);

/* dojo_event.c */
void dojo_event_init(DojoTile *t);
void dojo_event_destroy(DojoTile *t);
void dojo_event_enable(DojoTile *t);
void dojo_event_reset(DojoTile *t);
void dojo_event_post(DojoTile *t, unsigned int ring, uint16_t type, uint32_t id,
                     uint64_t data);
bool dojo_event_retry_overflow(DojoTile *t);
void dojo_ras_post(DojoTile *t, uint64_t kind);

/* dojo_tile.c */
DojoTile *dojo_tile_new(DojoState *s, unsigned int index, Error **errp);
void dojo_tile_start(DojoTile *t);
void dojo_tile_stop(DojoTile *t);
void dojo_tile_free(DojoTile *t);
bool dojo_tile_enable(DojoTile *t);
void dojo_tile_reset_begin(DojoTile *t, bool card);
bool dojo_tile_reset_due(DojoTile *t);          /* t->lock held */
void dojo_tile_reset_run(DojoTile *t);
void dojo_card_reset_begin(DojoState *s);
void dojo_card_reset_now(DojoState *s);

/* dojo_admin.c */
void *dojo_admin_thread(void *opaque);

/* dojo_queue.c */
DojoQueue *dojo_queue_start(DojoTile *t, uint32_t id, DojoAgent *agent, uint32_t *result);
bool dojo_queue_save(DojoQueue *q, DojoAgent *agent, uint32_t state);
bool dojo_context_save_off(DojoTile *t, uint32_t id, DojoAgent *agent);
void dojo_queue_fault(DojoQueue *q, const struct dojo_fault_info *fault);
void dojo_queue_report_fault(DojoQueue *q, DojoAgent *agent);
bool dojo_semaphore_check(DojoQueue *q, DojoAgent *agent, bool *met,
                          struct dojo_fault_info *fault);

typedef enum DojoStep {
    DOJO_STEP_DONE,     /* go on */
    DOJO_STEP_IDLE,     /* head = tail */
    DOJO_STEP_WAIT,     /* on a semaphore */
    DOJO_STEP_FAULT,    /* q->fault says why */
    DOJO_STEP_STOPPED,  /* between two units of a packet */
} DojoStep;
DojoStep dojo_queue_step(DojoQueue *q, DojoWorker *w);

/* dojo_sched.c */
void dojo_sched_doorbell(DojoTile *t, uint32_t id, uint32_t tail, bool *accepted);
void dojo_sched_remove(DojoQueue *q);           /* t->lock held: off every list */
DojoQueue *dojo_sched_pick(DojoTile *t, enum dojo_hw_class class);
void dojo_sched_give_back(DojoQueue *q, DojoStep why);
bool dojo_sched_turn_over(DojoQueue *q);
void dojo_sched_release_engine(DojoQueue *q);   /* t->lock held */
void dojo_sched_hang(DojoQueue *q, uint8_t level);
void dojo_sched_unhang(DojoQueue *q);           /* t->lock held */
void dojo_sched_resume(DojoQueue *q);           /* t->lock held */
void dojo_sched_count_tile(DojoTile *t);        /* t->lock held */
void *dojo_service_thread(void *opaque);

/* dojo_worker.c */
void dojo_workers_start(DojoState *s);
void dojo_workers_stop(DojoState *s);
void dojo_workers_free(DojoState *s);
void dojo_workers_kick(DojoState *s, enum dojo_hw_class class);
/*
 * Units q->unit.. of q->op, on this worker and on idle ones; called inside a
 * section, which ends and begins between units. DONE, STOPPED, or FAULT.
 */
DojoStep dojo_units_run(DojoQueue *q, DojoWorker *w, struct dojo_fault_info *fault);

/* dojo_clock.c */
uint64_t dojo_model_ps(DojoQueue *q, DojoMemory *m);

/* dojo_inject.c */
extern const MemoryRegionOps dojo_dead_ops;
void dojo_inject_class_init(ObjectClass *klass);
bool dojo_hang_due(DojoQueue *q);
uint8_t dojo_hang_take(DojoQueue *q);
void dojo_hang_cured(DojoQueue *q);             /* t->lock held */
uint32_t dojo_poison_check(DojoTile *t, bool sram, uint64_t offset, uint64_t *len,
                           bool write);
bool dojo_throttled(DojoState *s);
uint64_t dojo_energy_uj(DojoState *s);
uint32_t dojo_power_mw(DojoState *s);

#endif
