"""Verify now: one press, one drill, by who may restore."""

import uuid

import pytest

from containers_app.models import Drill, Operation
from tests.builders import a_checkpoint, a_host, ago, an_operation

from .conftest import words

pytestmark = pytest.mark.django_db


def url(checkpoint):
    return f"/catalog/{checkpoint.pk}/drill/"


def drills():
    return Operation.objects.filter(kind="drill")


def a_drill(checkpoint, **values):
    operation = an_operation(
        kind="drill", container=None, host=checkpoint.host, checkpoint=checkpoint, state="succeeded",
        finished_at=ago(minutes=1),
    )  # fmt: skip
    defaults = dict(finished_at=ago(minutes=1), passed=True, ready_us=500_000, unpack_us=100_000, restore_us=300_000)
    return Drill.objects.create(checkpoint=checkpoint, operation=operation, host=checkpoint.host, **defaults | values)


def test_a_viewer_may_not(viewer):
    assert viewer.post(url(a_checkpoint())).status_code == 403 and not drills().exists()


def test_a_press_asks_for_one_drill_however_often_it_comes(operator):
    checkpoint, key = a_checkpoint(), str(uuid.uuid4())
    for _ in range(2):
        response = operator.post(url(checkpoint), {"request_key": key, "cold": "on"})
    operation = drills().get()
    assert response.url == f"/operations/{operation.pk}/" and operation.options == {"cold": True}
    assert "Drill looper" in words(operator.get(response.url))


def test_another_host_is_offered_where_there_is_one_and_can_be_chosen(operator):
    checkpoint = a_checkpoint()
    page = f"/catalog/{checkpoint.pk}/"
    assert b'name="host"' not in operator.get(page).content
    other = a_host("beside")
    assert f'<option value="{other.pk}">beside</option>' in operator.get(page).content.decode()
    operator.post(url(checkpoint), {"host": other.pk, "request_key": str(uuid.uuid4())})
    assert drills().get().host == other
    a_drill(checkpoint, versions={"podman_version": "4.3.1"})
    assert "local, Podman 4.3.1" in words(operator.get(page))


def test_a_host_that_is_none_is_refused(operator):
    assert operator.post(url(a_checkpoint()), {"host": "99"}).status_code == 422 and not drills().exists()


def test_one_that_is_being_drilled_is_busy(operator):
    checkpoint = a_checkpoint()
    operator.post(url(checkpoint))
    assert operator.post(url(checkpoint)).status_code == 409 and drills().count() == 1


@pytest.mark.parametrize("values", [{"flaw": "damaged", "flaw_at": ago(hours=1)}, {"provenance": "awaiting"}])
def test_what_may_not_be_restored_is_not_drilled(operator, values):
    assert operator.post(url(a_checkpoint(**values))).status_code == 409 and not drills().exists()


def test_the_page_tells_what_was_proven_and_cold_against_warm(viewer):
    checkpoint = a_checkpoint(ready_when={"kind": "tcp", "port": 6379, "seconds": 60})
    page = f"/catalog/{checkpoint.pk}/"
    assert "Nobody has seen it restore yet" in words(viewer.get(page))
    a_drill(checkpoint, cold_us=2_000_000)
    text = words(viewer.get(page))
    assert "ready after 0.50 s" in text and "Ready 4.0 times as fast as from a cold start" in text
    assert "Ready when TCP port 6379 answers" in text
    a_drill(checkpoint, passed=False, step="restoring", reason="criu failed", finished_at=ago(seconds=1))
    assert "at: restoring. criu failed" in words(viewer.get(page))


def test_the_page_tells_of_a_flaw_and_offers_no_drill(operator):
    checkpoint = a_checkpoint(flaw="missing", flaw_at=ago(hours=1), flaw_detail="It is not in the store.")
    response = operator.get(f"/catalog/{checkpoint.pk}/")
    assert "Its archive is missing" in words(response) and "It is not in the store." in words(response)
    assert url(checkpoint).encode() not in response.content
