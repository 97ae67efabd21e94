"""Which checkpoints are drilled by themselves, what they wait for, and what would meet others and is not drilled."""

from dataclasses import replace

import pytest

from containers_app.errors import Conflict
from containers_app.models import Container, Operation, Schedule
from containers_app.runtime import relocation
from containers_app.services import audit, checkpoints, drills, inventory
from tests.builders import a_checkpoint, a_container, a_host, ago, an_operation
from tests.services.test_inventory import LOOPER

pytestmark = pytest.mark.django_db

BY = audit.Caller()


@pytest.fixture
def host():
    return a_host()


@pytest.fixture
def schedule():
    return Schedule.objects.create(work="drill", enabled=True, every_hours=24, values={"scope": "newest"})


def due(host, schedule, scope):
    schedule.values["scope"] = scope
    return {row.name for row in drills._due(host, schedule)}


def drilled(checkpoint, when, **values):
    return an_operation(
        kind="drill", checkpoint=checkpoint, container=None, host=checkpoint.host, state="failed", finished_at=when,
        requested_at=when, **values,
    )  # fmt: skip


def test_the_schedule_says_which_are_drilled(host, schedule):
    container = a_container(host=host)
    a_checkpoint(container=container, name="old", taken_at=ago(days=2), pinned=True)
    a_checkpoint(container=container, name="new", taken_at=ago(hours=1))
    a_checkpoint(container=a_container(host=host), name="other")
    a_checkpoint(container=a_container(host=host), name="damaged", flaw="damaged", flaw_at=ago(hours=1))
    a_checkpoint(container=a_container(host=a_host("elsewhere")), name="there")
    assert due(host, schedule, "newest") == {"new", "other"}
    assert due(host, schedule, "pinned") == {"old"}
    assert due(host, schedule, "all") == {"old", "new", "other"}


def test_who_was_asked_lately_is_not_asked_again_whatever_came_of_it(host, schedule):
    fresh, stale = a_checkpoint(name="fresh"), a_checkpoint(name="stale")
    drilled(fresh, ago(hours=2))
    drilled(stale, ago(hours=30))
    assert due(host, schedule, "all") == {"stale"}


def test_one_at_a_time_is_asked_for_and_none_while_it_is_off(host, schedule):
    a_checkpoint(), a_checkpoint()
    for _ in range(2):
        drills.ask_when_due(host.name)
    assert Operation.objects.filter(kind="drill").count() == 1
    Operation.objects.filter(kind="drill").update(state="failed", finished_at=ago(seconds=1))
    Schedule.objects.update(enabled=False)
    drills.ask_when_due(host.name)
    assert Operation.objects.filter(kind="drill").count() == 1


def test_one_that_may_not_be_restored_does_not_keep_others_from_their_turn(host, schedule):
    Schedule.objects.update(values={"scope": "all"})
    a_checkpoint(name="barred", provenance="awaiting")
    open_one = a_checkpoint(name="open")
    drills.ask_when_due(host.name)
    assert Operation.objects.get(kind="drill").checkpoint == open_one


def test_a_later_checkpoint_takes_over_when_its_container_counts_as_ready():
    container, check = a_container(), {"kind": "tcp", "port": 1, "seconds": 9}
    a_checkpoint(container=container, ready_when=check)
    a_checkpoint(container=container)
    assert checkpoints.usual_check(container) == check
    assert checkpoints.usual_check(a_container()) == {}


def test_a_drills_container_is_no_row_of_the_inventory_while_it_is_drilled(host):
    operation = an_operation(kind="drill", checkpoint=a_checkpoint(), container=None, host=host, state="started")
    mine = replace(LOOPER, name=drills.name_of(operation))
    inventory.observe_containers(host, [mine], asked_at=ago(seconds=1))
    assert not Container.objects.filter(name=mine.name).exists()
    Operation.objects.filter(pk=operation.pk).update(state="failed", finished_at=ago(seconds=1))
    inventory.observe_containers(host, [mine], asked_at=ago(seconds=0))
    assert Container.objects.filter(name=mine.name).exists()


OWN = [{"type": kind} for kind in ("pid", "ipc", "network", "uts", "mount")]


@pytest.mark.parametrize(
    ("config", "spec", "why"),
    [
        ({"networkMode": "host"}, {}, "network of its own"),
        ({"pod": "p"}, {}, "pod"),
        ({}, {"linux": {"namespaces": OWN[1:]}}, "process numbers"),
        ({"namedVolumes": [{"volumeName": "data", "dest": "/data"}]}, {}, "not in the archive"),
        ({}, {"mounts": [{"type": "bind", "source": "/srv", "destination": "/srv"}]}, "write to /srv"),
    ],
)
def test_what_would_meet_others_is_not_drilled(config, spec, why):
    found = relocation.Found({"networkMode": "bridge", **config}, {"linux": {"namespaces": OWN}, **spec})
    with pytest.raises(Conflict, match=why):
        drills._require_apart(found)


def test_a_path_that_it_may_only_read_is_no_reason():
    read_only = {"type": "bind", "source": "/srv", "destination": "/srv", "options": ["ro"]}
    drills._require_apart(
        relocation.Found({"networkMode": "bridge"}, {"linux": {"namespaces": OWN}, "mounts": [read_only]})
    )
