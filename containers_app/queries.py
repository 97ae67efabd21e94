"""Reads for pages: the frame around every page, and what each page lists. From the database alone.

Changes nothing, asks nobody else (no Podman, no Redis). What lists hold is what `user`, its first argument, may see.
"""

import re
from datetime import timedelta

from django.core.paginator import Paginator
from django.db.models import Case, Count, F, Func, IntegerField, Min, OuterRef, Prefetch, Q, Subquery, When
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.functional import cached_property

from . import access
from .models import (
    AuditEvent,
    AuditVerification,
    Checkpoint,
    Container,
    Host,
    Image,
    ImportReview,
    Inspection,
    KeptImage,
    MemoryComparison,
    Operation,
    ServiceAccount,
    Token,
)
from .models.catalog import IN_CATALOG
from .runtime import probes

PAGE = 50  # rows of a page of a list
OUTCOME_SHOWN = timedelta(seconds=30)  # how long the tray tells how an operation ended

# Long columns that no list shows.
CHECKPOINT_HEAVY = ("members", "completed_paths", "facts", "command")
OPERATION_HEAVY = ("output", "criu_log", "commands", "process")

CONTAINER_FILTERS = {
    "": ("All", Q(removed_at=None)),
    "running": ("Running", Q(removed_at=None, state="running")),
    "checkpointed": (
        "Checkpointed",
        Q(removed_at=None, state__in=("exited", "stopped"), checkpointed_at__isnull=False),
    ),
    "exited": ("Exited", Q(removed_at=None, state__in=("exited", "stopped"), checkpointed_at=None)),
    "removed": ("Removed", Q(removed_at__isnull=False)),
}
OPERATION_FILTERS = {
    "": ("All", Q()),
    "unfinished": ("Unfinished", Q(state__in=Operation.UNFINISHED)),
    "succeeded": ("Succeeded", Q(state=Operation.State.SUCCEEDED)),
    "failed": ("Failed", Q(state__in=(Operation.State.FAILED, Operation.State.LOST))),
    "cancelled": ("Cancelled", Q(state=Operation.State.CANCELLED)),
}


def frame(request):
    """Context processor: everything around a page, read only when a template asks for it."""
    return {"frame": Frame(request)}


class Frame:
    """What stands around every page: hosts, counts and unfinished operations, in two queries."""

    def __init__(self, request):
        self._user = getattr(request, "user", None)
        match = getattr(request, "resolver_match", None)
        self.section = (match.url_name or "").partition("_")[0] if match else ""

    @cached_property
    def rights(self):
        """The rights that this person holds in any team, or over the house."""
        return access.rights_on(self._user)

    @cached_property
    def hosts(self):
        return list(hosts(self._user))

    @cached_property
    def counts(self):
        """How many there are of each, over all hosts."""
        return {
            name: sum(getattr(host, f"{name}_count") for host in self.hosts)
            for name in ("container", "image", "checkpoint")
        } | {"operation": len(self.unfinished), "host": len(self.hosts)}

    @cached_property
    def host(self):
        """The one host, when there is only one."""
        return self.hosts[0] if len(self.hosts) == 1 else None

    @property
    def away(self):
        return [host for host in self.hosts if host.away]

    @cached_property
    def history_is_broken(self):
        """True when the last verification of the audit history found something."""
        last = AuditVerification.objects.exclude(finished_at=None).values_list("kind", flat=True).first()
        return bool(last)

    @cached_property
    def _recent(self):
        """Unfinished operations, and this person's that have just ended.

        Their keys come first, from an index each and in no order: else all operations there ever were are looked
        through by time.
        """
        keys = Operation.objects.order_by().values("pk")
        ended = keys.filter(requested_by=self._user, finished_at__gt=timezone.now() - OUTCOME_SHOWN)
        either = keys.filter(state__in=Operation.UNFINISHED).union(ended, all=True)
        return list(_light(access.seen_by(self._user, Operation.objects.filter(pk__in=either)))[:20])

    @property
    def unfinished(self):
        """Those that have begun first, then those that wait."""
        return sorted((row for row in self._recent if not row.finished), key=lambda row: row.started_at is None)

    @property
    def outcome(self):
        """This person's operation that ended last, if it has just ended."""
        ended = [operation for operation in self._recent if operation.finished]
        return max(ended, key=lambda operation: operation.finished_at, default=None)


def _count_of(queryset):
    """An annotation on hosts: how many rows of `queryset` are on that host. COUNT(*) is the quickest."""
    number = Func(template="COUNT(*)", output_field=IntegerField())
    return Subquery(queryset.filter(host=OuterRef("pk")).order_by().annotate(number=number).values("number"))


def _light(operations):
    """Operations as lists show them, with the names that they need."""
    related = ("host", "container", "checkpoint", "requested_by")
    heavy = [f"checkpoint__{name}" for name in (*CHECKPOINT_HEAVY, "statistics")] + ["container__config"]
    return operations.select_related(*related).defer(*OPERATION_HEAVY, *heavy)


def _by(rows, **keys):
    """Only the rows with these primary keys, as they came in the address; what is not a number filters nothing."""
    numbers = {name: int(text) for name, text in keys.items() if re.fullmatch(r"[0-9]{1,18}", text)}
    return rows.filter(**numbers)


def paged(rows, number, *, count=None, size=PAGE):
    """One page of a queryset, any number being turned into a real page; a known `count` saves a query."""
    paginator = Paginator(rows, size)
    if count is not None:
        paginator.count = count
    return paginator.get_page(number)


def chips(rows, filters, chosen):
    """[{key, label, count, on}] for the filters of a list, counted in one query."""
    counts = rows.order_by().aggregate(
        **{f"n_{key}": Count("pk", filter=condition or None) for key, (_, condition) in filters.items()}
    )
    return [
        {"key": key, "label": label, "count": counts[f"n_{key}"], "on": key == chosen}
        for key, (label, _) in filters.items()
    ]


def containers(user, *, q="", host=""):
    """Containers whose name, ID or image has the text, on that host if one is given; removed ones as well."""
    rows = access.seen_by(user, Container.objects.all())
    if q:
        rows = rows.filter(Q(name__icontains=q) | Q(image_name__icontains=q) | Q(container_id__startswith=q.lower()))
    return _by(rows, host=host)


def container_table(user, rows, state, page):
    """One page of containers in that state, each with `.operation` (its unfinished one) and `.last_checkpoint`."""
    unfinished = Operation.objects.filter(state__in=Operation.UNFINISHED).defer(*OPERATION_HEAVY)
    taken = access.seen_by(user, Checkpoint.objects.filter(IN_CATALOG))
    latest = taken.filter(container=OuterRef("pk")).values("pk")[:1]
    found = rows.filter(CONTAINER_FILTERS[state][1]).select_related("host").defer("config")
    found = found.annotate(last_pk=Subquery(latest)).prefetch_related(
        Prefetch("operations", queryset=unfinished, to_attr="unfinished")
    )
    table = paged(found, page)
    checkpoints = Checkpoint.objects.defer(*CHECKPOINT_HEAVY).in_bulk({row.last_pk for row in table if row.last_pk})
    for row in table:
        row.operation = row.unfinished[0] if row.unfinished else None
        row.last_checkpoint = checkpoints.get(row.last_pk)
    return table


def chosen_containers(user, right, numbers, *, host="", most):
    """Of the containers on which `user` holds `right` those with these primary keys (all that are there when `numbers`
    is None), each with `.operation`."""
    unfinished = Operation.objects.filter(state__in=Operation.UNFINISHED).defer(*OPERATION_HEAVY)
    rows = access.held_by(user, Container.objects.select_related("host").defer("config"), right)
    if numbers is None:
        rows = _by(rows.filter(removed_at=None), host=host)
    else:
        rows = rows.filter(pk__in=[int(text) for text in numbers if re.fullmatch(r"[0-9]{1,18}", text)])
    found = list(rows.prefetch_related(Prefetch("operations", queryset=unfinished, to_attr="unfinished"))[:most])
    for row in found:
        row.operation = row.unfinished[0] if row.unfinished else None
    return found


def one_host(user, number):
    """The host with that primary key, or the only one; None otherwise."""
    rows = list(access.seen_by(user, Host.objects.all()))
    named = [row for row in rows if str(row.pk) == number]
    return named[0] if named else rows[0] if len(rows) == 1 and not number else None


def batch_operations(user, batch):
    """The operations that one press asked for, by their containers' names."""
    rows = access.seen_by(user, Operation.objects.filter(batch=batch))
    return list(_light(rows.order_by("container__name", "pk")))


def tally(operations):
    """{state: how many} of these operations, in the order in which states follow each other."""
    counts = {state: sum(row.state == state for row in operations) for state in Operation.State.values}
    return {state: number for state, number in counts.items() if number}


def coming_containers(user):
    """Unfinished operations that will make a container which is not there yet."""
    made = (Operation.Kind.SAMPLE, Operation.Kind.CREATE, Operation.Kind.RESTORE)
    rows = Operation.objects.filter(state__in=Operation.UNFINISHED, container=None, kind__in=made)
    return _light(access.seen_by(user, rows))


def container_checkpoints(user, container, most=8):
    """(the container's latest checkpoints, how many there are)."""
    rows = access.seen_by(user, container.checkpoints.filter(IN_CATALOG))
    return list(rows.defer(*CHECKPOINT_HEAVY)[:most]), rows.count()


def dump_of(user, container):
    """The checkpoint since which it stands still, so that it can go on in place from it; None when there is none."""
    rows = access.seen_by(user, container.checkpoints.filter(dumped_at=container.checkpointed_at))
    return rows.first() if container.checkpointed else None


def container_operations(user, container, most=50):
    """The container's latest operations; the unfinished one, if there is one, stands first."""
    rows = access.seen_by(user, container.operations.all())
    rows = rows.select_related("checkpoint", "requested_by", "taken_checkpoint", "host")
    heavy = [f"{row}__{name}" for row in ("checkpoint", "taken_checkpoint") for name in CHECKPOINT_HEAVY]
    return list(rows.defer(*OPERATION_HEAVY, *heavy)[:most])


def container_events(user, container, most=8):
    return list(access.seen_by(user, container.events.all())[:most])


def inspection_of(checkpoint):
    """What was seen inside it (runtime/inspection.py); None of one that was taken before Freezeframe looked."""
    return Inspection.objects.filter(checkpoint=checkpoint).values_list("facts", flat=True).first()


def inside(checkpoint, *names):
    """{name: facts of that part} of what was seen inside it, and `more` and `unreadable`; the database reads no other
    part. None of one that was taken before Freezeframe looked; a part that was not looked at then is None."""
    names = (*names, "more", "unreadable")
    found = Inspection.objects.filter(checkpoint=checkpoint).values_list(*(f"facts__{name}" for name in names)).first()
    return dict(zip(names, found, strict=True)) if found else None


def memory_searches(checkpoint, most=20):
    """The latest searches of its memory, as operations, with what came of each."""
    rows = checkpoint.operations.filter(kind=Operation.Kind.MEMORY_SEARCH).select_related(
        "requested_by", "memory_search"
    )
    return list(rows.defer(*OPERATION_HEAVY, "memory_search__hits")[:most])


def comparable(user, checkpoint, most=100):
    """Other checkpoints that the user may see: those of its own container first, then by name of container."""
    rows = access.seen_by(user, Checkpoint.objects.filter(discarded_at=None)).exclude(pk=checkpoint.pk)
    own = Case(When(container=checkpoint.container_id, then=0), default=1, output_field=IntegerField())
    return list(rows.defer(*CHECKPOINT_HEAVY, "statistics").order_by(own, "-taken_at", "-pk")[:most])


def memory_comparison(first, second):
    """{rows, operation, total}: how many pages the two share by process, and the operation that counts them now."""
    done = MemoryComparison.objects.filter(first=first, second=second).first()
    running = Operation.objects.filter(
        kind=Operation.Kind.MEMORY_COMPARE, checkpoint=first, options__second=second.pk
    ).defer(*OPERATION_HEAVY)
    rows = done.processes if done else []
    names = ("same", "changed", "added", "gone")
    total = {name: sum(row[name] for row in rows) for name in names}
    return {"done": done, "rows": rows, "total": total, "operation": None if done else running.first()}


def checkpoint_restores(user, checkpoint, most=10):
    """The restores that were made from it, newest first."""
    rows = access.seen_by(user, checkpoint.operations.filter(kind=Operation.Kind.RESTORE))
    rows = rows.select_related("container", "requested_by")
    return list(rows.defer(*OPERATION_HEAVY)[:most])


def import_reviews(user):
    """Reviews of archives from elsewhere that the person may see, those that wait first."""
    waiting = Case(When(verdict=ImportReview.Verdict.AWAITING, then=0), default=1, output_field=IntegerField())
    rows = access.seen_by(user, ImportReview.objects.all()).select_related("checkpoint", "operation__requested_by")
    heavy = [f"checkpoint__{name}" for name in CHECKPOINT_HEAVY] + [f"operation__{name}" for name in OPERATION_HEAVY]
    return rows.defer("privileges", *heavy).order_by(waiting, "-pk")


def review_of(checkpoint):
    """The review that a checkpoint from elsewhere had, without its lists; None of our own."""
    light = ("pk", "verdict", "decided_by_name", "decided_at", "reason")
    return ImportReview.objects.filter(checkpoint=checkpoint).only(*light).first() if checkpoint.imported else None


def review_filters(rows, chosen):
    """chips() of the verdicts that there are."""
    verdicts = {verdict: (verdict.label, Q(verdict=verdict)) for verdict in ImportReview.Verdict}
    found = chips(rows, {"": ("All", Q()), **verdicts}, chosen)
    return [chip for chip in found if chip["count"] or chip["on"] or not chip["key"]]


def trust_of(checkpoint, most=5):
    """{drills, last, measured, kept, check}: the latest drills, the last with a cold start, its image, its check."""
    rows = checkpoint.drills.select_related("operation", "host")
    found = list(rows.defer(*(f"operation__{name}" for name in OPERATION_HEAVY))[:most])
    return {
        "drills": found,
        "last": found[0] if found else None,
        "measured": next((row for row in found if row.cold_us), None),
        "kept": KeptImage.objects.filter(image_id=checkpoint.image_id).first(),
        "check": probes.of(checkpoint.ready_when).words(),
    }


def trust_of_catalog(user):
    """{count, flawed, verified, oldest_read} of the checkpoints that the user may see."""
    rows = access.seen_by(user, Checkpoint.objects.filter(discarded_at=None))
    return rows.order_by().aggregate(
        count=Count("pk"),
        flawed=Count("pk", filter=~Q(flaw="")),
        verified=Count("verified_at"),
        oldest_read=Min(Coalesce("read_at", "taken_at")),
    )


def operations(user, *, q=""):
    rows = access.seen_by(user, Operation.objects.all())
    if q:
        rows = rows.filter(
            Q(target_name__icontains=q) | Q(container__name__icontains=q) | Q(checkpoint__name__icontains=q)
        )
    return rows


def operation_table(rows, state, page):
    return paged(_light(rows.filter(OPERATION_FILTERS[state][1])), page)


def hosts(user):
    """All hosts, with how much of what `user` may see is on each."""
    present = {"removed_at": None}
    return access.seen_by(user, Host.objects.all()).annotate(
        container_count=_count_of(access.seen_by(user, Container.objects.filter(**present))),
        image_count=_count_of(access.seen_by(user, Image.objects.filter(**present))),
        checkpoint_count=_count_of(access.seen_by(user, Checkpoint.objects.filter(IN_CATALOG))),
    )


def host_selftests(host, most=8):
    """The host's latest self-tests, with their operations."""
    return list(
        host.selftests.select_related("operation").defer(*(f"operation__{name}" for name in OPERATION_HEAVY))[:most]
    )


def proven_versions(host, most=6):
    """[{versions, at}]: the combinations of versions that passed a self-test there, the latest first, each once."""
    found = {}
    for versions, at in host.selftests.filter(passed=True).values_list("versions", "finished_at")[:200]:
        found.setdefault(tuple(sorted(versions.items())), {"versions": versions, "at": at})
    return list(found.values())[:most]


def host_changes(host, most=5):
    """The events that tell of other versions there, newest first."""
    return list(AuditEvent.objects.filter(action="host.changed", host_name=host.name).order_by("-pk")[:most])


def images(user, *, q="", host=""):
    """Images that are there, with `.used_by`: how many containers of their host were made from each."""
    used = Container.objects.filter(host=OuterRef("host"), image_id=OuterRef("image_id"), removed_at=None)
    number = used.order_by().values("image_id").annotate(number=Count("pk")).values("number")
    rows = access.seen_by(user, Image.objects.filter(removed_at=None).select_related("host"))
    if q:
        rows = rows.filter(Q(names__icontains=q) | Q(image_id__startswith=q.lower()))
    rows = _by(rows, host=host)
    return rows.annotate(used_by=Coalesce(Subquery(number, output_field=IntegerField()), 0)).order_by(
        F("created_at").desc(nulls_last=True), "pk"
    )


def image_names(user, most=200):
    """Names that can be typed into the form for a new container."""
    rows = access.seen_by(user, Image.objects.filter(removed_at=None)).values_list("names", flat=True)[:most]
    return sorted({name for names in rows for name in names})


def search(user, q, most=20):
    """{containers, operations} that have the text; all empty without one. The catalog has a search of its own."""
    if not q:
        return {"containers": [], "operations": []}
    return {
        "containers": list(
            containers(user, q=q).select_related("host").order_by(F("removed_at").desc(nulls_first=True))[:most]
        ),
        "operations": list(_light(operations(user, q=q))[:most]),
    }


def tokens_of(user):
    """A person's tokens, newest first; those that open something before those that do not."""
    rows = list(user.tokens.select_related("user"))
    return sorted(rows, key=lambda token: bool(token.why_not))


def tokens_for(user):
    """The tokens that `user` may revoke: their own, and everybody's for who manages people."""
    rows = Token.objects.select_related("user")
    return rows if access.may(user, "manage_people") else rows.filter(user=user)


def service_accounts():
    """Service accounts with `.tokens`, as tokens_of has them."""
    accounts = list(ServiceAccount.objects.select_related("user").prefetch_related("user__tokens"))
    for account in accounts:
        for token in account.user.tokens.all():
            token.user = account.user
        account.tokens = sorted(account.user.tokens.all(), key=lambda token: bool(token.why_not))
    return accounts
