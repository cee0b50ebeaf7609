# SPDX-License-Identifier: GPL-2.0
"""What the machine restores at boot: rtslib's saveconfig.json.

We save the parts that the file names and leave the rest of saveconfig.json as it is, so a change
that somebody has made by hand and not saved stays unsaved. rtslib writes the file, so units that
are missing because their cluster is away stay in it (target_core_rbd/saving.py), and
target_core_rbd-restore.service brings them back. The file of before is kept beside it in backup/,
as targetcli does.

RECORD lists the targets and disks of the last file that was applied here. --prune removes those
that are in no file any more, and nothing of others.
"""

import glob
import json
import os
import shutil
import time

from .problems import refuse

FOLDERS = ('/etc/rtslib-fb-target', '/etc/target')
RECORD = '/var/lib/target_core_rbd/applied.json'
KEPT_BACKUPS = 10


def path():
    """Return the path of saveconfig.json on this machine."""
    return os.path.join(next((folder for folder in FOLDERS if os.path.isdir(folder)), FOLDERS[0]), 'saveconfig.json')


def _replace(entries, now, is_named):
    return [entry for entry in entries if not is_named(entry)] + [entry for entry in now if is_named(entry)]


def merge(saved, now, names):
    """Return a saved configuration with the named parts as they are now.

    names are the paths of disks and targets, and ('discovery',).
    """
    def is_disk(so):
        return ('disk', so.get('name')) in names

    def is_target(target):
        return target.get('fabric') == 'iscsi' and ('target', target.get('wwn')) in names

    def is_discovery(fabric):
        return fabric.get('name') == 'iscsi' and ('discovery',) in names

    merged = dict(saved)
    for key, is_named in (('storage_objects', is_disk), ('targets', is_target), ('fabric_modules', is_discovery)):
        merged[key] = _replace(saved.get(key, []), now.get(key, []), is_named)
    return merged


def load(name):
    try:
        with open(name, encoding='utf-8') as file:
            config = json.load(file)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        refuse(name, 'cannot be read: %s' % error, 'mend it, or move it away')
    if not isinstance(config, dict):
        refuse(name, 'is not a saved configuration', 'move it away')
    return config


def _back_up(name):
    folder = os.path.join(os.path.dirname(name), 'backup')
    os.makedirs(folder, mode=0o700, exist_ok=True)
    copy = os.path.join(folder, time.strftime('saveconfig-%Y%m%d-%H:%M:%S.json'))
    descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(descriptor, 'wb') as file, open(name, 'rb') as saved:
        os.fchmod(descriptor, 0o600)
        shutil.copyfileobj(saved, file)
    for old in sorted(glob.glob(os.path.join(glob.escape(folder), 'saveconfig-*.json')))[:-KEPT_BACKUPS]:
        os.remove(old)


def save(root, dump, names):
    """Save the named parts of a dump. Return whether anything was written."""
    name = path()
    saved = load(name)
    merged = merge(saved, dump, names)
    if saved and _comparable(merged) == _comparable(saved):
        return False
    if saved:
        _back_up(name)
    os.makedirs(os.path.dirname(name), exist_ok=True)
    root.dump = lambda: merged
    try:
        root.save_to_file(name)
    finally:
        root.__dict__.pop('dump', None)
    return True


def _comparable(config):
    """Leave out the order of parts, and names that rtslib draws anew."""
    def plain(value):
        if isinstance(value, dict):
            return {key: plain(part) for key, part in value.items() if key != 'alias'}
        if isinstance(value, list):
            return sorted((plain(part) for part in value), key=lambda part: json.dumps(part, sort_keys=True))
        return value
    return {key: plain(config.get(key, [])) for key in ('storage_objects', 'targets', 'fabric_modules')}


def read_record():
    """Return the paths that the last file named here, its generation, and what it was read from."""
    try:
        with open(RECORD, encoding='utf-8') as file:
            record = json.load(file)
        return [tuple(path) for path in record['names']], record.get('generation'), record.get('source')
    except (OSError, ValueError, TypeError, KeyError):
        return [], None, None


def write_record(names, generation, source):
    os.makedirs(os.path.dirname(RECORD), mode=0o755, exist_ok=True)
    with open(RECORD + '.new', 'w', encoding='utf-8') as file:
        json.dump({'names': sorted(list(name) for name in names), 'generation': generation, 'source': source}, file, indent=1)
        file.write('\n')
    os.replace(RECORD + '.new', RECORD)
