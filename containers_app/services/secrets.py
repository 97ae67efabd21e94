"""What is secret and may be looked at by right: an archive's bytes, an environment's values. Each look is an event.

The event comes first: without it nothing is shown.
"""

from containers_app.errors import Unavailable
from containers_app.runtime import archive

from . import audit, catalog, outside, scrubs

BLOCK = 1024 * 1024  # bytes that are handed on at once


def open_archive(*, by, checkpoint):
    """The checkpoint's archive as an open file, its digest compared before anybody gets a byte of it.

    Raises ArchiveError when it is damaged, StoreError when it is missing, Unavailable when it lies elsewhere.
    """
    catalog.require_kept(checkpoint)
    scrubs.require_sound(checkpoint)
    store = outside.store()
    if checkpoint.store != store.name:
        raise Unavailable(
            f"The archive lies in another store, {checkpoint.store}.", remedy="Ask for it where that store is."
        )
    with scrubs.flagging(by=by, checkpoint=checkpoint):
        file = store.open(checkpoint.archive_sha256)
        try:
            archive.verify(file, checkpoint.archive_sha256)
        except BaseException:
            file.close()
            raise
    try:
        audit.record(
            by=by,
            action="archive.downloaded",
            sentence=f"downloaded the archive of {checkpoint.name}",
            checkpoint=checkpoint,
            container=checkpoint.container,
            host=checkpoint.host,
            details={"sha256": checkpoint.archive_sha256, "bytes": checkpoint.archive_bytes},
        )
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def see_environment(*, by, container):
    """[(name, value)] of the container's environment, as it was created with."""
    pairs = [pair.partition("=") for pair in container.config.get("env", [])]
    audit.record(
        by=by,
        action="environment.viewed",
        sentence=f"looked at the environment of {container.name}",
        container=container,
        host=container.host,
        details={"names": [name for name, _, _ in pairs]},
    )
    return [(name, value) for name, _, value in pairs]
