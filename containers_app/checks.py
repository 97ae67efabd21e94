"""System checks: configuration that would not work says so at start, with an id and a hint."""

import shutil

from django.conf import settings
from django.core.checks import Error, register


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
