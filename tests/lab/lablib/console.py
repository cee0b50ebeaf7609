# SPDX-License-Identifier: GPL-2.0
"""A node's kernel log, and whether it complained.

The serial console of a guest goes to a file that is only ever appended to, so
it tells the whole story of a node over all its restarts. `mark` notes the end
of every node's log; `complaints` looks at what came after the mark and returns
the lines that mean that something in the kernel is wrong, each with a few that
follow it. A test run marks, runs, and fails if there are complaints.

Only lines with a kernel time stamp count: programs print on the console too.

A guest that was paused finds on waking that minutes have passed, and may then
take its own sleep for a stall. So pausing leaves a note with the place in the
log, and waking prints a line with the kernel's own time. Complaints that are
about time, and about nothing else, are forgiven between the one and a few
seconds after the other.
"""

import os
import re

from .state import read_json, write_json

STAMP = r"\[ *(\d+\.\d{6})\](?:\[ *[TC]\d+\])? (.*)"

# About time only: these may be the echo of a pause.
LATE = [
    r"INFO: task .* blocked for more than",
    r"rcu: INFO: .*stall",
    r"rcu: .*kthread (?:starved|timer wakeup didn't happen)",
    r"INFO: rcu_\w+ .*stall",
    r"watchdog: BUG: soft lockup",
    r"workqueue lockup",
    r"hogged CPU for",
]

WRONG = [
    r"BUG:",
    r"kernel BUG at",
    r"WARNING:",
    r"Oops",
    r"Kernel panic",
    r"general protection fault",
    r"Unable to handle kernel",
    r"unable to handle page fault",
    r"KASAN:",
    r"UBSAN:",
    r"KCSAN:",
    r"kmemleak: .*new suspected",
    r"refcount_t:",
    r"list_(?:add|del) corruption",
    r"BUG (?:kmalloc|[\w-]+) ",
    r"Objects remaining in ",
    r"slab cache .* still has objects",
    r"possible (?:circular|recursive) locking",
    r"inconsistent lock state",
    r"suspicious RCU usage",
    r"scheduling while atomic",
    r"sleeping function called from invalid context",
    r"Bad page state",
    r"page allocation failure",
    r"Out of memory: Killed",
    r"unregister_netdevice: waiting",
    r"stack-protector:",
    r"double fault",
    r"Call Trace:",
]

# Reports of the stock kernel's own faults: the beginning of one, and a line in it.
#
# LIO ends a session whose connection broke in a timer, that is, in softirq context, and takes
# session_lock there. Elsewhere it has that lock while it takes conn_lock, and conn_lock while it
# takes tpg_state_lock (iscsit_start_time2retain_handler()), which it takes without disabling
# softirqs. Seen with lockdep on 6.12, when initiators went without a log-out: all functions in its
# chains are iscsi_target_mod's.
#
# LIO's third-party copies keep their commands on the stack, and every command has a work_struct
# that is initialised as if it were not on the stack.
#
# An initiator that logs out removes its SCSI target in a work item of iscsi_ctrl_*, a queue for
# memory reclaim, and that waits for power management's work of the device, whose queue is none.
# Seen on 6.12 when that work happened to be queued just then.
KNOWN = [
    (r"ODEBUG: object .* is on stack .*, but NOT annotated",
     r"Workqueue: xcopy_wq target_xcopy_do_work "),
    (r"WARNING: possible irq lock inversion dependency detected",
     r"\(&se_tpg->session_lock\).*, at: iscsit_handle_time2retain_timeout\+"),
    (r"WARNING: .* check_flush_dependency",
     r"Workqueue: iscsi_ctrl_\S+ __iscsi_unbind_session "),
]

# not compiled here: most commands need none of them, and it takes some milliseconds
TRACE = r"Call Trace:$"
ANY_LATE = "|".join(LATE)
ANY_WRONG = "|".join(WRONG + LATE)
AWAKE = "lab: resumed"
GRACE = 10.0        # seconds after waking
CONTEXT = 25        # lines of a report that follow its first


class Console:
    def __init__(self, folder):
        self.path = os.path.join(folder, "console")
        self.notes = os.path.join(folder, "console.json")

    def size(self):
        try:
            return os.path.getsize(self.path)
        except FileNotFoundError:
            return 0

    def mark(self):
        notes = read_json(self.notes)
        notes["mark"] = self.size()
        write_json(self.notes, notes)

    def marked(self):
        return read_json(self.notes).get("mark", 0)

    def note_pause(self):
        notes = read_json(self.notes)
        notes.setdefault("pauses", []).append(self.size())
        write_json(self.notes, notes)

    def text(self, offset=0):
        try:
            with open(self.path, "rb") as file:
                file.seek(offset)
                return file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    def complaints(self, allow=()):
        """Return groups of lines since the mark, each a complaint and the lines that follow it."""
        notes = read_json(self.notes)
        mark = notes.get("mark", 0)
        forgiven = self.pauses(notes.get("pauses", []))
        allowed = [re.compile(expression) for expression in allow]
        groups = []
        offset, following = mark, 0
        for line in self.text(mark).splitlines(keepends=True):
            here = offset
            offset += len(line.encode(errors="replace"))
            line = line.rstrip("\r\n")
            found = re.search(STAMP, line)
            wrong = found and re.search(ANY_WRONG, found[2])
            if wrong and re.search(ANY_LATE, found[2]) and any(
                    start <= here and (end is None or here <= end) for start, end in forgiven):
                wrong = None
            if wrong and any(expression.search(line) for expression in allowed):
                wrong = None
            if following and (wrong or found):
                following -= 1
                groups[-1].append(line)
            elif wrong:
                groups.append([line])
                following = CONTEXT
        return self.unknown(groups)

    def unknown(self, groups):
        """Return those that are not in KNOWN. The trace at the end of a report may be a group of
        its own.
        """
        result, trace_belongs = [], False
        for group in groups:
            if any(re.search(first, group[0]) and any(re.search(detail, line) for line in group[1:])
                   for first, detail in KNOWN):
                trace_belongs = not any(re.search(TRACE, line) for line in group)
            elif trace_belongs and re.search(TRACE, group[0]):
                trace_belongs = False
            else:
                result.append(group)
        return result

    def pauses(self, starts):
        """Return [start, end] of the stretches of log in which lateness is forgiven."""
        stretches = []
        for start in starts:
            text = self.text(start)
            end, offset, awake = None, start, None
            for line in text.splitlines(keepends=True):
                found = re.search(STAMP, line)
                if found and awake is None and AWAKE in line:
                    awake = float(found[1])
                elif found and awake is not None and (
                        float(found[1]) > awake + GRACE or float(found[1]) < awake):
                    end = offset
                    break
                offset += len(line.encode(errors="replace"))
            stretches.append((start, end))
        return stretches
