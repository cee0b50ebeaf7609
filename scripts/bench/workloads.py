# SPDX-License-Identifier: GPL-2.0
"""The backends and the loads that `make bench` compares, and the bounds that must hold."""

OURS = "rbd"
DIRECT = "direct"
BACKENDS = {
    OURS: "target_core_rbd",
    "unguarded": "the same, without the guard",
    "iblock": "LIO iblock on krbd",
    "tgt": "tgt, librbd",
    "ramdisk": "LIO ramdisk",
    DIRECT: "no gateway: fio, librbd",
}
# name: KiB, depth, percent of reads
WORKLOADS = {
    "4 KiB read, depth 1": (4, 1, 100),
    "4 KiB read, depth 8": (4, 8, 100),
    "4 KiB read, depth 32": (4, 32, 100),
    "4 KiB read, depth 128": (4, 128, 100),
    "4 KiB write, depth 1": (4, 1, 0),
    "4 KiB write, depth 8": (4, 8, 0),
    "4 KiB write, depth 32": (4, 32, 0),
    "4 KiB write, depth 128": (4, 128, 0),
    "4 KiB, 70 % reads, depth 32": (4, 32, 70),
    "64 KiB read, depth 8": (64, 8, 100),
    "64 KiB write, depth 8": (64, 8, 0),
    "1 MiB read, depth 4": (1024, 4, 100),
    "1 MiB write, depth 4": (1024, 4, 0),
}
# these also through several gateways at once, each with the depth
SCALED = ("4 KiB read, depth 32", "4 KiB write, depth 32")
GATEWAYS = (1, 2, 4)

# at least this share of the IOPS of iblock on krbd
TO_IBLOCK = {
    "4 KiB read, depth 1": 1.1,
    "4 KiB read, depth 32": 1.3,
    "4 KiB write, depth 1": 1.0,
    "4 KiB write, depth 32": 1.8,
    "64 KiB read, depth 8": 1.1,
    "64 KiB write, depth 8": 1.1,
    "1 MiB read, depth 4": 1.0,
    "1 MiB write, depth 4": 1.0,
}
# and everywhere of what we would do without the guard
TO_UNGUARDED = 0.95
# two gateways of one, as far as the OSDs go along
TWO_TO_ONE = 1.8
# bytes
WRITE_MEMORY = 2048
