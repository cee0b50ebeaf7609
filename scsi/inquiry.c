// SPDX-License-Identifier: GPL-2.0
/*
 * The identity of the logical unit, and how it wants to be used.
 *
 * A multipath host takes two paths for paths to one unit if their identification is equal. LIO
 * makes the NAA designator from the unit serial number as well. So this number must be the same on
 * every gateway without anybody copying it. It is a hash of the name that identifies the image in
 * the world: its cluster's fsid, pool id, namespace, image id and snapshot id. These stay the same
 * when the image is renamed, and differ after it was deleted and made anew. If an operator set a
 * serial number, the unit keeps it.
 *
 * LIO answers INQUIRY, except for pages in which it would promise something that the unit does not
 * do.
 */
#include <crypto/sha2.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <scsi/scsi_proto.h>
#include <target/target_core_base.h>

#include "compat/target.h"
#include "rbd/image.h"
#include "scsi/complete.h"
#include "scsi/inquiry.h"
#include "scsi/ports.h"
#include "scsi/unit.h"

/* OSDs allocate units of 4 KiB; a smaller write costs them a read */
#define PHYSICAL_BLOCK_SIZE	SZ_4K
/* a better alignment than this gains nothing; file systems make stripes of the granularity */
#define GRANULARITY_MAX		SZ_64K
/* TPGS of standard INQUIRY data (SPC-4 6.6.2), as LIO keeps it */
#define TPGS_IMPLICIT		0x10

#define VPD_HEADER_LEN		4
#define VPD_IDENTIFICATION	0x83
#define VPD_EXTENDED		0x86
#define VPD_EXTENDED_LEN	64
#define VPD_LEN_MAX		VPD_EXTENDED_LEN
#define VPD_PROVISIONING	0xb2
#define VPD_PROVISIONING_LEN	8
/* byte 5 of that page: task attributes */
#define VPD_SIMPSUP		0x01
/* byte 6 of that page: a cache that forgets */
#define VPD_V_SUP		0x01
/*
 * VPD_PROVISIONING, byte 5: which commands unmap, and whether unmapped blocks read as zeros; byte
 * 6: PROVISIONING TYPE
 */
#define VPD_LBPU		0x80
#define VPD_LBPWS		0x40
#define VPD_LBPWS10		0x20
#define VPD_LBPRZ		0x04
#define VPD_THIN		0x02

/**
 * trbd_inquiry_set_access() - offer implicit asymmetric access, and no other
 * @lun: LUN that an initiator is about to discover
 *
 * LIO's groups of target ports offer explicit access by default, and none if an operator says so.
 * That includes groups that are made at any time. SET TARGET PORT GROUPS is not supported
 * (scsi/cdb.c), and REPORT TARGET PORT GROUPS is, whatever group of LIO's the port is in. A group
 * belongs to one backstore.
 *
 * Context: any.
 */
void trbd_inquiry_set_access(struct se_lun *lun)
{
	struct t10_alua_tg_pt_gp *group;

	rcu_read_lock();
	group = rcu_dereference(lun->lun_tg_pt_gp);
	if (group && READ_ONCE(group->tg_pt_gp_alua_access_type) != TPGS_IMPLICIT)
		WRITE_ONCE(group->tg_pt_gp_alua_access_type, TPGS_IMPLICIT);
	rcu_read_unlock();
}

/**
 * trbd_inquiry_set_identity() - make the unit serial number from the identity of the image
 * @se_dev: device that is being configured
 * @image: its image
 *
 * The number has the form of a UUID (version 8, RFC 9562), as LIO's tools make it too.
 *
 * Context: process.
 */
void trbd_inquiry_set_identity(struct se_device *se_dev, const struct trbd_image *image)
{
	u8 hash[SHA256_DIGEST_SIZE];
	char identity[TRBD_IMAGE_IDENTITY_MAX];
	size_t len;

	if (se_dev->dev_flags & DF_EMULATED_VPD_UNIT_SERIAL)
		return;

	len = trbd_image_identity(image, identity, sizeof(identity));
	sha256((const u8 *)identity, len, hash);
	hash[6] = (hash[6] & 0x0f) | 0x80;
	hash[8] = (hash[8] & 0x3f) | 0x80;
	snprintf(se_dev->t10_wwn.unit_serial, sizeof(se_dev->t10_wwn.unit_serial), "%pUb", hash);
	se_dev->dev_flags |= DF_EMULATED_VPD_UNIT_SERIAL;
}

/**
 * trbd_inquiry_io_min() - tell the OPTIMAL TRANSFER LENGTH GRANULARITY (SBC-3 6.5.3)
 * @se_dev: enabled device
 *
 * Return: bytes: an aligned access of this size stays within one object, and is worth an operation
 * of its own.
 */
unsigned int trbd_inquiry_io_min(struct se_device *se_dev)
{
	const struct trbd_image *image = to_trbd_unit(se_dev)->image;

	return min_t(u64, image->header.stripe_unit, GRANULARITY_MAX);
}

/**
 * trbd_inquiry_io_opt() - tell the OPTIMAL TRANSFER LENGTH (SBC-3 6.5.3)
 * @se_dev: enabled device
 *
 * Return: bytes: a whole stripe, or less if initiators are told that a command can be only so long.
 */
unsigned int trbd_inquiry_io_opt(struct se_device *se_dev)
{
	const struct trbd_image *image = to_trbd_unit(se_dev)->image;
	u64 max = trbd_compat_transfer_max(&se_dev->dev_attrib);

	return min(trbd_image_stripe_size(image), max);
}

/**
 * trbd_inquiry_lbppbe() - tell the LOGICAL BLOCKS PER PHYSICAL BLOCK EXPONENT (SBC-3 5.16.2)
 * @se_dev: enabled device
 *
 * Return: log2 of the physical block size divided by the logical one.
 */
unsigned int trbd_inquiry_lbppbe(struct se_device *se_dev)
{
	u32 block_size = se_dev->dev_attrib.block_size;

	return block_size < PHYSICAL_BLOCK_SIZE ? ilog2(PHYSICAL_BLOCK_SIZE / block_size) : 0;
}

/*
 * Fill in extended INQUIRY data (SPC-4 7.8.7). ORDERED and HEAD OF QUEUE are taken as SIMPLE
 * (scsi/command.c), which LIO's page does not say. Protection information and referrals are not
 * offered.
 */
static size_t vpd_extended(struct se_device *se_dev, u8 *page)
{
	page[5] = VPD_SIMPSUP;
	if (se_dev->dev_attrib.emulate_write_cache)
		page[6] = VPD_V_SUP;
	return VPD_EXTENDED_LEN;
}

/*
 * Fill in logical block provisioning (SBC-3 6.5.4). LIO leaves the type open, and Windows does not
 * take such a disk for a thin one. If no command unmaps, the unit says so in READ CAPACITY (16) as
 * well, and has no type.
 */
static size_t vpd_provisioning(struct se_device *se_dev, u8 *page)
{
	const struct se_dev_attrib *attrib = &se_dev->dev_attrib;

	if (attrib->emulate_tpu)
		page[5] |= VPD_LBPU;
	if (attrib->emulate_tpws)
		page[5] |= VPD_LBPWS | VPD_LBPWS10;
	if (page[5]) {
		page[5] |= attrib->unmap_zeroes_data ? VPD_LBPRZ : 0;
		page[6] = VPD_THIN;
	}
	return VPD_PROVISIONING_LEN;
}

/* Fill in a page. Return its length; 0 for a page that LIO answers. */
static size_t vpd_fill(struct se_device *se_dev, u8 code, u8 *page)
{
	switch (code) {
	case VPD_EXTENDED:
		return vpd_extended(se_dev, page);
	case VPD_PROVISIONING:
		return vpd_provisioning(se_dev, page);
	default:
		return 0;
	}
}

/**
 * trbd_inquiry_is_ours() - tell whether we answer this INQUIRY, and not LIO
 * @cmd: INQUIRY
 *
 * Context: any.
 * Return: true if trbd_execute_inquiry() answers it.
 */
bool trbd_inquiry_is_ours(const struct se_cmd *cmd)
{
	u8 page[VPD_LEN_MAX] = { };

	if (!(cmd->t_task_cdb[1] & 0x01))
		return false;
	if (cmd->t_task_cdb[2] == VPD_IDENTIFICATION)
		return trbd_ports_are_shared(to_trbd_unit(cmd->se_dev));
	return vpd_fill(cmd->se_dev, cmd->t_task_cdb[2], page);
}

/**
 * trbd_execute_inquiry() - answer INQUIRY for one of our pages
 * @cmd: command for which trbd_inquiry_is_ours() is true
 *
 * Context: process.
 * Return: 0, or the reason of the refusal.
 */
sense_reason_t trbd_execute_inquiry(struct se_cmd *cmd)
{
	u8 page[VPD_LEN_MAX] = { };
	size_t len;

	if (cmd->t_task_cdb[2] == VPD_IDENTIFICATION)
		return trbd_execute_identification(cmd);
	len = vpd_fill(cmd->se_dev, cmd->t_task_cdb[2], page);
	page[0] = TYPE_DISK;
	page[1] = cmd->t_task_cdb[2];
	put_unaligned_be16(len - VPD_HEADER_LEN, &page[2]);
	sg_copy_from_buffer(cmd->t_data_sg, cmd->t_data_nents, page,
			    min_t(size_t, len, cmd->data_length));
	trbd_complete_data(cmd, len);
	return 0;
}
