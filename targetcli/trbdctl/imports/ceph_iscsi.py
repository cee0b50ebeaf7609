# SPDX-License-Identifier: GPL-2.0
"""ceph-iscsi's gateway.conf: `rados -p rbd get gateway.conf FILE`.

    disks      POOL/IMAGE: pool, image, wwn
    targets    IQN: portals (gateway: portal_ip_addresses), disks (POOL/IMAGE: lun_id), acl_enabled,
               auth, clients (IQN: auth, luns (POOL/IMAGE: lun_id))
    discovery_auth

ceph-iscsi can encrypt passwords with a key of its own; these have to be given anew. `controls` of
disks and targets are left out, and a note says so.
"""

from ..problems import refuse
from .common import Imported, Node, free_number, leaves

VERSIONS = range(9, 12)


def _chap(imported, name, auth):
    if auth.flag('password_encryption_enabled') or auth.flag('mutual_password_encryption_enabled'):
        refuse(auth.place(), 'the password of %s is encrypted with a key of ceph-iscsi' % name,
               'set it again in gwcli with encryption off, or put it here in clear')
    return imported.chap(name, auth.text('username'), auth.text('password'), auth.text('mutual_username'), auth.text('mutual_password'))


def _disk(imported, root, key):
    disks = root.children('disks')
    if key not in disks:
        refuse(root.place(), "there is no disk '%s'" % key, "it is named in 'targets' and missing in 'disks'")
    disk = disks[key]
    default_pool, _, default_image = key.rpartition('/')
    image = '%s/%s' % (disk.text('pool', default_pool), disk.text('image', default_image))
    return imported.disk(image, disk.text('wwn'))


def _luns(imported, root, target):
    """Return the LUNs of a target, and the number of each POOL/IMAGE."""
    disks = target.value.get('disks')
    # up to version 9 it is a list
    if isinstance(disks, list):
        numbers = {key: number for number, key in enumerate(target.texts('disks'))}
    else:
        numbers = {key: disk.number('lun_id') for key, disk in target.children('disks').items()}
    for key, number in numbers.items():
        if number is None:
            numbers[key] = free_number(numbers.values())
    return {number: _disk(imported, root, key) for key, number in sorted(numbers.items(), key=lambda item: item[1])}, numbers


def _host(imported, name, client, numbers):
    luns = {}
    for key, lun in client.children('luns').items():
        if key not in numbers:
            refuse(client.place(), "%s has a LUN of '%s', which the target does not have" % (name, key), 'correct it in the source')
        luns[lun.number('lun_id', numbers[key])] = numbers[key]
    luns = dict(sorted(luns.items()))
    same = all(number == lun for number, lun in luns.items())
    return {'chap': _chap(imported, name, client.node('auth')), 'luns': list(luns) if same else luns}


def _target(imported, root, iqn, target):
    portals = {}
    for gateway, portal in target.children('portals').items():
        portals[gateway] = portal.texts('portal_ip_addresses') or portal.texts('portal_ip_address')
    luns, numbers = _luns(imported, root, target)
    found = {'luns': luns}
    if target.has('acl_enabled') and not target.flag('acl_enabled'):
        imported.note('%s: every host may log in, as with ceph-iscsi' % iqn)
        found.update(open='read-write', chap=_chap(imported, iqn, target.node('auth')))
    else:
        found['hosts'] = {name: _host(imported, name, client, numbers) for name, client in target.children('clients').items()}
    imported.add_target(iqn, portals, found)


def convert(source, given=None):
    root = Node(source)
    version = root.number('version')
    if version not in VERSIONS:
        refuse(source.place('version'), 'gateway.conf has version %s, and %d to %d are known' % (version, VERSIONS[0], VERSIONS[-1]),
               'start the newest ceph-iscsi once: it brings an older one up to date')
    imported = Imported(given)
    for iqn, target in root.children('targets').items():
        _target(imported, root, iqn, target)
    discovery = _chap(imported, 'discovery', root.node('discovery_auth'))
    if discovery != 'none':
        imported.discovery = discovery
    imported.left_out([(path[-1], text) for path, text in leaves(root.value) if 'controls' in path[:-1]])
    imported.note('ceph-iscsi needs images with exclusive-lock, which is refused here: "trbdctl check" says what to disable')
    return imported
