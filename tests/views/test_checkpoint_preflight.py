"""What is in the way of a restore: a part of its form, and a page of its own."""

from containers_app.runtime.preflight import Finding
from containers_app.services import preflights
from tests.builders import a_checkpoint, a_host

from .conftest import fragment, words

TAKEN = Finding("name-taken", "Its name is taken", "block", "By another.", "Choose another.", "name", forceable=False)


def url(checkpoint):
    return f"/catalog/{checkpoint.pk}/preflight/"


def test_it_is_asked_with_the_form_as_it_stands(operator, monkeypatch):
    asked = []
    monkeypatch.setattr(preflights, "ask_restore", lambda checkpoint, options, host: asked.append(options) or [])
    sent = {"as_new": "on", "name": "copy", "publish": "8080:80\n8443:443", "tcp_established": "on", "pod": "web"}
    fragment(operator, url(a_checkpoint()), "preflight", **sent)
    assert (asked[0].name, asked[0].publish, asked[0].pod) == ("copy", ["8080:80", "8443:443"], "web")
    assert asked[0].tcp_established and not asked[0].keep
    operator.get(url(a_checkpoint()), {**sent, "as_new": ""})
    assert asked[1].name == "" and asked[1].publish == []


def test_of_copies_each_is_asked_for_with_its_own_name_and_port(operator, monkeypatch):
    asked = []
    monkeypatch.setattr(preflights, "ask_restore", lambda checkpoint, *copies, host: asked.append(copies) or [])
    sent = {"as_new": "on", "name": "web-{n}", "publish": "8080:80", "copies": "3"}
    fragment(operator, url(a_checkpoint()), "preflight", **sent)
    assert [(copy.name, copy.publish) for copy in asked[0]] == [
        ("web-1", ["8080:80"]), ("web-2", ["8081:80"]), ("web-3", ["8082:80"]),
    ]  # fmt: skip


def test_ports_that_cannot_be_counted_are_said_where_they_stand(operator):
    sent = {"as_new": "on", "name": "web", "publish": "8080-8090:80", "copies": "3"}
    response = fragment(operator, url(a_checkpoint()), "preflight", **sent)
    assert "cannot be counted up" in words(response) and b'data-cure="id_publish"' in response.content


def test_what_is_in_the_way_leads_to_its_field(operator, monkeypatch):
    monkeypatch.setattr(preflights, "ask_restore", lambda checkpoint, options, host: [TAKEN.as_json()])
    response = operator.get(url(a_checkpoint()))
    assert "Its name is taken" in words(response) and b'data-cure="id_name"' in response.content


def test_it_is_asked_of_the_host_that_was_chosen(operator, monkeypatch):
    asked = []
    monkeypatch.setattr(preflights, "ask_restore", lambda checkpoint, options, host: asked.append(host.name) or [])
    checkpoint, other = a_checkpoint(), a_host(name="other")
    operator.get(url(checkpoint))
    operator.get(url(checkpoint), {"host": other.pk})
    operator.get(url(checkpoint), {"host": "999"})
    assert asked == ["local", "other", "local"]


def test_a_viewer_may_not(viewer):
    assert viewer.get(url(a_checkpoint())).status_code == 403
