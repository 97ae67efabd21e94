"""A checkpoint's archive on its way to whoever may have it: for the page and for the API. Who may, they ask."""

import re

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse

from .services import secrets


def archive_response(checkpoint, file):
    """The archive `file` as a download, and its SHA-256."""
    response = StreamingHttpResponse(_blocks(file), content_type="application/zstd")
    response["Content-Length"] = checkpoint.archive_bytes
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", checkpoint.name).strip("-.") or "checkpoint"
    response["Content-Disposition"] = f'attachment; filename="{name}.tar.zst"'
    response["X-SHA256"] = checkpoint.archive_sha256
    response["X-Accel-Buffering"] = "no"
    return response


async def _blocks(file):
    """Its blocks, one in memory at a time: Django would read an ordinary iterator to its end before the first byte."""
    try:
        while block := await sync_to_async(file.read)(secrets.BLOCK):
            yield block
    finally:
        file.close()
