# SPDX-License-Identifier: GPL-2.0
"""Write what measure.py has measured: performance.md with the bounds' verdicts, and a chart."""

import os
import statistics
import subprocess
import tempfile

from workloads import (BACKENDS, DIRECT, GATEWAYS, OURS, TO_IBLOCK, TO_UNGUARDED, TWO_TO_ONE, WORKLOADS,
                       WRITE_MEMORY)

HEAD = """\
# Performance

Written by `make bench`. The gateways are native machines (User-Mode Linux, one processor each) that share
this machine's processors with the OSDs and the initiator. So compare ratios, not absolute numbers.

{conditions}

Ratios are ours to the other's in the same round: the median, and the least and the greatest. For IOPS more
than 1 is good for us, for CPU time less. The backend's CPU time is that of the whole gateway, less what it
takes when it is idle; of tgt it is the process's. "No gateway" is the same load from fio through librbd on
this machine: as much as these OSDs and processors have to give, less librbd's own time. tcmu-runner is not
here: it would run as a program of a gateway, and User-Mode Linux makes the system calls of programs dear.

![IOPS of each backend](performance.svg)
"""
COLUMNS = ("| Backend | IOPS | p50, ms | p99, ms | CPU, µs per I/O | IOPS, ours to it | CPU, ours to it |\n"
           "|---|---:|---:|---:|---:|---:|---:|")


class Ratio:
    """Our figure in relation to another one, round by round."""

    def __init__(self, ours, other):
        self.values = [a / b for a, b in zip(ours, other) if b]
        self.median = statistics.median(self.values) if self.values else 0

    def __str__(self):
        return f"{self.median:.2f} ({min(self.values):.2f} - {max(self.values):.2f})" if self.values else ""


def column(runs, field):
    return [getattr(run, field) for run in runs]


def middle(runs, field):
    return statistics.median(column(runs, field))


def ratio(results, workload, backend, field):
    return Ratio(column(results[workload][OURS], field), column(results[workload][backend], field))


def bounds(results, scaled, memory):
    """Yield the bounds: (text, measured, whether it is met)."""
    for workload, least in TO_IBLOCK.items():
        r = ratio(results, workload, "iblock", "iops")
        yield f"{workload}: at least {least:g} of the IOPS of iblock on krbd", r, r.median >= least
    for workload in WORKLOADS:
        r = ratio(results, workload, "unguarded", "iops")
        yield f"{workload}: at least {TO_UNGUARDED:g} of the IOPS without the guard", r, r.median >= TO_UNGUARDED
    for workload, backends in scaled.items():
        r = Ratio(column(backends[OURS][2], "iops"), column(backends[OURS][1], "iops"))
        limit = Ratio(column(backends[DIRECT][2], "iops"), column(backends[DIRECT][1], "iops"))
        yield (f"{workload}, two gateways: at least {TWO_TO_ONE:g} of one, or as much as two clients without gateways "
               f"({limit.median:.2f})", r, r.median >= min(TWO_TO_ONE, limit.median))
    yield (f"4 KiB write in flight: at most {WRITE_MEMORY} bytes of memory, ours", f"{memory} bytes",
           memory <= WRITE_MEMORY)


def workload_lines(results, workload):
    yield from (f"## {workload}", "", COLUMNS)
    for backend, label in BACKENDS.items():
        runs = results[workload][backend]
        cpu = "" if backend == DIRECT else f"{1e6 * middle(runs, 'cpu'):.0f}"
        ratios = " | |" if backend == OURS else (
            f" {ratio(results, workload, backend, 'iops')} | {ratio(results, workload, backend, 'cpu')} |")
        yield (f"| {label} | {middle(runs, 'iops'):.0f} | {middle(runs, 'p50') / 1000:.2f} | "
               f"{middle(runs, 'p99') / 1000:.2f} | {cpu} |{ratios}")
    yield ""


def limit_lines(results):
    yield from (
        "## What limits each row", "",
        "The shares of the machine's processors that the gateway, the OSDs, and all processes together took while",
        "target_core_rbd was measured. Near 100 % the processors are the limit, and a backend that takes less of",
        "them leaves more to the OSDs. A gateway with one processor can take at most "
        f"{100 // (os.cpu_count() or 1)} %.", "",
        "| Workload | Gateway | OSDs | All | Share of the IOPS without a gateway |", "|---|---:|---:|---:|---:|")
    for workload in WORKLOADS:
        runs = results[workload][OURS]
        yield (f"| {workload} | {middle(runs, 'gateway'):.0f} % | {middle(runs, 'osds'):.0f} % | "
               f"{middle(runs, 'machine'):.0f} % | {ratio(results, workload, DIRECT, 'iops')} |")
    yield ""


def scaled_lines(scaled):
    yield from ("## Several gateways at once", "",
                "One image through one, two and four gateways, each with the depth; and as many clients without one.",
                "",
                "| Workload | Gateways | IOPS | To one | Clients without a gateway, IOPS | To one | All processors |",
                "|---|---:|---:|---:|---:|---:|---:|")
    for workload, backends in scaled.items():
        for count in GATEWAYS:
            runs, direct = backends[OURS][count], backends[DIRECT][count]
            to_one = Ratio(column(runs, "iops"), column(backends[OURS][1], "iops"))
            direct_to_one = Ratio(column(direct, "iops"), column(backends[DIRECT][1], "iops"))
            yield (f"| {workload} | {count} | {middle(runs, 'iops'):.0f} | {to_one} | {middle(direct, 'iops'):.0f} | "
                   f"{direct_to_one} | {middle(runs, 'machine'):.0f} % |")
    yield ""


def table(conditions, results, scaled, verdicts):
    lines = [HEAD.format(conditions=conditions), "## Bounds", "", "| Bound | Measured | |", "|---|---:|---|"]
    lines += [f"| {text} | {measured} | {'met' if met else '**not met**'} |" for text, measured, met in verdicts]
    lines += ["", *limit_lines(results), *scaled_lines(scaled)]
    for workload in WORKLOADS:
        lines += workload_lines(results, workload)
    return "\n".join(lines).rstrip("\n") + "\n"


def chart(results, path):
    with tempfile.NamedTemporaryFile("w", suffix=".dat") as data:
        data.write("workload " + " ".join(f'"{label}"' for label in BACKENDS.values()) + "\n")
        for workload, backends in results.items():
            ours = middle(backends[OURS], "iops")
            shares = (middle(backends[backend], "iops") / ours for backend in BACKENDS)
            data.write(f'"{workload.replace(", ", chr(92) + "n")}" ' + " ".join(f"{s:.3f}" for s in shares) + "\n")
        data.flush()
        subprocess.run(["gnuplot"], check=True, text=True, input=f"""
            set terminal svg size 1600,480 font 'sans-serif,12' background 'white'
            set output '{path}'
            set title 'IOPS, target\\\\_core\\\\_rbd = 1'
            set style data histogram
            set style histogram clustered gap 1
            set style fill solid 0.9 noborder
            set yrange [0:4]
            set grid ytics
            set key outside right
            plot for [i=2:{len(BACKENDS) + 1}] '{data.name}' using i:xtic(1) title columnheader(i) noenhanced
            """)


def write(folder, conditions, results, scaled, memory):
    """Write both files into the folder. Return whether all bounds are met."""
    verdicts = list(bounds(results, scaled, memory))
    text = table(conditions, results, scaled, verdicts)
    with open(os.path.join(folder, "performance.md"), "w", encoding="utf-8") as file:
        file.write(text)
    chart(results, os.path.join(folder, "performance.svg"))
    print(text)
    return all(met for _, _, met in verdicts)
