"""The dialog that says what a checkpoint will do, and asks for it."""

import uuid

import pytest

from containers_app.models import AuditEvent, Operation
from tests.builders import FACTS, a_container, a_host, an_operation

from .conftest import fragment, queries, send, words


@pytest.fixture
def container(db):
    return a_container(name="looper")


def url(container):
    return f"/containers/{container.pk}/checkpoint/"


def filled(**values):
    return {"request_key": str(uuid.uuid4()), "mode": "stop", "name": "", "note": "", "tags": "", **values}


def test_a_stranger_is_asked_to_sign_in(stranger, container):
    assert stranger.get(url(container)).status_code == 302
    assert stranger.post(url(container), filled()).status_code == 302
    assert not Operation.objects.exists()


def test_a_viewer_may_not(viewer, container):
    assert viewer.get(url(container)).status_code == 403
    response = viewer.post(url(container), filled())
    assert response.status_code == 403 and "You may look" in words(response)
    assert not Operation.objects.exists()


def test_it_says_what_happens_and_what_will_run(operator, container):
    text = words(operator.get(url(container)))
    assert "stand still from the dump on" in text and "--tcp-established" in text
    assert "podman container checkpoint" in text
    assert operator.get(url(container)).context["form"].initial["name"] == "looper 1"


def test_the_command_follows_the_ticks(operator, container):
    response = fragment(operator, url(container), "command_preview", mode="keep_running", file_locks="on")
    assert b"--leave-running" in response.content and b"--file-locks" in response.content
    assert b"<form" not in response.content


def test_memory_beforehand_is_offered_only_where_the_kernel_tracks_what_changes(operator, container):
    page = operator.get(url(container)).content
    assert b'name="pre_checkpoint"' not in page
    response = send(operator, url(container), **filled(pre_checkpoint="on"))
    assert not Operation.objects.get().options["flags"]["pre_checkpoint"], f"it is not even read: {response}"
    other = a_container(host=a_host("tracks", facts={**FACTS, "dirty_tracking": True}), name="redis")
    assert b'name="pre_checkpoint"' in operator.get(url(other)).content
    preview = words(fragment(operator, url(other), "command_preview", pre_checkpoint="on"))
    assert "--pre-checkpoint --ignore-rootfs" in preview and "--with-previous" in preview
    image = operator.get(f"/containers/{other.pk}/checkpoint-image/")
    assert b'name="pre_checkpoint"' not in image.content


def test_an_operator_asks_for_one(operator, container):
    values = filled(name="warm", note="before", tags="redis, v-1", mode="keep_running", tcp_established="on")
    response = operator.post(url(container), values)
    assert response.status_code == 302 and response.url == f"/containers/{container.pk}/"
    operation = Operation.objects.get()
    assert (operation.kind, operation.state, operation.requested_by) == ("checkpoint", "queued", operator.user)
    assert operation.options["name"] == "warm" and operation.options["tags"] == ["redis", "v-1"]
    flags = operation.options["flags"]
    assert flags["leave_running"] and flags["tcp_established"] and not flags["file_locks"]
    event = AuditEvent.objects.get(action="checkpoint.requested")
    assert (event.actor, event.address, event.source) == (operator.user, "127.0.0.1", "page")
    assert event.request_id == response["X-Request-ID"] == operation.request_id


def test_htmx_is_sent_on_to_the_container(operator, container):
    response = send(operator, url(container), **filled())
    assert response.status_code == 200 and response["HX-Redirect"] == f"/containers/{container.pk}/"


def test_the_same_press_twice_is_one_operation(operator, container):
    values = filled()
    first, second = operator.post(url(container), values), operator.post(url(container), values)
    assert first.status_code == second.status_code == 302
    assert Operation.objects.count() == 1


def test_what_cannot_be_used_stays_filled_in_with_its_message_beside_the_field(operator, container):
    response = send(operator, url(container), **filled(tags="a!b", note="<b>keep me</b>", file_locks="on"))
    text = response.content.decode()
    assert response.status_code == 422 and "is not a tag" in text and 'id="id_tags_error"' in text
    assert "&lt;b&gt;keep me" in text and "<html" not in text and 'value="a!b"' in text
    assert response.context["form"]["file_locks"].value()
    assert not Operation.objects.exists()


def test_a_name_that_is_too_long_is_refused(operator, container):
    assert operator.post(url(container), filled(name="x" * 121)).status_code == 422


def test_a_container_that_does_not_run_says_why_not(operator):
    created = a_container(name="fresh", state="created")
    response = operator.get(url(created))
    assert response.status_code == 409 and "fresh is created: there is nothing to checkpoint" in words(response)
    response = operator.post(url(created), filled())
    assert response.status_code == 409 and "not running" in words(response)


def test_a_container_that_is_busy_says_with_what(operator, container):
    an_operation(container=container, kind="kill")
    assert "busy: kill is queued" in words(operator.get(url(container)))
    response = send(operator, url(container), **filled())
    assert response.status_code == 409 and "busy with another operation" in words(response)


def test_options_that_the_hosts_podman_lacks_are_not_offered(operator):
    host = a_host("old", facts={**FACTS, "flags": {"checkpoint": ["--leave-running"], "restore": []}})
    response = operator.get(url(a_container(host=host)))
    assert "--tcp-established" not in words(response)


def test_it_takes_few_queries(operator, container):
    assert queries(operator, url(container)) <= 12
