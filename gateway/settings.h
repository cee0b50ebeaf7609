/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_SETTINGS_H
#define TRBD_GATEWAY_SETTINGS_H

#include <linux/types.h>

/* block size of a unit for which no other one was set, bytes */
#define TRBD_BLOCK_SIZE_USUAL	512
#define TRBD_BLOCK_SIZE_MAX	4096
#define TRBD_SETTING_NAME_MAX	32

/*
 * The attributes of LIO that must be equal on all gateways of a unit. The order is that of the
 * record, so new ones go to the end.
 */
enum trbd_setting {
	TRBD_SETTING_BLOCK_SIZE,
	TRBD_SETTING_WRITE_CACHE,
	TRBD_SETTING_FUA_WRITE,
	TRBD_SETTING_UA_INTLCK_CTRL,
	TRBD_SETTING_TAS,
	TRBD_SETTING_CAW,
	TRBD_SETTING_PR,
	TRBD_SETTING_NONROT,
	TRBD_SETTING_TPU,
	TRBD_SETTING_TPWS,
	TRBD_SETTING_UNMAP_ZEROES,
	TRBD_SETTING_UNMAP_BLOCKS,
	TRBD_SETTING_UNMAP_DESCRIPTORS,
	TRBD_SETTING_UNMAP_GRANULARITY,
	TRBD_SETTING_UNMAP_ALIGNMENT,
	TRBD_SETTING_WRITE_SAME_BLOCKS,
	TRBD_SETTINGS
};

/**
 * struct trbd_settings - values of attributes
 * @set: bit per setting that has a value; a unit has the usual one of each other
 * @values: the values; 0 where there is none
 */
struct trbd_settings {
	u32 set;
	u32 values[TRBD_SETTINGS];
};

const char *trbd_setting_name(enum trbd_setting setting);
bool trbd_setting_is_switch(enum trbd_setting setting);
bool trbd_setting_is_valid(enum trbd_setting setting, u64 value);
void trbd_settings_put(struct trbd_settings *settings, enum trbd_setting setting, u32 value);
bool trbd_settings_have(const struct trbd_settings *settings, enum trbd_setting setting);
enum trbd_setting trbd_settings_difference(const struct trbd_settings *settings,
					   const struct trbd_settings *others);
u32 trbd_settings_block_size(const struct trbd_settings *settings);
void trbd_settings_fill(struct trbd_settings *settings, const struct trbd_settings *usual);
void trbd_settings_strip(struct trbd_settings *settings, const struct trbd_settings *usual);

#endif /* TRBD_GATEWAY_SETTINGS_H */
