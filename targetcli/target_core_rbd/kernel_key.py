# SPDX-License-Identifier: GPL-2.0
"""A client's secret, lent to the kernel for as long as the kernel needs to look at it.

The kernel module takes the name of a key of type `ceph`. It looks the key up in the keyrings of the
process that writes control, and again of the one that enables the device. libceph then keeps a
copy. So we put the secret into this process's own keyring, where no other process finds it, and
take it out again after that. The secret is never an argument, an environment variable or a file.

When ceph.conf leads to no key, the module finds one of that name that an operator has put into a
kernel keyring.
"""

import ctypes
import os
from contextlib import contextmanager

TYPE = b'ceph'
PROCESS_KEYRING = -2


def _library():
    try:
        library = ctypes.CDLL('libkeyutils.so.1', use_errno=True)
    except OSError:
        raise ValueError('libkeyutils.so.1 is missing: install libkeyutils1') from None
    library.add_key.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int32]
    library.request_key.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int32]
    library.keyctl_unlink.argtypes = [ctypes.c_int32, ctypes.c_int32]
    library.keyctl_unlink.restype = ctypes.c_long
    for function in (library.add_key, library.request_key):
        function.restype = ctypes.c_int32
    return library


@contextmanager
def lent(name, secret):
    """Yield the name of a key that holds the secret, while the block runs."""
    library = _library()
    serial = library.add_key(TYPE, name.encode(), secret, len(secret), PROCESS_KEYRING)
    if serial < 0:
        raise ValueError('the kernel does not take the key of %s: %s' % (name, os.strerror(ctypes.get_errno())))
    try:
        yield name
    finally:
        library.keyctl_unlink(serial, PROCESS_KEYRING)


def present(name):
    """Tell whether the kernel already has a key of that name for us."""
    return _library().request_key(TYPE, name.encode(), None, 0) >= 0
