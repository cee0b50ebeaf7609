// SPDX-License-Identifier: GPL-2.0
/*
 * What an operator reads of a backstore: info, attrib/gateway_group and attrib/reservations.
 *
 * Readers take a lock that is held for moments only, never while anybody waits for the cluster. So
 * a backstore that is being enabled can be looked at; it has nothing to say yet but its
 * configuration.
 */
#include <linux/configfs.h>
#include <linux/ctype.h>
#include <linux/kernel.h>
#include <linux/mm.h>

#include "gateway/group.h"
#include "rbd/image.h"
#include "scsi/reservation.h"
#include "show.h"
#include "target_core_rbd.h"

/* Fills a buffer with a text about an enabled device, as much as fits; returns its length. */
typedef size_t (*show_fn)(struct trbd_device *dev, char *buf, size_t size);

/*
 * One "Key: value". Readers split at blanks and colons, so these and the escape character itself
 * are escaped.
 */
static size_t show_pair(char *buf, size_t size, const char *key, const char *value)
{
	size_t len = scnprintf(buf, size, "%s: ", key);

	if (!value || !*value)
		value = "-";
	for (; *value; value++) {
		bool escape = isspace(*value) || *value == ':' || *value == '%';

		len += scnprintf(buf + len, size - len, escape ? "%%%02x" : "%c", (u8)*value);
	}
	return len + scnprintf(buf + len, size - len, " ");
}

static size_t show_config(const struct trbd_config *config, char *buf, size_t size)
{
	const char *pool = trbd_config_get(config, "pool");
	const char *id = trbd_config_get(config, "id");
	size_t len;

	len = show_pair(buf, size, "Pool", pool ? pool : "rbd");
	len += show_pair(buf + len, size - len, "Namespace", trbd_config_get(config, "namespace"));
	len += show_pair(buf + len, size - len, "Image", trbd_config_get(config, "image"));
	len += show_pair(buf + len, size - len, "Snap", trbd_config_get(config, "snap"));
	return len + show_pair(buf + len, size - len, "Id", id ? id : "guest");
}

/**
 * trbd_show_info() - what the info file says after LIO's own line
 * @se_dev: backstore
 * @page: where to, in the page that LIO has printed its line into
 *
 * Context: process; does not wait for the cluster.
 * Return: length of the text, cut to what fits.
 */
ssize_t trbd_show_info(struct se_device *se_dev, char *page)
{
	struct trbd_device *dev = to_trbd_device(se_dev);
	size_t size = PAGE_SIZE - offset_in_page(page);
	size_t len;

	mutex_lock(&dev->lock);
	len = show_config(&dev->config, page, size);
	if (dev->phase == TRBD_OPENING)
		len += show_pair(page + len, size - len, "State", "opening");
	if (dev->phase == TRBD_OPEN)
		len += trbd_image_show(dev->image, page + len, size - len);
	mutex_unlock(&dev->lock);
	return len + scnprintf(page + len, size - len, "\n");
}

static size_t show_group(struct trbd_device *dev, char *buf, size_t size)
{
	return dev->group ? trbd_group_show(dev->group, buf, size) : 0;
}

static ssize_t show_page(struct config_item *item, char *page, show_fn show)
{
	struct se_dev_attrib *attrib =
		container_of(to_config_group(item), struct se_dev_attrib, da_group);
	struct trbd_device *dev = to_trbd_device(attrib->da_dev);
	size_t len = 0;

	mutex_lock(&dev->lock);
	if (dev->phase == TRBD_OPEN)
		len = show(dev, page, PAGE_SIZE);
	mutex_unlock(&dev->lock);
	return len;
}

/* attrib/gateway_group: the gateways of the image's pool, as this one sees them */
static ssize_t trbd_gateway_group_show(struct config_item *item, char *page)
{
	return show_page(item, page, show_group);
}
CONFIGFS_ATTR_RO(trbd_, gateway_group);

/* attrib/reservations: what the gateways of the image share, as this one has it */
static ssize_t trbd_reservations_show(struct config_item *item, char *page)
{
	return show_page(item, page, trbd_reservation_show);
}
CONFIGFS_ATTR_RO(trbd_, reservations);

struct configfs_attribute *const trbd_show_attributes[TRBD_SHOW_ATTRIBUTES] = {
	&trbd_attr_gateway_group,
	&trbd_attr_reservations,
};
