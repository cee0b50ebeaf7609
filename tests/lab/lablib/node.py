# SPDX-License-Identifier: GPL-2.0
"""One virtual machine of the lab: gw1, gw2, ... and init1, ...

A node is a QEMU process under software emulation with a stock kernel, or a native one: a User-Mode
Linux process. Its life:

    stopped -- start --> booting --> running -- pause --> paused -- resume --> running
    any of them -- kill --> stopped

`kill` is a power failure: QEMU gets SIGKILL. The guest's memory is gone, and with it all of its
file system, except for the folders under share/node/NAME/keep. `pause` stops the QEMU process
(SIGSTOP), and the guest's clocks have moved when it resumes: a machine that hung. With `freeze`,
QEMU's own stop is used, and the guest's clocks stand still: a virtual machine that was suspended by
its host. A guest that panics ends its QEMU (-no-reboot, panic=-1).

A native node has one processor, and it cannot be frozen: its clock is the machine's. The kernel is
the first of several processes; one or more for each program of the guest are its children. It traces
them, and takes a signal that comes to one of them for the end of that program. So `pause` stops the
kernel alone, and no program gets further than its next system call.

The guest tells that it is up by writing share/node/NAME/ready. node/NAME/node.json has the settings
of a node; /proc tells each time whether it runs.
"""

import json
import os
import signal
import socket
import subprocess
import time

from . import channel
from .console import AWAKE, Console
from .image import initramfs_path, is_native, kernel_path
from .network import NETWORKS, tap
from .state import (LabError, outrank, process_alive, process_cpu_seconds, process_fields, process_record,
                    process_start, read_json, write_json)
from .tsc import tsc_khz

ROLES = {"gateway": ("gw", 10, ("ceph", "iscsi", "ctl")),
         "initiator": ("init", 50, ("iscsi", "ctl"))}
MOST = {"gateway": 16, "initiator": 8}

COMMAND_LINE = (
    "console=ttyS0 loglevel=6 panic=-1 net.ifnames=0 "
    # An emulated processor needs none of these and is slower for each.
    "mitigations=off audit=0 apparmor=0 selinux=0 cryptomgr.notests tsc=reliable "
    # Emulated and sharing two cores: slow is not stuck.
    "rcupdate.rcu_cpu_stall_timeout=60 watchdog_thresh=30"
)


NATIVE_COMMAND_LINE = "loglevel=6 panic=-1 rcupdate.rcu_cpu_stall_timeout=60"


def tsc_early():
    """Spare the guest measuring its time stamp counter, where this machine can measure it."""
    khz = tsc_khz()
    return f" tsc_early_khz={khz}" if khz else ""


def last_lines(path, count):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-count:]).rstrip()
    except FileNotFoundError:
        return ""


def describe(name):
    """Return role, host number and networks that a node's name stands for."""
    for role, (prefix, base, networks) in ROLES.items():
        number = name[len(prefix):]
        if name.startswith(prefix) and number.isdigit() and 1 <= int(number) <= MOST[role]:
            return role, base + int(number), networks
    raise LabError(f"{name}: not a node's name")


class Node:
    def __init__(self, lab, name):
        self.lab = lab
        self.name = name
        self.role, self.number, self.networks = describe(name)
        self.folder = lab.path("node", name)
        self.share = os.path.join(lab.share, "node", name)
        self.console = Console(self.folder)

    def address(self, network):
        return f"{NETWORKS[network]}.{self.number}" if network in self.networks else "-"

    @property
    def control_address(self):
        return self.address("ctl")

    def mac(self, network):
        return "52:54:00:7c:%02x:%02x" % (list(NETWORKS).index(network), self.number)

    def record(self):
        return read_json(os.path.join(self.folder, "node.json"))

    def save(self, **changes):
        write_json(os.path.join(self.folder, "node.json"), {**self.record(), **changes})

    def create(self):
        """Make the files that a node has before it first starts, and keeps over restarts."""
        os.makedirs(self.folder)
        os.makedirs(os.path.join(self.share, "keep"))
        nets = " ".join(f"{self.mac(network)}={self.address(network)}/24"
                        for network in self.networks)
        with open(os.path.join(self.share, "env"), "w", encoding="utf-8") as file:
            file.write(f"ROLE={self.role}\nNETS='{nets}'\n")
        self.save(name=self.name)

    def alive(self):
        return process_alive(self.record().get("qemu"))

    def ready(self):
        """Return the guest's words about its boot; None while it has not said any."""
        try:
            with open(os.path.join(self.share, "ready"), encoding="utf-8") as file:
                return file.read().strip() or None
        except FileNotFoundError:
            return None

    def state(self):
        record = self.record()
        if not process_alive(record.get("qemu")):
            return "stopped"
        if record.get("paused"):
            return "paused"
        return "running" if self.ready() else "booting"

    def start(self, settings, plugin=None):
        """Start QEMU, with a plug-in of QEMU's if one is named; `wait` for the guest afterwards."""
        if self.alive():
            raise LabError(f"{self.name} is already running")
        for leftover in (os.path.join(self.share, "ready"), os.path.join(self.folder, "qmp")):
            if os.path.exists(leftover):
                os.unlink(leftover)
        native = is_native(self.kernel(settings))
        # a native kernel's console is its output
        said = self.console.path if native else os.path.join(self.folder, "qemu.log")
        with open(said, "ab") as output:
            process = subprocess.Popen(
                self.command(settings) + (["-plugin", plugin] if plugin else []),
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
                cwd="/")
        outrank(process.pid)
        self.save(qemu=process_record(process.pid), paused=None, native=native)
        return process

    def kernel(self, settings):
        return settings[{"gateway": "kernel", "initiator": "initiator_kernel"}[self.role]]

    def command(self, settings):
        kernel = self.kernel(settings)
        # Real gateways share their processors with nobody. A gateway that gets none for 0.7 s
        # notices, and refuses writes for 5 s.
        return ["nice", "-n", "-10", *(self.native_command if is_native(kernel) else
                                       self.qemu_command)(settings, kernel)]

    def native_command(self, settings, kernel):
        command = [
            kernel_path(kernel), f"mem={settings['memory']}M",
            f"initrd={initramfs_path(kernel, self.lab.folder)}", f"umid={self.name}",
            f"uml_dir={self.folder}", "con=null", "con0=null,fd:1", "ssl=null",
            *NATIVE_COMMAND_LINE.split(), f"lab.node={self.name}", f"lab.share={self.lab.share}",
            *settings["append"].split()]
        for number, network in enumerate(self.networks):
            command.append(f"vec{number}:transport=tap,ifname={tap(self.name, network)},"
                           f"mac={self.mac(network)},depth=128,gro=1")
        return command

    def qemu_command(self, settings, kernel):
        command = [
            "qemu-system-x86_64", "-name", f"{self.lab.name}-{self.name}",
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            # One thread for all processors of a guest. With a thread for each, a processor may run
            # code that another one has replaced since, and the kernel replaces code all the time it
            # boots: one guest in twenty died of an int3 that was gone. It also boots faster this
            # way. And no cmpxchg16b: QEMU 7.2 leaves bits in EFLAGS after it that are no flags, and
            # when an interrupt comes just then, the kernel goes on with them, with the direction
            # flag for example. The allocator uses it all the time, unless the processor has none.
            # And no SSE4.2: QEMU emulates its crc32 bit by bit, and with the kernel's own tables a
            # write costs half as much.
            "-accel", "tcg,thread=single", "-cpu", "max,la57=off,cx16=off,sse4.2=off",
            "-smp", str(settings["cpus"]), "-m", str(settings["memory"]),
            "-kernel", kernel_path(kernel), "-initrd", initramfs_path(kernel, self.lab.folder),
            "-append", f"{COMMAND_LINE}{tsc_early()} lab.node={self.name} {settings['append']}".strip(),
            "-chardev", f"file,id=console,path={self.console.path},append=on",
            "-serial", "chardev:console",
            "-qmp", f"unix:{os.path.join(self.folder, 'qmp')},server=on,wait=off",
            "-device", "virtio-rng-pci",
        ]
        for tag, path, options in (("root", "/", ",readonly=on"), ("share", self.lab.share, "")):
            command += ["-fsdev", f"local,id={tag},path={path},security_model=none,"
                                  f"multidevs=remap{options}",
                        "-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"]
        for network in self.networks:
            # Before 8.1 QEMU leaves out a guest's memory barriers with one thread, so that now and
            # then it misses that there is something to send. With event indexes the guest would not
            # say so again for the next 65,536 packets, and the network would be dead; without them
            # the next packet makes up for it.
            command += ["-netdev", f"tap,id={network},ifname={tap(self.name, network)},"
                                   "script=no,downscript=no",
                        "-device", f"virtio-net-pci,netdev={network},romfile=,event_idx=off,"
                                   f"mac={self.mac(network)}"]
        return command

    def wait(self, seconds):
        """Wait until the guest is up and its agent answers."""
        deadline = time.monotonic() + seconds
        while (ready := self.ready()) is None:
            if not self.alive():
                raise LabError(f"{self.name} ended while booting:\n{self.last_words()}")
            if time.monotonic() > deadline:
                raise LabError(f"{self.name} did not come up in {seconds:g} s: "
                               f"lab log {self.name}")
            time.sleep(0.05)
        if ready != "ok":
            raise LabError(f"{self.name}: boot {ready}: {self.share}/boot.log\n{self.boot_log()}")
        channel.Channel(self.control_address, self.alive, seconds).run(
            ["true"], stdin=None, stdout=None, stderr=None)

    def boot_log(self):
        return last_lines(os.path.join(self.share, "boot.log"), 15)

    def last_words(self):
        """Return the last lines of a guest that ended: the lab may be gone before somebody looks.
        """
        return "\n".join((last_lines(self.console.path, 40),
                          last_lines(os.path.join(self.folder, "qemu.log"), 10)))

    def require_alive(self):
        if not self.alive():
            raise LabError(f"{self.name} is not running")

    def cpu_seconds(self):
        self.require_alive()
        return sum(map(process_cpu_seconds, self.processes()))

    def processes(self):
        """Return the numbers of the machine's processes, its kernel's first."""
        kernel = self.record()["qemu"]["pid"]
        if not self.record().get("native"):
            return [kernel]
        # it leads a session, and nobody leaves that
        return [kernel, *(int(name) for name in os.listdir("/proc") if name.isdigit()
                          and int(name) != kernel and process_fields(name)[3:4] == [str(kernel)])]

    def kill(self):
        record = self.record().get("qemu")
        if not process_alive(record):
            return
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        while process_start(record["pid"]) == record["start"]:
            time.sleep(0.01)
        self.save(paused=None)

    def pause(self, freeze=False):
        self.require_alive()
        if self.record().get("paused"):
            raise LabError(f"{self.name} is already paused")
        if freeze and self.record().get("native"):
            raise LabError(f"{self.name} is native: its clock cannot stand still")
        self.console.note_pause()
        if freeze:
            self.qmp("stop")
        else:
            os.kill(self.record()["qemu"]["pid"], signal.SIGSTOP)
        self.save(paused="freeze" if freeze else "stop")

    def resume(self):
        self.require_alive()
        how = self.record().get("paused")
        if not how:
            raise LabError(f"{self.name} is not paused")
        if how == "freeze":
            self.qmp("cont")
        else:
            os.kill(self.record()["qemu"]["pid"], signal.SIGCONT)
        self.save(paused=None)
        self.say(AWAKE)

    def say(self, text):
        """Put a line into the guest's kernel log; give up if it is not able to."""
        try:
            channel.Channel(self.control_address, self.alive, 20).run(
                ["sh", "-c", 'echo "<5>$1" > /dev/kmsg', "sh", text],
                stdin=None, stdout=None, stderr=None)
        except (channel.Lost, channel.TimedOut):
            pass

    def qmp(self, command):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(20)
            connection.connect(os.path.join(self.folder, "qmp"))
            with connection.makefile("rw") as stream:
                for request in ("qmp_capabilities", command):
                    stream.write(json.dumps({"execute": request}) + "\n")
                    stream.flush()
                    while True:
                        answer = json.loads(stream.readline())
                        if "error" in answer:
                            raise LabError(f"{self.name}: {answer['error'].get('desc')}")
                        if "return" in answer:
                            break
