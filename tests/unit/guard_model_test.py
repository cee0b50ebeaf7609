#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The rules of the write guard, on a model of gateways, clocks, sockets and one object, with random delays and faults.

An initiator writes 1, 2, 3, ... to one block. When it gets no answer in time it sends the same value again through another
gateway, and when one is acknowledged it goes on to the next. Gateways are paused, with their clocks going on or standing
still, and cut from the cluster; what was sent to them waits in their sockets, what they sent waits in the network. Nothing
that is older than an acknowledged value may ever be applied.

One thing the rules cannot see: a machine whose clocks stood still wakes up with a clock that is behind, and does not know
before its next heartbeat, up to a second later. What it acknowledges until then is not counted as acknowledged here, see
docs/design.md.

The model follows rados/guard.c, rbd/object_io.c and gateway/group.c. With all rules no run may violate that; with any one
rule taken out some run must, or the rule would not be needed, or this test not be able to tell.

    guard_model_test.py [RUNS]     runs with all rules (1500)
"""

import heapq
import random
import sys

GRANULE = 256
WINDOW = 2000
HEARTBEAT = 1000
LEASE = 3000
JUMP = 1000
QUARANTINE = 5000
TICK = 250
OTHERS_MAY = 2          # heartbeats of another one while ours did not come through: one before, one after
W = LEASE + WINDOW + HEARTBEAT + JUMP
PATIENCE = W + 1500     # of the initiator
LENGTH = 90000          # of a run, ms

RULES = {
    'window': 'a stamp is taken at most a window after the command was accepted',
    'compare': 'the first try compares the stamp of the object',
    'fallback limit': 'the fallback goes back a window and no further',
    'store': 'the first try stores its stamp',
    'exclusive create': 'a missing object is created exclusively',
    'keep on discard': 'a discard keeps the object and its stamp',
    'merge': 'clocks move forward to the latest one',
    'stall': 'a gateway notices that it stood still, from ticks of its own',
    'quarantine': 'a gateway that was out of touch refuses what it got before, and for a while all that comes',
}


class Gateway:
    def __init__(self, sim, name):
        self.sim, self.name = sim, name
        self.lost_ms = 0            # by which the monotonic clock stood still
        self.frozen_at = None
        self.offset = 0             # common time minus monotonic time
        self.paused = self.cut = False
        self.lease_until = LEASE
        self.quarantine_until = self.stale_before = -1
        self.beats = 0
        self.ticked = 0
        self.inbox, self.outbox, self.parked = [], [], []
        self.seen = {}

    def mono(self):
        return (self.frozen_at if self.frozen_at is not None else self.sim.now) - self.lost_ms

    def clock(self):
        return self.mono() + self.offset

    # the group
    def tick(self):
        self.sim.at(TICK, self.tick)
        if not self.paused:
            self.look_for_stall()

    def look_for_stall(self):
        if 'stall' in self.sim.rules and self.mono() - self.ticked > JUMP + TICK:
            self.out_of_touch(self.clock())
        self.ticked = self.mono()

    def beat(self):
        sim = self.sim
        sim.at(HEARTBEAT, self.beat)
        if self.paused or self.cut:
            return
        overdue = self.mono() > self.lease_until
        self.beats += 1
        sim.table[self.name] = (self.beats, self.clock())
        went_on = False
        latest = 0
        for name, (beats, clock) in sim.table.items():
            if name == self.name:
                continue
            before = self.seen.get(name, beats)
            went_on |= beats - before > OTHERS_MAY
            if beats != before:
                latest = max(latest, clock)
            self.seen[name] = beats
        if 'merge' in sim.rules:
            if latest > self.clock() + JUMP:
                self.out_of_touch(latest)
            self.offset = max(self.offset, latest - self.mono())
        if overdue and went_on:
            self.out_of_touch(self.clock())
        self.lease_until = self.mono() + LEASE
        parked, self.parked = self.parked, []
        for command in parked:
            late = command['accepted'] + WINDOW < self.clock() or command['accepted'] < self.stale_before
            self.refuse(command) if late else self.start(command)

    def out_of_touch(self, now):
        if 'quarantine' in self.sim.rules:
            self.stale_before = now
            self.quarantine_until = self.mono() + QUARANTINE

    # commands
    def receive(self, command):
        if self.paused:
            self.inbox.append(command)
            return
        self.look_for_stall()
        command['accepted'] = self.clock()
        command['behind'] = self.clock() + JUMP < max(gateway.clock() for gateway in self.sim.gateways)
        if self.mono() < self.quarantine_until:
            self.refuse(command)
        elif self.mono() > self.lease_until and 'quarantine' in self.sim.rules:
            self.parked.append(command)
        else:
            # a submit path that is held up for a moment
            self.sim.at(self.sim.rng.choice([0, 0, 0, 0, 300, 4000]), self.start, command)

    def start(self, command):
        if self.paused:
            self.sim.at(100, self.start, command)
            return
        now = self.clock()
        if 'window' in self.sim.rules and now > command['accepted'] + WINDOW:
            self.refuse(command)
            return
        command['stamp'] = now
        self.send(command, 'stamp')

    def send(self, command, mode):
        request = (command, mode)
        if self.cut or self.paused:
            self.outbox.append(request)
        else:
            self.sim.travel(self.sim.osd, *request)

    def answer(self, command, mode, result):
        if self.paused or self.cut:
            self.sim.at(200, self.answer, command, mode, result)
        elif result == 'ok':
            self.sim.reply(command, True)
        elif result == 'missing':
            self.send(command, 'create')
        elif result == 'exists':
            self.send(command, 'stamp')
        elif mode == 'stamp':
            self.send(command, 'tag')
        else:
            self.refuse(command)

    def refuse(self, command):
        self.sim.reply(command, False)

    # faults
    def pause(self, freeze):
        if not self.paused:
            self.paused = True
            self.frozen_at = self.sim.now if freeze else None

    def resume(self):
        if not self.paused:
            return
        if self.frozen_at is not None:
            self.lost_ms += self.sim.now - self.frozen_at
            self.frozen_at = None
        self.paused = False
        inbox, self.inbox = self.inbox, []
        for command in inbox:
            self.receive(command)
        self.flush()

    def heal(self):
        self.cut = False
        self.flush()

    def flush(self):
        if self.paused or self.cut:
            return
        outbox, self.outbox = self.outbox, []
        for request in outbox:
            self.sim.travel(self.sim.osd, *request)


class Sim:
    def __init__(self, seed, rules):
        self.rng = random.Random(seed)
        self.rules = rules
        self.now = 0
        self.events = []
        self.order = 0
        self.table = {}
        self.exists, self.stamp = False, 0
        self.acked = 0
        self.value = 1
        self.attempt = 0
        self.pending = {}       # attempts that a gateway has not answered, and that gateway
        self.violation = None
        self.gateways = [Gateway(self, i) for i in range(3)]

    def at(self, delay, call, *args):
        self.order += 1
        heapq.heappush(self.events, (self.now + delay, self.order, call, args))

    def travel(self, call, *args):
        self.at(self.rng.choice([1, 5, 20, 20, 60, 400, 2500, 12000]), call, *args)

    # the OSD: one transaction
    def osd(self, command, mode):
        gateway = command['gateway']
        result = self.transaction(command, mode)
        if result == 'ok' and command['value'] < self.acked and self.violation is None:
            self.violation = f'{command["value"]} applied at {self.now} after {self.acked} was acknowledged'
        self.at(self.rng.choice([1, 5, 50]), gateway.answer, command, mode, result)

    def transaction(self, command, mode):
        if mode == 'create':
            if self.exists and 'exclusive create' in self.rules:
                return 'exists'
            self.exists = True
            self.stamp = max(self.stamp, command['stamp']) if 'store' in self.rules else self.stamp
        else:
            if not self.exists:
                return 'missing'
            limit = command['stamp'] if mode == 'stamp' else command['accepted'] + WINDOW
            checked = {'stamp': 'compare', 'tag': 'fallback limit'}[mode]
            if checked in self.rules and self.stamp // GRANULE > limit // GRANULE:
                return 'refused'
            if mode == 'stamp' and 'store' in self.rules:
                self.stamp = command['stamp']
        if command['discard'] and 'keep on discard' not in self.rules:
            self.exists, self.stamp = False, 0
        return 'ok'

    # the initiator
    def write(self):
        # logging in again at a gateway waits for what the session before it has left behind there
        free = [gateway for gateway in self.gateways if gateway not in self.pending.values()]
        self.attempt += 1
        if not free:
            self.at(500, self.give_up, self.attempt)
            return
        gateway = self.rng.choice(free)
        self.pending[self.attempt] = gateway
        command = {'value': self.value, 'attempt': self.attempt, 'gateway': gateway, 'discard': self.value % 3 == 0}
        self.at(self.rng.choice([1, 10]), gateway.receive, command)
        self.at(PATIENCE, self.give_up, self.attempt)

    def give_up(self, attempt):
        if attempt == self.attempt:
            self.write()

    def reply(self, command, good):
        del self.pending[command['attempt']]
        if command['attempt'] != self.attempt:
            return
        if good:
            if not command['behind'] or 'merge' not in self.rules:
                self.acked = self.value
            self.value += 1
            self.attempt += 1
            self.at(self.rng.choice([1, 100]), self.write)
        else:
            self.attempt += 1
            self.at(500, self.write)

    def fault(self):
        gateway = self.rng.choice(self.gateways)
        length = self.rng.choice([500, 3000, 6000, 12000, 20000])
        if self.rng.random() < 0.5:
            gateway.pause(self.rng.random() < 0.5)
            self.at(length, gateway.resume)
        else:
            gateway.cut = True
            self.at(length, gateway.heal)
        self.at(self.rng.choice([1000, 4000, 9000]), self.fault)

    def run(self):
        for gateway in self.gateways:
            self.at(self.rng.randrange(HEARTBEAT), gateway.beat)
            self.at(self.rng.randrange(TICK), gateway.tick)
        self.at(0, self.write)
        self.at(2000, self.fault)
        while self.events and self.now < LENGTH and self.violation is None:
            self.now, _, call, args = heapq.heappop(self.events)
            call(*args)
        return self.violation


def search(rules, runs):
    """The first violation in so many runs, and how many values all of them got through."""
    values = 0
    for seed in range(runs):
        sim = Sim(seed, rules)
        violation = sim.run()
        values += sim.acked
        if violation:
            return f'seed {seed}: {violation}', values
    return None, values


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 1500
    failed = 0
    print('TAP version 13')
    print(f'1..{len(RULES) + 2}')
    violation, values = search(set(RULES), runs)
    print(f'{"not ok" if violation else "ok"} 1 with all rules nothing old is applied in {runs} runs, {values} values')
    if violation:
        print(f'# {violation}')
        failed += 1
    print(f'{"ok" if values > 4 * runs else "not ok"} 2 and the runs get somewhere')
    failed += values <= 4 * runs
    for number, (rule, text) in enumerate(RULES.items(), 3):
        violation, _ = search(set(RULES) - {rule}, 4 * runs)
        print(f'{"ok" if violation else "not ok"} {number} it is needed that {text}')
        if violation:
            print(f'# {violation}')
        else:
            failed += 1
    sys.exit(1 if failed else 0)


main()
