"""Taking a checkpoint: the container's memory and files into the catalog, and nothing lost when that fails.

A checkpoint is in the catalog when its archive is whole, hashed and in the store, or it is not there at all. Podman
stops the processes long before it can know that the export will fail, so whatever goes wrong after that is settled by
bringing the workload back from the dump that Podman still holds.
"""

import shlex
import time
from dataclasses import replace
from datetime import timedelta
from statistics import median

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from containers_app.errors import BadInput, CommandFailed, Conflict
from containers_app.models import Checkpoint, Operation, Tag
from containers_app.models.catalog import Mode
from containers_app.runtime import capture, cgroup, criu, podman_arguments, process
from containers_app.runtime.types import CheckpointOptions, RestoreOptions

from . import audit, catalog, doorbell, inspections, inventory, operations, outside, preflights
from .operations import Found

FLAGS = podman_arguments.CHECKPOINT_FLAGS
HOW = {Mode.STOP: "stopping it", Mode.KEEP_RUNNING: "leaving it running", Mode.COPY: "copying it while it runs"}
RUNTIME_ENDS = 40  # seconds that an abandoned dump is given to end by itself
THAWED_ENDS = 5  # seconds that a hung one is given, once its control group was thawed
DUMP_SPEED = 20 * 1024**2  # bytes of memory a second: a slow disk, much slower than any that was measured


@operations.once
def request_checkpoint(
    *,
    by,
    container,
    name,
    note,
    tags,
    options: CheckpointOptions,
    mode=Mode.STOP,
    forced=False,
    drill=False,
    request_key=None,
):
    """Ask for a checkpoint; `mode` wins over `options.leave_running`, `forced` over what the preflight would refuse.

    With `drill` it is drilled once it is in the catalog.

    Raises Conflict when the container is not running, BadInput for a name that is too long.
    """
    require_running(container)
    name = name.strip() or default_name(container)
    if len(name) > 120:
        raise BadInput("A name has 120 characters at the most.", field="name")
    options = replace(options, leave_running=mode == Mode.KEEP_RUNNING, with_previous=False)
    if options.pre_checkpoint and not container.host.facts.get("dirty_tracking"):
        raise BadInput(
            f"The kernel of {container.host.name} does not track changed memory: there is no memory beforehand.",
            field="pre_checkpoint",
        )
    operations.require_offered(options, known=podman_arguments.CHECKPOINT_FLAGS, offered=offered(container.host))
    return operations.request(
        by=by, kind=Operation.Kind.CHECKPOINT, host=container.host, container=container, request_key=request_key,
        sentence=f"asked to checkpoint {container.name}, {HOW[mode]}",
        options={"name": name, "note": note, "tags": sorted(set(tags)), "flags": options.as_json(), "mode": mode,
                 "forced": forced, "drill": drill},
    )  # fmt: skip


def require_running(container):
    """Raise Conflict for a container that has no process to dump."""
    if not container.running:
        raise Conflict(
            f"{container.name} is {container.state}, not running: there is no process to dump.",
            remedy="Start or restore it first.",
        )


def offered(host):
    """Names of the options that this host's Podman and kernel have; while it has not been measured, what all have."""
    present = host.facts.get("flags", {}).get("checkpoint", podman_arguments.CHECKPOINT_FLAGS.values())
    lacking = set() if host.facts.get("dirty_tracking") else podman_arguments.TRACKING
    return [name for name, flag in podman_arguments.CHECKPOINT_FLAGS.items() if flag in present and name not in lacking]


def default_name(container):
    """`looper 3` for the third checkpoint of looper."""
    return f"{container.name} {container.checkpoints.count() + 1}"


def usual_check(container):
    """When the container counts as ready, as it was said of its latest checkpoint; {} where nobody has said it."""
    said = container.checkpoints.exclude(ready_when={}).values_list("ready_when", flat=True)
    return said.first() or {}


def command_preview(container, options: CheckpointOptions, mode):
    """The command lines that a checkpoint with these options will run; the archive's path is made by the agent."""
    options = replace(options, leave_running=mode == Mode.KEEP_RUNNING)
    lines = []
    if options.pre_checkpoint:
        lines.append(podman_arguments.pre_checkpoint_arguments(container.name, options, export="…"))
        options = replace(options, pre_checkpoint=False, with_previous=True)
    lines.append(podman_arguments.checkpoint_arguments(container.name, options, export="…"))
    if mode == Mode.COPY:
        lines.append(podman_arguments.restore_arguments(in_place(options), container=container.name))
    return [shlex.join(["podman", *arguments]).replace("'…'", "…") for arguments in lines]


def expected_pause(container):
    """µs that the latest copies of this container stood still, as a median; None when there is none yet."""
    pauses = container.checkpoints.filter(pause__isnull=False).values_list("pause", flat=True)[:5]
    return int(median(pauses)) if pauses else None


def perform_checkpoint(claim):
    """Dump, export, complete, store, record. Raises what went wrong; `settle_checkpoint` then makes it good."""
    operation, runner, store = claim.operation, outside.podman(), outside.store()
    options = CheckpointOptions(**operation.options["flags"])
    claim.phase("looking")
    found = runner.inspect_one(operation.container.container_id)
    look_before(claim, found, options)
    claim.expect(process.resident_bytes(found.pid))
    claim.note(was_running=True)
    mode, pause, stuck = operation.options.get("mode", Mode.STOP), None, None
    with store.incoming(operation.pk) as folder:
        claim.phase("dumping memory")
        began = time.monotonic()
        captured = _capture(claim, runner, found, options, folder)
        criu_log = criu.read_log(found.userdata, "dump.log")
        if mode == Mode.COPY:
            stuck = _go_on(claim, runner, found, options)
            pause = None if stuck else int((time.monotonic() - began) * 1e6)
        claim.phase("storing")
        claim.note(sha256=captured.facts.sha256)
        store.put(captured.draft, captured.facts.sha256)
    claim.phase("recording")
    asked_at = timezone.now()
    after = runner.inspect_one(found.container_id)
    with transaction.atomic():
        inventory.observe_containers(operation.host, [after] if after else [], asked_at=asked_at)
        checkpoint = _record(operation, options, captured, found, after, store, pause)
        if stuck is None:
            _succeed(claim, checkpoint, captured, criu_log)
        else:
            _record_taken(operation, checkpoint)
    if stuck:
        raise stuck


def _capture(claim, runner, found, options, folder):
    try:
        return capture.capture(
            runner, found.container_id, options, folder, patience=patience(claim.operation.expected_bytes),
            on_start=claim.command, on_bytes=_Progress(claim), on_phase=claim.phase,
        )  # fmt: skip
    except CommandFailed as error:
        claim.note(hung=error.exit_code is None)
        raise


def _go_on(claim, runner, found, options):
    """Restore in place what was dumped a moment ago; the CommandFailed when it could not be.

    It is raised only once the archive is in the catalog: that is then all that is left of the workload.
    """
    claim.phase("restoring in place")
    try:
        runner.restore(found.container_id, in_place(options), on_start=claim.command)
    except CommandFailed as error:
        return error
    return None


def in_place(options):
    """The RestoreOptions that bring back in place what was dumped with these CheckpointOptions."""
    return RestoreOptions(tcp_established=options.tcp_established, file_locks=options.file_locks)


class _Progress:
    """The first byte of the archive means that CRIU is done: the phase changes, then bytes are told."""

    def __init__(self, claim):
        self._claim = claim
        self._begun = False

    def __call__(self, count):
        if not self._begun:
            self._begun = True
            self._claim.phase("archiving")
        self._claim.progress(count)


def look_before(claim, found, options):
    """Raise Conflict for what would fail only after the processes have been stopped, or could not be restored."""
    name = claim.operation.container.name
    if found is None:
        raise Conflict(f"Podman no longer knows {name}: somebody removed it.", remedy="Reload the page.")
    if found.state != "running":
        raise Conflict(
            f'"{found.state}" is not running, cannot checkpoint: container state improper',
            remedy="Start or restore it first.",
        )
    preflights.require(claim, preflights.of_checkpoint(claim.operation.host, found, options))


def _record(operation, options, captured, before, after, store, pause):
    facts, asked = captured.facts, operation.options
    _, statistics = criu.statistics(captured.command.stdout)
    checkpoint = Checkpoint.objects.create(
        name=asked["name"],
        note=asked["note"],
        team=operation.container.team,
        host=operation.host,
        container=operation.container,
        container_name=operation.container.name,
        image_id=after.image_id if after else operation.container.image_id,
        image_name=after.image_name if after else operation.container.image_name,
        operation=operation,
        taken_by=operation.requested_by,
        taken_by_name=operation.requested_by.get_username() if operation.requested_by else "",
        taken_at=timezone.now(),
        dumped_at=after.checkpointed_at if after and not options.leave_running else None,
        mode=asked.get("mode", Mode.STOP),
        pause=pause,
        options=options.as_json(),
        command=captured.command.argv,
        store=store.name,
        archive_sha256=facts.sha256,
        archive_bytes=facts.archive_bytes,
        unpacked_bytes=facts.unpacked_bytes,
        members=[{"name": m.name, "size": m.size, "sha256": m.sha256} for m in facts.members],
        completed_paths=facts.completed_paths,
        statistics=statistics,
        facts=preflights.facts_at_capture(operation.host, before, options),
        ready_when=usual_check(operation.container),
    )
    seen = inspections.record(checkpoint, facts)
    checkpoint.tags.set([Tag.objects.get_or_create(name=tag)[0] for tag in asked["tags"]])
    catalog.write_words(checkpoint, seen)
    doorbell.announce("checkpoints", team=checkpoint.team_id)
    return checkpoint


def _record_taken(operation, checkpoint):
    """The checkpoint is in the catalog although its operation has yet to fail."""
    audit.record(
        by=audit.caller_of(operation), action="checkpoint.taken",
        sentence=f"checkpointed {operation.container.name} as {checkpoint.name}; it could not go on",
        operation=operation, checkpoint=checkpoint,
    )  # fmt: skip


def _succeed(claim, checkpoint, captured, criu_log):
    name = claim.operation.container.name
    pages, frozen = (checkpoint.statistics.get(key, 0) for key in ("pages_written", "frozen_time"))
    paused = f" It stood still for {checkpoint.pause / 1e6:.2f} s and runs again." if checkpoint.pause else ""
    claim.succeed(
        action="checkpoint.taken",
        sentence=f"checkpointed {name} as {checkpoint.name}, {HOW[checkpoint.mode]}",
        summary=f"Checkpointed {name}: {pages:,} pages, frozen for {frozen / 1000:.0f} ms.{paused}",
        checkpoint=checkpoint,
        output=captured.command.stdout + captured.command.stderr,
        criu_log=criu_log,
    )


def settle_checkpoint(claim):
    """Found, never achieved: after a failure or a lost agent nothing half-written stays, and the workload runs.

    First waits for a dump that still goes on (killing Podman does not stop runc and CRIU, and Podman answers nothing
    about a container that it exports), then reads how it ended, and brings the container back in place when it stands
    still because of it.
    """
    operation, runner, store = claim.operation, outside.podman(), outside.store()
    hung = _await_the_end_of(operation, store)
    store.clear_incoming(operation.pk)
    sha256 = operation.result.get("sha256")
    if sha256 and not Checkpoint.objects.filter(archive_sha256=sha256, discarded_at=None).exists():
        store.delete(sha256)
    asked_at = timezone.now()
    found = runner.inspect_one(operation.container.container_id)
    if found is None:
        inventory.observe_removed(operation.container, asked_at=asked_at)
        return Found(False, f"{operation.container.name} is gone from Podman.")
    log = _dump_log(operation, found)
    sentence = _bring_back(claim, runner, found) if _stands_still_because_of(operation, found, log) else ""
    if hung:
        now = sentence or f"{found.name} is {found.state}."
        sentence = f"CRIU hung and was ended, and what it had frozen was thawed. {now}"
    found = runner.inspect_one(found.container_id) or found
    inventory.observe_containers(operation.host, [found], asked_at=timezone.now())
    return Found(False, sentence or f"{found.name} is {found.state}.", log)


def patience(memory_bytes):
    """Seconds that a dump, or a restore, of so much memory may take."""
    return settings.DUMP_SECONDS + memory_bytes / DUMP_SPEED


def _await_the_end_of(operation, store):
    """Let an abandoned `podman container checkpoint` and the runc and CRIU below it end; end what does not.

    True when CRIU hung: its control group was thawed then, and what was left of it ended.
    """
    hung = bool(operation.result.get("hung"))
    capture.drain_abandoned(store.incoming_folder(operation.pk), seconds=0 if hung else RUNTIME_ENDS)
    if process.alive(operation.process):
        process.end(operation.process)
    if not _dumping_after(operation, 0 if hung else RUNTIME_ENDS):
        return False
    container = operation.container
    thawed = cgroup.thaw(container.pid, container.container_id)
    for pid in _dumping_after(operation, THAWED_ENDS if thawed else 0):
        for number in [*process.descendants(pid), pid]:
            process.end(process.identity(number))
    _dumping_after(operation, THAWED_ENDS)
    cgroup.thaw(container.pid, container.container_id)
    return True


def _dumping_after(operation, seconds):
    """PIDs of the OCI runtime that still dumps this container, after waiting so long for it to end."""
    deadline, words = time.monotonic() + seconds, ("checkpoint", operation.container.container_id, "--work-path")
    while (found := process.running_with(*words)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def _dump_log(operation, found):
    """The tail of this operation's dump.log; empty when the one that is there is of an earlier dump."""
    try:
        written = (found.userdata / "dump.log").stat().st_mtime
    except FileNotFoundError:
        return ""
    fresh = written >= (operation.started_at - timedelta(seconds=1)).timestamp()
    return criu.read_log(found.userdata, "dump.log") if fresh and operation.commands else ""


def _stands_still_because_of(operation, found, log):
    """True when this operation's dump is whole and the container does not run, though it did before."""
    return found.state != "running" and bool(operation.result.get("was_running")) and criu.dump_is_whole(log)


def _bring_back(claim, runner, found):
    """Restore in place what this operation stopped; returns what came of it, in a sentence."""
    options = in_place(CheckpointOptions(**claim.operation.options["flags"]))
    claim.phase("bringing it back")
    try:
        runner.restore(found.container_id, options, on_start=claim.command)
    except CommandFailed as error:
        return f"{found.name} stands still and could not be brought back ({error}); Podman still holds its dump."
    return f"{found.name} was brought back from its own dump and runs again."
