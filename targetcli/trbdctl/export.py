# SPDX-License-Identifier: GPL-2.0
"""The document as lines for targetcli, in the order of a plan from nothing.

Each line is for a shell. A secret is read from its file when the line runs, so the lines show none.
"""

import shlex

from . import plan, state

FIRST = ['targetcli set global auto_enable_tpgt=false auto_add_default_portal=false auto_add_mapped_luns=false']
LAST = ['targetcli saveconfig']


def _quote(words):
    return ' '.join(shlex.quote(word) for word in words)


def _auth_words(auth, chap, folder):
    words = [_quote(['userid=' + auth.user]), 'password="$(cat %s)"' % shlex.quote('%s/%s' % (folder, chap.secret))]
    if chap.mutual_user:
        words += [_quote(['mutual_userid=' + auth.mutual_user]), 'mutual_password="$(cat %s)"' % shlex.quote('%s/%s' % (folder, chap.mutual_secret))]
    return ' '.join(words)


def _disk(name, unit):
    words = ['name=' + name, 'image=' + unit.image, 'id=' + unit.id]
    words += ['%s=%s' % (key, value) for key, value in (('conf', unit.conf), ('options', unit.options), ('wwn', unit.wwn))
              if value and value != '/etc/ceph/ceph.conf']
    return '/backstores/rbd create ' + _quote(words)


def _line(step, chaps, folder):
    kind, rest, new = step.path[0], step.path[1:], step.new
    if kind == 'disk':
        return _disk(rest[0], new)
    if kind == 'block_size':
        return '/backstores/rbd/%s set attribute block_size=%d' % (rest[0], new)
    if kind == 'target':
        return '/iscsi create ' + rest[0]
    if kind == 'discovery':
        return '/iscsi set discovery_auth enable=1 ' + _auth_words(new, chaps[step.path], folder)
    group = '/iscsi/%s/tpg%d' % rest[:2]
    if kind == 'group':
        # targetcli makes the first one with the target
        return '/iscsi/%s create tpg%d' % rest[:2] if rest[1] != 1 else None
    if kind == 'attribute':
        return '%s set attribute %s=%s' % (group, rest[2], new)
    if kind == 'chap':
        return '%s set auth %s' % (group, _auth_words(new, chaps[step.path], folder))
    if kind == 'host':
        return '%s/acls create %s' % (group, rest[2])
    host = '%s/acls/%s' % (group, rest[2]) if len(rest) > 2 else ''
    if kind == 'host_chap':
        return '%s set auth %s' % (host, _auth_words(new, chaps[step.path], folder))
    if kind == 'host_attribute':
        return '%s set attribute %s=%s' % (host, rest[3], new)
    if kind == 'lun':
        return '%s/luns create /backstores/rbd/%s lun%d' % (group, new, rest[2])
    if kind == 'map':
        return '%s create mapped_lun=%d tpg_lun_or_backstore=%d write_protect=%d' % (host, rest[3], new[0], new[1])
    if kind == 'portal':
        return '%s/portals create %s %d' % ((group,) + rest[2:])
    return '%s enable' % group


def _chaps(group):
    """Lead from paths of a state to the Chap that is there."""
    found = {('discovery',): group.discovery}
    for iqn, target in group.targets.items():
        for gateway in target.gateways:
            where = (iqn, group.gateways[gateway].group)
            found[('chap',) + where] = target.chap
            for name, host in target.hosts.items():
                found[('host_chap',) + where + (name,)] = host.chap
    return found


def targetcli(group, me, folder):
    """Return the lines for a gateway that has nothing yet."""
    class Unread(dict):
        def __missing__(self, name):
            return ''

    chaps = _chaps(group)
    wanted = state.wanted(group, me, Unread())
    steps = plan.make(wanted, {}).steps
    groups = {path[1:] for path in wanted if path[0] == 'group'}
    lines = []
    for step in steps:
        lines.append(_line(step, chaps, folder))
        if step.path[0] == 'target' and (step.path[1], 1) not in groups:
            # targetcli makes a tpg1 with the target, whether or not a gateway has it
            lines.append('/iscsi/%s delete tpg1' % step.path[1])
    return FIRST + ['targetcli ' + line for line in lines if line] + LAST
