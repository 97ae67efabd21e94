"""Frozen facts and options that `runtime` takes and gives: times in UTC, sizes in bytes, CRIU's times in µs."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True)
class CommandResult:
    """One finished command: the exact argument list, its exit code, and its bounded output."""

    argv: list[str]
    exit_code: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Check:
    """One line of a readiness checklist. `level` is ok, warn or block."""

    key: str
    title: str
    level: str
    detail: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class HostFacts:
    """What one host is: versions, the choices that are made for every new container there (`oci_runtime`, `ulimits`,
    `pids_limit`), the `flags` that its Podman has for `checkpoint`, `restore` and `create`, and its short
    names of images (`registries`, runtime/registries.py)."""

    podman_version: str = ""
    oci_runtime: str = ""
    oci_runtime_version: str = ""
    criu_version: str = ""
    criu_path: str = ""
    kernel: str = ""
    architecture: str = ""
    distribution: str = ""
    cgroup_version: str = ""
    cgroup_manager: str = ""
    storage_driver: str = ""
    network_backend: str = ""
    ulimits: list[str] = field(default_factory=list)
    pids_limit: str = ""
    flags: dict[str, list[str]] = field(default_factory=dict)
    registries: dict = field(default_factory=dict)
    cpu_flags: list[str] = field(default_factory=list)
    cpu_image: str = ""  # cpuinfo.img of `criu cpuinfo dump`, in base64
    security_module: str = ""
    dirty_tracking: bool = False
    criu_plugins: list[str] = field(default_factory=list)
    criu_config: dict = field(default_factory=dict)

    def as_json(self):
        return asdict(self)


@dataclass(frozen=True)
class ImageFacts:
    """An image in Podman's storage, from `podman image list`."""

    image_id: str
    names: list[str]
    digest: str
    size_bytes: int
    created_at: datetime | None
    checkpoint: dict = field(default_factory=dict)


@dataclass(frozen=True)
class ContainerFacts:
    """A container as `podman container inspect` shows it, reduced to what Freezeframe keeps."""

    container_id: str
    name: str
    image_id: str
    image_name: str
    state: str
    pid: int
    exit_code: int
    created_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    checkpointed_at: datetime | None
    restored_at: datetime | None
    ports: list[str]
    command: list[str]
    oci_runtime: str
    userdata: Path
    auto_remove: bool
    dependencies: list[str]
    pod: str
    ipc_mode: str
    userns_mode: str
    config: dict
    mount_point: str = ""
    upper: str = ""  # the folder with what it has changed of its image's files; "" where the storage has none
    exec_ids: list[str] = field(default_factory=list)
    network_mode: str = ""
    addresses: list[str] = field(default_factory=list)
    static_addresses: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)  # names of those that are mounted in it
    cpus: str = ""  # those that it is bound to, as cpuset.cpus has them
    security_profile: str = ""  # AppArmor's profile, or SELinux's label


@dataclass(frozen=True)
class CreateOptions:
    """What `podman create` gets. `runtime` and `pids_limit` are the host's own choices.

    `settings` are fields of runtime/creation.py, `extra` flags that are no person's but our own.
    """

    name: str
    image: str
    command: list[str] = field(default_factory=list)
    env: list[str] = field(default_factory=list)
    settings: dict = field(default_factory=dict)
    runtime: str = ""
    pids_limit: str = ""
    extra: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class CheckpointOptions:
    """Podman's flags of the same names. `pre_checkpoint` is asked for, `with_previous` follows from it (capture.py)."""

    leave_running: bool = False
    tcp_established: bool = False
    file_locks: bool = False
    ignore_rootfs: bool = False
    ignore_volumes: bool = False
    pre_checkpoint: bool = False
    with_previous: bool = False

    def as_json(self):
        return asdict(self)


@dataclass(frozen=True)
class RestoreOptions:
    """Podman's flags of the same names. Without `name` an import takes the old container ID and name."""

    name: str = ""
    publish: list[str] = field(default_factory=list)
    pod: str = ""
    keep: bool = False
    tcp_established: bool = False
    tcp_close: bool = False
    file_locks: bool = False
    ignore_rootfs: bool = False
    ignore_volumes: bool = False
    ignore_static_ip: bool = False
    ignore_static_mac: bool = False

    def as_json(self):
        return asdict(self)


@dataclass(frozen=True)
class Member:
    """One member of a checkpoint archive. `sha256` is empty for folders and links."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class ArchiveFacts:
    """What one pass over a checkpoint archive found. `small` holds the small members' bytes by name; `memory` and
    `changes` are a gleaning.Gleaner's."""

    sha256: str
    archive_bytes: int
    unpacked_bytes: int
    members: list[Member]
    completed_paths: list[str]
    small: dict[str, bytes]
    memory: dict = field(default_factory=dict)
    changes: dict | None = None
