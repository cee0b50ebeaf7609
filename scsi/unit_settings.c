// SPDX-License-Identifier: GPL-2.0
/*
 * A unit's settings, as LIO has them on this gateway. attributes.c keeps them equal to those of the
 * record.
 */
#include <linux/build_bug.h>
#include <linux/stddef.h>
#include <linux/types.h>

#include "rbd/image.h"
#include "scsi/provisioning.h"
#include "scsi/unit.h"
#include "scsi/unit_settings.h"

/* Switches are of type bool, and others have 32 bits. */
static const size_t settings_offsets[TRBD_SETTINGS] = {
	[TRBD_SETTING_BLOCK_SIZE] = offsetof(struct se_dev_attrib, block_size),
	[TRBD_SETTING_WRITE_CACHE] = offsetof(struct se_dev_attrib, emulate_write_cache),
	[TRBD_SETTING_FUA_WRITE] = offsetof(struct se_dev_attrib, emulate_fua_write),
	[TRBD_SETTING_UA_INTLCK_CTRL] = offsetof(struct se_dev_attrib, emulate_ua_intlck_ctrl),
	[TRBD_SETTING_TAS] = offsetof(struct se_dev_attrib, emulate_tas),
	[TRBD_SETTING_CAW] = offsetof(struct se_dev_attrib, emulate_caw),
	[TRBD_SETTING_PR] = offsetof(struct se_dev_attrib, emulate_pr),
	[TRBD_SETTING_NONROT] = offsetof(struct se_dev_attrib, is_nonrot),
	[TRBD_SETTING_TPU] = offsetof(struct se_dev_attrib, emulate_tpu),
	[TRBD_SETTING_TPWS] = offsetof(struct se_dev_attrib, emulate_tpws),
	[TRBD_SETTING_UNMAP_ZEROES] = offsetof(struct se_dev_attrib, unmap_zeroes_data),
	[TRBD_SETTING_UNMAP_BLOCKS] = offsetof(struct se_dev_attrib, max_unmap_lba_count),
	[TRBD_SETTING_UNMAP_DESCRIPTORS] = offsetof(struct se_dev_attrib, max_unmap_block_desc_count),
	[TRBD_SETTING_UNMAP_GRANULARITY] = offsetof(struct se_dev_attrib, unmap_granularity),
	[TRBD_SETTING_UNMAP_ALIGNMENT] = offsetof(struct se_dev_attrib, unmap_granularity_alignment),
	[TRBD_SETTING_WRITE_SAME_BLOCKS] = offsetof(struct se_dev_attrib, max_write_same_len),
};

static_assert(sizeof_field(struct se_dev_attrib, emulate_ua_intlck_ctrl) == sizeof(u32));

/**
 * trbd_unit_settings_usual() - tell the settings of a unit for which none was set
 * @unit: unit with an image
 * @block_size: its block size, bytes
 * @usual: receives a value for each
 *
 * Context: any.
 */
void trbd_unit_settings_usual(const struct trbd_unit *unit, u32 block_size,
			      struct trbd_settings *usual)
{
	enum trbd_setting i;

	for (i = 0; i < TRBD_SETTINGS; i++)
		trbd_settings_put(usual, i, 0);
	trbd_settings_put(usual, TRBD_SETTING_BLOCK_SIZE, block_size);
	trbd_settings_put(usual, TRBD_SETTING_WRITE_CACHE, 0);
	trbd_settings_put(usual, TRBD_SETTING_FUA_WRITE, 1);
	trbd_settings_put(usual, TRBD_SETTING_UA_INTLCK_CTRL, TARGET_UA_INTLCK_CTRL_CLEAR);
	trbd_settings_put(usual, TRBD_SETTING_TAS, 1);
	trbd_settings_put(usual, TRBD_SETTING_CAW, 1);
	/* whether there are reservation commands; we execute them, not LIO */
	trbd_settings_put(usual, TRBD_SETTING_PR, !trbd_image_read_only(unit->image));
	trbd_settings_put(usual, TRBD_SETTING_NONROT, 1);
	trbd_provisioning_usual(usual, block_size, trbd_image_object_size(unit->image));
}

/**
 * trbd_unit_settings_read() - get the settings that are in force here
 * @unit: unit
 * @settings: receives a value for each
 *
 * Context: any; the caller makes sure that nobody changes them.
 */
void trbd_unit_settings_read(const struct trbd_unit *unit, struct trbd_settings *settings)
{
	enum trbd_setting i;

	for (i = 0; i < TRBD_SETTINGS; i++) {
		const void *field = (const void *)&unit->se_dev.dev_attrib + settings_offsets[i];

		trbd_settings_put(settings, i, trbd_setting_is_switch(i) ? *(const bool *)field :
									   *(const u32 *)field);
	}
}

/**
 * trbd_unit_settings_write() - put settings in force here
 * @unit: unit
 * @settings: a value for each, which LIO would take
 *
 * Context: process; the caller makes sure that nobody else changes them.
 */
void trbd_unit_settings_write(struct trbd_unit *unit, const struct trbd_settings *settings)
{
	enum trbd_setting i;

	for (i = 0; i < TRBD_SETTINGS; i++) {
		void *field = (void *)&unit->se_dev.dev_attrib + settings_offsets[i];

		if (trbd_setting_is_switch(i))
			*(bool *)field = settings->values[i];
		else
			*(u32 *)field = settings->values[i];
	}
}
