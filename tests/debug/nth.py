#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Make a backstore and remove it, over and over; each time one allocation fails, the next one of
the way.

    nth.py NAME CONTROL STEP ROUNDS     STEP: mkdir, control, enable, rmdir

This runs on a gateway. In round N the Nth of the module's allocations fails that this task makes in
STEP (/proc/thread-self/fail-nth), until there is no Nth. If there are more than ROUNDS, only some
of them fail, at equal distances, another choice each time. A step that failed is done once more
without failures, and must work then. The program prints a line per outcome, how many rounds had it,
and "failed: ..." for each round that was not right.
"""

import collections
import errno
import os
import random
import re
import sys

CORE = "/sys/kernel/config/target/core/rbd_0"
MOST = 100000


def write(path, text):
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def fail_nth(n):
    write("/proc/thread-self/fail-nth", str(n))


def left():
    with open("/proc/thread-self/fail-nth", encoding="ascii") as file:
        return int(file.read())


def run(steps, step, n):
    """Do all steps while the Nth allocation of STEP fails. Return how many were left, the step's
    error, and whether all was well.
    """
    for which, act in steps.items():
        if which != step:
            act()
            continue
        error, fine = 0, True
        fail_nth(n)
        try:
            act()
        except OSError as failure:
            error = failure.errno
        rest = left()
        fail_nth(0)
        if error not in (0, errno.ENOMEM) or error and rest:
            print(f"failed: {errno.errorcode[error]} in round {n}")
            fine = False
        if error:
            act()
    return rest, error, fine


def main():
    name, control, step, rounds = sys.argv[1:]
    keyring = open("/etc/ceph/ceph.client.admin.keyring", encoding="ascii").read()
    control += ",secret=" + re.search(r"key = (\S+)", keyring)[1]
    backstore = f"{CORE}/{name}"
    steps = {
        "mkdir": lambda: os.mkdir(backstore),
        "control": lambda: write(f"{backstore}/control", control),
        "enable": lambda: write(f"{backstore}/enable", "1"),
        "rmdir": lambda: os.rmdir(backstore),
    }
    os.makedirs(CORE, exist_ok=True)
    outcomes = collections.Counter()
    rest, _, well = run(steps, step, MOST)
    total = MOST - rest
    stride = max(1, -(-total // int(rounds)))
    for n in range(random.randint(1, stride), MOST, stride):
        rest, error, fine = run(steps, step, n)
        well = well and fine
        if rest:
            break
        outcomes[errno.errorcode.get(error, "good")] += 1
    else:
        print(f"failed: no end after {MOST} allocations")
        well = False
    print(f"{outcomes.total()} of {total} allocations failed:", dict(outcomes))
    sys.exit(not (well and outcomes))


main()
