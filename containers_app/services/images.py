"""Images of a host: removed, pruned, and made of a container. How they come from elsewhere, `pulls` knows."""

from containers_app.errors import Conflict
from containers_app.models import Checkpoint, Container, Image, Operation
from containers_app.runtime import podman_arguments

from . import inventory, operations, outside
from .lifecycle import ANY, look_again
from .operations import Found
from .pulls import observe_images

Kind = Operation.Kind


def users(image):
    """The containers that are there and were made from this image: while there is one, it stays."""
    return Container.objects.filter(host=image.host, image_id=image.image_id, removed_at=None)


def needed_by(image):
    """How many checkpoints of the catalog cannot be restored without this very image."""
    return Checkpoint.objects.filter(image_id=image.image_id, discarded_at=None).count()


@operations.once
def request_image_remove(*, by, image, request_key=None):
    """Ask for its removal, with all its names. Raises Conflict while a container needs it."""
    user = users(image).first()
    if image.removed_at or user:
        why = f"{user.name} was made from it" if user else "it is gone already"
        raise Conflict(f"{image} cannot be removed: {why}.", remedy="Remove its containers first." if user else "")
    return operations.request(
        by=by, kind=Kind.IMAGE_REMOVE, host=image.host, target_name=str(image)[:255], request_key=request_key,
        sentence=f"asked to remove the image {image}", options={"image_id": image.image_id, "names": image.names},
    )  # fmt: skip


def perform_image_remove(claim):
    """Take away the names that were shown, which takes the image with the last; a nameless one goes by its ID."""
    operation, podman = claim.operation, outside.podman()
    asked = operation.options
    found = next((image for image in podman.list_images() if image.image_id == asked["image_id"]), None)
    if found is None:
        raise Conflict("Podman no longer knows the image: somebody removed it.")
    if set(asked["names"]) - set(found.names):
        raise Conflict("The image has other names by now.", remedy="Look at its names, then ask again.")
    claim.phase("removing")
    podman.remove_image(*(asked["names"] or [asked["image_id"]]), on_start=claim.command)
    observe_images(operation.host, podman)
    claim.succeed(
        action="image.removed",
        sentence=f"removed the image {operation.target_name}",
        summary=f"{operation.target_name} was removed.",
    )


def settle_image_remove(claim):
    """Found: whether it is gone."""
    operation, podman = claim.operation, outside.podman()
    outside.await_end(operation)
    observe_images(operation.host, podman)
    gone = not podman.image_id(operation.options["image_id"])
    return Found(gone, f"{operation.target_name} was removed." if gone else f"{operation.target_name} is still here.")


def unused(host):
    """The images of a host that no container was made from: what a prune of everything would take."""
    used = Container.objects.filter(host=host, removed_at=None).values("image_id")
    return Image.objects.filter(host=host, removed_at=None).exclude(image_id__in=used)


@operations.once
def request_image_prune(*, by, host, everything, request_key=None):
    """Ask Podman to remove the images without a name, or with `everything` all that no container was made from."""
    what = "every image that no container uses" if everything else "every image without a name"
    return operations.request(
        by=by, kind=Kind.IMAGE_PRUNE, host=host, request_key=request_key,
        sentence=f"asked to remove {what} on {host.name}", options={"everything": everything},
    )  # fmt: skip


def perform_image_prune(claim):
    """Prune, and tell which names are gone."""
    operation, podman = claim.operation, outside.podman()
    before = {image.image_id: image for image in podman.list_images()}
    claim.phase("pruning")
    podman.prune_images(everything=operation.options["everything"], on_start=claim.command)
    left = {image.image_id for image in podman.list_images()}
    observe_images(operation.host, podman)
    gone = [image for image_id, image in before.items() if image_id not in left]
    number = f"{len(gone)} image{'' if len(gone) == 1 else 's'}"
    names = sorted(name for image in gone for name in image.names)
    claim.succeed(
        action="images.pruned",
        sentence=f"pruned {number} on {operation.host.name}",
        summary=f"{number} removed{': ' if names else ''}{', '.join(names)}.",
    )


def settle_image_prune(claim):
    """What is gone is gone."""
    outside.await_end(claim.operation)
    observe_images(claim.operation.host, outside.podman())
    return Found()


@operations.once
def request_commit(*, by, container, image, pause=True, request_key=None):
    """Ask for the image `image` of the container's file system. Its memory is not in it: that is a checkpoint's.

    Raises BadInput for a name that is no image's, Conflict when the name is taken.
    """
    podman_arguments.check_image(image)
    if container.removed_at or container.state not in ANY:
        raise Conflict(f"{container.name} is {container.state}: there is nothing to commit.", remedy="Reload the page.")
    if inventory.image_named(container.host, image):
        raise Conflict(f"An image has the name {image} on {container.host.name}.", remedy="Choose another name.")
    return operations.request(
        by=by, kind=Kind.COMMIT, host=container.host, container=container, request_key=request_key,
        sentence=f"asked to commit {container.name} as {image}", options={"image": image, "pause": pause},
    )  # fmt: skip


def perform_commit(claim):
    """Make the image, and mirror it."""
    operation, podman = claim.operation, outside.podman()
    container, image = operation.container, operation.options["image"]
    found = look_again(container, podman)
    if found is None:
        raise Conflict("Podman no longer knows the container: somebody removed it.")
    if podman.image_id(image):
        raise Conflict(f"An image has the name {image} on {operation.host.name}.", remedy="Choose another name.")
    claim.note(committing=True)
    claim.phase("committing")
    pause = operation.options["pause"] and found.state == "running"
    podman.commit(container.container_id, image, pause=pause, on_start=claim.command)
    look_again(container, podman)
    observe_images(operation.host, podman)
    claim.succeed(
        action="container.committed",
        sentence=f"committed {container.name} as {image}",
        summary=f"The files of {container.name} are the image {image}.",
    )


def settle_commit(claim):
    """Found: whether the image came to be."""
    operation, podman = claim.operation, outside.podman()
    outside.await_end(operation)
    observe_images(operation.host, podman)
    made = operation.result.get("committing") and podman.image_id(operation.options["image"])
    look_again(operation.container, podman)
    return Found(bool(made), f"The image {operation.options['image']} is here." if made else "")
