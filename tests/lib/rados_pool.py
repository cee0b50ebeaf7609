# SPDX-License-Identifier: GPL-2.0
"""Call librados directly, since its Python module notifies with text only; and build the frames of
notifications.
"""
import ctypes
import struct
import sys

Pointer = ctypes.c_void_p
librados = ctypes.CDLL("librados.so.2")


def check(ret, what):
    if ret < 0:
        sys.exit(f"{what}: error {ret}")
    return ret


class Pool:
    def __init__(self, name):
        cluster = Pointer()
        self.io = Pointer()
        check(librados.rados_create(ctypes.byref(cluster), None), "rados_create")
        check(librados.rados_conf_read_file(cluster, None), "ceph.conf")
        check(librados.rados_connect(cluster), "connect")
        check(librados.rados_ioctx_create(cluster, name.encode(), ctypes.byref(self.io)), "pool")

    def notify(self, oid, payload, timeout_ms=1000):
        """Return whether all watchers have answered in time."""
        reply, length = Pointer(), ctypes.c_size_t()
        ret = librados.rados_notify2(self.io, oid.encode(), payload, len(payload), ctypes.c_uint64(timeout_ms),
                                     ctypes.byref(reply), ctypes.byref(length))
        if reply:
            librados.rados_buffer_free(reply)
        return ret >= 0

    def read(self, oid):
        buf = ctypes.create_string_buffer(1 << 20)
        length = librados.rados_read(self.io, oid.encode(), buf, ctypes.c_size_t(len(buf)), ctypes.c_uint64(0))
        return buf.raw[:max(length, 0)]

    def write(self, oid, data, offset):
        check(librados.rados_write(self.io, oid.encode(), data, ctypes.c_size_t(len(data)), ctypes.c_uint64(offset)),
              oid)

    def truncate(self, oid, size):
        check(librados.rados_trunc(self.io, oid.encode(), ctypes.c_uint64(size)), oid)

    def call(self, oid, method, data):
        buf = ctypes.create_string_buffer(1 << 20)
        ret = check(librados.rados_exec(self.io, oid.encode(), b"rbd", method, data, ctypes.c_size_t(len(data)), buf,
                                        ctypes.c_size_t(len(buf))), method)
        return buf.raw[:ret]


def packed(data):
    return struct.pack("<I", len(data)) + data


def framed(op, body):
    """Frame it as librbd does: version, compatible version, length, operation."""
    return struct.pack("<BBII", 1, 1, 4 + len(body), op) + body
