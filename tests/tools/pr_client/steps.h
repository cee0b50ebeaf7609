/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TEST_STEPS_H
#define TEST_STEPS_H

#include "basics.h"
#include "client.h"
#include "pr/rules.h"

#define CLIENTS		6
#define BLOCKS		16
#define TEXT_MAX	512
#define LIST_MAX	4096
#define INITIATORS_MAX	(LIST_MAX / 24)
#define OPCODE_REQUEST_SENSE 0x03
#define OPCODE_RESERVE10 0x56
#define OPCODE_RELEASE10 0x57

/**
 * struct step - a command, and the answer that it must get
 * @who: index of the nexus
 * @command: the command
 * @text: the command in words
 * @formed: the parameter list is well formed, and made from @intent
 * @intent: PERSISTENT RESERVE OUT: the values that the list was made from
 * @wanted: the right answer
 * @any_data: the data are not compared
 */
struct step {
	int who;
	struct command command;
	char text[TEXT_MAX];
	bool formed;
	struct trbd_pr_out intent;
	struct answer wanted;
	bool any_data;
};

/* the model's state: the next commands depend on it */
extern struct client clients[CLIENTS];
extern struct trbd_pr_state state;
extern uint16_t rtpis[3];	/* relative target port identifiers, by gateway */

/* of the command that was made last: its parameter list, and the data that it writes */
extern uint8_t list[LIST_MAX], block[BLOCK];

extern const char *const out_names[];

bool one_in(unsigned int n);
const struct trbd_pr_registration *registration_of(int who);
bool is_spc2_holder(int who);
/* put a TransportID at @len of the list and return the new length */
uint32_t put_id(uint32_t len, const char *initiator);
const char *some_stranger(void);
void make_step(struct step *step);

#endif /* TEST_STEPS_H */
