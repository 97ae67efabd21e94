"""Pulling images: which image a typed name means on a host, whether that may be fetched, and the fetching of it.

The name is resolved and the policy asked when it is typed, so that people hear of it at once, and again on the agent.
"""

from django.conf import settings
from django.utils import timezone

from containers_app.models import Operation
from containers_app.runtime import podman_arguments, registries

from . import inventory, operations, outside
from .operations import Found


def whole_name(host, image):
    """The whole name that `image` means on this host. Raises BadInput for one that leads nowhere or is not allowed."""
    podman_arguments.check_image(image)
    whole = registries.resolve(image, host.facts.get("registries", {}))
    registries.require_allowed(whole, settings.REGISTRIES)
    return whole


@operations.once
def request_pull(*, by, host, image, request_key=None):
    """Ask for an image from a registry, by its name or a short one."""
    whole = whole_name(host, image)
    typed = "" if image == whole else f", typed as {image}"
    return operations.request(
        by=by, kind=Operation.Kind.PULL, host=host, target_name=whole, request_key=request_key,
        sentence=f"asked to pull {whole}{typed}", options={"image": image},
    )  # fmt: skip


def perform_pull(claim):
    """Pull it, telling each layer's progress, and mirror the images that are then there."""
    operation, podman = claim.operation, outside.podman()
    image_id = _fetch(claim, podman, operation.target_name)
    claim.succeed(
        action="image.pulled",
        sentence=f"pulled {operation.target_name}",
        summary=f"{operation.target_name} is here, with the ID {image_id[:12]}.",
    )


def settle_pull(claim):
    """Found: whether another image than before has the name."""
    operation, podman = claim.operation, outside.podman()
    outside.await_end(operation)
    before, now = operation.result.get("before"), podman.image_id(operation.target_name)
    observe_images(operation.host, podman)
    if before is not None and now and now != before:
        return Found(True, f"{operation.target_name} is here, with the ID {now[:12]}.")
    return Found(False, f"The {operation.target_name} of before is still here." if now else "")


def bring(claim, podman, image):
    """The name under which `image` is on this host: pulled first, if the host does not have it and that is allowed."""
    if podman.image_id(image):
        return image
    whole = registries.resolve(image, registries.short_names())
    _fetch(claim, podman, whole)
    return whole


def observe_images(host, podman):
    """Mirror the images that Podman has now."""
    asked_at = timezone.now()
    inventory.observe_images(host, podman.list_images(), asked_at=asked_at)


def _fetch(claim, podman, whole):
    registries.require_allowed(whole, settings.REGISTRIES)
    claim.note(before=podman.image_id(whole))
    claim.phase(f"pulling {whole}")

    def on_layers(layers):
        done, total = (sum(layer[name] for layer in layers) for name in ("done", "total"))
        claim.progress(done, expected=total, layers=layers)

    result = podman.pull(whole, on_layers=on_layers, on_start=claim.command)
    image_id = result.stdout.split()[-1].removeprefix("sha256:")
    observe_images(claim.operation.host, podman)
    return image_id
