"""What is secret and may be looked at by right: an archive's bytes, an environment's values. Each look is an event.

The event comes first: without it nothing is shown.
"""

from . import archive_copies, audit, catalog, reviews, scrubs


def open_archive(*, by, checkpoint, start=0, stop=None):
    """The checkpoint's archive as an archive_copies.Copy, its digest compared before anybody gets a byte of it.

    `start` and `stop` are the first byte that is wanted and the one after the last. Raises Conflict for one that is
    barred, ArchiveError when it is damaged, StoreError when it is missing, Unavailable when its host does not send it.
    """
    catalog.require_kept(checkpoint)
    reviews.require_passed(checkpoint)
    scrubs.require_sound(checkpoint)
    copy = archive_copies.request_copy(user=by.user, checkpoint=checkpoint, start=start, stop=stop)
    whole = start == 0 and stop in {None, checkpoint.archive_bytes}
    try:
        audit.record(
            by=by,
            action="archive.downloaded",
            sentence=f"downloaded the archive of {checkpoint.name}{'' if whole else f', from byte {start:,} on'}",
            checkpoint=checkpoint,
            container=checkpoint.container,
            host=checkpoint.host,
            details={"sha256": checkpoint.archive_sha256, "bytes": (stop or checkpoint.archive_bytes) - start},
        )
    except BaseException:
        copy.close()
        raise
    return copy


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
