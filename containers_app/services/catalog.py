"""The catalog: what it says of a checkpoint, whose favourite it is, and how one leaves it.

Knows rows and the archive store. Taking and restoring are `checkpoints` and `restores`; pages find with
`containers_app/catalog.py`.
"""

import re

from django.db import transaction
from django.utils import timezone

from containers_app.errors import BadInput, Conflict
from containers_app.models import Checkpoint, Operation, SavedSearch, SearchText, Tag

from . import audit, doorbell, inspections, operations, outside
from .operations import Found

MOST_SEEN = 100_000  # characters of words seen inside: PostgreSQL indexes 1 MiB of a row at the most
MOST_SEARCHES = 50  # that one person may keep


def require_kept(checkpoint):
    """Raise Conflict for a checkpoint whose archive is gone."""
    if checkpoint.discarded_at:
        raise Conflict(
            f"{checkpoint.name} was discarded: its archive is gone.", remedy="Only what is known of it is left."
        )


def edit(*, by, checkpoint, name, note, tags):
    """Give the checkpoint this name, note (Markdown) and these tags. Nothing happens when it has them.

    Raises BadInput for no name or one that is too long, Conflict when it was discarded.
    """
    name = name.strip()
    if not 0 < len(name) <= 120:
        raise BadInput("A name has 1 to 120 characters.", field="name")
    with transaction.atomic():
        row = _locked(checkpoint)
        before = {"name": row.name, "note": row.note, "tags": sorted(tag.name for tag in row.tags.all())}
        after = {"name": name, "note": note, "tags": sorted(set(tags))}
        changed = [field for field in after if before[field] != after[field]]
        if not changed:
            return
        row.name, row.note = name, note
        row.save(update_fields=["name", "note"])
        row.tags.set([Tag.objects.get_or_create(name=tag)[0] for tag in after["tags"]])
        write_words(row)
        doorbell.announce("checkpoints", team=row.team_id)
        audit.record(
            by=by, action="checkpoint.edited", checkpoint=row, container=row.container, host=row.host,
            sentence=f"changed the {_listed(changed)} of {before['name']}",
            before={field: before[field] for field in changed}, after={field: after[field] for field in changed},
        )  # fmt: skip


def _listed(words):
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def pin(*, by, checkpoint, pinned):
    """Pin it, so that nobody and nothing discards it, or let it go. Raises Conflict when it is just being discarded."""
    with transaction.atomic():
        row = _locked(checkpoint)
        if row.pinned == pinned:
            return
        if pinned and row.operations.filter(kind=Operation.Kind.DISCARD, state=Operation.State.STARTED).exists():
            raise Conflict(f"{row.name} is being discarded: it is too late to pin it.")
        Checkpoint.objects.filter(pk=row.pk).update(pinned=pinned)
        doorbell.announce("checkpoints", team=row.team_id)
        audit.record(
            by=by, action="checkpoint.pinned" if pinned else "checkpoint.unpinned", checkpoint=row,
            container=row.container, host=row.host, sentence=f"{'pinned' if pinned else 'unpinned'} {row.name}",
            before={"pinned": not pinned}, after={"pinned": pinned},
        )  # fmt: skip


def favour(*, by, checkpoint, favourite):
    """Put it among this person's favourites, or take it from there."""
    with transaction.atomic():
        if checkpoint.favourite_of.filter(pk=by.user.pk).exists() == favourite:
            return
        (checkpoint.favourite_of.add if favourite else checkpoint.favourite_of.remove)(by.user)
        verb = "added" if favourite else "removed"
        audit.record(
            by=by, action=f"favourite.{verb}", checkpoint=checkpoint, container=checkpoint.container,
            host=checkpoint.host, sentence=f"{verb} a favourite: {checkpoint.name}",
        )  # fmt: skip


def save_search(*, by, name, query):
    """Keep a search under a name of this person's; one of that name is replaced. Returns it.

    `query` is the address's part after the question mark. Raises BadInput for no name, Conflict for one too many.
    """
    name = name.strip()
    if not 0 < len(name) <= 80:
        raise BadInput("A name has 1 to 80 characters.", field="name")
    with transaction.atomic():
        former = SavedSearch.objects.filter(user=by.user, name=name).first()
        if former is None and SavedSearch.objects.filter(user=by.user).count() >= MOST_SEARCHES:
            raise Conflict(f"You keep {MOST_SEARCHES} searches.", remedy="Delete one first.")
        search, _ = SavedSearch.objects.update_or_create(user=by.user, name=name, defaults={"query": query})
        audit.record(
            by=by, action="search.saved", sentence=f"saved a search of the catalog: {name}",
            before={"query": former.query} if former else None, after={"query": query},
        )  # fmt: skip
    return search


def delete_search(*, by, search):
    """Forget a search that this person had kept."""
    with transaction.atomic():
        search.delete()
        audit.record(
            by=by, action="search.deleted", sentence=f"deleted a search of the catalog: {search.name}",
            before={"query": search.query},
        )  # fmt: skip


@operations.once
def request_discard(*, by, checkpoint, request_key=None):
    """Ask the host that has the archive to remove it: nothing brings it back.

    Raises Conflict when it is pinned, was discarded, or an unfinished operation uses it.
    """
    with transaction.atomic():
        row = _locked(checkpoint)
        _require_discardable(row)
        return operations.request(
            by=by, kind=Operation.Kind.DISCARD, host=row.host, checkpoint=row, request_key=request_key,
            sentence=f"asked to discard {row.name}", options={"sha256": row.archive_sha256, "bytes": row.archive_bytes},
        )  # fmt: skip


def in_the_way(checkpoint):
    """Why it cannot be discarded now, in words; "" when it can."""
    if checkpoint.discarded_at:
        return f"{checkpoint.name} was discarded already."
    if checkpoint.pinned:
        return f"{checkpoint.name} is pinned. Unpin it first."
    using = checkpoint.operations.filter(state__in=Operation.UNFINISHED).first()
    return f"An operation uses it: {using}. Wait until that has ended." if using else ""


def _require_discardable(checkpoint, *, but=None):
    """Raise Conflict where something is in the way; the operation `but` is not."""
    checkpoint.refresh_from_db(fields=["pinned", "discarded_at"])
    others = checkpoint.operations.filter(state__in=Operation.UNFINISHED).exclude(pk=but.pk if but else None)
    if checkpoint.discarded_at or checkpoint.pinned or others.exists():
        raise Conflict(in_the_way(checkpoint) or f"{checkpoint.name} is in use.")


def perform_discard(claim):
    """Remove the archive, then let the row leave the catalog.

    In this order a death in between leaves a row without an archive, which settling finds and which nothing can use
    meanwhile (`operations.request`); the other order would leave an archive that nobody knows.
    """
    checkpoint, store = claim.operation.checkpoint, outside.store()
    if checkpoint.store != store.name:
        raise Conflict(f"The archive lies in another store, {checkpoint.store}.", remedy="Ask where that store is.")
    claim.phase("looking")
    with transaction.atomic():
        _require_discardable(_locked(checkpoint), but=claim.operation)
        claim.note(removing=True)
    claim.phase("removing the archive")
    store.delete(checkpoint.archive_sha256)
    with transaction.atomic():
        _leave(checkpoint)
        claim.succeed(
            action="checkpoint.discarded",
            sentence=f"discarded {checkpoint.name}",
            summary=f"Discarded {checkpoint.name}: {checkpoint.archive_bytes / 2**20:,.1f} MiB are free again.",
            before={"sha256": checkpoint.archive_sha256, "bytes": checkpoint.archive_bytes},
        )


def settle_discard(claim):
    """Found: an archive that this has removed is a discard that worked; one that is there stays in the catalog."""
    checkpoint, store = claim.operation.checkpoint, outside.store()
    if not claim.operation.result.get("removing"):
        return Found(False, f"{checkpoint.name} is still in the catalog.")
    if checkpoint.store == store.name and store.path(checkpoint.archive_sha256).exists():
        return Found(False, f"Its archive is still there, and {checkpoint.name} is still in the catalog.")
    _leave(checkpoint)
    return Found(True, f"The archive of {checkpoint.name} is gone.")


def _leave(checkpoint):
    inspections.forget(checkpoint)
    Checkpoint.objects.filter(pk=checkpoint.pk, discarded_at=None).update(discarded_at=timezone.now())
    doorbell.announce("checkpoints", f"container-{checkpoint.container_id}", team=checkpoint.team_id)


def _locked(checkpoint):
    """The row as it is now, for this transaction alone. Raises Conflict when it was discarded."""
    row = Checkpoint.objects.select_for_update(of=("self",)).select_related("host", "container").get(pk=checkpoint.pk)
    require_kept(row)
    return row


def write_words(checkpoint, facts=None):
    """Keep the words that the checkpoint is found by; call it in the transaction that changed them, after its tags.

    `facts` is what was seen inside it (runtime/inspection.py); None leaves what was kept of that.
    """
    values = words_of(checkpoint, [tag.name for tag in checkpoint.tags.all()], facts)
    SearchText.objects.update_or_create(checkpoint=checkpoint, defaults=values)


def words_of(checkpoint, tags, facts):
    """{said, seen}: the fields of its SearchText; without `seen` when `facts` is None."""
    said = [checkpoint.name, checkpoint.note, *tags, checkpoint.container_name, checkpoint.image_name]
    values = {"said": " ".join([*said, checkpoint.host.name, checkpoint.taken_by_name]).replace("\0", "")}
    return values if facts is None else {**values, "seen": _seen_words(facts)}


def _seen_words(facts):
    """Each word of the processes' names and command lines once: nobody searches for how often."""
    texts = (text for process in facts.get("processes", []) for text in _said_by(process))
    words = dict.fromkeys(word for text in texts for word in re.findall(r"[^\W_]+", text))
    return " ".join(words)[:MOST_SEEN]


def _said_by(process):
    """Its name, and its command line: a list of arguments, or a text."""
    command = process.get("command") or []
    return [process.get("comm") or "", *([command] if isinstance(command, str) else command)]
