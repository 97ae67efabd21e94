"""A parent and two children: numbers go to them through pipes, and their sums come back through shared memory.

The secret in the shared memory exists nowhere else; its digest is printed with every line.
"""

import hashlib
import mmap
import os
import struct
import time
from multiprocessing import Pipe, Process
from multiprocessing.shared_memory import SharedMemory

SECRET = 64 * 1024


def child(index, pipe, sums, named):
    total = 0
    while True:
        total += pipe.recv()
        struct.pack_into("q", sums, 8 * index, total)
        pipe.send(hashlib.sha256(named.buf[:SECRET]).hexdigest()[:16])


def main():
    sums = mmap.mmap(-1, 4096)  # shared and anonymous
    named = SharedMemory(create=True, size=SECRET)  # a file in /dev/shm
    named.buf[:SECRET] = os.urandom(SECRET)
    pipes = []
    for index in (0, 1):
        ours, theirs = Pipe()
        Process(target=child, args=(index, theirs, sums, named), daemon=True).start()
        pipes.append(ours)
    number = 0
    while True:
        for pipe in pipes:
            pipe.send(number)
        digests = {pipe.recv() for pipe in pipes}
        first, second = struct.unpack_from("qq", sums)
        print(f"{number}:{first}:{second}:{','.join(sorted(digests))}", flush=True)
        number += 1
        time.sleep(0.1)


main()
