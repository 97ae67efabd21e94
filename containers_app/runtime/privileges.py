"""What a container of a checkpoint may do, in plain words, from its `config.dump` and `spec.dump`.

For a stranger's archive before it is let in, and for our own: both hold Podman's ContainerConfig (libpod) and the OCI
runtime specification. Every value is taken as hostile: whatever its type, the answer is rows of text. Judges nothing:
`more` only says that a row goes beyond what every container has.
"""

import shlex

# What Podman gives, and what it and Docker gave for years (containers/common, DefaultCapabilities; moby, caps).
USUAL_CAPABILITIES = frozenset(
    f"CAP_{name}"
    for name in (
        "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP",
        "SETUID", "SYS_CHROOT", "AUDIT_WRITE", "MKNOD", "NET_RAW",
    )
)  # fmt: skip
NAMESPACES = {
    "pid": "sees and may end the host’s processes",
    "network": "uses the host’s network as it is",
    "ipc": "shares the host’s shared memory",
    "uts": "shares the host’s name",
    "mount": "sees the host’s mounts",
}
USUAL_ANNOTATIONS = ("io.podman.", "io.container.", "io.kubernetes.", "org.opencontainers.")
PODMAN_SYSCTL = ("net.ipv4.ping_group_range", "0 0")  # default_sysctls in containers.conf(5)
ROW_LIMIT = 4000  # characters of one row
ITEMS = 50  # of one list


def read(config, spec):
    """[{key, title, words, more}] of these two, parsed from JSON: what it is, what it may do, what it reaches."""
    rows = [
        ("image", "Image", _image(config), False),
        ("runs", "Runs", _runs(spec), False),
        ("user", "As", user_words(spec), False),
        *_powers(config, spec),
        *_reaches(config, spec),
        *_brings(config, spec),
    ]
    return [
        {"key": key, "title": title, "words": words[:ROW_LIMIT], "more": more}
        for key, title, words, more in rows
        if words
    ]


def value(mapping, *path, default=None):
    """What lies at `path` in nested dictionaries, if it has the type of `default`."""
    for name in path:
        mapping = mapping.get(name) if isinstance(mapping, dict) else None
    return mapping if isinstance(mapping, type(default)) else default


def texts(mapping, *path):
    """The texts of a list."""
    return [item for item in value(mapping, *path, default=[]) if isinstance(item, str)]


def dictionaries(mapping, *path):
    return [item for item in value(mapping, *path, default=[]) if isinstance(item, dict)]


def capabilities(spec):
    """Names of all capabilities in any of its sets."""
    sets = value(spec, "process", "capabilities", default={})
    return {name for key in sets for name in texts(sets, key)}


def shared_namespaces(spec):
    """Kinds of namespaces that it shares with the host: those that are not its own."""
    own = {value(row, "type", default="") for row in dictionaries(spec, "linux", "namespaces")}
    return [kind for kind in NAMESPACES if kind not in own]


def binds(spec):
    """The mounts of spec.dump that bring in a path of the host."""
    return [mount for mount in dictionaries(spec, "mounts") if is_bind(mount)]


def is_bind(mount):
    return mount.get("type") == "bind" or bool({"bind", "rbind"} & set(texts(mount, "options")))


def unconfined(spec):
    """What keeps a container in and is missing here, in words."""
    linux = value(spec, "linux", default={})
    action = value(linux, "seccomp", "defaultAction", default="")
    missing = []
    if action in {"", "SCMP_ACT_ALLOW", "SCMP_ACT_LOG"}:
        missing.append("no seccomp filter: every system call is open to it")
    if not texts(linux, "maskedPaths"):
        missing.append("no masked paths: it reads what /proc and /sys tell of the host")
    if not texts(linux, "readonlyPaths"):
        missing.append("no read-only paths: it may change the host’s kernel through /proc/sys")
    return missing


def user_words(spec):
    uid = value(spec, "process", "user", "uid", default=0)
    gid = value(spec, "process", "user", "gid", default=0)
    who = "root (user 0" if uid == 0 else f"user {uid} (not root"
    return f"{who}, group {gid}) in its container"


def secret_names(config):
    """Names of the secrets of its host's store that it was given, as files or as environment variables."""
    named = [value(row, "name", default="") for row in dictionaries(config, "secrets")]
    return sorted({*named, *env_secret_names(config)} - {""})


def env_secret_names(config):
    """Names of the secrets that it was given as environment variables (libpod/container_config.go, EnvSecrets)."""
    rows = value(config, "secret_env", default={}).values()
    return [value(row, "name", default="?") for row in rows if isinstance(row, dict)]


def ports(config):
    """`127.0.0.1:18080 → 80/tcp` for each published port, in Podman's old and new form."""
    rows = dictionaries(config, "newPortMappings") or dictionaries(config, "portMappings")
    shown = []
    for row in rows:
        host, inside = (value(row, name, default=0) for name in ("host_port", "container_port"))
        address = value(row, "host_ip", default="") or "every address"
        shown.append(f"{address}, port {host or value(row, 'hostPort', default=0)} → {inside}")
    return shown


def _image(config):
    name, number = value(config, "rootfsImageName", default=""), value(config, "rootfsImageID", default="")
    return f"{name or 'no name'} ({number[:12] or 'no ID'})"


def _runs(spec):
    return shlex.join(texts(spec, "process", "args"))


def _powers(config, spec):
    extra = sorted(capabilities(spec) - USUAL_CAPABILITIES)
    if value(config, "privileged", default=False):
        yield "privileged", "Privileged", "It has nearly every power over the host that root has.", True
    yield "capabilities", "Capabilities", _capability_words(spec, extra), bool(extra)
    shared = shared_namespaces(spec)
    if shared:
        words = "; ".join(f"{kind}: it {NAMESPACES[kind]}" for kind in shared)
        yield "namespaces", "Shared with the host", words, True
    missing = unconfined(spec)
    yield "confined", "Kept in by", "; ".join(missing) or "a seccomp filter, masked and read-only paths", bool(missing)
    labels = texts(config, "labelopts")
    label, profile = (
        value(spec, "process", "selinuxLabel", default=""),
        value(spec, "process", "apparmorProfile", default=""),
    )
    off = " (SELinux was switched off for it)" if "disable" in labels else ""
    yield "lsm", "SELinux, AppArmor", " ".join(filter(None, [label, profile])) or f"no label, no profile{off}", False


def _capability_words(spec, extra):
    every = capabilities(spec)
    if not every:
        return "none"
    usual = f"{len(every) - len(extra)} usual ones"
    return f"{', '.join(extra)}, and {usual}" if extra else usual


def _reaches(config, spec):
    own = own_destinations(config)
    foreign = [mount for mount in binds(spec) if value(mount, "destination", default="") not in own]
    if foreign:
        yield "binds", "Mounts of the host", _listed(mount_words(mount) for mount in foreign), True
    devices = [value(row, "path", default="?") for row in dictionaries(spec, "linux", "devices")]
    if devices:
        yield "devices", "Devices", _listed(devices), True
    if ports(config):
        yield "ports", "Listens on", _listed(ports(config)), False


def _brings(config, spec):
    volumes = [
        f"{value(row, 'volumeName', default='?')} at {value(row, 'dest', default='?')}"
        for row in dictionaries(config, "namedVolumes")
    ]
    if volumes:
        yield "volumes", "Named volumes", _listed(volumes), False
    if secret_names(config):
        yield "secrets", "Secrets by name", _listed(secret_names(config)), False
    sysctls = unusual_sysctls(spec)
    if sysctls:
        yield "sysctls", "Kernel settings", _listed(f"{name}={text}" for name, text in sysctls.items()), True
    names = [pair.partition("=")[0] for pair in texts(spec, "process", "env")]
    if names:
        yield "environment", "Environment, names only", _listed(names), False
    annotations = value(spec, "annotations", default={})
    unusual = [name for name in annotations if not name.startswith(USUAL_ANNOTATIONS)]
    if unusual:
        yield "annotations", "Annotations", _listed(f"{name}={annotations[name]}" for name in unusual), True


def unusual_sysctls(spec):
    """{name: text} of its kernel settings that Podman does not give to every container."""
    sysctls = value(spec, "linux", "sysctl", default={})
    return {name: text for name, text in sysctls.items() if (name, text) != PODMAN_SYSCTL}


def volume_at(config, target):
    """The name of its volume that is mounted there; "" for none."""
    rows = dictionaries(config, "namedVolumes")
    return next((value(row, "volumeName", default="") for row in rows if row.get("dest") == target), "")


def own_destinations(config):
    """Where Podman itself mounts files into every container, and where its named volumes lie."""
    volumes = {value(row, "dest", default="") for row in dictionaries(config, "namedVolumes")}
    return {*PODMAN_FILES, *volumes}


# destination: the file below the container's own folder that Podman mounts there
PODMAN_FILES = {
    "/etc/resolv.conf": "resolv.conf", "/etc/hosts": "hosts", "/etc/hostname": "hostname",
    "/dev/shm": "shm",  # noqa: S108 - a path in containers
    "/run/.containerenv": ".containerenv", "/run/secrets": "run/secrets", "/etc/passwd": "passwd",
    "/etc/group": "group",
}  # fmt: skip


def mount_words(mount):
    source, target = (value(mount, name, default="?") for name in ("source", "destination"))
    return f"{source} at {target}{'' if 'ro' not in texts(mount, 'options') else ', read-only'}"


def _listed(items):
    items = [str(item)[:300] for item in items]
    more = f" … and {len(items) - ITEMS} more" if len(items) > ITEMS else ""
    return "; ".join(items[:ITEMS]) + more
