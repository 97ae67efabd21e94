"""Editing what the catalog says of a checkpoint: name, note, tags; before and after are in the history."""

import pytest

from containers_app.models import AuditEvent
from tests.builders import a_checkpoint, ago

from .conftest import send, words


@pytest.fixture
def checkpoint(db):
    return a_checkpoint(name="warm", note="old", tags=["one"])


def url(checkpoint):
    return f"/catalog/{checkpoint.pk}/edit/"


def test_a_viewer_is_refused(viewer, checkpoint):
    assert viewer.post(url(checkpoint), {"name": "x"}).status_code == 403
    checkpoint.refresh_from_db()
    assert checkpoint.name == "warm"


def test_what_was_changed_is_in_the_history_and_found(operator, checkpoint):
    response = operator.post(
        url(checkpoint), {"name": " hot ", "note": "**new**", "tags": "one, two two", "request_key": KEY}
    )
    assert response.url == f"/catalog/{checkpoint.pk}/"
    event = AuditEvent.objects.get(action="checkpoint.edited")
    assert event.sentence == "changed the name, note and tags of warm"
    assert event.before == {"name": "warm", "note": "old", "tags": ["one"]}
    assert event.after == {"name": "hot", "note": "**new**", "tags": ["one", "two"]}
    assert "<strong>new</strong>" in operator.get(response.url).content.decode()
    found = operator.get("/catalog/", {"q": "two hot"}).context["table"].rows
    assert [row.pk for row in found] == [checkpoint.pk]


def test_what_did_not_change_is_no_event(operator, checkpoint):
    operator.post(url(checkpoint), {"name": "warm", "note": "old", "tags": "one", "request_key": KEY})
    assert not AuditEvent.objects.filter(action="checkpoint.edited").exists()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"name": ""}, "This field is required"),
        ({"name": "x" * 121}, "at most 120"),
        ({"tags": "a,b/c"}, "is not a tag"),
    ],
)
def test_what_cannot_be_used_is_told_beside_its_field(operator, checkpoint, values, said):
    typed = {"name": "hot", "note": "n", "tags": "", "request_key": KEY, **values}
    response = send(operator, url(checkpoint), **typed)
    assert response.status_code == 422 and said in words(response)


def test_what_was_discarded_is_not_edited(operator):
    gone = a_checkpoint(discarded_at=ago(minutes=1))
    assert operator.get(url(gone)).status_code == 409


def test_hostile_values_are_text(operator):
    checkpoint = a_checkpoint(name="<script>n", note="</textarea><script>x")
    text = operator.get(url(checkpoint)).content.decode()
    assert "<script>n" not in text and "<script>x" not in text


KEY = "3d5f9c80-2d2a-4f6a-9d2b-3a0a7f0f2d11"
