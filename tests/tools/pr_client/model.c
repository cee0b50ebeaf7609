// SPDX-License-Identifier: GPL-2.0
/*
 * Send random reservation commands from six nexuses through two gateways, one at a time, and
 * compare the answers with the rules themselves.
 *
 * The module's own pure code (pr/) is compiled in and driven directly. It decides the answer to a
 * command, and the gateway must give the same one, in status, sense data and data, through
 * whichever gateway the command goes. The unit tests say whether the rules are right. This program
 * looks at everything between the rules and an initiator: every gateway has the same state after
 * each command, conflicts are found, parameters arrive as they were sent.
 *
 * A command with a well formed parameter list is also compared with the values that the list was
 * made from, so the decoder cannot be wrong on both sides. READ and WRITE come between the others,
 * with a model of the blocks' content: a WRITE that conflicts must not have written.
 *
 * The model predicts unit attentions for each nexus. Its next command must report them, ahead of
 * its own answer. Sessions come and go now and then; registrations belong to the nexus and stay.
 *
 * The gateways choose the relative target port identifiers. The program reads them once from READ
 * FULL STATUS. It tries once whether a gateway knows the port of the other one, which it cannot
 * when both have the same identifier.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>

#include "basics.h"
#include "client.h"
#include "modes.h"
#include "pr/parameters.h"
#include "pr/rules.h"
#include "steps.h"

#define HISTORY		20

/* two ports of one initiator, one of them at both gateways; others at either */
static const struct {
	const char *name;
	unsigned int port;
	int gateway;
} places[CLIENTS] = {
	{ "model-a", 1, 1 }, { "model-a", 1, 2 }, { "model-a", 2, 1 },
	{ "model-b", 1, 2 }, { "model-c", 1, 1 }, { "model-d", 1, 2 },
};

/* in the order in which they are reported */
enum attention { PREEMPTED, RELEASED, UNREGISTERED, ATTENTIONS };

static const struct {
	uint8_t asc;
	uint8_t ascq;
} attention_codes[ATTENTIONS] = {
	[PREEMPTED] = { 0x2a, 0x03 }, [RELEASED] = { 0x2a, 0x04 }, [UNREGISTERED] = { 0x2a, 0x05 },
};

struct client clients[CLIENTS];
struct trbd_pr_state state;
uint16_t rtpis[3];
static unsigned int pending[CLIENTS];		/* bit per attention */
static bool knows_other[3];			/* a gateway knows the other one's target port */
static const char *urls[3];
static uint8_t blocks[BLOCKS];			/* the byte that fills each block */
static uint8_t wanted_data[DATA_MAX];
static char initiators[INITIATORS_MAX][TRBD_PR_INITIATOR_MAX];
static char history[HISTORY][TEXT_MAX + 128];
static unsigned long seed, number, told, conflicts, goods, others, logins;

/* -- the right answers */

static void want(struct step *step, enum trbd_pr_verdict verdict)
{
	static const struct {
		int status;
		uint8_t key;
		uint8_t asc;
		uint8_t ascq;
	} endings[] = {
		[TRBD_PR_GOOD] = { SCSI_STATUS_GOOD, 0, 0, 0 },
		[TRBD_PR_CONFLICT] = { SCSI_STATUS_RESERVATION_CONFLICT, 0, 0, 0 },
		[TRBD_PR_INVALID_CDB] = { SCSI_STATUS_CHECK_CONDITION, 5, 0x24, 0x00 },
		[TRBD_PR_INVALID_PARAMETER] = { SCSI_STATUS_CHECK_CONDITION, 5, 0x26, 0x00 },
		[TRBD_PR_INVALID_RELEASE] = { SCSI_STATUS_CHECK_CONDITION, 5, 0x26, 0x04 },
		[TRBD_PR_NO_RESOURCES] = { SCSI_STATUS_CHECK_CONDITION, 5, 0x55, 0x04 },
		[TRBD_PR_INVALID_LENGTH] = { SCSI_STATUS_CHECK_CONDITION, 5, 0x1a, 0x00 },
	};

	step->wanted.status = endings[verdict].status;
	step->wanted.key = endings[verdict].key;
	step->wanted.asc = endings[verdict].asc;
	step->wanted.ascq = endings[verdict].ascq;
}

static enum attention next_attention(int who)
{
	int i;

	for (i = 0; i < ATTENTIONS && !(pending[who] & 1U << i); i++)
		;
	return (enum attention)i;
}

/* the effect of the step from the state to @new on each nexus */
static void tell_all(const struct trbd_pr_state *new, const struct trbd_pr_out *out)
{
	static const enum attention attentions[] = {
		[TRBD_PR_TELL_RESERVATIONS_PREEMPTED] = PREEMPTED,
		[TRBD_PR_TELL_REGISTRATIONS_PREEMPTED] = UNREGISTERED,
		[TRBD_PR_TELL_RESERVATIONS_RELEASED] = RELEASED,
	};
	int who;

	for (who = 0; who < CLIENTS; who++) {
		enum trbd_pr_attention what = trbd_pr_attention(&state, new, out->action, &out->nexus, &clients[who].id);

		if (what != TRBD_PR_TELL_NOTHING)
			pending[who] |= 1U << attentions[what];
	}
}

/* Of two target ports with one identifier a gateway means its own. */
static bool find_port(int gateway, uint16_t rtpi, char *target)
{
	int who, other = 3 - gateway;

	if (rtpi != rtpis[gateway] && (rtpi != rtpis[other] || !knows_other[gateway]))
		return false;
	if (rtpi != rtpis[gateway])
		gateway = other;
	for (who = 0; places[who].gateway != gateway; who++)
		;
	snprintf(target, TRBD_PR_TARGET_MAX, "%s", clients[who].id.target);
	return true;
}

static void check_decoded(const struct step *step, const struct trbd_pr_out *out, enum trbd_pr_verdict verdict)
{
	const struct trbd_pr_out *intent = &step->intent;
	unsigned int i;

	if (verdict != TRBD_PR_GOOD)
		die("%s: the decoder does not take a good list", step->text);
	if (out->action != intent->action || out->scope != intent->scope || out->type != intent->type ||
	    out->key != intent->key || out->action_key != intent->action_key || out->aptpl != intent->aptpl ||
	    out->all_tg_pt != intent->all_tg_pt || out->spec_i_pt != intent->spec_i_pt ||
	    out->num_initiators != intent->num_initiators || out->move_rtpi != intent->move_rtpi ||
	    out->unreg != intent->unreg || strcmp(out->move_to.initiator, intent->move_to.initiator))
		die("%s: decoded as something else", step->text);
	for (i = 0; i < out->num_initiators; i++) {
		if (strcmp(out->initiators[i], intent->initiators[i]))
			die("%s: decoded with %s", step->text, out->initiators[i]);
	}
}

static void predict_out(struct step *step)
{
	static struct trbd_pr_registration new_registrations[TRBD_PR_REGISTRATIONS_MAX];
	struct client *client = &clients[step->who];
	struct trbd_pr_state new = state;
	struct trbd_pr_out out = { .nexus = client->id, .rtpi = rtpis[client->gateway], .initiators = initiators };
	enum trbd_pr_verdict verdict;

	verdict = trbd_pr_out_decode(step->command.cdb, list, step->command.out_len, &out);
	if (step->formed)
		check_decoded(step, &out, verdict);
	if (verdict == TRBD_PR_GOOD && out.action == TRBD_PR_REGISTER_AND_MOVE &&
	    !find_port(client->gateway, out.move_rtpi, out.move_to.target))
		verdict = TRBD_PR_INVALID_PARAMETER;
	if (verdict == TRBD_PR_GOOD) {
		new.registrations = new_registrations;
		memcpy(new_registrations, state.registrations, state.count * sizeof(*new_registrations));
		verdict = trbd_pr_out(&new, &out);
	}
	want(step, verdict);
	if (verdict != TRBD_PR_GOOD)
		return;
	tell_all(&new, &out);
	memcpy(state.registrations, new.registrations, new.count * sizeof(*new.registrations));
	new.registrations = state.registrations;
	state = new;
}

static void predict_in(struct step *step)
{
	uint32_t allocation = step->command.in_len;
	uint8_t action = step->command.cdb[1];
	size_t len;

	if (action >= TRBD_PR_IN_ACTIONS) {
		want(step, TRBD_PR_INVALID_CDB);
		return;
	}
	if (*state.spc2.initiator) {
		want(step, TRBD_PR_CONFLICT);
		return;
	}
	len = trbd_pr_in(&state, action, wanted_data, allocation);
	step->wanted.len = (uint32_t)len < allocation ? (uint32_t)len : allocation;
}

static void predict_io(struct step *step, bool writes)
{
	uint32_t lba = get32(step->command.cdb + 2);

	if (trbd_pr_forbidden(&state, &clients[step->who].id) >> (writes ? TRBD_PR_ACCESS_WRITE : TRBD_PR_ACCESS_READ) & 1) {
		want(step, TRBD_PR_CONFLICT);
	} else if (writes) {
		blocks[lba] = block[0];
	} else {
		memset(wanted_data, blocks[lba], BLOCK);
		step->wanted.len = BLOCK;
	}
}

/* the condition, or that there is none, in sense data of the fixed format */
static void predict_sense(struct step *step)
{
	enum attention next = next_attention(step->who);

	memset(wanted_data, 0, 18);
	wanted_data[0] = 0x70;
	wanted_data[7] = 10;
	if (next < ATTENTIONS) {
		pending[step->who] &= ~(1U << next);
		wanted_data[2] = SCSI_SENSE_UNIT_ATTENTION;
		wanted_data[12] = attention_codes[next].asc;
		wanted_data[13] = attention_codes[next].ascq;
		told++;
	}
	step->wanted.len = 18;
}

static void predict(struct step *step)
{
	const struct trbd_pr_nexus *id = &clients[step->who].id;
	uint8_t opcode = step->command.cdb[0];
	enum attention next = next_attention(step->who);

	step->wanted.data = wanted_data;
	want(step, TRBD_PR_GOOD);
	if (opcode == SCSI_OPCODE_INQUIRY || opcode == SCSI_OPCODE_REPORTLUNS)
		return;
	if (opcode == OPCODE_REQUEST_SENSE) {
		predict_sense(step);
		return;
	}
	if (next < ATTENTIONS) {
		pending[step->who] &= ~(1U << next);
		step->wanted.status = SCSI_STATUS_CHECK_CONDITION;
		step->wanted.key = SCSI_SENSE_UNIT_ATTENTION;
		step->wanted.asc = attention_codes[next].asc;
		step->wanted.ascq = attention_codes[next].ascq;
		told++;
		return;
	}
	switch (opcode) {
	case SCSI_OPCODE_PERSISTENT_RESERVE_OUT:
		predict_out(step);
		break;
	case SCSI_OPCODE_PERSISTENT_RESERVE_IN:
		predict_in(step);
		break;
	case SCSI_OPCODE_READ10:
	case SCSI_OPCODE_WRITE10:
		predict_io(step, opcode == SCSI_OPCODE_WRITE10);
		break;
	case SCSI_OPCODE_RESERVE6:
	case OPCODE_RESERVE10:
		want(step, trbd_pr_reserve_spc2(&state, id));
		break;
	case SCSI_OPCODE_RELEASE6:
	case OPCODE_RELEASE10:
		want(step, trbd_pr_release_spc2(&state, id));
		break;
	default:
		if (trbd_pr_forbidden(&state, id) >> TRBD_PR_ACCESS_OTHER & 1)
			want(step, TRBD_PR_CONFLICT);
		break;
	}
}

/* -- the real answers */

static void print_state(const struct trbd_pr_state *s)
{
	unsigned int i;

	printf("  generation %u aptpl %d type %d spc2 %s %s\n", s->generation, s->aptpl, s->type,
	       *s->spc2.target ? s->spc2.target : "-", *s->spc2.initiator ? s->spc2.initiator : "-");
	for (i = 0; i < s->count; i++)
		printf("  %s key 0x%llx port 0x%x %s %s\n",
		       trbd_pr_holds(s, &s->registrations[i]) ? "holder" : "      ",
		       s->registrations[i].key, s->registrations[i].rtpi, s->registrations[i].nexus.target,
		       s->registrations[i].nexus.initiator);
}

static void print_bytes(const char *what, const uint8_t *bytes, uint32_t len)
{
	uint32_t i;

	printf("%s, %u bytes:", what, len);
	for (i = 0; i < len && i < 512; i++)
		printf("%s%02x", i % 32 ? " " : "\n  ", bytes[i]);
	printf("%s\n", i < len ? " ..." : "");
}

static void mismatch(const struct step *step, const struct trbd_pr_state *before, const struct answer *got)
{
	char text[64], wanted[64];
	int i, who;

	answer_text(got, text, sizeof(text));
	answer_text(&step->wanted, wanted, sizeof(wanted));
	if (got->len || step->wanted.len) {
		print_bytes("got", got->data, got->len);
		print_bytes("wanted", step->wanted.data, step->wanted.len);
	}
	print_bytes("CDB", step->command.cdb, step->command.cdb_len);
	if (step->command.out_len && step->command.out == list)
		print_bytes("list", list, step->command.out_len);
	printf("state before, as the model has it:\n");
	print_state(before);
	printf("and after:\n");
	print_state(&state);
	for (who = 0; who < CLIENTS; who++)
		printf("  %s (%s): attentions still to be reported 0x%x\n", clients[who].label,
		       clients[who].id.initiator, pending[who]);
	printf("the last commands:\n");
	for (i = 0; i < HISTORY; i++) {
		if (*history[(number + (unsigned long)i) % HISTORY])
			printf("  %s\n", history[(number + (unsigned long)i) % HISTORY]);
	}
	printf("seed %lu, step %lu: %s: %s\n", seed, number, clients[step->who].label, step->text);
	printf("got    %s, %u bytes\nwanted %s, %u bytes\n", text, got->len, wanted, step->wanted.len);
	exit(1);
}

static bool as_wanted(const struct step *step, const struct answer *got)
{
	const struct answer *wanted = &step->wanted;

	if (got->status != wanted->status || got->key != wanted->key || got->asc != wanted->asc ||
	    got->ascq != wanted->ascq)
		return false;
	return step->any_data || (got->len == wanted->len && !memcmp(got->data, wanted->data, got->len));
}

static void run_step(void)
{
	static struct trbd_pr_registration registrations[TRBD_PR_REGISTRATIONS_MAX];
	struct trbd_pr_state before = state;
	const struct answer *got;
	char text[64];
	struct step step;

	memcpy(registrations, state.registrations, state.count * sizeof(*registrations));
	before.registrations = registrations;
	make_step(&step);
	predict(&step);
	got = client_do_patiently(&clients[step.who], &step.command);
	answer_text(got, text, sizeof(text));
	snprintf(history[number % HISTORY], sizeof(*history), "%lu %s %s: %s", number, clients[step.who].label,
		 step.text, text);
	number++;
	if (!as_wanted(&step, got))
		mismatch(&step, &before, got);
	if (got->status == SCSI_STATUS_GOOD)
		goods++;
	else if (got->status == SCSI_STATUS_RESERVATION_CONFLICT)
		conflicts++;
	else
		others++;
}

/* -- before and between */

static void must(struct client *client, enum trbd_pr_action action, uint64_t key, uint64_t action_key, uint8_t type)
{
	const struct answer *answer;
	struct command command;
	char text[64];

	list_basic(list, key, action_key, 0);
	cmd_pr_out(&command, action, 0, type, list, 24);
	answer = client_do_patiently(client, &command);
	answer_text(answer, text, sizeof(text));
	if (answer->status != SCSI_STATUS_GOOD)
		die("%s: %s to begin with: %s", client->label, out_names[action], text);
}

/* leaves nobody registered */
static void learn_port(struct client *client)
{
	const struct answer *answer;

	must(client, TRBD_PR_REGISTER_AND_IGNORE, 0, 1, 0);
	must(client, TRBD_PR_CLEAR, 1, 0, 0);
	must(client, TRBD_PR_REGISTER, 0, 1, 0);
	answer = pr_in(client, TRBD_PR_READ_FULL_STATUS);
	if (answer->len < 8 + 24)
		die("%s: READ FULL STATUS has %u bytes after a registration", client->label, answer->len);
	rtpis[client->gateway] = get16(answer->data + 8 + 18);
	must(client, TRBD_PR_CLEAR, 1, 0, 0);
}

/* moves a reservation to a stranger at the other gateway's port; leaves nobody registered */
static void try_other_port(struct client *client)
{
	struct command command;

	if (rtpis[1] == rtpis[2])
		return;
	must(client, TRBD_PR_REGISTER, 0, 1, 0);
	must(client, TRBD_PR_RESERVE, 1, 0, 1);
	memset(list, 0, 24);
	set64(list, 1);
	set64(list + 8, 2);
	set16(list + 18, rtpis[3 - client->gateway]);
	cmd_pr_out(&command, TRBD_PR_REGISTER_AND_MOVE, 0, 0, list, put_id(24, some_stranger()));
	set32(list + 20, command.out_len - 24);
	knows_other[client->gateway] = client_do_patiently(client, &command)->status == SCSI_STATUS_GOOD;
	if (!knows_other[client->gateway])
		printf("%s: the gateway does not know the other one's port\n", client->label);
	must(client, TRBD_PR_CLEAR, 1, 0, 0);
}

static void login(int who)
{
	client_login(&clients[who], urls[places[who].gateway], places[who].gateway, places[who].name, places[who].port);
	/* tell ports of one name apart */
	snprintf(clients[who].label, sizeof(clients[who].label), "%s.%u@%d", places[who].name, places[who].port,
		 places[who].gateway);
}

static void begin(char **argv)
{
	int who;

	urls[1] = argv[0];
	urls[2] = argv[1];
	seed = strtoul(argv[2], NULL, 0);
	srandom((unsigned int)seed);
	state.room = TRBD_PR_REGISTRATIONS_MAX;
	state.registrations = calloc(state.room, sizeof(*state.registrations));
	if (!state.registrations)
		die("no memory");

	for (who = 0; who < CLIENTS; who++) {
		struct command command;

		login(who);
		/* left by a run before this one */
		cmd_simple(&command, SCSI_OPCODE_RELEASE6);
		client_do_patiently(&clients[who], &command);
	}
	learn_port(&clients[0]);
	/* a nexus is told of conditions from a run before */
	client_calm(&clients[1]);
	learn_port(&clients[1]);
	try_other_port(&clients[0]);
	try_other_port(&clients[1]);
	if (rtpis[1] == rtpis[2])
		printf("both target ports have the identifier 0x%x\n", rtpis[1]);
	state.generation = get32(pr_in(&clients[0], TRBD_PR_READ_KEYS)->data);
	for (who = 0; who < CLIENTS; who++)
		client_calm(&clients[who]);
	for (who = 0; who < BLOCKS; who++) {
		struct command command;

		memset(block, 0, sizeof(block));
		cmd_write(&command, (uint32_t)who, 1, block);
		if (client_do_patiently(&clients[0], &command)->status != SCSI_STATUS_GOOD)
			die("%s: WRITE to begin with does not end well", clients[0].label);
	}
}

/* an SPC-2 reservation goes with the session, so its holder stays */
static void log_in_again(int who)
{
	if (is_spc2_holder(who))
		return;
	client_logout(&clients[who]);
	login(who);
	pending[who] = 0;
	logins++;
	snprintf(history[number % HISTORY], sizeof(*history), "%lu %s logged in again", number, clients[who].label);
	number++;
}

int mode_model(int argc, char **argv)
{
	unsigned long total = strtoul(argv[3], NULL, 0);

	(void)argc;
	begin(argv);
	while (number < total) {
		if (one_in(100))
			log_in_again((int)below(CLIENTS));
		else
			run_step();
	}
	printf("%lu commands: %lu good, %lu conflicts, %lu others, %lu unit attentions, %lu logins\n", number, goods,
	       conflicts, others, told, logins);
	printf("in the end: generation %u aptpl %d type %d registrations %u spc2 %s\n", state.generation, state.aptpl,
	       state.type, state.count, *state.spc2.initiator ? state.spc2.initiator : "-");
	return 0;
}
