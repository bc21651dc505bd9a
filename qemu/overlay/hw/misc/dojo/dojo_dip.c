/*
 * Dojo Interface Processor: the PCI function
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A model of the PCIe card through which a host drives Dojo training tiles.
 * The programming interface is the project's own (driver/HARDWARE.md); nothing
 * about the real card's is public.
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/host-utils.h"
#include "qemu/main-loop.h"
#include "qemu/module.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "hw/pci/msix.h"
#include "hw/pci/pcie.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"
#include "dojo_dip.h"
#include "trace.h"

#define HBM_MIN         (64 * MiB)
#define HBM_MAX         (1 * TiB)
#define SRAM_MIN        (16 * MiB)
#define SRAM_MAX        (64 * GiB)
#define WORKERS_DEFAULT 16              /* at most, by default */

uint64_t dojo_now(DojoState *s)
{
    return get_clock() - s->power_on_ns;
}

/* ------------------------------------------------------------- interrupts */

/* From any thread: the message itself needs the BQL */
void dojo_irq_raise(DojoState *s, uint32_t vector)
{
    if (vector < s->tiles * DOJO_VECTORS_PER_TILE) {
        qatomic_or(&s->irq_pending, 1u << vector);
        qemu_bh_schedule(s->irq_bh);
    }
}

static bool lose_irq(DojoState *s)
{
    uint32_t lost = qatomic_read(&s->lost_irq);

    if (lost) {
        qatomic_set(&s->lost_irq, lost - 1);
    }
    return lost;
}

static void irq_bh(void *opaque)
{
    DojoState *s = opaque;
    PCIDevice *pdev = PCI_DEVICE(s);
    uint32_t pending = qatomic_xchg(&s->irq_pending, 0);

    while (pending) {
        unsigned int vector = ctz32(pending);

        pending &= pending - 1;
        if (s->dead || !msix_enabled(pdev) || lose_irq(s)) {
            continue;
        }
        trace_dojo_msix(vector);
        s->msix_sent++;
        msix_notify(pdev, vector);
    }
}

/* ----------------------------------------------------------- configuration */

static uint32_t dojo_config_read(PCIDevice *pdev, uint32_t address, int len)
{
    if (DOJO_DIP(pdev)->dead) {
        return MAKE_64BIT_MASK(0, len * 8);
    }
    return pci_default_read_config(pdev, address, len);
}

static void dojo_config_write(PCIDevice *pdev, uint32_t address, uint32_t value, int len)
{
    if (DOJO_DIP(pdev)->dead) {
        return;
    }
    pci_default_write_config(pdev, address, value, len);
    pcie_cap_flr_write_config(pdev, address, value, len);
}

/* FLR, reset of the bus, or of the machine; the first of all is power on */
static void dojo_reset_hold(Object *obj, ResetType type)
{
    DojoState *s = DOJO_DIP(obj);
    int i;

    if (!s->tile[0]) {
        return;
    }
    dojo_card_reset_now(s);
    qatomic_set(&s->irq_pending, 0);
    if (!s->powered) {
        s->powered = true;
        s->reset_count = 0;
        for (i = 0; i < s->tiles; i++) {
            s->tile[i]->reset_count = 0;
        }
    }
}

static bool init_power_management(PCIDevice *pdev, uint8_t offset, Error **errp)
{
    if (pci_pm_init(pdev, offset, errp) < 0) {
        return false;
    }
    pci_set_word(pdev->config + offset + PCI_PM_PMC, PCI_PM_CAP_VER_1_2);
    pci_set_word(pdev->config + offset + PCI_PM_CTRL, PCI_PM_CTRL_NO_SOFT_RESET);
    pci_set_word(pdev->wmask + offset + PCI_PM_CTRL, PCI_PM_CTRL_STATE_MASK);
    return true;
}

/* ------------------------------------------------------------------- BARs */

static void add_dead_overlay(DojoState *s, int i, MemoryRegion *bar)
{
    g_autofree char *name = g_strdup_printf("dojo-dead%d", i);

    memory_region_init_io(&s->dead_mr[i], OBJECT(s), &dojo_dead_ops, s, name,
                          memory_region_size(bar));
    memory_region_add_subregion_overlap(bar, 0, &s->dead_mr[i], 1000);
    memory_region_set_enabled(&s->dead_mr[i], false);
}

static void init_bar_regs(DojoState *s)
{
    uint64_t size = pow2ceil((uint64_t)DOJO_TILE_STRIDE * (s->tiles + 1));

    memory_region_init(&s->bar_regs, OBJECT(s), "dojo-bar0", size);
    memory_region_init_io(&s->mmio, OBJECT(s), &dojo_mmio_ops, s, "dojo-mmio", size);
    memory_region_add_subregion(&s->bar_regs, 0, &s->mmio);
    add_dead_overlay(s, 0, &s->bar_regs);
    pci_register_bar(PCI_DEVICE(s), DOJO_BAR_REGS,
                     PCI_BASE_ADDRESS_SPACE_MEMORY | PCI_BASE_ADDRESS_MEM_TYPE_64,
                     &s->bar_regs);
}

static bool init_bar_hbm(DojoState *s, Error **errp)
{
    uint64_t size = pow2ceil(s->hbm_size);

    if (!memory_region_init_ram_flags_nomigrate(&s->hbm_mr, OBJECT(s), "dojo-hbm",
                                                s->hbm_size, RAM_NORESERVE, errp)) {
        return false;
    }
    s->hbm = memory_region_get_ram_ptr(&s->hbm_mr);
    memory_region_init(&s->bar_hbm, OBJECT(s), "dojo-bar2", size);
    if (size > s->hbm_size) {
        memory_region_init_io(&s->hbm_hole, OBJECT(s), &dojo_dead_ops, s, "dojo-hole",
                              size - s->hbm_size);
        memory_region_add_subregion(&s->bar_hbm, s->hbm_size, &s->hbm_hole);
    }
    memory_region_add_subregion(&s->bar_hbm, 0, &s->hbm_mr);
    add_dead_overlay(s, 1, &s->bar_hbm);
    pci_register_bar(PCI_DEVICE(s), DOJO_BAR_HBM,
                     PCI_BASE_ADDRESS_SPACE_MEMORY | PCI_BASE_ADDRESS_MEM_TYPE_64 |
                     PCI_BASE_ADDRESS_MEM_PREFETCH, &s->bar_hbm);
    return true;
}

static bool init_bar_msix(DojoState *s, Error **errp)
{
    PCIDevice *pdev = PCI_DEVICE(s);
    unsigned int vectors = s->tiles * DOJO_VECTORS_PER_TILE, i;

    memory_region_init(&s->bar_msix, OBJECT(s), "dojo-bar4", 4 * KiB);
    add_dead_overlay(s, 2, &s->bar_msix);
    pci_register_bar(pdev, DOJO_BAR_MSIX, PCI_BASE_ADDRESS_SPACE_MEMORY, &s->bar_msix);
    if (msix_init(pdev, vectors, &s->bar_msix, DOJO_BAR_MSIX, 0, &s->bar_msix,
                  DOJO_BAR_MSIX, 2 * KiB, 0, errp)) {
        return false;
    }
    for (i = 0; i < vectors; i++) {
        msix_vector_use(pdev, i);
    }
    return true;
}

/* A region inside a BAR holds a reference to the device, which would never end */
static void empty_bar(MemoryRegion *bar)
{
    MemoryRegion *mr, *next;

    QTAILQ_FOREACH_SAFE(mr, &bar->subregions, subregions_link, next) {
        memory_region_del_subregion(bar, mr);
    }
}

/* ------------------------------------------------------- life of the device */

static bool check_properties(DojoState *s, Error **errp)
{
    if (!s->tiles || s->tiles > DOJO_MAX_TILES) {
        error_setg(errp, "tiles must be 1 to %d", DOJO_MAX_TILES);
        return false;
    }
    if (s->hbm_size < HBM_MIN * s->tiles || s->hbm_size > HBM_MAX ||
        s->hbm_size % DOJO_SLICE_ALIGN) {
        error_setg(errp, "hbm must be a multiple of 2 MiB, 64 MiB a tile to 1 TiB");
        return false;
    }
    if (s->sram_size < SRAM_MIN || s->sram_size > SRAM_MAX ||
        s->sram_size % DOJO_SLICE_ALIGN) {
        error_setg(errp, "sram must be a multiple of 2 MiB, 16 MiB to 64 GiB");
        return false;
    }
    if (s->num_workers > DOJO_MAX_WORKERS) {
        error_setg(errp, "threads must be at most %d", DOJO_MAX_WORKERS);
        return false;
    }
    if (strlen(s->serial ?: "") > DOJO_SERIAL_LEN) {
        error_setg(errp, "serial must have at most %d characters", DOJO_SERIAL_LEN);
        return false;
    }
    if (!s->generation_name) {
        s->generation_name = g_strdup("d1");
    }
    s->generation = strcmp(s->generation_name, "d2") ? 1 : 2;
    if (s->generation == 1 && strcmp(s->generation_name, "d1")) {
        error_setg(errp, "generation must be d1 or d2");
        return false;
    }
    if (!s->num_workers) {
        s->num_workers = MIN(MAX(g_get_num_processors(), 2), WORKERS_DEFAULT);
    }
    return true;
}

/* Cards that nobody gave a serial number are told apart by their id, or counted */
static void default_serial(DojoState *s)
{
    static unsigned int count;
    const char *id = DEVICE(s)->id;

    if (s->serial && *s->serial) {
        return;
    }
    g_free(s->serial);
    count++;
    s->serial = id && strlen(id) <= DOJO_SERIAL_LEN - 5 ?
                g_strdup_printf("DOJO-%s", id) : g_strdup_printf("DOJO-%04u", count);
}

static void allow_opcodes(DojoState *s, int first, int last)
{
    for (; first <= last; first++) {
        s->limits.opcodes[first / 64] |= 1ull << (first % 64);
    }
}

static void init_limits(DojoState *s)
{
    s->limits.formats = MAKE_64BIT_MASK(DOJO_FORMAT_FP32, DOJO_FORMAT_COUNT - 1);
    allow_opcodes(s, DOJO_OP_NOP, DOJO_OP_SEM_SIGNAL);
    allow_opcodes(s, DOJO_OP_COPY, DOJO_OP_FILL);
    allow_opcodes(s, DOJO_OP_COPY_SEGMENTS, DOJO_OP_FILL_SEGMENTS);
    allow_opcodes(s, DOJO_OP_GEMM, DOJO_OP_ADAMW);
    if (s->generation == 2) {
        allow_opcodes(s, DOJO_OP_ALL_REDUCE, DOJO_OP_MULTICAST);
    }
}

static void init_config(DojoState *s)
{
    PCIDevice *pdev = PCI_DEVICE(s);

    pci_config_set_device_id(pdev->config, s->generation == 2 ? DOJO_PCI_DEVICE_ID_D2 :
                                                                DOJO_PCI_DEVICE_ID_D1);
    pci_config_set_interrupt_pin(pdev->config, 0);
}

static bool init_capabilities(DojoState *s, Error **errp)
{
    PCIDevice *pdev = PCI_DEVICE(s);

    if (!init_power_management(pdev, 0x60, errp)) {
        return false;
    }
    if (pcie_endpoint_cap_init(pdev, 0x80) < 0) {
        error_setg(errp, "cannot add the PCI Express capability");
        return false;
    }
    pcie_cap_flr_init(pdev);
    pcie_cap_deverr_init(pdev);
    if (pcie_aer_init(pdev, PCI_ERR_VER, 0x100, PCI_ERR_SIZEOF, errp) < 0) {
        pcie_cap_exit(pdev);
        return false;
    }
    return true;
}

static void init_shared(DojoState *s)
{
    MemReentrancyGuard *guard = &DEVICE(s)->mem_reentrancy_guard;

    s->as = pci_get_address_space(PCI_DEVICE(s));
    s->power_on_ns = get_clock();
    s->status = DOJO_STATUS_READY;
    qemu_mutex_init(&s->pool_lock);
    qemu_mutex_init(&s->sem_lock);
    qemu_mutex_init(&s->dma_lock);
    qemu_mutex_init(&s->ecc_lock);
    qemu_cond_init(&s->pool_cond[DOJO_HW_CLASS_DMA]);
    qemu_cond_init(&s->pool_cond[DOJO_HW_CLASS_COMPUTE]);
    qemu_cond_init(&s->job_cond);
    qemu_cond_init(&s->dma_cond);
    QTAILQ_INIT(&s->jobs);
    QTAILQ_INIT(&s->dma_requests);
    QLIST_INIT(&s->agents);
    s->irq_bh = qemu_bh_new_guarded(irq_bh, s, guard);
    s->dma_bh = qemu_bh_new_guarded(dojo_dma_bh, s, guard);
}

static void destroy_shared(DojoState *s)
{
    qemu_bh_delete(s->irq_bh);
    qemu_bh_delete(s->dma_bh);
    qemu_cond_destroy(&s->dma_cond);
    qemu_cond_destroy(&s->job_cond);
    qemu_cond_destroy(&s->pool_cond[DOJO_HW_CLASS_DMA]);
    qemu_cond_destroy(&s->pool_cond[DOJO_HW_CLASS_COMPUTE]);
    qemu_mutex_destroy(&s->ecc_lock);
    qemu_mutex_destroy(&s->dma_lock);
    qemu_mutex_destroy(&s->sem_lock);
    qemu_mutex_destroy(&s->pool_lock);
}

static void free_tiles(DojoState *s)
{
    int i;

    for (i = 0; i < s->tiles; i++) {
        if (s->tile[i]) {
            dojo_tile_free(s->tile[i]);
            s->tile[i] = NULL;
        }
    }
}

static void dojo_realize(PCIDevice *pdev, Error **errp)
{
    DojoState *s = DOJO_DIP(pdev);
    int i;

    if (!check_properties(s, errp)) {
        return;
    }
    default_serial(s);
    init_limits(s);
    init_config(s);
    if (!init_capabilities(s, errp)) {
        return;
    }
    init_bar_regs(s);
    if (!init_bar_hbm(s, errp)) {
        goto no_hbm;
    }
    if (!init_bar_msix(s, errp)) {
        goto no_msix;
    }
    init_shared(s);
    for (i = 0; i < s->tiles; i++) {
        s->tile[i] = dojo_tile_new(s, i, errp);
        if (!s->tile[i]) {
            goto no_tile;
        }
    }
    dojo_workers_start(s);
    for (i = 0; i < s->tiles; i++) {
        dojo_tile_start(s->tile[i]);
    }
    return;

no_tile:
    free_tiles(s);
    destroy_shared(s);
    msix_uninit(pdev, &s->bar_msix, &s->bar_msix);
no_msix:
    empty_bar(&s->bar_msix);
    empty_bar(&s->bar_hbm);
no_hbm:
    empty_bar(&s->bar_regs);
    pcie_aer_exit(pdev);
    pcie_cap_exit(pdev);
}

static void dojo_exit(PCIDevice *pdev)
{
    DojoState *s = DOJO_DIP(pdev);
    int i;

    dojo_card_reset_now(s);
    dojo_dma_refuse(s);
    dojo_workers_stop(s);
    for (i = 0; i < s->tiles; i++) {
        dojo_tile_stop(s->tile[i]);
    }
    dojo_workers_free(s);
    free_tiles(s);
    destroy_shared(s);
    msix_uninit(pdev, &s->bar_msix, &s->bar_msix);
    empty_bar(&s->bar_msix);
    empty_bar(&s->bar_hbm);
    empty_bar(&s->bar_regs);
    pcie_aer_exit(pdev);
    pcie_cap_exit(pdev);
}

static void dojo_instance_init(Object *obj)
{
    DojoState *s = DOJO_DIP(obj);

    s->temperature = 45000;
    s->slow_factor = 1;
}

static const Property dojo_properties[] = {
    DEFINE_PROP_UINT32("tiles", DojoState, tiles, 1),
    DEFINE_PROP_SIZE("hbm", DojoState, hbm_size, 32 * GiB),
    DEFINE_PROP_SIZE("sram", DojoState, sram_size,
                     QEMU_ALIGN_DOWN(11000000000, DOJO_SLICE_ALIGN)),
    DEFINE_PROP_STRING("generation", DojoState, generation_name),
    DEFINE_PROP_STRING("serial", DojoState, serial),
    DEFINE_PROP_UINT32("threads", DojoState, num_workers, 0),
};

static const VMStateDescription dojo_vmstate = {
    .name = TYPE_DOJO_DIP,
    .unmigratable = 1,
};

static void dojo_class_init(ObjectClass *klass, void *data)
{
    ResettableClass *rc = RESETTABLE_CLASS(klass);
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *k = PCI_DEVICE_CLASS(klass);

    k->realize = dojo_realize;
    k->exit = dojo_exit;
    k->config_read = dojo_config_read;
    k->config_write = dojo_config_write;
    k->vendor_id = DOJO_PCI_VENDOR_ID;
    k->device_id = DOJO_PCI_DEVICE_ID_D1;
    k->class_id = DOJO_PCI_CLASS;
    k->revision = 1;
    rc->phases.hold = dojo_reset_hold;
    dc->desc = "Dojo Interface Processor with training tiles";
    dc->vmsd = &dojo_vmstate;
    device_class_set_props(dc, dojo_properties);
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    dojo_inject_class_init(klass);
}

static const TypeInfo dojo_type = {
    .name = TYPE_DOJO_DIP,
    .parent = TYPE_PCI_DEVICE,
    .instance_size = sizeof(DojoState),
    .instance_init = dojo_instance_init,
    .class_init = dojo_class_init,
    .interfaces = (InterfaceInfo[]) {
        { INTERFACE_PCIE_DEVICE },
        { }
    },
};

static void dojo_register(void)
{
    type_register_static(&dojo_type);
}

type_init(dojo_register)
