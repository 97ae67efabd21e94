"""The dialog that says what a restore will become, and asks for it."""

import uuid

import pytest

from containers_app.models import AuditEvent, Operation
from tests.builders import FACTS, a_checkpoint, a_container, a_host, ago

from .conftest import fragment, queries, send, words


@pytest.fixture
def still(db):
    """A checkpoint whose container stands still since."""
    taken = ago(minutes=1)
    container = a_container(name="looper", state="exited", checkpointed_at=taken)
    return a_checkpoint(container=container, dumped_at=taken, options={"tcp_established": True})


@pytest.fixture
def running(db):
    return a_checkpoint(container=a_container(name="looper"))


def url(checkpoint):
    return f"/catalog/{checkpoint.pk}/restore/"


def filled(**values):
    return {"request_key": str(uuid.uuid4()), "as_new": "", "name": "", "publish": "", **values}


def test_a_stranger_is_asked_to_sign_in(stranger, still):
    assert stranger.get(url(still)).status_code == stranger.post(url(still), filled()).status_code == 302
    assert not Operation.objects.exclude(kind="checkpoint").exists()


def test_a_viewer_may_not(viewer, still):
    assert viewer.get(url(still)).status_code == viewer.post(url(still), filled()).status_code == 403
    assert not Operation.objects.exclude(kind="checkpoint").exists()
    refused = AuditEvent.objects.filter(action="request.refused")
    assert {(event.checkpoint, event.sentence) for event in refused} == {
        (still, f"was refused: checkpoint restore, {still}")
    }


def test_one_that_stands_still_goes_on_in_place_with_the_options_of_its_checkpoint(operator, still):
    response = operator.get(url(still))
    assert "looper stands still since this checkpoint: it goes on in place." in words(response)
    form = response.context["form"]
    assert form["tcp_established"].value() and not form["file_locks"].value() and form["as_new"].value() == ""
    response = operator.post(url(still), filled(tcp_established="on"))
    operation = Operation.objects.get(kind="restore")
    assert response.url == f"/containers/{still.container.pk}/"
    assert (operation.container, operation.target_name) == (still.container, "")
    assert operation.options["flags"]["tcp_established"] is True


def test_beside_a_running_one_only_a_new_container_is_offered(operator, running):
    response = operator.get(url(running))
    assert "looper is running" in words(response)
    assert 'name="as_new" value="on"' in response.content.decode()
    assert 'name="as_new" value=""' not in response.content.decode()
    assert response.context["form"].initial["name"] == "looper-2"


def test_a_new_container_is_watched_from_its_operation(operator, running):
    values = filled(as_new="on", name="clone", publish="18081:8080")
    response = send(operator, url(running), **values)
    operation = Operation.objects.get(kind="restore")
    assert response["HX-Redirect"] == f"/operations/{operation.pk}/"
    assert (operation.container, operation.target_name) == (None, "clone")
    assert operation.options["flags"]["publish"] == ["18081:8080"]


def test_the_name_of_a_new_container_does_not_count_under_its_own(operator, still):
    operator.post(url(still), filled(name="ignored", publish="1:1"))
    operation = Operation.objects.get(kind="restore")
    assert operation.target_name == "" and operation.options["flags"]["publish"] == []


@pytest.mark.parametrize("name", ["", "two words", "--rm"])
def test_a_name_that_cannot_be_used_is_told_beside_the_field(operator, running, name):
    response = send(operator, url(running), **filled(as_new="on", name=name, file_locks="on"))
    assert response.status_code == 422 and b'id="id_name_error"' in response.content
    assert response.context["form"]["file_locks"].value()
    assert not Operation.objects.filter(kind="restore").exists()


def test_a_taken_name_is_told(operator, running):
    response = operator.post(url(running), filled(as_new="on", name="looper"))
    assert response.status_code == 409 and "The name looper is taken" in words(response)


def test_under_its_own_name_while_that_is_taken_is_told(operator, running):
    response = operator.post(url(running), filled())
    assert response.status_code == 409 and "looper is running" in words(response)


def test_the_same_press_twice_is_one_operation(operator, running):
    values = filled(as_new="on", name="clone")
    assert operator.post(url(running), values).url == operator.post(url(running), values).url
    assert Operation.objects.filter(kind="restore").count() == 1


def test_options_that_the_hosts_podman_lacks_are_not_offered(operator):
    host = a_host("old", facts={**FACTS, "flags": {"checkpoint": [], "restore": ["--file-locks"]}})
    text = words(operator.get(url(a_checkpoint(container=a_container(host=host)))))
    assert "--file-locks" in text and "--tcp-established" not in text


def test_it_says_that_the_agent_is_away(operator):
    host = a_host("gone", worker_seen_at=ago(hours=1))
    checkpoint = a_checkpoint(container=a_container(host=host))
    assert "The restore waits until it is back" in words(operator.get(url(checkpoint)))


def test_the_dialog_is_a_page_too(operator, still):
    assert b"<html" in operator.get(url(still)).content
    assert b"<html" not in fragment(operator, url(still), "dialog").content


def test_it_takes_few_queries(operator, running):
    assert queries(operator, url(running)) <= 12


def test_several_copies_are_one_press_and_one_summary(operator, running):
    values = filled(as_new="on", name="copy-{n}", publish="18080:80", copies="3")
    response = operator.post(url(running), values)
    assert response.url == f"/operations/batch/{values['request_key']}/"
    assert Operation.objects.filter(batch=values["request_key"]).count() == 3
    assert operator.post(url(running), values).url == response.url
    assert Operation.objects.filter(kind="restore").count() == 3


def test_under_its_own_name_there_are_no_copies(operator, still):
    response = send(operator, url(still), **filled(copies="5"))
    assert response.status_code == 422 and response.context["form"].errors.keys() == {"copies"}


def test_what_is_in_the_way_of_copies_stands_beside_its_field(operator, running):
    a_container(name="copy-2")
    response = send(operator, url(running), **filled(as_new="on", name="copy-{n}", copies="3"))
    assert response.status_code == 422 and response.context["form"].errors.keys() == {"name"}
    response = send(operator, url(running), **filled(as_new="on", name="c", copies="51"))
    assert response.status_code == 422 and response.context["form"].errors.keys() == {"copies"}
    assert not Operation.objects.filter(kind="restore").exists()


def test_with_one_host_there_is_none_to_choose(operator, still):
    assert b'name="host"' not in operator.get(url(still)).content


def test_another_host_takes_it_under_its_own_name_though_it_runs_here(operator, running):
    other = a_host(name="other")
    assert "looper is running" in words(operator.get(url(running)))
    response = operator.get(url(running), {"host": other.pk})
    assert "It comes to other under its own name and ID." in words(response)
    response = operator.post(url(running), filled(host=other.pk))
    operation = Operation.objects.get(kind="restore")
    assert (operation.host, operation.container, operation.target_name) == (other, None, "looper")
    assert operation.options["flags"]["name"] == ""
    assert response.url == f"/operations/{operation.pk}/"


def test_names_and_ports_are_those_of_the_chosen_host(operator, running):
    other = a_host(name="other")
    a_container(host=other, name="there", ports=["18080:80/tcp"])
    wanted = filled(host=other.pk, as_new="on")
    assert operator.post(url(running), {**wanted, "name": "there"}).status_code == 409
    assert operator.post(url(running), {**wanted, "name": "free", "publish": "18080:80"}).status_code == 422
    here = filled(as_new="on", name="there", publish="18080:80")
    assert operator.post(url(running), here).status_code == 302
    assert Operation.objects.get(kind="restore").host == running.host


def test_its_own_name_is_refused_where_another_has_it(operator, running):
    other = a_host(name="other")
    a_container(host=other, name="looper")
    response = operator.post(url(running), filled(host=other.pk))
    assert response.status_code == 409 and "other has looper already" in words(response)
