"""Adding a service account: a name in the history, no password, no right of its own."""

import uuid

from containers_app import access
from containers_app.models import AuditEvent, ServiceAccount
from tests.builders import an_admin

from .conftest import send, words


def add(client, name, purpose="builds images"):
    return send(client, "/tokens/account/", name=name, purpose=purpose, request_key=uuid.uuid4())


def test_it_is_added_by_who_manages_people(client, operator):
    assert add(operator, "ci").status_code == 403
    client.force_login(an_admin())
    assert "no password" in words(client.get("/tokens/account/"))
    assert add(client, "ci")["HX-Redirect"] == "/tokens/"
    account = ServiceAccount.objects.get()
    assert not account.user.has_usable_password() and access.rights_on(account.user) == frozenset()
    assert AuditEvent.objects.get(action="service_account.added").after == {"name": "ci", "purpose": "builds images"}


def test_a_name_that_is_taken_or_no_name_is_told_beside_its_field(client, db):
    client.force_login(an_admin("ada"))
    assert "The name ADA is taken" in words(add(client, "ADA"))
    assert "valid username" in words(add(client, "a b"))
    assert not ServiceAccount.objects.exists()
