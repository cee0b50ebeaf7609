// SPDX-License-Identifier: GPL-2.0
/*
 * The options of a cluster session, from key and value to struct ceph_options.
 *
 * libceph has its own parser, made for mount options. This file hands each key that libceph knows
 * to it under the same name, so that "rbd map -o" and a control string here mean the same. Four
 * keys are spelled differently:
 *
 *   mon_addr=A/B/C  the monitors; "/" stands between them because "," stands between keys
 *                   (as in cephfs mounts)
 *   id=admin        the user without "client.", as "rbd --id" has it; libceph calls it name
 *   key=NAME        a key of type "ceph" on the keyrings of the process that writes
 *   secret=BASE64   the secret itself
 *
 * Nothing here logs a value. A secret lives in struct ceph_options only, and libceph wipes it
 * there.
 */
#include <linux/ceph/libceph.h>
#include <linux/err.h>
#include <linux/fs_context.h>
#include <linux/jiffies.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "compat/monitors.h"
#include "protocol.h"
#include "rados/options.h"

static int options_parse(struct ceph_options *opt, const char *key, const char *value)
{
	struct fs_parameter param = {
		.key = key,
		.type = fs_value_is_flag,
	};
	int ret;

	if (value) {
		param.type = fs_value_is_string;
		param.string = kstrdup(value, GFP_KERNEL);
		if (!param.string)
			return -ENOMEM;
		param.size = strlen(value);
	}

	ret = ceph_parse_param(&param, opt, NULL);
	/* for some keys libceph takes the string over, and then leaves NULL behind */
	if (value)
		kfree_sensitive(param.string);
	return ret == -ENOPARAM ? -EINVAL : ret;
}

/**
 * trbd_options_alloc() - allocate options with this module's defaults
 *
 * libceph starts with msgr1. Every supported cluster speaks msgr2, and cancelling a half-received
 * read is clean only there. So the default becomes ms_mode=prefer-crc.
 *
 * Context: may sleep.
 * Return: the options, to be given to trbd_session_get() or ceph_destroy_options();
 * ERR_PTR(-ENOMEM).
 */
struct ceph_options *trbd_options_alloc(void)
{
	struct ceph_options *opt = ceph_alloc_options();
	int ret;

	if (!opt)
		return ERR_PTR(-ENOMEM);

	ret = options_parse(opt, "ms_mode", "prefer-crc");
	if (ret) {
		ceph_destroy_options(opt);
		return ERR_PTR(ret);
	}
	return opt;
}

/*
 * Reads go to the OSD that takes the writes as well, and to no other. These options would change
 * that.
 */
static bool options_choose_replica(const char *key, const char *value)
{
	if (!strcmp(key, "read_from_replica"))
		return value && strcmp(value, "no");
	return !strcmp(key, "crush_location");
}

/**
 * trbd_options_set() - set one option
 * @opt: options under construction
 * @key: option name, see the top of the file
 * @value: value of the option, NULL for a flag ("nocrc")
 *
 * Context: may sleep; "key" searches the keyrings of the current process.
 * Return: 0, -EINVAL for an unknown key or an unusable value, -EPERM when the named key is not
 * there, -ENOMEM.
 */
int trbd_options_set(struct ceph_options *opt, const char *key, const char *value)
{
	int ret;

	if (!strcmp(key, "mon_addr")) {
		if (!value || !*value)
			return -EINVAL;
		return trbd_compat_parse_mon_ips(value, opt, '/');
	}
	if (!strcmp(key, "id"))
		key = "name";
	else if (!strcmp(key, "name"))
		return -EINVAL;
	/*
	 * Sessions are always shared by equal options: a gateway is fenced by its client's
	 * identity.
	 */
	else if (!strcmp(key, "share") || !strcmp(key, "noshare"))
		return -EINVAL;

	/*
	 * With these, libceph would let go of a write that may still land. An initiator that gets
	 * an error must be able to rely on it that nothing of the command lands later.
	 */
	else if (!strcmp(key, "osd_request_timeout") || !strcmp(key, "abort_on_full"))
		return -EINVAL;

	if (options_choose_replica(key, value)) {
		pr_err("%s would do nothing: all reads go to the primary OSD of an object\n", key);
		return -EINVAL;
	}
	ret = options_parse(opt, key, value);
	if (ret || opt->osd_keepalive_timeout <= msecs_to_jiffies(TRBD_KEEPALIVE_MS))
		return ret;
	pr_err("osdkeepalive must be 5 seconds at most: it is also how often the watch on an image is confirmed, without which nothing is written\n");
	return -EINVAL;
}
