# SPDX-License-Identifier: GPL-2.0
"""States: what a gateway shall be, and what it is, both as a dict of paths to values.

    ('disk', NAME)                              Unit, or Foreign for another kind of backstore
    ('block_size', NAME)                        number
    ('target', IQN)                             True
    ('group', IQN, GROUP)                       True
    ('attribute', IQN, GROUP, KEY)              text
    ('chap', IQN, GROUP)                        Auth of hosts without an ACL
    ('host', IQN, GROUP, HOST)                  True
    ('host_attribute', IQN, GROUP, HOST, KEY)   text
    ('host_chap', IQN, GROUP, HOST)             Auth
    ('lun', IQN, GROUP, NUMBER)                 name of a disk
    ('map', IQN, GROUP, HOST, NUMBER)           (LUN of the group, read only)
    ('portal', IQN, GROUP, ADDRESS, PORT)       True
    ('enabled', IQN, GROUP)                     True or False
    ('discovery',)                              Auth, or None if anybody may ask

Each gateway has the groups of all gateways, so that ports have the same numbers everywhere and
SendTargets to one gateway shows the portals of all. It enables only its own group.
"""

import os
from collections import namedtuple

PLUGIN = 'rbd'

Unit = namedtuple('Unit', 'image id conf options wwn')
Foreign = namedtuple('Foreign', 'plugin')


class Auth(namedtuple('Auth', 'user secret mutual_user mutual_secret')):
    __slots__ = ()

    def __repr__(self):
        return str(self)

    def __str__(self):
        if not self.user:
            return 'no CHAP'
        return 'CHAP user %s%s' % (self.user, ', mutual user %s' % self.mutual_user if self.mutual_user else '')


NO_AUTH = Auth('', '', '', '')
AUTHENTICATION_OF_GROUP = '-1'


def auth(chap, secrets):
    if chap is None:
        return NO_AUTH
    return Auth(chap.user, str(secrets[chap.secret]), chap.mutual_user or '',
                str(secrets[chap.mutual_secret]) if chap.mutual_secret else '')


def served_by(group, me):
    """Return the targets of a gateway, and the disks that it opens for them."""
    targets = {iqn: target for iqn, target in group.targets.items() if me in target.gateways}
    return targets, sorted({disk for target in targets.values() for disk in target.luns.values()})


def _attributes(target):
    needs_chap = bool(target.chap) or any(host.chap for host in target.hosts.values())
    return {
        'authentication': '%d' % needs_chap,
        'generate_node_acls': '%d' % bool(target.open),
        'cache_dynamic_acls': '%d' % bool(target.open),
        'demo_mode_write_protect': '%d' % (target.open != 'read-write'),
        # one gateway tells of the portals of all
        'tpg_enabled_sendtargets': '0',
    }


def _wanted_host(where, host, name, mixed, secrets):
    yield ('host',) + where + (name,), True
    yield ('host_chap',) + where + (name,), auth(host.chap, secrets)
    own = '%d' % bool(host.chap) if mixed else AUTHENTICATION_OF_GROUP
    yield ('host_attribute',) + where + (name, 'authentication'), own
    for number, lun in host.luns.items():
        yield ('map',) + where + (name, number), (lun, host.read_only)


def _wanted_group(where, target, portals, is_mine, secrets):
    yield ('group',) + where, True
    for key, value in _attributes(target).items():
        yield ('attribute',) + where + (key,), value
    yield ('chap',) + where, auth(target.chap, secrets)
    mixed = len({bool(host.chap) for host in target.hosts.values()}) > 1
    for name, host in target.hosts.items():
        yield from _wanted_host(where, host, name, mixed, secrets)
    for number, disk in target.luns.items():
        yield ('lun',) + where + (number,), disk
    for portal in portals:
        yield ('portal',) + where + (portal.address, portal.port), True
    yield ('enabled',) + where, is_mine


def wanted(group, me, secrets):
    """Return the state that a gateway shall have."""
    state = {}
    targets, disks = served_by(group, me)
    for name in disks:
        disk = group.disks[name]
        state['disk', name] = Unit(disk.image, group.id, group.conf, group.options, disk.wwn)
        if disk.block_size:
            state['block_size', name] = disk.block_size
    for iqn, target in targets.items():
        state['target', iqn] = True
        for name, portals in target.gateways.items():
            where = (iqn, group.gateways[name].group)
            state.update(_wanted_group(where, target, portals, name == me, secrets))
    if group.names_discovery:
        state['discovery',] = auth(group.discovery, secrets) if group.discovery else None
    return state


def _auth_of(saved, prefix):
    return Auth(*(saved.get(prefix + key) or '' for key in ('userid', 'password', 'mutual_userid', 'mutual_password')))


def _found_disk(so):
    if so.get('plugin') != PLUGIN:
        return Foreign(so.get('plugin'))
    conf = so.get('conf') or '/etc/ceph/ceph.conf'
    # somebody who made it was killed before it had its image
    image = so.get('image') if so.get('wwn') else None
    return Unit(image or '', so.get('id') or 'admin', os.path.normpath(conf), so.get('options') or '',
                so.get('wwn') if so.get('wwn_from') == 'operator' else None)


def _found_group(where, tpg):
    yield ('group',) + where, True
    for key, value in tpg.get('attributes', {}).items():
        yield ('attribute',) + where + (key,), str(value)
    yield ('chap',) + where, _auth_of(tpg, 'chap_')
    for acl in tpg.get('node_acls', []):
        host = where + (acl['node_wwn'],)
        yield ('host',) + host, True
        yield ('host_chap',) + host, _auth_of(acl, 'chap_')
        for key, value in acl.get('attributes', {}).items():
            yield ('host_attribute',) + host + (key,), str(value)
        for mapped in acl.get('mapped_luns', []):
            yield ('map',) + host + (mapped['index'],), (mapped['tpg_lun'], bool(mapped['write_protect']))
    for lun in tpg.get('luns', []):
        yield ('lun',) + where + (lun['index'],), lun['storage_object'].rsplit('/', 1)[-1]
    for portal in tpg.get('portals', []):
        yield ('portal',) + where + (portal['ip_address'], portal['port']), True
    yield ('enabled',) + where, bool(tpg.get('enable'))


def found(dump):
    """Return the state that RTSRoot.dump() or a saveconfig.json describes."""
    state = {}
    for so in dump.get('storage_objects', []):
        state['disk', so['name']] = _found_disk(so)
        block_size = so.get('attributes', {}).get('block_size')
        if block_size:
            state['block_size', so['name']] = int(block_size)
    for target in dump.get('targets', []):
        if target.get('fabric') != 'iscsi':
            continue
        state['target', target['wwn']] = True
        for tpg in target.get('tpgs', []):
            state.update(_found_group((target['wwn'], tpg['tag']), tpg))
    iscsi = next((fabric for fabric in dump.get('fabric_modules', []) if fabric.get('name') == 'iscsi'), {})
    state['discovery',] = _auth_of(iscsi, 'discovery_') if iscsi.get('discovery_enable_auth') else None
    return state
