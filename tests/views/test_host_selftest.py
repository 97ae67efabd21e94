"""The press of a host's self-test, and what its page tells of those before."""

import uuid

from containers_app.models import Operation, SelfTest
from containers_app.services import selftests
from tests.builders import a_host, ago, an_operation

from .conftest import words


def press(client, host, key=None):
    return client.post(f"/hosts/{host.pk}/selftest/", {"request_key": key or uuid.uuid4()})


def a_selftest(host, **values):
    operation = an_operation(kind="selftest", host=host, container=None, state="succeeded")
    values = {"finished_at": ago(hours=1), "passed": True, "versions": selftests.versions_of(host), **values}
    return SelfTest.objects.create(host=host, operation=operation, **values)


def test_an_operator_presses_it_once(operator):
    host, key = a_host(), uuid.uuid4()
    for _ in range(2):
        response = press(operator, host, key)
        assert response.url == f"/operations/{Operation.objects.get().pk}/"
    assert "Self-test of local" in words(operator.get(response.url))
    assert press(operator, host).status_code == 409


def test_a_viewer_may_not(viewer):
    host = a_host()
    assert press(viewer, host).status_code == 403
    assert "Run the self-test" not in words(viewer.get(f"/hosts/{host.pk}/"))


def test_the_host_tells_what_was_proven_and_what_failed_at_which_step(viewer):
    host = a_host()
    a_selftest(host, frozen_us=64_000, restore_us=310_000)
    a_selftest(host, passed=False, step="restoring", finished_at=ago(minutes=1))
    text = words(viewer.get(f"/hosts/{host.pk}/"))
    assert "Podman 4.3.1, CRIU 4.2.1 runc 1.1.5, kernel 6.18.5: proven here on" in text
    assert "failed restoring" in text and "passed 64" in text
