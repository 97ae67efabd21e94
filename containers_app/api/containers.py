"""Containers: what Podman last said of them, and everything that can be asked of one. Each verb is an operation."""

from datetime import datetime
from typing import Annotated, Literal

from ninja import Field, Query, Schema

from containers_app import access, queries
from containers_app.errors import Conflict
from containers_app.htmx import caller
from containers_app.models import Operation as Row
from containers_app.runtime.types import CheckpointOptions
from containers_app.services import checkpoint_images, checkpoints, executions, images, lifecycle, restores, secrets

from .fields import Body, HostId, ImageName, Name, Ref, RestoreFlags, Tags, Words, as_options
from .frame import Cursor, Id, Limit, Page, Routes, page, request_key
from .operations import Operation, accepted

routes = Routes(tags=["containers"])
Kind = Row.Kind
SECRET = {"env"}  # of a container's configuration: by right, at an address of its own


class ContainerSummary(Schema):
    id: int = Field(alias="pk")
    host: Ref
    container_id: str = Field(description="Podman's own, 64 hexadecimal digits.")
    name: str
    image_id: str
    image_name: str
    state: str = Field(description="Podman's own word: running, exited, paused, created …")
    checkpointed: bool = Field(description="True when it stands still with a dump that can be restored in place.")
    exit_code: int
    created_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    checkpointed_at: datetime | None
    restored_at: datetime | None
    ports: list[str]
    oci_runtime: str
    seen_at: datetime = Field(description="When Podman was asked last.")
    removed_at: datetime | None


class Container(ContainerSummary):
    command: list[str]
    config: dict = Field(description="As Podman has it; without the environment.")
    mount_point: str
    restored_from: Ref | None
    operation: Ref | None = Field(description="The operation that it is busy with.")

    @staticmethod
    def resolve_config(row):
        return {name: value for name, value in row.config.items() if name not in SECRET}

    @staticmethod
    def resolve_operation(row):
        found = row.operations.filter(state__in=Row.UNFINISHED).first()
        return found and {"pk": found.pk, "name": found.kind}


class Create(Body):
    """As `podman create`, under its flag names."""

    host: HostId
    name: Name
    image: ImageName
    command: Words = []
    env: list[str] = Field([], description="NAME=value, one each.", max_length=500)
    start: bool = True
    publish: list[str] = []
    volume: list[str] = Field([], description="A host's path needs the right create_privileged.")
    label: list[str] = []
    memory: str = ""
    cpus: str = ""
    user: str = ""
    tty: bool = False
    init: bool = False
    restart: str = ""
    ulimit: list[str] = []
    cap_drop: list[str] = []
    pod: str = ""
    privileged: bool = Field(False, description="Needs the right create_privileged, as cap_add and security_opt do.")
    cap_add: list[str] = []
    security_opt: list[str] = []


class CheckpointFlags(Body):
    mode: Literal["stop", "keep_running", "copy"] = Field(
        "stop", description="What becomes of the container; `copy` restores it in place at once."
    )
    tcp_established: bool = False
    file_locks: bool = False
    ignore_rootfs: bool = False
    ignore_volumes: bool = False


class Checkpoint(CheckpointFlags):
    name: str = Field("", max_length=120, description="Empty: the container's name and a number.")
    note: str = Field("", max_length=2000)
    tags: Tags = []
    forced: bool = Field(False, description="Go on where the preflight would refuse, if it may be forced.")


class CheckpointImage(CheckpointFlags):
    image: ImageName


class Kill(Body):
    signal: Literal[lifecycle.SIGNALS] = "KILL"


class Remove(Body):
    force: bool = Field(False, description="Kill it first, where it runs.")
    volumes: bool = Field(False, description="Its anonymous volumes too.")


class Rename(Body):
    name: Name


class Commit(Body):
    image: ImageName
    pause: bool = True


class Exec(Body):
    command: Words = Field(min_length=1)
    user: str = Field("", max_length=129)
    workdir: str = Field("", max_length=1024)
    seconds: int = Field(executions.SECONDS, ge=1, le=executions.MOST_SECONDS)


class Variable(Schema):
    name: str
    value: str


@routes.route("GET", "/containers", right="see", answer=Page[ContainerSummary], summary="List containers")
def container_list(
    request, cursor: Cursor, limit: Limit,
    q: Annotated[str, Query("", max_length=200, description="In the name or image, or how the ID begins.")],
    host: Annotated[str, Query("", max_length=63, description="The host's name.")],
    state: Annotated[str, Query("", max_length=32)],
    removed: Annotated[bool, Query(False, description="True: those that are gone.")],
):  # fmt: skip
    rows = queries.containers(request.user, q=q).filter(removed_at__isnull=not removed)
    rows = rows.filter(**{name: value for name, value in {"host__name": host, "state": state}.items() if value})
    return page(rows.select_related("host").defer("config"), cursor, limit)


@routes.route("POST", "/containers", right="create", answer=Operation, status=202, summary="Create a container")
def container_create(request, body: Create):
    """The image is pulled first when the host does not have it."""
    values = body.dict()
    values["host"] = access.get_host_for(request.user, values["host"], "create")
    return accepted(request, lifecycle.request_create(by=caller(request), request_key=request_key(request), **values))


@routes.route("GET", "/containers/{container_id}", right="see", answer=Container, summary="One container")
def container_detail(request, container_id: Id):
    return _one(request, container_id)


@routes.route(
    "GET", "/containers/{container_id}/environment", right="see_environment", answer=list[Variable],
    summary="Its environment",
)  # fmt: skip
def container_environment(request, container_id: Id):
    """The values may be secrets: each look is an event."""
    pairs = secrets.see_environment(by=caller(request), container=_one(request, container_id))
    return [{"name": name, "value": value} for name, value in pairs]


@routes.route(
    "POST", "/containers/{container_id}/checkpoint", right="checkpoint", answer=Operation, status=202,
    summary="Checkpoint it into the catalog",
)  # fmt: skip
def container_checkpoint(request, container_id: Id, body: Checkpoint = Checkpoint()):  # noqa: B008
    named = {name: getattr(body, name) for name in ("name", "note", "tags", "mode", "forced")}
    return accepted(
        request,
        checkpoints.request_checkpoint(
            by=caller(request), container=_one(request, container_id), request_key=request_key(request),
            options=as_options(CheckpointOptions, body), **named,
        ),
    )  # fmt: skip


@routes.route(
    "POST", "/containers/{container_id}/checkpoint-image", right="checkpoint", answer=Operation, status=202,
    summary="Checkpoint it into an image of its host",
)  # fmt: skip
def container_checkpoint_image(request, container_id: Id, body: CheckpointImage):
    return accepted(
        request,
        checkpoint_images.request_checkpoint_image(
            by=caller(request), container=_one(request, container_id), image=body.image, mode=body.mode,
            options=as_options(CheckpointOptions, body), request_key=request_key(request),
        ),
    )  # fmt: skip


@routes.route(
    "POST", "/containers/{container_id}/restore", right="restore", answer=Operation, status=202,
    summary="Restore it in place",
)  # fmt: skip
def container_restore(request, container_id: Id, body: RestoreFlags = RestoreFlags()):  # noqa: B008
    """It goes on from the checkpoint that it stands still since. Any other is restored at its own address."""
    container = _one(request, container_id)
    checkpoint = queries.dump_of(request.user, container)
    if checkpoint is None:
        raise Conflict(f"{container.name} does not stand still since a checkpoint of the catalog.")
    return accepted(
        request,
        restores.request_restore(
            by=caller(request), checkpoint=access.get_checkpoint_for(request.user, checkpoint.pk, request.right),
            name="", options=body.options(), forced=body.forced, request_key=request_key(request),
        ),
    )  # fmt: skip


@routes.route(
    "POST", "/containers/{container_id}/commit", right="operate", answer=Operation, status=202,
    summary="Make an image of its files",
)  # fmt: skip
def container_commit(request, container_id: Id, body: Commit):
    return _asked(request, container_id, images.request_commit, **body.dict())


@routes.route(
    "POST", "/containers/{container_id}/exec", right="exec", answer=Operation, status=202, summary="Run one command"
)
def container_exec(request, container_id: Id, body: Exec):
    """The operation's `output` holds the end of what it wrote."""
    return _asked(request, container_id, executions.request_exec, **body.dict())


@routes.route(
    "POST", "/containers/{container_id}/rename", right="operate", answer=Operation, status=202, summary="Rename it"
)
def container_rename(request, container_id: Id, body: Rename):
    return _asked(request, container_id, lifecycle.request_rename, name=body.name)


@routes.route(
    "POST", "/containers/{container_id}/kill", right="operate", answer=Operation, status=202, summary="Send a signal"
)
def container_kill(request, container_id: Id, body: Kill = Kill()):  # noqa: B008
    options = {} if body.signal == "KILL" else {"signal": body.signal}
    return _asked(request, container_id, lifecycle.request_act, kind=Kind.KILL, **options)


@routes.route(
    "POST", "/containers/{container_id}/remove", right="operate", answer=Operation, status=202, summary="Remove it"
)
def container_remove(request, container_id: Id, body: Remove = Remove()):  # noqa: B008
    options = {name: True for name, value in body.dict().items() if value}
    return _asked(request, container_id, lifecycle.request_act, kind=Kind.REMOVE, **options)


@routes.route(
    "POST", "/containers/{container_id}/start", right="operate", answer=Operation, status=202, summary="Start it"
)
def container_start(request, container_id: Id):
    return _asked(request, container_id, lifecycle.request_act, kind=Kind.START)


@routes.route(
    "POST", "/containers/{container_id}/stop", right="operate", answer=Operation, status=202, summary="Stop it"
)
def container_stop(request, container_id: Id):
    return _asked(request, container_id, lifecycle.request_act, kind=Kind.STOP)


@routes.route(
    "POST", "/containers/{container_id}/restart", right="operate", answer=Operation, status=202, summary="Restart it"
)
def container_restart(request, container_id: Id):
    return _asked(request, container_id, lifecycle.request_act, kind=Kind.RESTART)


@routes.route(
    "POST", "/containers/{container_id}/pause", right="operate", answer=Operation, status=202, summary="Pause it"
)
def container_pause(request, container_id: Id):
    return _asked(request, container_id, lifecycle.request_act, kind=Kind.PAUSE)


@routes.route(
    "POST", "/containers/{container_id}/unpause", right="operate", answer=Operation, status=202, summary="Unpause it"
)
def container_unpause(request, container_id: Id):
    return _asked(request, container_id, lifecycle.request_act, kind=Kind.UNPAUSE)


@routes.route(
    "POST", "/containers/{container_id}/init", right="operate", answer=Operation, status=202, summary="Initialize it"
)
def container_init(request, container_id: Id):
    """Everything is made ready for its first process, which does not run yet."""
    return _asked(request, container_id, lifecycle.request_act, kind=Kind.INIT)


@routes.route(
    "POST", "/containers/{container_id}/mount", right="operate", answer=Operation, status=202, summary="Mount its files"
)
def container_mount(request, container_id: Id):
    return _asked(request, container_id, lifecycle.request_act, kind=Kind.MOUNT)


@routes.route(
    "POST", "/containers/{container_id}/unmount", right="operate", answer=Operation, status=202,
    summary="Unmount its files",
)  # fmt: skip
def container_unmount(request, container_id: Id):
    return _asked(request, container_id, lifecycle.request_act, kind=Kind.UNMOUNT)


def _one(request, pk):
    return access.get_container_for(request.user, pk, request.right)


def _asked(request, pk, service, **values):
    """What `service` makes of it, once it is seen that this may be asked of this container."""
    container = _one(request, pk)
    return accepted(
        request, service(by=caller(request), container=container, request_key=request_key(request), **values)
    )
