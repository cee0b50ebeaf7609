// SPDX-License-Identifier: GPL-2.0
/*
 * The target ports in the record: each has and keeps a number of its own, and has the state of its
 * gateway.
 *
 * With -DFUZZ it is a target of libFuzzer ("make fuzz" here): a gateway enters its ports in any
 * record. It starts from corpus/.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/ports.h"
#include "ktap.h"

static struct trbd_pr_registration registrations[4];
static struct trbd_record record;
static char names[TRBD_RECORD_PORTS + 1][TRBD_PR_TARGET_MAX];

#ifdef FUZZ

#include "gateway/record_text.h"

/* Stops the program if not. */
static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "not ok %s\n", what);
	abort();
}

static bool decode(const char *text, size_t len)
{
	record.pr.registrations = registrations;
	record.pr.room = 4;
	return !trbd_record_decode(text, len, &record, NULL) && record.features & TRBD_FEATURE_PORTS;
}

/* A gateway has half of the ports of the record, whose ever they are, and a new one. */
static void choose(struct trbd_ports_own *own)
{
	unsigned int i, j;

	for (i = 0; i < record.num_ports; i += 2) {
		for (j = 0; j < own->count && strcmp(names[j], record.ports[i].target); j++)
			;
		if (j == own->count)
			memcpy(names[own->count++], record.ports[i].target, TRBD_PR_TARGET_MAX);
	}
	snprintf(names[own->count++], TRBD_PR_TARGET_MAX, "iqn.new");
}

/* Registers a gateway, as each one is that enters its ports. */
static bool serve(const char *machine)
{
	struct trbd_record_gateway *gateway = &record.gateways[record.num_gateways];

	if (record.num_gateways == TRBD_RECORD_GATEWAYS)
		return false;
	record.num_gateways++;
	memset(gateway, 0, sizeof(*gateway));
	strcpy(gateway->address, "new");
	strcpy(gateway->machine, machine);
	return true;
}

static void enter(const char *machine, bool keep)
{
	struct trbd_ports_own own = { .machine = machine, .name = "host", .keep = keep, .targets = names };
	static char text[1 << 17];
	static struct trbd_record before;
	struct trbd_record_registry was, now;

	choose(&own);
	if (!serve(machine) || !trbd_ports_set(&record, &own))
		return;
	now = trbd_record_registry(&record);
	must(trbd_ports_are_true(&now, &own), "what was entered is not what is there");
	before = record;
	was = trbd_record_registry(&before);
	must(decode(text, trbd_record_encode(&record, text, sizeof(text))), "a record that cannot be read");
	now = trbd_record_registry(&record);
	must(trbd_ports_tell_the_same(&was, &now), "another record is read than was written");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int i;

	/* a gateway of the record, or a new one; its ports may be on their way, or not */
	for (i = 0; i < 4 && decode((const char *)data, size); i++) {
		char machine[TRBD_RECORD_MACHINE_MAX] = "new";

		if (i & 1 && record.num_groups)
			memcpy(machine, record.groups[0].machine, sizeof(machine));
		enter(machine, i & 2);
	}
	return 0;
}

#else

static void begin(void)
{
	memset(&record, 0, sizeof(record));
	memset(registrations, 0, sizeof(registrations));
	record.features = TRBD_FEATURE_PORTS;
	record.pr.registrations = registrations;
	record.pr.room = 4;
}

static void come(const char *machine)
{
	struct trbd_record_gateway *gateway = &record.gateways[record.num_gateways++];

	memset(gateway, 0, sizeof(*gateway));
	gateway->id = record.num_gateways + 100;
	snprintf(gateway->machine, sizeof(gateway->machine), "%s", machine);
}

static void leave(const char *machine)
{
	unsigned int i;

	for (i = 0; i < record.num_gateways; i++) {
		if (!strcmp(record.gateways[i].machine, machine))
			record.gateways[i] = record.gateways[--record.num_gateways];
	}
}

/* Enter the ports iqn.FIRST to iqn.LAST of a machine; none if LAST is less. */
static bool enter(const char *machine, unsigned int first, unsigned int last, bool keep)
{
	struct trbd_ports_own own = { .machine = machine, .name = "host", .keep = keep, .targets = names };

	for (; first <= last; first++)
		snprintf(names[own.count++], TRBD_PR_TARGET_MAX, "iqn.%u", first);
	return trbd_ports_set(&record, &own);
}

static struct trbd_record_registry registry(void)
{
	return trbd_record_registry(&record);
}

/* Print all ports as "RTPI.GROUP.PRESENT NAME", all groups as "NUMBER.STATE MACHINE". */
static const char *all(void)
{
	static char text[65536];
	struct trbd_record_registry now = registry();
	size_t len = 0;
	unsigned int i;

	*text = 0;
	for (i = 0; i < record.num_groups; i++)
		len += (size_t)sprintf(text + len, "%u.%u %s, ", record.groups[i].number,
				       trbd_ports_state(&now, &record.groups[i]), record.groups[i].machine);
	for (i = 0; i < record.num_ports; i++)
		len += (size_t)sprintf(text + len, "%u.%u.%u %s, ", record.ports[i].rtpi, record.ports[i].group,
				       record.ports[i].present, record.ports[i].target);
	return text;
}

static void is(const char *what, const char *wanted)
{
	const char *got = all();

	ktap_ok(!strcmp(got, wanted), "%s", what);
	if (strcmp(got, wanted))
		printf("# got    %s\n# wanted %s\n", got, wanted);
}

static bool is_true(const char *machine, unsigned int first, unsigned int last, bool keep)
{
	struct trbd_ports_own own = { .machine = machine, .keep = keep, .targets = names };
	struct trbd_record_registry now = registry();

	for (; first <= last; first++)
		snprintf(names[own.count++], TRBD_PR_TARGET_MAX, "iqn.%u", first);
	return trbd_ports_are_true(&now, &own);
}

static void test_numbers(void)
{
	begin();
	come("a");
	come("b");
	ktap_ok(enter("a", 1, 2, false) && enter("b", 3, 3, false), "two gateways enter their ports");
	is("each port has a number, each gateway a group", "1.0 a, 2.0 b, 1.1.1 iqn.1, 2.1.1 iqn.2, 3.2.1 iqn.3, ");
	leave("a");
	is("a gateway that left is unavailable, and its entries stay",
	   "1.3 a, 2.0 b, 1.1.1 iqn.1, 2.1.1 iqn.2, 3.2.1 iqn.3, ");
	leave("b");
	come("b");
	come("a");
	ktap_ok(enter("b", 3, 3, false) && enter("a", 1, 2, false), "they boot in the other order");
	is("and have the same numbers", "1.0 a, 2.0 b, 1.1.1 iqn.1, 2.1.1 iqn.2, 3.2.1 iqn.3, ");
	ktap_ok(enter("b", 1, 1, false), "a port of the same name on another gateway");
	is("is another port", "1.0 a, 2.0 b, 1.1.1 iqn.1, 2.1.1 iqn.2, 3.2.0 iqn.3, 4.2.1 iqn.1, ");
}

static void test_moved(void)
{
	begin();
	come("a");
	come("b");
	enter("a", 1, 2, false);
	enter("a", 2, 2, false);
	enter("b", 1, 1, false);
	is("a port that moves to another gateway keeps its number", "1.0 a, 2.0 b, 1.2.1 iqn.1, 2.1.1 iqn.2, ");
	leave("a");
	enter("b", 1, 2, false);
	is("also when the former one is gone", "1.3 a, 2.0 b, 1.2.1 iqn.1, 2.2.1 iqn.2, ");

	begin();
	come("a");
	come("b");
	enter("a", 1, 1, false);
	enter("b", 1, 1, false);
	leave("a");
	leave("b");
	come("c");
	enter("c", 1, 1, false);
	is("if two gateways had it, it gets one of the numbers", "1.3 a, 2.3 b, 3.0 c, 1.3.1 iqn.1, 2.2.1 iqn.1, ");
}

static void test_missing(void)
{
	struct trbd_ports_own own = { .machine = "a", .targets = names };
	struct trbd_record_registry now;

	begin();
	come("a");
	ktap_ok(!is_true("a", 1, 0, true) && !is_true("a", 1, 1, true), "a gateway without an entry needs one");
	enter("a", 1, 2, false);
	ktap_ok(is_true("a", 1, 2, false), "nothing has changed");
	ktap_ok(!is_true("a", 1, 3, true), "a port that is new is entered");
	ktap_ok(is_true("a", 2, 2, true) && !is_true("a", 2, 2, false), "a port that is missing may be on its way");
	now = registry();
	snprintf(names[own.count++], TRBD_PR_TARGET_MAX, "iqn.2");
	trbd_ports_are_true(&now, &own);
	ktap_ok(own.missing, "and is told to be missing");
	enter("a", 2, 3, true);
	is("it stays as long as it may be", "1.0 a, 1.1.1 iqn.1, 2.1.1 iqn.2, 3.1.1 iqn.3, ");
	enter("a", 2, 3, false);
	is("and keeps its number then", "1.0 a, 1.1.0 iqn.1, 2.1.1 iqn.2, 3.1.1 iqn.3, ");
	ktap_ok(!is_true("a", 1, 2, true), "it is entered anew when it comes back");
}

static struct trbd_record before;

static bool is_told(void)
{
	struct trbd_record_registry was = trbd_record_registry(&before), now = registry();
	bool told = !trbd_ports_tell_the_same(&was, &now);

	before = record;
	return told;
}

static void test_told(void)
{
	begin();
	come("a");
	come("b");
	enter("a", 1, 1, false);
	before = record;
	enter("b", 1, 0, false);
	ktap_ok(is_told(), "initiators are told of a new group");
	enter("a", 1, 2, false);
	ktap_ok(is_told(), "of a new port");
	leave("a");
	ktap_ok(is_told(), "of a gateway that left");
	enter("b", 1, 1, false);
	ktap_ok(is_told(), "of a port that has moved");
	enter("b", 1, 0, false);
	ktap_ok(is_told(), "of one that is there no more");
	record.ports[1].rtpi = 3;
	ktap_ok(is_told(), "of another number of a port");
	enter("c", 1, 0, false);
	before = record;
	record.groups[2].number = 4;
	ktap_ok(is_told(), "and of a group");
	come("d");
	record.generation++;
	ktap_ok(!is_told(), "but of nothing else");
}

static void test_standby(void)
{
	struct trbd_ports_own own = { .machine = "a", .name = "host", .standby = true, .targets = names };
	struct trbd_record_registry now;

	begin();
	come("a");
	come("b");
	enter("a", 1, 1, false);
	enter("b", 2, 2, false);
	before = record;
	own.count = 1;
	snprintf(names[0], TRBD_PR_TARGET_MAX, "iqn.1");
	now = registry();
	ktap_ok(!trbd_ports_are_true(&now, &own) && trbd_ports_set(&record, &own), "a gateway goes out of service");
	is("its group is in standby", "1.2 a, 2.0 b, 1.1.1 iqn.1, 2.2.1 iqn.2, ");
	ktap_ok(is_told(), "initiators are told");
	ktap_ok(!is_told(), "but only of changes");
	leave("a");
	is("and is unavailable when it leaves", "1.3 a, 2.0 b, 1.1.1 iqn.1, 2.2.1 iqn.2, ");
}

static void test_registrations(void)
{
	begin();
	come("a");
	record.pr.count = 2;
	snprintf(registrations[0].nexus.target, TRBD_PR_TARGET_MAX, "iqn.2");
	snprintf(registrations[1].nexus.target, TRBD_PR_TARGET_MAX, "iqn.9");
	registrations[0].rtpi = 77;
	registrations[1].rtpi = 78;
	enter("a", 1, 2, false);
	ktap_ok(registrations[0].rtpi == 2 && registrations[1].rtpi == 78, "a registration has the number of its port");
}

static void test_room(void)
{
	char machine[16];
	unsigned int i;
	bool good = true;

	begin();
	come("a");
	ktap_ok(enter("a", 1, TRBD_RECORD_PORTS, false), "as many ports as there is room for");
	come("b");
	ktap_ok(!enter("b", 1000, 1000, false), "one more does not fit");
	begin();
	come("a");
	enter("a", 1, TRBD_RECORD_PORTS, false);
	leave("a");
	come("b");
	ktap_ok(enter("b", 1000, 1000, false) && record.num_ports == TRBD_RECORD_PORTS && record.ports[0].rtpi == 1 &&
		record.ports[0].group == 2, "unless one is free");

	begin();
	for (i = 0; i < TRBD_RECORD_GATEWAYS; i++) {
		snprintf(machine, sizeof(machine), "m%u", i);
		come(machine);
		good &= enter(machine, i, i, false);
	}
	ktap_ok(good, "as many groups as there is room for");
	ktap_ok(!enter("one more", 1000, 1000, false), "one more does not fit");
	leave("m5");
	ktap_ok(enter("one more", 1000, 1000, false) && record.num_groups == TRBD_RECORD_GATEWAYS &&
		!strcmp(record.groups[5].machine, "one more") && record.groups[5].number == 6, "unless one is gone");
}

static void test_find(void)
{
	struct trbd_record_registry now;

	begin();
	come("a");
	enter("a", 1, 2, false);
	now = registry();
	ktap_ok(trbd_ports_find(&now, 1, "iqn.2")->rtpi == 2 && !trbd_ports_find(&now, 2, "iqn.2") &&
		!trbd_ports_find(&now, 1, "iqn.3"), "ports are found by name");
	ktap_ok(!strcmp(trbd_ports_find_rtpi(&now, 2)->target, "iqn.2") && !trbd_ports_find_rtpi(&now, 0) &&
		!trbd_ports_find_rtpi(&now, 3), "and by number");
	ktap_ok(!trbd_ports_find_group(&now, "b") && trbd_ports_count(&now, 1) == 2 && !trbd_ports_count(&now, 2),
		"groups are counted");
}

int main(void)
{
	ktap_begin();
	test_numbers();
	test_moved();
	test_missing();
	test_told();
	test_standby();
	test_registrations();
	test_room();
	test_find();
	return ktap_end();
}

#endif
