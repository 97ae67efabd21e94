"""Which team owns a container: the one it was made for, else the first rule that fits, else the default team.

Its checkpoints follow it. Asked when the inventory sees a container for the first time, and again for all of them when
the rules change, never while a page is read.
"""

from django.db import transaction
from django.db.models import Case, Count, F, Func, Q, TextField, Value, When
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact, IsNull

from containers_app.models import Checkpoint, Container, Operation, TeamRule
from containers_app.models.people import default_team

from . import doorbell


def made_for(host, name):
    """Primary key of the team whose operation makes a container of this name now; None: nobody's, or the default one's.

    The default team's own are given by the rules like any other, so that rules of later hold for them too.
    """
    making = Operation.objects.filter(host=host, target_name=name, container=None, state__in=Operation.UNFINISHED)
    return making.filter(team__is_default=False).values_list("team", flat=True).first()


def owner(host_id, labels, made_for_id=None):
    """Primary key of the team that owns a container with these labels on that host."""
    return made_for_id or _by_rules(list(TeamRule.objects.all()), host_id, labels) or default_team()


def apply_rules():
    """Give every container, and its checkpoints, to the team that owns it now; returns how many containers moved.

    The database does it, in a few statements for each pair of teams between which something moves.
    """
    moving = Container.objects.order_by().annotate(then=_owner_now()).exclude(team=F("then"))
    with transaction.atomic():
        pairs = list(moving.values_list("team", "then").annotate(moved=Count("pk")))
        for now, then, _ in pairs:
            _move(moving.filter(team=now, then=then), now, then)
    doorbell.announce("people", "containers", "checkpoints", "operations", team=None)
    return sum(moved for _, _, moved in pairs)


def _move(containers, now, then):
    """What the containers' old team owned of them goes along; what was made for another team stays with that."""
    for rows in (Checkpoint, Operation):
        rows.objects.filter(container__in=containers.values("pk"), team=now).update(team=then)
    containers.update(team=then)


def _owner_now():
    """What `owner` says, as an expression over a container."""
    rules = [When(_falls_under(rule), then=Value(rule.team_id)) for rule in TeamRule.objects.all()]
    return Coalesce("made_for", Case(*rules, default=Value(default_team())))


def _falls_under(rule):
    """What TeamRule.fits says, as a condition over containers."""
    condition = Q(host=rule.host_id) if rule.host_id else Q(pk__isnull=False)
    if rule.label:
        found = LabelValue(rule.label)
        condition &= Q(Exact(found, Value(rule.value)) if rule.value else IsNull(found, False))
    return condition


class LabelValue(Func):
    """The value of a container's label, whatever characters its name has; null where it has no such label."""

    output_field = TextField()

    def __init__(self, label):
        super().__init__(F("config"), Value(label))

    def as_sqlite(self, compiler, connection, **context):
        (config, before), (name, after) = map(compiler.compile, self.get_source_expressions())
        labels = f"json_each({config}, '$.labels') AS label"
        return f"(SELECT label.value FROM {labels} WHERE label.key = {name})", (*before, *after)  # noqa: S608 - columns

    def as_postgresql(self, compiler, connection, **context):
        (config, before), (name, after) = map(compiler.compile, self.get_source_expressions())
        return f"({config} -> 'labels' ->> {name})", (*before, *after)


def _by_rules(rules, host_id, labels):
    return next((rule.team_id for rule in rules if rule.fits(host_id, labels)), None)
