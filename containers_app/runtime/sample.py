"""The sample's root file system, made of this machine's own busybox, so that the tour needs no registry."""

import io
import re
import tarfile
from pathlib import Path

from containers_app.errors import Unavailable

from . import process

APPLETS = ("cat", "echo", "expr", "hostname", "ls", "mkdir", "ps", "rm", "sh", "sleep", "top", "touch", "vi")
BUSYBOX = ("/bin/busybox", "/usr/bin/busybox", "/sbin/busybox", "/usr/sbin/busybox")
FOLDERS = ("bin", "dev", "etc", "proc", "sys", "tmp")


def root():
    """Tar bytes of a root file system: busybox, the libraries it needs if it is not static, and links to it."""
    busybox = next((path for path in BUSYBOX if Path(path).is_file()), None)
    if not busybox:
        raise Unavailable("The sample needs busybox on this host.", remedy="Run script/setup on this host as root.")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for folder in FOLDERS:
            _add(tar, folder, type=tarfile.DIRTYPE, mode=0o1777 if folder == "tmp" else 0o755)
        _add_file(tar, "bin/busybox", busybox)
        for library in _libraries(busybox):
            _add_file(tar, library.lstrip("/"), library)
        for applet in APPLETS:
            _add(tar, f"bin/{applet}", type=tarfile.SYMTYPE, linkname="busybox")
    return buffer.getvalue()


def _libraries(program):
    """Paths of the shared libraries and the loader of `program`; none for a static one (ldd(1) then exits with 1)."""
    found = process.run(["ldd", program], timeout=20)
    return re.findall(r"(/\S+) \(0x", found.stdout) if found.exit_code == 0 else []


def _add(tar, name, **fields):
    info = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(info, field, value)
    tar.addfile(info)


def _add_file(tar, name, path):
    with open(path, "rb") as file:
        info = tar.gettarinfo(arcname=name, fileobj=file)
        info.uid = info.gid = 0
        info.mode = 0o755
        tar.addfile(info, file)
