// SPDX-License-Identifier: GPL-2.0
/*
 * target_core_rbd - Ceph RBD images as LIO backstores
 *
 * This file is what LIO sees: the ops table, the life of a device, module init. What is read of a device is in show.c.
 *
 *	mkdir core/rbd_0/disk    alloc_device
 *	echo ... > control       set_configfs_dev_params: keys are collected and checked
 *	echo 1 > enable          configure_device: the image is opened
 *	(LUNs, commands)         parse_cdb, see scsi/command.c
 *	rmdir core/rbd_0/disk    destroy_device: the image is closed; free_device
 *
 * LIO calls configure_device and destroy_device when no command runs. Removing a LUN waits for its commands, so there
 * is no I/O in flight when an image is closed, and the module cannot go while there are devices: configfs holds a
 * reference on it.
 */
#include <linux/err.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "compat/target.h"
#include "gateway/group.h"
#include "gateway/lu.h"
#include "gateway/round.h"
#include "gateway/stall.h"
#include "rados/guard.h"
#include "rados/options.h"
#include "rados/queues.h"
#include "rados/session.h"
#include "rbd/compare_write.h"
#include "rbd/image.h"
#include "rbd/io.h"
#include "scsi/command.h"
#include "scsi/inquiry.h"
#include "scsi/mutation.h"
#include "scsi/provisioning.h"
#include "scsi/reservation.h"
#include "scsi/unit_attention.h"
#include "scsi/verify.h"
#include "show.h"
#include "target_core_rbd.h"

#define TRBD_VERSION		"0.1.0"
#define TRBD_BLOCK_SIZE		512
/* what initiators are told that a READ or WRITE may have; the unit takes more, see trbd_transfer_max() */
#define TRBD_TRANSFER_TOLD	SZ_4M
#define TRBD_QUEUE_DEPTH	128

static int trbd_attach_hba(struct se_hba *hba, u32 host_id)
{
	return 0;
}

static void trbd_detach_hba(struct se_hba *hba)
{
}

static struct se_device *trbd_alloc_device(struct se_hba *hba, const char *name)
{
	struct trbd_device *dev;

	dev = kzalloc(sizeof(*dev), GFP_KERNEL);
	if (!dev)
		return NULL;
	mutex_init(&dev->enable_lock);
	mutex_init(&dev->lock);
	mutex_init(&dev->lu_lock);
	trbd_nexus_table_init(&dev->nexuses);
	trbd_patience_init(&dev->patience);
	return &dev->se_dev;
}

static void trbd_set_attributes(struct se_device *se_dev, const struct trbd_image *image)
{
	struct se_dev_attrib *attrib = &se_dev->dev_attrib;
	u64 object_size = trbd_image_object_size(image);

	attrib->hw_block_size = TRBD_BLOCK_SIZE;
	trbd_compat_set_transfer_max(attrib, TRBD_TRANSFER_TOLD);
	attrib->hw_queue_depth = TRBD_QUEUE_DEPTH;
	attrib->is_nonrot = 1;
	trbd_provisioning_set_attributes(attrib, object_size);
	/* LIO's own version keeps its state in one gateway. Wrong answers from the others are worse than none. */
	attrib->emulate_3pc = 0;
	/* whether there are reservation commands; they are ours */
	attrib->emulate_pr = !trbd_image_read_only(image);

	if (trbd_image_read_only(image))
		se_dev->dev_flags |= DF_READ_ONLY;
}

/* READ CAPACITY has another answer now (SBC-3 4.7). */
static void trbd_image_resized(void *owner)
{
	struct trbd_device *dev = owner;

	trbd_ua_raise_all(&dev->nexuses, TRBD_UA_CAPACITY);
}

static void trbd_image_notified(void *owner, u32 op, const void *payload, size_t len,
				struct trbd_watch_reply *reply)
{
	struct trbd_device *dev = owner;

	mutex_lock(&dev->lu_lock);
	if (dev->lu)
		trbd_round_notified(dev->lu, op, payload, len, reply);
	mutex_unlock(&dev->lu_lock);
}

static void trbd_image_watched(void *owner)
{
	struct trbd_device *dev = owner;

	mutex_lock(&dev->lu_lock);
	if (dev->lu)
		trbd_lu_watched(dev->lu);
	mutex_unlock(&dev->lu_lock);
}

static const struct trbd_image_ops trbd_image_ops = {
	.resized = trbd_image_resized,
	.notified = trbd_image_notified,
	.watched = trbd_image_watched,
};

/* Undoes trbd_open_image(), from wherever it stopped. */
static void trbd_close_image(struct trbd_device *dev)
{
	struct trbd_session *session = trbd_session_ref(dev->image->session);

	/* somebody waits for this who cannot be killed */
	trbd_image_begin_close(dev->image);
	trbd_patience_stop(&dev->patience);
	trbd_reservation_stop(dev);
	/* the group needs the session that the image holds */
	if (dev->group)
		trbd_group_leave(dev->group, trbd_session_closing_left(session, &dev->image->header_oid, 0));
	dev->group = NULL;
	trbd_image_close(dev->image);
	dev->image = NULL;
	trbd_session_put(session);
}

/* One of several that write to the image: the common clock, and the shared state of the logical unit. */
static int trbd_join_gateways(struct trbd_device *dev)
{
	struct trbd_image *image = dev->image;
	struct trbd_group *group;
	int ret;

	group = trbd_group_join(image->session, &image->header_oloc);
	if (IS_ERR(group)) {
		pr_err("%s: cannot join the group of gateways: error %ld%s\n", image->name, PTR_ERR(group),
		       PTR_ERR(group) == -EPERM ? "; the user needs to write to the pool" : "");
		return PTR_ERR(group);
	}
	dev->group = group;
	image->clock = &group->clock;

	ret = trbd_reservation_start(dev);
	if (ret)
		pr_err("%s: cannot be registered as a gateway of the image: error %d\n", image->name, ret);
	return ret;
}

static int trbd_open_image(struct trbd_device *dev)
{
	struct trbd_image_spec spec;
	struct ceph_options *opt;
	struct trbd_image *image;
	int ret;

	ret = trbd_config_spec(&dev->config, &spec);
	if (ret)
		return ret;
	opt = trbd_config_options(&dev->config);
	if (IS_ERR(opt))
		return PTR_ERR(opt);
	spec.ops = &trbd_image_ops;
	spec.owner = dev;
	image = trbd_image_open(opt, &spec);
	if (IS_ERR(image))
		return PTR_ERR(image);
	dev->image = image;

	if (trbd_image_size(image) < TRBD_BLOCK_SIZE) {
		pr_err("%s: the image has no blocks; run: rbd resize --size SIZE %s\n", image->name, image->name);
		ret = -EINVAL;
	} else if (!trbd_image_read_only(image)) {
		ret = trbd_join_gateways(dev);
	}
	if (ret)
		trbd_close_image(dev);
	else
		trbd_patience_start(&dev->patience);
	return ret;
}

static void trbd_set_phase(struct trbd_device *dev, enum trbd_phase phase)
{
	mutex_lock(&dev->lock);
	dev->phase = phase;
	mutex_unlock(&dev->lock);
}

/* @enable_lock held. Nobody else waits for what this waits for. */
static int trbd_enable(struct trbd_device *dev)
{
	int ret;

	trbd_set_phase(dev, TRBD_OPENING);
	ret = trbd_open_image(dev);
	if (ret) {
		trbd_set_phase(dev, TRBD_CLOSED);
		return ret;
	}
	mutex_lock(&dev->lock);
	trbd_set_attributes(&dev->se_dev, dev->image);
	mutex_unlock(&dev->lock);
	trbd_inquiry_set_identity(&dev->se_dev, dev->image);
	trbd_set_phase(dev, TRBD_OPEN);
	trbd_show_start(dev);
	return 0;
}

static int trbd_configure_device(struct se_device *se_dev)
{
	struct trbd_device *dev = to_trbd_device(se_dev);
	int ret;

	mutex_lock(&dev->enable_lock);
	ret = dev->image ? -EEXIST : trbd_enable(dev);
	mutex_unlock(&dev->enable_lock);
	return ret;
}

static void trbd_destroy_device(struct se_device *se_dev)
{
	struct trbd_device *dev = to_trbd_device(se_dev);

	mutex_lock(&dev->enable_lock);
	trbd_set_phase(dev, TRBD_CLOSED);
	trbd_show_stop(dev);
	trbd_close_image(dev);
	mutex_unlock(&dev->enable_lock);
}

static void trbd_free_device_rcu(struct rcu_head *head)
{
	struct se_device *se_dev = container_of(head, struct se_device, rcu_head);

	kfree(to_trbd_device(se_dev));
}

/* LIO's readers of lun->lun_se_dev may still look at the device. */
static void trbd_free_device(struct se_device *se_dev)
{
	trbd_config_clear(&to_trbd_device(se_dev)->config);
	trbd_nexus_table_destroy(&to_trbd_device(se_dev)->nexuses);
	call_rcu(&se_dev->rcu_head, trbd_free_device_rcu);
}

static ssize_t trbd_set_configfs_dev_params(struct se_device *se_dev, const char *page, ssize_t count)
{
	struct trbd_device *dev = to_trbd_device(se_dev);
	int ret;

	mutex_lock(&dev->lock);
	if (dev->phase != TRBD_CLOSED) {
		pr_err("%s: control cannot be changed while the device is enabled\n",
		       config_item_name(&se_dev->dev_group.cg_item));
		ret = -EBUSY;
	} else {
		ret = trbd_config_add(&dev->config, page, count);
	}
	mutex_unlock(&dev->lock);
	return ret ? ret : count;
}

static void trbd_tmr_notify(struct se_device *se_dev, enum tcm_tmreq_table tmr, struct list_head *aborted)
{
	/* LIO waits for those in the list by itself */
	trbd_patience_abort(se_dev, aborted);
	if (tmr == TMR_LUN_RESET)
		trbd_reservation_reset(to_trbd_device(se_dev));
}

static sector_t trbd_get_blocks(struct se_device *se_dev)
{
	u64 blocks = div_u64(trbd_image_size(to_trbd_device(se_dev)->image), se_dev->dev_attrib.block_size);

	return blocks ? blocks - 1 : 0;
}

/* LIO's attrib/block_size */
static struct configfs_attribute *lio_block_size;

static ssize_t trbd_block_size_show(struct config_item *item, char *page)
{
	return lio_block_size->show(item, page);
}

/* LIO sets it, and does not ask the backend, whose limits go with another one. */
static ssize_t trbd_block_size_store(struct config_item *item, const char *page, size_t count)
{
	struct se_dev_attrib *attrib = container_of(to_config_group(item), struct se_dev_attrib, da_group);
	struct trbd_device *dev = to_trbd_device(attrib->da_dev);
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
CONFIGFS_ATTR(trbd_, block_size);

/* LIO's attributes of a disk, and ours */
static struct configfs_attribute **trbd_attributes;

static int trbd_attributes_init(void)
{
	unsigned int count = 0, i;

	while (sbc_attrib_attrs[count])
		count++;
	trbd_attributes = kcalloc(count + TRBD_SHOW_ATTRIBUTES + 1, sizeof(*trbd_attributes), GFP_KERNEL);
	if (!trbd_attributes)
		return -ENOMEM;
	for (i = 0; i < count; i++) {
		trbd_attributes[i] = sbc_attrib_attrs[i];
		if (strcmp(sbc_attrib_attrs[i]->ca_name, "block_size"))
			continue;
		lio_block_size = sbc_attrib_attrs[i];
		trbd_attributes[i] = &trbd_attr_block_size;
	}
	memcpy(trbd_attributes + count, trbd_show_attributes, sizeof(trbd_show_attributes));
	return 0;
}

static void trbd_attributes_exit(void)
{
	kfree(trbd_attributes);
}

static struct target_backend_ops trbd_ops = {
	.name = "rbd",
	.inquiry_prod = "RBD",
	.inquiry_rev = "1.0",
	.owner = THIS_MODULE,
	.attach_hba = trbd_attach_hba,
	.detach_hba = trbd_detach_hba,
	.alloc_device = trbd_alloc_device,
	.configure_device = trbd_configure_device,
	.destroy_device = trbd_destroy_device,
	.free_device = trbd_free_device,
	.set_configfs_dev_params = trbd_set_configfs_dev_params,
	.show_configfs_dev_params = trbd_show_info,
	.parse_cdb = trbd_parse_cdb,
	.tmr_notify = trbd_tmr_notify,
	.get_device_type = sbc_get_device_type,
	.get_blocks = trbd_get_blocks,
	.get_lbppbe = trbd_inquiry_lbppbe,
	.get_io_min = trbd_inquiry_io_min,
	.get_io_opt = trbd_inquiry_io_opt,
};

static const struct {
	int (*init)(void);
	void (*exit)(void);
} trbd_parts[] = {
	{ trbd_queues_init, trbd_queues_exit },
	{ trbd_stall_init, trbd_stall_exit },
	{ trbd_attributes_init, trbd_attributes_exit },
	{ trbd_show_init, trbd_show_exit },
	{ trbd_guard_init, trbd_guard_exit },
	{ trbd_io_init, trbd_io_exit },
	{ trbd_compare_write_init, trbd_compare_write_exit },
	{ trbd_mutation_init, trbd_mutation_exit },
	{ trbd_verify_init, trbd_verify_exit },
};

static void trbd_exit_parts(unsigned int count)
{
	while (count--)
		trbd_parts[count].exit();
}

static int __init trbd_init(void)
{
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(trbd_parts); i++) {
		ret = trbd_parts[i].init();
		if (ret) {
			trbd_exit_parts(i);
			return ret;
		}
	}
	trbd_ops.tb_dev_attrib_attrs = trbd_attributes;
	ret = transport_backend_register(&trbd_ops);
	if (ret)
		trbd_exit_parts(ARRAY_SIZE(trbd_parts));
	return ret;
}

static void __exit trbd_exit(void)
{
	target_backend_unregister(&trbd_ops);
	trbd_exit_parts(ARRAY_SIZE(trbd_parts));
}

module_init(trbd_init);
module_exit(trbd_exit);

MODULE_DESCRIPTION("LIO backend for Ceph RBD images, active/active");
MODULE_AUTHOR("The target_core_rbd developers");
MODULE_LICENSE("GPL");
MODULE_VERSION(TRBD_VERSION);
