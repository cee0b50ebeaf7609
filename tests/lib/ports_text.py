#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Turn answers about target ports, in hex on stdin, into text.

    ports_text.py identification    VPD page 83h: relative target port identifier, target port group
    ports_text.py groups            REPORT TARGET PORT GROUPS: GROUP:STATE PORT..., groups separated
                                    by commas
"""
import sys


def number(data, at):
    return int.from_bytes(data[at:at + 2], "big")


def identification(page):
    at, found = 4, {}
    while at < 4 + number(page, 2):
        found[page[at + 1] & 15] = number(page, at + 6)
        at += 4 + page[at + 3]
    return f"{found.get(4)} {found.get(5)}"


def groups(data):
    at, end, texts = 4, 4 + int.from_bytes(data[:4], "big"), []
    while at < end:
        ports = [str(number(data, at + 10 + 4 * i)) for i in range(data[at + 7])]
        texts.append(f"{number(data, at + 2)}:{data[at] & 15} {' '.join(ports)}")
        at += 8 + 4 * data[at + 7]
    return ",".join(texts)


print({"identification": identification, "groups": groups}[sys.argv[1]](bytes.fromhex(sys.stdin.read())))
