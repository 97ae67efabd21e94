"""Which memory of a process lies where in an archive: CRIU's pagemaps, which say what the pages-N members hold.

A pagemap (images/pagemap.proto) names runs of pages by their virtual address; those that are in this dump lie one after
the other in the member `pages-N.img`, whose number is in the pagemap's head and is no process ID. Knows bytes only.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass

from . import images

PAGE = 4096  # bytes
IN_PARENT, PRESENT = 1, 4  # criu/include/pagemap.h, PE_PARENT and PE_PRESENT
ANONYMOUS, SYSV, MEMFD = 1 << 8, 1 << 10, 1 << 14  # criu/include/image.h, VMA_*: shared memory without a file
PAGES = re.compile(r"pages-([0-9]{1,9})\.img")


@dataclass(frozen=True, order=True)
class Run:
    """Memory without a gap: `size` bytes at virtual address `address`, from `offset` on in the member of pages."""

    address: int
    size: int
    offset: int


def pages_number(name):
    """N of `pages-N.img`; None for another member's name."""
    match = PAGES.fullmatch(name)
    return int(match[1]) if match else None


def pages_id(content):
    """The number of the member of pages that this pagemap's memory lies in. Raises ArchiveError for what is none."""
    entries = images.read("pagemap", content, most=1)
    return entries[0].get("pages_id") if entries else None


def runs(content):
    """The Runs that a pagemap tells of, in the order of their offsets, neighbours joined. Raises ArchiveError."""
    found, offset = [], 0
    for row in images.read("pagemap", content)[1:]:
        size = page_count(row) * PAGE
        if not is_present(row) or not size:
            continue
        last = found[-1] if found else None
        if last and last.address + last.size == row.get("vaddr"):
            found[-1] = Run(last.address, last.size + size, last.offset)
        else:
            found.append(Run(row.get("vaddr", 0), size, offset))
        offset += size
    return found


def page_count(row):
    """Pages of a pagemap row: CRIU 4.2 writes field 5 and a zero in the field of its earlier releases."""
    return row.get("nr_pages") or row.get("compat_nr_pages", 0)


def is_present(row):
    """True when the row's pages are in this dump, not in an earlier one (criu/pagemap.c, init_compat_pagemap_entry)."""
    if row.get("in_parent"):
        return False
    flags = row.get("flags")
    return flags is None or bool(flags & PRESENT)


def shared_memory(vma, files, inodes):
    """The number of the shared memory that a mapping shows (of `pagemap-shmem-N`), None where it shows none.

    `files` is {ID: entry of files.img}, `inodes` {inode ID: entry of memfd.img}.
    """
    status = vma.get("status", 0)
    if status & MEMFD:
        inode = files.get(vma.get("shmid"), {}).get("memfd", {}).get("inode_id")
        return inodes.get(inode, {}).get("shmid")
    return vma.get("shmid") if status & (ANONYMOUS | SYSV) else None


def offset_of(found, address, size):
    """Where the `size` bytes at `address` lie in the member of pages; None unless all of them are in one run."""
    for run in found:
        if run.address <= address and address + size <= run.address + run.size:
            return run.offset + address - run.address
    return None


def bytes_between(found, start, end):
    """How many bytes of these runs, sorted by address, lie in [start, end)."""
    place = max(0, bisect_right(found, start, key=lambda run: run.address) - 1)
    total = 0
    for run in found[place:]:
        if run.address >= end:
            break
        total += max(0, min(end, run.address + run.size) - max(start, run.address))
    return total
