"""The files of a container that Podman's export leaves out, added to its `rootfs-diff.tar`.

For a changed file Podman asks whether the *host* has a file of that path, and leaves it out without a word when it has
none (pkg/checkpoint/crutils, CRCreateRootFsDiffTar; reproduced, see ARCHITECTURE.md). A container's file system is
hostile ground: no component of a path is followed through a link, so nothing outside the container is ever read.
"""

import os
import stat
import tarfile
from contextlib import contextmanager
from pathlib import Path

from . import archive


def add_missing(rootfs_diff: Path, *, root: Path, changed):
    """Append to `rootfs_diff` what is missing of `changed` as it is below `root`; returns the paths added, sorted.

    Files, links, and the folders whose mode or owner may have changed; sockets, pipes and devices are left to Podman.
    """
    added = []
    missing = [path for path in archive.missing_paths(rootfs_diff, changed) if ".." not in path.split("/")]
    if not missing:
        return added
    with archive.appending(rootfs_diff) as tar:
        for path in missing:
            with _opened_parent(root, path) as (parent, name):
                if parent is not None and _append(tar, path, parent, name):
                    added.append(path)
    return added


def _append(tar, path, parent, name):
    """Append one entry; True when it is a file or link that the export had lost."""
    try:
        status = os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return False
    info = _tar_info(path, status)
    if stat.S_ISREG(status.st_mode):
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=parent)
        with open(descriptor, "rb") as file:
            info.size = os.fstat(descriptor).st_size
            info.pax_headers = _xattrs(descriptor)
            tar.addfile(info, file)
        return True
    if stat.S_ISLNK(status.st_mode):
        info.type, info.linkname = tarfile.SYMTYPE, os.readlink(name, dir_fd=parent)
        tar.addfile(info)
        return True
    if stat.S_ISDIR(status.st_mode):
        info.type = tarfile.DIRTYPE
        tar.addfile(info)
    return False


def _tar_info(path, status):
    info = tarfile.TarInfo(path.lstrip("/"))
    info.mode = stat.S_IMODE(status.st_mode)
    info.uid, info.gid, info.mtime = status.st_uid, status.st_gid, status.st_mtime
    return info


def _xattrs(descriptor):
    """File capabilities and user attributes as PAX headers, as Go's and GNU's tar write them."""
    headers = {}
    for name in os.listxattr(descriptor):
        if name == "security.capability" or name.startswith("user."):
            value = os.getxattr(descriptor, name)
            headers[f"SCHILY.xattr.{name}"] = value.decode("utf-8", "surrogateescape")
    return headers


@contextmanager
def _opened_parent(root, path):
    """(descriptor of the folder that holds `path` below `root`, last component); (None, "") when it is not there."""
    *folders, name = [part for part in path.split("/") if part not in {"", "."}]
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for folder in folders:
            inner = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
    except OSError:
        os.close(descriptor)
        yield None, ""
        return
    try:
        yield descriptor, name
    finally:
        os.close(descriptor)
