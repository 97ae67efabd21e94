"""The review of an archive from elsewhere: in plain words for everybody, decided by right, and its badge everywhere."""

import uuid

import pytest

from containers_app.models import AuditEvent
from tests.builders import a_review, a_user
from tests.views.conftest import words

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(client):
    client.force_login(a_user("ada", is_superuser=True))
    return client


def url(review):
    return f"/catalog/reviews/{review.pk}/"


def decide(client, review, decision="approve", reason="from our build farm"):
    return client.post(url(review), {"request_key": uuid.uuid4(), "decision": decision, "reason": reason})


def test_everybody_reads_what_it_may_do(viewer, stranger):
    review = a_review(
        privileges=[{"key": "binds", "title": "Mounts of the host", "words": "/srv/data at /data", "more": True}]
    )
    page = words(viewer.get(url(review)))
    assert "Mounts of the host more than usual: /srv/data at /data" in page
    assert "Beyond the import policy 1" in page and "It waits for somebody who may approve" in page
    assert b'name="decision"' not in viewer.get(url(review)).content
    assert stranger.get(url(review)).status_code == 302


def test_an_operator_may_not_decide(operator):
    review = a_review()
    assert decide(operator, review).status_code == 403
    review.refresh_from_db()
    assert review.verdict == "awaiting"


def test_an_administrator_approves_with_a_reason(admin):
    review = a_review()
    assert decide(admin, review).status_code == 302
    page = words(admin.get(url(review)))
    assert "approved" in page and "from our build farm" in page
    assert AuditEvent.objects.get(action="archive.approved").actor_name == "ada"
    catalog = words(admin.get(f"/catalog/{review.checkpoint.pk}/"))
    assert "Approved by ada" in catalog


def test_without_a_reason_it_is_said_beside_its_field(admin):
    review = a_review()
    response = decide(admin, review, reason=" ")
    assert response.status_code == 422 and "Say why" in words(response)


def test_who_brought_it_in_is_told_that_another_must(admin):
    review = a_review(by=a_user_of(admin))
    assert "somebody else must approve it" in words(admin.get(url(review)))
    assert b'value="approve"' not in admin.get(url(review)).content
    assert decide(admin, review).status_code == 403
    assert decide(admin, review, decision="refuse").status_code == 302


def a_user_of(client):
    return type(a_user()).objects.get(pk=client.session["_auth_user_id"])


def test_what_waits_cannot_be_restored_and_says_why(admin):
    review = a_review()
    page = admin.get(f"/catalog/{review.checkpoint.pk}/")
    assert "awaits an approval" in words(page) and b'aria-disabled="true"' in page.content
    form = {"as_new": "on", "name": "copy", "request_key": uuid.uuid4(), "copies": 1}
    response = admin.post(f"/catalog/{review.checkpoint.pk}/restore/", form)
    assert response.status_code == 422 or response.status_code == 409
    assert "awaits an approval" in words(response)


def test_hostile_words_are_shown_and_do_nothing(admin):
    evil = '<script>alert(1)</script>\u202e"onload='
    review = a_review(
        file_name=evil, findings=[{"level": "approval", "key": "x", "words": evil}],
        privileges=[{"key": "x", "title": evil, "words": evil, "more": True}],
    )  # fmt: skip
    content = admin.get(url(review)).content.decode()
    assert "<script>alert" not in content and "\u202e" not in content
