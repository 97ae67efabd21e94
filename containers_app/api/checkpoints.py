"""Checkpoints: the catalog, what is inside one, its archive, and bringing it back."""

import uuid
from dataclasses import replace
from datetime import datetime
from typing import Annotated

from ninja import Field, Query, Schema

from containers_app import access, catalog, queries
from containers_app.downloads import archive_response
from containers_app.htmx import caller
from containers_app.services import copies, restores

from .fields import HostId, Ref, RestoreFlags
from .frame import Cursor, Id, Limit, Page, Routes, page, request_key
from .operations import Operation, accepted

routes = Routes(tags=["checkpoints"])

ARCHIVE = {"responses": {200: {"content": {"application/zstd": {"schema": {"type": "string", "format": "binary"}}}}}}


class CheckpointSummary(Schema):
    id: int = Field(alias="pk")
    name: str
    note: str
    tags: list[str]
    host: Ref
    container: Ref
    container_name: str = Field(description="As it was called then.")
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


class Inspection(Schema):
    checkpoint: Ref
    facts: dict = Field(description="Processes, sockets, files, mounts; {} of one taken before Freezeframe looked.")


class Restore(RestoreFlags):
    host: HostId | None = Field(None, description="Where it is to run; null: where it was taken.")
    name: str = Field("", max_length=128, description="Of a new container; empty: under its own name.")
    publish: list[str] = Field([], description="Ports of a new container; empty: as at the checkpoint.")
    pod: str = Field("", max_length=128)


class Copies(Restore):
    name: str = Field(min_length=1, max_length=128, description="{n} in it counts; without it a number is added.")
    copies: int = Field(ge=1, le=50)


@routes.route("GET", "/checkpoints", right="see", answer=Page[CheckpointSummary], summary="List and search checkpoints")
def checkpoint_list(
    request, cursor: Cursor, limit: Limit,
    q: Annotated[str, Query("", max_length=200, description="Words, each the beginning of one that it has.")],
    container: Annotated[int | None, Query(None, ge=1, le=2**63 - 1, description="A container's id.")],
    host: Annotated[str, Query("", max_length=63, description="A host's name.")],
    tag: Annotated[str, Query("", max_length=50)],
):  # fmt: skip
    rows = catalog.checkpoints(request.user, q=q, tag=tag, container=container)
    rows = rows.filter(host__name=host) if host else rows
    return page(rows.select_related("host", "container").prefetch_related("tags"), cursor, limit)


@routes.route("GET", "/checkpoints/{checkpoint_id}", right="see", answer=Checkpoint, summary="One checkpoint")
def checkpoint_detail(request, checkpoint_id: Id):
    return _one(request, checkpoint_id)


@routes.route(
    "GET", "/checkpoints/{checkpoint_id}/inspection", right="see", answer=Inspection, summary="What is inside it"
)
def checkpoint_inspection(request, checkpoint_id: Id):
    """As it was seen while the archive went by; the values of environment variables are not in it."""
    checkpoint = _one(request, checkpoint_id)
    return {"checkpoint": checkpoint, "facts": queries.inspection_of(checkpoint) or {}}


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


def _one(request, pk, right=None):
    return access.get_checkpoint_for(request.user, pk, right or request.right)


def _host(request, body):
    return access.get_host_for(request.user, body.host) if body.host else None


def _options(body):
    return replace(body.options(), name="")
