# SPDX-License-Identifier: GPL-2.0
"""The commands of `lab`, one function each, and the table that names them.

Commands that pass a command line on (exec, run, ceph, rbd) take what follows as it
is; the others use argparse. Errors that a user can do something about are
LabErrors and end as one line and exit status 1 (2 for bad usage).

`up` enters the lab's namespace before it starts anything. So when it dies half
way, however it dies, all it started is in the namespace and `down` finds it.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

from . import channel
from .cluster import Cluster, Daemon
from .image import GUEST, build_initramfs, find_kernel, own_folder
from .network import Namespace, run, tap
from .node import MOST, ROLES, Node, describe
from .state import Lab, LabError, process_alive, process_record

USAGE = """\
usage: lab COMMAND ...

A real Ceph cluster, and gateways and initiators as virtual machines with stock
kernels, in a network namespace of their own.

  up [OPTIONS]                    start a lab (lab up --help)
  status                          namespace and nodes
  down                            end it; nothing is left

  exec [--timeout S] [-n] [-t] NODE -- CMD...
                                  run a command in a node: stdin, stdout, stderr and
                                  exit status are the command's (-n: no stdin;
                                  -t: on a terminal; 124: time is up; 255: node is gone)
  shell NODE                      a shell in a node
  run -- CMD...                   run a program of this machine inside the lab's namespace
  ceph ..., rbd ...               the same for ceph and rbd
  share                           print the folder that every node has as /lab

  cut NODE ceph|iscsi             drop everything between a node and that network
  heal NODE ceph|iscsi            and no longer; both also for the monitors mon.b and mon.c
  pause [--freeze] NODE           stop a node (--freeze: its clocks stand still too)
  resume NODE                     and let it go on
  kill NODE                       a power failure
  start [--no-wait] [--plugin FILE[,OPTIONS]] NODE
                                  boot it again (/etc/target is kept), or one more node
                                  the same four for the daemons mon.a, mgr.x, osd.0, osd.1, osd.2,
                                  and mon.b, mon.c

  cpu NODE...                     CPU seconds that their machines, or daemons, have used up

  log [--since-mark] [-f] NODE    kernel log of a node, over all its restarts
  mark-log [NODE...]              note where the logs end now
  check-log [--allow REGEX] [NODE...]
                                  print what a kernel complained about since the mark;
                                  exit status 1 if there is anything

In a node: /lab/root is copied over / when it boots, /lab/boot.d/*.sh run at the end
of a gateway's boot, /lab/target_core_rbd.ko is loaded in gateways.

LAB_NAME names the lab ("lab" if unset); labs of different names run side by side.
TMPDIR says where its folder is (/var/tmp). Gateways are gw1, gw2, ... and have
10.77.0.11, ... towards the cluster and 10.78.0.11, ... towards initiators; init1, ... have
10.78.0.51, ...; programs under `lab run` have 10.77.0.1 and 10.78.0.1.
"""


# TEST_SLOW: how many times as long as on a machine like any other
BOOT_SECONDS = 900 * int(os.environ.get("TEST_SLOW") or 1)


def split_command(words, usage):
    """Return the words behind `--` (which may be left out)."""
    words = words[1:] if words[:1] == ["--"] else words
    if not words:
        raise UsageError(usage)
    return words


class UsageError(LabError):
    pass


def nodes(lab, names=()):
    """Return the nodes named, or all of the lab."""
    settings = lab.require()
    for name in names:
        if name not in settings["nodes"]:
            raise LabError(f"no node {name}; there are {', '.join(settings['nodes'])}")
    return [Node(lab, name) for name in names or settings["nodes"]]


def one_node(lab, name):
    return nodes(lab, [name])[0]


# -- up, status, down

def parse_up(words):
    parser = argparse.ArgumentParser(prog="lab up")
    parser.add_argument("--kernel", default="6.1", metavar="6.1|6.12",
                        help="series or full version of an installed kernel; debug-6.12, "
                        "native-debug-6.12: one that make check-debug builds")
    parser.add_argument("--native", action="store_true", help="machines as processes, at native "
                        "speed, with the kernel that make native-kernel builds of the series")
    parser.add_argument("--initiator-kernel", metavar="6.1|6.12",
                        help="if initiators are to have another one")
    parser.add_argument("--mons", type=int, choices=(1, 3), default=1, help="monitors of the cluster")
    parser.add_argument("--gateways", type=int, default=1, metavar="N")
    parser.add_argument("--initiator", action="store_true", help="one machine with open-iscsi "
                        "and multipath")
    parser.add_argument("--initiators", type=int, default=0, metavar="N", help="several of them")
    parser.add_argument("--module", default=os.environ.get("LAB_MODULE") or None,
                        metavar="FILE.ko", help="load it in gateways (default: LAB_MODULE)")
    parser.add_argument("--root", action="append", default=[], metavar="FOLDER",
                        help="copy its contents over / of every node at boot")
    parser.add_argument("--boot-hook", action="append", default=[], metavar="FILE.sh",
                        help="run it at the end of every gateway's boot")
    parser.add_argument("--memory", type=int, default=1024, metavar="MIB", help="of each node")
    parser.add_argument("--cpus", type=int, default=2, metavar="N", help="of each node")
    parser.add_argument("--append", default="", metavar="WORDS",
                        help="more for the kernels' command line, such as slub_debug=FZPU")
    parser.add_argument("--keep", action="store_true",
                        help="when it fails, leave what there is for inspection")
    options = parser.parse_args(words)
    options.initiators = max(options.initiators, int(options.initiator))
    if options.native:
        options.kernel = f"native-{options.kernel}"
    for role, count in (("gateway", options.gateways), ("initiator", options.initiators)):
        if not 0 <= count <= MOST[role]:
            raise UsageError(f"0 to {MOST[role]} {role}s, please")
    return options


def check_module(path, kernel):
    made_for = run("modinfo", "-F", "vermagic", path).split()[:1]
    if made_for != [kernel]:
        raise LabError(f"{path} is made for kernel {' '.join(made_for) or '?'}, not {kernel}")


def fill_share(lab, options, kernels):
    shutil.copytree(GUEST, os.path.join(lab.share, "guest"))
    for folder in ("root", "boot.d", "node"):
        os.makedirs(os.path.join(lab.share, folder), exist_ok=True)
    if options.module:
        shutil.copy(options.module, os.path.join(lab.share, "target_core_rbd.ko"))
    for kernel in kernels:
        if not (folder := own_folder(kernel)):
            continue
        shutil.copytree(os.path.join(folder, "lib/modules"), os.path.join(lab.share, "modules"),
                        dirs_exist_ok=True)
        os.makedirs(os.path.join(lab.share, "root/usr/lib/modules"), exist_ok=True)
        os.symlink(os.path.join("/lab/modules", kernel),
                   os.path.join(lab.share, "root/usr/lib/modules", kernel))
    for folder in options.root:
        run("cp", "-a", os.path.join(folder, "."), os.path.join(lab.share, "root"))
    for hook in options.boot_hook:
        shutil.copy(hook, os.path.join(lab.share, "boot.d"))


def wait_all(things):
    """Run callables beside each other. The first failure is the result."""
    failures = []

    def guarded(thing):
        try:
            thing()
        except Exception as error:          # noqa: BLE001 - passed on below
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(thing,), daemon=True) for thing in things]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads) and not failures:
        time.sleep(0.05)
    if failures:
        raise failures[0]


def bring_up(lab, namespace, options, kernel, initiator_kernel):
    names = [f"{ROLES[role][0]}{n}" for role, count in
             (("gateway", options.gateways), ("initiator", options.initiators))
             for n in range(1, count + 1)]
    settings = {"kernel": kernel, "initiator_kernel": initiator_kernel, "nodes": names,
                "mons": options.mons, "memory": options.memory, "cpus": options.cpus, "append": options.append, "ready": False,
                "up": process_record(os.getpid())}
    lab.create()
    lab.save_settings(settings)
    cluster = Cluster(lab)
    namespace.create(filter(None, (Daemon(lab, name).address() for name in cluster.names())))
    cluster.write_configuration()
    cluster.begin()
    lab.progress("ceph: monitor started, stores being made")
    fill_share(lab, options, {kernel, initiator_kernel})
    for version in {kernel, initiator_kernel}:
        build_initramfs(version, lab.folder)
    machines = [Node(lab, name) for name in names]
    # Booting guests and a cluster that forms take turns on few processors;
    # which of them is first makes no difference to when both are up.
    for machine in machines:
        machine.create()
        namespace.add_taps(machine.name, machine.networks)
        machine.start(settings)
    if machines:
        lab.progress(f"{', '.join(names)}: booting {' and '.join(dict.fromkeys((kernel, initiator_kernel)))}")

    def boot(machine):
        machine.wait(BOOT_SECONDS)
        lab.progress(f"{machine.name}: up")

    wait_all([cluster.wait, *(lambda machine=machine: boot(machine) for machine in machines)])
    settings["ready"] = True
    del settings["up"]
    lab.save_settings(settings)


def command_up(lab, words):
    options = parse_up(words)
    if os.geteuid():
        raise LabError("namespaces and taps need root")
    kernel = find_kernel(options.kernel)
    initiator_kernel = find_kernel(options.initiator_kernel or options.kernel)
    if options.module:
        check_module(options.module, kernel)
    namespace = Namespace(lab)
    if lab.exists() or namespace.exists():
        settings = lab.settings()
        if process_alive(settings.get("up")):
            raise LabError(f"another `lab up` is at work on lab '{lab.name}'")
        if settings.get("ready") and namespace.pids():
            raise LabError(f"lab '{lab.name}' is up already: lab down")
        lab.progress("removing what an earlier lab left")
        take_down(lab, namespace)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        bring_up(lab, namespace, options, kernel, initiator_kernel)
    except BaseException as error:
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            lab.progress("interrupted")
        else:
            lab.progress(f"failed: {error}")
        if not options.keep:
            take_down(lab, namespace)
        else:
            lab.progress(f"left as it is: {lab.folder}; lab down")
        if isinstance(error, LabError):
            return 1
        raise
    lab.progress(f"lab '{lab.name}' is up")
    return 0


def take_down(lab, namespace):
    namespace.remove()
    lab.remove()


def command_down(lab, words):
    argparse.ArgumentParser(prog="lab down").parse_args(words)
    namespace = Namespace(lab)
    if not lab.exists() and not namespace.exists():
        lab.progress(f"there is no lab '{lab.name}'")
        return 0
    take_down(lab, namespace)
    lab.progress(f"lab '{lab.name}' is gone")
    return 0


def command_status(lab, words):
    argparse.ArgumentParser(prog="lab status").parse_args(words)
    settings = lab.require()
    print(f"namespace {lab.namespace}")
    flags = Namespace(lab).link_flags()
    filtered = Namespace(lab).filtered()
    addresses = Namespace(lab).addresses()
    for name in Cluster(lab).names():
        found = Daemon(lab, name)
        cut = found.address() and found.address() not in addresses
        print(f"{name} {found.state()}" + (" cut=ceph" if cut else ""))
    for node in nodes(lab):
        line = (f"{node.name} {node.state()} kernel={node.kernel(settings)} "
                f"ceph={node.address('ceph')} iscsi={node.address('iscsi')}")
        cuts = [network for network in node.networks
                if "UP" not in flags.get(tap(node.name, network), ["UP"]) or tap(node.name, network) in filtered]
        print(line + (f" cut={','.join(cuts)}" if cuts else ""))
    return 0


# -- commands into nodes and into the namespace

def command_exec(lab, words):
    parser = argparse.ArgumentParser(prog="lab exec")
    parser.add_argument("--timeout", type=float, metavar="S")
    parser.add_argument("-n", "--no-stdin", action="store_true")
    parser.add_argument("-t", "--terminal", action="store_true")
    parser.add_argument("node")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args(words)
    command = split_command(options.command, "lab exec NODE -- CMD...")
    node = one_node(lab, options.node)
    Namespace(lab).enter()
    stdin = None if options.no_stdin else channel.usable(0)
    terminal = options.terminal and stdin is not None and os.isatty(stdin)
    return channel.execute(node, command, options.timeout, stdin, terminal)


def command_shell(lab, words):
    return command_exec(lab, ["-t", *words, "--", "bash", "-l"])


def command_run(lab, words):
    command = split_command(words, "lab run -- CMD...")
    lab.require()
    Namespace(lab).enter()
    environment = {**os.environ, "CEPH_CONF": Cluster(lab).conf}
    try:
        os.execvpe(command[0], command, environment)
    except OSError as error:
        print(f"lab: {command[0]}: {error.strerror}", file=sys.stderr)
        return 127 if isinstance(error, FileNotFoundError) else 126


def command_ceph(lab, words):
    return command_run(lab, ["ceph", *words])


def command_rbd(lab, words):
    return command_run(lab, ["rbd", *words])


def command_share(lab, words):
    argparse.ArgumentParser(prog="lab share").parse_args(words)
    lab.require()
    print(lab.share)
    return 0


# -- faults

def parse_link(name, words):
    parser = argparse.ArgumentParser(prog=f"lab {name}")
    parser.add_argument("node")
    parser.add_argument("network", choices=("ceph", "iscsi"))
    return parser.parse_args(words)


def set_link(lab, name, words, up):
    options = parse_link(name, words)
    namespace = Namespace(lab)
    if found := daemon(lab, options.node):
        if not found.address() or options.network != "ceph":
            raise LabError(f"{found.name} has no way to that network that is its own")
        namespace.enter()
        namespace.set_address(found.address(), up)
        return 0
    node = one_node(lab, options.node)
    if options.network not in node.networks:
        raise LabError(f"{node.name} is not on the {options.network} network")
    namespace.enter()
    if node.record().get("native"):
        namespace.filter(node.name, options.network, up)
    else:
        namespace.set_link(node.name, options.network, up)
    return 0


def command_cut(lab, words):
    return set_link(lab, "cut", words, False)


def command_heal(lab, words):
    return set_link(lab, "heal", words, True)


def parse_node(name, words, *flags):
    parser = argparse.ArgumentParser(prog=f"lab {name}")
    for flag, text in flags:
        parser.add_argument(flag, action="store_true", help=text)
    parser.add_argument("node")
    return parser.parse_args(words)


def daemon(lab, name):
    """Return the cluster's daemon of that name; None if it is a node's."""
    if name not in Cluster(lab).names():
        return None
    lab.require()
    return Daemon(lab, name)


def command_pause(lab, words):
    options = parse_node("pause", words, ("--freeze", "the guest's clocks stand still too"))
    if found := daemon(lab, options.node):
        found.pause()
    else:
        one_node(lab, options.node).pause(options.freeze)
    return 0


def command_resume(lab, words):
    name = parse_node("resume", words).node
    if found := daemon(lab, name):
        found.resume()
        return 0
    node = one_node(lab, name)
    Namespace(lab).enter()
    node.resume()
    return 0


def command_kill(lab, words):
    name = parse_node("kill", words).node
    (daemon(lab, name) or one_node(lab, name)).kill()
    return 0


def command_start(lab, words):
    parser = argparse.ArgumentParser(prog="lab start")
    parser.add_argument("--no-wait", action="store_true", help="do not wait until it is up")
    parser.add_argument("--plugin", metavar="FILE[,OPTIONS]", help="a plug-in for its QEMU")
    parser.add_argument("node")
    options = parser.parse_args(words)
    settings = lab.require()
    namespace = Namespace(lab)
    namespace.enter()
    if found := daemon(lab, options.node):
        found.start()
        return 0
    node = Node(lab, options.node)
    if node.name not in settings["nodes"]:
        node.create()
        namespace.add_taps(node.name, node.networks)
        settings["nodes"].append(node.name)
        lab.save_settings(settings)
    node.start(settings, options.plugin)
    if not options.no_wait:
        node.wait(BOOT_SECONDS)
        lab.progress(f"{node.name}: up")
    return 0


def command_cpu(lab, words):
    """Print the CPU seconds that each node's machine, or each daemon, has used up in all."""
    parser = argparse.ArgumentParser(prog="lab cpu")
    parser.add_argument("node", nargs="+")
    for name in parser.parse_args(words).node:
        print(f"{(daemon(lab, name) or one_node(lab, name)).cpu_seconds():.2f}")
    return 0


# -- logs

def command_log(lab, words):
    parser = argparse.ArgumentParser(prog="lab log")
    parser.add_argument("--since-mark", action="store_true")
    parser.add_argument("-f", "--follow", action="store_true")
    parser.add_argument("node")
    options = parser.parse_args(words)
    describe(options.node)
    # A lab that failed to come up has logs that somebody wants to see.
    node = Node(lab, options.node)
    offset = node.console.marked() if options.since_mark else 0
    if not os.path.exists(node.console.path):
        raise LabError(f"there is no log of {node.name}")
    sys.stdout.flush()
    os.execvp("tail", ["tail", "-c", f"+{offset + 1}", *(["-f"] if options.follow else []),
                       node.console.path])


def command_mark_log(lab, words):
    for node in nodes(lab, words):
        node.console.mark()
    return 0


def command_check_log(lab, words):
    parser = argparse.ArgumentParser(prog="lab check-log")
    parser.add_argument("--allow", action="append", default=[], metavar="REGEX")
    parser.add_argument("node", nargs="*")
    options = parser.parse_args(words)
    for expression in options.allow:
        try:
            re.compile(expression)
        except re.error as error:
            raise UsageError(f"--allow {expression}: {error}") from None
    status = 0
    for node in nodes(lab, options.node):
        for group in node.console.complaints(options.allow):
            status = 1
            print("\n".join(f"{node.name}: {line}" for line in group))
    return status


def command_help(_lab, _words):
    print(USAGE, end="")
    return 0


COMMANDS = {
    "up": command_up, "status": command_status, "down": command_down,
    "exec": command_exec, "shell": command_shell, "run": command_run,
    "ceph": command_ceph, "rbd": command_rbd, "share": command_share,
    "cut": command_cut, "heal": command_heal,
    "pause": command_pause, "resume": command_resume,
    "kill": command_kill, "start": command_start, "cpu": command_cpu,
    "log": command_log, "mark-log": command_mark_log, "check-log": command_check_log,
    "help": command_help, "--help": command_help, "-h": command_help,
}


def main(words):
    if not words or words[0] not in COMMANDS:
        print(USAGE, end="", file=sys.stderr)
        return 2
    try:
        return COMMANDS[words[0]](Lab(), words[1:])
    except UsageError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 2
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except subprocess.TimeoutExpired as error:
        print(f"lab: {' '.join(error.cmd)}: no end after {error.timeout:g} s", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 141
