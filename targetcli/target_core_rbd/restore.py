# SPDX-License-Identifier: GPL-2.0
"""Restore a configuration when a cluster may be away.

rtslib restores what it can and returns a list of errors. targetctl prints the errors, and its exit
status says nothing of them. So while RTSRoot.restore() runs, units wait for a cluster together
(waiting.py) and ask Ceph's tools once. targetctl ends with EX_TEMPFAIL, "try again later", when
units are missing. The restore service takes that for success, or it would not clear up when the
machine goes down. retry.py tries again later, and a configuration that is saved meanwhile keeps the
missing units (saving.py).
"""

import functools
import os
import sys

from . import cluster, saving, waiting
from .backstore import PLUGIN

EX_TEMPFAIL = 75


def missing(root, config):
    """Return the names of the units in a configuration that are not there."""
    there = {so.name for so in root.storage_objects if so.plugin == PLUGIN}
    return [so['name'] for so in config.get('storage_objects', [])
            if so.get('plugin') == PLUGIN and 'name' in so and so['name'] not in there]


def summary(names):
    return 'rbd: %d unit%s missing: %s' % (len(names), ' is' if len(names) == 1 else 's are', ' '.join(sorted(names)))


def is_targetctl():
    return os.path.basename(sys.argv[0]) == 'targetctl'


def report(errors, names):
    """Print the errors that targetctl would print, and the reasons that it would not give."""
    for error in errors:
        print(error, file=sys.stderr)
    print(summary(names), file=sys.stderr)
    sys.exit(EX_TEMPFAIL)


def register(root):
    """Extend the methods of this copy of rtslib's root module."""
    rtsroot = root.RTSRoot
    if hasattr(rtsroot, 'rbd_missing'):
        return
    restore, restore_from_file, save_to_file = rtsroot.restore, rtsroot.restore_from_file, rtsroot.save_to_file

    @functools.wraps(restore)
    def restore_together(self, config, *args, **kwargs):
        with waiting.once(), cluster.asked_once():
            errors = restore(self, config, *args, **kwargs)
        self.rbd_missing = missing(self, config)
        return errors

    @functools.wraps(restore_from_file)
    def restore_and_tell(self, *args, **kwargs):
        errors = restore_from_file(self, *args, **kwargs)
        if self.rbd_missing and is_targetctl():
            report(errors, self.rbd_missing)
        return errors

    @functools.wraps(save_to_file)
    def save_with_missing(self, *args, **kwargs):
        names = saving.waited_for()
        saved = names and saving.load(saving.FILES)
        if saved:
            config = saving.keep(self.dump(), saved, names)
            self.dump = lambda: config
        try:
            save_to_file(self, *args, **kwargs)
        finally:
            self.__dict__.pop('dump', None)

    rtsroot.rbd_missing = ()
    rtsroot.restore = restore_together
    rtsroot.restore_from_file = restore_and_tell
    rtsroot.save_to_file = save_with_missing
