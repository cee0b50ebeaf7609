# SPDX-License-Identifier: GPL-2.0
"""The lab's network namespace: everything that is a lab's own lives in it.

Three bridges, no router between them and no way out:

    brceph   10.77.0.0/24   the cluster and the gateways' way to it
    briscsi  10.78.0.0/24   gateways and initiators
    brctl    10.79.0.0/24   `lab exec`; never cut

The namespace itself has .1 on each, so Ceph's daemons and native initiators run
right in it. Each guest has a tap per network. Cutting a guest off is taking its
tap down: packets vanish both ways and the guest sees no loss of link, as with a
switch that fails further away. The driver of a native guest does not come back
from that, so its tap stays up, and the bridge drops the packets.

The bridges, the taps, every daemon, every QEMU and `lab up` itself are in the
namespace. So `lab down` needs no list of what was started: it ends what is in
the namespace, and two labs never meet, though their addresses are the same.
"""

import ctypes
import json
import os
import signal
import subprocess
import time

from .state import LabError

NETWORKS = {"ceph": "10.77.0", "iscsi": "10.78.0", "ctl": "10.79.0"}
HOST = {network: f"{prefix}.1" for network, prefix in NETWORKS.items()}
CLONE_NEWNET = 0x40000000

FILTER = """\
table bridge lab {
	set cut { type ifname; }
	chain in { type filter hook prerouting priority 0; iifname @cut drop; }
	chain out { type filter hook postrouting priority 0; oifname @cut drop; }
}
"""


def run(*command, **options):
    """Run a helper program; its complaint becomes a LabError."""
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, check=False, **options)
    if result.returncode:
        raise LabError(f"{' '.join(command)}: {(result.stderr or result.stdout).strip()}")
    return result.stdout


def ip_batch(lines):
    run("ip", "-batch", "-", input="".join(line + "\n" for line in lines))


def tap(node, network):
    return f"{node}-{network}"


class Namespace:
    def __init__(self, lab):
        self.name = lab.namespace
        self.path = f"/run/netns/{self.name}"

    def exists(self):
        return os.path.exists(self.path)

    def enter(self):
        """Move this process, and what it starts from now on, into the namespace."""
        libc = ctypes.CDLL(None, use_errno=True)
        try:
            fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise LabError(f"the namespace {self.name} is gone: lab down") from None
        if libc.setns(fd, CLONE_NEWNET):
            raise LabError(f"setns: {os.strerror(ctypes.get_errno())}")
        os.close(fd)

    def create(self, addresses=()):
        """Make and enter it, and build the bridges; more addresses are for the cluster's."""
        run("ip", "netns", "add", self.name)
        self.enter()
        with open("/proc/sys/net/ipv4/ip_forward", "w", encoding="utf-8") as forward:
            forward.write("0")
        lines = ["link set lo up"]
        for network, address in HOST.items():
            lines += [f"link add br{network} type bridge stp_state 0 forward_delay 0",
                      f"addr add {address}/24 dev br{network}",
                      f"link set br{network} up"]
        ip_batch(lines)
        for address in addresses:
            self.set_address(address, True)

    def add_taps(self, node, networks):
        lines = []
        for network in networks:
            name = tap(node, network)
            lines += [f"tuntap add {name} mode tap",
                      f"link set {name} master br{network} up"]
        ip_batch(lines)

    def set_link(self, node, network, up):
        """Cut (up=False) or heal a node's way to a network."""
        run("ip", "link", "set", tap(node, network), "up" if up else "down")

    def filter(self, node, network, passes):
        """The same for a native node. Doing it twice is no mistake."""
        name = tap(node, network)
        if (name in self.filtered()) != passes:
            return
        if not run("nft", "list", "tables", "bridge"):
            run("nft", "-f", "-", input=FILTER)
        run("nft", "delete" if passes else "add", "element", "bridge", "lab", "cut", f"{{ {name} }}")

    def filtered(self):
        """Return the taps that are cut in this way, from outside of the namespace too."""
        if not self.exists():
            return []
        command = ("ip", "netns", "exec", self.name, "nft", "-j")
        if not run(*command[:-1], "list", "tables", "bridge"):
            return []
        found = json.loads(run(*command, "list", "set", "bridge", "lab", "cut"))["nftables"]
        return [name for item in found for name in item.get("set", {}).get("elem", [])]

    def set_address(self, address, up):
        """Cut (up=False) or heal the owner of that address of the cluster's network. Doing it twice
        is no mistake.
        """
        if (address in self.addresses()) != up:
            run("ip", "addr", "add" if up else "del", f"{address}/24", "dev", "brceph")

    def addresses(self):
        """Return addresses of the cluster's network that are in the namespace, from outside of it
        too.
        """
        if not self.exists():
            return []
        words = run("ip", "-n", self.name, "-o", "-4", "addr", "show", "dev", "brceph").split()
        return [word.partition("/")[0] for before, word in zip(words, words[1:]) if before == "inet"]

    def link_flags(self):
        """Return {interface: its flags} of the whole namespace, from outside of it too."""
        if not self.exists():
            return {}
        flags = {}
        for line in run("ip", "-n", self.name, "-o", "link", "show").splitlines():
            _, name, rest = line.split(": ", 2)
            flags[name.split("@")[0]] = rest[1:rest.index(">")].split(",")
        return flags

    def pids(self):
        """Return processes in the namespace, but for this one and those that it descends from."""
        if not self.exists():
            return []
        spared = set()
        pid = os.getpid()
        while pid > 1:
            spared.add(pid)
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
                pid = int(stat.read().rpartition(")")[2].split()[1])
        # Not `ip netns pids`: started from inside, it finds itself.
        namespace = os.stat(self.path)
        found = []
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                own = os.stat(f"/proc/{name}/ns/net")
            except OSError:
                continue            # ended meanwhile
            if (own.st_dev, own.st_ino) == (namespace.st_dev, namespace.st_ino):
                found.append(int(name))
        return [pid for pid in found if pid not in spared]

    def remove(self):
        """End everything in the namespace and remove it."""
        deadline = time.monotonic() + 30
        while True:
            # In rounds: these processes may have forked since.
            pids = self.pids()
            if not pids:
                break
            if time.monotonic() > deadline:
                raise LabError(f"processes that do not end: {pids}")
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.05)
        if self.exists():
            run("ip", "netns", "del", self.name)
