// SPDX-License-Identifier: GPL-2.0
/*
 * The shared state of a logical unit as this gateway knows it, as text for the operator.
 */
#include <linux/kernel.h>
#include <linux/rcupdate.h>

#include "gateway/lu.h"
#include "pr/rules.h"
#include "scsi/nexus.h"
#include "scsi/nexus_in_flight.h"
#include "scsi/unit.h"
#include "scsi/unit_attention.h"
#include "scsi/unit_show.h"

/* Print a line for each registration: of those that hold the reservation, or of the others. */
static size_t unit_show_registrations(const struct trbd_pr_state *pr, bool holders, char *buf,
				      size_t size)
{
	size_t len = 0;
	unsigned int i;

	for (i = 0; i < pr->count; i++) {
		const struct trbd_pr_registration *registration = &pr->registrations[i];

		if (trbd_pr_holds(pr, registration) == holders)
			len += scnprintf(buf + len, size - len, "%s 0x%016llx %s %s\n",
					 holders ? "holder" : "registered", registration->key,
					 registration->nexus.target, registration->nexus.initiator);
	}
	return len;
}

/**
 * trbd_unit_show_reservations() - print reservations, registrations and counts of commands in
 *	flight
 * @unit: logical unit
 * @buf: where the text goes
 * @size: room in @buf
 *
 * The counts come first, then the holders of the reservation, since not everything may fit.
 *
 * Context: process.
 * Return: length of the text, cut to what fits.
 */
size_t trbd_unit_show_reservations(struct trbd_unit *unit, char *buf, size_t size)
{
	const struct trbd_lu_view *view;
	const struct trbd_pr_state *pr;
	size_t len = 0;

	if (!unit->lu)
		return 0;
	/* otherwise unit attentions of nexuses that are gone would be shown */
	trbd_nexus_forget_gone(&unit->nexuses, &unit->se_dev);
	rcu_read_lock();
	view = rcu_dereference(unit->lu->view);
	pr = &view->pr;
	len += scnprintf(buf, size,
			 "id %llu %s generation %llu settled %llu resets %u in_flight %u draining %u\n",
			 unit->lu->id, trbd_lu_is_blocked(unit->lu) ? "blocked" : "serving",
			 view->generation, view->settled, view->resets,
			 trbd_nexus_count_in_flight(&unit->nexuses),
			 trbd_nexus_count_forbidden(&unit->nexuses, view));
	len += scnprintf(buf + len, size - len, "pr_generation %u aptpl %u registrations %u\n",
			 pr->generation, pr->aptpl, pr->count);
	if (*pr->spc2.initiator)
		len += scnprintf(buf + len, size - len, "reserve %s %s\n", pr->spc2.target,
				 pr->spc2.initiator);
	if (pr->type != TRBD_PR_NONE)
		len += scnprintf(buf + len, size - len, "type %u\n", pr->type);
	len += unit_show_registrations(pr, true, buf + len, size - len);
	len += trbd_ua_show(&unit->nexuses, buf + len, size - len);
	len += unit_show_registrations(pr, false, buf + len, size - len);
	rcu_read_unlock();
	return len;
}
