# SPDX-License-Identifier: GPL-2.0
"""The commands. See trbdctl(8).

Results go to standard output; progress, warnings and refusals to standard error. With --json the
result is one JSON value. Status: 0 done, or nothing differs; 1 refused or failed; 2 the gateway
differs from the file; 64 the command was not understood.
"""

import argparse
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager

from . import document, documents, drain, export, images, journal, metrics, page, plan, pool, saved, secrets, source, state, status, units
from .imports import ceph_iscsi, lrbd, saveconfig
from .live import Live, foreign_addresses
from .problems import Problem, Refused, refuse

SAME, FAILED, DIFFERENT, USAGE = 0, 1, 2, 64
LOCK = '/run/lock/trbdctl'
DRAIN_S = 60
ROOT = '/'


def say(text):
    print(text, file=sys.stderr, flush=True)


def warn(found):
    for problem in found:
        say('warning: ' + str(problem))


class Output:
    """Prints a result as text, or as JSON."""

    def __init__(self, as_json):
        self.as_json = as_json

    def give(self, value, text):
        if self.as_json:
            print(json.dumps(value, indent=1))
        elif text:
            print(text)


@contextmanager
def one_at_a_time():
    """Keep a second trbdctl on this machine from changing things meanwhile."""
    import fcntl
    os.makedirs(os.path.dirname(LOCK), exist_ok=True)
    with open(os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), 'r+', encoding='ascii') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            refuse('', 'another trbdctl changes this gateway (process %s)' % (file.read(16).strip() or 'unknown'), 'wait until it has ended')
        file.seek(0)
        file.truncate()
        file.write('%d\n' % os.getpid())
        file.flush()
        yield


def my_name(args, group, place):
    """Return the name of this gateway in the file."""
    name = args.gateway or socket.gethostname()
    for candidate in (name, name.split('.')[0]):
        if candidate in group.gateways:
            return candidate
    refuse(place('gateways'), "this machine is '%s', and the file does not name it" % name,
           'its gateways are %s: add it, or choose one with --gateway' % ', '.join(group.gateways))


class Read:
    """A document that was read and checked."""

    def __init__(self, args):
        self.source, self.generation = documents.read(args.source, args.conf, args.id)
        self.group = document.load(self.source)
        self.place = self.source.place
        warn(self.group.warnings)

    def secrets(self, args):
        found, warnings = secrets.load(self.group, args.secrets)
        warn(warnings)
        return found

    def names(self, me):
        targets, disks = state.served_by(self.group, me)
        names = {('target', iqn) for iqn in targets} | {('disk', name) for name in disks}
        return names | ({('discovery',)} if self.group.names_discovery else set())


def command_check(args, out):
    read = Read(args)
    found = []
    if not args.offline:
        try:
            read.secrets(args)
        except Refused as refused:
            found += refused.problems
        used = sorted({disk for target in read.group.targets.values() for disk in target.luns.values()})
        found += images.check(read.group, used, read.place)
    if found:
        raise Refused(*found)
    out.give({'ok': True, 'warnings': [str(warning) for warning in read.group.warnings]},
             '%s: good: %d gateways, %d disks, %d targets' % (read.source.name, len(read.group.gateways), len(read.group.disks), len(read.group.targets)))
    return SAME


def plan_value(planned, read):
    return {'same': not planned.steps and not planned.extras,
            'steps': [plan.describe(step) for step in planned.steps if plan.is_shown(step)],
            'extras': [extra_text(path) for path in planned.extras],
            'conflicts': [str(problem) for problem in planned.conflicts], 'generation': read.generation}


def extra_text(path):
    return 'not in the file: %s; --prune removes it' % plan.name_of(path)


def look(args, live):
    """Return the document, the name of this gateway, and the plan."""
    read = Read(args)
    me = my_name(args, read.group, read.place)
    wanted = state.wanted(read.group, me, read.secrets(args))
    owned = saved.read_record()[0]
    return read, me, wanted, plan.make(wanted, state.found(live.dump()), args.prune, owned, read.place)


def command_plan(args, out):
    read, _, _, planned = look(args, Live())
    lines = [plan.describe(step) for step in planned.steps if plan.is_shown(step)]
    lines += [extra_text(path) for path in planned.extras]
    out.give(plan_value(planned, read), '\n'.join(lines) or 'nothing to do')
    for problem in planned.conflicts:
        say('in the way: ' + str(problem))
    if planned.conflicts:
        return FAILED
    return DIFFERENT if planned.steps or planned.extras else SAME


def preflight(args, read, me, wanted, planned):
    """Refuse a plan that cannot work, before anything is changed."""
    found = list(planned.conflicts)
    found += foreign_addresses(read.group, me, read.place)
    new = [step.path[1] for step in planned.steps if step.path[0] == 'disk' and step.new]
    if not args.offline:
        found += images.check(read.group, new, read.place)
    if found:
        raise Refused(*found)


def save(live, dump, names):
    try:
        return saved.save(live.root, dump, names)
    except Refused as refused:
        why = str(refused)
    except Exception as error:
        why = '%s: %s' % (saved.path(), error)
    refuse('', 'the gateway is changed as the file has it, and could not save that for its next boot: %s' % why, 'mend this, and apply again')


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupt(signum, frame):
    """Interrupt once: what is undone then is not interrupted again."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def command_apply(args, out):
    with one_at_a_time():
        live = Live()
        for half in live.remove_halves():
            say('removed %s, which led nowhere' % half)
        read, me, wanted, planned = look(args, live)
        preflight(args, read, me, wanted, planned)
        for number in SIGNALS:
            signal.signal(number, interrupt)
        journal.run(planned.steps, live.do, lambda number, count, text: say('[%d/%d] %s' % (number, count, text)))
        dump = live.dump()
        left = plan.make(wanted, state.found(dump), args.prune, (), read.place)
        names = read.names(me)
        owned = set(saved.read_record()[0])
        written = save(live, dump, names | (owned if args.prune else set()))
        kept = {path for path in owned if path in planned.extras}
        saved.write_record((names | kept) - {('discovery',)}, read.generation, read.source.name)
    value = plan_value(planned, read)
    value.update(saved=written, left=[plan.describe(step) for step in left.steps])
    steps = sum(plan.is_shown(step) for step in planned.steps)
    lines = ['%d changes made' % steps if steps else 'nothing to do'] + value['extras'] + ['still different: ' + text for text in value['left']]
    out.give(value, '\n'.join(lines))
    return DIFFERENT if left.steps or planned.extras else SAME


def command_page(args):
    found = units.read_all(ROOT)
    documents.write(args.html, page.html(found, units.loaded_module(ROOT), units.installed_module(), socket.gethostname()))
    return SAME if all(unit.state == 'open' for unit in found) else DIFFERENT


def command_metrics(args, out):
    found = metrics.collect(units.read_all(ROOT), units.loaded_module(ROOT), units.installed_module())
    if args.textfile:
        documents.write(args.textfile, found.text())
    else:
        out.give(found.value(), found.text().rstrip('\n'))
    return SAME


def command_status(args, out):
    if args.html:
        return command_page(args)
    found = status.collect(Live(), args.all)
    _, generation, name = saved.read_record()
    found.update(applied=name, generation=generation)
    out.give(found, status.text(found) + ('\napplied: %s' % name if name else ''))
    return SAME if status.is_good(found) else DIFFERENT


def chosen_disks(args, live):
    units = {so.name: so for so in live.root.storage_objects if so.plugin == state.PLUGIN}
    for name in args.disk:
        if name not in units:
            refuse('', "there is no disk '%s' here" % name, 'the disks are ' + (', '.join(units) or 'none'))
    return [units[name] for name in args.disk or units]


def command_drain(args, out):
    disks = chosen_disks(args, Live())
    me = args.gateway or socket.gethostname()
    if not args.force:
        lonely = [disk.name for disk in disks if not drain.others(drain.read(disk), me)]
        if lonely:
            refuse('', 'no other gateway serves %s' % ', '.join(lonely), 'its hosts would have no path: bring another gateway up, or use --force')
    return turn(args, out, disks, '1', 'drained')


def command_undrain(args, out):
    return turn(args, out, chosen_disks(args, Live()), '0', 'serving')


def turn(args, out, disks, value, word):
    for disk in disks:
        disk.set_attribute('drain', value)
    left = drain.wait(disks, word, args.wait, say)
    out.give({'done': [disk.name for disk in disks if disk.name not in left], 'left': left},
             '%d units %s' % (len(disks) - len(left), word) + (', not yet: ' + ', '.join(left) if left else ''))
    return FAILED if left else SAME


@contextmanager
def opened(args):
    if not documents.is_pool(args.pool):
        refuse(args.pool, 'this is not a pool', 'give pool:POOL or pool:POOL/NAMESPACE')
    with images.connected(args.conf, args.id) as cluster:
        yield pool.Pool(cluster, args.pool[len(documents.POOL):])


def command_pull(args, out):
    with opened(args) as place:
        stored = place.read()
        if not stored.generation:
            refuse(place.name, 'there is no document in the pool', 'put one there: trbdctl push FILE %s' % place.name)
        documents.write(args.file, pool.mark(stored.text, place.name, stored.generation))
    say('generation %d, written by %s at %s' % (stored.generation, stored.host, stored.time))
    return SAME


def store(place, text, base, force, name):
    """Store a document that was made from generation base."""
    document.load(source.parse(text.encode(), name))
    try:
        stored = place.read()
    except Refused as refused:
        if not force or 'damaged' not in str(refused):
            raise
        stored = pool.NOTHING
    if not force and base is None and stored.generation:
        refuse(name, 'the document does not say which generation it was made from, and %s has generation %d' % (place.name, stored.generation),
               'pull, put your change in, and push; or replace that one with --force')
    if not force and base is not None and base != stored.generation:
        refuse(name, 'the document was made from generation %d, and %s wrote generation %d at %s' % (base, stored.host, stored.generation, stored.time),
               'pull, put your change in, and push again')
    if pool.unmark(text) == stored.text:
        return stored
    return place.write(pool.unmark(text), stored.generation)


def command_push(args, out):
    read = source.read(args.file)
    with opened(args) as place:
        stored = store(place, read.text, pool.marked(read.text, place.name), args.force, read.name)
        if args.file != '-' and pool.MARK.match(read.text):
            documents.write(args.file, pool.mark(stored.text, place.name, stored.generation))
    out.give({'generation': stored.generation}, '%s has generation %d; run "trbdctl apply %s" on each gateway' % (args.pool, stored.generation, args.pool))
    return SAME


def edited(text, name):
    """Let the operator edit a text. Return what it is then, and the file that has it."""
    descriptor, path = tempfile.mkstemp(prefix='trbd.', suffix='.yaml')
    with open(descriptor, 'w', encoding='utf-8') as file:
        file.write(text)
    editor = os.environ.get('VISUAL') or os.environ.get('EDITOR') or 'editor'
    if subprocess.run(shlex.split(editor) + [path], check=False).returncode != 0:
        refuse(path, 'the editor ended with an error', 'nothing was pushed')
    return source.read(path).text, path


def command_edit(args, out):
    with opened(args) as place:
        stored = place.read()
    text, path = edited(pool.mark(stored.text, place.name, stored.generation), place.name)
    if pool.unmark(text) == stored.text:
        os.remove(path)
        out.give({'generation': stored.generation}, 'nothing was changed')
        return SAME
    try:
        with opened(args) as place:
            new = store(place, text, stored.generation, False, path)
    except Refused:
        say('your text is in %s' % path)
        raise
    os.remove(path)
    out.give({'generation': new.generation}, '%s has generation %d; run "trbdctl apply %s" on each gateway' % (args.pool, new.generation, args.pool))
    return SAME


def command_export(args, out):
    read = Read(args)
    me = my_name(args, read.group, read.place)
    lines = export.targetcli(read.group, me, args.secrets)
    out.give({'gateway': me, 'lines': lines}, '\n'.join(lines))
    return SAME


def portals_given(words):
    """Return the portals of GATEWAY=ADDRESS, by gateway."""
    found = {}
    for word in words:
        name, _, address = word.partition('=')
        if not name or not address:
            refuse('--portal %s' % word, 'it is not GATEWAY=ADDRESS', 'type for example --portal gw1=192.0.2.11')
        found.setdefault(name, []).append(address)
    return found


def command_import(args, out):
    read, given = source.read(args.file), portals_given(args.portal)
    if args.kind == 'saveconfig':
        names = [name for name in (args.gateways or '').split(',') if name]
        imported = saveconfig.convert(read, names, args.gateway or socket.gethostname().split('.')[0], given)
    else:
        imported = {'lrbd': lrbd, 'ceph-iscsi': ceph_iscsi}[args.kind].convert(read, given)
    text = documents.to_text(imported.document(args.ceph_id))
    group = document.load(source.parse(text.encode(), 'the document made of %s' % read.name))
    for name, secret in imported.secrets.items():
        secrets.write(name, secret, args.secrets)
    for note in imported.notes:
        say('note: ' + note)
    warn(group.warnings)
    if imported.secrets:
        say('note: %d secrets are in %s; copy that folder to the other gateways: rsync -a %s/ GATEWAY:%s/'
            % (len(imported.secrets), args.secrets, args.secrets, args.secrets))
    documents.write(args.output, text)
    return SAME


class Parser(argparse.ArgumentParser):
    def error(self, message):
        self.print_usage(sys.stderr)
        say('%s: %s' % (self.prog, message))
        sys.exit(USAGE)


def add_pool(command):
    command.add_argument('pool', metavar='pool:POOL', nargs='?', default='pool:rbd')


def add_source(command):
    command.add_argument('source', metavar='FILE', nargs='?', default=documents.DEFAULT)


def parser():
    top = Parser(prog='trbdctl', description='Configure a group of gateways of target_core_rbd from one file. See trbdctl(8).')
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument('--json', action='store_true', help='print the result as JSON')
    common.add_argument('--gateway', metavar='NAME', help='be this gateway, by default the one with the name of this machine')
    common.add_argument('--secrets', metavar='FOLDER', default=secrets.FOLDER, help='where CHAP secrets are')
    common.add_argument('--conf', metavar='FILE', default='/etc/ceph/ceph.conf', help='ceph.conf, to reach pool:POOL')
    common.add_argument('--id', metavar='USER', default='admin', help='Ceph user, to reach pool:POOL')
    commands = top.add_subparsers(dest='command', metavar='COMMAND', required=True, parser_class=Parser)

    def add(name, run, text):
        command = commands.add_parser(name, parents=[common], help=text, description=text)
        command.set_defaults(run=run)
        return command

    for name, run, text in (('check', command_check, 'check a file, its secrets and its images'),
                            ('plan', command_plan, 'show what apply would change on this gateway'),
                            ('apply', command_apply, 'make this gateway as the file has it'),
                            ('export', command_export, 'print lines for targetcli that do the same')):
        command = add(name, run, text)
        add_source(command)
        if name in ('check', 'apply'):
            command.add_argument('--offline', action='store_true', help='do not ask the cluster about images')
        if name in ('plan', 'apply'):
            command.add_argument('--prune', action='store_true', help='remove what is not in the file')
    command = add('status', command_status, 'show what this gateway serves')
    command.add_argument('--all', action='store_true', help='and what the other gateways serve')
    command.add_argument('--html', metavar='FILE', nargs='?', const='-', help='write a page for browsers, by default to standard output')
    command = add('metrics', command_metrics, 'print metrics for Prometheus')
    command.add_argument('--textfile', metavar='FILE', help='write them to a file for node-exporter, at once')
    for name, run, text in (('drain', command_drain, 'take this gateway out of service'),
                            ('undrain', command_undrain, 'put it back')):
        command = add(name, run, text)
        command.add_argument('disk', nargs='*', help='by default all')
        command.add_argument('--wait', metavar='SECONDS', type=int, default=DRAIN_S, help='how long to wait, by default %d' % DRAIN_S)
        if name == 'drain':
            command.add_argument('--force', action='store_true', help='also if no other gateway serves the disk')
    command = add('pull', command_pull, 'write the document of a pool to a file')
    command.add_argument('file', metavar='FILE')
    add_pool(command)
    command = add('push', command_push, 'store a file in a pool')
    command.add_argument('file', metavar='FILE')
    add_pool(command)
    command.add_argument('--force', action='store_true', help='replace whatever is there')
    add_pool(add('edit', command_edit, 'edit the document of a pool'))
    command = add('import', command_import, 'make a file of the configuration of another tool')
    command.add_argument('kind', choices=('lrbd', 'ceph-iscsi', 'saveconfig'))
    command.add_argument('file', metavar='FILE')
    command.add_argument('-o', '--output', metavar='FILE', default='-')
    command.add_argument('--ceph-id', metavar='USER', help='Ceph user of the gateways')
    command.add_argument('--gateways', metavar='NAME,...', help='saveconfig: names of the gateways, in the order of their groups')
    command.add_argument('--portal', metavar='GATEWAY=ADDRESS', action='append', default=[],
                         help='a portal of a gateway, in place of those of the source; also of a gateway that is not there')
    return top


def fail(out, message, found):
    if out.as_json:
        print(json.dumps({'ok': False, 'error': message, 'problems': [problem._asdict() for problem in found]}, indent=1))
    say(message)
    return FAILED


def main(words=None):
    args = parser().parse_args(words)
    out = Output(args.json)
    try:
        return args.run(args, out)
    except Refused as refused:
        return fail(out, str(refused), refused.problems)
    except journal.Failed as failed:
        return fail(out, str(failed), [Problem('', failed.reason)])
    except KeyboardInterrupt:
        return fail(out, 'interrupted', [])
    except BrokenPipeError:
        return FAILED
    except PermissionError as error:
        return fail(out, '%s; run trbdctl as root' % error, [])
    except OSError as error:
        return fail(out, str(error), [])
    except Exception as error:
        # rtslib's own, whichever of its two names it was imported by
        if not type(error).__module__.startswith('rtslib'):
            raise
        return fail(out, '%s; see "targetcli ls"' % error, [])
