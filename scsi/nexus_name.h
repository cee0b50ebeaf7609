/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_NEXUS_NAME_H
#define TRBD_SCSI_NEXUS_NAME_H

#include <linux/types.h>

struct se_portal_group;
struct se_session;
struct trbd_pr_nexus;

void trbd_nexus_name(struct se_session *sess, struct se_portal_group *tpg,
		     struct trbd_pr_nexus *name);
void trbd_nexus_target_name(struct se_portal_group *tpg, char *name);
bool trbd_nexus_name_matches(const struct trbd_pr_nexus *name, struct se_session *sess,
			     struct se_portal_group *tpg);
bool trbd_nexus_name_is_equal(const struct trbd_pr_nexus *a, const struct trbd_pr_nexus *b);

#endif /* TRBD_SCSI_NEXUS_NAME_H */
