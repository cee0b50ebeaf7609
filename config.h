/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_CONFIG_H
#define TRBD_CONFIG_H

#include <linux/types.h>

#include "rbd/image.h"

struct ceph_options;

/* pool, namespace, image, snap, and as many options as anybody has ever needed */
#define TRBD_CONFIG_KEYS_MAX	32

/**
 * struct trbd_config_entry - one key of a control string
 * @key: name of the key
 * @value: text, NULL for a flag
 */
struct trbd_config_entry {
	char *key;
	char *value;
};

/**
 * struct trbd_config - the keys that were written to a device's control file
 * @entries: accepted keys in the order in which they came, each once
 * @count: number of used entries
 */
struct trbd_config {
	struct trbd_config_entry entries[TRBD_CONFIG_KEYS_MAX];
	unsigned int count;
};

int trbd_config_add(struct trbd_config *config, const char *text, size_t len);
void trbd_config_clear(struct trbd_config *config);
const char *trbd_config_get(const struct trbd_config *config, const char *key);
int trbd_config_spec(const struct trbd_config *config, struct trbd_image_spec *spec);
struct ceph_options *trbd_config_options(const struct trbd_config *config);

#endif /* TRBD_CONFIG_H */
