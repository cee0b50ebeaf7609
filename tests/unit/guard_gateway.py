# SPDX-License-Identifier: GPL-2.0
"""The model of the write guard: a gateway, its clock, its slots and its heartbeats. See
guard_model.py.
"""

from guard_path import Path
from guard_world import (DRIFT, FRESH_MS, LIMIT_MS, MAIN, MAJORITY, PACE_BEATS, PACE_RARELY, SLOTS, SPARE_TURNS,
                         Entry, Known, Machine, Peer, merged)


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
        self.slept = 0                  # ms for which the clock is known to have stood still
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
        """Begin as a gateway that has been a member for long."""
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
        """Call it when the way there is open, and the table answers."""
        self.when(known.table.index, known.table.access, call, known, *args)

    # to join: ask all tables; a majority must answer
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

    # turns: beat the main tables one after the other, or all while one of them does not answer
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
            # it was away, or lost, and is taken again like a slot that nobody has
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
        # neither counts: a slow heartbeat, which does not tell well when the OSD had it, and one
        # that another table knew better meanwhile
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
        """Renew the lease, which counts from the moment when this gateway was in touch with a
        majority.
        """
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
        """Take note of a table, of the peers in it, and of the latest readings of the others."""
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
        """Return the entries of the others, in all tables."""
        return [entry for known in self.known if known.slots for entry in known.slots if entry and not 0 < entry.owner == self.owner]

    def clocks(self):
        return [entry.clock for entry in self.entries()]

    def others_went_on(self):
        """Was one of them in touch later than the latest start of trouble for all?"""
        proof = self.proof + self.offset + self.sim.const['SKEW']
        return 'went on' in self.sim.rules and any(entry.owner and entry.steady > proof for entry in self.entries())

    def stood_still(self):
        """Come back after a while that nobody knows the length of. The others' entries have the
        times of all that they did meanwhile, or of nearly all.
        """
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
