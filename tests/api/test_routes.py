"""Every route: it has a right of its own, says what its document says, and lets in nobody who has not that right."""

import re

import pytest

from containers_app import access
from containers_app.api import api
from containers_app.models import AuditEvent, Operation
from tests.builders import a_person, a_role, a_team, a_token, a_user, an_admin, an_outsider

from .client import Caller, problem
from .examples import EXAMPLES, make

pytestmark = pytest.mark.django_db

DOCUMENT = api.get_openapi_schema(path_prefix="/api/v1/")
ROUTES = {
    details["operationId"]: (method.upper(), path.removeprefix("/api/v1"), details)
    for path, methods in DOCUMENT["paths"].items()
    for method, details in methods.items()
}
OF_THE_HOUSE = {"host", "image", "verification"}  # seen by everybody who sees anything
every_route = pytest.mark.parametrize("name", ROUTES)


def call(caller, name, owner=None):
    path, body = make(name, owner or caller.user)
    return caller.call(ROUTES[name][0], path, body)


def right_of(name):
    return ROUTES[name][2]["x-right"]


def test_every_route_has_an_example_and_a_right():
    assert EXAMPLES.keys() == ROUTES.keys()
    for name, (_, path, _) in ROUTES.items():
        assert right_of(name) in access.RIGHTS
        assert EXAMPLES[name].path.partition("?")[0] == path


@every_route
def test_a_route_does_what_its_document_says(name):
    details, caller = ROUTES[name][2], Caller(*a_token(an_admin("ada")))
    answer = call(caller, name)
    status = next(code for code in details["responses"] if code.startswith("2"))
    assert answer.status_code == int(status), b"".join(answer) if answer.streaming else answer.content
    content = details["responses"][status].get("content", {None: ""})
    assert answer.get("Content-Type", "").partition(";")[0] in content or status == "204"
    assert answer["Cache-Control"] == "no-store"
    if "Location" in answer:
        operation = Operation.objects.get(pk=answer.json()["id"])
        assert answer["Location"] == f"/api/v1/operations/{operation.pk}"
        assert (operation.requested_by, operation.token) == (caller.user, caller.token)


@every_route
def test_a_token_with_its_scope_alone_is_enough_and_one_with_all_others_is_not(name):
    person = an_admin("ada")
    others = Caller(*a_token(person, access.RIGHTS.keys() - {right_of(name)}))
    refused = call(others, name)
    if right_of(name) == "see" and EXAMPLES[name].noun:
        problem(refused, 404, "not-found")  # what may not be seen is not there
    else:
        assert problem(refused, 403, "not-allowed")["remedy"].endswith(f"the scope {right_of(name)}.")
        assert AuditEvent.objects.filter(action="request.refused", authenticated=f"token {others.token}").exists()
    assert not Operation.objects.filter(requested_by=person).exists()
    seen = {"see", "clone", right_of(name)} if name == "checkpoint_restore" else {"see", right_of(name)}
    assert call(Caller(*a_token(person, seen)), name).status_code in {200, 201, 202, 204}


@every_route
def test_who_has_every_right_but_this_one_is_refused(name):
    a_role(*(access.RIGHTS.keys() - {right_of(name)}), name="nearly")
    caller = Caller(*a_token(a_person("nearly")))
    answer = call(caller, name)
    assert answer.status_code in ({404, 403} if right_of(name) == "see" else {403})


@every_route
def test_an_outsider_finds_nothing(name):
    caller = Caller(*a_token(an_outsider("eve")))
    answer = call(caller, name)
    problem(answer, 404 if EXAMPLES[name].noun and EXAMPLES[name].noun not in {"verification", "upload"} else 403)
    assert not Operation.objects.filter(requested_by=caller.user).exists()


@every_route
def test_an_admin_of_another_team_finds_nothing_of_this_one(name):
    caller = Caller(*a_token(a_person("admin", team=a_team())))
    noun, answer = EXAMPLES[name].noun, call(caller, name, owner=an_admin("ada"))
    if noun and noun not in OF_THE_HOUSE:
        problem(answer, 404, "not-found")
    elif not noun and answer.status_code == 200 and name not in {"audit_export"}:
        others = answer.json()["items"]
        assert noun in OF_THE_HOUSE or name in {"host_list", "image_list", "verification_list"} or others == []


@every_route
def test_a_viewer_may_look_and_nothing_more(name):
    caller = Caller(*a_token(a_user("vera")))
    allowed = access.may(caller.user, right_of(name))
    answer = call(caller, name)
    assert answer.status_code in ({200} if allowed else {403})
    assert not Operation.objects.filter(requested_by=caller.user).exists()


@every_route
def test_nobody_comes_in_without_a_token(name, stranger):
    path, _ = make(name, a_user())
    answer = stranger.generic(ROUTES[name][0], f"/api/v1{path}", headers={"X-Request-ID": "12345678"})
    problem(answer, 401, "not-authenticated")


def test_numbers_that_are_not_there_and_those_of_others_are_the_same(db):
    caller = Caller(*a_token(a_person("operator", team=a_team())))
    path, _ = make("container_detail", caller.user)
    others = problem(caller.get(path), 404)
    nobodys = problem(caller.get(re.sub(r"[0-9]+", "999999", path)), 404)
    assert {**others, "request_id": ""} == {**nobodys, "request_id": ""}
