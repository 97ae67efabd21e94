"""CRIU's own switches: a form of a fixed list, for administrators, that loses nothing that was typed."""

import uuid

import pytest
from django.test import Client

from containers_app.models import Operation
from tests.builders import a_host, an_admin

from .conftest import send, words


@pytest.fixture
def admin(db):
    client = Client()
    client.force_login(an_admin())
    return client


@pytest.fixture
def host(db):
    host = a_host()
    host.facts["criu_config"] = {"switches": {"ghost-limit": "5M"}, "digest": "d" * 64, "ours": False, "text": "x"}
    host.save()
    return host


def url(host):
    return f"/hosts/{host.pk}/criu/"


def test_it_shows_what_is_set_and_asks_for_exactly_what_is_sent(admin, host):
    text = admin.get(url(host)).content.decode()
    assert 'value="5M"' in text and "written by somebody else" in text and "link-remap" in text
    sent = {"digest": "d" * 64, "link_remap": "on", "ghost_limit": "", "timeout": "30", "request_key": uuid.uuid4()}
    response = send(admin, url(host), **sent)
    operation = Operation.objects.get()
    assert response["HX-Redirect"] == f"/operations/{operation.pk}/"
    assert operation.options == {"values": {"link-remap": "", "timeout": "30"}, "digest": "d" * 64}
    assert "CRIU’s switches of local" in words(admin.get(f"/operations/{operation.pk}/"))


def test_what_a_switch_does_not_take_stands_beside_it(admin, host):
    response = send(admin, url(host), timeout="soon", ghost_limit="7M", request_key=uuid.uuid4())
    text = response.content.decode()
    assert response.status_code == 422 and 'id="id_timeout_error"' in text and 'value="7M"' in text
    assert not Operation.objects.exists()


def test_only_who_manages_hosts_may(operator, viewer, host):
    for client in (operator, viewer):
        assert client.get(url(host)).status_code == 403
        assert send(client, url(host), request_key=uuid.uuid4()).status_code == 403
        assert "CRIU’s switches of" not in words(client.get(f"/hosts/{host.pk}/"))
