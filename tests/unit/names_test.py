#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""The pages name files and functions that exist.

 - A path in a page exists, from the top folder, from tests/ or from the page's own folder.
 - A function in a page outside tests/ is defined in the sources of the module. docs/hosts.md is
   about the sources of hosts, so its functions are not looked for.
 - The version of dkms.conf is the first one in CHANGELOG.md.
 - Where a row of a table in docs/walks.md names files and functions, each function is defined in
   one of these files.
"""

import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
PAGES = [*TOP.glob('*.md'), *TOP.glob('docs/**/*.md'), *TOP.glob('tests/*.md')]
FOLDERS = ('scsi', 'pr', 'gateway', 'rbd', 'rados', 'compat')
# files that a build makes, of a machine, of the kernel, of multipath-tools, and of QEMU
ELSEWHERE = re.compile(r'^(out|etc|usr|sys|dev|lib|var|proc|net|drivers|checkers|block)/')
PATH = re.compile(r'(?<![\w/.<{-])((?:[\w*-]+/)+[\w*.-]*\w\.(?:c|h|md|sh|py|pml|mk|conf))\b')
FUNCTION = re.compile(r'`(\w+)\(\)`')
FOREIGN = re.compile(r'^(ceph|allow|sbc|target|osd)_|^lockdep')

results = []


def check(name, faults):
    results.append(not faults)
    print(f"{'not ok' if faults else 'ok'} {len(results)} {name}")
    for fault in faults:
        print(f'# {fault}')


def sources():
    files = [*TOP.glob('*.c'), *TOP.glob('*.h')]
    for folder in FOLDERS:
        files += TOP.glob(f'{folder}/*.[ch]')
    return {file.relative_to(TOP).as_posix(): file.read_text() for file in files}


def defines(text, name):
    return re.search(rf'^(?!\s|#).*\b{name}\([^;]*?\)[^;]*?\n{{', text, re.M)


def missing_paths(page, text):
    for path in sorted(set(PATH.findall(text))):
        places = (TOP, TOP / 'tests', page.parent)
        if not ELSEWHERE.match(path) and not any(list(place.glob(path)) for place in places):
            yield f'{page.name}: no {path}'


def missing_functions(page, text, code):
    for name in sorted(set(FUNCTION.findall(text))):
        if not FOREIGN.match(name) and not any(defines(c, name) for c in code.values()):
            yield f'{page.name}: no function {name}()'


def misplaced(text, code):
    for row in (line for line in text.splitlines() if line.startswith('|')):
        files = [path for path in PATH.findall(row) if path in code]
        for name in FUNCTION.findall(row):
            if files and not FOREIGN.match(name) and not any(defines(code[f], name) for f in files):
                where = [f for f, c in code.items() if defines(c, name)] or ['nowhere']
                yield f"{name}() is in {', '.join(where)}, not in {', '.join(files)}"


def unlisted_version():
    version = re.search(r'^PACKAGE_VERSION="(.*)"', (TOP / 'dkms.conf').read_text(), re.M).group(1)
    first = re.search(r'^## ([^\s,]+)', (TOP / 'CHANGELOG.md').read_text(), re.M).group(1)
    if first != version:
        yield f'dkms.conf has {version}, CHANGELOG.md {first}'


def main():
    print('TAP version 13')
    code = sources()
    for page in sorted(PAGES):
        text = page.read_text()
        name = page.relative_to(TOP).as_posix()
        check(f'{name}: files', list(missing_paths(page, text)))
        if not name.startswith('tests/') and name != 'docs/hosts.md':
            check(f'{name}: functions', list(missing_functions(page, text, code)))
    check('docs/walks.md: functions are in the files of their rows',
          list(misplaced((TOP / 'docs/walks.md').read_text(), code)))
    check('CHANGELOG.md: the version of this tree comes first', list(unlisted_version()))
    print(f'1..{len(results)}')
    return 0 if all(results) else 1


if __name__ == '__main__':
    sys.exit(main())
