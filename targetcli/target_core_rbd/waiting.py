# SPDX-License-Identifier: GPL-2.0
"""Wait for a cluster once, and not for each unit.

The kernel waits a minute for a cluster that does not answer. Restoring a configuration opens one
unit after the other, so twenty units would hold up a boot for twenty minutes. So while a
configuration is being restored, skip a unit when another one has just waited in vain for the same
thing: for its monitors, or, if these answered, for its pool.

Outside of a restore, each try really tries: an operator who creates a unit by hand has mended
something before.
"""

from contextlib import contextmanager

NO_SESSION = 'no session with the cluster'

_silent = None


@contextmanager
def once():
    """Let nobody wait twice for the same thing within this."""
    global _silent
    outer = _silent
    if outer is None:
        _silent = set()
    try:
        yield
    finally:
        _silent = outer


def was_in_vain(monitors, pool):
    return _silent is not None and ((monitors, None) in _silent or (monitors, pool) in _silent)


def note(monitors, pool, said):
    """Note that a unit got no answer; said is the kernel module's message."""
    if _silent is not None:
        _silent.add((monitors, None if any(NO_SESSION in line for line in said) else pool))
