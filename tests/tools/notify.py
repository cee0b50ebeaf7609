#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Do the steps of a client that takes a snapshot on an image's header, one by one.

    notify.py POOL OBJECT quiesce|unquiesce REQUEST    send one of librbd's notifications, of a
                                                       client that is not there
    notify.py POOL OBJECT attend REQUEST               watch the image, and send the first, as often
                                                       as librbd does, then the second one after a
                                                       line on stdin
    notify.py POOL OBJECT snap NAME                    add a snapshot, and tell nobody
    notify.py POOL OBJECT update SECONDS               tell that the header has changed, and wait
                                                       that long at most

REQUEST tells one snapshot from another. The status is 0 if all watchers of the object acknowledge,
within ten seconds unless it says otherwise.
"""
import ctypes
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from rados_pool import Pool, check, framed, librados, packed

OPS = {"quiesce": 18, "unquiesce": 19}
HEADER_UPDATE = 3
# librbd's rbd_quiesce_notification_attempts
ATTEMPTS = 10
NOTIFIED = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint64, ctypes.c_uint64, ctypes.c_void_p,
                            ctypes.c_size_t)
BROKEN = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_int)


def send(pool, oid, what, client, handle, request):
    body = struct.pack("<QQQ", client, handle, int(request))
    return pool.notify(oid, framed(OPS[what], body), 10000)


def attend(pool, oid, request):
    handle = ctypes.c_uint64()

    def notified(_arg, notify_id, cookie, _notifier, _data, _length):
        librados.rados_notify_ack(pool.io, oid.encode(), ctypes.c_uint64(notify_id), ctypes.c_uint64(cookie), None, 0)

    keep = (NOTIFIED(notified), BROKEN(lambda _arg, _cookie, _error: None))
    check(librados.rados_watch2(pool.io, oid.encode(), ctypes.byref(handle), *keep, None), "watch")
    cluster = ctypes.c_void_p(librados.rados_ioctx_get_cluster(pool.io))
    client = librados.rados_get_instance_id(cluster)
    if not any(send(pool, oid, "quiesce", client, handle.value, request) for _ in range(ATTEMPTS)):
        return False
    print("quiet", flush=True)
    sys.stdin.readline()
    return send(pool, oid, "unquiesce", client, handle.value, request)


def snap(pool, oid, name):
    number = ctypes.c_uint64()
    check(librados.rados_ioctx_selfmanaged_snap_create(pool.io, ctypes.byref(number)), "snapshot")
    pool.call(oid, b"snapshot_add", packed(name.encode()) + struct.pack("<Q", number.value))


librados.rados_ioctx_get_cluster.restype = ctypes.c_void_p
librados.rados_get_instance_id.restype = ctypes.c_uint64
pool_name, oid, what, argument = sys.argv[1:]
pool = Pool(pool_name)
if what == "snap":
    snap(pool, oid, argument)
elif what == "update":
    sys.exit(0 if pool.notify(oid, framed(HEADER_UPDATE, b""), int(argument) * 1000) else f"{what}: not acknowledged by all")
elif what == "attend":
    sys.exit(0 if attend(pool, oid, argument) else f"{what}: not acknowledged by all")
else:
    sys.exit(0 if send(pool, oid, what, 1, 1, argument) else f"{what}: not acknowledged by all")
