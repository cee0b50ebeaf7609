// SPDX-License-Identifier: GPL-2.0
/*
 * rbd/features.c: the features that an image may have, and the line that an operator is told to
 * type.
 */
#include <string.h>

#include "rbd/features.h"
#include "ktap.h"

#define BASIC	(TRBD_FEATURE_LAYERING | TRBD_FEATURE_STRIPINGV2 | TRBD_FEATURE_DEEP_FLATTEN | \
		 TRBD_FEATURE_DATA_POOL | TRBD_FEATURE_OPERATIONS)
/* the features that "rbd create" gives unasked */
#define DEFAULTS (TRBD_FEATURE_LAYERING | TRBD_FEATURE_EXCLUSIVE_LOCK | TRBD_FEATURE_OBJECT_MAP | \
		  TRBD_FEATURE_FAST_DIFF | TRBD_FEATURE_DEEP_FLATTEN)
#define FUTURE	BIT_ULL(40)

static void check_refused(const char *what, u64 features, u64 incompat, bool read_only, u64 wanted)
{
	u64 got = trbd_features_refused(features, incompat, read_only);

	if (!ktap_ok(got == wanted, "%s", what))
		printf("# got %#llx, wanted %#llx\n", got, wanted);
}

static void check_names(const char *what, u64 features, size_t size, const char *wanted)
{
	char buf[200];
	size_t len = trbd_features_names(features, buf, size);

	if (!ktap_ok(!strcmp(buf, wanted) && len == strlen(wanted), "%s", what))
		printf("# got '%s' (%zu), wanted '%s'\n", buf, len, wanted);
}

int main(void)
{
	static const u64 single_writer[] = {
		TRBD_FEATURE_EXCLUSIVE_LOCK, TRBD_FEATURE_OBJECT_MAP, TRBD_FEATURE_FAST_DIFF,
		TRBD_FEATURE_JOURNALING, TRBD_FEATURE_DIRTY_CACHE, TRBD_FEATURE_NON_PRIMARY,
	};
	unsigned int i;

	ktap_begin();
	check_refused("no feature at all", 0, 0, false, 0);
	check_refused("everything we serve", BASIC, BASIC, false, 0);
	for (i = 0; i < sizeof(single_writer) / sizeof(single_writer[0]); i++) {
		u64 features = BASIC | single_writer[i];

		check_refused("a feature for one writer, to write", features, features, false, single_writer[i]);
		check_refused("the same, to read a snapshot", features, features, true, 0);
	}
	check_refused("migrating, to write", TRBD_FEATURE_MIGRATING, TRBD_FEATURE_MIGRATING, false,
		      TRBD_FEATURE_MIGRATING);
	check_refused("migrating, to read", TRBD_FEATURE_MIGRATING, TRBD_FEATURE_MIGRATING, true,
		      TRBD_FEATURE_MIGRATING);
	check_refused("an unknown feature that clients must know", BASIC | FUTURE, BASIC | FUTURE, true, FUTURE);
	check_refused("an unknown feature that clients need not know", BASIC | FUTURE, BASIC, false, 0);

	/* rbd feature disable takes them in this order only: dependent features come first */
	check_names("the defaults, as rbd feature disable wants them",
		    trbd_features_disableable(trbd_features_refused(DEFAULTS, DEFAULTS, false)), 200,
		    "fast-diff object-map exclusive-lock");
	check_names("journaling comes before exclusive-lock",
		    TRBD_FEATURE_JOURNALING | TRBD_FEATURE_EXCLUSIVE_LOCK, 200, "journaling exclusive-lock");
	check_names("a bit without a name", FUTURE | TRBD_FEATURE_LAYERING, 200, "bit 40 layering");
	check_names("none", 0, 200, "");
	check_names("cut to the room there is", DEFAULTS, 10, "deep-flat");
	return ktap_end();
}
