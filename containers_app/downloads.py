"""A checkpoint's archive on its way to whoever may have it: for the page and for the API. Who may, they ask."""

import re

from asgiref.sync import sync_to_async
from django.http import HttpResponse, StreamingHttpResponse

from .services import secrets

RANGE = re.compile(r"bytes=([0-9]{1,18})-([0-9]{0,18})")  # RFC 9110, 14.1.2: one range from a first byte on


def archive_response(request, *, by, checkpoint):
    """The archive as a download with its SHA-256, all of it or the range that is asked for, so that a broken download
    goes on where it stopped."""
    size, etag = checkpoint.archive_bytes, f'"{checkpoint.archive_sha256}"'
    span = _span(request, size, etag)
    if span and span[0] >= size:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    start, stop = span or (0, size)
    copy = secrets.open_archive(by=by, checkpoint=checkpoint, start=start, stop=stop)
    response = StreamingHttpResponse(_blocks(copy), content_type="application/zstd", status=206 if span else 200)
    response["Content-Length"] = stop - start
    if span:
        response["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    response["Content-Disposition"] = f'attachment; filename="{file_name(checkpoint)}.tar.zst"'
    response["Accept-Ranges"], response["ETag"] = "bytes", etag
    response["X-SHA256"] = checkpoint.archive_sha256
    response["X-Accel-Buffering"] = "no"
    return response


def file_name(checkpoint):
    """The checkpoint's name as that of a file, without an ending."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", checkpoint.name).strip("-.") or "checkpoint"


def _span(request, size, etag):
    """(first byte, byte after the last) of the range that is asked for; None for all of it."""
    match = RANGE.fullmatch(request.headers.get("Range", ""))
    if not match or request.headers.get("If-Range", etag) != etag:
        return None
    start = int(match[1])
    stop = min(int(match[2]) + 1, size) if match[2] else size
    return None if match[2] and stop <= start < size else (start, stop)


async def _blocks(copy):
    """Its blocks, one in memory at a time: Django would read an ordinary iterator to its end before the first byte."""
    try:
        while block := await sync_to_async(copy.read, thread_sensitive=False)():
            yield block
    finally:
        await sync_to_async(copy.close, thread_sensitive=False)()
