/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A model of snapshots of an image that gateways write to: the watch on the header, its notifications, the gate, and the
 * snapshot context of writes. To be read beside rados/watch.c, rbd/image_watch.c, rbd/image_refresh.c, rbd/quiesce.c,
 * rbd/quiesce_gate.c, rbd/inquiry.c, rbd/recall.c and scsi/write_cmd.c.
 * README.md says how to run it and what it shows.
 *
 * A taker is what librbd does for `rbd snap create`: QUIESCE to all watchers, and it fails if one does not acknowledge;
 * a new snapshot in the header; UNQUIESCE; HEADER_UPDATE; then the command returns. With --skip-quiesce only header and
 * HEADER_UPDATE. UNQUIESCE and HEADER_UPDATE go on after 10 s without all acknowledgements.
 *
 * A gateway has one write in flight at most. It is with the gateway (QUEUED), with libceph or a socket (SENT), in the hands
 * of the OSD (RECEIVED), applied. It stays in each of these for as long as it pleases, unless somebody takes it away.
 * Snapshots are numbers. A write has the number of the newest snapshot that its gateway knew; it belongs to all
 * snapshots behind that.
 *
 * Time. A gateway that cannot reach the header grows older: age says when its watch was confirmed last.
 *	0	less than 9 s ago
 *	1	more than 9 s: a notification that it was not told of can have timed out (10 s)
 *	2	more than 25 s
 *	3	more than 30 s: the OSD forgets the watch
 * What a gateway does at an age, without waiting for anybody, it does before it grows older. A confirmation comes on the
 * connection on which notifications come, so behind them.
 */

#ifndef GATEWAYS
#define GATEWAYS	2
#endif
#ifndef TAKERS
#define TAKERS		1
#endif
#ifndef SKIPS
#define SKIPS		0	/* takers, the first ones, that skip quiescing */
#endif
#ifndef CUTS
#define CUTS		1	/* how often gateways are cut from the header */
#endif
#ifndef LOSSES
#define LOSSES		0	/* how often libceph says that a watch is lost, and it is made again */
#endif
#ifndef DEATHS
#define DEATHS		0	/* takers that die on the way */
#endif
#ifndef POLLS
#define POLLS		0	/* how often the header is read without a reason */
#endif
#ifndef STUCK
#define STUCK		0	/* 1: a handler may take longer than a notification waits */
#endif

#ifndef GIVE_UP_AT
#define GIVE_UP_AT	2	/* age at which a gateway gives up what it has in flight. 1: within the 10 s that librbd waits */
#endif

#define BIT(n)		(1 << (n))
#define ALL		((1 << GATEWAYS) - 1)

mtype = { NONE, QUEUED, SENT, RECEIVED };
mtype = { QUIESCE, UNQUIESCE, UPDATE };
mtype = { START, QUIESCING, CREATE, RESUME, RESUMING, TELL, TELLING, FAILED, DONE };

/* ---- the header and its OSD ---- */
byte snaps;			/* snapshots so far; the newest one's number */
byte watchers = ALL;		/* gateways that the OSD knows as watching */
byte alive = (1 << TAKERS) - 1;	/* takers watch the header, too */

/* ---- takers ---- */
mtype at[TAKERS] = START;
bool quiesced[TAKERS];		/* it has had all acknowledgements */
byte mine[TAKERS];		/* number of its snapshot */
byte waits[TAKERS];		/* gateways whose acknowledgement it waits for */
bool again[TAKERS];		/* a watcher vanished without an answer: QUIESCE is sent again */
mtype message[TAKERS * GATEWAYS] = NONE;	/* on its way to a gateway */
byte returned;			/* newest snapshot of which the operator was told */

/* ---- gateways ---- */
bool cut[GATEWAYS];
byte age[GATEWAYS];
bool watching[GATEWAYS] = true;	/* it has a watch as far as it knows */
byte ctx[GATEWAYS];		/* newest snapshot that it knows */
bool stale[GATEWAYS];		/* the header may have changed: nothing is written */
bool unwatched[GATEWAYS];	/* it may not have been told: nothing is written */
bool closed[GATEWAYS];		/* the gate */
byte wishes[GATEWAYS];		/* takers that want it closed */
byte heard[GATEWAYS];		/* UPDATEs that were received and not acknowledged */
byte unheld[GATEWAYS];		/* UNQUIESCEs that were received and not acknowledged */
byte drains[GATEWAYS];		/* QUIESCEs that are acknowledged when nothing is in flight */
byte tells[GATEWAYS];		/* UPDATEs whose header was read, acknowledged when no older write is in flight */
bool ask[GATEWAYS];		/* it watches again and has not asked the others whether their gates are closed */
bool look[GATEWAYS];		/* the header is to be read */

/* a header that is being read: what it says, which acknowledgements depend on it, whether it may end the doubt */
bool reading[GATEWAYS];
byte r_snaps[GATEWAYS], r_heard[GATEWAYS], r_unheld[GATEWAYS];
bool r_watched[GATEWAYS];	/* no watch was lost since */
bool r_told[GATEWAYS];		/* no notification came since */

/* ---- the write of each gateway, and what an OSD has of its former identity ---- */
mtype write[GATEWAYS] = NONE;
byte w_ctx[GATEWAYS];
byte w_seen[GATEWAYS];		/* newest context of writes that were acknowledged before it began */
bool w_late[GATEWAYS];		/* the OSD had it when the operator was told of a newer snapshot */
bool w_was_sent[GATEWAYS];	/* libceph or a socket had it then */
bool orphan[GATEWAYS];
byte o_ctx[GATEWAYS], o_seen[GATEWAYS];
bool o_late[GATEWAYS];
bool o_unsent[GATEWAYS];		/* no OSD has it yet: only without the rule that discards it */
bool fenced[GATEWAYS];		/* the former identity is on the blocklist */
bool osd_knows[GATEWAYS];	/* and the data's OSD has the map */
bool back[GATEWAYS];		/* something of the new identity has reached the data's OSD */

byte acked;			/* newest context of acknowledged writes, of snapshots that were quiesced */
byte cuts = CUTS, losses = LOSSES, deaths = DEATHS, polls = POLLS;
byte i;

/* never true: they name the promise in spin's message */
bool s1, s2;

#define in_flight(g)	(write[g] != NONE)
#define older(g)	(in_flight(g) && w_ctx[g] < ctx[g])
#define M(t, g)		message[(t) * GATEWAYS + (g)]

/* ---- rules ---- */
#ifdef NO_STALE_AT_ARRIVAL
#define set_stale(g)	skip
#else
#define set_stale(g)	stale[g] = true
#endif
#ifdef NO_LATE
#define is_late(g)	(age[g] >= 2)
#else
#define is_late(g)	(age[g] >= 1)
#endif
#ifdef NO_GIVE_UP
#define must_give_up(g)	false
#else
#define must_give_up(g)	(in_flight(g) && age[g] >= GIVE_UP_AT)
#endif
#ifdef NO_GIVE_UP_AT_LOSS
#define drained_for_loss(g)	true
#else
#define drained_for_loss(g)	(!in_flight(g))
#endif
#ifdef NO_COUNTER
#define still_watched(g)	true
#else
#define still_watched(g)	r_watched[g]
#endif
#ifdef NO_ARRIVAL_COUNTER
#define still_told(g)	true
#else
#define still_told(g)	r_told[g]
#endif
#ifdef NO_SEND_CHECK
#define may_send(g)	true
#else
#define may_send(g)	(w_ctx[g] == ctx[g] && !stale[g] && !unwatched[g])
#endif
#ifdef NO_ACK_DRAINED
#define update_done(g)	true
#else
#define update_done(g)	(!older(g))
#endif
#ifdef NO_DRAIN
#define gate_done(g)	true
#else
#define gate_done(g)	(!in_flight(g))
#endif

/* what a promise excuses. -DRECEIVED_TOO, -DSENT_TOO: it does not */
#ifdef RECEIVED_TOO
#define EXCUSE_RECEIVED	false
#else
#define EXCUSE_RECEIVED	true
#endif
#if SKIPS && GIVE_UP_AT > 1 && !defined(SENT_TOO)
#define EXCUSE_SENT	true
#else
#define EXCUSE_SENT	false
#endif

inline write_gone(g)
{
	write[g] = NONE;
	w_ctx[g] = 0;
	w_seen[g] = 0;
	w_late[g] = false;
	w_was_sent[g] = false
}

#ifdef NO_DISCARD
#define keeps_unsent	true
#else
#define keeps_unsent	false
#endif
#ifdef NO_FENCE
#define fence_self(g)	skip
#else
#define fence_self(g)	fenced[g] = orphan[g]
#endif

/* rados/recovery.c: abort, discard what is not sent, new identity, fence the old one before anything is served */
inline give_up(g)
{
	printf("gw%d gives up\n", g);
	if
	:: write[g] == RECEIVED || (write[g] == SENT && keeps_unsent) ->
		orphan[g] = true;
		o_ctx[g] = w_ctx[g];
		o_seen[g] = w_seen[g];
		o_late[g] = w_late[g] || (w_was_sent[g] && EXCUSE_SENT);
		o_unsent[g] = (write[g] == SENT);
		back[g] = false
	:: else
	fi;
	write_gone(g);
	unwatched[g] = true;
	look[g] = true;
	fence_self(g)
}
inline apply(c, seen, is_excused)
{
	/* S1 */
	assert(c >= returned || is_excused || s1);
#if SKIPS == 0
	/* S2: something acknowledged before this began belongs to no older snapshot than this */
	assert(c >= seen || s2)
#endif
}

/* ---- commands of a gateway, and the OSD of the data ---- */

#define may_begin(g)	(write[g] == NONE && !closed[g] && !stale[g] && !unwatched[g])

proctype data(byte g)
{
end:	do
	/* write_cmd_entered(), trbd_image_take_state() */
	:: d_step { may_begin(g) && ctx[g] < TAKERS ->
		printf("gw%d begins a write with snapshot context %d\n", g, ctx[g]);
		write[g] = QUEUED;
		w_ctx[g] = ctx[g];
		w_seen[g] = acked }
	/* one that knows all snapshots that there will be harms none; it matters only that it is acknowledged, or has come */
	:: d_step { may_begin(g) && ctx[g] == TAKERS && (acked < TAKERS || (orphan[g] && !back[g])) ->
		printf("a write of gw%d with snapshot context %d is acknowledged\n", g, ctx[g]);
		acked = TAKERS;
		back[g] = orphan[g];
		osd_knows[g] = fenced[g] }
	/* first send */
	:: d_step { write[g] == QUEUED ->
		if
		:: may_send(g) -> printf("gw%d sends it\n", g); write[g] = SENT
		:: else -> printf("gw%d ends it with BUSY\n", g); write_gone(g)
		fi }
	:: d_step { write[g] == SENT ->
		printf("the OSD receives the write of gw%d\n", g);
		write[g] = RECEIVED;
		back[g] = orphan[g];
		osd_knows[g] = osd_knows[g] || fenced[g] }
	:: d_step { write[g] == RECEIVED ->
		printf("the OSD applies the write of gw%d, context %d\n", g, w_ctx[g]);
		apply(w_ctx[g], w_seen[g], (w_late[g] && EXCUSE_RECEIVED) || (w_was_sent[g] && EXCUSE_SENT));
		if
		:: w_ctx[g] > acked -> acked = w_ctx[g]
		:: else
		fi;
		write_gone(g) }
	/* what is left of a former identity */
	:: d_step { orphan[g] ->
		if
		:: osd_knows[g] -> printf("the OSD refuses the write of the former gw%d\n", g)
		:: else ->
			printf("the OSD applies the write of the former gw%d, context %d\n", g, o_ctx[g]);
			apply(o_ctx[g], o_seen[g], o_late[g] && !back[g] && EXCUSE_RECEIVED)
		fi;
		orphan[g] = false;
		o_ctx[g] = 0;
		o_seen[g] = 0;
		o_late[g] = false;
		o_unsent[g] = false;
		fenced[g] = false;
		osd_knows[g] = false;
		back[g] = false }
	od
}

/* ---- a gateway's watch, its gate, and the header that it reads ---- */

/* it was not watching when the others closed */
#ifdef NO_UNKNOWN_UNQUIESCE
#define unknown_unquiesce(t, g)	waits[t] = waits[t] & ~BIT(g)
#else
#define unknown_unquiesce(t, g)	closed[g] = true; unheld[g] = unheld[g] | BIT(t); look[g] = true
#endif

inline arrives(t, g)
{
	if
	:: M(t, g) == QUIESCE ->
		printf("gw%d: QUIESCE of taker %d arrives\n", g, t);
		closed[g] = true;
		wishes[g] = wishes[g] | BIT(t);
		drains[g] = drains[g] | BIT(t)
	:: M(t, g) == UNQUIESCE ->
		printf("gw%d: UNQUIESCE of taker %d arrives\n", g, t);
		if
		:: wishes[g] & BIT(t) ->
			wishes[g] = wishes[g] & ~BIT(t);
			drains[g] = drains[g] & ~BIT(t);
			unheld[g] = unheld[g] | BIT(t);
			look[g] = true
		:: else -> unknown_unquiesce(t, g)
		fi
	:: M(t, g) == UPDATE ->
		printf("gw%d: HEADER_UPDATE of taker %d arrives\n", g, t);
		set_stale(g);
		r_told[g] = false;
		heard[g] = heard[g] | BIT(t);
		look[g] = true
	fi;
	M(t, g) = NONE
}

/* the gate may be opened once the header was read: nobody wants it closed, or nobody can any more */
#define opens(g)	(closed[g] && !wishes[g])

inline read_header(g)
{
	reading[g] = true;
	r_snaps[g] = snaps;
	r_heard[g] = heard[g];
	r_unheld[g] = unheld[g];
	r_watched[g] = watching[g] && age[g] == 0 && !ask[g];
	r_told[g] = true;
	look[g] = false;
	printf("gw%d reads the header: %d\n", g, snaps)
}

inline header_was_read(g)
{
	printf("gw%d goes by the header: %d\n", g, r_snaps[g]);
	/* a read that began earlier and ends later changes nothing back */
	if
	:: r_snaps[g] > ctx[g] -> ctx[g] = r_snaps[g]
	:: else
	fi;
	if
	:: still_told(g) -> stale[g] = false
	:: else
	fi;
	if
	:: watching[g] && age[g] == 0 && !ask[g] && still_watched(g) ->
#ifndef NO_REREAD_GIVE_UP
		if
		:: unwatched[g] && older(g) -> give_up(g)
		:: else -> unwatched[g] = false
		fi
#else
		unwatched[g] = false
#endif
	:: watching[g] && age[g] == 0 && !ask[g] && !still_watched(g) && unwatched[g] -> look[g] = true
	:: else
	fi;
	if
	:: stale[g] -> look[g] = true
	:: else
	fi;
	tells[g] = tells[g] | (heard[g] & r_heard[g]);
	heard[g] = heard[g] & ~r_heard[g];
	if
	:: opens(g) && (!(unheld[g] & ~r_unheld[g])) -> printf("gw%d opens the gate\n", g); closed[g] = false
	:: else
	fi;
	i = 0;
	do
	:: i < TAKERS ->
		if
		:: (unheld[g] & r_unheld[g] & BIT(i)) -> waits[i] = waits[i] & ~BIT(g)
		:: else
		fi;
		i++
	:: else -> break
	od;
	i = 0;
	unheld[g] = unheld[g] & ~r_unheld[g];
	reading[g] = false;
	r_snaps[g] = 0;
	r_heard[g] = 0;
	r_unheld[g] = 0;
	r_watched[g] = false;
	r_told[g] = false
}

#define any_message(g)	(M(0, g) != NONE || M(TAKERS - 1, g) != NONE)

/* what a gateway does at its age without waiting, before it grows older */
#define acted(g)	(!must_give_up(g) && (unwatched[g] || !is_late(g)))

#if defined(NO_LIST_WATCHERS)
#define gone(g)		wishes[g]
#elif defined(NO_OPEN_WITHOUT_TAKER)
#define gone(g)		0
#else
#define gone(g)		(wishes[g] & ~busy)
#endif
/* takers that watch the header, and are at it: one that is done answers no more for 60 s */
#define busy		(alive & (is_busy(0) | (is_busy(TAKERS - 1) << (TAKERS - 1))))
#define is_busy(t)	((at[t] == START || at[t] == DONE) -> 0 : 1)

inline ack_drained(t, g)
{
	printf("gw%d acknowledges QUIESCE of taker %d\n", g, t);
	drains[g] = drains[g] & ~BIT(t);
	waits[t] = waits[t] & ~BIT(g)
}

/* notifications to a watch that is no more: whoever waits for answers does not any more */
inline lost_messages(g)
{
	i = 0;
	do
	:: i < TAKERS ->
		M(i, g) = NONE;
		again[i] = again[i] || (at[i] == QUIESCING && (waits[i] & BIT(g)));
		waits[i] = waits[i] & ~BIT(g);
		i++
	:: else -> break
	od;
	i = 0;
	heard[g] = 0;
	unheld[g] = 0;
	drains[g] = 0;
	tells[g] = 0;
	r_heard[g] = 0;
	r_unheld[g] = 0
}

#ifdef NO_ASK_OTHERS
#define ask_others(g)	look[g] = true
#else
#define ask_others(g)	ask[g] = true
#endif
#define answers(n, g)	((n) == (g) || !(watchers & BIT(n)) || (!cut[n] && watching[n] && !any_message(n)))
#define wish_of(n, g)	(((n) == (g) || !(watchers & BIT(n))) -> 0 : wishes[n])
#define others(g)	(wish_of(0, g) | wish_of(GATEWAYS - 1, g))

proctype watch(byte g)
{
end:	do
	/* watch_notify_cb(): as soon as it arrives */
	:: d_step { !cut[g] && watching[g] && M(0, g) != NONE -> arrives(0, g) }
#if TAKERS > 1
	:: d_step { !cut[g] && watching[g] && M(1, g) != NONE -> arrives(1, g) }
#endif
	/* acknowledgements that had to wait for what is in flight; no thread is held for them */
	:: d_step { !cut[g] && (drains[g] & 1) && gate_done(g) -> ack_drained(0, g) }
	:: d_step { !cut[g] && (tells[g] & 1) && update_done(g) -> tells[g] = tells[g] & ~1; waits[0] = waits[0] & ~BIT(g) }
#if TAKERS > 1
	:: d_step { !cut[g] && (drains[g] & 2) && gate_done(g) -> ack_drained(1, g) }
	:: d_step { !cut[g] && (tells[g] & 2) && update_done(g) -> tells[g] = tells[g] & ~2; waits[1] = waits[1] & ~BIT(g) }
#endif
	/* trbd_image_refresh() */
	:: d_step { !cut[g] && look[g] && !reading[g] -> read_header(g) }
	:: d_step { polls && g == 0 && !cut[g] && !reading[g] -> polls--; read_header(g) }
	:: d_step { reading[g] -> header_was_read(g) }
#ifdef NO_READ_BEFORE_OPEN
	:: d_step { opens(g) -> printf("gw%d opens the gate\n", g); closed[g] = false }
#endif
	/* watch_look(): nothing is written when the watch was not confirmed for long */
	:: d_step { is_late(g) && !unwatched[g] ->
		printf("gw%d: the watch was not confirmed for long\n", g);
		unwatched[g] = true;
		look[g] = true }
	:: d_step { must_give_up(g) -> give_up(g) }
	/* the watch is confirmed, behind all notifications; or the OSD has forgotten it */
	:: d_step { !cut[g] && age[g] && watching[g] && !any_message(g) && acted(g) ->
		r_watched[g] = false;
		age[g] = 0;
		if
		:: watchers & BIT(g) -> look[g] = true
		:: else ->
			watching[g] = false;
			ask[g] = false;
			unwatched[g] = true
		fi }
	/* watch_restore(): what is in flight must be over before the old watch is given back */
	:: d_step { !watching[g] && (watchers & BIT(g)) && drained_for_loss(g) ->
		printf("gw%d watches no more\n", g);
		watchers = watchers & ~BIT(g);
		lost_messages(g) }
	:: d_step { !cut[g] && !watching[g] && !(watchers & BIT(g)) ->
		printf("gw%d watches again\n", g);
		watchers = watchers | BIT(g);
		watching[g] = true;
		age[g] = 0;
		ask_others(g) }
	/* a notification to the other gateways, behind a QUIESCE that they got before it */
	:: d_step { ask[g] && !cut[g] && answers(0, g) && answers(1, g) && answers(GATEWAYS - 1, g) ->
		printf("gw%d asks whether gates are closed: %d\n", g, others(g));
		ask[g] = false;
		wishes[g] = wishes[g] | others(g);
		closed[g] = closed[g] || wishes[g];
		look[g] = true }
#ifndef NO_GIVE_UP_AT_LOSS
	:: d_step { !watching[g] && in_flight(g) -> give_up(g) }
#endif
	/* quiesce_look(): whoever asked is gone. Not before: it is asked for with LIST_WATCHERS */
	:: d_step { wishes[g] && gone(g) ->
		printf("gw%d does not hear of the taker\n", g);
		wishes[g] = wishes[g] & ~gone(g);
		drains[g] = drains[g] & wishes[g];
		look[g] = true }
	od
}

/* ---- librbd, taking a snapshot ---- */

inline notify(t, what)
{
	i = 0;
	do
	:: i < GATEWAYS ->
		if
		:: watchers & BIT(i) -> M(t, i) = what
		:: else
		fi;
		i++
	:: else -> break
	od;
	i = 0;
	waits[t] = watchers
}

/* 10 s are over. Whoever was not told has not been confirmed for 9 s; whoever was, is slow */
#define timed_out(t)	(waits[t] && excuse(t, 0) && excuse(t, 1) && excuse(t, GATEWAYS - 1))
#define excuse(t, g)	(!(waits[t] & BIT(g)) || (M(t, g) != NONE && age[g] >= 1 && acted(g)) || \
			 (M(t, g) == NONE && (drains[g] & BIT(t))) || (GIVE_UP_AT > 1 && M(t, g) == NONE && (tells[g] & BIT(t))) || \
			 (M(t, g) == NONE && STUCK))

/* what did not arrive does not come any more */
inline drop(t)
{
	i = 0;
	do
	:: i < GATEWAYS -> M(t, i) = NONE; i++
	:: else -> break
	od;
	i = 0;
	waits[t] = 0
}

inline tell_operator(t)
{
	printf("taker %d returns: snapshot %d\n", t, mine[t]);
	if
	:: mine[t] > returned -> returned = mine[t]
	:: else
	fi;
	i = 0;
	do
	:: i < GATEWAYS ->
		if
		:: write[i] == RECEIVED && w_ctx[i] < returned -> w_late[i] = true
		:: else
		fi;
		if
		:: write[i] == SENT && w_ctx[i] < returned -> w_was_sent[i] = true
		:: else
		fi;
		if
		:: orphan[i] && !o_unsent[i] && o_ctx[i] < returned -> o_late[i] = true
		:: else
		fi;
		i++
	:: else -> break
	od;
	i = 0
}

proctype taker(byte t)
{
end:	do
	:: d_step { at[t] == START && t >= SKIPS -> printf("taker %d sends QUIESCE\n", t); notify(t, QUIESCE); at[t] = QUIESCING }
	:: d_step { at[t] == START && t < SKIPS -> at[t] = CREATE }
	:: d_step { at[t] == QUIESCING && !waits[t] && again[t] ->
		printf("taker %d sends QUIESCE again\n", t);
		again[t] = false;
		notify(t, QUIESCE) }
	:: d_step { at[t] == QUIESCING && !waits[t] && !again[t] -> quiesced[t] = true; at[t] = CREATE }
	/* somebody did not acknowledge: it fails */
	:: d_step { at[t] == QUIESCING && timed_out(t) -> printf("taker %d fails\n", t); drop(t); again[t] = false; at[t] = RESUME }
	:: d_step { at[t] == CREATE ->
		snaps++;
		mine[t] = snaps;
		printf("taker %d makes snapshot %d\n", t, snaps);
		if
		:: quiesced[t] -> at[t] = RESUME
		:: else -> at[t] = TELL
		fi }
	:: d_step { at[t] == RESUME -> printf("taker %d sends UNQUIESCE\n", t); notify(t, UNQUIESCE); at[t] = RESUMING }
	:: d_step { at[t] == RESUMING && !waits[t] && mine[t] -> at[t] = TELL }
	:: d_step { at[t] == RESUMING && !waits[t] && !mine[t] -> at[t] = DONE }
	:: d_step { at[t] == RESUMING && timed_out(t) -> printf("taker %d waits no longer\n", t); drop(t) }
	:: d_step { at[t] == TELL -> printf("taker %d sends HEADER_UPDATE\n", t); notify(t, UPDATE); at[t] = TELLING }
	:: d_step { at[t] == TELLING && !waits[t] -> tell_operator(t); at[t] = DONE }
	:: d_step { at[t] == TELLING && timed_out(t) -> printf("taker %d waits no longer\n", t); drop(t) }
	od
}

/* ---- the world. Gateways are all alike, so if one is cut it is gw0 ---- */

#define happens_to(g) \
	:: d_step { cuts && !cut[g] && (g == 0 || CUTS > 1) -> printf("gw%d is cut\n", g); cuts--; cut[g] = true } \
	:: d_step { cut[g] -> printf("gw%d is cut no more\n", g); cut[g] = false } \
	:: d_step { cut[g] && age[g] < 3 && acted(g) -> age[g]++; printf("gw%d grows older: %d\n", g, age[g]) } \
	:: d_step { age[g] == 3 && (watchers & BIT(g)) -> \
		printf("the OSD forgets the watch of gw%d\n", g); \
		watchers = watchers & ~BIT(g); \
		lost_messages(g) } \
	:: d_step { losses && (g == 0 || LOSSES > 1) && watching[g] && age[g] == 0 -> \
		printf("gw%d loses its watch\n", g); \
		losses--; \
		watching[g] = false; \
		ask[g] = false; \
		unwatched[g] = true; \
		r_watched[g] = false }

proctype world()
{
end:	do
	happens_to(0)
#if GATEWAYS > 1
	happens_to(1)
#endif
#if DEATHS
	:: d_step { deaths && at[0] != START && at[0] != DONE ->
		printf("taker 0 dies\n");
		deaths--;
		alive = alive & ~1;
		waits[0] = 0;
		at[0] = DONE }
#endif
	od
}

init
{
	atomic {
		run world();
		i = 0;
		do
		:: i < GATEWAYS -> run data(i); run watch(i); i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < TAKERS -> run taker(i); i++
		:: else -> break
		od;
		i = 0
	}
}

#ifdef PROGRESS
/* S3 */
ltl s3 { [] ((closed[0] && !cut[0]) -> <> (!closed[0] || cut[0])) }
#endif
