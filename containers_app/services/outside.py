"""This host's Podman and archive store, as the settings name them: the one place where `runtime` meets the settings."""

import time

from django.conf import settings

from containers_app.runtime import process
from containers_app.runtime.podman import Podman
from containers_app.runtime.spool import Spool
from containers_app.runtime.store import DirectoryStore


def podman():
    return Podman(command=tuple(settings.PODMAN), tools_dir=settings.TOOLS_DIR)


def await_end(operation, *, seconds=40):
    """A command whose agent has died runs on without it: wait until it has ended, `seconds` at the most."""
    deadline = time.monotonic() + seconds
    while process.alive(operation.process) and time.monotonic() < deadline:
        time.sleep(0.1)


def store():
    """The archive store. Its name is recorded with each checkpoint: the directory belongs to this host."""
    return DirectoryStore(root=settings.STORE_DIR, name=f"directory:{settings.HOST_NAME}")


def spool():
    """The folder of uploads, which the web process writes and the agents read."""
    return Spool(root=settings.SPOOL_DIR, quota=settings.SPOOL_BYTES)
