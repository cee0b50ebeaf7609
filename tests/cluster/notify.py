#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""One of librbd's notifications about quiescing, as a client sends it that takes a snapshot.

    notify.py POOL OBJECT quiesce|unquiesce REQUEST

REQUEST tells one snapshot from another. Ends well if all who watch the object acknowledge within five seconds.
"""
import os
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from rados_pool import Pool, framed

OPS = {"quiesce": 18, "unquiesce": 19}

name, oid, what, request = sys.argv[1:]
# who asks: client, image of it, request
body = struct.pack("<QQQ", 1, 1, int(request))
sys.exit(0 if Pool(name).notify(oid, framed(OPS[what], body), 5000) else f"{what}: not acknowledged by all")
