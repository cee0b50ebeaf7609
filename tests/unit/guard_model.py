# SPDX-License-Identifier: GPL-2.0
"""A model of the write guard: gateways, their clocks and threads, one object, the group's three tables, initiators, and faults.

Initiators change a block each; all blocks are in the same object. An initiator does one operation after another:
WRITE, UNMAP, COMPARE AND WRITE, all with few values, so that what was there before comes back. When it gets no answer within
its patience it sends the same operation through another gateway. Each time it sends is an attempt of its own, whatever the
data. The promise that is checked:

    once an operation is acknowledged, no attempt of an earlier operation is carried out after it;
    a COMPARE AND WRITE is carried out only on what it expects.

The model follows rados/guard.c, rados/clock.c, rbd/object_io.c, rbd/object_queue.c, rbd/compare_write.c, rbd/clone.c,
gateway/group*.c and scsi/write_cmd.c. What a rule does is found by its name in RULES, which is also how a rule is taken out.

Times are milliseconds. sim.now is the time of the world, which nobody in the model knows but the OSDs.
"""

import heapq
import random
import re

LIMIT_MS = 60000        # a slot's limit is this far ahead of its gateway's clock
SILENT_MAX = 3          # readings in which a live gateway may be silent
PACE_BEATS = 8          # of a new member come early, and then one in PACE_RARELY
PACE_RARELY = 64
TABLES = 3
MAIN = 2                # so many of them are beaten in turn; all are, while one of these does not answer
MAJORITY = 2
DRIFT = 1000            # clocks run by less than one in so many faster or slower
FRESH_MS = 5000         # what was read longer ago does not say any more whose a slot is
SPARE_TURNS = 100       # turns between two beats at a table that is not one of these
PAUSE_MS = 16           # before a fallback
QUIET_GRANULES = 2      # by which the link of a COMPARE AND WRITE is ahead after a lost round
ROUNDS_MAX = 8
SLOTS = 5
TRAVELS = 2 * [1, 5, 20, 20, 60] + [400, 2500, 12000]
ANSWERS = 3 * [1, 5, 5, 50] + [3000]
BEAT_TRAVELS = 6 * [1, 5, 20, 20, 60] + [400, 2500]
NO_LIMIT = 1 << 62
STAMP_BITS = 24         # below the granule: slot and sequence

RULES = {
    # rados/guard.c, rbd/object_io.c
    'admission': 'a stamp is taken at most the time of admission after the command was accepted',
    'accepted at parse': 'a command is accepted when its thread takes it up, not when it is executed',
    'compare': 'the first try compares the stamp of the object',
    'fallback limit': 'the fallback goes back as far as the admission and no further',
    'store': 'the first try stores its stamp',
    'exclusive create': 'a missing object is created exclusively',
    'keep on discard': 'a discard keeps the object and its stamp',
    'least limit': 'a shared request has the least limit of those in it',
    'greatest stamp': 'a shared request stores the greatest stamp of those in it',
    # rbd/compare_write.c
    'limit of the versioned write': 'a COMPARE AND WRITE with versions compares with no later time than the admission',
    'limit of its retry': 'the second write of one with versions, which has a tag, has that limit too',
    'limit of the link': 'the link of one without versions has that limit too',
    'condition': 'a COMPARE AND WRITE without versions writes if stamp and tag are still its own',
    'version': 'a COMPARE AND WRITE with versions writes if the object is the one that was read',
    # gateway/group.c
    'merge': 'clocks move forward to the latest one',
    'jump': 'a gateway whose clock is far behind was out of touch',
    'stall': 'a gateway notices that it stood still, from ticks of its own',
    'quarantine': 'a gateway that was out of touch refuses what it got before, and for a while all that comes',
    'lease': 'without a lease nothing is begun',
    'majority': 'a lease is one from a majority of the tables',
    'nap': 'a clock that stood still for a moment only is put right',
    'two readings': 'that a gateway lives shows in two readings of one table',
    'went on': 'a gateway that had no lease was out of touch if others were in touch meanwhile',
    'start at the limit': 'a gateway that finds nobody alive starts behind the greatest limit',
    'witness': 'the OSD tells a gateway whose clock stood still',
    'rejoin': 'a gateway that lost its slot starts with a quarantine when it has one again',
    'new table': 'a gateway that makes the table anew starts with a quarantine',
}

# How the OSD tells that a gateway's clock stood still, and where that gateway takes the time from.
#   clock           a heartbeat brings the time of the OSD along; the latest clock of all entries
#   lock            a heartbeat fails when a lock of the slot has expired by the OSD's clock; the latest clock of all entries
#   lock, limits    the same; beyond the greatest limit of all entries
WITNESSES = ('clock', 'lock', 'lock, limits')


def read_constants(path, overrides):
    """The TRBD_..._MS of a header, without the prefix and the unit. Overrides go first, and into what depends on them."""
    values = dict(overrides)
    with open(path, encoding='utf-8') as header:
        text = header.read().replace('\\\n', ' ')
    for name, expression in re.findall(r'^#define\s+(TRBD_\w+_MS)\s+(.+?)\s*(?:/\*.*)?$', text, re.M):
        if name not in values:
            values[name] = eval(re.sub(r'(\d)U?L*\b', r'\1', expression), {'__builtins__': {}}, dict(values))
    const = {name[5:-3]: value for name, value in values.items()}
    const.setdefault('WITNESS', const['LEASE'] + const['HEARTBEAT'])
    return const


class Attempt:
    """An operation, sent once."""

    def __init__(self, initiator, op, kind, expected, new, gateway):
        self.initiator, self.op, self.kind = initiator, op, kind
        self.expected, self.new = expected, new
        self.gateway = gateway
        self.accepted = self.stamp = self.limit = 0
        self.asleep = False         # the stamp is of a clock that stood still, and nobody could know yet
        self.applied = 0            # its place in the order of what was applied
        self.rounds = 0
        # COMPARE AND WRITE
        self.link = self.link_ms = self.quiet = self.version = 0
        self.pause = 4
        self.maybe_applied = False


class Request:
    """What goes to the OSD, with the guard that stands in front of it."""

    def __init__(self, mode, attempts, limit=0, value=0, version=None, leads=False):
        self.mode, self.attempts = mode, attempts
        self.limit, self.value, self.version = limit, value, version
        self.leads = leads
        self.sent = 0


class Osd:
    """One data object."""

    def __init__(self, sim):
        self.sim = sim
        self.clone = sim.rng.random() < 0.3         # then a missing object is copied up from the parent
        self.exists = False
        self.stamp = self.tag = 0
        self.version = 0
        self.blocks = {}
        self.log = {}

    def handle(self, request):
        """An answer that was lost is given again, from the log, when the request comes again."""
        sim = self.sim
        if request not in self.log:
            self.log[request] = self.transaction(request)
        if request.mode == 'read':
            result = self.log.pop(request)
        else:
            result = self.log[request]
        gateway = request.attempts[0].gateway
        if sim.rng.random() < sim.answers_lost:
            sim.at(sim.rng.choice([50, 1000, 6000]), gateway.send, request)
        else:
            sim.at(sim.rng.choice(sim.answers), gateway.answer, request, result)

    def transaction(self, request):
        mode, rules = request.mode, self.sim.rules
        if mode == 'read':
            return ('read', self.blocks.get(request.attempts[0].initiator.block, 0), self.version) if self.exists \
                else 'missing'
        if mode == 'copyup':
            if not self.exists:
                self.make()
            return 'ok'
        if mode == 'create':
            if self.exists and 'exclusive create' in rules:
                return 'exists'
            self.make()
        elif not self.exists:
            return 'missing'
        refused = self.check(request)
        if refused:
            return refused
        self.change(request)
        return 'ok'

    def make(self):
        self.exists = True
        self.stamp = self.tag = 0
        self.version += 1

    def check(self, request):
        rules = self.sim.rules
        if request.version is not None and request.version != self.version and 'version' in rules:
            return 'range'
        if request.mode == 'conditional':
            linked = self.stamp == self.tag == request.limit
            return None if linked or 'condition' not in rules else 'canceled'
        if request.mode == 'create' or (request.mode == 'stamp' and 'compare' not in rules):
            return None
        return 'canceled' if self.stamp > request.limit else None

    def change(self, request):
        self.version += 1
        if request.mode == 'tag':
            self.tag = request.value
        elif 'store' in self.sim.rules:
            self.stamp = request.value
        if request.mode == 'link':
            self.tag = request.value
            return
        for attempt in request.attempts:
            if attempt.kind == 'caw' and self.blocks.get(attempt.initiator.block, 0) != attempt.expected:
                attempt.initiator.violated(attempt.op, 'what it does not expect', 'as it was not then')
            self.blocks[attempt.initiator.block] = attempt.new
            attempt.initiator.applied(attempt)
            if attempt.kind == 'discard' and 'keep on discard' not in self.sim.rules:
                self.exists = False


class Entry:
    """
    The word of a gateway on itself in a slot. @steady: when it was in touch with a majority last, and had been for long, or had
    just joined.
    """

    def __init__(self, owner, beats, clock, limit, steady=0):
        self.owner, self.beats, self.clock, self.limit, self.steady = owner, beats, clock, limit, steady


class Table:
    """One of the group's objects. A slot has an Entry, None if it was never used."""

    def __init__(self, sim, index):
        self.sim, self.index = sim, index
        self.slots = [None] * SLOTS
        self.renewed = [0] * SLOTS      # by the OSD's clock
        self.away = False
        self.waiting = []

    def access(self, call, *args):
        if self.away:
            self.waiting.append((call, args))
        else:
            call(*args)

    def come_back(self):
        self.away = False
        waiting, self.waiting = self.waiting, []
        for call, args in waiting:
            call(*args)

    def lose(self):
        self.slots = [None] * SLOTS

    def take(self, slot, expected, entry):
        was = self.slots[slot]
        if (was.owner if was else 0) != expected:
            return False
        self.slots[slot] = entry
        self.renewed[slot] = self.sim.now
        return True

    def beat(self, slot, entry, renew):
        """@renew: the lock must still be there."""
        was = self.slots[slot]
        if not was or was.owner != entry.owner:
            return 'lost'
        late = self.sim.now - self.renewed[slot] > self.sim.const['WITNESS']
        if renew and late and self.sim.has_witness('lock', 'lock, limits'):
            return 'expired'
        self.slots[slot] = entry
        self.renewed[slot] = self.sim.now
        return 'ok'


class Peer:
    """What a gateway knows of a slot."""

    def __init__(self):
        self.entry = None
        self.alive = False
        self.silent = 0
        self.counted = 0        # monotonic

    def see(self, entry, beats, now, heartbeat):
        """@beats: it did since the last reading of that table. Readings that follow each other closely are one."""
        same = entry and self.entry and entry.owner == self.entry.owner
        if not same or not entry.owner:
            self.alive = False
        elif beats:
            self.alive = True
        if not same or entry.beats > self.entry.beats:
            self.entry = entry
            self.silent = 0
            self.counted = now
        elif self.alive and now >= self.counted + heartbeat * 3 / 4:
            self.counted = now
            self.silent += 1
            self.alive = self.silent <= SILENT_MAX


class Machine:
    """Clock and processor; what waits because it stands still or has no way to the cluster."""

    def __init__(self, sim):
        rng = sim.rng
        self.sim = sim
        self.started = sim.now
        self.base = rng.randrange(10 ** 7)
        self.rate = 1 + rng.choice([-500, -100, 0, 100, 500]) / 10 ** 6
        self.wall_error = rng.choice([-5000, -500, 0, 500, 5000])
        self.lost_ms = 0                # while the clock stood still
        self.frozen_at = None
        self.frozen_ms = 0              # since a heartbeat that was sent later came through
        self.woke_at = -1               # monotonic
        self.paused = self.dead = False
        self.last_tick = 0
        self.cut = self.cut_data = False
        self.cut_tables = set()
        self.waiting = []

    def mono(self):
        now = self.sim.now if self.frozen_at is None else self.frozen_at
        return self.base + (now - self.started - self.lost_ms) * self.rate

    def wall(self):
        return 10 ** 6 + self.sim.now + self.wall_error

    def when(self, needs, call, *args):
        """Calls when that can be done; @needs: 'cpu', 'data', or a table."""
        if self.dead:
            return
        if self.paused or (needs != 'cpu' and self.cut) or (needs == 'data' and self.cut_data) or needs in self.cut_tables:
            self.waiting.append((needs, call, args))
        else:
            call(*args)

    def later(self, delay, call, *args):
        """A timer."""
        self.sim.at(delay, self.when, 'cpu', call, *args)

    def flush(self):
        waiting, self.waiting = self.waiting, []
        for needs, call, args in waiting:
            self.when(needs, call, *args)

    def pause(self, freeze):
        self.paused = True
        self.last_tick = self.mono() - self.sim.rng.randrange(self.sim.const['TICK'])
        self.frozen_at = self.sim.now if freeze else None

    def resume(self):
        if self.frozen_at is not None:
            self.lost_ms += self.sim.now - self.frozen_at
            self.frozen_ms += self.sim.now - self.frozen_at
            self.frozen_at = None
            self.woke_at = self.mono()
        self.paused = False
        self.ticked(self.mono() - self.last_tick)
        self.flush()


def merged(views):
    """The tables that were read, as one: the owner of a slot is whoever has it in a majority, or the latest one."""
    slots = []
    for slot in range(SLOTS):
        entries = [view[slot] for view in views if view and view[slot]]
        owners = [entry.owner for entry in entries]
        major = [entry for entry in entries if owners.count(entry.owner) >= MAJORITY]
        slots.append(max(major or entries, key=lambda entry: entry.clock, default=None))
    return slots


class Known:
    """What a gateway knows of a table."""

    def __init__(self, table):
        self.table = table
        self.slots = None               # as it was read last
        self.read_at = 0                # monotonic: when that was
        self.busy = False
        self.mine = False               # the slot is ours, and the time of the OSD is known since then
        self.failed = False
        self.sent = None                # monotonic: of the last beat that came back
        self.witness = None             # (awake time when it was sent, time of the OSD)


class Gateway(Machine):
    """The group's part: slot, heartbeats, common clock, lease and quarantine."""

    def __init__(self, sim):
        super().__init__(sim)
        self.offset = -10 ** 9
        self.slot = None
        self.serves = False             # initiators can log in
        self.owner = self.beats = self.limit_ms = self.turns = 0
        self.attempt = 0                # to get a slot
        self.took = []
        self.renew = True
        self.slept = 0                  # of which is known that the clock stood still
        self.known = [Known(table) for table in sim.tables]
        self.peers = [Peer() for _ in range(SLOTS)]
        self.lease_until = self.quarantine_until = -1
        self.proof = self.since = self.steady = -1
        self.stale_before = 0
        self.parked = []
        self.path = Path(self)

    def clock(self):
        return self.mono() + self.offset

    def advance(self, now):
        self.offset = max(self.offset, now - self.mono())

    def asleep(self):
        return self.frozen_ms > self.sim.const['JUMP']

    def be_member(self, slot):
        """Has been one for long."""
        const = self.sim.const
        self.slot = slot
        self.serves = True
        self.owner = self.sim.number()
        self.beats = PACE_RARELY
        self.advance(10 ** 6 - self.sim.rng.randrange(MAIN * const['HEARTBEAT']))
        self.limit_ms = self.clock() + LIMIT_MS
        self.proof = self.since = self.steady = self.mono()
        self.lease_until = self.mono() + const['LEASE']
        for known in self.known:
            known.table.take(slot, 0, self.entry())
            known.sent = self.mono()
            known.mine = True
            known.witness = (self.mono(), 0)
        self.sim.at(self.sim.rng.randrange(const['HEARTBEAT']), self.when, 'cpu', self.turn)

    def entry(self):
        return Entry(self.owner, self.beats, self.clock(), self.limit_ms, self.steady + self.offset)

    def to_table(self, known, call, *args):
        """Needs the way there, and the table."""
        self.when(known.table.index, known.table.access, call, known, *args)

    # to join: all tables are asked, and a majority must answer
    def join(self):
        self.slot = None
        self.attempt += 1
        for known in self.known:
            known.mine = False
            known.slots = known.sent = None
        self.ask(self.look_around)

    def ask(self, then):
        answered = []
        for known in self.known:
            self.to_table(known, self.looked, self.attempt, answered, then)

    def looked(self, known, attempt, answered, then):
        if self.dead or attempt != self.attempt:
            return
        self.read(known, list(known.table.slots))
        answered.append(known)
        if len(answered) == MAJORITY:
            self.later(100, then, attempt)

    def look_around(self, attempt):
        if attempt != self.attempt:
            return
        owners = [peer for peer in self.peers if peer.entry and peer.entry.owner]
        self.later(3 * self.sim.const['HEARTBEAT'] if owners else 1, self.ask, self.choose_slot)

    def choose_slot(self, attempt):
        if attempt != self.attempt:
            return
        sim = self.sim
        self.advance(self.start_time())
        slot = self.pick_slot()
        limits = [known.slots[slot].limit for known in self.known if known.slots and known.slots[slot]]
        self.owner = sim.number()
        self.beats = 0
        self.limit_ms = max(limits + [self.clock()]) + LIMIT_MS
        self.took = []
        answers = []
        for known in self.known:
            if known.slots:
                was = known.slots[slot]
                sim.at(sim.rng.choice([1, 5, 50, 400]), self.to_table, known, self.slot_written, attempt, answers, slot,
                       was.owner if was and self.may_take(was) else 0, self.entry(), self.mono(), self.slept)
        self.later(3000, self.take_over, attempt)

    def may_take(self, entry):
        return not entry.owner or entry.clock + 60000 < self.clock() or len(self.sim.gateways) >= SLOTS - 1

    def take_over(self, attempt):
        """Too few tables have answered."""
        if attempt == self.attempt and self.slot is None:
            self.give_back()
            self.join()

    def give_back(self):
        for known, slot in self.took:
            self.to_table(known, self.slot_freed, slot, self.owner)

    def slot_freed(self, known, slot, owner):
        was = known.table.slots[slot]
        if was and was.owner == owner:
            known.table.slots[slot] = Entry(0, was.beats, was.clock, was.limit)

    def slot_written(self, known, attempt, answers, slot, expected, entry, sent, slept):
        if self.dead:
            return
        got = known.table.take(slot, expected, entry)
        if attempt != self.attempt:
            if got:
                self.slot_freed(known, slot, entry.owner)
            return
        answers.append(got)
        if got:
            self.took.append((known, slot))
            self.when(known.table.index, self.took_one, known, attempt, slot, sent, slept, self.sim.now)
        elif answers.count(False) >= MAJORITY:
            self.take_over(attempt)

    def took_one(self, known, attempt, slot, sent, slept, osd_time):
        if attempt != self.attempt:
            return
        known.mine = True
        known.sent = sent
        known.witness = (sent + slept, osd_time)
        if self.slot is None and sum(known.mine for known in self.known) >= MAJORITY:
            self.slot = slot
            self.renew = True
            if self.serves and 'rejoin' in self.sim.rules:
                self.out_of_touch(self.clock())
            self.serves = True
            self.prove()
            self.steady = self.proof
            self.next_turn()

    def start_time(self):
        live = [peer.entry.clock for peer in self.peers if peer.alive]
        if live:
            return max([max(live) + self.sim.const['HEARTBEAT'] / 2] + self.clocks())
        entries = [entry for known in self.known if known.slots for entry in known.slots if entry]
        if not entries:
            if 'new table' in self.sim.rules:
                self.out_of_touch(self.wall())
            return self.wall()
        if 'start at the limit' in self.sim.rules:
            return max(entry.limit for entry in entries) + self.sim.const['GRANULE']
        return max(entry.clock for entry in entries)

    def pick_slot(self):
        entries = [peer.entry for peer in self.peers]
        for slot, entry in enumerate(entries):
            if entry and not entry.owner:
                return slot
        if None in entries:
            return entries.index(None)
        return min(range(SLOTS), key=lambda slot: entries[slot].clock)

    def leave(self):
        for known in self.known:
            was = self.slot is not None and known.table.slots[self.slot]
            if was and was.owner == self.owner:
                known.table.slots[self.slot] = Entry(0, self.beats + 1, self.clock(),
                                                     self.clock() + self.sim.const['GRANULE'])
        self.dead = True

    # turns: the main tables one after the other; all, while one of these does not answer
    def turn(self):
        if self.slot is None:
            self.join()
            return
        self.turns += 1
        main = self.known[:MAIN]
        if any(known.busy or known.failed or not known.mine for known in main):
            wanted = self.known
        elif not self.turns % SPARE_TURNS:
            wanted = [main[self.turns % MAIN], *self.known[MAIN:]]
        else:
            wanted = [main[self.turns % MAIN]]
        for known in wanted:
            if not known.busy:
                self.beat(known)
        self.next_turn()

    def next_turn(self):
        wanted = self.sim.const['HEARTBEAT']
        if self.beats < PACE_BEATS or not self.beats % PACE_RARELY:
            wanted = self.sim.rng.randrange(wanted)
        self.later(max(1, wanted), self.turn)

    # a heartbeat: write, read, compare, merge
    def beat(self, known):
        sim = self.sim
        now = self.clock()
        if now + LIMIT_MS / 2 > self.limit_ms:
            self.limit_ms = now + LIMIT_MS
        self.beats += 1
        known.busy = True
        self.when(known.table.index, sim.at, sim.rng.choice(sim.beat_travels), self.to_table, known, self.beat_written,
                  self.slot, self.entry(), self.mono(), self.slept)

    def beat_written(self, known, slot, entry, sent, slept):
        if self.dead:
            return
        result = known.table.beat(slot, entry, self.renew)
        if result == 'lost' and not known.mine and entry.owner == self.owner and slot == self.slot:
            # it was away, or lost, and is taken again as one that nobody has
            was = known.table.slots[slot]
            if not was or self.may_take(was):
                known.table.slots[slot] = entry
                known.witness = None
                result = 'ok'
        self.sim.at(1, self.when, known.table.index, self.beat_read, known, entry, result, sent, slept, self.sim.now)

    def beat_read(self, known, entry, result, sent, slept, osd_time):
        sim = self.sim
        if entry.owner != self.owner or self.slot is None:
            known.busy = False
            return
        if result == 'lost':
            known.busy = known.mine = False
            known.failed = True
            if sum(other.mine for other in self.known) < MAJORITY:
                self.lose()
            return
        delay = 0 if sim.rng.random() >= sim.beats_held else sim.rng.choice([60, 400, 2500])
        self.later(delay, self.beat_done, known, entry, result, sent, slept, osd_time, list(known.table.slots))

    def lose(self):
        self.slot = None
        self.out_of_touch(self.clock())

    def beat_done(self, known, entry, result, sent, slept, osd_time, slots):
        sim, const = self.sim, self.sim.const
        known.busy = known.failed = False
        if entry.owner != self.owner or self.slot is None:
            return
        self.read(known, slots)
        if result == 'expired':
            self.stood_still()
            self.renew = False
            return
        self.renew = True
        asleep = 0
        straddles = slept != self.slept
        if sim.has_witness('clock') and known.witness:
            awake = self.mono() + self.slept - known.witness[0]
            asleep = osd_time - known.witness[1] - awake - awake / DRIFT
        if asleep > const['JUMP']:
            self.slept += asleep
            self.stood_still()
        elif asleep > 1 and 'nap' in sim.rules:
            self.slept += asleep
            self.advance(self.clock() + asleep)
        self.merge()
        # a slow one does not tell well when the OSD had it; one that another table knew better meanwhile does not either
        first = known.witness is None
        if not straddles and (first or asleep > const['JUMP'] or self.mono() - sent <= const['JUMP']):
            known.witness = (sent + self.slept, osd_time)
        known.mine = known.mine or known.witness is not None
        if first and sim.has_witness('clock'):
            return
        known.sent = sent
        self.prove()
        if sent > self.woke_at:
            self.frozen_ms = 0
        if self.mono() <= self.lease_until:
            self.release()

    def prove(self):
        """The lease: from when this gateway was in touch with a majority."""
        sent = sorted((known.sent for known in self.known if known.sent is not None), reverse=True)
        needed = MAJORITY if 'majority' in self.sim.rules else 1
        if len(sent) < needed or sent[needed - 1] <= self.proof:
            return
        if self.mono() > self.lease_until:
            if self.others_went_on():
                self.out_of_touch(self.clock())
            self.since = sent[needed - 1]
        self.proof = sent[needed - 1]
        if self.proof - self.since > self.sim.const['SKEW']:
            self.steady = self.proof
        self.lease_until = self.proof + self.sim.const['LEASE']

    def read(self, known, slots):
        """Takes note of a table, and of the peers by it and what was read lately of the others."""
        now = self.mono()
        was = known.slots if known.slots and now < known.read_at + FRESH_MS else [None] * SLOTS
        known.slots, known.read_at = slots, now
        views = [other.slots for other in self.known if other.slots and now < other.read_at + FRESH_MS]
        if len(views) < MAJORITY:
            views = [other.slots for other in self.known]
        for peer, entry, new, old in zip(self.peers, merged(views), slots, was):
            beats = new and old and new.owner == old.owner == entry.owner and new.beats != old.beats
            if 'two readings' not in self.sim.rules:
                beats = entry and peer.entry and entry.owner == peer.entry.owner and entry.beats != peer.entry.beats
            peer.see(entry, beats, now, self.sim.const['HEARTBEAT'])

    def merge(self):
        if 'merge' not in self.sim.rules:
            return
        latest = max(self.clocks(), default=0)
        if latest > self.clock() + self.sim.const['SKEW'] and 'jump' in self.sim.rules:
            self.out_of_touch(latest)
        self.advance(latest)

    def entries(self):
        """Of the others, in all tables."""
        return [entry for known in self.known if known.slots for entry in known.slots if entry and not 0 < entry.owner == self.owner]

    def clocks(self):
        return [entry.clock for entry in self.entries()]

    def others_went_on(self):
        """Was one of them in touch later than a time of trouble for all can begin later there?"""
        proof = self.proof + self.offset + self.sim.const['SKEW']
        return 'went on' in self.sim.rules and any(entry.owner and entry.steady > proof for entry in self.entries())

    def stood_still(self):
        """Nobody knows for how long. What others may have done meanwhile is in their entries, or not far ahead of them."""
        if self.sim.witness == 'lock, limits':
            limits = [entry.limit for known in self.known if known.slots for entry in known.slots if entry]
            self.advance(max(limits, default=0) + self.sim.const['GRANULE'])
        else:
            self.advance(max(self.clocks(), default=0))
        self.out_of_touch(self.clock())

    def ticked(self, gap):
        if 'stall' in self.sim.rules and gap > self.sim.const['TICK'] + self.sim.const['JUMP']:
            self.out_of_touch(self.clock())

    def out_of_touch(self, now):
        self.sim.quarantines += 1
        if 'quarantine' in self.sim.rules:
            self.stale_before = max(self.stale_before, now)
            self.quarantine_until = self.mono() + self.sim.const['QUARANTINE']

    # may a command begin?
    def admit(self, attempt):
        if self.mono() < self.quarantine_until:
            self.path.end(attempt, 'busy')
        elif (self.mono() > self.lease_until or self.slot is None) and 'lease' in self.sim.rules:
            self.parked.append(attempt)
            self.later(self.sim.const['ADMISSION'] + 300, self.release, False)
        else:
            self.path.admitted(attempt)

    def release(self, in_touch=True):
        parked, self.parked = self.parked, []
        for attempt in parked:
            late = attempt.accepted + self.sim.const['ADMISSION'] < self.clock() or attempt.accepted < self.stale_before
            if late:
                self.path.end(attempt, 'busy')
            elif in_touch:
                self.path.admitted(attempt)
            else:
                self.parked.append(attempt)

    # requests
    def send(self, request):
        self.when('data', self.on_the_way, request)

    def on_the_way(self, request):
        request.sent += 1
        self.sim.at(self.sim.rng.choice(self.sim.travels), self.sim.osd.handle, request)

    def answer(self, request, result):
        self.when('data', self.path.done, request, result)


class Thread:
    """An initiator's receive thread at a gateway, and the socket before it."""

    def __init__(self):
        self.socket = []
        self.stands = False


class Path:
    """The way of a command through a gateway, from the socket to the answer."""

    def __init__(self, gateway):
        self.gateway, self.sim = gateway, gateway.sim
        self.threads = [Thread() for _ in range(INITIATORS)]
        self.versions = gateway.sim.rng.random() < 0.5      # what libceph can do
        self.slow_until = 0
        self.leader = None
        self.queue = []

    # from the socket
    def arrive(self, attempt):
        thread = self.threads[attempt.initiator.block]
        thread.socket.append(attempt)
        self.gateway.when('cpu', self.receive, thread)

    def receive(self, thread):
        while thread.socket and not thread.stands:
            self.parse(thread, thread.socket.pop(0))

    def parse(self, thread, attempt):
        attempt.accepted = self.gateway.clock()
        if self.sim.rng.random() >= self.sim.commands_held:
            self.execute(thread, attempt)
            return
        thread.stands = True
        self.gateway.later(self.sim.rng.choice([300, self.sim.const['ADMISSION'] - 100, 6000, 9000]), self.execute, thread,
                           attempt)

    def execute(self, thread, attempt):
        thread.stands = False
        if 'accepted at parse' not in self.sim.rules:
            attempt.accepted = self.gateway.clock()
        self.gateway.admit(attempt)
        self.gateway.later(1, self.receive, thread)

    def admitted(self, attempt):
        # a submit path that is held up for a moment
        admission = self.sim.const['ADMISSION']
        delay = self.sim.rng.choice(8 * [0] + [300, admission - 20, 4000])
        if self.gateway.mono() < self.slow_until:
            delay = admission - self.sim.rng.randrange(100)
        elif self.sim.calm:
            delay = 0
        if delay:
            self.gateway.later(delay, self.start, attempt)
        else:
            self.start(attempt)

    def end(self, attempt, result):
        attempt.initiator.answered(attempt, result)

    # stamps
    def too_late(self, attempt, now):
        return now > attempt.accepted + self.sim.const['ADMISSION'] and 'admission' in self.sim.rules

    def granule_end(self, now):
        return (int(now // self.sim.const['GRANULE']) + 1 << STAMP_BITS) - 1

    def stamp(self, attempt, now):
        attempt.asleep = self.gateway.asleep()
        return (int(now // self.sim.const['GRANULE']) << STAMP_BITS) + self.sim.number()

    def admission_end(self, attempt):
        return self.granule_end(attempt.accepted + self.sim.const['ADMISSION'])

    # WRITE and UNMAP
    def start(self, attempt):
        now = self.gateway.clock()
        if self.too_late(attempt, now):
            self.end(attempt, 'busy')
            return
        attempt.limit = self.granule_end(now)
        attempt.stamp = self.stamp(attempt, now)
        if attempt.kind == 'discard':
            self.mutate('stamp', [attempt])
        else:
            self.enter(attempt)

    def mutate(self, mode, attempts, leads=False):
        rules = self.sim.rules
        limits = [attempt.limit for attempt in attempts]
        stamps = [attempt.stamp for attempt in attempts]
        limit = min(limits) if 'least limit' in rules else max(limits)
        value = max(stamps) if 'greatest stamp' in rules else min(stamps)
        if mode == 'tag':
            limit = self.admission_end(attempts[0]) if 'fallback limit' in rules else NO_LIMIT
        self.gateway.send(Request(mode, attempts, limit, value, leads=leads))

    def done(self, request, result):
        attempts = request.attempts
        if attempts[0].kind == 'caw':
            self.caw_done(request, result)
            return
        if request.mode == 'copyup':
            self.mutate('stamp', attempts)
            return
        if request.leads:
            self.leave()
        shared = len(attempts) > 1
        for attempt in attempts:
            if shared and result in ('canceled', 'missing'):
                self.mutate('stamp', [attempt])
            else:
                self.settle(attempt, request.mode, result)

    def settle(self, attempt, mode, result):
        if result == 'ok':
            self.end(attempt, 'ok')
        elif result == 'canceled' and mode == 'stamp':
            self.gateway.later(PAUSE_MS, self.mutate, 'tag', [attempt])
        elif result == 'missing':
            self.missing(attempt)
        elif result == 'exists':
            self.mutate('stamp', [attempt])
        else:
            self.end(attempt, 'busy')

    def missing(self, attempt):
        attempt.rounds += 1
        clone = self.sim.osd.clone
        if attempt.kind == 'discard' and not clone:
            self.end(attempt, 'nothing')
        elif attempt.rounds > ROUNDS_MAX:
            self.end(attempt, 'busy')
        elif clone:
            self.gateway.later(self.sim.rng.choice([1, 50, 5000]), self.gateway.send, Request('copyup', [attempt]))
        else:
            self.mutate('create', [attempt])

    # turns at the object
    def enter(self, attempt):
        if self.leader:
            self.queue.append(attempt)
        else:
            self.lead([attempt])

    def lead(self, attempts):
        self.leader = attempts[0]
        if self.leader.kind == 'caw':
            self.caw_start(self.leader)
        else:
            self.mutate('stamp', attempts, leads=True)

    def leave(self):
        self.leader = None
        batch = []
        while self.queue and (not batch or batch[0].kind == self.queue[0].kind == 'write'):
            batch.append(self.queue.pop(0))
        if batch:
            self.lead(batch)

    # COMPARE AND WRITE
    def caw_start(self, attempt):
        now = self.gateway.clock()
        if self.too_late(attempt, now):
            self.caw_end(attempt, 'busy')
        elif self.versions:
            self.gateway.send(Request('read', [attempt]))
        else:
            attempt.link_ms = now + attempt.quiet
            attempt.link = self.stamp(attempt, attempt.link_ms)
            limit = min(self.granule_end(attempt.link_ms), self.admission_end(attempt))
            if 'limit of the link' not in self.sim.rules:
                limit = NO_LIMIT
            self.gateway.send(Request('link', [attempt], limit, attempt.link))

    def caw_end(self, attempt, result):
        self.leave()
        self.sim.caws[result] = self.sim.caws.get(result, 0) + 1
        self.end(attempt, result)

    def caw_lost(self, attempt):
        self.leave()
        attempt.quiet = QUIET_GRANULES * self.sim.const['GRANULE']
        attempt.pause = min(2 * attempt.pause, 128)
        self.gateway.later(1 + self.sim.rng.randrange(attempt.pause), self.enter, attempt)

    def caw_done(self, request, result):
        attempt = request.attempts[0]
        if request.mode == 'read':
            self.caw_compare(attempt, result)
        elif request.mode == 'copyup':
            self.caw_start(attempt)
        elif request.mode == 'link':
            if result == 'ok':
                self.gateway.send(Request('read', [attempt]))
            elif result == 'missing':
                self.caw_compare(attempt, result)
            else:
                self.caw_lost(attempt)
        elif result == 'ok':
            self.caw_end(attempt, 'ok')
        elif result == 'canceled' and request.mode == 'stamp':
            limit = self.admission_end(attempt) if 'limit of its retry' in self.sim.rules else NO_LIMIT
            self.gateway.send(Request('tag', [attempt], limit, request.value, request.version))
        else:
            attempt.maybe_applied |= request.sent > 1
            self.caw_lost(attempt)

    def caw_compare(self, attempt, result):
        if result == 'missing' and self.sim.osd.clone:
            attempt.rounds += 1
            if attempt.rounds > ROUNDS_MAX:
                self.caw_end(attempt, 'busy')
            else:
                # the object is there afterwards, and the COMPARE AND WRITE starts over
                self.gateway.send(Request('copyup', [attempt]))
            return
        _, found, attempt.version = ('read', 0, None) if result == 'missing' else result
        if found != attempt.expected:
            self.caw_end(attempt, 'busy' if attempt.maybe_applied else 'miscompare')
            return
        self.caw_write(attempt, result == 'missing')

    def caw_write(self, attempt, missing):
        now = self.gateway.clock()
        value = self.stamp(attempt, max(now, attempt.link_ms))
        limit = self.granule_end(now)
        if 'limit of the versioned write' in self.sim.rules:
            limit = min(limit, self.admission_end(attempt))
        if missing:
            request = Request('create', [attempt], 0, value)
        elif self.versions:
            request = Request('stamp', [attempt], limit, value, attempt.version)
        else:
            request = Request('conditional', [attempt], attempt.link, value)
        self.gateway.send(request)


INITIATORS = 4


class Initiator:
    """Does one operation after another to its block, and watches over what becomes of them."""

    def __init__(self, sim, block):
        self.sim, self.block = sim, block
        self.op = 0
        self.acked = 0              # the last operation that was acknowledged
        self.asleep = 0             # the last one, with those by a gateway that did not know that it stood still
        self.known = 0              # value of the block
        self.attempt = None
        self.pending = {}           # attempts that a gateway has not answered
        self.late = []              # what was applied, as (place in the order, operation)

    def next(self):
        self.begin(self.sim.rng.choice(['write', 'write', 'caw', 'caw', 'discard']))

    def begin(self, kind):
        rng = self.sim.rng
        self.op += 1
        self.kind = kind
        self.expected = self.known
        self.new = 0 if self.kind == 'discard' else 1 - self.known if self.kind == 'caw' else rng.randrange(2)
        self.send()

    def send(self):
        """Logging in again at a gateway waits for what the session before it has left behind there."""
        sim = self.sim
        free = [gateway for gateway in sim.gateways if gateway.serves and gateway not in self.pending.values()]
        if not free:
            self.attempt = None
            sim.at(500, self.send)
            return
        gateway = sim.rng.choice(free)
        attempt = self.attempt = Attempt(self, self.op, self.kind, self.expected, self.new, gateway)
        self.pending[attempt] = gateway
        sim.at(sim.rng.choice([1, 10]), gateway.path.arrive, attempt)
        sim.at(sim.patience, self.give_up, attempt)

    def give_up(self, attempt):
        if self.attempt is attempt:
            self.send()

    def forget(self, gateway):
        """It crashed."""
        self.pending = {attempt: where for attempt, where in self.pending.items() if where is not gateway}

    def answered(self, attempt, result):
        self.pending.pop(attempt, None)
        if attempt is not self.attempt:
            return
        self.attempt = None
        if result == 'busy':
            self.sim.at(300, self.send)
            return
        if result == 'miscompare':
            self.known = self.sim.osd.blocks.get(self.block, 0)
        elif result == 'ok':
            self.known = attempt.new
            self.acknowledged(attempt)
        else:
            self.known = 0
        self.sim.at(self.sim.rng.choice([1, 100]), self.next)

    # the history
    def acknowledged(self, attempt):
        sim = self.sim
        sim.acks += 1
        self.asleep = self.op
        if attempt.asleep:
            sim.asleep_acks += 1
            return
        self.acked = self.op
        for place, op in self.late:
            if place > attempt.applied and op < self.op:
                self.violated(op, self.op, 'between its being applied and acknowledged')
        self.late = [(place, op) for place, op in self.late if place > attempt.applied]

    def applied(self, attempt):
        sim = self.sim
        attempt.applied = sim.number()
        self.late.append((attempt.applied, attempt.op))
        if attempt.op < self.acked:
            self.violated(attempt.op, self.acked, 'after it was acknowledged')
        elif attempt.op < self.asleep:
            sim.asleep_lost += 1

    def violated(self, old, new, when):
        if self.sim.violation is None:
            self.sim.violation = f'operation {old} was applied at {self.sim.now} on top of {new}, {when}'


# A run has the faults of one of these mixes, by its number. They are names of Faults' methods; more often is likelier.
MIXES = {
    'one by one': ['pause', 'pause', 'freeze', 'cut', 'cut_data', 'cut_data', 'table_away', 'cut_table'],
    'come and go': ['cut_and_replace', 'pause', 'cut', 'cut_data', 'crash', 'leave', 'leave', 'blackout'],
    'together': ['freeze_together', 'cut_and_freeze', 'split_and_freeze', 'cut_data'],
    'conspiracy': ['conspire'],
    'table lost': ['table_lost', 'table_lost_and_frozen', 'one_table_lost', 'cut_table'] + 6 * ['cut_data'],
    'tables': ['table_away', 'cut_table', 'cut_table', 'one_table_lost', 'split_and_freeze', 'freeze', 'cut_data'],
}


# Single kinds of trouble, which show sooner that a rule is needed.
NARROW = {
    'pause': ['pause', 'cut_data'],
    'blackout': ['blackout'],
    'freeze': ['freeze'],
    'freeze together': ['freeze_together'],
    'cut and freeze': ['cut_and_freeze'],
    'split and freeze': ['split_and_freeze'],
    'one away': ['one_away'],
    'replaced': ['cut_and_replace'] + 3 * ['no_trouble'],
    'no trouble': ['no_trouble'],
    'lost slot': ['table_lost_and_frozen'],
    'new table': ['table_lost', 'cut_data'],
    'nothing': ['cut_data'],
}


class Faults:
    """Things go wrong, at random."""

    def __init__(self, sim, mix):
        self.sim, self.rng, self.mix = sim, sim.rng, mix

    def next(self):
        if self.sim.gateways:
            getattr(self, self.rng.choice(self.mix))()
        self.sim.at(self.rng.choice([1000, 4000, 9000, 9000]), self.next)

    def length(self):
        """Of a disturbance: not quite noticed, noticed, long."""
        const = self.sim.const
        return self.rng.choice([const['JUMP'] - 20, const['JUMP'] + const['TICK'] - 10, const['JUMP'] + const['HEARTBEAT'],
                                const['LEASE'], 3000, 5000, 8000, 12000])

    def gateway(self):
        return self.rng.choice(self.sim.gateways)

    def stand(self, gateway, freeze, length):
        if not gateway.paused and not gateway.dead:
            gateway.pause(freeze)
            self.sim.at(length, gateway.resume)

    def pause(self):
        self.stand(self.gateway(), False, self.length())

    def freeze(self):
        self.stand(self.gateway(), True, self.length())

    def freeze_together(self):
        length = self.length()
        for gateway in self.sim.gateways:
            if self.rng.random() < 0.9:
                self.stand(gateway, True, length)
            length += self.length()

    def cut(self):
        self.cut_off('cut')

    def cut_data(self):
        self.cut_off('cut_data')

    def cut_off(self, what):
        gateway = self.gateway()
        if not getattr(gateway, what):
            setattr(gateway, what, True)
            self.sim.at(self.length(), self.heal, gateway, what)

    def heal(self, gateway, what):
        setattr(gateway, what, False)
        gateway.flush()

    def conspire(self):
        """All of it just so that nobody notices: one takes old commands up late, stamps them late, and cannot send them; the
        clocks of the others stand still for a moment."""
        const, gateway = self.sim.const, self.gateway()
        if gateway.paused or gateway.cut_data or gateway.cut:
            return
        self.stand(gateway, False, const['TICK'] + const['JUMP'] - self.rng.randrange(const['TICK'] + 50))
        gateway.path.slow_until = gateway.mono() + 4000
        what = self.rng.choice(['cut', 'cut_data'])
        setattr(gateway, what, True)
        self.sim.at(self.rng.choice([5000, 7000, 12000]), self.heal, gateway, what)
        for other in self.sim.gateways:
            if other is not gateway:
                length = self.rng.choice([const['JUMP'], const['JUMP'] + const['HEARTBEAT'], const['WITNESS'] - const['TICK']])
                self.sim.at(self.rng.randrange(6000), self.stand, other, True, length - self.rng.randrange(100))

    def table_away(self):
        """One, or all."""
        for table in self.rng.choice([[self.rng.choice(self.sim.tables)], self.sim.tables]):
            if not table.away:
                table.away = True
                self.sim.at(self.length(), table.come_back)

    def no_trouble(self):
        pass

    def one_away(self):
        if not any(table.away for table in self.sim.tables):
            table = self.rng.choice(self.sim.tables)
            table.away = True
            self.sim.at(self.rng.choice([2000, 8000, 20000]), table.come_back)

    def cut_table(self):
        """The way from one gateway to one table."""
        gateway, table = self.gateway(), self.rng.randrange(TABLES)
        if table not in gateway.cut_tables:
            gateway.cut_tables.add(table)
            self.sim.at(self.length(), self.mend, gateway, {table})

    def mend(self, gateway, tables):
        gateway.cut_tables -= tables
        gateway.flush()

    def socket(self):
        """A receive thread stands still, and nobody sees it."""
        path = self.gateway().path
        thread = self.rng.choice(path.threads)
        if not thread.stands:
            thread.stands = True
            self.sim.at(self.length(), self.socket_goes_on, path, thread)

    def socket_goes_on(self, path, thread):
        thread.stands = False
        path.gateway.when('cpu', path.receive, thread)

    def crash(self):
        self.replace(self.gateway(), self.length())

    def blackout(self):
        for gateway in list(self.sim.gateways):
            self.replace(gateway, self.rng.choice([1000, 2000, 4000, 9000]))

    def cut_and_replace(self):
        """One is cut off, and of the others all are gone for a while."""
        lost = self.gateway()
        if lost.cut or lost.paused:
            return
        lost.cut = True
        self.sim.at(self.rng.choice([5000, 6000, 7000, 12000]), self.heal, lost, 'cut')
        for gateway in list(self.sim.gateways):
            if gateway is not lost:
                self.replace(gateway, self.rng.choice([1000, 3000, 4000, 5000]))

    def leave(self):
        gateway = self.gateway()
        busy = any(gateway in initiator.pending.values() for initiator in self.sim.initiators)
        if not busy and not gateway.paused and not gateway.cut and not any(table.away for table in self.sim.tables):
            gateway.leave()
            self.replace(gateway, self.length())

    def replace(self, gateway, length):
        gateway.dead = True
        self.sim.gateways.remove(gateway)
        for initiator in self.sim.initiators:
            initiator.forget(gateway)
        self.sim.at(length, self.sim.add_gateway)

    def lose_tables(self):
        for table in self.sim.tables:
            table.lose()

    def one_table_lost(self):
        self.rng.choice(self.sim.tables).lose()

    def table_lost(self):
        """All of them. And somebody joins. Were all others gone, nobody would know the time any more."""
        self.lose_tables()
        if len(self.sim.gateways) < SLOTS - 1:
            self.sim.add_gateway()

    def table_lost_and_frozen(self):
        """One stands still while it looks for a slot again."""
        if len(self.sim.gateways) > 1:
            self.lose_tables()
            self.sim.at(self.rng.randrange(1500), self.stand, self.gateway(), True, self.length())

    def cut_and_freeze(self):
        """Of two gateways that see only each other, one is cut off and the other stands still."""
        lost, frozen = self.rng.sample(self.sim.gateways, 2) if len(self.sim.gateways) > 1 else (None, None)
        if lost and not lost.cut:
            lost.cut = True
            self.sim.at(self.rng.choice([8000, 15000]), self.heal, lost, 'cut')
            self.sim.at(self.rng.randrange(3000), self.stand, frozen, True, self.length())

    def split_and_freeze(self):
        """The same, but the one that is cut off reaches one table, and perhaps the others do not."""
        lost, frozen = self.rng.sample(self.sim.gateways, 2) if len(self.sim.gateways) > 1 else (None, None)
        if not lost or lost.cut_tables or lost.cut:
            return
        left = self.rng.randrange(TABLES)
        length = self.rng.choice([8000, 15000])
        self.cut_tables(lost, set(range(TABLES)) - {left}, length)
        for other in self.sim.gateways:
            if other is not lost and self.rng.random() < 0.8:
                self.cut_tables(other, {left}, length)
        self.sim.at(self.rng.randrange(3000), self.stand, frozen, True, self.length())

    def cut_tables(self, gateway, tables, length):
        gateway.cut_tables |= tables
        self.sim.at(length, self.mend, gateway, tables)


class Sim:
    """A run. @mixes: names of MIXES that take turns."""

    # requests and answers travel; answers are lost; commands are held up between being taken up and executed
    travels, answers, answers_lost, commands_held = TRAVELS, ANSWERS, 0.03, 0.05
    beat_travels, beats_held = BEAT_TRAVELS, 0.05
    calm = False

    def __init__(self, seed, const, rules, patience, mixes=tuple(MIXES), witness='clock', length=40000):
        self.rng = random.Random(seed)
        self.const, self.rules, self.patience = const, rules, patience
        self.mix = (MIXES | NARROW)[mixes[seed % len(mixes)]]
        self.witness, self.length = witness, length
        self.now = 0
        self.events = []
        self.numbers = 0
        self.violation = None
        self.acks = self.asleep_acks = self.asleep_lost = self.quarantines = 0
        self.caws = {}
        self.osd = Osd(self)
        self.tables = [Table(self, index) for index in range(TABLES)]
        self.gateways = []
        self.initiators = [Initiator(self, block) for block in range(INITIATORS)]
        for slot in range(self.rng.choice([2, 3])):
            self.gateways.append(Gateway(self))
            self.gateways[slot].be_member(slot)
        for gateway in self.gateways:
            for known in gateway.known:
                gateway.read(known, list(known.table.slots))
            for peer in gateway.peers:
                peer.alive = peer.entry is not None

    def has_witness(self, *which):
        return 'witness' in self.rules and self.witness in which

    def number(self):
        self.numbers += 1
        return self.numbers

    def at(self, delay, call, *args):
        heapq.heappush(self.events, (self.now + delay, self.number(), call, args))

    def add_gateway(self):
        gateway = Gateway(self)
        self.gateways.append(gateway)
        gateway.join()

    def run(self):
        for initiator in self.initiators:
            self.at(1000, initiator.next)
        self.at(self.rng.choice([500, 2000]), Faults(self, self.mix).next)
        return self.go()

    def go(self):
        while self.now < self.length and self.violation is None:
            self.now, _, call, args = heapq.heappop(self.events)
            call(*args)
        return self.violation


class Prompt(Sim):
    """Tables answer soon if at all."""

    beat_travels, beats_held = [1, 5, 20, 60], 0


class WorstCase(Sim):
    """A write is late wherever nobody notices, and then cannot leave; its initiator goes to a gateway whose clock is behind.

    Nothing else goes wrong. Where the clock stands still, for how long, and when the gateway of the old write is cut off is
    random.
    """

    travels, answers, answers_lost, commands_held = [1], [1], 0, 0
    calm = True

    def run(self):
        rng, const = self.rng, self.const
        self.gateways = self.gateways[:2]
        old, new = self.gateways
        faults = Faults(self, [])
        start = 3000 + rng.randrange(1000)
        new.serves = False
        old.path.slow_until = old.mono() + 9000
        self.at(start, self.shut, old, 'cut_data')
        if rng.random() < 0.5:
            self.at(start - rng.randrange(const['LEASE']) + const['JUMP'], self.shut, old, 'cut')
        self.at(start, faults.stand, old, False, const['TICK'] + const['JUMP'] - rng.randrange(const['TICK']))
        self.at(start, self.initiators[0].begin, 'write')
        self.at(start + rng.randrange(-500, self.patience - 500), faults.stand, new, True,
                rng.randrange(const['JUMP'] // 2, 5 * const['JUMP']))
        self.at(start + 500, self.change_over, old, new)
        for what in ('cut', 'cut_data'):
            self.at(start + self.patience + 200, faults.heal, old, what)
        self.length = start + self.patience + 500
        return self.go()

    def shut(self, gateway, what):
        setattr(gateway, what, True)

    def change_over(self, old, new):
        old.serves, new.serves = False, True
