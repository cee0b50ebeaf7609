// SPDX-License-Identifier: GPL-2.0
/*
 * Send iSCSI commands byte by byte (RFC 7143), for cases that libiscsi does not send: CDBs of any
 * length, data lengths that do not fit the CDB, data in the wrong direction. Answers are returned
 * as they are.
 *
 * libiscsi logs in; then the connection is ours. There is one command at a time and no digest. Data
 * go out with the command, or when the target asks for them.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "basics.h"
#include "iscsi_wire.h"

#define ISID_NUMBER	0x4675
#define HEADER_LEN	48
/* LIO's default of MaxRecvDataSegmentLength */
#define SEGMENT_MAX	8192
#define NO_TAG		0xffffffffU
#define TMF_LUN_RESET	5

enum {
	OP_NOP_OUT = 0x00,
	OP_COMMAND = 0x01,
	OP_TASK_MANAGEMENT = 0x02,
	OP_DATA_OUT = 0x05,
	OP_NOP_IN = 0x20,
	OP_RESPONSE = 0x21,
	OP_TASK_MANAGEMENT_RESPONSE = 0x22,
	OP_DATA_IN = 0x25,
	OP_R2T = 0x31,
	OP_ASYNC = 0x32,
	OP_REJECT = 0x3f,
	OP_IMMEDIATE = 0x40,
};

enum {
	FLAG_FINAL = 0x80,
	FLAG_OVERFLOW = 0x04,
	FLAG_UNDERFLOW = 0x02,
	FLAG_STATUS = 0x01,
};

/* the parts of a PDU from the target */
struct pdu {
	uint8_t header[HEADER_LEN];
	uint8_t data[(1 << 18) + 4];
	uint32_t len;
};

static __thread char why[128];
static __thread struct pdu pdu;

const char *wire_why(void)
{
	return why;
}

static enum wire_result nonsense(const char *what, unsigned int number)
{
	snprintf(why, sizeof(why), "%s %u", what, number);
	return WIRE_NONSENSE;
}

static enum wire_result wait_for(struct wire *wire, short events, uint64_t end)
{
	struct pollfd fd = { .fd = wire->fd, .events = events };
	uint64_t now = now_ms();
	int ret;

	if (now >= end)
		return WIRE_SILENT;
	ret = poll(&fd, 1, (int)(end - now));
	return ret > 0 || (ret < 0 && errno == EINTR) ? WIRE_ANSWERED : ret ? WIRE_DROPPED : WIRE_SILENT;
}

static enum wire_result send_bytes(struct wire *wire, const void *data, size_t len, uint64_t end)
{
	const uint8_t *p = data;

	while (len) {
		ssize_t n = write(wire->fd, p, len);
		enum wire_result ret;

		if (n > 0) {
			p += n;
			len -= (size_t)n;
			continue;
		}
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return WIRE_DROPPED;
		ret = wait_for(wire, POLLOUT, end);
		if (ret != WIRE_ANSWERED)
			return ret;
	}
	return WIRE_ANSWERED;
}

static enum wire_result receive_bytes(struct wire *wire, void *data, size_t len, uint64_t end)
{
	uint8_t *p = data;

	while (len) {
		ssize_t n = read(wire->fd, p, len);
		enum wire_result ret;

		if (n > 0) {
			p += n;
			len -= (size_t)n;
			continue;
		}
		if (!n || (errno != EAGAIN && errno != EINTR))
			return WIRE_DROPPED;
		ret = wait_for(wire, POLLIN, end);
		if (ret != WIRE_ANSWERED)
			return ret;
	}
	return WIRE_ANSWERED;
}

static void header_begin(struct wire *wire, uint8_t *header, uint8_t op, uint8_t flags, uint32_t itt)
{
	memset(header, 0, HEADER_LEN);
	header[0] = op;
	header[1] = flags;
	set32(header + 16, itt);
	set32(header + 24, wire->cmdsn);
	set32(header + 28, wire->exp_statsn);
}

/* Send a header and its data, which are padded to four bytes. */
static enum wire_result send_pdu(struct wire *wire, uint8_t *header, size_t header_len, const void *data,
				 uint32_t len, uint64_t end)
{
	static const uint8_t zeros[4];
	enum wire_result ret;

	header[5] = (uint8_t)(len >> 16);
	header[6] = (uint8_t)(len >> 8);
	header[7] = (uint8_t)len;
	ret = send_bytes(wire, header, header_len, end);
	if (ret == WIRE_ANSWERED && len)
		ret = send_bytes(wire, data, len, end);
	if (ret == WIRE_ANSWERED && len % 4)
		ret = send_bytes(wire, zeros, 4 - len % 4, end);
	return ret;
}

static enum wire_result receive_pdu(struct wire *wire, uint64_t end)
{
	enum wire_result ret = receive_bytes(wire, pdu.header, sizeof(pdu.header), end);

	if (ret != WIRE_ANSWERED)
		return ret;
	if (pdu.header[4])
		return nonsense("additional header segments from the target:", pdu.header[4]);
	pdu.len = get32(pdu.header + 4) & 0xffffff;
	if (pdu.len > sizeof(pdu.data) - 4)
		return nonsense("a data segment is too long:", pdu.len);
	return receive_bytes(wire, pdu.data, (pdu.len + 3) & ~3U, end);
}

static enum wire_result answer_ping(struct wire *wire, uint64_t end)
{
	uint8_t header[HEADER_LEN];

	if (get32(pdu.header + 20) == NO_TAG)
		return WIRE_ANSWERED;
	header_begin(wire, header, OP_NOP_OUT | OP_IMMEDIATE, FLAG_FINAL, NO_TAG);
	memcpy(header + 8, pdu.header + 8, 8);
	memcpy(header + 20, pdu.header + 20, 4);
	return send_pdu(wire, header, HEADER_LEN, NULL, 0, end);
}

/* Receive the next PDU that is about command @itt. */
static enum wire_result receive_for(struct wire *wire, uint32_t itt, uint64_t end)
{
	while (1) {
		enum wire_result ret = receive_pdu(wire, end);
		uint8_t op = pdu.header[0] & 0x3f;

		if (ret != WIRE_ANSWERED)
			return ret;
		if (op == OP_ASYNC)
			return WIRE_DROPPED;
		if (op == OP_REJECT) {
			wire->exp_statsn = get32(pdu.header + 24) + 1;
			snprintf(why, sizeof(why), "reason 0x%02x", pdu.header[2]);
			return WIRE_REJECTED;
		}
		if (op == OP_NOP_IN && get32(pdu.header + 16) == NO_TAG) {
			ret = answer_ping(wire, end);
			if (ret != WIRE_ANSWERED)
				return ret;
			continue;
		}
		if (get32(pdu.header + 16) != itt)
			return nonsense("an answer to another command: PDU", op);
		return WIRE_ANSWERED;
	}
}

static enum wire_result send_data(struct wire *wire, const struct wire_command *command, uint64_t end)
{
	uint32_t ttt = get32(pdu.header + 20), at = get32(pdu.header + 40), len = get32(pdu.header + 44), number = 0;

	if (!(command->flags & WIRE_WRITE) || at > command->edtl || !len || len > command->edtl - at)
		return nonsense("data are asked for that there are not: bytes", len);
	if (command->pause_ms)
		usleep(command->pause_ms * 1000);
	while (len) {
		uint32_t part = len < SEGMENT_MAX ? len : SEGMENT_MAX;
		uint8_t header[HEADER_LEN];
		enum wire_result ret;

		header_begin(wire, header, OP_DATA_OUT, part == len ? FLAG_FINAL : 0, wire->itt);
		memcpy(header + 8, command->lun, sizeof(command->lun));
		set32(header + 20, ttt);
		set32(header + 24, 0);
		set32(header + 36, number++);
		set32(header + 40, at);
		ret = send_pdu(wire, header, HEADER_LEN, command->data + at, part, end);
		if (ret != WIRE_ANSWERED)
			return ret;
		at += part;
		len -= part;
	}
	return WIRE_ANSWERED;
}

static enum wire_result take_data(const struct wire_command *command, struct wire_answer *answer)
{
	if (!(command->flags & WIRE_READ))
		return nonsense("data come for a command that reads nothing: bytes", pdu.len);
	if (get32(pdu.header + 40) != answer->in_len)
		return nonsense("a gap in the data: they go on at", get32(pdu.header + 40));
	if (pdu.len > command->edtl - answer->in_len)
		return nonsense("more data than expected: bytes", answer->in_len + pdu.len);
	if (answer->in_len < WIRE_DATA_MAX && pdu.len <= WIRE_DATA_MAX - answer->in_len)
		memcpy(answer->data + answer->in_len, pdu.data, pdu.len);
	answer->in_len += pdu.len;
	return WIRE_ANSWERED;
}

static void take_status(struct wire *wire, struct wire_answer *answer)
{
	wire->exp_statsn = get32(pdu.header + 24) + 1;
	answer->status = pdu.header[3];
	answer->overflow = pdu.header[1] & FLAG_OVERFLOW;
	answer->underflow = pdu.header[1] & FLAG_UNDERFLOW;
	answer->residual = get32(pdu.header + 44);
}

static enum wire_result take_response(struct wire *wire, struct wire_answer *answer)
{
	take_status(wire, answer);
	answer->response = pdu.header[2];
	if (pdu.len < 2)
		return WIRE_ANSWERED;
	answer->sense_len = (unsigned int)pdu.data[0] << 8 | pdu.data[1];
	if (answer->sense_len > pdu.len - 2 || answer->sense_len > sizeof(answer->sense))
		return nonsense("sense data longer than they are:", answer->sense_len);
	memcpy(answer->sense, pdu.data + 2, answer->sense_len);
	return WIRE_ANSWERED;
}

static enum wire_result send_command(struct wire *wire, const struct wire_command *command, uint64_t end)
{
	uint32_t now = command->flags & WIRE_WRITE && command->immediate ? command->edtl : 0;
	uint8_t header[HEADER_LEN + WIRE_CDB_MAX] = { };
	size_t len = HEADER_LEN;

	header_begin(wire, header, OP_COMMAND, FLAG_FINAL | command->flags, ++wire->itt);
	memcpy(header + 8, command->lun, sizeof(command->lun));
	set32(header + 20, command->edtl);
	memcpy(header + 32, command->cdb, 16);
	if (command->cdb_len > 16) {
		unsigned int more = command->cdb_len - 16;

		/* the length counts the reserved byte behind the type */
		header[48] = (uint8_t)((more + 1) >> 8);
		header[49] = (uint8_t)(more + 1);
		header[50] = 1;
		memcpy(header + 52, command->cdb + 16, more);
		header[4] = (uint8_t)(1 + (more + 3) / 4);
		len += 4U * header[4];
	}
	wire->cmdsn++;
	return send_pdu(wire, header, len, command->data, now < SEGMENT_MAX ? now : SEGMENT_MAX, end);
}

enum wire_result wire_do(struct wire *wire, const struct wire_command *command, struct wire_answer *answer, int ms)
{
	uint8_t *data = answer->data;
	uint64_t end = now_ms() + (uint64_t)ms;
	enum wire_result ret;

	memset(answer, 0, sizeof(*answer));
	answer->data = data;
	ret = send_command(wire, command, end);
	while (ret == WIRE_ANSWERED) {
		ret = receive_for(wire, wire->itt, end);
		if (ret != WIRE_ANSWERED)
			break;
		switch (pdu.header[0] & 0x3f) {
		case OP_R2T:
			ret = send_data(wire, command, end);
			break;
		case OP_DATA_IN:
			ret = take_data(command, answer);
			if (ret == WIRE_ANSWERED && pdu.header[1] & FLAG_STATUS) {
				take_status(wire, answer);
				return ret;
			}
			break;
		case OP_RESPONSE:
			return take_response(wire, answer);
		default:
			return nonsense("a PDU that answers no command:", pdu.header[0] & 0x3f);
		}
	}
	return ret;
}

enum wire_result wire_lun_reset(struct wire *wire, int ms)
{
	uint64_t end = now_ms() + (uint64_t)ms;
	uint8_t header[HEADER_LEN];
	enum wire_result ret;

	header_begin(wire, header, OP_TASK_MANAGEMENT | OP_IMMEDIATE, FLAG_FINAL | TMF_LUN_RESET, ++wire->itt);
	set32(header + 20, NO_TAG);
	ret = send_pdu(wire, header, HEADER_LEN, NULL, 0, end);
	if (ret == WIRE_ANSWERED)
		ret = receive_for(wire, wire->itt, end);
	if (ret != WIRE_ANSWERED)
		return ret;
	wire->exp_statsn = get32(pdu.header + 24) + 1;
	if ((pdu.header[0] & 0x3f) != OP_TASK_MANAGEMENT_RESPONSE || pdu.header[2])
		return nonsense("LOGICAL UNIT RESET: response", pdu.header[2]);
	return WIRE_ANSWERED;
}

/* The numbers that libiscsi has come to, which it does not tell. */
static bool learn_numbers(struct wire *wire)
{
	uint64_t end = now_ms() + 10000;
	uint8_t header[HEADER_LEN];

	header_begin(wire, header, OP_NOP_OUT | OP_IMMEDIATE, FLAG_FINAL, ++wire->itt);
	set32(header + 20, NO_TAG);
	if (send_pdu(wire, header, HEADER_LEN, NULL, 0, end) != WIRE_ANSWERED ||
	    receive_for(wire, wire->itt, end) != WIRE_ANSWERED)
		return false;
	wire->exp_statsn = get32(pdu.header + 24) + 1;
	wire->cmdsn = get32(pdu.header + 28);
	return true;
}

void wire_close(struct wire *wire)
{
	session_close(&wire->session);
}

bool wire_login(struct wire *wire, const char *url, const char *name, unsigned int port)
{
	struct iscsi_context *iscsi;

	memset(wire, 0, sizeof(*wire));
	session_prepare(&wire->session, url, name);
	session_set_port(&wire->session, ISID_NUMBER, port);
	iscsi = wire->session.iscsi;
	iscsi_set_header_digest(iscsi, ISCSI_HEADER_DIGEST_NONE);
	iscsi_set_initial_r2t(iscsi, ISCSI_INITIAL_R2T_YES);
	if (!session_login(&wire->session))
		return false;
	wire->fd = iscsi_get_fd(iscsi);
	wire->itt = 0x10000;
	if (learn_numbers(wire))
		return true;
	wire_close(wire);
	return false;
}
