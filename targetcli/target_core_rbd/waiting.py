# SPDX-License-Identifier: GPL-2.0
"""Waiting for a cluster once, and not for each unit.

The kernel waits a minute for a cluster that does not answer. Restoring a configuration opens one unit after the other,
so twenty units would hold a boot for twenty minutes. While a configuration is restored, a unit is therefore not tried
when another one has just waited in vain for the same: for its monitors, or, where these answered, for its pool.

Outside of that each try is a try: whoever creates a unit by hand has mended something before.
"""

from contextlib import contextmanager

NO_SESSION = 'no session with the cluster'

_silent = None


@contextmanager
def once():
    """Within this, nobody waits twice for the same."""
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
    """A unit got no answer; said is what the kernel module had to say."""
    if _silent is not None:
        _silent.add((monitors, None if any(NO_SESSION in line for line in said) else pool))
