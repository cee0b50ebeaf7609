# SPDX-License-Identifier: GPL-2.0
"""Measure the frequency of the time stamp counter, which an emulated processor passes on from the
real one.

A guest measures it while it boots. On a busy machine it measures wrong, by a factor of seven once,
and its clocks run wrong by as much from then on: two gateways with such clocks have no time in
common. So it is measured here, in one go that does not depend on being scheduled, and guests are
told.
"""

import functools
import time

# rdtsc; shl rdx,32; or rax,rdx; ret
RDTSC = b"\x0f\x31\x48\xc1\xe2\x20\x48\x09\xd0\xc3"
MEASURE = 0.1


def _pair(rdtsc):
    """Read counter and clock at the same moment: of several readings, take the one that took least
    time.
    """
    readings = []
    for _ in range(20):
        before = time.monotonic_ns()
        counter = rdtsc()
        after = time.monotonic_ns()
        readings.append((after - before, counter, (before + after) / 2))
    return min(readings)[1:]


@functools.lru_cache(maxsize=None)
def tsc_khz():
    """Return it in kHz, or None where it cannot be measured."""
    import ctypes
    import mmap
    import platform
    if platform.machine() != "x86_64":
        return None
    try:
        code = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    except OSError:
        return None
    code.write(RDTSC)
    address = ctypes.addressof(ctypes.c_char.from_buffer(code))
    rdtsc = ctypes.CFUNCTYPE(ctypes.c_uint64)(address)
    counter0, clock0 = _pair(rdtsc)
    time.sleep(MEASURE)
    counter1, clock1 = _pair(rdtsc)
    return round((counter1 - counter0) * 1e6 / (clock1 - clock0))
