/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The times and limits on which gateways, OSDs, monitors and initiators agree, and the order
 * between them.
 *
 * All gateways of a pool must use the same ones: a gateway with a longer lease or window would
 * break the promise of the others. The times of Ceph and of initiators are not ours to choose, and
 * ours must keep clear of them. A static_assert stands where one time must be shorter than another.
 * tests/unit/guard_model_test.py reads those of the write guard from here and shows how patient
 * initiators must be with them.
 *
 * A time on which nothing else depends, such as a pause between two tries, is in the file that uses
 * it.
 *
 * Macros that end in _MS are milliseconds and depend on nothing but macros that end in _MS.
 */
#ifndef TRBD_PROTOCOL_H
#define TRBD_PROTOCOL_H

#include <linux/build_bug.h>

/* ---- Ceph and initiators: their defaults, which we cannot choose ---- */

/* An OSD forgets a watch that it has not heard of for this long: osd_client_watch_timeout. */
#define TRBD_CEPH_WATCH_MS	30000
/*
 * A client that notifies the watchers of an image waits this long for their answers: librbd's
 * NOTIFY_TIMEOUT.
 */
#define TRBD_CEPH_NOTIFY_MS	10000
/* A monitor takes a client off the blocklist after this: mon_osd_blocklist_default_expire. */
#define TRBD_CEPH_BLOCKLIST_MS	3600000
/*
 * The usual initiators wait this long for the answer to an ABORT TASK or to a LOGICAL UNIT RESET.
 */
#define TRBD_ABORT_TIMEOUT_MS	15000

/*
 * ---- The write guard and the group's clock: rados/clock.c, rados/guard.c, gateway/group*.c ----
 */

/* Stamps order writes by granules of this length; see rados/clock.c. */
#define TRBD_GRANULE_MS		256
/*
 * A gateway stamps a change of data at most this long after LIO took its command up, or ends it
 * with BUSY.
 */
#define TRBD_ADMISSION_MS	1500
/*
 * A gateway writes its own slot, and reads the others', this often, in one of two tables in turn.
 * The period is a little more than half a second, so that these heartbeats and an occasional one at
 * the third table make four requests a second.
 */
#define TRBD_HEARTBEAT_MS	510
/*
 * A heartbeat that came back proves, for this long after it was sent, that the gateway was in touch
 * with that object.
 */
#define TRBD_LEASE_MS		2000
/*
 * A clock that is further behind another one than this belongs to a gateway that was out of touch.
 */
#define TRBD_JUMP_MS		500
/*
 * A gateway checks this often whether it stood still. A tick that is late by TRBD_JUMP_MS shows
 * that it did.
 */
#define TRBD_TICK_MS		200
/* A gateway notices that it, or one of its processors, stood still for longer than this. */
#define TRBD_STALL_MS		(TRBD_TICK_MS + TRBD_JUMP_MS)
/* A gateway that was out of touch ends changes of data with BUSY for this long. */
#define TRBD_QUARANTINE_MS	5000

/*
 * The clocks of two gateways in touch differ by this at most. A clock in a table is as old as the
 * last heartbeat there, and each table gets every second heartbeat.
 */
#define TRBD_SKEW_MS		(2 * TRBD_HEARTBEAT_MS + TRBD_JUMP_MS)

/*
 * W: a command that its initiator sent longer ago than this can no longer overwrite an acknowledged
 * write. A gateway may have stood still unnoticed for TRBD_STALL_MS before it took the command up.
 * It then stamps the change within TRBD_ADMISSION_MS. A newer write has a stamp that is later by a
 * granule, from a clock that may be behind.
 */
#define TRBD_W_MS		4000

/*
 * This long after it was accepted, a change has reached its object or never will: by then no other
 * gateway's clock, however late, lets it through any more. A gateway waits for that before it ends
 * a change whose outcome is not known.
 */
#define TRBD_DOUBT_MS		(TRBD_ADMISSION_MS + TRBD_GRANULE_MS + TRBD_SKEW_MS)

static_assert(TRBD_STALL_MS + TRBD_ADMISSION_MS + TRBD_GRANULE_MS + TRBD_SKEW_MS <= TRBD_W_MS,
	      "W is too short");
/*
 * A quarantine outlives the stamps of a gateway that was last heard of when the quarantine began.
 */
static_assert(TRBD_LEASE_MS + TRBD_ADMISSION_MS + TRBD_GRANULE_MS < TRBD_QUARANTINE_MS,
	      "too short");
/*
 * Each of the two main objects gets every second heartbeat. One missing heartbeat must not cost the
 * lease.
 */
static_assert(3 * TRBD_HEARTBEAT_MS < TRBD_LEASE_MS, "a late heartbeat costs the lease");

/* ---- The group of gateways: slots, and who is alive; gateway/group*.c, gateway/quorum.c ---- */

/*
 * Objects of a group, how many of them are a majority, and how many get heartbeats in turn. The
 * rest are spares.
 */
#define TRBD_GROUP_OBJECTS	3
#define TRBD_GROUP_MAJORITY	2
#define TRBD_GROUP_MAIN		2
/* A group has room for this many gateways. */
#define TRBD_SLOTS		256

/* A gateway sets its limit this far ahead of the clock, and moves it when half is used up. */
#define TRBD_GROUP_LIMIT_MS	60000
/* A clock in the table that is further ahead than this is damaged. */
#define TRBD_GROUP_FAR_MS	(24ULL * 3600 * 1000)
/*
 * A gateway sends a request to a group's object anew when it has had no answer for this long. In a
 * full pool libceph holds back a request that it has to send a second time, but lets new ones pass.
 */
#define TRBD_GROUP_ANSWER_MS	(2 * TRBD_LEASE_MS)
/*
 * A member has sent a heartbeat to each main object within this time, so one main object that
 * answers is enough.
 */
#define TRBD_GROUP_LOOK_MS	(3 * TRBD_HEARTBEAT_MS)
/*
 * A reading of an object that is older than this no longer says whose a slot is, if two other
 * objects do.
 */
#define TRBD_GROUP_FRESH_MS	5000
/* Others may take the slot of a gateway that has been silent for this long, in common time. */
#define TRBD_SLOT_REUSE_MS	60000
/*
 * A gateway counts as alive until it has been silent in more readings than this, since its
 * heartbeats and ours drift.
 */
#define TRBD_GROUP_SILENT_MAX	3
/* A gateway counts as gone when its heartbeats failed in this many readings, a heartbeat apart. */
#define TRBD_GROUP_SILENT_READINGS	3
/*
 * A gateway whose heartbeats fail for this long gives up everything in flight. The others have
 * fenced it, and its requests must have ended before the monitors forget the fence.
 */
#define TRBD_GROUP_GIVE_UP_MS	600000

static_assert(TRBD_GROUP_MAIN >= TRBD_GROUP_MAJORITY, "heartbeats must reach a majority");
static_assert(2 * TRBD_GROUP_MAJORITY > TRBD_GROUP_OBJECTS,
	      "two majorities must have an object in common");
static_assert(TRBD_GROUP_MAIN * TRBD_HEARTBEAT_MS < TRBD_GROUP_LOOK_MS,
	      "a gateway that joins sees no heartbeat");
static_assert(TRBD_GROUP_LOOK_MS < TRBD_GROUP_FRESH_MS,
	      "an object that is beaten in turn would not be fresh");
static_assert(TRBD_LEASE_MS < TRBD_GROUP_ANSWER_MS,
	      "a heartbeat is given up while it could prove something");
static_assert(TRBD_LEASE_MS + TRBD_QUARANTINE_MS < TRBD_SLOT_REUSE_MS,
	      "a slot is given away while it is in use");
static_assert(TRBD_LEASE_MS + TRBD_ADMISSION_MS + TRBD_GRANULE_MS < TRBD_GROUP_LIMIT_MS / 2,
	      "a stamp passes the limit");
static_assert(TRBD_GROUP_GIVE_UP_MS < TRBD_CEPH_BLOCKLIST_MS,
	      "a fence is forgotten while a write is in flight");

/* ---- Rounds, and the evidence that a gateway is gone: gateway/round.c, gateway/silence.c ---- */

/* Our own notifications on an image's header. Those of librbd count from 0. */
#define TRBD_NOTIFY_GENERATION	0x74637201
#define TRBD_NOTIFY_INQUIRY	0x74637202
/* The OSD waits this long for answers, in whole seconds. A healthy gateway needs much less. */
#define TRBD_ROUND_TIMEOUT_S	1
/*
 * The same for a gateway that did not answer although its heartbeats go on: it may be making its
 * watch again.
 */
#define TRBD_ROUND_PATIENT_S	4
/* The same when a gateway asks the others whether somebody takes a snapshot: rbd/inquiry.c. */
#define TRBD_INQUIRY_TIMEOUT_S	4
/*
 * With the group's table as a second witness, a gateway that has not answered for this long is
 * gone.
 */
#define TRBD_SILENCE_MS		1000
/* Without that witness, a gateway is gone after this long, once it was asked this often. */
#define TRBD_SILENCE_ALONE_MS	8000
#define TRBD_SILENCE_ALONE_ASKED	2
/* Evidence is void when nobody has asked for this long: the gateway may have answered others. */
#define TRBD_SILENCE_KEEP_MS	10000
/* A fence that is noted with the evidence is made anew after this long. */
#define TRBD_SILENCE_FENCE_MS	600000
/* A round waits this long for the group's table to say whether a gateway is gone. */
#define TRBD_ROUND_TABLE_MS	3000

static_assert(TRBD_NOTIFY_GENERATION != TRBD_NOTIFY_INQUIRY, "two notifications with one number");
static_assert(TRBD_ROUND_PATIENT_S * 1000 > TRBD_LEASE_MS,
	      "a gateway with a lease has too little time to answer");
static_assert(TRBD_ROUND_TIMEOUT_S * 1000 <= TRBD_SILENCE_MS,
	      "a gateway is gone before its time to answer is over");
static_assert(TRBD_SILENCE_ALONE_ASKED * TRBD_ROUND_PATIENT_S * 1000 <= TRBD_SILENCE_ALONE_MS,
	      "a gateway that was asked too seldom is gone");
static_assert(TRBD_SILENCE_ALONE_MS < TRBD_SILENCE_KEEP_MS,
	      "evidence is void before it proves anything");
static_assert((TRBD_GROUP_SILENT_READINGS + 1) * TRBD_HEARTBEAT_MS < TRBD_ROUND_TABLE_MS,
	      "the table says nothing by then");
static_assert(TRBD_SILENCE_FENCE_MS < TRBD_CEPH_BLOCKLIST_MS,
	      "a fence is relied on after the monitors forgot it");

/* ---- An image's registry, and fences: gateway/housekeeping.c, gateway/record.c ---- */

/*
 * A record has room for this many gateways and their groups of ports, and for this many fenced
 * clients.
 */
#define TRBD_RECORD_GATEWAYS	64
#define TRBD_RECORD_FENCED	64
/* A record has room for this many target ports of all gateways. */
#define TRBD_RECORD_PORTS	128
/*
 * Housekeeping fences a gateway that has been silent in the group for this long, even when nobody
 * waits for it.
 */
#define TRBD_HOUSE_SILENT_MS	60000
/* Gateways renew fences this often, since the monitors forget them. */
#define TRBD_HOUSE_RENEW_S	1800
/* Each further gateway in the registry waits this much longer, so that it finds the work done. */
#define TRBD_HOUSE_TURN_S	10
/* Gateways keep a fence up for this long. */
#define TRBD_FENCE_KEEP_S	86400
/* A time that is further ahead than this is not valid. */
#define TRBD_FENCE_AHEAD_S	3600

static_assert((TRBD_HOUSE_RENEW_S + TRBD_RECORD_GATEWAYS * TRBD_HOUSE_TURN_S) * 1000 <
		      TRBD_CEPH_BLOCKLIST_MS,
	      "the monitors forget a fence before the last gateway renews it");
static_assert(TRBD_HOUSE_RENEW_S < TRBD_FENCE_KEEP_S, "a fence is dropped before it is renewed");
static_assert(TRBD_LEASE_MS + TRBD_QUARANTINE_MS < TRBD_HOUSE_SILENT_MS,
	      "a gateway is fenced that comes back by itself");
static_assert(TRBD_RECORD_GATEWAYS <= TRBD_SLOTS, "more gateways of an image than of its pool");

/*
 * ---- The watch on an image's header, and quiet for snapshots: rados/watch.c, rbd/quiesce.c ----
 */

/* libceph pings OSDs at least this often; an answer confirms the watch as of the ping. */
#define TRBD_KEEPALIVE_MS	5000
/*
 * A confirmation is late when it comes this much later than the ping's interval, which libceph
 * rounds to seconds.
 */
#define TRBD_WATCH_LATE_MS	3000
/*
 * A gateway writes nothing while the OSD has not confirmed its watch for this long: a client that
 * notifies the watchers goes on without that gateway.
 */
#define TRBD_WATCH_TRUSTED_MS	9000
/*
 * A gateway calls back its changes in flight after this. It has the rest of the time until the OSD
 * forgets the watch to do so.
 */
#define TRBD_WATCH_SILENT_MS	24000
/*
 * A gateway gives a lost watch back when all changes have ended. It calls them back no sooner than
 * this after the loss.
 */
#define TRBD_WATCH_OVER_MS	5000
/* A gateway reads the header again this often in any case. */
#define TRBD_WATCH_POLL_MS	60000
/* An image stays quiet for this long after the client that asked for it was last heard of. */
#define TRBD_QUIESCE_TIMEOUT_MS	TRBD_CEPH_NOTIFY_MS
/* The same while that client still watches the image. */
#define TRBD_QUIESCE_MAX_MS	60000
/*
 * An OSD drops the lock that shows its time when nobody has renewed it for this long:
 * rados/witness.c.
 */
#define TRBD_WITNESS_LOCK_S	60

static_assert(TRBD_KEEPALIVE_MS + TRBD_WATCH_LATE_MS < TRBD_WATCH_TRUSTED_MS,
	      "a late ping stops all writes");
static_assert(TRBD_WATCH_TRUSTED_MS < TRBD_CEPH_NOTIFY_MS, "a snapshot is taken while we write");
static_assert(TRBD_WATCH_TRUSTED_MS + TRBD_ADMISSION_MS < TRBD_WATCH_SILENT_MS,
	      "changes are called back too soon");
static_assert(TRBD_WATCH_SILENT_MS < TRBD_CEPH_WATCH_MS,
	      "the OSD forgets the watch before changes are called back");
static_assert(TRBD_WATCH_OVER_MS < TRBD_WATCH_SILENT_MS, "a lost watch is not called back in time");
static_assert(TRBD_QUIESCE_TIMEOUT_MS < TRBD_QUIESCE_MAX_MS,
	      "nobody would be asked whether it is still there");
static_assert(TRBD_INQUIRY_TIMEOUT_S * 1000 < TRBD_CEPH_NOTIFY_MS,
	      "the answers come after the snapshot is taken");
static_assert(TRBD_ROUND_PATIENT_S * 1000 < TRBD_CEPH_NOTIFY_MS,
	      "an OSD waits longer than any client does");
/* A heartbeat is two requests: one takes or renews the lock, the next one asks when it expires. */
static_assert(2 * TRBD_GROUP_ANSWER_MS < TRBD_WITNESS_LOCK_S * 1000,
	      "the OSD drops the lock before the heartbeat asks for it");

/* ---- Initiators: commands that are aborted, resets; scsi/ ---- */

/*
 * A gateway gives up when an aborted command has had no answer for TRBD_ABANDONED_MS, and looks for
 * such commands every TRBD_ABANDONED_LOOK_MS. It waits TRBD_RESET_WAIT_MS for a reset to be in
 * force, and then serves nothing until it is.
 */
#define TRBD_ABANDONED_MS	10000
#define TRBD_ABANDONED_LOOK_MS	1000
#define TRBD_RESET_WAIT_MS	10000
/* An operator's change of settings is given up after this time. Removal waits for it. */
#define TRBD_SETTINGS_WAIT_MS	10000

/*
 * A gateway that cannot serve asks hosts to wait for TRBD_MOMENT_MS if it serves nothing while
 * others may serve, and otherwise for TRBD_TRANSITION_MS. After that it sends them to other paths:
 * scsi/readiness.c. Linux gives a target this long by itself (ALUA_FAILOVER_TIMEOUT of
 * scsi_dh_alua), and it is twice as long as Ceph needs to do without an OSD that died.
 */
#define TRBD_MOMENT_MS		2000
#define TRBD_TRANSITION_MS	60000

static_assert(TRBD_ABANDONED_MS + TRBD_ABANDONED_LOOK_MS < TRBD_ABORT_TIMEOUT_MS,
	      "initiators give up on an abort before we do");
static_assert(TRBD_RESET_WAIT_MS < TRBD_ABORT_TIMEOUT_MS,
	      "initiators give up on a reset before we do");
static_assert(TRBD_QUARANTINE_MS + TRBD_LEASE_MS < TRBD_TRANSITION_MS,
	      "hosts are sent away because of a quarantine");
static_assert(TRBD_CEPH_WATCH_MS < TRBD_TRANSITION_MS,
	      "hosts are sent away while the OSD waits for a lost watch to come back");

/* ---- The limits of an image: gateway/qos_bucket.c, scsi/throttle.c ---- */

/* A gateway that serves a limited image draws tokens from the image's bucket this often. */
#define TRBD_QOS_PERIOD_MS	500
/*
 * A draw without an answer is given up after this. The gateway then goes by its part of the limit.
 */
#define TRBD_QOS_ANSWER_MS	1000
/*
 * To read the limits, which the watch's thread waits for. Anybody may put a value there that is too
 * long to be read.
 */
#define TRBD_QOS_READ_MS	3000
/*
 * A change of data that has waited for tokens until this long after LIO took its command up ends
 * with BUSY. It has the rest of TRBD_ADMISSION_MS to be stamped.
 */
#define TRBD_QOS_WAIT_MS	1200
/* A time of a bucket, and a count of its changes, that is greater than this is damaged. */
#define TRBD_QOS_TIME_MAX_MS	4611686018427387904ULL

static_assert(TRBD_QOS_WAIT_MS < TRBD_ADMISSION_MS,
	      "a change of data waits for tokens until it is too old");
static_assert(2 * TRBD_QOS_PERIOD_MS < TRBD_QOS_WAIT_MS,
	      "changes of data end with BUSY before the next draw");

/* ---- Features of the record: gateway/record_text.c ---- */

/* The record has the target ports of all gateways: gateway/ports.c. */
#define TRBD_FEATURE_PORTS	0x1ULL
/* The record has the settings that are equal on all gateways: gateway/settings.c. */
#define TRBD_FEATURE_SETTINGS	0x2ULL
/* Features that this module understands: the words "features" of a record, and of each gateway. */
#define TRBD_FEATURES	(TRBD_FEATURE_PORTS | TRBD_FEATURE_SETTINGS)

/* ---- Limits ---- */

/* ADDRESS:PORT/NONCE of a client, as blocklisting wants it. An IPv6 address stands in brackets. */
#define TRBD_ADDRESS_MAX	80
/* An image's id, with its end, is no longer than this: cls_rbd. */
#define TRBD_IMAGE_ID_MAX	64
/* A record is text of this length at most. A thousand registrations of the longest names fit. */
#define TRBD_RECORD_TEXT_MAX	(768 * 1024)
/* Registrations leave this much of it to gateways, fences, ports and resets. */
#define TRBD_RECORD_TEXT_RESERVE	(80 * 1024)
/* libceph and OSDs take at most this many ops in a request. */
#define TRBD_OSD_OPS_MAX	16
/*
 * At most this many small writes to one object share a request, behind the two ops of their guard.
 */
#define TRBD_SHARED_WRITES_MAX	(TRBD_OSD_OPS_MAX - 2)

static_assert(TRBD_RECORD_TEXT_RESERVE < TRBD_RECORD_TEXT_MAX,
	      "a record has no room for registrations");

#endif /* TRBD_PROTOCOL_H */
