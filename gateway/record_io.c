// SPDX-License-Identifier: GPL-2.0
/*
 * The record of a logical unit's shared state, in the cluster.
 *
 * The record is text (gateway/record_text.c) in the image's own metadata. Its generation is a
 * number in an xattr of the header object. Text and number change in one transaction, on condition
 * that the number is the one of the record that was read. The number alone tells whether there ever
 * was a record, and a record names its image: images are copied with their metadata, and people
 * remove records, and put them back, when they should not.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "gateway/record_io.h"
#include "gateway/record_text.h"
#include "rados/object.h"
#include "rados/session.h"
#include "rbd/header.h"
#include "rbd/image.h"

/* the shortest line of a registration */
#define RECORD_LINE_MIN		40
/* the first generation is the time, in seconds, shifted by this */
#define RECORD_FIRST_SHIFT	20

static struct trbd_record *record_alloc(unsigned int room)
{
	struct trbd_record *record = kvzalloc(sizeof(*record), GFP_KERNEL);

	if (!record)
		return NULL;
	record->pr.room = min_t(unsigned int, room, TRBD_PR_REGISTRATIONS_MAX);
	record->pr.registrations = kvcalloc(max(record->pr.room, 1U),
					    sizeof(*record->pr.registrations), GFP_KERNEL);
	if (!record->pr.registrations) {
		kvfree(record);
		return NULL;
	}
	return record;
}

/**
 * trbd_record_io_free() - free a record that was read
 * @record: record, or NULL
 */
void trbd_record_io_free(struct trbd_record *record)
{
	if (!record)
		return;
	kvfree(record->pr.registrations);
	kvfree(record);
}

/**
 * trbd_record_io_place() - get the place of an image's record
 * @image: open image
 *
 * Return: the place; valid as long as the image is open.
 */
struct trbd_record_place trbd_record_io_place(struct trbd_image *image)
{
	struct trbd_record_place place = {
		.header = *trbd_image_header(image),
		.name = image->name,
		.id = image->id,
	};

	return place;
}

static void record_warn_damaged(const struct trbd_record_place *place, const char *what,
				unsigned int line)
{
	pr_err_ratelimited("%s: the record of reservations is damaged (%s, line %u); what is reserved stays so, and reservation commands fail. See rbd image-meta get %s %s; to begin with an empty one remove that key, and the xattr %s of object rbd_header.%s\n",
			   place->name, what, line, place->name, TRBD_RECORD_KEY, TRBD_RECORD_XATTR,
			   place->id);
}

/* Tell whether a record was ever written. Return: 1 if so, 0 if not, or an error. */
static int record_ever_written(const struct trbd_record_place *place)
{
	int ret = trbd_object_check_number(&place->header, TRBD_RECORD_XATTR, 0);

	return ret == -ECANCELED ? 1 : ret;
}

/*
 * Check that a record may be absent. It may when there was never one, or when somebody removed both
 * the record and the number, as the manual says. Then everything is clear. A record is lost if it
 * is gone while its number is there.
 */
static int record_check_absent(const struct trbd_record_place *place)
{
	int ret = record_ever_written(place);

	if (ret <= 0)
		return ret;
	record_warn_damaged(place, "it is missing", 0);
	return -EBADMSG;
}

/* Decode the text that was read. @len is 0 when there is none. */
static int record_decode(const struct trbd_record_place *place, const char *text, size_t len,
			 struct trbd_record *record)
{
	unsigned int line = 0;
	int ret = 0;

	if (len)
		ret = trbd_record_decode(text, len, record, &line);
	if (ret && record_ever_written(place)) {
		record_warn_damaged(place,
				    ret == -EPROTONOSUPPORT ? "or of a newer version of this module"
							    : "it cannot be read",
				    line);
		return ret;
	}
	/* ignore a text that was copied along with another image's metadata */
	if (ret || !len || strcmp(record->image, place->id)) {
		struct trbd_pr_registration *registrations = record->pr.registrations;
		unsigned int room = record->pr.room;

		ret = record_check_absent(place);
		memset(record, 0, sizeof(*record));
		record->pr.registrations = registrations;
		record->pr.room = room;
		strscpy(record->image, place->id, sizeof(record->image));
	}
	return ret;
}

/**
 * trbd_record_io_read() - read the record from the cluster
 * @place: where it is
 * @extra: room for this many more registrations
 * @record: set to the record; trbd_record_io_free() it. It has generation 0 when there is none
 *
 * Context: process; takes one round trip.
 * Return: 0; -EBADMSG or -EPROTONOSUPPORT for a record that cannot be read, with a line in the log;
 * -ENOENT, -ETIMEDOUT, -EINTR, -ENOMEM, -ESHUTDOWN when this gateway was fenced, others.
 */
int trbd_record_io_read(const struct trbd_record_place *place, unsigned int extra,
			struct trbd_record **record)
{
	const size_t size = TRBD_RECORD_TEXT_MAX + TRBD_HEADER_METADATA_EXTRA;
	char *text = kvmalloc(size, GFP_KERNEL);
	ssize_t len = -ENOMEM;
	int ret;

	*record = NULL;
	if (text)
		len = trbd_header_metadata(&place->header, TRBD_RECORD_KEY, text, size);
	if (len == -ENOENT)
		len = 0;
	/* a shell strips the last newline of a record that is put back by hand */
	if (len > 0 && len < TRBD_RECORD_TEXT_MAX && text[len - 1] != '\n')
		text[len++] = '\n';
	ret = min_t(ssize_t, len, 0);
	if (!ret) {
		*record = record_alloc(len / RECORD_LINE_MIN + 1 + extra);
		ret = *record ? record_decode(place, text, len, *record) : -ENOMEM;
	}
	kvfree(text);
	if (ret) {
		trbd_record_io_free(*record);
		*record = NULL;
	}
	if (ret == -ESHUTDOWN)
		trbd_session_recover(place->header.session);
	return ret;
}

/**
 * trbd_record_io_encode() - write a record as text into new memory
 * @record: record
 * @text: set to the text, kvfree() it; NULL when there is none
 *
 * Return: its length; 0 for want of memory, TRBD_RECORD_TEXT_MAX for a record that is too long.
 */
size_t trbd_record_io_encode(const struct trbd_record *record, char **text)
{
	size_t len;

	*text = kvmalloc(TRBD_RECORD_TEXT_MAX, GFP_KERNEL);
	if (!*text)
		return 0;
	len = trbd_record_encode(record, *text, TRBD_RECORD_TEXT_MAX);
	if (len < TRBD_RECORD_TEXT_MAX)
		return len;
	kvfree(*text);
	*text = NULL;
	return TRBD_RECORD_TEXT_MAX;
}

/*
 * Choose the first generation. A record that was removed and made anew must be newer than all
 * copies of the old one, even when our clock is behind.
 */
static u64 record_first_generation(u64 after)
{
	return max((u64)ktime_get_real_seconds() << RECORD_FIRST_SHIFT, after + 1);
}

/**
 * trbd_record_io_write() - write the next generation of a record
 * @place: where it is
 * @record: the record that was read, changed; gets the generation that is written
 * @after: the greatest generation that this gateway has seen
 * @settled: the record is in force everywhere
 *
 * Context: process; takes one round trip.
 * Return: 0; -ECANCELED when another gateway was first; -ENOSPC for a record that is too long;
 * others as trbd_record_io_read().
 */
int trbd_record_io_write(const struct trbd_record_place *place, struct trbd_record *record,
			 u64 after, bool settled)
{
	struct trbd_object_condition condition = { .xattr = TRBD_RECORD_XATTR,
						   .expected = record->generation };
	char *text;
	size_t len;
	int ret;

	record->generation = condition.expected ? condition.expected + 1
						: record_first_generation(after);
	condition.new = record->generation;
	if (settled)
		record->settled = record->generation;
	len = trbd_record_io_encode(record, &text);
	if (!text)
		return len ? -ENOSPC : -ENOMEM;
	ret = trbd_header_set_metadata_if(&place->header, &condition, TRBD_RECORD_KEY, text, len);
	kvfree(text);
	if (ret == -ESHUTDOWN)
		trbd_session_recover(place->header.session);
	return ret;
}

/**
 * trbd_record_io_check_counter() - find out why the number in the xattr is not the record's
 * @place: where it is
 * @generation: of the record that was read
 *
 * Another gateway may have changed both since. If none has, number and record do not belong
 * together, and nobody can change anything any more.
 *
 * Context: process; takes one round trip.
 * Return: 0 if another gateway has; -EBADMSG if none has; others as trbd_record_io_read().
 */
int trbd_record_io_check_counter(const struct trbd_record_place *place, u64 generation)
{
	struct trbd_record *record;
	int ret = trbd_record_io_read(place, 0, &record);

	if (!ret && record->generation == generation) {
		record_warn_damaged(place, "it is not of the generation that the xattr says",
				    record->version > TRBD_RECORD_VERSION_OLD ? 4 : 3);
		ret = -EBADMSG;
	}
	trbd_record_io_free(record);
	return ret;
}

/**
 * trbd_record_io_was_written() - tell whether a write without an answer was carried out
 * @place: where it is
 * @written: the record that was written
 *
 * Context: process; takes one round trip.
 * Return: true if it was, as far as anybody can tell.
 */
bool trbd_record_io_was_written(const struct trbd_record_place *place,
				const struct trbd_record *written)
{
	struct trbd_record *record;
	bool done = false;

	if (!trbd_record_io_read(place, 0, &record))
		/*
		 * another gateway's change of the registry keeps the writer, but is in force at
		 * once
		 */
		done = record->generation == written->generation &&
		       record->writer == written->writer && record->settled == written->settled;
	trbd_record_io_free(record);
	return done;
}
