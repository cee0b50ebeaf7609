# SPDX-License-Identifier: GPL-2.0
"""Take this gateway out of service for units, and put it back.

The attribute `drain` of a unit does it. attrib/ports tells how far it is: its first line begins
with `serving`, `draining` or `drained`, and the lines `group NUMBER STATE GATEWAY` have the groups
of all gateways. A unit that no other gateway serves is drained only when forced, since its hosts
would be left without a path.
"""

import re
import time
from collections import namedtuple

Ports = namedtuple('Ports', 'service in_flight groups')
POLL_S = 0.5


def parse(text):
    """Parse attrib/ports."""
    first = re.match(r'(\w+)(?: in_flight (\d+))?', text)
    groups = [(int(number), state, host) for number, state, host in re.findall(r'^group (\d+) (\S+) (\S+)', text, re.M)]
    return Ports(first[1] if first else '', int(first[2] or 0) if first else 0, groups)


def read(disk):
    try:
        with open(disk.path + '/attrib/ports', encoding='utf-8', errors='replace') as file:
            return parse(file.read(1 << 16))
    except OSError:
        return Ports('', 0, [])


def others(ports, me):
    """Return the other gateways that serve the unit."""
    return [host for _, state, host in ports.groups if state == 'active' and host.split('.')[0] != me.split('.')[0]]


def wait(disks, wanted, seconds, say, read=read, sleep=time.sleep, clock=time.monotonic):
    """Wait until the units say a word. Return the names of those that do not."""
    end, told = clock() + seconds, None
    while True:
        states = {disk.name: read(disk) for disk in disks}
        left = [name for name, ports in states.items() if ports.service != wanted]
        progress = (len(states) - len(left), sum(states[name].in_flight for name in left))
        if progress != told:
            say('%d of %d units %s, %d commands in flight' % (progress[0], len(states), wanted, progress[1]))
            told = progress
        if not left or clock() >= end:
            return left
        sleep(POLL_S)
