"""CRIU: is it usable here, which version, and what its logs say. Reads logs; never writes them."""

import base64
import json
import re
import tempfile
from pathlib import Path

from containers_app.errors import CommandFailed, Unavailable

from . import process

LOG_TAIL = 200  # lines of a CRIU log that are kept with an operation
LOG_LIMIT = 1024 * 1024  # bytes of a CRIU log that are read, from the end

PLUGINS = Path("/usr/lib/criu")  # CRIU, criu/include/plugin.h: CR_PLUGIN_DEFAULT

DUMP_DONE = "Dumping finished successfully"  # CRIU, criu/cr-dump.c: the last line of a whole dump's log
_ERROR = re.compile(r"\bError \(")


def version(tools_dir=""):
    """CRIU's version, such as `4.2.1`; empty when there is no CRIU."""
    try:
        result = process.run(["criu", "--version"], timeout=20, tools_dir=tools_dir)
    except (CommandFailed, Unavailable):
        return ""
    match = re.search(r"Version:\s*(\S+)", result.stdout)
    return match[1] if match else ""


def check(tools_dir=""):
    """(usable, message): what `criu check` says of this kernel."""
    try:
        result = process.run(["criu", "check"], timeout=60, tools_dir=tools_dir)
    except (CommandFailed, Unavailable) as error:
        return False, str(error)
    text = (result.stdout + result.stderr).strip()
    return result.exit_code == 0, text.splitlines()[-1] if text else "criu check said nothing"


def has_feature(name, *, tools_dir=""):
    """True when CRIU finds this feature of the kernel: `criu check --feature`, such as mem_dirty_track."""
    try:
        return process.run(["criu", "check", "--feature", name], timeout=60, tools_dir=tools_dir).exit_code == 0
    except (CommandFailed, Unavailable):
        return False


def plugins():
    """Names of the plugins that CRIU loads here, sorted, such as `cuda_plugin`: each is a file NAME.so (plugin.c)."""
    return sorted(file.stem for file in PLUGINS.glob("*.so"))


def cpu_image(tools_dir=""):
    """The CPU's features as CRIU knows them (cpuinfo.img of `criu cpuinfo dump`) in base64; "" where it says none."""
    with tempfile.TemporaryDirectory(prefix="freezeframe-cpu-") as folder:
        try:
            process.run(["criu", "cpuinfo", "dump", "--images-dir", folder], timeout=20, tools_dir=tools_dir)
            return base64.b64encode((Path(folder) / "cpuinfo.img").read_bytes()).decode()
        except (CommandFailed, Unavailable, OSError):
            return ""


def refuses_cpu(image, *, tools_dir=""):
    """Why CRIU finds that this CPU cannot go on with what ran on the one of `image` (cpu_image); "" when it can."""
    with tempfile.TemporaryDirectory(prefix="freezeframe-cpu-") as folder:
        (Path(folder) / "cpuinfo.img").write_bytes(base64.b64decode(image))
        try:
            argv = ["criu", "cpuinfo", "check", "--cpu-cap=ins", "--images-dir", folder]
            result = process.run(argv, timeout=20, tools_dir=tools_dir)
        except (CommandFailed, Unavailable) as error:
            return str(error)
    said = [line for line in (result.stdout + result.stderr).splitlines() if _ERROR.search(line)]
    return "" if result.exit_code == 0 else said[0].strip() if said else f"exit code {result.exit_code}"


def read_log(userdata: Path, name):
    """The tail of `dump.log` or `restore.log` in a container's userdata; empty when there is none.

    Podman deletes dump.log after a success (unless --keep) and overwrites it at the next try: read it at once.
    """
    try:
        with open(userdata / name, "rb") as file:
            lines = process.tail(file, LOG_LIMIT).splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-LOG_TAIL:])


def dump_is_whole(log):
    """True when the log of a dump ends in success: the images under userdata can be restored."""
    return DUMP_DONE in log


def statistics(stdout):
    """`--print-stats` of a checkpoint or restore: (container_id, {CRIU's names: value}), times in µs.

    Podman adds `podman_checkpoint_duration` or `podman_restore_duration`, and the OCI runtime's, in µs too
    (pkg/domain/entities/containers.go).
    """
    try:
        report = json.loads(stdout[stdout.index("{") :])
    except ValueError:
        return "", {}
    containers = report.get("container_statistics") or [{}]
    found = dict(containers[0].get("criu_statistics") or {})
    for name in ("podman_checkpoint_duration", "podman_restore_duration"):
        if name in report:
            found[name] = report[name]
    for name in ("runtime_checkpoint_duration", "runtime_restore_duration"):
        if name in containers[0]:
            found[name] = containers[0][name]
    return containers[0].get("Id", ""), found
