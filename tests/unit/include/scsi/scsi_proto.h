/* SPDX-License-Identifier: GPL-2.0 */
/* Operation codes and service actions (SPC-4, SBC-3), by the kernel's names. */
#ifndef UNIT_SCSI_SCSI_PROTO_H
#define UNIT_SCSI_SCSI_PROTO_H

#define TEST_UNIT_READY		0x00
#define REQUEST_SENSE		0x03
#define READ_6			0x08
#define WRITE_6			0x0a
#define INQUIRY			0x12
#define MODE_SELECT		0x15
#define RESERVE_6		0x16
#define RELEASE_6		0x17
#define MODE_SENSE		0x1a
#define START_STOP		0x1b
#define SEND_DIAGNOSTIC		0x1d
#define READ_CAPACITY		0x25
#define READ_10			0x28
#define WRITE_10		0x2a
#define WRITE_VERIFY		0x2e
#define VERIFY			0x2f
#define PRE_FETCH		0x34
#define SYNCHRONIZE_CACHE	0x35
#define WRITE_SAME		0x41
#define UNMAP			0x42
#define LOG_SENSE		0x4d
#define MODE_SELECT_10		0x55
#define RESERVE_10		0x56
#define RELEASE_10		0x57
#define MODE_SENSE_10		0x5a
#define PERSISTENT_RESERVE_IN	0x5e
#define PERSISTENT_RESERVE_OUT	0x5f
#define VARIABLE_LENGTH_CMD	0x7f
#define READ_16			0x88
#define COMPARE_AND_WRITE	0x89
#define WRITE_16		0x8a
#define WRITE_VERIFY_16		0x8e
#define VERIFY_16		0x8f
#define SYNCHRONIZE_CACHE_16	0x91
#define WRITE_SAME_16		0x93
#define SERVICE_ACTION_IN_16	0x9e
#define REPORT_LUNS		0xa0
#define MAINTENANCE_IN		0xa3
#define READ_12			0xa8
#define WRITE_12		0xaa
#define WRITE_VERIFY_12		0xae
#define VERIFY_12		0xaf

#define WRITE_SAME_32		0x0d
#define MI_REPORT_TARGET_PGS	0x0a
#define MI_REPORT_SUPPORTED_OPERATION_CODES 0x0c
#define MI_REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS 0x0d
#define SAI_READ_CAPACITY_16	0x10
#define SAI_GET_LBA_STATUS	0x12

#endif /* UNIT_SCSI_SCSI_PROTO_H */
