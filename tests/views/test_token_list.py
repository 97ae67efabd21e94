"""The page of tokens: one's own, and for who manages people those of service accounts."""

from tests.builders import a_token, a_user, ago, an_admin
from tests.views.conftest import assert_same_queries, words


def test_a_person_sees_their_own_tokens_and_nobody_elses(viewer):
    a_token(viewer.user, ["see"], name="nightly", last_used_at=ago(minutes=5), last_used_from="192.0.2.7")
    a_token(viewer.user, name="old", revoked_at=ago(days=1), revoked_by_name="ada")
    a_token(a_user("other"), name="theirs")
    text = words(viewer.get("/tokens/"))
    assert "nightly" in text and "5 min ago from 192.0.2.7" in text and "revoked" in text and "by ada" in text
    assert "theirs" not in text and "service account" not in text


def test_who_manages_people_sees_service_accounts(client, service_account):
    client.force_login(an_admin())
    a_token(service_account, ["see"], name="deploy")
    text = words(client.get("/tokens/"))
    assert "ci builds images Roles of ci · Make a token of ci" in text and "deploy" in text


def test_the_page_takes_as_many_queries_with_many_tokens(client, service_account):
    client.force_login(admin := an_admin())
    a_token(admin)
    a_token(service_account)
    assert_same_queries(client, "/tokens/", lambda: [a_token(whose) for whose in (admin, service_account) * 20])
