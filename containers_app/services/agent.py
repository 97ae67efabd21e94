"""The agent's outermost functions: perform one operation, and sweep up what was left undone.

Each kind of operation is a pair: `perform` does the work, `settle` finds out what is true after a failure or after an
agent that died, and makes good what can be made good. Both ways end through the same settling.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from containers_app import access
from containers_app.errors import FreezeframeError, NotAllowed, Unavailable
from containers_app.models import Operation
from containers_app.runtime import host, readiness

from . import (
    audit,
    bulk,
    catalog,
    checkpoint_images,
    checkpoints,
    criu_switches,
    doorbell,
    drills,
    executions,
    handing_on,
    images,
    imports,
    inventory,
    kept_images,
    lifecycle,
    memory,
    operations,
    outside,
    pulls,
    restores,
    rounds,
    scrubs,
    selftests,
)

log = logging.getLogger(__name__)

Kind, State = Operation.Kind, Operation.State
TAKE_OVERS = 5  # how often an operation is settled anew before it is given up as lost
QUEUED_TOO_LONG = timedelta(seconds=10)
ROUND = 10  # seconds between signs of life, and between sweeps


@dataclass(frozen=True)
class Handler:
    """One kind of work: `perform` does it or raises; `settle` makes good what it can and returns Found.

    `right` is what its requester must still hold when it begins, on what `_about` says.
    """

    perform: Callable
    settle: Callable
    right: str = "operate"


def _checkpoint(claim):
    """Take it; what is wanted besides is asked for once it is recorded, and never a reason that it failed."""
    checkpoints.perform_checkpoint(claim)
    rounds.attempt(kept_images.ask_after, claim.operation)
    rounds.attempt(drills.ask_after, claim.operation)


def _discard(claim):
    """Discard it, and the image that only it has needed."""
    catalog.perform_discard(claim)
    checkpoint = claim.operation.checkpoint
    rounds.attempt(kept_images.release, audit.caller_of(claim.operation), checkpoint.image_id)


HANDLERS = {
    Kind.SAMPLE: Handler(lifecycle.perform_sample, lifecycle.settle_create, right="create"),
    Kind.CREATE: Handler(lifecycle.perform_create, lifecycle.settle_create, right="create"),
    **dict.fromkeys(lifecycle.VERBS, Handler(lifecycle.perform_act, lifecycle.settle_act)),
    Kind.EXEC: Handler(executions.perform_exec, executions.settle_exec, right="exec"),
    Kind.PRUNE: Handler(bulk.perform_prune, bulk.settle_prune),
    Kind.CRIU_CONFIG: Handler(
        criu_switches.perform_criu_config, criu_switches.settle_criu_config, right="manage_hosts"
    ),
    Kind.SELFTEST: Handler(selftests.perform_selftest, selftests.settle_selftest),
    Kind.PULL: Handler(pulls.perform_pull, pulls.settle_pull, right="create"),
    Kind.COMMIT: Handler(images.perform_commit, images.settle_commit),
    Kind.KEEP_IMAGE: Handler(kept_images.perform_keep_image, kept_images.settle_keep_image),
    Kind.DRILL: Handler(drills.perform_drill, drills.settle_drill, right="restore"),
    Kind.PUSH: Handler(handing_on.perform_push, handing_on.settle_push, right="download_archive"),
    Kind.SCRUB: Handler(scrubs.perform_scrub, scrubs.settle_scrub),
    Kind.IMAGE_REMOVE: Handler(images.perform_image_remove, images.settle_image_remove, right="manage_images"),
    Kind.IMAGE_PRUNE: Handler(images.perform_image_prune, images.settle_image_prune, right="manage_images"),
    Kind.CHECKPOINT: Handler(_checkpoint, checkpoints.settle_checkpoint, right="checkpoint"),
    Kind.MEMORY_SEARCH: Handler(memory.perform_search, memory.settle, right="search_memory"),
    Kind.MEMORY_COMPARE: Handler(memory.perform_compare, memory.settle),
    Kind.RESTORE: Handler(restores.perform_restore, restores.settle_restore, right="restore"),
    Kind.CHECKPOINT_IMAGE: Handler(
        checkpoint_images.perform_checkpoint_image, checkpoints.settle_checkpoint, right="checkpoint"
    ),
    Kind.RESTORE_IMAGE: Handler(
        checkpoint_images.perform_restore_image, checkpoint_images.settle_restore_image, right="restore"
    ),
    Kind.IMPORT: Handler(imports.perform_import, imports.settle_import, right="import_archive"),
    Kind.DISCARD: Handler(_discard, catalog.settle_discard, right="discard"),
}


def run(operation_id):
    """Perform one operation to its end. A second delivery claims nothing and does nothing."""
    try:
        claim = operations.claim(operation_id)
    except Unavailable as error:
        log.error("operation %s is not begun: %s", operation_id, error)
        operations.wait(operation_id, error)
        return
    if claim is None:
        return
    handler = HANDLERS[claim.operation.kind]
    with claim.heartbeat():
        try:
            if _still_allowed(claim, handler.right):
                handler.perform(claim)
        except operations.LeaseLost:
            log.warning("operation %s was taken over by another agent", operation_id)
        except operations.Cancelled:
            claim.cancelled()
        except Exception as error:
            _settle(claim, handler, error)
            if not isinstance(error, FreezeframeError):
                raise


def _still_allowed(claim, right):
    """False, and the operation refused, when who asked for it may no longer."""
    try:
        _require_rights(claim.operation, right)
    except NotAllowed as error:
        claim.refuse(error)
        return False
    return True


def _require_rights(operation, right):
    """Raise NotAllowed unless who asked for it still may: rights are those of now, not of when it was asked for."""
    if not operation.requested_by_id:
        return
    if operation.kind != Kind.RESTORE:
        access.require(operation.actor, right, on=_about(operation))
        return
    restores.require_right(operation.actor, operation.checkpoint, as_new=bool(operation.options["flags"].get("name")))
    if operation.container:  # it comes back as what it was: that may be another team's than the checkpoint's
        access.require(operation.actor, right, on=operation.container)


def _about(operation):
    """The row on which the right is asked: the container, the checkpoint, the team that gets it, or the host."""
    if operation.kind == Kind.RESTORE_IMAGE:
        return operation.host
    return operation.container or operation.checkpoint or (operation if operation.team_id else operation.host)


def show_life():
    """This host's worker is there."""
    inventory.heartbeat(inventory.register_host(settings.HOST_NAME), inventory.WORKER)


def sweep():
    """One round on this agent's host: a ring for what waits, an end for what was abandoned."""
    here = inventory.register_host(settings.HOST_NAME)
    _ring_again(here)
    for operation in Operation.objects.filter(host=here, state=State.STARTED):
        if operation.lease_expires_at < timezone.now() or operations.owner_is_gone(operation.lease_owner):
            _finish_abandoned(operation)
    _clear_drafts()


def measure_host():
    """Find out what this host can do and keep it."""
    here = inventory.register_host(settings.HOST_NAME)
    facts, checks = host.measure(
        outside.podman(), store=outside.store(), wanted_runtime=settings.OCI_RUNTIME, criu_switches=settings.CRIU_CONFIG
    )
    here.facts = facts.as_json()
    inventory.observe_host(
        here, facts, [*checks, readiness.clock_check(doorbell.clock_skew()), selftests.check_of(here)]
    )


def _ring_again(here):
    waiting = Operation.objects.filter(
        host=here, state=State.QUEUED, requested_at__lt=timezone.now() - QUEUED_TOO_LONG
    ).select_related("host")
    if waiting and doorbell.queue_is_empty(here):
        for operation in waiting:
            doorbell.ring(operation)


def _finish_abandoned(operation):
    claim = operations.take_over(operation)
    if claim is None:
        return
    log.warning("operation %s was abandoned by its agent", operation.pk)
    gone = Unavailable(
        f"The agent of {operation.host.name} ended in the middle of it.",
        remedy="Look at what was found, then try again.",
    )
    with claim.heartbeat():
        if operation.fencing >= TAKE_OVERS:
            unknown = operations.Found(sentence="What became of it could not be found out.")
            claim.fail(gone, found=unknown, state=State.LOST)
        else:
            _settle(claim, HANDLERS[operation.kind], gone)


def _settle(claim, handler, error):
    """Find out what is true now, make good what can be, and record the end.

    When that fails too (Podman does not answer), the operation stays started, and the sweep takes it over later.
    """
    found = handler.settle(claim)
    if not found.achieved:
        claim.fail(error, found=found)
        return
    operation = claim.operation
    claim.succeed(
        action=f"{operation.kind}.found",
        sentence=f"asked for: {operation}; it was found done after its agent had ended",
        summary=f"{found.sentence} (Found so after: {error})",
        criu_log=found.criu_log,
    )


def _clear_drafts():
    """Drafts of operations that have ended, or never were, are nobody's. Several hosts may share the store."""
    store = outside.store()
    unfinished = set(Operation.objects.filter(state__in=Operation.UNFINISHED).values_list("pk", flat=True))
    for owner in store.incoming_owners():
        if not owner.isdigit() or int(owner) not in unfinished:
            store.clear_incoming(owner)
