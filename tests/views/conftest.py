"""What tests of pages share: the three people, htmx requests, and how many queries a page takes."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.builders import a_person, a_role, a_service_account, a_user, an_operator

MOST_QUERIES = 12


@pytest.fixture
def stranger(db):
    """Not signed in."""
    return Client()


@pytest.fixture
def viewer(db):
    """Signed in, without the operator's right."""
    return _signed_in(a_user("vera"))


@pytest.fixture
def auditor(db):
    return _signed_in(a_person("auditor", "lea"))


@pytest.fixture
def reader(db):
    """Reads the history, and may neither export it nor have it verified."""
    return _signed_in(a_person(a_role("see", "read_audit").name, "rita"))


@pytest.fixture
def operator(db):
    return _signed_in(an_operator("olga"))


@pytest.fixture
def service_account(db):
    return a_service_account("ci", purpose="builds images")


def _signed_in(user):
    client = Client()
    client.force_login(user)
    client.user = user
    return client


def fragment(client, url, target, **values):
    """The answer to htmx, which wants what belongs into the element with the id `target`."""
    return client.get(url, values, headers={"HX-Request": "true", "HX-Target": target})


def send(client, url, target="dialog", **values):
    """A form sent by htmx from the dialog."""
    return client.post(url, values, headers={"HX-Request": "true", "HX-Target": target})


def words(response):
    """What a person reads, without the markup, in one line."""
    text = re.sub(r"<(script|style|title|svg)\b.*?</\1>", " ", response.content.decode(), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def queries(client, url, **headers):
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(url, headers=headers).status_code == 200
    return len(captured)


def assert_same_queries(client, url, more, **headers):
    """A page takes as many queries with what is there as after `more()`, and never more than MOST_QUERIES."""
    few = queries(client, url, **headers)
    more()
    many = queries(client, url, **headers)
    assert few == many <= MOST_QUERIES
