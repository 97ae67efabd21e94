"""Images of real programs, made from what is installed on this machine: there is no registry to pull from.

`build(site, "redis")` makes the image once per store and returns its name. Each holds a busybox, the programs, the
libraries that ldd(1) names for them and the folders that they read; nothing starts until a test says so.
"""

import io
import os
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from glob import glob
from pathlib import Path

from containers_app.runtime import sample

WORKLOADS = Path(__file__).parent / "workloads"
USER, NOBODY = 999, 65534
# PostgreSQL refuses root, and CRIU without CAP_SYS_RESOURCE dumps no process of another user (prlimit(2)): it runs as
# root and believes that it does not.
AS_USER = (
    "ENV=LD_PRELOAD=libuid_wrapper.so", "ENV=UID_WRAPPER=1",
    *(f"ENV=UID_WRAPPER_INITIAL_{kind}UID={USER}" for kind in "RES"),
)  # fmt: skip
ACCOUNTS = {
    "etc/passwd": f"root:x:0:0::/:/bin/sh\nff:x:{USER}:{USER}::/tmp:/bin/sh\n",
    "etc/group": f"root:x:0:\nff:x:{USER}:\n",
}


@dataclass(frozen=True)
class Recipe:
    """What an image is made of. Programs and folders are glob patterns of this machine, the last match counts."""

    programs: tuple[str, ...]
    folders: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()  # of `podman import --change`
    made: Callable = lambda tar: None  # adds what has to be made first


RECIPES = {
    "redis": Recipe(("/usr/bin/redis-server", "/usr/bin/redis-cli")),
    "memcached": Recipe(("/usr/bin/memcached",)),
    "python": Recipe(("/usr/bin/python3",), ("/usr/lib/python3.[0-9]*",)),
    "postgres": Recipe(
        (
            "/usr/lib/postgresql/*/bin/postgres",
            "/usr/lib/postgresql/*/bin/psql",
            "/usr/lib/*/libuid_wrapper.so",
        ),
        ("/usr/lib/postgresql/*/lib", "/usr/share/postgresql/*"),
        AS_USER,
        lambda tar: _add_database(tar),
    ),
    "java": Recipe(
        ("/usr/lib/jvm/java-*-openjdk*/bin/java",),
        ("/usr/lib/jvm/java-*-openjdk*",),
        made=lambda tar: _add_classes(tar, "Cache.java"),
    ),
}
# Large, and nothing that runs here reads it.
LEFT_OUT = re.compile(
    r"/(?:__pycache__|test|tests|idlelib|ensurepip|dist-packages|bitcode|man|jmods|legal|src\.zip|ct\.sym|classes.*\.jsa)$"
    r"|/config-3\.|\.a$|llvmjit|/lib(?:awt|splashscreen|jsound|atk)"
)


def build(place, name):
    """The name of the image of that recipe in the Podman of `place`; it is made when it is not there."""
    image = f"localhost/ff-{name}:latest"
    if not place.podman("image", "list", "--quiet", image, check=False):
        changes = [flag for change in RECIPES[name].changes for flag in ("--change", change)]
        place.podman("import", "--quiet", *changes, "-", image, stdin=root(name))
    return image


@cache
def root(name):
    """Tar bytes of the image's root file system."""
    recipe = RECIPES[name]
    buffer = io.BytesIO(sample.root())
    with tarfile.open(fileobj=buffer, mode="a", dereference=True) as tar:
        added = set(tar.getnames())
        for name, text in ACCOUNTS.items():
            _add_text(tar, name, text)
        for program in map(newest, recipe.programs):
            _add(tar, added, program)
            _add_link(tar, program)
        for folder in map(newest, recipe.folders):
            _add_folder(tar, added, folder)
        recipe.made(tar)
    return buffer.getvalue()


def newest(pattern):
    """The path that `pattern` matches, the highest version where there are several."""
    found = sorted(glob(pattern), key=lambda path: [int(number) for number in re.findall(r"\d+", path)])
    assert found, f"{pattern} is missing on this machine: script/setup --tests installs it"
    return found[-1]


def _add(tar, added, path):
    """The file, as what it points at, and the libraries that it is linked with."""
    for needed in (path, *libraries(path)):
        if needed.lstrip("/") not in added:
            added.add(needed.lstrip("/"))
            tar.add(needed, needed.lstrip("/"), filter=_owned_by_root)


def _add_folder(tar, added, folder):
    for here, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not LEFT_OUT.search(f"{here}/{name}")]
        tar.add(here, here.lstrip("/"), recursive=False, filter=_owned_by_root)
        for name in files:
            path = f"{here}/{name}"
            if LEFT_OUT.search(path) or not Path(path).exists():
                continue
            if ".so" in name or os.access(path, os.X_OK):
                _add(tar, added, path)
            else:
                tar.add(path, path.lstrip("/"), filter=_owned_by_root)


def _add_link(tar, program):
    """A name in /bin for a program that lies elsewhere: it finds its folders from where it is, not from the link."""
    if "/bin/" in program and Path(program).parent != Path("/usr/bin"):
        info = tarfile.TarInfo(f"bin/{Path(program).name}")
        info.type, info.linkname = tarfile.SYMTYPE, program
        tar.addfile(info)


def _owned_by_root(info):
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    return info


def _add_text(tar, name, text):
    info = tarfile.TarInfo(name)
    info.size = len(text)
    tar.addfile(info, io.BytesIO(text.encode()))


@cache
def libraries(program):
    """Paths of the shared libraries and the loader of `program`; none where ldd(1) knows none (a script)."""
    found = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    paths = re.findall(r"(/\S+) \(0x", found.stdout) if found.returncode == 0 else []
    return tuple(map(os.path.normpath, paths))


def _add_classes(tar, source):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["ecj", "-17", "-proc:none", "-nowarn", "-d", folder, str(WORKLOADS / source)], check=True)
        for path in Path(folder).glob("*.class"):
            tar.add(path, f"app/{path.name}", filter=_owned_by_root)


def _add_database(tar):
    """An empty PostgreSQL in /data, of a superuser `ff` who needs no password. initdb(1) refuses root too."""
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, NOBODY, NOBODY)
        initdb = newest("/usr/lib/postgresql/*/bin/initdb")
        subprocess.run(
            [initdb, "--no-sync", "--no-locale", "--encoding=UTF8", "--auth=trust", "--username=ff", "data"],
            cwd=folder, env={"TZ": "GMT"}, user=NOBODY, group=NOBODY, extra_groups=[], stdout=subprocess.DEVNULL,
            check=True,
        )  # fmt: skip
        tar.add(f"{folder}/data", "data", filter=_owned_by_user)


def _owned_by_user(info):
    info.uid = info.gid = USER
    info.uname = info.gname = ""
    return info
