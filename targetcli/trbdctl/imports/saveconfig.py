# SPDX-License-Identifier: GPL-2.0
"""targetcli's saveconfig.json of one gateway.

Backstores rbd, block on a krbd device (/dev/rbd/POOL/IMAGE), and user of tcmu-runner (rbd/POOL/
IMAGE) become disks. The file does not name gateways: the group that is enabled is of the gateway
whose file it is, and the others are told by the operator or get names after their numbers. The file
has all attributes and parameters of LIO, with no sign of those that somebody has set. They are left
out, and a note says so. A group that listens on all addresses needs others, which the operator tells.
"""

import re

from ..model import EVERYWHERE, ISCSI_PORT
from ..problems import refuse
from .common import Imported, Node

KRBD = re.compile(r'/dev/rbd/([^/]+/(?:[^/]+/)?[^/]+)')
TCMU = re.compile(r'/?rbd/([^/;]+/[^/;]+)(?:;.*)?')


def _image(so):
    """Return the image of a storage object and its serial number, or None."""
    plugin = so.text('plugin')
    if plugin == 'rbd' and so.has('image'):
        return so.text('image'), so.text('wwn') if so.text('wwn_from') == 'operator' else None
    match = {'block': KRBD, 'user': TCMU}[plugin].fullmatch(so.text('dev' if plugin == 'block' else 'config', '')) if plugin in ('block', 'user') else None
    return (match[1], so.text('wwn')) if match else None


def _disks(imported, root):
    """Return the names of disks by those of backstores."""
    found = {}
    for so in root.nodes('storage_objects'):
        image = _image(so)
        if image is None:
            imported.note("backstore '%s' is no RBD image, and is left out with its LUNs" % so.text('name'))
            continue
        found[so.text('name')] = imported.disk(image[0], image[1], so.text('name'), so.node('attributes').number('block_size'))
    return found


def _names(target, names, me):
    """Return the names of the gateways by the numbers of their groups."""
    tags = sorted(tpg.number('tag', 1) for tpg in target.nodes('tpgs'))
    found = {tag: (names[tag - 1] if tag <= len(names) else 'gw%d' % tag) for tag in tags}
    mine = [tpg.number('tag', 1) for tpg in target.nodes('tpgs') if tpg.flag('enable')]
    if not names and len(mine) == 1:
        found[mine[0]] = me
    return found


def _luns(tpg, disks):
    """Return the LUNs of a group."""
    luns = {}
    for lun in tpg.nodes('luns'):
        name = lun.text('storage_object', '').rsplit('/', 1)[-1]
        if name in disks:
            luns[lun.number('index', 0)] = disks[name]
    return dict(sorted(luns.items()))


def _chap(imported, name, node):
    keys = ('chap_userid', 'chap_password', 'chap_mutual_userid', 'chap_mutual_password')
    return imported.chap(name, *(node.text(key) for key in keys))


def _host(imported, acl, luns):
    mapped = {lun.number('index', 0): lun for lun in acl.nodes('mapped_luns') if lun.number('tpg_lun') in luns}
    numbers = {number: lun.number('tpg_lun') for number, lun in sorted(mapped.items())}
    same = all(number == lun for number, lun in numbers.items())
    host = {'chap': _chap(imported, acl.text('node_wwn', ''), acl), 'luns': list(numbers) if same else numbers}
    read_only = [lun.flag('write_protect') for lun in mapped.values()]
    if any(read_only):
        host['read_only'] = True
        if not all(read_only):
            imported.note('%s: some LUNs were read only, and all are now' % acl.text('node_wwn'))
    return host


def _access(imported, iqn, tpg, luns):
    attributes = tpg.node('attributes')
    if attributes.flag('generate_node_acls'):
        imported.note('%s: every host may log in, as before' % iqn)
        needs_chap = attributes.flag('authentication')
        return {'open': 'read-only' if attributes.flag('demo_mode_write_protect') else 'read-write',
                'chap': _chap(imported, iqn, tpg) if needs_chap else 'none'}
    return {'hosts': {acl.text('node_wwn', ''): _host(imported, acl, luns) for acl in tpg.nodes('node_acls')}}


def _portals(imported, tpg, name):
    found = []
    for portal in tpg.nodes('portals'):
        address, port = portal.text('ip_address', ''), portal.number('port', ISCSI_PORT)
        if address in EVERYWHERE and name not in imported.given:
            refuse(portal.place(), "gateway '%s' listens on all its addresses, %s" % (name, address), 'say which: --portal %s=ADDRESS' % name)
        found.append(address if port == ISCSI_PORT else '%s:%d' % (address, port))
    return found


def _target(imported, target, disks, names, me):
    iqn = target.text('wwn', '')
    portals, own = {}, _names(target, names, me)
    for tpg in target.nodes('tpgs'):
        name = own[tpg.number('tag', 1)]
        portals[name] = _portals(imported, tpg, name)
        if any(portal.flag('iser') or portal.flag('offload') for portal in tpg.nodes('portals')):
            imported.note('%s: portals of iSER and of offloading cards are plain ones now' % iqn)
    groups = sorted(target.nodes('tpgs'), key=lambda tpg: not tpg.flag('enable'))
    if not groups:
        refuse(target.place(), 'target %s has no group' % iqn, 'take it out of the source')
    luns = _luns(groups[0], disks)
    if any(_luns(tpg, disks) != luns for tpg in groups):
        imported.note('%s: its groups had different LUNs, and have those of group %d now' % (iqn, groups[0].number('tag', 1)))
    imported.add_target(iqn, portals, {'luns': luns, **_access(imported, iqn, groups[0], luns)})


def convert(source, names, me, given=None):
    root = Node(source)
    imported = Imported(given)
    disks = _disks(imported, root)
    for target in root.nodes('targets'):
        if target.text('fabric') != 'iscsi':
            imported.note('target %s is not of iSCSI, and is left out' % target.text('wwn'))
            continue
        _target(imported, target, disks, names, me)
    if imported.targets:
        imported.note('attributes and parameters of groups, hosts and backstores are left out: LIO has its defaults')
    for fabric in root.nodes('fabric_modules'):
        if fabric.text('name') == 'iscsi' and fabric.flag('discovery_enable_auth'):
            keys = ('discovery_userid', 'discovery_password', 'discovery_mutual_userid', 'discovery_mutual_password')
            imported.discovery = imported.chap('discovery', *(fabric.text(key) for key in keys))
    if not names and len(imported.gateways) > 1:
        imported.note('the file does not name gateways: rename gw1, gw2, ... or import again with --gateways')
    return imported
