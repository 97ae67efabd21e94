"""Archives on their way in from a browser: begun, received piece by piece, finished; or cleared when they rest.

`begin` → `receive` at the offset that is wanted next, as often as needed → `finish`. A piece that was lost is sent
again from the offset that the upload says. `receive_whole` is for a form that sends all of it at once. Whoever begins
an upload alone may go on with it. Nothing of the bytes is looked at here: that is the agent's.
"""

import io
import uuid
from datetime import timedelta

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from containers_app.errors import BadInput, Conflict
from containers_app.models import Upload

from . import audit, outside

PIECE = 8 * 1024 * 1024  # bytes that a browser sends at once
RESTS = timedelta(hours=24)  # an upload that got nothing for so long is cleared
MOST_OPEN = 5  # uploads that one person may have coming in at the same time

State = Upload.State


def begin(*, by, file_name, size):
    """A new Upload of `size` bytes. Raises BadInput for what cannot be one, StoreError where there is no room."""
    _require_size(size)
    outside.spool().require_room(size, _held())
    if Upload.objects.filter(by=by.user, state=State.RECEIVING).count() >= MOST_OPEN:
        raise BadInput(f"{MOST_OPEN} uploads of yours are coming in already.", field="file")
    upload = _record(by, file_name, size, uuid.uuid4())
    outside.spool().create(upload.key)
    return upload


def receive(*, upload, offset, source):
    """Append what `source.read` gives; returns how many bytes of the upload are here now.

    Raises Conflict where `offset` is not the next byte that is wanted: ask again from `upload.received`.
    """
    upload.refresh_from_db()
    if upload.state != State.RECEIVING or offset != upload.received:
        raise Conflict(f"The next byte that is wanted is {upload.received}, not {offset}.")
    count = outside.spool().append(upload.key, offset, source, upload.size - offset)
    now = timezone.now()
    mine = Upload.objects.filter(pk=upload.pk, received=offset, state=State.RECEIVING)
    if not mine.update(received=offset + count, touched_at=now):
        raise Conflict("Another part of it has come in meanwhile.")
    upload.received, upload.touched_at = offset + count, now
    return upload.received


def finish(*, upload):
    """All of it is here. Raises Conflict when something is missing."""
    complete = Upload.objects.filter(pk=upload.pk, state=State.RECEIVING, received=upload.size)
    if not complete.update(state=State.RECEIVED, touched_at=timezone.now()):
        raise Conflict(f"{upload.size - upload.received:,} bytes of {upload} are still missing.")
    upload.state = State.RECEIVED
    return upload


def begin_whole(most):
    """The key under which a form's file goes into the spool piece by piece; `most` bytes at the most are expected."""
    outside.spool().require_room(most, _held())
    key = uuid.uuid4()
    outside.spool().create(key)
    return key


def append_whole(key, start, content):
    """Write the next bytes of a form's file. Raises StoreError past the quota."""
    spool = outside.spool()
    if start + len(content) > spool.quota:
        raise BadInput(f"An upload may have {spool.quota // 1024**3} GiB at the most.", field="file")
    spool.append(key, start, io.BytesIO(content), len(content))


def forget_whole(key):
    """Remove a form's file, unless it has become an upload."""
    if not Upload.objects.filter(key=key).exists():
        outside.spool().delete(key)


def receive_whole(*, by, file_name, size, key):
    """An Upload of what a form has sent all at once into the spool, under `key`; removed when it cannot be one."""
    try:
        _require_size(size)
        upload = _record(by, file_name, size, key)
    except BaseException:
        outside.spool().delete(key)
        raise
    Upload.objects.filter(pk=upload.pk).update(received=size)
    upload.received = size
    return finish(upload=upload)


def abandon(*, by, upload):
    """Forget an upload that its owner wants no more."""
    _forget(by, upload, action="upload.abandoned", sentence=f"abandoned the upload of {upload}")


def clear_rested():
    """Forget uploads that got no bytes for RESTS, and files in the spool that belong to none. Asked by the agent."""
    rested = Upload.objects.filter(touched_at__lt=timezone.now() - RESTS)
    for upload in rested.filter(state=State.TAKEN):
        done_with(upload)
    for upload in rested.exclude(state=State.TAKEN):
        _forget(audit.Caller(), upload, action="upload.expired", sentence=f"cleared the upload of {upload}: it rested")
    known = {str(key) for key in Upload.objects.values_list("key", flat=True)}
    outside.spool().clear_strays(known, older_than=RESTS.total_seconds())


def done_with(upload):
    """Remove the file of an upload that an import has taken, whatever came of it."""
    outside.spool().delete(upload.key)
    upload.delete()


def _record(by, file_name, size, key):
    now = timezone.now()
    with transaction.atomic():
        upload = Upload.objects.create(
            key=key, file_name=shortened(file_name), size=size, by=by.user, begun_at=now, touched_at=now
        )
        audit.record(
            by=by, action="upload.begun", sentence=f"began to upload {upload}",
            details={"key": str(key), "bytes": size},
        )  # fmt: skip
    return upload


def shortened(file_name):
    """The last part of a file's name as a browser gives it, bounded; a word where there is none."""
    return file_name.replace("\\", "/").rpartition("/")[2].strip()[:255] or "archive"


def _require_size(size):
    if size < 1:
        raise BadInput("The file is empty.", field="file")
    if size > outside.spool().quota:
        limit = outside.spool().quota // 1024**3
        raise BadInput(f"An upload may have {limit} GiB at the most.", field="file")


def _held():
    """Bytes that uploads have, or were promised."""
    return Upload.objects.aggregate(total=Sum("size"))["total"] or 0


def _forget(by, upload, *, action, sentence):
    with transaction.atomic():
        if not Upload.objects.filter(pk=upload.pk).exclude(state=State.TAKEN).delete()[0]:
            raise Conflict("The agent has it already.")
        audit.record(by=by, action=action, sentence=sentence, details={"key": str(upload.key)})
    outside.spool().delete(upload.key)
