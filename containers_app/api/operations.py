"""Operations: everything slow or dangerous, from request to outcome; and a wait for the end that blocks nobody."""

import asyncio
import json
from contextlib import suppress
from datetime import datetime
from typing import Annotated

from asgiref.sync import sync_to_async
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import reverse
from ninja import Field, Query, Schema

from containers_app import access, queries, signals
from containers_app.htmx import caller
from containers_app.models import Operation as Row
from containers_app.services import operations

from .fields import Ref
from .frame import Cursor, Id, Limit, Page, Routes, page

routes = Routes(tags=["operations"])

LONGEST_WAIT = 60  # seconds
LOOK = 2  # seconds between two looks at the row while no signal comes
RELATED = ("host", "container", "checkpoint", "requested_by", "taken_checkpoint")
Word = Annotated[str, Query("", max_length=200)]


class Phase(Schema):
    name: str
    at: datetime


class OperationSummary(Schema):
    id: int = Field(alias="pk")
    kind: str = Field(description="checkpoint, restore, start, pull …")
    state: str = Field(description="queued, started, succeeded, failed, cancelled or lost.")
    finished: bool
    host: Ref
    container: Ref | None
    checkpoint: Ref | None = Field(description="The checkpoint that it restores.")
    target_name: str = Field(description="Name of the container or image that it makes.")
    requested_by: str | None
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    phase: str = Field(description="What it does now, in a person's words.")
    progress_bytes: int
    expected_bytes: int
    summary: str = Field(description="What came of it, in one sentence.")
    failure: str = Field(description="A stable word for why it failed; empty otherwise.")

    @staticmethod
    def resolve_requested_by(row):
        return row.requested_by.get_username() if row.requested_by_id else None


class Operation(OperationSummary):
    taken_checkpoint: Ref | None = Field(description="The checkpoint that it made.")
    phases: list[Phase]
    options: dict = Field(description="Podman's flag names; of environment variables the names alone.")
    commands: list[list[str]] = Field(description="The exact argument lists that were run, in order.")
    output: str
    criu_log: str = Field(description="The end of CRIU's own log, of a failed dump or restore.")
    cause: str = Field(description="Why it failed, in plain words.")
    remedy: str = Field(description="What to do about it.")
    statistics: dict[str, int] = Field(description="Under CRIU's and Podman's names; times in µs.")

    @staticmethod
    def resolve_taken_checkpoint(row):
        return getattr(row, "taken_checkpoint", None)

    @staticmethod
    def resolve_options(row):
        return operations.without_values(row.options)

    @staticmethod
    def resolve_statistics(row):
        return row.result.get("statistics", {})


def accepted(request, row):
    """202 with the operation that was asked for, and where it is."""
    answer = HttpResponse(as_json(row), status=202, content_type="application/json")
    answer["Location"] = reverse("api:operation_detail", args=[row.pk])
    return answer


def as_json(row):
    return json.dumps(Operation.from_orm(row).model_dump(mode="json"))


@routes.route("GET", "/operations", right="see", answer=Page[OperationSummary], summary="List operations")
def operation_list(request, cursor: Cursor, limit: Limit, q: Word, state: Word):
    """`q` looks in the names of containers, checkpoints and what is to be made; `state` is one of an operation's."""
    rows = queries.operations(request.user, q=q)
    if state:
        rows = rows.filter(state=state)
    return page(rows.select_related(*RELATED[:-1]).defer(*queries.OPERATION_HEAVY), cursor, limit)


@routes.route("GET", "/operations/{operation_id}", right="see", answer=Operation, summary="One operation")
def operation_detail(request, operation_id: Id):
    return access.get_operation_for(request.user, operation_id, request.right)


@routes.route("POST", "/operations/{operation_id}/cancel", right="operate", answer=Operation, summary="Cancel it")
def operation_cancel(request, operation_id: Id):
    """Only while it is queued: what has begun comes to its end."""
    row = access.get_operation_for(request.user, operation_id, request.right)
    operations.cancel(by=caller(request), operation=row)
    return row


Timeout = Annotated[int, Query(30, ge=0, le=LONGEST_WAIT, description="Seconds after which it is answered anyway.")]


@routes.route("GET", "/operations/{operation_id}/wait", right="see", answer=Operation, summary="Wait for its end")
async def operation_wait(request, operation_id: Id, timeout: Timeout):
    """Answers when it has ended, or as it stands after `timeout` seconds: see `finished`. Ask again to wait longer."""
    await sync_to_async(access.get_operation_for)(request.user, operation_id, request.right)
    return StreamingHttpResponse(_ended(operation_id, timeout), content_type="application/json")


async def _ended(pk, timeout):
    """The operation as JSON, once. As a stream it keeps no worker busy, as the answer of a view would."""
    now = asyncio.get_running_loop().time
    deadline, wanted = now() + timeout, {f"operation-{pk}", signals.CONNECTED}
    if timeout and not await _finished(pk):
        async with signals.hub.listener(None) as listener:
            while not await _finished(pk) and (left := deadline - now()) > 0:
                await _news(listener, wanted, min(left, LOOK))
    yield await sync_to_async(_written)(pk)


async def _news(listener, wanted, seconds):
    """Until one of the `wanted` signals comes, or so many seconds have gone by."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not wanted & {signal for signal, *_ in await listener.next(timeout=seconds)}:
                pass


async def _finished(pk):
    return not await Row.objects.filter(pk=pk, state__in=Row.UNFINISHED).aexists()


def _written(pk):
    return as_json(Row.objects.select_related(*RELATED).get(pk=pk))
