"""What a search of memory found: for those who hold the right, each look an event, and wiped in time."""

import pytest
from django.test import Client
from django.utils import timezone

from containers_app.models import AuditEvent, MemorySearch
from tests.builders import a_checkpoint, an_admin, an_operation

from .conftest import words


@pytest.fixture
def admin(db):
    client = Client()
    client.force_login(an_admin("ada"))
    return client


@pytest.fixture
def checkpoint(db):
    return a_checkpoint(name="warm")


def hit(**values):
    values = {"pid": 5, "name": "redis", "address": "7f00", "member": "pages-1.img", "offset": 77, **values}
    return {"size": 6, "before": "<b>", "match": "secret", "after": "</b>", "others": [9], **values}


def a_search(checkpoint, hits):
    operation = an_operation(
        kind="memory_search", checkpoint=checkpoint, container=None, host=checkpoint.host, state="succeeded",
        options={"pattern": "secret"}, summary="Found 1 place in 1 process in 0.3 s.",
    )  # fmt: skip
    MemorySearch.objects.create(
        operation=operation, checkpoint=checkpoint, finished_at=timezone.now(), searched_bytes=4096, found=1, hits=hits
    )
    return operation


def test_what_was_found_is_shown_with_its_place_and_the_look_is_an_event(admin, checkpoint):
    operation = a_search(checkpoint, [hit()])
    text = admin.get(f"/catalog/memory/{operation.pk}/").content.decode()
    for said in ("redis", "0x7f00", "pages-1.img + 77", "&lt;b&gt;<mark>secret</mark>&lt;/b&gt;", "shared with 9"):
        assert said in text, said
    event = AuditEvent.objects.get(action="memory.viewed")
    assert event.details == {"pattern": "secret", "found": 1} and event.actor_name == "ada"


def test_what_was_wiped_is_gone(admin, checkpoint):
    operation = a_search(checkpoint, None)
    assert "has been wiped" in words(admin.get(f"/catalog/memory/{operation.pk}/"))


def test_another_operation_is_no_search(admin, checkpoint):
    assert admin.get(f"/catalog/memory/{checkpoint.operation_id}/").status_code == 404


def test_a_stranger_is_asked_to_sign_in(stranger, checkpoint):
    assert stranger.get(f"/catalog/memory/{a_search(checkpoint, []).pk}/").status_code == 302


@pytest.mark.parametrize("who", ["viewer", "operator"])
def test_without_the_right_nothing_is_shown(request, who, checkpoint):
    response = request.getfixturevalue(who).get(f"/catalog/memory/{a_search(checkpoint, [hit()]).pk}/")
    assert response.status_code == 403 and b"secret" not in response.content
    assert not AuditEvent.objects.filter(action="memory.viewed").exists()
