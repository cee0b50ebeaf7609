#!/usr/bin/python3 -SB
# SPDX-License-Identifier: GPL-2.0
"""Test the rbd backstore for rtslib and targetcli, without a kernel module and without a cluster.

These are real: Debian's rtslib and targetcli, ceph-conf, ceph-authtool, and Python's own start with
the .pth file of an installed copy. configfs is not. A folder takes its place, where mkdir and rmdir
behave as configfs does for a storage object. So this test sees all that is written and read, and in
which order, but not whether the kernel agrees. The lab's tests see that.
"""

import base64
import contextlib
import errno
import inspect
import io
import json
import os
import re
import subprocess
import sys
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../lib'))
from targetcli_case import Configfs, OTHER, SECRET, SOURCE, WithFolder, main, needs_ceph, rtslib_fb  # noqa: E402
from target_core_rbd import backstore, cluster, kernel_key, kernel_log, monitors, restore, retry, saving  # noqa: E402
from target_core_rbd.image_spec import ImageSpec                        # noqa: E402
from target_core_rbd.options import Options                             # noqa: E402



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
        # Keys of type `ceph` need libceph; keys of type `user` are in every kernel and live in the
        # same keyrings.
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
        so._remember(serial='opening')      # as a maker leaves it that was killed
        self.assertEqual(so.wwn_from, 'image')

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
        """Run the service. Call one of these after each try that leaves something. Return its
        output.
        """
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


if __name__ == '__main__':
    sys.exit(main(sys.modules[__name__]))
