"""What is secret and may be looked at by right: an archive's bytes, an environment's values. Each look is an event.

The event comes first: without it nothing is shown.
"""

from containers_app import access
from containers_app.models import SeenEnvironment

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


def see_checkpoint_environment(*, by, checkpoint):
    """{process ID as text, or `config`: {name: value}} of what was seen in the checkpoint."""
    values = _values(checkpoint)
    audit.record(
        by=by,
        action="environment.viewed",
        sentence=f"looked at the environment in {checkpoint.name}",
        checkpoint=checkpoint,
        host=checkpoint.host,
        details={"names": sorted({name for pairs in values.values() for name in pairs})[:200]},
    )
    return values


def changed_values(*, by, first, second):
    """[{group, name, before, after}] of the variables that are in both checkpoints with another value."""
    for checkpoint in (first, second):
        access.require(by.user, "see_environment", checkpoint)
    before, after = _values(first), _values(second)
    found = [
        {"group": group, "name": name, "before": before[group][name], "after": after[group][name]}
        for group in before
        for name in before[group]
        if name in after.get(group, {}) and before[group][name] != after[group][name]
    ]
    audit.record(
        by=by,
        action="environment.viewed",
        sentence=f"compared the environment in {first.name} with that in {second.name}",
        checkpoint=first,
        host=first.host,
        details={"names": sorted({row["name"] for row in found})[:200], "other": second.pk},
    )
    return found


def _values(checkpoint):
    found = SeenEnvironment.objects.filter(checkpoint=checkpoint).values_list("values", flat=True).first()
    return {group: dict(pairs) for group, pairs in (found or {}).items()}
