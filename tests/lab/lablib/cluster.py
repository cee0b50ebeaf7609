# SPDX-License-Identifier: GPL-2.0
"""The lab's Ceph cluster: one monitor or three, one manager, three BlueStore OSDs.

Real daemons of the machine's own Ceph packages, in the lab's namespace, with cephx on and v2 and v1
addresses. All of them have the namespace's own address but the second and the third monitor. These
have one each, so that they can be cut off: everything that they send comes from there, and when the
address is gone, they are, too. Their files are in the lab's folder. Data are in sparse files;
memory is bounded to what a test machine can spare.

Speed matters, since every test run begins here, and each call of the `ceph` program costs most of a
second. So the monitor is born with every key it will need in its initial keyring, the OSDs' stores
are made while it starts, and its remaining orders go through one `ceph` process that reads them
from stdin.

`wait` returns when all placement groups are active+clean and the pool `rbd` (two copies) is ready
for images.
"""

import json
import os
import signal
import subprocess
import time

from .network import HOST, NETWORKS, run
from .state import LabError, outrank, process_cpu_seconds, process_start

OSDS = 3
MONITORS = {"a": HOST["ceph"], "b": f"{NETWORKS['ceph']}.2", "c": f"{NETWORKS['ceph']}.3"}

CONF = """\
[global]
fsid = {fsid}
mon host = {addresses}
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
keyring = {folder}/keyring
run dir = {folder}/run
admin socket = {folder}/run/$name.$pid.asok
pid file = {folder}/run/$name.pid
log file = {folder}/log/$name.log
log to stderr = false
crash dir = {folder}/crash
public network = {network}.0/24
ms bind ipv6 = false
osd pool default size = 2
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pgp num = 8
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0

[mon]
mon data = {folder}/data/$name
mon allow pool delete = true
mon max pg per osd = 1000
mon data avail warn = 2
mon data avail crit = 1
ms bind before connect = true
mon cluster log file = {folder}/log/cluster.log
auth allow insecure global id reclaim = false
mgr initial modules =

[mgr]
mgr data = {folder}/data/$name
mgr stats period = 1

[osd]
osd data = {folder}/data/$name
osd memory target = 939524096
osd objectstore = bluestore
bluestore block size = {osd_size}
bluestore block create = true
bluestore cache autotune = false
bluestore cache size = 134217728

[client]
admin socket =
log file =
"""

GUEST_CONF = """\
[global]
fsid = {fsid}
mon host = {addresses}
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
keyring = /etc/ceph/$cluster.$name.keyring
"""

CAPS = {
    "mon.": {"mon": "allow *"},
    "client.admin": {who: "allow *" for who in ("mon", "osd", "mgr", "mds")},
    "mgr.x": {"mon": "allow profile mgr", "osd": "allow *", "mds": "allow *"},
    **{f"osd.{n}": {"mon": "allow profile osd", "mgr": "allow profile osd", "osd": "allow *"}
       for n in range(OSDS)},
}


def new_uuid():
    with open("/proc/sys/kernel/random/uuid", encoding="ascii") as file:
        return file.read().strip()


class Cluster:
    def __init__(self, lab):
        self.lab = lab
        self.folder = lab.path("ceph")
        self.conf = os.path.join(self.folder, "ceph.conf")
        self.monitors = dict(list(MONITORS.items())[:lab.settings().get("mons", 1)])
        self.daemons = {}           # name: process, of this run of `lab up`
        self.stores = []            # (id, process of its mkfs)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def names(self):
        """Return its daemons."""
        return (*(f"mon.{which}" for which in self.monitors), "mgr.x", *(f"osd.{n}" for n in range(OSDS)))

    def addresses(self):
        return {which: f"[v2:{address}:3300,v1:{address}:6789]" for which, address in self.monitors.items()}

    def write_configuration(self):
        """Write conf and keys, here and for guests. This needs no daemon, so guests can boot at
        once.
        """
        for name in ("run", "log", "crash", *(f"data/{name}" for name in self.names())):
            os.makedirs(self.path(name))
        self.fsid = new_uuid()
        values = {"fsid": self.fsid, "addresses": ",".join(self.addresses().values()), "folder": self.folder,
                  "network": NETWORKS["ceph"], "osd_size": 16 << 30}
        with open(self.conf, "w", encoding="utf-8") as file:
            file.write(CONF.format(**values))

        create = ["--create-keyring"]
        for name, caps in CAPS.items():
            options = [word for who, what in caps.items() for word in ("--cap", who, what)]
            run("ceph-authtool", self.path("keyring"), *create, "--gen-key", "--name", name,
                *options)
            create = []
        admin = run("ceph-authtool", self.path("keyring"), "--print-key", "--name",
                    "client.admin").strip()

        etc = os.path.join(self.lab.share, "root/etc/ceph")
        os.makedirs(etc)
        with open(os.path.join(etc, "ceph.conf"), "w", encoding="utf-8") as file:
            file.write(GUEST_CONF.format(**values))
        keyring = os.path.join(etc, "ceph.client.admin.keyring")
        with open(keyring, "w", encoding="utf-8", opener=lambda path, flags:
                  os.open(path, flags, 0o600)) as file:
            file.write(f"[client.admin]\n\tkey = {admin}\n")

    def environment(self):
        return {**os.environ, "CEPH_CONF": self.conf}

    def launch(self, name, *command):
        # In /, where daemons are at home: Ceph 20 looks for its object classes below a relative
        # path.
        with open(self.path("log", f"{name}.out"), "ab") as output:
            process = subprocess.Popen(
                [*command, "-c", self.conf], stdin=subprocess.DEVNULL, stdout=output,
                stderr=output, start_new_session=True, cwd="/", env=self.environment())
        # guests wait for them
        outrank(process.pid)
        return process

    def program(self, name):
        """Return the command line of a daemon, and the words by which its process is known."""
        kind, _, which = name.partition(".")
        return [f"ceph-{kind}", "-f", "-i", which]

    def begin(self):
        """Start the monitors, and the making of the OSDs' stores beside them."""
        self.uuids = [new_uuid() for _ in range(OSDS)]
        run("monmaptool", "--create", "--fsid", self.fsid,
            *(word for which, addresses in self.addresses().items() for word in ("--addv", which, addresses)),
            self.path("monmap"))
        for which in self.monitors:
            run("ceph-mon", "--mkfs", "-i", which, "-c", self.conf, "--monmap", self.path("monmap"),
                "--keyring", self.path("keyring"))
            self.daemons[f"mon.{which}"] = self.launch(f"mon.{which}", *self.program(f"mon.{which}"))
        self.stores = [(n, self.launch(f"mkfs.{n}", "ceph-osd", "--mkfs", "--no-mon-config",
                                       "-i", str(n), "--osd-uuid", self.uuids[n]))
                       for n in range(OSDS)]

    def wait(self):
        orders = [f"osd new {self.uuids[n]} {n}" for n in range(OSDS)]
        orders.append("osd pool create rbd 8 8 replicated")
        self.order(orders)
        self.lab.progress("ceph: monitor up")
        self.daemons["mgr.x"] = self.launch("mgr.x", *self.program("mgr.x"))
        for n, store in self.stores:
            if store.wait():
                raise LabError(f"ceph-osd --mkfs {n} failed: see {self.path('log')}")
            self.daemons[f"osd.{n}"] = self.launch(f"osd.{n}", *self.program(f"osd.{n}"))
        self.lab.progress("ceph: OSDs started")
        run("rbd", "pool", "init", "rbd", env=self.environment(), timeout=600)
        self.lab.progress("ceph: pool rbd ready")
        self.wait_clean(600)
        self.lab.progress("ceph: active+clean")

    def order(self, lines):
        """Give the monitor several commands through one `ceph` process."""
        result = subprocess.run(["ceph"], input="\n".join(lines) + "\n", text=True, check=False,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                env=self.environment(), timeout=600)
        if result.returncode or "Error" in result.stdout:
            raise LabError(f"ceph: {result.stdout.strip()}")

    def wait_clean(self, seconds):
        deadline = time.monotonic() + seconds
        states = []
        while time.monotonic() < deadline:
            for name, process in self.daemons.items():
                if process.poll() is not None:
                    raise LabError(f"{name} ended: see {self.path('log', name)}.out and .log")
            stat = json.loads(run("ceph", "pg", "stat", "-f", "json", env=self.environment()))
            summary = stat.get("pg_summary", stat)
            states = [(s["name"], s["num"]) for s in summary.get("num_pg_by_state", [])]
            if states and states == [("active+clean", summary["num_pgs"])] \
                    and summary["num_pgs"] >= 8:
                return
            time.sleep(0.3)
        raise LabError(f"the cluster did not become active+clean: {states}")


class Daemon:
    """One of the cluster's daemons, which tests can hurt: kill, start, pause, resume as with a
    node.
    """

    def __init__(self, lab, name):
        self.cluster = Cluster(lab)
        self.name = name

    def pid(self):
        """Return its process; None if it does not run. A pid file outlives its daemon."""
        wanted = [*self.cluster.program(self.name), "-c", self.cluster.conf]
        try:
            with open(self.cluster.path("run", f"{self.name}.pid"), encoding="ascii") as file:
                pid = int(file.read())
            with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
                found = file.read().rstrip("\0").split("\0")
        except (OSError, ValueError):
            return None
        return pid if found == wanted and process_start(pid) is not None else None

    def require_pid(self):
        pid = self.pid()
        if pid is None:
            raise LabError(f"{self.name} is not running")
        return pid

    def cpu_seconds(self):
        return process_cpu_seconds(self.require_pid())

    def state(self):
        pid = self.pid()
        if pid is None:
            return "stopped"
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            return "paused" if stat.read().rpartition(")")[2].split()[0] == "T" else "running"

    def kill(self):
        pid = self.pid()
        if pid is None:
            return
        start = process_start(pid)
        os.kill(pid, signal.SIGKILL)
        while process_start(pid) == start:
            time.sleep(0.01)

    def start(self):
        if self.pid() is not None:
            raise LabError(f"{self.name} is already running")
        process = self.cluster.launch(self.name, *self.cluster.program(self.name))
        while self.pid() is None:       # it writes its pid file when it has begun
            if process.poll() is not None:
                raise LabError(f"{self.name} ended: see {self.cluster.path('log', self.name)}.out and .log")
            time.sleep(0.02)

    def address(self):
        """Return the address that is its own; None if it has none."""
        kind, _, which = self.name.partition(".")
        address = self.cluster.monitors.get(which) if kind == "mon" else None
        return None if address == HOST["ceph"] else address

    def pause(self):
        os.kill(self.require_pid(), signal.SIGSTOP)

    def resume(self):
        os.kill(self.require_pid(), signal.SIGCONT)
