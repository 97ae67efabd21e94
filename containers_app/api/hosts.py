"""Hosts: are they there, can they checkpoint and restore, and the proof of it."""

from datetime import datetime

from ninja import Field, Schema

from containers_app import access, queries
from containers_app.htmx import caller
from containers_app.services import selftests

from .frame import Cursor, Id, Limit, Page, Routes, page, request_key
from .operations import Operation, accepted

routes = Routes(tags=["hosts"])


class Check(Schema):
    key: str
    title: str
    level: str = Field(description="ok, warn or block.")
    detail: str
    remedy: str


class Host(Schema):
    id: int = Field(alias="pk")
    name: str
    away: bool = Field(description="True when its agent has not been heard of for 30 seconds.")
    ready: bool = Field(description="True when it is there and nothing of its checklist blocks.")
    watcher_seen_at: datetime | None
    worker_seen_at: datetime | None
    listed_at: datetime | None = Field(description="When its inventory was last read in full.")
    container_count: int
    image_count: int
    checkpoint_count: int


class HostDetail(Host):
    facts: dict = Field(description="What its agent measured: versions, kernel, OCI runtime, the flags of its Podman.")
    readiness: list[Check]


@routes.route("GET", "/hosts", right="see", answer=Page[Host], summary="List hosts")
def host_list(request, cursor: Cursor, limit: Limit):
    return page(queries.hosts(request.user), cursor, limit)


@routes.route("GET", "/hosts/{host_id}", right="see", answer=HostDetail, summary="One host, with its checklist")
def host_detail(request, host_id: Id):
    host = access.get_host_for(request.user, host_id, request.right)
    return queries.hosts(request.user).get(pk=host.pk)


@routes.route(
    "POST", "/hosts/{host_id}/selftest", right="operate", answer=Operation, status=202, summary="Ask for a self-test"
)
def host_selftest(request, host_id: Id):
    """Runs a looper, checkpoints and restores it, and proves that it counted on."""
    host = access.get_host_for(request.user, host_id, request.right)
    return accepted(
        request, selftests.request_selftest(by=caller(request), host=host, request_key=request_key(request))
    )
