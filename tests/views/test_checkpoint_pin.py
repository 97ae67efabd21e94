"""Pinning: what is pinned is not discarded; the form says what is wanted, so a second press changes nothing."""

import pytest

from containers_app.models import AuditEvent
from tests.builders import a_checkpoint, an_operation


@pytest.fixture
def checkpoint(db):
    return a_checkpoint(name="warm")


def pinned(client, checkpoint, wanted):
    response = client.post(f"/catalog/{checkpoint.pk}/pin/", {"pinned": wanted})
    checkpoint.refresh_from_db()
    return response.status_code, checkpoint.pinned


def test_it_is_pinned_and_let_go_and_both_are_in_the_history(operator, checkpoint):
    assert pinned(operator, checkpoint, "yes") == pinned(operator, checkpoint, "yes") == (302, True)
    assert "pinned" in operator.get("/catalog/").content.decode()
    assert pinned(operator, checkpoint, "no") == (302, False)
    events = AuditEvent.objects.filter(checkpoint=checkpoint).order_by("pk").values_list("sentence", flat=True)
    assert list(events) == ["pinned warm", "unpinned warm"]


def test_a_viewer_is_refused(viewer, checkpoint):
    assert pinned(viewer, checkpoint, "yes") == (403, False)


def test_what_is_being_discarded_is_pinned_too_late(operator, checkpoint):
    discard = an_operation(kind="discard", container=None, checkpoint=checkpoint, host=checkpoint.host, state="started")
    assert pinned(operator, checkpoint, "yes") == (409, False)
    discard.delete()


def test_a_discard_that_waits_is_still_stopped_by_a_pin(operator, checkpoint):
    an_operation(kind="discard", container=None, checkpoint=checkpoint, host=checkpoint.host)
    assert pinned(operator, checkpoint, "yes") == (302, True)
