"""`config.dump` and `spec.dump` of a stranger's container made anew from facts that were checked (runtime/review.py).

Nothing is copied but what the tables here name, each through a function that lets one shape pass; whatever else stood
in the two files is not there any more. Paths of Podman's own, networks and IDs are this host's, not the archive's.
"""

import re
import secrets
from dataclasses import dataclass

from . import privileges, review
from .privileges import dictionaries, texts, value

TEXT_LIMIT = 128 * 1024  # characters of one text: ARG_MAX for one argument


@dataclass(frozen=True)
class Here:
    """What of this host goes into it: where Podman keeps volumes, its default network, its version."""

    volumes: str = "/var/lib/containers/storage/volumes"
    network: str = "podman"
    cgroup_manager: str = "cgroupfs"
    podman_version: str = ""


def rebuild(config, spec, here: Here):
    """(config, spec) as Podman takes them. Call it only with what `review` has no block for."""
    fresh = secrets.token_hex(32)
    made = _spec(config, spec, here, fresh)
    return _config(config, made, here, fresh), made


def _spec(config, spec, here, fresh):
    process, linux = value(spec, "process", default={}), value(spec, "linux", default={})
    user = value(process, "user", default={})
    return _filled({
        "ociVersion": "1.0.2",
        "process": _filled({
            "terminal": process.get("terminal") is True,
            "user": {"uid": _number(user.get("uid")), "gid": _number(user.get("gid")),
                     "umask": _number(user.get("umask"), 0o22),
                     "additionalGids": [_number(gid) for gid in value(user, "additionalGids", default=[])[:64]]},
            "args": _texts(process, "args"),
            "env": [pair for pair in _texts(process, "env") if "=" in pair],
            "cwd": _path(process.get("cwd")) or "/",
            "capabilities": {
                kind: _matching(process, r"CAP_[A-Z_]{1,40}", "capabilities", kind) for kind in CAPABILITY_SETS
            },
            "rlimits": [_rlimit(row) for row in dictionaries(process, "rlimits")],
            "noNewPrivileges": process.get("noNewPrivileges") is True,
            "oomScoreAdj": max(0, _number(process.get("oomScoreAdj"))),
            "selinuxLabel": _word(process.get("selinuxLabel"), r"[A-Za-z0-9_:,.-]{1,256}"),
            "apparmorProfile": _word(process.get("apparmorProfile"), r"[A-Za-z0-9_.:-]{1,256}"),
        }),
        "root": {
            "path": value(spec, "root", "path", default=""),
            "readonly": value(spec, "root", "readonly", default=False),
        },
        "hostname": _word(spec.get("hostname"), r"[A-Za-z0-9.-]{1,253}"),
        "mounts": [_mount(mount, config, here, fresh) for mount in dictionaries(spec, "mounts")],
        "annotations": _annotations(config, spec),
        "linux": _filled({
            "sysctl": _labels(value(linux, "sysctl", default={})),
            "resources": _resources(value(linux, "resources", default={})),
            "cgroupsPath": f"/libpod_parent/libpod-{fresh}",
            "namespaces": [{"type": kind} for kind in _namespaces(spec)],
            "devices": [_device(row) for row in dictionaries(linux, "devices")],
            "seccomp": _seccomp(value(linux, "seccomp", default={})),
            "rootfsPropagation": _word(linux.get("rootfsPropagation"), r"r?(private|slave|shared)"),
            "maskedPaths": _paths(linux, "maskedPaths"),
            "readonlyPaths": _paths(linux, "readonlyPaths"),
            "mountLabel": _word(linux.get("mountLabel"), r"[A-Za-z0-9_:,.-]{1,256}"),
        }),
    })  # fmt: skip


def _config(config, spec, here, fresh):
    image = value(config, "rootfsImageID", default="")  # its name as well: Podman would pull what a stranger named
    host_network = "network" in privileges.shared_namespaces(spec)
    pasted = {key: config[key] for key, kind in KEPT.items() if type(config.get(key)) is kind}
    pasted |= _filled({key: _word(config.get(key), pattern) for key, pattern in KEPT_WORDS.items()})
    return {
        **pasted,
        "spec": spec,
        "id": fresh,
        "name": value(config, "name", default=""),
        "idMappingsOptions": {"HostUIDMapping": True, "HostGIDMapping": True, "UIDMap": None, "GIDMap": None},
        "Dependencies": None,
        "rootfsImageID": image,
        "rootfsImageName": image,
        "RawImageName": image,
        "namedVolumes": [_volume(row) for row in dictionaries(config, "namedVolumes")],
        "userVolumes": [path for path in _texts(config, "userVolumes") if review.is_clean(path)],
        "privileged": config.get("privileged") is True,
        "labelopts": _matching(config, r"[a-z]{1,16}(:[A-Za-z0-9_:,.-]{1,256})?", "labelopts"),
        "createNetNS": not host_network,
        "networkMode": "host" if host_network else "none" if _isolated(config) else "bridge",
        "newNetworks": {} if host_network or _isolated(config) else {here.network: {"interface_name": "eth0"}},
        "command": _texts(config, "command"),
        "entrypoint": _texts(config, "entrypoint"),
        "user": _word(config.get("user"), r"[A-Za-z0-9_.:-]{1,128}") or "",
        "labels": _labels(value(config, "labels", default={})),
        "cgroupManager": here.cgroup_manager,
        "cgroupsMode": "enabled",
        "cgroupParent": "/libpod_parent",
        "logDriver": "k8s-file",
        "runtime": _word(config.get("runtime"), r"[a-z]{1,16}") or "runc",
        "sdnotifyMode": "container",
        "mounts": [],
    }  # fmt: skip


CAPABILITY_SETS = ("bounding", "effective", "inheritable", "permitted", "ambient")
# Values of config.dump that do nothing but describe the container; each only as the type that it has.
KEPT = {
    "shmSize": int, "createWorkingDir": bool, "passwd": bool, "UseImageResolvConf": bool, "UseImageHosts": bool,
    "stopSignal": int, "stopTimeout": int, "postConfigureNetNS": bool,
}  # fmt: skip
KEPT_WORDS = {
    "createdTime": r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,20}(Z|[+-][0-9:]{5})", "umask": r"[0-7]{3,4}",
    "timezone": r"[A-Za-z_]{1,32}(/[A-Za-z_+-]{1,32}){0,2}",
}  # fmt: skip
MOUNT_OPTION = re.compile(
    r"r?bind|ro|rw|nosuid|nodev|noexec|suid|dev|exec|relatime|noatime|strictatime|newinstance|r?private|r?slave"
    r"|r?shared|(size|mode|gid|ptmxmode|nr_inodes)=[0-9a-zA-Z]{1,20}|tmpcopyup|U|z|Z"
)


def _isolated(config):
    return value(config, "networkMode", default="") in {"none", "private"}


def _namespaces(spec):
    return list(dict.fromkeys(value(row, "type", default="") for row in dictionaries(spec, "linux", "namespaces")))


def _mount(mount, config, here, fresh):
    target, source = value(mount, "destination", default=""), value(mount, "source", default="")
    kind = value(mount, "type", default="")
    if privileges.is_bind(mount):
        kind, volume = "bind", privileges.volume_at(config, target)
        if volume:
            source = f"{here.volumes}/{volume}/_data"
        elif target in privileges.PODMAN_FILES:  # Podman puts the new container's own one there
            source = f"/run/containers/storage/overlay-containers/{fresh}/userdata/{privileges.PODMAN_FILES[target]}"
    else:
        source = kind
    options = [option for option in texts(mount, "options") if MOUNT_OPTION.fullmatch(option)]
    return {"destination": target, "type": kind, "source": source, "options": options}


def _volume(row):
    options = [option for option in texts(row, "options") if MOUNT_OPTION.fullmatch(option)]
    return {"volumeName": row["volumeName"], "dest": row["dest"], "options": options}


def _annotations(config, spec):
    given = value(spec, "annotations", default={})
    switches = {f"io.podman.annotations.{name}": "FALSE" for name in ("autoremove", "init", "publish-all")}
    return {
        **switches,
        "io.container.manager": "libpod",
        "io.kubernetes.cri-o.TTY": "true" if given.get("io.kubernetes.cri-o.TTY") == "true" else "false",
        "io.podman.annotations.privileged": "TRUE" if config.get("privileged") is True else "FALSE",
    }


def _resources(resources):
    """Limits of memory, CPU and processes as numbers, and the rules for devices that were reviewed."""
    given = value(resources, "memory", default={})
    memory = {name: _number(given[name]) for name in ("limit", "reservation", "swap") if name in given}
    cpu = value(resources, "cpu", default={})
    numbers = {name: _number(cpu[name]) for name in ("shares", "quota", "period") if name in cpu}
    sets = {name: _word(cpu.get(name), r"[0-9,-]{1,64}") for name in ("cpus", "mems")}
    return _filled({
        "devices": [_rule(row) for row in dictionaries(resources, "devices")],
        "memory": memory,
        "cpu": {**numbers, **_filled(sets)},
        "pids": {"limit": _number(resources["pids"].get("limit"))} if value(resources, "pids", default={}) else {},
    })  # fmt: skip


def _rule(row):
    kept = {"allow": row.get("allow") is True, "access": _word(row.get("access"), r"[rwm]{1,3}") or "rwm"}
    kind = _word(row.get("type"), r"[abc]")
    numbers = {name: _number(row[name]) for name in ("major", "minor") if isinstance(row.get(name), int)}
    return {**kept, **({"type": kind} if kind else {}), **numbers}


def _device(row):
    return {
        "path": _path(row.get("path")), "type": _word(row.get("type"), r"[cbp]") or "c",
        "major": _number(row.get("major")), "minor": _number(row.get("minor")),
        "fileMode": _number(row.get("fileMode")) & 0o777, **{name: _number(row.get(name)) for name in ("uid", "gid")},
    }  # fmt: skip


def _seccomp(filters):
    if not filters:
        return {}
    return _filled({
        "defaultAction": _word(filters.get("defaultAction"), r"SCMP_ACT_[A-Z_]{1,20}"),
        "defaultErrnoRet": _number(filters.get("defaultErrnoRet")) or None,
        "architectures": _matching(filters, r"SCMP_ARCH_[A-Z0-9_]{1,20}", "architectures"),
        "syscalls": [_syscalls(row) for row in dictionaries(filters, "syscalls")],
    })  # fmt: skip


def _syscalls(row):
    return _filled({
        "names": _matching(row, r"[a-z0-9_]{1,64}", "names"),
        "action": _word(row.get("action"), r"SCMP_ACT_[A-Z_]{1,20}"),
        "errnoRet": _number(row.get("errnoRet")) or None,
        "args": [_argument(item) for item in dictionaries(row, "args")],
    })  # fmt: skip


def _argument(item):
    numbers = {name: _number(item.get(name)) for name in ("index", "value", "valueTwo")}
    return {**numbers, "op": _word(item.get("op"), r"SCMP_CMP_[A-Z_]{1,20}") or "SCMP_CMP_EQ"}


def _rlimit(row):
    kind = _word(row.get("type"), r"RLIMIT_[A-Z]{1,16}") or "RLIMIT_NOFILE"
    return {"type": kind, "hard": _number(row.get("hard")), "soft": _number(row.get("soft"))}


def _labels(mapping):
    return {key: text for key, text in mapping.items() if isinstance(text, str) and "\0" not in key + text}


def _filled(mapping):
    """Without what is empty: absent, as Go's omitempty has it."""
    return {name: item for name, item in mapping.items() if item not in (None, "", [], {})}


def _number(item, default=0):
    return item if type(item) is int and abs(item) < 1 << 64 else default


def _word(item, pattern):
    return item if isinstance(item, str) and re.fullmatch(pattern, item) else None


def _matching(mapping, pattern, *path):
    return [item for item in texts(mapping, *path) if re.fullmatch(pattern, item)]


def _texts(mapping, *path):
    return [item[:TEXT_LIMIT] for item in texts(mapping, *path) if "\0" not in item]


def _path(item):
    return item if review.is_clean(item) else ""


def _paths(mapping, *path):
    return [item for item in texts(mapping, *path) if review.is_clean(item)]
