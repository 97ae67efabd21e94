"""One action on many containers: as many operations as containers, asked for together; and Podman's own prune.

Every operation has its own key, derived from the form's: the same press twice asks for nothing new.
"""

import uuid
from contextlib import suppress
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from containers_app import access
from containers_app.errors import CommandFailed, Conflict
from containers_app.models import Container, Operation, Team
from containers_app.runtime.types import CheckpointOptions

from . import checkpoints, inventory, lifecycle, operations, outside
from .operations import Found

Kind = Operation.Kind
KINDS = (Kind.START, Kind.STOP, Kind.RESTART, Kind.PAUSE, Kind.UNPAUSE, Kind.CHECKPOINT, Kind.KILL, Kind.REMOVE)
MOST = 500  # containers of one press


@dataclass(frozen=True)
class Hits:
    """What an action would hit: the containers that can take it, and (container, reason) for those left out."""

    taken: list
    left_out: list


def hits(*, kind, containers, force=False):
    """Hits of `kind` on these containers, from the inventory alone; each has `.operation`, its unfinished one."""
    taken, left_out = [], []
    for container in containers:
        reason = _in_the_way(kind, container, force)
        if reason:
            left_out.append((container, reason))
        else:
            taken.append(container)
    return Hits(taken, left_out)


def _in_the_way(kind, container, force):
    """Why this container cannot take it now; "" when it can."""
    if container.removed_at:
        return "it was removed"
    if container.operation:
        return f"{container.operation.get_kind_display().lower()} is {container.operation.state}"
    if kind == Kind.CHECKPOINT:
        return "" if container.running else f"it is {container.state}"
    return "" if lifecycle.VERBS[kind].possible(container, force=force) else f"it is {container.state}"


def request_bulk(*, by, kind, containers, request_key, **options):
    """Ask for `kind` on each of `containers`, all or none of it in one transaction; returns the operations.

    A container that cannot take it any more is left out. Raises Conflict when that is true of all.
    """
    earlier = list(Operation.objects.filter(batch=request_key, requested_by=by.user))
    if earlier:
        return earlier
    made = []
    with transaction.atomic():
        for container in containers:
            try:
                with transaction.atomic():
                    made.append(_request(by, kind, container, uuid.uuid5(request_key, str(container.pk)), options))
            except Conflict:
                continue
        if not made:
            raise Conflict(f"There is nothing left to {kind}.", remedy="Look at the list and choose anew.")
        Operation.objects.filter(pk__in=[operation.pk for operation in made]).update(batch=request_key)
    return made


def _request(by, kind, container, key, options):
    if kind == Kind.CHECKPOINT:
        return checkpoints.request_checkpoint(
            by=by, container=container, name="", note="", tags=[], options=CheckpointOptions(**options), request_key=key
        )
    return lifecycle.request_act(by=by, container=container, kind=kind, request_key=key, **options)


@operations.once
def request_prune(*, by, host, request_key=None):
    """Ask Podman to remove every container of this host that does not run, as far as the person may touch it.

    Raises Conflict when one of them is busy.
    """
    busy = prunable_by(by.user, host).filter(operations__state__in=Operation.UNFINISHED).first()
    if busy:
        raise Conflict(f"{busy.name} is busy: prune would take it away.", remedy="Wait until that has ended.")
    return operations.request(
        by=by, kind=Kind.PRUNE, host=host, request_key=request_key, team=access.team_for(by.user, "operate"),
        sentence=f"asked to remove every container on {host.name} that does not run",
    )  # fmt: skip


def prunable(host):
    """The containers of a host that `podman container prune` removes."""
    return Container.objects.filter(host=host, removed_at=None, state__in=lifecycle.NOT_RUNNING)


def prunable_by(user, host):
    """Those of them that `user` may touch; all for the system itself."""
    return access.held_by(user, prunable(host), "operate") if user else prunable(host)


def perform_prune(claim):
    """Prune, and mark as removed what Podman says it removed. Podman's own prune knows no teams: who may not touch
    every one has theirs removed one by one."""
    host, user = claim.operation.host, claim.operation.requested_by
    claim.phase("pruning")
    if user is None or not Team.objects.exclude(pk__in=access.teams_of(user, "operate")).exists():
        gone = outside.podman().prune_containers(on_start=claim.command).stdout.split()
    else:
        gone = list(_remove_each(claim, prunable_by(user, host)))
    names, asked_at = [], timezone.now()
    for container in Container.objects.filter(host=host, removed_at=None, container_id__in=gone):
        inventory.observe_removed(container, asked_at=asked_at)
        names.append(container.name)
    number = f"{len(gone)} container{'' if len(gone) == 1 else 's'}"
    claim.succeed(
        action="containers.pruned",
        sentence=f"pruned {number} on {host.name}",
        summary=f"{number} removed{': ' if names else ''}{', '.join(sorted(names))}.",
    )


def _remove_each(claim, containers):
    """The IDs of those of `containers` that Podman removed: one that has been started meanwhile it refuses."""
    for container in containers:
        with suppress(CommandFailed):
            outside.podman().remove(container.container_id, on_start=claim.command)
            yield container.container_id


def settle_prune(claim):
    """What is gone is gone; the watcher mirrors what is left."""
    outside.await_end(claim.operation)
    left = prunable(claim.operation.host).count()
    return Found(False, f"{left} that do not run are left.")
