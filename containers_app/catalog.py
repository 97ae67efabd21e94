"""Reads of the catalog: filters, orders, pages, totals, and what can be chosen. From the database alone.

Fast at 100,000 checkpoints: rows are long, so whatever looks at many of them reads indexes alone (models/catalog.py),
and only the rows of one page are fetched; pages go by place and never count.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import BooleanField, Count, Exists, F, Func, OuterRef, Q, Subquery, Sum
from django.db.models.expressions import RawSQL

from . import access, words
from .models import Checkpoint, SearchText, Tag
from .models.catalog import IN_CATALOG, Provenance

PAGE = 50  # checkpoints of a page
CHOICES = 100  # values that are offered of one filter; any other can be typed
HEAVY = ("members", "completed_paths", "facts", "command")  # long columns that no list shows
MIB = 1024**2

# Key: what people read, the column, and whether the largest comes first.
SORTS = {
    "newest": ("newest first", "taken_at", True),
    "oldest": ("oldest first", "taken_at", False),
    "name": ("by name", "name", False),
    "largest": ("largest first", "archive_bytes", True),
    "smallest": ("smallest first", "archive_bytes", False),
    "frozen": ("longest frozen first", "frozen_time", True),
}
EQUAL = {
    "container": "container_id", "of": "container_name", "image": "image_name", "host": "host_id",
    "who": "taken_by_name", "engine": "engine",
}  # fmt: skip
ENGINES = {"podman": "Podman", "cri-o": "CRI-O", "containerd": "containerd"}
YES, NO = "yes", "no"


def seen(user):
    """What is in the catalog, as far as `user` may see it."""
    return access.seen_by(user, Checkpoint.objects.filter(IN_CATALOG))


def checkpoints(user, *, q="", tag="", since=None, until=None, **filters):
    """Those in the catalog that fit all filters, in no order.

    `q` is words, each the beginning of one that the checkpoint has; `since` and `until` are days, both included;
    `larger` and `smaller` are MiB of the stored archive; `pinned`, `favourite`, `verified`, `flawed` and
    `imported` are YES or NO; the rest are names of EQUAL. Empty ones filter nothing.
    """
    rows = seen(user).filter(**{column: filters[name] for name, column in EQUAL.items() if filters.get(name)})
    if since:
        rows = rows.filter(taken_at__gte=_begin_of(since))
    if until:
        rows = rows.filter(taken_at__lt=_begin_of(until + timedelta(days=1)))
    if filters.get("larger"):
        rows = rows.filter(archive_bytes__gte=int(filters["larger"] * MIB))
    if filters.get("smaller"):
        rows = rows.filter(archive_bytes__lte=int(filters["smaller"] * MIB))
    if filters.get("pinned"):
        rows = rows.filter(pinned=filters["pinned"] == YES)
    if filters.get("verified"):
        rows = rows.filter(verified_at__isnull=filters["verified"] == NO)
    if filters.get("flawed"):
        rows = rows.exclude(flaw="") if filters["flawed"] == YES else rows.filter(flaw="")
    if filters.get("imported"):
        here = Q(provenance__in=(Provenance.TAKEN, Provenance.TRUSTED))
        rows = rows.filter(~here if filters["imported"] == YES else here)
    if filters.get("favourite"):
        mine = Subquery(Checkpoint.favourite_of.through.objects.filter(user_id=user.pk).values("checkpoint_id"))
        rows = _among(rows, mine) if filters["favourite"] == YES else rows.filter(~_Among(F("pk"), mine))
    if tag:
        rows = _among(rows, Subquery(Checkpoint.tags.through.objects.filter(tag__name=tag).values("checkpoint_id")))
    return _among(rows, RawSQL(*words.keys(q, SearchText))) if q else rows  # noqa: S611 - with parameters


class _Among(Func):
    """`key IN (set)`, where the set is made once and asked for each entry of an index.

    SQLite would rather fetch the row of every member; the `+` forbids it.
    """

    template = "%(expressions)s"
    arg_joiner = " IN "
    output_field = BooleanField()

    def as_sqlite(self, compiler, connection, **context):
        return self.as_sql(compiler, connection, template="+%(expressions)s", **context)


def _among(rows, keys):
    return rows.filter(_Among(F("pk"), keys))


def _begin_of(day):
    return datetime.combine(day, time.min, UTC)


def totals(rows):
    """{count, logical, stored} of all of them; sizes in bytes."""
    return rows.order_by().aggregate(count=Count("pk"), logical=Sum("unpacked_bytes"), stored=Sum("archive_bytes"))


@dataclass(frozen=True)
class Page:
    """Some checkpoints in order, and the places to go on from: None where there are no more on that side."""

    rows: list
    newer: int | None = None
    older: int | None = None


def page(rows, user, sort, *, before=None, after=None, size=None):
    """The Page of `rows` that stands behind the checkpoint `before`, or in front of `after`; else the first one.

    It has `size` rows, or PAGE. In the words of the history's pages: `older` is further down, `newer` further up.
    Each row has `.is_favourite`.
    """
    _, column, largest_first = SORTS.get(sort, SORTS["newest"])
    size = size or PAGE
    place = after if after is not None else before
    value = seen_value(user, place, column) if place is not None else None
    up = value is not None and after is not None
    if value is not None:
        rows = _beyond(rows, column, largest_first != up, value, place)
    found = _fetched(rows, user, column, largest_first != up, size)
    more, found = len(found) > size, found[:size][:: -1 if up else 1]
    first, last = (found[0].pk, found[-1].pk) if found else (None, None)
    if up:
        return Page(found, first if more else None, last)
    return Page(found, first if value is not None else None, last if more else None)


def seen_value(user, pk, column):
    """That column of a checkpoint that `user` may see, discarded or not; None of any other."""
    return access.seen_by(user, Checkpoint.objects.filter(pk=pk)).values_list(column, flat=True).first()


def _beyond(rows, column, largest_first, value, pk):
    """Those that stand behind (value, pk). The first condition is for the index, the second for rows of equal value."""
    side = "lt" if largest_first else "gt"
    behind = Q(**{f"{column}__{side}": value}) | Q(**{f"pk__{side}": pk})
    return rows.filter(behind, **{f"{column}__{side}e": value})


def _fetched(rows, user, column, largest_first, size):
    """The first `size` + 1 of `rows`, with what a list shows of them: found in an index, then fetched."""
    order = (f"-{column}", "-pk") if largest_first else (column, "pk")
    keys = rows.order_by(*order).values("pk")[: size + 1]
    mine = Checkpoint.favourite_of.through.objects.filter(checkpoint_id=OuterRef("pk"), user_id=user.pk)
    found = Checkpoint.objects.filter(pk__in=keys).select_related("host").annotate(is_favourite=Exists(mine))
    found = found.defer(*HEAVY, "host__facts", "host__readiness").prefetch_related("tags", "shared_with")
    return list(found.order_by(*order))


def others_of(checkpoint):
    """How many other checkpoints the catalog has of the same container."""
    return Checkpoint.objects.filter(IN_CATALOG, container=checkpoint.container_id).exclude(pk=checkpoint.pk).count()


def choices(user):
    """{"of": […], "image": […], "who": […], "tag": […]}: what the catalog knows of each, in one query.

    Steps from value to value in the index, so it takes no longer at 100,000.
    """
    found = {"of": [], "image": [], "who": [], "tag": []}
    parts, parameters = [], []
    for name in ("of", "image", "who"):
        try:
            part, values = _steps(seen(user), name, EQUAL[name])
        except EmptyResultSet:  # this person sees nothing
            return found
        parts.append(part)
        parameters += values
    tags, values = _tags(user).values_list("name")[:CHOICES].query.sql_with_params()
    parts.append(f"SELECT 'tag', name FROM ({tags}) tags")  # noqa: S608 - nothing in it came from people
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), [*parameters, *values])
        for name, value in cursor.fetchall():
            found[name].append(value)
    return found


def _tags(user):
    """Tags of something that `user` may see; all of them where that is everything."""
    if user.is_superuser:
        return Tag.objects.all()
    one = seen(user).filter(tags=OuterRef("pk")).order_by().values("pk")[:1]  # EXISTS makes PostgreSQL read all of them
    return Tag.objects.alias(one=Subquery(one)).exclude(one=None)


def _steps(rows, name, column):
    """(SQL, parameters) that step through the distinct values of a column."""
    inner, values = rows.order_by().values_list(column).query.sql_with_params()
    lowest = f"SELECT MIN({column}) FROM ({inner}) found"  # noqa: S608 - nothing in it came from people
    steps = f"""
        SELECT '{name}', value FROM (WITH RECURSIVE step(value) AS (
          SELECT * FROM ({lowest}) first UNION ALL
          SELECT ({lowest} WHERE {column} > step.value) FROM step WHERE step.value IS NOT NULL
        ) SELECT value FROM step WHERE value <> '' LIMIT {CHOICES}) AS {name}_values"""  # noqa: S608
    return steps, [*values, *values]
