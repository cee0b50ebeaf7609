#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Measure the backends of a gateway in turns, and have report.py write a table and a chart.

In every round each workload runs on each backend for a few seconds, in another order each time, so
that any other load of the machine meets all of them. Ratios within a round are therefore
comparable.

The initiator is tests/tools/iops. Gateways are native machines, so their CPU time is that of
processes of this machine, and nothing that a backend does can hide from it, be it in the kernel or
in interrupts. The time that a gateway takes when nobody asks it for anything is measured in each
round and subtracted. tgt is a process beside the gateway, and its CPU time is that of the process.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections import namedtuple

import report
from workloads import BACKENDS, DIRECT, GATEWAYS, SCALED, WORKLOADS

LAB_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tests/lab")
LAB = os.path.join(LAB_FOLDER, "lab")
sys.path.append(LAB_FOLDER)
from lablib.state import process_cpu_seconds        # noqa: E402
PREFIX = "iqn.2026-11.test.bench"
OSDS = ("osd.0", "osd.1", "osd.2")

# of one run: I/Os per second, µs within which a half and 99 of 100 ended, seconds of the backend's
# CPU time per I/O, and which share of the machine's processors the gateway, the OSDs and all took
Run = namedtuple("Run", "iops p50 p99 cpu gateway osds machine")


def lab(*words, **options):
    return subprocess.run([LAB, *words], check=True, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
                          **options).stdout


def machine_busy():
    """Return the seconds that the machine's processors were busy, all together."""
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, _idle, _iowait, irq, softirq = map(int, file.readline().split()[1:8])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


class Clock:
    """Reads all CPU times at once; `since` tells what was used."""

    def __init__(self, gateways, tgt_pid):
        self.names = (*gateways, *OSDS)
        self.gateways = len(gateways)
        self.tgt_pid = tgt_pid

    def read(self):
        used = [float(line) for line in lab("cpu", *self.names).split()]
        return {"gateway": sum(used[:self.gateways]), "osds": sum(used[self.gateways:]),
                "tgt": process_cpu_seconds(self.tgt_pid), "machine": machine_busy(), "time": time.monotonic()}

    def since(self, before):
        now = self.read()
        return {name: now[name] - before[name] for name in now}


class Bench:
    def __init__(self, options):
        self.iops_program = options.iops
        self.seconds = options.seconds
        self.clocks = {count: Clock([f"gw{n + 1}" for n in range(count)], options.tgt_pid) for count in GATEWAYS}
        self.idle = {}              # per second, by the number of gateways

    def measure_idle(self):
        for count, clock in self.clocks.items():
            before = clock.read()
            time.sleep(1)
            used = clock.since(before)
            self.idle[count] = {name: used[name] / used["time"] for name in used}

    def iops_command(self, backend, workload, gateway):
        kib, depth, reads = WORKLOADS[workload]
        address, lun = ("10.78.0.1:3261", 1) if backend == "tgt" else (f"10.78.0.{10 + gateway}:3260", 0)
        return [LAB, "run", "--", self.iops_program, f"iscsi://{address}/{PREFIX}:{backend}/{lun}", str(kib),
                str(depth), str(reads), str(self.seconds)]

    def iops(self, backend, workload, count):
        """Load `count` gateways at once. Return I/Os per second, p50 and p99."""
        running = [subprocess.Popen(self.iops_command(backend, workload, number + 1), stdin=subprocess.DEVNULL,
                                    stdout=subprocess.PIPE, text=True) for number in range(count)]
        said = [process.communicate()[0] for process in running]
        if any(process.returncode for process in running):
            raise SystemExit(f"{workload} on {backend}: {' '.join(said)}")
        figures = [tuple(map(int, line.split())) for line in said]
        if busy := sum(figure[3] for figure in figures):
            print(f"{workload} on {backend}: BUSY {busy} times", flush=True)
        return (sum(figure[0] for figure in figures) / self.seconds, max(figure[1] for figure in figures),
                max(figure[2] for figure in figures))

    def direct(self, workload, count):
        """Give the OSDs the same load from fio by librbd, `count` clients at once."""
        kib, depth, reads = WORKLOADS[workload]
        said = lab("run", "--", "fio", "--ioengine=rbd", "--clientname=admin", "--pool=rbd",
                   f"--rbdname=bench-{DIRECT}", "--name=direct", f"--numjobs={count}", "--group_reporting",
                   "--rw=randrw", f"--rwmixread={reads}", f"--bs={kib}k", f"--iodepth={depth}", "--time_based",
                   f"--runtime={self.seconds}", "--output-format=json",
                   env={**os.environ, "CEPH_ARGS": "--rbd_cache=false"})
        job = json.loads(said[said.index("{"):])["jobs"][0]
        kind = "read" if reads >= 50 else "write"
        percentile = job[kind]["clat_ns"]["percentile"]
        return (job["read"]["iops"] + job["write"]["iops"], percentile["50.000000"] / 1000,
                percentile["99.000000"] / 1000)

    def run(self, backend, workload, count=1):
        clock, idle = self.clocks[count], self.idle[count]
        before = clock.read()
        iops, p50, p99 = self.direct(workload, count) if backend == DIRECT else self.iops(backend, workload, count)
        used = clock.since(before)
        worker = "tgt" if backend == "tgt" else "gateway"
        cpu = (used[worker] - idle[worker] * used["time"]) / (iops * self.seconds)
        share = 100 / (self.seconds * os.cpu_count())
        return Run(iops, p50, p99, 0 if backend == DIRECT else max(cpu, 0), used[worker] * share, used["osds"] * share,
                   min(used["machine"] * share, 100))


def measure(bench, rounds):
    """Return {workload: {backend: [Run, ...]}} and {workload: {backend: {gateways: [Run, ...]}}}."""
    results = {workload: {backend: [] for backend in BACKENDS} for workload in WORKLOADS}
    scaled = {workload: {backend: {count: [] for count in GATEWAYS} for backend in ("rbd", DIRECT)}
              for workload in SCALED}
    order = list(BACKENDS)
    for number in range(rounds):
        bench.measure_idle()
        for workload in WORKLOADS:
            for backend in order:
                results[workload][backend].append(bench.run(backend, workload))
            order = order[1:] + order[:1]
        for workload, backends in scaled.items():
            for backend, counts in backends.items():
                for count, runs in counts.items():
                    runs.append(bench.run(backend, workload, count))
        print(f"round {number + 1} of {rounds}", flush=True)
    return results, scaled


def memory():
    """Return how many bytes a 4 KiB write of ours holds in flight: one object of each of these."""
    slabs = ("trbd_write_cmd", "trbd_io", "trbd_io_extent", "trbd_guard")
    sizes = lab("exec", "-n", "gw1", "--", "cat", *(f"/sys/kernel/slab/{slab}/slab_size" for slab in slabs))
    return sum(map(int, sizes.split()))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--iops", required=True, help="the program")
    parser.add_argument("--tgt-pid", type=int, required=True)
    parser.add_argument("--kernel", required=True)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True, help="of each run")
    parser.add_argument("--out", required=True, help="folder")
    options = parser.parse_args()

    results, scaled = measure(Bench(options), options.rounds)
    conditions = (f"Kernel {options.kernel} in the gateways, {options.rounds} rounds of {options.seconds:g} s for each\n"
                  f"workload and backend, {os.cpu_count()} processors for everything. Ceph: one monitor, three OSDs\n"
                  "(BlueStore on sparse files), two replicas. Images of 128 MiB, all of them written before.")
    sys.exit(0 if report.write(options.out, conditions, results, scaled, memory()) else 1)


main()
