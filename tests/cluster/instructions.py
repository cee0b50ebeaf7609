#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Say which part of a kernel ran how many instructions, from count_instructions' file.

    instructions.py read COUNTS >READING
    instructions.py table SYMBOLS COUNT BEFORE AFTER IDLE_BEFORE IDLE_AFTER SHARE

`read` puts the counters that are not 0 aside. `table` prints a line for each part: its name, and
the instructions that it ran between BEFORE and AFTER, less SHARE times those between the idle
readings, divided by COUNT. SYMBOLS is the kernel's /proc/kallsyms.
"""

import bisect
import json
import mmap
import os
import re
import struct
import sys

KERNEL = 0xffffffff80000000
GRANULE = 16
MODULES = {"target_core_rbd": "ours", "libceph": "libceph", "target_core_mod": "LIO", "iscsi_target_mod": "LIO",
           "rbd": "krbd and block", "target_core_iblock": "krbd and block"}
# the parts of the kernel itself, by how their functions are named; the first that matches
NAMES = (
    ("tracing", r"_*(trace_|tracing_|ring_buffer|rb_)"),
    ("idle", r"(default_idle|do_idle|cpu_idle|cpuidle|native_safe_halt|arch_cpu_idle|tick_nohz|intel_idle|pv_native_safe)"),
    ("krbd and block", r"_*(blk|bio|bvec|submit_bio|elv|dd_|sbitmap|disk_|part_)"),
    ("network", r"_*(tcp|ip_|ipv4|inet|sk_|skb|sock|netif|dev_|napi|net_|eth_|neigh|nf_|dst_|virtnet|xmit|validate_xmit|"
                r"__dev|__neigh|process_backlog|ktime_get|csum|kernel_sendmsg|kernel_recvmsg|gro_|inet6|rt_|fib_|qdisc|"
                r"pfifo|sch_|release_sock|lock_sock|mod_timer|virtqueue|vring|vp_)"),
    ("memory", r"_*(kmem|kmalloc|kfree|slab|alloc_|free_|get_page|put_page|page_|mempool|memcg|kvfree|kvmalloc|krealloc)"),
    ("scheduler", r"_*(sched|schedule|try_to_wake|ttwu|wake_up|enqueue|dequeue|pick_|update_|finish_task|switch_|"
                  r"queue_work|process_one_work|worker_|kick_pool|insert_work|set_next|put_prev|prepare_to_wait|"
                  r"finish_wait|autoremove|complete|wait_for|kthread|resched|select_task|select_idle|cpuacct|rcu_)"),
    ("interrupts", r"_*(irq|handle_|apic|sysvec|asm_|common_interrupt|do_softirq|softirq|tick_|hrtimer|run_timer|"
                   r"timer|clockevents|lapic|error_entry|error_return|native_|x2apic|generic_handle|tasklet|raise_)"),
    ("copies and sums", r"_*(memcpy|memset|copy_|crc32|rep_movs|clear_page|strcmp|strncmp|strlen|memcmp)"),
    ("text", r"_*(vsnprintf|snprintf|number|string|format_decode|put_dec|hex|widen|pointer|kstrto|scnprintf|sprintf)"),
    ("locks", r"_*(raw_spin|mutex|rwsem|down_|up_|queued_|rt_mutex|osq_|local_bh|preempt)"),
)


def part_of(name, module):
    if module == "target_core_rbd" and re.match(r"(trbd_stats_|stats_)", name):
        return "counters"
    if module == "target_core_rbd" and name.startswith("trace_"):
        return "tracing"
    if module:
        return MODULES.get(module, "network" if module.startswith("virtio") else "other")
    for part, names in NAMES:
        if re.match(names, name):
            return part
    return "other"


def read(path):
    """Return {index of a counter: its value}, without those that are 0."""
    found = {}
    with open(path, "rb") as file:
        end = os.fstat(file.fileno()).st_size
        with mmap.mmap(file.fileno(), end, prot=mmap.PROT_READ) as counters:
            at = 0
            while at < end:
                try:
                    at = os.lseek(file.fileno(), at, os.SEEK_DATA)
                except OSError:             # nothing behind this
                    break
                hole = os.lseek(file.fileno(), at, os.SEEK_HOLE)
                for n, (value,) in enumerate(struct.iter_unpack("<Q", counters[at:hole - hole % 8])):
                    if value:
                        found[at // 8 + n] = value
                at = hole
    return found, end // 8 - 1


def symbols(path):
    """Return addresses in order, and the part of each."""
    found = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            address, kind, name, *module = line.split()
            if kind in "tTwW":
                found.append((int(address, 16), part_of(name, module[0].strip("[]") if module else "")))
    found.sort()
    return [address for address, _ in found], [part for _, part in found]


def between(before, after):
    with open(before, encoding="ascii") as first, open(after, encoding="ascii") as second:
        old, new = json.load(first), json.load(second)
    return {int(index): value - old.get(index, 0) for index, value in new.items()}


def by_part(counts, addresses, parts, last):
    found = {}
    for index, count in counts.items():
        which = bisect.bisect_right(addresses, KERNEL + index * GRANULE + GRANULE - 1) - 1
        part = "programs" if index == last else parts[which] if which >= 0 else "other"
        found[part] = found.get(part, 0) + count
    return found


def table(path, count, before, after, idle_before, idle_after, share):
    addresses, parts = symbols(path)
    last = 0x80000000 // GRANULE
    busy = by_part(between(before, after), addresses, parts, last)
    idle = by_part(between(idle_before, idle_after), addresses, parts, last)
    each = {part: (busy[part] - float(share) * idle.get(part, 0)) / int(count) for part in busy}
    for part in sorted(each, key=each.get, reverse=True):
        print(f"{part.replace(' ', '_')} {max(each[part], 0):.0f}")
    print(f"all {sum(each.values()):.0f}")


def main(what, *words):
    if what == "read":
        counts, _ = read(*words)
        json.dump(counts, sys.stdout)
    elif what == "table":
        table(*words)
    else:
        sys.exit(f"instructions.py: {what}?")


main(*sys.argv[1:])
