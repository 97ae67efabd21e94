"""How rows are shown: the word and tone of a state, what can be done now, the rail, the chart, an operation's steps.

Pure functions of rows that are already loaded: no query, no request, no HTML.
"""

import re
import shlex
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import accumulate

from django.urls import reverse
from django.utils import timezone

from .models import Operation
from .runtime.explain import error_lines

PAGE_SIZE = 4096  # bytes of a memory page that CRIU counts (x86_64 and arm64 Linux)
NOT_YET_STARTED = {"created", "configured", "initialized"}
STOPPED = {"exited", "stopped"}
BRINGING_BACK = "bringing it back"  # services/checkpoints.py's phase after a failed export
EARLIER_CUTS = 1  # cuts shown from before the first line of the log that is at hand; a few more when there is no line

DOING = {
    "sample": "creating",
    "create": "creating",
    "start": "starting",
    "checkpoint": "checkpointing",
    "restore": "restoring",
    "stop": "stopping",
    "restart": "restarting",
    "pause": "pausing",
    "unpause": "unpausing",
    "kill": "killing",
    "init": "initializing",
    "mount": "mounting",
    "unmount": "unmounting",
    "rename": "renaming",
    "exec": "running a command",
    "prune": "pruning",
    "selftest": "proving",
    "criu_config": "configuring",
    "pull": "pulling",
    "commit": "committing",
    "image_remove": "removing",
    "image_prune": "pruning",
    "import": "bringing in",
    "discard": "discarding",
    "keep_image": "keeping its image",
    "scrub": "reading archives",
    "drill": "drilling",
    "push": "pushing",
    "memory_search": "searching",
    "memory_compare": "comparing",
    "remove": "removing",
    "checkpoint_image": "checkpointing",
    "restore_image": "restoring",
}
DONE = {
    "sample": "created",
    "create": "created",
    "start": "started",
    "checkpoint": "checkpointed",
    "restore": "restored",
    "stop": "stopped",
    "restart": "restarted",
    "pause": "paused",
    "unpause": "unpaused",
    "kill": "killed",
    "init": "initialized",
    "mount": "mounted",
    "unmount": "unmounted",
    "rename": "renamed",
    "exec": "ran a command in",
    "prune": "pruned",
    "selftest": "proved",
    "criu_config": "configured",
    "pull": "pulled",
    "commit": "committed",
    "image_remove": "removed",
    "image_prune": "pruned",
    "import": "brought in",
    "discard": "discarded",
    "keep_image": "kept",
    "scrub": "read",
    "drill": "drilled",
    "push": "pushed",
    "memory_search": "searched the memory of",
    "memory_compare": "compared the memory of",
    "remove": "removed",
    "checkpoint_image": "checkpointed into an image",
    "restore_image": "restored from an image",
}
RIGHTS_OF = {
    "checkpoint": {"checkpoint"},
    "checkpoint_image": {"checkpoint"},
    "restore": {"restore", "clone"},
    "exec": {"exec"},
    "watch": {"see"},
}
ICONS = {
    "sample": "box",
    "create": "box",
    "start": "play",
    "checkpoint": "snowflake",
    "restore": "play",
    "stop": "square",
    "restart": "rotate-cw",
    "pause": "pause",
    "unpause": "play",
    "kill": "x",
    "init": "power",
    "mount": "folder-open",
    "unmount": "folder-x",
    "rename": "pencil",
    "exec": "terminal",
    "prune": "trash-2",
    "selftest": "flask-conical",
    "criu_config": "sliders-horizontal",
    "pull": "download",
    "commit": "save",
    "image_remove": "trash-2",
    "image_prune": "trash-2",
    "import": "file-up",
    "discard": "trash-2",
    "keep_image": "layers",
    "scrub": "scan-search",
    "drill": "shield-check",
    "push": "upload",
    "memory_search": "search",
    "memory_compare": "git-compare",
    "remove": "trash-2",
    "checkpoint_image": "layers",
    "restore_image": "play",
    "watch": "eye",
}
REPORTED = 8000  # characters of an output, or of a log, that a report holds, from the end
PAUSED = (("unpause", "ember", "post"), ("commit",), ("kill",), ("rename",), ("remove",))  # what can be done then
OPERATION_TONES = {"queued": "quiet", "started": "warn", "failed": "bad", "lost": "bad"}

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


EVER = datetime.min.replace(tzinfo=UTC)  # before every line that has a time


@dataclass(frozen=True)
class State:
    """A word and its tone: run, ice, warn, bad or quiet."""

    word: str
    tone: str


@dataclass(frozen=True)
class Action:
    """One thing that can be done now. `way` is dialog (a form to open), post (done at once) or link.

    `why` says why it cannot be done: it is shown, and cannot be pressed.
    """

    verb: str
    label: str
    url: str
    tone: str = "quiet"
    way: str = "dialog"
    why: str = ""
    allowed: bool = True  # False: who looks has no right to it, and the button says so

    @property
    def needs(self):
        """The rights on the container, or on its checkpoint, of which it needs one."""
        return RIGHTS_OF.get(self.verb, {"operate"})

    @property
    def icon(self):
        return ICONS[self.verb]


@dataclass(frozen=True)
class Step:
    """One station of the lifecycle. `status` is done, now, next, later or skipped."""

    label: str
    status: str
    tone: str = "run"
    at: datetime | None = None
    note: str = ""
    action: Action | None = None


def container_state(container, operation=None):
    """What the badge says; an unfinished operation speaks before Podman's own word."""
    if operation:
        return State("queued" if operation.state == "queued" else DOING[operation.kind], "warn")
    if container.removed_at:
        return State("removed", "quiet")
    if container.checkpointed:
        return State("checkpointed", "ice")
    return State(container.state, {"running": "run", "paused": "warn"}.get(container.state, "quiet"))


def operation_state(operation):
    return State(operation.state, OPERATION_TONES.get(operation.state, "quiet"))


def host_state(host):
    if host.away:
        return State("away", "bad")
    return State("ready", "run") if host.ready else State("not ready", "warn")


def possible_actions(container, operation=None, checkpoint=None, rights=None):
    """The actions that are possible now, the most likely first. `checkpoint` is the container's latest, if it has one.

    While an operation is unfinished there is only watching it. With `rights`, those of who looks, each is marked that
    they may not do.
    """
    return by_rights(_possible(container, operation, checkpoint), rights)


def _possible(container, operation, checkpoint):
    if operation:
        return [Action("watch", "Watch", reverse("operation_detail", args=[operation.pk]), way="link")]
    restore = [restore_action(checkpoint)] if checkpoint else []
    if container.removed_at:
        return restore
    if container.state == "running":
        return [
            _on(container, "checkpoint", "ice"),
            _on(container, "stop"),
            _on(container, "checkpoint_image", label="Checkpoint into an image"),
            _on(container, "restart"),
            _on(container, "pause", way="post"),
            _on(container, "exec"),
            _on(container, "commit"),
            _on(container, "kill"),
            _on(container, "rename"),
            _on(container, "remove"),
        ]
    if container.state == "paused":
        return [_on(container, verb, *how) for verb, *how in PAUSED]
    if container.state in STOPPED | NOT_YET_STARTED:
        return [
            *restore,
            _on(container, "start", "quiet" if restore else "ember", way="post"),
            *_before_it_runs(container),
            _on(container, "commit"),
            _on(container, "rename"),
            _on(container, "remove"),
        ]
    return []


def _before_it_runs(container):
    """What readies a container that does not run: its file system, and all that its first process needs."""
    if container.state == "initialized":
        return []
    mount = "unmount" if container.mount_point else "mount"
    return [_on(container, "init", way="post", label="Initialize"), _on(container, mount, way="post")]


def _on(container, verb, tone="quiet", way="dialog", label=""):
    return Action(verb, label or verb.capitalize(), reverse(f"container_{verb}", args=[container.pk]), tone, way)


def restore_action(checkpoint, rights=None):
    if checkpoint.barred:
        return Action("restore", "Restore", "", "ember", why=checkpoint.barred)
    return by_rights(
        [Action("restore", "Restore", reverse("checkpoint_restore", args=[checkpoint.pk]), "ember")], rights
    )[0]


def by_rights(actions, rights):
    """The actions, those marked that need a right which is not among `rights`; None: nobody's rights are asked for."""
    if rights is None:
        return actions
    return [action if action.needs & rights else replace(action, allowed=False) for action in actions]


def lifecycle_rail(container, actions, checkpoints):
    """The stations of one container as Steps, from facts. `checkpoints` is how many the catalog has of it.

    What can come next is offered as a step; done is what has happened to it, as far as Podman still knows.
    """
    can = {action.verb: action for action in actions}
    began = container.started_at
    stations = [
        ("pulled", "Pulled", "run", None, True, None),
        ("created", "Created", "run", container.created_at, True, None),
        ("mounted", "Mounted", "run", None, container.mount_point or began, can.get("mount")),
        ("initialized", "Initialized", "run", None, container.state == "initialized" or began, can.get("init")),
        ("running", "Running", "run", began, began, can.get("start")),
        ("checkpointed", "Checkpointed", "ice", container.checkpointed_at, checkpoints, can.get("checkpoint")),
        ("restored", "Restored", "run", container.restored_at, _was_restored(container), can.get("restore")),
        ("exited", "Exited", "quiet", container.finished_at, container.finished_at, can.get("stop")),
        ("removed", "Removed", "quiet", container.removed_at, container.removed_at, can.get("remove")),
    ]
    here = [key for key, *_ in stations].index(_station(container))
    return [_step(*station[1:], place=place - here) for place, station in enumerate(stations)]


def _station(container):
    if container.removed_at:
        return "removed"
    if container.checkpointed:
        return "checkpointed"
    if container.state in {"running", "paused"}:
        return "restored" if _was_restored(container) else "running"
    if container.state == "initialized":
        return "initialized"
    if container.state in NOT_YET_STARTED:
        return "mounted" if container.mount_point else "created"
    return "exited"


def _was_restored(container):
    return container.restored_at is not None


def _step(label, tone, at, happened, action, *, place):
    if place == 0:
        return Step(label, "now", tone, at)
    if place < 0 and happened:
        return Step(label, "done", tone)
    if action:
        return Step(action.label, "next", tone, action=action)
    return Step(label, "skipped" if place < 0 else "later", tone)


def frozen_chart(checkpoints, *, width=300, height=62, most=8):
    """Bars of the frozen times of the latest checkpoints, oldest first; None when there is none. Times in µs."""
    rows = [row for row in reversed(checkpoints[:most]) if row.statistics.get("frozen_time")]
    if not rows:
        return None
    times = [row.statistics["frozen_time"] for row in rows]
    step = width / most
    bars = []
    for place, (row, time) in enumerate(zip(rows, times, strict=True)):
        tall = max(2, round(height * time / max(times)))
        x = round(width - (len(rows) - place) * step + step * 0.2, 1)
        bars.append({"x": x, "y": height - tall, "width": round(step * 0.6, 1), "height": tall, "checkpoint": row})
    return {"bars": bars, "low": min(times), "high": max(times), "latest": times[-1]}


def statistics_rows(statistics):
    """[{name, words, value, unit}] with CRIU's names, the known ones first; `unit` is "time" (µs) or "count"."""
    names = [name for name in STATISTICS if name in statistics] + sorted(set(statistics) - set(STATISTICS))
    rows = []
    for name in names:
        words, unit = STATISTICS.get(name, ("", "time" if name.endswith(("_time", "_duration")) else "count"))
        rows.append({"name": name, "words": words, "value": statistics[name], "unit": unit})
    return rows


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


def memory_bytes(checkpoint):
    return checkpoint.statistics.get("pages_written", 0) * PAGE_SIZE


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


def linked_sentence(event):
    """The event's sentence in three parts, (before, name, after, url): the name of the thing it is about is a link."""
    about = (("checkpoint_detail", event.checkpoint_id, event.checkpoint_name),)
    about += (("container_detail", event.container_id, event.container_name),)
    for view, pk, name in about:
        if pk and name and name in event.sentence:
            before, _, after = event.sentence.partition(name)
            return before, name, after, reverse(view, args=[pk])
    return event.sentence, "", "", ""
