"""How an operation is shown: its steps, how far it is, why it failed, its statistics; and a log that it cuts.

Pure functions of rows that are already loaded: no query, no request, no HTML.
"""

import re
import shlex
from datetime import UTC, datetime
from itertools import accumulate

from django.utils import timezone

from .models import Operation
from .runtime.explain import error_lines

BRINGING_BACK = "bringing it back"  # services/checkpoints.py's phase after a failed export
REPORTED = 8000  # characters of an output, or of a log, that a report holds, from the end
EARLIER_CUTS = 1  # cuts shown from before the first line of the log that is at hand; a few more when there is no line
EVER = datetime.min.replace(tzinfo=UTC)  # before every line that has a time
# CRIU's names (images/stats.proto) and Podman's durations, in the order in which they happen.
STATISTICS = {
    "freezing_time": ("until every process stood still", "time"),
    "frozen_time": ("the processes stood still", "time"),
    "memdump_time": ("taking the memory", "time"),
    "memwrite_time": ("writing the memory", "time"),
    "pages_scanned": ("memory pages looked at", "count"),
    "pages_written": ("memory pages written", "count"),
    "forking_time": ("making the processes anew", "time"),
    "restore_time": ("restoring, all of it", "time"),
    "pages_restored": ("memory pages restored", "count"),
    "runtime_checkpoint_duration": ("the OCI runtime’s part", "time"),
    "podman_checkpoint_duration": ("the whole command", "time"),
    "runtime_restore_duration": ("the OCI runtime’s part", "time"),
    "podman_restore_duration": ("the whole command", "time"),
}


def phases(operation):
    """[{name, at, seconds, status}] of an operation: how long each step took; `status` is done, now or bad."""
    times = [datetime.fromisoformat(phase["at"]) for phase in operation.phases]
    ends = [*times[1:], operation.finished_at or timezone.now()]
    goes_on = None if operation.finished else len(times) - 1
    broke = _broken_phase(operation)
    return [
        {
            "name": phase["name"],
            "at": start,
            "seconds": max(0.0, (end - start).total_seconds()),
            "status": "now" if place == goes_on else "bad" if place == broke else "done",
        }
        for place, (phase, start, end) in enumerate(zip(operation.phases, times, ends, strict=False))
    ]


def _broken_phase(operation):
    """Place of the phase in which it went wrong: the last one before the container was brought back; None otherwise."""
    names = [phase["name"] for phase in operation.phases]
    if operation.state != Operation.State.FAILED or not names:
        return None
    return max(0, names.index(BRINGING_BACK) - 1 if BRINGING_BACK in names else len(names) - 1)


def progress(operation):
    """{done, total, left} in bytes and seconds while bytes go by; None otherwise. `total` is an estimate."""
    done, total = operation.progress_bytes, operation.expected_bytes
    if operation.finished or not done or not total or not operation.phases:
        return None
    elapsed = (timezone.now() - datetime.fromisoformat(operation.phases[-1]["at"])).total_seconds()
    left = round(elapsed * (total - done) / done) if done < total and elapsed > 1 else None
    return {"done": done, "total": max(done, total), "left": left}


def decisive_line(operation):
    """The line of CRIU's log that says why: the last error before the end that is not known noise."""
    text = re.split(r"^.*(?:Dumping|Restoring) FAILED.*$", operation.criu_log, flags=re.MULTILINE)[0]
    lines = error_lines(text)
    return lines[-1].strip() if lines else ""


def report(operation):
    """Everything that a bug report about a failed operation needs, as text; "" for one that did not fail."""
    if operation.state not in {Operation.State.FAILED, Operation.State.LOST}:
        return ""
    facts = operation.host.facts
    names = ("podman_version", "oci_runtime", "oci_runtime_version", "criu_version", "kernel", "distribution")
    lines = [f"{operation}: {operation.summary}", *(f"{name}: {facts.get(name, '')}" for name in names)]
    lines += [shlex.join(command) for command in operation.commands]
    lines += ["--- output", operation.output[-REPORTED:], "--- CRIU's log", operation.criu_log[-REPORTED:]]
    return "\n".join(lines)


def statistics_rows(statistics):
    """[{name, words, value, unit}] with CRIU's names, the known ones first; `unit` is "time" (µs) or "count"."""
    names = [name for name in STATISTICS if name in statistics] + sorted(set(statistics) - set(STATISTICS))
    rows = []
    for name in names:
        words, unit = STATISTICS.get(name, ("", "time" if name.endswith(("_time", "_duration")) else "count"))
        rows.append({"name": name, "words": words, "value": statistics[name], "unit": unit})
    return rows


def log_with_cuts(lines, operations):
    """Log lines and the checkpoints and restores between them, by time: [{id, at, text, kind}]; kind "" is a line."""
    cuts = [cut for operation in operations if (cut := _cut(operation))]
    moments = accumulate((_moment(line["at"]) for line in lines), lambda last, moment: moment or last)
    shown = [{**line, "kind": "", "moment": moment or EVER} for line, moment in zip(lines, moments, strict=True)]
    cuts.sort(key=lambda cut: cut["moment"])
    earlier = sum(cut["moment"] < shown[0]["moment"] for cut in cuts) - EARLIER_CUTS if shown else len(cuts) - 5
    return sorted([*shown, *cuts[max(0, earlier) :]], key=lambda entry: entry["moment"])


def chosen_lines(lines, *, since=None, tail=None, q=""):
    """Those of `log_with_cuts` that are asked for: from a moment on, with a text, the last so many of them."""
    found = [line for line in lines if since is None or line["moment"] >= since]
    if q:
        found = [line for line in found if not line["kind"] and q.lower() in line["text"].lower()]
    if tail:
        places = [place for place, line in enumerate(found) if not line["kind"]]
        found = found[places[-tail] :] if len(places) >= tail else found
    return found


def _cut(operation):
    """Where a checkpoint or restore cuts the log: when the memory was dumped, or when the restore began."""
    if operation.state != Operation.State.SUCCEEDED or operation.kind not in {"checkpoint", "restore"}:
        return None
    began = {phase["name"]: datetime.fromisoformat(phase["at"]) for phase in operation.phases}
    if operation.kind == "checkpoint":
        checkpoint = getattr(operation, "taken_checkpoint", None)
        moment = (checkpoint and checkpoint.dumped_at) or began.get("archiving") or operation.finished_at
        facts = checkpoint.statistics if checkpoint else {}
    else:
        moment, facts = began.get("restoring") or operation.finished_at, operation.result.get("statistics", {})
    return {
        "id": f"cut-{operation.pk}",
        "at": moment.isoformat(),
        "moment": moment,
        "kind": operation.kind,
        "facts": facts,
    }


def _moment(text):
    """RFC 3339 with up to nine digits of a second, as Podman writes it; None for what is no time."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
