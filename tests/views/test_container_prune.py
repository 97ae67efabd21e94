"""Podman's prune: what it would take, and one operation."""

import uuid

from containers_app.models import Operation
from tests.builders import a_container, a_host, an_operation

from .conftest import send, words


def test_it_lists_what_it_takes_and_asks(operator):
    a_container(name="ended", state="exited"), a_container(name="new", state="created"), a_container(name="runs")
    text = words(operator.get("/containers/prune/"))
    assert "ended" in text and "new" in text and "runs" not in text.split("Prune local")[1].split("Lost")[0]
    assert not Operation.objects.exists()


def test_an_operator_presses_it_once(operator):
    host, key = a_host(), uuid.uuid4()
    for _ in range(2):
        response = send(operator, "/containers/prune/", host=host.pk, request_key=key)
        assert response["HX-Redirect"] == f"/operations/{Operation.objects.get().pk}/"
    assert Operation.objects.get().kind == "prune"
    assert "Prune local" in words(operator.get(f"/operations/{Operation.objects.get().pk}/"))


def test_it_is_no_container_that_is_coming(operator):
    send(operator, "/containers/prune/", host=a_host().pk, request_key=uuid.uuid4())
    assert "not there yet" not in words(operator.get("/"))


def test_it_waits_for_what_is_busy(operator):
    busy = a_container(name="busy", state="exited")
    an_operation(container=busy, kind="restore")
    response = send(operator, "/containers/prune/", host=busy.host.pk, request_key=uuid.uuid4())
    assert response.status_code == 409 and "busy is busy" in words(response)


def test_a_viewer_may_not_and_no_host_is_not_found(viewer, operator):
    assert operator.get("/containers/prune/").status_code == 404
    a_host()
    assert viewer.get("/containers/prune/").status_code == 403
