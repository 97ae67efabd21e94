"""What every route has: a token, no cookies, problems for everything that goes wrong, one request for one key."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from containers_app.api import frame
from containers_app.models import AuditEvent, Operation
from containers_app.services import audit, tokens
from tests.builders import a_host, a_member, a_token, a_user, ago, an_operator

from .client import Caller, problem

pytestmark = pytest.mark.django_db


def test_no_token_is_no_entry_and_no_event(stranger):
    answer = stranger.get("/api/v1/hosts")
    assert "Bearer" in problem(answer, 401, "not-authenticated")["remedy"]
    assert answer["WWW-Authenticate"].startswith("Bearer") and not AuditEvent.objects.exists()


def test_a_session_is_no_token():
    client = Client()
    client.force_login(a_user(is_superuser=True))
    answer = client.get("/api/v1/hosts")
    problem(answer, 401)
    assert not answer.cookies


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"revoked_at": ago(days=0)}, "revoked"),
        ({"expires_at": ago(seconds=1)}, "expired"),
        ({"user": "gone"}, "inactive"),
    ],
)
def test_a_token_that_opens_nothing_is_refused_and_that_is_an_event(values, why):
    values = {"user": a_user("gone", is_active=False)} if "user" in values else values
    caller = Caller(*a_token(name="ci", **values))
    assert why in problem(caller.get("/hosts"), 401)["detail"]
    event = AuditEvent.objects.get()
    assert (event.action, event.source, event.result) == ("token.refused", "api", "refused")
    assert event.sentence == f"refused the token ci of {caller.user}, which is {why}"
    assert caller.text not in f"{event.sentence}{event.details}"


def test_whoever_tries_many_tokens_is_held_off_and_fills_no_history(stranger, operator):
    for number in range(frame.FAILURES):
        answer = stranger.get("/api/v1/hosts", headers={"Authorization": f"Bearer ffz_{number}"})
        problem(answer, 401)
    answer = stranger.get("/api/v1/hosts", headers={"Authorization": "Bearer ffz_more"})
    problem(answer, 429, "too-many-requests")
    assert answer["Retry-After"] == "60"
    assert AuditEvent.objects.filter(action="token.refused").count() == frame.FAILURES
    assert operator.get("/hosts").status_code == 200  # a good token from the same address


def test_a_token_has_its_persons_rights_and_its_scopes_and_no_more():
    host, person = a_host(), an_operator()
    narrow, viewers = Caller(*a_token(person, ["see"])), Caller(*a_token(a_user()))
    refusal = problem(narrow.post(f"/hosts/{host.pk}/selftest"), 403, "not-allowed")
    assert refusal["remedy"] == "It needs a token with the scope operate."
    assert "role" in problem(viewers.post(f"/hosts/{host.pk}/selftest"), 403)["remedy"]
    assert Caller(*a_token(person)).post(f"/hosts/{host.pk}/selftest").status_code == 202
    refused = AuditEvent.objects.filter(action="request.refused")
    assert [event.authenticated for event in refused] == [f"token {viewers.token}", f"token {narrow.token}"]


def test_what_its_person_loses_the_token_loses_at_once():
    person, host = an_operator(), a_host()
    caller = Caller(*a_token(person))
    a_member(person, "viewer")
    problem(caller.post(f"/hosts/{host.pk}/selftest"), 403)


def test_an_event_tells_the_token_and_where_it_came_from(operator):
    host = a_host()
    operator.post(f"/hosts/{host.pk}/selftest")
    event, operation = AuditEvent.objects.get(), Operation.objects.get()
    assert (event.actor_name, event.source, event.address) == ("olga", "api", "127.0.0.1")
    assert event.authenticated == f"token {operator.token}" and operation.token == operator.token


def test_a_use_is_remembered_once_a_minute(operator):
    operator.get("/hosts")
    operator.token.refresh_from_db()
    used = operator.token.last_used_at
    assert used and operator.token.last_used_from == "127.0.0.1"
    operator.get("/hosts")
    operator.token.refresh_from_db()
    assert operator.token.last_used_at == used


def test_one_key_is_one_request_of_one_person_at_one_address(operator, admin):
    first, second = a_host("first"), a_host("second")
    asked = operator.post(f"/hosts/{first.pk}/selftest", key="job-1")
    assert asked.status_code == 202 and asked["Location"] == f"/api/v1/operations/{asked.json()['id']}"
    assert operator.post(f"/hosts/{first.pk}/selftest", key="job-1").json()["id"] == asked.json()["id"]
    assert operator.post(f"/hosts/{second.pk}/selftest", key="job-1").json()["id"] != asked.json()["id"]
    problem(admin.post(f"/hosts/{first.pk}/selftest", key="job-1"), 409, "conflict")
    assert Operation.objects.count() == 2
    wrong = problem(operator.post(f"/hosts/{first.pk}/selftest", key="a key"), 422)
    assert wrong["errors"] == [{"field": "Idempotency-Key", "message": "1 to 255 printable characters."}]


@pytest.mark.parametrize("path", ["/", "/nowhere", "/hosts/", "/hosts/1/nothing"])
def test_an_address_that_leads_nowhere_is_a_problem(operator, path):
    problem(operator.get(path), 404, "not-found")


def test_a_method_that_is_not_there_tells_those_that_are(operator):
    answer = operator.call("DELETE", "/hosts")
    problem(answer, 405, "method-not-allowed")
    assert answer["Allow"] == "GET"


@pytest.mark.parametrize("number", ["0", "-1", "x", str(2**63), "1.5", "%00"])
def test_a_number_that_is_none_is_told_by_its_field(operator, number):
    wrong = problem(operator.get(f"/hosts/{number}"), 422, "bad-input")
    assert [error["field"] for error in wrong["errors"]] == ["host_id"]


def test_every_answer_is_kept_by_nobody(operator, stranger):
    for answer in (operator.get("/hosts"), operator.get("/nowhere"), stranger.get("/api/v1/hosts")):
        assert answer["Cache-Control"] == "no-store"


def test_a_failure_of_our_own_is_a_problem_without_its_words(operator, monkeypatch):
    monkeypatch.setattr("containers_app.queries.hosts", lambda: 1 / 0)
    told = problem(operator.get("/hosts"), 500, "error")
    assert "division" not in str(told)


def test_an_unwritable_history_answers_unavailable(operator, unwritable_history):
    host = a_host()
    unwritable_history()
    problem(operator.post(f"/hosts/{host.pk}/selftest"), 503, "unavailable")
    assert not Operation.objects.exists()


def test_pages_follow_each_other_without_a_gap(operator):
    made = [a_host(f"host-{number}").pk for number in range(7)]
    found, cursor = [], ""
    while cursor is not None:
        answer = operator.get("/hosts", limit=3, cursor=cursor).json()
        found += [host["id"] for host in answer["items"]]
        cursor = answer["next"]
    assert found == sorted(made, reverse=True)
    for wrong in ({"limit": 0}, {"limit": 201}, {"cursor": "x"}):
        assert problem(operator.get("/hosts", **wrong), 422)["errors"][0]["field"] == next(iter(wrong))


def test_the_token_costs_one_query_and_its_use_another_once_a_minute(operator):
    a_host()
    operator.get("/hosts")
    with CaptureQueriesContext(connection) as captured:
        operator.get("/hosts")
    assert len(captured) == 3  # the token, its person's role, the hosts


def test_a_token_is_not_in_the_database():
    person = a_user()
    token, text = tokens.create(by=audit.Caller(user=person), user=person, name="ci", scopes=["see"], days=1)
    assert text.startswith("ffz_") and len(text) == 47 and text not in str(vars(token))
    assert tokens.find(text) == token and tokens.find(text[:-1]) is None and tokens.find("") is None
