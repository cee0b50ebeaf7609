// SPDX-License-Identifier: GPL-2.0
/*
 * target_core_rbd - Ceph RBD images as LIO backstores
 *
 * LIO sees this file: the ops table, a device in configfs, module init. show.c has the texts about
 * a device. scsi/unit_open.c sets what initiators see of it.
 *
 *	mkdir core/rbd_0/disk    alloc_device
 *	echo ... > control       set_configfs_dev_params: keys are collected and checked
 *	echo 1 > enable          configure_device: the image and the unit are opened
 *	(LUNs, commands)         parse_cdb, see scsi/command.c
 *	rmdir core/rbd_0/disk    destroy_device: both are closed; free_device
 *
 * LIO calls configure_device and destroy_device when no command runs. Removing a LUN waits for its
 * commands, so there is no I/O in flight when an image is closed. The module cannot be unloaded
 * while there are devices: configfs holds a reference on it.
 */
#include <linux/err.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "attributes.h"
#include "compat/target.h"
#include "device.h"
#include "gateway/stall.h"
#include "rados/guard.h"
#include "rados/options.h"
#include "rados/queues.h"
#include "rbd/compare_write.h"
#include "rbd/image.h"
#include "rbd/io.h"
#include "scsi/abandoned.h"
#include "scsi/cdb.h"
#include "scsi/command.h"
#include "scsi/inquiry.h"
#include "scsi/reset.h"
#include "scsi/throttle.h"
#include "scsi/unit.h"
#include "scsi/unit_open.h"
#include "scsi/verify.h"
#include "scsi/write_cmd.h"
#include "show.h"

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
	trbd_unit_init(&dev->unit);
	return &dev->unit.se_dev;
}

/* Return: the image that the device is configured for, open; or an ERR_PTR. */
static struct trbd_image *trbd_open_image(struct trbd_device *dev)
{
	struct trbd_image_spec spec;
	struct ceph_options *opt;
	int ret;

	ret = trbd_config_spec(&dev->config, &spec);
	if (ret)
		return ERR_PTR(ret);
	opt = trbd_config_options(&dev->config);
	if (IS_ERR(opt))
		return ERR_CAST(opt);
	spec.ops = &trbd_unit_image_ops;
	spec.owner = &dev->unit;
	return trbd_image_open(opt, &spec);
}

static int trbd_open_unit(struct trbd_device *dev)
{
	struct trbd_image *image = trbd_open_image(dev);

	return IS_ERR(image) ? PTR_ERR(image) : trbd_unit_open(&dev->unit, image);
}

static void trbd_set_phase(struct trbd_device *dev, enum trbd_phase phase)
{
	mutex_lock(&dev->lock);
	dev->phase = phase;
	mutex_unlock(&dev->lock);
}

/* enable_lock held. Nobody else waits while this function waits for the cluster. */
static int trbd_enable(struct trbd_device *dev)
{
	int ret;

	trbd_set_phase(dev, TRBD_OPENING);
	ret = trbd_open_unit(dev);
	if (ret) {
		trbd_set_phase(dev, TRBD_CLOSED);
		return ret;
	}
	mutex_lock(&dev->lock);
	trbd_unit_set_attributes(&dev->unit);
	mutex_unlock(&dev->lock);
	trbd_inquiry_set_identity(&dev->unit.se_dev, dev->unit.image);
	trbd_set_phase(dev, TRBD_OPEN);
	trbd_show_start(dev);
	return 0;
}

static int trbd_configure_device(struct se_device *se_dev)
{
	struct trbd_device *dev = to_trbd_device(se_dev);
	int ret;

	mutex_lock(&dev->enable_lock);
	ret = dev->unit.image ? -EEXIST : trbd_enable(dev);
	mutex_unlock(&dev->enable_lock);
	return ret;
}

static void trbd_destroy_device(struct se_device *se_dev)
{
	struct trbd_device *dev = to_trbd_device(se_dev);

	mutex_lock(&dev->enable_lock);
	trbd_set_phase(dev, TRBD_CLOSED);
	trbd_show_stop(dev);
	trbd_unit_close(&dev->unit);
	mutex_unlock(&dev->enable_lock);
}

static void trbd_free_device_rcu(struct rcu_head *head)
{
	struct se_device *se_dev = container_of(head, struct se_device, rcu_head);

	kfree(to_trbd_device(se_dev));
}

/* Frees the device after a grace period: LIO's readers of lun->lun_se_dev may still look at it. */
static void trbd_free_device(struct se_device *se_dev)
{
	trbd_config_clear(&to_trbd_device(se_dev)->config);
	trbd_unit_destroy(to_trbd_unit(se_dev));
	call_rcu(&se_dev->rcu_head, trbd_free_device_rcu);
}

static ssize_t trbd_set_configfs_dev_params(struct se_device *se_dev, const char *page,
					    ssize_t count)
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

static void trbd_tmr_notify(struct se_device *se_dev, enum tcm_tmreq_table tmr,
			    struct list_head *aborted)
{
	/* LIO itself waits for the commands in the list */
	trbd_abandoned_note_aborts(to_trbd_unit(se_dev), aborted);
	trbd_throttle_look(to_trbd_unit(se_dev));
	if (tmr == TMR_LUN_RESET)
		trbd_reset_unit(to_trbd_unit(se_dev));
}

static sector_t trbd_get_blocks(struct se_device *se_dev)
{
	return trbd_unit_last_block(to_trbd_unit(se_dev));
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
	{ trbd_cdb_init, trbd_cdb_exit },
	{ trbd_queues_init, trbd_queues_exit },
	{ trbd_stall_init, trbd_stall_exit },
	{ trbd_attributes_init, trbd_attributes_exit },
	{ trbd_show_init, trbd_show_exit },
	{ trbd_guard_init, trbd_guard_exit },
	{ trbd_io_init, trbd_io_exit },
	{ trbd_compare_write_init, trbd_compare_write_exit },
	{ trbd_write_cmd_init, trbd_write_cmd_exit },
	{ trbd_verify_init, trbd_verify_exit },
	{ trbd_throttle_init, trbd_throttle_exit },
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
