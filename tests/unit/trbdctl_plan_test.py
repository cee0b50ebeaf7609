#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""trbdctl without LIO: states, plans, undoing, saving."""

import json
import os
import sys
import unittest
from unittest import mock

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'lib'))
from trbdctl_case import GOOD, HOST, IQN, Lio, WithFolder, state_of, main  # noqa: E402
from trbdctl import journal, plan, saved, source, state  # noqa: E402
from trbdctl.problems import Refused  # noqa: E402


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

    def test_a_disk_that_differs_and_serves_nobody_is_made_anew(self):
        lio = self.applied()
        before = dict(lio)
        for left in (state.Unit('', 'gw', '/etc/ceph/ceph.conf', '', None), before['disk', 'disk1']._replace(wwn='other')):
            lio = Lio(before)
            lio['disk', 'disk1'] = left
            lio['block_size', 'disk1'] = 512
            for path in [path for path in lio if path[0] in ('lun', 'map')]:
                del lio[path]
            found = self.plan(lio)
            self.assertEqual(found.conflicts, [])
            self.assertEqual([(step.path[0], step.new is None) for step in found.steps if step.path[0] == 'disk'],
                             [('disk', True), ('disk', False)])
            journal.run(found.steps, lio.do)
            self.assertEqual({path: lio[path] for path in before}, before)

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


class Saving(WithFolder):
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


if __name__ == '__main__':
    sys.exit(main(sys.modules[__name__]))
