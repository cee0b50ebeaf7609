// SPDX-License-Identifier: GPL-2.0
/*
 * Ask a logical unit, byte by byte, and print its answers.
 *
 *	ask URL NAME
 *
 * Lines on stdin are commands: a CDB in hex, and its data.
 *
 *	1b0000000100                       no data
 *	120186004000 in 64                 room for 64 bytes
 *	2f020000000000000100 out 512       512 bytes of zeros are sent
 *	42000000000000001800 out 24 0:00160010 8:0000000000000000 16:00000001
 *	                                   with these bytes at these places
 *	8a... out 33554432 slow 20         with 20 ms before each burst of data that the target
 *	                                   asks for
 *	2a... out 512 0:a5 again           again as long as the answer is BUSY
 *	wait FILE                          until there is such a file
 *
 * Each command has a line on stdout: "good", the status, or sense key, ASC and ASCQ, with the
 * INFORMATION field if that is valid; the residual; the data, the first kilobyte of them at most.
 * The status is 1 if there was no answer.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "basics.h"
#include "iscsi_wire.h"

#define PATIENCE_MS	60000
#define OUT_MAX		(40U << 20)
#define SHOWN_MAX	1024

static struct wire_command command;
static struct wire_answer answer;
static bool again;

static unsigned int hex(const char *text, uint8_t *bytes, size_t max)
{
	unsigned int n = 0, byte;
	int used;

	while (n < max && sscanf(text, "%2x%n", &byte, &used) == 1 && used == 2) {
		bytes[n++] = (uint8_t)byte;
		text += used;
	}
	if (*text)
		die("this is no hex: %s", text);
	return n;
}

static void put_bytes(const char *text)
{
	char *colon;
	unsigned long at = strtoul(text, &colon, 0);

	if (*colon != ':' || at >= command.edtl)
		die("this is no place and bytes: %s", text);
	hex(colon + 1, command.data + at, command.edtl - at);
}

static void read_word(const char *word)
{
	if (!strcmp(word, "again")) {
		again = true;
	} else if (!strcmp(word, "slow")) {
		word = strtok(NULL, " \t\n");
		command.pause_ms = word ? (unsigned int)strtoul(word, NULL, 0) : 0;
	} else {
		put_bytes(word);
	}
}

static void read_length(const char *direction)
{
	const char *word = strtok(NULL, " \t\n");

	command.flags |= strcmp(direction, "out") ? WIRE_READ : WIRE_WRITE;
	command.edtl = word ? (uint32_t)strtoul(word, NULL, 0) : 0;
	if (!command.edtl || command.edtl > OUT_MAX)
		die("no length, or too much: %s", word ? word : "none");
	memset(command.data, 0, command.edtl);
}

static void read_command(char *line)
{
	char *word = strtok(line, " \t\n");
	uint8_t *data = command.data;

	memset(&command, 0, sizeof(command));
	command.data = data;
	again = false;
	command.flags = 1;	/* SIMPLE */
	hex(word, command.cdb, WIRE_CDB_MAX);
	command.cdb_len = 16;
	word = strtok(NULL, " \t\n");
	if (word && (!strcmp(word, "in") || !strcmp(word, "out"))) {
		read_length(word);
		word = strtok(NULL, " \t\n");
	}
	for (; word; word = strtok(NULL, " \t\n"))
		read_word(word);
}

static void show_information(void)
{
	const uint8_t *sense = answer.sense;
	uint64_t information = 0;
	int i;

	if ((sense[0] & 0x7f) == 0x70 && sense[0] & 0x80) {
		for (i = 3; i < 7; i++)
			information = information << 8 | sense[i];
		printf(" at %" PRIu64, information);
	}
}

static void show_sense(void)
{
	const uint8_t *sense = answer.sense;

	if (answer.sense_len < 8)
		printf("no sense data");
	else if ((sense[0] & 0x7f) == 0x72)
		printf("%x/%02x/%02x", sense[1] & 0xf, sense[2], sense[3]);
	else
		printf("%x/%02x/%02x", sense[2] & 0xf, sense[12], sense[13]);
	show_information();
}

static void show(void)
{
	uint32_t i, shown = answer.in_len < SHOWN_MAX ? answer.in_len : SHOWN_MAX;

	if (answer.status == 0x02)
		show_sense();
	else if (answer.status)
		printf("status 0x%02x", answer.status);
	else
		printf("good");
	if (answer.overflow || answer.underflow)
		printf(" %s %u", answer.overflow ? "overflow" : "underflow", answer.residual);
	if (answer.in_len)
		printf(" %u ", answer.in_len);
	for (i = 0; i < shown; i++)
		printf("%02x", answer.data[i]);
	printf("\n");
	fflush(stdout);
}

static void wait_for_file(const char *name)
{
	int i;

	for (i = 0; i < PATIENCE_MS / 100 && access(name, F_OK); i++)
		usleep(100000);
}

static void ask(struct wire *wire)
{
	time_t end = time(NULL) + PATIENCE_MS / 1000;
	bool first = true;

	do {
		if (!first)
			usleep(100000);
		first = false;
		if (wire_do(wire, &command, &answer, PATIENCE_MS) != WIRE_ANSWERED)
			die("no answer: %s", wire_why());
	} while (again && answer.status == 0x08 && time(NULL) < end);
	show();
}

int main(int argc, char **argv)
{
	struct wire wire;
	char line[1024];

	if (argc != 3) {
		fprintf(stderr, "usage: ask URL NAME\n");
		return 2;
	}
	command.data = malloc(OUT_MAX);
	answer.data = malloc(WIRE_DATA_MAX);
	if (!command.data || !answer.data)
		return 2;
	if (!wire_login(&wire, argv[1], argv[2], 1))
		die("login: %s", argv[1]);
	while (fgets(line, sizeof(line), stdin)) {
		if (!strncmp(line, "wait ", 5)) {
			line[strcspn(line, "\n")] = '\0';
			wait_for_file(line + 5);
			continue;
		}
		read_command(line);
		ask(&wire);
	}
	wire_close(&wire);
	return 0;
}
