/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A model of the shared state of a logical unit: the record with its registry, rounds, fencing, barrier, leases, joining,
 * leaving, coming back. To be read beside gateway/lu_update.c, gateway/round.c, gateway/registry.c, rados/fence.c and
 * rados/recovery.c; the names of their functions are in the comments. README.md says how to run it and what it shows.
 *
 * The unit. Nexus 0 holds a reservation at first. Change number n is a PREEMPT that gives it to the other nexus. So a view
 * is a number, too: how many changes it has. Each gateway may have one write in flight, which its view allowed.
 *
 * The cluster. Three objects are on three OSDs: the header (record and notifications), the group's table (heartbeats), one
 * data object. Each OSD and each client has an OSD map. All that counts of a map is which addresses it has on the
 * blocklist, so here a map is a set of addresses, and a newer map a larger set. Whoever gets a request gets the map of
 * its sender along with it. The monitors have the newest map.
 *
 * The record. A write of the record succeeds only if nobody has written since it was read. So read, decide, write is one
 * step here; generations are not needed, only whether a copy is of the last one.
 *
 * What the world does: gateways crash and boot, are cut from header and monitors (and still beat, and write), give up,
 * leave, come again; each a bounded number of times. A request that is in flight stays so for as long as it pleases,
 * also when its gateway is dead.
 *
 * Time. There is none, but three waits cannot be shorter than what they wait for: whoever waits for a lease finds leases over
 * that were not renewed meanwhile; whoever finds a gateway silent twice has waited for longer than a gateway that is not
 * cut needs to take itself out; whoever does something by hand has waited until gateways have noticed.
 */

#ifndef GATEWAYS
#define GATEWAYS	2
#endif
#ifndef CHANGES
#define CHANGES		1	/* PREEMPTs */
#endif
#ifndef LIVES
#define LIVES		2	/* addresses that a gateway may use up; with the last one it stays fenced */
#endif
#ifndef ENTRIES
#define ENTRIES		3	/* numbers that a gateway may give itself */
#endif
/* how often the world may do what */
#ifndef CRASHES
#define CRASHES		0
#endif
#ifndef CUTS
#define CUTS		0
#endif
#ifndef GIVEUPS
#define GIVEUPS		0
#endif
#ifndef LEAVES
#define LEAVES		0
#endif
#ifndef BYHAND
#define BYHAND		0	/* the record is removed by hand */
#endif
#ifndef FORGETS
#define FORGETS		0	/* an hour passes, and Ceph forgets a fence */
#endif
#ifndef ABORTS
#define ABORTS		0	/* 1: a reservation command may be aborted, any number of times */
#endif
#ifndef SLOTS
#define SLOTS		0	/* a gateway loses its slot in the group and takes another one */
#endif
#ifndef WRITES
#define WRITES		1	/* 0: without data, for questions of progress */
#endif
#ifndef HOUSEKEEPING
#define HOUSEKEEPING	0	/* 1: entries of silent gateways are removed between changes, too */
#endif

#ifndef CONCURRENT
#define CONCURRENT	0	/* 1: two gateways may be at the same change at once */
#endif

#define ME		(1 << g)
#define ADDR(x)		((x) * LIVES + life[x])		/* where gateway x is now */
#define ENTRY(x)	((x) * ENTRIES + number[x])	/* its line in the registry */
#define BIT(x)		(1 << (x))
#define OF_ENTRY(e)	((e) / ENTRIES)
#define OF_ADDR(a)	((a) / LIVES)
#define NUM_ENTRIES	(GATEWAYS * ENTRIES)
#define NUM_ADDRS	(GATEWAYS * LIVES)
#define ALL_OF(x)	(((1 << ENTRIES) - 1) << ((x) * ENTRIES))	/* all lines that x ever wrote */

/* ---- the record ---- */
byte change;			/* reservations: number of changes so far */
bool settled = true;		/* the last of them is in force everywhere */
byte registry;			/* entries */
byte where[NUM_ENTRIES];	/* their addresses */
byte barrier;			/* map that everybody passes before it goes by the record */
byte fenced;			/* addresses that were fenced and have not come back */
bool removed;			/* by hand */

/* ---- maps ---- */
byte mon;			/* the monitors' */
byte at_header, at_group, at_data;
byte map[GATEWAYS];

/* ---- gateways ---- */
bool alive[GATEWAYS];
bool cut[GATEWAYS];		/* from the header and the monitors */
bool attached[GATEWAYS];	/* has a backstore for the image */
bool serving[GATEWAYS];		/* not TRBD_LU_UNREGISTERED */
bool former[GATEWAYS];		/* took a new identity and has not fenced the former one yet (lu->fence_own) */
byte life[GATEWAYS], number[GATEWAYS];
byte view[GATEWAYS];		/* changes that its copy has */
byte fresh;			/* whose copies are of the last record */
byte lease;			/* who may have one */
byte pending;			/* entries that their gateways could not take out, and try again to */
byte known[GATEWAYS];		/* registry as of the copy */

/* ---- rounds, one thread a gateway ---- */
mtype = { IDLE, READ, ASK, ASKED, RETRY, BLOCK, GROUP, WAIT, OUT };
mtype pc[GATEWAYS] = IDLE;
byte valid;			/* whose rounds are of the last record */
byte seen[GATEWAYS];		/* entries that have answered */
bool drains[GATEWAYS];
byte silent[GATEWAYS];		/* entries that did not answer the time before */
byte victims[GATEWAYS];
byte beaten[GATEWAYS];		/* who has beaten since the wait for leases began */
bool waiting[GATEWAYS], waited[GATEWAYS];
bool tidy[GATEWAYS];		/* it is housekeeping, no change */

/* ---- writes in flight, by address ---- */
byte flying;
byte w_view[NUM_ADDRS];		/* view that allowed it */
byte w_over[NUM_ADDRS];		/* changes that were over when it was sent */
byte w_map[NUM_ADDRS];
byte w_good;			/* sent by a gateway that nobody had fenced */

/* ---- what only the promises look at ---- */
byte over;			/* changes that are over: their PREEMPT has ended or may end now */
byte touched;			/* a gateway that is not fenced has touched the object since this change was over */
byte was_fenced;		/* addresses; the same as mon, unless fences are forgotten */
byte was_cut;			/* gateways that were cut since somebody noted them as silent */

/* ---- what the world may still do ---- */
byte crashes = CRASHES, cuts = CUTS, giveups = GIVEUPS, leaves = LEAVES, byhand = BYHAND, forgets = FORGETS;
byte asked_for;			/* PREEMPTs that initiators have sent */
byte moved;			/* gateways whose slot in the record is not theirs any more */
byte slots = SLOTS;

byte i, j;			/* of loops in one step; 0 between steps */
byte who;

/* never true: they name the promise in spin's message */
bool p1, p2, p3, p4, p5, p7;

#define can(x)		(alive[x] && !cut[x])
#define is_listed(x)	(registry & BIT(ENTRY(x)))

#if BYHAND
#define know(x)	known[x] = registry
#else
#define know(x)	skip
#endif

/* the record was written by g: all other copies are old, all rounds are of an older record */
inline written()
{
	fresh = 0;
	valid = 0;
}

/* rados/recovery.c: what was begun ends with an error, a new identity; what is in the network stays there */
inline recover(x)
{
	printf("gw%d takes a new identity\n", x);
	serving[x] = false;
	former[x] = true;
	lease = lease & ~BIT(x);
	fresh = fresh & ~BIT(x);
	job_over(x);
	if
	:: life[x] + 1 < LIVES -> life[x]++
	:: else -> alive[x] = false	/* the model's bound: it stays fenced */
	fi
}

inline job_over(x)
{
	pc[x] = IDLE;
	seen[x] = 0;
	drains[x] = false;
	tidy[x] = false;
	valid = valid & ~BIT(x);
#ifdef NO_KEEP_EVIDENCE
	silent[x] = 0;
#endif
#ifdef NO_KEEP_WAITED
	victims[x] = 0;
	waiting[x] = false;
	waited[x] = false;
	beaten[x] = 0;
#endif
}

/* what a crash forgets */
inline forget_all(x)
{
	job_over(x);
	silent[x] = 0;
	victims[x] = 0;
	waiting[x] = false;
	waited[x] = false;
	beaten[x] = 0;
	serving[x] = false;
	former[x] = false;
	lease = lease & ~BIT(x);
	fresh = fresh & ~BIT(x);
	pending = pending & ~ALL_OF(x);
}

/* by the newest map, or by the record */
#ifdef NO_FENCED_CHECK
#define is_fenced(x)	false
#else
#define is_fenced(x)	((mon | fenced) & BIT(ADDR(x)))
#endif

/* view_check_expelled(): it serves and is not in the registry */
inline expelled(x)
{
	if
#ifndef NO_GENTLE
	/* the record was removed by hand: our address is on no blocklist. A new line, the same identity */
	:: !is_fenced(x) && number[x] + 1 < ENTRIES ->
		map[x] = mon;
		serving[x] = false;
		job_over(x)
#else
	:: removed ->		/* gentle only for the first, who finds no record at all */
		serving[x] = false;
		job_over(x)
#endif
	:: else ->
		/* P4: nobody is interrupted who was not fenced */
		assert(was_fenced & BIT(ADDR(x)) || number[x] + 1 >= ENTRIES || p4);
		recover(x)
	fi
}

/* trbd_lu_refresh(): read, pass the barrier, install. For whoever can reach the header */
inline refresh(x)
{
	at_header = at_header | map[x];
	if
	:: at_header & BIT(ADDR(x)) -> recover(x)		/* -ESHUTDOWN */
	:: else ->
#ifndef NO_BARRIER
		map[x] = map[x] | barrier;
#endif
		if
		:: serving[x] && !is_listed(x) -> expelled(x)
		:: serving[x] && is_listed(x) ->
			/* P3: it sees every change */
			assert(change <= view[x] + 1 || p3);
			view[x] = change;
			know(x);
			fresh = fresh | BIT(x)
		:: else
		fi
	fi
}

/* ---- a gateway: commands, heartbeats, membership ---- */

/* some fencer waits for the end of leases and does not know yet that this one was renewed */
#define not_counted(x)	((waiting[0] && !(beaten[0] & BIT(x))) || (waiting[1] && !(beaten[1] & BIT(x))))

inline beat(g)
{
	i = 0;
	do
	:: i < GATEWAYS ->
		if
		:: waiting[i] -> beaten[i] = beaten[i] | ME
		:: else
		fi;
		i++
	:: else -> break
	od;
	i = 0
}

/* addresses that must be on the blocklist before g registers: its own former ones, and those that lines in its name have */
#define OWN_LINE(x, n)	((registry & BIT((x) * ENTRIES + (n))) && where[(x) * ENTRIES + (n)] != ADDR(x) && \
			 !(map[x] & BIT(where[(x) * ENTRIES + (n)])))
#ifdef NO_FENCE_FORMER
#define to_fence_own(x)	false
#else
#define to_fence_own(x)	(former[x] && !(map[x] & BIT(ADDR(x) - 1)))
#endif
#if defined(NO_FENCE_REPLACED) || defined(NO_NAME)
#define to_fence_lines(x)	false
#elif ENTRIES == 2
#define to_fence_lines(x)	(!former[x] && (OWN_LINE(x, 0) || OWN_LINE(x, 1)))
#elif ENTRIES == 3
#define to_fence_lines(x)	(!former[x] && (OWN_LINE(x, 0) || OWN_LINE(x, 1) || OWN_LINE(x, 2)))
#else
#define to_fence_lines(x)	(!former[x] && (OWN_LINE(x, 0) || OWN_LINE(x, 1) || OWN_LINE(x, 2) || OWN_LINE(x, 3)))
#endif
#if FORGETS && !defined(NO_RENEW_AT_JOIN)
#define to_renew(x)	(fenced & ~map[x])
#else
#define to_renew(x)	false
#endif
#define to_fence(x)	(to_fence_own(x) || to_fence_lines(x) || to_renew(x))

inline fence_former(g)
{
	printf("gw%d fences its former addresses\n", g);
	if
	:: to_fence_own(g) -> mon = mon | BIT(ADDR(g) - 1)
	:: else
	fi;
	if
	:: to_renew(g) -> mon = mon | fenced
	:: else
	fi;
	if
	:: to_fence_lines(g) ->
		i = 0;
		do
		:: i < ENTRIES ->
			if
			:: OWN_LINE(g, i) -> mon = mon | BIT(where[g * ENTRIES + i])
			:: else
			fi;
			i++
		:: else -> break
		od;
		i = 0
	:: else
	fi;
	map[g] = mon
}

#ifdef NO_NAME
/* only the line of the life before, as long as the gateway remembers it */
#define is_replaced(x, n)	((n) == number[x] && former[x])
#else
#define is_replaced(x, n)	true
#endif

/* registry_decide_enter(): lines of the same name go, a new one comes, the barrier has what was fenced before */
inline register(g)
{
	at_header = at_header | map[g];
	if
	:: at_header & BIT(ADDR(g)) -> recover(g)
	:: else ->
#ifndef NO_BARRIER
		map[g] = map[g] | barrier;
#endif
		if
		:: removed ->
			/* the first one after a removal */
			removed = false;
#ifndef NO_CARRY
			/* it knows who else was there: they come back and replace their lines, or are fenced as silent */
			registry = registry | known[g];
			barrier = barrier | map[g]
#endif
		:: else
		fi;
		i = 0;
		do
		:: i < ENTRIES ->
			j = g * ENTRIES + i;
			if
			:: (registry & BIT(j)) && is_replaced(g, i) ->
				if
				:: where[j] != ADDR(g) && (map[g] & BIT(where[j])) -> barrier = barrier | BIT(where[j])
				:: else
				fi;
				registry = registry & ~BIT(j)
			:: else
			fi;
			i++
		:: else -> break
		od;
		i = 0;
		j = 0;
		if
		:: former[g] && (map[g] & BIT(ADDR(g) - 1)) ->
			barrier = barrier | BIT(ADDR(g) - 1);
			fenced = fenced & ~BIT(ADDR(g) - 1)
		:: else
		fi;
		former[g] = false;
#ifndef NO_NAME
		pending = pending & ~ALL_OF(g);
#endif
		number[g]++;
		printf("gw%d registers as entry %d with address %d\n", g, ENTRY(g), ADDR(g));
		registry = registry | BIT(ENTRY(g));
		where[ENTRY(g)] = ADDR(g);
		/* P7: restarts do not fill the registry */
		assert((registry & ALL_OF(g)) == BIT(ENTRY(g)) || p7);
		written();
		serving[g] = true;
		view[g] = change;
		know(g);
		fresh = fresh | ME
	fi
}

#ifdef NO_LEASE_FOR_CONFLICT
#define trusts_view(x)	true
#else
#define trusts_view(x)	(lease & BIT(x))
#endif

/* after a time without a lease: has it read the record since? Whoever was fenced must not believe what it knew */
#ifdef NO_READ_AFTER_LAPSE
#define may_trust(x)	true
#else
#define may_trust(x)	(fresh & BIT(x))
#endif

#ifdef FENCED_TOUCH
#define is_good(x)	true
#else
#define is_good(x)	(!((mon | was_fenced) & BIT(ADDR(x))))
#endif
#define note_good(x)	w_good = w_good | (is_good(x) -> BIT(ADDR(x)) : 0)

proctype gateway(byte g)
{
end:	do
#if WRITES
	/* a write that the view allows is sent (scsi/nexus_in_flight.c, rbd/io.c). Before a change is over, writes of the new view are of
	 * no interest: they prove nothing */
	:: d_step { alive[g] && serving[g] && !(flying & BIT(ADDR(g))) && view[g] <= over ->
		/* P5: nobody serves who is not registered; one that was fenced may not know it yet. What is done by hand is noticed
		 * by a look at the record now and then; see settle() */
		assert(is_listed(g) || was_fenced & BIT(ADDR(g)) || BYHAND || p5);
		printf("gw%d sends a write that change %d allows, from address %d\n", g, view[g], ADDR(g));
		flying = flying | BIT(ADDR(g));
		w_view[ADDR(g)] = view[g];
		w_over[ADDR(g)] = over;
		note_good(g);
		w_map[ADDR(g)] = map[g] }
#endif
	/* a write that the view forbids: RESERVATION CONFLICT with a lease, BUSY without */
	:: d_step { alive[g] && serving[g] && view[g] < over && trusts_view(g) ->
		printf("gw%d answers RESERVATION CONFLICT by change %d\n", g, view[g]);
		assert(p2) }	/* P2: it is refused by what is not in force any more */
	/* gateway/group.c: a heartbeat goes to the OSD and back, for as long as the OSD has no map that forbids it */
	:: d_step { alive[g] && serving[g] && ((!(lease & ME) && may_trust(g)) || ((lease & ME) && not_counted(g))) &&
		    !(at_group & BIT(ADDR(g))) ->
		printf("gw%d beats and has a lease\n", g);
		at_group = at_group | map[g];
		lease = lease | ME;
		beat(g) }
	:: d_step { alive[g] && serving[g] && (at_group & BIT(ADDR(g))) -> recover(g) }
	/* the number is looked at, or the watch is back (lu_poll(), trbd_lu_watched()) */
	:: d_step { can(g) && serving[g] && !(fresh & ME) ->
		printf("gw%d reads the record\n", g);
		refresh(g) }
	/* trbd_registry_enter(): former identities are fenced, then it registers */
	:: d_step { can(g) && attached[g] && !serving[g] && to_fence(g) ->
		fence_former(g) }
	:: d_step { can(g) && attached[g] && !serving[g] && !to_fence(g) && number[g] + 1 < ENTRIES ->
		register(g) }
	/* trbd_registry_leave() that could not reach the cluster is tried again while the session lives */
#ifndef NO_RETRY
	:: d_step { can(g) && (pending & ALL_OF(g)) ->
		printf("gw%d takes out what it could not before\n", g);
		registry = registry & ~(pending & ALL_OF(g));
		pending = pending & ~ALL_OF(g);
		written() }
#endif
	od
}

/* ---- the thread of a gateway's unit: one change at a time ---- */

/* x would answer a notification now */
#define answers(x)	(can(x) && serving[x])
/* all that would answer g's notification have done so */
#define all_heard(g)	(heard(g, 0) && heard(g, 1) && heard(g, GATEWAYS - 1))
#define heard(g, x)	((x) == (g) || !answers(x) || !is_listed(x) || (seen[g] & BIT(ENTRY(x))))
/* entries that are to be asked and did not answer */
#define missing(g)	(registry & ~seen[g] & ~BIT(ENTRY(g)))
/* gateways that are not cut have taken out what they could not before: it takes them less than a fencer waits */
#define retries_done	(retried(0) && retried(1) && retried(GATEWAYS - 1))
#ifdef NO_RETRY
#define retried(x)	true
#else
#define retried(x)	(!can(x) || !(pending & ALL_OF(x)))
#endif
/* nobody who can look has missed that the record was removed by hand: do it while nobody changes reservations */
#if CONCURRENT
#define alone		true
#else
#define alone		(pc[0] == IDLE && pc[1] == IDLE && pc[GATEWAYS - 1] == IDLE)
#endif
#if BYHAND
#define noticed		(noticed_by(0) && noticed_by(1) && noticed_by(GATEWAYS - 1))
#else
#define noticed		true
#endif
#define noticed_by(x)	(!can(x) || !attached[x] || (serving[x] && is_listed(x)))

/* the table of the group shows no heartbeat of the gateway of this entry for 60 s, looked up by its name */
#define silent_in_group(e) (!alive[OF_ENTRY(e)] || cut[OF_ENTRY(e)] || where[e] != ADDR(OF_ENTRY(e)) BY_SLOT(e))
#ifdef NO_SLOT_BY_NAME
#define BY_SLOT(e)	|| (moved & BIT(OF_ENTRY(e)))
#else
#define BY_SLOT(e)
#endif

#define SILENT(g, e)	(((e) < NUM_ENTRIES && (registry & BIT(e)) && OF_ENTRY(e) != (g) && silent_in_group(e)) -> BIT(e) : 0)
#if GATEWAYS * ENTRIES <= 4
#define find_silent(g)	(SILENT(g, 0) | SILENT(g, 1) | SILENT(g, 2) | SILENT(g, 3))
#elif GATEWAYS * ENTRIES <= 6
#define find_silent(g)	(SILENT(g, 0) | SILENT(g, 1) | SILENT(g, 2) | SILENT(g, 3) | SILENT(g, 4) | SILENT(g, 5))
#else
#define find_silent(g)	(SILENT(g, 0) | SILENT(g, 1) | SILENT(g, 2) | SILENT(g, 3) | SILENT(g, 4) | SILENT(g, 5) | \
			 SILENT(g, 6) | SILENT(g, 7))
#endif
#define wrongly(g, x)	(can(x) && serving[x] && (victims[g] & BIT(ENTRY(x))))
#define has_victim(g, x) ((victims[g] & ALL_OF(x)) -> BIT(x) : 0)
#define victim_gateways(g) (has_victim(g, 0) | has_victim(g, 1) | has_victim(g, GATEWAYS - 1))
#ifdef NO_DRAIN
#define is_draining(g)	false
#else
#define is_draining(g)	(drains[g] || own_drains(g))
#endif
#define own_drains(x)	((flying & BIT(ADDR(x))) && w_view[ADDR(x)] < view[x])

inline make_change(g)
{
	/* P3: no two changes at once */
	assert(settled || p3);
	change++;
	printf("gw%d makes change %d\n", g, change);
	settled = false;
	written();
	view[g] = change;
	fresh = fresh | ME;
	pc[g] = ASK
}

inline answer(g, h)
{
	at_header = at_header | map[g];
	refresh(h);
	if
	:: serving[h] && (fresh & BIT(h)) ->
		printf("gw%d answers gw%d with change %d, %d in flight\n", h, g, view[h], (own_drains(h) -> 1 : 0));
		seen[g] = seen[g] | BIT(ENTRY(h));
		drains[g] = drains[g] || own_drains(h)
	:: else
	fi
}

inline settle(g)
{
	/* P3: every registered gateway has it. P5: whoever serves and is not registered is fenced */
	i = 0;
	do
	:: i < GATEWAYS ->
		assert(!is_listed(i) || !alive[i] || !serving[i] || view[i] == change || p3);
		assert(!alive[i] || !serving[i] || is_listed(i) || (was_fenced & BIT(ADDR(i))) || p5);
		i++
	:: else -> break
	od;
	i = 0;
	printf("gw%d settles change %d\n", g, change);
	settled = true;
	over = change;
	written();
	fresh = fresh | ME;
	job_over(g)
}

/* gateways that are not cut when somebody first finds one of their entries silent */
inline note_cuts(g)
{
	i = 0;
	do
	:: i < GATEWAYS ->
		if
		:: (LEAVES || SLOTS) && !cut[i] && !(silent[g] & ALL_OF(i)) -> was_cut = was_cut & ~BIT(i)
		:: else
		fi;
		i++
	:: else -> break
	od;
	i = 0
}

/* the line is the one that it serves under; a fresh gateway that does not answer in time may be fenced */
#define is_bare(x, e)	(tidy[g] || (attached[x] && (!serving[x] || ENTRY(x) == (e))))

inline block(g)
{
	i = 0;
	do
	:: i < NUM_ENTRIES ->
		if
		:: (victims[g] & BIT(i)) && (registry & BIT(i)) ->
			printf("gw%d puts entry %d, address %d, on the blocklist\n", g, i, where[i]);
			who = OF_ENTRY(i);
			/* P4: the address is not that of a gateway that could have answered all the time */
			assert(!can(who) || where[i] != ADDR(who) || (was_cut & BIT(who)) || is_bare(who, i) || p4);
#ifndef NO_BLOCKLIST
			mon = mon | BIT(where[i]);
			was_fenced = was_fenced | BIT(where[i])
#endif
		:: else
		fi;
		i++
	:: else -> break
	od;
	i = 0;
	who = 0;
	map[g] = mon
}

#ifdef NO_BLOCKLIST
#define is_blocked(g, e)	true
#else
#define is_blocked(g, e)	(map[g] & BIT(where[e]))
#endif

inline take_out(g)
{
	i = 0;
	do
	:: i < NUM_ENTRIES ->
		if
		:: (victims[g] & registry & BIT(i)) && is_blocked(g, i) ->
			printf("gw%d takes out entry %d\n", g, i);
			registry = registry & ~BIT(i);
			fenced = fenced | BIT(where[i]);
			barrier = barrier | BIT(where[i])
		:: else
		fi;
		i++
	:: else -> break
	od;
	i = 0;
	written();
	fresh = fresh | ME;
	know(g);
	silent[g] = silent[g] & ~victims[g];
	victims[g] = 0;
	waiting[g] = false;
	waited[g] = false;
	beaten[g] = 0;
	if
	:: tidy[g] -> job_over(g)
	:: else -> pc[g] = ASK
	fi
}

proctype lu_thread(byte g)
{
end:	do
	/* an initiator sends a PREEMPT, or again one that ended with an error */
	:: d_step { alive[g] && serving[g] && pc[g] == IDLE && (asked_for < CHANGES || !settled) && alone && noticed ->
		if
		:: settled -> asked_for++
		:: else
		fi;
		printf("gw%d gets a PREEMPT\n", g);
		pc[g] = READ }
	/* update_try(): the last change is settled, ours is made */
	:: d_step { pc[g] == READ && can(g) ->
		refresh(g);
		if
		:: !alive[g] || !serving[g]
		:: alive[g] && serving[g] && settled && change < asked_for -> make_change(g)
		:: alive[g] && serving[g] && settled && change >= asked_for -> job_over(g)
		:: alive[g] && serving[g] && !settled ->
#ifdef NO_SETTLE_FIRST
			if
			:: asked_for < CHANGES -> asked_for++; make_change(g)
			:: else -> pc[g] = ASK
			fi
#else
			pc[g] = ASK
#endif
		fi }
	/* round_ask() */
	:: d_step { pc[g] == ASK && can(g) ->
		refresh(g);
		if
		:: pc[g] == ASK && settled -> job_over(g)
		:: pc[g] == ASK && !settled ->
			valid = valid | ME;
			seen[g] = 0;
			drains[g] = false;
			printf("gw%d asks all\n", g);
			pc[g] = ASKED
		:: else
		fi }
	/* trbd_round_notified() on another gateway, and its answer */
	:: d_step { pc[g] == ASKED && can(g) && answers(0) && g != 0 && !(seen[g] & BIT(ENTRY(0))) -> answer(g, 0) }
	:: d_step { pc[g] == ASKED && can(g) && answers(1) && g != 1 && !(seen[g] & BIT(ENTRY(1))) -> answer(g, 1) }
#if GATEWAYS > 2
	:: d_step { pc[g] == ASKED && can(g) && answers(2) && g != 2 && !(seen[g] & BIT(ENTRY(2))) -> answer(g, 2) }
#endif
	/* round_try(): our notification has come back with all answers that there are */
	:: d_step { pc[g] == ASKED && can(g) && all_heard(g) && retries_done ->
		if
		:: !(valid & ME) -> pc[g] = ASK		/* the record is a newer one, -EAGAIN */
		:: (valid & ME) && missing(g) ->
			/* trbd_silence_note(), trbd_round_expel_silent(): who did not answer the time before, either */
			if
			:: silent[g] & missing(g) -> victims[g] = silent[g] & missing(g); pc[g] = BLOCK
			:: else -> printf("gw%d misses entries %d\n", g, missing(g)); pc[g] = RETRY; note_cuts(g)
			fi;
			silent[g] = missing(g)
		:: (valid & ME) && !missing(g) ->
			silent[g] = 0;
			if
			:: is_draining(g) -> pc[g] = ASK
			:: else -> settle(g)
			fi
		fi }
	:: d_step { pc[g] == RETRY && can(g) -> pc[g] = ASK }
	/* trbd_fence_client() for all of them */
	:: d_step { pc[g] == BLOCK && can(g) -> block(g); pc[g] = GROUP }
	/* the group's object is read with the new map, so its OSD takes no heartbeat of theirs any more */
	:: d_step { pc[g] == GROUP && can(g) ->
#ifndef NO_READ_GROUP
		at_group = at_group | map[g];
#endif
		printf("gw%d reads the group\n", g);
		if
		:: at_group & BIT(ADDR(g)) -> recover(g)
		:: else ->
			if
			:: !waiting[g] -> waiting[g] = true; waited[g] = false; beaten[g] = 0
			:: else
			fi;
			pc[g] = WAIT
		fi }
	/* one lease is waited for */
#ifndef NO_LEASE_WAIT
	:: d_step { pc[g] == WAIT && waited[g] ->
		lease = lease & (beaten[g] | ~victim_gateways(g));
		printf("gw%d has waited for a lease\n", g);
		pc[g] = OUT }
#else
	:: d_step { pc[g] == WAIT -> pc[g] = OUT }
#endif
	/* decide_expelled(): out of the registry, into the list, with the barrier; one write for all */
	:: d_step { pc[g] == OUT && can(g) ->
		refresh(g);
		if
		:: pc[g] == OUT -> take_out(g)
		:: else
		fi }
#if HOUSEKEEPING && !defined(NO_HOUSEKEEPING)
	/* who was silent in the group for 60 s is fenced and taken out, without any change */
	:: d_step { can(g) && serving[g] && pc[g] == IDLE && (fresh & ME) && settled && find_silent(g) ->
		victims[g] = find_silent(g);
		/* P4: a gateway that beats is not silent */
		assert((!wrongly(g, 0) && !wrongly(g, 1) && !wrongly(g, GATEWAYS - 1)) || p4);
		tidy[g] = true;
		pc[g] = BLOCK }
#endif
	od
}

/* ---- time: a wait that has begun is over some time, also when whoever waited was interrupted ---- */

proctype clock()
{
end:	do
	:: d_step { waiting[0] && !waited[0] -> waited[0] = true }
	:: d_step { waiting[1] && !waited[1] -> waited[1] = true }
#if GATEWAYS > 2
	:: d_step { waiting[2] && !waited[2] -> waited[2] = true }
#endif
	od
}

/* ---- the OSD of the data object ---- */

#define carry_out(a) \
	:: d_step { (a) < NUM_ADDRS && (flying & BIT(a)) -> \
		printf("the write of address %d, change %d, reaches its OSD\n", a, w_view[a]); \
		at_data = at_data | w_map[a]; \
		flying = flying & ~BIT(a); \
		if \
		:: at_data & BIT(a) -> \
			if \
			:: ADDR(OF_ADDR(a)) == (a) && alive[OF_ADDR(a)] -> recover(OF_ADDR(a)) \
			:: else \
			fi \
		:: else -> \
			/* P1: nothing older than a change that is over, once the object was touched since */ \
			assert(w_view[a] >= touched || p1); \
			if \
			:: w_over[a] > touched && w_good & BIT(a) -> touched = w_over[a] \
			:: else \
			fi \
		fi; \
		w_view[a] = 0; \
		w_over[a] = 0; \
		w_good = w_good & ~BIT(a); \
		w_map[a] = 0 }

proctype osd()
{
end:	do
	carry_out(0)
	carry_out(1)
	carry_out(2)
	carry_out(3)
#if GATEWAYS * LIVES > 4
	carry_out(4)
	carry_out(5)
#endif
	od
}

/* ---- what happens to gateways ---- */

#if FORGETS
inline forget_fence(a)
{
	mon = mon & ~BIT(a);
	at_header = at_header & ~BIT(a);
	at_group = at_group & ~BIT(a);
	at_data = at_data & ~BIT(a);
	barrier = barrier & ~BIT(a);	/* a number: newer maps pass it */
	i = 0;
	do
	:: i < GATEWAYS -> map[i] = map[i] & ~BIT(a); i++
	:: else -> break
	od;
	i = 0;
	/* nothing is in the network for an hour; a machine that stood still has it yet */
	if
	:: !(alive[OF_ADDR(a)] && ADDR(OF_ADDR(a)) == a) -> flying = flying & ~BIT(a)
	:: else
	fi
}
#endif

/* some gateway serves, and could renew fences */
#define somebody	((can(0) && serving[0] && is_listed(0)) || (can(1) && serving[1] && is_listed(1)) || \
			 (can(GATEWAYS - 1) && serving[GATEWAYS - 1] && is_listed(GATEWAYS - 1)))

/* without any gateway nobody renews: what was touched before that hour is not protected after it (README.md) */
#ifdef SUSPENDED_TOO
#define forget_touch	skip
#else
#define forget_touch	touched = (somebody -> touched : 0)
#endif
/* a gateway that is not cut looks at the record every few seconds */
#define has_looked(x)	(!can(x) || !serving[x] || (fresh & BIT(x)))
#define up_to_date	(has_looked(0) && has_looked(1) && has_looked(GATEWAYS - 1))
#ifdef NO_RENEW
#define is_renewed(a)	false
#else
#define is_renewed(a)	((fenced & BIT(a)) && somebody)
#endif

#if LEAVES || SLOTS
#define note_cut(x)	was_cut = was_cut | BIT(x)
#else
#define note_cut(x)	skip
#endif

#define happens_to(g) \
	:: d_step { crashes && alive[g] && life[g] + 1 < LIVES -> printf("gw%d crashes\n", g); crashes--; alive[g] = false; cut[g] = false; forget_all(g) } \
	/* it boots, under a new address */ \
	:: d_step { CRASHES && !alive[g] && attached[g] && !former[g] && life[g] + 1 < LIVES -> printf("gw%d boots\n", g); life[g]++; alive[g] = true } \
	:: d_step { cuts && alive[g] && !cut[g] -> printf("gw%d is cut\n", g); cuts--; cut[g] = true; note_cut(g) } \
	:: d_step { cut[g] -> printf("gw%d is cut no more\n", g); cut[g] = false } \
	/* scsi/abandoned.c: OSDs do not answer, it takes a new identity without being fenced */ \
	:: d_step { giveups && alive[g] && serving[g] && life[g] + 1 < LIVES -> printf("gw%d gives up\n", g); giveups--; recover(g) } \
	/* the backstore is removed: nothing is in flight. Its session lives on with other images */ \
	:: d_step { leaves && alive[g] && serving[g] && pc[g] == IDLE && !(flying & BIT(ADDR(g))) -> \
		printf("gw%d leaves, cut %d\n", g, cut[g]); \
		leaves--; \
		attached[g] = false; \
		serving[g] = false; \
		fresh = fresh & ~BIT(g); \
		silent[g] = 0; \
		if \
		:: cut[g] -> pending = pending | BIT(ENTRY(g)) \
		:: else -> registry = registry & ~BIT(ENTRY(g)); written() \
		fi } \
	:: d_step { LEAVES && can(g) && !attached[g] -> printf("gw%d is attached again\n", g); attached[g] = true }

proctype world()
{
end:	do
	happens_to(0)
	happens_to(1)
#if GATEWAYS > 2
	happens_to(2)
#endif
#if ABORTS
	/* the command that waits is aborted; its initiator sends it again */
	:: d_step { pc[0] == RETRY || (pc[0] == WAIT && !waited[0]) -> printf("the command on gw0 is aborted\n"); job_over(0) }
	:: d_step { pc[1] == RETRY || (pc[1] == WAIT && !waited[1]) -> printf("the command on gw1 is aborted\n"); job_over(1) }
#endif
#if BYHAND
	:: d_step { byhand && settled && pc[0] == IDLE && pc[1] == IDLE && pc[GATEWAYS - 1] == IDLE && registry && up_to_date ->
		printf("the record is removed by hand\n");
		byhand--;
		registry = 0;
		barrier = 0;
		fenced = 0;
		removed = true;
		written() }
#endif
#if FORGETS
	/* an hour: fences that are in the record are renewed while anybody serves */
	:: forgets -> d_step { printf("an hour passes\n"); forgets--;
		forget_touch;
		j = 0;
		do
		:: j < NUM_ADDRS ->
			if
			:: (mon & BIT(j)) && !is_renewed(j) -> forget_fence(j)
			:: else
			fi;
			j++
		:: else -> break
		od;
		j = 0 }
#endif
#if SLOTS
	:: d_step { slots -> slots--; moved = moved | 1 }
	:: d_step { slots -> slots--; moved = moved | 2 }
#endif
	od
}

init
{
	d_step {
		i = 0;
		do
		:: i < GATEWAYS ->
			alive[i] = true;
			attached[i] = true;
			serving[i] = true;
			registry = registry | BIT(ENTRY(i));
			where[ENTRY(i)] = ADDR(i);
			fresh = fresh | BIT(i);
			lease = lease | BIT(i);
			i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < GATEWAYS -> know(i); i++
		:: else -> break
		od;
		i = 0
	};
	atomic {
		run osd();
		run clock();
		run world();
		i = 0;
		do
		:: i < GATEWAYS -> run gateway(i); run lu_thread(i); i++
		:: else -> break
		od;
		i = 0
	}
}

#ifdef PROGRESS
/* P6: what was begun comes into force, if anybody is there to see to it */
ltl p6 { [] (!settled -> <> (settled || !somebody)) }
#endif
