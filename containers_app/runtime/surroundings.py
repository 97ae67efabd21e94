"""How the container of a checkpoint was set up, from its config.dump, spec.dump, network.status and bind.mounts.

An archive's JSON is whatever its writer wanted: every value is taken as text or as nothing, and lists are cut. Reads
the forms of Podman, CRI-O and containerd. Knows no CRIU image.
"""

import base64
import json

MOST = 500  # rows of one list
TEXT = 4096  # characters of one value


def parsed(content):
    """JSON as Python has it; None for what is none."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def spec_of(content):
    """The OCI runtime spec in a spec.dump; containerd wraps it (a protobuf Any as JSON). {} where there is none."""
    spec = a_dict(parsed(content))
    if isinstance(spec.get("value"), str) and ("type_url" in spec or "typeUrl" in spec):
        try:
            return a_dict(parsed(base64.b64decode(spec["value"])))
        except ValueError:
            return {}
    return spec


def a_dict(value):
    return value if isinstance(value, dict) else {}


def a_list(value):
    return value[:MOST] if isinstance(value, list) else []


def text(value):
    """A value as text that is shown: numbers and words as they are, all else as nothing."""
    return str(value)[:TEXT] if isinstance(value, str | int | float) else ""


def texts(value):
    return [text(item) for item in a_list(value)]


def configuration(config, spec):
    """Who the container is and what it may, in the words of its own files; capabilities without their prefix."""
    process, linux = a_dict(spec.get("process")), a_dict(spec.get("linux"))
    user, seccomp = a_dict(process.get("user")), linux.get("seccomp")
    capabilities = a_dict(process.get("capabilities"))
    return {
        "id": text(config.get("id")),
        "name": text(config.get("name")),
        "image": text(config.get("rootfsImageName") or config.get("rootfsImage") or config.get("rootfsImageRef")),
        "image_id": text(config.get("rootfsImageID") or config.get("rootfsImageRef")),
        "runtime": text(config.get("runtime") or config.get("ociruntime")),
        "created": text(config.get("createdTime")),
        "checkpointed": text(config.get("checkpointedTime")),
        "hostname": text(spec.get("hostname")),
        "command": texts(process.get("args")),
        "folder": text(process.get("cwd")),
        "terminal": process.get("terminal") is True,
        "user": f"{text(user.get('uid'))}:{text(user.get('gid'))}",
        "capabilities": {
            name: sorted(held.removeprefix("CAP_").lower() for held in texts(capabilities.get(name)))
            for name in ("bounding", "effective", "inheritable", "permitted", "ambient")
        },
        "no_new_privileges": process.get("noNewPrivileges") is True,
        "seccomp": text(a_dict(seccomp).get("defaultAction")) if seccomp else "",
        "apparmor": text(process.get("apparmorProfile")),
        "selinux": text(process.get("selinuxLabel")),
        "read_only": a_dict(spec.get("root")).get("readonly") is True,
        "namespaces": [_namespace(row) for row in a_list(linux.get("namespaces"))],
        "devices": [text(a_dict(row).get("path")) for row in a_list(linux.get("devices"))],
        "limits": _limits(process, a_dict(linux.get("resources"))),
        "cgroup": text(linux.get("cgroupsPath")),
        "hooks": sorted(name for name, value in a_dict(spec.get("hooks")).items() if value)[:MOST],
    }


def _namespace(row):
    return {"type": text(a_dict(row).get("type")), "path": text(a_dict(row).get("path"))}


def _limits(process, resources):
    """[[name, value]] of what the container was held to."""
    rows = [a_dict(row) for row in a_list(process.get("rlimits"))]
    found = [[text(row.get("type")), f"{text(row.get('soft'))}:{text(row.get('hard'))}"] for row in rows]
    for group, names in (("memory", ("limit", "swap")), ("pids", ("limit",)), ("cpu", ("shares", "quota", "cpus"))):
        held = a_dict(resources.get(group))
        found += [[f"{group} {name}", text(held[name])] for name in names if name in held]
    return found


def annotations(spec):
    """[[name, value]], sorted."""
    return sorted([text(name), text(value)] for name, value in a_dict(spec.get("annotations")).items())[:MOST]


def mounts_asked(spec, binds):
    """[{destination, source, type, options}] of the spec, and of CRI-O's list of bind mounts where that has others."""
    rows = [a_dict(row) for row in a_list(spec.get("mounts"))]
    found = [_mount(row, texts(row.get("options"))) for row in rows]
    known = {row["destination"] for row in found}
    more = [_mount(a_dict(row), [text(a_dict(row).get("mode"))]) for row in a_list(binds)]
    return (found + [row for row in more if row["destination"] not in known])[:MOST]


def _mount(row, options):
    return {**{name: text(row.get(name)) for name in ("destination", "source", "type")}, "options": ",".join(options)}


def networks(status):
    """[{network, interface, mac, addresses}] of Podman's network.status (one per network, or netavark's form)."""
    named = status.items() if isinstance(status, dict) else [(a_dict(row).get("name"), row) for row in a_list(status)]
    found = []
    for name, row in list(named)[:MOST]:
        for interface, held in list(a_dict(a_dict(row).get("interfaces")).items())[:MOST]:
            subnets = [a_dict(subnet) for subnet in a_list(a_dict(held).get("subnets"))]
            found.append(
                {
                    "network": text(name),
                    "interface": text(interface),
                    "mac": text(a_dict(held).get("mac_address")),
                    "addresses": [text(subnet.get("ipnet")) for subnet in subnets],
                    "gateways": [text(subnet.get("gateway")) for subnet in subnets if subnet.get("gateway")],
                }
            )
    return found[:MOST]


def volumes(config, sizes):
    """[{name, destination, size}] of the named volumes; `size` is None for one that is not in the archive."""
    stored = {
        name.removeprefix("volumes/").removesuffix(".tar"): size
        for name, size in sizes.items()
        if name.startswith("volumes/") and name.endswith(".tar")
    }
    rows = [a_dict(row) for row in a_list(config.get("namedVolumes"))]
    asked = {text(row.get("volumeName")): text(row.get("dest")) for row in rows}
    names = sorted(set(asked) | set(stored))[:MOST]
    return [{"name": text(name), "destination": asked.get(name, ""), "size": stored.get(name)} for name in names]
