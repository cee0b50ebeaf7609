#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""trbdctl import: lrbd's JSON, ceph-iscsi's gateway.conf and a saveconfig.json become good documents,
with the access that hosts had and the serial numbers that they know.
"""

import json
import os
import sys
import unittest
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
import targetcli_case as case  # noqa: E402
from trbdctl import document, documents, model, source  # noqa: E402
from trbdctl.imports import ceph_iscsi, common, lrbd, saveconfig  # noqa: E402
from trbdctl.problems import Refused  # noqa: E402

IQN = 'iqn.2003-01.org.linux-iscsi:igw.x86:sn.redundant'
HOST = 'iqn.1996-04.de.suse:01:e6ca28cc9f20'
OTHER = 'iqn.1996-04.de.suse:01:e6ca28cc9f24'


def values(value):
    text = value if isinstance(value, str) else json.dumps(value)
    return source.parse(text.encode(), 'f')


def group(imported):
    """Return the Group of the document, as it would be read back."""
    return document.load(source.parse(documents.to_text(imported.document('gw')).encode(), 'made'))


class Lrbd(unittest.TestCase):
    def config(self, auth=None, units=None, **more):
        return {'auth': [dict({'target': IQN, 'authentication': 'none'}, **(auth or {}))],
                'targets': [{'target': IQN, 'hosts': [{'host': 'igw1', 'portal': 'east'}, {'host': 'igw2', 'portal': 'west'}], **more}],
                'portals': [{'name': 'east', 'addresses': ['172.16.1.16', '172.16.2.16 3261']}, {'name': 'west', 'addresses': ['172.16.1.17']}],
                'pools': [{'pool': 'rbd', 'gateways': [{'target': IQN, 'tpg': units or [{'image': 'city'}]}]}]}

    def convert(self, *args, **kwargs):
        return lrbd.convert(values(self.config(*args, **kwargs)))

    def test_the_seed(self):
        text = '# one image, two gateways\n' + json.dumps(self.config(), indent='\t').replace('"auth"', '# comment\n"auth"', 1)
        found = group(lrbd.convert(values(text)))
        self.assertEqual(found.gateways['igw1'], model.Gateway(1, (model.Portal('172.16.1.16'), model.Portal('172.16.2.16', 3261))))
        self.assertEqual(found.gateways['igw2'], model.Gateway(2, (model.Portal('172.16.1.17'),)))
        self.assertEqual((found.targets[IQN].open, found.targets[IQN].luns), ('read-write', {0: 'city'}))
        self.assertEqual(found.id, 'gw')

    def test_serial_numbers_are_those_that_lrbd_made(self):
        made = lambda text: str(uuid.uuid3(uuid.NAMESPACE_DNS, text))      # noqa: E731
        self.assertEqual(group(self.convert()).disks['city'].wwn, made('rbd' + IQN + 'city'))
        self.assertEqual(group(self.convert(wwn_generate='original')).disks['city'].wwn, made(IQN + 'city'))
        self.assertEqual(group(self.convert(units=[{'image': 'city', 'uuid': 'mine'}])).disks['city'].wwn, 'mine')

    def test_gateway_without_portal(self):
        config = dict(self.config(), targets=[{'host': 'igw1', 'target': IQN}])
        self.assertEqual(group(lrbd.convert(values(config), {'igw1': ['172.16.1.16']})).gateways['igw1'].portals, (model.Portal('172.16.1.16'),))

    def test_numbers(self):
        found = group(self.convert(units=[{'image': 'city', 'lun': '2'}, {'image': 'wood', 'lun': '0'}, {'image': 'writers'}]))
        self.assertEqual(found.targets[IQN].luns, {0: 'wood', 1: 'writers', 2: 'city'})

    def test_acls(self):
        imported = self.convert({'authentication': 'acls', 'acls': [
            {'initiator': HOST.upper(), 'userid': 'u', 'password': 'pass1', 'mutual': 'enable', 'userid_mutual': 't', 'password_mutual': 'pass2'},
            {'initiator': OTHER, 'userid': 'u2', 'password': 'pass3'}]},
            [{'image': 'city', 'initiator': HOST}, {'image': 'wood', 'initiator': OTHER}])
        target = group(imported).targets[IQN]
        self.assertEqual((target.open, sorted(target.hosts)), (None, sorted([HOST, OTHER])))
        self.assertEqual((target.hosts[HOST].luns, target.hosts[OTHER].luns), ({0: 0}, {1: 1}))
        chap = target.hosts[HOST].chap
        self.assertEqual((chap.user, imported.secrets[chap.secret], chap.mutual_user, imported.secrets[chap.mutual_secret]), ('u', 'pass1', 't', 'pass2'))

    def test_other_authentication(self):
        imported = self.convert({'authentication': 'tpg', 'tpg': {'userid': 'common', 'password': 'pass'}})
        target = group(imported).targets[IQN]
        self.assertEqual((target.open, imported.secrets[target.chap.secret]), ('read-write', 'pass'))
        target = group(self.convert({'authentication': 'tpg+identified', 'tpg': {'userid': 'common', 'password': 'pass'}},
                                    [{'image': 'city', 'initiator': HOST}, {'image': 'city', 'initiator': OTHER}])).targets[IQN]
        self.assertEqual((target.open, [host.chap.user for host in target.hosts.values()]), (None, ['common', 'common']))
        self.assertEqual(group(self.convert({'authentication': 'identified'}, [{'image': 'city', 'initiator': HOST}])).targets[IQN].hosts[HOST].chap, None)

    def test_discovery(self):
        imported = self.convert({'discovery': {'auth': 'enable', 'userid': 'd', 'password': 'pass'}})
        self.assertEqual(imported.secrets[group(imported).discovery.secret], 'pass')

    def test_settings_that_are_left_out_are_named(self):
        self.assertNotIn('left out', ' '.join(self.convert().notes))
        unit = {'image': 'city', 'rbd_name': 'simple', 'retries': '3', 'backstore_emulate_3pc': '1'}
        notes = self.convert({'authentication': 'acls', 'acls': [{'initiator': HOST, 'param_FirstBurstLength': '65536', 'attrib_nopin_timeout': '15'}]},
                             [unit, dict(unit, image='wood')], tpg_login_timeout='10').notes
        self.assertIn('left out, since this backend or LIO decides it: param_FirstBurstLength=65536, attrib_nopin_timeout=15, '
                      'tpg_login_timeout=10, rbd_name=simple, retries=3, backstore_emulate_3pc=1', notes)

    def test_refused(self):
        for config, said in ((dict(self.config(), portals=[]), "no portal 'east'"), (dict(self.config(), targets=[]), "has no target in 'targets'"),
                             (dict(self.config(), pools={'a': 1}), "'pools' is not as it should be"), ([1], 'is not a mapping'),
                             (self.config({'authentication': 'magic'}), "'magic' is not known"),
                             (dict(self.config(), targets=[{'host': 'igw1', 'target': IQN}]), 'listened on all its addresses')):
            with self.assertRaisesRegex(Refused, said):
                lrbd.convert(values(config))

    def test_a_hostile_name_goes_no_further(self):
        for image in ('../../etc', 'a,key=x', ''):
            with self.assertRaises(Refused):
                group(self.convert(units=[{'image': image + '/x/y'}]))


class CephIscsi(unittest.TestCase):
    def config(self, **target):
        return {'version': 11, 'gateways': {},
                'disks': {'rbd/disk_1': {'pool': 'rbd', 'image': 'disk_1', 'wwn': 'f00d'}, 'tank/disk_1': {'pool': 'tank', 'image': 'disk_1', 'wwn': 'beef'}},
                'discovery_auth': {'username': '', 'password': ''},
                'targets': {IQN: dict({'acl_enabled': True, 'disks': {'rbd/disk_1': {'lun_id': 0}, 'tank/disk_1': {'lun_id': 1}},
                                       'portals': {'gw1.example.com': {'portal_ip_addresses': ['192.0.2.11'], 'tpgs': 2},
                                                   'gw2.example.com': {'portal_ip_addresses': ['192.0.2.12'], 'tpgs': 2}},
                                       'clients': {HOST: {'auth': {'username': 'esx1', 'password': 'secret', 'mutual_username': '', 'mutual_password': ''},
                                                          'luns': {'tank/disk_1': {'lun_id': 5}}}}}, **target)}}

    def test_convert(self):
        imported = ceph_iscsi.convert(values(self.config()))
        found = group(imported)
        self.assertEqual({name: (disk.image, disk.wwn) for name, disk in found.disks.items()},
                         {'disk_1': ('rbd/disk_1', 'f00d'), 'tank.disk_1': ('tank/disk_1', 'beef')})
        self.assertEqual(list(found.gateways), ['gw1.example.com', 'gw2.example.com'])
        target = found.targets[IQN]
        self.assertEqual((target.luns, target.hosts[HOST].luns), ({0: 'disk_1', 1: 'tank.disk_1'}, {5: 1}))
        self.assertEqual((target.hosts[HOST].chap.user, list(imported.secrets.values())), ('esx1', ['secret']))
        self.assertNotIn('secret\n', documents.to_text(imported.document()))

    def test_open(self):
        self.assertEqual(group(ceph_iscsi.convert(values(self.config(acl_enabled=False, clients={})))).targets[IQN].open, 'read-write')

    def test_settings_that_are_left_out_are_named(self):
        self.assertNotIn('left out', ' '.join(ceph_iscsi.convert(values(self.config(controls={}))).notes))
        config = self.config(controls={'immediate_data': 'Yes', 'nopin_timeout': 5})
        config['disks']['rbd/disk_1']['controls'] = {'max_data_area_mb': 128}
        self.assertIn('left out, since this backend or LIO decides it: max_data_area_mb=128, immediate_data=Yes, nopin_timeout=5',
                      ceph_iscsi.convert(values(config)).notes)

    def test_refused(self):
        config = self.config()
        config['targets'][IQN]['clients'][HOST]['auth']['password_encryption_enabled'] = True
        for bad, said in ((config, 'encrypted'), (dict(self.config(), version=3), 'version 3'), (dict(self.config(), version=12), 'version 12'),
                          (dict(self.config(), disks={}), "no disk 'rbd/disk_1'"), ({}, 'version None')):
            with self.assertRaisesRegex(Refused, said):
                ceph_iscsi.convert(values(bad))


class SaveConfig(unittest.TestCase):
    def tpg(self, tag, **more):
        return dict({'tag': tag, 'enable': tag == 2, 'attributes': {'generate_node_acls': 0, 'authentication': 1},
                     'portals': [{'ip_address': '192.0.2.1%d' % tag, 'port': 3260}],
                     'luns': [{'index': 1, 'storage_object': '/backstores/rbd/disk1'}, {'index': 2, 'storage_object': '/backstores/block/old'}],
                     'node_acls': [{'node_wwn': HOST, 'chap_userid': 'u', 'chap_password': 'p',
                                    'mapped_luns': [{'index': 0, 'tpg_lun': 1, 'write_protect': False}]}]}, **more)

    def config(self, **more):
        return {'fabric_modules': [], 'targets': [{'fabric': 'iscsi', 'wwn': IQN, 'tpgs': [self.tpg(1, **more), self.tpg(2, **more)]}],
                'storage_objects': [{'name': 'disk1', 'plugin': 'rbd', 'image': 'rbd/disk1', 'wwn': 'x', 'wwn_from': 'image', 'attributes': {'block_size': 4096}},
                                    {'name': 'old', 'plugin': 'block', 'dev': '/dev/rbd/tank/old', 'wwn': 'old-serial'},
                                    {'name': 'tcmu', 'plugin': 'user', 'config': 'rbd/tank/tcmu;osd_op_timeout=30', 'wwn': 't'},
                                    {'name': 'disc', 'plugin': 'fileio', 'dev': '/x'}]}

    def test_convert(self):
        imported = saveconfig.convert(values(self.config()), [], 'here')
        found = group(imported)
        self.assertEqual(list(found.gateways), ['gw1', 'here'])
        self.assertEqual(found.disks, {'disk1': model.Disk('rbd/disk1', None, 4096), 'old': model.Disk('tank/old', 'old-serial'), 'tcmu': model.Disk('tank/tcmu', 't')})
        self.assertEqual((found.targets[IQN].luns, found.targets[IQN].hosts[HOST].luns), ({1: 'disk1', 2: 'old'}, {0: 1}))
        self.assertIn("backstore 'disc' is no RBD image", '\n'.join(imported.notes))
        self.assertIn('attributes and parameters of groups', '\n'.join(imported.notes))
        self.assertEqual(list(group(saveconfig.convert(values(self.config()), ['a', 'b'], 'here')).gateways), ['a', 'b'])

    def test_other_portals_are_told(self):
        config = self.config(portals=[{'ip_address': '192.0.2.11', 'port': 3260, 'iser': True, 'offload': False}])
        self.assertIn(IQN + ': portals of iSER and of offloading cards are plain ones now', saveconfig.convert(values(config), [], 'here').notes)

    def test_all_addresses(self):
        config = self.config(portals=[{'ip_address': '0.0.0.0', 'port': 3260}])
        with self.assertRaises(Refused) as refused:
            saveconfig.convert(values(config), ['a', 'b'], 'here')
        self.assertRegex(str(refused.exception), r"gateway 'a' listens on all its addresses.*--portal a=ADDRESS")
        given = {'a': ['192.0.2.11'], 'b': ['192.0.2.12', '192.0.2.13:3261'], 'new': ['192.0.2.14']}
        found = group(saveconfig.convert(values(config), ['a', 'b'], 'here', given))
        self.assertEqual({name: tuple(str(portal) for portal in gateway.portals) for name, gateway in found.gateways.items()},
                         {'a': ('192.0.2.11:3260',), 'b': ('192.0.2.12:3260', '192.0.2.13:3261'), 'new': ('192.0.2.14:3260',)})
        self.assertEqual(list(found.targets[IQN].gateways), ['a', 'b', 'new'])

    def test_open(self):
        opened = self.config(attributes={'generate_node_acls': 1, 'demo_mode_write_protect': 1, 'authentication': 0}, node_acls=[])
        self.assertEqual(group(saveconfig.convert(values(opened), [], 'here')).targets[IQN].open, 'read-only')


class Names(unittest.TestCase):
    def test_plain(self):
        self.assertEqual(common.plain(HOST), 'iqn.1996-04.de.suse-01-e6ca28cc9f20')
        self.assertEqual(common.plain('../../x'), 'x..-..-x')
        long = common.plain('a' * 200)
        self.assertEqual((len(long), long == common.plain('a' * 201)), (64, False))

    def test_secrets_of_one_name(self):
        imported = common.Imported()
        self.assertEqual([imported.secret('a', text) for text in ('x', 'x', 'y', 'z', 'y')], ['a', 'a', 'a.2', 'a.3', 'a.2'])


if __name__ == '__main__':
    sys.exit(case.main(sys.modules[__name__]))
