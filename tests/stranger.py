"""A stranger's archive: a good one, and the ways in which it can be changed. Real ones are changed through `spoilt`.

`archive`, `in_config`, `in_spec` and the like give a function that writes such an archive into a folder and returns its
path: what an attack (tests/hostile.py) is made of.
"""

import gzip
import io
import json
import tarfile
from copy import deepcopy

import zstandard

from tests.runtime.test_images import an_image, field

ID, IMAGE_ID = "e1" * 32, "74" * 32
STORAGE = f"/var/lib/containers/storage/overlay-containers/{ID}/userdata"
RUN = f"/run/containers/storage/overlay-containers/{ID}/userdata"
CAPS = ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID"]
CAP_BITS = 1 << 0 | 1 << 5 | 1 << 7
FILTER = {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]}


def bind(destination, source, *options):
    return {"destination": destination, "type": "bind", "source": source, "options": ["rbind", *options]}


SPEC = {
    "ociVersion": "1.0.2-dev",
    "process": {
        "user": {"uid": 0, "gid": 0}, "args": ["/bin/sh", "-c", "count"], "cwd": "/",
        "env": ["PATH=/bin", "TOKEN=s3cret"],
        "capabilities": {"bounding": CAPS, "effective": CAPS, "permitted": CAPS},
    },
    "root": {"path": f"/var/lib/containers/storage/overlay/{'5' * 64}/merged"},
    "mounts": [
        {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid"]},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755"]},
        bind("/etc/hosts", f"{RUN}/hosts"),
        bind("/data", "/var/lib/containers/storage/volumes/vol/_data"),
    ],
    "annotations": {"io.container.manager": "libpod", "io.podman.annotations.privileged": "FALSE"},
    "linux": {
        "resources": {"devices": [{"allow": False, "access": "rwm"}], "pids": {"limit": 2048}},
        "cgroupsPath": f"/libpod_parent/libpod-{ID}",
        "namespaces": [
            {"type": "pid"}, {"type": "network", "path": "/run/netns/netns-3375d03c-c670"}, {"type": "ipc"},
            {"type": "uts"}, {"type": "mount"},
        ],
        "seccomp": FILTER,
        "maskedPaths": ["/proc/kcore"],
        "readonlyPaths": ["/proc/sys"],
    },
}  # fmt: skip
CONFIG = {
    "id": ID, "name": "looper", "rootfsImageID": IMAGE_ID, "rootfsImageName": "quay.io/team/looper:1",
    "ShmDir": f"{STORAGE}/shm", "staticDir": STORAGE, "logPath": f"{STORAGE}/ctr.log",
    "secretsPath": f"{STORAGE}/secrets",
    "conmonPidFile": f"{RUN}/conmon.pid", "pid_file": f"{RUN}/pidfile", "privileged": False, "runtime": "runc",
    "namedVolumes": [{"volumeName": "vol", "dest": "/data", "options": ["rw"]}], "userVolumes": ["/data"],
    "networkMode": "bridge", "createNetNS": True, "command": ["/bin/sh", "-c", "count"],
    "cgroupParent": "/libpod_parent",
}  # fmt: skip


def tar(*entries, pack=None):
    """The bytes of a tar of (name, content) or TarInfo entries; content may be bytes or None for a folder."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as out:
        for entry in entries:
            if isinstance(entry, tarfile.TarInfo):
                out.addfile(entry)
                continue
            info = tarfile.TarInfo(entry[0])
            info.size = len(entry[1])
            out.addfile(info, io.BytesIO(entry[1]))
    return (pack or bytes)(buffer.getvalue())


def special(name, kind, link="", mode=0o644, major=0, minor=0):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode, info.devmajor, info.devminor = kind, link, mode, major, minor
    return info


LINK, HARD, CHAR, BLOCK, FIFO = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE


def core(caps=CAP_BITS, seccomp=2):
    words = b"".join(field(11, word) + field(12, word) for word in (caps & 0xFFFFFFFF, caps >> 32))
    return an_image(
        "core", field(1, 1) + field(3, field(1, 1) + field(6, b"sh")) + field(5, field(10, words) + field(11, seccomp))
    )


def mount(target, *, kind=5, source=b"tmpfs", key=b""):
    return field(1, kind) + field(2, 7) + field(7, target) + field(8, source) + (field(18, key) if key else b"")


def open_file(name, number=14):
    return field(1, 1) + field(2, 1) + field(3, field(6, name) + field(7, number))


MOUNTS = (
    mount(b"/", kind=17, source=b"overlay"),
    mount(b"/proc", kind=1),
    mount(b"/etc/hosts", kind=0, key=b"/etc/hosts"),
)


def members(config=None, spec=None, **others):
    """{name: bytes} of a good archive; `config` and `spec` are functions that change copies of its two files."""
    made_config, made_spec = deepcopy(CONFIG), deepcopy(SPEC)
    (spec or bool)(made_spec)
    made_config["spec"] = deepcopy(made_spec)
    (config or bool)(made_config)
    return {
        "config.dump": json.dumps(made_config).encode(),
        "spec.dump": json.dumps(made_spec).encode(),
        "checkpoint/inventory.img": an_image("inventory", field(1, 2)),
        "checkpoint/pstree.img": an_image("pstree", field(1, 1) + field(5, 1)),
        "checkpoint/core-1.img": core(),
        "checkpoint/mountpoints-13.img": an_image("mountpoints", *MOUNTS),
        "checkpoint/files.img": an_image("files", open_file(b"/bin/sh")),
        "checkpoint/tmpfs-dev-51.tar.gz.img": tar(special("./null", CHAR, major=1, minor=3), pack=gzip.compress),
        "checkpoint/descriptors.json": b'["/dev/null"]',
        "checkpoint/pages-1.img": b"memory" * 1000,
        "rootfs-diff.tar": tar(("tmp/f", b"hi")),
        "devshm-checkpoint.tar": tar(),
        "volumes/vol.tar": tar(("./x", b"")),
        **others,
    }


def written(folder, content, name="a.tar"):
    path = folder / name
    path.write_bytes(content)
    return path


def archive(**changes):
    """An Attack's `make` for a good archive that differs in `changes` (see `members`)."""
    return lambda folder: written(folder, tar(*members(**changes).items()))


def more(*entries):
    """The same with members appended."""
    return lambda folder: written(folder, tar(*members().items(), *entries))


def raw(content):
    return lambda folder: written(folder, content() if callable(content) else content)


def setting(*path, to):
    """A function that sets one place in a nested dictionary; "+" appends to a list."""

    def change(mapping):
        *way, last = path
        for name in way:
            mapping = mapping.setdefault(name, {}) if isinstance(mapping, dict) else mapping[name]
        if last == "+":
            mapping.append(to)
        else:
            mapping[last] = to

    return change


def in_config(*path, to):
    return archive(config=setting(*path, to=to))


def in_spec(*path, to):
    return archive(spec=setting(*path, to=to))


def only_in_spec(*path, to):
    """Changed in spec.dump after the checkpoint: config.dump still says what it said."""

    def make(folder):
        content = members()
        spec = json.loads(content["spec.dump"])
        setting(*path, to=to)(spec)
        return written(folder, tar(*(content | {"spec.dump": json.dumps(spec).encode()}).items()))

    return make


def image(name, content):
    return archive(**{f"checkpoint/{name}": content})


def header(name, size=0, kind=b"0", checksum=True):
    """One raw header block, for what no library writes."""
    block = bytearray(512)
    block[: len(name)] = name
    block[100:156] = b"0000644\0" + b"0000000\0" * 2 + b"%011o\0" % size + b"%011o\0" % 0 + b" " * 8
    block[156:157], block[257:265] = kind, b"ustar\x0000"
    block[148:156] = b"%06o\0 " % (sum(block) if checksum else 1)
    return bytes(block)


def many(count):
    return lambda folder: written(folder, b"".join(header(b"checkpoint/a%d.img" % place) for place in range(count)))


def zeros(pack, size):
    """A member of so many zeros, packed small."""
    return lambda folder: written(folder, packed_zeros(pack, size))


def packed_zeros(pack, size, member=b"checkpoint/pages-1.img", level=9):
    buffer, block = io.BytesIO(), bytes(1024 * 1024)
    opened = {
        "gz": lambda: gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=level),
        "zst": lambda: zstandard.ZstdCompressor(level=1).stream_writer(buffer, closefd=False),
    }[pack]
    with opened() as out:
        out.write(header(member, size))
        for _ in range(size // len(block)):
            out.write(block)
    return buffer.getvalue()


def layer(*entries):
    return archive(**{"rootfs-diff.tar": tar(*entries)})


def deleting(paths, **others):
    return archive(**{"deleted.files": json.dumps(paths).encode(), **others})


def doubled_key():
    return members()["spec.dump"].replace(b'{"ociVersion"', b'{"hooks": {}, "ociVersion": "1", "ociVersion"', 1)


def spoilt(source, target, change):
    """Write the tar `source` to `target` with `change({name: bytes})` made to its members: a real archive, attacked."""
    with tarfile.open(source) as old:
        content = {info.name: old.extractfile(info).read() if info.isreg() else None for info in old}
    change(content)
    target.write_bytes(
        tar(*(((name, data) if data is not None else special(name, tarfile.DIRTYPE)) for name, data in content.items()))
    )
    return target


def in_file(name, *path, to):
    """A change for `spoilt`: one place of a JSON member."""

    def change(content):
        mapping = json.loads(content[name])
        setting(*path, to=to)(mapping)
        content[name] = json.dumps(mapping).encode()

    return change
