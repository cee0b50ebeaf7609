# SPDX-License-Identifier: GPL-2.0
"""The document in a pool, with a generation, so that all gateways follow the same one.

The object OBJECT has a line of JSON, and then the document as it was written:

    {"format": 1, "generation": 7, "host": "gw1", "time": "2026-11-29T21:00:00Z"}

A writer says which generation its document was made from. The OSD writes only if the object still
has the version that we read, so of two operators at once the second one is refused, and loses
nothing. A document that is pulled carries its generation in its first line, a comment. An object of
a newer format is left alone.
"""

import errno
import json
import re
import socket
import time
from collections import namedtuple

from .problems import refuse

OBJECT = 'target_core_rbd.config'
FORMAT = 1
LONGEST = (1 << 20) + 4096
MARK = re.compile(r'# trbdctl: generation (\d{1,18}) of ([^\s;]+)[^\n]*\n')

Stored = namedtuple('Stored', 'text generation host time')
NOTHING = Stored('', 0, None, None)


def encode(stored):
    header = {'format': FORMAT, 'generation': stored.generation, 'host': stored.host, 'time': stored.time}
    return (json.dumps(header) + '\n' + stored.text).encode()


def decode(data, name):
    """Return what an object of that name holds. Nothing in it is trusted."""
    first, newline, rest = data.partition(b'\n')
    try:
        header = json.loads(first) if newline and len(first) < 4096 else None
        if header['format'] != FORMAT:
            refuse(name, 'the object is of format %r, and this trbdctl knows %d' % (header['format'], FORMAT), 'update trbdctl here')
        generation = header['generation']
        if type(generation) is not int or generation < 1:
            raise ValueError
        return Stored(rest.decode(), generation, str(header.get('host'))[:64], str(header.get('time'))[:32])
    except (ValueError, TypeError, KeyError, RecursionError):
        refuse(name, 'the object is damaged', 'look at it with "rados get", and push a good document with --force')


def mark(text, name, generation):
    """Return a document with the generation that it was pulled with."""
    return '# trbdctl: generation %d of %s; push refuses it when there is a newer one\n%s' % (generation, name, unmark(text))


def unmark(text):
    match = MARK.match(text)
    return text[match.end():] if match else text


def marked(text, name):
    """Return the generation of this pool's object that a document was made from, or None."""
    match = MARK.match(text)
    return int(match[1]) if match and match[2] == name else None


class Pool:
    """spec is POOL or POOL/NAMESPACE."""

    def __init__(self, cluster, spec):
        match = re.fullmatch(r'([^/@,\s]{1,255})(?:/([^/@,\s]{1,255}))?', spec)
        if not match:
            refuse(spec, 'this is not a pool', 'give POOL or POOL/NAMESPACE')
        self.name = 'pool:' + spec
        try:
            self.pool = cluster.open_ioctx(match[1])
        except Exception as error:
            refuse(self.name, 'the pool cannot be opened: %s' % error, 'correct its name')
        self.pool.set_namespace(match[2] or '')
        self.version = None

    def read(self):
        """Return what is stored, NOTHING if there is no object."""
        import rados
        try:
            data = self.pool.read(OBJECT, LONGEST + 1)
        except rados.ObjectNotFound:
            self.version = None
            return NOTHING
        except rados.Error as error:
            refuse(self.name, 'the object %s cannot be read: %s' % (OBJECT, error), 'see "rados -p POOL stat %s"' % OBJECT)
        self.version = self.pool.get_last_version()
        if len(data) > LONGEST:
            refuse(self.name, 'the object %s is too long' % OBJECT, 'remove it if it is not yours')
        return decode(data, self.name)

    def write(self, text, generation):
        """Write the next generation, if the object is still as read() found it."""
        import rados
        stored = Stored(text, generation + 1, socket.gethostname(), time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime()))
        with rados.WriteOpCtx() as operation:
            if self.version is None:
                operation.new(rados.LIBRADOS_CREATE_EXCLUSIVE)
            else:
                operation.assert_version(self.version)
            operation.write_full(encode(stored))
            try:
                self.pool.operate_write_op(operation, OBJECT)
            except rados.Error as error:
                if abs(getattr(error, 'errno', 0) or 0) in (errno.ERANGE, errno.EOVERFLOW, errno.EEXIST, errno.ENOENT):
                    refuse(self.name, 'somebody has written it at the same time', 'pull, put your change in, and push again')
                refuse(self.name, 'the object %s cannot be written: %s' % (OBJECT, error), 'see the rights of the Ceph user')
        return stored
