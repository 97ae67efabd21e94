"""Saving a search of the catalog under a name, for the person alone."""

from containers_app.models import AuditEvent, SavedSearch
from containers_app.services import catalog

from .conftest import words

URL = "/catalog/searches/"


def test_a_stranger_is_asked_to_sign_in(stranger):
    assert stranger.post(URL, {"name": "mine"}).url.startswith("/sign-in/")


def test_it_is_kept_by_name_for_the_person_alone(operator, viewer):
    response = operator.post(URL, {"name": " mine ", "query": "q=warm&who=&before=3&x=%3Cb%3E"})
    assert response.url == "/catalog/?q=warm"
    assert 'href="/catalog/?q=warm"' in operator.get("/catalog/").content.decode()
    assert "Saved searches" not in words(viewer.get("/catalog/"))
    search = SavedSearch.objects.get()
    assert (search.user, search.name) == (operator.user, "mine")


def test_the_same_name_again_replaces_it_and_both_are_in_the_history(operator):
    for query in ("q=warm", "q=cold"):
        operator.post(URL, {"name": "mine", "query": query})
    assert SavedSearch.objects.get().query == "q=cold"
    event = AuditEvent.objects.filter(action="search.saved").first()
    assert (event.before, event.after) == ({"query": "q=warm"}, {"query": "q=cold"})


def test_without_a_name_it_is_refused_in_words(operator):
    response = operator.post(URL, {"name": "", "query": "q=warm"}, follow=True)
    assert "needs a name" in words(response) and not SavedSearch.objects.exists()


def test_nobody_keeps_more_than_there_is_room_for(operator, monkeypatch):
    monkeypatch.setattr(catalog, "MOST_SEARCHES", 1)
    operator.post(URL, {"name": "one", "query": "q=warm"})
    assert operator.post(URL, {"name": "two", "query": "q=warm"}).status_code == 409
    assert SavedSearch.objects.count() == 1
