#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Check the rules of tests/ that no compiler and no shell looks after.

- A test defines no function that a library it sources defines, since the library would call the
  test's; nor do two libraries that one script sources. A library may offer a hook, with "declare -F
  NAME >/dev/null || NAME() ...".
- No two files have names that differ in the folder only: a reader who looks for one finds the
  other.
- C functions that lib/ declares are defined there only, and a header's structs nowhere else.
- A test that is in a folder is in the folder's Makefile, or nobody would run it.

    tests_tree.py [TESTS]       the folder to look at (this one's parent)
"""

import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict

TEST_FOLDERS = ('unit', 'scsi', 'cluster', 'fault', 'debug', 'host', 'deb')
# a folder needs these files, or they stand in for the kernel's
EVERYWHERE = {'Makefile', 'settings', 'README', '__init__'}
APART = ('unit/corpus/', 'unit/include/', 'unit/silence_include/', 'lab/', 'tools/bin/')

FUNCTION = re.compile(r'^\s*(?:function\s+)?([A-Za-z_]\w*)\s*\(\)\s*[{(]')
SOURCE = re.compile(r'^\s*\.\s+\S*?lib/(\w+\.sh)')
HERE_DOCUMENT = re.compile(r"(?<!<)<<-?\s*'?(\w+)'?(?!<)")
C_FUNCTION = re.compile(r'^[A-Za-z_][\w \t*]*?\b(\w+)\(', re.M)
C_STRUCT = re.compile(r'^struct (\w+) \{', re.M)


def read(path):
    with open(path, encoding='utf-8', errors='replace') as file:
        return file.read()


def files_of(tests):
    """Yield their paths below TESTS, without built files."""
    for folder, folders, names in os.walk(tests):
        folders[:] = [name for name in folders if name != '__pycache__']
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), tests)
            if not path.endswith('.pyc') and not path.startswith(APART):
                yield path


def is_shell(tests, path):
    return path.endswith('.sh') or read(os.path.join(tests, path))[:12] == '#!/bin/bash\n'


def parse_shell(text):
    """Return functions with their lines, and libraries. Skip here-documents, which go to other
    machines.
    """
    functions, libraries, until = {}, [], None
    for number, line in enumerate(text.splitlines(), 1):
        if until:
            until = None if line.strip() == until else until
            continue
        if function := FUNCTION.match(line):
            functions[function[1]] = number
        if library := SOURCE.match(line):
            libraries.append(library[1])
        if here := HERE_DOCUMENT.search(line):
            until = here[1]
    return functions, libraries


def shadows(tests):
    parsed = {path: parse_shell(read(os.path.join(tests, path)))
              for path in files_of(tests) if is_shell(tests, path)}
    for path, (functions, libraries) in sorted(parsed.items()):
        owners = {name: path for name in functions}
        for library in libraries:
            for name, line in parsed.get('lib/' + library, ({}, []))[0].items():
                if name in owners:
                    yield '%s and lib/%s:%d both define %s()' % (owners[name], library, line, name)
                owners[name] = 'lib/' + library


def pairs(tests):
    places = defaultdict(set)
    for path in files_of(tests):
        stem = os.path.splitext(os.path.basename(path))[0]
        if stem not in EVERYWHERE:
            places[stem].add(path)
    for stem, paths in sorted(places.items()):
        if len({os.path.dirname(path) for path in paths}) > 1:
            yield 'in several folders: ' + ', '.join(sorted(paths))


def doubles(tests):
    paths = [path for path in files_of(tests)
             if path.endswith(('.c', '.h')) and not path.startswith('unit/')]
    texts = {path: read(os.path.join(tests, path)) for path in paths}
    declared = {name: path for path in paths if path.startswith('lib/') and path.endswith('.h')
                for name in C_FUNCTION.findall(texts[path])}
    structs = {name: path for path in paths if path.endswith('.h')
               for name in C_STRUCT.findall(texts[path])}
    for path in sorted(paths):
        if path.endswith('.c') and not path.startswith('lib/'):
            # a definition goes on to its brace, a declaration to a semicolon
            for name in re.findall(r'^[A-Za-z_][\w \t*]*?\b(\w+)\([^;{]*\)\n\{', texts[path], re.M):
                if name in declared:
                    yield '%s defines %s(), which %s has' % (path, name, declared[name])
        for name in C_STRUCT.findall(texts[path]):
            if structs.get(name, path) != path:
                yield '%s defines struct %s, which %s has' % (path, name, structs[name])


def forgotten(tests):
    for folder in TEST_FOLDERS:
        if not os.path.exists(os.path.join(tests, folder, 'Makefile')):
            continue
        listed = subprocess.run(['make', '-s', '-C', os.path.join(tests, folder), 'list'],
                                stdout=subprocess.PIPE, text=True, check=True).stdout.split()
        for name in sorted(os.listdir(os.path.join(tests, folder))):
            path = os.path.join(tests, folder, name)
            if name.endswith('.sh') and '. ../lib/ktap.sh' in read(path) and name not in listed:
                yield '%s/%s is not in the folder\'s Makefile' % (folder, name)


RULES = (
    ('no function shadows another', shadows),
    ('no two files differ in the folder only', pairs),
    ('nothing of the C library exists twice', doubles),
    ('every test is in its Makefile', forgotten),
)

# each rule must find these, by the names of files
PLANTED = {
    'lib/ktap.sh': 't() { :; }\n',
    'lib/one.sh': 'again() { :; }\ndeclare -F hook >/dev/null || hook() { :; }\n'
                  'sh <<-\'SCRIPT\'\n\tremote() { :; }\nSCRIPT\n',
    'lib/two.sh': 'again() { :; }\n',
    'lib/small.h': 'struct small {\n\tint number;\n};\nvoid die(const char *why, ...);\n',
    'cluster/test.sh': '. ../lib/one.sh\nhook() { :; }\nremote() { :; }\nagain() {\n\t:\n}\n',
    'cluster/both.sh': '. ../lib/one.sh\n. ../lib/two.sh\n',
    'cluster/fine.sh': '. ../lib/one.sh\nother() { again; }\n',
    'fault/test.c': 'struct small {\n\tint other;\n};\n\n'
                    'static void die(const char *why, ...)\n{\n}\n',
    'host/lonely.sh': '. ../lib/ktap.sh\n',
    'host/Makefile': 'list:\n\t@echo disk.sh\n',
}
FOUND = {
    shadows: ['cluster/test.sh and lib/one.sh:1 both define again()',
              'lib/one.sh and lib/two.sh:1 both define again()'],
    pairs: ['in several folders: cluster/test.sh, fault/test.c'],
    doubles: ['fault/test.c defines die(), which lib/small.h has',
              'fault/test.c defines struct small, which lib/small.h has'],
    forgotten: ['host/lonely.sh is not in the folder\'s Makefile'],
}


def plant(folder):
    for name, text in PLANTED.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='ascii') as file:
            file.write(text)


def main():
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    tests = sys.argv[1] if len(sys.argv) > 1 else here
    number, failed = 0, False
    print('TAP version 13')
    with tempfile.TemporaryDirectory() as planted:
        plant(planted)
        for folder, what in ((tests, '%s'), (planted, 'where it is not so: %s')):
            for name, rule in RULES:
                found = sorted(rule(folder))
                wanted = sorted(FOUND[rule]) if folder == planted else []
                number += 1
                print('%sok %d %s' % ('' if found == wanted else 'not ', number, what % name))
                if found != wanted:
                    failed = True
                    print('\n'.join('# ' + line for line in found or ['nothing found']))
    print('1..%d' % number)
    return failed


sys.exit(main())
