#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Damage the objects that gateways share, other than by destroying data.

    object_fuzz.py POOL HEADER SEED SECONDS WHAT

WHAT is one of
    messages   notifications on the header and the group object: noise, librbd's frame around noise,
               and nearly those that gateways send
    answers    watch the header and answer gateways' notifications with noise, or nearly as gateways
               do
    record     damage the text of the record, again and again, and put it back at the end
    table      damage the content of the group object's free slots, cut it, lengthen it

Print how much of it there was.
"""
import ctypes
import os
import random
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from rados_pool import Pointer, Pool, check, framed, librados, packed

GROUP = "target_core_rbd.group"
OP_GENERATION = 0x74637201
KEY = "target_core_rbd.lu"
ENTRY = 64
SLOTS = 256

WATCHED = ctypes.CFUNCTYPE(None, Pointer, ctypes.c_uint64, ctypes.c_uint64, ctypes.c_uint64, Pointer, ctypes.c_size_t)
BROKEN = ctypes.CFUNCTYPE(None, Pointer, ctypes.c_uint64, ctypes.c_int)


class Shared(Pool):
    """Fill it with content like that which gateways share."""

    def record(self, header):
        raw = self.call(header, b"metadata_get", packed(KEY.encode()))
        return raw[4:4 + struct.unpack_from("<I", raw)[0]]

    def set_record(self, header, text):
        self.call(header, b"metadata_set", struct.pack("<I", 1) + packed(KEY.encode()) + packed(text))


def noise(rng, most):
    return rng.randbytes(rng.choice([0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 18, 20, rng.randrange(64), rng.randrange(most)]))


def damage(rng, data):
    data = bytearray(data)
    for _ in range(rng.choice([0, 1, 1, 3])):
        if not data:
            break
        at = rng.randrange(len(data))
        kind = rng.randrange(4)
        if kind == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[at] = rng.choice([0, 1, 0x7f, 0x80, 0xff])
        elif kind == 2:
            del data[at:]
        else:
            data[at:at] = rng.randbytes(rng.randrange(1, 9))
    return bytes(data)


# Operations of librbd that ask for nothing: 16 (quiesce) would stop all writes, as it should.
def message(rng):
    kind = rng.randrange(5)
    if kind == 0:
        return noise(rng, 4000)
    if kind == 1:
        return damage(rng, framed(rng.choice([0, 1, 2, 3, 4, 5, 6, 7, 17, 18, 99, 1 << 31]), noise(rng, 2000)))
    generation = rng.choice([0, 1, 1 << 32, 1 << 63, (1 << 64) - 1, rng.getrandbits(64)])
    if kind == 2:
        return framed(OP_GENERATION, struct.pack("<Q", generation))
    if kind == 3:
        return framed(OP_GENERATION, noise(rng, 64))
    return damage(rng, framed(OP_GENERATION, struct.pack("<Q", generation)))


def send_messages(pool, header, rng, end):
    count = 0
    while time.monotonic() < end:
        pool.notify(header if rng.random() < 0.8 else GROUP, message(rng))
        count += 1
    return f"{count} messages"


def give_answers(pool, header, rng, end):
    counts = [0, 0]
    ids = [0]

    def watched(_arg, notify_id, cookie, _notifier, _data, _length):
        counts[0] += 1
        kind = rng.randrange(4)
        if kind == 0:
            answer = noise(rng, 60000)
        else:
            # id, generation, commands that drain
            answer = struct.pack("<QQI", rng.choice(ids), rng.choice([0, 1 << 63, (1 << 64) - 1]),
                                 rng.choice([0, 1, 0xffffffff]) if kind == 1 else 0)
            if kind == 3:
                answer = damage(rng, answer)
        librados.rados_notify_ack(pool.io, header.encode(), ctypes.c_uint64(notify_id), ctypes.c_uint64(cookie),
                                  answer, ctypes.c_int(len(answer)))

    def broken(_arg, _cookie, _error):
        counts[1] += 1

    # a gateway's own number would have us answer for it: that is lying, not damage
    ids.append(rng.getrandbits(63))
    handle = ctypes.c_uint64()
    keep = (WATCHED(watched), BROKEN(broken))
    check(librados.rados_watch2(pool.io, header.encode(), ctypes.byref(handle), *keep, None), "watch")
    while time.monotonic() < end:
        time.sleep(0.1)
    librados.rados_unwatch2(pool.io, handle)
    return f"{counts[0]} answers"


def damage_record(pool, header, rng, end):
    saved = pool.record(header)
    lines = saved.splitlines(True)
    count = 0
    while time.monotonic() < end:
        kind = rng.randrange(4)
        if kind == 0:
            text = noise(rng, 100000)
        elif kind == 1:
            text = b"".join(rng.sample(lines, rng.randrange(len(lines) + 1)))
        elif kind == 2:
            at = rng.randrange(len(lines))
            text = b"".join(lines[:at] + [damage(rng, lines[at])] + lines[at + 1:])
            # a readable record is an order, not damage
            if text == saved or b"\n" not in text:
                continue
        else:
            text = saved[:rng.randrange(len(saved))]
        if is_readable(text, lines):
            continue
        pool.set_record(header, text)
        count += 1
        time.sleep(0.05)
    pool.set_record(header, saved)
    return f"{count} records"


def is_readable(text, lines):
    """Tell whether it may be a record after all: the same keywords in the same order, each line of
    the same words.
    """
    other = text.splitlines(True)
    return len(other) == len(lines) and all(
        len(a.split(b" ")) == len(b.split(b" ")) and a.split()[:1] == b.split()[:1] for a, b in zip(other, lines))


def damage_table(pool, _header, rng, end):
    count = 0
    while time.monotonic() < end:
        slot = rng.randrange(8, SLOTS)
        kind = rng.randrange(5)
        if kind == 0:
            pool.write(GROUP, rng.randbytes(ENTRY), slot * ENTRY)
        elif kind == 1:
            pool.write(GROUP, b"TRBDGRP\1" + rng.randbytes(ENTRY - 8), slot * ENTRY)
        elif kind == 2:
            table = pool.read(GROUP)
            entry = damage(rng, table[:ENTRY] if len(table) >= ENTRY else bytes(ENTRY))[:ENTRY]
            pool.write(GROUP, entry or b"\0", slot * ENTRY + rng.choice([0, 0, 0, 7]))
        elif kind == 3:
            pool.truncate(GROUP, 8 * ENTRY + rng.randrange(SLOTS * ENTRY))
        else:
            pool.write(GROUP, rng.randbytes(100), SLOTS * ENTRY + rng.randrange(100000))
        count += 1
        time.sleep(0.05)
    pool.truncate(GROUP, 8 * ENTRY)
    return f"{count} changes"


def main():
    name, header, seed, seconds, what = sys.argv[1:]
    rng = random.Random(f"{seed} {what}")
    run = {"messages": send_messages, "answers": give_answers, "record": damage_record, "table": damage_table}[what]
    print(run(Shared(name), header, rng, time.monotonic() + float(seconds)))


main()
