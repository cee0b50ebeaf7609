#!/usr/bin/python3 -SB
# SPDX-License-Identifier: GPL-2.0
"""The rbd backstore for rtslib and targetcli, without a kernel module and without a cluster.

What is real: Debian's rtslib and targetcli, ceph-conf, ceph-authtool, and Python's own start with the .pth file of an
installed copy. What is not: configfs. Its place takes a folder where mkdir and rmdir behave as configfs does for a
storage object; so it shows which files are written with what, in which order, and what is read back, but not that the
kernel agrees. That is what the lab's tests are for.

This program and those that it starts run with `python3 -S`, so that a copy of the backstore that is installed on this
machine has no part in it.
"""

import base64
import contextlib
import errno
import importlib
import inspect
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import unittest
from unittest import mock

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'targetcli')
PACKAGES = '/usr/lib/python3/dist-packages'
SKIP = 4

if not sys.flags.no_site:
    os.execv(sys.executable, [sys.executable, '-SB', os.path.abspath(__file__)])
sys.path.insert(0, SOURCE)
sys.path.append(PACKAGES)
# the name under which targetcli takes it
RTSLIB = 'rtslib_fb' if os.path.isdir(PACKAGES + '/rtslib_fb') else 'rtslib'
for package in (RTSLIB, 'targetcli'):
    if not os.path.isdir(os.path.join(PACKAGES, package)):
        print('TAP version 13\n1..0 # SKIP %s is not installed' % package)
        sys.exit(SKIP)

rtslib_fb = importlib.import_module(RTSLIB)
importlib.import_module(RTSLIB + '.root')
from target_core_rbd import backstore, cluster, hook, kernel_key, kernel_log, monitors, restore, retry, saving  # noqa: E402
from target_core_rbd.image_spec import ImageSpec                        # noqa: E402
from target_core_rbd.options import Options                             # noqa: E402

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


class Spec(unittest.TestCase):
    def test_forms(self):
        for text, parts in {
                'disk1': ('rbd', '', 'disk1', ''),
                'disk1@s': ('rbd', '', 'disk1', 's'),
                'pool/disk1': ('pool', '', 'disk1', ''),
                'pool/ns/disk1': ('pool', 'ns', 'disk1', ''),
                'pool/ns/disk1@snap-1': ('pool', 'ns', 'disk1', 'snap-1'),
                'a.b/c:d': ('a.b', '', 'c:d', '')}.items():
            spec = ImageSpec.parse(text)
            self.assertEqual(tuple(spec), parts)
            self.assertEqual(ImageSpec.parse(str(spec)), spec)

    def test_default_pool(self):
        self.assertEqual(str(ImageSpec.parse('disk1', 'tank')), 'tank/disk1')

    def test_control_keys(self):
        self.assertEqual(ImageSpec.parse('p/n/i@s').control, ['pool=p', 'namespace=n', 'image=i', 'snap=s'])
        self.assertEqual(ImageSpec.parse('p/i').control, ['pool=p', 'image=i'])

    def test_refused(self):
        for text in ('', '/', 'p/', '/i', 'p//i', 'a/b/c/d', 'i@', '@s', 'i@s@t', 'i@s/t', 'p/i,snap=s', 'i\n',
                     ' i', 'i\0', 'x' * 512):
            with self.assertRaises(ValueError, msg=repr(text)):
                ImageSpec.parse(text)


class OptionList(unittest.TestCase):
    def test_passed_on(self):
        options = Options('ms_mode=secure,nocrc,mount_timeout=30')
        self.assertEqual(options.control, ['ms_mode=secure', 'nocrc', 'mount_timeout=30'])
        self.assertEqual(options.ms_mode, 'secure')
        self.assertEqual(str(Options(None)), '')

    def test_refused(self):
        for text in ('pool=x', 'key=client.admin', 'mon_addr=1.2.3.4', 'name=admin', 'a=1,a=2', 'a=', '=b', 'a=1,,b=2',
                     'a=1,', 'a b', 'a=1\n'):
            with self.assertRaises(ValueError, msg=repr(text)):
                Options(text)

    def test_examples_are_not_refused_by_the_module(self):
        with open(os.path.join(SOURCE, '..', 'rados', 'options.c'), encoding='utf-8') as file:
            refused = set(re.findall(r'!strcmp\(key, "(\w+)"\)', file.read()))
        self.assertLessEqual({'share', 'osd_request_timeout', 'abort_on_full'}, refused)
        for name in ('options.py', 'ui.py'):
            with open(os.path.join(SOURCE, 'target_core_rbd', name), encoding='utf-8') as file:
                examples = re.findall(r'ms_mode=[^\s`]*[^\s`.]', file.read())
            self.assertTrue(examples, name)
            for example in examples:
                keys = {key for key, _ in Options(example).items}
                self.assertEqual(keys & refused, set(), name)

    def test_secret_refused_and_not_repeated(self):
        with self.assertRaises(ValueError) as caught:
            Options('secret=' + SECRET)
        self.assertNotIn(SECRET, str(caught.exception))


class Monitors(unittest.TestCase):
    def both(self, text):
        addresses = monitors.parse_mon_host(text)
        return monitors.serving(addresses, 'v2'), monitors.serving(addresses, 'v1')

    def test_vector(self):
        self.assertEqual(self.both('[v2:10.77.0.1:3300/0,v1:10.77.0.1:6789/0]'),
                         ([('10.77.0.1', 3300)], [('10.77.0.1', 6789)]))

    def test_several_vectors(self):
        self.assertEqual(self.both('[v2:10.0.0.1:3300/0,v1:10.0.0.1:6789/0],[v2:10.0.0.2:4000/0] 10.0.0.3'),
                         ([('10.0.0.1', 3300), ('10.0.0.2', 4000), ('10.0.0.3', 3300)],
                          [('10.0.0.1', 6789), ('10.0.0.3', 6789)]))

    def test_plain(self):
        self.assertEqual(self.both('a.example; b.example:3300, c.example:6789\td.example:7000'),
                         ([('a.example', 3300), ('b.example', 3300), ('d.example', 7000)],
                          [('a.example', 6789), ('c.example', 6789), ('d.example', 7000)]))

    def test_ipv6(self):
        self.assertEqual(self.both('[v2:[fd00::1]:3300/0,v1:[fd00::1]:6789/0],[fd00::2],fd00::3,[fd00::4]:3300')[0],
                         [('fd00::1', 3300), ('fd00::2', 3300), ('fd00::3', 3300), ('fd00::4', 3300)])

    def test_for_the_kernel(self):
        addresses = monitors.parse_mon_host('[v2:10.0.0.1:3300/0,v1:10.0.0.1:6789/0],[fd00::2],10.0.0.1')
        self.assertEqual(monitors.mon_addr(addresses), ('10.0.0.1:3300/[fd00::2]:3300', None))
        self.assertEqual(monitors.mon_addr(addresses, 'secure'), ('10.0.0.1:3300/[fd00::2]:3300', 'secure'))
        self.assertEqual(monitors.mon_addr(addresses, 'legacy'), ('10.0.0.1:6789/[fd00::2]:6789', 'legacy'))

    def test_msgr1_only_cluster(self):
        addresses = monitors.parse_mon_host('v1:10.0.0.1:6789/0,10.0.0.2:6789')
        self.assertEqual(monitors.mon_addr(addresses), ('10.0.0.1:6789/10.0.0.2:6789', 'legacy'))
        with self.assertRaises(ValueError):
            monitors.mon_addr(addresses, 'secure')

    def test_names_are_resolved(self):
        self.assertIn('127.0.0.1:3300', monitors.mon_addr(monitors.parse_mon_host('localhost'))[0].split('/'))

    def test_one_bad_name_does_not_matter(self):
        addresses = monitors.parse_mon_host('no-such-host.invalid,127.0.0.1')
        self.assertEqual(monitors.mon_addr(addresses)[0], '127.0.0.1:3300')
        with self.assertRaisesRegex(ValueError, 'no-such-host.invalid'):
            monitors.mon_addr(addresses[:1])

    def test_refused(self):
        for text in ('[v2:10.0.0.1:3300', '10.0.0.1:99999', 'host:port', '[fd00::1'):
            with self.assertRaises(ValueError, msg=text):
                monitors.parse_mon_host(text)


@needs_ceph
class CephConf(WithFolder):
    def test_spellings(self):
        for key in ('mon host', 'mon_host', 'mon  host'):
            conf = self.write('ceph.conf', '[global]\n%s = 10.0.0.1 # here\n' % key)
            self.assertEqual(cluster.Cluster(conf).mon_addr(), ('10.0.0.1:3300', None))

    def test_monitor_sections(self):
        conf = self.write('ceph.conf', '''
            [mon.a]
            mon addr = 10.0.0.1:6789
            [mon.b]
            mon_addr = 10.0.0.2:6789
            ''')
        self.assertEqual(cluster.Cluster(conf).mon_addr(), ('10.0.0.1:6789/10.0.0.2:6789', 'legacy'))

    def test_no_monitors(self):
        conf = self.write('ceph.conf', '[global]\n')
        with self.assertRaisesRegex(ValueError, 'mon_host'):
            cluster.Cluster(conf).mon_addr()

    def test_default_pool(self):
        self.assertEqual(cluster.Cluster(self.write('a.conf', '[global]\n')).default_pool, 'rbd')
        conf = self.write('b.conf', '[client]\nrbd default pool = tank\n')
        self.assertEqual(cluster.Cluster(conf).default_pool, 'tank')

    def test_keyring_with_metavariables(self):
        conf = self.write('zoo.conf', '[client]\nkeyring = %s/$cluster.$name.keyring\n' % self.folder)
        self.write('zoo.client.gw.keyring', '[client.other]\n\tkey = %s\n[client.gw]\n\tkey = %s\n' % (OTHER, SECRET))
        self.assertEqual(cluster.Cluster(conf, 'gw').secret(), base64.b64decode(SECRET))
        self.assertEqual(cluster.Cluster(conf, 'client.gw').id, 'gw')
        self.assertIsNone(cluster.Cluster(conf, 'nobody').secret())

    def test_default_keyrings(self):
        conf = self.write('zoo.conf', '[global]\n')
        self.assertIn('/etc/ceph/zoo.client.gw.keyring', cluster.Cluster(conf, 'gw').keyrings)

    def test_key_and_keyfile(self):
        plain = base64.b64decode(SECRET)
        conf = self.write('ceph.conf', '[client.a]\nkey = %s\n[client.b]\nkeyfile = %s\n[client.c]\nkey = no!\n'
                          % (SECRET, self.write('secret', SECRET + '\n')))
        self.assertEqual(cluster.Cluster(conf, 'a').secret(), plain)
        self.assertEqual(cluster.Cluster(conf, 'b').secret(), plain)
        with self.assertRaisesRegex(ValueError, 'client.c'):
            cluster.Cluster(conf, 'c').secret()

    def test_no_cephx(self):
        conf = self.write('ceph.conf', '[global]\nauth client required = none\n[client.a]\nkey = %s\n' % SECRET)
        self.assertIsNone(cluster.Cluster(conf, 'a').secret())

    def test_environment(self):
        conf = self.write('env.conf', '[global]\nmon_host = 10.0.0.9\n')
        with mock.patch.dict(os.environ, CEPH_CONF=conf, CEPH_ARGS='--mon-host=10.6.6.6 --bad-option',
                             CEPH_KEYRING='/nowhere'):
            found = cluster.Cluster()
            self.assertEqual(found.conf, conf)
            self.assertEqual(found.mon_addr()[0], '10.0.0.9:3300')
            self.assertNotIn('/nowhere', found.keyrings)

    def test_refused(self):
        with self.assertRaisesRegex(ValueError, '/no/such.conf'):
            cluster.Cluster('/no/such.conf')
        with self.assertRaisesRegex(ValueError, 'cannot be read'):
            cluster.Cluster(self.write('bad.conf', '[global\nmon_host'))
        conf = self.write('ceph.conf', '[global]\n')
        for name in ('a,key=x', 'a/b', 'a b', 'client.'):
            with self.assertRaises(ValueError, msg=name):
                cluster.Cluster(conf, name)


class KernelKey(unittest.TestCase):
    NAME = 'client.targetcli_test.%d' % os.getpid()

    def setUp(self):
        # Keys of type `ceph` need libceph; keys of type `user` are in every kernel and are kept alike.
        patch = mock.patch.object(kernel_key, 'TYPE', b'user')
        patch.start()
        self.addCleanup(patch.stop)
        try:
            with kernel_key.lent(self.NAME, b'x'):
                pass
        except ValueError as error:
            self.skipTest(str(error))

    def test_there_only_while_it_is_needed(self):
        self.assertFalse(kernel_key.present(self.NAME))
        with kernel_key.lent(self.NAME, base64.b64decode(SECRET)):
            self.assertTrue(kernel_key.present(self.NAME))
        self.assertFalse(kernel_key.present(self.NAME))
        with self.assertRaises(OSError):
            with kernel_key.lent(self.NAME, b'x'):
                raise OSError
        self.assertFalse(kernel_key.present(self.NAME))

    def test_not_for_other_processes(self):
        with kernel_key.lent(self.NAME, b'x'):
            code = ('import sys; sys.path.insert(0, %r); from target_core_rbd import kernel_key; kernel_key.TYPE = b"user"; '
                    'print(kernel_key.present(%r))' % (SOURCE, self.NAME))
            done = subprocess.run([sys.executable, '-SB', '-c', code], capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout.strip(), 'False')


class Configfs:
    """A folder that behaves like configfs does for storage objects of this module."""

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
        # The files of a configfs folder go with it; folders that were made in it do not. rmtree comes back to here.
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
class StorageObject(WithFolder):
    def setUp(self):
        super().setUp()
        if not hasattr(rtslib_fb.tcm, 'RBDStorageObject'):
            backstore.register(rtslib_fb.tcm)
        restore.register(rtslib_fb.root)
        self.enterContext(mock.patch.object(saving, 'LIST', os.path.join(self.folder, 'run/missing')))
        self.so_class = rtslib_fb.tcm.so_mapping['rbd']
        self.conf = self.write('ceph.conf', '''
            [global]
            mon host = [v2:10.77.0.1:3300/0,v1:10.77.0.1:6789/0],[v2:10.77.0.2:3300/0]
            auth client required = none
            ''')
        self.configfs = Configfs(os.path.join(self.folder, 'target'))
        self.enterContext(self.configfs.mounted())

    def enterContext(self, manager):        # in unittest itself from Python 3.11 on
        value = manager.__enter__()
        self.addCleanup(manager.__exit__, None, None, None)
        return value

    def create(self, image='pool/ns/disk1@s', name='disk1', **kwargs):
        return self.so_class(name, image, conf=self.conf, **kwargs)

    def restored(self, dumped):
        kwargs = {key: value for key, value in json.loads(json.dumps(dumped)).items()
                  if key not in ('exists', 'attributes', 'plugin', 'buffered_mode', 'alua_tpgs')}
        return self.so_class(**kwargs)

    def test_create(self):
        so = self.create(options='mount_timeout=30')
        self.assertEqual(so.path, self.configfs.root + '/core/rbd_0/disk1')
        self.assertEqual(self.configfs.control(), 'mon_addr=10.77.0.1:3300/10.77.0.2:3300,id=admin,'
                         'pool=pool,namespace=ns,image=disk1,snap=s,mount_timeout=30')
        names = self.configfs.names()
        self.assertLess(names.index('control'), names.index('enable'))

    def test_serial_is_left_to_the_module(self):
        so = self.create()
        self.assertNotIn('wwn/vpd_unit_serial', self.configfs.names())
        self.assertEqual((so.wwn, so.wwn_from), ('made-from-the-image', 'image'))

    def test_serial_of_the_operator_wins(self):
        so = self.create(wwn='mine')
        self.assertEqual((so.wwn, so.wwn_from), ('mine', 'operator'))
        dumped = so.dump()
        so.delete()
        self.assertEqual(self.restored(dumped).wwn, 'mine')

    def test_serial_follows_a_replaced_image(self):
        dumped = self.create().dump()
        self.so_class('disk1').delete()
        self.configfs.serial = 'made-from-another-image'
        self.assertEqual(self.restored(dumped).wwn, 'made-from-another-image')

    def test_look_up(self):
        self.create(options='ms_mode=secure', id='gw')
        so, = rtslib_fb.tcm.StorageObject.all()
        self.assertIsInstance(so, self.so_class)
        self.assertEqual((so.image, so.conf, so.id, so.options), ('pool/ns/disk1@s', self.conf, 'gw', 'ms_mode=secure'))
        self.assertEqual((so.size, so.readonly, so.status), (1 << 30, True, 'activated'))
        self.assertEqual((so.image_id, so.fsid), ('10ab3c', '1b2c-3d'))

    def test_dump_and_restore(self):
        so = self.create(options='ms_mode=secure,nocrc', id='gw')
        first, control = so.dump(), self.configfs.control()
        so.delete()
        self.assertFalse(os.path.exists(self.configfs.root + '/core/rbd_0'))
        again = self.restored(first)
        self.assertEqual(again.dump(), first)
        self.assertEqual(self.configfs.control(), control)

    def test_dump_holds_the_arguments_of_the_constructor(self):
        taken = set(inspect.signature(self.so_class.__init__).parameters)
        self.assertLessEqual(set(self.create().dump()) - {'attributes', 'alua_tpgs', 'plugin'}, taken)

    def test_names_that_need_escapes(self):
        self.write('o d&d=x/ceph.conf', open(self.conf, encoding='utf-8').read())
        self.conf = os.path.join(self.folder, 'o d&d=x', 'ceph.conf')
        self.create()
        self.assertEqual(self.so_class('disk1').conf, self.conf)
        info = self.so_class('disk1').path + '/info'
        self.configfs.file(info, 'Status: ACTIVATED\n Pool: a%20b Image: c%3Ad%25 Namespace: - Snap: - Id: admin\n')
        self.assertEqual(self.so_class('disk1').image, 'a b/c:d%')

    def test_made_by_hand(self):
        self.configfs.mkdir(self.configfs.root + '/core/rbd_7')
        self.configfs.mkdir(self.configfs.root + '/core/rbd_7/hand')
        so, = rtslib_fb.tcm.StorageObject.all()
        dumped = so.dump()
        self.assertEqual((dumped['name'], dumped['image'], dumped['wwn']), ('hand', None, None))

    def test_failure_leaves_nothing(self):
        for name, number, said in (('/control', errno.EINVAL, 'EINVAL'), ('/enable', errno.ENOENT, 'no such'),
                                   ('/enable', errno.EACCES, 'key and caps'), ('/enable', errno.ETIMEDOUT, 'answer')):
            self.configfs.refuse = {name: number}
            with self.assertRaisesRegex(rtslib_fb.RTSLibError, said):
                self.create()
            self.assertEqual(os.listdir(self.configfs.root + '/core'), [])
            self.assertEqual(self.configfs.names().count(name[1:]), 1, 'tried once')
            self.configfs.writes.clear()
        self.configfs.refuse = {}
        self.create()

    def test_bad_arguments_make_nothing(self):
        for kwargs in ({'image': 'a/b/c/d'}, {'options': 'pool=x'}, {'id': 'a,b'}, {'options': 'mount_timeout=' + '9' * 600}):
            with self.assertRaises(rtslib_fb.RTSLibError, msg=str(kwargs)):
                self.create(**kwargs)
            self.assertEqual(os.listdir(self.configfs.root + '/core'), [])

    def test_restore_goes_on_past_a_missing_image(self):
        config = {'storage_objects': [self.create(name=name, image='rbd/' + name).dump() for name in ('a', 'b')]}
        root = rtslib_fb.RTSRoot()
        root.clear_existing(confirm=True)
        self.configfs.refuse = {'/a/enable': errno.ENOENT}
        errors = root.restore(config)
        self.assertEqual(len(errors), 1, errors)
        self.assertIn('there is no such', errors[0])
        self.assertEqual([so.name for so in root.storage_objects], ['b'])

    def saved_units(self, images):
        config = {'storage_objects': [self.create(name=name, image=image).dump() for name, image in images.items()]}
        rtslib_fb.RTSRoot().clear_existing(confirm=True)
        self.configfs.writes.clear()
        return config

    def test_units_of_a_configuration_ask_the_tools_once(self):
        config = self.saved_units({'a': 'rbd/a', 'b': 'rbd/b', 'c': 'other/c'})
        with mock.patch.object(cluster.subprocess, 'run', wraps=cluster.subprocess.run) as ran:
            rtslib_fb.RTSRoot().restore(config)
        tools = [call.args[0][0] for call in ran.call_args_list if call.args[0][0].startswith('ceph-')]
        self.assertEqual(sorted(tools), sorted(set(tools)))
        self.assertIn('ceph-conf', tools)
        with mock.patch.object(cluster.subprocess, 'run', wraps=cluster.subprocess.run) as ran:
            self.create(name='d', image='rbd/d')
        self.assertTrue(ran.called, 'a unit that is made by hand sees the files as they are')

    def test_units_wait_for_their_cluster_once(self):
        config = self.saved_units({'a': 'rbd/a', 'b': 'rbd/b', 'c': 'other/c'})
        for said, tries in (([], 2), (['a: no session with the cluster: error -110; check mon_addr, id and key'], 1)):
            self.configfs.refuse = {'/enable': errno.ETIMEDOUT}
            with mock.patch.object(kernel_log.KernelLog, 'messages', lambda log: said):     # noqa: B023
                errors = rtslib_fb.RTSRoot().restore(config)
            self.assertEqual(self.configfs.names().count('enable'), tries, said)
            self.assertEqual(len(errors), 3)
            self.assertIn('does not answer', errors[2])
            self.configfs.writes.clear()
        self.configfs.refuse = {}
        self.assertEqual(rtslib_fb.RTSRoot().restore(config), [], 'another restoring is another try')

    def test_by_hand_each_try_is_one(self):
        self.configfs.refuse = {'/enable': errno.ETIMEDOUT}
        for _ in range(2):
            self.assertRaises(rtslib_fb.RTSLibError, self.create)
        self.assertEqual(self.configfs.names().count('enable'), 2)

    def test_targetctl_tells_what_is_missing(self):
        file = self.write('saved.json', json.dumps(self.saved_units({'a': 'rbd/a', 'b': 'rbd/b'})))
        self.configfs.refuse = {'/enable': errno.ETIMEDOUT}
        root = rtslib_fb.RTSRoot()
        self.assertEqual(len(root.restore_from_file(file)), 2, 'others get a list of errors')
        with mock.patch.object(sys, 'argv', ['/usr/bin/targetctl', 'restore']), \
                mock.patch('sys.stderr', new_callable=io.StringIO) as said, self.assertRaises(SystemExit) as ended:
            root.restore_from_file(file)
        self.assertEqual(ended.exception.code, 75)
        self.assertIn('2 units are missing: a b', said.getvalue())
        self.configfs.refuse = {}
        with mock.patch.object(sys, 'argv', ['/usr/bin/targetctl', 'restore']):
            self.assertEqual(root.restore_from_file(file), [])

    def test_missing_units_are_tried_until_they_are_there(self):
        file = self.write('saved.json', json.dumps(self.saved_units({'a': 'rbd/a', 'b': 'rbd/b', 'c': 'rbd/c'})))
        rounds, first = [], []

        def enables():
            return [name.split('/')[2] for name, _ in self.configfs.writes if name.endswith('/enable')]

        def sleep(seconds):
            first.append(enables()[0])
            rounds.append(seconds)
            self.configfs.writes.clear()
            if len(rounds) == 2:
                self.configfs.refuse = {'/a/enable': errno.ETIMEDOUT}
            elif len(rounds) == 3:
                self.configfs.refuse = {}

        self.configfs.refuse = {'/enable': errno.ETIMEDOUT}
        with mock.patch('sys.stdout', new_callable=io.StringIO) as said:
            retry.run(rtslib_fb, [file], sleep)
        self.assertEqual(first[:2], ['a', 'b'], 'another one is the first to wait')
        self.assertEqual(sorted(so.name for so in rtslib_fb.RTSRoot().storage_objects), ['a', 'b', 'c'])
        self.assertIn('3 units are missing: a b c', said.getvalue())
        self.assertIn('all units are there', said.getvalue())

    def retry(self, config, *between):
        """Runs the service; after each try that leaves something, one of these is called. Returns what it said."""
        file = self.write('saved.json', json.dumps(config))
        steps = iter(between)
        with mock.patch('sys.stdout', new_callable=io.StringIO) as said:
            retry.run(rtslib_fb, [file], lambda seconds: next(steps)(file))
        self.assertEqual(list(steps), [])
        return said.getvalue()

    def units(self):
        return sorted(so.name for so in rtslib_fb.RTSRoot().storage_objects)

    def answer(self, _file=None):
        self.configfs.refuse = {}

    def test_units_of_others_do_not_disturb_those_that_are_missing(self):
        config = self.saved_units({'a': 'rbd/a', 'b': 'rbd/b'})
        rtslib_fb.RTSRoot().restore({'storage_objects': config['storage_objects'][:1]})
        self.configfs.refuse = {'/b/enable': errno.ETIMEDOUT}

        def other_program_makes_one(_file):
            path = os.path.join(self.configfs.root, 'core', 'rbd_1')
            os.mkdir(path)
            os.mkdir(path + '/c')
            self.answer()

        self.retry(config, other_program_makes_one)
        self.assertIn('b', self.units())

    def test_what_an_operator_removes_does_not_come_back(self):
        config = self.saved_units({'a': 'rbd/a', 'b': 'rbd/b', 'c': 'rbd/c'})
        rtslib_fb.RTSRoot().restore({'storage_objects': config['storage_objects'][:1]})
        self.configfs.refuse = {'/c/enable': errno.ETIMEDOUT}

        def operator_removes_two(_file):
            for so in list(rtslib_fb.RTSRoot().storage_objects):
                so.delete()

        self.retry(config, operator_removes_two, self.answer)
        self.assertEqual(self.units(), ['c'])

    def test_a_configuration_that_is_just_being_written(self):
        config = self.saved_units({'a': 'rbd/a'})
        self.configfs.refuse = {'/a/enable': errno.ETIMEDOUT}

        def half(file):
            self.write(file, json.dumps(config)[:20])
            self.answer()

        self.retry(config, half, lambda file: self.write(file, json.dumps(config)))
        self.assertEqual(self.units(), ['a'])

    def test_a_unit_without_a_name_is_skipped(self):
        config = self.saved_units({'a': 'rbd/a'})
        config['storage_objects'].insert(0, {'plugin': 'rbd'})
        self.configfs.refuse = {'/a/enable': errno.ETIMEDOUT}
        self.assertIn('1 unit is missing: a', self.retry(config, self.answer))
        self.assertEqual(self.units(), ['a'])

    def test_what_is_saved_meanwhile_has_the_units_that_are_missing(self):
        config = self.saved_units({'a': 'rbd/a', 'b': 'rbd/b'})
        self.configfs.refuse = {'/b/enable': errno.ETIMEDOUT}
        saved = []

        def operator_leaves_targetcli(file):
            with mock.patch.object(saving, 'FILES', (file,)):
                rtslib_fb.RTSRoot().save_to_file(file)
            saved.append(saving.load((file,)))
            self.answer()

        self.retry(config, operator_leaves_targetcli)
        self.assertEqual(sorted(so['name'] for so in saved[0]['storage_objects']), ['a', 'b'])
        self.assertEqual(saved[0]['storage_objects'][1], config['storage_objects'][1])
        self.assertEqual(self.units(), ['a', 'b'], 'it is waited for, and comes')
        self.assertEqual(saving.waited_for(), set(), 'then nothing is kept any more')
        next(so for so in rtslib_fb.RTSRoot().storage_objects if so.name == 'b').delete()
        file = os.path.join(self.folder, 'saved.json')
        with mock.patch.object(saving, 'FILES', (file,)):
            rtslib_fb.RTSRoot().save_to_file(file)
        self.assertEqual([so['name'] for so in saving.load((file,))['storage_objects']], ['a'])

    def test_their_luns_are_kept_where_the_target_still_is(self):
        def lun(index, name):
            return {'index': index, 'storage_object': '/backstores/rbd/' + name}

        def tpg(tag, *luns):
            return {'tag': tag, 'luns': list(luns), 'node_acls': [
                {'node_wwn': 'h', 'mapped_luns': [{'index': lun['index'], 'tpg_lun': lun['index']} for lun in luns]}]}

        def target(wwn, *tpgs):
            return {'fabric': 'iscsi', 'wwn': wwn, 'tpgs': list(tpgs)}

        units = [{'plugin': 'rbd', 'name': name} for name in 'abc']
        full = {'storage_objects': units, 'targets': [target('x', tpg(1, lun(1, 'a'), lun(2, 'b'), lun(3, 'c')), tpg(2, lun(1, 'b'))),
                                                      target('y', tpg(1, lun(1, 'b')))]}
        # b is missing, c was deleted by an operator, as were the second group and the other target
        now = {'storage_objects': units[:1], 'targets': [target('x', tpg(1, lun(1, 'a')))]}
        wanted = {'storage_objects': units[:2], 'targets': [target('x', tpg(1, lun(1, 'a'), lun(2, 'b')))]}
        self.assertEqual(saving.keep(json.loads(json.dumps(now)), full, {'b'}), wanted)
        self.assertEqual(saving.keep(json.loads(json.dumps(wanted)), full, {'b'}), wanted, 'nothing is there twice')
        self.assertEqual(saving.keep(json.loads(json.dumps(now)), {}, {'b'}), now)

    def test_local_reservations_are_not_replayed(self):
        self.write('etc/pr/aptpl_made-from-the-image', 'PR_REG_START: 0\ninitiator_node=x\nPR_REG_END: 0\n')
        with mock.patch.object(rtslib_fb.root.RTSRoot, 'dbroot', os.path.join(self.folder, 'etc')):
            self.create()
        self.assertNotIn('pr/res_aptpl_metadata', self.configfs.names())

    def test_secret_is_nowhere(self):
        self.conf = self.write('ceph.conf', '[global]\nmon_host = 10.0.0.1\n[client.admin]\nkey = %s\n' % SECRET)
        lent = []

        @contextlib.contextmanager
        def lend(name, secret):
            lent.append((name, len(secret)))
            yield name
            lent.append(self.configfs.names()[-1])

        with mock.patch.object(kernel_key, 'lent', lend):
            so = self.create()
        self.assertEqual(lent, [('client.admin', 28), 'enable'])
        self.assertTrue(self.configfs.control().endswith(',key=client.admin'))
        self.assertNotIn(SECRET, json.dumps(so.dump()) + str(self.configfs.writes))

    def test_unreadable_object_in_targetcli(self):
        import targetcli.ui_backstore as ui
        from target_core_rbd import ui as ours
        node = object.__new__(ours.make_storage_object(ui))
        node.rtsnode = so = self.create()
        self.assertEqual(node.summary(), ('pool/ns/disk1@s (1.0GiB) read-only activated', True))
        info = so.path + '/info'
        with open(info, encoding='utf-8') as file:
            text = file.read()
        for state in ('deleted', 'failed'):
            self.configfs.file(info, text.replace('State: open', 'State: ' + state))
            self.assertEqual(node.summary(), ('pool/ns/disk1@s (1.0GiB) ' + state, False))
        self.configfs.file(info, text.partition('State:')[0] + '\n')
        self.assertTrue(node.summary()[1], 'a module from before there was a state')
        self.configfs.file(info, text.partition('ImageId:')[0].replace('ACTIVATED', 'DEACTIVATED') + 'State: opening \n')
        self.configfs.file(so.path + '/enable', '0\n')
        self.assertEqual(node.summary(), ('pool/ns/disk1@s is being opened', False))
        os.remove(info)
        self.assertFalse(node.summary()[1])

    def test_info_in_targetcli(self):
        import targetcli.ui_backstore as ui
        from target_core_rbd import ui as ours
        node = object.__new__(ours.make_storage_object(ui))
        node.rtsnode = self.create()
        shell = mock.Mock()
        with mock.patch.object(type(node), 'shell', shell):
            node.ui_command_info()
        said = [call.args[0] for call in shell.log.info.call_args_list]
        for line in ('state: open', 'fallbacks: 7', 'stale: 6', 'late: 5', 'shared: 4', 'size: 1073741824'):
            self.assertIn(line, said)


class Hook(WithFolder):
    def setUp(self):
        super().setUp()
        self.site = os.path.join(self.folder, 'dist-packages')
        subprocess.run(['make', '-s', '-C', SOURCE, 'install', 'DESTDIR=' + self.folder, 'PYTHON_DIR=/dist-packages',
                        'PYTHON='], check=True, stdout=subprocess.DEVNULL)

    def python(self, code, *options, package=PACKAGES):
        start = 'import sys, site; site.addsitedir(%r); sys.path.append(%r)\n' % (self.site, package)
        code = textwrap.dedent(code).replace('rtslib_fb', RTSLIB)
        return subprocess.run([sys.executable, '-S', '-B', *options, '-c', start + code],
                              capture_output=True, text=True, timeout=60, cwd=self.folder, check=False)

    def says(self, code, wanted, *options, **kwargs):
        done = self.python(code, *options, **kwargs)
        self.assertEqual((done.stdout.strip(), done.returncode), (wanted, 0), done.stderr)
        return done.stderr

    def test_rtslib_knows_the_class(self):
        errors = self.says('''
            import rtslib_fb
            from rtslib_fb import RBDStorageObject as cls
            from rtslib_fb import tcm
            print(cls.__name__, tcm.so_mapping['rbd'] is cls, tcm.bs_params[cls], issubclass(cls, tcm.StorageObject))
            ''', "RBDStorageObject True {'name': 'rbd'} True")
        self.assertEqual(errors, '')

    @unittest.skipUnless(RTSLIB == 'rtslib_fb' and os.path.isdir(PACKAGES + '/rtslib'), 'there is one name only')
    def test_the_old_package_name(self):
        self.says('''
            import rtslib, rtslib_fb
            print(issubclass(rtslib.RBDStorageObject, rtslib.tcm.StorageObject),
                  issubclass(rtslib.RBDStorageObject, rtslib_fb.tcm.StorageObject))
            ''', 'True False')

    def test_targetcli_has_the_node(self):
        self.says('''
            import targetcli.ui_backstore as ui
            seen = []
            for name in ('PSCSI', 'RDMCP', 'FileIO', 'Block'):
                setattr(ui, 'UI%sBackstore' % name, lambda parent: seen.append('stock'))
            ui.UIBackstores._user_backstores = lambda self: []
            ui.UIBackstore.refresh = lambda self: seen.append(self.name)
            node = object.__new__(ui.UIBackstores)
            configshell = __import__(ui.ExecutionError.__module__.partition('.')[0])
            ui.UINode.__init__(node, 'backstores', shell=ui.UIRBDBackstore and configshell.ConfigShell())
            node.refresh()
            print(seen, sorted(child.name for child in node._children))
            ''', "['stock', 'stock', 'stock', 'stock', 'rbd'] ['rbd']")

    def test_loader_and_file_are_untouched(self):
        self.says('''
            import rtslib_fb.tcm, inspect
            print(type(rtslib_fb.tcm.__loader__).__name__, rtslib_fb.tcm.__file__,
                  'class StorageObject' in inspect.getsource(rtslib_fb.tcm))
            ''', 'SourceFileLoader %s/%s/tcm.py True' % (PACKAGES, RTSLIB))

    def test_reload_and_late_installation(self):
        self.says('''
            import importlib, rtslib_fb.tcm
            importlib.reload(rtslib_fb.tcm)
            print('rbd' in rtslib_fb.tcm.so_mapping)
            ''', 'True')
        self.says('''
            sys.meta_path[:] = [f for f in sys.meta_path if 'target_core_rbd' not in type(f).__module__]
            import rtslib_fb.tcm
            before = 'rbd' in rtslib_fb.tcm.so_mapping
            import target_core_rbd.hook as hook
            hook.install(); hook.install()
            print(before, 'rbd' in rtslib_fb.tcm.so_mapping, sum(type(f) is hook.Finder for f in sys.meta_path))
            ''', 'False True 1')

    def test_two_finders_of_this_kind(self):
        self.says('''
            import target_core_rbd.hook as hook
            sys.meta_path.insert(0, hook.Finder())
            import rtslib_fb
            print('rbd' in rtslib_fb.tcm.so_mapping)
            ''', 'True')

    def test_other_programs_load_nothing_of_it(self):
        self.says('''
            import json, email.parser
            print(sorted(name for name in sys.modules if name.startswith('target_core_rbd')), 'subprocess' in sys.modules)
            ''', "['target_core_rbd', 'target_core_rbd.hook'] False")

    def test_another_rbd_in_rtslib(self):
        # as SUSE has it: a class of rtslib's own, and the node in targetcli
        patch = '''
            class RBDStorageObject(BlockStorageObject):
                def __init__(self, name, dev=None, index=None):
                    pass
            bs_params[RBDStorageObject] = {'name': 'rbd', 'alt_dirs': 'rbd'}
            so_mapping['rbd'] = RBDStorageObject
            '''
        for package in (RTSLIB, 'targetcli'):
            shutil.copytree(os.path.join(PACKAGES, package), os.path.join(self.folder, 'suse', package))
        with open(os.path.join(self.folder, 'suse', RTSLIB, 'tcm.py'), 'a', encoding='utf-8') as file:
            file.write(textwrap.dedent(patch))
        for lines, words in (('', "'rbd' in rtslib is another backstore"),
                             ('class UIRBDBackstore(UIBackstore):\n    pass\n', "'rbd' in rtslib is another backstore")):
            with open(os.path.join(self.folder, 'suse', 'targetcli', 'ui_backstore.py'), 'a', encoding='utf-8') as file:
                file.write(lines)
            errors = self.says('''
                sys.path.insert(0, 'suse')
                import rtslib_fb.tcm as tcm, targetcli.ui_backstore as ui
                print(tcm.__file__.startswith('suse') or '/suse/' in tcm.__file__, tcm.so_mapping['rbd'].__module__,
                      hasattr(ui, 'UIRBDStorageObject'))
                ''', 'True %s.tcm False' % RTSLIB)
            self.assertIn("this rtslib has a backstore 'rbd' of its own", errors)
            self.assertIn(words, errors)

    def test_missing_rtslib_fails_as_ever(self):
        done = self.python('import rtslib_fb.tcm', package='/nowhere')
        self.assertEqual(done.stderr.splitlines()[-1], "ModuleNotFoundError: No module named '%s'" % RTSLIB)

    def test_error_in_rtslib_is_not_hidden(self):
        self.write('broken/%s/__init__.py' % RTSLIB, '')
        self.write('broken/%s/tcm.py' % RTSLIB, 'raise RuntimeError("its own fault")\n')
        done = self.python('import rtslib_fb.tcm', package=self.folder + '/broken')
        self.assertEqual(done.stderr.splitlines()[-1], 'RuntimeError: its own fault')

    def test_broken_backstore_does_not_break_rtslib(self):
        for text in ('syntax error', 'import no_such_module', 'raise SystemError("x")', 'register = None'):
            self.write('dist-packages/target_core_rbd/backstore.py', text + '\n')
            errors = self.says('import rtslib_fb; print(len(rtslib_fb.tcm.so_mapping) >= 7)', 'True')
            self.assertIn('the rbd backstore is not available in %s.tcm' % RTSLIB, errors)
            self.says('import rtslib_fb; print(1)', '1', '-W', 'error')

    def test_broken_hook_does_not_break_python(self):
        for text in ('syntax error', 'raise SystemError("x")', ''):
            self.write('dist-packages/target_core_rbd/hook.py', text + '\n')
            self.assertEqual(self.says('import rtslib_fb; print(1)', '1'), '')
        shutil.rmtree(self.site + '/target_core_rbd')
        self.assertEqual(self.says('import rtslib_fb; print(1)', '1'), '')

    def test_costs_little(self):
        # Every Python program of the machine pays for the hook. It loads nothing but itself, and for a module that is none of
        # its business it executes two lines: a comparison and a return.
        self.says('''
            import sys
            hook = sys.modules['target_core_rbd.hook']
            searches, lines = [], []

            class Counter:
                @staticmethod
                def find_spec(name, path=None, target=None):
                    searches.append(name)

            def trace(frame, event, arg):
                if frame.f_code.co_filename != hook.__file__:
                    return None
                if event == 'line':
                    lines.append(frame.f_lineno)
                return trace

            sys.meta_path.insert(0, Counter)
            sys.settrace(trace)
            import json.tool, email.parser, xml.dom.minidom
            sys.settrace(None)
            print(len(searches) > 20, len(lines) == 2 * len(searches))
            ''', 'True True')

    def test_install_and_uninstall(self):
        def files():
            return sorted(os.path.relpath(os.path.join(folder, name), self.folder)
                          for folder, _, names in os.walk(self.folder) for name in names)

        installed = files()
        for name in ('dist-packages/target_core_rbd.pth', 'dist-packages/target_core_rbd/hook.py',
                     'usr/lib/modules-load.d/target_core_rbd.conf'):
            self.assertIn(name, installed)
        subprocess.run(['make', '-s', '-C', SOURCE, 'uninstall', 'DESTDIR=' + self.folder,
                        'PYTHON_DIR=/dist-packages'], check=True)
        self.assertEqual(files(), [])


class Ktap(unittest.TestResult):
    """Prints each result as one line, and what an assertion said as comments below it."""

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


def main():
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__])
    print('TAP version 13\n1..%d' % suite.countTestCases(), flush=True)
    result = Ktap()
    suite.run(result)
    return 0 if result.wasSuccessful() else 1


if __name__ == '__main__':
    sys.exit(main())
