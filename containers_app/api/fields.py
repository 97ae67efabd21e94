"""Fields that several nouns share, with their shapes as the document tells them; what they mean, the services know."""

import re
from dataclasses import fields
from datetime import date
from typing import Annotated

from ninja import Field, Schema
from pydantic import BeforeValidator, ConfigDict

from containers_app.runtime.types import RestoreOptions


def _day(value):
    """As RFC 3339 has it; a number is no day."""
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise ValueError("A day is written as 2026-11-24.")
    return value


Day = Annotated[date, BeforeValidator(_day)]
HostId = Annotated[int, Field(ge=1, le=2**63 - 1, description="The host's id.")]
Name = Annotated[str, Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$", description="A name that Podman takes.")]
ImageName = Annotated[
    str, Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._:/@-]{0,254}$", description="Such as docker.io/library/redis:7.")
]
Tags = Annotated[list[Annotated[str, Field(pattern="^[-a-zA-Z0-9_]{1,50}$")]], Field(max_length=50)]
Words = Annotated[list[str], Field(max_length=500, description="An argument list; no shell takes it apart.")]


class Body(Schema):
    """What is sent. A field that there is not is refused, not passed over: it may be a misspelt one. 0 is not false."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Ref(Schema):
    """One thing by its id here, and its name."""

    id: int = Field(alias="pk")
    name: str


class RestoreFlags(Body):
    """Podman's flags of `container restore`."""

    tcp_established: bool = False
    tcp_close: bool = False
    file_locks: bool = False
    ignore_rootfs: bool = False
    ignore_volumes: bool = False
    ignore_static_ip: bool = False
    ignore_static_mac: bool = False
    keep: bool = False
    forced: bool = Field(False, description="Go on where the preflight would refuse, if it may be forced.")

    def options(self):
        return as_options(RestoreOptions, self)


def as_options(kind, body):
    """The dataclass `kind` with those of its fields that `body` has."""
    return kind(**{field.name: getattr(body, field.name) for field in fields(kind) if hasattr(body, field.name)})
