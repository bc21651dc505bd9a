/*
 * Dojo Interface Processor: the model clock
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * HARDWARE.md section 12: how long a packet would have taken on the published
 * hardware. Never a measurement.
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/host-utils.h"
#include "dojo_clock.h"
#include "dojo_dip.h"

static const uint8_t element_size[DOJO_FORMAT_COUNT] = {
    [DOJO_FORMAT_FP32] = 4,
    [DOJO_FORMAT_BF16] = 2,
    [DOJO_FORMAT_FP16] = 2,
    [DOJO_FORMAT_CFLOAT8_143] = 1,
    [DOJO_FORMAT_CFLOAT8_152] = 1,
    [DOJO_FORMAT_CFLOAT16_SHP] = 2,
    [DOJO_FORMAT_CFLOAT16_UHP] = 2,
    [DOJO_FORMAT_INT8] = 1,
    [DOJO_FORMAT_INT32] = 4,
};

/* Operand bytes by where they lie */
typedef struct Traffic {
    uint64_t hbm;
    uint64_t system;
} Traffic;

static void add_operand(Traffic *t, uint64_t target, uint64_t bytes)
{
    if (target == DOJO_TARGET_HBM) {
        t->hbm += bytes;
    } else if (target == DOJO_TARGET_SYSTEM) {
        t->system += bytes;
    }
}

/* What a tensor holds; an extent that a stride of 0 repeats counts once */
static uint64_t tensor_bytes(const struct dojo_tensor *t)
{
    uint64_t n = t->format < DOJO_FORMAT_COUNT ? element_size[t->format] : 0;
    int i;

    for (i = 0; i < 4; i++) {
        if (t->stride[i] && umul64_overflow(n, le32_to_cpu(t->dim[i]), &n)) {
            return UINT64_MAX;
        }
    }
    return n;
}

static void add_compute(Traffic *traffic, const struct dojo_op *op, DojoMemory *m)
{
    const struct dojo_packet_compute *p = (void *)op->packet.words;
    int i;

    for (i = 0; i < MIN(p->tensors, DOJO_TENSOR_MAX); i++) {
        add_operand(traffic, dojo_memory_target(m, le64_to_cpu(p->tensor[i].va)),
                    tensor_bytes(&p->tensor[i]));
    }
}

static void add_copy(Traffic *traffic, uint64_t src, uint64_t dst,
                     const struct dojo_op *op, DojoMemory *m)
{
    if (op->read_bytes) {
        add_operand(traffic, dojo_memory_target(m, src), op->read_bytes);
    }
    add_operand(traffic, dojo_memory_target(m, dst), op->write_bytes);
}

/* Target of the first segment of a list */
static uint64_t segment_target(DojoMemory *m, uint64_t list)
{
    struct dojo_fault_info ignored = { };
    uint64_t pte;

    if (!dojo_memory_load64(m, list, &pte, &ignored) || (pte & DOJO_PTE_NULL)) {
        return DOJO_TARGET_SRAM;
    }
    if (dojo_mmu_target(pte) == DOJO_TARGET_PEER) {
        return pte & DOJO_PTE_PEER_SRAM ? DOJO_TARGET_SRAM : DOJO_TARGET_HBM;
    }
    return dojo_mmu_target(pte);
}

static void add_segments(Traffic *traffic, const struct dojo_op *op, DojoMemory *m)
{
    const struct dojo_packet_segments *p = (void *)op->packet.words;

    if (op->read_bytes) {
        add_operand(traffic, segment_target(m, le64_to_cpu(p->src)), op->read_bytes);
    }
    add_operand(traffic, segment_target(m, le64_to_cpu(p->dst)), op->write_bytes);
}

static uint64_t peak_gflops(uint32_t format)
{
    switch (format) {
    case DOJO_FORMAT_FP32:
    case DOJO_FORMAT_INT32:
        return DOJO_PEAK_FP32_GFLOPS;
    case DOJO_FORMAT_INT8:
        return DOJO_PEAK_INT8_GOPS;
    default:
        return DOJO_PEAK_BF16_GFLOPS;
    }
}

static uint64_t transfer_ps(uint64_t bytes, uint32_t mbps, uint32_t shared_by)
{
    return bytes ? muldiv64(bytes, 1000000 * shared_by, mbps) : 0;
}

uint64_t dojo_model_ps(DojoQueue *q, DojoMemory *m)
{
    const struct dojo_op *op = &q->op;
    uint32_t sharers = MAX(qatomic_read(&q->tile->card->tiles_active), 1);
    const struct dojo_packet_copy *copy = (void *)op->packet.words;
    const struct dojo_packet_copy_nd *nd = (void *)op->packet.words;
    const struct dojo_packet_fill *fill = (void *)op->packet.words;
    Traffic traffic = { };
    uint64_t mesh = 0, ps;

    switch (q->packet_opcode) {
    case DOJO_OP_COPY:
        add_copy(&traffic, le64_to_cpu(copy->src), le64_to_cpu(copy->dst), op, m);
        break;
    case DOJO_OP_COPY_ND:
        add_copy(&traffic, le64_to_cpu(nd->src), le64_to_cpu(nd->dst), op, m);
        break;
    case DOJO_OP_FILL:
        add_copy(&traffic, 0, le64_to_cpu(fill->dst), op, m);
        break;
    case DOJO_OP_COPY_SEGMENTS:
    case DOJO_OP_FILL_SEGMENTS:
        add_segments(&traffic, op, m);
        break;
    default:
        if (q->packet_opcode >= DOJO_OP_GEMM) {
            add_compute(&traffic, op, m);
            mesh = traffic.hbm + traffic.system;
        }
        break;
    }

    ps = !op->flop ? 0 :
         muldiv64(op->flop, 1000, q->dies * peak_gflops(op->matrix_format));
    ps = MAX(ps, transfer_ps(traffic.hbm, DOJO_HBM_MBPS, sharers));
    ps = MAX(ps, transfer_ps(mesh, DOJO_TTP_MBPS, sharers));
    ps = MAX(ps, transfer_ps(traffic.system, DOJO_PCIE_MBPS, sharers));
    return ps + DOJO_LAUNCH_NS * 1000ull;
}
