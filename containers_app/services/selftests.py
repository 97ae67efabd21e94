"""Self-test: the proof that a host can checkpoint and restore, by doing it with a container of its own.

The same code takes people's checkpoints (runtime/capture.py, archive.py). It makes no entry in the catalog and leaves
nothing behind. Kept are the times and the versions, so that a combination of versions is known to work, or not.
"""

import time
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from containers_app.errors import Conflict
from containers_app.models import Operation, SelfTest
from containers_app.runtime import archive, capture, criu
from containers_app.runtime.types import Check, CheckpointOptions, CreateOptions, RestoreOptions

from . import checkpoints, inventory, lifecycle, operations, outside
from .operations import Found

VERSIONS = ("podman_version", "criu_version", "oci_runtime", "oci_runtime_version", "kernel")
PATIENCE = 20  # seconds that the looper may take for its next numbers
STILL = 1.5  # seconds in which a stopped looper must not count; it counts each tenth of a second
COUNTING = "i=0; while true; do echo $i; i=$((i + 1)); sleep 0.1; done"  # forks once a number: CRIU may have to wait
EVERY = 600  # seconds between looks at whether one is due
NAME = "freezeframe-selftest-"


@operations.once
def request_selftest(*, by, host, request_key=None):
    """Ask a host to prove itself. One at a time: raises Conflict while another is unfinished."""
    return operations.request(
        by=by, kind=Operation.Kind.SELFTEST, host=host, target_name=f"{NAME}{host.name}"[:128],
        request_key=request_key, sentence=f"asked {host.name} to prove that it can checkpoint and restore",
    )  # fmt: skip


def versions_of(host):
    """The combination that a self-test proves, {name: version}."""
    return {name: host.facts.get(name, "") for name in VERSIONS}


def ask_when_due(host_name):
    """Ask for a self-test when the last one is too old, or was of other versions, and nothing else goes on."""
    host = inventory.register_host(host_name)
    if not settings.SELFTEST_HOURS or not host.ready or _busy(host):
        return
    last = host.selftests.first()
    fresh = last and last.finished_at > timezone.now() - timedelta(hours=settings.SELFTEST_HOURS)
    if not fresh or last.versions != versions_of(host):
        request_selftest(by=inventory.AGENT, host=host)


def _busy(host):
    return Operation.objects.filter(host=host, state__in=Operation.UNFINISHED).exists()


def perform_selftest(claim):
    """Run, checkpoint, see it stand still, restore from the archive, see it count on; every step is a phase."""
    operation, podman, store = claim.operation, outside.podman(), outside.store()
    name = operation.target_name
    podman_left = podman.inspect_one(name)
    if podman_left:
        podman.remove(podman_left.container_id, force=True)
    lifecycle.bring_sample_image(claim, podman)
    claim.phase("running the looper")
    container_id = _run(claim, podman, name)
    _count_to(podman, container_id, 3)
    with store.incoming(operation.pk) as folder:
        claim.phase("checkpointing")
        captured = capture.capture(
            podman, container_id, CheckpointOptions(), folder, patience=checkpoints.patience(0),
            on_start=claim.command, on_bytes=lambda count: None, on_phase=lambda phase: None,
        )  # fmt: skip
        claim.phase("seeing that it stands still")
        before = _stands_still(podman, container_id)
        claim.phase("removing")
        podman.remove(container_id, on_start=claim.command)
        claim.phase("restoring")
        with open(captured.draft, "rb") as packed:
            archive.unpack(packed, folder / "import.tar", sha256=captured.facts.sha256)
        result = podman.restore_archive(folder / "import.tar", RestoreOptions(), on_start=claim.command)
    claim.phase("seeing that it counts on")
    _counts_on(podman, name, before)
    claim.phase("cleaning up")
    podman.remove(name, force=True, on_start=claim.command)
    _record(claim, captured, criu.statistics(result.stdout)[1])


def _run(claim, podman, name):
    facts = claim.operation.host.facts
    options = CreateOptions(
        name=name, image=lifecycle.SAMPLE_IMAGE, command=["/bin/sh", "-c", COUNTING],
        settings={"ulimit": facts.get("ulimits", [])}, runtime=facts.get("oci_runtime", ""),
        pids_limit=facts.get("pids_limit", ""),
    )  # fmt: skip
    container_id = podman.create(options, on_start=claim.command).stdout.split()[-1]
    podman.start(container_id, on_start=claim.command)
    return container_id


def _numbers(podman, container):
    return [int(line) for line in podman.log_lines(container) if line.isdigit()]


def _count_to(podman, container, number):
    """The numbers of the looper, once it has counted so far."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = _numbers(podman, container)
        if found and found[-1] >= number:
            return found
        time.sleep(0.1)
    raise Conflict(f"The looper did not count to {number} within {PATIENCE} s.")


def _stands_still(podman, container):
    found, before = podman.inspect_one(container), _numbers(podman, container)
    if found is None or found.state == "running":
        raise Conflict("The checkpointed looper still runs.")
    time.sleep(STILL)
    if _numbers(podman, container) != before:
        raise Conflict("The checkpointed looper still counts.")
    return before


def _counts_on(podman, container, before):
    """The number after the last one must follow, and none may come twice: it goes on, it does not begin anew."""
    after = _count_to(podman, container, before[-1] + 3)
    new = after[len(before) :] if after[: len(before)] == before else after  # Podman may bring the old log along
    if new != list(range(before[-1] + 1, after[-1] + 1)):
        raise Conflict(f"The restored looper did not go on after {before[-1]}: {after[-8:]}.")


def _record(claim, captured, restored):
    _, taken = criu.statistics(captured.command.stdout)
    host = claim.operation.host
    with transaction.atomic():
        SelfTest.objects.create(
            host=host, operation=claim.operation, finished_at=timezone.now(), passed=True, versions=versions_of(host),
            checkpoint_us=taken.get("podman_checkpoint_duration", 0), frozen_us=taken.get("frozen_time", 0),
            restore_us=restored.get("podman_restore_duration", 0),
        )  # fmt: skip
        inventory.replace_check(host, check_of(host))
        claim.succeed(
            action="host.proven",
            sentence=f"proved that {host.name} can checkpoint and restore",
            summary=f"{host.name} can: frozen for {taken.get('frozen_time', 0) / 1000:.0f} ms, "
            f"restored in {restored.get('podman_restore_duration', 0) / 1e6:.2f} s, and it counted on.",
            output=captured.command.stdout,
            statistics={**taken, **restored},
        )


def settle_selftest(claim):
    """Found: never achieved. Its container and its drafts are removed, and the step that failed is kept."""
    operation, podman = claim.operation, outside.podman()
    step = operation.phase or "beginning"
    outside.await_end(operation)
    outside.store().clear_incoming(operation.pk)
    found = podman.inspect_one(operation.target_name)
    criu_log = ""
    if found:
        criu_log = criu.read_log(found.userdata, "restore.log" if step == "restoring" else "dump.log")
        podman.remove(found.container_id, force=True)
        inventory.observe_gone(operation.host, found.container_id, asked_at=timezone.now())
    with transaction.atomic():
        SelfTest.objects.create(
            host=operation.host, operation=operation, finished_at=timezone.now(), passed=False, step=step,
            versions=versions_of(operation.host),
        )  # fmt: skip
        inventory.replace_check(operation.host, check_of(operation.host))
    return Found(False, f"It failed at: {step}. What it had made was removed.", criu_log)


def check_of(host):
    """The checklist's line on the last self-test."""
    last, title = host.selftests.first(), "Checkpoint and restore were proven here"
    if last is None:
        return Check("selftest", title, "warn", "Not yet.", "Run the self-test.")
    when = f"{last.finished_at:%d %b %Y, %H:%M} UTC"
    if not last.passed:
        return Check("selftest", title, "warn", f"{when}: it failed at: {last.step}.", "Open it, and do what it says.")
    if last.versions != versions_of(host):
        return Check("selftest", title, "warn", f"{when}, with other versions.", "Run the self-test again.")
    return Check("selftest", title, "ok", f"{when}, with these versions.")
