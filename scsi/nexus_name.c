// SPDX-License-Identifier: GPL-2.0
/*
 * The names of an I_T nexus: the initiator's TransportID and the target port, as text
 * (pr/transport_id.c; "NAME,t,0xTAG"). Reservations belong to names, not to sessions.
 */
#include <linux/ctype.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <scsi/scsi_proto.h>
#include <target/target_core_base.h>
#include <target/target_core_fabric.h>

#include "compat/hex.h"
#include "pr/rules.h"
#include "scsi/nexus_name.h"

/* 12 digits of an ISID and a NUL */
#define ISID_MAX	16

/*
 * Write a name as the record wants it: ASCII letters in lower case, no blanks, no control
 * characters.
 */
static void nexus_name_clean(char *name)
{
	for (; *name; name++) {
		if ((u8)*name <= ' ' || *name == 0x7f)
			*name = '_';
		else if (*name >= 'A' && *name <= 'Z')
			*name += 'a' - 'A';
	}
}

/*
 * Write "PREFIX:" and the hexadecimal digits of a world wide name. Fabrics write such a name in
 * several ways.
 */
static bool nexus_name_wwn(char *name, const char *prefix, unsigned int digits, const char *wwn)
{
	size_t len = strscpy(name, prefix, TRBD_PR_INITIATOR_MAX);
	const char *p = wwn;

	if (!strncmp(p, "naa.", 4) || !strncmp(p, "eui.", 4))
		p += 4;
	else if (!strncasecmp(p, "0x", 2))
		p += 2;
	for (; *p && digits; p++) {
		if (*p == ':')
			continue;
		if (!isxdigit(*p))
			return false;
		name[len++] = tolower(*p);
		digits--;
	}
	name[len] = 0;
	return !digits && !*p;
}

static void nexus_name_initiator(struct se_session *sess, struct se_portal_group *tpg, char *name)
{
	const char *port = sess->se_node_acl->initiatorname;
	char isid[ISID_MAX] = "";

	switch (tpg->proto_id) {
	case SCSI_PROTOCOL_ISCSI:
		if (tpg->se_tpg_tfo->sess_get_initiator_sid)
			tpg->se_tpg_tfo->sess_get_initiator_sid(sess, isid, sizeof(isid));
		/*
		 * vhost and loopback have names like those of iSCSI, but no ISID: this is format
		 * 00b of a TransportID
		 */
		snprintf(name, TRBD_PR_INITIATOR_MAX, *isid ? "iscsi:%s,i,0x%s" : "iscsi:%s", port,
			 isid);
		nexus_name_clean(name);
		return;
	case SCSI_PROTOCOL_FCP:
		if (nexus_name_wwn(name, "fc:", 16, port))
			return;
		break;
	case SCSI_PROTOCOL_SRP:
		if (nexus_name_wwn(name, "srp:", 32, port))
			return;
		break;
	case SCSI_PROTOCOL_SAS:
		if (nexus_name_wwn(name, "sas:", 16, port))
			return;
		break;
	}
	/*
	 * This is no name of that protocol. It can hold a reservation, but no parameter list can
	 * name it.
	 */
	snprintf(name, TRBD_PR_INITIATOR_MAX, "other:%s", port);
	nexus_name_clean(name);
}

/**
 * trbd_nexus_target_name() - make the name of a target port
 * @tpg: target portal group
 * @name: where the name goes, TRBD_PR_TARGET_MAX bytes
 */
void trbd_nexus_target_name(struct se_portal_group *tpg, char *name)
{
	snprintf(name, TRBD_PR_TARGET_MAX, "%s,t,0x%04x", tpg->se_tpg_tfo->tpg_get_wwn(tpg),
		 tpg->se_tpg_tfo->tpg_get_tag(tpg));
	nexus_name_clean(name);
}

/**
 * trbd_nexus_name() - make the names of the two ends of a session
 * @sess: session
 * @tpg: target portal group of the session
 * @name: to be filled in
 *
 * Context: any.
 */
void trbd_nexus_name(struct se_session *sess, struct se_portal_group *tpg,
		     struct trbd_pr_nexus *name)
{
	nexus_name_initiator(sess, tpg, name->initiator);
	trbd_nexus_target_name(tpg, name->target);
}

/* Return what follows @start in a text, or NULL if the text does not begin with it. */
static const char *nexus_name_after(const char *text, const char *start)
{
	for (; *start; start++, text++) {
		if (*text != *start)
			return NULL;
	}
	return text;
}

/**
 * trbd_nexus_name_matches() - recognise the two ends of an iSCSI session, quickly
 * @name: names that trbd_nexus_name() made earlier
 * @sess: session
 * @tpg: target portal group of the session
 *
 * This costs half of making the names again, and a nexus that sends one command at a time pays it
 * for each of them.
 *
 * Context: any.
 * Return: true if the names are those of the session; false if trbd_nexus_name() has to tell, since
 * they may be.
 */
bool trbd_nexus_name_matches(const struct trbd_pr_nexus *name, struct se_session *sess,
			     struct se_portal_group *tpg)
{
	const struct target_core_fabric_ops *ops = tpg->se_tpg_tfo;
	__be16 tag = cpu_to_be16(ops->tpg_get_tag(tpg));
	char isid[ISID_MAX] = "", digits[2 * sizeof(tag) + 1] = "";
	const char *rest;

	if (tpg->proto_id != SCSI_PROTOCOL_ISCSI || !ops->sess_get_initiator_sid)
		return false;
	rest = nexus_name_after(name->target, ops->tpg_get_wwn(tpg));
	rest = rest ? nexus_name_after(rest, ",t,0x") : NULL;
	bin2hex(digits, &tag, sizeof(tag));
	if (!rest || strcmp(rest, digits))
		return false;
	rest = nexus_name_after(name->initiator, "iscsi:");
	rest = rest ? nexus_name_after(rest, sess->se_node_acl->initiatorname) : NULL;
	rest = rest ? nexus_name_after(rest, ",i,0x") : NULL;
	if (!rest)
		return false;
	ops->sess_get_initiator_sid(sess, isid, sizeof(isid));
	return !strcmp(rest, isid);
}

/**
 * trbd_nexus_name_is_equal() - compare the names of two nexuses
 * @a: first nexus
 * @b: second nexus
 *
 * Return: true if the names are those of the same nexus.
 */
bool trbd_nexus_name_is_equal(const struct trbd_pr_nexus *a, const struct trbd_pr_nexus *b)
{
	return !strcmp(a->initiator, b->initiator) && !strcmp(a->target, b->target);
}
