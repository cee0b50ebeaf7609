# SPDX-License-Identifier: GPL-2.0
"""Add the backstore to rtslib and targetcli when a program imports them.

rtslib keeps its storage object classes in two dicts of rtslib_fb.tcm, and it raises KeyError on
listing as soon as configfs holds an object of a class it does not know. The class must therefore be
there in every program that imports rtslib: targetcli, targetctl, the restore service and people's
own scripts. At the start of Python a .pth file calls install(), and that puts one finder on
sys.meta_path. The finder knows a few module names. For those it lets the other finders find the
module, and runs our code right after the module's own.

Every Python program on the machine runs this file, so it has rules of its own:
 - it imports nothing but sys, and compares one string for each module that is imported;
 - it never raises: a failure of ours is a warning, and rtslib goes on without the backstore;
 - it changes no loader's class and leaves spec, loader and file of the module as they are.
"""

import sys

# The module to wait for, and our module whose register() is then called with it. Up to Debian 13,
# `rtslib` is an alias package, a second copy of rtslib with classes of its own. Later it is the
# only one.
WATCHED = {
    'rtslib_fb.tcm': 'target_core_rbd.backstore',
    'rtslib.tcm': 'target_core_rbd.backstore',
    'rtslib_fb.root': 'target_core_rbd.restore',
    'rtslib.root': 'target_core_rbd.restore',
    'targetcli.ui_backstore': 'target_core_rbd.ui',
}


def register(module):
    try:
        ours = WATCHED[module.__name__]
        __import__(ours)
        sys.modules[ours].register(module)
    except Exception as error:
        try:
            import warnings
            warnings.warn('the rbd backstore is not available in %s: %s' % (module.__name__, error),
                          RuntimeWarning, stacklevel=2)
        except Exception:
            pass


class Finder:
    """A meta path finder that finds nothing itself."""

    def __init__(self):
        # Names that are being looked up: another finder of this kind would otherwise ask us again,
        # for ever.
        self.busy = set()

    def find_spec(self, name, path=None, target=None):
        if name not in WATCHED or name in self.busy:
            return None
        self.busy.add(name)
        try:
            spec = self.ask_others(name, path, target)
            if spec is not None:
                self.follow(spec.loader)
            return spec
        except Exception:
            # Nothing to report: the import system asks the same finders next.
            return None
        finally:
            self.busy.discard(name)

    def ask_others(self, name, path, target):
        for finder in sys.meta_path:
            find_spec = getattr(finder, 'find_spec', None)
            if finder is self or find_spec is None:
                continue
            spec = find_spec(name, path, target)
            if spec is not None:
                return spec
        return None

    @staticmethod
    def follow(loader):
        execute = loader.exec_module

        def exec_module(module):
            execute(module)
            register(module)

        loader.exec_module = exec_module


def install():
    if any(type(finder).__module__ == __name__ for finder in sys.meta_path):
        return
    sys.meta_path.insert(0, Finder())
    for name in WATCHED:
        module = sys.modules.get(name)
        if module is not None:
            register(module)
