# SPDX-License-Identifier: GPL-2.0
"""Text to values, for YAML 1.2 and JSON, of which each value knows its line.

The text is not trusted. It may have MAX_BYTES, and its values may be nested MAX_DEPTH deep. Anchors
and aliases are refused: with them a short text makes a huge value. So are tags, since they name
types. A key that comes twice is refused, where most readers silently take the last.

PyYAML reads YAML 1.1, where `no` is false and `010` is eight. We take only its parser and turn
scalars into values ourselves, as the core schema of YAML 1.2 has it. JSON is such YAML but for tabs
between its tokens. A tab inside a JSON string is not valid JSON, so tabs of JSON become blanks.

Keys are always text, also where YAML sees numbers: paths and messages stay simple.
"""

import re
import sys
from collections import namedtuple

import yaml

from .problems import refuse

MAX_BYTES = 1 << 20
MAX_DEPTH = 16

Loader = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)
INTEGER = re.compile(r'[-+]?(0|[1-9][0-9]{0,17})')
WORDS = {'true': True, 'True': True, 'TRUE': True, 'false': False, 'False': False, 'FALSE': False,
         '': None, '~': None, 'null': None, 'Null': None, 'NULL': None}


class Source(namedtuple('Source', 'name value lines text')):
    """name is the file's; lines leads from the path of a value to its line."""
    __slots__ = ()

    def place(self, *path):
        """Name the line of a value, or of the closest one around it."""
        while path and path not in self.lines:
            path = path[:-1]
        line = self.lines.get(path)
        return '%s:%d' % (self.name, line) if line else self.name


class _Builder:
    def __init__(self, name, text):
        self.name = name
        self.loader = Loader(text)
        self.lines = {}

    def refuse(self, event, message, cure):
        refuse('%s:%d' % (self.name, event.start_mark.line + 1), message, cure)

    def next(self):
        event = self.loader.get_event()
        if isinstance(event, yaml.AliasEvent) or getattr(event, 'anchor', None):
            self.refuse(event, "anchor or alias '%s'" % event.anchor, 'write the value out where it is used')
        if getattr(event, 'tag', None):
            self.refuse(event, "tag '%s'" % event.tag, 'take the tag out')
        return event

    def document(self):
        while not isinstance(event := self.next(), (yaml.DocumentStartEvent, yaml.StreamEndEvent)):
            pass
        if isinstance(event, yaml.StreamEndEvent):
            refuse(self.name, 'the file is empty', 'see trbd.yaml(5) for an example')
        value = self.value(self.next(), ())
        self.next()
        if not isinstance(event := self.next(), yaml.StreamEndEvent):
            self.refuse(event, 'a second document begins', 'keep one document in a file')
        return value

    def value(self, event, path):
        self.lines.setdefault(path, event.start_mark.line + 1)
        if len(path) > MAX_DEPTH:
            self.refuse(event, 'nested deeper than %d' % MAX_DEPTH, 'see trbd.yaml(5) for the keys')
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event)
        return self.mapping(path) if isinstance(event, yaml.MappingStartEvent) else self.sequence(path)

    @staticmethod
    def scalar(event):
        if not event.implicit[0]:
            return event.value
        if event.value in WORDS:
            return WORDS[event.value]
        return int(event.value) if INTEGER.fullmatch(event.value) else event.value

    def mapping(self, path):
        values = {}
        while not isinstance(event := self.next(), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                self.refuse(event, 'a key that is not a word', 'write each key as key: value')
            key = event.value
            if key in values:
                self.refuse(event, "'%s' is given twice, first in line %d" % (key, self.lines[path + (key,)]),
                            'keep one of them')
            self.lines[path + (key,)] = event.start_mark.line + 1
            values[key] = self.value(self.next(), path + (key,))
        return values

    def sequence(self, path):
        values = []
        while not isinstance(event := self.next(), yaml.SequenceEndEvent):
            values.append(self.value(event, path + (len(values),)))
        return values


def parse(data, name):
    """Parse bytes of a file of that name."""
    if len(data) > MAX_BYTES:
        refuse(name, 'longer than %d bytes' % MAX_BYTES, 'this is not a description of gateways')
    try:
        text = data.decode('utf-8')
    except UnicodeDecodeError as error:
        refuse('%s:%d' % (name, data.count(b'\n', 0, error.start) + 1), 'this is not UTF-8', 'save the file as UTF-8')
    readable = text
    if re.match(r'(\s*(#.*)?\n)*\s*[{[]', text):
        readable = text.replace('\t', ' ')
    try:
        builder = _Builder(name, readable)
        return Source(name, builder.document(), builder.lines, text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        refuse('%s:%d' % (name, mark.line + 1) if mark else name,
               'this is neither YAML nor JSON: %s' % (error.problem or error.context), 'mend the line')
    except yaml.YAMLError as error:
        refuse(name, 'this is neither YAML nor JSON: %s' % ' '.join(str(error).split()), 'mend the file')
    except RecursionError:
        refuse(name, 'nested too deep', 'see trbd.yaml(5) for the keys')


def read(path):
    """Read a file; `-` is standard input."""
    if path == '-':
        return parse(sys.stdin.buffer.read(MAX_BYTES + 1), 'standard input')
    try:
        with open(path, 'rb') as file:
            return parse(file.read(MAX_BYTES + 1), path)
    except OSError as error:
        refuse(path, 'cannot be read: %s' % error.strerror, 'name a file that is there')
