# SPDX-License-Identifier: GPL-2.0
"""Add COUNT snapshots to an image's header at once, and tell its watchers.

   many_snapshots.py POOL HEADER COUNT

librbd takes half a second for each. Only the header knows these snapshots; later writes keep the
old data for them.
"""
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from rados_pool import Pool, framed, packed

HEADER_UPDATE = 3

pool, header, count = sys.argv[1:]
pool = Pool(pool)
for snap_id in range(1, int(count) + 1):
    pool.call(header, b"snapshot_add", packed(b"snap%d" % snap_id) + struct.pack("<Q", snap_id))
if not pool.notify(header, framed(HEADER_UPDATE, b""), 10000):
    sys.exit("not everybody has answered")
