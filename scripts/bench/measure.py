#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Measure the backends of a gateway in turns, and write a table and a chart.

In every round each workload runs on each backend for a few seconds, in another order each time, so
that any other load of the machine meets all of them. Ratios within a round are therefore
comparable. The table gives the median of the rounds' ratios, and the least and the greatest.

The initiator is qemu-img bench over libiscsi, a program of this machine. The gateway's CPU time is
that of its whole virtual machine, so nothing that a backend does can hide from it, be it in the
kernel, in a daemon or in interrupts.
"""

import argparse
import itertools
import os
import re
import statistics
import subprocess
import sys
import tempfile

LAB = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "lab", "lab")
OURS = "rbd"
BACKENDS = {
    "rbd": "target_core_rbd",
    "unguarded": "the same, without the guard",
    "iblock": "LIO iblock on krbd",
    "tcmu": "tcmu-runner, librbd",
    "tgt": "tgt, librbd",
    "ramdisk": "LIO ramdisk",
}
# name: qemu-img's words for it; KiB, depth
WORKLOADS = {
    "4 KiB read, depth 1": (False, 4, 1),
    "4 KiB read, depth 32": (False, 4, 32),
    "4 KiB write, depth 1": (True, 4, 1),
    "4 KiB write, depth 32": (True, 4, 32),
    "64 KiB read, depth 8": (False, 64, 8),
    "64 KiB write, depth 8": (True, 64, 8),
    "1 MiB read, depth 4": (False, 1024, 4),
    "1 MiB write, depth 4": (True, 1024, 4),
}
# each I/O starts this many of its own length behind the one before, modulo the image
STRIDE = 37


def lab(*words):
    return subprocess.run([LAB, *words], check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          stdin=subprocess.DEVNULL, text=True).stdout


class Gateway:
    def __init__(self, address, prefix):
        self.address = address
        self.prefix = prefix

    def url(self, backend):
        port, lun = (3261, 1) if backend == "tgt" else (3260, 0)
        return f"iscsi://{self.address}:{port}/{self.prefix}:{backend}/{lun}"

    def run(self, backend, workload, count):
        """Return I/Os per second, and seconds of the gateway's CPU time per I/O."""
        write, kib, depth = WORKLOADS[workload]
        command = ["run", "--", "qemu-img", "bench", "-f", "raw", "-t", "none", "-c", str(count), "-d", str(depth),
                   "-s", f"{kib}k", "-S", f"{kib * STRIDE}k"]
        before = float(lab("cpu", "gw1"))
        said = lab(*command, *(["-w"] if write else []), self.url(backend))
        cpu = float(lab("cpu", "gw1")) - before
        elapsed = float(re.search(r"Run completed in ([0-9.]+) seconds", said).group(1))
        return count / max(elapsed, 0.001), cpu / count


def measure(gateway, rounds, seconds):
    """Return {workload: {backend: [(iops, cpu), ...]}}, an entry per round."""
    results = {workload: {backend: [] for backend in BACKENDS} for workload in WORKLOADS}
    count = {}
    for workload, backend in itertools.product(WORKLOADS, BACKENDS):
        first = 16 * WORKLOADS[workload][2]
        iops, _ = gateway.run(backend, workload, first)
        iops, _ = gateway.run(backend, workload, max(first, int(iops * seconds / 4)))
        count[workload, backend] = max(first, int(iops * seconds))
    order = list(BACKENDS)
    for number in range(rounds):
        for workload in WORKLOADS:
            for backend in order:
                results[workload][backend].append(gateway.run(backend, workload, count[workload, backend]))
            order = order[1:] + order[:1]
        print(f"round {number + 1} of {rounds}", flush=True)
    return results


class Ratio:
    """Return our figure in relation to another backend's, round by round."""

    def __init__(self, ours, other):
        self.values = [a / b for a, b in zip(ours, other)]
        self.median = statistics.median(self.values)

    def __str__(self):
        return f"{self.median:.2f} ({min(self.values):.2f} - {max(self.values):.2f})"


def column(results, workload, backend, which):
    return [entry[which] for entry in results[workload][backend]]


def ratio(results, workload, backend, which):
    return Ratio(column(results, workload, OURS, which), column(results, workload, backend, which))


def bounds(results):
    """Yield the goals: (text, measured, whether it is met)."""
    for workload in ("4 KiB write, depth 1", "4 KiB write, depth 32"):
        r = ratio(results, workload, "unguarded", 0)
        yield f"{workload}: at least 0.95 of the IOPS without the guard", r, r.median >= 0.95
    workload = "4 KiB read, depth 32"
    r = ratio(results, workload, "iblock", 0)
    yield f"{workload}: at least the IOPS of iblock on krbd", r, r.median >= 1
    r = ratio(results, workload, "iblock", 1)
    yield f"{workload}: less CPU time per I/O than iblock on krbd", r, r.median < 1
    size = memory()
    yield "4 KiB write in flight: at most 2 KiB of memory, ours", f"{size} bytes", size <= 2048


def memory():
    """Return how many bytes a 4 KiB write of ours holds in flight: one object of each of these."""
    slabs = ("trbd_write_cmd", "trbd_io", "trbd_io_extent", "trbd_guard")
    sizes = lab("exec", "-n", "gw1", "--", "cat", *(f"/sys/kernel/slab/{slab}/slab_size" for slab in slabs))
    return sum(map(int, sizes.split()))


def table(results, conditions, verdicts):
    lines = [
        "# Performance", "",
        "Written by `make bench`. Compare ratios, not absolute numbers. The gateway is an emulated machine,",
        "several times slower than a real one, so its CPU time counts for more than it would elsewhere.", "",
        conditions, "",
        "Ratios are ours to the other's in the same round: the median, and the least and the greatest. For",
        "IOPS more than 1 is good for us, for CPU time less.", "",
        "![IOPS of each backend](performance.svg)", ""]
    for workload, (_, _, depth) in WORKLOADS.items():
        lines += [f"## {workload}", "",
                  "| Backend | IOPS | Latency, ms | Gateway CPU, µs per I/O | IOPS, ours to it | CPU, ours to it |",
                  "|---|---:|---:|---:|---:|---:|"]
        for backend, label in BACKENDS.items():
            iops = statistics.median(column(results, workload, backend, 0))
            cpu = statistics.median(column(results, workload, backend, 1))
            ratios = "| |" if backend == OURS else \
                f"| {ratio(results, workload, backend, 0)} | {ratio(results, workload, backend, 1)} |"
            lines.append(f"| {label} | {iops:.0f} | {1000 * depth / iops:.2f} | {1e6 * cpu:.0f} {ratios}")
        lines.append("")
    lines += ["## Bounds", "", "| Bound | Measured | |", "|---|---:|---|"]
    lines += [f"| {text} | {r} | {'met' if met else '**not met**'} |" for text, r, met in verdicts]
    return "\n".join(lines) + "\n"


def chart(results, path):
    with tempfile.NamedTemporaryFile("w", suffix=".dat") as data:
        data.write("workload " + " ".join(f'"{label}"' for label in BACKENDS.values()) + "\n")
        for workload in WORKLOADS:
            ours = statistics.median(column(results, workload, OURS, 0))
            shares = (statistics.median(column(results, workload, b, 0)) / ours for b in BACKENDS)
            data.write(f'"{workload.replace(", ", chr(92) + "n")}" ' + " ".join(f"{s:.3f}" for s in shares) + "\n")
        data.flush()
        subprocess.run(["gnuplot"], check=True, text=True, input=f"""
            set terminal svg size 1200,480 font 'sans-serif,12' background 'white'
            set output '{path}'
            set title 'IOPS, target\\\\_core\\\\_rbd = 1'
            set style data histogram
            set style histogram clustered gap 1
            set style fill solid 0.9 noborder
            set yrange [0:*]
            set grid ytics
            set key outside right
            plot for [i=2:{len(BACKENDS) + 1}] '{data.name}' using i:xtic(1) title columnheader(i) noenhanced
            """)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--address", required=True)
    parser.add_argument("--prefix", required=True)
    parser.add_argument("--kernel", required=True)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True, help="of each run")
    parser.add_argument("--out", required=True, help="folder")
    options = parser.parse_args()

    results = measure(Gateway(options.address, options.prefix), options.rounds, options.seconds)
    conditions = (f"Kernel {options.kernel} in the gateway, {options.rounds} rounds of {options.seconds:g} s for each\n"
                  f"workload and backend, {os.cpu_count()} cores for everything. Ceph: one monitor, three OSDs,\n"
                  "three replicas.")
    verdicts = list(bounds(results))
    text = table(results, conditions, verdicts)
    with open(os.path.join(options.out, "performance.md"), "w", encoding="utf-8") as file:
        file.write(text)
    chart(results, os.path.join(options.out, "performance.svg"))
    print(text)
    sys.exit(0 if all(met for _, _, met in verdicts) else 1)


main()
