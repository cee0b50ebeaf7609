# SPDX-License-Identifier: GPL-2.0
"""Shared parts of the tests of the targetcli backstore: where packages are, a folder that behaves
as configfs, KTAP.

A test imports this before anything of the backstore. The test then starts again with `python3 -SB`,
and so do the programs that it starts, so that a copy of the backstore that is installed on this
machine has no part in it.
"""

import contextlib
import importlib
import io
import os
import shutil
import sys
import tempfile
import textwrap
import unittest
from unittest import mock

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'targetcli')
PACKAGES = '/usr/lib/python3/dist-packages'
SKIP = 4

if not sys.flags.no_site:
    os.execv(sys.executable, [sys.executable, '-SB', os.path.abspath(sys.argv[0])])
sys.path.insert(0, SOURCE)
sys.path.append(PACKAGES)
# targetcli takes it under this name
RTSLIB = 'rtslib_fb' if os.path.isdir(PACKAGES + '/rtslib_fb') else 'rtslib'
for package in (RTSLIB, 'targetcli'):
    if not os.path.isdir(os.path.join(PACKAGES, package)):
        print('TAP version 13\n1..0 # SKIP %s is not installed' % package)
        sys.exit(SKIP)

rtslib_fb = importlib.import_module(RTSLIB)
importlib.import_module(RTSLIB + '.root')
from target_core_rbd import backstore  # noqa: E402

SECRET = 'AQBvbXJkAAAAABAAzm5zQ2tZcE1ob0ZsdTBYQg=='
OTHER = 'AQBvbXJkAAAAABAAT3RoZXJTZWNyZXQwMDAwMQ=='
HAVE_CEPH = shutil.which('ceph-conf') and shutil.which('ceph-authtool')
needs_ceph = unittest.skipUnless(HAVE_CEPH, 'ceph-common is not installed')


class WithFolder(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='targetcli_test.')
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(textwrap.dedent(text))
        return path


class Configfs:
    """A folder that behaves as configfs does for storage objects of this module."""

    INFO = ('Status: %s  Max Queue Depth: 128  SectorSize: 512  HwMaxSectors: 8192\n'
            '        Pool: %s Namespace: %s Image: %s Snap: %s Id: %s ImageId: 10ab3c Fsid: 1b2c-3d '
            'Size: 1073741824 ObjectSize: 4194304 StripeUnit: 4194304 StripeCount: 1 '
            'State: open Fallbacks: 7 Stale: 6 Late: 5 Shared: 4 \n')

    def __init__(self, root):
        self.root = root
        self.writes = []
        self.refuse = {}
        self.serial = 'made-from-the-image'
        self._open, self._mkdir, self._rmdir = open, os.mkdir, os.rmdir
        os.makedirs(os.path.join(root, 'core'))

    def file(self, path, text):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with self._open(path, 'w', encoding='utf-8') as file:
            file.write(text)

    def mkdir(self, path, *args):
        path = os.fspath(path)
        self._mkdir(path, *args)
        if os.path.dirname(os.path.dirname(path)) == os.path.join(self.root, 'core'):
            for name in ('control', 'alias', 'udev_path'):
                self.file(path + '/' + name, '')
            self.file(path + '/enable', '0\n')
            self.file(path + '/info', self.INFO % ('DEACTIVATED', '-', '-', '-', '-', '-'))
            self.file(path + '/wwn/vpd_unit_serial', 'T10 VPD Unit Serial Number: \n')
            self.file(path + '/attrib/block_size', '512\n')
            os.makedirs(path + '/alua')

    def rmdir(self, path, **kwargs):
        path = os.fspath(path)
        # The files of a configfs folder go with it; folders that were made in it do not. rmtree
        # comes back to here.
        if kwargs or os.path.dirname(path) == os.path.join(self.root, 'core'):
            self._rmdir(path, **kwargs)
        else:
            shutil.rmtree(path)

    def written(self, path, text):
        name = os.path.relpath(path, self.root)
        self.writes.append((name, text))
        for part, error in self.refuse.items():
            if name.endswith(part):
                raise OSError(error, os.strerror(error), path)
        if name.endswith('/enable'):
            keys = dict(item.partition('=')[::2] for item in self.control().split(','))
            values = [keys.get(key) or '-' for key in ('pool', 'namespace', 'image', 'snap', 'id')]
            self.file(path.replace('/enable', '/info'), self.INFO % tuple(['ACTIVATED'] + values))
            self.file(path.replace('/enable', '/wwn/vpd_unit_serial'), 'T10 VPD Unit Serial Number: %s\n' % self.serial)
        if name.endswith('/vpd_unit_serial'):
            text = 'T10 VPD Unit Serial Number: ' + text
        self.file(path, text)

    def open(self, path, mode='r', *args, **kwargs):
        if isinstance(path, os.PathLike):
            path = os.fspath(path)
        if not (isinstance(path, str) and path.startswith(self.root + '/') and 'w' in mode):
            return self._open(path, mode, *args, **kwargs)
        configfs = self

        class Raw(io.RawIOBase):
            def writable(self):
                return True

            def write(self, data):
                configfs.written(path, bytes(data).decode())
                return len(data)

        if kwargs.get('buffering') == 0:
            return Raw()
        return io.TextIOWrapper(io.BufferedWriter(Raw()))

    def control(self):
        return [text for name, text in self.writes if name.endswith('/control')][-1]

    def names(self):
        return [name.split('/', 3)[3] for name, _ in self.writes]

    @contextlib.contextmanager
    def mounted(self):
        with contextlib.ExitStack() as stack:
            for what in (mock.patch.object(rtslib_fb.node.CFSNode, 'configfs_dir', self.root),
                         mock.patch('os.mkdir', self.mkdir), mock.patch('os.rmdir', self.rmdir),
                         mock.patch('builtins.open', self.open), mock.patch('io.open', self.open),
                         mock.patch(RTSLIB + '.root.mount_configfs', lambda: None),
                         mock.patch(RTSLIB + '.tcm.lock_file', self.root + '.lock'),
                         mock.patch.object(backstore.RBDImage, '_load_module', lambda self: None)):
                stack.enter_context(what)
            rtslib_fb.tcm.bs_cache.clear()
            yield self
        rtslib_fb.tcm.bs_cache.clear()


@needs_ceph
class Ktap(unittest.TestResult):
    """Print each result as one line, and the text of a failed assertion as comments below it."""

    def line(self, good, test, remark=''):
        name = test.id().replace('__main__.', '').replace('.test_', ': ').replace('_', ' ')
        print('%s %d %s%s' % ('ok' if good else 'not ok', self.testsRun, name, remark), flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.line(True, test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.line(True, test, ' # SKIP ' + reason)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.failed(test, self.failures)

    def addError(self, test, err):
        super().addError(test, err)
        self.failed(test, self.errors)

    def failed(self, test, results):
        self.line(False, test)
        for line in results[-1][1].splitlines():
            print('# ' + line)


def main(module):
    suite = unittest.defaultTestLoader.loadTestsFromModule(module)
    print('TAP version 13\n1..%d' % suite.countTestCases(), flush=True)
    result = Ktap()
    suite.run(result)
    return 0 if result.wasSuccessful() else 1
