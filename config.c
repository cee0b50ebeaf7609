// SPDX-License-Identifier: GPL-2.0
/*
 * The configuration of a device: control strings "key=value,flag,key=value".
 *
 * A user may write a control file several times before the device is enabled, and each write adds
 * keys. This file takes a write as a whole or not at all, and judges it on the spot. The new keys
 * together with the old ones must make valid options of libceph. A key may come only once. The name
 * of a key must be on a keyring. The options are built again when the device is enabled, since
 * libceph consumes them.
 *
 * Values are arbitrary text without control characters; a comma cannot be part of one. A secret
 * stays in memory until the device is removed. It is never printed, and is wiped before its memory
 * is freed.
 */
#include <linux/ceph/libceph.h>
#include <linux/ctype.h>
#include <linux/err.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "config.h"
#include "rados/options.h"

#define CONFIG_VALUE_MAX	1024
#define CONFIG_NAME_MAX		255

/* These keys tell which image is meant; all other keys are for the session. */
static const char * const image_keys[] = { "pool", "namespace", "image", "snap" };

static bool config_is_image_key(const char *key)
{
	return match_string(image_keys, ARRAY_SIZE(image_keys), key) >= 0;
}

static bool config_is_printable(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (iscntrl(text[i]))
			return false;
	}
	return true;
}

/*
 * Checks the name of a pool, an image and so on. A "/" or "@" in it would change the meaning of our
 * texts, and of names that rbd(8) reads.
 */
static int config_check_image_value(const char *key, const char *value)
{
	if (!value || !*value) {
		pr_err("control: %s needs a value\n", key);
		return -EINVAL;
	}
	if (strlen(value) > CONFIG_NAME_MAX) {
		pr_err("control: the value of %s is longer than %d bytes\n", key, CONFIG_NAME_MAX);
		return -ENAMETOOLONG;
	}
	if (strpbrk(value, "/@")) {
		pr_err("control: the value of %s has a \"/\" or \"@\"; give pool=, namespace=, image= and snap= one by one\n",
		       key);
		return -EINVAL;
	}
	return 0;
}

static void config_entry_clear(struct trbd_config_entry *entry)
{
	kfree(entry->key);
	kfree_sensitive(entry->value);
	entry->key = NULL;
	entry->value = NULL;
}

static void config_truncate(struct trbd_config *config, unsigned int count)
{
	while (config->count > count)
		config_entry_clear(&config->entries[--config->count]);
}

/* @text is one "key=value" or "flag"; the function takes it apart. */
static int config_add_entry(struct trbd_config *config, char *text)
{
	struct trbd_config_entry *entry;
	char *value = strchr(text, '=');
	int ret;

	if (value)
		*value++ = '\0';
	if (!*text) {
		pr_err("control: an empty key\n");
		return -EINVAL;
	}
	if (value && strlen(value) > CONFIG_VALUE_MAX) {
		pr_err("control: the value of %s is longer than %d bytes\n", text,
		       CONFIG_VALUE_MAX);
		return -ENAMETOOLONG;
	}
	if (config_is_image_key(text)) {
		ret = config_check_image_value(text, value);
		if (ret)
			return ret;
	}
	if (trbd_config_get(config, text)) {
		pr_err("control: %s was given before; remove the backstore and create it again to change it\n", text);
		return -EEXIST;
	}
	if (config->count == TRBD_CONFIG_KEYS_MAX) {
		pr_err("control: more than %d keys\n", TRBD_CONFIG_KEYS_MAX);
		return -E2BIG;
	}

	entry = &config->entries[config->count];
	entry->key = kstrdup(text, GFP_KERNEL);
	entry->value = value ? kstrdup(value, GFP_KERNEL) : NULL;
	if (!entry->key || (value && !entry->value)) {
		config_entry_clear(entry);
		return -ENOMEM;
	}
	config->count++;
	return 0;
}

static int config_add_text(struct trbd_config *config, char *text)
{
	struct ceph_options *opt;
	char *part;
	int ret;

	while ((part = strsep(&text, ","))) {
		ret = config_add_entry(config, part);
		if (ret)
			return ret;
	}
	if (trbd_config_get(config, "key") && trbd_config_get(config, "secret")) {
		pr_err("control: key and secret exclude each other\n");
		return -EINVAL;
	}

	opt = trbd_config_options(config);
	if (IS_ERR(opt))
		return PTR_ERR(opt);
	ceph_destroy_options(opt);
	return 0;
}

/**
 * trbd_config_add() - add the keys of one write to the control file
 * @config: configuration; unchanged unless all keys were good
 * @text: text of the write, not necessarily terminated
 * @len: length of @text; one newline at the end is ignored
 *
 * The log says what is wrong, without the value.
 *
 * Context: process; "key=" searches the keyrings of the current process.
 * Return: 0; -EINVAL (malformed, unknown key, value that libceph refuses), -EEXIST (given before),
 * -ENAMETOOLONG, -E2BIG, -EPERM (no such key on the keyrings), -ENOMEM.
 */
int trbd_config_add(struct trbd_config *config, const char *text, size_t len)
{
	unsigned int count = config->count;
	char *copy;
	int ret;

	if (len && text[len - 1] == '\n')
		len--;
	if (!len || !config_is_printable(text, len)) {
		pr_err("control: %s\n",
		       len ? "the string has control characters" : "the string is empty");
		return -EINVAL;
	}

	copy = kmemdup_nul(text, len, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	ret = config_add_text(config, copy);
	/* the parser put NULs into the copy, so it is longer than it looks */
	memzero_explicit(copy, len);
	kfree(copy);

	if (ret)
		config_truncate(config, count);
	return ret;
}

/**
 * trbd_config_clear() - forget all keys
 * @config: configuration
 */
void trbd_config_clear(struct trbd_config *config)
{
	config_truncate(config, 0);
}

/**
 * trbd_config_get() - look a key up
 * @config: configuration
 * @key: name of the key
 *
 * Return: the value, "" for a flag, NULL if the key was not given.
 */
const char *trbd_config_get(const struct trbd_config *config, const char *key)
{
	unsigned int i;

	for (i = 0; i < config->count; i++) {
		if (!strcmp(config->entries[i].key, key))
			return config->entries[i].value ? config->entries[i].value : "";
	}
	return NULL;
}

/**
 * trbd_config_spec() - tell which image is meant
 * @config: configuration
 * @spec: filled with pointers into @config
 *
 * The pool is "rbd" unless given, as all RBD tools have it.
 *
 * Return: 0, or -EINVAL when there is no image= or no mon_addr=.
 */
int trbd_config_spec(const struct trbd_config *config, struct trbd_image_spec *spec)
{
	spec->pool = trbd_config_get(config, "pool");
	spec->namespace = trbd_config_get(config, "namespace");
	spec->image = trbd_config_get(config, "image");
	spec->snap = trbd_config_get(config, "snap");

	if (!spec->pool)
		spec->pool = "rbd";
	if (!spec->image) {
		pr_err("enable: image= was not given\n");
		return -EINVAL;
	}
	if (!trbd_config_get(config, "mon_addr")) {
		pr_err("enable: mon_addr= was not given\n");
		return -EINVAL;
	}
	return 0;
}

/**
 * trbd_config_options() - make the options of the session
 * @config: configuration
 *
 * Context: process; "key=" searches the keyrings of the current process.
 * Return: options for trbd_image_open(); ERR_PTR of -EINVAL, -EPERM, -ENOMEM.
 */
struct ceph_options *trbd_config_options(const struct trbd_config *config)
{
	struct ceph_options *opt = trbd_options_alloc();
	unsigned int i;
	int ret;

	if (IS_ERR(opt))
		return opt;

	for (i = 0; i < config->count; i++) {
		const struct trbd_config_entry *entry = &config->entries[i];

		if (config_is_image_key(entry->key))
			continue;
		ret = trbd_options_set(opt, entry->key, entry->value);
		if (ret) {
			pr_err("control: %s: unknown, or its value cannot be used: error %d\n",
			       entry->key, ret);
			ceph_destroy_options(opt);
			return ERR_PTR(ret);
		}
	}
	return opt;
}
