# SPDX-License-Identifier: GPL-2.0
"""The way from one state to another: steps in an order that is safe at each of them.

- A gateway first stops what it must not do any more: it disables groups of others, and asks for
  passwords.
- Units, targets and groups come next. Hosts come before LUNs, and LUNs are mapped before there are
  portals, so nobody reaches a LUN without its access control.
- Then a rule may be loosened, and the own group is enabled last.

A part that is there and not in the file is an extra. Extras stay, and are reported, unless `prune` is
asked for. An extra that is in the way of a step is a conflict, and a plan with conflicts is not
carried out. Of targets that the file does not name, nothing is looked at but what is in the way.

There is no I/O here.
"""

from collections import namedtuple

from .model import EVERYWHERE
from .problems import Problem
from .state import AUTHENTICATION_OF_GROUP, NO_AUTH, Foreign

Step = namedtuple('Step', 'path old new')
Plan = namedtuple('Plan', 'steps extras conflicts')

# the kinds that are made and removed, in the order of making
MADE = ('disk', 'target', 'group', 'host', 'lun', 'map', 'portal')
# the value of an attribute that lets in fewer
STRICT = {'authentication': '1', 'generate_node_acls': '0', 'demo_mode_write_protect': '1', 'cache_dynamic_acls': '0'}

# phases of a change
STOP, STRICTER, CLEAR, MAKE, LOOSER, START, REMOVE = range(7)
ORDER = {kind: place for place, kind in enumerate(
    ('discovery', 'disk', 'block_size', 'target', 'group', 'attribute', 'chap', 'host', 'host_attribute', 'host_chap',
     'lun', 'map', 'portal', 'enabled'))}


def inverse(step):
    return Step(step.path, step.new, step.old)


def _phase(step, blocks):
    kind, (old, new) = step.path[0], step[1:]
    if kind == 'enabled':
        return START if new else STOP if new is False else REMOVE
    if new is None and kind != 'discovery':
        return CLEAR if blocks(step.path) else REMOVE
    if kind in ('attribute', 'host_attribute') and old is not None:
        return STRICTER if STRICT.get(step.path[-1]) == new else LOOSER
    if kind == 'discovery':
        return LOOSER if new is None else STRICTER
    return MAKE


def _key(step, blocks):
    phase, place = _phase(step, blocks), ORDER[step.path[0]]
    leaf_first = phase in (CLEAR, REMOVE)
    return (phase, -place if leaf_first else place)


def _owner(path):
    """Return the path of what a path is a part of, or None."""
    kind = path[0]
    if kind in ('disk', 'target', 'discovery'):
        return None
    if kind == 'block_size':
        return ('disk', path[1])
    if kind == 'group':
        return ('target', path[1])
    if kind in ('host_attribute', 'host_chap', 'map'):
        return ('host',) + path[1:4]
    return ('group',) + path[1:3]


def _is_within(path, things):
    while path is not None:
        if path in things:
            return True
        path = _owner(path)
    return False


def _extras(wanted, found, owned):
    """Return what is in the targets of the file, or was made by an earlier file, and is wanted no
    more: the tops only. A disk that other targets serve is theirs.
    """
    targets = {path[1] for path in wanted if path[0] == 'target'}
    extras = {path for path in owned if path in found and path not in wanted}
    extras.update(path for path in found if path[0] in MADE and path[0] not in ('disk', 'target')
                  and path[1] in targets and path not in wanted)
    served = {disk for path, disk in found.items() if path[0] == 'lun' and not _is_within(path, extras)}
    extras = {path for path in extras if path[0] != 'disk' or path[1] not in served}
    return sorted((path for path in extras if not _is_within(_owner(path), extras)), key=_sortable)


def _sortable(path):
    return [str(part).zfill(5) if isinstance(part, int) else str(part) for part in path]


def _removal(path, found):
    """Return the steps that remove something with all its parts. Attributes go by themselves; their
    steps are there to be undone.
    """
    return [Step(part, value, None) for part, value in found.items() if _is_within(part, {path})]


def _replaced(wanted, found):
    """Return the LUNs that become another disk."""
    return {path for path, disk in found.items() if path[0] == 'lun' and wanted.get(path, disk) != disk}


def _anew(wanted, found):
    """Return the disks that are made anew: they differ, and no LUN leads to them. An apply that was
    killed may have left such a disk.
    """
    served = {disk for path, disk in found.items() if path[0] == 'lun'}
    return {path for path, unit in found.items() if path[0] == 'disk' and not isinstance(unit, Foreign)
            and path[1] not in served and wanted.get(path, unit) != unit}


def _lun_of(path, found):
    """Return the path of the LUN of the group that a host's LUN leads to."""
    return ('lun',) + path[1:3] + (found[path][0],)


def _is_default(path, new):
    """Whether something that is made has this value by itself."""
    return (path[0] == 'host_attribute' and new == AUTHENTICATION_OF_GROUP
            or path[0] == 'enabled' and not new
            or path[0] in ('chap', 'host_chap') and new == NO_AUTH
            or path[0] == 'discovery' and new is None)


def _changes(wanted, found):
    replaced, anew = _replaced(wanted, found), _anew(wanted, found)
    for path, new in wanted.items():
        old = found.get(path) if _owner(path) not in anew else None
        again = path[0] == 'map' and old is not None and _lun_of(path, found) in replaced
        if old is None and _is_default(path, new) or old == new and not again:
            continue
        if (path[0] in ('lun', 'map') or path in anew) and old is not None:
            yield Step(path, old, None)
            yield Step(path, None, new)
        else:
            yield Step(path, old, new)


def _disk_conflicts(step, found, place):
    path, old, new = step
    name = path[1]
    if isinstance(old, Foreign):
        yield Problem(place('disks', name), "there is a backstore '%s' of the kind %s" % (name, old.plugin),
                      'give the disk another name, or remove that with: targetcli /backstores/%s delete %s' % (old.plugin, name))
    elif old is not None and old != new:
        differ = ['%s is %s, not %s' % (key, was or 'none', is_ or 'none')
                  for key, was, is_ in zip(new._fields, old, new) if was != is_]
        yield Problem(place('disks', name), "backstore '%s' differs: %s" % (name, '; '.join(differ)),
                      'drain it, and make it anew: trbdctl drain %s; targetcli /backstores/rbd delete %s; trbdctl apply' % (name, name))
    if old is None:
        for other, unit in found.items():
            if other[0] == 'disk' and other != path and not isinstance(unit, Foreign) and unit.image == new.image:
                yield Problem(place('disks', name), "image %s is served as backstore '%s' already" % (new.image, other[1]),
                              "name the disk '%s', or remove that with: targetcli /backstores/rbd delete %s" % (other[1], other[1]))


def _portal_conflicts(path, wanted, found, gone, place):
    _, iqn, group, address, port = path
    here = place('targets', iqn, 'gateways')
    for other in found:
        if other[0] != 'portal' or other in wanted or other in gone:
            continue
        cure = 'remove it: targetcli /iscsi/%s/tpg%d/portals delete %s %d' % (other[1], other[2], other[3], other[4])
        if other[3] in EVERYWHERE and other[4] == port:
            yield Problem(here, 'a portal of %s listens on all addresses, so %s:%d cannot' % (other[1], address, port), cure)
        elif other[1:2] + other[3:] == (iqn, address, port):
            yield Problem(here, 'portal %s:%d is in group %d, and the file has it in group %d' % (address, port, other[2], group),
                          "give the gateway 'group: %d', or have hosts find new ports with --prune" % other[2])


def _conflicts(steps, wanted, found, gone, prune, place):
    said = []
    for step in steps:
        path, kind = step.path, step.path[0]
        if kind == 'disk' and step.new is not None:
            said += _disk_conflicts(step, found, place)
        elif kind == 'portal' and step.new is not None:
            said += _portal_conflicts(path, wanted, found, gone, place)
        elif kind in ('lun', 'map') and step.new is None and wanted.get(path, step.old) != step.old and not prune:
            said.append(Problem(place('targets', path[1]), '%s is %s' % (name_of(path), value_of(path, step.old)),
                                'the file has %s: hosts would see another disk in its place; if so, --prune' % value_of(path, wanted[path])))
    return list(dict.fromkeys(said))


def make(wanted, found, prune=False, owned=(), place=lambda *path: ''):
    """Return the Plan from one state to another.

    owned are paths of targets and disks that an earlier file named. place() gives the line of a
    part of the document.
    """
    steps = list(_changes(wanted, found))
    extras = _extras(wanted, found, owned)
    gone = set()
    if prune:
        for path in extras:
            removal = _removal(path, found)
            gone.update(step.path for step in removal)
            steps += removal
    steps = list(dict.fromkeys(steps))
    conflicts = _conflicts(steps, wanted, found, gone, prune, place)
    taken = {path[3:] for path in wanted if path[0] == 'portal'}

    replaced = _replaced(wanted, found)

    def blocks(path):
        return (path in wanted or path[0] == 'portal' and (path[3:] in taken or path[3] in EVERYWHERE)
                or path[0] == 'map' and _lun_of(path, found) in replaced)

    steps.sort(key=lambda step: _key(step, blocks))
    return Plan(steps, [] if prune else extras, conflicts)


def name_of(path):
    kind = path[0]
    if kind == 'discovery':
        return 'discovery'
    if kind in ('disk', 'target'):
        return '%s %s' % (kind, path[1])
    if kind == 'block_size':
        return 'disk %s: block size' % path[1]
    text = 'target %s group %d' % path[1:3]
    if kind in ('host', 'host_chap', 'host_attribute', 'map'):
        text += ' host ' + path[3]
    if kind in ('lun', 'map'):
        text += ' LUN %d' % path[-1]
    elif kind == 'portal':
        text += ' portal %s:%d' % path[3:]
    elif kind in ('attribute', 'host_attribute'):
        text += ' ' + path[-1]
    return text + {'enabled': ' enabled'}.get(kind, '')


def value_of(path, value):
    kind = path[0]
    if kind == 'disk':
        return value.plugin if isinstance(value, Foreign) else 'image %s' % value.image
    if kind == 'lun':
        return 'disk %s' % value
    if kind == 'map':
        return 'LUN %d of the target%s' % (value[0], ', read only' if value[1] else '')
    if kind == 'discovery' and value is None:
        return 'no CHAP'
    if kind == 'enabled':
        return 'yes' if value else 'no'
    return '' if value is True else str(value)


def is_shown(step):
    """Whether a step has a line of its own: parts that go with what is removed have none."""
    return step.new is not None or step.path[0] in MADE + ('discovery',)


def describe(step):
    """Say a step in a line that begins with +, - or ~. Secrets are never shown."""
    name, (old, new) = name_of(step.path), step[1:]
    if step.path[0] not in MADE:
        if 'chap' in step.path[0] or step.path[0] == 'discovery':
            same = str(old) == str(new) and old is not None
            return '~ %s: %s%s' % (name, value_of(step.path, new) if new is not None else 'no CHAP', ', another secret' if same else '')
        was = value_of(step.path, old) if old is not None else 'new'
        return '~ %s: %s -> %s' % (name, was, value_of(step.path, new))
    value = value_of(step.path, old if new is None else new)
    return '%s %s%s' % ('-' if new is None else '+', name, ': ' + value if value else '')
