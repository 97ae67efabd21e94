"""CRIU's own switches that Podman does not offer: one fixed table, and the file that the OCI runtime hands to CRIU.

runc and crun read it at each dump and restore. Written whole or not at all; what it had before stays beside it.
"""

import hashlib
import os
import re
from pathlib import Path

from containers_app.errors import BadInput, Conflict

HEADER = (
    "# CRIU's switches, written by Freezeframe. Change them on the host's page, or delete this line and do it here.\n"
)
# switch: (pattern of its value, "" for none; what it cures). From criu(8) of CRIU 4.2.
SWITCHES = {
    "tcp-close": ("", "Open TCP connections are closed instead of kept: nothing waits for peers that are gone."),
    "skip-in-flight": ("", "Connections that are just being made are left out; without it they make a dump fail."),
    "link-remap": ("", "Open files that were deleted but have another name are linked for the dump."),
    "ghost-limit": (r"[1-9][0-9]{0,9}[KMG]?", "How large an open, deleted file may be to be taken along (1M)."),
    "force-irmap": ("", "Files that inotify watches are searched by name; slow, but watches of the image survive."),
    "irmap-scan-path": (r"/[^\s\0]{0,200}", "Where force-irmap searches first."),
    "network-lock": ("iptables|nftables|skip", "How the network stands still during a dump."),
    "timeout": (r"[1-9][0-9]{0,4}", "Seconds that stopping the processes may take (10)."),
    "allow-uprobes": ("", "Processes with uprobes may be dumped; needs CRIU 4.1."),
    "skip-file-rwx-check": ("", "Files may have other permissions at a restore than at the dump."),
}


def check(values):
    """`values` ({switch: value, "" for one without}) if all are of the table; BadInput otherwise, beside its field."""
    for name, value in values.items():
        if name not in SWITCHES:
            raise BadInput(f"{name!r} is no switch that can be set here.")
        if not re.fullmatch(SWITCHES[name][0], value):
            raise BadInput(f"{value!r} is not what {name} takes.", field=name.replace("-", "_"))
    return values


def read(path: Path):
    """{switches: {name: value}, digest, ours, text} of the file; all empty when there is none. Others' lines count."""
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return {"switches": {}, "digest": "", "ours": True, "text": ""}
    found = {}
    for line in text.splitlines():
        words = line.partition("#")[0].split(None, 1)
        if words:
            found[words[0].lstrip("-")] = words[1].strip() if len(words) > 1 else ""
    digest = hashlib.sha256(text.encode()).hexdigest()
    return {"switches": found, "digest": digest, "ours": text.startswith(HEADER), "text": text}


def write(path: Path, values, *, digest, keep_as):
    """Set exactly these switches; lines of others that the table does not know stay. Returns the former text.

    `digest` is what the file had when the person saw it: Conflict when it is another by now. The former file stays
    beside it as `<name>.<keep_as>`.
    """
    before = read(path)
    if before["digest"] != digest:
        raise Conflict(f"{path} was changed meanwhile.", remedy="Look at what is in it now, then set it again.")
    foreign = [line for line in before["text"].splitlines() if _foreign(line)]
    lines = [f"{name} {value}".strip() for name, value in sorted(check(values).items())]
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    if before["text"]:
        (path.parent / f"{path.name}.{keep_as}").write_text(before["text"])
    draft = path.parent / f".{path.name}.{keep_as}"
    draft.write_text(HEADER + "".join(f"{line}\n" for line in [*foreign, *lines]))
    draft.chmod(0o644)
    os.replace(draft, path)
    return before["text"]


def _foreign(line):
    """True for a line that says something and is no switch of the table."""
    words = line.split()
    return bool(words) and words[0].lstrip("-") not in SWITCHES and f"{line}\n" != HEADER
