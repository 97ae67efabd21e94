"""A verified archive for another place: without published ports, with volumes and a network of its own.

Podman takes ports, networks, volumes and its own PID files of a restored container from the archive's `config.dump`,
and where its volumes lie from `spec.dump`, whatever host those were written on (4.3.1, 5.8: measured). So a copy that
must touch nothing that others use, or that runs on a host whose storage lies elsewhere, needs these two members changed
on the way. Memory and files stay as they are.
"""

import io
import json
import os
import tarfile
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from containers_app.errors import ArchiveError

from . import archive

SPEC_DUMP = "spec.dump"
VOLUMES = "volumes/"
# Paths of the first host that Podman makes anew where they are not said, and believes where they are.
OWN_PATHS = {"conmonPidFile", "pid_file"}
USUAL_VOLUMES = "/var/lib/containers/storage/volumes"  # containers-storage.conf(5), of root
OWN_BINDS = "/userdata/"  # below overlay-containers/<id>: resolv.conf, hosts, shm … Podman makes them anew
JSON_LIMIT = 4 * 1024 * 1024  # bytes of one of the two
CRIU_CONFIG = "org.criu.config"  # annotation that runc and crun read: a file of CRIU's own switches (criu(8))


@dataclass(frozen=True)
class Place:
    """Where the copy will live. `volumes_dir` is where this host's Podman has its volumes.

    `rename(name)` gives the new name of a volume; `network` takes the place of all networks, "" leaves them;
    `criu_config` is a file of CRIU's switches for this one restore, "" for none; `without_pids_limit` is for a host
    whose control groups cannot count processes.
    """

    volumes_dir: str
    rename: Callable = lambda name: name
    network: str = ""
    without_ports: bool = False
    criu_config: str = ""
    without_pids_limit: bool = False


@dataclass(frozen=True)
class Found:
    """What the archive says of its container: its two JSON members, as they were, and its members' names."""

    config: dict
    spec: dict
    names: list = field(default_factory=list)

    @property
    def volumes(self):
        """[(name, destination)] of its named volumes."""
        return [(row["volumeName"], row["dest"]) for row in self.config.get("namedVolumes") or []]

    @property
    def binds(self):
        """[(source, whether it may be written)] of the host's paths that are mounted in it, but for Podman's own."""
        places = {destination for _, destination in self.volumes}
        rows = [row for row in self.spec.get("mounts") or [] if row.get("type") == "bind"]
        return [
            (row["source"], "ro" not in (row.get("options") or []))
            for row in rows
            if row["destination"] not in places and OWN_BINDS not in row["source"]
        ]

    @property
    def own_namespaces(self):
        """Kinds of namespaces that are its own: pid, ipc, network, uts, mount, …"""
        rows = (self.spec.get("linux") or {}).get("namespaces") or []
        return {row["type"] for row in rows}


def relocate(packed, target: Path, *, sha256, place: Place, on_progress=None):
    """Write the uncompressed tar of `packed` to `target`, changed for `place`; returns Found.

    Raises ArchiveError unless the bytes of `packed` have this SHA-256; `target` must not be used then.
    """
    with (
        archive.opened(packed, sha256=sha256) as plain,
        tarfile.open(fileobj=plain, mode="r|", bufsize=archive.BLOCK) as source,
        _making(target) as made,
    ):
        writer = _Writer(made, place)
        for info in source:
            writer.put(info, source.extractfile(info) if info.isreg() else None)
            if on_progress:
                on_progress(made.offset)
    return writer.found()


def gather(folder: Path, target: Path, *, place: Place):
    """Write the members that lie in `folder`, a checkpoint image's file system, to the tar `target`; as `relocate`.

    Raises ArchiveError for what is neither a file nor a folder: an image may hold anything.
    """
    with _making(target) as made:
        writer = _Writer(made, place)
        for here, folders, files in os.walk(folder):
            for path in sorted(Path(here, name) for name in [*folders, *files]):
                info = made.gettarinfo(path, str(path.relative_to(folder)))
                if info is None or not (info.isreg() or info.isdir()):
                    raise ArchiveError(f"The image holds what no checkpoint has: {path.relative_to(folder)}.")
                if info.isdir():
                    writer.put(info, None)
                    continue
                with open(path, "rb") as file:
                    writer.put(info, file)
    return writer.found()


@contextmanager
def _making(target):
    with (
        open(target, "xb", opener=archive.private) as out,
        tarfile.TarFile(fileobj=out, mode="w", format=tarfile.PAX_FORMAT, copybufsize=archive.BLOCK) as made,
    ):
        yield made


class _Writer:
    """Puts members into a tar, changed for a place, and remembers what they said."""

    def __init__(self, made, place):
        self._made, self._place, self._said, self._names = made, place, {}, []

    def put(self, info, file):
        self._names.append(info.name)
        if info.name in CHANGED:
            self._said[info.name] = _read(info, file)
            file = _written(info, CHANGED[info.name](self._said[info.name], self._place))
        elif info.name.startswith(VOLUMES) and info.isreg():
            info.name = f"{VOLUMES}{self._place.rename(_volume(info.name))}.tar"
        self._made.addfile(info, file)

    def found(self):
        if len(self._said) != len(CHANGED):
            raise ArchiveError("The archive has no config.dump or no spec.dump.")
        return Found(self._said[archive.CONFIG_DUMP], self._said[SPEC_DUMP], self._names)


def _volume(member):
    return member.removeprefix(VOLUMES).removesuffix(".tar")


def _read(info, file):
    if info.size > JSON_LIMIT:
        raise ValueError(f"{info.name} is too large")
    return json.loads(file.read())


def _written(info, value):
    content = json.dumps(value).encode()
    info.size = len(content)
    return io.BytesIO(content)


def _config_for(config, place):
    changed = {name: value for name, value in config.items() if name not in OWN_PATHS}
    if place.without_ports:
        changed.pop("newPortMappings", None)
    if place.network and config.get("createNetNS"):
        changed["newNetworks"] = {place.network: {"interface_name": "eth0"}}
    volumes = config.get("namedVolumes") or []
    if volumes:
        changed["namedVolumes"] = [{**row, "volumeName": place.rename(row["volumeName"])} for row in volumes]
    return changed


def _spec_for(spec, place):
    changed = {**spec, "mounts": [_mount_for(row, place) for row in spec.get("mounts") or []]}
    resources = (spec.get("linux") or {}).get("resources") or {}
    if place.without_pids_limit and "pids" in resources:
        kept = {name: value for name, value in resources.items() if name != "pids"}
        changed["linux"] = {**spec["linux"], "resources": kept}
    if place.criu_config:
        changed["annotations"] = {**(spec.get("annotations") or {}), CRIU_CONFIG: place.criu_config}
    return changed


def _mount_for(row, place):
    """A named volume lies in `<volumes>/<name>/_data` (libpod/options, VolumePath)."""
    parts = Path(row.get("source") or "").parts
    if row.get("type") != "bind" or len(parts) < 4 or parts[-1] != "_data" or parts[-3] != "volumes":
        return row
    return {**row, "source": f"{place.volumes_dir}/{place.rename(parts[-2])}/_data"}


CHANGED = {archive.CONFIG_DUMP: _config_for, SPEC_DUMP: _spec_for}
