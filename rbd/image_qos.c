// SPDX-License-Identifier: GPL-2.0
/*
 * Reading the limits of an image from its metadata (rbd/qos.c).
 *
 * An image may have any amount of other metadata, and a list of them would come with their values.
 * So this asks for each key by itself, all in one request: first for the limits, and for the bursts
 * only if there is a limit. An image without limits takes one round trip.
 *
 * "rbd config image set" and "rbd config image remove" notify the watchers of the header, so the
 * header is read again at once, and this with it. The settings of pools, of the monitors and of
 * ceph.conf are not read.
 */
#include <linux/ceph/decode.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "protocol.h"
#include "rados/cls.h"
#include "rbd/image.h"
#include "rbd/image_qos.h"

#define QOS_KEYS		(TRBD_QOS_KINDS * (TRBD_QOS_ITEMS - 1))
#define QOS_ANSWER_MAX		PAGE_SIZE

static_assert(QOS_KEYS <= TRBD_OSD_OPS_MAX, "too many keys for one request");

/**
 * struct qos_reading - a request for some keys
 * @count: number of keys
 * @methods: a call for each key
 * @values: where the numbers go
 * @keys: names of the keys
 * @args: the encoded arguments
 * @answers: the answers, one behind the other
 */
struct qos_reading {
	unsigned int count;
	struct trbd_cls_method methods[QOS_KEYS];
	u64 *values[QOS_KEYS];
	char keys[QOS_KEYS][TRBD_QOS_KEY_MAX];
	u8 args[QOS_KEYS][sizeof(__le32) + TRBD_QOS_KEY_MAX];
	u8 answers[QOS_ANSWER_MAX];
};

static void qos_ask_for(struct qos_reading *reading, enum trbd_qos_kind kind,
			enum trbd_qos_item item, u64 *value)
{
	unsigned int i = reading->count++;
	void *p = reading->args[i];

	trbd_qos_key(kind, item, reading->keys[i]);
	ceph_encode_string(&p, p + sizeof(reading->args[i]), reading->keys[i],
			   strlen(reading->keys[i]));
	reading->methods[i] = (struct trbd_cls_method){
		.name = "metadata_get",
		.in = reading->args[i],
		.in_len = p - (void *)reading->args[i],
		.optional = true,
	};
	reading->values[i] = value;
}

/* Take a number out of an answer. A value that is no number counts as one that is not there. */
static void qos_take(const struct trbd_image *image, const char *key, void *p, size_t len,
		     u64 *value)
{
	u32 text_len;

	if (len < sizeof(__le32))
		return;
	text_len = ceph_decode_32(&p);
	if (text_len == len - sizeof(__le32) && trbd_qos_parse(p, text_len, value))
		return;
	*value = 0;
	pr_warn("%s: the value of %s is no number and does not count; run: rbd config image set %s %s NUMBER\n",
		image->name, key, image->name, key + strlen("conf_"));
}

static int qos_read(struct trbd_image *image, struct qos_reading *reading)
{
	size_t at = 0;
	unsigned int i;
	int ret;

	ret = trbd_cls_call(trbd_image_header(image), "rbd", reading->methods, reading->count,
			    reading->answers, sizeof(reading->answers), TRBD_QOS_READ_MS);
	for (i = 0; ret >= 0 && i < reading->count; i++) {
		size_t len = reading->methods[i].answer_len;

		qos_take(image, reading->keys[i], reading->answers + at, len, reading->values[i]);
		at += len;
	}
	reading->count = 0;
	return min(ret, 0);
}

/**
 * trbd_image_read_qos() - read the limits of an image
 * @image: open image
 * @limits: receives the limits
 *
 * Context: process; one round trip, two if there are limits; may sleep up to TRBD_QOS_READ_MS for
 * each.
 * Return: 0 or a negative errno.
 */
int trbd_image_read_qos(struct trbd_image *image, struct trbd_qos_limits *limits)
{
	struct qos_reading *reading = kzalloc(sizeof(*reading), GFP_NOIO);
	u64 items[TRBD_QOS_KINDS][TRBD_QOS_ITEMS] = { };
	unsigned int kind;
	int ret;

	if (!reading)
		return -ENOMEM;
	for (kind = 0; kind < TRBD_QOS_KINDS; kind++)
		qos_ask_for(reading, kind, TRBD_QOS_LIMIT, &items[kind][TRBD_QOS_LIMIT]);
	ret = qos_read(image, reading);
	for (kind = 0; !ret && kind < TRBD_QOS_KINDS; kind++) {
		if (!items[kind][TRBD_QOS_LIMIT])
			continue;
		qos_ask_for(reading, kind, TRBD_QOS_BURST, &items[kind][TRBD_QOS_BURST]);
		qos_ask_for(reading, kind, TRBD_QOS_BURST_S, &items[kind][TRBD_QOS_BURST_S]);
	}
	if (!ret && reading->count)
		ret = qos_read(image, reading);
	for (kind = 0; !ret && kind < TRBD_QOS_KINDS; kind++)
		trbd_qos_set(&limits->limit[kind], items[kind]);
	kfree(reading);
	return ret;
}
