/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_PORTS_H
#define TRBD_GATEWAY_PORTS_H

#include "gateway/record.h"

/* ASYMMETRIC ACCESS STATE, SPC-4 table 307 */
enum trbd_access_state {
	TRBD_ACCESS_ACTIVE = 0x0,
	TRBD_ACCESS_STANDBY = 0x2,
	TRBD_ACCESS_UNAVAILABLE = 0x3,
};

/**
 * struct trbd_ports_own - the target ports of a gateway, as they are now
 * @machine: of the gateway
 * @name: its host name
 * @standby: the operator has taken it out of service
 * @keep: a port of it in the record that is not among @targets may be on its way, and stays
 * @missing: set if there is such a port
 * @count: entries of @targets
 * @targets: names of its target ports
 */
struct trbd_ports_own {
	const char *machine;
	const char *name;
	bool standby;
	bool keep;
	bool missing;
	unsigned int count;
	char (*targets)[TRBD_PR_TARGET_MAX];
};

const struct trbd_record_group *
trbd_ports_find_group(const struct trbd_record_registry *registry, const char *machine);
const struct trbd_record_port *trbd_ports_find(const struct trbd_record_registry *registry,
					       u16 group, const char *target);
const struct trbd_record_port *
trbd_ports_find_rtpi(const struct trbd_record_registry *registry, u16 rtpi);
enum trbd_access_state trbd_ports_state(const struct trbd_record_registry *registry,
					const struct trbd_record_group *group);
unsigned int trbd_ports_count(const struct trbd_record_registry *registry, u16 group);
bool trbd_ports_tell_the_same(const struct trbd_record_registry *a,
			      const struct trbd_record_registry *b);
bool trbd_ports_are_true(const struct trbd_record_registry *registry,
			 struct trbd_ports_own *own);
bool trbd_ports_set(struct trbd_record *record, const struct trbd_ports_own *own);

#endif /* TRBD_GATEWAY_PORTS_H */
