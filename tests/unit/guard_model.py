# SPDX-License-Identifier: GPL-2.0
"""A model of the write guard: gateways, their clocks and threads, one object, the group's three
tables, initiators, and faults.

Initiators change a block each; all blocks are in the same object. An initiator does one operation
after another: WRITE, UNMAP, COMPARE AND WRITE, all with few values, so that earlier values come
back. When it gets no answer within its patience it sends the same operation through another
gateway. Each time it sends is an attempt of its own, whatever the data. The model checks this
promise:

    once an operation is acknowledged, no attempt of an earlier operation is carried out after it;
    a COMPARE AND WRITE is carried out only on what it expects.

The model follows rados/guard.c, rados/clock.c, rbd/object_io.c, rbd/object_queue.c,
rbd/compare_write.c, rbd/clone.c, gateway/group*.c and scsi/write_cmd.c. The name of a rule in RULES
leads to the code that follows it, and can be taken out. guard_world.py has the rules, OSDs and
tables. guard_path.py and guard_gateway.py have a gateway. The initiators, the faults and the run
are here.

Times are milliseconds. sim.now is the time of the world, which only the OSDs of the model know.
"""

import heapq
import random

from guard_gateway import Gateway
from guard_world import ANSWERS, BEAT_TRAVELS, INITIATORS, SLOTS, TABLES, TRAVELS, Attempt, Osd, Table


class Initiator:
    """Does one operation after another to its block, and watches how each of them ends."""

    def __init__(self, sim, block):
        self.sim, self.block = sim, block
        self.op = 0
        self.acked = 0              # the last operation that was acknowledged
        # the last one, counting those by a gateway that did not know that it stood still
        self.asleep = 0
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
        """Send the operation through a gateway without pending attempts: a new login waits for
        those.
        """
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


# A run has the faults of one of these mixes, by its number. They are names of Faults' methods; a
# method that stands more often is likelier.
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
    """Makes things go wrong, at random."""

    def __init__(self, sim, mix):
        self.sim, self.rng, self.mix = sim, sim.rng, mix

    def next(self):
        if self.sim.gateways:
            getattr(self, self.rng.choice(self.mix))()
        self.sim.at(self.rng.choice([1000, 4000, 9000, 9000]), self.next)

    def length(self):
        """Draw for how long a disturbance lasts: not quite noticed, noticed, long."""
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
        """Disturb all gateways just so little that nobody notices. One takes old commands up late,
        stamps them late, and cannot send them; the clocks of the others stand still for a
        moment.
        """
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
        """Let a receive thread stand still, where nobody sees it."""
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
        """Cut one gateway off, and take all others away for a while."""
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
        """Stop all of them; and somebody joins. Were all others gone, nobody would know the time
        any more.
        """
        self.lose_tables()
        if len(self.sim.gateways) < SLOTS - 1:
            self.sim.add_gateway()

    def table_lost_and_frozen(self):
        """Stop a gateway while it looks for a slot again."""
        if len(self.sim.gateways) > 1:
            self.lose_tables()
            self.sim.at(self.rng.randrange(1500), self.stand, self.gateway(), True, self.length())

    def cut_and_freeze(self):
        """Take two gateways that see only each other; cut one off and stop the other."""
        lost, frozen = self.rng.sample(self.sim.gateways, 2) if len(self.sim.gateways) > 1 else (None, None)
        if lost and not lost.cut:
            lost.cut = True
            self.sim.at(self.rng.choice([8000, 15000]), self.heal, lost, 'cut')
            self.sim.at(self.rng.randrange(3000), self.stand, frozen, True, self.length())

    def split_and_freeze(self):
        """Do the same, but the gateway that is cut off reaches one table, and perhaps the others do
        not.
        """
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

    # requests and answers travel; answers are lost; commands are held up between acceptance and
    # execution
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
    """Let tables answer soon if at all."""

    beat_travels, beats_held = [1, 5, 20, 60], 0


class WorstCase(Sim):
    """Delay a write wherever nobody notices, then keep it from leaving; its initiator goes to a
    gateway whose clock is behind.

    Nothing else goes wrong. Chance decides where the clock stands still, for how long, and when the
    gateway of the old write is cut off.
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
