"""Looking into the memory of checkpoints: searching it, and comparing it page by page. Nothing in the archive changes.

What a search finds is memory, and so secret: it is shown by right, each look is an event, and it is wiped a day later.
"""

import time
from contextlib import contextmanager
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from containers_app import access
from containers_app.errors import Conflict
from containers_app.models import Checkpoint, MemoryComparison, MemorySearch, Operation
from containers_app.runtime import memory

from . import audit, operations, outside, scrubs
from .operations import Found

MOST_HITS = 500
SECONDS = 600  # that one search may take
KEPT = timedelta(days=1)  # how long what was found is kept
WIPE_EVERY = 300  # seconds between looks at what is to be wiped


@operations.once
def request_search(*, by, checkpoint, pattern, regular=False, ignore_case=False, request_key=None):
    """Ask for a search of the checkpoint's memory. Raises BadInput for a pattern that cannot be used."""
    memory.compiled(pattern, regular=regular, ignore_case=ignore_case)
    scrubs.require_sound(checkpoint)
    return operations.request(
        by=by, kind=Operation.Kind.MEMORY_SEARCH, host=checkpoint.host, checkpoint=checkpoint, request_key=request_key,
        sentence=f"asked to search the memory of {checkpoint.name} for {pattern}",
        options={"pattern": pattern, "regular": regular, "ignore_case": ignore_case},
    )  # fmt: skip


def perform_search(claim):
    operation, options = claim.operation, claim.operation.options
    checkpoint = operation.checkpoint
    access.require(operation.actor, "search_memory", checkpoint)
    pattern = memory.compiled(
        options["pattern"], regular=options["regular"], ignore_case=options["ignore_case"]
    )  # fmt: skip
    claim.phase("searching")
    claim.expect(checkpoint.unpacked_bytes)
    begun = time.monotonic()
    found = memory.search(
        _opener(checkpoint), pattern, most=MOST_HITS, seconds=SECONDS, on_bytes=_Told(claim)
    )  # fmt: skip
    with transaction.atomic():
        MemorySearch.objects.create(
            operation=operation, checkpoint=checkpoint, finished_at=timezone.now(), searched_bytes=found.searched,
            found=len(found.hits), whole=found.whole, hits=[hit.as_json() for hit in found.hits],
        )  # fmt: skip
        pids = {hit.pid for hit in found.hits}
        count = f"{len(found.hits)} place{'' if len(found.hits) == 1 else 's'}"
        where = f" in {len(pids)} process{'' if len(pids) == 1 else 'es'}" if pids else ""
        cut = "" if found.whole else " It ended at its limit: there may be more."
        claim.succeed(
            action="memory.searched",
            sentence=f"searched the memory of {checkpoint.name} for {options['pattern']}: {count}",
            summary=f"Found {count}{where} in {time.monotonic() - begun:.1f} s.{cut}",
            unread=found.unread,
        )


def see_hits(*, by, search):
    """What a search found, None once it was wiped. That it was looked at is in the history."""
    options = search.operation.options
    audit.record(
        by=by,
        action="memory.viewed",
        sentence=f"looked at what was found in the memory of {search.checkpoint.name}",
        operation=search.operation,
        details={"pattern": options.get("pattern", ""), "found": search.found},
    )
    return search.hits


def wipe_old():
    """Remove what searches found more than a day ago."""
    MemorySearch.objects.filter(finished_at__lt=timezone.now() - KEPT, hits__isnull=False).update(hits=None)


@operations.once
def request_compare(*, by, first, second, request_key=None):
    """Ask for a comparison of two checkpoints' memory. Raises Conflict where their archives are not in one store."""
    if first.store != second.store:
        raise Conflict(
            f"{first.name} and {second.name} lie in different stores: their memory cannot be compared.",
            remedy="All else of them is compared.",
        )
    for checkpoint in (first, second):
        scrubs.require_sound(checkpoint)
    return operations.request(
        by=by, kind=Operation.Kind.MEMORY_COMPARE, host=first.host, checkpoint=first, request_key=request_key,
        sentence=f"asked to compare the memory of {first.name} with that of {second.name}",
        options={"second": second.pk},
    )  # fmt: skip


def perform_compare(claim):
    operation = claim.operation
    first = operation.checkpoint
    second = Checkpoint.objects.get(pk=operation.options["second"])
    for checkpoint in (first, second):
        access.require(operation.actor, "operate", checkpoint)
    claim.expect(first.unpacked_bytes + second.unpacked_bytes)
    claim.phase("reading the first")
    seen = memory.digests(_opener(first), on_bytes=_Told(claim))
    claim.phase("comparing the second")
    rows = memory.compare(_opener(second), seen, on_bytes=_Told(claim, first.unpacked_bytes))
    same, changed, added, gone = (sum(row[name] for row in rows) for name in ("same", "changed", "added", "gone"))
    with transaction.atomic():
        MemoryComparison.objects.update_or_create(
            first=first, second=second, defaults={"operation": operation, "processes": rows}
        )
        claim.succeed(
            action="memory.compared",
            sentence=f"compared the memory of {first.name} with that of {second.name}",
            summary=f"{same:,} pages are the same, {changed:,} changed, {added:,} came and {gone:,} went.",
        )


def settle(claim):
    """It changed nothing: there is nothing to make good."""
    return Found()


def _opener(checkpoint):
    """What opens the checkpoint's archive. Raises Conflict where it lies in another store."""
    store = outside.store()
    if checkpoint.store != store.name:
        raise Conflict(f"The archive of {checkpoint.name} lies in another store, {checkpoint.store}.")

    @contextmanager
    def opened():
        with store.open(checkpoint.archive_sha256) as file:
            yield file

    return opened


class _Told:
    """Tells people how far it is, and ends the work when they ask for it."""

    def __init__(self, claim, before=0):
        self._claim, self._before = claim, before

    def __call__(self, count):
        self._claim.go_on()
        self._claim.progress(self._before + count)
