#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Two initiators, two gateways: what one has written, the other reads at once.

cross.py PORTAL1 PORTAL2 IQN BLOCKS

Two pairs of sessions work at the same time on two halves of the disk, in opposite directions. Each block is written
through one gateway and, as soon as the write is acknowledged, read through the other. Prints what differs; exits with 1
if anything did.
"""

import subprocess
import sys
import threading

LENGTH = 4096


class Session:
    """A qemu-io with a session of its own, as an initiator of its own."""

    def __init__(self, portal, iqn, name):
        options = f'driver=iscsi,transport=tcp,portal={portal},target={iqn},lun=0,initiator-name=iqn.2026-11.test.lab:{name}'
        self.process = subprocess.Popen(['qemu-io', '--image-opts', options], text=True, bufsize=1,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def do(self, command, answer):
        """Runs a command; returns what it said up to the line with the answer, None at the end of the session."""
        self.process.stdin.write(command + '\n')
        said = ''
        for line in self.process.stdout:
            said += line
            if answer in line or 'failed' in line:
                return said
        return None

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def work(writer, reader, blocks, failures):
    for block in blocks:
        pattern = block * 7 % 255 + 1
        for session, command, answer in ((writer, 'write', 'wrote '), (reader, 'read', 'read ')):
            said = session.do(f'{command} -P {pattern} {block * LENGTH} {LENGTH}', answer)
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
