"""What tests of the API share: a client that comes with a token, and what a problem looks like."""

import pytest
from django.core.cache import cache
from django.test import Client

from tests.builders import a_token, an_admin, an_operator
from tests.relay import relay

from .client import Caller


@pytest.fixture(autouse=True)
def no_refusals():
    """Refused tokens are counted by address for a minute: each test begins anew."""
    cache.clear()


@pytest.fixture(autouse=True)
def agent_that_sends_archives(monkeypatch):
    relay(monkeypatch)


@pytest.fixture
def stranger(db):
    """Without a token."""
    return Client()


@pytest.fixture
def operator(db):
    return Caller(*a_token(an_operator("olga")))


@pytest.fixture
def admin(db):
    return Caller(*a_token(an_admin("ada")))
