#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Two initiators, two gateways: the one reads at once what the other has written.

cross.py PORTAL1 PORTAL2 IQN BLOCKS

Two pairs of sessions work at the same time on two halves of the disk, in opposite directions. Each
block is written through one gateway and, as soon as the write is acknowledged, read through the
other. Print each difference; exit with 1 if there was any.
"""

import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from qemu_session import Session

LENGTH = 4096
STEP = 4 * LENGTH     # so that they are spread over several objects


def work(writer, reader, blocks, failures):
    for block in blocks:
        pattern = block * 7 % 255 + 1
        for session, command, answer in ((writer, 'write', 'wrote '), (reader, 'read', 'read ')):
            said = session.do(f'{command} -P {pattern} {block * STEP} {LENGTH}', answer)
            if not said or 'failed' in said:
                failures.append(f'block {block}: {command}: {said}')
                return


def main():
    portals, iqn, blocks = sys.argv[1:3], sys.argv[3], int(sys.argv[4])
    failures = []
    sessions = [[Session(portal, iqn, f'{role}{i}') for i, portal in enumerate(portals)] for role in ('a', 'b')]
    (a1, a2), (b1, b2) = sessions
    threads = [threading.Thread(target=work, args=(a1, b2, range(blocks // 2), failures)),
               threading.Thread(target=work, args=(a2, b1, range(blocks // 2, blocks), failures))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for session in sum(sessions, []):
        session.end()
    print('\n'.join(failures))
    sys.exit(1 if failures else 0)


main()
