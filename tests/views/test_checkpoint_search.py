"""The form that searches memory: for those who hold the right."""

import uuid

import pytest
from django.test import Client

from containers_app.models import AuditEvent, Operation
from tests.builders import a_checkpoint, an_admin

from .conftest import words


@pytest.fixture
def admin(db):
    client = Client()
    client.force_login(an_admin("ada"))
    return client


@pytest.fixture
def checkpoint(db):
    return a_checkpoint(name="warm")


def url(checkpoint):
    return f"/catalog/{checkpoint.pk}/search/"


def press(client, checkpoint, **values):
    return client.post(url(checkpoint), {"request_key": uuid.uuid4(), **values})


@pytest.mark.parametrize("who", ["viewer", "operator"])
def test_without_the_right_it_is_refused_and_nothing_is_asked_for(request, who, checkpoint):
    client = request.getfixturevalue(who)
    assert client.get(url(checkpoint)).status_code == 403
    assert press(client, checkpoint, pattern="secret").status_code == 403
    assert not Operation.objects.filter(kind="memory_search").exists()
    assert AuditEvent.objects.filter(action="request.refused").count() == 2


def test_a_press_asks_for_a_search_and_leads_to_it(admin, checkpoint):
    response = press(admin, checkpoint, pattern=" sec<ret", regular="on")
    operation = Operation.objects.get(kind="memory_search")
    assert response.url == f"/catalog/memory/{operation.pk}/"
    assert operation.options == {"pattern": " sec<ret", "regular": True, "ignore_case": False}
    page = admin.get(response.url)
    assert "sec&lt;ret" in page.content.decode() and "It waits for the agent" in words(page)
    assert "Cancel" in words(page) and page["Cache-Control"] == "no-store"
    assert "sec&lt;ret" in admin.get(url(checkpoint)).content.decode()


def test_what_is_wrong_with_a_pattern_stands_beside_it(admin, checkpoint):
    response = press(admin, checkpoint, pattern="(", regular="on")
    assert response.status_code == 422 and "no regular expression" in words(response)
