#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Makes a backstore and removes it, over and over; each time one allocation fails, the next one of the way.

    nth.py NAME CONTROL STEP [STRIDE]   STEP: mkdir, control, enable, rmdir

Runs on a gateway. In round N the Nth of the module's allocations fails that this task makes in STEP
(/proc/thread-self/fail-nth), until there is no Nth (or each STRIDEth only). A step that failed is done once more, without, and must work
then. Prints a line per outcome, how many rounds had it, and "failed: ..." for each round that was not right.
"""

import collections
import errno
import os
import re
import sys

CORE = "/sys/kernel/config/target/core/rbd_0"
MOST = 3000


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


def main():
    name, control, step, *stride = sys.argv[1:]
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
    wrong = 0
    for n in range(1, MOST, int(*stride or [1])):
        hit = None
        for which, act in steps.items():
            if which != step:
                act()
                continue
            error = 0
            fail_nth(n)
            try:
                act()
            except OSError as failure:
                error = failure.errno
            hit = left() == 0
            fail_nth(0)
            if not hit:
                print("was", errno.errorcode.get(error, "good"), "without a failure")
                wrong += error != 0
                if not error:
                    continue
            outcome = errno.errorcode.get(error, "good")
            outcomes[outcome] += hit
            if error not in (0, errno.ENOMEM):
                print(f"failed: {outcome} in round {n}")
                wrong += 1
            if error:
                act()
        if not hit:
            break
    else:
        print(f"failed: no end after {MOST} rounds")
        wrong += 1
    for outcome, count in outcomes.items():
        print(outcome, count)
    sys.exit(wrong > 0 or not outcomes)


main()
