"""What differs between two checkpoints, from what was seen inside each. Pure functions of facts: no query, no request.

Processes are matched by their ID, which a restore keeps; descriptors by process and number; sockets by what they are.
"""

from collections import Counter

# What of an Inspection is compared.
FACTS = (
    "processes", "files", "sockets", "environment", "changes", "deleted", "configuration", "annotations", "network",
    "mounts_asked", "sizes",
)  # fmt: skip
MOST = 300  # rows of one list
PROCESS = ("comm", "command", "state", "uid", "threads", "program", "folder", "mappings", "dumped_bytes")
QUIET = {"mappings", "dumped_bytes"}  # change all the time: told with the memory


def parts(first, second):
    """{processes, files, sockets, environment, rootfs, configuration} of two Inspections' facts: each
    {came, went, changed}, and the memory of each process before and after."""
    return {
        "processes": _rows(_processes(first), _processes(second), _process_changes),
        "files": _rows(_descriptors(first), _descriptors(second), _descriptor_changes),
        "sockets": _sockets(first, second),
        "environment": _environment(first, second),
        "rootfs": _rows(_changes(first), _changes(second), _size_change),
        "configuration": _configuration(first, second),
        "memory": _memory(first, second),
    }


def _rows(before, after, changes):
    """{came, went, changed} of two dicts of rows; `changes(before, after)` is [(what, before, after)]."""
    both = [key for key in after if key in before]
    changed = [(after[key], found) for key in both if (found := changes(before[key], after[key]))]
    return {
        "came": [after[key] for key in after if key not in before][:MOST],
        "went": [before[key] for key in before if key not in after][:MOST],
        "changed": changed[:MOST],
        "same": len(both) - len(changed),
    }


def _processes(facts):
    return {row["pid"]: row for row in facts.get("processes") or []}


def _process_changes(before, after):
    return [
        (name, before.get(name), after.get(name))
        for name in PROCESS
        if name not in QUIET and before.get(name) != after.get(name)
    ]


def _descriptors(facts):
    found = {}
    for row in facts.get("files") or []:
        for pid, number, _ in row.get("held") or []:
            found[(pid, number)] = {**row, "pid": pid, "fd": number}
    return found


def _descriptor_changes(before, after):
    """A pipe's number is another one after each start: only its kind counts."""
    names = ("type", "access", "flags", "position", "size") + (() if after["type"] in {"pipe", "FIFO"} else ("path",))
    return [(name, before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)]


def _sockets(first, second):
    """Sockets have no name of their own: how many there are of each is compared."""
    before, after = (Counter(map(_socket, facts.get("sockets") or [])) for facts in (first, second))
    return {
        "came": _counted(after - before),
        "went": _counted(before - after),
        "changed": [],
        "same": sum((before & after).values()),
    }


def _socket(row):
    unnamed = row["type"].startswith("Unix") and row["target"].startswith("#")
    return (row["type"], row["state"], row["source"], "" if unnamed else row["target"])


def _counted(counter):
    names = ("type", "state", "source", "target")
    return [{**dict(zip(names, key, strict=True)), "count": count} for key, count in sorted(counter.items())][:MOST]


def _environment(first, second):
    """Names only: the values are secret."""
    before, after = (
        {(group, name): {"group": group, "name": name} for group, names in _groups(facts) for name in names}
        for facts in (first, second)
    )
    return _rows(before, after, lambda *_: [])


def _groups(facts):
    return (facts.get("environment") or {}).items()


def _changes(facts):
    found = {row["path"]: row for row in (facts.get("changes") or {}).get("files") or []}
    return found | {path: {"path": path, "size": None, "kind": "deleted"} for path in facts.get("deleted") or []}


def _size_change(before, after):
    return [(name, before[name], after[name]) for name in ("kind", "size") if before[name] != after[name]]


def _configuration(first, second):
    """[(name, before, after)] of every setting that is not the same."""
    before, after = (_settings(facts) for facts in (first, second))
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return [(name, before.get(name), after.get(name)) for name in names][:MOST]


def _settings(facts):
    found = {name: value for name, value in (facts.get("configuration") or {}).items() if name != "checkpointed"}
    found |= {f"annotation {name}": value for name, value in facts.get("annotations") or []}
    found |= {f"network {row['network']}, {row['interface']}": row for row in facts.get("network") or []}
    return found | {f"mount {row['destination']}": row for row in facts.get("mounts_asked") or []}


def _memory(first, second):
    """[{pid, comm, before, after}] in bytes that were dumped; None where the process is not there."""
    before, after = _processes(first), _processes(second)
    return [
        {
            "pid": pid,
            "comm": (after.get(pid) or before[pid]).get("comm", ""),
            "before": before[pid].get("dumped_bytes") if pid in before else None,
            "after": after[pid].get("dumped_bytes") if pid in after else None,
        }
        for pid in sorted(before | after)
    ][:MOST]
