"""One action on many containers: what it hits and what is left out, and as many operations as containers."""

import uuid

import pytest

from containers_app.models import AuditEvent, Operation
from tests.builders import a_container, a_host, an_operation

from .conftest import fragment, words


def ticked(*containers):
    return [container.pk for container in containers]


def press(client, verb, containers, key=None, **values):
    return client.post(
        "/containers/bulk/",
        {"verb": verb, "container": ticked(*containers), "request_key": key or uuid.uuid4(), **values},
    )


def test_twenty_containers_are_twenty_operations_with_one_summary_however_often_it_is_pressed(operator):
    loopers, key = [a_container() for _ in range(20)], uuid.uuid4()
    for _ in range(3):
        assert press(operator, "stop", loopers, key).url == f"/operations/batch/{key}/"
    made = Operation.objects.all()
    assert len(made) == 20 and {operation.batch for operation in made} == {key}
    assert {operation.container_id for operation in made} == set(ticked(*loopers))
    assert AuditEvent.objects.filter(action="stop.requested").count() == 20


@pytest.mark.parametrize("verb", ["start", "stop", "restart", "pause", "unpause", "checkpoint", "kill", "remove"])
def test_each_action_is_asked_for_where_it_is_possible(operator, verb):
    state = {"start": "exited", "unpause": "paused", "remove": "exited"}.get(verb, "running")
    press(operator, verb, [a_container(state=state)])
    assert Operation.objects.get().kind == verb


def test_what_cannot_take_it_is_named_and_left_out(operator):
    runs, stands, busy = a_container(name="runs"), a_container(name="stands", state="exited"), a_container(name="busy")
    an_operation(container=busy)
    query = {"verb": "kill", "container": ticked(runs, stands, busy)}
    page = operator.get("/containers/bulk/", query)
    text = words(page)
    assert "Kill 1 container" in text and "stands it is exited" in text and "busy checkpoint is queued" in text
    assert page.content.decode().count('name="container"') == 1
    assert Operation.objects.count() == 1, "asking alone does nothing"


def test_what_changed_in_between_is_left_out_and_said(operator):
    runs, ended = a_container(name="runs"), a_container(name="ended", state="exited")
    response = operator.post(
        "/containers/bulk/",
        {"verb": "kill", "container": ticked(runs, ended), "request_key": uuid.uuid4()},
        follow=True,
    )
    assert Operation.objects.get().container == runs
    assert "Left out, because they can no longer: ended." in words(response)


def test_when_nothing_can_take_it_nothing_is_asked_for(operator):
    response = press(operator, "kill", [a_container(state="exited")])
    assert response.status_code == 409 and "nothing left to kill" in words(response)
    assert not Operation.objects.exists()


def test_kill_all_lists_what_it_hits_and_asks_for_the_number(operator):
    loopers = [a_container(name=f"looper-{number}") for number in range(3)]
    a_container(name="still", state="exited")
    text = words(operator.get("/containers/bulk/", {"verb": "kill", "all": "on"}))
    assert "Kill all 3" in text and "Type 3 to confirm" in text and "looper-2" in text and "still it is exited" in text
    wrong = press(operator, "kill", loopers, all="on", count="4")
    assert wrong.status_code == 422 and "type that number" in words(wrong) and not Operation.objects.exists()
    press(operator, "kill", loopers, all="on", count="3")
    assert Operation.objects.count() == 3


def test_remove_all_takes_what_runs_by_force(operator):
    runs, still = a_container(), a_container(state="exited")
    text = words(operator.get("/containers/bulk/", {"verb": "remove", "all": "on", "force": "on"}))
    assert "Remove all 2" in text and "what runs is killed first" in text
    press(operator, "remove", [runs, still], all="on", count="2", force="on")
    assert [operation.options for operation in Operation.objects.all()] == [{"force": True}] * 2


def test_remove_leaves_out_what_runs_and_offers_force(operator):
    runs, still = a_container(name="runs"), a_container(state="exited")
    text = words(operator.get("/containers/bulk/", {"verb": "remove", "container": ticked(runs, still)}))
    assert "Remove 1 container" in text and "Kill and remove it as well" in text


def test_all_is_all_of_one_host_where_one_is_chosen(operator):
    a_container(name="here"), a_container(name="there", host=a_host("second"))
    text = words(operator.get("/containers/bulk/", {"verb": "kill", "all": "on", "host": a_host("second").pk}))
    assert "there" in text and "Kill all 1" in text


def test_it_is_a_dialog_and_a_page(operator):
    container = a_container()
    part = fragment(operator, "/containers/bulk/", "dialog", verb="stop", container=container.pk)
    assert b"<html" not in part.content and b'id="dialog_title"' in part.content


def test_a_viewer_may_not_and_a_stranger_is_asked_to_sign_in(viewer, stranger):
    container = a_container()
    assert press(viewer, "kill", [container]).status_code == 403
    assert press(stranger, "kill", [container]).status_code == 302
    assert viewer.get("/containers/bulk/", {"verb": "kill", "all": "on"}).status_code == 403
    assert "Tick" not in words(viewer.get("/")) and not Operation.objects.exists()


def test_nonsense_is_no_action(operator):
    for verb in ("", "exec", "checkpoint; rm", "prune"):
        assert operator.get("/containers/bulk/", {"verb": verb}).status_code == 422
    assert press(operator, "stop", []).status_code == 409
    assert operator.post("/containers/bulk/", {"verb": "stop", "container": ["x", "9" * 40]}).status_code == 422
