# SPDX-License-Identifier: GPL-2.0
"""lrbd's JSON.

    pools[]     pool, gateways[]: host or target, and tpg[]: image, portal, initiator, lun, uuid
    portals[]   name, addresses[]
    targets[]   target, and host, or hosts[]: host, portal
    auth[]      host or target; authentication: none, tpg, tpg+identified, identified, acls;
                and tpg, acls[], discovery

lrbd makes a target port group for each portal of a gateway. Here a gateway has one group, with all
of its portals. Values of LIO's attributes and parameters, and names and retries of krbd, are left
out, and a note says so.
"""

import re
import uuid

from ..problems import refuse
from .common import Imported, Node, free_number, leaves

SETTING = re.compile('(tpg|attrib|param|backstore)_.*|rbd_name|retries|sleep')
KINDS = ('none', 'tpg', 'tpg+identified', 'identified', 'acls')


def _targets(root):
    """Return for each target its hosts, each with the names of its portals."""
    found, of_host = {}, {}
    for entry in root.nodes('targets'):
        iqn = entry.text('target', '')
        hosts = found.setdefault(iqn, {})
        if entry.has('host'):
            hosts.setdefault(entry.text('host'), [])
            of_host[entry.text('host')] = iqn
        for host in entry.nodes('hosts'):
            portals = hosts.setdefault(host.text('host', ''), [])
            if host.has('portal'):
                portals.append(host.text('portal'))
    return found, of_host


def _units(root, targets, of_host):
    """Return for each target its entries of tpg[], each with its pool."""
    found = {iqn: [] for iqn in targets}
    for pool in root.nodes('pools'):
        for gateway in pool.nodes('gateways'):
            iqn = gateway.text('target') or of_host.get(gateway.text('host'))
            if iqn not in found:
                refuse(gateway.place(), "'%s' has no target in 'targets'" % (gateway.text('target') or gateway.text('host')),
                       'name it there')
            found[iqn] += [(pool.text('pool', 'rbd'), entry) for entry in gateway.nodes('tpg')]
    return found


def _address(text):
    """Turn lrbd's ADDRESS PORT into an address of a document."""
    address, blank, port = text.strip().partition(' ')
    if not blank:
        return address
    return ('[%s]:%s' if ':' in address else '%s:%s') % (address, port.strip())


def _addresses(root):
    return {portal.text('name', ''): [_address(text) for text in portal.texts('addresses')] for portal in root.nodes('portals')}


def _serials(root):
    """Return the targets whose serial numbers lrbd makes without the pool."""
    return {entry.text('target') for entry in root.nodes('targets') if entry.text('wwn_generate') == 'original'}


def _serial(iqn, pool, image, original):
    """Return the serial number that lrbd gives a unit, so that hosts keep their disk."""
    return str(uuid.uuid3(uuid.NAMESPACE_DNS, ('' if iqn in original else pool) + iqn + image))


def _portals(root, hosts, units, addresses, given):
    """Return the addresses of each gateway of a target."""
    found = {}
    for host, names in hosts.items():
        if host in given:
            found[host] = given[host]
            continue
        names = names or [entry.text('portal') for _, entry in units if entry.has('portal')]
        found[host] = []
        for name in names:
            if name not in addresses:
                refuse(root.place(), "there is no portal '%s'" % name, "give it in 'portals', with its addresses")
            found[host] += [address for address in addresses[name] if address not in found[host]]
        if not found[host]:
            refuse(root.place(), "gateway '%s' has no portal, and lrbd listened on all its addresses" % host,
                   'say which: --portal %s=ADDRESS' % host)
    return found


def _luns(imported, iqn, units, original):
    """Return the LUNs of a target, and those of each of its initiators."""
    luns, of_host = {}, {}
    numbers = {}
    for pool, entry in units:
        if entry.has('lun'):
            numbers[pool, entry.text('image', '')] = entry.number('lun')
    for pool, entry in units:
        image = entry.text('image', '')
        key = pool, image
        if key not in numbers:
            numbers[key] = free_number(numbers.values())
        luns[numbers[key]] = imported.disk('%s/%s' % key, entry.text('uuid') or _serial(iqn, *key, original))
        if entry.has('initiator'):
            mapped = of_host.setdefault(entry.text('initiator').lower(), [])
            if numbers[key] not in mapped:
                mapped.append(numbers[key])
    return dict(sorted(luns.items())), of_host


def _chap(imported, name, node):
    mutual = node.flag('mutual') or node.has('password_mutual')
    return imported.chap(name, node.text('userid'), node.text('password'), node.text('userid_mutual') if mutual else None,
                         node.text('password_mutual') if mutual else None)


def _access(imported, iqn, auth, luns, of_host):
    """Return the keys of a target that say who may log in."""
    kind = auth.text('authentication', 'none')
    if kind not in KINDS:
        refuse(auth.place(), "authentication '%s' is not known" % kind, 'give one of ' + ', '.join(KINDS))
    shared = _chap(imported, iqn, auth.node('tpg')) if kind.startswith('tpg') else 'none'
    if kind in ('none', 'tpg'):
        imported.note('%s: every host may log in%s, as with lrbd' % (iqn, '' if kind == 'none' else ' that knows the password'))
        return {'open': 'read-write', 'chap': shared}
    hosts = {}
    for acl in auth.nodes('acls') + auth.nodes('identified'):
        name = acl.text('initiator', '').lower()
        own = _chap(imported, name, acl) if kind == 'acls' else shared
        hosts[name] = {'chap': own, 'luns': sorted(of_host.get(name, []))}
    for name, numbers in of_host.items():
        if name not in hosts and kind == 'acls':
            imported.note('%s: %s has LUNs and no password, so it may not log in' % (iqn, name))
        elif name not in hosts:
            hosts[name] = {'chap': shared, 'luns': sorted(numbers)}
    return {'hosts': hosts}


def _discovery(imported, root):
    found = []
    for auth in root.nodes('auth'):
        discovery = auth.node('discovery')
        if discovery.flag('auth'):
            values = [discovery.text(key) for key in ('userid', 'password', 'userid_mutual', 'password_mutual')]
            if values not in found:
                found.append(values)
    if len(found) > 1:
        imported.note('discovery: gateways had different passwords, and have the first one now')
    if found:
        imported.discovery = imported.chap('discovery', *found[0])


def convert(source, given=None):
    root = Node(source)
    imported = Imported(given)
    targets, of_host = _targets(root)
    units, addresses = _units(root, targets, of_host), _addresses(root)
    original, auths = _serials(root), {}
    for auth in root.nodes('auth'):
        auths[auth.text('target') or of_host.get(auth.text('host'))] = auth
    for iqn, hosts in targets.items():
        portals = _portals(root, hosts, units[iqn], addresses, imported.given)
        luns, mapped = _luns(imported, iqn, units[iqn], original)
        auth = auths.get(iqn) or Node(source, {}, ('auth',))
        imported.add_target(iqn.lower(), portals, {'luns': luns, **_access(imported, iqn, auth, luns, mapped)})
    _discovery(imported, root)
    imported.left_out([(path[-1], text) for path, text in leaves(root.value) if SETTING.fullmatch(str(path[-1]))])
    return imported
