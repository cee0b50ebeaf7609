# SPDX-License-Identifier: GPL-2.0
"""The world of the model of the write guard: numbers, the rules by name, OSDs, tables of the group,
machines and the knowledge that one of them has of the others. See guard_model.py.
"""

import re

LIMIT_MS = 60000        # a slot's limit is this far ahead of its gateway's clock
SILENT_MAX = 3          # readings in which a live gateway may be silent
PACE_BEATS = 8          # of a new member come early, and then one in PACE_RARELY
PACE_RARELY = 64
TABLES = 3
# so many of them are beaten in turn; all are, while one of these does not answer
MAIN = 2
MAJORITY = 2
DRIFT = 1000            # clocks run by less than one in so many faster or slower
FRESH_MS = 5000         # an older reading no longer says whose a slot is
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
INITIATORS = 4

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
#   lock            a heartbeat fails when a lock of the slot has expired by the OSD's clock; the
#                   latest clock of all entries
#   lock, limits    the same; beyond the greatest limit of all entries
WITNESSES = ('clock', 'lock', 'lock, limits')


def read_constants(path, overrides):
    """Return the TRBD_..._MS of a header, without the prefix and the unit. Overrides go first, and
    change the times that depend on them.
    """
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
        # the stamp is of a clock that stood still, and nobody could know yet
        self.asleep = False
        self.applied = 0            # its place in the order of what was applied
        self.rounds = 0
        # COMPARE AND WRITE
        self.link = self.link_ms = self.quiet = self.version = 0
        self.pause = 4
        self.maybe_applied = False


class Request:
    """A request to the OSD, with the guard that stands in front of it."""

    def __init__(self, mode, attempts, limit=0, value=0, version=None, leads=False):
        self.mode, self.attempts = mode, attempts
        self.limit, self.value, self.version = limit, value, version
        self.leads = leads
        self.sent = 0


class Osd:
    """One data object."""

    def __init__(self, sim):
        self.sim = sim
        # then a missing object is copied up from the parent
        self.clone = sim.rng.random() < 0.3
        self.exists = False
        self.stamp = self.tag = 0
        self.version = 0
        self.blocks = {}
        self.log = {}

    def handle(self, request):
        """Carry a request out. A repeated request gets the answer that was lost once more, from the
        log.
        """
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
    A gateway's words about itself in a slot. @steady: when it was in touch with a majority last,
    and had been for long, or had just joined.
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
    """A gateway's knowledge of a slot."""

    def __init__(self):
        self.entry = None
        self.alive = False
        self.silent = 0
        self.counted = 0        # monotonic

    def see(self, entry, beats, now, heartbeat):
        """Note a reading. @beats: whether it beat since the last reading of that table. Readings
        that follow each other closely are one.
        """
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
    """Clock and processor, and the work that waits because they stand still or have no way to the
    cluster.
    """

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
        """Call it when that can be done; @needs: 'cpu', 'data', or a table."""
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
    """The tables that were read, as one. A slot belongs to the gateway that a majority names, or
    the latest table.
    """
    slots = []
    for slot in range(SLOTS):
        entries = [view[slot] for view in views if view and view[slot]]
        owners = [entry.owner for entry in entries]
        major = [entry for entry in entries if owners.count(entry.owner) >= MAJORITY]
        slots.append(max(major or entries, key=lambda entry: entry.clock, default=None))
    return slots


class Known:
    """A gateway's knowledge of a table."""

    def __init__(self, table):
        self.table = table
        self.slots = None               # as it was read last
        self.read_at = 0                # monotonic: when that was
        self.busy = False
        # the slot is ours, and the time of the OSD is known since then
        self.mine = False
        self.failed = False
        self.sent = None                # monotonic: of the last beat that came back
        self.witness = None             # (awake time when it was sent, time of the OSD)
