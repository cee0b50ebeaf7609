#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""trbdctl without a cluster and without LIO: documents, secrets, states, plans, undoing, saving."""

import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'lib'))
import targetcli_case as case  # noqa: E402
from trbdctl import (cli, document, documents, drain, export, images, journal, model, plan, pool, problems, saved,  # noqa: E402
                     secrets, source, state)
from trbdctl.problems import Refused  # noqa: E402
from unittest import mock  # noqa: E402
import unittest  # noqa: E402

IQN = 'iqn.2026-11.com.example:disk1'
HOST = 'iqn.1998-01.com.vmware:esx1'
GOOD = '''version: 1
ceph: {id: gw}
gateways:
  gw1: {portals: [192.0.2.11]}
  gw2: {portals: [192.0.2.12]}
disks:
  disk1: {image: rbd/disk1}
targets:
  iqn.2026-11.com.example:disk1:
    luns: {1: disk1}
    hosts:
      iqn.1998-01.com.vmware:esx1:
        chap: {user: esx1, secret: esx1, mutual: {user: disk1, secret: disk1}}
        luns: [1]
'''
SECRETS = {'esx1': 'secret-of-esx1', 'disk1': 'secret-of-disk1'}


def load(text, name='trbd.yaml'):
    return document.load(source.parse(text.encode(), name))


def state_of(text, me='gw1'):
    return state.wanted(load(text), me, SECRETS)


class Lio(dict):
    """A state that steps change; the step at fail_at fails."""

    def __init__(self, *args, fail_at=None, fail_undo=None):
        super().__init__(*args)
        self.fail_at, self.fail_undo = fail_at, fail_undo
        self.done = []

    def do(self, step):
        if len(self.done) == self.fail_at or step.path == self.fail_undo and self.fail_at is None:
            self.fail_at = None
            raise RuntimeError('no such image')
        self.done.append(step)
        if step.new is None:
            self.pop(step.path, None)
        else:
            self[step.path] = step.new


class Sources(unittest.TestCase):
    def value(self, text):
        return source.parse(text.encode(), 'f').value

    def refused(self, text, regex):
        with self.assertRaisesRegex(Refused, regex):
            source.parse(text if isinstance(text, bytes) else text.encode(), 'f')

    def test_scalars_as_yaml_1_2_has_them(self):
        self.assertEqual(self.value('{a: no, b: 010, c: 12:30, d: "1", e: 1, f: true, g: ~, h: 1_0, i: 0x10}'),
                         {'a': 'no', 'b': '010', 'c': '12:30', 'd': '1', 'e': 1, 'f': True, 'g': None, 'h': '1_0', 'i': '0x10'})

    def test_json(self):
        value = {'a': [1, 'x/y"\u00e4', None, True, {'b': -3}], 'c': {}}
        for indent in (None, '\t', 2):
            self.assertEqual(self.value(json.dumps(value, indent=indent)), value)
        self.assertEqual(self.value('# comment\n{"a":\t1} # another\n'), {'a': 1})

    def test_lines(self):
        found = source.parse(b'a:\n  - 1\n  - b: 2\n', 'f')
        self.assertEqual([found.place('a'), found.place('a', 1), found.place('a', 1, 'b'), found.place('a', 1, 'none')],
                         ['f:1', 'f:3', 'f:3', 'f:3'])

    def test_bomb(self):
        self.refused('a: &a [x]\nb: [*a, *a]\n', "f:1: anchor or alias 'a'; write")
        self.refused('a: *b\n', 'f:1: anchor or alias')

    def test_depth_and_size(self):
        self.refused('[' * 1000, 'f:1: nested')
        self.refused('a' * (source.MAX_BYTES + 1), 'longer than')

    def test_twice(self):
        self.refused('a: 1\nb: 2\na: 3\n', "f:3: 'a' is given twice, first in line 1; keep one")
        self.refused('{1: x, "1": y}', "'1' is given twice")

    def test_no_types(self):
        self.refused('a: !!python/object/apply:os.system [id]\n', 'f:1: tag')

    def test_damage(self):
        self.refused('a: [1\nb: 2\n', 'f:[23]: this is neither YAML nor JSON')
        self.refused(b'a: 1\nb: \xff\n', 'f:2: this is not UTF-8')
        self.refused('', 'empty')
        self.refused('a: 1\n---\nb: 1\n', 'f:2: a second document')
        self.refused('{[a]: 1}', 'not a word')

    def test_a_file_that_is_none(self):
        for path in ('/no/such', '/'):
            with self.assertRaisesRegex(Refused, '%s: cannot be read' % path):
                source.read(path)


class Documents(unittest.TestCase):
    def refused(self, old, new, *regexes):
        text = GOOD.replace(old, new)
        self.assertNotEqual(text, GOOD)
        with self.assertRaises(Refused) as raised:
            load(text)
        for regex in regexes:
            self.assertRegex(str(raised.exception), regex)

    def test_good(self):
        group = load(GOOD)
        self.assertEqual(group.gateways['gw2'], model.Gateway(2, (model.Portal('192.0.2.12'),)))
        self.assertEqual(group.targets[IQN].hosts[HOST], model.Host({1: 1}, model.Chap('esx1', 'esx1', 'disk1', 'disk1')))
        self.assertEqual(load(json.dumps(source.parse(GOOD.encode(), 'f').value)), group)

    def test_unknown_key(self):
        self.refused('{portals: [192.0.2.11]}', '{portal: [192.0.2.11]}', r"trbd.yaml:4: unknown key \"portal\"; write 'portals'",
                     "trbd.yaml:4: gateways.gw1 has no 'portals'")
        self.refused('version: 1', 'version: 1\ncolour: red', 'trbd.yaml:2: unknown key "colour"; the keys here are version, ceph')

    def test_version(self):
        self.refused('version: 1', 'version: 2', 'trbd.yaml:1: .*reads version 1')

    def test_all_problems_at_once_in_order(self):
        text = GOOD.replace('[192.0.2.11]', '[192.0.2.300]').replace('{1: disk1}', '{1: disk2}')
        with self.assertRaises(Refused) as raised:
            load(text)
        self.assertEqual([problem.place for problem in raised.exception.problems], ['trbd.yaml:4', 'trbd.yaml:10'])

    def test_names_that_leave_a_path(self):
        for old, new in (('  disk1:', '  ../disk1:'), ('  gw1:', '  gw1/..:'), ('secret: esx1', 'secret: ../esx1'),
                         ('secret: esx1', 'secret: .esx1'), ('secret: esx1', 'secret: /etc/shadow'),
                         (IQN + ':', 'iqn.2026-11.com.example:a/../b:'), ('  disk1:', '  .:')):
            self.refused(old, new, r'trbd.yaml:\d+: .*; (a|an|name) ')

    def test_gateway_that_is_not_there(self):
        self.refused('    luns: {1: disk1}', '    gateways: [gw1, gw3]\n    luns: {1: disk1}', "trbd.yaml:10: there is no gateway 'gw3'; the gateways are gw1, gw2")

    def test_luns(self):
        self.refused('{1: disk1}', '{1: disk1, 1: disk1}', "trbd.yaml:10: '1' is given twice")
        self.refused('{1: disk1}', '{01: disk1}', 'trbd.yaml:10: "01" cannot be a key here; a LUN has a number')
        self.refused('{1: disk1}', '{256: disk1}', 'cannot be a key')
        self.refused('{1: disk1}', '{1: disk2}', "trbd.yaml:10: there is no disk 'disk2'")
        self.refused('{1: disk1}', '{1: disk1, 2: disk1}', 'is LUN 1 of this target already')
        self.refused('luns: [1]', 'luns: [2]', 'trbd.yaml:14: the target has no LUN 2')

    def test_portals(self):
        for bad, said in (('0.0.0.0', 'all addresses'), ('"[::]:3260"', 'all addresses'), ('gw1', 'not an address'), ('192.0.2.11:0', 'out of range'),
                          ('192.0.2.11:70000', 'out of range'), ('224.0.0.1', 'multicast'), ('192.0.2.12', 'belongs to gw1 already|belongs to')):
            self.refused('[192.0.2.11]', '[%s]' % bad, 'trbd.yaml:[45]: .*' + said)
        self.assertEqual([str(model.Portal.parse(text)) for text in ('2001:db8::1', '[2001:DB8::1]:3261', '192.0.2.1:3261')],
                         ['[2001:db8::1]:3260', '[2001:db8::1]:3261', '192.0.2.1:3261'])

    def test_access_is_explicit(self):
        hosts = GOOD[GOOD.index('    hosts:'):]
        self.refused(hosts, '', 'nobody may log in')
        self.refused(hosts, '    open: read-write\n', "an open target has no 'chap'")
        self.refused(hosts, hosts + '    open: read-write\n    chap: none\n', 'both hosts and open')
        self.refused('        chap: {user: esx1, secret: esx1, mutual: {user: disk1, secret: disk1}}\n', '', "has no 'chap'")
        self.refused('        luns: [1]\n', '', "has no 'luns'")
        self.refused('secret: disk1', 'secret: esx1', 'the same secret')
        self.assertEqual(load(GOOD.replace(hosts, '    open: read-only\n    chap: none\n')).targets[IQN].open, 'read-only')

    def test_host_numbers(self):
        self.assertEqual(load(GOOD.replace('luns: [1]', 'luns: {0: 1}')).targets[IQN].hosts[HOST].luns, {0: 1})
        self.assertEqual(load(GOOD.replace('luns: [1]', 'luns: all')).targets[IQN].hosts[HOST].luns, {1: 1})
        self.refused('luns: [1]', 'luns: everything', 'trbd.yaml:14: .*; give all')

    def test_images(self):
        self.refused('image: rbd/disk1', 'image: a/b/c/d', 'trbd.yaml:7: .*; give')
        self.refused('  disk1: {image: rbd/disk1}', '  disk1: {image: rbd/disk1}\n  disk2: {image: disk1}', 'are one image, rbd/disk1')
        self.refused('{id: gw}', '{id: gw, options: "secret=x"}', 'trbd.yaml:2: ')

    def test_groups(self):
        self.refused('  gw2: {', '  gw2: {group: 1, ', 'gateways gw1 and gw2 both have group 1')

    def test_not_a_mapping(self):
        for text in ('- a\n', 'a\n', '1\n', '{}\n'):
            with self.assertRaises(Refused):
                load(text)


class Secrets(case.WithFolder):
    def secret(self, content=b'0123456789ab\n', mode=0o600):
        path = os.path.join(self.folder, 'esx1')
        with open(path, 'wb') as file:
            file.write(content)
        os.chmod(path, mode)
        return path

    def refused(self, regex):
        with self.assertRaisesRegex(Refused, regex):
            secrets.read('esx1', self.folder)

    def test_good(self):
        self.secret()
        found = secrets.read('esx1', self.folder)
        self.assertEqual((str(found), repr(found), '%r' % [found]), ('0123456789ab', "'***'", "['***']"))

    def test_modes(self):
        for mode in (0o640, 0o604, 0o620, 0o601):
            path = self.secret(mode=mode)
            self.refused('%s: others may read the secret .*chmod 600' % path)

    def test_what_is_no_secret(self):
        for content in (b'', b'\n', b'a b\n', b'two\nlines\n', b'x' * 256, b'NULL\n', 'p\u00e4ss'.encode()):
            self.secret(content)
            self.refused('not a secret for CHAP')
        os.remove(self.secret())
        self.refused('there is no such secret; write it there')
        os.symlink('/etc/passwd', os.path.join(self.folder, 'esx1'))
        self.refused('cannot be read')
        os.remove(os.path.join(self.folder, 'esx1'))
        os.mkdir(os.path.join(self.folder, 'esx1'))
        self.refused('not a plain file')

    def test_all_at_once(self):
        with self.assertRaises(Refused) as raised:
            secrets.load(load(GOOD), self.folder)
        self.assertEqual(len(raised.exception.problems), 2)

    def test_write(self):
        folder = os.path.join(self.folder, 'new')
        secrets.write('a', 'secret', folder)
        self.assertEqual((os.stat(folder).st_mode & 0o777, os.stat(folder + '/a').st_mode & 0o777), (0o700, 0o600))
        secrets.write('a', 'secret', folder)
        with self.assertRaisesRegex(Refused, 'another secret of this name'):
            secrets.write('a', 'other', folder)


class States(unittest.TestCase):
    def test_each_gateway_has_all_groups_and_enables_its_own(self):
        for me, own in (('gw1', 1), ('gw2', 2)):
            wanted = state_of(GOOD, me)
            self.assertEqual({path[2]: on for path, on in wanted.items() if path[0] == 'enabled'}, {1: own == 1, 2: own == 2})
        one, two = state_of(GOOD, 'gw1'), state_of(GOOD, 'gw2')
        self.assertEqual({path for path in one if one[path] != two[path]}, {('enabled', IQN, 1), ('enabled', IQN, 2)})

    def test_attributes(self):
        def attributes(text):
            return {path[3]: value for path, value in state_of(text).items() if path[0] == 'attribute' and path[2] == 1}
        self.assertEqual(attributes(GOOD), {'authentication': '1', 'generate_node_acls': '0', 'cache_dynamic_acls': '0',
                                            'demo_mode_write_protect': '1', 'tpg_enabled_sendtargets': '0'})
        hosts = GOOD[GOOD.index('    hosts:'):]
        found = attributes(GOOD.replace(hosts, '    open: read-write\n    chap: none\n'))
        self.assertEqual((found['authentication'], found['generate_node_acls'], found['demo_mode_write_protect']), ('0', '1', '0'))

    def test_hosts_with_and_without_chap(self):
        mixed = state_of(GOOD + '      iqn.2026-11.com.example:plain: {chap: none, luns: all}\n')
        key = ('host_attribute', IQN, 1)
        self.assertEqual((mixed[key + (HOST, 'authentication')], mixed[key + ('iqn.2026-11.com.example:plain', 'authentication')]), ('1', '0'))
        self.assertEqual(state_of(GOOD)[key + (HOST, 'authentication')], '-1')

    def test_other_targets_of_the_group_are_not_ours(self):
        text = GOOD.replace('    luns: {1: disk1}', '    gateways: [gw2]\n    luns: {1: disk1}')
        self.assertEqual(state_of(text, 'gw1'), {})
        self.assertIn(('group', IQN, 2), state_of(text, 'gw2'))
        self.assertNotIn(('group', IQN, 1), state_of(text, 'gw2'))

    def test_secrets_are_not_shown(self):
        auth = state_of(GOOD)['host_chap', IQN, 1, HOST]
        self.assertEqual(auth.secret, 'secret-of-esx1')
        self.assertNotIn('secret-of', '%r %s' % (auth, auth))

    def test_found(self):
        dump = {'storage_objects': [
                    {'name': 'disk1', 'plugin': 'rbd', 'image': 'rbd/disk1', 'id': 'gw', 'conf': '/etc/ceph/ceph.conf', 'options': None,
                     'wwn': 'x', 'wwn_from': 'image', 'attributes': {'block_size': 512}},
                    {'name': 'file', 'plugin': 'fileio'}],
                'fabric_modules': [],
                'targets': [{'fabric': 'loopback', 'wwn': 'naa.1', 'tpgs': []}, {'fabric': 'iscsi', 'wwn': IQN, 'tpgs': [
                    {'tag': 1, 'enable': True, 'attributes': {'authentication': 1}, 'portals': [{'ip_address': '192.0.2.11', 'port': 3260}],
                     'luns': [{'index': 1, 'storage_object': '/backstores/rbd/disk1'}],
                     'node_acls': [{'node_wwn': HOST, 'chap_userid': 'esx1', 'chap_password': 'p', 'attributes': {'authentication': -1},
                                    'mapped_luns': [{'index': 0, 'tpg_lun': 1, 'write_protect': False}]}]}]}]}
        found = state.found(dump)
        self.assertEqual(found['disk', 'disk1'], state.Unit('rbd/disk1', 'gw', '/etc/ceph/ceph.conf', '', None))
        self.assertEqual(found['disk', 'file'], state.Foreign('fileio'))
        self.assertEqual((found['map', IQN, 1, HOST, 0], found['lun', IQN, 1, 1], found['attribute', IQN, 1, 'authentication']), ((1, False), 'disk1', '1'))
        self.assertEqual(found['host_chap', IQN, 1, HOST], state.Auth('esx1', 'p', '', ''))
        self.assertNotIn(('target', 'naa.1'), found)


class Plans(unittest.TestCase):
    def applied(self, text=GOOD, me='gw1', **more):
        """Return a gateway that the text was applied to, with more beside it."""
        lio = Lio(more.get('before', {}))
        journal.run(plan.make(state_of(text, me), lio).steps, lio.do)
        return lio

    def plan(self, lio, text=GOOD, **kwargs):
        return plan.make(state_of(text), lio, place=source.parse(text.encode(), 'trbd.yaml').place, **kwargs)

    def index(self, steps, *start):
        return [place for place, step in enumerate(steps) if step.path[:len(start)] == start]

    def test_applying_twice_changes_nothing(self):
        self.assertEqual(self.plan(self.applied()), plan.Plan([], [], []))

    def test_a_lun_can_be_reached_only_with_its_access_control(self):
        steps = plan.make(state_of(GOOD), {}).steps
        for first, second in (('attribute', 'portal'), ('host_chap', 'lun'), ('host', 'lun'), ('lun', 'map'), ('map', 'portal'), ('portal', 'enabled'),
                              ('disk', 'lun'), ('group', 'attribute')):
            self.assertLess(max(self.index(steps, first)), min(self.index(steps, second)), (first, second))
        self.assertEqual([step.path for step in steps if step.path[0] == 'enabled'], [('enabled', IQN, 1)])
        self.assertEqual(steps[-1].path, ('enabled', IQN, 1))

    def test_hand_changes_show(self):
        for path, value in ((('attribute', IQN, 1, 'authentication'), '0'), (('attribute', IQN, 2, 'generate_node_acls'), '1'),
                            (('enabled', IQN, 2), True), (('enabled', IQN, 1), False), (('host_attribute', IQN, 1, HOST, 'authentication'), '0'),
                            (('host_chap', IQN, 1, HOST), state.NO_AUTH), (('discovery',), state.NO_AUTH)):
            lio = self.applied()
            before = lio.get(path)
            lio[path] = value
            steps = self.plan(lio).steps
            if path == ('discovery',):
                self.assertEqual(steps, [], 'the file does not name discovery')
            else:
                self.assertEqual([(step.path, step.old) for step in steps], [(path, value)])
                journal.run(steps, lio.do)
                self.assertEqual(lio[path], before if before is not None else state_of(GOOD)[path])

    def test_what_is_missing_comes_back(self):
        for kind in ('map', 'portal', 'lun'):
            lio = self.applied()
            gone = next(path for path in lio if path[0] == kind)
            del lio[gone]
            self.assertEqual([step.path for step in self.plan(lio).steps], [gone])

    def test_restrictions_first_and_freedom_last(self):
        hosts = GOOD[GOOD.index('    hosts:'):]
        opened = GOOD.replace(hosts, '    open: read-write\n    chap: none\n')
        steps = self.plan(self.applied(opened)).steps
        self.assertLess(max(self.index(steps, 'attribute')), min(self.index(steps, 'host')))
        lio = self.applied(GOOD.replace(hosts, '    hosts: {}\n'))
        steps = plan.make(state_of(opened), lio).steps
        self.assertEqual(steps[-1].path[0], 'attribute')
        lio['enabled', IQN, 1] = False
        self.assertEqual([step.path[0] for step in plan.make(state_of(opened), lio).steps][-2:], ['attribute', 'enabled'])

    def test_extras_stay_and_are_told(self):
        lio = self.applied()
        extra = ('host', IQN, 1, 'iqn.2026-11.com.example:other')
        lio[extra] = True
        lio[('map',) + extra[1:] + (1,)] = (1, False)
        lio['group', IQN, 3] = True
        lio['enabled', IQN, 3] = True
        found = self.plan(lio)
        self.assertEqual((found.steps, found.extras), ([], [('group', IQN, 3), extra]))
        found = self.plan(lio, prune=True)
        self.assertEqual([step.path for step in found.steps],
                         [('enabled', IQN, 3), ('map',) + extra[1:] + (1,), extra, ('group', IQN, 3)])
        journal.run(found.steps, lio.do)
        self.assertEqual(self.plan(lio), plan.Plan([], [], []))

    def test_others_are_left_alone(self):
        other = {('target', 'iqn.2026-11.com.example:other'): True, ('group', 'iqn.2026-11.com.example:other', 1): True,
                 ('disk', 'other'): state.Foreign('fileio'), ('lun', 'iqn.2026-11.com.example:other', 1, 0): 'other'}
        lio = self.applied(before=other)
        self.assertEqual(self.plan(lio, prune=True), plan.Plan([], [], []))
        self.assertEqual({path: lio[path] for path in other}, other)

    def test_what_an_earlier_file_made_is_pruned(self):
        two = GOOD.replace('disks:\n', 'disks:\n  disk2: {image: rbd/disk2}\n') + '  iqn.2026-11.com.example:disk2: {luns: {1: disk2}, hosts: {}}\n'
        lio = self.applied(two)
        owned = [path for path in lio if path[0] in ('target', 'disk')]
        self.assertEqual(self.plan(lio, owned=owned).extras, [('disk', 'disk2'), ('target', 'iqn.2026-11.com.example:disk2')])
        journal.run(self.plan(lio, owned=owned, prune=True).steps, lio.do)
        self.assertEqual(dict(lio), dict(self.applied()))
        self.assertEqual(self.plan(self.applied(two), prune=True), plan.Plan([], [], []), 'not what somebody else made')
        shared = self.applied(two)
        shared['lun', 'iqn.2026-11.com.example:hand', 1, 1] = 'disk2'
        self.assertNotIn(('disk', 'disk2'), self.plan(shared, owned=owned).extras, 'nor what somebody uses')

    def conflict(self, path, value, regex, **kwargs):
        lio = self.applied() if kwargs.pop('applied', True) else Lio()
        lio[path] = value
        found = '\n'.join(str(problem) for problem in self.plan(lio, **kwargs).conflicts)
        self.assertRegex(found, regex)

    def test_hand_made_configuration_in_the_way(self):
        self.conflict(('disk', 'disk1'), state.Foreign('fileio'), r"trbd.yaml:7: there is a backstore 'disk1' of the kind fileio; .*delete disk1", applied=False)
        self.conflict(('disk', 'disk1'), state.Unit('rbd/other', 'gw', '/etc/ceph/ceph.conf', '', None),
                      'trbd.yaml:7: .*image is rbd/other, not rbd/disk1; drain it')
        self.conflict(('disk', 'old'), state.Unit('rbd/disk1', 'gw', '/etc/ceph/ceph.conf', '', None), "served as backstore 'old' already", applied=False)
        self.conflict(('portal', 'iqn.2026-11.com.example:hand', 1, '0.0.0.0', 3260), True,
                      'trbd.yaml:9: a portal of iqn.2026-11.com.example:hand listens on all addresses.*portals delete 0.0.0.0 3260', applied=False)
        self.conflict(('portal', IQN, 2, '192.0.2.11', 3260), True, 'is in group 2, and the file has it in group 1', applied=False)
        self.conflict(('lun', IQN, 1, 1), 'disk9', 'LUN 1 is disk disk9; the file has disk disk1')

    def test_another_disk_in_the_place_of_a_lun(self):
        lio = self.applied()
        before = dict(lio)
        lio['lun', IQN, 1, 1] = 'disk9'
        steps = self.plan(lio, prune=True).steps
        self.assertEqual([(step.path[0], step.new is None) for step in steps], [('map', True), ('lun', True), ('lun', False), ('map', False)])
        journal.run(steps, lio.do)
        self.assertEqual(dict(lio), before)

    def test_descriptions_show_no_secret(self):
        steps = plan.make(state_of(GOOD), {}).steps
        text = '\n'.join(plan.describe(step) for step in steps + [plan.inverse(step) for step in steps])
        self.assertNotIn('secret-of', text)
        self.assertIn('+ target %s group 1 portal 192.0.2.11:3260' % IQN, text)


class Undoing(unittest.TestCase):
    def test_a_failure_at_any_step_leaves_what_was(self):
        for before in ({}, {('target', IQN): True, ('group', IQN, 1): True, ('attribute', IQN, 1, 'authentication'): '0', ('enabled', IQN, 2): True}):
            count = len(plan.make(state_of(GOOD), before).steps)
            for fail_at in range(count):
                lio = Lio(before, fail_at=fail_at)
                with self.assertRaises(journal.Failed) as raised:
                    journal.run(plan.make(state_of(GOOD), before).steps, lio.do)
                self.assertEqual(dict(lio), before, fail_at)
                self.assertRegex(str(raised.exception), 'no such image\nundone: the %d steps before it\nthe gateway is as it was' % fail_at)

    def test_an_interrupt_is_a_failure(self):
        lio = Lio()

        def do(step):
            if step.path[0] == 'lun' and step.new:
                raise KeyboardInterrupt
            lio.do(step)
        with self.assertRaisesRegex(journal.Failed, 'interrupted'):
            journal.run(plan.make(state_of(GOOD), {}).steps, do)
        self.assertEqual(dict(lio), {})

    def test_what_cannot_be_undone_is_told(self):
        done = []

        def do(step):
            if step.path[0] == 'lun' or step.path == ('target', IQN) and not step.new:
                raise RuntimeError('it is in use')
            done.append(step)
        with self.assertRaisesRegex(journal.Failed, 'not undone: - target %s: it is in use' % IQN):
            journal.run(plan.make(state_of(GOOD), {}).steps, do)
        self.assertEqual(done[-1], plan.Step(('disk', 'disk1'), state_of(GOOD)['disk', 'disk1'], None), 'the others are')

    def test_progress(self):
        said = []
        journal.run(plan.make(state_of(GOOD), {}).steps, lambda step: None, lambda *words: said.append(words))
        self.assertEqual(said[0], (1, len(said), '+ disk disk1: image rbd/disk1'))


class Saving(case.WithFolder):
    SAVED = {'storage_objects': [{'name': 'disk1', 'plugin': 'rbd', 'image': 'old'}, {'name': 'hand', 'plugin': 'fileio'}],
             'targets': [{'fabric': 'iscsi', 'wwn': IQN, 'tpgs': []}, {'fabric': 'iscsi', 'wwn': 'iqn.hand', 'tpgs': ['as it was']}],
             'fabric_modules': [{'name': 'iscsi', 'discovery_enable_auth': True}], 'other': 1}
    NOW = {'storage_objects': [{'name': 'disk1', 'plugin': 'rbd', 'image': 'new'}, {'name': 'unsaved', 'plugin': 'fileio'}],
           'targets': [{'fabric': 'iscsi', 'wwn': IQN, 'tpgs': [1]}, {'fabric': 'iscsi', 'wwn': 'iqn.hand', 'tpgs': ['changed by hand']}]}
    NAMES = {('disk', 'disk1'), ('target', IQN)}

    def test_only_what_the_file_names(self):
        merged = saved.merge(self.SAVED, self.NOW, self.NAMES)
        self.assertEqual(merged['storage_objects'], [{'name': 'hand', 'plugin': 'fileio'}, {'name': 'disk1', 'plugin': 'rbd', 'image': 'new'}])
        self.assertEqual([target['tpgs'] for target in merged['targets']], [['as it was'], [1]])
        self.assertEqual((merged['fabric_modules'], merged['other']), (self.SAVED['fabric_modules'], 1))
        self.assertEqual(saved.merge(self.SAVED, self.NOW, self.NAMES | {('discovery',)})['fabric_modules'], [])

    def save(self, now):
        class Root:
            def dump(self):
                raise AssertionError

            def save_to_file(self, name):
                with open(name, 'w', encoding='utf-8') as file:
                    json.dump(self.dump(), file)
        with mock.patch.object(saved, 'FOLDERS', (self.folder,)):
            return saved.save(Root(), now, self.NAMES)

    def test_a_backup_and_no_needless_writing(self):
        self.write('saveconfig.json', json.dumps(self.SAVED))
        self.assertTrue(self.save(self.NOW))
        copies = os.listdir(self.folder + '/backup')
        self.assertEqual(len(copies), 1)
        self.assertEqual(os.stat(self.folder + '/backup/' + copies[0]).st_mode & 0o777, 0o600)
        with open(self.folder + '/backup/' + copies[0], encoding='utf-8') as file:
            self.assertEqual(json.load(file), self.SAVED)
        self.assertFalse(self.save(self.NOW))

    def test_a_damaged_file_is_left_alone(self):
        self.write('saveconfig.json', '{"targets": ')
        with self.assertRaisesRegex(Refused, 'cannot be read.*; mend it'):
            self.save(self.NOW)

    def test_record(self):
        with mock.patch.object(saved, 'RECORD', self.folder + '/lib/applied.json'):
            self.assertEqual(saved.read_record(), ([], None, None))
            saved.write_record(self.NAMES, 3, 'pool:rbd')
            self.assertEqual((set(saved.read_record()[0]), saved.read_record()[1:]), (self.NAMES, (3, 'pool:rbd')))


class Pools(unittest.TestCase):
    def test_object(self):
        stored = pool.Stored(GOOD, 7, 'gw1', 'now')
        self.assertEqual(pool.decode(pool.encode(stored), 'pool:rbd'), stored)

    def test_refused_objects(self):
        for data, said in ((b'{"format": 2, "generation": 1}\n', 'update trbdctl'), (b'', 'damaged'), (b'no json\n', 'damaged'), (b'[1]\n', 'damaged'),
                           (b'{"format": 1, "generation": "x"}\n', 'damaged'), (b'{"format": 1}\n', 'damaged'), (b'{"format": 1, "generation": 0}\n', 'damaged'),
                           (b'{"format": 1, "generation": true}\n', 'damaged'), (b'{"format": 1, "generation": 1}\n\xff', 'damaged'), (b'[' * 4000 + b'\n', 'damaged')):
            with self.assertRaisesRegex(Refused, said):
                pool.decode(data, 'pool:rbd')

    def test_marks(self):
        text = pool.mark(GOOD, 'pool:rbd', 7)
        self.assertEqual((pool.marked(text, 'pool:rbd'), pool.marked(text, 'pool:tank'), pool.unmark(text)), (7, None, GOOD))
        self.assertEqual(pool.mark(text, 'pool:rbd', 8).count('generation'), 1)
        self.assertEqual(load(text), load(GOOD))

    class Place:
        name = 'pool:rbd'

        def __init__(self, stored):
            self.stored = stored

        def read(self):
            return self.stored

        def write(self, text, generation):
            self.stored = pool.Stored(text, generation + 1, 'gw1', 'now')
            return self.stored

    def test_generations(self):
        place = self.Place(pool.NOTHING)
        self.assertEqual(cli.store(place, GOOD, None, False, 'f').generation, 1)
        other = GOOD + '# changed\n'
        for base, said in ((None, 'does not say which generation'), (4, 'made from generation 4, and gw1 wrote generation 1')):
            with self.assertRaisesRegex(Refused, said):
                cli.store(place, other, base, False, 'f')
        self.assertEqual(cli.store(place, pool.mark(other, 'pool:rbd', 1), 1, False, 'f').generation, 2)
        self.assertEqual(place.stored.text, other)
        self.assertEqual(cli.store(place, other, 2, False, 'f').generation, 2, 'the same again')
        with self.assertRaises(Refused):
            cli.store(place, 'version: 1\n', 2, True, 'f')
        self.assertEqual(place.stored.text, other, 'a bad document is not stored')


class Features(unittest.TestCase):
    def test_refused(self):
        said = str(images.feature_problem('rbd/disk1', 0b1011101, False, 'f:7'))
        self.assertEqual(said, 'f:7: image rbd/disk1 has features that cannot be served: journaling, fast-diff, object-map, exclusive-lock; '
                         'rbd feature disable rbd/disk1 journaling fast-diff object-map exclusive-lock')
        self.assertIsNone(images.feature_problem('rbd/disk1', 0b10100011, False, ''))
        self.assertIsNone(images.feature_problem('rbd/disk1@s', 0b1011101, True, ''), 'a snapshot may have them')
        self.assertIn('promote', str(images.feature_problem('i', 1 << 10, False, '')))
        self.assertIn('migration', str(images.feature_problem('i', 1 << 9, True, '')))
        self.assertIn('bit 40', str(images.feature_problem('i', 1 << 40, False, '')))


class Draining(unittest.TestCase):
    TEXT = 'drained in_flight 3\ngroup 1 standby gw1\ngroup 2 active gw2\nport 1 1 iqn,t,0x0001\n'

    def test_ports(self):
        found = drain.parse(self.TEXT)
        self.assertEqual(found, drain.Ports('drained', 3, [(1, 'standby', 'gw1'), (2, 'active', 'gw2')]))
        self.assertEqual((drain.others(found, 'gw1.example.com'), drain.others(found, 'gw2')), (['gw2'], []))
        self.assertEqual(drain.parse(''), drain.Ports('', 0, []))

    def test_waiting(self):
        class Unit:
            name = 'disk1'
        states, said, now = [drain.Ports('draining', 2, []), drain.Ports('drained', 0, [])], [], [0]
        self.assertEqual(drain.wait([Unit], 'drained', 10, said.append, lambda unit: states.pop(0), lambda seconds: None, lambda: 0), [])
        self.assertEqual(said, ['0 of 1 units drained, 2 commands in flight', '1 of 1 units drained, 0 commands in flight'])

        def later(seconds):
            now[0] += seconds
        self.assertEqual(drain.wait([Unit], 'drained', 3, said.append, lambda unit: drain.Ports('draining', 2, []), later, lambda: now[0]), ['disk1'])


class Exporting(unittest.TestCase):
    def test_lines(self):
        lines = export.targetcli(load(GOOD), 'gw2', '/etc/s')
        self.assertIn('targetcli /backstores/rbd create name=disk1 image=rbd/disk1 id=gw', lines)
        self.assertIn('targetcli /iscsi/%s/tpg1/acls/%s set auth userid=esx1 password="$(cat /etc/s/esx1)" '
                      'mutual_userid=disk1 mutual_password="$(cat /etc/s/disk1)"' % (IQN, HOST), lines)
        self.assertEqual(lines[-2:], ['targetcli /iscsi/%s/tpg2 enable' % IQN, 'targetcli saveconfig'])
        self.assertNotIn('tpg1 enable', '\n'.join(lines))

    def test_documents_are_read_back(self):
        value = source.parse(GOOD.encode(), 'f').value
        for as_json in (False, True):
            self.assertEqual(load(documents.to_text(value, as_json)), load(GOOD))


class Pages(unittest.TestCase):
    TOP = os.path.join(HERE, '..', '..')

    def read(self, name):
        with open(os.path.join(self.TOP, name), encoding='utf-8') as file:
            return file.read()

    def options(self):
        """Return the options of each command."""
        commands = next(action for action in cli.parser()._actions if hasattr(action, 'choices') and action.choices)
        return {name: {option for action in command._actions for option in action.option_strings if option.startswith('--')}
                for name, command in commands.choices.items()}

    def complete(self, *words):
        script = '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _trbdctl; printf "%s\\n" "${COMPREPLY[@]}"'
        done = subprocess.run(['bash', '-c', script, 'bash', os.path.join(self.TOP, 'targetcli/trbdctl.completion'), *words],
                              capture_output=True, text=True, check=True)
        return set(done.stdout.split())

    def test_the_examples_are_good(self):
        page = self.read('docs/group.md')
        lines = page[page.index('## The file'):page.index('This is what README')].splitlines()
        load('\n'.join(line[4:] for line in lines if line.startswith('    ')))
        page = self.read('docs/man/trbd.yaml.5')
        load(page[page.index('.EX\n') + 4:page.index('.EE')])

    def test_completion_has_every_command_and_option(self):
        options = self.options()
        self.assertEqual(self.complete('trbdctl', ''), set(options))
        for command, wanted in options.items():
            self.assertEqual(self.complete('trbdctl', command, '--'), wanted, command)
        self.assertEqual(self.complete('trbdctl', 'import', ''), {'lrbd', 'ceph-iscsi', 'saveconfig'})

    def test_the_manual_has_every_command_and_option(self):
        page = self.read('docs/man/trbdctl.8').replace('\\-', '-')
        for command, options in self.options().items():
            self.assertIn('.B trbdctl ' + command, page)
            self.assertEqual([option for option in options if option not in page and option != '--help'], [])

    def test_the_manual_has_every_key(self):
        page = self.read('docs/man/trbd.yaml.5')
        schema = json.loads(self.read('targetcli/trbdctl/schema.json'))

        def keys(part):
            for name, below in part.get('properties', {}).items():
                yield name
                yield from keys(below)
            for below in part.values():
                if isinstance(below, dict) and below is not part.get('properties'):
                    yield from keys(below)
        self.assertEqual([key for key in set(keys(schema)) if '.B %s\n' % key not in page and '.BR %s ' % key not in page], [])

    def test_manuals_have_no_warnings(self):
        for name in ('trbdctl.8', 'trbd.yaml.5'):
            try:
                done = subprocess.run(['man', '--warnings', '-l', os.path.join(self.TOP, 'docs/man', name)], capture_output=True, text=True, check=True,
                                      env={'PATH': os.environ['PATH'], 'LC_ALL': 'C.UTF-8', 'MANWIDTH': '80'})
            except FileNotFoundError:
                self.skipTest('there is no man')
            self.assertEqual(done.stderr, '')


class Commands(case.WithFolder):
    def run_it(self, *words):
        out, err = [], []
        with mock.patch('builtins.print', lambda text, end='', file=None, flush=None: (err if file else out).append(str(text))):
            try:
                status = cli.main(list(words))
            except SystemExit as ended:
                status = ended.code
        return status, '\n'.join(out), '\n'.join(err)

    def test_check(self):
        path = self.write('trbd.yaml', GOOD)
        self.assertEqual(self.run_it('check', '--offline', path)[0], 0)
        status, out, _ = self.run_it('check', '--offline', '--json', path)
        self.assertEqual((status, json.loads(out)['ok']), (0, True))
        path = self.write('bad.yaml', GOOD.replace('luns: [1]', 'luns: [2]'))
        status, out, err = self.run_it('check', '--offline', '--json', path)
        found = json.loads(out)
        self.assertEqual((status, found['ok'], found['problems'][0]['place']), (1, False, path + ':14'))
        self.assertTrue(found['problems'][0]['cure'])
        self.assertIn('the target has no LUN 2', err)

    def test_usage(self):
        self.assertEqual(self.run_it('aply')[0], 64)

    def test_a_machine_that_is_not_named(self):
        path = self.write('trbd.yaml', GOOD)
        status, _, err = self.run_it('export', '--gateway', 'gw9', path)
        self.assertEqual(status, 1)
        self.assertRegex(err, "trbd.yaml:3: this machine is 'gw9', and the file does not name it; its gateways are gw1, gw2")
        self.assertEqual(self.run_it('export', '--gateway', 'gw2.example.com', path)[0], 0)

    def test_one_at_a_time(self):
        with mock.patch.object(cli, 'LOCK', os.path.join(self.folder, 'lock')):
            with cli.one_at_a_time():
                with self.assertRaisesRegex(Refused, r'another trbdctl changes this gateway \(process %d\)' % os.getpid()):
                    with cli.one_at_a_time():
                        pass
            with cli.one_at_a_time():
                pass

    def test_the_problem_is_text(self):
        self.assertEqual(str(problems.Problem('f:1', 'a', 'b')), 'f:1: a; b')


if __name__ == '__main__':
    sys.exit(case.main(sys.modules[__name__]))
