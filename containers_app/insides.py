"""How what is inside a checkpoint is shown: its tabs, the rows of each, groups of variables, capabilities by name.

Pure functions of facts (runtime/inspection.py): no query, no request, no HTML.
"""

from django.urls import reverse

# Of each its part of the address, or the name of its own page.
TABS = (
    ("checkpoint_detail", "Overview"), ("processes", "Processes"), ("sockets", "Sockets"), ("files", "Files"),
    ("mounts", "Mounts"), ("memory", "Memory"), ("checkpoint_environment", "Environment"),
    ("configuration", "Configuration"), ("archive", "Archive"), ("checkpoint_lineage", "Lineage"),
)  # fmt: skip
# include/uapi/linux/capability.h, by their bit
CAPABILITIES = (
    "chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap",
    "linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner",
    "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice",
    "sys_resource", "sys_time", "sys_tty_config", "mknod", "lease", "audit_write", "audit_control", "setfcap",
    "mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf",
    "checkpoint_restore",
)  # fmt: skip


def tabs(checkpoint, here):
    """[{label, url, on}] of one checkpoint's pages; `here` is the key of the one that is shown."""
    own = ("checkpoint_detail", "checkpoint_lineage", "checkpoint_environment")
    addresses = {name: reverse(name, args=[checkpoint.pk]) for name in own}
    addresses["checkpoint_lineage"] += "#here"
    found = []
    for key, label in TABS:
        url = addresses.get(key) or reverse("checkpoint_inside", args=[checkpoint.pk, key])
        found.append({"label": label, "url": url, "on": key == here})
    return found


def rows(part, seen, pid, checkpoint):
    """The rows of a tab's long table; of process `pid` alone where that is given. `seen` has the tab's facts."""
    number = int(pid) if pid else None
    if part == "processes":
        return process_tree(seen["processes"] or [])
    if part in {"sockets", "files"}:
        found = seen[part] or []
        if number is not None:
            return [row for row in found if any(held[0] == number for held in row.get("held") or [])]
        return sorted(found, key=lambda row: not row.get("held"))
    if part == "memory":
        return [row for row in seen["memory"] or [] if number is None or row["pid"] == number]
    return checkpoint.members if part == "archive" else seen.get("mounts") or []


def environment_groups(seen, values):
    """[{title, pid, rows}] with rows of (name, value or None), the container's own first."""
    comms = {str(row["pid"]): row["comm"] for row in seen["processes"] or []}
    groups = []
    for key, names in (seen["environment"] or {}).items():
        title = "As the container was created with" if key == "config" else f"{comms.get(key, '')} · process {key}"
        known = values.get(key, {})
        groups.append({"key": key, "title": title, "rows": [(name, known.get(name)) for name in names]})
    return groups


def capability_names(mask):
    """The names of a set that /proc/PID/status writes in hex, joined; `all` where none is missing."""
    try:
        bits = int(mask or "0", 16)
    except ValueError:
        return ""
    held = [name for place, name in enumerate(CAPABILITIES) if bits >> place & 1]
    return "all" if len(held) == len(CAPABILITIES) else ", ".join(held) or "none"


def process_tree(processes):
    """[(depth, process)] with every process once, below its parent; at the top where that cannot be."""
    known = {process["pid"] for process in processes}
    children = {}
    for process in processes:
        parent = process["ppid"] if process["ppid"] in known and process["ppid"] != process["pid"] else None
        children.setdefault(parent, []).append(process)
    tree, waiting = [], [(0, process) for process in reversed(children.pop(None, []))]
    while waiting:
        depth, process = waiting.pop()
        tree.append((depth, process))
        waiting += [(depth + 1, child) for child in reversed(children.pop(process["pid"], []))]
    return tree + [(0, process) for rest in children.values() for process in rest]
