"""Uploads: an archive on its way in, piece by piece, from wherever it stopped.

Whoever began one alone goes on with it.
"""

import uuid
from datetime import datetime
from typing import Annotated

from django.http import HttpResponse
from ninja import Field, Query, Schema

from containers_app import access
from containers_app.htmx import caller
from containers_app.services import uploads

from . import problems
from .fields import Body
from .frame import Routes

routes = Routes(tags=["uploads"])

PIECE_MOST = 2 * uploads.PIECE  # bytes of one PUT
BYTES = "application/octet-stream"
A_PIECE = {"requestBody": {"required": True, "content": {BYTES: {"schema": {"type": "string", "format": "binary"}}}}}


class Upload(Schema):
    key: uuid.UUID
    state: str = Field(description="receiving, received (it is here as a whole) or taken (by an import).")
    file_name: str
    size: int = Field(description="Bytes that were announced.")
    received: int = Field(description="Bytes that are here: the offset that is wanted next.")
    piece: int = Field(uploads.PIECE, description="Bytes that are best sent at once.")
    begun_at: datetime


class Begin(Body):
    file_name: str = Field(min_length=1, max_length=4096)
    size: int = Field(ge=1, le=2**62, description="Bytes of all of it.")


@routes.route("POST", "/uploads", right="import_archive", answer=Upload, status=201, summary="Begin an upload")
def upload_begin(request, body: Begin):
    return uploads.begin(by=caller(request), file_name=body.file_name, size=body.size)


@routes.route("GET", "/uploads/{upload_key}", right="import_archive", answer=Upload, summary="How far an upload is")
def upload_detail(request, upload_key: uuid.UUID):
    return access.get_upload_for(request.user, upload_key)


Offset = Annotated[int, Query(ge=0, le=2**62, description="Where in the archive the piece begins.")]


@routes.route(
    "PUT", "/uploads/{upload_key}", right="import_archive", answer=Upload, summary="Send a piece", extra=A_PIECE
)
def upload_piece(request, upload_key: uuid.UUID, offset: Offset):
    """The bytes from `offset` on. With the last one it is here as a whole, and can be brought in as a checkpoint."""
    upload = access.get_upload_for(request.user, upload_key)
    if request.content_type != BYTES:
        raise problems.Unsupported(f"A piece must be {BYTES}.")
    length = int(request.META.get("CONTENT_LENGTH") or 0)
    if length > PIECE_MOST:
        raise problems.TooLarge(f"A piece has {PIECE_MOST} bytes at the most.")
    if length:
        uploads.receive(upload=upload, offset=offset, source=request)
    return uploads.finish(upload=upload) if upload.received == upload.size else upload


@routes.route("DELETE", "/uploads/{upload_key}", right="import_archive", answer=None, status=204, summary="Give it up")
def upload_abandon(request, upload_key: uuid.UUID):
    uploads.abandon(by=caller(request), upload=access.get_upload_for(request.user, upload_key))
    return HttpResponse(status=204)
