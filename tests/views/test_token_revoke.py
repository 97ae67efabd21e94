"""Revoking a token: its own person, or who manages people; at once and for good."""

import uuid

from containers_app.models import AuditEvent
from tests.builders import a_token, a_user, an_admin

from .conftest import send, words


def revoke(client, token):
    return send(client, f"/tokens/{token.pk}/revoke/", request_key=uuid.uuid4())


def test_a_person_revokes_their_own(viewer):
    token, text = a_token(viewer.user, name="ci")
    assert "It cannot be taken back" in words(viewer.get(f"/tokens/{token.pk}/revoke/"))
    for _ in range(2):
        assert revoke(viewer, token)["HX-Redirect"] == "/tokens/"
    token.refresh_from_db()
    assert token.why_not == "revoked" and token.revoked_by_name == "vera"
    assert AuditEvent.objects.get(action="token.revoked").sentence == "revoked the token ci of vera"
    assert viewer.get("/api/v1/hosts", headers={"Authorization": f"Bearer {text}"}).status_code == 401


def test_another_persons_is_not_there_but_for_who_manages_people(viewer, client):
    token, _ = a_token(a_user("other"))
    assert revoke(viewer, token).status_code == 404
    client.force_login(an_admin())
    assert revoke(client, token).status_code == 200
    token.refresh_from_db()
    assert token.why_not == "revoked"
