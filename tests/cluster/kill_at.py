#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""kill_at.py NUMBER WORDS...: run trbdctl with WORDS, and kill it before its change of that number.

A change is whatever makes, writes, links, moves or removes a file, so also everything in configfs.
With 0 nothing is killed, and the last line on stderr is the number of changes.
"""

import os
import runpy
import signal
import sys

CHANGES = {"os.mkdir", "os.rmdir", "os.symlink", "os.link", "os.rename", "os.remove", "os.chmod"}
at = int(sys.argv[1])
count = 0


def is_change(event, args):
    if event == "open":
        return bool(args[2] & (os.O_ACCMODE | os.O_CREAT))
    return event in CHANGES


def count_changes(event, args):
    global count
    if is_change(event, args):
        count += 1
        if count == at:
            os.kill(os.getpid(), signal.SIGKILL)


sys.argv[:] = ["trbdctl", *sys.argv[2:]]
sys.addaudithook(count_changes)
try:
    runpy.run_module("trbdctl", run_name="__main__", alter_sys=True)
finally:
    print(count, file=sys.stderr)
