# SPDX-License-Identifier: GPL-2.0
"""What this gateway serves, as values and as text."""

from . import drain
from .state import PLUGIN


def unit(so, all_gateways):
    """Return the state of a unit here; with all_gateways also of its groups everywhere."""
    ports = drain.read(so)
    found = {'image': so.image, 'state': so.state, 'service': ports.service or None, 'size': so.size, 'in_flight': ports.in_flight,
             'stale': so.stale, 'late': so.late}
    if all_gateways:
        found['gateways'] = [{'group': number, 'state': state, 'gateway': host} for number, state, host in ports.groups]
    return found


def collect(live, all_gateways):
    """Return a value for --json."""
    units = {so.name: unit(so, all_gateways) for so in live.root.storage_objects if so.plugin == PLUGIN}
    targets = {}
    for target in live.fabric.targets:
        groups = {tpg.tag: {'enabled': tpg.enable, 'portals': ['%s:%d' % (portal.ip_address, portal.port) for portal in tpg.network_portals],
                            'hosts': sorted(acl.node_wwn for acl in tpg.node_acls if acl.session)}
                  for tpg in target.tpgs}
        targets[target.wwn] = groups
    return {'units': units, 'targets': targets}


def is_good(found):
    return all(unit['state'] == 'open' for unit in found['units'].values())


def text(found):
    lines = []
    for name, unit in sorted(found['units'].items()):
        lines.append('disk %s: image %s, %s, %s' % (name, unit['image'], unit['state'], unit['service'] or 'not told'))
        for gateway in unit.get('gateways', ()):
            lines.append('    group %(group)d: %(gateway)s %(state)s' % gateway)
    for iqn, groups in sorted(found['targets'].items()):
        lines.append('target %s' % iqn)
        for tag, group in sorted(groups.items()):
            lines.append('    group %d: %s, %s' % (tag, 'enabled' if group['enabled'] else 'not enabled here', ' '.join(group['portals']) or 'no portal'))
            lines += ['        logged in: ' + host for host in group['hosts']]
    return '\n'.join(lines) or 'nothing is configured here'
