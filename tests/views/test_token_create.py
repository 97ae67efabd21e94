"""Making a token: some of one's rights, shown once, an event; a service account's by who manages people."""

import uuid

from containers_app.models import AuditEvent, Token
from containers_app.services import tokens
from tests.builders import a_token, a_user, an_admin

from .conftest import send, words


def make(client, **values):
    sent = {"name": "ci", "days": 30, "scopes": ["see"], "request_key": uuid.uuid4(), **values}
    return send(client, "/tokens/new/", **sent)


def test_a_token_is_made_and_shown_once(operator):
    response = make(operator, scopes=["see", "checkpoint"])
    token = Token.objects.get()
    text = words(response)
    shown = next(word for word in text.split() if word.startswith("ffz_") and "…" not in word)
    assert tokens.find(shown) == token and response["Cache-Control"] == "no-store"
    assert (token.user, token.name, token.scopes) == (operator.user, "ci", ["checkpoint", "see"])
    assert shown not in words(operator.get("/tokens/"))
    event = AuditEvent.objects.get(action="token.created")
    assert event.sentence == "made the token ci of olga" and event.after["scopes"] == ["checkpoint", "see"]
    assert shown not in str(vars(event))


def test_only_ones_own_rights_are_offered_and_taken(viewer):
    page = viewer.get("/tokens/new/").content.decode()
    assert 'value="see"' in page and 'value="restore"' not in page
    response = make(viewer, scopes=["see", "restore"])
    assert response.status_code == 422 and "restore is not one of the available choices" in words(response)
    assert not Token.objects.exists()


def test_the_same_press_makes_one_token(operator):
    key = uuid.uuid4()
    make(operator, request_key=key)
    again = make(operator, request_key=key, name="other")
    assert again.status_code == 409 and "shown once" in words(again) and Token.objects.count() == 1


def test_what_is_wrong_stands_beside_its_field(operator):
    a_token(operator.user, name="ci")
    assert "has a token called ci" in words(make(operator))
    assert "Choose what it may do" in words(make(operator, scopes=[], name="a"))
    assert make(operator, days=3650, name="a").status_code == 422
    assert make(operator, name="x" * 27).status_code == 422
    assert Token.objects.count() == 1


def test_a_name_is_free_again_once_its_token_is_revoked(operator):
    token, _ = a_token(operator.user, name="ci")
    tokens.revoke(by=tokens.audit.Caller(user=operator.user), token=token)
    assert make(operator).status_code == 200


def test_a_service_accounts_token_is_made_by_who_manages_people(client, viewer, service_account):
    assert make(viewer, account=service_account.pk).status_code == 403
    client.force_login(an_admin())
    assert make(client, account=service_account.pk, scopes=["restore"]).status_code == 200
    assert Token.objects.get().user == service_account
    assert make(client, account=a_user("other").pk).status_code == 404
    assert make(client, account="x").status_code == 404
