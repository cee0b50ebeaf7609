// SPDX-License-Identifier: GPL-2.0
/*
 * Texts for the operator of a backstore: info, and gateway_group, reservations and ports in
 * attrib/.
 *
 * A reader takes a lock that is held for moments only, never while its holder waits for the
 * cluster. So an operator can look at a backstore that is being enabled, which shows nothing but
 * its configuration yet.
 *
 * A file in configfs holds a page. There can be 256 gateways in a group and thousands of
 * registrations, so the texts in attrib/ may not fit. They begin with the counts. A text that is
 * too long ends after a whole line, and its last line names the file in debugfs that has the whole
 * text:
 *
 *	/sys/kernel/debug/target_core_rbd/rbd_0.disk1/reservations
 *
 * The files in debugfs exist while the device is enabled. Three of them are for monitoring, and
 * only there: counters, latency and session (docs/metrics.md).
 */
#include <linux/configfs.h>
#include <linux/ctype.h>
#include <linux/debugfs.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "device.h"
#include "gateway/group.h"
#include "rados/session.h"
#include "rbd/image.h"
#include "scsi/ports.h"
#include "scsi/stats.h"
#include "scsi/throttle_show.h"
#include "scsi/unit.h"
#include "scsi/unit_show.h"
#include "show.h"

#define SHOW_FOLDER	"target_core_rbd"

/* Fills a buffer with as much text about an open unit as fits; returns the length of the text. */
typedef size_t (*show_fn)(struct trbd_unit *unit, char *buf, size_t size);

static struct dentry *show_root;

static const char *show_hba_name(struct trbd_device *dev)
{
	return config_item_name(&dev->unit.se_dev.se_hba->hba_group.cg_item);
}

static const char *show_device_name(struct trbd_device *dev)
{
	return config_item_name(&dev->unit.se_dev.dev_group.cg_item);
}

/*
 * Prints one "Key: value". Readers split at blanks and colons. So the function escapes these, and
 * the escape character itself.
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
 * trbd_show_info() - print the rest of the info file after LIO's own line
 * @se_dev: backstore
 * @page: receives the text, behind LIO's line in the same page
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
	if (dev->phase == TRBD_OPEN) {
		len += trbd_image_show(dev->unit.image, page + len, size - len);
		len += trbd_throttle_show(&dev->unit, page + len, size - len);
	}
	mutex_unlock(&dev->lock);
	return len + scnprintf(page + len, size - len, "\n");
}

static size_t show_group(struct trbd_unit *unit, char *buf, size_t size)
{
	return unit->group ? trbd_group_show(unit->group, buf, size) : 0;
}

/* Return: length of the text; @size - 1 when it was cut, or when it just happens to fit. */
static size_t show_text(struct trbd_device *dev, show_fn show, char *buf, size_t size)
{
	size_t len = 0;

	mutex_lock(&dev->lock);
	if (dev->phase == TRBD_OPEN)
		len = show(&dev->unit, buf, size);
	mutex_unlock(&dev->lock);
	return len;
}

static bool show_is_cut(size_t len, size_t size)
{
	return len + 1 >= size;
}

/* Takes lines off the end of a full page until there is room to say where the whole text is. */
static size_t show_where_all_is(struct trbd_device *dev, const char *file, char *page)
{
	static const char format[] = "cut here, all of it is in /sys/kernel/debug/%s/%s.%s/%s\n";
	const char *hba = show_hba_name(dev), *name = show_device_name(dev);
	size_t len = PAGE_SIZE - 1 - snprintf(NULL, 0, format, SHOW_FOLDER, hba, name, file);

	while (len && page[len - 1] != '\n')
		len--;
	return len + scnprintf(page + len, PAGE_SIZE - len, format, SHOW_FOLDER, hba, name, file);
}

static ssize_t show_page(struct config_item *item, char *page, show_fn show, const char *file)
{
	struct se_dev_attrib *attrib =
		container_of(to_config_group(item), struct se_dev_attrib, da_group);
	struct trbd_device *dev = to_trbd_device(attrib->da_dev);
	size_t len = show_text(dev, show, page, PAGE_SIZE);

	return show_is_cut(len, PAGE_SIZE) ? show_where_all_is(dev, file, page) : len;
}

/* attrib/gateway_group: the gateways of the image's pool, as this gateway sees them */
static ssize_t trbd_gateway_group_show(struct config_item *item, char *page)
{
	return show_page(item, page, show_group, "gateway_group");
}
CONFIGFS_ATTR_RO(trbd_, gateway_group);

/* attrib/reservations: the state that the gateways of the image share, as this gateway has it */
static ssize_t trbd_reservations_show(struct config_item *item, char *page)
{
	return show_page(item, page, trbd_unit_show_reservations, "reservations");
}
CONFIGFS_ATTR_RO(trbd_, reservations);

/* attrib/ports: the target ports of all gateways, and whether this gateway is drained */
static ssize_t show_ports_show(struct config_item *item, char *page)
{
	return show_page(item, page, trbd_ports_show, "ports");
}
CONFIGFS_ATTR_RO(show_, ports);

struct configfs_attribute *const trbd_show_attributes[TRBD_SHOW_ATTRIBUTES] = {
	&trbd_attr_gateway_group,
	&trbd_attr_reservations,
	&show_attr_ports,
};

static size_t show_session(struct trbd_unit *unit, char *buf, size_t size)
{
	size_t len = trbd_session_show(unit->image->session, buf, size);

	if (unit->group)
		len += trbd_group_show_events(unit->group, buf + len, size - len);
	return len;
}

/* A buffer that is too small counts as overrun: seq_file comes again with one twice the size. */
static int show_whole(struct seq_file *file, show_fn show)
{
	char *buf;
	size_t size = seq_get_buf(file, &buf);
	size_t len = show_text(file->private, show, buf, size);

	seq_commit(file, show_is_cut(len, size) ? -1 : (int)len);
	return 0;
}

static int show_whole_group_show(struct seq_file *file, void *data)
{
	return show_whole(file, show_group);
}
DEFINE_SHOW_ATTRIBUTE(show_whole_group);

static int show_whole_reservations_show(struct seq_file *file, void *data)
{
	return show_whole(file, trbd_unit_show_reservations);
}
DEFINE_SHOW_ATTRIBUTE(show_whole_reservations);

static int show_whole_ports_show(struct seq_file *file, void *data)
{
	return show_whole(file, trbd_ports_show);
}
DEFINE_SHOW_ATTRIBUTE(show_whole_ports);

static int show_whole_counters_show(struct seq_file *file, void *data)
{
	return show_whole(file, trbd_stats_show_counters);
}
DEFINE_SHOW_ATTRIBUTE(show_whole_counters);

static int show_whole_latency_show(struct seq_file *file, void *data)
{
	return show_whole(file, trbd_stats_show_latency);
}
DEFINE_SHOW_ATTRIBUTE(show_whole_latency);

static int show_whole_session_show(struct seq_file *file, void *data)
{
	return show_whole(file, show_session);
}
DEFINE_SHOW_ATTRIBUTE(show_whole_session);

/**
 * trbd_show_start() - make the files in debugfs
 * @dev: device that is enabled
 *
 * The device works without the files, so this function does not report a failure.
 *
 * Context: process.
 */
void trbd_show_start(struct trbd_device *dev)
{
	char *name = kasprintf(GFP_KERNEL, "%s.%s", show_hba_name(dev), show_device_name(dev));

	if (!name)
		return;
	dev->debugfs = debugfs_create_dir(name, show_root);
	kfree(name);
	debugfs_create_file("gateway_group", 0444, dev->debugfs, dev, &show_whole_group_fops);
	debugfs_create_file("reservations", 0444, dev->debugfs, dev, &show_whole_reservations_fops);
	debugfs_create_file("ports", 0444, dev->debugfs, dev, &show_whole_ports_fops);
	debugfs_create_file("counters", 0444, dev->debugfs, dev, &show_whole_counters_fops);
	debugfs_create_file("latency", 0444, dev->debugfs, dev, &show_whole_latency_fops);
	debugfs_create_file("session", 0444, dev->debugfs, dev, &show_whole_session_fops);
}

/**
 * trbd_show_stop() - remove the files in debugfs
 * @dev: device; nobody reads its files any more when this returns
 *
 * Context: process; waits for readers, so the caller must not hold a lock that they take.
 */
void trbd_show_stop(struct trbd_device *dev)
{
	debugfs_remove(dev->debugfs);
	dev->debugfs = NULL;
}

/**
 * trbd_show_init() - make the folder in debugfs
 *
 * Return: 0; the module works without the folder.
 */
int trbd_show_init(void)
{
	show_root = debugfs_create_dir(SHOW_FOLDER, NULL);
	return 0;
}

/**
 * trbd_show_exit() - remove the folder in debugfs
 */
void trbd_show_exit(void)
{
	debugfs_remove(show_root);
}
