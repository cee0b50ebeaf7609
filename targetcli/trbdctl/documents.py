# SPDX-License-Identifier: GPL-2.0
"""Where documents come from: a file, standard input, or a pool; and how they are written.

    /path/file      a file
    -               standard input
    pool:POOL       the object in a pool; pool:POOL/NAMESPACE
"""

import json
import os
import tempfile

import yaml

from . import images, pool, source
from .problems import refuse

DEFAULT = '/etc/target_core_rbd/trbd.yaml'
POOL = 'pool:'


class Plain(yaml.SafeDumper):
    """Writes each value out, also one that comes twice: a document has no aliases."""

    def ignore_aliases(self, data):
        return True


def is_pool(name):
    return name.startswith(POOL)


def read(name, conf, id):
    """Return the Source of a document, and its generation if a pool has it."""
    if not is_pool(name):
        return source.read(name), None
    with images.connected(conf, id) as cluster:
        stored = pool.Pool(cluster, name[len(POOL):]).read()
    if not stored.generation:
        refuse(name, 'there is no document in the pool', 'put one there: trbdctl push FILE %s' % name)
    return source.parse(stored.text.encode(), '%s generation %d' % (name, stored.generation)), stored.generation


def write(name, text):
    """Replace a file, at once; `-` is standard output."""
    if name == '-':
        print(text, end='')
        return
    folder = os.path.dirname(os.path.abspath(name))
    try:
        descriptor, new = tempfile.mkstemp(prefix='.trbd.', dir=folder)
        with open(descriptor, 'w', encoding='utf-8') as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        os.chmod(new, 0o644)
        os.replace(new, name)
    except OSError as error:
        refuse(name, 'cannot be written: %s' % error.strerror, 'choose another place')


def to_text(value, as_json=False):
    """Return a document as YAML, with keys in their order, or as JSON."""
    if as_json:
        return json.dumps(value, indent=2) + '\n'
    return yaml.dump(value, Dumper=Plain, sort_keys=False, default_flow_style=None, width=100)
