# SPDX-License-Identifier: GPL-2.0
"""The state of units as metrics in Prometheus' text format.

node-exporter refuses a whole file for one metric that comes twice. So a sample that is there
already is kept, and a second one of the same name and labels is left out.
"""

import math
import time

from . import units
from .units import ACCESS, GATEWAY_STATES, STATES

PREFIX = 'target_core_rbd_'

COUNTERS = {
    'reads': 'READ commands.',
    'read_bytes': 'Bytes read.',
    'writes': 'WRITE commands.',
    'write_bytes': 'Bytes written.',
    'unmaps': 'UNMAP commands.',
    'unmap_bytes': 'Bytes unmapped.',
    'write_sames': 'WRITE SAME commands.',
    'compare_and_writes': 'COMPARE AND WRITE commands.',
    'miscompares': 'Commands that found other data than they compared with.',
    'reservations_out': 'Commands that change reservations.',
    'good': 'Commands that ended with GOOD.',
    'busy': 'Commands that ended with BUSY.',
    'conflicts': 'Commands that ended with RESERVATION CONFLICT, which is part of a cluster\'s usual work.',
    'check_not_ready': 'Commands that ended with NOT READY.',
    'check_medium_error': 'Commands that ended with MEDIUM ERROR.',
    'check_data_protect': 'Commands that ended with DATA PROTECT: the pool is full, or may not be written.',
}
SESSION = {
    'heartbeats': 'Heartbeats that came back.',
    'heartbeats_late': 'Turns at which an object of the group had not answered the heartbeat before.',
    'heartbeats_failed': 'Heartbeats that ended with an error.',
    'leases_lost': 'How often this gateway was without a lease.',
    'fences_of_us': 'How often this gateway was on the blocklist.',
    'fences_by_us': 'How often this gateway fenced another one.',
    'recoveries': 'How often the session took a new identity, after a fence or giving up.',
    'give_ups': 'How often this gateway gave up everything in flight.',
    'out_of_touch': 'How often this gateway was out of touch with the group.',
    'stalls': 'How often this machine, or one of its processors, stood still.',
    'proofs_failed': 'How often an OSD that had not answered still did not.',
}
GUARD = (
    ('Fallbacks', 'guard_fallbacks', 'Writes that lost against a neighbour of the same moment and were sent again.'),
    ('Stale', 'guard_stale', 'Writes that the OSDs refused since something newer was there.'),
    ('Late', 'guard_late', 'Writes that were too old to be sent.'),
    ('Shared', 'writes_shared', 'Small writes that went along in the request of another.'),
)


def escape(text, *characters):
    for character in ('\\', '\n') + characters:
        text = text.replace(character, '\\n' if character == '\n' else '\\' + character)
    return text


def value_text(value):
    if value == math.inf:
        return '+Inf'
    return repr(value) if isinstance(value, float) and not value.is_integer() else '%d' % value


class Exposition:
    """Metrics by name, in the order in which they came."""

    def __init__(self):
        self.families = {}

    def add(self, name, kind, text, value, labels, suffix=''):
        """Add a sample, unless it is there, or has no value."""
        if value is None:
            return
        found_kind, _, samples = self.families.setdefault(PREFIX + name, (kind, text, {}))
        if found_kind == kind:
            samples.setdefault((suffix, tuple(labels.items())), value)

    def gauge(self, name, text, value, labels=None):
        self.add(name, 'gauge', text, value, labels or {})

    def counter(self, name, text, value, labels):
        self.add(name if name.endswith('_total') else name + '_total', 'counter', text, value, labels)

    def states(self, name, text, states, state, labels):
        """Add a sample for each word that the state can be: 1 for the one that it is, else 0."""
        for word in states if state in states else (*states, state):
            self.gauge(name, text, int(word == state), {**labels, 'state': word})

    def text(self):
        lines = []
        for name, (kind, text, samples) in self.families.items():
            lines += ['# HELP %s %s' % (name, escape(text)), '# TYPE %s %s' % (name, kind)]
            for (suffix, labels), value in samples.items():
                pairs = ','.join('%s="%s"' % (key, escape(label, '"')) for key, label in labels)
                lines.append('%s%s%s %s' % (name, suffix, '{%s}' % pairs if pairs else '', value_text(value)))
        return '\n'.join(lines) + '\n'

    def value(self):
        """Return the same for --json."""
        return [{'name': name + suffix, 'type': kind, 'labels': dict(labels), 'value': value_text(value)}
                for name, (kind, _, samples) in self.families.items() for (suffix, labels), value in samples.items()]


def add_state(out, unit, labels):
    out.gauge('scrape_ok', 'Whether all files of the unit were there and could be read.', int(not unit.missing), labels)
    out.gauge('unit_serving', 'Whether this gateway serves the unit.', int(unit.serves), labels)
    out.states('unit_state', 'State of the image here.', STATES, unit.state, labels)
    for reason, holds in unit.blocked.items():
        out.gauge('unit_blocked', 'Whether this keeps the unit from being served: state of the image, an operator\'s drain, no lease, '
                  'or the record of reservations.', int(holds), {**labels, 'reason': reason})
    out.gauge('unit_read_only', 'Whether the unit is a snapshot.', int('Snap' in unit.info), labels)
    out.gauge('unit_size_bytes', 'Size of the image.', unit.number('Size'), labels)
    if unit.ports.service:
        out.gauge('unit_commands_in_flight', 'Commands in flight on this gateway.', unit.ports.in_flight, labels)


def add_group(out, unit, labels):
    if unit.group:
        out.gauge('lease_seconds', 'Time that is left of this gateway\'s lease; 0 without one.', unit.group.lease_s, labels)
        out.gauge('group_gateways', 'Gateways in the group of the pool, this one among them.', unit.group.gateways, labels)
        out.gauge('group_gateways_silent', 'Gateways of the group without a heartbeat.', unit.group.silent, labels)
        out.counter('group_out_of_touch', 'How often this gateway was out of touch with the group.', unit.group.out_of_touch, labels)
    for host, state in unit.gateways.items():
        out.states('gateway_state', 'What a gateway of the group does for the unit, as this one sees it.', GATEWAY_STATES, state,
                   {**labels, 'gateway': host})
    for number, state, host in unit.ports.groups:
        out.states('port_group_state', 'Asymmetric access state of a target port group.', ACCESS, state,
                   {**labels, 'group': str(number), 'gateway': host})
    for port in unit.port_list:
        out.gauge('port_info', 'A target port: its relative identifier, its group and its name.', 1,
                  {**labels, 'port': str(port.rtpi), 'group': str(port.group), 'target': port.target})


def add_reservations(out, unit, labels):
    found = unit.reservations
    if found:
        out.gauge('registrations', 'Registrations for persistent reservations.', found.registrations, labels)
        out.gauge('reservation_type', 'Type of the persistent reservation as SPC-4 numbers it; 0 without one.', found.type, labels)
        out.gauge('reserved', 'Whether an initiator holds the unit by RESERVE.', int(found.spc2), labels)
        out.gauge('unit_attentions_pending', 'Initiators with a unit attention that they have not been told yet.', found.attentions, labels)


def add_counters(out, unit, labels):
    for key, name, text in GUARD:
        out.counter(name, text, unit.number(key), labels)
    for name, value in unit.counters.items():
        out.counter(name, COUNTERS.get(name, 'Counter %s of the unit.' % name), value, labels)
    for name, value in unit.session.items():
        out.counter('session_' + name, SESSION.get(name, 'Counter %s of the session.' % name) +
                    ' Backstores with equal options share one session.', value, labels)


def add_latency(out, unit, labels):
    name, text = 'command_duration_seconds', 'Time from the start of a command on this gateway to its end.'
    for kind, latency in unit.latency.items():
        count, of_kind = 0, {**labels, 'class': kind}
        for limit in sorted({*latency.buckets, math.inf}):
            count += latency.buckets.get(limit, 0)
            out.add(name, 'histogram', text, count, {**of_kind, 'le': value_text(limit / 1e6)}, '_bucket')
        out.add(name, 'histogram', text, None if latency.sum_us is None else latency.sum_us / 1e6, of_kind, '_sum')
        out.add(name, 'histogram', text, count, of_kind, '_count')


def add_module(out, loaded, installed):
    out.gauge('module_loaded', 'Whether the module is loaded.', int(loaded is not None))
    for name, text, versions in (('module_info', 'The module that is loaded.', loaded),
                                 ('module_installed_info', 'The module that is installed for the running kernel.', installed)):
        if versions:
            out.gauge(name, text, 1, versions._asdict())
    if loaded and installed:
        out.gauge('module_outdated', 'Whether the module that is loaded is another one than the installed one.', int(loaded != installed))


def collect(found, loaded, installed, clock=time.time):
    """Return the metrics of units and module."""
    out = Exposition()
    out.gauge('scrape_timestamp_seconds', 'When these metrics were collected.', round(clock(), 3))
    add_module(out, loaded, installed)
    for unit, name in zip(found, units.labels(found)):
        image, snapshot = unit.info.get('Image', ''), unit.info.get('Snap')
        labels = {'backstore': name, 'pool': unit.info.get('Pool', ''), 'namespace': unit.info.get('Namespace', ''),
                  'image': image + ('@' + snapshot if snapshot else '')}
        for add in (add_state, add_group, add_reservations, add_counters, add_latency):
            add(out, unit, labels)
    return out
