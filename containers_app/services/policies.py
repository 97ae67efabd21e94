"""What happens by itself: the schedules of scrubs and drills as rows; each change is in the history."""

from dataclasses import dataclass, field

from django.db import transaction

from containers_app.errors import BadInput
from containers_app.models import Schedule

from . import audit, doorbell

Work = Schedule.Work
MOST_HOURS = 24 * 366
NEWEST, PINNED, ALL = "newest", "pinned", "all"
SCOPES = {
    NEWEST: "the newest checkpoint of each container",
    PINNED: "pinned checkpoints",
    ALL: "every checkpoint",
}


@dataclass(frozen=True)
class Usual:
    """How a schedule is while nobody has changed it."""

    enabled: bool
    every_hours: int
    values: dict = field(default_factory=dict)


USUAL = {
    Work.SCRUB: Usual(True, 7 * 24, {"mib_per_second": 50}),
    Work.DRILL: Usual(False, 7 * 24, {"scope": NEWEST, "cold": False}),
}


def schedule(work):
    """The Schedule of this Work; an unsaved one, as it usually is, while nobody has changed it."""
    usual = USUAL[work]
    found = Schedule.objects.filter(work=work).first()
    if found is None:
        return Schedule(work=work, enabled=usual.enabled, every_hours=usual.every_hours, values=usual.values)
    found.values = {**usual.values, **found.values}
    return found


def change(*, by, work, enabled, every_hours, values):
    """Set a schedule; what was and what is are in the history. Raises BadInput for what it cannot be."""
    if not 1 <= every_hours <= MOST_HOURS:
        raise BadInput(f"Every 1 to {MOST_HOURS:,} hours.", field="every_hours")
    if values.get("scope", NEWEST) not in SCOPES:
        raise BadInput("Which checkpoints?", field="scope")
    kept = {name: values[name] for name in USUAL[work].values}
    with transaction.atomic():
        before = _as_json(schedule(work))
        found, _ = Schedule.objects.update_or_create(
            work=work, defaults={"enabled": enabled, "every_hours": every_hours, "values": kept}
        )
        after = _as_json(found)
        if before != after:
            changed = [name for name in after if before[name] != after[name]]
            doorbell.announce("policies", team=None)
            audit.record(
                by=by, action="policy.changed", sentence=f"changed the schedule: {found}",
                details={"schedule": work},
                before={name: before[name] for name in changed}, after={name: after[name] for name in changed},
            )  # fmt: skip
    return found


def _as_json(row):
    return {"enabled": row.enabled, "every_hours": row.every_hours, **row.values}
