"""Favourites: each person's own; the star comes back alone for htmx, the page without JavaScript."""

import pytest

from containers_app.models import AuditEvent
from tests.builders import a_checkpoint

from .conftest import send


@pytest.fixture
def checkpoint(db):
    return a_checkpoint(name="warm")


def url(checkpoint):
    return f"/catalog/{checkpoint.pk}/favourite/"


def test_a_stranger_is_asked_to_sign_in(stranger, checkpoint):
    assert stranger.post(url(checkpoint), {"favourite": "yes"}).url.startswith("/sign-in/")


def test_it_is_one_persons_alone(viewer, operator, checkpoint):
    response = send(viewer, url(checkpoint), favourite="yes")
    assert b"is a favourite" in response.content and b"<html" not in response.content
    assert [row.pk for row in viewer.get("/catalog/?favourite=yes").context["table"].rows] == [checkpoint.pk]
    assert operator.get("/catalog/?favourite=yes").context["table"].rows == []
    send(viewer, url(checkpoint), favourite="no")
    assert viewer.get("/catalog/?favourite=yes").context["table"].rows == []
    events = AuditEvent.objects.filter(checkpoint=checkpoint).order_by("pk").values_list("action", flat=True)
    assert list(events) == ["favourite.added", "favourite.removed"]


def test_without_javascript_the_page_comes_anew(viewer, checkpoint):
    there = "/catalog/?q=warm&before=3"
    assert viewer.post(url(checkpoint), {"favourite": "yes", "next": there}).url == there


@pytest.mark.parametrize("elsewhere", ["https://e.example/", "//e.example/", "javascript:alert(1)"])
def test_nobody_is_sent_elsewhere(viewer, checkpoint, elsewhere):
    response = viewer.post(url(checkpoint), {"favourite": "yes", "next": elsewhere})
    assert response.url == f"/catalog/{checkpoint.pk}/"
