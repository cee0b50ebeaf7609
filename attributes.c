// SPDX-License-Identifier: GPL-2.0
/*
 * The folder attrib/ of a backstore: LIO's attributes of a disk, and ours.
 *
 * LIO sets block_size without asking the backend. Writes to it go through this file for two
 * reasons: all gateways must have the same block size (gateway/block_size.c), and the limits that
 * LIO keeps in blocks change with it.
 */
#include <linux/bitops.h>
#include <linux/configfs.h>
#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <target/target_core_base.h>
#include <target/target_core_backend.h>

#include "attributes.h"
#include "device.h"
#include "gateway/block_size.h"
#include "gateway/lu.h"
#include "rbd/image.h"
#include "scsi/ports.h"
#include "scsi/provisioning.h"
#include "show.h"

struct configfs_attribute **trbd_attributes;

/* LIO's attrib/block_size */
static struct configfs_attribute *lio_block_size;

static struct trbd_device *attributes_device(struct config_item *item)
{
	return to_trbd_device(container_of(to_config_group(item), struct se_dev_attrib, da_group)->da_dev);
}

static ssize_t trbd_block_size_show(struct config_item *item, char *page)
{
	return lio_block_size->show(item, page);
}

/*
 * Changes the block size on this gateway. LIO refuses sizes that it does not know, and a device
 * that has a LUN.
 */
static ssize_t block_size_change(struct config_item *item, const char *page, size_t count)
{
	struct trbd_device *dev = attributes_device(item);
	struct se_dev_attrib *attrib = &dev->unit.se_dev.dev_attrib;
	ssize_t ret;
	u32 before;

	mutex_lock(&dev->lock);
	before = attrib->block_size;
	ret = lio_block_size->store(item, page, count);
	if (ret >= 0)
		trbd_provisioning_rescale(attrib, before);
	mutex_unlock(&dev->lock);
	return ret;
}

/*
 * enable_lock held. Makes the new block size the unit's on all gateways, or changes it back.
 * Return: 0, or an error.
 */
static int block_size_share(struct config_item *item, struct trbd_device *dev, u32 before)
{
	u32 block_size = dev->unit.se_dev.dev_attrib.block_size;
	char text[16];
	int ret;

	if (block_size == before)
		return 0;
	ret = trbd_block_size_agree(dev->unit.lu, block_size);
	if (!ret)
		return 0;
	snprintf(text, sizeof(text), "%u", before);
	if (block_size_change(item, text, strlen(text)) >= 0)
		return ret;
	pr_err("%s: a LUN was made while the block size changed; delete the backstore and make it anew\n",
	       dev->unit.image->name);
	return -ESTALE;
}

/*
 * enable_lock held. The unit serves nothing while LIO and the record may hold different block
 * sizes.
 */
static ssize_t block_size_store_shared(struct config_item *item, struct trbd_device *dev, const char *page,
				       size_t count)
{
	u32 before = dev->unit.se_dev.dev_attrib.block_size;
	ssize_t ret;
	int err = 0;

	set_bit(TRBD_LU_BLOCK_SIZE, &dev->unit.lu->blocked);
	ret = block_size_change(item, page, count);
	if (ret >= 0)
		err = block_size_share(item, dev, before);
	if (err != -ESTALE)
		clear_bit(TRBD_LU_BLOCK_SIZE, &dev->unit.lu->blocked);
	return err ? err : ret;
}

static ssize_t trbd_block_size_store(struct config_item *item, const char *page, size_t count)
{
	struct trbd_device *dev = attributes_device(item);
	ssize_t ret;

	ret = mutex_lock_interruptible(&dev->enable_lock);
	if (ret)
		return ret;
	/* LIO refuses the change of a device that has a LUN, and the device goes on serving */
	if (dev->unit.lu && !dev->unit.se_dev.export_count)
		ret = block_size_store_shared(item, dev, page, count);
	else
		ret = block_size_change(item, page, count);
	mutex_unlock(&dev->enable_lock);
	return ret;
}
CONFIGFS_ATTR(trbd_, block_size);

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
	trbd_attributes = kcalloc(count + TRBD_SHOW_ATTRIBUTES + 2, sizeof(*trbd_attributes), GFP_KERNEL);
	if (!trbd_attributes)
		return -ENOMEM;
	for (i = 0; i < count; i++) {
		trbd_attributes[i] = sbc_attrib_attrs[i];
		if (strcmp(sbc_attrib_attrs[i]->ca_name, "block_size"))
			continue;
		lio_block_size = sbc_attrib_attrs[i];
		trbd_attributes[i] = &trbd_attr_block_size;
	}
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
