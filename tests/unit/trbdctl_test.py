#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""trbdctl without a cluster and without LIO: documents, secrets, pools, commands, pages."""

import json
import os
import subprocess
import sys
import unittest
from unittest import mock

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'lib'))
from trbdctl_case import GOOD, HOST, IQN, WithFolder, load, main  # noqa: E402
from trbdctl import cli, documents, drain, export, images, model, pool, problems, secrets, source  # noqa: E402
from trbdctl.problems import Refused  # noqa: E402


class Sources(unittest.TestCase):
    def value(self, text):
        return source.parse(text.encode(), 'f').value

    def refused(self, text, regex):
        with self.assertRaisesRegex(Refused, regex):
            source.parse(text if isinstance(text, bytes) else text.encode(), 'f')

    def test_scalars_as_yaml_1_2_has_them(self):
        self.assertEqual(self.value('{a: no, b: 010, c: 12:30, d: "1", e: 1, f: true, g: ~, h: 1_0, i: 0x10}'),
                         {'a': 'no', 'b': '010', 'c': '12:30', 'd': '1', 'e': 1, 'f': True, 'g': None, 'h': '1_0', 'i': '0x10'})

    def test_json(self):
        value = {'a': [1, 'x/y"\u00e4', None, True, {'b': -3}], 'c': {}}
        for indent in (None, '\t', 2):
            self.assertEqual(self.value(json.dumps(value, indent=indent)), value)
        self.assertEqual(self.value('# comment\n{"a":\t1} # another\n'), {'a': 1})

    def test_lines(self):
        found = source.parse(b'a:\n  - 1\n  - b: 2\n', 'f')
        self.assertEqual([found.place('a'), found.place('a', 1), found.place('a', 1, 'b'), found.place('a', 1, 'none')],
                         ['f:1', 'f:3', 'f:3', 'f:3'])

    def test_bomb(self):
        self.refused('a: &a [x]\nb: [*a, *a]\n', "f:1: anchor or alias 'a'; write")
        self.refused('a: *b\n', 'f:1: anchor or alias')

    def test_depth_and_size(self):
        self.refused('[' * 1000, 'f:1: nested')
        self.refused('a' * (source.MAX_BYTES + 1), 'longer than')

    def test_twice(self):
        self.refused('a: 1\nb: 2\na: 3\n', "f:3: 'a' is given twice, first in line 1; keep one")
        self.refused('{1: x, "1": y}', "'1' is given twice")

    def test_no_types(self):
        self.refused('a: !!python/object/apply:os.system [id]\n', 'f:1: tag')

    def test_damage(self):
        self.refused('a: [1\nb: 2\n', 'f:[23]: this is neither YAML nor JSON')
        self.refused(b'a: 1\nb: \xff\n', 'f:2: this is not UTF-8')
        self.refused('', 'empty')
        self.refused('a: 1\n---\nb: 1\n', 'f:2: a second document')
        self.refused('{[a]: 1}', 'not a word')

    def test_a_file_that_is_none(self):
        for path in ('/no/such', '/'):
            with self.assertRaisesRegex(Refused, '%s: cannot be read' % path):
                source.read(path)


class Documents(unittest.TestCase):
    def refused(self, old, new, *regexes):
        text = GOOD.replace(old, new)
        self.assertNotEqual(text, GOOD)
        with self.assertRaises(Refused) as raised:
            load(text)
        for regex in regexes:
            self.assertRegex(str(raised.exception), regex)

    def test_good(self):
        group = load(GOOD)
        self.assertEqual(group.gateways['gw2'], model.Gateway(2, (model.Portal('192.0.2.12'),)))
        self.assertEqual(group.targets[IQN].hosts[HOST], model.Host({1: 1}, model.Chap('esx1', 'esx1', 'disk1', 'disk1')))
        self.assertEqual(load(json.dumps(source.parse(GOOD.encode(), 'f').value)), group)

    def test_unknown_key(self):
        self.refused('{portals: [192.0.2.11]}', '{portal: [192.0.2.11]}', r"trbd.yaml:4: unknown key \"portal\"; write 'portals'",
                     "trbd.yaml:4: gateways.gw1 has no 'portals'")
        self.refused('version: 1', 'version: 1\ncolour: red', 'trbd.yaml:2: unknown key "colour"; the keys here are version, ceph')

    def test_version(self):
        self.refused('version: 1', 'version: 2', 'trbd.yaml:1: .*reads version 1')

    def test_all_problems_at_once_in_order(self):
        text = GOOD.replace('[192.0.2.11]', '[192.0.2.300]').replace('{1: disk1}', '{1: disk2}')
        with self.assertRaises(Refused) as raised:
            load(text)
        self.assertEqual([problem.place for problem in raised.exception.problems], ['trbd.yaml:4', 'trbd.yaml:10'])

    def test_names_that_leave_a_path(self):
        for old, new in (('  disk1:', '  ../disk1:'), ('  gw1:', '  gw1/..:'), ('secret: esx1', 'secret: ../esx1'),
                         ('secret: esx1', 'secret: .esx1'), ('secret: esx1', 'secret: /etc/shadow'),
                         (IQN + ':', 'iqn.2026-11.com.example:a/../b:'), ('  disk1:', '  .:')):
            self.refused(old, new, r'trbd.yaml:\d+: .*; (a|an|name) ')

    def test_gateway_that_is_not_there(self):
        self.refused('    luns: {1: disk1}', '    gateways: [gw1, gw3]\n    luns: {1: disk1}', "trbd.yaml:10: there is no gateway 'gw3'; the gateways are gw1, gw2")

    def test_luns(self):
        self.refused('{1: disk1}', '{1: disk1, 1: disk1}', "trbd.yaml:10: '1' is given twice")
        self.refused('{1: disk1}', '{01: disk1}', 'trbd.yaml:10: "01" cannot be a key here; a LUN has a number')
        self.refused('{1: disk1}', '{256: disk1}', 'cannot be a key')
        self.refused('{1: disk1}', '{1: disk2}', "trbd.yaml:10: there is no disk 'disk2'")
        self.refused('{1: disk1}', '{1: disk1, 2: disk1}', 'is LUN 1 of this target already')
        self.refused('luns: [1]', 'luns: [2]', 'trbd.yaml:14: the target has no LUN 2')

    def test_portals(self):
        for bad, said in (('0.0.0.0', 'all addresses'), ('"[::]:3260"', 'all addresses'), ('gw1', 'not an address'), ('192.0.2.11:0', 'out of range'),
                          ('192.0.2.11:70000', 'out of range'), ('224.0.0.1', 'multicast'), ('192.0.2.12', 'belongs to gw1 already|belongs to')):
            self.refused('[192.0.2.11]', '[%s]' % bad, 'trbd.yaml:[45]: .*' + said)
        self.assertEqual([str(model.Portal.parse(text)) for text in ('2001:db8::1', '[2001:DB8::1]:3261', '192.0.2.1:3261')],
                         ['[2001:db8::1]:3260', '[2001:db8::1]:3261', '192.0.2.1:3261'])

    def test_access_is_explicit(self):
        hosts = GOOD[GOOD.index('    hosts:'):]
        self.refused(hosts, '', 'nobody may log in')
        self.refused(hosts, '    open: read-write\n', "an open target has no 'chap'")
        self.refused(hosts, hosts + '    open: read-write\n    chap: none\n', 'both hosts and open')
        self.refused('        chap: {user: esx1, secret: esx1, mutual: {user: disk1, secret: disk1}}\n', '', "has no 'chap'")
        self.refused('        luns: [1]\n', '', "has no 'luns'")
        self.refused('secret: disk1', 'secret: esx1', 'the same secret')
        self.assertEqual(load(GOOD.replace(hosts, '    open: read-only\n    chap: none\n')).targets[IQN].open, 'read-only')

    def test_host_numbers(self):
        self.assertEqual(load(GOOD.replace('luns: [1]', 'luns: {0: 1}')).targets[IQN].hosts[HOST].luns, {0: 1})
        self.assertEqual(load(GOOD.replace('luns: [1]', 'luns: all')).targets[IQN].hosts[HOST].luns, {1: 1})
        self.refused('luns: [1]', 'luns: everything', 'trbd.yaml:14: .*; give all')

    def test_images(self):
        self.refused('image: rbd/disk1', 'image: a/b/c/d', 'trbd.yaml:7: .*; give')
        self.refused('  disk1: {image: rbd/disk1}', '  disk1: {image: rbd/disk1}\n  disk2: {image: disk1}', 'are one image, rbd/disk1')
        self.refused('{id: gw}', '{id: gw, options: "secret=x"}', 'trbd.yaml:2: ')

    def test_groups(self):
        self.refused('  gw2: {', '  gw2: {group: 1, ', 'gateways gw1 and gw2 both have group 1')

    def test_not_a_mapping(self):
        for text in ('- a\n', 'a\n', '1\n', '{}\n'):
            with self.assertRaises(Refused):
                load(text)


class Secrets(WithFolder):
    def secret(self, content=b'0123456789ab\n', mode=0o600):
        path = os.path.join(self.folder, 'esx1')
        with open(path, 'wb') as file:
            file.write(content)
        os.chmod(path, mode)
        return path

    def refused(self, regex):
        with self.assertRaisesRegex(Refused, regex):
            secrets.read('esx1', self.folder)

    def test_good(self):
        self.secret()
        found = secrets.read('esx1', self.folder)
        self.assertEqual((str(found), repr(found), '%r' % [found]), ('0123456789ab', "'***'", "['***']"))

    def test_modes(self):
        for mode in (0o640, 0o604, 0o620, 0o601):
            path = self.secret(mode=mode)
            self.refused('%s: others may read the secret .*chmod 600' % path)

    def test_what_is_no_secret(self):
        for content in (b'', b'\n', b'a b\n', b'two\nlines\n', b'x' * 256, b'NULL\n', 'p\u00e4ss'.encode()):
            self.secret(content)
            self.refused('not a secret for CHAP')
        os.remove(self.secret())
        self.refused('there is no such secret; write it there')
        os.symlink('/etc/passwd', os.path.join(self.folder, 'esx1'))
        self.refused('cannot be read')
        os.remove(os.path.join(self.folder, 'esx1'))
        os.mkdir(os.path.join(self.folder, 'esx1'))
        self.refused('not a plain file')

    def test_all_at_once(self):
        with self.assertRaises(Refused) as raised:
            secrets.load(load(GOOD), self.folder)
        self.assertEqual(len(raised.exception.problems), 2)

    def test_write(self):
        folder = os.path.join(self.folder, 'new')
        secrets.write('a', 'secret', folder)
        self.assertEqual((os.stat(folder).st_mode & 0o777, os.stat(folder + '/a').st_mode & 0o777), (0o700, 0o600))
        secrets.write('a', 'secret', folder)
        with self.assertRaisesRegex(Refused, 'another secret of this name'):
            secrets.write('a', 'other', folder)


class Pools(unittest.TestCase):
    def test_object(self):
        stored = pool.Stored(GOOD, 7, 'gw1', 'now')
        self.assertEqual(pool.decode(pool.encode(stored), 'pool:rbd'), stored)

    def test_refused_objects(self):
        for data, said in ((b'{"format": 2, "generation": 1}\n', 'update trbdctl'), (b'', 'damaged'), (b'no json\n', 'damaged'), (b'[1]\n', 'damaged'),
                           (b'{"format": 1, "generation": "x"}\n', 'damaged'), (b'{"format": 1}\n', 'damaged'), (b'{"format": 1, "generation": 0}\n', 'damaged'),
                           (b'{"format": 1, "generation": true}\n', 'damaged'), (b'{"format": 1, "generation": 1}\n\xff', 'damaged'), (b'[' * 4000 + b'\n', 'damaged')):
            with self.assertRaisesRegex(Refused, said):
                pool.decode(data, 'pool:rbd')

    def test_marks(self):
        text = pool.mark(GOOD, 'pool:rbd', 7)
        self.assertEqual((pool.marked(text, 'pool:rbd'), pool.marked(text, 'pool:tank'), pool.unmark(text)), (7, None, GOOD))
        self.assertEqual(pool.mark(text, 'pool:rbd', 8).count('generation'), 1)
        self.assertEqual(load(text), load(GOOD))

    class Place:
        name = 'pool:rbd'

        def __init__(self, stored):
            self.stored = stored

        def read(self):
            return self.stored

        def write(self, text, generation):
            self.stored = pool.Stored(text, generation + 1, 'gw1', 'now')
            return self.stored

    def test_generations(self):
        place = self.Place(pool.NOTHING)
        self.assertEqual(cli.store(place, GOOD, None, False, 'f').generation, 1)
        other = GOOD + '# changed\n'
        for base, said in ((None, 'does not say which generation'), (4, 'made from generation 4, and gw1 wrote generation 1')):
            with self.assertRaisesRegex(Refused, said):
                cli.store(place, other, base, False, 'f')
        self.assertEqual(cli.store(place, pool.mark(other, 'pool:rbd', 1), 1, False, 'f').generation, 2)
        self.assertEqual(place.stored.text, other)
        self.assertEqual(cli.store(place, other, 2, False, 'f').generation, 2, 'the same again')
        with self.assertRaises(Refused):
            cli.store(place, 'version: 1\n', 2, True, 'f')
        self.assertEqual(place.stored.text, other, 'a bad document is not stored')


class Features(unittest.TestCase):
    def test_refused(self):
        said = str(images.feature_problem('rbd/disk1', 0b1011101, False, 'f:7'))
        self.assertEqual(said, 'f:7: image rbd/disk1 has features that cannot be served: journaling, fast-diff, object-map, exclusive-lock; '
                         'rbd feature disable rbd/disk1 journaling fast-diff object-map exclusive-lock')
        self.assertIsNone(images.feature_problem('rbd/disk1', 0b10100011, False, ''))
        self.assertIsNone(images.feature_problem('rbd/disk1@s', 0b1011101, True, ''), 'a snapshot may have them')
        self.assertIn('promote', str(images.feature_problem('i', 1 << 10, False, '')))
        self.assertIn('migration', str(images.feature_problem('i', 1 << 9, True, '')))
        self.assertIn('bit 40', str(images.feature_problem('i', 1 << 40, False, '')))


class Draining(unittest.TestCase):
    TEXT = 'drained in_flight 3\ngroup 1 standby gw1\ngroup 2 active gw2\nport 1 1 iqn,t,0x0001\n'

    def test_ports(self):
        found = drain.parse(self.TEXT)
        self.assertEqual(found, drain.Ports('drained', 3, [(1, 'standby', 'gw1'), (2, 'active', 'gw2')]))
        self.assertEqual((drain.others(found, 'gw1.example.com'), drain.others(found, 'gw2')), (['gw2'], []))
        self.assertEqual(drain.parse(''), drain.Ports('', 0, []))

    def test_waiting(self):
        class Unit:
            name = 'disk1'
        states, said, now = [drain.Ports('draining', 2, []), drain.Ports('drained', 0, [])], [], [0]
        self.assertEqual(drain.wait([Unit], 'drained', 10, said.append, lambda unit: states.pop(0), lambda seconds: None, lambda: 0), [])
        self.assertEqual(said, ['0 of 1 units drained, 2 commands in flight', '1 of 1 units drained, 0 commands in flight'])

        def later(seconds):
            now[0] += seconds
        self.assertEqual(drain.wait([Unit], 'drained', 3, said.append, lambda unit: drain.Ports('draining', 2, []), later, lambda: now[0]), ['disk1'])


class Exporting(unittest.TestCase):
    def test_lines(self):
        lines = export.targetcli(load(GOOD), 'gw2', '/etc/s')
        self.assertIn('targetcli /backstores/rbd create name=disk1 image=rbd/disk1 id=gw', lines)
        self.assertIn('targetcli /iscsi/%s/tpg1/acls/%s set auth userid=esx1 password="$(cat /etc/s/esx1)" '
                      'mutual_userid=disk1 mutual_password="$(cat /etc/s/disk1)"' % (IQN, HOST), lines)
        self.assertEqual(lines[-2:], ['targetcli /iscsi/%s/tpg2 enable' % IQN, 'targetcli saveconfig'])
        self.assertNotIn('tpg1 enable', '\n'.join(lines))

    def test_documents_are_read_back(self):
        value = source.parse(GOOD.encode(), 'f').value
        for as_json in (False, True):
            self.assertEqual(load(documents.to_text(value, as_json)), load(GOOD))


class Pages(unittest.TestCase):
    TOP = os.path.join(HERE, '..', '..')

    def read(self, name):
        with open(os.path.join(self.TOP, name), encoding='utf-8') as file:
            return file.read()

    def options(self):
        """Return the options of each command."""
        commands = next(action for action in cli.parser()._actions if hasattr(action, 'choices') and action.choices)
        return {name: {option for action in command._actions for option in action.option_strings if option.startswith('--')}
                for name, command in commands.choices.items()}

    def complete(self, *words):
        script = '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _trbdctl; printf "%s\\n" "${COMPREPLY[@]}"'
        done = subprocess.run(['bash', '-c', script, 'bash', os.path.join(self.TOP, 'targetcli/trbdctl.completion'), *words],
                              capture_output=True, text=True, check=True)
        return set(done.stdout.split())

    def test_the_examples_are_good(self):
        page = self.read('docs/group.md')
        lines = page[page.index('## The file'):page.index('This is what README')].splitlines()
        load('\n'.join(line[4:] for line in lines if line.startswith('    ')))
        page = self.read('docs/man/trbd.yaml.5')
        load(page[page.index('.EX\n') + 4:page.index('.EE')])

    def test_completion_has_every_command_and_option(self):
        options = self.options()
        self.assertEqual(self.complete('trbdctl', ''), set(options))
        for command, wanted in options.items():
            self.assertEqual(self.complete('trbdctl', command, '--'), wanted, command)
        self.assertEqual(self.complete('trbdctl', 'import', ''), {'lrbd', 'ceph-iscsi', 'saveconfig'})

    def test_the_manual_has_every_command_and_option(self):
        page = self.read('docs/man/trbdctl.8').replace('\\-', '-')
        for command, options in self.options().items():
            self.assertIn('.B trbdctl ' + command, page)
            self.assertEqual([option for option in options if option not in page and option != '--help'], [])

    def test_the_manual_has_every_key(self):
        page = self.read('docs/man/trbd.yaml.5')
        schema = json.loads(self.read('targetcli/trbdctl/schema.json'))

        def keys(part):
            for name, below in part.get('properties', {}).items():
                yield name
                yield from keys(below)
            for below in part.values():
                if isinstance(below, dict) and below is not part.get('properties'):
                    yield from keys(below)
        self.assertEqual([key for key in set(keys(schema)) if '.B %s\n' % key not in page and '.BR %s ' % key not in page], [])

    def test_manuals_have_no_warnings(self):
        for name in ('trbdctl.8', 'trbd.yaml.5'):
            try:
                done = subprocess.run(['man', '--warnings', '-l', os.path.join(self.TOP, 'docs/man', name)], capture_output=True, text=True, check=True,
                                      env={'PATH': os.environ['PATH'], 'LC_ALL': 'C.UTF-8', 'MANWIDTH': '80'})
            except FileNotFoundError:
                self.skipTest('there is no man')
            self.assertEqual(done.stderr, '')


class Commands(WithFolder):
    def run_it(self, *words):
        out, err = [], []
        with mock.patch('builtins.print', lambda text, end='', file=None, flush=None: (err if file else out).append(str(text))):
            try:
                status = cli.main(list(words))
            except SystemExit as ended:
                status = ended.code
        return status, '\n'.join(out), '\n'.join(err)

    def test_check(self):
        path = self.write('trbd.yaml', GOOD)
        self.assertEqual(self.run_it('check', '--offline', path)[0], 0)
        status, out, _ = self.run_it('check', '--offline', '--json', path)
        self.assertEqual((status, json.loads(out)['ok']), (0, True))
        path = self.write('bad.yaml', GOOD.replace('luns: [1]', 'luns: [2]'))
        status, out, err = self.run_it('check', '--offline', '--json', path)
        found = json.loads(out)
        self.assertEqual((status, found['ok'], found['problems'][0]['place']), (1, False, path + ':14'))
        self.assertTrue(found['problems'][0]['cure'])
        self.assertIn('the target has no LUN 2', err)

    def test_usage(self):
        self.assertEqual(self.run_it('aply')[0], 64)

    def test_a_machine_that_is_not_named(self):
        path = self.write('trbd.yaml', GOOD)
        status, _, err = self.run_it('export', '--gateway', 'gw9', path)
        self.assertEqual(status, 1)
        self.assertRegex(err, "trbd.yaml:3: this machine is 'gw9', and the file does not name it; its gateways are gw1, gw2")
        self.assertEqual(self.run_it('export', '--gateway', 'gw2.example.com', path)[0], 0)

    def test_one_at_a_time(self):
        with mock.patch.object(cli, 'LOCK', os.path.join(self.folder, 'lock')):
            with cli.one_at_a_time():
                with self.assertRaisesRegex(Refused, r'another trbdctl changes this gateway \(process %d\)' % os.getpid()):
                    with cli.one_at_a_time():
                        pass
            with cli.one_at_a_time():
                pass

    def test_the_problem_is_text(self):
        self.assertEqual(str(problems.Problem('f:1', 'a', 'b')), 'f:1: a; b')


if __name__ == '__main__':
    sys.exit(main(sys.modules[__name__]))
