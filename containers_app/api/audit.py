"""The history: its events, their export, and its verification. Nobody changes an event."""

from datetime import datetime
from typing import Literal

from django.http import StreamingHttpResponse
from django.shortcuts import get_object_or_404
from ninja import Field, Query, Schema

from containers_app import access, exports, history
from containers_app.htmx import caller
from containers_app.models import AuditVerification
from containers_app.services import audit, evidence

from .fields import Day
from .frame import Cursor, Id, Limit, Page, Routes, page

routes = Routes(tags=["audit"])

TEXT = {"schema": {"type": "string"}}
LINES = {"responses": {200: {"content": {"application/jsonl": TEXT, "text/csv": TEXT}}}}


class Filters(Schema):
    """The same as on the history's page; those that are empty filter nothing."""

    q: str = Field("", max_length=200, description="Words, each as an event's word begins.")
    who: str = Field("", max_length=150)
    action: str = Field("", max_length=64, description="noun.verb in the past: checkpoint.taken.")
    result: Literal["", *history.RESULTS] = ""
    host: str = Field("", max_length=63)
    image: str = Field("", max_length=512)
    container: int | None = Field(None, ge=1, le=2**63 - 1, description="A container's id.")
    checkpoint: int | None = Field(None, ge=1, le=2**63 - 1, description="A checkpoint's id.")
    operation: int | None = Field(None, ge=1, le=2**63 - 1, description="An operation's id.")
    since: Day | None = Field(None, description="First day, in UTC.")
    until: Day | None = Field(None, description="Last day, in UTC.")


class Event(Schema):
    """One past fact. The export has the same names."""

    sequence: int = Field(description="Place in the chain: 1, 2, 3 … without a gap.")
    previous: str = Field(description="Digest of the event before.")
    digest: str = Field(description="SHA-256 over `previous` and every other field (docs/audit.md).")
    at: datetime
    action: str
    result: str
    actor_name: str
    actor_role: str
    authenticated: str = Field(description="How the actor had proved who it is; of a program `token` and its name.")
    source: str
    address: str | None
    request_id: str
    host_name: str
    container_id: int | None
    container_name: str
    checkpoint_id: int | None
    checkpoint_name: str
    image_name: str
    operation_id: int | None
    commands: list[list[str]]
    sentence: str = Field(description="What happened, after the actor's name.")
    details: dict
    before: dict | None
    after: dict | None


class Verification(Schema):
    id: int = Field(alias="pk")
    asked_by_name: str = Field(description="Empty: the schedule.")
    asked_at: datetime
    finished_at: datetime | None = Field(description="null: it is under way.")
    whole: bool | None = Field(description="Whether nothing was found; null while it is under way.")
    kind: str = Field(description="What was found, in one word; empty: nothing.")
    events: int = Field(description="Good ones, from the first on.")
    covered: int = Field(description="The last event that a signed head covers.")
    report: str

    @staticmethod
    def resolve_whole(row):
        return not row.kind if row.finished_at else None


@routes.route("GET", "/audit/events", right="read_audit", answer=Page[Event], summary="List events")
def audit_list(request, cursor: Cursor, limit: Limit, filters: Query[Filters]):
    return page(_events(request, filters), cursor, limit)


@routes.route(
    "GET", "/audit/export", right="export_audit", answer=None, summary="Export events, oldest first", extra=LINES
)
def audit_export(request, filters: Query[Filters], format: Literal["jsonl", "csv"] = "jsonl"):
    """That somebody took it is an event, written before the first line."""
    kind = exports.KINDS[format]
    chosen = filters.dict(exclude_defaults=True)
    exported = audit.record(
        by=caller(request),
        action="audit.exported",
        sentence=f"exported the history as {kind.words}",
        details={"filters": {name: str(value) for name, value in chosen.items()}, "format": kind.ending},
    )
    rows = history.events(request.user, **chosen).filter(pk__lt=exported.pk)
    rows = access.held_by(request.user, rows, "export_audit")
    return StreamingHttpResponse(exports.stream(rows, kind), content_type=kind.content_type)


@routes.route(
    "POST", "/audit/verify", right="verify_audit", answer=Verification, status=202, summary="Have it verified"
)
def audit_verify(request):
    """By the agent that holds the key, within seconds; ask for the verification until `whole` is not null."""
    return evidence.request_verification(by=caller(request))


@routes.route(
    "GET", "/audit/verifications", right="read_audit", answer=Page[Verification], summary="List verifications"
)
def verification_list(request, cursor: Cursor, limit: Limit):
    return page(AuditVerification.objects.all(), cursor, limit)


@routes.route(
    "GET", "/audit/verifications/{verification_id}", right="read_audit", answer=Verification, summary="One verification"
)
def verification_detail(request, verification_id: Id):
    access.require(request.user, request.right)
    return get_object_or_404(AuditVerification, pk=verification_id)


def _events(request, filters):
    return history.events(request.user, **filters.dict(exclude_defaults=True))
