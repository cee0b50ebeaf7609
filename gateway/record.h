/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_RECORD_H
#define TRBD_GATEWAY_RECORD_H

#include <linux/types.h>

#include "gateway/settings.h"
#include "pr/rules.h"
#include "protocol.h"

/* versions of the text that are written: the present one, and the one that older gateways read */
#define TRBD_RECORD_VERSION	3
#define TRBD_RECORD_VERSION_OLD	2
#define TRBD_RECORD_NAME_MAX	65
#define TRBD_RECORD_MACHINE_MAX	33

/**
 * struct trbd_record_gateway - a gateway that serves the image
 * @id: number that it gave itself when it began to serve the image
 * @address: address and nonce of its client, as blocklisting wants them
 * @slot: its slot in the group; TRBD_SLOTS or more if it has none
 * @member: number of its membership in the group, which tells it from others that had the slot; 0
 *   if the number is not known
 * @name: host name, for people
 * @machine: the same for each life of a gateway, and different for each gateway; empty if it is not
 *   known
 * @features: features that it understands, TRBD_FEATURE_*; 0 if it can read versions 1 or 2 only
 */
struct trbd_record_gateway {
	u64 id;
	char address[TRBD_ADDRESS_MAX];
	u32 slot;
	u64 member;
	char name[TRBD_RECORD_NAME_MAX];
	char machine[TRBD_RECORD_MACHINE_MAX];
	u64 features;
};

/**
 * struct trbd_record_fenced - a client that was fenced
 * @address: address and nonce
 * @epoch: OSD map that has it on its blocklist
 * @since: when it was fenced, seconds of the group's time; 0 if the time is not known
 * @renewed: when the fence was renewed last, likewise
 */
struct trbd_record_fenced {
	char address[TRBD_ADDRESS_MAX];
	u32 epoch;
	u64 since;
	u64 renewed;
};

/**
 * struct trbd_record_group - a target port group: the target ports of one gateway
 * @number: TARGET PORT GROUP, 1 or more
 * @standby: an operator has taken the gateway out of service
 * @machine: of the gateway, as in its entry
 * @name: its host name, for people
 */
struct trbd_record_group {
	u16 number;
	bool standby;
	char machine[TRBD_RECORD_MACHINE_MAX];
	char name[TRBD_RECORD_NAME_MAX];
};

/**
 * struct trbd_record_port - a target port through which the unit can be reached
 * @rtpi: relative target port identifier, 1 or more
 * @group: number of its group
 * @present: the gateway has it; if not, the entry keeps its number for it
 * @target: its name, as in struct trbd_pr_nexus
 */
struct trbd_record_port {
	u16 rtpi;
	u16 group;
	bool present;
	char target[TRBD_PR_TARGET_MAX];
};

/**
 * struct trbd_record - the state that the gateways of an image share
 * @version: of the text that the record was read from; 0 if there was none
 * @features: features that a gateway must understand to read the record, TRBD_FEATURE_*
 * @image: id of the image
 * @generation: counts changes
 * @settled: the last generation that every gateway has
 * @barrier: OSD map epoch that every gateway must have before it serves
 * @resets: counts LOGICAL UNIT RESETs
 * @settings: attributes that are equal on all gateways
 * @writer: id of the gateway that made the last change
 * @action: service action of that change, for the nexuses that it concerns
 * @actor: nexus that asked for it, with an empty initiator when none did
 * @spc2_gateway: id of the gateway that pr.spc2 came by; the reservation ends with it
 * @pr: reservations; the memory for registrations is the caller's
 * @num_gateways: entries of @gateways
 * @gateways: gateways that serve the image
 * @num_fenced: entries of @fenced
 * @fenced: clients that were fenced and may come back
 * @num_groups: entries of @groups
 * @groups: target port groups, in the order of their numbers
 * @num_ports: entries of @ports
 * @ports: target ports, in the order of their numbers
 */
struct trbd_record {
	u32 version;
	u64 features;
	char image[TRBD_IMAGE_ID_MAX];
	u64 generation;
	u64 settled;
	u32 barrier;
	u32 resets;
	struct trbd_settings settings;
	u64 writer;
	enum trbd_pr_action action;
	struct trbd_pr_nexus actor;
	u64 spc2_gateway;
	struct trbd_pr_state pr;
	unsigned int num_gateways;
	struct trbd_record_gateway gateways[TRBD_RECORD_GATEWAYS];
	unsigned int num_fenced;
	struct trbd_record_fenced fenced[TRBD_RECORD_FENCED];
	unsigned int num_groups;
	struct trbd_record_group groups[TRBD_RECORD_GATEWAYS];
	unsigned int num_ports;
	struct trbd_record_port ports[TRBD_RECORD_PORTS];
};

/**
 * struct trbd_record_registry - the gateways, fences and ports of a record, or of one that is gone
 * @features: features of the record
 * @num_gateways: entries of @gateways
 * @gateways: gateways that serve the image
 * @num_fenced: entries of @fenced
 * @fenced: clients that were fenced and may come back
 * @num_groups: entries of @groups
 * @groups: target port groups
 * @num_ports: entries of @ports
 * @ports: target ports
 */
struct trbd_record_registry {
	u64 features;
	unsigned int num_gateways;
	const struct trbd_record_gateway *gateways;
	unsigned int num_fenced;
	const struct trbd_record_fenced *fenced;
	unsigned int num_groups;
	const struct trbd_record_group *groups;
	unsigned int num_ports;
	const struct trbd_record_port *ports;
};

const struct trbd_record_gateway *trbd_record_find_gateway(const struct trbd_record *record,
							   u64 id);
u64 trbd_record_common_features(const struct trbd_record *record);
u32 trbd_record_version(const struct trbd_record *record);
void trbd_record_remove_gateway(struct trbd_record *record, u64 id);
void trbd_record_add_fenced(struct trbd_record *record, const char *address, u32 epoch, u64 now);
struct trbd_record_fenced *trbd_record_find_fenced(struct trbd_record *record, const char *address);
void trbd_record_remove_fenced(struct trbd_record *record, const char *address);
struct trbd_record_registry trbd_record_registry(const struct trbd_record *record);
void trbd_record_carry_registry(const struct trbd_record_registry *known,
				struct trbd_record *record);
bool trbd_record_registry_has(const struct trbd_record_registry *registry, const char *address);
bool trbd_fenced_is_due(const struct trbd_record_fenced *fenced, u64 now, u64 age);
bool trbd_fenced_is_old(const struct trbd_record_fenced *fenced, u64 now);
void trbd_fenced_renew(struct trbd_record *record, const char *address, u32 epoch, u64 now);

#endif /* TRBD_GATEWAY_RECORD_H */
