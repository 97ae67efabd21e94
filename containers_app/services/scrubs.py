"""Scrub: archives are read again from end to end, and what is damaged or missing is found before it is needed.

Podman restores damaged memory without a word, so a checkpoint whose archive has a flaw is neither restored nor handed
on until a later reading finds it whole. A kept image with a flaw is let go: it is saved anew where the image still is.
"""

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from containers_app.errors import ArchiveError, Conflict, StoreError
from containers_app.models import Checkpoint, KeptImage, Operation
from containers_app.models.catalog import Flaw
from containers_app.runtime import archive

from . import audit, doorbell, inventory, operations, outside, policies
from .operations import Found

EVERY = 600  # seconds between looks at whether something is due
LIMIT = 3600  # seconds of one scrub; what is left is due at once, and other work gets its turn between
MIB = 1024 * 1024


def require_sound(checkpoint):
    """Raise Conflict for a checkpoint whose archive has a flaw: whatever needs its bytes asks this first."""
    if checkpoint.flaw:
        raise Conflict(
            f"The archive of {checkpoint.name} is {checkpoint.flaw}, found on "
            f"{checkpoint.flaw_at:%d %b %Y, %H:%M} UTC: {checkpoint.flaw_detail}",
            remedy="Use another checkpoint, or bring the archive back from a copy of the store and read it again.",
        )


@operations.once
def request_scrub(*, by, host, checkpoint=None, due_before=None, request_key=None):
    """Ask a host to read one archive again, or all in its store, or all not read since the moment `due_before`."""
    what = f"the archive of {checkpoint.name}" if checkpoint else f"the archives of {host.name}"
    return operations.request(
        by=by, kind=Operation.Kind.SCRUB, host=host, checkpoint=checkpoint,
        target_name=f"scrub {checkpoint.pk if checkpoint else ''}".strip(), request_key=request_key,
        sentence=f"asked to read {what} again",
        options={"due_before": due_before.isoformat()} if due_before else {},
    )  # fmt: skip


def ask_when_due(host_name):
    """Ask for a scrub of what has not been read for longer than the schedule says. One at a time."""
    found = policies.schedule(policies.Work.SCRUB)
    host = inventory.register_host(host_name)
    busy = Operation.objects.filter(host=host, kind=Operation.Kind.SCRUB, state__in=Operation.UNFINISHED)
    if not found.enabled or host.away or busy.exists():
        return
    before = timezone.now() - timedelta(hours=found.every_hours)
    if _archives(outside.store(), before).exists():
        request_scrub(by=inventory.AGENT, host=host, due_before=before)


@dataclass
class _Tally:
    """What a scrub has found so far."""

    whole: int = 0
    damaged: list = field(default_factory=list)
    missing: list = field(default_factory=list)
    left: int = 0

    def add(self, name, flaw):
        if flaw:
            {Flaw.DAMAGED: self.damaged, Flaw.MISSING: self.missing}[flaw].append(name)
        else:
            self.whole += 1

    def words(self):
        flaws = [
            f"{word}: {', '.join(names[:5])}{f' and {len(names) - 5} more' if len(names) > 5 else ''}"
            for word, names in (("damaged", self.damaged), ("missing", self.missing))
            if names
        ]
        left = [f"{self.left} are left for the next time"] if self.left else []
        return "; ".join([f"{self.whole} whole", *flaws, *left])


def perform_scrub(claim):
    """Read each archive, and each kept image, as gently as the schedule says; flag what has a flaw."""
    operation, store = claim.operation, outside.store()
    one, before = operation.checkpoint, operation.options.get("due_before")
    rows = [one] if one else list(_archives(store, before).defer("members", "completed_paths", "facts"))
    images = [] if one else list(KeptImage.objects.filter(store=store.name))
    claim.phase("reading archives")
    claim.expect(sum(row.archive_bytes for row in rows) + sum(row.stored_bytes for row in images))
    gentle, tally, began = _Gentle(claim), _Tally(), time.monotonic()
    by = audit.caller_of(operation)
    for number, checkpoint in enumerate(rows):
        if time.monotonic() - began > LIMIT:
            tally.left = len(rows) - number
            break
        tally.add(checkpoint.name, read_again(by=by, checkpoint=checkpoint, on_block=gentle, operation=operation))
    for kept in [] if tally.left else images:
        _read_image(by, kept, store, gentle)
    sound = not tally.damaged and not tally.missing
    what = f"the archive of {one.name}" if one else f"{len(rows) - tally.left} archives of {operation.host.name}"
    claim.succeed(
        action="archive.verified" if sound else "archive.flawed",
        sentence=f"read {what} again: {tally.words()}",
        summary=f"{tally.words().capitalize()}.",
        whole=tally.whole, damaged=tally.damaged, missing=tally.missing,
    )  # fmt: skip


def settle_scrub(claim):
    """Nothing is half done: what was read is recorded, what was not is due again."""
    return Found()


def read_again(*, by, checkpoint, on_block=None, operation=None):
    """Read an archive of this host's store to its end and record what was found: a Flaw, or "" when it is whole."""
    flaw, detail = _flaw_of(outside.store(), checkpoint.archive_sha256, on_block)
    if flaw:
        flag(by=by, checkpoint=checkpoint, flaw=flaw, detail=detail, operation=operation)
        return flaw
    with transaction.atomic():
        flawed = Checkpoint.objects.filter(pk=checkpoint.pk).exclude(flaw="")
        mended = flawed.update(flaw="", flaw_at=None, flaw_detail="")
        Checkpoint.objects.filter(pk=checkpoint.pk).update(read_at=timezone.now())
        if mended:
            doorbell.announce("checkpoints", team=checkpoint.team_id)
            audit.record(
                by=by, action="archive.verified", sentence=f"found the archive of {checkpoint.name} whole again",
                checkpoint=checkpoint, host=checkpoint.host, operation=operation,
            )  # fmt: skip
    return ""


def flag(*, by, checkpoint, flaw, detail, operation=None):
    """Keep that the archive has this Flaw, and tell it once."""
    with transaction.atomic():
        changed = (
            Checkpoint.objects.filter(pk=checkpoint.pk)
            .exclude(flaw=flaw)
            .update(flaw=flaw, flaw_at=timezone.now(), flaw_detail=detail)
        )
        if changed:
            doorbell.announce("checkpoints", team=checkpoint.team_id)
            audit.record(
                by=by, action=f"archive.{flaw}", result="failed",
                sentence=f"found the archive of {checkpoint.name} {flaw}: {detail}",
                checkpoint=checkpoint, host=checkpoint.host, operation=operation,
                details={"sha256": checkpoint.archive_sha256, "store": checkpoint.store},
            )  # fmt: skip


@contextmanager
def flagging(*, by, checkpoint, operation=None):
    """Around what needs an archive's bytes: a flaw that shows there is kept with the checkpoint."""
    try:
        yield
    except (ArchiveError, StoreError) as error:
        missing = not outside.store().path(checkpoint.archive_sha256).is_file()
        if missing or isinstance(error, ArchiveError):
            flaw = Flaw.MISSING if missing else Flaw.DAMAGED
            flag(by=by, checkpoint=checkpoint, flaw=flaw, detail=error.message, operation=operation)
        raise


def _archives(store, before=None):
    """Checkpoints whose archives are in this store, those first that were read least lately."""
    rows = Checkpoint.objects.filter(store=store.name, discarded_at=None).select_related("host")
    rows = rows.annotate(last_read=Coalesce("read_at", "taken_at"))
    if before:
        rows = rows.filter(Q(last_read__lt=before))
    return rows.order_by("last_read", "pk")


def _flaw_of(store, sha256, on_block):
    try:
        with store.open(sha256) as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
            archive.verify(file, sha256, on_block=on_block)
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)  # others need the cache more
    except StoreError as error:
        if store.path(sha256).is_file():
            raise
        return Flaw.MISSING, error.message
    except ArchiveError as error:
        return Flaw.DAMAGED, error.message
    return "", ""


def _read_image(by, kept, store, gentle):
    flaw, detail = _flaw_of(store.images, kept.sha256, gentle)
    if not flaw:
        return
    with transaction.atomic():
        KeptImage.objects.filter(pk=kept.pk).delete()
        audit.record(
            by=by, action=f"image.{flaw}", result="failed", sentence=f"found the kept image {kept} {flaw}: {detail}",
            details={"image_id": kept.image_id, "sha256": kept.sha256},
        )  # fmt: skip
    store.images.delete(kept.sha256)


class _Gentle:
    """Waits after each block so that no more bytes are read in a second than the schedule allows; tells progress."""

    def __init__(self, claim):
        self._claim, self._count, self._began = claim, 0, time.monotonic()
        self._rate = policies.schedule(policies.Work.SCRUB).values["mib_per_second"] * MIB

    def __call__(self, count):
        self._count += count
        self._claim.progress(self._count)
        ahead = self._count / self._rate - (time.monotonic() - self._began)
        if ahead > 0:
            time.sleep(ahead)
