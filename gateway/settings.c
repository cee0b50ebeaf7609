// SPDX-License-Identifier: GPL-2.0
/*
 * Settings: attributes of LIO that change what a command means, or what initiators are told. To an
 * initiator the gateways are one array. So the unit's record holds the settings, and all gateways
 * have them (gateway/settings_update.c, gateway/registry.c, attributes.c).
 *
 * No I/O, no memory: the unit tests compile this file as it is.
 */
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/string.h>

#include "gateway/settings.h"

/* @name is LIO's, and the record's */
static const struct {
	const char *name;
	u32 max;
} settings_known[TRBD_SETTINGS] = {
	[TRBD_SETTING_BLOCK_SIZE] = { "block_size", TRBD_BLOCK_SIZE_MAX },
	[TRBD_SETTING_WRITE_CACHE] = { "emulate_write_cache", 1 },
	[TRBD_SETTING_FUA_WRITE] = { "emulate_fua_write", 1 },
	[TRBD_SETTING_UA_INTLCK_CTRL] = { "emulate_ua_intlck_ctrl", 2 },
	[TRBD_SETTING_TAS] = { "emulate_tas", 1 },
	[TRBD_SETTING_CAW] = { "emulate_caw", 1 },
	[TRBD_SETTING_PR] = { "emulate_pr", 1 },
	[TRBD_SETTING_NONROT] = { "is_nonrot", 1 },
	[TRBD_SETTING_TPU] = { "emulate_tpu", 1 },
	[TRBD_SETTING_TPWS] = { "emulate_tpws", 1 },
	[TRBD_SETTING_UNMAP_ZEROES] = { "unmap_zeroes_data", 1 },
	[TRBD_SETTING_UNMAP_BLOCKS] = { "max_unmap_lba_count", U32_MAX },
	[TRBD_SETTING_UNMAP_DESCRIPTORS] = { "max_unmap_block_desc_count", U32_MAX },
	[TRBD_SETTING_UNMAP_GRANULARITY] = { "unmap_granularity", U32_MAX },
	[TRBD_SETTING_UNMAP_ALIGNMENT] = { "unmap_granularity_alignment", U32_MAX },
	[TRBD_SETTING_WRITE_SAME_BLOCKS] = { "max_write_same_len", U32_MAX },
};

/**
 * trbd_setting_name() - tell what a setting is called
 * @setting: setting
 *
 * Return: name of the attribute.
 */
const char *trbd_setting_name(enum trbd_setting setting)
{
	return settings_known[setting].name;
}

/**
 * trbd_setting_is_switch() - tell whether a setting is on or off
 * @setting: setting
 *
 * Return: true if it has no other values.
 */
bool trbd_setting_is_switch(enum trbd_setting setting)
{
	return settings_known[setting].max == 1;
}

/**
 * trbd_setting_is_valid() - tell whether a setting may have a value
 * @setting: setting
 * @value: value
 *
 * Return: true if it may.
 */
bool trbd_setting_is_valid(enum trbd_setting setting, u64 value)
{
	if (value > settings_known[setting].max)
		return false;
	return setting != TRBD_SETTING_BLOCK_SIZE ||
	       (value >= TRBD_BLOCK_SIZE_USUAL && !(value & (value - 1)));
}

/**
 * trbd_settings_put() - give a setting a value
 * @settings: settings
 * @setting: the one
 * @value: its value
 */
void trbd_settings_put(struct trbd_settings *settings, enum trbd_setting setting, u32 value)
{
	settings->set |= 1U << setting;
	settings->values[setting] = value;
}

/**
 * trbd_settings_have() - tell whether a setting has a value
 * @settings: settings
 * @setting: the one
 *
 * Return: false if the usual value is in force.
 */
bool trbd_settings_have(const struct trbd_settings *settings, enum trbd_setting setting)
{
	return settings->set & 1U << setting;
}

/**
 * trbd_settings_difference() - find out where settings differ
 * @settings: settings
 * @others: others
 *
 * Return: the first setting that is not the same in both; TRBD_SETTINGS if all are.
 */
enum trbd_setting trbd_settings_difference(const struct trbd_settings *settings,
					   const struct trbd_settings *others)
{
	enum trbd_setting i;

	for (i = 0; i < TRBD_SETTINGS; i++) {
		if (trbd_settings_have(settings, i) != trbd_settings_have(others, i) ||
		    settings->values[i] != others->values[i])
			break;
	}
	return i;
}

/**
 * trbd_settings_block_size() - tell the block size
 * @settings: settings
 *
 * Return: bytes.
 */
u32 trbd_settings_block_size(const struct trbd_settings *settings)
{
	return trbd_settings_have(settings, TRBD_SETTING_BLOCK_SIZE) ?
	       settings->values[TRBD_SETTING_BLOCK_SIZE] : TRBD_BLOCK_SIZE_USUAL;
}

/**
 * trbd_settings_fill() - give each setting the usual value that has none
 * @settings: settings
 * @usual: a value for each
 */
void trbd_settings_fill(struct trbd_settings *settings, const struct trbd_settings *usual)
{
	enum trbd_setting i;

	for (i = 0; i < TRBD_SETTINGS; i++) {
		if (!trbd_settings_have(settings, i))
			trbd_settings_put(settings, i, usual->values[i]);
	}
}

/**
 * trbd_settings_strip() - take the value from each setting that has the usual one
 * @settings: settings
 * @usual: a value for each
 */
void trbd_settings_strip(struct trbd_settings *settings, const struct trbd_settings *usual)
{
	enum trbd_setting i;

	for (i = 0; i < TRBD_SETTINGS; i++) {
		if (settings->values[i] != usual->values[i])
			continue;
		settings->values[i] = 0;
		settings->set &= ~(1U << i);
	}
}
