"""The lineage: containers, their checkpoints, and the containers that came to be from those: one family as a list."""

from typing import Literal

from ninja import Field, Schema

from containers_app import access, families

from .frame import Id, Routes

routes = Routes(tags=["lineage"])

MOST = 2000  # nodes of one answer


class Kin(Schema):
    kind: Literal["container", "checkpoint", "fold"] = Field(description="fold: some that are not told one by one.")
    id: int | None = Field(alias="pk", description="Of the container or checkpoint; null for a fold.")
    name: str = Field(alias="title")
    note: str = Field(description="In a person's words: its state, or when it was taken.")
    here: bool = Field(description="It is the one that was asked about.")
    gone: bool = Field(description="The container was removed, the checkpoint discarded.")
    hidden: int = Field(description="How many a fold stands for.")
    parent: int | None = Field(description="Place in this list, from 0, of what it came from; null for the first.")


class Family(Schema):
    items: list[Kin] = Field(description="The first of the family first; nobody stands before what it came from.")
    left_out: int = Field(description="Nodes that were too many for one answer, the youngest generations.")


@routes.route(
    "GET", "/containers/{container_id}/lineage", right="see", answer=Family, summary="The family of a container"
)
def container_lineage(request, container_id: Id):
    """Where it came from and what came of it, removed and discarded ones too; what may not be seen is not in it."""
    container = access.get_container_for(request.user, container_id, request.right)
    return _family(families.family_of(request.user, container.pk, here=container))


@routes.route(
    "GET", "/checkpoints/{checkpoint_id}/lineage", right="see", answer=Family, summary="The family of a checkpoint"
)
def checkpoint_lineage(request, checkpoint_id: Id):
    """As of its container."""
    checkpoint = access.get_checkpoint_for(request.user, checkpoint_id, request.right)
    return _family(families.family_of(request.user, checkpoint.container_id, here=checkpoint))


def _family(root):
    """Generation by generation: a family may be deeper than Python, or a reader of JSON, goes."""
    rows, found, generation, left_out = [], 0, [(root, None)], 0
    while generation:
        below = []
        for node, parent in generation:
            if found == MOST:
                left_out += 1
                continue
            rows.append({**_row(node), "parent": parent})
            below += [(child, found) for child in node.children]
            found += 1
        generation = below
    return {"items": rows, "left_out": left_out}


def _row(node):
    names = ("kind", "pk", "title", "note", "here", "gone", "hidden")
    return {name: getattr(node, name) for name in names}
