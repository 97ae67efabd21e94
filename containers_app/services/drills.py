"""Drills: the proof that a checkpoint restores, by doing it with a container that nobody else meets, and removing it.

The copy has a name, volumes and a network of its own (runtime/relocation.py), publishes no port, and is not in the
inventory. What it would share with others (paths of the host that it may write, the host's network, a pod) is a reason
not to drill: a copy of a database on the same files would do harm. Kept are the times, the versions and the check.
"""

import hashlib
import logging
import time
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import Max, OuterRef, Q, Subquery
from django.utils import timezone

from containers_app.errors import Conflict, FreezeframeError
from containers_app.models import AuditEvent, Checkpoint, Drill, Operation
from containers_app.runtime import criu, probes, relocation
from containers_app.runtime.types import CreateOptions, RestoreOptions

from . import (
    audit,
    checkpoints,
    doorbell,
    inventory,
    kept_images,
    operations,
    outside,
    policies,
    restores,
    reviews,
    scrubs,
    selftests,
)
from .operations import Found

log = logging.getLogger(__name__)

EVERY = 600  # seconds between looks at whether one is due
NETWORK = "freezeframe-drill"  # internal: no way out of it, and nobody else in it
NAME = inventory.DRILLS
COLD_PATIENCE = 10  # times as long as a warm start may a cold one take
NEVER = "It is not drilled"
SCHEDULE = audit.Caller(source=AuditEvent.Source.SCHEDULE)


class CannotDrill(Conflict):
    """A drill would touch what others use; that says nothing of whether the checkpoint restores."""

    code = "cannot-drill"


@dataclass
class _Times:
    """µs; `cold` None where it was not measured, and why."""

    unpack: int = 0
    restore: int = 0
    ready: int = 0
    cold: int | None = None
    cold_reason: str = ""
    output: list = field(default_factory=list)
    statistics: dict = field(default_factory=dict)


@operations.once
def request_drill(*, by, checkpoint, cold=False, host=None, request_key=None):
    """Ask for a drill of a checkpoint, on `host` or where it was taken; with `cold` the cold start is measured too.

    One of each checkpoint at a time. Raises Conflict for what may not or cannot be restored, or is being drilled.
    """
    host = host or checkpoint.host
    where = f" on {host.name}" if host.pk != checkpoint.host_id else ""
    reviews.require_passed(checkpoint)
    scrubs.require_sound(checkpoint)
    return operations.request(
        by=by, kind=Operation.Kind.DRILL, host=host, checkpoint=checkpoint, target_name=f"drill {checkpoint.pk}",
        request_key=request_key, options={"cold": cold},
        sentence=f"asked for proof that {checkpoint.name} restores{where}",
    )  # fmt: skip


def change_check(*, by, checkpoint, probe):
    """Keep with the checkpoint when it counts as ready; what was and what is are in the history."""
    with transaction.atomic():
        before, after = checkpoint.ready_when, probe.as_json()
        if before == after:
            return
        checkpoint.ready_when = after
        checkpoint.save(update_fields=["ready_when"])
        doorbell.announce("checkpoints", team=checkpoint.team_id)
        audit.record(
            by=by, action="checkpoint.edited", sentence=f"changed when {checkpoint.name} counts as ready",
            checkpoint=checkpoint, container=checkpoint.container, host=checkpoint.host,
            before={"ready_when": before}, after={"ready_when": after},
        )  # fmt: skip


def ask_after(operation):
    """Ask for the drill that was wanted with a checkpoint, now that it is in the catalog."""
    checkpoint = Checkpoint.objects.filter(operation=operation).select_related("host", "container").first()
    if checkpoint and operation.options.get("drill"):
        request_drill(by=audit.caller_of(operation), checkpoint=checkpoint, cold=bool(checkpoint.ready_when))


def ask_when_due(host_name):
    """Ask for one drill that is due by the schedule, while the host is ready and drills nothing."""
    found, host = policies.schedule(policies.Work.DRILL), inventory.register_host(host_name)
    busy = Operation.objects.filter(host=host, kind=Operation.Kind.DRILL, state__in=Operation.UNFINISHED)
    if not found.enabled or not host.ready or busy.exists():
        return
    for checkpoint in _due(host, found)[:5]:
        try:
            request_drill(by=SCHEDULE, checkpoint=checkpoint, cold=found.values["cold"])
            return
        except Conflict as error:
            log.info("%s is not drilled now: %s", checkpoint, error)


def _due(host, schedule):
    """Checkpoints of the host that the schedule is for and that nobody has asked to drill for so long."""
    before = timezone.now() - timedelta(hours=schedule.every_hours)
    rows = Checkpoint.objects.filter(host=host, discarded_at=None, flaw="").select_related("host", "container")
    newest = Checkpoint.objects.filter(container=OuterRef("container"), discarded_at=None).values("pk")[:1]
    scope = schedule.values["scope"]
    if scope == policies.NEWEST:
        rows = rows.filter(pk=Subquery(newest))
    elif scope == policies.PINNED:
        rows = rows.filter(pinned=True)
    asked = Max("operations__requested_at", filter=Q(operations__kind=Operation.Kind.DRILL))
    rows = rows.annotate(asked=asked).filter(Q(asked=None) | Q(asked__lt=before))
    return rows.order_by("asked", "pk")


def name_of(operation, what=""):
    """The name of the container, or volume, that this drill makes."""
    return f"{NAME}{operation.pk}{what}"


def _volume(operation, name):
    return name_of(operation, f"-{hashlib.sha256(name.encode()).hexdigest()[:16]}")


def perform_drill(claim):
    """Verify, unpack, restore apart from everything, wait until it is ready, measure, remove; every step is a phase."""
    operation, podman = claim.operation, outside.podman()
    checkpoint = operation.checkpoint
    reviews.require_passed(checkpoint)
    scrubs.require_sound(checkpoint)
    _clean(operation, podman)
    try:
        times = _drill(claim, podman, checkpoint)
    except CannotDrill:
        raise
    except FreezeframeError as error:
        claim.note(reason=error.message)
        raise
    claim.phase("cleaning up")
    _clean(operation, podman)
    _record(claim, times)


def _drill(claim, podman, checkpoint):
    operation, store, times = claim.operation, outside.store(), _Times()
    probe = probes.of(checkpoint.ready_when)
    with store.incoming(operation.pk) as folder:
        claim.phase("finding its image")
        kept_images.bring(claim, podman, folder, image_id=checkpoint.image_id, name=checkpoint.image_name)
        begun = time.monotonic()
        claim.phase("verifying and unpacking")
        claim.expect(checkpoint.unpacked_bytes)
        by = audit.caller_of(operation)
        with (
            scrubs.flagging(by=by, checkpoint=checkpoint, operation=operation),
            store.open(checkpoint.archive_sha256) as packed,
        ):
            found = relocation.relocate(
                packed, folder / "import.tar", sha256=checkpoint.archive_sha256,
                place=_place(operation, podman, checkpoint, folder), on_progress=claim.progress,
            )  # fmt: skip
        _require_apart(found)
        podman.make_internal_network(NETWORK)
        times.unpack = _micro(begun)
        claim.phase("restoring")
        restoring = time.monotonic()
        result = podman.restore_archive(
            folder / "import.tar", _options(operation, found),
            timeout=2 * checkpoints.patience(checkpoint.unpacked_bytes), on_start=claim.command,
        )  # fmt: skip
        times.restore = _micro(restoring)
        times.output.append(result.stdout)
        times.statistics = criu.statistics(result.stdout)[1]
    claim.phase(f"waiting until {probe.words()}")
    container = podman.inspect_one(name_of(operation))
    if container is None or container.state != "running":
        raise probes.NotReady("It ended at once after the restore.")
    times.ready = int((probes.wait(podman, container.container_id, container.pid, probe) - begun) * 1e6)
    podman.remove(container.container_id, at_once=True, on_start=claim.command)
    if operation.options.get("cold"):
        _measure_cold(claim, podman, checkpoint, found, probe, times)
    return times


def _place(operation, podman, checkpoint, folder):
    streams = any(row["name"].startswith("checkpoint/tcp-stream-") for row in checkpoint.members)
    return replace(
        restores.place_on(operation.host, podman), rename=lambda name: _volume(operation, name), network=NETWORK,
        without_ports=True, criu_config=_closing_connections(folder) if streams else "",
    )  # fmt: skip


def _closing_connections(folder):
    """A file of CRIU's switches, this host's own and `tcp-close`: the copy's peers are not those of the original."""
    own = Path(settings.CRIU_CONFIG)
    text = own.read_text() if own.is_file() else ""
    (folder / "criu.conf").write_text(f"{text.rstrip()}\ntcp-close\n".lstrip())
    return str(folder / "criu.conf")


def _require_apart(found):
    """Raise CannotDrill for what a copy would share with others."""
    written = [source for source, writable in found.binds if writable]
    if written:
        raise CannotDrill(
            f"{NEVER}: its copy would write to {', '.join(written[:3])} of the host, as the original does."
        )
    mode = found.config.get("networkMode", "")
    if mode == "host" or mode.startswith(("container:", "ns:")) or "network" not in found.own_namespaces:
        raise CannotDrill(f"{NEVER}: it does not have a network of its own.")
    if found.config.get("pod"):
        raise CannotDrill(f"{NEVER}: it was in a pod.")
    if not {"pid", "ipc"} <= found.own_namespaces:
        raise CannotDrill(f"{NEVER}: it shares process numbers or memory with the host.")
    lacking = [name for name, _ in found.volumes if f"volumes/{name}.tar" not in found.names]
    if lacking:
        raise CannotDrill(f"{NEVER}: its volumes ({', '.join(lacking[:3])}) are not in the archive.")


def _options(operation, found):
    return RestoreOptions(
        name=name_of(operation), ignore_static_ip=True, ignore_static_mac=True,
        file_locks="checkpoint/filelocks.img" in found.names,
    )  # fmt: skip


def _measure_cold(claim, podman, checkpoint, found, probe, times):
    """Start a fresh container of the same image and configuration, and wait until the same check passes."""
    operation = claim.operation
    if probe.kind == probes.ALIVE:
        times.cold_reason = "It has no readiness check: a process is alive at once."
        return
    claim.phase("starting it cold")
    begun = time.monotonic()
    try:
        podman.create(_fresh(operation, checkpoint, found), on_start=claim.command)
        podman.start(name_of(operation, "-cold"), on_start=claim.command)
        container = podman.inspect_one(name_of(operation, "-cold"))
        patience = min(COLD_PATIENCE * probe.seconds, probes.MOST_SECONDS)
        ready = probes.wait(podman, container.container_id, container.pid, probe, seconds=patience)
        times.cold = int((ready - begun) * 1e6)
    except FreezeframeError as error:  # the checkpoint restores all the same
        times.cold_reason = error.message


def _fresh(operation, checkpoint, found):
    """CreateOptions of a container as the checkpointed one was made: from what the archive says of it."""
    process = found.spec.get("process") or {}
    user = process.get("user") or {}
    limits = [f"{row['type'].removeprefix('RLIMIT_').lower()}={row['soft']}:{row['hard']}" for row in
              process.get("rlimits") or []]  # fmt: skip
    return CreateOptions(
        name=name_of(operation, "-cold"), image=checkpoint.image_id, command=process.get("args") or [],
        env=[pair for pair in process.get("env") or [] if "\n" not in pair],
        settings={"ulimit": limits, "user": f"{user.get('uid', 0)}:{user.get('gid', 0)}", "tty": bool(
            process.get("terminal"))},
        runtime=operation.host.facts.get("oci_runtime", ""), pids_limit=operation.host.facts.get("pids_limit", ""),
        extra=["--entrypoint=", f"--workdir={process.get('cwd') or '/'}", f"--network={NETWORK}",
               *(f"--volume={destination}" for _, destination in found.volumes)],
    )  # fmt: skip


def _record(claim, times):
    operation = claim.operation
    checkpoint, now = operation.checkpoint, timezone.now()
    cold = f"; a cold start takes {times.cold / 1e6:.2f} s" if times.cold else ""
    with transaction.atomic():
        Drill.objects.create(
            checkpoint=checkpoint, operation=operation, host=operation.host, finished_at=now, passed=True,
            ready_when=checkpoint.ready_when, unpack_us=times.unpack, restore_us=times.restore, ready_us=times.ready,
            cold_us=times.cold, cold_reason=times.cold_reason, versions=selftests.versions_of(operation.host),
        )  # fmt: skip
        Checkpoint.objects.filter(pk=checkpoint.pk).update(verified_at=now, read_at=now)
        doorbell.announce("checkpoints", team=checkpoint.team_id)
        claim.succeed(
            action="checkpoint.verified",
            sentence=f"proved that {checkpoint.name} restores: ready after {times.ready / 1e6:.2f} s{cold}",
            summary=f"{checkpoint.name} restores: ready after {times.ready / 1e6:.2f} s{cold}.",
            output="\n".join(times.output),
            statistics=times.statistics,
        )


def settle_drill(claim):
    """Found, never achieved: nothing of it stays. What failed because of the checkpoint is kept with it."""
    operation, podman = claim.operation, outside.podman()
    outside.await_end(operation)
    step, reason = operation.phase, operation.result.get("reason", "")
    found = podman.inspect_one(name_of(operation))
    criu_log = criu.read_log(found.userdata, "restore.log") if found else ""
    _clean(operation, podman)
    outside.store().clear_incoming(operation.pk)
    if not reason:
        return Found(False, "What it had made was removed." if found else "", criu_log)
    checkpoint = operation.checkpoint
    with transaction.atomic():
        Drill.objects.create(
            checkpoint=checkpoint, operation=operation, host=operation.host, finished_at=timezone.now(), passed=False,
            step=step[:64], reason=reason, ready_when=checkpoint.ready_when,
            versions=selftests.versions_of(operation.host),
        )  # fmt: skip
        Checkpoint.objects.filter(pk=checkpoint.pk).update(verified_at=None)
        doorbell.announce("checkpoints", team=checkpoint.team_id)
    return Found(False, f"It failed at: {step}. What it had made was removed.", criu_log)


def _clean(operation, podman):
    """Remove the containers and volumes of this drill, whatever is there of them."""
    for name in (name_of(operation), name_of(operation, "-cold")):
        found = podman.inspect_one(name)
        if found:
            podman.remove(found.container_id, at_once=True, volumes=True)
    for volume in podman.volume_names():
        if volume.startswith(name_of(operation, "-")):
            podman.remove_volume(volume)


def _micro(since):
    return int((time.monotonic() - since) * 1e6)
