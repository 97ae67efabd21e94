"""What is inside checkpoints: as it was seen, what differs between two, and their memory, searched and compared."""

from datetime import datetime
from typing import Annotated, Any

from ninja import Field, Query, Schema

from containers_app import access, differences, queries
from containers_app.errors import Conflict
from containers_app.htmx import caller
from containers_app.models import MemorySearch as Search
from containers_app.models import Operation as Row
from containers_app.services import memory

from .fields import Body, Ref
from .frame import Cursor, Id, Limit, Page, Routes, page, request_key
from .operations import Operation, accepted

routes = Routes(tags=["checkpoints"])

CheckpointId = Annotated[int, Field(ge=1, le=2**63 - 1, description="A checkpoint's id.")]
Other = Annotated[int, Query(ge=1, le=2**63 - 1, description="The id of the checkpoint that it is compared with.")]


class Inspection(Schema):
    checkpoint: Ref
    facts: dict = Field(description="Processes, sockets, files, mounts; {} of one taken before Freezeframe looked.")


class Change(Schema):
    name: str
    before: Any
    after: Any


class Changed(Schema):
    row: dict = Field(description="As it is in the second.")
    changes: list[Change]


class Part(Schema):
    came: list[dict]
    went: list[dict]
    changed: list[Changed]
    same: int = Field(description="How many are the same in both.")


class ProcessMemory(Schema):
    pid: int
    comm: str
    before: int | None = Field(description="Bytes in the first one's dump; null: the process is not there.")
    after: int | None = Field(description="Bytes in the second one's dump.")


class Pages(Schema):
    """Pages of memory of one process."""

    pid: int
    same: int
    changed: int
    added: int
    gone: int


class Differences(Schema):
    first: Ref
    second: Ref
    seen: bool = Field(description="False: one of them was taken before Freezeframe looked; then there is no more.")
    processes: Part | None = None
    files: Part | None = None
    sockets: Part | None = None
    environment: Part | None = Field(None, description="Names alone.")
    rootfs: Part | None = Field(None, description="Files that the containers had changed of their image.")
    configuration: list[Change] = []
    memory: list[ProcessMemory] = []
    pages: list[Pages] | None = Field(description="Page by page; null: nobody has asked for that yet.")


class Compare(Body):
    other: CheckpointId


class SearchMemory(Body):
    pattern: str = Field(min_length=1, max_length=1000, description="Bytes as they lie in memory; text as UTF-8.")
    regular: bool = Field(False, description="It is a regular expression (RE2's).")
    ignore_case: bool = False


class MemorySearch(Schema):
    id: int = Field(alias="pk", description="Its operation's id.")
    state: str = Field(description="The operation's: queued, started, succeeded, failed, cancelled or lost.")
    pattern: str
    regular: bool
    ignore_case: bool
    requested_at: datetime
    finished_at: datetime | None
    found: int | None = Field(description="Places; null: it has not come to its end.")
    whole: bool | None = Field(description="False: it ended at a limit, so there may be more.")
    searched_bytes: int | None

    @staticmethod
    def _said(row, name):
        found = getattr(row, "memory_search", None)
        return getattr(found, name) if found else None

    @staticmethod
    def resolve_pattern(row):
        return row.options.get("pattern", "")

    @staticmethod
    def resolve_regular(row):
        return row.options.get("regular", False)

    @staticmethod
    def resolve_ignore_case(row):
        return row.options.get("ignore_case", False)

    @staticmethod
    def resolve_found(row):
        return MemorySearch._said(row, "found")

    @staticmethod
    def resolve_whole(row):
        return MemorySearch._said(row, "whole")

    @staticmethod
    def resolve_searched_bytes(row):
        return MemorySearch._said(row, "searched_bytes")


class Hit(Schema):
    pid: int
    name: str = Field(description="The process's name.")
    address: str = Field(description="In hex.")
    member: str = Field(description="Of the archive.")
    offset: int = Field(description="Bytes into that member.")
    size: int
    before: str
    match: str
    after: str
    others: list = Field(description="Other processes that have the same page.")


class Hits(Schema):
    operation: int
    hits: list[Hit] | None = Field(description="In order; null: they were wiped, a day after the search.")


@routes.route(
    "GET", "/checkpoints/{checkpoint_id}/inspection", right="see", answer=Inspection, summary="What is inside it"
)
def checkpoint_inspection(request, checkpoint_id: Id):
    """As it was seen while the archive went by; the values of environment variables are not in it."""
    checkpoint = access.get_checkpoint_for(request.user, checkpoint_id, request.right)
    return {"checkpoint": checkpoint, "facts": queries.inspection_of(checkpoint) or {}}


@routes.route(
    "GET", "/checkpoints/{checkpoint_id}/differences", right="see", answer=Differences,
    summary="What differs from another one",
)  # fmt: skip
def checkpoint_differences(request, checkpoint_id: Id, other: Other):
    """What came, went and changed from this one to the other. Of memory the sizes; its pages once compared."""
    pair = [access.get_checkpoint_for(request.user, pk, request.right) for pk in (checkpoint_id, other)]
    seen = [queries.inside(checkpoint, *differences.FACTS) for checkpoint in pair]
    compared = queries.memory_comparison(*pair)
    found = {"first": pair[0], "second": pair[1], "seen": all(seen)}
    found["pages"] = compared["rows"] if compared["done"] else None
    if not all(seen):
        return found
    parts = differences.parts(*seen)
    return {
        **found,
        **{name: _part(parts[name]) for name in ("processes", "files", "sockets", "environment", "rootfs")},
        "configuration": [_change(change) for change in parts["configuration"]],
        "memory": parts["memory"],
    }


def _part(part):
    changed = [{"row": row, "changes": [_change(change) for change in changes]} for row, changes in part["changed"]]
    return {**part, "changed": changed}


def _change(change):
    return dict(zip(("name", "before", "after"), change, strict=True))


@routes.route(
    "POST", "/checkpoints/{checkpoint_id}/compare-memory", right="operate", answer=Operation, status=202,
    summary="Compare its memory, page by page",
)  # fmt: skip
def checkpoint_compare_memory(request, checkpoint_id: Id, body: Compare):
    """Counts the pages that are the same in another checkpoint; `differences` has them then. Both must be operable."""
    first, second = (
        access.get_checkpoint_for(request.user, pk, request.right) for pk in (checkpoint_id, body.other)
    )  # fmt: skip
    return accepted(
        request,
        memory.request_compare(by=caller(request), first=first, second=second, request_key=request_key(request)),
    )


@routes.route(
    "POST", "/checkpoints/{checkpoint_id}/memory-searches", right="search_memory", answer=Operation, status=202,
    summary="Search its memory",
)  # fmt: skip
def checkpoint_search_memory(request, checkpoint_id: Id, body: SearchMemory):
    """The pattern stands in the history as it was sent. What is found is memory: `hits` of the operation tells it."""
    checkpoint = access.get_checkpoint_for(request.user, checkpoint_id, request.right)
    return accepted(
        request,
        memory.request_search(
            by=caller(request), checkpoint=checkpoint, request_key=request_key(request), **body.dict()
        ),
    )  # fmt: skip


@routes.route(
    "GET", "/checkpoints/{checkpoint_id}/memory-searches", right="search_memory", answer=Page[MemorySearch],
    summary="Searches of its memory so far",
)  # fmt: skip
def checkpoint_memory_searches(request, checkpoint_id: Id, cursor: Cursor, limit: Limit):
    checkpoint = access.get_checkpoint_for(request.user, checkpoint_id, request.right)
    rows = checkpoint.operations.filter(kind=Row.Kind.MEMORY_SEARCH).select_related("memory_search")
    return page(rows.defer(*queries.OPERATION_HEAVY, "memory_search__hits"), cursor, limit)


@routes.route(
    "GET", "/operations/{operation_id}/hits", right="search_memory", answer=Hits, summary="What a search has found"
)
def operation_hits(request, operation_id: Id):
    """It is memory, so each look is an event. 409 while the search has not come to its end, and of other operations."""
    operation = access.get_operation_for(request.user, operation_id, request.right)
    search = Search.objects.select_related("checkpoint", "operation").filter(operation=operation).first()
    if search is None:
        raise Conflict("There are no hits of this operation.", remedy="Ask once a search of memory has succeeded.")
    access.get_checkpoint_for(request.user, operation.checkpoint_id, request.right)
    return {"operation": operation.pk, "hits": memory.see_hits(by=caller(request), search=search)}
