// SPDX-License-Identifier: GPL-2.0
/*
 * Commands that ask whether the unit works: TEST UNIT READY, START STOP UNIT and SEND DIAGNOSTIC.
 */
#include <linux/errno.h>
#include <target/target_core_base.h>

#include "rbd/image.h"
#include "scsi/complete.h"
#include "scsi/condition.h"
#include "scsi/readiness.h"
#include "scsi/serving.h"
#include "scsi/unit.h"

#define START_STOP_START	0x01
/* byte 1 of SEND DIAGNOSTIC */
#define DIAGNOSTIC_SELFTEST	0x04
/* allows what there is none of: pages, and a test with effects on this unit or others */
#define DIAGNOSTIC_ALLOWS	0x13

/**
 * trbd_execute_test_unit_ready() - answer TEST UNIT READY
 * @cmd: command
 *
 * See SPC-4 6.47. Hosts use it to ask whether a path is good. If the answer were GOOD without a
 * look, a path to a deleted image, or to a gateway that refuses every write, would come back for
 * ever.
 *
 * Context: any but hard interrupt.
 * Return: 0.
 */
sense_reason_t trbd_execute_test_unit_ready(struct se_cmd *cmd)
{
	struct trbd_unit *unit = to_trbd_unit(cmd->se_dev);
	int err = trbd_image_check(unit->image);

	if (!err && trbd_serving_look(unit) != TRBD_READY)
		err = -ENOTCONN;
	trbd_complete(cmd, err);
	return 0;
}

/**
 * trbd_execute_start_stop() - answer START STOP UNIT
 * @cmd: command
 *
 * See SBC-3 5.25. The unit runs, so there is nothing to wait for, and START is done whether IMMED
 * is set or not. The unit cannot be stopped, since others use it. It has no medium to eject and no
 * power conditions.
 *
 * Context: any but hard interrupt.
 * Return: 0, or the reason of the refusal.
 */
sense_reason_t trbd_execute_start_stop(struct se_cmd *cmd)
{
	const u8 *cdb = cmd->t_task_cdb;

	if (cdb[2] || cdb[3] || cdb[4] != START_STOP_START)
		return TCM_INVALID_CDB_FIELD;
	trbd_complete(cmd, trbd_image_check(to_trbd_unit(cmd->se_dev)->image));
	return 0;
}

/**
 * trbd_execute_send_diagnostic() - answer SEND DIAGNOSTIC
 * @cmd: command
 *
 * See SPC-4 6.42. There are no diagnostic pages, and no self-test but the default one. The unit
 * passes it if TEST UNIT READY would end with GOOD.
 *
 * Context: any but hard interrupt.
 * Return: 0, or the reason of the refusal.
 */
sense_reason_t trbd_execute_send_diagnostic(struct se_cmd *cmd)
{
	const u8 *cdb = cmd->t_task_cdb;

	if ((cdb[1] & ~DIAGNOSTIC_ALLOWS) != DIAGNOSTIC_SELFTEST || cdb[3] || cdb[4])
		return TCM_INVALID_CDB_FIELD;
	return trbd_execute_test_unit_ready(cmd);
}
