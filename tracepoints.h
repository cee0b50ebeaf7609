/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The module's tracepoints. docs/metrics.md says what each of them tells.
 *
 * Every floor has some, so this header belongs to none of them: the arguments are numbers and
 * texts, and no struct of ours, of LIO or of libceph.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM target_core_rbd

#if !defined(TRBD_TRACEPOINTS_H) || defined(TRACE_HEADER_MULTI_READ)
#define TRBD_TRACEPOINTS_H

#include <linux/tracepoint.h>
#include <linux/types.h>

#include "compat/trace.h"

/* A command is about to be executed: its data, if it sends any, are complete. */
TRACE_EVENT(trbd_command_begin,
	    TP_PROTO(const char *device, u8 opcode, u64 lba, u32 bytes),
	    TP_ARGS(device, opcode, lba, bytes),
	    TP_STRUCT__entry(__string(device, device)
			     __field(u64, lba)
			     __field(u32, bytes)
			     __field(u8, opcode)),
	    TP_fast_assign(trbd_compat_assign_str(device, device);
			   __entry->lba = lba;
			   __entry->bytes = bytes;
			   __entry->opcode = opcode;),
	    TP_printk("device=%s opcode=0x%02x lba=%llu bytes=%u", __get_str(device),
		      __entry->opcode, __entry->lba, __entry->bytes)
);

/* A command is about to be answered. */
TRACE_EVENT(trbd_command_end,
	    TP_PROTO(const char *device, u8 opcode, u64 lba, u32 bytes, u8 status, u8 sense_key,
		     u64 us),
	    TP_ARGS(device, opcode, lba, bytes, status, sense_key, us),
	    TP_STRUCT__entry(__string(device, device)
			     __field(u64, lba)
			     __field(u64, us)
			     __field(u32, bytes)
			     __field(u8, opcode)
			     __field(u8, status)
			     __field(u8, sense_key)),
	    TP_fast_assign(trbd_compat_assign_str(device, device);
			   __entry->lba = lba;
			   __entry->us = us;
			   __entry->bytes = bytes;
			   __entry->opcode = opcode;
			   __entry->status = status;
			   __entry->sense_key = sense_key;),
	    TP_printk("device=%s opcode=0x%02x lba=%llu bytes=%u status=0x%02x sense_key=0x%x us=%llu",
		      __get_str(device), __entry->opcode, __entry->lba, __entry->bytes,
		      __entry->status, __entry->sense_key, __entry->us)
);

/* The guard refused a change of an object. It is tried again, or ends with BUSY. */
TRACE_EVENT(trbd_write_refused,
	    TP_PROTO(const char *image, u64 object, u64 age_ms, bool again),
	    TP_ARGS(image, object, age_ms, again),
	    TP_STRUCT__entry(__string(image, image)
			     __field(u64, object)
			     __field(u64, age_ms)
			     __field(bool, again)),
	    TP_fast_assign(trbd_compat_assign_str(image, image);
			   __entry->object = object;
			   __entry->age_ms = age_ms;
			   __entry->again = again;),
	    TP_printk("image=%s object=%016llx age_ms=%llu %s", __get_str(image), __entry->object,
		      __entry->age_ms, __entry->again ? "again" : "busy")
);

/* The lease of this gateway has run out. */
TRACE_EVENT(trbd_lease_lost,
	    TP_PROTO(s64 pool, u64 late_ms),
	    TP_ARGS(pool, late_ms),
	    TP_STRUCT__entry(__field(s64, pool)
			     __field(u64, late_ms)),
	    TP_fast_assign(__entry->pool = pool;
			   __entry->late_ms = late_ms;),
	    TP_printk("pool=%lld late_ms=%llu", __entry->pool, __entry->late_ms)
);

/* This gateway was out of touch, and a quarantine begins. */
TRACE_EVENT(trbd_out_of_touch,
	    TP_PROTO(s64 pool, u64 times),
	    TP_ARGS(pool, times),
	    TP_STRUCT__entry(__field(s64, pool)
			     __field(u64, times)),
	    TP_fast_assign(__entry->pool = pool;
			   __entry->times = times;),
	    TP_printk("pool=%lld times=%llu", __entry->pool, __entry->times)
);

/* The reasons are the TRBD_LU_* of gateway/lu_state.h. */
#define TRBD_TRACE_REASON(reason)	\
	__print_symbolic(reason, { 0, "unregistered" }, { 1, "resetting" }, { 2, "settings" }, \
			 { 3, "standby" })

DECLARE_EVENT_CLASS(trbd_blocking,
		    TP_PROTO(const char *image, unsigned int reason),
		    TP_ARGS(image, reason),
		    TP_STRUCT__entry(__string(image, image)
				     __field(unsigned int, reason)),
		    TP_fast_assign(trbd_compat_assign_str(image, image);
				   __entry->reason = reason;),
		    TP_printk("image=%s reason=%s", __get_str(image),
			      TRBD_TRACE_REASON(__entry->reason))
);

/* This gateway serves no command of the unit any more, for this reason. */
DEFINE_EVENT(trbd_blocking, trbd_blocked,
	     TP_PROTO(const char *image, unsigned int reason),
	     TP_ARGS(image, reason)
);

/* That reason is gone. There may be another one. */
DEFINE_EVENT(trbd_blocking, trbd_unblocked,
	     TP_PROTO(const char *image, unsigned int reason),
	     TP_ARGS(image, reason)
);

/* A session begins to take a new identity, or has it. */
TRACE_EVENT(trbd_recovery,
	    TP_PROTO(u64 client, bool gave_up, bool ended),
	    TP_ARGS(client, gave_up, ended),
	    TP_STRUCT__entry(__field(u64, client)
			     __field(bool, gave_up)
			     __field(bool, ended)),
	    TP_fast_assign(__entry->client = client;
			   __entry->gave_up = gave_up;
			   __entry->ended = ended;),
	    TP_printk("client=%llu cause=%s %s", __entry->client,
		      __entry->gave_up ? "gave_up" : "fenced", __entry->ended ? "end" : "begin")
);

/* This gateway has asked the monitors to put a client on the blocklist. */
TRACE_EVENT(trbd_fence,
	    TP_PROTO(const char *address, u32 epoch, int error),
	    TP_ARGS(address, epoch, error),
	    TP_STRUCT__entry(__string(address, address)
			     __field(u32, epoch)
			     __field(int, error)),
	    TP_fast_assign(trbd_compat_assign_str(address, address);
			   __entry->epoch = epoch;
			   __entry->error = error;),
	    TP_printk("address=%s epoch=%u error=%d", __get_str(address), __entry->epoch,
		      __entry->error)
);

/* Another generation of the record of a unit is in force on this gateway. */
TRACE_EVENT(trbd_record_changed,
	    TP_PROTO(const char *image, u64 generation, u64 settled, unsigned int action,
		     unsigned int registrations, bool mine),
	    TP_ARGS(image, generation, settled, action, registrations, mine),
	    TP_STRUCT__entry(__string(image, image)
			     __field(u64, generation)
			     __field(u64, settled)
			     __field(unsigned int, action)
			     __field(unsigned int, registrations)
			     __field(bool, mine)),
	    TP_fast_assign(trbd_compat_assign_str(image, image);
			   __entry->generation = generation;
			   __entry->settled = settled;
			   __entry->action = action;
			   __entry->registrations = registrations;
			   __entry->mine = mine;),
	    TP_printk("image=%s generation=%llu settled=%llu action=%u registrations=%u writer=%s",
		      __get_str(image), __entry->generation, __entry->settled, __entry->action,
		      __entry->registrations, __entry->mine ? "self" : "other")
);

#endif /* TRBD_TRACEPOINTS_H */

/* The mirror of the sources is in the search path, see Kbuild. */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE tracepoints
#include <trace/define_trace.h>
