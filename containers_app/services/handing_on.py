"""Handing a checkpoint on: its manifest and digest beside a download, and into a registry as a checkpoint image.

A checkpoint image that was made or pushed here is known by its image ID, which is the digest of all that is in it. One
that comes from elsewhere runs as root what a stranger wrote: it needs who may approve archives.
"""

from django.conf import settings

from containers_app import access
from containers_app.errors import NotAllowed
from containers_app.models import Operation
from containers_app.runtime import checkpoint_oci, podman_arguments, registries, relocation

from . import audit, operations, outside, reviews, scrubs
from .operations import Found

FORMAT = "freezeframe.checkpoint/1"
Kind = Operation.Kind


def manifest(checkpoint):
    """What a stranger needs to know of the archive, as plain data (docs/handing-on.md)."""
    facts = checkpoint.facts
    return {
        "format": FORMAT,
        "name": checkpoint.name,
        "note": checkpoint.note,
        "tags": [tag.name for tag in checkpoint.tags.all()],
        "taken_at": audit.rfc3339(checkpoint.taken_at),
        "taken_by": checkpoint.taken_by_name,
        "archive": {
            "sha256": checkpoint.archive_sha256,
            "bytes": checkpoint.archive_bytes,
            "unpacked_bytes": checkpoint.unpacked_bytes,
            "compression": "zstd",
            "members": checkpoint.members,
        },
        "container": {"name": checkpoint.container_name, "id": checkpoint.container.container_id},
        "image": {"name": checkpoint.image_name, "id": checkpoint.image_id},
        "options": checkpoint.options,
        "host": {
            name: facts.get(name, "")
            for name in (
                "podman_version", "criu_version", "oci_runtime", "oci_runtime_version", "kernel", "architecture",
                "distribution", "cgroup_version", "cgroup_manager", "security_module",
            )
        },
        "needs": {
            name: facts.get(name, []) for name in ("volumes", "binds", "networks", "ports", "static_addresses")
        },
    }  # fmt: skip


def require_handed_on(checkpoint):
    """Raise Conflict for a checkpoint that may not leave the house: barred, or with a flaw."""
    reviews.require_passed(checkpoint)
    scrubs.require_sound(checkpoint)


@operations.once
def request_push(*, by, checkpoint, image, request_key=None):
    """Ask for the checkpoint as the image `image` in its registry. Raises BadInput for one that leads nowhere or is
    not allowed, Conflict for a checkpoint that cannot be handed on."""
    require_handed_on(checkpoint)
    whole = _whole_name(image, checkpoint.host.facts.get("registries", {}))
    return operations.request(
        by=by, kind=Kind.PUSH, host=checkpoint.host, checkpoint=checkpoint, target_name=whole, request_key=request_key,
        sentence=f"asked to push {checkpoint.name} as {whole}",
    )  # fmt: skip


def _whole_name(image, names):
    podman_arguments.check_image(image)
    whole = registries.resolve(image, names)
    registries.require_allowed(whole, settings.REGISTRIES)
    return whole


def perform_push(claim):
    """Build the image from the verified archive without running anything, push it, and leave no copy here.

    It says of no path where this host has it: its volumes lie where Podman usually has them.
    """
    operation, podman, store = claim.operation, outside.podman(), outside.store()
    checkpoint, whole = operation.checkpoint, operation.target_name
    require_handed_on(checkpoint)
    registries.require_allowed(whole, settings.REGISTRIES)
    with store.incoming(operation.pk) as folder:
        claim.phase("verifying and unpacking")
        claim.expect(checkpoint.unpacked_bytes)
        layout = folder / f"freezeframe-push-{operation.pk}"  # the image's name until it is pushed
        image_id = _build(claim, store, checkpoint, layout)
        claim.note(image_id=image_id, there=bool(podman.image_id(image_id)), name=podman.layout_name(layout))
        claim.phase("building the image")
        podman.load_layout(layout, on_start=claim.command)
    claim.phase(f"pushing to {whole.partition('/')[0]}")
    podman.push(image_id, whole, on_start=claim.command)
    claim.phase("cleaning up")
    _remove(operation, podman)
    claim.succeed(
        action="checkpoint.pushed",
        sentence=f"pushed {checkpoint.name} as {whole}",
        summary=f"{checkpoint.name} is in the registry as {whole}, with the image ID {image_id[:12]}.",
        image_id=image_id,
    )


def _build(claim, store, checkpoint, layout):
    layer = layout.with_name("layer.tar")
    by = audit.caller_of(claim.operation)
    with (
        scrubs.flagging(by=by, checkpoint=checkpoint, operation=claim.operation),
        store.open(checkpoint.archive_sha256) as packed,
    ):
        relocation.relocate(
            packed, layer, sha256=checkpoint.archive_sha256,
            place=relocation.Place(relocation.USUAL_VOLUMES), on_progress=claim.progress,
        )  # fmt: skip
    return checkpoint_oci.write(
        layout,
        layer,
        annotations=checkpoint_oci.annotations(
            name=checkpoint.container_name, image_name=checkpoint.image_name, image_id=checkpoint.image_id,
            facts=checkpoint.facts,
        ),
        architecture=checkpoint.facts.get("architecture", ""),
        created=audit.rfc3339(checkpoint.taken_at),
    )  # fmt: skip


def _remove(operation, podman):
    """Take our name from the image that was built; one that others have as well stays with them."""
    name = operation.result.get("name", "")
    if name and podman.image_id(name):
        podman.remove_image(name)


def settle_push(claim):
    """Nothing of the image stays here; whether the registry has it, only the registry knows."""
    operation = claim.operation
    outside.await_end(operation)
    outside.store().clear_incoming(operation.pk)
    _remove(operation, outside.podman())
    return Found()


def made_here(image_id, host=None):
    """Whether the checkpoint image of that ID was made or pushed by this installation; with `host`, made there."""
    made = Operation.objects.filter(kind__in=(Kind.PUSH, Kind.CHECKPOINT_IMAGE), state=Operation.State.SUCCEEDED)
    if host:
        made = made.filter(kind=Kind.CHECKPOINT_IMAGE, host=host)
    return made.filter(result__image_id=image_id).exists()


def require_trusted(user, image_id):
    """Raise NotAllowed for a checkpoint image from elsewhere, unless the user may approve archives."""
    if made_here(image_id) or (user and access.may(user, "approve_imports")):
        return
    raise NotAllowed(
        "This checkpoint image was not made here: it runs as root what a stranger wrote into it.",
        remedy="Somebody who may approve archives from elsewhere can restore it.",
    )
