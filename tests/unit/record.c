// SPDX-License-Identifier: GPL-2.0
/*
 * Gateways and fences in the record; every gateway can read what is written; the registry outlives
 * the record, and fences are renewed in time.
 */
#include <string.h>

#include "gateway/record.h"
#include "ktap.h"

#define HOUR	3600
#define NOW	1795888000ULL

static struct trbd_record known, record;

static void gateway(struct trbd_record *to, u64 id, const char *address)
{
	struct trbd_record_gateway *gateway = &to->gateways[to->num_gateways++];

	memset(gateway, 0, sizeof(*gateway));
	gateway->id = id;
	snprintf(gateway->address, sizeof(gateway->address), "%s", address);
}

static void ports(struct trbd_record *to, const char *machine, u16 rtpi)
{
	to->features = TRBD_FEATURE_PORTS;
	to->num_groups = 1;
	to->groups[0].number = 1;
	snprintf(to->groups[0].machine, sizeof(to->groups[0].machine), "%s", machine);
	to->num_ports = 1;
	to->ports[0].rtpi = rtpi;
	to->ports[0].group = 1;
}

static void begin(void)
{
	memset(&known, 0, sizeof(known));
	memset(&record, 0, sizeof(record));
	gateway(&known, 1, "192.0.2.1:0/1");
	gateway(&known, 2, "192.0.2.2:0/1");
	trbd_record_add_fenced(&known, "192.0.2.3:0/1", 17, NOW);
}

static void test_gateways(void)
{
	begin();
	gateway(&known, 3, "192.0.2.3:0/1");
	ktap_ok(trbd_record_find_gateway(&known, 2) == &known.gateways[1] && !trbd_record_find_gateway(&known, 4),
		"gateways are found by their numbers");
	trbd_record_remove_gateway(&known, 2);
	trbd_record_remove_gateway(&known, 4);
	ktap_ok(known.num_gateways == 2 && known.gateways[0].id == 1 && known.gateways[1].id == 3 &&
		!trbd_record_find_gateway(&known, 2), "and taken out");
}

static void test_features(void)
{
	begin();
	ktap_ok(trbd_record_common_features(&record) == TRBD_FEATURES, "a record of no gateway may have all features");
	ktap_ok(!trbd_record_common_features(&known), "gateways of an older version understand none");
	known.gateways[0].features = TRBD_FEATURES;
	ktap_ok(!trbd_record_common_features(&known), "nor do they all, if one of them does");
	known.gateways[1].features = TRBD_FEATURE_PORTS | 1ULL << 40;
	ktap_ok(trbd_record_common_features(&known) == TRBD_FEATURE_PORTS,
		"they all understand what each does, and no more than we do");
}

static void test_version(void)
{
	begin();
	ktap_ok(trbd_record_version(&record) == TRBD_RECORD_VERSION, "the first gateway writes the present version");
	known.version = TRBD_RECORD_VERSION_OLD;
	known.gateways[0].features = TRBD_FEATURES;
	ktap_ok(trbd_record_version(&known) == TRBD_RECORD_VERSION_OLD, "an older gateway can read what is written");
	known.gateways[1].features = TRBD_FEATURES;
	ktap_ok(trbd_record_version(&known) == TRBD_RECORD_VERSION, "when the last one has gone, the present one");
	known.gateways[1].features = 0;
	known.version = TRBD_RECORD_VERSION;
	ktap_ok(trbd_record_version(&known) == TRBD_RECORD_VERSION, "which does not go back");
	known.version = 0;
	known.features = TRBD_FEATURE_PORTS;
	ktap_ok(trbd_record_version(&known) == TRBD_RECORD_VERSION, "nor are features lost when a record is removed");
}

static void test_fenced(void)
{
	char address[16];
	unsigned int i;

	memset(&record, 0, sizeof(record));
	for (i = 0; i < 66; i++) {
		snprintf(address, sizeof(address), "a:0/%u", i);
		trbd_record_add_fenced(&record, address, i, 1000 + i);
	}
	ktap_ok(record.num_fenced == 64 && !trbd_record_find_fenced(&record, "a:0/1") &&
		trbd_record_find_fenced(&record, "a:0/2") == &record.fenced[0],
		"of 66 that were fenced, the last 64 are kept");
	trbd_record_add_fenced(&record, "a:0/2", 99, 2000);
	ktap_ok(record.num_fenced == 64 && trbd_record_find_fenced(&record, "a:0/2") == &record.fenced[63] &&
		record.fenced[63].epoch == 99 && record.fenced[63].since == 2000,
		"one that is fenced again is there once");
	trbd_record_remove_fenced(&record, "a:0/65");
	trbd_record_remove_fenced(&record, "a:0/77");
	ktap_ok(record.num_fenced == 63 && !trbd_record_find_fenced(&record, "a:0/65") &&
		record.fenced[62].epoch == 99, "and is taken out");
}

static void carry(void)
{
	struct trbd_record_registry registry = trbd_record_registry(&known);

	trbd_record_carry_registry(&registry, &record);
}

static void test_carry(void)
{
	const struct trbd_record_gateway *found;

	begin();
	ports(&known, "a", 7);
	carry();
	ktap_ok(record.features == TRBD_FEATURE_PORTS && record.num_groups == 1 && record.num_ports == 1 &&
		!strcmp(record.groups[0].machine, "a") && record.ports[0].rtpi == 7,
		"a new record has the ports that were known");
	found = trbd_record_find_gateway(&record, 2);
	ktap_ok(record.num_gateways == 2 && found && !strcmp(found->address, "192.0.2.2:0/1"),
		"a new record begins with the gateways that were known");
	ktap_ok(trbd_record_find_fenced(&record, "192.0.2.3:0/1") && record.fenced[0].epoch == 17,
		"and with those that were fenced");
	carry();
	ktap_ok(record.num_gateways == 2 && record.num_fenced == 1 && record.num_groups == 1 && record.num_ports == 1,
		"each once");

	begin();
	gateway(&record, 2, "192.0.2.9:0/1");
	trbd_record_add_fenced(&record, "192.0.2.3:0/1", 99, NOW);
	carry();
	ktap_ok(!strcmp(trbd_record_find_gateway(&record, 2)->address, "192.0.2.9:0/1") && record.num_gateways == 2 &&
		record.fenced[0].epoch == 99, "what is there already stays as it is");

	begin();
	ports(&known, "a", 7);
	ports(&record, "b", 8);
	record.features = 0;
	carry();
	ktap_ok(record.num_groups == 1 && record.num_ports == 1 && !strcmp(record.groups[0].machine, "b") &&
		record.ports[0].rtpi == 8 && record.features == TRBD_FEATURE_PORTS,
		"ports that were entered meanwhile stay, and have the numbers that initiators know");
}

static void test_carry_full(void)
{
	unsigned int i;

	begin();
	for (i = 0; i < TRBD_RECORD_GATEWAYS - 1; i++)
		gateway(&record, 100 + i, "192.0.2.9:0/1");
	for (i = 0; i < TRBD_RECORD_FENCED; i++) {
		char address[TRBD_ADDRESS_MAX];

		snprintf(address, sizeof(address), "192.0.2.9:0/%u", i);
		trbd_record_add_fenced(&record, address, 1, NOW);
	}
	carry();
	ktap_ok(record.num_gateways == TRBD_RECORD_GATEWAYS && record.num_fenced == TRBD_RECORD_FENCED &&
		trbd_record_find_gateway(&record, 1) && !trbd_record_find_gateway(&record, 2) &&
		!trbd_record_find_fenced(&record, "192.0.2.3:0/1"), "as many as there is room for");
}

static void test_address(void)
{
	struct trbd_record_registry registry;

	begin();
	registry = trbd_record_registry(&known);
	ktap_ok(trbd_record_registry_has(&registry, "192.0.2.2:0/1") &&
		!trbd_record_registry_has(&registry, "192.0.2.3:0/1"), "a client that serves is found by its address");
}

static bool due(u64 since, u64 renewed, u64 age)
{
	struct trbd_record_fenced fenced = { .since = since, .renewed = renewed };

	return trbd_fenced_is_due(&fenced, NOW, age);
}

static void test_due(void)
{
	ktap_ok(!due(NOW - 9 * HOUR, NOW - HOUR / 2, HOUR / 2) && due(NOW - 9 * HOUR, NOW - HOUR / 2 - 1, HOUR / 2),
		"a fence is due when it was renewed so long ago");
	ktap_ok(due(0, 0, HOUR) && due(0, NOW, HOUR) && due(NOW, NOW + HOUR + 1, HOUR), "or when nobody knows when");
	ktap_ok(due(NOW, NOW, 0) && due(NOW, NOW + 5, 0), "and always for whoever was not there");
}

static bool old(u64 since)
{
	struct trbd_record_fenced fenced = { .since = since, .renewed = NOW };

	return trbd_fenced_is_old(&fenced, NOW);
}

static void test_old(void)
{
	ktap_ok(old(NOW - TRBD_FENCE_KEEP_S - 1) && !old(NOW - TRBD_FENCE_KEEP_S), "a fence is kept up for a day");
	ktap_ok(!old(0) && !old(NOW + HOUR + 1), "from when that is known");
}

static void test_renew(void)
{
	begin();
	known.barrier = 18;
	trbd_fenced_renew(&known, "192.0.2.3:0/1", 20, NOW + HOUR);
	ktap_ok(known.fenced[0].epoch == 20 && known.fenced[0].renewed == NOW + HOUR && known.fenced[0].since == NOW,
		"it is noted that a fence was renewed");
	ktap_ok(known.barrier == 20, "and everybody must have the map that says so");
	trbd_fenced_renew(&known, "192.0.2.4:0/1", 30, NOW);
	ktap_ok(known.num_fenced == 1 && known.barrier == 20, "one that has come back meanwhile is not fenced");
	known.barrier = 40;
	known.fenced[0].since = 0;
	trbd_fenced_renew(&known, "192.0.2.3:0/1", 21, NOW);
	ktap_ok(known.barrier == 40 && known.fenced[0].since == NOW, "an unknown time begins now");
	known.fenced[0].since = NOW + HOUR + 1;
	trbd_fenced_renew(&known, "192.0.2.3:0/1", 21, NOW);
	ktap_ok(known.fenced[0].since == NOW, "as does one that is far ahead");
}

int main(void)
{
	ktap_begin();
	test_gateways();
	test_features();
	test_version();
	test_fenced();
	test_carry();
	test_carry_full();
	test_address();
	test_due();
	test_old();
	test_renew();
	return ktap_end();
}
