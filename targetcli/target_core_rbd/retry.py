# SPDX-License-Identifier: GPL-2.0
"""Go on restoring the units that are missing, until all are there.

    python3 -m target_core_rbd.retry [FILE]

target_core_rbd-restore.service starts this after the restore service. It makes only units that are
not there, and puts them where the saved configuration has them; units that serve are left alone. It
reads that configuration again before each try, so it no longer waits for a unit that an operator
has deleted there. Nor does it wait for a unit that has been there since: somebody has removed it on
purpose, and may not have saved that yet.

All missing units wait together, and another one is tried first each time: a unit whose placement
group is away must not keep the others from being tried.
"""

import importlib
import sys
import time

from . import restore, saving
from .backstore import PLUGIN

PAUSE_S = 10


def attach_lun(rtslib, tpg, lun, acls, err):
    rtslib.LUN.setup(tpg, lun, err)
    for acl in acls:
        for mapped in acl.get('mapped_luns', []):
            if mapped.get('tpg_lun') == lun.get('index'):
                rtslib.MappedLUN.setup(tpg, rtslib.NodeACL(tpg, acl['node_wwn'], mode='lookup'), mapped, err)


def attach(rtslib, config, names, err):
    """Put units that were made where the configuration has them, in targets that are there."""
    for target in config.get('targets', []):
        for tpg in target.get('tpgs', []):
            for lun in (lun for lun in tpg.get('luns', []) if saving.is_of(lun, names)):
                try:
                    fabric = rtslib.FabricModule(target['fabric'])
                    found = rtslib.TPG(rtslib.Target(fabric, target['wwn'], mode='lookup'), tpg['tag'], mode='lookup')
                    attach_lun(rtslib, found, lun, tpg.get('node_acls', []), err)
                except Exception as error:
                    err('LUN %s of %s: %s' % (lun.get('index'), target.get('wwn'), error))


def attempt(rtslib, config, names):
    """Try to restore these units, in this order. Return those that are still missing, and the
    errors.
    """
    root = rtslib.RTSRoot()
    # the numbers that are taken; others have made and deleted units since
    root.invalidate_caches()
    saved = {so['name']: so for so in config['storage_objects'] if so.get('plugin') == PLUGIN and 'name' in so}
    errors = root.restore({'storage_objects': [saved[name] for name in names]})
    left = [name for name in restore.missing(root, config) if name in names]
    attach(rtslib, config, set(names) - set(left), errors.append)
    return left, errors


def say(text):
    print(text, flush=True)


def run(rtslib, files, sleep=time.sleep):
    told, turn, waited_for = None, 0, None
    while True:
        config = saving.load(files)
        # rtslib writes it in place
        if config is None:
            sleep(PAUSE_S)
            continue
        names = restore.missing(rtslib.RTSRoot(), config)
        names = [name for name in names if waited_for is None or name in waited_for]
        saving.wait_for(names)
        if not names:
            break
        if told is None:
            say(restore.summary(names) + '; going on trying')
        turn %= len(names)
        left, errors = attempt(rtslib, config, names[turn:] + names[:turn])
        if (left, errors) != told and errors:
            say('\n'.join(errors + ([restore.summary(left) + '; going on trying'] if left else [])))
        told, waited_for = (left, errors), set(left)
        turn += 1
        if left:
            sleep(PAUSE_S)
    if told:
        say('rbd: all units are there')


def main():
    try:
        rtslib = importlib.import_module('rtslib_fb')
    except ImportError:
        rtslib = importlib.import_module('rtslib')
    run(rtslib, sys.argv[1:] or saving.FILES)


if __name__ == '__main__':
    main()
