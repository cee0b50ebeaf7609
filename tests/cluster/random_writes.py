#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Make random writes for qemu-io, and the content that the disk must have afterwards.

random_writes.py MIRROR BLOCK_SIZE OBJECT_SIZE COUNT SEED DIR

Write COUNT pieces of random data of one block to one object into DIR, put each into its place in
the file MIRROR, and print the qemu-io commands that do the same with a disk. The offsets are
multiples of BLOCK_SIZE; a third of the pieces lie across a border of objects.
"""

import math
import os
import random
import sys


def main():
    mirror, block, object_size, count, seed, folder = sys.argv[1], *map(int, sys.argv[2:6]), sys.argv[6]
    size = os.path.getsize(mirror)
    rng = random.Random(seed)
    with open(mirror, 'r+b') as disk:
        for number in range(count):
            length = max(block, int(2 ** rng.uniform(9, math.log2(object_size))) // block * block)
            offset = rng.randrange(0, (size - length) // block + 1) * block
            if number % 3 == 0:
                border = rng.randrange(1, size // object_size) * object_size
                offset = max(0, min(border - length // 2 // block * block, size - length))
            data = rng.randbytes(length)
            piece = f'{folder}/piece{number}'
            with open(piece, 'wb') as out:
                out.write(data)
            disk.seek(offset)
            disk.write(data)
            print(f'write -s {piece} {offset} {length}')


main()
