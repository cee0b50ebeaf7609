# SPDX-License-Identifier: GPL-2.0
"""The caller's end of `lab exec`: one connection to a guest's agent, one command.

The protocol is described in guest/agent. It runs on the control network, which
is never cut, so a gateway that has lost cluster and initiators still answers.

A guest that is killed does not close its connections. So the caller looks at
the QEMU process once a second; a paused guest, on the other hand, is waited
for. A connection attempt to a guest that is booting is repeated.

Exit status: the command's; 124 when the time was up (as timeout(1)); 255 when
the guest could not be reached or died meanwhile (as ssh).
"""

import fcntl
import json
import os
import select
import shutil
import socket
import struct
import sys
import termios
import time
import tty

PORT = 7077
STDIN, STDOUT, STDERR, EXIT = range(4)
TIMED_OUT, LOST = 124, 255


class Lost(Exception):
    """The guest is not there (any more)."""


class TimedOut(Exception):
    pass


class Channel:
    def __init__(self, address, alive, timeout=None):
        """`alive` tells whether the guest's QEMU still runs."""
        self.address = address
        self.alive = alive
        self.deadline = time.monotonic() + timeout if timeout else None
        self.socket = None

    def time_left(self, most):
        if self.deadline is None:
            return most
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimedOut
        return min(left, most)

    def connect(self):
        while True:
            if not self.alive():
                raise Lost
            try:
                self.socket = socket.create_connection(
                    (self.address, PORT), timeout=self.time_left(2))
                break
            except OSError:
                time.sleep(self.time_left(0.05))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)

    def run(self, argv, stdin=0, stdout=1, stderr=2, env=None, terminal=False):
        """Run a command; descriptors of None stand for nothing. Return its exit status."""
        request = {"argv": argv, "env": env or {}, "stdin": stdin is not None}
        if terminal:
            size = shutil.get_terminal_size()
            request["tty"] = [size.lines, size.columns, os.environ.get("TERM", "dumb")]
        self.connect()
        header = json.dumps(request).encode()
        self.outgoing = struct.pack("!I", len(header)) + header
        self.incoming = b""
        outputs = {STDOUT: stdout, STDERR: stderr}
        while True:
            poll = select.poll()
            poll.register(self.socket, select.POLLIN | (select.POLLOUT if self.outgoing else 0))
            if stdin is not None and not self.outgoing:
                poll.register(stdin, select.POLLIN)
            events = poll.poll(self.time_left(1.0) * 1000 + 1)
            if not events and not self.alive():
                raise Lost
            for fd, event in events:
                if fd == stdin and fd != self.socket.fileno():
                    data = os.read(stdin, 65536)
                    self.outgoing += struct.pack("!BI", STDIN, len(data)) + data
                    if not data:
                        stdin = None
                    continue
                status = self.exchange(event, outputs)
                if status is not None:
                    self.socket.close()
                    return status

    def exchange(self, event, outputs):
        """Move bytes both ways. Return the exit status when it arrives."""
        if event & select.POLLOUT:
            try:
                self.outgoing = self.outgoing[self.socket.send(self.outgoing):]
            except BlockingIOError:
                pass
            except OSError:
                self.outgoing = b""     # the agent's last words can still be read
        if not event & (select.POLLIN | select.POLLHUP | select.POLLERR):
            return None
        try:
            data = self.socket.recv(262144)
        except BlockingIOError:
            return None
        except OSError:
            raise Lost from None
        if not data:
            raise Lost
        self.incoming += data
        while len(self.incoming) >= 5:
            kind, length = struct.unpack("!BI", self.incoming[:5])
            if len(self.incoming) < 5 + length:
                break
            data, self.incoming = self.incoming[5:5 + length], self.incoming[5 + length:]
            if kind == EXIT:
                return int(data)
            if outputs[kind] is not None:
                while data:
                    data = data[os.write(outputs[kind], data):]
        return None


def execute(node, argv, timeout=None, stdin=0, terminal=False, stdout=1, stderr=2):
    """`lab exec`: run a command, and turn errors into an exit status."""
    channel = Channel(node.control_address, node.alive, timeout)
    saved = None
    try:
        if terminal:
            saved = termios.tcgetattr(0)
            tty.setraw(0, termios.TCSADRAIN)    # keep what was typed ahead
        return channel.run(argv, stdin=stdin, stdout=stdout, stderr=stderr, terminal=terminal)
    except Lost:
        print(f"lab: {node.name} is not running", file=sys.stderr)
        return LOST
    except TimedOut:
        print(f"lab: {node.name}: no end after {timeout:g} s", file=sys.stderr)
        return TIMED_OUT
    finally:
        if saved:
            termios.tcsetattr(0, termios.TCSADRAIN, saved)


def usable(fd):
    """Descriptor `fd`, or None if it is closed."""
    try:
        fcntl.fcntl(fd, fcntl.F_GETFD)
    except OSError:
        return None
    return fd
