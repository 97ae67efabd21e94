"""Which team owns a container: the one it was made for, else the first rule that fits, else the default team.

Its checkpoints follow it. Asked when the inventory sees a container for the first time, and again for all of them when
the rules change, never while a page is read.
"""

from django.db import transaction

from containers_app.models import Checkpoint, Container, Operation, TeamRule
from containers_app.models.people import default_team

from . import doorbell

CHUNK = 500  # containers of one UPDATE


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
    """Give every container, and its checkpoints, to the team that owns it now; returns how many containers moved."""
    rules, default, moving = list(TeamRule.objects.all()), default_team(), {}
    rows = Container.objects.values_list("pk", "host_id", "config__labels", "made_for_id", "team_id")
    for pk, host_id, labels, made_for_id, now in rows.order_by("pk").iterator(chunk_size=2000):
        then = made_for_id or _by_rules(rules, host_id, labels or {}) or default
        if then != now:
            moving.setdefault((now, then), []).append(pk)
    with transaction.atomic():
        for (now, then), keys in moving.items():
            for begin in range(0, len(keys), CHUNK):
                _move(keys[begin : begin + CHUNK], now, then)
    doorbell.announce("people", "containers", "checkpoints", "operations", team=None)
    return sum(map(len, moving.values()))


def _move(keys, now, then):
    """What the container's old team owned of it goes along; what was made for another team stays with that."""
    Container.objects.filter(pk__in=keys).update(team=then)
    Checkpoint.objects.filter(container__in=keys, team=now).update(team=then)
    Operation.objects.filter(container__in=keys, team=now).update(team=then)


def _by_rules(rules, host_id, labels):
    return next((rule.team_id for rule in rules if rule.fits(host_id, labels)), None)
