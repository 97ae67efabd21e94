"""What is wrong with a stranger's container, from its `config.dump` and `spec.dump`: findings in three levels.

`block`: nobody may let it in. `approval`: it goes beyond the policy, and a person must say yes. `note`: good to know.
The checks are those that a safe importer makes before root runs what an archive says; each is a small function that
yields findings, and a table says how grave each is. Pure: parsed JSON in, findings out, whatever is in it.
"""

import re
from dataclasses import asdict, dataclass

from . import privileges
from .privileges import dictionaries, texts, value

BLOCK, APPROVAL, NOTE = LEVELS = ("block", "approval", "note")

# key: (level, what it means). {} is filled with what was found.
TABLE = {
    "hooks": (BLOCK, "It has hooks: commands that run as root on the host ({})."),
    "criu_config": (BLOCK, "Its annotation org.criu.config would have CRIU run commands as root."),
    "annotation": (BLOCK, "It has an annotation that steers the host: {}."),
    "annotation_dropped": (NOTE, "Annotations that are left out: {}."),
    "rootfs": (BLOCK, "Its root is a folder of the host, not an image: {}."),
    "root_path": (BLOCK, "Its root lies outside of a container storage: {}."),
    "image_id": (BLOCK, "It does not say which image it needs by an ID."),
    "image_name": (BLOCK, "The name of its image is none: {}."),
    "registry": (APPROVAL, "Its image is from none of the allowed registries: {}."),
    "path": (BLOCK, "{} in its configuration is a path that Podman would write to: {}."),
    "dependencies": (BLOCK, "It depends on other containers or a pod, which are not in the archive ({})."),
    "service": (BLOCK, "It is part of Podman’s own machinery ({}), not a container."),
    "sdnotify": (BLOCK, "It would be given a socket of the host: {}."),
    "name": (BLOCK, "The name {} is none that Podman takes."),
    "volume": (BLOCK, "A volume is named or mounted in a way that Podman does not: {}."),
    "mounted_secrets": (BLOCK, "It mounts secrets of its own host’s store, which no archive carries: {}."),
    "secrets": (NOTE, "It was given secrets as environment variables; their values are in its memory: {}."),
    "privileged": (APPROVAL, "It is privileged."),
    "capabilities": (APPROVAL, "It has capabilities beyond the policy: {}."),
    "bind_forbidden": (BLOCK, "It mounts a path of the host that no archive may have: {}."),
    "bind_changed": (BLOCK, "It mounts something else where Podman mounts its own files: {}."),
    "bind": (APPROVAL, "It mounts {} of the host."),
    "mount_type": (BLOCK, "It mounts a file system of a kind that containers do not: {}."),
    "mount_target": (BLOCK, "A mount has a target that is no clean path: {}."),
    "propagation": (APPROVAL, "What it mounts would appear on the host: {}."),
    "devices": (APPROVAL, "It may use devices of the host: {}."),
    "namespace_path": (BLOCK, "It would join a namespace that exists already: {}."),
    "namespace_ipc": (BLOCK, "It shares the host’s IPC: a restore would put an old /dev/shm over the host’s."),
    "namespace_mount": (BLOCK, "It has no mount namespace of its own."),
    "namespace_user": (BLOCK, "It has a user namespace: Podman cannot restore that."),
    "namespace": (APPROVAL, "It shares with the host: {}."),
    "unconfined": (APPROVAL, "It is kept in less than usual: {}."),
    "seccomp": (BLOCK, "Its seccomp filter hands system calls to a socket of the host."),
    "cgroup": (BLOCK, "Its control group is none of a container: {}."),
    "unified": (BLOCK, "It writes files of the host’s control groups by name: {}."),
    "sysctl": (BLOCK, "It changes a setting of the whole kernel: {}."),
    "sysctl_own": (NOTE, "It changes settings of its own namespaces: {}."),
    "command": (BLOCK, "It does not say what it runs."),
    "disagree": (BLOCK, "Its two configurations disagree about {}: one of them was changed afterwards."),
    "ports": (NOTE, "It published ports; a restore publishes only what is asked for then: {}."),
    "engine": (NOTE, "It was made by {}, not Podman: it can be looked at, and not be restored here."),
    # found by runtime/foreign.py and images
    "apparmor": (BLOCK, "It brings AppArmor policies for the host’s kernel."),
    "plugin": (BLOCK, "It needs a plugin of CRIU: {}."),
    "deleted": (BLOCK, "Its list of deleted files has a path that leads elsewhere: {}."),
    "deleted_old_podman": (
        BLOCK, "It deletes files, and this host’s Podman {} would follow links out of the container doing so."
        " Bring it in on a host with Podman 5.8.2 or newer.",
    ),
    "set_id": (APPROVAL, "Its changed files include some that give whoever runs them another user’s rights: {}."),
    "processes_more": (BLOCK, "Its processes have more than its configuration says: {}."),
    "processes": (APPROVAL, "Its processes have capabilities beyond the policy: {}."),
    "processes_unfiltered": (BLOCK, "Its configuration has a seccomp filter and its processes have none."),
    "mounts_more": (BLOCK, "Its memory image mounts what its configuration does not: {}."),
    "tmpfs_devices": (BLOCK, "Its file systems in memory hold devices that it was not given: {}."),
    "open_outside": (BLOCK, "It has a file open that lies outside of its own mounts: {}."),
    "cgroup_image": (BLOCK, "Its image of control groups reaches outside of the container’s own ({})."),
    "unreadable": (BLOCK, "CRIU’s image {} cannot be read, so it cannot be checked."),
    "always": (APPROVAL, "It comes from elsewhere: the policy asks for an approval of everything that does."),
    "left_out": (NOTE, "Parts that a restore does not need are left out: {}."),
}  # fmt: skip

NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}")  # libpod, define.NameRegex
IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,511}")
HEX = re.compile(r"[0-9a-f]{64}")
CGROUP = re.compile(r"/?[A-Za-z0-9_.:@/-]{1,255}")
NAMESPACED_SYSCTL = re.compile(r"net\.[a-z0-9_.-]+|fs\.mqueue\.[a-z_]+|kernel\.(msg[a-z]+|sem|shm[a-z_]+)")
ROOT = re.compile(r"(/[^/]+)+/(overlay/[0-9a-f]{64}/merged|vfs/dir/[0-9a-f]{64}|btrfs/subvolumes/[0-9a-f]{64})")
STEERING = ("org.systemd.", "run.oci.", "cdi.k8s.io", "io.kubernetes.cri.", "com.nvidia.", "org.criu.")
KNOWN = ("io.container.manager", "io.podman.annotations.", "io.kubernetes.cri-o.", "org.opencontainers.image.")
PARTNERS = ("mountNsCtr", "pidNsCtr", "netNsCtr", "ipcNsCtr", "utsNsCtr", "userNsCtr", "cgroupNsCtr", "pod")
FILE_SYSTEMS = {"bind", "tmpfs", "proc", "sysfs", "devpts", "mqueue", "cgroup", "cgroup2"}
# Never mounted into an archive's container, with all below (FORBIDDEN) or as it is (WHOLE).
FORBIDDEN = (
    "/etc", "/proc", "/sys", "/dev", "/root", "/boot", "/run", "/var/run", "/usr", "/bin", "/sbin", "/lib", "/lib64",
    "/var/lib/containers", "/var/lib/docker", "/var/lib/kubelet", "/var/lib/containerd", "/var/spool/cron", "/var/log",
)  # fmt: skip
WHOLE = ("/", "/var", "/var/lib", "/home", "/opt", "/mnt", "/media", "/tmp", "/var/tmp")  # noqa: S108


@dataclass(frozen=True)
class Finding:
    """One thing that was found. `words` are for people."""

    level: str
    key: str
    words: str

    def as_json(self):
        return asdict(self)


def finding(key, *details):
    level, words = TABLE[key]
    return Finding(level, key, words.format(*(shown(detail) for detail in details)))


def shown(detail):
    text = "; ".join(str(item)[:200] for item in detail[:20]) if isinstance(detail, list) else str(detail)
    return text[:1000]


def judge(config, spec, policy):
    """Every Finding of a Podman container with these two files, compared with `policy` (ImportPolicy's rules)."""
    checks = (
        _hooks, _annotations, _root, _command, _namespaces, _mounts, _devices, _confined, _cgroup, _sysctls,
    )  # fmt: skip
    found = [row for check in checks for row in check(config, spec, policy)]
    for check in (_image, _paths, _relations, _names, _secrets, _powers, _ports):
        found += check(config, spec, policy)
    found += _agreement(config, spec)
    if policy.get("always_ask", True):
        found.append(finding("always"))
    return found


def worst(findings):
    """The gravest level among them; "" when there are none."""
    return next((level for level in LEVELS if any(row.level == level for row in findings)), "")


def in_order(findings):
    """Each once, the gravest first."""
    return sorted(dict.fromkeys(findings), key=lambda row: LEVELS.index(row.level))


def _hooks(config, spec, policy):
    hooks = spec.get("hooks")
    if hooks:
        kinds = hooks if isinstance(hooks, dict) else {}
        commands = [value(row, "path", default="?") for kind in kinds for row in dictionaries(hooks, kind)]
        yield finding("hooks", commands or "of an unknown form")


def _annotations(config, spec, policy):
    names = list(value(spec, "annotations", default={}))
    if "org.criu.config" in names:
        yield finding("criu_config")
    steering = [name for name in names if name.startswith(STEERING) and name != "org.criu.config"]
    if steering:
        yield finding("annotation", steering)
    others = [name for name in names if not name.startswith((*KNOWN, *STEERING))]
    if others:
        yield finding("annotation_dropped", others)


def _root(config, spec, policy):
    if config.get("rootfs"):
        yield finding("rootfs", config["rootfs"])
    path = value(spec, "root", "path", default="")
    if not ROOT.fullmatch(path) or not is_clean(path):
        yield finding("root_path", path or "none is named")


def _command(config, spec, policy):
    if not texts(spec, "process", "args"):
        yield finding("command")


def _image(config, spec, policy):
    number, name = value(config, "rootfsImageID", default=""), value(config, "rootfsImageName", default="")
    if not HEX.fullmatch(number):
        yield finding("image_id")
    if name and not IMAGE.fullmatch(name):
        yield finding("image_name", name)
    allowed = policy.get("registries") or []
    if allowed and not any(name == place or name.startswith((f"{place}/", f"{place}:")) for place in allowed):
        yield finding("registry", name or "it has no name")


def _paths(config, spec, policy):
    """Paths that Podman's own code writes to, or unpacks into: only those of the container's own folder pass."""
    number = value(config, "id", default="")
    own = re.compile(rf"(/[^/\0]+)+-containers/{re.escape(number)}/userdata(/[a-z./]+)?")
    for key in ("conmonPidFile", "pid_file", "staticDir", "ShmDir", "secretsPath", "logPath"):
        path = config.get(key)
        if path and not (isinstance(path, str) and HEX.fullmatch(number) and own.fullmatch(path) and is_clean(path)):
            yield finding("path", key, path)


def _relations(config, spec, policy):
    partners = [key for key in PARTNERS if config.get(key)]
    if config.get("Dependencies") or partners:
        yield finding("dependencies", partners or config["Dependencies"])
    machinery = [key for key in ("isService", "IsInfra", "isInfra", "IsInitCtr") if config.get(key)]
    if machinery:
        yield finding("service", machinery)
    if config.get("sdnotifySocket"):
        yield finding("sdnotify", config["sdnotifySocket"])


def _names(config, spec, policy):
    name = value(config, "name", default="")
    if not NAME.fullmatch(name):
        yield finding("name", name or "“”")
    for row in dictionaries(config, "namedVolumes"):
        volume, target = value(row, "volumeName", default=""), value(row, "dest", default="")
        if not NAME.fullmatch(volume) or not is_clean(target):
            yield finding("volume", f"{volume} at {target}")


def _secrets(config, spec, policy):
    mounted = [value(row, "name", default="?") for row in dictionaries(config, "secrets")]
    if mounted:
        yield finding("mounted_secrets", mounted)
    if variables := privileges.env_secret_names(config):
        yield finding("secrets", variables)


def _powers(config, spec, policy):
    if config.get("privileged"):
        yield finding("privileged")
    more = beyond(privileges.capabilities(spec), policy)
    if more:
        yield finding("capabilities", more)


def beyond(capabilities, policy):
    """Those capabilities that neither every container has nor the policy allows."""
    allowed = {name if name.startswith("CAP_") else f"CAP_{name}" for name in policy.get("capabilities") or []}
    return sorted(set(capabilities) - privileges.USUAL_CAPABILITIES - allowed)


def _ports(config, spec, policy):
    published = privileges.ports(config)
    if published:
        yield finding("ports", published)


def _namespaces(config, spec, policy):
    rows = dictionaries(spec, "linux", "namespaces")
    for row in rows:
        kind, path = value(row, "type", default=""), value(row, "path", default="")
        own = kind == "network" and re.fullmatch(r"(/var)?/run(/user/\d+)?/netns/netns-[0-9a-f-]{1,64}", path)
        if path and not own:
            yield finding("namespace_path", f"{kind} {path}")
        if kind == "user":
            yield finding("namespace_user")
    if value(spec, "linux", "uidMappings", default=[]) or value(spec, "linux", "gidMappings", default=[]):
        yield finding("namespace_user")
    shared = privileges.shared_namespaces(spec)
    if "ipc" in shared:
        yield finding("namespace_ipc")
    if "mount" in shared:
        yield finding("namespace_mount")
    allowed = {"ipc", "mount", *(policy.get("host_namespaces") or [])}
    if set(shared) - allowed:
        yield finding(
            "namespace", [f"{kind} ({privileges.NAMESPACES[kind]})" for kind in shared if kind not in allowed]
        )


def _mounts(config, spec, policy):
    for mount in dictionaries(spec, "mounts"):
        target, kind = value(mount, "destination", default=""), value(mount, "type", default="")
        if not is_clean(target):
            yield finding("mount_target", target or "none")
        if kind not in FILE_SYSTEMS and not privileges.is_bind(mount):
            yield finding("mount_type", f"{kind or 'none'} at {target}")
        if {"shared", "rshared"} & set(texts(mount, "options")):
            yield finding("propagation", target)
        if privileges.is_bind(mount):
            yield from _bind(config, mount, policy)
    if value(spec, "linux", "rootfsPropagation", default="") in {"shared", "rshared"}:
        yield finding("propagation", "its root")


def _bind(config, mount, policy):
    source, target = value(mount, "source", default=""), value(mount, "destination", default="")
    if target in privileges.own_destinations(config):
        if not is_own_source(config, source, target):
            yield finding("bind_changed", privileges.mount_words(mount))
    elif is_forbidden(source):
        yield finding("bind_forbidden", privileges.mount_words(mount))
    elif not any(
        source == root or source.startswith(f"{root.rstrip('/')}/") for root in policy.get("bind_sources") or []
    ):
        yield finding("bind", privileges.mount_words(mount))


def is_own_source(config, source, target):
    """True for a file of the container's own folder, or a named volume's, where the configuration says so."""
    number = value(config, "id", default="")
    if target in privileges.PODMAN_FILES:
        tail = f"-containers/{number}/userdata/{privileges.PODMAN_FILES[target]}"
    else:
        volume = privileges.volume_at(config, target)
        tail = f"/volumes/{volume}/_data" if volume else ""
    return bool(tail) and source.endswith(tail) and is_clean(source) and bool(HEX.fullmatch(number))


def is_forbidden(source):
    """True for a path of the host that gives the host away, one that is not clean, and every socket by its name."""
    if not is_clean(source) or source in WHOLE or source.endswith(".sock"):
        return True
    inside = "-containers/" in source or "/overlay/" in source
    return inside or any(source == folder or source.startswith(f"{folder}/") for folder in FORBIDDEN)


def is_clean(path):
    """True for an absolute path without "..", "." and empty parts."""
    if not isinstance(path, str) or not path.startswith("/") or "\0" in path or len(path) > 4096:
        return False
    return path == "/" or not {"", ".", ".."} & set(path[1:].split("/"))


def _devices(config, spec, policy):
    devices = [value(row, "path", default="?") for row in dictionaries(spec, "linux", "devices")]
    rules = [row for row in dictionaries(spec, "linux", "resources", "devices") if row.get("allow")]
    allowed = [" ".join(str(row.get(name, "any")) for name in ("type", "major", "minor", "access")) for row in rules]
    if (devices or allowed) and not config.get("privileged"):
        yield finding("devices", devices or allowed)


def _confined(config, spec, policy):
    filters = value(spec, "linux", "seccomp", default={})
    actions = [value(row, "action", default="") for row in dictionaries(filters, "syscalls")]
    actions.append(value(filters, "defaultAction", default=""))
    if filters.get("listenerPath") or {"SCMP_ACT_NOTIFY", "SCMP_ACT_TRACE"} & set(actions):
        yield finding("seccomp")
    missing = privileges.unconfined(spec)
    if missing and not policy.get("unconfined"):
        yield finding("unconfined", missing)


def _cgroup(config, spec, policy):
    for path in (value(spec, "linux", "cgroupsPath", default=""), value(config, "cgroupParent", default="")):
        if path and (not CGROUP.fullmatch(path) or ".." in path.split("/")):
            yield finding("cgroup", path)
    unified = value(spec, "linux", "resources", "unified", default={})
    if unified:
        yield finding("unified", list(unified))


def _sysctls(config, spec, policy):
    names = list(value(spec, "linux", "sysctl", default={}))
    outside = [name for name in names if not NAMESPACED_SYSCTL.fullmatch(name)]
    shared = privileges.shared_namespaces(spec)
    if outside or (names and "network" in shared):
        yield finding("sysctl", outside or names)
    elif own := list(privileges.unusual_sysctls(spec)):
        yield finding("sysctl_own", own)


def _agreement(config, spec):
    """`config.dump` embeds the specification as it was asked for; Podman runs the other one. They tell the same."""
    embedded = value(config, "spec", default={})
    if not embedded:
        yield finding("disagree", "everything: config.dump has no specification")
        return
    for words, told in AGREED.items():
        if told(embedded) != told(spec):
            yield finding("disagree", words)
    number, path = value(config, "id", default=""), value(spec, "linux", "cgroupsPath", default="")
    if path and HEX.fullmatch(number) and number not in path:
        yield finding("disagree", "the container’s ID")
    mounted = {tuple(value(row, name, default="") for name in BIND) for row in privileges.binds(embedded)}
    own = privileges.own_destinations(config)
    for mount in privileges.binds(spec):
        target = value(mount, "destination", default="")
        if target not in own and tuple(value(mount, name, default="") for name in BIND) not in mounted:
            yield finding("disagree", f"what is mounted at {target}")
    if not config.get("privileged") and _devices_of(embedded) != _devices_of(spec):  # Podman adds the host's to those
        yield finding("disagree", "its devices")
    declared = value(spec, "annotations", "io.podman.annotations.privileged", default="FALSE") == "TRUE"
    if declared != bool(config.get("privileged")):
        yield finding("disagree", "whether it is privileged")


BIND = ("destination", "source")


def _devices_of(spec):
    return [value(row, "path", default="?") for row in dictionaries(spec, "linux", "devices")]


AGREED = {
    "what it runs": lambda spec: texts(spec, "process", "args"),
    "its capabilities": privileges.capabilities,
    "its namespaces": lambda spec: sorted(privileges.shared_namespaces(spec)),
    "whether system calls are filtered": lambda spec: bool(value(spec, "linux", "seccomp", default={})),
    "its hooks": lambda spec: bool(spec.get("hooks")),
}
