#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Write strings to the control file of backstores that are never enabled. This runs in a gateway.

    control_fuzz.py SEED SECONDS NAME SECRET
    control_fuzz.py --heavy ROUNDS NAME

The module takes a string or refuses it with an error that blames the caller, as a whole or not at
all. No value gets into the log, unless damage has made it look like a key (so SECRET is only in
strings that are not damaged). The program prints how many there were of each kind, or what went
wrong.

With --heavy, strings as long as they may be, one taken and one refused for each backstore: a value
that is left behind is a KiB each time.
"""
import errno
import os
import random
import sys
import time

CORE = "/sys/kernel/config/target/core/rbd_0"
# keys that libceph knows, keys that this module knows, and keys that neither knows
KEYS = [
    "mon_addr", "id", "key", "pool", "namespace", "image", "snap", "fsid", "ip", "name", "share", "noshare", "crc",
    "nocrc", "mount_timeout", "osdkeepalive", "osd_idle_ttl", "osdtimeout", "osd_request_timeout",
    "cephx_require_signatures", "nocephx_require_signatures", "cephx_sign_messages", "tcp_nodelay", "notcp_nodelay",
    "read_from_replica", "crush_location", "ms_mode", "rxbounce", "abort_on_full", "nosuchkey", "",
]
VALUES = [
    "", "0", "1", "-1", "60", "4294967296", "99999999999999999999", "0x10", "1e3", "admin", "rbd", "disk", "a/b",
    "a@b", "10.77.0.1", "10.77.0.1:3300", "10.77.0.1:3300/10.77.0.2", "[::1]:3300", "[::1", "10.77.0.1:99999", "/",
    "//", "10.77.0.1:3300/", "balance", "localize", "no", "crc", "secure", "legacy", "prefer-crc", "host:a|rack:b",
    "a:b:c", "|", "00000000-0000-0000-0000-000000000000", "x" * 255, "x" * 256, "y" * 1024, "z" * 1025, "=", "%s%n",
    " ", "\xfc",
]
REFUSED = {
    errno.EINVAL, errno.EEXIST, errno.ENAMETOOLONG, errno.E2BIG, errno.EPERM, errno.ENOMEM, errno.ENOKEY,
    errno.ERANGE, errno.ENOENT,
}


def make_string(rng, secret):
    parts = []
    for _ in range(rng.choice([1, 1, 2, 3, 5, 8, 40])):
        key = rng.choice(KEYS)
        parts.append(key if rng.random() < 0.15 else f"{key}={rng.choice(VALUES)}")
    if rng.random() < 0.5:
        # at the end few are looked at, since most strings have something wrong before that
        parts.insert(rng.choice([0, len(parts)]), f"secret={secret if rng.random() < 0.7 else secret[:-8] + '!'}")
        return ",".join(parts).encode()
    return damage(rng, ",".join(parts).encode())


def damage(rng, text):
    text = bytearray(text)
    for _ in range(rng.choice([0, 1, 2, 8])):
        at = rng.randrange(len(text) + 1)
        kind = rng.randrange(5)
        if kind == 0:
            text[at:at] = bytes([rng.randrange(256)])
        elif kind == 1:
            del text[at:at + rng.randrange(1, 4)]
        elif kind == 2 and at < len(text):
            text[at] ^= 1 << rng.randrange(8)
        elif kind == 3:
            text[at:at] = rng.choice([b",", b"=", b",,", b"==", b"\0", b"\n", b"/"])
        else:
            text[at:at] = text[:rng.randrange(64)]
    return bytes(text[:rng.choice([4095, 4095, 9, 1])])


def write(path, text):
    """Write the string. Return: 0, or the errno."""
    control = os.open(path, os.O_WRONLY)
    try:
        done = os.write(control, text)
        return 0 if done == len(text) else -1
    except OSError as error:
        return error.errno
    finally:
        os.close(control)


def try_string(rng, path, secret, counts):
    """Tell whether it was refused, and nothing else was taken."""
    text = make_string(rng, secret)
    error = write(path, text) if text else errno.EINVAL
    counts[error] = counts.get(error, 0) + 1
    if error and error not in REFUSED:
        sys.exit(f"{text!r}: {os.strerror(error) if error > 0 else 'not all of it was taken'}")
    if not error:
        first = text.rstrip(b"\n").split(b",")[0].split(b"=")[0]
        if write(path, first + b"=1") not in (errno.EEXIST, errno.EINVAL):
            sys.exit(f"{text!r}: taken, and its first key was not")
        return False
    if rng.random() < 0.2:
        if write(path, b"image=other,pool=other"):
            sys.exit(f"{text!r}: refused, and something of it stayed")
        return False
    return True


def heavy(rounds, name):
    path = f"{CORE}/{name}"
    value = b"v" * 1000
    for _ in range(rounds):
        os.makedirs(path)
        try:
            if write(f"{path}/control", b"id=" + value):
                sys.exit("a long id: refused")
            if not write(f"{path}/control", b"fsid=" + value + b",name=" + value + b",nosuchkey=" + value):
                sys.exit("a key that nobody knows: taken")
        finally:
            os.rmdir(path)


def main():
    if sys.argv[1] == "--heavy":
        return heavy(int(sys.argv[2]), sys.argv[3])
    seed, seconds, name, secret = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3], sys.argv[4]
    rng = random.Random(seed)
    path = f"{CORE}/{name}"
    counts = {}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        os.makedirs(path)
        try:
            # a refused string leaves nothing behind, so the next one finds the same
            while try_string(rng, f"{path}/control", secret, counts) and time.monotonic() < end:
                pass
        finally:
            os.rmdir(path)
    print(", ".join(f"{os.strerror(error) if error else 'taken'}: {n}" for error, n in sorted(counts.items())))


main()
