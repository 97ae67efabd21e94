"""The inventory: hosts, images and containers as Podman last said. The only writer of those rows.

Two processes observe at once, the watcher and the worker, so every observation carries the moment *before* Podman was
asked, and an older one never overwrites a newer one.
"""

import re
from dataclasses import asdict
from functools import cache

from django.db import transaction
from django.utils import timezone

from containers_app.models import AuditEvent, Container, Host, Image, Operation
from containers_app.runtime import registries

from . import audit, doorbell, ownership

WATCHER, WORKER = "watcher", "worker"
AGENT = audit.Caller(source=AuditEvent.Source.AGENT)

DRILLS = "freezeframe-drill-"  # begin of the names of what drills make; the operation's number follows
DRILLED = re.compile(rf"{DRILLS}([0-9]{{1,18}})(?:-cold)?")

SHORT_ID = 12  # digits of an ID as Podman shows it
# What a checkpoint's later restore depends on.
_VERSIONS = ("podman_version", "oci_runtime", "oci_runtime_version", "criu_version", "kernel", "architecture")

_MIRRORED = (
    "name", "image_id", "image_name", "state", "pid", "exit_code", "created_at", "started_at", "finished_at",
    "checkpointed_at", "restored_at", "ports", "command", "oci_runtime", "config", "mount_point",
)  # fmt: skip


def register_host(name):
    """The Host row of that name, made (and audited) at its agent's first start."""
    with transaction.atomic():
        host, created = Host.objects.get_or_create(name=name)
        if created:
            audit.record(by=AGENT, action="host.added", sentence=f"added the host {name}", host=host)
            doorbell.announce("hosts", team=None)
    return host


def heartbeat(host, part):
    """The host's watcher or worker is alive."""
    was_away = Host.objects.get(pk=host.pk).away
    Host.objects.filter(pk=host.pk).update(**{f"{part}_seen_at": timezone.now()})
    if was_away != Host.objects.get(pk=host.pk).away:
        doorbell.announce("hosts", "containers", team=None)


def observe_host(host, facts, checks):
    """Keep what was measured of a host: HostFacts and a list of Check. Other versions than before are an event."""
    after = facts.as_json()
    with transaction.atomic():
        before = Host.objects.get(pk=host.pk).facts
        Host.objects.filter(pk=host.pk).update(facts=after, readiness=[asdict(check) for check in checks])
        changed = [name for name in _VERSIONS if before and before.get(name) != after.get(name)]
        if changed:
            audit.record(
                by=AGENT,
                action="host.changed",
                sentence=f"found other versions on {host.name}",
                host=host,
                before={name: before.get(name, "") for name in changed},
                after={name: after.get(name, "") for name in changed},
            )
    doorbell.announce("hosts", team=None)


def observe_facts(host, **facts):
    """Keep these facts of a host beside the others."""
    with transaction.atomic():
        row = Host.objects.select_for_update().get(pk=host.pk)
        Host.objects.filter(pk=host.pk).update(facts={**row.facts, **facts})
        doorbell.announce("hosts", team=None)


def replace_check(host, check):
    """Put this line into the host's checklist, in the place of the one with its key."""
    with transaction.atomic():
        row = Host.objects.select_for_update().get(pk=host.pk)
        kept = [line for line in row.readiness if line["key"] != check.key]
        Host.objects.filter(pk=host.pk).update(readiness=[*kept, asdict(check)])
        doorbell.announce("hosts", team=None)


def observe_containers(host, facts, *, asked_at):
    """Mirror these ContainerFacts; `asked_at` is when Podman was asked. Returns the rows, in the same order.

    What a drill makes and removes again is nobody's container, and gets no row while that drill goes on.
    """
    return [_observe_container(host, fact, asked_at) for fact in facts if not _is_drilled(host, fact.name)]


def _is_drilled(host, name):
    match = DRILLED.fullmatch(name)
    return (
        bool(match)
        and Operation.objects.filter(
            pk=match[1], host=host, kind=Operation.Kind.DRILL, state=Operation.State.STARTED
        ).exists()
    )


def observe_all(host, facts, *, listed, asked_at):
    """Mirror these ContainerFacts, and mark as removed what is not in `listed`, the IDs of a full listing."""
    with transaction.atomic():
        observe_containers(host, facts, asked_at=asked_at)
        gone = Container.objects.filter(host=host, removed_at=None, seen_at__lt=asked_at).exclude(
            container_id__in=listed
        )
        for container in gone:
            _mark_removed(container, asked_at)
        Host.objects.filter(pk=host.pk).update(listed_at=timezone.now())


def observe_foreign(host, *, container_id, name, at, **values):
    """The container that an archive from elsewhere was made of: never seen here, so a removed one from the first."""
    return Container.objects.create(
        host=host, container_id=container_id, name=name, state="exited", seen_at=at, removed_at=at, **values
    )


def observe_removed(container, *, asked_at):
    """Podman has no such container any more."""
    _mark_removed(container, asked_at)


def observe_gone(host, container_id, *, asked_at):
    """The host has no container of that ID any more; somebody may have seen one for a moment."""
    for container in Container.objects.filter(host=host, container_id=container_id):
        _mark_removed(container, asked_at)


def observe_restored(container, checkpoint):
    """This container was restored from `checkpoint`; from another one's for the first time: the edge of the lineage."""
    values = {"restored_from": checkpoint}
    if container.came_from_id is None and checkpoint.container_id != container.pk:
        values["came_from"] = checkpoint
    Container.objects.filter(pk=container.pk).update(**values)
    for name, value in values.items():
        setattr(container, name, value)


def observe_images(host, facts, *, asked_at):
    """Mirror a full listing of ImageFacts."""
    changed = False
    with transaction.atomic():
        rows = {image.image_id: image for image in Image.objects.filter(host=host)}
        for fact in facts:
            values = {**asdict(fact), "removed_at": None}
            row = rows.pop(fact.image_id, None)
            if row is None:
                Image.objects.create(host=host, **values)
                changed = True
            elif any(getattr(row, name) != value for name, value in values.items()):
                Image.objects.filter(pk=row.pk).update(**values)
                changed = True
        gone = [image.pk for image in rows.values() if image.removed_at is None]
        if gone:
            Image.objects.filter(pk__in=gone).update(removed_at=asked_at)
        if gone or changed:
            doorbell.announce("containers", "images", team=None)


def image_named(host, name):
    """The host's Image of this name (without a tag: `latest`; without a registry: of this host), or ID; or None."""
    image_id, (name, rest) = name, registries.split(name)
    wanted = {f"{place}{name}{rest or ':latest'}" for place in ("", "localhost/")}
    present = Image.objects.filter(host=host, removed_at=None)
    whole_id = len(image_id) >= SHORT_ID
    return next(
        (image for image in present if wanted & set(image.names) or (whole_id and image.image_id.startswith(image_id))),
        None,
    )


def _observe_container(host, fact, asked_at):
    values = {name: _fitting(name, getattr(fact, name)) for name in _MIRRORED}
    made_for = cache(lambda: ownership.made_for(host, fact.name))
    owner = {
        "made_for_id": made_for,
        "team_id": lambda: ownership.owner(host.pk, fact.config.get("labels", {}), made_for()),
    }
    row, created = Container.objects.get_or_create(
        host=host, container_id=fact.container_id, defaults={**values, **owner, "seen_at": asked_at}
    )
    changed = row.removed_at is not None or any(getattr(row, name) != value for name, value in values.items())
    if not created:
        fresh = Container.objects.filter(pk=row.pk, seen_at__lt=asked_at)
        if not fresh.update(**values, seen_at=asked_at, removed_at=None):
            row.refresh_from_db()
            return row
        for name, value in values.items():
            setattr(row, name, value)
        row.removed_at = None
    if created or changed:
        doorbell.announce("containers", f"container-{row.pk}", team=row.team_id)
    return row


def _fitting(name, value):
    """Text as long as its column takes: an image's name, say, is as long as whoever made it likes."""
    return value[: Container._meta.get_field(name).max_length] if isinstance(value, str) else value


def _mark_removed(container, asked_at):
    changed = Container.objects.filter(pk=container.pk, removed_at=None).update(
        removed_at=asked_at, state="removed", pid=0, seen_at=asked_at
    )
    if changed:
        doorbell.announce("containers", f"container-{container.pk}", team=container.team_id)
