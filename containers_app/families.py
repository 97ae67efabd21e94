"""Reads of the lineage: the family of a container as a tree of lineage.Nodes. From the database alone.

A container came to be from one checkpoint at the most, and a checkpoint is of one container: so a family is a tree.
Four queries read it, whatever its size; what a person may not see is not in it.
"""

from django.db import connection
from django.db.models import Count, F, Q, Window
from django.db.models.functions import RowNumber
from django.urls import reverse

from . import access, shown
from .lineage import Node
from .models import Checkpoint, Container, Operation

MOST = 80  # nodes that are drawn before a family is folded
CONTAINERS = 2000  # of one family that are read
NEWEST = 60  # checkpoints of each container that are read, besides those that others came from
DEPTH = 500  # generations that are followed

# The first container of the family, then all that came to be from it.
FAMILY = """
    WITH RECURSIVE up(id, depth) AS (
      SELECT CAST(%s AS bigint), 0 UNION ALL
      SELECT checkpoint.container_id, up.depth + 1 FROM up
        JOIN containers_app_container container ON container.id = up.id
        JOIN containers_app_checkpoint checkpoint ON checkpoint.id = container.came_from_id
        WHERE up.depth < %s
    ), down(id, depth) AS (
      SELECT id, 0 FROM (SELECT id FROM up ORDER BY depth DESC LIMIT 1) first UNION ALL
      SELECT container.id, down.depth + 1 FROM down
        JOIN containers_app_checkpoint checkpoint ON checkpoint.container_id = down.id
        JOIN containers_app_container container ON container.came_from_id = checkpoint.id
        WHERE down.depth < %s
    ) SELECT id FROM down LIMIT %s"""


def family_of(user, container_pk, *, here):
    """The tree of this container's family; `here` is the row, a container or a checkpoint, that it is seen from."""
    with connection.cursor() as cursor:
        cursor.execute(FAMILY, [container_pk, DEPTH, 2 * DEPTH, CONTAINERS])
        keys = {key for (key,) in cursor.fetchall()} | {container_pk}
    containers = {row.pk: row for row in access.seen_by(user, _light(Container, "config")).filter(pk__in=keys)}
    checkpoints = _checkpoints(user, containers, here)
    in_place = _restored_in_place(checkpoints)
    boxes = {pk: _container_node(row, here) for pk, row in containers.items()}
    notes = {pk: _checkpoint_node(row, here, in_place.get(pk, 0)) for pk, row in checkpoints.items()}
    for pk, row in containers.items():
        if row.came_from_id in notes:
            notes[row.came_from_id].children.append(boxes[pk])
    for pk, row in checkpoints.items():
        if row.container_id in boxes:
            boxes[row.container_id].children.append(notes[pk])
    _tell_of_more(checkpoints, boxes)
    if container_pk not in boxes:
        return notes[here.pk]  # shared by another team, whose container it is
    return _highest(container_pk, containers, checkpoints, boxes, notes)


def _light(model, *heavy):
    return model.objects.select_related("host").defer(*heavy, "host__facts", "host__readiness")


def _checkpoints(user, containers, here):
    """{key: checkpoint} of these containers, oldest first: the newest of each, and all that have offspring.

    Also those that another team shares: `here`, and what containers came from.
    """
    parents = {row.came_from_id for row in containers.values() if row.came_from_id}
    kept = parents | ({here.pk} if isinstance(here, Checkpoint) else set())
    of = Window(RowNumber(), partition_by=F("container"), order_by=[F("taken_at").desc(), F("pk").desc()])
    family = Checkpoint.objects.filter(Q(container__in=containers) | Q(pk__in=kept))
    rows = access.seen_by(user, family).annotate(
        place=of, of_container=Window(Count("pk"), partition_by=F("container"))
    )
    found = rows.filter(Q(place__lte=NEWEST) | Q(pk__in=kept)).order_by("taken_at", "pk")
    fields = ("name", "container", "taken_at", "archive_bytes", "discarded_at", "verified_at", "pinned")
    return {row.pk: row for row in found.only(*fields)}


def _restored_in_place(checkpoints):
    """{checkpoint's key: how often its own container went on from it}."""
    restores = Operation.objects.filter(
        kind=Operation.Kind.RESTORE, state=Operation.State.SUCCEEDED, checkpoint__in=checkpoints,
        container=F("checkpoint__container"),
    )  # fmt: skip
    return dict(restores.order_by().values_list("checkpoint").annotate(Count("pk")))


def _container_node(row, here):
    state = shown.container_state(row)
    return Node(
        kind="container", title=row.name, url=reverse("container_detail", args=[row.pk]), tone=state.tone,
        note=f"{state.word} on {row.host.name}", here=row == here, gone=row.removed_at is not None,
        pk=row.pk,
    )  # fmt: skip


def _checkpoint_node(row, here, in_place):
    times = f" · went on from it {in_place} time{'' if in_place == 1 else 's'}" if in_place else ""
    return Node(
        kind="checkpoint", title=row.name, url=reverse("checkpoint_detail", args=[row.pk]), tone="ice",
        note=("discarded" if row.discarded_at else f"{row.taken_at:%-d %b %Y, %H:%M}") + times,
        here=row == here, gone=row.discarded_at is not None,
        pk=row.pk,
    )  # fmt: skip


def _tell_of_more(checkpoints, boxes):
    """Checkpoints of a container that were not read stand in the tree as one fold."""
    read = {}
    for row in checkpoints.values():
        read.setdefault(row.container_id, []).append(row)
    for pk, rows in read.items():
        hidden = rows[0].of_container - len(rows)
        if hidden and pk in boxes:
            address = f"{reverse('checkpoint_list')}?container={pk}"
            boxes[pk].children.append(Node("fold", f"{hidden:,} older ones", address, "not drawn", hidden=hidden))


def _highest(pk, containers, checkpoints, boxes, notes):
    """The first node of the line up from this container, as far as it may be seen."""
    for _ in range(DEPTH):
        parent = checkpoints.get(containers[pk].came_from_id)
        if parent is None:
            break
        if parent.container_id not in containers:
            return notes[parent.pk]
        pk = parent.container_id
    return boxes[pk]
