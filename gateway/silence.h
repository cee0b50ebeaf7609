/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_SILENCE_H
#define TRBD_GATEWAY_SILENCE_H

#include <linux/types.h>

#include "gateway/record.h"

struct trbd_group;

/**
 * struct trbd_silent - a gateway that does not answer
 * @id: its number
 * @since: jiffies when it was first asked without an answer
 * @last: jiffies when it was last found not to answer
 * @asked: how often it was asked since @since
 * @fence: address that it was fenced under; empty if it was not
 * @fenced: jiffies when it was fenced
 * @epoch: OSD map that has it on the blocklist
 * @outlasting: @lease_ends is known
 * @lease_ends: jiffies when its lease ends
 */
struct trbd_silent {
	u64 id;
	unsigned long since;
	unsigned long last;
	unsigned int asked;
	char fence[TRBD_ADDRESS_MAX];
	unsigned long fenced;
	u32 epoch;
	bool outlasting;
	unsigned long lease_ends;
};

/**
 * struct trbd_silence - gateways that do not answer
 * @count: entries of @who
 * @who: gateways
 */
struct trbd_silence {
	unsigned int count;
	struct trbd_silent who[TRBD_RECORD_GATEWAYS];
};

void trbd_silence_note(struct trbd_silence *silence, const struct trbd_record *record,
		       const bool *answered, u64 self, unsigned long asked_at);
bool trbd_silence_is_open(const struct trbd_silence *silence, const struct trbd_record *record,
			  struct trbd_group *group);
bool trbd_silence_is_lively(const struct trbd_silence *silence, const struct trbd_record *record,
			    struct trbd_group *group);
bool trbd_silence_is_proven(const struct trbd_silent *silent,
			    const struct trbd_record_gateway *gateway, struct trbd_group *group,
			    bool heard);
void trbd_silence_fenced(struct trbd_silence *silence, const struct trbd_record_gateway *gateway,
			 u32 epoch);
u32 trbd_silence_fence(struct trbd_silence *silence, const struct trbd_record_gateway *gateway);
void trbd_silence_outlast(struct trbd_silence *silence, const struct trbd_record_gateway *gateway,
			  unsigned int lease_ms);
bool trbd_silence_is_outlasting(struct trbd_silence *silence,
				const struct trbd_record_gateway *gateway);
unsigned int trbd_silence_lease_left(struct trbd_silence *silence,
				     const struct trbd_record_gateway *gateway);

#endif /* TRBD_GATEWAY_SILENCE_H */
