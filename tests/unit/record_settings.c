// SPDX-License-Identifier: GPL-2.0
/*
 * Settings that are equal on all gateways: which values they may have, where two sets of them
 * differ, and which of them the record holds.
 */
#include <string.h>

#include "gateway/settings.h"
#include "ktap.h"

static struct trbd_settings usual, settings, others;

static void begin(void)
{
	enum trbd_setting i;

	memset(&usual, 0, sizeof(usual));
	memset(&settings, 0, sizeof(settings));
	memset(&others, 0, sizeof(others));
	for (i = 0; i < TRBD_SETTINGS; i++)
		trbd_settings_put(&usual, i, i % 2);
	trbd_settings_put(&usual, TRBD_SETTING_BLOCK_SIZE, 512);
}

static void test_names(void)
{
	enum trbd_setting i, k;
	bool named = true, distinct = true, short_enough = true;

	for (i = 0; i < TRBD_SETTINGS; i++) {
		named &= trbd_setting_name(i) && *trbd_setting_name(i);
		short_enough &= strlen(trbd_setting_name(i)) < TRBD_SETTING_NAME_MAX;
		for (k = 0; k < i; k++)
			distinct &= strcmp(trbd_setting_name(i), trbd_setting_name(k)) != 0;
	}
	ktap_ok(named && distinct, "each setting has a name of its own");
	ktap_ok(short_enough, "there is room for each name");
}

static void test_values(void)
{
	ktap_ok(trbd_setting_is_valid(TRBD_SETTING_BLOCK_SIZE, 512) && trbd_setting_is_valid(TRBD_SETTING_BLOCK_SIZE, 1024) &&
		trbd_setting_is_valid(TRBD_SETTING_BLOCK_SIZE, 2048) && trbd_setting_is_valid(TRBD_SETTING_BLOCK_SIZE, 4096),
		"LIO's block sizes are valid");
	ktap_ok(!trbd_setting_is_valid(TRBD_SETTING_BLOCK_SIZE, 0) && !trbd_setting_is_valid(TRBD_SETTING_BLOCK_SIZE, 256) &&
		!trbd_setting_is_valid(TRBD_SETTING_BLOCK_SIZE, 3072) && !trbd_setting_is_valid(TRBD_SETTING_BLOCK_SIZE, 8192),
		"no others are");
	ktap_ok(trbd_setting_is_valid(TRBD_SETTING_CAW, 0) && trbd_setting_is_valid(TRBD_SETTING_CAW, 1) &&
		!trbd_setting_is_valid(TRBD_SETTING_CAW, 2), "a switch is on or off");
	ktap_ok(trbd_setting_is_valid(TRBD_SETTING_UA_INTLCK_CTRL, 2) && !trbd_setting_is_valid(TRBD_SETTING_UA_INTLCK_CTRL, 3),
		"UA_INTLCK_CTRL has three values");
	ktap_ok(trbd_setting_is_valid(TRBD_SETTING_WRITE_SAME_BLOCKS, 0xffffffffULL) &&
		!trbd_setting_is_valid(TRBD_SETTING_WRITE_SAME_BLOCKS, 0x100000000ULL), "a limit has 32 bits");
	ktap_ok(trbd_setting_is_switch(TRBD_SETTING_TPU) && !trbd_setting_is_switch(TRBD_SETTING_UA_INTLCK_CTRL) &&
		!trbd_setting_is_switch(TRBD_SETTING_BLOCK_SIZE), "switches are known");
}

static void test_difference(void)
{
	begin();
	ktap_ok(trbd_settings_difference(&settings, &others) == TRBD_SETTINGS, "no settings are equal to no settings");
	trbd_settings_put(&settings, TRBD_SETTING_CAW, 0);
	ktap_ok(trbd_settings_have(&settings, TRBD_SETTING_CAW) && !trbd_settings_have(&others, TRBD_SETTING_CAW) &&
		trbd_settings_difference(&settings, &others) == TRBD_SETTING_CAW, "0 is not the same as none");
	trbd_settings_put(&others, TRBD_SETTING_CAW, 1);
	ktap_ok(trbd_settings_difference(&settings, &others) == TRBD_SETTING_CAW, "nor as 1");
	trbd_settings_put(&others, TRBD_SETTING_CAW, 0);
	trbd_settings_put(&others, TRBD_SETTING_WRITE_SAME_BLOCKS, 0);
	ktap_ok(trbd_settings_difference(&settings, &others) == TRBD_SETTING_WRITE_SAME_BLOCKS, "the last one counts, too");
}

static void test_usual(void)
{
	begin();
	ktap_ok(trbd_settings_block_size(&settings) == 512, "blocks of 512 bytes are usual");
	trbd_settings_put(&settings, TRBD_SETTING_BLOCK_SIZE, 4096);
	ktap_ok(trbd_settings_block_size(&settings) == 4096, "others are set");
	others = settings;
	trbd_settings_fill(&settings, &usual);
	ktap_ok(trbd_settings_block_size(&settings) == 4096 && trbd_settings_have(&settings, TRBD_SETTING_FUA_WRITE) &&
		settings.values[TRBD_SETTING_FUA_WRITE] == usual.values[TRBD_SETTING_FUA_WRITE],
		"a unit has the usual values where none was set");
	trbd_settings_strip(&settings, &usual);
	ktap_ok(trbd_settings_difference(&settings, &others) == TRBD_SETTINGS, "the record has none of these");
	trbd_settings_put(&settings, TRBD_SETTING_BLOCK_SIZE, 512);
	trbd_settings_strip(&settings, &usual);
	ktap_ok(!settings.set && !settings.values[TRBD_SETTING_BLOCK_SIZE], "a usual value that is set counts as none");
}

int main(void)
{
	ktap_begin();
	test_names();
	test_values();
	test_difference();
	test_usual();
	return ktap_end();
}
