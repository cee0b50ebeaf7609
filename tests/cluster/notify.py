#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""One of librbd's notifications about quiescing, as a client sends it that takes a snapshot.

    notify.py POOL OBJECT quiesce|unquiesce REQUEST

REQUEST tells one snapshot from another. Ends well if all who watch the object acknowledge within five seconds.
librados is called directly, since its Python module notifies with text only.
"""
import ctypes
import struct
import sys

OPS = {"quiesce": 18, "unquiesce": 19}

librados = ctypes.CDLL("librados.so.2")


def check(ret, what):
    if ret < 0:
        sys.exit(f"{what}: error {ret}")


def main():
    pool, oid, what, request = sys.argv[1:]
    cluster, io, reply, length = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_size_t()
    check(librados.rados_create(ctypes.byref(cluster), None), "rados_create")
    check(librados.rados_conf_read_file(cluster, None), "ceph.conf")
    check(librados.rados_connect(cluster), "connect")
    check(librados.rados_ioctx_create(cluster, pool.encode(), ctypes.byref(io)), "pool")
    # who asks: client, image of it, request
    body = struct.pack("<IQQQ", OPS[what], 1, 1, int(request))
    payload = struct.pack("<BBI", 1, 1, len(body)) + body
    ret = librados.rados_notify2(io, oid.encode(), payload, len(payload), ctypes.c_uint64(5000), ctypes.byref(reply),
                                 ctypes.byref(length))
    librados.rados_ioctx_destroy(io)
    librados.rados_shutdown(cluster)
    check(ret, what)


if __name__ == "__main__":
    main()
