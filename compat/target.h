/* SPDX-License-Identifier: GPL-2.0 */
/*
 * LIO: struct sbc_ops was renamed to struct exec_cmd_ops when it also got the persistent
 * reservation hooks. The hooks that this module fills in have the same names and types in both.
 *
 * The relative target port identifier moved from the LUN to the target portal group.
 *
 * All target portal groups came to know whether they are enabled. Only those of iSCSI did before.
 *
 * The counter of a session's commands became a struct of its own.
 *
 * REPORT SUPPORTED OPERATION CODES came with an attribute that switches it off.
 *
 * MAXIMUM TRANSFER LENGTH was hw_max_sectors blocks of whatever size, which LIO kept right for
 * backends that set max_bytes_per_io. Later kernels count it in hw_block_size.
 *
 * RESERVE and RELEASE got the length of their CDB into their names.
 *
 * get_unaligned_*() and put_unaligned_*() moved from asm/unaligned.h to linux/unaligned.h.
 * target_core_backend.h brings them along wherever they are, so a file that needs them includes
 * this one.
 */
#ifndef TRBD_COMPAT_TARGET_H
#define TRBD_COMPAT_TARGET_H

#include <target/target_core_base.h>
#include <target/target_core_backend.h>
#include <target/target_core_fabric.h>
#ifndef TRBD_HAVE_ENABLE_TPG
#include <target/iscsi/iscsi_target_core.h>
#endif

#ifndef TRBD_HAVE_EXEC_CMD_OPS
#define exec_cmd_ops sbc_ops
#endif

static inline u16 trbd_compat_rtpi(const struct se_lun *lun)
{
#ifdef TRBD_HAVE_TPG_RTPI
	return lun->lun_tpg->tpg_rtpi;
#else
	return lun->lun_rtpi;
#endif
}

/*
 * Tells whether initiators can reach a target portal group. Those of fabrics that cannot be enabled
 * are reachable as soon as they are there.
 */
static inline bool trbd_compat_tpg_is_enabled(const struct se_portal_group *tpg)
{
#ifdef TRBD_HAVE_ENABLE_TPG
	return tpg->enabled || !tpg->se_tpg_tfo->fabric_enable_tpg;
#else
	return tpg->proto_id != SCSI_PROTOCOL_ISCSI ||
	       container_of(tpg, struct iscsi_portal_group, tpg_se_tpg)->tpg_state == TPG_STATE_ACTIVE;
#endif
}

/* Tells whether the fabric waits for the commands of this command's session. */
static inline bool trbd_compat_session_stops(const struct se_cmd *cmd)
{
#ifdef TRBD_HAVE_CMD_COUNTER
	return cmd->cmd_cnt && atomic_read(&cmd->cmd_cnt->stopped);
#else
	return cmd->se_sess && atomic_read(&cmd->se_sess->stopped);
#endif
}

static inline bool trbd_compat_reports_opcodes(const struct se_device *se_dev)
{
#ifdef TRBD_HAVE_EMULATE_RSOC
	return se_dev->dev_attrib.emulate_rsoc;
#else
	return true;
#endif
}

/* Sets the maximum transfer length, after hw_block_size and before the device is configured. */
static inline void trbd_compat_set_transfer_max(struct se_dev_attrib *attrib, u32 bytes)
{
	attrib->hw_max_sectors = bytes / attrib->hw_block_size;
#ifdef TRBD_HAVE_MAX_BYTES_PER_IO
	attrib->max_bytes_per_io = bytes;
#endif
}

static inline u32 trbd_compat_transfer_max(const struct se_dev_attrib *attrib)
{
#ifdef TRBD_HAVE_MAX_BYTES_PER_IO
	return attrib->max_bytes_per_io;
#else
	return attrib->hw_max_sectors * attrib->hw_block_size;
#endif
}

#ifndef RESERVE_6
#define RESERVE_6	RESERVE
#define RELEASE_6	RELEASE
#endif

#endif /* TRBD_COMPAT_TARGET_H */
