"""Checkpoint images: a checkpoint as an image in Podman's own storage, and containers restored from one.

Podman takes `--create-image` or `--export`, and of both it does the second and says nothing of the first (4.3.1): so
this is a way of its own beside the catalog. Registries and other hosts know such an image like any other.
"""

from dataclasses import replace

from django.db import transaction
from django.utils import timezone

from containers_app import access
from containers_app.errors import Conflict
from containers_app.models import Container, Image, Operation
from containers_app.models.catalog import Mode
from containers_app.runtime import criu, podman_arguments, relocation
from containers_app.runtime.types import CheckpointOptions, RestoreOptions

from . import checkpoints, handing_on, inventory, kept_images, operations, outside, preflights, restores
from .operations import Found

Kind = Operation.Kind
BASE_ID, BASE_NAME = (f"io.podman.annotations.checkpoint.{what}" for what in ("rootfsImageID", "rootfsImageName"))
NAME = "io.podman.annotations.checkpoint.name"  # libpod/define: the checkpointed container's name


def offered(host):
    """Names of the options of a checkpoint into an image: an image holds one dump."""
    return [name for name in checkpoints.offered(host) if name not in podman_arguments.TRACKING]


@operations.once
def request_checkpoint_image(
    *, by, container, image, options: CheckpointOptions, mode=Mode.STOP, forced=False, request_key=None
):
    """Ask for a checkpoint of a running container into the local image `image`; `forced` as for the catalog.

    Raises BadInput for a name that is no image's, Conflict when the container is not running or the name is taken.
    """
    podman_arguments.check_image(image)
    checkpoints.require_running(container)
    if inventory.image_named(container.host, image):
        raise Conflict(f"An image has the name {image} on {container.host.name}.", remedy="Choose another name.")
    options = replace(options, leave_running=mode == Mode.KEEP_RUNNING)
    operations.require_offered(options, known=podman_arguments.CHECKPOINT_FLAGS, offered=offered(container.host))
    return operations.request(
        by=by, kind=Kind.CHECKPOINT_IMAGE, host=container.host, container=container, request_key=request_key,
        sentence=f"asked to checkpoint {container.name} into the image {image}, {checkpoints.HOW[mode]}",
        options={"image": image, "flags": options.as_json(), "mode": mode, "forced": forced},
    )  # fmt: skip


def perform_checkpoint_image(claim):
    """Dump into an image; a copy goes on at once. `checkpoints.settle_checkpoint` makes good what goes wrong."""
    operation, runner = claim.operation, outside.podman()
    options = CheckpointOptions(**operation.options["flags"])
    claim.phase("looking")
    found = runner.inspect_one(operation.container.container_id)
    checkpoints.look_before(claim, found, options)
    claim.note(was_running=True)
    claim.phase("dumping into the image")
    result = runner.checkpoint_image(found.container_id, options, operation.options["image"], on_start=claim.command)
    criu_log = criu.read_log(found.userdata, "dump.log")
    if operation.options["mode"] == Mode.COPY:
        claim.phase("restoring in place")
        runner.restore(found.container_id, checkpoints.in_place(options), on_start=claim.command)
    asked_at = timezone.now()
    after, images = runner.inspect_one(found.container_id), runner.list_images()
    _, statistics = criu.statistics(result.stdout)
    name, image = operation.container.name, operation.options["image"]
    image_id = runner.image_id(image)
    with transaction.atomic():
        inventory.observe_containers(operation.host, [after] if after else [], asked_at=asked_at)
        inventory.observe_images(operation.host, images, asked_at=asked_at)
        claim.succeed(
            action="image.checkpointed",
            sentence=f"checkpointed {name} into the image {image}, {checkpoints.HOW[operation.options['mode']]}",
            summary=f"Checkpointed {name} into the image {image}: {statistics.get('pages_written', 0):,} pages.",
            output=result.stdout + result.stderr,
            criu_log=criu_log,
            statistics=statistics,
            image_id=image_id,
            facts=preflights.facts_at_capture(operation.host, found, options),
        )


def own_name(image):
    """The name that the checkpointed container had; "" for an image that is no checkpoint."""
    return image.checkpoint.get(NAME, "")


@operations.once
def request_restore_image(*, by, image, name, options: RestoreOptions, forced=False, request_key=None):
    """Ask for a container from a checkpoint image; `name` "" means the name it had, `forced` as from the catalog.

    Raises Conflict when the image is no checkpoint or the name is taken.
    """
    if not own_name(image) or image.removed_at:
        raise Conflict(f"{image} is not a checkpoint image on {image.host.name}.")
    handing_on.require_trusted(by.user, image.image_id)
    target = podman_arguments.check_name(name.strip() or own_name(image))
    operations.require_offered(options, known=restores.FLAGS, offered=restores.offered(image.host))
    restores.require_free_ports(image.host, options.publish)
    if Container.objects.filter(host=image.host, name=target, removed_at=None).exists():
        raise Conflict(f"The name {target} is taken on {image.host.name}.", remedy="Choose another name.")
    return operations.request(
        by=by, kind=Kind.RESTORE_IMAGE, host=image.host, target_name=target, request_key=request_key,
        team=access.team_for(by.user, "restore"),
        sentence=f"asked to restore {target} from the image {image}",
        options={"image": str(image), "image_id": image.image_id, "forced": forced,
                 "flags": {**options.as_json(), "name": name.strip()}},
    )  # fmt: skip


def perform_restore_image(claim):
    """Restore from the image, and look at what came of it."""
    operation, runner = claim.operation, outside.podman()
    image_id = operation.options.get("image_id") or runner.image_id(operation.options["image"])
    handing_on.require_trusted(operation.actor, image_id)
    options = restores.with_pod_id(RestoreOptions(**operation.options["flags"]), runner)
    if runner.inspect_one(operation.target_name):
        raise Conflict(
            f"The name {operation.target_name} is taken on {operation.host.name}.", remedy="Choose another name."
        )
    claim.phase("looking")
    image = Image.objects.filter(host=operation.host, image_id=image_id, removed_at=None).first()
    if image is None:
        raise Conflict(f"The image {operation.options['image']} is gone from {operation.host.name}.")
    preflights.require(claim, preflights.of_restore_image(image, options))
    _bring_base(claim, runner, image_id)
    claim.note(importing=operation.target_name)
    claim.phase("restoring")
    result = _restore(claim, runner, image_id, options)
    _, statistics = criu.statistics(result.stdout)
    asked_at = timezone.now()
    after = runner.inspect_one(operation.target_name)
    if after is None or after.state != "running":
        raise Conflict(f"Podman restored it, but it is {after.state if after else 'gone'} now: it ended at once.")
    with transaction.atomic():
        container = inventory.observe_containers(operation.host, [after], asked_at=asked_at)[0]
        claim.succeed(
            action="image.restored",
            sentence=f"restored {container.name} from the image {operation.options['image']}",
            summary=f"Restored {container.name} in {statistics.get('podman_restore_duration', 0) / 1e6:.2f} s.",
            container=container,
            output=result.stdout + result.stderr,
            statistics=statistics,
        )


def _restore(claim, runner, image_id, options):
    """As Podman does it where the image was made; one from elsewhere is changed for this host first."""
    host, store = claim.operation.host, outside.store()
    if handing_on.made_here(image_id, host=host):
        return runner.restore_image(image_id, options, on_start=claim.command)
    with store.incoming(claim.operation.pk) as folder:
        mounted = runner.mount_image(image_id)
        try:
            relocation.gather(mounted, folder / "import.tar", place=restores.place_on(host, runner))
        finally:
            runner.unmount_image(image_id)
        options = replace(options, ignore_static_ip=True, ignore_static_mac=True)
        return runner.restore_archive(folder / "import.tar", options, on_start=claim.command)


def _bring_base(claim, runner, image_id):
    """The image that the checkpointed container was made from: Podman needs it as well, and loads none by itself."""
    row = Image.objects.filter(host=claim.operation.host, image_id=image_id).first()
    base = row.checkpoint.get(BASE_ID, "") if row else ""
    if not base:
        return
    with outside.store().incoming(claim.operation.pk) as folder:
        kept_images.bring(claim, runner, folder, image_id=base, name=row.checkpoint.get(BASE_NAME, ""))


def settle_restore_image(claim):
    """Found: a container that runs is a restore that worked; what a failed one left behind is removed."""
    operation, runner = claim.operation, outside.podman()
    outside.await_end(operation)
    asked_at = timezone.now()
    found = runner.inspect_one(operation.target_name) if operation.result.get("importing") else None
    if found is None:
        return Found()
    if found.state == "running":
        inventory.observe_containers(operation.host, [found], asked_at=asked_at)
        return Found(True, f"{found.name} is running.")
    criu_log = criu.read_log(found.userdata, "restore.log")
    runner.remove(found.container_id, force=True)
    inventory.observe_gone(operation.host, found.container_id, asked_at=timezone.now())
    return Found(False, "What the failed restore had left behind was removed.", criu_log)
