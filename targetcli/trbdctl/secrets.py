# SPDX-License-Identifier: GPL-2.0
"""CHAP secrets: each in a file of its own, which nobody but its owner can read.

A document names a secret by the name of its file. So the document can be shown, mailed and kept in
a pool. LIO needs the secrets, so they are in configfs and in the configuration that is restored at
boot, which only root can read; trbdctl writes them nowhere else and never shows them.

The folder is each gateway's own. A file that others may read is refused, as ssh does with keys.
"""

import os
import stat

from .problems import Problem, Refused, refuse

FOLDER = '/etc/target_core_rbd/secrets'
LONGEST = 255
# Microsoft's initiator takes 12 to 16 characters
USUAL = range(12, 17)


class Secret(str):
    """Text that no message shows by accident."""
    __slots__ = ()

    def __repr__(self):
        return "'***'"


def _content(path):
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        refuse(path, 'there is no such secret', "write it there: (umask 077; head -c 9 /dev/urandom | base64 >%s)" % path)
    except OSError as error:
        refuse(path, 'the secret cannot be read: %s' % error.strerror, 'make it a plain file')
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        refuse(path, 'the secret is not a plain file', 'make it one')
    with open(descriptor, 'rb') as file:
        if found.st_uid not in (0, os.geteuid()):
            refuse(path, 'the secret belongs to user %d' % found.st_uid, 'chown root %s' % path)
        if found.st_mode & 0o077:
            refuse(path, 'others may read the secret (mode %04o)' % stat.S_IMODE(found.st_mode),
                   'chmod 600 %s, and choose another secret' % path)
        return file.read(LONGEST + 2)


def read(name, folder=FOLDER):
    path = os.path.join(folder, name)
    content = _content(path)
    text = content[:-1] if content.endswith(b'\n') else content
    if not text or len(text) > LONGEST or text == b'NULL' or not all(33 <= byte < 127 for byte in text):
        refuse(path, 'this is not a secret for CHAP', 'write one line of printable characters without blanks, at most %d' % LONGEST)
    return Secret(text.decode('ascii'))


def names(group):
    """Return the secrets that a group names."""
    chaps = [group.discovery]
    for target in group.targets.values():
        chaps += [target.chap] + [host.chap for host in target.hosts.values()]
    found = {}
    for chap in chaps:
        if chap:
            found.setdefault(chap.secret)
            if chap.mutual_secret:
                found.setdefault(chap.mutual_secret)
    return list(found)


def load(group, folder=FOLDER):
    """Return all secrets of a group by name, and warnings. Report all problems at once."""
    found, problems, warnings = {}, [], []
    for name in names(group):
        try:
            found[name] = read(name, folder)
        except Refused as refused:
            problems += refused.problems
            continue
        if len(found[name]) not in USUAL:
            warnings.append(Problem(os.path.join(folder, name), 'the secret has %d characters' % len(found[name]),
                                    'some initiators want %d to %d' % (USUAL[0], USUAL[-1])))
    if problems:
        raise Refused(*problems)
    return found, warnings


def write(name, text, folder=FOLDER):
    """Write a secret that is not there. One with other content stays, and is refused."""
    path = os.path.join(folder, name)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        if read(name, folder) != text:
            refuse(path, 'there is another secret of this name', 'choose another folder with --secrets')
        return
    except OSError as error:
        refuse(path, 'the secret cannot be written: %s' % error.strerror, 'choose another folder with --secrets')
    with open(descriptor, 'w', encoding='ascii') as file:
        os.fchmod(descriptor, 0o600)
        file.write(text + '\n')
        file.flush()
        os.fsync(descriptor)
