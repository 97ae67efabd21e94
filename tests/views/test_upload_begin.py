"""An upload begins with a name and a size, by who may bring archives in."""

import pytest

URL = "/catalog/uploads/"


@pytest.fixture(autouse=True)
def spool(settings, tmp_path):
    settings.SPOOL_DIR, settings.SPOOL_BYTES = tmp_path / "spool", 1_000_000


def begin(client, size=10):
    return client.post(URL, {"name": "warm.tar", "size": size}, "application/json")


def test_it_says_where_the_pieces_go(operator):
    response = begin(operator)
    said = response.json()
    assert response.status_code == 201
    assert (said["offset"], said["size"], said["state"]) == (0, 10, "receiving")
    assert said["url"] == f"{URL}{said['key']}/" and said["piece"] > 1_000_000


def test_it_is_for_those_who_may_bring_archives_in(viewer, stranger):
    assert begin(viewer).status_code == 403 and begin(stranger).status_code == 302


@pytest.mark.parametrize("body", ["", "[]", '{"name": "a"}', '{"name": "a", "size": "x"}', '{"name": "a", "size": 0}'])
def test_an_upload_needs_a_name_and_a_size(operator, body):
    response = operator.post(URL, body, "application/json")
    assert response.status_code == 422 and response.json()["error"]


def test_what_does_not_fit_is_said_in_words(operator):
    response = begin(operator, size=2_000_000)
    assert response.status_code == 422 and "GiB at the most" in response.json()["error"]
