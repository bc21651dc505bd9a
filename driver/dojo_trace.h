/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints. driver/README.md documents them: a queue is named by tile and
 * hardware context, a job by its seqno on the queue. Times called *_ns are
 * of the device clock.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM dojo

#if !defined(DOJO_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define DOJO_TRACE_H

#include <linux/tracepoint.h>

#include "dojo_device.h"
#include "dojo_queue.h"

DECLARE_EVENT_CLASS(dojo_job_class,
	TP_PROTO(const struct dojo_queue *queue, u64 client_id, u64 seqno, u64 batch_va,
		 u32 batch_size),
	TP_ARGS(queue, client_id, seqno, batch_va, batch_size),
	TP_STRUCT__entry(
		__string(dev, dev_name(queue->tile->drm.dev))
		__field(u32, tile)
		__field(u32, queue)
		__field(u8, hw_class)
		__field(u64, client_id)
		__field(u64, seqno)
		__field(u64, batch_va)
		__field(u32, batch_size)
	),
	TP_fast_assign(
		__assign_str(dev);
		__entry->tile = queue->tile->index;
		__entry->queue = queue->id;
		__entry->hw_class = queue->hw_class;
		__entry->client_id = client_id;
		__entry->seqno = seqno;
		__entry->batch_va = batch_va;
		__entry->batch_size = batch_size;
	),
	TP_printk("dev=%s tile=%u queue=%u class=%s client=%llu seqno=%llu batch=0x%llx size=%u",
		  __get_str(dev), __entry->tile, __entry->queue,
		  __entry->hw_class ? "compute" : "dma", __entry->client_id, __entry->seqno,
		  __entry->batch_va, __entry->batch_size)
);

/* a job is accepted */
DEFINE_EVENT(dojo_job_class, dojo_submit,
	TP_PROTO(const struct dojo_queue *queue, u64 client_id, u64 seqno, u64 batch_va,
		 u32 batch_size),
	TP_ARGS(queue, client_id, seqno, batch_va, batch_size)
);

/* its dependencies are met and it is in the ring */
DEFINE_EVENT(dojo_job_class, dojo_run,
	TP_PROTO(const struct dojo_queue *queue, u64 client_id, u64 seqno, u64 batch_va,
		 u32 batch_size),
	TP_ARGS(queue, client_id, seqno, batch_va, batch_size)
);

/* it has finished, or failed with @error; start, end and busy time are the card's */
TRACE_EVENT(dojo_done,
	TP_PROTO(const struct dojo_queue *queue, u64 client_id, u64 seqno,
		 const struct dojo_fence_record *record, int error),
	TP_ARGS(queue, client_id, seqno, record, error),
	TP_STRUCT__entry(
		__string(dev, dev_name(queue->tile->drm.dev))
		__field(u32, tile)
		__field(u32, queue)
		__field(u8, hw_class)
		__field(u64, client_id)
		__field(u64, seqno)
		__field(u64, start_ns)
		__field(u64, end_ns)
		__field(u64, busy_ns)
		__field(int, error)
	),
	TP_fast_assign(
		__assign_str(dev);
		__entry->tile = queue->tile->index;
		__entry->queue = queue->id;
		__entry->hw_class = queue->hw_class;
		__entry->client_id = client_id;
		__entry->seqno = seqno;
		__entry->start_ns = error ? 0 : record->start_ns;
		__entry->end_ns = error ? 0 : record->end_ns;
		__entry->busy_ns = record->busy_ns;
		__entry->error = error;
	),
	TP_printk("dev=%s tile=%u queue=%u class=%s client=%llu seqno=%llu start_ns=%llu end_ns=%llu busy_ns=%llu error=%d",
		  __get_str(dev), __entry->tile, __entry->queue,
		  __entry->hw_class ? "compute" : "dma", __entry->client_id, __entry->seqno,
		  __entry->start_ns, __entry->end_ns, __entry->busy_ns, __entry->error)
);

/* a queue is stopped: @fault is enum dojo_fault, 0 for a hang */
TRACE_EVENT(dojo_fault,
	TP_PROTO(const struct dojo_queue *queue, const struct dojo_queue_fault *fault),
	TP_ARGS(queue, fault),
	TP_STRUCT__entry(
		__string(dev, dev_name(queue->tile->drm.dev))
		__field(u32, tile)
		__field(u32, queue)
		__field(u64, client_id)
		__field(u64, seqno)
		__field(u32, fault)
		__field(u32, access)
		__field(u64, va)
		__field(u64, batch_va)
		__field(u32, packet_offset)
		__field(u32, opcode)
	),
	TP_fast_assign(
		__assign_str(dev);
		__entry->tile = queue->tile->index;
		__entry->queue = queue->id;
		__entry->client_id = queue->client_id;
		__entry->seqno = fault->seqno;
		__entry->fault = fault->fault;
		__entry->access = fault->access;
		__entry->va = fault->va;
		__entry->batch_va = fault->batch_va;
		__entry->packet_offset = fault->packet_offset;
		__entry->opcode = fault->opcode;
	),
	TP_printk("dev=%s tile=%u queue=%u client=%llu seqno=%llu fault=%u access=%u va=0x%llx batch=0x%llx offset=0x%x opcode=0x%x",
		  __get_str(dev), __entry->tile, __entry->queue, __entry->client_id,
		  __entry->seqno, __entry->fault, __entry->access, __entry->va,
		  __entry->batch_va, __entry->packet_offset, __entry->opcode)
);

/* a reset of a tile or of its card: begins, and ends with @result */
TRACE_EVENT(dojo_reset,
	TP_PROTO(const struct dojo_tile *tile, const char *scope, const char *cause, bool end,
		 int result),
	TP_ARGS(tile, scope, cause, end, result),
	TP_STRUCT__entry(
		__string(dev, dev_name(tile->drm.dev))
		__field(u32, tile)
		__string(scope, scope)
		__string(cause, cause)
		__field(bool, end)
		__field(int, result)
	),
	TP_fast_assign(
		__assign_str(dev);
		__entry->tile = tile->index;
		__assign_str(scope);
		__assign_str(cause);
		__entry->end = end;
		__entry->result = result;
	),
	TP_printk("dev=%s tile=%u scope=%s cause=\"%s\" %s result=%d",
		  __get_str(dev), __entry->tile, __get_str(scope), __get_str(cause),
		  __entry->end ? "end" : "begin", __entry->result)
);

/* page-table entries of an address space change; @op is enum drm_dojo_bind_op_type */
TRACE_EVENT(dojo_bind,
	TP_PROTO(const struct dojo_tile *tile, u32 asid, u32 op, u64 va, u64 size),
	TP_ARGS(tile, asid, op, va, size),
	TP_STRUCT__entry(
		__string(dev, dev_name(tile->drm.dev))
		__field(u32, tile)
		__field(u32, asid)
		__field(u32, op)
		__field(u64, va)
		__field(u64, size)
	),
	TP_fast_assign(
		__assign_str(dev);
		__entry->tile = tile->index;
		__entry->asid = asid;
		__entry->op = op;
		__entry->va = va;
		__entry->size = size;
	),
	TP_printk("dev=%s tile=%u asid=%u op=%u va=0x%llx size=0x%llx", __get_str(dev),
		  __entry->tile, __entry->asid, __entry->op, __entry->va, __entry->size)
);

/* a buffer moves between memories; @from and @to are enum drm_dojo_domain */
TRACE_EVENT(dojo_evict,
	TP_PROTO(const struct dojo_tile *tile, u32 from, u32 to, u64 size),
	TP_ARGS(tile, from, to, size),
	TP_STRUCT__entry(
		__string(dev, dev_name(tile->drm.dev))
		__field(u32, tile)
		__field(u32, from)
		__field(u32, to)
		__field(u64, size)
	),
	TP_fast_assign(
		__assign_str(dev);
		__entry->tile = tile->index;
		__entry->from = from;
		__entry->to = to;
		__entry->size = size;
	),
	TP_printk("dev=%s tile=%u from=%u to=%u size=0x%llx", __get_str(dev), __entry->tile,
		  __entry->from, __entry->to, __entry->size)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE dojo_trace
#include <trace/define_trace.h>
