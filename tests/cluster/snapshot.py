#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Is a snapshot one point in time across two gateways?

snapshot.py PORTAL1 PORTAL2 IQN IMAGE COUNT

One writer writes n to block 0 through the first gateway and, when that is acknowledged, n to block
1 through the second, for ever growing n (modulo 251). So at every moment block 0 is at block 1's n,
or one ahead. COUNT snapshots of IMAGE are taken meanwhile and looked at. Print each fault; exit
with 1 if there was any.
"""

import os
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from qemu_session import Session

LENGTH = 4096
MODULUS = 251


def write(sessions, stop, failures):
    n = 0
    while not stop.is_set():
        n += 1
        for block, session in enumerate(sessions):
            said = session.do(f'write -P {n % MODULUS} {block * LENGTH} {LENGTH}', 'wrote ')
            if not said or 'failed' in said:
                failures.append(f'write {n} to block {block}: {said}')
                return
    print(f'# {n} rounds of writes')


def look(image, snap):
    export = subprocess.run(f'rbd export --no-progress {image}@{snap} - 2>/dev/null | head -c {2 * LENGTH}', shell=True,
                            stdout=subprocess.PIPE, check=False).stdout
    blocks = [export[:LENGTH], export[LENGTH:]]
    if any(len(block) != LENGTH or len(set(block)) != 1 for block in blocks):
        return 'a block is torn'
    ahead = (blocks[0][0] - blocks[1][0]) % MODULUS
    return None if ahead in (0, 1) else f'block 0 holds {blocks[0][0]}, block 1 holds {blocks[1][0]}'


def main():
    portals, iqn, image, count = sys.argv[1:3], sys.argv[3], sys.argv[4], int(sys.argv[5])
    sessions = [Session(portal, iqn, f's{i}') for i, portal in enumerate(portals)]
    failures = []
    stop = threading.Event()
    for block, session in enumerate(sessions):
        session.do(f'write -P 0 {block * LENGTH} {LENGTH}', 'wrote ')
    writer = threading.Thread(target=write, args=(sessions, stop, failures))
    writer.start()
    for number in range(count):
        snap = f'point{number}'
        subprocess.run(['rbd', 'snap', 'create', '--no-progress', f'{image}@{snap}'], check=True, stderr=subprocess.DEVNULL)
        wrong = look(image, snap)
        if wrong:
            failures.append(f'{snap}: {wrong}')
        subprocess.run(['rbd', 'snap', 'rm', '--no-progress', f'{image}@{snap}'], check=True, stderr=subprocess.DEVNULL)
    stop.set()
    writer.join()
    for session in sessions:
        session.end()
    print('\n'.join(failures))
    sys.exit(1 if failures else 0)


main()
