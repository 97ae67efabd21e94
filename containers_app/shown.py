"""How rows are shown: the word and tone of a state, what can be done now, the rail, the chart.

Pure functions of rows that are already loaded: no query, no request, no HTML.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from django.urls import reverse

PAGE_SIZE = 4096  # bytes of a memory page that CRIU counts (x86_64 and arm64 Linux)
NOT_YET_STARTED = {"created", "configured", "initialized"}
STOPPED = {"exited", "stopped"}

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
PAUSED = (("unpause", "ember", "post"), ("commit",), ("kill",), ("rename",), ("remove",))  # what can be done then
OPERATION_TONES = {"queued": "quiet", "started": "warn", "failed": "bad", "lost": "bad"}


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


def memory_bytes(checkpoint):
    return checkpoint.statistics.get("pages_written", 0) * PAGE_SIZE


def linked_sentence(event):
    """The event's sentence in three parts, (before, name, after, url): the name of the thing it is about is a link."""
    about = (("checkpoint_detail", event.checkpoint_id, event.checkpoint_name),)
    about += (("container_detail", event.container_id, event.container_name),)
    for view, pk, name in about:
        if pk and name and name in event.sentence:
            before, _, after = event.sentence.partition(name)
            return before, name, after, reverse(view, args=[pk])
    return event.sentence, "", "", ""
