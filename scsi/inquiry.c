// SPDX-License-Identifier: GPL-2.0
/*
 * Who the logical unit says it is, and how it wants to be used.
 *
 * A multipath host takes two paths for paths to one unit when their identification is equal. So the unit serial
 * number, from which LIO also makes the NAA designator, must come out the same on every gateway without anybody
 * copying it: it is a hash of what names the image in the world, its cluster's fsid, pool id, namespace, image id
 * and snapshot id. These survive renaming the image and differ after it was deleted and made anew. An operator who
 * set a serial number keeps it.
 */
#include <crypto/sha2.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/sizes.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <target/target_core_base.h>

#include "rbd/image.h"
#include "scsi/inquiry.h"
#include "target_core_rbd.h"

/* OSDs allocate in 4 KiB; a smaller write costs them a read */
#define PHYSICAL_BLOCK_SIZE	SZ_4K
/* what is better aligned than this gains nothing; file systems make stripes of the granularity */
#define GRANULARITY_MAX		SZ_64K
/* no longer than it was when nothing longer was accepted: more of them at once are better than longer ones */
#define OPTIMAL_MAX		SZ_4M
/* TPGS of standard INQUIRY data (SPC-4 6.6.2), as LIO keeps it */
#define TPGS_IMPLICIT		0x10

/**
 * trbd_inquiry_set_access() - initiators do not change the state of a path
 * @se_dev: device that is being configured
 *
 * LIO offers explicit asymmetric access by default; SET TARGET PORT GROUPS is refused (scsi/command.c).
 *
 * Context: process.
 */
void trbd_inquiry_set_access(struct se_device *se_dev)
{
	struct t10_alua_tg_pt_gp *group = se_dev->t10_alua.default_tg_pt_gp;

	if (group)
		group->tg_pt_gp_alua_access_type = TPGS_IMPLICIT;
}

/**
 * trbd_inquiry_set_identity() - unit serial number from the identity of the image
 * @se_dev: device that is being configured
 * @image: its image
 *
 * The form is that of a UUID (version 8, RFC 9562), which is what LIO's tools make as well.
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
 * trbd_inquiry_io_min() - OPTIMAL TRANSFER LENGTH GRANULARITY (SBC-3 6.5.3)
 * @se_dev: enabled device
 *
 * Return: bytes: an aligned access of this size stays within one object, and is worth an operation of its own.
 */
unsigned int trbd_inquiry_io_min(struct se_device *se_dev)
{
	const struct trbd_image *image = to_trbd_device(se_dev)->image;

	return min_t(u64, image->header.stripe_unit, GRANULARITY_MAX);
}

/**
 * trbd_inquiry_io_opt() - OPTIMAL TRANSFER LENGTH (SBC-3 6.5.3)
 * @se_dev: enabled device
 *
 * Return: bytes: a whole stripe, as far as that is a good length for one command.
 */
unsigned int trbd_inquiry_io_opt(struct se_device *se_dev)
{
	const struct trbd_image *image = to_trbd_device(se_dev)->image;
	u64 max = (u64)se_dev->dev_attrib.hw_max_sectors * se_dev->dev_attrib.hw_block_size;

	return min3(trbd_image_stripe_size(image), (u64)OPTIMAL_MAX, max);
}

/**
 * trbd_inquiry_lbppbe() - LOGICAL BLOCKS PER PHYSICAL BLOCK EXPONENT (SBC-3 5.16.2)
 * @se_dev: enabled device
 *
 * Return: log2 of physical by logical block size.
 */
unsigned int trbd_inquiry_lbppbe(struct se_device *se_dev)
{
	u32 block_size = se_dev->dev_attrib.block_size;

	return block_size < PHYSICAL_BLOCK_SIZE ? ilog2(PHYSICAL_BLOCK_SIZE / block_size) : 0;
}
