"""Checkpoints: the catalog, an archive in and out, and bringing one back."""

import uuid
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Literal

from django.db import transaction
from ninja import Field, Query, Schema

from containers_app import access, catalog
from containers_app.downloads import archive_response
from containers_app.htmx import caller
from containers_app.services import catalog as catalog_service
from containers_app.services import copies, drills, imports, restores

from .fields import Body, Day, HostId, Ref, RestoreFlags, Tags
from .frame import Cursor, Id, Limit, Page, Routes, page, request_key
from .operations import Operation, accepted

routes = Routes(tags=["checkpoints"])

BYTES = {"application/zstd": {"schema": {"type": "string", "format": "binary"}}}
ARCHIVE = {
    "parameters": [
        {
            "in": "header", "name": "Range", "required": False, "schema": {"type": "string"},
            "description": "`bytes=N-`: go on where a download broke, if `If-Range` is its ETag still.",
        }
    ],
    "responses": {
        200: {"content": BYTES},
        206: {"description": "The part that was asked for.", "content": BYTES},
        416: {"description": "It has not so many bytes."},
    },
}  # fmt: skip


class CheckpointSummary(Schema):
    id: int = Field(alias="pk")
    name: str
    note: str
    tags: list[str]
    host: Ref
    container: Ref = Field(description="As it was called then.")
    image_id: str
    image_name: str
    mode: str = Field(description="What became of the container: stop, keep_running or copy.")
    taken_by: str = Field(alias="taken_by_name")
    taken_at: datetime
    dumped_at: datetime | None = Field(description="Podman's CheckpointedAt; null when it was left running.")
    pause: int | None = Field(description="µs from the dump's begin until it ran again; of a copy alone.")
    frozen_time: int = Field(description="µs that the processes stood still for the dump; CRIU's frozen_time.")
    archive_sha256: str
    archive_bytes: int = Field(description="Bytes in the store.")
    unpacked_bytes: int
    engine: str = Field(description="The container engine that wrote the archive.")
    provenance: str = Field(description="taken here, or from elsewhere: trusted, within, awaiting, approved, refused.")
    pinned: bool
    verified_at: datetime | None = Field(description="When its last drill passed; null: none, or it failed.")
    read_at: datetime | None = Field(description="When its archive was last read to its end and was whole.")
    flaw: str = Field(description="damaged or missing, where a reading found that; empty otherwise.")

    @staticmethod
    def resolve_container(row):
        return {"pk": row.container_id, "name": row.container_name}

    @staticmethod
    def resolve_tags(row):
        return [tag.name for tag in row.tags.all()]


class Member(Schema):
    name: str
    size: int = Field(description="Bytes.")
    sha256: str


class Checkpoint(CheckpointSummary):
    options: dict = Field(description="Podman's flag names.")
    command: list[str] = Field(description="The exact argument list that took it.")
    members: list[Member] = Field(description="What is in the archive, in its order.")
    completed_paths: list[str] = Field(description="Changed files that Podman's export had left out.")
    statistics: dict[str, int] = Field(description="Under CRIU's and Podman's names; times in µs.")
    facts: dict = Field(description="What was true on its host: versions, kernel, CPU features, networks, mounts.")


class Filters(Schema):
    """The same as on the catalog's page; those that are empty filter nothing."""

    q: str = Field("", max_length=200, description="Words, each the beginning of one that it has.")
    container: int | None = Field(None, ge=1, le=2**63 - 1, description="A container's id.")
    of: str = Field("", max_length=255, description="The container's name then.")
    image: str = Field("", max_length=512)
    host: int | None = Field(None, ge=1, le=2**63 - 1, description="A host's id.")
    who: str = Field("", max_length=150, description="Who took it.")
    engine: str = Field("", max_length=16)
    tag: str = Field("", max_length=50)
    since: Day | None = Field(None, description="First day, in UTC.")
    until: Day | None = Field(None, description="Last day, in UTC.")
    pinned: Literal["", "yes", "no"] = ""
    verified: Literal["", "yes", "no"] = ""
    imported: Literal["", "yes", "no"] = ""


Sort = Annotated[Literal[tuple(catalog.SORTS)], Query("newest")]


class Import(Body):
    """Of `upload` and `path` one is sent."""

    upload: uuid.UUID | None = Field(None, strict=False, description="Key of an upload that is here as a whole.")
    path: str = Field("", max_length=4096, description="Of a file on that host, below a folder for imports.")
    host: HostId
    name: str = Field("", max_length=120, description="Empty: its container's.")
    note: str = Field("", max_length=4000)
    tags: Tags = []


class Edit(Body):
    """What is not sent stays as it is."""

    name: str | None = Field(None, min_length=1, max_length=120)
    note: str | None = Field(None, max_length=4000)
    tags: Tags | None = None
    pinned: bool | None = Field(None, description="True: nothing and nobody discards it.")


class Verify(Body):
    cold: bool = Field(False, description="Measure a fresh container's start as well.")
    host: HostId | None = Field(None, description="Where it is restored; null: where it was taken.")


class Drill(Schema):
    """One proof, or its failure, that a checkpoint restores."""

    id: int = Field(alias="pk")
    operation: int = Field(alias="operation_id")
    host: Ref
    finished_at: datetime
    passed: bool
    step: str = Field(description="The phase that failed; empty otherwise.")
    reason: str
    unpack_us: int = Field(description="µs")
    restore_us: int = Field(description="µs")
    ready_us: int = Field(description="µs from the first byte read of the archive until it was ready.")
    cold_us: int | None = Field(description="µs of a fresh container's start until the same check passed.")
    cold_reason: str = Field(description="Why the cold start was not measured.")


class Restore(RestoreFlags):
    host: HostId | None = Field(None, description="Where it is to run; null: where it was taken.")
    name: str = Field("", max_length=128, description="Of a new container; empty: under its own name.")
    publish: list[str] = Field([], description="Ports of a new container; empty: as at the checkpoint.")
    pod: str = Field("", max_length=128)


class Copies(Restore):
    name: str = Field(min_length=1, max_length=128, description="{n} in it counts; without it a number is added.")
    copies: int = Field(ge=1, le=50)


@routes.route("GET", "/checkpoints", right="see", answer=Page[CheckpointSummary], summary="List and search checkpoints")
def checkpoint_list(request, cursor: Cursor, limit: Limit, filters: Query[Filters], sort: Sort):
    """What is in the catalog; what was discarded is not."""
    chosen = filters.dict(exclude_defaults=True)
    place = {"before": int(cursor)} if cursor else {}
    rows = catalog.checkpoints(request.user, **chosen)
    found = catalog.page(rows, request.user, sort, size=limit, **place)
    return {"items": found.rows, "next": str(found.older) if found.older else None}


@routes.route(
    "POST", "/checkpoints", right="import_archive", answer=Operation, status=202, summary="Bring in an archive"
)
def checkpoint_import(request, body: Import):
    """An upload that is here as a whole, or a file on the host. What exceeds the import policy waits for an approval on
    the review's page."""
    upload = access.get_upload_for(request.user, body.upload) if body.upload else None
    return accepted(
        request,
        imports.request_import(
            by=caller(request), host=access.get_host_for(request.user, body.host), upload=upload, path=body.path,
            name=body.name, note=body.note, tags=body.tags, request_key=request_key(request),
        ),
    )  # fmt: skip


@routes.route("GET", "/checkpoints/{checkpoint_id}", right="see", answer=Checkpoint, summary="One checkpoint")
def checkpoint_detail(request, checkpoint_id: Id):
    return _one(request, checkpoint_id)


@routes.route(
    "GET", "/checkpoints/{checkpoint_id}/archive", right="download_archive", answer=None, extra=ARCHIVE,
    summary="Download its archive",
)  # fmt: skip
def checkpoint_archive(request, checkpoint_id: Id):
    """As any `podman container restore --import` takes it; X-SHA256 is its digest. It holds the memory of processes."""
    checkpoint = _one(request, checkpoint_id)
    return archive_response(request, by=caller(request), checkpoint=checkpoint)


@routes.route(
    "POST", "/checkpoints/{checkpoint_id}/restore", right="restore", answer=Operation, status=202, summary="Restore it"
)
def checkpoint_restore(request, checkpoint_id: Id, body: Restore = Restore()):  # noqa: B008
    """Without a name in place, or under its own name once its container was removed. With one as a new container."""
    checkpoint = _one(request, checkpoint_id, "clone" if body.name else "restore")
    return accepted(
        request,
        restores.request_restore(
            by=caller(request), checkpoint=checkpoint, host=_host(request, body), name=body.name,
            options=_options(body), forced=body.forced, request_key=request_key(request),
        ),
    )  # fmt: skip


@routes.route(
    "POST", "/checkpoints/{checkpoint_id}/copies", right="clone", answer=list[Operation], status=202,
    summary="Restore it many times",
)  # fmt: skip
def checkpoint_copies(request, checkpoint_id: Id, body: Copies):
    """As new containers with names and published ports that count: all of them are asked for, or none."""
    return copies.request_copies(
        by=caller(request), checkpoint=_one(request, checkpoint_id), host=_host(request, body), name=body.name,
        copies=body.copies, options=_options(body), request_key=request_key(request) or uuid.uuid4(),
    )  # fmt: skip


@routes.route(
    "POST", "/checkpoints/{checkpoint_id}/verify", right="restore", answer=Operation, status=202,
    summary="Prove that it restores",
)  # fmt: skip
def checkpoint_verify(request, checkpoint_id: Id, body: Verify = Verify()):  # noqa: B008
    """A drill: it is restored under a name of its own, apart from everything, until it is ready, and removed."""
    return accepted(
        request,
        drills.request_drill(
            by=caller(request), checkpoint=_one(request, checkpoint_id), host=_host(request, body), cold=body.cold,
            request_key=request_key(request),
        ),
    )  # fmt: skip


@routes.route(
    "GET", "/checkpoints/{checkpoint_id}/drills", right="see", answer=Page[Drill], summary="Its proofs so far"
)
def checkpoint_drills(request, checkpoint_id: Id, cursor: Cursor, limit: Limit):
    return page(_one(request, checkpoint_id).drills.select_related("host"), cursor, limit)


@routes.route(
    "PATCH", "/checkpoints/{checkpoint_id}", right="edit_catalog", answer=Checkpoint, summary="Edit or pin it"
)
def checkpoint_edit(request, checkpoint_id: Id, body: Edit):
    checkpoint, by, sent = _one(request, checkpoint_id), caller(request), body.dict(exclude_none=True)
    now = {"name": checkpoint.name, "note": checkpoint.note, "tags": [tag.name for tag in checkpoint.tags.all()]}
    with transaction.atomic():
        if sent.keys() & now.keys():
            values = {name: sent.get(name, value) for name, value in now.items()}
            catalog_service.edit(by=by, checkpoint=checkpoint, **values)
        if "pinned" in sent:
            catalog_service.pin(by=by, checkpoint=checkpoint, pinned=sent["pinned"])
    return _one(request, checkpoint_id)


@routes.route(
    "POST", "/checkpoints/{checkpoint_id}/discard", right="discard", answer=Operation, status=202, summary="Discard it"
)
def checkpoint_discard(request, checkpoint_id: Id):
    """Its archive is removed: nothing brings it back. The history and what was restored from it stay."""
    checkpoint = _one(request, checkpoint_id)
    return accepted(
        request,
        catalog_service.request_discard(by=caller(request), checkpoint=checkpoint, request_key=request_key(request)),
    )


def _one(request, pk, right=None):
    return access.get_checkpoint_for(request.user, pk, right or request.right)


def _host(request, body):
    return access.get_host_for(request.user, body.host) if body.host else None


def _options(body):
    return replace(body.options(), name="")
