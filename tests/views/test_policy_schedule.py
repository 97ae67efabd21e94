"""The schedules of scrubs and drills: changed by who may manage policies, with what was and is in the history."""

import uuid

import pytest

from containers_app.models import AuditEvent, Schedule
from tests.builders import an_admin

from .conftest import _signed_in, send, words

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin():
    return _signed_in(an_admin("ada"))


def filled(**values):
    return {"request_key": str(uuid.uuid4()), "enabled": "on", "every_hours": "24", "mib_per_second": "20", **values}


@pytest.mark.parametrize("who", ["viewer", "operator"])
def test_who_may_not_manage_policies_is_refused(request, who):
    client = request.getfixturevalue(who)
    assert client.get("/policies/scrub/").status_code == client.post("/policies/scrub/", filled()).status_code == 403
    assert not Schedule.objects.exists()


def test_an_administrator_changes_it_and_the_history_says_so(admin):
    response = admin.post("/policies/scrub/", filled())
    assert response.url == "/policies/"
    found = Schedule.objects.get(work="scrub")
    assert (found.enabled, found.every_hours, found.values) == (True, 24, {"mib_per_second": 20})
    event = AuditEvent.objects.get(action="policy.changed")
    assert (event.actor_name, event.before["every_hours"], event.after["every_hours"]) == ("ada", 168, 24)
    assert "every day" in words(admin.get("/policies/"))


@pytest.mark.parametrize("wrong", [{"every_hours": "0"}, {"every_hours": "x"}, {"mib_per_second": "0"}])
def test_what_cannot_be_used_is_said_beside_its_field(admin, wrong):
    response = send(admin, "/policies/scrub/", **filled(**wrong))
    assert response.status_code == 422 and b"_error" in response.content
    assert not Schedule.objects.exists()


def test_drills_can_be_switched_off_again(admin):
    wanted = filled(scope="all", cold="on")
    admin.post("/policies/drill/", wanted)
    admin.post("/policies/drill/", {name: value for name, value in wanted.items() if name not in {"enabled", "cold"}})
    found = Schedule.objects.get(work="drill")
    assert (found.enabled, found.values) == (False, {"scope": "all", "cold": False})


def test_what_is_no_schedule_is_not_found(admin):
    assert admin.get("/policies/cleaning/").status_code == 404
