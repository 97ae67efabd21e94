"""The pieces of an upload: in order, from where it stopped, by its owner alone."""

import json
import uuid

import pytest
from django.test import Client

from containers_app.models import Operation
from tests.builders import a_host, an_operator


@pytest.fixture(autouse=True)
def spool(settings, tmp_path):
    settings.SPOOL_DIR, settings.SPOOL_BYTES = tmp_path / "spool", 1_000_000
    return lambda: sorted(entry.name for entry in (tmp_path / "spool").glob("*"))


@pytest.fixture
def host(db):
    return a_host()


def begin(client):
    return client.post("/catalog/uploads/", {"name": "warm.tar", "size": 10}, "application/json")


def press(client, host, **values):
    return client.post("/catalog/import/", {"request_key": uuid.uuid4(), "host": host.pk, **values})


def put(client, url, offset, content):
    return client.put(f"{url}?offset={offset}", content, "application/octet-stream")


def test_pieces_come_in_order_and_the_form_takes_them(operator, host):
    said = begin(operator).json()
    assert (said["offset"], said["size"], said["state"]) == (0, 10, "receiving")
    assert put(operator, said["url"], 0, b"12345").json()["offset"] == 5
    assert operator.get(said["url"]).json()["offset"] == 5
    assert put(operator, said["url"], 5, b"67890").json()["offset"] == 10
    assert press(operator, host, upload=said["key"]).status_code == 302
    assert Operation.objects.get().subject == "warm.tar"


def test_a_piece_at_the_wrong_place_says_which_is_wanted(operator, host):
    url = begin(operator).json()["url"]
    put(operator, url, 0, b"123")
    response = put(operator, url, 0, b"123")
    assert response.status_code == 409 and "wanted is 3" in response.json()["error"]
    for offset in ("", "-1", "x", "９"):
        assert operator.put(f"{url}?offset={offset}", b"x", "application/octet-stream").status_code == 422
    assert put(operator, url, 3, b"").status_code == 422


def test_an_upload_is_its_owner_s_alone(operator, viewer, host):
    url = begin(operator).json()["url"]
    other = Client()
    other.force_login(an_operator())
    assert viewer.get(url).status_code == 403
    for answer in (other.get(url), put(other, url, 0, b"x"), other.delete(url)):
        assert answer.status_code == 404
    assert press(other, host, upload=json.loads(operator.get(url).content)["key"]).status_code == 422


def test_what_is_stopped_is_gone(operator, host, spool):
    url = begin(operator).json()["url"]
    assert operator.delete(url).status_code == 204
    assert spool() == [] and operator.get(url).status_code == 404
