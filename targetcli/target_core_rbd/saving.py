# SPDX-License-Identifier: GPL-2.0
"""Keep missing units in a configuration that is saved.

rtslib saves the units that are there, and targetcli saves whenever somebody leaves it. While a
cluster is away its units are not there. Saving would forget them and their LUNs, and they would not
come back with the cluster. So a file lists the units that retry.py waits for, and saving takes them
from the configuration before.

The file goes with the service: stop the service first to have such a unit forgotten.
"""

import json
import os

from .backstore import PLUGIN

LIST = '/run/target_core_rbd/missing'
FILES = ('/etc/rtslib-fb-target/saveconfig.json', '/etc/target/saveconfig.json')


def load(files):
    """Return the first of these configurations that is there, {} if none is, None for one that
    cannot be read.
    """
    for name in files:
        try:
            with open(name, encoding='utf-8') as file:
                config = json.load(file)
        except FileNotFoundError:
            continue
        except (OSError, ValueError):
            return None
        return config if isinstance(config, dict) else None
    return {}


def wait_for(names):
    """List the units that are waited for; none takes the list away."""
    if names:
        os.makedirs(os.path.dirname(LIST), exist_ok=True)
        with open(LIST + '.new', 'w', encoding='utf-8') as file:
            json.dump(sorted(names), file)
        os.replace(LIST + '.new', LIST)
    else:
        try:
            os.remove(LIST)
        except FileNotFoundError:
            pass


def waited_for():
    try:
        with open(LIST, encoding='utf-8') as file:
            return set(json.load(file))
    except (OSError, ValueError, TypeError):
        return set()


def is_of(lun, names):
    parts = lun.get('storage_object', '').split('/')
    return parts[-2:-1] == [PLUGIN] and parts[-1] in names


def _matching(entries, entry, *keys):
    return next((e for e in entries if all(e.get(key) == entry.get(key) for key in keys)), None)


def _keep_tpg(tpg, saved, names):
    for lun in saved.get('luns', []):
        if not is_of(lun, names) or _matching(tpg.setdefault('luns', []), lun, 'index'):
            continue
        tpg['luns'].append(lun)
        for acl in saved.get('node_acls', []):
            now = _matching(tpg.get('node_acls', []), acl, 'node_wwn')
            if now is not None:
                now.setdefault('mapped_luns', []).extend(
                    mapped for mapped in acl.get('mapped_luns', [])
                    if mapped.get('tpg_lun') == lun.get('index') and not _matching(now['mapped_luns'], mapped, 'index'))


def keep(config, saved, names):
    """Add to a configuration the saved parts of these units. Targets and groups that are gone stay
    so.
    """
    there = {so.get('name') for so in config.get('storage_objects', []) if so.get('plugin') == PLUGIN}
    names = set(names) - there
    config.setdefault('storage_objects', []).extend(
        so for so in saved.get('storage_objects', []) if so.get('plugin') == PLUGIN and so.get('name') in names)
    for target in saved.get('targets', []):
        now = _matching(config.get('targets', []), target, 'fabric', 'wwn') or {}
        for tpg in target.get('tpgs', []):
            match = _matching(now.get('tpgs', []), tpg, 'tag')
            if match is not None:
                _keep_tpg(match, tpg, names)
    return config
