# SPDX-License-Identifier: GPL-2.0
"""Parts that the imports share: values that are not trusted, and the document that grows."""

import hashlib
import re

from ..problems import refuse

LONGEST_NAME = 64


class Node:
    """A mapping of the source. Its values have the types that are asked for, or are refused."""

    def __init__(self, source, value=None, path=()):
        self.source, self.path = source, path
        self.value = source.value if value is None and not path else value
        if not isinstance(self.value, dict):
            refuse(self.source.place(*path), '%s is not a mapping' % (path[-1] if path else 'the file'), 'is this the right kind of file?')

    def _child(self, value, *path):
        return Node(self.source, value, self.path + path)

    def _get(self, key, kind, default):
        value = self.value.get(key)
        if value is None:
            return default
        if not isinstance(value, kind):
            refuse(self.source.place(*self.path, key), "'%s' is not as it should be" % key, 'correct it in the source')
        return value

    def has(self, key):
        return self.value.get(key) is not None

    def place(self):
        return self.source.place(*self.path)

    def node(self, key):
        return self._child(self._get(key, dict, {}), key)

    def nodes(self, key):
        return [self._child(value, key, index) for index, value in enumerate(self._get(key, list, []))]

    def children(self, key):
        return {name: self._child(value, key, name) for name, value in self._get(key, dict, {}).items()}

    def text(self, key, default=None):
        value = self._get(key, (str, int), default)
        return value if value is None else str(value)

    def texts(self, key):
        values = self._get(key, (list, str), [])
        values = [values] if isinstance(values, str) else values
        if not all(isinstance(value, str) for value in values):
            refuse(self.source.place(*self.path, key), "'%s' is not a list of words" % key, 'correct it in the source')
        return values

    def number(self, key, default=None):
        value = self._get(key, (int, str), default)
        try:
            return value if value is None else int(value)
        except ValueError:
            refuse(self.source.place(*self.path, key), "'%s' is not a number" % key, 'correct it in the source')

    def flag(self, key):
        return self._get(key, (bool, int, str), False) in (True, 1, '1', 'enable', 'true', 'yes')


def plain(text):
    """Make a name of a file of it."""
    name = re.sub(r'[^A-Za-z0-9_.-]', '-', text)
    if not name[:1].isalnum():
        name = 'x' + name
    if len(name) > LONGEST_NAME:
        name = name[:LONGEST_NAME - 9] + '-' + hashlib.sha256(text.encode()).hexdigest()[:8]
    return name


def leaves(value, path=()):
    """Return the path of each single value of a source, with its text."""
    if isinstance(value, (dict, list)):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return [leaf for key, child in items for leaf in leaves(child, path + (key,))]
    return [(path, str(value))]


class Imported:
    """A document in the making, its secrets by name, and notes for the operator.

    `given` are portals that the operator has told, by gateway. They come in place of the source's.
    """

    def __init__(self, given=None):
        self.given = given or {}
        self.gateways, self.disks, self.targets = {}, {}, {}
        self.discovery = None
        self.secrets, self.notes = {}, []

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)

    def left_out(self, settings):
        """Note settings of the source, by name and value, that a document has no word for."""
        if settings:
            self.note('left out, since this backend or LIO decides it: ' + ', '.join(dict.fromkeys('%s=%s' % setting for setting in settings)))

    def gateway(self, name, portals):
        known = self.gateways.setdefault(name, [])
        known += [portal for portal in portals if portal not in known]

    def add_target(self, iqn, portals, rest):
        """Add a target, with the portals of its gateways, and those of gateways that the source does not know."""
        portals = {**{name: self.given.get(name, own) for name, own in portals.items()}, **self.given}
        for name, own in portals.items():
            self.gateway(name, own)
        self.targets[iqn] = {'portals': portals, **rest}

    def disk(self, image, wwn=None, name=None, block_size=None):
        """Return the name of the disk of an image."""
        for known, disk in self.disks.items():
            if disk['image'] == image:
                return known
        name = plain(name or image.rsplit('/', 1)[-1])
        if name in self.disks:
            name = plain(image.replace('/', '.'))
        self.disks[name] = {'image': image}
        if wwn:
            self.disks[name]['wwn'] = wwn
        if block_size and block_size != 512:
            self.disks[name]['block_size'] = block_size
        return name

    def secret(self, name, text):
        """Return the name of a secret; equal names with other texts get a number."""
        base = name = plain(name)
        count = 1
        while self.secrets.get(name, text) != text:
            count += 1
            name = plain('%s.%d' % (base, count))
        self.secrets[name] = text
        return name

    def chap(self, name, user, password, mutual_user=None, mutual_password=None):
        if not user or not password:
            return 'none'
        chap = {'user': user, 'secret': self.secret(name, password)}
        if mutual_user and mutual_password:
            chap['mutual'] = {'user': mutual_user, 'secret': self.secret(name + '.mutual', mutual_password)}
        return chap

    def _gateways_of(self, own):
        if all(portals == self.gateways[name] for name, portals in own.items()):
            return list(own)
        return own

    def document(self, id=None):
        """Return the document as values."""
        document = {'version': 1}
        if id:
            document['ceph'] = {'id': id}
        document['gateways'] = {name: {'portals': portals} for name, portals in self.gateways.items()}
        document['disks'] = self.disks
        document['targets'] = {}
        for iqn, target in self.targets.items():
            rest = {key: value for key, value in target.items() if key != 'portals'}
            document['targets'][iqn] = {'gateways': self._gateways_of(target['portals']), **rest}
        if self.discovery:
            document['discovery'] = {'chap': self.discovery}
        return document


def free_number(taken):
    number = 0
    while number in taken:
        number += 1
    return number
