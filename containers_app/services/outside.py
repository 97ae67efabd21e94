"""This host's Podman and archive store, as the settings name them: the one place where `runtime` meets the settings."""

from django.conf import settings

from containers_app.runtime.podman import Podman
from containers_app.runtime.store import DirectoryStore


def podman():
    return Podman(command=tuple(settings.PODMAN), tools_dir=settings.TOOLS_DIR)


def store():
    """The archive store. Its name is recorded with each checkpoint: the directory belongs to this host."""
    return DirectoryStore(root=settings.STORE_DIR, name=f"directory:{settings.HOST_NAME}")
