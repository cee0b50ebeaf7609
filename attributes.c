// SPDX-License-Identifier: GPL-2.0
/*
 * The folder attrib/ of a backstore: LIO's attributes of a disk, and ours.
 *
 * LIO changes attributes without asking the backend. Writes to settings go through this file for
 * two reasons: all gateways must have the same (gateway/settings.c), and the limits that LIO keeps
 * in blocks change with the block size.
 */
#include <linux/bitops.h>
#include <linux/configfs.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <target/target_core_base.h>
#include <target/target_core_backend.h>

#include "attributes.h"
#include "device.h"
#include "gateway/blocking.h"
#include "gateway/lu.h"
#include "gateway/settings_update.h"
#include "rbd/image.h"
#include "scsi/ports.h"
#include "scsi/provisioning.h"
#include "scsi/unit_settings.h"
#include "show.h"

struct configfs_attribute **trbd_attributes;

/* LIO's attrib/block_size */
static struct configfs_attribute *lio_block_size;

static struct trbd_device *attributes_device(struct config_item *item)
{
	return to_trbd_device(container_of(to_config_group(item), struct se_dev_attrib, da_group)->da_dev);
}

static int setting_parse(enum trbd_setting setting, const char *page, u32 *value)
{
	bool on;
	int ret;

	if (trbd_setting_is_switch(setting)) {
		ret = kstrtobool(page, &on);
		*value = on;
	} else {
		ret = kstrtou32(page, 0, value);
	}
	if (ret)
		return ret;
	return trbd_setting_is_valid(setting, *value) ? 0 : -EINVAL;
}

/* as LIO has it */
static bool setting_needs_no_lun(enum trbd_setting setting)
{
	return setting == TRBD_SETTING_BLOCK_SIZE || setting == TRBD_SETTING_UA_INTLCK_CTRL ||
	       setting == TRBD_SETTING_TAS || setting == TRBD_SETTING_UNMAP_ZEROES;
}

/*
 * Puts settings in force on this gateway. LIO's own function changes the block size, since limits
 * of LIO depend on it. It refuses if there is a LUN.
 */
static ssize_t settings_apply(struct config_item *item, const struct trbd_settings *settings)
{
	struct trbd_device *dev = attributes_device(item);
	u32 block_size = trbd_settings_block_size(settings);
	char text[16];
	ssize_t ret = 0;

	mutex_lock(&dev->lock);
	if (dev->unit.se_dev.dev_attrib.block_size != block_size) {
		snprintf(text, sizeof(text), "%u", block_size);
		ret = lio_block_size->store(item, text, strlen(text));
	}
	if (ret >= 0)
		trbd_unit_settings_write(&dev->unit, settings);
	mutex_unlock(&dev->lock);
	return ret < 0 ? ret : 0;
}

/* Makes settings of this gateway those of the unit on all gateways. Return: 0, or an error. */
static int settings_share(struct trbd_unit *unit, const struct trbd_settings *settings)
{
	struct trbd_settings usual, shared = *settings;
	int ret;

	trbd_unit_settings_usual(unit, trbd_settings_block_size(settings), &usual);
	/* the record tells the block size in any case */
	trbd_settings_put(&usual, TRBD_SETTING_BLOCK_SIZE, TRBD_BLOCK_SIZE_USUAL);
	trbd_settings_strip(&shared, &usual);
	ret = trbd_settings_update(unit->lu, &shared);
	if (ret && READ_ONCE(unit->lu->settings_undecided))
		pr_err("%s: nobody knows yet whether the setting has changed: error %d; set it again\n",
		       unit->image->name, ret);
	return ret;
}

/*
 * enable_lock held. Changes the settings in the record, and then here. A unit without a LUN serves
 * nothing while LIO and the record may hold different settings, since a LUN may be made just then.
 */
static int settings_change(struct config_item *item, const struct trbd_settings *before,
			   const struct trbd_settings *after)
{
	struct trbd_unit *unit = &attributes_device(item)->unit;
	struct trbd_lu *lu = unit->lu;
	int ret;

	if (!unit->se_dev.export_count)
		trbd_lu_block(lu, TRBD_LU_SETTINGS);
	ret = settings_share(unit, after);
	if (!ret) {
		ret = settings_apply(item, after);
		if (ret && settings_share(unit, before)) {
			trbd_lu_block(lu, TRBD_LU_SETTINGS);
			pr_err("%s: a LUN was made while the block size changed; delete the backstore and make it anew\n",
			       unit->image->name);
			return -ESTALE;
		}
	}
	if (!READ_ONCE(lu->settings_undecided))
		trbd_lu_unblock(lu, TRBD_LU_SETTINGS);
	return ret;
}

/* enable_lock held */
static int setting_set(struct config_item *item, enum trbd_setting setting, u32 value)
{
	struct trbd_unit *unit = &attributes_device(item)->unit;
	bool undecided = unit->lu && READ_ONCE(unit->lu->settings_undecided);
	struct trbd_settings before, after;

	/* see settings_change() */
	if (unit->lu && !undecided && test_bit(TRBD_LU_SETTINGS, &unit->lu->blocked))
		return -ESTALE;
	trbd_unit_settings_read(unit, &before);
	after = before;
	if (setting == TRBD_SETTING_BLOCK_SIZE)
		trbd_provisioning_rescale(&after, value);
	else
		trbd_settings_put(&after, setting, value);

	if (!undecided && trbd_settings_difference(&before, &after) == TRBD_SETTINGS)
		return 0;
	if (unit->se_dev.export_count && setting_needs_no_lun(setting)) {
		pr_err("%s: %s cannot be changed while there is a LUN\n", unit->image->name,
		       trbd_setting_name(setting));
		return -EINVAL;
	}
	/* gateways share no settings of a snapshot */
	return unit->lu ? settings_change(item, &before, &after) : settings_apply(item, &after);
}

static ssize_t setting_store(struct config_item *item, enum trbd_setting setting, const char *page,
			     size_t count)
{
	struct trbd_device *dev = attributes_device(item);
	u32 value;
	int ret;

	ret = setting_parse(setting, page, &value);
	if (ret)
		return ret;
	ret = mutex_lock_interruptible(&dev->enable_lock);
	if (ret)
		return ret;
	/* before, enabling would overwrite it */
	if (dev->unit.image && target_dev_configured(&dev->unit.se_dev))
		ret = setting_set(item, setting, value);
	else
		ret = -ENODEV;
	mutex_unlock(&dev->enable_lock);
	return ret ? ret : count;
}

/* configfs does not tell a store function which attribute it is of */
#define SETTING_STORE(_setting)							\
static ssize_t store_##_setting(struct config_item *item, const char *page,	\
				size_t count)					\
{										\
	return setting_store(item, TRBD_SETTING_##_setting, page, count);	\
}

SETTING_STORE(BLOCK_SIZE);
SETTING_STORE(WRITE_CACHE);
SETTING_STORE(FUA_WRITE);
SETTING_STORE(UA_INTLCK_CTRL);
SETTING_STORE(TAS);
SETTING_STORE(CAW);
SETTING_STORE(PR);
SETTING_STORE(NONROT);
SETTING_STORE(TPU);
SETTING_STORE(TPWS);
SETTING_STORE(UNMAP_ZEROES);
SETTING_STORE(UNMAP_BLOCKS);
SETTING_STORE(UNMAP_DESCRIPTORS);
SETTING_STORE(UNMAP_GRANULARITY);
SETTING_STORE(UNMAP_ALIGNMENT);
SETTING_STORE(WRITE_SAME_BLOCKS);

/* the rest is copied from LIO's */
static struct configfs_attribute setting_attributes[TRBD_SETTINGS] = {
	[TRBD_SETTING_BLOCK_SIZE].store = store_BLOCK_SIZE,
	[TRBD_SETTING_WRITE_CACHE].store = store_WRITE_CACHE,
	[TRBD_SETTING_FUA_WRITE].store = store_FUA_WRITE,
	[TRBD_SETTING_UA_INTLCK_CTRL].store = store_UA_INTLCK_CTRL,
	[TRBD_SETTING_TAS].store = store_TAS,
	[TRBD_SETTING_CAW].store = store_CAW,
	[TRBD_SETTING_PR].store = store_PR,
	[TRBD_SETTING_NONROT].store = store_NONROT,
	[TRBD_SETTING_TPU].store = store_TPU,
	[TRBD_SETTING_TPWS].store = store_TPWS,
	[TRBD_SETTING_UNMAP_ZEROES].store = store_UNMAP_ZEROES,
	[TRBD_SETTING_UNMAP_BLOCKS].store = store_UNMAP_BLOCKS,
	[TRBD_SETTING_UNMAP_DESCRIPTORS].store = store_UNMAP_DESCRIPTORS,
	[TRBD_SETTING_UNMAP_GRANULARITY].store = store_UNMAP_GRANULARITY,
	[TRBD_SETTING_UNMAP_ALIGNMENT].store = store_UNMAP_ALIGNMENT,
	[TRBD_SETTING_WRITE_SAME_BLOCKS].store = store_WRITE_SAME_BLOCKS,
};

/* Return: our attribute in place of one of LIO's that is a setting; any other as it is. */
static struct configfs_attribute *setting_attribute(struct configfs_attribute *attr)
{
	enum trbd_setting i;

	for (i = 0; i < TRBD_SETTINGS; i++) {
		if (strcmp(attr->ca_name, trbd_setting_name(i)))
			continue;
		if (i == TRBD_SETTING_BLOCK_SIZE)
			lio_block_size = attr;
		setting_attributes[i].ca_name = attr->ca_name;
		setting_attributes[i].ca_owner = THIS_MODULE;
		setting_attributes[i].ca_mode = attr->ca_mode;
		setting_attributes[i].show = attr->show;
		return &setting_attributes[i];
	}
	return attr;
}

/*
 * attrib/drain: 1 takes this gateway out of service for the unit, 0 puts it back. attrib/ports
 * tells when no command is left.
 */
static ssize_t trbd_drain_show(struct config_item *item, char *page)
{
	struct trbd_device *dev = attributes_device(item);
	bool drain;

	mutex_lock(&dev->lock);
	drain = dev->phase == TRBD_OPEN && dev->unit.lu &&
		trbd_lu_is_in_standby(dev->unit.lu);
	mutex_unlock(&dev->lock);
	return sysfs_emit(page, "%d\n", drain);
}

static ssize_t trbd_drain_store(struct config_item *item, const char *page, size_t count)
{
	struct trbd_device *dev = attributes_device(item);
	bool drain;
	int ret = kstrtobool(page, &drain);

	if (ret)
		return ret;
	mutex_lock(&dev->lock);
	if (dev->phase == TRBD_OPEN && dev->unit.lu)
		trbd_ports_set_standby(&dev->unit, drain);
	else if (drain)
		/* a snapshot's paths have no state that gateways share */
		ret = dev->phase == TRBD_OPEN ? -EOPNOTSUPP : -ENODEV;
	mutex_unlock(&dev->lock);
	return ret ? ret : count;
}
CONFIGFS_ATTR(trbd_, drain);

/**
 * trbd_attributes_init() - make the list of attributes
 *
 * Context: process, once, before the backend is registered.
 * Return: 0 or -ENOMEM.
 */
int trbd_attributes_init(void)
{
	unsigned int count = 0, i;

	while (sbc_attrib_attrs[count])
		count++;
	trbd_attributes = kcalloc(count + TRBD_SHOW_ATTRIBUTES + 2, sizeof(*trbd_attributes),
				  GFP_KERNEL);
	if (!trbd_attributes)
		return -ENOMEM;
	for (i = 0; i < count; i++)
		trbd_attributes[i] = setting_attribute(sbc_attrib_attrs[i]);
	trbd_attributes[count++] = &trbd_attr_drain;
	memcpy(trbd_attributes + count, trbd_show_attributes, sizeof(trbd_show_attributes));
	return 0;
}

/**
 * trbd_attributes_exit() - free the list of attributes
 *
 * Context: process; the backend is not registered any more.
 */
void trbd_attributes_exit(void)
{
	kfree(trbd_attributes);
}
