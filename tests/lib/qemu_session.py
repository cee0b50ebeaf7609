# SPDX-License-Identifier: GPL-2.0
"""Sessions of qemu-io that stay open, for tests in which the order of commands across gateways
matters.
"""

import subprocess


class Session:
    """A qemu-io with a session of its own, as an initiator of its own."""

    def __init__(self, portal, iqn, name):
        options = f'driver=iscsi,transport=tcp,portal={portal},target={iqn},lun=0,initiator-name=iqn.2026-11.test.lab:{name}'
        self.process = subprocess.Popen(['qemu-io', '--image-opts', options], text=True, bufsize=1,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def do(self, command, answer):
        """Run a command. Return its output up to the line with the answer, None at the end of the
        session.
        """
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
