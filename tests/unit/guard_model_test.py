#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Try the rules of the write guard on a model with random delays and faults (guard_model.py), with
the times of protocol.h.

With all rules and initiators as patient as W, no run may break the promise. With any one rule taken
out some run must break it, or the rule would not be needed, or this test could not tell. The test
also sweeps the patience: the smallest one without a violation must not be above W.

    guard_model_test.py [--runs N]              the test
    guard_model_test.py --sweep [--runs N]      violations against patience, as a table

    --set TRBD_JUMP_MS=1000     another time than that of protocol.h
    --old                       the times and rules before W was 4 s
    --without RULE              take a rule out
    --mix NAME                  one mix of faults instead of all
    --patience MS,MS,...        of the sweep
"""

import argparse
import os
import sys

import guard_world
from guard_model import MIXES, NARROW, Prompt, Sim, WorstCase
from guard_world import RULES

PROTOCOL = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../protocol.h')
PATIENCES = [1000, 1600, 2000, 2400, 2800, 3000, 3300, 3600, 4000, 5000, 7000, 10000, 15000]
OLD_TIMES = {'TRBD_HEARTBEAT_MS': 1000, 'TRBD_LEASE_MS': 3000, 'TRBD_JUMP_MS': 1000, 'TRBD_TICK_MS': 250,
             'TRBD_QUARANTINE_MS': 5000, 'TRBD_ADMISSION_MS': 2000, 'TRBD_GRANULE_MS': 256}
OLD_LACK = {'accepted at parse', 'limit of the versioned write', 'limit of its retry', 'limit of the link', 'witness',
            'new table', 'rejoin'}

# For each rule, the mix of faults that shows soonest that it is needed. So few runs show that for
# the other rules that this test does not look for it: jump, nap, greatest stamp, two readings, went
# on, start at the limit, rejoin, new table.
SHOWN_BY = {
    'admission': 'table lost',
    'accepted at parse': 'one by one',
    'compare': 'nothing',
    'fallback limit': 'nothing',
    'store': 'nothing',
    'exclusive create': 'conspiracy',
    'keep on discard': 'nothing',
    'least limit': 'together',
    'limit of the versioned write': 'one by one',
    'limit of its retry': 'together',
    'limit of the link': 'conspiracy',
    'condition': 'one by one',
    'version': 'together',
    'merge': 'together',
    'stall': 'pause',
    'quarantine': 'one by one',
    'lease': 'cut and freeze',
    'majority': 'split and freeze',
    'witness': 'freeze together',
}


def number(text):
    name, _, value = text.partition('=')
    return name, int(value)


def parse_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument('--runs', type=int, default=0)
    parser.add_argument('--sweep', action='store_true')
    parser.add_argument('--old', action='store_true')
    parser.add_argument('--set', type=number, action='append', default=[], metavar='NAME=MS')
    parser.add_argument('--without', action='append', default=[], metavar='RULE')
    parser.add_argument('--mix', action='append', default=[], choices=MIXES | NARROW)
    parser.add_argument('--patience', type=lambda text: [int(part) for part in text.split(',')], default=[])
    parser.add_argument('--witness', choices=guard_world.WITNESSES, default=guard_world.WITNESSES[0])
    return parser.parse_args()


class Result:
    """Of several runs."""

    def __init__(self):
        self.runs = self.violations = self.acks = self.asleep_acks = self.asleep_lost = self.quarantines = 0
        self.first = None

    def add(self, sim, seed):
        self.runs += 1
        self.acks += sim.acks
        self.asleep_acks += sim.asleep_acks
        self.quarantines += sim.quarantines
        self.asleep_lost += sim.asleep_lost
        if sim.violation:
            self.violations += 1
            self.first = self.first or f'run {seed}: {sim.violation}'


class Test:
    """Do the runs, and report them."""

    def __init__(self, arguments):
        overrides = dict(OLD_TIMES) if arguments.old else {}
        overrides.update(arguments.set)
        self.const = guard_world.read_constants(PROTOCOL, overrides)
        self.rules = set(RULES) - set(arguments.without) - (OLD_LACK if arguments.old else set())
        self.mixes = arguments.mix or list(MIXES)
        self.witness = arguments.witness
        self.count = self.failed = 0

    def run(self, runs, patience, without=(), mixes=None, until_violation=False, kind=Sim):
        result = Result()
        for seed in range(runs):
            sim = kind(seed, self.const, self.rules - set(without), patience, mixes or self.mixes, self.witness)
            sim.run()
            result.add(sim, seed)
            if sim.violation and until_violation:
                break
        return result

    def check(self, good, text, comment=None):
        self.count += 1
        self.failed += not good
        print(f'{"ok" if good else "not ok"} {self.count} {text}')
        if comment:
            print(f'# {comment}', flush=True)

    def sweep(self, runs, patiences, prefix='# '):
        """Return the smallest patience without a violation, there and above."""
        smallest = None
        for patience in patiences:
            result, worst = self.run(runs, patience), self.run(runs, patience, kind=WorstCase)
            print(f'{prefix}patience {patience / 1000} s: {result.violations} violations in {runs} runs, {worst.violations} in '
                  f'{runs} of the worst case', flush=True)
            if result.violations or worst.violations:
                smallest = None
            elif smallest is None:
                smallest = patience
        return smallest

    def test(self, runs):
        w = self.const['W']
        print('TAP version 13')
        print(f'1..{len(SHOWN_BY) + 5}')
        result = self.run(3 * runs, w)
        self.check(not result.violations, f'with all rules and patience {w / 1000} s nothing old is carried out',
                   f'{result.runs} runs, {result.acks} acknowledged, {result.asleep_acks} of them by a gateway that did not '
                   f'know yet that its clock had stood still, of which {result.asleep_lost} were lost. {result.first or ""}')
        self.check(result.acks > 3 * result.runs, 'and the runs get somewhere')
        result = self.run(2 * runs, w, kind=WorstCase)
        self.check(not result.violations, 'nor is it when all is as late as nobody notices', result.first)
        away = self.run(runs // 2, w, mixes=['one away'], kind=Prompt)
        result = self.run(runs // 2, w, mixes=['no trouble'], kind=Prompt)
        self.check(not away.violations and away.quarantines == 0 and away.acks > 0.95 * result.acks,
                   'while one table does not answer, all goes on',
                   f'{away.acks} acknowledged, of {result.acks} with three tables; {away.quarantines} quarantines')
        for rule, mix in SHOWN_BY.items():
            result = self.run(2000, w, [rule], [mix], True)
            self.check(result.violations, f'it is needed that {RULES[rule]}', result.first)
        smallest = self.sweep(runs // 2, [patience for patience in PATIENCES if patience <= w])
        self.check(smallest is not None, f'a patience of {w / 1000} s is enough', f'the smallest is {smallest}')


def main():
    arguments = parse_arguments()
    test = Test(arguments)
    if arguments.sweep:
        print(' '.join(f'{name} {value}' for name, value in test.const.items()))
        smallest = test.sweep(arguments.runs or 1000, arguments.patience or PATIENCES, '')
        print(f'smallest patience without a violation: {smallest}')
        return
    test.test(arguments.runs or 300)
    sys.exit(1 if test.failed else 0)


if __name__ == "__main__":
    main()
