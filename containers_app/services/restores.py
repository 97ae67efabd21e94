"""Bringing a checkpoint back: in place, under its own name after the container was removed, or as a new container.

The archive's digest is checked before Podman sees a byte of it. What a failed import leaves behind (a container in
state created, an empty volume) is removed again.
"""

import re
from dataclasses import replace

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from containers_app import access
from containers_app.errors import BadInput, Conflict
from containers_app.models import Container, Operation
from containers_app.runtime import archive, criu, podman_arguments, relocation
from containers_app.runtime.types import RestoreOptions

from . import audit, checkpoints, inventory, kept_images, operations, outside, preflights, reviews, scrubs
from .operations import Found

PORT = re.compile(r"(?P<address>.*:)?(?P<host>[0-9]+):(?P<container>[0-9]+(?:/[a-z]+)?)")  # podman-run(1), --publish
NO_LIMIT = "0"  # what a host whose control groups count no processes wants for --pids-limit (runtime/host.py)
FLAGS = {**podman_arguments.RESTORE_FLAGS, **podman_arguments.IMPORT_FLAGS, "pod": "--pod"}


def offered(host):
    """Names of the options that this host's Podman has; all of them while the host has not been measured."""
    present = host.facts.get("flags", {}).get("restore", FLAGS.values())
    return [name for name, flag in FLAGS.items() if flag in present]


def own_name(checkpoint, host=None, user=None):
    """(possible, why): whether the checkpoint can be restored under its container's own name now, in words.

    On `host`, or where it was taken; by `user`, or by anybody. The words say what will happen, or what is in the way.
    From the database; the agent looks again.
    """
    container = checkpoint.container
    name = container.name
    if checkpoint.imported:
        return False, f"{name} was a container of another installation. Restore it under a name of its own."
    if host and host.pk != checkpoint.host_id:
        return _own_name_elsewhere(checkpoint, host)
    if user and not access.may(user, "restore", container):
        return False, f"{name} is another team's container. Restore it as one of your own, under another name."
    if container.removed_at is None:
        if container.checkpointed and container.checkpointed_at == checkpoint.dumped_at:
            return True, f"{name} stands still since this checkpoint: it goes on in place."
        if container.running:
            return False, f"{name} is running. Restore under another name, or remove {name} first."
        return False, f"{name} has gone on since. Restore under another name, or remove {name} first."
    if Container.objects.filter(host=checkpoint.host, name=checkpoint.container_name, removed_at=None).exists():
        return False, f"Another container has the name {checkpoint.container_name} now. Restore under another name."
    return True, f"{name} was removed: it comes back under its own name and ID."


def _own_name_elsewhere(checkpoint, host):
    own = Q(name=checkpoint.container_name) | Q(container_id=checkpoint.container.container_id)
    if Container.objects.filter(own, host=host, removed_at=None).exists():
        return False, f"{host.name} has {checkpoint.container_name} already. Restore under another name."
    return True, f"It comes to {host.name} under its own name and ID."


def host_port(published):
    """The host's port of a published one such as `127.0.0.1:18080:80/tcp`; None where Podman chooses it."""
    match = PORT.fullmatch(published)
    return int(match["host"]) if match else None


def require_free_ports(host, publish):
    """Raise BadInput when a running container has one of these ports, or one that is about to come to be."""
    wanted = {host_port(port) for port in publish} - {None}
    running = Container.objects.filter(host=host, removed_at=None, state="running").values_list("name", "ports")
    coming = Operation.objects.filter(host=host, state__in=Operation.UNFINISHED).exclude(target_name="")
    asked = [(name, _asked_ports(options)) for name, options in coming.values_list("target_name", "options")]
    for name, ports in [*running, *asked]:
        taken = wanted & {host_port(port) for port in ports}
        if taken:
            raise BadInput(f"{name} has published port {min(taken)}.", field="publish")


def _asked_ports(options):
    return {**options.get("flags", {}), **options.get("settings", {})}.get("publish") or []


@operations.once
def request_restore(*, by, checkpoint, name, options: RestoreOptions, host=None, forced=False, request_key=None):
    """Ask for a restore; `name` "" means under its own name, `forced` wins over what the preflight would refuse.

    `host` is where it is to run, the checkpoint's own by default. Raises Conflict when its own, or the new name, is
    taken there.
    """
    reviews.require_passed(checkpoint)
    host, name = host or checkpoint.host, name.strip()
    if by.user:
        require_right(by.user, checkpoint, as_new=bool(name))
    elsewhere = host.pk != checkpoint.host_id
    operations.require_offered(options, known=FLAGS, offered=offered(host))
    if name or elsewhere or checkpoint.container.removed_at:
        scrubs.require_sound(checkpoint)  # in place nothing of the archive is needed: Podman still holds the dump
    if not name:
        possible, reason = own_name(checkpoint, host, user=by.user)
        if not possible:
            raise Conflict(reason)
        how = "under its own name" if elsewhere or checkpoint.container.removed_at else "in place"
        container, target_name = (None, checkpoint.container_name) if elsewhere else (checkpoint.container, "")
    else:
        podman_arguments.check_name(name)
        require_free_ports(host, options.publish or checkpoint.facts.get("ports", []))
        if Container.objects.filter(host=host, name=name, removed_at=None).exists():
            raise Conflict(f"The name {name} is taken on {host.name}.", remedy="Choose another name.")
        how, container, target_name = f"as {name}", None, name
    where = f" on {host.name}" if elsewhere else ""
    return operations.request(
        by=by, kind=Operation.Kind.RESTORE, host=host, container=container, checkpoint=checkpoint,
        target_name=target_name, request_key=request_key, team=None if container else _team(by.user, checkpoint),
        sentence=f"asked to restore {checkpoint.name} {how}{where}",
        options={"flags": {**options.as_json(), "name": name}, "forced": forced},
    )  # fmt: skip


def require_right(user, checkpoint, *, as_new):
    """Raise NotAllowed unless `user` may restore the checkpoint: under its own name, or as a new container."""
    access.require(user, "clone" if as_new else "restore", on=checkpoint)


def _team(user, checkpoint):
    """Whose the new container will be: the checkpoint's team, or where it is shared that of whoever asks."""
    return access.team_for(user, "clone", on=checkpoint) or access.team_for(user, "restore", on=checkpoint)


def perform_restore(claim):
    """Restore in place where the container still stands with this very dump, otherwise from the archive."""
    operation, podman = claim.operation, outside.podman()
    options = with_pod_id(RestoreOptions(**operation.options["flags"]), podman)
    options = preflights.options_there(operation.checkpoint, options, operation.host)
    claim.phase("looking")
    reviews.require_passed(operation.checkpoint)
    at_home = operation.host_id == operation.checkpoint.host_id
    found = podman.inspect_one(operation.checkpoint.container.container_id) if at_home else None
    if found and not options.name:
        _refuse_other_dump(operation.checkpoint, found)
    preflights.require(claim, preflights.of_restore(operation.checkpoint, operation.host, options))
    if found and not options.name:
        claim.phase("restoring")
        result = podman.restore(found.container_id, options, timeout=_patience(operation), on_start=claim.command)
    else:
        result = _restore_archive(claim, podman, options)
    container_id, statistics = criu.statistics(result.stdout)
    asked_at = timezone.now()
    after = podman.inspect_one(container_id)
    if after is None or after.state != "running":
        raise Conflict(
            f"Podman restored it, but it is {after.state if after else 'gone'} now: it ended by itself at once."
        )
    _record(claim, after, asked_at, statistics, result)


def with_pod_id(options, podman):
    """The options with the pod's ID for its name: Podman's import knows it by that alone."""
    return replace(options, pod=podman.pod_id(options.pod)) if options.pod else options


def _restore_archive(claim, podman, options):
    operation, store = claim.operation, outside.store()
    checkpoint = operation.checkpoint
    name = options.name or checkpoint.container_name
    if podman.inspect_one(name):
        raise Conflict(f"The name {name} is taken on {operation.host.name}.", remedy="Choose another name.")
    scrubs.require_sound(checkpoint)
    claim.note(importing=name, volumes=sorted(podman.volume_names()))
    claim.expect(checkpoint.unpacked_bytes)
    with store.incoming(operation.pk) as folder:
        claim.phase("verifying and unpacking")
        by, target = audit.caller_of(operation), folder / "import.tar"
        with (
            scrubs.flagging(by=by, checkpoint=checkpoint, operation=operation),
            store.open(checkpoint.archive_sha256) as packed,
        ):
            _unpack(claim, podman, packed, target)
        kept_images.bring(claim, podman, folder, image_id=checkpoint.image_id, name=checkpoint.image_name)
        claim.phase("restoring")
        return podman.restore_archive(target, options, timeout=_patience(operation), on_start=claim.command)


def _unpack(claim, podman, packed, target):
    """The verified archive as an uncompressed file; on another host its volumes lie where that host has them."""
    sha256 = claim.operation.checkpoint.archive_sha256
    if claim.operation.host_id == claim.operation.checkpoint.host_id:
        archive.unpack(packed, target, sha256=sha256, on_progress=claim.progress)
        return
    place = place_on(claim.operation.host, podman)
    relocation.relocate(packed, target, sha256=sha256, place=place, on_progress=claim.progress)


def place_on(host, podman):
    """The Place of what was written on another host and is restored on this one."""
    return relocation.Place(
        volumes_dir=podman.volumes_dir(), without_pids_limit=host.facts.get("pids_limit", "") == NO_LIMIT
    )


def _patience(operation):
    """Seconds that Podman may take: it moves all of the archive twice, and CRIU the memory in it."""
    return 2 * checkpoints.patience(operation.checkpoint.unpacked_bytes)


def _refuse_other_dump(checkpoint, found):
    if found.state == "running":
        raise Conflict(f"{found.name} is running.", remedy="Restore under another name.")
    if found.checkpointed_at is None or found.checkpointed_at != checkpoint.dumped_at:
        raise Conflict(f"{found.name} has gone on since this checkpoint.", remedy="Restore under another name.")


def _record(claim, after, asked_at, statistics, result):
    operation = claim.operation
    checkpoint = operation.checkpoint
    seconds = statistics.get("podman_restore_duration", 0) / 1e6
    with transaction.atomic():
        container = inventory.observe_containers(operation.host, [after], asked_at=asked_at)[0]
        inventory.observe_restored(container, checkpoint)
        how = "in place" if "--import" not in result.argv else f"as {after.name}"
        how += f" on {operation.host.name}" if operation.host_id != checkpoint.host_id else ""
        claim.succeed(
            action="checkpoint.restored",
            sentence=f"restored {checkpoint.name} {how}",
            summary=f"Restored {checkpoint.name} {how} in {seconds:.2f} s.",
            container=container,
            output=result.stdout + result.stderr,
            statistics=statistics,
        )


def settle_restore(claim):
    """Found: a container that runs is a restore that worked; what a failed one left behind is removed."""
    operation, podman = claim.operation, outside.podman()
    outside.await_end(operation)
    outside.store().clear_incoming(operation.pk)
    name = operation.result.get("importing")
    asked_at = timezone.now()
    found = podman.inspect_one(name or operation.checkpoint.container.container_id)
    if found is None or not operation.commands:
        return Found()
    criu_log = criu.read_log(found.userdata, "restore.log")
    if name and found.state != "running":
        podman.remove(found.container_id, force=True)
        inventory.observe_gone(operation.host, found.container_id, asked_at=timezone.now())
        _remove_new_volumes(podman, operation)
        return Found(False, "What the failed import had left behind was removed.", criu_log)
    with transaction.atomic():
        container = inventory.observe_containers(operation.host, [found], asked_at=asked_at)[0]
        if found.state == "running":
            inventory.observe_restored(container, operation.checkpoint)
    return Found(found.state == "running", f"{found.name} is {found.state}.", criu_log)


def _remove_new_volumes(podman, operation):
    for volume in podman.volume_names() - set(operation.result.get("volumes", [])):
        if volume in _volumes_of(operation.checkpoint):
            podman.remove_volume(volume)


def _volumes_of(checkpoint):
    """Names of the volumes whose content is in the archive: its members `volumes/NAME.tar`."""
    names = [member["name"] for member in checkpoint.members]
    return {name.removeprefix("volumes/").removesuffix(".tar") for name in names if name.startswith("volumes/")}
