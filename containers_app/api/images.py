"""Images: what is in the hosts' storage, pulled and removed."""

from datetime import datetime
from typing import Annotated

from ninja import Field, Query, Schema

from containers_app import access, queries
from containers_app.htmx import caller
from containers_app.services import images, pulls

from .fields import Body, HostId, ImageName, Ref
from .frame import Cursor, Id, Limit, Page, Routes, page, request_key
from .operations import Operation, accepted

routes = Routes(tags=["images"])


class Image(Schema):
    id: int = Field(alias="pk")
    host: Ref
    image_id: str = Field(description="Podman's own, 64 hexadecimal digits.")
    names: list[str]
    digest: str
    size_bytes: int
    created_at: datetime | None
    used_by: int = Field(description="How many containers of its host were made from it.")
    checkpoint: dict[str, str] = Field(description="Podman's annotations, of a checkpoint image; empty otherwise.")


class Pull(Body):
    host: HostId
    image: ImageName


@routes.route("GET", "/images", right="see", answer=Page[Image], summary="List images")
def image_list(
    request, cursor: Cursor, limit: Limit,
    q: Annotated[str, Query("", max_length=200, description="In a name, or how the ID begins.")],
    host: Annotated[str, Query("", max_length=63, description="The host's name.")],
):  # fmt: skip
    rows = queries.images(request.user, q=q)
    return page(rows.filter(host__name=host) if host else rows, cursor, limit)


@routes.route("POST", "/images", right="create", answer=Operation, status=202, summary="Pull an image")
def image_pull(request, body: Pull):
    host = access.get_host_for(request.user, body.host, "create")
    return accepted(
        request,
        pulls.request_pull(by=caller(request), host=host, image=body.image, request_key=request_key(request)),
    )


@routes.route("GET", "/images/{image_id}", right="see", answer=Image, summary="One image")
def image_detail(request, image_id: Id):
    image = access.get_image_for(request.user, image_id, request.right)
    image.used_by = images.users(image).count()
    return image


@routes.route(
    "POST", "/images/{image_id}/remove", right="manage_images", answer=Operation, status=202, summary="Remove it"
)
def image_remove(request, image_id: Id):
    """With all its names. While a container was made from it, it stays."""
    image = access.get_image_for(request.user, image_id, request.right)
    return accepted(
        request, images.request_image_remove(by=caller(request), image=image, request_key=request_key(request))
    )
