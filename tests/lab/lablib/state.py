# SPDX-License-Identifier: GPL-2.0
"""Tell which lab this is, and keep its files.

A lab has a name, LAB_NAME, "lab" if unset, and a folder of that name, which holds everything: the
cluster's data, the consoles of the nodes, what guests share with the machine. Removing the
namespace's processes, the namespace and the folder removes the lab.

    lab.json            the settings of `lab up`; complete when the lab is ready
    ceph/               conf, keyring, sockets, logs and data of the cluster
    node/NAME/          node.json, console, marks, sockets of one guest
    share/              /lab in every guest

The folder is on disk, since three object stores do not fit in memory. It may outlive a crash of the
machine; so nothing in it is believed without a look at the namespace, and a process only if number
and start time are those recorded.
"""

import json
import os
import re
import shutil
import sys
import time


class LabError(Exception):
    """A message of one line for the user."""


def process_fields(pid):
    """Return the fields of a process' stat file behind its name; nothing if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()
    except OSError:
        return []


def process_start(pid):
    """Return the start time of a live process in clock ticks; None if it is gone or a zombie."""
    fields = process_fields(pid)
    return None if not fields or fields[0] in "ZX" else int(fields[19])


def process_cpu_seconds(pid):
    """Return the CPU seconds that a process has used up; none if it is gone."""
    return sum(map(int, process_fields(pid)[11:13])) / os.sysconf("SC_CLK_TCK")


def process_alive(record):
    """Is the process of a {pid, start} record still that process?"""
    return bool(record) and process_start(record["pid"]) == record["start"]


def process_record(pid):
    return {"pid": pid, "start": process_start(pid)}


def outrank(pid):
    """Give a process that leads a session of its own more of the processors than other sessions
    have.

    Where the kernel groups processes by their sessions, nice only tells those of one session apart.
    """
    try:
        with open(f"/proc/{pid}/autogroup", "w", encoding="ascii") as group:
            group.write("-10")
    except OSError:
        pass    # this kernel does not, or we may not


def write_json(path, value):
    """Write it whole or not at all: readers and crashes see no half-written file."""
    temporary = f"{path}.{os.getpid()}"
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1)
    os.replace(temporary, path)


def read_json(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (FileNotFoundError, ValueError):
        return {}


class Progress:
    """Print one line per step on stderr, with the seconds since the start."""

    def __init__(self):
        self.start = time.monotonic()

    def __call__(self, text):
        print(f"[{time.monotonic() - self.start:6.1f} s] {text}", file=sys.stderr, flush=True)


class Lab:
    def __init__(self):
        self.name = os.environ.get("LAB_NAME") or "lab"
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,23}", self.name):
            raise LabError(f"LAB_NAME={self.name}: up to 24 of a-z, 0-9 and -, please")
        self.namespace = f"rbd-{self.name}"
        self.top = os.path.join(os.environ.get("TMPDIR") or "/var/tmp", "target_core_rbd-lab")
        self.folder = os.path.join(self.top, self.name)
        if len(self.folder) > 72:
            # Sockets are in it, and their paths end at 107 characters.
            raise LabError(f"{self.folder}: too long; set TMPDIR to a shorter path")
        self.share = self.path("share")
        self.progress = Progress()

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def settings(self):
        return read_json(self.path("lab.json"))

    def save_settings(self, settings):
        write_json(self.path("lab.json"), settings)

    def exists(self):
        return os.path.isdir(self.folder)

    def require(self):
        """Return the settings of a lab that is up, or raise an error if there is none."""
        settings = self.settings()
        if not settings.get("ready"):
            raise LabError(f"lab '{self.name}' is not up: lab up"
                           if not self.exists() else
                           f"lab '{self.name}' did not finish coming up: lab down, lab up")
        return settings

    def create(self):
        os.makedirs(self.share)

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        if os.path.exists(self.folder):     # a process that was still writing
            shutil.rmtree(self.folder)
        try:
            os.rmdir(self.top)
        except OSError:
            pass                            # another lab lives there
