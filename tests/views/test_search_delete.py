"""Deleting a search: one's own alone."""

import pytest

from containers_app.models import AuditEvent, SavedSearch


@pytest.fixture
def search(operator):
    return SavedSearch.objects.create(user=operator.user, name="mine", query="q=warm")


def url(search):
    return f"/catalog/searches/{search.pk}/delete/"


def test_it_is_gone_and_the_history_tells_what_it_was(operator, search):
    assert operator.post(url(search)).url == "/catalog/"
    assert not SavedSearch.objects.exists()
    assert AuditEvent.objects.get(action="search.deleted").before == {"query": "q=warm"}


def test_another_persons_is_not_there(viewer, search):
    assert viewer.post(url(search)).status_code == 404 and SavedSearch.objects.exists()


def test_nothing_is_deleted_by_looking(operator, search):
    assert operator.get(url(search)).status_code == 405
