"""Reads of the audit history: filters, pages, the days' activity, and what proves it. From the database alone.

Fast at a million events: every filter has an index, pages go by place in the chain and never count, words are searched
in an index of their own (migrations/_words.py).
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import partial
from itertools import pairwise

from django.db import connection
from django.db.models import Count, F, Subquery
from django.db.models.functions import TruncDate
from django.utils import timezone

from . import access, words
from .models import AuditEvent, AuditHead, AuditSeal, AuditSink, AuditVerification

PAGE = 50  # events of a page
DAYS = 60  # of the strip of activity
CHUNK = 1000  # events in memory at a time while they are exported
RESULTS = ("done", "requested", "started", "failed", "refused", "cancelled", "lost")
EQUAL = {"who": "actor_name", "action": "action", "result": "result", "host": "host_name", "image": "image_name"}
IDS = ("container", "checkpoint", "operation")


def events(user, *, q="", since=None, until=None, **filters):
    """Events that `user` may read, newest first: those that have all words of `q`.

    From the day `since` to the day `until`, both included;
    `filters` are names of EQUAL with a text or of IDS with a number; empty ones filter nothing.
    """
    rows = access.seen_by(user, AuditEvent.objects.all())
    rows = words.having(rows, q) if q else rows.alias(place=F("pk"))
    equal = {column: filters[name] for name, column in EQUAL.items() if filters.get(name)}
    ids = {f"{name}_id": filters[name] for name in IDS if filters.get(name)}
    rows = rows.filter(**equal, **ids).order_by("-place")
    if since:
        begin = _begin_of(since)
        rows = rows.filter(at__gte=begin, place__gte=Subquery(_first_from(begin)))
    if until:
        end = _begin_of(until + timedelta(days=1))
        rows = rows.filter(at__lt=end, place__lte=Subquery(_last_before(end)))
    return rows


def _begin_of(day):
    return datetime.combine(day, time.min, UTC)


def _first_from(moment):
    """Place of the first event from then on. The chain's order is the order in time, so an index finds it."""
    return AuditEvent.objects.filter(at__gte=moment).order_by("at").values("pk")[:1]


def _last_before(moment):
    return AuditEvent.objects.filter(at__lt=moment).order_by("-at").values("pk")[:1]


@dataclass(frozen=True)
class Page:
    """Some events, newest first, and the places to go on from: None where there are no newer or no older ones."""

    events: list
    newer: int | None = None
    older: int | None = None


def page(rows, *, before=None, after=None):
    """The Page of `rows` of `events` that stands before or after a place in the chain; the newest without either."""
    if after is not None:
        found = list(rows.filter(place__gt=after).reverse()[: PAGE + 1])
        more, found = len(found) > PAGE, found[:PAGE][::-1]
        return Page(found, found[0].pk if more else None, found[-1].pk if found else after + 1)
    found = list((rows.filter(place__lt=before) if before is not None else rows)[: PAGE + 1])
    more, found = len(found) > PAGE, found[:PAGE]
    newer = (found[0].pk if found else before - 1) if before is not None else None
    return Page(found, newer, found[-1].pk if more else None)


def chunks(rows):
    """`rows` of `events`, oldest first, in lists of CHUNK: bounded memory, and no cursor is held."""
    last = 0
    while found := list(rows.filter(place__gt=last).reverse()[:CHUNK]):
        yield found
        last = found[-1].pk


def choices(user):
    """{"who": […], "action": […], "host": […]}: what the history that `user` may read knows of each, by name.

    Of all of it in one query, which steps from value to value in the index: it takes no longer at a million events.
    """
    if not access.reads_everything(user):
        rows = access.seen_by(user, AuditEvent.objects.order_by())
        return {name: _known(rows, EQUAL[name]) for name in ("who", "action", "host")}
    steps = """
        SELECT '{name}', value FROM (WITH RECURSIVE step(value) AS (
          SELECT MIN({column}) FROM {table} UNION ALL
          SELECT (SELECT MIN({column}) FROM {table} WHERE {column} > step.value) FROM step WHERE step.value IS NOT NULL
        ) SELECT value FROM step WHERE value <> '') AS {name}_values"""
    wanted = {name: EQUAL[name] for name in ("who", "action", "host")}
    table = AuditEvent._meta.db_table
    parts = [steps.format(name=name, column=column, table=table) for name, column in wanted.items()]
    found = {name: [] for name in wanted}
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts))
        for name, value in cursor.fetchall():
            found[name].append(value)
    return found


def _known(rows, column):
    return sorted(rows.exclude(**{column: ""}).values_list(column, flat=True).distinct()[:CHUNK])


@dataclass(frozen=True)
class Day:
    """How many events a day has; `level` 0 to 10 against the busiest day shown."""

    date: object
    count: int
    level: int


def days(user, until=None):
    """The DAYS days up to `until`, or up to today, as Days, in one query.

    Places have no gaps, so a day's count is the difference of two places that an index finds; for who may read a part
    of the history alone, its events are counted.
    """
    today = timezone.now().date()
    last = until if until and until < today - timedelta(days=DAYS - 1) else today
    dates = [last - timedelta(days=DAYS - 1 - number) for number in range(DAYS)]
    counts = (_counted if access.reads_everything(user) else partial(_counted_one_by_one, user))(dates)
    most = max(counts)
    return [
        Day(date, count, max(1, round(10 * count / most)) if count else 0)
        for date, count in zip(dates, counts, strict=True)
    ]


def _counted_one_by_one(user, dates):
    begin, end = _begin_of(dates[0]), _begin_of(dates[-1] + timedelta(days=1))
    rows = access.seen_by(user, AuditEvent.objects.filter(at__gte=begin, at__lt=end)).order_by()
    found = dict(rows.annotate(day=TruncDate("at", tzinfo=UTC)).values_list("day").annotate(number=Count("pk")))
    return [found.get(date, 0) for date in dates]


def _counted(dates):
    edges = [*dates, dates[-1] + timedelta(days=1)]
    places = {f"place_{number}": Subquery(_first_from(_begin_of(edge))) for number, edge in enumerate(edges)}
    row = AuditEvent.objects.order_by("-pk").values("pk", **places).first()
    end = row["pk"] + 1 if row else 0
    found = [row[name] or end if row else 0 for name in places]
    return [max(0, after - before) for before, after in pairwise(found)]  # a clock that was set back counts nothing


def newest():
    """Place of the newest event: how many there have ever been."""
    return AuditEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def last_head():
    return AuditHead.objects.first()


def verifications(most=20):
    """The latest verifications, the one that is under way first."""
    return list(AuditVerification.objects.all()[:most])


def sinks():
    return list(AuditSink.objects.all())


def seals():
    return list(AuditSeal.objects.all())
