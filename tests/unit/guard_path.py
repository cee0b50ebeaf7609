# SPDX-License-Identifier: GPL-2.0
"""The model of the write guard: how a gateway carries out the operations on an object. See
guard_model.py.
"""

from guard_world import INITIATORS, NO_LIMIT, PAUSE_MS, QUIET_GRANULES, ROUNDS_MAX, STAMP_BITS, Request


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
