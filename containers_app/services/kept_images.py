"""The images that checkpoints need, kept once per image ID in the archive store, so that a checkpoint can travel.

Podman's archive holds everything but the image, and an import says only `image not known`. So once a checkpoint is
recorded, an operation of its own saves the image it was made from; a restore on a host that lacks it loads it first.
Nothing here delays a workload or fails a checkpoint.
"""

from django.db import transaction
from django.utils import timezone

from containers_app.errors import ArchiveError, Conflict
from containers_app.models import Checkpoint, KeptImage, Operation
from containers_app.runtime import archive

from . import audit, doorbell, inventory, operations, outside, pulls
from .operations import Found

Kind = Operation.Kind
EVERY = 600  # seconds between looks for images that are not kept yet
AT_ONCE = 20  # images that one look asks for


def find(image_id):
    """The KeptImage of that ID whose file is in this host's store, or None. Hosts may share one store."""
    images = outside.store().images
    return next((row for row in KeptImage.objects.filter(image_id=image_id) if images.path(row.sha256).is_file()), None)


def ask_for(checkpoint):
    """Have the image of a checkpoint kept by the host that it was taken on, unless it is or that is under way."""
    if KeptImage.objects.filter(store=checkpoint.store, image_id=checkpoint.image_id).exists():
        return
    name = checkpoint.image_name or checkpoint.image_id[:12]
    try:
        operations.request(
            by=inventory.AGENT, kind=Kind.KEEP_IMAGE, host=checkpoint.host, checkpoint=checkpoint,
            target_name=f"keep {checkpoint.image_id}", options={"image_id": checkpoint.image_id, "name": name},
            sentence=f"asked to keep the image {name}, which checkpoints need",
        )  # fmt: skip
    except Conflict:  # somebody has asked already
        return


def ask_after(operation):
    """Ask for the image of the checkpoint that this operation has taken. `ask_for_missing` asks again if this fails."""
    checkpoint = Checkpoint.objects.filter(operation=operation).select_related("host").first()
    if checkpoint:
        ask_for(checkpoint)


def ask_for_missing(host_name):
    """Ask for the images of this host's checkpoints that nobody has kept yet and that are still there."""
    host = inventory.register_host(host_name)
    kept = KeptImage.objects.filter(store=outside.store().name).values("image_id")
    here = host.images.filter(removed_at=None).values("image_id")
    wanted = Checkpoint.objects.filter(
        store=outside.store().name, discarded_at=None, host=host, image_id__in=here
    ).exclude(image_id__in=kept)
    seen = {}
    for checkpoint in wanted.select_related("host")[: AT_ONCE * 10]:
        seen.setdefault(checkpoint.image_id, checkpoint)
    for checkpoint in list(seen.values())[:AT_ONCE]:
        ask_for(checkpoint)


def perform_keep_image(claim):
    """Save it, see that it is the very image, compress it into the store, record it."""
    operation, podman, store = claim.operation, outside.podman(), outside.store()
    image_id, name = operation.options["image_id"], operation.options["name"]
    known = find(image_id)
    if known is None and not podman.image_id(image_id):
        raise Conflict(f"The image {name} is gone from {operation.host.name} before it could be kept.")
    if known is None:
        with store.incoming(operation.pk) as folder:
            claim.phase("saving the image")
            podman.save_image(image_id, folder / "image.tar", on_start=claim.command)
            if not archive.has_image(folder / "image.tar", image_id):
                raise ArchiveError(f"podman save did not give the image {name} with its ID: it is not kept.")
            claim.phase("storing")
            with open(folder / "image.tar", "rb") as plain:
                packed = archive.pack(plain, folder / "image.tar.zst")
            claim.note(sha256=packed[0])
            store.images.put(folder / "image.tar.zst", packed[0])
    else:
        packed = known.sha256, known.stored_bytes, known.unpacked_bytes
    with transaction.atomic():
        KeptImage.objects.update_or_create(
            store=store.name, image_id=image_id,
            defaults={
                "image_name": operation.checkpoint.image_name, "sha256": packed[0], "stored_bytes": packed[1],
                "unpacked_bytes": packed[2], "kept_at": timezone.now(),
            },
        )  # fmt: skip
        claim.succeed(
            action="image.kept",
            sentence=f"kept the image {name} beside the checkpoints that need it",
            summary=f"The image {name} is kept: {packed[1] // 1024**2:,} MiB.",
        )


def settle_keep_image(claim):
    """Found, never achieved: nothing half-written stays. The next look asks for it again."""
    operation, store = claim.operation, outside.store()
    outside.await_end(operation)
    store.clear_incoming(operation.pk)
    sha256 = operation.result.get("sha256")
    if sha256 and not KeptImage.objects.filter(sha256=sha256).exists():
        store.images.delete(sha256)
    return Found()


def bring(claim, podman, folder, *, image_id, name):
    """See that an image is on this host: load the kept one, its digest compared before Podman has a byte of it.

    `folder` is for drafts. Podman looks for the name first and then for the ID, so the image gets its name where that
    is free; a name that is taken stays with whom it is. Raises Conflict when the image is nowhere, ArchiveError when
    the kept one is damaged.
    """
    here = bool(podman.image_id(image_id))
    named = not name or bool(podman.image_id(name))
    if here and named:
        return
    if not here:
        _load(claim, podman, folder, image_id, name or image_id[:12])
    if not named:
        podman.tag_image(image_id, name, on_start=claim.command)
    pulls.observe_images(claim.operation.host, podman)


def _load(claim, podman, folder, image_id, name):
    kept = find(image_id)
    if kept is None:
        raise Conflict(
            f"Its image {name} is nowhere: not on {claim.operation.host.name} and not kept in the archive store.",
            remedy=f"Bring the image with the ID {image_id[:12]} here: pull it, or podman load it.",
        )
    claim.phase("bringing the image")
    with outside.store().images.open(kept.sha256) as packed:
        archive.unpack(packed, folder / "image.tar", sha256=kept.sha256)
    podman.load_image(folder / "image.tar", on_start=claim.command)
    (folder / "image.tar").unlink()
    if not podman.image_id(image_id):
        raise ArchiveError(f"Podman loaded the kept copy of {name}, and has no image with its ID then.")


def release(by, image_id):
    """Forget the kept copies, in this host's store, of an image that no checkpoint in the catalog needs any more.

    Call it on the agent, in no transaction, once the checkpoint has left the catalog. Returns the bytes it freed.
    """
    store, freed = outside.store(), 0
    if Checkpoint.objects.filter(image_id=image_id, discarded_at=None).exists():
        return 0
    for kept in KeptImage.objects.filter(image_id=image_id):
        if kept.store != store.name and not store.images.path(kept.sha256).is_file():
            continue
        with transaction.atomic():
            kept.delete()
            audit.record(
                by=by, action="image.released", sentence=f"let go of the kept image {kept}: no checkpoint needs it",
                details={"image_id": image_id, "bytes": kept.stored_bytes},
            )  # fmt: skip
        store.images.delete(kept.sha256)
        freed += kept.stored_bytes
        doorbell.announce("checkpoints", team=None)
    return freed
