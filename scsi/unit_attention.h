/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_UNIT_ATTENTION_H
#define TRBD_SCSI_UNIT_ATTENTION_H

#include <target/target_core_base.h>

struct trbd_cdb;
struct trbd_nexus;
struct trbd_nexus_table;

/**
 * enum trbd_ua - unit attention conditions, in the order of being told (SAM-5 table 43)
 * @TRBD_UA_RESET: BUS DEVICE RESET FUNCTION OCCURRED
 * @TRBD_UA_NEXUS_LOSS: I_T NEXUS LOSS OCCURRED
 * @TRBD_UA_RESERVATIONS_PREEMPTED: RESERVATIONS PREEMPTED
 * @TRBD_UA_RESERVATIONS_RELEASED: RESERVATIONS RELEASED
 * @TRBD_UA_REGISTRATIONS_PREEMPTED: REGISTRATIONS PREEMPTED
 * @TRBD_UA_ACCESS_STATE: ASYMMETRIC ACCESS STATE CHANGED
 * @TRBD_UA_INQUIRY: INQUIRY DATA HAS CHANGED
 * @TRBD_UA_CAPACITY: CAPACITY DATA HAS CHANGED
 * @TRBD_UA_PREVIOUS_BUSY: PREVIOUS BUSY STATUS
 * @TRBD_UA_PREVIOUS_CONFLICT: PREVIOUS RESERVATION CONFLICT STATUS
 * @TRBD_UA_COUNT: number of conditions; as a condition: none
 */
enum trbd_ua {
	TRBD_UA_RESET,
	TRBD_UA_NEXUS_LOSS,
	TRBD_UA_RESERVATIONS_PREEMPTED,
	TRBD_UA_RESERVATIONS_RELEASED,
	TRBD_UA_REGISTRATIONS_PREEMPTED,
	TRBD_UA_ACCESS_STATE,
	TRBD_UA_INQUIRY,
	TRBD_UA_CAPACITY,
	TRBD_UA_PREVIOUS_BUSY,
	TRBD_UA_PREVIOUS_CONFLICT,
	TRBD_UA_COUNT
};

/**
 * struct trbd_ua_sense - the sense data of a condition
 * @asc: additional sense code
 * @ascq: its qualifier
 */
struct trbd_ua_sense {
	u8 asc;
	u8 ascq;
};

void trbd_ua_raise(struct trbd_nexus_table *table, struct trbd_nexus *nexus, enum trbd_ua ua);
void trbd_ua_raise_all(struct trbd_nexus_table *table, enum trbd_ua ua);
void trbd_ua_raise_for_status(struct trbd_nexus_table *table, struct se_cmd *cmd, u8 status);
bool trbd_ua_take(struct trbd_nexus_table *table, struct se_cmd *cmd, const struct trbd_cdb *row,
		  struct trbd_ua_sense *sense);
size_t trbd_ua_show(struct trbd_nexus_table *table, char *buf, size_t size);

#endif /* TRBD_SCSI_UNIT_ATTENTION_H */
