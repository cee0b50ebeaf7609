#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Compare the checker with a search through all orders, on small random histories.

Half of them come from a disk that works, the others had something changed afterwards. Both must
decide alike about blocks, also where values return: in lock words, and where there are only a few
values. About reservations the checker may overlook something, but not complain about a possible
history, and it must find most faults.

    history_exhaustive.py [HISTORIES] [SEED]     how many of each sort (4000); the seed makes the
                                                 same ones again
"""

import os
import random
import subprocess
import sys
import tempfile
from functools import lru_cache

SECOND = 10 ** 9
WINDOW = 3
# a status that says nothing: NOT READY
UNKNOWN = '2/04/0c'
TOOLS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../tools')


class Op:
    def __init__(self, start, end, nexus, kind, result='good', value=None, expected=None, a=0, b=1):
        self.start, self.end, self.nexus, self.kind, self.result = start, end, nexus, kind, result
        self.value, self.expected, self.a, self.b = value, expected, a, b

    def line(self):
        words = [self.start * SECOND, self.end * SECOND, self.nexus, self.kind, self.a, self.b, self.result]
        if self.kind == 'caw':
            words.append(self.expected)
        if self.kind in ('write', 'caw') or (self.kind == 'read' and self.result == 'good'):
            words.append(self.value)
        return ' '.join(str(word) for word in words)

    def changes(self):
        return self.kind in ('write', 'unmap', 'caw') and self.result != 'miscompare'

    def lost(self):
        return self.result in ('lost', UNKNOWN) or (self.kind == 'caw' and self.result == 'busy')

    def done(self):
        return self.result in ('good', 'miscompare')

    def stale(self):
        return max(self.end, self.start + WINDOW)


def possible(ops):
    """Tell whether the commands to one block can have happened one after the other."""
    must = [op for op in ops if op.done()]
    everything = must + [op for op in ops if op.lost() and op.changes()]

    @lru_cache(None)
    def search(value, happened):
        if all(happened >> i & 1 for i in range(len(must))):
            return True
        for i, op in enumerate(everything):
            if happened >> i & 1:
                continue
            if any(not happened >> j & 1 and other.end < op.start for j, other in enumerate(must)):
                continue
            if op.lost() and any(happened >> j & 1 and other.changes() and other.start > op.stale()
                                 for j, other in enumerate(must)):
                continue
            after = value
            if op.kind == 'read':
                if value != op.value:
                    continue
            elif op.result == 'miscompare':
                if value == op.expected:
                    continue
            else:
                if op.kind == 'caw' and value != op.expected:
                    continue
                after = op.value
            if search(after, happened | 1 << i):
                return True
        return False

    return search('0', 0)


def moment(rng, op, horizon):
    if not op.lost():
        return op.start + (op.end - op.start) * rng.random()
    # sometimes never, sometimes late
    return rng.choice([None, op.start + rng.random() * (op.end - op.start), op.start + rng.random() * horizon])


KINDS = ['read', 'read', 'read', 'write', 'write', 'caw', 'caw', 'unmap']
LOCK_KINDS = ['read', 'read', 'caw', 'caw', 'caw', 'caw', 'caw', 'unmap']


def random_value(rng, style, own):
    if style == 'unique':
        return own
    if style == 'lock':
        return rng.choice([own, '0'])
    return rng.choice(['0.0', '1.1', '0'])


def random_blocks(rng, style):
    """Make a history of one block. Its values come from a disk that works, but for late writes."""
    horizon = rng.choice([8, 12, 20])
    ops = []
    for number in range(rng.randint(3, 8 if style == 'unique' else 9)):
        start = rng.randint(0, horizon)
        kind = rng.choice(LOCK_KINDS if style == 'lock' else KINDS)
        op = Op(start, start + rng.choice([0, 1, 2, 4, 8]), number % 3, kind)
        op.value = '0' if kind == 'unmap' else random_value(rng, style, '%d.%d' % (op.nexus, number))
        if kind != 'read' and rng.random() < 0.3:
            op.result = rng.choice(['lost', 'lost', 'busy'])
        ops.append(op)
    if rng.random() < 0.3:
        # a write that is stale while the others run, of which one takes long
        ops[0].start, ops[0].end, ops[0].kind, ops[0].result, ops[0].value = 0, 1, 'write', 'lost', '0.0'
        ops[1].end, ops[1].kind, ops[1].result, ops[1].value = ops[1].start + 6, 'write', 'good', '1.1'
        for op in ops[2:]:
            op.kind = 'read' if rng.random() < 0.5 else op.kind
            op.result = 'good' if op.kind == 'read' else op.result
            op.end = min(op.end, op.start + 2)
    order = [(moment(rng, op, horizon), i) for i, op in enumerate(ops)]
    value = '0'
    values = ['0'] + [op.value for op in ops if op.kind in ('write', 'caw')]
    for when, i in sorted((when, i) for when, i in order if when is not None):
        op = ops[i]
        if op.kind == 'read':
            op.value = value
        elif op.kind == 'caw':
            op.expected = value if rng.random() < 0.7 else rng.choice(values)
            if style == 'lock' and op.expected != '0':
                op.value = '0'
            if op.expected == value and op.result != 'busy':
                value = op.value
            elif op.result == 'good':
                op.result = 'miscompare'
        elif op.result != 'busy':
            value = op.value
    for op in ops:
        if op.kind == 'caw' and op.expected is None:
            op.expected = rng.choice(values)
    if rng.random() < 0.5:
        change_blocks(rng, ops, values)
    return ops


def change_blocks(rng, ops, values):
    op = rng.choice(ops)
    if op.kind == 'read':
        op.value = rng.choice(values)
    elif op.kind == 'caw':
        if op.done() and rng.random() < 0.5:
            op.result = 'good' if op.result == 'miscompare' else 'miscompare'
        else:
            op.expected = rng.choice(values)
    elif op.result == 'good':
        op.result = 'busy'
    else:
        op.result = 'good'


# Reservations: registered nexuses, holder, type, and the last PREEMPT: by whom, of whom, and the
# type that it made
NOTHING = (frozenset(), None, 0, None)


def preempt(state, op):
    registered, holder, kind, last = state
    if op.a not in registered:
        # the PREEMPT comes again
        return state, last in ((op.nexus, op.a, 0), (op.nexus, op.a, op.b)) and \
            (last[2] == 0 or (holder, kind) == (op.nexus, op.b))
    if holder == op.a:
        return (registered - {op.a}, op.nexus, op.b, (op.nexus, op.a, op.b)), True
    return (registered - {op.a}, holder, kind, (op.nexus, op.a, 0)), True


def apply(state, op):
    """Return the state after a reservation command, and whether it is good."""
    registered, holder, kind, last = state
    me = op.nexus
    if op.kind == 'register':
        return (registered | {me}, holder, kind, None if last and last[1] == me else last), True
    if op.kind == 'unregister':
        return (registered - {me},) + ((None, 0) if holder == me else (holder, kind)) + (last,), True
    if me not in registered:
        return state, False
    if op.kind == 'reserve':
        if holder is None:
            return (registered, me, op.a, last), True
        return state, (holder, kind) == (me, op.a)
    if op.kind == 'release':
        return ((registered, None, 0, last) if (holder, kind) == (me, op.a) else state), True
    if op.kind == 'clear':
        return NOTHING, True
    return preempt(state, op)


def let(state, op):
    _, holder, kind, _ = state
    return holder in (None, op.nexus) or (op.kind == 'read' and kind == 1)


def given_up(op, ops):
    """Return when an open command was no longer worked on, though it may be on its way."""
    if op.result == UNKNOWN:
        return op.end
    return min((login.end for login in ops
                if login.kind == 'login' and login.nexus == op.nexus and login.start >= op.end), default=float('inf'))


def may_come_again(op, ops):
    return op.kind in ('preempt', 'abort') and any(
        other is not op and other.kind in ('preempt', 'abort') and (other.nexus, other.a) == (op.nexus, op.a) and
        other.start < op.end for other in ops)


def writes_record(op, ops):
    return op.result == 'good' and op.kind in ('register', 'unregister', 'clear', 'preempt', 'abort') and \
        not may_come_again(op, ops)


def possible_reservations(ops):
    must = [op for op in ops if op.result in ('good', 'conflict') and op.kind != 'login']
    everything = must + [op for op in ops if op.result in ('lost', UNKNOWN)]

    @lru_cache(None)
    def search(state, happened):
        if all(happened >> i & 1 for i in range(len(must))):
            return True
        for i, op in enumerate(everything):
            if happened >> i & 1:
                continue
            if any(not happened >> j & 1 and other.end < op.start for j, other in enumerate(must)):
                continue
            if op not in must and any(happened >> j & 1 and writes_record(other, ops) and other.start >= given_up(op, ops)
                                      for j, other in enumerate(must)):
                continue
            if op.kind in ('read', 'unmap'):
                after, good = state, let(state, op)
            else:
                after, good = apply(state, op)
            if good == (op.result != 'conflict') and search(after, happened | 1 << i):
                return True
        return False

    return search(NOTHING, 0)


def random_reservations(rng):
    ops = []
    for nexus in range(3):
        if rng.random() < 0.8:
            ops.append(Op(0, 1, nexus, 'register', b=0))
    for _ in range(rng.randint(2, 6)):
        start = rng.randint(2, 12)
        op = Op(start, start + rng.choice([0, 1, 2, 4]), rng.randrange(3),
                rng.choice(['reserve', 'reserve', 'preempt', 'preempt', 'abort', 'release', 'clear', 'unregister',
                            'read', 'unmap', 'unmap']), b=0)
        if op.kind in ('reserve', 'release'):
            op.a = rng.choice([1, 3])
        elif op.kind in ('preempt', 'abort'):
            op.a, op.b = (op.nexus + 1 + rng.randrange(2)) % 3, rng.choice([1, 3])
        elif op.kind in ('read', 'unmap'):
            op.b, op.value = 1, '0'
        if op.kind not in ('read', 'unmap') and rng.random() < 0.2:
            op.result = rng.choice(['lost', 'lost', UNKNOWN])
        ops.append(op)
        if op.result == 'lost' and rng.random() < 0.7:
            ops.append(Op(op.end, op.end + rng.choice([0, 1, 2, 4]), op.nexus, 'login', b=0))
    state = NOTHING
    moments = [(moment(rng, op, min(given_up(op, ops), 16) - op.start) or op.end, i) for i, op in enumerate(ops)]
    for op in [ops[i] for _, i in sorted(moments)]:
        if op.kind == 'login':
            continue
        if op.kind in ('read', 'unmap'):
            good = let(state, op)
        else:
            after, good = apply(state, op)
            if not op.lost() or (good and rng.random() < 0.5):
                state = after
        if not op.lost() and not good:
            op.result = 'conflict'
    if rng.random() < 0.5:
        op = rng.choice([op for op in ops if op.kind != 'login'])
        op.result = 'good' if op.result == 'conflict' else 'conflict'
    return ops


def crowd(ops):
    """Make the same, with so many commands without an effect that are open all the time that not
    all orders can be tried.
    """
    return ops + [Op(0, 1, 3, 'release', UNKNOWN, a=1 + 2 * (i % 2), b=0) for i in range(70)]


def run_checker(checker, histories):
    """Yield for each history whether the checker found something."""
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for i, ops in enumerate(histories):
            names.append(os.path.join(folder, str(i)))
            with open(names[-1], 'w', encoding='ascii') as file:
                file.writelines(op.line() + '\n' for op in ops)
        found = []
        for i in range(0, len(names), 500):
            ran = subprocess.run([checker, '--window', str(WINDOW)] + names[i:i + 500],
                                 stdout=subprocess.PIPE, text=True, check=False)
            if ran.returncode not in (0, 1):
                sys.exit('the checker ended with status %d' % ran.returncode)
            found += [not line.endswith(' 0 wrong') for line in ran.stdout.splitlines() if line.startswith(folder)]
        return found


def show(ops):
    for op in sorted(ops, key=lambda op: op.start):
        print('#   ' + op.line())


def compare(checker):
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 4000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    rng = random.Random(seed)
    print('TAP version 13\n# seed %d' % seed)

    failed = False
    number = 1
    for style, name in (('unique', 'a block'), ('lock', 'a lock word'), ('few', 'a block with three values')):
        histories = [random_blocks(rng, style) for _ in range(count)]
        found = run_checker(checker, histories)
        wanted = [not possible(ops) for ops in histories]
        differ = [i for i in range(count) if found[i] != wanted[i]]
        for i in differ[:3]:
            print('# %s, the checker says otherwise:' % ('impossible' if wanted[i] else 'possible'))
            show(histories[i])
        alike = not differ and len(found) == count
        print('%sok %d %d histories of %s, %d of them impossible: decided alike' %
              ('' if alike else 'not ', number, count, name, sum(wanted)))
        failed = failed or not alike
        number += 1

    histories = [random_reservations(rng) for _ in range(count)]
    wanted = [not possible_reservations(ops) for ops in histories]
    for name, given in (('histories of reservations', histories),
                        ('of them among too many open commands', [crowd(ops) for ops in histories[:count // 8]])):
        found = run_checker(checker, given)
        alarms = [i for i, ops in enumerate(given) if found[i] and not wanted[i]]
        for i in alarms[:3]:
            print('# possible, the checker says otherwise:')
            show(histories[i])
        print('%sok %d %d %s: no false alarm' % ('not ' if alarms else '', number, len(given), name))
        there = sum(wanted[:len(given)])
        share = sum(f and w for f, w in zip(found, wanted)) / max(1, there)
        print('%sok %d %.1f percent of %d impossible ones are found' %
              ('' if share > 0.9 else 'not ', number + 1, 100 * share, there))
        failed = failed or bool(alarms) or share <= 0.9
        number += 2
    print('1..7')
    return failed


def main():
    with tempfile.TemporaryDirectory() as folder:
        checker = os.path.join(folder, 'check')
        subprocess.run(['make', '-s', '-C', TOOLS, 'OUTPUT=' + folder, checker], check=True)
        return compare(checker)


sys.exit(main())
