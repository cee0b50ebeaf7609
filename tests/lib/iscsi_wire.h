/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TEST_ISCSI_WIRE_H
#define TEST_ISCSI_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "session.h"

/* the eight bits of ADDITIONAL CDB LENGTH can say no more */
#define WIRE_CDB_MAX	264
#define WIRE_DATA_MAX	(1 << 20)
#define WIRE_SENSE_MAX	512

/**
 * struct wire - a session, from the end of its login on
 * @session: libiscsi's part, which has logged in
 * @fd: its connection
 * @cmdsn: number of the next command
 * @exp_statsn: number of the next answer
 * @itt: tag of the last command
 */
struct wire {
	struct session session;
	int fd;
	uint32_t cmdsn;
	uint32_t exp_statsn;
	uint32_t itt;
};

/**
 * struct wire_command - a SCSI command as it goes out
 * @cdb: CDB
 * @cdb_len: its length; bytes beyond 16 go into an additional header segment
 * @lun: the eight bytes
 * @flags: WIRE_READ, WIRE_WRITE and the task attribute
 * @edtl: expected data transfer length
 * @immediate: send data along with the command as far as allowed
 * @pause_ms: before each burst of data that the target asks for
 * @data: the data, if it is a write: @edtl bytes, WIRE_DATA_MAX at most
 */
struct wire_command {
	uint8_t cdb[WIRE_CDB_MAX];
	unsigned int cdb_len;
	uint8_t lun[8];
	uint8_t flags;
	uint32_t edtl;
	bool immediate;
	unsigned int pause_ms;
	uint8_t *data;
};

#define WIRE_READ	0x40
#define WIRE_WRITE	0x20

/**
 * struct wire_answer - the target's answer
 * @response: iSCSI's response: 0 when the target carried the command out
 * @status: SCSI status
 * @underflow: there is a residual: bytes that were announced and not transferred
 * @overflow: there is a residual: bytes that the command would have transferred beyond that
 * @residual: of the residual, in bytes
 * @in_len: bytes of data that came
 * @sense_len: bytes in @sense
 * @sense: sense data
 * @data: room for the data, WIRE_DATA_MAX bytes; the rest is left out
 */
struct wire_answer {
	uint8_t response;
	uint8_t status;
	bool underflow;
	bool overflow;
	uint32_t residual;
	uint32_t in_len;
	unsigned int sense_len;
	uint8_t sense[WIRE_SENSE_MAX];
	uint8_t *data;
};

enum wire_result {
	WIRE_ANSWERED,
	WIRE_REJECTED,	/* the target did not take the PDU */
	WIRE_DROPPED,	/* the connection has ended */
	WIRE_SILENT,	/* the time is up */
	WIRE_NONSENSE,	/* the target broke the protocol */
};

bool wire_login(struct wire *wire, const char *url, const char *name, unsigned int port);
void wire_close(struct wire *wire);
enum wire_result wire_do(struct wire *wire, const struct wire_command *command, struct wire_answer *answer, int ms);
enum wire_result wire_lun_reset(struct wire *wire, int ms);
/* for people: why the last one on this thread was WIRE_NONSENSE or WIRE_REJECTED */
const char *wire_why(void);

#endif /* TEST_ISCSI_WIRE_H */
