# SPDX-License-Identifier: GPL-2.0
"""The state of units as one page for browsers.

The page stands alone: no script, and nothing from elsewhere. Each state is a word; colours repeat
it. Each table has a caption and headers. All text of others is escaped, and `cell` is the only way
into a table.
"""

import html as escaping
import math
import time

from . import units

GOOD, WARNING, BAD = 'good', 'warning', 'bad'
TONES = {'serves': GOOD, 'alive': GOOD, 'active': GOOD, 'drained': WARNING, 'standby': WARNING, 'drains': WARNING,
         'does not serve': BAD, 'silent': BAD, 'unavailable': BAD}
REASONS = {'state': 'the image is %(state)s', 'standby': 'an operator has drained it', 'lease': 'the gateway has no lease',
           'record': 'the record of reservations does not admit this gateway at the moment'}
QUANTILES = (('p50', .5), ('p99', .99))

STYLE = '''
:root { color-scheme: light dark; --paper: #fff; --ink: #1b1f24; --quiet: #57606a; --line: #d0d7de; --card: #f6f8fa;
  --good: #116329; --good-back: #dafbe1; --warning: #7d4e00; --warning-back: #fff8c5; --bad: #a40e26; --bad-back: #ffebe9; }
@media (prefers-color-scheme: dark) { :root { --paper: #0d1117; --ink: #e6edf3; --quiet: #9da7b3; --line: #30363d; --card: #161b22;
  --good: #56d364; --good-back: #12261e; --warning: #e3b341; --warning-back: #2e2111; --bad: #ff7b72; --bad-back: #25171c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 66rem; background: var(--paper); color: var(--ink);
  font: 16px/1.45 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; margin: .2rem 0; }
h2 { font-size: 1.2rem; margin: 0; display: flex; flex-wrap: wrap; gap: .3rem .7rem; align-items: center; }
p { margin: .3rem 0; }
section { border: 1px solid var(--line); border-radius: 8px; padding: .9rem 1rem; margin: 1rem 0; }
.quiet, caption { color: var(--quiet); }
.tables { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: .9rem 1.6rem; align-items: start;
  margin-top: .6rem; }
.wide { overflow-x: auto; }
.tables + .wide { margin-top: .9rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding-bottom: .2rem; }
th, td { text-align: left; vertical-align: top; padding: .25rem .6rem .25rem 0; border-top: 1px solid var(--line); }
thead th { font-size: .85rem; color: var(--quiet); border-top: 0; }
th { overflow-wrap: break-word; }
.paths td:last-child { min-width: 13rem; }
tbody th { font-weight: 600; }
.state { font-size: .9rem; font-weight: 600; padding: 0 .5rem; border-radius: 1rem; white-space: nowrap; }
.good { color: var(--good); background: var(--good-back); }
.warning { color: var(--warning); background: var(--warning-back); }
.bad { color: var(--bad); background: var(--bad-back); }
'''


class Word(str):
    """A state, which gets its colour."""


def cell(value):
    text = escaping.escape(str(value))
    if isinstance(value, Word):
        return '<span class="state %s">%s</span>' % (TONES.get(value, 'quiet'), text)
    return text


def table(caption, headers, rows, kind=''):
    """Return a table whose first column names the rows; nothing without rows. A narrow window scrolls
    it, also by keys.
    """
    if not rows:
        return ''
    head = ''.join('<th scope="col">%s</th>' % cell(header) for header in headers)
    body = '\n'.join('<tr><th scope="row">%s</th>%s</tr>' % (cell(row[0]), ''.join('<td>%s</td>' % cell(value) for value in row[1:])) for row in rows)
    return ('<div class="wide" tabindex="0" role="region" aria-label="%s"><table class="%s"><caption>%s</caption>\n'
            '<thead><tr>%s</tr></thead>\n<tbody>\n%s\n</tbody></table></div>\n' % (cell(caption), kind, cell(caption), head, body))


def amount(number):
    """Return bytes as text."""
    for unit in ('B', 'KiB', 'MiB', 'GiB', 'TiB'):
        if number < 1024:
            break
        number /= 1024
    else:
        unit = 'PiB'
    return '%s %s' % (('%.1f' % number).rstrip('0').rstrip('.'), unit)


def duration(us):
    for limit, unit in ((1e3, 'us'), (1e6, 'ms')):
        if us < limit:
            return '%.3g %s' % (us / limit * 1e3, unit)
    return '%.3g s' % (us / 1e6)


def quantile_text(latency, part):
    limit, last = units.quantile(latency, part)
    if limit is None:
        return 'none'
    return 'more than ' + duration(last) if limit == math.inf else duration(limit)


def word_of(unit):
    if unit.serves:
        return Word('serves')
    others = [reason for reason, holds in unit.blocked.items() if holds and reason != 'standby']
    if others:
        return Word('does not serve')
    return Word('drained' if unit.ports.service == 'drained' else 'drains')


def facts(unit):
    rows = [('Image', unit.image or 'not told'), ('State of the image', unit.state)]
    rows += [('Why it does not serve', REASONS[reason] % {'state': unit.state}) for reason, holds in unit.blocked.items() if holds]
    size = unit.number('Size')
    rows += [('Size', amount(size))] if size is not None else []
    if unit.ports.service:
        rows.append(('Commands in flight', unit.ports.in_flight))
    if unit.group:
        rows.append(('Lease', '%.1f s left' % unit.group.lease_s if unit.group.lease_s > 0 else 'none'))
        rows.append(('Out of touch', '%d times' % unit.group.out_of_touch))
    return rows


def reservations(unit):
    found = unit.reservations
    if not found:
        return []
    rows = [('Type', units.RESERVATION_TYPES.get(found.type, 'type %d' % found.type)), ('Registrations', found.registrations)]
    rows += [('Holder', '%s through %s, key %s' % (initiator, target, key)) for key, target, initiator in found.holders]
    if found.spc2:
        rows.append(('RESERVE', 'an initiator holds the unit'))
    if found.attentions:
        rows.append(('Unit attentions', 'not told yet to %d of the initiators' % found.attentions))
    return rows


def paths(unit):
    states = {number: (state, host) for number, state, host in unit.ports.groups}
    rows = []
    for port in unit.port_list:
        state, host = states.get(port.group, ('unknown', 'unknown'))
        rows.append((port.rtpi, host, port.group, Word(state), port.target))
    return rows


def latencies(unit):
    return [(kind, sum(latency.buckets.values()), *(quantile_text(latency, part) for _, part in QUANTILES))
            for kind, latency in sorted(unit.latency.items())]


def section(unit, name):
    parts = [table('Unit', ('What', 'Value'), facts(unit)),
             table('Gateways', ('Gateway', 'State'), [(host, Word(state)) for host, state in unit.gateways.items()]),
             table('Reservations', ('What', 'Value'), reservations(unit)),
             table('Latency of commands', ('Class', 'Commands', *(title + ' up to' for title, _ in QUANTILES)), latencies(unit))]
    missing = '<p class="quiet">Not there, or not understood: %s.</p>\n' % cell(', '.join(unit.missing)) if unit.missing else ''
    return ('<section>\n<h2>%s %s</h2>\n<div class="tables">\n%s</div>\n%s%s</section>\n'
            % (cell(name), cell(word_of(unit)), ''.join(parts),
               table('Paths', ('Port', 'Gateway', 'Group', 'State', 'Target'), paths(unit), 'paths'), missing))


def module_text(loaded, installed):
    if not loaded:
        return 'The module target_core_rbd is not loaded.'
    text = 'Module %s (%s).' % loaded
    if installed and installed != loaded:
        text += ' Another one is installed: %s (%s). Drain this gateway and load that one.' % installed
    return text


def summary(found):
    good = sum(unit.serves for unit in found)
    return '%d of %d units serve.' % (good, len(found)) if found else 'This gateway has no units.'


def html(found, loaded, installed, host, now=None):
    """Return the page."""
    names = units.labels(found)
    told = time.strftime('%Y-%m-%d %H:%M:%S %z', now or time.localtime())
    return ('<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            '<meta name="generator" content="trbdctl">\n<title>%s: units</title>\n<style>%s</style>\n</head>\n<body>\n<main>\n'
            '<h1>Gateway %s</h1>\n<p>%s <span class="quiet">As of %s.</span></p>\n<p class="quiet">%s</p>\n%s</main>\n</body>\n</html>\n'
            % (cell(host), STYLE, cell(host), cell(summary(found)), cell(told), cell(module_text(loaded, installed)),
               ''.join(section(unit, name) for unit, name in zip(found, names))))
