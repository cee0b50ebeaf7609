// SPDX-License-Identifier: GPL-2.0
/*
 * LOG SENSE (SPC-4 6.8): the lists of pages, and page 2Fh, by which hosts ask whether a disk is
 * about to fail (smartctl -H). Nothing is known that could fail: the cluster replaces disks by
 * itself. So the page says that there is nothing to tell, and that there is no thermometer.
 */
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/scatterlist.h>
#include <linux/string.h>
#include <scsi/scsi_proto.h>

#include "compat/target.h"
#include "scsi/complete.h"
#include "scsi/log_sense.h"

#define LOG_HEADER_LEN		4
#define LOG_LEN_MAX		16

#define LOG_SAVE_PARAMETERS	0x01	/* SP, byte 1 */
#define LOG_SUBPAGE_FORMAT	0x40	/* SPF, byte 0 of a page */
#define LOG_BINARY_LIST		0x03	/* FORMAT AND LINKING: a parameter that is no counter */
#define LOG_NO_TEMPERATURE	0xff

/* pages and subpages */
#define PAGE_SUPPORTED		0x00
#define PAGE_INFORMATIONAL	0x2f
#define SUBPAGE_ALL		0xff

/* Write the body of a page. Return its length, or 0 if there is no such page. */
static size_t log_fill(u8 page, u8 subpage, u8 *body)
{
	static const u8 pages[] = { PAGE_SUPPORTED, PAGE_INFORMATIONAL };
	static const u8 subpages[] = {
		PAGE_SUPPORTED, 0,
		PAGE_SUPPORTED, SUBPAGE_ALL,
		PAGE_INFORMATIONAL, 0,
	};
	/* parameter 0000h: no ASC, no ASCQ, no temperature, nothing of a vendor */
	static const u8 informational[] = {
		0, 0, LOG_BINARY_LIST, 4, 0, 0, LOG_NO_TEMPERATURE, 0,
	};
	const u8 *from;
	size_t len;

	if (page == PAGE_SUPPORTED && !subpage) {
		from = pages;
		len = sizeof(pages);
	} else if (page == PAGE_SUPPORTED && subpage == SUBPAGE_ALL) {
		from = subpages;
		len = sizeof(subpages);
	} else if (page == PAGE_INFORMATIONAL && !subpage) {
		from = informational;
		len = sizeof(informational);
	} else {
		return 0;
	}
	memcpy(body, from, len);
	return len;
}

/**
 * trbd_execute_log_sense() - answer LOG SENSE
 * @cmd: command
 *
 * See SPC-4 6.8. No parameter has thresholds, so the page control field does not matter. There is
 * no parameter behind 0000h to begin with, and none can be saved.
 *
 * Context: any.
 * Return: 0, or the reason of the refusal.
 */
sense_reason_t trbd_execute_log_sense(struct se_cmd *cmd)
{
	const u8 *cdb = cmd->t_task_cdb;
	u8 page = cdb[2] & 0x3f, subpage = cdb[3];
	u8 buf[LOG_LEN_MAX] = { };
	size_t len = log_fill(page, subpage, buf + LOG_HEADER_LEN);

	if (!len || cdb[1] & LOG_SAVE_PARAMETERS || get_unaligned_be16(&cdb[5]))
		return TCM_INVALID_CDB_FIELD;
	buf[0] = subpage ? page | LOG_SUBPAGE_FORMAT : page;
	buf[1] = subpage;
	put_unaligned_be16(len, &buf[2]);
	len += LOG_HEADER_LEN;
	sg_copy_from_buffer(cmd->t_data_sg, cmd->t_data_nents, buf,
			    min_t(size_t, len, cmd->data_length));
	trbd_complete_data(cmd, len);
	return 0;
}
