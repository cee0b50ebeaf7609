# SPDX-License-Identifier: GPL-2.0
"""A Source to a Group: first by the JSON Schema, then by what a schema cannot say.

All problems are reported at once, in the order of lines, each with its line and a cure. The schema
has the cures, in the key `cure` beside the rule.
"""

import difflib
import json
import os
import re

from target_core_rbd.image_spec import ImageSpec
from target_core_rbd.options import Options

from . import model
from .problems import Problem, Refused

SCHEMA = os.path.join(os.path.dirname(__file__), 'schema.json')
KINDS = {'object': 'a mapping', 'array': 'a list', 'string': 'text', 'integer': 'a number', 'boolean': 'true or false'}
LONGEST_SHOWN = 60


def shown(value):
    if isinstance(value, (dict, list)):
        return 'this'
    text = json.dumps(value, ensure_ascii=True)
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + '..."'


def _unknown(source, error, path):
    known = list(error.schema.get('properties', ()))
    for key in error.instance:
        if key not in known:
            close = difflib.get_close_matches(key, known, 1)
            yield Problem(source.place(*path, key), 'unknown key %s' % shown(key),
                          "write '%s'" % close[0] if close else 'the keys here are ' + ', '.join(known))


def _schema_problems(source, error):
    path = [str(part) if not isinstance(part, int) else part for part in error.absolute_path]
    rule, cure = error.validator, error.schema.get('cure', '')
    where = '.'.join(str(part) for part in path) or 'the file'
    if rule == 'additionalProperties':
        return list(_unknown(source, error, path))
    if rule == 'required':
        missing = [key for key in error.validator_value if key not in error.instance]
        return [Problem(source.place(*path), "%s has no '%s'" % (where, key), 'add it, see trbd.yaml(5)') for key in missing]
    if 'propertyNames' in error.absolute_schema_path:
        return [Problem(source.place(*path, error.instance), '%s cannot be a key here' % shown(error.instance), cure)]
    if rule == 'type':
        kinds = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
        message = '%s must be %s' % (where, ' or '.join(KINDS[kind] for kind in kinds))
    elif rule in ('minItems', 'minProperties', 'maxItems', 'maxProperties'):
        message = '%s has too %s entries' % (where, 'few' if rule.startswith('min') else 'many')
    else:
        message = '%s: %s is not valid' % (where, shown(error.instance))
    return [Problem(source.place(*path), message, cure)]


def check_schema(source):
    # it takes two thirds of the time in which trbdctl starts, and metrics starts it every 15 s
    import jsonschema
    with open(SCHEMA, encoding='utf-8') as file:
        validator = jsonschema.Draft7Validator(json.load(file))
    found = []
    for error in validator.iter_errors(source.value):
        found += _schema_problems(source, error)
    if found:
        raise Refused(*sorted(set(found), key=_line))


def _line(problem):
    return int(re.search(r'(\d*)$', problem.place)[1] or 0)


class _Reader:
    """Reads a document that the schema has passed, and collects what else is wrong with it."""

    def __init__(self, source):
        self.source = source
        self.value = source.value
        self.problems = []
        self.warnings = []

    def problem(self, path, message, cure):
        self.problems.append(Problem(self.source.place(*path), message, cure))

    def warn(self, path, message, cure):
        self.warnings.append(Problem(self.source.place(*path), message, cure))

    def portals(self, path, texts):
        portals = []
        for index, text in enumerate(texts):
            try:
                portal = model.Portal.parse(text)
            except ValueError as error:
                self.problem(path + (index,), "'%s' cannot be a portal: %s" % (text, error),
                             'give an address of the gateway, as in 192.0.2.11 or [2001:db8::1]:3260')
                continue
            if portal in portals:
                self.problem(path + (index,), 'portal %s is given twice' % portal, 'keep one of them')
            portals.append(portal)
        return tuple(portals)

    def chap(self, path, value):
        if value == 'none':
            return None
        mutual = value.get('mutual') or {}
        if mutual and mutual['secret'] == value['secret']:
            self.problem(path + ('mutual', 'secret'), 'host and target have the same secret',
                         'give mutual a secret of its own: initiators refuse one that is used both ways')
        return model.Chap(value['user'], value['secret'], mutual.get('user'), mutual.get('secret'))

    def gateways(self):
        found, groups, owners = {}, {}, {}
        for place, (name, value) in enumerate(self.value['gateways'].items(), 1):
            path = ('gateways', name)
            group = value.get('group', place)
            if group in groups:
                self.problem(path, 'gateways %s and %s both have group %d' % (groups[group], name, group),
                             'give each gateway a group of its own, or none of them')
            groups[group] = name
            portals = self.portals(path + ('portals',), value['portals'])
            self.own(owners, name, portals, path)
            found[name] = model.Gateway(group, portals)
        return found

    def own(self, owners, name, portals, path):
        for portal in portals:
            if owners.setdefault(portal, name) != name:
                self.problem(path, 'portal %s belongs to %s already' % (portal, owners[portal]),
                             'give each gateway addresses of its own')

    def disks(self):
        found, images = {}, {}
        for name, value in self.value['disks'].items():
            path = ('disks', name, 'image')
            try:
                image = str(ImageSpec.parse(value['image']))
            except ValueError as error:
                self.problem(path, str(error), 'give [pool/[namespace/]]image[@snapshot]')
                continue
            if image in images:
                self.problem(path, "disks '%s' and '%s' are one image, %s" % (images[image], name, image),
                             'name it once, and use that name for all LUNs')
            images[image] = name
            found[name] = model.Disk(image, value.get('wwn'), value.get('block_size'))
        return found

    def target_gateways(self, path, value, gateways):
        chosen = value.get('gateways', list(gateways))
        own = chosen if isinstance(chosen, dict) else {}
        found, owners = {}, {}
        for index, name in enumerate(chosen):
            place = path + ('gateways', name if own else index)
            if name not in gateways:
                self.problem(place, "there is no gateway '%s'" % name, 'the gateways are ' + ', '.join(gateways))
                continue
            if name in found:
                self.problem(place, "gateway '%s' is given twice" % name, 'keep one of them')
            portals = self.portals(place, own[name]) if own else gateways[name].portals
            self.own(owners, name, portals, place)
            found[name] = portals
        return found

    def host(self, path, value, luns):
        wanted = value['luns']
        if wanted == 'all':
            wanted = {lun: lun for lun in luns}
        elif isinstance(wanted, list):
            for index, lun in enumerate(wanted):
                if lun in wanted[:index]:
                    self.problem(path + ('luns', index), 'LUN %d is given twice' % lun, 'keep one of them')
            wanted = {lun: lun for lun in wanted}
        else:
            wanted = {int(number): lun for number, lun in wanted.items()}
        for number, lun in wanted.items():
            if lun not in luns:
                self.problem(path + ('luns', str(number)), 'the target has no LUN %d' % lun,
                             'its LUNs are ' + (', '.join(str(lun) for lun in luns) or 'none yet'))
        return model.Host(wanted, self.chap(path + ('chap',), value['chap']), value.get('read_only', False))

    def access(self, path, value):
        if ('hosts' in value) == ('open' in value):
            self.problem(path, 'the target says %s' % ('both hosts and open' if 'open' in value else 'nobody may log in'),
                         "give the hosts that may log in as 'hosts', or let all in with 'open: read-write'")
        if 'open' in value and 'chap' not in value:
            self.problem(path, "an open target has no 'chap'", "say 'chap: none' if it shall have no password")
        if 'hosts' in value and 'chap' in value:
            self.problem(path + ('chap',), 'the target has hosts, and a password of its own',
                         "move 'chap' to each host")

    def target(self, name, value, gateways, disks):
        path = ('targets', name)
        luns = {int(number): disk for number, disk in value['luns'].items()}
        places = {}
        for lun, disk in luns.items():
            place = path + ('luns', str(lun))
            if disk not in disks and disk not in self.value['disks']:
                self.problem(place, "there is no disk '%s'" % disk, 'the disks are ' + (', '.join(disks) or 'none'))
            if disk in places:
                self.problem(place, "disk '%s' is LUN %d of this target already" % (disk, places[disk]), 'keep one of them')
            places[disk] = lun
            if lun == 0:
                self.warn(place, 'if LUN 0 is missing, LIO shows hosts an empty disk in its place', 'begin with LUN 1')
        self.access(path, value)
        hosts = {host: self.host(path + ('hosts', host), entry, luns) for host, entry in value.get('hosts', {}).items()}
        chap = self.chap(path + ('chap',), value['chap']) if 'chap' in value else None
        return model.Target(self.target_gateways(path, value, gateways), luns, hosts, value.get('open'), chap)

    def group(self):
        ceph = self.value.get('ceph', {})
        try:
            options = str(Options(ceph.get('options')))
        except ValueError as error:
            self.problem(('ceph', 'options'), str(error), 'give libceph options, with commas between them')
            options = ''
        gateways, disks = self.gateways(), self.disks()
        targets = {name: self.target(name, value, gateways, disks) for name, value in self.value['targets'].items()}
        used = {disk for target in targets.values() for disk in target.luns.values()}
        for name in disks:
            if name not in used:
                self.warn(('disks', name), "disk '%s' is a LUN of no target" % name, 'no gateway opens it until it is one')
        discovery = self.value.get('discovery')
        chap = self.chap(('discovery', 'chap'), discovery['chap']) if discovery else None
        return model.Group(gateways, disks, targets, ceph.get('id', 'admin'), os.path.normpath(ceph.get('conf', '/etc/ceph/ceph.conf')),
                           options, discovery is not None, chap, self.warnings)


def load(source):
    """Return the Group of a source, or raise Refused with all problems."""
    check_schema(source)
    reader = _Reader(source)
    group = reader.group()
    if reader.problems:
        raise Refused(*sorted(reader.problems, key=_line))
    return group
