"""System checks: configuration that would not work says so at start, with an id and a hint."""

import shutil

from django.conf import settings
from django.core.checks import Error, register

from .errors import BadInput
from .runtime.sinks import sink


@register
def store_is_not_served(app_configs, **kwargs):
    """Archives hold memory: they must never lie where static files are served from."""
    if settings.STORE_DIR.is_relative_to(settings.STATIC_ROOT):
        return [
            Error(
                "The archive store lies inside the folder of the static files.",
                hint="Set FREEZEFRAME_STORE_DIR to a folder of its own.",
                id="freezeframe.E001",
            )
        ]
    return []


@register
def podman_is_named(app_configs, **kwargs):
    if not settings.PODMAN or (settings.PODMAN[0].startswith("/") and not shutil.which(settings.PODMAN[0])):
        return [Error("FREEZEFRAME_PODMAN names no program.", hint="Leave it empty for podman.", id="freezeframe.E002")]
    return []


@register
def heads_have_places_to_go(app_configs, **kwargs):
    """An address that is none would be found out only when a head does not arrive."""
    errors = []
    for address in settings.AUDIT_HEADS_TO:
        try:
            sink(address)
        except (BadInput, ValueError) as error:
            hint = "FREEZEFRAME_AUDIT_HEADS_TO takes file, syslog, s3 and https addresses (docs/audit.md)."
            errors.append(Error(str(error), hint=hint, id="freezeframe.E003"))
    return errors
